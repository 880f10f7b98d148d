//! Whole seconds since 1970 and their RFC 3339 forms.

/// Why a time stamp is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not the required RFC 3339 form, or no such date or time of day.
    #[error("not a time stamp of the form YYYY-MM-DDThh:mm:ssZ")]
    Syntax,
    /// Before 1970 or after 9999.
    #[error("time stamp outside the years 1970 to 9999")]
    Range,
    /// Fractions of a second where whole seconds are required.
    #[error("fractions of a second are not accepted")]
    Fraction,
}

impl TimeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax => "time.syntax",
            Self::Range => "time.range",
            Self::Fraction => "time.fraction",
        }
    }
}
