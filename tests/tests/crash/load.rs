//! Agents, an approver and a reader, and what was acknowledged to them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use placet_proto::action::Action;
use placet_proto::json;
use placet_softkey::SoftKey;
use serde_json::{Value, json};

use super::client::{Client, Head, base64url, credential, from_base64url};

/// Threads that ask for decisions.
const AGENTS: u64 = 3;
/// Of an agent's decisions, each so many makes a request.
const REQUEST_EVERY: u64 = 4;
/// Requests that may be live in the whole test: the service takes 10,000.
const MAX_REQUESTS: u64 = 9_000;
/// Answers of a person in one life.
const MAX_ANSWERS: u64 = 40;
/// Each log's checkpoints: what is durable, and what witnesses cosigned.
pub const HEADS: [&str; 4] =
    ["/log/checkpoint-fast", "/log/checkpoint", "/gov/checkpoint-fast", "/gov/checkpoint"];

/// What was just acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Decision,
    Approval,
    Execution,
    /// The person has done enough for one life, or for all.
    PersonDone,
}

/// Who makes the load, over all lives of the service.
pub struct Load {
    key: SoftKey,
    actions: AtomicU64,
    requests: AtomicU64,
}

/// An entry of the main log, by a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    pub request: String,
    pub index: u64,
    pub entry: String,
    /// The execution that spent it, if that was acknowledged.
    pub execution: Option<u64>,
    pub action: Value,
}

/// What was acknowledged in one life.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Requests of decisions that permit or deny.
    pub decided: Vec<String>,
    /// Requests of decisions that ask for a person.
    pub offered: Vec<String>,
    pub approved: Vec<Approved>,
    /// Checkpoints in the order in which they were seen, by their place in [`HEADS`].
    pub heads: [Vec<Head>; HEADS.len()],
}

/// What was acknowledged in all lives.
#[derive(Debug, Default)]
pub struct Book {
    pub lives: Vec<Recorded>,
    /// Whether somebody ordered erasures: what was erased stands in no life.
    pub erases: bool,
}

impl Load {
    pub fn new(key: SoftKey) -> Self {
        Self { key, actions: AtomicU64::new(0), requests: AtomicU64::new(0) }
    }

    /// Works until the service is gone, for which `kill` is called beside that. It gets what is
    /// acknowledged as it happens.
    pub fn run(&mut self, client: Client, kill: impl FnOnce(&Receiver<Event>)) -> Recorded {
        let (acknowledged, events) = channel();
        let Self { key, actions, requests } = self;
        let (actions, requests) = (&*actions, &*requests);
        let agent = |client: Client, acknowledged: Sender<Event>| {
            move || Agent { client, actions, requests, acknowledged }
        };
        thread::scope(|scope| {
            let agents: Vec<_> = (0..AGENTS)
                .map(|_| agent(client.clone(), acknowledged.clone()))
                .map(|agent| scope.spawn(move || agent().ask_on()))
                .collect();
            let person = agent(client.clone(), acknowledged.clone());
            let person = scope.spawn(move || person().answer_on(key));
            let reader = scope.spawn(move || watch(&client));
            drop(acknowledged);
            kill(&events);
            let mut recorded = person.join().unwrap();
            for agent in agents {
                let more = agent.join().unwrap();
                recorded.decided.extend(more.decided);
                recorded.offered.extend(more.offered);
            }
            recorded.heads = reader.join().unwrap();
            recorded
        })
    }
}

