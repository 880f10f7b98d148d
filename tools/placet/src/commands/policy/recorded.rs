//! What was recorded about a request, from an evidence bundle or from a ledger's folder. Nothing
//! here is verified: that is `placet-verify`'s work.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use placet_ledger::LogId;
use placet_ledger::storage::Statement as Stored;
use placet_proto::bundle::{Bundle, Content, MAX_BUNDLE};
use placet_proto::document::{Body, Decision, Digest, is_uuid_v4};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use super::source::{Reader, Source};
use crate::error::Failure;
use crate::folder::{Folder, read};

/// The most statements about one request that are looked at.
const MAX_STATEMENTS: usize = 10_000;

/// Decisions, and what they may rest on.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Decisions by their index in the main log.
    pub decisions: BTreeMap<u64, Decision>,
    /// Approvals by index: of which request, and when they were stated.
    pub approvals: BTreeMap<u64, (String, UnixSeconds)>,
    /// Statements that were erased.
    pub erased: Vec<u64>,
    /// Manifest and files of the policies that the governance entries of a bundle tell, by index.
    pub policies: BTreeMap<u64, (Digest, Vec<(String, Digest)>)>,
    /// Whether the ledger is one for development, if a genesis is among it.
    pub dev: Option<bool>,
}

impl Recorded {
    /// From a bundle. `about`: one request, or one index of the main log; else all that is in it.
    ///
    /// # Errors
    /// `io.error`, `bundle.*`.
    pub fn of_bundle(path: &Path, about: Option<&str>) -> Result<Self, Failure> {
        let bytes = read(path, MAX_BUNDLE as u64)?;
        Self::of_bundle_bytes(&bytes, about).map_err(|e| Failure::proto(path, &e))
    }

    fn of_bundle_bytes(bytes: &[u8], about: Option<&str>) -> Result<Self, placet_proto::Error> {
        let bundle = Bundle::parse(bytes)?;
        let mut out = Self::default();
        for included in &bundle.main.statements {
            match &included.content {
                Content::Statement(bytes) => out.take(included.index, Statement::parse(bytes)?),
                Content::Erased(_) => out.erased.push(included.index),
            }
        }
        for (index, bytes) in (0u64..).zip(&bundle.gov.entries) {
            match Statement::parse(bytes)?.document.body {
                Body::Policy(policy) => {
                    out.policies.insert(index, (policy.manifest_sha256, policy.files));
                }
                // The first genesis is the ledger's; one in the main log has to say the same.
                Body::Genesis(genesis) if index == 0 => out.dev = Some(genesis.dev),
                _ => {}
            }
        }
        if let Some(about) = about {
            out.keep(about);
        }
        Ok(out)
    }

    /// From a ledger: by its folder, or the bundle that its service gives.
    ///
    /// # Errors
    /// `usage` for what is neither a request nor an index, and those of the folder or the service.
    pub fn of_ledger(source: &Source, about: &str) -> Result<Self, Failure> {
        match &source.reader {
            Reader::Folder(folder) => of_folder(folder, about),
            Reader::Service(client) => {
                let request = match about.parse::<u64>() {
                    Err(_) => about.to_owned(),
                    Ok(index) => match client.entry("main", index)?.get("request") {
                        Some(request) => request.as_str().unwrap_or_default().to_owned(),
                        None => return Err(no_request(index)),
                    },
                };
                let (bytes, _) = client.evidence(&request, None)?;
                let recorded = Self::of_bundle_bytes(&bytes, Some(about));
                recorded.map_err(|e| Failure::proto(Path::new("the service's bundle"), &e))
            }
        }
    }

    /// When the approvals were stated that counted in a decision; `Err`: one that is not here.
    pub fn counted(&self, index: u64, decision: &Decision) -> Result<Vec<UnixSeconds>, u64> {
        if !decision.approvals.is_empty() {
            let stated = |index: u64| self.approvals.get(&index).map(|(_, at)| *at).ok_or(index);
            return decision.approvals.iter().map(|approval| stated(approval.index)).collect();
        }
        // Only a decision that is made again with an approval that counts is about a request that
        // there was before; what it then denies names none.
        let earlier = self.decisions.range(..index);
        if !earlier.into_iter().any(|(_, other)| other.request == decision.request) {
            return Ok(Vec::new());
        }
        let before = self.approvals.range(..index);
        let own = before.filter(|(_, (request, _))| *request == decision.request);
        Ok(own.map(|(_, (_, at))| *at).collect())
    }

    fn take(&mut self, index: u64, statement: Statement) {
        let at = UnixSeconds(statement.header.iat);
        match statement.document.body {
            Body::Decision(decision) => drop(self.decisions.insert(index, decision)),
            Body::Approval(answer) => drop(self.approvals.insert(index, (answer.request, at))),
            Body::Genesis(genesis) => self.dev = Some(genesis.dev),
            _ => {}
        }
    }

    /// Keeps the decisions about this request, or the one at this index. Of another statement's
    /// index all of its request stay: it rests on them.
    fn keep(&mut self, about: &str) {
        match about.parse::<u64>() {
            Ok(index) if self.decisions.contains_key(&index) => {
                // Those before it say whether it was made again.
                let request = self.decisions.get(&index).map(|d| d.request.clone());
                self.decisions.retain(|at, d| *at <= index && Some(&d.request) == request.as_ref());
            }
            Ok(_) => {}
            Err(_) => self.decisions.retain(|_, decision| decision.request == about),
        }
    }
}

/// Whether a text names a decision: a request, or an index of the main log.
#[must_use]
pub fn names_a_decision(text: &str) -> bool {
    is_uuid_v4(text) || (text.len() <= 16 && text.parse::<u64>().is_ok())
}

fn no_request(index: u64) -> Failure {
    Failure::refused("explain.no_request", format!("entry {index} is about no request"))
}

/// Goes through the log: a folder's index is the service's, which may be writing it.
fn of_folder(folder: &Folder, about: &str) -> Result<Recorded, Failure> {
    let log = folder.log(LogId::Main);
    let mut out = Recorded { dev: Some(folder.config.dev), ..Recorded::default() };
    let request = match about.parse::<u64>() {
        Err(_) => about.to_owned(),
        Ok(index) => match folder.statement(LogId::Main, index)? {
            None => {
                out.erased.push(index);
                return Ok(out);
            }
            Some(statement) => {
                let request = statement.document.body.request().map(str::to_owned);
                request.ok_or_else(|| no_request(index))?
            }
        },
    };
    let (mut found, mut failed, mut erased) = (Vec::new(), None, 0u64);
    log.visit(0..log.size(), |index, stored| {
        let Stored::Present(bytes) = stored else {
            erased = erased.saturating_add(1);
            return ControlFlow::Continue(());
        };
        if !bytes.windows(request.len()).any(|part| part == request.as_bytes()) {
            return ControlFlow::Continue(());
        }
        match Statement::parse(&bytes) {
            Ok(s) if s.document.body.request() == Some(&request) => found.push((index, s)),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
        match failed.is_some() || found.len() >= MAX_STATEMENTS {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if found.is_empty() {
        let detail = match erased {
            0 => "the log holds no such request".to_owned(),
            n => format!("the log holds no such request; {n} of its statements are erased"),
        };
        return Err(Failure::refused("request.unknown", detail));
    }
    for (index, statement) in found {
        out.take(index, statement);
    }
    out.keep(about);
    Ok(out)
}
