//! Whether enrolments, revocations and policies stand (SPEC.md 9.3).

use placet_proto::document::{Enrolment, KeyClass, Policy, Revocation, Role, Signer};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;

use super::signing::{ADMINISTRATOR, Signers, lineage_problem};
use super::{Governance, MAX_LINEAGE, key_of, short};
use crate::report::Problem;

impl Governance {
    pub(super) fn judge_enrolment(
        &self,
        e: &Enrolment,
        index: u64,
        statement: &Statement,
    ) -> Result<(), Problem> {
        if e.class == KeyClass::Software && !self.rules.allow_software {
            return Err(Problem::failed("trust.dev_log", "the passkey is a software key"));
        }
        self.assertion(statement, Namespace::EnrolPossess, &e.credential, e)
            .map_err(|p| lineage_problem(index, p))?;
        if let Some(at) = e.recovery {
            // Of a root too: a root says whose the key is, not that nobody objected.
            self.judge_recovery(e, at, index)?;
            let detail = format!("enrolment #{index} of {} is a recovery", short(&e.credential));
            let known = self.is_root(e);
            return if known { Ok(()) } else { Err(Problem::open("lineage.recovery", detail)) };
        }
        if self.is_root(e) {
            return Ok(());
        }
        let Some(authoriser) = &e.authoriser else {
            return Err(Problem::open(
                "lineage.operator_asserted",
                format!("enrolment #{index} of {} is authorised by nobody", short(&e.credential)),
            ));
        };
        let may = if authoriser.person == e.person {
            self.same_name(e, authoriser, index)?;
            // A person's second key: the first gives what it has, and no more.
            Signers::Each(&e.roles)
        } else {
            ADMINISTRATOR
        };
        let n = e.after.gov.size;
        self.signed_by(may, statement, authoriser, Namespace::EnrolAuthorise, n, index)
            .map_err(|p| lineage_problem(index, p))?;
        if self.depths.get(&authoriser.credential).is_some_and(|d| *d >= MAX_LINEAGE) {
            let detail = format!("enrolment #{index} is more than {MAX_LINEAGE} from a root");
            return Err(Problem::open("lineage.depth", detail));
        }
        Ok(())
    }

    /// A person's own key gives a second one no other name: names are given by administrators.
    fn same_name(&self, e: &Enrolment, authoriser: &Signer, index: u64) -> Result<(), Problem> {
        let first = self.enrolments.get(&authoriser.credential).map(|first| &first.document);
        match first {
            Some(first) if first.name_commitment != e.name_commitment => Err(Problem::failed(
                "lineage.name",
                format!("enrolment #{index} commits to another name than its authoriser's"),
            )),
            _ => Ok(()),
        }
    }

    /// Whoever holds a key may always say that it is lost, whether or not it was revoked before;
    /// an administrator may say so of any key, and an approver too of one that was announced for a
    /// recovery and is not enrolled yet. A key that only the operator says is that person's may
    /// not: else he could revoke whom he likes.
    pub(super) fn judge_revocation(
        &self,
        r: &Revocation,
        index: u64,
        statement: &Statement,
    ) -> Result<(), Problem> {
        let (signer, n) = (&r.signer, r.after.gov.size);
        let announced = self.is_announced(&r.credential, &r.key, n);
        let enrolled = self.enrolments.get(&r.credential);
        let named = enrolled.is_some_and(|e| key_of(&e.document.public_key) == r.key);
        if !announced && !named {
            let detail = format!("{} has another key, or none", short(&r.credential));
            return Err(Problem::failed("revocation.key", detail));
        }
        let of = |c: &[u8]| self.enrolments.get(c).filter(|e| e.index < n).map(|e| &e.document);
        let stands = self.enrolments.get(&signer.credential).is_some_and(|e| e.authorised.is_ok());
        if let (true, Some(own), Some(target)) =
            (stands || signer.credential == r.credential, of(&signer.credential), of(&r.credential))
            && own.person == target.person
            && own.person == signer.person
        {
            return self
                .assertion(statement, Namespace::Revoke, &signer.credential, own)
                .map(|_| ());
        }
        let objects = Signers::Any(&[Role::Administrator, Role::Approver]);
        let may = if announced { objects } else { ADMINISTRATOR };
        self.signed_by(may, statement, signer, Namespace::Revoke, n, index)
    }

    pub(super) fn judge_policy(
        &self,
        p: &Policy,
        index: u64,
        statement: &Statement,
    ) -> Result<(), Problem> {
        match &p.authorised {
            // Authorised by genesis alone: `policy_at` compares the manifest.
            None if index == 2 => Ok(()),
            None => Err(Problem::failed(
                "lineage.assertion",
                format!("policy entry {index} is unsigned"),
            )),
            Some(_) if self.overtaken(&statement.document.body) => Err(Problem::failed(
                "order.index",
                format!("policy entry {index} was signed before another came into force"),
            )),
            Some((signer, after)) => {
                let n = after.gov.size;
                self.signed_by(ADMINISTRATOR, statement, signer, Namespace::Policy, n, index)
            }
        }
    }
}
