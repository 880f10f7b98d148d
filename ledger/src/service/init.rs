//! Making a ledger (SPEC.md 6.2): folder, keys, and the first three entries of each log, cosigned
//! before anything else is accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use placet_proto::document::{
    Body, Digest, Document, Genesis, Issuer as IssuerEntry, KeyInfo, Keys as KeyDocument, Policy,
    Purpose,
};
use placet_proto::kind::LogRole;
use placet_proto::time::UnixSeconds;

use super::Refusal;
use super::clock::random;
use super::config::Config;
use super::keys::{LEDGER_KINDS, PEP_KINDS, Sign as _};
use super::ledger::{Issue, Ledger, Surroundings, once_key};
use crate::storage::Outcome;
use crate::sync::lock;
use crate::{Dir, Error, LogId, NewEntry};

/// Seconds for which the one-time code is valid.
pub const CODE_S: u64 = 86_400;
/// Most files of a policy.
const MAX_FILES: usize = 256;
/// Largest file of a policy, in bytes.
const MAX_FILE: usize = 1024 * 1024;
const CODE: &str = "bootstrap";

/// What `init` made.
pub struct Initialised {
    /// The ledger, open.
    pub ledger: Arc<Ledger>,
    /// The one-time code for the first enrolment; it is stored as a hash only.
    pub code: String,
}

/// Makes a ledger in a folder that is missing, empty, or was half made by an interrupted call.
///
/// `policy` maps file names to contents; without files the policy denies everything. Both logs are
/// cosigned when this returns.
///
/// # Errors
/// `dir.not_empty` when there is a ledger already, `dir.locked`, `config.invalid`,
/// `request.invalid` for a policy outside the limits, `witness.quorum`, and those of recording.
pub fn init(
    root: &Path,
    config: &Config,
    policy: &BTreeMap<String, Vec<u8>>,
    around: Surroundings,
) -> Result<Initialised, Error> {
    let dir = match Dir::is_vacant(root) {
        true => Dir::init(root)?,
        false => Dir::open(root)?,
    };
    if is_done(&dir) {
        return Err(Error::DirNotEmpty { path: root.to_path_buf() });
    }
    config.save(root)?;
    let files = store_policy(&dir, policy)?;
    let ledger = Ledger::assemble(dir, Config::load(root)?, around)?;
    for id in LogId::ALL {
        ledger.write_first_entries(id, &files)?;
    }
    // An interrupted call may have begun with other settings.
    ledger.check_genesis()?;
    for id in LogId::ALL {
        ledger.publisher(id).publish_now()?;
    }
    let code = ledger.new_bootstrap_code()?;
    Ok(Initialised { ledger: ledger.start()?, code })
}

/// Whether `init` came to its end: a cosigned checkpoint of each log covers the first entries.
pub(super) fn is_done(dir: &Dir) -> bool {
    LogId::ALL.into_iter().all(|id| dir.tiles(id).join("checkpoint").exists())
}

/// Keeps the files of a policy by their SHA-256 in `policy/`; gives the manifest.
pub(super) fn store_policy(
    dir: &Dir,
    policy: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<(String, Digest)>, Error> {
    if policy.len() > MAX_FILES || policy.values().any(|f| f.len() > MAX_FILE) {
        return Err(Refusal::Invalid("a policy has up to 256 files of up to 1 MiB").into());
    }
    let folder = dir.root().join("policy");
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let mut files = Vec::new();
    for (name, content) in policy {
        let digest = placet_proto::sha256(content);
        let path = folder.join(hex::encode(digest));
        if std::fs::read(&path).ok().as_deref() != Some(content.as_slice()) {
            // Of two who store the same at once, neither renames what the other still writes.
            let tmp = folder.join(format!("{}.tmp", uuid::Uuid::new_v4()));
            std::fs::write(&tmp, content).map_err(Error::io("write", &tmp))?;
            let file = std::fs::File::open(&tmp).map_err(Error::io("open", &tmp))?;
            file.sync_all().map_err(Error::io("flush", &tmp))?;
            std::fs::rename(&tmp, &path).map_err(Error::io("rename", &tmp))?;
        }
        files.push((name.clone(), digest));
    }
    crate::journal::sync_folder(&folder)?;
    crate::journal::sync_folder(dir.root())?;
    Ok(files)
}

/// A file of a policy of the ledger's folder `root`, by its SHA-256; `None`: it is not there.
///
/// # Errors
/// `ledger.io`; `request.invalid` when it is not what its name says.
pub fn read_policy_file(root: &Path, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
    let path = root.join("policy").join(hex::encode(digest));
    let content = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        content => content.map_err(Error::io("read", &path))?,
    };
    match placet_proto::sha256(&content) == *digest {
        true => Ok(Some(content)),
        false => Err(Refusal::Invalid("a policy file was changed").into()),
    }
}

