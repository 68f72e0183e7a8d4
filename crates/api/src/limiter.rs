//! Rate limits of failed sign-ins, per account and per address (auth specification, section 22.3).
//!
//! Kept in memory: a restart forgets them, which costs an attacker more than it gives. The number of buckets is bounded;
//! when it is full, all buckets that have run out are dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use firekeep_model::Timestamp;

use crate::Error;
use crate::limits::LIMITER_BUCKETS_MAX;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the peer, or the one that a trusted proxy names.
    pub address: Option<IpAddr>,
}

/// How many failures within how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) failures: u32,
    pub(crate) secs: i64,
}

/// Failed passwords at one account.
pub(crate) const PER_ACCOUNT: Rate = Rate {
    failures: 5,
    secs: 15 * 60,
};
/// Failed passwords from one address.
pub(crate) const PER_ADDRESS: Rate = Rate {
    failures: 50,
    secs: 15 * 60,
};
/// Sign-ups from one address.
pub(crate) const SIGN_UPS: Rate = Rate {
    failures: 20,
    secs: 3600,
};
/// Anonymous sign-ups from one address.
pub(crate) const ANONYMOUS_SIGN_UPS: Rate = Rate {
    failures: 100,
    secs: 3600,
};

struct Bucket {
    count: u32,
    ends_secs: i64,
}

/// Counts, per key.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<HashMap<String, Bucket>>);

impl Limiter {
    /// Refuses when the bucket is full.
    pub(crate) fn check(&self, key: &str, rate: Rate, now: Timestamp) -> Result<(), Error> {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(key) {
            Some(bucket) if bucket.count >= rate.failures && bucket.ends_secs > now.secs() => {
                let left = bucket.ends_secs.saturating_sub(now.secs());
                let retry_after_secs = u64::try_from(left).unwrap_or(1);
                Err(Error::TooManyAttempts { retry_after_secs })
            }
            _ => Ok(()),
        }
    }

    /// Counts one.
    pub(crate) fn count(&self, key: &str, rate: Rate, now: Timestamp) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= LIMITER_BUCKETS_MAX && !buckets.contains_key(key) {
            buckets.retain(|_, bucket| bucket.ends_secs > now.secs());
            if buckets.len() >= LIMITER_BUCKETS_MAX {
                return;
            }
        }
        let ends_secs = now.secs().saturating_add(rate.secs);
        let fresh = || Bucket {
            count: 0,
            ends_secs,
        };
        let bucket = buckets.entry(key.to_owned()).or_insert_with(fresh);
        if bucket.ends_secs <= now.secs() {
            *bucket = fresh();
        }
        bucket.count = bucket.count.saturating_add(1);
    }

    /// Forgets a bucket: the right password was given.
    pub(crate) fn forget(&self, key: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_refuses_until_it_runs_out() {
        let limiter = Limiter::default();
        let rate = Rate {
            failures: 2,
            secs: 10,
        };
        let at = Timestamp::from_secs;
        limiter.count("a", rate, at(0));
        assert!(limiter.check("a", rate, at(1)).is_ok());
        limiter.count("a", rate, at(1));
        assert!(matches!(
            limiter.check("a", rate, at(2)),
            Err(Error::TooManyAttempts {
                retry_after_secs: 8
            })
        ));
        assert!(limiter.check("b", rate, at(2)).is_ok());
        assert!(limiter.check("a", rate, at(10)).is_ok());
        limiter.count("a", rate, at(10));
        assert!(limiter.check("a", rate, at(11)).is_ok());
        limiter.forget("a");
        assert!(limiter.check("a", rate, at(11)).is_ok());
    }
}
