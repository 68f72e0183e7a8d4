//! Values. Source: Firestore specification, section 2.

use firekeep_model::limits::STRING_BYTES_MAX;
use firekeep_model::{
    Array, Depth, DocumentName, GeoPoint, Map, Timestamp, Value, ValueError, Vector,
};
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::google::r#type::LatLng;
use proto::value::ValueType;

use super::Fault;

/// The key of a map that says that it is more than a map.
pub(super) const TYPE_KEY: &str = "__type__";
/// What [`TYPE_KEY`] says of a vector, whose elements are under [`ELEMENTS_KEY`].
pub(super) const VECTOR_TYPE: &str = "__vector__";
pub(super) const ELEMENTS_KEY: &str = "value";

/// Fields of a document as a client sent them.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_fields(fields: impl IntoIterator<Item = (String, proto::Value)>) -> Result<Map, Fault> {
    read_map(fields, Depth::TOP)
}

/// A value as a client sent it.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_value(value: proto::Value) -> Result<Value, Fault> {
    read(value, Depth::TOP)
}

fn read(value: proto::Value, depth: Depth) -> Result<Value, Fault> {
    Ok(
        match value.value_type.ok_or(Fault::Missing("value_type"))? {
            ValueType::NullValue(_) => Value::Null,
            ValueType::BooleanValue(value) => Value::Boolean(value),
            ValueType::IntegerValue(value) => Value::Integer(value),
            ValueType::DoubleValue(value) => Value::double(value),
            ValueType::TimestampValue(value) => Value::Timestamp(read_timestamp(value)?),
            ValueType::StringValue(text) => {
                check_length(text.len())?;
                Value::String(text.into_boxed_str())
            }
            ValueType::BytesValue(bytes) => {
                check_length(bytes.len())?;
                Value::Bytes(bytes.as_ref().into())
            }
            ValueType::ReferenceValue(name) => Value::reference(DocumentName::parse(&name)?),
            ValueType::GeoPointValue(point) => {
                Value::GeoPoint(GeoPoint::new(point.latitude, point.longitude)?)
            }
            ValueType::ArrayValue(array) => {
                let inside = depth.inside()?;
                let elements = array.values.into_iter().map(|value| read(value, inside));
                Value::Array(Array::new(elements.collect::<Result<_, _>>()?)?)
            }
            ValueType::MapValue(map) => match read_vector(&map) {
                Some(vector) => Value::Vector(vector?),
                None => Value::Map(read_map(map.fields, depth.inside()?)?),
            },
            ValueType::FieldReferenceValue(_)
            | ValueType::VariableReferenceValue(_)
            | ValueType::FunctionValue(_)
            | ValueType::PipelineValue(_) => return Err(Fault::ValueType),
        },
    )
}

fn read_map(
    fields: impl IntoIterator<Item = (String, proto::Value)>,
    depth: Depth,
) -> Result<Map, Fault> {
    let entry = |(name, value): (String, proto::Value)| -> Result<_, Fault> {
        Ok((name.into_boxed_str(), read(value, depth)?))
    };
    let entries = fields.into_iter().map(entry);
    Ok(Map::from_entries(entries.collect::<Result<_, _>>()?)?)
}

/// The vector that a map of its shape is; `None` for every other map. Source: specification, section 2.4.
fn read_vector(map: &proto::MapValue) -> Option<Result<Vector, Fault>> {
    let value = |key| {
        map.fields
            .get(key)
            .and_then(|value| value.value_type.as_ref())
    };
    match (map.fields.len(), value(TYPE_KEY)?, value(ELEMENTS_KEY)?) {
        (2, ValueType::StringValue(name), ValueType::ArrayValue(array)) if name == VECTOR_TYPE => {
            let elements = array.values.iter().map(|value| match value.value_type {
                Some(ValueType::DoubleValue(value)) => Ok(value),
                // The nearest double: what is a vector has no integers.
                Some(ValueType::IntegerValue(value)) => {
                    Ok(Value::Integer(value).as_number().unwrap_or_default())
                }
                _ => Err(Fault::ValueType),
            });
            let elements: Result<Vec<f64>, Fault> = elements.collect();
            Some(elements.and_then(|elements| Ok(Vector::new(elements)?)))
        }
        _ => None,
    }
}

fn check_length(bytes: usize) -> Result<(), Fault> {
    if bytes > STRING_BYTES_MAX {
        return Err(ValueError::TooLong.into());
    }
    Ok(())
}

/// A time as a client sent it, truncated down to microseconds.
///
/// # Errors
/// [`Fault::Timestamp`].
pub fn read_timestamp(time: prost_types::Timestamp) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_parts(time.seconds, time.nanos)?)
}

/// Fields as a client reads them.
#[must_use]
pub fn write_fields<M: FromIterator<(String, proto::Value)>>(fields: &Map) -> M {
    let entry = |(name, value): (&str, &Value)| (name.to_owned(), write_value(value));
    fields.iter().map(entry).collect()
}

