//! Getting the bytes of a key set. The operator names the place, nobody who calls does.

use std::io::Read as _;
use std::time::Duration;

use super::IdentityError;
use super::key_set::Place;
use crate::tls::{self, Trusting};

/// Time for a whole call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Gets what is at a place. Blocks.
pub trait Fetch: Send + Sync {
    /// At most `max` bytes.
    ///
    /// # Errors
    /// `identity.unavailable`.
    fn fetch(&self, place: &Place, max: usize) -> Result<Vec<u8>, IdentityError>;
}

/// Reads files, and calls servers by HTTPS without following redirects.
#[derive(Debug, Clone)]
pub struct Fetcher(ureq::Agent);

impl Fetcher {
    /// A client that trusts the system's roots, and those of a PEM file if one is given.
    ///
    /// # Errors
    /// `identity.config`.
    pub fn new(ca_file: Option<&std::path::Path>) -> Result<Self, IdentityError> {
        let trusting = ca_file.map_or(Trusting::System, Trusting::Beside);
        let tls = tls::blocking(trusting).map_err(IdentityError::Config)?;
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("placet/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self(agent))
    }
}

impl Fetch for Fetcher {
    fn fetch(&self, place: &Place, max: usize) -> Result<Vec<u8>, IdentityError> {
        let failed = IdentityError::Unavailable;
        match place {
            Place::File(path) => {
                let file = std::fs::File::open(path);
                let file = file.map_err(|_| failed("a file of keys can't be opened"))?;
                let mut out = Vec::new();
                // One more, so that what is too long is noticed.
                let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
                file.take(limit)
                    .read_to_end(&mut out)
                    .map_err(|_| failed("a file of keys can't be read"))?;
                (out.len() <= max).then_some(out).ok_or(failed("a file of keys is too long"))
            }
            Place::Url(url) => {
                let answer = self.0.get(url).header("accept", "application/json").call();
                let mut answer = answer.map_err(|_| failed("the server gave no answer"))?;
                if answer.status() != 200 {
                    return Err(failed("the server's answer is not 200"));
                }
                let body = answer.body_mut().with_config();
                let limit = u64::try_from(max).unwrap_or(u64::MAX);
                body.limit(limit).read_to_vec().map_err(|_| failed("the answer can't be read"))
            }
        }
    }
}

/// Whether keys may be fetched from a URL: what comes from it decides who somebody is.
#[must_use]
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host().trim_matches(['[', ']']);
    let here = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let secure = uri.scheme_str() == Some("https");
    let local = uri.scheme_str() == Some("http") && (here || host == "localhost");
    !authority.as_str().contains('@') && (secure || local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for good in
            ["https://a.example/k", "http://127.0.0.1:1/k", "http://[::1]/k", "http://localhost/"]
        {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://a.example/k",
            "http://127.0.0.1.example/k",
            "https://u:p@a.example/k",
            "file:///etc/passwd",
            "ftp://a.example/",
            "a",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_is_read_within_its_bound() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("k");
        let fetcher = Fetcher::new(None).unwrap();
        let get = |max| fetcher.fetch(&Place::File(path.clone()), max);
        assert_eq!(get(4).unwrap_err().code(), "identity.unavailable");
        std::fs::write(&path, b"1234").unwrap();
        assert_eq!(get(4).unwrap(), b"1234");
        assert_eq!(get(3).unwrap_err().code(), "identity.unavailable");
        assert_eq!(Fetcher::new(Some(&path)).unwrap_err().code(), "identity.config");
    }
}
