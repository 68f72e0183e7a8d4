//! Indexes: declared, built in the background, asked for by queries.

use super::*;

impl World {
    async fn catalog(&self) -> Arc<Catalog> {
        self.firestore
            .index_catalog(&self.owner, &self.database)
            .await
            .unwrap()
    }

    /// Waits until nothing is being built.
    async fn settled(&self) -> Arc<Catalog> {
        loop {
            let catalog = self.catalog().await;
            if catalog.is_settled() {
                return catalog;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn composite() -> Definition {
    let fields = ["n", "m"].map(|name| (FieldRef::Field(field(name)), IndexOrder::Ascending));
    Definition::new(collection("c"), QueryScope::Collection, fields.to_vec()).unwrap()
}

fn by_n_and_m() -> Query {
    let orders = ["n", "m"].map(|name| Order::ascending(FieldRef::Field(field(name))));
    Query {
        order_by: orders.to_vec(),
        ..all("c")
    }
}

#[tokio::test]
async fn declared_indexes_are_built_from_what_is_there() {
    let world = World::new();
    let mut write = set("c/a", 1);
    if let Operation::Update { fields, .. } = &mut write.operation {
        fields.insert("m", 2.into()).unwrap();
    }
    world.commit(vec![write, set("c/b", 1)]).await.unwrap();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let refused = it.create_index(&Caller::Anonymous, database, composite());
    assert_eq!(kind(refused.await), "denied");
    let declared = it.create_index(owner, database, composite()).await.unwrap();
    let Declared::New(id) = declared else {
        panic!("{declared:?}")
    };
    let again = it.create_index(owner, database, composite()).await.unwrap();
    assert_eq!(again, Declared::Known(id));
    let catalog = world.settled().await;
    assert_eq!(catalog.all_composites().len(), 1);
    assert_eq!(
        catalog.all_composites().first().unwrap().state,
        IndexState::Ready
    );
    let (paths, _) = world
        .query(by_n_and_m(), Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(paths, ["c/a"]);
    it.delete_index(owner, database, id).await.unwrap();
    assert_eq!(world.settled().await.all_composites().len(), 0);
    assert_eq!(kind(it.delete_index(owner, database, id).await), "invalid");
}

#[tokio::test]
async fn an_unfinished_index_is_gone_on_with_after_a_restart() {
    let world = World::new();
    world.set("c/a", 1).await;
    let database = world.server.core.database(&world.database).await.unwrap();
    let declared = database.commit(world.now(), |tx| {
        firekeep_documents::index::change::add_composite(tx, composite())
    });
    declared.await.unwrap();
    drop(database);
    let world = World::of(world.server.restarted(Mode::Safe));
    assert!(!world.catalog().await.is_settled());
    world.server.core.tend().await.unwrap();
    world.settled().await;
}

#[tokio::test]
async fn an_index_that_cannot_be_built_keeps_no_other_from_being_built() {
    let world = World::new();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let mut write = set("c/a", 1);
    if let Operation::Update { fields, .. } = &mut write.operation {
        let numbers = (0..25_000).map(Into::into).collect();
        let array = firekeep_model::Array::new(numbers).unwrap();
        fields.insert("m", 2.into()).unwrap();
        fields.insert("many", array.into()).unwrap();
    }
    world.commit(vec![write]).await.unwrap();
    let fields = [("n", IndexOrder::Ascending), ("many", IndexOrder::Contains)];
    let fields = fields.map(|(name, order)| (FieldRef::Field(field(name)), order));
    let scope = QueryScope::Collection;
    let hopeless = Definition::new(collection("c"), scope, fields.to_vec()).unwrap();
    let declared = it.create_index(owner, database, hopeless).await.unwrap();
    let Declared::New(hopeless) = declared else {
        panic!("{declared:?}")
    };
    it.create_index(owner, database, composite()).await.unwrap();
    let mut built = 0;
    for _ in 0..2_000 {
        let catalog = world.catalog().await;
        let all = catalog.all_composites().iter();
        built = all.filter(|index| index.state == IndexState::Ready).count();
        if built > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(built, 1);
    let task = Task::Composite(hopeless);
    let progress = it.index_progress(owner, database, task).await.unwrap();
    let failure = "too many index entries for entity /c/a";
    assert_eq!(progress.failure.as_deref(), Some(failure));
    let work = it.index_work(owner, database).await.unwrap();
    let what = "(n ASC, many CONTAINS, __name__ ASC) of `c`".to_owned();
    assert_eq!(work, [(what, progress)]);
    it.delete_index(owner, database, hopeless).await.unwrap();
    world.settled().await;
    assert!(it.index_work(owner, database).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_mode_decides_what_becomes_of_queries_that_want_an_index() {
    let world = World::new();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    world.set("c/a", 1).await;
    let group = || {
        let mut query = at_least("c", 0);
        query.from.all_descendants = true;
        query
    };
    for (mode, expected) in [
        (IndexMode::Enforce, "index"),
        (IndexMode::Warn, "ok"),
        (IndexMode::Auto, "ok"),
    ] {
        it.set_index_mode(owner, database, mode).await.unwrap();
        for query in [group(), by_n_and_m()] {
            let answer = world.query(query, Consistency::Strong).await;
            assert_eq!(kind(answer), expected, "{mode:?}");
        }
        // A list in an order is such a query, too.
        let list = List {
            collection: Some(collection("c")),
            order_by: by_n_and_m().order_by,
            ..List::default()
        };
        let answer = it.list_documents(owner, database, list).await;
        assert_eq!(kind(answer), expected, "{mode:?}");
        let state = world.settled().await.group_state(&collection("c"));
        // Nobody has to declare the index of a group where nobody minds.
        let built = mode == IndexMode::Auto;
        assert_eq!(state == IndexState::Ready, built, "{mode:?}");
    }
    let (paths, _) = world.query(group(), Consistency::Strong).await.unwrap();
    assert_eq!(paths, ["c/a"]);
}

#[test]
fn each_index_that_would_help_is_named_once() {
    use firekeep_documents::plan::missing_index;
    let hints = super::super::indexes::Hints::default();
    let wanted = |query: &Query| missing_index(query, &[], &Catalog::default()).unwrap();
    let of = |number: usize| {
        let mut query = by_n_and_m();
        query.from.collection = Some(collection(&format!("c{number}")));
        wanted(&query)
    };
    assert!(hints.is_new(&of(0)));
    assert!(!hints.is_new(&of(0)));
    let named = (0..1_000).filter(|number| hints.is_new(&of(*number)));
    assert_eq!(named.count() + 1, crate::limits::INDEX_HINTS_MAX);
}

#[tokio::test]
async fn documents_expire_where_nobody_writes_them_meanwhile() {
    let world = World::new();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let now = world.now();
    let write = |path: &str, micros: i64| {
        let mut write = set(path, 1);
        if let Operation::Update { fields, .. } = &mut write.operation {
            let time = Timestamp::from_micros(now.micros() + micros);
            fields.insert("until", Value::Timestamp(time)).unwrap();
        }
        write
    };
    let writes = vec![
        write("c/past", -1),
        write("a/b/c/past", -9),
        write("c/later", 60_000_000),
    ];
    world.commit(writes).await.unwrap();
    world.set("c/without", 1).await;
    let expiry = Expiry {
        collection: collection("c"),
        field: field("until"),
    };
    let refused = it.set_expiry(&Caller::Anonymous, database, expiry.clone());
    assert_eq!(kind(refused.await), "denied");
    it.set_expiry(owner, database, expiry.clone())
        .await
        .unwrap();
    world.settled().await;
    let there = || async {
        let mut there = Vec::new();
        for path in ["c/past", "a/b/c/past", "c/later", "c/without"] {
            if world.n(path, Consistency::Strong).await.unwrap().is_some() {
                there.push(path);
            }
        }
        there
    };
    world.server.core.tend().await.unwrap();
    assert_eq!(there().await, ["c/later", "c/without"]);
    // Another time that it expires at, and one at which it does not.
    world.commit(vec![write("c/later", -1)]).await.unwrap();
    world.commit(vec![write("c/without", 5)]).await.unwrap();
    world.server.core.tend().await.unwrap();
    assert_eq!(there().await, ["c/without"]);
    it.remove_expiry(owner, database, expiry).await.unwrap();
    world.commit(vec![write("c/past", -1)]).await.unwrap();
    world.server.core.tend().await.unwrap();
    assert_eq!(there().await, ["c/past", "c/without"]);
}
