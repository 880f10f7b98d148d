//! Why a policy folder cannot be armed.

/// Why a policy folder cannot be armed. Texts name the file, and the line where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A file or folder cannot be read or written.
    #[error("{0}")]
    Io(String),
    /// A required file is absent.
    #[error("the policy folder has no {0}")]
    Missing(String),
    /// A file that is too long, or too many of them.
    #[error("{0} is more than a policy folder may hold")]
    Limit(String),
    /// A file name that a policy folder does not have.
    #[error("{0:?} is no name of a file in a policy folder")]
    Name(String),
    /// A file that is not UTF-8.
    #[error("{0} is not UTF-8")]
    Text(String),
    /// A file that is not the strict JSON that it should be.
    #[error("{0}: {1}")]
    Json(String, String),
    /// `schema.cedarschema` is no schema.
    #[error("schema.cedarschema{0}")]
    Schema(String),
    /// A file of policies that does not parse, holds templates, or too many policies.
    #[error("{0}")]
    Policies(String),
    /// Policies that do not fit the schema; Cedar would skip them at run time.
    #[error("{0}")]
    Validation(String),
    /// Policies of which an operation fails for some requests. Such a folder can be armed, for an
    /// error denies; `placet policy check` refuses it.
    #[error("{0}")]
    CanFail(String),
    /// The mapping does not fit the schema or itself.
    #[error("{0}")]
    Mapping(String),
    /// `entities.json` does not fit the schema.
    #[error("entities.json: {0}")]
    Entities(String),
    /// An annotation with a value that nothing understands.
    #[error("policy {policy}: {text}")]
    Annotation {
        /// The policy's `@id`, else its file and line.
        policy: String,
        /// What is wrong.
        text: String,
    },
    /// A policy names a person whom the governance log does not.
    #[error("a policy's @approvers names {0}, who was never enrolled")]
    Person(String),
    /// The request that must be denied was permitted, or could not be evaluated.
    #[error("self-test: the canary request must be denied by the policies, but {0}")]
    Canary(String),
}

impl PolicyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "policy.io",
            Self::Missing(_) => "policy.missing",
            Self::Limit(_) => "policy.limit",
            Self::Name(_) => "policy.name",
            Self::Text(_) => "policy.text",
            Self::Json(..) => "policy.json",
            Self::Schema(_) => "policy.schema",
            Self::Policies(_) => "policy.policies",
            Self::Validation(_) => "policy.validation",
            Self::CanFail(_) => "policy.can_fail",
            Self::Mapping(_) => "policy.mapping",
            Self::Entities(_) => "policy.entities",
            Self::Annotation { .. } => "policy.annotation",
            Self::Person(_) => "policy.person",
            Self::Canary(_) => "policy.canary",
        }
    }
}
