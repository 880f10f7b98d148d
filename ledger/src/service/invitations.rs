//! Invitations: links that each let one person register one passkey.
//!
//! The link is a secret of 256 bits, of which only the SHA-256 is kept. It names the person before
//! anybody uses it, so that it can't be turned to somebody else, and it authorises nothing: an
//! administrator compares the fingerprint words of the key with the invited person and signs.

use placet_proto::document::{Role, Signer};
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256_parts};
use rusqlite::{OptionalExtension as _, Row, params};

use super::Refusal;
use super::clock::{random, uuid};
use super::directory::{checked_identities, checked_name};
use super::ledger::Ledger;
use super::people::{RegistrationChallenge, checked_roles};
use super::registrations::{Occasion, Registration, roles_from, roles_text};
use super::state::{Sql, State, int, uint};
use crate::Error;
use crate::LogId;

/// Seconds that an invitation is valid.
pub const INVITATION_S: u64 = 7 * 86_400;
/// Seconds that a link for a recovery is valid.
pub const RECOVERY_LINK_S: u64 = 86_400;
/// Seconds after its end for which an invitation is still shown.
const KEPT_S: u64 = 30 * 86_400;
/// Invitations that may be kept.
const MAX_INVITATIONS: u64 = 1000;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS invitation (
  id TEXT PRIMARY KEY, token BLOB NOT NULL UNIQUE, recovery INTEGER NOT NULL,
  person TEXT NOT NULL, name TEXT NOT NULL, salt BLOB NOT NULL, roles TEXT NOT NULL,
  identities TEXT NOT NULL, by_person TEXT, by_credential BLOB, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, ended TEXT, entry INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invitation_by_person ON invitation (person);";

/// Whom an administrator invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The name.
    pub name: String,
    /// The roles.
    pub roles: Vec<Role>,
    /// AuthZEN subject ids of the person.
    pub identities: Vec<String>,
    /// Somebody who is enrolled, for a further key; a new person if absent.
    pub person: Option<String>,
}

/// A new invitation, with the secret that is never told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// Its id, which is no secret.
    pub id: String,
    /// The secret: last segment of the link.
    pub token: String,
    /// The person.
    pub person: String,
    /// Until when it can be used.
    pub expires: UnixSeconds,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id, which is no secret.
    pub id: String,
    /// Whether it is the link of a recovery, which nobody authorises.
    pub recovery: bool,
    /// The person.
    pub person: String,
    /// The name.
    pub name: String,
    /// Salt of the commitment to the name.
    pub salt: [u8; 16],
    /// The roles; of a recovery none, it takes those that the person has.
    pub roles: Vec<Role>,
    /// AuthZEN subject ids.
    pub identities: Vec<String>,
    /// The administrator who invited, and is asked to authorise.
    pub by: Option<Signer>,
    /// When it was made.
    pub created: UnixSeconds,
    /// Until when it can be used.
    pub expires: UnixSeconds,
    /// `cancelled` or `rejected`, if it ended without an enrolment.
    pub ended: Option<String>,
    /// Index of the enrolment in the governance log.
    pub entry: Option<u64>,
}

/// Where an invitation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum InvitationState {
    /// Nobody has registered a key yet.
    Open,
    /// A key is registered and has to sign; also once more after another administrator took over.
    Sign(Box<Registration>),
    /// An administrator has to authorise it.
    Waiting(Box<Registration>),
    /// The key is announced; the enrolment can follow from this time on.
    Announced(Box<Registration>, UnixSeconds),
    /// Recorded; no cosigned checkpoint covers it yet.
    Uncovered(u64),
    /// The person can sign in.
    Ready(u64),
    /// It was taken back.
    Cancelled,
    /// An administrator refused the key, or somebody objected.
    Rejected,
    /// Its time is over.
    Expired,
}

