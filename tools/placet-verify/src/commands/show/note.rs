//! Checkpoints and tlog-proof files.

use placet_proto::time::UnixSeconds;
use placet_proto::tlog::{Cosignature, SignedCheckpoint, TlogError, TlogProof};
use placet_proto::{Error, b64};

use super::Page;

/// A checkpoint with its signature lines.
pub fn show(page: &mut Page, title: &str, bytes: &[u8]) -> Result<(), Error> {
    let signed = SignedCheckpoint::parse(bytes).map_err(tlog)?;
    let checkpoint = signed.checkpoint();
    page.group(&format!("{title}: checkpoint of {}", checkpoint.origin));
    page.field("size", &checkpoint.size.to_string());
    page.hex("root", &checkpoint.root);
    page.hex("note sha256", &placet_proto::sha256(bytes));
    for extension in &checkpoint.extensions {
        page.field("extension", extension);
    }
    for line in signed.note().signatures() {
        // Only the key tells the type; 72 bytes are the length of a cosignature.
        let time = Cosignature::parse(line.signature()).ok().map(|c| UnixSeconds(c.time()));
        let time = time.map(|t| format!(", says {t}")).unwrap_or_default();
        page.field("signature line", &format!("{}+{:08x}{time}", line.name(), line.key_id()));
    }
    Ok(())
}

/// A C2SP tlog-proof.
pub fn show_proof(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    let (proof, _) = TlogProof::parse(bytes).map_err(tlog)?;
    page.group("tlog-proof");
    page.field("index", &proof.index.to_string());
    for hash in &proof.path {
        page.field("path", &b64::encode_hex(hash));
    }
    if let Some(extra) = &proof.extra {
        page.hex("extra, unsigned", extra);
    }
    show(page, "its note", &proof.checkpoint)
}

fn tlog(error: impl Into<TlogError>) -> Error {
    error.into().into()
}
