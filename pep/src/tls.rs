//! TLS of clients: whom they trust, and who they are.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use pki_types::pem::PemObject as _;
use pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Largest file of certificates or of a key, in bytes.
const MAX_PEM: u64 = 1 << 20;

/// The certificate authorities that may vouch for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusting<'p> {
    /// The system's.
    System,
    /// Those of a PEM file, and no others.
    Instead(&'p Path),
    /// The system's and those of a PEM file.
    Beside(&'p Path),
}

impl Trusting<'_> {
    fn roots(self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if !matches!(self, Self::Instead(_)) {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if let Self::Instead(path) | Self::Beside(path) = self {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
        Ok(roots)
    }
}

/// A client's side of TLS, with its own certificate chain and key (PEM) if it has one.
///
/// # Errors
/// What is wrong with a file, in words.
pub fn client(trusting: Trusting<'_>, own: Option<(&Path, &Path)>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?
        .with_root_certificates(trusting.roots()?);
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", key.display());
            let pem = read_file(key, MAX_PEM)?;
            let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| failed(&e))?;
            builder.with_client_auth_cert(certificates(chain)?, private).map_err(|e| failed(&e))
        }
    }
}

/// The same for clients that block.
///
/// # Errors
/// As [`client`].
pub fn blocking(trusting: Trusting<'_>) -> Result<TlsConfig, String> {
    let mut roots = Vec::new();
    if !matches!(trusting, Trusting::Instead(_)) {
        roots.extend(rustls_native_certs::load_native_certs().certs);
    }
    if let Trusting::Instead(path) | Trusting::Beside(path) = trusting {
        roots.extend(certificates(path)?);
    }
    let roots: Vec<_> = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots)));
    Ok(builder.unversioned_rustls_crypto_provider(provider).build())
}

/// The certificates of a PEM file; there is at least one.
///
/// # Errors
/// What is wrong with it, in words.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read_file(path, MAX_PEM)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|e| format!("{}: {e}", path.display()))?;
    match found.is_empty() {
        true => Err(format!("{}: no certificate in PEM", path.display())),
        false => Ok(found),
    }
}

/// A file of at most `max` bytes.
///
/// # Errors
/// Why it can't be read, in words.
pub fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(max.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    match bytes.len() as u64 > max {
        true => Err(failed(&format!("longer than {max} bytes"))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bounded_and_hold_certificates() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("pem");
        assert!(certificates(&path).is_err());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = made.signing_key.serialize_pem();
        std::fs::write(&path, made.cert.pem() + &made.cert.pem()).unwrap();
        assert_eq!(certificates(&path).unwrap().len(), 2);
        for trusting in [Trusting::System, Trusting::Instead(&path), Trusting::Beside(&path)] {
            client(trusting, None).unwrap();
            blocking(trusting).unwrap();
        }
        assert_eq!(Trusting::Instead(&path).roots().unwrap().len(), 2);
        let private = tmp.path().join("key");
        std::fs::write(&private, key).unwrap();
        client(Trusting::System, Some((&path, &private))).unwrap();
        let swapped = client(Trusting::System, Some((&private, &path))).unwrap_err();
        assert!(swapped.contains("pem") || swapped.contains("key"), "{swapped}");
        for (bad, why) in [("", "no certificate"), ("x", "no certificate")] {
            std::fs::write(&path, bad).unwrap();
            assert!(certificates(&path).unwrap_err().contains(why));
            assert!(client(Trusting::Instead(&path), None).is_err());
            assert!(blocking(Trusting::Beside(&path)).is_err());
        }
        assert!(read_file(&private, 10).unwrap_err().contains("longer than 10 bytes"));
    }
}
