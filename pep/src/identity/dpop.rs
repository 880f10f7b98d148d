//! DPoP proofs (RFC 9449 4.3): that a caller has a key, for one request, once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::jwk::{Algorithm, Jwk};
use super::jws::Jws;
use super::{IdentityError, claims::SKEW_S};

/// Seconds for which a proof is accepted after it was made.
pub const MAX_AGE_S: u64 = 60;
/// Most proofs that are remembered. Beyond that, none is accepted until some have ended.
const MAX_PROOFS: usize = 100_000;
/// Most of one key, so that nobody alone takes the places of all.
const MAX_OF_KEY: usize = 2_000;
/// Longest `jti`, in bytes.
const MAX_JTI: usize = 256;
/// Longest proof, in bytes.
const MAX_PROOF: usize = 8 * 1024;

/// What a proof is to prove.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its absolute URL.
    pub url: &'a str,
    /// The access token that came along, if one did.
    pub token: Option<&'a str>,
    /// The thumbprint of the key that it has to be made with, if one is known.
    pub key: Option<&'a str>,
    /// The time.
    pub now: UnixSeconds,
}

/// Proofs that were used, as long as they would be accepted.
///
/// In memory: what was made before [`Proofs::new`] is refused, so that a restart gives no proof a
/// second life, save of a client whose clock is ahead of ours, for as long as it is ahead.
#[derive(Debug)]
pub struct Proofs {
    since: UnixSeconds,
    most: usize,
    most_of_key: usize,
    used: Mutex<Used>,
}

/// By the thumbprint of the key and SHA-256 of the `jti`: until when it would be accepted.
#[derive(Debug, Default)]
struct Used {
    keys: HashMap<String, HashMap<[u8; 32], u64>>,
    /// How many there are, of all keys.
    count: usize,
    /// When all were last looked through, so that a crowd does not have it done for each of them.
    pruned: u64,
}

impl Used {
    fn prune(&mut self, now: u64) {
        if self.pruned == now {
            return;
        }
        self.pruned = now;
        self.keys.retain(|_, proofs| {
            proofs.retain(|_, until| *until > now);
            !proofs.is_empty()
        });
        self.count = self.keys.values().map(HashMap::len).sum();
    }

    fn prune_key(&mut self, key: &str, now: u64) {
        if let Some(proofs) = self.keys.get_mut(key) {
            let before = proofs.len();
            proofs.retain(|_, until| *until > now);
            self.count = self.count.saturating_sub(before.saturating_sub(proofs.len()));
        }
    }
}

impl Proofs {
    /// No proof was used since `since`.
    #[must_use]
    pub fn new(since: UnixSeconds) -> Self {
        Self { since, most: MAX_PROOFS, most_of_key: MAX_OF_KEY, used: Mutex::default() }
    }

    /// Checks a proof and takes note of it; gives the thumbprint of its key. A proof that does not
    /// hold, or is of another key than the one that is asked for, takes no place.
    ///
    /// # Errors
    /// `identity.dpop`, `identity.binding`, `identity.replayed`; `identity.unavailable` when too
    /// many are remembered.
    pub fn check(&self, proof: &str, claimed: &Claimed<'_>) -> Result<String, IdentityError> {
        let bad = IdentityError::Dpop;
        let Checked { jkt, jti, iat } = check(proof, claimed)?;
        if claimed.key.is_some_and(|wanted| wanted != jkt) {
            return Err(IdentityError::Binding("the token is bound to another key"));
        }
        if iat < self.since.0 {
            return Err(bad("it was made before this service started"));
        }
        let (id, now) = (sha256(jti.as_bytes()), claimed.now.0);
        let until = iat.saturating_add(MAX_AGE_S).saturating_add(SKEW_S);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = |used: &Used| used.keys.get(&jkt).map_or(0, HashMap::len);
        let before = used.keys.get(&jkt).and_then(|proofs| proofs.get(&id)).copied();
        if before.is_some_and(|until| until > now) {
            return Err(IdentityError::Replayed);
        }
        if of_key(&used) >= self.most_of_key {
            used.prune_key(&jkt, now);
        }
        if of_key(&used) >= self.most_of_key {
            return Err(IdentityError::Unavailable("too many proofs of this key at once"));
        }
        if used.count >= self.most {
            used.prune(now);
        }
        if used.count >= self.most {
            return Err(IdentityError::Unavailable("too many proofs of possession at once"));
        }
        if used.keys.entry(jkt.clone()).or_default().insert(id, until).is_none() {
            used.count = used.count.saturating_add(1);
        }
        Ok(jkt)
    }
}

struct Checked {
    jkt: String,
    jti: String,
    iat: u64,
}

