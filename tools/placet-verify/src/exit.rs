//! The exit codes (SPEC.md 11), decided here and nowhere else.

use std::process::ExitCode;

use placet_verifier::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every required check passed, and at least one ran; or a command that judges nothing is done.
    Passed,
    /// A check ran and said no.
    Failed,
    /// A mistake on the command line.
    Usage,
    /// It could not be decided.
    Indeterminate,
    /// The input is not what it should be.
    Malformed,
    /// A file could not be read or written.
    Io,
    /// Two signed statements of a log that can't both be true.
    LogMisbehaved,
    /// A bug of this program.
    Bug,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Indeterminate => 3,
            Self::Malformed => 4,
            Self::Io => 5,
            Self::LogMisbehaved => 6,
            Self::Bug => 70,
        }
    }

    /// The word of the result in text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Usage => "USAGE",
            Self::Indeterminate => "INDETERMINATE",
            Self::Malformed => "MALFORMED",
            Self::Io => "I/O ERROR",
            Self::LogMisbehaved => "LOG MISBEHAVED",
            Self::Bug => "INTERNAL ERROR",
        }
    }

    /// The word of the result in JSON.
    #[must_use]
    pub const fn result(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Indeterminate => "indeterminate",
            Self::Malformed => "malformed",
            Self::Io => "io_error",
            Self::LogMisbehaved => "log_misbehaved",
            Self::Bug => "internal_error",
        }
    }

    /// The worse of two, in the order 70 > 6 > 1 > 4 > 3 > 5 > 2 > 0.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Usage => 1,
            Self::Io => 2,
            Self::Indeterminate => 3,
            Self::Malformed => 4,
            Self::Failed => 5,
            Self::LogMisbehaved => 6,
            Self::Bug => 7,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed => Self::Failed,
            Verdict::Indeterminate => Self::Indeterminate,
            Verdict::Malformed => Self::Malformed,
            Verdict::LogMisbehaved => Self::LogMisbehaved,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_wins() {
        use Exit::{Failed, Indeterminate, Io, LogMisbehaved, Malformed, Passed};
        let order = [Passed, Io, Indeterminate, Malformed, Failed, LogMisbehaved];
        for (i, better) in order.into_iter().enumerate() {
            for worse in order.into_iter().skip(i) {
                assert_eq!(better.worse(worse), worse);
                assert_eq!(worse.worse(better), worse);
            }
        }
    }

    #[test]
    fn verdicts_have_the_codes_of_the_verifier() {
        for verdict in [
            Verdict::Passed,
            Verdict::Failed,
            Verdict::Indeterminate,
            Verdict::Malformed,
            Verdict::LogMisbehaved,
        ] {
            assert_eq!(Exit::from(verdict).code(), verdict.exit_code());
            assert_eq!(Exit::from(verdict).word(), verdict.word());
        }
    }
}
