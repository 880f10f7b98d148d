//! A folder of two logs that grow, and receivers that fail on demand.

use std::collections::VecDeque;
use std::path::PathBuf;

use placet_proto::event::{Format, HashKey, Profile};
use placet_proto::kind::LogRole;

use super::*;
use crate::checkpoint::Head;
use crate::export::run::{Exporter, Places};
use crate::export::status::Progress;
use crate::export::{Config, Error, source};
use crate::{Dir, Log, LogId, NewEntry};

const ORIGIN: &str = "example.com/log";

fn encoder() -> Encoder {
    Encoder::new(Format::Json, Profile::new(HashKey::new([7; 32]), []).unwrap())
}

/// An event whose line is this text.
pub(in crate::export) fn event(line: &str) -> Event {
    let mut encoded = encoder().test(ORIGIN, 1_700_000_000);
    encoded.line = line.as_bytes().to_vec();
    encoded.uid = placet_proto::b64::encode_hex(&placet_proto::sha256(line.as_bytes())[..16]);
    Event { role: LogRole::Main, origin: ORIGIN.into(), leaf: Some(3), encoded }
}

/// A folder whose logs can be made to grow.
pub(in crate::export) struct Ledger {
    _tmp: tempfile::TempDir,
    pub root: PathBuf,
    pub main: Arc<Log>,
    pub gov: Arc<Log>,
}

fn sign(origin: &'static str) -> impl Fn(&str) -> Result<Vec<u8>, String> + Send + Sync {
    move |text: &str| Ok(format!("{text}\n— {origin} AAAAAAAA\n").into_bytes())
}

impl Ledger {
    pub fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().join("d");
        let dir = Dir::init(&root).unwrap();
        let gov_origin = "example.com/log/gov";
        let main = Log::open(&dir, LogId::Main, ORIGIN, sign(ORIGIN)).unwrap();
        let gov = Log::open(&dir, LogId::Gov, gov_origin, sign(gov_origin)).unwrap();
        for log in [&main, &gov] {
            log.append((0..3).map(|n| NewEntry::plain(format!("first {n}"))).collect()).unwrap();
            publish(log, log.size(), "a");
        }
        Self { _tmp: tmp, root, main: Arc::new(main), gov: Arc::new(gov) }
    }

    pub fn grow(&self, entries: u64) {
        for n in 0..entries {
            self.main
                .append(vec![NewEntry::plain(format!("entry {} {n}", self.main.size()))])
                .unwrap();
        }
        publish(&self.main, self.main.size(), "b");
    }

    fn places(&self) -> Places {
        let state = Places::usual_state(&self.root);
        Places { dir: self.root.clone(), origin: ORIGIN.to_owned(), state }
    }

    fn source(&self) -> Source {
        std::fs::create_dir_all(self.places().state).unwrap();
        Source::open(&self.root, ORIGIN, &self.places().state).unwrap()
    }

    pub fn once(&self, toml: &str) -> Vec<(String, Ended)> {
        let config = Config::parse(toml, &self.root).unwrap();
        Exporter::start(&self.places(), &config, true).unwrap().run()
    }
}

/// `mark` makes notes of one size differ.
fn publish(log: &Log, size: u64, mark: &str) {
    let head = Head { origin: log.origin().to_owned(), size, root: log.root_at(size).unwrap() };
    let note = format!("{}\n— {} {mark}AAAAAAA\n", head.text(), log.origin());
    log.publish(note.as_bytes()).unwrap();
}

fn stream(source: &Source, role: LogRole, batch: usize, from: &Position) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = from.clone();
    loop {
        let before = out.len();
        let limits = Limits { count: batch, bytes: 1 << 20 };
        at = source
            .read(role, &at, limits, &mut |item| match item {
                Item::Leaf(leaf, _) => out.push(format!("leaf {}", leaf.index)),
                Item::Note(note) => {
                    out.push(format!("note {} {}..{}", note.sequence, note.first, note.size));
                }
            })
            .unwrap();
        assert!(out.len() - before <= batch);
        if out.len() == before {
            return out;
        }
    }
}

