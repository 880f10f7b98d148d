//! What the service has to know beside the logs: `state/service.sqlite`.
//!
//! Requests and answers are a projection of the main log: `applied_to` says how far, and
//! [`State::apply`] is the only thing that changes them, live and after a crash alike. Lost with
//! the file are only `extra` (what a request carries beside its decision), the erasable names, and
//! the one-time code.

mod calls;
mod erasures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use placet_proto::document::{Body, Decision, DigestRef, Raw, Verdict};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub use self::calls::{HistoryFilter, MAX_HISTORY};
use super::carried::{self, end_live};
use super::readers::Readers;
use crate::Error;
use crate::sqlite::{self, Flush, add_column, drop_column};
use crate::sync::lock;

/// Most requests that one listing gives.
pub const MAX_LISTED: u32 = 1000;

/// Prepared statements that each connection keeps: more than there are.
pub(super) const STATEMENTS: usize = 64;
/// Version of all tables of the file.
pub(super) const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS request (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, decision INTEGER NOT NULL, not_after INTEGER NOT NULL,
  required INTEGER NOT NULL, ended INTEGER, execution INTEGER, execution_sha256 BLOB,
  idempotency BLOB, outcome INTEGER, outcome_due INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS request_by_state ON request (state, not_after);
CREATE INDEX IF NOT EXISTS request_by_due ON request (outcome_due) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS answer (
  request TEXT NOT NULL, person TEXT NOT NULL, entry INTEGER NOT NULL, sha256 BLOB NOT NULL,
  denial INTEGER NOT NULL, PRIMARY KEY (request, person)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
  request TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (request, entry)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extra (
  request TEXT PRIMARY KEY, media_type TEXT, length INTEGER, raw_sha256 BLOB, template TEXT,
  submitted INTEGER NOT NULL, risk TEXT, why TEXT) WITHOUT ROWID;";

/// Makes the tables of `state/service.sqlite`, or changes those of an earlier build. Whoever opens
/// the file first does so: its version says what all of them are like.
pub(super) fn change_tables(c: &Connection) -> Sql<()> {
    c.execute_batch(SCHEMA)?;
    c.execute_batch(calls::SCHEMA)?;
    c.execute_batch(carried::SCHEMA)?;
    // The decision says so since it has a quorum with people and roles.
    drop_column(c, "extra", "allow_self")?;
    c.execute_batch(erasures::SCHEMA)?;
    for column in ["risk", "why"] {
        add_column(c, "extra", column)?;
    }
    c.execute_batch(super::directory::SCHEMA)?;
    c.execute_batch(super::invitations::SCHEMA)?;
    c.execute_batch(super::registrations::SCHEMA)
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Decided as requestable, but nobody asked for an approval yet.
    Offered,
    /// Waits for persons.
    Open,
    /// As many persons approved as the policy asks for.
    Approved,
    /// A person refused.
    Denied,
    /// Nobody answered, or nobody spent the approvals, in time.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Spent; the outcome is not recorded yet.
    Executed,
    /// The outcome is recorded.
    Done,
}

impl RequestState {
    /// All states, in the order in which a request comes to them.
    pub const ALL: [Self; 8] = [
        Self::Offered,
        Self::Open,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
        Self::Executed,
        Self::Done,
    ];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Executed => "executed",
            Self::Done => "done",
        }
    }

    /// Whether the request can still be answered or spent.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Approved)
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// An answer of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// The person.
    pub person: String,
    /// The statement.
    pub statement: DigestRef,
    /// Whether it is a denial.
    pub denial: bool,
}

/// A request as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// UUIDv4.
    pub id: String,
    /// Where it stands.
    pub state: RequestState,
    /// Index of its decision.
    pub decision: u64,
    /// No answer and no execution at or after it.
    pub not_after: UnixSeconds,
    /// Persons that have to approve.
    pub required: u64,
    /// Index of the denial, expiry or cancel that ended it.
    pub ended: Option<u64>,
    /// The execution.
    pub execution: Option<DigestRef>,
    /// SHA-256 of the idempotency key of the execution.
    pub idempotency: Option<[u8; 32]>,
    /// Index of the outcome.
    pub outcome: Option<u64>,
    /// When a missing outcome counts as unknown.
    pub outcome_due: Option<UnixSeconds>,
}

