use crate::fixture::{field, fields, show, show_fields};

use super::*;

const TIME: Timestamp = Timestamp::from_millis(1_234);

/// Applies a transform to the field `a` of a document that has `old` there, and compares the new value and the result.
fn check(old: impl Into<Option<Value>>, transform: &Transform, new: &str, result: &str) {
    let mut fields = Map::new();
    if let Some(old) = old.into() {
        fields.insert("a", old).unwrap();
    }
    let path = field("a");
    transform.check(&path).unwrap();
    let reported = transform.apply(&mut fields, &path, TIME).unwrap();
    let stored = fields.get("a").map(show).unwrap();
    assert_eq!(
        (&*stored, &*show(&reported)),
        (new, result),
        "{transform:?}"
    );
}

fn array(elements: &[Value]) -> Value {
    Array::new(elements.to_vec()).unwrap().into()
}

fn nan() -> Value {
    f64::NAN.into()
}

#[test]
fn server_times() {
    check(None, &Transform::ServerTime, "t1234000", "t1234000");
    check(
        Value::from("x"),
        &Transform::ServerTime,
        "t1234000",
        "t1234000",
    );
}

#[test]
fn increments() {
    let check = |old: Option<Value>, by: Value, new: &str| {
        check(old, &Transform::Increment(by), new, new);
    };
    let some = |value: Value| Some(value);
    check(None, 2.into(), "2");
    check(None, 2.5.into(), "2.5");
    check(some("x".into()), 2.into(), "2");
    check(some(Value::Null), (-0.0).into(), "-0.0");
    check(some(1.into()), 2.into(), "3");
    check(some(1.into()), 0.5.into(), "1.5");
    check(some(1.5.into()), 1.into(), "2.5");
    check(some(0.1.into()), 0.2.into(), "0.30000000000000004");
    check(some(i64::MAX.into()), 1.into(), "9223372036854775807");
    check(some(i64::MIN.into()), (-1).into(), "-9223372036854775808");
    check(some(i64::MIN.into()), i64::MAX.into(), "-1");
    check(some(i64::MAX.into()), 1.0.into(), "9.223372036854776e18");
    check(some(f64::MAX.into()), f64::MAX.into(), "inf");
    check(some(f64::INFINITY.into()), f64::NEG_INFINITY.into(), "NaN");
    check(some(nan()), 1.into(), "NaN");
    check(some(1.into()), nan(), "NaN");
}

#[test]
fn maxima_and_minima() {
    let check = |old: Option<Value>, operand: Value, max: &str, min: &str| {
        check(old.clone(), &Transform::Maximum(operand.clone()), max, max);
        check(old, &Transform::Minimum(operand), min, min);
    };
    let some = |value: Value| Some(value);
    check(None, 3.into(), "3", "3");
    check(some("x".into()), 3.into(), "3", "3");
    check(some(Value::Null), 3.5.into(), "3.5", "3.5");
    check(some(1.into()), 3.into(), "3", "1");
    check(some(1.into()), 2.5.into(), "2.5", "1");
    check(some(2.5.into()), 1.into(), "2.5", "1");
    // Equal in value: the stored one stays.
    check(some(3.into()), 3.0.into(), "3", "3");
    check(some(3.0.into()), 3.into(), "3.0", "3.0");
    check(some(0.into()), (-0.0).into(), "0", "0");
    check(some(0.0.into()), (-0.0).into(), "0.0", "0.0");
    check(some((-0.0).into()), 0.0.into(), "-0.0", "-0.0");
    check(some((-0.0).into()), 0.into(), "-0.0", "-0.0");
    // Without rounding.
    let (exact, near) = (9_007_199_254_740_993_i64, 9_007_199_254_740_992.0_f64);
    check(
        some(exact.into()),
        near.into(),
        "9007199254740993",
        "9007199254740992.0",
    );
    check(
        some(near.into()),
        exact.into(),
        "9007199254740993",
        "9007199254740992.0",
    );
    check(some(3.into()), nan(), "NaN", "NaN");
    check(some(nan()), 3.into(), "NaN", "NaN");
    check(some(f64::INFINITY.into()), nan(), "NaN", "NaN");
    check(some("x".into()), nan(), "NaN", "NaN");
}

