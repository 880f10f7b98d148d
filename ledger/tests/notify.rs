//! Notifications of a live ledger: what is sent when, over a restart too, and to which browsers.

mod common;
#[path = "../src/outbound/tests/receiver.rs"]
mod receiver;

use std::time::{Duration, Instant};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use common::*;
use placet_ledger::http::{self, App};
use placet_ledger::notify::push::Subscription;
use placet_ledger::notify::{self, NotifyTarget, Template};
use placet_ledger::outbound::webpush::Receiver as Keys;
use placet_ledger::outbound::{Event, EventKind};
use placet_ledger::service::{Carried, Config, Refusal};
use placet_proto::b64;
use placet_proto::cose_key::PublicKey;
use placet_proto::json::{self, Json};
use receiver::{Answer, Receiver, Seen};
use tower::ServiceExt as _;

const WAIT: Duration = Duration::from_secs(20);

fn telling(receiver: &Receiver) -> impl FnOnce(&mut Config) {
    let target = NotifyTarget {
        name: "ops".to_owned(),
        url: receiver.url(),
        template: Template::Generic,
        events: Vec::new(),
        fields: Vec::new(),
        body: None,
        token_file: None,
    };
    |config| config.notify = vec![target]
}

fn next(receiver: &Receiver) -> (Seen, Json) {
    let seen = receiver.seen.recv_timeout(WAIT).unwrap();
    let json = json::parse(&seen.body).unwrap();
    (seen, json)
}

fn text<'a>(json: &'a Json, path: &[&str]) -> &'a str {
    path.iter().fold(json, |json, name| json.get(name).unwrap()).as_str().unwrap()
}

fn browser(url: String, person: &Person) -> Subscription {
    let key = PrivateKey::generate(&ECDH_P256).unwrap();
    let p256dh = key.compute_public_key().unwrap().as_ref().try_into().unwrap();
    let receiver = Keys { p256dh, auth: [7; 16] };
    let credential = person.key.credential_id().to_vec();
    Subscription { person: person.id.clone(), credential, url, receiver }
}

fn subscriptions(fixture: &Fixture) -> u64 {
    let path = fixture.tmp.path().join("d/state/outbound.sqlite");
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT count(*) FROM subscription";
    connection.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap().try_into().unwrap()
}

// SPEC.md R-10-42.
#[test]
fn a_request_is_told_from_beginning_to_end_and_signed() {
    let receiver = Receiver::start(&[Answer::status(204)]);
    let fixture = Fixture::with(telling(&receiver));
    let mut alice = fixture.bootstrap("Alice");
    notify::start(&fixture.ledger).unwrap();
    let request = fixture.request(1);
    let (seen, opened) = next(&receiver);
    assert_eq!(text(&opened, &["type"]), "request.opened");
    assert_eq!(text(&opened, &["data", "request"]), request);
    let link = format!("http://localhost:8420/approve/{request}");
    assert_eq!(text(&opened, &["data", "link"]), link);
    assert_eq!(text(&opened, &["data", "code"]).split(' ').count(), 3);
    // No word of the agent's.
    let body = String::from_utf8(seen.body.clone()).unwrap();
    for word in ["disable_user", "X0001", "alice", "helpdesk", "T-1"] {
        assert!(!body.contains(word), "{body}");
    }
    // The signature, by the published key.
    let set = fixture.ledger.jwks().unwrap();
    let jwk = &set.get("keys").unwrap().as_array().unwrap()[0];
    let parameters = seen.header("signature-input").strip_prefix("placet=").unwrap().to_owned();
    assert!(parameters.contains(&format!("keyid=\"{}\"", text(jwk, &["kid"]))));
    let key = PublicKey::Ed25519(b64::decode_url_array(text(jwk, &["x"])).unwrap());
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {}\n\"content-type\": application/json\n\
         \"content-digest\": {}\n\"webhook-id\": {}\n\"webhook-timestamp\": {}\n\
         \"@signature-params\": {parameters}",
        receiver.url(),
        seen.header("content-digest"),
        seen.header("webhook-id"),
        seen.header("webhook-timestamp"),
    );
    let signature = seen.header("signature").strip_prefix("placet=:").unwrap();
    let signature = b64::decode_std(signature.strip_suffix(':').unwrap(), 64).unwrap();
    placet_verifier::crypto::verify_cose(&key, base.as_bytes(), &signature).unwrap();

    fixture.answer(&request, &mut alice, false);
    let (_, answered) = next(&receiver);
    assert_eq!(text(&answered, &["type"]), "request.answered");
    fixture.ledger.cancel(&request, "no longer needed").unwrap();
    let (_, ended) = next(&receiver);
    assert_eq!(text(&ended, &["type"]), "request.ended");
    assert_eq!(text(&ended, &["data", "state"]), "cancelled");
}

