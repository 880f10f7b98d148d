//! `export-cose`: a statement with its receipt and the two public keys, for other verifiers.

use std::path::Path;

use placet_proto::b64;
use placet_proto::bundle::Bundle;
use placet_proto::cose::Receipt;
use placet_proto::cose_key::PublicKey;
use placet_proto::document::Body;
use placet_proto::statement::Statement;

use super::select;
use crate::cli::ExportCose;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::output::Output;
use crate::trust::GivenTrust;

/// Writes statement.cose, receipt.cose, entry.hex, issuer.pem and log.pem.
///
/// # Errors
/// `export.*`, and those of reading.
pub fn run(args: &ExportCose, output: &mut Output) -> Result<Exit, Failure> {
    let bundle = select::bundle(&args.file)?;
    let (included, statement) = select::statement(&bundle, &args.which, &args.file, output)?;
    let bytes = included.receipts.first();
    let bytes = bytes.ok_or_else(|| Failure::refused("export.no_statement", "no receipt"))?;
    let receipt = Receipt::parse(bytes).map_err(|e| Failure::proto(&args.file, &e))?;
    let keys = keys(args, &bundle, output)?;
    let pem = |kid: &[u8; 32], whose: &str| {
        // A kid is a collision-resistant thumbprint: where the key was found does not matter.
        let key = keys.iter().find(|key| key.thumbprint() == *kid);
        key.map(PublicKey::to_pem).ok_or_else(|| {
            let kid = b64::encode_hex(kid);
            Failure::refused("export.no_key", &format!("no key {kid} for the {whose}"))
        })
    };
    let issuer = pem(&statement.header.kid, "statement")?;
    let log = pem(&receipt.kid, "receipt")?;

    let dir = select::folder(&args.out)?;
    let entry = b64::encode_hex(statement.entry()) + "\n";
    select::write(&dir.join("statement.cose"), statement.bytes())?;
    select::write(&dir.join("receipt.cose"), bytes)?;
    select::write(&dir.join("entry.hex"), entry.as_bytes())?;
    select::write(&dir.join("issuer.pem"), issuer.as_bytes())?;
    select::write(&dir.join("log.pem"), log.as_bytes())?;
    output.say(select::UNVERIFIED);
    output.result(&format!("{}\n", shown(&dir)))?;
    Ok(Exit::Passed)
}

/// Every key at hand: of the trust file, and those that the bundle announces.
fn keys(
    args: &ExportCose,
    bundle: &Bundle,
    output: &mut Output,
) -> Result<Vec<PublicKey>, Failure> {
    let mut serialised = Vec::new();
    let beside = args.file.parent().unwrap_or(Path::new("")).join("trust.json");
    let trust = match &args.trust {
        Some(path) => Some(GivenTrust::read(path)?),
        None if beside.is_file() => Some(GivenTrust::read(&beside)?),
        None => None,
    };
    if let Some(trust) = trust {
        output.say(&format!("Keys by their thumbprint from {}", trust.path));
        let keys = trust.file.logs.into_iter().flat_map(|log| log.keys);
        serialised.extend(keys.map(|key| key.public_key));
    }
    let main = bundle.main.statements.iter().filter_map(placet_proto::bundle::Included::statement);
    for bytes in bundle.gov.entries.iter().map(Vec::as_slice).chain(main) {
        if let Ok(statement) = Statement::parse(bytes)
            && let Body::Key(announced) = statement.document.body
        {
            serialised.extend(announced.keys.into_iter().map(|key| key.public_key));
        }
    }
    Ok(serialised.iter().filter_map(|key| PublicKey::from_cose(key).ok()).collect())
}
