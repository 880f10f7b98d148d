//! Benchmarks of Placet: what is behind `placet bench`, and `cargo bench -p placet-benches`.
//!
//! | module | job |
//! |---|---|
//! | [`append`] | how many approvals a second this machine, our engine and our service record |
//! | [`machine`] | what a figure was measured on |
//! | [`stats`] | quantiles |
//!
//! A figure is worth something beside another one of the same run only. Each result therefore names
//! the machine, the file system, the version and when an append counts as durable.

pub mod append;
mod error;
pub mod machine;
pub mod stats;

pub use error::Error;
