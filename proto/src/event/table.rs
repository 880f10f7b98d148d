//! The one table of what an event is called and where each of its fields stands in each format
//! (SPEC.md 18). Encoders, the reader of `placet-verify reconcile` and docs/events.md come from it.
//!
//! A change of a row changes the bytes of events: [`TABLE`] is raised with it, and events say under
//! which table they were made.

/// Version of this table; stands in every event, as the product's version.
pub const TABLE: &str = "1";

/// The classes of OCSF that events use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 3004 Entity Management: requests, answers, people, policies.
    Entity,
    /// 6003 API Activity: what an agent was let to do, or not.
    Api,
    /// 1008 Event Log Activity: the log itself.
    Log,
    /// 2004 Detection Finding: what an exporter found wrong with the log.
    Finding,
}

impl Class {
    /// `class_uid`, `class_name`, `category_uid`.
    #[must_use]
    pub fn ocsf(self) -> (u64, &'static str, u64) {
        match self {
            Self::Entity => (3004, "Entity Management", 3),
            Self::Api => (6003, "API Activity", 6),
            Self::Log => (1008, "Event Log Activity", 1),
            Self::Finding => (2004, "Detection Finding", 2),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to do.
    Informational,
    /// Worth a look in a report.
    Low,
    /// Worth a look today.
    Medium,
    /// Somebody should look now.
    High,
    /// The log can't be believed any more.
    Critical,
}

impl Severity {
    /// `severity_id` and `severity` of OCSF.
    #[must_use]
    pub fn ocsf(self) -> (u64, &'static str) {
        match self {
            Self::Informational => (1, "Informational"),
            Self::Low => (2, "Low"),
            Self::Medium => (3, "Medium"),
            Self::High => (4, "High"),
            Self::Critical => (5, "Critical"),
        }
    }

    /// 0 to 10 of CEF, 1 to 10 of LEEF.
    #[must_use]
    pub fn of_ten(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 8,
            Self::Critical => 10,
        }
    }

    /// The severity number of OpenTelemetry's logs data model.
    #[must_use]
    pub fn opentelemetry(self) -> u8 {
        match self {
            Self::Informational => 9,
            Self::Low => 10,
            Self::Medium => 13,
            Self::High => 17,
            Self::Critical => 21,
        }
    }

    /// The severity of RFC 5424, 0 to 7.
    #[must_use]
    pub fn syslog(self) -> u8 {
        match self {
            Self::Informational => 6,
            Self::Low => 5,
            Self::Medium => 4,
            Self::High => 3,
            Self::Critical => 2,
        }
    }
}

/// How it went, in the words of OCSF and ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It happened, or was allowed.
    Success,
    /// It was refused, or did not work.
    Failure,
    /// Nobody knows.
    Unknown,
}

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKind {
    /// The name: `event_code` of OCSF, `event.action` of ECS, the event id of CEF and LEEF.
    pub code: &'static str,
    /// A title without `|`, tab or control characters.
    pub title: &'static str,
    /// What of the log it is made from.
    pub from: &'static str,
    /// How bad.
    pub severity: Severity,
    /// OCSF class.
    pub class: Class,
    /// OCSF `activity_id` and `activity_name`.
    pub activity: (u64, &'static str),
    /// How it went.
    pub status: Status,
    /// OCSF `action_id` and `disposition_id` (profile `security_control`).
    pub control: Option<(u64, u64)>,
    /// Type of the managed entity, and the field that names it ([`Class::Entity`] only).
    pub entity: Option<(&'static str, &'static str)>,
    /// ECS `event.category` and `event.type`.
    pub ecs: (&'static str, &'static str),
}

use Class::{Api, Entity, Finding, Log};
use Severity::{Critical, High, Informational, Low, Medium};
use Status::{Failure, Success, Unknown};

macro_rules! kinds {
    ($($id:ident = $code:literal, $title:literal, $from:literal, $severity:ident, $class:ident,
        $activity:literal $name:literal, $status:ident, $control:expr, $entity:expr,
        $category:literal $type:literal;)*) => {
        $(#[doc = concat!("`", $code, "`: ", $from, ".")]
        pub const $id: EventKind = EventKind {
            code: $code, title: $title, from: $from, severity: $severity, class: $class,
            activity: ($activity, $name), status: $status, control: $control, entity: $entity,
            ecs: ($category, $type),
        };)*
        /// Every kind, in the order of docs/events.md.
        pub const KINDS: &[EventKind] = &[$($id),*];
    };
}

// The request is the entity of what people decide about it.
const REQUEST: Option<(&str, &str)> = Some(("Approval request", "request"));
const CREDENTIAL: Option<(&str, &str)> = Some(("Passkey", "credential"));

kinds! {
    REQUESTED = "approval.requested", "An approval was asked for", "decision `requestable`",
        Informational, Entity, 1 "Create", Success, None, REQUEST, "iam" "info";
    APPROVED = "approval.approved", "A person approved a request", "approval",
        Informational, Entity, 10 "Activate", Success, Some((1, 8)), REQUEST, "api" "allowed";
    REJECTED = "approval.rejected", "A person rejected a request", "denial",
        Low, Entity, 99 "Reject", Success, Some((2, 25)), REQUEST, "api" "denied";
    EXPIRED = "approval.expired", "A request expired unanswered or unused", "expiry",
        Low, Entity, 11 "Deactivate", Success, Some((2, 24)), REQUEST, "api" "end";
    CANCELLED = "approval.cancelled", "A request was withdrawn", "cancel",
        Informational, Entity, 11 "Deactivate", Success, Some((2, 24)), REQUEST, "api" "end";
    PERMITTED = "action.permitted", "Policy permitted an action", "decision `permit`",
        Informational, Api, 99 "Evaluate", Success, Some((1, 1)), None, "api" "allowed";
    DENIED = "action.denied", "Policy denied an action", "decision `deny`",
        Low, Api, 99 "Evaluate", Failure, Some((2, 2)), None, "api" "denied";
    ALLOWED = "action.allowed", "Approvals were spent and an action was let through", "execution",
        Informational, Api, 99 "Execute", Success, Some((1, 8)), None, "api" "allowed";
    SUCCEEDED = "action.succeeded", "An approved action succeeded", "outcome `success`",
        Informational, Api, 99 "Outcome", Success, None, None, "api" "info";
    FAILED = "action.failed", "An approved action failed", "outcome `failure`",
        Low, Api, 99 "Outcome", Failure, None, None, "api" "info";
    UNCERTAIN = "action.unknown", "What came of an approved action is unknown", "outcome `unknown`",
        Medium, Api, 99 "Outcome", Unknown, None, None, "api" "info";
    POLICY_UPDATED = "policy.updated", "The policy in force changed", "policy",
        Medium, Entity, 3 "Update", Success, None, Some(("Policy", "manifest")),
        "configuration" "change";
    KEY_ANNOUNCED = "key.announced", "The ledger announced keys", "key",
        Medium, Entity, 1 "Create", Success, None, Some(("Key", "keys")), "configuration" "creation";
    STARTED = "log.started", "The log began", "genesis",
        Informational, Log, 6 "Start", Success, None, None, "configuration" "creation";
    ENROLLED = "credential.enrolled", "A passkey was enrolled", "enrolment",
        Medium, Entity, 6 "Enroll", Success, None, CREDENTIAL, "iam" "creation";
    REVOKED = "credential.revoked", "A passkey was revoked", "revocation",
        Medium, Entity, 7 "Unenroll", Success, None, CREDENTIAL, "iam" "deletion";
    RECOVERY = "recovery.announced", "A new key was announced for somebody who lost theirs",
        "recovery", High, Entity, 1 "Create", Success, None, CREDENTIAL, "iam" "change";
    ROLE_CHANGED = "role.changed", "The roles of a person changed", "role",
        Medium, Entity, 3 "Update", Success, None, Some(("Person", "person")), "iam" "change";
    ERASURE = "erasure.ordered", "An administrator ordered that statements be erased", "erasure",
        High, Entity, 4 "Delete", Success, None, Some(("Statements", "targets")),
        "configuration" "deletion";
    ADMINISTRATION = "administration.performed", "The service was administered", "administration",
        Low, Entity, 3 "Update", Success, None, Some(("Service", "target")),
        "configuration" "change";
    EXTERNAL = "statement.external", "A statement was registered that is not the ledger's",
        "a statement that no issuer of the log may state, or of an unknown kind",
        Low, Log, 99 "Register", Success, None, None, "api" "info";
    ERASED = "statement.erased", "A statement whose body was erased", "an entry without a body",
        Informational, Log, 2 "Delete", Success, None, None, "configuration" "deletion";
    CHECKPOINT = "export.checkpoint", "A checkpoint covers the events before it",
        "a published note", Informational, Log, 3 "Export", Success, None, None,
        "configuration" "info";
    ROLLBACK = "log.rollback", "The log is smaller than, or differs from, what was exported",
        "the exporter, at its start", Critical, Finding, 1 "Create", Failure, None, None,
        "intrusion_detection" "info";
    TEST = "export.test", "A test of the export", "`placet export test`",
        Informational, Log, 99 "Test", Success, None, None, "configuration" "info";
}

/// How a field is shown unless the sink's settings say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hide {
    /// Names no content: it is always there and always plain.
    Never,
    /// Plain by default; may be keyed, for an event needs something in its place.
    Plain,
    /// Plain by default; may be keyed or left out.
    Optional,
    /// A keyed hash by default; may be plain or left out.
    Keyed,
    /// A keyed hash or nothing: the digest of something that can be guessed.
    Digest,
}

