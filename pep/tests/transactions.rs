//! From a challenge to a token that is spent once, against the real router.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use common::*;
use placet_pep::identity::config::Table;
use placet_pep::identity::{Identify as _, Identities, Identity, IdentityError, Presented};
use placet_pep::tokens::resource::{TokenError, Transactions, authorize};
use placet_proto::action::Action;
use placet_proto::json as strict;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PATH: &str = "/v1/transactions";
const BASE: &str = "http://localhost:8420";
const RESOURCE: &str = "https://api.example";
const CALL: &str = "https://api.example/users/X0001/disable";

/// An agent with a key.
struct Agent(EcdsaKeyPair);

impl Agent {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = (b64::encode_url(&point[1..33]), b64::encode_url(&point[33..]));
        json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    }

    fn jkt(&self) -> String {
        b64::encode_url(sha256(self.jwk().to_string().as_bytes()))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| b64::encode_url(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", b64::encode_url(signature.as_ref()))
    }

    /// A proof for one request, now.
    fn proof(&self, web: &Web, url: &str, token: Option<&str>) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let jti = NEXT.fetch_add(1, Ordering::SeqCst);
        let now = web.ledger.now().0;
        let mut claims = json!({"jti": format!("j{jti}"), "htm": "POST", "htu": url, "iat": now});
        if let Some(token) = token {
            claims["ath"] = json!(b64::encode_url(sha256(token.as_bytes())));
        }
        self.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk()}), &claims)
    }

    /// Posts a form to the authorization endpoint, as anybody could.
    async fn form(&self, web: &Web, form: &str) -> Answer {
        let proof = self.proof(web, &format!("{BASE}{PATH}"), None);
        form_with(web, form, Some(&proof)).await
    }

    async fn begin(&self, web: &Web, challenge: &str) -> String {
        let form = format!("transaction_challenge={challenge}");
        let begun = self.form(web, &form).await.ok();
        assert_eq!(begun["interval"], 2, "{begun}");
        assert!(begun["expires_in"].as_u64().unwrap() > 0);
        begun["transaction_authorization_id"].as_str().unwrap().to_owned()
    }

    async fn poll(&self, web: &Web, handle: &str) -> Answer {
        self.form(web, &format!("transaction_authorization_id={handle}")).await
    }

    async fn token(&self, web: &Web, handle: &str) -> String {
        let minted = self.poll(web, handle).await.ok();
        assert_eq!(minted["token_type"], "DPoP");
        minted["access_token"].as_str().unwrap().to_owned()
    }
}

async fn form_with(web: &Web, form: &str, proof: Option<&str>) -> Answer {
    let mut request = Request::post(PATH)
        .header(header::HOST, "localhost:8420")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    web.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn introspected(web: &Web, token: &str) -> Value {
    let request = Request::post("/v1/transactions/introspect")
        .header(header::HOST, "localhost:8420")
        .header(header::AUTHORIZATION, format!("Bearer {}", web.token))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    web.send(request.body(Body::from(format!("token={token}"))).unwrap()).await.ok()
}

fn error(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    answer.body["error"].as_str().unwrap()
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&b64::decode_url(part, 16384).unwrap()).unwrap()
}

/// The challenge for an action that is denied for now; the id of its request with it.
async fn challenge(web: &Web, action: &Value, jkt: Option<&str>) -> (String, String) {
    let request = web.denied(action).await["evaluation_id"].as_str().unwrap().to_owned();
    let mut ask = json!({"request": request, "resource": RESOURCE});
    if let Some(jkt) = jkt {
        ask["jkt"] = json!(jkt);
    }
    let made = web.post("/v1/transactions/challenge", &ask).await.ok();
    let challenge = made["transaction_challenge"].as_str().unwrap().to_owned();
    let value = made["www_authenticate"].as_str().unwrap();
    assert!(value.starts_with("DPoP error=\"transaction_authorization_required\""), "{value}");
    assert!(value.ends_with(&format!("transaction_challenge=\"{challenge}\"")));
    (challenge, request)
}

/// A token for disabling X0001, its agent, and the id of the request.
async fn minted(web: &mut Web) -> (Agent, String, String) {
    let agent = Agent::new();
    let (challenge, request) = challenge(web, &disable("X0001"), Some(&agent.jkt())).await;
    let handle = agent.begin(web, &challenge).await;
    web.answer(&request, false);
    let token = agent.token(web, &handle).await;
    (agent, token, request)
}

fn spend(token: &str, action: &Value, key: &str) -> Value {
    json!({
        "token": token,
        "resource": RESOURCE,
        "action_digest": digest(action),
        "idempotency_key": key,
    })
}

