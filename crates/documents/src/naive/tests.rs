use firekeep_model::FieldMask;

use super::*;
use crate::fixture;
use crate::order::compare;
use crate::query::fixture::{World, document, f, map, orders, query, run};
use crate::query::{CollectionSelector, Cursor};

fn answer_of(query: &Query, documents: &[Document]) -> Answer {
    answer(query, documents.iter().cloned().map(Ok)).unwrap()
}

#[test]
fn offset_limit_and_projection() {
    let documents: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|id| {
            let nested = map(&[("k", 1.into()), ("l", 2.into())]);
            document(&format!("c/{id}"), &[("v", nested.into()), ("w", 1.into())])
        })
        .into();
    let check = |offset, limit, expected: &str, skipped| {
        let query = Query {
            offset,
            limit,
            ..query("c")
        };
        assert_eq!(run(&query, &documents), expected);
        assert_eq!(answer_of(&query, &documents).skipped, skipped);
    };
    check(0, None, "a b c d e", 0);
    check(2, Some(2), "c d", 2);
    check(0, Some(0), "", 0);
    check(9, Some(2), "", 5);
    check(u32::MAX, Some(u32::MAX), "", 5);

    let fields = |select: Option<&[&str]>, expected: &str| {
        let query = Query {
            select: select.map(|paths| FieldMask::parse(paths).unwrap()),
            limit: Some(1),
            ..query("c")
        };
        let found = answer_of(&query, &documents);
        assert_eq!(format!("{:?}", found.documents[0].fields), expected);
    };
    fields(
        None,
        r#"{"v": Map({"k": Integer(1), "l": Integer(2)}), "w": Integer(1)}"#,
    );
    fields(Some(&[]), "{}");
    fields(Some(&["w", "x"]), r#"{"w": Integer(1)}"#);
    fields(Some(&["v.k"]), r#"{"v": Map({"k": Integer(1)})}"#);
}

/// As the official emulator answers.
#[test]
fn collection_groups() {
    let documents = [
        document("cg/z", &[("v", 4.into())]),
        document("cg/z/q/r/cg/deep", &[("v", 5.into())]),
        document("p/1/cg/a", &[("v", 1.into())]),
        document("p/1/cg/a/cg/x", &[("v", 6.into())]),
        document("p/1/cg/b", &[("v", 2.into())]),
        document("p/2/cg/a", &[("v", 3.into())]),
    ];
    let group = |order: &[&str]| Query {
        from: CollectionSelector {
            all_descendants: true,
            ..query("cg").from
        },
        order_by: orders(order),
        ..Query::default()
    };
    let by_name = "cg/z cg/z/q/r/cg/deep p/1/cg/a p/1/cg/a/cg/x p/1/cg/b p/2/cg/a";
    assert_eq!(run(&group(&[]), &documents), by_name);
    let by_v = "p/1/cg/a p/1/cg/b p/2/cg/a cg/z cg/z/q/r/cg/deep p/1/cg/a/cg/x";
    assert_eq!(run(&group(&["v"]), &documents), by_v);
    let names = |filter| {
        let query = Query {
            filter: Some(filter),
            ..group(&[])
        };
        run(&query, &documents)
    };
    let reference = crate::query::fixture::reference;
    let behind = "p/1/cg/a p/1/cg/a/cg/x p/1/cg/b p/2/cg/a";
    assert_eq!(names(f("__name__", ">", reference("p/1"))), behind);
    assert_eq!(names(f("__name__", "==", reference("p/1"))), "");
    let start = |at| {
        let query = Query {
            start_at: crate::query::fixture::cursor(false, [reference(at)]),
            ..group(&["__name__"])
        };
        run(&query, &documents)
    };
    assert_eq!(start("p/1"), behind);
    assert_eq!(start("p/1/zz/a"), "p/2/cg/a");
}

#[test]
fn what_is_stored_is_scanned() {
    let world = fixture::World::new();
    let paths: Vec<_> = (0..300).map(|at| format!("c/{at:03}")).collect();
    let mut commit: Vec<_> = paths
        .iter()
        .map(|path| fixture::set(path, &[("v", 1.into())]))
        .collect();
    commit.push(fixture::set("c/007/d/x", &[("v", 2.into())]));
    commit.push(fixture::set("b/1", &[("v", 3.into())]));
    world.commit(&commit).unwrap();
    let tx = world.read();
    let read = |query: &Query| answer(query, scan(&tx, query)).unwrap().documents;
    let all = read(&query("c"));
    assert_eq!(all.len(), 300);
    assert_eq!(Some(all[7].clone()), world.find("c/007"));
    assert!(all.is_sorted_by(|a, b| a.path < b.path));
    let below = Query {
        parent: Some(all[7].path.clone()),
        ..query("d")
    };
    assert_eq!(read(&below).len(), 1);
    let everything = Query {
        from: CollectionSelector {
            collection: None,
            all_descendants: true,
        },
        ..Query::default()
    };
    assert_eq!(read(&everything).len(), 302);
}

#[test]
fn parts_make_up_the_whole() {
    let (mut found, mut cut) = (0, 0);
    for seed in 0..600 {
        let mut world = World::new(seed);
        let mut documents = world.documents();
        documents.dedup_by(|a, b| a.path == b.path);
        let query = world.query();
        let orders = query.normal_order();
        let answered = answer_of(&query, &documents);
        let whole = Query {
            offset: 0,
            limit: None,
            ..query.clone()
        };
        let all = answer_of(&whole, &documents).documents;
        // Sorted, and each once.
        let ascending = |a: &Document, b: &Document| compare(&orders, a, b).unwrap().is_lt();
        assert!(all.is_sorted_by(ascending), "{seed}");
        // Offset and limit cut.
        let skipped = to_usize(query.offset).min(all.len());
        let limit = query.limit.map_or(usize::MAX, to_usize);
        let expected: Vec<_> = all.iter().skip(skipped).take(limit).cloned().collect();
        assert_eq!(
            (answered.documents, answered.skipped),
            (expected, skipped),
            "{seed} {query:?}"
        );
        // Page by page with cursors.
        let mut paged: Vec<Document> = Vec::new();
        loop {
            let start_at = paged.last().map(|last| Cursor {
                values: crate::cursor::values_of(&orders, last),
                before: false,
            });
            let page = Query {
                start_at: start_at.or_else(|| whole.start_at.clone()),
                limit: Some(2),
                ..whole.clone()
            };
            let page = answer_of(&page, &documents).documents;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
            assert!(paged.len() <= all.len(), "{seed}");
        }
        assert_eq!(paged, all, "{seed}");
        found += all.len();
        cut += usize::from(all.len() < documents.len());
    }
    assert!(found > 1_000 && cut > 200, "{found} {cut}");
}

#[test]
fn a_row_that_cannot_be_read_is_an_error() {
    let documents = [Err(Error::Corrupt("it is a test"))];
    assert!(matches!(
        answer(&query("c"), documents),
        Err(Error::Corrupt(_))
    ));
}
