//! Metadata of a foreign decision point (AuthZEN Authorization API 1.0, *Policy Decision Point
//! Metadata*).

use std::time::{Duration, Instant};

use placet_ledger::outbound::url::Target;
use placet_proto::json::Json;

use super::Reply;
use super::answer::{body, unusable};
use crate::pdp::Denial;

/// For how long metadata are kept.
const FRESH: Duration = Duration::from_secs(3600);
/// What is inserted between host and path.
const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// Where evaluations go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub url: String,
    pub since: Instant,
}

impl Endpoint {
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < FRESH
    }
}

/// An URL in its one form, without query, fragment and a slash at its end: an identifier.
///
/// # Errors
/// What is wrong with it.
pub fn identifier(text: &str) -> Result<String, String> {
    let target = Target::parse(text).map_err(|e| e.to_string())?;
    if text.contains(['?', '#']) {
        return Err("it has a query or a fragment".to_owned());
    }
    let url = target.url.trim_end_matches('/').to_owned();
    match url == text {
        true => Ok(url),
        false => Err(format!("written as {url} it would be")),
    }
}

/// The evaluation endpoint where nothing says another.
pub(super) fn default_path(identifier: &str) -> String {
    format!("{identifier}/access/v1/evaluation")
}

pub(super) fn metadata_url(identifier: &str) -> String {
    let (scheme, rest) = identifier.split_once("://").unwrap_or(("https", identifier));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{host}{WELL_KNOWN}{path}")
}

/// The evaluation endpoint of these metadata. They must be those of this decision point, or
/// another's could take its place; and the endpoint at its origin, for it gets what is asked and
/// the token.
pub(super) fn read(identifier: &str, reply: &Reply) -> Result<String, Denial> {
    let metadata = body(reply)?;
    let named = metadata.get("policy_decision_point").and_then(Json::as_str);
    if named.map(|named| named.strip_suffix('/').unwrap_or(named)) != Some(identifier) {
        return Err(unusable("the metadata are those of another decision point"));
    }
    let url = match metadata.get("access_evaluation_endpoint") {
        None => return Ok(default_path(identifier)),
        Some(url) => url.as_str().ok_or_else(|| unusable("its endpoint is no URL"))?,
    };
    let origin = |url: &str| Target::parse(url).ok().map(|target| target.origin());
    match origin(url) {
        Some(of) if Some(&of) == origin(identifier).as_ref() => Ok(url.to_owned()),
        _ => Err(unusable("its endpoint is at another origin than the decision point")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Reply {
        Reply { status: 200, body: text.as_bytes().to_vec(), truncated: false }
    }

    #[test]
    fn the_well_known_name_stands_between_host_and_path() {
        for (of, url) in [
            ("https://a.example", "https://a.example/.well-known/authzen-configuration"),
            ("https://a.example/t/1", "https://a.example/.well-known/authzen-configuration/t/1"),
            ("http://127.0.0.1:3592", "http://127.0.0.1:3592/.well-known/authzen-configuration"),
        ] {
            assert_eq!(identifier(of).as_deref(), Ok(of));
            assert_eq!(metadata_url(of), url);
        }
        for bad in ["a.example", "https://a.example/", "https://a.example?x", "https://A.example"] {
            assert!(identifier(bad).is_err(), "{bad}");
        }
    }

    // SPEC.md R-10-135.
    #[test]
    fn metadata_of_another_decision_point_are_not_used() {
        let of = "https://a.example";
        let endpoint = "https://a.example/x/evaluation";
        let good = format!(
            r#"{{"policy_decision_point":"{of}","access_evaluation_endpoint":"{endpoint}"}}"#
        );
        assert_eq!(read(of, &metadata(&good)).as_deref(), Ok(endpoint));
        let bare = format!(r#"{{"policy_decision_point":"{of}"}}"#);
        let by_default = "https://a.example/access/v1/evaluation";
        assert_eq!(read(of, &metadata(&bare)).as_deref(), Ok(by_default));
        for bad in [
            good.replace("\"https://a.example\"", "\"https://b.example\""),
            good.replace("\"https://a.example\"", "\"https://a.example/tenant\""),
            good.replace("https://a.example/x", "https://b.example/x"),
            good.replace("https://a.example/x", "http://a.example/x"),
            good.replace(&format!("\"{endpoint}\""), "1"),
            "{}".to_owned(),
            "[]".to_owned(),
            "no".to_owned(),
        ] {
            assert_eq!(read(of, &metadata(&bad)).unwrap_err().code, "pdp.remote_answer", "{bad}");
        }
        let missing = Reply { status: 404, ..metadata(&good) };
        assert!(read(of, &missing).is_err());
    }
}
