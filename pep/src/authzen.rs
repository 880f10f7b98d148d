//! AuthZEN Authorization API 1.0: evaluation requests and responses, as bytes and types.
//!
//! Denials that an approval would change have the shape of the Access Request and Approval Profile
//! (ARAP): `context.reason` = `approval_required` and `context.access_request`. HTTP is elsewhere.

mod batch;
mod search;

use placet_proto::{
    action::{Action, ActionError},
    document::SessionSeen,
    jcs,
    json::{self, Json, JsonError},
    time::UnixSeconds,
};

pub use batch::{EvaluationsRequest, MAX_ITEMS, Merging, Semantic, batch_response};
pub use search::{MAX_PAGE, SearchKind, SearchRequest, search_response};

use crate::obligations;
use crate::pdp::{Denial, Evaluation, Outcome, Requirement, VerifiedApproval};

/// The longest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 18;

/// One evaluation request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationRequest {
    action: Action,
    approval: Option<VerifiedApproval>,
    session: Option<Box<SessionSeen>>,
}

impl EvaluationRequest {
    /// Reads the body of `POST /access/v1/evaluation`. Unknown top-level members are ignored.
    ///
    /// # Errors
    /// Any [`AuthzenError`]; answer 400 with its text.
    pub fn parse(body: &[u8]) -> Result<Self, AuthzenError> {
        let value = json::parse_limited(body, MAX_BODY_BYTES)?;
        Ok(Self::new(Action::from_request(&value)?))
    }

    /// A request without approvals. `context.approval` of the action, which is the caller's claim,
    /// never reaches a policy.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self { action, approval: None, session: None }
    }

    /// The same request, to be evaluated again with approvals that the caller has verified.
    #[must_use]
    pub fn with_approval(self, approval: VerifiedApproval) -> Self {
        Self { approval: Some(approval), ..self }
    }

    /// The same request with what is known of its session. Never build that from what a request
    /// says: it is what policies see as `context.session`.
    #[must_use]
    pub fn in_session(self, seen: SessionSeen) -> Self {
        Self { session: Some(Box::new(seen)), ..self }
    }

    /// The action asked about.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// What is known of the session, if that was looked up.
    #[must_use]
    pub fn session(&self) -> Option<&SessionSeen> {
        self.session.as_deref()
    }

    /// The verified approvals, if any.
    #[must_use]
    pub fn approval(&self) -> Option<&VerifiedApproval> {
        self.approval.as_ref()
    }
}

/// Why a body is not an evaluation request. The text names the member and is fit for the 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthzenError {
    /// Not strict JSON; duplicate members are refused.
    #[error("the body is not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// Not a subject, action, resource and context.
    #[error("the body is not an evaluation request: {0}")]
    Action(#[from] ActionError),
    /// More evaluations than [`MAX_ITEMS`].
    #[error("{0} evaluations, at most {MAX_ITEMS} are accepted")]
    TooMany(usize),
    /// A `page` that is none, or a token that is of another search or policy.
    #[error("page: {0}")]
    Page(&'static str),
    /// An `options.evaluations_semantic` that the standard does not have.
    #[error("options.evaluations_semantic is none that the standard defines")]
    Semantic,
}

impl AuthzenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(e) => e.code(),
            Self::Action(e) => e.code(),
            Self::TooMany(_) => "authzen.too_many",
            Self::Page(_) => "authzen.page",
            Self::Semantic => "authzen.semantic",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Json(JsonError::Limit { .. }) | Self::Action(ActionError::Limit(_)) => 413,
            Self::Json(_) | Self::Action(_) | Self::TooMany(_) | Self::Page(_) | Self::Semantic => {
                400
            }
        }
    }
}

