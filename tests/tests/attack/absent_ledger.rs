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

/// A server that says whatever it is told to, to each connection once.
async fn says(answer: Option<&'static str>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 1024];
            let _ = stream.read(&mut some).await;
            if let Some(answer) = answer {
                let _ = stream.write_all(answer.as_bytes()).await;
            } else {
                // It never answers, and does not hang up.
                kept.push(stream);
            }
        }
    });
    (url, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_nonsense_and_a_bare_yes_are_no_permits() {
    let web = Web::new();
    for (answer, code) in [
        (None, "enforce.timeout"),
        (Some(""), "enforce.unavailable"),
        (Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), "enforce.answer"),
        (Some("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"decision\":\"yes\"}"), "enforce.answer"),
        (Some("HTTP/1.1 302 Found\r\nlocation: /yes\r\ncontent-length: 0\r\n\r\n"), "enforce.refused"),
        (Some("HTTP/1.1 500 Oops\r\ncontent-length: 17\r\n\r\n{\"decision\":true}"), "enforce.refused"),
        (Some("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{"), "enforce.answer"),
    ] {
        let (url, server) = says(answer).await;
        let config = RemoteConfig {
            url,
            token_file: Some(token_file(&web)),
            ..RemoteConfig::default()
        };
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
