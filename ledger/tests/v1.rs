//! `/v1` as programs see it: search, entries, proofs, bundles; and the pages for auditors.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use common::web::{self, Answer};
use common::*;
use placet_ledger::LogId;
use placet_ledger::http::auth::Scope;
use placet_ledger::service::Change;
use placet_proto::cose::{Receipt, Sign1};
use placet_proto::document;
use placet_proto::tlog::merkle;
use placet_proto::tlog::proof::TlogProof;
use placet_verifier::{Options, Verdict, verify_bundle};
use serde_json::{Value, json};

struct Web {
    fixture: Fixture,
    router: Router,
    /// What the caller shows: a header with its value.
    shows: Option<(header::HeaderName, String)>,
}

impl Answer {
    fn text(&self) -> &str {
        &self.text
    }
}

impl Web {
    fn new() -> Self {
        Self::over(Fixture::new())
    }

    /// Calls come with a token for reading evidence.
    fn over(fixture: Fixture) -> Self {
        let router = web::router(&fixture);
        let web = Self { router, fixture, shows: None };
        web.with_token(&[Scope::EvidenceRead, Scope::Search])
    }

    fn with_token(self, scopes: &[Scope]) -> Self {
        let ledger = &self.fixture.ledger;
        let made = ledger.access().create_token("test", scopes, None, ledger.now()).unwrap();
        Self { shows: Some((header::AUTHORIZATION, format!("Bearer {}", made.1))), ..self }
    }

    /// Calls come with the session of a person.
    fn signed_in(self, person: &Person) -> Self {
        let ledger = &self.fixture.ledger;
        let secret = ledger.start_session(&person.id, person.key.credential_id()).unwrap();
        Self { shows: Some((header::COOKIE, format!("placet={}", secret.as_str()))), ..self }
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_as(path, "*/*").await
    }

    async fn get_as(&self, path: &str, accept: &str) -> Answer {
        let mut request = Request::get(path)
            .header(header::HOST, "localhost:8420")
            .header(header::ACCEPT, accept);
        if let Some((name, value)) = &self.shows {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).unwrap();
        web::send(&self.router, request).await
    }
}

/// One request that was approved, run and reported, and one that was refused.
fn story(f: &Fixture) -> (Person, String, String) {
    let mut alice = f.bootstrap("Alice");
    let done = f.request(1);
    f.answer(&done, &mut alice, false);
    f.ledger.consume(&f.consume(&done)).unwrap();
    f.ledger.outcome(&f.report(&done)).unwrap();
    let denied = f.request(1);
    f.answer(&denied, &mut alice, true);
    (alice, done, denied)
}

