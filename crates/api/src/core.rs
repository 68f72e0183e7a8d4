//! The server's heart: the store, the keys, the project, and the one way to read and to write.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use firekeep_accounts::{Pool, SessionKeys};
use firekeep_crypto::digest::{equal, sha256};
use firekeep_crypto::seal::SealKey;
use firekeep_model::{Caller, Clock, OpContext, ProjectId, Rng as _, Timestamp};
use firekeep_store::{Engine, ReadTx, Store, WriteTx};
use tokio::sync::Semaphore;

use crate::activity::Activity;
use crate::firestore::{Access, Databases, Operations, Streams, Transactions, Watches};
use crate::identity::HASH_PLACES;
use crate::keyring::{Keyring, NewKey};
use crate::limiter::{Limiter, Turns};
use crate::limits::{ACCESS_TOKEN_LIFETIME_SECS, HASHES_AT_ONCE};
use crate::mode::Policy;
use crate::project::Project;
use crate::service_accounts::{NewAccount, Registry};
use crate::{Error, KeyFile, Mode, ProjectSummary, PublishedKeys, SystemRng, service_accounts};

/// How the server is put together.
pub struct Options {
    /// The project's id; the folder's own when absent.
    pub project: Option<ProjectId>,
    /// Safe or dev.
    pub mode: Mode,
    /// Where clients reach the server, such as `https://fk.example.com`, without a slash at the end. Remembered; when
    /// absent, what was remembered last.
    pub base_url: Option<String>,
    /// A Google service account's key file, whose tokens are valid for that Google project: the bridge.
    pub bridge: Option<KeyFile>,
    /// Who may use documents. Safe mode lets administrators only, whatever this says.
    pub documents: Access,
}

/// What `GET /` tells.
#[derive(Clone, Debug)]
pub struct Status {
    /// Safe or dev.
    pub mode: Mode,
    /// The default project.
    pub project_id: String,
}

/// What failed in a round of work without a request: the first of it is its end.
#[derive(Default)]
pub(crate) struct Round(Option<Error>);

impl Round {
    /// Logs a failure under the name of the part.
    pub(crate) fn note<T>(&mut self, part: &str, done: Result<T, Error>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(%error, part, "upkeep failed");
                self.keep(Err(error));
                None
            }
        }
    }

    /// Keeps a failure that is in the log already.
    pub(crate) fn keep(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.0.get_or_insert(error);
        }
    }

    /// # Errors
    /// The first failure.
    pub(crate) fn end(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Everything an operation needs. Shared by all edges.
pub struct Core {
    pub(crate) store: Arc<Store>,
    pub(crate) databases: Databases,
    pub(crate) operations: Operations,
    pub(crate) documents: Access,
    pub(crate) transactions: Transactions,
    pub(crate) streams: Streams,
    pub(crate) watches: Arc<Watches>,
    clock: Arc<dyn Clock>,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) project: Project,
    pub(crate) project_id: ProjectId,
    base_url: String,
    keys: RwLock<Arc<Keyring>>,
    pub(crate) session_keys: SessionKeys,
    access_keys: SealKey,
    accounts: RwLock<Arc<Registry>>,
    /// Held from reading keys and accounts to installing them, so that what was read earlier is not installed later.
    reloading: Mutex<()>,
    bridge: Option<KeyFile>,
    /// The digest of the secret by which the command line of this machine administers the server.
    local_secret: OnceLock<[u8; 32]>,
    pub(crate) activity: Activity,
    pub(crate) limiter: Limiter,
    pub(crate) turns: Turns,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) hash_queue: Arc<Semaphore>,
}

