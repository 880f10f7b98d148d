//! Actions: Subject, Action, Resource, Context (SARC) of the AuthZEN Authorization API 1.0.
//!
//! * [`Action::from_request`] reads an evaluation request (unknown top-level members are ignored,
//!   as AuthZEN demands), [`Action::from_document`] what is signed or kept in a file (nothing
//!   unknown, no `context.approval`).
//! * [`Action::digest`] is `action_digest`: what is approved, consumed and compared.
//!   [`Action::canonical_bytes`] is its pre-image.
//! * [`Action::binding_hash`] and [`binding_hash_bulk`] are exactly ARAP's `binding_hash`
//!   (AuthZEN Access Request and Approval Profile): for lookup and interoperation.
//!
//! Members inside subject, action and resource other than `type`, `id`, `name` and `properties`
//! are refused: a digest cannot ignore what a policy engine might not. Vectors:
//! `proto/vectors/action.json`.

use sha2::{Digest, Sha256};

use crate::{b64, jcs, json::Json};

/// The longest type, id or name, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 1024;
/// The longest [`Action::canonical_bytes`].
pub const MAX_CANONICAL_BYTES: usize = 1 << 16;

/// The context member that carries an approval back to the PDP; never part of what is approved.
const APPROVAL: &str = "approval";

/// Who wants to do what to which resource, in which circumstances.
///
/// Always well-formed: subject and resource are objects with `type` and `id`, action one with
/// `name`, context an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    subject: Json,
    action: Json,
    resource: Json,
    context: Json,
    /// Everything that compares actions asks for it, and it costs a serialisation.
    digest: [u8; 32],
}

impl Action {
    /// Reads the action of an AuthZEN evaluation request. An absent context is `{}`; other
    /// top-level members are ignored; `context.approval` is kept for [`Action::approval`] alone.
    ///
    /// # Errors
    /// Any [`ActionError`] but `Bulk`.
    pub fn from_request(request: &Json) -> Result<Self, ActionError> {
        let top = "the request";
        if request.as_object().is_none() {
            return Err(ActionError::Type(top));
        }
        let part = |name| request.get(name).ok_or(ActionError::Missing(name)).cloned();
        let empty = Json::Object(Vec::new());
        let mut action = Self {
            digest: [0; 32],
            subject: part("subject")?,
            action: part("action")?,
            resource: part("resource")?,
            context: request.get("context").cloned().unwrap_or(empty),
        };
        check_entity(&action.subject, &SUBJECT)?;
        check_entity(&action.action, &ACTION)?;
        check_entity(&action.resource, &RESOURCE)?;
        if action.context.as_object().is_none() {
            return Err(ActionError::Type("context"));
        }
        let canonical = action.canonical_bytes();
        if canonical.len() > MAX_CANONICAL_BYTES {
            return Err(ActionError::Limit(canonical.len()));
        }
        action.digest = Sha256::digest(&canonical).into();
        Ok(action)
    }

    /// Reads the action of a document or file: as [`Action::from_request`], but unknown top-level
    /// members and `context.approval` are refused.
    ///
    /// # Errors
    /// Any [`ActionError`] but `Bulk`.
    pub fn from_document(value: &Json) -> Result<Self, ActionError> {
        let known = ["subject", "action", "resource", "context"];
        refuse_unknown(value, "the action", &known)?;
        let action = Self::from_request(value)?;
        match action.approval() {
            Some(_) => {
                Err(ActionError::UnknownMember { of: "context", member: APPROVAL.to_owned() })
            }
            None => Ok(action),
        }
    }

    /// The subject: an object with `type`, `id` and perhaps `properties`.
    #[must_use]
    pub fn subject(&self) -> &Json {
        &self.subject
    }

    /// The action: an object with `name` and perhaps `properties`.
    #[must_use]
    pub fn action(&self) -> &Json {
        &self.action
    }

    /// The resource: an object with `type`, `id` and perhaps `properties`.
    #[must_use]
    pub fn resource(&self) -> &Json {
        &self.resource
    }

    /// The context without `approval`.
    #[must_use]
    pub fn context(&self) -> Json {
        let mut context = self.context.clone();
        context.remove(APPROVAL);
        context
    }

