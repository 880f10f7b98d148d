//! Access tokens as JWT (RFC 9068, with the rules of RFC 8725) and JWT-SVIDs of one issuer.

use std::sync::Arc;

use pki_types::CertificateDer;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::claims::{self, Expected};
use super::dpop::{Claimed, Proofs};
use super::jwk::Algorithm;
use super::jws::Jws;
use super::key_set::KeySet;
use super::{Identity, IdentityError, Presented, Proof, Scheme, one_header, spiffe};

/// Which tokens an issuer makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// RFC 9068, by `iss` and `typ`.
    AccessToken {
        /// `iss`, exactly.
        issuer: String,
        /// Values of `typ`, in lower case: `at+jwt`.
        types: Vec<String>,
        /// Words that `scope` must have.
        scopes: Vec<String>,
        /// `subject.type` of people.
        subject_type: String,
        /// Whether its names are those of other issuers too: the operator says so.
        shared_names: bool,
    },
    /// JWT-SVID of SPIFFE, by the trust domain of `sub`.
    JwtSvid {
        /// The trust domain.
        domain: String,
    },
}

/// How callers have to show that a token is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possession {
    /// By DPoP or by mutual TLS, whichever the token is bound to.
    Required,
    /// A token that is not bound to a key is accepted; one that is bound needs its proof.
    Bearer,
}

/// An issuer that the operator trusts.
#[derive(Debug)]
pub struct Issuer {
    /// Its name in the configuration.
    pub name: String,
    /// Which tokens.
    pub profile: Profile,
    /// For whom they have to be.
    pub audience: String,
    /// Whether they may be for others too.
    pub shared: bool,
    /// Algorithms that it uses.
    pub algorithms: Vec<Algorithm>,
    /// Longest life of a token, in seconds.
    pub max_life_s: u64,
    /// Proof of possession.
    pub possession: Possession,
    /// `subject.type` of programs.
    pub agent_type: String,
    /// Its keys.
    pub keys: Arc<KeySet>,
}

impl Issuer {
    /// Whether a token claims to be of this issuer and profile.
    #[must_use]
    pub fn is_of(&self, jws: &Jws<'_>) -> bool {
        match &self.profile {
            Profile::AccessToken { issuer, .. } => jws.unverified("iss") == Some(issuer),
            Profile::JwtSvid { domain } => {
                let sub = jws.unverified("sub").unwrap_or_default();
                let id = spiffe::SpiffeId::parse(sub);
                jws.unverified("iss").is_none() && id.is_ok_and(|id| id.domain() == domain)
            }
        }
    }

    /// Whether a name from one of these issuers of access tokens could be taken for the same
    /// subject from the other, and not both say that it is.
    pub(super) fn names_as(&self, other: &Self) -> bool {
        let (Some((mine, a)), Some((theirs, b))) = (self.types(), other.types()) else {
            return false;
        };
        !(a && b) && mine.iter().any(|kind| theirs.contains(kind))
    }

    /// The types of subjects that access tokens name, and whether their names are shared.
    fn types(&self) -> Option<([&str; 2], bool)> {
        match &self.profile {
            Profile::AccessToken { subject_type, shared_names, .. } => {
                Some(([subject_type, &self.agent_type], *shared_names))
            }
            Profile::JwtSvid { .. } => None,
        }
    }

    /// Who a token names, once everything about it holds.
    ///
    /// # Errors
    /// All of [`IdentityError`] but those of other credentials.
    pub(super) async fn identify(
        &self,
        jws: &Jws<'_>,
        presented: &Presented<'_>,
        (scheme, token): (Scheme, &str),
        proofs: &Proofs,
    ) -> Result<Identity, IdentityError> {
        self.check_header(jws)?;
        let usage = match self.profile {
            Profile::AccessToken { .. } => "sig",
            Profile::JwtSvid { .. } => "jwt-svid",
        };
        let keys = self.keys.find(jws.kid.as_deref(), jws.algorithm, usage).await?;
        let verified = keys.iter().find_map(|key| jws.verify(key).ok());
        let claims = verified.ok_or(IdentityError::Signature)?;
        let expected = Expected {
            issuer: match &self.profile {
                Profile::AccessToken { issuer, .. } => Some(issuer),
                Profile::JwtSvid { .. } => None,
            },
            audience: &self.audience,
            shared: self.shared,
            max_life_s: self.max_life_s,
        };
        let expires = claims::check(claims, &expected, presented.now)?;
        let mut identity = self.identity(claims, expires)?;
        // Last, for a proof is used up by being looked at.
        identity.proof = self.possession(claims, presented, scheme, token, proofs)?;
        Ok(identity)
    }

