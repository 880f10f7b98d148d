//! Registrations under way, on disk: whoever has to sign next may take days, and the program may
//! be restarted meanwhile.

use placet_proto::document::{Body, Document, Enrolment, Role, Signer};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::{Assertion, Attestation};
use placet_proto::time::UnixSeconds;
use rusqlite::{OptionalExtension as _, Row, params};

use super::Refusal;
use super::state::{Sql, State, int, uint};
use crate::Error;

/// Registrations whose possession nobody has shown yet. The oldest gives way: nobody may keep
/// others from enrolling by beginning many.
const MAX_OPEN: u32 = 256;
/// Of these, those of one person; their own oldest gives way, and nobody else's.
const MAX_OPEN_OF_PERSON: u32 = 4;
/// Registrations that wait for somebody to authorise them.
const MAX_WAITING: u64 = 1024;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS registration (
  id TEXT PRIMARY KEY, until INTEGER NOT NULL, purpose TEXT NOT NULL, person TEXT NOT NULL,
  name TEXT NOT NULL, salt BLOB NOT NULL, roles TEXT NOT NULL, authoriser_person TEXT,
  authoriser_credential BLOB, invitation TEXT, challenge BLOB NOT NULL, attestation BLOB,
  client_data BLOB,
  document BLOB, possess TEXT, authorise TEXT, announcement BLOB, recovery INTEGER);
CREATE INDEX IF NOT EXISTS registration_by_person ON registration (person);";

/// Why somebody registers a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The first person, with the one-time code.
    Bootstrap,
    /// An administrator enrols somebody who is there.
    Present,
    /// Somebody followed an invitation.
    Invited,
    /// A further key of a person, whom the first key authorises.
    Own,
    /// A key in place of a lost one, that nobody authorises (SPEC.md 6.5).
    Recovery,
}

impl Occasion {
    const ALL: [Self; 5] =
        [Self::Bootstrap, Self::Present, Self::Invited, Self::Own, Self::Recovery];

    fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Present => "present",
            Self::Invited => "invited",
            Self::Own => "own",
            Self::Recovery => "recovery",
        }
    }
}

/// A registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Names it.
    pub id: String,
    /// When it is forgotten.
    pub until: UnixSeconds,
    /// Why it was begun.
    pub occasion: Occasion,
    /// The person.
    pub person: String,
    /// The name.
    pub name: String,
    /// Salt of the commitment to the name.
    pub salt: [u8; 16],
    /// The roles that the enrolment will give.
    pub roles: Vec<Role>,
    /// Who has to authorise it.
    pub authoriser: Option<Signer>,
    /// The invitation that it came by.
    pub invitation: Option<String>,
    /// Challenge of `navigator.credentials.create()`.
    pub challenge: [u8; 32],
    /// What the registration gave, once there is one.
    pub attestation: Option<Attestation>,
    /// The enrolment document that is signed; of a recovery a draft of it.
    pub document: Option<Document>,
    /// Signature of the new key.
    pub possess: Option<Assertion>,
    /// Signature of the authoriser.
    pub authorise: Option<Assertion>,
    /// The `recovery` that announces the key.
    pub announcement: Option<Document>,
    /// Index of that in the governance log, once it is recorded.
    pub recovery: Option<u64>,
}

impl Registration {
    /// The enrolment document with its body, once a key was registered.
    #[must_use]
    pub fn enrolment(&self) -> Option<(&Document, &Enrolment)> {
        let document = self.document.as_ref()?;
        match &document.body {
            Body::Enrolment(enrolment) => Some((document, enrolment)),
            _ => None,
        }
    }

    /// Whether the new key has signed and somebody else has yet to.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.possess.is_some() && self.authoriser.is_some()
    }
}

