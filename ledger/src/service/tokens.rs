//! API tokens: bearer secrets of programs, each with scopes and an end, kept as hashes.
//!
//! A token reads `placet_<id>_<secret>`: the id names it in lists and in the log, the secret is 43
//! characters of base64url. Revoked ones stay listed, so that a file that still holds one is never
//! taken for a new one.

use std::path::Path;

use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};
use rusqlite::{OptionalExtension as _, Row, params};

use super::Refusal;
use super::access::{Access, int, uint};
use super::clock::random;
use super::ledger::Ledger;
use crate::{Dir, Error};

/// What every token begins with, so that scanners for leaked secrets find it.
const HEAD: &str = "placet_";
/// Bytes of an id; a list of tokens is short.
const ID_BYTES: usize = 6;
/// Longest label, in bytes.
pub const MAX_LABEL: usize = 200;
/// Tokens in all, revoked ones included.
const MAX_TOKENS: u32 = 4096;
/// Longest token file, in bytes.
const MAX_FILE: u64 = 1024;
/// Seconds of a day: when a token was last used is known to the day.
const DAY_S: u64 = 86_400;

/// What a token lets a program do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask for decisions and approvals, spend them, tell outcomes, fetch evidence of that.
    Pep,
    /// Read evidence, requests and receipts.
    EvidenceRead,
    /// Search the logs.
    Search,
    /// Read the figures.
    Metrics,
    /// Administer, as far as that needs no passkey.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pep, Self::EvidenceRead, Self::Search, Self::Metrics, Self::Admin];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pep => "pep",
            Self::EvidenceRead => "evidence.read",
            Self::Search => "search",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// A token as it is listed: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Twelve hexadecimal digits.
    pub id: String,
    /// What the operator calls it.
    pub label: String,
    /// What it may do, ascending.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: UnixSeconds,
    /// When it ends, if it does.
    pub expires: Option<UnixSeconds>,
    /// The day on which it was last used.
    pub last_used: Option<UnixSeconds>,
    /// When it was revoked, if it was.
    pub revoked: Option<UnixSeconds>,
}

impl TokenRow {
    /// Whether it opens anything at this time.
    #[must_use]
    pub fn is_good(&self, now: UnixSeconds) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

impl Access {
    /// Makes a token; the second value is the token itself, which is nowhere else.
    ///
    /// # Errors
    /// `request.invalid` for no scope, or a label that is empty, too long or of several lines;
    /// `ledger.limit`, `ledger.random`, `ledger.sqlite`.
    pub fn create_token(
        &self,
        label: &str,
        scopes: &[Scope],
        expires: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<(TokenRow, String), Error> {
        let id = b64::encode_hex(random::<ID_BYTES>()?);
        let token = format!("{HEAD}{id}_{}", b64::encode_url(random::<32>()?));
        let row = self.keep_token(&token, label, scopes, expires, now)?;
        Ok((row, token))
    }

    fn keep_token(
        &self,
        token: &str,
        label: &str,
        scopes: &[Scope],
        expires: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<TokenRow, Error> {
        let (id, sha256) = parse(token).ok_or(Refusal::Invalid("not a token"))?;
        let plain = !label.is_empty() && !label.contains(char::is_control);
        if !plain || label.len() > MAX_LABEL {
            return Err(Refusal::Invalid("a label is one line of 1 to 200 bytes").into());
        }
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Refusal::Invalid("a token has a scope").into());
        }
        let names: Vec<&str> = scopes.iter().map(|s| s.name()).collect();
        let kept = self.with(|c| {
            let transaction = c.transaction()?;
            let all: u32 = transaction.query_row("SELECT count(*) FROM token", [], |r| r.get(0))?;
            if all >= MAX_TOKENS {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, NULL)",
                params![id, sha256, label, names.join(" "), int(now.0), expires.map(|e| int(e.0))],
            )?;
            transaction.commit().map(|()| true)
        })?;
        if !kept {
            return Err(Refusal::Limit("tokens").into());
        }
        let (id, label) = (id.to_owned(), label.to_owned());
        Ok(TokenRow { id, label, scopes, created: now, expires, last_used: None, revoked: None })
    }

