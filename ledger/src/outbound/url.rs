//! URLs that others give us, in one strict form.
//!
//! Different readers of one URL are how filters are passed: `http://0177.1/`, `http://a@b/`,
//! `http://2130706433/`, `http://x\@y/`. What could be read in two ways is refused here, before
//! anything is resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Error;

/// Longest URL, in bytes.
pub const MAX_URL: usize = 2048;

/// A URL that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether the scheme is `https`.
    pub https: bool,
    /// Host name in lower case, or address.
    pub host: Host,
    /// Port, filled in from the scheme.
    pub port: u16,
    /// The URL as it is called.
    pub url: String,
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A DNS name in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Error::Url`], with the reason.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |why| Err(Error::Url(why));
        if url.len() > MAX_URL {
            return refuse("it is longer than 2048 bytes");
        }
        if !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains(['\\', '"', '<', '>']) {
            return refuse("it has characters that belong in no URL");
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse("it has no scheme");
        };
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return refuse("its scheme is neither https nor http"),
        };
        if rest.contains('#') {
            return refuse("it has a fragment");
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if authority.contains('@') {
            return refuse("it has a user name");
        }
        let (host, port) = split_port(authority)?;
        let host = Host::parse(host)?;
        let standard = if https { 443 } else { 80 };
        let port = port.unwrap_or(standard);
        let shown = if port == standard { String::new() } else { format!(":{port}") };
        let slash = if path.starts_with('?') { "/" } else { "" };
        let url = format!("{scheme}://{host}{shown}{slash}{path}");
        Ok(Self { https, host, port, url })
    }

    /// Scheme, host and port as browsers write an origin.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, standard) = if self.https { ("https", 443) } else { ("http", 80) };
        match self.port == standard {
            true => format!("{scheme}://{}", self.host),
            false => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Error> {
    let after_bracket = authority.rfind(']').unwrap_or(0);
    let Some(at) = authority.rfind(':').filter(|at| *at > after_bracket || after_bracket == 0)
    else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(at);
    let digits = port.get(1..).unwrap_or_default();
    let canonical = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if canonical => Ok((host, Some(port))),
        _ => Err(Error::Url("its port is not a number from 1 to 65535")),
    }
}

impl Host {
    /// Reads a host: a DNS name, an IPv4 address of four decimal numbers, or an IPv6 address in
    /// brackets.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            let address: Ipv6Addr =
                inner.parse().map_err(|_| Error::Url("its host is no IPv6 address"))?;
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > 253 || !text.split('.').all(label) {
            return Err(Error::Url("its host is neither a DNS name nor an address"));
        }
        let last = text.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        // What C libraries read as an address: 2130706433, 0x7f000001, 0177.1, 127.1.
        let numeric = last.bytes().all(|b| b.is_ascii_digit())
            || last.strip_prefix("0x").is_some_and(|r| r.bytes().all(|b| b.is_ascii_hexdigit()));
        match numeric {
            true => Err(Error::Url("its host ends in a number but is no address")),
            false => Ok(Self::Name(text.to_ascii_lowercase())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_reading_for_every_url() {
        for (url, host, port, again) in [
            ("https://Hooks.Example.com/a?b=c", "hooks.example.com", 443, None),
            ("https://a.example:8443", "a.example", 8443, Some("https://a.example:8443/")),
            ("http://127.0.0.1:80/x", "127.0.0.1", 80, Some("http://127.0.0.1/x")),
            ("https://[2606:4700::1111]:443/", "[2606:4700::1111]", 443, None),
            ("https://a?x", "a", 443, Some("https://a/?x")),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.to_string().as_str(), target.port), (host, port), "{url}");
            if let Some(again) = again {
                assert_eq!(target.url, again);
            }
            assert_eq!(Target::parse(&target.url).unwrap(), target);
        }
        assert_eq!(Target::parse("https://A:8443/x").unwrap().origin(), "https://a:8443");
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for url in [
            "",
            "https://",
            "https:///x",
            "ftp://a/",
            "HTTPS://a/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://user@a/",
            "https://a:b@c/",
            "https://a\\@b/",
            "https://a/#x",
            "https://a b/",
            "https://a/\n",
            "https://\u{ff41}/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://1.2.3.4.5/",
            "https://a./",
            "https://.a/",
            "https://a..b/",
            "https://-a/",
            "https://a_b/",
            "https://%31/",
            "https://[::1/",
            "https://::1/",
            "https://[::1%25eth0]/",
            "https://a:/",
            "https://a:0/",
            "https://a:00443/",
            "https://a:65536/",
            "https://a:+1/",
        ] {
            assert_eq!(Target::parse(url).unwrap_err().code(), "outbound.url", "{url}");
        }
        assert!(Target::parse(&format!("https://a/{}", "x".repeat(MAX_URL))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_called(url in "https?://[a-zA-Z0-9.:@\\[\\]%/?#\\\\-]{0,30}") {
            if let Ok(target) = Target::parse(&url) {
                // The library that makes the call reads the same host and port.
                let called: axum::http::Uri = target.url.parse().unwrap();
                let host = target.host.to_string();
                prop_assert_eq!(called.host(), Some(host.as_str()));
                let port = called.port_u16().unwrap_or(if target.https { 443 } else { 80 });
                prop_assert_eq!(port, target.port);
                prop_assert_eq!(Target::parse(&target.url).unwrap(), target);
            }
        }
    }
}
