//! Writes copies of both logs of an honest ledger with many requests, and a trust file:
//!
//! ```text
//! placet-forge-log DIR REQUESTS [approved]      DIR/copy/{log,gov}, DIR/trust.json
//! ```
//!
//! Each request is approved, executed, and has its outcome; with `approved`, it is approved only.

use std::path::Path;
use std::process::ExitCode;

use placet_forge::{Requests, write_long_log};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, requests, come_to) = match args.as_slice() {
        [dir, n] => (dir, n, Requests::Executed),
        [dir, n, only] if only == "approved" => (dir, n, Requests::Approved),
        _ => return usage(),
    };
    let Ok(requests) = requests.parse() else { return usage() };
    write_long_log(Path::new(dir), requests, come_to);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("placet-forge-log DIR REQUESTS [approved]");
    ExitCode::from(2)
}