    /// The token, if it is a good one now. Notes the day.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn token(&self, token: &str, now: UnixSeconds) -> Result<Option<TokenRow>, Error> {
        let Some((id, given)) = parse(token) else { return Ok(None) };
        let found = self.read(|c| {
            c.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
                .query_row([id], |r| Ok((read(r)?, r.get::<_, [u8; 32]>(7)?)))
                .optional()
        })?;
        let Some((row, kept)) = found else { return Ok(None) };
        // The time this takes tells nothing about the secret: hashes are compared, all of them.
        let differing = given.iter().zip(&kept).fold(0, |all, (a, b)| all | (a ^ b));
        if differing != 0 || !row.is_good(now) {
            return Ok(None);
        }
        let today = now.0 - now.0 % DAY_S;
        if row.last_used != Some(UnixSeconds(today)) {
            let noted = self.with(|c| {
                c.prepare_cached("UPDATE token SET last_used = ?2 WHERE id = ?1")?
                    .execute(params![id, int(today)])
            });
            // The day is for people: a token stays good where it can't be written.
            if let Err(error) = noted {
                tracing::warn!(%error, "the day on which a token was used is not noted");
            }
        }
        Ok(Some(row))
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, Error> {
        self.with(|c| {
            c.prepare_cached(&format!("{SELECT} ORDER BY created, id"))?
                .query_map([], read)?
                .collect()
        })
    }

    /// Revokes the token with this id, at once and for ever; `None` when there is none, or none
    /// that is not revoked.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn revoke_token(&self, id: &str, now: UnixSeconds) -> Result<Option<TokenRow>, Error> {
        self.with(|c| {
            let changed = c.execute(
                "UPDATE token SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL",
                params![id, int(now.0)],
            )?;
            if changed == 0 {
                return Ok(None);
            }
            c.query_row(&format!("{SELECT} WHERE id = ?1"), [id], read).optional()
        })
    }

    /// Sees to a client's file in `keys/` that holds a token of these scopes, its id being the
    /// file's own: made when it is missing, taken over when the table has lost it. What was revoked
    /// stays so.
    ///
    /// # Errors
    /// `key.file` when others can read the file, `ledger.io`, `ledger.random`, `ledger.sqlite`.
    pub fn client_file(
        &self,
        dir: &Dir,
        name: &str,
        scopes: &[Scope],
        now: UnixSeconds,
    ) -> Result<(), Error> {
        let path = dir.keys().join(name);
        let label = format!("keys/{name}");
        if path.exists() {
            let token = read_private(&path)?;
            let Some((id, _)) = parse(&token) else {
                // Older folders hold a token of another form: its readers find the new one there.
                let (_, token) = self.create_token(&label, scopes, None, now)?;
                std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                return dir.write_key(name, format!("{token}\n").as_bytes());
            };
            let sql = "SELECT count(*) FROM token WHERE id = ?1";
            let known: u32 = self.with(|c| c.query_row(sql, [id], |r| r.get(0)))?;
            if known == 0 {
                self.keep_token(&token, &label, scopes, None, now)?;
            }
            return Ok(());
        }
        let (_, token) = self.create_token(&label, scopes, None, now)?;
        dir.write_key(name, format!("{token}\n").as_bytes())
    }
}

impl Access {
    /// Notes an act of administration that is to stand in the log: a command line can't write there
    /// while the service runs.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn note_act(&self, act: &str, target: &str, detail: &str) -> Result<(), Error> {
        let sql = "INSERT INTO act (act, target, detail) VALUES (?1, ?2, ?3)";
        self.with(|c| c.execute(sql, [act, target, detail]).map(drop))
    }
}

impl Ledger {
    /// Records what command lines noted. After a crash in between, an act may stand there twice.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of recording.
    pub fn record_noted_acts(&self) -> Result<(), Error> {
        let noted: Vec<(i64, String, String, String)> = self.access.with(|c| {
            let sql = "SELECT id, act, target, detail FROM act ORDER BY id LIMIT 64";
            let mut rows = c.prepare_cached(sql)?;
            rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?.collect()
        })?;
        for (id, act, target, detail) in noted {
            self.record_administration(&act, &target, None, &detail)?;
            self.access.with(|c| c.execute("DELETE FROM act WHERE id = ?1", [id]).map(drop))?;
        }
        Ok(())
    }

