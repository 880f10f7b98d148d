//! The token by which the embedded PEP's agents show that they may ask.

use placet_ledger::Error;
use placet_ledger::service::{Ledger, Scope};

/// Name of the file in `keys/` that holds it, for clients on this machine.
pub const FILE: &str = "pep-token";

/// Sees to it that `keys/pep-token` holds a token with scope `pep`; one that was revoked stays so.
///
/// # Errors
/// `key.file` when others can read the file, `ledger.io`, `ledger.random`, `ledger.sqlite`.
pub fn client_file(ledger: &Ledger) -> Result<(), Error> {
    ledger.access().client_file(ledger.dir(), FILE, &[Scope::Pep], ledger.now())
}
