//! What every operation is handed instead of asking the system: the time and the randomness.

use crate::Timestamp;

/// Where time comes from. The binary's is the system clock; tests hold one they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from: cryptographically secure, except in tests.
pub trait Rng {
    /// Fills `buffer` with random bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}

/// One operation's view of the world outside.
pub struct OpContext<'a> {
    /// The time of the operation, read once.
    pub now: Timestamp,
    /// The only randomness.
    pub rng: &'a mut dyn Rng,
}

impl OpContext<'_> {
    /// `length` characters of `[A-Za-z0-9]`, evenly distributed: generated uids, key ids and the like.
    pub fn alphanumeric(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::with_capacity(length);
        let mut bytes = [0u8; 64];
        while text.len() < length {
            self.rng.fill(&mut bytes);
            // 62 does not divide 256: the top 8 values are thrown away, so that every character is equally likely.
            let picked = bytes.iter().filter_map(|byte| match *byte {
                byte if byte < 248 => ALPHABET.get(usize::from(byte % 62)),
                _ => None,
            });
            text.extend(
                picked
                    .take(length - text.len())
                    .map(|byte| char::from(*byte)),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u8);

    impl Rng for Counter {
        fn fill(&mut self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    #[test]
    fn alphanumeric_has_the_length_and_skips_biased_bytes() {
        let mut rng = Counter(246);
        let mut cx = OpContext {
            now: Timestamp::default(),
            rng: &mut rng,
        };
        // 246 and 247 are the last fair bytes, 248..=255 are skipped, then 0 begins the alphabet.
        assert_eq!(cx.alphanumeric(4), "89AB");
        assert_eq!(cx.alphanumeric(28).len(), 28);
    }
}
