use std::time::Duration;

use super::*;
use crate::limits::{
    BACK_TIME_MAX, GATHER_TIME, HELD_TIME_MAX, OUTBOX_ARRAYS_MAX, OUTBOX_BYTES_MAX, POLL_TIME,
};
use crate::{Form, Mode};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A session, its time, and its newest back channel.
struct Subject {
    session: Session<String>,
    now: Instant,
    back: Option<BackId>,
}

impl Subject {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(now, "S1abc".to_owned()),
            now,
            back: None,
        }
    }

    /// Time goes by. What is due is done when it is due.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
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

    fn get(&mut self, aid: u64, mode: Mode) {
        self.back = Some(self.session.attach(self.now, aid, mode));
    }

    fn push(&mut self, text: &'static str) {
        self.session.push(self.now, Text::from(text));
    }

    fn post(&mut self, aid: Option<u64>, messages: &[(u64, &str)]) -> Bytes {
        let messages = messages.iter().map(|(id, text)| (*id, (*text).to_owned()));
        self.session.receive(self.now, aid, messages);
        self.session.forward_answer()
    }

    /// What the newest GET says by now, without the lengths of chunks; `.` is its end.
    fn said(&mut self) -> String {
        self.said_on(self.back.unwrap())
    }

    fn said_on(&mut self, back: BackId) -> String {
        let mut said = String::new();
        loop {
            match self.session.next_step(self.now, back) {
                Step::Chunk(chunk) => {
                    let text = str::from_utf8(&chunk).unwrap();
                    let (length, text) = text.split_once('\n').unwrap();
                    assert_eq!(length, text.encode_utf16().count().to_string());
                    said += text;
                }
                Step::Wait => return said,
                Step::End => return said + ".",
            }
        }
    }

    fn taken(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.take_message()).collect()
    }

    #[track_caller]
    fn over_after(&mut self, time: Duration, cause: Cause) {
        self.wait(time - MS);
        assert_eq!(self.session.over(), None);
        self.wait(MS);
        assert_eq!(self.session.over(), Some(cause));
        assert_eq!(self.session.next_deadline(), None);
    }
}

const POLLING: Mode = Mode::Polling(POLL_TIME);

