//! From an entry or a note to the facts that its event holds, before anything is hidden.

use super::table::{self, EventKind, Field, field};
use super::{Covering, Issuers, Leaf, Rollback, leaf_uid, note_uid, uid};
use crate::action::Action;
use crate::document::{
    Answer, Body, Decision, DigestRef, Ended, Enrolment, Erasure, Execution, Initiator, Keys,
    Outcome, OutcomeResult, Policy, PolicyRef, Raw, Recovery, Revocation, Role, RoleChange, Signer,
    Verdict,
};
use crate::json::Json;
use crate::kind::LogRole;
use crate::statement::{self, Statement};
use crate::time::UnixSeconds;
use crate::{b64, jcs};

/// Longest value that a reference repeats, in bytes.
const MAX_KEPT: usize = 256;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A number.
    Uint(u64),
    /// A truth value.
    Bool(bool),
    /// Strings.
    List(Vec<String>),
}

impl Value {
    /// One text: numbers in decimal, lists with commas between.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Uint(n) => n.to_string(),
            Self::Bool(b) => b.to_string(),
            Self::List(items) => items.join(","),
        }
    }

    /// The value in JSON.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Text(text) => Json::string(text.clone()),
            Self::Uint(n) => number(*n),
            Self::Bool(b) => Json::Bool(*b),
            Self::List(items) => {
                Json::Array(items.iter().map(|i| Json::string(i.clone())).collect())
            }
        }
    }
}

/// A number in JSON. Beyond 2^53, where JSON has no exact one, it is a string.
pub(super) fn number(n: u64) -> Json {
    Json::try_from(n).unwrap_or_else(|_| Json::string(n.to_string()))
}

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub field: &'static Field,
    pub value: Value,
}

/// An event before it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: &'static EventKind,
    pub uid: String,
    pub origin: String,
    pub role: LogRole,
    /// Of a leaf.
    pub index: Option<u64>,
    /// Of a leaf.
    pub entry: Option<[u8; 32]>,
    /// Seconds since 1970.
    pub time: u64,
    pub facts: Vec<Fact>,
}

impl Event {
    fn new(kind: &'static EventKind, role: LogRole, origin: &str, uid: String, time: u64) -> Self {
        let time = time.min(UnixSeconds::MAX.0);
        let origin = origin.to_owned();
        Self { kind, uid, origin, role, index: None, entry: None, time, facts: Vec::new() }
    }

    /// The value of a field as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.facts.iter().find(|f| f.field.name == name).map(|f| f.value.text())
    }

    fn put(&mut self, name: &str, value: Value) {
        // A name that the table lacks is a mistake of ours, which the tests of every kind find.
        if let Some(field) = field(name) {
            self.facts.push(Fact { field, value });
        }
    }

    fn str(&mut self, name: &str, value: impl Into<String>) {
        self.put(name, Value::Text(value.into()));
    }

    /// A text that may be empty, which says nothing.
    fn words(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.str(name, value);
        }
    }

    fn hex(&mut self, name: &str, value: &[u8]) {
        self.str(name, b64::encode_hex(value));
    }

    fn uint(&mut self, name: &str, value: u64) {
        self.put(name, Value::Uint(value));
    }

    fn time(&mut self, name: &str, value: UnixSeconds) {
        self.str(name, value.to_string());
    }

    fn list(&mut self, name: &str, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().collect();
        if !items.is_empty() {
            self.put(name, Value::List(items));
        }
    }
}

