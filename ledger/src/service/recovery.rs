//! Recovery: a key in place of a lost one, where nobody is left who could authorise it.
//!
//! 1. [`recovery_link`]: the operator, on the ledger's machine, makes a link for a person.
//! 2. The person registers a key by that link and signs; a `recovery` announces it in the log, and
//!    everybody is told.
//! 3. For the delay of the settings every administrator and approver can object, by a revocation
//!    of the announced key.
//! 4. Then the new key signs its enrolment. An auditor believes it only if the key is a root of the
//!    trust file (SPEC.md 9.3): the operator alone could have done all this.

use std::path::Path;

use placet_proto::document::{Body, Digest, Document, Recovery, Role};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::Assertion;
use placet_proto::time::UnixSeconds;
use placet_proto::words;

use super::Refusal;
use super::access::Access;
use super::answers::Signed;
use super::clock::{random, uuid};
use super::config::Config;
use super::invitations::{Invitation, InvitationState, Invited, RECOVERY_LINK_S};
use super::ledger::{Appended, Issue, Ledger};
use super::people::{AUTHORISE_S, EnrolmentToSign};
use super::registrations::Registration;
use super::standing::{names_key, thumbprint};
use super::state::State;
use crate::sync::lock;
use crate::{Dir, Error, LogId};

/// Longest time from the making of an announcement to its record, in seconds. The time from which
/// the key counts is fixed when the announcement is made: kept back, it would reach those who can
/// object when their time is over.
const FRESH_S: u64 = 600;
/// What the log says of every recovery; more would be somebody's words about a person.
const REASON: &str = "the person's passkeys are lost";

/// A recovery in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryView {
    /// Index of its announcement in the governance log.
    pub index: u64,
    /// The person.
    pub person: String,
    /// The name, unless it was erased.
    pub name: Option<String>,
    /// The announced credential's id.
    pub credential: Vec<u8>,
    /// RFC 9679 thumbprint of the announced key.
    pub key: Digest,
    /// The roles that it will have.
    pub roles: Vec<Role>,
    /// From when on it can be enrolled.
    pub effective_from: UnixSeconds,
    /// What became of it.
    pub state: RecoveryState,
}

impl RecoveryView {
    /// The fingerprint words of the announced key.
    #[must_use]
    pub fn words(&self) -> String {
        words::fingerprint(&self.key)
    }

    /// Whether the key may still be enrolled, now or later.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.state == RecoveryState::Running
    }
}

/// What became of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryState {
    /// It can be objected to, and the key be enrolled when its time has come.
    Running,
    /// Somebody objected, by the entry with this index.
    Objected(u64),
    /// The key is enrolled, by the entry with this index.
    Complete(u64),
    /// Nobody enrolled the key for a month after its time had come.
    Lapsed,
}

/// Makes a single-use link for the person of this name or random id. It needs the ledger's folder
/// and not its lock: it works while the service runs.
///
/// # Errors
/// `person.unknown`, `person.ambiguous`, `ledger.limit`, and those of the folder.
pub fn recovery_link(root: &Path, named: &str, now: UnixSeconds) -> Result<Invited, Error> {
    let dir = Dir::open_read_only(root)?;
    Config::load(root)?;
    let path = dir.state().join("service.sqlite");
    if !path.exists() {
        return Err(Refusal::NotInitialised.into());
    }
    let state = State::open(&path)?;
    let person = state.find_person(named)?;
    let (name, salt) = state.person(&person)?.ok_or(Refusal::PersonUnknown)?;
    let made = state.add_invitation(&Invitation {
        id: uuid()?,
        recovery: true,
        person,
        name,
        salt,
        roles: Vec::new(),
        identities: Vec::new(),
        by: None,
        created: now,
        expires: UnixSeconds(now.0.saturating_add(RECOVERY_LINK_S)),
        ended: None,
        entry: None,
    })?;
    // The service records it: this program may not write to the log.
    Access::open(&path)?.note_act("invitation.create", &made.id, "recovery")?;
    Ok(made)
}

impl Ledger {
    /// All recoveries of the log, in its order.
    ///
    /// # Errors
    /// Those of reading the governance log, and `ledger.sqlite`.
    pub fn recoveries(&self) -> Result<Vec<RecoveryView>, Error> {
        let roster = self.roster()?;
        let now = self.now();
        let view = |(index, r): (u64, &Recovery)| -> Result<RecoveryView, Error> {
            let enrolled = roster.enrolment(&r.credential);
            let mut objections = roster
                .revocations(&r.credential)
                .filter(|o| o.authorised.is_ok() && o.document.key == r.key && o.index > index);
            let lapses = r.effective_from.0.saturating_add(AUTHORISE_S);
            let state = match (enrolled, objections.next()) {
                (Some(e), _) if e.document.recovery == Some(index) => {
                    RecoveryState::Complete(e.index)
                }
                (_, Some(objection)) => RecoveryState::Objected(objection.index),
                _ if now.0 >= lapses => RecoveryState::Lapsed,
                _ => RecoveryState::Running,
            };
            Ok(RecoveryView {
                index,
                name: self.person_name(&r.person)?,
                person: r.person.clone(),
                credential: r.credential.clone(),
                key: r.key,
                roles: r.roles.clone(),
                effective_from: r.effective_from,
                state,
            })
        };
        roster.recoveries().map(view).collect()
    }