/// The exchange of the specification's section 11, byte by byte.
#[test]
fn the_worked_example() {
    let mut subject = Subject::new();
    let body = include_str!("../../tests/data/handshake.form").trim_end();
    let form = Form::parse(body.as_bytes()).unwrap();
    subject.session.receive(subject.now, None, form.messages);
    let answer = subject.session.handshake_answer();
    assert_eq!(answer, "33\n[[0,[\"c\",\"S1abc\",\"\",8,12,30000]]]");
    assert_eq!(answer.len(), 0x24);
    assert_eq!(
        subject.taken(),
        [
            r#"{"database":"projects/demo-p/databases/(default)","addTarget":{"query":{"structuredQuery":{"from":[{"collectionId":"c"}],"orderBy":[{"field":{"fieldPath":"__name__"},"direction":"ASCENDING"}]},"parent":"projects/demo-p/databases/(default)/documents"},"targetId":1002}}"#
        ]
    );

    subject.push(r#"{"targetChange":{"targetChangeType":"ADD","targetIds":[1002]}}"#);
    subject.push(
        r#"{"documentChange":{"document":{"name":"projects/demo-p/databases/(default)/documents/c/b","fields":{"v":{"stringValue":"é漢😀"}},"createTime":"2026-01-01T00:00:00.000001Z","updateTime":"2026-01-01T00:00:00.000002Z"},"targetIds":[1002]}}"#,
    );
    subject.push(
        r#"{"targetChange":{"targetChangeType":"CURRENT","targetIds":[1002],"resumeToken":"AAE=","readTime":"2026-02-03T04:05:06.000007Z"}}"#,
    );
    subject.push(
        r#"{"targetChange":{"resumeToken":"AAE=","readTime":"2026-02-03T04:05:06.000007Z"}}"#,
    );
    subject.wait(30 * MS);
    subject.get(0, Mode::Streaming);
    let back = subject.back.unwrap();
    let chunk = include_bytes!("../../tests/data/back.chunk");
    assert_eq!(chunk.len(), 0x22c);
    assert_eq!(
        subject.session.next_step(subject.now, back),
        Step::Chunk(chunk.as_slice().into())
    );
    assert_eq!(subject.session.next_step(subject.now, back), Step::Wait);

    let body = "count=1&ofs=1&req0___data__=%7B%22database%22%3A%22projects%2Fdemo-p%2Fdatabases%2F(default)%22%2C%22removeTarget%22%3A1002%7D";
    let form = Form::parse(body.as_bytes()).unwrap();
    subject.session.receive(subject.now, Some(5), form.messages);
    assert_eq!(subject.session.forward_answer(), "7\n[1,5,0]");
    assert_eq!(
        subject.taken(),
        [r#"{"database":"projects/demo-p/databases/(default)","removeTarget":1002}"#]
    );

    subject.wait(7 * MS);
    subject.push(r#"{"targetChange":{"targetChangeType":"REMOVE","targetIds":[1002]}}"#);
    let chunk =
        "73\n[[6,[{\"targetChange\":{\"targetChangeType\":\"REMOVE\",\"targetIds\":[1002]}}]]]";
    assert_eq!(chunk.len(), 0x4c);
    assert_eq!(
        subject.session.next_step(subject.now, back),
        Step::Chunk(chunk.into())
    );
    subject.session.detach(subject.now, back);
    subject.session.terminate();
    assert_eq!(subject.session.over(), Some(Cause::Terminated));
}

#[test]
fn the_worked_example_in_long_polls() {
    let mut subject = Subject::new();
    subject.push("{}");
    subject.wait(SECOND);
    subject.get(0, POLLING);
    assert_eq!(subject.said(), "[[1,[\"noop\"]],[2,[{}]]].");
    subject.get(2, POLLING);
    assert_eq!(subject.said(), "");
    subject.push("[]");
    subject.wait(GATHER_TIME);
    assert_eq!(subject.said(), "[[3,[[]]]].");
    subject.get(3, POLLING);
    assert_eq!(subject.said(), "");
}

#[test]
fn the_first_get_has_something_to_say_at_once() {
    for mode in [Mode::Streaming, POLLING] {
        let mut subject = Subject::new();
        subject.wait(GATHER_TIME);
        subject.get(0, mode);
        assert!(subject.said().starts_with("[[1,[\"noop\"]]]"), "{mode:?}");
    }
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    assert_eq!(subject.said(), "[[1,[\"noop\"]]]");
    // And each further one of a stream.
    subject.get(1, Mode::Streaming);
    assert_eq!(subject.said(), "[[2,[\"noop\"]]]");
}

#[test]
fn arrays_are_sent_again_until_they_are_acknowledged() {
    let mut subject = Subject::new();
    subject.push("2");
    subject.get(0, Mode::Streaming);
    assert_eq!(subject.said(), "[[1,[\"noop\"]],[2,[2]]]");
    subject.push("3");
    assert_eq!(subject.said(), "[[3,[3]]]");
    subject.get(1, Mode::Streaming);
    assert_eq!(subject.said(), "[[2,[2]],[3,[3]]]");
    assert_eq!(subject.post(Some(2), &[]), "7\n[1,3,1]");
    subject.get(0, Mode::Streaming);
    assert_eq!(subject.said(), "[[3,[3]]]");
    assert_eq!(subject.post(Some(3), &[]), "7\n[1,3,0]");
}

#[test]
fn the_newest_get_wins() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    let old = subject.back.unwrap();
    assert_eq!(subject.said(), "[[1,[\"noop\"]]]");
    subject.get(1, Mode::Streaming);
    assert_eq!(subject.said_on(old), ".");
    // The end of the old one is nothing to the new one.
    subject.session.detach(subject.now, old);
    subject.push("3");
    assert_eq!(subject.said(), "[[2,[3]]]");
    assert_eq!(subject.post(None, &[]), "7\n[1,2,1]");
}

#[test]
fn a_post_says_whether_there_is_a_back_channel() {
    let mut subject = Subject::new();
    assert_eq!(subject.post(None, &[(0, "a")]), "7\n[0,1,6]");
    subject.get(1, Mode::Streaming);
    assert_eq!(subject.post(None, &[]), "7\n[1,1,0]");
    subject.session.detach(subject.now, subject.back.unwrap());
    assert_eq!(subject.post(None, &[]), "7\n[0,1,0]");
}

#[test]
fn messages_are_taken_once_and_in_order() {
    let mut subject = Subject::new();
    subject.post(None, &[(0, "a"), (1, "b")]);
    // Its answer was lost.
    subject.post(None, &[(0, "a"), (1, "b")]);
    assert_eq!(subject.taken(), ["a", "b"]);
    subject.post(None, &[(3, "d")]);
    assert_eq!(subject.taken(), [] as [&str; 0]);
    subject.post(None, &[(1, "b"), (2, "c"), (3, "d"), (4, "e")]);
    assert_eq!(subject.taken(), ["c", "d", "e"]);
}

#[test]
fn a_message_that_does_not_come_ends_the_session() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.said();
    subject.post(None, &[(1, "b")]);
    subject.over_after(HELD_TIME_MAX, Cause::Gap);
    assert_eq!(subject.said(), ".");
}

#[test]
fn too_many_messages_end_the_session() {
    let mut subject = Subject::new();
    for id in 1..=1001 {
        assert_eq!(subject.session.over(), None);
        subject.post(None, &[(id, "")]);
    }
    assert_eq!(subject.session.over(), Some(Cause::TooManyMessages));
}

#[test]
fn a_stream_that_says_nothing_says_so() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.said();
    subject.wait(KEEP_ALIVE - MS);
    assert_eq!(subject.said(), "");
    subject.wait(MS);
    assert_eq!(subject.said(), "[[2,[\"noop\"]]]");
    subject.wait(20 * SECOND);
    subject.push("3");
    assert_eq!(subject.said(), "[[3,[3]]]");
    subject.wait(KEEP_ALIVE - MS);
    assert_eq!(subject.said(), "");
    subject.wait(MS);
    assert_eq!(subject.said(), "[[4,[\"noop\"]]]");
}