    fn check_header(&self, jws: &Jws<'_>) -> Result<(), IdentityError> {
        if !self.algorithms.contains(&jws.algorithm) {
            return Err(IdentityError::Algorithm);
        }
        match &self.profile {
            Profile::JwtSvid { .. } => spiffe::check_header(jws),
            Profile::AccessToken { types, .. } => {
                let typ = jws.typ.as_deref().unwrap_or_default();
                if !types.iter().any(|known| known == typ) {
                    return Err(IdentityError::Type);
                }
                match jws.header.get("jwk").or_else(|| jws.header.get("x5c")) {
                    None => Ok(()),
                    Some(_) => Err(IdentityError::Header("it brings its own key")),
                }
            }
        }
    }

    fn identity(&self, claims: &Json, expires: UnixSeconds) -> Result<Identity, IdentityError> {
        let mut properties = Json::Object(Vec::new());
        let (kind, id, client_id) = match &self.profile {
            Profile::JwtSvid { domain } => {
                let id = spiffe::subject(claims, domain)?;
                (&self.agent_type, id.as_str().to_owned(), None)
            }
            Profile::AccessToken { issuer, scopes, subject_type, shared_names, .. } => {
                if !claims::has_scopes(claims, scopes) {
                    return Err(IdentityError::Claim("`scope` lacks what is asked here"));
                }
                let sub = claims::name(claims, "sub")?;
                let sub = sub.ok_or(IdentityError::Claim("`sub` is missing"))?;
                // What a trust domain alone vouches for, no other issuer may say.
                if !shared_names && spiffe::is_reserved(&sub) {
                    return Err(IdentityError::Claim("`sub` is a SPIFFE ID, and this no SVID"));
                }
                let client = claims::name(claims, "client_id")?;
                let own = client.as_deref().is_none_or(|client| client == sub);
                match claims::actors(claims)? {
                    Some(act) => properties.insert("act", act),
                    // The program that a person let act for them is the actor, named or not.
                    None if !own => {
                        let client = client.clone().unwrap_or_default();
                        let iss = Json::from(issuer.as_str());
                        let act = Json::object([("iss", iss), ("sub", client.into())]);
                        properties.insert("act", act);
                    }
                    None => {}
                }
                // Without a client nobody says that `sub` is a program (RFC 9068 2.2, 5).
                let program = own && client.is_some();
                (if program { &self.agent_type } else { subject_type }, sub, client)
            }
        };
        Ok(Identity {
            source: self.name.clone(),
            kind: kind.clone(),
            id,
            properties,
            client_id,
            proof: Proof::Bearer,
            expires: Some(expires),
            claims: claims.clone(),
        })
    }

    /// Whether the caller has the key that the token is bound to by `cnf` (RFC 7800).
    fn possession(
        &self,
        claims: &Json,
        presented: &Presented<'_>,
        scheme: Scheme,
        token: &str,
        proofs: &Proofs,
    ) -> Result<Proof, IdentityError> {
        let bad = IdentityError::Binding;
        let Some(cnf) = claims.get("cnf") else {
            return match (scheme, self.possession) {
                (Scheme::Dpop, _) => Err(bad("the token is not bound to a DPoP key")),
                (Scheme::Bearer, Possession::Bearer) => Ok(Proof::Bearer),
                (Scheme::Bearer, Possession::Required) => Err(IdentityError::Unbound),
            };
        };
        let members = cnf.as_object().unwrap_or_default();
        let [(method, Json::String(wanted))] = members else {
            return Err(bad("`cnf` is not one confirmation that is known here"));
        };
        match (method.as_str(), scheme) {
            ("jkt", Scheme::Dpop) => {
                let proof = one_header(presented.headers, "dpop")?;
                let proof = proof.ok_or(IdentityError::Dpop("there is none"))?;
                let claimed = Claimed {
                    method: presented.method,
                    url: presented.url,
                    token: Some(token),
                    key: Some(wanted),
                    now: presented.now,
                };
                Ok(Proof::Dpop { jkt: proofs.check(proof, &claimed)? })
            }
            // RFC 9449 7.2: such a token is none that its mere bearer may use.
            ("jkt", Scheme::Bearer) => Err(bad("the token is bound to a key: use the DPoP scheme")),
            ("x5t#S256", Scheme::Bearer) => match x5t(presented.certificates) {
                Some(x5t) if x5t == *wanted => Ok(Proof::Mtls { x5t }),
                Some(_) => Err(bad("the token is bound to another certificate")),
                None => Err(bad("the token is bound to a certificate, and none came")),
            },
            _ => Err(bad("`cnf` is not one confirmation that is known here")),
        }
    }
}

/// The thumbprint of a client's certificate (RFC 8705 3.1).
pub(super) fn x5t(certificates: &[CertificateDer<'static>]) -> Option<String> {
    certificates.first().map(|leaf| b64::encode_url(sha256(leaf)))
}
