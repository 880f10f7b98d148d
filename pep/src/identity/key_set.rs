//! An issuer's keys: a JWK Set (RFC 7517 5) from a file or a URL, kept for a while.
//!
//! A set is fetched again when it is old and when a token names a key that it lacks, but no more
//! often than every [`RETRY_S`] seconds, so that nobody makes us call the issuer by sending
//! nonsense. While the issuer can't be reached the old set serves on for [`STALE_S`] seconds; then
//! nobody is known.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use placet_proto::json::{self, Json};

use super::IdentityError;
use super::fetch::Fetch;
use super::jwk::{Algorithm, Jwk};

/// Seconds after which a set is fetched again.
pub const MAX_AGE_S: u64 = 600;
/// Seconds between two attempts, whatever asks for them.
pub const RETRY_S: u64 = 10;
/// Seconds for which a set serves that can't be fetched again.
pub const STALE_S: u64 = 3600;
/// Most keys of a set.
const MAX_KEYS: usize = 64;
/// Longest set, in bytes.
pub const MAX_SET: usize = 256 * 1024;

/// Where a set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, which may be replaced while the service runs.
    File(PathBuf),
    /// A URL: https, or http on this machine.
    Url(String),
}

/// The keys of one issuer.
pub struct KeySet {
    place: Place,
    fetch: Arc<dyn Fetch>,
    kept: RwLock<Option<Kept>>,
    /// Held by the one that fetches; the time of the last attempt.
    fetching: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Kept {
    set: Arc<Set>,
    at: Instant,
}

impl Kept {
    /// Whether it serves while it can't be fetched again.
    fn is_usable(&self) -> bool {
        self.at.elapsed() < Duration::from_secs(STALE_S)
    }
}

/// Whether to wait for somebody else who is fetching.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Only if what is kept does not serve.
    IfNeeded,
    /// What is kept lacks the key.
    ForNews,
}

/// A set as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Set {
    keys: Vec<Jwk>,
    /// Certificates of `x5c`, DER, with the `use` of their key (SPIFFE bundles).
    pub certificates: Vec<(Option<String>, Vec<u8>)>,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySet({:?})", self.place)
    }
}

impl KeySet {
    /// The set at a place; nothing is fetched yet.
    #[must_use]
    pub fn new(place: Place, fetch: Arc<dyn Fetch>) -> Self {
        Self { place, fetch, kept: RwLock::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The keys by which a signature of this algorithm and `kid` may be checked: the one that is
    /// named, or without a `kid` all that are for the algorithm.
    ///
    /// # Errors
    /// `identity.key`, `identity.unavailable`.
    pub async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        usage: &str,
    ) -> Result<Vec<Jwk>, IdentityError> {
        let kept = self.current().await?;
        let found = kept.set.find(kid, algorithm, usage);
        if !found.is_empty() {
            return Ok(found);
        }
        let newer = self.refresh(Some(kept.at), Wait::ForNews).await?;
        let found = newer.set.find(kid, algorithm, usage);
        if found.is_empty() { Err(IdentityError::Key) } else { Ok(found) }
    }

    /// The set, not older than it may be.
    ///
    /// # Errors
    /// `identity.unavailable`.
    pub async fn set(&self) -> Result<Arc<Set>, IdentityError> {
        Ok(self.current().await?.set)
    }

    async fn current(&self) -> Result<Kept, IdentityError> {
        match self.kept() {
            Some(kept) if kept.at.elapsed() < Duration::from_secs(MAX_AGE_S) => Ok(kept),
            Some(kept) => self.refresh(Some(kept.at), Wait::IfNeeded).await,
            None => self.refresh(None, Wait::IfNeeded).await,
        }
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the set unless somebody has since `seen`, or just tried.
    async fn refresh(&self, seen: Option<Instant>, wait: Wait) -> Result<Kept, IdentityError> {
        let unavailable = IdentityError::Unavailable("the issuer's keys can't be fetched");
        let mut last = match (self.fetching.try_lock(), self.kept()) {
            (Ok(last), _) => last,
            // An issuer that answers slowly holds up the one who asks it, and nobody else whose
            // key is known.
            (Err(_), Some(kept)) if wait == Wait::IfNeeded && kept.is_usable() => return Ok(kept),
            (Err(_), _) => self.fetching.lock().await,
        };
        let kept = self.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| seen.is_none_or(|seen| kept.at > seen)) {
            return Ok(kept.clone());
        }
        let usable = kept.filter(Kept::is_usable);
        if last.is_some_and(|at| at.elapsed() < Duration::from_secs(RETRY_S)) {
            return usable.ok_or(unavailable);
        }
        *last = Some(Instant::now());
        let (fetch, place) = (Arc::clone(&self.fetch), self.place.clone());
        let read = tokio::task::spawn_blocking(move || {
            let bytes = fetch.fetch(&place, MAX_SET)?;
            Set::read(&bytes)
        });
        match read.await {
            Ok(Ok(set)) => {
                let kept = Kept { set: Arc::new(set), at: Instant::now() };
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
                Ok(kept)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, place = ?self.place, "a key set could not be fetched");
                usable.ok_or(unavailable)
            }
            Err(_) => usable.ok_or(unavailable),
        }
    }
}

