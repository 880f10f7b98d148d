//! Every rule of SPEC.md has an id, `[R-…]`, and a test or vector that names it.

use std::collections::BTreeSet;

use crate::files;

/// Lists the ids that no test names.
pub fn run() -> Result<(), String> {
    let spec = files::read("SPEC.md")?;
    let rules = rules(&spec);
    let twice = twice(&spec);
    for id in &twice {
        println!("{id} stands for two rules");
    }
    let mut named = BTreeSet::new();
    for path in files::tracked()? {
        if let Some(text) = test_text(&path) {
            named.extend(ids(&text));
        }
    }
    let open: Vec<&String> = rules.difference(&named).collect();
    for id in &open {
        println!("{id}");
    }
    let unknown: Vec<&String> = named.difference(&rules).collect();
    for id in &unknown {
        println!("{id} is named by a test but not in SPEC.md");
    }
    println!("{} rules, {} without a test", rules.len(), open.len());
    if open.is_empty() && unknown.is_empty() && twice.is_empty() {
        Ok(())
    } else {
        Err("SPEC.md and the tests do not cover each other".to_owned())
    }
}

/// The part of a file that tests something: test files and vectors whole, sources from their test
/// module on.
fn test_text(path: &str) -> Option<String> {
    let in_folder = |name: &str| path.split('/').rev().skip(1).any(|part| part == name);
    let file = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = file.rsplit_once('.')?;
    // This tool's own examples are not tests of SPEC.md.
    if path.starts_with("tools/xtask/") {
        return None;
    }
    match extension {
        "json" if in_folder("vectors") => files::read(path).ok(),
        "rs" | "py" | "sh" if in_folder("tests") || stem.starts_with("test") => {
            files::read(path).ok()
        }
        "rs" => {
            let text = files::read(path).ok()?;
            text.split_once("#[cfg(test)]").map(|(_, tests)| tests.to_owned())
        }
        _ => None,
    }
}

/// The ids in SPEC.md. `[R-7.3-1]`…`[R-7.3-7]` stands for all between.
fn rules(spec: &str) -> BTreeSet<String> {
    let mut rules: BTreeSet<String> = ids(spec).into_iter().collect();
    for (at, _) in spec.match_indices("]`…`[R-") {
        let first = spec[..at].rsplit_once("[R-").map(|(_, id)| id);
        let last = spec[at..].split_once("[R-").and_then(|(_, rest)| rest.split_once(']'));
        let (Some(first), Some((last, _))) = (first, last) else { continue };
        let (Some((section, from)), Some((_, to))) =
            (first.rsplit_once('-'), last.rsplit_once('-'))
        else {
            continue;
        };
        if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) {
            rules.extend((from..=to).map(|n| format!("R-{section}-{n}")));
        }
    }
    rules
}

/// Ids that are defined more than once. A definition is in brackets; other mentions are not.
fn twice(spec: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let defined = spec.split("[R-").skip(1).filter_map(|rest| rest.split_once(']'));
    defined.map(|(id, _)| format!("R-{id}")).filter(|id| !seen.insert(id.clone())).collect()
}

/// Every `R-<section>-<number>` in a text, brackets or not.
fn ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for (at, _) in text.match_indices("R-") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            continue;
        }
        let rest = &text[at + 2..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
        let id = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', '-']);
        if id.split_once('-').is_some_and(|(section, number)| {
            !section.is_empty() && number.chars().all(|c| c.is_ascii_digit()) && !number.is_empty()
        }) {
            ids.push(format!("R-{id}"));
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_ranges_are_found() {
        assert_eq!(ids("MUST `[R-2.1-1]`, (R-9-1). STAR-1-2 R-x R-5"), ["R-2.1-1", "R-9-1"]);
        let rules = rules("Rules `[R-7.3-1]`…`[R-7.3-3]`, and `[R-9-2]`.");
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        assert_eq!(rules, ["R-7.3-1", "R-7.3-2", "R-7.3-3", "R-9-2"]);
    }

    #[test]
    fn an_id_that_is_defined_twice_is_found_and_a_mention_is_none() {
        let spec = "One `[R-1-1]`. Another `[R-1-2]`, see R-1-1. A third `[R-1-1]`.";
        assert_eq!(twice(spec).into_iter().collect::<Vec<_>>(), ["R-1-1"]);
    }
}