    /// What the request gave as `context.approval`: the caller's claim, proof of nothing.
    #[must_use]
    pub fn approval(&self) -> Option<&Json> {
        self.context.get(APPROVAL)
    }

    /// The subject's type and id.
    #[must_use]
    pub fn subject_ref(&self) -> (&str, &str) {
        (text(&self.subject, "type"), text(&self.subject, "id"))
    }

    /// The action's name.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.action, "name")
    }

    /// The resource's type and id.
    #[must_use]
    pub fn resource_ref(&self) -> (&str, &str) {
        (text(&self.resource, "type"), text(&self.resource, "id"))
    }

    /// The whole action without `context.approval`, context always present, as it stands in
    /// documents.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object([
            ("subject", self.subject.clone()),
            ("action", self.action.clone()),
            ("resource", self.resource.clone()),
            ("context", self.context()),
        ])
    }

    /// The canonical form (RFC 8785) of [`Action::to_json`].
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        // In the order of their names (RFC 8785 3.2.3), without a copy of the whole.
        let kept;
        let context = match self.approval() {
            None => &self.context,
            Some(_) => {
                kept = self.context();
                &kept
            }
        };
        let parts = [
            ("{\"action\":", &self.action),
            (",\"context\":", context),
            (",\"resource\":", &self.resource),
            (",\"subject\":", &self.subject),
        ];
        let mut out = String::new();
        for (name, part) in parts {
            out.push_str(name);
            jcs::write(part, &mut out);
        }
        out.push('}');
        out.into_bytes()
    }

    /// `action_digest`: SHA-256 of [`Action::canonical_bytes`], `subject.properties.act` included.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// ARAP's `binding_hash` (base64url): SHA-256 of the canonical form of subject, resource,
    /// action and context, with `subject.properties.act` removed and the context reduced to
    /// `members` (`binding_context_members`), never `approval`.
    #[must_use]
    pub fn binding_hash(&self, members: &[&str]) -> String {
        hash(&Json::object([
            ("subject", self.bound_subject()),
            ("resource", self.resource.clone()),
            ("action", self.action.clone()),
            ("context", self.bound_context(members)),
        ]))
    }

    fn bound_subject(&self) -> Json {
        let mut subject = self.subject.clone();
        if let Json::Object(members) = &mut subject {
            for (_, properties) in members.iter_mut().filter(|(name, _)| name == "properties") {
                properties.remove("act");
            }
        }
        subject
    }

    fn bound_context(&self, bound: &[&str]) -> Json {
        let members = self.context.as_object().unwrap_or_default().iter();
        let is_bound = |name: &str| name != APPROVAL && bound.contains(&name);
        Json::Object(members.filter(|(name, _)| is_bound(name)).cloned().collect())
    }
}

/// ARAP's `binding_hash` of a bulk request: one subject and one context, items in order.
///
/// # Errors
/// `Bulk` without items, or if they differ in subject or context.
pub fn binding_hash_bulk(items: &[Action], members: &[&str]) -> Result<String, ActionError> {
    let first = items.first().ok_or(ActionError::Bulk)?;
    let (subject, context) = (first.bound_subject(), first.bound_context(members));
    let same = |item: &Action| {
        jcs::to_bytes(&item.subject) == jcs::to_bytes(&first.subject)
            && jcs::to_bytes(&item.context) == jcs::to_bytes(&first.context)
    };
    if !items.iter().all(same) {
        return Err(ActionError::Bulk);
    }
    let pair = |item: &Action| {
        let (resource, action) = (item.resource.clone(), item.action.clone());
        Json::object([("resource", resource), ("action", action)])
    };
    let items: Vec<Json> = items.iter().map(pair).collect();
    Ok(hash(&Json::object([("subject", subject), ("items", items.into()), ("context", context)])))
}

/// Why JSON is not an acceptable action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// A required member is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member has the wrong JSON type.
    #[error("{0} has the wrong type")]
    Type(&'static str),
    /// An identifier is empty or longer than 1024 bytes.
    #[error("{0} must have 1 to 1024 bytes")]
    Length(&'static str),
    /// A member that has no place there.
    #[error("unknown member {member:?} in {of}")]
    UnknownMember {
        /// The object that holds it.
        of: &'static str,
        /// Its name.
        member: String,
    },
    /// The canonical form is longer than 64 KiB.
    #[error("the canonical action has {0} bytes, at most 65536 are accepted")]
    Limit(usize),
    /// No items, or items that differ in subject or context, where ARAP's bulk form needs one each.
    #[error("a bulk request needs items with one subject and one context")]
    Bulk,
}

impl ActionError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "action.missing",
            Self::Type(_) => "action.type",
            Self::Length(_) => "action.length",
            Self::UnknownMember { .. } => "action.unknown_member",
            Self::Limit(_) => "action.limit",
            Self::Bulk => "action.bulk",
        }
    }
}

