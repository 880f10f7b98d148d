//! Our engine in this process: from an assertion to a proof under a signed checkpoint.
//!
//! Each answer's assertion is checked against its document by the verifier's code; a statement is
//! made, signed, read again as a verifier reads it, and appended under its once keys; it counts
//! when it has its inclusion proof in a checkpoint that the log has signed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use placet_ledger::service::keys::{NoteSigner, PrivateKey};
use placet_ledger::service::seal::{Claims, seal};
use placet_ledger::{Dir, Log, LogId, NewEntry, OnceKey, Outcome};
use placet_proto::cose_key::Algorithm;
use placet_proto::document::{Answer, Body, Document, Ended, Enrolment};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::{Assertion, Statement};
use placet_proto::time::UnixSeconds;
use placet_proto::tlog::proof::TlogProof;
use placet_proto::{b64, sha256_parts};
use placet_verifier::governance::{Governance, Rules};

use super::parallel;
use super::passkey::RP_ID;
use super::place::{ORIGIN, Person, Place, stated};
use crate::Error;

/// Answers of one thread that wait for the disk at the same time: with fewer the disk is waited
/// for, with more each waits longer.
const WINDOW: usize = 128;
/// Answers that are prepared at a time, of one thread.
const SLICE: usize = 4096;
/// Of these, in the first slice, which shows how many there is time for.
const FIRST: usize = 512;
/// Length of the reason of a record that no person signs, in bytes.
const REASON: usize = 1024;
const LOG: &str = "localhost/bench-engine";

/// A log of its own, without a service, and what is needed to judge answers.
pub struct Engine {
    log: Log,
    issuer: PrivateKey,
    roster: Governance,
    template: Answer,
    cores: usize,
}

/// An answer to be recorded.
pub struct Given {
    document: Document,
    assertion: Assertion,
}

/// What a stage did.
#[derive(Default)]
pub struct Done {
    /// Entries with their proofs.
    pub count: u64,
    /// Time that counts.
    pub time: Duration,
    /// From handing an entry over to its proof, where that was asked for.
    pub waits: Vec<Duration>,
}

impl Engine {
    /// An empty log beside the service of `place`, whose persons answer and whose governance log
    /// says which keys they have.
    pub fn new(folder: &Path, place: &mut Place, cores: usize) -> Result<Self, Error> {
        let dir = Dir::init(folder)?;
        let key = |name: &str| PrivateKey::load_or_create(&dir, name, Algorithm::EdDsa);
        let signer = NoteSigner::new(LOG, Arc::new(key("main-checkpoint")?))?;
        let log = Log::open(&dir, LogId::Main, LOG, signer)?;
        // Two entries, below which no log signs.
        log.append(vec![NewEntry::plain(*b"first"), NewEntry::plain(*b"second")])?;
        let ready = place.prepare(1, 1)?;
        let request = &ready.first().ok_or_else(|| Error::failed("nothing is prepared"))?.request;
        let template = template(place, request)?;
        Ok(Self { issuer: key("ledger-issuer")?, roster: roster(place)?, log, template, cores })
    }

    /// Answers with their assertions, each to a request of its own. Not part of what is measured.
    pub fn prepare(&self, persons: &[Person], count: usize) -> Result<Vec<Given>, Error> {
        let one = |n: usize| {
            let person = persons.get(n % persons.len()).ok_or_else(|| Error::failed("nobody"))?;
            self.given(person)
        };
        parallel(self.cores, count, &one)
    }

    fn given(&self, person: &Person) -> Result<Given, Error> {
        let mut answer = self.template.clone();
        answer.request = uuid()?;
        answer.approver.credential = person.key.credential().to_vec();
        let document = Document::new(random()?, Body::Approval(answer))?;
        let challenge = sshsig::challenge(Namespace::Approve, document.bytes());
        let assertion = stated(&person.key, person.key.assert(&challenge, ORIGIN)?);
        Ok(Given { document, assertion })
    }

    /// Records approvals for `stage`, preparing included.
    pub fn approvals(&self, persons: &[Person], stage: Duration) -> Result<Done, Error> {
        self.slices(stage, FIRST, |count| {
            let given = self.prepare(persons, count)?;
            self.slice(given, &|given| self.approval(given))
        })
    }

    /// The same for records that no person signs: withdrawals with a reason.
    pub fn records(&self, stage: Duration) -> Result<Done, Error> {
        self.slices(stage, FIRST, |count| {
            let records = parallel(self.cores, count, &|_| record())?;
            self.slice(records, &|document| self.outcome(&document))
        })
    }

    /// One approval after the other at this pace, each with the time until its proof.
    pub fn paced(&self, persons: &[Person], rate: f64, stage: Duration) -> Result<Done, Error> {
        let rate = rate.max(1.0);
        // A tenth of a second of it.
        self.slices(stage, (rate / 10.0) as usize, |count| {
            self.at_pace(self.prepare(persons, count)?, rate)
        })
    }

