//! What the client calls, and what it does not.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::tls::Certificate;

use super::receiver::{Answer, Receiver, read_request};
use crate::outbound::client::{Call, Lookup, MAX_ANSWER, Method, Reply, SystemLookup};
use crate::outbound::url::Target;
use crate::outbound::{Allowed, Client, Error, Rules};
use crate::sync::lock;

const TIME: Duration = Duration::from_millis(700);

fn rules(allowed: &[&str]) -> Rules {
    Rules { dev: false, allowed: allowed.iter().map(|a| Allowed::parse(a).unwrap()).collect() }
}

fn client(rules: Rules) -> Client {
    Client::with(rules, Arc::new(SystemLookup), Vec::new(), TIME)
}

fn send(client: &Client, url: &str) -> Result<Reply, Error> {
    let target = Target::parse(url)?;
    let headers = [("content-type".to_owned(), "text/plain".to_owned())];
    client.send(&Call { method: Method::Post, target: &target, headers: &headers, body: b"hello" })
}

/// Answers the first question with the first address, and so on.
struct Scripted {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|a| a.parse().unwrap()).collect();
        let mut answers: Vec<Vec<IpAddr>> = answers.iter().map(parse).collect();
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Scripted {
    fn lookup(&self, _: &str, _: Duration) -> Result<Vec<IpAddr>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        lock(&self.answers).pop().ok_or_else(|| "no such name".to_owned())
    }
}

#[test]
fn a_receiver_gets_what_was_sent() {
    let receiver = Receiver::start(&[Answer::With(202, String::new(), "thanks")]);
    let client = client(Rules { dev: true, allowed: Vec::new() });
    let reply = send(&client, &receiver.url()).unwrap();
    assert_eq!(
        (reply.status, reply.body.as_slice(), reply.truncated),
        (202, &b"thanks"[..], false)
    );
    let seen = receiver.seen.recv().unwrap();
    assert_eq!((seen.line.as_str(), seen.body.as_slice()), ("POST /hook HTTP/1.1", &b"hello"[..]));
    assert_eq!(seen.header("host"), receiver.address.to_string());
    assert_eq!(seen.header("content-type"), "text/plain");
}

// SPEC.md R-10-41.
#[test]
fn our_own_network_is_not_called() {
    let receiver = Receiver::start(&[Answer::status(200)]);
    let port = receiver.address.port();
    let none = client(Rules::default());
    let dev = client(Rules { dev: true, allowed: Vec::new() });
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "127.1"] {
        for scheme in ["http", "https"] {
            let error = send(&none, &format!("{scheme}://{host}:{port}/")).unwrap_err();
            assert!(error.is_final(), "{host}: {error}");
        }
        let error = send(&none, &format!("https://{host}/")).unwrap_err();
        assert!(error.is_final(), "{host}: {error}");
    }
    // Not even by allow-list.
    let allowed = client(rules(&["169.254.169.254", "metadata.example"]));
    for url in ["http://169.254.169.254/latest/", "https://169.254.169.254/"] {
        assert_eq!(send(&allowed, url).unwrap_err().code(), "outbound.address");
    }
    assert!(send(&dev, "http://10.0.0.1/").unwrap_err().is_final());
    assert!(receiver.seen.try_recv().is_err());
    assert_eq!(send(&dev, &receiver.url()).unwrap().status, 200);
    assert_eq!(send(&dev, &format!("http://localhost:{port}/")).unwrap().status, 200);
}

