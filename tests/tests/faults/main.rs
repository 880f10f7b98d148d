//! Faults: nothing acknowledged is lost, nothing unsigned is served, nothing forks.
//!
//! | module | what goes wrong |
//! |---|---|
//! | `power` | a simulated machine loses power, fails or fills up at every operation of a history |
//!
//! `PLACET_FAULTS=all` tries every fault everywhere, which is for an optimised build; without it a
//! sample is tried.

mod machine;
mod power;
mod random;
mod world;

/// Whether nothing is to be left out.
fn all() -> bool {
    std::env::var_os("PLACET_FAULTS").is_some_and(|value| value == "all")
}
