//! Path templates: `/users/{id}/disable`, `/files/{rest...}`.

use std::cmp::Ordering;
use std::fmt;

use super::target::{Segment, Target};

/// The paths of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// This segment, byte for byte. Empty at the end: the path ends in a slash.
    Literal(String),
    /// Any one segment that is not empty.
    One(String),
    /// One segment or more, up to the end.
    Rest(String),
}

/// How a path fits a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Names of the template and what stands in their place.
    pub values: Vec<(String, String)>,
    /// Whether a slash stands in a value that separates nothing (`%2F`).
    pub slash: bool,
}

impl Template {
    /// Reads a template. A name stands for a whole segment.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("a path begins with a slash")?;
        let mut parts = Vec::new();
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            parts.push(part(segment, last)?);
        }
        let template = Self { parts };
        let names = template.names();
        let twice = |name: &&str| names.iter().filter(|n| *n == name).count() > 1;
        match names.iter().find(|name| twice(name)) {
            Some(name) => Err(format!("{{{name}}} stands in it twice")),
            None => Ok(template),
        }
    }

    /// The names in it.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.parts.iter().filter_map(Part::name).collect()
    }

    /// How a path fits, byte for byte.
    #[must_use]
    pub fn fit(&self, target: &Target) -> Option<Fit> {
        self.fits(target.segments(), |literal, segment| segment.raw == literal)
    }

    /// Whether some server takes this path for one of the template: one that ignores the case of
    /// letters, that decodes what needs no encoding, or for which a slash at the end is nothing.
    #[must_use]
    pub fn could_fit(&self, target: &Target) -> bool {
        let all = target.segments();
        let loose = |literal: &str, s: &Segment| s.text.eq_ignore_ascii_case(literal);
        let slash = Segment { raw: String::new(), text: String::new(), slash: false };
        let other = match all.split_last() {
            Some((last, before)) if last.raw.is_empty() => before.to_vec(),
            _ => all.iter().cloned().chain([slash]).collect(),
        };
        self.fits(all, loose).is_some() || self.fits(&other, loose).is_some()
    }

    fn fits(&self, path: &[Segment], same: impl Fn(&str, &Segment) -> bool) -> Option<Fit> {
        let mut segments = path.iter();
        let mut fit = Fit { values: Vec::new(), slash: false };
        for part in &self.parts {
            match part {
                Part::Literal(text) => same(text, segments.next()?).then_some(())?,
                Part::One(name) => fit.take(name, &[segments.next()?])?,
                Part::Rest(name) => {
                    let rest: Vec<&Segment> = segments.by_ref().collect();
                    fit.take(name, &rest)?;
                }
            }
        }
        segments.next().is_none().then_some(fit)
    }

    /// The more particular template first: at the first segment where they differ, a literal before
    /// a name, a name before a rest.
    #[must_use]
    pub fn rank(&self, other: &Self) -> Ordering {
        let ranks = |t: &Self| t.parts.iter().map(Part::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other)).then_with(|| other.parts.len().cmp(&self.parts.len()))
    }

    /// Whether the two fit the same paths.
    #[must_use]
    pub fn same_paths(&self, other: &Self) -> bool {
        same(&self.parts, &other.parts)
    }

    /// Whether the two fit the same paths but for a slash at the end.
    #[must_use]
    pub fn same_but_slash(&self, other: &Self) -> bool {
        same(self.without_slash(), other.without_slash())
    }

    fn without_slash(&self) -> &[Part] {
        match self.parts.split_last() {
            Some((Part::Literal(last), before)) if last.is_empty() => before,
            _ => &self.parts,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => write!(f, "/{text}"),
            Part::One(name) => write!(f, "/{{{name}}}"),
            Part::Rest(name) => write!(f, "/{{{name}...}}"),
        })
    }
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::One(name) | Self::Rest(name) => Some(name),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::One(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

impl Fit {
    fn take(&mut self, name: &str, segments: &[&Segment]) -> Option<()> {
        let texts: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
        let value = texts.join("/");
        self.slash |= segments.iter().any(|s| s.slash);
        self.values.push((name.to_owned(), value));
        texts.first().filter(|first| !first.is_empty()).map(drop)
    }

    /// What stands in the place of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

fn same(these: &[Part], those: &[Part]) -> bool {
    let same = |(a, b): (&Part, &Part)| match (a, b) {
        (Part::Literal(a), Part::Literal(b)) => a.eq_ignore_ascii_case(b),
        _ => a.rank() == b.rank(),
    };
    these.len() == those.len() && these.iter().zip(those).all(same)
}

fn part(segment: &str, last: bool) -> Result<Part, String> {
    let inner = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
    let Some(inner) = inner else {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&b);
        if !segment.bytes().all(plain) || segment == "." || segment == ".." {
            return Err(format!("{segment:?} is no plain segment and no {{name}}"));
        }
        if segment.is_empty() && !last {
            return Err("two slashes follow one another".to_owned());
        }
        return Ok(Part::Literal(segment.to_owned()));
    };
    let (name, rest) = match inner.strip_suffix("...") {
        Some(name) => (name, true),
        None => (inner, false),
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(format!("{{{inner}}}: a name has lowercase letters, digits and _"));
    }
    match (rest, last) {
        (true, false) => Err(format!("{{{inner}}} takes the rest and has to be the last")),
        (true, true) => Ok(Part::Rest(name.to_owned())),
        (false, _) => Ok(Part::One(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        let target = Target::parse(path).unwrap();
        Template::parse(template).unwrap().fit(&target).map(|fit| fit.values)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn segments_bound_what_fits() {
        assert_eq!(fit("/users/{id}/disable", "/users/7/disable"), Some(pairs(&[("id", "7")])));
        assert_eq!(fit("/users", "/users"), Some(vec![]));
        for (template, path) in [
            ("/users", "/users2"),
            ("/users", "/users/"),
            ("/users/", "/users"),
            ("/users/{id}", "/users/"),
            ("/users/{id}", "/users/7/disable"),
            ("/users/{id}/disable", "/users/7/disable/"),
            ("/users/{id}", "/Users/7"),
            ("/{a}/{b}", "/a%2Fb"),
            ("/files/{rest...}", "/files"),
            ("/files/{rest...}", "/files/"),
            ("/files/{rest...}", "/filesystem/a"),
        ] {
            assert_eq!(fit(template, path), None, "{template} {path}");
        }
        assert_eq!(fit("/files/{p...}", "/files/a/b%2Fc"), Some(pairs(&[("p", "a/b%2Fc")])));
        assert_eq!(fit("/{x}", "/a%2Fb"), Some(pairs(&[("x", "a%2Fb")])));
        let folded = Template::parse("/users/{id}").unwrap();
        assert!(folded.could_fit(&Target::parse("/USERS/7").unwrap()));
    }

    #[test]
    fn templates_that_say_nothing_clear_are_refused() {
        for text in [
            "",
            "users",
            "/a//b",
            "/a/../b",
            "/{}",
            "/{A}",
            "/{a}/{a}",
            "/{a...}/b",
            "/x{a}",
            "/{a}x",
            "/a%20b",
            "/a?b",
            "/a b",
            "/{a",
            "/a;b",
        ] {
            assert!(Template::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_more_particular_comes_first() {
        let of = |text| Template::parse(text).unwrap();
        for (first, second) in [
            ("/users/me", "/users/{id}"),
            ("/users/{id}", "/users/{id...}"),
            ("/users/{id}/disable", "/{rest...}"),
            ("/a/{x}", "/{y}/b"),
        ] {
            assert_eq!(of(first).rank(&of(second)), Ordering::Less, "{first} {second}");
        }
        assert!(of("/users/{id}").same_paths(&of("/users/{other}")));
        assert!(of("/users/{id}").same_paths(&of("/Users/{other}")));
        assert!(!of("/users/{id}").same_paths(&of("/users/{id...}")));
    }
}
