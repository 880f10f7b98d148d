//! `/spec`: SPEC.md as a page, so that a code in a table of checks leads to the rule behind it,
//! also where there is no network. It is the text that this program was built with.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

use super::{Page, whole};
use crate::http::{App, auth};

const SPEC: &str = include_str!("../../../../SPEC.md");

/// `GET /spec`.
pub async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    let session = auth::by_session(&app, &headers).await.unwrap_or_default();
    let body = html! { article.spec { (render(SPEC)) } };
    whole(&app, session.as_ref(), Page::new("Specification", body))
}

/// Where a section of SPEC.md stands on that page, such as `9.3`.
pub fn link(section: &str) -> String {
    format!("/spec#s-{section}")
}

/// The text of a section up to the next one, without its heading.
pub fn section(number: &str) -> Markup {
    let start = format!("## {number}. ");
    let from = SPEC.lines().skip_while(|line| !line.starts_with(&start)).skip(1);
    let lines: Vec<&str> = from.take_while(|line| !line.starts_with("## ")).collect();
    render(&lines.join("\n"))
}

/// As much of Markdown as SPEC.md uses: headings, paragraphs, lists, tables, code.
fn render(text: &str) -> Markup {
    let mut lines = text.lines().peekable();
    let mut blocks: Vec<Markup> = Vec::new();
    while let Some(line) = lines.next() {
        let same = |lines: &mut std::iter::Peekable<std::str::Lines<'_>>, prefix: &str| {
            let mut found = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with(prefix)) {
                found.push(line.to_owned());
            }
            found
        };
        if line.trim().is_empty() || line.starts_with("<!--") {
            continue;
        }
        if let Some(title) = line.strip_prefix("# ") {
            blocks.push(html! { h1 { (inline(title)) } });
        } else if let Some(title) = line.strip_prefix("## ") {
            let number = title.split('.').next().unwrap_or_default();
            blocks.push(html! { h2 id={ "s-" (number) } { (inline(title)) } });
        } else if line.starts_with("```") {
            let code: Vec<&str> =
                lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            blocks.push(html! { pre tabindex="0" { (code.join("\n")) } });
        } else if line.starts_with('|') {
            let mut rows = vec![line.to_owned()];
            rows.extend(same(&mut lines, "|"));
            blocks.push(table(&rows));
        } else if line.starts_with("- ") {
            let mut items = vec![line.to_owned()];
            items.extend(same(&mut lines, "- "));
            blocks.push(html! {
                ul { @for item in &items { li { (inline(item.trim_start_matches("- "))) } } }
            });
        } else {
            let mut paragraph = line.to_owned();
            let goes_on = |next: &&str| {
                !next.trim().is_empty()
                    && anchor(next).is_none()
                    && !["|", "- ", "#", "```"].iter().any(|p| next.starts_with(p))
            };
            while let Some(next) = lines.next_if(goes_on) {
                paragraph.push('\n');
                paragraph.push_str(next);
            }
            blocks.push(html! { p id=[anchor(&paragraph)] { (inline(&paragraph)) } });
        }
    }
    html! { @for block in &blocks { (block) } }
}

/// `s-9.3` for a paragraph that begins with `9.3 `.
fn anchor(paragraph: &str) -> Option<String> {
    let number = paragraph.split(' ').next()?;
    let (a, b) = number.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(a) && digits(b)).then(|| format!("s-{number}"))
}

fn table(rows: &[String]) -> Markup {
    let cells = |row: &str| -> Vec<String> {
        let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let (head, rest) = rows.split_first().map_or((Vec::new(), &[][..]), |(h, r)| (cells(h), r));
    html! {
        div.scroll tabindex="0" { table {
            thead { tr { @for cell in &head {
                @if cell.is_empty() { td {} } @else { th scope="col" { (inline(cell)) } }
            } } }
            tbody {
                @for row in rest.iter().filter(|row| !row.starts_with("|---")) {
                    tr { @for cell in cells(row) { td { (inline(&cell)) } } }
                }
            }
        } }
    }
}

/// Code and bold; everything else as it stands.
fn inline(text: &str) -> Markup {
    let mut parts: Vec<Markup> = Vec::new();
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 1 {
            parts.push(html! { code { (piece) } });
            continue;
        }
        for (at, piece) in piece.split("**").enumerate() {
            parts.push(html! { @if at % 2 == 1 { strong { (piece) } } @else { (piece) } });
        }
    }
    html! { @for part in &parts { (part) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_verifier::codes::CODES;

    #[test]
    fn every_code_leads_to_a_section_that_is_there() {
        let page = render(SPEC).into_string();
        for code in CODES {
            let anchor = format!("id=\"s-{}\"", code.spec);
            assert!(page.contains(&anchor), "{} has no {}", code.code, code.spec);
        }
        assert!(!page.contains("```") && !page.contains("|---"));
    }

    #[test]
    fn what_is_not_proved_comes_from_the_specification() {
        let box_ = section("16").into_string();
        assert!(box_.contains("<strong>That the person saw it.</strong>"), "{box_}");
        assert!(!box_.contains("Vectors and a worked example"));
    }

    #[test]
    fn text_is_escaped() {
        let page = render("a <b> `<c>` **d**\n\n| x | y |\n|---|---|\n| 1 | `2` |").into_string();
        assert!(page.starts_with("<p>a &lt;b&gt; <code>&lt;c&gt;</code> <strong>d</strong></p>"));
        assert!(page.contains("<th scope=\"col\">x</th>") && page.contains("<code>2</code>"));
    }
}
