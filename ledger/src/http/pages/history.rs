//! What was asked for and what became of it: for those who answer and those who look after them.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::Role;
use placet_proto::time::UnixSeconds;

use super::parts::{agent_of, code_of, heading, moment, name_of, risk_badge, state_badge};
use super::{Page, Session, elsewhere, failed, whole};
use crate::Error;
use crate::http::problem::Fault;
use crate::http::{App, auth};
use crate::service::{HistoryFilter, Refusal, RequestState, RequestView};

/// Requests on one page.
const LIMIT: u32 = 50;
/// Longest agent's id in a filter, in bytes.
const MAX_AGENT: usize = 512;

/// `?state=&agent=&from=&until=&mine=&before=`; empty ones do not matter.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    agent: String,
    /// A day, `2026-11-22`.
    #[serde(default)]
    from: String,
    /// The last day.
    #[serde(default)]
    until: String,
    #[serde(default)]
    mine: String,
    /// The index of the decision before which this page begins.
    #[serde(default)]
    before: String,
}

/// One request, with its time and the names of those who answered.
struct Line {
    view: RequestView,
    answers: Vec<(String, bool)>,
}

/// `GET /history`.
pub async fn page(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let roles = [Role::Approver, Role::Administrator, Role::Auditor];
    let session = match auth::page(&app, &request, &roles).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let (asked, filter) = match asked(query, &session) {
        Ok(found) => found,
        Err(fault) => return failed(&app, Some(&session), &fault),
    };
    match app.run(move |app| lines(app, &filter)).await {
        Ok(lines) => {
            let page = Page::new("History", body(&asked, &lines, &session)).here("/history").wide();
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

fn asked(
    query: Result<Query<Asked>, QueryRejection>,
    session: &Session,
) -> Result<(Asked, HistoryFilter), Fault> {
    let Query(asked) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let state = given(&asked.state)
        .map(|s| {
            RequestState::from_name(&s).ok_or_else(|| Fault::bad_request("no state of this name"))
        })
        .transpose()?;
    let before = given(&asked.before)
        .map(|n| n.parse().map_err(|_| Fault::bad_request("`before` is the index of a decision")))
        .transpose()?;
    if asked.agent.len() > MAX_AGENT {
        return Err(Fault::bad_request("the agent's id is too long"));
    }
    let filter = HistoryFilter {
        state,
        agent: given(asked.agent.trim()),
        person: given(&asked.mine).map(|_| session.person.clone()),
        from: given(&asked.from).map(|day| midnight(&day)).transpose()?,
        // The last day belongs to it.
        until: given(&asked.until)
            .map(|day| Ok::<_, Fault>(UnixSeconds(midnight(&day)?.0.saturating_add(86_400))))
            .transpose()?,
        before,
    };
    Ok((asked, filter))
}

fn midnight(day: &str) -> Result<UnixSeconds, Fault> {
    UnixSeconds::parse(&format!("{day}T00:00:00Z"))
        .map_err(|_| Fault::bad_request("a day is written as 2026-11-22"))
}

fn lines(app: &App, filter: &HistoryFilter) -> Result<Vec<Line>, Error> {
    let ledger = app.ledger();
    let mut names: HashMap<String, String> = HashMap::new();
    let mut lines = Vec::new();
    for row in ledger.history(filter, LIMIT)? {
        let view = match ledger.request(&row.id) {
            Err(Error::Refused(Refusal::Erased(_))) => continue,
            found => found?,
        };
        let mut answers = Vec::with_capacity(view.answers.len());
        for answer in &view.answers {
            let name = match names.get(&answer.person) {
                Some(name) => name.clone(),
                None => {
                    let name = name_of(app, &answer.person)?;
                    names.insert(answer.person.clone(), name.clone());
                    name
                }
            };
            answers.push((name, answer.denial));
        }
        lines.push(Line { view, answers });
    }
    Ok(lines)
}

fn body(asked: &Asked, lines: &[Line], session: &Session) -> Markup {
    let full = lines.len() >= LIMIT as usize;
    let next = lines.last().filter(|_| full).map(|line| line.view.row.decision);
    html! {
        h1 { "History" }
        (filters(asked))
        @if lines.is_empty() {
            p { "No request fits. What agents ask for stands here as soon as it is decided." }
        } @else {
            table.stack {
                caption { "The latest first" }
                thead { tr {
                    th scope="col" { "Decided" } th scope="col" { "Action" }
                    th scope="col" { "Agent" } th scope="col" { "State" }
                    th scope="col" { "Answers" }
                } }
                tbody { @for line in lines { (row(line, session)) } }
            }
        }
        @if let Some(before) = next {
            p { a href=(link(asked, before)) rel="next" data-testid="older" { "Older" } }
        }
    }
}

fn row(line: &Line, session: &Session) -> Markup {
    let view = &line.view;
    // There is no receipt of what nobody answered yet.
    let waits = matches!(view.row.state, RequestState::Offered | RequestState::Open);
    let may_look = session.is(Role::Approver) || session.is(Role::Administrator);
    let folder = if waits && may_look { "/approve/" } else { "/receipt/request/" };
    html! {
        tr data-testid="row" {
            td data-label="Decided" { (moment(view.decision.at)) }
            th scope="row" {
                a href={ (folder) (view.row.id) } { (heading(view)) }
                div.line.small {
                    span.code { (code_of(view)) }
                    @if let Some(risk) = &view.risk { (risk_badge(risk)) }
                }
            }
            td data-label="Agent" { (agent_of(view)) }
            td data-label="State" { (state_badge(view.row.state)) }
            td data-label="Answers" {
                @if line.answers.is_empty() { span.small { "none" } }
                @for (name, denial) in &line.answers {
                    div { (name) @if *denial { " denied" } @else { " approved" } }
                }
            }
        }
    }
}

fn filters(asked: &Asked) -> Markup {
    html! {
        form.filters method="get" action="/history" {
            label { "State"
                select name="state" {
                    option value="" { "any" }
                    @for state in RequestState::ALL {
                        option value=(state.name()) selected[asked.state == state.name()] {
                            (state.name()) }
                    }
                }
            }
            label { "Agent" input type="text" name="agent" value=(asked.agent) maxlength="200"
                autocomplete="off" spellcheck="false"; }
            label { "From" input type="date" name="from" value=(asked.from); }
            label { "To" input type="date" name="until" value=(asked.until); }
            label.check { input type="checkbox" name="mine" value="1"
                checked[!asked.mine.is_empty()]; "answered by me" }
            button.quiet type="submit" { "Show" }
        }
    }
}

fn link(asked: &Asked, before: u64) -> String {
    let mut out = format!("/history?before={before}");
    let members = [
        ("state", &asked.state),
        ("agent", &asked.agent),
        ("from", &asked.from),
        ("until", &asked.until),
        ("mine", &asked.mine),
    ];
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.push_str(&format!("&{name}={}", encoded(value)));
    }
    out
}

/// Percent-encoded, all but letters, digits and `-._~` (RFC 3986 2.3).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_the_next_page_keeps_the_filter() {
        let asked =
            Asked { agent: "a&b é".to_owned(), state: "done".to_owned(), ..Asked::default() };
        assert_eq!(link(&asked, 7), "/history?before=7&state=done&agent=a%26b%20%C3%A9");
    }

    #[test]
    fn days_are_whole() {
        assert_eq!(midnight("1970-01-02").unwrap(), UnixSeconds(86_400));
        for bad in ["1970-1-2", "", "2026-02-30", "1970-01-02T00:00:00Z"] {
            assert_eq!(midnight(bad).unwrap_err().status.as_u16(), 400, "{bad}");
        }
    }
}
