//! However the network loses, repeats, reorders and cuts: each message arrives once, in order, both ways.

use std::time::{Duration, Instant};

use firekeep_testkit::random::Seeded;
use firekeep_webchannel::{BackId, Form, Mode, Session, Step, Text};
use serde_json::{Value, json};

use crate::client::Client;

/// What stands in messages, to be counted in UTF-16.
const TEXTS: &[&str] = &["", "a", "é", "漢字", "😀", "\u{2028}\\\"\u{0}", "&=+%25 "];

/// A client, a server, and the network between them.
struct World {
    random: Seeded,
    now: Instant,
    session: Session<String>,
    client: Client,
    get: Option<(BackId, Mode)>,
    /// POSTs that the client has no answer to, with the acknowledgement they carry.
    posts: Vec<(u64, String)>,
    /// What either side has sent and been handed.
    asked: Vec<String>,
    taken: Vec<String>,
    told: Vec<Value>,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            random: Seeded::new(seed),
            now,
            session: Session::new(now, "sid".to_owned()),
            client: Client::default(),
            get: None,
            posts: Vec::new(),
            asked: Vec::new(),
            taken: Vec::new(),
            told: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.ask(),
            2 | 3 => self.deliver(),
            4 => self.take(),
            5 | 6 => self.tell(),
            7 => self.open(),
            8..=10 => self.move_get(),
            _ => self.wait(),
        }
        assert_eq!(self.session.over(), None);
    }

    /// The client posts up to three messages, maybe with one that it has posted before.
    fn ask(&mut self) {
        let mut first = self.asked.len();
        for _ in 0..self.random.below(4) {
            let text = self.random.pick(TEXTS);
            let number = self.asked.len();
            self.asked.push(json!([number, text]).to_string());
        }
        if self.random.once_in(4) {
            first = first.saturating_sub(1);
        }
        let offset = first.saturating_sub(self.random.below(3));
        let fields: String = (first..self.asked.len())
            .map(|id| format!("&req{}___data__={}", id - offset, encoded(&self.asked[id])))
            .collect();
        let count = self.asked.len() - first;
        self.posts.push((
            self.client.aid,
            format!("count={count}&ofs={offset}{fields}"),
        ));
    }

    /// Some POST arrives; its answer may be lost, and then it comes again.
    fn deliver(&mut self) {
        if self.posts.is_empty() {
            return;
        }
        let at = self.random.below(self.posts.len());
        self.post(at);
        if !self.random.once_in(3) {
            self.posts.remove(at);
        }
    }

    fn post(&mut self, at: usize) {
        let (aid, body) = &self.posts[at];
        let form = Form::parse(body.as_bytes()).unwrap();
        self.session.receive(self.now, Some(*aid), form.messages);
        let answer = self.session.forward_answer();
        let (_, answer) = str::from_utf8(&answer).unwrap().split_once('\n').unwrap();
        let [has_back, last, outstanding]: [u64; 3] = serde_json::from_str(answer).unwrap();
        assert_eq!(has_back == 1, self.get.is_some());
        assert!(last >= self.client.aid);
        assert!(outstanding > 0 || last == self.client.aid);
    }

    fn take(&mut self) {
        self.taken.extend(self.session.take_message());
    }

    /// The server says something.
    fn tell(&mut self) {
        let message = json!({"n": self.told.len(), "text": self.random.pick(TEXTS)});
        let mut text = Text::default();
        let printed = message.to_string();
        let at = self.random.below(printed.len());
        text.push(printed.as_bytes()[..at].to_vec());
        text.push(printed.as_bytes()[at..].to_vec());
        self.session.push(self.now, text);
        self.told.push(message);
    }

    /// The client opens a GET, in place of one that may be open.
    fn open(&mut self) {
        let mode = match self.random.once_in(2) {
            true => Mode::Streaming,
            false => Mode::Polling(Duration::from_secs(5)),
        };
        let id = self.session.attach(self.now, self.client.aid, mode);
        if let Some((old, _)) = self.get.replace((id, mode)) {
            assert_eq!(self.session.next_step(self.now, old), Step::End);
        }
        self.client.reopen();
    }

    /// The open GET brings something, maybe not all of it, and then it is gone.
    fn move_get(&mut self) {
        let Some((id, _)) = self.get else {
            return;
        };
        match self.session.next_step(self.now, id) {
            Step::Wait => {}
            Step::End => self.get = None,
            Step::Chunk(chunk) => {
                let is_cut = self.random.once_in(4);
                let length = match is_cut {
                    true => self.random.below(chunk.len()),
                    false => chunk.len(),
                };
                let mut rest = &chunk[..length];
                while !rest.is_empty() {
                    let (piece, behind) = rest.split_at(1 + self.random.below(rest.len()));
                    self.client.feed(piece);
                    rest = behind;
                }
                if is_cut {
                    self.session.detach(self.now, id);
                    self.get = None;
                }
            }
        }
    }

    fn wait(&mut self) {
        // A message that is missing for half a minute would end the session, and so would a GET that is.
        let is_patient = self.posts.is_empty() && self.get.is_some();
        let most = if is_patient { 40_000 } else { 50 };
        self.now += Duration::from_millis(self.random.bits() % most);
        while self
            .session
            .next_deadline()
            .is_some_and(|at| at <= self.now)
        {
            self.session.tick(self.now);
        }
    }

    /// All that is on its way arrives.
    fn settle(&mut self) {
        for at in 0..self.posts.len() {
            self.post(at);
        }
        while let Some(message) = self.session.take_message() {
            self.taken.push(message);
        }
        for _ in 0..1000 {
            if self.client.received.len() == self.told.len() {
                break;
            }
            if self.get.is_none() {
                self.open();
            }
            self.now += Duration::from_millis(10);
            self.move_get();
        }
    }
}

/// As `encodeURIComponent` does, and sometimes more of it.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[test]
fn messages_arrive_once_and_in_order_both_ways() {
    for seed in 0..400 {
        let mut world = World::new(seed);
        world.open();
        for _ in 0..300 {
            world.step();
        }
        world.settle();
        assert_eq!(world.taken, world.asked, "seed {seed}");
        assert_eq!(world.client.received, world.told, "seed {seed}");
    }
}