impl Core {
    /// Opens the server on an engine and the store of its database 0, making what a new data folder lacks: project, API key, keys, built-in account.
    /// Blocks; call it off the async threads.
    ///
    /// # Errors
    /// [`Error::MadeInDevMode`]; [`Error::Invalid`] when the folder holds another project, or for a bridge in dev
    /// mode; storage errors.
    pub fn open(
        engine: Arc<dyn Engine>,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Arc<Self>, Error> {
        if options.mode == Mode::Dev && options.bridge.is_some() {
            return Err(Error::Invalid(
                "--bridge-key cannot go with --dev: anybody who reaches a server in dev mode could get tokens that are \
                 valid for the Google project of the key; leave one of the two out"
                    .to_owned(),
            ));
        }
        let now = clock.now();
        let project = store.write(|tx: &mut WriteTx<'_>| {
            let mut rng = SystemRng;
            Project::open(tx, &mut OpContext { now, rng: &mut rng }, &options)
        })?;
        // A crash before this leaves a project without keys, for the next start to complete.
        make_missing(&store, now, &project)?;
        let tx = store.read()?;
        let keys = Keyring::load(&tx)?;
        let accounts = Registry::load(&tx)?;
        drop(tx);
        Ok(Arc::new(Self {
            databases: Databases::new(engine, Arc::clone(&clock), &store)?,
            operations: Operations::default(),
            documents: match options.mode {
                Mode::Safe => Access::Administrators,
                Mode::Dev => options.documents,
            },
            transactions: Transactions::default(),
            streams: Streams::default(),
            watches: Arc::new(Watches::new(Arc::clone(&clock))),
            clock,
            policy: options.mode.policy(),
            project_id: parse_project(&project.id)?,
            base_url: project.base_url().to_owned(),
            project,
            session_keys: SessionKeys::new(vec![keys.seal_key("refresh token")]),
            access_keys: keys.seal_key("access token"),
            keys: RwLock::new(Arc::new(keys)),
            accounts: RwLock::new(Arc::new(accounts)),
            reloading: Mutex::new(()),
            bridge: options.bridge,
            local_secret: OnceLock::new(),
            activity: Activity::default(),
            limiter: Limiter::default(),
            turns: Turns::default(),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            hash_queue: Arc::new(Semaphore::new(HASH_PLACES)),
            store,
        }))
    }

