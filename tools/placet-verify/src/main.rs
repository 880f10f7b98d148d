//! `placet-verify`: verifies Placet evidence offline. See `placet_verify::cli` for its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    placet_verify::main()
}
