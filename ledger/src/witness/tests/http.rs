//! Client and server over loopback.

use super::super::state::origin_hash;
use super::*;
use placet_proto::tlog::Policy;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

struct Server {
    prefix: String,
    runtime: tokio::runtime::Runtime,
}

fn serve(witness: Witness) -> Server {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let prefix = format!("http://{}", listener.local_addr().unwrap());
    let router = server::router(Arc::new(witness));
    runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { prefix, runtime }
}

fn group(public: &VerifierKey, prefix: &str) -> WitnessGroup {
    let text = format!("witness w {} {prefix}/\nquorum w\n", public.to_vkey());
    let policy = Policy::parse(text.as_bytes()).unwrap();
    WitnessGroup::new(policy, None, Duration::from_secs(20)).unwrap()
}

fn get(url: &str) -> (u16, String, Vec<u8>) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut response = config.new_agent().get(url).call().unwrap();
    let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), media_type, response.body_mut().read_to_vec().unwrap())
}

#[test]
fn a_log_grows_under_a_remote_witness_and_monitors_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), system_clock());
    let public = witness.public().clone();
    let server = serve(witness);
    let (log, fork) = (TestLog::new(300, 1), TestLog::new(300, 2));
    let source: Arc<dyn ProofSource> = Arc::new(log.clone());
    let path = format!("{}/{}/checkpoint", server.prefix, origin_hash(ORIGIN));
    assert_eq!(get(&path).0, 404);
    for size in [2, 7, 7, 256, 300] {
        // A new group each time, which must first learn the witness's size.
        let cosigned = group(&public, &server.prefix).cosign(&log.checkpoint(size), &source);
        let (status, media_type, note) = get(&path);
        assert_eq!((status, media_type.as_str()), (200, "text/plain; charset=utf-8"));
        assert_eq!(note, cosigned.unwrap().note);
    }
    let group = group(&public, &server.prefix);
    let source: Arc<dyn ProofSource> = Arc::new(fork.clone());
    assert!(group.cosign(&fork.checkpoint(300), &source).is_err());
    assert_eq!(group.status()[0].alarm.as_ref().unwrap().0, "witness.fork");
    assert_eq!(get(&format!("{}/{}/checkpoint", server.prefix, "0".repeat(64))).0, 404);
    server.runtime.shutdown_background();
}

#[test]
fn the_server_bounds_its_requests() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(witness_of(folder.path(), system_clock()));
    let transport = HttpTransport::new(&server.prefix, Duration::from_secs(20)).unwrap();
    let log = TestLog::new(3, 1);
    assert_eq!(transport.add_checkpoint(&log.request(0, 3)).unwrap().status, 200);
    let conflict = transport.add_checkpoint(&log.request(0, 3)).unwrap();
    assert_eq!((conflict.status, conflict.body.as_slice()), (409, &b"3\n"[..]));
    let long = vec![b'a'; placet_proto::tlog::witness::MAX_REQUEST_LEN + 1];
    // The connection may be closed before all of it is sent.
    if let Ok(answer) = transport.add_checkpoint(&long) {
        assert_eq!(answer.status, 413);
    }
    server.runtime.shutdown_background();
}

/// A server that answers each connection with these bytes, or never.
fn raw_server(answer: Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let prefix = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if let Some(answer) = &answer {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer);
            } else {
                open.push(stream);
            }
        }
    });
    prefix
}

#[test]
fn the_client_bounds_answers_and_waiting() {
    let post = |prefix: &str, timeout| {
        HttpTransport::new(prefix, timeout).unwrap().add_checkpoint(b"old 0\n\n")
    };
    let long = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".iter().copied();
    let long = raw_server(Some(long.chain([b'a'; 70_000]).collect()));
    assert_eq!(post(&long, Duration::from_secs(20)).unwrap_err().code(), "witness.answer");
    let silent = raw_server(None);
    let error = post(&silent, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.code(), "witness.unreachable");
    let moved = b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let moved = raw_server(Some(moved.to_vec()));
    assert_eq!(post(&moved, Duration::from_secs(20)).unwrap().status, 307);
    for url in ["", "ftp://a", "http://", "http:///x", "https://a", "http://a?b", "http://a b"] {
        assert!(HttpTransport::new(url, Duration::from_secs(1)).is_err(), "{url:?}");
    }
}