    /// What `GET /` tells.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            mode: self.policy.mode(),
            project_id: self.project.id.clone(),
        }
    }

    /// Whether the stores take writes: the system's, and those of the open databases.
    ///
    /// # Errors
    /// What keeps one from doing so.
    pub fn ready(&self) -> Result<(), Error> {
        self.store.ready()?;
        Ok(self.databases.ready()?)
    }

    /// The project, as `firekeep project show` shows it.
    #[must_use]
    pub fn project_summary(&self) -> ProjectSummary {
        self.project.summary(self.policy.mode(), &self.base_url)
    }

    /// Where clients reach the server, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The public keys that verify ID tokens.
    #[must_use]
    pub fn published_keys(&self) -> PublishedKeys {
        self.keys().published()
    }

    /// The public keys of a service account, or `None` when there is no such account.
    #[must_use]
    pub fn service_account_keys(&self, client_email: &str) -> Option<PublishedKeys> {
        self.accounts().published(client_email)
    }

    /// Moves the signing keys along their lives, writes the last sign-in times, drops old rate limits, and removes old
    /// history of documents. Called twice a minute, and at the end. What fails is logged, and keeps nothing else from
    /// being done.
    ///
    /// # Errors
    /// The first storage error.
    pub async fn tend(self: &Arc<Self>) -> Result<(), Error> {
        self.limiter.tend(self.now());
        let mut round = Round::default();
        round.note("signing keys", self.advance_keys().await);
        round.keep(self.tend_databases().await);
        round.note("sign-in times", self.write_activity().await);
        round.end()
    }

    // ---- who asks ----

    /// Accepts this secret as an administrator's bearer credential: the command line's, for as long as the server runs.
    pub fn set_local_secret(&self, secret: &str) {
        let _ = self.local_secret.set(sha256(secret.as_bytes()));
    }

    /// The caller that the credentials of a request prove (auth specification, section 4.3).
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a bearer credential that is not an administrator's;
    /// [`Error::UnknownApiKey`].
    pub fn caller(&self, bearer: Option<&str>, api_key: Option<&str>) -> Result<Caller, Error> {
        if let Some(bearer) = bearer {
            if self.policy.admits(bearer) || self.is_admin(bearer) {
                return Ok(Caller::Privileged {
                    project: self.project_id.clone(),
                });
            }
            return Err(Error::Unauthenticated);
        }
        let Some(key) = api_key.filter(|key| !key.is_empty()) else {
            return Ok(Caller::Anonymous);
        };
        if self.policy.open() || self.project.api_keys.iter().any(|known| known == key) {
            return Ok(Caller::ApiKey {
                project: self.project_id.clone(),
            });
        }
        Err(Error::UnknownApiKey)
    }

    /// The pool of users that a request is about: `path_project` is the project in its path or body.
    ///
    /// # Errors
    /// [`Error::ApiKeyMissing`], [`Error::CredentialMissing`]; [`Error::ProjectNotTheirs`];
    /// [`Error::Forbidden`] for another project;
    /// [`Error::TenantNotFound`], since tenants are not enabled.
    pub fn pool_of(
        &self,
        caller: &Caller,
        path_project: Option<&str>,
        tenant: Option<&str>,
    ) -> Result<Pool, Error> {
        let project = match (caller, path_project) {
            // A path that names a project is an administrator's, and an API key would not do.
            (Caller::Anonymous, Some(_)) => return Err(Error::CredentialMissing),
            (Caller::Anonymous, None) => return Err(Error::ApiKeyMissing),
            (Caller::ApiKey { .. }, Some(_)) => return Err(Error::ProjectNotTheirs),
            (Caller::User { .. }, _) => return Err(Error::Forbidden),
            (Caller::ApiKey { project }, None) | (Caller::Privileged { project }, None) => {
                project.clone()
            }
            (Caller::Privileged { project }, Some(named)) if named == project.as_str() => {
                project.clone()
            }
            (Caller::Privileged { .. }, Some(named)) if self.policy.open() => parse_project(named)?,
            (Caller::Privileged { .. }, Some(_)) => return Err(Error::Forbidden),
        };
        match tenant.filter(|tenant| !tenant.is_empty()) {
            Some(_) => Err(Error::TenantNotFound),
            None => Ok(Pool::of(&project)),
        }
    }

    /// The default project's pool: the account server's.
    #[must_use]
    pub fn default_pool(&self) -> Pool {
        Pool::of(&self.project_id)
    }

    /// Exchanges a signed assertion for an administrator's access token: the text and its life in seconds.
    ///
    /// # Errors
    /// [`Error::Assertion`] with the reason.
    ///
    /// Source: auth specification, section 17.1.
    pub fn access_token(&self, assertion: &str) -> Result<(String, i64), Error> {
        let now = self.now();
        let own = format!("{}/oauth2.googleapis.com/token", self.base_url);
        let audiences = [
            "https://oauth2.googleapis.com/token",
            "https://www.googleapis.com/oauth2/v4/token",
            "https://accounts.google.com/o/oauth2/token",
            own.as_str(),
        ];
        let accounts = self.accounts();
        let email =
            firekeep_token::assertion::verify(assertion, accounts.as_ref(), &audiences, now)
                .map_err(Error::Assertion)?;
        let plain = format!("{} {email}", now.secs() + ACCESS_TOKEN_LIFETIME_SECS);
        let mut nonce = [0; 12];
        SystemRng.fill(&mut nonce);
        let sealed = self
            .access_keys
            .seal(nonce, plain.as_bytes(), b"access token");
        Ok((
            format!("fka1.{}", hex::encode(sealed)),
            ACCESS_TOKEN_LIFETIME_SECS - 1,
        ))
    }

    /// Whether a bearer credential is the secret of the command line of this machine.
    pub(crate) fn is_local(&self, bearer: &str) -> bool {
        let local = self.local_secret.get();
        local.is_some_and(|secret| equal(secret, &sha256(bearer.as_bytes())))
    }

    pub(crate) fn is_admin(&self, bearer: &str) -> bool {
        use firekeep_token::custom::ServiceAccounts as _;
        if self.is_local(bearer) {
            return true;
        }
        let now = self.now();
        let accounts = self.accounts();
        let enabled = |email: &str| accounts.find(email).is_some_and(|found| !found.disabled);
        if let Some(text) = bearer.strip_prefix("fka1.") {
            let plain = hex::decode(text)
                .ok()
                .and_then(|sealed| self.access_keys.open(&sealed, b"access token"))
                .and_then(|plain| String::from_utf8(plain).ok());
            return plain
                .as_deref()
                .and_then(|plain| plain.split_once(' '))
                .is_some_and(|(expires, email)| {
                    expires.parse().is_ok_and(|secs: i64| secs > now.secs()) && enabled(email)
                });
        }
        // A self-signed JWT, as some Google client libraries send.
        let audiences = [
            "https://identitytoolkit.googleapis.com/",
            "https://firestore.googleapis.com/",
            self.base_url.as_str(),
        ];
        let scopes = [
            "https://www.googleapis.com/auth/cloud-platform",
            "https://www.googleapis.com/auth/datastore",
            "https://www.googleapis.com/auth/firebase",
        ];
        let accounts = accounts.as_ref();
        firekeep_token::assertion::verify_bearer(bearer, accounts, &audiences, &scopes, now).is_ok()
    }

    // ---- reading and writing ----

    /// The time now; read it once per operation.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time now, in whole seconds.
    #[must_use]
    pub fn now_secs(&self) -> i64 {
        self.now().secs()
    }

    /// A view of everything committed.
    pub(crate) fn read(&self) -> Result<ReadTx<'_>, Error> {
        Ok(self.store.read()?)
    }

    /// Runs `work` in a transaction off the async threads, and answers when its writes are durable.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.write_at(self.now(), work).await
    }

    /// The same for an operation that has read the clock already.
    pub(crate) async fn write_at<T: Send + 'static>(
        self: &Arc<Self>,
        now: Timestamp,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let core = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || core.write_here_at(now, work));
        task.await
            .map_err(|_| Error::Internal("a write did not end".to_owned()))?
    }

    /// The same on this thread, for callers that may block.
    pub(crate) fn write_here<T>(
        &self,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.write_here_at(self.now(), work)
    }

    fn write_here_at<T>(
        &self,
        now: Timestamp,
        work: impl Fn(&mut WriteTx<'_>, &mut OpContext<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.store
            .write(|tx: &mut WriteTx<'_>| -> Result<T, Error> {
                let mut rng = SystemRng;
                work(tx, &mut OpContext { now, rng: &mut rng })
            })
    }

    // ---- keys ----

    pub(crate) fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn accounts(&self) -> Arc<Registry> {
        Arc::clone(&self.accounts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key file that the account server signs with: the bridge's when there is one.
    pub(crate) fn account_signer<T>(&self, use_it: impl FnOnce(&KeyFile) -> T) -> T {
        match &self.bridge {
            Some(file) => use_it(file),
            None => use_it(self.accounts().built_in()),
        }
    }

    /// Loads keys and service accounts again, after a change.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let _alone = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let tx = self.read()?;
        let keys = Arc::new(Keyring::load(&tx)?);
        let accounts = Arc::new(Registry::load(&tx)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        *self
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner) = accounts;
        self.look_at_administrators();
        Ok(())
    }

    /// Makes and registers a service account, and gives its key file: the only copy of the private key. The file leads
    /// to the server at `base_url`, or to where clients reach this one.
    pub(crate) fn create_service_account(
        &self,
        name: &str,
        base_url: Option<&str>,
    ) -> Result<KeyFile, Error> {
        let mut rng = SystemRng;
        let mut cx = OpContext {
            now: self.now(),
            rng: &mut rng,
        };
        let base_url = base_url.unwrap_or(&self.base_url);
        let file =
            KeyFile::generate(&self.project_id, name, base_url, &mut cx).map_err(Error::KeyFile)?;
        let new = NewAccount::of(&file, cx.now)?;
        self.write_here(|tx, cx| service_accounts::register(tx, &new, cx.now))?;
        self.reload()?;
        Ok(file)
    }
}

/// Makes the keys and the built-in account that a new data folder lacks: before the transaction that stores them, since
/// an RSA key takes long.
fn make_missing(store: &Store, now: Timestamp, project: &Project) -> Result<(), Error> {
    let mut rng = SystemRng;
    let mut cx = OpContext { now, rng: &mut rng };
    let tx = store.read()?;
    let key = match Keyring::wants_current(&tx)? {
        true => Some(NewKey::make(now)?),
        false => None,
    };
    let account = match Registry::wants_built_in(&tx)? {
        true => {
            let id = parse_project(&project.id)?;
            Some(NewAccount::built_in(&mut cx, &id, project.base_url())?)
        }
        false => None,
    };
    drop(tx);
    store.write(|tx: &mut WriteTx<'_>| {
        let mut rng = SystemRng;
        Keyring::create_missing(tx, &mut OpContext { now, rng: &mut rng }, key.as_ref())?;
        Registry::create_missing(tx, now, account.as_ref())
    })
}

fn parse_project(text: &str) -> Result<ProjectId, Error> {
    ProjectId::parse(text).map_err(|error| Error::Invalid(format!("project `{text}`: {error}")))
}

#[cfg(test)]
mod tests;
