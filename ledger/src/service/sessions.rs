//! Sessions: who signed in with a passkey, until when.
//!
//! A session is a random 256-bit secret in a cookie; the file holds its hash. What it may do is
//! decided at every request from the roster as it is then: who was revoked, or holds no role any
//! more, has no session any more. It authorises looking and preparing; what is recorded is
//! authorised by a passkey's signature over that very thing.

use std::collections::HashMap;
use std::sync::Mutex;

use placet_proto::document::Role;
use placet_proto::sshsig::{self, Namespace};
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256_parts};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Refusal;
use super::access::{Access, int, uint};
use super::answers::{Signed, assertion_refused};
use super::clock::random;
use super::ledger::Ledger;
use crate::Error;
use crate::sync::lock;

/// Seconds without a request after which a session ends.
pub const IDLE_S: u64 = 3600;
/// Seconds after which a session ends in any case.
pub const ABSOLUTE_S: u64 = 12 * 3600;
/// Seconds for which a session counts as fresh: long enough for several changes in the directory,
/// too short for whoever finds a screen unlocked.
pub const FRESH_S: u64 = 300;
/// Seconds by which a session may have begun, or been seen, later than now. One of a later time is
/// of a clock that was set back since: it would outlive its day by as much, and seem fresh.
const AHEAD_S: u64 = 60;
/// Seconds between two notes of when a session was last seen: each costs a write to the disk.
const SEEN_S: u64 = 60;
/// Sessions of one credential; the oldest gives way.
const MAX_OF_ONE: u32 = 16;
/// Sessions that are kept in memory.
const MAX_KNOWN: usize = 4096;
/// Sessions in all; the one that was not seen for the longest time gives way.
const MAX_ALL: u32 = 65_536;

/// The secret of a session, as its cookie carries it: 43 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// Reads the value of a cookie.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        b64::decode_url_array::<32>(text).ok().map(|_| Self(text.to_owned()))
    }

    fn fresh() -> Result<Self, Error> {
        Ok(Self(b64::encode_url(random::<32>()?)))
    }

    /// The value of the cookie.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a page of ours repeats in a header of each of its posts: it follows from the secret and
    /// tells nothing about it.
    #[must_use]
    pub fn csrf(&self) -> String {
        b64::encode_url(sha256_parts(&[b"placet-csrf/0 ", self.0.as_bytes()]))
    }

    fn hash(&self) -> [u8; 32] {
        sha256_parts(&[b"placet-session/0 ", self.0.as_bytes()])
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret")
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub person: String,
    /// The credential that signed in.
    pub credential: Vec<u8>,
    /// The roles that it holds now; at least one.
    pub roles: Vec<Role>,
    /// When the passkey was used.
    pub since: UnixSeconds,
}

impl Ledger {
    /// Checks a sign-in: an assertion of an enrolled credential under `placet-signin-v1` over a
    /// message of this service, by the verifier's strict code. Gives who that is.
    ///
    /// That the message is ours, fresh and used once is the caller's to see.
    ///
    /// # Errors
    /// `person.unknown`, `person.not_authorised` for a credential that is revoked or has no role,
    /// `answer.assertion`.
    pub fn check_sign_in(&self, message: &[u8], signed: Signed) -> Result<SignedIn, Error> {
        let credential = signed.credential.clone();
        let challenge = sshsig::challenge(Namespace::Signin, message);
        let roster = self.roster()?;
        let enrolled = roster.enrolment(&credential).ok_or(Refusal::PersonUnknown)?;
        roster
            .check_assertion(
                &signed.under(Namespace::Signin),
                &challenge,
                &credential,
                &enrolled.document,
            )
            .map_err(|p| assertion_refused(&p))?;
        let person = enrolled.document.person.clone();
        let roles = self.roles_now(&credential)?;
        if roles.is_empty() {
            let why = "it is revoked, or its person has no role".to_owned();
            return Err(Refusal::NotAuthorised(why).into());
        }
        Ok(SignedIn { person, credential, roles, since: self.now() })
    }

