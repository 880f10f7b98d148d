//! The enforcement library: what a policy enforcement point (PEP) written in Rust does between
//! "may this run?" and "this is what came of it" (SPEC.md 10).
//!
//! ```no_run
//! # use placet_pep::enforce::{Enforcer, Intent, Remote, RemoteConfig};
//! # use placet_proto::{action::Action, json};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let ledger = Remote::new(&RemoteConfig {
//!     url: "https://ledger.example.com".to_owned(),
//!     token_file: Some("pep-token".into()),
//!     ..RemoteConfig::default()
//! })?;
//! let enforcer = Enforcer::new(ledger);
//! let action = Action::from_request(&json::parse(
//!     br#"{"subject": {"type": "agent", "id": "support-bot"},
//!          "action": {"name": "disable_user"},
//!          "resource": {"type": "user", "id": "X0001"}}"#,
//! )?)?;
//! let patience = std::time::Duration::from_secs(300);
//! let ran = enforcer
//!     .enforce(Intent::new(action), patience, async |intent| {
//!         println!("disabling {}", intent.action().resource_ref().1);
//!         Ok::<_, std::convert::Infallible>(())
//!     })
//!     .await?;
//! ran.recorded?;
//! # Ok(())
//! # }
//! ```
//!
//! * [`Enforcer::evaluate`] asks; the answer is a [`Permit`], a [`Requestable`] or plain denial.
//! * [`Requestable::submit`] asks persons, [`Pending::wait`] waits for them and evaluates again.
//! * [`Permit::run`] compares what is about to run with what was permitted, spends the approval,
//!   runs the action once, and records the outcome. [`Permit::begin`] and [`Running::finish`] are
//!   its two halves.
//! * [`EnforceLayer`] does all of this before an axum or tower service.
//!
//! Whatever is not an answer to the very question denies: nothing runs unless the ledger said so in
//! time. docs/enforcement.md says what is guaranteed and what is not.

mod calls;
mod embedded;
mod enforcer;
mod error;
mod evidence;
mod intent;
mod layer;
mod ledger;
mod pending;
mod permit;
mod remote;
mod verdict;

pub use embedded::Embedded;
pub use enforcer::{Enforcer, Settings};
pub use error::EnforceError;
pub use evidence::{EvidenceRule, RequiredFor};
pub use intent::{Intent, Payload};
pub use layer::{
    Challenge, Challenged, Challenging, EnforceLayer, EnforceService, Obligations, Tasks,
};
pub use ledger::{Answering, Ledger};
pub use pending::{Approval, Pending, Progress, Requestable, Said};
pub use permit::{Outcome, Permit, Ran, Running};
pub use remote::{Remote, RemoteConfig};
pub use verdict::{Denied, Verdict};
