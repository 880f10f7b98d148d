//! Receivers over TCP and mutual TLS, and messages as RFC 5424 has them.

use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::server::WebPkiClientVerifier;

use placet_proto::b64;
use placet_proto::event::{Covering, Encoder, Format, HashKey, Profile};
use placet_proto::kind::LogRole;
use placet_proto::sha256;

use super::*;
use crate::export::Config;
use crate::export::worker::tests::event;

fn sink(toml: &str, folder: &Path) -> Syslog {
    let toml = format!("[[sink]]\nname = \"s\"\nkind = \"syslog\"\nformat = \"json\"\n{toml}");
    let config = Config::parse(&toml, folder).unwrap().sinks.remove(0);
    Syslog::new(&config).unwrap()
}

/// Messages by octet counting, until the stream ends.
fn messages(stream: impl Read) -> Vec<String> {
    let mut reader = BufReader::new(stream);
    let mut out = Vec::new();
    loop {
        let mut length = Vec::new();
        if reader.read_until(b' ', &mut length).unwrap_or(0) == 0 {
            return out;
        }
        let length: usize = std::str::from_utf8(&length).unwrap().trim_end().parse().unwrap();
        let mut message = vec![0; length];
        reader.read_exact(&mut message).unwrap();
        out.push(String::from_utf8(message).unwrap());
    }
}

#[test]
fn messages_are_counted_and_a_lost_connection_is_a_new_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, got) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            sender.send(messages(stream.unwrap())).unwrap();
        }
    });
    let mut sink = sink(&format!("address = \"{address}\"\ntls = false\n"), Path::new("/"));
    assert!(sink.ready().unwrap());
    assert!(!sink.ready().unwrap());
    sink.deliver(&[event("{\"a\":1}"), event("{\"ä\":2}")]).unwrap();
    sink.close().unwrap();
    let messages: Vec<String> = got.recv().unwrap();
    let uid = event("{\"a\":1}").encoded.uid;
    let code = event("").encoded.kind.code;
    let expected = format!(
        "<110>1 2023-11-14T22:13:20.000Z example.com placet - {code} [placet@32473 uid=\"{uid}\" \
         origin=\"example.com/log\" log=\"main\" leaf=\"3\"] {{\"a\":1}}"
    );
    assert_eq!(messages[0], expected);
    assert!(messages[1].ends_with("] {\"ä\":2}"));
    assert!(sink.ready().unwrap());
}

#[test]
fn a_receiver_that_went_away_is_seen_before_the_next_batch() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut sink = sink(&format!("address = \"{address}\"\ntls = false\n"), Path::new("/"));
    assert!(sink.ready().unwrap());
    let (accepted, _) = listener.accept().unwrap();
    accepted.shutdown(Shutdown::Both).unwrap();
    drop(accepted);
    // The end arrives when it arrives; from then on the connection is a new one.
    let began = std::time::Instant::now();
    while !sink.ready().unwrap() {
        assert!(began.elapsed().as_secs() < 60, "the end of the connection is not seen");
        std::thread::yield_now();
    }
    drop(listener);
    let (accepted, _) = (sink.connection.take(), ());
    drop(accepted);
    assert!(matches!(sink.ready(), Err(Failure::Passing { .. })));
}

#[test]
fn what_is_too_long_is_referred_to_and_never_cut() {
    let key = HashKey::new([1; 32]);
    let encoder = |format| Encoder::new(format, Profile::new(key.clone(), []).unwrap());
    let settings = "address = \"127.0.0.1:1\"\ntls = false\nmax_message = 2480\n";
    let sink = sink(settings, Path::new("/"));
    let note = vec![b'n'; 4000];
    let (role, origin) = (LogRole::Main, "e".repeat(250));
    let covering = Covering {
        role,
        origin: &origin,
        sequence: u64::from(u32::MAX),
        first: 1 << 52,
        size: 1 << 53,
        root: [1; 32],
        note: &note,
        previous: Some([2; 32]),
        at: 1_763_836_412,
    };
    for format in Format::ALL {
        let encoder = encoder(format);
        let whole = encoder.checkpoint(&covering);
        let longest = sink.longest(&origin);
        let encoded = encoder.checkpoint_within(&covering, longest);
        assert_eq!(encoded.uid, whole.uid);
        let text = String::from_utf8(encoded.line.clone()).unwrap();
        assert!(text.contains(&b64::encode_hex(sha256(&whole.line))), "{format:?} {text}");
        let event = Event { role, origin: origin.as_str().into(), leaf: Some(1 << 53), encoded };
        let message = sink.form.message(&event);
        assert!(message.len() <= 2480, "{format:?}: {}", message.len());
        assert!(message.ends_with(&event.encoded.line), "{format:?}");
        // What fits is sent as it is.
        let short = Covering { note: b"short", ..covering };
        let fits = encoder.checkpoint_within(&short, usize::MAX);
        assert_eq!(fits, encoder.checkpoint(&short));
    }
    assert_eq!(value("a\"]\\b"), "a\\\"\\]\\\\b");
    assert_eq!((name(" \u{e4}", 5).as_str(), name("abc", 2).as_str()), ("-", "ab"));
}

