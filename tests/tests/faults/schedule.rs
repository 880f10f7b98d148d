//! The sequencer under schedules that a seed repeats: callers at the same time, the same call
//! again, crashes, power cuts, full and failing disks, clocks that jump, witnesses that are slow,
//! lose answers or lie.
//!
//! `PLACET_FAULT_SCHEDULES=N` tries N seeds, from 0 or `PLACET_FAULT_FIRST` on;
//! `PLACET_FAULT_SEED=S` tries one, loudly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use placet_ledger::witness::state::StateStore;
use placet_ledger::witness::{
    Answer, CosignerKey, Error as WitnessError, ProofSource, Transport, Witness, WitnessClient,
    WitnessGroup, verify_cosignature,
};
use placet_proto::tlog::{KeyMaterial, Note, Policy, SignatureLine, SignedCheckpoint, VerifierKey};

use super::machine::{Fault, Survives};
use super::random::Random;
use super::world::{ORIGIN, World};

/// Schedules in a sample, and when nothing is left out.
const SCHEDULES: (u64, u64) = (150, 10_000);
/// Things that happen in one schedule.
const ACTS: u64 = 30;

#[test]
fn no_schedule_consumes_twice_or_leaves_a_gap_or_forks() {
    let number = |name| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    if let Some(seed) = number("PLACET_FAULT_SEED") {
        Schedule::new(seed, true).run();
        return;
    }
    let usual = if super::all() { SCHEDULES.1 } else { SCHEDULES.0 };
    let schedules = number("PLACET_FAULT_SCHEDULES").unwrap_or(usual);
    let first = number("PLACET_FAULT_FIRST").unwrap_or(0);
    let end = first + schedules;
    let (next, sums) = (AtomicU64::new(first), Mutex::new(Sums::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Sums::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    mine.add(&Schedule::new(seed, false).run());
                }
                sums.lock().unwrap().add(&mine);
            });
        }
    });
    let sums = sums.into_inner().unwrap();
    println!("{schedules} schedules from {first}: {sums:?}");
    assert!(sums.entries > 0 && sums.crashes > 0 && sums.cosigned > 0 && sums.conflicts > 0);
}

/// What happened, over all schedules.
#[derive(Debug, Default)]
struct Sums {
    entries: u64,
    conflicts: u64,
    crashes: u64,
    power_cuts: u64,
    full: u64,
    failures: u64,
    cosigned: u64,
    without_quorum: u64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.conflicts += other.conflicts;
        self.crashes += other.crashes;
        self.power_cuts += other.power_cuts;
        self.full += other.full;
        self.failures += other.failures;
        self.cosigned += other.cosigned;
        self.without_quorum += other.without_quorum;
    }
}

/// Says which seed it was when something does not hold.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with PLACET_FAULT_SEED={}", self.0);
        }
    }
}

struct Schedule {
    seed: Seed,
    loud: bool,
    world: World,
    random: Random,
    town: Town,
    /// A head that was taken to the witnesses and is published later, overtaken by others.
    late: Option<Vec<u8>>,
    sums: Sums,
}

