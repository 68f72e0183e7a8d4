//! The data folder: opened by one process at a time.
//!
//! `db/` (mode 0700) is the engine's. `README.txt` says what the folder is, and that there was data in it.
//! `running.json` (mode 0600) is there while a server runs: its addresses, and a secret by which the command line of
//! the same user administers it. A server that was killed leaves it behind; the engine's lock says whether one runs.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use firekeep_api::{Access, Core, KeyFile, Mode, Options, SystemClock};
use firekeep_model::ProjectId;
use firekeep_store::{CommitTime, DbId, Engine as _, Error as StoreError, Store};
use firekeep_store_rocksdb::{Options as EngineOptions, RocksEngine};
use serde::{Deserialize, Serialize};

use crate::base_url::BaseUrl;

/// The system's database: everything but documents, and which databases of documents there are.
pub(crate) const DB: DbId = DbId(0);

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
    /// Where clients reach the server; what it was last, when absent.
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) bridge: Option<KeyFile>,
    /// Who may use documents, in dev mode.
    pub(crate) documents: Access,
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
    /// The command line's door.
    pub(crate) url: String,
    /// Where it listens for clients.
    #[serde(default)]
    pub(crate) public_url: String,
    pub(crate) secret: String,
}

impl Data {
    /// Opens the folder, making it when there is none.
    pub(crate) fn open(how: Open<'_>) -> Result<Self> {
        let folder = how.folder;
        make(folder).with_context(|| {
            format!(
                "the data folder `{}` cannot be made; name another one with --data",
                folder.display()
            )
        })?;
        close_to_others(folder);
        let clock = Arc::new(SystemClock);
        let engine = Arc::new(open_engine(folder, how.cache_bytes)?);
        let useless = |error| in_words(folder, error);
        let store = Store::open(engine.clone(), DB, clock.clone())
            .map_err(|error| useless(error.into()))?;
        let options = Options {
            project: how.project,
            mode: how.mode,
            base_url: how.base_url.map(|url| url.to_string()),
            bridge: how.bridge,
            documents: how.documents,
        };
        let core = Core::open(engine, Arc::clone(&store), clock, options)
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
    pub(crate) fn announce(&self, note: &Running) -> Result<()> {
        let path = running_path(&self.folder);
        // A new file, so that the mode is ours whoever made an old one.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("write `{}`", path.display()))?;
        file.write_all(serde_json::to_string(note)?.as_bytes())
            .with_context(|| format!("write `{}`", path.display()))
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
    let engine = RocksEngine::open(&db_path(folder), clock, EngineOptions { cache_bytes })?;
    // Nobody else has the folder, so the server that left a note was killed.
    let _ = fs::remove_file(running_path(folder));
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

/// Makes a folder for its owner only; one that is there stays as it is.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

/// Keeps other users of the machine out of the database, which holds private keys. The outer folder is the owner's to
/// decide on: its mode may be what lets a backup in, so it is only spoken of.
fn close_to_others(folder: &Path) {
    let db = db_path(folder);
    // Where it cannot be made, the engine says why.
    let _ = make(&db);
    if is_open_to_others(&db) && fs::set_permissions(&db, Permissions::from_mode(0o700)).is_err() {
        tracing::warn!(
            "other users of this machine can enter `{}`, which holds private keys: chmod 700",
            db.display()
        );
    }
    if is_open_to_others(folder) {
        tracing::warn!(
            "other users of this machine can enter `{0}`, which holds private keys: chmod 700 {0}",
            folder.display()
        );
    }
}

/// Whether anybody but the owner may do anything with a file or folder.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

/// Whether there is, or was, a database in the folder.
pub(crate) fn has_data(folder: &Path) -> bool {
    db_path(folder).exists() || folder.join(MARK_FILE).exists()
}

/// What a command says that needs data.
pub(crate) fn no_data(folder: &Path) -> String {
    format!(
        "there is no data in `{}`; name the folder with --data",
        folder.display()
    )
}

/// The engine's part of a data folder.
pub(crate) fn db_path(folder: &Path) -> PathBuf {
    folder.join("db")
}

/// The note of the server that runs on this folder, or ran there until it was killed.
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
    fn only_the_owner_enters_a_database() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let db = db_path(folder.path());
        for made_before in [false, true] {
            if made_before {
                fs::set_permissions(&db, Permissions::from_mode(0o755)).unwrap();
            }
            close_to_others(folder.path());
            assert!(!is_open_to_others(&db));
        }
        assert!(is_open_to_others(folder.path()));
    }

    #[test]
    fn a_note_is_only_good_while_its_server_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            running_path(folder.path()),
            "{\"url\":\"\",\"secret\":\"\"}",
        )
        .unwrap();
        assert!(running(folder.path()).is_some());
        open_engine(folder.path(), 1024 * 1024).unwrap();
        assert!(running(folder.path()).is_none());
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
