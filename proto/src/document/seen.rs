//! What a decision carries beside its answer: obligations, and what the decision point was told
//! beside the action (SPEC.md 4.5).

use super::DocumentError;
use super::fields::{Builder, Fields};
use crate::json::Json;
use crate::{Error, jcs};

/// Most obligations of one decision.
pub const MAX_OBLIGATIONS: usize = 64;
/// Longest properties of an obligation, in bytes of their canonical form.
pub const MAX_PROPERTIES: usize = 4096;
/// Most counts of a session.
pub const MAX_COUNTS: usize = 32;

/// What the PEP has to do with the answer (AuthZEN Profile for Obligations, *The Obligation
/// Object*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligation {
    /// Unique within the decision.
    pub id: String,
    /// `step-up`, `notification`, `session_termination` or `custom`; of a foreign decision point,
    /// whatever it said.
    pub kind: String,
    /// An object; its canonical form has at most [`MAX_PROPERTIES`] bytes.
    pub properties: Json,
}

impl Obligation {
    /// The object of the profile: `{id, type, properties}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object([
            ("id", Json::from(self.id.as_str())),
            ("type", Json::from(self.kind.as_str())),
            ("properties", self.properties.clone()),
        ])
    }

    /// Reads the member `obligations`; none if it is absent.
    pub(crate) fn read_all(f: &mut Fields<'_>) -> Result<Vec<Self>, Error> {
        if !f.has("obligations") {
            return Ok(Vec::new());
        }
        let items = f.array("obligations")?;
        // An empty list has the meaning of none: one meaning, one form.
        if items.is_empty() || items.len() > MAX_OBLIGATIONS {
            return Err(DocumentError::Value("obligations").into());
        }
        let mut out: Vec<Self> = Vec::with_capacity(items.len());
        for item in items {
            let mut g = Fields::new(item, "obligations")?;
            let (id, kind) = (g.id("id")?, g.id("type")?);
            let properties = g.any("properties")?.clone();
            g.done()?;
            if properties.as_object().is_none() {
                return Err(DocumentError::Type("properties").into());
            }
            let unique = out.iter().all(|other| other.id != id);
            if !unique || jcs::to_bytes(&properties).len() > MAX_PROPERTIES {
                return Err(DocumentError::Value("obligations").into());
            }
            out.push(Self { id, kind, properties });
        }
        Ok(out)
    }

    pub(crate) fn write_all(all: &[Self], b: &mut Builder) {
        if !all.is_empty() {
            b.put("obligations", Json::Array(all.iter().map(Self::to_json).collect()));
        }
    }
}

/// What a decision rests on beside the action, the policy and the approvals, so that it can be
/// repeated. At least one member is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the policies were told of the session.
    pub session: Option<SessionSeen>,
    /// What a foreign decision point said.
    pub remote: Option<RemoteSeen>,
}

/// Counts of a session, as policies saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSeen {
    /// The length of the window, in seconds.
    pub window_s: u64,
    /// Counts by name, ascending, none twice, at most [`MAX_COUNTS`]; each below 2^53.
    pub counts: Vec<(String, u64)>,
}

/// The answer of a foreign decision point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSeen {
    /// Its identifier.
    pub pdp: String,
    /// What it said; `None`: nothing that can be used, which denies.
    pub decision: Option<bool>,
}

impl Seen {
    /// Reads the member `seen`.
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Option<Self>, Error> {
        if !f.has("seen") {
            return Ok(None);
        }
        let mut g = f.object("seen")?;
        let session = g.has("session").then(|| SessionSeen::read(&mut g)).transpose()?;
        let remote = g.has("remote").then(|| RemoteSeen::read(&mut g)).transpose()?;
        g.done()?;
        if session.is_none() && remote.is_none() {
            return Err(DocumentError::Value("seen").into());
        }
        Ok(Some(Self { session, remote }))
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut o = Builder::default();
        if let Some(session) = &self.session {
            let mut counts = Vec::with_capacity(session.counts.len());
            for (name, count) in &session.counts {
                // Above 2^53 JSON has no exact form; the null is refused when it is read back.
                counts.push((name.clone(), Json::try_from(*count).unwrap_or(Json::Null)));
            }
            let mut s = Builder::default();
            s.uint("window_s", session.window_s).put("counts", Json::Object(counts));
            o.put("session", s.build());
        }
        if let Some(remote) = &self.remote {
            let mut r = Builder::default();
            r.text("pdp", &remote.pdp);
            if let Some(decision) = remote.decision {
                r.bool("decision", decision);
            }
            o.put("remote", r.build());
        }
        b.put("seen", o.build());
    }
}

