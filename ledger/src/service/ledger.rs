//! The open service: both logs, the keys, the publishers, and issuing statements.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use std::time::Duration;

use placet_proto::cose;
use placet_proto::document::{After, Body, DigestRef, Document, NoteRef};
use placet_proto::kind::LogRole;
use placet_proto::statement::{Assertion, Attestation, Statement};
use placet_proto::time::UnixSeconds;
use placet_proto::{sha256, sha256_parts};
use placet_verifier::governance::{Governance as Roster, Rules};
use placet_verifier::webauthn::AttestationRoots;
use tokio::sync::{broadcast, watch};

use super::access::Access;
use super::clock::{Clock, SystemClock, random, uuid};
use super::config::Config;
use super::erase::{Copies, erased_key};
use super::governance::{Governance, read_statement};
use super::keys::{Keys, NoteSigner, ServiceKeys, Sign as _};
use super::pending::Pending;
use super::publisher::{Pace, Publisher, PublisherStatus, Witnesses, times_of};
use super::recent::{Decisions, Landing, Recent, Told};
use super::requests::RequestEvent;
use super::seal::{Claims, seal};
use super::state::State;
use super::timer::Timer;
use super::{Refusal, init};
use crate::index::Index;
use crate::sqlite;
use crate::storage::Outcome;
use crate::sync::{lock, read, write};
use crate::{Dir, Error, Health, Log, LogId, NewEntry, Note, OnceKey};

/// Judges the files of a policy, by their names.
pub type PolicyGuard = fn(&Ledger, &BTreeMap<String, Vec<u8>>) -> Result<(), Refusal>;

/// What the service gets from outside.
#[derive(Clone)]
pub struct Surroundings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Witnesses in place of those that the settings name.
    pub witnesses: Option<Witnesses>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), witnesses: None }
    }
}

/// A ledger, open for writing. All methods may be called from any thread; they block for the disk,
/// and where their text says so for the witnesses.
pub struct Ledger {
    // In the order in which they have to end.
    timer: Option<Timer>,
    index: Index,
    outbound: crate::outbound::Outbound,
    publishers: [Publisher; 2],
    pub(super) witnesses: Witnesses,
    pub(super) main: Arc<Log>,
    pub(super) gov: Arc<Log>,
    pub(super) config: Config,
    pub(super) attestation_roots: AttestationRoots,
    /// Where the settings name sinks that have to follow.
    export_gate: Option<crate::export::lag::Gate>,
    pub(super) keys: Keys,
    pub(crate) service_keys: ServiceKeys,
    pub(super) state: State,
    pub(super) access: Access,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pending: Mutex<Pending>,
    /// Registrations are changed one at a time.
    pub(super) registering: Mutex<()>,
    pub(super) governance: Governance,
    roster: Mutex<Option<(u64, Arc<Roster>)>>,
    /// One projection of the main log at a time.
    projecting: Mutex<()>,
    /// Size up to which that is done; 0 before the first.
    projected: AtomicU64,
    recent: Arc<Recent>,
    landing: Arc<Landing>,
    pub(super) decisions: Decisions,
    changes: watch::Sender<u64>,
    pub(super) events: broadcast::Sender<RequestEvent>,
    /// Governance documents are checked and appended one at a time.
    pub(super) governing: Mutex<()>,
    /// Files in `policy/` are stored and swept one at a time.
    pub(super) policies: Mutex<()>,
    /// Set for ever by [`Ledger::freeze`]. Taken last, around what is appended.
    frozen: RwLock<bool>,
    /// Held to read while something is spent under a policy and a roster, to write while the
    /// governance log grows.
    pub(super) gate: RwLock<()>,
    /// Held to read while something about a request is filed, to write while it is found out what
    /// an erasure takes along. Taken behind the gate.
    pub(super) filing: RwLock<()>,
    /// One erasure at a time, from its order to the end. Taken before the gate.
    pub(super) erasing: Mutex<()>,
    /// Forgets what is kept of erased requests elsewhere.
    pub(super) copies: OnceLock<Copies>,
    /// Judges a policy before an administrator is asked to sign it.
    pub(super) policy_guard: OnceLock<PolicyGuard>,
    /// Of a development ledger that runs by itself.
    pub(super) dev_administrator: OnceLock<Arc<dyn super::DevAdministrator>>,
    pub(super) dir: Dir,
}

