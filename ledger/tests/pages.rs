//! The pages as a browser with a session sees them: the queue, one request, the history, events.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use common::web::{self, Answer, HOST, assertion};
use common::*;
use futures_util::StreamExt as _;
use placet_ledger::http::server::Ending;
use placet_ledger::service::{Carried, RequestState};
use placet_proto::action::Action;
use placet_softkey::SoftKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Site {
    fixture: Fixture,
    router: Router,
}

/// Somebody who is signed in.
struct Visitor<'a> {
    site: &'a Site,
    cookie: String,
    csrf: String,
}

impl Answer {
    /// What stands where the page's script looks for it, unescaped.
    fn data(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("{name}=\"")).expect(name);
        let (value, _) = rest.split_once('"').unwrap();
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }
}

impl Site {
    fn new() -> Self {
        let fixture = Fixture::new();
        Self { router: web::router(&fixture), fixture }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        web::send(&self.router, request).await
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, HOST);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, csrf: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, ORIGIN)
            .header(header::COOKIE, cookie)
            .header("x-csrf-token", csrf)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn sign_in(&self, person: &mut Person) -> Visitor<'_> {
        let begun = self.post("/signin/begin", "", "", &json!({})).await.ok().json();
        let credential = assertion(&mut person.key, &begun["options"]);
        let body = json!({"message": begun["message"], "credential": credential});
        let finished = self.post("/signin/finish", "", "", &body).await.ok();
        let cookie = finished.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = finished.json()["csrf"].as_str().unwrap().to_owned();
        Visitor { site: self, cookie, csrf }
    }
}

impl Visitor<'_> {
    async fn get(&self, path: &str) -> Answer {
        let request =
            Request::get(path).header(header::HOST, HOST).header(header::COOKIE, &self.cookie);
        self.site.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.site.post(path, &self.cookie, &self.csrf, body).await
    }

    /// Signs the approval that the page of the request holds.
    async fn approve(&self, request: &str, key: &mut SoftKey) -> Answer {
        let page = self.get(&format!("/approve/{request}")).await.ok();
        let prepared: Value = serde_json::from_str(&page.data("data-prepared")).unwrap();
        let credential = assertion(key, &prepared["options"]);
        let body = json!({"document": prepared["document"], "credential": credential});
        self.post(&format!("/approve/{request}/answer"), &body).await
    }
}

/// An action on this resource, which is JSON, with this context.
fn action_on(id: &str, context: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"bot-7"}},"action":{{"name":"disable_user"}},
        "resource":{{"type":"user","id":{id}}},"context":{context}}}"#
    );
    Action::from_document(&placet_proto::json::parse(text.as_bytes()).unwrap()).unwrap()
}

fn create(site: &Site, action: Action, required: u64, carried: Carried) -> String {
    let mut decision = site.fixture.decision(required);
    decision.action = action;
    site.fixture.ledger.create(decision, carried).unwrap()
}