/// What a request carries beside its decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extra {
    /// The bytes that the PEP will forward.
    pub raw: Option<Raw>,
    /// Template of the text; the built-in one if there is none.
    pub template: Option<String>,
    /// Whether somebody asked for the approval.
    pub submitted: bool,
    /// The policy's word for the risk.
    pub risk: Option<String>,
    /// Why the policy asks for an approval.
    pub why: Option<String>,
}

/// The database.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    connection: Mutex<Connection>,
    readers: Readers,
    /// The key of keyed hashes, once it was read.
    pub(super) secret: OnceLock<[u8; 32]>,
}

pub(super) type Sql<T> = rusqlite::Result<T>;

impl State {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Names and extras are in no other place.
        let connection = sqlite::open(path, Flush::Always, VERSION, |c, _| change_tables(c));
        let connection = connection.map_err(Error::sqlite(path))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self {
            path: path.to_path_buf(),
            connection: connection.into(),
            readers: Readers::new(path),
            secret: OnceLock::new(),
        })
    }

    /// Reads what was committed, without waiting for who writes.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, Error> {
        self.readers.read(f)
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Connection) -> Sql<T>) -> Result<T, Error> {
        self.flushing("FULL", f)
    }

    /// Each call says for itself whether it is flushed: what an earlier one left behind, also by a
    /// panic, is no promise.
    fn flushing<T>(
        &self,
        synchronous: &str,
        f: impl FnOnce(&mut Connection) -> Sql<T>,
    ) -> Result<T, Error> {
        sqlite::work(&self.path, &mut lock(&self.connection), |c| {
            c.pragma_update(None, "synchronous", synchronous)?;
            f(c)
        })
    }

    /// As [`State::with`], for what the log holds anyhow: it is not flushed. A power cut takes
    /// away the last of what was written so, in order, and `applied_to` with it, which says what is
    /// to be applied again.
    fn unflushed<T>(&self, f: impl FnOnce(&mut Connection) -> Sql<T>) -> Result<T, Error> {
        self.flushing("NORMAL", f)
    }

    /// A small value of the service.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.with(|c| {
            c.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional()
        })
    }

    /// Sets or, with `None`, removes a small value.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn set_meta(&self, key: &str, value: Option<&[u8]>) -> Result<(), Error> {
        self.with(|c| match value {
            Some(value) => {
                c.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, value])
            }
            None => c.execute("DELETE FROM meta WHERE key = ?1", [key]),
        })
        .map(drop)
    }

    /// Size of the main log up to which requests and answers are complete.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn applied_to(&self) -> Result<u64, Error> {
        self.with(|c| applied_to(c))
    }

    /// Applies statements `from..from + statements.len()` of the main log; `None` is an erased
    /// one. Those that are applied already are skipped. `abouts` are the requests that orders of
    /// erasure are about, by the index of the order. Gives the requests that changed.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn apply(
        &self,
        from: u64,
        statements: &[Option<Statement>],
        abouts: &BTreeMap<u64, String>,
        outcome_s: u64,
    ) -> Result<Vec<String>, Error> {
        self.unflushed(|c| {
            let transaction = c.transaction()?;
            let done = applied_to(&transaction)?;
            let mut changed = Vec::new();
            let mut next = from;
            for statement in statements {
                let index = next;
                next = next.saturating_add(1);
                let Some(statement) = statement.as_ref().filter(|_| index >= done) else {
                    continue;
                };
                if let Body::Erasure(order) = &statement.document.body {
                    let leaves = order.targets.iter().map(|t| t.index);
                    let about = abouts.get(&index);
                    erasures::apply(&transaction, index, leaves, about.map(String::as_str))?;
                    changed.extend(about.cloned());
                }
                if let Some(request) = statement.document.body.request() {
                    transaction
                        .prepare_cached("INSERT OR IGNORE INTO entry VALUES (?1, ?2)")?
                        .execute(params![request, int(index)])?;
                    apply_one(&transaction, index, statement, outcome_s)?;
                    changed.push(request.to_owned());
                }
            }
            if next > done {
                let sql = "INSERT OR REPLACE INTO meta VALUES ('applied_to', ?1)";
                run(&transaction, sql, params![next.to_be_bytes()])?;
            }
            transaction.commit()?;
            Ok(changed)
        })
    }

    /// The request.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn request(&self, id: &str) -> Result<Option<RequestRow>, Error> {
        self.read(|c| {
            c.prepare_cached(&format!("{REQUEST} WHERE id = ?1"))?
                .query_row([id], read_request)
                .optional()
        })
    }

    /// Requests in this state, those that end first first, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn in_state(&self, state: RequestState) -> Result<Vec<RequestRow>, Error> {
        self.read(|c| {
            let sql =
                format!("{REQUEST} WHERE state = ?1 ORDER BY not_after, id LIMIT {MAX_LISTED}");
            c.prepare_cached(&sql)?.query_map([state.name()], read_request)?.collect()
        })
    }

    /// How many requests are in each state, those without any left out.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn counts(&self) -> Result<Vec<(RequestState, u64)>, Error> {
        let sql = "SELECT state, count(*) FROM request GROUP BY state";
        let rows: Vec<(String, i64)> = self.read(|c| {
            c.prepare_cached(sql)?.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        })?;
        let known = |(name, n): (String, i64)| Some((RequestState::from_name(&name)?, uint(n)));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Number of requests that wait for persons or for being spent.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn live(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM request WHERE state IN ('open', 'approved')";
        self.read(|c| c.prepare_cached(sql)?.query_row([], |r| Ok(uint(r.get(0)?))))
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn is_any_live(&self) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM request WHERE state = ?1 LIMIT 1";
        self.read(|c| {
            let mut query = c.prepare_cached(sql)?;
            Ok(query.exists(["approved"])? || query.exists(["open"])?)
        })
    }

    /// Live requests whose time is over at `now`.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn overdue(&self, now: UnixSeconds) -> Result<Vec<RequestRow>, Error> {
        self.read(|c| {
            let sql = format!(
                "{REQUEST} WHERE state IN ('open', 'approved') AND not_after <= ?1 \
                 LIMIT {MAX_LISTED}"
            );
            c.prepare_cached(&sql)?.query_map([int(now.0)], read_request)?.collect()
        })
    }

    /// Executions whose outcome is overdue at `now`.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn outcomes_overdue(&self, now: UnixSeconds) -> Result<Vec<RequestRow>, Error> {
        self.read(|c| {
            let sql =
                format!("{REQUEST} WHERE outcome IS NULL AND outcome_due <= ?1 LIMIT {MAX_LISTED}");
            c.prepare_cached(&sql)?.query_map([int(now.0)], read_request)?.collect()
        })
    }

    /// When the next request or outcome becomes overdue.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn next_due(&self) -> Result<Option<UnixSeconds>, Error> {
        let sql = "SELECT min(t) FROM (
            SELECT min(not_after) AS t FROM request WHERE state IN ('open', 'approved')
            UNION ALL SELECT min(outcome_due) FROM request WHERE outcome IS NULL)";
        self.read(|c| {
            let due: Option<i64> = c.prepare_cached(sql)?.query_row([], |r| r.get(0))?;
            Ok(due.map(|t| UnixSeconds(uint(t))))
        })
    }

    /// The answers of a request, ascending by index.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn answers(&self, request: &str) -> Result<Vec<AnswerRow>, Error> {
        let sql =
            "SELECT person, entry, sha256, denial FROM answer WHERE request = ?1 ORDER BY entry";
        self.read(|c| {
            let read = |r: &Row<'_>| {
                let statement = DigestRef { index: uint(r.get(1)?), document_sha256: r.get(2)? };
                Ok(AnswerRow { person: r.get(0)?, statement, denial: r.get(3)? })
            };
            c.prepare_cached(sql)?.query_map([request], read)?.collect()
        })
    }

    /// Indexes of the statements about a request, ascending: those that make it what it is, and
    /// the first [`MAX_LISTED`]. An action can be decided again any number of times; nobody shall
    /// push the execution out of the evidence that way.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn entries(&self, request: &str) -> Result<Vec<u64>, Error> {
        self.entries_with(request, MAX_LISTED)
    }

    /// As [`State::entries`], with the first `first` beside those that make the request what it is:
    /// with one, its decision.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn entries_with(&self, request: &str, first: u32) -> Result<Vec<u64>, Error> {
        let sql = "
            SELECT entry FROM (SELECT entry FROM entry WHERE request = ?1 ORDER BY entry LIMIT ?2)
            UNION SELECT entry FROM answer WHERE request = ?1
            UNION SELECT ended FROM request WHERE id = ?1 AND ended IS NOT NULL
            UNION SELECT execution FROM request WHERE id = ?1 AND execution IS NOT NULL
            UNION SELECT outcome FROM request WHERE id = ?1 AND outcome IS NOT NULL
            ORDER BY 1";
        self.read(|c| {
            c.prepare_cached(sql)?
                .query_map(params![request, first], |r| Ok(uint(r.get(0)?)))?
                .collect()
        })
    }

    /// Indexes of the last few statements about a request before this one, descending.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn entries_before(&self, request: &str, index: u64) -> Result<Vec<u64>, Error> {
        let sql = "SELECT entry FROM entry WHERE request = ?1 AND entry < ?2 \
                   ORDER BY entry DESC LIMIT 16";
        self.read(|c| {
            c.prepare_cached(sql)?
                .query_map(params![request, int(index)], |r| Ok(uint(r.get(0)?)))?
                .collect()
        })
    }

    /// What a request carries beside its decision; nothing if that was lost.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn extra(&self, request: &str) -> Result<Extra, Error> {
        self.read(|c| read_extra(c, request))
    }
}

