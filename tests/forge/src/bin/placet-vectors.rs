//! Writes the vectors of `verifier/vectors/bundles/` and their SHA256SUMS.

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
    fs::write(root.join("SHA256SUMS"), sums)
}
