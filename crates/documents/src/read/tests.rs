use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use firekeep_store::RowPage;
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use crate::fixture::{World, collection, delete, document, set, show_fields};

use super::*;

/// Counts what is asked of a transaction.
struct Counting<'a> {
    tx: &'a dyn Read,
    scans: Cell<usize>,
    rows: Cell<usize>,
    finds: Cell<usize>,
}

impl<'a> Counting<'a> {
    fn new(tx: &'a dyn Read) -> Self {
        Self {
            tx,
            scans: Cell::default(),
            rows: Cell::default(),
            finds: Cell::default(),
        }
    }

    /// Scans and the rows they read, since the last call.
    fn taken(&self) -> (usize, usize) {
        (self.scans.take(), self.rows.take())
    }
}

impl Read for Counting<'_> {
    fn find_rows(
        &self,
        space: Space,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Row>>, firekeep_store::Error> {
        self.finds.set(self.finds.get() + 1);
        self.tx.find_rows(space, keys)
    }

    fn scan_rows(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<RowPage, firekeep_store::Error> {
        let page = self.tx.scan_rows(space, range, direction, limit)?;
        self.scans.set(self.scans.get() + 1);
        self.rows.set(self.rows.get() + page.rows.len());
        Ok(page)
    }
}

fn world(paths: &[&str]) -> World {
    let world = World::new();
    world.fill(paths.iter().map(|path| (*path).to_owned()));
    world
}

#[test]
fn documents_are_found_together() {
    let world = world(&["c/a", "c/b", "c/a/d/x"]);
    let tx = world.read();
    let tx = Counting::new(&tx);
    let paths = ["c/b", "c/x", "c/a/d/x", "c/b"].map(document);
    let found = find_many(&tx, &paths).unwrap();
    let text: Vec<_> = found
        .iter()
        .map(|found| found.as_ref().map(|found| show_fields(&found.fields)))
        .collect();
    assert_eq!(
        text,
        [
            Some(r#"{path: "c/b"}"#.to_owned()),
            None,
            Some(r#"{path: "c/a/d/x"}"#.to_owned()),
            Some(r#"{path: "c/b"}"#.to_owned()),
        ]
    );
    assert_eq!(tx.finds.get(), 1);
    assert!(find_many(&tx, &[]).unwrap().is_empty());
}

fn ids(tx: &dyn Read, parent: &str, after: &str, limit: usize) -> Vec<String> {
    let parent = (!parent.is_empty()).then(|| document(parent));
    let after = CollectionId::parse(after).ok();
    let ids = list_collection_ids(tx, parent.as_ref(), after.as_ref(), limit).unwrap();
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn collection_ids_are_those_with_a_document_below() {
    // `x` has only a document deep below, `z` none any more.
    let world = world(&[
        "c/a",
        "c/b",
        "c/a/d/1",
        "c/a/e/1",
        "c/a/e/1/f/1",
        "x/1/y/1",
        "z/1",
        "c!/a",
        "cc/a",
        "é/1",
        "c\0/1",
    ]);
    world.commit(&[delete("z/1")]).unwrap();
    let tx = world.read();
    let check = |parent, after, limit, expected: &[&str]| {
        assert_eq!(ids(&tx, parent, after, limit), expected, "{parent} {after}");
    };
    check("", "", 10, &["c", "c\0", "c!", "cc", "x", "é"]);
    check("", "c", 10, &["c\0", "c!", "cc", "x", "é"]);
    check("", "c\"", 10, &["cc", "x", "é"]);
    check("", "cc", 1, &["x"]);
    check("", "é", 10, &[]);
    check("", "", 0, &[]);
    check("c/a", "", 10, &["d", "e"]);
    check("c/a", "d", 10, &["e"]);
    check("c/a/e/1", "", 10, &["f"]);
    check("c/b", "", 10, &[]);
    check("x/1", "", 10, &["y"]);
    check("no/1", "", 10, &[]);
}

#[test]
fn collection_ids_cost_a_seek_each() {
    let world = World::new();
    // Wide: 20 collections of 100 documents; deep: each first document has 5 levels below it.
    let wide = (0..20).flat_map(|c| (0..100).map(move |d| format!("p/a/c{c:02}/d{d}")));
    let deep = (0..20)
        .flat_map(|c| (1..6).map(move |depth| format!("p/a/c{c:02}/d0{}", "/e/f".repeat(depth))));
    world.fill(wide.chain(deep).chain(["p/a".to_owned(), "p/b".to_owned()]));
    let tx = world.read();
    let tx = Counting::new(&tx);
    assert_eq!(ids(&tx, "p/a", "", 100).len(), 20);
    assert_eq!(tx.taken(), (21, 20));
    assert_eq!(ids(&tx, "p/a", "", 5).len(), 5);
    assert_eq!(tx.taken(), (5, 5));
    assert_eq!(ids(&tx, "p/a", "c17", 100), ["c18", "c19"]);
    assert_eq!(tx.taken(), (3, 2));
    assert_eq!(ids(&tx, "", "", 100), ["p"]);
    assert_eq!(tx.taken(), (2, 1));
}

/// Ids of documents, missing ones with a `?`.
fn listed(tx: &dyn Read, path: &str, after: &str, limit: usize, missing: Missing) -> Vec<String> {
    let after = DocumentId::parse(after).ok();
    let listed = list_documents(tx, &collection(path), after.as_ref(), limit, missing).unwrap();
    let text = |listed: &Listed| {
        let mark = if listed.document.is_some() { "" } else { "?" };
        format!("{}{mark}", listed.path.id())
    };
    listed.iter().map(text).collect()
}

#[test]
fn documents_are_listed_without_those_below() {
    let world = world(&[
        "c/a",
        "c/a/d/1",
        "c/a/d/2",
        "c/b",
        "c/m/d/1",
        "c/m/d/1/e/1",
        "c/__id7__",
        "c/__id10__",
        "c/n/x/1/y/1",
        "c/é",
        "c!/z",
        "cc/z",
        "b/z",
    ]);
    let tx = world.read();
    let check = |after, limit, missing, expected: &[&str]| {
        assert_eq!(listed(&tx, "c", after, limit, missing), expected, "{after}");
    };
    use Missing::{Hidden, Shown};
    check("", 20, Hidden, &["__id7__", "__id10__", "a", "b", "é"]);
    check(
        "",
        20,
        Shown,
        &["__id7__", "__id10__", "a", "b", "m?", "n?", "é"],
    );
    check("", 3, Hidden, &["__id7__", "__id10__", "a"]);
    check("a", 20, Hidden, &["b", "é"]);
    check("a", 2, Shown, &["b", "m?"]);
    check("m", 20, Shown, &["n?", "é"]);
    check("l", 20, Shown, &["m?", "n?", "é"]);
    check("__id9__", 1, Shown, &["__id10__"]);
    check("é", 20, Shown, &[]);
    check("", 0, Shown, &[]);
    assert_eq!(listed(&tx, "c/m/d", "", 9, Hidden), ["1"]);
    assert_eq!(listed(&tx, "c/n/x", "", 9, Shown), ["1?"]);
    assert!(listed(&tx, "none", "", 9, Shown).is_empty());
}

#[test]
fn listed_documents_cost_no_more_than_a_seek_each() {
    let world = World::new();
    // Wide: 1000 documents. Deep: 30 documents of 200 below each; every third of them is missing.
    let wide = (0..1_000).map(|d| format!("wide/{d:04}"));
    let deep = (0..30).flat_map(|d| {
        let below = (0..200).map(move |e| format!("deep/{d:02}/e/{e}"));
        let own = (d % 3 != 0).then(|| format!("deep/{d:02}"));
        own.into_iter().chain(below)
    });
    world.fill(wide.chain(deep));
    let tx = world.read();
    let tx = Counting::new(&tx);
    use Missing::{Hidden, Shown};
    assert_eq!(listed(&tx, "wide", "", 1_000, Hidden).len(), 1_000);
    let (scans, rows) = tx.taken();
    assert!(scans <= 5 && rows <= 1_000, "{scans} {rows}");
    assert_eq!(listed(&tx, "wide", "0500", 10, Hidden).len(), 10);
    assert_eq!(tx.taken(), (1, 10));
    assert_eq!(listed(&tx, "deep", "", 100, Hidden).len(), 20);
    let (scans, rows) = tx.taken();
    assert!(scans <= 32 && rows <= 100 + 2 * 31, "{scans} {rows}");
    assert_eq!(listed(&tx, "deep", "", 100, Shown).len(), 30);
    let (scans, rows) = tx.taken();
    assert!(scans <= 32 && rows <= 100 + 2 * 31, "{scans} {rows}");
    assert_eq!(listed(&tx, "deep", "", 3, Shown), ["00?", "01", "02"]);
    let (scans, rows) = tx.taken();
    assert!(scans <= 4 && rows <= 9, "{scans} {rows}");
    // Backwards, a missing document is known by what is before it.
    for (missing, count) in [(Shown, 30), (Hidden, 20)] {
        let scan = Scan::new(&tx, &collection("deep"), Direction::Reverse, missing);
        assert_eq!(scan.count(), count);
        let (scans, rows) = tx.taken();
        assert!(scans <= 62 && rows <= 64 + 4 * 31, "{scans} {rows}");
    }
}

/// What a scan should give: from all paths, by hand.
fn expected(paths: &BTreeSet<DocumentPath>, of: &CollectionPath) -> BTreeMap<DocumentPath, bool> {
    let depth = of.segments().count() + 1;
    let mut all = BTreeMap::new();
    for path in paths {
        let ids: Vec<_> = path.segments().take(depth).collect();
        let own = document(&ids.join("/"));
        if own.parent() == *of {
            *all.entry(own).or_insert(false) |= path.segments().count() == depth;
        }
    }
    all
}

#[test]
fn random_trees_are_listed_right() {
    for seed in 0..40 {
        let mut random = Seeded::new(seed);
        let world = World::new();
        let mut paths = BTreeSet::new();
        for _ in 0..60 {
            // Few collections, so that documents meet in them.
            let mut path = String::new();
            for level in 0..=random.below(3) {
                let slash = if level == 0 { "" } else { "/" };
                let id = values::document_id(&mut random);
                path += &format!("{slash}{}/{id}", random.pick(&["a", "b", "é"]));
            }
            if !path.split('/').any(|id| id == "dots") {
                paths.insert(document(&path));
            }
        }
        world.fill(paths.iter().map(ToString::to_string));
        let tx = world.read();
        for of in paths.iter().map(DocumentPath::parent) {
            let all = expected(&paths, &of);
            for missing in [Missing::Shown, Missing::Hidden] {
                let wanted = |all: &BTreeMap<DocumentPath, bool>| -> Vec<_> {
                    let shown =
                        |(_, there): &(&DocumentPath, &bool)| missing == Missing::Shown || **there;
                    let wanted = all.iter().filter(shown);
                    wanted.map(|(path, there)| (path.clone(), *there)).collect()
                };
                let scanned = |scan: Scan<'_>| -> Vec<_> {
                    let found = scan.map(Result::unwrap);
                    found
                        .map(|found| (found.path, found.row.is_some()))
                        .collect()
                };
                for rows in [1, 2, 3, 64] {
                    let scan = |direction| Scan::new(&tx, &of, direction, missing).page_rows(rows);
                    let mut reverse = scanned(scan(Direction::Reverse));
                    reverse.reverse();
                    assert_eq!(scanned(scan(Direction::Forward)), wanted(&all), "{of}");
                    assert_eq!(reverse, wanted(&all), "{of}");
                    let cut = values::document_id(&mut random);
                    let at = of.document(&cut).unwrap();
                    let mut before = all.clone();
                    let mut behind = before.split_off(&at);
                    behind.remove(&at);
                    let mut reverse = scanned(scan(Direction::Reverse).after(&cut));
                    reverse.reverse();
                    assert_eq!(
                        scanned(scan(Direction::Forward).after(&cut)),
                        wanted(&behind),
                        "{of} {cut}"
                    );
                    assert_eq!(reverse, wanted(&before), "{of} {cut}");
                }
            }
        }
    }
}

#[test]
fn the_past_is_listed_as_it_was() {
    let world = world(&["c/a", "c/a/é/1", "c/b", "d/1"]);
    let then = world.read().time();
    world.pass(10);
    world
        .commit(&[
            delete("c/a"),
            delete("d/1"),
            set("e/1", &[]),
            set("c/b", &[]),
        ])
        .unwrap();
    let past = world.store.read_at(then).unwrap();
    assert_eq!(listed(&past, "c", "", 9, Missing::Shown), ["a", "b"]);
    assert_eq!(ids(&past, "", "", 9), ["c", "d"]);
    let b = find(&past, &document("c/b")).unwrap().unwrap();
    assert_eq!(show_fields(&b.fields), r#"{path: "c/b"}"#);
    assert_eq!(b.update_time.micros(), then.0);
    let now = world.read();
    assert_eq!(listed(&now, "c", "", 9, Missing::Shown), ["a?", "b"]);
    assert_eq!(ids(&now, "", "", 9), ["c", "e"]);
}

#[test]
fn damage_ends_a_scan() {
    let world = world(&["c/a"]);
    world
        .store
        .write(|tx| tx.put(Space::Docs, b"c\0\x01b\0".to_vec(), bytes::Bytes::new()))
        .unwrap();
    let tx = world.read();
    let mut scan = Scan::new(&tx, &collection("c"), Direction::Forward, Missing::Hidden);
    assert!(scan.next().unwrap().is_ok());
    assert!(scan.next().unwrap().is_err());
    assert!(scan.next().is_none());
}

#[test]
fn the_longest_names_are_found_and_listed_in_order_now_and_in_the_past() {
    let long = |end: &str| format!("{}{end}", "\0".repeat(1_500 - end.len()));
    let parent = format!("{0}/{0}/{0}", long(""));
    let of = |ends: &[&str]| -> Vec<String> {
        let ids = ends.iter().map(|end| long(end));
        ids.map(|id| format!("{parent}/{id}")).collect()
    };
    // The ids differ only behind what any cut key would keep.
    let paths = of(&["a", "b", "c"]);
    let world = World::new();
    world.fill(paths.iter().cloned());
    let before = world.read().time();
    world.commit(&[delete(&paths[1])]).unwrap();
    world.fill(of(&["bb"]));
    for path in &paths {
        assert_eq!(world.find(path).is_some(), *path != paths[1]);
    }
    let check = |tx: &dyn Read, expected: &[&str]| {
        let listed = listed(tx, &parent, "", 10, Missing::Hidden);
        let ids: Vec<_> = expected.iter().map(|end| long(end)).collect();
        assert_eq!(listed, ids);
    };
    check(&world.read(), &["a", "c", "bb"]);
    check(&world.store.read_at(before).unwrap(), &["a", "b", "c"]);
    assert_eq!(ids(&world.read(), "", "", 9), [long("")]);
}