/// A receiver that reads what comes and says these bytes again and again, with such pauses.
fn talker(first: &'static [u8], again: &'static [u8], pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = stream.try_clone().unwrap();
            std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
            std::thread::spawn(move || {
                let mut said = stream.write_all(first);
                while said.is_ok() {
                    std::thread::sleep(pause);
                    said = stream.write_all(again);
                }
            });
        }
    });
    address
}

/// What a call gives that has to end.
fn ends<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, done) = channel();
    std::thread::spawn(move || sender.send(call()));
    done.recv_timeout(Duration::from_secs(30)).expect("it does not end")
}

#[test]
fn a_receiver_that_talks_or_takes_its_time_holds_no_call_for_ever() {
    let drip = Duration::from_millis(50);
    let plain = |address: &str| {
        sink(&format!("address = \"{address}\"\ntls = false\ntimeout_s = 1\n"), Path::new("/"))
    };
    let mut slow = plain(&talker(b"", b"x", drip));
    assert!(slow.ready().unwrap());
    slow.deliver(&[event("{}")]).unwrap();
    ends(move || slow.close()).unwrap();
    // One that floods is one that went away.
    let chunk: &[u8] = &[b'x'; 8192];
    let mut flood = plain(&talker(chunk, chunk, Duration::ZERO));
    assert!(flood.ready().unwrap());
    let mut flood = ends(move || {
        while !flood.ready().unwrap() {
            std::thread::yield_now();
        }
        flood
    });
    let _ = ends(move || flood.close());
    // The head of a record of TLS, and its bytes one by one.
    let tmp = tempfile::tempdir().unwrap();
    certificates(tmp.path());
    let address = talker(&[22, 3, 3, 64, 0], b"x", drip);
    let toml = format!("address = \"{address}\"\nca_file = \"ca.pem\"\ntimeout_s = 1\n");
    let mut greeted = sink(&toml, tmp.path());
    assert!(matches!(ends(move || greeted.ready()), Err(Failure::Passing { .. })));
}

/// An authority with a certificate for each side, as files; the server is `siem.example` and
/// `localhost`.
pub(in crate::export::sink) fn certificates(folder: &Path) -> Arc<ServerConfig> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let leaf = |names: &[&str]| {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = rcgen::CertificateParams::new(names).unwrap();
        (leaf.signed_by(&key, &issuer).unwrap(), key)
    };
    let (client, client_key) = leaf(&["client"]);
    std::fs::write(folder.join("ca.pem"), root.pem()).unwrap();
    std::fs::write(folder.join("client.pem"), client.pem()).unwrap();
    let path = folder.join("client.key");
    std::fs::write(&path, client_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (server, server_key) = leaf(&["siem.example", "localhost"]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

fn tls_receiver(config: Arc<ServerConfig>) -> (u16, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, got) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let stream = StreamOwned::new(connection, stream.unwrap());
            if sender.send(messages(stream)).is_err() {
                return;
            }
        }
    });
    (port, got)
}

#[test]
fn mutual_tls_carries_many_messages_and_a_stranger_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let (port, got) = tls_receiver(certificates(tmp.path()));
    let toml = format!(
        "address = \"127.0.0.1:{port}\"\nserver_name = \"siem.example\"\nca_file = \"ca.pem\"\n"
    );
    let own = format!("{toml}cert_file = \"client.pem\"\nkey_file = \"client.key\"\n");
    let mut sink_own = sink(&own, tmp.path());
    assert!(sink_own.ready().unwrap());
    let events: Vec<Event> = (0..2000).map(|n| event(&format!("{{\"n\":{n}}}"))).collect();
    for part in events.chunks(500) {
        assert!(!sink_own.ready().unwrap());
        sink_own.deliver(part).unwrap();
    }
    sink_own.close().unwrap();
    let messages = got.recv().unwrap();
    assert_eq!(messages.len(), 2000);
    assert!(messages[1999].ends_with("{\"n\":1999}"));
    // Without a certificate the server ends it, and that is seen at the end at the latest.
    let mut stranger = sink(&toml, tmp.path());
    let refused = stranger
        .ready()
        .and_then(|_| stranger.deliver(&events[..1]))
        .and_then(|()| stranger.close());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("alert"), "{refused}");
    assert_eq!(got.recv().unwrap(), Vec::<String>::new());
    // A server of another name is not believed.
    let mut other = sink(&own.replace("siem.example", "other.example"), tmp.path());
    assert!(matches!(other.ready(), Err(Failure::Passing { .. })));
}