/// The event of a leaf.
pub fn of_leaf(leaf: &Leaf<'_>, issuers: &Issuers) -> Event {
    let uid = leaf_uid(leaf.origin, leaf.index, &leaf.entry);
    let new = |kind, time| {
        let mut event = Event::new(kind, leaf.role, leaf.origin, uid.clone(), time);
        event.index = Some(leaf.index);
        event.entry = Some(leaf.entry);
        event
    };
    let Some(bytes) = leaf.statement else { return new(&table::ERASED, leaf.covered_at) };
    match Statement::parse(bytes) {
        Ok(statement) if issuers.state(leaf.role, leaf.index, &statement) => {
            let body = &statement.document.body;
            let mut event = new(kind_of(body), statement.header.iat);
            event.hex("issuer", &statement.header.kid);
            of_body(&mut event, body);
            event
        }
        _ => {
            // What others say is not repeated as if it were the ledger's.
            let found = statement::peek(bytes).ok();
            let time = found.as_ref().map_or(leaf.covered_at, |(header, _)| header.iat);
            let mut event = new(&table::EXTERNAL, time);
            if let Some((header, kind)) = found {
                event.hex("issuer", &header.kid);
                event.str("iss", header.iss);
                event.words("kind", &kind);
            }
            event
        }
    }
}

/// The event of a note.
pub fn of_note(note: &Covering<'_>) -> Event {
    let uid = note_uid(note.origin, note.note);
    let mut event = Event::new(&table::CHECKPOINT, note.role, note.origin, uid, note.at);
    event.uint("sequence", note.sequence);
    event.uint("first_leaf", note.first);
    event.uint("leaves", note.size.saturating_sub(note.first));
    event.uint("tree_size", note.size);
    event.hex("root", &note.root);
    event.hex("note_sha256", &crate::sha256(note.note));
    if let Some(previous) = &note.previous {
        event.hex("previous_note", previous);
    }
    event.str("note", b64::encode_std(note.note));
    event
}

/// What stands for an event whose line is too long for a receiver: what it is of, and its hash.
pub fn of_reference(whole: &Event, line: &[u8]) -> Event {
    let mut event = Event { facts: Vec::new(), ..whole.clone() };
    event.uint("reference_length", u64::try_from(line.len()).unwrap_or(u64::MAX));
    event.hex("reference_sha256", &crate::sha256(line));
    // Without these nobody could tell what the event is about, and they are short.
    let kept = ["request", "audience", "approvals", "execution", "tree_size", "root"];
    let of = whole.facts.iter().filter(|f| kept.contains(&f.field.name));
    event.facts.extend(of.filter(|f| f.value.text().len() <= MAX_KEPT).cloned());
    event
}

/// The finding that the log is not the one of which events were exported.
pub fn of_rollback(found: &Rollback<'_>) -> Event {
    let now = found.found_root.unwrap_or_default();
    let parts: [&[u8]; 3] = [&found.exported_size.to_be_bytes(), &found.exported_root, &now];
    let uid = uid(b"placet-event-rollback/1", found.origin, &parts);
    let mut event = Event::new(&table::ROLLBACK, found.role, found.origin, uid, found.at);
    event.uint("exported_size", found.exported_size);
    event.hex("exported_root", &found.exported_root);
    if let Some(root) = &found.found_root {
        event.hex("found_root", root);
    }
    event
}

/// A test.
pub fn of_test(origin: &str, at: u64) -> Event {
    let uid = uid(b"placet-event-test/1", origin, &[&at.to_be_bytes()]);
    Event::new(&table::TEST, LogRole::Main, origin, uid, at)
}

fn kind_of(body: &Body) -> &'static EventKind {
    match body {
        Body::Genesis(_) => &table::STARTED,
        Body::Key(_) => &table::KEY_ANNOUNCED,
        Body::Policy(_) => &table::POLICY_UPDATED,
        Body::Decision(d) => match d.decision {
            Verdict::Permit => &table::PERMITTED,
            Verdict::Deny => &table::DENIED,
            Verdict::Requestable => &table::REQUESTED,
        },
        Body::Approval(_) => &table::APPROVED,
        Body::Denial(_) => &table::REJECTED,
        Body::Expiry(_) => &table::EXPIRED,
        Body::Cancel(_) => &table::CANCELLED,
        Body::Execution(_) => &table::ALLOWED,
        Body::Outcome(o) => match o.result {
            OutcomeResult::Success => &table::SUCCEEDED,
            OutcomeResult::Failure => &table::FAILED,
            OutcomeResult::Unknown => &table::UNCERTAIN,
        },
        Body::Erasure(_) => &table::ERASURE,
        Body::Administration(_) => &table::ADMINISTRATION,
        Body::Enrolment(_) => &table::ENROLLED,
        Body::Role(_) => &table::ROLE_CHANGED,
        Body::Revocation(_) => &table::REVOKED,
        Body::Recovery(_) => &table::RECOVERY,
    }
}

