//! `export-tlog-proof`: an answer's inclusion proof with its checkpoint, as C2SP tlog-proof.

use placet_proto::Error;
use placet_proto::cose::Receipt;
use placet_proto::tlog::{SignedCheckpoint, TlogError, TlogProof};

use super::select;
use crate::cli::ExportTlogProof;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::output::Output;

/// Writes the proof. The entry that it proves is the SHA-256 of the statement.
///
/// # Errors
/// `export.*`, and those of reading.
pub fn run(args: &ExportTlogProof, output: &mut Output) -> Result<Exit, Failure> {
    let refuse = |e: Error| Failure::proto(&args.file, &e);
    let bundle = select::bundle(&args.file)?;
    let (included, _) = select::statement(&bundle, &args.which, &args.file, output)?;
    for bytes in &included.receipts {
        let proof = Receipt::parse(bytes).map_err(refuse)?.proof;
        for note in &bundle.main.notes {
            let signed = SignedCheckpoint::parse(note).map_err(|e| refuse(tlog(e)))?;
            if signed.checkpoint().size != proof.tree_size {
                continue;
            }
            let file = TlogProof {
                extra: None,
                index: proof.leaf_index,
                path: proof.path.clone(),
                checkpoint: note.clone(),
            };
            let file = file.to_bytes().map_err(|e| refuse(tlog(e)))?;
            select::write(&args.out, &file)?;
            output.say(select::UNVERIFIED);
            output.result(&format!("{}\n", shown(&args.out)))?;
            return Ok(Exit::Passed);
        }
    }
    Err(Failure::refused("export.no_note", "no checkpoint of the receipt's size"))
}

fn tlog(error: impl Into<TlogError>) -> Error {
    error.into().into()
}