#[test]
fn the_stream_is_the_same_whatever_the_batches_and_follows_growth() {
    let ledger = Ledger::new();
    ledger.grow(4);
    publish(&ledger.main, 7, "c");
    let source = ledger.source();
    // [R-18-1]
    let whole = stream(&source, LogRole::Main, 1000, &Position::default());
    let expected = [
        "leaf 0",
        "leaf 1",
        "leaf 2",
        "note 0 0..3",
        "leaf 3",
        "leaf 4",
        "leaf 5",
        "leaf 6",
        "note 1 3..7",
        "note 2 7..7",
    ];
    assert_eq!(whole, expected);
    for batch in 1..5 {
        assert_eq!(stream(&source, LogRole::Main, batch, &Position::default()), whole);
    }
    // What no note covers does not leave.
    ledger.main.append(vec![NewEntry::plain("later")]).unwrap();
    assert!(!source.refresh().unwrap());
    assert_eq!(stream(&source, LogRole::Main, 9, &Position::default()), whole);
    ledger.grow(1);
    assert!(source.refresh().unwrap());
    let grown = stream(&source, LogRole::Main, 9, &Position::default());
    assert_eq!(grown[whole.len()..], ["leaf 7", "leaf 8", "note 3 7..9"]);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn from_any_place_the_stream_goes_on_as_it_would_have(
        growth in proptest::collection::vec(0_u64..4, 1..6),
        batch in 1_usize..7,
        stop in 0_usize..30,
        overlap in 0_u64..12,
    ) {
        let ledger = Ledger::new();
        for (n, entries) in growth.iter().enumerate() {
            for _ in 0..*entries {
                let entry = NewEntry::plain(format!("entry {}", ledger.main.size()));
                ledger.main.append(vec![entry]).unwrap();
            }
            publish(&ledger.main, ledger.main.size(), ["b", "c", "d", "e", "f"][n]);
        }
        let source = ledger.source();
        let whole = stream(&source, LogRole::Main, batch, &Position::default());
        let stop = stop.min(whole.len());
        let mut at = Position::default();
        if stop > 0 {
            let limits = Limits { count: stop, bytes: 1 << 20 };
            at = source.read(LogRole::Main, &at, limits, &mut |_| ()).unwrap();
        }
        proptest::prop_assert_eq!(&stream(&source, LogRole::Main, batch, &at), &whole[stop..]);
        let back = source.rewound(LogRole::Main, &at, overlap).unwrap();
        let again = stream(&source, LogRole::Main, batch, &back);
        proptest::prop_assert!(whole.ends_with(&again) && again.len() >= whole.len() - stop);
        // So many leaves come again, and notes no more than those and as many again.
        let leaves = |lines: &[String]| lines.iter().filter(|l| l.starts_with("leaf")).count();
        let repeated = &again[..again.len() - (whole.len() - stop)];
        let notes = repeated.len() - leaves(repeated);
        let most = usize::try_from(overlap).unwrap();
        proptest::prop_assert!(leaves(repeated) <= most && notes <= most);
        let before = leaves(&whole[..stop]);
        proptest::prop_assert!(leaves(repeated) == most.min(before) || notes == most);
        source.prove(LogRole::Main, &back).unwrap();
    }
}

#[test]
fn rewinding_comes_back_by_leaves_and_by_no_more_notes() {
    let ledger = Ledger::new();
    ledger.grow(4);
    for mark in ["c", "d", "e", "f"] {
        publish(&ledger.main, 7, mark);
    }
    let source = ledger.source();
    let limits = Limits { count: 1000, bytes: 1 << 20 };
    let end = source.read(LogRole::Main, &Position::default(), limits, &mut |_| ()).unwrap();
    let rewound = |overlap| {
        let at = source.rewound(LogRole::Main, &end, overlap).unwrap();
        stream(&source, LogRole::Main, 100, &at)
    };
    assert_eq!(rewound(0), Vec::<String>::new());
    assert_eq!(rewound(1), ["note 5 7..7"]);
    assert_eq!(rewound(3), ["note 3 7..7", "note 4 7..7", "note 5 7..7"]);
    assert_eq!(rewound(5).first().map(String::as_str), Some("leaf 3"));
    let all = stream(&source, LogRole::Main, 100, &Position::default());
    assert_eq!(rewound(100), all);
}

