//! That a log was rolled back is told to every receiver, as far as it can be reached.

use placet_proto::event::{Encoder, Rollback};
use placet_proto::kind::LogRole;

use super::Error;
use super::event::Event;
use super::sink::{Failure, Sink};
use super::source::Position;
use super::status::unix_now;
use crate::LogId;
use crate::storage::Hash;

/// What was found of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    role: LogRole,
    origin: String,
    exported: Option<(u64, Hash)>,
    found_root: Option<Hash>,
}

impl Found {
    /// What an error says of a log of the ledger whose main log is named `main`; none for errors
    /// of other sorts.
    pub fn of(error: &crate::Error, main: &str) -> Option<Self> {
        let gov = format!("{main}/gov");
        match error {
            crate::Error::Export(Error::Rollback(found)) => Some(Self {
                role: if found.origin == gov { LogRole::Gov } else { LogRole::Main },
                origin: found.origin.clone(),
                exported: Some(found.exported),
                found_root: found.found_root,
            }),
            // The journal is not what its own notes say: it can't be opened at all.
            crate::Error::Rollback { log, .. } => {
                let is_gov = *log == LogId::Gov.name();
                let (role, origin) = match is_gov {
                    true => (LogRole::Gov, gov),
                    false => (LogRole::Main, main.to_owned()),
                };
                Some(Self { role, origin, exported: None, found_root: None })
            }
            _ => None,
        }
    }

    /// Which log.
    pub fn role(&self) -> LogRole {
        self.role
    }

    /// Tells it. `at` is where the sink stands in that log.
    pub fn tell(
        &self,
        sink: &mut dyn Sink,
        encoder: &Encoder,
        at: &Position,
    ) -> Result<(), Failure> {
        let stands = || at.note.as_ref().map_or((0, [0; 32]), |p| (p.note.size, p.note.root));
        let (exported_size, exported_root) = self.exported.unwrap_or_else(stands);
        let encoded = encoder.rollback(&Rollback {
            role: self.role,
            origin: &self.origin,
            exported_size,
            exported_root,
            found_root: self.found_root,
            at: unix_now(),
        });
        let origin = self.origin.as_str().into();
        let event = Event { role: self.role, origin, leaf: None, encoded };
        sink.ready()?;
        sink.deliver(&[event])?;
        sink.close()
    }
}
