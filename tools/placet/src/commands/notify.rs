//! `notify`: whether those who shall be told can be told, and what waits for them.

use std::path::Path;
use std::sync::Arc;

use placet_ledger::Dir;
use placet_ledger::notify::message::Message;
use placet_ledger::notify::templates;
use placet_ledger::outbound::delivery::{Verdict, judge};
use placet_ledger::outbound::store::{EndpointStatus, Store};
use placet_ledger::outbound::{Event, EventKind, FILE_NAME, Sender};
use placet_ledger::service::keys::ServiceKeys;
use placet_ledger::service::{Clock as _, SystemClock, settings};
use serde::Serialize;

use crate::cli::Notify;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Sends a test, shows the queue, or tries dead letters again.
///
/// # Errors
/// Those of the folder; `config.invalid`, `key.file`, `ledger.sqlite`.
pub fn run(command: &Notify, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Notify::Test { dir, name } => {
            let tested = test(dir, name.as_deref())?;
            let good = tested.targets.iter().all(|target| target.ok);
            output.show(&tested)?;
            Ok(if good { Exit::Done } else { Exit::Refused })
        }
        Notify::Status { dir } => {
            output.show(&status(dir)?)?;
            Ok(Exit::Done)
        }
        Notify::Retry { dir, endpoint } => {
            let store = Store::open(&queue(dir)?)?;
            let queued = store.revive(endpoint, SystemClock.now())?;
            let endpoint = endpoint.clone();
            output.show(&Retried { schema: "placet/notify-retry/v1", endpoint, queued })?;
            Ok(Exit::Done)
        }
    }
}

#[derive(Debug, Serialize)]
struct Tested {
    schema: &'static str,
    targets: Vec<Target>,
}

/// What one target said.
#[derive(Debug, Serialize)]
struct Target {
    name: String,
    ok: bool,
    detail: String,
}

/// Sends to the targets themselves, at once and once; what waits for them is left alone.
fn test(root: &Path, name: Option<&str>) -> Result<Tested, Failure> {
    let dir = Dir::open_read_only(root)?;
    let config = settings::of_folder(root)?;
    let keys = ServiceKeys::load(&dir)?;
    let sender = Sender::new(&dir, &config, &keys, Arc::new(SystemClock))?;
    let wanted = config.notify.iter().filter(|target| name.is_none_or(|n| n == target.name));
    let now = SystemClock.now();
    let nonce = now.0.to_be_bytes();
    let event = Event::of_person(EventKind::Test, None, &nonce, now);
    let message = Message::bare(&event, &config.public_url);
    let mut targets = Vec::new();
    for target in wanted {
        let delivery = templates::delivery(target, &message);
        let result = sender.send(&delivery)?;
        let (ok, detail) = match judge(&delivery, 0, &result) {
            Verdict::Delivered => (true, "delivered".to_owned()),
            Verdict::Retry { why, .. } => (false, why),
            Verdict::Dead(why) => (false, why),
            Verdict::Gone => (false, "gone".to_owned()),
        };
        targets.push(Target { name: target.name.clone(), ok, detail });
    }
    match (targets.is_empty(), name) {
        (true, Some(name)) => {
            Err(Failure::Usage(format!("placet.toml has no `notify` target {name:?}")))
        }
        _ => Ok(Tested { schema: "placet/notify-test/v1", targets }),
    }
}

impl Shown for Tested {
    fn text(&self) -> String {
        if self.targets.is_empty() {
            return "placet.toml has no `notify` targets\n".to_owned();
        }
        let line = |t: &Target| {
            format!("{}  {}: {}\n", if t.ok { "ok    " } else { "FAILED" }, t.name, t.detail)
        };
        self.targets.iter().map(line).collect()
    }
}

#[derive(Debug, Serialize)]
struct Status {
    schema: &'static str,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Serialize)]
struct Endpoint {
    name: String,
    pending: u64,
    delivered: u64,
    dead: u64,
    failures: u64,
    last_success: Option<String>,
    last_failure: Option<String>,
    last_error: Option<String>,
    /// When the next attempt is due, if something waits.
    next_attempt: Option<String>,
}

fn status(root: &Path) -> Result<Status, Failure> {
    let path = queue(root)?;
    let endpoints = match path.exists() {
        true => Store::open_read_only(&path)?.status()?,
        false => Vec::new(),
    };
    let endpoints = endpoints.into_iter().map(endpoint).collect();
    Ok(Status { schema: "placet/notify-status/v1", endpoints })
}

fn endpoint(status: EndpointStatus) -> Endpoint {
    let time = |at: placet_proto::time::UnixSeconds| at.to_string();
    Endpoint {
        name: status.name,
        pending: status.pending,
        delivered: status.delivered,
        dead: status.dead,
        failures: status.failures,
        last_success: status.last_success.map(time),
        last_failure: status.last_failure.map(time),
        last_error: status.last_error,
        next_attempt: (status.pending > 0).then(|| time(status.next_at)),
    }
}

impl Shown for Status {
    fn text(&self) -> String {
        if self.endpoints.is_empty() {
            return "nothing was ever sent\n".to_owned();
        }
        let mut out = String::new();
        for e in &self.endpoints {
            out.push_str(&format!(
                "{}\n  {} waiting, {} delivered, {} given up\n",
                e.name, e.pending, e.delivered, e.dead
            ));
            if let Some(at) = &e.last_success {
                out.push_str(&format!("  last success {at}\n"));
            }
            if let (Some(at), Some(error)) = (&e.last_failure, &e.last_error) {
                out.push_str(&format!("  last failure {at}: {error}\n"));
            }
            if let Some(at) = &e.next_attempt {
                out.push_str(&format!("  next attempt {at}\n"));
            }
        }
        out
    }
}

#[derive(Debug, Serialize)]
struct Retried {
    schema: &'static str,
    endpoint: String,
    queued: u64,
}

impl Shown for Retried {
    fn text(&self) -> String {
        format!("{}: {} dead letters wait again\n", self.endpoint, self.queued)
    }
}

/// The database, which a running service may write at the same time.
fn queue(root: &Path) -> Result<std::path::PathBuf, Failure> {
    Ok(Dir::open_read_only(root)?.state().join(FILE_NAME))
}
