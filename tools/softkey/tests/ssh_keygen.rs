//! Assertions of the software passkey, exported and checked by the stock `ssh-keygen` of OpenSSH
//! (8.8 or newer; Debian: `apt-get install openssh-client`).

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use placet_proto::cose_key::PublicKey;
use placet_proto::sshsig::{self, Namespace, SshsigError, WebauthnAssertion};
use placet_softkey::{Assertion, Behaviour, SoftKey, flags};
use sha2::{Digest as _, Sha256};

const RP_ID: &str = "localhost";
const ORIGIN: &str = "cli://localhost";
const DOCUMENT: &[u8] = br#"{"action":"deploy","env":"prod"}"#;

struct Signer {
    dir: tempfile::TempDir,
    key: SoftKey,
}

impl Signer {
    fn new() -> Self {
        let signer =
            Self { dir: tempfile::tempdir().unwrap(), key: SoftKey::from_seed(&[3; 32], RP_ID) };
        let namespaces = [Namespace::Approve, Namespace::Deny];
        let public_key = signer.key.public_key();
        let line = sshsig::allowed_signers_line("alice", &namespaces, &public_key, RP_ID).unwrap();
        std::fs::write(signer.path("allowed"), line).unwrap();
        signer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn assert(&mut self, namespace: Namespace, behaviour: &Behaviour) -> Assertion {
        self.key.assert_with(&sshsig::challenge(namespace, DOCUMENT), ORIGIN, behaviour)
    }

    /// Signs, exports and has `ssh-keygen` verify `document` under `claimed`.
    fn verified(
        &mut self,
        behaviour: &Behaviour,
        principal: &str,
        claimed: Namespace,
        document: &[u8],
    ) -> bool {
        let assertion = self.assert(Namespace::Approve, behaviour);
        let armored = export(Namespace::Approve, &self.key.public_key(), &assertion).unwrap();
        std::fs::write(self.path("signature"), armored).unwrap();
        let mut child = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-I", principal, "-n", claimed.as_str(), "-f"])
            .arg(self.path("allowed"))
            .arg("-s")
            .arg(self.path("signature"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-keygen: install the OpenSSH client");
        // ssh-keygen may refuse before it reads; its exit status is what counts.
        let _ = child.stdin.take().unwrap().write_all(document);
        child.wait().unwrap().success()
    }
}

fn export(
    namespace: Namespace,
    key: &PublicKey,
    assertion: &Assertion,
) -> Result<String, SshsigError> {
    let parts = WebauthnAssertion {
        authenticator_data: &assertion.authenticator_data,
        client_data_json: &assertion.client_data_json,
        signature: &assertion.signature,
    };
    sshsig::export(namespace, &Sha256::digest(DOCUMENT).into(), key, RP_ID, ORIGIN, &parts)
}

#[test]
fn stock_ssh_keygen_accepts_what_was_signed() {
    let mut signer = Signer::new();
    let extensions = Behaviour {
        flags: flags::UP | flags::UV | flags::ED,
        after_authenticator_data: b"\xa1\x6bcredProtect\x02".to_vec(),
        ..Behaviour::default()
    };
    for behaviour in [Behaviour::default(), Behaviour::high_s(), Behaviour::synced(), extensions] {
        assert!(
            signer.verified(&behaviour, "alice", Namespace::Approve, DOCUMENT),
            "{behaviour:?}"
        );
    }
}

#[test]
fn stock_ssh_keygen_refuses_everything_else() {
    let mut signer = Signer::new();
    let good = Behaviour::default();
    let mut changed = DOCUMENT.to_vec();
    changed[2] ^= 1;
    assert!(!signer.verified(&good, "alice", Namespace::Approve, &changed));
    assert!(!signer.verified(&good, "alice", Namespace::Deny, DOCUMENT));
    assert!(!signer.verified(&good, "alice", Namespace::Policy, DOCUMENT));
    assert!(!signer.verified(&good, "mallory", Namespace::Approve, DOCUMENT));
    let other_rp = Behaviour::other_rp_id("evil.example");
    assert!(!signer.verified(&other_rp, "alice", Namespace::Approve, DOCUMENT));
}

/// Why our own verifier is needed as well: this one shows possession of the key, not presence.
#[test]
fn stock_ssh_keygen_does_not_ask_for_presence() {
    let mut signer = Signer::new();
    let absent = Behaviour { flags: 0, ..Behaviour::default() };
    assert!(signer.verified(&absent, "alice", Namespace::Approve, DOCUMENT));
}

#[test]
fn what_has_no_form_says_why() {
    let mut signer = Signer::new();
    let public_key = signer.key.public_key();
    let assertion = signer.assert(Namespace::Approve, &Behaviour::default());
    let other_namespace = export(Namespace::Deny, &public_key, &assertion).unwrap_err();
    assert_eq!(other_namespace.code(), "ssh.client_data_order");
    let json = String::from_utf8(assertion.client_data_json.clone()).unwrap();
    let json =
        json.replace("\"type\":\"webauthn.get\",", "").replace('}', ",\"type\":\"webauthn.get\"}");
    let reordered = Behaviour { client_data_json: Some(json.into()), ..Behaviour::default() };
    let assertion = signer.assert(Namespace::Approve, &reordered);
    let error = export(Namespace::Approve, &public_key, &assertion).unwrap_err();
    assert_eq!(error.code(), "ssh.client_data_order");
}

#[cfg(feature = "rs256")]
#[test]
fn rs256_has_no_form() {
    let mut key = SoftKey::generate_rs256(RP_ID).unwrap();
    let assertion = key.assert(&sshsig::challenge(Namespace::Approve, DOCUMENT), ORIGIN);
    let error = export(Namespace::Approve, &key.public_key(), &assertion).unwrap_err();
    assert_eq!(error.code(), "ssh.unsupported_alg");
}
