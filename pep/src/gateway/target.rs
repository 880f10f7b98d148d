//! Request targets (RFC 9112 3.2.1, origin form), read strictly.
//!
//! Nothing is normalised: what two servers could read in two ways is refused, since the one that is
//! approved has to be the one that runs. The path stays as it came; only what a segment stands for
//! is decoded, and only where that decoding has one result.

use super::refusal::Refusal;

/// Longest target, in bytes.
pub const MAX_TARGET: usize = 8192;
/// Most segments of a path, and most members of a query.
const MAX_PARTS: usize = 64;

/// A target that can be read in one way only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    raw: String,
    segments: Vec<Segment>,
    query: Vec<Member>,
}

/// One segment of a path. The last one is empty where the path ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// As it came.
    pub raw: String,
    /// What it stands for. `%2F` stays `%2F`, and no other `%` is in it.
    pub text: String,
    /// Whether a slash stands in it that separates nothing.
    pub slash: bool,
}

/// One member of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, decoded.
    pub name: String,
    /// Its value as it came.
    raw: String,
}

impl Target {
    /// Reads a target: an absolute path, and a query where there is a `?`.
    ///
    /// # Errors
    /// `gateway.target` for what is no origin form or can be read in more than one way: empty and
    /// dot segments, encoded letters, digits, dots, percent signs, backslashes or controls,
    /// parameters of segments (`;`), and queries with a name twice.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        if raw.len() > MAX_TARGET {
            return Err(wrong("it is longer than 8192 bytes"));
        }
        if !raw.bytes().all(is_target_byte) {
            return Err(wrong("a character in it has to be percent-encoded"));
        }
        let (path, query) = match raw.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw, None),
        };
        let query = query.map_or(Ok(Vec::new()), members)?;
        Ok(Self { raw: raw.to_owned(), segments: segments(path)?, query })
    }

    /// The target as it came.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The segments of the path.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The members of the query; no two have the same name.
    #[must_use]
    pub fn query(&self) -> &[Member] {
        &self.query
    }
}

impl Member {
    /// What the value stands for.
    ///
    /// # Errors
    /// `gateway.target` for a `+`, which is a space to some and a plus to others, for NUL, and for
    /// what is no UTF-8.
    pub fn value(&self) -> Result<String, Refusal> {
        let bytes = decode(&self.raw)?;
        if self.raw.contains('+') || bytes.contains(&0) {
            return Err(wrong("a value of the query can be read in two ways (`+`: write %20)"));
        }
        String::from_utf8(bytes).map_err(|_| wrong("a value of the query is no UTF-8"))
    }
}

fn segments(path: &str) -> Result<Vec<Segment>, Refusal> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(wrong("it has to begin with one slash"));
    };
    let mut out = Vec::new();
    let mut parts = rest.split('/').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() && parts.peek().is_some() {
            return Err(wrong("two slashes follow one another"));
        }
        if out.len() == MAX_PARTS {
            return Err(wrong("it has more than 64 segments"));
        }
        out.push(segment(part)?);
    }
    Ok(out)
}

fn segment(raw: &str) -> Result<Segment, Refusal> {
    // Some servers cut a segment at `;`, and route by what is left.
    if raw.contains(';') {
        return Err(wrong("a segment has parameters (`;`)"));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut slash = false;
    let mut rest = raw.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let decoded = hex_pair(rest.next(), rest.next())?;
        match decoded {
            b'/' => {
                slash = true;
                bytes.extend_from_slice(b"%2F");
            }
            b'%' | b'\\' => return Err(wrong("an encoded percent sign or backslash is in it")),
            0..=0x1f | 0x7f => return Err(wrong("an encoded control character is in it")),
            other if is_unreserved(other) => {
                return Err(wrong("a character is encoded that needs no encoding"));
            }
            other => bytes.push(other),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is no UTF-8"))?;
    // A server that takes %2F for a separator would see dot segments between them.
    if text.split("%2F").any(|part| part == "." || part == "..") {
        return Err(wrong("it has a dot segment"));
    }
    Ok(Segment { raw: raw.to_owned(), text, slash })
}

fn members(query: &str) -> Result<Vec<Member>, Refusal> {
    // Some servers take `;` for `&`.
    if query.contains(';') {
        return Err(wrong("the query has a `;`"));
    }
    let mut out: Vec<Member> = Vec::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let bytes = decode(name)?;
        let name = match String::from_utf8(bytes) {
            Ok(text) if !text.is_empty() && !name.contains('+') && !text.contains('\0') => text,
            _ => return Err(wrong("a name in the query is empty or can be read in two ways")),
        };
        if out.iter().any(|other| same_name(&other.name, &name)) {
            return Err(wrong("a name is in the query twice"));
        }
        if out.len() == MAX_PARTS {
            return Err(wrong("the query has more than 64 members"));
        }
        decode(value)?;
        out.push(Member { name, raw: value.to_owned() });
    }
    Ok(out)
}

/// Whether some server takes two names for one: without regard to case, and `id[]` for `id`.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let base = |name: &str| folded(name.split('[').next().unwrap_or_default());
    base(a) == base(b)
}

