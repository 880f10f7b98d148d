//! Asking all witnesses of a policy at once, and the quorum over their answers.
//!
//! Fail closed: without quorum there is no cosigned note. What each witness last did is kept for
//! the operator to see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use placet_proto::tlog::{Policy, SignatureLine, SignedCheckpoint};

use super::client::{ProofSource, WitnessClient};
use super::engine::Witness;
use super::http::HttpTransport;
use super::{Error, builtin};

/// How long one request to a witness may take.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the slower witnesses are waited for once the quorum is there.
const GRACE: Duration = Duration::from_millis(250);

/// What a witness last did, for status pages and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name in the policy.
    pub name: String,
    /// Its vkey.
    pub vkey: String,
    /// Whether it can be asked: it is built in or the policy has its address.
    pub reachable: bool,
    /// When it last cosigned, by our clock, in seconds since the epoch.
    pub last_success: Option<u64>,
    /// The time on that cosignature.
    pub last_stamp: Option<u64>,
    /// The size that it cosigned then.
    pub last_size: Option<u64>,
    /// The last failure since then: code, text, and when by our clock.
    pub last_error: Option<(&'static str, String, u64)>,
    /// Failures since the last success.
    pub failures: u64,
    /// The last alarm ([`Error::is_alarm`]), which a later success does not clear.
    pub alarm: Option<(&'static str, String, u64)>,
}

/// A checkpoint whose quorum is satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The note: the log's signatures, then the cosignatures in the order of the policy.
    pub note: Vec<u8>,
    /// The time of each cosignature, by position in [`Policy::witnesses`], for
    /// [`Policy::latest_time`] and [`Policy::earliest_time`].
    pub times: Vec<Option<u64>>,
}

/// The witnesses of one policy. Make one group per log: calls on one group wait for each other.
#[derive(Debug)]
pub struct WitnessGroup {
    policy: Policy,
    members: Vec<Arc<Member>>,
    deadline: Duration,
    /// One round at a time: a second one would find the witnesses busy.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Member {
    client: Option<WitnessClient>,
    /// One request at a time: a slow witness is not asked again before it has answered, so that
    /// neither it nor our threads are flooded.
    busy: AtomicBool,
    status: Mutex<WitnessStatus>,
}

impl WitnessGroup {
    /// The witnesses of this policy: those in `built_in` in this process, others at the URL that
    /// the policy gives them. One without URL is never asked and so never counts.
    ///
    /// # Errors
    /// [`Error::Config`] for a URL that is none.
    pub fn new(
        policy: Policy,
        built_in: Option<Arc<Witness>>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let mut clients = Vec::new();
        for witness in policy.witnesses() {
            let local = built_in.as_ref().filter(|local| *local.public() == witness.key);
            clients.push(match (local, &witness.url) {
                (Some(local), _) => Some(builtin::client(Arc::clone(local))),
                (None, Some(url)) => {
                    let url = str::from_utf8(url)
                        .map_err(|_| Error::config("a witness URL is not UTF-8"))?;
                    let transport = Box::new(HttpTransport::new(url, timeout)?);
                    Some(WitnessClient::new(witness.key.clone(), transport))
                }
                (None, None) => None,
            });
        }
        Ok(Self::with_clients(policy, clients, timeout.saturating_mul(2)))
    }

    /// A group with these clients, by position in the policy. `deadline` bounds a whole
    /// [`WitnessGroup::cosign`].
    #[must_use]
    pub fn with_clients(
        policy: Policy,
        clients: Vec<Option<WitnessClient>>,
        deadline: Duration,
    ) -> Self {
        let clients = clients.into_iter().chain(std::iter::repeat_with(|| None));
        let members = policy.witnesses().iter().zip(clients).map(|(witness, client)| {
            let status = WitnessStatus {
                name: String::from_utf8_lossy(&witness.name).into_owned(),
                vkey: witness.key.to_vkey(),
                reachable: client.is_some(),
                ..WitnessStatus::default()
            };
            let status = Mutex::new(status);
            Arc::new(Member { client, busy: AtomicBool::new(false), status })
        });
        let members = members.collect();
        Self { policy, members, deadline, turn: Mutex::new(()) }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What each witness last did, in the order of the policy.
    #[must_use]
    pub fn status(&self) -> Vec<WitnessStatus> {
        self.members.iter().map(|member| member.status().clone()).collect()
    }

    /// Asks all witnesses for a cosignature of a log-signed checkpoint and gives the cosigned
    /// note. Returns when all have answered, when the quorum has been there for a quarter of a
    /// second, or at the deadline. Under `quorum none` it is satisfied by nothing, and still asks
    /// those that are listed.
    ///
    /// Whether a stamp has advanced since the last note is for the caller to compare.
    ///
    /// # Errors
    /// [`Error::Quorum`]; [`WitnessGroup::status`] then says why.
    pub fn cosign(
        &self,
        signed: &SignedCheckpoint,
        source: &Arc<dyn ProofSource>,
    ) -> Result<Cosigned, Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = mpsc::channel();
        let signed = Arc::new(signed.clone());
        for (position, member) in self.members.iter().enumerate() {
            Member::ask(member, &signed, source, position, sender.clone());
        }
        // The channel closes when the last thread has answered.
        drop(sender);
        let answers = self.collect(&receiver);
        self.assemble(&signed, answers)
    }

