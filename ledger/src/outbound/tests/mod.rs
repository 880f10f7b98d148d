//! Against receivers on this machine that answer, fail, hang, redirect, or never stop answering.

mod calls;
mod queue;
pub(crate) mod receiver;
