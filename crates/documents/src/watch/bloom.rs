//! Bloom filters: which documents a target has, told in few bytes. Source: Firestore specification, section 12.

use firekeep_crypto::digest::md5;

use super::BloomFilter;
use crate::limits::{BLOOM_BITS_MIN, EXISTENCE_NAMES_MAX};

/// How often the filter says of a name that is not among them that it is: one in ten thousand.
const ERROR_RATE: f64 = 0.0001;

impl BloomFilter {
    /// A filter of documents' whole names; `None` for more than [`EXISTENCE_NAMES_MAX`].
    #[must_use]
    pub fn of<N: AsRef<str>>(names: &[N]) -> Option<Self> {
        if names.len() > EXISTENCE_NAMES_MAX {
            return None;
        }
        if names.is_empty() {
            return Some(Self::default());
        }
        let (bits, hash_count) = size(names.len());
        Some(Self::with(names, bits.max(BLOOM_BITS_MIN), hash_count))
    }

    /// A filter of so many bits, more than none.
    fn with<N: AsRef<str>>(names: &[N], bits: u64, hash_count: u32) -> Self {
        let bytes = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
        let mut bitmap = vec![0u8; bytes];
        for name in names {
            for bit in places(name.as_ref(), bits, hash_count) {
                let at = usize::try_from(bit / 8).unwrap_or(usize::MAX);
                if let Some(byte) = bitmap.get_mut(at) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        Self {
            bits: bitmap.into(),
            padding: u8::try_from(bits.next_multiple_of(8) - bits).unwrap_or(0),
            hash_count,
        }
    }
}

/// How many bits a filter of so many names has, and how many each name sets.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a positive number of at most some millions"
)]
fn size(names: usize) -> (u64, u32) {
    let (names, ln_2) = (names as f64, std::f64::consts::LN_2);
    let bits = (names * -ERROR_RATE.ln() / (ln_2 * ln_2)).ceil();
    let hashes = (bits / names * ln_2).round().max(1.0);
    (bits as u64, hashes as u32)
}

/// The bits that a name sets.
fn places(name: &str, bits: u64, hash_count: u32) -> impl Iterator<Item = u64> {
    let digest = u128::from_le_bytes(md5(name.as_bytes()));
    let (low, high) = (half(digest), half(digest >> 64));
    (0..u64::from(hash_count)).map(move |round| low.wrapping_add(round.wrapping_mul(high)) % bits)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
const fn half(digest: u128) -> u64 {
    digest as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(range: std::ops::Range<usize>) -> Vec<String> {
        let name = |n| format!("projects/demo-p/databases/(default)/documents/b/doc{n}");
        range.map(name).collect()
    }

    /// As a client asks. Source: specification, section 12.
    fn contains(filter: &BloomFilter, name: &str) -> bool {
        let bits = filter.bits.len() as u64 * 8 - u64::from(filter.padding);
        let is_set =
            |bit: u64| filter.bits[usize::try_from(bit).unwrap() / 8] & (1 << (bit % 8)) != 0;
        bits > 0 && places(name, bits, filter.hash_count).all(is_set)
    }

    /// The known answer of the specification, `RgwTZvCJZZcPMCYjqX8=`.
    #[test]
    fn the_known_answer() {
        let filter = BloomFilter::with(&names(0..7), 112, 11);
        let bitmap = [
            0x46, 0x0c, 0x13, 0x66, 0xf0, 0x89, 0x65, 0x97, 0x0f, 0x30, 0x26, 0x23, 0xa9, 0x7f,
        ];
        assert_eq!(filter.bits.as_ref(), bitmap);
        assert_eq!((filter.padding, filter.hash_count), (0, 11));
        for name in names(0..7) {
            assert!(contains(&filter, &name), "{name}");
        }
        for name in names(7..10) {
            assert!(!contains(&filter, &name), "{name}");
        }
    }

    /// The formula of the specification, section 12. Its vector for 500 names has one bit more; clients take any number.
    #[test]
    fn sizes() {
        assert_eq!(size(1), (20, 14));
        assert_eq!(size(500), (9_586, 13));
    }

    #[test]
    fn every_name_is_found_and_few_others() {
        for count in [1, 7, 500, 5_000] {
            let filter = BloomFilter::of(&names(0..count)).unwrap();
            assert!(filter.bits.len() >= 16);
            assert!(filter.padding < 8);
            assert!(names(0..count).iter().all(|name| contains(&filter, name)));
            let others = names(count..count + 10_000);
            let wrong = others.iter().filter(|name| contains(&filter, name)).count();
            assert!(wrong < 20, "{count}: {wrong}");
        }
    }

    #[test]
    fn none_and_too_many() {
        let empty = BloomFilter::of::<&str>(&[]).unwrap();
        assert_eq!(empty, BloomFilter::default());
        assert!(!contains(&empty, "a"));
        assert_eq!(BloomFilter::of(&vec!["a"; EXISTENCE_NAMES_MAX + 1]), None);
    }
}
