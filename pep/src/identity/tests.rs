//! Tokens, proofs and certificates against whole configurations.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderValue};
use pki_types::CertificateDer;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, jcs, sha256};

use super::fetch::Fetch;
use super::key_set::Place;
use super::testing::Key;
use super::*;

const NOW: u64 = 1_800_000_000;
const URL: &str = "https://api.example/users/7";

/// Servers by their URLs.
#[derive(Default)]
struct Servers(Mutex<Vec<(String, String)>>);

impl Fetch for Servers {
    fn fetch(&self, place: &Place, _: usize) -> Result<Vec<u8>, IdentityError> {
        let Place::Url(url) = place else { return Err(IdentityError::Unavailable("no file")) };
        let all = self.0.lock().unwrap();
        let found = all.iter().find(|(known, _)| known == url);
        found.map(|(_, set)| set.clone().into_bytes()).ok_or(IdentityError::Unavailable("down"))
    }
}

struct World {
    identities: Identities,
    idp: Key,
    agent: Key,
    workload: Key,
}

#[derive(serde::Deserialize)]
struct Settings {
    identity: Vec<config::Table>,
}

const SETTINGS: &str = r#"
[[identity]]
name = "corp"
kind = "jwt"
issuer = "https://idp.example"
audience = "https://api.example"
jwks_url = "https://idp.example/jwks"
scopes = ["invoke"]

[[identity]]
name = "open"
kind = "jwt"
issuer = "https://open.example"
audience = "https://api.example"
jwks_url = "https://idp.example/jwks"
types = ["at+jwt", "JWT"]
bearer = true
subject_type = "guest"
agent_type = "guest_agent"

[[identity]]
name = "mesh"
kind = "spiffe"
trust_domain = "example.org"
audience = "https://api.example"
bundle_url = "https://mesh.example/bundle"
bearer = true

[[identity]]
name = "down"
kind = "jwt"
issuer = "https://down.example"
audience = "https://api.example"
jwks_url = "https://down.example/jwks"
subject_type = "other"
agent_type = "other_agent"
"#;

