//! Which way is taken, and what it costs: numbers that a change must not make larger.

use std::sync::Arc;

use firekeep_model::{CollectionId, Document, Value};

use crate::aggregate::{Aggregation as Asked, AggregationQuery, Operator};
use crate::exec::reader::{Counts, Cx};
use crate::exec::tests::{AMPLE, database_with};
use crate::exec::{Ask, Stream};
use crate::filter::Filter;
use crate::fixture::World;
use crate::index::{Catalog, Definition, IndexOrder, QueryScope, change};
use crate::limits::PLAN_ROWS_MAX;
use crate::plan::plan;
use crate::query::fixture::{
    and, array, cursor, document, f, field, field_path, l, or, orders, query,
};
use crate::query::{CollectionSelector, Query};
use crate::{Aggregation, Execution, Explained};

/// Documents of `c`, numbered: `n` is the number, `mod7` and `mod50` the rests, `tags` two of ten, `half` in every other one.
const DOCUMENTS: usize = 3_000;

fn documents() -> Vec<Document> {
    let number = |number: usize| Value::Integer(i64::try_from(number).unwrap());
    let document_of = |at: usize| {
        let tags = [at % 10, at / 10 % 10].map(|tag| format!("t{tag}"));
        let mut document = document(
            &format!("c/{at:05}"),
            &[
                ("n", number(at)),
                ("mod7", number(at % 7)),
                ("mod50", number(at % 50)),
                ("rare", number(at / 1_000 * (at % 1_000 / 995))),
                ("tags", array(tags.map(|tag| Value::from(tag.as_str())))),
            ],
        );
        if at.is_multiple_of(2) {
            let half = field_path("half");
            document.fields.set_path(&half, number(at));
        }
        document
    };
    (0..DOCUMENTS).map(document_of).collect()
}

fn database() -> (World, Arc<Catalog>) {
    database_with(&documents(), |tx| {
        let index = |fields: &[(&str, IndexOrder)]| {
            let fields = fields.iter().map(|(name, order)| (field(name), *order));
            let collection = CollectionId::parse("c").unwrap();
            Definition::new(collection, QueryScope::Collection, fields.collect()).unwrap()
        };
        use IndexOrder::{Ascending, Contains, Descending};
        change::add_composite(tx, index(&[("mod7", Ascending), ("n", Descending)]))?;
        change::add_composite(tx, index(&[("tags", Contains), ("n", Ascending)]))?;
        Ok(())
    })
}

fn explained(world: &World, catalog: &Arc<Catalog>, query: Query) -> Explained {
    let mut execution = Execution::new(query, Arc::clone(catalog)).unwrap();
    let tx = world.read();
    while !execution.next_page(&tx, AMPLE).unwrap().done {}
    execution.explain()
}

fn named(id: &str) -> Filter {
    let name = firekeep_model::DocumentName {
        database: crate::query::fixture::database(),
        path: crate::fixture::document(&format!("c/{id}")),
    };
    f("__name__", "==", Value::reference(name))
}

struct Row {
    filter: Option<Filter>,
    orders: &'static [&'static str],
    limit: Option<u32>,
    /// The properties of the indexes.
    used: &'static str,
    results: u64,
    /// The most rows that may be read, of indexes and of documents.
    most: (u64, u64),
}

