//! Encoded values sort as the values do: named cases, and pairs from a seeded generator. What the order is, the model's
//! own tests say.

use std::cmp::Ordering;

use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::*;

fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish()
}

fn check(a: &Value, b: &Value) {
    let (left, right) = (encode(a), encode(b));
    let expected = a.compare(b);
    assert_eq!(left.cmp(&right), expected, "{a:?} {b:?}");
    if expected != Ordering::Equal {
        assert!(
            !right.starts_with(&left) && !left.starts_with(&right),
            "{a:?} {b:?}"
        );
    }
    let turned = |value: &Value| {
        let mut encoder = Encoder::new();
        encoder.descending(|encoder| {
            encoder.value(value);
        });
        encoder.finish()
    };
    assert_eq!(turned(a).cmp(&turned(b)), expected.reverse(), "{a:?} {b:?}");
}

#[test]
fn generated_values_sort_as_their_encodings_in_both_directions() {
    let random = &mut Seeded::new(20);
    for _ in 0..100_000 {
        let (a, b) = values::pair(random, 3);
        check(&a, &b);
    }
}

#[test]
fn mixed_directions_sort_component_by_component() {
    let random = &mut Seeded::new(21);
    for _ in 0..20_000 {
        // Tuples of three components, often equal ones at the front.
        let pairs = [(); 3].map(|()| {
            let (a, b) = values::pair(random, 1);
            match random.once_in(2) {
                true => (a.clone(), a),
                false => (a, b),
            }
        });
        for directions in 0..8 {
            let turned = |index: usize| directions & (1 << index) != 0;
            let key = |side: fn(&(Value, Value)) -> &Value| {
                let mut encoder = Encoder::new();
                for (index, pair) in pairs.iter().enumerate() {
                    if turned(index) {
                        encoder.descending(|encoder| {
                            encoder.value(side(pair));
                        });
                    } else {
                        encoder.value(side(pair));
                    }
                }
                encoder.finish()
            };
            let orders = pairs
                .iter()
                .enumerate()
                .map(|(index, (a, b))| match turned(index) {
                    true => a.compare(b).reverse(),
                    false => a.compare(b),
                });
            let expected = orders.fold(Ordering::Equal, Ordering::then);
            let (left, right) = (key(|pair| &pair.0), key(|pair| &pair.1));
            assert_eq!(left.cmp(&right), expected, "{directions}: {pairs:?}");
        }
    }
}

#[test]
fn neighbouring_integers_and_doubles_keep_their_order() {
    let mut numbers: Vec<Value> = Vec::new();
    for base in [0, 1 << 52, 1 << 53, 1 << 62, i64::MAX, i64::MIN, -(1 << 53)] {
        for offset in -3..=3 {
            numbers.push(i64::saturating_add(base, offset).into());
            numbers.push((base as f64 + offset as f64).into());
        }
    }
    numbers.extend([f64::NAN, -0.0, f64::NEG_INFINITY, f64::INFINITY, 1e300].map(Value::from));
    for a in &numbers {
        for b in &numbers {
            check(a, b);
        }
    }
}

fn encode_path(path: &DocumentPath) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.document(path);
    encoder.finish()
}

#[test]
fn keys_of_documents_sort_as_paths_and_come_back() {
    let random = &mut Seeded::new(22);
    for _ in 0..50_000 {
        let (a, b) = (values::document_path(random), values::document_path(random));
        let (left, right) = (encode_path(&a), encode_path(&b));
        assert_eq!(left.cmp(&right), a.cmp(&b), "{a:?} {b:?}");
        assert_eq!(
            right.starts_with(&left),
            b.is_below(&a) || a == b,
            "{a:?} {b:?}"
        );
        let mut collection = Encoder::new();
        collection.collection(&a.parent());
        assert!(left.starts_with(&collection.finish()));
        assert_eq!(document_path(&left), Some(a));
    }
}

#[test]
fn references_sort_by_project_database_and_path() {
    let sorted = [
        "projects/p/databases/(default)/documents/a/__id-9223372036854775808__",
        "projects/p/databases/(default)/documents/a/__id-1__",
        "projects/p/databases/(default)/documents/a/__id9__",
        "projects/p/databases/(default)/documents/a/__id9__/b/c",
        "projects/p/databases/(default)/documents/a/__id10__",
        "projects/p/databases/(default)/documents/a/\0",
        "projects/p/databases/(default)/documents/a/\u{1}",
        "projects/p/databases/(default)/documents/a/b",
        "projects/p/databases/(default)/documents/a/b/\0/c",
        "projects/p/databases/(default)/documents/a/b/c/__id7__",
        "projects/p/databases/(default)/documents/a/b\0",
        "projects/p/databases/(default)/documents/a\0/__id-9223372036854775808__",
        "projects/p/databases/(default)/documents/a!/b",
        "projects/p/databases/main/documents/a/a",
        "projects/p-/databases/(default)/documents/a/b",
    ]
    .map(|name| Value::reference(DocumentName::parse(name).unwrap()));
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(a.compare(b), i.cmp(&j));
            // What follows a reference in a key must not matter.
            let followed = |value: &Value| [encode(value), vec![TRUE; i % 2]].concat();
            assert_eq!(followed(a).cmp(&followed(b)), i.cmp(&j), "{a:?} {b:?}");
            check(a, b);
        }
    }
}

