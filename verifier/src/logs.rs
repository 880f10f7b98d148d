//! Checks of both logs as logs: steps 2 to 9 of SPEC.md 9.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use placet_proto::bundle::Consistency;
use placet_proto::cose::Receipt;
use placet_proto::cose_key::{Algorithm, PublicKey};
use placet_proto::document::{Body, Genesis, Purpose};
use placet_proto::kind::LogRole;
use placet_proto::tlog::merkle::{leaf_hash, root_from_inclusion, verify_consistency};
use placet_proto::trust::{TrustFile, TrustedLog};

use crate::evidence::{Evidence, MainStatement, Parsed, ParsedNote, sizes};
use crate::notes::{self, LogTrust, NoteSet, OpenNote};
use crate::report::{Problem, Status};
use crate::workers::Workers;

type Checked = Result<String, Problem>;

/// Step 2: the trust file has not expired and knows both logs.
pub(crate) fn trusted<'t>(
    evidence: &Evidence,
    trust: &'t TrustFile,
    as_of: u64,
) -> Result<(&'t TrustedLog, &'t TrustedLog), Problem> {
    if let Some(expires) = trust.expires.filter(|e| e.0 <= as_of) {
        return Err(Problem::open("trust.expired", format!("it expired at {expires}")));
    }
    let find = |origin: &str, role| {
        trust.log(origin, role).ok_or_else(|| {
            let known: Vec<&str> = trust.logs.iter().map(|l| l.origin.as_str()).collect();
            Problem::open("trust.log_unknown", format!("no {} log of that origin", role.name()))
                .versus(known.join(", "), origin)
        })
    };
    Ok((find(&evidence.main_origin, LogRole::Main)?, find(&evidence.gov_origin, LogRole::Gov)?))
}

/// Step 3: entry 0 of each log is the pinned one, and the two belong together.
pub(crate) fn genesis<'e>(
    evidence: &'e Evidence,
    main: &TrustedLog,
    gov: &TrustedLog,
) -> Result<&'e Genesis, Problem> {
    let first_main = evidence.main.first().map(|m| &m.parsed);
    let main_genesis = pinned_genesis(first_main, main)?;
    let gov_genesis = pinned_genesis(evidence.gov.first(), gov)?;
    let belong = main_genesis.origin == main.origin
        && gov_genesis.origin == gov.origin
        && main_genesis.peer == gov.origin
        && gov_genesis.peer == main.origin
        && (main_genesis.role, gov_genesis.role) == (LogRole::Main, LogRole::Gov)
        && main_genesis.dev == gov_genesis.dev
        && main_genesis.rp_id == gov_genesis.rp_id
        && main_genesis.issuers == gov_genesis.issuers
        && main_genesis.policy_manifest == gov_genesis.policy_manifest;
    if belong {
        Ok(gov_genesis)
    } else {
        Err(Problem::failed("log.genesis", "the two logs do not belong together"))
    }
}

fn pinned_genesis<'e>(first: Option<&'e Parsed>, log: &TrustedLog) -> Result<&'e Genesis, Problem> {
    let Some(parsed) = first else {
        return Err(Problem::failed("log.genesis", "the log has no first entry"));
    };
    let entry = placet_proto::sha256(parsed.bytes());
    if entry != log.genesis {
        let hex = placet_proto::b64::encode_hex;
        return Err(Problem::failed("log.genesis", format!("entry 0 of {}", log.origin))
            .versus(hex(log.genesis), hex(entry)));
    }
    match parsed.known().map(|s| &s.document.body) {
        Some(Body::Genesis(genesis)) => Ok(genesis),
        _ => Err(Problem::failed("log.genesis", "entry 0 is not a genesis document")),
    }
}