/// Names for errors of one part of an action.
struct Part {
    of: &'static str,
    properties: &'static str,
    /// Required strings: member name, and how errors call it.
    strings: &'static [(&'static str, &'static str)],
}

const SUBJECT: Part = Part {
    of: "subject",
    properties: "subject.properties",
    strings: &[("type", "subject.type"), ("id", "subject.id")],
};
const ACTION: Part =
    Part { of: "action", properties: "action.properties", strings: &[("name", "action.name")] };
const RESOURCE: Part = Part {
    of: "resource",
    properties: "resource.properties",
    strings: &[("type", "resource.type"), ("id", "resource.id")],
};

fn check_entity(value: &Json, part: &Part) -> Result<(), ActionError> {
    let known: Vec<&str> = part.strings.iter().map(|(m, _)| *m).chain(["properties"]).collect();
    refuse_unknown(value, part.of, &known)?;
    for &(member, shown) in part.strings {
        let text = value.get(member).ok_or(ActionError::Missing(shown))?;
        let text = text.as_str().ok_or(ActionError::Type(shown))?;
        if text.is_empty() || text.len() > MAX_ID_BYTES {
            return Err(ActionError::Length(shown));
        }
    }
    match value.get("properties") {
        None | Some(Json::Object(_)) => Ok(()),
        Some(_) => Err(ActionError::Type(part.properties)),
    }
}

fn refuse_unknown(value: &Json, of: &'static str, known: &[&str]) -> Result<(), ActionError> {
    let members = value.as_object().ok_or(ActionError::Type(of))?;
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(ActionError::UnknownMember { of, member: name.clone() }),
        None => Ok(()),
    }
}

fn text<'a>(value: &'a Json, member: &str) -> &'a str {
    value.get(member).and_then(Json::as_str).unwrap_or_default()
}

