//! The machine's clock and randomness, behind the traits that everything below is handed.

use std::time::{SystemTime, UNIX_EPOCH};

use firekeep_model::{Clock, Rng, Timestamp};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is handed down"
    )]
    fn now(&self) -> Timestamp {
        let micros = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| age.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// The machine's randomness, cryptographically secure.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the randomness that is handed down"
    )]
    fn fill(&mut self, buffer: &mut [u8]) {
        firekeep_crypto::fill_random(buffer);
    }
}
