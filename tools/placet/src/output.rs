//! Results go to standard output, talk to standard error. Text and JSON come from one struct. A
//! reader that goes away ends the output, not the program with an error.

use std::io::{self, BufRead as _, BufReader, Write};
use std::path::Path;

use anstream::AutoStream;
use placet_proto::json::Json;
use placet_verify::escape;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Color;
use crate::error::Failure;

/// A result that can be printed in both forms.
pub trait Shown: Serialize {
    /// The text, lines ending in a line feed.
    fn text(&self) -> String;
}

/// A value as serde has it. It is walked, not read again from its text: of what an agent may have
/// named a member that reading would make another value, or overflow the stack.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(of) => Value::Bool(*of),
        Json::Number(number) => {
            let number = number.with_str(|text| text.parse().ok());
            number.map_or(Value::Null, Value::Number)
        }
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), value(member))).collect()
        }
    }
}

/// The two streams of the program.
pub struct Output {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    json: bool,
    cut: bool,
}

impl Output {
    /// Colours as asked; with `json`, results are one JSON object a line.
    #[must_use]
    pub fn new(color: Color, json: bool) -> Self {
        let choice = color.into();
        let out = AutoStream::new(io::stdout(), choice);
        Self { out, err: AutoStream::new(io::stderr(), choice), json, cut: false }
    }

    /// Whether results are JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result.
    ///
    /// # Errors
    /// `io.error`, save for a reader that has gone away.
    pub fn show<T: Shown>(&mut self, result: &T) -> Result<(), Failure> {
        if !self.json {
            return self.write(&result.text());
        }
        let text = serde_json::to_string(result).map_err(|e| stdout_failed(e.into()))?;
        self.write(&(text + "\n"))
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// As [`Output::show`].
    pub fn write(&mut self, text: &str) -> Result<(), Failure> {
        if self.cut {
            return Ok(());
        }
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.cut = true,
            Err(e) => return Err(stdout_failed(e)),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Says something beside the result. That nobody can hear it is no error.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Says why the command stopped: in JSON on standard output too, where that was asked for.
    pub fn complain(&mut self, failure: &Failure) {
        let (exit, code) = (failure.exit(), failure.code());
        let detail = lines(&failure.to_string());
        if self.json {
            let error = serde_json::json!({
                "schema": "placet/error/v1", "code": code, "exit_code": exit.code(),
                "detail": detail,
            });
            // Standard error says it as well, below.
            let _ = self.write(&format!("{error}\n"));
        }
        self.say(&format!("\x1b[1;31m{}\x1b[0m  {detail}  [{code}]", exit.word()));
    }

    /// Whether the reader of the results has gone away.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// Text of several lines that somebody else wrote, safe for a terminal: whatever could steer it or
/// hide something is written as JSON writes it. Line feeds stay, and so do backslashes, for the
/// service has escaped once already.
#[must_use]
pub fn lines(text: &str) -> String {
    escape::json(text)
}

fn stdout_failed(error: io::Error) -> Failure {
    Failure::io(std::path::Path::new("standard output"))(error)
}

/// Asks on the terminal itself: standard input may be anything.
///
/// # Errors
/// `io.error` where there is no terminal.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    let path = Path::new("/dev/tty");
    let mut tty =
        std::fs::File::options().read(true).write(true).open(path).map_err(Failure::io(path))?;
    tty.write_all(question.as_bytes()).map_err(Failure::io(path))?;
    let mut line = String::new();
    BufReader::new(tty).read_line(&mut line).map_err(Failure::io(path))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::{jcs, json};

    #[test]
    fn a_value_says_what_the_json_says() {
        let text = r#"{"a":[null,true,1.5,1e+30,-7,"x"],"b":{"$serde_json::private::Number":"7"},
            "c":{"$serde_json::private::RawValue":"[[{\"amount\":1}]]"},"d":{}}"#;
        let own = json::parse(text.as_bytes()).unwrap();
        let written = serde_json::to_string(&value(&own)).unwrap();
        let again = json::parse(written.as_bytes()).unwrap();
        assert_eq!(jcs::to_string(&again), jcs::to_string(&own));
    }
}
