//! Annotations of policies that become obligations of the answers that these policies determine.
//!
//! | annotation | on | obligation |
//! |---|---|---|
//! | `@redact("resource.email,resource.ssn")` | `permit` | these members are taken out of what is returned |
//! | `@narrow("limit=50,region=eu")` | `permit` | these parameters it has to have |
//! | `@rate_limit("50/10m")` | `permit` | at most so many in so long |
//! | `@step_up("urn:example:loa:3 mfa hwk")` | both | authentication of this class, by these methods |
//! | `@notify("security")` | both | this place is told |

use cedar_policy::{Effect, Policy};
use placet_proto::json::Json;

use super::requirement::name_of;
use crate::obligations::{CUSTOM, Obligation, is_path};

/// The annotations.
pub(super) const NAMES: [&str; 5] = ["redact", "narrow", "rate_limit", "step_up", "notify"];
/// Those that say how something is done, and so nothing of what is not done.
const OF_PERMITS: [&str; 3] = ["redact", "narrow", "rate_limit"];
/// The longest value of an annotation, in bytes.
const MAX_TEXT: usize = 1000;
/// The most fields, parameters or methods of one.
const MAX_PARTS: usize = 32;
/// The longest period, in seconds: a day.
const MAX_SECONDS: u64 = 86_400;

/// The obligations of one policy.
///
/// # Errors
/// What is wrong with an annotation, for people.
pub(super) fn of_policy(policy: &Policy) -> Result<Vec<Obligation>, String> {
    let mut out = Vec::new();
    for name in NAMES {
        let Some(text) = policy.annotation(name) else { continue };
        if policy.effect() == Effect::Forbid && OF_PERMITS.contains(&name) {
            return Err(format!("@{name} stands on a forbid, and says how something is done"));
        }
        let fits = (1..=MAX_TEXT).contains(&text.len());
        let read = fits.then(|| properties(name, text, policy)).flatten();
        let (kind, properties) = read.ok_or_else(|| fault(name, text))?;
        let id: String = name_of(policy).chars().take(200).collect();
        let id = format!("{id}/{name}");
        out.push(Obligation { id, kind: kind.to_owned(), properties });
    }
    Ok(out)
}

fn properties(name: &str, text: &str, policy: &Policy) -> Option<(&'static str, Json)> {
    match name {
        "redact" => {
            let fields: Vec<Json> = parts(text, ',')?.into_iter().map(Json::from).collect();
            let all = fields.iter().all(|field| field.as_str().is_some_and(is_path));
            all.then(|| custom(name, [("fields", Json::Array(fields))]))
        }
        "narrow" => Some(custom(name, [("parameters", parameters(text)?)])),
        "rate_limit" => {
            let (count, period) = text.split_once('/')?;
            let count = whole(count).filter(|count| *count > 0)?;
            let seconds = seconds(period).filter(|s| (1..=MAX_SECONDS).contains(s))?;
            let number = |n: u64| Json::try_from(n).ok();
            Some(custom(name, [("count", number(count)?), ("seconds", number(seconds)?)]))
        }
        "step_up" => {
            let mut words = parts(text, ' ')?.into_iter();
            let mut out = Json::object([("acr_value", Json::from(words.next()?))]);
            let methods: Vec<Json> = words.map(Json::from).collect();
            if !methods.is_empty() {
                out.insert("amr_values", Json::Array(methods));
            }
            Some(("step-up", out))
        }
        _ => {
            let to = parts(text, ' ').filter(|words| words.len() == 1)?.concat();
            let done = match policy.effect() {
                Effect::Permit => "permitted",
                Effect::Forbid => "denied",
            };
            // Nothing of the action: who is told may not be one who may know it.
            let body = match policy.annotation("reason") {
                Some(reason) => format!("{done} by {}: {reason}", name_of(policy)),
                None => format!("{done} by {}", name_of(policy)),
            };
            let of = [("to", Json::from(to)), ("body", body.into()), ("topic", done.into())];
            Some(("notification", Json::object(of)))
        }
    }
}

fn custom<const N: usize>(name: &str, more: [(&str, Json); N]) -> (&'static str, Json) {
    let mut out = Json::object([("name", Json::from(name))]);
    for (member, value) in more {
        out.insert(member, value);
    }
    (CUSTOM, out)
}