fn risk(word: &str) -> Carried {
    Carried { risk: Some(word.to_owned()), ..Carried::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_shown_and_does_nothing() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let id = r#""X\u202e1<script>alert(1)</script>\" onload=\"x\u200b""#;
    let carried = Carried {
        risk: Some("high\u{202e}<b>".to_owned()),
        why: Some("because\u{2066}<img>".to_owned()),
        ..Carried::default()
    };
    let request = create(&site, action_on(id, r#"{"<i>":"&amp;"}"#), 1, carried);
    let asked = "{\"context\":{\"why\":\"<b>they left\u{202e}\"}}";
    site.fixture.ledger.note_asked(&request, asked).unwrap();
    let page = visitor.get(&format!("/approve/{request}")).await.ok();
    let csp = page.header("content-security-policy");
    assert!(csp.starts_with("default-src 'none'; script-src 'self'"), "{csp}");
    for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(csp.contains(part), "{csp}");
    }
    assert!(!csp.contains("unsafe") && !csp.contains("http"), "{csp}");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("cache-control"), "no-store");
    for id in ["action-json", "approve", "deny", "status", "document-sha256"] {
        assert!(page.text.contains(&format!("data-testid=\"{id}\"")), "{id}");
    }
    let history = visitor.get("/history").await.ok();
    let queue = visitor.get("/approve").await.ok();
    for html in [&page.text, &history.text, &queue.text] {
        for bad in ["<script>", "<b>", "<img>", "<i>\"", " onload=\"", "style=", "onclick"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        for hidden in ['\u{202e}', '\u{200b}', '\u{2066}'] {
            assert!(!html.contains(hidden), "{hidden:?}");
        }
    }
    assert!(page.text.contains(r"X\u202e1&lt;script&gt;"), "{}", page.text);
    assert!(page.text.contains("Everything that is signed:"));
    // What is beside the action is shown, and nobody signs it.
    assert!(page.text.contains(r"&lt;b&gt;they left\u202e"), "{}", page.text);
    assert!(!page.data("data-prepared").contains("they left"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_whole_cannot_be_approved() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    // An action made to fill gigabytes when each member stands on a line of its own.
    let context = format!("{{\"{}\":[{}0]}}", "k".repeat(30_000), "0,".repeat(15_000));
    let hostile = create(&site, action_on("\"x\"", &context), 1, Carried::default());
    let page = visitor.get(&format!("/approve/{hostile}")).await.ok();
    assert!(
        page.text.len() < 1 << 20 && page.text.contains("UNINSPECTABLE"),
        "{}",
        page.text.len()
    );
    assert!(!page.text.contains("data-prepared") && !page.text.contains("data-testid=\"approve\""));
    // As deep as JSON may be, and as long as an action may be, both are shown.
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(24), "]".repeat(24));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(60_000));
    for context in [deep, long] {
        let request = create(&site, action_on("\"x\"", &context), 1, Carried::default());
        let page = visitor.get(&format!("/approve/{request}")).await.ok();
        assert!(page.text.contains("data-prepared"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_without_a_session() {
    let site = Site::new();
    site.fixture.bootstrap("Alice");
    let request = site.fixture.request(1);
    for path in ["/approve", "/history", &format!("/approve/{request}")] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.header("location"), format!("/signin?next={path}"));
    }
    for path in
        ["/events", &format!("/approve/{request}/state"), &format!("/approve/{request}/qr.svg")]
    {
        assert_eq!(site.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_in_order_grouped_and_says_what_is_missing() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let mut bob = site.fixture.enrol("Bob", &mut alice);
    let visitor = site.sign_in(&mut alice).await;
    let empty = visitor.get("/approve").await.ok();
    assert!(empty.text.contains("Nothing waits for an answer."));
    let low = create(&site, action_on("\"low\"", "{}"), 1, risk("low"));
    let plain = create(&site, action_on("\"plain\"", "{}"), 2, Carried::default());
    let high = create(&site, action_on("\"high\"", "{}"), 1, risk("high"));
    let twin = create(&site, action_on("\"high\"", "{}"), 1, risk("high"));
    let page = visitor.get("/approve").await.ok();
    let at = |id: &str| page.text.find(&format!("href=\"/approve/{id}\"")).expect(id);
    assert!(at(&high).min(at(&twin)) < at(&plain) && at(&plain) < at(&low));
    assert!(page.text.contains("<title>(4) Requests – Placet</title>"), "{}", page.text);
    assert!(page.text.contains("1 more of the same"));
    assert!(page.text.contains("Risk: high") && page.text.contains("0 of 2 approved"));
    // Nothing changed: the same listing. An answer changes it.
    visitor.approve(&plain, &mut alice.key).await.ok();
    let page = visitor.get("/approve").await.ok();
    assert!(page.text.contains("1 of 2 approved"));
    assert!(page.text.contains("You have answered; others must approve too"));
    let again = visitor.get(&format!("/approve/{plain}")).await.ok();
    assert!(again.text.contains("You have answered.") && again.text.contains("Alice approved"));
    assert!(again.text.contains("one more is needed") && !again.text.contains("data-prepared"));
    let other = site.sign_in(&mut bob).await;
    let answered = other.approve(&plain, &mut bob.key).await.ok().json();
    assert_eq!(answered["complete"], true);
    let gone = visitor.get("/approve").await.ok();
    assert!(!gone.text.contains(&plain) && gone.text.contains("<title>(3) Requests"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lead_to_clear_states_and_no_duplicate() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let request = site.fixture.request(1);
    let state = format!("/approve/{request}/state");
    assert_eq!(visitor.get(&state).await.ok().json(), json!({"state": "open"}));
    // Two tabs, each with a document of its own.
    let page = format!("/approve/{request}");
    let tabs = [visitor.get(&page).await.ok(), visitor.get(&page).await.ok()];
    let mut bodies = Vec::new();
    for tab in &tabs {
        let prepared: Value = serde_json::from_str(&tab.data("data-prepared")).unwrap();
        let credential = assertion(&mut alice.key, &prepared["options"]);
        bodies.push(json!({"document": prepared["document"], "credential": credential}));
    }
    let path = format!("/approve/{request}/answer");
    let first = visitor.post(&path, &bodies[0]).await.ok().json();
    let second = visitor.post(&path, &bodies[1]).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert_eq!(second.json()["code"], "answer.repeated");
    // The same answer again, as a double click or a broken connection sends it.
    let again = visitor.post(&path, &bodies[0]).await;
    assert_eq!(again.json()["code"], "answer.document_unknown");
    let stands = visitor.get(&state).await.ok().json();
    assert_eq!((&stands["status"], &stands["state"]), (&json!("approval"), &json!("approved")));
    assert_eq!((&stands["index"], &stands["entry"]), (&first["index"], &first["entry"]));
    let shown = visitor.get(&page).await.ok();
    assert!(shown.text.contains("Approved; not carried out yet."));
    assert!(shown.text.contains(first["entry"].as_str().unwrap()), "the receipt");
    // Withdrawn while somebody reads.
    let other = site.fixture.request(1);
    let tab = visitor.get(&format!("/approve/{other}")).await.ok();
    site.fixture.ledger.cancel(&other, "not needed").unwrap();
    let prepared: Value = serde_json::from_str(&tab.data("data-prepared")).unwrap();
    let credential = assertion(&mut alice.key, &prepared["options"]);
    let body = json!({"document": prepared["document"], "credential": credential});
    let late = visitor.post(&format!("/approve/{other}/answer"), &body).await;
    assert_eq!(
        (late.status, &late.json()["code"]),
        (StatusCode::CONFLICT, &json!("request.state"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_to_the_last_approved_call_is_shown_and_is_not_signed() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let first =
        create(&site, action_on("\"first-user\"", r#"{"ticket":"T-1"}"#), 1, Carried::default());
    let page = visitor.get(&format!("/approve/{first}")).await.ok();
    assert!(!page.text.contains("Compared with"));
    visitor.approve(&first, &mut alice.key).await.ok();
    let second = create(&site, action_on("\"X2\"", r#"{"ticket":"T-1"}"#), 1, Carried::default());
    let page = visitor.get(&format!("/approve/{second}")).await.ok();
    assert!(page.text.contains("Compared with the last one approved"));
    assert!(
        page.text.contains("<code>resource.id</code>")
            && page.text.contains("&quot;first-user&quot;")
    );
    assert!(!page.text.contains("<code>context.ticket</code>"), "what is equal is left out");
    let prepared: Value = serde_json::from_str(&page.data("data-prepared")).unwrap();
    assert!(!prepared["text"].as_str().unwrap().contains("first-user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_filtered_and_paged() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let mut made = Vec::new();
    for n in 0..53 {
        let action = action_on(&format!("\"N{n:03}\""), "{}");
        made.push(create(&site, action, 1, Carried::default()));
    }
    visitor.approve(&made[2], &mut alice.key).await.ok();
    let page = visitor.get("/history").await.ok();
    assert_eq!(page.text.matches("data-testid=\"row\"").count(), 50);
    assert!(page.text.contains("N052") && !page.text.contains("N002"));
    let (_, rest) = page.text.split_once("/history?before=").unwrap();
    let before = rest.split('"').next().unwrap();
    let older = visitor.get(&format!("/history?before={before}")).await.ok();
    assert_eq!(older.text.matches("data-testid=\"row\"").count(), 3);
    assert!(older.text.contains("Alice approved") && !older.text.contains("data-testid=\"older\""));
    let approved = visitor.get("/history?state=approved&agent=helpdesk-bot&mine=1").await.ok();
    assert_eq!(approved.text.matches("data-testid=\"row\"").count(), 1);
    let nothing = visitor.get("/history?until=1999-12-31").await.ok();
    assert!(nothing.text.contains("No request fits."));
    for bad in ["state=odd", "from=yesterday", "before=x"] {
        let answer = visitor.get(&format!("/history?{bad}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_where_a_request_stands_and_end_with_the_server() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let (ends, ending) = Ending::new();
    let request = Request::get("/events")
        .extension(ending)
        .header(header::HOST, HOST)
        .header(header::COOKIE, &visitor.cookie)
        .body(Body::empty())
        .unwrap();
    let response = site.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let opened = site.fixture.request(1);
    visitor.approve(&opened, &mut alice.key).await.ok();
    assert_eq!(site.fixture.ledger.request(&opened).unwrap().row.state, RequestState::Approved);
    let mut stream = response.into_body().into_data_stream();
    let mut text = String::new();
    let wanted = |state: &str| format!("{{\"request\":\"{opened}\",\"state\":\"{state}\"}}");
    while !text.contains(&wanted("approved")) {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.starts_with("retry: ") && text.contains(&wanted("open")), "{text}");
    // Streams do not keep the server from ending.
    ends.send_replace(true);
    assert!(stream.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_qr_code_is_a_picture_that_loads_nothing() {
    let site = Site::new();
    let mut alice = site.fixture.bootstrap("Alice");
    let visitor = site.sign_in(&mut alice).await;
    let request = site.fixture.request(1);
    let picture = visitor.get(&format!("/approve/{request}/qr.svg")).await.ok();
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert!(picture.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(picture.text.contains("<svg") && !picture.text.contains("script"));
    let bad = visitor.get("/approve/..%2f..%2fx/qr.svg").await;
    assert_eq!(bad.status, StatusCode::NOT_FOUND);
    // A ledger on this machine alone can't be reached by a phone.
    let page = visitor.get(&format!("/approve/{request}")).await.ok();
    assert!(!page.text.contains("qr.svg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_load_only_what_is_ours() {
    let site = Site::new();
    let log = site.get("/").await.ok();
    assert!(log.text.contains("Skip to the content") && log.text.contains("lang=\"en\""));
    let names = [
        "placet.css",
        "passkey.js",
        "frame.js",
        "events.js",
        "queue.js",
        "approve.js",
        "people.js",
    ];
    for name in names {
        let asset = site.get(&format!("/assets/{name}")).await.ok();
        assert!(!asset.text.contains("http://") && !asset.text.contains("https://"), "{name}");
    }
    assert_eq!(site.get("/assets/other.js").await.status, StatusCode::NOT_FOUND);
}
