//! Obligations: what a PEP has to do with an answer (AuthZEN Profile for Obligations, draft 1).
//!
//! An answer carries them in `context.obligations`, each `{id, type, properties}`, permits and
//! denials alike. Two types are the profile's own (`step-up`, `notification`); what a policy wants
//! with the data or the rate is `custom`, with its name in `properties.name`: `redact`, `narrow`,
//! `rate_limit`. A PEP that can't fulfil one of them denies: [`unfulfilled`]. One that tells what
//! it can (`context.supported_obligations`) is not given a permit that it could not enforce:
//! the decision point denies.

use placet_proto::{
    document::{MAX_OBLIGATIONS, MAX_PROPERTIES},
    jcs,
    json::Json,
};

pub use placet_proto::document::Obligation;

/// The type of what has no type of its own in the profile.
pub const CUSTOM: &str = "custom";
/// The types that this decision point gives out: the metadata's `supported_obligations`.
pub const SUPPORTED: [&str; 3] = ["step-up", "notification", CUSTOM];
/// The longest id, in bytes.
const MAX_ID: usize = 1024;

/// The obligations that a PEP can't fulfil; unless this is empty, it denies.
///
/// `supported` lists types of the profile, and `custom:NAME` for what `properties.name` tells of a
/// `custom` one: `custom` alone covers none of these, for nobody can do what he was not told.
#[must_use]
pub fn unfulfilled<'o>(obligations: &'o [Obligation], supported: &[&str]) -> Vec<&'o Obligation> {
    let can = |obligation: &Obligation| match obligation.kind.as_str() {
        CUSTOM => custom_name(obligation).is_some_and(|name| {
            supported.iter().any(|entry| entry.strip_prefix("custom:") == Some(name))
        }),
        kind => supported.contains(&kind),
    };
    obligations.iter().filter(|obligation| !can(obligation)).collect()
}

/// `properties.name` of a `custom` obligation: `redact`, `narrow`, `rate_limit`, or another's word.
#[must_use]
pub fn custom_name(obligation: &Obligation) -> Option<&str> {
    let of = (obligation.kind == CUSTOM).then_some(&obligation.properties)?;
    of.get("name").and_then(Json::as_str)
}

/// The obligations of an answer's `context`; none if it has none.
///
/// Members beside `id`, `type` and `properties` count as properties: earlier drafts of the profile
/// had no object of that name.
///
/// # Errors
/// What is wrong, for people. Such an answer is a denial: what it asks for is not known.
pub fn read(context: &Json) -> Result<Vec<Obligation>, &'static str> {
    let Some(list) = context.get("obligations") else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or("obligations is no list")?;
    if list.len() > MAX_OBLIGATIONS {
        return Err("more than 64 obligations");
    }
    let mut out: Vec<Obligation> = Vec::with_capacity(list.len());
    for item in list {
        let obligation = read_one(item).ok_or("an obligation is not {id, type, properties}")?;
        if out.iter().any(|other| other.id == obligation.id) {
            return Err("two obligations have one id");
        }
        out.push(obligation);
    }
    Ok(out)
}

/// `context.obligations` of an answer.
#[must_use]
pub fn to_json(obligations: &[Obligation]) -> Json {
    Json::Array(obligations.iter().map(Obligation::to_json).collect())
}

/// Adds obligations to others. One that says the same is not repeated; an id that is taken gets a
/// number. None is ever lost.
pub(crate) fn add(all: &mut Vec<Obligation>, more: impl IntoIterator<Item = Obligation>) {
    for mut next in more {
        if all.iter().any(|other| alike(other, &next)) {
            continue;
        }
        let taken = |id: &str| all.iter().any(|other| other.id == id);
        if taken(&next.id) {
            let head: String = next.id.chars().take(MAX_ID / 8).collect();
            let free = (2..=all.len().saturating_add(2)).map(|n| format!("{head}.{n}"));
            next.id = free.into_iter().find(|id| !taken(id)).unwrap_or(head);
        }
        all.push(next);
    }
}

/// Whether two obligations ask for the same, whatever their ids and the order of their members: the
/// record has another order than the policy's own.
pub(crate) fn alike(one: &Obligation, other: &Obligation) -> bool {
    one.kind == other.kind && jcs::to_bytes(&one.properties) == jcs::to_bytes(&other.properties)
}

/// Names with points between them, by which an obligation names a member.
pub(crate) fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !name.is_empty() && name.chars().all(fits)
    };
    text.split('.').all(is_name)
}

