//! Why something was not sent.

/// A failure of a call to somebody else's server, or of the queue before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one that may be called, whatever its host answers.
    #[error("the URL is refused: {0}")]
    Url(&'static str),
    /// The host's addresses are not ones that may be called.
    #[error("{host} is refused: it has {what}; see `outbound_allow`")]
    Address {
        /// The host, as in the URL.
        host: String,
        /// What kind of address.
        what: &'static str,
    },
    /// No answer: name, connection, TLS, or the time that is allowed for all of it.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The settings for calls can't be used.
    #[error("{0}")]
    Config(String),
    /// A delivery that the queue does not take.
    #[error("the delivery is refused: {0}")]
    Delivery(&'static str),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "outbound.url",
            Self::Address { .. } => "outbound.address",
            Self::Unreachable(_) => "outbound.unreachable",
            Self::Config(_) => "config.invalid",
            Self::Delivery(_) => "outbound.delivery",
        }
    }

    /// Whether the same call can't succeed later without somebody changing something.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Unreachable(_))
    }
}
