//! A policy folder: what decides, and what approvals name.
//!
//! ```text
//! policies.cedar        the policies, with annotations that say how to ask for approval
//! schema.cedarschema    their schema: mandatory
//! mapping.json          which AuthZEN types and names are which Cedar types and actions
//! verification.json     what an approval must satisfy
//! templates/NAME.txt    optional: texts that approvers read
//! ```
//!
//! [`PolicyFiles::manifest_hash`] is the hash that genesis, policy entries and approvals name: a
//! change of any byte of any of these files is another policy.

use std::{collections::BTreeMap, fs, io, path::Path};

use placet_proto::{document::Policy, json, json::Json, sha256};

/// The policies, in Cedar's own syntax.
pub const POLICIES: &str = "policies.cedar";
/// The schema, in Cedar's own syntax.
pub const SCHEMA: &str = "schema.cedarschema";
/// The mapping from AuthZEN to Cedar.
pub const MAPPING: &str = "mapping.json";
/// What an approval must satisfy.
pub const VERIFICATION: &str = "verification.json";

const REQUIRED: [&str; 4] = [POLICIES, SCHEMA, MAPPING, VERIFICATION];
const TEMPLATES: &str = "templates";
const TEMPLATE_SUFFIX: &str = ".txt";
/// The longest file, in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;
/// The most templates in a folder.
const MAX_TEMPLATES: usize = 200;
/// The longest template name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The files of a policy folder, in memory, complete and bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles {
    files: BTreeMap<String, Vec<u8>>,
}

impl PolicyFiles {
    /// Reads a folder. Files that are no part of a policy folder are neither read nor named in the
    /// manifest, and thus without effect.
    ///
    /// # Errors
    /// `policy.io`, `policy.missing`, `policy.limit`, `policy.name`.
    pub fn read(folder: &Path) -> Result<Self, PolicyError> {
        let mut files = BTreeMap::new();
        for name in REQUIRED {
            files.insert(name.to_owned(), read_file(&folder.join(name))?);
        }
        let templates = folder.join(TEMPLATES);
        if templates.is_dir() {
            for entry in fs::read_dir(&templates).map_err(|e| io_error(&templates, &e))? {
                let path = entry.map_err(|e| io_error(&templates, &e))?.path();
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !file.ends_with(TEMPLATE_SUFFIX) {
                    continue;
                }
                if files.len() >= REQUIRED.len() + MAX_TEMPLATES {
                    return Err(PolicyError::Limit(templates.display().to_string()));
                }
                files.insert(format!("{TEMPLATES}/{file}"), read_file(&path)?);
            }
        }
        Self::from_files(files)
    }

