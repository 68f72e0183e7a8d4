//! A WebChannel as the web SDK opens it over HTTP/1.1: one connection for posts, one for what the server sends.
//!
//! Source: WebChannel specification, section 11.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

const PATH: &str = "/google.firestore.v1.Firestore/Listen/channel?VER=8\
                    &database=projects%2Fdemo-bench%2Fdatabases%2F(default)";
const DATABASE: &str = "projects/demo-bench/databases/(default)";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// One keep-alive connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Reads over REST.
    pub(crate) fn get(&mut self, path: &str) -> Result<String> {
        self.send("GET", path, "authorization: Bearer owner\r\n", "")?;
        self.answer()
    }

    fn post(&mut self, path: &str, body: &str) -> Result<String> {
        self.send("POST", path, FORM, body)?;
        self.answer()
    }

    fn send(&mut self, method: &str, path: &str, header: &str, body: &str) -> Result<()> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\n{header}\
             content-length: {length}\r\n\r\n{body}"
        );
        Ok(self.0.get_mut().write_all(request.as_bytes())?)
    }

    fn answer(&mut self) -> Result<String> {
        let Some(length) = self.head()? else {
            let mut body = String::new();
            while let Some(chunk) = self.chunk()? {
                body.push_str(&chunk);
            }
            return Ok(body);
        };
        self.text(length)
    }

    /// Reads the head of an answer: the length of its body, or none if that comes in chunks.
    fn head(&mut self) -> Result<Option<usize>> {
        let status = self.line()?;
        ensure!(status.contains(" 200"), "{status}");
        let mut length = None;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                return Ok(length);
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse()?);
            }
        }
    }

    /// The next chunk; `None` at the end.
    fn chunk(&mut self) -> Result<Option<String>> {
        let length = usize::from_str_radix(&self.line()?, 16)?;
        let text = self.text(length)?;
        self.line()?;
        Ok(Some(text).filter(|_| length > 0))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    fn text(&mut self, length: usize) -> Result<String> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(String::from_utf8(bytes)?)
    }
}

/// An open channel for listening.
pub(crate) struct Channel {
    posts: Connection,
    back: Connection,
    session: String,
    /// The number of the next message, and of the last target.
    messages: u32,
    target: u32,
}

impl Channel {
    /// Shakes hands with a target that is taken away at once, and opens the way back.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let mut posts = Connection::open(address)?;
        let handshake = format!("{PATH}&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&t=1");
        let credential = "headers=Authorization%3ABearer%20owner%0D%0A&";
        let first = json!({ "database": DATABASE, "addTarget": target(1, &format!("{DATABASE}/documents/none/none")) });
        let answer = posts.post(&handshake, &format!("{credential}{}", form(0, &first)))?;
        let (_, text) = answer.split_once('\n').context("no frame")?;
        let reply: Value = serde_json::from_str(text)?;
        let session = reply
            .pointer("/0/1/1")
            .and_then(Value::as_str)
            .context("no session")?;
        let mut back = Connection::open(address)?;
        let path = format!("{PATH}&RID=rpc&SID={session}&AID=0&CI=0&TYPE=xmlhttp&t=1");
        back.send("GET", &path, "", "")?;
        back.head()?;
        let session = session.to_owned();
        let mut channel = Self {
            posts,
            back,
            session,
            messages: 1,
            target: 1,
        };
        channel.wait_for("readTime")?;
        channel.forget()?;
        Ok(channel)
    }

    /// Listens to a document until its first snapshot.
    pub(crate) fn get_doc(&mut self, name: &str) -> Result<()> {
        self.target += 2;
        self.post(json!({ "database": DATABASE, "addTarget": target(self.target, name) }))?;
        let text = self.wait_for("CURRENT")?;
        ensure!(text.contains("documentChange"), "no document: {text}");
        // The snapshot may be in the same chunk.
        if !text.contains(r#"{"targetChange":{"readTime"#)
            && !text.contains(r#"{"targetChange":{"resumeToken"#)
        {
            self.wait_for("readTime")?;
        }
        Ok(())
    }

    /// Listens no longer.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.post(json!({ "database": DATABASE, "removeTarget": self.target }))?;
        self.wait_for("REMOVE").map(drop)
    }

    fn post(&mut self, message: Value) -> Result<()> {
        let path = format!(
            "{PATH}&SID={}&RID={}&AID=0&t=1",
            self.session,
            self.messages + 1
        );
        self.posts.post(&path, &form(self.messages, &message))?;
        self.messages += 1;
        Ok(())
    }

    /// What comes until something has come that holds a word.
    fn wait_for(&mut self, word: &str) -> Result<String> {
        let mut all = String::new();
        while !all.contains(word) {
            all.push_str(&self.back.chunk()?.context("the way back ended")?);
        }
        Ok(all)
    }
}

fn target(id: u32, name: &str) -> Value {
    json!({ "targetId": id, "documents": { "documents": [name] } })
}

fn form(number: u32, message: &Value) -> String {
    let mut text = String::new();
    for byte in message.to_string().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("count=1&ofs={number}&req0___data__={text}")
}
