//! How long a client waits: the `grpc-timeout` header. Source: gRPC over HTTP2, "Requests".

use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::Instant;
use tonic::Status;

use crate::Refusal;

/// When the client's patience ends; `None` for one that has no end.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<Instant>, Refusal> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let timeout = value.to_str().ok().and_then(parse);
    let timeout = timeout.ok_or_else(|| Refusal::invalid("`grpc-timeout` is no duration."))?;
    Ok(Instant::now().checked_add(timeout))
}

/// What the client of a call that took too long reads, if it still reads.
pub(super) fn exceeded() -> Status {
    Status::deadline_exceeded("The deadline of the call expired before it was answered.")
}

/// At most 8 digits, and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        for (text, duration) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("86400S", Some(Duration::from_secs(86_400))),
            ("59999m", Some(Duration::from_millis(59_999))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("", None),
            ("S", None),
            ("1", None),
            ("-1S", None),
            ("1s", None),
            ("100000000S", None),
            ("1é", None),
        ] {
            assert_eq!(parse(text), duration, "{text}");
        }
    }
}
