//! X.509-SVIDs over real TLS connections: the listener asks for certificates, the identity of each
//! request is decided by the trust domain's bundle; and a gateway whose agents are known so.

mod common;
mod enforcing;
mod gatewaying;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::routing::get;
use common::files;
use enforcing::{embedded, outcome};
use gatewaying::{api, policy, table, web};
use placet_ledger::http::server::{ClientCertificates, Serving, serve_with};
use placet_ledger::http::tls::Tls;
use placet_ledger::service::{Clock as _, SystemClock};
use placet_pep::enforce::Enforcer;
use placet_pep::gateway::Gateway;
use placet_pep::gateway::config::Config;
use placet_pep::identity::clients::AnyClient;
use placet_pep::identity::config::Table;
use placet_pep::identity::{Identify as _, Identities, Presented};
use placet_pep::policy::PolicyFiles;
use placet_proto::b64;
use placet_proto::document::OutcomeResult;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::net::TcpListener;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server's certificate of this machine, in its folder; the certificate itself.
fn server(folder: &Path) -> (Vec<u8>, Tls) {
    let server = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&chain, server.cert.pem()).unwrap();
    std::fs::write(&key, server.signing_key.serialize_pem()).unwrap();
    let tls = Tls::with_clients(&chain, &key, Some(AnyClient::verifier())).unwrap();
    (server.cert.der().to_vec(), tls)
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

/// A client of its own, which keeps no connection for somebody else's certificate.
fn agent(trusted: &[u8], client: Option<(Vec<u8>, String)>) -> ureq::Agent {
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
    let config = ureq::Agent::config_builder().tls_config(tls).proxy(None);
    config.http_status_as_error(false).build().new_agent()
}

fn ask(port: u16, trusted: &[u8], client: Option<(Vec<u8>, String)>) -> String {
    let agent = agent(trusted, client);
    let mut answer = agent.get(format!("https://localhost:{port}/")).call().unwrap();
    answer.body_mut().read_to_string().unwrap()
}

// SPEC.md R-10-106.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_known_by_the_certificate_of_its_connection() {
    let tmp = tempfile::tempdir().unwrap();
    let (trusted, tls) = server(tmp.path());
    let (ours, theirs) = (authority(), authority());
    let known = Arc::new(identities(tmp.path(), &[&ours]));

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

const RENEWALS: &str = "spiffe://example.org/agent/renewals";

/// One call of an agent with this certificate: status, code of a refusal, the request.
async fn call(
    port: u16,
    trusted: &[u8],
    client: Option<(Vec<u8>, String)>,
    (post, path, request): (bool, &'static str, Option<String>),
) -> (u16, String, Option<String>) {
    let trusted = trusted.to_vec();
    let called = tokio::task::spawn_blocking(move || {
        let url = format!("https://localhost:{port}{path}");
        let agent = agent(&trusted, client);
        let named = request.as_deref().unwrap_or_default();
        let mut answer = match (post, named.is_empty()) {
            (true, true) => agent.post(url).send_empty(),
            (true, false) => agent.post(url).header("Placet-Request", named).send_empty(),
            (false, _) => agent.get(url).call(),
        }
        .unwrap();
        let request = answer.headers().get("placet-request");
        let request = request.map(|id| id.to_str().unwrap().to_owned());
        let body = answer.body_mut().read_to_string().unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        (answer.status().as_u16(), code, request)
    });
    called.await.unwrap()
}

// SPEC.md R-10-106, R-10-143.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_knows_its_agents_by_the_certificates_of_their_connections() {
    let mut web = web();
    let mut all = files(&policy());
    let cedar = String::from_utf8(all["policies.cedar"].clone()).unwrap();
    let cedar = cedar.replace("Agent::\"support-bot\"", &format!("Agent::\"{RENEWALS}\""));
    all.insert("policies.cedar".to_owned(), cedar.into_bytes());
    web.set_policy(&PolicyFiles::from_files(all).unwrap()).unwrap();
    let (upstream, hits) = api().await;
    let tmp = tempfile::tempdir().unwrap();
    let (trusted, tls) = server(tmp.path());
    let (ours, theirs) = (authority(), authority());
    let known = Arc::new(identities(tmp.path(), &[&ours]));
    let config = Config::parse(&table(&upstream, ""), &tmp.path().join("gateway.toml")).unwrap();
    let enforcer = Enforcer::new(embedded(&web));
    let gateway = Gateway::new(config, enforcer, known, None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = Serving { tls: Some(tls), ..Serving::default() };
    tokio::spawn(serve_with(listener, serving, gateway.routes(), std::future::pending()));

    let read = (false, "/users/7", None);
    let disable =
        |request: Option<&str>| (true, "/users/X0001/disable", request.map(str::to_owned));
    let own = || Some(svid(&ours, RENEWALS));
    assert_eq!(call(port, &trusted, own(), read.clone()).await.0, 200);
    let forged = call(port, &trusted, Some(svid(&theirs, RENEWALS)), read.clone()).await;
    assert_eq!((forged.0, forged.1.as_str()), (401, "identity.certificate"));
    let nobody = call(port, &trusted, None, read.clone()).await;
    assert_eq!((nobody.0, nobody.1.as_str()), (401, "identity.missing"));
    let other = || Some(svid(&ours, "spiffe://example.org/agent/other"));
    assert_eq!(call(port, &trusted, other(), read).await.0, 403, "another workload");
    assert_eq!(hits.lock().unwrap().len(), 1);

    let (status, _, request) = call(port, &trusted, own(), disable(None)).await;
    let request = request.unwrap();
    assert_eq!(status, 401);
    web.answer(&request, false);
    let stolen = call(port, &trusted, other(), disable(Some(&request))).await;
    assert_eq!(
        (stolen.0, stolen.1.as_str()),
        (403, "gateway.approval"),
        "it was for another agent"
    );
    assert_eq!(call(port, &trusted, own(), disable(Some(&request))).await.0, 200);
    assert_eq!(outcome(&web, &request).unwrap().result, OutcomeResult::Success);
    assert_eq!(call(port, &trusted, own(), disable(Some(&request))).await.0, 403);
    assert_eq!(hits.lock().unwrap().len(), 2);
}
