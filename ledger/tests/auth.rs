//! Who may do what, over the real router: sessions, CSRF, tokens, proxies, and what the log says.

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use common::web::{self, Answer, HOST, assertion_over as assertion, bytes};
use common::*;
use placet_ledger::http::server::Peer;
use placet_ledger::service::{Change, Scope};
use placet_proto::sshsig::{self, Namespace};
use placet_softkey::SoftKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Web {
    fixture: Fixture,
    router: Router,
}

/// A session as its browser knows it.
#[derive(Clone)]
struct Session {
    cookie: String,
    csrf: String,
}

impl Answer {
    fn refused(&self, status: u16, code: &str) {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status.as_u16(), &self.json()["code"]), (status, &json!(code)), "{body}");
    }
}

impl Web {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut placet_ledger::service::Config)) -> Self {
        log();
        let fixture = Fixture::with(change);
        Self { router: web::router(&fixture), fixture }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, HOST);
        }
        for (name, value) in headers {
            match *name {
                "peer" => {
                    let peer: SocketAddr = format!("{value}:5000").parse().unwrap();
                    request = request.extension(Peer(peer));
                }
                name => request = request.header(name, *value),
            }
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        web::send(&self.router, request).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, "").await
    }

    /// Posts JSON from our own origin, with further or other headers.
    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        if !headers.iter().any(|(name, _)| *name == "origin") {
            all.push(("origin", ORIGIN));
        }
        all.extend_from_slice(headers);
        self.send(Method::POST, path, &all, &body.to_string()).await
    }

    async fn begin(&self) -> Value {
        self.post("/signin/begin", &json!({}), &[]).await.ok().json()
    }

    async fn finish(&self, begun: &Value, key: &mut SoftKey, headers: &[(&str, &str)]) -> Answer {
        let credential = assertion(key, &bytes(&begun["options"]["challenge"]));
        let body = json!({"message": begun["message"], "credential": credential});
        self.post("/signin/finish", &body, headers).await
    }

    async fn sign_in(&self, key: &mut SoftKey) -> Session {
        let begun = self.begin().await;
        session_of(&self.finish(&begun, key, &[]).await.ok())
    }
}

impl Session {
    fn headers(&self) -> [(&str, &str); 2] {
        [("cookie", &self.cookie), ("x-csrf-token", &self.csrf)]
    }
}

fn session_of(answer: &Answer) -> Session {
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    Session { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() }
}

/// [R-10-20]
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_begins_a_session_with_a_new_id_each_time() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let begun = web.begin().await;
    let message = bytes(&begun["message"]);
    let challenge = sshsig::challenge(Namespace::Signin, &message);
    assert_eq!(bytes(&begun["options"]["challenge"]), challenge);
    assert_eq!(begun["options"]["userVerification"], "required");
    let done = web.finish(&begun, &mut alice.key, &[]).await.ok();
    let cookie = done.header("set-cookie").to_owned();
    assert!(cookie.starts_with("placet=") && !cookie.contains("Secure"), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert_eq!(done.json()["person"], json!(alice.id));
    let first = session_of(&done);
    web.get("/approve", &first.headers()).await.ok();
    // The message is used up.
    web.finish(&begun, &mut alice.key, &[]).await.refused(403, "signin.message");

    // An id that somebody else planted is never taken over, and the old session ends.
    let planted = format!("placet={}", "A".repeat(43));
    let begun = web.begin().await;
    let second = web.finish(&begun, &mut alice.key, &[("cookie", &planted)]).await.ok();
    let second = session_of(&second);
    assert_ne!(second.cookie, planted);
    web.get("/v1/requests", &[("cookie", &planted)]).await.refused(401, "http.token");
    let begun = web.begin().await;
    let third = web.finish(&begun, &mut alice.key, &[("cookie", &second.cookie)]).await.ok();
    let third = session_of(&third);
    web.get("/v1/requests", &second.headers()).await.refused(401, "http.token");
    web.get("/v1/requests", &third.headers()).await.ok();
    // Two cookies of the name: one is not ours, so neither counts.
    let both = format!("{}; {planted}", third.cookie);
    web.get("/v1/requests", &[("cookie", &both)]).await.refused(401, "http.token");
    let begun = web.post("/signin/begin", &json!({}), &third.headers()).await.ok().json();
    assert_eq!(begun["signed_in"], true);

    web.post("/signout", &json!({}), &[("cookie", &third.cookie)]).await.refused(403, "http.csrf");
    let out = web.post("/signout", &json!({}), &third.headers()).await.ok();
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    web.get("/v1/requests", &third.headers()).await.refused(401, "http.token");
    web.get("/v1/requests", &first.headers()).await.ok();
    web.fixture.clock.forward(3600);
    web.get("/v1/requests", &first.headers()).await.refused(401, "http.token");
}

