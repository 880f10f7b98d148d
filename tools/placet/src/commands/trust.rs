//! `trust`: what the user of a verifier decides to trust. Nothing is decided here for anybody.

use std::path::Path;

use placet_proto::cose_key::PublicKey;
use placet_proto::document::Enrolment;
use placet_proto::trust::{MAX_TRUST, Root, TrustFile};
use placet_proto::{b64, sha256};
use serde::Serialize;

use crate::cli::{Trust, TrustExport};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::{self, Folder};
use crate::output::{Output, Shown};
use crate::trust;

/// Writes a trust file.
///
/// # Errors
/// Those of the folder and of writing; `person.unknown`, `trust.conflict`.
pub fn run(command: &Trust, output: &mut Output) -> Result<Exit, Failure> {
    let Trust::Export(args) = command;
    output.show(&export(args)?)?;
    Ok(Exit::Done)
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Exported {
    schema: &'static str,
    path: String,
    sha256: String,
    allow_dev: bool,
    roots: Vec<Fingerprint>,
    not_roots: Vec<Fingerprint>,
}

/// A credential and the fingerprint of its public key, to be compared out of band.
#[derive(Debug, Serialize)]
struct Fingerprint {
    credential: Option<String>,
    person: Option<String>,
    /// SHA-256 of the COSE_Key (RFC 9679) in groups of four hexadecimal digits.
    fingerprint: String,
}

impl Fingerprint {
    fn of(enrolment: &Enrolment) -> Self {
        Self {
            credential: Some(b64::encode_url(&enrolment.credential)),
            person: Some(enrolment.person.clone()),
            fingerprint: fingerprint(&enrolment.public_key),
        }
    }
}

/// Makes the file, or adds to it.
///
/// # Errors
/// As [`run`].
pub fn export(args: &TrustExport) -> Result<Exported, Failure> {
    let folder = Folder::open(&args.dir)?;
    let enrolled: Vec<Enrolment> = folder.enrolments()?.into_iter().map(|(_, e)| e).collect();
    let mut roots = Vec::new();
    for credential in &args.root {
        let named = enrolled.iter().find(|e| b64::encode_url(&e.credential) == *credential);
        let Some(named) = named else {
            let detail = format!("no credential {credential:?} is enrolled");
            return Err(Failure::refused("person.unknown", detail));
        };
        roots.push(Root { public_key: named.public_key.clone(), name: None });
    }
    let new = trust::of_folder(&folder, roots, args.allow_dev)?;
    let file = write(&args.out, new)?;
    let bytes = file.encode();
    let is_root = |key: &[u8]| file.roots.iter().any(|r| r.public_key == key);
    let of_other_ledgers =
        file.roots.iter().filter(|r| !enrolled.iter().any(|e| e.public_key == r.public_key)).map(
            |r| Fingerprint {
                credential: None,
                person: None,
                fingerprint: fingerprint(&r.public_key),
            },
        );
    let (yes, no): (Vec<_>, Vec<_>) = enrolled.iter().partition(|e| is_root(&e.public_key));
    Ok(Exported {
        schema: "placet/trust-export/v1",
        path: args.out.display().to_string(),
        sha256: b64::encode_hex(sha256(&bytes)),
        allow_dev: file.allow_dev,
        roots: yes.into_iter().map(Fingerprint::of).chain(of_other_ledgers).collect(),
        not_roots: no.into_iter().map(Fingerprint::of).collect(),
    })
}

/// Writes a trust file; one that exists is added to.
///
/// # Errors
/// `io.error`, `trust.conflict`, and those of reading the file that exists.
pub fn write(path: &Path, new: TrustFile) -> Result<TrustFile, Failure> {
    let file = match path.exists() {
        true => {
            let bytes = folder::read(path, MAX_TRUST as u64)?;
            let old = TrustFile::parse(&bytes).map_err(|e| Failure::proto(path, &e))?;
            trust::add(old, new)?
        }
        false => new,
    };
    let bytes = file.encode();
    // What a verifier would refuse is not written.
    TrustFile::parse(&bytes).map_err(|e| Failure::proto(path, &e))?;
    folder::write(path, &bytes)?;
    Ok(file)
}

/// The fingerprint of a COSE_Key for people: its thumbprint in sixteen groups of four digits.
fn fingerprint(cose_key: &[u8]) -> String {
    let thumbprint = PublicKey::from_cose(cose_key).map(|key| key.thumbprint());
    let hex = thumbprint.map(b64::encode_hex).unwrap_or_default();
    let groups: Vec<&str> = (0..16).filter_map(|i| hex.get(4 * i..4 * i + 4)).collect();
    groups.join(" ")
}

impl Shown for Exported {
    fn text(&self) -> String {
        let mut out = format!("Wrote {}\n  sha256 {}\n", self.path, self.sha256);
        if self.allow_dev {
            out.push_str(
                "  allows evidence of development ledgers, which is evidence of nothing\n",
            );
        }
        let line = |f: &Fingerprint| {
            let who = f.person.as_deref().unwrap_or("of another ledger");
            let credential = f.credential.as_deref().unwrap_or("-");
            format!(
                "  person {who}\n    credential   {credential}\n    fingerprint  {}\n",
                f.fingerprint
            )
        };
        if self.roots.is_empty() {
            out.push_str("No roots: nobody's approval can pass with this file.\n");
        } else {
            out.push_str("Roots. Compare each fingerprint with its owner, by another way:\n");
            self.roots.iter().for_each(|f| out.push_str(&line(f)));
        }
        if !self.not_roots.is_empty() {
            out.push_str("Enrolled, and no roots (--root CREDENTIAL makes one):\n");
            self.not_roots.iter().for_each(|f| out.push_str(&line(f)));
        }
        out.push_str(
            "A verdict is worth what this file is: whoever uses it has to decide on it.\n",
        );
        out
    }
}