// SPEC.md R-10-41.
#[test]
fn a_name_is_resolved_once_and_all_its_addresses_count() {
    let receiver = Receiver::start(&[Answer::status(200)]);
    let port = receiver.address.port();
    let none = Vec::new;
    // A public name that has a private address too, and one that is private in disguise.
    for addresses in [&["1.1.1.1", "10.0.0.1"][..], &["64:ff9b::7f00:1"], &["::ffff:10.0.0.1"]] {
        let lookup = Scripted::new(&[addresses]);
        let client = Client::with(Rules::default(), lookup, none(), TIME);
        let error = send(&client, "https://rebind.example/").unwrap_err();
        assert_eq!(error.code(), "outbound.address");
    }
    // The name changes its mind: what was checked first is what is called.
    let lookup = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let allow = rules(&[&format!("rebind.example:{port}")]);
    let client = Client::with(allow, Arc::clone(&lookup) as Arc<dyn Lookup>, none(), TIME);
    assert_eq!(send(&client, &format!("http://rebind.example:{port}/")).unwrap().status, 200);
    assert_eq!(lookup.asked.load(Ordering::SeqCst), 1);
    // The name goes into Host, the address only into the connection.
    let seen = receiver.seen.recv().unwrap();
    assert_eq!(seen.header("host"), format!("rebind.example:{port}"));
    // Too many addresses, none, and no answer.
    let many: Vec<String> = (1..=17).map(|n| format!("1.1.1.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let lookup = Scripted::new(&[&many, &[]]);
    let client = Client::with(Rules::default(), lookup, none(), TIME);
    assert_eq!(send(&client, "https://a.example/").unwrap_err().code(), "outbound.url");
    assert_eq!(send(&client, "https://a.example/").unwrap_err().code(), "outbound.unreachable");
    assert_eq!(send(&client, "https://a.example/").unwrap_err().code(), "outbound.unreachable");
}

// SPEC.md R-10-41.
#[test]
fn redirects_are_answers_and_lead_nowhere() {
    let secret = Receiver::start(&[Answer::status(200)]);
    let location = format!("location: {}\r\n", secret.url());
    let receiver = Receiver::start(&[Answer::With(307, location, "")]);
    let client = client(Rules { dev: true, allowed: Vec::new() });
    assert_eq!(send(&client, &receiver.url()).unwrap().status, 307);
    assert!(secret.seen.try_recv().is_err());
}

#[test]
fn time_and_bytes_are_bounded() {
    let client = client(Rules { dev: true, allowed: Vec::new() });
    let hanging = Receiver::start(&[Answer::Hang]);
    let begun = Instant::now();
    assert_eq!(send(&client, &hanging.url()).unwrap_err().code(), "outbound.unreachable");
    let dripping = Receiver::start(&[Answer::Drip]);
    let reply = send(&client, &dripping.url()).unwrap();
    assert!(reply.truncated && reply.body == b"1");
    assert!(begun.elapsed() < 6 * TIME);
    let endless = Receiver::start(&[Answer::Endless(1 << 30)]);
    let reply = send(&client, &endless.url()).unwrap();
    assert!(reply.truncated && reply.body.len() == MAX_ANSWER);
    // What the sockets of both sides hold, and not a gigabyte.
    assert!(endless.sent.load(Ordering::SeqCst) < 32 << 20);
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    assert_eq!(send(&client, &nobody).unwrap_err().code(), "outbound.unreachable");
}

#[test]
fn the_allow_list_is_read_strictly_and_covers_no_more_than_it_says() {
    for bad in ["", "https://a/", "a/b", "*.example", "a:0", "10.0.0.0/8", "a b", "0x7f.1"] {
        assert_eq!(Allowed::parse(bad).unwrap_err().code(), "config.invalid", "{bad}");
    }
    let rules = rules(&["hooks.internal:8443", "chat.internal", "[fd00::1]"]);
    let check = |url: &str| rules.check(&Target::parse(url).unwrap()).is_ok();
    for good in [
        "https://hooks.internal:8443/x",
        "http://hooks.internal:8443/x",
        "http://chat.internal/",
        "https://chat.internal/",
        "https://[fd00::1]/",
        "https://public.example/",
    ] {
        assert!(check(good), "{good}");
    }
    for bad in [
        "http://hooks.internal/",
        "http://chat.internal:9/",
        "https://chat.internal:80/",
        "https://[fd00::1]:22/",
        "https://hooks.internal:8444/",
        "http://public.example/",
        "https://public.example:8443/",
        "https://sub.chat.internal:9/",
        "https://[fd00::2]/",
    ] {
        assert!(!check(bad), "{bad}");
    }
}

/// A server with a certificate of an authority of its own.
fn tls_server(name: &str) -> (u16, Certificate<'static>, std::thread::JoinHandle<bool>) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        use std::io::Write as _;
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let answered = read_request(&mut stream).is_some()
            && stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").is_ok();
        stream.conn.send_close_notify();
        let _ = stream.flush();
        answered
    });
    (port, Certificate::from_der(root.der()).to_owned(), thread)
}

#[test]
fn tls_needs_a_root_and_the_name() {
    let call = |name: &str, host: &str, trusted: bool| {
        let (port, root, server) = tls_server(name);
        let roots = if trusted { vec![root] } else { Vec::new() };
        let allow = rules(&[&format!("{host}:{port}")]);
        let lookup = Scripted::new(&[&["127.0.0.1"]]);
        let client = Client::with(allow, lookup, roots, Duration::from_secs(5));
        let result = send(&client, &format!("https://{host}:{port}/"));
        (result.map(|reply| reply.status), server.join().unwrap())
    };
    assert_eq!(call("hooks.example", "hooks.example", true), (Ok(204), true));
    for (name, host, trusted) in
        [("hooks.example", "hooks.example", false), ("other.example", "hooks.example", true)]
    {
        let (result, answered) = call(name, host, trusted);
        assert_eq!(result.unwrap_err().code(), "outbound.unreachable");
        assert!(!answered);
    }
}

#[test]
fn roots_come_from_a_file_of_certificates() {
    let tmp = tempfile::tempdir().unwrap();
    let path = tmp.path().join("ca.pem");
    for bad in ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        std::fs::write(&path, bad).unwrap();
        let error = Client::new(Rules::default(), Some(&path)).unwrap_err();
        assert_eq!(error.code(), "config.invalid");
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key);
    std::fs::write(&path, own.unwrap().pem()).unwrap();
    Client::new(Rules::default(), Some(&path)).unwrap();
}