#[test]
fn queries_read_little_more_than_they_give() {
    let (world, catalog) = database();
    let rows = [
        // By name.
        Row {
            filter: None,
            orders: &[],
            limit: Some(20),
            used: "(__name__ ASC)",
            results: 20,
            most: (0, 21),
        },
        Row {
            filter: None,
            orders: &["-__name__"],
            limit: Some(20),
            used: "(__name__ DESC)",
            results: 20,
            most: (0, 21),
        },
        // One field.
        Row {
            filter: Some(f("n", "==", 77)),
            orders: &[],
            limit: None,
            used: "(n ASC, __name__ ASC)",
            results: 1,
            most: (1, 1),
        },
        Row {
            filter: Some(f("n", ">=", 1_000)),
            orders: &[],
            limit: Some(20),
            used: "(n ASC, __name__ ASC)",
            results: 20,
            most: (21, 20),
        },
        Row {
            filter: None,
            orders: &["-n"],
            limit: Some(20),
            used: "(n DESC, __name__ DESC)",
            results: 20,
            most: (21, 20),
        },
        Row {
            filter: Some(f("tags", "array-contains", "t3")),
            orders: &[],
            limit: Some(20),
            used: "(tags CONTAINS, __name__ ASC)",
            results: 20,
            most: (21, 20),
        },
        // Equalities together: 3000 / 350.
        Row {
            filter: Some(and([f("mod7", "==", 3), f("mod50", "==", 21)])),
            orders: &[],
            limit: None,
            used: "(mod50 ASC, __name__ ASC) (mod7 ASC, __name__ ASC)",
            results: 9,
            most: (300, 9),
        },
        // Composite indexes.
        Row {
            filter: Some(f("mod7", "==", 3)),
            orders: &["-n"],
            limit: Some(20),
            used: "(mod7 ASC, n DESC, __name__ DESC)",
            results: 20,
            most: (21, 20),
        },
        Row {
            filter: Some(f("mod7", "==", 3)),
            orders: &["n"],
            limit: Some(20),
            used: "(mod7 ASC, n DESC, __name__ DESC)",
            results: 20,
            most: (21, 20),
        },
        Row {
            filter: Some(and([f("tags", "array-contains", "t3"), f("n", "<", 100)])),
            orders: &[],
            limit: None,
            used: "(tags CONTAINS, n ASC, __name__ ASC)",
            results: 19,
            most: (20, 19),
        },
        // A short way, and the rest from the documents.
        Row {
            filter: Some(and([f("rare", "==", 1), f("n", ">", 100)])),
            orders: &["half"],
            limit: None,
            used: "(rare ASC, __name__ ASC)",
            results: 2,
            most: (700, 7),
        },
        // Groups of equal values are sorted one by one.
        Row {
            filter: None,
            orders: &["mod50", "-n"],
            limit: Some(20),
            used: "(mod50 ASC, __name__ ASC)",
            results: 20,
            most: (128, 148),
        },
        // Alternatives.
        Row {
            filter: Some(l("n", "in", [5.into(), 2_000.into(), 7.into()])),
            orders: &[],
            limit: None,
            used: "(n ASC, __name__ ASC)",
            results: 3,
            most: (3, 3),
        },
        // A name among them is looked up.
        Row {
            filter: Some(or([named("00007"), f("mod50", "==", 21)])),
            orders: &["n"],
            limit: None,
            used: "(__name__ ASC) (mod50 ASC, __name__ ASC)",
            results: 61,
            // Those that are sorted are looked at once more than they are given.
            most: (120, 125),
        },
        Row {
            filter: Some(or([named("00007"), named("00009")])),
            orders: &["-n"],
            limit: None,
            used: "(__name__ ASC)",
            results: 2,
            most: (0, 4),
        },
        Row {
            filter: Some(or([f("n", "<", 3), f("n", ">", 2_997)])),
            orders: &[],
            limit: None,
            used: "(n ASC, __name__ ASC)",
            results: 5,
            most: (5, 5),
        },
    ];
    for row in rows {
        let query = Query {
            filter: row.filter,
            order_by: orders(row.orders),
            limit: row.limit,
            ..query("c")
        };
        let text = format!("{query:?}");
        let found = explained(&world, &catalog, query);
        let used: Vec<_> = found
            .indexes_used
            .iter()
            .map(|used| &*used.properties)
            .collect();
        assert_eq!(used.join(" "), row.used, "{text}");
        assert_eq!(found.results, row.results, "{text}");
        let read = (found.entries_scanned, found.documents_read);
        assert!(
            read.0 <= row.most.0 && read.1 <= row.most.1,
            "{read:?} {text}"
        );
    }
}

#[test]
fn pages_begin_where_the_last_one_ended() {
    let (world, catalog) = database();
    for start in [0, 1_500, 2_900] {
        let query = Query {
            order_by: orders(&["n"]),
            start_at: cursor(false, [start.into()]),
            limit: Some(20),
            ..query("c")
        };
        let found = explained(&world, &catalog, query);
        assert_eq!((found.entries_scanned, found.documents_read), (21, 20));
    }
    let skipping = Query {
        filter: Some(f("n", ">", 10)),
        offset: 500,
        limit: Some(5),
        ..query("c")
    };
    let found = explained(&world, &catalog, skipping);
    // What is left out is not fetched.
    assert_eq!(found.documents_read, 5);
    // The last page of a scan may be 256 entries.
    assert!(found.entries_scanned <= 512, "{found:?}");
}

