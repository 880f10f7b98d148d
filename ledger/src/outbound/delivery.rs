//! One message on its way to one endpoint, and what an answer to it means.

use placet_proto::b64;
use placet_proto::time::UnixSeconds;

use super::Error;
use super::client::{Method, Reply};

/// Largest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Longest name of an endpoint or of a message, in bytes.
const MAX_NAME: usize = 200;
/// Most header fields.
const MAX_HEADERS: usize = 16;
/// Names of endpoints that are browsers begin so; what follows is the id of the subscription.
pub const PUSH: &str = "push:";

/// Pause after a first failure, in seconds; it doubles with each further one.
const FIRST_PAUSE_S: u64 = 5;
/// Longest pause, in seconds.
const MAX_PAUSE_S: u64 = 3600;
/// Age at which a delivery is given up, in seconds.
pub const MAX_AGE_S: u64 = 3 * 86_400;
/// Attempts after which a delivery is given up that the receiver refuses by its contents.
const MAX_REFUSALS: u64 = 8;

/// A message for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Name of the endpoint: deliveries to one are sent in order, and one that hangs holds up
    /// only its own.
    pub endpoint: String,
    /// Id of the message, `webhook-id`: the same in every attempt, characters as in base64url.
    pub message: String,
    /// Method.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Header fields; one is Content-Type.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How the receiver knows who sends.
    pub auth: Auth,
    /// When it is worth nothing any more.
    pub expires: Option<UnixSeconds>,
    /// The request that it is about: its erasure takes it away.
    pub request: Option<String>,
}

/// How the receiver of a delivery knows who sends. Made anew for each attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// HTTP Message Signature of the service key.
    Signature,
    /// The same, and a bearer token from this file.
    Token(String),
    /// VAPID (RFC 8292), for push services.
    Vapid,
}

impl Auth {
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Signature => "signature".to_owned(),
            Self::Vapid => "vapid".to_owned(),
            Self::Token(file) => format!("token:{file}"),
        }
    }

    pub(super) fn from_text(text: &str) -> Self {
        match text.split_once(':') {
            Some(("token", file)) => Self::Token(file.to_owned()),
            _ if text == "vapid" => Self::Vapid,
            _ => Self::Signature,
        }
    }
}

impl Delivery {
    /// A signed JSON document to `url`.
    #[must_use]
    pub fn json(endpoint: &str, message: &str, url: &str, body: Vec<u8>) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            message: message.to_owned(),
            method: Method::Post,
            url: url.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
            auth: Auth::Signature,
            expires: None,
            request: None,
        }
    }

    /// The value of Content-Type.
    #[must_use]
    pub fn content_type(&self) -> &str {
        let field = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        field.map_or("application/octet-stream", |(_, value)| value)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let word = |text: &str| {
            (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        let plain = |b: u8| b == b' ' || b.is_ascii_graphic();
        if !word(&self.endpoint) || !word(&self.message) {
            return Err(Error::Delivery("an endpoint or message has 1 to 200 visible characters"));
        }
        if self.body.len() > MAX_BODY {
            return Err(Error::Delivery("a body has at most 64 KiB"));
        }
        let good = |(name, value): &(String, String)| {
            word(name) && value.len() <= 2048 && value.bytes().all(plain)
        };
        if self.headers.len() > MAX_HEADERS || !self.headers.iter().all(good) {
            return Err(Error::Delivery("at most 16 header fields of visible characters"));
        }
        Ok(())
    }
}

/// What comes of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// To be tried again.
    Retry {
        /// Not before so many seconds, if the receiver said so.
        after: Option<u64>,
        /// What happened.
        why: String,
    },
    /// Given up.
    Dead(String),
    /// The endpoint does not exist any more.
    Gone,
}

/// Judges the result of an attempt: the one that follows `attempts` failed ones.
#[must_use]
pub fn judge(delivery: &Delivery, attempts: u64, result: &Result<Reply, Error>) -> Verdict {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) if error.is_final() => return Verdict::Dead(error.to_string()),
        Err(error) => return Verdict::Retry { after: None, why: error.to_string() },
    };
    let why = format!("status {}{}", reply.status, excerpt(&reply.body));
    let push = delivery.auth == Auth::Vapid;
    match reply.status {
        200..=299 => Verdict::Delivered,
        // RFC 8030, 7.3: the subscription has ended.
        404 | 410 if push => Verdict::Gone,
        410 => Verdict::Dead(why),
        300..=399 => Verdict::Dead(format!("{why}: redirects are not followed")),
        408 | 425 | 429 | 500..=599 => Verdict::Retry { after: reply.retry_after, why },
        _ if push || attempts.saturating_add(1) >= MAX_REFUSALS => Verdict::Dead(why),
        _ => Verdict::Retry { after: reply.retry_after, why },
    }
}

