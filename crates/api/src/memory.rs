//! Tokens that were verified, remembered: a repeated one costs a hash and a look-up instead of an RSA verification.
//!
//! A memory belongs to the set of keys that verified what is in it, and goes with that set: nothing it says outlives a
//! key. What changes without the keys (the time, the user, its revocations) is never remembered but judged each time.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use crate::limits::VERIFIED_TOKENS_MAX;

/// The SHA-256 of a token and of what it was verified for.
pub(crate) type Digest = [u8; 32];

/// What tokens say, by their digests; bounded by [`VERIFIED_TOKENS_MAX`].
pub(crate) struct Memory<T>(RwLock<Generations<T>>);

/// Two generations: when the young one is full it becomes the old one, and what was old is forgotten.
struct Generations<T> {
    young: HashMap<Digest, Arc<T>>,
    old: HashMap<Digest, Arc<T>>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(RwLock::new(Generations {
            young: HashMap::new(),
            old: HashMap::new(),
        }))
    }
}

impl<T> Memory<T> {
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<T>> {
        let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Generations { young, old } = &*generations;
        young.get(digest).or_else(|| old.get(digest)).cloned()
    }

    pub(crate) fn remember(&self, digest: Digest, what: Arc<T>) {
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= VERIFIED_TOKENS_MAX / 2 {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(digest, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: usize) -> Digest {
        firekeep_crypto::digest::sha256(&of.to_le_bytes())
    }

    #[test]
    fn the_latest_half_is_always_known_and_the_whole_is_bounded() {
        let memory = Memory::default();
        let all = 3 * VERIFIED_TOKENS_MAX;
        for at in 0..all {
            memory.remember(digest(at), Arc::new(at));
        }
        let known = (0..all).filter(|at| memory.find(&digest(*at)).is_some());
        assert!(known.count() <= VERIFIED_TOKENS_MAX);
        for at in all - VERIFIED_TOKENS_MAX / 2..all {
            assert_eq!(memory.find(&digest(at)).as_deref(), Some(&at));
        }
    }
}
