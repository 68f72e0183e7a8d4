//! Verified ID tokens, remembered: a repeated bearer costs a hash and a look-up instead of an RSA verification.
//!
//! Only what never changes is remembered: the claims. Expiry, the user and its revocations are judged each time.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use firekeep_token::id::IdClaims;

use crate::limits::VERIFIED_TOKENS_MAX;

type Digest = [u8; 32];

/// Two generations: when the young one is full it becomes the old one, and what was old is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Arc<IdClaims>>,
    old: HashMap<Digest, Arc<IdClaims>>,
}

/// The memory of verified tokens, bounded by [`VERIFIED_TOKENS_MAX`].
#[derive(Default)]
pub(crate) struct VerifiedTokens(RwLock<Generations>);

impl VerifiedTokens {
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<IdClaims>> {
        let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        generations
            .young
            .get(digest)
            .or_else(|| generations.old.get(digest))
            .cloned()
    }

    pub(crate) fn remember(&self, digest: Digest, claims: Arc<IdClaims>) {
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= VERIFIED_TOKENS_MAX / 2 {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(digest, claims);
    }

    /// Forgets all: the keys changed.
    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }
}