/// Seconds until the next attempt after `failures` failures in a row: exponential with a limit,
/// of which `jitter` (any number) takes away up to a half, so that many that failed together do
/// not come back together.
#[must_use]
pub fn pause(failures: u64, after: Option<u64>, jitter: u64) -> u64 {
    let doublings = u32::try_from(failures.min(16)).unwrap_or(16);
    let full = FIRST_PAUSE_S.saturating_mul(1u64 << doublings).min(MAX_PAUSE_S);
    let half = full.div_ceil(2);
    let pause = half.saturating_add(jitter.checked_rem(half.saturating_add(1)).unwrap_or(0));
    pause.min(full).max(after.unwrap_or(0).min(MAX_PAUSE_S))
}

/// The start of an answer, for the operator: visible ASCII only.
fn excerpt(body: &[u8]) -> String {
    let text: String = body
        .iter()
        .take(120)
        .map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' })
        .collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// A stable message id for something that happened, from what makes it what it is.
#[must_use]
pub fn message_id(parts: &[&[u8]]) -> String {
    let hash = crate::service::ledger::once_key("event", parts).0;
    let short = hash.get(..16).unwrap_or_default();
    format!("evt_{}", b64::encode_url(short))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(status: u16) -> Result<Reply, Error> {
        Ok(Reply { status, retry_after: Some(9), body: b"no\nway".to_vec(), truncated: false })
    }

    #[test]
    fn answers_are_judged() {
        let delivery = Delivery::json("a", "m", "https://a/", Vec::new());
        let push = Delivery { auth: Auth::Vapid, ..delivery.clone() };
        assert_eq!(judge(&delivery, 0, &reply(204)), Verdict::Delivered);
        let why = "status 503: no.way".to_owned();
        assert_eq!(judge(&delivery, 99, &reply(503)), Verdict::Retry { after: Some(9), why });
        for (status, delivery, dead) in
            [(302, &delivery, true), (410, &delivery, true), (404, &delivery, false)]
        {
            let verdict = judge(delivery, 0, &reply(status));
            assert_eq!(matches!(verdict, Verdict::Dead(_)), dead, "{status}");
        }
        assert!(matches!(judge(&delivery, MAX_REFUSALS - 1, &reply(404)), Verdict::Dead(_)));
        assert_eq!(judge(&push, 0, &reply(404)), Verdict::Gone);
        assert_eq!(judge(&push, 0, &reply(410)), Verdict::Gone);
        assert!(matches!(judge(&push, 0, &reply(400)), Verdict::Dead(_)));
        let refused = Err(Error::Url("x"));
        assert!(matches!(judge(&delivery, 0, &refused), Verdict::Dead(_)));
        let away = Err(Error::Unreachable("x".to_owned()));
        assert!(matches!(judge(&delivery, 999, &away), Verdict::Retry { .. }));
    }

    #[test]
    fn authentication_round_trips() {
        for auth in [Auth::Signature, Auth::Vapid, Auth::Token("/a:b".to_owned())] {
            assert_eq!(Auth::from_text(&auth.to_text()), auth);
        }
    }

    #[test]
    fn what_no_queue_takes() {
        let good = Delivery::json("a", "m", "https://a/", Vec::new());
        good.check().unwrap();
        for bad in [
            Delivery { endpoint: String::new(), ..good.clone() },
            Delivery { message: "a\nb".to_owned(), ..good.clone() },
            Delivery { body: vec![0; MAX_BODY + 1], ..good.clone() },
            Delivery { headers: vec![("a".to_owned(), "b\r\nc: d".to_owned())], ..good.clone() },
            Delivery { headers: vec![("a".to_owned(), String::new()); 17], ..good.clone() },
        ] {
            assert_eq!(bad.check().unwrap_err().code(), "outbound.delivery");
        }
    }

    proptest! {
        #[test]
        fn pauses_grow_are_bounded_and_honour_the_receiver(
            failures: u64, after: Option<u64>, jitter: u64,
        ) {
            let pause_s = pause(failures, after, jitter);
            prop_assert!((3..=MAX_PAUSE_S).contains(&pause_s));
            prop_assert!(pause_s >= after.unwrap_or(0).min(MAX_PAUSE_S));
            prop_assert!(pause(failures.saturating_add(2), None, 0) >= pause(failures, None, 0));
        }
    }
}