    /// Takes files by their names in the folder, such as `templates/disable_user.txt`.
    ///
    /// # Errors
    /// `policy.missing`, `policy.limit`, `policy.name`.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, PolicyError> {
        if let Some(name) = REQUIRED.iter().find(|name| !files.contains_key(**name)) {
            return Err(PolicyError::Missing((*name).to_owned()));
        }
        if files.len() > REQUIRED.len() + MAX_TEMPLATES {
            return Err(PolicyError::Limit(TEMPLATES.to_owned()));
        }
        for (name, bytes) in &files {
            if !REQUIRED.contains(&name.as_str()) && template_name(name).is_none() {
                return Err(PolicyError::Name(name.clone()));
            }
            if bytes.len() > MAX_FILE_BYTES {
                return Err(PolicyError::Limit(name.clone()));
            }
        }
        Ok(Self { files })
    }

    /// The demonstration: agent `support-bot` reads users, and disables one with a passkey approval
    /// of exactly that action; everything else is denied.
    #[must_use]
    pub fn demo() -> Self {
        embedded(&[
            (POLICIES, include_str!("../policies/demo/policies.cedar")),
            (SCHEMA, include_str!("../policies/demo/schema.cedarschema")),
            (MAPPING, include_str!("../policies/demo/mapping.json")),
            (VERIFICATION, include_str!("../policies/demo/verification.json")),
            (
                "templates/disable_user.txt",
                include_str!("../policies/demo/templates/disable_user.txt"),
            ),
        ])
    }

    /// The policy that denies everything, for a ledger that was given none.
    #[must_use]
    pub fn deny_all() -> Self {
        embedded(&[
            (POLICIES, include_str!("../policies/deny-all/policies.cedar")),
            (SCHEMA, include_str!("../policies/deny-all/schema.cedarschema")),
            (MAPPING, include_str!("../policies/deny-all/mapping.json")),
            (VERIFICATION, include_str!("../policies/deny-all/verification.json")),
        ])
    }

    /// Writes the files into a folder, which is made if need be; existing files are replaced.
    ///
    /// # Errors
    /// `policy.io`.
    pub fn write(&self, folder: &Path) -> Result<(), PolicyError> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|e| io_error(parent, &e))?;
            fs::write(&path, bytes).map_err(|e| io_error(&path, &e))?;
        }
        Ok(())
    }

    /// A file's bytes, by its name in the folder.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// A template's bytes, by the name that `@template("name")` gives.
    #[must_use]
    pub fn template(&self, name: &str) -> Option<&[u8]> {
        self.get(&format!("{TEMPLATES}/{name}{TEMPLATE_SUFFIX}"))
    }

    /// Names and bytes of all files, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Names and SHA-256 of all files, as the manifest lists them.
    #[must_use]
    pub fn digests(&self) -> Vec<(String, [u8; 32])> {
        self.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect()
    }

    /// The manifest: canonical JSON `{"files":{name: hexadecimal SHA-256}}`.
    #[must_use]
    pub fn manifest(&self) -> Vec<u8> {
        Policy::manifest_bytes(&self.digests())
    }

    /// The manifest hash, SHA-256 of the manifest.
    #[must_use]
    pub fn manifest_hash(&self) -> [u8; 32] {
        sha256(&self.manifest())
    }

    /// A file that must be text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, PolicyError> {
        let bytes = self.get(name).ok_or_else(|| PolicyError::Missing(name.to_owned()))?;
        std::str::from_utf8(bytes).map_err(|_| PolicyError::Text(name.to_owned()))
    }

    /// A file that must be a JSON object.
    pub(crate) fn json(&self, name: &str) -> Result<Json, PolicyError> {
        let value = json::parse(self.text(name)?.as_bytes());
        let value = value.map_err(|e| PolicyError::Json(name.to_owned(), e.to_string()))?;
        match value.as_object() {
            Some(_) => Ok(value),
            None => Err(PolicyError::Json(name.to_owned(), "not an object".to_owned())),
        }
    }
}

/// Why a policy folder cannot be armed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A file or folder cannot be read or written.
    #[error("{0}")]
    Io(String),
    /// A required file is absent.
    #[error("the policy folder has no {0}")]
    Missing(String),
    /// A file that is too long, or too many of them.
    #[error("{0} is more than a policy folder may hold")]
    Limit(String),
    /// A file name that a policy folder does not have.
    #[error("{0:?} is no name of a file in a policy folder")]
    Name(String),
    /// A file is not UTF-8.
    #[error("{0} is not UTF-8 text")]
    Text(String),
    /// A file is not the JSON that it must be.
    #[error("{0}: {1}")]
    Json(String, String),
    /// The schema does not parse.
    #[error("schema.cedarschema: {0}")]
    Schema(String),
    /// The policies do not parse, or hold something that has no effect here.
    #[error("policies.cedar: {0}")]
    Policies(String),
    /// The policies do not pass strict validation against the schema.
    #[error("policies.cedar does not fit the schema: {0}")]
    Validation(String),
    /// The mapping names what the schema does not have, or has another shape.
    #[error("mapping.json: {0}")]
    Mapping(String),
    /// An annotation with a value that nothing here understands.
    #[error("policies.cedar, policy {policy}: {text}")]
    Annotation {
        /// The policy's id.
        policy: String,
        /// What is wrong.
        text: String,
    },
    /// A policy names a person whom the governance log does not.
    #[error("policies.cedar: @approvers names {0}, who was never enrolled")]
    Person(String),
    /// The request that must be denied was permitted, or could not be evaluated.
    #[error("self-test: the canary request must be denied by the policies, but {0}")]
    Canary(String),
}