    /// Slices until the time is over, each as long as there is time for.
    fn slices(
        &self,
        stage: Duration,
        first: usize,
        mut slice: impl FnMut(usize) -> Result<Done, Error>,
    ) -> Result<Done, Error> {
        let (began, most) = (Instant::now(), SLICE * self.cores);
        let mut done = Done::default();
        let mut count = first.clamp(1, most);
        while began.elapsed() < stage {
            let start = Instant::now();
            done.add(slice(count)?);
            let left = stage.saturating_sub(began.elapsed());
            let fits = count as f64 * left.as_secs_f64() / start.elapsed().as_secs_f64().max(1e-6);
            count = (fits as usize).clamp(1, most);
        }
        Ok(done)
    }

    /// Hands `work` to all threads; each keeps [`WINDOW`] entries under way, so that there is
    /// always something for the next flush.
    fn slice<T: Send>(
        &self,
        work: Vec<T>,
        entry: &(dyn Fn(T) -> Result<NewEntry, Error> + Sync),
    ) -> Result<Done, Error> {
        let mut parts: Vec<Vec<T>> = (0..self.cores).map(|_| Vec::new()).collect();
        for (n, item) in work.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(n % self.cores) {
                part.push(item);
            }
        }
        let began = Instant::now();
        let one = |part: Vec<T>| -> Result<u64, Error> {
            let mut worker = Worker::new(&self.log);
            for item in part {
                worker.submit(entry(item)?)?;
            }
            worker.finish()
        };
        let count = std::thread::scope(|scope| {
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| one(part))).collect();
            let all = threads.into_iter().map(|t| t.join().map_err(|_| panicked())?);
            all.sum::<Result<u64, Error>>()
        })?;
        Ok(Done { count, time: began.elapsed(), waits: Vec::new() })
    }

    fn at_pace(&self, work: Vec<Given>, rate: f64) -> Result<Done, Error> {
        let waits = std::sync::Mutex::new(Vec::with_capacity(work.len()));
        let (next, total) = (AtomicUsize::new(0), work.len());
        let work: Vec<_> =
            work.into_iter().map(|given| std::sync::Mutex::new(Some(given))).collect();
        let began = Instant::now();
        let one = || -> Result<(), Error> {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(given) = work.get(n) else { return Ok(()) };
                let due = Duration::from_secs_f64(n as f64 / rate);
                std::thread::sleep(due.saturating_sub(began.elapsed()));
                let given = given.lock().map_err(|_| panicked())?.take();
                let given = given.ok_or_else(|| Error::failed("an answer was given twice"))?;
                // From when it was due: a queue before the log is part of what is waited for.
                let start = began + due;
                self.proof_of(self.log.append(vec![self.approval(given)?])?)?;
                waits.lock().map_err(|_| panicked())?.push(start.elapsed());
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WINDOW).map(|_| scope.spawn(one)).collect();
            threads.into_iter().try_for_each(|t| t.join().map_err(|_| panicked())?)
        })?;
        let waits = waits.into_inner().map_err(|_| panicked())?;
        Ok(Done { count: total as u64, time: began.elapsed(), waits })
    }

    /// What the service does before it appends: the whole check, then a signed statement.
    fn approval(&self, given: Given) -> Result<NewEntry, Error> {
        let Given { document, assertion } = given;
        let Body::Approval(answer) = &document.body else {
            return Err(Error::failed("only approvals are given"));
        };
        let credential = &answer.approver.credential;
        let enrolled = self.roster.enrolment(credential).ok_or_else(|| Error::failed("nobody"))?;
        let challenge = sshsig::challenge(Namespace::Approve, document.bytes());
        self.roster
            .check_assertion(&assertion, &challenge, credential, &enrolled.document)
            .map_err(|problem| Error::failed(problem.code))?;
        let once = vec![
            key("answer", &[answer.request.as_bytes(), answer.approver.person.as_bytes()]),
            key("document", &[document.sha256()]),
        ];
        let absent = vec![key("terminal", &[answer.request.as_bytes()])];
        let claims = Claims { iss: LOG, subject: &answer.request, iat: now() };
        let sealed = seal(&self.issuer, claims, &document, vec![assertion], None)?;
        Ok(NewEntry { statement: sealed.bytes().to_vec(), once, absent })
    }

    fn outcome(&self, document: &Document) -> Result<NewEntry, Error> {
        let request = document.body.request().unwrap_or_default();
        let once =
            vec![key("terminal", &[request.as_bytes()]), key("document", &[document.sha256()])];
        let claims = Claims { iss: LOG, subject: request, iat: now() };
        let sealed = seal(&self.issuer, claims, document, Vec::new(), None)?;
        Ok(NewEntry { statement: sealed.bytes().to_vec(), once, absent: Vec::new() })
    }

    fn proof_of(&self, outcome: Outcome) -> Result<(), Error> {
        proof(&self.log, outcome)
    }
}

