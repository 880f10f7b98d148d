//! Answers: the document that a person signs, and what has to hold before it is recorded. The
//! checks are those of the verifier, run by the verifier's own code.

use placet_proto::document::{Answer, Body, Digest, Document, Role, Shown, Signer};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::Assertion;
use placet_proto::time::UnixSeconds;
use placet_verifier::Problem;

use super::clock::random;
use super::ledger::{Appended, Issue, Ledger, once_key, terminal_key};
use super::requests::RequestView;
use super::standing::by_entries;
use super::state::RequestState;
use super::{Refusal, render};
use crate::Error;
use crate::sync::lock;

/// Longest reason of a denial, in bytes.
const MAX_REASON: usize = 4096;

/// How a person wants to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The request.
    pub request: String,
    /// The credential that will sign.
    pub credential: Vec<u8>,
    /// Where: `browser`, `cli` or `ssh`.
    pub surface: String,
    /// Whether this is to be a denial.
    pub denial: bool,
    /// Why, of a denial.
    pub reason: Option<String>,
}

/// A document to be signed by a passkey.
#[derive(Debug, Clone, PartialEq)]
pub struct ToSign {
    /// The document.
    pub document: Document,
    /// The namespace of the assertion.
    pub namespace: Namespace,
    /// The WebAuthn challenge.
    pub challenge: Vec<u8>,
    /// The credential that has to sign.
    pub credential: Vec<u8>,
    /// What the person reads; for governance documents the list of members.
    pub text: String,
    /// Until when it is kept.
    pub expires: UnixSeconds,
}

/// A passkey's answer, as the client gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Credential id.
    pub credential: Vec<u8>,
    /// authenticatorData.
    pub authenticator_data: Vec<u8>,
    /// clientDataJSON.
    pub client_data_json: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Signed {
    pub(super) fn under(self, namespace: Namespace) -> Assertion {
        Assertion {
            namespace,
            credential: self.credential,
            authenticator_data: self.authenticator_data,
            client_data_json: self.client_data_json,
            signature: self.signature,
        }
    }
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The statement.
    pub appended: Appended,
    /// Where the request stands now.
    pub state: RequestState,
}

impl Ledger {
    /// Makes the document that the person has to sign. It is kept for ten minutes.
    ///
    /// # Errors
    /// `request.unknown`, `request.state`, `request.expired`, `request.policy_changed`,
    /// `answer.repeated`, `answer.self_approval`, `person.unknown`, `person.not_authorised`,
    /// `request.invalid`, `ledger.limit`.
    pub fn open_request(&self, opening: &Opening) -> Result<ToSign, Error> {
        if opening.reason.as_ref().is_some_and(|r| r.len() > MAX_REASON || !opening.denial) {
            return Err(Refusal::Invalid("a reason belongs to a denial, up to 4 KiB").into());
        }
        let view = self.request(&opening.request)?;
        let now = self.now();
        check_live(&view, now)?;
        let after = self.current_after()?;
        let person = self.check_may_answer(&view, &opening.credential, after.gov.size)?;
        if view.answers.iter().any(|a| a.person == person) {
            return Err(Refusal::Answered.into());
        }
        let policy = self.governance.policy_at(&self.gov, after.gov.size)?;
        if policy != view.decision.policy {
            return Err(Refusal::PolicyChanged.into());
        }
        let quorum = view.decision.quorum.ok_or(Refusal::RequestUnknown)?;
        let mut answer = Answer {
            request: opening.request.clone(),
            action: view.decision.action,
            audience: view.decision.audience,
            initiator: view.decision.initiator,
            approver: Signer { person, credential: opening.credential.clone() },
            rp_id: self.config.rp_id.clone(),
            surface: opening.surface.clone(),
            quorum,
            raw: view.raw,
            policy,
            after,
            not_after: view.row.not_after,
            shown: None,
            reason: opening.reason.clone(),
        };
        let nonce = random()?;
        let unseen = Document::bytes_without_shown(&nonce, &answer, opening.denial);
        let text = render::render(&view.template, &unseen)?;
        answer.shown = Some(Shown {
            template_sha256: placet_proto::sha256(view.template.as_bytes()),
            locale: render::LOCALE.to_owned(),
            text_sha256: placet_proto::sha256(text.as_bytes()),
        });
        let body = if opening.denial { Body::Denial(answer) } else { Body::Approval(answer) };
        let document = Document::new(nonce, body)?;
        self.to_sign(document, opening.credential.clone(), text)
    }

    /// Keeps a document until it is signed.
    pub(super) fn to_sign(
        &self,
        document: Document,
        credential: Vec<u8>,
        text: String,
    ) -> Result<ToSign, Error> {
        let namespace = document.kind().namespace().ok_or(Refusal::DocumentUnknown)?;
        let challenge = sshsig::challenge(namespace, document.bytes());
        let expires = lock(&self.pending).put(&document, &credential, self.now());
        Ok(ToSign { document, namespace, challenge, credential, text, expires })
    }