fn check(proof: &str, claimed: &Claimed<'_>) -> Result<Checked, IdentityError> {
    let bad = IdentityError::Dpop;
    if proof.len() > MAX_PROOF {
        return Err(bad("it is too long"));
    }
    let jws = Jws::read(proof).map_err(|_| bad("it is no strict JWS"))?;
    if jws.typ.as_deref() != Some("dpop+jwt") {
        return Err(bad("its `typ` is not dpop+jwt"));
    }
    let accepted =
        [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256, Algorithm::Es384];
    if !accepted.contains(&jws.algorithm) {
        return Err(bad("its algorithm is not accepted"));
    }
    let jwk = jws.header.get("jwk").ok_or(bad("it has no `jwk`"))?;
    let key = Jwk::read(jwk).map_err(|_| bad("its `jwk` is no public key that is accepted"))?;
    let claims = jws.verify(&key).map_err(|_| bad("its signature does not verify"))?;
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    let jti = text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
    let jti = jti.ok_or(bad("`jti` is no text of 1 to 256 bytes"))?;
    if text("htm") != Some(claimed.method) {
        return Err(bad("`htm` is another method"));
    }
    let htu = text("htu").and_then(normal).ok_or(bad("`htu` is no absolute URL"))?;
    if Some(htu) != normal(claimed.url) {
        return Err(bad("`htu` is another URL"));
    }
    let iat = claims.get("iat").and_then(Json::as_u64).ok_or(bad("`iat` is missing"))?;
    if iat > claimed.now.0.saturating_add(SKEW_S) {
        return Err(bad("`iat` is in the future"));
    }
    if iat.saturating_add(MAX_AGE_S).saturating_add(SKEW_S) <= claimed.now.0 {
        return Err(bad("it is too old"));
    }
    let ath = claimed.token.map(|token| b64::encode_url(sha256(token.as_bytes())));
    if text("ath") != ath.as_deref() {
        return Err(bad("`ath` is not the digest of the access token"));
    }
    Ok(Checked { jkt: key.thumbprint(), jti: jti.to_owned(), iat })
}

