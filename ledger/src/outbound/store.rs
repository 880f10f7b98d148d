//! `state/outbound.sqlite`: what waits to be sent, what could not be sent, how far the logs were
//! read, and the browsers that want to be told.
//!
//! Everything here is small and bounded. A delivery is written before anybody relies on it and
//! removed after the receiver took it, so that a crash repeats deliveries and loses none.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::client::Method;
use super::delivery::{Auth, Delivery, PUSH};
use crate::sqlite::{self, Flush, add_column, empty_wal};
use crate::sync::lock;
use crate::{Error, LogId};

/// Most deliveries that wait for one endpoint; the oldest makes room and is a dead letter.
pub const MAX_PENDING_ENDPOINT: u64 = 1000;
/// Most deliveries that wait for all of them.
pub const MAX_PENDING: u64 = 20_000;
/// Most deliveries that wait for endpoints of one sort; the oldest makes room. Who names many
/// endpoints must not fill the queue, for alarms go through it too.
pub const MAX_PENDING_SORT: u64 = 5_000;
/// Sorts of endpoints, by how their names begin; what follows names the endpoint.
pub const SORTS: [&str; 3] = ["callback:", "notify:", PUSH];
/// Most dead letters that are kept.
pub const MAX_DEAD: u64 = 1000;
/// Seconds after which an endpoint without deliveries is forgotten, with its figures.
const FORGET_S: u64 = 30 * 86_400;
/// The same of a callback's, whose URL an agent chose.
const FORGET_CALLBACK_S: u64 = 86_400;

/// Version of the tables.
const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, message TEXT NOT NULL,
  method TEXT NOT NULL, url TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
  auth TEXT NOT NULL, expires INTEGER, created INTEGER NOT NULL, attempts INTEGER NOT NULL,
  request TEXT, UNIQUE (endpoint, message));
CREATE INDEX IF NOT EXISTS job_by_endpoint ON job (endpoint, id);
CREATE TABLE IF NOT EXISTS dead (
  id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, message TEXT NOT NULL, method TEXT NOT NULL,
  url TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, auth TEXT NOT NULL,
  expires INTEGER, created INTEGER NOT NULL, attempts INTEGER NOT NULL, died INTEGER NOT NULL,
  reason TEXT NOT NULL, request TEXT);
