//! Faults: nothing acknowledged is lost, nothing unsigned is served, nothing forks.
//!
//! | module | what goes wrong |
//! |---|---|
//! | `power` | a simulated machine loses power, fails or fills up at every operation of a history |
//! | `calls` | a real process fails, fills up or is killed at every call of the operating system |
//! | `service` | the whole program loses power at any operation that it did |
//! | `live` | the whole program fails, fills up or is killed at any call, with callers who go on |
//! | `keeping` | backup, restore, rebuild-index and freeze fail, fill up or are killed at any call |
//! | `clock` | the clock jumps by years and back while the whole program serves |
//! | `schedule` | ten thousand schedules of callers, crashes, clocks and witnesses |
//!
//! `PLACET_FAULTS=all` tries every fault everywhere, which is for an optimised build and takes an
//! hour; `most` tries a sample of what needs the whole program, and everything else; without it a
//! sample of all is tried.

#[path = "../crash/audit.rs"]
mod audit;
mod callers;
mod calls;
#[path = "../crash/client.rs"]
mod client;
mod clock;
mod driver;
mod keeping;
mod live;
// What kills the program under load does some of the work here, too.
#[allow(dead_code)]
#[path = "../crash/load.rs"]
mod load;
mod machine;
mod power;
#[allow(dead_code)]
#[path = "../crash/process.rs"]
mod process;
mod random;
mod replay;
mod schedule;
mod service;
mod world;

/// A folder for a thousand short lives: in memory, where flushing takes no time, if there is such.
fn memory() -> tempfile::TempDir {
    let folder = std::path::Path::new("/dev/shm");
    match folder.is_dir() {
        true => tempfile::tempdir_in(folder).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// Whether nothing is to be left out of what needs no whole program.
fn all() -> bool {
    every() || std::env::var_os("PLACET_FAULTS").is_some_and(|value| value == "most")
}

/// Whether nothing at all is to be left out.
fn every() -> bool {
    std::env::var_os("PLACET_FAULTS").is_some_and(|value| value == "all")
}
