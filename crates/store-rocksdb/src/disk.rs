//! The disk below the folder.

use std::path::Path;

/// The bytes on the disk of a folder that this user may still fill; `None` where that cannot be told.
#[must_use]
pub fn disk_free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    // Not `f_bfree`: some of those are kept for the superuser.
    disk.f_bavail.checked_mul(disk.f_frsize)
}
