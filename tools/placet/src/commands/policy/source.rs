//! Where the policies of a ledger are read: in its folder, or at its service.

use std::cell::RefCell;
use std::collections::BTreeMap;

use placet_ledger::LogId;
use placet_ledger::service::read_policy_file;
use placet_pep::policy::PolicyFiles;
use placet_proto::document::{Body, Digest, Policy};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};
use placet_softkey::SoftKey;

use crate::cli::FromLedger;
use crate::client::{Client, text};
use crate::error::Failure;
use crate::folder::Folder;

/// A ledger, open for reading.
pub enum Reader {
    /// By its folder, whether or not a service runs on it.
    Folder(Box<Folder>),
    /// By its service.
    Service(Box<Client>),
}

/// The policies of a ledger, and their files, each of which is read once.
pub struct Source {
    /// Where from.
    pub reader: Reader,
    files: RefCell<BTreeMap<Digest, Option<Vec<u8>>>>,
}

/// A policy entry of the governance log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its index.
    pub index: u64,
    /// The ledger's clock then.
    pub at: String,
    /// The manifest hash.
    pub manifest: Digest,
    /// Names and SHA-256 of its files.
    pub files: Vec<(String, Digest)>,
    /// Who signed it: person, and credential in base64url. The first is named by genesis.
    pub signer: Option<(String, String)>,
}

impl Source {
    /// Opens what the command line names; nothing where it names nothing.
    ///
    /// # Errors
    /// Those of the folder, of the token file, and of signing in.
    pub fn open(from: &FromLedger) -> Result<Option<Self>, Failure> {
        let reader = match (&from.dir, &from.url) {
            (Some(dir), _) => Reader::Folder(Box::new(Folder::open(dir)?)),
            (None, Some(url)) => {
                let mut client = Client::new(url, &from.tls, from.token_file.as_deref())?;
                if let Some(path) = &from.key {
                    client.sign_in(&mut SoftKey::load(path)?)?;
                }
                Reader::Service(Box::new(client))
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { reader, files: RefCell::default() }))
    }

    /// As [`Source::open`], where there has to be one.
    ///
    /// # Errors
    /// As there; `usage`.
    pub fn needed(from: &FromLedger) -> Result<Self, Failure> {
        let missing = || Failure::Usage("--url or --dir is needed".to_owned());
        Self::open(from)?.ok_or_else(missing)
    }

    /// The newest `limit` policy entries, the oldest of them first, and whether there are older.
    ///
    /// # Errors
    /// Those of the folder or the service.
    pub fn entries(&self, limit: usize) -> Result<(Vec<Entry>, bool), Failure> {
        let wanted = limit.saturating_add(1);
        let mut found = match &self.reader {
            Reader::Folder(folder) => in_folder(folder, wanted)?,
            Reader::Service(client) => at_service(client, wanted)?,
        };
        let more = found.len() > limit;
        found.truncate(limit);
        found.reverse();
        Ok((found, more))
    }

