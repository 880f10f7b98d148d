//! Benchmarks of Placet: what is behind `placet bench`, and `cargo bench -p placet-benches`.
//!
//! | module | job |
//! |---|---|
//! | [`append`] | how many approvals a second this machine, our engine and our service record |
//! | [`call`] | how long calls of a server take at a rate that does not wait for them |
//! | [`records`] | how many records without an assertion, beside other logs (`benches/peers`) |
//! | [`grow`] | how a log does with ten million entries |
//! | [`feed`] | a log under load |
//! | [`results`], [`plot`] | charts and tables of results, for docs/performance.md |
//! | [`machine`] | what a figure was measured on |
//! | [`stats`] | quantiles |
//!
//! A figure is worth something beside another one of the same run only. Each result therefore names
//! the machine, the file system, the version and when an append counts as durable.

pub mod append;
pub mod call;
mod error;
pub mod feed;
pub mod grow;
pub mod machine;
pub mod plot;
pub mod records;
pub mod results;
pub mod stats;

pub use error::Error;
