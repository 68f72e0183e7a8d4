//! A command of the command line, run on the data folder or by the server that has it open.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use firekeep_api::admin::Command;
use firekeep_api::{Access, Error, Mode};
use firekeep_model::ProjectId;
use firekeep_store_rocksdb::OpenError;
use serde_json::Value;

use super::{At, door, output};
use crate::data::{self, Data, Open, Running, running};
use crate::limits::CACHE_BYTES_SMALL;

/// What to do about a folder without data.
pub(crate) enum Absent {
    /// Refuse: the command is about what is there.
    Refuse,
    /// Make a new one, of that project.
    Make(Option<ProjectId>),
}

/// Who runs commands.
pub(crate) enum Place {
    /// This process, on the folder that it opened.
    Folder(Data),
    /// The server that has the folder open.
    Server(Running),
}

/// Runs a command and prints its answer.
pub(crate) fn show(at: &At, command: Command, absent: Absent) -> Result<()> {
    print(at, &run(at, command, absent)?)
}

/// Prints an answer.
pub(crate) fn print(at: &At, answer: &Value) -> Result<()> {
    if at.json {
        return output::print_json(answer);
    }
    let mut text = String::new();
    render(answer, 0, &mut text);
    output::print(&text)
}

/// Runs a command.
pub(crate) fn run(at: &At, command: Command, absent: Absent) -> Result<Value> {
    let place = Place::find(at, absent)?;
    let answer = place.run(command);
    place.leave();
    answer
}

impl Place {
    /// Opens the folder, or finds who has it open. The engine's lock decides: a note that a killed server left means
    /// nothing.
    pub(crate) fn find(at: &At, absent: Absent) -> Result<Self> {
        let new = !data::has_data(&at.data);
        let project = match absent {
            Absent::Refuse if new => bail!(data::no_data(&at.data)),
            Absent::Refuse => None,
            Absent::Make(project) => project,
        };
        let error = match open(at, project) {
            Ok(data) => {
                if new {
                    let id = data.core.status().project_id;
                    let folder = at.data.display();
                    output::note(&format!(
                        "made a new data folder `{folder}` with the project `{id}`"
                    ));
                }
                return Ok(Self::Folder(data));
            }
            Err(error) => error,
        };
        match error.downcast_ref() {
            Some(OpenError::InUse { .. }) => {}
            _ => return Err(error),
        }
        match running(&at.data).filter(door::is_ours) {
            Some(server) => Ok(Self::Server(server)),
            None => Err(error),
        }
    }

    /// Runs a command there.
    pub(crate) fn run(&self, command: Command) -> Result<Value> {
        let data = match self {
            Self::Server(server) => return door::ask(server, &command),
            Self::Folder(data) => data,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(data.core.run(&data.core.owner(), command))?)
    }

    /// Closes the folder, if it was opened.
    pub(crate) fn leave(self) {
        if let Self::Folder(data) = self {
            data.core.close();
            data.store.close();
        }
    }
}

/// Opens a folder of either mode: the command line serves nobody. A new one is made in safe mode.
fn open(at: &At, project: Option<ProjectId>) -> Result<Data> {
    let open = |mode| {
        Data::open(Open {
            folder: &at.data,
            project: project.clone(),
            mode,
            base_url: None,
            bridge: None,
            documents: Access::Administrators,
            cache_bytes: CACHE_BYTES_SMALL,
        })
    };
    match open(Mode::Safe) {
        Err(error) if matches!(error.downcast_ref(), Some(Error::MadeInDevMode)) => open(Mode::Dev),
        result => result,
    }
}

/// JSON for people: a line per member, nested ones indented.
fn render(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    let plain = |value: &Value| match value {
        Value::String(text) => output::line(text),
        other => output::line(&other.to_string()),
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = output::line(name);
                match value {
                    Value::Null => {}
                    Value::Object(_) | Value::Array(_) => {
                        let _ = writeln!(text, "{pad}{name}:");
                        render(value, indent + 2, text);
                    }
                    _ => {
                        let _ = writeln!(text, "{pad}{name}: {}", plain(value));
                    }
                }
            }
        }
        Value::Array(values) if values.is_empty() => {
            let _ = writeln!(text, "{pad}(none)");
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 && value.is_object() {
                    text.push('\n');
                }
                render(value, indent, text);
            }
        }
        other => {
            let _ = writeln!(text, "{pad}{}", plain(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_users_wrote_cannot_write_to_the_terminal() {
        let mut text = String::new();
        let value = json!({
            "users": [{ "displayName": "\u{1b}[2J\nadmin: true" }, { "uid": "b" }],
            "next": null,
        });
        render(&value, 0, &mut text);
        assert_eq!(
            text,
            "users:\n  displayName: \\u{1b}[2J\\nadmin: true\n\n  uid: b\n"
        );
    }
}
