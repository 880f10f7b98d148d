//! People as their browsers see it: sessions, pages, links, and what is refused.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use common::web::{self, Answer, HOST, bytes, credential as assertion};
use common::*;
use placet_ledger::LogId;
use placet_proto::sshsig::{self, Namespace};
use placet_softkey::SoftKey;
use serde_json::{Value, json};

struct Web {
    fixture: Fixture,
    router: Router,
}

/// A browser in which somebody is signed in, or nobody.
#[derive(Default)]
struct Session {
    cookie: String,
    csrf: String,
}

impl Answer {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn refused(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl Web {
    fn new(fixture: Fixture) -> Self {
        Self { router: web::router(&fixture), fixture }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        who: &Session,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        request = request.header(header::ORIGIN, ORIGIN);
        if !who.cookie.is_empty() {
            request = request.header(header::COOKIE, &who.cookie);
        }
        if !who.csrf.is_empty() {
            request = request.header("x-csrf-token", &who.csrf);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        web::send(&self.router, request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str, who: &Session) -> Answer {
        self.call(Method::GET, path, who, None).await
    }

    async fn post(&self, path: &str, who: &Session, body: Value) -> Answer {
        self.call(Method::POST, path, who, Some(&body)).await
    }

    async fn sign_in(&self, key: &mut SoftKey) -> Result<Session, Answer> {
        let nobody = Session::default();
        let begun = self.post("/signin/begin", &nobody, json!({})).await.ok().json();
        let message = B64.decode(begun["message"].as_str().unwrap()).unwrap();
        let challenge = sshsig::challenge(Namespace::Signin, &message);
        let made = key.assert(&challenge, ORIGIN);
        let body = json!({"message": begun["message"], "credential": assertion(made)});
        let answer = self.post("/signin/finish", &nobody, body).await;
        if answer.status != StatusCode::OK {
            return Err(answer);
        }
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Ok(Session { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() })
    }

    async fn begin(&self, path: &str, who: &Session) -> (String, SoftKey, Value) {
        let begun = self.post(path, who, json!({})).await.ok().json();
        let key = SoftKey::generate("localhost").unwrap();
        let challenge = bytes(&begun["options"]["challenge"]);
        let made = key.register(&challenge, ORIGIN);
        let credential = json!({
            "id": B64.encode(key.credential_id()),
            "response": {
                "clientDataJSON": B64.encode(made.client_data_json),
                "attestationObject": B64.encode(made.attestation_object),
            },
        });
        let registration = begun["registration"].as_str().unwrap().to_owned();
        let body =
            json!({"registration": registration, "credential": credential, "software": true});
        let wanted = self.post("/enrol/register", who, body).await.ok().json();
        (registration, key, wanted)
    }

    async fn sign(&self, id: &str, namespace: &Value, key: &mut SoftKey, of: &Value) -> Answer {
        let made = key.assert(&bytes(&of["challenge"]), ORIGIN);
        let body =
            json!({"registration": id, "namespace": namespace, "credential": assertion(made)});
        self.post("/enrol/sign", &Session::default(), body).await
    }

    /// Makes a change as the page does.
    async fn change(&self, who: &Session, key: &mut SoftKey, wanted: Value) -> Answer {
        let opened = self.post("/people/me/change/open", who, wanted).await;
        if opened.status != StatusCode::OK {
            return opened;
        }
        let opened = opened.json();
        let made = key.assert(&bytes(&opened["options"]["challenge"]), ORIGIN);
        let body = json!({"document": opened["document"], "credential": assertion(made)});
        self.post("/people/me/change/sign", who, body).await
    }

    async fn invite(&self, admin: &Session, name: &str) -> String {
        let body = json!({"name": name, "roles": ["approver"]});
        let made = self.post("/people/invite", admin, body).await.ok().json();
        let url = made["url"].as_str().unwrap();
        url.strip_prefix("http://localhost:8420").unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invite_register_authorise_and_sign_in() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let admin = web.sign_in(&mut alice.key).await.ok().unwrap();
    let link = web.invite(&admin, "<b>Bob</b>").await;
    let nobody = Session::default();
    let page = web.get(&link, &nobody).await.ok().text();
    assert!(page.contains("&lt;b&gt;Bob&lt;/b&gt;") && page.contains("data-state=\"open\""));

    // Somebody else who is signed in does not get to use it.
    let other = web.get(&link, &admin).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let begun = web.post(&format!("{link}/begin"), &admin, json!({})).await;
    assert_eq!(begun.refused(), (403, "invite.person".to_owned()));

    let (id, mut bob, wanted) = web.begin(&format!("{link}/begin"), &nobody).await;
    let mut early = web.sign_in(&mut bob).await.err().unwrap();
    assert_eq!(early.refused().1, "person.unknown");
    let done = web.sign(&id, &wanted["namespace"], &mut bob, &wanted["possess"]).await.ok();
    assert_eq!(done.json()["status"], "waiting");
    assert!(!done.headers.contains_key(header::SET_COOKIE));
    let words = placet_proto::words::fingerprint(&bob.public_key().thumbprint());
    for (path, who) in [(link.as_str(), &nobody), ("/people", &admin)] {
        assert!(web.get(path, who).await.ok().text().contains(&words), "{path}");
    }
    let state = web.get(&format!("{link}/state"), &nobody).await.ok().json();
    assert_eq!((&state["state"], &state["words"]), (&json!("waiting"), &json!(words)));

    let body = json!({"id": id});
    let opened = web.post("/people/enrolments/open", &admin, body).await.ok().json();
    let made = alice.key.assert(&bytes(&opened["options"]["challenge"]), ORIGIN);
    let body = json!({"id": id, "credential": assertion(made)});
    let done = web.post("/people/enrolments/sign", &admin, body).await.ok().json();
    assert_eq!(done["status"], "enrolled");
    let state = web.get(&format!("{link}/state"), &nobody).await.ok().json();
    assert_eq!(state["state"], "ready");
    let again = web.post(&format!("{link}/begin"), &nobody, json!({})).await;
    assert_eq!(again.refused(), (409, "invite.used".to_owned()));

    let session = web.sign_in(&mut bob).await.ok().unwrap();
    assert!(web.get("/people/me", &session).await.ok().text().contains("second-wanted"));
    early = web.get("/people", &session).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_act_and_only_from_our_pages() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let admin = web.sign_in(&mut alice.key).await.ok().unwrap();
    let approver = web.sign_in(&mut bob.key).await.ok().unwrap();
    let nobody = Session::default();
    let acts = [
        ("/people/invite", json!({"name": "Eve", "roles": ["administrator"]})),
        ("/people/invite/cancel", json!({"id": "x"})),
        ("/people/enrolments/take-over", json!({"id": "x"})),
        ("/people/erase-name", json!({"person": alice.id})),
        ("/people/identities", json!({"person": alice.id, "identities": []})),
    ];
    let forged = Session { cookie: admin.cookie.clone(), csrf: "x".to_owned() };
    for (path, body) in acts {
        assert_eq!(web.post(path, &nobody, body.clone()).await.status, 401, "{path}");
        let refused = web.post(path, &approver, body.clone()).await.refused();
        assert_eq!(refused, (403, "http.forbidden".to_owned()), "{path}");
        assert_eq!(web.post(path, &forged, body).await.refused().1, "http.csrf", "{path}");
    }
    for path in ["/v1/people", "/people", "/people/me"] {
        let status = web.get(path, &nobody).await.status.as_u16();
        assert!([303, 401].contains(&status), "{path}: {status}");
    }
    assert_eq!(web.get("/v1/people", &approver).await.status, 403);
    let all = web.get("/v1/people", &admin).await.ok().json();
    assert_eq!(all["people"].as_array().unwrap().len(), 2);
    assert_eq!(web.get("/invite/none", &nobody).await.status, 404);
    // Who a person is to other systems decides what they may approve: changing it is on record.
    let size = || web.fixture.ledger.log(LogId::Main).size();
    let before = size();
    let body = json!({"person": bob.id, "identities": ["bob@example.com"]});
    web.post("/people/identities", &admin, body).await.ok();
    assert_eq!(size(), before + 1);
    // Who registers a key is told of no keys of others.
    let begun = web.post("/people/me/begin", &approver, json!({})).await.ok().json();
    let excluded = begun["options"]["excludeCredentials"].as_array().unwrap();
    assert_eq!(excluded.len(), 1);
    assert_eq!(bytes(&excluded[0]["id"]), bob.key.credential_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_revocations_end_what_a_session_may_do() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let admin = web.sign_in(&mut alice.key).await.ok().unwrap();
    let bobs = web.sign_in(&mut bob.key).await.ok().unwrap();
    let wanted = json!({"act": "role", "person": bob.id, "roles": ["auditor"]});
    web.change(&admin, &mut alice.key, wanted).await.ok();
    web.get("/people", &bobs).await.ok();
    let key = placet_proto::b64::encode_hex(bob.key.public_key().thumbprint());
    let wanted = json!({"act": "revoke", "key": &key[..10], "reason": "lost"});
    let done = web.change(&admin, &mut alice.key, wanted).await.ok();
    assert_eq!(done.json()["status"], "recorded");
    assert_eq!(web.get("/people", &bobs).await.status, StatusCode::SEE_OTHER);
    let page = web.get(&format!("/people/{}", bob.id), &admin).await.ok().text();
    assert!(page.contains("revoked") && page.contains("lost"));

    let own = placet_proto::b64::encode_hex(alice.key.public_key().thumbprint());
    let wanted = json!({"act": "revoke", "key": own, "reason": "lost"});
    let refused = web.change(&admin, &mut alice.key, wanted.clone()).await.refused();
    assert_eq!(refused, (409, "people.last_administrator".to_owned()));
    assert!(web.get("/people", &admin).await.ok().text().contains("last-administrator"));
    let mut confirmed = wanted;
    confirmed["confirm"] = json!(true);
    web.change(&admin, &mut alice.key, confirmed).await.ok();
    assert_eq!(web.get("/people", &admin).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_passkey_is_let_in_by_the_first() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let session = web.sign_in(&mut bob.key).await.ok().unwrap();
    let more = web.post("/people/me/begin", &session, json!({"roles": ["administrator"]})).await;
    assert_eq!(more.refused(), (403, "person.not_authorised".to_owned()));
    let (id, mut second, wanted) = web.begin("/people/me/begin", &session).await;
    let done = web.sign(&id, &wanted["namespace"], &mut second, &wanted["possess"]).await.ok();
    assert_eq!(done.json()["status"], "waiting");
    let authorise = json!(Namespace::EnrolAuthorise.as_str());
    let done = web.sign(&id, &authorise, &mut bob.key, &wanted["authorise"]).await.ok();
    assert_eq!(done.json()["status"], "enrolled");
    let session = web.sign_in(&mut second).await.ok().unwrap();
    let page = web.get("/people/me", &session).await.ok().text();
    assert!(!page.contains("second-wanted"));
    // The second says that the first is lost, which is later than what the first signed.
    web.fixture.clock.forward(10);
    let key = placet_proto::b64::encode_hex(bob.key.public_key().thumbprint());
    let wanted = json!({"act": "revoke", "key": key, "reason": "lost"});
    web.change(&session, &mut second, wanted).await.ok();
    assert!(web.sign_in(&mut bob.key).await.is_err());
    let request = web.fixture.request(1);
    let mut bob = Person { id: bob.id, key: second };
    web.fixture.answer(&request, &mut bob, false);
}

/// Who may not erase, from where one may not, and what is not understood.
async fn refuses_orders(web: &Web, admin: &Session, approver: &Session, leaf: u64) {
    let (prepare, confirm) = ("/v1/erasures/prepare", "/v1/erasures/confirm");
    let wanted = json!({"leaf": leaf, "reason": "asked for"});
    let forged = Session { cookie: admin.cookie.clone(), csrf: "x".to_owned() };
    for path in [prepare, confirm] {
        assert_eq!(web.post(path, &Session::default(), wanted.clone()).await.status, 401);
        let refused = web.post(path, approver, wanted.clone()).await.refused();
        assert_eq!(refused, (403, "http.forbidden".to_owned()));
        assert_eq!(web.post(path, &forged, wanted.clone()).await.refused().1, "http.csrf");
    }
    for bad in [
        json!({"leaf": leaf}),
        json!({"leaf": leaf, "reason": ""}),
        json!({"leaf": -1, "reason": "x"}),
        json!({"leaf": "0", "reason": "x"}),
        json!({"leaf": leaf, "reason": "x".repeat(4097)}),
        json!({"leaf": leaf, "reason": "x", "more": 1}),
    ] {
        assert_eq!(web.post(prepare, admin, bad.clone()).await.status, 400, "{bad}");
    }
    let beyond = web.post(prepare, admin, json!({"leaf": 1_u64 << 40, "reason": "x"})).await;
    assert_eq!(beyond.refused(), (404, "log.out_of_range".to_owned()));
}

// SPEC.md R-10-45.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_ordered_by_an_administrator_and_shown_with_its_reason() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let mut bob = web.fixture.enrol("Bob", &mut alice);
    let admin = web.sign_in(&mut alice.key).await.ok().unwrap();
    let approver = web.sign_in(&mut bob.key).await.ok().unwrap();
    let request = web.fixture.request(1);
    let leaf = web.fixture.ledger.row(&request).unwrap().decision;
    let (prepare, confirm) = ("/v1/erasures/prepare", "/v1/erasures/confirm");
    let wanted = json!({"leaf": leaf, "reason": "<b>asked for"});
    let open = web.post(prepare, &admin, wanted.clone()).await;
    assert_eq!(open.refused(), (400, "request.invalid".to_owned()));
    web.fixture.answer(&request, &mut bob, true);

    let entry = format!("/v1/entries/main/{leaf}");
    let receipt = format!("/receipt/main/{leaf}");
    let page = format!("/erase/{leaf}");
    let before = web.get(&entry, &admin).await.ok().json();
    assert!(web.get(&receipt, &admin).await.ok().text().contains(&page));
    assert!(!web.get(&receipt, &approver).await.ok().text().contains(&page));
    let of_request = format!("/receipt/request/{request}");
    assert!(web.get(&of_request, &admin).await.ok().text().contains(&page));
    assert!(!web.get(&of_request, &approver).await.ok().text().contains("/erase/"));
    let shown = web.get(&page, &admin).await.ok().text();
    let denial = format!("leaf {}</a> · denial", leaf + 1);
    assert!(shown.contains(&denial) && shown.contains("/assets/erase.js"), "{shown}");
    assert_eq!(web.get(&page, &approver).await.status, StatusCode::FORBIDDEN);
    assert_eq!(web.get("/erase/0", &admin).await.status, StatusCode::BAD_REQUEST);

    refuses_orders(&web, &admin, &approver, leaf).await;
    let order = web.post(prepare, &admin, wanted.clone()).await.ok().json();
    assert_eq!((&order["leaves"], &order["left"]), (&json!([leaf, leaf + 1]), &json!(0)));
    assert_eq!(
        (&order["request"], &order["namespace"]),
        (&json!(request), &json!("placet-erase-v1"))
    );
    assert!(order["text"].as_str().unwrap().contains("asked for"));
    let challenge = bytes(&order["options"]["challenge"]);
    // Another's passkey, in her session or in his own, signs nothing of hers.
    let by_bob = json!({
        "document": order["document"], "credential": assertion(bob.key.assert(&challenge, ORIGIN)),
    });
    let refused = web.post(confirm, &admin, by_bob.clone()).await.refused();
    assert_eq!(refused, (403, "http.person".to_owned()));
    assert_eq!(web.post(confirm, &approver, by_bob).await.refused().1, "http.forbidden");
    let made = assertion(alice.key.assert(&challenge, ORIGIN));
    let body = json!({"document": order["document"], "credential": made});
    let done = web.post(confirm, &admin, body.clone()).await.ok().json();
    assert_eq!((&done["status"], &done["left"]), (&json!("erased"), &json!(0)));
    assert_eq!(web.post(confirm, &admin, body).await.refused().1, "answer.document_unknown");

    let after = web.get(&entry, &admin).await.ok().json();
    assert_eq!((&after["erased"], &after["entry"]), (&json!(true), &before["entry"]));
    let shown = web.get(&receipt, &admin).await.ok().text();
    let index = &done["index"];
    assert!(shown.contains("&lt;b&gt;asked for") && shown.contains(&format!("main/{index}")));
    assert!(!shown.contains(&page));
    let shown = web.get(&of_request, &admin).await.ok().text();
    assert!(!shown.contains("/erase/"));
    assert!(shown.contains("INDETERMINATE") && shown.contains("body.erased"), "{shown}");
    assert_eq!(web.get(&page, &admin).await.status, StatusCode::GONE);
    assert_eq!(web.post(prepare, &admin, wanted).await.refused(), (410, "log.erased".to_owned()));
    web.get("/history", &admin).await.ok();
    web.get("/approve", &admin).await.ok();
}

// SPEC.md R-10-52.
#[tokio::test(flavor = "multi_thread")]
async fn names_and_ids_change_only_in_a_session_whose_passkey_was_used_just_now() {
    let web = Web::new(Fixture::new());
    let mut alice = web.fixture.bootstrap("Alice");
    let bob = web.fixture.enrol("Bob", &mut alice);
    let session = web.sign_in(&mut alice.key).await.ok().unwrap();
    let wanted = json!({"person": bob.id, "identities": ["bob@example.com"]});
    web.post("/people/identities", &session, wanted.clone()).await.ok();
    web.fixture.clock.forward(300);
    let stale = (403, "session.stale".to_owned());
    let refused = web.post("/people/identities", &session, json!({"person": bob.id})).await;
    assert_eq!(refused.refused(), stale);
    let erase = json!({"person": bob.id});
    assert_eq!(web.post("/people/erase-name", &session, erase.clone()).await.refused(), stale);
    let known = || web.fixture.ledger.person(&bob.id).unwrap().identities;
    assert_eq!(known(), ["bob@example.com"]);
    // The page asks who is signed in, too, and the new session may.
    let page = web.get("/signin?again=1&next=/people", &session).await.ok();
    assert!(page.text().contains("data-again"));
    let fresh = web.sign_in(&mut alice.key).await.ok().unwrap();
    web.post("/people/erase-name", &fresh, erase).await.ok();
    assert!(known().is_empty());
}