    fn collect(&self, receiver: &mpsc::Receiver<(usize, Cosignature)>) -> Vec<Option<Cosignature>> {
        let mut answers: Vec<Option<Cosignature>> = vec![None; self.members.len()];
        let mut end = Instant::now() + self.deadline;
        let mut satisfied = false;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left) {
                Ok((position, answer)) => {
                    if let Some(slot) = answers.get_mut(position) {
                        *slot = Some(answer);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return answers,
            }
            if !satisfied && self.is_satisfied(&answers) {
                satisfied = true;
                end = end.min(Instant::now() + GRACE);
            }
        }
    }

    fn is_satisfied(&self, answers: &[Option<Cosignature>]) -> bool {
        self.policy.is_satisfied(|position| matches!(answers.get(position), Some(Some(_))))
    }

    fn assemble(
        &self,
        signed: &SignedCheckpoint,
        answers: Vec<Option<Cosignature>>,
    ) -> Result<Cosigned, Error> {
        let quorum =
            Error::Quorum { cosigned: answers.iter().flatten().count(), asked: self.members.len() };
        if !self.is_satisfied(&answers) {
            return Err(quorum);
        }
        let mut note = signed.note().clone();
        let mut times = Vec::with_capacity(answers.len());
        for answer in answers {
            times.push(answer.as_ref().map(|(_, time)| *time));
            if let Some((line, _)) = answer {
                // Full only if a policy of 64 meets a note with signatures of its own.
                note.set_signature(line).map_err(|e| Error::config(e.to_string()))?;
            }
        }
        Ok(Cosigned { note: note.to_bytes(), times })
    }
}

/// A verified line and its time.
type Cosignature = (SignatureLine, u64);

impl Member {
    /// Asks in a thread of its own; sends only successes, and nothing if the witness is still
    /// busy with an earlier request.
    fn ask(
        member: &Arc<Self>,
        signed: &Arc<SignedCheckpoint>,
        source: &Arc<dyn ProofSource>,
        position: usize,
        sender: mpsc::Sender<(usize, Cosignature)>,
    ) {
        if member.client.is_none() || member.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let (member, signed, source) = (Arc::clone(member), Arc::clone(signed), Arc::clone(source));
        let shared = Arc::clone(&member);
        let work = move || {
            let _idle = Idle(&member.busy);
            let Some(client) = &member.client else { return };
            let result = client.cosign(&signed, &*source);
            member.record(signed.checkpoint().size, &result);
            if let Ok(cosignature) = result {
                // Nobody may be waiting any more; the status has it all the same.
                let _ = sender.send((position, cosignature));
            }
        };
        if let Err(e) = std::thread::Builder::new().name("witness".into()).spawn(work) {
            shared.busy.store(false, Ordering::Release);
            shared.record(0, &Err(Error::Unreachable { reason: e.to_string() }));
        }
    }

    fn record(&self, size: u64, result: &Result<Cosignature, Error>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut status = self.status();
        match result {
            Ok((_, stamp)) => {
                status.last_success = Some(now);
                status.last_stamp = Some(*stamp);
                status.last_size = Some(size);
                status.last_error = None;
                status.failures = 0;
            }
            Err(error) => {
                let entry = (error.code(), error.to_string(), now);
                let (witness, code) = (status.name.as_str(), error.code());
                tracing::warn!(witness, code, %error, "no cosignature");
                if error.is_alarm() {
                    status.alarm = Some(entry.clone());
                }
                status.last_error = Some(entry);
                status.failures = status.failures.saturating_add(1);
            }
        }
    }

    fn status(&self) -> std::sync::MutexGuard<'_, WitnessStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a member as idle again, also when its thread panics.
struct Idle<'a>(&'a AtomicBool);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
