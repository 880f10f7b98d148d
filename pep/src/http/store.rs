//! What the access request service has to know beside the ledger: `state/arap.sqlite`.
//!
//! A task of one action is the request itself and needs no row. Here stand bundles, which keys and
//! binding tokens were used for what, and whom to call back. All of it ends: a row is kept until
//! its `until`, and every table has a most.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use placet_ledger::sqlite::{self, Flush};
use placet_ledger::{Dir, Error};
use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Most submissions whose key is remembered; the one that ends first gives way.
const MAX_SUBMISSIONS: i64 = 200_000;
/// Most binding tokens that are remembered. They live for minutes; beyond this none is accepted.
const MAX_TOKENS: i64 = 100_000;
/// Most callbacks of one task.
const MAX_CALLBACKS_OF_TASK: i64 = 8;
/// Most callbacks that are kept.
const MAX_CALLBACKS: i64 = 100_000;
/// Most bundles.
const MAX_BUNDLES: i64 = 100_000;

/// Version of the tables.
const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS bundle (
  task TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
  task TEXT NOT NULL, n INTEGER NOT NULL, request TEXT NOT NULL, PRIMARY KEY (task, n))
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_by_request ON item (request);
CREATE TABLE IF NOT EXISTS submission (
  caller TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, task TEXT NOT NULL,
  until INTEGER NOT NULL, PRIMARY KEY (caller, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS submission_by_until ON submission (until);
CREATE TABLE IF NOT EXISTS token (
  jti TEXT PRIMARY KEY, caller TEXT NOT NULL, body BLOB NOT NULL, until INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_by_until ON token (until);
CREATE TABLE IF NOT EXISTS callback (
  id INTEGER PRIMARY KEY, task TEXT NOT NULL, endpoint TEXT NOT NULL, state TEXT, events TEXT,
  until INTEGER NOT NULL, UNIQUE (task, endpoint, state));";

/// A submission that was checked and is about to take effect.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who submits, as authenticated.
    pub caller: String,
    /// SHA-256 of the Idempotency-Key.
    pub key: Option<[u8; 32]>,
    /// SHA-256 of the canonical body.
    pub body: [u8; 32],
    /// The task that answers it.
    pub task: String,
    /// The requests of a bundle, in the order of its items.
    pub bundle: Option<Vec<String>>,
    /// Binding tokens that it uses up, with their ends.
    pub tokens: Vec<(String, UnixSeconds)>,
    /// Whom to call back.
    pub callback: Option<Callback>,
    /// Until when all this is remembered.
    pub until: UnixSeconds,
}

/// Whom to call back about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The URL.
    pub endpoint: String,
    /// The caller's own value, as canonical JSON.
    pub state: Option<String>,
    /// The events that are wanted, separated by spaces; all if absent.
    pub events: Option<String>,
}

/// A callback that waits for its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The task.
    pub task: String,
    /// What it asks for.
    pub callback: Callback,
}

/// What an Idempotency-Key or a binding token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing yet.
    Not,
    /// This task.
    Task(String),
    /// A submission with another body.
    Other,
}

/// Why a plan does not take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The key stands for another submission.
    Key,
    /// A binding token was used.
    Token,
    /// There are too many of these.
    Limit(&'static str),
}

/// The database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
}

type Sql<T> = rusqlite::Result<T>;