#[test]
fn a_stream_ends_some_time() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    assert!(!subject.said().ends_with('.'));
    for _ in 1..4 {
        subject.wait(BACK_TIME_MAX / 4);
        assert!(!subject.said().ends_with('.'));
    }
    subject.wait(BACK_TIME_MAX / 4 - MS);
    assert_eq!(subject.said(), "");
    subject.wait(MS);
    assert_eq!(subject.said(), ".");
    assert_eq!(subject.session.over(), None);
    subject.get(4, Mode::Streaming);
    assert_eq!(subject.said(), "[[5,[\"noop\"]]]");
}

#[test]
fn a_client_that_does_not_read_keeps_its_session_for_a_while() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.over_after(
        BACK_TIME_MAX + ABANDONED_AFTER + ABANDONED_AFTER,
        Cause::Abandoned,
    );
}

#[test]
fn a_long_poll_gathers_what_comes_together() {
    let mut subject = Subject::new();
    subject.get(1, POLLING);
    subject.wait(SECOND);
    assert_eq!(subject.said(), "");
    subject.push("2");
    subject.wait(5 * MS);
    assert_eq!(subject.said(), "");
    subject.push("3");
    subject.wait(3 * MS);
    assert_eq!(subject.said(), "[[2,[2]],[3,[3]]].");
    // What has waited long enough waits no more.
    subject.push("4");
    subject.wait(SECOND);
    subject.get(3, POLLING);
    assert_eq!(subject.said(), "[[4,[4]]].");
}

#[test]
fn a_long_poll_ends_though_more_comes() {
    let mut subject = Subject::new();
    subject.wait(SECOND);
    subject.get(0, POLLING);
    let back = subject.back.unwrap();
    assert!(matches!(
        subject.session.next_step(subject.now, back),
        Step::Chunk(_)
    ));
    subject.push("2");
    assert_eq!(subject.said(), ".");
    subject.wait(SECOND);
    subject.get(1, POLLING);
    assert_eq!(subject.said(), "[[2,[2]]].");
}

#[test]
fn a_long_poll_that_hears_nothing_says_so() {
    for (asked, seconds) in [(5, 5), (6, 6), (30, 30)] {
        let mut subject = Subject::new();
        subject.get(1, Mode::Polling(asked * SECOND));
        subject.wait(seconds * SECOND - MS);
        assert_eq!(subject.said(), "");
        subject.wait(MS);
        assert_eq!(subject.said(), "[[2,[\"noop\"]]].");
    }
}

#[test]
fn a_session_that_nobody_comes_for_is_over() {
    Subject::new().over_after(UNCLAIMED_AFTER, Cause::Unclaimed);
    let mut subject = Subject::new();
    subject.wait(20 * SECOND);
    subject.post(None, &[(0, "a")]);
    subject.over_after(UNCLAIMED_AFTER - 20 * SECOND, Cause::Unclaimed);

    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.said();
    subject.wait(10 * SECOND);
    subject.session.detach(subject.now, subject.back.unwrap());
    subject.wait(70 * SECOND);
    subject.post(None, &[]);
    subject.over_after(ABANDONED_AFTER, Cause::Abandoned);
}

#[test]
fn an_open_session_lives_on() {
    let mut subject = Subject::new();
    for aid in 0..20 {
        subject.get(aid, Mode::Streaming);
        subject.said();
        subject.wait(110 * SECOND);
        assert_eq!(subject.session.over(), None);
    }
}

