//! Timestamps and durations as text. By hand: every document carries two timestamps, and the rules are few.
//!
//! Source: RFC 3339; Firestore specification, section 8.2 (any offset and 0 to 9 digits in, 6 digits and `Z` out).

use prost_types::{Duration, Timestamp};

/// 0001-01-01T00:00:00Z
const SECONDS_MIN: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z
const SECONDS_MAX: i64 = 253_402_300_799;
/// 10 000 years, the longest duration.
const DURATION_SECONDS_MAX: i64 = 315_576_000_000;

const NANOS_PER_SECOND: i32 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Reads `2026-01-01T00:00:00.000002Z` or the same with an offset such as `+02:00`.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, "-")?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, "-")?;
    let day = digits(&mut rest, 2)?;
    literal(&mut rest, "T").or_else(|| literal(&mut rest, "t"))?;
    let hour = digits(&mut rest, 2)?;
    literal(&mut rest, ":")?;
    let minute = digits(&mut rest, 2)?;
    literal(&mut rest, ":")?;
    let second = digits(&mut rest, 2)?;
    let nanos = fraction(&mut rest)?;
    let offset = offset(rest)?;
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let seconds =
        days_since_epoch(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second
            - offset;
    (SECONDS_MIN..=SECONDS_MAX)
        .contains(&seconds)
        .then_some(Timestamp { seconds, nanos })
}

/// Appends `2026-01-01T00:00:00.000002Z`: 6 digits, or 9 when they are needed. A time outside of years 1 to 9999
/// becomes the nearest one inside.
pub(crate) fn print_timestamp(time: &Timestamp, out: &mut Vec<u8>) {
    let seconds = time.seconds.clamp(SECONDS_MIN, SECONDS_MAX);
    let nanos = time.nanos.clamp(0, NANOS_PER_SECOND - 1);
    let (year, month, day) = date(seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    number(out, year, 4);
    out.push(b'-');
    number(out, month, 2);
    out.push(b'-');
    number(out, day, 2);
    out.push(b'T');
    number(out, second / 3600, 2);
    out.push(b':');
    number(out, second / 60 % 60, 2);
    out.push(b':');
    number(out, second % 60, 2);
    out.push(b'.');
    if nanos % 1000 == 0 {
        number(out, i64::from(nanos / 1000), 6);
    } else {
        number(out, i64::from(nanos), 9);
    }
    out.push(b'Z');
}

/// Reads `3s`, `-1.5s`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_suffix('s')?;
    let end = rest.find('.').unwrap_or(rest.len());
    let (whole, mut rest) = rest.split_at_checked(end)?;
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole
        .parse()
        .ok()
        .filter(|seconds| *seconds <= DURATION_SECONDS_MAX)?;
    let nanos = fraction(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    let sign = if negative { -1 } else { 1 };
    Some(Duration {
        seconds: seconds * i64::from(sign),
        nanos: nanos * sign,
    })
}

/// Appends `1.500s`: as many digits as are needed, by threes. One too long becomes the longest.
pub(crate) fn print_duration(duration: &Duration, out: &mut Vec<u8>) {
    let seconds = duration
        .seconds
        .clamp(-DURATION_SECONDS_MAX, DURATION_SECONDS_MAX);
    let nanos = duration
        .nanos
        .clamp(1 - NANOS_PER_SECOND, NANOS_PER_SECOND - 1);
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(seconds.unsigned_abs().to_string().as_bytes());
    let nanos = i64::from(nanos.abs());
    if nanos % 1_000_000 != 0 {
        out.push(b'.');
        if nanos % 1000 == 0 {
            number(out, nanos / 1000, 6);
        } else {
            number(out, nanos, 9);
        }
    } else if nanos != 0 {
        out.push(b'.');
        number(out, nanos / 1_000_000, 3);
    }
    out.push(b's');
}

/// Takes exactly `count` digits.
fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(count)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    digits.parse().ok()
}

fn literal(rest: &mut &str, text: &str) -> Option<()> {
    *rest = rest.strip_prefix(text)?;
    Some(())
}

/// Takes a point and up to 9 digits, if there is a point. Gives nanoseconds.
fn fraction(rest: &mut &str) -> Option<i32> {
    let Some(after) = rest.strip_prefix('.') else {
        return Some(0);
    };
    let count = after.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = after.split_at_checked(count)?;
    if !(1..=9).contains(&count) {
        return None;
    }
    *rest = after;
    format!("{digits:0<9}").parse().ok()
}

