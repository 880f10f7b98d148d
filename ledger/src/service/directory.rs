//! The directory: names of persons, and the ids that other systems know them by.
//!
//! It can be erased; what stays in the log is a random id and a salted commitment that says nothing
//! without its opening. No name is written anywhere else, and none into a log of the program.

use placet_proto::document::{Signer, is_uuid_v4};
use rusqlite::{OptionalExtension as _, params};

use super::Refusal;
use super::ledger::Ledger;
use super::state::State;
use crate::Error;
use crate::sqlite::empty_wal;

/// Longest name, in bytes.
pub const MAX_NAME: usize = 1024;
/// Most identities of a person.
pub const MAX_IDENTITIES: usize = 32;
/// Longest identity, in bytes: that of an id in a document.
const MAX_IDENTITY: usize = 1024;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS person (
  person TEXT PRIMARY KEY, name TEXT NOT NULL, salt BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (
  id TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (id, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identity_by_person ON identity (person);";

impl Ledger {
    /// The name of a person, unless it was erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn person_name(&self, person: &str) -> Result<Option<String>, Error> {
        Ok(self.state.person(person)?.map(|(name, _)| name))
    }

    /// The ids by which AuthZEN subjects name this person, such as an e-mail address.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn identities(&self, person: &str) -> Result<Vec<String>, Error> {
        self.state.identities(person)
    }

    /// Replaces the ids of a person.
    ///
    /// # Errors
    /// `person.unknown` also for somebody whose name was erased; `request.invalid`.
    pub fn set_identities(&self, person: &str, ids: &[String]) -> Result<(), Error> {
        let ids = checked_identities(ids)?;
        if self.state.person(person)?.is_none() {
            return Err(Refusal::PersonUnknown.into());
        }
        self.state.set_identities(person, &ids)
    }

    /// As [`Ledger::set_identities`], by an administrator; the act is recorded. Who is not known as
    /// an agent's principal may approve what that agent asks for, so that nobody shall take an id
    /// away for an hour without a trace.
    ///
    /// # Errors
    /// As there.
    pub fn set_identities_by(
        &self,
        person: &str,
        ids: &[String],
        by: &Signer,
    ) -> Result<(), Error> {
        self.set_identities(person, ids)?;
        self.noted("identity.change", person, Some(by));
        Ok(())
    }

    /// Erases the name and the identities of a person for ever, also from invitations and
    /// registrations; the commitment in the log stays and says nothing.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erase_name(&self, person: &str) -> Result<(), Error> {
        self.state.erase_person(person)
    }

    /// As [`Ledger::erase_name`], by an administrator; the act is recorded.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erase_name_by(&self, person: &str, by: &Signer) -> Result<(), Error> {
        self.erase_name(person)?;
        self.noted("name.erase", person, Some(by));
        Ok(())
    }

    /// Writes an act of administration into the log, which no passkey signs. That it can't be
    /// written must not undo the act.
    pub(super) fn noted(&self, act: &'static str, target: &str, by: Option<&Signer>) {
        let person = by.map(|s| s.person.as_str());
        if let Err(error) = self.record_administration(act, target, person, "") {
            tracing::error!(%error, act, target, "an act of administration is not recorded");
        }
    }

    /// The person of this name or random id.
    ///
    /// # Errors
    /// `person.unknown`; `person.ambiguous` when several have the name.
    pub fn find_person(&self, name_or_id: &str) -> Result<String, Error> {
        let known = self.enrolments()?.iter().any(|e| e.person == name_or_id);
        if is_uuid_v4(name_or_id) && known {
            return Ok(name_or_id.to_owned());
        }
        self.state.find_person(name_or_id)
    }
}

/// Checks a name.
pub(super) fn checked_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Refusal::Invalid("a name has 1 to 1024 bytes and no control characters").into());
    }
    Ok(())
}