/// Who states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issuer {
    Ledger,
    Pep,
}

/// A statement to be.
pub(super) struct Issue {
    pub document: Document,
    pub issuer: Issuer,
    pub log: LogId,
    pub assertions: Vec<Assertion>,
    pub attestation: Option<Attestation>,
    pub once: Vec<OnceKey>,
    pub absent: Vec<OnceKey>,
    /// The request that an order of erasure is about, whose document names none.
    pub about: Option<String>,
}

impl Issue {
    /// The ledger states a document in the main log.
    pub fn by_ledger(document: Document) -> Self {
        Self {
            document,
            issuer: Issuer::Ledger,
            log: LogId::Main,
            assertions: Vec::new(),
            attestation: None,
            once: Vec::new(),
            absent: Vec::new(),
            about: None,
        }
    }
}

/// A recorded statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// Which log.
    pub log: LogId,
    /// Its index there.
    pub index: u64,
    /// The document that it carries.
    pub document: Document,
    /// The statement.
    pub statement: Vec<u8>,
}

impl Appended {
    /// The reference by which other documents name it.
    #[must_use]
    pub fn digest_ref(&self) -> DigestRef {
        DigestRef { index: self.index, document_sha256: *self.document.sha256() }
    }
}

/// How the service is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerHealth {
    /// The main log and its publisher.
    pub main: (Health, PublisherStatus),
    /// The governance log and its publisher.
    pub gov: (Health, PublisherStatus),
}

impl Ledger {
    /// Opens an initialised folder for writing and starts its threads.
    ///
    /// # Errors
    /// `dir.*`, `config.invalid`, `key.file`, `dir.not_initialised`, and those of opening the logs.
    pub fn open(root: &std::path::Path, around: Surroundings) -> Result<Arc<Self>, Error> {
        let config = Config::load(root)?;
        Self::open_with(root, config, around)
    }