impl PolicyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "policy.io",
            Self::Missing(_) => "policy.missing",
            Self::Limit(_) => "policy.limit",
            Self::Name(_) => "policy.name",
            Self::Text(_) => "policy.text",
            Self::Json(..) => "policy.json",
            Self::Schema(_) => "policy.schema",
            Self::Policies(_) => "policy.policies",
            Self::Validation(_) => "policy.validation",
            Self::Mapping(_) => "policy.mapping",
            Self::Annotation { .. } => "policy.annotation",
            Self::Person(_) => "policy.person",
            Self::Canary(_) => "policy.canary",
        }
    }
}

/// The NAME of `templates/NAME.txt`, if it is made of the letters that names may have.
fn template_name(path: &str) -> Option<&str> {
    let file = path.strip_prefix(TEMPLATES)?.strip_prefix('/')?;
    let name = file.strip_suffix(TEMPLATE_SUFFIX)?;
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed);
    fits.then_some(name)
}

fn embedded(files: &[(&str, &str)]) -> PolicyFiles {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    PolicyFiles { files: files.iter().map(owned).collect() }
}

fn read_file(path: &Path) -> Result<Vec<u8>, PolicyError> {
    use std::io::Read as _;
    let missing = || PolicyError::Missing(path.display().to_string());
    let file = match fs::File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(missing()),
        other => other.map_err(|e| io_error(path, &e))?,
    };
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|e| io_error(path, &e))?;
    Ok(bytes)
}

fn io_error(path: &Path, error: &io::Error) -> PolicyError {
    PolicyError::Io(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::jcs;

    #[test]
    fn a_folder_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let demo = PolicyFiles::demo();
        demo.write(folder.path()).unwrap();
        fs::write(folder.path().join("README.md"), "not a part").unwrap();
        fs::write(folder.path().join("templates/notes.md"), "nor this").unwrap();
        let read = PolicyFiles::read(folder.path()).unwrap();
        assert_eq!(read, demo);
        assert_eq!(read.manifest_hash(), demo.manifest_hash());
        assert!(read.template("disable_user").unwrap().starts_with(b"Disable the user"));

        fs::remove_file(folder.path().join(SCHEMA)).unwrap();
        assert_eq!(PolicyFiles::read(folder.path()).unwrap_err().code(), "policy.missing");
    }

    #[test]
    fn the_manifest_is_canonical_and_changes_with_every_byte() {
        let demo = PolicyFiles::demo();
        let manifest = jcs::parse_canonical(&demo.manifest()).unwrap();
        let files = manifest.get("files").unwrap().as_object().unwrap();
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        let template = "templates/disable_user.txt";
        assert_eq!(names, [MAPPING, POLICIES, SCHEMA, template, VERIFICATION]);
        for name in names {
            let mut changed = demo.clone();
            changed.files.get_mut(name).unwrap().push(b' ');
            assert_ne!(changed.manifest_hash(), demo.manifest_hash(), "{name}");
        }
        assert_ne!(demo.manifest_hash(), PolicyFiles::deny_all().manifest_hash());
    }

    #[test]
    fn names_and_sizes_are_bounded() {
        let with = |name: &str, bytes: &[u8]| {
            let mut files = PolicyFiles::demo().files;
            files.insert(name.to_owned(), bytes.to_vec());
            PolicyFiles::from_files(files)
        };
        for name in ["x", "templates/../x.txt", "templates/A.txt", "templates/.txt", "/etc/a.txt"] {
            assert_eq!(with(name, b"").unwrap_err().code(), "policy.name", "{name}");
        }
        let long = vec![b' '; MAX_FILE_BYTES + 1];
        assert_eq!(with(POLICIES, &long).unwrap_err().code(), "policy.limit");
        with("templates/a-b_1.txt", b"").unwrap();
        let many = (0..=MAX_TEMPLATES).map(|i| (format!("templates/{i}.txt"), Vec::new()));
        let files = PolicyFiles::demo().files.into_iter().chain(many).collect();
        assert_eq!(PolicyFiles::from_files(files).unwrap_err().code(), "policy.limit");
    }
}