/// A name without what comparisons that ignore case ignore: Go's folds the long s and the Kelvin
/// sign, Java's the i with and without its dot.
pub(super) fn folded(name: &str) -> String {
    let lower = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    lower.filter(|c| *c != '\u{307}').collect()
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'%' => bytes.push(hex_pair(rest.next(), rest.next())?),
            other => bytes.push(other),
        }
    }
    Ok(bytes)
}

fn hex_pair(high: Option<&u8>, low: Option<&u8>) -> Result<u8, Refusal> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let value = digit(high).zip(digit(low)).map(|(high, low)| (high << 4) | low);
    let value = value.and_then(|v| u8::try_from(v).ok());
    value.ok_or_else(|| wrong("a `%` has no two hexadecimal digits after it"))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986: `pchar`, `/`, `?` and `%`; brackets too, which many clients leave as they are.
fn is_target_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"/?%!$&'()*+,;=:@[]".contains(&byte)
}

fn wrong(detail: &str) -> Refusal {
    Refusal::Target(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(raw: &str) -> Vec<String> {
        Target::parse(raw).unwrap().segments().iter().map(|s| s.text.clone()).collect()
    }

    #[test]
    fn a_target_is_read_as_it_stands() {
        assert_eq!(texts("/users/jos%C3%A9/disable"), ["users", "jos\u{e9}", "disable"]);
        assert_eq!(texts("/"), [""]);
        assert_eq!(texts("/users/"), ["users", ""]);
        assert_eq!(texts("/a%20b/a%2fb/a%2Fb"), ["a b", "a%2Fb", "a%2Fb"]);
        let target = Target::parse("/a%2Fb?q=x%20y&empty&n=").unwrap();
        assert!(target.segments()[0].slash);
        let values: Vec<_> = target.query().iter().map(|m| m.value().unwrap()).collect();
        assert_eq!(values, ["x y", "", ""]);
        assert_eq!(target.raw(), "/a%2Fb?q=x%20y&empty&n=");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for raw in [
            "",
            "users",
            "*",
            "//",
            "//evil.example/x",
            "/a//b",
            "/a/./b",
            "/a/../b",
            "/..",
            "/.",
            "/%2e%2e/a",
            "/%2E/a",
            "/a/.%2e/b",
            "/x%2F..%2Fadmin",
            "/..%2fadmin",
            "/%61dmin",
            "/a%5Cb",
            "/a\\b",
            "/a%252Fb",
            "/a%00b",
            "/a%0d%0ab",
            "/a%7f",
            "/a;b/c",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a b",
            "/a#b",
            "/a\u{e9}",
            "/%ff",
            "/a|b",
            "/{id}",
            "http://host/a",
            "/a?",
            "/a?x=1&x=2",
            "/a?x=1&X=2",
            "/a?id=1&id[]=2",
            "/a?id%5B%5D=1&id=2",
            "/a?x=1;y=2",
            "/a?&x=1",
            "/a?x=1&",
            "/a?=1",
            "/a?a+b=1",
            "/a?x=%2",
            "/a?%ff=1",
            "/a?x=%00&x%00=1",
        ] {
            assert_eq!(Target::parse(raw).unwrap_err().code(), "gateway.target", "{raw:?}");
        }
        for raw in ["/a?x=a+b", "/a?x=%ff", "/a?x=%00"] {
            let target = Target::parse(raw).unwrap();
            assert_eq!(target.query()[0].value().unwrap_err().code(), "gateway.target", "{raw:?}");
        }
        assert!(Target::parse(&format!("/{}", "a".repeat(MAX_TARGET))).is_err());
        assert!(Target::parse(&"/a".repeat(MAX_PARTS + 1)).is_err());
    }

    proptest! {
        /// Whatever comes, it is refused or kept byte for byte, and no text has a separator in it.
        #[test]
        fn any_target_is_kept_or_refused(raw in "[ -~]{0,40}|/[a-z%0-9A-F./;\\\\]{0,20}") {
            if let Ok(target) = Target::parse(&raw) {
                prop_assert_eq!(target.raw(), raw.as_str());
                for segment in target.segments() {
                    prop_assert!(!segment.text.contains('/') && !segment.text.contains('\\'));
                    prop_assert!(segment.text != ".." && segment.text != ".");
                }
            }
        }

        /// Two targets whose segments stand for the same differ at most in the case of digits.
        #[test]
        fn decoding_is_injective(a in "/[a-z%0-9A-F]{0,9}", b in "/[a-z%0-9A-F]{0,9}") {
            if let (Ok(x), Ok(y)) = (Target::parse(&a), Target::parse(&b)) {
                let same = x.segments()[0].text == y.segments()[0].text;
                prop_assert_eq!(same, a.to_uppercase() == b.to_uppercase() && same);
            }
        }
    }
}
