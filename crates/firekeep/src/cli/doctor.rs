//! `firekeep doctor`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use firekeep_api::SystemClock;
use firekeep_api::admin::Command;
use firekeep_model::Clock as _;
use firekeep_store_rocksdb::disk_free_bytes;
use serde_json::{Value, json};

use super::call::{Absent, Place};
use super::{At, door, output};
use crate::base_url::BaseUrl;
use crate::data::{Running, db_path, has_data, is_open_to_others};
use crate::limits::{CERTIFICATE_DAYS_MIN, DISK_FREE_MIB_MIN, SIGNING_KEY_DAYS_MAX};
use crate::server::certificate_end;

/// `firekeep doctor`
#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    at: At,
    /// The certificate chain that the server is given, PEM.
    #[arg(long, env = "FIREKEEP_TLS_CERT")]
    tls_cert: Option<PathBuf>,
}

/// What was looked at, and whether it is in order.
#[derive(Debug)]
struct Finding {
    ok: bool,
    text: String,
}

fn good(text: impl Into<String>) -> Finding {
    let text = text.into();
    Finding { ok: true, text }
}

fn mend(text: impl Into<String>) -> Finding {
    let text = text.into();
    Finding { ok: false, text }
}

/// Checks the deployment.
pub(crate) fn run(doctor: &Doctor) -> Result<()> {
    let findings = examine(doctor);
    let bad = findings.iter().filter(|finding| !finding.ok).count();
    if doctor.at.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|finding| json!({ "ok": finding.ok, "text": finding.text }))
            .collect();
        output::print_json(&json!({ "ok": bad == 0, "findings": rows }))?;
    } else {
        let mut text = String::new();
        for Finding { ok, text: found } in &findings {
            writeln!(text, "{} {found}", if *ok { "ok  " } else { "MEND" })?;
        }
        output::print_lines(&text)?;
    }
    if bad > 0 {
        bail!("{bad} thing(s) to mend")
    } else {
        Ok(())
    }
}

fn examine(doctor: &Doctor) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folder = doctor.at.data.as_path();
    if !folder.is_dir() {
        findings.push(mend(format!(
            "there is no data folder `{}`: `firekeep serve` makes it, or name yours with --data",
            folder.display()
        )));
    } else {
        look_at_folder(folder, &mut findings);
        if has_data(folder) {
            look_at_data(&doctor.at, &mut findings);
        } else {
            findings.push(mend(format!(
                "there is no data in `{}`: `firekeep serve` makes it, or name your folder with --data",
                folder.display()
            )));
        }
    }
    if let Some(file) = &doctor.tls_cert {
        findings.push(certificate(file));
    }
    findings
}

