//! Codes of this program, beside those of the verifier's table, and the families of codes that
//! readers of formats give.

use placet_verifier::codes::{self, Code};

/// A file could not be read or written.
pub const IO: &str = "io.error";
/// A file is larger than its format allows.
pub const SIZE: &str = "input.size";
/// The state of an audit is not one of this audit.
pub const STATE: &str = "audit.state";
/// A folder holds no copies of both logs.
pub const COPY: &str = "audit.copy";

const fn c(
    code: &'static str,
    meaning: &'static str,
    next: &'static str,
    spec: &'static str,
) -> Code {
    Code { code, meaning, next, spec }
}

/// Codes of this program, ascending.
pub const OWN: &[Code] = &[
    c(
        "audit.copy",
        "The folder does not hold copies of both logs, or one that changed while it was read.",
        "Make them: `placet log export --log both`; a ledger's own folder is none. Beside a mirror \
         that runs, try again.",
        "6.6",
    ),
    c(
        "audit.state",
        "The state file is damaged, of another audit (another trust file, a log with another \
         history, another version of this program), or another audit is writing it.",
        "If trust file and version are the same, compare the checkpoints of both copies \
         (`placet-verify consistency`). Begin anew without the file.",
        "9.10",
    ),
    c(
        "consistency.unproved",
        "Nothing was given that could show whether the larger tree holds the smaller one.",
        "Give a consistency proof with --proof, or a copy of the log with --log.",
        "9",
    ),
    c(
        "event.ahead",
        "The event is of what the log added after this copy was made.",
        "Make a newer copy.",
        "18.4",
    ),
    c(
        "event.altered",
        "An event is not what the log gives for its leaf or checkpoint.",
        "Look at the line and at `placet log show INDEX`; ask who can write to the SIEM's store.",
        "18.4",
    ),
    c(
        "event.bodies",
        "The copy holds no statement for this event: only that it is an event of this leaf was checked.",
        "Use a copy with statements, or the ledger's own folder.",
        "18.4",
    ),
    c(
        "event.chain",
        "The checkpoint events do not follow each other, or the copy's own checkpoint is not among them.",
        "Events are missing, or the log was exported anew. Of a log that grew since: --behind.",
        "18.4",
    ),
    c(
        "event.erased",
        "The log erased the statement of which the SIEM still holds an event; the two can't be compared.",
        "Erase the event from the SIEM, too, if the law says so.",
        "18.4",
    ),
    c(
        "event.extra",
        "An event is of no leaf or checkpoint of this copy.",
        "The copy may be older than the events; else somebody wrote it into the SIEM.",
        "18.4",
    ),
    c(
        "event.hashes",
        "The keyed hashes in an event were not compared: the key is not there, or another one.",
        "Give the key with --hash-key; `placet export hash-key` writes it.",
        "18.3",
    ),
    c(
        "event.missing",
        "The log has leaves of which there is no event.",
        "Export them again: `placet export backfill`. Of a log that grew since: --behind.",
        "18.4",
    ),
    c("event.none", "No event of a leaf was compared.", "Check which file you have.", "18.4"),
    c(
        "event.notes",
        "A checkpoint event is not among the published checkpoints that the copy holds, so that nobody can say whether it is one.",
        "Use a copy by `placet log export`, which holds them all; a mirror holds those it was shown.",
        "18.4",
    ),
    c(
        "event.profile",
        "Events of one file have several field profiles: each chooses by it what of it is compared.",
        "Name those that the operator exported with: --profile.",
        "18.3",
    ),
    c(
        "event.reference",
        "The event was too long for the receiver, and the SIEM holds its id and hash in its place.",
        "Raise `max_message` of the sink; the event itself: `placet export backfill`.",
        "18.2",
    ),
    c(
        "event.reordered",
        "An event came behind one that it comes before in the log.",
        "A receiver that does not keep the order: --any-order.",
        "18.4",
    ),
    c(
        "event.rollback",
        "The events hold a finding that the log had lost, or changed, what was exported.",
        "Judge the evidence that the exporter wrote; audit the log.",
        "18.5",
    ),
    c(
        "event.root",
        "A checkpoint that the SIEM was given has another root than the copy at that size: the log was shown in two ways, or the copy is of another one.",
        "Keep both, and judge what was written: `placet-verify consistency log-misbehaved.json`.",
        "18.4",
    ),
    c(
        "event.tombstone",
        "The event says that the statement was erased; this copy still holds it.",
        "Ask the ledger whether it was erased: `placet log show INDEX`.",
        "18.4",
    ),
    c(
        "event.unreadable",
        "A line is no event, or one of a table that this program does not have.",
        "Check which file you have, and the version of this program.",
        "18.4",
    ),
    c(
        "export.no_key",
        "The public key of a statement or receipt was not found.",
        "Give the trust file with --trust.",
        "8",
    ),
    c(
        "export.no_note",
        "The bundle has no checkpoint of the size that the receipt is for.",
        "Ask for a complete bundle.",
        "7.3",
    ),
    c(
        "export.no_statement",
        "The bundle has no such statement, or more than one fits.",
        "See `placet-verify show FILE`; choose with --request or --index.",
        "7",
    ),
    c(
        "input.size",
        "The file is larger than its format allows; it was not read.",
        "Check which file you have.",
        "12",
    ),
    c("io.error", "A file could not be read or written.", "Check the path and its rights.", "11"),
    c(
        "misbehaviour.none",
        "The file says that a log misbehaved, and its two checkpoints contradict nothing.",
        "Do not pass it on: it is no evidence.",
        "6.7",
    ),
];