/// A document that nobody signs.
fn record() -> Result<Document, Error> {
    let reason = Some("x".repeat(REASON));
    let ended = Ended { request: uuid()?, reason, at: now() };
    Ok(Document::new(random()?, Body::Cancel(ended))?)
}

/// The proof of what was appended, as a tlog-proof under the newest checkpoint that is signed.
fn proof(log: &Log, outcome: Outcome) -> Result<(), Error> {
    let Outcome::Appended { first_index: index } = outcome else {
        return Err(Error::failed("something was recorded already"));
    };
    let checkpoint = log.checkpoint_fast().ok_or_else(|| Error::failed("nothing is signed"))?;
    let path = log.inclusion_path(index, checkpoint.head.size)?;
    let proof = TlogProof { extra: None, index, path, checkpoint: checkpoint.note };
    std::hint::black_box(proof.to_bytes().map_err(Error::failed)?);
    Ok(())
}

/// What became of an entry.
type Answered = Result<Outcome, placet_ledger::Error>;

/// One thread and what it has under way.
struct Worker<'a> {
    log: &'a Log,
    tell: Sender<Answered>,
    told: Receiver<Answered>,
    open: usize,
    done: u64,
}

impl<'a> Worker<'a> {
    fn new(log: &'a Log) -> Self {
        let (tell, told) = channel();
        Self { log, tell, told, open: 0, done: 0 }
    }

    fn submit(&mut self, entry: NewEntry) -> Result<(), Error> {
        while self.open >= WINDOW {
            let answered = self.told.recv().map_err(Error::failed)?;
            self.take(answered)?;
        }
        while let Ok(answered) = self.told.try_recv() {
            self.take(answered)?;
        }
        let tell = self.tell.clone();
        // Nobody listens any more when the stage has failed.
        self.log.submit(vec![entry], move |outcome| drop(tell.send(outcome)))?;
        self.open += 1;
        Ok(())
    }

    fn take(&mut self, answered: Answered) -> Result<(), Error> {
        self.open -= 1;
        self.done += 1;
        proof(self.log, answered?)
    }

    fn finish(mut self) -> Result<u64, Error> {
        while self.open > 0 {
            let answered = self.told.recv().map_err(Error::failed)?;
            self.take(answered)?;
        }
        Ok(self.done)
    }
}

impl Done {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
        self.waits.extend(other.waits);
    }
}

/// The answer that a person of the service is asked to sign.
fn template(place: &Place, request: &str) -> Result<Answer, Error> {
    let person = place.persons.last().ok_or_else(|| Error::failed("nobody is enrolled"))?;
    let opening = placet_ledger::service::Opening {
        request: request.to_owned(),
        credential: person.key.credential().to_vec(),
        surface: "cli".to_owned(),
        denial: false,
        reason: None,
    };
    match place.ledger.open_request(&opening)?.document.body {
        Body::Approval(answer) => Ok(answer),
        _ => Err(Error::failed("no approval was asked for")),
    }
}

/// The roster as an auditor computes it from the governance log.
fn roster(place: &Place) -> Result<Governance, Error> {
    let gov = place.ledger.log(LogId::Gov);
    let mut statements = Vec::new();
    for index in 0..gov.size() {
        let placet_ledger::Statement::Present(bytes) = gov.statement(index)? else {
            return Err(Error::failed("the governance log is never erased"));
        };
        statements.push((index, Statement::parse(&bytes)?));
    }
    let enrolments = statements.iter().filter_map(|(_, s)| match &s.document.body {
        Body::Enrolment(e) => Some(e),
        _ => None,
    });
    let roots = enrolments.filter(|e: &&Enrolment| e.authoriser.is_none());
    let rules = Rules {
        rp_ids: vec![RP_ID.to_owned()],
        origins: vec![ORIGIN.to_owned()],
        roots: roots.map(|e| e.public_key.clone()).collect(),
        allow_software: true,
    };
    let entries = statements.iter().map(|(_, s)| s.entry());
    let known = statements.iter().map(|(index, s)| (*index, s));
    Ok(Governance::new(rules, entries, known, std::collections::BTreeMap::new()))
}

fn key(label: &str, values: &[&[u8]]) -> OnceKey {
    let mut parts = vec![label.as_bytes()];
    parts.extend(values);
    OnceKey(sha256_parts(&parts))
}

fn now() -> UnixSeconds {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixSeconds(now.map_or(0, |d| d.as_secs()))
}

fn random() -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::failed)?;
    Ok(bytes)
}

/// A UUIDv4 (RFC 9562).
fn uuid() -> Result<String, Error> {
    let [a, b, c, d, e, f, g, h, i, rest @ ..] = random()?;
    let (g, i) = (0x40 | (g & 0x0f), 0x80 | (i & 0x3f));
    let text = b64::encode_hex([&[a, b, c, d, e, f, g, h, i][..], &rest].concat());
    let part = |range| text.get(range).unwrap_or_default();
    Ok([part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
}

fn panicked() -> Error {
    Error::failed("a thread panicked")
}
