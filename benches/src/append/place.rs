//! A development ledger with persons in it, and requests that they can answer.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use placet_ledger::LogId;
use placet_ledger::service::{
    self, Carried, Config, Enrolled, Ledger, NewDecision, Opening, Registered,
    RegistrationChallenge, Signed, Surroundings,
};
use placet_proto::action::Action;
use placet_proto::document::{Initiator, PolicyRef, Quorum, Role, Verdict};
use placet_proto::json;
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Assertion;
use placet_proto::time::UnixSeconds;

use super::passkey::{self, Passkey};
use super::{PolicyFiles, parallel};
use crate::Error;

/// The origin of what persons sign.
pub const ORIGIN: &str = "cli://localhost";
const LOG: &str = "localhost/bench";
/// Persons that each request asks for: as many as a policy can.
pub const QUORUM: usize = 16;
/// Requests that live at the same time; the service lets 10,000.
const MAX_LIVE: usize = 9_000;
/// Open requests that an agent may have; the service's own default.
const OF_AGENT: usize = 20;
/// How long requests stay open, in seconds: longer than any run.
const OPEN_S: u64 = 86_400;
/// While persons are enrolled, who wait for checkpoints.
const PUBLISH_MS: u64 = 10;

/// Somebody who answers.
pub struct Person {
    /// The passkey.
    pub key: Passkey,
    /// Value of the session's cookie.
    pub cookie: String,
    /// What posts repeat.
    pub csrf: String,
}

/// See the module.
pub struct Place {
    /// The ledger, as the service opens it.
    pub ledger: Arc<Ledger>,
    /// Who answers.
    pub persons: Vec<Person>,
    policy: PolicyRef,
    opened: usize,
    /// Requests that are open or approved, oldest first.
    live: VecDeque<String>,
}

/// An answer that is ready to be given.
pub struct Ready {
    /// Who gives it.
    pub person: usize,
    /// The request.
    pub request: String,
    /// SHA-256 of the document.
    pub document: [u8; 32],
    /// What the passkey made of it.
    pub assertion: passkey::Assertion,
}

impl Place {
    /// A new ledger, whose service will be at this port, with these persons enrolled and signed in.
    pub fn new(
        folder: &Path,
        port: u16,
        policy: &PolicyFiles,
        keys: Vec<Passkey>,
    ) -> Result<Self, Error> {
        let wanted = Config::local(LOG, port);
        let hurried = Config { publish_ms: PUBLISH_MS, ..wanted.clone() };
        let made = service::init(folder, &hurried, policy, Surroundings::default())?;
        let (ledger, code) = (made.ledger, made.code);
        let administrator = Passkey::generate()?;
        enrol(&ledger, &ledger.begin_bootstrap(&code, "Administrator")?, &administrator, None)?;
        for (n, key) in keys.iter().enumerate() {
            let by = administrator.credential();
            let name = format!("Approver {n}");
            let begun = ledger.begin_enrolment(&name, &[Role::Approver], by, None)?;
            enrol(&ledger, &begun, key, Some(&administrator))?;
        }
        close(ledger);
        // From here on with the settings that a service has if nobody sets any.
        wanted.save(folder)?;
        let ledger = Ledger::open(folder, Surroundings::default())?;
        let person = |key: Passkey| {
            let of = ledger.people()?;
            let is =
                |p: &&service::PersonView| p.keys.iter().any(|k| k.credential == key.credential());
            let person = of.iter().find(is).ok_or_else(|| Error::failed("nobody is enrolled"))?;
            let secret = ledger.start_session(&person.person, key.credential())?;
            Ok(Person { key, cookie: secret.as_str().to_owned(), csrf: secret.csrf() })
        };
        let persons = keys.into_iter().map(person).collect::<Result<_, Error>>()?;
        let (policy, _) = ledger.policy_files()?;
        Ok(Self { ledger, persons, policy, opened: 0, live: VecDeque::new() })
    }

    /// Opens requests, [`QUORUM`] answers each, and makes the documents of `count` answers and the
    /// assertions over them, on all cores.
    pub fn prepare(&mut self, count: usize, cores: usize) -> Result<Vec<Ready>, Error> {
        let first = self.opened;
        let requests = count.div_ceil(QUORUM);
        self.opened += requests;
        self.make_room(requests, cores)?;
        let of = |n: usize| -> Result<Vec<Ready>, Error> {
            let request = self.open(first + n)?;
            let answers = QUORUM.min(count - n * QUORUM);
            // In turn, so that every person has as many to answer as any other.
            let persons = (0..answers).map(|k| (n * QUORUM + k) % self.persons.len());
            persons.map(|person| self.ready(&request, person)).collect()
        };
        let ready: Vec<Ready> = parallel(cores, requests, &of)?.into_iter().flatten().collect();
        self.live.extend(ready.iter().step_by(QUORUM).map(|one| one.request.clone()));
        Ok(ready)
    }

