//! The exit codes (SPEC.md 11), decided here and nowhere else.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; permitted; nothing found by `log fsck`.
    Done,
    /// Refused; denied; something found by `log fsck`.
    Refused,
    /// A mistake on the command line.
    Usage,
    /// Not decided yet: an approval is awaited, or evidence is not complete.
    Open,
    /// What was read is not what it should be.
    Malformed,
    /// A file, a listener or a server could not be reached, read or written.
    Io,
    /// Two signed statements of a log that can't both be true.
    LogMisbehaved,
    /// A bug of this program.
    Bug,
}

impl Exit {
    /// The exit code; those of `placet-verify`.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Open => 3,
            Self::Malformed => 4,
            Self::Io => 5,
            Self::LogMisbehaved => 6,
            Self::Bug => 70,
        }
    }

    /// The word in front of an error's text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
            Self::Usage => "USAGE",
            Self::Open => "OPEN",
            Self::Malformed => "MALFORMED",
            Self::Io => "I/O ERROR",
            Self::LogMisbehaved => "LOG MISBEHAVED",
            Self::Bug => "INTERNAL ERROR",
        }
    }
}

impl From<placet_verify::exit::Exit> for Exit {
    fn from(exit: placet_verify::exit::Exit) -> Self {
        use placet_verify::exit::Exit as Verify;
        match exit {
            Verify::Passed => Self::Done,
            Verify::Failed => Self::Refused,
            Verify::Usage => Self::Usage,
            Verify::Indeterminate => Self::Open,
            Verify::Malformed => Self::Malformed,
            Verify::Io => Self::Io,
            Verify::LogMisbehaved => Self::LogMisbehaved,
            Verify::Bug => Self::Bug,
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
    fn both_programs_have_the_same_codes() {
        use placet_verify::exit::Exit as Verify;
        for verify in [
            Verify::Passed,
            Verify::Failed,
            Verify::Usage,
            Verify::Indeterminate,
            Verify::Malformed,
            Verify::Io,
            Verify::LogMisbehaved,
            Verify::Bug,
        ] {
            assert_eq!(Exit::from(verify).code(), verify.code());
        }
    }
}
