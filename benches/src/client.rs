//! A small HTTP/1.1 client: the load must cost little beside what it measures.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// One keep-alive connection.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    body: Vec<u8>,
    /// What a proxy would say of the client, a whole header line.
    forwarded: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream),
            body: Vec::new(),
            forwarded: String::new(),
        })
    }

    /// The address for which the next requests are sent: the server limits what each may ask.
    pub(crate) fn act_for(&mut self, address: &str) {
        self.forwarded = format!("x-forwarded-for: {address}\r\n");
    }

    /// Posts JSON and gives the JSON answered.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Result<Value> {
        self.exchange(path, body)?;
        Ok(serde_json::from_slice(&self.body)?)
    }

    fn exchange(&mut self, path: &str, body: &str) -> Result<()> {
        let (length, forwarded) = (body.len(), &self.forwarded);
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{forwarded}\
             content-length: {length}\r\n\r\n{body}"
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        let mut chunked = false;
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                bail!("the server closed the connection");
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if status.is_empty() {
                text.clone_into(&mut status);
            } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().context("content-length")?;
            } else if text.eq_ignore_ascii_case("transfer-encoding: chunked") {
                chunked = true;
            }
        }
        self.body.clear();
        if chunked {
            self.read_chunks()?;
        } else {
            self.append(length)?;
        }
        if !status.contains(" 20") {
            bail!("{status}: {}", String::from_utf8_lossy(&self.body));
        }
        Ok(())
    }
}

impl Client {
    fn append(&mut self, length: usize) -> Result<()> {
        let start = self.body.len();
        self.body.resize(start + length, 0);
        let rest = self.body.get_mut(start..).context("the length is right")?;
        Ok(self.reader.read_exact(rest)?)
    }

    fn read_chunks(&mut self) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).context("chunk length")?;
            self.append(length)?;
            line.clear();
            self.reader.read_line(&mut line)?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}

/// Posts the bodies in turn on each of the connections for that long, each from a place of its own in the list, and counts
/// the answers.
pub(crate) fn load(
    address: SocketAddr,
    path: &str,
    bodies: &[String],
    connections: usize,
    time: Duration,
) -> Result<u64> {
    let until = Instant::now() + time;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                scope.spawn(move || -> Result<u64> {
                    let mut client = Client::connect(address)?;
                    let mut count = 0;
                    // Each connection begins at a part of its own: no body twice before all were sent.
                    for body in bodies
                        .iter()
                        .cycle()
                        .skip(worker * bodies.len() / connections)
                    {
                        if Instant::now() >= until {
                            break;
                        }
                        client.exchange(path, body)?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        let counts = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")));
        counts.sum()
    })
}