impl State {
    /// Keeps a new registration; one that came by the same invitation gives way.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn put_registration(&self, new: &Registration, now: UnixSeconds) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.execute("DELETE FROM registration WHERE until <= ?1", [int(now.0)])?;
            if let Some(invitation) = &new.invitation {
                t.execute("DELETE FROM registration WHERE invitation = ?1", [invitation])?;
            }
            let sql = "DELETE FROM registration WHERE rowid IN (SELECT rowid FROM registration \
                       WHERE possess IS NULL AND recovery IS NULL AND person = ?2 \
                       ORDER BY rowid DESC LIMIT -1 OFFSET ?1)";
            t.execute(sql, params![MAX_OPEN_OF_PERSON.saturating_sub(1), new.person])?;
            let sql = "DELETE FROM registration WHERE rowid IN (SELECT rowid FROM registration \
                       WHERE possess IS NULL AND recovery IS NULL ORDER BY rowid DESC \
                       LIMIT -1 OFFSET ?1)";
            t.execute(sql, [MAX_OPEN.saturating_sub(1)])?;
            write(&t, new)?;
            t.commit()
        })
    }

    /// Changes a registration that is there.
    ///
    /// # Errors
    /// `ledger.sqlite`; `ledger.limit` when too many wait.
    pub fn change_registration(&self, changed: &Registration) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM registration WHERE possess IS NOT NULL AND id != ?1";
        let waiting = self.with(|c| c.query_row(sql, [&changed.id], |r| Ok(uint(r.get(0)?))))?;
        if changed.possess.is_some() && waiting >= MAX_WAITING {
            return Err(Refusal::Limit("enrolments").into());
        }
        self.with(|c| write(c, changed))
    }

    /// A registration that is under way.
    ///
    /// # Errors
    /// `enrol.unknown`.
    pub fn registration(&self, id: &str, now: UnixSeconds) -> Result<Registration, Error> {
        let sql = format!("{SELECT} WHERE id = ?1 AND until > ?2");
        let found =
            self.with(|c| c.query_row(&sql, params![id, int(now.0)], read).optional())?.flatten();
        found.ok_or_else(|| Refusal::RegistrationUnknown.into())
    }

    /// The registration that came by an invitation.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn registration_by(
        &self,
        invitation: &str,
        now: UnixSeconds,
    ) -> Result<Option<Registration>, Error> {
        let sql = format!("{SELECT} WHERE invitation = ?1 AND until > ?2");
        let found =
            self.with(|c| c.query_row(&sql, params![invitation, int(now.0)], read).optional());
        Ok(found?.flatten())
    }

    /// Registrations whose key was registered, oldest first.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn registered(&self, now: UnixSeconds) -> Result<Vec<Registration>, Error> {
        let sql = format!("{SELECT} WHERE document IS NOT NULL AND until > ?1 ORDER BY rowid");
        let all: Vec<Option<Registration>> =
            self.with(|c| c.prepare_cached(&sql)?.query_map([int(now.0)], read)?.collect())?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Forgets a registration.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn remove_registration(&self, id: &str) -> Result<(), Error> {
        self.with(|c| c.execute("DELETE FROM registration WHERE id = ?1", [id])).map(drop)
    }
}

const SELECT: &str = "SELECT id, until, purpose, person, name, salt, roles, authoriser_person, \
    authoriser_credential, invitation, challenge, attestation, client_data, document, possess, \
    authorise, announcement, recovery FROM registration";

fn write(c: &rusqlite::Connection, r: &Registration) -> Sql<()> {
    // An upsert keeps the row, and with it the place in the queue.
    let sql = "INSERT INTO registration VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
        ?12, ?13, ?14, ?15, ?16, ?17, ?18) ON CONFLICT (id) DO UPDATE SET until = ?2, roles = ?7, \
        authoriser_person = ?8, authoriser_credential = ?9, attestation = ?12, client_data = ?13, \
        document = ?14, possess = ?15, authorise = ?16, announcement = ?17, recovery = ?18";
    c.execute(
        sql,
        params![
            r.id,
            int(r.until.0),
            r.occasion.name(),
            r.person,
            r.name,
            r.salt,
            roles_text(&r.roles),
            r.authoriser.as_ref().map(|a| &a.person),
            r.authoriser.as_ref().map(|a| &a.credential),
            r.invitation,
            r.challenge,
            r.attestation.as_ref().map(|a| &a.object),
            r.attestation.as_ref().map(|a| &a.client_data_json),
            r.document.as_ref().map(Document::bytes),
            r.possess.as_ref().map(assertion_text),
            r.authorise.as_ref().map(assertion_text),
            r.announcement.as_ref().map(Document::bytes),
            r.recovery.map(int),
        ],
    )
    .map(drop)
}

/// Nothing for a row that this program can't read: it can't be continued.
fn read(r: &Row<'_>) -> Sql<Option<Registration>> {
    let (occasion, roles): (String, String) = (r.get(2)?, r.get(6)?);
    let (person, credential): (Option<String>, Option<Vec<u8>>) = (r.get(7)?, r.get(8)?);
    let document: Option<Vec<u8>> = r.get(13)?;
    let (possess, authorise): (Option<String>, Option<String>) = (r.get(14)?, r.get(15)?);
    let occasion = Occasion::ALL.into_iter().find(|o| o.name() == occasion);
    let parse = |bytes: Option<Vec<u8>>| bytes.map(|b| Document::parse(&b)).transpose();
    let documents = (parse(document), parse(r.get(16)?));
    let (Some(occasion), Some(roles), (Ok(document), Ok(announcement))) =
        (occasion, roles_from(&roles), documents)
    else {
        return Ok(None);
    };
    Ok(Some(Registration {
        id: r.get(0)?,
        until: UnixSeconds(uint(r.get(1)?)),
        occasion,
        person: r.get(3)?,
        name: r.get(4)?,
        salt: r.get(5)?,
        roles,
        authoriser: person
            .zip(credential)
            .map(|(person, credential)| Signer { person, credential }),
        invitation: r.get(9)?,
        challenge: r.get(10)?,
        attestation: attestation(r)?,
        document,
        possess: possess.and_then(|t| assertion_from(&t, Namespace::EnrolPossess)),
        authorise: authorise.and_then(|t| assertion_from(&t, Namespace::EnrolAuthorise)),
        announcement,
        recovery: r.get::<_, Option<i64>>(17)?.map(uint),
    }))
}

