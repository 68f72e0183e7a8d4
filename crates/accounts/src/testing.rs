//! What the tests of this crate share: a store in memory, written at seconds that a test names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firekeep_model::{Clock, OpContext, ProjectId, Rng, Timestamp, Uid};
use firekeep_store::{DbId, MemEngine, ReadTx, Store, WriteTx};

use crate::users::{self, Change, NewUser};
use crate::{Error, Pool, User};

/// The time of the store itself, which no account depends on.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0)
    }
}

/// Randomness that is the same in every run, and another one in every transaction.
struct Sequence(u64);

impl Rng for Sequence {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
            self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// Accounts of one pool.
pub(crate) struct Accounts {
    store: Arc<Store>,
    writes: AtomicU64,
    pub(crate) pool: Pool,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        let engine = Arc::new(MemEngine::new(Arc::new(Still)));
        Self {
            store: Store::open(engine, DbId(1), Arc::new(Still)).unwrap(),
            writes: AtomicU64::new(1),
            pool: Pool::of(&ProjectId::parse("demo").unwrap()),
        }
    }

    pub(crate) fn write<T>(
        &self,
        secs: i64,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let seed = self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.write(|tx: &mut WriteTx<'_>| {
            let mut rng = Sequence(seed);
            let now = Timestamp::from_secs(secs);
            work(tx, &mut OpContext { now, rng: &mut rng })
        })
    }

    pub(crate) fn read(&self) -> ReadTx<'_> {
        self.store.read().unwrap()
    }

    pub(crate) fn create(&self, secs: i64, uid: &str, change: Change) -> Result<User, Error> {
        self.write(secs, |tx, cx| {
            let new = NewUser {
                uid: Some(Uid::parse(uid).unwrap()),
                change: change.clone(),
                custom_auth: false,
            };
            users::create(tx, cx, &self.pool, new)
        })
    }

    pub(crate) fn update(&self, secs: i64, uid: &Uid, change: Change) -> Result<User, Error> {
        let change = |tx: &mut WriteTx<'_>, cx: &mut OpContext<'_>| {
            users::update(tx, cx, &self.pool, uid, change.clone())
        };
        self.write(secs, change)
    }

    pub(crate) fn delete(&self, uid: &Uid) {
        let deleted = self.write(0, |tx, _| users::delete(tx, &self.pool, uid));
        assert!(deleted.unwrap());
    }
}