// SPEC.md R-10-107, R-10-108, R-10-110.
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_becomes_a_token_once_a_person_approved() {
    let mut web = Web::new();
    let agent = Agent::new();
    let mut action = disable("X0001");
    action["subject"]["properties"] =
        json!({"act": {"iss": "https://idp.example", "sub": "renewals"}});
    let (challenge, request) = challenge(&web, &action, Some(&agent.jkt())).await;
    let said = claims(&challenge);
    assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(RESOURCE), Some(BASE)));
    assert_eq!(said["authorization_details"][0]["action_digest"], digest(&action));
    assert_eq!(said["act"]["sub"], "renewals");

    let handle = agent.begin(&web, &challenge).await;
    let waits = agent.poll(&web, &handle).await;
    assert_eq!(
        (error(&waits), waits.headers["retry-after"].to_str().unwrap()),
        ("authorization_pending", "2")
    );
    // The same challenge again joins what waits.
    agent.begin(&web, &challenge).await;
    web.answer(&request, false);
    let answer = agent.poll(&web, &handle).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let answer = answer.ok();
    let token = answer["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(BASE), Some(RESOURCE)));
    assert_eq!(said["txn"], claims(&challenge)["txn"]);
    assert_eq!(said["cnf"], json!({"jkt": agent.jkt()}));
    assert_eq!((&said["sub"], &said["client_id"]), (&json!("support-bot"), &json!("renewals")));
    assert_eq!(said["act"], action["subject"]["properties"]["act"]);
    assert_eq!(said["exp"].as_u64().unwrap() - said["iat"].as_u64().unwrap(), 120);
    // A ledger for development takes software passkeys, which resist nothing.
    assert_eq!((&said["acr"], &said["amr"]), (&Value::Null, &json!(["pop", "user", "swk"])));
    let details = &said["authorization_details"][0];
    assert_eq!(details["approval"]["id"], request.as_str());
    assert_eq!(details["actions"], json!(["disable_user"]));
    assert_eq!(details, &answer["authorization_details"][0]);
    // Lost on its way: the same again, and no second execution.
    let again = agent.token(&web, &handle).await;
    assert_eq!(claims(&again), said);
    // Once its time is over it is not minted any more.
    web.clock.forward(120);
    assert_eq!(error(&agent.poll(&web, &handle).await), "expired_token");
}

// SPEC.md R-10-111: one approval, one use, whoever is first.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_spent_by_the_pep_or_by_a_token() {
    let mut web = Web::new();
    let agent = Agent::new();
    let (first, request) = challenge(&web, &disable("X0001"), None).await;
    let handle = agent.begin(&web, &first).await;
    web.answer(&request, false);
    web.post("/v1/consume", &consume(&request, &disable("X0001"), "k")).await.ok();
    assert_eq!(error(&agent.poll(&web, &handle).await), "access_denied");

    let (second, request) = challenge(&web, &disable("X0002"), None).await;
    // Under two keys one challenge is two transactions of one approval.
    let thief = Agent::new();
    let (handle, stolen) = (agent.begin(&web, &second).await, thief.begin(&web, &second).await);
    web.answer(&request, false);
    agent.token(&web, &handle).await;
    assert_eq!(error(&thief.poll(&web, &stolen).await), "access_denied");
    let spent = web.post("/v1/consume", &consume(&request, &disable("X0002"), "k")).await;
    assert_eq!(spent.body["code"], "consume.conflict");
    // What the handle was begun with is what it needs.
    assert_eq!(error(&thief.poll(&web, &handle).await), "access_denied");
    // A restart changes nothing.
    let web = web.restart();
    agent.token(&web, &handle).await;
    assert_eq!(error(&thief.poll(&web, &stolen).await), "access_denied");
}

