use firekeep_wire_proto::json;

use firekeep_model::PathError;

use super::*;

/// Reads a query from JSON, and prints what was read as JSON; or gives the fault.
fn round(text: &str) -> Result<String, String> {
    let sent: proto::StructuredQuery = json::decode(text.as_bytes()).expect(text);
    let read = read_query(None, sent).map_err(|fault| fault.to_string())?;
    Ok(String::from_utf8(json::encode(&write_query(&read))).unwrap())
}

/// A query means itself.
#[track_caller]
fn same(text: &str) {
    means(text, text);
}

#[track_caller]
fn means(text: &str, meaning: &str) {
    let meaning: proto::StructuredQuery = json::decode(meaning.as_bytes()).expect(meaning);
    let meaning = String::from_utf8(json::encode(&meaning)).unwrap();
    assert_eq!(round(text), Ok(meaning), "{text}");
}

#[track_caller]
fn refused(text: &str, fault: &str) {
    assert_eq!(round(text), Err(fault.to_owned()), "{text}");
}

const FROM: &str = r#""from":[{"collectionId":"c"}]"#;

fn with(rest: &str) -> String {
    format!("{{{FROM},{rest}}}")
}

#[test]
fn from_names_at_most_one_collection() {
    same(r#"{"from":[{"collectionId":"c"}]}"#);
    same(r#"{"from":[{"collectionId":"c","allDescendants":true}]}"#);
    same(r#"{"from":[{"allDescendants":true}]}"#);
    means("{}", r#"{"from":[{}]}"#);
    refused(
        r#"{"from":[{"collectionId":"a"},{"collectionId":"b"}]}"#,
        "StructuredQuery.from cannot have more than one collection selector.",
    );
    refused(
        r#"{"from":[{"collectionId":"a/b"}]}"#,
        &PathError::Slash.to_string(),
    );
}

#[test]
fn numbers_are_not_negative() {
    same(&with(r#""offset":3,"limit":7"#));
    same(&with(r#""limit":0"#));
    refused(r#"{"limit":-1}"#, "limit is negative");
    refused(r#"{"offset":-1}"#, "offset is negative");
}

#[test]
fn a_projection_without_fields_is_none() {
    same(&with(r#""select":{"fields":[{"fieldPath":"__name__"}]}"#));
    same(&with(
        r#""select":{"fields":[{"fieldPath":"a.b"},{"fieldPath":"`c d`"}]}"#,
    ));
    means(&with(r#""select":{}"#), &format!("{{{FROM}}}"));
    refused(
        r#"{"select":{"fields":[{"fieldPath":"a..b"}]}}"#,
        "a field name is empty",
    );
}

fn filter(rest: &str) -> String {
    with(&format!(r#""where":{{{rest}}}"#))
}

#[test]
fn every_operator_is_read() {
    for operator in [
        "LESS_THAN",
        "LESS_THAN_OR_EQUAL",
        "GREATER_THAN",
        "GREATER_THAN_OR_EQUAL",
        "EQUAL",
        "NOT_EQUAL",
        "ARRAY_CONTAINS",
    ] {
        same(&filter(&format!(
            r#""fieldFilter":{{"field":{{"fieldPath":"a"}},"op":"{operator}","value":{{"integerValue":"1"}}}}"#
        )));
    }
    for operator in ["IN", "NOT_IN", "ARRAY_CONTAINS_ANY"] {
        let list = |value: &str| {
            filter(&format!(
                r#""fieldFilter":{{"field":{{"fieldPath":"a"}},"op":"{operator}","value":{value}}}"#
            ))
        };
        same(&list(
            r#"{"arrayValue":{"values":[{"integerValue":"1"},{"nullValue":null}]}}"#,
        ));
        refused(
            &list(r#"{"integerValue":"1"}"#),
            &format!("'{operator}' requires an ArrayValue."),
        );
    }
    for operator in ["IS_NAN", "IS_NULL", "IS_NOT_NAN", "IS_NOT_NULL"] {
        same(&filter(&format!(
            r#""unaryFilter":{{"op":"{operator}","field":{{"fieldPath":"a"}}}}"#
        )));
    }
}

#[test]
fn filters_nest() {
    same(&filter(
        r#""compositeFilter":{"op":"OR","filters":[
            {"compositeFilter":{"op":"AND","filters":[
                {"unaryFilter":{"op":"IS_NULL","field":{"fieldPath":"a.`b c`"}}}]}},
            {"fieldFilter":{"field":{"fieldPath":"__name__"},"op":"EQUAL","value":
                {"referenceValue":"projects/p/databases/(default)/documents/c/a"}}}]}"#,
    ));
    // Whatever has no meaning here is judged below, where all rules are.
    same(&filter(r#""compositeFilter":{"op":"AND","filters":[]}"#));
}

#[test]
fn what_is_no_filter_is_refused() {
    let field = r#""field":{"fieldPath":"a"}"#;
    let one = r#""value":{"integerValue":"1"}"#;
    for (text, fault) in [
        (String::new(), "Unknown Filter type."),
        (
            r#""compositeFilter":{"filters":[]}"#.to_owned(),
            "Unsupported CompositeFilter operator.",
        ),
        (
            r#""compositeFilter":{"op":9,"filters":[]}"#.to_owned(),
            "Unsupported CompositeFilter operator.",
        ),
        (
            format!(r#""fieldFilter":{{{field},{one}}}"#),
            "Unknown FieldFilter operator.",
        ),
        (
            format!(r#""fieldFilter":{{{field},"op":77,{one}}}"#),
            "Unknown FieldFilter operator.",
        ),
        (
            format!(r#""fieldFilter":{{{field},"op":"EQUAL"}}"#),
            "`value` is missing",
        ),
        (
            format!(r#""fieldFilter":{{{field},"op":"EQUAL","value":{{}}}}"#),
            "`value_type` is missing",
        ),
        (
            format!(
                r#""fieldFilter":{{{field},"op":"EQUAL","value":{{"fieldReferenceValue":"a"}}}}"#
            ),
            "a value is of a type that documents and queries cannot hold",
        ),
        (
            format!(r#""fieldFilter":{{"op":"EQUAL",{one}}}"#),
            "`field` is missing",
        ),
        (
            format!(r#""unaryFilter":{{{field}}}"#),
            "Unknown UnaryFilter operator.",
        ),
        (
            format!(r#""unaryFilter":{{"op":1,{field}}}"#),
            "Unknown UnaryFilter operator.",
        ),
        (
            r#""unaryFilter":{"op":"IS_NULL"}"#.to_owned(),
            "Unsupported UnaryFilter operand type (non-FIELD).",
        ),
    ] {
        refused(&filter(&text), fault);
    }
}

#[test]
fn orders_and_cursors() {
    same(&with(
        r#""orderBy":[{"field":{"fieldPath":"a"},"direction":"DESCENDING"},
                      {"field":{"fieldPath":"__name__"},"direction":"ASCENDING"}],
           "startAt":{"values":[{"doubleValue":"NaN"}],"before":true},
           "endAt":{"values":[]}"#,
    ));
    means(
        &with(r#""orderBy":[{"field":{"fieldPath":"a"}}]"#),
        &with(r#""orderBy":[{"field":{"fieldPath":"a"},"direction":"ASCENDING"}]"#),
    );
    refused(r#"{"orderBy":[{}]}"#, "`field` is missing");
    refused(
        r#"{"orderBy":[{"field":{"fieldPath":"a"},"direction":7}]}"#,
        "`direction` has no known value",
    );
    refused(r#"{"startAt":{"values":[{}]}}"#, "`value_type` is missing");
}

fn nearest(rest: &str) -> String {
    with(&format!(r#""findNearest":{{{rest}}}"#))
}

const VECTOR: &str = r#""vectorField":{"fieldPath":"v"},"queryVector":{"mapValue":{"fields":{
    "__type__":{"stringValue":"__vector__"},"value":{"arrayValue":{"values":[{"doubleValue":1},{"doubleValue":2}]}}}}}"#;

#[test]
fn near_vectors() {
    for measure in ["EUCLIDEAN", "COSINE", "DOT_PRODUCT"] {
        same(&nearest(&format!(
            r#"{VECTOR},"distanceMeasure":"{measure}","limit":5"#
        )));
    }
    same(&nearest(&format!(
        r#"{VECTOR},"distanceMeasure":"COSINE","limit":5,"distanceResultField":"d.e","distanceThreshold":0.5"#
    )));
    // No limit is not positive, which is judged below.
    means(
        &nearest(&format!(r#"{VECTOR},"distanceMeasure":"COSINE""#)),
        &nearest(&format!(r#"{VECTOR},"distanceMeasure":"COSINE","limit":0"#)),
    );
    let rows = [
        (String::new(), "`vector_field` is missing"),
        (
            r#""vectorField":{"fieldPath":"v"}"#.to_owned(),
            "`query_vector` is missing",
        ),
        (
            r#""vectorField":{"fieldPath":"__name__"}"#.to_owned(),
            "the field name `__name__` is reserved",
        ),
        (
            r#""vectorField":{"fieldPath":"v"},"queryVector":{"arrayValue":{}}"#.to_owned(),
            "Query Value must be of type vector.",
        ),
        (VECTOR.to_owned(), "Unknown Distance Measure."),
        (
            format!(r#"{VECTOR},"distanceMeasure":9"#),
            "Unknown Distance Measure.",
        ),
        (
            format!(r#"{VECTOR},"distanceMeasure":"COSINE","limit":-1"#),
            "FindNearest.limit must be a positive integer of no more than 1000",
        ),
    ];
    for (text, fault) in rows {
        refused(&nearest(&text), fault);
    }
}
