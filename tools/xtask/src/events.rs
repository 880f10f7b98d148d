//! docs/events.md, from the one table of events.

use std::fmt::Write as _;

use placet_proto::event::table::{FIELDS, Hide, KINDS, Status};

use crate::files::{self, Generated};
use crate::spec;

const PATH: &str = "docs/events.md";

/// The page with its tables filled in.
pub fn filled() -> Result<Generated, String> {
    let content = spec::fill(PATH, &files::read(PATH)?, &|name| match name {
        "kinds of events" => Some(kinds()),
        "fields of events" => Some(fields()),
        "places of fields" => Some(places()),
        _ => None,
    })?;
    Ok(Generated { path: PATH.to_owned(), content })
}

fn kinds() -> String {
    let mut out = String::from(
        "| code | made from | severity | OCSF class, activity | status | action, disposition | ECS category, type |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for kind in KINDS {
        let (class, name, _) = kind.class.ocsf();
        let (activity, activity_name) = kind.activity;
        let status = match kind.status {
            Status::Success => "success",
            Status::Failure => "failure",
            Status::Unknown => "unknown",
        };
        let control = kind.control.map_or("–".to_owned(), |(a, d)| format!("{a}, {d}"));
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {class} {name}, {activity} {activity_name} | {status} | {control} | `{}`, `{}` |",
            kind.code,
            kind.from,
            kind.severity.ocsf().1,
            kind.ecs.0,
            kind.ecs.1,
        );
    }
    out
}

fn fields() -> String {
    let mut out = String::from("| field | what it is | shown | may be |\n|---|---|---|---|\n");
    for field in FIELDS {
        let (shown, may) = match field.hide {
            Hide::Never => ("plain", "–"),
            Hide::Plain => ("plain", "keyed"),
            Hide::Optional => ("plain", "keyed, dropped"),
            Hide::Keyed => ("**keyed**", "plain, dropped"),
            Hide::Digest => ("**keyed**", "dropped"),
        };
        let _ = writeln!(out, "| `{}` | {} | {shown} | {may} |", field.name, field.meaning);
    }
    out
}

fn places() -> String {
    let mut out = String::from(
        "| field | OCSF 3004 | OCSF 6003 | CEF | LEEF | ECS |\n|---|---|---|---|---|---|\n",
    );
    for field in FIELDS {
        let places = [field.ocsf_entity, field.ocsf_api, field.cef, field.leef, field.ecs];
        if places.iter().all(|p| p.is_empty()) {
            continue;
        }
        let shown = places.map(|p| if p.is_empty() { String::new() } else { format!("`{p}`") });
        let _ = writeln!(out, "| `{}` | {} |", field.name, shown.join(" | "));
    }
    out
}
