//! Why the folder does not open, and how RocksDB's errors read above.

use std::io;
use std::path::{Path, PathBuf};

use rocksdb::ErrorKind;

/// Why a data folder was not opened. Every sentence ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another engine in this one, has it.
    #[error(
        "the data folder `{folder}` is in use by another process; \
         stop that process first, or choose another folder"
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The folder or a file in it cannot be written.
    #[error(
        "the data folder `{folder}` cannot be written ({cause}); \
         give the user that runs this program write permission for it, or choose another folder"
    )]
    ReadOnly {
        /// The data folder.
        folder: PathBuf,
        /// What the file system said.
        cause: String,
    },
    /// A newer version wrote it.
    #[error(
        "the data folder `{folder}` was written by a newer version ({found}); \
         start that version, or restore a backup made before the upgrade"
    )]
    NewerFormat {
        /// The data folder.
        folder: PathBuf,
        /// What this version does not know.
        found: String,
    },
    /// Nothing more fits on the disk.
    #[error(
        "the disk of the data folder `{folder}` is full; \
         make room on it and start again, no committed data is lost"
    )]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
    },
    /// Its bytes are not what was written.
    #[error(
        "the data folder `{folder}` is damaged: {cause}; \
         keep a copy of it, check the disk, and restore the newest backup into an empty folder"
    )]
    Corrupt {
        /// The data folder.
        folder: PathBuf,
        /// Where, and what is wrong there.
        cause: String,
    },
    /// Something else.
    #[error(
        "the data folder `{folder}` cannot be opened: {cause}; \
         check that it is a folder on a local disk"
    )]
    Failed {
        /// The data folder.
        folder: PathBuf,
        /// What the file system or RocksDB said.
        cause: String,
    },
}

impl OpenError {
    /// From a file operation of our own.
    pub(crate) fn from_io(folder: &Path, error: &io::Error) -> Self {
        let (folder, cause) = (folder.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { folder, cause }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { folder },
            _ => Self::Failed { folder, cause },
        }
    }

    /// From RocksDB, which tells causes apart by their texts alone.
    pub(crate) fn from_rocksdb(folder: &Path, error: rocksdb::Error) -> Self {
        let kind = error.kind();
        let (folder, cause) = (folder.to_owned(), error.into_string());
        let says = |texts: &[&str]| texts.iter().any(|text| cause.contains(text));
        // `strerror` texts of the C library; the process runs in the C locale.
        if says(&["No space left on device", "Disk quota exceeded"]) {
            Self::DiskFull { folder }
        } else if says(&["Permission denied", "Read-only file system"]) {
            Self::ReadOnly { folder, cause }
        } else if says(&["lock hold by current process", "While lock file"]) {
            Self::InUse { folder }
        } else {
            match kind {
                ErrorKind::Corruption => Self::Corrupt { folder, cause },
                ErrorKind::NotSupported => Self::NewerFormat {
                    folder,
                    found: cause,
                },
                _ => Self::Failed { folder, cause },
            }
        }
    }
}

/// A failed read.
pub(crate) fn read_failed(error: rocksdb::Error) -> firekeep_store::Error {
    match error.kind() {
        ErrorKind::Corruption => firekeep_store::Error::Corrupt(error.into_string()),
        _ => firekeep_store::Error::Unavailable(error.into_string()),
    }
}

/// What to say after a failed write, from which on no commit is taken: why, and what to do.
pub(crate) fn write_failed(folder: &Path, error: rocksdb::Error) -> String {
    match OpenError::from_rocksdb(folder, error) {
        OpenError::Failed { folder, cause } => format!(
            "a file operation in the data folder `{}` failed: {cause}; \
             check the disk and start again, no committed data is lost",
            folder.display()
        ),
        // A full disk, damage and the like read as they would at the start.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_errors_say_what_to_do() {
        let text = |kind: io::ErrorKind| {
            OpenError::from_io(Path::new("/data"), &io::Error::from(kind)).to_string()
        };
        assert!(text(io::ErrorKind::PermissionDenied).contains("write permission"));
        assert!(text(io::ErrorKind::ReadOnlyFilesystem).contains("write permission"));
        assert!(text(io::ErrorKind::StorageFull).contains("make room"));
        assert!(text(io::ErrorKind::NotADirectory).contains("a folder on a local disk"));
    }
}
