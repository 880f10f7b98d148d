//! What differs between an action and the last one like it that persons approved: computed here, no
//! part of what is signed, and the page says so.

use placet_proto::action::Action;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::exact;
use crate::service::render;

/// Most differences that are listed.
const MAX_CHANGES: usize = 100;
/// Longest value that is shown, in characters.
const MAX_VALUE: usize = 160;

/// One member that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, such as `resource.properties.tags.0`.
    pub path: String,
    /// Its value in the earlier action, for reading; none if it was not there.
    pub before: Option<String>,
    /// Its value in this one.
    pub now: Option<String>,
}

/// What differs, in the order of the paths, and how many differences are left out.
pub fn compare(before: &Action, now: &Action) -> (Vec<Change>, usize) {
    let mut changes = Changes::default();
    changes.between(Some(&before.to_json()), Some(&now.to_json()), "");
    (changes.listed, changes.more)
}

#[derive(Default)]
struct Changes {
    listed: Vec<Change>,
    more: usize,
}

impl Changes {
    fn between(&mut self, before: Option<&Json>, now: Option<&Json>, path: &str) {
        if before == now {
            return;
        }
        let both = |of: fn(&Json) -> bool| [before, now].into_iter().flatten().all(of);
        if both(|v| v.as_object().is_some_and(|o| !o.is_empty())) {
            let members = |v: Option<&Json>| v.and_then(Json::as_object).unwrap_or(&[]).to_vec();
            let (before, now) = (members(before), members(now));
            let mut names: Vec<&str> =
                before.iter().chain(&now).map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let of = |m: &[(String, Json)]| m.iter().find(|(n, _)| n == name).cloned();
                let (before, now) = (of(&before), of(&now));
                let below = below(path, &render::escape(name));
                self.between(before.as_ref().map(|m| &m.1), now.as_ref().map(|m| &m.1), &below);
            }
        } else if both(|v| v.as_array().is_some_and(|a| !a.is_empty())) {
            let items = |v: Option<&Json>| v.and_then(Json::as_array).map_or(0, <[Json]>::len);
            for i in 0..items(before).max(items(now)) {
                let of = |v: Option<&'_ Json>| {
                    v.and_then(Json::as_array).and_then(|a| a.get(i)).cloned()
                };
                let (before, now) = (of(before), of(now));
                self.between(before.as_ref(), now.as_ref(), &below(path, &i.to_string()));
            }
        } else if self.listed.len() < MAX_CHANGES {
            let change =
                Change { path: path.to_owned(), before: before.map(shown), now: now.map(shown) };
            self.listed.push(change);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// On one line, with everything that can't be seen as an escape.
fn shown(value: &Json) -> String {
    let text = match value {
        Json::Object(_) | Json::Array(_) => {
            jcs::to_string(value).chars().map(|c| exact::visible(&c.to_string())).collect()
        }
        value => exact::exact(value),
    };
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(resource: &str, context: &str) -> Action {
        let text = format!(
            r#"{{"subject":{{"type":"user","id":"a"}},"action":{{"name":"n"}},
            "resource":{resource},"context":{context}}}"#
        );
        Action::from_document(&placet_proto::json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn members_that_changed_came_or_went_are_named_by_their_path() {
        let before = action(r#"{"type":"user","id":"x"}"#, r#"{"a":[1,2],"gone":true}"#);
        let now = action(r#"{"type":"user","id":"y\u202e"}"#, r#"{"a":[1,3,{"b":1}],"new":{}}"#);
        let change = |path: &str, before: Option<&str>, now: Option<&str>| Change {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            now: now.map(str::to_owned),
        };
        let (changes, more) = compare(&before, &now);
        let wanted = [
            change("context.a.1", Some("2"), Some("3")),
            change("context.a.2.b", None, Some("1")),
            change("context.gone", Some("true"), None),
            change("context.new", None, Some("{}")),
            change("resource.id", Some("\"x\""), Some("\"y\\u202e\"")),
        ];
        assert_eq!((changes.as_slice(), more), (wanted.as_slice(), 0));
        assert_eq!(compare(&now, &now), (vec![], 0));
    }

    #[test]
    fn a_list_of_differences_and_each_of_their_values_are_bounded() {
        let before = action(r#"{"type":"t","id":"i"}"#, "{}");
        let many: Vec<String> = (0..300).map(|i| format!("\"k{i}\":{i}")).collect();
        let now = action(r#"{"type":"t","id":"i"}"#, &format!("{{{}}}", many.join(",")));
        let (changes, more) = compare(&before, &now);
        // An object that was empty has become another value: one difference.
        assert_eq!((changes.len(), more), (1, 0));
        assert_eq!(changes[0].now.as_ref().unwrap().chars().count(), MAX_VALUE + 1);
        let before = action(r#"{"type":"t","id":"i"}"#, r#"{"z":0}"#);
        let (changes, more) = compare(&before, &now);
        assert_eq!((changes.len(), more), (MAX_CHANGES, 201));
    }
}
