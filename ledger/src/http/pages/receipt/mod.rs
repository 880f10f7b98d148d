//! Receipts for auditors: what the evidence about a request shows, judged by the verifier, and one
//! entry of a log with its proofs.
//!
//! The page runs the code that `placet-verify` runs, over the bundle that it offers for download.
//! It is the operator's word all the same: the operator chose the trust file, and made the page. It
//! says so first, and gives the command line that repeats the judgement elsewhere.

mod checks;
mod diag;
mod entry;
mod raw;
mod story;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::{Body, Role};
use placet_proto::kind::Kind;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_proto::trust::Root;
use placet_verifier::{Malformed, Options, Report, RequestFacts, Status, Verdict, verify_bundle};

use super::{Page, erase, failed, parts, spec, whole};
use crate::http::problem::Fault;
use crate::http::v1::{READERS, covering};
use crate::http::{App, auth};
use crate::service::publisher::times_of;
use crate::service::{Refusal, RequestState, TrustChoices};
use crate::storage::Statement as Stored;
use crate::{Error, LogId};

pub use self::entry::page as entry_page;

/// Statements whose bytes stand on one page. An action can be decided again any number of times,
/// and each decision holds all of it.
const MAX_RAW: usize = 32;

/// One statement about a request, as the log has it.
struct Row {
    index: u64,
    body: RowBody,
}

enum RowBody {
    Present(Box<Statement>),
    /// With the order, where there is one.
    Erased(Option<Order>),
}

/// An administrator's order to erase a body.
struct Order {
    index: u64,
    person: String,
    name: Option<String>,
    reason: String,
}

/// The order by which the body of a main entry was erased.
fn order_of(app: &App, index: u64) -> Result<Option<Order>, Error> {
    let ledger = app.ledger();
    for order in ledger.index().orders(index)? {
        let Stored::Present(bytes) = ledger.log(LogId::Main).statement(order)? else { continue };
        if let Body::Erasure(e) = Statement::parse(&bytes)?.document.body
            && e.targets.iter().any(|target| target.index == index)
        {
            let (person, reason) = (e.signer.person, e.reason);
            let name = ledger.person_name(&person)?;
            return Ok(Some(Order { index: order, person, name, reason }));
        }
    }
    Ok(None)
}

/// What the page of a request is made of.
struct Shown {
    request: String,
    origin: String,
    as_of: UnixSeconds,
    /// Where the request stands; none if that was lost.
    state: Option<RequestState>,
    report: Result<Report, Malformed>,
    /// What a later bundle would close.
    open: Vec<String>,
    rows: Vec<Row>,
    /// Size of the first cosigned checkpoint that covers all of them, and the end of the second in
    /// which its witnesses had signed.
    witnessed: Option<(u64, u64)>,
    dev: bool,
    roots: usize,
}

impl Shown {
    /// What the evidence shows about the request.
    fn facts(&self) -> Option<&RequestFacts> {
        let report = self.report.as_ref().ok()?;
        report.requests.iter().find(|facts| facts.request == self.request)
    }

    fn denied(&self) -> bool {
        self.state == Some(RequestState::Denied)
    }
}

