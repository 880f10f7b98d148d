//! Measurements: `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `bench`.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Measure how many approvals a second are recorded, beside what the machine allows
    Append(BenchAppend),
}

/// `bench append`.
#[derive(Debug, Args)]
#[command(after_long_help = APPEND)]
pub struct BenchAppend {
    /// How long each stage is measured
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// A folder of the file system that is measured; what is made there is removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

const APPEND: &str = "\
Every append is flushed by fdatasync before it counts; there is no other mode. Only the ratios of
one run mean something: another machine, disk or hour gives other rates.";
