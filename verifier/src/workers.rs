//! Work that can be spread over threads, of which this crate starts none.

/// Does pieces of work that don't depend on each other, on whatever threads it has.
pub trait Workers {
    /// Calls `work` once for each number below `count`, in any order.
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync));
}

/// One after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InOrder;

impl Workers for InOrder {
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(work);
    }
}
