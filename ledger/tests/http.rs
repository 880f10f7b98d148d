//! The router as clients see it: C2SP files, SCRAPI, evidence, pages, and what is refused.

mod common;

use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use common::web::{self, Answer, HOST, assertion, bytes};
use common::*;
use placet_ledger::LogId;
use placet_ledger::http::{self, App};
use placet_proto::cose::{Receipt, Sign1};
use placet_proto::cose_key::PublicKey;
use placet_proto::document::Role;
use placet_proto::sshsig::Namespace;
use placet_softkey::SoftKey;
use placet_verifier::{Options, Verdict, verify_bundle};
use serde_json::{Value, json};

struct Web {
    fixture: Fixture,
    router: Router,
    /// Cookie and CSRF token of who is signed in.
    session: Mutex<Option<(String, String)>>,
}

impl Answer {
    fn text(&self) -> &str {
        &self.text
    }
}

impl Web {
    fn new() -> Self {
        let fixture = Fixture::new();
        Self { router: web::router(&fixture), fixture, session: Mutex::default() }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        web::send(&self.router, request).await
    }

    async fn get(&self, path: &str) -> Answer {
        let mut request = Request::get(path).header(header::HOST, HOST);
        if let Some((cookie, _)) = &*self.session.lock().unwrap() {
            request = request.header(header::COOKIE, cookie);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Signs in, in place of who was.
    async fn sign_in(&self, key: &mut SoftKey) {
        *self.session.lock().unwrap() = None;
        let begun = self.post("/signin/begin", &json!({})).await.ok().json();
        let credential = assertion(key, &begun["options"]);
        let body = json!({"message": begun["message"], "credential": credential});
        let done = self.post("/signin/finish", &body).await.ok();
        let cookie = done.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = done.json()["csrf"].as_str().unwrap().to_owned();
        *self.session.lock().unwrap() = Some((cookie, csrf));
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_from(ORIGIN, path, body).await
    }

    async fn post_from(&self, origin: &str, path: &str, body: &Value) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some((cookie, csrf)) = &*self.session.lock().unwrap() {
            request = request.header(header::COOKIE, cookie).header("x-csrf-token", csrf);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn register(&self, media_type: &str, body: Vec<u8>) -> Answer {
        let request = Request::post("/entries")
            .header(header::HOST, HOST)
            .header(header::CONTENT_TYPE, media_type);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Enrols as the script of the page does.
    async fn enrol(&self, begin: Value, authoriser: Option<&mut SoftKey>) -> SoftKey {
        let begun = match &authoriser {
            None => self.post("/enrol/begin", &begin).await.ok().json(),
            Some(by) => {
                let (name, roles) = (begin["name"].as_str().unwrap(), [Role::Approver]);
                let by = by.credential_id();
                let c = self.fixture.ledger.begin_enrolment(name, &roles, by, None).unwrap();
                let options = json!({"challenge": B64.encode(c.challenge)});
                json!({"registration": c.registration, "options": options})
            }
        };
        let mut key = SoftKey::generate("localhost").unwrap();
        let challenge = bytes(&begun["options"]["challenge"]);
        let made = key.register(&challenge, ORIGIN);
        let credential = json!({
            "id": B64.encode(key.credential_id()),
            "response": {
                "clientDataJSON": B64.encode(made.client_data_json),
                "attestationObject": B64.encode(made.attestation_object),
            },
        });
        let registration = &begun["registration"];
        let body =
            json!({"registration": registration, "credential": credential, "software": true});
        let signing = self.post("/enrol/register", &body).await.ok().json();
        let sign = async |namespace: &str, key: &mut SoftKey, options: &Value| {
            let credential = assertion(key, options);
            let body = json!({
                "registration": registration, "namespace": namespace, "credential": credential
            });
            self.post("/enrol/sign", &body).await.ok().json()
        };
        let mut done = sign(Namespace::EnrolPossess.as_str(), &mut key, &signing["possess"]).await;
        if let Some(authoriser) = authoriser {
            assert_eq!(done["status"], "waiting");
            let namespace = Namespace::EnrolAuthorise.as_str();
            done = sign(namespace, authoriser, &signing["authorise"]).await;
        }
        assert_eq!(done["status"], "enrolled");
        key
    }

    async fn bootstrap(&self) -> SoftKey {
        let begin = json!({"name": "Alice", "code": self.fixture.code});
        let mut key = self.enrol(begin, None).await;
        self.sign_in(&mut key).await;
        key
    }

    async fn answer(&self, request: &str, key: &mut SoftKey, denial: bool) -> Answer {
        self.sign_in(key).await;
        let mut body = json!({"credential": B64.encode(key.credential_id()), "denial": denial});
        if denial {
            body["reason"] = json!("not now");
        }
        let opened = self.post(&format!("/approve/{request}/open"), &body).await.ok().json();
        let body = json!({
            "document": opened["document"], "credential": assertion(key, &opened["options"])
        });
        self.post(&format!("/approve/{request}/answer"), &body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_logs_are_served_as_c2sp_files() {
    let web = Web::new();
    for (prefix, id) in [("/log", LogId::Main), ("/gov", LogId::Gov)] {
        let checkpoint = web.get(&format!("{prefix}/checkpoint")).await.ok();
        assert_eq!(checkpoint.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(checkpoint.header("cache-control"), "public, max-age=2");
        let log = web.fixture.ledger.log(id);
        assert!(checkpoint.text().starts_with(&format!("{}\n3\n", log.origin())));
        let fast = web.get(&format!("{prefix}/checkpoint-fast")).await.ok();
        assert!(fast.text().starts_with(&format!("{}\n3\n", log.origin())));
        let tile = web.get(&format!("{prefix}/tile/0/000.p/3")).await.ok();
        assert_eq!(tile.header("content-type"), "application/octet-stream");
        assert!(tile.header("cache-control").contains("immutable"));
        assert_eq!(tile.body.len(), 96);
        let bundle = web.get(&format!("{prefix}/tile/entries/000.p/3")).await.ok();
        assert_eq!(bundle.body[..2], [0, 32]);
        assert_eq!(bundle.body[2..34], log.entry(0).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_tiles_comes_out_of_the_folder() {
    let web = Web::new();
    for path in [
        "/log/tile/0/0",
        "/log/tile/0/000",
        "/log/tile/0/000.p/4",
        "/log/tile/0/000.p/03",
        "/log/tile/0/x000/000.p/3",
        "/log/tile/../../keys/main-receipt",
        "/log/tile/%2e%2e/%2e%2e/keys/log-receipt",
        "/log/tile/0/..%2f..%2f..%2fkeys%2flog-receipt",
        "/log/checkpoint/",
        "/keys/log-receipt",
    ] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_the_log_registers_again_to_the_same_receipt() {
    let web = Web::new();
    let ledger = &web.fixture.ledger;
    let placet_ledger::Statement::Present(statement) =
        ledger.log(LogId::Main).statement(1).unwrap()
    else {
        panic!("erased")
    };
    let id = hex::encode(placet_proto::sha256(&statement));
    let first = web.register("application/cose", statement.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:?}", first.body);
    assert_eq!(first.header("location"), format!("/entries/{id}"));
    assert_eq!(first.header("content-type"), "application/cose");
    let again = web.register("application/scitt-statement+cose", statement.clone()).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    let by_hex = web.get(&format!("/entries/{id}")).await.ok();
    assert_eq!(
        (by_hex.header("location"), &by_hex.body),
        (&*format!("/entries/{id}"), &first.body)
    );
    let b64 = B64.encode(placet_proto::sha256(&statement));
    assert_eq!(web.get(&format!("/entries/{b64}")).await.ok().body, first.body);

    // The receipt verifies with the key that the service publishes.
    let receipt = Receipt::parse(&first.body).unwrap();
    let keys = web.get("/.well-known/scitt-keys").await.ok();
    assert_eq!(keys.header("content-type"), "application/cbor");
    assert_eq!(keys.body[0], 0x81);
    let kid = B64.encode(receipt.kid);
    let key = web.get(&format!("/.well-known/scitt-keys/{kid}")).await.ok();
    assert_eq!(keys.body[1..], key.body);
    let trust = web.get("/v1/trust").await.ok();
    let trust = placet_proto::trust::TrustFile::parse(&trust.body).unwrap();
    assert!(trust.roots.is_empty() && !trust.allow_dev);
    let key = &trust.logs[0].keys[1];
    let public = PublicKey::from_cose(&key.public_key).unwrap();
    assert_eq!(public.thumbprint().as_slice(), receipt.kid.as_slice());
    let root = ledger.log(LogId::Main).root_at(receipt.proof.tree_size).unwrap();
    let sign1 = Sign1::parse(&first.body).unwrap();
    let signed = sign1.signed_bytes(&root);
    placet_verifier::crypto::verify_cose(&public, &signed, sign1.signature).unwrap();

    // Unprotected headers, which nobody signed, do not make another entry.
    let sign1 = Sign1::parse(&statement).unwrap();
    let extra = [0xa1, 0x18, 0x2a, 0x01];
    let decorated =
        placet_proto::cose::encode_sign1(sign1.protected, &extra, sign1.payload, sign1.signature);
    let same = web.register("application/cose", decorated).await;
    assert_eq!(same.body, first.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scrapi_error_is_concise_problem_details() {
    let web = Web::new();
    let statement = foreign_statement();
    let detached = {
        let s = Sign1::parse(&statement).unwrap();
        placet_proto::cose::encode_sign1(s.protected, s.unprotected, None, s.signature)
    };
    let long = vec![0u8; 600 * 1024];
    let cose = "application/cose";
    let missing = "00".repeat(32);
    let no_key = B64.encode([0; 32]);
    for (answer, status, title) in [
        (web.register(cose, b"no".to_vec()).await, 400, "Malformed request"),
        (web.register(cose, detached).await, 400, "Payload Missing"),
        (web.register(cose, statement.clone()).await, 400, "Rejected"),
        (web.register(cose, long).await, 413, "Content Too Large"),
        (web.register("text/plain", statement).await, 415, "Unsupported Media Type"),
        (web.get("/entries").await, 405, "Method Not Allowed"),
        (web.get("/entries/zz").await, 400, "Invalid locator"),
        (web.get(&format!("/entries/{missing}")).await, 404, "Not Found"),
        (web.get("/entries/a/b").await, 404, "Not Found"),
        (web.get(&format!("/.well-known/scitt-keys/{no_key}")).await, 404, "No such key"),
        (web.get("/.well-known/scitt-keys/a/b").await, 404, "Not Found"),
    ] {
        assert_eq!(answer.status.as_u16(), status, "{title}");
        let media_type = answer.header("content-type");
        assert_eq!(media_type, "application/concise-problem-details+cbor", "{title}");
        // {-1: title, -2: ..}
        assert_eq!(answer.body[..2], [0xa2, 0x20]);
        assert_eq!(&answer.body[3..3 + title.len()], title.as_bytes());
    }
}

/// A statement of this profile by an issuer that nobody admitted.
fn foreign_statement() -> Vec<u8> {
    let other = Fixture::new();
    match other.ledger.log(LogId::Main).statement(2).unwrap() {
        placet_ledger::Statement::Present(bytes) => bytes,
        placet_ledger::Statement::Erased | placet_ledger::Statement::NotFound => panic!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_enrolment_to_evidence_over_http() {
    let web = Web::new();
    let mut alice = web.bootstrap().await;
    let request = web.fixture.request(1);
    let seen = web.get(&format!("/v1/requests/{request}")).await.ok().json();
    assert_eq!((&seen["state"], &seen["required"]), (&json!("open"), &json!(1)));
    let answered = web.answer(&request, &mut alice, false).await.ok().json();
    assert_eq!((&answered["status"], &answered["state"]), (&json!("approval"), &json!("approved")));
    let entry = answered["entry"].as_str().unwrap();
    let receipt = web.get(&format!("/entries/{entry}")).await;
    assert!(receipt.status == StatusCode::OK || receipt.status == StatusCode::NO_CONTENT);

    let path = format!("/v1/evidence/{request}?wait=20");
    let evidence = web.get(&path).await.ok();
    assert_eq!(evidence.header("content-type"), "application/vnd.placet.bundle");
    assert_eq!(evidence.header("placet-evidence"), "complete");
    let root = placet_proto::trust::Root { public_key: alice.public_key().to_cose(), name: None };
    let choices = placet_ledger::service::TrustChoices {
        roots: vec![root],
        allow_dev: true,
        ..Default::default()
    };
    let trust = web.fixture.ledger.trust_file(choices).unwrap();
    let options = Options { as_of: web.fixture.ledger.now().0, ..Options::default() };
    let report = verify_bundle(&evidence.body, &trust, &options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);

    // The answer can't be given twice.
    let again = web.answer_body(&request, &alice).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.header("content-type"), "application/problem+json");
}

impl Web {
    async fn answer_body(&self, request: &str, key: &SoftKey) -> Answer {
        let body = json!({"credential": B64.encode(key.credential_id()), "denial": false});
        self.post(&format!("/approve/{request}/open"), &body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_is_authorised_by_the_first_and_a_denial_ends_the_request() {
    let web = Web::new();
    let mut alice = web.bootstrap().await;
    let begin = json!({
        "name": "Bob", "authoriser": B64.encode(alice.credential_id()), "roles": ["approver"]
    });
    let mut bob = web.enrol(begin, Some(&mut alice)).await;
    let request = web.fixture.request(1);
    let answered = web.answer(&request, &mut bob, true).await.ok().json();
    assert_eq!((&answered["status"], &answered["state"]), (&json!("denial"), &json!("denied")));
    let seen = web.get(&format!("/v1/requests/{request}")).await.ok().json();
    assert_eq!(seen["state"], "denied");
    // The one-time code is used up.
    let begin = json!({"name": "Mallory", "code": web.fixture.code});
    let refused = web.post("/enrol/begin", &begin).await;
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (StatusCode::FORBIDDEN, json!("enrol.code"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_for_something_else_is_refused() {
    let web = Web::new();
    let mut alice = web.bootstrap().await;
    let request = web.fixture.request(1);
    let body = json!({"credential": B64.encode(alice.credential_id()), "denial": false});
    let path = format!("/approve/{request}/open");
    let opened = web.post(&path, &body).await.ok().json();
    let other = web.post(&path, &body).await.ok().json();
    let body = json!({
        "document": opened["document"], "credential": assertion(&mut alice, &other["options"])
    });
    let refused = web.post(&format!("/approve/{request}/answer"), &body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["code"], "answer.assertion");
    let seen = web.get(&format!("/v1/requests/{request}")).await.ok().json();
    assert_eq!(seen["answers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_and_other_origins_are_refused() {
    let web = Web::new();
    let request = Request::get("/log/checkpoint").header(header::HOST, "evil.example");
    let answer = web.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    let answer = web.send(Request::get("/approve").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    for origin in ["https://evil.example", "null", "http://localhost:8421", ""] {
        let begin = json!({"name": "Mallory", "code": web.fixture.code});
        let answer = web.post_from(origin, "/enrol/begin", &begin).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
        assert_eq!(answer.json()["code"], "http.origin");
    }
    // A form of another site can't send this media type without asking first.
    let request = Request::post("/enrol/begin")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, ORIGIN)
        .header(header::CONTENT_TYPE, "text/plain");
    let answer = web.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_pages_send_browsers_to_the_host_of_the_passkeys() {
    let fixture = Fixture::new();
    let app = App::new(fixture.ledger.clone(), &["127.0.0.1:8420".to_owned()]).unwrap();
    let web = Web { router: http::router(app, Router::new()), fixture, session: Mutex::default() };
    let request = Request::get("/enrol?x=1").header(header::HOST, "127.0.0.1:8420");
    let answer = web.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.header("location"), "http://localhost:8420/enrol?x=1");
    let request = Request::get("/log/checkpoint").header(header::HOST, "127.0.0.1:8420");
    web.send(request.body(Body::empty()).unwrap()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_figures() {
    let web = Web::new();
    assert_eq!(web.get("/healthz").await.ok().text(), "ok\n");
    assert_eq!(web.get("/readyz").await.ok().json()["ready"], true);
    assert_eq!(web.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    web.bootstrap().await;
    web.fixture.request(1);
    let figures = web.get("/metrics").await.ok();
    for line in [
        "placet_log_size{log=\"main\"} 4",
        "placet_log_size{log=\"gov\"} 4",
        "placet_log_stopped{log=\"main\"} 0",
        "placet_requests{state=\"open\"} 1",
        "placet_witness_failures{log=\"gov\",witness=\"builtin\"} 0",
    ] {
        assert!(figures.text().lines().any(|l| l == line), "{line}\n{}", figures.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_code_is_slowed_down() {
    let web = Web::new();
    let mut refused = StatusCode::OK;
    for _ in 0..40 {
        let begin = json!({"name": "Mallory", "code": "0000-0000-0000-0000"});
        let answer = web.post("/enrol/begin", &begin).await;
        refused = answer.status;
        if refused == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.header("retry-after"), "1");
            break;
        }
        assert_eq!(refused, StatusCode::FORBIDDEN);
    }
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_when_the_request_changes() {
    let web = Web::new();
    let mut alice = web.bootstrap().await;
    let request = web.fixture.request(1);
    let path = format!("/v1/requests/{request}?wait=30&seen=open");
    let (seen, answered) = tokio::join!(web.get(&path), web.answer(&request, &mut alice, false));
    answered.ok();
    assert_eq!(seen.ok().json()["state"], "approved");
}
