//! Writes the vectors of `verifier/vectors/bundles/` and `verifier/vectors/misbehaviour/`, and
//! their SHA256SUMS.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verifier/vectors");
    let bundles = root.join("bundles");
    if bundles.exists() {
        fs::remove_dir_all(&bundles)?;
    }
    let mut sums = String::new();
    for vector in placet_forge::scenarios::all() {
        let dir = bundles.join(vector.name);
        fs::create_dir_all(&dir)?;
        for (file, bytes) in vector.files() {
            fs::write(dir.join(file), &bytes)?;
            let hash = placet_proto::b64::encode_hex(placet_proto::sha256(&bytes));
            sums.push_str(&format!("{hash}  bundles/{}/{file}\n", vector.name));
        }
    }
    sums.push_str(&write_misbehaviour(&root)?);
    fs::write(root.join("SHA256SUMS"), sums)
}

/// Gives the lines for SHA256SUMS.
fn write_misbehaviour(root: &Path) -> io::Result<String> {
    use placet_forge::misbehaviour;
    let dir = root.join("misbehaviour");
    fs::create_dir_all(&dir)?;
    let cases = misbehaviour::cases().into_iter();
    let mut files: Vec<(String, Vec<u8>)> =
        cases.map(|case| (format!("{}.evidence.json", case.name), case.bytes)).collect();
    files.push(("trust.json".to_owned(), misbehaviour::trust()));
    files.push(("expected.json".to_owned(), misbehaviour::expected()));
    let mut sums = String::new();
    for (file, bytes) in files {
        fs::write(dir.join(&file), &bytes)?;
        let hash = placet_proto::b64::encode_hex(placet_proto::sha256(&bytes));
        sums.push_str(&format!("{hash}  misbehaviour/{file}\n"));
    }
    Ok(sums)
}