impl SessionSeen {
    /// The count of this name.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|(of, _)| of == name).map(|(_, count)| *count)
    }

    fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("session")?;
        let window_s = g.uint("window_s")?;
        let members = g.any("counts")?.as_object().ok_or(DocumentError::Type("counts"))?;
        g.done()?;
        if members.len() > MAX_COUNTS || window_s == 0 {
            return Err(DocumentError::Value("session").into());
        }
        let mut counts = Vec::with_capacity(members.len());
        for (name, value) in members {
            let value = value.as_u64().ok_or(DocumentError::Type("counts"))?;
            if name.is_empty() || name.len() > super::fields::MAX_ID {
                return Err(DocumentError::Value("counts").into());
            }
            counts.push((name.clone(), value));
        }
        // The bytes have them in the order of RFC 8785, by UTF-16; here it is that of Rust.
        counts.sort_unstable();
        Ok(Self { window_s, counts })
    }
}

impl RemoteSeen {
    fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("remote")?;
        let pdp = g.id("pdp")?;
        let decision = if g.has("decision") { Some(g.bool("decision")?) } else { None };
        g.done()?;
        Ok(Self { pdp, decision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn decision(more: &str) -> Result<(Vec<Obligation>, Option<Seen>), Error> {
        let value = json::parse(format!("{{{more}}}").as_bytes()).unwrap();
        let mut f = Fields::new(&value, "decision")?;
        let out = (Obligation::read_all(&mut f)?, Seen::read(&mut f)?);
        f.done()?;
        let mut b = Builder::default();
        Obligation::write_all(&out.0, &mut b);
        if let Some(seen) = &out.1 {
            seen.write(&mut b);
        }
        assert_eq!(jcs::to_bytes(&b.build()), jcs::to_bytes(&value));
        Ok(out)
    }

    // SPEC.md R-4.5-8.
    #[test]
    fn what_stands_beside_an_answer_has_one_form() {
        assert_eq!(decision("").unwrap(), (Vec::new(), None));
        let one = r#"{"id":"a","properties":{"x":[1]},"type":"custom"}"#;
        let (obligations, _) = decision(&format!(r#""obligations":[{one}]"#)).unwrap();
        assert_eq!(obligations[0].kind, "custom");
        let session = r#""session":{"counts":{"a":0,"b":9},"window_s":600}"#;
        let remote = r#""remote":{"decision":false,"pdp":"https://p.example"}"#;
        let (_, seen) = decision(&format!(r#""seen":{{{remote},{session}}}"#)).unwrap();
        let seen = seen.unwrap();
        assert_eq!(seen.session.unwrap().count("b"), Some(9));
        assert_eq!(seen.remote.unwrap().decision, Some(false));
        decision(r#""seen":{"remote":{"pdp":"p"}}"#).unwrap();
        let long =
            format!(r#"{{"id":"a","properties":{{"x":"{}"}},"type":"t"}}"#, "y".repeat(4096));
        for bad in [
            r#""obligations":[]"#.to_owned(),
            format!(r#""obligations":[{one},{one}]"#),
            format!(r#""obligations":[{long}]"#),
            r#""obligations":[{"id":"a","type":"t"}]"#.to_owned(),
            r#""obligations":[{"id":"a","type":"t","properties":1}]"#.to_owned(),
            r#""obligations":[{"id":"a","type":"t","properties":{},"more":1}]"#.to_owned(),
            r#""seen":{}"#.to_owned(),
            r#""seen":{"other":1}"#.to_owned(),
            r#""seen":{"session":{"window_s":0,"counts":{}}}"#.to_owned(),
            r#""seen":{"session":{"window_s":1,"counts":{"a":-1}}}"#.to_owned(),
            r#""seen":{"session":{"window_s":1,"counts":{"":1}}}"#.to_owned(),
            r#""seen":{"remote":{"decision":true}}"#.to_owned(),
            r#""seen":{"remote":{"pdp":"p","decision":"yes"}}"#.to_owned(),
        ] {
            assert!(decision(&bad).is_err(), "{bad}");
        }
    }
}