impl World {
    fn new() -> Self {
        let (idp, agent, workload) = (Key::es256(), Key::es256(), Key::es256());
        let keys = format!(r#"{{"keys":[{}]}}"#, idp.jwk(r#","kid":"k1","use":"sig""#));
        let svid = workload.jwk(r#","kid":"w1","use":"jwt-svid""#);
        let bundle = format!(r#"{{"keys":[{svid}]}}"#);
        let servers: Arc<dyn Fetch> = Arc::new(Servers(Mutex::new(vec![
            ("https://idp.example/jwks".to_owned(), keys),
            ("https://mesh.example/bundle".to_owned(), bundle),
        ])));
        let settings: Settings = toml::from_str(SETTINGS).unwrap();
        let base = std::path::Path::new("/");
        let identities = Identities::with_fetch(settings.identity, base, &servers).unwrap();
        Self { identities: identities.since(UnixSeconds(NOW - 1000)), idp, agent, workload }
    }

    /// Claims of a token that is bound to the agent's key.
    fn claims(&self) -> String {
        let jkt = self.agent.thumbprint();
        let exp = NOW + 300;
        format!(
            r#"{{"iss":"https://idp.example","aud":"https://api.example","sub":"alice","client_id":"bot","exp":{exp},"iat":{NOW},"jti":"1","scope":"invoke read","cnf":{{"jkt":"{jkt}"}}}}"#
        )
    }

    fn token(&self, claims: &str) -> String {
        self.idp.sign("at+jwt", "k1", claims)
    }

    /// A proof for a token, each with a `jti` of its own.
    fn proof(&self, token: &str) -> String {
        proof_by(&self.agent, token)
    }

    async fn call(&self, headers: &[(&str, &str)]) -> Result<Identity, IdentityError> {
        self.call_over(headers, &[]).await
    }

    async fn call_over(
        &self,
        headers: &[(&str, &str)],
        certificates: &[CertificateDer<'static>],
    ) -> Result<Identity, IdentityError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let now = UnixSeconds(NOW);
        let headers = &map;
        let presented = Presented { method: "POST", url: URL, headers, certificates, now };
        self.identities.identify(presented).await
    }

    async fn dpop(&self, token: &str) -> Result<Identity, IdentityError> {
        let proof = self.proof(token);
        self.call(&[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]).await
    }

    async fn bearer(&self, token: &str) -> Result<Identity, IdentityError> {
        self.call(&[("authorization", &format!("Bearer {token}"))]).await
    }
}

fn proof_by(key: &Key, token: &str) -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let jti = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let ath = b64::encode_url(sha256(token.as_bytes()));
    key.dpop(&format!(r#"{{"jti":"p{jti}","htm":"POST","htu":"{URL}","iat":{NOW},"ath":"{ath}"}}"#))
}

fn code(result: Result<Identity, IdentityError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn a_bound_token_names_its_person_and_the_agent_that_acts() {
    let world = World::new();
    let token = world.token(&world.claims());
    let found = world.dpop(&token).await.unwrap();
    assert_eq!(
        jcs::to_string(&found.subject()),
        r#"{"id":"alice","properties":{"act":{"iss":"https://idp.example","sub":"bot"}},"type":"user"}"#
    );
    assert_eq!(found.jkt(), Some(world.agent.thumbprint().as_str()));
    assert_eq!((found.source.as_str(), found.expires), ("corp", Some(UnixSeconds(NOW + 300))));
    // The chain of a token is kept as it is.
    let act = r#""act":{"sub":"bot","act":{"sub":"planner"}},"sub":"#;
    let chained = world.claims().replace(r#""sub":"#, act);
    let found = world.dpop(&world.token(&chained)).await.unwrap();
    let act = found.properties.get("act").unwrap();
    assert_eq!(jcs::to_string(act), r#"{"act":{"sub":"planner"},"sub":"bot"}"#);
    // A program that acts for itself is the agent.
    let own = world.claims().replace("alice", "bot");
    let found = world.dpop(&world.token(&own)).await.unwrap();
    assert_eq!(jcs::to_string(&found.subject()), r#"{"id":"bot","type":"agent"}"#);
}

// SPEC.md R-10-101: by header, by key, by claim, by possession, each rule has one vector.
#[tokio::test]
async fn each_rule_of_a_header_refuses() {
    let world = World::new();
    let good = world.claims();
    let (stranger, idp) = (Key::es256(), &world.idp);
    let part = |text: &str| b64::encode_url(text);
    // The public key as an HMAC secret, the oldest of the tricks.
    let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &idp.public());
    let hs256 = part(r#"{"alg":"HS256","kid":"k1","typ":"at+jwt"}"#);
    let signed = format!("{hs256}.{}", part(&good));
    let tag = aws_lc_rs::hmac::sign(&mac, signed.as_bytes());
    let hs256 = format!("{signed}.{}", b64::encode_url(tag.as_ref()));
    let none = format!("{}.{}.", part(r#"{"alg":"none","typ":"at+jwt"}"#), part(&good));
    let embedded = stranger.header("at+jwt", None).replace(r#""typ""#, r#""kid":"k1","typ""#);
    let crit = r#"{"alg":"ES256","kid":"k1","typ":"at+jwt","crit":["x"],"x":1}"#;
    let rs256 = r#"{"alg":"RS256","kid":"k1","typ":"at+jwt"}"#;
    let es512 = r#"{"alg":"ES512","kid":"k1","typ":"at+jwt"}"#;
    let mut tampered = world.token(&good);
    tampered.insert(tampered.rfind('.').unwrap() - 2, 'A');
    for (what, token, expected) in [
        ("none", none, "identity.algorithm"),
        ("HS256 with the public key", hs256, "identity.algorithm"),
        ("algorithm of another key", idp.sign_with(rs256, &good), "identity.key"),
        ("algorithm not configured", idp.sign_with(es512, &good), "identity.algorithm"),
        ("key from the header", stranger.sign_with(&embedded, &good), "identity.header"),
        ("crit", idp.sign_with(crit, &good), "identity.header"),
        ("ID token", idp.sign("JWT", "k1", &good), "identity.type"),
        ("no typ", idp.sign_with(r#"{"alg":"ES256","kid":"k1"}"#, &good), "identity.type"),
        ("DPoP proof as token", idp.sign("dpop+jwt", "k1", &good), "identity.type"),
        ("unknown kid", idp.sign("at+jwt", "k2", &good), "identity.key"),
        ("another's signature", stranger.sign("at+jwt", "k1", &good), "identity.signature"),
        ("tampered", tampered, "identity.malformed"),
    ] {
        assert_eq!(code(world.dpop(&token).await), expected, "{what}");
    }
}

// SPEC.md R-10-102, R-10-103.
#[tokio::test]
async fn each_rule_of_a_token_refuses() {
    let world = World::new();
    let good = world.claims();
    let changed = |from: &str, to: &str| {
        let claims = good.replace(from, to);
        assert_ne!(claims, good, "{from}");
        world.token(&claims)
    };
    let twice = good.replace(r#""sub":"alice""#, r#""sub":"bot","sub":"alice""#);
    for (what, token, expected) in [
        ("repeated member", world.token(&twice), "identity.malformed"),
        ("issuer", changed("https://idp.example", "https://evil.example"), "identity.issuer"),
        ("issuer's slash", changed("idp.example\"", "idp.example/\""), "identity.issuer"),
        ("audience", changed("https://api.example", "https://other.example"), "identity.audience"),
        (
            "audiences",
            changed("\"https://api.example\"", r#"["https://api.example","b"]"#),
            "identity.audience",
        ),
        ("expired", changed(&(NOW + 300).to_string(), &(NOW - 31).to_string()), "identity.expired"),
        (
            "future",
            changed(&format!("\"iat\":{NOW}"), &format!("\"nbf\":{}", NOW + 31)),
            "identity.not_yet",
        ),
        ("no exp", changed("\"exp\"", "\"exq\""), "identity.claim"),
        (
            "for ever",
            changed(&(NOW + 300).to_string(), &(NOW + 200_000).to_string()),
            "identity.claim",
        ),
        ("no sub", changed("\"sub\"", "\"sup\""), "identity.claim"),
        ("empty sub", changed("alice", ""), "identity.claim"),
        ("scope", changed("invoke", "invoked"), "identity.claim"),
        ("act", changed("\"jti\":\"1\"", "\"act\":\"bot\""), "identity.claim"),
        ("two confirmations", changed("\"jkt\"", "\"x5t#S256\":\"a\",\"jkt\""), "identity.binding"),
        ("unknown confirmation", changed("\"jkt\"", "\"kid\""), "identity.binding"),
        ("not bound", changed("\"cnf\"", "\"cng\""), "identity.binding"),
        (
            "issuer that is down",
            changed("https://idp.example", "https://down.example"),
            "identity.unavailable",
        ),
    ] {
        assert_eq!(code(world.dpop(&token).await), expected, "{what}");
    }
    world.dpop(&world.token(&good)).await.unwrap();
}

// SPEC.md R-10-104: a token that was stolen is of no use without its key.
#[tokio::test]
async fn a_stolen_token_is_refused() {
    let world = World::new();
    let token = world.token(&world.claims());
    let authorization = format!("DPoP {token}");
    assert_eq!(code(world.bearer(&token).await), "identity.binding");
    assert_eq!(code(world.call(&[("authorization", &authorization)]).await), "identity.dpop");
    let thief = proof_by(&Key::es256(), &token);
    let stolen = world.call(&[("authorization", &authorization), ("dpop", &thief)]).await;
    assert_eq!(code(stolen), "identity.binding");
    let other = world.proof("another token");
    let swapped = world.call(&[("authorization", &authorization), ("dpop", &other)]).await;
    assert_eq!(code(swapped), "identity.dpop");
    let proof = world.proof(&token);
    let both = [("authorization", authorization.as_str()), ("dpop", &proof), ("dpop", &proof)];
    assert_eq!(code(world.call(&both).await), "identity.malformed");
    let once = [("authorization", authorization.as_str()), ("dpop", &proof)];
    world.call(&once).await.unwrap();
    assert_eq!(code(world.call(&once).await), "identity.replayed");
}

#[tokio::test]
async fn bearer_tokens_are_for_those_who_ask_for_them() {
    let world = World::new();
    let jkt = format!(r#","cnf":{{"jkt":"{}"}}"#, world.agent.thumbprint());
    let unbound = world.claims().replace(&jkt, "");
    assert_eq!(code(world.bearer(&world.token(&unbound)).await), "identity.unbound");
    let open = unbound.replace("https://idp.example", "https://open.example");
    let found = world.bearer(&world.idp.sign("JWT", "k1", &open)).await.unwrap();
    assert_eq!((found.source.as_str(), &found.proof), ("open", &Proof::Bearer));
    // What is bound stays bound, whoever would accept less.
    let bound = world.claims().replace("https://idp.example", "https://open.example");
    assert_eq!(code(world.bearer(&world.token(&bound)).await), "identity.binding");
}

// SPEC.md R-10-106.
#[tokio::test]
async fn a_jwt_svid_names_a_workload() {
    let world = World::new();
    let id = "spiffe://example.org/agent/renewals";
    let exp = NOW + 300;
    let claims =
        format!(r#"{{"sub":"{id}","aud":["https://api.example"],"exp":{exp},"iat":{NOW}}}"#);
    let sign = |header: &str, claims: &str| world.workload.sign_with(header, claims);
    let header = r#"{"alg":"ES256","kid":"w1","typ":"JWT"}"#;
    let found = world.bearer(&sign(header, &claims)).await.unwrap();
    assert_eq!(
        jcs::to_string(&found.subject()),
        r#"{"id":"spiffe://example.org/agent/renewals","type":"agent"}"#
    );
    for (what, header, claims, expected) in [
        ("header member", r#"{"alg":"ES256","kid":"w1","x":1}"#, claims.clone(), "identity.header"),
        ("typ", r#"{"alg":"ES256","kid":"w1","typ":"at+jwt"}"#, claims.clone(), "identity.type"),
        ("EdDSA", r#"{"alg":"EdDSA","kid":"w1"}"#, claims.clone(), "identity.algorithm"),
        ("no aud", header, claims.replace("\"aud\"", "\"aux\""), "identity.audience"),
        ("other domain", header, claims.replace("example.org", "other.org"), "identity.issuer"),
        ("dot segment", header, claims.replace("/agent/", "/../"), "identity.issuer"),
        (
            "too long a life",
            header,
            claims.replace(&exp.to_string(), &(NOW + 4000).to_string()),
            "identity.claim",
        ),
        (
            "an issuer's word",
            header,
            claims.replace("{\"sub\"", "{\"iss\":\"https://idp.example\",\"sub\""),
            "identity.type",
        ),
    ] {
        assert_eq!(code(world.bearer(&sign(header, &claims)).await), expected, "{what}");
    }
    // A key for tokens of users signs no SVID.
    let by_idp = world.idp.sign("JWT", "k1", &claims);
    assert_eq!(code(world.bearer(&by_idp).await), "identity.key");
}

#[tokio::test]
async fn a_certificate_binds_a_token() {
    let world = World::new();
    let (ours, theirs) = (CertificateDer::from(vec![1; 64]), CertificateDer::from(vec![2; 64]));
    let x5t = b64::encode_url(sha256(&ours));
    let jkt = format!(r#"{{"jkt":"{}"}}"#, world.agent.thumbprint());
    let claims = world.claims().replace(&jkt, &format!(r#"{{"x5t#S256":"{x5t}"}}"#));
    let token = world.token(&claims);
    let bearer = format!("Bearer {token}");
    let call = async |scheme: &str, certificates: &[CertificateDer<'static>]| {
        let authorization = bearer.replace("Bearer", scheme);
        world.call_over(&[("authorization", &authorization)], certificates).await
    };
    let found = call("Bearer", std::slice::from_ref(&ours)).await.unwrap();
    assert_eq!(found.proof, Proof::Mtls { x5t });
    assert_eq!(code(call("Bearer", &[theirs.clone(), ours.clone()]).await), "identity.binding");
    assert_eq!(code(call("Bearer", &[]).await), "identity.binding");
    assert_eq!(code(call("DPoP", &[ours]).await), "identity.binding");
}

#[tokio::test]
async fn who_presents_nothing_is_told_what_is_accepted() {
    let world = World::new();
    let missing = world.call(&[]).await.unwrap_err();
    assert_eq!((missing.code(), missing.status().as_u16()), ("identity.missing", 401));
    let [bearer, dpop] = missing.www_authenticate().try_into().unwrap();
    assert_eq!((bearer.as_str(), dpop.starts_with("DPoP algs=")), ("Bearer", true));
    let refused = world.bearer("abcdefghijklmnopqrstuvwxyz").await.unwrap_err();
    assert_eq!(refused.code(), "identity.token");
    for value in refused.www_authenticate() {
        assert!(value.contains(r#"error="invalid_token""#), "{value}");
        HeaderValue::from_str(&value).unwrap();
    }
}

// SPEC.md R-10-114.
#[tokio::test]
async fn two_issuers_name_one_subject_only_where_both_are_said_to() {
    let servers: Arc<dyn Fetch> = Arc::new(Servers::default());
    let made = |text: &str| {
        let settings: Settings = toml::from_str(text).unwrap();
        Identities::with_fetch(settings.identity, std::path::Path::new("/"), &servers)
    };
    let same = SETTINGS.replacen("\"guest\"", "\"user\"", 1);
    let refused = made(&same).unwrap_err().to_string();
    assert!(refused.contains("open") && refused.contains("corp"), "{refused}");
    let said = "bearer = true\nshared_names = true\nsubject_type = \"user\"";
    let once = same.replacen("bearer = true\nsubject_type = \"user\"", said, 1);
    assert_eq!(made(&once).unwrap_err().code(), "identity.config");
    made(&once.replacen("scopes =", "shared_names = true\nscopes =", 1)).unwrap();

    // Names of a trust domain are its own: no issuer of access tokens gives them.
    let world = World::new();
    for id in ["spiffe://example.org/agent", "SPIFFE://example.org/agent"] {
        let claims = world.claims().replace("\"alice\"", &format!("\"{id}\""));
        for claims in [claims.replace("\"bot\"", &format!("\"{id}\"")), claims] {
            assert_eq!(code(world.dpop(&world.token(&claims)).await), "identity.claim");
        }
    }
}

#[test]
fn settings_are_read_strictly() {
    let servers: Arc<dyn Fetch> = Arc::new(Servers::default());
    let made = |text: &str| match toml::from_str::<Settings>(text) {
        Ok(settings) => {
            Identities::with_fetch(settings.identity, std::path::Path::new("/"), &servers)
                .map(drop)
                .map_err(|e| e.code())
        }
        Err(_) => Err("toml"),
    };
    made(SETTINGS).unwrap();
    let config = Err("identity.config");
    for (from, to, expected) in [
        ("name = \"open\"", "name = \"corp\"", config),
        ("name = \"open\"", "name = \"\"", config),
        ("kind = \"spiffe\"", "kind = \"kerberos\"", Err("toml")),
        ("bearer = true", "baerer = true", Err("toml")),
        ("trust_domain = \"example.org\"", "trust_domain = \"Example.org\"", config),
        ("jwks_url = \"https://idp.example/jwks\"", "", config),
        ("https://idp.example/jwks", "http://idp.example/jwks", config),
        ("scopes =", "jwks_file = \"nowhere\"\nscopes =", config),
        ("\"guest\"", "\"user\"", config),
        ("\"guest\"", "\"agent\"", config),
        ("\"guest_agent\"", "\"agent\"", config),
        ("\"guest\"", "\"user\"\nshared_names = true", config),
        ("scopes =", "algorithms = [\"HS256\"]\nscopes =", config),
        ("scopes =", "algorithms = [\"none\"]\nscopes =", config),
        ("scopes =", "algorithms = []\nscopes =", config),
        ("scopes =", "types = []\nscopes =", config),
        ("audience = \"https://api.example\"", "audience = \"\"", config),
    ] {
        let changed = SETTINGS.replacen(from, to, 1);
        assert_ne!(changed, SETTINGS, "{from}");
        assert_eq!(made(&changed), expected, "{to}");
    }
    assert_eq!(made("identity = []"), config);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_character_of_a_token_passes(at in 0usize..1000, with in "[A-Za-z0-9_.-]") {
        let world = World::new();
        let jkt = format!(r#","cnf":{{"jkt":"{}"}}"#, world.agent.thumbprint());
        let claims = world.claims().replace(&jkt, "").replace("idp.example", "open.example");
        let token = world.token(&claims);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(world.bearer(&token)).unwrap();
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        proptest::prop_assume!(changed != token);
        proptest::prop_assert!(runtime.block_on(world.bearer(&changed)).is_err());
    }
}