    /// The tables of sessions and tokens.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Id and SHA-256 of the whole of a token.
fn parse(token: &str) -> Option<(&str, [u8; 32])> {
    let (id, secret) = token.strip_prefix(HEAD)?.split_once('_')?;
    b64::decode_hex_array::<ID_BYTES>(id).ok()?;
    b64::decode_url_array::<32>(secret).ok()?;
    Some((id, sha256(token.as_bytes())))
}

fn read_private(path: &Path) -> Result<String, Error> {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let mode = file.metadata().map_err(Error::io("read", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        let why = format!("{}: others can read this token; chmod 600 it", path.display());
        return Err(Refusal::Key(why).into());
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text).map_err(Error::io("read", path))?;
    Ok(text.trim().to_owned())
}

const SELECT: &str =
    "SELECT id, label, scopes, created, expires, last_used, revoked, sha256 FROM token";

fn read(r: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let time = |n: i64| UnixSeconds(uint(n));
    let optional =
        |i| -> rusqlite::Result<Option<UnixSeconds>> { Ok(r.get::<_, Option<i64>>(i)?.map(time)) };
    let scopes: String = r.get(2)?;
    Ok(TokenRow {
        id: r.get(0)?,
        label: r.get(1)?,
        // A scope that a newer program gave means nothing here.
        scopes: scopes.split(' ').filter_map(Scope::from_name).collect(),
        created: time(r.get(3)?),
        expires: optional(4)?,
        last_used: optional(5)?,
        revoked: optional(6)?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds(10 * DAY_S + 5);

    fn access() -> (tempfile::TempDir, Dir, Access) {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let access = Access::open(&dir.state().join("service.sqlite")).unwrap();
        (tmp, dir, access)
    }

    #[test]
    fn a_token_opens_until_it_ends_or_is_revoked() {
        let (_tmp, dir, access) = access();
        let end = UnixSeconds(NOW.0 + 60);
        let scopes = [Scope::Search, Scope::Pep, Scope::Search];
        let (row, token) = access.create_token("ci", &scopes, Some(end), NOW).unwrap();
        assert_eq!(row.scopes, [Scope::Pep, Scope::Search]);
        assert_eq!((token.len(), &token[..7]), (7 + 12 + 1 + 43, HEAD));
        assert_eq!(access.token(&token, NOW).unwrap(), Some(row.clone()));
        let day = access.tokens().unwrap()[0].last_used;
        assert_eq!(day, Some(UnixSeconds(10 * DAY_S)), "the day, and no more");
        assert!(access.token(&token, end).unwrap().is_none());
        let mut other = token.clone().into_bytes();
        other[30] ^= 1;
        for bad in ["", "placet_", "placet_0_1", &row.id, &String::from_utf8(other).unwrap()] {
            assert!(access.token(bad, NOW).unwrap().is_none(), "{bad}");
        }
        let again = Access::open(&dir.state().join("service.sqlite")).unwrap();
        assert_eq!(again.revoke_token(&row.id, NOW).unwrap().unwrap().revoked, Some(NOW));
        assert!(access.token(&token, NOW).unwrap().is_none(), "another process revoked it");
        assert!(again.revoke_token(&row.id, NOW).unwrap().is_none());
        assert!(again.revoke_token("none", NOW).unwrap().is_none());
    }

    #[test]
    fn what_is_no_label_or_scope_is_refused() {
        let (_tmp, _dir, access) = access();
        let long = "x".repeat(MAX_LABEL + 1);
        for (label, scopes) in
            [("", &[Scope::Pep][..]), ("a\nb", &[Scope::Pep]), (&long, &[Scope::Pep]), ("a", &[])]
        {
            let error = access.create_token(label, scopes, None, NOW).unwrap_err();
            assert_eq!(error.code(), "request.invalid");
        }
        assert!(Scope::ALL.into_iter().all(|s| Scope::from_name(s.name()) == Some(s)));
    }

    #[test]
    fn a_clients_file_is_made_once_and_what_was_revoked_stays_so() {
        let (_tmp, dir, access) = access();
        let path = dir.keys().join("pep-token");
        let see = |access: &Access| access.client_file(&dir, "pep-token", &[Scope::Pep], NOW);
        let good = |access: &Access| {
            let token = read_private(&path).unwrap();
            access.token(&token, NOW).unwrap().map(|row| row.id)
        };
        // A file of the older form gives way.
        dir.write_key("pep-token", format!("{}\n", "0".repeat(64)).as_bytes()).unwrap();
        see(&access).unwrap();
        let id = good(&access).unwrap();
        see(&access).unwrap();
        assert_eq!(good(&access).as_deref(), Some(&*id));
        // A state that was lost learns it again; the file is the client's.
        let lost = Access::open(&dir.state().join("other.sqlite")).unwrap();
        see(&lost).unwrap();
        assert_eq!(good(&lost).as_deref(), Some(&*id));
        access.revoke_token(&id, NOW).unwrap();
        see(&access).unwrap();
        assert!(good(&access).is_none());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(see(&access).unwrap_err().code(), "key.file");
    }
}
