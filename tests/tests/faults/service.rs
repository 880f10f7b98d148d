//! The whole program: it serves, an agent asks, a person approves, the agent acts; then the power
//! is cut at any operation that it did, SQLite's among them.
//!
//! Whatever somebody was told over HTTP has to be there afterwards, in the logs and in what stands
//! beside them: the same call again gets the same answer, and another one none.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use placet_ledger::service::{Ledger, Surroundings};
use placet_ledger::{Dir, fsck};

use super::audit;
use super::calls::shim;
use super::load::{Book, Load, Recorded};
use super::machine::{Machine, Survives};
use super::process::Place;
use super::replay::{self, Replay};

/// Lives in which everything is done once.
const ROUNDS: u64 = 2;
/// Of the disks that a power cut leaves, one in so many is given to the program itself.
const SERVED: (usize, usize) = (60, 12);

#[test]
fn power_cut_at_every_call_of_the_service() {
    let place = Place::new();
    let service = place.start();
    let mut load = Load::new(place.enrol(&service));
    service.terminate();
    let mut replay = Replay::of(place.dir());
    let trace = place.beside("trace");
    let shim = [
        ("LD_PRELOAD", shim().to_path_buf()),
        ("FAULTS_DIR", place.dir().to_path_buf()),
        ("FAULTS_TRACE", trace.clone()),
    ];
    // Each life writes to the same trace: what one leaves unflushed the next one sees.
    let mut lives: Vec<Recorded> = Vec::new();
    for _ in 0..ROUNDS {
        let service = place.start_on(place.dir(), &shim);
        let mut told = std::fs::File::options().append(true).open(&trace).unwrap();
        let client = place.client(&service);
        load.one_by_one(client, |life| {
            told.write_all(&replay::said(&lives.len().to_string())).unwrap();
            lives.push(life);
        });
        service.kill();
    }

    let operations = replay::read(&trace);
    let (stride, served) = if super::all() { (6, SERVED.0) } else { (97, SERVED.1) };
    let (mut cuts, mut starts) = (0, 0);
    let mut book = Book::default();
    for (at, operation) in operations.iter().enumerate() {
        replay.follow(operation);
        if let Some(said) = operation.said() {
            book.add(lives[said.parse::<usize>().unwrap()].clone());
            continue;
        }
        if at % stride != 0 {
            continue;
        }
        for survives in [Survives::Nothing, Survives::Some] {
            cuts += 1;
            let disk = Disk::of(&replay.machine, cuts as u64, survives, place.dir());
            let what = format!("{survives:?} at {at} of {}", operations.len());
            if cuts % served == 1 {
                starts += 1;
                serve(&place, disk.dir(), &book);
            }
            disk.check(&book, &what);
        }
    }
    println!("service: {cuts} cuts at {} calls, {starts} served again", operations.len());
    assert!(cuts > 0 && starts > 0);
}

/// A disk as a power cut left it.
struct Disk {
    tmp: tempfile::TempDir,
    dir: PathBuf,
}

impl Disk {
    fn of(machine: &Machine, seed: u64, survives: Survives, dir: &Path) -> Self {
        let machine = machine.copy(seed);
        machine.power_cut(survives);
        let tmp = super::memory();
        machine.export(tmp.path());
        let dir = tmp.path().join(dir.strip_prefix("/").unwrap());
        Self { tmp, dir }
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    /// The log as it is, and what was acknowledged; then everything against everything.
    fn check(self, book: &Book, what: &str) {
        // The service opens it first: what a power cut left is put in order.
        let opened = Ledger::open(&self.dir, Surroundings::default());
        drop(opened.unwrap_or_else(|e| panic!("{what}: {e}")));
        audit::audit(&self.dir, book);
        for report in fsck::check(&Dir::open_read_only(&self.dir).unwrap()).unwrap() {
            assert!(report.clean(), "{what}: {report:?}");
        }
        drop(self.tmp);
    }
}

/// The program itself finds everything that anybody was told.
fn serve(place: &Place, dir: &Path, book: &Book) {
    let service = place.start_on(dir, &[]);
    let client = place.client(&service);
    for (round, life) in (0..).zip(&book.lives) {
        life.check(&client, round);
    }
    service.terminate();
}
