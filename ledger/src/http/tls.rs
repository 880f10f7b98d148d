//! TLS 1.2 and 1.3 for the listener, with a certificate that can be renewed while it serves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::service::Refusal;
use crate::sync::{read, write};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(10);
/// Largest certificate or key file, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// Accepts TLS connections by the certificate of two files.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// What was read of the two files, and what told then whether they have changed since.
#[derive(Debug)]
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<(Arc<CertifiedKey>, Stamp)>,
}

/// Time and length of both files.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads a certificate chain and its key, both in PEM.
    ///
    /// # Errors
    /// `ledger.io`; `config.invalid` for files that hold no certificate or key, or not of one
    /// another.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, Error> {
        Self::with_clients(chain, key, None)
    }

    /// As [`Tls::load`]. With a verifier, clients are asked for a certificate, and what it accepts
    /// is among the extensions of each request ([`super::server::ClientCertificates`]).
    ///
    /// # Errors
    /// As there.
    pub fn with_clients(
        chain: &Path,
        key: &Path,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Self, Error> {
        let (chain, key) = (chain.to_path_buf(), key.to_path_buf());
        let stamp = stamp(&chain, &key);
        let current = RwLock::new((certified(&chain, &key)?, stamp));
        let certificate = Arc::new(Certificate { chain, key, current });
        let resolver: Arc<dyn ResolvesServerCert> = certificate.clone();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Refusal::Config(format!("TLS: {e}")))?
            .with_client_cert_verifier(clients.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Reads the files again; connections from now on get what is in them.
    ///
    /// # Errors
    /// As [`Tls::load`]; the certificate that was good stays then.
    pub fn reload(&self) -> Result<(), Error> {
        let certificate = &self.certificate;
        let stamp = stamp(&certificate.chain, &certificate.key);
        let fresh = certified(&certificate.chain, &certificate.key);
        let mut current = write(&certificate.current);
        // A bad file is complained of once, and looked at again when it changes.
        current.1 = stamp;
        current.0 = fresh?;
        Ok(())
    }

    /// Reloads for ever: whenever `told` has something, and when a file has changed.
    pub async fn keep_fresh(self, mut told: tokio::sync::mpsc::Receiver<()>) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            let asked = tokio::select! {
                told = told.recv() => told.is_some(),
                _ = looks.tick() => false,
            };
            if !asked && !self.has_changed() {
                continue;
            }
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(())) => tracing::info!("the TLS certificate was read again"),
                Ok(Err(error)) => {
                    tracing::error!(%error, "the TLS certificate stays as it was");
                }
                Err(error) => tracing::error!(%error, "the TLS certificate was not read"),
            }
        }
    }

    /// Whether the files are others than those that were read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let certificate = &self.certificate;
        let now = stamp(&certificate.chain, &certificate.key);
        // In the middle of a renewal a file may be missing: that is no change yet.
        now.iter().all(Option::is_some) && now != read(&certificate.current).1
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&read(&self.current).0))
    }
}

fn certified(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Error> {
    let wrong = |path: &Path, what: &str| {
        Error::from(Refusal::Config(format!("{}: {what}", path.display())))
    };
    let pem = read_file(chain)?;
    let certificates: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|e| wrong(chain, &e.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(chain, "no certificate in PEM"));
    }
    let pem = zeroize::Zeroizing::new(read_file(key)?);
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| wrong(key, &e.to_string()))?;
    // This compares the key with the certificate, too.
    let certified = CertifiedKey::from_der(certificates, private, &provider());
    Ok(Arc::new(certified.map_err(|e| wrong(chain, &e.to_string()))?))
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

fn stamp(chain: &Path, key: &Path) -> Stamp {
    [chain, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
