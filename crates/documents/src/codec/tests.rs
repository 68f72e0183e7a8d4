use firekeep_model::limits::VALUE_DEPTH_MAX;
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::*;

fn created(random: &mut Seeded) -> Created {
    match random.below(2) {
        0 => Created::ByThisRow,
        _ => Created::At(values::timestamp(random)),
    }
}

#[test]
fn documents_come_back() {
    let mut random = Seeded::new(2);
    for _ in 0..5_000 {
        let fields = values::map(&mut random, 4);
        let created = created(&mut random);
        let row = encode(&fields, created);
        assert_eq!(decode(&row).unwrap(), Stored { fields, created });
    }
}

#[test]
fn equal_documents_are_equal_bytes() {
    let mut random = Seeded::new(3);
    for _ in 0..20_000 {
        let (a, b) = (values::map(&mut random, 2), values::map(&mut random, 2));
        let bytes = |fields| encode(fields, Created::ByThisRow);
        assert_eq!(bytes(&a) == bytes(&b), a == b, "{a:?} {b:?}");
    }
}

#[test]
fn one_field_is_found_as_in_the_whole() {
    let mut random = Seeded::new(4);
    let mut found = 0;
    for _ in 0..20_000 {
        let fields = values::map(&mut random, 4);
        let row = encode(&fields, created(&mut random));
        let path = values::field_path(&mut random);
        let field = decode_field(&row, &path).unwrap();
        assert_eq!(field.as_ref(), fields.get_path(&path), "{fields:?} {path}");
        found += usize::from(field.is_some());
        // Every field that there is, two levels deep.
        for (name, value) in fields.iter() {
            let path = FieldPath::new([name]).unwrap();
            assert_eq!(decode_field(&row, &path).unwrap().as_ref(), Some(value));
            for (inner, value) in value.as_map().iter().flat_map(|map| map.iter()) {
                let path = FieldPath::new([name, inner]).unwrap();
                assert_eq!(decode_field(&row, &path).unwrap().as_ref(), Some(value));
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn damage_is_noticed_or_is_another_document() {
    let mut random = Seeded::new(5);
    let mut noticed = 0;
    for _ in 0..20_000 {
        let fields = values::map(&mut random, 3);
        let mut row = encode(&fields, created(&mut random)).to_vec();
        match random.below(3) {
            0 => row.truncate(random.below(row.len())),
            1 => row.insert(random.below(row.len()), random.bits().to_le_bytes()[0]),
            _ => {
                let at = random.below(row.len());
                row[at] ^= 1 << random.below(8);
            }
        }
        let path = values::field_path(&mut random);
        let field = decode_field(&row, &path);
        match decode(&row) {
            Ok(stored) => {
                assert_eq!(encode(&stored.fields, stored.created), row, "one encoding");
                assert_eq!(field.unwrap().as_ref(), stored.fields.get_path(&path));
            }
            Err(Error::Corrupt(_)) => noticed += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(noticed > 10_000, "{noticed}");
}

#[test]
fn foreign_bytes_are_damage() {
    let check = |row: &[u8]| assert!(decode(row).is_err(), "{row:?}");
    check(&[]);
    check(&[0]);
    check(&[3]);
    check(&[FORMAT_OLD, 0, 0]);
    // A name without a value; an unknown tag; names that do not ascend; a reserved name.
    check(&[FORMAT_NEW, 1, b'a']);
    check(&[FORMAT_NEW, 1, b'a', 13]);
    check(&[FORMAT_NEW, 1, b'b', NULL, 1, b'a', NULL]);
    check(&[FORMAT_NEW, 1, b'a', NULL, 1, b'a', NULL]);
    check(b"\x01\x05__a__\x00");
    check(&[FORMAT_NEW, 0, NULL]);
    // Not the shortest number, and one of more than 64 bits.
    check(&[FORMAT_NEW, 1, b'a', INTEGER, 0x80, 0]);
    check(&[[FORMAT_NEW, 1, b'a', INTEGER].as_slice(), &[0xFF; 9], &[2]].concat());
    check(&[[FORMAT_NEW, 1, b'a', INTEGER].as_slice(), &[0xFF; 11]].concat());
    // A length beyond the end, an array in an array, an empty vector, half of a double in a vector.
    check(&[FORMAT_NEW, 1, b'a', STRING, 2, b'x']);
    check(&[FORMAT_NEW, 1, b'a', ARRAY, 2, ARRAY, 0]);
    check(&[FORMAT_NEW, 1, b'a', VECTOR, 0]);
    check(&[FORMAT_NEW, 1, b'a', VECTOR, 4, 0, 0, 0, 0]);
    // Another NaN, a time after the year 9999, no UTF-8.
    check(&[FORMAT_NEW, 1, b'a', DOUBLE, 1, 0, 0, 0, 0, 0, 0xF8, 0x7F]);
    check(&[[FORMAT_NEW, 1, b'a', TIMESTAMP].as_slice(), &[0x7F; 8]].concat());
    check(&[FORMAT_NEW, 1, b'a', STRING, 1, 0xFF]);
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| {
        let mut row = vec![FORMAT_NEW, 1, b'a'];
        let mut value = vec![NULL];
        for _ in 0..levels {
            let mut map = vec![MAP];
            put_length(&mut map, value.len() + 2);
            map.extend_from_slice(&[1, b'a']);
            map.append(&mut value);
            value = map;
        }
        row.append(&mut value);
        row
    };
    assert!(decode(&nested(VALUE_DEPTH_MAX)).is_ok());
    assert!(decode(&nested(VALUE_DEPTH_MAX + 1)).is_err());
    assert!(decode(&nested(10_000)).is_err());
    let path = FieldPath::new(vec!["a"; 100]).unwrap();
    assert!(decode_field(&nested(10_000), &path).is_err());
}

#[test]
fn everyday_documents_are_small() {
    let mut fields = Map::new();
    for (name, value) in [
        ("text", "Hi".into()),
        ("n", 7.into()),
        ("ok", true.into()),
        ("none", Value::Null),
    ] {
        fields.insert(name, value).unwrap();
    }
    // 13 bytes of names and text, one for the format, and 2 or 3 for each field.
    assert_eq!(encode(&fields, Created::ByThisRow).len(), 24);
}
