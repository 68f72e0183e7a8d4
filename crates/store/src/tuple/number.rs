//! The number that an encoding holds.

use firekeep_model::Value;

use super::{EXACT_FROM, EXACT_TO, NAN, NUMBER, integer_of};

/// The number that a [`value`](super::Encoder::value) encodes; `None` when it is something else. Where integers and
/// doubles are equal, they are the same: this gives the double, and an integer only where no double is equal.
#[must_use]
pub fn number(encoded: &[u8]) -> Option<Value> {
    let (tag, rest) = encoded.split_first()?;
    let (sorted, rest) = rest.split_first_chunk::<8>()?;
    if *tag != NUMBER {
        return None;
    }
    if encoded == NAN {
        return Some(Value::double(f64::NAN));
    }
    let sorted = u64::from_be_bytes(*sorted);
    let negative = sorted >> 63 == 0;
    let double = f64::from_bits(if negative {
        !sorted
    } else {
        sorted & !(1 << 63)
    });
    if !(EXACT_FROM..=EXACT_TO).contains(&double.abs()) {
        return rest.is_empty().then_some(Value::Double(double));
    }
    let distance = integer_of(<[u8; 8]>::try_from(rest).ok()?);
    if distance == 0 {
        return Some(Value::Double(double));
    }
    let exact = super::exact(double) + i128::from(distance);
    i64::try_from(exact).ok().map(Value::Integer)
}
