//! An agent behind its PEP: asks, waits for a person, consumes, reports the outcome.

use std::time::{Duration, Instant};

use placet_proto::action::Action;
use placet_proto::json;
use serde_json::{Value, json};

use super::client::Client;
use super::ended_badly;

/// Between two actions of one agent.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest time for a person's answer: a request that waits longer is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is said of a request that a denial has ended, before or while an approval is spent.
const ENDED: [&str; 2] = ["request.ended", "request.state"];

/// See the module.
pub struct Agent {
    client: Client,
    n: usize,
}

/// What became of a request that was acknowledged.
pub struct Task {
    pub request: String,
    pub approved: bool,
    /// From the submission to the person's answer.
    pub waited: Duration,
    /// Index of the execution.
    pub execution: Option<u64>,
    /// Each call of the PEP.
    pub calls: Vec<Duration>,
}

impl Agent {
    /// Agent number `n`, whose client has a token.
    pub fn new(client: Client, n: usize) -> Self {
        Self { client, n }
    }

    /// Asks until the end, and sees through what was asked.
    pub fn ask_on(self, end: Instant) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut next = Instant::now() + PAUSE * u32::try_from(self.n % 64).unwrap_or(0) / 64;
        loop {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if Instant::now() >= end || ended_badly() {
                return tasks;
            }
            tasks.push(self.act(tasks.len()));
            next = Instant::now() + PAUSE;
        }
    }

    fn act(&self, round: usize) -> Task {
        let mut calls = Vec::new();
        let mut post = |path: &str, body: &Value| {
            let answer = self.client.post(path, body);
            calls.push(answer.took);
            answer
        };
        let action = json!({
            "subject": {"type": "agent", "id": format!("bot-{}", self.n)},
            "action": {"name": "disable_user"},
            "resource": {"type": "user", "id": format!("X{}-{round}", self.n)},
        });
        let denied = post("/access/v1/evaluation", &action).json(200);
        let request = denied["context"]["evaluation_id"].as_str().expect("it is recorded");
        let mut ask = action.clone();
        ask["denial"] = json!({"evaluation_id": request});
        post("/access/v1/requests", &ask).json(202);
        let asked = Instant::now();
        let mut approved = self.wait(request, asked);
        let waited = asked.elapsed();
        let mut execution = None;
        if approved {
            let consume = json!({
                "request": request,
                "initiator": action["subject"],
                "action_digest": digest(&action),
                "idempotency_key": format!("{request}/1"),
            });
            let consumed = post("/v1/consume", &consume);
            // Another person denied what one had approved, before it was spent.
            approved = !ENDED.contains(&consumed.code().as_str());
            if approved {
                execution = consumed.json(200)["execution"]["index"].as_u64();
                let report = json!({
                    "request": request, "action_digest": digest(&action), "result": "success",
                    "detail": "done",
                });
                post("/v1/outcome", &report).json(200);
            }
        }
        Task { request: request.to_owned(), approved, waited, execution, calls }
    }

    /// Whether a person approved.
    fn wait(&self, request: &str, asked: Instant) -> bool {
        while asked.elapsed() < PATIENCE {
            let task = self.client.get(&format!("/access/v1/requests/{request}?wait=30")).json(200);
            match task["task"]["status"].as_str() {
                Some("approved") => return true,
                Some("denied") => return false,
                Some("pending") => {}
                other => panic!("{request}: {other:?}"),
            }
        }
        panic!("{request} was not answered within {PATIENCE:?}");
    }
}

fn digest(action: &Value) -> String {
    let action = json::parse(action.to_string().as_bytes()).expect("JSON");
    hex::encode(Action::from_request(&action).expect("an action").digest())
}
