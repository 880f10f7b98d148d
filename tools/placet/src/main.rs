//! `placet`: the service, its operator's commands and the agent's side. See `placet::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    placet::main()
}
