//! Sealing: what we hand out and want back unread and unchanged, by AES-256-GCM-SIV (RFC 8452).
//!
//! SIV because its nonce may repeat: then an observer learns that two equal texts were sealed, and nothing more.
//! A sealed text is nonce (12 bytes) · ciphertext · tag (16 bytes).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// A key that seals and opens. Its `Debug` shows nothing of it.
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// From 32 secret, evenly random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &bytes).expect("an AES-256 key has 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Seals `plaintext`; only the same `context` opens it again. `nonce_random` is fresh random bytes.
    ///
    /// # Panics
    /// When `plaintext` has more than 64 GiB.
    #[must_use]
    pub fn seal(&self, nonce_random: [u8; NONCE_LEN], plaintext: &[u8], context: &[u8]) -> Vec<u8> {
        let mut text = plaintext.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce_random);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(context), &mut text)
            .expect("a plaintext in memory is shorter than the algorithm's limit");
        [nonce_random.as_slice(), &text].concat()
    }

    /// Opens what [`Self::seal`] gave with the same key and context; `None` for anything else.
    #[must_use]
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(context), &mut text)
            .ok()?;
        let length = opened.len();
        text.truncate(length);
        Some(text)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 12] = [7; 12];

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_context() {
        let key = SealKey::from_bytes([1; 32]);
        for plain in [b"".as_slice(), b"a", &[0; 1000]] {
            let sealed = key.seal(NONCE, plain, b"context");
            assert_eq!(sealed.len(), 12 + plain.len() + 16);
            assert_eq!(key.open(&sealed, b"context").as_deref(), Some(plain));
            assert_eq!(key.open(&sealed, b"other"), None);
            assert_eq!(SealKey::from_bytes([2; 32]).open(&sealed, b"context"), None);
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let key = SealKey::from_bytes([1; 32]);
        let sealed = key.seal(NONCE, b"plain", b"");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&changed, b""), None);
            assert_eq!(key.open(&sealed[..at], b""), None);
        }
    }

    /// Source: RFC 8452, appendix C.2, the first result with a plaintext of 8 bytes.
    #[test]
    fn sealing_matches_the_published_example() {
        let (mut secret, mut nonce) = ([0; 32], [0; 12]);
        secret[0] = 1;
        nonce[0] = 3;
        let sealed = SealKey::from_bytes(secret).seal(nonce, &[1, 0, 0, 0, 0, 0, 0, 0], b"");
        assert_eq!(
            hex::encode(&sealed[12..]),
            "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"
        );
    }
}