// SPEC.md R-10-43.
#[test]
fn nothing_is_lost_while_nobody_sends() {
    let receiver = Receiver::start(&[Answer::status(204)]);
    let fixture = Fixture::with(telling(&receiver));
    let mut alice = fixture.bootstrap("Alice");
    // Everything before the first start is history, and nobody is told of it.
    let old = fixture.request(1);
    fixture.ledger.cancel(&old, "old").unwrap();
    notify::start(&fixture.ledger).unwrap();
    let first = fixture.request(1);
    assert_eq!(text(&next(&receiver).1, &["data", "request"]), first);
    // The same ledger, opened by a program that sends nothing.
    let fixture = fixture.reopen(|_| {});
    let second = fixture.request(1);
    fixture.answer(&first, &mut alice, true);
    assert!(receiver.seen.try_recv().is_err());
    let fixture = fixture.reopen(|_| {});
    notify::start(&fixture.ledger).unwrap();
    let mut told = [next(&receiver).1, next(&receiver).1].map(|json| {
        (text(&json, &["type"]).to_owned(), text(&json, &["data", "request"]).to_owned())
    });
    told.sort();
    let denied = ("request.ended".to_owned(), first);
    assert_eq!(told, [denied, ("request.opened".to_owned(), second.clone())]);
    // Opened once, told once: also after one more start.
    let fixture = fixture.reopen(|_| {});
    notify::start(&fixture.ledger).unwrap();
    fixture.ledger.cancel(&second, "enough").unwrap();
    assert_eq!(text(&next(&receiver).1, &["data", "state"]), "cancelled");
}

#[test]
fn what_is_in_no_log_is_kept_until_it_is_told() {
    let receiver = Receiver::start(&[Answer::status(204)]);
    let fixture = Fixture::with(telling(&receiver));
    let now = fixture.ledger.now();
    let event = Event::of_person(EventKind::EnrolmentWaiting, Some("p"), b"1", now);
    fixture.ledger.outbound().notice(&event).unwrap();
    fixture.ledger.outbound().notice(&event).unwrap();
    let fixture = fixture.reopen(|_| {});
    notify::start(&fixture.ledger).unwrap();
    let (_, waiting) = next(&receiver);
    assert_eq!(text(&waiting, &["type"]), "enrolment.waiting");
    assert_eq!(text(&waiting, &["data", "link"]), "http://localhost:8420/people");
    let request = fixture.request(1);
    assert_eq!(text(&next(&receiver).1, &["data", "request"]), request);
}

#[test]
fn browsers_are_pushed_what_concerns_their_persons() {
    let alices = Receiver::start(&[Answer::status(201)]);
    let fixture = Fixture::new();
    let alice = fixture.bootstrap("Alice");
    fixture.ledger.subscribe(&browser(alices.url(), &alice)).unwrap();
    notify::start(&fixture.ledger).unwrap();
    fixture.request(1);
    let seen = alices.seen.recv_timeout(WAIT).unwrap();
    assert_eq!(seen.header("content-encoding"), "aes128gcm");
    assert!((500..=600).contains(&seen.header("ttl").parse::<u32>().unwrap()));
    assert_eq!(seen.header("topic").len(), 22);
    assert!(
        seen.header("authorization").starts_with("vapid t="),
        "{}",
        seen.header("authorization")
    );
    // Push services are not told more than they have to know.
    assert_eq!((seen.header("webhook-id"), seen.header("signature")), ("", ""));
    assert!(seen.body.len() < 600);
    // The browser has left: its subscription is forgotten.
    alices.then(Answer::status(410));
    fixture.request(1);
    alices.seen.recv_timeout(WAIT).unwrap();
    let begun = Instant::now();
    while subscriptions(&fixture) > 0 {
        assert!(begun.elapsed() < WAIT);
        std::thread::yield_now();
    }
}