impl Ledger {
    /// Takes away files of policies that nobody signed and that nobody can sign any more: each
    /// look at one leaves its files. `policies` is held by the caller.
    ///
    /// # Errors
    /// `ledger.io`, and what reading the governance log gives.
    pub(super) fn sweep_policies(&self) -> Result<(), Error> {
        let mut kept = BTreeSet::new();
        let mut keep = |body: &Body| {
            if let Body::Policy(policy) = body {
                kept.extend(policy.files.iter().map(|(_, digest)| hex::encode(digest)));
            }
        };
        lock(&self.pending).changes().for_each(|document| keep(&document.body));
        for entry in self.governance.entries(&self.gov, self.gov.size())? {
            keep(&entry.document.body);
        }
        let folder = self.dir.root().join("policy");
        for item in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let item = item.map_err(Error::io("list", &folder))?;
            // Whatever else stands there (`lost+found` of a file system) is nothing of ours.
            if !item.file_type().map_err(Error::io("list", item.path()))?.is_file() {
                continue;
            }
            if item.file_name().to_str().is_none_or(|name| !kept.contains(name)) {
                std::fs::remove_file(item.path()).map_err(Error::io("remove", item.path()))?;
            }
        }
        Ok(())
    }

    /// Whether every file of a policy is there.
    pub(super) fn has_policy(&self, files: &[(String, Digest)]) -> bool {
        let folder = self.dir.root().join("policy");
        files.iter().all(|(_, digest)| folder.join(hex::encode(digest)).exists())
    }

    /// The policy that is in force: the last one in the governance log.
    ///
    /// # Errors
    /// What reading the governance log gives.
    pub fn policy_in_force(&self) -> Result<placet_proto::document::PolicyRef, Error> {
        self.governance.policy_at(&self.gov, self.gov.size())
    }

    /// The files of the policy that is in force, with the reference to its entry.
    ///
    /// # Errors
    /// `ledger.io`; `request.invalid` when a file is not what the log says it is.
    pub fn policy_files(
        &self,
    ) -> Result<(placet_proto::document::PolicyRef, BTreeMap<String, Vec<u8>>), Error> {
        let policy = self.governance.policy_at(&self.gov, self.gov.size())?;
        let entry = super::governance::read_statement(&self.gov, policy.index)?;
        let Body::Policy(document) = entry.document.body else {
            return Err(Refusal::NotInitialised.into());
        };
        let mut out = BTreeMap::new();
        for (name, digest) in document.files {
            let content = read_policy_file(self.dir.root(), &digest)?;
            let path = self.dir.root().join("policy").join(hex::encode(digest));
            let missing = || Error::io("read", &path)(std::io::ErrorKind::NotFound.into());
            out.insert(name, content.ok_or_else(missing)?);
        }
        Ok((policy, out))
    }

    /// Makes a new one-time code in place of an older one; only while nobody is enrolled.
    ///
    /// # Errors
    /// `enrol.code` when somebody is enrolled.
    pub fn new_bootstrap_code(&self) -> Result<String, Error> {
        if self.anybody_else_enrolled()? {
            return Err(Refusal::Code.into());
        }
        let code = spell(&random::<10>()?);
        let mut value = code_hash(&code).to_vec();
        value.extend(self.now().0.saturating_add(CODE_S).to_be_bytes());
        self.state.set_meta(CODE, Some(&value))?;
        Ok(code)
    }

    /// Checks the one-time code; it stays valid until somebody is enrolled with it.
    pub(super) fn check_code(&self, code: &str) -> Result<(), Error> {
        let valid = || -> Option<()> {
            let value = self.state.meta(CODE).ok()??;
            let (hash, until) = value.split_first_chunk::<32>()?;
            let until = u64::from_be_bytes(until.try_into().ok()?);
            let fresh = self.now() < UnixSeconds(until);
            (fresh && code_hash(&code.trim().to_uppercase()) == *hash).then_some(())
        };
        match valid() {
            Some(()) if !self.anybody_else_enrolled()? => Ok(()),
            _ => Err(Refusal::Code.into()),
        }
    }

    /// The code is used up.
    pub(super) fn forget_code(&self) -> Result<(), Error> {
        self.state.set_meta(CODE, None)
    }

    pub(super) fn anybody_enrolled(&self) -> Result<bool, Error> {
        let entries = self.governance.entries(&self.gov, self.gov.size())?;
        Ok(entries.iter().any(|s| matches!(s.document.body, Body::Enrolment(_))))
    }

    /// Genesis, key, policy in one batch. A repeated `init` finds them there.
    fn write_first_entries(&self, id: LogId, files: &[(String, Digest)]) -> Result<(), Error> {
        if self.log(id).size() > 0 {
            return Ok(());
        }
        let manifest_sha256 = placet_proto::sha256(&Policy::manifest_bytes(files));
        let at = self.now();
        let bodies = [
            Body::Genesis(self.genesis(id, manifest_sha256, at)?),
            Body::Key(self.key_document(id, at)),
            Body::Policy(Policy { files: files.to_vec(), manifest_sha256, authorised: None, at }),
        ];
        let mut entries = Vec::new();
        for body in bodies {
            let document: Document = self.document(body)?;
            let once = vec![once_key("document", &[document.sha256()])];
            let statement = self.sign(&Issue { log: id, ..Issue::by_ledger(document) })?;
            let statement = statement.bytes().to_vec();
            entries.push(NewEntry { statement, once, absent: Vec::new() });
        }
        match self.log(id).append(entries)? {
            Outcome::Appended { first_index: 0 } => Ok(()),
            _ => Err(Refusal::NotInitialised.into()),
        }
    }

    /// Whether settings and keys are those that both logs were made with: what genesis says can't
    /// be changed by editing a file.
    pub(super) fn check_genesis(&self) -> Result<(), Error> {
        for id in LogId::ALL {
            let statement = super::governance::read_statement(self.log(id), 0)?;
            let Body::Genesis(made) = statement.document.body else {
                return Err(Refusal::NotInitialised.into());
            };
            if made != self.genesis(id, made.policy_manifest, made.at)? {
                let why = "origin, rp_id, dev, audience or an issuer key is not what this ledger \
                           was made with";
                return Err(Refusal::Config(why.to_owned()).into());
            }
        }
        Ok(())
    }

    fn genesis(
        &self,
        id: LogId,
        policy_manifest: Digest,
        at: UnixSeconds,
    ) -> Result<Genesis, Error> {
        let (origin, gov) = (self.config.origin.clone(), self.config.gov_origin());
        let (role, origin, peer) = match id {
            LogId::Main => (LogRole::Main, origin, gov),
            LogId::Gov => (LogRole::Gov, gov, origin),
        };
        let kinds = |list: &[&str]| list.iter().map(|k| (*k).to_owned()).collect();
        let ledger = self.keys.ledger.public_key().thumbprint();
        Ok(Genesis {
            role,
            origin,
            peer,
            dev: self.config.dev,
            rp_id: self.config.rp_id.clone(),
            external_issuers: self.config.external_kids()?,
            issuers: vec![
                IssuerEntry { kid: ledger, kinds: kinds(&LEDGER_KINDS), audience: None },
                IssuerEntry {
                    kid: self.keys.pep.public_key().thumbprint(),
                    kinds: kinds(&PEP_KINDS),
                    audience: Some(self.config.audience.clone()),
                },
            ],
            first_key: ledger,
            policy_manifest,
            at,
        })
    }

    fn key_document(&self, id: LogId, at: UnixSeconds) -> KeyDocument {
        let keys = self.keys.of(id);
        let info = |purpose, key: &super::keys::PrivateKey| KeyInfo {
            purpose,
            kid: key.public_key().thumbprint(),
            public_key: key.public_key().to_cose(),
            kinds: None,
            audience: None,
        };
        let kinds = |list: &[&str]| Some(list.iter().map(|k| (*k).to_owned()).collect());
        let mut list = vec![
            info(Purpose::Checkpoint, &keys.checkpoint),
            info(Purpose::Receipt, &keys.receipt),
            KeyInfo { kinds: kinds(&LEDGER_KINDS), ..info(Purpose::Issuer, &self.keys.ledger) },
        ];
        if id == LogId::Main {
            list.push(KeyInfo {
                kinds: kinds(&PEP_KINDS),
                audience: Some(self.config.audience.clone()),
                ..info(Purpose::Issuer, &self.keys.pep)
            });
        }
        KeyDocument { keys: list, at }
    }
}

fn code_hash(code: &str) -> Digest {
    placet_proto::sha256_parts(&[b"placet-bootstrap/0", code.as_bytes()])
}

/// 80 bits as four groups of four letters and digits that people do not confuse.
fn spell(bytes: &[u8; 10]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = bytes.iter().fold(0u128, |n, b| (n << 8) | u128::from(*b));
    let letter = |i: u32| {
        let at = usize::try_from((bits >> (75 - 5 * i)) & 31).unwrap_or(0);
        ALPHABET.get(at).map_or('0', |b| char::from(*b))
    };
    let group = |g: u32| (0..4).map(|i| letter(4 * g + i)).collect::<String>();
    (0..4).map(group).collect::<Vec<_>>().join("-")
}
