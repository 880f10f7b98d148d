//! `after`: the checkpoints that were current when a document was made (SPEC.md 4.4).

use super::DocumentError;
use super::fields::{Builder, Digest, Fields};
use crate::Error;
use crate::json::Json;

/// One log's cosigned checkpoint, by what it says and by the hash of the whole note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRef {
    /// The log's origin.
    pub origin: String,
    /// Tree size, at least 2.
    pub size: u64,
    /// Root hash at that size.
    pub root: Digest,
    /// SHA-256 of the whole cosigned note, signature lines included.
    pub note_sha256: Digest,
}

impl NoteRef {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "after")?;
        let out = Self {
            origin: f.id("origin")?,
            size: f.uint("size")?,
            root: f.digest("root")?,
            note_sha256: f.digest("note_sha256")?,
        };
        f.done()?;
        if out.size < 2 {
            return Err(DocumentError::Value("after.size").into());
        }
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.text("origin", &self.origin)
            .uint("size", self.size)
            .digest("root", &self.root)
            .digest("note_sha256", &self.note_sha256);
        b.build()
    }
}

/// The checkpoints of both logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Of the main log.
    pub main: NoteRef,
    /// Of the governance log.
    pub gov: NoteRef,
}

impl After {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("after")?;
        let out = Self { main: NoteRef::read(g.any("main")?)?, gov: NoteRef::read(g.any("gov")?)? };
        g.done()?;
        Ok(out)
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut o = Builder::default();
        o.put("main", self.main.write()).put("gov", self.gov.write());
        b.put("after", o.build());
    }
}
