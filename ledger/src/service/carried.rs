//! What a request carries beside its decision and its bytes: words for the pages, and keyed hashes
//! by which equal requests and those of one agent are found.
//!
//! The hashes are keyed with a secret of this folder: an unsalted digest of an action would tell
//! what was erased to whoever tries all ids (SPEC.md 14).

use placet_proto::document::Decision;
use placet_proto::sha256_parts;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::clock::random;
use super::ledger::Ledger;
use super::requests::Carried;
use super::state::{Extra, Sql, State, int, uint, write_extra};
use crate::Error;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS detail (
  request TEXT PRIMARY KEY, max_age INTEGER, asked TEXT,
  equal BLOB NOT NULL, agent BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live (
  request TEXT PRIMARY KEY, equal BLOB NOT NULL, agent BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS live_by_equal ON live (equal);
CREATE INDEX IF NOT EXISTS live_by_agent ON live (agent);";

/// Name of the secret among the small values of the service.
const SECRET: &str = "equality_key";

/// Keyed hashes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    /// Of action, initiator, audience and forwarded bytes: what makes two requests equal.
    pub equal: [u8; 32],
    /// Of the initiator.
    pub agent: [u8; 32],
}

/// What became of an attempt to open a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Submitted {
    Opened,
    /// It was open, or has ended.
    Unchanged,
    /// Its agent has too many open ones.
    TooMany,
}

impl Ledger {
    /// Keeps what an agent said when it asked: canonical JSON, for the pages, signed by nobody.
    ///
    /// # Errors
    /// `request.invalid` beyond 16 KiB.
    pub fn note_asked(&self, request: &str, asked: &str) -> Result<(), Error> {
        if asked.len() > MAX_ASKED {
            return Err(super::Refusal::Invalid("more than 16 KiB beside the action").into());
        }
        self.state.with(|c| {
            let sql = "UPDATE detail SET asked = ?2 WHERE request = ?1 AND asked IS NULL";
            c.execute(sql, [request, asked]).map(drop)
        })
    }

    /// Live requests that are equal to this one in action, initiator, audience and forwarded
    /// bytes, those that end last first, at most 16; itself is not among them.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn equal_live(&self, request: &str) -> Result<Vec<String>, Error> {
        self.state.read(|c| {
            let sql = "SELECT l.request FROM live l JOIN request r ON r.id = l.request \
                       WHERE l.equal = (SELECT equal FROM detail WHERE request = ?1) \
                       AND l.request <> ?1 AND r.state IN ('open', 'approved') \
                       ORDER BY r.not_after DESC, l.request LIMIT 16";
            c.prepare_cached(sql)?.query_map([request], |r| r.get(0))?.collect()
        })
    }

    /// How many requests of the agent that asked for this one wait for persons.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open_of_agent(&self, request: &str) -> Result<u64, Error> {
        self.state.read(|c| open_of_agent(c, request))
    }

    /// The hashes of a decision to be.
    pub(super) fn marks(&self, decision: &Decision, carried: &Carried) -> Result<Marks, Error> {
        let secret = self.state.secret()?;
        let hash = |label: &str, values: &[&[u8]]| {
            let mut bytes = Vec::new();
            for part in [label.as_bytes()].iter().chain(values) {
                bytes.extend((part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part);
            }
            sha256_parts(&[&secret, &bytes])
        };
        let (kind, id) = (decision.initiator.kind.as_bytes(), decision.initiator.id.as_bytes());
        let raw = carried.raw.as_ref();
        let length = raw.map_or(0, |r| r.length).to_be_bytes();
        let digest = decision.action.digest();
        let equal: [&[u8]; 7] = [
            &digest,
            kind,
            id,
            decision.audience.as_bytes(),
            raw.map_or(b"", |r| r.media_type.as_bytes()),
            &length,
            raw.map_or(b"", |r| r.sha256.as_slice()),
        ];
        Ok(Marks { equal: hash("equal", &equal), agent: hash("agent", &[kind, id]) })
    }
}

/// Longest text of an agent beside its action, in bytes.
pub const MAX_ASKED: usize = 16 * 1024;

impl State {
    fn secret(&self) -> Result<[u8; 32], Error> {
        if let Some(secret) = self.secret.get() {
            return Ok(*secret);
        }
        let fresh: [u8; 32] = random()?;
        let secret = self.with(|c| {
            let t = c.transaction()?;
            let sql = "INSERT OR IGNORE INTO meta VALUES (?1, ?2)";
            t.execute(sql, params![SECRET, fresh])?;
            let sql = "SELECT value FROM meta WHERE key = ?1";
            let secret = t.query_row(sql, [SECRET], |r| r.get(0))?;
            t.commit()?;
            Ok(secret)
        })?;
        Ok(*self.secret.get_or_init(|| secret))
    }

    /// Keeps what a request carries, and its hashes.
    pub(super) fn keep(
        &self,
        request: &str,
        max_age: Option<u64>,
        marks: &Marks,
        extra: &Extra,
    ) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.prepare_cached("INSERT OR REPLACE INTO detail VALUES (?1, ?2, NULL, ?3, ?4)")?
                .execute(params![request, max_age.map(int), marks.equal, marks.agent])?;
            write_extra(&t, request, extra)?;
            t.commit()
        })
    }

    /// The oldest approval that counts, in seconds, and what the agent said; nothing of what was
    /// lost or erased.
    pub(super) fn detail(&self, request: &str) -> Result<(Option<u64>, Option<String>), Error> {
        let sql = "SELECT max_age, asked FROM detail WHERE request = ?1";
        let found = self.read(|c| {
            let read = |r: &rusqlite::Row<'_>| Ok((r.get::<_, Option<i64>>(0)?, r.get(1)?));
            c.prepare_cached(sql)?.query_row([request], read).optional()
        })?;
        let (max_age, asked) = found.unwrap_or_default();
        Ok((max_age.map(uint), asked))
    }

    /// Opens an offered request, unless its agent has `most` open ones.
    pub(super) fn submit(&self, request: &str, most: u64) -> Result<Submitted, Error> {
        self.with(|c| {
            let t = c.transaction()?;
            let sql = "SELECT count(*) FROM request WHERE id = ?1 AND state = 'offered'";
            let offered: i64 = t.query_row(sql, [request], |r| r.get(0))?;
            if offered == 0 {
                return Ok(Submitted::Unchanged);
            }
            if open_of_agent(&t, request)? >= most {
                return Ok(Submitted::TooMany);
            }
            t.execute("UPDATE extra SET submitted = 1 WHERE request = ?1", [request])?;
            t.execute("UPDATE request SET state = 'open' WHERE id = ?1", [request])?;
            t.execute(
                "INSERT OR IGNORE INTO live SELECT request, equal, agent FROM detail \
                 WHERE request = ?1",
                [request],
            )?;
            t.commit()?;
            Ok(Submitted::Opened)
        })
    }
}

fn open_of_agent(c: &Connection, request: &str) -> Sql<u64> {
    let sql = "SELECT count(*) FROM live l JOIN request r ON r.id = l.request \
               WHERE l.agent = (SELECT agent FROM detail WHERE request = ?1) \
               AND r.state = 'open'";
    c.prepare_cached(sql)?.query_row([request], |r| Ok(uint(r.get(0)?)))
}

/// A request that has ended is not live any more.
pub(super) fn end_live(c: &Connection, request: &str) -> Sql<()> {
    c.prepare_cached("DELETE FROM live WHERE request = ?1")?.execute([request]).map(drop)
}