#[test]
fn a_sink_that_fails_keeps_no_other_from_going_on() {
    // [R-18-10] Nothing listens at the one, another never answers; the third has everything, and
    // the log grows meanwhile.
    let ledger = Ledger::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    // The kernel takes the connection and the call; nobody reads it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = silent.local_addr().unwrap();
    let toml = format!(
        "[[sink]]\nname = \"gone\"\nkind = \"webhook\"\nformat = \"json\"\nurl = \
         \"http://{address}\"\n[[sink]]\nname = \"slow\"\nkind = \"webhook\"\nformat = \
         \"json\"\nurl = \"http://{slow}\"\ntimeout_s = 3\n[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \
         \"json\"\npath = \"out.jsonl\"\n"
    );
    let config = Config::parse(&toml, &ledger.root).unwrap();
    let exporter = Exporter::start(&ledger.places(), &config, false).unwrap();
    let watch = exporter.watch();
    let running = std::thread::spawn(move || exporter.run());
    let state = |name: &str| watch.sinks().into_iter().find(|p| p.sink == name).unwrap();
    let until = |done: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !done() {
            assert!(began.elapsed().as_secs() < 60, "{:?}", watch.sinks());
            std::thread::yield_now();
        }
    };
    until(&|| state("a").events == 8 && state("gone").errors > 0);
    ledger.grow(5);
    until(&|| state("a").events == 14);
    assert_eq!((state("gone").events, state("gone").state), (0, State::Waiting));
    assert_eq!(state("slow").events, 0);
    let metrics = watch.metrics().unwrap();
    for line in [
        "placet_export_lag_leaves{sink=\"gone\",log=\"main\"} 8",
        "placet_export_lag_leaves{sink=\"a\",log=\"main\"} 0",
        "placet_export_events_total{sink=\"a\"} 14",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    watch.stop();
    let ended = running.join().unwrap();
    assert!(ended.iter().all(|(_, ended)| matches!(ended, Ended::Done)));
}

#[test]
fn a_file_holds_the_stream_and_a_second_run_adds_what_is_new() {
    let ledger = Ledger::new();
    let toml = "[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \"json\"\npath = \
                \"out.jsonl\"\nbatch = 2\n";
    assert!(matches!(ledger.once(toml)[..], [(_, Ended::Done)]));
    let out = ledger.root.join("out.jsonl");
    let first = std::fs::read_to_string(&out).unwrap();
    // Three leaves and a note of each log.
    assert_eq!(first.lines().count(), 8);
    assert!(matches!(ledger.once(toml)[..], [(_, Ended::Done)]));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), first);
    ledger.grow(2);
    assert!(matches!(ledger.once(toml)[..], [(_, Ended::Done)]));
    let second = std::fs::read_to_string(&out).unwrap();
    assert_eq!((second.lines().count(), second.starts_with(&first)), (11, true));
    // Begun anew, the governance log comes first and nothing else is different.
    std::fs::remove_dir_all(ledger.places().state).unwrap();
    let other = toml.replace("out.jsonl", "again.jsonl");
    ledger.once(&other.replace("batch = 2", "batch = 7"));
    let again = std::fs::read_to_string(ledger.root.join("again.jsonl")).unwrap();
    let sorted = |text: &str| {
        let mut uids: Vec<String> =
            text.lines().map(|l| l.split("\"uid\"").nth(1).unwrap().to_owned()).collect();
        uids.sort();
        uids
    };
    assert_eq!(sorted(&again), sorted(&second));
}

