//! Tables in SPEC.md and docs/operating.md, between `<!-- generated: NAME -->` and `<!-- end -->`,
//! and what SPEC.md and the code both say.

use placet_ledger::service::settings::{SETTINGS, Stage};
use placet_proto::kind::Kind;
use placet_verifier::{checks, codes};

use crate::files::{self, Generated};

const PATH: &str = "SPEC.md";
const OPERATING: &str = "docs/operating.md";
const END: &str = "<!-- end -->";

/// SPEC.md with every table filled in.
pub fn filled() -> Result<Generated, String> {
    let spec = files::read(PATH)?;
    let wrong = disagreements(&spec);
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let content = fill(PATH, &spec, &table)?;
    Ok(Generated { path: PATH.to_owned(), content })
}

/// docs/operating.md with the table of settings filled in.
pub fn settings_filled() -> Result<Generated, String> {
    let content = fill(OPERATING, &files::read(OPERATING)?, &table)?;
    Ok(Generated { path: OPERATING.to_owned(), content })
}

/// A text with the tables between its marks made anew.
pub fn fill(
    path: &str,
    text: &str,
    table: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let name = line.strip_prefix("<!-- generated: ").and_then(|l| l.strip_suffix(" -->"));
        let Some(name) = name else { continue };
        out.push_str(&table(name).ok_or_else(|| format!("{path}: no table is called {name}"))?);
        if !lines.any(|line| line == END) {
            return Err(format!("{path}: no `{END}` after {name}"));
        }
        out.push_str(END);
        out.push('\n');
    }
    Ok(out)
}

fn table(name: &str) -> Option<String> {
    match name {
        "checks" => Some(check_order()),
        "codes" => Some(code_table()),
        "settings" => Some(setting_table(Stage::Start)),
        "settings of a ledger" => Some(setting_table(Stage::Made)),
        _ => None,
    }
}

/// The ids in the order that decides the code of a verdict.
fn check_order() -> String {
    let ids: Vec<String> = checks().map(|(id, _)| format!("`{id}`")).collect();
    ids.join(", ") + "\n"
}

fn code_table() -> String {
    let mut out = "| code | meaning | section |\n|---|---|---|\n".to_owned();
    for code in codes::CODES {
        out.push_str(&format!("| `{}` | {} | {} |\n", code.code, code.meaning, code.spec));
    }
    out
}

/// Keys; flag and variable follow from a key.
fn setting_table(stage: Stage) -> String {
    let mut out = "| key | flag | variable | default | |\n|---|---|---|---|---|\n".to_owned();
    for s in SETTINGS.iter().filter(|s| s.stage == stage) {
        let words = s.default.contains(['`', ' ']);
        let default = match s.default {
            "required" | "none" | "nobody" => s.default.to_owned(),
            default if words => default.to_owned(),
            default => format!("`{default}`"),
        };
        let (key, flag, variable) = (s.key, s.flag(), s.variable());
        out.push_str(&format!("| `{key}` | `{flag}` | `{variable}` | {default} | {} |\n", s.help));
    }
    out
}

/// What SPEC.md says by hand and the code must say too: kinds with their namespaces (4.2), check
/// ids (9).
fn disagreements(spec: &str) -> Vec<String> {
    let rows: Vec<&str> = spec.lines().filter(|line| line.starts_with('|')).collect();
    let row_with = |words: &[String]| rows.iter().any(|row| words.iter().all(|w| row.contains(w)));
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let namespace = kind.namespace().map(|n| format!("`{}`", n.as_str()));
        let words: Vec<String> =
            [format!("`{}`", kind.name())].into_iter().chain(namespace).collect();
        if !row_with(&words) {
            wrong.push(format!("{PATH}: no table row has {}", words.join(" and ")));
        }
    }
    for (id, _) in checks() {
        if !row_with(&[format!("`{id}`")]) {
            wrong.push(format!("{PATH}: no table row has the check `{id}`"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_or_check_that_is_not_in_a_table_is_noticed() {
        let ids: Vec<String> = checks().map(|(id, _)| format!("| `{id}` |\n")).collect();
        let kinds = Kind::ALL.map(|kind| {
            let namespace = kind.namespace().map_or("–", |n| n.as_str());
            format!("| `{}` | `{namespace}` |\n", kind.name())
        });
        let spec = ids.concat() + &kinds.concat();
        assert_eq!(disagreements(&spec), Vec::<String>::new());
        assert_eq!(disagreements(&spec.replace("| `log.root` |", "")).len(), 1);
        assert_eq!(disagreements(&spec.replace("placet-deny-v1", "placet-approve-v1")).len(), 1);
    }

    #[test]
    fn filling_twice_changes_nothing_and_keeps_the_rest() {
        let spec = "before\n<!-- generated: codes -->\nold\n<!-- end -->\nafter\n";
        let once = fill(PATH, spec, &table).unwrap();
        assert!(once.starts_with("before\n<!-- generated: codes -->\n| code |"));
        assert!(once.ends_with("|\n<!-- end -->\nafter\n"));
        assert_eq!(fill(PATH, &once, &table).unwrap(), once);
        assert!(fill(PATH, "<!-- generated: codes -->\n", &table).is_err());
        let unknown = "<!-- generated: other -->\n<!-- end -->\n";
        assert!(fill(PATH, unknown, &table).is_err());
    }
}
