//! Encoded values sort as the values do: named cases, and pairs from a seeded generator.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::*;

#[derive(Clone, Debug)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Timestamp(i64),
    Text(String),
    Bytes(Vec<u8>),
    Reference(Vec<String>),
    GeoPoint(f64, f64),
    Array(Vec<Value>),
    Vector(Vec<f64>),
    Map(BTreeMap<String, Value>),
}

use Value::{Array, Boolean, Bytes, Double, GeoPoint, Integer, Map, Null, Reference, Text, Vector};

fn encode_into(encoder: &mut Encoder, value: &Value) {
    match value {
        Null => encoder.null(),
        Boolean(value) => encoder.boolean(*value),
        Integer(value) => encoder.integer(*value),
        Double(value) => encoder.double(*value),
        Value::Timestamp(micros) => encoder.timestamp(Timestamp::from_micros(*micros)),
        Text(value) => encoder.string(value),
        Bytes(value) => encoder.bytes(value),
        Reference(segments) => encoder.reference(segments.iter().map(String::as_str)),
        GeoPoint(latitude, longitude) => encoder.geo_point(*latitude, *longitude),
        Array(elements) => encoder.array(|encoder| {
            for element in elements {
                encode_into(encoder, element);
            }
        }),
        Vector(elements) => encoder.vector(elements),
        Map(entries) => encoder.map(|encoder| {
            for (key, value) in entries {
                encode_into(encoder.string(key), value);
            }
        }),
    };
}

fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encode_into(&mut encoder, value);
    encoder.finish()
}