impl InvitationState {
    /// The word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sign(_) => "sign",
            Self::Waiting(_) => "waiting",
            Self::Announced(..) => "announced",
            Self::Uncovered(_) => "uncovered",
            Self::Ready(_) => "ready",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl Ledger {
    /// Invites somebody, in the name of the administrator with this credential.
    ///
    /// # Errors
    /// `person.not_authorised`, `person.unknown`, `request.invalid`, `ledger.limit`.
    pub fn invite(&self, invite: &Invite, by: &[u8]) -> Result<Invited, Error> {
        let size = self.current_after()?.gov.size;
        let person = self.check_role(by, size, Role::Administrator)?;
        let by = Signer { person, credential: by.to_vec() };
        let roles = checked_roles(&invite.roles)?;
        let identities = checked_identities(&invite.identities)?;
        let (person, name, salt) = match &invite.person {
            Some(person) => {
                let (name, salt) = self.state.person(person)?.ok_or(Refusal::PersonUnknown)?;
                (person.clone(), name, salt)
            }
            None => {
                checked_name(&invite.name)?;
                (uuid()?, invite.name.clone(), random()?)
            }
        };
        let now = self.now();
        let invitation = Invitation {
            id: uuid()?,
            recovery: false,
            person,
            name,
            salt,
            roles,
            identities,
            by: Some(by),
            created: now,
            expires: UnixSeconds(now.0.saturating_add(INVITATION_S)),
            ended: None,
            entry: None,
        };
        let invited = self.state.add_invitation(&invitation)?;
        self.noted("invitation.create", &invited.id, invitation.by.as_ref());
        Ok(invited)
    }

    /// Takes an invitation back; with it, what was registered by it.
    ///
    /// # Errors
    /// `invite.unknown`; `invite.used` when its key is enrolled.
    pub fn cancel_invitation(&self, id: &str, by: &Signer) -> Result<(), Error> {
        self.end_invitation(id, "cancelled")?;
        self.noted("invitation.cancel", id, Some(by));
        Ok(())
    }

    pub(super) fn end_invitation(&self, id: &str, how: &str) -> Result<(), Error> {
        let invitation = self.state.invitation(id)?.ok_or(Refusal::InvitationUnknown)?;
        if invitation.entry.is_some() {
            return Err(Refusal::InvitationUsed.into());
        }
        if let Some(registration) = self.state.registration_by(id, self.now())? {
            self.state.remove_registration(&registration.id)?;
        }
        self.state.finish_invitation(id, Some(how), None)
    }

    /// All invitations that are kept, with where they stand.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn invitations(&self) -> Result<Vec<(Invitation, InvitationState)>, Error> {
        let all = self.state.invitations()?;
        all.into_iter()
            .map(|i| {
                let state = self.invitation_state(&i)?;
                Ok((i, state))
            })
            .collect()
    }

    /// The invitation that a link is for. `session` is the person who is signed in, if anybody is.
    ///
    /// # Errors
    /// `invite.unknown`; `invite.person` for somebody else than the invited person.
    pub fn invitation(
        &self,
        token: &str,
        session: Option<&str>,
    ) -> Result<(Invitation, InvitationState), Error> {
        let invitation =
            self.state.invitation_by(&token_hash(token))?.ok_or(Refusal::InvitationUnknown)?;
        if session.is_some_and(|person| person != invitation.person) {
            return Err(Refusal::InvitationPerson.into());
        }
        let state = self.invitation_state(&invitation)?;
        Ok((invitation, state))
    }

    /// Begins the registration that an invitation allows. Until the new key has signed, it can be
    /// begun again.
    ///
    /// # Errors
    /// Those of [`Ledger::invitation`]; `invite.used`, `invite.expired`, `invite.cancelled`.
    pub fn begin_invited(
        &self,
        token: &str,
        session: Option<&str>,
    ) -> Result<RegistrationChallenge, Error> {
        let (invitation, state) = self.invitation(token, session)?;
        match state {
            // The key that was registered before can't be taken back once it has signed.
            InvitationState::Open => {}
            InvitationState::Sign(_) if invitation.expires > self.now() => {}
            InvitationState::Cancelled | InvitationState::Rejected => {
                return Err(Refusal::InvitationEnded.into());
            }
            InvitationState::Expired => return Err(Refusal::InvitationExpired.into()),
            _ => return Err(Refusal::InvitationUsed.into()),
        }
        let (occasion, roles) = match invitation.recovery {
            true => (Occasion::Recovery, self.roles_of_person(&invitation.person)?),
            false => (Occasion::Invited, invitation.roles.clone()),
        };
        self.begin(Registration {
            id: uuid()?,
            until: invitation.expires,
            occasion,
            person: invitation.person,
            name: invitation.name,
            salt: invitation.salt,
            roles,
            authoriser: invitation.by,
            invitation: Some(invitation.id),
            challenge: random()?,
            attestation: None,
            document: None,
            possess: None,
            authorise: None,
            announcement: None,
            recovery: None,
        })
    }

