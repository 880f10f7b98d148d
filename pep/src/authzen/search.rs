//! Searches: `POST /access/v1/search/subject`, `/resource` and `/action`.

use placet_proto::{
    action::{Action, ActionError},
    jcs,
    json::{self, Json},
    sha256,
};

use super::{AuthzenError, MAX_BODY_BYTES};
use crate::pdp::Found;

/// The most results on one page.
pub const MAX_PAGE: usize = 100;
/// The longest token that is read, in bytes.
const MAX_TOKEN: usize = 8192;
/// Stands where the searched id does, so that the rest of a search is judged like a request.
const PLACEHOLDER: &str = "searched";

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// Subjects of a type that may do this to that.
    Subject,
    /// Resources of a type to which this subject may do that.
    Resource,
    /// Actions that this subject may do to that resource.
    Action,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    kind: SearchKind,
    /// The request that each candidate is tried with, but for the candidate itself.
    request: Json,
    token: Option<String>,
    limit: usize,
    /// Where this page begins: at this one of all candidates.
    start: usize,
}

impl SearchKind {
    /// The member of a request that is searched.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

impl SearchRequest {
    /// Reads a body. An id of what is searched is ignored, and of an action search the action.
    ///
    /// # Errors
    /// Any [`AuthzenError`]; answer 400 with its text.
    pub fn parse(kind: SearchKind, body: &[u8]) -> Result<Self, AuthzenError> {
        let mut request = json::parse_limited(body, MAX_BODY_BYTES)?;
        if request.as_object().is_none() {
            return Err(ActionError::Type("the request").into());
        }
        let page = request.remove("page");
        let (token, limit) = page.as_ref().map_or(Ok((None, MAX_PAGE)), read_page)?;
        let searched = match kind {
            SearchKind::Action => Json::object([("name", Json::from(PLACEHOLDER))]),
            SearchKind::Subject | SearchKind::Resource => {
                let given = request.get(kind.member()).cloned();
                let mut given = given.ok_or(ActionError::Missing(kind.member()))?;
                given.as_object().ok_or(ActionError::Type(kind.member()))?;
                given.insert("id", PLACEHOLDER.into());
                given
            }
        };
        request.insert(kind.member(), searched);
        let request = Action::from_request(&request)?.to_json();
        Ok(Self { kind, request, token, limit, start: 0 })
    }

    /// The same search from where a token says that its next page begins.
    #[must_use]
    pub fn beginning_at(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// What is searched.
    #[must_use]
    pub fn kind(&self) -> SearchKind {
        self.kind
    }

    /// The token of a further page, as it came.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The most results of this page, 1 to [`MAX_PAGE`].
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many candidates earlier pages tried; this page begins with the next one.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Tells one search from another, whatever the page: SHA-256 of what is asked.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let named = Json::object([
            ("request", self.request.clone()),
            ("search", Json::from(self.kind.member())),
        ]);
        sha256(&jcs::to_bytes(&named))
    }

    /// The request, with a placeholder for what is searched.
    ///
    /// # Errors
    /// [`ActionError`] for none that [`SearchRequest::parse`] lets through.
    pub fn template(&self) -> Result<Action, ActionError> {
        Action::from_request(&self.request)
    }