#[test]
fn an_error_is_the_last_message() {
    let error = r#"{"error":{"code":403,"message":"Missing or insufficient permissions.","status":"PERMISSION_DENIED"}}"#;
    let array = format!("[[2,[{error}]]]");
    let mut subject = Subject::new();
    subject.get(1, Mode::Streaming);
    subject
        .session
        .end(subject.now, End::Error(Text::from(error)));
    subject.push("never");
    assert_eq!(subject.said(), format!("{array}."));
    subject.post(None, &[(0, "a")]);
    assert_eq!(subject.taken(), [] as [&str; 0]);
    // Lost on the way, and asked for again.
    subject.wait(9 * SECOND);
    subject.get(1, POLLING);
    subject.wait(GATHER_TIME);
    assert_eq!(subject.said(), format!("{array}."));
    subject.over_after(LINGER_TIME, Cause::Ended);
}

#[test]
fn an_error_waits_for_the_client() {
    let mut subject = Subject::new();
    subject
        .session
        .end(subject.now, End::Error(Text::from("{}")));
    subject.wait(29 * SECOND);
    subject.get(0, Mode::Streaming);
    assert_eq!(subject.said(), "[[1,[\"noop\"]],[2,[{}]]].");
    subject.session.terminate();
    assert_eq!(subject.session.over(), Some(Cause::Terminated));

    let mut subject = Subject::new();
    subject
        .session
        .end(subject.now, End::Error(Text::from("{}")));
    subject.over_after(UNCLAIMED_AFTER, Cause::Unclaimed);
}

#[test]
fn close_and_stop_are_words() {
    for (end, word) in [(End::Close, "close"), (End::Stop, "stop")] {
        let mut subject = Subject::new();
        subject.get(1, Mode::Streaming);
        subject.session.end(subject.now, end);
        subject.session.end(subject.now, End::Stop);
        assert!(!subject.session.has_told_all());
        assert_eq!(subject.said(), format!("[[2,[\"{word}\"]]]."));
        assert!(subject.session.has_told_all());
    }
}

#[test]
fn more_than_can_be_kept_ends_the_session() {
    let mut subject = Subject::new();
    for _ in 1..OUTBOX_ARRAYS_MAX {
        subject.push("");
    }
    assert_eq!(subject.session.over(), None);
    subject.push("");
    assert_eq!(subject.session.over(), Some(Cause::StoreFull));

    let mut subject = Subject::new();
    subject.push_bytes(OUTBOX_BYTES_MAX - "\"noop\"".len());
    assert_eq!(subject.session.over(), None);
    subject.push("x");
    assert_eq!(subject.session.over(), Some(Cause::StoreFull));
    assert_eq!(subject.session.outstanding(), 0);
}

impl Subject {
    fn push_bytes(&mut self, bytes: usize) {
        self.session.push(self.now, Text::from("x".repeat(bytes)));
    }
}

#[test]
fn a_stream_ends_so_that_the_client_acknowledges() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.push_bytes(OUTBOX_BYTES_ROOM / 2 - "\"noop\"".len() - 1);
    assert!(!subject.said().ends_with('.'));
    assert!(subject.session.has_room());
    subject.push("x");
    assert_eq!(subject.said(), "[[3,[x]]].");
    subject.get(3, Mode::Streaming);
    assert_eq!(subject.said(), "[[4,[\"noop\"]]]");

    subject.push_bytes(OUTBOX_BYTES_ROOM);
    assert!(!subject.session.has_room());
    subject.post(Some(4), &[]);
    assert!(!subject.session.has_room());
    subject.post(Some(5), &[]);
    assert!(subject.session.has_room());
}

#[test]
fn a_session_may_have_less_room() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.push_bytes(1000);
    assert!(!subject.said().ends_with('.'));
    subject.session.set_room(1000);
    assert!(!subject.session.has_room());
    assert_eq!(subject.said(), ".");
    subject.session.set_room(usize::MAX);
    assert_eq!(subject.session.room, OUTBOX_BYTES_ROOM);
}

#[test]
fn a_terminated_session_says_nothing() {
    let mut subject = Subject::new();
    subject.get(0, Mode::Streaming);
    subject.session.terminate();
    assert_eq!(subject.said(), ".");
    subject.get(0, Mode::Streaming);
    subject.push("x");
    assert_eq!(subject.said(), ".");
    subject.session.tick(subject.now);
    assert_eq!(subject.session.over(), Some(Cause::Terminated));
    assert_eq!(subject.session.next_deadline(), None);
}
