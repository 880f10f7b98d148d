//! The registry of kinds and namespaces (SPEC.md 4.2, 4.3).
//!
//! A kind stands in the protected header's `typ`, in the payload and in the document; all three
//! agree. Everything that depends on the kind alone is decided here and nowhere else.

use crate::sshsig::Namespace;

/// Which of a ledger's two logs (SPEC.md 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogRole {
    /// `<origin>`: decisions, answers, executions, outcomes, erasures.
    Main,
    /// `<origin>/gov`: genesis, keys, policies, enrolments, roles, revocations, recoveries.
    Gov,
}

impl LogRole {
    /// The word in documents and trust files: `main` or `gov`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Gov => "gov",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "main" => Some(Self::Main),
            "gov" => Some(Self::Gov),
            _ => None,
        }
    }
}

/// A kind with a document of its own in this profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// First entry of each log.
    Genesis,
    /// Announces keys; never makes one trusted.
    Key,
    /// The policy in force from its index on.
    Policy,
    /// What the policy decision point answered.
    Decision,
    /// A person approved.
    Approval,
    /// A person refused.
    Denial,
    /// Nobody answered in time.
    Expiry,
    /// The agent's side withdrew the request.
    Cancel,
    /// The PEP spends approvals and acts.
    Execution,
    /// What came of it.
    Outcome,
    /// An administrator ordered that bodies be erased.
    Erasure,
    /// An act of administration that no passkey signed; evidence of nothing.
    Administration,
    /// A credential of a person.
    Enrolment,
    /// The roles of a person.
    Role,
    /// A credential is no longer to be trusted.
    Revocation,
    /// A new key is announced for somebody who lost theirs.
    Recovery,
}

impl Kind {
    /// Every kind of the profile, in the order of SPEC.md 4.2.
    pub const ALL: [Self; 16] = [
        Self::Genesis,
        Self::Key,
        Self::Policy,
        Self::Decision,
        Self::Expiry,
        Self::Cancel,
        Self::Approval,
        Self::Denial,
        Self::Execution,
        Self::Outcome,
        Self::Erasure,
        Self::Administration,
        Self::Enrolment,
        Self::Role,
        Self::Revocation,
        Self::Recovery,
    ];

    /// Names that are reserved but have no document in this profile.
    pub const RESERVED: [&'static str; 6] =
        ["finding", "coverage", "credential", "grant", "plan", "session"];

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Key => "key",
            Self::Policy => "policy",
            Self::Decision => "decision",
            Self::Approval => "approval",
            Self::Denial => "denial",
            Self::Expiry => "expiry",
            Self::Cancel => "cancel",
            Self::Execution => "execution",
            Self::Outcome => "outcome",
            Self::Erasure => "erasure",
            Self::Administration => "administration",
            Self::Enrolment => "enrolment",
            Self::Role => "role",
            Self::Revocation => "revocation",
            Self::Recovery => "recovery",
        }
    }

    /// The kind with this name, if this profile defines it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Whether the kind may stand in this log.
    #[must_use]
    pub fn belongs_in(self, role: LogRole) -> bool {
        match self {
            Self::Genesis | Self::Key | Self::Policy => true,
            Self::Enrolment | Self::Role | Self::Revocation | Self::Recovery => {
                role == LogRole::Gov
            }
            _ => role == LogRole::Main,
        }
    }

    /// `typ` of the protected header.
    #[must_use]
    pub fn typ(self) -> String {
        typ_of(self.name())
    }

    /// The namespace under which the person who answers or governs signs; the possession
    /// signature of an enrolment is beside it (SPEC.md 4.2). Of a `recovery` the new key signs.
    #[must_use]
    pub fn namespace(self) -> Option<Namespace> {
        match self {
            Self::Approval => Some(Namespace::Approve),
            Self::Denial => Some(Namespace::Deny),
            Self::Policy => Some(Namespace::Policy),
            Self::Enrolment => Some(Namespace::EnrolAuthorise),
            Self::Role => Some(Namespace::Role),
            Self::Revocation => Some(Namespace::Revoke),
            Self::Recovery => Some(Namespace::Recover),
            Self::Erasure => Some(Namespace::Erase),
            _ => None,
        }
    }
}

const TYP_PREFIX: &str = "application/vnd.placet.";
const TYP_SUFFIX: &str = "+cose";

/// `typ` for a kind's name.
#[must_use]
pub fn typ_of(name: &str) -> String {
    format!("{TYP_PREFIX}{name}{TYP_SUFFIX}")
}

/// The kind's name in a `typ`, known or not.
#[must_use]
pub fn name_in_typ(typ: &str) -> Option<&str> {
    typ.strip_prefix(TYP_PREFIX)?.strip_suffix(TYP_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_reserved_names_have_no_document() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert_eq!(name_in_typ(&kind.typ()), Some(kind.name()));
        }
        for name in Kind::RESERVED {
            assert_eq!(Kind::from_name(name), None);
        }
    }
}
