//! What several pages show alike: headings, badges, times, persons.

use maud::{Markup, html};
use placet_proto::time::UnixSeconds;

use super::exact;
use crate::Error;
use crate::http::{App, action_code};
use crate::service::{RequestState, RequestView, render};

/// Longest heading, in characters; the whole action stands below it.
const MAX_HEADING: usize = 160;
/// Longest word for a risk, in characters.
const MAX_RISK: usize = 40;
/// Seconds left of which there are few; `frame.js` has the same.
const SOON_S: u64 = 600;

/// The name of the action and what it is done to, on one line.
pub fn heading(view: &RequestView) -> String {
    let action = &view.decision.action;
    let (kind, id) = action.resource_ref();
    let [name, kind, id] = [action.name(), kind, id].map(render::escape);
    shortened(&format!("{name} on {kind} {id}"), MAX_HEADING)
}

/// The agent, by the kind and the id that it has.
pub fn agent_of(view: &RequestView) -> String {
    let agent = &view.decision.initiator;
    shortened(
        &format!("{} {}", render::escape(&agent.kind), render::escape(&agent.id)),
        MAX_HEADING,
    )
}

/// The action code.
pub fn code_of(view: &RequestView) -> String {
    action_code(&view.row.id, &view.decision.action.digest())
}

/// The policy's word for the risk, as a word: the colour only repeats it.
pub fn risk_badge(risk: &str) -> Markup {
    let word = shortened(&exact::visible(risk), MAX_RISK);
    let (critical, high) = match risk.to_ascii_lowercase().as_str() {
        "critical" | "severe" => (true, false),
        "high" => (false, true),
        _ => (false, false),
    };
    html! {
        span.badge.critical[critical].strong[high] { "Risk: " (word) }
    }
}

/// How much time is left, which the script keeps up to date, and until when.
pub fn remaining(not_after: UnixSeconds, now: UnixSeconds) -> Markup {
    let until = not_after.to_string();
    let seconds = not_after.0.saturating_sub(now.0);
    html! {
        time.soon[seconds < SOON_S] datetime=(until) data-remaining=(seconds)
            title={ "until " (until) } {
            (in_words(seconds))
        }
    }
}

/// Seconds as a person would say them.
fn in_words(seconds: u64) -> String {
    match seconds {
        0 => "time is over".to_owned(),
        1..60 => "less than a minute left".to_owned(),
        60..7_200 => format!("{} min left", seconds.div_euclid(60)),
        7_200..172_800 => format!("{} h left", seconds.div_euclid(3_600)),
        _ => format!("{} days left", seconds.div_euclid(86_400)),
    }
}

/// A moment, for reading.
pub fn moment(at: UnixSeconds) -> Markup {
    let text = at.to_string();
    let shown = text.replacen('T', " ", 1).replace('Z', " UTC");
    html! { time datetime=(text) { (shown) } }
}

/// The name of a person, or what is left of it after its erasure.
///
/// # Errors
/// `ledger.sqlite`.
pub fn name_of(app: &App, person: &str) -> Result<String, Error> {
    let name = app.ledger().person_name(person)?;
    Ok(name.map_or_else(|| format!("person {person}"), |name| exact::visible(&name)))
}

/// Where a request stands, as a word.
pub fn state_badge(state: RequestState) -> Markup {
    let good = matches!(state, RequestState::Approved | RequestState::Done);
    html! { span.badge.good[good] { (state.name()) } }
}

fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_said_as_a_person_would() {
        let said = [0, 59, 60, 7_199, 7_200, 172_800].map(in_words);
        assert_eq!(
            said,
            [
                "time is over",
                "less than a minute left",
                "1 min left",
                "119 min left",
                "2 h left",
                "2 days left"
            ]
        );
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(shortened("ééé", 2), "éé…");
        assert_eq!(shortened("ééé", 3), "ééé");
        let html = risk_badge("high\u{202e}<b>").into_string();
        assert_eq!(html, r#"<span class="badge">Risk: high\u202e&lt;b&gt;</span>"#);
        assert!(risk_badge("High").into_string().contains("badge strong"));
    }

    #[test]
    fn the_script_is_told_how_many_seconds_are_left() {
        let html = remaining(UnixSeconds(160), UnixSeconds(100)).into_string();
        assert!(html.contains(r#"data-remaining="60""#) && html.contains(">1 min left<"), "{html}");
    }

    #[test]
    fn a_moment_is_read_in_utc() {
        let html = moment(UnixSeconds(0)).into_string();
        assert!(html.contains(">1970-01-01 00:00:00 UTC<"), "{html}");
    }
}