impl Store {
    /// Opens `state/arap.sqlite`, or makes it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open(dir: &Dir) -> Result<Self, Error> {
        Self::open_file(&dir.state().join("arap.sqlite"))
    }

    fn open_file(path: &Path) -> Result<Self, Error> {
        // A key that was answered must be known after a power cut.
        let connection = sqlite::open(path, Flush::Always, VERSION, |c, _| c.execute_batch(SCHEMA));
        let connection = connection.map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), connection: connection.into() })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Connection) -> Sql<T>) -> Result<T, Error> {
        sqlite::work(&self.path, &mut self.lock(), f)
    }

    /// What a caller's key stands for.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn known(
        &self,
        caller: &str,
        key: &[u8; 32],
        body: &[u8; 32],
        now: UnixSeconds,
    ) -> Result<Known, Error> {
        self.with(|c| known(c, caller, key, body, now))
    }

    /// Records a submission, all of it or nothing. What was recorded before is recorded again
    /// without harm.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn record(&self, plan: &Plan, now: UnixSeconds) -> Result<Result<(), Held>, Error> {
        self.with(|c| {
            let t = c.transaction()?;
            forget(&t, now)?;
            let recorded = record(&t, plan, now)?;
            if recorded.is_ok() {
                t.commit()?;
            }
            Ok(recorded)
        })
    }

    /// Takes back a submission that had no effect after all.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn take_back(&self, plan: &Plan) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            if let Some(key) = &plan.key {
                let sql = "DELETE FROM submission WHERE caller = ?1 AND key = ?2";
                t.execute(sql, params![plan.caller, key])?;
            }
            for (jti, _) in &plan.tokens {
                t.execute("DELETE FROM token WHERE jti = ?1", [jti])?;
            }
            if plan.bundle.is_some() {
                t.execute("DELETE FROM bundle WHERE task = ?1", [&plan.task])?;
                t.execute("DELETE FROM item WHERE task = ?1", [&plan.task])?;
            }
            if let Some(callback) = &plan.callback {
                let sql = "DELETE FROM callback WHERE task = ?1 AND endpoint = ?2 AND state IS ?3";
                t.execute(sql, params![plan.task, callback.endpoint, callback.state])?;
            }
            t.commit()
        })
    }

    /// Forgets what submissions of a request said, since it was erased: whom to call back with
    /// which words, and which body its keys stand for. That its binding tokens are used stays.
    ///
    /// # Errors
    /// `ledger.sqlite`, also when a reader keeps the write-ahead log from being emptied.
    pub fn forget(&self, request: &str) -> Result<(), Error> {
        self.with(|c| {
            let t = c.transaction()?;
            for table in ["submission", "callback"] {
                let sql = format!(
                    "DELETE FROM {table} WHERE task = ?1 OR task IN \
                     (SELECT task FROM item WHERE request = ?1)"
                );
                t.execute(&sql, [request])?;
            }
            t.commit()?;
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            match c.query_row(sql, [], |r| r.get::<_, bool>(0))? {
                false => Ok(()),
                true => Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some("it is erased, but a reader holds the write-ahead log".to_owned()),
                )),
            }
        })
    }

    /// The requests of a bundle, in order; nothing if there is no such bundle.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn bundle(&self, task: &str) -> Result<Option<Vec<String>>, Error> {
        let items: Vec<String> = self.with(|c| {
            let sql = "SELECT request FROM item WHERE task = ?1 ORDER BY n";
            c.prepare_cached(sql)?.query_map([task], |r| r.get(0))?.collect()
        })?;
        Ok(Some(items).filter(|items| !items.is_empty()))
    }

    /// The callbacks of the tasks that a request belongs to.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn callbacks_of(&self, request: &str) -> Result<Vec<Waiting>, Error> {
        self.with(|c| {
            let sql = "SELECT task, endpoint, state, events FROM callback WHERE task = ?1 \
                       OR task IN (SELECT task FROM item WHERE request = ?1) ORDER BY id";
            let read = |r: &rusqlite::Row<'_>| {
                let callback =
                    Callback { endpoint: r.get(1)?, state: r.get(2)?, events: r.get(3)? };
                Ok(Waiting { task: r.get(0)?, callback })
            };
            c.prepare_cached(sql)?.query_map([request], read)?.collect()
        })
    }

    /// Whether anybody wants to be called back.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn has_callbacks(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM callback)";
        self.with(|c| c.prepare_cached(sql)?.query_row([], |r| r.get(0)))
    }
}

