//! What the service sends to others, and how they can tell that it was the service.
//!
//! | module | job |
//! |---|---|
//! | [`routes`] | `/.well-known/jwks.json`: the key that signs tokens and deliveries |

pub mod routes;
