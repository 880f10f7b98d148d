//! Our own JSON: one flat JCS object an event. JSON Schema: `proto/schema/event.schema.json`.

use super::Profile;
use super::facts::{Event, number};
use crate::json::Json;
use crate::time::UnixSeconds;
use crate::{b64, jcs};

/// What `schema` says.
pub const SCHEMA: &str = "placet/event/v1";

/// One event.
pub fn line(event: &Event, profile: &Profile) -> String {
    jcs::to_string(&object(event, profile))
}

/// The object.
pub fn object(event: &Event, profile: &Profile) -> Json {
    let mut members = vec![
        ("schema".to_owned(), Json::string(SCHEMA)),
        ("profile".to_owned(), Json::string(profile.text())),
        ("uid".to_owned(), Json::string(event.uid.clone())),
        ("code".to_owned(), Json::string(event.kind.code)),
        ("severity".to_owned(), Json::string(event.kind.severity.ocsf().1)),
        ("log".to_owned(), Json::string(event.role.name())),
        ("origin".to_owned(), Json::string(event.origin.clone())),
        ("time".to_owned(), Json::string(UnixSeconds(event.time).to_string())),
    ];
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        members.push(("index".to_owned(), number(index)));
        members.push(("entry".to_owned(), Json::string(b64::encode_hex(entry))));
    }
    members.extend(event.facts.iter().map(|f| (f.field.name.to_owned(), f.value.json())));
    Json::Object(members)
}