fn known(
    c: &Connection,
    caller: &str,
    key: &[u8; 32],
    body: &[u8; 32],
    now: UnixSeconds,
) -> Sql<Known> {
    let sql = "SELECT body, task FROM submission WHERE caller = ?1 AND key = ?2 AND until > ?3";
    let found: Option<([u8; 32], String)> = c
        .prepare_cached(sql)?
        .query_row(params![caller, key, int(now)], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    Ok(match found {
        None => Known::Not,
        Some((same, task)) if same == *body => Known::Task(task),
        Some(_) => Known::Other,
    })
}

fn record(t: &Transaction<'_>, plan: &Plan, now: UnixSeconds) -> Sql<Result<(), Held>> {
    if let Some(key) = &plan.key {
        match known(t, &plan.caller, key, &plan.body, now)? {
            Known::Not => {}
            Known::Task(task) if task == plan.task => return Ok(Ok(())),
            Known::Task(_) | Known::Other => return Ok(Err(Held::Key)),
        }
        make_room(t)?;
        t.execute(
            "INSERT OR REPLACE INTO submission VALUES (?1, ?2, ?3, ?4, ?5)",
            params![plan.caller, key, plan.body, plan.task, int(plan.until)],
        )?;
    }
    for (jti, until) in &plan.tokens {
        let sql = "SELECT caller = ?2 AND body = ?3 FROM token WHERE jti = ?1";
        let used: Option<bool> =
            t.query_row(sql, params![jti, plan.caller, plan.body], |r| r.get(0)).optional()?;
        match used {
            // The same submission again is no replay: it leads to the same task.
            Some(true) => continue,
            Some(false) => return Ok(Err(Held::Token)),
            None if count(t, "token")? >= MAX_TOKENS => {
                return Ok(Err(Held::Limit("binding tokens")));
            }
            None => {}
        }
        let row = params![jti, plan.caller, plan.body, int(*until)];
        t.execute("INSERT INTO token VALUES (?1, ?2, ?3, ?4)", row)?;
    }
    if let Some(bundle) = &plan.bundle {
        if count(t, "bundle")? >= MAX_BUNDLES {
            return Ok(Err(Held::Limit("bundles")));
        }
        t.execute("INSERT INTO bundle VALUES (?1, ?2)", params![plan.task, int(plan.until)])?;
        for (n, request) in (0_i64..).zip(bundle) {
            t.execute("INSERT INTO item VALUES (?1, ?2, ?3)", params![plan.task, n, request])?;
        }
    }
    if let Some(callback) = &plan.callback {
        let sql = "SELECT count(*) FROM callback WHERE task = ?1";
        let of_task: i64 = t.query_row(sql, [&plan.task], |r| r.get(0))?;
        if of_task >= MAX_CALLBACKS_OF_TASK || count(t, "callback")? >= MAX_CALLBACKS {
            return Ok(Err(Held::Limit("callbacks")));
        }
        // Without a state two rows are never equal to SQL.
        let sql = "SELECT count(*) FROM callback WHERE task = ?1 AND endpoint = ?2 AND state IS ?3";
        let row = params![plan.task, callback.endpoint, callback.state];
        let same: i64 = t.query_row(sql, row, |r| r.get(0))?;
        if same == 0 {
            t.execute(
                "INSERT INTO callback (task, endpoint, state, events, until) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    plan.task,
                    callback.endpoint,
                    callback.state,
                    callback.events,
                    int(plan.until)
                ],
            )?;
        }
    }
    Ok(Ok(()))
}

fn forget(t: &Transaction<'_>, now: UnixSeconds) -> Sql<()> {
    for table in ["submission", "token", "callback"] {
        t.execute(&format!("DELETE FROM {table} WHERE until <= ?1"), [int(now)])?;
    }
    let sql = "DELETE FROM item WHERE task IN (SELECT task FROM bundle WHERE until <= ?1)";
    t.execute(sql, [int(now)])?;
    t.execute("DELETE FROM bundle WHERE until <= ?1", [int(now)]).map(drop)
}

fn make_room(t: &Transaction<'_>) -> Sql<()> {
    if count(t, "submission")? < MAX_SUBMISSIONS {
        return Ok(());
    }
    let sql = "DELETE FROM submission WHERE (caller, key) IN \
               (SELECT caller, key FROM submission ORDER BY until LIMIT 1)";
    t.execute(sql, []).map(drop)
}

fn count(t: &Transaction<'_>, table: &str) -> Sql<i64> {
    t.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))
}

