//! `keys`: the public keys of a ledger.

use std::path::Path;

use placet_ledger::service::keys::{PrivateKey, ServiceKeys, Sign as _};
use placet_ledger::witness::CosignerKey;
use placet_proto::b64;
use placet_proto::cose_key::PublicKey;
use placet_proto::tlog::note::{KeyMaterial, VerifierKey};
use serde::Serialize;

use crate::cli::Keys;
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::output::{Output, Shown};

/// Lists the keys.
///
/// # Errors
/// Those of the folder; `key.file`.
pub fn run(command: &Keys, output: &mut Output) -> Result<Exit, Failure> {
    let Keys::List { dir } = command;
    output.show(&list(dir)?)?;
    Ok(Exit::Done)
}

/// The list.
#[derive(Debug, Serialize)]
struct List {
    schema: &'static str,
    keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Serialize)]
struct Key {
    file: String,
    signs: &'static str,
    log: Option<String>,
    algorithm: &'static str,
    /// RFC 9679 thumbprint, hexadecimal: the kid of what it signs.
    kid: String,
    /// Where the key signs notes.
    vkey: Option<String>,
}

fn list(root: &Path) -> Result<List, Failure> {
    let folder = Folder::open(root)?;
    let keys = folder.keys()?;
    let (origin, gov) = (folder.config.origin.clone(), folder.config.gov_origin());
    let mut out = Vec::new();
    for (name, origin, keys) in [("log", origin, &keys.main), ("gov", gov, &keys.gov)] {
        let vkey = vkey(&origin, keys.checkpoint.public_key());
        out.push(Key {
            vkey,
            ..key(&format!("{name}-checkpoint"), "checkpoints", &keys.checkpoint)
        });
        out.push(key(&format!("{name}-receipt"), "COSE Receipts", &keys.receipt));
        for key in out.iter_mut().rev().take(2) {
            key.log = Some(origin.clone());
        }
    }
    out.push(key("ledger-issuer", "statements of the ledger", &keys.ledger));
    out.push(key("pep-issuer", "executions and outcomes", &keys.pep));
    let service = ["tokens and deliveries", "calls of push services"];
    let tokens = ["transaction challenges", "action-bound tokens"];
    let service = ServiceKeys::FILES.into_iter().zip(service);
    for (name, signs) in service.chain(placet_pep::tokens::keys::FILES.into_iter().zip(tokens)) {
        let path = folder.dir.keys().join(name);
        // A folder of an older program has none until it is opened for writing.
        if path.exists() {
            out.push(key(name, signs, &PrivateKey::load(&path)?));
        }
    }
    let path = folder.dir.state().join("witness").join("key");
    if path.exists() {
        let public = CosignerKey::load(&path)?.public().clone();
        let raw = match public.material() {
            KeyMaterial::CosignatureV1(raw) => Some(*raw),
            _ => None,
        };
        out.push(Key {
            file: "state/witness/key".to_owned(),
            signs: "cosignatures of the built-in witness",
            log: None,
            algorithm: "EdDSA",
            kid: raw
                .map(|r| b64::encode_hex(PublicKey::Ed25519(r).thumbprint()))
                .unwrap_or_default(),
            vkey: Some(public.to_vkey()),
        });
    }
    Ok(List { schema: "placet/keys/v1", keys: out })
}

fn key(name: &str, signs: &'static str, key: &PrivateKey) -> Key {
    let public = key.public_key();
    Key {
        file: format!("keys/{name}"),
        signs,
        log: None,
        algorithm: public.algorithm().name(),
        kid: b64::encode_hex(public.thumbprint()),
        vkey: None,
    }
}

/// The key of a log's checkpoints, as witnesses and note libraries take it.
pub fn vkey(origin: &str, key: &PublicKey) -> Option<String> {
    let PublicKey::Ed25519(raw) = key else { return None };
    VerifierKey::new(origin, KeyMaterial::Ed25519(*raw)).ok().map(|key| key.to_vkey())
}

impl Shown for List {
    fn text(&self) -> String {
        let mut out = String::new();
        for key in &self.keys {
            let log = key.log.as_ref().map(|log| format!(" of {log}")).unwrap_or_default();
            out.push_str(&format!(
                "{}\n  signs {}{log}, {}\n  kid   {}\n",
                key.file, key.signs, key.algorithm, key.kid
            ));
            if let Some(vkey) = &key.vkey {
                out.push_str(&format!("  vkey  {vkey}\n"));
            }
        }
        out
    }
}
