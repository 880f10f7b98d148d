//! What registrations are asked to attest, and by whose roots that is judged (SPEC.md 9.9).

use std::path::Path;

use pki_types::CertificateDer;
use pki_types::pem::PemObject as _;
use placet_verifier::webauthn::{AttestationRoots, RegistrationFacts};
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::{Refusal, config};
use crate::Error;

/// Largest file of certificates, in bytes.
const MAX_FILE: u64 = 256 * 1024;
/// Most files in the folder.
const MAX_FILES: usize = 256;

/// What browsers are asked for (WebAuthn L3 5.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conveyance {
    /// No attestation: nobody is asked for consent, and nothing is attested.
    #[default]
    None,
    /// One that the browser may make anonymous.
    Indirect,
    /// The authenticator's own.
    Direct,
}

impl Conveyance {
    /// The word in the options of `navigator.credentials.create()`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Indirect => "indirect",
            Self::Direct => "direct",
        }
    }
}

/// The roots that the folder `attestation_roots` holds: files of PEM or of one DER certificate.
///
/// # Errors
/// `config.invalid` for a file that holds no certificate; `ledger.io`.
pub(super) fn roots(config: &Config, root: &Path) -> Result<AttestationRoots, Error> {
    let Some(folder) = &config.attestation_roots else { return Ok(AttestationRoots::default()) };
    let folder = root.join(folder);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
        paths.push(entry.map_err(Error::io("read", &folder))?.path());
    }
    if paths.len() > MAX_FILES {
        return Err(config::bad("`attestation_roots` holds more than 256 files"));
    }
    paths.sort();
    let mut certificates = Vec::new();
    for path in paths {
        certificates.extend(read(&path)?);
    }
    AttestationRoots::parse(certificates).map_err(|e| config::bad(&e.to_string()))
}

/// Whether an attestation is asked for and this registration has none that counts.
///
/// # Errors
/// `enrol.unattested`.
pub(super) fn require(config: &Config, facts: &RegistrationFacts) -> Result<(), Error> {
    if !config.require_attested || facts.class.as_str() == "attested-hardware" {
        return Ok(());
    }
    Err(Refusal::Unattested(facts.fmt.clone()).into())
}

fn read(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if !bytes.starts_with(b"-----BEGIN") && bytes.first() == Some(&0x30) {
        return Ok(vec![bytes]);
    }
    let wrong = || config::bad(&format!("{}: no certificate in PEM or DER", path.display()));
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = read.map_err(|_| wrong())?;
    if certificates.is_empty() {
        return Err(wrong());
    }
    Ok(certificates.into_iter().map(|c| c.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Result<Config, Error> {
        let base = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n";
        Config::parse(&format!("{base}{more}"))
    }

    #[test]
    fn roots_are_read_from_pem_and_der_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("roots");
        std::fs::create_dir(&folder).unwrap();
        let settings = config("attestation_roots='roots'\nattestation='direct'\n").unwrap();
        assert!(roots(&settings, dir.path()).unwrap().is_empty());
        let der = placet_forge::Vendor::named("One").root();
        let other = placet_forge::Vendor::named("Two").root();
        let pem = |der: &[u8]| {
            let text = placet_proto::b64::encode_std(der);
            format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        };
        std::fs::write(folder.join("one.der"), &der).unwrap();
        std::fs::write(folder.join("two.pem"), pem(&other)).unwrap();
        let read = roots(&settings, dir.path()).unwrap();
        assert_eq!(read.certificates().collect::<Vec<_>>(), [&der[..], &other[..]]);
        std::fs::write(folder.join("README"), "no certificate").unwrap();
        assert_eq!(roots(&settings, dir.path()).unwrap_err().code(), "config.invalid");
    }

    #[test]
    fn what_can_not_be_met_is_no_setting() {
        for more in [
            "require_attested=true\n",
            "require_attested=true\nattestation='direct'\n",
            "require_attested=true\nattestation_roots='roots'\n",
            "attestation='enterprise'\n",
        ] {
            assert_eq!(config(more).unwrap_err().code(), "config.invalid", "{more}");
        }
        let all = "require_attested=true\nattestation='direct'\nattestation_roots='roots'\n";
        assert!(config(all).unwrap().require_attested);
    }
}