fn int(at: UnixSeconds) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1000);

    fn plan(key: u8, body: u8, task: &str) -> Plan {
        Plan {
            caller: "pep".to_owned(),
            key: Some([key; 32]),
            body: [body; 32],
            task: task.to_owned(),
            bundle: None,
            tokens: Vec::new(),
            callback: None,
            until: UnixSeconds(2000),
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let tmp = tempfile::tempdir().unwrap();
        let store = Store::open_file(&tmp.path().join("arap.sqlite")).unwrap();
        (tmp, store)
    }

    #[test]
    fn a_key_stands_for_one_body_of_one_caller_until_it_ends_and_after_a_restart() {
        let (tmp, store) = store();
        assert_eq!(store.record(&plan(1, 1, "t"), NOW).unwrap(), Ok(()));
        assert_eq!(store.record(&plan(1, 1, "t"), NOW).unwrap(), Ok(()));
        assert_eq!(store.record(&plan(1, 2, "u"), NOW).unwrap(), Err(Held::Key));
        drop(store);
        let store = Store::open_file(&tmp.path().join("arap.sqlite")).unwrap();
        let known = |caller: &str, body: u8, now| {
            store.known(caller, &[1; 32], &[body; 32], UnixSeconds(now)).unwrap()
        };
        assert_eq!(known("pep", 1, 1999), Known::Task("t".to_owned()));
        assert_eq!(known("pep", 2, 1999), Known::Other);
        assert_eq!(known("other", 1, 1999), Known::Not);
        assert_eq!(known("pep", 1, 2000), Known::Not);
        store.take_back(&plan(1, 1, "t")).unwrap();
        assert_eq!(known("pep", 1, 1999), Known::Not);
    }

    #[test]
    fn a_token_serves_one_submission() {
        let (_tmp, store) = store();
        let with = |plan: Plan| Plan {
            key: None,
            tokens: vec![("j".to_owned(), UnixSeconds(1100))],
            ..plan
        };
        let first = with(plan(1, 1, "t"));
        assert_eq!(store.record(&first, NOW).unwrap(), Ok(()));
        assert_eq!(store.record(&first, NOW).unwrap(), Ok(()));
        assert_eq!(store.record(&with(plan(1, 2, "t")), NOW).unwrap(), Err(Held::Token));
        let other = Plan { caller: "other".to_owned(), ..first.clone() };
        assert_eq!(store.record(&other, NOW).unwrap(), Err(Held::Token));
        // A plan that is held leaves nothing behind.
        let held = Plan { key: Some([9; 32]), ..other };
        assert_eq!(store.record(&held, NOW).unwrap(), Err(Held::Token));
        assert_eq!(store.known("other", &[9; 32], &held.body, NOW).unwrap(), Known::Not);
        // Whether the token itself has ended is judged before; here it is forgotten then.
        assert_eq!(store.record(&held, UnixSeconds(1100)).unwrap(), Ok(()));
    }

    #[test]
    fn what_was_said_about_an_erased_request_is_in_no_file_any_more() {
        let (tmp, store) = store();
        let callback = Callback {
            endpoint: "https://a.example/cb".to_owned(),
            state: Some("\"Rumpelstilzchen\"".to_owned()),
            events: None,
        };
        for (key, task) in [(1, "t"), (2, "u")] {
            let bundle = Some(vec![format!("{task}1"), format!("{task}2")]);
            let callback = Some(callback.clone());
            let plan = Plan { bundle, callback, ..plan(key, key, task) };
            assert_eq!(store.record(&plan, NOW).unwrap(), Ok(()));
        }
        store.forget("t2").unwrap();
        assert!(store.callbacks_of("t1").unwrap().is_empty());
        assert_eq!(store.callbacks_of("u1").unwrap().len(), 1);
        assert_eq!(store.known("pep", &[1; 32], &[1; 32], NOW).unwrap(), Known::Not);
        store.forget("u").unwrap();
        for file in std::fs::read_dir(tmp.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(15).any(|w| w == b"Rumpelstilzchen"));
        }
    }

    #[test]
    fn bundles_and_callbacks_are_kept_and_bounded() {
        let (_tmp, store) = store();
        let callback = Callback {
            endpoint: "https://a.example/cb".to_owned(),
            state: None,
            events: Some("approved denied".to_owned()),
        };
        let requests = vec!["b".to_owned(), "a".to_owned()];
        let plan = Plan {
            bundle: Some(requests.clone()),
            callback: Some(callback.clone()),
            ..plan(1, 1, "t")
        };
        assert_eq!(store.record(&plan, NOW).unwrap(), Ok(()));
        assert_eq!(store.bundle("t").unwrap(), Some(requests));
        assert_eq!(store.bundle("u").unwrap(), None);
        for request in ["t", "a", "b"] {
            let waiting = store.callbacks_of(request).unwrap();
            assert_eq!((waiting.len(), &waiting[0].callback), (1, &callback), "{request}");
            assert_eq!(waiting[0].task, "t");
        }
        assert!(store.callbacks_of("u").unwrap().is_empty());
        // The same again is one; others have a most.
        for n in 0..=MAX_CALLBACKS_OF_TASK {
            let other = Callback { state: Some(n.to_string()), ..callback.clone() };
            let key = u8::try_from(n).unwrap() + 10;
            let more = Plan { key: Some([key; 32]), bundle: None, ..plan.clone() };
            let more = Plan { callback: Some(other), ..more };
            let held = store.record(&more, NOW).unwrap();
            assert_eq!(held.is_ok(), n + 1 < MAX_CALLBACKS_OF_TASK, "{n}");
        }
        let later = Plan { key: None, bundle: None, callback: None, ..plan };
        store.record(&later, UnixSeconds(2000)).unwrap().unwrap();
        assert!(!store.has_callbacks().unwrap());
        assert_eq!(store.bundle("t").unwrap(), None);
    }
}
