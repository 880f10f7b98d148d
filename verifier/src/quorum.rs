//! Whether enough persons approved who count (SPEC.md 9, step 20, and 9.7).

use std::collections::BTreeSet;

use placet_proto::document::{Body, Decision, Quorum, Verdict};
use placet_proto::statement::Statement;

use crate::answers::Given;
use crate::governance::Governance;
use crate::report::Problem;

type Checked = Result<String, Problem>;

/// Approvals of one request, and what bears on whether they suffice.
pub(crate) struct Approvals<'r, 'e> {
    pub(crate) governance: &'r Governance,
    pub(crate) given: &'r [Given<'e>],
    /// Requestable denials of the request with their indexes, ascending.
    pub(crate) decisions: Vec<(u64, &'e Decision)>,
    /// Indexes of statements of the request whose bodies were erased.
    pub(crate) erased: Vec<u64>,
}

/// The requestable denials among the statements of a request.
pub(crate) fn requestable<'e>(statements: &[(u64, &'e Statement)]) -> Vec<(u64, &'e Decision)> {
    let decisions = statements.iter().filter_map(|(index, s)| match &s.document.body {
        Body::Decision(d) if d.decision == Verdict::Requestable => Some((*index, d)),
        _ => None,
    });
    decisions.collect()
}

impl<'e> Approvals<'_, 'e> {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Given<'e>> {
        self.given.iter().filter(|g| g.is_approval())
    }

    /// Step 20: enough distinct persons approved the same thing, and they are those who may.
    pub(crate) fn quorum(&self) -> Checked {
        let Some(first) = self.all().next() else {
            return Err(self.too_few(Problem::failed("quorum.unmet", "nobody approved")));
        };
        if let Some(own) = self.all().find(|g| g.answer.is_own() && !g.answer.quorum.allow_self) {
            let detail = format!("leaf {}: the initiator approved", own.index);
            return Err(Problem::failed("approval.self", detail));
        }
        let action = first.answer.action.digest();
        let same = |g: &Given<'_>| {
            let (a, b) = (g.answer, first.answer);
            a.action.digest() == action
                && a.audience == b.audience
                && a.policy == b.policy
                && a.raw == b.raw
                && a.initiator == b.initiator
                && a.quorum == b.quorum
        };
        if !self.all().all(same) {
            return Err(Problem::failed("quorum.unmet", "the approvals are not of the same thing"));
        }
        self.as_decided()?;
        self.enough(&first.answer.quorum, self.all())
    }

    /// Enough distinct persons among these approvals count.
    pub(crate) fn enough<'g>(
        &self,
        quorum: &Quorum,
        approvals: impl Iterator<Item = &'g Given<'e>>,
    ) -> Checked
    where
        'e: 'g,
    {
        let (mut persons, mut counted) = (BTreeSet::new(), BTreeSet::new());
        for g in approvals {
            let signer = &g.answer.approver;
            persons.insert(signer.person.as_str());
            if self.governance.counts(quorum, &signer.credential, g.answer.after.gov.size) {
                counted.insert(signer.person.as_str());
            }
        }
        let (required, got) = (quorum.required, counted.len() as u64);
        if got >= required {
            return Ok(format!("{got} of {required} asked for"));
        }
        let problem = if persons.len() as u64 >= required {
            Problem::failed("quorum.eligible", "too few of those who approved may")
        } else {
            Problem::failed("quorum.unmet", "too few persons approved")
        };
        Err(self.too_few(problem.versus(required.to_string(), got.to_string())))
    }

    /// What was asked for is what the decision asked for.
    fn as_decided(&self) -> Result<(), Problem> {
        for g in self.all() {
            let last = self.decisions.iter().rfind(|(index, _)| *index < g.index);
            let Some((at, asked)) = last.and_then(|(at, d)| Some((at, d.quorum.as_ref()?))) else {
                continue;
            };
            if *asked != g.answer.quorum {
                let detail = format!("leaf {} and the decision at leaf {at}", g.index);
                return Err(Problem::failed("quorum.decision", detail));
            }
        }
        Ok(())
    }

    /// An approval whose body was erased may have been the one that is missing.
    pub(crate) fn too_few(&self, problem: Problem) -> Problem {
        match self.erased.first() {
            Some(leaf) => Problem::open("body.erased", format!("{}: leaf {leaf}", problem.detail)),
            None => problem,
        }
    }
}