/// One after the other.
impl Load {
    /// Does everything once; `told` gets each acknowledgement as it comes.
    pub fn one_by_one(&mut self, client: Client, mut told: impl FnMut(Recorded)) {
        let (acknowledged, _events) = channel();
        let Self { key, actions, requests } = self;
        let mut agent = Agent { client, actions, requests, acknowledged };
        agent.client.sign_in(key).unwrap();
        for _ in 0..2 {
            let decided = vec![agent.decide(&agent.action("read_user")).unwrap()];
            told(Recorded { decided, ..Recorded::default() });
        }
        let action = agent.action("disable_user");
        let request = agent.decide(&action).unwrap();
        told(Recorded { offered: vec![request.clone()], ..Recorded::default() });
        let mut approved = agent.approve(&request, action, key).unwrap();
        told(Recorded { approved: vec![approved.clone()], ..Recorded::default() });
        let (status, answer) = approved.consume(&agent.client, "call").unwrap();
        assert_eq!(status, 200, "{answer}");
        approved.execution = answer["execution"]["index"].as_u64();
        told(Recorded { approved: vec![approved], ..Recorded::default() });
        let mut heads: [Vec<Head>; HEADS.len()] = Default::default();
        for (seen, path) in heads.iter_mut().zip(HEADS) {
            seen.extend(agent.client.head(path));
        }
        told(Recorded { heads, ..Recorded::default() });
    }
}

/// One thread.
struct Agent<'a> {
    client: Client,
    actions: &'a AtomicU64,
    requests: &'a AtomicU64,
    acknowledged: Sender<Event>,
}

impl Agent<'_> {
    fn ask_on(self) -> Recorded {
        let mut recorded = Recorded::default();
        for n in 0_u64.. {
            let asks = n % REQUEST_EVERY == 0 && self.may_request();
            let list = if asks { &mut recorded.offered } else { &mut recorded.decided };
            match self.decide(&self.action(if asks { "disable_user" } else { "read_user" })) {
                Some(request) => list.push(request),
                None => break,
            }
        }
        recorded
    }

    /// From a denial to an approval, and every other time to an execution.
    fn answer_on(mut self, key: &mut SoftKey) -> Recorded {
        let mut recorded = Recorded::default();
        if self.client.sign_in(key).is_none() {
            return recorded;
        }
        for n in 0..MAX_ANSWERS {
            if !self.may_request() {
                break;
            }
            let action = self.action("disable_user");
            let Some(request) = self.decide(&action) else { break };
            recorded.offered.push(request.clone());
            let Some(approved) = self.approve(&request, action, key) else { break };
            recorded.approved.push(approved);
            self.tell(Event::Approval);
            let Some(approved) = recorded.approved.last_mut().filter(|_| n % 2 == 0) else {
                continue;
            };
            match approved.consume(&self.client, "call") {
                Some((200, answer)) => {
                    approved.execution = answer["execution"]["index"].as_u64();
                    self.tell(Event::Execution);
                }
                Some(other) => panic!("not consumed: {other:?}"),
                None => break,
            }
        }
        self.tell(Event::PersonDone);
        recorded
    }

    /// That nobody listens any more is no mistake: the kill is under way.
    fn tell(&self, event: Event) {
        let _ = self.acknowledged.send(event);
    }

    fn may_request(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed) < MAX_REQUESTS
    }

    fn action(&self, name: &str) -> Value {
        let n = self.actions.fetch_add(1, Ordering::Relaxed);
        json!({
            "subject": {"type": "agent", "id": "support-bot"},
            "action": {"name": name},
            "resource": {"type": "user", "id": format!("X{n}")},
        })
    }

    /// A decision that was recorded; nothing when the service is gone.
    fn decide(&self, action: &Value) -> Option<String> {
        let (status, answer) = self.client.post("/access/v1/evaluation", action)?;
        let id = answer["context"]["evaluation_id"].as_str();
        let id = id.unwrap_or_else(|| panic!("not recorded: {status} {answer}")).to_owned();
        self.tell(Event::Decision);
        Some(id)
    }

    fn approve(&self, request: &str, action: Value, key: &mut SoftKey) -> Option<Approved> {
        let expect = |wanted: u16, answer: Option<(u16, Value)>| {
            answer.map(|(status, body)| {
                assert_eq!(status, wanted, "{body}");
                body
            })
        };
        let mut ask = action.clone();
        ask["denial"] = json!({"evaluation_id": request});
        expect(202, self.client.post("/access/v1/requests", &ask))?;
        let open = json!({"credential": base64url(key.credential_id()), "denial": false});
        let opened =
            expect(200, self.client.post_signed_in(&format!("/approve/{request}/open"), &open))?;
        let challenge = from_base64url(&opened["options"]["challenge"]);
        let made = key.assert(&challenge, "cli://localhost");
        let signed = json!({"document": opened["document"], "credential": credential(&made)});
        let path = format!("/approve/{request}/answer");
        let answered = expect(200, self.client.post_signed_in(&path, &signed))?;
        assert_eq!(answered["state"], "approved", "{answered}");
        Some(Approved {
            request: request.to_owned(),
            index: answered["index"].as_u64().unwrap(),
            entry: answered["entry"].as_str().unwrap().to_owned(),
            execution: None,
            action,
        })
    }
}

