//! The HTTP gateway before a real API: what was approved passes once, byte for byte, and nothing
//! else does.

mod common;
mod enforcing;
mod gatewaying;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use enforcing::{Served, embedded, outcome};
use gatewaying::*;
use placet_pep::enforce::Enforcer;
use placet_pep::gateway::Gateway;
use placet_pep::gateway::challenge::{Challenge, Challenging, Waiting};
use placet_pep::gateway::config::Config;
use placet_proto::document::OutcomeResult;

const DISABLE: &str = "POST /users/X0001/disable";
const WHY: &str = r#"{"reason":"left"}"#;

struct Setup {
    web: Web,
    gateway: Gateway,
    address: String,
    hits: Hits,
}

async fn setup(more: &str) -> Setup {
    let web = web();
    let (upstream, hits) = api().await;
    let gateway = gateway(Enforcer::new(embedded(&web)), &table(&upstream, more));
    let address = serve(&gateway).await;
    Setup { web, gateway, address, hits }
}

/// A gateway that another server asks, for an API at `api.example`.
async fn setup_elsewhere(style: &str) -> Setup {
    let web = web();
    let more = format!("forward_auth = \"{style}\"\nfront_hosts = [\"api.example\"]");
    let (upstream, hits) = api().await;
    let rename = "\n[[route]]\nmethods = [\"POST\"]\npath = \"/users/{id}/rename\"\n\
                  action = \"read_user\"\nresource = { type = \"user\", id = \"{path.id}\" }\n\
                  parameters = { to = \"{body./to?}\" }\n";
    let plain = table(&upstream, &more).replace("reason = \"{body./reason?}\", ", "");
    let gateway = gateway(Enforcer::new(embedded(&web)), &format!("{plain}{rename}"));
    let address = serve(&gateway).await;
    Setup { web, gateway, address, hits }
}

impl Setup {
    fn count(&self) -> usize {
        self.hits.lock().unwrap().len()
    }

    /// Asks, and a person approves: the request.
    async fn approved(&mut self, headers: &[(&str, &str)], body: &str) -> String {
        let request = call(&self.address, DISABLE, headers, body).await.request();
        self.web.answer(&request, false);
        request
    }
}

// SPEC.md R-10-142, R-10-143.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_passes_once() {
    let mut s = setup("").await;
    let asked = call(&s.address, DISABLE, &[("X-Tenant", "t1")], WHY).await;
    let request = asked.request();
    assert_eq!(asked.code(), "gateway.approval_required");
    let challenge = asked.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    assert_eq!(s.count(), 0);
    // Asked again it is the same request, and it waits still.
    assert_eq!(call(&s.address, DISABLE, &[("X-Tenant", "t1")], WHY).await.request(), request);
    s.web.answer(&request, false);

    let named = ("Placet-Request", request.as_str());
    for (line, tenant, body) in [
        (DISABLE, "t1", r#"{"reason":"gone"}"#),
        (DISABLE, "t1", r#"{"reason": "left"}"#),
        (DISABLE, "t2", WHY),
        ("POST /users/X0002/disable", "t1", WHY),
    ] {
        let swapped = call(&s.address, line, &[named, ("X-Tenant", tenant)], body).await;
        assert_eq!((swapped.status, swapped.code().as_str()), (403, "gateway.approval"), "{line}");
    }
    let other = format!("Bearer {OTHER}");
    let stolen = [named, ("X-Tenant", "t1"), ("Authorization", other.as_str())];
    assert_eq!(call(&s.address, DISABLE, &stolen, WHY).await.status, 403);
    assert_eq!(s.count(), 0, "nothing was forwarded");

    let passed = call(&s.address, DISABLE, &[named, ("X-Tenant", "t1")], WHY).await;
    assert_eq!((passed.status, passed.body.as_str()), (200, "done"), "{passed:?}");
    assert_eq!(passed.header("placet-request"), Some(request.as_str()), "ours, not the API's");
    let hit = s.hits.lock().unwrap().pop().unwrap();
    assert_eq!((hit.method.as_str(), hit.target.as_str()), ("POST", "/users/X0001/disable"));
    assert_eq!(hit.body, WHY);
    let header = |name: &str| hit.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(header("authorization").as_deref(), Some("Bearer of-the-api"));
    assert_eq!(header("placet-request"), Some(request.clone()));
    assert_eq!(header("x-tenant").as_deref(), Some("t1"));
    assert_eq!(header("content-length").as_deref(), Some("17"));
    assert_eq!(outcome(&s.web, &request).unwrap().result, OutcomeResult::Success);
    assert_eq!(outcome(&s.web, &request).unwrap().detail, "HTTP 200");

    let again = call(&s.address, DISABLE, &[named, ("X-Tenant", "t1")], WHY).await;
    assert_eq!((again.status, again.code().as_str()), (403, "gateway.approval"));
    assert_eq!(s.count(), 0, "the second is not forwarded");
    assert_ne!(call(&s.address, DISABLE, &[("X-Tenant", "t1")], WHY).await.request(), request);
}

// SPEC.md R-10-143.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_passes() {
    let mut s = setup("").await;
    let request = s.approved(&[], WHY).await;
    let headers = [("Placet-Request", request.as_str())];
    let many = (0..24).map(|_| call(&s.address, DISABLE, &headers, WHY));
    let said = futures(many).await;
    assert_eq!(said.iter().filter(|said| said.status == 200).count(), 1);
    assert!(said.iter().all(|said| [200, 403].contains(&said.status)), "{said:?}");
    assert_eq!(s.count(), 1);
}

