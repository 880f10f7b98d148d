//! Judging an approval's evidence before it is spent, so that the ledger's word is not enough.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use placet_proto::action::Action;
use placet_proto::document::Body;
use placet_proto::time::UnixSeconds;
use placet_proto::trust::TrustFile;
use placet_verifier::{Evidence, Options, Report, Status, Verdict, verify_bundle};

use super::calls::Bound;
use super::error::cut;
use super::{EnforceError, Enforcer};

/// What the evidence of an approval has to show before it is spent.
///
/// The bundle is fetched from the ledger and judged here by the verifier's code, under a trust file
/// that the operator of this enforcement point pins: never one that came from the ledger. Before an
/// execution a bundle holds the decision, the answers, the governance log, checkpoints and their
/// cosignatures; that is enough for every check that is required then (SPEC.md 9), so that the
/// verdict can be PASSED. Execution, outcome and `not_after` are not in question yet; that the
/// approval has not ended is compared with this machine's clock.
#[derive(Debug, Clone)]
pub struct EvidenceRule {
    /// Whom this enforcement point trusts.
    pub trust: TrustFile,
    /// How long the ledger may take to close time interval and roster, which takes its witnesses'
    /// time; 60 s at most.
    pub wait: Duration,
    /// Codes of required checks that may be INDETERMINATE, such as `time.upper_open` where acting
    /// at once matters more than an interval that is closed. None: only PASSED will do. What FAILED
    /// is never tolerated.
    pub tolerate: Vec<String>,
    /// The audience that approvals have to name; none: any.
    pub audience: Option<String>,
    /// Which actions nothing but an approval permits, whatever the ledger says. All, at first.
    pub required_for: RequiredFor,
}

/// Whether an action needs a person, as the operator of this enforcement point says.
#[derive(Clone)]
pub struct RequiredFor(Arc<dyn Fn(&Action) -> bool + Send + Sync>);

impl RequiredFor {
    /// Every action.
    #[must_use]
    pub fn all() -> Self {
        Self::those(|_| true)
    }

    /// The actions of which `needs` is true. All others the ledger may permit by its word alone.
    #[must_use]
    pub fn those(needs: impl Fn(&Action) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(needs))
    }
}

impl std::fmt::Debug for RequiredFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequiredFor").finish_non_exhaustive()
    }
}

impl EvidenceRule {
    /// Only PASSED under this trust file will do, for every action; the ledger has ten seconds to
    /// close the bundle.
    #[must_use]
    pub fn new(trust: TrustFile) -> Self {
        let wait = Duration::from_secs(10);
        let required_for = RequiredFor::all();
        Self { trust, wait, tolerate: Vec::new(), audience: None, required_for }
    }

    /// Whether a permit may rest on no approval, which is the ledger's word alone.
    pub(super) fn check_unapproved(&self, action: &Action) -> Result<(), EnforceError> {
        match (self.required_for.0)(action) {
            true => Err(failed("answer.absent", "the ledger permits it without an approval")),
            false => Ok(()),
        }
    }

    pub(super) async fn check(
        &self,
        enforcer: &Enforcer,
        bound: &Bound,
        action: &Action,
        resumed: bool,
    ) -> Result<(), EnforceError> {
        let time = enforcer.settings.call_time;
        let bytes = enforcer.calls.evidence(&bound.request, self.wait, time).await?;
        let (mut rule, bound, action) = (self.clone(), bound.clone(), action.clone());
        if resumed {
            // What was spent and never began has no outcome yet.
            rule.tolerate.push("outcome.absent".to_owned());
        }
        let judged = tokio::task::spawn_blocking(move || rule.judge(&bytes, &bound, &action));
        judged.await.unwrap_or_else(|_| Err(failed("enforce.evidence", "the verifier stopped")))
    }

    fn judge(&self, bytes: &Bytes, bound: &Bound, action: &Action) -> Result<(), EnforceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |t| t.as_secs());
        let options = Options { as_of: now, action: Some(action.clone()), ..Options::default() };
        let report = verify_bundle(bytes, &self.trust, &options)
            .map_err(|malformed| failed(malformed.code, &malformed.detail))?;
        self.accept(&report)?;
        let [facts] = report.requests.as_slice() else {
            return Err(failed("enforce.evidence", "it is not about one request"));
        };
        if facts.request != bound.request || facts.answer != Some("approved") {
            return Err(failed("enforce.evidence", "it shows no approval of this request"));
        }
        let ends = facts.not_after.as_deref().and_then(|end| UnixSeconds::parse(end).ok());
        if ends.is_none_or(|end| end.0 <= now) {
            return Err(failed("not_after.expired", "the approval has ended"));
        }
        self.same(bytes, bound)
    }

    /// PASSED, or nothing in the way but what is tolerated.
    fn accept(&self, report: &Report) -> Result<(), EnforceError> {
        let in_the_way = report.checks.iter().find(|check| match check.status {
            Status::Passed => false,
            Status::Failed => true,
            Status::Indeterminate | Status::NotChecked if !check.required => false,
            Status::Indeterminate => {
                !check.code.is_some_and(|code| self.tolerate.iter().any(|t| t == code))
            }
            Status::NotChecked => true,
        });
        match (in_the_way, report.verdict) {
            (None, Verdict::Passed | Verdict::Indeterminate) => Ok(()),
            (Some(check), _) => {
                let detail = format!("{}: {}", check.id, check.detail);
                Err(failed(check.code.unwrap_or("enforce.evidence"), &detail))
            }
            (None, verdict) => {
                Err(failed(report.code.unwrap_or("enforce.evidence"), verdict.word()))
            }
        }
    }

    /// Every approval is of these bytes, this agent and this audience. The verifier has compared
    /// them with one another, and the action with ours.
    fn same(&self, bytes: &Bytes, bound: &Bound) -> Result<(), EnforceError> {
        let evidence = Evidence::parse(bytes).map_err(|e| failed(e.code(), &e.to_string()))?;
        let statements = evidence.main.iter().filter_map(|s| s.parsed.known());
        let approvals = statements.filter_map(|s| match &s.document.body {
            Body::Approval(approval) if approval.request == bound.request => Some(approval),
            _ => None,
        });
        let mut found = false;
        for approval in approvals {
            found = true;
            if approval.action.digest() != bound.action_digest {
                return Err(failed("action.mismatch", "another action was approved"));
            }
            if approval.raw != bound.raw {
                return Err(failed("execution.raw", "other bytes were approved"));
            }
            if approval.initiator != bound.initiator {
                return Err(failed("execution.initiator", "another agent asked for it"));
            }
            if self.audience.as_ref().is_some_and(|own| *own != approval.audience) {
                return Err(failed("execution.audience", "it was given to another PEP"));
            }
        }
        match found {
            true => Ok(()),
            false => Err(failed("answer.absent", "it holds no approval")),
        }
    }
}

fn failed(code: &str, detail: &str) -> EnforceError {
    EnforceError::Evidence { code: code.to_owned(), detail: cut(detail) }
}
