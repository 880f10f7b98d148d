//! The search index: what is found, pages under a growing log, erasure, rebuilding, fsck.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use common::*;
use placet_ledger::index::{Filter, Hit, Page};
use placet_ledger::service::Carried;
use placet_ledger::{Dir, Error, LogId, fsck};
use placet_proto::document::Verdict;
use proptest::prelude::*;

fn search(f: &Fixture, filter: &Filter) -> Vec<(LogId, u64, String)> {
    pages(f, filter, 200).into_iter().flat_map(|page| page.hits).map(named).collect()
}

fn named(hit: Hit) -> (LogId, u64, String) {
    (hit.log, hit.index, hit.kind)
}

/// All pages of a search.
fn pages(f: &Fixture, filter: &Filter, limit: usize) -> Vec<Page> {
    let index = f.ledger.index();
    let mut out = vec![index.search(filter, None, limit).unwrap()];
    while let Some(next) = out.last().unwrap().next.clone() {
        let cursor = index.cursor(&next, filter).unwrap();
        out.push(index.search(filter, Some(&cursor), limit).unwrap());
    }
    out
}

fn decide(f: &Fixture, id: &str, agent: &str) -> String {
    let mut decision = f.decision(1);
    decision.action = action(id);
    decision.initiator.id = agent.to_owned();
    f.ledger.create(decision, Carried::default()).unwrap()
}

#[test]
fn entries_are_found_by_all_that_they_have() {
    let f = Fixture::new();
    let mut alice = f.bootstrap("Alice");
    let request = f.request(1);
    let other = decide(&f, "X0002", "other-agent");
    f.answer(&request, &mut alice, false);
    f.answer(&other, &mut alice, true);
    f.ledger.consume(&f.consume(&request)).unwrap();
    f.ledger.outcome(&f.report(&request)).unwrap();

    let kinds = |filter: Filter| -> Vec<String> {
        search(&f, &filter).into_iter().map(|(_, _, kind)| kind).collect()
    };
    let all = ["outcome", "execution", "approval", "decision"];
    assert_eq!(kinds(Filter { request: Some(request.clone()), ..Filter::default() }), all);
    let digest = Some(action("X0001").digest());
    assert_eq!(kinds(Filter { digest, ..Filter::default() }), all);
    let approver = Some(alice.id.clone());
    let by = Filter { approver, ..Filter::default() };
    assert_eq!(kinds(by.clone()), ["denial", "approval"]);
    let denials = Filter { kind: Some("denial".into()), ..by };
    assert_eq!(kinds(denials), ["denial"]);
    let credential = Some(alice.key.credential_id().to_vec());
    let by_key = Filter { credential, ..Filter::default() };
    assert_eq!(kinds(by_key), ["denial", "approval", "enrolment"]);
    let person = Some(alice.id.clone());
    assert_eq!(kinds(Filter { person, ..Filter::default() }), ["denial", "approval", "enrolment"]);
    for agent in ["other-agent", "agent/other-agent"] {
        let agent = Some(agent.to_owned());
        assert_eq!(kinds(Filter { agent, ..Filter::default() }), ["denial", "decision"]);
    }
    let gov = Filter { log: Some(LogId::Gov), ..Filter::default() };
    assert_eq!(kinds(gov), ["enrolment", "policy", "key", "genesis"]);
    let nothing = Filter { session: Some("s".into()), ..Filter::default() };
    assert_eq!(kinds(nothing), [""; 0]);
}

#[test]
fn a_session_is_found_by_the_context_of_its_actions() {
    let f = Fixture::new();
    let mut decision = f.decision(1);
    let text = r#"{"subject":{"type":"user","id":"a"},"action":{"name":"n"},
        "resource":{"type":"t","id":"r"},"context":{"session_id":"run-77"}}"#;
    let json = placet_proto::json::parse(text.as_bytes()).unwrap();
    decision.action = placet_proto::action::Action::from_request(&json).unwrap();
    f.ledger.create(decision, Carried::default()).unwrap();
    f.request(1);
    let filter = Filter { session: Some("run-77".into()), ..Filter::default() };
    assert_eq!(search(&f, &filter).len(), 1);
}

