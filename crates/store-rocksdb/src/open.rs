//! Opens a data folder: takes it, looks for damage that RocksDB would not report, and only then lets RocksDB in.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use firekeep_model::Clock;
use firekeep_store::{Error, Space};
use rocksdb::{DB, DEFAULT_COLUMN_FAMILY_NAME};

use crate::settings::{Settings, synced};
use crate::{OpenError, Options, RocksEngine, framing};

/// Our own lock beside RocksDB's: it is taken before the folder is looked at, and says clearly that it is taken.
const LOCK_FILE: &str = "firekeep.lock";
/// The file that names the manifest: where it is, there is a database.
const CURRENT_FILE: &str = "CURRENT";
/// Key in the default family of the folder's format: which families there are, and what keys begin with.
const FORMAT_KEY: &[u8] = b"folder-format";
/// The newest format known here. Rows have format numbers of their own.
const FORMAT: u32 = 1;

impl RocksEngine {
    /// Opens the data folder, and makes it if there is none. After a crash, replays what had been committed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        let lock = take(folder)?;
        check_framing(folder)?;
        let settings = Settings::new(options);
        check_families(folder, &settings.folder)?;
        let db = DB::open_cf_descriptors(&settings.folder, folder, settings.families)
            .map_err(|error| OpenError::from_rocksdb(folder, error))?;
        check_format(folder, &db)?;
        Self::new(db, clock, lock).map_err(|error| unreadable(folder, &error))
    }
}

/// RocksDB with this engine's families and settings and nothing else of the engine: the yardstick of the benches.
///
/// # Errors
/// [`OpenError`], as RocksDB has it.
pub fn open_bare(folder: &Path, options: Options) -> Result<DB, OpenError> {
    let settings = Settings::new(options);
    DB::open_cf_descriptors(&settings.folder, folder, settings.families)
        .map_err(|error| OpenError::from_rocksdb(folder, error))
}

/// Locks the folder. The lock ends with the process, however it ends.
fn take(folder: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::from_io(folder, &error);
    make(folder).map_err(failed)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK_FILE))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes the folder. Before the first commit, has the disk keep the folder's name and those above it: without them, a
/// power loss takes away everything that was synced in it.
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if folder.join(CURRENT_FILE).exists() {
        return Ok(());
    }
    let folder = folder.canonicalize()?;
    let disk = fs::metadata(&folder)?.dev();
    for above in folder.ancestors().skip(1) {
        // A mount point needs no name on its own disk, and the one below may not be writable at all.
        if fs::metadata(above)?.dev() != disk {
            break;
        }
        match File::open(above) {
            Ok(above) => above.sync_all()?,
            // It may be entered but not read, so it was made by another user, long before.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn check_framing(folder: &Path) -> Result<(), OpenError> {
    match framing::check(folder) {
        Ok(None) => Ok(()),
        Ok(Some(damage)) => Err(OpenError::Corrupt {
            folder: folder.to_owned(),
            cause: format!(
                "the file `{}` is unreadable at byte {}",
                damage.file.display(),
                damage.offset
            ),
        }),
        Err(error) => Err(OpenError::from_io(folder, &error)),
    }
}

/// A family we do not know is one that a newer version added.
fn check_families(folder: &Path, options: &rocksdb::Options) -> Result<(), OpenError> {
    if !folder.join(CURRENT_FILE).exists() {
        return Ok(());
    }
    let names =
        DB::list_cf(options, folder).map_err(|error| OpenError::from_rocksdb(folder, error))?;
    let known = |name: &String| {
        name == DEFAULT_COLUMN_FAMILY_NAME || Space::ALL.iter().any(|space| space.name() == name)
    };
    match names.into_iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(OpenError::NewerFormat {
            folder: folder.to_owned(),
            found: format!("it has a space `{name}`"),
        }),
    }
}

fn check_format(folder: &Path, db: &DB) -> Result<(), OpenError> {
    let failed = |error| OpenError::from_rocksdb(folder, error);
    let Some(row) = db.get(FORMAT_KEY).map_err(failed)? else {
        return db
            .put_opt(FORMAT_KEY, FORMAT.to_be_bytes(), &synced())
            .map_err(failed);
    };
    match row.as_slice().try_into().map(u32::from_be_bytes) {
        Ok(..=FORMAT) => Ok(()),
        Ok(found) => Err(OpenError::NewerFormat {
            folder: folder.to_owned(),
            found: format!("format {found}, known up to {FORMAT}"),
        }),
        Err(_) => Err(OpenError::Corrupt {
            folder: folder.to_owned(),
            cause: "its format number is not a number".to_owned(),
        }),
    }
}

fn unreadable(folder: &Path, error: &Error) -> OpenError {
    let (folder, cause) = (folder.to_owned(), error.to_string());
    match error {
        Error::Corrupt(_) => OpenError::Corrupt { folder, cause },
        _ => OpenError::Failed { folder, cause },
    }
}
