//! Writes copies of both logs of an honest ledger with many requests, and a trust file, to measure
//! audits with:
//!
//! ```text
//! placet-forge-log DIR REQUESTS [approvals]      DIR/copy/{log,gov}, DIR/trust.json
//! ```
//!
//! Each request is approved by one of eight passkeys that an administrator's passkey, the root of
//! the trust file, authorised; executed, and has its outcome (with `approvals`: approved only).
//! 64 requests are under way at a time; both witnesses cosign the main log after their approvals,
//! after their executions, and both logs at the end.

use std::path::Path;
use std::process::ExitCode;

use placet_forge::scenarios::action;
use placet_forge::{Forge, Person};
use placet_proto::document::Role;
use placet_proto::tlog::merkle::{CompactRange, leaf_hash};

/// Requests that are under way at the same time.
const AT_A_TIME: usize = 64;
const PASSKEYS: usize = 8;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, requests, whole) = match args.as_slice() {
        [dir, n] => (dir, n.parse(), true),
        [dir, n, only] if only == "approvals" => (dir, n.parse(), false),
        _ => {
            eprintln!("placet-forge-log DIR REQUESTS [approvals]");
            return ExitCode::from(2);
        }
    };
    let Ok(requests) = requests else {
        eprintln!("REQUESTS is a number");
        return ExitCode::from(2);
    };
    let mut log = Log::new();
    let mut left: usize = requests;
    while left > 0 {
        let now = left.min(AT_A_TIME);
        log.round(now, whole);
        left -= now;
    }
    let dir = Path::new(dir);
    log.forge.write_copies(&dir.join("copy"));
    let trust = log.forge.trust(&[&log.root]).encode();
    std::fs::write(dir.join("trust.json"), trust).expect("a file that can be written");
    ExitCode::SUCCESS
}

struct Log {
    forge: Forge,
    root: Person,
    approvers: Vec<Person>,
    /// The main log's tree: to compute its root anew each time would take the square of its size.
    tree: CompactRange,
    answered: usize,
}

impl Log {
    fn new() -> Self {
        let mut forge = Forge::new();
        let mut root = Person::named("Root");
        forge.tick(5);
        forge.enrol(&mut root, &[Role::Administrator, Role::Approver], None);
        let mut approvers = Vec::new();
        for n in 0..PASSKEYS {
            let mut approver = Person::named(&format!("Approver {n}"));
            forge.enrol(&mut approver, &[Role::Approver], Some(&mut root));
            approvers.push(approver);
        }
        let mut log = Self { forge, root, approvers, tree: CompactRange::new(), answered: 0 };
        log.publish_main();
        log.forge.publish_gov();
        log
    }

    fn round(&mut self, requests: usize, whole: bool) {
        let approvals: Vec<u64> = (0..requests).map(|_| self.approve()).collect();
        self.forge.tick(1);
        self.publish_main();
        if whole {
            let execute = |index: &u64| self.forge.execute(self.forge.execution_of(&[*index]));
            let executions: Vec<u64> = approvals.iter().map(execute).collect();
            self.forge.tick(1);
            self.publish_main();
            for execution in executions {
                self.forge.outcome(execution, |_| ());
            }
            self.publish_main();
        }
        self.forge.tick(2);
        self.forge.publish_gov();
    }

    fn approve(&mut self) -> u64 {
        let request = self.forge.uuid();
        let by = self.answered % PASSKEYS;
        self.answered += 1;
        let approver = &mut self.approvers[by];
        let action = action(&format!("X{:07}", self.answered));
        let answer = self.forge.answer_for(&request, &action, approver);
        self.forge.answer(approver, answer, false)
    }

    fn publish_main(&mut self) {
        for statement in &self.forge.main.statements[self.tree.size() as usize..] {
            let entry = placet_proto::sha256(statement);
            self.tree.append(leaf_hash(&entry)).expect("a tree far from full");
        }
        let mut note = self.forge.main.checkpoint_of(self.tree.size(), self.tree.root());
        for witness in self.forge.witnesses.clone() {
            witness.cosign(&mut note, self.forge.clock);
        }
        self.forge.main.notes.push(note.to_bytes());
    }
}
