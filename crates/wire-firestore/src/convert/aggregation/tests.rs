use firekeep_wire_proto::json;

use super::*;

/// The aggregations of a query over everything.
fn read(aggregations: &str) -> Result<Vec<Aggregation>, String> {
    let text = format!(r#"{{"structuredQuery":{{}},"aggregations":[{aggregations}]}}"#);
    let sent: proto::StructuredAggregationQuery = json::decode(text.as_bytes()).expect(&text);
    let read = read_aggregation_query(None, sent).map_err(|fault| fault.to_string())?;
    Ok(read.aggregations)
}

#[track_caller]
fn check(text: &str, alias: Option<&str>, operator: Operator) {
    let alias = alias.map(Into::into);
    assert_eq!(
        read(text),
        Ok(vec![Aggregation { alias, operator }]),
        "{text}"
    );
}

#[test]
fn operators() {
    let field = || FieldPath::parse("a.b").unwrap();
    check(r#"{"count":{}}"#, None, Operator::Count { up_to: None });
    check(
        r#"{"count":{"upTo":"7"},"alias":"n"}"#,
        Some("n"),
        Operator::Count { up_to: Some(7) },
    );
    check(
        r#"{"count":{"upTo":"0"}}"#,
        None,
        Operator::Count { up_to: None },
    );
    check(
        r#"{"sum":{"field":{"fieldPath":"a.b"}}}"#,
        None,
        Operator::Sum(field()),
    );
    check(
        r#"{"avg":{"field":{"fieldPath":"a.b"}}}"#,
        None,
        Operator::Average(field()),
    );
    for (text, fault) in [
        ("{}", "Operator field in Aggregation is not set."),
        (r#"{"sum":{}}"#, "`field` is missing"),
        (
            r#"{"sum":{"field":{"fieldPath":""}}}"#,
            "a field name is empty",
        ),
        (
            r#"{"avg":{"field":{"fieldPath":"__name__"}}}"#,
            "Aggregations are not supported for the property: __key__",
        ),
        (
            r#"{"count":{"upTo":"-1"}}"#,
            "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
        ),
    ] {
        assert_eq!(read(text), Err(fault.to_owned()), "{text}");
    }
}

#[test]
fn a_query_is_needed_and_must_be_one() {
    for (text, fault) in [
        ("{}", "`structured_query` is missing"),
        (r#"{"structuredQuery":{"limit":-1}}"#, "limit is negative"),
    ] {
        let sent = json::decode(text.as_bytes()).unwrap();
        let fault = Err(fault.to_owned());
        assert_eq!(
            read_aggregation_query(None, sent).map_err(|fault| fault.to_string()),
            fault
        );
    }
}

#[test]
fn numbers_have_their_names() {
    let fields = [("n".into(), 7.into()), ("m".into(), Value::Null)];
    let text = json::encode(&write_aggregates(&fields));
    assert_eq!(
        String::from_utf8(text).unwrap(),
        r#"{"aggregateFields":{"m":{"nullValue":null},"n":{"integerValue":"7"}}}"#
    );
}