fn attestation(r: &Row<'_>) -> Sql<Option<Attestation>> {
    let (object, client_data_json): (Option<Vec<u8>>, Option<Vec<u8>>) = (r.get(11)?, r.get(12)?);
    let both = object.zip(client_data_json);
    Ok(both.map(|(object, client_data_json)| Attestation { object, client_data_json }))
}

/// Names of roles with commas between.
pub(super) fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(",")
}

pub(super) fn roles_from(text: &str) -> Option<Vec<Role>> {
    text.split(',').filter(|name| !name.is_empty()).map(Role::from_name).collect()
}

/// The parts of an assertion in hexadecimal, with full stops between.
fn assertion_text(a: &Assertion) -> String {
    [&a.credential, &a.authenticator_data, &a.client_data_json, &a.signature]
        .map(hex::encode)
        .join(".")
}

fn assertion_from(text: &str, namespace: Namespace) -> Option<Assertion> {
    let parts: Option<Vec<Vec<u8>>> = text.split('.').map(|p| hex::decode(p).ok()).collect();
    let [credential, authenticator_data, client_data_json, signature] =
        <[Vec<u8>; 4]>::try_from(parts?).ok()?;
    Some(Assertion { namespace, credential, authenticator_data, client_data_json, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(id: &str) -> Registration {
        Registration {
            id: id.to_owned(),
            until: UnixSeconds(100),
            occasion: Occasion::Invited,
            person: "p".to_owned(),
            name: "Alice".to_owned(),
            salt: [1; 16],
            roles: vec![Role::Administrator, Role::Approver],
            authoriser: Some(Signer { person: "q".to_owned(), credential: vec![1, 2] }),
            invitation: None,
            challenge: [2; 32],
            attestation: Some(Attestation { object: vec![3], client_data_json: vec![4] }),
            document: None,
            possess: None,
            authorise: None,
            announcement: None,
            recovery: None,
        }
    }

    fn state() -> (tempfile::TempDir, State) {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("s")).unwrap();
        (tmp, state)
    }

    #[test]
    fn what_is_kept_is_what_comes_back() {
        let (_tmp, state) = state();
        let now = UnixSeconds(1);
        let mut kept = registration("a");
        state.put_registration(&kept, now).unwrap();
        assert_eq!(state.registration("a", now).unwrap(), kept);
        kept.possess = Some(Assertion {
            namespace: Namespace::EnrolPossess,
            credential: vec![1],
            authenticator_data: vec![],
            client_data_json: b"{}".to_vec(),
            signature: vec![4; 70],
        });
        kept.until = UnixSeconds(200);
        state.change_registration(&kept).unwrap();
        assert_eq!(state.registration("a", UnixSeconds(150)).unwrap(), kept);
        let late = state.registration("a", UnixSeconds(200)).unwrap_err();
        assert_eq!(late.code(), "enrol.unknown");
    }

    #[test]
    fn who_begins_many_registrations_keeps_nobody_out() {
        let (_tmp, state) = state();
        let now = UnixSeconds(1);
        for n in 0..=MAX_OPEN {
            let id = n.to_string();
            let new = Registration { person: format!("p{n}"), ..registration(&id) };
            state.put_registration(&new, now).unwrap();
        }
        assert!(state.registration("0", now).is_err());
        state.registration("1", now).unwrap();
        state.registration(&MAX_OPEN.to_string(), now).unwrap();
    }

    #[test]
    fn who_begins_many_pushes_out_only_what_is_their_own() {
        let (_tmp, state) = state();
        let now = UnixSeconds(1);
        let other = Registration { person: "victim".to_owned(), ..registration("other") };
        state.put_registration(&other, now).unwrap();
        for n in 0..2 * MAX_OPEN {
            state.put_registration(&registration(&n.to_string()), now).unwrap();
        }
        state.registration("other", now).unwrap();
        let last = 2 * MAX_OPEN - 1;
        state.registration(&(last + 1 - MAX_OPEN_OF_PERSON).to_string(), now).unwrap();
        assert!(state.registration(&(last - MAX_OPEN_OF_PERSON).to_string(), now).is_err());
    }

    #[test]
    fn an_invitation_leads_to_one_registration() {
        let (_tmp, state) = state();
        let now = UnixSeconds(1);
        let by = |id| Registration { invitation: Some("i".to_owned()), ..registration(id) };
        state.put_registration(&by("a"), now).unwrap();
        state.put_registration(&by("b"), now).unwrap();
        assert_eq!(state.registration_by("i", now).unwrap().unwrap().id, "b");
        assert!(state.registration("a", now).is_err());
    }
}
