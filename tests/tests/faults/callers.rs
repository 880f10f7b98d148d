//! Callers of a service that may be refused, answered late, or left without an answer; and what
//! they were told, which holds whatever they met.

use std::path::Path;

use placet_ledger::service::Config;
use placet_ledger::{Dir, Log, LogId, Statement};
use placet_softkey::SoftKey;
use serde_json::{Value, json};

use super::client::{Client, base64url, credential, from_base64url};
use super::load::{Approved, Book, HEADS, Recorded};

/// What the service says when it can't record for the moment, or not at all any more.
const UNAVAILABLE: u16 = 503;

/// An agent, its PEP, and the person who approves and administrates.
pub struct Callers {
    pub client: Client,
    key: SoftKey,
    signed_in: bool,
    serial: u64,
    pub told: Told,
}

/// What they were told.
#[derive(Default)]
pub struct Told {
    pub recorded: Recorded,
    /// Refusals, by code.
    pub refused: Vec<String>,
    /// Leaves of which an erasure was answered.
    erased: Vec<u64>,
    /// The connection broke: the service is gone.
    pub gone: bool,
}

impl Callers {
    pub fn new(client: Client, key: SoftKey) -> Self {
        Self { client, key, signed_in: false, serial: 0, told: Told::default() }
    }

    /// Everything once. What one caller is refused keeps the next from nothing but what rests on
    /// it.
    pub fn work(&mut self) {
        self.decide();
        let first = self.approved();
        if let Some(mut first) = first {
            let spent = self.consume(&mut first);
            // What may be erased stands apart from here on: nobody knows how far an order came.
            match spent && self.outcome(&first) {
                true => self.erase(&first),
                false => self.told.recorded.approved.push(first),
            }
        }
        if let Some(mut second) = self.approved() {
            self.consume(&mut second);
            self.told.recorded.approved.push(second);
        }
        self.look();
        self.decide();
    }

    fn action(&mut self, name: &str) -> Value {
        self.serial += 1;
        json!({
            "subject": {"type": "agent", "id": "support-bot"},
            "action": {"name": name},
            "resource": {"type": "user", "id": format!("X{}", self.serial)},
        })
    }

    /// A decision that needs nobody.
    pub fn decide(&mut self) -> bool {
        let action = self.action("read_user");
        let request = self.ask(&action);
        self.told.recorded.decided.extend(request.clone());
        request.is_some()
    }

    fn ask(&mut self, action: &Value) -> Option<String> {
        let answer = self.client.post("/access/v1/evaluation", action);
        let answer = self.judge(answer)?;
        let id = answer["context"]["evaluation_id"].as_str().map(str::to_owned);
        if id.is_none() {
            // What can't be recorded is denied.
            assert_eq!(answer["decision"], false, "{answer}");
            self.told.refused.push("decision_unavailable".to_owned());
        }
        id
    }

    /// Something that was approved and not spent.
    pub fn approved(&mut self) -> Option<Approved> {
        let action = self.action("disable_user");
        let request = self.ask(&action)?;
        let mut ask = action.clone();
        ask["denial"] = json!({"evaluation_id": request});
        let asked = self.client.post("/access/v1/requests", &ask);
        self.judge(asked)?;
        let open = json!({"credential": base64url(self.key.credential_id()), "denial": false});
        let opened = self.signed_in(&format!("/approve/{request}/open"), &open)?;
        let signed = self.sign(&opened);
        let answered = self.signed_in(&format!("/approve/{request}/answer"), &signed)?;
        Some(Approved {
            index: answered["index"].as_u64().unwrap(),
            entry: answered["entry"].as_str().unwrap().to_owned(),
            request,
            execution: None,
            action,
        })
    }

    fn sign(&mut self, opened: &Value) -> Value {
        let challenge = from_base64url(&opened["options"]["challenge"]);
        let made = self.key.assert(&challenge, "cli://localhost");
        json!({"document": opened["document"], "credential": credential(&made)})
    }

    fn consume(&mut self, approved: &mut Approved) -> bool {
        let answer = approved.consume(&self.client, "call");
        let Some(answer) = self.judge(answer) else { return false };
        approved.execution = answer["execution"]["index"].as_u64();
        assert!(approved.execution.is_some(), "{answer}");
        true
    }

    fn outcome(&mut self, approved: &Approved) -> bool {
        let report = json!({
            "request": approved.request, "action_digest": approved.action_digest(),
            "result": "success", "detail": "done",
        });
        let answer = self.client.post("/v1/outcome", &report);
        self.judge(answer).is_some()
    }

    /// Orders that everything about a request is erased.
    fn erase(&mut self, approved: &Approved) {
        let body = json!({"leaf": approved.index, "reason": "asked for"});
        let Some(order) = self.signed_in("/v1/erasures/prepare", &body) else { return };
        let body = self.sign(&order);
        if self.signed_in("/v1/erasures/confirm", &body).is_some() {
            let leaves = order["leaves"].as_array().unwrap();
            self.told.erased.extend(leaves.iter().filter_map(Value::as_u64));
        }
    }

    fn look(&mut self) {
        for (seen, path) in self.told.recorded.heads.iter_mut().zip(HEADS) {
            seen.extend(self.client.head(path));
        }
    }

    fn signed_in(&mut self, path: &str, body: &Value) -> Option<Value> {
        if !self.signed_in {
            let answer = self.client.try_sign_in(&mut self.key);
            self.judge(answer)?;
            self.signed_in = true;
        }
        let answer = self.client.post_signed_in(path, body);
        self.judge(answer)
    }

    /// An answer that says that it was done. Any other one has to say that nothing can be recorded
    /// now: whoever is refused for another reason was promised something that does not hold.
    fn judge(&mut self, answer: Option<(u16, Value)>) -> Option<Value> {
        match answer {
            None => {
                self.told.gone = true;
                None
            }
            Some((200 | 202, answer)) => Some(answer),
            Some((UNAVAILABLE, answer)) => {
                let code = answer["code"].as_str().unwrap_or_else(|| panic!("no code: {answer}"));
                self.told.refused.push(code.to_owned());
                None
            }
            Some((status, answer)) => panic!("{status}: {answer}"),
        }
    }

    /// Whether it says that it is ready, and what it says.
    pub fn ready(&self) -> (bool, Value) {
        let (status, said) = self.client.get("/readyz").expect("it answers");
        (status == 200, said)
    }

    /// Reading goes on, whatever became of writing.
    pub fn read_all(&self) {
        for path in HEADS {
            assert!(self.client.head(path).is_some(), "{path} can't be read");
        }
        for approved in &self.told.recorded.approved {
            let found = self.client.get(&format!("/v1/requests/{}", approved.request)).unwrap();
            assert_eq!(found.0, 200, "{}", found.1);
        }
    }
}

impl Told {
    /// What a service without faults has to confirm.
    pub fn check(&self, client: &Client) {
        self.recorded.check(client, 0);
    }

    /// What the folder has to hold; it is not in use.
    pub fn check_folder(self, dir: &Path) {
        let config = Config::load(dir).unwrap();
        let folder = Dir::open_read_only(dir).unwrap();
        let log = Log::open_read_only(&folder, LogId::Main, &config.origin).unwrap();
        for leaf in &self.erased {
            assert_eq!(log.statement(*leaf).unwrap(), Statement::Erased, "{leaf} came back");
        }
        drop((log, folder));
        super::audit::audit(dir, &Book { lives: vec![self.recorded], erases: true });
    }
}