    /// The policy entry at this index of the governance log.
    ///
    /// # Errors
    /// Those of the folder or the service.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, Failure> {
        let found = match &self.reader {
            Reader::Folder(folder) => entry_at(folder, index)?,
            Reader::Service(client) => {
                let page = client.policies(index.checked_add(1), 1)?;
                listed(&page)?.into_iter().next()
            }
        };
        Ok(found.filter(|entry| entry.index == index))
    }

    /// All files of a policy; `Err` names those that are not there.
    ///
    /// # Errors
    /// Those of the folder or the service; `policy.*` for files that are no policy.
    pub fn files(
        &self,
        wanted: &[(String, Digest)],
    ) -> Result<Result<PolicyFiles, Vec<String>>, Failure> {
        let (mut files, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, digest) in wanted {
            match self.file(digest)? {
                Some(bytes) => drop(files.insert(name.clone(), bytes)),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        if wanted.is_empty() {
            // A ledger that was made without a policy denies everything.
            return Ok(Ok(PolicyFiles::deny_all()));
        }
        Ok(Ok(PolicyFiles::from_files(files)?))
    }

    /// One file, by its SHA-256.
    ///
    /// # Errors
    /// Those of the folder or the service.
    pub fn file(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(known) = self.files.borrow().get(digest) {
            return Ok(known.clone());
        }
        let found = match &self.reader {
            Reader::Folder(folder) => read_policy_file(folder.dir.root(), digest)?,
            Reader::Service(client) => client.policy_file(digest)?,
        };
        self.files.borrow_mut().insert(*digest, found.clone());
        Ok(found)
    }

    /// Whether the ledger is one for development, by its genesis.
    ///
    /// # Errors
    /// Those of the folder or the service.
    pub fn is_dev(&self) -> Result<bool, Failure> {
        match &self.reader {
            Reader::Folder(folder) => Ok(folder.config.dev),
            Reader::Service(client) => {
                let genesis = client.entry("gov", 0)?;
                let dev = genesis.get("document").and_then(|d| d.get("dev"));
                Ok(dev.and_then(Json::as_bool).unwrap_or_default())
            }
        }
    }
}

fn in_folder(folder: &Folder, limit: usize) -> Result<Vec<Entry>, Failure> {
    let mut out = Vec::new();
    for index in (0..folder.log(LogId::Gov).size()).rev() {
        if out.len() >= limit {
            break;
        }
        out.extend(entry_at(folder, index)?);
    }
    Ok(out)
}

fn entry_at(folder: &Folder, index: u64) -> Result<Option<Entry>, Failure> {
    let statement = folder.statement(LogId::Gov, index)?;
    let Some(Body::Policy(policy)) = statement.map(|s| s.document.body) else { return Ok(None) };
    let signer =
        policy.authorised.map(|(signer, _)| (signer.person, b64::encode_url(&signer.credential)));
    Ok(Some(Entry {
        index,
        at: UnixSeconds(policy.at.0).to_string(),
        manifest: policy.manifest_sha256,
        files: policy.files,
        signer,
    }))
}

fn at_service(client: &Client, limit: usize) -> Result<Vec<Entry>, Failure> {
    let (mut out, mut before) = (Vec::new(), None);
    while out.len() < limit {
        let page = client.policies(before, limit.saturating_sub(out.len()))?;
        out.extend(listed(&page)?);
        before = page.get("next").and_then(Json::as_u64);
        if before.is_none() {
            break;
        }
    }
    Ok(out)
}

fn listed(page: &Json) -> Result<Vec<Entry>, Failure> {
    let malformed = || Failure::Malformed {
        what: "the service's answer".to_owned(),
        code: "http.answer",
        detail: "it is no list of policies".to_owned(),
    };
    let digest = |json: &Json| {
        let bytes = json.as_str().and_then(|text| b64::decode_hex_array::<32>(text).ok());
        bytes.ok_or_else(malformed)
    };
    let list = page.get("policies").and_then(Json::as_array).ok_or_else(malformed)?;
    list.iter()
        .map(|item| {
            let files = item.get("files").and_then(Json::as_object).ok_or_else(malformed)?;
            let file = |(name, sha256): &(String, Json)| Ok((name.clone(), digest(sha256)?));
            let signer = match item.get("signer") {
                None => None,
                Some(s) => Some((text(s, &["person"])?, text(s, &["credential"])?)),
            };
            let files: Vec<_> = files.iter().map(file).collect::<Result<_, Failure>>()?;
            let manifest = digest(item.get("manifest").unwrap_or(&Json::Null))?;
            // The manifest is what receipts name; which files it stands for is not the service's
            // to say.
            if sha256(&Policy::manifest_bytes(&files)) != manifest {
                return Err(Failure::Malformed {
                    what: "the service's answer".to_owned(),
                    code: "http.answer",
                    detail: "it names files that are not those of the manifest".to_owned(),
                });
            }
            Ok(Entry {
                index: item.get("index").and_then(Json::as_u64).ok_or_else(malformed)?,
                at: text(item, &["at"])?,
                manifest,
                files,
                signer,
            })
        })
        .collect::<Result<Vec<Entry>, Failure>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC.md R-10-91.
    #[test]
    fn a_service_does_not_say_which_files_a_manifest_stands_for() {
        let digest = |byte: u8| b64::encode_hex([byte; 32]);
        let files = vec![("a.cedar".to_owned(), [1; 32])];
        let manifest = sha256(&Policy::manifest_bytes(&files));
        let page = |manifest: &str, files: Vec<(String, Json)>| {
            let item = Json::object([
                ("index", Json::try_from(2u64).unwrap()),
                ("at", "2026-01-01T00:00:00Z".into()),
                ("manifest", manifest.into()),
                ("files", Json::Object(files)),
            ]);
            Json::object([("policies", Json::Array(vec![item]))])
        };
        let named = |byte| vec![("a.cedar".to_owned(), Json::from(digest(byte)))];
        let manifest = b64::encode_hex(manifest);
        assert_eq!(listed(&page(&manifest, named(1))).unwrap()[0].files, files);
        // Another policy's, or none: everything would be denied.
        for other in [named(2), Vec::new()] {
            assert!(listed(&page(&manifest, other)).is_err());
        }
    }
}
