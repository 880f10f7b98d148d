//! JSON objects built by paths such as `actor.user.uid` and `resources[].uid`.

use crate::json::Json;

/// Puts a value where a path says, and says whether it did: what stands there already stays.
/// `name[]` is the first item of an array of objects.
pub fn put(root: &mut Json, path: &str, value: Json) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(n, r)| (n, Some(r)));
    let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |n| (n, true));
    let Some(rest) = rest else {
        let value = if is_list { Json::Array(vec![value]) } else { value };
        let free = root.as_object().is_some() && root.get(name).is_none();
        if free {
            root.insert(name, value);
        }
        return free;
    };
    let Json::Object(members) = root else { return false };
    let at = members.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
        let empty = Json::Object(Vec::new());
        let empty = if is_list { Json::Array(vec![empty]) } else { empty };
        members.push((name.to_owned(), empty));
        members.len().saturating_sub(1)
    });
    match members.get_mut(at).map(|(_, value)| value) {
        Some(Json::Array(items)) => items.first_mut().is_some_and(|i| put(i, rest, value)),
        Some(inner) => put(inner, rest, value),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jcs;

    #[test]
    fn paths_make_objects_and_lists() {
        let mut root = Json::Object(Vec::new());
        for (path, value) in
            [("a.b.c", "1"), ("a.b.d", "2"), ("l[].x", "3"), ("l[].y", "4"), ("e[]", "5")]
        {
            put(&mut root, path, Json::string(value));
        }
        put(&mut root, "a.b.c", Json::string("later"));
        assert_eq!(
            jcs::to_string(&root),
            r#"{"a":{"b":{"c":"1","d":"2"}},"e":["5"],"l":[{"x":"3","y":"4"}]}"#
        );
    }
}
