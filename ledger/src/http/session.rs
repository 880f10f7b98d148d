//! Signing in and out: the endpoints behind the sign-in page and the command line, and the cookie.
//!
//! A sign-in is an assertion under `placet-signin-v1` over a message of ours. The message is its
//! own proof that we made it, so that nothing is kept for those who have shown nothing yet: nobody
//! can push another's sign-in out by beginning many. One that was used is remembered until it is
//! stale.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use placet_proto::document::Role;
use placet_proto::json::Json;
use placet_proto::sshsig::{self, Namespace};
use placet_proto::{b64, jcs};

use super::App;
use super::approvals::{self, get_options};
use super::auth;
use super::call;
use super::csrf;
use super::problem::Fault;
use crate::Error;
use crate::service::sessions::ABSOLUTE_S;
use crate::service::{Refusal, SessionSecret, SignedIn};
use crate::sync::lock;

/// Seconds for which a message can be signed.
const FRESH_S: u64 = 300;
/// Sign-ins that are remembered within that time; each took a passkey's signature.
const MAX_USED: usize = 65_536;
/// Bytes of a message: 16 random ones, 8 of its end, 32 of the tag.
const MESSAGE: usize = 56;
/// Longest path that a sign-in leads back to, in bytes.
const MAX_NEXT: usize = 1024;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/signin/begin", post(begin))
        .route("/signin/finish", post(finish))
        .route("/signout", post(sign_out))
}

type Body = Result<Bytes, BytesRejection>;

/// What tells our messages from others', and used ones from fresh ones.
pub struct SignIns {
    key: hmac::Key,
    used: Mutex<BTreeMap<(u64, [u8; 16]), ()>>,
}

impl SignIns {
    /// With a key that nobody else ever has: after a restart a sign-in begins anew.
    ///
    /// # Errors
    /// `ledger.random`.
    pub fn new() -> Result<Self, Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| Refusal::Random)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), used: Mutex::default() })
    }

    fn message(&self, now: u64) -> Result<[u8; MESSAGE], Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| Refusal::Random)?;
        let end = now.saturating_add(FRESH_S).to_be_bytes();
        let head = [&nonce[..], &end[..]].concat();
        let tag = hmac::sign(&self.key, &head);
        let mut out = [0; MESSAGE];
        for (to, from) in out.iter_mut().zip(head.iter().chain(tag.as_ref())) {
            *to = *from;
        }
        Ok(out)
    }

    /// When a message ends and its nonce, if it is ours and can still be signed.
    fn read(&self, message: &[u8], now: u64) -> Option<(u64, [u8; 16])> {
        let (head, tag) = message.split_at_checked(24)?;
        hmac::verify(&self.key, head, tag).ok()?;
        let (nonce, end) = head.split_first_chunk::<16>()?;
        let end = u64::from_be_bytes(end.try_into().ok()?);
        let used = lock(&self.used);
        (now < end && !used.contains_key(&(end, *nonce))).then_some((end, *nonce))
    }

    /// Uses a message up; false when another call was faster, or too many are remembered.
    fn use_up(&self, message: (u64, [u8; 16]), now: u64) -> bool {
        let mut used = lock(&self.used);
        *used = used.split_off(&(now, [0; 16]));
        used.len() < MAX_USED && used.insert(message, ()).is_none()
    }
}

impl App {
    /// Starts a session for a person who has just shown possession of this credential: by signing
    /// in, or by enrolling it. Gives the value of a `Set-Cookie` header.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn start_session(
        &self,
        person: &str,
        credential: &[u8],
    ) -> Result<HeaderValue, Fault> {
        let secret = self.new_session(person, credential).await?;
        cookie(self, secret.as_str(), ABSOLUTE_S)
    }

    async fn new_session(&self, person: &str, credential: &[u8]) -> Result<SessionSecret, Fault> {
        let (person, credential) = (person.to_owned(), credential.to_vec());
        Ok(self.run(move |app| app.ledger().start_session(&person, &credential)).await?)
    }
}

/// The secret in the session's cookie.
pub(super) fn secret_in(app: &App, headers: &HeaderMap) -> Option<SessionSecret> {
    let name = cookie_name(app);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut named = all
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let first = named.next()?;
    // Two of one name: somebody else has set one of them.
    if named.next().is_some() {
        return None;
    }
    SessionSecret::parse(first)
}

/// `{}`: a message to be signed. `signed_in` says that there is a session already, for browsers
/// that came by a link of another site and therefore did not show their cookie at first.
async fn begin(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let input = approvals::input(&app, &headers, body)?;
        input.only(&[])?;
        app.0.rates.sign_ins.take(call::address())?;
        let signed_in = auth::by_session(&app, &headers).await?.is_some();
        let message = app.0.sign_ins.message(app.ledger().now().0)?;
        let challenge = sshsig::challenge(Namespace::Signin, &message);
        let options = get_options(&challenge, &app.ledger().config().rp_id, &[]);
        Ok(json(&Json::object([
            ("message", Json::from(b64::encode_url(message))),
            ("namespace", Namespace::Signin.as_str().into()),
            ("options", options),
            ("signed_in", Json::Bool(signed_in)),
        ])))
    })
    .await
}

