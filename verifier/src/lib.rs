//! Placet.

pub mod crypto;
