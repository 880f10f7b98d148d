//! `policy pack`: policies to begin with, which are in the program.

use std::path::Path;

use placet_pep::policy::{Pack, PolicyFiles};
use placet_proto::b64;
use placet_verify::escape;
use serde::Serialize;

use crate::cli::PolicyPack;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// What names a pack where a folder could stand.
const PREFIX: &str = "pack:";

/// Lists, shows or writes packs.
///
/// # Errors
/// `pack.unknown`, `pack.exists`, `policy.io`.
pub fn run(command: &PolicyPack, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        PolicyPack::List => {
            let packs = Pack::all().iter().map(Line::of).collect();
            output.show(&List { schema: "placet/policy-packs/v1", packs })?;
        }
        PolicyPack::Show { name } => output.show(&Shows::of(known(name)?))?,
        PolicyPack::Write { name, folder } => {
            let pack = known(name)?;
            if std::fs::read_dir(folder).is_ok_and(|mut items| items.next().is_some()) {
                let detail = format!("{} is not empty", folder.display());
                return Err(Failure::refused("pack.exists", detail));
            }
            pack.write(folder)?;
            let folder = folder.display().to_string();
            output.show(&Written {
                schema: "placet/policy-pack/v1",
                line: Line::of(pack),
                folder,
            })?;
        }
    }
    Ok(Exit::Done)
}

/// The policy of a folder, or of `pack:NAME`.
///
/// # Errors
/// `pack.unknown`, and those of reading a folder.
pub fn folder_or_pack(path: &Path) -> Result<PolicyFiles, Failure> {
    match path.to_str().and_then(|text| text.strip_prefix(PREFIX)) {
        Some(name) => Ok(known(name)?.files()),
        None => Ok(PolicyFiles::read(path)?),
    }
}

fn known(name: &str) -> Result<&'static Pack, Failure> {
    Pack::named(name).ok_or_else(|| {
        let names: Vec<&str> = Pack::all().iter().map(|pack| pack.name).collect();
        Failure::refused("pack.unknown", format!("there are {}", names.join(", ")))
    })
}

#[derive(Debug, Serialize)]
struct List {
    schema: &'static str,
    packs: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    summary: &'static str,
    manifest: String,
}

impl Line {
    fn of(pack: &Pack) -> Self {
        let manifest = b64::encode_hex(pack.files().manifest_hash());
        Self { name: pack.name, summary: pack.summary(), manifest }
    }
}

impl Shown for List {
    fn text(&self) -> String {
        self.packs.iter().map(|pack| format!("{:<14}  {}\n", pack.name, pack.summary)).collect()
    }
}

#[derive(Debug, Serialize)]
struct Shows {
    schema: &'static str,
    #[serde(flatten)]
    line: Line,
    readme: &'static str,
    policies: &'static str,
}

impl Shows {
    fn of(pack: &Pack) -> Self {
        let (readme, policies) = (pack.readme, pack.policies);
        Self { schema: "placet/policy-pack/v1", line: Line::of(pack), readme, policies }
    }
}

impl Shown for Shows {
    fn text(&self) -> String {
        format!("{}\n{}", self.readme, self.policies)
    }
}

#[derive(Debug, Serialize)]
struct Written {
    schema: &'static str,
    #[serde(flatten)]
    line: Line,
    folder: String,
}

impl Shown for Written {
    fn text(&self) -> String {
        let folder = escape::line(&self.folder);
        format!(
            "Wrote {} to {folder}\n  manifest  {}\nChange it, then: placet policy check {folder} && \
             placet policy test {folder}\n",
            self.line.name, self.line.manifest
        )
    }
}
