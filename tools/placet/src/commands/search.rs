//! `search`: entries of both logs by what they have.

use serde::Serialize;
use serde_json::Value;

use crate::cli::Search;
use crate::client::Client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown, value};
use placet_proto::json::Json;
use placet_softkey::SoftKey;
use placet_verify::escape;

/// Hits of one page of the service.
const PAGE: usize = 200;

/// Goes through the pages of a search until there are as many hits as were asked for.
///
/// # Errors
/// Those of the service.
pub fn run(args: &Search, output: &mut Output) -> Result<Exit, Failure> {
    let limit = usize::try_from(args.limit).unwrap_or(PAGE);
    let mut client = Client::new(&args.url, &args.tls, args.token_file.as_deref())?;
    if let Some(path) = &args.key {
        client.sign_in(&mut SoftKey::load(path)?)?;
    }
    let mut found = Found {
        schema: "placet/search/v1",
        entries: Vec::new(),
        indexed_to: Value::Null,
        next: args.cursor.clone(),
    };
    loop {
        let left = limit.saturating_sub(found.entries.len());
        let mut query = query(args);
        query.push(("limit", left.clamp(1, PAGE).to_string()));
        query.extend(found.next.take().map(|cursor| ("cursor", cursor)));
        let page = client.search(&query)?;
        found.next = page.get("next").and_then(Json::as_str).map(str::to_owned);
        found.indexed_to = page.get("indexed_to").map_or(Value::Null, value);
        let entries = page.get("entries").and_then(Json::as_array).unwrap_or_default();
        found.entries.extend(entries.iter().map(value));
        if found.next.is_none() || found.entries.len() >= limit {
            break;
        }
    }
    output.show(&found)?;
    Ok(Exit::Done)
}

fn query(args: &Search) -> Vec<(&'static str, String)> {
    let all = [
        ("log", &args.log),
        ("kind", &args.kind),
        ("request", &args.request),
        ("digest", &args.digest),
        ("session", &args.session),
        ("credential", &args.credential),
        ("approver", &args.approver),
        ("person", &args.person),
        ("agent", &args.agent),
        ("audience", &args.audience),
        ("from", &args.from),
        ("to", &args.to),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

/// What was found.
#[derive(Debug, Serialize)]
struct Found {
    schema: &'static str,
    entries: Vec<Value>,
    indexed_to: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Shown for Found {
    fn text(&self) -> String {
        let mut out = String::new();
        for entry in &self.entries {
            let get = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("-");
            let index = entry.get("index").and_then(Value::as_u64).unwrap_or(0);
            let agent = entry.get("agent").and_then(|a| a.get("id")).and_then(Value::as_str);
            let line = format!(
                "{} {index:>8}  {}  {:<10} {}  {} {}",
                get("log"),
                get("at"),
                get("kind"),
                get("request"),
                agent.unwrap_or("-"),
                get("action"),
            );
            out.push_str(&escape::line(line.trim_end()));
            out.push('\n');
        }
        let size = |log: &str| self.indexed_to.get(log).and_then(Value::as_u64).unwrap_or(0);
        out.push_str(&format!(
            "{} found; looked at the first {} entries of main and {} of gov\n",
            self.entries.len(),
            size("main"),
            size("gov")
        ));
        if let Some(next) = &self.next {
            out.push_str(&format!("There are more: --cursor {next}\n"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_stands_on_one_line_each() {
        let found = Found {
            schema: "placet/search/v1",
            entries: vec![serde_json::json!({
                "log": "main", "index": 7, "kind": "approval", "at": "2026-11-22T00:00:00Z",
                "request": "r", "agent": {"type": "agent", "id": "a\nb"}, "action": "x"
            })],
            indexed_to: serde_json::json!({"main": 9, "gov": 4}),
            next: Some("c".to_owned()),
        };
        let text = found.text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.starts_with("main        7  2026-11-22T00:00:00Z  approval   r  a"), "{text}");
        assert!(text.ends_with("--cursor c\n"));
    }
}