/// The order of the specification, written down a second time without any encoding.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Boolean(a), Boolean(b)) => a.cmp(b),
        (Integer(a), Integer(b)) => a.cmp(b),
        (Double(a), Double(b)) => compare_doubles(*a, *b),
        (Integer(a), Double(b)) => compare_mixed(*a, *b),
        (Double(a), Integer(b)) => compare_mixed(*b, *a).reverse(),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Text(a), Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bytes(a), Bytes(b)) => a.cmp(b),
        (Reference(a), Reference(b)) => a.cmp(b),
        (GeoPoint(a, c), GeoPoint(b, d)) => compare_doubles(*a, *b).then(compare_doubles(*c, *d)),
        (Array(a), Array(b)) => compare_lists(a, b, compare),
        (Vector(a), Vector(b)) => {
            let elements = || compare_lists(a, b, |a, b| compare_doubles(*a, *b));
            a.len().cmp(&b.len()).then_with(elements)
        }
        (Map(a), Map(b)) => {
            let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
            compare_lists(&a, &b, |a, b| a.0.cmp(b.0).then_with(|| compare(a.1, b.1)))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn compare_lists<T>(a: &[T], b: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    let pairs = a.iter().zip(b).map(|(a, b)| compare(a, b));
    pairs
        .fold(Ordering::Equal, Ordering::then)
        .then(a.len().cmp(&b.len()))
}

fn compare_doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

#[expect(clippy::cast_possible_truncation, reason = "saturating is right here")]
fn compare_mixed(a: i64, b: f64) -> Ordering {
    if b.is_nan() {
        return Ordering::Greater;
    }
    // Beyond the integers a saturating cast is on the right side; otherwise whole parts are exact, fractions decide.
    let whole = b.floor() as i128;
    i128::from(a).cmp(&whole).then(if b > b.floor() {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

fn rank(value: &Value) -> u8 {
    match value {
        Null => 0,
        Boolean(_) => 1,
        Integer(_) | Double(_) => 2,
        Value::Timestamp(_) => 3,
        Text(_) => 4,
        Bytes(_) => 5,
        Reference(_) => 6,
        GeoPoint(..) => 7,
        Array(_) => 8,
        Vector(_) => 9,
        Map(_) => 10,
    }
}

fn check(a: &Value, b: &Value) {
    let (left, right) = (encode(a), encode(b));
    let expected = compare(a, b);
    assert_eq!(left.cmp(&right), expected, "{a:?} {b:?}");
    if expected != Ordering::Equal {
        assert!(
            !right.starts_with(&left) && !left.starts_with(&right),
            "{a:?} {b:?}"
        );
    }
    let turned = |value: &Value| {
        let mut encoder = Encoder::new();
        encoder.descending(|encoder| encode_into(encoder, value));
        encoder.finish()
    };
    assert_eq!(turned(a).cmp(&turned(b)), expected.reverse(), "{a:?} {b:?}");
}

/// SplitMix64.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// Few different values, so that pairs are often equal or close.
    fn text(&mut self) -> String {
        (0..self.below(4))
            .map(|_| self.pick(&['\0', '\u{1}', 'a', 'b', 'é', '\u{FFFF}', '😀']))
            .collect()
    }

    fn integer(&mut self) -> i64 {
        let base = self.pick(&[0, 1 << 53, 1 << 54, 1 << 60, i64::MAX, i64::MIN, -(1 << 53)]);
        base.saturating_add(self.pick(&[-1024, -513, -2, -1, 0, 1, 2, 3, 512, 1025]))
    }

    fn double(&mut self) -> f64 {
        match self.below(4) {
            0 => f64::from_bits(self.next()),
            1 => self.integer() as f64,
            2 => self.integer() as f64 + 0.5,
            _ => self.pick(&[
                0.0,
                -0.0,
                f64::NAN,
                f64::INFINITY,
                f64::MIN,
                f64::MIN_POSITIVE,
                9.3e18,
            ]),
        }
    }

    fn value(&mut self, depth: u64) -> Value {
        let kinds = if depth == 0 { 9 } else { 12 };
        match self.below(kinds) {
            0 => Null,
            1 => Boolean(self.below(2) == 0),
            2 => Integer(self.integer()),
            3 => Double(self.double()),
            4 => Value::Timestamp(self.integer()),
            5 => Text(self.text()),
            6 => Bytes(
                (0..self.below(4))
                    .map(|_| self.pick(&[0, 1, 0xFE, 0xFF]))
                    .collect(),
            ),
            7 => Reference((0..self.below(3)).map(|_| self.text()).collect()),
            8 => GeoPoint(
                self.pick(&[-90.0, 0.0, 90.0]),
                self.pick(&[-180.0, -0.0, 0.0]),
            ),
            9 => Array((0..self.below(4)).map(|_| self.value(depth - 1)).collect()),
            10 => Vector((0..self.below(3)).map(|_| self.double()).collect()),
            _ => Map((0..self.below(3))
                .map(|_| (self.text(), self.value(depth - 1)))
                .collect()),
        }
    }
}

#[test]
fn generated_values_sort_as_their_encodings_in_both_directions() {
    let mut generator = Generator(20);
    for _ in 0..60_000 {
        let a = generator.value(2);
        // Half of the pairs are of one kind: the interesting ones.
        let mut b = generator.value(2);
        for _ in 0..20 {
            if rank(&a) == rank(&b) || generator.below(40) == 0 {
                break;
            }
            b = generator.value(2);
        }
        check(&a, &b);
    }
}

#[test]
fn mixed_directions_sort_component_by_component() {
    let mut generator = Generator(21);
    for _ in 0..20_000 {
        let [a, b, c, d] = [(); 4].map(|()| generator.value(1));
        for directions in 0..4 {
            let key = |first: &Value, second: &Value| {
                let mut encoder = Encoder::new();
                for (bit, value) in [(1, first), (2, second)] {
                    match directions & bit {
                        0 => encode_into(&mut encoder, value),
                        _ => drop(encoder.descending(|encoder| encode_into(encoder, value))),
                    }
                }
                encoder.finish()
            };
            let turn = |order: Ordering, bit| {
                if directions & bit == 0 {
                    order
                } else {
                    order.reverse()
                }
            };
            // Half of the time the first components are equal.
            let b = if generator.below(2) == 0 { &a } else { &b };
            let expected = turn(compare(&a, b), 1).then(turn(compare(&c, &d), 2));
            assert_eq!(
                key(&a, &c).cmp(&key(b, &d)),
                expected,
                "{directions}: {a:?} {c:?} {b:?} {d:?}"
            );
        }
    }
}

#[test]
fn neighbouring_integers_and_doubles_keep_their_order() {
    let mut numbers = Vec::new();
    for base in [0, 1 << 52, 1 << 53, 1 << 62, i64::MAX, i64::MIN, -(1 << 53)] {
        for offset in -3..=3 {
            numbers.push(Integer(i64::saturating_add(base, offset)));
            numbers.push(Double(base as f64 + offset as f64));
        }
    }
    numbers.extend([f64::NAN, -0.0, f64::NEG_INFINITY, f64::INFINITY, 1e300].map(Double));
    for a in &numbers {
        for b in &numbers {
            check(a, b);
        }
    }
}

#[test]
fn segments_come_back_and_nest_as_prefixes() {
    let mut parent = Encoder::new();
    parent.segment("rooms\0").segment("é");
    let parent = parent.finish();
    let mut child = Encoder::after(parent.clone());
    child.segment("");
    let child = child.finish();
    assert!(child.starts_with(&parent));
    let (first, rest) = split_segment(&child).unwrap();
    let (second, rest) = split_segment(rest).unwrap();
    let (third, rest) = split_segment(rest).unwrap();
    assert_eq!(
        (first.as_str(), second.as_str(), third.as_str(), rest),
        ("rooms\0", "é", "", &[][..])
    );
    for broken in [&b"abc"[..], b"a\0", b"a\0\x02", b"\xFF\0\x01", b""] {
        assert_eq!(split_segment(broken), None);
    }
}