    /// As [`Ledger::open`] with these settings, which [`super::settings::load`] gives.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(
        root: &std::path::Path,
        config: Config,
        around: Surroundings,
    ) -> Result<Arc<Self>, Error> {
        let dir = Dir::open(root)?;
        if !init::is_done(&dir) {
            return Err(Refusal::NotInitialised.into());
        }
        Self::assemble(dir, config, around)?.start()
    }

    /// Everything but the projection and the timer.
    pub(super) fn assemble(dir: Dir, config: Config, around: Surroundings) -> Result<Self, Error> {
        let keys = Keys::load_or_create(&dir, config.receipt_alg)?;
        let log = |id: LogId, origin: &str| -> Result<Arc<Log>, Error> {
            let signer = NoteSigner::new(origin, Arc::clone(&keys.of(id).checkpoint))?;
            Ok(Arc::new(Log::open(&dir, id, origin, signer)?))
        };
        let main = log(LogId::Main, &config.origin)?;
        let gov = log(LogId::Gov, &config.gov_origin())?;
        let witnesses = match around.witnesses {
            Some(witnesses) => witnesses,
            None => super::witnesses::configured(&dir, &config, &keys)?,
        };
        let pace = Pace {
            growing: Duration::from_millis(config.publish_ms),
            open: Duration::from_secs(config.recosign_open_s),
            idle: Duration::from_secs(config.recosign_idle_s),
        };
        let publishers = [
            Publisher::start(Arc::clone(&main), Arc::clone(&witnesses.main), pace)?,
            Publisher::start(Arc::clone(&gov), Arc::clone(&witnesses.gov), pace)?,
        ];
        let state = State::open(&dir.state().join("service.sqlite"))?;
        let clock = Arc::clone(&around.clock);
        let access = Access::open(&dir.state().join("service.sqlite"))?;
        let service_keys = ServiceKeys::load_or_create(&dir)?;
        let outbound = crate::outbound::Outbound::open(&dir, &config, &service_keys, clock)?;
        Ok(Self {
            timer: None,
            index: Index::open(&dir, &main, &gov)?,
            outbound,
            publishers,
            witnesses,
            main,
            gov,
            attestation_roots: super::attestation::roots(&config, dir.root())?,
            export_gate: crate::export::lag::Gate::new(dir.root(), &config),
            config,
            keys,
            service_keys,
            state,
            access,
            clock: around.clock,
            pending: Mutex::default(),
            registering: Mutex::default(),
            governance: Governance::default(),
            roster: Mutex::default(),
            projecting: Mutex::default(),
            projected: AtomicU64::new(0),
            recent: Arc::default(),
            landing: Arc::default(),
            decisions: Decisions::default(),
            changes: watch::Sender::new(0),
            events: broadcast::Sender::new(MAX_EVENTS),
            governing: Mutex::default(),
            policies: Mutex::default(),
            frozen: RwLock::default(),
            gate: RwLock::default(),
            filing: RwLock::default(),
            erasing: Mutex::default(),
            copies: OnceLock::new(),
            policy_guard: OnceLock::new(),
            dev_administrator: OnceLock::new(),
            dir,
        })
    }

    /// Brings the projection up to the log and starts the timer.
    pub(super) fn start(mut self) -> Result<Arc<Self>, Error> {
        self.check_genesis()?;
        self.project(self.main.size())?;
        match self.finish_erasures() {
            // Bodies and terms are gone then; a reader of a file keeps its write-ahead log. The
            // timer goes on trying.
            Err(error) if error.is_sqlite_busy() => {
                tracing::warn!(%error, "an erasure is not finished yet; it will be");
            }
            finished => finished?,
        }
        let timer = Timer::start()?;
        let handle = timer.handle();
        self.timer = Some(timer);
        let ledger = Arc::new(self);
        handle.attach(Arc::downgrade(&ledger) as Weak<Self>);
        ledger.after_change()?;
        Ok(ledger)
    }

    /// Has policies judged before an administrator is asked to sign them; the first judge stays.
    pub fn guard_policies(&self, guard: PolicyGuard) {
        self.policy_guard.get_or_init(|| guard);
    }

    /// Whether the sinks follow that have to.
    pub(super) fn check_export(&self) -> Result<(), Error> {
        self.export_gate.as_ref().map_or(Ok(()), |gate| gate.check([&self.main, &self.gov]))
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The search index of both logs.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// One of the two logs.
    #[must_use]
    pub fn log(&self, id: LogId) -> &Arc<Log> {
        match id {
            LogId::Main => &self.main,
            LogId::Gov => &self.gov,
        }
    }

    /// What it sends to others.
    #[must_use]
    pub fn outbound(&self) -> &crate::outbound::Outbound {
        &self.outbound
    }

    /// The publisher of one of the logs.
    #[must_use]
    pub fn publisher(&self, id: LogId) -> &Publisher {
        let [main, gov] = &self.publishers;
        match id {
            LogId::Main => main,
            LogId::Gov => gov,
        }
    }

    /// The ledger's clock.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> LedgerHealth {
        let of = |id| (self.log(id).health(), self.publisher(id).status());
        LedgerHealth { main: of(LogId::Main), gov: of(LogId::Gov) }
    }

    /// Why nothing is recorded any more, if a file of the service's own could not be written or
    /// flushed: what it would say of the next entry might be lost. Each log knows that of itself.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        sqlite::lost_below(&self.dir.state())
    }

    /// # Errors
    /// `ledger.stopped`.
    pub(crate) fn check_not_stopped(&self) -> Result<(), Error> {
        self.stopped().map_or(Ok(()), |reason| Err(Error::Stopped { reason }))
    }

    /// A COSE Receipt for entry `index` in the tree of `size` (SPEC.md 5.5).
    ///
    /// # Errors
    /// `log.out_of_range`, `log.erased` (the receipt repeats the statement's subject), `key.file`.
    pub fn receipt(&self, id: LogId, index: u64, size: u64) -> Result<Vec<u8>, Error> {
        if size < crate::checkpoint::MIN_SIGNED_SIZE {
            return Err(Error::OutOfRange { what: "size", asked: size, size: self.log(id).size() });
        }
        if id == LogId::Main
            && self.log(id).statement(index)? == crate::Statement::Erased
            && let Some(request) = self.state.erased_leaf(index)?.and_then(|e| e.request)
        {
            return self.receipt_about(id, format!("urn:uuid:{request}"), index, size);
        }
        let statement = read_statement(self.log(id), index)?;
        self.receipt_of(id, &statement, index, size)
    }

    pub(super) fn receipt_of(
        &self,
        id: LogId,
        statement: &Statement,
        index: u64,
        size: u64,
    ) -> Result<Vec<u8>, Error> {
        self.receipt_about(id, statement.header.sub.clone(), index, size)
    }

    /// A receipt of what had this `sub`, whether its body is still there or not.
    pub(super) fn receipt_about(
        &self,
        id: LogId,
        sub: String,
        index: u64,
        size: u64,
    ) -> Result<Vec<u8>, Error> {
        let log = self.log(id);
        let key = &self.keys.of(id).receipt;
        let path = log.inclusion_path(index, size)?;
        let root = log.root_at(size)?;
        let claims = cose::ReceiptClaims {
            iss: log.origin().to_owned(),
            sub,
            tree_size: size,
            origin: log.origin().to_owned(),
        };
        let public = key.public_key();
        let protected =
            cose::receipt_protected(public.algorithm().cose_id(), &public.thumbprint(), &claims);
        let proof = cose::InclusionProof { tree_size: size, leaf_index: index, path };
        let signature = key.sign(&cose::sig_structure(&protected, &root))?;
        Ok(cose::encode_sign1(&protected, &cose::receipt_unprotected(&proof), None, &signature))
    }

    /// The cosigned checkpoints that are current, of both logs (SPEC.md 4.4).
    ///
    /// # Errors
    /// `witness.quorum` when a log has none yet.
    pub fn current_after(&self) -> Result<After, Error> {
        let of = |log: &Log| {
            log.checkpoint().map(|note| note_ref(log, &note)).ok_or_else(|| {
                Error::from(Refusal::Quorum("no checkpoint is cosigned yet".to_owned()))
            })
        };
        Ok(After { main: of(&self.main)?, gov: of(&self.gov)? })
    }

    /// A counter that rises whenever a request changes, for long polls: await a change, then look.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes a document with a fresh nonce.
    pub(super) fn document(&self, body: Body) -> Result<Document, Error> {
        Ok(Document::new(random()?, body)?)
    }

    /// Signs a statement around a document.
    pub(super) fn sign(&self, issue: &Issue) -> Result<Statement, Error> {
        let (key, iss) = match issue.issuer {
            Issuer::Ledger => (&self.keys.ledger, self.log(issue.log).origin().to_owned()),
            Issuer::Pep => (&self.keys.pep, self.config.audience.clone()),
        };
        let subject = match issue.document.body.request().or(issue.about.as_deref()) {
            Some(request) => request.to_owned(),
            None => uuid()?,
        };
        let claims = Claims { iss: &iss, subject: &subject, iat: self.clock.now() };
        seal(key, claims, &issue.document, issue.assertions.clone(), issue.attestation.as_ref())
    }

    /// Records a statement durably, and in the projection; `Err(index)` when a once key is held.
    pub(super) fn issue(&self, issue: Issue) -> Result<Result<Appended, OnceKey>, Error> {
        let role = match issue.log {
            LogId::Main => LogRole::Main,
            LogId::Gov => LogRole::Gov,
        };
        if !issue.document.kind().belongs_in(role) {
            return Err(Refusal::Invalid("this kind does not belong in this log").into());
        }
        self.check_not_stopped()?;
        let statement = self.sign(&issue)?;
        let Issue { document, log: id, mut once, mut absent, .. } = issue;
        once.push(once_key("document", &[document.sha256()]));
        let erased = document.body.request().filter(|_| id == LogId::Main).map(erased_key);
        absent.extend(erased);
        let filing = erased.map(|_| read(&self.filing));
        let bytes = statement.bytes().to_vec();
        let entry = NewEntry { statement: bytes.clone(), once, absent };
        let gate = (id == LogId::Gov).then(|| write(&self.gate));
        let appended = self.append(id, entry, statement)?;
        drop(gate);
        let index = match appended {
            Outcome::Appended { first_index } => first_index,
            Outcome::Conflict { key, .. } => {
                // What holds the key may be newer than the projection.
                self.project(self.main.size())?;
                if Some(key) == erased {
                    return Err(Refusal::RequestErased.into());
                }
                return Ok(Err(key));
            }
        };
        if id == LogId::Main {
            self.project(index.saturating_add(1))?;
        }
        drop(filing);
        self.publisher(id).nudge();
        self.outbound.wake();
        Ok(Ok(Appended { log: id, index, document, statement: bytes }))
    }

    /// Appends a statement of an external issuer to the main log, unless it is there: then the
    /// index that it has. Nothing is projected from it.
    ///
    /// # Errors
    /// `dir.frozen`, and those of [`crate::Log::append`].
    pub(crate) fn append_external(&self, entry: NewEntry) -> Result<u64, Error> {
        let frozen = read(&self.frozen);
        if *frozen {
            return Err(Error::Frozen { path: self.dir.root().to_path_buf() });
        }
        match self.main.append(vec![entry])? {
            Outcome::Appended { first_index } => {
                self.publisher(LogId::Main).nudge();
                Ok(first_index)
            }
            Outcome::Conflict { index, .. } => Ok(index),
        }
    }

    /// Appends a statement and waits until it is durable and, in the main log, projected.
    fn append(&self, id: LogId, entry: NewEntry, statement: Statement) -> Result<Outcome, Error> {
        let frozen = read(&self.frozen);
        if *frozen {
            return Err(Error::Frozen { path: self.dir.root().to_path_buf() });
        }
        if id == LogId::Gov {
            return self.log(id).append(vec![entry]);
        }
        let (tell, told) = sync_channel(Landing::MESSAGES);
        let (recent, landing) = (Arc::clone(&self.recent), Arc::clone(&self.landing));
        self.main.submit(vec![entry], move |outcome| match outcome {
            Ok(Outcome::Appended { first_index }) => {
                recent.put(first_index, statement);
                landing.land(first_index, tell);
            }
            // Whoever waits is still there: nobody leaves before the answer.
            other => drop(tell.send(Told::Done(other))),
        })?;
        loop {
            match told.recv() {
                Ok(Told::Lead) => self.landing.lead(|size| self.project(size)),
                Ok(Told::Done(outcome)) => return outcome,
                Err(_) => {
                    let reason = "a call that this one waited for panicked".to_owned();
                    return Err(Error::Stopped { reason });
                }
            }
        }
    }

    /// Publishes the last checkpoints and closes the folder for writing, for ever; gives the note
    /// of the main and of the governance log. Nothing is recorded from the call on, not even what
    /// is overdue meanwhile: no entry is left without a cosigned checkpoint. `reason` is for those
    /// who find the folder.
    ///
    /// # Errors
    /// `witness.quorum` when the last checkpoint finds no quorum: then the folder is not frozen,
    /// and is written again once it is opened anew. `ledger.io`.
    pub fn freeze(&self, reason: &str) -> Result<[Note; 2], Error> {
        *write(&self.frozen) = true;
        // What was ordered is not left to somebody who may not write any more.
        self.finish_erasures()?;
        let [main, gov] = LogId::ALL.map(|id| self.publisher(id).covering(self.log(id).size()));
        let notes = [main?, gov?];
        let mut text = String::new();
        for (id, note) in LogId::ALL.into_iter().zip(&notes) {
            let (origin, root) = (self.log(id).origin(), hex::encode(note.root));
            text.push_str(&format!("{origin} {} {root}\n", note.size));
        }
        self.dir.freeze(&format!("{text}\n{reason}\n"))?;
        Ok(notes)
    }

    /// Applies the main log up to `size` to the projection. Whoever comes first does the work of
    /// those behind, in one transaction.
    fn project(&self, size: u64) -> Result<(), Error> {
        if self.projected.load(Ordering::Acquire) >= size {
            return Ok(());
        }
        let one = lock(&self.projecting);
        let mut done = match self.projected.load(Ordering::Acquire) {
            0 => self.state.applied_to()?,
            done => done,
        };
        let mut changed = Vec::new();
        while done < size {
            let end = self.main.size().min(done.saturating_add(MAX_PROJECTED));
            let statements = (done..end)
                .map(|index| match self.recent.take(index) {
                    Some(statement) => Ok(Some(statement)),
                    None => self.own_statement(index),
                })
                .collect::<Result<Vec<_>, Error>>()?;
            let abouts = self.orders_in(done, &statements)?;
            let outcome_s = self.config.outcome_s;
            changed.extend(self.state.apply(done, &statements, &abouts, outcome_s)?);
            done = end;
            self.projected.store(done, Ordering::Release);
            self.recent.forget_below(done);
        }
        drop(one);
        if !changed.is_empty() {
            self.after_change()?;
            changed.sort_unstable();
            changed.dedup();
            changed.iter().try_for_each(|request| self.tell(request))?;
        }
        Ok(())
    }

    /// The requests that orders of erasure among these statements are about, by the index of the
    /// order. What they name is not read any more from here on.
    fn orders_in(
        &self,
        from: u64,
        statements: &[Option<Statement>],
    ) -> Result<BTreeMap<u64, String>, Error> {
        let mut out = BTreeMap::new();
        for (index, statement) in (from..).zip(statements) {
            let Some(statement) = statement else { continue };
            let Body::Erasure(order) = &statement.document.body else { continue };
            self.main.withhold(order.targets.iter().map(|target| target.index))?;
            self.decisions.forget();
            // The order of what others had registered has an id of its own, which no key names.
            let about = statement.header.subject_uuid();
            if self.is_erased(about)? {
                out.insert(index, about.to_owned());
            }
        }
        Ok(out)
    }

    /// The statement at an index of the main log, if it is one of this ledger's own issuers. What
    /// others registered, whatever it says of itself, and erased bodies change no request.
    pub(crate) fn own_statement(&self, index: u64) -> Result<Option<Statement>, Error> {
        let crate::Statement::Present(bytes) = self.main.statement(index)? else {
            return Ok(None);
        };
        let ours = [&self.keys.ledger, &self.keys.pep].map(|k| k.public_key().thumbprint());
        Ok(Statement::parse(&bytes).ok().filter(|s| ours.contains(&s.header.kid)))
    }

    /// Wakes those who wait for requests, and lets the timer and the publishers know.
    pub(super) fn after_change(&self) -> Result<(), Error> {
        let open = self.state.is_any_live()?;
        for publisher in &self.publishers {
            publisher.set_open(open);
        }
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
        if let Some(timer) = &self.timer {
            timer.handle().wake();
        }
        Ok(())
    }

    /// The roster of the whole durable governance log, which answers for every size up to that.
    pub(super) fn roster(&self) -> Result<Arc<Roster>, Error> {
        let mut cached = lock(&self.roster);
        let size = self.gov.size();
        if let Some((_, roster)) = cached.as_ref().filter(|(of, _)| *of == size) {
            return Ok(Arc::clone(roster));
        }
        let roster = Arc::new(self.build_roster(size)?);
        *cached = Some((size, Arc::clone(&roster)));
        Ok(roster)
    }

    /// As [`Ledger::roster`], if nobody has to make it first.
    pub(super) fn roster_at_hand(&self) -> Option<Arc<Roster>> {
        let cached = self.roster.try_lock().ok()?;
        let (of, roster) = cached.as_ref()?;
        (*of == self.gov.size()).then(|| Arc::clone(roster))
    }

    fn build_roster(&self, size: u64) -> Result<Roster, Error> {
        let entries = self.governance.entries(&self.gov, size)?;
        // The service itself lets in one enrolment that nobody authorises, behind the one-time
        // code: to the service, and to nobody else, its key is a root.
        let roots = entries.iter().filter_map(|s| match &s.document.body {
            // A recovery has its own rules, which hold for roots too.
            Body::Enrolment(e) if e.authoriser.is_none() => Some(e.public_key.clone()),
            _ => None,
        });
        let rules = Rules {
            rp_ids: vec![self.config.rp_id.clone()],
            origins: self.config.allowed_origins(),
            roots: roots.collect(),
            allow_software: self.config.dev,
        };
        let hashes = entries.iter().map(|s| s.entry());
        let known = entries.iter().enumerate().map(|(i, s)| (i as u64, &**s));
        let mut times = BTreeMap::new();
        for (index, statement) in known.clone().filter(|(_, s)| s.document.body.is_timed()) {
            let Some(after) = statement.document.body.after() else { continue };
            times.extend(self.not_before(after)?.map(|t1| (index, t1)));
        }
        Ok(Roster::new(rules, hashes, known, times))
    }

    /// T1 of an `after` (SPEC.md 9.4). Without witnesses, which is for trying things out, the
    /// ledger's own clock has to do.
    pub(super) fn not_before(&self, after: &After) -> Result<Option<u64>, Error> {
        let mut t1 = 0;
        for (id, named) in [(LogId::Main, &after.main), (LogId::Gov, &after.gov)] {
            let note = self.log(id).notes().map(|n| n.by_sha256(&named.note_sha256));
            let Some(note) = note.transpose()?.flatten() else { return Ok(None) };
            let policy = self.publisher(id).policy();
            let stamped = times_of(policy, &note.note).map(|(t1, _)| t1);
            let own = policy.is_none().then_some(note.published_at);
            let Some(at) = stamped.or(own) else { return Ok(None) };
            t1 = t1.max(at);
        }
        Ok(Some(t1))
    }
}

/// Events that wait for a slow listener; who misses more is told so.
const MAX_EVENTS: usize = 256;
/// Statements that are applied in one transaction.
const MAX_PROJECTED: u64 = 1024;

/// The reference to a published note of a log.
pub(super) fn note_ref(log: &Log, note: &Note) -> NoteRef {
    NoteRef {
        origin: log.origin().to_owned(),
        size: note.size,
        root: note.root,
        note_sha256: note.sha256,
    }
}

/// SHA-256 over a label and values, each with its length in front, so that no two lists of values
/// give the same bytes.
pub(crate) fn once_key(label: &str, values: &[&[u8]]) -> OnceKey {
    let mut bytes = Vec::new();
    for part in [b"placet-once/0".as_slice(), label.as_bytes()].iter().chain(values) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    OnceKey(sha256(&bytes))
}

/// The key of a request's one terminal state.
pub(super) fn terminal_key(request: &str) -> OnceKey {
    once_key("terminal", &[request.as_bytes()])
}

/// SHA-256 of the PEP's idempotency key as it stands in an execution.
pub(super) fn idempotency_hash(key: &[u8]) -> [u8; 32] {
    sha256_parts(&[key])
}
