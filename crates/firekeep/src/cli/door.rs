//! The running server's door for the command line: plain HTTP on the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use firekeep_api::admin::Command;
use serde_json::Value;

use crate::data::Running;
use crate::limits::ANSWER_TIME_MAX;

/// An answer of the server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: String,
}

/// Whether it is a Firekeep that answers, before it is told anything: the note may be an old one, and the port another
/// program's by now.
pub(crate) fn is_ours(server: &Running) -> bool {
    let Ok(answer) = request(server, "GET / HTTP/1.0\r\n", "") else {
        return false;
    };
    let body: Option<Value> = serde_json::from_str(&answer.body).ok();
    body.is_some_and(|body| body.get("firekeep").is_some())
}

/// Whether it takes requests and writes.
pub(crate) fn is_ready(server: &Running) -> Result<bool> {
    Ok(request(server, "GET /readyz HTTP/1.0\r\n", "")?.status == 204)
}

/// Has the server run a command.
pub(crate) fn ask(server: &Running, command: &Command) -> Result<Value> {
    let body = serde_json::to_string(command)?;
    let head = format!(
        "POST /firekeep/v1/admin HTTP/1.0\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        server.secret
    );
    let answer = request(server, &head, &body)?;
    let value: Value =
        serde_json::from_str(&answer.body).context("the running server's answer is no JSON")?;
    if answer.status == 200 {
        return Ok(value);
    }
    let message = value.pointer("/error/message").and_then(Value::as_str);
    bail!("{}", message.unwrap_or("the running server refused"))
}

/// One HTTP request, by hand: a client library would be most of the binary's code for this.
fn request(server: &Running, head: &str, body: &str) -> Result<Answer> {
    exchange(server, head, body).context("the running server did not answer")
}

fn exchange(server: &Running, head: &str, body: &str) -> Result<Answer> {
    let address = server.url.rsplit('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    let length = body.len();
    let request = format!("{head}host: localhost\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.context("no HTTP")?,
        body: body.to_owned(),
    })
}
