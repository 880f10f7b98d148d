//! `log mirror`: following the logs of somebody else into a copy.

use std::path::Path;
use std::time::Duration;

use placet_ledger::mirror::{Error, Filled, HttpRemote, Keys, Mirror, Service, Step};
use placet_proto::b64;
use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::VerifierKey;
use placet_proto::trust::{MAX_TRUST, TrustFile, TrustedLog};
use placet_verifier::notes::LogTrust;
use placet_verify::escape;
use serde::Serialize;

use crate::cli::Mirror as Args;
use crate::client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder;
use crate::output::{Output, Shown};

/// One file, connection and answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest wait after failures, in seconds, where the interval is not longer.
const MAX_WAIT_S: u64 = 300;

/// Follows one log or the two of a ledger.
///
/// # Errors
/// With `--once` whatever stops a step; else what no later attempt can mend.
pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut followed = open(args)?;
    let mut failures = 0_u32;
    loop {
        let (mut failed, mut more, mut wait) = (false, false, args.interval);
        for log in &mut followed {
            match round(log, output) {
                Ok(goes_on) => more |= goes_on,
                Err(Failure::Mirror(error)) if !args.once && error.is_passing() => {
                    output.say(&format!("{}: {}  [{}]", log.name, shown(&error), error.code()));
                    failed = true;
                    if let Error::Status { retry_after: Some(seconds), .. } = error {
                        wait = wait.max(seconds);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        if args.once && !more || output.is_cut() {
            return Ok(Exit::Done);
        }
        failures = if failed { failures.saturating_add(1) } else { 0 };
        if more && !failed {
            continue;
        }
        std::thread::sleep(Duration::from_secs(if failed {
            back_off(failures, wait)
        } else {
            wait
        }));
    }
}

/// Seconds before attempt number `failures` + 1: 1, 2, 4, and so on, to the interval or five
/// minutes; never sooner than the server wants where that is longer.
fn back_off(failures: u32, wait: u64) -> u64 {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    doubled.min(wait.max(MAX_WAIT_S))
}

/// A log with the words for it.
struct Followed {
    /// Its origin, escaped.
    name: String,
    mirror: Mirror,
    shown: bool,
}

fn open(args: &Args) -> Result<Vec<Followed>, Failure> {
    if let Some(vkey) = &args.vkey {
        let key = VerifierKey::parse(vkey).map_err(|e| Failure::Usage(format!("--vkey: {e}")))?;
        let origin = args.origin.clone().unwrap_or_else(|| key.name().to_owned());
        let name = escape::line(&origin);
        let keys = Keys::Key { origin, key: Box::new(key) };
        let mirror = Mirror::open(&args.out, keys, remote(args, "", None)?, None)?;
        return Ok(vec![Followed { name, mirror, shown: false }]);
    }
    let Some(path) = &args.trust else {
        return Err(Failure::Usage("give --trust TRUST or --vkey VKEY".to_owned()));
    };
    let bytes = folder::read(path, MAX_TRUST as u64)?;
    let trust = TrustFile::parse(&bytes).map_err(|e| Failure::proto(path, &e))?;
    let [main, gov] = ledger(&trust, args.ledger.as_deref())?;
    // The governance log last: it has to close what the main log holds.
    Ok(vec![follow(args, path, main, "log", "main")?, follow(args, path, gov, "gov", "gov")?])
}

fn follow(
    args: &Args,
    path: &Path,
    log: &TrustedLog,
    folder: &str,
    name: &'static str,
) -> Result<Followed, Failure> {
    let trust = LogTrust::new(log).map_err(|e| Failure::Malformed {
        what: path.display().to_string(),
        code: e.code,
        detail: e.detail,
    })?;
    let token = args.token_file.as_deref().filter(|_| !args.no_bodies);
    let bodies = token.is_some();
    let service = Some(Service { server: remote(args, "", token)?, log: name, bodies });
    let keys = Keys::Trusted(Box::new(trust));
    let mirror = Mirror::open(&args.out.join(folder), keys, remote(args, folder, None)?, service)?;
    Ok(Followed { name: escape::line(&log.origin), mirror, shown: false })
}

/// A server below the URL. What is public needs no TLS, for all of it is checked; a token does.
fn remote(args: &Args, folder: &str, token: Option<&Path>) -> Result<Box<HttpRemote>, Failure> {
    let base = match token {
        Some(_) => client::checked_base(&args.url)?,
        None => args.url.trim_end_matches('/'),
    };
    if !base.starts_with("https://") && !base.starts_with("http://") {
        return Err(Failure::Usage("the URL starts with https:// or http://".to_owned()));
    }
    let token = token.map(client::read_token).transpose()?;
    let agent = client::agent(&args.tls, TIMEOUT)?;
    let base = if folder.is_empty() { base.to_owned() } else { format!("{base}/{folder}") };
    Ok(Box::new(HttpRemote::new(agent, &base, token)))
}

/// The two logs of one ledger of the trust file.
fn ledger<'a>(trust: &'a TrustFile, wanted: Option<&str>) -> Result<[&'a TrustedLog; 2], Failure> {
    let mut mains = trust.logs.iter().filter(|log| {
        log.role == LogRole::Main && wanted.is_none_or(|origin| log.origin == origin)
    });
    let (Some(main), None) = (mains.next(), mains.next()) else {
        let detail = "the trust file knows none or several such ledgers: choose one with --ledger";
        return Err(Failure::Usage(detail.to_owned()));
    };
    let name = format!("{}/gov", main.origin);
    let gov = trust.logs.iter().find(|log| log.role == LogRole::Gov && log.origin == name);
    let gov = gov.ok_or_else(|| Failure::Usage(format!("the trust file knows no log {name}")))?;
    Ok([main, gov])
}

/// What is said of a log that misbehaved, with the evidence on the disk before anybody hears of it.
fn caught(log: &Followed, evidence: Box<Misbehaviour>, detail: String) -> Result<Failure, Failure> {
    let path = log.mirror.copy().keep_evidence(&evidence)?;
    let (name, path) = (&log.name, path.display());
    let detail = format!(
        "{detail}\n  log       {name}\n  evidence  {path}\n  Show it to others: placet-verify \
         consistency {path} --trust TRUST"
    );
    Ok(Error::Misbehaved { evidence, detail }.into())
}

/// One look at one log. Says whether more is there already.
fn round(log: &mut Followed, output: &mut Output) -> Result<bool, Failure> {
    let step = match log.mirror.step() {
        Err(Error::Misbehaved { evidence, detail }) => return Err(caught(log, evidence, detail)?),
        other => other?,
    };
    let filled = match log.mirror.fill() {
        Err(Error::Misbehaved { evidence, detail }) => return Err(caught(log, evidence, detail)?),
        other => other?,
    };
    let event = event(log, step, filled);
    // Silence where nothing happened, but the first look is always told.
    let came = event.statements > 0 || event.notes > 0 || event.notes_left_out > 0;
    if !log.shown || event.event != "unchanged" || came {
        log.shown = true;
        output.show(&event)?;
    }
    Ok(filled.more)
}

/// What a look at a log came to.
#[derive(Debug, Serialize)]
struct Event {
    schema: &'static str,
    origin: String,
    copy: String,
    /// `unchanged`, `renewed`, `stale` or `grown`.
    event: &'static str,
    /// Of `grown`: the size before.
    from: Option<u64>,
    /// Of `stale`: the size that was shown.
    shown: Option<u64>,
    size: u64,
    root: String,
    /// Statements that were copied now.
    statements: u64,
    /// Of these, how many the service has not: erased, or withheld.
    absent: u64,
    /// Notes that were published, and copied now.
    notes: u64,
    /// Notes that were listed and are not such that a verifier takes them, or too many.
    notes_left_out: u64,
}

fn event(log: &Followed, step: Step, filled: Filled) -> Event {
    let (event, from, shown) = match step {
        Step::Unchanged => ("unchanged", None, None),
        Step::Renewed => ("renewed", None, None),
        Step::Stale { size } => ("stale", None, Some(size)),
        Step::Grown { from, .. } => ("grown", Some(from), None),
    };
    let kept = log.mirror.kept().map(|noted| noted.signed.checkpoint());
    Event {
        schema: "placet/log-mirror/v1",
        origin: log.name.clone(),
        copy: log.mirror.copy().root().display().to_string(),
        event,
        from,
        shown,
        size: kept.map_or(0, |c| c.size),
        root: kept.map(|c| b64::encode_hex(c.root)).unwrap_or_default(),
        statements: filled.fetched,
        absent: filled.absent,
        notes: filled.notes,
        notes_left_out: filled.left_out,
    }
}

impl Shown for Event {
    fn text(&self) -> String {
        let Self { origin, event, size, root, .. } = self;
        let what = match (self.from, self.shown) {
            (Some(from), _) => format!("grown from {from} to {size}"),
            (_, Some(shown)) => format!("shown at {shown} again, which is older than {size}"),
            _ => format!("{event} at {size}"),
        };
        let statements = match (self.statements, self.absent) {
            (0, _) => String::new(),
            (n, 0) => format!(", {n} statements"),
            (n, absent) => format!(", {n} statements, {absent} of them erased or withheld"),
        };
        let left_out = match self.notes_left_out {
            0 => String::new(),
            n => format!(", {n} notes left out that no verifier would take"),
        };
        format!("{origin}  {what}{statements}{left_out}\n  root {root}\n")
    }
}

fn shown(error: &Error) -> String {
    escape::line(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_double_the_wait_up_to_five_minutes_or_the_interval() {
        let waits: Vec<u64> = (1..=12).map(|failures| back_off(failures, 60)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(back_off(64, 3600), 3600);
        assert_eq!(back_off(u32::MAX, 1), 300);
    }
}