#[test]
fn a_log_that_was_rolled_back_stops_the_export_with_evidence() {
    let ledger = Ledger::new();
    let toml = "[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \"json\"\npath = \
                \"/OUT/out.jsonl\"\n";
    let kept = tempfile::tempdir().unwrap();
    let toml = toml.replace("/OUT", kept.path().to_str().unwrap());
    ledger.once(&toml);
    // [R-18-8] Another history of the same name, and the cursor of the first.
    let other = Ledger::new();
    other.grow(1);
    let state = other.places().state;
    std::fs::create_dir_all(&state).unwrap();
    let from = ledger.places().state.join("a.json");
    let cursor = std::fs::read_to_string(from).unwrap();
    std::fs::write(state.join("a.json"), &cursor).unwrap();
    // The first three entries are the same: nothing is wrong yet.
    assert!(matches!(other.once(&toml)[..], [(_, Ended::Done)]));
    ledger.grow(3);
    ledger.once(&toml);
    let longer = std::fs::read_to_string(ledger.places().state.join("a.json")).unwrap();
    std::fs::write(state.join("a.json"), &longer).unwrap();
    let ended = other.once(&toml);
    let [(_, Ended::Rollback(error))] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(error.code(), "log.rollback");
    let out = std::fs::read_to_string(kept.path().join("out.jsonl")).unwrap();
    assert!(out.lines().last().unwrap().contains("log.rollback"));
    // Once it has grown past the other, two notes show it.
    other.main.append(vec![NewEntry::plain("another")]).unwrap();
    other.main.append(vec![NewEntry::plain("and another")]).unwrap();
    publish(&other.main, 6, "c");
    let ended = other.once(&toml);
    let [(_, Ended::Rollback(error))] = &ended[..] else { panic!("{ended:?}") };
    let crate::Error::Export(Error::Rollback(found)) = &**error else { panic!() };
    assert!(found.evidence.is_some() && state.join("log-misbehaved.json").exists());
}

#[test]
fn a_journal_that_lost_what_was_published_is_told_before_anything_is_sent() {
    // [R-18-8]
    let ledger = Ledger::new();
    let toml = "[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \"json\"\npath = \"out\"\n";
    ledger.once(toml);
    let before = std::fs::read_to_string(ledger.root.join("out")).unwrap();
    let bodies = ledger.root.join("bodies");
    let kept = tempfile::tempdir().unwrap();
    let segment = std::fs::read_dir(&bodies).unwrap().map(|item| item.unwrap().path());
    let segment = segment
        .into_iter()
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("log-"));
    let segment = segment.unwrap();
    std::fs::copy(&segment, kept.path().join("segment")).unwrap();
    ledger.grow(2);
    std::fs::copy(kept.path().join("segment"), &segment).unwrap();
    let config = Config::parse(toml, &ledger.root).unwrap();
    let error = Exporter::start(&ledger.places(), &config, true).err().unwrap();
    assert_eq!(error.code(), "log.rollback");
    let after = std::fs::read_to_string(ledger.root.join("out")).unwrap();
    let told = after.strip_prefix(&before).unwrap();
    assert_eq!((told.lines().count(), told.contains("log.rollback")), (1, true), "{told}");
}

/// What a receiver does with each call.
enum Does {
    Takes,
    Passing,
    Denies,
    RefusesAnyWith(&'static str),
    RefusesThe(usize),
}

struct Scripted {
    script: VecDeque<Does>,
    taken: Arc<Mutex<Vec<String>>>,
    fresh: bool,
    /// Whether each connection ends after one batch.
    breaks: bool,
    acknowledges: bool,
}

impl Sink for Scripted {
    fn acknowledges(&self) -> bool {
        self.acknowledges
    }

    fn ready(&mut self) -> Result<bool, Failure> {
        Ok(std::mem::replace(&mut self.fresh, self.breaks))
    }

    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        let text = |e: &Event| String::from_utf8(e.encoded.line.clone()).unwrap();
        let refused = |which| Failure::Refused { detail: "no".to_owned(), which };
        match self.script.front() {
            Some(Does::RefusesAnyWith(word)) if events.iter().any(|e| text(e).contains(word)) => {
                return Err(refused(None));
            }
            Some(Does::RefusesThe(n)) => {
                let n = *n;
                self.script.pop_front();
                let others = events.iter().enumerate().filter(|(at, _)| *at != n);
                lock(&self.taken).extend(others.map(|(_, e)| text(e)));
                return Err(refused(Some(vec![n])));
            }
            Some(Does::Passing) => {
                self.script.pop_front();
                self.fresh = true;
                return Err(Failure::passing("away"));
            }
            Some(Does::Denies) => {
                self.script.pop_front();
                return Err(Failure::Denied { detail: "HTTP 404: ".to_owned() });
            }
            Some(Does::Takes) => drop(self.script.pop_front()),
            Some(Does::RefusesAnyWith(_)) | None => {}
        }
        lock(&self.taken).extend(events.iter().map(text));
        Ok(())
    }
}

