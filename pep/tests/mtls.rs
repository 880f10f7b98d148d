//! X.509-SVIDs over real TLS connections: the listener asks for certificates, the identity of each
//! request is decided by the trust domain's bundle.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::routing::get;
use placet_ledger::http::server::{ClientCertificates, Serving, serve_with};
use placet_ledger::http::tls::Tls;
use placet_ledger::service::{Clock as _, SystemClock};
use placet_pep::identity::clients::AnyClient;
use placet_pep::identity::config::Table;
use placet_pep::identity::{Identify as _, Identities, Presented};
use placet_proto::b64;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::net::TcpListener;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A client's certificate for a SPIFFE ID, and its key in PEM.
fn svid(by: &Authority, id: &str) -> (Vec<u8>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    (params.signed_by(&key, by).unwrap().der().to_vec(), key.serialize_pem())
}

/// Knows the workloads of example.org by its bundle (SPIFFE Trust Domain and Bundle 4).
fn identities(folder: &Path, roots: &[&Authority]) -> Identities {
    let keys: Vec<_> = roots
        .iter()
        .map(|root| {
            let x5c = [b64::encode_std(root.der())];
            serde_json::json!({"kty": "EC", "crv": "P-256", "use": "x509-svid", "x5c": x5c})
        })
        .collect();
    let bundle = serde_json::json!({"keys": keys, "spiffe_sequence": 1});
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).unwrap();
    let table: Table = serde_json::from_value(serde_json::json!({
        "kind": "spiffe",
        "name": "mesh",
        "trust_domain": "example.org",
        "audience": "https://api.example",
        "bundle_file": "bundle.json",
    }))
    .unwrap();
    Identities::from_tables(vec![table], folder).unwrap()
}

/// Answers with who calls, or the code of why that is not known.
async fn who(
    State(known): State<Arc<Identities>>,
    Extension(certificates): Extension<ClientCertificates>,
    headers: HeaderMap,
) -> String {
    let (url, now) = ("https://localhost/", SystemClock.now());
    let certificates = certificates.chain();
    let presented = Presented { method: "GET", url, headers: &headers, certificates, now };
    match known.identify(presented).await {
        Ok(identity) => identity.id,
        Err(error) => error.code().to_owned(),
    }
}

fn ask(port: u16, trusted: &[u8], client: Option<(Vec<u8>, String)>) -> String {
    let roots = vec![Certificate::from_der(trusted).to_owned()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = client.map(|(der, key)| {
        let key = PrivateKey::from_pem(key.as_bytes()).unwrap();
        ClientCert::new_with_certs(&[Certificate::from_der(&der).to_owned()], key)
    });
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
    let mut answer = agent.get(format!("https://localhost:{port}/")).call().unwrap();
    answer.body_mut().read_to_string().unwrap()
}

// SPEC.md R-10-106.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_known_by_the_certificate_of_its_connection() {
    let tmp = tempfile::tempdir().unwrap();
    let server = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (tmp.path().join("cert.pem"), tmp.path().join("key.pem"));
    std::fs::write(&chain, server.cert.pem()).unwrap();
    std::fs::write(&key, server.signing_key.serialize_pem()).unwrap();
    let trusted = server.cert.der().to_vec();
    let (ours, theirs) = (authority(), authority());
    let known = Arc::new(identities(tmp.path(), &[&ours]));

    let tls = Tls::with_clients(&chain, &key, Some(AnyClient::verifier())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = Serving { tls: Some(tls), ..Serving::default() };
    let router = Router::new().route("/", get(who)).with_state(known);
    let served = tokio::spawn(serve_with(listener, serving, router, async {
        let _ = stopped.await;
    }));
    let asked = async |client: Option<(Vec<u8>, String)>| {
        let trusted = trusted.clone();
        tokio::task::spawn_blocking(move || ask(port, &trusted, client)).await.unwrap()
    };
    let id = "spiffe://example.org/agent/renewals";
    assert_eq!(asked(Some(svid(&ours, id))).await, id);
    // Made by a root that nobody here trusts, for the same name.
    assert_eq!(asked(Some(svid(&theirs, id))).await, "identity.certificate");
    let other = svid(&ours, "spiffe://other.example/agent");
    assert_eq!(asked(Some(other)).await, "identity.issuer");
    assert_eq!(asked(None).await, "identity.missing");
    drop(stop);
    served.await.unwrap();
}
