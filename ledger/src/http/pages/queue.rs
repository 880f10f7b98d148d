//! The queue: what waits for persons, the gravest and most urgent first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::Role;
use placet_proto::time::UnixSeconds;

use super::parts::{agent_of, code_of, heading, remaining, risk_badge};
use super::{Page, Session, elsewhere, failed, whole};
use crate::Error;
use crate::http::problem::Fault;
use crate::http::{App, auth};
use crate::service::{RequestRow, RequestState, RequestView};
use crate::sync::lock;

/// Groups that one page lists.
const MAX_LISTED: usize = 100;
/// Requests of one group that are listed by themselves.
const MAX_GROUPED: usize = 20;

/// `GET /approve`.
pub async fn page(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let roles = [Role::Approver, Role::Administrator];
    let session = match auth::page(&app, &request, &roles).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let listed = match app.run(|app| app.0.queue.listing(app)).await {
        Ok(listed) => listed,
        Err(error) => return failed(&app, Some(&session), &Fault::from(error)),
    };
    let title = match listed.requests {
        0 => "Requests".to_owned(),
        n => format!("({n}) Requests"),
    };
    let body = body(&listed, &session, app.ledger().now());
    let page = Page::new(&title, body).here("/approve").script("queue.js").script("push.js");
    whole(&app, Some(&session), page)
}

/// What the queue remembers between two looks. A decision never changes, and no listing does until
/// a request changes: many may look, and look often.
#[derive(Debug, Default)]
pub struct Queue {
    known: Mutex<HashMap<String, Arc<Known>>>,
    listing: Mutex<Option<(u64, Arc<Listing>)>>,
}

/// What the decision of a request says.
#[derive(Debug)]
struct Known {
    heading: String,
    code: String,
    agent: String,
    risk: Option<String>,
    /// Equal requests have equal groups.
    group: Group,
}

#[derive(Debug)]
struct Item {
    known: Arc<Known>,
    row: RequestRow,
    approved_by: Vec<String>,
}

/// Groups of equal requests, in the order of the queue.
#[derive(Debug, Default)]
struct Listing {
    groups: Vec<Vec<Item>>,
    /// All that wait, listed or not.
    requests: usize,
    /// Groups that are left out.
    more: usize,
}

