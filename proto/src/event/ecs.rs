//! Elastic Common Schema, one JCS object an event; what ECS has no field for stands under `placet`.

use super::Profile;
use super::facts::{Event, Value, number};
use super::table::{Class, Status};
use super::tree::put;
use crate::json::Json;
use crate::time::UnixSeconds;
use crate::{b64, jcs};

/// The version of ECS whose names are used.
const VERSION: &str = "9.0.0";

/// One event.
pub fn line(event: &Event, profile: &Profile) -> String {
    let kind = event.kind;
    let mut root = Json::Object(Vec::with_capacity(16));
    let outcome = match kind.status {
        Status::Success => "success",
        Status::Failure => "failure",
        Status::Unknown => "unknown",
    };
    let alert = if kind.class == Class::Finding { "alert" } else { "event" };
    let time = UnixSeconds(event.time).to_string();
    for (path, value) in [
        ("@timestamp", time.as_str()),
        ("ecs.version", VERSION),
        ("event.kind", alert),
        ("event.category[]", kind.ecs.0),
        ("event.type[]", kind.ecs.1),
        ("event.action", kind.code),
        ("event.outcome", outcome),
        ("event.id", &event.uid),
        ("event.module", "placet"),
        ("event.dataset", "placet.log"),
        ("event.provider", &event.origin),
        ("placet.profile", &profile.text()),
        ("placet.log", event.role.name()),
        ("placet.severity", kind.severity.ocsf().1),
    ] {
        put(&mut root, path, Json::string(value));
    }
    put(&mut root, "event.severity", number(u64::from(kind.severity.of_ten())));
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        put(&mut root, "event.sequence", number(index));
        put(&mut root, "event.hash", Json::string(b64::encode_hex(entry)));
    }
    for fact in &event.facts {
        // Elasticsearch takes one string or several for any keyword.
        let value = match &fact.value {
            list @ Value::List(_) => list.json(),
            one => Json::string(one.text()),
        };
        let path = fact.field.ecs;
        if path.is_empty() || !put(&mut root, path, value) {
            put(&mut root, &format!("placet.{}", fact.field.name), fact.value.json());
        }
    }
    // ECS asks for a message in every event.
    put(&mut root, "message", Json::string(kind.title));
    jcs::to_string(&root)
}
