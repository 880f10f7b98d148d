//! The governance log as the service uses it: all its statements, read once and kept.

use std::sync::{Arc, RwLock};

use placet_proto::document::{Body, PolicyRef};
use placet_proto::statement::Statement;

use super::Refusal;
use crate::sync::{read, write};
use crate::{Error, Log, storage};

/// Statements of the governance log, in order, as far as they were needed.
#[derive(Debug, Default)]
pub struct Governance {
    entries: RwLock<Vec<Arc<Statement>>>,
}

impl Governance {
    /// Statements 0..size.
    ///
    /// # Errors
    /// `log.out_of_range`, and what reading gives. The governance log is never erased: a missing
    /// body is `log.erased`.
    pub fn entries(&self, log: &Log, size: u64) -> Result<Vec<Arc<Statement>>, Error> {
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        if let Some(entries) = read(&self.entries).get(..wanted) {
            return Ok(entries.to_vec());
        }
        let mut entries = write(&self.entries);
        while entries.len() < wanted {
            let index = entries.len() as u64;
            entries.push(Arc::new(read_statement(log, index)?));
        }
        Ok(entries.get(..wanted).unwrap_or_default().to_vec())
    }

    /// The policy in force at this size: the last policy entry before it.
    ///
    /// # Errors
    /// As [`Governance::entries`]; `dir.not_initialised` when there is none.
    pub fn policy_at(&self, log: &Log, size: u64) -> Result<PolicyRef, Error> {
        let entries = self.entries(log, size)?;
        let found = entries.iter().enumerate().rev().find_map(|(i, s)| match &s.document.body {
            Body::Policy(p) => Some(PolicyRef { index: i as u64, manifest: p.manifest_sha256 }),
            _ => None,
        });
        found.ok_or_else(|| Refusal::NotInitialised.into())
    }
}

/// Reads and parses one statement of a log.
///
/// # Errors
/// `log.erased`, `log.out_of_range`, and those of parsing.
pub fn read_statement(log: &Log, index: u64) -> Result<Statement, Error> {
    match log.statement(index)? {
        storage::Statement::Present(bytes) => Ok(Statement::parse(&bytes)?),
        storage::Statement::Erased => Err(Refusal::Erased(index).into()),
        storage::Statement::NotFound => {
            Err(Error::OutOfRange { what: "index", asked: index, size: log.size() })
        }
    }
}
