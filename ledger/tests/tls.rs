//! The listener over TLS, and a certificate that is renewed while it serves.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use placet_ledger::http::server::{Serving, serve_with};
use placet_ledger::http::tls::Tls;
use tokio::net::TcpListener;

/// Writes a fresh certificate for localhost and its key; gives the certificate in DER.
fn renew(folder: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

fn load(folder: &Path) -> Result<Tls, placet_ledger::Error> {
    Tls::load(&folder.join("cert.pem"), &folder.join("key.pem"))
}

/// Asks over TLS, trusting this certificate alone.
fn ask(port: u16, trusted: &[u8]) -> Result<String, String> {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let roots = vec![Certificate::from_der(trusted).to_owned()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
    let answer = agent.get(format!("https://localhost:{port}/")).call();
    let mut answer = answer.map_err(|e| e.to_string())?;
    answer.body_mut().read_to_string().map_err(|e| e.to_string())
}

/// [R-10-26]
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart_and_a_bad_one_is_not() {
    let tmp = tempfile::tempdir().unwrap();
    let folder = tmp.path().to_path_buf();
    let first = renew(&folder);
    let tls = load(&folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = Serving { tls: Some(tls.clone()), ..Serving::default() };
    let router = Router::new().route("/", get(async || "hello"));
    let served = tokio::spawn(serve_with(listener, serving, router, async {
        let _ = stopped.await;
    }));
    let asked = async |trusted: Vec<u8>| {
        tokio::task::spawn_blocking(move || ask(port, &trusted)).await.unwrap()
    };
    assert_eq!(asked(first.clone()).await.unwrap(), "hello");
    assert!(!tls.has_changed());

    // A renewal that went wrong changes nothing.
    std::fs::write(folder.join("cert.pem"), "no certificate, and longer than before").unwrap();
    assert!(tls.has_changed());
    assert_eq!(tls.reload().unwrap_err().code(), "config.invalid");
    assert_eq!(asked(first.clone()).await.unwrap(), "hello");

    let second = renew(&folder);
    tls.reload().unwrap();
    assert_eq!(asked(second.clone()).await.unwrap(), "hello");
    assert!(asked(first).await.is_err(), "the first is no longer served");
    // Plain HTTP gets nowhere.
    let plain = tokio::task::spawn_blocking(move || {
        ureq::get(format!("http://localhost:{port}/")).call().is_err()
    });
    assert!(plain.await.unwrap());
    drop(stop);
    served.await.unwrap();
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    renew(tmp.path());
    let key = std::fs::read(tmp.path().join("key.pem")).unwrap();
    renew(tmp.path());
    std::fs::write(tmp.path().join("key.pem"), key).unwrap();
    assert_eq!(load(tmp.path()).err().unwrap().code(), "config.invalid");
    std::fs::remove_file(tmp.path().join("key.pem")).unwrap();
    assert_eq!(load(tmp.path()).err().unwrap().code(), "ledger.io");
}
