//! The service above the two logs: who may do what, and in which order it is recorded.
//!
//! [`Ledger`] is the door. Everything that it records is checked first by the verifier's own code,
//! and is durable before a call returns. HTTP, pages and the policy decision point are above.
//!
//! | module | job |
//! |---|---|
//! | [`config`], [`keys`], [`mod@init`] | a folder from nothing: settings, keys, first entries |
//! | [`jws`] | tokens of the service key, for programs |
//! | [`ledger`] | both logs open, issuing statements, COSE Receipts |
//! | [`seal`] | from a document to a signed statement |
//! | [`witnesses`], [`publisher`] | cosigned checkpoints |
//! | [`requests`], [`answers`], [`consume`] | from a requestable denial to an outcome |
//! | [`carried`], [`eligible`] | what a request carries beside its decision; who may answer it |
//! | [`people`], [`registrations`], [`authorising`] | enrolment, from a challenge to an entry |
//! | [`invitations`], [`directory`] | links for new persons; names, which can be erased |
//! | [`recovery`] | a key in place of a lost one, announced and open to objection |
//! | [`changes`], [`standing`] | revocation, roles, policies; who may do what now |
//! | [`policies`] | all policies that were ever in force, and their files |
//! | [`erase`] | bodies that an administrator orders erased |
//! | [`administration`] | what was done to the service, on the record |
//! | [`render`] | the text that a person reads, from the bytes that are signed |
//! | [`evidence`], [`trust`] | what an auditor gets |
//! | [`access`], [`sessions`], [`tokens`] | who is signed in, and which programs may ask |
//! | [`state`] | the projection of the main log, and erasable names |
//!
//! What enforces that something happens once is the log itself, by its once keys (SPEC.md 10):
//! `document` (a document is recorded once), `answer` (one per request and person), `terminal` (one
//! denial, expiry, cancel or execution per request; an approval needs its absence), `outcome`,
//! `enrolment` (one per credential), `erased` (taken by the first order of erasure about a request;
//! everything that is filed about a request needs its absence).

pub mod access;
pub mod administration;
pub mod answers;
pub mod attestation;
pub mod authorising;
pub mod carried;
pub mod changes;
mod clock;
pub mod config;
pub mod consume;
pub mod development;
pub mod directory;
pub mod eligible;
pub mod erase;
mod error;
pub mod evidence;
mod governance;
pub mod init;
pub mod invitations;
pub mod jws;
pub mod keys;
pub mod ledger;
pub mod network;
mod pending;
pub mod people;
pub mod policies;
pub mod publisher;
mod readers;
mod recent;
pub mod recovery;
pub mod registrations;
pub mod render;
pub mod requests;
pub mod seal;
pub mod sessions;
pub mod settings;
pub mod standing;
pub mod state;
mod timer;
pub mod tokens;
pub mod trust;
pub mod witnesses;

pub use access::Access;
pub use answers::{Answered, Opening, Signed, ToSign};
pub use authorising::WaitingEnrolment;
pub use changes::Change;
pub use clock::{Clock, SystemClock};
pub(crate) use clock::{random, random_number};
pub use config::{Config, ReceiptAlgorithm};
pub use consume::{Consume, Consumed, Report};
pub use development::DevAdministrator;
pub use eligible::Reach;
pub use erase::{Copies, Erased, ErasurePlan, ErasureToSign};
pub use error::Refusal;
pub use evidence::Evidence;
pub(crate) use governance::read_statement;
pub use init::{Initialised, init, read_policy_file};
pub use invitations::{Invitation, InvitationState, Invite, Invited};
pub use ledger::{Appended, Ledger, LedgerHealth, PolicyGuard, Surroundings};
pub use people::{Enrolled, EnrolmentToSign, Registered, RegistrationChallenge};
pub use policies::PolicyEntry;
pub use publisher::{PublisherStatus, Witnesses};
pub use recovery::{RecoveryState, RecoveryView, recovery_link};
pub use registrations::{Occasion, Registration};
pub use requests::{Carried, NewDecision, RequestEvent, RequestView, Watch};
pub use sessions::{SessionSecret, SignedIn};
pub use standing::{KeyView, PersonView, names_key};
pub use state::{AnswerRow, HistoryFilter, RequestRow, RequestState};
pub use tokens::{Scope, TokenRow};
pub use trust::{Facts, TrustChoices};
