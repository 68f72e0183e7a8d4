//! Deletions in bulk: which documents go, and that others may write meanwhile.

use std::time::Duration;

use super::*;

/// How long an operation may take.
const LONG: Duration = Duration::from_secs(120);

impl World {
    /// Deletes groups of collections, and says how that ended and how many it deleted.
    async fn bulk_delete(&self, collections: &[&str]) -> (End, u64) {
        let ids = collections.iter().map(|id| collection(id)).collect();
        let begun = self.firestore.bulk_delete(&self.owner, &self.database, ids);
        let id = begun.await.unwrap().id;
        let until = std::time::Instant::now() + LONG;
        while std::time::Instant::now() < until {
            let found = self.firestore.operation(&self.owner, &id).unwrap();
            if let Some(end) = found.end {
                return (end, found.written);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it goes on and on");
    }
}

#[tokio::test]
async fn the_documents_of_groups_are_deleted_at_every_depth_and_no_others() {
    let all = ["a/1", "a/1/b/1", "a/1/b/1/a/2", "b/1", "ab/1", "x/1/a/3"];
    for (groups, left) in [
        (&["a"][..], &["a/1/b/1", "b/1", "ab/1"][..]),
        (&["b"], &["a/1", "a/1/b/1/a/2", "ab/1", "x/1/a/3"]),
        (&["a", "b"], &["ab/1"]),
        (&["none"], &all),
    ] {
        let world = World::new();
        let writes = all.iter().map(|path| set(path, 1)).collect();
        world.commit(writes).await.unwrap();
        let (end, deleted) = world.bulk_delete(groups).await;
        assert!(matches!(end, End::Done { .. }), "{end:?}");
        assert_eq!(usize::try_from(deleted).unwrap(), all.len() - left.len());
        let mut found = Vec::new();
        for path in all {
            let there = world.n(path, Consistency::Strong).await.unwrap();
            found.extend(there.map(|_| path));
        }
        assert_eq!(found, left, "{groups:?}");
    }
}

/// Each page is a transaction with hundreds of documents, and somebody always writes some of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn documents_that_are_written_all_the_time_are_deleted_too() {
    const DOCUMENTS: usize = 600;
    let world = Arc::new(World::new());
    let path = |at: usize| format!("c/{at}");
    for some in (0..DOCUMENTS).collect::<Vec<_>>().chunks(200) {
        let writes = some.iter().map(|at| set(&path(*at), 0)).collect();
        world.commit(writes).await.unwrap();
    }
    let mut writers = tokio::task::JoinSet::new();
    for seed in 0..6 {
        let world = Arc::clone(&world);
        writers.spawn(async move {
            let mut random = firekeep_testkit::random::Seeded::new(seed);
            for n in 1.. {
                let writes = (0..20).map(|_| set(&path(random.below(DOCUMENTS)), n));
                // Who comes too late a few times writes something else.
                let _ = world.commit(writes.collect()).await;
            }
        });
    }
    let (end, deleted) = world.bulk_delete(&["c"]).await;
    writers.shutdown().await;
    assert!(matches!(end, End::Done { .. }), "{end:?}");
    assert_eq!(deleted, 600);
}
