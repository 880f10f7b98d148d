//! What attackers of approval systems try, each in a file of its own, against the real router, the
//! real ledger and the enforcement library. In every file the attack fails, and nothing of it runs.
//!
//! | file | the attacker |
//! |---|---|
//! | `spoofed_summary` | lets the agent's words say something else than the action does |
//! | `fake_prompt` | gets a person to sign on another page, without a touch, or without unlocking |
//! | `raw_digest` | gets a person to sign a digest, and calls it an approval |
//! | `forged_approval` | answers the question itself, and says that a person did |
//! | `swapped_after_approval` | changes what runs once the person has approved |
//! | `altered_parameters` | changes what runs once the policy has permitted it |
//! | `canonicalisation` | writes one action so that two readers see two |
//! | `replayed_approval` | spends an approval twice, at another place, or too late |
//! | `sub_agent` | hands what was approved to an agent that nobody was asked about |
//! | `self_approval` | asks and answers |
//! | `cached_credential` | goes on with what was revoked |
//! | `absent_ledger` | takes the ledger away at the right moment |
//! | `auto_answered` | answers in the person's place: a hook that accepts, a key of its own |
//! | `direct_call` | calls the API itself, past the gateway |
//! | `same_user` | runs as the user of the gateway and the ledger: what holds then, and what not |
//! | `lying_ledger` | is the ledger, and tells a gateway of approvals that nobody gave |
//!
//! Elsewhere: an operator of the log who lies (tests/foreign/stage_liar.py), ten thousand callers
//! who spend one approval (pep/tests), ambiguous paths and headers (pep/src/gateway), processes
//! that are killed (tests/tests/killed).

#[path = "../../../pep/tests/common/mod.rs"]
mod common;
#[path = "../../../pep/tests/enforcing/mod.rs"]
mod enforcing;
#[path = "../../../pep/tests/gatewaying/mod.rs"]
mod gatewaying;

mod absent_ledger;
mod altered_parameters;
mod auto_answered;
mod cached_credential;
mod canonicalisation;
mod direct_call;
mod fake_prompt;
mod forged_approval;
mod lying_ledger;
mod raw_digest;
mod replayed_approval;
mod same_user;
mod self_approval;
mod spoofed_summary;
mod sub_agent;
mod swapped_after_approval;