/// `GET /receipt/request/{request}`.
pub async fn page(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    let session = match auth::page(&app, &request, READERS).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match app.run_waiting(move |app| gather(app, id)).await {
        Ok(shown) => {
            let erasable = session.is(Role::Administrator).then(|| erasable(&shown)).flatten();
            let shown = html! {
                (body(&shown))
                @if let Some(leaf) = erasable { (erase::link(leaf, "this request says")) }
            };
            whole(&app, Some(&session), Page::new("Receipt", shown))
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

/// The first leaf about a request that is over and not erased as a whole.
fn erasable(shown: &Shown) -> Option<u64> {
    let open = |state: RequestState| state.is_live() || state == RequestState::Executed;
    let present = |row: &&Row| match &row.body {
        RowBody::Present(statement) => statement.kind() != Kind::Expiry,
        RowBody::Erased(_) => false,
    };
    let first = shown.rows.iter().find(present).map(|row| row.index);
    first.filter(|_| !shown.state.is_some_and(open))
}

fn gather(app: &App, request: String) -> Result<Shown, Error> {
    let ledger = app.ledger();
    let evidence = match ledger.evidence(std::slice::from_ref(&request), None) {
        Ok(evidence) => Ok(evidence),
        // What is left is still told, without a verdict.
        Err(Error::Refused(refusal @ Refusal::Erased(_))) => {
            Err(Malformed { code: "log.erased", detail: refusal.to_string() })
        }
        Err(error) => return Err(error),
    };
    let roots = first_keys(app)?;
    let count = roots.len();
    let dev = ledger.config().dev;
    let trust = ledger.trust_file(TrustChoices { roots, allow_dev: dev, ..Default::default() })?;
    let state = ledger.row(&request).ok().map(|row| row.state);
    let as_of = ledger.now();
    let expect_denial = state == Some(RequestState::Denied);
    let options = Options { as_of: as_of.0, expect_denial, ..Options::default() };
    let open = evidence.as_ref().map_or_else(|_| Vec::new(), |evidence| evidence.open.clone());
    let report = evidence.and_then(|evidence| verify_bundle(&evidence.bytes, &trust, &options));
    let main = ledger.log(LogId::Main);
    let mut rows = Vec::new();
    for index in ledger.entries_about(&request)? {
        let body = match main.statement(index)? {
            Stored::Present(bytes) => RowBody::Present(Box::new(Statement::parse(&bytes)?)),
            _ => RowBody::Erased(order_of(app, index)?),
        };
        rows.push(Row { index, body });
    }
    let last = rows.last().map_or(0, |row| row.index);
    let policy = ledger.publisher(LogId::Main).policy();
    let witnessed = covering(main, last)?
        .and_then(|note| Some((note.size, times_of(policy, &note.note)?.1.saturating_add(1))));
    let origin = ledger.config().origin.clone();
    Ok(Shown { request, origin, as_of, state, report, open, rows, witnessed, dev, roots: count })
}

/// The keys that the service itself let in without an authoriser: to it, and to nobody else, they
/// are roots.
fn first_keys(app: &App) -> Result<Vec<Root>, Error> {
    let gov = app.ledger().log(LogId::Gov);
    let mut out = Vec::new();
    for index in 0..gov.size() {
        let Stored::Present(bytes) = gov.statement(index)? else { continue };
        if let Body::Enrolment(e) = Statement::parse(&bytes)?.document.body
            && e.authoriser.is_none()
        {
            out.push(Root { public_key: e.public_key, name: None });
        }
    }
    Ok(out)
}

fn body(shown: &Shown) -> Markup {
    html! {
        p.kicker { "Receipt" }
        h1 { (story::title(shown)) }
        (operators_word(shown))
        (verdict(shown))
        p.sentence data-testid="sentence" { (story::sentence(shown)) }
        @if !shown.open.is_empty() {
            p.small {
                "Not closed yet: " (shown.open.join("; ")) ". Evidence asked for later can be "
                "complete."
            }
        }
        section aria-labelledby="timeline" {
            h2 #timeline { "What happened" }
            (story::timeline(shown))
        }
        section aria-labelledby="checks" {
            h2 #checks { "Checks" }
            @match &shown.report {
                Ok(report) => { (checks::table(report)) }
                Err(malformed) => {
                    p.warning { (malformed.detail) " (" (checks::code_link(malformed.code)) ")" }
                }
            }
        }
        (repeat(shown))
        section aria-labelledby="not-proved" {
            h2 #not-proved { "What this does not prove" }
            (spec::section("16"))
        }
        section aria-labelledby="raw" {
            h2 #raw { "Signed bytes" }
            @for row in shown.rows.iter().take(MAX_RAW) { (raw::details(row)) }
            @if shown.rows.len() > MAX_RAW {
                p { "The bytes of later statements stand on the pages of their leaves." }
            }
        }
    }
}

/// Comes before the verdict, since the verdict is worth no more.
fn operators_word(shown: &Shown) -> Markup {
    let keys = match shown.roots {
        1 => "the first key of this service is its root".to_owned(),
        n => format!("{n} keys that this service let in without an authoriser are its roots"),
    };
    html! {
        p.note role="note" {
            strong { "This page is the operator's word." }
            " The operator of " code { (shown.origin) } " made it, and chose the trust behind the "
            "verdict: " (keys)
            @if shown.dev { ", and development evidence is let pass" }
            ". Believe what you verify yourself, with a trust file of your own."
        }
    }
}

fn verdict(shown: &Shown) -> Markup {
    let (word, class, code) = match &shown.report {
        Ok(report) => (report.verdict.word(), class_of(report.verdict), report.code),
        Err(erased) if erased.code == "log.erased" => ("NO VERDICT", "unchecked", None),
        Err(malformed) => ("MALFORMED", "failed", Some(malformed.code)),
    };
    let caveats = shown.report.as_ref().map_or(&[][..], |report| &report.caveats);
    let denied = shown.denied();
    html! {
        p.verdict.(class) data-testid="verdict" {
            strong { (word) }
            @if let Some(code) = code { " " (checks::code_link(code)) }
            span.small { " as of " (parts::moment(shown.as_of)) }
        }
        @if denied { p.small { "Judged as evidence of a denial." } }
        @if !caveats.is_empty() {
            ul.caveats { @for caveat in caveats { li { (caveat) } } }
        }
    }
}

fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Indeterminate => "indeterminate",
        _ => "failed",
    }
}

/// The mark of a check: a word; colour only repeats it.
fn status_word(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Passed => ("passed", "passed"),
        Status::Failed => ("FAILED", "failed"),
        Status::Indeterminate => ("open", "indeterminate"),
        Status::NotChecked => ("not checked", "unchecked"),
    }
}

/// How somebody else comes to the same verdict, and the files for it.
fn repeat(shown: &Shown) -> Markup {
    let request = &shown.request;
    let denial = if shown.denied() { " --denial" } else { "" };
    let answers = shown.rows.iter().filter(|row| match &row.body {
        RowBody::Present(s) => matches!(s.document.body, Body::Approval(_) | Body::Denial(_)),
        RowBody::Erased(_) => false,
    });
    html! {
        section aria-labelledby="repeat" {
            h2 #repeat { "Repeat this yourself" }
            pre tabindex="0" data-testid="command" {
                "placet-verify check " (request) ".placet --trust trust.json" (denial)
            }
            p.small {
                "The trust file has to be yours: compare the keys in the one below with what you "
                "were told by another way, and add the roots that you confirmed."
            }
            ul.downloads {
                li {
                    a href={ "/v1/evidence/" (request) "?wait=30" } download {
                        "Evidence bundle (" (request) ".placet)"
                    }
                }
                @for row in answers {
                    li {
                        a href={ "/v1/entries/main/" (row.index) "?form=cose" } download {
                            "Signed statement with its receipt, leaf " (row.index)
                        }
                    }
                }
                li { a href="/log/checkpoint" download="checkpoint" { "Checkpoint" } }
                li { a href="/v1/trust" download="trust.json" { "Trust file, public part" } }
            }
        }
    }
}