    fn invitation_state(&self, invitation: &Invitation) -> Result<InvitationState, Error> {
        if let Some(entry) = invitation.entry {
            return Ok(self.covered_state(entry));
        }
        match invitation.ended.as_deref() {
            Some("cancelled") => return Ok(InvitationState::Cancelled),
            Some(_) => return Ok(InvitationState::Rejected),
            None => {}
        }
        let now = self.now();
        let open = match invitation.expires > now {
            true => InvitationState::Open,
            false => InvitationState::Expired,
        };
        let found = self.state.registration_by(&invitation.id, now)?;
        Ok(match found.filter(|r| r.document.is_some() && !self.is_stale(r)) {
            None => open,
            Some(r) if r.recovery.is_some() => self.announced(r)?,
            Some(r) if self.settled(&r)? => match self.state.invitation(&invitation.id)? {
                Some(Invitation { entry: Some(entry), .. }) => self.covered_state(entry),
                _ => open,
            },
            Some(r) if r.possess.is_some() => InvitationState::Waiting(Box::new(r)),
            Some(r) => InvitationState::Sign(Box::new(r)),
        })
    }

    pub(super) fn covered_state(&self, entry: u64) -> InvitationState {
        match self.is_covered(entry) {
            true => InvitationState::Ready(entry),
            false => InvitationState::Uncovered(entry),
        }
    }

    pub(super) fn invitation_enrolled(&self, id: &str, entry: u64) -> Result<(), Error> {
        self.state.finish_invitation(id, None, Some(entry))
    }

    /// Whether a cosigned checkpoint of the governance log covers the entry with this index.
    #[must_use]
    pub fn is_covered(&self, entry: u64) -> bool {
        self.log(LogId::Gov).checkpoint().is_some_and(|note| note.size > entry)
    }
}

impl State {
    /// Keeps an invitation under a fresh secret.
    ///
    /// # Errors
    /// `ledger.limit`, `ledger.random`, `ledger.sqlite`.
    pub fn add_invitation(&self, new: &Invitation) -> Result<Invited, Error> {
        let token = b64::encode_url(random::<32>()?);
        let old = int(new.created.0.saturating_sub(KEPT_S));
        let kept = self.with(|c| {
            c.execute("DELETE FROM invitation WHERE expires <= ?1", [old])?;
            c.query_row("SELECT count(*) FROM invitation", [], |r| Ok(uint(r.get(0)?)))
        })?;
        if kept >= MAX_INVITATIONS {
            return Err(Refusal::Limit("invitations").into());
        }
        let identities = serde_json::to_string(&new.identities).unwrap_or_default();
        let sql = "INSERT INTO invitation VALUES \
                   (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        self.with(|c| {
            c.execute(
                sql,
                params![
                    new.id,
                    token_hash(&token),
                    new.recovery,
                    new.person,
                    new.name,
                    new.salt,
                    roles_text(&new.roles),
                    identities,
                    new.by.as_ref().map(|s| &s.person),
                    new.by.as_ref().map(|s| &s.credential),
                    int(new.created.0),
                    int(new.expires.0),
                    new.ended,
                    new.entry.map(int),
                ],
            )
        })?;
        let (id, person) = (new.id.clone(), new.person.clone());
        Ok(Invited { id, token, person, expires: new.expires })
    }

    /// The invitation with this id.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn invitation(&self, id: &str) -> Result<Option<Invitation>, Error> {
        let sql = format!("{SELECT} WHERE id = ?1");
        Ok(self.with(|c| c.query_row(&sql, [id], read).optional())?.flatten())
    }

    fn invitation_by(&self, token: &[u8; 32]) -> Result<Option<Invitation>, Error> {
        let sql = format!("{SELECT} WHERE token = ?1");
        Ok(self.with(|c| c.query_row(&sql, [token], read).optional())?.flatten())
    }

    fn invitations(&self) -> Result<Vec<Invitation>, Error> {
        let sql = format!("{SELECT} ORDER BY created DESC, id");
        let all: Vec<Option<Invitation>> =
            self.with(|c| c.prepare(&sql)?.query_map([], read)?.collect())?;
        Ok(all.into_iter().flatten().collect())
    }

    fn finish_invitation(
        &self,
        id: &str,
        ended: Option<&str>,
        entry: Option<u64>,
    ) -> Result<(), Error> {
        let sql = "UPDATE invitation SET ended = ?2, entry = ?3 WHERE id = ?1 AND entry IS NULL";
        self.with(|c| c.execute(sql, params![id, ended, entry.map(int)])).map(drop)
    }
}

