//! A WebChannel session that gets any requests in any order: what is read is what the protocol means, chunks are whole,
//! arrays are numbered without a gap, messages come out once, and there is an end to all that is kept.
//!
//! Input: lines. Each begins with a letter: `P` a POST's query and, behind a space, its body; `G` a GET's query; `B` the
//! bytes of a form alone; `M` a message of the server; `S` the answer to the GET goes on; `C` its connection breaks;
//! `T` a message is taken; `W` and a number of milliseconds; `R` and how much room there is; `E`, `L`, `X` the ends: error, close, stop.

#![no_main]

use std::time::{Duration, Instant};

use firekeep_webchannel::limits::{OUTBOX_BYTES_MAX, OUTBOX_BYTES_ROOM};
use firekeep_webchannel::{BackId, End, Form, Method, Request, Session, Step, Text};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut subject = Subject::new();
    for line in data.split(|byte| *byte == b'\n') {
        subject.obey(line);
    }
});

struct Subject {
    now: Instant,
    session: Session<String>,
    back: Option<BackId>,
    /// The highest array that the back channel has brought, and that some back channel has.
    seen: u64,
    newest: u64,
}

impl Subject {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            now,
            session: Session::new(now, "sid".to_owned()),
            back: None,
            seen: 0,
            newest: 0,
        }
    }

    fn obey(&mut self, line: &[u8]) {
        let Some((letter, rest)) = line.split_first() else {
            return;
        };
        match (letter, str::from_utf8(rest)) {
            (b'B', _) => drop(read(rest)),
            (b'P', _) => {
                let at = rest.iter().position(|byte| *byte == b' ');
                let (query, body) = rest.split_at(at.unwrap_or(rest.len()));
                if let Ok(query) = str::from_utf8(query) {
                    self.request(Method::Post, query, body.get(1..).unwrap_or_default());
                }
            }
            (b'G', Ok(query)) => self.request(Method::Get, query, b""),
            (b'M', Ok(text)) => {
                let text = Value::from(text).to_string();
                self.session.push(self.now, Text::from(text));
            }
            (b'S', _) => self.move_back(),
            (b'C', _) => {
                if let Some(back) = self.back.take() {
                    self.session.detach(self.now, back);
                }
            }
            (b'T', _) => drop(self.session.take_message()),
            (b'W', Ok(text)) => self.wait(text.parse().unwrap_or(1)),
            (b'R', Ok(text)) => {
                let room = text.parse().unwrap_or(OUTBOX_BYTES_ROOM);
                self.session.set_room(room);
            }
            (b'E', _) => self.session.end(self.now, End::Error(Text::from("{}"))),
            (b'L', _) => self.session.end(self.now, End::Close),
            (b'X', _) => self.session.end(self.now, End::Stop),
            _ => {}
        }
        assert!(self.session.outstanding() <= OUTBOX_BYTES_MAX);
    }

    fn request(&mut self, method: Method, query: &str, body: &[u8]) {
        match Request::parse(method, query) {
            Ok(Request::Handshake(_)) => drop(read(body)),
            Ok(Request::Forward { aid, .. }) => {
                if let Some(form) = read(body) {
                    self.session.receive(self.now, aid, form.messages);
                    let answer = chunk_of(&self.session.forward_answer());
                    let last = answer.get(1).and_then(Value::as_u64).expect("a number");
                    // Whoever has an array has been sent it, or says so.
                    let had = aid.unwrap_or_default().min(last);
                    self.newest = self.newest.max(had);
                    if self.seen != 0 {
                        self.seen = self.seen.max(had);
                    }
                }
            }
            Ok(Request::Back { aid, mode, .. }) => {
                let old = self.back.replace(self.session.attach(self.now, aid, mode));
                self.seen = 0;
                self.newest = self.newest.max(aid);
                if let Some(old) = old {
                    assert_eq!(self.session.next_step(self.now, old), Step::End);
                }
            }
            Ok(Request::Terminate { .. }) => self.session.terminate(),
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }

    fn move_back(&mut self) {
        let Some(back) = self.back else {
            return;
        };
        match self.session.next_step(self.now, back) {
            Step::Wait => assert_eq!(self.session.over(), None),
            Step::End => self.back = None,
            Step::Chunk(chunk) => {
                let arrays = chunk_of(&chunk);
                for array in arrays.as_array().expect("a list of arrays") {
                    let id = array.get(0).and_then(Value::as_u64).expect("a number");
                    let content = array.get(1).and_then(Value::as_array).expect("a payload");
                    assert_eq!(content.len(), 1);
                    assert!(
                        self.seen == 0 || id == self.seen + 1,
                        "{id} behind {}",
                        self.seen
                    );
                    assert!(
                        id <= self.newest.saturating_add(1),
                        "{id} is new, and {} was last",
                        self.newest
                    );
                    self.seen = id;
                    self.newest = self.newest.max(id);
                }
            }
        }
    }

    fn wait(&mut self, millis: u32) {
        let until = self.now + Duration::from_millis(u64::from(millis));
        while let Some(at) = self.session.next_deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.session.tick(self.now);
            let next = self.session.next_deadline();
            assert!(
                next.is_none_or(|next| next > self.now),
                "nothing is due twice"
            );
        }
        self.now = until;
    }
}

fn read(body: &[u8]) -> Option<Form> {
    match Form::parse(body) {
        Ok(form) => {
            let bytes: usize = form.messages.iter().map(|(_, text)| text.len()).sum();
            assert!(bytes <= body.len());
            Some(form)
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            None
        }
    }
}

/// The JSON of a chunk, which is as long as it says.
fn chunk_of(chunk: &[u8]) -> Value {
    let text = str::from_utf8(chunk).expect("UTF-8");
    let (length, text) = text.split_once('\n').expect("a length");
    assert_eq!(length, text.encode_utf16().count().to_string());
    serde_json::from_str(text).expect("JSON")
}