CREATE TABLE IF NOT EXISTS endpoint (
  name TEXT PRIMARY KEY, next_at INTEGER NOT NULL, failures INTEGER NOT NULL,
  delivered INTEGER NOT NULL, dead INTEGER NOT NULL, last_success INTEGER, last_failure INTEGER,
  last_error TEXT, touched INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursor (log TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS announced (request TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (request TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notice (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, person TEXT, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscription (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, credential BLOB NOT NULL, url TEXT NOT NULL,
  p256dh BLOB NOT NULL, auth BLOB NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subscription_by_person ON subscription (person);";

/// The database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// How often something was queued.
    queued: AtomicU64,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number; those of one endpoint are sent in this order.
    pub id: i64,
    /// What to send.
    pub delivery: Delivery,
    /// When it was queued.
    pub created: UnixSeconds,
    /// How often it was tried in vain.
    pub attempts: u64,
    /// How often in a row its endpoint failed.
    pub failures: u64,
}

/// How an endpoint is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Its name.
    pub name: String,
    /// Deliveries that wait.
    pub pending: u64,
    /// Failures in a row.
    pub failures: u64,
    /// Deliveries that were taken, ever.
    pub delivered: u64,
    /// Deliveries that were given up, ever.
    pub dead: u64,
    /// The last success.
    pub last_success: Option<UnixSeconds>,
    /// The last failure.
    pub last_failure: Option<UnixSeconds>,
    /// What it was.
    pub last_error: Option<String>,
    /// When the next attempt is due, if something waits.
    pub next_at: UnixSeconds,
}

type Sql<T> = rusqlite::Result<T>;

impl Store {
    /// Opens the file, or makes it, readable by its owner only: URLs of chat tools are secrets.
    ///
    /// # Errors
    /// `ledger.io`, `ledger.sqlite`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = sqlite::open(path, Flush::Always, VERSION, |c, _| {
            c.execute_batch(SCHEMA)?;
            ["job", "dead"].iter().try_for_each(|table| add_column(c, table, "request"))
        });
        let connection = connection.map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), connection: connection.into(), queued: 0.into() })
    }

    /// Opens the file for looking only, while a service may write it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        let connection = sqlite::open_read_only(path).map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), connection: connection.into(), queued: 0.into() })
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Connection) -> Sql<T>) -> Result<T, Error> {
        sqlite::work(&self.path, &mut lock(&self.connection), f)
    }

    /// Queues deliveries, all or none. One whose endpoint has the same message waiting already
    /// is left out.
    ///
    /// # Errors
    /// `outbound.delivery` for one that is too large, `ledger.limit` when too many wait,
    /// `ledger.sqlite`.
    pub fn push(&self, deliveries: &[Delivery], now: UnixSeconds) -> Result<(), Error> {
        self.write(deliveries, now, |_| Ok(()))
    }

    /// Queues deliveries and, in the same transaction, does what makes them be made only once.
    pub(crate) fn write(
        &self,
        deliveries: &[Delivery],
        now: UnixSeconds,
        with: impl FnOnce(&Transaction<'_>) -> Sql<()>,
    ) -> Result<(), Error> {
        for delivery in deliveries {
            delivery.check()?;
        }
        let full = self.with(|c| {
            let t = c.transaction()?;
            let waiting: i64 = t.query_row("SELECT count(*) FROM job", [], |r| r.get(0))?;
            let more = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
            if !deliveries.is_empty() && uint(waiting).saturating_add(more) > MAX_PENDING {
                return Ok(true);
            }
            for delivery in deliveries {
                insert(&t, delivery, now)?;
            }
            let endpoints: HashSet<&str> =
                deliveries.iter().map(|delivery| delivery.endpoint.as_str()).collect();
            for endpoint in &endpoints {
                bound(&t, endpoint, now)?;
            }
            for sort in SORTS {
                if endpoints.iter().any(|endpoint| endpoint.starts_with(sort)) {
                    bound_sort(&t, sort, now)?;
                }
            }
            with(&t)?;
            t.commit()?;
            Ok(false)
        })?;
        if full {
            return Err(crate::service::Refusal::Limit("deliveries").into());
        }
        if !deliveries.is_empty() {
            self.queued.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    /// Rises whenever something was queued.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued.load(Ordering::Acquire)
    }

    /// The next delivery whose time has come, of an endpoint that is not busy and of no sort that
    /// `most` endpoints are busy of.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn due(
        &self,
        now: UnixSeconds,
        busy: &HashSet<String>,
        most: usize,
    ) -> Result<Option<Job>, Error> {
        self.with(|c| {
            let sql = "SELECT name, failures FROM endpoint WHERE next_at <= ?1 AND EXISTS \
                       (SELECT 1 FROM job WHERE endpoint = name) AND \
                       substr(name, 1, instr(name, ':')) NOT IN (?3, ?4, ?5) \
                       ORDER BY next_at, name LIMIT ?2";
            let limit = i64::try_from(busy.len()).unwrap_or(i64::MAX).saturating_add(1);
            let mut statement = c.prepare_cached(sql)?;
            let [a, b, d] = crowded(busy, most);
            let rows = statement.query_map(params![int(now.0), limit, a, b, d], |r| {
                Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?))
            })?;
            let mut free = None;
            for row in rows {
                let row = row?;
                if !busy.contains(&row.0) {
                    free = Some(row);
                    break;
                }
            }
            let Some((endpoint, failures)) = free else { return Ok(None) };
            let sql = format!("SELECT {JOB} FROM job WHERE endpoint = ?1 ORDER BY id LIMIT 1");
            c.prepare_cached(&sql)?
                .query_row([endpoint], |r| read_job(r, uint(failures)))
                .optional()
        })
    }

    /// When the next delivery that [`Store::due`] would give becomes due.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn next_due(
        &self,
        busy: &HashSet<String>,
        most: usize,
    ) -> Result<Option<UnixSeconds>, Error> {
        self.with(|c| {
            let sql = "SELECT name, next_at FROM endpoint WHERE EXISTS \
                       (SELECT 1 FROM job WHERE endpoint = name) AND \
                       substr(name, 1, instr(name, ':')) NOT IN (?2, ?3, ?4) \
                       ORDER BY next_at LIMIT ?1";
            let limit = i64::try_from(busy.len()).unwrap_or(i64::MAX).saturating_add(1);
            let mut statement = c.prepare_cached(sql)?;
            let [a, b, d] = crowded(busy, most);
            let rows = statement.query_map(params![limit, a, b, d], |r| {
                Ok((r.get::<_, String>(0)?, UnixSeconds(uint(r.get(1)?))))
            })?;
            let mut free = None;
            for row in rows {
                let (name, at) = row?;
                if !busy.contains(&name) {
                    free = Some(at);
                    break;
                }
            }
            Ok(free)
        })
    }

    /// The receiver took it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn delivered(&self, job: &Job, now: UnixSeconds) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.execute("DELETE FROM job WHERE id = ?1", [job.id])?;
            t.execute(
                "UPDATE endpoint SET next_at = ?2, failures = 0, delivered = delivered + 1, \
                 last_success = ?2, touched = ?2 WHERE name = ?1",
                params![job.delivery.endpoint, int(now.0)],
            )?;
            t.commit()
        })
    }

    /// It failed and will be tried again at `next_at`; until then nothing is sent to its endpoint.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn failed(
        &self,
        job: &Job,
        next_at: UnixSeconds,
        why: &str,
        now: UnixSeconds,
    ) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.execute("UPDATE job SET attempts = attempts + 1 WHERE id = ?1", [job.id])?;
            t.execute(
                "UPDATE endpoint SET next_at = ?2, failures = failures + 1, last_failure = ?3, \
                 last_error = ?4, touched = ?3 WHERE name = ?1",
                params![job.delivery.endpoint, int(next_at.0), int(now.0), why],
            )?;
            t.commit()
        })
    }

    /// It is given up; the next delivery to its endpoint is tried at `next_at`.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn bury(
        &self,
        job: &Job,
        next_at: UnixSeconds,
        why: &str,
        now: UnixSeconds,
    ) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            bury(&t, job.id, why, now)?;
            t.execute(
                "UPDATE endpoint SET next_at = ?2, failures = failures + 1, last_failure = ?3, \
                 last_error = ?4, touched = ?3 WHERE name = ?1",
                params![job.delivery.endpoint, int(next_at.0), int(now.0), why],
            )?;
            t.commit()
        })
    }

    /// The endpoint is gone for good: it is forgotten with all that waits for it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn gone(&self, endpoint: &str) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            t.execute("DELETE FROM job WHERE endpoint = ?1", [endpoint])?;
            t.execute("DELETE FROM endpoint WHERE name = ?1", [endpoint])?;
            if let Some(id) = endpoint.strip_prefix(super::delivery::PUSH) {
                t.execute("DELETE FROM subscription WHERE id = ?1", [id])?;
            }
            t.commit()
        })
    }

    /// Takes away every delivery about a request that was erased, sent or not, and takes none
    /// about it from now on.
    ///
    /// # Errors
    /// `ledger.sqlite`, also when a reader keeps the write-ahead log from being emptied.
    pub fn forget(&self, request: &str) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            // What a receiver answered may repeat what it was sent.
            for table in ["job", "dead"] {
                let sql = format!(
                    "UPDATE endpoint SET last_error = NULL WHERE name IN \
                     (SELECT endpoint FROM {table} WHERE request = ?1)"
                );
                t.execute(&sql, [request])?;
                t.execute(&format!("DELETE FROM {table} WHERE request = ?1"), [request])?;
            }
            t.execute("DELETE FROM announced WHERE request = ?1", [request])?;
            t.execute("INSERT OR IGNORE INTO erased VALUES (?1)", [request])?;
            t.commit()
        })?;
        self.with(|c| empty_wal(c))
    }

    /// Queues all dead letters of an endpoint again; gives their number.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn revive(&self, endpoint: &str, now: UnixSeconds) -> Result<u64, Error> {
        self.with(|c| {
            let t = c.transaction()?;
            let columns =
                "endpoint, message, method, url, headers, body, auth, expires, created, request";
            let sql = format!(
                "INSERT OR IGNORE INTO job ({columns}, attempts) SELECT {columns}, 0 FROM dead \
                 WHERE endpoint = ?1 ORDER BY id"
            );
            let revived = t.execute(&sql, [endpoint])?;
            t.execute("DELETE FROM dead WHERE endpoint = ?1", [endpoint])?;
            t.execute(
                "UPDATE endpoint SET next_at = ?2 WHERE name = ?1",
                params![endpoint, int(now.0)],
            )?;
            // They start anew: their age counts from now.
            t.execute(
                "UPDATE job SET created = ?2 WHERE endpoint = ?1",
                params![endpoint, int(now.0)],
            )?;
            t.commit()?;
            Ok(u64::try_from(revived).unwrap_or(u64::MAX))
        })
    }

    /// Forgets endpoints that nothing was sent to for thirty days, those of callbacks after one.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn tidy(&self, now: UnixSeconds) -> Result<(), Error> {
        self.with(|c| {
            c.execute(
                "DELETE FROM endpoint WHERE touched < iif(name LIKE 'callback:%', ?2, ?1) AND \
                 NOT EXISTS (SELECT 1 FROM job WHERE endpoint = name)",
                [FORGET_S, FORGET_CALLBACK_S].map(|age| int(now.0.saturating_sub(age))),
            )
        })
        .map(drop)
    }

    /// How all endpoints are doing, by name.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn status(&self) -> Result<Vec<EndpointStatus>, Error> {
        self.with(|c| {
            let sql = "SELECT name, (SELECT count(*) FROM job WHERE endpoint = name), failures, \
                       delivered, dead, last_success, last_failure, last_error, next_at \
                       FROM endpoint ORDER BY name LIMIT 10000";
            let time = |r: &Row<'_>, i| -> Sql<Option<UnixSeconds>> {
                Ok(r.get::<_, Option<i64>>(i)?.map(|n| UnixSeconds(uint(n))))
            };
            c.prepare(sql)?
                .query_map([], |r| {
                    Ok(EndpointStatus {
                        name: r.get(0)?,
                        pending: uint(r.get(1)?),
                        failures: uint(r.get(2)?),
                        delivered: uint(r.get(3)?),
                        dead: uint(r.get(4)?),
                        last_success: time(r, 5)?,
                        last_failure: time(r, 6)?,
                        last_error: r.get(7)?,
                        next_at: UnixSeconds(uint(r.get(8)?)),
                    })
                })?
                .collect()
        })
    }

    /// How far a log was read, if it ever was.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn cursor(&self, log: LogId) -> Result<Option<u64>, Error> {
        self.with(|c| {
            c.query_row("SELECT next FROM cursor WHERE log = ?1", [log.name()], |r| {
                Ok(uint(r.get(0)?))
            })
            .optional()
        })
    }
}

