//! Limits: taken at the limit, refused one over it.

use super::*;
use crate::limits::{
    KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_INDEX_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::row::ROW_HEADER_BYTES;
use crate::{Error, Read as _, WriteTx};

pub(super) fn engines_take_the_limit_and_refuse_one_more(data: &mut dyn Reopen) {
    let (engine, clock) = open(data);
    let (key, long_key) = (vec![0xFF; KEY_BYTES_MAX], vec![0xFF; KEY_BYTES_MAX + 1]);
    let value = Bytes::from(vec![7; VALUE_BYTES_MAX]);
    let long_value = Bytes::from(vec![7; VALUE_BYTES_MAX + 1]);
    let put = |key: &[u8], value: &[u8]| vec![Writes::put(Space::Docs, key, value)];
    commit(engine.as_ref(), DB, put(&key, &value)).unwrap();
    for (refused, what) in [
        (put(&long_key, b""), "a key"),
        (put(b"k", &long_value), "a value"),
    ] {
        let good = Writes::put(Space::Docs, b"good", b"");
        let group = [vec![good], refused].concat();
        match commit(engine.as_ref(), DB, group) {
            Err(CommitError::TooLarge(named)) => assert_eq!(named, what),
            other => panic!("{what} over the limit gave {other:?}"),
        }
    }
    drop(engine);
    let engine = data.open(clock);
    let rows = dump(engine.snapshot(DB).unwrap().as_ref(), Space::Docs);
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(key, value)]);
}

fn check(store: &Store, what: &str, work: impl Fn(&mut WriteTx<'_>) -> Result<(), Error>) {
    match (store.write(work), what) {
        (Ok(()), "") => {}
        (Err(Error::TooLarge(named)), _) => assert_eq!(named, what),
        (other, _) => panic!("{other:?} where {what:?} is too large"),
    }
}

pub(super) fn transactions_take_the_limit_and_refuse_one_more(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let value = |bytes| Bytes::from(vec![1; bytes]);
    let put = |space, key_bytes, value_bytes| {
        move |tx: &mut WriteTx<'_>| tx.put(space, vec![2; key_bytes], value(value_bytes))
    };
    let value_max = VALUE_BYTES_MAX - ROW_HEADER_BYTES;
    for space in [Space::Docs, Space::Idx, Space::SysUsers] {
        check(&store, "", put(space, KEY_BYTES_MAX, 1));
        check(&store, "a key", put(space, KEY_BYTES_MAX + 1, 1));
        check(&store, "a key", |tx| {
            tx.delete(space, vec![2; KEY_BYTES_MAX + 1])
        });
        check(&store, "", put(space, 1, value_max));
        check(&store, "a value", put(space, 1, value_max + 1));
    }
    // Again over a row with the longest key: its history row has a longer one.
    check(&store, "", put(Space::Docs, KEY_BYTES_MAX, 2));
    check(&store, "", put(Space::Idx, KEY_BYTES_MAX, 2));
    for (space, limit) in [
        (Space::Docs, TRANSACTION_BYTES_MAX),
        (Space::Idx, TRANSACTION_INDEX_BYTES_MAX),
    ] {
        let fill = |total: usize| {
            move |tx: &mut WriteTx<'_>| {
                let mut left = total;
                for at in 0..u32::MAX {
                    if left == 0 {
                        break;
                    }
                    // Writing a row twice counts once.
                    tx.put(space, at.to_be_bytes().to_vec(), Bytes::new())?;
                    let bytes = (left - size_of::<u32>()).min(1_000_000);
                    tx.put(space, at.to_be_bytes().to_vec(), value(bytes))?;
                    left -= size_of::<u32>() + bytes;
                }
                Ok(())
            }
        };
        check(&store, "", fill(limit));
        check(&store, "the transaction", fill(limit + 1));
    }
    let tx = store.read().unwrap();
    assert_eq!(
        tx.get(Space::SysUsers, &[2; 1]).unwrap().unwrap().len(),
        value_max
    );
    for (space, key) in [
        (Space::Log, &b"k"[..]),
        (Space::DocsHist, b"k"),
        (Space::Meta, b"clock"),
    ] {
        let refused = store.write(|tx| tx.put(space, key.to_vec(), Bytes::new()));
        assert!(matches!(refused, Err(Error::Reserved(_))));
    }
}
