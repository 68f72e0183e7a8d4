//! Where an encoded value ends, without decoding it.
//!
//! `turn` is 0, or `FF` for a descending value, of which every byte is complemented.

use super::{
    ARRAY, BYTES, END, ESCAPE, ESCAPED_ZERO, EXACT_FROM, EXACT_TO, FALSE, GEO_POINT, MAP, NULL,
    NUMBER, NUMERIC_ID, REFERENCE, STRING, TEXT_END, TIMESTAMP, TRUE, VECTOR,
};

/// What follows the value at the front of `key`.
pub(super) fn value(key: &[u8], turn: u8) -> Option<&[u8]> {
    let mut rest = key;
    // How many arrays and maps are open. What is in them is values one behind the other: the key of an entry is one.
    let mut open = 0usize;
    loop {
        let (tag, behind) = rest.split_first()?;
        rest = match tag ^ turn {
            END if open > 0 => {
                open -= 1;
                behind
            }
            ARRAY | MAP => {
                open += 1;
                behind
            }
            NULL | FALSE | TRUE => behind,
            NUMBER => number(behind, turn)?,
            TIMESTAMP => behind.get(8..)?,
            GEO_POINT => behind.get(16..)?,
            STRING | BYTES => text(behind, turn)?,
            REFERENCE => reference(behind, turn)?,
            VECTOR => vector(behind, turn)?,
            _ => return None,
        };
        if open == 0 {
            return Some(rest);
        }
    }
}

/// What follows the escaped and ended bytes at the front of `key`.
pub(super) fn text(key: &[u8], turn: u8) -> Option<&[u8]> {
    let escape = ESCAPE ^ turn;
    let mut rest = key;
    loop {
        let at = rest.iter().position(|byte| *byte == escape)?;
        let second = rest.get(at + 1)? ^ turn;
        rest = rest.get(at + 2..)?;
        match second {
            TEXT_END => return Some(rest),
            ESCAPED_ZERO => {}
            _ => return None,
        }
    }
}

fn number(key: &[u8], turn: u8) -> Option<&[u8]> {
    let (sorted, rest) = key.split_first_chunk::<8>()?;
    let sorted = u64::from_be_bytes(sorted.map(|byte| byte ^ turn));
    let negative = sorted >> 63 == 0;
    let double = f64::from_bits(if negative {
        !sorted
    } else {
        sorted & !(1 << 63)
    });
    match (EXACT_FROM..=EXACT_TO).contains(&double.abs()) {
        true => rest.get(8..),
        false => Some(rest),
    }
}

fn vector(key: &[u8], turn: u8) -> Option<&[u8]> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(length.map(|byte| byte ^ turn));
    rest.get(usize::try_from(length).ok()?.checked_mul(8)?..)
}

/// Project, database, and ids up to an empty one.
fn reference(key: &[u8], turn: u8) -> Option<&[u8]> {
    let mut rest = text(text(key, turn)?, turn)?;
    loop {
        rest = match rest {
            [first, second, rest @ ..] if [first ^ turn, second ^ turn] == [ESCAPE, TEXT_END] => {
                return Some(rest);
            }
            [first, second, rest @ ..] if [first ^ turn, second ^ turn] == [ESCAPE, NUMERIC_ID] => {
                rest.get(8..)?
            }
            id => text(id, turn)?,
        };
    }
}