    /// Starts a session for somebody who has just shown possession of this credential.
    ///
    /// # Errors
    /// `ledger.random`, `ledger.sqlite`.
    pub fn start_session(&self, person: &str, credential: &[u8]) -> Result<SessionSecret, Error> {
        let secret = SessionSecret::fresh()?;
        self.access.start(&secret, person, credential, self.now())?;
        Ok(secret)
    }

    /// Who a session is of, if it is one. One whose credential may do nothing any more ends here.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the governance log.
    pub fn session(&self, secret: &SessionSecret) -> Result<Option<SignedIn>, Error> {
        self.session_by(secret, true)
    }

    /// As [`Ledger::session`], without counting as a use: for what goes on by itself.
    ///
    /// # Errors
    /// As there.
    pub fn session_unused(&self, secret: &SessionSecret) -> Result<Option<SignedIn>, Error> {
        self.session_by(secret, false)
    }

    /// As [`Ledger::session`] as far as that takes no look into a file and no waiting: none if it
    /// does.
    #[must_use]
    pub fn session_at_hand(&self, secret: &SessionSecret) -> Option<SignedIn> {
        let begun = self.access.known.get(&secret.hash(), self.now())?;
        let Begun { person, credential, since } = begun;
        let roles = self.roles_at_hand(&credential)?;
        // Without a role the session ends, which is for the other way.
        (!roles.is_empty()).then_some(SignedIn { person, credential, roles, since })
    }

    fn session_by(&self, secret: &SessionSecret, used: bool) -> Result<Option<SignedIn>, Error> {
        let found = self.access.session(secret, self.now(), used)?;
        let Some(Begun { person, credential, since }) = found else {
            return Ok(None);
        };
        let roles = self.roles_now(&credential)?;
        if roles.is_empty() {
            warn(self.access.end(secret), "a session that is over stays in its table");
            return Ok(None);
        }
        Ok(Some(SignedIn { person, credential, roles, since }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn end_session(&self, secret: &SessionSecret) -> Result<(), Error> {
        self.access.end(secret)
    }
}

impl Access {
    fn start(
        &self,
        secret: &SessionSecret,
        person: &str,
        credential: &[u8],
        now: UnixSeconds,
    ) -> Result<(), Error> {
        let started = self.with(|c| {
            let transaction = c.transaction()?;
            forget_old(&transaction, now)?;
            transaction.execute(
                "DELETE FROM session WHERE credential = ?1 AND hash NOT IN (SELECT hash FROM \
                 session WHERE credential = ?1 ORDER BY created DESC LIMIT ?2)",
                params![credential, MAX_OF_ONE.saturating_sub(1)],
            )?;
            let all: u32 =
                transaction.query_row("SELECT count(*) FROM session", [], |r| r.get(0))?;
            if all >= MAX_ALL {
                transaction.execute(
                    "DELETE FROM session WHERE hash IN (SELECT hash FROM session ORDER BY seen \
                     LIMIT ?1)",
                    [all.saturating_sub(MAX_ALL).saturating_add(1)],
                )?;
            }
            transaction.execute(
                "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?4)",
                params![secret.hash(), person, credential, int(now.0)],
            )?;
            transaction.commit()
        });
        // Others may have given way.
        self.known.forget();
        started
    }

    /// Person and credential of a session that has not ended, and when it began.
    fn session(
        &self,
        secret: &SessionSecret,
        now: UnixSeconds,
        used: bool,
    ) -> Result<Option<Begun>, Error> {
        let hash = secret.hash();
        let epoch = self.known.epoch();
        let found: Option<(String, Vec<u8>, u64, u64)> = self.read(|c| {
            let sql = "SELECT person, credential, created, seen FROM session WHERE hash = ?1";
            let mut query = c.prepare_cached(sql)?;
            let read = |r: &rusqlite::Row<'_>| {
                Ok((r.get(0)?, r.get(1)?, uint(r.get(2)?), uint(r.get(3)?)))
            };
            query.query_row([&hash], read).optional()
        })?;
        let Some((person, credential, created, seen)) = found else { return Ok(None) };
        let ahead = is_ahead(created.max(seen), now);
        let old =
            now.0 >= created.saturating_add(ABSOLUTE_S) || now.0 >= seen.saturating_add(IDLE_S);
        if ahead || old {
            warn(self.end(secret), "a session that is over stays in its table");
            return Ok(None);
        }
        let mut seen = seen;
        if used && now.0 >= seen.saturating_add(SEEN_S) {
            // Where this can't be written the session ends earlier, and people can look meanwhile.
            let noted = self.with(|c| {
                c.prepare_cached("UPDATE session SET seen = ?2 WHERE hash = ?1")?
                    .execute(params![hash, int(now.0)])
            });
            if noted.is_ok() {
                seen = now.0;
            }
            warn(noted.map(drop), "when a session was last seen is not noted");
        }
        let begun = Begun { person, credential, since: UnixSeconds(created) };
        self.known.put(hash, begun.clone(), seen, epoch);
        Ok(Some(begun))
    }

    fn end(&self, secret: &SessionSecret) -> Result<(), Error> {
        let hash = secret.hash();
        let ended =
            self.with(|c| c.execute("DELETE FROM session WHERE hash = ?1", [&hash]).map(drop));
        self.known.forget();
        ended
    }
}

/// A session as it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begun {
    person: String,
    credential: Vec<u8>,
    since: UnixSeconds,
}

/// Sessions that were looked up a moment ago, by the hash of their secret. They are forgotten
/// together, when one of them begins or ends: that is rare beside their being used.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<(u64, Seen)>);

/// Sessions, and when each was last noted as used.
type Seen = HashMap<[u8; 32], (Begun, u64)>;

impl Known {
    /// A session that goes on for sure, and whose use need not be noted.
    fn get(&self, hash: &[u8; 32], now: UnixSeconds) -> Option<Begun> {
        let all = lock(&self.0);
        let (begun, seen) = all.1.get(hash)?;
        let goes_on = now.0 < begun.since.0.saturating_add(ABSOLUTE_S)
            && now.0 < seen.saturating_add(SEEN_S)
            && !is_ahead(begun.since.0.max(*seen), now);
        goes_on.then(|| begun.clone())
    }

