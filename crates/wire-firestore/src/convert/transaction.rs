//! How requests say what they read, and how transactions begin. Source: Firestore specification, sections 5.1 and 6.2.

use firekeep_model::Timestamp;

use super::Fault;
use super::value::read_timestamp;

/// A time to read at.
///
/// # Errors
/// [`Fault::Timestamp`]; [`Fault::ReadTimePrecision`].
pub fn read_read_time(time: prost_types::Timestamp) -> Result<Timestamp, Fault> {
    if time.nanos % 1_000 != 0 {
        return Err(Fault::ReadTimePrecision);
    }
    read_timestamp(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_time_is_in_whole_microseconds() {
        let read = |seconds, nanos| read_read_time(prost_types::Timestamp { seconds, nanos });
        assert_eq!(read(1, 2_000), Ok(Timestamp::from_micros(1_000_002)));
        assert_eq!(read(1, 2_001), Err(Fault::ReadTimePrecision));
        assert!(matches!(read(i64::MAX, 0), Err(Fault::Timestamp(_))));
    }
}