    /// Withdraws old requests, so that there are never more than the service lets live.
    fn make_room(&mut self, requests: usize, cores: usize) -> Result<(), Error> {
        let over = (self.live.len() + requests).saturating_sub(MAX_LIVE);
        let old: Vec<String> = self.live.drain(..over.min(self.live.len())).collect();
        let withdraw = |n: usize| match old.get(n) {
            Some(request) => {
                self.ledger.cancel(request, "measured")?;
                Ok(())
            }
            None => Ok(()),
        };
        parallel(cores, old.len(), &withdraw).map(drop)
    }

    /// Opens request number `n`, in the name of an agent with few others.
    fn open(&self, n: usize) -> Result<String, Error> {
        let ledger = &self.ledger;
        let agent = format!("bot-{}", n / OF_AGENT);
        let action = serde_json::json!({
            "subject": {"type": "agent", "id": agent},
            "action": {"name": "disable_user"},
            "resource": {"type": "user", "id": format!("U{n:08}")},
            "context": {"ticket": "HR-4711", "reason": "left the company"},
        });
        let action = json::parse(action.to_string().as_bytes()).map_err(Error::failed)?;
        let now = ledger.now();
        let decision = NewDecision {
            request: None,
            action: Action::from_request(&action).map_err(Error::failed)?,
            audience: ledger.config().audience.clone(),
            initiator: Initiator { kind: "agent".to_owned(), id: agent },
            decision: Verdict::Requestable,
            policy: self.policy.clone(),
            determining: Vec::new(),
            reason: "bench".to_owned(),
            approvals: Vec::new(),
            not_after: Some(UnixSeconds(now.0 + OPEN_S)),
            quorum: Some(Quorum::of(QUORUM as u64)),
            obligations: vec![],
            seen: None,
        };
        Ok(ledger.create(decision, Carried::default())?)
    }

    fn ready(&self, request: &str, person: usize) -> Result<Ready, Error> {
        let who = self.persons.get(person).ok_or_else(|| Error::failed("no such person"))?;
        let opening = Opening {
            request: request.to_owned(),
            credential: who.key.credential().to_vec(),
            surface: "cli".to_owned(),
            denial: false,
            reason: None,
        };
        let to_sign = self.ledger.open_request(&opening)?;
        let assertion = who.key.assert(&to_sign.challenge, ORIGIN)?;
        let document = *to_sign.document.sha256();
        Ok(Ready { person, request: request.to_owned(), document, assertion })
    }

    /// Whether everything that was answered is in the log: its size.
    pub fn size(&self) -> u64 {
        self.ledger.log(LogId::Main).size()
    }
}

/// An assertion as it stands in a statement.
pub fn stated(key: &Passkey, made: passkey::Assertion) -> Assertion {
    Assertion {
        namespace: Namespace::Approve,
        credential: key.credential().to_vec(),
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    }
}

fn enrol(
    ledger: &Ledger,
    begun: &RegistrationChallenge,
    key: &Passkey,
    by: Option<&Passkey>,
) -> Result<(), Error> {
    let (attestation_object, client_data_json) = key.register(&begun.challenge, ORIGIN);
    let registered = Registered { attestation_object, client_data_json, software: true };
    let sign = ledger.register(&begun.registration, &registered)?;
    let signed = |key: &Passkey, challenge: &[u8]| -> Result<Signed, Error> {
        let made = key.assert(challenge, ORIGIN)?;
        Ok(Signed {
            credential: key.credential().to_vec(),
            authenticator_data: made.authenticator_data,
            client_data_json: made.client_data_json,
            signature: made.signature,
        })
    };
    let id = &begun.registration;
    let possess = signed(key, &sign.possess)?;
    let mut done = ledger.sign_enrolment(id, Namespace::EnrolPossess, possess)?;
    if let (Some(by), Some((_, challenge))) = (by, &sign.authorise) {
        done = ledger.sign_enrolment(id, Namespace::EnrolAuthorise, signed(by, challenge)?)?;
    }
    match done {
        Enrolled::Recorded { note_missing: None, .. } => Ok(()),
        other => Err(Error::failed(format!("a person could not be enrolled: {other:?}"))),
    }
}

/// Waits until the folder is free: a thread of the ledger may hold it for the moment of its round.
pub fn close(ledger: Arc<Ledger>) {
    let weak = Arc::downgrade(&ledger);
    drop(ledger);
    while weak.strong_count() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
}