fn read_one(item: &Json) -> Option<Obligation> {
    let members = item.as_object()?;
    let text = |name: &str| {
        let text = item.get(name).and_then(Json::as_str)?;
        (1..=MAX_ID).contains(&text.len()).then(|| text.to_owned())
    };
    let (id, kind) = (text("id")?, text("type")?);
    let mut properties = match item.get("properties") {
        None => Json::Object(Vec::new()),
        Some(given) => given.as_object().map(|_| given.clone())?,
    };
    for (name, value) in members {
        if matches!(name.as_str(), "id" | "type" | "properties") {
            continue;
        }
        if properties.get(name).is_some() {
            return None;
        }
        properties.insert(name, value.clone());
    }
    let fits = jcs::to_bytes(&properties).len() <= MAX_PROPERTIES;
    fits.then_some(Obligation { id, kind, properties })
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;
    use proptest::prelude::*;

    fn context(text: &str) -> Json {
        json::parse(text.as_bytes()).unwrap()
    }

    fn obligation(id: &str, kind: &str, properties: &str) -> Obligation {
        Obligation { id: id.to_owned(), kind: kind.to_owned(), properties: context(properties) }
    }

    #[test]
    fn what_a_pep_can_not_do_is_named_and_custom_alone_says_nothing() {
        let all = [
            obligation("a", "notification", r#"{"to":"x","body":"y"}"#),
            obligation("b", "custom", r#"{"name":"redact","fields":["f"]}"#),
            obligation("c", "custom", r#"{"vendor":"other"}"#),
        ];
        let left = |supported: &[&str]| -> Vec<String> {
            unfulfilled(&all, supported).iter().map(|o| o.id.clone()).collect()
        };
        assert_eq!(left(&[]), ["a", "b", "c"]);
        assert_eq!(left(&["notification", "custom"]), ["b", "c"]);
        assert_eq!(left(&["notification", "custom:redact"]), ["c"]);
        assert_eq!(left(&["custom:"]), ["a", "b", "c"]);
        assert!(unfulfilled(&[], &[]).is_empty());
    }

    #[test]
    fn answers_are_read_in_both_forms_of_the_profile_and_else_refused() {
        let now = r#"{"obligations":[{"id":"1","type":"step-up","properties":{"acr_value":"x"}}]}"#;
        let before = r#"{"obligations":[{"id":"1","type":"step-up","acr_value":"x"}]}"#;
        assert_eq!(read(&context(now)), read(&context(before)));
        assert_eq!(read(&context(now)).unwrap().len(), 1);
        assert_eq!(read(&context("{}")), Ok(Vec::new()));
        for bad in [
            r#"{"obligations":{}}"#,
            r#"{"obligations":[1]}"#,
            r#"{"obligations":[{"id":"1"}]}"#,
            r#"{"obligations":[{"type":"custom"}]}"#,
            r#"{"obligations":[{"id":"","type":"custom"}]}"#,
            r#"{"obligations":[{"id":"1","type":"custom","properties":[]}]}"#,
            r#"{"obligations":[{"id":"1","type":"a","x":1,"properties":{"x":2}}]}"#,
            r#"{"obligations":[{"id":"1","type":"a"},{"id":"1","type":"b"}]}"#,
        ] {
            assert!(read(&context(bad)).is_err(), "{bad}");
        }
        let many: Vec<String> =
            (0..65).map(|n| format!(r#"{{"id":"{n}","type":"custom"}}"#)).collect();
        assert!(read(&context(&format!("{{\"obligations\":[{}]}}", many.join(",")))).is_err());
    }

    proptest! {
        // SPEC.md R-10-130.
        #[test]
        fn none_is_lost_and_ids_stay_unique(
            given in prop::collection::vec(("[ab]{1,2}", "[xyz]", 0u8..3), 0..12),
        ) {
            let given: Vec<Obligation> = given
                .into_iter()
                .map(|(id, kind, n)| obligation(&id, &kind, &format!("{{\"n\":{n}}}")))
                .collect();
            let mut all = Vec::new();
            add(&mut all, given.clone());
            for one in &given {
                let same = |o: &&Obligation| o.kind == one.kind && o.properties == one.properties;
                prop_assert_eq!(all.iter().filter(same).count(), 1);
            }
            let mut ids: Vec<&str> = all.iter().map(|o| o.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), all.len());
            prop_assert_eq!(read(&Json::object([("obligations", to_json(&all))])), Ok(all));
        }
    }
}