const SELECT: &str = "SELECT id, recovery, person, name, salt, roles, identities, by_person, \
    by_credential, created, expires, ended, entry FROM invitation";

/// Nothing for a row that this program can't read.
fn read(r: &Row<'_>) -> Sql<Option<Invitation>> {
    let (roles, identities): (String, String) = (r.get(5)?, r.get(6)?);
    let (person, credential): (Option<String>, Option<Vec<u8>>) = (r.get(7)?, r.get(8)?);
    let (Some(roles), Ok(identities)) = (roles_from(&roles), serde_json::from_str(&identities))
    else {
        return Ok(None);
    };
    Ok(Some(Invitation {
        id: r.get(0)?,
        recovery: r.get(1)?,
        person: r.get(2)?,
        name: r.get(3)?,
        salt: r.get(4)?,
        roles,
        identities,
        by: person.zip(credential).map(|(person, credential)| Signer { person, credential }),
        created: UnixSeconds(uint(r.get(9)?)),
        expires: UnixSeconds(uint(r.get(10)?)),
        ended: r.get(11)?,
        entry: r.get::<_, Option<i64>>(12)?.map(uint),
    }))
}

fn token_hash(token: &str) -> [u8; 32] {
    sha256_parts(&[b"placet-invitation/0", token.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(created: u64) -> Invitation {
        Invitation {
            id: uuid().unwrap(),
            recovery: false,
            person: "p".to_owned(),
            name: "Alice".to_owned(),
            salt: [3; 16],
            roles: vec![Role::Approver],
            identities: vec!["a@example.com".to_owned()],
            by: Some(Signer { person: "q".to_owned(), credential: vec![7] }),
            created: UnixSeconds(created),
            expires: UnixSeconds(created + INVITATION_S),
            ended: None,
            entry: None,
        }
    }

    #[test]
    fn a_link_finds_its_invitation_and_its_secret_is_in_no_file() {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("s")).unwrap();
        let new = invitation(1000);
        let invited = state.add_invitation(&new).unwrap();
        assert_eq!(state.invitation_by(&token_hash(&invited.token)).unwrap(), Some(new.clone()));
        assert_eq!(state.invitation_by(&token_hash("x")).unwrap(), None);
        for file in std::fs::read_dir(tmp.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let token = invited.token.as_bytes();
            assert!(!bytes.windows(token.len()).any(|w| w == token));
        }
        state.finish_invitation(&new.id, None, Some(7)).unwrap();
        state.finish_invitation(&new.id, Some("cancelled"), None).unwrap();
        let after = state.invitation(&new.id).unwrap().unwrap();
        assert_eq!((after.entry, after.ended), (Some(7), None), "what is enrolled stays");
    }

    #[test]
    fn old_invitations_are_forgotten() {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("s")).unwrap();
        state.add_invitation(&invitation(1000)).unwrap();
        let later = 1000 + INVITATION_S + KEPT_S;
        state.add_invitation(&invitation(later - 1)).unwrap();
        assert_eq!(state.invitations().unwrap().len(), 2);
        state.add_invitation(&invitation(later)).unwrap();
        assert_eq!(state.invitations().unwrap().len(), 2);
    }
}
