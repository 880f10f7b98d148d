//! The table of checks, each with its code and the rule behind it.

use maud::{Markup, html};
use placet_verifier::{Check, Report, codes};

use super::status_word;
use crate::http::pages::spec;
use crate::service::render::escape;

/// All checks of a report; those about the evidence as a whole come first.
pub fn table(report: &Report) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Table of the checks" {
            table.checks data-testid="checks" {
                thead {
                    tr {
                        th scope="col" { "Check" }
                        th scope="col" { "Result" }
                        th scope="col" { "What was found" }
                    }
                }
                tbody { @for check in &report.checks { (row(check)) } }
            }
        }
        p.small {
            "Every check decides the verdict, but for those marked " em { "for information" } ". "
            (report.assumption)
        }
    }
}

fn row(check: &Check) -> Markup {
    let (word, class) = status_word(check.status);
    html! {
        tr {
            th scope="row" {
                a href=(spec::link("9")) { code { (check.id) } }
                @if !check.required { " " em.small { "for information" } }
            }
            td { span.mark.(class) { (word) } }
            td {
                (escape(&check.detail))
                @if let Some(code) = check.code { " " (code_link(code)) }
                @if let (Some(expected), Some(got)) = (&check.expected, &check.got) {
                    dl.versus {
                        dt { "expected" } dd { code { (escape(expected)) } }
                        dt { "found" } dd { code { (escape(got)) } }
                    }
                }
                @if let Some(entry) = check.code.and_then(codes::find) {
                    div.small { (entry.meaning) " " (entry.next) }
                }
            }
        }
    }
}

/// A code, leading to the section of SPEC.md that defines it.
pub fn code_link(code: &str) -> Markup {
    let section = codes::find(code).map_or("11", |entry| entry.spec);
    html! { a.reason href=(spec::link(section)) { code { (code) } } }
}
