//! A PostgreSQL client that costs as little as that of `http2.rs`: statements are prepared once, their arguments encoded
//! before, and rows are counted and not decoded.
//!
//! Source: PostgreSQL's documentation, "Frontend/Backend Protocol", version 3.0.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail};

use crate::input::Input;

const VERSION: u32 = 3 << 16;
/// `ErrorResponse`, `DataRow` and `ReadyForQuery`.
const ERROR: u8 = b'E';
const ROW: u8 = b'D';
const READY: u8 = b'Z';

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    input: Input,
}

impl Connection {
    /// Connects as a user who needs no password.
    pub(crate) fn open(address: SocketAddr, user: &str, database: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            input: Input::default(),
        };
        let text = format!("user\0{user}\0database\0{database}\0\0");
        let mut start = u32::try_from(8 + text.len())?.to_be_bytes().to_vec();
        start.extend(VERSION.to_be_bytes());
        start.extend(text.as_bytes());
        connection.execute(&start)?;
        Ok(connection)
    }

    /// Runs statements.
    pub(crate) fn run(&mut self, statements: &str) -> Result<()> {
        let mut request = Vec::new();
        put(&mut request, b'Q', &[statements.as_bytes(), b"\0"].concat())?;
        self.execute(&request).map(drop)
    }

    /// Prepares the one statement that this connection executes.
    pub(crate) fn prepare(&mut self, statement: &str) -> Result<()> {
        let mut request = Vec::new();
        let parse = [b"\0", statement.as_bytes(), b"\0\0\0"].concat();
        put(&mut request, b'P', &parse)?;
        put(&mut request, b'S', &[])?;
        self.execute(&request).map(drop)
    }

    /// Sends messages, and gives how many rows came back until the server was ready again.
    pub(crate) fn execute(&mut self, messages: &[u8]) -> Result<usize> {
        self.stream.write_all(messages)?;
        let mut rows = 0;
        loop {
            let (kind, text) = self.message()?;
            match kind {
                ROW => rows += 1,
                READY => return Ok(rows),
                ERROR => bail!("PostgreSQL: {}", String::from_utf8_lossy(text)),
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Result<(u8, &[u8])> {
        let head = self.input.fill(&mut self.stream, 5)?;
        let [kind, l0, l1, l2, l3, ..] = *head else {
            bail!("a short message");
        };
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3]))?;
        self.input.fill(&mut self.stream, 1 + length)?;
        let from = self.input.from + 5;
        self.input.from += 1 + length;
        let body = self
            .input
            .bytes
            .get(from..self.input.from)
            .context("a short message")?;
        Ok((kind, body))
    }
}

/// The messages that execute the prepared statement with arguments: `Bind`, `Execute`, `Sync`.
pub(crate) fn execution(arguments: &[&str]) -> Result<Vec<u8>> {
    // No names; no formats, so everything is text.
    let mut bind = vec![0, 0, 0, 0];
    bind.extend(u16::try_from(arguments.len())?.to_be_bytes());
    for argument in arguments {
        bind.extend(u32::try_from(argument.len())?.to_be_bytes());
        bind.extend(argument.as_bytes());
    }
    bind.extend([0, 0]);
    let mut messages = Vec::new();
    put(&mut messages, b'B', &bind)?;
    // All rows.
    put(&mut messages, b'E', &[0, 0, 0, 0, 0])?;
    put(&mut messages, b'S', &[])?;
    Ok(messages)
}

fn put(to: &mut Vec<u8>, kind: u8, body: &[u8]) -> Result<()> {
    to.push(kind);
    to.extend(u32::try_from(4 + body.len())?.to_be_bytes());
    to.extend(body);
    Ok(())
}
