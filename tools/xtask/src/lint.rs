//! Rules of the code: `tests/lint.py` and the size of the verifier's tree.

use std::collections::BTreeSet;
use std::process::Command;

use crate::files;

/// The most crates that the offline verifier is made of: an auditor can read the list.
const MAX_CRATES: usize = 70;

/// Runs all of them.
pub fn run() -> Result<(), String> {
    let lint = Command::new("python3").arg("tests/lint.py").current_dir(files::root()).status();
    let lint = lint.map_err(|e| format!("python3: {e}"))?;
    let tree = files::output(
        "cargo",
        &["tree", "-p", "placet-verify", "-e", "normal", "--prefix", "none", "--locked"],
    )?;
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    println!("placet-verify is made of {} crates, at most {MAX_CRATES}", crates.len());
    if !lint.success() {
        return Err("tests/lint.py found problems".to_owned());
    }
    if crates.len() > MAX_CRATES {
        return Err(format!("placet-verify has more than {MAX_CRATES} crates"));
    }
    Ok(())
}