#[test]
fn time_bounds_are_half_open_and_by_the_ledgers_clock() {
    let f = Fixture::new();
    let before = f.request(1);
    f.clock.forward(10_000);
    let from = f.ledger.now();
    let within = f.request(1);
    f.clock.forward(10_000);
    let to = f.ledger.now();
    f.request(1);
    let found = |from, to| {
        let kind = Some("decision".to_owned());
        let filter = Filter { kind, from, to, ..Filter::default() };
        let hits = pages(&f, &filter, 1).into_iter().flat_map(|page| page.hits);
        hits.map(|h| h.statement.unwrap().document.body.request().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(Some(from), Some(to)), std::slice::from_ref(&within));
    assert_eq!(found(None, Some(to)), [within, before.clone()]);
    assert_eq!(found(None, Some(from)), [before]);
    assert_eq!(found(Some(to), Some(from)), [""; 0]);
}

// SPEC.md R-10-32.
#[test]
fn the_file_holds_nothing_readable() {
    let f = Fixture::new();
    let alice = f.bootstrap("Alice");
    let request = decide(&f, "X0001", "rumpelstilzchen");
    f.ledger.index().catch_up(LogId::Main).unwrap();
    f.ledger.index().catch_up(LogId::Gov).unwrap();
    let digest = action("X0001").digest();
    for needle in [&b"rumpelstilzchen"[..], request.as_bytes(), alice.id.as_bytes(), &digest] {
        for name in ["index.sqlite", "index.sqlite-wal"] {
            let bytes = std::fs::read(f.tmp.path().join("d").join(name)).unwrap();
            assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{name}");
        }
    }
}

// SPEC.md R-10-32.
#[test]
fn what_is_erased_is_found_no_more_and_a_rebuild_says_the_same() {
    let f = Fixture::new();
    let mut alice = f.bootstrap("Alice");
    let request = f.request(1);
    let kept = decide(&f, "X0002", "agent-2");
    f.answer(&request, &mut alice, false);
    let main = f.ledger.log(LogId::Main);
    let index = f.ledger.index();
    let filter = Filter { request: Some(request.clone()), ..Filter::default() };
    let hits = search(&f, &filter);
    assert_eq!(hits.len(), 2);
    let decision = hits[1].1;
    main.erase(decision).unwrap();
    // Even before the rows are gone, the log decides.
    assert_eq!(search(&f, &filter).len(), 1);
    assert_eq!(findings(&f), ["index.not_erased"]);
    index.erase_rows(LogId::Main, decision).unwrap();
    index.erase_rows(LogId::Main, 1 << 40).unwrap();
    assert_eq!(findings(&f), [""; 0]);
    assert_eq!(search(&f, &filter).len(), 1);
    let erased = Filter { kind: Some("erased".into()), ..Filter::default() };
    assert_eq!(search(&f, &erased), [(LogId::Main, decision, "erased".to_owned())]);
    let entry = main.entry(decision).unwrap();
    assert_eq!(index.find(LogId::Main, &entry).unwrap(), Some(decision));

    let incremental = index.dump().unwrap();
    index.rebuild().unwrap();
    assert_eq!(index.dump().unwrap(), incremental);
    let f = f.reopen(|root| std::fs::remove_file(root.join("index.sqlite")).unwrap());
    for id in LogId::ALL {
        f.ledger.index().catch_up(id).unwrap();
    }
    assert_eq!(f.ledger.index().dump().unwrap(), incremental);
    let filter = Filter { request: Some(kept), ..Filter::default() };
    assert_eq!(search(&f, &filter).len(), 1);
}

#[test]
fn a_damaged_or_foreign_file_is_made_again() {
    let f = Fixture::new();
    f.request(1);
    let dump = |f: &Fixture| {
        LogId::ALL.into_iter().for_each(|id| f.ledger.index().catch_up(id).unwrap());
        f.ledger.index().dump().unwrap()
    };
    let before = dump(&f);
    let f = f.reopen(|root| std::fs::write(root.join("index.sqlite"), [7; 9000]).unwrap());
    assert_eq!(dump(&f), before);
    let f = f.reopen(|root| {
        // An index of before, with a table of the same name and other columns.
        std::fs::remove_file(root.join("index.sqlite")).unwrap();
        sql(root, "CREATE TABLE term (a TEXT); CREATE TABLE meta (a TEXT)");
    });
    assert_eq!(dump(&f), before);
    // With another key all terms are others, and as many.
    let f = f.reopen(|root| std::fs::remove_file(root.join("keys/index")).unwrap());
    let after = dump(&f);
    assert_eq!(after.len(), before.len());
    assert_ne!(after, before);
    assert_eq!(search(&f, &Filter { kind: Some("decision".into()), ..Filter::default() }).len(), 1);
}

fn sql(root: &std::path::Path, text: &str) {
    let connection = rusqlite::Connection::open(root.join("index.sqlite")).unwrap();
    connection.execute_batch(text).unwrap();
}

fn findings(f: &Fixture) -> Vec<&'static str> {
    let dir = Dir::open_read_only(&f.tmp.path().join("d")).unwrap();
    let reports = fsck::check(&dir).unwrap();
    reports.into_iter().flat_map(|r| r.findings).map(|finding| finding.code).collect()
}