struct Hook;

impl Challenge for Hook {
    fn challenge<'a>(&'a self, waiting: Waiting<'a>) -> Challenging<'a> {
        assert_eq!(waiting.identity.id, "support-bot");
        assert_eq!(waiting.resource, Some("https://gateway.example"));
        let (id, raw) = (waiting.request.to_owned(), waiting.raw.is_some());
        Box::pin(async move { Some(format!("Bearer error=\"t\", txn=\"{id}\", raw=\"{raw}\"")) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_understands_it_gets_the_transaction_challenge() {
    let web = web();
    let (upstream, _) = api().await;
    let config = Config::parse(&table(&upstream, ""), Path::new("gateway.toml")).unwrap();
    let (enforcer, hook) = (Enforcer::new(embedded(&web)), Arc::new(Hook));
    let gateway = Gateway::new(config, enforcer, Arc::new(tokens()), Some(hook)).unwrap();
    let address = serve(&gateway).await;
    let asked = call(&address, DISABLE, &[("Accept-Txn-Challenge", "?1")], WHY).await;
    let expected = format!("Bearer error=\"t\", txn=\"{}\", raw=\"true\"", asked.request());
    assert_eq!(asked.header("www-authenticate"), Some(expected.as_str()));
    let plain = call(&address, DISABLE, &[], WHY).await;
    assert!(plain.header("www-authenticate").unwrap().contains("insufficient_user"));
}

/// All at once, without another crate.
async fn futures<T>(many: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = many.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in pending.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

// SPEC.md R-10-142.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_permits_passes_and_what_it_denies_does_not() {
    let s = setup("").await;
    let headers = [("X-Admin", "true"), ("Cookie", "a=b"), ("Accept", "text/html")];
    let read = call(&s.address, "GET /users/7?fields=a%20b", &headers, "").await;
    assert_eq!((read.status, read.body.as_str()), (200, "done"), "{read:?}");
    let hit = s.hits.lock().unwrap().pop().unwrap();
    assert_eq!(hit.target, "/users/7?fields=a%20b");
    let mut names: Vec<_> = hit.headers.keys().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, ["accept", "authorization", "connection", "host", "x-from"]);
    let denied = call(&s.address, "DELETE /users/7", &[], "").await;
    assert_eq!((denied.status, denied.code().as_str()), (403, "gateway.denied"));
    let other = format!("Bearer {OTHER}");
    let other = call(&s.address, "GET /users/7", &[("Authorization", other.as_str())], "").await;
    assert_eq!(other.status, 403);
    let nobody = call(&s.address, "GET /users/7", &[("Authorization", "Bearer x")], "").await;
    assert_eq!((nobody.status, nobody.code().as_str()), (401, "identity.token"));
    assert!(nobody.header("www-authenticate").is_some());
    assert_eq!(s.count(), 0);
}

// SPEC.md R-10-140, R-10-141.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_listed_or_not_clear_is_refused() {
    let s = setup("").await;
    for (line, headers, body, code) in [
        ("GET /", &[][..], "", "gateway.route"),
        ("GET /other", &[], "", "gateway.route"),
        ("POST /users/7", &[], "", "gateway.route"),
        ("GET /Users/7", &[], "", "gateway.route"),
        ("GET /users/7/", &[], "", "gateway.route"),
        ("GET //users/7", &[], "", "gateway.target"),
        ("GET /users/%37", &[], "", "gateway.target"),
        ("GET /users/a%2Fb", &[], "", "gateway.target"),
        ("GET /x/..%2fusers/7", &[], "", "gateway.target"),
        ("GET /users/../users/7", &[], "", "gateway.target"),
        ("GET /users/7?fields=a&fields=b", &[], "", "gateway.target"),
        ("GET /users/7?admin=1", &[], "", "gateway.target"),
        ("GET http://evil.example/users/7", &[], "", "gateway.target"),
        ("GET /users/7", &[("X-HTTP-Method-Override", "DELETE")], "", "gateway.header"),
        ("GET /users/7", &[("X-Original-URL", "/admin")], "", "gateway.header"),
        ("GET /users/7", &[("Range", "bytes=0-1")], "", "gateway.header"),
        ("GET /users/7", &[("Upgrade", "websocket")], "", "gateway.header"),
        ("GET /users/7", &[("Placet-Request", "x")], "", "gateway.header"),
        ("GET /users/7", &[], "{}", "gateway.body"),
        (DISABLE, &[], r#"{"reason":"a","reason":"b"}"#, "gateway.body"),
        (DISABLE, &[], "{", "gateway.body"),
        (DISABLE, &[("Content-Encoding", "gzip")], "{}", "gateway.header"),
        (DISABLE, &[("X-Tenant", "a"), ("X-Tenant", "b")], "{}", "gateway.header"),
        (DISABLE, &[], r#"{"reason":"a","Reason":"b"}"#, "gateway.parameter"),
        (DISABLE, &[], r#"{"REASON":"b"}"#, "gateway.parameter"),
    ] {
        let said = call(&s.address, line, headers, body).await;
        assert_eq!(said.code(), code, "{line} {headers:?}: {said:?}");
        assert!([400, 403].contains(&said.status), "{said:?}");
    }
    assert_eq!(call(&s.address, "HEAD /users/7", &[], "").await.status, 403);
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(1000));
    assert_eq!(call(&s.address, DISABLE, &[], &long).await.status, 413);
    assert_eq!(call(&s.address, "GET /.placet/nothing", &[], "").await.status, 404);
    assert_eq!(s.count(), 0);
}

// SPEC.md R-10-141.
#[tokio::test(flavor = "multi_thread")]
async fn no_second_request_is_smuggled() {
    let s = setup("").await;
    let auth = format!("Host: gateway\r\nAuthorization: Bearer {TOKEN}\r\n");
    let json = "Content-Type: application/json\r\n";
    let inner = format!("GET /users/smuggled HTTP/1.1\r\n{auth}\r\n");
    for framing in [
        // A body in chunks that ends before the length does, and the other way round.
        format!("Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 500\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 3\r\nContent-Length: 4\r\n\r\n{{}} {inner}"),
        format!("Content-Length: +3\r\n\r\n{{}} {inner}"),
        format!("Content-Length : 3\r\n\r\n{{}} {inner}"),
        format!("X-Tenant: a\r\n b\r\nContent-Length: 0\r\n\r\n{inner}"),
    ] {
        let bytes = format!("{DISABLE} HTTP/1.1\r\n{auth}{json}{framing}");
        let said = raw(&s.address, bytes.as_bytes()).await;
        assert_eq!(said.head.matches("HTTP/1.1 ").count(), 1, "{framing:?}: {said:?}");
        assert!(!said.body.contains("HTTP/1.1"), "one answer: {framing:?}: {said:?}");
        assert!(said.status != 200, "{framing:?}: {said:?}");
    }
    assert_eq!(s.count(), 0);
}

// SPEC.md R-10-145.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_costs_no_approval_and_one_that_breaks_is_unknown() {
    let web = web();
    let (upstream, hits) = api().await;
    // Nothing listens there.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = closed.local_addr().unwrap().to_string();
    drop(closed);
    let enforcer = Enforcer::new(embedded(&web));
    let away = gateway(enforcer.clone(), &table(&nowhere, ""));
    let away = serve(&away).await;
    // The host is a part of the action: the API is the same, by another way.
    let here =
        table(&upstream, "").replace("connect_s", &format!("host = \"{nowhere}\"\nconnect_s"));
    let here = serve(&gateway(enforcer, &here)).await;
    let mut s = web;
    let request = call(&away, DISABLE, &[], WHY).await.request();
    s.answer(&request, false);
    let named = [("Placet-Request", request.as_str())];
    let said = call(&away, DISABLE, &named, WHY).await;
    assert_eq!((said.status, said.code().as_str()), (502, "gateway.upstream"));
    assert!(s.ledger.row(&request).unwrap().execution.is_none(), "the approval is not spent");
    assert_eq!(call(&here, DISABLE, &named, WHY).await.status, 200);
    assert_eq!(hits.lock().unwrap().len(), 1);

    for (id, status, result) in
        [("missing", 404, OutcomeResult::Failure), ("broken", 504, OutcomeResult::Unknown)]
    {
        let line = format!("POST /users/{id}/disable");
        let request = call(&here, &line, &[], WHY).await.request();
        s.answer(&request, false);
        let named = [("Placet-Request", request.as_str())];
        assert_eq!(call(&here, &line, &named, WHY).await.status, status, "{id}");
        assert_eq!(outcome(&s, &request).unwrap().result, result, "{id}");
        assert_eq!(call(&here, &line, &named, WHY).await.status, 403, "it is spent all the same");
    }
}

// SPEC.md R-10-144.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_nothing_passes() {
    let web = web();
    let (upstream, hits) = api().await;
    let served = Served::start(&web).await;
    let gateway = gateway(Enforcer::new(served.remote(&web)), &table(&upstream, ""));
    let address = serve(&gateway).await;
    assert_eq!(call(&address, "GET /users/7", &[], "").await.status, 200);
    served.stop().await;
    for line in ["GET /users/7", DISABLE] {
        let body = if line == DISABLE { WHY } else { "" };
        let said = call(&address, line, &[], body).await;
        assert_eq!((said.status, said.code().as_str()), (503, "gateway.unavailable"), "{said:?}");
    }
    assert_eq!(hits.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_wait_or_look_at_a_task() {
    let mut s = setup("").await;
    let asked = call(&s.address, DISABLE, &[("Prefer", "respond-async")], WHY).await;
    assert_eq!(asked.status, 403);
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    let request = body["task"]["id"].as_str().unwrap().to_owned();
    let path = format!("/.placet/requests/{request}");
    assert_eq!(body["task"]["status_endpoint"], format!("https://gateway.example{path}"));
    let line = format!("GET {path}");
    let pending = call(&s.address, &line, &[], "").await;
    assert!(pending.body.contains("\"pending\"") && pending.header("retry-after").is_some());
    let other = format!("Bearer {OTHER}");
    let stranger = call(&s.address, &line, &[("Authorization", other.as_str())], "").await;
    assert_eq!(stranger.status, 403);

    let address = s.address.clone();
    let waiting =
        tokio::spawn(async move { call(&address, DISABLE, &[("Prefer", "wait=60")], WHY).await });
    s.web.answer(&request, false);
    assert_eq!(waiting.await.unwrap().status, 200);
    assert!(call(&s.address, &line, &[], "").await.body.contains("\"approved\""));
    assert_eq!(s.count(), 1);
    // A person says no.
    let request = call(&s.address, DISABLE, &[], WHY).await.request();
    s.web.answer(&request, true);
    let said = call(&s.address, DISABLE, &[("Placet-Request", request.as_str())], WHY).await;
    assert_eq!((said.status, said.code().as_str()), (403, "gateway.denied"));
}

// SPEC.md R-10-146.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_front_asks_for_others() {
    for (style, method, uri, host) in [
        ("nginx", "X-Original-Method", "X-Original-URI", "X-Original-Host"),
        ("caddy", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"),
    ] {
        let mut s = setup_elsewhere(style).await;
        let line = "GET /.placet/authorize";
        let of = |m, t| [(method, m), (uri, t), (host, "API.example:80")];
        assert_eq!(call(&s.address, line, &of("GET", "/users/7"), "").await.status, 200);
        assert_eq!(call(&s.address, line, &of("DELETE", "/users/7"), "").await.status, 403);
        for known in 0..3 {
            let mut some = of("GET", "/users/7").to_vec();
            some.remove(known);
            assert_eq!(call(&s.address, line, &some, "").await.code(), "gateway.header");
        }
        let twice = [(method, "GET"), (uri, "/users/7"), (uri, "/users/8"), (host, "api.example")];
        assert_eq!(call(&s.address, line, &twice, "").await.code(), "gateway.header");

        for (more, code) in [
            (("X-Impersonate-User", "root"), "gateway.header"),
            (("Cookie", "session=another's"), "gateway.header"),
            // The body of this call is not seen here, and the route takes none.
            (("Content-Length", "2"), "gateway.body"),
        ] {
            let mut ask = of("GET", "/users/7").to_vec();
            ask.push(more);
            assert_eq!(call(&s.address, line, &ask, "").await.code(), code, "{more:?}");
        }
        // A member of the body that decides is not seen either, even if it need not be there.
        let ask = of("POST", "/users/X0001/rename");
        assert_eq!(call(&s.address, line, &ask, "").await.code(), "gateway.body");
        let admin = [ask[0], ask[1], (host, "admin.example")];
        assert_eq!(call(&s.address, line, &admin, "").await.code(), "gateway.target");
        let ask = of("POST", "/users/X0001/disable");
        let request = call(&s.address, line, &ask, "").await.request();
        s.web.answer(&request, false);
        let named = [ask[0], ask[1], ask[2], ("Placet-Request", request.as_str())];
        let swapped = [ask[0], (uri, "/users/X0002/disable"), ask[2], named[3]];
        assert_eq!(call(&s.address, line, &swapped, "").await.status, 403);
        let passed = call(&s.address, line, &named, "").await;
        assert_eq!((passed.status, passed.header("placet-request")), (200, Some(&*request)));
        assert_eq!(call(&s.address, line, &named, "").await.status, 403);
        let told = outcome(&s.web, &request).unwrap();
        assert_eq!(told.result, OutcomeResult::Unknown);
        assert!(told.detail.contains("not observed"), "{}", told.detail);
        // What was approved for one way is not approved for the other, where the body is bound.
        let proxied = call(&s.address, DISABLE, &[("Placet-Request", &request)], "").await;
        assert_eq!(proxied.status, 403);
        assert_eq!(s.count(), 0, "the server in front forwards");
    }
}

// SPEC.md R-10-146.
#[tokio::test(flavor = "multi_thread")]
async fn only_configured_proxies_ask_for_others() {
    let headers = [("X-Original-Method", "GET"), ("X-Original-URI", "/users/7")];
    for more in ["", "forward_auth = \"nginx\"\nproxies = [\"192.0.2.1\"]"] {
        let s = setup(more).await;
        let said = call(&s.address, "GET /.placet/authorize", &headers, "").await;
        assert_eq!((said.status, said.code().as_str()), (403, "gateway.proxy"));
    }
}

// SPEC.md R-10-146.
#[tokio::test(flavor = "multi_thread")]
async fn envoys_questions_are_decided_like_all_others() {
    use placet_pep::gateway::envoy::wire::{CheckResponse, HttpRequest};
    let mut s = setup("").await;
    let ask = |body: &str, size: i64, more: &[(&str, &str)]| {
        let mut headers = vec![
            ("authorization".to_owned(), format!("Bearer {TOKEN}").into_bytes()),
            ("content-type".to_owned(), b"application/json".to_vec()),
        ];
        headers.extend(more.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())));
        HttpRequest {
            method: "POST".to_owned(),
            path: "/users/X0001/disable".to_owned(),
            host: "127.0.0.1".to_owned(),
            headers,
            size,
            body: body.as_bytes().to_vec(),
            ..HttpRequest::default()
        }
    };
    let denied = |response: &CheckResponse| match response {
        CheckResponse::Denied { status, headers, .. } => (*status, headers.clone()),
        CheckResponse::Ok(_) => panic!("it passes"),
    };
    let (status, headers) = denied(&s.gateway.check(ask(WHY, 17, &[])).await);
    assert_eq!(status, 401);
    let request = headers.iter().find(|(n, _)| n == "placet-request").unwrap().1.clone();
    s.web.answer(&request, false);
    let named = [("placet-request", request.as_str())];
    for bad in [
        ask(WHY, 18, &named),
        ask("", 17, &named),
        ask("{}", 2, &named),
        HttpRequest { host: "admin.example".to_owned(), ..ask(WHY, 17, &named) },
        HttpRequest { text_body: true, ..ask(WHY, 17, &named) },
        HttpRequest { rewritten: vec!["X-Tenant".to_owned()], ..ask(WHY, 17, &named) },
        ask(WHY, 17, &[named[0], ("x-impersonate-user", "root")]),
    ] {
        assert!(denied(&s.gateway.check(bad).await).0 >= 400);
    }
    let passed = s.gateway.check(ask(WHY, 17, &named)).await;
    assert_eq!(passed, CheckResponse::Ok(vec![("placet-request".to_owned(), request.clone())]));
    assert_eq!(denied(&s.gateway.check(ask(WHY, 17, &named)).await).0, 403);
    assert_eq!(outcome(&s.web, &request).unwrap().result, OutcomeResult::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bounded_in_time() {
    let web = web();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let table = table(&silent, "").replace("answer_s = 5", "answer_s = 1");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table)).await;
    let began = std::time::Instant::now();
    let said = call(&address, "GET /users/7", &[], "").await;
    assert_eq!((said.status, said.code().as_str()), (504, "gateway.broken"));
    assert!(began.elapsed() < Duration::from_secs(20));
    held.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_keeps_the_place_of_a_call_that_is_at_work() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let web = web();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let (came, mut comes) = tokio::sync::mpsc::unbounded_channel();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.read_u8().await.unwrap();
            came.send(()).unwrap();
            held.push(stream);
        }
    });
    let table = table(&silent, "most_calls = 1").replace("answer_s = 5", "answer_s = 600");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table)).await;
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!("GET /users/7 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    comes.recv().await.unwrap();
    drop(stream);
    for _ in 0..3 {
        let said = call(&address, "GET /users/8", &[], "").await;
        assert_eq!((said.status, said.code().as_str()), (503, "gateway.busy"));
    }
    held.abort();
}