/// Step 5, first: no two notes of one size with different roots that the log signed. It comes
/// before all else that is wrong with notes, for nothing must hide it.
pub(crate) fn equivocation(parsed: &[ParsedNote], trust: &LogTrust) -> Result<(), Problem> {
    // Notes ascend by size, so those of one size are neighbours.
    for same in parsed.chunk_by(|a, b| a.signed.checkpoint().size == b.signed.checkpoint().size) {
        let Some(first) = same.first().map(|n| n.signed.checkpoint()) else { continue };
        if same.iter().all(|n| n.signed.checkpoint().root == first.root) {
            continue;
        }
        let signed = same.iter().filter(|n| notes::signed_by_log(&n.signed, trust));
        let roots: BTreeSet<[u8; 32]> = signed.map(|n| n.signed.checkpoint().root).collect();
        let mut roots = roots.iter().map(placet_proto::b64::encode_hex);
        if let (Some(one), Some(other)) = (roots.next(), roots.next()) {
            return Err(Problem::failed(
                "log.equivocation",
                format!("{} signed two roots for size {}", trust.log.origin, first.size),
            )
            .versus(one, other));
        }
    }
    Ok(())
}

/// Step 5, then: every note of one log.
pub(crate) fn open_notes(
    parsed: &[ParsedNote],
    trust: &LogTrust,
    workers: &dyn Workers,
) -> Result<Vec<OpenNote>, Problem> {
    let opened: Vec<OnceLock<_>> = parsed.iter().map(|_| OnceLock::new()).collect();
    workers.each(parsed.len(), &|at| {
        if let (Some(note), Some(place)) = (parsed.get(at), opened.get(at)) {
            place.get_or_init(|| notes::open(&note.bytes, &note.signed, trust));
        }
    });
    // What nobody did is done here, so that no note is left out.
    let all = parsed.iter().zip(opened);
    all.map(|(note, place)| {
        place.into_inner().unwrap_or_else(|| notes::open(&note.bytes, &note.signed, trust))
    })
    .collect()
}

/// Step 7: each path proves.
pub(crate) fn consistency(paths: &[Consistency], notes: &NoteSet) -> Checked {
    let root = |size| notes.of_size(size).map(|n| n.root);
    for path in paths {
        let (Some(from), Some(to)) = (root(path.from), root(path.to)) else {
            return Err(Problem::failed("log.consistency", "a path between sizes of no note"));
        };
        verify_consistency(path.from, path.to, &from, &to, &path.path).map_err(|e| {
            Problem::failed("log.consistency", format!("from {} to {}: {e}", path.from, path.to))
        })?;
    }
    Ok(match paths.len() {
        0 => "one tree size: nothing to connect".to_owned(),
        n => format!("{n} proofs connect the main checkpoints"),
    })
}

/// Step 8: every receipt of every main statement.
pub(crate) fn inclusion(evidence: &Evidence, notes: &NoteSet, log: &LogTrust) -> Checked {
    let mut open = None;
    let kept = evidence.main.iter().map(|m| (Leaf::of(m), &m.receipts));
    let erased = evidence
        .erased
        .iter()
        .map(|e| (Leaf { index: e.index, entry: e.entry, subject: &e.subject }, &e.receipts));
    let mut leaves: Vec<(Leaf<'_>, &Vec<Vec<u8>>)> = kept.chain(erased).collect();
    leaves.sort_by_key(|(leaf, _)| leaf.index);
    for (leaf, receipts) in &leaves {
        for bytes in *receipts {
            match receipt(leaf, bytes, notes, log) {
                Err(p) if p.status == Status::Failed => return Err(p),
                other => open = open.or(other.err()),
            }
        }
    }
    if let Some(problem) = open {
        return Err(problem);
    }
    Ok(format!("{} statements are in the main tree", leaves.len()))
}

/// What a receipt is about, whether the body is there or not.
struct Leaf<'e> {
    index: u64,
    entry: [u8; 32],
    subject: &'e str,
}