#[test]
fn fsck_finds_each_difference() {
    let mut f = Fixture::new();
    f.request(1);
    f.ledger.index().catch_up(LogId::Main).unwrap();
    f.ledger.index().catch_up(LogId::Gov).unwrap();
    assert_eq!(findings(&f), [""; 0]);
    let size = f.ledger.log(LogId::Main).size();
    for (change, code) in [
        (format!("UPDATE indexed SET size = {} WHERE log = 0", size + 9), "index.ahead"),
        ("DELETE FROM entry WHERE log = 0 AND entry = 3".into(), "index.missing"),
        ("DELETE FROM term WHERE log = 0 AND entry = 2".into(), "index.missing"),
        ("UPDATE entry SET at = 1 WHERE log = 0 AND entry = 3".into(), "index.wrong"),
        ("UPDATE entry SET kind = 'denial' WHERE log = 0 AND entry = 3".into(), "index.wrong"),
        ("INSERT INTO term VALUES (17, 0, 3)".into(), "index.stray"),
        ("DROP TABLE entry".into(), "index.unreadable"),
    ] {
        let root = f.tmp.path().join("d");
        std::fs::copy(root.join("index.sqlite"), f.tmp.path().join("kept")).ok();
        // The file is closed while it is changed, as after a crash.
        let mut found = Vec::new();
        f = f.reopen(|root| {
            sql(root, &change);
            let dir = Dir::open_read_only(root).unwrap();
            let reports = fsck::check(&dir).unwrap();
            found = reports.into_iter().flat_map(|r| r.findings).map(|f| f.code).collect();
            std::fs::remove_file(root.join("index.sqlite")).unwrap();
        });
        assert!(found.contains(&code), "{change}: {found:?}");
        LogId::ALL.into_iter().for_each(|id| f.ledger.index().catch_up(id).unwrap());
        assert_eq!(findings(&f), [""; 0]);
    }
}

