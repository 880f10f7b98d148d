//! A person: signs in, keeps the queue open, which follows the service's events as the page's
//! script does, reads requests and answers them.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use placet_softkey::SoftKey;
use serde_json::{Value, json};

use super::Rng;
use super::client::{Client, base64url, credential, from_base64url};

/// From an event to the look at the queue: `DELAY_MS` and `SPREAD_MS` of queue.js.
const DELAY: Duration = Duration::from_millis(250);
const SPREAD_MS: u64 = 750;
/// A person looks after this time without an event, as events.js does.
const LOOK: Duration = Duration::from_secs(10);
/// From reading a request to the answer, in milliseconds.
const READ_MS: std::ops::Range<u64> = 200..2000;
/// So many persons feel called upon by one request, and race for it.
const CALLED: usize = 2;
/// One answer in so many is a denial.
const DENY_EVERY: u64 = 10;
/// States that a request comes to when it comes into the queue or leaves it.
const QUEUE: [&str; 5] = ["open", "approved", "denied", "expired", "cancelled"];
/// Before a stream that ended is opened again: `retry` of the stream.
const RETRY: Duration = Duration::from_secs(3);

/// See the module.
pub struct Person {
    client: Client,
    key: SoftKey,
    n: usize,
    of: usize,
    rng: Rng,
}

/// An answer, as it was acknowledged.
pub struct Acknowledged {
    pub request: String,
    /// Of its entry in the main log.
    pub index: u64,
    pub denial: bool,
}

/// What a person saw.
#[derive(Default)]
pub struct Seen {
    /// How long each page took.
    pub pages: Vec<Duration>,
    /// Answers that were acknowledged.
    pub answers: Vec<Acknowledged>,
    /// Others were faster, or the request had ended.
    pub late: u64,
    pub events: u64,
}

impl Person {
    /// Number `n` of `of` persons.
    pub fn sign_in(client: Client, (n, of): (usize, usize), mut key: SoftKey) -> Self {
        let begun = client.post("/signin/begin", &json!({})).json(200);
        let challenge = from_base64url(&begun["options"]["challenge"]);
        let signed = credential(&key.assert(&challenge, client.origin()));
        let body = json!({"message": begun["message"], "credential": signed});
        let answer = client.post("/signin/finish", &body);
        let csrf = answer.json(200)["csrf"].as_str().expect("a session has a token").to_owned();
        let cookie = answer.cookie.expect("a session has a cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let client = client.with("Cookie", cookie).with("X-CSRF-Token", csrf);
        Self { client, key, n, of, rng: Rng::new(n as u64) }
    }

    /// Works until no agent asks any more.
    pub fn answer_on(mut self, asking: &AtomicUsize, latest: Instant) -> Seen {
        let mut seen = Seen::default();
        let (hears, heard) = sync_channel(1);
        let client = self.client.clone();
        // It ends with the service, when nobody waits for it any more.
        std::thread::spawn(move || listen(&client, &hears));
        let mut count = 0;
        while asking.load(Ordering::SeqCst) > 0 && Instant::now() < latest {
            let queue = self.page("/approve", &mut seen);
            let mut requests = requests_in(&queue);
            requests.retain(|request| self.is_called(request));
            for request in requests {
                count += 1;
                let denial = (count + self.n as u64).is_multiple_of(DENY_EVERY);
                self.answer(&request, denial, &mut seen);
            }
            if wait(&heard, LOOK) {
                seen.events += 1;
            }
            std::thread::sleep(DELAY + Duration::from_millis(self.rng.below(SPREAD_MS)));
            // What came meanwhile is seen by the same look.
            while heard.try_recv().is_ok() {}
        }
        seen
    }

    /// A request calls upon few of all persons, always on the same.
    fn is_called(&self, request: &str) -> bool {
        let start = u64::from_str_radix(request.get(..8).unwrap_or("0"), 16).unwrap_or_default();
        let start = start as usize % self.of;
        (0..CALLED).any(|k| (start + k) % self.of == self.n)
    }

    fn page(&self, path: &str, seen: &mut Seen) -> String {
        let answer = self.client.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        seen.pages.push(answer.took);
        answer.text
    }

    fn answer(&mut self, request: &str, denial: bool, seen: &mut Seen) {
        let page = self.page(&format!("/approve/{request}"), seen);
        std::thread::sleep(Duration::from_millis(
            READ_MS.start + self.rng.below(READ_MS.end - READ_MS.start),
        ));
        let to_sign = match denial {
            false => prepared_in(&page),
            true => self.opened(request),
        };
        let Some(to_sign) = to_sign else {
            seen.late += 1;
            return;
        };
        let challenge = from_base64url(&to_sign["options"]["challenge"]);
        let signed = credential(&self.key.assert(&challenge, self.client.origin()));
        let body = json!({"document": to_sign["document"], "credential": signed});
        let answered = self.client.post(&format!("/approve/{request}/answer"), &body);
        if is_late(answered.status, &answered.code()) {
            seen.late += 1;
            return;
        }
        let answered: Value = answered.json(200);
        let index = answered["index"].as_u64().expect("an answer has an index");
        seen.answers.push(Acknowledged { request: request.to_owned(), index, denial });
    }

    /// A denial with its reason, to be signed; nothing when the request has ended.
    fn opened(&self, request: &str) -> Option<Value> {
        let credential = base64url(self.key.credential_id());
        let open = json!({"credential": credential, "denial": true, "reason": "not now"});
        let opened = self.client.post(&format!("/approve/{request}/open"), &open);
        (!is_late(opened.status, &opened.code())).then(|| opened.json(200))
    }
}

/// Two persons at one request: the second is told so, and nothing else.
fn is_late(status: u16, code: &str) -> bool {
    let ended = ["request.state", "request.ended", "answer.repeated"].contains(&code);
    assert!(ended || status == 200, "{status} {code}");
    ended
}

/// Waits for an event; whether there was one.
fn wait(heard: &Receiver<()>, longest: Duration) -> bool {
    match heard.recv_timeout(longest) {
        Ok(()) => true,
        Err(RecvTimeoutError::Timeout) => false,
        Err(RecvTimeoutError::Disconnected) => {
            std::thread::sleep(longest);
            false
        }
    }
}

/// Tells of every event that concerns the queue, until nobody wants to know any more.
fn listen(client: &Client, hears: &SyncSender<()>) {
    loop {
        let Some(stream) = client.stream("/events") else { return };
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let data: Value = serde_json::from_str(data).expect("events are JSON");
            let told = data["state"].as_str().is_some_and(|state| QUEUE.contains(&state));
            if told && hears.try_send(()) == Err(TrySendError::Disconnected(())) {
                return;
            }
        }
        std::thread::sleep(RETRY);
    }
}

/// The document that a page has prepared; nothing when its request has ended.
fn prepared_in(page: &str) -> Option<Value> {
    let (_, rest) = page.split_once("data-prepared=\"")?;
    let (text, _) = rest.split_once('"')?;
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    Some(serde_json::from_str(&text.replace("&amp;", "&")).expect("it is JSON"))
}

/// The requests that a page links to.
fn requests_in(page: &str) -> Vec<String> {
    const LINK: &str = "href=\"/approve/";
    let rest = page.split(LINK).skip(1).filter_map(|rest| rest.get(..36));
    let mut found: Vec<String> = rest.filter(|id| is_uuid(id)).map(str::to_owned).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn is_uuid(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}
