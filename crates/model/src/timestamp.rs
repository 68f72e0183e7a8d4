//! A point in time.

/// The time is not of the years 1 to 9999, or its nanoseconds are not a part of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a timestamp is from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, with 0 to 999999999 nanoseconds"
)]
pub struct TimestampError;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z: the first time that a document can hold.
    pub const MIN: Self = Self(-62_135_596_800_000_000);

    /// 9999-12-31T23:59:59.999999Z: the last time that a document can hold.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// From a `google.protobuf.Timestamp`: seconds since the epoch, and nanoseconds that always count forward.
    /// Truncated down to microseconds.
    ///
    /// # Errors
    /// [`TimestampError`].
    ///
    /// Source: Firestore specification, section 2.1.
    pub const fn from_parts(secs: i64, nanos: i32) -> Result<Self, TimestampError> {
        if secs < Self::MIN.secs() || secs > Self::MAX.secs() || nanos < 0 || nanos > 999_999_999 {
            return Err(TimestampError);
        }
        // Cannot overflow within these years.
        Ok(Self(secs * 1_000_000 + nanos as i64 / 1_000))
    }

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the epoch; saturates at the ends.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds since the epoch; saturates at the ends.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The nanoseconds behind [`secs`](Self::secs), counting forward: 0 to 999 999 000.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "less than 10^9")]
    pub const fn subsec_nanos(self) -> i32 {
        self.0.rem_euclid(1_000_000) as i32 * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_round_down_and_saturate() {
        assert_eq!(Timestamp::from_micros(1_999_999).secs(), 1);
        assert_eq!(Timestamp::from_micros(-1).secs(), -1);
        assert_eq!(Timestamp::from_secs(i64::MAX).micros(), i64::MAX);
    }

    #[test]
    fn parts_are_truncated_down_and_come_back() {
        let check = |secs, nanos, micros| {
            let time = Timestamp::from_parts(secs, nanos).unwrap();
            assert_eq!(time.micros(), micros);
            assert_eq!(
                (time.secs(), time.subsec_nanos()),
                (secs, nanos - nanos % 1_000)
            );
        };
        check(0, 0, 0);
        check(1, 1_999, 1_000_001);
        check(-1, 999_999_999, -1);
        check(-62_135_596_800, 0, Timestamp::MIN.micros());
        check(253_402_300_799, 999_999_999, Timestamp::MAX.micros());
        for (secs, nanos) in [
            (-62_135_596_801, 999_999_999),
            (253_402_300_800, 0),
            (0, -1),
            (0, 1_000_000_000),
            (i64::MIN, 0),
        ] {
            assert_eq!(Timestamp::from_parts(secs, nanos), Err(TimestampError));
        }
    }
}