impl Set {
    /// Reads a set. Keys of kinds that are not known here are left out, as RFC 7517 5 asks.
    ///
    /// # Errors
    /// `identity.malformed` for what is no set, or one with too many keys.
    pub fn read(bytes: &[u8]) -> Result<Self, IdentityError> {
        let bad = IdentityError::Malformed;
        let value = json::parse_limited(bytes, MAX_SET)
            .map_err(|_| bad("a key set is no strict JSON of at most 256 KiB"))?;
        let keys = value.get("keys").and_then(Json::as_array);
        let keys = keys.ok_or(bad("a key set has no `keys`"))?;
        if keys.len() > MAX_KEYS {
            return Err(bad("a key set has more than 64 keys"));
        }
        let mut set = Self::default();
        for key in keys {
            let text = |name: &str| key.get(name).and_then(Json::as_str);
            if let Some(chain) = key.get("x5c").and_then(Json::as_array)
                && let Some(first) = chain.first().and_then(Json::as_str)
                && let Ok(der) = placet_proto::b64::decode_std(first, 16 * 1024)
            {
                set.certificates.push((text("use").map(str::to_owned), der));
            }
            match Jwk::read(key) {
                Ok(key) => set.keys.push(key),
                Err(error) => tracing::debug!(%error, "a key of a set is left out"),
            }
        }
        Ok(set)
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm, usage: &str) -> Vec<Jwk> {
        let fits = |key: &&Jwk| {
            let named = kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
            // A key without `use` is for signatures; a bundle's keys say which SVIDs they are for.
            let used = match key.usage.as_deref() {
                None => usage == "sig",
                Some(own) => own == usage,
            };
            named && used && key.allows(algorithm)
        };
        // Two keys of one `kid` may be about while an issuer rotates them; more are nonsense.
        self.keys.iter().filter(fits).take(4).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::testing::Key;
    use super::*;

    #[derive(Default)]
    struct Server {
        calls: AtomicUsize,
        body: Mutex<Option<String>>,
    }

    impl Fetch for Server {
        fn fetch(&self, _: &Place, _: usize) -> Result<Vec<u8>, IdentityError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let body = self.body.lock().unwrap().clone();
            body.map(String::into_bytes).ok_or(IdentityError::Unavailable("down"))
        }
    }

