//! `policy`: what decides. With a software passkey this command signs; for real passkeys it names
//! the page on which their owner does.

mod case;
mod explain;
mod history;
mod pack;
#[cfg(feature = "prove")]
mod prove;
mod recorded;
mod source;
mod test;

use std::path::Path;

use placet_ledger::service::render;
use placet_pep::cedar::CedarPdp;
use placet_pep::policy::{PolicyError, PolicyFiles};
use placet_proto::{b64, sha256};
use placet_verify::escape;
use serde::Serialize;

use super::people::{Administrator, by_page};
use crate::cli::{Policy, PolicyActivate};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

pub use pack::folder_or_pack;

/// Runs one of the commands.
///
/// # Errors
/// `policy.*`, those of the key file and of the service.
pub fn run(command: &Policy, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Policy::Check { folder } => {
            let checked = read(folder)?.1;
            // What is to be proved has to be there to be proved.
            CedarPdp::load(&PolicyFiles::read(folder)?)?.goals(&[])?;
            if !checked.can_fail.is_empty() {
                let detail = checked.can_fail.join("; ");
                return Err(placet_pep::Error::from(PolicyError::CanFail(detail)).into());
            }
            output.show(&checked)?;
            Ok(Exit::Done)
        }
        Policy::Test { folder, cases, trust } => {
            test::run(folder, cases.as_deref(), *trust, output)
        }
        #[cfg(feature = "prove")]
        Policy::Prove(args) => prove::run(args, output),
        #[cfg(not(feature = "prove"))]
        Policy::Prove(_) => {
            output.say("This program was built without its feature `prove`: nothing is proved.");
            Ok(Exit::Open)
        }
        Policy::Activate(args) => activate(args, output),
        Policy::Explain(args) => explain::run(args, output),
        Policy::History(args) => history::run(args, output),
        Policy::Pack(command) => pack::run(command, output),
    }
}

fn activate(args: &PolicyActivate, output: &mut Output) -> Result<Exit, Failure> {
    let (files, checked) = read(&args.folder)?;
    let Some(admin) = Administrator::of(&args.remote)? else {
        output.show(&checked)?;
        return by_page(&args.remote, "/policy", "put it in force", output);
    };
    let to_sign = admin.client.open_policy(&files, &admin.key)?;
    for (name, bytes) in files.iter() {
        output.say(&format!("\n{}:", render::escape(name)));
        for line in String::from_utf8_lossy(bytes).lines() {
            output.say(&format!("  {}", render::reveal(line)));
        }
    }
    admin.sign(&to_sign, args.yes, output)
}

/// The files of a folder, and what is to be said about them. People whom a policy names are judged
/// by the service, which knows them.
fn read(folder: &Path) -> Result<(PolicyFiles, Checked), Failure> {
    let files = PolicyFiles::read(folder)?;
    let pdp = CedarPdp::load(&files)?;
    let checked = Checked {
        schema: "placet/policy-check/v1",
        manifest: b64::encode_hex(files.manifest_hash()),
        files: files
            .iter()
            .map(|(name, bytes)| File {
                name: name.to_owned(),
                sha256: b64::encode_hex(sha256(bytes)),
            })
            .collect(),
        people: pdp.people().into_iter().map(str::to_owned).collect(),
        can_fail: pdp.hazards().to_vec(),
    };
    Ok((files, checked))
}

#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    manifest: String,
    files: Vec<File>,
    /// Persons whom the policy names as approvers.
    people: Vec<String>,
    /// Operations that fail for some requests, which are denied then.
    can_fail: Vec<String>,
}

#[derive(Debug, Serialize)]
struct File {
    name: String,
    sha256: String,
}

impl Shown for Checked {
    fn text(&self) -> String {
        let mut out = format!("This policy can be armed\n  manifest  {}\n", self.manifest);
        for file in &self.files {
            out.push_str(&format!("  {}  {}\n", file.sha256, escape::line(&file.name)));
        }
        for person in &self.people {
            out.push_str(&format!("  names the person {}\n", escape::line(person)));
        }
        for text in &self.can_fail {
            out.push_str(&format!("  {}\n", escape::line(text)));
        }
        out
    }
}