/// A value as a client reads it.
#[must_use]
pub fn write_value(value: &Value) -> proto::Value {
    wire(match value {
        Value::Null => ValueType::NullValue(0),
        Value::Boolean(value) => ValueType::BooleanValue(*value),
        Value::Integer(value) => ValueType::IntegerValue(*value),
        Value::Double(value) => ValueType::DoubleValue(*value),
        Value::Timestamp(value) => ValueType::TimestampValue(write_timestamp(*value)),
        Value::String(text) => ValueType::StringValue(text.as_ref().to_owned()),
        Value::Bytes(bytes) => ValueType::BytesValue(bytes.to_vec().into()),
        Value::Reference(name) => ValueType::ReferenceValue(name.to_string()),
        Value::GeoPoint(point) => ValueType::GeoPointValue(LatLng {
            latitude: point.latitude(),
            longitude: point.longitude(),
        }),
        Value::Array(elements) => ValueType::ArrayValue(proto::ArrayValue {
            values: elements.iter().map(write_value).collect(),
        }),
        Value::Vector(elements) => {
            let values = elements
                .iter()
                .map(|value| wire(ValueType::DoubleValue(*value)));
            let values = values.collect();
            let name = wire(ValueType::StringValue(VECTOR_TYPE.to_owned()));
            let elements = wire(ValueType::ArrayValue(proto::ArrayValue { values }));
            ValueType::MapValue(proto::MapValue {
                fields: [
                    (TYPE_KEY.to_owned(), name),
                    (ELEMENTS_KEY.to_owned(), elements),
                ]
                .into(),
            })
        }
        Value::Map(map) => ValueType::MapValue(proto::MapValue {
            fields: write_fields(map),
        }),
    })
}

/// A time as a client reads it.
#[must_use]
pub fn write_timestamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.secs(),
        nanos: time.subsec_nanos(),
    }
}

fn wire(value: ValueType) -> proto::Value {
    proto::Value {
        value_type: Some(value),
    }
}

#[cfg(test)]
mod tests {
    use firekeep_testkit::random::Seeded;
    use firekeep_testkit::values;

    use super::*;

    fn string(text: &str) -> proto::Value {
        wire(ValueType::StringValue(text.to_owned()))
    }

    fn map(fields: Vec<(&str, proto::Value)>) -> proto::Value {
        let fields = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        wire(ValueType::MapValue(proto::MapValue {
            fields: fields.collect(),
        }))
    }

    fn array(values: Vec<proto::Value>) -> proto::Value {
        wire(ValueType::ArrayValue(proto::ArrayValue { values }))
    }

    fn integer(value: i64) -> proto::Value {
        wire(ValueType::IntegerValue(value))
    }

    #[test]
    fn what_was_written_is_read_again() {
        let mut random = Seeded::new(7);
        for _ in 0..2_000 {
            let value = values::value(&mut random, 4);
            let read = read_value(write_value(&value)).unwrap();
            assert!(read.is_identical(&value), "{value:?} {read:?}");
        }
    }

    #[test]
    fn a_map_of_the_shape_is_a_vector() {
        let vector = |elements| {
            map(vec![
                (TYPE_KEY, string(VECTOR_TYPE)),
                (ELEMENTS_KEY, elements),
            ])
        };
        let read = read_value(vector(array(vec![
            integer(1),
            wire(ValueType::DoubleValue(2.5)),
        ])));
        assert_eq!(
            read,
            Ok(Value::Vector(Vector::new(vec![1.0, 2.5]).unwrap()))
        );
        let refused = [
            (vector(array(vec![])), Fault::Value(ValueError::VectorEmpty)),
            (vector(array(vec![string("1")])), Fault::ValueType),
        ];
        for (value, fault) in refused {
            assert_eq!(read_value(value), Err(fault));
        }
        // Any other use of the key is a reserved name.
        for value in [
            map(vec![(TYPE_KEY, string("x")), (ELEMENTS_KEY, array(vec![]))]),
            map(vec![(TYPE_KEY, string(VECTOR_TYPE))]),
            vector(string("1")),
        ] {
            assert!(matches!(
                read_value(value),
                Err(Fault::Value(ValueError::Field(_)))
            ));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = (0..21).fold(integer(1), |inner, _| map(vec![("a", inner)]));
        let rows = [
            (
                proto::Value { value_type: None },
                Fault::Missing("value_type"),
            ),
            (
                wire(ValueType::FieldReferenceValue("a".to_owned())),
                Fault::ValueType,
            ),
            (array(vec![array(vec![])]), ValueError::NestedArray.into()),
            (deep, ValueError::TooDeep.into()),
            (
                string(&"x".repeat(STRING_BYTES_MAX + 1)),
                ValueError::TooLong.into(),
            ),
            (
                wire(ValueType::GeoPointValue(LatLng {
                    latitude: 91.0,
                    longitude: 0.0,
                })),
                ValueError::Latitude(91.0).into(),
            ),
        ];
        for (value, fault) in rows {
            assert_eq!(read_value(value), Err(fault));
        }
        let time = prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert!(matches!(
            read_value(wire(ValueType::TimestampValue(time))),
            Err(Fault::Timestamp(_))
        ));
    }
}