#[test]
fn segments_come_back_and_nest_as_prefixes() {
    let mut parent = Encoder::new();
    parent.segment("rooms\0").segment("é").segment("__id-7__");
    let parent = parent.finish();
    let mut child = Encoder::after(parent.clone());
    child.segment("");
    let child = child.finish();
    assert!(child.starts_with(&parent));
    let mut rest = &child[..];
    for expected in ["rooms\0", "é", "__id-7__", ""] {
        let (segment, behind) = split_segment(rest).unwrap();
        assert_eq!(segment, expected);
        rest = behind;
    }
    assert_eq!(rest, b"");
    let broken: [&[u8]; 8] = [
        b"abc",
        b"a\0",
        b"a\0\x02",
        b"\xFF\0\x01",
        b"",
        b"\0\x02\0\0\0\0\0\0\0",
        b"\0\x03\0\0\0\0\0\0\0\0",
        b"__id7__\0\x01",
    ];
    for broken in broken {
        assert_eq!(split_segment(broken), None, "{broken:?}");
    }
}

#[test]
fn what_is_no_document_is_no_path() {
    let key = |segments: &[&str]| {
        let mut encoder = Encoder::new();
        for segment in segments {
            encoder.segment(segment);
        }
        encoder.finish()
    };
    assert_eq!(document_path(&key(&["a", "b"])).unwrap().as_str(), "a/b");
    for segments in [
        &[][..],
        &["a"],
        &["a", ""],
        &["", "a"],
        &["", "a", "b"],
        &["a", "b/c/d"],
        &["a", "__x__"],
        &["__id7__", "a"],
    ] {
        assert_eq!(document_path(&key(segments)), None, "{segments:?}");
    }
    assert_eq!(document_path(&[key(&["a", "b"]), vec![7]].concat()), None);
}

#[test]
fn values_say_where_they_end_in_both_directions() {
    let random = &mut Seeded::new(23);
    let behind: [&[u8]; 3] = [b"", &[0, 1, 2], &[0xFF, 0xFE]];
    for _ in 0..20_000 {
        let value = values::value(random, 3);
        let encoded = encode(&value);
        let turned: Vec<u8> = encoded.iter().map(|byte| !byte).collect();
        for behind in behind {
            let key = [&encoded, behind].concat();
            assert_eq!(value_length(&key), Some(encoded.len()), "{value:?}");
            let key = [&turned, behind].concat();
            assert_eq!(
                descending_value_length(&key),
                Some(encoded.len()),
                "{value:?}"
            );
        }
        for length in 0..encoded.len() {
            assert_eq!(value_length(&encoded[..length]), None, "{value:?} {length}");
            assert_eq!(descending_value_length(&turned[..length]), None);
        }
    }
    for broken in [&[END][..], &[0x11], &[ARRAY, NULL, 0x99], &[STRING, 0, 3]] {
        assert_eq!(value_length(broken), None, "{broken:?}");
    }
}

#[test]
fn fronts_are_the_first_bytes_of_the_whole() {
    let random = &mut Seeded::new(24);
    for _ in 0..20_000 {
        let value = values::value(random, 3);
        let whole = encode(&value);
        for bytes_max in [0, 1, 5, random.below(40), whole.len(), whole.len() + 1] {
            let mut encoder = Encoder::after(vec![7; 3]);
            let cut = encoder.value_front(&value, bytes_max);
            assert_eq!(cut, whole.len() > bytes_max, "{value:?} {bytes_max}");
            let front = &whole[..bytes_max.min(whole.len())];
            assert_eq!(
                encoder.finish(),
                [&[7; 3], front].concat(),
                "{value:?} {bytes_max}"
            );
        }
    }
}

#[test]
fn groups_hold_exactly_their_values() {
    let random = &mut Seeded::new(25);
    for _ in 0..20_000 {
        let value = values::value(random, 2);
        for group in values::GROUPS {
            let (start, end) = group_bounds(group);
            let encoded = encode(&value);
            let inside = start <= encoded && encoded < end;
            assert_eq!(inside, group == value.group(), "{value:?} {group:?}");
        }
    }
}

#[test]
fn texts_say_where_they_end() {
    let mut encoder = Encoder::new();
    encoder.text(b"a\0b").raw(&[0, 1]);
    assert_eq!(text_length(&encoder.finish()), Some(6));
    assert_eq!(text_length(b"ab\0"), None);
}

#[test]
fn numbers_come_back_from_their_encoding() {
    let mut random = Seeded::new(9);
    for _ in 0..20_000 {
        let value = values::value(&mut random, 1);
        let mut encoder = Encoder::new();
        encoder.value(&value);
        let number = number(&encoder.finish());
        match value.as_number() {
            Some(_) => assert!(number.unwrap().equals(&value), "{value:?}"),
            None => assert_eq!(number, None, "{value:?}"),
        }
    }
}
