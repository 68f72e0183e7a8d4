//! The same work leaves the same bytes as in the engine in memory.

use super::*;
use crate::{Error, MemEngine, TrimBudget, WriteTx};

pub(super) fn the_same_work_leaves_the_same_bytes_as_in_memory(data: &mut dyn Reopen) {
    let (engine, clock) = open(data);
    let found = work(&engine, &clock);
    let clock = HandClock::new();
    let memory: Arc<dyn Engine> = Arc::new(MemEngine::new(Arc::clone(&clock) as Arc<dyn Clock>));
    let expected = work(&memory, &clock);
    for (space, expected) in expected {
        assert_eq!(found[&space], expected, "{space:?}");
    }
}

/// Random commits one after the other, with some trimming; gives every space's rows.
fn work(engine: &Arc<dyn Engine>, clock: &Arc<HandClock>) -> BTreeMap<Space, BTreeMap<Key, Bytes>> {
    let clock_for_store = Arc::clone(clock) as Arc<dyn Clock>;
    let store = Store::open(Arc::clone(engine), DB, clock_for_store).unwrap();
    let mut generator = Generator(9);
    for at in 0..120 {
        clock.set(BEGIN + at * 1_000 - i64::try_from(generator.below(5_000)).unwrap());
        let seed = generator.next();
        store
            .write(|tx| random_writes(tx, &mut Generator(seed)))
            .unwrap();
        if at % 50 == 49 {
            let retention = std::time::Duration::from_millis(20);
            store.trim(retention, TrimBudget::rows(15)).unwrap();
        }
    }
    store.close();
    let snapshot = engine.snapshot(DB).unwrap();
    let rows = |space| (space, dump(snapshot.as_ref(), space));
    let mut spaces: BTreeMap<_, _> = Space::ALL.into_iter().map(rows).collect();
    // Commits have names of their own in each run.
    for value in spaces.get_mut(&Space::Log).unwrap().values_mut() {
        let row = LogRow::decode(value).unwrap();
        *value = LogRow {
            commit: CommitId::default(),
            ..row
        }
        .encode();
    }
    spaces
}

fn random_writes(tx: &mut WriteTx<'_>, generator: &mut Generator) -> Result<(), Error> {
    const SPACES: [Space; 5] = [
        Space::Docs,
        Space::Idx,
        Space::SysUsers,
        Space::SysUserIndex,
        Space::SysConfig,
    ];
    for _ in 0..1 + generator.below(6) {
        let space = SPACES[generator.below(SPACES.len())];
        let key = vec![u8::try_from(generator.below(20)).unwrap(); 1 + generator.below(3)];
        if generator.below(3) == 0 {
            tx.delete(space, key)?;
        } else {
            let bytes = [0, 10, 300, 20_000][generator.below(4)];
            tx.put(space, key, Bytes::from(vec![7; bytes]))?;
        }
    }
    Ok(())
}
