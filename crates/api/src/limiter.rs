//! Rate limits, per account and per address (auth specification, section 22.3).
//!
//! An attempt is counted before it is judged, so that many at once are not all judged before the first one counts; who
//! turns out to be right takes it back. Kept in memory: a restart forgets the counts, which costs an attacker more than
//! it gives. The number of buckets is bounded: the one that was used longest ago makes room.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use firekeep_crypto::digest::sha256;
use firekeep_model::Timestamp;

use crate::Error;
use crate::limits::{LIMITER_BUCKETS_MAX, TURNS};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address of the peer, or the one that a trusted proxy names.
    pub address: Option<IpAddr>,
}

impl Client {
    /// The network that counts as one place, where the address is known: an IPv4 address, or 64 bits of an IPv6 one,
    /// since any host of such a network may take all of its addresses.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        Some(match self.address?.to_canonical() {
            address @ IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

/// How many attempts within how long, and what comes then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) attempts: u32,
    pub(crate) secs: i64,
    pub(crate) then: Then,
}

/// What a full bucket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It refuses until its time is over.
    Wait,
    /// It takes one attempt more after a minute, the next one after two, and so on up to an hour; it is emptied when
    /// nobody tried for its time after that.
    Delay,
}

/// Wrong passwords at one account from one address.
pub(crate) const PER_ACCOUNT_AND_ADDRESS: Rate = Rate {
    attempts: 5,
    secs: 15 * 60,
    then: Then::Delay,
};
/// Wrong passwords at one account from everywhere; the number is ours. High, because it locks the owner out too.
pub(crate) const PER_ACCOUNT: Rate = Rate {
    attempts: 100,
    secs: 15 * 60,
    then: Then::Wait,
};
/// Wrong passwords from one address.
pub(crate) const PER_ADDRESS: Rate = Rate {
    attempts: 50,
    secs: 15 * 60,
    then: Then::Wait,
};
/// Sign-ups from one address.
pub(crate) const SIGN_UPS: Rate = Rate {
    attempts: 20,
    secs: 3600,
    then: Then::Wait,
};
/// Anonymous sign-ups from one address.
pub(crate) const ANONYMOUS_SIGN_UPS: Rate = Rate {
    attempts: 100,
    secs: 3600,
    then: Then::Wait,
};

const DELAY_SECS_MIN: i64 = 60;
const DELAY_SECS_MAX: i64 = 3600;

/// Turns at judging an account's password: one attempt at a time, so that several right ones at once do not take each
/// other for guesses. Accounts share a fixed number of turns by their keys.
pub(crate) struct Turns(Vec<tokio::sync::Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..TURNS).map(|_| tokio::sync::Mutex::default()).collect())
    }
}

impl Turns {
    /// Waits for the turn of a key; it ends when what this gives is dropped.
    pub(crate) async fn take(&self, key: &Key) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let Key([first, second, ..]) = key;
        let at = usize::from(u16::from_le_bytes([*first, *second])) % self.0.len().max(1);
        Some(self.0.get(at)?.lock().await)
    }
}

/// What is counted together: a digest, so that the length of names costs nothing and no name stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of these texts, in this order.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            // With its length before it, no part can be taken for two.
            bytes.extend_from_slice(&part.len().to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(sha256(&bytes))
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    count: u32,
    /// When a full bucket takes an attempt again.
    opens_secs: i64,
    /// When the bucket is empty again.
    ends_secs: i64,
    /// When it was used last: its place in [`Buckets::by_use`].
    used: u64,
}

/// The buckets by their keys, and their keys by when they were used last.
#[derive(Default)]
struct Buckets {
    by_key: HashMap<Key, Bucket>,
    by_use: BTreeMap<u64, Key>,
    uses: u64,
}

/// Counts, per key.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<Buckets>);