impl<'e> Leaf<'e> {
    fn of(statement: &'e MainStatement) -> Self {
        Self {
            index: statement.index,
            entry: placet_proto::sha256(statement.parsed.bytes()),
            subject: &statement.parsed.header().sub,
        }
    }
}

fn receipt(of: &Leaf<'_>, bytes: &[u8], notes: &NoteSet, trust: &LogTrust) -> Result<(), Problem> {
    let (index, log) = (of.index, &trust.log);
    let bad = |detail: String| Problem::failed("log.inclusion", format!("leaf {index}: {detail}"));
    let receipt = Receipt::parse(bytes).map_err(|e| bad(e.to_string()))?;
    let claims = &receipt.claims;
    let proof = &receipt.proof;
    let claims_hold = claims.tree_size == proof.tree_size
        && claims.iss == log.origin
        && claims.origin == log.origin
        && claims.sub == of.subject
        && proof.leaf_index == index;
    if !claims_hold {
        return Err(Problem::failed("log.receipt_claims", format!("receipt of leaf {index}"))
            .versus(
                format!("{} size {} leaf {index} {}", log.origin, proof.tree_size, of.subject),
                format!(
                    "{} size {} leaf {} {}",
                    claims.origin, claims.tree_size, proof.leaf_index, claims.sub
                ),
            ));
    }
    let leaf = leaf_hash(&of.entry);
    let root = root_from_inclusion(&leaf, index, proof.tree_size, &proof.path)
        .map_err(|e| bad(e.to_string()))?;
    let Some(note) = notes.of_size(proof.tree_size) else {
        return Err(bad("no checkpoint of that size".into()));
    };
    if note.root != root {
        let hex = placet_proto::b64::encode_hex;
        return Err(bad("the path leads to another root".into()).versus(hex(note.root), hex(root)));
    }
    // Before the key: a trust file of this profile can't hold the key of a receipt that was
    // issued anew under an algorithm of a later one.
    if Algorithm::from_cose_id(receipt.alg).is_err() {
        return Err(Problem::open(
            "alg.unsupported",
            format!("receipt, algorithm {}", receipt.alg),
        ));
    }
    let known = trust.key_by_kid(Purpose::Receipt, &receipt.kid, proof.tree_size);
    let known = known.map_err(|e| {
        if e.code == "issuer.external" { bad("receipt key not trusted".into()) } else { e }
    })?;
    check_alg(known.key.public(), receipt.alg)?;
    known
        .key
        .verify_cose(&receipt.sign1.signed_bytes(&root), receipt.sign1.signature)
        .map_err(|e| bad(e.to_string()))
}

pub(crate) fn check_alg(key: &PublicKey, alg: i64) -> Result<(), Problem> {
    use placet_proto::cose::{ALG_ED25519, ALG_EDDSA, ALG_ES256, ALG_ESP256};
    let right = match key {
        PublicKey::Ed25519(_) => matches!(alg, ALG_EDDSA | ALG_ED25519),
        PublicKey::Es256 { .. } => matches!(alg, ALG_ES256 | ALG_ESP256),
        PublicKey::Rs256 { .. } => false,
    };
    if right {
        return Ok(());
    }
    Err(Problem::open("alg.unsupported", format!("algorithm {alg} with a key of another")))
}

/// Step 6: the governance list gives the root of each governance note.
pub(crate) fn governance_roots(
    governance: &crate::governance::Governance,
    evidence: &Evidence,
    notes: &NoteSet,
) -> Checked {
    let hex = placet_proto::b64::encode_hex;
    for note in notes.iter() {
        let computed = governance.root_at(note.size);
        if computed != Some(note.root) {
            return Err(Problem::failed("log.root", format!("governance size {}", note.size))
                .versus(hex(note.root), computed.map(hex).unwrap_or_default()));
        }
    }
    Ok(format!(
        "{} governance entries, complete, give the roots of sizes {:?}",
        evidence.gov.len(),
        sizes(&evidence.gov_notes)
    ))
}