/// Families: what all codes that begin like this have in common.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("action.", "The action is not a well-formed AuthZEN request.", "3"),
    ("assertion.", "A rule of WebAuthn does not hold for the passkey's assertion.", "9.1"),
    ("backup.", "A folder is no whole backup of a ledger, or not the one that was meant.", "12"),
    ("bare.", "A statement or receipt is not well-formed, or not of a kind known here.", "5.5"),
    ("base64.", "A value is not in the one spelling of its encoding.", "2.4"),
    ("cbor.", "The bytes are not deterministic CBOR.", "2.3"),
    ("checkpoint.", "A checkpoint has not the form of C2SP tlog-checkpoint.", "6.3"),
    ("cose.", "A COSE_Sign1 or receipt has not the form of the profile.", "5"),
    ("cosignature.", "A cosignature has not the form of C2SP tlog-cosignature.", "6.3"),
    (
        "consume.",
        "An approval was not spent: there is none for this action, or it was spent before.",
        "10",
    ),
    ("dir.", "A folder of a ledger or copy is in use, unfinished, frozen, or none.", "12"),
    ("document.", "A document has not exactly the members of its kind.", "4"),
    ("enforce.", "An enforcement point ran nothing, and says why (docs/enforcement.md).", "10"),
    ("gateway.", "The HTTP gateway let a call not pass (docs/gateway-http.md).", "10"),
    ("http.", "The service did not take a call, or its answer is not one of a service.", "12"),
    ("identity.", "Who calls an enforcement point is not known (docs/identity.md).", "10"),
    ("index.", "The search index of a ledger lags or is damaged; it can be made again.", "12"),
    ("io.", "A file, folder or server could not be reached.", "11"),
    ("json.", "The text is not JSON with one reading only.", "2.1"),
    ("jcs.", "The JSON is not in its canonical form.", "2.2"),
    ("key.", "A public key is not one that is used here.", "13"),
    ("ledger.", "The service refused: busy, full, at a limit, stopped, or its disk failed.", "12"),
    ("logcopy.", "A file with statements of a log's copy has not its form.", "6.6"),
    ("merkle.", "A proof does not prove what it should.", "9"),
    ("mirror.", "What a server showed is not the log that was signed, or not to be had.", "6.6"),
    ("misbehaviour.", "The file is no evidence that a log misbehaved.", "6.7"),
    ("note.", "A signed note has not the form of C2SP signed-note.", "6.4"),
    ("once.", "The index of once keys lags or is damaged; it can be made again.", "12"),
    ("pdp.", "Why a policy denied, as the decision records it (docs/arap.md).", "10"),
    (
        "policy.",
        "A witness policy has not the form of C2SP tlog-policy; or, from the service and \
         `placet policy`: a file of a policy folder is refused.",
        "8.1",
    ),
    ("proof.", "A file is not a C2SP tlog-proof.", "6"),
    ("query.", "The words of a search are not ones that the service knows.", "12"),
    ("signature.", "A signature does not verify.", "13"),
    ("spki.", "A PEM file is not an Ed25519 or P-256 public key.", "13"),
    ("ssh.", "OpenSSH has no form for this assertion; the assertion itself may be good.", "4.3"),
    ("statement.", "A statement has not the form of the profile.", "5"),
    ("tile.", "A tile has not the form of C2SP tlog-tiles.", "6.1"),
    ("time.", "A time is not in the one form, or not in range.", "2.4"),
    ("token.", "An action-bound token is not good for this call (docs/tokens.md).", "10"),
    ("trust.", "The trust file has not the form of the profile.", "8"),
    ("witness.", "A witness refused, contradicts the log, or could not be asked.", "6.4"),
];

/// What a code means: the entry of a table, else that of its family.
pub struct Explanation {
    /// One sentence.
    pub meaning: &'static str,
    /// What to do, where the code itself is in a table.
    pub next: Option<&'static str>,
    /// Section of SPEC.md.
    pub spec: &'static str,
}

/// Explains a code.
pub fn explain(code: &str) -> Option<Explanation> {
    if let Some(entry) = find(code) {
        let (meaning, spec) = (entry.meaning, entry.spec);
        return Some(Explanation { meaning, next: Some(entry.next), spec });
    }
    let family = FAMILIES.iter().find(|(prefix, _, _)| code.starts_with(prefix));
    family.map(|(_, meaning, spec)| Explanation { meaning, next: None, spec })
}

/// The entry of a code in one of the tables.
pub fn find(code: &str) -> Option<&'static Code> {
    codes::find(code).or_else(|| OWN.iter().find(|own| own.code == code))
}

/// What to do next about a code.
pub fn next(code: &str) -> Option<&'static str> {
    explain(code)?.next
}

/// Every code of the two tables, ascending.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<&Code> = codes::CODES.iter().chain(OWN).collect();
    all.sort_by_key(|code| code.code);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_in_two_tables() {
        for pair in all().windows(2) {
            assert_ne!(pair[0].code, pair[1].code);
        }
    }

    #[test]
    fn families_explain_what_tables_do_not_hold() {
        assert!(explain("json.duplicate_key").is_some_and(|e| e.next.is_none()));
        assert!(explain("time.upper_open").is_some_and(|e| e.next.is_some()));
        assert!(explain("nonsense").is_none());
        for code in [
            "mirror.tree",
            "io.unreachable",
            "ledger.stopped",
            "dir.locked",
            "witness.fork",
            "policy.mapping",
            "backup.invalid",
            "once.wrong",
            "http.token",
            "query.value",
        ] {
            assert!(explain(code).is_some(), "{code}");
        }
    }
}