impl Limiter {
    /// Counts an attempt in each of the buckets, or in none when one of them is full.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`].
    pub(crate) fn count(&self, buckets: &[(Key, Rate)], now: Timestamp) -> Result<(), Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, rate) in buckets {
            let bucket = all.find(key, now);
            if let Some(left) = bucket.and_then(|bucket| bucket.refuses_secs(*rate, now)) {
                let retry_after_secs = u64::try_from(left).unwrap_or(1);
                return Err(Error::TooManyAttempts { retry_after_secs });
            }
        }
        for (key, rate) in buckets {
            all.count(*key, *rate, now);
        }
        Ok(())
    }

    /// Takes an attempt back, which turned out not to count.
    pub(crate) fn take_back(&self, keys: impl IntoIterator<Item = Key>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if let Some(bucket) = all.by_key.get_mut(&key) {
                bucket.count = bucket.count.saturating_sub(1);
            }
        }
    }

    /// Empties a bucket.
    pub(crate) fn forget(&self, key: &Key) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(key);
    }

    /// How many buckets there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(all.by_key.len(), all.by_use.len());
        all.by_key.len()
    }

    /// Drops the buckets whose time is over.
    pub(crate) fn tend(&self, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets { by_key, by_use, .. } = &mut *all;
        by_key.retain(|_, bucket| {
            let stays = bucket.ends_secs > now.secs();
            if !stays {
                by_use.remove(&bucket.used);
            }
            stays
        });
    }
}

impl Buckets {
    /// The bucket, unless its time is over. Looking at it is a use.
    fn find(&mut self, key: &Key, now: Timestamp) -> Option<Bucket> {
        let bucket = *self.by_key.get(key)?;
        if bucket.ends_secs <= now.secs() {
            self.remove(key);
            return None;
        }
        self.put(*key, bucket);
        Some(bucket)
    }

    fn count(&mut self, key: Key, rate: Rate, now: Timestamp) {
        let ends_secs = now.secs().saturating_add(rate.secs);
        let mut bucket = self.find(&key, now).unwrap_or(Bucket {
            count: 0,
            opens_secs: ends_secs,
            ends_secs,
            used: 0,
        });
        bucket.count = bucket.count.saturating_add(1);
        if rate.then == Then::Delay
            && let Some(over) = bucket.count.checked_sub(rate.attempts)
        {
            // The sixth doubling is past the most.
            let delay = (DELAY_SECS_MIN << over.min(6)).min(DELAY_SECS_MAX);
            bucket.opens_secs = now.secs().saturating_add(delay);
            bucket.ends_secs = bucket.opens_secs.saturating_add(rate.secs);
        }
        if self.by_key.len() >= LIMITER_BUCKETS_MAX
            && !self.by_key.contains_key(&key)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.by_key.remove(&oldest);
        }
        self.put(key, bucket);
    }

    fn put(&mut self, key: Key, bucket: Bucket) {
        self.uses += 1;
        let used = self.uses;
        if let Some(old) = self.by_key.insert(key, Bucket { used, ..bucket }) {
            self.by_use.remove(&old.used);
        }
        self.by_use.insert(used, key);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(bucket) = self.by_key.remove(key) {
            self.by_use.remove(&bucket.used);
        }
    }
}