/// What the service adds to an evaluation to make a response of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseMeta {
    /// `context.evaluation_id`: resolves to this evaluation until the denial expires.
    pub evaluation_id: String,
    /// `context.evaluated_at`.
    pub evaluated_at: UnixSeconds,
    /// Where and until when an approval may be asked for; `None`: a requestable denial is given as
    /// a plain one.
    pub access_request: Option<AccessRequest>,
    /// The approval that a permit rests on, to be repeated to the caller.
    pub approval: Option<ApprovalEcho>,
    /// Whether the request brought an approval: a denial then says what to do next.
    pub claimed: bool,
    /// Why that approval does not count.
    pub refused: Option<Denial>,
}

/// ARAP `context.access_request`, save what the policy itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// URL of the access request endpoint.
    pub endpoint: String,
    /// When the denial stops being requestable.
    pub expires_at: UnixSeconds,
    /// What binds a submission to this denial: a JWS.
    pub binding_token: Option<String>,
    /// A heading for people.
    pub title: String,
}

/// ARAP: a permit after re-evaluation repeats the approval that it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalEcho {
    /// The approval's id.
    pub id: String,
    /// When it stops counting.
    pub approved_until: UnixSeconds,
}

/// An evaluation response; always HTTP 200, denials included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationResponse {
    /// Whether the action may go ahead.
    pub decision: bool,
    /// `context`: an object.
    pub context: Json,
}

impl EvaluationResponse {
    /// Puts an evaluation into the profile's words.
    #[must_use]
    pub fn new(evaluation: &Evaluation, meta: &ResponseMeta) -> Self {
        let mut context = Json::object([
            ("evaluation_id", Json::from(meta.evaluation_id.as_str())),
            ("evaluated_at", meta.evaluated_at.to_string().into()),
        ]);
        let decision = matches!(evaluation.outcome, Outcome::Permit(_));
        if !evaluation.obligations.is_empty() {
            context.insert("obligations", obligations::to_json(&evaluation.obligations));
        }
        match (&evaluation.outcome, &meta.access_request, &meta.approval) {
            (Outcome::Permit(Some(_)), _, Some(echo)) => {
                let until = echo.approved_until.to_string();
                let echo = [("id", Json::from(echo.id.as_str())), ("approved_until", until.into())];
                context.insert("approval", Json::object(echo));
            }
            (Outcome::Permit(_), ..) => {}
            (Outcome::Requestable(requirement), Some(request), _) => {
                let why = meta.refused.as_ref().map_or("approval_required", reason);
                context.insert("reason", why.into());
                context.insert("access_request", access_request(requirement, request));
                if meta.claimed {
                    context.insert("next_action", NextAction::Request.name().into());
                }
            }
            (Outcome::Requestable(_), None, _) => context.insert("reason", "policy_denied".into()),
            (Outcome::Deny(denial), ..) => {
                context.insert("reason", reason(denial).into());
                if denial.code == "pdp.quorum_unmet" {
                    let text = [("en", Json::from(denial.detail.as_str()))];
                    context.insert("reason_user", Json::object(text));
                }
                if meta.claimed {
                    context.insert("next_action", NextAction::None.name().into());
                }
            }
        }
        Self { decision, context }
    }

    /// A denial for a fault of the service itself, such as a ledger that cannot record.
    #[must_use]
    pub fn fault(reason: &str) -> Self {
        Self { decision: false, context: Json::object([("reason", Json::from(reason))]) }
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let (decision, context) = (Json::Bool(self.decision), self.context.clone());
        Json::object([("decision", decision), ("context", context)])
    }

    /// The body, as canonical JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        jcs::to_bytes(&self.to_json())
    }
}

fn access_request(requirement: &Requirement, request: &AccessRequest) -> Json {
    let mut display = Json::object([("title", Json::from(request.title.as_str()))]);
    if let Some(reason) = &requirement.reason {
        display.insert("description", reason.as_str().into());
    }
    let mut out = Json::object([
        ("endpoint", Json::from(request.endpoint.as_str())),
        ("expires_at", request.expires_at.to_string().into()),
        ("display", display),
    ]);
    if let Some(token) = &request.binding_token {
        out.insert("binding_token", token.as_str().into());
    }
    if let Some(template) = &requirement.template {
        out.insert("template", template.as_str().into());
    }
    out
}

