//! Several evaluations in one request: `POST /access/v1/evaluations`.

use placet_proto::{
    action::{Action, ActionError},
    jcs,
    json::{self, Json},
};

use super::{AuthzenError, EvaluationRequest, EvaluationResponse, MAX_BODY_BYTES};

/// The most evaluations in one request.
pub const MAX_ITEMS: usize = 100;

/// The parts of an evaluation that may have a default, and which of their members an item may
/// leave to it.
const PARTS: [(&str, &[&str]); 4] = [
    ("subject", &["type", "id"]),
    ("action", &["name"]),
    ("resource", &["type", "id"]),
    ("context", &[]),
];

/// A request with any number of evaluations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationsRequest {
    /// Without evaluations of its own the request is a single one, and so is the response.
    Single(EvaluationRequest),
    /// Items in order; one that is no evaluation request fails alone.
    Batch {
        /// The evaluations.
        items: Vec<Result<EvaluationRequest, AuthzenError>>,
        /// When to stop.
        semantic: Semantic,
    },
}

/// What of a default an item takes that brings an object of its own in its place. The standard's
/// certification scenario replaces the whole object; the conformance suite of the OpenID Foundation
/// has a test in which an item leaves a `type` to the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Merging {
    /// Its `type`, `id` and `name`, where the item's object lacks them; never properties. Answers
    /// both as they ask.
    #[default]
    FillIdentifiers,
    /// Nothing: an item's object is complete or an error.
    Replace,
}

/// `options.evaluations_semantic`: when the evaluation of a batch ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantic {
    /// After the last item.
    #[default]
    ExecuteAll,
    /// After the first denial, which is the last item of the response.
    DenyOnFirstDeny,
    /// After the first permit, which is the last item of the response.
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether the item with this decision is the last.
    #[must_use]
    pub fn ends_at(self, decision: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !decision,
            Self::PermitOnFirstPermit => decision,
        }
    }
}

impl EvaluationsRequest {
    /// Reads a body. An item's subject, action, resource and context each replace the default as a
    /// whole, but for what `merging` says.
    ///
    /// # Errors
    /// Any [`AuthzenError`] for the request as a whole; faults of single items are in the items.
    pub fn parse(body: &[u8], merging: Merging) -> Result<Self, AuthzenError> {
        let value = json::parse_limited(body, MAX_BODY_BYTES)?;
        if value.as_object().is_none() {
            return Err(ActionError::Type("the request").into());
        }
        let semantic = semantic(&value)?;
        let items = match value.get("evaluations") {
            None => &[],
            Some(items) => items.as_array().ok_or(ActionError::Type("evaluations"))?,
        };
        if items.is_empty() {
            let action = Action::from_request(&value)?;
            return Ok(Self::Single(EvaluationRequest::new(action)));
        }
        if items.len() > MAX_ITEMS {
            return Err(AuthzenError::TooMany(items.len()));
        }
        let read = |item| {
            let merged = merge(&value, item, merging)?;
            Ok(EvaluationRequest::new(Action::from_request(&merged)?))
        };
        Ok(Self::Batch { items: items.iter().map(read).collect(), semantic })
    }
}

impl EvaluationResponse {
    /// The answer to an item that is no evaluation request: a denial that says so.
    #[must_use]
    pub fn item_error(error: &AuthzenError) -> Self {
        let status = u32::from(error.status());
        let detail = [("status", Json::from(status)), ("message", error.to_string().into())];
        Self { decision: false, context: Json::object([("error", Json::object(detail))]) }
    }
}

/// The body of the answer to a batch, as canonical JSON: the items' responses, in order.
#[must_use]
pub fn batch_response(responses: &[EvaluationResponse]) -> Vec<u8> {
    let items: Vec<Json> = responses.iter().map(EvaluationResponse::to_json).collect();
    jcs::to_bytes(&Json::object([("evaluations", Json::Array(items))]))
}

fn semantic(request: &Json) -> Result<Semantic, AuthzenError> {
    let Some(options) = request.get("options") else { return Ok(Semantic::default()) };
    options.as_object().ok_or(ActionError::Type("options"))?;
    let Some(value) = options.get("evaluations_semantic") else { return Ok(Semantic::default()) };
    match value.as_str() {
        Some("execute_all") => Ok(Semantic::ExecuteAll),
        Some("deny_on_first_deny") => Ok(Semantic::DenyOnFirstDeny),
        Some("permit_on_first_permit") => Ok(Semantic::PermitOnFirstPermit),
        _ => Err(AuthzenError::Semantic),
    }
}

