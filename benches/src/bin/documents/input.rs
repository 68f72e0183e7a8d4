//! What came over a connection and was not yet looked at.

use std::io::Read as _;
use std::net::TcpStream;

use anyhow::{Result, ensure};

/// What is read at once.
const READ_BYTES: usize = 64 * 1024;

/// Bytes in the order in which they came.
#[derive(Default)]
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    /// Those before were looked at.
    pub(crate) from: usize,
}

impl Input {
    /// Waits for so many bytes that were not yet looked at, and gives all of these.
    pub(crate) fn fill(&mut self, stream: &mut TcpStream, wanted: usize) -> Result<&[u8]> {
        let mut there = self.bytes.len() - self.from;
        if there < wanted {
            self.bytes.drain(..self.from);
            self.from = 0;
        }
        while there < wanted {
            self.bytes.resize((there + READ_BYTES).max(wanted), 0);
            let room = self.bytes.get_mut(there..).unwrap_or_default();
            let read = stream.read(room)?;
            ensure!(read > 0, "the server closed the connection");
            there += read;
            self.bytes.truncate(there);
        }
        Ok(self.bytes.get(self.from..).unwrap_or_default())
    }
}
