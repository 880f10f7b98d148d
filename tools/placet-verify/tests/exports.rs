//! The three exports, and `receipt` on what they wrote.

mod common;

use std::fs;
use std::process::Command;

use common::Story;
use placet_forge::{Person, RP_ID};
use placet_proto::statement::Attestation;
use placet_proto::tlog::merkle::{leaf_hash, verify_inclusion};
use placet_proto::tlog::{TlogProof, proof::MAX_PROOF_LEN};
use placet_softkey::SoftKey;

#[test]
fn ssh_keygen_verifies_the_export_and_refuses_a_changed_document() {
    let story = Story::closed();
    // A folder that a shell would take apart.
    let ran = story.run(["export-ssh", "evidence.placet", "--out", "it's $(here)"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1);
    let line = ran.out.trim_end();
    assert!(line.starts_with("ssh-keygen -Y verify -f '/"), "{line}");
    let out = story.path("it's $(here)");
    for file in ["document.json", "document.json.sig", "allowed_signers"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let verify = || Command::new("sh").arg("-c").arg(line).current_dir("/").output();
    // Where OpenSSH is not installed, the shape above is all that can be tested.
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        return;
    }
    let good = verify().unwrap();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let document = out.join("document.json");
    let mut bytes = fs::read(&document).unwrap();
    bytes[20] ^= 1;
    fs::write(&document, bytes).unwrap();
    assert!(!verify().unwrap().status.success());
}

#[test]
fn rs256_has_no_ssh_form() {
    let mut alice = Person::named("Alice");
    alice.key = SoftKey::generate_rs256(RP_ID).unwrap();
    let registered = alice.key.register(b"registration challenge", placet_forge::ORIGIN);
    alice.attestation = Attestation {
        object: registered.attestation_object,
        client_data_json: registered.client_data_json,
    };
    let story = Story::by(alice);
    assert_eq!(story.check("evidence.placet", &[]).code, 0, "the evidence itself is good");
    let ran = story.run(["export-ssh", "evidence.placet", "--out", "ssh"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("[ssh.unsupported_alg]"), "{}", ran.err);
}

#[test]
fn the_cose_export_verifies_without_the_profile() {
    let story = Story::closed();
    assert_eq!(story.run(["export-cose", "evidence.placet", "--out", "cose"]).code, 0);
    let cose = story.path("cose");
    let entry = fs::read_to_string(cose.join("entry.hex")).unwrap();
    let statement = fs::read(cose.join("statement.cose")).unwrap();
    let hash = placet_proto::b64::encode_hex(placet_proto::sha256(&statement));
    assert_eq!(entry, format!("{hash}\n"));

    let receipt = |entry: &str, statement: &str, log: &str| {
        let ran = story.run([
            "receipt",
            "--statement",
            statement,
            "--statement-pubkey",
            "cose/issuer.pem",
            "--receipt",
            "cose/receipt.cose",
            "--receipt-log-pubkey",
            log,
            "--leaf-entry-hex",
            entry,
        ]);
        ran.code
    };
    let (good, log) = ("cose/statement.cose", "cose/log.pem");
    assert_eq!(receipt(&hash, good, log), 0);
    assert_eq!(receipt(&hash.replace(&hash[..2], "00"), good, log), 1);
    assert_eq!(receipt(&hash, good, "cose/issuer.pem"), 1);
    assert_eq!(receipt("nonsense", good, log), 2);
    let mut changed = statement;
    *changed.last_mut().unwrap() ^= 1;
    story.write("changed.cose", &changed);
    assert_eq!(receipt(&hash, "changed.cose", log), 1);
    assert_eq!(receipt(&hash, "absent", log), 5);
}

#[test]
fn keys_of_the_cose_export_come_by_their_thumbprint() {
    let story = Story::closed();
    fs::rename(story.path("trust.json"), story.path("elsewhere.json")).unwrap();
    let ran = story.run(["export-cose", "evidence.placet", "--out", "cose"]);
    assert_eq!(ran.code, 1, "the receipt's key is nowhere");
    assert!(ran.err.contains("[export.no_key]"));
    let trust = ["--trust", "elsewhere.json"];
    let arguments = ["export-cose", "evidence.placet", "--out", "cose"];
    assert_eq!(story.run(arguments.iter().chain(&trust)).code, 0);
}

#[test]
fn the_tlog_proof_proves_the_entry() {
    let story = Story::closed();
    let arguments = ["export-tlog-proof", "evidence.placet", "--out", "proof"];
    assert_eq!(story.run(arguments).code, 0);
    let bytes = fs::read(story.path("proof")).unwrap();
    assert!(bytes.len() < MAX_PROOF_LEN);
    let (proof, signed) = TlogProof::parse(&bytes).unwrap();
    let statement = &story.forge.main.statements[usize::try_from(proof.index).unwrap()];
    let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
    let leaf = leaf_hash(&placet_proto::sha256(statement));
    verify_inclusion(&leaf, proof.index, size, &proof.path, &root).unwrap();
    assert_eq!(story.run(["show", "proof"]).code, 0);
}

#[test]
fn exports_name_what_is_not_there() {
    let story = Story::closed();
    for more in [["--index", "99"], ["--request", "nobody's"]] {
        let arguments = ["export-ssh", "evidence.placet", "--out", "ssh"];
        let ran = story.run(arguments.iter().chain(&more));
        assert_eq!(ran.code, 1, "{more:?}");
        assert!(ran.err.contains("[export.no_statement]"), "{}", ran.err);
    }
    // Genesis is a statement of its own index, but no answer.
    let ran = story.run(["export-ssh", "evidence.placet", "--out", "ssh", "--index", "0"]);
    assert!(ran.err.contains("[export.no_statement]"), "{}", ran.err);
}