#[test]
fn aggregations_read_no_documents_where_entries_say_all() {
    let (world, catalog) = database();
    let check = |filter: Option<Filter>, operator, expected: Value, most: (u64, u64)| {
        let query = AggregationQuery {
            query: Query {
                filter,
                ..query("c")
            },
            aggregations: vec![Asked {
                alias: None,
                operator,
            }],
        };
        let text = format!("{query:?}");
        let mut aggregation = Aggregation::new(query, Arc::clone(&catalog)).unwrap();
        let results = loop {
            if let Some(results) = aggregation.next(&world.read(), AMPLE).unwrap() {
                break results;
            }
        };
        assert_eq!(results[0].1, expected, "{text}");
        let found = aggregation.explain();
        let read = (found.entries_scanned, found.documents_read);
        assert!(read.0 <= most.0 && read.1 <= most.1, "{read:?} {text}");
    };
    let count = || Operator::Count { up_to: None };
    let few = Operator::Count { up_to: Some(10) };
    let average = |name| Operator::Average(field_path(name));
    check(Some(f("mod50", "==", 3)), count(), 60.into(), (60, 0));
    check(Some(f("n", ">", 2_000)), count(), 999.into(), (999, 0));
    check(Some(f("n", ">", 2_000)), few, 10.into(), (330, 0));
    check(
        Some(and([f("mod7", "==", 3), f("mod50", "==", 21)])),
        count(),
        9.into(),
        (300, 0),
    );
    check(None, average("half"), 1_499.0.into(), (1_500, 0));
    check(
        Some(f("half", ">=", 2_990)),
        average("half"),
        2_994.0.into(),
        (5, 0),
    );
    check(
        Some(f("mod7", "==", 3)),
        average("n"),
        1_501.0.into(),
        (430, 0),
    );
    // Whether a sum is an integer, only the documents say.
    let sum = Operator::Sum(field_path("n"));
    check(Some(f("n", ">=", 2_998)), sum, 5_997.into(), (2, 2));
    // The names alone.
    check(None, count(), 3_000.into(), (3_000, 0));
}

#[test]
fn groups_are_looked_at_unless_they_are_indexed() {
    let group = || Query {
        from: CollectionSelector {
            all_descendants: true,
            ..query("c").from
        },
        filter: Some(f("n", "==", 77)),
        ..Query::default()
    };
    let check = |is_indexed: bool, used: &str, most: (u64, u64)| {
        let (world, catalog) = database_with(&documents(), |tx| {
            if is_indexed {
                change::enable_group(tx, &CollectionId::parse("c").unwrap())?;
            }
            Ok(())
        });
        let found = explained(&world, &catalog, group());
        assert_eq!(found.indexes_used[0].scope, QueryScope::CollectionGroup);
        assert_eq!(found.indexes_used[0].properties, used);
        let read = (found.entries_scanned, found.documents_read);
        assert!(read.0 <= most.0 && read.1 <= most.1, "{read:?}");
        assert_eq!(found.wanted.is_none(), is_indexed);
    };
    check(false, "(__name__ ASC)", (3_000, 3_000));
    check(true, "(n ASC, __name__ ASC)", (1, 1));
}

/// 40 documents in a group, in collections at four depths, between 2 000 others and below them.
fn a_group_among_others() -> (World, Arc<Catalog>) {
    let path = |at: usize| match at % 4 {
        0 => format!("g/{at:03}"),
        1 => format!("a/{at}/g/x"),
        2 => format!("z/{at}/y/1/g/{at}"),
        _ => format!("g/{at:03}/g/{at}/g/1"),
    };
    let own = (0..40).map(|at: i64| {
        let path = path(usize::try_from(at).unwrap());
        document(&path, &[("n", at.into()), ("mod4", (at % 4).into())])
    });
    let others = (0..2_000).map(|at| document(&format!("g/000/other/{at}"), &[("n", 1.into())]));
    database_with(&own.chain(others).collect::<Vec<_>>(), |_| Ok(()))
}

