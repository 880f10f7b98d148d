//! Certificates of clients: TLS sees to it that a client has the key of the one that it shows, and
//! nothing more. Whether it leads to a root, and of which trust domain, or is the one that a token
//! is bound to, is decided for each request ([`super::Identities`]), so that a client with a
//! certificate of nobody known is told so in an answer and not by a broken handshake.

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Longest chain, in certificates.
const MAX_CHAIN: usize = 8;

/// Asks clients for a certificate and takes the one whose key they have.
#[derive(Debug)]
pub struct AnyClient(CryptoProvider);

impl AnyClient {
    /// For [`placet_ledger::http::tls::Tls::with_clients`].
    #[must_use]
    pub fn verifier() -> Arc<dyn ClientCertVerifier> {
        Arc::new(Self(rustls::crypto::aws_lc_rs::default_provider()))
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match above.len() < MAX_CHAIN {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(Error::General("the client's chain is too long".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