/// What to do after a denial in spite of an approval (ARAP, `next_action`). `retry` is for grants
/// that are on their way; here none ever is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAction {
    /// Ask for another approval.
    Request,
    /// Nothing helps.
    None,
}

impl NextAction {
    /// What the registry says for the reason of a denial.
    #[must_use]
    pub fn of(denial: &Denial) -> Self {
        match reason(denial) {
            "approval_expired" | "out_of_scope" => Self::Request,
            _ => Self::None,
        }
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::None => "none",
        }
    }
}

/// ARAP's reasons for denials of a re-evaluation. It has no word for a quorum that nobody can meet;
/// all else is `policy_denied`.
fn reason(denial: &Denial) -> &'static str {
    match denial.code {
        "pdp.approval_expired" | "pdp.approval_spent" => "approval_expired",
        "pdp.approval_unverifiable" => "approval_unverifiable",
        "pdp.quorum_unmet" => "approvers_unavailable",
        "pdp.approval_digest" | "pdp.approval_method" | "pdp.approval_quorum" => "out_of_scope",
        _ => "policy_denied",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = r#"{"subject":{"type":"user","id":"a"},"action":{"name":"can_read"},
        "resource":{"type":"doc","id":"1"},"extra":true}"#;

    fn evaluation(outcome: Outcome) -> Evaluation {
        Evaluation::of(outcome, [0; 32])
    }

    fn meta() -> ResponseMeta {
        ResponseMeta {
            evaluation_id: "eval_1".to_owned(),
            evaluated_at: UnixSeconds(0),
            access_request: Some(AccessRequest {
                endpoint: "https://pdp.example.com/access/v1/requests".to_owned(),
                expires_at: UnixSeconds(600),
                binding_token: None,
                title: "Disable a user".to_owned(),
            }),
            approval: None,
            claimed: false,
            refused: None,
        }
    }

    fn body(outcome: Outcome, meta: &ResponseMeta) -> String {
        let response = EvaluationResponse::new(&evaluation(outcome), meta);
        String::from_utf8(response.to_bytes()).unwrap()
    }

    #[test]
    fn requests_are_strict_where_the_standard_lets_them_be() {
        let request = EvaluationRequest::parse(READ.as_bytes()).unwrap();
        assert_eq!(request.action().name(), "can_read");
        assert_eq!(request.approval(), None);
        for (from, to, code, text) in [
            ("\"extra\":true", "\"extra\":1,\"extra\":1", "json.duplicate_key", "\"extra\""),
            ("\"id\":\"1\"", "\"id\":\"1\",\"\\u0069d\":\"2\"", "json.duplicate_key", "\"id\""),
            ("\"id\":\"1\"", "\"id\":1", "action.type", "resource.id"),
            ("\"action\"", "\"acton\"", "action.missing", "action is missing"),
            ("\"extra\":true", "\"context\":[]", "action.type", "context"),
        ] {
            let error = EvaluationRequest::parse(READ.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!((error.code(), error.status()), (code, 400), "{to}");
            assert!(error.to_string().contains(text), "{error}");
        }
        let error = EvaluationRequest::parse(b"[]").unwrap_err();
        assert_eq!((error.code(), error.status()), ("action.type", 400));
        let error = EvaluationRequest::parse(&[b' '; MAX_BODY_BYTES + 1]).unwrap_err();
        assert_eq!((error.code(), error.status()), ("json.limit", 413));
    }

    #[test]
    fn requestable_denials_have_the_profiles_shape() {
        let requirement = Requirement {
            quorum: 1,
            template: Some("disable_user".to_owned()),
            reason: Some("It locks a person out".to_owned()),
            ..Requirement::default()
        };
        let expected = concat!(
            r#"{"context":{"access_request":{"display":{"description":"It locks a person out","#,
            r#""title":"Disable a user"},"endpoint":"https://pdp.example.com/access/v1/requests","#,
            r#""expires_at":"1970-01-01T00:10:00Z","template":"disable_user"},"#,
            r#""evaluated_at":"1970-01-01T00:00:00Z","evaluation_id":"eval_1","#,
            r#""reason":"approval_required"},"decision":false}"#,
        );
        assert_eq!(body(Outcome::Requestable(requirement.clone()), &meta()), expected);
        let closed = ResponseMeta { access_request: None, ..meta() };
        let plain = body(Outcome::Requestable(requirement), &closed);
        assert!(plain.contains(r#""reason":"policy_denied"},"decision":false}"#), "{plain}");
    }

    #[test]
    fn permits_repeat_the_approval_that_they_used() {
        let echo = ApprovalEcho { id: "apr_1".to_owned(), approved_until: UnixSeconds(60) };
        let meta = ResponseMeta { approval: Some(echo), ..meta() };
        let used = body(Outcome::Permit(Some(Requirement::default())), &meta);
        assert!(used.starts_with(
            r#"{"context":{"approval":{"approved_until":"1970-01-01T00:01:00Z","id":"apr_1"}"#
        ));
        assert!(used.ends_with(r#""decision":true}"#), "{used}");
        assert!(!body(Outcome::Permit(None), &meta).contains("approval"));
    }

    #[test]
    fn a_denial_in_spite_of_an_approval_says_what_to_do_next() {
        let denial = |code| Denial { code, detail: String::new() };
        for (code, reason, next) in [
            ("pdp.approval_expired", "approval_expired", NextAction::Request),
            ("pdp.approval_spent", "approval_expired", NextAction::Request),
            ("pdp.approval_digest", "out_of_scope", NextAction::Request),
            ("pdp.approval_quorum", "out_of_scope", NextAction::Request),
            ("pdp.approval_unverifiable", "approval_unverifiable", NextAction::None),
            ("pdp.denied", "policy_denied", NextAction::None),
        ] {
            assert_eq!(NextAction::of(&denial(code)), next);
            let meta = ResponseMeta { claimed: true, refused: Some(denial(code)), ..meta() };
            let text = match next {
                NextAction::Request => body(Outcome::Requestable(Requirement::default()), &meta),
                NextAction::None => body(Outcome::Deny(denial(code)), &meta),
            };
            assert!(text.contains(&format!("\"reason\":\"{reason}\"")), "{text}");
            assert!(text.contains(&format!("\"next_action\":\"{}\"", next.name())), "{text}");
            assert_eq!(text.contains("access_request"), next == NextAction::Request, "{text}");
        }
    }

    #[test]
    fn denials_say_what_a_caller_may_know_and_no_more() {
        for (code, reason) in [
            ("pdp.denied", "policy_denied"),
            ("pdp.policy_error", "policy_denied"),
            ("pdp.approval_expired", "approval_expired"),
            ("pdp.approval_digest", "out_of_scope"),
        ] {
            let text = body(Outcome::Deny(Denial { code, detail: "secret".to_owned() }), &meta());
            assert!(text.contains(&format!("\"reason\":\"{reason}\"")), "{text}");
            assert!(!text.contains("secret") && text.contains("\"decision\":false"), "{text}");
        }
        let unmet = Denial { code: "pdp.quorum_unmet", detail: "2 persons have to".to_owned() };
        let text = body(Outcome::Deny(unmet), &meta());
        assert!(text.contains(r#""reason":"approvers_unavailable","reason_user":{"en":"2 per"#));
        let fault = EvaluationResponse::fault("ledger_unavailable").to_bytes();
        assert_eq!(fault, br#"{"context":{"reason":"ledger_unavailable"},"decision":false}"#);
    }
}
