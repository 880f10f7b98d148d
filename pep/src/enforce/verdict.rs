//! What became of an evaluation.

use placet_proto::json::Json;

use super::{Permit, Requestable};
use crate::obligations::{self, Obligation};

/// The answer to "may this run?".
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may, once, and soon.
    Permitted(Permit),
    /// Persons have to approve it first.
    NeedsApproval(Requestable),
    /// It may not.
    Denied(Denied),
}

/// Why something may not run.
#[derive(Debug, Clone, PartialEq)]
pub struct Denied {
    /// The decision point's word, such as `policy_denied`; where persons decided, `denied`,
    /// `expired` or `cancelled`.
    pub reason: String,
    /// A text for the person on whose behalf the agent acts, in English, if there is one.
    pub reason_user: Option<String>,
    /// The id of the evaluation or of the task, if there is one.
    pub id: Option<String>,
    /// Obligations that come with the denial, to be carried out as well as can be; those of a
    /// permit that is denied here because one of them can't be fulfilled.
    pub obligations: Vec<Obligation>,
}

impl Denied {
    pub(super) fn read(context: &Json) -> Self {
        let text = |name: &str| context.get(name).and_then(Json::as_str).map(super::error::cut);
        let user = context.get("reason_user").and_then(|r| r.get("en")).and_then(Json::as_str);
        Self {
            reason: text("reason").unwrap_or_else(|| "policy_denied".to_owned()),
            reason_user: user.map(super::error::cut),
            id: text("evaluation_id"),
            // It is a denial, whatever else can't be read.
            obligations: obligations::read(context).unwrap_or_default(),
        }
    }

    pub(super) fn because(reason: &str, id: &str) -> Self {
        let (reason, id) = (super::error::cut(reason), Some(id.to_owned()));
        Self { reason, reason_user: None, id, obligations: Vec::new() }
    }
}
