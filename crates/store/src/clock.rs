//! The clock of a database: it gives every commit its time and its `seq`, and stands in one row beside the log.
//!
//! Shared by all engines, so that none can get it wrong alone. Storage design, sections 3 (rule 3) and 7.

use bytes::Bytes;
use firekeep_model::Timestamp;

use crate::codec::{Reader, put_bytes};
use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, CommitError, CommitTime, Error, Key, LogRow, META_CLOCK, Space, log_key, row};

/// Where a database's clock stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockState {
    /// The newest commit's time.
    pub last: CommitTime,
    /// The newest commit's number; numbers are dense and begin with 1.
    pub seq: u64,
    /// Counts restores.
    pub epoch: u32,
    /// No commit gets a time below it: raised by restores.
    pub floor: CommitTime,
}

/// The clock as the committer sees it while it decides.
#[derive(Clone, Copy, Debug)]
pub struct ClockView<'a> {
    /// Where the clock stands.
    pub state: ClockState,
    /// The wall clock.
    pub now: Timestamp,
    /// What was committed elsewhere since the committer's `known`; empty on engines with one process.
    pub since: &'a [LogRow],
}

impl ClockView<'_> {
    /// The time of the commit that follows one at `previous`.
    #[must_use]
    pub fn time_after(&self, previous: CommitTime) -> CommitTime {
        previous
            .successor()
            .max(CommitTime(self.now.micros()))
            .max(self.state.floor)
    }
}

/// What an engine writes beside the batches of a group.
#[derive(Debug)]
pub struct Stamped {
    /// The clock after the group. The engine keeps it once the group is durable.
    pub state: ClockState,
    /// The log rows and the clock row.
    pub rows: Vec<(Space, Key, Bytes)>,
}

impl ClockState {
    /// Reads the clock at open: `row` is the value of [`META_CLOCK`], `newest` the last log row's value.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they do not agree: commits were lost.
    pub fn load(row: Option<&[u8]>, newest: Option<&[u8]>) -> Result<Self, Error> {
        let state = row.map_or_else(|| Ok(Self::default()), Self::decode)?;
        let newest = newest.map(LogRow::decode).transpose()?;
        let (time, seq) = newest.map_or_else(Default::default, |row| (row.time, row.seq));
        if (time, seq) != (state.last, state.seq) {
            return Err(Error::Corrupt(format!(
                "the clock stands at commit {}, but the log ends at commit {seq}",
                state.seq
            )));
        }
        Ok(state)
    }

    /// Checks the batches of a group against the clock and the limits, and gives the rows that go with them.
    ///
    /// # Errors
    /// [`CommitError::TooLarge`]; [`CommitError::Fatal`] when times or numbers do not follow the clock.
    pub fn stamp(&self, batches: &[Batch]) -> Result<Stamped, CommitError> {
        let mut state = *self;
        let mut rows = Vec::with_capacity(batches.len() + 1);
        for batch in batches {
            batch.check()?;
            let log = &batch.log;
            let follows = log.time > state.last && log.time >= state.floor;
            if !follows || log.seq != state.seq + 1 || log.epoch != state.epoch {
                return Err(CommitError::Fatal(format!(
                    "commit {} does not follow commit {}",
                    log.seq, state.seq
                )));
            }
            state.last = log.time;
            state.seq = log.seq;
            rows.push((Space::Log, log_key(log.time), log.encode()));
        }
        rows.push((Space::Meta, META_CLOCK.to_vec(), state.encode()));
        Ok(Stamped { state, rows })
    }

    /// The clock row's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, &self.seq.to_be_bytes());
        put_bytes(&mut bytes, &self.epoch.to_be_bytes());
        put_bytes(&mut bytes, &self.floor.to_key());
        row::encode(self.last, &bytes)
    }

    /// Reads a clock row. The time of a snapshot is that of the clock row in it.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let row = row::decode(Bytes::copy_from_slice(bytes))?;
        let mut reader = Reader::new(&row.value, "a clock row");
        let state = Self {
            last: row.time.unwrap_or_default(),
            seq: u64::from_be_bytes(reader.array()?),
            epoch: u32::from_be_bytes(reader.array()?),
            floor: CommitTime::from_key(reader.array()?),
        };
        reader.end()?;
        Ok(state)
    }
}

impl Batch {
    /// Checks every row against the limits of the contract.
    ///
    /// # Errors
    /// [`CommitError::TooLarge`].
    pub fn check(&self) -> Result<(), CommitError> {
        // History keys are a key and a time.
        let key_max = |space: Space| match space {
            Space::DocsHist | Space::IdxHist => KEY_BYTES_MAX + size_of::<CommitTime>(),
            _ => KEY_BYTES_MAX,
        };
        let deletes = self.deletes.iter().map(|(space, key)| (space, key));
        let mut keys = self
            .puts
            .iter()
            .map(|(space, key, _)| (space, key))
            .chain(deletes);
        if keys.any(|(space, key)| key.len() > key_max(*space)) {
            return Err(CommitError::TooLarge("a key"));
        }
        if self
            .puts
            .iter()
            .any(|(_, _, value)| value.len() > VALUE_BYTES_MAX)
        {
            return Err(CommitError::TooLarge("a value"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(time: i64, seq: u64) -> Batch {
        Batch {
            log: LogRow {
                time: CommitTime(time),
                seq,
                ..LogRow::default()
            },
            ..Batch::default()
        }
    }

    #[test]
    fn rows_survive_encoding() {
        let state = ClockState {
            last: CommitTime(7),
            seq: 3,
            epoch: 2,
            floor: CommitTime(5),
        };
        assert_eq!(ClockState::decode(&state.encode()).unwrap(), state);
        assert!(ClockState::decode(b"\x02").is_err());
    }

    #[test]
    fn a_group_follows_the_clock_or_is_refused() {
        let state = ClockState {
            last: CommitTime(10),
            seq: 4,
            epoch: 0,
            floor: CommitTime(20),
        };
        let stamped = state.stamp(&[batch(20, 5), batch(21, 6)]).unwrap();
        assert_eq!((stamped.state.last, stamped.state.seq), (CommitTime(21), 6));
        assert_eq!(stamped.rows.len(), 3);
        for refused in [batch(19, 5), batch(20, 6), batch(20, 4)] {
            assert!(matches!(
                state.stamp(&[refused]),
                Err(CommitError::Fatal(_))
            ));
        }
    }

    #[test]
    fn a_clock_that_does_not_end_the_log_is_corrupt() {
        let state = ClockState {
            last: CommitTime(9),
            seq: 2,
            ..ClockState::default()
        };
        let last = batch(9, 2).log.encode();
        assert_eq!(
            ClockState::load(Some(&state.encode()), Some(&last)).unwrap(),
            state
        );
        assert_eq!(ClockState::load(None, None).unwrap(), ClockState::default());
        assert!(ClockState::load(Some(&state.encode()), None).is_err());
        assert!(ClockState::load(None, Some(&last)).is_err());
        let lost = batch(8, 1).log.encode();
        assert!(ClockState::load(Some(&state.encode()), Some(&lost)).is_err());
    }

    #[test]
    fn times_never_repeat_when_the_wall_clock_steps_back() {
        let view = ClockView {
            state: ClockState::default(),
            now: Timestamp::from_micros(5),
            since: &[],
        };
        assert_eq!(view.time_after(CommitTime(1)), CommitTime(5));
        assert_eq!(view.time_after(CommitTime(9)), CommitTime(10));
    }
}