struct Scene {
    together: Arc<Together>,
    worker: Worker,
    taken: Arc<Mutex<Vec<String>>>,
    shared: Arc<Shared>,
}

fn scene(ledger: &Ledger, once: bool, dead: bool, sink: Scripted) -> Scene {
    let state = ledger.places().state;
    let source = Arc::new(ledger.source());
    let (stop, rollback) = (AtomicBool::new(false), Mutex::default());
    let together = Arc::new(Together { source, stop, once, rollback });
    let dead = if dead { "dead_letter = \"dead.jsonl\"\n" } else { "" };
    let toml = format!(
        "[[sink]]\nname = \"s\"\nkind = \"file\"\nformat = \"json\"\npath = \"x\"\nbatch = 5\n{dead}"
    );
    let config = Config::parse(&toml, &ledger.root).unwrap().sinks.remove(0);
    let taken = Arc::clone(&sink.taken);
    let shared = Arc::new(Shared::new(Progress {
        sink: "s".to_owned(),
        state: State::Running,
        at: Default::default(),
        events: 0,
        errors: 0,
        dead_letters: 0,
        last_ack: None,
        last_error: None,
    }));
    let held = (Cursor::load(&state, "s").unwrap(), SinkLock::take(&state, "s").unwrap());
    let (sink, copy) = (Box::new(sink), shared.clone());
    let worker = Worker::new(together.clone(), &config, sink, encoder(), held, copy).unwrap();
    Scene { together, worker, taken, shared }
}

fn receiver(script: Vec<Does>, acknowledges: bool) -> Scripted {
    let (script, taken) = (script.into(), Arc::default());
    Scripted { script, taken, fresh: !acknowledges, breaks: false, acknowledges }
}

fn scripted(
    ledger: &Ledger,
    script: Vec<Does>,
    dead: bool,
    acknowledges: bool,
) -> (Ended, Vec<String>, Progress) {
    let Scene { worker, taken, shared, .. } =
        scene(ledger, true, dead, receiver(script, acknowledges));
    let ended = worker.run();
    let taken = lock(&taken).clone();
    (ended, taken, shared.now())
}

/// Runs it until something is so, and ends it.
fn until(scene: Scene, done: impl Fn(&Progress) -> bool) -> (Ended, Vec<String>, Progress) {
    let Scene { together, worker, taken, shared } = scene;
    let running = std::thread::spawn(move || worker.run());
    let began = std::time::Instant::now();
    while !done(&shared.now()) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", shared.now());
        std::thread::yield_now();
    }
    let seen = shared.now();
    together.stop();
    (running.join().unwrap(), lock(&taken).clone(), seen)
}