fn look_at_folder(folder: &Path, findings: &mut Vec<Finding>) {
    let shown = folder.display();
    let db = db_path(folder);
    // First the folders: a closed one keeps others from what is in it.
    for path in [folder, db.as_path()] {
        let shown = path.display();
        findings.push(if is_open_to_others(path) {
            mend(format!(
                "other users can enter `{shown}`, which holds private keys: chmod 700 {shown}"
            ))
        } else {
            good(format!("only its owner can enter `{shown}`"))
        });
    }
    let readable = files(&db).filter(|file| is_open_to_others(file)).count();
    if readable > 0 {
        findings.push(mend(format!(
            "{readable} files in `{0}`, which hold private keys, are readable to others who get there: \
             chmod -R go= {0}",
            db.display()
        )));
    }
    let probe = folder.join(".doctor");
    findings.push(
        match fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe)) {
            Ok(()) => good(format!("`{shown}` can be written")),
            Err(error) => mend(format!(
                "`{shown}` cannot be written ({error}): free space or mend its owner"
            )),
        },
    );
    if let Some(bytes) = disk_free_bytes(folder) {
        let mib = bytes / (1024 * 1024);
        let free = format!("{mib} MiB are free on the disk of `{shown}`");
        findings.push(if mib >= DISK_FREE_MIB_MIN {
            good(free)
        } else {
            mend(format!("{free}: make room on it"))
        });
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Asks the server, or opens the folder when none runs.
fn look_at_data(at: &At, findings: &mut Vec<Finding>) {
    let place = match Place::find(at, Absent::Refuse) {
        Ok(place) => place,
        Err(error) => {
            findings.push(mend(format!("the data cannot be opened: {error:#}")));
            return;
        }
    };
    let server = match &place {
        Place::Folder(_) => {
            let text = "no server runs on this folder; `firekeep serve` starts one";
            findings.push(good(text));
            None
        }
        Place::Server(server) => {
            findings.push(good(format!("a server listens on {}", server.public_url)));
            findings.push(match door::is_ready(server) {
                Ok(true) => good("it is ready: its storage takes writes"),
                Ok(false) => mend("it is not ready: its storage takes no writes, its log says why"),
                Err(error) => mend(format!("{error:#}: see its log, and start it again")),
            });
            Some(server)
        }
    };
    let judged = place.run(Command::ProjectShow).and_then(|project| {
        findings.extend(judge_project(&project, server));
        findings.push(judge_keys(&place.run(Command::KeysList)?, server));
        Ok(())
    });
    if let Err(error) = judged {
        findings.push(mend(format!("the data cannot be read: {error:#}")));
    }
    place.leave();
}

/// The mode, and where clients reach the server.
fn judge_project(project: &Value, server: Option<&Running>) -> [Finding; 2] {
    let member = |name| {
        project
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (mode, text) = (member("mode"), member("baseUrl"));
    let url = text.parse::<BaseUrl>().ok();
    let is_here = |url: &BaseUrl| url.is_loopback();
    let listens = server.and_then(|server| server.public_url.parse().ok());
    let here = url.as_ref().is_some_and(is_here) && listens.as_ref().is_none_or(is_here);
    let encrypted = url.as_ref().is_some_and(BaseUrl::is_encrypted);
    let mode = match (mode, here) {
        ("dev", true) => {
            good("dev mode, for this machine only: whoever reaches it is an administrator")
        }
        ("dev", false) => mend(
            "dev mode: whoever reaches this server is an administrator; serve others in safe mode, from a new data \
             folder",
        ),
        _ => good("safe mode"),
    };
    let address = match (encrypted, here) {
        (true, _) => good(format!("clients reach the server at {text}")),
        (false, true) => good(format!(
            "clients reach the server at {text}, from this machine only"
        )),
        (false, false) => mend(format!(
            "clients reach the server at {text}, where passwords and tokens travel in clear: give `firekeep serve` a \
             certificate, or an https:// --base-url when a proxy ends TLS"
        )),
    };
    [mode, address]
}

/// The keys that sign ID tokens. Only a running server changes them in time.
fn judge_keys(keys: &Value, server: Option<&Running>) -> Finding {
    let keys = keys.get("keys").and_then(Value::as_array);
    let all: Vec<&Value> = keys.into_iter().flatten().collect();
    let in_state = |state: &str| {
        let found = all
            .iter()
            .filter(|key| key.get("state") == Some(&json!(state)));
        found.copied().collect::<Vec<_>>()
    };
    let current = in_state("current");
    let [current] = current.as_slice() else {
        return mend(
            "no key signs ID tokens, or more than one does: firekeep keys rotate --emergency",
        );
    };
    let since = current.get("sinceSecs").and_then(Value::as_i64);
    let now = SystemClock.now().secs();
    let days = (now - since.unwrap_or(now)) / (24 * 3600);
    let (next, retired) = (in_state("next").len(), in_state("retired-verifying").len());
    let state = format!(
        "one key signs ID tokens, for {days} days; {next} published to sign next, {retired} retired that still verify"
    );
    if server.is_some() && days > SIGNING_KEY_DAYS_MAX {
        mend(format!(
            "{state}: it should have been changed, the server's log says why it was not"
        ))
    } else {
        good(state)
    }
}

/// When the certificate ends.
fn certificate(file: &Path) -> Finding {
    let shown = file.display();
    match certificate_end(file) {
        Ok(end) => {
            let days = (end - SystemClock.now().secs()).div_euclid(24 * 3600);
            if days < 0 {
                mend(format!("the certificate `{shown}` has expired: renew it"))
            } else if days < CERTIFICATE_DAYS_MIN {
                mend(format!(
                    "the certificate `{shown}` expires in {days} days: renew it"
                ))
            } else {
                good(format!(
                    "the certificate `{shown}` is valid for {days} days"
                ))
            }
        }
        Err(error) => mend(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &[Finding], ok: bool, words: &str) {
        let hit = found.iter().find(|finding| finding.text.contains(words));
        assert_eq!(hit.map(|finding| finding.ok), Some(ok), "{found:?}");
    }

    fn project(mode: &str, url: &str, listens: Option<&str>) -> [Finding; 2] {
        let server = listens.map(|url| Running {
            url: String::new(),
            public_url: url.to_owned(),
            secret: String::new(),
        });
        judge_project(&json!({ "mode": mode, "baseUrl": url }), server.as_ref())
    }

    #[test]
    fn dev_mode_and_clear_text_are_for_this_machine() {
        let (here, away) = ("http://127.0.0.1:7070", "http://192.0.2.1:7070");
        check(&project("dev", here, None), true, "dev mode");
        check(
            &project("dev", here, Some("http://0.0.0.0:7070")),
            false,
            "dev mode",
        );
        check(&project("dev", away, None), false, "dev mode");
        check(
            &project("safe", here, Some(here)),
            true,
            "this machine only",
        );
        check(&project("safe", away, None), false, "in clear");
        check(
            &project("safe", "https://fk.example.com", Some(away)),
            true,
            "at https://",
        );
    }

    #[test]
    fn a_key_that_is_not_changed_is_told() {
        let now = SystemClock.now().secs();
        let key =
            |state: &str, days: i64| json!({ "state": state, "sinceSecs": now - days * 24 * 3600 });
        let server = Running {
            url: String::new(),
            public_url: String::new(),
            secret: String::new(),
        };
        let keys = |days| json!({ "keys": [key("next", 0), key("current", days)] });
        check(
            &[judge_keys(&keys(3), Some(&server))],
            true,
            "for 3 days; 1 published",
        );
        check(
            &[judge_keys(&keys(40), Some(&server))],
            false,
            "should have been changed",
        );
        check(&[judge_keys(&keys(40), None)], true, "for 40 days");
        check(
            &[judge_keys(&json!({ "keys": [] }), None)],
            false,
            "no key signs",
        );
    }
}
