//! CloudEvents 1.0 in structured JSON; `data` is our own JSON.

use super::facts::Event;
use super::{Profile, plain};
use crate::jcs;
use crate::json::Json;
use crate::time::UnixSeconds;

/// One event. `sequence` is the extension of that name: digits that sort as the log does.
pub fn line(event: &Event, profile: &Profile) -> String {
    let mut root = Json::object([
        ("specversion", Json::string("1.0")),
        ("id", Json::string(event.uid.clone())),
        // An origin is a URI reference without a scheme: CloudEvents allows that.
        ("source", Json::string(event.origin.clone())),
        ("type", Json::string(format!("placet.{}", event.kind.code))),
        ("time", Json::string(UnixSeconds(event.time).to_string())),
        ("datacontenttype", Json::string("application/json")),
        ("data", plain::object(event, profile)),
    ]);
    if let Some(request) = event.text("request") {
        root.insert("subject", Json::string(request));
    }
    if let Some(index) = event.index {
        root.insert("sequence", Json::string(format!("{index:020}")));
    }
    jcs::to_string(&root)
}