fn of_body(e: &mut Event, body: &Body) {
    if let Some(request) = body.request() {
        e.str("request", request);
    }
    if let Some(audience) = body.audience() {
        e.str("audience", audience);
    }
    match body {
        Body::Genesis(g) => {
            e.put("dev", Value::Bool(g.dev));
            e.str("rp_id", g.rp_id.clone());
            e.list("keys", g.issuers.iter().map(|i| b64::encode_hex(i.kid)));
            e.hex("manifest", &g.policy_manifest);
            e.time("at", g.at);
        }
        Body::Key(keys) => of_keys(e, keys),
        Body::Policy(policy) => of_policy(e, policy),
        Body::Decision(decision) => of_decision(e, decision),
        Body::Approval(answer) | Body::Denial(answer) => of_answer(e, answer),
        Body::Expiry(ended) | Body::Cancel(ended) => of_end(e, ended),
        Body::Execution(execution) => of_execution(e, execution),
        Body::Outcome(outcome) => of_outcome(e, outcome),
        Body::Erasure(erasure) => of_erasure(e, erasure),
        Body::Administration(a) => {
            e.str("act", a.act.clone());
            e.str("target", a.target.clone());
            if let Some(person) = &a.person {
                e.str("person", person.clone());
            }
            e.words("detail", &a.detail);
            e.time("at", a.at);
        }
        Body::Enrolment(enrolment) => of_enrolment(e, enrolment),
        Body::Role(change) => of_role(e, change),
        Body::Revocation(revocation) => of_revocation(e, revocation),
        Body::Recovery(recovery) => of_recovery(e, recovery),
    }
}

fn of_decision(e: &mut Event, d: &Decision) {
    initiator(e, &d.initiator);
    action(e, &d.action);
    policy_ref(e, &d.policy);
    e.list("determining", d.determining.iter().cloned());
    e.words("policy_reason", &d.reason);
    approvals(e, &d.approvals);
    e.list("obligations", d.obligations.iter().map(|o| o.kind.clone()));
    if let Some(remote) = d.seen.as_ref().and_then(|s| s.remote.as_ref()) {
        e.str("remote_pdp", remote.pdp.clone());
    }
    if let Some(quorum) = &d.quorum {
        e.uint("quorum", quorum.required);
        e.put("allow_self", Value::Bool(quorum.allow_self));
    }
    if let Some(not_after) = d.not_after {
        e.time("not_after", not_after);
    }
    e.time("at", d.at);
}

fn of_answer(e: &mut Event, a: &Answer) {
    // Before the subject: who acted is the event's user.
    e.str("approver", a.approver.person.clone());
    e.str("credential", b64::encode_url(&a.approver.credential));
    initiator(e, &a.initiator);
    action(e, &a.action);
    raw(e, a.raw.as_ref());
    policy_ref(e, &a.policy);
    e.str("surface", a.surface.clone());
    e.uint("quorum", a.quorum.required);
    e.put("allow_self", Value::Bool(a.quorum.allow_self));
    e.words("reason", a.reason.as_deref().unwrap_or_default());
    e.time("not_after", a.not_after);
}

fn of_end(e: &mut Event, ended: &Ended) {
    e.words("reason", ended.reason.as_deref().unwrap_or_default());
    e.time("at", ended.at);
}

fn of_execution(e: &mut Event, x: &Execution) {
    initiator(e, &x.initiator);
    e.hex("action_digest", &x.action_digest);
    raw(e, x.raw.as_ref());
    approvals(e, &x.approvals);
    e.time("at", x.at);
}

fn of_outcome(e: &mut Event, o: &Outcome) {
    e.uint("execution", o.execution.index);
    e.hex("action_digest", &o.action_digest);
    raw(e, o.raw.as_ref());
    e.words("detail", &o.detail);
    e.time("at", o.at);
}

