//! Keys of entries: they sort as values and names do, come apart again, and stay within their length.

use std::cmp::Ordering;

use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::*;
use crate::fixture::{collection, document, field};

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Often the same value, often a long one that differs late.
fn some_value(random: &mut Seeded) -> Value {
    let long = |random: &mut Seeded| {
        let length = random.pick(&[1_495, 1_497, 1_498, 1_499, 1_500, 1_502, 4_000]);
        let end = random.pick(&["", "a", "b", "\0"]);
        format!("{}{end}", "x".repeat(length))
    };
    match random.below(6) {
        0 => long(random).as_str().into(),
        1 => Value::Bytes(long(random).into_bytes().into()),
        2 => {
            let elements = vec![long(random).as_str().into(), values::value(random, 0)];
            let flat = elements
                .into_iter()
                .filter(|element| !matches!(element, Value::Vector(_) | Value::Array(_)));
            firekeep_model::Array::new(flat.collect()).unwrap().into()
        }
        _ => values::value(random, 2),
    }
}

fn some_document(random: &mut Seeded, in_collection: &CollectionPath) -> DocumentPath {
    let id = match random.below(4) {
        0 => DocumentId::parse(&format!(
            "{}{}",
            "y".repeat(random.pick(&[200, 300, 1_480])),
            values::text(random).replace('/', "-")
        ))
        .unwrap(),
        _ => values::document_id(random),
    };
    in_collection.document(&id).unwrap()
}

/// An entry, with what it is the entry of.
struct Made {
    values: Vec<Value>,
    document: DocumentPath,
    key: Key,
    row: Bytes,
}

fn make(
    scope: &Scope<'_>,
    prefix: &Key,
    components: &[Component],
    values: Vec<Value>,
    document: DocumentPath,
) -> Made {
    let mut key = prefix.clone();
    let mut cut = Cut::Whole;
    for (value, component) in values.iter().zip(components) {
        let appended = append(key, value, *component);
        key = appended.0;
        if appended.1 == Cut::Cut {
            cut = Cut::Cut;
        }
    }
    let (key, row) = entry(scope, key, cut, &document);
    Made {
        values,
        document,
        key,
        row,
    }
}

fn order(components: &[Component], a: &Made, b: &Made) -> Ordering {
    let values = a.values.iter().zip(&b.values).zip(components);
    values
        .map(|((a, b), component)| component.direction.apply(a.compare(b)))
        .fold(Ordering::Equal, Ordering::then)
        .then_with(|| a.document.cmp(&b.document))
}

fn check_sorted(random: &mut Seeded, scope: &Scope<'_>, count: usize, path: &CollectionPath) {
    let components: Vec<_> = (0..count)
        .map(|_| Component::of(count, random.pick(&DIRECTIONS)))
        .collect();
    let prefix = composite(IndexId(16), scope);
    let made: Vec<_> = (0..24)
        .map(|_| {
            let values = (0..count).map(|_| some_value(random)).collect();
            let document = some_document(random, path);
            make(scope, &prefix, &components, values, document)
        })
        .collect();
    for a in &made {
        assert!(a.key.len() <= KEY_BYTES_MAX);
        let apart = split(scope, prefix.len(), &components, &a.key, &a.row).unwrap();
        assert_eq!(scope.document(apart.tail).unwrap(), a.document);
        assert_eq!(apart.tail, scope.tail(&a.document));
        let ordered = apart.ordered.unwrap_or(a.key.len());
        for b in &made {
            let expected = order(&components, a, b);
            let shared = b.key.get(..ordered) == a.key.get(..ordered);
            if a.key == b.key {
                // The same document, and values that are the same as far as they stand in the key.
                assert_eq!(a.document, b.document);
                assert!(expected.is_eq() || apart.cut == Cut::Cut);
            } else if !(shared && apart.ordered.is_some()) {
                assert_eq!(a.key.cmp(&b.key), expected, "{components:?}");
            }
        }
    }
}

#[test]
fn entries_sort_by_values_and_then_by_name() {
    let random = &mut Seeded::new(1);
    let long = format!("c/{}/d", "z".repeat(1_400));
    for path in ["c", "c/d/e", &long] {
        let path = collection(path);
        let id = CollectionId::parse(path.id()).unwrap();
        for count in 1..=3 {
            for _ in 0..40 {
                check_sorted(random, &Scope::Collection(&path), count, &path);
                check_sorted(random, &Scope::Group(&id), count, &path);
            }
        }
    }
}

