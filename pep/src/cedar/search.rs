//! Searches over the entity store: each candidate is tried like a request.

use placet_proto::action::Action;

use super::{CedarPdp, mapping::uid};
use crate::{
    authzen::{SearchKind, SearchRequest},
    pdp::Found,
};

/// The most candidates that are tried for one page; the next page goes on from there.
const MAX_TRIED: usize = 1000;

/// One page of what is permitted without an approval.
pub(super) fn search(pdp: &CedarPdp, search: &SearchRequest) -> Found {
    let Ok(template) = search.template() else { return Found::default() };
    if !is_known(pdp, search.kind(), &template) {
        return Found::default();
    }
    let of_type = |of| pdp.store.after(of, search.after()).iter().map(|uid| uid.id().unescaped());
    match search.kind() {
        SearchKind::Subject => {
            let of = pdp.mapping.subject_type(template.subject_ref().0);
            page(pdp, search, of.into_iter().flat_map(of_type))
        }
        SearchKind::Resource => {
            let of = pdp.mapping.resource_type(template.resource_ref().0);
            page(pdp, search, of.into_iter().flat_map(of_type))
        }
        SearchKind::Action => {
            let names = pdp.mapping.action_names();
            let rest = names.into_iter().filter(|name| search.after().is_none_or(|a| *name > a));
            page(pdp, search, rest)
        }
    }
}

fn page<'c>(
    pdp: &CedarPdp,
    search: &SearchRequest,
    candidates: impl Iterator<Item = &'c str>,
) -> Found {
    let mut candidates = candidates.peekable();
    let mut found = Found::default();
    let mut tried = 0_usize;
    let mut last = None;
    while found.ids.len() < search.limit() && tried < MAX_TRIED {
        let Some(id) = candidates.next() else { return found };
        tried = tried.saturating_add(1);
        last = Some(id);
        if search.candidate(id).is_ok_and(|action| is_permitted(pdp, &action)) {
            found.ids.push(id.to_owned());
        }
    }
    if candidates.peek().is_some() {
        found.next = last.map(str::to_owned);
    }
    found
}

/// An error is a denial here as everywhere.
fn is_permitted(pdp: &CedarPdp, action: &Action) -> bool {
    let prepared = pdp.prepare_action(action, action.digest());
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
