//! Web Push: browsers that their persons asked to be told by.
//!
//! A subscription is a URL at a push service of the browser's maker and two keys. It belongs to the
//! passkey by which its person was signed in: what that passkey may no longer do, its browser is no
//! longer told. Messages are encrypted to the browser and hold the least that is of use.

use std::sync::Arc;

use placet_proto::document::{Quorum, Role};
use placet_proto::json::Json;
use placet_proto::{b64, jcs};
use rusqlite::params;

use super::message::Message;
use super::webhooks::is_over;
use crate::Error;
use crate::outbound::client::Method;
use crate::outbound::delivery::{Auth, PUSH};
use crate::outbound::store::{Store, int};
use crate::outbound::webpush::{self, Receiver};
use crate::outbound::{Delivery, Event, EventKind, Source};
use crate::service::{Ledger, Refusal};

/// Browsers of one person.
pub const MAX_PER_PERSON: u32 = 8;
/// Browsers of all.
const MAX_ALL: u32 = 10_000;
/// Seconds for which a push service keeps a message that has no deadline.
const KEEP_S: u64 = 86_400;

/// A browser that wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose it is.
    pub person: String,
    /// The passkey by which its person was signed in.
    pub credential: Vec<u8>,
    /// The URL at its push service.
    pub url: String,
    /// Its keys.
    pub receiver: Receiver,
}

impl Subscription {
    /// Its id, which names it without telling its URL: whoever knows that can push.
    #[must_use]
    pub fn id(&self) -> String {
        id_of(&self.url)
    }
}

/// The id of the subscription with this URL.
#[must_use]
pub fn id_of(url: &str) -> String {
    let hash = placet_proto::sha256_parts(&[b"placet-push/0", url.as_bytes()]);
    b64::encode_url(hash.get(..16).unwrap_or_default())
}

impl Ledger {
    /// Keeps a subscription, in place of one with the same URL; the oldest of its person makes
    /// room.
    ///
    /// # Errors
    /// `outbound.url`, `outbound.address`, `request.invalid` for keys that are none,
    /// `ledger.limit`, `ledger.sqlite`.
    pub fn subscribe(&self, subscription: &Subscription) -> Result<(), Error> {
        self.outbound().check_url(&subscription.url)?;
        // Keys that can't be used are refused now, and not at the first message.
        webpush::encrypt(&subscription.receiver, b"")?;
        let s = subscription;
        let full = self.outbound().store().with(|c| {
            let t = c.transaction()?;
            let all: u32 = t.query_row("SELECT count(*) FROM subscription", [], |r| r.get(0))?;
            if all >= MAX_ALL {
                return Ok(true);
            }
            t.execute(
                "INSERT OR REPLACE INTO subscription VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    s.id(),
                    s.person,
                    s.credential,
                    s.url,
                    s.receiver.p256dh,
                    s.receiver.auth,
                    int(self.now().0)
                ],
            )?;
            t.execute(
                "DELETE FROM subscription WHERE person = ?1 AND id NOT IN (SELECT id FROM \
                 subscription WHERE person = ?1 ORDER BY id = ?3 DESC, created DESC LIMIT ?2)",
                params![s.person, MAX_PER_PERSON, s.id()],
            )?;
            t.commit()?;
            Ok(false)
        })?;
        match full {
            false => Ok(()),
            true => Err(Refusal::Limit("push subscriptions").into()),
        }
    }

    /// Forgets a person's subscription with this URL; whether there was one.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn unsubscribe(&self, person: &str, url: &str) -> Result<bool, Error> {
        let id = id_of(url);
        let removed = self.outbound().store().with(|c| {
            let sql = "DELETE FROM subscription WHERE id = ?1 AND person = ?2";
            c.execute(sql, params![id, person])
        })?;
        if removed > 0 {
            self.outbound().store().gone(&format!("{PUSH}{id}"))?;
        }
        Ok(removed > 0)
    }

    /// What browsers bind their subscriptions to: `applicationServerKey`.
    ///
    /// # Errors
    /// `key.file`.
    pub fn push_key(&self) -> Result<String, Error> {
        Ok(b64::encode_url(webpush::point(&self.service_keys.push)?))
    }
}

/// The subscribed browsers.
#[derive(Debug)]
pub struct Push {
    store: Arc<Store>,
}

