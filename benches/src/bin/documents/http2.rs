//! A gRPC client that costs next to nothing, so that the machine is the server's: one connection, one call at a time,
//! requests that were encoded before, answers whose messages are counted and given as bytes.
//!
//! Speaks as much of HTTP/2 as two servers that mean well need. It reads no headers, so no status: a call that failed
//! is one that has no message. RFC 9113, RFC 7541, "gRPC over HTTP2".

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail, ensure};

use crate::input::Input;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest window. RFC 9113, section 6.9.1.
const WINDOW_MAX: u32 = (1 << 31) - 1;
/// What both sides may send at first.
const WINDOW_FIRST: u32 = 65_535;
/// The connection's window is filled up again when this much was received.
const WINDOW_REFILL: u32 = 1 << 30;
/// The longest frame that every peer takes.
const FRAME_MAX: usize = 16_384;
const FRAME_HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Of DATA and HEADERS; of SETTINGS and PING it says that they answer one.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `SETTINGS_INITIAL_WINDOW_SIZE`
const INITIAL_WINDOW: u16 = 4;

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    authority: String,
    next_stream: u32,
    /// What may be sent on the connection, on a new stream, and on the one under way.
    window: u32,
    first_window: u32,
    stream_window: i64,
    /// Received since the connection's window was filled up.
    received: u32,
    /// Read and not yet looked at.
    input: Input,
    output: Vec<u8>,
    answer: Vec<u8>,
}

/// What a frame says beside its payload.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: std::ops::Range<usize>,
}