    /// Checks a signed answer and records it. The document is named by its SHA-256.
    ///
    /// # Errors
    /// `answer.document_unknown`, `answer.assertion`, `request.ended`, and those of
    /// [`Ledger::open_request`].
    pub fn answer(&self, document: &Digest, signed: Signed) -> Result<Answered, Error> {
        let now = self.now();
        let bytes = lock(&self.pending).bytes(document, now)?;
        let document = Document::parse(&bytes)?;
        let (answer, namespace, denial) = match &document.body {
            Body::Approval(a) => (a, Namespace::Approve, false),
            Body::Denial(a) => (a, Namespace::Deny, true),
            _ => return Err(Refusal::DocumentUnknown.into()),
        };
        let request = answer.request.clone();
        let view = self.request(&request)?;
        check_live(&view, now)?;
        let person =
            self.check_may_answer(&view, &answer.approver.credential, answer.after.gov.size)?;
        let assertion = signed.under(namespace);
        self.check_assertion(&document, &assertion, &answer.approver.credential)?;
        let answer_key = once_key("answer", &[request.as_bytes(), person.as_bytes()]);
        let sha256 = *document.sha256();
        let mut issue = Issue::by_ledger(document);
        issue.assertions.push(assertion);
        issue.once.push(answer_key);
        match denial {
            true => issue.once.push(terminal_key(&request)),
            false => issue.absent.push(terminal_key(&request)),
        }
        let appended = match self.issue(issue)? {
            Ok(appended) => appended,
            Err(key) if key == terminal_key(&request) => return Err(Refusal::Ended.into()),
            Err(_) => return Err(Refusal::Answered.into()),
        };
        lock(&self.pending).remove(&sha256);
        let state = self.row(&request)?.state;
        Ok(Answered { appended, state })
    }

    /// Runs the verifier's assertion check with the enrolled key.
    pub(super) fn check_assertion(
        &self,
        document: &Document,
        assertion: &Assertion,
        credential: &[u8],
    ) -> Result<(), Error> {
        let challenge = sshsig::challenge(assertion.namespace, document.bytes());
        let roster = self.roster()?;
        let enrolled = roster.enrolment(credential).ok_or(Refusal::PersonUnknown)?;
        roster
            .check_assertion(assertion, &challenge, credential, &enrolled.document)
            .map(drop)
            .map_err(|p| assertion_refused(&p))
    }

    /// Whether a credential holds a role at a governance size, by a lineage that ends at a root,
    /// and is not revoked by anything that is recorded by now; gives its person.
    pub(super) fn check_role(
        &self,
        credential: &[u8],
        gov_size: u64,
        role: Role,
    ) -> Result<String, Error> {
        let roster = self.roster()?;
        if roster.enrolment(credential).is_none() {
            return Err(Refusal::PersonUnknown.into());
        }
        let enrolled =
            roster.authorised(credential, gov_size, role).map_err(|p| not_authorised(&p))?;
        // By now the role may be gone.
        roster.authorised(credential, self.gov.size(), role).map_err(|p| not_authorised(&p))?;
        if !by_entries(&roster, enrolled).contains(&role) {
            let why = format!("its person is no {}", role.name());
            return Err(Refusal::NotAuthorised(why).into());
        }
        let mut revocations = roster.revocations(credential).filter(|r| r.authorised.is_ok());
        if revocations.next().is_some() {
            return Err(Refusal::NotAuthorised("it is revoked".to_owned()).into());
        }
        let vouchers =
            roster.vouchers(credential, gov_size, role).map_err(|p| not_authorised(&p))?;
        for (ancestor, index) in &vouchers {
            // Hardly ever is there one, and the rest is a question to a file.
            let mut standing = roster.revocations(ancestor).filter(|r| r.authorised.is_ok());
            if standing.next().is_none() {
                continue;
            }
            let covered = self.gov.notes().map(|n| n.covering(*index, 0)).transpose()?.flatten();
            let by = covered.map_or(u64::MAX, |n| n.published_at.saturating_add(1));
            let mut early = roster
                .revocations(ancestor)
                .filter(|r| r.authorised.is_ok() && r.document.effective_from.0 < by);
            if early.next().is_some() {
                let why = "its authoriser was revoked as of an earlier time";
                return Err(Refusal::NotAuthorised(why.to_owned()).into());
            }
        }
        Ok(enrolled.document.person.clone())
    }
}

fn check_live(view: &RequestView, now: UnixSeconds) -> Result<(), Error> {
    if !view.row.state.is_live() {
        return Err(Refusal::RequestState(view.row.state.name()).into());
    }
    if view.row.not_after <= now {
        return Err(Refusal::RequestExpired.into());
    }
    Ok(())
}

pub(super) fn not_authorised(problem: &Problem) -> Error {
    Refusal::NotAuthorised(format!("{} ({})", problem.detail, problem.code)).into()
}

pub(super) fn assertion_refused(problem: &Problem) -> Error {
    Refusal::Assertion { code: problem.code.to_owned(), text: problem.detail.clone() }.into()
}