#[test]
fn appended_elements() {
    let check = |old: Option<Value>, operand: &[Value], new: &str| {
        check(
            old,
            &Transform::AppendMissing(operand.to_vec()),
            new,
            "null",
        );
    };
    check(None, &[], "[]");
    check(None, &[2.into(), 1.into(), 2.into()], "[2, 1]");
    check(Some(7.into()), &[2.into(), 2.0.into()], "[2]");
    check(Some(array(&[1.into()])), &[], "[1]");
    check(
        Some(array(&[1.into(), 2.into()])),
        &[2.into(), 1.0.into(), 3.0.into(), 3.into(), 4.into()],
        "[1, 2, 3.0, 4]",
    );
    // What was there twice stays twice.
    check(Some(array(&[1.into(), 1.into()])), &[1.into()], "[1, 1]");
    check(
        Some(array(&[nan(), Value::Null, 0.0.into()])),
        &[nan(), Value::Null, (-0.0).into(), "x".into()],
        r#"[NaN, null, 0.0, "x"]"#,
    );
    let map = |value: Value| fields(&[("m", value)]).into();
    check(
        Some(array(&[map(1.into())])),
        &[map(1.0.into()), map(2.into())],
        "[{m: 1}, {m: 2}]",
    );
}

#[test]
fn removed_elements() {
    let check = |old: Option<Value>, operand: &[Value], new: &str| {
        check(old, &Transform::RemoveAll(operand.to_vec()), new, "null");
    };
    check(None, &[1.into()], "[]");
    check(Some(1.into()), &[1.into()], "[]");
    check(Some(array(&[1.into()])), &[], "[1]");
    check(
        Some(array(&[1.into(), 2.into(), 1.0.into(), 3.into(), 1.into()])),
        &[1.0.into(), 3.into(), 9.into()],
        "[2]",
    );
    check(
        Some(array(&[nan(), Value::Null])),
        &[Value::Null, nan()],
        "[]",
    );
    let nested = array(&[1.into()]);
    check(Some(array(&[1.into()])), &[nested], "[1]");
}

#[test]
fn paths_through_what_is_not_there() {
    let mut fields = fields(&[("s", 1.into())]);
    for path in ["x.y", "s.z"] {
        Transform::Increment(1.into())
            .apply(&mut fields, &field(path), TIME)
            .unwrap();
    }
    assert_eq!(show_fields(&fields), "{s: {z: 1}, x: {y: 1}}");
}

#[test]
fn operands_are_checked() {
    let path = field("a.b");
    for operand in [Value::Null, "1".into(), true.into(), array(&[1.into()])] {
        for transform in [
            Transform::Increment(operand.clone()),
            Transform::Maximum(operand.clone()),
            Transform::Minimum(operand.clone()),
        ] {
            let error = transform.check(&path).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the operand of the transform of `a.b` must be a number"
            );
        }
    }
    let nested = Transform::AppendMissing(vec![1.into(), array(&[])]);
    assert_eq!(
        nested.check(&path),
        Err(Invalid::Value(ValueError::NestedArray))
    );
}

#[test]
fn long_operands_take_no_square_time() {
    let numbers = |from: i64, to: i64| (from..to).map(Value::from).collect::<Vec<_>>();
    let mut fields = Map::new();
    let path = field("a");
    let mut apply = |transform: Transform| transform.apply(&mut fields, &path, TIME).unwrap();
    apply(Transform::AppendMissing(numbers(0, 200_000)));
    apply(Transform::AppendMissing(numbers(100_000, 300_000)));
    apply(Transform::RemoveAll(numbers(10, 299_990)));
    match fields.get("a") {
        Some(Value::Array(left)) => assert_eq!(left.len(), 20),
        other => panic!("{other:?}"),
    }
}
