//! What the targets of `placet-pep` read with. By its path: below the crate itself are a policy
//! engine and a database, which take minutes to build with a sanitizer and parse nothing here.
#![allow(dead_code)]

#[path = "../../pep/src/identity/mod.rs"]
pub mod identity;

#[path = "../../pep/src/tls.rs"]
pub mod tls;

#[path = "../../pep/src/obligations.rs"]
pub mod obligations;

/// The parsers of the gateway; what forwards is left out.
#[path = "../../pep/src/gateway"]
pub mod gateway {
    pub mod duties;
    pub mod headers;
    pub mod rates;
    pub mod redact;
    pub mod refusal;
    pub mod target;
    pub mod template;

    /// Envoy's messages, without the server that gets them.
    pub mod envoy {
        pub mod wire;
    }
}