    /// Recoveries that run: everybody is told of them, on every page.
    ///
    /// # Errors
    /// As [`Ledger::recoveries`].
    pub fn running_recoveries(&self) -> Result<Vec<RecoveryView>, Error> {
        Ok(self.recoveries()?.into_iter().filter(RecoveryView::runs).collect())
    }

    /// The credential of the key that is named as in [`Ledger::find_key`]; also of one that a
    /// running recovery announces.
    ///
    /// # Errors
    /// As there.
    pub fn credential_of_key(&self, named: &str) -> Result<Vec<u8>, Error> {
        let enrolled =
            self.enrolments()?.into_iter().map(|e| (thumbprint(&e.public_key), e.credential));
        let announced = self.running_recoveries()?.into_iter().map(|r| (r.key, r.credential));
        let mut found = enrolled.chain(announced).filter(|(key, _)| names_key(named, key));
        match (found.next(), found.next()) {
            (Some((_, credential)), None) => Ok(credential),
            (None, _) => Err(Refusal::PersonUnknown.into()),
            _ => Err(Refusal::PersonAmbiguous.into()),
        }
    }

    /// The announcement that a freshly registered key has to sign.
    pub(super) fn announcement(&self, draft: &Document) -> Result<Document, Error> {
        let Body::Enrolment(e) = &draft.body else {
            return Err(Refusal::RegistrationUnknown.into());
        };
        self.check_none_runs(&e.person)?;
        let effective_from = self.now().0.saturating_add(self.config.recovery_delay_s);
        self.document(Body::Recovery(Recovery {
            person: e.person.clone(),
            key: thumbprint(&e.public_key),
            credential: e.credential.clone(),
            roles: e.roles.clone(),
            effective_from: UnixSeconds(effective_from),
            reason: REASON.to_owned(),
            after: self.current_after()?,
        }))
    }

    /// Whether the announcement of a registered key is too old to be recorded.
    pub(super) fn is_stale(&self, registration: &Registration) -> bool {
        let body = registration.announcement.as_ref().map(|announcement| &announcement.body);
        let (None, Some(Body::Recovery(recovery))) = (registration.recovery, body) else {
            return false;
        };
        let counts = self.now().0.saturating_add(self.config.recovery_delay_s);
        recovery.effective_from.0.saturating_add(FRESH_S) < counts
    }

    fn check_none_runs(&self, person: &str) -> Result<(), Error> {
        match self.running_recoveries()?.iter().any(|r| r.person == person) {
            true => Err(Refusal::RecoveryRuns.into()),
            false => Ok(()),
        }
    }

    /// Takes the new key's signature under its announcement, records that, and raises the alarm.
    ///
    /// # Errors
    /// `enrol.unknown`, also when the announcement was made more than ten minutes ago: then the key
    /// has to be registered again; `recovery.running`, `answer.assertion`.
    pub fn announce_recovery(&self, id: &str, signed: Signed) -> Result<Appended, Error> {
        let registration = self.state.registration(id, self.now())?;
        let (_, draft) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        let document = registration.announcement.clone().ok_or(Refusal::RegistrationUnknown)?;
        let Body::Recovery(recovery) = &document.body else {
            return Err(Refusal::RegistrationUnknown.into());
        };
        let assertion: Assertion = signed.under(Namespace::Recover);
        self.check_possession(&document, draft, &assertion)?;
        let (person, effective_from) = (recovery.person.clone(), recovery.effective_from);
        let one = lock(&self.governing);
        if self.is_stale(&registration) {
            return Err(Refusal::RegistrationUnknown.into());
        }
        self.check_none_runs(&person)?;
        let checked = *document.sha256();
        let issue =
            Issue { log: LogId::Gov, assertions: vec![assertion], ..Issue::by_ledger(document) };
        let appended = self.issue(issue)?.map_err(|_| Refusal::DocumentUnknown)?;
        self.change_registration(id, |r| {
            if r.announcement.as_ref().is_none_or(|d| *d.sha256() != checked) {
                return Err(Refusal::RegistrationUnknown.into());
            }
            r.recovery = Some(appended.index);
            r.until = UnixSeconds(effective_from.0.saturating_add(AUTHORISE_S));
            Ok(())
        })?;
        drop(one);
        tracing::warn!(entry = appended.index, %person, "a recovery is announced");
        self.noted("recovery.alarm", &appended.index.to_string(), None);
        self.after_change()?;
        // Objections name a checkpoint that covers the announcement.
        if let Err(error) = self.publisher(LogId::Gov).covering(appended.index.saturating_add(1)) {
            tracing::warn!(%error, "no checkpoint covers the announcement yet");
        }
        Ok(appended)
    }