fn hash(value: &Json) -> String {
    b64::encode_url(Sha256::digest(jcs::to_bytes(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn vectors(section: &str) -> Vec<Json> {
        let file = parse(include_bytes!("../vectors/action.json")).unwrap();
        file.get(section).unwrap().as_array().unwrap().to_vec()
    }

    fn members(vector: &Json) -> Vec<&str> {
        let list = vector.get("binding_context_members").unwrap().as_array().unwrap();
        list.iter().map(|name| name.as_str().unwrap()).collect()
    }

    #[test]
    fn vectors_hold() {
        let accepted = vectors("accepted");
        assert_eq!(accepted.len(), 6);
        for vector in &accepted {
            let action = Action::from_request(vector.get("action").unwrap()).unwrap();
            let canonical = String::from_utf8(action.canonical_bytes()).unwrap();
            assert_eq!(canonical, text(vector, "canonical"));
            assert_eq!(hex::encode(action.digest()), text(vector, "action_digest"));
            assert_eq!(action.binding_hash(&members(vector)), text(vector, "binding_hash"));
            let document = Action::from_document(&parse(canonical.as_bytes()).unwrap()).unwrap();
            assert_eq!(document.digest(), action.digest());
        }
        for vector in &vectors("bulk") {
            let items = vector.get("items").unwrap().as_array().unwrap();
            let items: Vec<_> = items.iter().map(|i| Action::from_request(i).unwrap()).collect();
            let hash = binding_hash_bulk(&items, &members(vector)).unwrap();
            assert_eq!(hash, text(vector, "binding_hash"));
            let reversed: Vec<_> = items.iter().rev().cloned().collect();
            assert_ne!(binding_hash_bulk(&reversed, &members(vector)).unwrap(), hash);
        }
        for vector in &vectors("refused") {
            let error = Action::from_request(vector.get("action").unwrap()).unwrap_err();
            assert_eq!(error.code(), text(vector, "code"), "{}", text(vector, "name"));
        }
    }

    /// From the profile's own examples, computed independently of this project.
    // SPEC.md R-3.3-1.
    #[test]
    fn binding_hash_is_the_profiles() {
        let read = br#"{"action":{"name":"can_read"},"context":{},
            "resource":{"id":"q4-plan","type":"document"},
            "subject":{"id":"alice@example.com","type":"user"}}"#;
        let action = Action::from_request(&parse(read).unwrap()).unwrap();
        assert_eq!(action.binding_hash(&[]), "jy2Na0olk8TuIQE3wxOjXWDCKxtviYbrPjBYSmyF6o8");
        let bulk = &vectors("bulk")[0];
        assert_eq!(text(bulk, "binding_hash"), "NM0o1jI6qexrMTEnKEo1dxlaGjYPPOrOs9Ecqzmq3po");
    }

    fn sample(change: impl Fn(&mut Json)) -> Json {
        let mut value = parse(
            br#"{"subject":{"type":"a","id":"b","properties":{"act":{"sub":"x"}}},
                "action":{"name":"n"},"resource":{"type":"t","id":"i"},"context":{"k":1}}"#,
        )
        .unwrap();
        change(&mut value);
        value
    }

    // SPEC.md R-3.1-1.
    #[test]
    fn requests_ignore_unknown_top_level_members_and_documents_refuse_them() {
        let plain = Action::from_request(&sample(|_| ())).unwrap();
        let extra = sample(|value| value.insert("options", Json::Null));
        assert_eq!(Action::from_request(&extra).unwrap(), plain);
        assert_eq!(Action::from_document(&extra).unwrap_err().code(), "action.unknown_member");
        let approved = sample(|value| {
            value.insert("context", Json::object([("k", 1.into()), (APPROVAL, Json::Null)]));
        });
        assert_eq!(Action::from_document(&approved).unwrap_err().code(), "action.unknown_member");
        let approved = Action::from_request(&approved).unwrap();
        assert_eq!(approved.approval(), Some(&Json::Null));
        assert_eq!(approved.digest(), plain.digest());
        assert_eq!(approved.binding_hash(&["k", APPROVAL]), plain.binding_hash(&["k"]));
        assert_eq!(approved.context(), Json::object([("k", 1.into())]));
        assert_eq!(plain.subject_ref(), ("a", "b"));
        assert_eq!((plain.name(), plain.resource_ref()), ("n", ("t", "i")));
    }

    // SPEC.md R-3.2-1, R-3.3-1.
    #[test]
    fn the_actor_counts_in_the_digest_and_not_in_the_binding() {
        let plain = Action::from_request(&sample(|_| ())).unwrap();
        let other = Action::from_request(&sample(|value| {
            let act = Json::object([("act", Json::object([("sub", "y".into())]))]);
            let entity = [("type", "a".into()), ("id", "b".into()), ("properties", act)];
            value.insert("subject", Json::object(entity));
        }))
        .unwrap();
        assert_ne!(plain.digest(), other.digest());
        assert_eq!(plain.binding_hash(&["k"]), other.binding_hash(&["k"]));
        assert_ne!(plain.binding_hash(&["k"]), plain.binding_hash(&[]));
        assert_eq!(binding_hash_bulk(&[plain, other], &[]).unwrap_err().code(), "action.bulk");
        assert_eq!(binding_hash_bulk(&[], &[]).unwrap_err().code(), "action.bulk");
    }

    #[test]
    fn the_canonical_size_is_bounded() {
        let padded = |len: usize| {
            sample(|value| value.insert("context", Json::object([("k", "x".repeat(len).into())])))
        };
        let overhead = Action::from_request(&padded(0)).unwrap().canonical_bytes().len();
        assert!(Action::from_request(&padded(MAX_CANONICAL_BYTES - overhead)).is_ok());
        let error = Action::from_request(&padded(MAX_CANONICAL_BYTES - overhead + 1)).unwrap_err();
        assert_eq!(error, ActionError::Limit(MAX_CANONICAL_BYTES + 1));
        assert_eq!(Action::from_request(&Json::Null).unwrap_err().code(), "action.type");
        assert_eq!(Action::from_document(&Json::Null).unwrap_err().code(), "action.type");
    }
}