impl Push {
    /// A source for the subscriptions in this store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    fn all(&self) -> Result<Vec<Subscription>, Error> {
        self.store.with(|c| {
            c.prepare_cached(
                "SELECT person, credential, url, p256dh, auth FROM subscription ORDER BY id",
            )?
            .query_map([], |r| {
                let receiver = Receiver { p256dh: r.get(3)?, auth: r.get(4)? };
                Ok(Subscription {
                    person: r.get(0)?,
                    credential: r.get(1)?,
                    url: r.get(2)?,
                    receiver,
                })
            })?
            .collect()
        })
    }
}

impl Source for Push {
    fn wanted(&self) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM subscription)";
        self.store.with(|c| c.query_row(sql, [], |r| r.get(0))).unwrap_or(true)
    }

    fn deliveries(&self, ledger: &Ledger, event: &Event) -> Result<Vec<Delivery>, Error> {
        let Some(audience) = audience(event.kind) else { return Ok(Vec::new()) };
        let subscriptions = self.all()?;
        if subscriptions.is_empty() || is_over(ledger, event)? {
            return Ok(Vec::new());
        }
        let quorum = match (&event.request, event.kind) {
            (Some(request), EventKind::RequestOpened) => ledger.request(request)?.decision.quorum,
            _ => None,
        };
        let message = Message::of(ledger, event, None)?;
        let plaintext = payload(&message);
        let mut out = Vec::new();
        for subscription in subscriptions {
            let roles = ledger.roles_now(&subscription.credential)?;
            if roles.is_empty() {
                // Revoked, or without a role: the browser is forgotten.
                ledger.unsubscribe(&subscription.person, &subscription.url)?;
            } else if (audience.is_empty() || audience.iter().any(|role| roles.contains(role)))
                && quorum.as_ref().is_none_or(|q| counts(q, &subscription.person, &roles))
            {
                out.push(delivery(&subscription, &message, &plaintext, ledger.now().0)?);
            }
        }
        Ok(out)
    }
}

/// Who is told; everybody if the list is empty.
fn audience(kind: EventKind) -> Option<&'static [Role]> {
    match kind {
        EventKind::RequestOpened => Some(&[Role::Approver]),
        EventKind::EnrolmentWaiting | EventKind::CredentialRevoked => Some(&[Role::Administrator]),
        EventKind::RecoveryAnnounced => Some(&[]),
        _ => None,
    }
}

/// Whether an answer of this person would count; who is not asked is not disturbed.
fn counts(quorum: &Quorum, person: &str, roles: &[Role]) -> bool {
    let anybody = quorum.people.is_empty() && quorum.roles.is_empty();
    anybody
        || quorum.people.iter().any(|named| named == person)
        || quorum.roles.iter().any(|role| roles.contains(role))
}

/// What the service worker shows: no word of the agent's.
fn payload(message: &Message) -> Vec<u8> {
    let mut lines = Vec::new();
    lines.extend(message.code.as_ref().map(|code| format!("Code {code}")));
    lines.extend(message.risk.as_ref().map(|risk| format!("risk {risk}")));
    let deadline = message.deadline.map(|at| at.to_string()).unwrap_or_default();
    jcs::to_bytes(&Json::object([
        ("title", Json::from(message.title)),
        ("body", lines.join(", ").as_str().into()),
        ("deadline", deadline.as_str().into()),
        ("link", message.link.as_str().into()),
        ("tag", message.request.as_deref().unwrap_or(&message.id).into()),
    ]))
}

fn delivery(
    subscription: &Subscription,
    message: &Message,
    plaintext: &[u8],
    now: u64,
) -> Result<Delivery, Error> {
    let ttl = message.deadline.map_or(KEEP_S, |at| at.0.saturating_sub(now)).min(28 * KEEP_S);
    let field = |name: &str, value: String| (name.to_owned(), value);
    // RFC 8030, 5.4: a newer message about the same request replaces one that still waits.
    let topic = id_of(message.request.as_deref().unwrap_or(&message.id));
    Ok(Delivery {
        request: message.request.clone(),
        endpoint: format!("{PUSH}{}", subscription.id()),
        message: message.id.clone(),
        method: Method::Post,
        url: subscription.url.clone(),
        headers: vec![
            field("content-type", "application/octet-stream".to_owned()),
            field("content-encoding", "aes128gcm".to_owned()),
            field("ttl", ttl.to_string()),
            field("urgency", "high".to_owned()),
            field("topic", topic),
        ],
        body: webpush::encrypt(&subscription.receiver, plaintext)?,
        auth: Auth::Vapid,
        expires: message.deadline,
    })
}