/// A field and where it stands. An empty path is the format's own place for other fields, where
/// also one goes that finds its place taken: `unmapped.placet.NAME` in OCSF, `placetName` in CEF
/// and LEEF, `placet.NAME` in ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name in our own JSON.
    pub name: &'static str,
    /// What it is, with shape and unit.
    pub meaning: &'static str,
    /// How it is shown.
    pub hide: Hide,
    /// Path in OCSF's 3004.
    pub ocsf_entity: &'static str,
    /// Path in OCSF's 6003.
    pub ocsf_api: &'static str,
    /// Key in CEF.
    pub cef: &'static str,
    /// Key in LEEF.
    pub leef: &'static str,
    /// Path in ECS.
    pub ecs: &'static str,
}

const fn f(
    name: &'static str,
    hide: Hide,
    paths: [&'static str; 5],
    meaning: &'static str,
) -> Field {
    let [ocsf_entity, ocsf_api, cef, leef, ecs] = paths;
    Field { name, meaning, hide, ocsf_entity, ocsf_api, cef, leef, ecs }
}

const NONE: [&str; 5] = ["", "", "", "", ""];

/// Every field, in the order of docs/events.md. Paths: OCSF 3004, OCSF 6003, CEF, LEEF, ECS.
pub const FIELDS: &[Field] = &[
    f("issuer", Hide::Never, NONE, "thumbprint of the key that signed the statement (hex)"),
    f("iss", Hide::Never, NONE, "who the statement says states it (an external one)"),
    f("kind", Hide::Never, NONE, "the kind that an external statement claims"),
    f(
        "request",
        Hide::Never,
        ["metadata.correlation_uid", "metadata.correlation_uid", "cs4", "", "transaction.id"],
        "the request that it is about (UUID)",
    ),
    f(
        "audience",
        Hide::Never,
        ["", "src_endpoint.name", "dvchost", "", "observer.name"],
        "the enforcement point",
    ),
    f(
        "agent_id",
        Hide::Plain,
        ["ai_agent.uid", "ai_agent.uid", "cs1", "", "agent.id"],
        "the agent",
    ),
    f(
        "agent_type",
        Hide::Plain,
        ["", "", "", "", "agent.type"],
        "the agent's type, as the request gives it",
    ),
    f(
        "subject_id",
        Hide::Plain,
        ["", "actor.user.uid", "duser", "usrName", "user.id"],
        "on whose behalf the agent acts",
    ),
    f("subject_type", Hide::Optional, NONE, "the subject's type"),
    f("action", Hide::Plain, ["", "api.operation", "request", "", ""], "the action's name"),
    f(
        "resource_id",
        Hide::Plain,
        ["", "resources[].uid", "", "resource", ""],
        "what the action is about",
    ),
    f("resource_type", Hide::Optional, NONE, "the resource's type"),
    f("subject_properties", Hide::Keyed, NONE, "the subject's properties (JCS)"),
    f("action_properties", Hide::Keyed, NONE, "the action's properties (JCS)"),
    f("resource_properties", Hide::Keyed, NONE, "the resource's properties (JCS)"),
    f("context", Hide::Keyed, NONE, "the context (JCS)"),
    f("action_digest", Hide::Digest, ["", "", "cs5", "", ""], "what was asked, approved or ran"),
    f("raw_sha256", Hide::Digest, NONE, "SHA-256 of the bytes that were forwarded"),
    f("raw_length", Hide::Optional, NONE, "how many bytes those are"),
    f("raw_media_type", Hide::Optional, NONE, "their media type"),
    f(
        "approver",
        Hide::Plain,
        ["actor.user.uid", "", "suid", "usrName", "user.id"],
        "the person who answered (UUID, pseudonymous)",
    ),
    f("credential", Hide::Never, ["", "", "", "", ""], "a passkey's credential id (base64url)"),
    f("surface", Hide::Never, NONE, "where it was signed, by the service's word"),
    f("quorum", Hide::Never, NONE, "how many people have to approve"),
    f("allow_self", Hide::Never, NONE, "whether the subject may be among them"),
    f("approvals", Hide::Never, NONE, "indexes of the approvals that count or are spent"),
    f("execution", Hide::Never, NONE, "index of the execution that an outcome belongs to"),
    f(
        "policy_index",
        Hide::Never,
        ["policy.version", "policy.version", "", "", "rule.version"],
        "index of the policy in the governance log",
    ),
    f(
        "policy_manifest",
        Hide::Never,
        ["policy.uid", "policy.uid", "cs2", "policy", "rule.uuid"],
        "SHA-256 of the policy's manifest (hex)",
    ),
    f("determining", Hide::Optional, ["", "", "", "", "rule.id"], "policies that decided"),
    f(
        "policy_reason",
        Hide::Optional,
        ["status_detail", "status_detail", "reason", "reason", "event.reason"],
        "why, in the policy's words",
    ),
    f("reason", Hide::Keyed, ["comment", "", "msg", "", ""], "why, in a person's or agent's words"),
    f("detail", Hide::Keyed, NONE, "what the enforcement point or the service says about it"),
    f("obligations", Hide::Never, NONE, "types of the obligations of a decision"),
    f("remote_pdp", Hide::Optional, NONE, "another decision point that was asked"),
    f("at", Hide::Never, NONE, "when, by the stating party's clock (RFC 3339)"),
    f("not_after", Hide::Never, ["", "", "", "", ""], "until when, exclusive (RFC 3339)"),
    f("manifest", Hide::Never, ["", "", "", "", ""], "SHA-256 of a new policy's manifest (hex)"),
    f("files", Hide::Never, NONE, "how many files that policy has"),
    f(
        "signer",
        Hide::Plain,
        ["actor.user.uid", "", "suid", "usrName", "user.id"],
        "the administrator who signed (UUID, pseudonymous)",
    ),
    f("signer_credential", Hide::Never, NONE, "with which passkey (base64url)"),
    f("keys", Hide::Never, NONE, "thumbprints of announced keys (hex)"),
    f("purposes", Hide::Never, NONE, "what those keys are for"),
    f("dev", Hide::Never, NONE, "whether the log is for trying things out only"),
    f("rp_id", Hide::Never, NONE, "WebAuthn RP id"),
    f("person", Hide::Plain, ["", "", "", "", "user.target.id"], "who it is about (UUID)"),
    f("class", Hide::Never, NONE, "what is known of the passkey's device"),
    f("roles", Hide::Never, ["", "", "", "", "user.target.roles"], "the person's roles"),
    f("effective_from", Hide::Never, NONE, "from when on (RFC 3339)"),
    f("targets", Hide::Never, NONE, "indexes of the statements to be erased"),
    f("act", Hide::Never, NONE, "what was done to the service"),
    f("target", Hide::Never, NONE, "to what"),
    // Of checkpoints.
    f("sequence", Hide::Never, NONE, "which published note of its log it is, from 0"),
    f("first_leaf", Hide::Never, NONE, "index of the first event that this note covers anew"),
    f("leaves", Hide::Never, NONE, "how many it covers anew"),
    f("tree_size", Hide::Never, ["", "", "cn2", "", ""], "entries in the tree"),
    f("root", Hide::Never, ["", "", "cs6", "", ""], "root of the tree (hex)"),
    f("note_sha256", Hide::Never, NONE, "SHA-256 of the note (hex)"),
    f("previous_note", Hide::Never, NONE, "SHA-256 of the note before (hex)"),
    f("note", Hide::Never, NONE, "the note, all cosignatures included (base64)"),
    // Of references.
    f("reference_length", Hide::Never, NONE, "length in bytes of the event that this stands for"),
    f("reference_sha256", Hide::Never, NONE, "SHA-256 of that event's line (hex)"),
    // Of findings.
    f("exported_size", Hide::Never, NONE, "entries of which events were exported"),
    f("exported_root", Hide::Never, NONE, "root of the tree of that size when they were (hex)"),
    f("found_root", Hide::Never, NONE, "root of that size now; absent in a smaller log (hex)"),
];

/// The field of this name.
#[must_use]
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|f| f.name == name)
}

/// The kind with this code.
#[must_use]
pub fn kind(code: &str) -> Option<&'static EventKind> {
    KINDS.iter().find(|k| k.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_safe_in_every_header() {
        let codes: BTreeSet<_> = KINDS.iter().map(|k| k.code).collect();
        assert_eq!(codes.len(), KINDS.len());
        let names: BTreeSet<_> = FIELDS.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), FIELDS.len());
        for kind in KINDS {
            let safe = |text: &str| !text.contains(['|', '\\', '=', '\t']) && text.is_ascii();
            assert!(safe(kind.code) && safe(kind.title), "{}", kind.code);
            assert_eq!(kind.entity.is_some(), kind.class == Class::Entity, "{}", kind.code);
            if let Some((_, name)) = kind.entity {
                assert!(field(name).is_some(), "{name}");
            }
        }
    }
}