/// [R-10-20]
#[tokio::test(flavor = "multi_thread")]
async fn only_an_enrolled_passkeys_signature_for_signing_in_signs_in() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let begun = web.begin().await;
    let finish = async |challenge: &[u8], message: &Value, key: &mut SoftKey| {
        let body = json!({"message": message, "credential": assertion(key, challenge)});
        web.post("/signin/finish", &body, &[]).await
    };
    let message = bytes(&begun["message"]);
    // What was signed to approve, or for another message, is no sign-in.
    let approve = sshsig::challenge(Namespace::Approve, &message);
    finish(&approve, &begun["message"], &mut alice.key).await.refused(403, "answer.assertion");
    let other = web.begin().await;
    let challenge = bytes(&other["options"]["challenge"]);
    finish(&challenge, &begun["message"], &mut alice.key).await.refused(403, "answer.assertion");
    let mut stranger = SoftKey::generate("localhost").unwrap();
    finish(&challenge, &other["message"], &mut stranger).await.refused(404, "person.unknown");
    // A message that we did not make.
    let own = json!(B64.encode([7; 56]));
    let challenge = sshsig::challenge(Namespace::Signin, &[7; 56]);
    finish(&challenge, &own, &mut alice.key).await.refused(403, "signin.message");
    // Too old.
    let begun = web.begin().await;
    web.fixture.clock.forward(300);
    web.finish(&begun, &mut alice.key, &[]).await.refused(403, "signin.message");
    // Without user verification.
    let begun = web.begin().await;
    let mut credential = assertion(&mut alice.key, &bytes(&begun["options"]["challenge"]));
    let mut data = bytes(&credential["response"]["authenticatorData"]);
    data[32] &= !4;
    credential["response"]["authenticatorData"] = json!(B64.encode(data));
    let body = json!({"message": begun["message"], "credential": credential});
    web.post("/signin/finish", &body, &[]).await.refused(403, "answer.assertion");
    let evil = [("origin", "https://evil.example")];
    web.post("/signin/begin", &json!({}), &evil).await.refused(403, "http.origin");
}

/// [R-10-21]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_posts_from_our_pages_only() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let request = web.fixture.request(1);
    let session = web.sign_in(&mut alice.key).await;
    let path = format!("/approve/{request}/open");
    let body = json!({"denial": false});
    let cookie = ("cookie", session.cookie.as_str());
    let token = ("x-csrf-token", session.csrf.as_str());
    web.post(&path, &body, &[cookie]).await.refused(403, "http.csrf");
    let other = web.sign_in(&mut alice.key).await;
    web.post(&path, &body, &[cookie, ("x-csrf-token", &other.csrf)])
        .await
        .refused(403, "http.csrf");
    web.post(&path, &body, &[cookie, ("x-csrf-token", "")]).await.refused(403, "http.csrf");
    for origin in ["https://evil.example", "null", ""] {
        let headers = [cookie, token, ("origin", origin)];
        web.post(&path, &body, &headers).await.refused(403, "http.origin");
    }
    for site in ["cross-site", "same-site", "none"] {
        let headers = [cookie, token, ("sec-fetch-site", site)];
        web.post(&path, &body, &headers).await.refused(403, "http.origin");
    }
    let headers = [cookie, token, ("sec-fetch-site", "same-origin")];
    web.post(&path, &body, &headers).await.ok();
    // Nothing may frame a page of ours.
    let page = web.get("/signin", &[]).await.ok();
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
}

/// [R-10-22]
#[tokio::test(flavor = "multi_thread")]
async fn a_document_waits_for_its_own_person_and_nobody_else_pushes_it_out() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let request = web.fixture.request(2);
    let path = format!("/approve/{request}/open");
    let (hers, his) = (web.sign_in(&mut alice.key).await, web.sign_in(&mut bob.key).await);
    let body = json!({"credential": B64.encode(alice.key.credential_id()), "denial": false});
    let opened = web.post(&path, &body, &hers.headers()).await.ok().json();
    // Who is not signed in, or as somebody else, opens nothing in her name.
    web.post(&path, &body, &[]).await.refused(401, "http.token");
    for _ in 0..6 {
        web.post(&path, &body, &his.headers()).await.refused(403, "http.person");
    }
    let signed = assertion(&mut alice.key, &bytes(&opened["options"]["challenge"]));
    let answer = json!({"document": opened["document"], "credential": signed});
    let path = format!("/approve/{request}/answer");
    web.post(&path, &answer, &his.headers()).await.refused(403, "http.person");
    web.post(&path, &answer, &hers.headers()).await.ok();
}

