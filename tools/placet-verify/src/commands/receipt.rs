//! `receipt`: the bare layer of RFC 9052 and RFC 9942, for statements and receipts of any log.

use std::path::Path;

use placet_proto::cose::MAX_SIGN1_BYTES;
use placet_proto::cose_key::PublicKey;
use placet_proto::{b64, spki};
use placet_verifier::cose_bare::{self, BareError};

use crate::cli::Receipt;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::text;

/// A PEM file of a public key is far smaller.
const PEM_MAX_LEN: usize = 16 * 1024;
/// Bytes of an entry: as much as an entry of C2SP tlog-tiles holds.
const ENTRY_MAX_LEN: usize = 65_535;

/// Verifies statement and receipt, each on its own.
///
/// # Errors
/// What can't be read.
pub fn run(args: &Receipt, output: &mut Output) -> Result<Exit, Failure> {
    let entry = b64::decode_hex(&args.leaf_entry_hex.to_ascii_lowercase(), ENTRY_MAX_LEN);
    let entry = entry.map_err(|e| Failure::Usage(format!("--leaf-entry-hex: {e}")))?;
    let mut worst = Exit::Passed;
    if let (Some(file), Some(pem)) = (&args.statement, &args.statement_pubkey) {
        let verified = verify(file, pem, |bytes, key| {
            cose_bare::verify_statement(bytes, key)?;
            Ok("signature of the statement".to_owned())
        })?;
        worst = worst.worse(report(file, verified, output)?);
    }
    let verified = verify(&args.receipt, &args.receipt_log_pubkey, |bytes, key| {
        let found = cose_bare::verify_receipt(bytes, &entry, key)?;
        let (root, index) = (b64::encode_hex(found.root), found.leaf_index);
        let size = found.tree_size;
        Ok(format!("entry {index} of {size} (unsigned numbers) under the signed root {root}"))
    })?;
    worst = worst.worse(report(&args.receipt, verified, output)?);
    output.result(
        "  Shown: these keys signed these bytes. Not shown: whose keys they are, and that the \
         entry stands for the statement.\n",
    )?;
    Ok(worst)
}

type Verified = Result<String, (&'static str, Exit, String)>;

fn verify(
    file: &Path,
    pem: &Path,
    check: impl FnOnce(&[u8], &PublicKey) -> Result<String, BareError>,
) -> Result<Verified, Failure> {
    let bytes = input::read(file, MAX_SIGN1_BYTES)?.bytes;
    let pem_bytes = input::read(pem, PEM_MAX_LEN)?.bytes;
    let key = std::str::from_utf8(&pem_bytes).map_err(|_| spki::SpkiError::Pem);
    let key = match key.and_then(spki::from_pem) {
        Ok(key) => key,
        Err(e) => return Ok(Err((e.code(), Exit::Indeterminate, e.to_string()))),
    };
    Ok(check(&bytes, &key).map_err(|e| (e.code(), exit_of(&e), e.to_string())))
}

fn exit_of(error: &BareError) -> Exit {
    match error {
        BareError::Cbor(_) | BareError::Structure(_) => Exit::Malformed,
        BareError::Unsupported(_) => Exit::Indeterminate,
        _ => Exit::Failed,
    }
}

fn report(file: &Path, verified: Verified, output: &mut Output) -> Result<Exit, Failure> {
    let (exit, code, detail) = match verified {
        Ok(detail) => (Exit::Passed, String::new(), detail),
        Err((code, exit, detail)) => (exit, format!("  [{code}]"), detail),
    };
    output.result(&format!("{}  {}{code}\n  {detail}\n", text::word(exit), shown(file)))?;
    Ok(exit)
}
