//! Who signed a governance document, and whether that person might (SPEC.md 9.1, 9.3).

use std::sync::Arc;

use placet_proto::document::{Enrolment, Role, Signer};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::{Assertion, Statement};

use super::{Governance, Judged, short};
use crate::crypto::{CryptoError, PublicKey, ReadyKey};
use crate::report::{Problem, Status};
use crate::webauthn::{self, AssertionFacts, AssertionPolicy, Credential};

/// Whose signature a document needs; an administrator's will always do.
#[derive(Clone, Copy)]
pub(super) enum Signers<'a> {
    /// Somebody with one of these roles.
    Any(&'a [Role]),
    /// Somebody with each of these roles.
    Each(&'a [Role]),
}

pub(super) const ADMINISTRATOR: Signers<'static> = Signers::Any(&[]);

impl Governance {
    /// Checks that `signer` signed the statement under `namespace`, is one of those who may at size
    /// `n` of its `after` and still at its own `index`, and is not revoked by anything before it.
    /// The second because `after` is what the operator shows: a document can be filed, or signed
    /// with the help of somebody who lost the role, long after the checkpoint that it names.
    pub(super) fn signed_by(
        &self,
        may: Signers<'_>,
        statement: &Statement,
        signer: &Signer,
        namespace: Namespace,
        n: u64,
        index: u64,
    ) -> Result<(), Problem> {
        let enrolled = self.may_sign(may, &signer.credential, n)?;
        self.may_sign(may, &signer.credential, index)?;
        if enrolled.document.person != signer.person {
            return Err(Problem::failed("lineage.person", short(&signer.credential))
                .versus(&enrolled.document.person, &signer.person));
        }
        for r in self.revocations(&signer.credential).take_while(|r| r.index < index) {
            match &r.authorised {
                Ok(()) => {
                    return Err(Problem::failed("lineage.revoked", short(&signer.credential)));
                }
                Err(why) if why.status == Status::Failed => {}
                // Whether the key was revoked can't be said, and so whether it might sign.
                Err(why) => return Err(unauthorised(r.index, why)),
            }
        }
        self.assertion(statement, namespace, &signer.credential, &enrolled.document).map(|_| ())
    }

    /// An administrator may sign whatever anybody may.
    fn may_sign(
        &self,
        may: Signers<'_>,
        credential: &[u8],
        n: u64,
    ) -> Result<&Judged<Enrolment>, Problem> {
        let administrator = self.authorised(credential, n, Role::Administrator);
        let (Err(why), Signers::Any(roles) | Signers::Each(roles)) = (&administrator, may) else {
            return administrator;
        };
        let mut holds = roles.iter().map(|role| self.authorised(credential, n, *role));
        match may {
            Signers::Any(_) => holds.find(Result::is_ok).unwrap_or_else(|| Err(why.clone())),
            Signers::Each(_) => holds.try_fold(None, |_, held| held.map(Some))?.ok_or(why.clone()),
        }
    }

    /// Runs the strict assertion check with an enrolled key.
    ///
    /// # Errors
    /// `assertion.*`; indeterminate `alg.unsupported`.
    pub fn assertion(
        &self,
        statement: &Statement,
        namespace: Namespace,
        credential: &[u8],
        enrolment: &Enrolment,
    ) -> Result<AssertionFacts, Problem> {
        let Some(assertion) = statement.assertion(namespace) else {
            return Err(Problem::failed("assertion.binding", "no assertion under its namespace"));
        };
        let document = statement.document.bytes();
        self.check_assertion(
            assertion,
            &sshsig::challenge(namespace, document),
            credential,
            enrolment,
        )
    }

    /// The key of an enrolment, decoded once for all that it signs.
    fn ready_key(&self, enrolment: &Enrolment) -> Option<&Arc<ReadyKey>> {
        let (cose, ready) = self.ready.get(&enrolment.credential)?;
        (*cose == enrolment.public_key).then_some(ready)
    }

    /// [`Governance::assertion`] for an assertion that stands in no statement yet.
    ///
    /// # Errors
    /// As there.
    pub fn check_assertion(
        &self,
        assertion: &Assertion,
        challenge: &[u8],
        credential: &[u8],
        enrolment: &Enrolment,
    ) -> Result<AssertionFacts, Problem> {
        if assertion.credential != credential {
            return Err(Problem::failed("assertion.binding", "assertion by another credential")
                .versus(short(credential), short(&assertion.credential)));
        }
        if !self.rules.rp_ids.contains(&enrolment.rp_id) {
            return Err(Problem::failed("assertion.rp_id", "the RP id is not allowed")
                .versus(self.rules.rp_ids.join(", "), &enrolment.rp_id));
        }
        let key = match self.ready_key(enrolment) {
            Some(ready) => Ok(ready.clone()),
            None => ready_key(&enrolment.public_key).map(Arc::new),
        };
        let key = key.map_err(|e| code_problem(e.code(), e.to_string()))?;
        let policy =
            AssertionPolicy::strict(vec![enrolment.rp_id.clone()], self.rules.origins.clone());
        let credential = Credential {
            algorithm: key.public().algorithm(),
            backup_eligible: enrolment.backup_eligible,
            verify: &|message, signature| key.verify_webauthn(message, signature),
        };
        let assertion = webauthn::Assertion {
            credential_id: &assertion.credential,
            authenticator_data: &assertion.authenticator_data,
            client_data_json: &assertion.client_data_json,
            signature: &assertion.signature,
        };
        webauthn::verify_assertion_by(&policy, challenge, &credential, &assertion)
            .map_err(|e| code_problem(e.code(), e.to_string()))
    }
}

/// Reads a COSE_Key and makes it ready.
pub(super) fn ready_key(cose: &[u8]) -> Result<ReadyKey, CryptoError> {
    ReadyKey::new(PublicKey::from_cose(cose)?)
}

/// A bad assertion of an enrolment is a bad lineage; other problems stay what they are.
pub(super) fn lineage_problem(index: u64, problem: Problem) -> Problem {
    if !problem.code.starts_with("assertion.") {
        return problem;
    }
    let detail = format!("enrolment #{index}: {} ({})", problem.detail, problem.code);
    Problem { code: "lineage.assertion", detail, ..problem }
}

fn code_problem(code: &'static str, detail: String) -> Problem {
    if code == "alg.unsupported" {
        Problem::open(code, detail)
    } else {
        Problem::failed(code, detail)
    }
}

/// An entry would matter here, and whether somebody who may has signed it is open or denied.
pub(super) fn unauthorised(index: u64, why: &Problem) -> Problem {
    let detail = format!("governance entry {index}: {} ({})", why.detail, why.code);
    Problem::open("governance.unauthorised", detail)
}
