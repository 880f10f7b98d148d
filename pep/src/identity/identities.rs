//! All issuers, trust domains and token tables of one PEP.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pki_types::CertificateDer;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::api_token::ApiTokens;
use super::dpop::Proofs;
use super::issuer::{self, Issuer};
use super::jws::Jws;
use super::key_set::KeySet;
use super::{
    Answer, Identify, Identity, IdentityError, Presented, Proof, Scheme, authorization, spiffe,
};

/// Who is known to a PEP, made by [`Identities::from_tables`].
#[derive(Debug)]
pub struct Identities {
    pub(super) issuers: Vec<Issuer>,
    pub(super) domains: Vec<TrustDomain>,
    pub(super) tokens: Vec<ApiTokens>,
    proofs: Proofs,
}

/// A SPIFFE trust domain whose X.509-SVIDs are accepted.
#[derive(Debug)]
pub struct TrustDomain {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) agent_type: String,
    pub(super) bundle: Arc<KeySet>,
}

impl Identities {
    /// Nobody is known.
    pub(super) fn empty() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Self {
            issuers: Vec::new(),
            domains: Vec::new(),
            tokens: Vec::new(),
            proofs: Proofs::new(UnixSeconds(since)),
        }
    }

    /// As it is, remembering proofs since another time: for clocks of tests.
    #[must_use]
    pub fn since(mut self, since: UnixSeconds) -> Self {
        self.proofs = Proofs::new(since);
        self
    }

    async fn find(&self, presented: Presented<'_>) -> Result<Identity, IdentityError> {
        let Some((scheme, token)) = authorization(presented.headers)? else {
            return self.by_certificate(&presented).await;
        };
        // Our own tables hold no secret with two dots, and every JWS has them.
        if token.bytes().filter(|b| *b == b'.').count() != 2 {
            return self.by_secret(scheme, token, presented.now);
        }
        let jws = Jws::read(token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.is_of(&jws));
        let issuer = issuer.ok_or(IdentityError::Issuer)?;
        issuer.identify(&jws, &presented, (scheme, token), &self.proofs).await
    }

    fn by_secret(
        &self,
        scheme: Scheme,
        secret: &str,
        now: UnixSeconds,
    ) -> Result<Identity, IdentityError> {
        if scheme != Scheme::Bearer {
            return Err(IdentityError::Binding("an API token is not bound to a DPoP key"));
        }
        let mut refused = IdentityError::Token;
        for table in &self.tokens {
            match table.find(secret, now) {
                Ok(found) => return Ok(found),
                Err(error @ IdentityError::Unavailable(_)) => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// By an X.509-SVID.
    async fn by_certificate(&self, presented: &Presented<'_>) -> Result<Identity, IdentityError> {
        if self.domains.is_empty() {
            return Err(IdentityError::Missing);
        }
        let leaf = presented.certificates.first().ok_or(IdentityError::Missing)?;
        let id = spiffe::certificate_id(leaf)?;
        let domain = self.domains.iter().find(|known| known.domain == id.domain());
        let domain = domain.ok_or(IdentityError::Issuer)?;
        let set = domain.bundle.set().await?;
        let of_domain =
            |(usage, _): &&(Option<String>, Vec<u8>)| usage.as_deref() == Some("x509-svid");
        let roots: Vec<CertificateDer<'_>> = set
            .certificates
            .iter()
            .filter(of_domain)
            .map(|(_, der)| CertificateDer::from(der.as_slice()))
            .collect();
        let id =
            spiffe::check_chain(presented.certificates, &roots, &domain.domain, presented.now)?;
        let x5t = issuer::x5t(presented.certificates).ok_or(IdentityError::Missing)?;
        Ok(Identity {
            source: domain.name.clone(),
            kind: domain.agent_type.clone(),
            id: id.as_str().to_owned(),
            properties: Json::Object(Vec::new()),
            client_id: None,
            proof: Proof::Mtls { x5t },
            expires: None,
            claims: Json::Object(Vec::new()),
        })
    }
}

impl Identify for Identities {
    fn identify<'a>(&'a self, presented: Presented<'a>) -> Answer<'a> {
        Box::pin(self.find(presented))
    }
}
