//! Every code that a check or a refused input can carry: what it means, what to do next, where the
//! specification says so. `placet-verify explain`, the JSON output and the table in SPEC.md 11 all
//! come from here.

/// One code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable code.
    pub code: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// What the reader can do.
    pub next: &'static str,
    /// Section of SPEC.md.
    pub spec: &'static str,
}

/// The entry for a code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.code == code)
}

const fn c(
    code: &'static str,
    meaning: &'static str,
    next: &'static str,
    spec: &'static str,
) -> Code {
    Code { code, meaning, next, spec }
}

const ASK: &str = "Ask whoever gave you the evidence for a complete, newer bundle.";
const TRUST: &str =
    "Get a trust file from a source that you trust, not from whoever gave you the evidence.";
const KEEP: &str = "Keep the file: it is evidence. Do not rely on the approval.";
const WAIT: &str = "Ask for evidence made later: `placet evidence ID --wait 30s`.";
const UPGRADE: &str = "Use a verifier that knows this profile.";

/// The table, ascending by code.
pub const CODES: &[Code] = &[
    c(
        "action.mismatch",
        "The action in the file is not the action that was approved.",
        "Compare both with `placet-verify show`.",
        "3.2",
    ),
    c(
        "alg.unsupported",
        "A key or signature uses an algorithm that this verifier does not have.",
        UPGRADE,
        "13",
    ),
    c(
        "answer.absent",
        "The evidence holds neither an approval nor a denial of the request.",
        ASK,
        "9",
    ),
    c(
        "answer.approved",
        "The request was approved, and evidence of a denial was asked for.",
        "Leave --denial away.",
        "9",
    ),
    c(
        "answer.conflict",
        "A request was answered twice by a person, or answered or spent after its end (a denial, too, ends it).",
        KEEP,
        "9",
    ),
    c(
        "answer.denied",
        "A person denied the request; nobody's approval stands.",
        "The action was refused. An execution beside it would be a finding.",
        "9",
    ),
    c(
        "approval.self",
        "The person who initiated the action approved it, and the quorum does not allow that.",
        KEEP,
        "9.7",
    ),
    c(
        "assertion.attestation_object",
        "The attestation object is not what it should be.",
        KEEP,
        "9.1",
    ),
    c("assertion.attestation_statement", "The attestation statement does not verify.", KEEP, "9.1"),
    c(
        "assertion.authenticator_data",
        "authenticatorData is not what its flags announce.",
        KEEP,
        "9.1",
    ),
    c(
        "assertion.backup_eligible",
        "The passkey's backup eligibility differs from its enrolment.",
        KEEP,
        "9.1",
    ),
    c(
        "assertion.binding",
        "The assertion is by another credential, or for another RP id, than the document names.",
        KEEP,
        "9.1",
    ),
    c(
        "assertion.challenge",
        "The passkey signed another document, or under another namespace.",
        KEEP,
        "9.1",
    ),
    c("assertion.client_data", "clientDataJSON is not one strict JSON object.", KEEP, "9.1"),
    c("assertion.cross_origin", "The page was embedded in a page of another origin.", KEEP, "9.1"),
    c(
        "assertion.flags",
        "The authenticator's flags contradict each other or are reserved.",
        KEEP,
        "9.1",
    ),
    c(
        "assertion.origin",
        "The browser says that the page had an origin that the trust file does not allow.",
        "Check the origin in the report; add it only if it is your approval page.",
        "9.1",
    ),
    c(
        "assertion.rp_id",
        "The passkey was used for an RP id that the trust file or the document does not name.",
        KEEP,
        "9.1",
    ),
    c("assertion.signature", "The passkey's signature does not verify.", KEEP, "9.1"),
    c(
        "assertion.top_origin",
        "The client names a top origin, which this profile does not allow.",
        KEEP,
        "9.1",
    ),
    c("assertion.type", "The client data is of another ceremony.", KEEP, "9.1"),
    c("assertion.up", "Nobody was present at the authenticator.", KEEP, "9.1"),
    c("assertion.uv", "The authenticator did not verify who was present.", KEEP, "9.1"),
    c(
        "attestation.absent",
        "No pinned root attests where the passkey's key lives; what the log says of it is a claim.",
        "Where hardware is asked for, let the person enrol a passkey that is attested.",
        "9.9",
    ),
    c(
        "attestation.class",
        "The log says more about where the passkey's key lives than its registration bears out.",
        KEEP,
        "9.9",
    ),
    c(
        "attestation.mismatch",
        "The registration in the evidence is not that of the passkey that was enrolled.",
        KEEP,
        "9.9",
    ),
    c(
        "attestation.not_pinned",
        "The trust file pins no attestation roots, so nothing is said about where the key lives.",
        "Add the roots of the vendors that you accept to `attestation_roots`.",
        "9.9",
    ),
    c(
        "attestation.root",
        "The attestation is sound and ends at no root that the trust file pins.",
        "Add the vendor's root to `attestation_roots` if you accept that vendor.",
        "9.9",
    ),
    c(
        "attestation.time",
        "The attestation's certificates were not valid when the passkey was enrolled.",
        KEEP,
        "9.9",
    ),
    c(
        "attestation.unsupported",
        "The attestation is of a format or algorithm that this verifier does not judge.",
        UPGRADE,
        "9.9",
    ),
    c(
        "audit.not_checked",
        "A check that the verdict needs did not run, because of what was found before.",
        "Look at the findings before it.",
        "9.10",
    ),
    c(
        "audit.request_limit",
        "A request has more statements than are judged together.",
        "Ask the operator why; judge the request by a bundle.",
        "9.10",
    ),
    c(
        "body.erased",
        "The body of a statement was erased by the order of an administrator: what it said can no longer be shown.",
        "The order, with its reason, is in the evidence; keep copies of evidence that you need for longer.",
        "9.8",
    ),
    c(
        "body.missing",
        "The body of a statement is withheld, and no administrator ordered its erasure.",
        KEEP,
        "9.8",
    ),
    c(
        "bundle.format",
        "The file is not an evidence bundle of this profile.",
        "Check which file you have; `placet-verify show FILE` says more.",
        "7",
    ),
    c(
        "bundle.seal",
        "The file was damaged or cut short after it was written.",
        "Get the file again. The seal finds damage; it proves nothing.",
        "7.1",
    ),
    c("bundle.size", "The file is empty or larger than a bundle may be.", ASK, "12"),
    c(
        "bundle.structure",
        "The bundle holds items in the wrong order, twice, missing, or that nothing refers to.",
        ASK,
        "7.3",
    ),
    c("consumption.double", "The evidence holds two executions of one request.", KEEP, "9"),
    c(
        "consumption.not_checked",
        "Whether the approval was spent once can't be seen without the whole log.",
        "Run the check with `--log COPY` over a copy of the log.",
        "9",
    ),
    c(
        "execution.absent",
        "The evidence holds no execution: the approval was not spent, or that was left out.",
        "Nothing to do if the action was not to have run yet.",
        "9.6",
    ),
    c("execution.action", "What was executed is not the action that was approved.", KEEP, "9.6"),
    c(
        "execution.approval",
        "The execution names an approval that is not in the evidence, or not of its request.",
        KEEP,
        "9.6",
    ),
    c(
        "execution.audience",
        "Another enforcement point than the one named in the approval spent it.",
        KEEP,
        "9.6",
    ),
    c(
        "execution.initiator",
        "Another agent than the one named in the approval had it spent.",
        KEEP,
        "9.6",
    ),
    c(
        "execution.raw",
        "The bytes that were forwarded are not those that were approved.",
        KEEP,
        "9.6",
    ),
    c(
        "governance.unauthorised",
        "A revocation, role or policy that would matter here is not signed by anybody who may.",
        "Ask the operator why it is in the log.",
        "9.3",
    ),
    c(
        "issuer.external",
        "A statement is signed by a key that the trust file does not know as an issuer of that log.",
        TRUST,
        "9",
    ),
    c(
        "issuer.kind",
        "A statement's key may not state its kind, or not for that audience.",
        KEEP,
        "9",
    ),
    c(
        "issuer.signature",
        "A statement's signature does not verify with its issuer's key.",
        KEEP,
        "9",
    ),
    c("key.invalid", "A public key is not a valid point or modulus.", KEEP, "13"),
    c(
        "key.window",
        "A key was used outside the range of sizes in which the trust file trusts it.",
        "The key may have been replaced or stolen: ask the operator, and see the trust file's until_size.",
        "8.2",
    ),
    c(
        "kind.unknown",
        "The statement is of a kind that this profile does not define.",
        UPGRADE,
        "4.2",
    ),
    c(
        "kind.wrong_log",
        "A statement stands in a log that its kind does not belong in.",
        KEEP,
        "4.2",
    ),
    c(
        "lineage.assertion",
        "An enrolment's possession or authorisation signature does not verify.",
        KEEP,
        "9.3",
    ),
    c(
        "lineage.depth",
        "More signatures lie between the passkey and a root than are followed.",
        KEEP,
        "9.3",
    ),
    c(
        "lineage.name",
        "A key that its own person authorised is under another name than that person's first.",
        KEEP,
        "9.3",
    ),
    c(
        "lineage.operator_asserted",
        "Nobody but the operator says that this passkey is that person's.",
        "Confirm the key's fingerprint out of band and add it to `roots`, or a key that authorised it.",
        "9.3",
    ),
    c(
        "lineage.person",
        "A document names another person than its credential was enrolled for.",
        KEEP,
        "9.3",
    ),
    c(
        "lineage.recovery",
        "The passkey replaces a lost one by a recovery, which nobody but the operator stands behind.",
        "Confirm the new key with its holder out of band, and add it to the roots of your trust file.",
        "9.3",
    ),
    c(
        "lineage.revoked",
        "A credential that authorised an enrolment had been revoked before.",
        KEEP,
        "9.3",
    ),
    c("lineage.role", "The signer did not hold the role that the document needs.", KEEP, "9.3"),
    c("lineage.unknown_credential", "The credential is not enrolled.", KEEP, "9.3"),
    c(
        "log.checkpoint",
        "A note is not validly signed by a checkpoint key of the log in the trust file.",
        TRUST,
        "6.3",
    ),
    c(
        "log.consistency",
        "A consistency proof does not prove: one tree is not a prefix of the other.",
        KEEP,
        "9",
    ),
    c(
        "log.equivocation",
        "The log signed two different roots for one size. It showed different histories.",
        "Keep the file and publish it: both notes are signed by the log.",
        "9",
    ),
    c(
        "log.genesis",
        "The first entry of the log is not the one that the trust file pins, or the two logs do not belong together.",
        TRUST,
        "6.2",
    ),
    c("log.inclusion", "A receipt does not prove that the statement is in the tree.", KEEP, "5.5"),
    c(
        "log.receipt_claims",
        "A receipt's signed claims (tree size, origin, subject) differ from its proof or its statement.",
        KEEP,
        "5.5",
    ),
    c(
        "log.root",
        "The governance entries do not give the root of a governance checkpoint: entries are missing, added or changed.",
        KEEP,
        "9",
    ),
    c(
        "not_after.expired",
        "The action was executed at or after the time until which the approval was good.",
        KEEP,
        "9",
    ),
    c(
        "not_after.undecided",
        "The execution's time interval straddles the end of the approval.",
        "The evidence can't decide; look at the PEP's own record.",
        "9",
    ),
    c(
        "opening.mismatch",
        "A name in the evidence is not the one that the person's enrolment commits to.",
        KEEP,
        "4.6",
    ),
    c(
        "order.after",
        "A checkpoint named in a document is not in the evidence, or not what the document says.",
        KEEP,
        "9.2",
    ),
    c(
        "order.enrolled_late",
        "The passkey was enrolled only after the request had been opened.",
        KEEP,
        "9.2",
    ),
    c(
        "order.governance",
        "A governance document names a root that is not the log's at that size: it comes from another fork.",
        KEEP,
        "9.2",
    ),
    c(
        "order.index",
        "Statements stand in an order in which they can't have come about.",
        KEEP,
        "9.2",
    ),
    c("outcome.absent", "The execution has no outcome in the evidence.", WAIT, "9.6"),
    c("outcome.mismatch", "What ran is not what the execution announced.", KEEP, "9.6"),
    c(
        "outcome.unknown",
        "Nobody knows how the execution ended.",
        "Look at the system that was acted on.",
        "9.6",
    ),
    c(
        "passkey.mismatch",
        "The approval is not by the passkey that was asked for.",
        "See the credential and the name in the report.",
        "9",
    ),
    c(
        "policy.not_in_force",
        "The policy that the document names was not the one in force.",
        KEEP,
        "9",
    ),
    c(
        "profile.unknown",
        "The evidence is of a profile that this verifier does not have.",
        UPGRADE,
        "4.1",
    ),
    c(
        "quorum.decision",
        "The approval asks for another quorum than the decision that it answers.",
        KEEP,
        "9",
    ),
    c(
        "quorum.eligible",
        "Too few of those who approved are persons whose approval counts.",
        KEEP,
        "9.7",
    ),
    c(
        "quorum.unmet",
        "Fewer persons approved than the policy asked for, or not of the same thing.",
        KEEP,
        "9",
    ),
    c("recovery.early", "A recovery was completed before the time that it announced.", KEEP, "9.3"),
    c(
        "recovery.mismatch",
        "An enrolment follows no recovery, or one of another person, key or role.",
        KEEP,
        "9.3",
    ),
    c(
        "recovery.objected",
        "Somebody who may had objected to the recovery before it was completed.",
        KEEP,
        "9.3",
    ),
    c(
        "request.ended_twice",
        "A request came to an end twice: by an execution, a denial, an expiry or a cancellation.",
        KEEP,
        "9.10",
    ),
    c(
        "revocation.key",
        "A revocation names another key than the credential was enrolled with.",
        KEEP,
        "9.3",
    ),
    c(
        "roster.disputed",
        "A revocation and the approval can't be put in order.",
        "Ask when the key was lost; the verdict stays open.",
        "9.5",
    ),
    c("roster.revoked", "The passkey had been revoked when it was used.", KEEP, "9.5"),
    c(
        "time.clock_skew",
        "The time bounds contradict each other: witness clocks differ.",
        "Compare the witnesses' clocks; take evidence with another quorum.",
        "9.4",
    ),
    c(
        "time.lower_open",
        "The checkpoints that the document names do not carry the witnesses that the trust file asks for.",
        TRUST,
        "9.4",
    ),
    c(
        "time.not_checked",
        "No witnesses are asked for, so nothing is said about time.",
        "Name witnesses in the trust file.",
        "9.4",
    ),
    c(
        "time.outside",
        "The approval lies outside the span that was asked for.",
        "See T1 and T2 in the report.",
        "9.4",
    ),
    c(
        "time.overlap",
        "The approval's interval and the span overlap; neither in nor out is proved.",
        "Ask for a wider span.",
        "9.4",
    ),
    c("time.upper_open", "No later cosigned checkpoint bounds the time from above.", WAIT, "9.4"),
    c(
        "trust.attestation_root",
        "A certificate in `attestation_roots` is none, or there are too many.",
        "Each is one X.509 certificate in DER, as base64url without padding.",
        "8",
    ),
    c(
        "trust.dev_log",
        "The evidence comes from a development ledger or a software key, and the trust file does not allow that.",
        "Do not accept it as evidence; for a trial set allow_dev.",
        "9",
    ),
    c("trust.expired", "The trust file has expired.", TRUST, "8"),
    c(
        "trust.log_unknown",
        "The trust file does not know this log. This is no verdict on the evidence.",
        TRUST,
        "8",
    ),
    c(
        "trust.require_unknown",
        "A check that is required is none that this verifier has.",
        UPGRADE,
        "8",
    ),
    c(
        "witness.none_independent",
        "Every quorum rests on witnesses that the operator runs: time and currency are the operator's word.",
        "Ask for cosignatures of a witness that the operator does not run.",
        "9",
    ),
    c(
        "witness.quorum",
        "A checkpoint that matters lacks the witnesses that the trust file asks for.",
        WAIT,
        "9",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_code_twice() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
        }
    }
}
