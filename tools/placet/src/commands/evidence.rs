//! `evidence`: the file that a stranger verifies.

use std::path::Path;

use placet_ledger::service::{Ledger, Surroundings};
use placet_proto::{b64, sha256};
use serde::Serialize;

use crate::cli::Evidence;
use crate::client::Client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder;
use crate::output::{Output, Shown};

/// Fetches evidence from the service or from a folder.
///
/// # Errors
/// `request.unknown`, and those of the service, the folder and of writing.
pub fn run(args: &Evidence, output: &mut Output) -> Result<Exit, Failure> {
    let (bytes, open) = match (&args.url, &args.dir) {
        (Some(url), None) => match args.requests.as_slice() {
            [request] => Client::new(url, &args.tls, args.token_file.as_deref())?
                .evidence(request, args.wait)?,
            _ => return Err(Failure::Usage("--url takes one request at a time".to_owned())),
        },
        (_, Some(dir)) => {
            let ledger = Ledger::open(dir, Surroundings::default())?;
            let evidence = ledger.evidence(&args.requests, args.wait)?;
            (evidence.bytes, evidence.open)
        }
        (None, None) => return Err(Failure::Usage("--url or --dir is needed".to_owned())),
    };
    if args.out.as_os_str() == "-" {
        use std::io::Write as _;
        let stdout = Path::new("standard output");
        std::io::stdout().write_all(&bytes).map_err(Failure::io(stdout))?;
        return Ok(if open.is_empty() { Exit::Done } else { Exit::Open });
    }
    folder::write(&args.out, &bytes)?;
    let complete = open.is_empty();
    output.show(&Written {
        schema: "placet/evidence/v1",
        path: args.out.display().to_string(),
        bytes: bytes.len(),
        sha256: b64::encode_hex(sha256(&bytes)),
        complete,
        open,
    })?;
    Ok(if complete { Exit::Done } else { Exit::Open })
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    schema: &'static str,
    path: String,
    bytes: usize,
    sha256: String,
    complete: bool,
    open: Vec<String>,
}

impl Shown for Written {
    fn text(&self) -> String {
        let mut out =
            format!("Wrote {}, {} bytes\n  sha256 {}\n", self.path, self.bytes, self.sha256);
        for open in &self.open {
            out.push_str(&format!("  open: {open}\n"));
        }
        if !self.complete {
            out.push_str("Not complete: ask again with --wait 30s.\n");
        }
        out
    }
}
