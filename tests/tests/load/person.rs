//! A person: signs in, looks at the queue, reads a request, answers it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use placet_softkey::SoftKey;
use serde_json::{Value, json};

use super::client::{Client, ORIGIN, base64url, credential, from_base64url};

/// A person looks at the queue so often.
const LOOK: Duration = Duration::from_secs(5);
/// One answer in so many is a denial.
const DENY_EVERY: u64 = 10;

/// See the module.
pub struct Person {
    client: Client,
    key: SoftKey,
    n: u32,
}

/// What a person saw.
#[derive(Default)]
pub struct Seen {
    /// How long each page took.
    pub pages: Vec<Duration>,
    pub approved: u64,
    pub denied: u64,
    /// Others were faster, or the request had ended.
    pub late: u64,
}

impl Person {
    pub fn sign_in(url: &str, n: u32, mut key: SoftKey) -> Self {
        let client = Client::new(url, 1, n);
        let begun = client.post("/signin/begin", &json!({})).json(200);
        let challenge = from_base64url(&begun["options"]["challenge"]);
        let signed = credential(&key.assert(&challenge, ORIGIN));
        let body = json!({"message": begun["message"], "credential": signed});
        let answer = client.post("/signin/finish", &body);
        let csrf = answer.json(200)["csrf"].as_str().expect("a session has a token").to_owned();
        let cookie = answer.cookie.expect("a session has a cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let client = client.with("Cookie", cookie).with("X-CSRF-Token", csrf);
        Self { client, key, n }
    }

    /// Works until no agent asks any more.
    pub fn answer_on(mut self, asking: &AtomicUsize, latest: Instant) -> Seen {
        let mut seen = Seen::default();
        // So that not all of them look at the same moment.
        let mut next = Instant::now() + LOOK * (self.n % 64) / 64;
        let mut round = u64::from(self.n);
        while asking.load(Ordering::SeqCst) > 0 && Instant::now() < latest {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += LOOK;
            round = round
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let queue = self.page("/approve", &mut seen);
            let waiting = requests_in(&queue);
            if waiting.is_empty() {
                continue;
            }
            // Each begins somewhere else, or all would answer the first.
            let start = (round >> 33) as usize % waiting.len();
            for request in waiting.iter().cycle().skip(start).take(2.min(waiting.len())) {
                self.answer(request, round >> 17, &mut seen);
            }
        }
        seen
    }

    fn page(&self, path: &str, seen: &mut Seen) -> String {
        let answer = self.client.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        seen.pages.push(answer.took);
        answer.text
    }

    fn answer(&mut self, request: &str, round: u64, seen: &mut Seen) {
        self.page(&format!("/approve/{request}"), seen);
        let denial = round.is_multiple_of(DENY_EVERY);
        let mut open = json!({"credential": base64url(self.key.credential_id()), "denial": denial});
        if denial {
            open["reason"] = json!("not now");
        }
        let opened = self.client.post(&format!("/approve/{request}/open"), &open);
        if self.is_late(opened.status, &opened.code()) {
            seen.late += 1;
            return;
        }
        let opened = opened.json(200);
        let challenge = from_base64url(&opened["options"]["challenge"]);
        let signed = credential(&self.key.assert(&challenge, ORIGIN));
        let body = json!({"document": opened["document"], "credential": signed});
        let answered = self.client.post(&format!("/approve/{request}/answer"), &body);
        if self.is_late(answered.status, &answered.code()) {
            seen.late += 1;
            return;
        }
        let answered: Value = answered.json(200);
        assert!(answered["index"].is_u64(), "{answered}");
        match denial {
            true => seen.denied += 1,
            false => seen.approved += 1,
        }
    }

    /// Two persons at one request: the second is told so, and nothing else.
    fn is_late(&self, status: u16, code: &str) -> bool {
        let ended = ["request.state", "request.ended", "answer.repeated"].contains(&code);
        assert!(ended || status == 200, "{status} {code}");
        ended
    }
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