/// `NAME=VALUE`, separated by commas; a value of digits alone is a number.
fn parameters(text: &str) -> Option<Json> {
    let mut out = Json::Object(Vec::new());
    for part in parts(text, ',')? {
        let (name, value) = part.split_once('=')?;
        if !is_path(name) || value.is_empty() || out.get(name).is_some() {
            return None;
        }
        let number = whole(value).and_then(|n| Json::try_from(n).ok());
        out.insert(name, number.unwrap_or_else(|| Json::from(value)));
    }
    Some(out)
}

/// The parts between separators, none empty and none with space around it or control characters.
fn parts(text: &str, separator: char) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fits = |part: &&str| {
        !part.is_empty() && part.trim() == *part && !part.chars().any(char::is_control)
    };
    ((1..=MAX_PARTS).contains(&parts.len()) && parts.iter().all(fits)).then_some(parts)
}

fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A length of time in seconds: `30s`, `10m`, `2h`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    whole(number)?.checked_mul(factor)
}

fn fault(name: &str, text: &str) -> String {
    let form = match name {
        "redact" => "\"resource.email,resource.ssn\"",
        "narrow" => "\"limit=50,region=eu\"",
        "rate_limit" => "\"50/10m\", at most a day",
        "step_up" => {
            "\"urn:example:loa:3\", with methods after it, as in \"urn:example:loa:3 mfa\""
        }
        _ => "one name without spaces, as in \"security\"",
    };
    let shown: String = text.chars().take(80).collect();
    format!("@{name}({shown:?}) is not of the form {form}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::jcs;

    fn of(annotation: &str, effect: &str) -> Result<Vec<Obligation>, String> {
        let text = format!("{annotation} {effect} (principal, action, resource);");
        of_policy(&text.parse().unwrap())
    }

    #[test]
    fn annotations_become_obligations() {
        for (annotation, kind, properties) in [
            (
                r#"@redact("resource.email,ssn")"#,
                "custom",
                r#"{"fields":["resource.email","ssn"],"name":"redact"}"#,
            ),
            (
                r#"@narrow("limit=50,region=eu")"#,
                "custom",
                r#"{"name":"narrow","parameters":{"limit":50,"region":"eu"}}"#,
            ),
            (
                r#"@rate_limit("50/10m")"#,
                "custom",
                r#"{"count":50,"name":"rate_limit","seconds":600}"#,
            ),
            (
                r#"@step_up("urn:x:loa:3 mfa hwk")"#,
                "step-up",
                r#"{"acr_value":"urn:x:loa:3","amr_values":["mfa","hwk"]}"#,
            ),
            (
                r#"@id("p") @reason("why") @notify("security")"#,
                "notification",
                r#"{"body":"permitted by p: why","to":"security","topic":"permitted"}"#,
            ),
        ] {
            let found = of(annotation, "permit").unwrap();
            assert_eq!(found.len(), 1, "{annotation}");
            assert_eq!(found[0].kind, kind);
            let bytes = jcs::to_bytes(&found[0].properties);
            assert_eq!(String::from_utf8(bytes).unwrap(), properties);
        }
        let both = of(r#"@id("p") @notify("a") @step_up("b")"#, "forbid").unwrap();
        let ids: Vec<&str> = both.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(ids, ["p/step_up", "p/notify"]);
        assert_eq!(of(r#"@reason("x")"#, "permit"), Ok(Vec::new()));
    }

    #[test]
    fn what_nobody_could_fulfil_is_refused() {
        for bad in [
            r#"@redact("")"#,
            r#"@redact("a, b")"#,
            r#"@redact("a..b")"#,
            r#"@redact("a b")"#,
            r#"@narrow("limit")"#,
            r#"@narrow("limit=")"#,
            r#"@narrow("limit=1,limit=2")"#,
            r#"@rate_limit("50")"#,
            r#"@rate_limit("0/10m")"#,
            r#"@rate_limit("-1/10m")"#,
            r#"@rate_limit("50/10")"#,
            r#"@rate_limit("50/2d")"#,
            r#"@rate_limit("50/25h")"#,
            r#"@rate_limit("50/0s")"#,
            r#"@step_up("")"#,
            r#"@step_up("a  b")"#,
            r#"@notify("two words")"#,
        ] {
            let text = of(bad, "permit").unwrap_err();
            assert!(text.contains("is not of the form"), "{text}");
        }
        for name in OF_PERMITS {
            let text = of(&format!("@{name}(\"a=1/2m\")"), "forbid").unwrap_err();
            assert!(text.contains("stands on a forbid"), "{text}");
        }
    }
}
