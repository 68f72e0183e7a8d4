//! `firekeep export` and `firekeep import`: documents to files and back, by the server that has the data open, or here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use firekeep_api::admin::Command;
use firekeep_model::DatabaseId;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::call::{Absent, Place};
use super::{At, output};
use crate::limits::{PROGRESS_EVERY, PROGRESS_SHOWN_EVERY};

/// Which database.
#[derive(Args)]
pub(crate) struct Of {
    #[command(flatten)]
    at: At,
    /// The database.
    #[arg(long, default_value = DatabaseId::DEFAULT)]
    database: String,
    /// The project; the data folder's own when absent.
    #[arg(long)]
    project: Option<String>,
}

/// `firekeep export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    of: Of,
    /// The file to write, or with --managed the folder.
    #[arg(long)]
    out: PathBuf,
    /// The documents as they were at this time, such as 2026-01-31T12:00:00Z: at most an hour ago.
    #[arg(long, value_parser = micros)]
    at: Option<i64>,
    /// Write a folder that the official emulator reads, instead of a file of Firekeep's own format.
    #[arg(long)]
    managed: bool,
}

/// `firekeep import`.
#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    of: Of,
    /// A file of `firekeep export`, or the folder of a managed export (the cloud's, the emulator's).
    from: PathBuf,
}

pub(crate) fn export(export: Export) -> Result<()> {
    let to = absolute(&export.out)?;
    let managed = match export.managed {
        true => Some(name_of(&to)?),
        false => None,
    };
    let of = &export.of;
    let command = Command::DocumentsExport {
        project: of.project.clone(),
        database: of.database.clone(),
        to,
        managed,
        at_micros: export.at,
    };
    run(of, command, Absent::Refuse, "exported")
}

pub(crate) fn import(import: &Import) -> Result<()> {
    let of = &import.of;
    let command = Command::DocumentsImport {
        project: of.project.clone(),
        database: of.database.clone(),
        from: absolute(&import.from)?,
    };
    run(of, command, Absent::Make(None), "imported")
}

/// The server has another working directory.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("`{}` is no path", path.display()))
}

/// A managed export has the name of its folder, as the cloud's.
fn name_of(folder: &Path) -> Result<String> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .with_context(|| format!("`{}` has no name for an export", folder.display()))
}

/// Has it done, tells how far it is, and how it ended.
fn run(of: &Of, command: Command, absent: Absent, done: &str) -> Result<()> {
    let place = Place::find(&of.at, absent)?;
    let ended = follow(&place, command);
    place.leave();
    let ended = ended?;
    if let Some(why) = ended.get("error").and_then(Value::as_str) {
        bail!("{why}");
    }
    for note in ended
        .get("notes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        output::note(note.as_str().unwrap_or_default());
    }
    if of.at.json {
        return output::print_json(&ended);
    }
    output::print_lines(&format!("{}\n", sentence(&ended, done)))
}

fn follow(place: &Place, command: Command) -> Result<Value> {
    let mut state = place.run(command)?;
    let id = text(&state, "id").to_owned();
    let mut shown = Duration::ZERO;
    while state.get("done").and_then(Value::as_bool) != Some(true) {
        std::thread::sleep(PROGRESS_EVERY);
        state = place.run(Command::OperationShow { id: id.clone() })?;
        shown += PROGRESS_EVERY;
        if shown >= PROGRESS_SHOWN_EVERY {
            shown = Duration::ZERO;
            output::note(&format!("{} documents so far", handled(&state)));
        }
    }
    Ok(state)
}

fn text<'a>(state: &'a Value, member: &str) -> &'a str {
    state
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn number(state: &Value, member: &str) -> u64 {
    state
        .get(member)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn handled(state: &Value) -> u64 {
    number(state, "documents") + number(state, "unchanged")
}

fn sentence(state: &Value, done: &str) -> String {
    let documents = number(state, "documents");
    let mut sentence = format!("{done} {documents} documents");
    let unchanged = number(state, "unchanged");
    if unchanged > 0 {
        sentence += &format!("; {unchanged} were there already");
    }
    let time = state.get("readTimeMicros").and_then(Value::as_i64);
    if let Some(time) = time.and_then(rfc3339) {
        sentence += &format!(", as they were at {time}");
    }
    sentence
}

fn rfc3339(micros: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
    time.format(&Rfc3339).ok()
}

/// A time, in microseconds.
fn micros(text: &str) -> Result<i64, String> {
    let advice = "give a time with its zone, such as 2026-01-31T12:00:00Z";
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| advice.to_owned())?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).map_err(|_| advice.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        assert_eq!(micros("1970-01-01T00:00:01.000002Z"), Ok(1_000_002));
        assert_eq!(micros("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(micros("yesterday").is_err());
        assert_eq!(
            rfc3339(1_000_002).as_deref(),
            Some("1970-01-01T00:00:01.000002Z")
        );
    }

    #[test]
    fn the_end_is_a_sentence() {
        let check = |state: Value, expected: &str| assert_eq!(sentence(&state, "did"), expected);
        check(json!({ "documents": 3 }), "did 3 documents");
        check(
            json!({ "documents": 0, "unchanged": 7 }),
            "did 0 documents; 7 were there already",
        );
        check(
            json!({ "documents": 3, "readTimeMicros": 0 }),
            "did 3 documents, as they were at 1970-01-01T00:00:00Z",
        );
    }

    #[test]
    fn a_managed_export_is_called_as_its_folder() {
        assert_eq!(name_of(Path::new("/a/backup-1")).unwrap(), "backup-1");
        assert!(name_of(Path::new("/")).is_err());
    }
}
