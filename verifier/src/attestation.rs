//! The check `credential.attestation` (SPEC.md 9.9): whether the registration of an enrolment
//! bears out what the log says about where the key lives.

use std::sync::PoisonError;

use placet_proto::document::{Enrolment, KeyClass};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use sha2::{Digest as _, Sha256};

use crate::answers::{self, Given};
use crate::context::Context;
use crate::crypto::{self, PublicKey};
use crate::evidence::Evidence;
use crate::governance::short;
use crate::report::{Problem, Status};
use crate::webauthn::{self, Attestation, AttestationObject, Certified};

/// Step 19a for one answer.
///
/// # Errors
/// Failed where the registration is another's or the class a lie; indeterminate or not checked
/// where nothing that was pinned says.
pub(crate) fn check(
    evidence: &Evidence,
    cx: &Context<'_>,
    given: Given<'_>,
) -> Result<String, Problem> {
    let credential = &given.answer.approver.credential;
    let known = || cx.attested.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known().get(credential) {
        return known.clone();
    }
    let result = of_credential(evidence, cx, credential);
    // Only of those that are enrolled: others can be as many as there are answers.
    if cx.governance.enrolment(credential).is_some() {
        known().insert(credential.clone(), result.clone());
    }
    result
}

/// It depends on the credential alone, and a long log has many answers by each.
fn of_credential(
    evidence: &Evidence,
    cx: &Context<'_>,
    credential: &[u8],
) -> Result<String, Problem> {
    let Some(enrolled) = cx.governance.enrolment(credential) else {
        return Err(Problem::failed("lineage.unknown_credential", short(credential)));
    };
    let at = usize::try_from(enrolled.index).ok();
    let statement = at.and_then(|i| evidence.gov.get(i)).and_then(|parsed| parsed.known());
    // The roster holds enrolments of known statements only, and these carry their registration.
    let Some(statement) = statement else {
        return Err(mismatch(enrolled.index, "the registration is not in the evidence"));
    };
    let key = crypto::parse_cose_key(&enrolled.document.public_key).map_err(|e| {
        // Whether an unreadable key is a failure is said by the check of its assertion.
        Problem::open(e.code(), e.to_string())
    })?;
    let seen = registration(cx, &enrolled.document, &key, statement)
        .map_err(|why| mismatch(enrolled.index, why))?;
    let judged = judge(cx, &enrolled.document, &seen)?;
    let Attestation::Certified(certified) = &judged else { return Ok(words(&seen, &judged)) };
    in_time(cx, enrolled.index, &enrolled.document, certified)?;
    Ok(words(&seen, &judged))
}

/// What the registration says of itself.
struct Seen {
    fmt: String,
    aaguid: [u8; 16],
    attestation: Result<Attestation, &'static str>,
}

/// The registration is that of the enrolment (`attestation.mismatch`).
fn registration(
    cx: &Context<'_>,
    e: &Enrolment,
    enrolled: &PublicKey,
    statement: &Statement,
) -> Result<Seen, &'static str> {
    let made = statement.attestation.as_ref().ok_or("there is no registration")?;
    webauthn::check_client_data(&made.client_data_json, &cx.trust.origins)
        .map_err(|_| "its client data is not of a registration at an allowed origin")?;
    let object =
        AttestationObject::parse(&made.object).map_err(|_| "its attestationObject is malformed")?;
    let (data, new) = (&object.authenticator_data, &object.credential);
    let key = crypto::parse_cose_key(new.cose_key).map_err(|_| "its key is none")?;
    let rp_id: [u8; 32] = Sha256::digest(&e.rp_id).into();
    for (same, what) in [
        (object.fmt == e.attestation_fmt, "it has another format than the document says"),
        (key == *enrolled, "it is of another key"),
        (new.credential_id == e.credential, "it is of another credential id"),
        (data.rp_id_hash == rp_id, "it is for another RP id"),
        (data.flags.backup_eligible() == e.backup_eligible, "its BE flag is another"),
        (data.flags.user_present() && data.flags.user_verified(), "nobody was verified"),
    ] {
        if !same {
            return Err(what);
        }
    }
    let hash: [u8; 32] = Sha256::digest(&made.client_data_json).into();
    let attestation = webauthn::verify_statement(&object, &key, &hash, cx.attestation_roots);
    Ok(Seen { fmt: object.fmt.to_owned(), aaguid: new.aaguid, attestation })
}

