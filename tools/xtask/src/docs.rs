//! Manual pages and shell completions, from the definition of the command line.

use std::fs;

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::files::{self, Generated};

const MAN: &str = "docs/man";
const COMPLETIONS: &str = "docs/completions";

/// Every program whose command line is documented.
fn programs() -> Vec<Command> {
    vec![placet::cli::Cli::command(), placet_verify::cli::Cli::command()]
}

/// What is to be in the two folders.
pub fn all() -> Result<Vec<Generated>, String> {
    let mut files = Vec::new();
    for mut program in programs() {
        program.build();
        let name = program.get_name().to_owned();
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut bytes = Vec::new();
            generate(shell, &mut program, name.as_str(), &mut bytes);
            let path = format!("{COMPLETIONS}/{name}.{shell}");
            files.push(Generated { path, content: text(bytes)? });
        }
        pages(&program, &name, &mut files)?;
    }
    Ok(files)
}

/// Files in the two folders that nothing generates any more; removed unless `check`.
pub fn surplus(check: bool) -> Result<Vec<String>, String> {
    let wanted: Vec<String> = all()?.into_iter().map(|file| file.path).collect();
    let mut surplus = Vec::new();
    for path in files::tracked()? {
        let generated = path.starts_with(MAN) || path.starts_with(COMPLETIONS);
        let full = files::root().join(&path);
        if !generated || wanted.contains(&path) || !full.is_file() {
            continue;
        }
        if !check {
            fs::remove_file(full).map_err(|e| format!("{path}: {e}"))?;
        }
        surplus.push(path);
    }
    Ok(surplus)
}

/// The page of a command and of every command below it.
fn pages(command: &Command, name: &str, files: &mut Vec<Generated>) -> Result<(), String> {
    let mut bytes = Vec::new();
    // Without a fixed date the files would never be the same twice.
    let page = Man::new(command.clone().display_name(name.to_owned()));
    let page = page.title(name).date("").source("placet").manual("Placet");
    page.render(&mut bytes).map_err(|e| format!("{name}: {e}"))?;
    files.push(Generated { path: format!("{MAN}/{name}.1"), content: text(bytes)? });
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), files)?;
    }
    Ok(())
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
    // One form whatever the generator leaves at the ends of lines.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n") + "\n")
}
