//! `firekeep verify` and `firekeep doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, bail};
use firekeep_store_rocksdb::disk_free_bytes;
use serde_json::json;

use super::At;
use crate::data::{open_engine, running};
use crate::server::CACHE_BYTES_SMALL;

/// Less room than this on the disk is reported, in MiB: a few times what the write-ahead logs may take.
const DISK_FREE_MIB_MIN: u64 = 512;

/// Checks the stored data.
pub(crate) fn verify(at: &At) -> Result<()> {
    if !at.data.join("db").exists() {
        bail!(
            "there is no data in `{}`; name the data folder with --data",
            at.data.display()
        );
    }
    let engine = open_engine(&at.data, CACHE_BYTES_SMALL)?;
    let report = engine.verify();
    let sound = report.problems.is_empty();
    if at.json {
        let problems = &report.problems;
        println!(
            "{}",
            json!({ "ok": sound, "rows": report.rows, "bytes": report.bytes, "problems": problems })
        );
    } else {
        println!(
            "{} rows of {} bytes in {}",
            report.rows,
            report.bytes,
            at.data.display()
        );
        for problem in &report.problems {
            println!("DAMAGED: {problem}");
        }
    }
    if !sound {
        bail!("the data is damaged; restore a backup, and keep this folder for the examination");
    }
    Ok(())
}

/// Checks the deployment.
pub(crate) fn run(at: &At) -> Result<()> {
    let findings = examine(&at.data);
    let bad = findings.iter().filter(|(good, _)| !good).count();
    if at.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|(ok, text)| json!({ "ok": ok, "text": text }))
            .collect();
        println!("{}", json!({ "ok": bad == 0, "findings": rows }));
    } else {
        for (good, text) in &findings {
            println!("{} {text}", if *good { "ok  " } else { "MEND" });
        }
    }
    if bad > 0 {
        bail!("{bad} thing(s) to mend")
    } else {
        Ok(())
    }
}

fn examine(folder: &Path) -> Vec<(bool, String)> {
    let shown = folder.display();
    let Ok(metadata) = fs::metadata(folder) else {
        return vec![(
            false,
            format!(
                "there is no data folder `{shown}`: `firekeep serve` makes it, or name yours with --data"
            ),
        )];
    };
    let mut findings = Vec::new();
    let open_to_others = metadata.permissions().mode() & 0o077 != 0;
    findings.push(if open_to_others {
        (
            false,
            format!("other users can read `{shown}`, which holds keys: chmod 700 {shown}"),
        )
    } else {
        (true, format!("only its owner can read `{shown}`"))
    });
    let probe = folder.join(".doctor");
    findings.push(
        match fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe)) {
            Ok(()) => (true, format!("`{shown}` can be written")),
            Err(error) => (
                false,
                format!("`{shown}` cannot be written ({error}): free space or mend its owner"),
            ),
        },
    );
    if let Some(bytes) = disk_free_bytes(folder) {
        let mib = bytes / (1024 * 1024);
        let enough = mib >= DISK_FREE_MIB_MIN;
        let advice = if enough { "" } else { ": make room on it" };
        let text = format!("{mib} MiB are free on the disk of `{shown}`{advice}");
        findings.push((enough, text));
    }
    findings.push(match running(folder) {
        Some(server) => (true, format!("a server runs at {}", server.url)),
        None => (
            true,
            "no server runs on this folder; `firekeep serve` starts one".to_owned(),
        ),
    });
    findings
}
