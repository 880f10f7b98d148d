//! Who may state what: steps 9 and 10 of SPEC.md 9.

use std::borrow::Cow;
use std::collections::BTreeMap;

use placet_proto::document::{Body, Genesis, Purpose};
use placet_proto::trust::TrustedKey;

use crate::evidence::Parsed;
use crate::logs::check_alg;
use crate::notes::LogTrust;
use crate::report::Problem;

/// What the governance log lets each issuer key state. The trust file says the same again, and
/// both have to allow a statement: neither the operator alone nor a slip in the file widens it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Issuers {
    known: BTreeMap<[u8; 32], Allowed>,
}

#[derive(Debug, Clone)]
struct Allowed {
    kinds: Vec<String>,
    audience: Option<String>,
}

impl Issuers {
    /// Those that genesis names.
    pub(crate) fn of_genesis(genesis: &Genesis) -> Self {
        let mut out = Self::default();
        for issuer in &genesis.issuers {
            out.name(issuer.kid, &issuer.kinds, issuer.audience.as_ref());
        }
        out
    }

    /// Adds the issuer keys that a `key` document of the governance log announces. Entries have
    /// to be given in ascending order and only if they themselves passed: a key that was let in
    /// may let in the next, and none can speak for itself.
    pub(crate) fn announce(&mut self, parsed: &Parsed) {
        let Some(Body::Key(document)) = parsed.known().map(|s| &s.document.body) else { return };
        for key in document.keys.iter().filter(|k| k.purpose == Purpose::Issuer) {
            let kinds = key.kinds.as_deref().unwrap_or_default();
            self.name(key.kid, kinds, key.audience.as_ref());
        }
    }

    /// The first that names a key counts: a later document must not widen what it may state.
    fn name(&mut self, kid: [u8; 32], kinds: &[String], audience: Option<&String>) {
        self.known
            .entry(kid)
            .or_insert_with(|| Allowed { kinds: kinds.to_vec(), audience: audience.cloned() });
    }

    /// Steps 9 and 10 for one statement: issuer signature and whether the issuer may.
    ///
    /// # Errors
    /// The code of step 9 or 10, failed or indeterminate as it says there.
    pub(crate) fn check(
        &self,
        parsed: &Parsed,
        index: u64,
        trust: &LogTrust,
    ) -> Result<(), Problem> {
        let log = &trust.log;
        let header = parsed.header();
        let at = |detail: String| format!("{} entry {index}: {detail}", log.role.name());
        let known = trust
            .key_by_kid(Purpose::Issuer, &header.kid, index)
            .map_err(|e| Problem { detail: at(e.detail.clone()), ..e })?;
        check_alg(known.key.public(), header.alg)?;
        let key = &known.trusted;
        let (signed, signature) =
            signed(parsed).map_err(|e| Problem::failed("issuer.signature", at(e.to_string())))?;
        known
            .key
            .verify_cose(&signed, &signature)
            .map_err(|e| Problem::failed("issuer.signature", at(e.to_string())))?;
        let known = match parsed {
            Parsed::Known(statement) => statement,
            Parsed::Unknown { code, header, .. } => {
                return Err(Problem::open(code, at(header.typ.clone())));
            }
        };
        let kind = known.kind();
        if !kind.belongs_in(log.role) {
            return Err(Problem::failed("kind.wrong_log", at(kind.name().to_owned())));
        }
        self.may_state(known.document.body.audience(), kind.name(), key, &header.kid)
            .map_err(|why| Problem::failed("issuer.kind", at(format!("{}: {why}", kind.name()))))
    }

    fn may_state(
        &self,
        audience: Option<&str>,
        kind: &str,
        key: &TrustedKey,
        kid: &[u8; 32],
    ) -> Result<(), &'static str> {
        if !key.kinds.iter().any(|k| k == kind) {
            return Err("the trust file does not let this key state that kind");
        }
        let Some(allowed) = self.known.get(kid) else {
            return Err("neither genesis nor a key document of the governance log names this key");
        };
        if !allowed.kinds.iter().any(|k| k == kind) {
            return Err("the governance log does not let this key state that kind");
        }
        let bound = |only: &Option<String>| only.as_deref().is_none_or(|o| audience == Some(o));
        if bound(&key.audience) && bound(&allowed.audience) {
            Ok(())
        } else {
            Err("the key speaks for another audience")
        }
    }
}

/// What the issuer signed, and the signature.
fn signed(parsed: &Parsed) -> Result<(Vec<u8>, Cow<'_, [u8]>), placet_proto::Error> {
    if let Some(statement) = parsed.known() {
        return Ok((statement.signed_bytes(), Cow::Borrowed(&statement.signature)));
    }
    let sign1 = placet_proto::cose::Sign1::parse(parsed.bytes())?;
    Ok((sign1.signed_bytes(&[]), Cow::Owned(sign1.signature.to_vec())))
}
