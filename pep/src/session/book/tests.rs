use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::rule::Source;
use super::*;

fn rule(window_s: u64) -> SessionRule {
    let volumes = [("records".to_owned(), Source::Parameter("records".to_owned()))];
    SessionRule { member: "session_id".to_owned(), window_s, volumes: BTreeMap::from(volumes) }
}

fn entry(session: u8, records: u64) -> Entry {
    Entry { session: [session; 32], agent: [0; 32], amounts: vec![records] }
}

fn permit(records: u64) -> Delta {
    Delta { decisions: 1, permits: 1, volumes: vec![records], ..Delta::default() }
}

fn records(seen: &SessionSeen) -> u64 {
    seen.count("records").unwrap()
}

#[test]
fn what_is_decided_counts_at_once_and_what_is_not_recorded_is_taken_back() {
    let book = Book::new(rule(600), 0);
    let (seen, first) = book.enter(&entry(1, 30), 1000, |seen| (seen.clone(), permit(30))).unwrap();
    assert_eq!((records(&seen), seen.count("permits")), (30, Some(0)));
    let (seen, second) =
        book.enter(&entry(1, 30), 1000, |seen| (seen.clone(), permit(30))).unwrap();
    assert_eq!((records(&seen), seen.count("permits")), (60, Some(1)));
    drop(second);
    first.settle(&permit(30), 1000);
    let look = |session, at| {
        book.enter(&entry(session, 0), at, |seen| (records(seen), Delta::default())).unwrap().0
    };
    assert_eq!((look(1, 1000), look(2, 1000)), (30, 0));
    // The slot from 1000 to 1010 is out of the window of 600 s at 1610.
    assert_eq!((look(1, 1609), look(1, 1610)), (30, 0));
}

// SPEC.md R-10-132.
#[test]
fn of_many_at_once_no_more_pass_than_the_limit_lets() {
    let book = Book::new(rule(600), 0);
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let one = || {
                    let (permitted, ticket) = book
                        .enter(&entry(1, 1), 1000, |seen| {
                            let permitted = records(seen) <= 10;
                            (permitted, if permitted { permit(1) } else { Delta::default() })
                        })
                        .unwrap();
                    if permitted {
                        ticket.settle(&permit(1), 1000);
                    }
                    usize::from(permitted)
                };
                scope.spawn(move || (0..20).map(|_| one()).sum::<usize>())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 10);
}

#[test]
fn sessions_are_bounded_for_each_agent_and_room_is_made_of_what_is_over() {
    let book = Book::new(rule(60), 0);
    let of = |n: u32, agent: u8| {
        let mut session = [0; 32];
        session[..4].copy_from_slice(&n.to_be_bytes());
        Entry { session, agent: [agent; 32], amounts: vec![0] }
    };
    let enter = |entry: &Entry, now| match book.enter(entry, now, |_| ((), permit(0))) {
        Ok(((), ticket)) => {
            ticket.settle(&permit(0), now);
            Ok(())
        }
        Err(refused) => Err(refused),
    };
    for n in 0..u32::try_from(MAX_OF_AGENT).unwrap() {
        enter(&of(n, 1), 1000).unwrap();
    }
    assert_eq!(enter(&of(5000, 1), 1000), Err(Refused::Full));
    assert_eq!(enter(&of(0, 1), 1000), Ok(()));
    assert_eq!(enter(&of(5000, 2), 1000), Ok(()));
    assert_eq!(enter(&of(5001, 1), 1100), Ok(()));
    assert!(lock(&book.table).sessions.len() < 10);

    let blind = Book::new(rule(60), 1060);
    let entered = blind.enter(&of(1, 1), 1059, |_| ((), permit(0))).map(drop);
    assert_eq!(entered, Err(Refused::Unknown));
    assert!(blind.enter(&of(1, 1), 1060, |_| ((), permit(0))).is_ok());
}

