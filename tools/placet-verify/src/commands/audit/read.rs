//! Single statements of the main log, read again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use placet_proto::tlog::merkle::Hash;
use placet_verifier::audit::{Auditor, Examined, Finding, Group};

use super::run::together;
use super::source::{Bundle, Source, WIDTH};
use crate::error::Failure;

/// Bytes of files that are kept, in all.
const MAX_KEPT: usize = 64 << 20;

/// Reads statements by index. Neighbours stand in one file, so the last files are kept.
pub struct Reader<'s> {
    source: &'s Source,
    /// The last read first.
    kept: Mutex<VecDeque<(u64, Arc<Bundle>)>>,
}

impl<'s> Reader<'s> {
    /// A reader of the main log's copy.
    pub fn new(source: &'s Source) -> Self {
        Self { source, kept: Mutex::default() }
    }

    /// Examines one statement.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn examine(&self, auditor: &Auditor<'_>, index: u64) -> Result<Examined, Failure> {
        let bundle = self.bundle(index)?;
        Ok(match bundle.get(position(index)) {
            Some((entry, body)) => auditor.examine(index, entry, body),
            None => Examined::Missing { other: false },
        })
    }

    /// The entry of a statement whose body is missing, and whether other bytes stand in its place.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn missing(&self, index: u64) -> Result<(Hash, bool), Failure> {
        let bundle = self.bundle(index)?;
        let found = bundle.get(position(index));
        Ok(found.map_or(([0; 32], false), |(entry, body)| (*entry, body.is_some())))
    }

    /// Whether the copy holds the body of a statement, and the right one.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn is_there(&self, index: u64) -> Result<bool, Failure> {
        let bundle = self.bundle(index)?;
        let body = bundle.get(position(index)).and_then(|(entry, body)| Some((entry, body?)));
        Ok(body.is_some_and(|(entry, body)| placet_proto::sha256(body) == *entry))
    }

    /// Judges a request by all its statements.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn judge(&self, auditor: &Auditor<'_>, group: &Group) -> Result<Vec<Finding>, Failure> {
        let (mut statements, mut erased) = (Vec::new(), Vec::new());
        // What was there when its chunk was read and is not any more, in a copy that somebody
        // writes meanwhile or since an earlier run: without it the request would look in order.
        let mut lost = Vec::new();
        for index in &group.indexes {
            match self.examine(auditor, *index)? {
                Examined::Stated(statement) => statements.push((*index, statement)),
                Examined::Missing { .. } => {
                    let (entry, other) = self.missing(*index)?;
                    match auditor.erased(*index, entry, other) {
                        Ok(statement) => erased.push(statement),
                        Err(finding) => lost.push(*finding),
                    }
                }
                Examined::Refused(finding) => lost.push(*finding),
                Examined::External => {}
            }
        }
        let mut found = auditor.judge(&group.request, &together(&statements), &erased);
        found.extend(Auditor::over_limit(group));
        found.append(&mut lost);
        Ok(found)
    }

    fn bundle(&self, index: u64) -> Result<Arc<Bundle>, Failure> {
        let number = index / WIDTH;
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bundle)) = lock().iter().find(|(n, _)| *n == number) {
            return Ok(Arc::clone(bundle));
        }
        let bundle = Arc::new(self.source.bundle(number)?);
        let mut kept = lock();
        kept.push_front((number, Arc::clone(&bundle)));
        let mut bytes = 0_usize;
        kept.retain(|(_, b)| {
            bytes = bytes.saturating_add(b.weight());
            bytes <= MAX_KEPT
        });
        Ok(bundle)
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index % WIDTH).unwrap_or(usize::MAX)
}