impl Schedule {
    fn new(seed: u64, loud: bool) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let town = Town::new(&mut random);
        let world = World::new(seed, sign);
        Self { seed: Seed(seed), loud, world, random, town, late: None, sums: Sums::default() }
    }

    fn run(mut self) -> Sums {
        for _ in 0..ACTS {
            self.live_again();
            self.act();
        }
        self.live_again();
        self.world.machine.free();
        while self.world.is_open() && self.world.step_on() {}
        self.live_again();
        self.world.check();
        let log = Arc::clone(self.world.log());
        let mut next = 0;
        log.visit(0..log.size(), |index, _| {
            assert_eq!(index, next, "a gap");
            next += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(next, log.size(), "a gap at the end");
        self.town.check(&self.world);
        let Told { entries, conflicts } = Told::of(&self.world);
        (self.sums.entries, self.sums.conflicts) = (entries, conflicts);
        self.sums.full = self.world.told.full;
        self.sums
    }

    fn act(&mut self) {
        let what = self.random.below(100);
        if self.loud {
            println!("seed {}: act {what}, size {}", self.seed.0, self.world.log().size());
        }
        match what {
            0..40 => self.world.submit(),
            40..64 => self.world.step(),
            64..66 => self.world.close_in_order(),
            66..76 => self.publish(),
            76..79 => drop(self.world.erase()),
            79..84 => self.town.jump(&mut self.random),
            84..86 => self.world.machine.jump(self.random.below(100_000) as i64 - 50_000),
            86..89 => self.fault(Fault::Full),
            89 => self.world.machine.free(),
            90..92 => self.fault(Fault::Io),
            92 => self.fault(Fault::Short),
            _ => {
                let fault =
                    if self.random.one_in(2) { Fault::KillBefore } else { Fault::KillAfter };
                self.fault(fault);
            }
        }
    }

    /// Something goes wrong soon.
    fn fault(&mut self, fault: Fault) {
        let at = self.world.machine.operations() + self.random.below(12);
        self.world.machine.plan(at, fault);
    }

    /// After a death or a failure that is final: the power may be cut, and another process comes,
    /// which may die in turn.
    fn live_again(&mut self) {
        let mut tries = 0;
        loop {
            let machine = &self.world.machine;
            if machine.dead() {
                self.sums.crashes += 1;
            } else if self.world.is_open() {
                if self.world.log().health().stopped.is_none() {
                    return;
                }
                self.sums.failures += 1;
            }
            self.world.close();
            if self.random.one_in(2) && self.world.machine.operations() > 0 {
                self.sums.power_cuts += 1;
                let survives =
                    [Survives::Nothing, Survives::Names, Survives::Everything, Survives::Some];
                self.world.machine.power_cut(survives[self.random.below(4) as usize]);
            }
            self.world.machine.restart();
            tries += 1;
            if tries < 3 && self.random.one_in(4) {
                self.fault(Fault::KillAfter);
            }
            self.town.forget(&mut self.random);
            // What the folder shows to those who fetch it while no service runs.
            let shown = self.world.shown();
            match self.world.open() {
                Ok(()) if !self.world.machine.dead() => {
                    self.world.check();
                    self.world.check_shown(&shown, &Arc::clone(self.world.log()));
                }
                Ok(()) => {}
                Err(error) => assert!(
                    self.world.machine.dead() || self.world.machine.hit(),
                    "the log does not open: {}: {error}",
                    error.code()
                ),
            }
        }
    }

    fn publish(&mut self) {
        if let Some(note) = self.late.take() {
            // Overtaken by now, perhaps: the log refuses it, or it is as good as ever.
            if let Err(error) = self.world.publish_note(&note) {
                let expected = ["checkpoint.smaller", "ledger.full", "ledger.stopped", "ledger.io"];
                assert!(self.world.machine.dead() || expected.contains(&error.code()), "{error}");
            }
        }
        let log = Arc::clone(self.world.log());
        let Some(fast) = log.checkpoint_fast() else { return };
        let signed = SignedCheckpoint::parse(&fast.note).unwrap();
        let source: Arc<dyn ProofSource> = log;
        match self.town.group.cosign(&signed, &source) {
            Ok(cosigned) => {
                self.sums.cosigned += 1;
                self.town.count(&cosigned.note);
                if self.random.one_in(3) {
                    self.late = Some(cosigned.note);
                } else {
                    let _ = self.world.publish_note(&cosigned.note);
                }
            }
            Err(_) => self.sums.without_quorum += 1,
        }
    }
}

/// How much was acknowledged.
struct Told {
    entries: u64,
    conflicts: u64,
}

impl Told {
    fn of(world: &World) -> Self {
        let entries = world.told.entries.len() as u64;
        Self { entries, conflicts: world.told.conflicts }
    }
}

/// The same in all schedules: making one takes as long as signing with it.
fn log_key() -> &'static (SigningKey, VerifierKey) {
    static KEY: OnceLock<(SigningKey, VerifierKey)> = OnceLock::new();
    KEY.get_or_init(|| {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let material = KeyMaterial::Ed25519(signing.verifying_key().to_bytes());
        (signing, VerifierKey::new(ORIGIN, material).unwrap())
    })
}

fn sign(text: &str) -> Result<Vec<u8>, String> {
    let (signing, key) = log_key();
    let mut note = Note::new(text.to_owned()).unwrap();
    let signature = signing.sign(note.text().as_bytes()).to_bytes().to_vec();
    note.set_signature(SignatureLine::new(key, signature).unwrap()).unwrap();
    Ok(note.to_bytes())
}

/// Three witnesses, two of which must cosign; one of them may be a liar.
struct Town {
    group: WitnessGroup,
    witnesses: Vec<Arc<Local>>,
}

/// A witness in this process, and its manners.
struct Local {
    witness: Witness,
    clock: Arc<AtomicU64>,
    state: Arc<Mutex<Kept>>,
    manners: Mutex<Manners>,
}

struct Manners {
    random: Random,
    liar: bool,
    /// The last cosignature, which a liar gives again.
    last: Vec<u8>,
}

/// What a witness remembers, and whether its disk is broken.
#[derive(Default)]
struct Kept {
    note: Option<Vec<u8>>,
    broken: bool,
}

struct Shared(Arc<Mutex<Kept>>);

impl StateStore for Shared {
    fn load(&self, _: &str) -> Result<Option<Vec<u8>>, WitnessError> {
        Ok(self.0.lock().unwrap().note.clone())
    }

    fn save(&self, _: &str, note: &[u8]) -> Result<(), WitnessError> {
        let mut kept = self.0.lock().unwrap();
        if kept.broken {
            return Err(WitnessError::Unreachable { reason: "its disk is broken".to_owned() });
        }
        kept.note = Some(note.to_vec());
        Ok(())
    }
}

struct Way(Arc<Local>);

