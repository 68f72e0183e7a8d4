//! `firekeep verify`: the stored data as the disk has it, then every database's documents against their indexes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use firekeep_api::SystemClock;
use firekeep_api::firestore::{Verified, verify_documents};
use firekeep_model::{Clock, DatabaseName};
use firekeep_store::Engine;
use serde_json::{Value, json};

use super::{At, output};
use crate::data::{DB, db_path, no_data, open_engine};
use crate::limits::{CACHE_BYTES_SMALL, PROGRESS_SHOWN_EVERY};

/// Checks the stored data.
pub(crate) fn run(at: &At) -> Result<()> {
    if !db_path(&at.data).exists() {
        bail!(no_data(&at.data));
    }
    let engine = Arc::new(open_engine(&at.data, CACHE_BYTES_SMALL)?);
    let mut progress = Progress(Instant::now());
    let report = engine.verify_telling(&mut |so_far| {
        progress.tell(|| format!("{} rows read so far", so_far.rows));
    });
    let mut problems = report.problems;
    // Whether nothing but index entries is wrong.
    let mut is_readable = problems.is_empty();
    let engine: Arc<dyn Engine> = engine;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut tell = |name: &DatabaseName, so_far: &Verified| {
        let (documents, entries) = (so_far.documents, so_far.entries);
        progress.tell(|| {
            format!("{name}: {documents} documents and {entries} index entries checked so far")
        });
    };
    let mut databases = Vec::new();
    match verify_documents(&engine, DB, &clock, &mut tell) {
        Ok(all) => {
            for (name, found) in all {
                is_readable &= found.as_ref().is_ok_and(|found| found.unreadable == 0);
                databases.push(judge(&name, found, &mut problems));
            }
        }
        Err(error) => {
            is_readable = false;
            problems.push(format!("the list of databases: {error}"));
        }
    }
    let sound = problems.is_empty();
    if at.json {
        output::print_json(&json!({
            "ok": sound,
            "rows": report.rows,
            "bytes": report.bytes,
            "databases": databases.iter().map(|(_, shown)| shown).collect::<Vec<_>>(),
            "problems": problems,
        }))?;
    } else {
        let (rows, bytes) = (report.rows, report.bytes);
        let mut text = format!("{rows} rows of {bytes} bytes in {}\n", at.data.display());
        for (line, _) in &databases {
            writeln!(text, "{line}")?;
        }
        for problem in &problems {
            writeln!(text, "DAMAGED: {problem}")?;
        }
        output::print_lines(&text)?;
    }
    match (sound, is_readable) {
        (true, _) => Ok(()),
        (false, true) => bail!(REBUILD),
        (false, false) => bail!(RESTORE),
    }
}

const RESTORE: &str =
    "the data is damaged; restore a backup, and keep this folder for the examination";

/// Entries follow from the documents, and an import makes them anew.
const REBUILD: &str = "only index entries are wrong, and every document can be read: `firekeep export` the databases that \
     have faults, and `firekeep import` each under a new name or into a new folder, where its entries are made anew; keep \
     this folder for the examination";

/// What was found in a database, for people and for scripts. Its faults join the problems.
fn judge(
    name: &DatabaseName,
    found: Result<Verified, firekeep_api::Error>,
    problems: &mut Vec<String>,
) -> (String, Value) {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            problems.push(format!("{name}: {error}"));
            let shown = json!({ "name": name.to_string(), "error": error.to_string() });
            return (format!("{name}: it cannot be read to its end"), shown);
        }
    };
    let (documents, entries, faults) = (found.documents, found.entries, found.faults);
    let shown = u64::try_from(found.first.len()).unwrap_or(u64::MAX);
    problems.extend(found.first.iter().map(|fault| format!("{name}: {fault}")));
    if faults > shown {
        problems.push(format!("{name}: {} more faults", faults - shown));
    }
    let line = format!("{name}: {documents} documents, {entries} index entries, {faults} faults");
    let shown = json!({
        "name": name.to_string(),
        "documents": documents,
        "indexEntries": entries,
        "faults": faults,
    });
    (line, shown)
}

/// When something was said last.
struct Progress(Instant);

impl Progress {
    /// Says how far it is, if that is not too soon.
    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.0.elapsed() >= PROGRESS_SHOWN_EVERY {
            self.0 = Instant::now();
            output::note(&what());
        }
    }
}

#[cfg(test)]
mod tests {
    use firekeep_model::{DatabaseId, ProjectId};

    use super::*;

    #[test]
    fn faults_become_problems() {
        let project = ProjectId::parse("demo-p").unwrap();
        let name = DatabaseName::new(project, DatabaseId::default());
        let check = |found, line: &str, expected: &[&str]| {
            let mut problems = Vec::new();
            let (shown, _) = judge(&name, found, &mut problems);
            assert_eq!(
                shown,
                format!("projects/demo-p/databases/(default): {line}")
            );
            let expected = expected.iter();
            let expected: Vec<_> = expected
                .map(|problem| format!("projects/demo-p/databases/(default): {problem}"))
                .collect();
            assert_eq!(problems, expected);
        };
        let sound = Verified {
            documents: 2,
            entries: 5,
            ..Verified::default()
        };
        check(
            Ok(sound.clone()),
            "2 documents, 5 index entries, 0 faults",
            &[],
        );
        let damaged = Verified {
            faults: 3,
            first: vec!["one".to_owned()],
            ..sound
        };
        check(
            Ok(damaged),
            "2 documents, 5 index entries, 3 faults",
            &["one", "2 more faults"],
        );
        let unread = firekeep_api::Error::Internal("a row".to_owned());
        check(
            Err(unread),
            "it cannot be read to its end",
            &["internal error: a row"],
        );
    }
}