#[test]
fn a_group_is_read_alone() {
    let (world, catalog) = a_group_among_others();
    let reference = |path: &str| {
        Value::reference(firekeep_model::DocumentName {
            database: crate::query::fixture::database(),
            path: crate::fixture::document(path),
        })
    };
    let row = |parent: &str, filter, orders_of: &[&str], limit| Query {
        parent: (!parent.is_empty()).then(|| crate::fixture::document(parent)),
        from: CollectionSelector {
            all_descendants: true,
            ..query("g").from
        },
        filter,
        order_by: orders(orders_of),
        limit,
        ..Query::default()
    };
    let at = |path| cursor(true, [reference(path)]);
    for (query, results, most) in [
        // In order by the names, which need no document to be sorted.
        (row("", None, &[], None), 40, (40, 40)),
        (row("", None, &[], Some(5)), 5, (6, 5)),
        (row("", None, &["-__name__"], Some(5)), 5, (6, 5)),
        (row("a/1", None, &[], None), 1, (1, 1)),
        (row("g/003", None, &[], None), 1, (1, 1)),
        (
            Query {
                start_at: at("g/000"),
                end_at: at("g/012"),
                ..row("", None, &[], None)
            },
            6,
            (6, 6),
        ),
        // Filters about names are ranges.
        (
            row("", Some(f("__name__", ">=", reference("z/0"))), &[], None),
            10,
            (10, 10),
        ),
        (
            row(
                "",
                Some(f("__name__", "==", reference("a/1/g/x"))),
                &[],
                None,
            ),
            1,
            (1, 1),
        ),
        // Whatever else is asked of a group that is not indexed is asked of its documents.
        (row("", Some(f("n", "<", 4)), &[], None), 4, (40, 44)),
        (
            row("", Some(f("mod4", "==", 2)), &["__name__"], None),
            10,
            (40, 50),
        ),
        (
            row("", Some(f("mod4", "==", 2)), &["mod4", "-__name__"], None),
            10,
            (40, 50),
        ),
        (row("", None, &["-n"], Some(3)), 3, (40, 43)),
        (
            row(
                "",
                Some(or([f("n", "<", 4), f("mod4", "==", 2)])),
                &[],
                None,
            ),
            13,
            (40, 53),
        ),
    ] {
        let text = format!("{query:?}");
        let tx = world.read();
        let naive = crate::exec::tests::expected(&tx, &query);
        let execution = Execution::new(query.clone(), Arc::clone(&catalog)).unwrap();
        assert_eq!(
            crate::exec::tests::answer(&tx, execution, AMPLE),
            naive,
            "{text}"
        );
        let found = explained(&world, &catalog, query);
        assert_eq!(found.results, results, "{text}");
        assert_eq!(found.indexes_used[0].scope, QueryScope::CollectionGroup);
        assert_eq!(found.indexes_used.len(), 1);
        let read = (found.entries_scanned, found.documents_read);
        assert!(read.0 <= most.0 && read.1 <= most.1, "{read:?} {text}");
    }
}

#[test]
fn a_group_is_counted_by_its_names() {
    let (world, catalog) = a_group_among_others();
    for (all_descendants, expected, most) in [(true, 40, 40), (false, 10, 40)] {
        let query = AggregationQuery {
            query: Query {
                from: CollectionSelector {
                    all_descendants,
                    ..query("g").from
                },
                ..Query::default()
            },
            aggregations: vec![Asked {
                alias: None,
                operator: Operator::Count { up_to: None },
            }],
        };
        let mut aggregation = Aggregation::new(query, Arc::clone(&catalog)).unwrap();
        let results = aggregation.next(&world.read(), AMPLE).unwrap().unwrap();
        assert_eq!(results[0].1, expected.into());
        let found = aggregation.explain();
        assert_eq!(found.documents_read, 0);
        assert!(found.entries_scanned <= most, "{found:?}");
    }
}

#[test]
fn choosing_among_many_indexes_reads_few_rows() {
    let (world, catalog) = database();
    // Each conjunction has several ways, none of which is exact, and all of which are long.
    let branch = |at: usize| {
        let at = i64::try_from(at % 7).unwrap();
        and([
            f("mod7", ">=", at),
            f("mod50", ">=", at),
            f("n", ">=", 10 * at),
        ])
    };
    for branches in [1, 3, 20] {
        let query = Query {
            filter: Some(Filter::Or((0..branches).map(branch).collect())),
            limit: Some(1),
            ..query("c")
        };
        let ask = Ask::new(query);
        let tx = world.read();
        let mut cx = Cx::new(&tx, 10, Counts::default());
        plan(&ask, &catalog, &mut cx).unwrap();
        let read = usize::try_from(cx.counts.entries).unwrap();
        assert!(read > 0 && read <= PLAN_ROWS_MAX, "{read} of {branches}");
        assert_eq!(cx.rows_left, 0);
    }
}

#[test]
fn streams_that_are_sorted_share_the_memory() {
    let (world, catalog) = database();
    // The filters come in another order than the query's: they are one stream after the other, and so one sorted one.
    let branch = |at: i64| f("mod50", "==", at);
    let query = Query {
        filter: Some(Filter::Or((0..10).map(branch).collect())),
        order_by: orders(&["half", "rare"]),
        ..query("c")
    };
    let ask = Ask::new(query);
    let tx = world.read();
    let mut cx = Cx::new(&tx, 10, Counts::default());
    let found = plan(&ask, &catalog, &mut cx).unwrap();
    let kept = found.streams.iter().map(|stream| match stream {
        Stream::Sorted(sorted) => sorted.keep_bytes(),
        Stream::Direct(_) => 0,
    });
    assert_eq!(kept.collect::<Vec<_>>(), [ask.keep.1]);
}