/// `Z` or `+02:00`, in seconds east of UTC.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, mut rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let hours = digits(&mut rest, 2)?;
    literal(&mut rest, ":")?;
    let minutes = digits(&mut rest, 2)?;
    (rest.is_empty() && hours <= 23 && minutes <= 59)
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01. The year begins in March here, so that the leap day is its last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of `days_since_epoch`: year, month, day.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Appends the last `width` digits of a number that is not negative.
fn number(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, seconds: i64, nanos: i32, printed: &str) {
        let time = parse_timestamp(text).unwrap();
        assert_eq!((time.seconds, time.nanos), (seconds, nanos), "{text}");
        let mut out = Vec::new();
        print_timestamp(&time, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), printed);
    }

    #[test]
    fn timestamps_are_read_with_any_offset_and_printed_in_utc() {
        check("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00.000000Z");
        check(
            "2026-01-01T00:00:00.000002000Z",
            1_767_225_600,
            2000,
            "2026-01-01T00:00:00.000002Z",
        );
        check(
            "2026-01-01T02:30:00.5+02:30",
            1_767_225_600,
            500_000_000,
            "2026-01-01T00:00:00.500000Z",
        );
        check(
            "2025-12-31T23:00:00-01:00",
            1_767_225_600,
            0,
            "2026-01-01T00:00:00.000000Z",
        );
        check(
            "2026-01-01t00:00:00.123456789z",
            1_767_225_600,
            123_456_789,
            "2026-01-01T00:00:00.123456789Z",
        );
        check(
            "2024-02-29T12:34:56Z",
            1_709_210_096,
            0,
            "2024-02-29T12:34:56.000000Z",
        );
        check(
            "2000-02-29T00:00:00Z",
            951_782_400,
            0,
            "2000-02-29T00:00:00.000000Z",
        );
        check(
            "0001-01-01T00:00:00Z",
            SECONDS_MIN,
            0,
            "0001-01-01T00:00:00.000000Z",
        );
        check(
            "9999-12-31T23:59:59.999999999Z",
            SECONDS_MAX,
            999_999_999,
            "9999-12-31T23:59:59.999999999Z",
        );
        check(
            "1969-12-31T23:59:59.9Z",
            -1,
            900_000_000,
            "1969-12-31T23:59:59.900000Z",
        );
    }

    #[test]
    fn other_texts_are_no_timestamps() {
        for text in [
            "",
            "2026",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-1-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+2:00",
            "2026-01-01T00:00:00+0200",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00ZZ",
            "0000-12-31T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:0é",
            " 2026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_prints_as_it_was_read() {
        let mut days = SECONDS_MIN / SECONDS_PER_DAY;
        while days * SECONDS_PER_DAY <= SECONDS_MAX {
            let (year, month, day) = date(days);
            assert_eq!(days_since_epoch(year, month, day), days);
            assert!((1..=days_of(year, month)).contains(&day));
            days += 1;
        }
    }

    #[test]
    fn a_timestamp_out_of_range_prints_as_the_nearest() {
        let mut out = Vec::new();
        print_timestamp(
            &Timestamp {
                seconds: i64::MAX,
                nanos: i32::MIN,
            },
            &mut out,
        );
        assert_eq!(out, b"9999-12-31T23:59:59.000000Z");
    }

    #[test]
    fn durations_are_seconds_with_a_fraction() {
        for (text, seconds, nanos, printed) in [
            ("0s", 0, 0, "0s"),
            ("3s", 3, 0, "3s"),
            ("-1.5s", -1, -500_000_000, "-1.500s"),
            ("0.000001s", 0, 1000, "0.000001s"),
            ("-0.000000001s", 0, -1, "-0.000000001s"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(
                (duration.seconds, duration.nanos),
                (seconds, nanos),
                "{text}"
            );
            let mut out = Vec::new();
            print_duration(&duration, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), printed);
        }
        for text in [
            "",
            "s",
            "1",
            ".5s",
            "1.s",
            "1.0000000000s",
            "+1s",
            "--1s",
            "1 s",
            "315576000001s",
            "1e3s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
