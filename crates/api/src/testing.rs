//! What the tests of this crate share: a server on the engine in memory, and a clock that is moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use firekeep_accounts::users::{self, Change, NewUser};
use firekeep_accounts::{Pool, User};
use firekeep_model::{Clock, OpContext, ProjectId, Timestamp, Uid};
use firekeep_store::{
    DbId, Direction, KeyRange, MemEngine, PageLimit, Read as _, Space, Store, WriteTx,
};
use serde_json::{Map, Value};

use crate::identity::{Authenticated, Tokens};
use crate::{Access, Client, Core, Error, KeyFile, Mode, Options, SystemRng};

/// When every test begins.
pub(crate) const START: i64 = 1_700_000_000;

/// A clock that stands still until it is moved, and counts who looks at it.
pub(crate) struct HandClock {
    secs: AtomicI64,
    looks: AtomicUsize,
}

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            secs: AtomicI64::new(START),
            looks: AtomicUsize::new(0),
        })
    }

    pub(crate) fn advance(&self, secs: i64) {
        self.secs.fetch_add(secs, Ordering::Relaxed);
    }

    /// How often the time was read since the last call.
    pub(crate) fn take_looks(&self) -> usize {
        self.looks.swap(0, Ordering::Relaxed)
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_secs(self.secs.load(Ordering::Relaxed))
    }
}

/// The same time, for a store whose looks at it do not count.
struct Uncounted(Arc<HandClock>);

impl Clock for Uncounted {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.secs.load(Ordering::Relaxed))
    }
}

/// An empty store, with a time of its own that nothing here depends on.
pub(crate) fn store() -> Arc<Store> {
    let engine = Arc::new(MemEngine::new(HandClock::new()));
    Store::open(engine, DbId(0), HandClock::new()).unwrap()
}

/// All rows of a space: keys and values as text, bytes that are none escaped.
pub(crate) fn rows(store: &Store, space: Space) -> Vec<(String, String)> {
    let all = KeyRange::prefix(b"");
    let page = store
        .read()
        .unwrap()
        .scan(space, &all, Direction::Forward, PageLimit::default());
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.replace('\0', "\\0"),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    let rows = page.unwrap().rows;
    let texts = rows.iter().map(|(key, value)| (text(key), text(value)));
    texts.collect()
}

/// A service account's key file, as an import brings it.
pub(crate) fn new_file(name: &str) -> KeyFile {
    let now = Timestamp::from_secs(START);
    let rng = &mut SystemRng;
    let project = ProjectId::parse("firekeep").unwrap();
    KeyFile::generate(&project, name, "", &mut OpContext { now, rng }).unwrap()
}

/// A server and its clock.
pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) pool: Pool,
    pub(crate) engine: Arc<MemEngine>,
}

impl Server {
    pub(crate) fn new(mode: Mode) -> Self {
        Self::open(mode, None).unwrap()
    }

    pub(crate) fn open(mode: Mode, bridge: Option<KeyFile>) -> Result<Self, Error> {
        let clock = HandClock::new();
        let own = Arc::new(Uncounted(clock.clone()));
        let engine = Arc::new(MemEngine::new(own));
        Self::on(engine, clock, mode, bridge, Access::Open)
    }

    /// A server that lets these use documents.
    pub(crate) fn with_documents(mode: Mode, documents: Access) -> Self {
        let clock = HandClock::new();
        let own = Arc::new(Uncounted(clock.clone()));
        let engine = Arc::new(MemEngine::new(own));
        Self::on(engine, clock, mode, None, documents).unwrap()
    }

    /// The same data after a restart.
    pub(crate) fn restarted(&self, mode: Mode) -> Self {
        self.core.close();
        let own = Arc::new(Uncounted(self.clock.clone()));
        let engine = Arc::new(self.engine.reopen(own));
        Self::on(engine, self.clock.clone(), mode, None, Access::Open).unwrap()
    }

    fn on(
        engine: Arc<MemEngine>,
        clock: Arc<HandClock>,
        mode: Mode,
        bridge: Option<KeyFile>,
        documents: Access,
    ) -> Result<Self, Error> {
        let options = Options {
            project: None,
            mode,
            base_url: Some("https://fk.example.com".to_owned()),
            bridge,
            documents,
        };
        let own = Arc::new(Uncounted(clock.clone()));
        let store = Store::open(engine.clone(), DbId(0), own).unwrap();
        let core = Core::open(engine.clone(), store, clock.clone(), options)?;
        let pool = core.default_pool();
        Ok(Self {
            core,
            clock,
            pool,
            engine,
        })
    }

    pub(crate) fn write<T>(
        &self,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error>,
    ) -> T {
        self.core.write_here(work).unwrap()
    }

    /// Makes a user as an administrator would.
    pub(crate) fn create(&self, uid: &str, change: Change) -> User {
        self.write(|tx, cx| {
            let new = NewUser {
                uid: Some(Uid::parse(uid).unwrap()),
                change: change.clone(),
                custom_auth: false,
            };
            Ok(users::create(tx, cx, &self.pool, new)?)
        })
    }

    pub(crate) fn update(&self, uid: &Uid, change: Change) -> User {
        self.write(|tx, cx| Ok(users::update(tx, cx, &self.pool, uid, change.clone())?))
    }

    pub(crate) fn delete(&self, uid: &Uid) {
        assert!(self.write(|tx, _| Ok(users::delete(tx, &self.pool, uid)?)));
    }

    pub(crate) fn find(&self, uid: &Uid) -> User {
        users::load(&self.core.read().unwrap(), &self.pool, uid).unwrap()
    }

    /// A custom token of the built-in account.
    pub(crate) fn custom_token(&self, uid: &str, claims: &Map<String, Value>) -> String {
        let (uid, now) = (Uid::parse(uid).unwrap(), self.core.now());
        let mint = |file: &KeyFile| firekeep_token::custom::mint(file, &uid, claims, now, 300);
        self.core.account_signer(mint).unwrap()
    }

    /// Signs a device in with a custom token.
    pub(crate) async fn sign_in(&self, uid: &str) -> Tokens {
        let token = self.custom_token(uid, &Map::new());
        let signed_in = self.core.sign_in_with_custom_token(&self.pool, &token);
        signed_in.await.unwrap()
    }

    pub(crate) fn authenticate(&self, tokens: &Tokens) -> Result<Authenticated, Error> {
        self.core.authenticate(&self.pool, &tokens.id_token)
    }

    pub(crate) fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        self.core.refresh(&self.pool, &tokens.refresh_token.0)
    }
}

/// A client at an address.
pub(crate) fn client(address: &str) -> Client {
    let address = Some(address.parse().unwrap());
    Client { address }
}
