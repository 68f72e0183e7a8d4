//! A command of the command line, run on the data folder or by the server that has it open.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use firekeep_api::admin::Command;
use firekeep_api::{Error, Mode};
use firekeep_model::ProjectId;
use serde_json::Value;

use super::At;
use crate::data::{Data, Open, Running, running};
use crate::server::CACHE_BYTES_SMALL;

/// How long a running server may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Runs a command and prints its answer.
pub(crate) fn show(at: &At, command: Command) -> Result<()> {
    let answer = run(at, command, None)?;
    if at.json {
        println!("{answer}");
    } else {
        print(&answer, 0);
    }
    Ok(())
}

/// Runs a command. `project` names the project of a folder that is yet to be made.
pub(crate) fn run(at: &At, command: Command, project: Option<ProjectId>) -> Result<Value> {
    if let Some(server) = running(&at.data)
        && let Ok(stream) = connect(&server)
    {
        return ask(stream, &server, &command);
    }
    let data = open(at, project)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(data.core.run(command))?;
    data.store.close();
    Ok(answer)
}

/// Opens a folder of either mode: the command line serves nobody. A new one is made in safe mode.
fn open(at: &At, project: Option<ProjectId>) -> Result<Data> {
    let open = |mode| {
        Data::open(Open {
            folder: &at.data,
            project: project.clone(),
            mode,
            base_url: format!("http://{}", super::loopback()),
            bridge: None,
            cache_bytes: CACHE_BYTES_SMALL,
        })
    };
    match open(Mode::Safe) {
        Err(error) if matches!(error.downcast_ref(), Some(Error::MadeInDevMode)) => open(Mode::Dev),
        result => result,
    }
}

fn connect(server: &Running) -> Result<TcpStream> {
    let address = server
        .url
        .rsplit_once('/')
        .map_or(server.url.as_str(), |(_, rest)| rest);
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(stream)
}

/// One HTTP request over the loopback, by hand: a client library would be most of the binary's code for this.
fn ask(mut stream: TcpStream, server: &Running, command: &Command) -> Result<Value> {
    let body = serde_json::to_string(command)?;
    let head = format!(
        "POST /firekeep/v1/admin HTTP/1.0\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.secret,
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("the running server did not answer")?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the server's answer is no HTTP")?;
    let value: Value = serde_json::from_str(body).context("the server's answer is no JSON")?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(value);
    }
    let message = value.pointer("/error/message").and_then(Value::as_str);
    bail!("{}", message.unwrap_or("the running server refused"))
}

/// Prints JSON for people: a line per member, nested ones indented.
fn print(value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Null => {}
                    Value::Object(_) | Value::Array(_) => {
                        println!("{pad}{name}:");
                        print(value, indent + 2);
                    }
                    _ => println!("{pad}{name}: {}", plain(value)),
                }
            }
        }
        Value::Array(values) if values.is_empty() => println!("{pad}(none)"),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 && value.is_object() {
                    println!();
                }
                print(value, indent);
            }
        }
        other => println!("{pad}{}", plain(other)),
    }
}