#[test]
fn scopes_fields_and_kinds_do_not_mix() {
    let (long, longer) = ("f".repeat(700), "f".repeat(701));
    let paths = ["c", "c\0", "c/d/e", "d", &format!("c/{long}/d")].map(collection);
    let groups = ["c", "d", &long].map(|id| CollectionId::parse(id).unwrap());
    let scopes = paths.iter().map(Scope::Collection);
    let scopes: Vec<_> = scopes.chain(groups.iter().map(Scope::Group)).collect();
    let mut prefixes = Vec::new();
    for scope in &scopes {
        for name in ["a", "a.b", "ab", "`a.b`", "`\0`", &long, &longer] {
            let field = field(name);
            prefixes.extend([values(scope, &field), elements(scope, &field)]);
        }
        // A composite index has one kind of scope.
        let ids = match scope {
            Scope::Collection(_) => [16, 17],
            Scope::Group(_) => [18, 19],
        };
        prefixes.extend(ids.map(|id| composite(IndexId(id), scope)));
    }
    for (at, a) in prefixes.iter().enumerate() {
        for (other, b) in prefixes.iter().enumerate() {
            assert_eq!(b.starts_with(a), at == other, "{a:?} {b:?}");
        }
    }
}

#[test]
fn short_entries_have_the_documented_bytes() {
    let path = collection("c");
    let scope = Scope::Collection(&path);
    let (key, cut) = append(values(&scope, &field("a")), &true.into(), Component::SINGLE);
    let (key, row) = entry(&scope, key, cut, &document("c/d"));
    assert_eq!(key, b"\0\0\0\x01c\0\x01\0\0a\0\x01\x01\x19d\0\x01");
    assert!(row.is_empty());
    let group = CollectionId::parse("c").unwrap();
    let (key, row) = entry(
        &Scope::Group(&group),
        names(&group),
        Cut::Whole,
        &document("c/d/c/1"),
    );
    let (front, name) = key.split_at(names(&group).len());
    assert_eq!(front, b"\0\0\0\x03c\0\x01\0\0");
    assert_eq!(name, crate::keys::document(&document("c/d/c/1")));
    assert!(row.is_empty());
    let long = Value::from("x".repeat(1_498).as_str());
    let (key, cut) = append(values(&scope, &field("a")), &long, Component::SINGLE);
    let (_, row) = entry(&scope, key, cut, &document("c/d"));
    assert_eq!(&*row, [1]);
}

#[test]
fn the_entry_of_the_longest_name_is_whole() {
    for (ids, id_bytes) in [(4, 1_500), (200, 29)] {
        for id in ["\0", "\u{10FFFF}"] {
            let id = id.repeat(id_bytes / id.len());
            let path = document(&vec![id.as_str(); ids].join("/"));
            let group = CollectionId::parse(path.collection_id()).unwrap();
            let prefix = names(&group);
            let (key, _) = entry(&Scope::Group(&group), prefix.clone(), Cut::Whole, &path);
            assert_eq!(key[prefix.len()..], crate::keys::document(&path));
        }
    }
}

#[test]
fn vectors_stand_in_keys_as_their_dimension() {
    let vector =
        |numbers: &[f64]| Value::Vector(firekeep_model::Vector::new(numbers.to_vec()).unwrap());
    let key = |numbers: &[f64]| append(Key::new(), &vector(numbers), Component::VECTOR).0;
    assert_eq!(key(&[1.0, 2.0]), key(&[3.0, 4.0]));
    assert!(key(&[1.0, 2.0]) < key(&[0.0; 3]));
}

#[test]
fn damaged_entries_are_refused() {
    let path = collection("c");
    let scope = Scope::Collection(&path);
    let prefix = values(&scope, &field("a"));
    let (key, cut) = append(prefix.clone(), &7.into(), Component::SINGLE);
    let (key, row) = entry(&scope, key, cut, &document("c/d"));
    let split = |key: &[u8], row: &[u8]| {
        let entry = split(&scope, prefix.len(), &[Component::SINGLE], key, row)?;
        scope.document(entry.tail)
    };
    assert!(split(&key, &row).is_ok());
    for row in [&[1][..], &[4], &[0], &[2, 9]] {
        assert!(split(&key, row).is_err(), "{row:?}");
    }
    for length in 0..key.len() {
        assert!(split(&key[..length], &row).is_err(), "{length}");
    }
}