/// [R-10-20]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_in_mid_flow_has_no_session_any_more() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let request = web.fixture.request(1);
    let session = web.sign_in(&mut bob.key).await;
    let path = format!("/approve/{request}/open");
    let opened = web.post(&path, &json!({"denial": false}), &session.headers()).await.ok().json();
    let signed = assertion(&mut bob.key, &bytes(&opened["options"]["challenge"]));

    let change = Change::Revoke {
        credential: bob.key.credential_id().to_vec(),
        effective_from: web.fixture.ledger.now(),
        reason: "lost".to_owned(),
    };
    let ledger = &web.fixture.ledger;
    let to_sign = ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by_alice = common::signed(&mut alice.key, &to_sign.challenge);
    ledger.confirm_change(to_sign.document.sha256(), by_alice).unwrap();

    let answer = json!({"document": opened["document"], "credential": signed});
    let path = format!("/approve/{request}/answer");
    web.post(&path, &answer, &session.headers()).await.refused(401, "http.token");
    let begun = web.begin().await;
    let again = web.finish(&begun, &mut bob.key, &[]).await;
    again.refused(403, "person.not_authorised");
}

/// [R-10-23]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say_until_it_ends() {
    let web = Web::new();
    let ledger = &web.fixture.ledger;
    let (access, now) = (ledger.access(), ledger.now());
    let end = now.checked_add(60);
    let (row, reader) = access.create_token("r", &[Scope::EvidenceRead], end, now).unwrap();
    let (_, metrics) = access.create_token("m", &[Scope::Metrics], None, now).unwrap();
    let as_reader = format!("Bearer {reader}");
    let get = async |path: &str, token: &str| web.get(path, &[("authorization", token)]).await;
    get("/v1/requests", &as_reader).await.ok();
    get("/v1/requests", &format!("bearer {reader}")).await.ok();
    get("/v1/requests", &format!("Bearer {metrics}")).await.refused(403, "http.scope");
    get("/metrics", &format!("Bearer {metrics}")).await.ok();
    assert_eq!(get("/metrics", &as_reader).await.status, StatusCode::FORBIDDEN);
    for wrong in ["", "Bearer", "Bearer x", &reader, &format!("Basic {reader}")] {
        let refused = get("/v1/requests", wrong).await;
        refused.refused(401, "http.token");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"placet\"");
    }
    // No scope makes a person of a program.
    let all = access.create_token("all", &Scope::ALL, None, now).unwrap().1;
    let request = web.fixture.request(1);
    let all = format!("Bearer {all}");
    let path = format!("/approve/{request}/open");
    let headers = [("authorization", all.as_str())];
    let open = web.post(&path, &json!({"denial": false}), &headers).await;
    open.refused(403, "http.scope");
    access.revoke_token(&row.id, now).unwrap().unwrap();
    get("/v1/requests", &as_reader).await.refused(401, "http.token");
    let short = access.create_token("s", &[Scope::Search], end, now).unwrap().1;
    get("/v1/entries", &format!("Bearer {short}")).await.ok();
    web.fixture.clock.forward(60);
    get("/v1/entries", &format!("Bearer {short}")).await.refused(401, "http.token");
}

