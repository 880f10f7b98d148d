//! What a log says about those who state in it, and about what is to be erased.
//!
//! Whether a statement is the ledger's own is known from the keys that the log announced before it.
//! What an order of the ledger names is exported as erased, also where a crash left it to the next
//! start of the service to erase it. So all of a log is looked through once, and how far that came
//! is kept on disk. The file is derived: without it one looks again.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use placet_proto::b64;
use placet_proto::document::Body;
use placet_proto::event::{Issuer, Issuers};
use placet_proto::kind::{Kind, LogRole};
use placet_proto::statement;
use serde::{Deserialize, Serialize};

use super::cursor::{self, read_small};
use crate::storage::Statement;
use crate::{Log, LogId};

/// Entries that are looked through before it is kept how far that came.
const KEEP_EACH: u64 = 100_000;
/// Largest file, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What is known of a log.
#[derive(Debug)]
pub struct Orders {
    path: PathBuf,
    origin: String,
    /// Entries that were looked through.
    scanned: u64,
    issuers: Arc<Issuers>,
    /// Indices that an order names, and that were not erased when last looked at.
    ordered: BTreeSet<u64>,
    kept: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    origin: String,
    scanned: u64,
    issuers: Vec<KeptIssuer>,
    ordered: BTreeSet<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptIssuer {
    kid: String,
    kinds: Vec<String>,
    audience: Option<String>,
    announced: u64,
}

impl Orders {
    /// Takes up what is in the file, if it is about this log.
    #[must_use]
    pub fn load(path: &Path, origin: &str) -> Self {
        let kept = read_small(path, MAX_FILE).ok().flatten();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let kept = kept.filter(|kept| kept.origin == origin);
        let issuers = kept.as_ref().and_then(|kept| {
            let issuer = |i: &KeptIssuer| {
                let kid = b64::decode_hex_array(&i.kid).ok()?;
                let (kinds, audience) = (i.kinds.clone(), i.audience.clone());
                Some(Issuer { kid, kinds, audience, announced: i.announced })
            };
            kept.issuers.iter().map(issuer).collect::<Option<Vec<_>>>()
        });
        let (scanned, issuers, ordered) = match (kept, issuers) {
            (Some(kept), Some(issuers)) => (kept.scanned, issuers, kept.ordered),
            _ => (0, Vec::new(), BTreeSet::new()),
        };
        let issuers = Arc::new(Issuers::from_parts(issuers));
        let (path, origin) = (path.to_path_buf(), origin.to_owned());
        Self { path, origin, scanned, issuers, ordered, kept: scanned }
    }

    /// Looks through what is new in the log, lets what is ordered to be erased read as erased, and
    /// gives the keys that state in it.
    ///
    /// # Errors
    /// Those of reading.
    pub fn apply(&mut self, log: &Log) -> Result<Arc<Issuers>, crate::Error> {
        if self.scanned > log.size() {
            // Another history: the caller finds that out by its roots.
            (self.scanned, self.kept) = (0, 0);
            (self.issuers, self.ordered) = (Arc::default(), BTreeSet::new());
        }
        let mut issuers = Issuers::clone(&self.issuers);
        let (scanned, ordered) = (&mut self.scanned, &mut self.ordered);
        let role = match log.id() {
            LogId::Main => LogRole::Main,
            LogId::Gov => LogRole::Gov,
        };
        log.visit(*scanned..log.size(), |index, body| {
            if let Statement::Present(bytes) = body {
                learn(&mut issuers, ordered, role, index, &bytes);
            }
            *scanned = index.saturating_add(1);
            ControlFlow::Continue(())
        })?;
        self.issuers = Arc::new(issuers);
        if log.id() == LogId::Main {
            let mut carried_out = Vec::new();
            for index in &self.ordered {
                if log.statement(*index)? == Statement::Erased {
                    carried_out.push(*index);
                }
            }
            for index in carried_out {
                self.ordered.remove(&index);
            }
            log.withhold(self.ordered.iter().copied())?;
        }
        if self.scanned.saturating_sub(self.kept) >= KEEP_EACH {
            self.keep();
        }
        Ok(Arc::clone(&self.issuers))
    }

    /// Best effort: what is not kept is found again.
    fn keep(&mut self) {
        let issuer = |i: &Issuer| KeptIssuer {
            kid: b64::encode_hex(i.kid),
            kinds: i.kinds.clone(),
            audience: i.audience.clone(),
            announced: i.announced,
        };
        let kept = Kept {
            origin: self.origin.clone(),
            scanned: self.scanned,
            issuers: self.issuers.parts().iter().map(issuer).collect(),
            ordered: self.ordered.clone(),
        };
        let Ok(bytes) = serde_json::to_vec(&kept) else { return };
        match cursor::replace(&self.path, &bytes) {
            Ok(()) => self.kept = self.scanned,
            Err(error) => tracing::debug!(%error, "how far a log was looked through is not kept"),
        }
    }
}

/// Others may register what looks like an order: it has to be the ledger's own.
fn learn(
    issuers: &mut Issuers,
    ordered: &mut BTreeSet<u64>,
    role: LogRole,
    index: u64,
    bytes: &[u8],
) {
    let kind = statement::peek(bytes).ok().and_then(|(_, kind)| Kind::from_name(&kind));
    if !matches!(kind, Some(Kind::Genesis | Kind::Erasure | Kind::Key)) {
        return;
    }
    let Ok(statement) = statement::Statement::parse(bytes) else { return };
    issuers.learn(role, index, &statement);
    if let Body::Erasure(order) = &statement.document.body
        && issuers.state(role, index, &statement)
    {
        ordered.extend(order.targets.iter().map(|t| t.index));
    }
}