#[test]
fn without_a_member_that_names_it_an_initiator_has_one_session_whatever_it_says() {
    let alone = SessionRule { member: String::new(), ..rule(600) };
    let bot = placet_proto::document::Initiator { kind: "agent".to_owned(), id: "bot".to_owned() };
    let place = |rule: &SessionRule, context: &str| {
        let text = format!(
            r#"{{"subject":{{"type":"agent","id":"bot"}},"action":{{"name":"export"}},
               "resource":{{"type":"table","id":"t"}},"context":{context}}}"#
        );
        let json = placet_proto::json::parse(text.as_bytes()).unwrap();
        let action = placet_proto::action::Action::from_request(&json).unwrap();
        rule.entry(&action, &bot).unwrap().session
    };
    let said = r#"{"session_id":"a","":"b"}"#;
    assert_eq!(place(&alone, said), place(&alone, "{}"));
    assert_ne!(place(&rule(600), said), place(&rule(600), "{}"));
}

// An agent that had many sessions must not make a restart deny the others.
#[test]
fn of_a_log_only_what_counts_takes_room_and_who_had_too_many_is_blind_alone() {
    let of = |n: u32, agent: u8| {
        let mut session = [agent; 32];
        session[..4].copy_from_slice(&n.to_be_bytes());
        Entry { session, agent: [agent; 32], amounts: vec![0] }
    };
    let most = u32::try_from(MAX_OF_AGENT).unwrap();
    let look = |book: &Book, agent| {
        book.enter(&of(1, agent), 2000, |seen| (seen.count("decisions"), Delta::default()))
            .map(|(seen, _)| seen)
    };
    let mut book = Book::new(rule(60), 0);
    for n in 0..most {
        book.made_again(&of(n, 1), &permit(0), (1990, 2000, 2061)).unwrap();
        // As many in the window before.
        book.made_again(&of(most + n, 1), &permit(0), (1900, 2000, 2061)).unwrap();
    }
    assert_eq!(look(&book, 1), Ok(Some(1)));
    book.made_again(&of(5000, 1), &permit(0), (1990, 2000, 2061)).unwrap();
    book.made_again(&of(1, 2), &permit(0), (1990, 2000, 2061)).unwrap();
    assert_eq!(look(&book, 1), Err(Refused::Unknown));
    assert_eq!(look(&book, 2), Ok(Some(1)));
    let later = book.enter(&of(1, 1), 2061, |_| ((), Delta::default())).map(drop);
    assert_eq!(later, Ok(()));
}

proptest! {
    // SPEC.md R-10-131: what a book counts is what follows from the events.
    #[test]
    fn counts_equal_a_replay(
        window in prop::sample::select(vec![1u64, 59, 60, 61, 600, 3600]),
        events in prop::collection::vec((0u64..900, 0u8..3, 0u64..50, any::<bool>()), 1..60),
    ) {
        let live = Book::new(rule(window), 0);
        let width = window.div_ceil(60);
        let mut now = 10_000;
        let mut done: Vec<(u64, u8, u64)> = Vec::new();
        for (pause, session, amount, recorded) in events {
            now += pause;
            let counts = |at: u64| (at / width + 1) * width + window > now;
            let naive: Vec<u64> = done
                .iter()
                .filter(|(at, of, _)| *of == session && counts(*at))
                .map(|(_, _, amount)| *amount)
                .collect();
            let (seen, ticket) = live
                .enter(&entry(session, amount), now, |seen| (seen.clone(), permit(amount)))
                .unwrap();
            prop_assert_eq!(seen.count("permits").unwrap(), naive.len() as u64);
            prop_assert_eq!(records(&seen), naive.iter().sum::<u64>() + amount);
            if recorded {
                ticket.settle(&permit(amount), now);
                done.push((now, session, amount));
            }
        }
        // Made again, in whatever order.
        let again = Book::new(rule(window), 0);
        for (at, session, amount) in done.iter().rev() {
            again.count(&entry(*session, *amount), &permit(*amount), *at).unwrap();
        }
        for session in 0..3 {
            let look = |book: &Book| {
                book.enter(&entry(session, 0), now, |seen| (seen.clone(), Delta::default()))
                    .unwrap()
                    .0
            };
            prop_assert_eq!(look(&live), look(&again));
        }
    }
}
