//! Searches over the entity store: each candidate is tried like a request.

use std::time::{Duration, Instant};

use placet_proto::action::Action;

use super::{CedarPdp, mapping::uid};
use crate::{
    authzen::{SearchKind, SearchRequest},
    pdp::Found,
};

/// The most candidates that are tried for one page; the next page goes on from there.
const MAX_TRIED: usize = 1000;
/// The longest that one page is worked on, up to one candidate more. A search costs its caller one
/// call, and must not cost others the decisions that they wait for.
const MAX_TIME: Duration = Duration::from_millis(200);

/// One page of what is permitted without an approval.
pub(super) fn search(pdp: &CedarPdp, search: &SearchRequest) -> Found {
    within(pdp, search, MAX_TIME)
}

fn within(pdp: &CedarPdp, search: &SearchRequest, most: Duration) -> Found {
    let began = Instant::now();
    let late = || began.elapsed() >= most;
    let Ok(template) = search.template() else { return Found::default() };
    if !is_known(pdp, search.kind(), &template) {
        return Found::default();
    }
    let of_type = |of| pdp.store.of_type(of).iter().map(|uid| uid.id().unescaped());
    match search.kind() {
        SearchKind::Subject => {
            let of = pdp.mapping.subject_type(template.subject_ref().0);
            page(pdp, search, of.into_iter().flat_map(of_type), late)
        }
        SearchKind::Resource => {
            let of = pdp.mapping.resource_type(template.resource_ref().0);
            page(pdp, search, of.into_iter().flat_map(of_type), late)
        }
        SearchKind::Action => page(pdp, search, pdp.mapping.action_names().into_iter(), late),
    }
}

/// Tries candidates, at least one of them.
fn page<'c>(
    pdp: &CedarPdp,
    search: &SearchRequest,
    candidates: impl Iterator<Item = &'c str>,
    late: impl Fn() -> bool,
) -> Found {
    let mut rest = candidates.skip(search.start()).peekable();
    let mut found = Found::default();
    let mut tried = 0_usize;
    for id in rest.by_ref() {
        tried = tried.saturating_add(1);
        if search.candidate(id).is_ok_and(|action| is_permitted(pdp, &action)) {
            found.ids.push(id.to_owned());
        }
        if found.ids.len() >= search.limit() || tried >= MAX_TRIED || late() {
            break;
        }
    }
    // Where the next page begins is told as a position: the id that stands there may be one that
    // is not permitted, and callers can read their token.
    found.next = rest.peek().map(|_| search.start().saturating_add(tried));
    found
}

/// An error is a denial here as everywhere.
fn is_permitted(pdp: &CedarPdp, action: &Action) -> bool {
    // What the session did so far is not looked at: no decision is made.
    let seen = pdp.first_seen(action);
    let prepared = pdp.prepare_action(action, action.digest(), seen.as_ref());
    prepared.and_then(|prepared| prepared.permitted()).unwrap_or(false)
}

/// Whether the entities that a search starts from are known: in the store, or told by the request's
/// properties. Of others nothing is found.
fn is_known(pdp: &CedarPdp, kind: SearchKind, template: &Action) -> bool {
    let (subject_type, subject_id) = template.subject_ref();
    let (resource_type, resource_id) = template.resource_ref();
    let subject = || {
        let told = template.subject().get("properties").is_some();
        let of = pdp.mapping.subject_type(subject_type);
        of.is_some_and(|of| told || pdp.store.knows(&uid(of, subject_id)))
    };
    let resource = || {
        let told = template.resource().get("properties").is_some();
        let of = pdp.mapping.resource_type(resource_type);
        of.is_some_and(|of| told || pdp.store.knows(&uid(of, resource_id)))
    };
    match kind {
        SearchKind::Subject => resource(),
        SearchKind::Resource => subject(),
        SearchKind::Action => subject() && resource(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyFiles;

    fn users(count: usize, policy: &str) -> CedarPdp {
        let schema = "entity User; entity Doc; action read, write appliesTo \
            { principal: [User], resource: [Doc] };";
        let entity = |n: usize| {
            format!(r#"{{"uid":{{"type":"User","id":"u{n:04}"}},"attrs":{{}},"parents":[]}}"#)
        };
        let mut all: Vec<String> = (0..count).map(entity).collect();
        all.push(r#"{"uid":{"type":"Doc","id":"d"},"attrs":{},"parents":[]}"#.to_owned());
        let entities = format!("[{}]", all.join(","));
        let files =
            [("schema.cedarschema", schema), ("entities.json", &entities), ("a.cedar", policy)];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        CedarPdp::load(&PolicyFiles::from_files(files.into()).unwrap()).unwrap()
    }

    fn who_reads(limit: usize) -> SearchRequest {
        let body = format!(
            r#"{{"subject":{{"type":"user"}},"action":{{"name":"read"}},
                "resource":{{"type":"doc","id":"d"}},"page":{{"limit":{limit}}}}}"#
        );
        SearchRequest::parse(SearchKind::Subject, body.as_bytes()).unwrap()
    }

    /// All pages, each of which may take no time.
    fn all_pages(pdp: &CedarPdp, of: &SearchRequest, most: Duration) -> (Vec<String>, usize) {
        let (mut ids, mut pages, mut search) = (Vec::new(), 0, of.clone());
        loop {
            let found = within(pdp, &search, most);
            assert!(found.ids.len() <= of.limit());
            ids.extend(found.ids);
            pages += 1;
            match found.next {
                Some(at) => search = of.clone().beginning_at(at),
                None => return (ids, pages),
            }
        }
    }

    #[test]
    fn a_page_ends_when_its_time_is_over_and_the_next_goes_on() {
        let pdp = users(
            7,
            r#"permit (principal, action == Action::"read", resource)
               when { [User::"u0001", User::"u0005"].contains(principal) };"#,
        );
        let expected = vec!["u0001".to_owned(), "u0005".to_owned()];
        let long = Duration::from_secs(3600);
        assert_eq!(all_pages(&pdp, &who_reads(100), long), (expected.clone(), 1));
        // Without any time each page tries one.
        assert_eq!(all_pages(&pdp, &who_reads(100), Duration::ZERO), (expected.clone(), 7));
        assert_eq!(all_pages(&pdp, &who_reads(1), long), (expected, 3));
        let beyond = who_reads(1).beginning_at(usize::MAX);
        assert_eq!(within(&pdp, &beyond, long), Found::default());
    }

    #[test]
    fn a_page_tries_so_many_and_tells_where_the_next_begins_by_no_id() {
        let pdp = users(
            MAX_TRIED + 2,
            r#"permit (principal == User::"u1001", action == Action::"read", resource);"#,
        );
        let found = within(&pdp, &who_reads(100), Duration::from_secs(3600));
        assert_eq!(found, Found { ids: Vec::new(), next: Some(MAX_TRIED) });
        let next = who_reads(100).beginning_at(MAX_TRIED);
        let found = within(&pdp, &next, Duration::from_secs(3600));
        assert_eq!(found, Found { ids: vec!["u1001".to_owned()], next: None });
    }
}