impl Bucket {
    /// For how long the bucket refuses, if it does.
    fn refuses_secs(&self, rate: Rate, now: Timestamp) -> Option<i64> {
        let left = self.opens_secs.saturating_sub(now.secs());
        (self.count >= rate.attempts && left > 0).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_IN_TEN: Rate = Rate {
        attempts: 2,
        secs: 10,
        then: Then::Wait,
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn key(name: &str) -> Key {
        Key::of(&[name])
    }

    /// Seconds until the next attempt, or none when this one counted.
    fn count(limiter: &Limiter, name: &str, rate: Rate, secs: i64) -> Option<u64> {
        match limiter.count(&[(key(name), rate)], at(secs)) {
            Ok(()) => None,
            Err(Error::TooManyAttempts { retry_after_secs }) => Some(retry_after_secs),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_full_bucket_refuses_until_its_time_is_over() {
        let limiter = Limiter::default();
        // (seconds, whose, answer)
        for (secs, name, answer) in [
            (0, "a", None),
            (1, "a", None),
            (2, "a", Some(8)),
            (2, "b", None),
            (10, "a", None),
            (11, "a", None),
            (12, "a", Some(8)),
        ] {
            let found = count(&limiter, name, TWO_IN_TEN, secs);
            assert_eq!(found, answer, "{name} at {secs}");
        }
        limiter.forget(&key("a"));
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 12), None);
    }

    #[test]
    fn an_attempt_that_is_taken_back_leaves_room_for_one() {
        let limiter = Limiter::default();
        for _ in 0..10 {
            assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), None);
            limiter.take_back([key("a")]);
        }
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), None);
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), None);
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), Some(10));
    }

    #[test]
    fn what_one_bucket_refuses_counts_in_none() {
        let limiter = Limiter::default();
        let both = [(key("a"), TWO_IN_TEN), (key("full"), TWO_IN_TEN)];
        for _ in 0..2 {
            count(&limiter, "full", TWO_IN_TEN, 0);
        }
        for _ in 0..10 {
            assert!(limiter.count(&both, at(0)).is_err());
        }
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), None);
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), None);
        assert_eq!(count(&limiter, "a", TWO_IN_TEN, 0), Some(10));
    }

    #[test]
    fn the_delay_doubles_up_to_an_hour_and_never_becomes_a_lock() {
        let limiter = Limiter::default();
        let count = |secs| count(&limiter, "a", PER_ACCOUNT_AND_ADDRESS, secs);
        let mut now = 0;
        for _ in 0..5 {
            assert_eq!(count(now), None);
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(count(now), Some(minutes * 60));
            now += i64::try_from(minutes).unwrap() * 60;
            assert_eq!(count(now - 1), Some(1));
            assert_eq!(count(now), None, "after {minutes} minutes");
        }
        // An hour's delay, and a quarter of an hour without an attempt.
        now += 75 * 60;
        for _ in 0..5 {
            assert_eq!(count(now), None);
        }
        assert_eq!(count(now), Some(60));
    }

    #[test]
    fn a_full_table_forgets_the_bucket_that_was_used_longest_ago() {
        let limiter = Limiter::default();
        for name in ["locked", "quiet"] {
            for _ in 0..2 {
                assert_eq!(count(&limiter, name, TWO_IN_TEN, 0), None);
            }
        }
        for other in 0..LIMITER_BUCKETS_MAX {
            count(&limiter, &other.to_string(), TWO_IN_TEN, 0);
            assert_eq!(count(&limiter, "locked", TWO_IN_TEN, 0), Some(10));
        }
        assert_eq!(limiter.len(), LIMITER_BUCKETS_MAX);
        assert_eq!(count(&limiter, "quiet", TWO_IN_TEN, 0), None);
        assert_eq!(limiter.len(), LIMITER_BUCKETS_MAX);
    }

    #[test]
    fn buckets_whose_time_is_over_are_dropped() {
        let limiter = Limiter::default();
        count(&limiter, "a", TWO_IN_TEN, 0);
        count(&limiter, "b", TWO_IN_TEN, 5);
        for (secs, left) in [(9, 2), (10, 1), (15, 0)] {
            limiter.tend(at(secs));
            assert_eq!(limiter.len(), left, "at {secs}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_place() {
        let network = |text: &str| {
            let address = Some(text.parse().unwrap());
            Client { address }.network().unwrap().to_string()
        };
        for (address, place) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
            ("2001:db8:0:1:ffff::2", "2001:db8:0:1::"),
            ("2001:db8:0:2::1", "2001:db8:0:2::"),
        ] {
            assert_eq!(network(address), place, "{address}");
        }
        assert_eq!(Client { address: None }.network(), None);
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(Key::of(&["ab", "c"]), Key::of(&["a", "bc"]));
        assert_ne!(Key::of(&["a"]), Key::of(&["a", ""]));
    }
}
