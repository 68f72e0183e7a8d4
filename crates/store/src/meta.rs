//! The format number of the data, and the steps from one format to the next.
//!
//! Steps are numbered, idempotent, restartable and forward only. Data of a newer format is refused. Storage design,
//! section 9.

use bytes::Bytes;

use crate::{Error, META_FORMAT, Read as _, Space, Store, WriteTx, row};

/// The format that this program writes.
pub const FORMAT: u32 = 1;

/// Brings data to the format `to`, from the one before.
pub(crate) struct Step {
    to: u32,
    run: fn(&Store) -> Result<(), Error>,
}

/// Every step there is. Never changed once released.
pub(crate) const STEPS: &[Step] = &[];

/// Checks the stored value of [`META_FORMAT`] against what this program knows, and gives the number. For engines
/// that look before they open everything.
///
/// # Errors
/// [`Error::NewerFormat`], [`Error::Corrupt`].
pub fn check_format(stored: Bytes) -> Result<u32, Error> {
    check(&row::decode(stored)?.value, FORMAT)
}

fn check(value: &[u8], known: u32) -> Result<u32, Error> {
    let bytes = <[u8; 4]>::try_from(value);
    let found = bytes.map_err(|_| Error::Corrupt("the format number cannot be read".to_owned()))?;
    match u32::from_be_bytes(found) {
        found if found > known => Err(Error::NewerFormat { found, known }),
        found => Ok(found),
    }
}

/// Marks new data with the format `known`, or brings old data to it.
pub(crate) fn migrate(store: &Store, known: u32, steps: &[Step]) -> Result<(), Error> {
    let tx = store.read()?;
    let time = tx.time();
    let stored = tx.get(Space::Meta, META_FORMAT)?;
    drop(tx);
    let Some(stored) = stored else {
        if time != crate::CommitTime::ZERO {
            return Err(Error::Corrupt("the data has no format number".to_owned()));
        }
        return set_format(store, known);
    };
    let found = check(&stored, known)?;
    for step in steps.iter().filter(|step| step.to > found) {
        (step.run)(store)?;
        set_format(store, step.to)?;
    }
    Ok(())
}

fn set_format(store: &Store, format: u32) -> Result<(), Error> {
    store.write(|tx: &mut WriteTx<'_>| {
        let value = Bytes::copy_from_slice(&format.to_be_bytes());
        tx.write(Space::Meta, META_FORMAT.to_vec(), Some(value), false)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firekeep_model::{Clock, Timestamp};

    use super::*;
    use crate::{DbId, MemEngine};

    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(1)
        }
    }

    fn open() -> Arc<Store> {
        let clock = Arc::new(Standing);
        Store::open(Arc::new(MemEngine::new(clock.clone())), DbId(1), clock).unwrap()
    }

    fn note(store: &Store) -> Result<(), Error> {
        store.write(|tx| {
            let mut text = tx
                .get(Space::SysConfig, b"steps")?
                .unwrap_or_default()
                .to_vec();
            text.push(b'.');
            tx.put(Space::SysConfig, b"steps".to_vec(), text.into())
        })
    }

    #[test]
    fn steps_run_once_in_their_order() {
        let store = open();
        let steps = [Step { to: 2, run: note }, Step { to: 3, run: note }];
        migrate(&store, 3, &steps).unwrap();
        migrate(&store, 3, &steps).unwrap();
        let tx = store.read().unwrap();
        assert_eq!(
            tx.get(Space::SysConfig, b"steps").unwrap().as_deref(),
            Some(&b".."[..])
        );
    }

    #[test]
    fn a_step_that_fails_runs_again() {
        let store = open();
        let failing = [
            Step { to: 2, run: note },
            Step {
                to: 3,
                run: |_| Err(Error::Unavailable("a test".to_owned())),
            },
        ];
        assert!(migrate(&store, 3, &failing).is_err());
        migrate(
            &store,
            3,
            &[Step { to: 2, run: note }, Step { to: 3, run: note }],
        )
        .unwrap();
        let tx = store.read().unwrap();
        assert_eq!(
            tx.get(Space::SysConfig, b"steps").unwrap().as_deref(),
            Some(&b".."[..])
        );
    }

    #[test]
    fn newer_formats_are_refused_with_both_numbers() {
        let store = open();
        set_format(&store, FORMAT + 1).unwrap();
        let refused = migrate(&store, FORMAT, STEPS).unwrap_err();
        assert!(matches!(refused, Error::NewerFormat { found: 2, known: 1 }));
        let stored = store
            .snapshot()
            .unwrap()
            .get(Space::Meta, &[META_FORMAT])
            .unwrap();
        let stored = stored.into_iter().next().flatten().unwrap();
        assert!(matches!(
            check_format(stored),
            Err(Error::NewerFormat { .. })
        ));
    }
}
