//! OCSF 1.9 and 1.8 (<https://schema.ocsf.io>), one JCS object an event.
//!
//! The statement is named by `raw_data_hash` and `metadata.original_event_uid`. `attestation_list`
//! stays empty: it would attest the OCSF event itself, which nobody signs.

use super::Profile;
use super::facts::{Event, Value, number};
use super::table::{Class, Status};
use super::tree::put;
use crate::json::Json;
use crate::{b64, jcs};

/// Which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.9.0.
    V1_9,
    /// 1.8.0, which has no `ai_agent`.
    V1_8,
}

/// Where everything goes that OCSF has no place for.
const OWN: &str = "unmapped.placet.";

/// One event.
pub fn line(event: &Event, profile: &Profile, version: Version) -> String {
    let mut root = Json::Object(Vec::with_capacity(24));
    header(&mut root, event);
    metadata(&mut root, event, version);
    own(&mut root, event, profile);
    for fact in &event.facts {
        let path = match event.kind.class {
            Class::Entity => fact.field.ocsf_entity,
            Class::Api => fact.field.ocsf_api,
            Class::Log | Class::Finding => "",
        };
        let path = match version {
            Version::V1_8 if path.starts_with("ai_agent.") => "",
            _ => path,
        };
        // OCSF's own places hold strings; a list stands in ours, and what finds its place taken.
        let is_list = matches!(fact.value, Value::List(_));
        let text = || Json::string(fact.value.text());
        if path.is_empty() || is_list || !put(&mut root, path, text()) {
            put(&mut root, &format!("{OWN}{}", fact.field.name), fact.value.json());
        }
    }
    by_class(&mut root, event);
    jcs::to_string(&root)
}

fn header(root: &mut Json, event: &Event) {
    let kind = event.kind;
    let (class, class_name, category) = kind.class.ocsf();
    let (activity, activity_name) = kind.activity;
    let (severity, severity_name) = kind.severity.ocsf();
    let (status, status_name) = match kind.status {
        Status::Success => (1, "Success"),
        Status::Failure => (2, "Failure"),
        Status::Unknown => (0, "Unknown"),
    };
    let type_uid = class.saturating_mul(100).saturating_add(activity);
    for (name, value) in [
        ("class_uid", class),
        ("category_uid", category),
        ("activity_id", activity),
        ("type_uid", type_uid),
        ("severity_id", severity),
        ("time", event.time.saturating_mul(1000)),
    ] {
        put(root, name, number(value));
    }
    for (name, value) in [
        ("class_name", class_name),
        ("activity_name", activity_name),
        ("severity", severity_name),
        ("status_code", kind.code),
        ("message", kind.title),
    ] {
        put(root, name, Json::string(value));
    }
    // A finding's status says how far somebody is with it, which is for the SIEM to say.
    if kind.class != Class::Finding {
        put(root, "status_id", number(status));
        put(root, "status", Json::string(status_name));
    }
    if let Some((action, disposition)) = kind.control {
        put(root, "action_id", number(action));
        put(root, "disposition_id", number(disposition));
    }
}

fn metadata(root: &mut Json, event: &Event, version: Version) {
    let text = match version {
        Version::V1_9 => "1.9.0",
        Version::V1_8 => "1.8.0",
    };
    for (path, value) in [
        ("metadata.version", text),
        ("metadata.product.name", "Placet"),
        ("metadata.product.vendor_name", "Placet"),
        ("metadata.product.version", super::table::TABLE),
        ("metadata.uid", &event.uid),
        ("metadata.log_name", &event.origin),
        ("metadata.event_code", event.kind.code),
    ] {
        put(root, path, Json::string(value));
    }
    if matches!(event.kind.class, Class::Entity | Class::Api) {
        let names = match version {
            Version::V1_9 => vec![Json::string("ai_operation"), Json::string("security_control")],
            Version::V1_8 => vec![Json::string("security_control")],
        };
        put(root, "metadata.profiles", Json::Array(names));
    }
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        let entry = b64::encode_hex(entry);
        put(root, "metadata.sequence", number(index));
        put(root, "metadata.original_event_uid", Json::string(entry.clone()));
        put(root, "raw_data_hash.algorithm_id", number(3));
        put(root, "raw_data_hash.algorithm", Json::string("SHA-256"));
        put(root, "raw_data_hash.value", Json::string(entry));
        if version == Version::V1_9 {
            put(root, "raw_data_hash.serialization_id", number(4));
        }
    }
}

/// What identifies the event to our own tools, in one place whatever the class.
fn own(root: &mut Json, event: &Event, profile: &Profile) {
    let own = |name: &str| format!("{OWN}{name}");
    put(root, &own("profile"), Json::string(profile.text()));
    put(root, &own("log"), Json::string(event.role.name()));
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        put(root, &own("index"), number(index));
        put(root, &own("entry"), Json::string(b64::encode_hex(entry)));
    }
}

/// What a class requires beside the facts.
fn by_class(root: &mut Json, event: &Event) {
    match event.kind.class {
        Class::Entity => {
            if let Some((kind, name)) = event.kind.entity {
                let id = event.text(name).filter(|t| !t.is_empty());
                let id = id.unwrap_or_else(|| event.uid.clone());
                put(root, "entity.uid", Json::string(id));
                put(root, "entity.type", Json::string(kind));
                put(root, "entity.type_id", number(if kind == "Policy" { 5 } else { 99 }));
            }
        }
        Class::Api => {
            // An execution names no action: the request that it belongs to does.
            put(root, "api.operation", Json::string(event.kind.activity.1));
            let point = event.text("audience").unwrap_or_else(|| event.origin.clone());
            put(root, "src_endpoint.name", Json::string(point.clone()));
            put(root, "actor.app_uid", Json::string(point));
        }
        Class::Finding => {
            put(root, "finding_info.uid", Json::string(event.uid.clone()));
            put(root, "finding_info.title", Json::string(event.kind.title));
            put(root, "is_alert", Json::Bool(true));
        }
        Class::Log => {
            put(root, "log_name", Json::string(event.origin.clone()));
            put(root, "log_provider", Json::string("Placet"));
        }
    }
}