#[test]
fn subscriptions_are_bounded_and_their_urls_are_judged() {
    let fixture = Fixture::with(|config| config.dev = true);
    let alice = fixture.bootstrap("Alice");
    for (url, code) in [
        ("https://10.0.0.1/", "outbound.address"),
        ("https://169.254.169.254/latest", "outbound.address"),
        ("http://push.example/", "outbound.url"),
        ("https://push.example:22/", "outbound.url"),
        ("https://user@push.example/", "outbound.url"),
        ("ftp://push.example/", "outbound.url"),
    ] {
        let error = fixture.ledger.subscribe(&browser(url.to_owned(), &alice)).unwrap_err();
        assert_eq!(error.code(), code, "{url}");
    }
    let mut bad = browser("https://push.example/x".to_owned(), &alice);
    bad.receiver.p256dh[64] ^= 1;
    assert_eq!(fixture.ledger.subscribe(&bad).unwrap_err().code(), "request.invalid");
    for n in 0..20 {
        let url = format!("https://push.example/{n}");
        fixture.ledger.subscribe(&browser(url, &alice)).unwrap();
    }
    assert_eq!(subscriptions(&fixture), u64::from(notify::push::MAX_PER_PERSON));
    // Nobody ends another's.
    let mine = browser("https://push.example/mine".to_owned(), &alice);
    fixture.ledger.subscribe(&mine).unwrap();
    assert!(!fixture.ledger.unsubscribe("somebody-else", &mine.url).unwrap());
    assert!(fixture.ledger.unsubscribe(&alice.id, &mine.url).unwrap());
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn subscribing_takes_a_session_and_its_token() {
    let fixture = Fixture::new();
    let alice = fixture.bootstrap("Alice");
    let app = App::new(fixture.ledger.clone(), &[]).unwrap();
    let router = http::router(app, Router::new());
    let get = |path: &str, cookie: &str| {
        let request = Request::get(path).header(header::HOST, "localhost:8420");
        request.header(header::COOKIE, cookie).body(Body::empty()).unwrap()
    };
    let post = |path: &str, cookie: &str, csrf: &str, body: String| {
        Request::post(path)
            .header(header::HOST, "localhost:8420")
            .header(header::ORIGIN, ORIGIN)
            .header(header::COOKIE, cookie)
            .header("x-csrf-token", csrf)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap()
    };
    let credential = alice.key.credential_id();
    let secret = fixture.ledger.start_session(&alice.id, credential).unwrap();
    let (cookie, csrf) = (format!("placet={}", secret.as_str()), secret.csrf());
    assert_eq!(send(&router, get("/push/key", "")).await.0, StatusCode::UNAUTHORIZED);
    let (status, key) = send(&router, get("/push/key", &cookie)).await;
    assert_eq!(status, StatusCode::OK, "{key}");
    let key = json::parse(key.as_bytes()).unwrap();
    assert_eq!(b64::decode_url(text(&key, &["key"]), 65).unwrap()[0], 4);
    let keys = browser("https://push.example/1".to_owned(), &alice).receiver;
    let body = format!(
        r#"{{"endpoint":"https://push.example/1","p256dh":"{}","auth":"{}"}}"#,
        b64::encode_url(keys.p256dh),
        b64::encode_url(keys.auth)
    );
    for (cookie, csrf, expected) in [
        ("", csrf.as_str(), StatusCode::UNAUTHORIZED),
        (cookie.as_str(), "", StatusCode::FORBIDDEN),
        (cookie.as_str(), "wrong", StatusCode::FORBIDDEN),
        (cookie.as_str(), csrf.as_str(), StatusCode::OK),
    ] {
        let (status, body) =
            send(&router, post("/push/subscribe", cookie, csrf, body.clone())).await;
        assert_eq!(status, expected, "{body}");
    }
    assert_eq!(subscriptions(&fixture), 1);
    for bad in [
        "{}".to_owned(),
        "[]".to_owned(),
        body.replace("push.example", "127.0.0.1.nip.io:22"),
        body.replace("https", "http"),
        body.replace("\"auth\":\"", "\"auth\":\"AAAA"),
        body.replace("\"auth\"", "\"more\""),
        "x".repeat(8192),
    ] {
        let (status, text) = send(&router, post("/push/subscribe", &cookie, &csrf, bad)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    }
    let body = r#"{"endpoint":"https://push.example/1"}"#.to_owned();
    let (status, _) = send(&router, post("/push/unsubscribe", &cookie, &csrf, body)).await;
    assert_eq!((status, subscriptions(&fixture)), (StatusCode::OK, 0));
    for path in ["/push-sw.js", "/assets/push.js"] {
        assert_eq!(send(&router, get(path, "")).await.0, StatusCode::OK);
    }
    let (status, set) = send(&router, get("/.well-known/jwks.json", "")).await;
    assert!(status == StatusCode::OK && set.contains("\"Ed25519\""), "{set}");
    assert_eq!(Refusal::Jws("x").code(), "jws.invalid");
}

#[test]
fn who_is_not_asked_is_not_disturbed() {
    let (alices, bobs) =
        (Receiver::start(&[Answer::status(201)]), Receiver::start(&[Answer::status(201)]));
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let bob = fixture.enrol("Bob", &mut alice);
    fixture.ledger.subscribe(&browser(alices.url(), &alice)).unwrap();
    fixture.ledger.subscribe(&browser(bobs.url(), &bob)).unwrap();
    notify::start(&fixture.ledger).unwrap();
    let mut decision = fixture.decision(1);
    if let Some(quorum) = &mut decision.quorum {
        quorum.people = vec![bob.id.clone()];
    }
    fixture.ledger.create(decision, Carried::default()).unwrap();
    bobs.seen.recv_timeout(WAIT).unwrap();
    // A request for anybody, after which the one before would have been told too.
    fixture.request(1);
    bobs.seen.recv_timeout(WAIT).unwrap();
    // Alice, the administrator, was told of Bob's enrolment too: that is kept for a day.
    let ttl = |seen: Seen| seen.header("ttl").parse::<u64>().unwrap();
    let told: Vec<u64> = (0..2).map(|_| ttl(alices.seen.recv_timeout(WAIT).unwrap())).collect();
    assert!(told.contains(&86_400) && told.iter().any(|ttl| *ttl <= 600), "{told:?}");
    assert!(alices.seen.try_recv().is_err());
}