// SPEC.md R-10-32.
#[test]
fn a_cursor_gives_the_same_page_while_the_log_grows() {
    let f = Fixture::new();
    for n in 0..20 {
        decide(&f, "X0001", &format!("agent-{}", n % 3));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                match f.ledger.create(f.decision(1), Carried::default()) {
                    Err(Error::Busy) => {}
                    other => drop(other.unwrap()),
                }
            }
        });
        for agent in [None, Some("agent-1".to_owned())] {
            let filter = Filter { agent, ..Filter::default() };
            let first = pages(&f, &filter, 3);
            let bounds = first[0].indexed_to;
            for page in &first {
                assert_eq!(page.indexed_to, bounds);
                let Some(next) = &page.next else { continue };
                let cursor = f.ledger.index().cursor(next, &filter).unwrap();
                let once = f.ledger.index().search(&filter, Some(&cursor), 3).unwrap();
                let again = f.ledger.index().search(&filter, Some(&cursor), 3).unwrap();
                assert_eq!(once, again);
            }
            let seen: Vec<_> =
                first.into_iter().flat_map(|p| p.hits).map(|h| (h.log, h.index)).collect();
            let distinct: BTreeSet<_> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_cursor_is_good_for_its_own_filter_only() {
    let f = Fixture::new();
    f.request(1);
    let index = f.ledger.index();
    let filter = Filter::default();
    let next = index.search(&filter, None, 1).unwrap().next.unwrap();
    assert!(index.cursor(&next, &filter).is_some());
    for other in [
        Filter { log: Some(LogId::Main), ..Filter::default() },
        Filter { kind: Some("decision".into()), ..Filter::default() },
        Filter { to: Some(f.ledger.now()), ..Filter::default() },
    ] {
        assert!(index.cursor(&next, &other).is_none());
    }
    for text in ["", "AA", &next[1..], &format!("{next}A"), &next.to_uppercase()] {
        assert!(index.cursor(text, &filter).is_none(), "{text}");
    }
}

/// One ledger for all cases, with a few of everything.
fn mixed() -> Fixture {
    let f = Fixture::new();
    let mut alice = f.bootstrap("Alice");
    for n in 0..30u64 {
        let request = decide(&f, &format!("X{}", n % 4), &format!("agent-{}", n % 5));
        if n % 3 == 0 {
            f.answer(&request, &mut alice, n % 2 == 0);
        }
        if n % 7 == 0 {
            let mut permit = f.decision(1);
            (permit.decision, permit.quorum, permit.not_after) = (Verdict::Permit, None, None);
            f.ledger.create(permit, Carried::default()).ok();
        }
        f.clock.forward(15);
    }
    f
}

// SPEC.md R-10-32.
#[test]
fn every_search_gives_what_reading_all_of_both_logs_gives() {
    let f = mixed();
    let everything = search(&f, &Filter::default());
    let total = f.ledger.log(LogId::Main).size() + f.ledger.log(LogId::Gov).size();
    assert_eq!(everything.len() as u64, total);
    let start = f.ledger.now().0 - 450;
    let strategy = (
        proptest::option::of(0..5u64),
        proptest::option::of(prop_oneof![Just("decision"), Just("approval"), Just("denial")]),
        proptest::option::of(0..4u64),
        proptest::option::of((0..480u64, 0..480u64)),
        1..40usize,
    );
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&strategy, |(agent, kind, id, time, limit)| {
            let filter = Filter {
                agent: agent.map(|n| format!("agent-{n}")),
                kind: kind.map(str::to_owned),
                digest: id.map(|n| action(&format!("X{n}")).digest()),
                from: time.map(|(from, _)| placet_proto::time::UnixSeconds(start + from)),
                to: time.map(|(_, to)| placet_proto::time::UnixSeconds(start + to)),
                ..Filter::default()
            };
            let found: Vec<_> =
                pages(&f, &filter, limit).into_iter().flat_map(|p| p.hits).map(named).collect();
            let expected: Vec<_> =
                everything.iter().filter(|hit| fits(&f, hit, &filter)).cloned().collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })
        .unwrap();
}

/// The filter by reading the statement, without the index.
fn fits(f: &Fixture, (log, index, kind): &(LogId, u64, String), filter: &Filter) -> bool {
    use placet_proto::document::Body;
    let placet_ledger::Statement::Present(bytes) = f.ledger.log(*log).statement(*index).unwrap()
    else {
        return false;
    };
    let statement = placet_proto::statement::Statement::parse(&bytes).unwrap();
    let (agent, digest) = match &statement.document.body {
        Body::Decision(d) => (Some(d.initiator.id.clone()), Some(d.action.digest())),
        Body::Approval(a) | Body::Denial(a) => {
            (Some(a.initiator.id.clone()), Some(a.action.digest()))
        }
        _ => (None, None),
    };
    let at = statement.header.iat;
    filter.kind.as_ref().is_none_or(|k| k == kind)
        && (filter.agent.is_none() || filter.agent == agent)
        && (filter.digest.is_none() || filter.digest == digest)
        && filter.from.is_none_or(|from| at >= from.0)
        && filter.to.is_none_or(|to| at < to.0)
}