    fn set_of(keys: &[String]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    // SPEC.md R-10-105.
    #[tokio::test]
    async fn an_unknown_kid_fetches_once_and_a_server_that_is_down_is_not_asked_again() {
        let server = Arc::new(Server::default());
        let (a, b) = (Key::es256(), Key::es256());
        *server.body.lock().unwrap() = Some(set_of(&[a.jwk(r#","kid":"a","use":"sig""#)]));
        let set = KeySet::new(Place::Url("https://x/".to_owned()), server.clone());
        let find = async |kid| set.find(kid, Algorithm::Es256, "sig").await;
        assert_eq!(find(Some("a")).await.unwrap()[0].thumbprint(), a.thumbprint());
        assert_eq!(server.calls.load(Ordering::SeqCst), 1);
        *server.body.lock().unwrap() = Some(set_of(&[b.jwk(r#","kid":"b""#)]));
        // Within the limit of attempts the old set answers, however often one asks.
        for _ in 0..100 {
            assert_eq!(find(Some("b")).await.unwrap_err().code(), "identity.key");
        }
        assert_eq!(server.calls.load(Ordering::SeqCst), 1);
        *set.fetching.lock().await = None;
        assert_eq!(find(Some("b")).await.unwrap()[0].thumbprint(), b.thumbprint());
        assert_eq!(find(None).await.unwrap().len(), 1);
        assert_eq!(server.calls.load(Ordering::SeqCst), 2);
        *server.body.lock().unwrap() = None;
        *set.fetching.lock().await = None;
        assert_eq!(find(Some("c")).await.unwrap_err().code(), "identity.key");
        assert_eq!(server.calls.load(Ordering::SeqCst), 3);
        find(Some("b")).await.unwrap();

        let down = KeySet::new(Place::Url("https://x/".to_owned()), server.clone());
        for _ in 0..10 {
            let asked = down.find(Some("b"), Algorithm::Es256, "sig").await;
            assert_eq!(asked.unwrap_err().code(), "identity.unavailable");
        }
        assert_eq!(server.calls.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn an_issuer_that_is_slow_holds_up_nobody_whose_key_is_known() {
        let server = Arc::new(Server::default());
        let key = Key::es256();
        *server.body.lock().unwrap() = Some(set_of(&[key.jwk(r#","kid":"a""#)]));
        let set = KeySet::new(Place::Url("https://x/".to_owned()), server);
        set.find(Some("a"), Algorithm::Es256, "sig").await.unwrap();
        let aged = |by: u64| {
            let at = Instant::now().checked_sub(Duration::from_secs(by)).unwrap();
            set.kept.write().unwrap().as_mut().unwrap().at = at;
        };
        let asked = || {
            let found = set.find(Some("a"), Algorithm::Es256, "sig");
            tokio::time::timeout(Duration::from_millis(50), found)
        };
        // Somebody is fetching, for as long as this is held.
        let fetching = set.fetching.lock().await;
        aged(MAX_AGE_S + 1);
        asked().await.expect("it is served what is kept").unwrap();
        aged(STALE_S + 1);
        asked().await.expect_err("what is kept is too old to serve");
        drop(fetching);
    }

    #[test]
    fn a_set_is_bounded_and_leaves_out_what_it_does_not_know() {
        let key = Key::es256();
        let set = set_of(&[
            r#"{"kty":"oct","k":"AAAA","kid":"a"}"#.to_owned(),
            r#"{"kty":"EC","crv":"secp256k1","kid":"a"}"#.to_owned(),
            key.jwk(r#","kid":"a","use":"enc""#),
            key.jwk(r#","kid":"a","alg":"ES256","use":"sig""#),
        ]);
        let set = Set::read(set.as_bytes()).unwrap();
        let found = |kid, algorithm, usage| set.find(kid, algorithm, usage).len();
        assert_eq!(found(Some("a"), Algorithm::Es256, "sig"), 1);
        assert_eq!(found(None, Algorithm::Es256, "jwt-svid"), 0);
        assert_eq!(found(Some("a"), Algorithm::Rs256, "sig"), 0);
        let many = set_of(&vec!["{}".to_owned(); MAX_KEYS + 1]);
        let long = format!(r#"{{"keys":[],"a":"{}"}}"#, "a".repeat(MAX_SET));
        for bad in ["[]", "{}", r#"{"keys":[],"keys":[]}"#, &many, &long] {
            assert_eq!(Set::read(bad.as_bytes()).unwrap_err().code(), "identity.malformed");
        }
    }
}
