//! What the constructors refuse, and what a value costs.

use super::*;

#[test]
fn a_value_is_three_words() {
    assert_eq!(size_of::<Value>(), 24);
}

#[test]
fn a_nan_is_canonical() {
    let Value::Double(nan) = Value::double(f64::from_bits(0xFFF8_0000_0000_0001)) else {
        unreachable!()
    };
    assert_eq!(nan.to_bits(), f64::NAN.to_bits());
    assert!(matches!(Value::double(-0.0), Value::Double(zero) if zero.is_sign_negative()));
}

fn check<T: fmt::Debug>(made: Result<T, ValueError>, expected: &str) {
    let text = made.map(drop).map_err(|error| error.to_string());
    assert_eq!(text.err().unwrap_or_default(), expected);
}

#[test]
fn geo_points_have_ranges() {
    check(GeoPoint::new(90.0, -180.0), "");
    check(GeoPoint::new(-90.0, 180.0), "");
    check(
        GeoPoint::new(90.1, 0.0),
        "the latitude `90.1` is not within -90 and 90",
    );
    check(
        GeoPoint::new(f64::NAN, 0.0),
        "the latitude `NaN` is not within -90 and 90",
    );
    check(
        GeoPoint::new(0.0, f64::INFINITY),
        "the longitude `inf` is not within -180 and 180",
    );
    check(
        GeoPoint::new(0.0, -180.5),
        "the longitude `-180.5` is not within -180 and 180",
    );
}

#[test]
fn vectors_have_1_to_2048_numbers() {
    check(Vector::new([]), "a vector cannot be empty");
    check(Vector::new([f64::NEG_INFINITY]), "");
    check(Vector::new(vec![0.5; 2_048]), "");
    check(
        Vector::new(vec![0.5; 2_049]),
        "a vector has at most 2048 dimensions",
    );
    check(Vector::new([0.0, f64::NAN]), "a vector cannot hold NaN");
}

#[test]
fn arrays_hold_no_arrays_but_maps_of_arrays() {
    let nested = "an array cannot hold an array or a vector";
    let array = Array::new(vec![Value::Null, 1.into()]).unwrap();
    check(Array::new(vec![array.clone().into()]), nested);
    check(
        Array::new(vec![Value::Vector(Vector::new([1.0]).unwrap())]),
        nested,
    );
    let map = Map::from_entries(vec![("a".into(), array.into())]).unwrap();
    check(Array::new(vec![map.into()]), "");
}

#[test]
fn depth_counts_maps_and_arrays() {
    let mut value = Value::Integer(1);
    let mut depth = Depth::TOP;
    for deep in 1..=VALUE_DEPTH_MAX {
        value = match deep % 2 {
            0 => Array::new(vec![Value::Null, value]).unwrap().into(),
            _ => Map::from_entries(vec![("a".into(), value), ("b".into(), Value::Null)])
                .unwrap()
                .into(),
        };
        assert_eq!(value.depth(), deep);
        depth = depth.inside().unwrap();
    }
    check(
        depth.inside(),
        "maps and arrays are nested more than 20 deep",
    );
}