/// Scheme and host in lower case, without a default port, query and fragment (RFC 9449 4.3, the
/// normalisations of RFC 3986 6.2.2.1 and 6.2.3). The path stays as it is written: a server that
/// reads two spellings alike is not ours to guess.
fn normal(url: &str) -> Option<String> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url.get(..end)?.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, "/"),
    };
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(default).unwrap_or(&host);
    let plain = !host.is_empty() && !host.contains('@');
    plain.then(|| format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Key;
    use super::*;
    use proptest::prelude::*;

    const URL: &str = "https://api.example/users/7";

    fn claimed(token: Option<&str>) -> Claimed<'_> {
        Claimed { method: "POST", url: URL, token, key: None, now: UnixSeconds(1_000) }
    }

    fn claims(more: &str) -> String {
        format!(r#"{{"jti":"1","htm":"POST","htu":"{URL}","iat":1000{more}}}"#)
    }

    // SPEC.md R-10-104.
    #[test]
    fn a_proof_is_for_one_request_of_one_key_once() {
        let key = Key::es256();
        let proofs = Proofs::new(UnixSeconds(0));
        let proof = key.dpop(&claims(""));
        assert_eq!(proofs.check(&proof, &claimed(None)).unwrap(), key.thumbprint());
        let again = proofs.check(&proof, &claimed(None));
        assert_eq!(again.unwrap_err().code(), "identity.replayed");
        // The jti of another key is another one.
        let other = Key::es256().dpop(&claims(""));
        proofs.check(&other, &claimed(None)).unwrap();
        let ath = b64::encode_url(sha256(b"token"));
        let with = key.dpop(&claims(&format!(r#","ath":"{ath}""#)).replace(r#""1""#, r#""2""#));
        assert_eq!(proofs.check(&with, &claimed(None)).unwrap_err().code(), "identity.dpop");
        assert_eq!(
            proofs.check(&with, &claimed(Some("tokem"))).unwrap_err().code(),
            "identity.dpop"
        );
        proofs.check(&with, &claimed(Some("token"))).unwrap();
    }

    #[test]
    fn each_rule_of_a_proof_refuses() {
        let key = Key::es256();
        let proofs = Proofs::new(UnixSeconds(900));
        let good = claims("");
        for (from, to) in [
            (r#""jti":"1""#, r#""jti":"""#),
            (r#""jti":"1","#, ""),
            ("POST", "post"),
            ("POST", "GET"),
            ("https://api", "http://api"),
            ("/users/7", "/users/8"),
            ("/users/7", "/users/%37"),
            ("api.example", "api.example:8443"),
            ("api.example", "u@api.example"),
            (r#""iat":1000"#, r#""iat":1031"#),
            (r#""iat":1000"#, r#""iat":910"#),
            (r#""iat":1000"#, r#""iat":"1000""#),
            (r#""iat":1000"#, r#""nbf":1000"#),
        ] {
            let changed = good.replace(from, to);
            assert_ne!(changed, good);
            let refused = proofs.check(&key.dpop(&changed), &claimed(None));
            assert_eq!(refused.unwrap_err().code(), "identity.dpop", "{to}");
        }
        for header in [
            key.header("JWT", None),
            key.header("dpop+jwt", None).replace(r#""jwk":"#, r#""x":"#),
            key.header("dpop+jwt", None).replace("ES256", "HS256"),
            key.header("dpop+jwt", None).replace("ES256", "none"),
            key.header("dpop+jwt", None).replace("ES256", "ES384"),
            key.header("dpop+jwt", None).replace(r#""kty":"#, r#""d":"AA","kty":"#),
            Key::es256().header("dpop+jwt", None),
        ] {
            let refused = proofs.check(&key.sign_with(&header, &good), &claimed(None));
            assert_eq!(refused.unwrap_err().code(), "identity.dpop", "{header}");
        }
        // Made before this service began.
        let late = Proofs::new(UnixSeconds(1001));
        assert_eq!(
            late.check(&key.dpop(&good), &claimed(None)).unwrap_err().code(),
            "identity.dpop"
        );
        proofs.check(&key.dpop(&good), &claimed(None)).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded_and_fails_closed() {
        let key = Key::es256();
        let proofs = Proofs { most: 2, ..Proofs::new(UnixSeconds(0)) };
        let proof = |jti: &str, iat: u64| {
            key.dpop(&claims("").replace(r#""1""#, jti).replace("1000", &iat.to_string()))
        };
        proofs.check(&proof(r#""a""#, 1000), &claimed(None)).unwrap();
        proofs.check(&proof(r#""b""#, 1000), &claimed(None)).unwrap();
        let full = proofs.check(&proof(r#""c""#, 1000), &claimed(None));
        assert_eq!(full.unwrap_err().code(), "identity.unavailable");
        let later = Claimed { now: UnixSeconds(1100), ..claimed(None) };
        proofs.check(&proof(r#""c""#, 1100), &later).unwrap();
    }

    // SPEC.md R-10-104.
    #[test]
    fn one_key_or_one_that_is_not_asked_for_takes_no_places_of_others() {
        let (key, other) = (Key::es256(), Key::es256());
        let proofs = Proofs { most: 3, most_of_key: 2, ..Proofs::new(UnixSeconds(0)) };
        let proof =
            |key: &Key, jti: u32| key.dpop(&claims("").replace(r#""1""#, &format!(r#""{jti}""#)));
        let jkt = key.thumbprint();
        let wanted = Claimed { key: Some(&jkt), ..claimed(None) };
        for jti in 0..4 {
            let refused = proofs.check(&proof(&other, jti), &wanted);
            assert_eq!(refused.unwrap_err().code(), "identity.binding");
        }
        for jti in 0..2 {
            proofs.check(&proof(&key, jti), &wanted).unwrap();
        }
        let full = proofs.check(&proof(&key, 2), &wanted);
        assert_eq!(full.unwrap_err().code(), "identity.unavailable");
        proofs.check(&proof(&other, 0), &claimed(None)).unwrap();
        let later = Claimed { now: UnixSeconds(1_090), ..wanted };
        let fresh = key.dpop(&claims("").replace("1000", "1090"));
        proofs.check(&fresh, &later).unwrap();
        assert_eq!(proofs.check(&fresh, &later).unwrap_err().code(), "identity.replayed");
    }

    proptest! {
        #[test]
        fn urls_are_equal_only_in_what_the_specification_forgives(url in "[a-z:/.@#?A-Z0-9%]{0,60}") {
            if let Some(once) = normal(&url) {
                prop_assert_eq!(normal(&once), Some(once.clone()));
                prop_assert!(!once.contains(['?', '#', '@']) || once.contains("/"));
            }
        }
    }

    #[test]
    fn urls_are_normalised_as_far_as_the_specification_asks() {
        for same in [
            "https://API.example/users/7",
            "HTTPS://api.example:443/users/7?a=b",
            "https://api.example/users/7#f",
        ] {
            assert_eq!(normal(same), normal(URL), "{same}");
        }
        assert_eq!(normal("https://a"), normal("https://a/"));
        for other in ["ftp://a/", "a/b", "https:///a", "https://u@a/", ""] {
            assert_eq!(normal(other), None, "{other}");
        }
    }
}
