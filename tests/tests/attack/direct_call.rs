//! The agent calls the API itself, past the enforcement point.
//!
//! The network has to keep it from that, or the API: by a credential that only the gateway has, or
//! by asking for an action-bound token. Both are shown here; where neither is there, nothing here
//! stops the call, and no record tells of it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ed25519_dalek::{Signer as _, SigningKey};
use placet_ledger::http;
use placet_pep::enforce::Enforcer;
use placet_pep::identity::config::Table;
use placet_pep::identity::{Identify as _, Identities, Presented};
use placet_pep::tokens::resource::authorize;
use placet_proto::sha256;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::{Web, digest, disable};
use crate::enforcing::{action, embedded};
use crate::gatewaying::{TOKEN, call, gateway, serve, table, web};

const SERVICE: &str = "http://localhost:8420";
const RESOURCE: &str = "https://api.example";
const CALL: &str = "https://api.example/users/X0001/disable";

/// An API that takes one credential and no other.
async fn guarded() -> String {
    async fn answer(request: Request) -> StatusCode {
        let given = request.headers().get(header::AUTHORIZATION).map(|v| v.as_bytes());
        match given == Some(b"Bearer of-the-api") {
            true => StatusCode::OK,
            false => StatusCode::UNAUTHORIZED,
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().fallback(answer);
    tokio::spawn(http::serve(listener, router, std::future::pending()));
    address
}

// SPEC.md R-10-142.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_takes_the_gateways_credential_refuses_the_agents() {
    let mut web = web();
    let upstream = guarded().await;
    let gateway = gateway(Enforcer::new(embedded(&web)), &table(&upstream, ""));
    let address = serve(&gateway).await;
    let line = "POST /users/X0001/disable";
    for guess in [format!("Bearer {TOKEN}"), "Bearer of-the-gateway".to_owned(), String::new()] {
        let direct = call(&upstream, line, &[("Authorization", guess.as_str())], "{}").await;
        assert_eq!(direct.status, 401, "{guess}");
    }
    // By way of the gateway the agent needs the person, and never sees the credential.
    let request = call(&address, line, &[], "{}").await.request();
    web.answer(&request, false);
    let passed = call(&address, line, &[("Placet-Request", request.as_str())], "{}").await;
    assert_eq!(passed.status, 200);
    assert!(!format!("{passed:?}").contains("of-the-api"));
}

/// An agent with a key of its own.
struct Agent(SigningKey);

impl Agent {
    fn jwk(&self) -> Value {
        json!({"crv": "Ed25519", "kty": "OKP", "x": B64.encode(self.0.verifying_key())})
    }

    fn proof(&self, web: &Web, url: &str, jti: &str, token: Option<&str>) -> String {
        let mut claims = json!({"jti": jti, "htm": "POST", "htu": url, "iat": web.ledger.now().0});
        if let Some(token) = token {
            claims["ath"] = json!(B64.encode(sha256(token.as_bytes())));
        }
        let head = json!({"alg": "EdDSA", "typ": "dpop+jwt", "jwk": self.jwk()});
        let [head, claims] = [head, claims].map(|part| B64.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let signature = self.0.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", B64.encode(signature))
    }

    async fn form(&self, web: &Web, jti: &str, form: String) -> Value {
        let request = Request::post("/v1/transactions")
            .header(header::HOST, "localhost:8420")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("dpop", self.proof(web, &format!("{SERVICE}/v1/transactions"), jti, None));
        web.send(request.body(Body::from(form)).unwrap()).await.ok()
    }
}

/// A resource across a boundary, which asks for a token of the action and spends it here.
struct Resource {
    known: Identities,
    web: Arc<Web>,
}

impl Resource {
    async fn new(web: &Arc<Web>) -> Self {
        let jwks = web.get("/.well-known/placet-token-jwks.json").await.ok();
        std::fs::write(web.tmp.path().join("jwks.json"), jwks.to_string()).unwrap();
        let table: Table = serde_json::from_value(json!({
            "kind": "jwt", "name": "placet", "issuer": SERVICE, "audience": RESOURCE,
            "jwks_file": "jwks.json", "algorithms": ["ES256"], "max_life_s": 120,
        }))
        .unwrap();
        let known = Identities::from_tables(vec![table], web.tmp.path()).unwrap();
        Self { known: known.since(web.ledger.now()), web: Arc::clone(web) }
    }

    /// What it says to a call for disabling this user: `ran`, or the code of its refusal.
    async fn call(&self, id: &str, headers: &HeaderMap) -> String {
        let now = self.web.ledger.now();
        let presented = Presented { method: "POST", url: CALL, headers, certificates: &[], now };
        let caller = match self.known.identify(presented).await {
            Ok(caller) => caller,
            Err(error) => return error.code().to_owned(),
        };
        if let Err(error) = authorize(&caller, RESOURCE, &action(&disable(id)), None) {
            return error.code().to_owned();
        }
        let token = headers[header::AUTHORIZATION].to_str().unwrap();
        let spend = json!({
            "token": token.strip_prefix("DPoP ").unwrap(),
            "resource": RESOURCE,
            "action_digest": digest(&disable(id)),
            "idempotency_key": hex::encode(sha256(headers["dpop"].as_bytes())),
        });
        let spent = self.web.post("/v1/transactions/spend", &spend).await;
        match spent.status {
            StatusCode::OK => "ran".to_owned(),
            _ => spent.body["code"].as_str().unwrap().to_owned(),
        }
    }
}

fn shown(authorization: &str, proof: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    headers.insert("dpop", proof.parse().unwrap());
    headers
}

// SPEC.md R-10-112, R-10-113.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_asks_for_a_token_of_the_action_needs_no_network_to_keep_agents_away() {
    let mut web = Web::new();
    let agent = Agent(SigningKey::from_bytes(&[7; 32]));
    let denied = web.denied(&disable("X0001")).await;
    let request = denied["evaluation_id"].as_str().unwrap().to_owned();
    let ask = json!({"request": request, "resource": RESOURCE});
    let challenge = web.post("/v1/transactions/challenge", &ask).await.ok();
    let challenge = challenge["transaction_challenge"].as_str().unwrap();
    let begun = agent.form(&web, "a", format!("transaction_challenge={challenge}")).await;
    let handle = begun["transaction_authorization_id"].as_str().unwrap();
    web.answer(&request, false);
    let form = format!("transaction_authorization_id={handle}");
    let minted = agent.form(&web, "b", form).await;
    let token = minted["access_token"].as_str().unwrap().to_owned();

    let web = Arc::new(web);
    let resource = Resource::new(&web).await;
    assert_eq!(resource.call("X0001", &HeaderMap::new()).await, "identity.missing");
    let pep = format!("Bearer {}", web.token);
    let mut bare = HeaderMap::new();
    bare.insert(header::AUTHORIZATION, pep.parse().unwrap());
    assert!(resource.call("X0001", &bare).await.starts_with("identity."));
    let with = format!("DPoP {token}");
    let proof = |jti: &str| agent.proof(&web, CALL, jti, Some(&token));
    assert_eq!(resource.call("X0002", &shown(&with, &proof("c"))).await, "token.action");
    let thief = Agent(SigningKey::from_bytes(&[8; 32])).proof(&web, CALL, "d", Some(&token));
    assert_eq!(resource.call("X0001", &shown(&with, &thief)).await, "identity.binding");
    assert_eq!(resource.call("X0001", &shown(&with, &proof("e"))).await, "ran");
    assert_eq!(resource.call("X0001", &shown(&with, &proof("f"))).await, "token.spent");
}
