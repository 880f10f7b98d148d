//! Where the parts of an action come from: `"{path.id}"`, `"{body./amount}"`, `"fixed"`.

use placet_proto::json::Json;

use super::call::Call;
use super::refusal::Refusal;
use super::target::{folded, same_name};
use super::template::{Fit, Template};

/// Longest pointer or name, in bytes.
const MAX_NAME: usize = 256;

/// A text with parts of the call in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    From { source: Source, optional: bool },
}

/// A part of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// What stands for a name of the path's template.
    Path(String),
    /// A member of the query.
    Query(String),
    /// A header, in lower case.
    Header(String),
    /// A member of a JSON body, by its pointer (RFC 6901).
    Body(String),
}

impl Value {
    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, path: &Template) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or("a `{` has no `}`")?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(piece(inside, path)?);
            rest = after;
        }
        if rest.contains('}') {
            return Err("a `}` has no `{`".to_owned());
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The parts of the call that it is made of.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::From { source, .. } => Some(source),
        })
    }

    /// The value for a call: of its own JSON type if it is one part of the body and nothing else,
    /// else a string. Nothing if an optional part is missing.
    ///
    /// # Errors
    /// `gateway.parameter`, `gateway.target`.
    pub fn of(&self, name: &str, call: &Call<'_>, fit: &Fit) -> Result<Option<Json>, Refusal> {
        let alone = self.pieces.len() == 1;
        let wrong =
            |detail: &str| Refusal::Parameter { name: name.to_owned(), detail: detail.to_owned() };
        let mut text = String::new();
        for piece in &self.pieces {
            let (source, optional) = match piece {
                Piece::Text(fixed) => {
                    text.push_str(fixed);
                    continue;
                }
                Piece::From { source, optional } => (source, *optional),
            };
            match (source.find(call, fit)?, alone) {
                (None, _) if optional => return Ok(None),
                (None, _) => return Err(wrong("it is missing from the request")),
                (Some(value), true) => return Ok(Some(value)),
                (Some(Json::String(part)), false) => text.push_str(&part),
                (Some(Json::Number(number)), false) => number.with_str(|part| text.push_str(part)),
                (Some(_), false) => return Err(wrong("it is neither a string nor a number")),
            }
        }
        Ok(Some(Json::String(text)))
    }
}

impl Source {
    fn find(&self, call: &Call<'_>, fit: &Fit) -> Result<Option<Json>, Refusal> {
        Ok(match self {
            Self::Path(name) => fit.value(name).map(Json::from),
            Self::Query(name) => {
                let member = call.target.query().iter().find(|m| same_name(&m.name, name));
                if member.is_some_and(|member| member.name != *name) {
                    return Err(in_other_letters(name));
                }
                member.map(|member| member.value().map(Json::String)).transpose()?
            }
            Self::Header(name) => call.one_header(name)?.map(Json::from),
            Self::Body(pointer) => match &call.json {
                Some(body) => at(body, pointer)?.cloned(),
                None => None,
            },
        })
    }
}

fn piece(inside: &str, path: &Template) -> Result<Piece, String> {
    let (inside, optional) = match inside.strip_suffix('?') {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let wrong = || format!("{{{inside}}}: path.NAME, query.NAME, header.NAME or body./POINTER");
    let (kind, name) = inside.split_once('.').ok_or_else(wrong)?;
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(wrong());
    }
    let source = match kind {
        "path" if path.names().contains(&name) => Source::Path(name.to_owned()),
        "path" => return Err(format!("{{{inside}}}: the path has no {{{name}}}")),
        "query" => Source::Query(name.to_owned()),
        "header" => Source::Header(super::headers::name(name)?.as_str().to_owned()),
        "body" if name.starts_with('/') => Source::Body(name.to_owned()),
        _ => return Err(wrong()),
    };
    Ok(Piece::From { source, optional })
}

/// RFC 6901. Many servers read members without regard to the case of their names: where a member
/// on the way has a name that is the same but for that, they may read another value.
fn at<'j>(body: &'j Json, pointer: &str) -> Result<Option<&'j Json>, Refusal> {
    let mut value = body;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let next = match value {
            Json::Array(items) => {
                let plain = token == "0" || !token.starts_with('0');
                token.parse::<usize>().ok().filter(|_| plain).and_then(|index| items.get(index))
            }
            other => {
                let mut names = other.as_object().into_iter().flatten().map(|(name, _)| name);
                if names.any(|name| **name != *token && folded(name) == folded(&token)) {
                    return Err(in_other_letters(&token));
                }
                other.get(&token)
            }
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn in_other_letters(name: &str) -> Refusal {
    let detail = "the request has it in other letters, which some servers take for the same";
    Refusal::Parameter { name: name.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use placet_proto::json::parse;

    use super::*;

    #[test]
    fn pointers_find_what_they_name() {
        let body = parse(br#"{"a":{"b/c":[1,{"~":"x"}]}}"#).unwrap();
        assert_eq!(at(&body, "/a/b~1c/1/~0").unwrap(), Some(&Json::from("x")));
        assert_eq!(at(&body, "/a/b~1c/0").unwrap().unwrap().as_u64(), Some(1));
        for none in ["/a/b~1c/00", "/a/b~1c/2", "/a/x", "/a/b~1c/-1", "/a/b~1c/0/x"] {
            assert_eq!(at(&body, none).unwrap(), None, "{none}");
        }
    }

    // SPEC.md R-10-141.
    #[test]
    fn a_member_that_servers_could_take_for_the_one_that_decides_is_refused() {
        for body in [
            r#"{"amount":1,"Amount":1000000}"#,
            r#"{"AMOUNT":1000000}"#,
            r#"{"to":{"kıosk":1},"To":{}}"#,
        ] {
            let body = parse(body.as_bytes()).unwrap();
            let said = [at(&body, "/amount"), at(&body, "/to/kiosk")];
            assert!(said.iter().any(Result::is_err), "{body:?}");
        }
        for (name, body) in [
            ("/ask", "{\"a\u{17f}k\":1}"),
            ("/ask", "{\"as\u{212a}\":1}"),
            ("/id", "{\"\u{130}d\":1}"),
            ("/id", "{\"\u{131}d\":1}"),
        ] {
            let refused = at(&parse(body.as_bytes()).unwrap(), name).unwrap_err();
            assert_eq!(refused.code(), "gateway.parameter", "{body}");
        }
        let other = parse(br#"{"amount":1,"items":[{"Amount":2}],"amounts":3}"#).unwrap();
        assert_eq!(at(&other, "/amount").unwrap().unwrap().as_u64(), Some(1));
    }

    #[test]
    fn values_name_parts_that_there_are() {
        let path = Template::parse("/o/{org}/{id}").unwrap();
        let value = Value::parse("{path.org}/{path.id}", &path).unwrap();
        assert_eq!(value.sources().count(), 2);
        assert!(Value::parse("", &path).is_ok());
        for wrong in [
            "{path.x}",
            "{org}",
            "{body.amount}",
            "{query.}",
            "{header.a b}",
            "{cookie.x}",
            "{",
            "a}b",
            "{path.org",
            "{}",
        ] {
            assert!(Value::parse(wrong, &path).is_err(), "{wrong}");
        }
    }
}
