//! The vectors: what honest and lying ledgers hand out.

mod attested;
mod backdate;
mod current;
mod demands;
mod erasure;
mod governance;
mod operator;
mod quorums;
mod reach;
mod recovery;
mod rotation;
mod shape;
mod story;
mod time;

pub use erasure::order as order_erasure;
pub use story::{Story, action, story};

use crate::vector::Vector;

/// Every vector, by name.
#[must_use]
pub fn all() -> Vec<Vector> {
    let mut vectors = Vec::new();
    vectors.extend(attested::vectors());
    vectors.extend(backdate::vectors());
    vectors.extend(current::vectors());
    vectors.extend(demands::vectors());
    vectors.extend(erasure::vectors());
    vectors.extend(governance::vectors());
    vectors.extend(operator::vectors());
    vectors.extend(quorums::vectors());
    vectors.extend(reach::vectors());
    vectors.extend(recovery::vectors());
    vectors.extend(rotation::vectors());
    vectors.extend(shape::vectors());
    vectors.extend(time::vectors());
    vectors.sort_by_key(|v| v.name);
    let twice = vectors.array_windows().find(|[a, b]| a.name == b.name).map(|[a, _]| a.name);
    assert_eq!(twice, None, "two vectors have one name");
    vectors
}
