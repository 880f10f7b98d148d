//! What the targets of `placet-pep` read with. By its path: below the crate itself are a policy
//! engine and a database, which take minutes to build with a sanitizer and parse nothing here.
#![allow(dead_code)]

#[path = "../../pep/src/identity/mod.rs"]
pub mod identity;
