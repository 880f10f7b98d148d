//! `explain`: what a code means.

use crate::cli::Explain;
use crate::codes;
use crate::error::Failure;
use crate::escape;
use crate::exit::Exit;
use crate::output::Output;

/// Prints one code, or the list of all.
///
/// # Errors
/// A code that does not exist is a mistake on the command line.
pub fn run(args: &Explain, output: &mut Output) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        let list: String =
            codes::all().iter().map(|c| format!("{:<26}  {}\n", c.code, c.meaning)).collect();
        output.result(&list)?;
        return Ok(Exit::Passed);
    };
    let code = escape::line(code);
    let explained = codes::explain(&code);
    let explained = explained.ok_or_else(|| Failure::Usage(format!("there is no code {code}")))?;
    let next = explained.next.map(|next| format!("  Next: {next}\n")).unwrap_or_default();
    let (meaning, spec) = (explained.meaning, explained.spec);
    output.result(&format!("{code}\n  {meaning}\n{next}  SPEC.md {spec}\n"))?;
    Ok(Exit::Passed)
}
