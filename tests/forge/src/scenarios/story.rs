//! The story that most vectors tell: one root administrator, one request, approved, executed.

use placet_proto::action::Action;
use placet_proto::bundle::Bundle;
use placet_proto::document::Role;
use placet_proto::json;
use placet_proto::trust::TrustFile;

use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

/// `disable_user` on a user.
#[must_use]
pub fn action(id: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"disable_user"}},
            "resource":{{"type":"user","id":"{id}"}},"context":{{}}}}"#
    );
    let json = json::parse(text.as_bytes()).expect("valid JSON");
    Action::from_document(&json).expect("a valid action")
}

/// Where a story stands.
#[derive(Debug)]
pub struct Story {
    /// The ledger.
    pub forge: Forge,
    /// Root, administrator, approver.
    pub alice: Person,
    /// The request.
    pub request: String,
    /// Leaf of the approval.
    pub approval: u64,
    /// Leaf of the execution, once there is one.
    pub execution: u64,
}

impl Story {
    /// A ledger where Alice is enrolled and a request waits.
    #[must_use]
    pub fn opened() -> Self {
        Self::opened_on(Forge::new())
    }

    /// The same on a ledger of one's own making.
    #[must_use]
    pub fn opened_on(mut forge: Forge) -> Self {
        let mut alice = Person::named("Alice");
        forge.tick(5);
        forge.enrol(&mut alice, &[Role::Administrator, Role::Approver], None);
        let request = forge.uuid();
        forge.tick(5);
        forge.publish_both();
        Self { forge, alice, request, approval: 0, execution: 0 }
    }

    /// Alice approves, and the main log is cosigned.
    #[must_use]
    pub fn approved(mut self) -> Self {
        let answer = self.forge.answer_for(&self.request, &action("X0001"), &self.alice);
        self.forge.tick(3);
        self.approval = self.forge.answer(&mut self.alice, answer, false);
        self.forge.publish_main();
        self
    }

    /// The PEP executes.
    #[must_use]
    pub fn executed(mut self) -> Self {
        self.forge.tick(1);
        self.execution = self.forge.execute(self.forge.execution_of(&[self.approval]));
        self.forge.publish_main();
        self
    }

    /// The PEP records the outcome, and both logs are closed as evidence needs it.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.forge.tick(1);
        self.forge.outcome(self.execution, |_| ());
        self.close();
        self
    }

    /// Main cosign, then a governance cosign at a later second.
    pub fn close(&mut self) {
        self.forge.publish_main();
        self.forge.tick(2);
        self.forge.publish_gov();
    }

    /// Evidence with Alice's name.
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        self.forge.bundle(&[&self.request], &[&self.alice])
    }

    /// Alice's key is the root.
    #[must_use]
    pub fn trust(&self) -> TrustFile {
        self.forge.trust(&[&self.alice])
    }

    /// The story as a vector.
    #[must_use]
    pub fn vector(
        &self,
        name: &'static str,
        about: &'static str,
        requirements: &'static [&'static str],
        expect: Expect,
    ) -> Vector {
        Vector::new(name, about, requirements, &self.bundle(), &self.trust(), expect)
    }
}

impl Story {
    /// The story as a vector whose evidence opens no names.
    #[must_use]
    pub fn vector_without_names(
        &self,
        name: &'static str,
        about: &'static str,
        requirements: &'static [&'static str],
        expect: Expect,
    ) -> Vector {
        let bundle = self.forge.bundle(&[&self.request], &[]);
        Vector::new(name, about, requirements, &bundle, &self.trust(), expect)
    }
}

/// The whole honest story.
#[must_use]
pub fn story() -> Story {
    Story::opened().approved().executed().closed()
}
