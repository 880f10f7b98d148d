//! Many persons and many agents at one real service, for minutes: no request is lost, pages stay
//! quick, memory stays flat.
//!
//! Everything goes through `placet serve` over HTTP as browsers, agents and their clients speak it:
//! persons sign in with software passkeys, load the queue and a request's page, open a document,
//! sign it and answer; agents ask, wait for the answer, consume and report. Persons and agents come
//! from addresses of their own, by a trusted proxy's header, so that limits for each client hold.
//!
//! `PLACET_LOAD_SECONDS` (20), `PLACET_LOAD_APPROVERS` (200) and `PLACET_LOAD_AGENTS` (50) say how
//! much; with 60 seconds and more the figures are judged, and not only what was recorded. The last
//! line of its output is the figures as JSON.

mod agent;
mod client;
mod measure;
mod person;
mod place;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agent::{Agent, Task};
use measure::{Figures, Memory};
use person::Person;
use place::Place;

/// Seconds from which on a run is long enough for its figures to mean something.
const JUDGED_S: u64 = 60;
/// A page of which 99 in 100 come within this time.
const PAGE_P99: Duration = Duration::from_millis(200);
/// Time after the end in which what is open is answered.
const TAIL: Duration = Duration::from_secs(60);

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
    let persons: Vec<Person> = thread::scope(|scope| {
        let url = service.url.as_str();
        let signing: Vec<_> = (1_u32..)
            .zip(keys)
            .map(|(n, key)| scope.spawn(move || Person::sign_in(url, n, key)))
            .collect();
        signing.into_iter().map(|s| s.join().unwrap()).collect()
    });
    let began = Instant::now();
    let end = began + Duration::from_secs(size.seconds);
    let memory = Memory::of(service.pid());
    // Agents stop asking at the end; persons go on until no agent waits any more.
    let (asking, watching) = (AtomicUsize::new(size.agents), AtomicBool::new(true));
    let (seen, tasks) = thread::scope(|scope| {
        let watcher = scope.spawn(|| memory.watch(&watching));
        let persons: Vec<_> = persons
            .into_iter()
            .map(|person| scope.spawn(|| person.answer_on(&asking, end + TAIL)))
            .collect();
        let agents: Vec<_> = (0..size.agents)
            .map(|n| Agent::new(&service.url, place.token(), n))
            .map(|agent| {
                scope.spawn(|| {
                    let tasks = agent.ask_on(end);
                    asking.fetch_sub(1, Ordering::SeqCst);
                    tasks
                })
            })
            .collect();
        let tasks: Vec<Task> = agents.into_iter().flat_map(|a| a.join().unwrap()).collect();
        let seen: Vec<_> = persons.into_iter().map(|p| p.join().unwrap()).collect();
        watching.store(false, Ordering::SeqCst);
        watcher.join().unwrap();
        (seen, tasks)
    });
    let figures = Figures::new(&size, began.elapsed(), &seen, &tasks, &memory);
    service.terminate();
    place.check(&tasks);
    println!("{}", figures.json());
    figures.judge(size.seconds >= JUDGED_S);
}
