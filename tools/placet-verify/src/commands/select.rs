//! Finds one statement in a bundle for the exports. Nothing is verified here.

use std::fs;
use std::path::Path;

use placet_proto::bundle::{Bundle, Included, MAX_BUNDLE};
use placet_proto::document::{Answer, Body};
use placet_proto::kind::Kind;
use placet_proto::statement::Statement;

use crate::cli::Selection;
use crate::error::Failure;
use crate::input;
use crate::output::Output;

/// Said on standard error by every export.
pub const UNVERIFIED: &str = "Nothing was verified here; `placet-verify check` does that.";

/// Reads a bundle.
///
/// # Errors
/// As [`input::read`] and [`Bundle::parse`].
pub fn bundle(file: &Path) -> Result<Bundle, Failure> {
    let input = input::read(file, MAX_BUNDLE)?;
    Bundle::parse(&input.bytes).map_err(|e| Failure::proto(file, &e))
}

/// The statement asked for: by index, else the first answer of the request.
///
/// # Errors
/// `export.no_statement`, and what [`Statement::parse`] gives.
pub fn statement<'b>(
    bundle: &'b Bundle,
    which: &Selection,
    file: &Path,
    output: &mut Output,
) -> Result<(&'b Included, Statement), Failure> {
    let none = |detail: &str| Failure::refused("export.no_statement", detail);
    if which.request.is_none() && which.index.is_none() && bundle.requests.len() > 1 {
        return Err(none("the bundle is about several requests: choose one with --request"));
    }
    let mut found = Vec::new();
    for included in &bundle.main.statements {
        if which.index.is_some_and(|index| index != included.index) {
            continue;
        }
        let Some(bytes) = included.statement() else { continue };
        let statement = Statement::parse(bytes);
        let statement = statement.map_err(|e| Failure::proto(file, &e))?;
        let answers = matches!(statement.kind(), Kind::Approval | Kind::Denial);
        let request = which.request.as_deref();
        let fits = request.is_none_or(|r| statement.document.body.request() == Some(r));
        if fits && (answers || which.index.is_some()) {
            found.push((included, statement));
        }
    }
    if found.len() > 1 {
        let list: Vec<String> = found.iter().map(|(i, _)| i.index.to_string()).collect();
        let (all, first) = (list.join(", "), list.first().map_or("", String::as_str));
        output.say(&format!("Answers at entries {all}; taking {first}, see --index."));
    }
    found.into_iter().next().ok_or_else(|| none("the bundle holds no such answer"))
}

/// The answer in a statement.
///
/// # Errors
/// `export.no_statement` for other kinds.
pub fn answer(statement: &Statement) -> Result<&Answer, Failure> {
    match &statement.document.body {
        Body::Approval(answer) | Body::Denial(answer) => Ok(answer),
        _ => Err(Failure::refused("export.no_statement", "the statement is no answer")),
    }
}

/// Writes a file of an export.
///
/// # Errors
/// `io.error`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|e| Failure::io(path, e))
}

/// Makes the folder of an export and gives its absolute path.
///
/// # Errors
/// `io.error`.
pub fn folder(path: &Path) -> Result<std::path::PathBuf, Failure> {
    fs::create_dir_all(path).map_err(|e| Failure::io(path, e))?;
    fs::canonicalize(path).map_err(|e| Failure::io(path, e))
}