// SPEC.md R-10-111.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_comes_about() {
    let mut web = Web::new();
    let (challenge, request) = challenge(&web, &disable("X0001"), None).await;
    let mut agents = Vec::new();
    for _ in 0..8 {
        let agent = Agent::new();
        let handle = agent.begin(&web, &challenge).await;
        agents.push((agent, handle));
    }
    web.answer(&request, false);
    let web = Arc::new(web);
    let mut tries = JoinSet::new();
    for (n, (agent, handle)) in agents.into_iter().enumerate() {
        let (minting, consuming, request) = (web.clone(), web.clone(), request.clone());
        tries.spawn(async move { agent.poll(&minting, &handle).await.status == StatusCode::OK });
        tries.spawn(async move {
            let body = consume(&request, &disable("X0001"), &n.to_string());
            consuming.post("/v1/consume", &body).await.status == StatusCode::OK
        });
    }
    let came = tries.join_all().await.into_iter().filter(|came| *came).count();
    assert_eq!(came, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_persons_refuse_or_leave_gives_no_token() {
    let mut web = Web::new();
    let agent = Agent::new();
    let (first, request) = challenge(&web, &disable("X0001"), None).await;
    let denied = agent.begin(&web, &first).await;
    web.answer(&request, true);
    assert_eq!(error(&agent.poll(&web, &denied).await), "access_denied");
    let (second, _) = challenge(&web, &disable("X0002"), None).await;
    let left = agent.begin(&web, &second).await;
    let (third, _) = challenge(&web, &disable("X0003"), None).await;
    web.clock.forward(301);
    let late = format!("transaction_challenge={third}");
    assert_eq!(error(&agent.form(&web, &late).await), "invalid_request");
    web.clock.forward(7200);
    assert_eq!(error(&agent.poll(&web, &left).await), "expired_token");
    // Nothing can be challenged that nobody could approve.
    for request in [request.as_str(), "x", "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab"] {
        let made = web.post("/v1/transactions/challenge", &json!({"request": request})).await;
        assert!(made.status.is_client_error(), "{request}");
    }
}

// SPEC.md R-10-108, R-10-116.
#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_asks_for_a_challenge_and_a_proof() {
    let web = Web::new();
    let agent = Agent::new();
    let (good, _) = challenge(&web, &disable("X0001"), Some(&agent.jkt())).await;
    let form = format!("transaction_challenge={good}");
    assert_eq!(error(&form_with(&web, &form, None).await), "invalid_dpop_proof");
    let elsewhere = agent.proof(&web, &format!("{BASE}/v1/other"), None);
    let refused = form_with(&web, &form, Some(&elsewhere)).await;
    assert_eq!(error(&refused), "invalid_dpop_proof");
    assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP error="));
    let proof = agent.proof(&web, &format!("{BASE}{PATH}"), None);
    form_with(&web, &form, Some(&proof)).await.ok();
    assert_eq!(error(&form_with(&web, &form, Some(&proof)).await), "invalid_dpop_proof");
    // Another key than the PEP said.
    assert_eq!(error(&Agent::new().form(&web, &form).await), "access_denied");
    let forged = agent.sign(
        &json!({"alg": "ES256", "typ": "txn-authz-challenge+jwt", "kid": "x"}),
        &claims(&good),
    );
    let own = format!("{form}&client_id=support-bot");
    agent.form(&web, &own).await.ok();
    for bad in [
        format!("transaction_challenge={forged}"),
        format!("transaction_challenge={good}x"),
        format!("transaction_authorization_id={good}"),
        format!("transaction_challenge={good}&transaction_authorization_id=x"),
        format!("transaction_challenge={good}&transaction_challenge={good}"),
        format!("transaction_challenge={good}&client_id="),
        // What is signed later is who asked, and not what a caller would like to be.
        format!("transaction_challenge={good}&client_id=payments-admin"),
        "grant_type=client_credentials".to_owned(),
        "a".repeat(40_000),
        String::new(),
    ] {
        assert_eq!(error(&agent.form(&web, &bad).await), "invalid_request", "{bad:.60}");
    }
    let wrong = Request::post(PATH)
        .header(header::HOST, "localhost:8420")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"));
    assert_eq!(error(&web.send(wrong.unwrap()).await), "invalid_request");
    // A bearer of a PEP's token is not thereby an agent with a challenge, nor the other way round.
    for path in ["challenge", "spend", "introspect"] {
        let bare = Request::post(format!("{PATH}/{path}")).header(header::HOST, "localhost:8420");
        let refused = web.send(bare.body(Body::from("{}")).unwrap()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

// SPEC.md R-10-113.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_spends_a_token_once() {
    let mut web = Web::new();
    let (_, token, request) = minted(&mut web).await;
    assert_eq!(introspected(&web, &token).await["active"], true);
    assert_eq!(introspected(&web, "x").await, json!({"active": false}));
    let post = async |body: &Value| web.post("/v1/transactions/spend", body).await;
    let code = |answer: Answer| (answer.status.as_u16(), answer.body["code"].clone());
    let action = disable("X0001");
    let other = post(&spend(&token, &disable("X0002"), "k")).await;
    assert_eq!(code(other), (403, json!("token.action")));
    let mut elsewhere = spend(&token, &action, "k");
    elsewhere["resource"] = json!("https://other.example");
    assert_eq!(code(post(&elsewhere).await), (403, json!("token.action")));
    let mut with_bytes = spend(&token, &action, "k");
    with_bytes["raw"] = json!({"media_type": "a/b", "length": 1, "sha256": "00".repeat(32)});
    assert_eq!(code(post(&with_bytes).await), (403, json!("token.action")));
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{rest}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(code(post(&spend(&forged, &action, "k")).await), (400, json!("token.invalid")));

    let first = post(&spend(&token, &action, "k")).await.ok();
    assert_eq!((&first["request"], &first["repeated"]), (&json!(request), &json!(false)));
    assert_eq!(post(&spend(&token, &action, "k")).await.ok()["repeated"], true);
    assert_eq!(code(post(&spend(&token, &action, "l")).await), (409, json!("token.spent")));
    assert_eq!(introspected(&web, &token).await, json!({"active": false}));
    let outcome =
        json!({"request": request, "result": "success", "action_digest": digest(&action)});
    web.post("/v1/outcome", &outcome).await.ok();
    web.clock.forward(126);
    let late = web.post("/v1/transactions/spend", &spend(&token, &action, "k")).await;
    assert_eq!(code(late), (400, json!("token.invalid")));
}

/// The resource, with the ledger's own metadata.
async fn identities(web: &Web) -> Identities {
    let metadata = web.get("/.well-known/oauth-authorization-server").await.ok();
    assert_eq!(metadata["issuer"], BASE);
    let path = metadata["jwks_uri"].as_str().unwrap().strip_prefix(BASE).unwrap();
    let jwks = web.get(path).await.ok();
    std::fs::write(web.tmp.path().join("jwks.json"), jwks.to_string()).unwrap();
    let table: Table = serde_json::from_value(json!({
        "kind": "jwt",
        "name": "placet",
        "issuer": BASE,
        "audience": RESOURCE,
        "jwks_file": "jwks.json",
        "algorithms": ["ES256"],
        "max_life_s": 120,
    }))
    .unwrap();
    Identities::from_tables(vec![table], web.tmp.path()).unwrap().since(web.ledger.now())
}

async fn shown(
    web: &Web,
    resource: &Identities,
    authorization: &str,
    proof: &str,
) -> Result<Identity, IdentityError> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    headers.insert("dpop", proof.parse().unwrap());
    let now = web.ledger.now();
    let (headers, certificates) = (&headers, &[][..]);
    let presented = Presented { method: "POST", url: CALL, headers, certificates, now };
    resource.identify(presented).await
}

// SPEC.md R-10-104, R-10-112, R-10-113.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_ours_takes_the_token_and_no_other() {
    let mut web = Web::new();
    let (agent, token, _) = minted(&mut web).await;
    let resource = identities(&web).await;
    let with = format!("DPoP {token}");
    let proof = agent.proof(&web, CALL, Some(&token));
    let caller = shown(&web, &resource, &with, &proof).await.unwrap();
    let of = |id: &str| {
        let json = strict::parse(disable(id).to_string().as_bytes()).unwrap();
        Action::from_request(&json).unwrap()
    };
    let allowed = authorize(&caller, RESOURCE, &of("X0001"), None).unwrap();
    let other = authorize(&caller, RESOURCE, &of("X0002"), None);
    assert_eq!(other.unwrap_err().code(), "token.action");
    let spent = Transactions::new(UnixSeconds(allowed.minted.0 - 31));
    spent.spend(&allowed, web.ledger.now()).unwrap();
    assert_eq!(spent.spend(&allowed, web.ledger.now()), Err(TokenError::Spent));

    let code = async |authorization: &str, proof: &str| {
        shown(&web, &resource, authorization, proof).await.unwrap_err().code()
    };
    assert_eq!(code(&with, &proof).await, "identity.replayed");
    let stolen = Agent::new().proof(&web, CALL, Some(&token));
    assert_eq!(code(&with, &stolen).await, "identity.binding");
    let bearer = format!("Bearer {token}");
    assert_eq!(code(&bearer, &agent.proof(&web, CALL, Some(&token))).await, "identity.binding");
    // What else this service signs is no access token.
    let (challenge, _) = challenge(&web, &disable("X0003"), None).await;
    let proof = agent.proof(&web, CALL, Some(&challenge));
    let as_token = code(&format!("DPoP {challenge}"), &proof).await;
    assert_eq!(as_token, "identity.issuer");
    web.clock.forward(151);
    let late = agent.proof(&web, CALL, Some(&token));
    assert_eq!(code(&with, &late).await, "identity.expired");
}

// SPEC.md R-10-109.
#[tokio::test(flavor = "multi_thread")]
async fn each_set_of_keys_has_the_keys_of_one_use() {
    let web = Web::new();
    let mut seen = Vec::new();
    for path in ["jwks", "placet-token-jwks", "placet-challenge-jwks"] {
        let set = web.get(&format!("/.well-known/{path}.json")).await.ok();
        let [key] = set["keys"].as_array().unwrap().as_slice() else { panic!("one key") };
        assert!(key.get("d").is_none());
        seen.push(key["x"].clone());
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
}
