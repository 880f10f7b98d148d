//! Files of the project, by their path from its root.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A generated file.
pub struct Generated {
    /// From the root of the project.
    pub path: String,
    /// All of it.
    pub content: String,
}

/// The root of the project: two folders above this crate. `cargo run` says where that is, so that
/// several checkouts can share one target folder.
pub fn root() -> PathBuf {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR");
    let crate_folder =
        crate_folder.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    crate_folder.join("../..")
}

/// Reads a text file.
pub fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"))
}

/// Writes a text file and the folders above it.
pub fn write(path: &str, content: &str) -> Result<(), String> {
    let full = root().join(path);
    let made = full.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&full, content)).map_err(|e| format!("{path}: {e}"))
}

/// Every file that git tracks or would, save ignored ones.
pub fn tracked() -> Result<Vec<String>, String> {
    let list = output("git", &["ls-files", "-co", "--exclude-standard"])?;
    Ok(list.lines().map(str::to_owned).collect())
}

/// Standard output of a program that succeeds, run in the root.
pub fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new(program).args(arguments).current_dir(root()).output();
    let run = run.map_err(|e| format!("{program}: {e}"))?;
    if !run.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&run.stderr)));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}