/// [R-10-19]
#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_what_is_public_and_are_asked_to_sign_in_for_the_rest() {
    let web = Web::new();
    for path in [
        "/",
        "/log/checkpoint",
        "/gov/checkpoint",
        "/healthz",
        "/readyz",
        "/signin",
        "/enrol",
        "/.well-known/scitt-keys",
        "/v1/trust",
        "/v1/openapi.json",
        "/assets/placet.css",
    ] {
        web.get(path, &[]).await.ok();
    }
    let id = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    let closed = [
        "/approve".to_owned(),
        format!("/approve/{id}"),
        "/v1/requests".to_owned(),
        format!("/v1/requests/{id}"),
        format!("/v1/evidence/{id}"),
        "/v1/entries".to_owned(),
        "/metrics".to_owned(),
    ];
    for path in &closed {
        let refused = web.get(path, &[("sec-fetch-mode", "cors")]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
        let page = web.get(path, &[("accept", "text/html,*/*")]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        let to = page.header("location");
        assert_eq!(to, format!("/signin?next={path}"), "{path}");
    }
    let mut alice = web.fixture.bootstrap("Alice");
    let session = web.sign_in(&mut alice.key).await;
    let cookie = [("cookie", session.cookie.as_str())];
    for (next, to) in [("/approve/x%3Fa%3Db", "/approve/x?a=b"), ("//evil.example", "/approve")] {
        let back = web.get(&format!("/signin?next={next}"), &cookie).await;
        assert_eq!((back.status, back.header("location")), (StatusCode::SEE_OTHER, to));
    }
}

/// [R-10-24]
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_speaks_for_its_clients_and_nobody_else_does() {
    let web = Web::with(|config| {
        config.public_url = "https://placet.example.com".to_owned();
        config.rp_id = "placet.example.com".to_owned();
        config.trusted_proxy = vec!["10.0.0.0/8".to_owned()];
        // So slow that none comes back while the test runs.
        config.sign_in_rate = 1;
    });
    let proxy = ("peer", "10.1.2.3");
    let (host, internal) = (("x-forwarded-host", "placet.example.com"), ("host", "10.1.2.3:8420"));
    let get = async |headers: &[(&str, &str)]| web.get("/log/checkpoint", headers).await;
    let answer = get(&[proxy, internal, host, ("x-forwarded-proto", "https")]).await.ok();
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let stranger = ("peer", "192.0.2.9");
    assert_eq!(get(&[stranger, internal, host]).await.status, StatusCode::MISDIRECTED_REQUEST);
    let open = get(&[proxy, internal, host, ("x-forwarded-proto", "http")]).await;
    assert_eq!(open.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(open.header("location"), "https://placet.example.com/log/checkpoint");
    let plain = [proxy, host, ("x-forwarded-proto", "http")];
    web.post("/signin/begin", &json!({}), &plain).await.refused(403, "http.insecure");

    // Each client behind the proxy has its own share; who is none can't choose one.
    let begin = async |peer: &str, forwarded: &str| {
        let headers = [
            ("host", "placet.example.com"),
            ("peer", peer),
            ("x-forwarded-for", forwarded),
            ("origin", "https://placet.example.com"),
        ];
        web.post("/signin/begin", &json!({}), &headers).await.status
    };
    let drain = async |peer: &str, forwarded: &dyn Fn(u32) -> String| {
        for n in 0..1000 {
            if begin(peer, &forwarded(n)).await == StatusCode::TOO_MANY_REQUESTS {
                return true;
            }
        }
        false
    };
    // What stands before the last address is the client's own invention.
    assert!(drain("10.1.2.3", &|n| format!("203.0.113.{}, 198.51.100.7", n % 250)).await);
    assert_eq!(begin("10.1.2.3", "198.51.100.8, 10.9.9.9").await, StatusCode::OK);
    assert!(drain("192.0.2.9", &|n| format!("203.0.113.{}", n % 250)).await);
    // Nor does it by bytes that no address has: the proxy's word stands on the same line. Ports
    // that a proxy adds are no part of who it is.
    assert_eq!(begin("10.1.2.3", "\u{e9}, 198.51.100.7").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(begin("10.1.2.3", "198.51.100.7:4711").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(begin("10.1.2.3", "198.51.100.7, 198.51.100.9").await, StatusCode::OK);
    // The pages know by which name they were called: nobody is sent in circles.
    let page = web.get("/signin", &[proxy, internal, host, ("x-forwarded-proto", "https")]).await;
    assert_eq!(page.status, StatusCode::OK);
    // The cookie is for https and this host only.
    let headers = [proxy, host, ("origin", "https://placet.example.com")];
    let out = web.post("/signout", &json!({}), &headers).await.ok();
    let cookie = out.header("set-cookie");
    assert!(cookie.starts_with("__Host-placet=") && cookie.ends_with("; Secure"), "{cookie}");
}

/// What is written while a test runs.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

/// What all tests of this file write, from the first of them on: one for each thread would miss
/// what another thread has come by first.
fn log() -> &'static Written {
    static LOG: OnceLock<Written> = OnceLock::new();
    LOG.get_or_init(|| {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        written
    })
}

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// [R-10-25]
#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_routes_and_kinds_of_callers_and_no_person() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice Liddell");
    let session = web.sign_in(&mut alice.key).await;
    let request = web.fixture.request(1);
    let id = ("x-request-id", "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab");
    let path = format!("/v1/requests/{request}?wait=0");
    let seen = web.get(&path, &[session.headers()[0], id]).await.ok();
    assert_eq!(seen.header("x-request-id"), id.1);
    web.get("/approve?name=Alice+Liddell", &session.headers()).await.ok();
    let odd = ("x-request-id", "Alice Liddell");
    assert_eq!(web.get("/Alice/Liddell", &[odd]).await.header("x-request-id"), "Alice Liddell");
    let log = String::from_utf8(log().0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let line = lines.iter().find(|l| l["fields"]["id"] == id.1).expect(&log);
    assert_eq!(line["fields"]["route"], "/v1/requests/{request}");
    assert_eq!(
        (&line["fields"]["status"], &line["fields"]["caller"]),
        (&json!(200), &json!("person"))
    );
    assert_eq!(
        (&line["fields"]["method"], &line["target"]),
        (&json!("GET"), &json!("placet::http"))
    );
    assert!(line["fields"]["ms"].is_u64());
    let credential = B64.encode(alice.key.credential_id());
    let secret = session.cookie.trim_start_matches("placet=");
    for no in ["Alice", "Liddell", &alice.id, &credential, secret, &session.csrf, "wait="] {
        assert!(!log.contains(no), "{no}\n{log}");
    }
}

// SPEC.md R-10-20.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_ends_with_the_session_that_opened_it() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let session = web.sign_in(&mut bob.key).await;
    let mut request = Request::builder().uri("/events").header(header::HOST, HOST);
    for (name, value) in session.headers() {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let stream = web.router.clone().oneshot(request).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let heard = tokio::spawn(to_bytes(stream.into_body(), 1 << 20));
    web.fixture.request(1);

    let change = Change::Revoke {
        credential: bob.key.credential_id().to_vec(),
        effective_from: web.fixture.ledger.now(),
        reason: "left".to_owned(),
    };
    let ledger = &web.fixture.ledger;
    let sign = ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by = signed(&mut alice.key, &sign.challenge);
    ledger.confirm_change(sign.document.sha256(), by).unwrap();
    let unheard = web.fixture.request(1);
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), heard).await;
    let heard = String::from_utf8(heard.unwrap().unwrap().unwrap().to_vec()).unwrap();
    assert!(!heard.contains(&unheard), "{heard}");
}

/// So many calls in a row, as one caller makes them who waits for nothing.
async fn flood(web: &Web, path: &str, calls: usize, headers: &[(&str, &str)]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..calls {
        answers.push(web.get(path, headers).await);
    }
    answers
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

/// [R-10-54]
#[tokio::test(flavor = "multi_thread")]
async fn one_who_floods_is_told_when_to_come_back_and_nobody_else_notices() {
    let web = Web::with(|config| {
        (config.person_rate, config.token_rate, config.address_rate) = (1, 1, 1);
    });
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let first = web.sign_in(&mut alice.key).await;
    let second = web.sign_in(&mut alice.key).await;
    let bob = web.sign_in(&mut bob.key).await;
    let (access, now) = (web.fixture.ledger.access(), web.fixture.ledger.now());
    let token = |label: &str| {
        let made = access.create_token(label, &[Scope::EvidenceRead], None, now).unwrap();
        format!("Bearer {}", made.1)
    };
    let (one, other) = (token("one"), token("other"));

    // All of them at one address: only who floods is refused.
    let answers = flood(&web, "/approve", 60, &first.headers()).await;
    assert!((10..15).contains(&with_status(&answers, 200)), "{}", with_status(&answers, 200));
    let refused: Vec<_> = answers.iter().filter(|a| a.status != StatusCode::OK).collect();
    for answer in &refused {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.header("retry-after"), "1");
    }
    // A person is one caller by however many sessions.
    let again = web.get("/v1/requests", &second.headers()).await;
    again.refused(429, "http.rate");
    web.get("/approve", &bob.headers()).await.ok();

    let answers = flood(&web, "/v1/requests", 60, &[("authorization", &one)]).await;
    assert!(with_status(&answers, 429) >= 45 && with_status(&answers, 200) >= 10);
    web.get("/v1/requests", &[("authorization", &other)]).await.ok();

    // Who shows nothing shares with the address; who is known there does not.
    let strangers = flood(&web, "/approve", 60, &[]).await;
    assert!(with_status(&strangers, 303) <= 15 && with_status(&strangers, 429) >= 45);
    web.get("/approve", &bob.headers()).await.ok();
    web.get("/assets/placet.css", &[]).await.ok();
    // Another address has a pace of its own.
    let elsewhere = web.get("/approve", &[("peer", "198.51.100.9")]).await;
    assert_eq!(elsewhere.status, StatusCode::SEE_OTHER);
}

/// [R-10-54]
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_company_signs_in_from_one_address_at_the_same_moment() {
    let web = Web::new();
    let mut alice = web.fixture.bootstrap("Alice");
    for _ in 0..200 {
        web.sign_in(&mut alice.key).await;
    }
}