impl Queue {
    fn listing(&self, app: &App) -> Result<Arc<Listing>, Error> {
        let mut kept = lock(&self.listing);
        // Read before the requests: what changes in between makes the next look read again.
        let changes = *app.ledger().changes().borrow();
        if let Some((_, listing)) = kept.as_ref().filter(|(at, _)| *at == changes) {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(self.read(app)?);
        *kept = Some((changes, Arc::clone(&listing)));
        Ok(listing)
    }

    fn read(&self, app: &App) -> Result<Listing, Error> {
        let rows = app.ledger().requests(RequestState::Open)?;
        let requests = rows.len();
        let mut known = lock(&self.known);
        let mut still = HashMap::with_capacity(rows.len());
        let mut groups: Vec<Vec<(Arc<Known>, RequestRow)>> = Vec::new();
        let mut places: HashMap<Group, usize> = HashMap::new();
        for row in rows {
            let of = match known.remove(&row.id) {
                Some(of) => of,
                None => match app.ledger().request(&row.id) {
                    Ok(view) => Arc::new(Known::of(&view)),
                    // Its decision was erased: nobody can read what it asks for, or answer it.
                    Err(Error::Refused(crate::service::Refusal::Erased(_))) => continue,
                    Err(error) => return Err(error),
                },
            };
            still.insert(row.id.clone(), Arc::clone(&of));
            let next = groups.len();
            let at = *places.entry(of.group.clone()).or_insert(next);
            match groups.get_mut(at) {
                Some(group) => group.push((of, row)),
                None => groups.push(vec![(of, row)]),
            }
        }
        // What waits no longer is forgotten.
        *known = still;
        drop(known);
        groups.sort_by_key(|group| group.first().map(|(known, row)| order(known, row)));
        let more = groups.len().saturating_sub(MAX_LISTED);
        groups.truncate(MAX_LISTED);
        let item = |(known, row): (Arc<Known>, RequestRow)| -> Result<Item, Error> {
            let answers = app.ledger().answers_of(&row.id)?;
            let approved_by = answers.into_iter().map(|answer| answer.person).collect();
            Ok(Item { known, row, approved_by })
        };
        let groups = groups.into_iter().map(|group| group.into_iter().map(item).collect());
        Ok(Listing { groups: groups.collect::<Result<_, _>>()?, requests, more })
    }
}

/// What requests that stand as one have in common: everything that a person would sign, but their
/// ids and times.
type Group = ([u8; 32], String, String, Option<[u8; 32]>);

fn group_of(view: &RequestView) -> Group {
    let initiator = &view.decision.initiator;
    let (kind, id) = (initiator.kind.clone(), initiator.id.clone());
    (view.decision.action.digest(), kind, id, view.raw.as_ref().map(|raw| raw.sha256))
}

impl Known {
    fn of(view: &RequestView) -> Self {
        Self {
            heading: heading(view),
            code: code_of(view),
            agent: agent_of(view),
            risk: view.risk.clone(),
            group: group_of(view),
        }
    }
}

/// The gravest first, then what ends first.
fn order(known: &Known, row: &RequestRow) -> (std::cmp::Reverse<u8>, UnixSeconds, String) {
    (std::cmp::Reverse(rank(known.risk.as_deref())), row.not_after, row.id.clone())
}

/// How grave a policy's word is. A word that we do not know may mean anything: it stands above what
/// is known to be harmless.
fn rank(risk: Option<&str>) -> u8 {
    match risk.map(str::to_ascii_lowercase).as_deref() {
        Some("critical" | "severe") => 4,
        Some("high") => 3,
        Some("low" | "minor" | "none") => 1,
        _ => 2,
    }
}

fn body(listing: &Listing, session: &Session, now: UnixSeconds) -> Markup {
    let waits = match listing.requests {
        0 => "Nothing waits for an answer.".to_owned(),
        1 => "1 request waits for an answer.".to_owned(),
        n => format!("{n} requests wait for an answer."),
    };
    html! {
        h1 { "Requests" }
        p #waits data-count=(listing.requests) role="status" { (waits) }
        ul.queue.requests #queue {
            @for group in &listing.groups { li { (entry(group, session, now)) } }
            @if listing.more > 0 {
                li { (listing.more) " more, less grave or less urgent" }
            }
        }
        p.notice #live role="status" hidden {}
        p.small {
            @if listing.requests == 0 {
                "When an agent asks for something that a person has to allow, it appears here by "
                "itself. What was answered stands in the " a href="/history" { "history" } "."
            } @else {
                "The gravest first, then what ends first. The list follows what happens. What was "
                "answered stands in the " a href="/history" { "history" } "."
            }
        }
        (crate::notify::routes::button())
    }
}

fn entry(group: &[Item], session: &Session, now: UnixSeconds) -> Markup {
    let Some(first) = group.first() else { return html! {} };
    let others = group.get(1..).unwrap_or_default();
    let approved = first.approved_by.len() as u64;
    let answered = first.approved_by.contains(&session.person);
    html! {
        a.what #{ "r-" (first.row.id) } href={ "/approve/" (first.row.id) } data-testid="request" {
            (first.known.heading)
        }
        p.line.small {
            @if let Some(risk) = &first.known.risk { (risk_badge(risk)) }
            span.code title="Tells this request from others" { (first.known.code) }
            span { "asked by " (first.known.agent) }
            @if answered { span.badge { "You have answered; others must approve too" } }
        }
        p.when.small {
            span { (remaining(first.row.not_after, now)) }
            @if first.row.required > 1 {
                span { (approved) " of " (first.row.required) " approved" }
            }
        }
        @if !others.is_empty() {
            details {
                summary { (others.len()) " more of the same" }
                ul.inside {
                    @for item in others.iter().take(MAX_GROUPED) {
                        li {
                            a #{ "r-" (item.row.id) } href={ "/approve/" (item.row.id) }
                                data-testid="request" { span.code { (item.known.code) } }
                            " " span.small { (remaining(item.row.not_after, now)) }
                        }
                    }
                    @if others.len() > MAX_GROUPED {
                        li { (others.len().saturating_sub(MAX_GROUPED)) " more" }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_for_a_risk_stand_between_high_and_low() {
        let ranks: Vec<u8> = [Some("critical"), Some("High"), Some("odd"), None, Some("low")]
            .into_iter()
            .map(rank)
            .collect();
        assert_eq!(ranks, [4, 3, 2, 2, 1]);
    }
}
