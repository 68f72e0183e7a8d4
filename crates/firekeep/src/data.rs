//! The data folder: opened by one process at a time.
//!
//! `db/` is the engine's. `README.txt` says what the folder is, and that there was data in it. `running.json` (mode 0600) is there while a server runs: its address, and a secret by which
//! the command line of the same user administers it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use firekeep_api::{Core, KeyFile, Mode, Options, SystemClock};
use firekeep_model::ProjectId;
use firekeep_store::{CommitTime, DbId, Engine as _, Error as StoreError, Store};
use firekeep_store_rocksdb::{Options as EngineOptions, RocksEngine};
use serde::{Deserialize, Serialize};

/// The database that holds everything.
const DB: DbId = DbId(0);

/// The file that says that there is data.
const MARK_FILE: &str = "README.txt";
const MARK: &str = "\
This folder holds the data of a Firekeep server: accounts, password hashes and private keys.
Keep it to its owner, and let one Firekeep at a time use it. Nothing in it is meant to be edited.
";

/// How to open a data folder.
pub(crate) struct Open<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) project: Option<ProjectId>,
    pub(crate) mode: Mode,
    pub(crate) base_url: String,
    pub(crate) bridge: Option<KeyFile>,
    pub(crate) cache_bytes: usize,
}

/// An open data folder.
pub(crate) struct Data {
    pub(crate) core: Arc<Core>,
    pub(crate) store: Arc<Store>,
    folder: PathBuf,
}

/// What a running server leaves for the command line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) secret: String,
}

impl Data {
    /// Opens the folder, making it when there is none.
    pub(crate) fn open(how: Open<'_>) -> Result<Self> {
        let folder = how.folder;
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| {
                format!(
                    "the data folder `{}` cannot be made; name another one with --data",
                    folder.display()
                )
            })?;
        let clock = Arc::new(SystemClock);
        let engine = open_engine(folder, how.cache_bytes)?;
        let useless = |error| in_words(folder, error);
        let store = Store::open(Arc::new(engine), DB, clock.clone())
            .map_err(|error| useless(error.into()))?;
        let options = Options {
            project: how.project,
            mode: how.mode,
            base_url: how.base_url,
            bridge: how.bridge,
        };
        let core = Core::open(Arc::clone(&store), clock, options)
            .map_err(|error| useless(error.into()))?;
        // Without the mark, only the next start's check for lost data is missing.
        let mark = folder.join(MARK_FILE);
        if !mark.exists() {
            let _ = fs::write(mark, MARK);
        }
        Ok(Self {
            core,
            store,
            folder: folder.to_owned(),
        })
    }

    /// Leaves the note for the command line.
    pub(crate) fn announce(&self, url: &str, secret: &str) -> Result<()> {
        let path = running_path(&self.folder);
        // A new file, so that the mode is ours whoever made an old one.
        let _ = fs::remove_file(&path);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("write `{}`", path.display()))?;
        let note = Running {
            url: url.to_owned(),
            secret: secret.to_owned(),
        };
        file.write_all(serde_json::to_string(&note)?.as_bytes())?;
        Ok(())
    }

    /// Takes the note away.
    pub(crate) fn retire(&self) {
        let _ = fs::remove_file(running_path(&self.folder));
    }
}

/// Opens the engine of a data folder, and refuses one whose data is gone: a lost file of the engine may look to it like
/// a new folder, and a new project with new keys must not take the place of the lost one unasked.
pub(crate) fn open_engine(folder: &Path, cache_bytes: usize) -> Result<RocksEngine> {
    let clock = Arc::new(SystemClock);
    let engine = RocksEngine::open(&folder.join("db"), clock, EngineOptions { cache_bytes })?;
    if folder.join(MARK_FILE).exists() && engine.snapshot(DB)?.time() == CommitTime::ZERO {
        bail!(
            "the data folder `{}` is damaged: it had data, and now its database is empty; restore the newest backup \
             into an empty folder, or name another folder with --data to begin anew",
            folder.display()
        );
    }
    Ok(engine)
}

/// What is wrong with the folder, and what to do: an engine that opened has not yet read nor written everything.
pub(crate) fn in_words(folder: &Path, error: Error) -> Error {
    let folder = folder.display();
    match error.chain().find_map(|cause| cause.downcast_ref()) {
        Some(StoreError::Corrupt(cause)) => anyhow!(
            "the data folder `{folder}` is damaged: {cause}; keep a copy of it, check the disk, and restore the newest \
             backup into an empty folder"
        ),
        // The engine's sentence names the folder, and says what to do.
        Some(StoreError::Fatal(cause) | StoreError::Unavailable(cause)) => anyhow!("{cause}"),
        Some(newer @ StoreError::NewerFormat { .. }) => {
            anyhow!("the data folder `{folder}` was written by a newer version: {newer}")
        }
        _ => error,
    }
}

/// The note of the server that runs on this folder, if one does.
pub(crate) fn running(folder: &Path) -> Option<Running> {
    serde_json::from_slice(&fs::read(running_path(folder)).ok()?).ok()
}

fn running_path(folder: &Path) -> PathBuf {
    folder.join("running.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: Error, words: &str) {
        let text = format!("{:#}", in_words(Path::new("/data"), error));
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn a_folder_that_fails_late_says_what_to_do() {
        let cause = || "block 7".to_owned();
        let damaged = StoreError::Corrupt(cause());
        check(
            damaged.into(),
            "the data folder `/data` is damaged: block 7; keep a copy",
        );
        let deep = firekeep_api::Error::from(StoreError::Corrupt(cause()));
        check(deep.into(), "restore the newest backup");
        check(StoreError::Fatal(cause()).into(), "block 7");
        check(StoreError::Unavailable(cause()).into(), "block 7");
        let newer = StoreError::NewerFormat { found: 2, known: 1 };
        check(newer.into(), "start the newer version");
        check(StoreError::Closed.into(), "the store is closed");
    }
}
