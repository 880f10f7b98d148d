//! Project tasks: `cargo xtask TASK`. Without a task, the list of tasks.

mod coverage;
mod docs;
mod events;
mod files;
mod lint;
mod performance;
mod spec;

use std::process::ExitCode;

const TASKS: &str = "\
cargo xtask gen            write manual pages, completions, tables and charts
cargo xtask gen --check    exit 1 if any of them is not what `gen` would write
cargo xtask lint           direction of dependencies, sizes, licences, bans, size of the verifier
cargo xtask spec-coverage  list the rules of SPEC.md that no test names; exit 1 if there are any
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["gen"] => generate(false),
        ["gen", "--check"] => generate(true),
        ["lint"] => lint::run(),
        ["spec-coverage"] => coverage::run(),
        [] => {
            print!("{TASKS}");
            Ok(())
        }
        _ => Err(format!("no such task\n{TASKS}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Writes every generated file, or with `check` only says which differ.
fn generate(check: bool) -> Result<(), String> {
    let mut wanted = docs::all()?;
    wanted.push(spec::filled()?);
    wanted.push(spec::settings_filled()?);
    wanted.push(events::filled()?);
    wanted.extend(performance::all()?);
    let mut stale = Vec::new();
    for file in wanted {
        if files::read(&file.path).ok().as_ref() == Some(&file.content) {
            continue;
        }
        if !check {
            files::write(&file.path, &file.content)?;
        }
        stale.push(file.path);
    }
    stale.extend(docs::surplus(check)?);
    for path in &stale {
        println!("{} {}", if check { "stale  " } else { "written" }, path);
    }
    if check && !stale.is_empty() {
        return Err("generated files differ: run `cargo xtask gen` and commit".to_owned());
    }
    Ok(())
}
