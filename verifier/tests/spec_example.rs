//! What SPEC.md says in numbers and names is so: the worked example of section 17 about the vector
//! `honest`, and the limits of section 12 about the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use placet_proto::b64::{encode_hex, encode_url};
use placet_proto::cose::Receipt;
use placet_proto::sha256;
use placet_proto::sshsig::{self, Namespace};
use placet_proto::tlog::merkle::leaf_hash;
use placet_verifier::Evidence;

fn read(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The text of a section, up to the next.
fn section(title: &str) -> String {
    let spec = String::from_utf8(read("SPEC.md")).unwrap();
    let start = spec.find(title).unwrap();
    let rest = &spec[start..];
    let end = rest[1..].find("\n## ").map_or(rest.len(), |end| end + 1);
    rest[..end].to_owned()
}

#[test]
fn the_worked_example_is_the_vector() {
    let bytes = read("verifier/vectors/bundles/honest/bundle.placet");
    let evidence = Evidence::parse(&bytes).unwrap();
    let text = section("## 17.");
    let mut wanted = Vec::new();
    let before_seal = (bytes.len() - 32).to_string();
    let grouped = format!("{},{}", &before_seal[..2], &before_seal[2..]);
    wanted.push(format!("SHA-256 of the {grouped} before"));
    for (log, notes) in [("main", &evidence.main_notes), ("governance", &evidence.gov_notes)] {
        for note in notes {
            let hash = encode_hex(sha256(&note.bytes));
            let size = note.signed.checkpoint().size;
            wanted.push(format!("| {log} | {size} | 00:00:"));
            wanted.push(format!("| `{}` |", &hash[..8]));
        }
    }
    let approval = evidence.main.iter().find(|m| m.index == 3).unwrap();
    let entry = sha256(approval.parsed.bytes());
    wanted.push(format!("`{}`; its leaf", encode_hex(entry)));
    wanted.push(format!("= `{}`. With path", encode_hex(leaf_hash(&entry))));
    let receipt = Receipt::parse(&approval.receipts[0]).unwrap();
    let path: Vec<String> =
        receipt.proof.path.iter().map(|h| format!("`{}…`", &encode_hex(h)[..8])).collect();
    wanted.push(format!("p0 p1 p2 = {},", path.join(" ")));
    let last = evidence.main_notes.last().unwrap().signed.checkpoint();
    let root = encode_hex(last.root);
    wanted.push(format!("`{}…{}`", &root[..8], &root[60..]));
    let document = &approval.parsed.known().unwrap().document;
    let hash = encode_hex(document.sha256());
    wanted.push(format!("SHA-256 is `{}…{}`", &hash[..8], &hash[58..]));
    for part in wanted {
        assert!(text.contains(&part), "SPEC.md 17 does not say: {part}");
    }
    let challenge = sshsig::challenge(Namespace::Approve, document.bytes());
    let example = section("## 4.");
    assert!(example.contains(&format!("whose SHA-256 is `{hash}`")), "SPEC.md 4.3: {hash}");
    assert!(example.contains(&encode_url(&challenge)), "SPEC.md 4.3: {}", encode_url(&challenge));
}

/// Names of constants in the sources of a part that are declared by these words.
fn constants(part: &Path, words: &str, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(part).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            constants(&path, words, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|l| l.trim_start().split_once(words));
            let names = names.filter_map(|(_, rest)| rest.split_once(':'));
            out.extend(names.map(|(name, _)| name.trim().to_owned()));
        }
    }
}

fn names_in(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let last = quoted.map(|q| q.rsplit("::").next().unwrap_or(q));
    let letter = |b: u8| b == b'_' || b.is_ascii_uppercase() || b.is_ascii_digit();
    let constant = |n: &&str| n.contains('_') && n.bytes().all(letter);
    last.filter(constant).map(str::to_owned).collect()
}

/// R-12-1: a limit that the table names is in the source, and none of the formats is left out.
#[test]
fn the_table_of_limits_is_about_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut all, mut formats) = (BTreeSet::new(), BTreeSet::new());
    for part in ["proto", "verifier", "ledger", "pep", "tools"] {
        constants(&root.join(part), "const ", &mut all);
    }
    for part in ["proto", "verifier"] {
        constants(&root.join(part).join("src"), "pub const ", &mut formats);
    }
    let named = names_in(&section("## 12."));
    let missing: Vec<&String> = named.difference(&all).collect();
    assert!(missing.is_empty(), "not in the source: {missing:?}");
    let limit = |n: &&String| n.starts_with("MAX_") || n.ends_with("_MAX_LEN");
    let silent: Vec<&String> =
        formats.iter().filter(limit).filter(|n| !named.contains(*n)).collect();
    assert!(silent.is_empty(), "not in SPEC.md 12: {silent:?}");
}
