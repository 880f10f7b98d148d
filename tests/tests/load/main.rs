//! Many persons and many agents at one real service, for minutes: no request is lost, pages stay
//! quick, memory stays flat.
//!
//! Everything goes through `placet serve` over HTTP as browsers, agents and their clients speak it.
//! Persons sign in with software passkeys, hold a stream of events and look at the queue whenever
//! it changes, as the page's script does; read a request's page, sign the document that it
//! prepared, and answer. Agents ask, wait for the answer, consume and report. All persons come from
//! one address, all agents from another, as behind the NAT of a company: nobody may be refused for
//! what others do.
//!
//! `PLACET_LOAD_SECONDS` (20), `PLACET_LOAD_APPROVERS` (200) and `PLACET_LOAD_AGENTS` (50) say how
//! much. In every run nothing is lost and nobody refused; pages have to be quick unless other
//! programs keep the machine busy, which is measured and told; with 40 seconds and more memory is
//! judged, too. The last line of the figures is JSON.

mod agent;
mod client;
mod measure;
mod meter;
mod person;
mod place;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use agent::{Agent, Task};
use client::Client;
use measure::Figures;
use meter::{Memory, Meter, Processors};
use person::{Person, Seen};
use place::Place;

/// Seconds from which on a run is long enough for its use of memory to mean something.
const JUDGED_S: u64 = 40;
/// A page of which 99 in 100 come within this time.
const PAGE_P99: Duration = Duration::from_millis(200);
/// Time after the end in which what is open is answered.
const TAIL: Duration = Duration::from_secs(60);
/// Where all persons are, and all agents: addresses that RFC 5737 keeps for examples.
const PERSONS: &str = "192.0.2.1";
const AGENTS: &str = "198.51.100.1";

/// Whether a thread has failed: the others then end, too.
static FAILED: AtomicBool = AtomicBool::new(false);

/// How much.
struct Size {
    seconds: u64,
    approvers: usize,
    agents: usize,
}

fn size_of_load() -> Size {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => default,
    };
    Size {
        seconds: number("PLACET_LOAD_SECONDS", 20),
        approvers: number("PLACET_LOAD_APPROVERS", 200) as usize,
        agents: number("PLACET_LOAD_AGENTS", 50) as usize,
    }
}

#[test]
#[ignore = "minutes of load, and PLACET has to name a release build"]
fn nothing_is_lost_pages_are_quick_and_memory_is_flat() {
    let size = size_of_load();
    let mut place = Place::new();
    let keys = place.enrol(size.approvers);
    let service = place.start();
    let meter = Arc::<Meter>::default();
    let persons: Vec<Person> = thread::scope(|scope| {
        let client = |address| Client::new(&service.url, address, &meter);
        let signing: Vec<_> = keys
            .into_iter()
            .enumerate()
            .map(|(n, key)| (n, key, client(PERSONS)))
            .map(|(n, key, client)| {
                spawned(scope, move || Person::sign_in(client, (n, size.approvers), key))
            })
            .collect();
        signing.into_iter().map(|s| s.join().unwrap()).collect()
    });
    let memory = Memory::of(service.pid());
    let (before, began) = (Processors::now(service.pid()), Instant::now());
    let agents = (0..size.agents).map(|n| {
        let client = Client::new(&service.url, AGENTS, &meter);
        Agent::new(client.with("Authorization", format!("Bearer {}", place.token())), n)
    });
    let (seen, tasks) = run(persons, agents.collect(), &memory, Duration::from_secs(size.seconds));
    let usage = Processors::now(service.pid()).since(before);
    let measured = (&*meter, &memory, &usage);
    let figures = Figures::new(&size, began.elapsed(), (&seen, &tasks), measured);
    service.terminate();
    println!("{}", figures.json());
    place.check(&tasks, &seen);
    figures.judge(size.seconds >= JUDGED_S);
}

/// Agents stop asking at the end; persons go on until no agent waits any more.
fn run(
    persons: Vec<Person>,
    agents: Vec<Agent>,
    memory: &Memory,
    seconds: Duration,
) -> (Vec<Seen>, Vec<Task>) {
    let end = Instant::now() + seconds;
    let (asking, watching) = (AtomicUsize::new(agents.len()), AtomicBool::new(true));
    thread::scope(|scope| {
        let watcher = spawned(scope, || memory.watch(&watching));
        let persons: Vec<_> = persons
            .into_iter()
            .map(|person| spawned(scope, || person.answer_on(&asking, end + TAIL)))
            .collect();
        let ask = |agent: Agent| {
            let tasks = agent.ask_on(end);
            asking.fetch_sub(1, Ordering::SeqCst);
            tasks
        };
        let agents: Vec<_> =
            agents.into_iter().map(|agent| spawned(scope, move || ask(agent))).collect();
        let tasks: Vec<_> = agents.into_iter().map(ScopedJoinHandle::join).collect();
        let seen: Vec<_> = persons.into_iter().map(ScopedJoinHandle::join).collect();
        watching.store(false, Ordering::SeqCst);
        watcher.join().unwrap();
        let tasks = tasks.into_iter().flat_map(|tasks| tasks.expect("an agent sees all through"));
        let seen = seen.into_iter().map(|seen| seen.expect("a person works to the end"));
        (seen.collect(), tasks.collect())
    })
}

/// A thread whose failure ends the run.
fn spawned<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> ScopedJoinHandle<'s, T> {
    struct Watch;
    impl Drop for Watch {
        fn drop(&mut self) {
            if thread::panicking() {
                FAILED.store(true, Ordering::SeqCst);
            }
        }
    }
    scope.spawn(move || {
        let _watch = Watch;
        work()
    })
}

fn ended_badly() -> bool {
    FAILED.load(Ordering::SeqCst)
}

/// Numbers that differ from person to person and are the same in every run.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