// SPEC.md R-10-90.
#[tokio::test(flavor = "multi_thread")]
async fn policies_stay_readable_and_files_that_nobody_signed_are_not_given() {
    let web = Web::new();
    let ledger = &web.fixture.ledger;
    let mut alice = web.fixture.bootstrap("Alice");
    let files = |text: &str| [("b.cedar".to_owned(), text.as_bytes().to_vec())].into();
    let prepare = |text: &str| {
        ledger.prepare_change(&Change::Policy(files(text)), alice.key.credential_id()).unwrap()
    };
    let (second, waits) = (prepare("permit"), prepare("forbid it"));
    let by_alice = signed(&mut alice.key, &second.challenge);
    ledger.confirm_change(second.document.sha256(), by_alice).unwrap();

    let all = web.get("/v1/policies").await.ok().json();
    let [new, old] = all["policies"].as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&new["in_force"], &old["in_force"]), (&json!(true), &json!(false)));
    assert_eq!(new["signer"]["person"], *alice.id);
    assert!(old.get("signer").is_none() && old["index"] == 2);
    let first = web.get("/v1/policies?limit=1").await.ok().json();
    assert_eq!((&first["policies"][0], &first["next"]), (new, &new["index"]));
    let rest = web.get(&format!("/v1/policies?before={}", first["next"])).await.ok().json();
    assert_eq!(rest, json!({"policies": [old]}));

    let file = |text: &str| {
        let digest = hex::encode(placet_proto::sha256(text.as_bytes()));
        format!("/v1/policies/files/{digest}")
    };
    assert_eq!(web.get(&file("permit")).await.ok().body, b"permit"[..]);
    // It is in the folder, until somebody signs it or it is swept away.
    assert!(matches!(&waits.document.body, document::Body::Policy(p) if p.files.len() == 1));
    for unknown in [file("forbid it"), file("nothing"), "/v1/policies/files/..%2Fkeys".to_owned()] {
        assert_eq!(web.get(&unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
    let path = file("permit");
    let search = web.with_token(&[Scope::Search]);
    for path in ["/v1/policies", path.as_str()] {
        assert_eq!(search.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

// SPEC.md R-10-32.
#[tokio::test(flavor = "multi_thread")]
async fn entries_are_searched_page_by_page() {
    let web = Web::new();
    let (alice, done, denied) = story(&web.fixture);
    let found = web.get(&format!("/v1/entries?request={done}")).await.ok().json();
    let kinds: Vec<&str> =
        found["entries"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["outcome", "execution", "approval", "decision"]);
    assert_eq!(found["indexed_to"], json!({"main": 9, "gov": 4}));
    assert!(found.get("next").is_none());
    let decision = &found["entries"][3];
    assert_eq!(decision["log"], "main");
    assert_eq!(decision["agent"], json!({"type": "agent", "id": "helpdesk-bot"}));
    assert_eq!(decision["action"], "disable_user");
    assert_eq!(decision["action_digest"], hex::encode(action("X0001").digest()));
    assert_eq!(decision["decision"], "requestable");

    let path = format!("/v1/entries?approver={}&limit=1", alice.id);
    let first = web.get(&path).await.ok().json();
    assert_eq!(first["entries"][0]["request"], *denied);
    let next = first["next"].as_str().unwrap();
    let page = web.get(&format!("{path}&cursor={next}")).await.ok();
    assert_eq!(page.json()["entries"][0]["request"], *done);
    assert!(page.json().get("next").is_none());
    // The log grows; the page stays.
    web.fixture.request(1);
    assert_eq!(web.get(&format!("{path}&cursor={next}")).await.ok().body, page.body);

    let credential = B64.encode(alice.key.credential_id());
    let digest = hex::encode(action("X0001").digest());
    for (query, count) in [
        (format!("credential={credential}"), 3),
        (format!("person={}", alice.id), 3),
        (format!("digest={digest}&kind=decision"), 3),
        ("agent=helpdesk-bot&kind=approval".to_owned(), 1),
        ("agent=agent%2Fhelpdesk-bot&kind=denial".to_owned(), 1),
        ("log=gov".to_owned(), 4),
        ("log=gov&kind=enrolment".to_owned(), 1),
        ("from=2020-01-01T00:00:00%2B01:00&to=2021-01-01T00:00:00Z".to_owned(), 0),
        ("agent=nobody".to_owned(), 0),
    ] {
        let found = web.get(&format!("/v1/entries?{query}")).await.ok().json();
        assert_eq!(found["entries"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_query_is_said_by_a_stable_code() {
    let web = Web::new();
    web.fixture.request(1);
    let next = web.get("/v1/entries?limit=1").await.ok().json()["next"].clone();
    let next = next.as_str().unwrap();
    for (path, status, code) in [
        ("/v1/entries?who=alice".to_owned(), 400, "query.unknown"),
        ("/v1/entries?kind=a&kind=b".to_owned(), 400, "query.repeated"),
        ("/v1/entries?kind=".to_owned(), 400, "query.value"),
        ("/v1/entries?limit=0".to_owned(), 400, "query.value"),
        ("/v1/entries?limit=201".to_owned(), 400, "query.value"),
        ("/v1/entries?limit=-1".to_owned(), 400, "query.value"),
        ("/v1/entries?log=both".to_owned(), 400, "query.value"),
        ("/v1/entries?request=1".to_owned(), 400, "query.value"),
        ("/v1/entries?digest=00".to_owned(), 400, "query.value"),
        ("/v1/entries?credential=%3D".to_owned(), 400, "query.value"),
        ("/v1/entries?from=yesterday".to_owned(), 400, "query.value"),
        (format!("/v1/entries?agent={}", "a".repeat(3000)), 400, "query.value"),
        ("/v1/entries?cursor=AAAA".to_owned(), 400, "query.cursor"),
        (format!("/v1/entries?kind=denial&cursor={next}"), 400, "query.cursor"),
        ("/v1/entries/main/99".to_owned(), 404, "log.out_of_range"),
        ("/v1/entries/main/-1".to_owned(), 404, "http.not_found"),
        ("/v1/entries/log/0".to_owned(), 404, "http.not_found"),
        ("/v1/entries/main/0?form=xml".to_owned(), 400, "query.value"),
        ("/v1/consistency?from=0".to_owned(), 400, "query.value"),
        ("/v1/consistency".to_owned(), 400, "query.value"),
        ("/v1/consistency?from=3&to=2".to_owned(), 400, "query.value"),
        ("/v1/consistency?from=3&to=99".to_owned(), 404, "log.out_of_range"),
        ("/v1/evidence".to_owned(), 400, "http.malformed"),
        ("/v1/evidence?request=x".to_owned(), 404, "http.not_found"),
        (format!("/v1/evidence?{}", ["request=x"; 257].join("&")), 400, "http.malformed"),
    ] {
        let answer = web.get(&path).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (status, &json!(code)),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_statements_come_at_once_for_a_copy() {
    let web = Web::new();
    let _ = story(&web.fixture);
    web.fixture.ledger.publisher(LogId::Main).covering(9).unwrap();
    for (log, id) in [("main", LogId::Main), ("gov", LogId::Gov)] {
        let source = web.fixture.ledger.log(id);
        let size = source.checkpoint().unwrap().size;
        for first in [0, 1, size - 1] {
            let answer = web.get(&format!("/v1/statements/{log}/{first}")).await.ok();
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            assert_eq!(answer.header("cache-control"), "no-store");
            let statements = placet_proto::logcopy::parse_run(&answer.body).unwrap();
            assert_eq!(statements.len() as u64, size - first);
            for (index, statement) in (first..).zip(statements) {
                let entry = source.entry(index).unwrap();
                assert_eq!(placet_proto::sha256(statement.unwrap()), entry);
            }
        }
        // What no published checkpoint covers yet is not given either.
        for (tail, status) in [(&*size.to_string(), 404), ("x", 404), ("-1", 404)] {
            let answer = web.get(&format!("/v1/statements/{log}/{tail}")).await;
            assert_eq!(answer.status.as_u16(), status, "{tail}");
        }
    }
    let searching = Web::new().with_token(&[Scope::Search]);
    assert_eq!(searching.get("/v1/statements/main/0").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_comes_with_what_proves_it() {
    let web = Web::new();
    let (alice, done, _) = story(&web.fixture);
    web.fixture.ledger.publisher(LogId::Main).covering(9).unwrap();
    for (log, id) in [("main", LogId::Main), ("gov", LogId::Gov)] {
        let source = web.fixture.ledger.log(id);
        for index in 0..source.size() {
            let path = format!("/v1/entries/{log}/{index}");
            let found = web.get(&path).await.ok().json();
            let entry = source.entry(index).unwrap();
            assert_eq!(found["entry"], hex::encode(entry));
            let statement = B64.decode(found["statement"].as_str().unwrap()).unwrap();
            assert_eq!(placet_proto::sha256(&statement), entry);
            let parsed = placet_proto::statement::Statement::parse(&statement).unwrap();
            assert_eq!(found["kind"], parsed.kind().name());
            let document = serde_json::to_vec(&found["document"]).unwrap();
            let document = placet_proto::json::parse(&document).unwrap();
            assert_eq!(placet_proto::jcs::to_bytes(&document), parsed.document.bytes());

            let hashes = |value: &Value| -> Vec<[u8; 32]> {
                let items = value.as_array().unwrap().iter();
                items
                    .map(|h| hex::decode(h.as_str().unwrap()).unwrap().try_into().unwrap())
                    .collect()
            };
            let inclusion = &found["inclusion"];
            let size = inclusion["tree_size"].as_u64().unwrap();
            let root = hashes(&json!([inclusion["root"]]))[0];
            let leaf = merkle::leaf_hash(&entry);
            merkle::verify_inclusion(&leaf, index, size, &hashes(&inclusion["path"]), &root)
                .unwrap();
            assert_eq!(root, source.root_at(size).unwrap());
            assert!(found["checkpoint"].as_str().unwrap().starts_with(source.origin()));

            // The same as files.
            let cose = web.get_as(&path, "application/cose").await.ok();
            assert_eq!(cose.header("content-type"), "application/cose");
            let transparent = Sign1::parse(&cose.body).unwrap();
            assert_eq!(transparent.payload, Sign1::parse(&statement).unwrap().payload);
            let receipt = web.get(&format!("{path}?form=receipt")).await.ok();
            assert_eq!(B64.encode(&receipt.body), found["receipt"]);
            assert!(transparent.unprotected.windows(receipt.body.len()).any(|w| w == receipt.body));
            assert_eq!(Receipt::parse(&receipt.body).unwrap().proof.leaf_index, index);
            let proof = web.get_as(&path, "text/plain, */*;q=0.1").await.ok();
            let (proof, checkpoint) = TlogProof::parse(&proof.body).unwrap();
            assert_eq!((proof.index, checkpoint.checkpoint().root), (index, root));
        }
    }
    let refused = web.get_as("/v1/entries/main/0", "image/png").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (406, &json!("http.accept")));

    // What is erased is still proven.
    let main = web.fixture.ledger.log(LogId::Main);
    main.erase(3).unwrap();
    let erased = web.get("/v1/entries/main/3").await.ok().json();
    assert_eq!((&erased["erased"], erased.get("statement")), (&json!(true), None));
    assert!(erased["inclusion"]["path"].is_array() && erased.get("receipt").is_none());
    web.get("/v1/entries/main/3?form=tlog-proof").await.ok();
    let gone = web.get("/v1/entries/main/3?form=cose").await;
    assert_eq!((gone.status, &gone.json()["code"]), (StatusCode::GONE, &json!("log.erased")));
    let web = web.signed_in(&alice);
    let page = web.get("/receipt/main/3").await.ok();
    assert!(page.text().contains("was erased, and no order for it is known"), "{}", page.text());
    let page = web.get(&format!("/receipt/request/{done}")).await.ok();
    assert!(
        page.text().contains("was erased") && page.text().contains("leaf 4"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains("<strong>PASSED</strong>"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn consistency_and_checkpoints() {
    let web = Web::new();
    for _ in 0..6 {
        web.fixture.request(1);
    }
    let main = web.fixture.ledger.log(LogId::Main);
    for (from, to) in [(1, 9), (3, 8), (9, 9)] {
        let path = format!("/v1/consistency?log=main&from={from}&to={to}");
        let found = web.get(&path).await.ok().json();
        let path: Vec<[u8; 32]> = found["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|h| hex::decode(h.as_str().unwrap()).unwrap().try_into().unwrap())
            .collect();
        let (old, new) = (main.root_at(from).unwrap(), main.root_at(to).unwrap());
        assert_eq!(found["to_root"], hex::encode(new));
        merkle::verify_consistency(from, to, &old, &new, &path).unwrap();
    }
    web.fixture.ledger.publisher(LogId::Main).covering(9).unwrap();
    let found = web.get("/v1/checkpoint").await.ok().json();
    assert_eq!((&found["size"], &found["entries"]), (&json!(9), &json!(9)));
    assert_eq!(found["witnesses"][0]["operated_by_self"], true);
    assert_eq!(found["note"], web.get("/log/checkpoint").await.ok().text());
    let gov = web.get("/v1/checkpoint?log=gov").await.ok().json();
    assert_eq!(gov["origin"], "localhost/test/gov");
    assert_eq!(web.get("/health").await.ok().text(), "ok\n");
    web.fixture.clock.forward(100_000);
    let stale = web.get("/health").await;
    assert_eq!(stale.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(stale.text().contains("localhost/test/gov: the checkpoint is"), "{}", stale.text());
    let page = web.get("/").await.ok();
    assert!(page.text().contains("no: localhost/test"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bundle_is_about_several_requests() {
    let web = Web::new();
    let (alice, done, denied) = story(&web.fixture);
    let path = format!("/v1/evidence?request={done}&request={denied}&wait=20");
    let bundle = web.get(&path).await.ok();
    assert_eq!(bundle.header("placet-evidence"), "complete");
    assert!(bundle.header("content-disposition").contains("-and-1-more.placet"));
    let options = Options { as_of: web.fixture.ledger.now().0, ..Options::default() };
    let report = verify_bundle(&bundle.body, &web.fixture.trust(&[&alice]), &options).unwrap();
    let answers: Vec<_> = report.requests.iter().map(|r| r.answer).collect();
    assert_eq!(answers.len(), 2);
    assert!(answers.contains(&Some("approved")) && answers.contains(&Some("denied")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_the_verifier_found() {
    let web = Web::new();
    let (alice, done, denied) = story(&web.fixture);
    let web = web.signed_in(&alice);
    let open = web.fixture.request(1);
    for request in [&done, &denied] {
        web.get(&format!("/v1/evidence/{request}?wait=20")).await.ok();
    }
    let page = web.get(&format!("/receipt/request/{done}")).await.ok();
    let html = page.text();
    for part in [
        "This page is the operator's word.",
        "<strong>PASSED</strong>",
        "<strong>Alice</strong> approved <strong>disable_user on user/X0001</strong>",
        "for agent <strong>agent/helpdesk-bot</strong> between <time",
        "let it run once",
        "with outcome <strong>success</strong>",
        "DEVELOPMENT LEDGER",
        "href=\"/spec#s-9\"",
        "roster.current",
        "href=\"/receipt/gov/2\"",
        "That the person saw it.",
        &format!("placet-verify check {done}.placet --trust trust.json"),
        "18([",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<script>") && !html.contains("style="));

    let html = web.get(&format!("/receipt/request/{denied}")).await.ok();
    let html = html.text();
    assert!(html.contains("refused <strong>disable_user") && html.contains("--denial"), "{html}");
    assert!(html.contains("<strong>PASSED</strong>"), "{html}");
    let html = web.get(&format!("/receipt/request/{open}")).await.ok();
    let html = html.text();
    assert!(html.contains("the request waits for an answer"), "{html}");
    assert!(html.contains("<strong>INDETERMINATE</strong>") && html.contains("answer.absent"));
    let unknown = web.get("/receipt/request/4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    // The page's verdict is the verifier's over the bundle that it offers.
    let bundle = web.get(&format!("/v1/evidence/{done}")).await.ok();
    let options = Options { as_of: web.fixture.ledger.now().0, ..Options::default() };
    let report = verify_bundle(&bundle.body, &web.fixture.trust(&[&alice]), &options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed);

    for path in ["/receipt/main/4", "/receipt/gov/3", "/spec"] {
        let page = web.get(path).await.ok();
        assert!(page.text().contains("</html>"), "{path}");
    }
    let entry = web.get("/receipt/main/4").await.ok();
    assert_eq!(entry.text().matches(">passed<").count(), 3, "{}", entry.text());
    assert!(entry.text().contains(&format!("/receipt/request/{done}")));
    for path in ["/receipt/main/99", "/receipt/log/1", "/receipt/main/x"] {
        assert_eq!(web.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_page_gives_keys_as_files() {
    let web = Web::new();
    let page = web.get("/").await.ok();
    let links: Vec<&str> = page
        .text()
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.contains("/keys/"))
        .collect();
    // Checkpoint, receipt and issuer keys of both logs, the PEP's, and two vkeys.
    assert_eq!(links.len(), 9, "{links:?}");
    for link in links {
        let file = web.get(link).await.ok();
        match link.ends_with(".pem") {
            true => assert!(placet_proto::spki::from_pem(file.text()).is_ok(), "{link}"),
            false => assert!(file.text().starts_with("localhost/test"), "{link}"),
        }
    }
    for path in ["/log/keys/x.pem", "/log/keys/..%2f..%2fkeys", "/gov/keys/", "/log/keys/a.b.c"] {
        assert_eq!(web.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_statements_without_being_known() {
    let web = Web { shows: None, ..Web::new() };
    let (alice, done, _) = story(&web.fixture);
    for path in ["/v1/entries", "/v1/entries/main/0", "/v1/evidence?request=x"] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.header("www-authenticate").is_empty(), "{path}");
    }
    for path in [format!("/receipt/request/{done}"), "/receipt/main/0".to_owned()] {
        let answer = web.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/signin?next="), "{path}");
    }
    for path in ["/", "/spec", "/v1/trust", "/v1/checkpoint", "/v1/openapi.json", "/health"] {
        web.get(path).await.ok();
    }
    let web = web.with_token(&[Scope::Metrics]);
    assert_eq!(web.get("/v1/entries").await.status, StatusCode::FORBIDDEN);
    // Who may search learns what there is, and not what it says.
    let web = web.with_token(&[Scope::Search]);
    web.get("/v1/entries").await.ok();
    for path in ["/v1/entries/main/0".to_owned(), format!("/v1/evidence?request={done}")] {
        assert_eq!(web.get(&path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let web = web.signed_in(&alice);
    web.get("/v1/entries").await.ok();
}

// SPEC.md R-10-53.
#[tokio::test(flavor = "multi_thread")]
async fn an_enforcement_point_reads_about_its_own_requests_only() {
    let fixture = Fixture::new();
    fixture.bootstrap("Alice");
    let own = fixture.request(1);
    let mut decision = fixture.decision(1);
    decision.audience = "localhost/other-pep".to_owned();
    let other = fixture.ledger.create(decision, Default::default()).unwrap();
    let web = Web::over(fixture).with_token(&[Scope::Pep]);
    for path in ["/v1/requests/", "/v1/evidence/", "/v1/evidence?request="] {
        let found = web.get(&format!("{path}{own}")).await;
        let scoped = path.contains('?');
        assert_eq!(found.status.as_u16(), if scoped { 403 } else { 200 }, "{path}");
        let refused = web.get(&format!("{path}{other}")).await;
        assert_eq!(refused.status.as_u16(), if scoped { 403 } else { 404 }, "{path}");
    }
    let listed = web.get("/v1/requests").await.ok().json();
    let listed = listed["requests"].as_array().unwrap();
    assert_eq!(listed.iter().map(|r| &r["request"]).collect::<Vec<_>>(), [&json!(own)]);
    let web = web.with_token(&[Scope::Pep, Scope::EvidenceRead]);
    web.get(&format!("/v1/evidence/{other}")).await.ok();
}
