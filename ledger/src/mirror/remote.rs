//! The log that is followed, as its server shows it. Nothing here is believed.

use std::io::Read as _;

use placet_proto::tlog::merkle::Hash;
use placet_proto::tlog::tile::{MAX_ENTRY_LEN, TILE_WIDTH, TileSource, parse_bundle, parse_tile};
use placet_proto::tlog::{TileId, TileKind};

use super::Error;

/// Largest entry bundle, in bytes.
const MAX_BUNDLE: usize = TILE_WIDTH as usize * (2 + MAX_ENTRY_LEN);
/// Longest time that a server's wish to be left alone is heeded, in seconds.
const MAX_RETRY_S: u64 = 3600;

/// A server of files.
pub trait Remote: Send + Sync {
    /// The file at this path, at most `max` bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Status`], [`Error::TooLarge`], [`Error::Encoding`],
    /// [`Error::Unreachable`].
    fn get(&self, path: &str, max: usize) -> Result<Vec<u8>, Error>;
}

/// A server over HTTP. TLS, time limits and redirects are the agent's.
#[derive(Debug, Clone)]
pub struct HttpRemote {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl HttpRemote {
    /// Paths are relative to `base`; the token goes to this server only.
    #[must_use]
    pub fn new(agent: ureq::Agent, base: &str, token: Option<String>) -> Self {
        Self { agent, base: base.trim_end_matches('/').to_owned(), token }
    }
}

impl Remote for HttpRemote {
    fn get(&self, path: &str, max: usize) -> Result<Vec<u8>, Error> {
        let unreachable = |e: &dyn std::fmt::Display| Error::Unreachable {
            path: path.to_owned(),
            detail: e.to_string().chars().take(200).collect(),
        };
        let mut call = self.agent.get(format!("{}/{path}", self.base));
        call = call.header("Accept-Encoding", "identity");
        if let Some(token) = &self.token {
            call = call.header("Authorization", format!("Bearer {token}"));
        }
        let response = call.call().map_err(|e| unreachable(&e))?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 => return Err(Error::NotFound { path: path.to_owned() }),
            status => {
                let after = response.headers().get("retry-after");
                let after = after.and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
                let retry_after = after.map(|s| s.min(MAX_RETRY_S));
                return Err(Error::Status { path: path.to_owned(), status, retry_after });
            }
        }
        let encoding = response.headers().get("content-encoding");
        if encoding.is_some_and(|value| value != "identity") {
            return Err(Error::Encoding { path: path.to_owned() });
        }
        let mut body = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        let mut reader = response.into_body().into_reader().take(limit);
        reader.read_to_end(&mut body).map_err(|e| unreachable(&e))?;
        if body.len() > max {
            return Err(Error::TooLarge { path: path.to_owned(), max });
        }
        Ok(body)
    }
}

/// The hashes of a tree as the server shows them.
pub(super) struct RemoteTiles<'a>(pub(super) &'a dyn Remote);

impl TileSource for RemoteTiles<'_> {
    type Error = Error;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Error> {
        let (path, bytes) = fetch(self.0, id, 32 * usize::from(TILE_WIDTH))?;
        let wanted = bytes.get(..usize::from(id.width).saturating_mul(32)).unwrap_or(&bytes);
        let tlog = placet_proto::tlog::TlogError::from;
        parse_tile(wanted, id.width).map_err(|e| Error::format(&path, tlog(e)))
    }
}

/// The bytes of an entry bundle of exactly this width.
pub(super) fn entries(remote: &dyn Remote, index: u64, width: u16) -> Result<Vec<u8>, Error> {
    let id = TileId { kind: TileKind::Entries, index, width };
    let (path, mut bytes) = fetch(remote, id, MAX_BUNDLE)?;
    let end = end_of(&bytes, width);
    bytes.truncate(end.unwrap_or(bytes.len()));
    let tlog = placet_proto::tlog::TlogError::from;
    parse_bundle(&bytes, width).map_err(|e| Error::format(&path, tlog(e)))?;
    Ok(bytes)
}

/// A tile by its own name, or, once the log has grown beyond it, the full one (C2SP tlog-tiles).
fn fetch(remote: &dyn Remote, id: TileId, max: usize) -> Result<(String, Vec<u8>), Error> {
    let path = id.to_string();
    match remote.get(&path, max) {
        Err(Error::NotFound { .. }) if !id.is_full() => {
            let path = TileId::full(id.kind, id.index).to_string();
            let bytes = remote.get(&path, max)?;
            Ok((path, bytes))
        }
        other => Ok((path, other?)),
    }
}

/// Where the first `width` entries end.
fn end_of(bytes: &[u8], width: u16) -> Option<usize> {
    let mut at = 0_usize;
    for _ in 0..width {
        let length = bytes.get(at..)?.first_chunk::<2>()?;
        at = at.checked_add(2)?.checked_add(usize::from(u16::from_be_bytes(*length)))?;
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entries_of_a_wider_bundle_are_found() {
        let bytes = b"\0\x01a\0\x02bc\0\0";
        assert_eq!(end_of(bytes, 0), Some(0));
        assert_eq!(end_of(bytes, 1), Some(3));
        assert_eq!(end_of(bytes, 2), Some(7));
        assert_eq!(end_of(bytes, 3), Some(9));
        assert_eq!(end_of(bytes, 4), None);
        assert_eq!(end_of(&bytes[..6], 2), None);
    }
}