const JOB: &str =
    "id, endpoint, message, method, url, headers, body, auth, expires, created, attempts, request";

fn read_job(r: &Row<'_>, failures: u64) -> Sql<Job> {
    let (method, headers, auth): (String, String, String) = (r.get(3)?, r.get(5)?, r.get(7)?);
    Ok(Job {
        id: r.get(0)?,
        delivery: Delivery {
            endpoint: r.get(1)?,
            message: r.get(2)?,
            method: Method::from_name(&method).unwrap_or(Method::Post),
            url: r.get(4)?,
            headers: serde_json::from_str(&headers).unwrap_or_default(),
            body: r.get(6)?,
            auth: Auth::from_text(&auth),
            expires: r.get::<_, Option<i64>>(8)?.map(|n| UnixSeconds(uint(n))),
            request: r.get(11)?,
        },
        created: UnixSeconds(uint(r.get(9)?)),
        attempts: uint(r.get(10)?),
        failures,
    })
}

fn insert(t: &Transaction<'_>, delivery: &Delivery, now: UnixSeconds) -> Sql<()> {
    let headers = serde_json::to_string(&delivery.headers).unwrap_or_default();
    t.prepare_cached(
        "INSERT OR IGNORE INTO job (endpoint, message, method, url, headers, body, auth, expires, \
         created, attempts, request) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10 \
         WHERE ?10 IS NULL OR ?10 NOT IN (SELECT request FROM erased)",
    )?
    .execute(params![
        delivery.endpoint,
        delivery.message,
        delivery.method.name(),
        delivery.url,
        headers,
        delivery.body,
        delivery.auth.to_text(),
        delivery.expires.map(|at| int(at.0)),
        int(now.0),
        delivery.request,
    ])?;
    t.prepare_cached(
        "INSERT INTO endpoint (name, next_at, failures, delivered, dead, touched) \
         VALUES (?1, ?2, 0, 0, 0, ?2) ON CONFLICT (name) DO UPDATE SET touched = ?2, \
         next_at = iif(failures = 0, min(next_at, ?2), next_at)",
    )?
    .execute(params![delivery.endpoint, int(now.0)])?;
    Ok(())
}