fn distinct(lines: &[String]) -> usize {
    lines.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn a_receiver_that_was_away_gets_everything() {
    let ledger = Ledger::new();
    // [R-18-9]
    let (ended, taken, progress) = scripted(&ledger, vec![Does::Takes, Does::Passing], false, true);
    assert!(matches!(ended, Ended::Done));
    assert_eq!((taken.len(), distinct(&taken)), (8, 8));
    assert_eq!((progress.events, progress.errors), (8, 1));
    assert!(progress.last_error.is_some());
}

#[test]
fn without_acknowledgements_a_new_connection_gets_the_last_again() {
    let ledger = Ledger::new();
    let (ended, taken, _) = scripted(&ledger, vec![Does::Takes, Does::Passing], false, false);
    assert!(matches!(ended, Ended::Done));
    // [R-18-9] Five were taken before the connection was lost.
    assert_eq!((taken.len(), distinct(&taken)), (13, 8));
    let (_, again, _) = scripted(&ledger, vec![], false, false);
    assert_eq!(distinct(&again), 8);
    let (_, acknowledged, _) = scripted(&ledger, vec![], false, true);
    assert_eq!(acknowledged, Vec::<String>::new());
}

#[test]
fn a_sink_that_was_denied_asks_again_unless_it_is_to_end() {
    let ledger = Ledger::new();
    let denied = || receiver(vec![Does::Denies, Does::Denies], true);
    let (ended, taken, seen) = until(scene(&ledger, false, false, denied()), |p| p.errors > 0);
    assert!(matches!(ended, Ended::Done) && taken.is_empty());
    assert_eq!((seen.state, seen.events), (State::Stopped, 0));
    let (ended, taken, seen) = until(scene(&ledger, false, false, denied()), |p| p.events == 8);
    assert!(matches!(ended, Ended::Done));
    assert_eq!((taken.len(), seen.state, seen.errors), (8, State::Running, 2));
    ledger.grow(1);
    let (ended, ..) = scripted(&ledger, vec![Does::Denies], false, true);
    assert!(matches!(ended, Ended::Refused(_)), "{ended:?}");
}

#[test]
fn connections_that_end_before_anything_new_was_sent_are_failures() {
    let ledger = Ledger::new();
    ledger.grow(20);
    let breaks = Scripted { breaks: true, ..receiver(vec![], false) };
    let (_, taken, seen) = until(scene(&ledger, false, false, breaks), |p| p.errors > 0);
    let error = seen.last_error.unwrap();
    assert!(error.detail.contains("before anything new"), "{error:?}");
    assert_eq!(seen.state, State::Waiting);
    // The first batch, again over the next connection, and over those that waited.
    assert!(distinct(&taken) == 5 && taken.len() < 30, "{}", taken.len());
}

#[test]
fn a_refused_event_stops_the_sink_or_is_put_aside_alone() {
    let ledger = Ledger::new();
    ledger.grow(4);
    let word = "\"leaf\":4";
    let index = |line: &str| line.contains(word) || line.contains("\"index\":4");
    let whole = scripted(&Ledger::new(), vec![], false, true).1;
    assert!(!whole.iter().any(|line| index(line)));
    let word = if whole[0].contains("\"leaf\":") { "\"leaf\":4" } else { "\"index\":4" };
    let (ended, _, progress) = scripted(&ledger, vec![Does::RefusesAnyWith(word)], false, true);
    assert!(matches!(ended, Ended::Refused(_)), "{ended:?}");
    assert_eq!(progress.state, State::Stopped);
    // With a place for it the others go on, and it is there.
    let (ended, taken, progress) = scripted(&ledger, vec![Does::RefusesAnyWith(word)], true, true);
    assert!(matches!(ended, Ended::Done));
    assert_eq!(progress.dead_letters, 1);
    assert!(!taken.is_empty() && !taken.iter().any(|line| line.contains(word)));
    let dead = std::fs::read_to_string(ledger.root.join("dead.jsonl")).unwrap();
    assert_eq!(dead.lines().count(), 1);
    assert!(dead.contains("placet/export-dead-letter/v1"));
}

#[test]
fn a_receiver_that_names_what_it_refuses_is_sent_nothing_again() {
    let ledger = Ledger::new();
    let (ended, taken, progress) = scripted(&ledger, vec![Does::RefusesThe(2)], true, true);
    assert!(matches!(ended, Ended::Done));
    assert_eq!((taken.len(), distinct(&taken), progress.dead_letters), (7, 7, 1));
}

#[test]
fn waits_double_up_to_a_minute_and_heed_the_receiver() {
    for failures in 1..40 {
        let full = Duration::from_millis(500 << (failures - 1).min(7)).min(LONGEST_WAIT);
        let wait = wait(failures, None);
        assert!(wait <= full && wait >= full / 2, "{failures}: {wait:?}");
    }
    assert_eq!(wait(1, Some(120)), Duration::from_secs(120));
    assert_eq!(wait(1, Some(u64::MAX)), Duration::from_secs(LONGEST_ASKED));
}

#[test]
fn erased_leaves_are_erased_in_the_stream() {
    let ledger = Ledger::new();
    ledger.main.erase(1).unwrap();
    let source = ledger.source();
    let mut erased = Vec::new();
    let limits = Limits { count: 100, bytes: 1 << 20 };
    source
        .read(LogRole::Main, &Position::default(), limits, &mut |item| {
            if let source::Item::Leaf(leaf, _) = item {
                assert_eq!(
                    leaf.entry,
                    placet_proto::sha256(format!("first {}", leaf.index).as_bytes())
                );
                erased.push(leaf.statement.is_none());
            }
        })
        .unwrap();
    assert_eq!(erased, [false, true, false]);
}