fn of_keys(e: &mut Event, keys: &Keys) {
    e.list("keys", keys.keys.iter().map(|k| b64::encode_hex(k.kid)));
    e.list("purposes", keys.keys.iter().map(|k| k.purpose.name().to_owned()));
    e.time("at", keys.at);
}

fn of_policy(e: &mut Event, policy: &Policy) {
    e.hex("manifest", &policy.manifest_sha256);
    e.uint("files", u64::try_from(policy.files.len()).unwrap_or(u64::MAX));
    if let Some((by, _)) = &policy.authorised {
        signer(e, by);
    }
    e.time("at", policy.at);
}

fn of_erasure(e: &mut Event, erasure: &Erasure) {
    e.list("targets", erasure.targets.iter().map(|t| t.index.to_string()));
    e.words("reason", &erasure.reason);
    signer(e, &erasure.signer);
}

fn of_enrolment(e: &mut Event, enrolment: &Enrolment) {
    e.str("person", enrolment.person.clone());
    e.str("credential", b64::encode_url(&enrolment.credential));
    e.str("class", enrolment.class.name());
    e.str("rp_id", enrolment.rp_id.clone());
    roles(e, &enrolment.roles);
    if let Some(by) = &enrolment.authoriser {
        signer(e, by);
    }
}

fn of_role(e: &mut Event, change: &RoleChange) {
    e.str("person", change.person.clone());
    roles(e, &change.roles);
    signer(e, &change.signer);
}

fn of_revocation(e: &mut Event, revocation: &Revocation) {
    e.str("credential", b64::encode_url(&revocation.credential));
    e.time("effective_from", revocation.effective_from);
    e.words("reason", &revocation.reason);
    signer(e, &revocation.signer);
}

fn of_recovery(e: &mut Event, recovery: &Recovery) {
    e.str("person", recovery.person.clone());
    e.str("credential", b64::encode_url(&recovery.credential));
    roles(e, &recovery.roles);
    e.time("effective_from", recovery.effective_from);
    e.words("reason", &recovery.reason);
}

fn initiator(e: &mut Event, initiator: &Initiator) {
    e.str("agent_id", initiator.id.clone());
    e.str("agent_type", initiator.kind.clone());
}

fn action(e: &mut Event, action: &Action) {
    let (subject_type, subject) = action.subject_ref();
    e.str("subject_id", subject);
    e.str("subject_type", subject_type);
    e.str("action", action.name());
    let (resource_type, resource) = action.resource_ref();
    e.str("resource_id", resource);
    e.str("resource_type", resource_type);
    properties(e, "subject_properties", action.subject().get("properties"));
    properties(e, "action_properties", action.action().get("properties"));
    properties(e, "resource_properties", action.resource().get("properties"));
    properties(e, "context", Some(&action.context()));
    e.hex("action_digest", &action.digest());
}

/// Empty ones say nothing, and a hash of them would say that they are empty.
fn properties(e: &mut Event, name: &str, value: Option<&Json>) {
    if let Some(value) = value.filter(|v| v.as_object().is_some_and(|m| !m.is_empty())) {
        e.str(name, jcs::to_string(value));
    }
}

fn raw(e: &mut Event, raw: Option<&Raw>) {
    if let Some(raw) = raw {
        e.hex("raw_sha256", &raw.sha256);
        e.uint("raw_length", raw.length);
        e.str("raw_media_type", raw.media_type.clone());
    }
}

fn policy_ref(e: &mut Event, policy: &PolicyRef) {
    // A string wherever it goes: versions of policies are no numbers to others.
    e.str("policy_index", policy.index.to_string());
    e.hex("policy_manifest", &policy.manifest);
}

fn approvals(e: &mut Event, refs: &[DigestRef]) {
    e.list("approvals", refs.iter().map(|r| r.index.to_string()));
}

fn signer(e: &mut Event, by: &Signer) {
    e.str("signer", by.person.clone());
    e.str("signer_credential", b64::encode_url(&by.credential));
}

fn roles(e: &mut Event, roles: &[Role]) {
    e.list("roles", roles.iter().map(|r| r.name().to_owned()));
}