/// Lets the oldest of an endpoint make room.
fn bound(t: &Transaction<'_>, endpoint: &str, now: UnixSeconds) -> Sql<()> {
    let sql = "SELECT id FROM job WHERE endpoint = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2";
    let surplus: Vec<i64> = t
        .prepare_cached(sql)?
        .query_map(params![endpoint, int(MAX_PENDING_ENDPOINT)], |r| r.get(0))?
        .collect::<Sql<_>>()?;
    for job in surplus.into_iter().rev() {
        bury(t, job, "too many deliveries wait for this endpoint", now)?;
    }
    Ok(())
}

/// Lets the oldest of a sort make room.
fn bound_sort(t: &Transaction<'_>, sort: &str, now: UnixSeconds) -> Sql<()> {
    // Names of one sort stand together: `;` comes after `:`.
    let end = sort.replace(':', ";");
    let range = "FROM job WHERE endpoint >= ?1 AND endpoint < ?2";
    let waiting = t
        .prepare_cached(&format!("SELECT count(*) {range}"))?
        .query_row([sort, &end], |r| Ok(uint(r.get(0)?)))?;
    if waiting <= MAX_PENDING_SORT {
        return Ok(());
    }
    let sql = format!("SELECT id {range} ORDER BY id LIMIT ?3");
    let surplus: Vec<i64> = t
        .prepare_cached(&sql)?
        .query_map(params![sort, end, int(waiting.saturating_sub(MAX_PENDING_SORT))], |r| r.get(0))?
        .collect::<Sql<_>>()?;
    surplus
        .into_iter()
        .try_for_each(|job| bury(t, job, "too many deliveries of its sort wait", now))
}

/// The sorts that so many endpoints are busy of.
fn crowded(busy: &HashSet<String>, most: usize) -> [&'static str; 3] {
    let of = |sort: &str| busy.iter().filter(|name| name.starts_with(sort)).count();
    SORTS.map(|sort| if of(sort) >= most { sort } else { "-" })
}

fn bury(t: &Transaction<'_>, job: i64, why: &str, now: UnixSeconds) -> Sql<()> {
    let columns = "endpoint, message, method, url, headers, body, auth, expires, created, \
                   attempts, request";
    t.execute(
        &format!(
            "INSERT INTO dead ({columns}, died, reason) SELECT {columns}, ?2, ?3 FROM job \
             WHERE id = ?1"
        ),
        params![job, int(now.0), why],
    )?;
    t.execute(
        "UPDATE endpoint SET dead = dead + 1 WHERE name = (SELECT endpoint FROM job WHERE id = ?1)",
        [job],
    )?;
    t.execute("DELETE FROM job WHERE id = ?1", [job])?;
    t.execute("DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?1", [int(MAX_DEAD)])
        .map(drop)
}

/// SQLite's integers are signed; ours stay far below.
pub(crate) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