    fn epoch(&self) -> u64 {
        lock(&self.0).0
    }

    /// Keeps what was read after `epoch` was told, unless one has begun or ended since.
    fn put(&self, hash: [u8; 32], begun: Begun, seen: u64, epoch: u64) {
        let mut all = lock(&self.0);
        if all.0 != epoch {
            return;
        }
        if all.1.len() >= MAX_KNOWN {
            all.1.clear();
        }
        all.1.insert(hash, (begun, seen));
    }

    fn forget(&self) {
        let mut all = lock(&self.0);
        all.0 = all.0.wrapping_add(1);
        all.1.clear();
    }
}

/// Whether a time is of a clock that was set back since.
fn is_ahead(time: u64, now: UnixSeconds) -> bool {
    time > now.0.saturating_add(AHEAD_S)
}

/// What need not be written for an answer to be right.
fn warn(written: Result<(), Error>, what: &str) {
    if let Err(error) = written {
        tracing::warn!(%error, "{what}");
    }
}

fn forget_old(c: &Connection, now: UnixSeconds) -> rusqlite::Result<()> {
    let (idle, absolute) = (now.0.saturating_sub(IDLE_S), now.0.saturating_sub(ABSOLUTE_S));
    c.execute(
        "DELETE FROM session WHERE seen <= ?1 OR created <= ?2",
        params![int(idle), int(absolute)],
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> (tempfile::TempDir, Access) {
        let tmp = tempfile::tempdir().unwrap();
        let access = Access::open(&tmp.path().join("service.sqlite")).unwrap();
        (tmp, access)
    }

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds(1_000_000 + seconds)
    }

    // SPEC.md R-10-20.
    #[test]
    fn a_session_ends_when_it_is_idle_and_in_any_case_at_last() {
        let (_tmp, access) = access();
        let secret = SessionSecret::fresh().unwrap();
        access.start(&secret, "p", b"c", at(0)).unwrap();
        let known = |s: u64| access.session(&secret, at(s), true).unwrap();
        let begun = Begun { person: "p".to_owned(), credential: b"c".to_vec(), since: at(0) };
        assert_eq!(known(IDLE_S - 1), Some(begun));
        let at_hand = |s: u64| access.known.get(&secret.hash(), at(s)).is_some();
        assert!(at_hand(IDLE_S + SEEN_S - 2) && !at_hand(IDLE_S + SEEN_S - 1));
        // Seen again before it was idle for an hour, and again, until its day is over.
        let mut now = IDLE_S - 1;
        while now + IDLE_S - 1 < ABSOLUTE_S {
            now += IDLE_S - 1;
            assert!(known(now).is_some(), "{now}");
        }
        assert!(known(ABSOLUTE_S).is_none() && known(now).is_none());

        let idle = SessionSecret::fresh().unwrap();
        access.start(&idle, "p", b"c", at(0)).unwrap();
        assert!(access.session(&idle, at(IDLE_S), true).unwrap().is_none());
        assert!(access.session(&idle, at(1), true).unwrap().is_none(), "it ended for good");

        let watched = SessionSecret::fresh().unwrap();
        access.start(&watched, "p", b"c", at(0)).unwrap();
        assert!(access.session(&watched, at(IDLE_S - 1), false).unwrap().is_some());
        assert!(access.session(&watched, at(IDLE_S), false).unwrap().is_none(), "nobody used it");
    }

    #[test]
    fn a_session_ends_when_the_clock_is_set_back_behind_its_begin() {
        let (_tmp, access) = access();
        let day = 86_400;
        let secrets = [(); 2].map(|()| SessionSecret::fresh().unwrap());
        secrets.iter().for_each(|s| access.start(s, "p", b"c", at(day)).unwrap());
        assert!(access.session(&secrets[0], at(day - AHEAD_S), true).unwrap().is_some());
        assert!(access.session(&secrets[0], at(0), true).unwrap().is_none());
        assert!(access.session(&secrets[0], at(day), true).unwrap().is_none(), "for good");
        // Seen while the clock was ahead, though it began before.
        assert!(access.session(&secrets[1], at(day + 600), true).unwrap().is_some());
        let at_hand = |s: u64| access.known.get(&secrets[1].hash(), at(s)).is_some();
        assert!(at_hand(day + 600) && at_hand(day + 600 - AHEAD_S) && !at_hand(day));
        assert!(access.session(&secrets[1], at(day), true).unwrap().is_none());
    }

    #[test]
    fn the_file_holds_no_secret_and_the_oldest_session_gives_way() {
        let (tmp, access) = access();
        let secrets: Vec<_> = (0..=MAX_OF_ONE).map(|_| SessionSecret::fresh().unwrap()).collect();
        for (n, secret) in secrets.iter().enumerate() {
            access.start(secret, "p", b"c", at(n as u64)).unwrap();
        }
        let other = SessionSecret::fresh().unwrap();
        access.start(&other, "q", b"d", at(99)).unwrap();
        let known = |s| access.session(s, at(100), true).unwrap().is_some();
        assert!(!known(&secrets[0]) && secrets[1..].iter().all(known) && known(&other));
        for file in std::fs::read_dir(tmp.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for secret in &secrets {
                let raw = b64::decode_url_array::<32>(secret.as_str()).unwrap();
                let holds = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
                assert!(!holds(secret.as_str().as_bytes()) && !holds(&raw));
            }
        }
        access.end(&other).unwrap();
        assert!(access.known.get(&other.hash(), at(100)).is_none());
        assert!(!known(&other));
        let epoch = access.known.epoch();
        assert!(known(&secrets[1]));
        let begun = access.known.get(&secrets[1].hash(), at(100)).unwrap();
        access.end(&secrets[1]).unwrap();
        // Read before it ended, and late.
        access.known.put(secrets[1].hash(), begun, 100, epoch);
        assert!(access.known.get(&secrets[1].hash(), at(100)).is_none());
    }

    #[test]
    fn only_43_characters_of_base64url_are_a_secret() {
        let secret = SessionSecret::fresh().unwrap();
        assert_eq!(secret.as_str().len(), 43);
        assert_eq!(SessionSecret::parse(secret.as_str()), Some(secret.clone()));
        assert_ne!(secret.csrf(), secret.as_str());
        for bad in ["", "a", &format!("{}A", secret.as_str()), &"!".repeat(43)] {
            assert!(SessionSecret::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{secret:?}"), "SessionSecret");
    }
}