impl Approved {
    /// SHA-256 of the action, in hexadecimal.
    pub fn action_digest(&self) -> String {
        let action = json::parse(self.action.to_string().as_bytes()).unwrap();
        hex::encode(Action::from_request(&action).unwrap().digest())
    }

    pub fn consume(&self, client: &Client, key: &str) -> Option<(u16, Value)> {
        let body = json!({
            "request": self.request,
            "initiator": {"type": "agent", "id": "support-bot"},
            "action_digest": self.action_digest(),
            "idempotency_key": key,
        });
        client.post("/v1/consume", &body)
    }
}

/// Reads checkpoints until the service is gone.
fn watch(client: &Client) -> [Vec<Head>; HEADS.len()] {
    let mut seen: [Vec<Head>; HEADS.len()] = Default::default();
    // Every ledger has all of them from `init` on: one that does not come means the end.
    for (place, path) in (0..HEADS.len()).zip(HEADS).cycle() {
        let Some(head) = client.head(path) else { break };
        if seen[place].last() != Some(&head) {
            seen[place].push(head);
        }
    }
    seen
}

impl Recorded {
    /// Asks the service, in its next life, for everything.
    pub fn check(&self, client: &Client, round: u64) {
        let view = |request: &str| {
            let found = client.get(&format!("/v1/requests/{request}"));
            let (status, view) = found.expect("a service that is ready answers");
            assert_eq!(status, 200, "round {round}: request {request} is lost: {view}");
            view
        };
        for request in &self.offered {
            view(request);
        }
        for approved in &self.approved {
            let view = view(&approved.request);
            assert_eq!(view["answers"][0]["index"], approved.index, "round {round}: {view}");
            let Some(execution) = approved.execution else { continue };
            assert_eq!(view["execution"]["index"], execution, "round {round}: {view}");
            // At most once, whatever was killed: the same call gets the same answer, another none.
            let (status, again) = approved.consume(client, "call").unwrap();
            assert_eq!((status, &again["repeated"]), (200, &Value::Bool(true)), "{again}");
            assert_eq!(again["execution"]["index"], execution);
            assert_eq!(approved.consume(client, "other call").unwrap().0, 409);
        }
        for (seen, path) in self.heads.iter().zip(HEADS) {
            let now = client.head(path).expect("a checkpoint");
            let before = seen.last().map_or(0, |(size, _)| *size);
            assert!(now.0 >= before, "round {round}: {path} went from {before} to {}", now.0);
        }
    }
}

impl Book {
    pub fn add(&mut self, recorded: Recorded) {
        self.lives.push(recorded);
    }

    pub fn decisions(&self) -> u64 {
        self.sum(|life| life.decided.len() + life.offered.len())
    }

    pub fn approvals(&self) -> u64 {
        self.sum(|life| life.approved.len())
    }

    pub fn executions(&self) -> u64 {
        self.sum(|life| life.approved.iter().filter(|a| a.execution.is_some()).count())
    }

    pub fn heads(&self) -> u64 {
        self.sum(|life| life.heads.iter().map(Vec::len).sum())
    }

    fn sum(&self, count: impl Fn(&Recorded) -> usize) -> u64 {
        self.lives.iter().map(|life| count(life) as u64).sum()
    }
}