const REQUEST: &str = "SELECT id, state, decision, not_after, required, ended, execution, \
     execution_sha256, idempotency, outcome, outcome_due FROM request";

fn read_request(r: &Row<'_>) -> Sql<RequestRow> {
    let optional = |i| -> Sql<Option<u64>> { Ok(r.get::<_, Option<i64>>(i)?.map(uint)) };
    let state: String = r.get(1)?;
    let execution: Option<u64> = optional(6)?;
    let sha256: Option<[u8; 32]> = r.get(7)?;
    Ok(RequestRow {
        id: r.get(0)?,
        // A word that this program does not know can't be answered or spent.
        state: RequestState::from_name(&state).unwrap_or(RequestState::Cancelled),
        decision: uint(r.get(2)?),
        not_after: UnixSeconds(uint(r.get(3)?)),
        required: uint(r.get(4)?),
        ended: optional(5)?,
        execution: execution
            .zip(sha256)
            .map(|(index, document_sha256)| DigestRef { index, document_sha256 }),
        idempotency: r.get(8)?,
        outcome: optional(9)?,
        outcome_due: optional(10)?.map(UnixSeconds),
    })
}

/// Keeps what a request carries beside its decision.
pub(super) fn write_extra(c: &Connection, request: &str, extra: &Extra) -> Sql<()> {
    let raw = extra.raw.as_ref();
    let sql = "INSERT OR REPLACE INTO extra (request, media_type, length, raw_sha256, template, \
               submitted, risk, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        request,
        raw.map(|r| r.media_type.as_str()),
        raw.map(|r| int(r.length)),
        raw.map(|r| r.sha256),
        extra.template,
        extra.submitted,
        extra.risk,
        extra.why
    ];
    run(c, sql, values).map(drop)
}

