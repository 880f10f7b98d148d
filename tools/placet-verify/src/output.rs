//! Results go to standard output, talk to standard error. A reader that goes away ends the output,
//! not the program with an error.

use std::io::{self, Write};

use anstream::AutoStream;

use crate::cli::Color;
use crate::error::Failure;

/// ANSI styles for the few words that have a colour. The words say everything by themselves.
pub mod style {
    /// Ends a style.
    pub const RESET: &str = "\x1b[0m";
    /// Verdicts and checks that passed.
    pub const GOOD: &str = "\x1b[32m";
    /// Verdicts and checks that failed.
    pub const BAD: &str = "\x1b[1;31m";
    /// What could not be decided, and caveats.
    pub const OPEN: &str = "\x1b[33m";
}

/// The two streams of the program.
pub struct Output {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    cut: bool,
}

impl Output {
    /// Colours as asked; `auto` looks at the terminal, `NO_COLOR` and `CLICOLOR`.
    #[must_use]
    pub fn new(color: Color) -> Self {
        let choice = color.into();
        Self {
            out: AutoStream::new(io::stdout(), choice),
            err: AutoStream::new(io::stderr(), choice),
            cut: false,
        }
    }

    /// Writes a result. The text is already escaped.
    ///
    /// # Errors
    /// `io.error`, save for a reader that has gone away.
    pub fn result(&mut self, text: &str) -> Result<(), Failure> {
        if self.cut {
            return Ok(());
        }
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.cut = true,
            Err(e) => return Err(Failure::Io { path: "standard output".to_owned(), source: e }),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Says something beside the result. That nobody can hear it is no error.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Says why the command stopped.
    pub fn complain(&mut self, failure: &Failure) {
        let code = failure.code().map(|code| format!("  [{code}]")).unwrap_or_default();
        let word = failure.exit().word();
        self.say(&format!("{}{word}{}  {failure}{code}", style::BAD, style::RESET));
        if let Some(next) = failure.code().and_then(crate::codes::next) {
            self.say(&format!("  Next: {next}"));
        }
    }

    /// Whether the reader of the results has gone away.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}
