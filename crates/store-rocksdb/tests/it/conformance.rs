//! The suite that every engine passes.

use std::sync::Arc;

use firekeep_model::Clock;
use firekeep_store::Engine;
use firekeep_store::conformance::{Reopen, run};
use firekeep_store_rocksdb::{Options, RocksEngine};

struct Folder(tempfile::TempDir);

impl Reopen for Folder {
    fn open(&mut self, clock: Arc<dyn Clock>) -> Arc<dyn Engine> {
        let engine = RocksEngine::open(self.0.path(), clock, Options::default());
        Arc::new(engine.unwrap_or_else(|error| panic!("{error}")))
    }
}

#[test]
fn the_engine_keeps_the_contract() {
    run(&|| Box::new(Folder(tempfile::tempdir().unwrap())));
}
