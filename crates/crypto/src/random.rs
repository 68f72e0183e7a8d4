//! Randomness of the operating system.

/// Fills `buffer` with cryptographically secure random bytes.
///
/// # Panics
/// When the operating system gives no randomness: nothing that follows could be safe.
pub fn fill_random(buffer: &mut [u8]) {
    aws_lc_rs::rand::fill(buffer).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "this is what is tested")]
    fn two_fills_differ() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        fill_random(&mut first);
        fill_random(&mut second);
        assert_ne!(first, second);
    }
}
