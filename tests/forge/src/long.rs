//! Long logs of an honest ledger, to measure audits with.

use std::path::Path;

use placet_proto::document::Role;
use placet_proto::tlog::merkle::{CompactRange, leaf_hash};

use crate::ledger::Forge;
use crate::people::Person;
use crate::scenarios::action;

/// Requests that are under way at the same time.
const AT_A_TIME: usize = 64;
const PASSKEYS: usize = 8;

/// What the requests of a long log come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// An approval each.
    Approved,
    /// An approval, an execution and an outcome each.
    Executed,
}

/// Writes copies of both logs with so many requests into `DIR/copy`, and `DIR/trust.json`.
///
/// Each request is approved by one of eight passkeys that an administrator's passkey, the root of
/// the trust file, authorised. 64 are under way at a time; both witnesses cosign the main log after
/// their approvals and after their executions, and both logs at the end.
pub fn write_long_log(dir: &Path, requests: usize, come_to: Requests) {
    let mut log = Log::new();
    let mut left = requests;
    while left > 0 {
        let now = left.min(AT_A_TIME);
        log.round(now, come_to);
        left -= now;
    }
    log.forge.write_copies(&dir.join("copy"));
    let trust = log.forge.trust(&[&log.root]).encode();
    std::fs::write(dir.join("trust.json"), trust).expect("a file that can be written");
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

    fn round(&mut self, requests: usize, come_to: Requests) {
        let approvals: Vec<u64> = (0..requests).map(|_| self.approve()).collect();
        self.forge.tick(1);
        self.publish_main();
        if come_to == Requests::Executed {
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