fn read_extra(c: &Connection, request: &str) -> Sql<Extra> {
    let sql = "SELECT media_type, length, raw_sha256, template, submitted, risk, why FROM extra \
               WHERE request = ?1";
    let found = c.prepare_cached(sql)?.query_row([request], |r| {
        let (media_type, length): (Option<String>, Option<i64>) = (r.get(0)?, r.get(1)?);
        let sha256: Option<[u8; 32]> = r.get(2)?;
        let raw = match (media_type, length, sha256) {
            (Some(media_type), Some(length), Some(sha256)) => {
                Some(Raw { media_type, length: uint(length), sha256 })
            }
            _ => None,
        };
        Ok(Extra {
            raw,
            template: r.get(3)?,
            submitted: r.get(4)?,
            risk: r.get(5)?,
            why: r.get(6)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn applied_to(c: &Connection) -> Sql<u64> {
    let value: Option<[u8; 8]> = c
        .prepare_cached("SELECT value FROM meta WHERE key = 'applied_to'")?
        .query_row([], |r| r.get(0))
        .optional()?;
    Ok(value.map_or(0, u64::from_be_bytes))
}

/// Runs a statement that is kept prepared.
fn run(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Sql<usize> {
    c.prepare_cached(sql)?.execute(params)
}

fn apply_one(c: &Connection, index: u64, statement: &Statement, outcome_s: u64) -> Sql<()> {
    let document = &statement.document;
    let set = |request: &str, state: RequestState| {
        end_live(c, request)?;
        run(
            c,
            "UPDATE request SET state = ?2, ended = ?3 WHERE id = ?1",
            params![request, state.name(), int(index)],
        )
        .map(drop)
    };
    let answer = |request: &str, person: &str, denial: bool| {
        run(
            c,
            "INSERT OR IGNORE INTO answer VALUES (?1, ?2, ?3, ?4, ?5)",
            params![request, person, int(index), document.sha256(), denial],
        )
    };
    match &document.body {
        Body::Decision(d) => apply_decision(c, index, d),
        Body::Approval(a) => {
            answer(&a.request, &a.approver.person, false)?;
            run(
                c,
                "UPDATE request SET state = 'approved' WHERE id = ?1 AND state IN \
                 ('offered', 'open') AND required <= (SELECT count(*) FROM answer WHERE \
                 request = ?1 AND denial = 0)",
                [&a.request],
            )?;
            Ok(())
        }
        Body::Denial(a) => {
            answer(&a.request, &a.approver.person, true)?;
            set(&a.request, RequestState::Denied)
        }
        Body::Expiry(e) => set(&e.request, RequestState::Expired),
        Body::Cancel(e) => set(&e.request, RequestState::Cancelled),
        Body::Execution(e) => {
            end_live(c, &e.request)?;
            run(
                c,
                "UPDATE request SET state = 'executed', execution = ?2, execution_sha256 = ?3, \
                 idempotency = ?4, outcome_due = ?5 WHERE id = ?1",
                params![
                    e.request,
                    int(index),
                    document.sha256(),
                    e.idempotency,
                    int(e.at.0.saturating_add(outcome_s))
                ],
            )?;
            Ok(())
        }
        Body::Outcome(o) => {
            run(
                c,
                "UPDATE request SET state = 'done', outcome = ?2 WHERE id = ?1",
                params![o.request, int(index)],
            )?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn apply_decision(c: &Connection, index: u64, d: &Decision) -> Sql<()> {
    let (Verdict::Requestable, Some(not_after), Some(quorum)) =
        (d.decision, d.not_after, d.quorum.as_ref())
    else {
        return Ok(());
    };
    let submitted = read_extra(c, &d.request)?.submitted;
    let state = if submitted { RequestState::Open } else { RequestState::Offered };
    run(
        c,
        "INSERT OR IGNORE INTO request (id, state, decision, not_after, required) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![d.request, state.name(), int(index), int(not_after.0), int(quorum.required)],
    )
    .map(drop)?;
    calls::apply(c, index, d)
}

/// SQLite's integers are signed; ours stay far below.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let tmp = tempfile::tempdir().unwrap();
        let state = State::open(&tmp.path().join("service.sqlite")).unwrap();
        (tmp, state)
    }

    #[test]
    fn no_number_of_decisions_pushes_an_execution_out_of_the_evidence() {
        let (_tmp, state) = state();
        state
            .with(|c| {
                let t = c.transaction()?;
                for entry in 3..5003 {
                    t.execute("INSERT INTO entry VALUES ('r', ?1)", [entry])?;
                }
                t.execute(
                    "INSERT INTO request (id, state, decision, not_after, required, execution, \
                     outcome) VALUES ('r', 'done', 3, 9, 1, 5001, 5002)",
                    [],
                )?;
                t.execute("INSERT INTO answer VALUES ('r', 'p', 4990, x'00', 0)", [])?;
                t.commit()
            })
            .unwrap();
        let entries = state.entries("r").unwrap();
        assert_eq!(entries.len(), MAX_LISTED as usize + 3);
        assert_eq!(entries[..2], [3, 4]);
        assert_eq!(entries[entries.len() - 3..], [4990, 5001, 5002]);
        assert!(state.entries("other").unwrap().is_empty());
    }

    // SPEC.md R-10-15.
    #[test]
    fn an_erased_name_is_in_no_file_any_more() {
        let (tmp, state) = state();
        let name = "Rumpelstilzchen";
        state.set_person("p", name, &[7; 16]).unwrap();
        let found = || {
            std::fs::read_dir(tmp.path()).unwrap().any(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes.windows(name.len()).any(|w| w == name.as_bytes())
            })
        };
        assert!(found());
        state.erase_person("p").unwrap();
        assert!(state.person("p").unwrap().is_none());
        assert!(!found());
    }
}
