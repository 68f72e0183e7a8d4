//! The order as rows: each row's values are equal, and before those of the next row.

use super::*;
use crate::{DocumentName, Timestamp};

fn array(elements: impl Into<Vec<Value>>) -> Value {
    Array::new(elements.into()).unwrap().into()
}

fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Map::from_entries(entries.collect()).unwrap().into()
}

fn vector(elements: &[f64]) -> Value {
    Value::Vector(Vector::new(elements).unwrap())
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.into())
}

fn geo(latitude: f64, longitude: f64) -> Value {
    Value::GeoPoint(GeoPoint::new(latitude, longitude).unwrap())
}

fn reference(name: &str) -> Value {
    let name = format!("projects/{name}");
    Value::reference(DocumentName::parse(&name).unwrap())
}

const TWO_53: i64 = 1 << 53;
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// One row per place in the order.
fn rows() -> Vec<Vec<Value>> {
    vec![
        vec![Value::Null],
        vec![false.into()],
        vec![true.into()],
        vec![f64::NAN.into(), Value::Double(-f64::NAN)],
        vec![f64::NEG_INFINITY.into()],
        vec![f64::MIN.into()],
        vec![(-TWO_63 * 1.5).into()],
        vec![i64::MIN.into(), (-TWO_63).into()],
        vec![(i64::MIN + 1).into()],
        vec![(-TWO_53 - 1).into()],
        vec![(-TWO_53).into(), (-(TWO_53 as f64)).into()],
        vec![(-1.5).into()],
        vec![(-1).into(), (-1.0).into()],
        vec![(-0.5).into()],
        vec![(-f64::MIN_POSITIVE).into()],
        vec![0.into(), 0.0.into(), (-0.0).into()],
        vec![5e-324.into()],
        vec![0.5.into()],
        vec![1.into(), 1.0.into()],
        vec![1.5.into()],
        vec![TWO_53.into(), (TWO_53 as f64).into()],
        vec![(TWO_53 + 1).into()],
        vec![(TWO_53 + 2).into(), (TWO_53 as f64 + 2.0).into()],
        vec![(i64::MAX - 1).into()],
        vec![i64::MAX.into()],
        vec![TWO_63.into()],
        vec![f64::MAX.into()],
        vec![f64::INFINITY.into()],
        vec![Timestamp::MIN.into()],
        vec![Timestamp::from_micros(-1).into()],
        vec![Timestamp::MAX.into()],
        vec!["".into()],
        vec!["\0".into()],
        vec!["\0\0".into()],
        vec!["a".into()],
        vec!["a\0".into()],
        vec!["ab".into()],
        vec!["b".into()],
        vec!["é".into()],
        // Not as UTF-16 has it.
        vec!["\u{FFFF}".into()],
        vec!["😀".into()],
        vec![bytes(&[])],
        vec![bytes(&[0])],
        vec![bytes(&[1, 0xFF])],
        vec![bytes(&[0xFF])],
        vec![bytes(&[0xFF, 0])],
        vec![reference("p/databases/(default)/documents/a/__id-1__")],
        vec![reference("p/databases/(default)/documents/a/__id9__")],
        vec![reference("p/databases/(default)/documents/a/__id10__")],
        vec![reference("p/databases/(default)/documents/a/b")],
        vec![reference("p/databases/(default)/documents/a/b/c/d")],
        vec![reference("p/databases/(default)/documents/a!/b")],
        vec![reference("p/databases/main/documents/a/a")],
        vec![reference("q/databases/(default)/documents/a/a")],
        vec![geo(-90.0, 0.0)],
        vec![geo(0.0, -1.0)],
        vec![geo(0.0, 0.0), geo(-0.0, -0.0)],
        vec![geo(0.0, 1.0)],
        vec![geo(1.0, -180.0)],
        vec![array([])],
        vec![array([Value::Null])],
        vec![array([1.into()]), array([1.0.into()])],
        vec![array([1.into(), Value::Null])],
        vec![array([2.into()])],
        vec![array(["a".into()])],
        vec![array([map(&[])])],
        vec![vector(&[9e9])],
        vec![vector(&[f64::NEG_INFINITY, 0.0])],
        vec![vector(&[0.0, 0.0]), vector(&[-0.0, 0.0])],
        vec![vector(&[0.0, 1.0])],
        vec![map(&[])],
        vec![map(&[("a", Value::Null)])],
        vec![map(&[("a", 1.into())]), map(&[("a", 1.0.into())])],
        vec![map(&[("a", 1.into()), ("b", Value::Null)])],
        vec![map(&[("a", 2.into())])],
        vec![map(&[("a", array([0.into()]))])],
        vec![map(&[("a", map(&[("z", 0.into())]))])],
        vec![map(&[("aa", Value::Null)])],
        vec![map(&[("b", Value::Null)])],
    ]
}

#[test]
fn values_sort_as_the_rows() {
    let rows = rows();
    for (i, left) in rows.iter().enumerate() {
        for (j, right) in rows.iter().enumerate() {
            for a in left {
                for b in right {
                    assert_eq!(a.compare(b), i.cmp(&j), "{a:?} {b:?}");
                    assert_eq!(a.equals(b), i == j, "{a:?} {b:?}");
                    assert!(a.group() <= b.group() || i > j, "{a:?} {b:?}");
                }
            }
        }
    }
}

#[test]
fn strict_equality_sees_types_and_signs() {
    for row in rows() {
        for (i, a) in row.iter().enumerate() {
            for (j, b) in row.iter().enumerate() {
                let both_nan = a.group() == TypeGroup::Nan;
                assert_eq!(a == b, i == j || both_nan, "{a:?} {b:?}");
            }
        }
    }
    assert_ne!(Value::Null, Value::Boolean(false));
    let swapped = |a, b| Map::from_entries(vec![a, b]).unwrap();
    let (a, b) = (("a".into(), 1.into()), ("b".into(), 2.into()));
    assert_eq!(swapped(a.clone(), b.clone()), swapped(b, a));
}

#[test]
fn ranges_of_numbers_hold_neither_null_nor_nan() {
    let group = |value: Value| value.group();
    assert_eq!(group(1.into()), group((-0.5).into()));
    assert_ne!(group(f64::NAN.into()), group(1.0.into()));
    assert_ne!(group(Value::Null), group(1.0.into()));
    assert_ne!(group("a".into()), group(bytes(b"a")));
    assert_ne!(group(vector(&[1.0])), group(array([1.0.into()])));
    assert_ne!(group(vector(&[1.0])), group(map(&[])));
}