    /// The request that this candidate has to be permitted.
    ///
    /// # Errors
    /// [`ActionError`] for an id that no request may have.
    pub fn candidate(&self, id: &str) -> Result<Action, ActionError> {
        let mut request = self.request.clone();
        let member = self.kind.member();
        let mut searched = request.get(member).cloned().unwrap_or(Json::Null);
        let name = if self.kind == SearchKind::Action { "name" } else { "id" };
        searched.insert(name, id.into());
        request.insert(member, searched);
        Action::from_request(&request)
    }
}

/// The body of an answer. `next`: the token of the next page.
#[must_use]
pub fn search_response(search: &SearchRequest, found: &Found, next: Option<&str>) -> Vec<u8> {
    let kind = search.request.get(search.kind.member()).and_then(|searched| searched.get("type"));
    let result = |id: &String| match (search.kind, kind) {
        (SearchKind::Action, _) | (_, None) => Json::object([("name", Json::from(id.as_str()))]),
        (_, Some(kind)) => Json::object([("type", kind.clone()), ("id", id.as_str().into())]),
    };
    let results: Vec<Json> = found.ids.iter().map(result).collect();
    let count = u32::try_from(results.len()).unwrap_or(u32::MAX);
    let page = [("next_token", Json::from(next.unwrap_or_default())), ("count", count.into())];
    jcs::to_bytes(&Json::object([("page", Json::object(page)), ("results", results.into())]))
}

fn read_page(page: &Json) -> Result<(Option<String>, usize), AuthzenError> {
    if page.as_object().is_none() {
        return Err(ActionError::Type("page").into());
    }
    let token = match page.get("token") {
        None => None,
        // An empty one is how an answer says that there is no further page.
        Some(Json::String(token)) if token.is_empty() => None,
        Some(Json::String(token)) if token.len() <= MAX_TOKEN => Some(token.clone()),
        Some(_) => return Err(AuthzenError::Page("the token is none that was given here")),
    };
    let limit = match page.get("limit") {
        None => MAX_PAGE,
        Some(limit) => match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit) if limit > 0 => limit.min(MAX_PAGE),
            _ => return Err(AuthzenError::Page("limit is a positive number")),
        },
    };
    Ok((token, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = r#""action":{"name":"read"},"resource":{"type":"record","id":"1"}}"#;

    fn subjects(start: &str) -> Result<SearchRequest, AuthzenError> {
        SearchRequest::parse(SearchKind::Subject, format!("{start}{REST}").as_bytes())
    }

    #[test]
    fn what_is_searched_needs_a_type_and_no_id() {
        let search = subjects(r#"{"subject":{"type":"user","id":"x"},"more":1,"#).unwrap();
        assert_eq!(search, subjects(r#"{"subject":{"type":"user"},"#).unwrap());
        assert_eq!(search.candidate("alice").unwrap().subject_ref(), ("user", "alice"));
        assert_eq!(search.limit(), MAX_PAGE);
        for (start, code) in [
            ("{", "action.missing"),
            (r#"{"subject":{"id":"x"},"#, "action.missing"),
            (r#"{"subject":"user","#, "action.type"),
            (r#"{"subject":{"type":"user"},"page":1,"#, "action.type"),
            (r#"{"subject":{"type":"user"},"page":{"limit":0},"#, "authzen.page"),
            (r#"{"subject":{"type":"user"},"page":{"limit":"1"},"#, "authzen.page"),
            (r#"{"subject":{"type":"user"},"page":{"token":1},"#, "authzen.page"),
        ] {
            let error = subjects(start).unwrap_err();
            assert_eq!((error.code(), error.status()), (code, 400), "{start}");
        }
        let actions = format!(r#"{{"subject":{{"type":"user","id":"a"}},{REST}"#);
        let actions = SearchRequest::parse(SearchKind::Action, actions.as_bytes()).unwrap();
        assert_eq!(actions.candidate("write").unwrap().name(), "write");
    }

    #[test]
    fn pages_of_one_search_have_one_digest_and_other_searches_another() {
        let plain = subjects(r#"{"subject":{"type":"user"},"#).unwrap();
        let page =
            subjects(r#"{"page":{"limit":1000,"token":"t"},"subject":{"type":"user"},"#).unwrap();
        assert_eq!((page.token(), page.limit()), (Some("t"), MAX_PAGE));
        assert_eq!(page.digest(), plain.digest());
        let other = subjects(r#"{"context":{"a":1},"subject":{"type":"user"},"#).unwrap();
        assert_ne!(other.digest(), plain.digest());
    }

    #[test]
    fn answers_have_the_page_first() {
        let search = subjects(r#"{"subject":{"type":"user"},"#).unwrap();
        let found = Found { ids: vec!["alice".to_owned()], next: None };
        let body = search_response(&search, &found, Some("t"));
        let expected = concat!(
            r#"{"page":{"count":1,"next_token":"t"},"#,
            r#""results":[{"id":"alice","type":"user"}]}"#
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        let empty = search_response(&search, &Found::default(), None);
        assert_eq!(empty, br#"{"page":{"count":0,"next_token":""},"results":[]}"#);
    }
}
