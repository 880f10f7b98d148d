//! Actions: Subject, Action, Resource, Context (SARC) of the AuthZEN Authorization API 1.0.

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
        }
    }
}
