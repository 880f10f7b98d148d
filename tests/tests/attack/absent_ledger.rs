//! The ledger is gone, silent, or somebody else, when it matters.

use std::time::Duration;

use placet_pep::enforce::{Enforcer, Remote, RemoteConfig, Settings, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::common::{Web, disable};
use crate::enforcing::{Served, approve, intent, never, read, token_file};

#[tokio::test(flavor = "multi_thread")]
async fn stopped_between_the_approval_and_the_action_nothing_runs() {
    let mut web = Web::new();
    let served = Served::start(&web).await;
    let enforcer = Enforcer::new(served.remote(&web));
    let wanted = intent(&disable("X0001"));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    served.stop().await;
    let refused = permit.run(wanted, never).await.unwrap_err();
    assert_eq!(refused.code(), "enforce.unavailable");
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
    // What needs no person needs the record all the same.
    let unrecorded = enforcer.evaluate(&intent(&read("X0001"))).await.unwrap_err();
    assert_eq!(unrecorded.code(), "enforce.unavailable");
}

/// A server that says the same to everybody; `ID` in it is the id of the call.
async fn says(answer: Option<&'static str>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
            let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: "));
            match answer {
                Some(answer) => {
                    let answer = answer.replace("ID", id.unwrap_or_default());
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                // It does not hang up.
                None => silent.push(stream),
            }
        }
    });
    (url, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_nonsense_and_a_bare_yes_are_no_permits() {
    let web = Web::new();
    let yes = "content-type: application/json\r\ncontent-length: 17\r\n\r\n{\"decision\":true}";
    let ok = |rest: &str| format!("HTTP/1.1 200 OK\r\nx-request-id: ID\r\n{rest}");
    let leak = |text: String| -> Option<&'static str> { Some(text.leak()) };
    for (answer, code) in [
        (None, "enforce.timeout"),
        (Some(""), "enforce.unavailable"),
        (leak(ok(yes).replace("x-request-id: ID", "x-request-id: another")), "enforce.answer"),
        (leak(ok(yes)), "enforce.answer"),
        (leak(ok("content-length: 2\r\n\r\n{}")), "enforce.answer"),
        (leak(ok(&yes.replace("true", "\"ye\""))), "enforce.answer"),
        (leak(ok(yes).replace("200 OK", "500 Oops")), "enforce.refused"),
        (leak(ok(yes).replace("200 OK", "302 Found")), "enforce.refused"),
        (leak(ok(&yes.replace("17", "99999999999"))), "enforce.answer"),
    ] {
        let (url, server) = says(answer).await;
        let config =
            RemoteConfig { url, token_file: Some(token_file(&web)), ..RemoteConfig::default() };
        let ledger = Remote::new(&config).unwrap();
        let enforcer = Enforcer::with_settings(
            ledger,
            Settings { call_time: Duration::from_millis(500), ..Settings::default() },
        );
        let error = enforcer.enforce(intent(&read("X1")), Duration::ZERO, never).await.unwrap_err();
        assert_eq!(error.code(), code, "{answer:?}: {error}");
        server.abort();
    }
}