/// Checks identities; gives them ascending, none twice.
pub(super) fn checked_identities(ids: &[String]) -> Result<Vec<String>, Error> {
    let fits = |id: &String| !id.is_empty() && id.len() <= MAX_IDENTITY;
    if ids.len() > MAX_IDENTITIES || !ids.iter().all(fits) {
        return Err(Refusal::Invalid("a person has up to 32 identities of 1 to 1024 bytes").into());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

impl State {
    /// Keeps the opening of a name.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn set_person(&self, person: &str, name: &str, salt: &[u8; 16]) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO person VALUES (?1, ?2, ?3)";
        self.with(|c| c.execute(sql, params![person, name, salt])).map(drop)
    }

    /// The name and the salt of a person, unless erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn person(&self, person: &str) -> Result<Option<(String, [u8; 16])>, Error> {
        let sql = "SELECT name, salt FROM person WHERE person = ?1";
        self.read(|c| c.query_row(sql, [person], |r| Ok((r.get(0)?, r.get(1)?))).optional())
    }

    /// The one person of this name.
    ///
    /// # Errors
    /// `person.unknown`; `person.ambiguous`.
    pub fn find_person(&self, name: &str) -> Result<String, Error> {
        let sql = "SELECT person FROM person WHERE name = ?1 OR person = ?1 LIMIT 2";
        let found: Vec<String> =
            self.with(|c| c.prepare(sql)?.query_map([name], |r| r.get(0))?.collect())?;
        match found.as_slice() {
            [person] => Ok(person.clone()),
            [] => Err(Refusal::PersonUnknown.into()),
            _ => Err(Refusal::PersonAmbiguous.into()),
        }
    }

    /// The identities of a person, ascending.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn identities(&self, person: &str) -> Result<Vec<String>, Error> {
        let sql = "SELECT id FROM identity WHERE person = ?1 ORDER BY id";
        self.read(|c| c.prepare_cached(sql)?.query_map([person], |r| r.get(0))?.collect())
    }

    /// All that a person is called: the name, unless it was erased, and the identities.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn called(&self, person: &str) -> Result<Vec<String>, Error> {
        let sql = "SELECT name FROM person WHERE person = ?1 \
                   UNION ALL SELECT id FROM identity WHERE person = ?1";
        self.read(|c| c.prepare_cached(sql)?.query_map([person], |r| r.get(0))?.collect())
    }

    /// Replaces the identities of a person.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn set_identities(&self, person: &str, ids: &[String]) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.execute("DELETE FROM identity WHERE person = ?1", [person])?;
            for id in ids {
                t.execute("INSERT OR IGNORE INTO identity VALUES (?1, ?2)", [id, person])?;
            }
            t.commit()
        })
    }

    /// Erases all that names a person, for ever.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erase_person(&self, person: &str) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            for table in ["person", "identity", "invitation", "registration"] {
                t.execute(&format!("DELETE FROM {table} WHERE person = ?1"), [person])?;
            }
            t.commit()?;
            empty_wal(c)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_bounded_sorted_and_single() {
        let ids = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let kept = checked_identities(&ids(&["b@x", "a", "b@x"])).unwrap();
        assert_eq!(kept, ["a", "b@x"]);
        assert!(checked_identities(&ids(&[""])).is_err());
        assert!(checked_identities(&["x".repeat(1025)]).is_err());
        let many: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        assert!(checked_identities(&many).is_err());
    }

    #[test]
    fn names_have_no_control_characters() {
        for bad in ["", "  ", "a\nb", "a\u{0}"] {
            assert!(checked_name(bad).is_err(), "{bad:?}");
        }
        checked_name("Zoë Ōno").unwrap();
    }

    #[test]
    fn a_name_finds_one_person_and_is_gone_with_everything_beside_it() {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("s")).unwrap();
        state.set_person("p", "Alice", &[1; 16]).unwrap();
        state.set_person("q", "Bob", &[2; 16]).unwrap();
        state.set_identities("p", &["alice@example.com".to_owned()]).unwrap();
        assert_eq!(state.find_person("Alice").unwrap(), "p");
        assert_eq!(state.find_person("Carol").unwrap_err().code(), "person.unknown");
        state.set_person("q", "Alice", &[2; 16]).unwrap();
        assert_eq!(state.find_person("Alice").unwrap_err().code(), "person.ambiguous");
        state.erase_person("p").unwrap();
        assert_eq!(state.person("p").unwrap(), None);
        assert!(state.identities("p").unwrap().is_empty());
        assert_eq!(state.find_person("Alice").unwrap(), "q");
    }
}
