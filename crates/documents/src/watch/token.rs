//! Resume tokens: their bytes, which clients keep and give back.
//!
//! A version byte, the incarnation, and the time as eight big-endian bytes. Firestore specification, section 11.6.

use bytes::Bytes;
use firekeep_store::CommitTime;

use super::{Incarnation, Resume, ResumeToken, Start};

const VERSION: u8 = 1;

impl ResumeToken {
    /// The token's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        [&[VERSION][..], &self.incarnation.0, &self.time.to_key()]
            .concat()
            .into()
    }

    /// Reads what [`encode`](Self::encode) gives; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (incarnation, time) = rest.split_first_chunk()?;
        Some(Self {
            incarnation: Incarnation(*incarnation),
            time: CommitTime::from_key(time.try_into().ok()?),
        })
    }
}

impl Resume {
    /// What a client has that wants to go on here, in this life of the database.
    #[must_use]
    pub fn start(&self, incarnation: Incarnation, expected_count: Option<u32>) -> Start {
        let time = match self {
            Self::At(time) => CommitTime(time.micros()),
            Self::Token(token) => match ResumeToken::decode(token) {
                Some(token) if token.incarnation == incarnation => token.time,
                Some(_) | None => return Start::Lost,
            },
        };
        Start::After {
            time,
            expected_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use firekeep_model::Timestamp;

    use super::*;

    const OURS: Incarnation = Incarnation([7; 16]);

    fn token(incarnation: Incarnation) -> ResumeToken {
        ResumeToken {
            incarnation,
            time: CommitTime(1_700_000_000_000_001),
        }
    }

    #[test]
    fn tokens_come_back_and_every_other_text_is_none() {
        for time in [i64::MIN, -1, 0, 1, i64::MAX].map(CommitTime) {
            let token = ResumeToken {
                time,
                ..token(OURS)
            };
            assert_eq!(ResumeToken::decode(&token.encode()), Some(token));
        }
        let bytes = token(OURS).encode();
        for length in 0..bytes.len() {
            assert_eq!(ResumeToken::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(ResumeToken::decode(&[&bytes[..], b"x"].concat()), None);
        assert_eq!(ResumeToken::decode(&[&[2], &bytes[1..]].concat()), None);
    }

    #[test]
    fn what_a_client_has() {
        let time = token(OURS).time;
        let after = |expected_count| Start::After {
            time,
            expected_count,
        };
        for (resume, expected_count, start) in [
            (Resume::Token(token(OURS).encode()), Some(3), after(Some(3))),
            (Resume::Token(token(OURS).encode()), None, after(None)),
            (
                Resume::Token(token(Incarnation([8; 16])).encode()),
                None,
                Start::Lost,
            ),
            (Resume::Token(Bytes::new()), Some(1), Start::Lost),
            (
                Resume::At(Timestamp::from_micros(time.0)),
                None,
                after(None),
            ),
        ] {
            assert_eq!(resume.start(OURS, expected_count), start, "{resume:?}");
        }
    }
}
