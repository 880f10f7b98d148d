//! A policy folder: what decides, and what approvals name.
//!
//! ```text
//! *.cedar               the policies, with annotations that say how to ask for approval
//! schema.cedarschema    their schema: mandatory
//! entities.json         optional: entities with attributes and parents, in Cedar's JSON
//! mapping.toml          optional: which AuthZEN types and names are which Cedar types and actions
//! mapping.json          the same in JSON; at most one of both
//! verification.json     optional: what an approval must satisfy
//! templates/NAME.txt    optional: texts that approvers read
//! ```
//!
//! [`PolicyFiles::manifest_hash`] is the hash that genesis, policy entries and approvals name: a
//! change of any byte of any of these files is another policy (SPEC.md R-10-70). docs/policies.md
//! describes each file.

mod error;
mod packs;

use std::{collections::BTreeMap, fs, io, path::Path};

use placet_proto::{document::Policy, json, json::Json, sha256};

pub use error::PolicyError;
pub use packs::Pack;

/// The policies of a folder with one file of them, in Cedar's own syntax.
pub const POLICIES: &str = "policies.cedar";
/// The schema, in Cedar's own syntax.
pub const SCHEMA: &str = "schema.cedarschema";
/// Entities, in Cedar's JSON.
pub const ENTITIES: &str = "entities.json";
/// The mapping from AuthZEN to Cedar, in JSON.
pub const MAPPING: &str = "mapping.json";
/// The mapping from AuthZEN to Cedar, in TOML.
pub const MAPPING_TOML: &str = "mapping.toml";
/// What an approval must satisfy.
pub const VERIFICATION: &str = "verification.json";

/// Files with one name each.
const SINGLE: [&str; 5] = [SCHEMA, ENTITIES, MAPPING, MAPPING_TOML, VERIFICATION];
const POLICY_SUFFIX: &str = ".cedar";
const TEMPLATES: &str = "templates";
const TEMPLATE_SUFFIX: &str = ".txt";
/// The longest file, in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;
/// The most files in a folder (SPEC.md 12).
const MAX_FILES: usize = 256;
/// The longest name of a file of policies or of a template, without its suffix, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The files of a policy folder, in memory, complete and bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles {
    files: BTreeMap<String, Vec<u8>>,
}

impl PolicyFiles {
    /// Reads a folder. Files that are no part of a policy folder are neither read nor named in the
    /// manifest, and thus without effect; folders in it are not searched, but for `templates`.
    ///
    /// # Errors
    /// `policy.io`, `policy.missing`, `policy.limit`, `policy.name`, `policy.mapping`.
    pub fn read(folder: &Path) -> Result<Self, PolicyError> {
        let mut files = BTreeMap::new();
        for name in names_in(folder)? {
            if SINGLE.contains(&name.as_str()) || name.ends_with(POLICY_SUFFIX) {
                take(&mut files, &folder.join(&name), name)?;
            }
        }
        if !files.contains_key(SCHEMA) {
            return Err(PolicyError::Missing(folder.join(SCHEMA).display().to_string()));
        }
        let templates = folder.join(TEMPLATES);
        if templates.is_dir() {
            for file in names_in(&templates)? {
                if file.ends_with(TEMPLATE_SUFFIX) {
                    take(&mut files, &templates.join(&file), format!("{TEMPLATES}/{file}"))?;
                }
            }
        }
        Self::from_files(files)
    }