/// `{message, credential}`: the assertion over the message. Gives a session with a new id, whatever
/// cookie came along, and ends the one that did.
async fn finish(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["message", "credential"])?;
        app.0.rates.sign_ins.take(call::address())?;
        let message = input.bytes("message", MESSAGE)?;
        let now = app.ledger().now().0;
        let stale = || {
            let detail = "this sign-in was used or is too old; begin another";
            Fault::forbidden("signin.message", detail)
        };
        let used = app.0.sign_ins.read(&message, now).ok_or_else(stale)?;
        let signed = input.signed("credential")?;
        let old = secret_in(&app, &headers);
        // In one piece: who is told that the ledger is busy has used nothing up.
        let begun = app.run(move |app| {
            let who = app.ledger().check_sign_in(&message, signed)?;
            if !app.0.sign_ins.use_up(used, now) {
                return Ok(None);
            }
            if let Some(old) = old {
                app.ledger().end_session(&old)?;
            }
            let secret = app.ledger().start_session(&who.person, &who.credential)?;
            Ok(Some((who, secret)))
        });
        let (who, secret) = begun.await?.ok_or_else(stale)?;
        let mut response = json(&signed_in_json(&who, &secret));
        let cookie = cookie(&app, secret.as_str(), ABSOLUTE_S)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        Ok(response)
    })
    .await
}

/// `{}`: ends the session.
async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    reply(async {
        // A session that has ended by itself is signed out, too.
        if let Some(session) = auth::by_session(&app, &headers).await? {
            csrf::check(&app, &headers, &session)?;
        }
        if let Some(secret) = secret_in(&app, &headers) {
            app.run(move |app| app.ledger().end_session(&secret)).await?;
        }
        let mut response = json(&Json::object([("signed_in", Json::Bool(false))]));
        response.headers_mut().insert(header::SET_COOKIE, cookie(&app, "", 0)?);
        Ok(response)
    })
    .await
}

fn signed_in_json(who: &SignedIn, secret: &SessionSecret) -> Json {
    let roles: Vec<Json> = who.roles.iter().map(|role: &Role| role.name().into()).collect();
    Json::object([
        ("person", Json::from(who.person.as_str())),
        ("roles", roles.into()),
        ("csrf", secret.csrf().into()),
    ])
}

/// A path of this server and no other address; anything else leads to the queue.
pub(super) fn local_next(next: Option<&str>) -> &str {
    const DEFAULT: &str = "/approve";
    let Some(next) = next else { return DEFAULT };
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    // `//host` and `/\host` are other servers to a browser.
    let local = next.starts_with('/') && !next.starts_with("//");
    match plain && local && next.len() <= MAX_NEXT && !next.starts_with("/signin") {
        true => next,
        false => DEFAULT,
    }
}

/// A path as the value of `next`.
pub(super) fn encode_next(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes().take(MAX_NEXT) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `__Host-` binds the cookie to this host and to https; browsers take it over https only.
fn cookie_name(app: &App) -> &'static str {
    match is_https(app) {
        true => "__Host-placet",
        false => "placet",
    }
}

fn is_https(app: &App) -> bool {
    app.ledger().config().public_url.starts_with("https://")
}

fn cookie(app: &App, value: &str, max_age_s: u64) -> Result<HeaderValue, Fault> {
    let name = cookie_name(app);
    let secure = if is_https(app) { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Fault::bad_request("no cookie"))
}

fn json(value: &Json) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (headers, jcs::to_bytes(value)).into_response()
}

async fn reply(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(|fault| fault.response("/signin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_ours_fresh_and_used_once() {
        let ours = SignIns::new().unwrap();
        let message = ours.message(1000).unwrap();
        let read = ours.read(&message, 1000 + FRESH_S - 1).unwrap();
        assert!(ours.read(&message, 1000 + FRESH_S).is_none(), "stale");
        assert!(SignIns::new().unwrap().read(&message, 1000).is_none(), "another service's");
        for at in 0..MESSAGE {
            let mut other = message;
            other[at] ^= 1;
            assert!(ours.read(&other, 1000).is_none(), "{at}");
        }
        assert!(ours.read(&message[1..], 1000).is_none() && ours.read(&[], 1000).is_none());
        assert!(ours.use_up(read, 1000) && !ours.use_up(read, 1000));
        assert!(ours.read(&message, 1000).is_none(), "used");
        let later = ours.read(&ours.message(2000).unwrap(), 2000).unwrap();
        assert!(ours.use_up(later, 2000));
        assert_eq!(lock(&ours.used).len(), 1, "what is stale is forgotten");
    }

    #[test]
    fn a_sign_in_leads_back_to_a_path_of_ours_only() {
        for good in ["/", "/approve/x?as=y#z", "/people/me"] {
            assert_eq!(local_next(Some(good)), good);
        }
        let long = format!("/{}", "x".repeat(MAX_NEXT));
        for bad in [
            "",
            "approve",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/a b",
            "/\n",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/signin?next=/",
            &long,
        ] {
            assert_eq!(local_next(Some(bad)), "/approve", "{bad}");
        }
        assert_eq!(local_next(None), "/approve");
        assert_eq!(encode_next("/a?b=c&d=%20"), "/a%3Fb%3Dc%26d%3D%2520");
    }
}