impl Transport for Way {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, WitnessError> {
        let lost = || WitnessError::Unreachable { reason: "no answer in time".to_owned() };
        let mut manners = self.0.manners.lock().unwrap();
        let luck = manners.random.below(20);
        if luck == 0 {
            return Err(lost());
        }
        let answer = match self.0.witness.add_checkpoint(body) {
            Ok(line) => Answer { status: 200, body: line.into_bytes() },
            Err(refusal) => Answer { status: refusal.status(), body: refusal.body().into_bytes() },
        };
        if luck < 3 {
            // It has cosigned, and nobody hears of it.
            return Err(lost());
        }
        if !manners.liar || answer.status != 200 {
            return Ok(answer);
        }
        let truth = std::mem::replace(&mut manners.last, answer.body.clone());
        Ok(match luck % 6 {
            // A cosignature of another checkpoint, a size that is none of ours, nonsense.
            0 if !truth.is_empty() => Answer { status: 200, body: truth },
            1 => Answer { status: 409, body: b"7\n".to_vec() },
            2 => Answer { status: 422, body: b"no\n".to_vec() },
            3 => Answer { status: 200, body: vec![0xff; 40] },
            _ => answer,
        })
    }
}

impl Town {
    fn new(random: &mut Random) -> Self {
        let (_, log) = log_key();
        let liar = random.below(4);
        let witnesses: Vec<Arc<Local>> = (0..3_u8)
            .map(|n| {
                let name = format!("example.com/w{n}");
                let key = CosignerKey::from_seed(&name, &[n + 1; 32]).unwrap();
                let clock = Arc::new(AtomicU64::new(1_700_000_000 + random.below(5)));
                let time = Arc::clone(&clock);
                let state = Arc::new(Mutex::new(Kept::default()));
                let logs = vec![(ORIGIN.to_owned(), vec![log.clone()])];
                let store = Box::new(Shared(Arc::clone(&state)));
                let tick = Box::new(move || time.fetch_add(1, Ordering::Relaxed));
                let witness = Witness::new(key, logs, store, tick).unwrap();
                let random = Random::new(random.next());
                let manners = Manners { random, liar: u64::from(n) == liar, last: Vec::new() };
                Arc::new(Local { witness, clock, state, manners: manners.into() })
            })
            .collect();
        Self { group: group(&witnesses), witnesses }
    }

    /// The clock of a witness jumps, or its disk breaks or is mended.
    fn jump(&self, random: &mut Random) {
        let local = &self.witnesses[random.below(3) as usize];
        match random.below(3) {
            0 => drop(local.clock.fetch_add(random.below(100), Ordering::Relaxed)),
            1 => drop(local.clock.fetch_sub(random.below(100), Ordering::Relaxed)),
            _ => {
                let mut kept = local.state.lock().unwrap();
                kept.broken = !kept.broken;
            }
        }
    }

    /// A new process of ours does not know what the last one remembered of the witnesses.
    fn forget(&mut self, _: &mut Random) {
        self.check_alarms();
        self.group = group(&self.witnesses);
    }

    /// An honest witness never sees the log contradict what it cosigned.
    fn check_alarms(&self) {
        for (local, status) in self.witnesses.iter().zip(self.group.status()) {
            assert!(
                local.manners.lock().unwrap().liar || status.alarm.is_none(),
                "a fork, says a witness: {:?}",
                status.alarm
            );
        }
    }

    /// Counts the cosignatures again: no note without two of them.
    fn count(&self, note: &[u8]) {
        let signed = SignedCheckpoint::parse(note).unwrap();
        let (text, lines) = (signed.note().text(), signed.note().signatures());
        let good = self.witnesses.iter().filter(|local| {
            verify_cosignature(local.witness.public(), text, lines).is_ok_and(|(_, t)| t > 0)
        });
        assert!(good.count() >= 2, "a note without its quorum");
    }

    /// What each witness holds is a state of this log.
    fn check(&self, world: &World) {
        self.check_alarms();
        for local in &self.witnesses {
            let Some(note) = local.state.lock().unwrap().note.clone() else { continue };
            let signed = SignedCheckpoint::parse(&note).unwrap();
            let checkpoint = signed.checkpoint();
            let root = world.log().root_at(checkpoint.size).expect("a cosigned size is lost");
            assert_eq!(root, checkpoint.root, "a witness holds another history");
        }
    }
}

fn group(witnesses: &[Arc<Local>]) -> WitnessGroup {
    let mut text = String::new();
    for (n, local) in witnesses.iter().enumerate() {
        text.push_str(&format!("witness w{n} {}\n", local.witness.public().to_vkey()));
    }
    text.push_str("group all 2 w0 w1 w2\nquorum all\n");
    let clients = witnesses.iter().map(|local| {
        let key = local.witness.public().clone();
        Some(WitnessClient::new(key, Box::new(Way(Arc::clone(local)))))
    });
    let policy = Policy::parse(text.as_bytes()).unwrap();
    WitnessGroup::with_clients(policy, clients.collect(), Duration::from_secs(60))
}