    /// Takes files by their names in the folder, such as `templates/disable_user.txt`.
    ///
    /// # Errors
    /// `policy.missing` without a schema or without policies, `policy.limit`, `policy.name`,
    /// `policy.mapping` for two mappings.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, PolicyError> {
        if !files.contains_key(SCHEMA) {
            return Err(PolicyError::Missing(SCHEMA.to_owned()));
        }
        if files.len() > MAX_FILES {
            return Err(PolicyError::Limit("the number of files".to_owned()));
        }
        for (name, bytes) in &files {
            let known = SINGLE.contains(&name.as_str()) || is_policy(name);
            if !known && template_name(name).is_none() {
                return Err(PolicyError::Name(name.clone()));
            }
            if bytes.len() > MAX_FILE_BYTES {
                return Err(PolicyError::Limit(name.clone()));
            }
        }
        // A wrong path shall not become a policy that denies everything.
        if !files.keys().any(|name| is_policy(name)) {
            return Err(PolicyError::Missing("file named *.cedar".to_owned()));
        }
        if files.contains_key(MAPPING) && files.contains_key(MAPPING_TOML) {
            let text = format!("{MAPPING} and {MAPPING_TOML}: a folder has one of both");
            return Err(PolicyError::Mapping(text));
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

    /// Names of the files that hold policies, ascending.
    pub(crate) fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| is_policy(name))
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

fn take(
    files: &mut BTreeMap<String, Vec<u8>>,
    path: &Path,
    name: String,
) -> Result<(), PolicyError> {
    if files.len() >= MAX_FILES {
        return Err(PolicyError::Limit(path.display().to_string()));
    }
    files.insert(name, read_file(path)?);
    Ok(())
}

fn names_in(folder: &Path) -> Result<Vec<String>, PolicyError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| io_error(folder, &e))? {
        let name = entry.map_err(|e| io_error(folder, &e))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Whether a file of this name holds policies.
fn is_policy(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    name.strip_suffix(POLICY_SUFFIX).is_some_and(|stem| {
        let fits = (1..=MAX_NAME_BYTES).contains(&stem.len()) && stem.bytes().all(allowed);
        fits && !stem.starts_with('.')
    })
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
        let missing = PolicyFiles::read(folder.path()).unwrap_err();
        assert_eq!(missing.code(), "policy.missing");
        assert!(missing.to_string().contains("schema.cedarschema"), "{missing}");
    }

    // SPEC.md R-10-70.
    #[test]
    fn a_folder_needs_no_more_than_a_schema_and_policies() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(folder.path().join(name), name).unwrap();
        write(SCHEMA);
        assert_eq!(PolicyFiles::read(folder.path()).unwrap_err().code(), "policy.missing");
        write("b.cedar");
        write("a.cedar");
        let few = PolicyFiles::read(folder.path()).unwrap();
        assert_eq!(few.policy_names().collect::<Vec<_>>(), ["a.cedar", "b.cedar"]);
        for name in [ENTITIES, MAPPING_TOML, VERIFICATION] {
            let before = PolicyFiles::read(folder.path()).unwrap().manifest_hash();
            write(name);
            assert_ne!(PolicyFiles::read(folder.path()).unwrap().manifest_hash(), before);
        }
        write(MAPPING);
        assert_eq!(PolicyFiles::read(folder.path()).unwrap_err().code(), "policy.mapping");
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
        for name in [".cedar", ".x.cedar", "a/b.cedar", "../a.cedar", "a b.cedar"] {
            assert_eq!(with(name, b"").unwrap_err().code(), "policy.name", "{name}");
        }
        for name in ["x", "templates/../x.txt", "templates/A.txt", "templates/.txt", "/etc/a.txt"] {
            assert_eq!(with(name, b"").unwrap_err().code(), "policy.name", "{name}");
        }
        let long = vec![b' '; MAX_FILE_BYTES + 1];
        assert_eq!(with(POLICIES, &long).unwrap_err().code(), "policy.limit");
        with("templates/a-b_1.txt", b"").unwrap();
        with("forbids-2.v1.cedar", b"").unwrap();
        assert_eq!(with(MAPPING_TOML, b"").unwrap_err().code(), "policy.mapping");
        let many = (0..=MAX_FILES).map(|i| (format!("templates/{i}.txt"), Vec::new()));
        let files = PolicyFiles::demo().files.into_iter().chain(many).collect();
        assert_eq!(PolicyFiles::from_files(files).unwrap_err().code(), "policy.limit");
    }
}