impl Connection {
    /// Connects and introduces itself.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut output = PREFACE.to_vec();
        put_head(&mut output, 6, SETTINGS, 0, 0)?;
        output.extend(INITIAL_WINDOW.to_be_bytes());
        output.extend(WINDOW_MAX.to_be_bytes());
        put_window(&mut output, WINDOW_MAX - WINDOW_FIRST)?;
        stream.write_all(&output)?;
        Ok(Self {
            stream,
            authority: address.to_string(),
            next_stream: 1,
            window: WINDOW_FIRST,
            first_window: WINDOW_FIRST,
            stream_window: 0,
            received: 0,
            input: Input::default(),
            output,
            answer: Vec::new(),
        })
    }

    /// Calls a method of the service of documents with one message, and gives those that answer it.
    pub(crate) fn call(&mut self, method: &str, message: &[u8]) -> Result<Messages<'_>> {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.stream_window = i64::from(self.first_window);
        self.output.clear();
        self.answer.clear();
        let headers = self.headers(stream, method)?;
        put_head(
            &mut self.output,
            headers.len(),
            HEADERS,
            END_HEADERS,
            stream,
        )?;
        self.output.extend(headers);
        let mut prefix = vec![0];
        prefix.extend(u32::try_from(message.len())?.to_be_bytes());
        self.send(stream, &prefix, message)?;
        while !self.step(stream)? {}
        Ok(Messages(&self.answer))
    }

    /// The first call tells the server all headers; the following ones name them by their places in its table.
    fn headers(&self, stream: u32, method: &str) -> Result<Vec<u8>> {
        let path = format!("/google.firestore.v1.Firestore/{method}");
        // `:method: POST` and `:scheme: http` of the static table; `:path` by its name there.
        let mut block = vec![0x83, 0x86, 0x04];
        put_text(&mut block, &path)?;
        let kept = [
            (":authority", self.authority.as_str()),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("authorization", "Bearer owner"),
        ];
        for (at, (name, value)) in (0u8..).zip(kept) {
            if stream == 1 {
                block.push(0x40);
                put_text(&mut block, name)?;
                put_text(&mut block, value)?;
            } else {
                // The newest one has place 62.
                block.push(0x80 | (65 - at));
            }
        }
        Ok(block)
    }

    /// Sends a body, as far as the windows allow, and reads while they do not.
    fn send(&mut self, stream: u32, prefix: &[u8], message: &[u8]) -> Result<()> {
        let mut rest = message;
        let mut before = prefix;
        loop {
            let room = i64::from(self.window).min(self.stream_window);
            let room = usize::try_from(room).unwrap_or(0).min(FRAME_MAX);
            if room <= before.len() {
                self.stream.write_all(&self.output)?;
                self.output.clear();
                self.step(stream)?;
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(room - before.len()));
            let flags = if later.is_empty() { END_STREAM } else { 0 };
            let length = before.len() + now.len();
            put_head(&mut self.output, length, DATA, flags, stream)?;
            self.output.extend(before);
            self.output.extend(now);
            self.window -= u32::try_from(length)?;
            self.stream_window -= i64::try_from(length)?;
            (before, rest) = (&[], later);
            if rest.is_empty() {
                self.stream.write_all(&self.output)?;
                return Ok(());
            }
        }
    }

    /// Takes one frame; true when the answer to a stream ends with it.
    fn step(&mut self, stream: u32) -> Result<bool> {
        let frame = self.frame()?;
        let payload = self
            .input
            .bytes
            .get(frame.payload)
            .context("a short frame")?;
        self.output.clear();
        match frame.kind {
            DATA => {
                ensure!(frame.stream == stream, "data of another call");
                self.received += u32::try_from(payload.len())?;
                self.answer.extend(payload);
            }
            SETTINGS if frame.flags & ACK == 0 => {
                for setting in payload.chunks_exact(6) {
                    let (id, value) = setting.split_at(2);
                    if id == INITIAL_WINDOW.to_be_bytes() {
                        let window = u32::from_be_bytes(value.try_into()?);
                        self.stream_window += i64::from(window) - i64::from(self.first_window);
                        self.first_window = window;
                    }
                }
                put_head(&mut self.output, 0, SETTINGS, ACK, 0)?;
            }
            PING if frame.flags & ACK == 0 => {
                put_head(&mut self.output, payload.len(), PING, ACK, 0)?;
                self.output.extend(payload);
            }
            WINDOW_UPDATE => {
                let more = u32::from_be_bytes(payload.try_into()?);
                if frame.stream == 0 {
                    self.window = self.window.saturating_add(more);
                } else if frame.stream == stream {
                    self.stream_window += i64::from(more);
                }
            }
            RST_STREAM | GOAWAY => bail!("the server broke off: {payload:?}"),
            _ => {}
        }
        if self.received > WINDOW_REFILL {
            put_window(&mut self.output, self.received)?;
            self.received = 0;
        }
        if !self.output.is_empty() {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        let ends = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
        Ok(ends && frame.stream == stream)
    }

    /// The next frame, in `input`.
    fn frame(&mut self) -> Result<Frame> {
        let head = self.input.fill(&mut self.stream, FRAME_HEAD)?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, ..] = *head else {
            bail!("a short frame");
        };
        let length = usize::try_from(u32::from_be_bytes([0, l0, l1, l2]))?;
        self.input.fill(&mut self.stream, FRAME_HEAD + length)?;
        let from = self.input.from + FRAME_HEAD;
        self.input.from = from + length;
        Ok(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            payload: from..from + length,
        })
    }
}

/// The messages of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let [_, l0, l1, l2, l3, rest @ ..] = self.0 else {
            return None;
        };
        let length = usize::try_from(u32::from_be_bytes([*l0, *l1, *l2, *l3])).ok()?;
        let (message, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(message)
    }
}

fn put_head(to: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) -> Result<()> {
    let [_, length @ ..] = u32::try_from(length)?.to_be_bytes();
    to.extend(length);
    to.extend([kind, flags]);
    to.extend(stream.to_be_bytes());
    Ok(())
}

fn put_window(to: &mut Vec<u8>, more: u32) -> Result<()> {
    put_head(to, 4, WINDOW_UPDATE, 0, 0)?;
    to.extend(more.to_be_bytes());
    Ok(())
}

/// A text of a header, of less than 127 bytes.
fn put_text(to: &mut Vec<u8>, text: &str) -> Result<()> {
    ensure!(text.len() < 127, "a long header");
    to.push(u8::try_from(text.len())?);
    to.extend(text.as_bytes());
    Ok(())
}
