//! The real router over a ledger in a temporary folder, with software passkeys for persons.
#![allow(dead_code)] // Each test file uses a part of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use placet_ledger::http::{self, App};
use placet_ledger::service::{
    Change, Clock, Config, Initialised, Ledger, Opening, Registered, Scope, Signed, Surroundings,
    SystemClock, init,
};
use placet_ledger::{LogId, Statement as Stored};
use placet_pep::http::Pep;
use placet_pep::policy::PolicyFiles;
use placet_proto::action::Action;
use placet_proto::document::{Body as Document, Role};
use placet_proto::json as strict;
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_softkey::SoftKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub const ORIGIN: &str = "cli://localhost";

pub struct Web {
    pub ledger: Arc<Ledger>,
    pub router: Router,
    pub key: SoftKey,
    pub token: String,
    pub clock: Arc<TestClock>,
    pub tmp: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

impl Web {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let mut config = Config::local("localhost/test", 8420);
        config.publish_ms = 20;
        change(&mut config);
        let policy = files(&PolicyFiles::demo());
        let clock = Arc::<TestClock>::default();
        let around = Surroundings { clock: clock.clone(), witnesses: None };
        let Initialised { ledger, code } =
            init(&tmp.path().join("d"), &config, &policy, around).unwrap();
        let key = enrol(&ledger, &code);
        let made = ledger.access().create_token("tests", &[Scope::Pep], None, ledger.now());
        let token = made.unwrap().1;
        let router = router(&ledger);
        Self { ledger, router, key, token, clock, tmp }
    }