/// What the attestation shows, against what the document claims.
fn judge(cx: &Context<'_>, e: &Enrolment, seen: &Seen) -> Result<Attestation, Problem> {
    let claims = e.class == KeyClass::AttestedHardware;
    let class = |why: String| Err(Problem::failed("attestation.class", why));
    let local = matches!(e.class, KeyClass::AttestedHardware | KeyClass::ClaimedDeviceBound);
    if local && e.backup_eligible {
        return class(format!("the class is {}, and the key may be copied", e.class.name()));
    }
    let open = |status, code, why: &str| {
        let detail = format!("{}; the class {} is the service's claim", why, e.class.name());
        Err(Problem { status, ..Problem::open(code, detail) })
    };
    let unpinned = cx.attestation_roots.is_empty();
    match &seen.attestation {
        Ok(shown) if shown.is_hardware() && !e.backup_eligible => Ok(shown.clone()),
        Err(why) if claims => class(format!("the {} statement does not hold: {why}", seen.fmt)),
        Ok(Attestation::Unjudged(what)) if claims => {
            open(Status::Indeterminate, "attestation.unsupported", what)
        }
        Ok(Attestation::Certified(c)) if claims && c.hardware => {
            let why = "the chain ends at no root that the trust file pins";
            open(Status::Indeterminate, "attestation.root", why)
        }
        Ok(_) if claims => class(format!("format {} attests no hardware", seen.fmt)),
        _ if unpinned => {
            let why = "the trust file pins no attestation roots";
            open(Status::NotChecked, "attestation.not_pinned", why)
        }
        _ => {
            let why = format!("format {}, by no pinned root", seen.fmt);
            open(Status::NotChecked, "attestation.absent", &why)
        }
    }
}

/// The certificates were valid at some moment at which the key can have been enrolled. The lower
/// bound is known only where the notes that the enrolment names are in the evidence.
fn in_time(
    cx: &Context<'_>,
    index: u64,
    e: &Enrolment,
    certified: &Certified,
) -> Result<(), Problem> {
    let before = cx.gov_notes.before(index);
    let not_before = answers::lower(cx, &e.after).ok();
    let too_early = before.is_some_and(|t2| t2 <= certified.not_before.0);
    let too_late = not_before.is_some_and(|t1| t1 > certified.not_after.0);
    if !too_early && !too_late {
        return Ok(());
    }
    let time = |t: Option<u64>| t.map_or("unknown".to_owned(), |t| UnixSeconds(t).to_string());
    Err(Problem::failed("attestation.time", "the certificates were not valid at the enrolment")
        .versus(
            format!("[{}, {}]", certified.not_before, certified.not_after),
            format!("[{}, {})", time(not_before), time(before)),
        ))
}

fn words(seen: &Seen, judged: &Attestation) -> String {
    let aaguid = placet_proto::b64::encode_hex(seen.aaguid);
    let root = match judged {
        Attestation::Certified(Certified { root: Some(root), .. }) => {
            format!("sha256:{}", placet_proto::b64::encode_hex(root))
        }
        _ => "none".to_owned(),
    };
    format!("attested by {}, AAGUID {aaguid}, root {root}", seen.fmt)
}

fn mismatch(index: u64, why: &str) -> Problem {
    Problem::failed("attestation.mismatch", format!("the registration of enrolment {index}: {why}"))
}