    /// Where the registration of an announced key stands.
    pub(super) fn announced(&self, r: Registration) -> Result<InvitationState, Error> {
        let index = r.recovery;
        let found = self.recoveries()?.into_iter().find(|v| Some(v.index) == index);
        Ok(match found {
            Some(v) if v.runs() => InvitationState::Announced(Box::new(r), v.effective_from),
            Some(RecoveryView { state: RecoveryState::Complete(entry), .. }) => {
                self.covered_state(entry)
            }
            Some(RecoveryView { state: RecoveryState::Lapsed, .. }) => InvitationState::Expired,
            _ => InvitationState::Rejected,
        })
    }

    /// The enrolment that an announced key has to sign when its time has come.
    ///
    /// # Errors
    /// `enrol.unknown`, `recovery.objected`, `recovery.early`; `person.not_authorised` when the
    /// person has lost a role since; `witness.quorum` when no checkpoint shows that the time has
    /// come.
    pub fn complete_recovery(&self, id: &str) -> Result<EnrolmentToSign, Error> {
        let registration = self.state.registration(id, self.now())?;
        let found = self.recoveries()?;
        let found = found.iter().find(|v| Some(v.index) == registration.recovery);
        let recovery = found.ok_or(Refusal::RegistrationUnknown)?;
        if !recovery.runs() {
            return Err(Refusal::RecoveryObjected.into());
        }
        if self.now() < recovery.effective_from {
            return Err(Refusal::RecoveryEarly(recovery.effective_from).into());
        }
        self.check_still_holds(recovery)?;
        // Only the witnesses' time counts with an auditor.
        self.publisher(LogId::Gov).publish_now()?;
        let after = self.current_after()?;
        if self.not_before(&after)?.is_none_or(|t1| t1 < recovery.effective_from.0) {
            return Err(Refusal::RecoveryEarly(recovery.effective_from).into());
        }
        let nonce = random()?;
        let changed = self.change_registration(id, |r| {
            let (_, draft) = r.enrolment().ok_or(Refusal::RegistrationUnknown)?;
            let mut enrolment = draft.clone();
            enrolment.recovery = r.recovery;
            enrolment.after = after;
            r.document = Some(Document::new(nonce, Body::Enrolment(enrolment))?);
            r.possess = None;
            Ok(())
        })?;
        self.to_be_signed(&changed)
    }

    /// What has to hold when the enrolment of a recovery is recorded.
    pub(super) fn check_recovered(&self, registration: &Registration) -> Result<(), Error> {
        let (_, enrolment) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        let found = self.recoveries()?;
        let found = found.iter().find(|v| Some(v.index) == enrolment.recovery);
        let recovery = found.ok_or(Refusal::RegistrationUnknown)?;
        if !recovery.runs() {
            return Err(Refusal::RecoveryObjected.into());
        }
        self.check_still_holds(recovery)?;
        match self.not_before(&enrolment.after)? {
            Some(t1) if t1 >= recovery.effective_from.0 => Ok(()),
            _ => Err(Refusal::RecoveryEarly(recovery.effective_from).into()),
        }
    }

    /// The roles were announced days ago: who lost one since must not get it back by this way, and
    /// an enrolment has to have the roles that were announced (SPEC.md 9.3).
    fn check_still_holds(&self, recovery: &RecoveryView) -> Result<(), Error> {
        let held = self.roles_of_person(&recovery.person)?;
        match recovery.roles.iter().all(|role| held.contains(role)) {
            true => Ok(()),
            false => {
                let why = "the person has lost a role since this recovery was announced";
                Err(Refusal::NotAuthorised(why.to_owned()).into())
            }
        }
    }

    /// What the new key signs at this point of a recovery: its announcement, or its enrolment.
    pub(super) fn recovery_to_sign(&self, r: &Registration) -> Result<EnrolmentToSign, Error> {
        let (document, namespace) = match (&r.recovery, &r.announcement) {
            (None, Some(announcement)) => (announcement.clone(), Namespace::Recover),
            _ => {
                let (document, _) = r.enrolment().ok_or(Refusal::RegistrationUnknown)?;
                (document.clone(), Namespace::EnrolPossess)
            }
        };
        let possess = sshsig::challenge(namespace, document.bytes());
        Ok(EnrolmentToSign { document, namespace, possess, authorise: None })
    }
}