fn merge(defaults: &Json, item: &Json, merging: Merging) -> Result<Json, ActionError> {
    item.as_object().ok_or(ActionError::Type("an item of evaluations"))?;
    let mut merged = Json::Object(Vec::new());
    for (part, required) in PARTS {
        let default = defaults.get(part);
        let Some(mut value) = item.get(part).or(default).cloned() else { continue };
        let fill = merging == Merging::FillIdentifiers;
        for member in required.iter().filter(|_| fill) {
            let missing = value.get(member).is_none();
            if let Some(given) = default.and_then(|d| d.get(member)).filter(|_| missing) {
                value.insert(*member, given.clone());
            }
        }
        merged.insert(part, value);
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(body: &str) -> (Vec<Result<EvaluationRequest, AuthzenError>>, Semantic) {
        match EvaluationsRequest::parse(body.as_bytes(), Merging::default()).unwrap() {
            EvaluationsRequest::Batch { items, semantic } => (items, semantic),
            EvaluationsRequest::Single(request) => panic!("single: {request:?}"),
        }
    }

    fn canonical(item: &Result<EvaluationRequest, AuthzenError>) -> String {
        String::from_utf8(item.as_ref().unwrap().action().canonical_bytes()).unwrap()
    }

    const DEFAULTS: &str = r#"{"subject":{"type":"user","id":"a"},"action":{"name":"read"},
        "resource":{"type":"record","properties":{"status":"archived"}},"context":{"k":1},"#;

    #[test]
    fn items_replace_defaults_as_a_whole() {
        let (items, semantic) = batch(&format!(
            r#"{DEFAULTS}"evaluations":[{{"resource":{{"id":"1"}}}},{{"resource":{{"type":"doc",
            "id":"2"}},"action":{{"name":"write"}},"context":{{}},"other":1}},{{}},7]}}"#
        ));
        assert_eq!((items.len(), semantic), (4, Semantic::ExecuteAll));
        assert_eq!(
            canonical(&items[0]),
            r#"{"action":{"name":"read"},"context":{"k":1},"resource":{"id":"1","type":"record"},"subject":{"id":"a","type":"user"}}"#
        );
        assert_eq!(
            canonical(&items[1]),
            r#"{"action":{"name":"write"},"context":{},"resource":{"id":"2","type":"doc"},"subject":{"id":"a","type":"user"}}"#
        );
        // The default resource has no id, so the third item has none either.
        assert_eq!(items[2].as_ref().unwrap_err().code(), "action.missing");
        assert_eq!(items[3].as_ref().unwrap_err().code(), "action.type");
        let answer = EvaluationResponse::item_error(items[2].as_ref().unwrap_err());
        let permit =
            EvaluationResponse { decision: true, context: Json::object([("x", 1.into())]) };
        assert_eq!(
            String::from_utf8(batch_response(&[permit, answer])).unwrap(),
            concat!(
                r#"{"evaluations":[{"context":{"x":1},"decision":true},{"context":{"error":{"#,
                r#""message":"the body is not an evaluation request: resource.id is missing","#,
                r#""status":400}},"decision":false}]}"#
            )
        );
    }

    #[test]
    fn items_are_complete_where_defaults_are_replaced() {
        let body = format!(
            r#"{DEFAULTS}"evaluations":[{{"resource":{{"id":"1"}}}},
            {{"resource":{{"type":"record","id":"1"}}}}]}}"#
        );
        let parsed = EvaluationsRequest::parse(body.as_bytes(), Merging::Replace).unwrap();
        let EvaluationsRequest::Batch { items, .. } = parsed else { panic!("single") };
        assert_eq!(items[0].as_ref().unwrap_err().code(), "action.missing");
        assert!(items[1].is_ok());
    }

    #[test]
    fn without_items_it_is_a_single_evaluation() {
        let single = r#"{"subject":{"type":"user","id":"a"},"action":{"name":"read"},
            "resource":{"type":"record","id":"1"}"#;
        for rest in ["}", r#","evaluations":[]}"#] {
            let body = format!("{single}{rest}");
            let parsed = EvaluationsRequest::parse(body.as_bytes(), Merging::default()).unwrap();
            let expected = EvaluationRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(parsed, EvaluationsRequest::Single(expected));
        }
    }

    #[test]
    fn semantics_end_a_batch_where_the_standard_says() {
        for (name, semantic, after_permit, after_denial) in [
            ("execute_all", Semantic::ExecuteAll, false, false),
            ("deny_on_first_deny", Semantic::DenyOnFirstDeny, false, true),
            ("permit_on_first_permit", Semantic::PermitOnFirstPermit, true, false),
        ] {
            let options = format!(r#""options":{{"evaluations_semantic":"{name}"}}"#);
            let (_, parsed) = batch(&format!(r#"{DEFAULTS}"evaluations":[{{}}],{options}}}"#));
            assert_eq!(parsed, semantic);
            assert_eq!((parsed.ends_at(true), parsed.ends_at(false)), (after_permit, after_denial));
        }
    }

    #[test]
    fn faults_of_the_whole_are_refused() {
        let many = vec!["{}"; MAX_ITEMS + 1].join(",");
        for (body, code) in [
            ("[]".to_owned(), "action.type"),
            (format!(r#"{DEFAULTS}"evaluations":{{}}}}"#), "action.type"),
            (format!(r#"{DEFAULTS}"evaluations":[{many}]}}"#), "authzen.too_many"),
            (format!(r#"{DEFAULTS}"options":1,"evaluations":[{{}}]}}"#), "action.type"),
            (
                format!(
                    r#"{DEFAULTS}"options":{{"evaluations_semantic":"any"}},"evaluations":[{{}}]}}"#
                ),
                "authzen.semantic",
            ),
            (format!(r#"{DEFAULTS}"evaluations":[],"evaluations":[]}}"#), "json.duplicate_key"),
        ] {
            let error = EvaluationsRequest::parse(body.as_bytes(), Merging::default()).unwrap_err();
            assert_eq!((error.code(), error.status()), (code, 400), "{body}");
        }
    }
}