    /// Ends the service and starts it again on the same folder.
    pub fn restart(self) -> Self {
        let Self { ledger, router: old, key, token, clock, tmp } = self;
        drop((ledger, old));
        let ledger = loop {
            let around = Surroundings { clock: clock.clone(), witnesses: None };
            match Ledger::open(&tmp.path().join("d"), around) {
                // Its threads are on their way out.
                Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let router = router(&ledger);
        Self { ledger, router, key, token, clock, tmp }
    }

    /// Another person, who may approve, with a key of its own.
    pub fn enrol_further(&mut self, name: &str, roles: &[Role]) -> (String, SoftKey) {
        let by = self.key.credential_id().to_vec();
        let begun = self.ledger.begin_enrolment(name, roles, &by, None).unwrap();
        let mut key = SoftKey::generate("localhost").unwrap();
        let made = key.register(&begun.challenge, ORIGIN);
        let registered = Registered {
            attestation_object: made.attestation_object,
            client_data_json: made.client_data_json,
            software: true,
        };
        let sign = self.ledger.register(&begun.registration, &registered).unwrap();
        let possess = signed(&mut key, &sign.possess);
        let id = &begun.registration;
        self.ledger.sign_enrolment(id, Namespace::EnrolPossess, possess).unwrap();
        let (_, challenge) = sign.authorise.unwrap();
        let authorise = signed(&mut self.key, &challenge);
        self.ledger.sign_enrolment(id, Namespace::EnrolAuthorise, authorise).unwrap();
        (begun.person, key)
    }

    /// Puts a policy in force, signed by the first person.
    pub fn set_policy(&mut self, policy: &PolicyFiles) -> Result<(), placet_ledger::Error> {
        let change = Change::Policy(files(policy));
        let to_sign = self.ledger.prepare_change(&change, self.key.credential_id())?;
        let by_first = signed(&mut self.key, &to_sign.challenge);
        self.ledger.confirm_change(to_sign.document.sha256(), by_first).map(drop)
    }

    /// The demonstration's policy with another policies.cedar, in force.
    pub fn set_cedar(&mut self, cedar: &str) -> Result<(), placet_ledger::Error> {
        let mut files = files(&PolicyFiles::demo());
        files.insert("policies.cedar".to_owned(), cedar.as_bytes().to_vec());
        self.set_policy(&PolicyFiles::from_files(files).unwrap())
    }

    /// A requestable denial's context.
    pub async fn denied(&self, action: &Value) -> Value {
        let denied = self.post("/access/v1/evaluation", action).await.ok();
        assert_eq!(denied["decision"], false);
        assert_eq!(denied["context"]["reason"], "approval_required", "{denied}");
        denied["context"].clone()
    }

    pub async fn delete(&self, path: &str) -> Answer {
        let request = Request::delete(path)
            .header(header::HOST, "localhost:8420")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, "localhost:8420")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path)
            .header(header::HOST, "localhost:8420")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Denied, asked for: the id of the request.
    pub async fn ask(&self, action: &Value) -> String {
        let denied = self.post("/access/v1/evaluation", action).await.ok();
        assert_eq!(denied["context"]["reason"], "approval_required");
        let ask = asking(action, &denied["context"]);
        let asked = self.post("/access/v1/requests", &ask).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        assert_eq!(asked.body["task"]["status"], "pending");
        asked.body["task"]["id"].as_str().unwrap().to_owned()
    }

    pub fn answer(&mut self, request: &str, denial: bool) {
        answer_with(&self.ledger, &mut self.key, request, denial).unwrap();
    }

    /// The last decision of the main log.
    pub fn last_decision(&self) -> placet_proto::document::Decision {
        let log = self.ledger.log(LogId::Main);
        let found = (0..log.size()).rev().find_map(|i| {
            let Stored::Present(bytes) = log.statement(i).unwrap() else { return None };
            match Statement::parse(&bytes).unwrap().document.body {
                Document::Decision(decision) => Some(decision),
                _ => None,
            }
        });
        found.unwrap()
    }
}

pub fn enrol(ledger: &Ledger, code: &str) -> SoftKey {
    let begun = ledger.begin_bootstrap(code, "Alice").unwrap();
    let mut key = SoftKey::generate("localhost").unwrap();
    let made = key.register(&begun.challenge, ORIGIN);
    let registered = Registered {
        attestation_object: made.attestation_object,
        client_data_json: made.client_data_json,
        software: true,
    };
    let to_sign = ledger.register(&begun.registration, &registered).unwrap();
    let possess = signed(&mut key, &to_sign.possess);
    ledger.sign_enrolment(&begun.registration, Namespace::EnrolPossess, possess).unwrap();
    key
}

pub fn signed(key: &mut SoftKey, challenge: &[u8]) -> Signed {
    let made = key.assert(challenge, ORIGIN);
    Signed {
        credential: made.credential_id,
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    }
}

pub fn disable(id: &str) -> Value {
    json!({
        "subject": {"type": "agent", "id": "support-bot"},
        "action": {"name": "disable_user"},
        "resource": {"type": "user", "id": id},
    })
}

pub fn digest(action: &Value) -> String {
    let json = strict::parse(action.to_string().as_bytes()).unwrap();
    hex::encode(Action::from_request(&json).unwrap().digest())
}

pub fn consume(request: &str, action: &Value, key: &str) -> Value {
    json!({
        "request": request,
        "initiator": {"type": "agent", "id": "support-bot"},
        "action_digest": digest(action),
        "idempotency_key": key,
    })
}

/// The clock of the machine, set forward by tests.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

fn router(ledger: &Arc<Ledger>) -> Router {
    router_at(ledger, &[])
}

/// All routes, for a server that is also reached at these addresses.
pub fn router_at(ledger: &Arc<Ledger>, addresses: &[String]) -> Router {
    let app = App::new(Arc::clone(ledger), addresses).unwrap();
    let pep = Pep::new(app.clone()).unwrap();
    http::router(app, pep.routes())
}

pub fn files(policy: &PolicyFiles) -> BTreeMap<String, Vec<u8>> {
    policy.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect()
}

/// A person answers.
pub fn answer_with(
    ledger: &Ledger,
    key: &mut SoftKey,
    request: &str,
    denial: bool,
) -> Result<(), placet_ledger::Error> {
    let opening = Opening {
        request: request.to_owned(),
        credential: key.credential_id().to_vec(),
        surface: "cli".to_owned(),
        denial,
        reason: denial.then(|| "not today".to_owned()),
    };
    let to_sign = ledger.open_request(&opening)?;
    let signed = signed(key, &to_sign.challenge);
    ledger.answer(to_sign.document.sha256(), signed).map(drop)
}

/// The submission that asks for what was denied, as a PEP makes it.
pub fn asking(action: &Value, denied: &Value) -> Value {
    let mut ask = action.clone();
    ask["denial"] = denial(denied);
    ask
}

pub fn denial(denied: &Value) -> Value {
    json!({
        "evaluation_id": denied["evaluation_id"],
        "evaluated_at": denied["evaluated_at"],
        "expires_at": denied["access_request"]["expires_at"],
        "reason": denied["reason"],
        "binding_token": denied["access_request"]["binding_token"],
    })
}
