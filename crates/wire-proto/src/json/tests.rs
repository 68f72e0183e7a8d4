use prost::Message;
use prost_types::Any;

use super::*;
use crate::google::firestore::admin::v1 as admin;
use crate::google::firestore::v1::value::ValueType;
use crate::google::firestore::v1::{
    ArrayValue, BatchGetDocumentsResponse, CommitRequest, CommitResponse, CreateDocumentRequest,
    Document, ExecutePipelineRequest, ExecutionStats, ExplainMetrics, GetDocumentRequest,
    ListDocumentsRequest, ListenRequest, MapValue, PlanSummary, RunAggregationQueryRequest,
    RunAggregationQueryResponse, RunQueryRequest, StructuredQuery, Target, UpdateDocumentRequest,
    Value, WriteRequest, WriteResult, batch_get_documents_response, write,
};
use crate::google::longrunning::{Operation, operation};
use crate::google::r#type::LatLng;
use crate::limits::{JSON_DEPTH_MAX, JSON_ELEMENTS_MAX};

/// Reads `text`, prints it, and reads that again, from JSON and from protobuf.
#[track_caller]
fn check<M: Json + Message + Default + PartialEq>(text: &str, printed: &str) -> M {
    let message: M = decode(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(encode(&message)).unwrap(), printed);
    let again = decode::<M>(printed.as_bytes()).unwrap();
    assert_eq!(encode(&again), encode(&message));
    let again = M::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(encode(&again), encode(&message));
    message
}

#[track_caller]
fn refuse<M: Json + Default>(text: &str, error: &str) {
    match decode::<M>(text.as_bytes()) {
        Ok(message) => panic!("accepted: {}", String::from_utf8_lossy(&encode(&message))),
        Err(found) => assert_eq!(found.to_string(), error),
    }
}

fn value(value: ValueType) -> Value {
    Value {
        value_type: Some(value),
    }
}

#[test]
fn int64_is_read_from_strings_and_numbers_and_printed_as_a_string() {
    for (text, number) in [
        (r#""42""#, 42),
        ("42", 42),
        (r#""-1""#, -1),
        ("-7", -7),
        ("0", 0),
        ("-0", 0),
        ("1e3", 1000),
        ("5.0", 5),
        (r#""1e3""#, 1000),
        (r#""5.0""#, 5),
        ("9223372036854775807", i64::MAX),
        (r#""9223372036854775807""#, i64::MAX),
        (r#""-9223372036854775808""#, i64::MIN),
        ("-9223372036854775808", i64::MIN),
        (r#""9007199254740993""#, 9_007_199_254_740_993),
    ] {
        let read = check::<Value>(
            &format!(r#"{{"integerValue":{text}}}"#),
            &format!(r#"{{"integerValue":"{number}"}}"#),
        );
        assert_eq!(read, value(ValueType::IntegerValue(number)));
    }
    for (text, error) in [
        (r#""x""#, "the string is not an integer"),
        (r#""""#, "the string is not an integer"),
        (r#"" 1""#, "the string is not an integer"),
        (r#""+1""#, "the string is not an integer"),
        (r#""NaN""#, "the string is not an integer"),
        ("1.5", "the number is not a 64-bit integer"),
        ("9223372036854775808", "the number is not a 64-bit integer"),
        ("true", "found a boolean instead of an integer"),
        ("[]", "found a list instead of an integer"),
        ("{}", "found an object instead of an integer"),
    ] {
        refuse::<Value>(
            &format!(r#"{{"integerValue":{text}}}"#),
            &format!("invalid JSON at `integerValue`: {error}"),
        );
    }
}

#[test]
fn doubles_are_read_from_numbers_and_strings() {
    for (text, number, printed) in [
        ("1.5", 1.5, "1.5"),
        ("1", 1.0, "1.0"),
        ("0", 0.0, "0.0"),
        ("-0.0", -0.0, "-0.0"),
        ("-0", -0.0, "-0.0"),
        (r#""-0""#, -0.0, "-0.0"),
        (r#""-0.0""#, -0.0, "-0.0"),
        (r#""Infinity""#, f64::INFINITY, r#""Infinity""#),
        (r#""-Infinity""#, f64::NEG_INFINITY, r#""-Infinity""#),
        (r#""1.5e3""#, 1500.0, "1500.0"),
        (r#""7""#, 7.0, "7.0"),
        (
            "18446744073709551615",
            18_446_744_073_709_551_615.0,
            "1.8446744073709552e+19",
        ),
        (
            "1.7976931348623157e308",
            f64::MAX,
            "1.7976931348623157e+308",
        ),
        ("5e-324", 5e-324, "5e-324"),
    ] {
        let read = check::<Value>(
            &format!(r#"{{"doubleValue":{text}}}"#),
            &format!(r#"{{"doubleValue":{printed}}}"#),
        );
        let Some(ValueType::DoubleValue(found)) = read.value_type else {
            panic!("{text}");
        };
        assert_eq!(found.to_bits(), number.to_bits(), "{text}");
    }
    let nan: Value = decode(br#"{"doubleValue":"NaN"}"#).unwrap();
    assert!(matches!(nan.value_type, Some(ValueType::DoubleValue(number)) if number.is_nan()));
    assert_eq!(encode(&nan), br#"{"doubleValue":"NaN"}"#);
    for text in [
        "inf", "nan", "infinity", "+1", "1e999", "", "0x1", ".5", "--1", "1 ",
    ] {
        refuse::<Value>(
            &format!(r#"{{"doubleValue":"{text}"}}"#),
            "invalid JSON at `doubleValue`: the string is not a number",
        );
    }
}

#[test]
fn bytes_are_base64_of_either_alphabet() {
    for (text, bytes, printed) in [
        ("", &b""[..], ""),
        ("+/8=", b"\xfb\xff", "+/8="),
        ("-_8=", b"\xfb\xff", "+/8="),
        ("-_8", b"\xfb\xff", "+/8="),
        ("+/8", b"\xfb\xff", "+/8="),
        ("YQ==", b"a", "YQ=="),
        ("YQ", b"a", "YQ=="),
        ("YQ=", b"a", "YQ=="),
        ("YR", b"a", "YQ=="),
        ("YWJj", b"abc", "YWJj"),
    ] {
        let read = check::<Value>(
            &format!(r#"{{"bytesValue":"{text}"}}"#),
            &format!(r#"{{"bytesValue":"{printed}"}}"#),
        );
        assert_eq!(
            read,
            value(ValueType::BytesValue(Bytes::from_static(bytes)))
        );
    }
    for text in ["a", "Y Q", "=", "é", "+_8="] {
        refuse::<Value>(
            &format!(r#"{{"bytesValue":"{text}"}}"#),
            "invalid JSON at `bytesValue`: the string is not base64",
        );
    }
}

#[test]
fn timestamps_are_printed_with_six_digits() {
    check::<Value>(
        r#"{"timestampValue":"2026-01-01T02:00:00+02:00"}"#,
        r#"{"timestampValue":"2026-01-01T00:00:00.000000Z"}"#,
    );
    refuse::<Value>(
        r#"{"timestampValue":"yesterday"}"#,
        "invalid JSON at `timestampValue`: the string is not an RFC 3339 timestamp",
    );
    refuse::<Value>(
        r#"{"timestampValue":1767225600}"#,
        "invalid JSON at `timestampValue`: found a number instead of an RFC 3339 timestamp",
    );
}

#[test]
fn null_is_a_value_where_the_type_is_null_and_absence_elsewhere() {
    for text in ["null", r#""NULL_VALUE""#, "0", "0.0"] {
        let read = check::<Value>(
            &format!(r#"{{"nullValue":{text}}}"#),
            r#"{"nullValue":null}"#,
        );
        assert_eq!(read, value(ValueType::NullValue(0)));
    }
    refuse::<Value>(
        r#"{"nullValue":1}"#,
        "invalid JSON at `nullValue`: found a number instead of null",
    );
    refuse::<Value>(
        r#"{"nullValue":"null"}"#,
        "invalid JSON at `nullValue`: found a string instead of null",
    );
    check::<Document>(r#"{"name":null,"fields":null,"createTime":null}"#, "{}");
    check::<Value>(r#"{"stringValue":null}"#, "{}");
    check::<RunQueryRequest>(
        r#"{"structuredQuery":null,"transaction":""}"#,
        r#"{"transaction":""}"#,
    );
    refuse::<ArrayValue>(
        r#"{"values":[null]}"#,
        "invalid JSON at `values[0]`: found null instead of an object",
    );
    refuse::<MapValue>(
        r#"{"fields":{"a":null}}"#,
        "invalid JSON at `fields.a`: found null instead of an object",
    );
}

#[test]
fn enums_are_read_by_name_or_number_and_printed_by_name() {
    for text in [r#""DESCENDING""#, "2", "2.0"] {
        check::<StructuredQuery>(
            &format!(r#"{{"orderBy":[{{"direction":{text}}}]}}"#),
            r#"{"orderBy":[{"direction":"DESCENDING"}]}"#,
        );
    }
    // Outside of oneofs the first is left out; one without a name keeps its number.
    check::<StructuredQuery>(
        r#"{"orderBy":[{"direction":"DIRECTION_UNSPECIFIED"},{"direction":99}]}"#,
        r#"{"orderBy":[{},{"direction":99}]}"#,
    );
    check::<WriteRequest>(
        r#"{"writes":[{"updateTransforms":[{"setToServerValue":"REQUEST_TIME"},{"setToServerValue":0}]}]}"#,
        r#"{"writes":[{"updateTransforms":[{"setToServerValue":"REQUEST_TIME"},{"setToServerValue":"SERVER_VALUE_UNSPECIFIED"}]}]}"#,
    );
    refuse::<StructuredQuery>(
        r#"{"orderBy":[{"direction":"descending"}]}"#,
        "invalid JSON at `orderBy[0].direction`: the string is not a name of the enum",
    );
    refuse::<StructuredQuery>(
        r#"{"orderBy":[{"direction":4294967296}]}"#,
        "invalid JSON at `orderBy[0].direction`: the number does not fit 32 bits",
    );
}

#[test]
fn wrappers_are_bare_or_messages() {
    for text in [
        "5",
        r#""5""#,
        r#"{"value":5}"#,
        r#"{"value":"5","other":1}"#,
    ] {
        check::<StructuredQuery>(&format!(r#"{{"limit":{text}}}"#), r#"{"limit":5}"#);
    }
    check::<StructuredQuery>(r#"{"limit":0}"#, r#"{"limit":0}"#);
    check::<StructuredQuery>(r#"{"limit":{}}"#, r#"{"limit":0}"#);
    check::<StructuredQuery>(r#"{"limit":null}"#, "{}");
    check::<Target>(r#"{"expectedCount":{"value":3}}"#, r#"{"expectedCount":3}"#);
    for text in ["7", r#""7""#, r#"{"value":"7"}"#] {
        check::<RunAggregationQueryRequest>(
            &format!(
                r#"{{"structuredAggregationQuery":{{"aggregations":[{{"count":{{"upTo":{text}}}}}]}}}}"#
            ),
            r#"{"structuredAggregationQuery":{"aggregations":[{"count":{"upTo":"7"}}]}}"#,
        );
    }
    for text in ["0.5", r#""0.5""#, r#"{"value":0.5}"#] {
        check::<StructuredQuery>(
            &format!(r#"{{"findNearest":{{"distanceThreshold":{text}}}}}"#),
            r#"{"findNearest":{"distanceThreshold":0.5}}"#,
        );
    }
    refuse::<StructuredQuery>(
        r#"{"limit":{"value":true}}"#,
        "invalid JSON at `limit.value`: found a boolean instead of an integer",
    );
    refuse::<StructuredQuery>(
        r#"{"limit":2147483648}"#,
        "invalid JSON at `limit`: the number does not fit 32 bits",
    );
}

#[test]
fn members_of_oneofs_are_printed_when_empty() {
    for text in [
        r#"{"booleanValue":false}"#,
        r#"{"integerValue":"0"}"#,
        r#"{"doubleValue":0.0}"#,
        r#"{"stringValue":""}"#,
        r#"{"bytesValue":""}"#,
        r#"{"referenceValue":""}"#,
        r#"{"geoPointValue":{}}"#,
        r#"{"arrayValue":{}}"#,
        r#"{"mapValue":{}}"#,
        r#"{"timestampValue":"1970-01-01T00:00:00.000000Z"}"#,
    ] {
        check::<Value>(text, text);
    }
    check::<ListenRequest>(r#"{"removeTarget":0}"#, r#"{"removeTarget":0}"#);
    check::<CommitRequest>(
        r#"{"writes":[{"verify":"","currentDocument":{"exists":false}}]}"#,
        r#"{"writes":[{"verify":"","currentDocument":{"exists":false}}]}"#,
    );
}

#[test]
fn empty_things_outside_oneofs_are_left_out() {
    check::<ListDocumentsRequest>(
        r#"{"parent":"","pageSize":0,"showMissing":false,"pageToken":""}"#,
        "{}",
    );
    check::<Document>(r#"{"name":"","fields":{}}"#, "{}");
    check::<CommitRequest>(r#"{"writes":[],"transaction":""}"#, "{}");
    // A message that is present is something, also when it is empty: an empty mask selects nothing.
    check::<GetDocumentRequest>(r#"{"mask":{"fieldPaths":[]}}"#, r#"{"mask":{}}"#);
    check::<UpdateDocumentRequest>(r#"{"updateMask":{}}"#, r#"{"updateMask":{}}"#);
    check::<RunQueryRequest>(r#"{"newTransaction":{}}"#, r#"{"newTransaction":{}}"#);
    // proto3's `optional`.
    check::<admin::Database>(r#"{"freeTier":false}"#, r#"{"freeTier":false}"#);
    // A zero of either sign is empty in protobuf; JSON keeps the sign.
    let point: LatLng = decode(br#"{"latitude":-0.0,"longitude":0}"#).unwrap();
    assert_eq!(encode(&point), br#"{"latitude":-0.0}"#);
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    refuse::<Value>(
        r#"{"stringValue":"a","integerValue":"1"}"#,
        "invalid JSON at `integerValue`: another member of the oneof `value_type` is set",
    );
    refuse::<Value>(
        r#"{"stringValue":"a","nullValue":null}"#,
        "invalid JSON at `nullValue`: another member of the oneof `value_type` is set",
    );
    refuse::<CommitRequest>(
        r#"{"writes":[{},{"delete":"a","verify":"b"}]}"#,
        "invalid JSON at `writes[1].verify`: another member of the oneof `operation` is set",
    );
    check::<Value>(
        r#"{"stringValue":"a","integerValue":null}"#,
        r#"{"stringValue":"a"}"#,
    );
}

#[test]
fn the_same_field_or_key_twice_is_refused() {
    refuse::<Value>(
        r#"{"stringValue":"a","stringValue":"b"}"#,
        "invalid JSON at `stringValue`: the field is set twice",
    );
    refuse::<Document>(
        r#"{"createTime":null,"create_time":null}"#,
        "invalid JSON at `createTime`: the field is set twice",
    );
    refuse::<Document>(
        r#"{"fields":{"a b":{},"a b":{}}}"#,
        r#"invalid JSON at `fields["a b"]`: the key is there twice"#,
    );
}

#[test]
fn names_are_read_in_both_spellings_and_unknown_ones_skipped() {
    check::<CommitRequest>(
        r#"{"writes":[{"update":{"name":"n","fields":{"snake_case":{"string_value":"s"}},"update_time":"2026-01-01T00:00:00Z"},
            "update_mask":{"field_paths":["a"]},"current_document":{"exists":true},"new":{"deep":[1,{"x":null}]}}],
            "":0,"Writes":1}"#,
        r#"{"writes":[{"update":{"name":"n","fields":{"snake_case":{"stringValue":"s"}},"updateTime":"2026-01-01T00:00:00.000000Z"},"updateMask":{"fieldPaths":["a"]},"currentDocument":{"exists":true}}]}"#,
    );
}

#[test]
fn errors_name_the_place() {
    refuse::<CommitRequest>(
        r#"{"writes":[{"update":{"fields":{"a b":{"mapValue":{"fields":{"c":{"arrayValue":{"values":[{},{"integerValue":"x"}]}}}}}}}}]}"#,
        r#"invalid JSON at `writes[0].update.fields["a b"].mapValue.fields.c.arrayValue.values[1].integerValue`: the string is not an integer"#,
    );
    let long = "é".repeat(1000);
    refuse::<MapValue>(
        &format!(r#"{{"fields":{{"{long}":1}}}}"#),
        &format!(
            r#"invalid JSON at `fields["{}"]`: found a number instead of an object"#,
            "é".repeat(32)
        ),
    );
    refuse::<Document>(
        r#"{"name":1}"#,
        "invalid JSON at `name`: found a number instead of a string",
    );
    refuse::<Document>(
        r#"{"fields":[]}"#,
        "invalid JSON at `fields`: found a list instead of an object",
    );
    refuse::<CommitRequest>(
        r#"{"writes":{}}"#,
        "invalid JSON at `writes`: found an object instead of a list",
    );
    refuse::<Value>(
        r#"{"booleanValue":"true"}"#,
        "invalid JSON at `booleanValue`: found a string instead of a boolean",
    );
    for (text, found) in [
        ("[]", "a list"),
        ("null", "null"),
        ("3", "a number"),
        (r#""""#, "a string"),
    ] {
        refuse::<Document>(
            text,
            &format!("invalid JSON: found {found} instead of an object"),
        );
    }
}

#[test]
fn text_that_is_no_json_is_refused_with_its_position() {
    refuse::<Document>(
        "",
        "invalid JSON: EOF while parsing a value at line 1 column 0",
    );
    refuse::<Document>(
        "{} x",
        "invalid JSON: trailing characters at line 1 column 4",
    );
    refuse::<Document>(
        r#"{"fields":{"a":{"stringValue":"\ud800"}}}"#,
        "invalid JSON at `fields.a.stringValue`: unexpected end of hex escape at line 1 column 38",
    );
    refuse::<Document>(
        r#"{"name":"a""#,
        "invalid JSON: EOF while parsing an object at line 1 column 11",
    );
    assert!(decode::<Document>(b"{\"name\":\"\xff\"}").is_err());
    assert!(decode::<Value>(br#"{"doubleValue":1e999}"#).is_err());
    assert!(decode::<Value>(br#"{"doubleValue":NaN}"#).is_err());
}

#[test]
fn nesting_is_bounded_and_twenty_maps_fit() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold(String::from(r#"{"nullValue":null}"#), |inner, _| {
            format!(r#"{{"mapValue":{{"fields":{{"a":{inner}}}}}}}"#)
        });
        format!(r#"{{"writes":[{{"update":{{"fields":{{"a":{inner}}}}}}}]}}"#)
    };
    assert!(decode::<CommitRequest>(nested(25).as_bytes()).is_ok());
    let error = decode::<CommitRequest>(nested(40).as_bytes()).unwrap_err();
    assert_eq!(
        error.message,
        format!("nested deeper than {JSON_DEPTH_MAX} levels")
    );
    assert!(error.path.starts_with("writes[0].update.fields.a.mapValue"));
    // Neither lists nor unknown fields reach further.
    for open in [
        "[",
        r#"{"a":"#,
        r#"{"fields":{"a":{"mapValue":"#,
        r#"{"unknown":["#,
    ] {
        let text = open.repeat(100_000);
        assert!(decode::<Document>(text.as_bytes()).is_err());
        assert!(decode::<MapValue>(text.as_bytes()).is_err());
    }
}

#[test]
fn the_number_of_elements_is_bounded() {
    let text = |count: usize| format!(r#"{{"values":[{}]}}"#, vec!["{}"; count].join(","));
    assert!(decode::<ArrayValue>(text(JSON_ELEMENTS_MAX).as_bytes()).is_ok());
    let error = decode::<ArrayValue>(text(JSON_ELEMENTS_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(
        error.message,
        format!("more than {JSON_ELEMENTS_MAX} elements")
    );
}

#[test]
fn strings_and_keys_are_escaped() {
    check::<Document>(
        "{\"fields\":{\"\\u0000\\\"\\\\é\":{\"stringValue\":\"\\ud83d\\ude00\\n\\u2028</script>\"}}}",
        "{\"fields\":{\"\\u0000\\\"\\\\é\":{\"stringValue\":\"😀\\n\u{2028}</script>\"}}}",
    );
}

/// Specification, section 8.5.
#[test]
fn captured_commit_is_read() {
    let request = check::<CommitRequest>(
        r#"{"writes":[{"update":{"name":".../c/q","fields":{"a":{"integerValue":"1"}}},
            "updateTransforms":[{"fieldPath":"i","increment":{"integerValue":"2"}},
                                {"fieldPath":"u","appendMissingElements":{"values":[{"stringValue":"z"}]}}]},
           {"verify":".../c/a","currentDocument":{"updateTime":"2026-01-01T00:00:00.000002000Z"}},
           {"verify":".../c/none","currentDocument":{"exists":false}}]}"#,
        concat!(
            r#"{"writes":[{"update":{"name":".../c/q","fields":{"a":{"integerValue":"1"}}},"#,
            r#""updateTransforms":[{"fieldPath":"i","increment":{"integerValue":"2"}},"#,
            r#"{"fieldPath":"u","appendMissingElements":{"values":[{"stringValue":"z"}]}}]},"#,
            r#"{"verify":".../c/a","currentDocument":{"updateTime":"2026-01-01T00:00:00.000002Z"}},"#,
            r#"{"verify":".../c/none","currentDocument":{"exists":false}}]}"#
        ),
    );
    let [first, second, third] = request.writes.as_slice() else {
        panic!("three writes");
    };
    assert!(
        matches!(&first.operation, Some(write::Operation::Update(document)) if document.fields.len() == 1)
    );
    assert_eq!(first.update_mask, None);
    assert_eq!(
        second.operation,
        Some(write::Operation::Verify(".../c/a".into()))
    );
    assert!(third.current_document.is_some());
    // `verify` is field 5: tag 0x2a.
    assert_eq!(second.encode_to_vec().first(), Some(&0x2a));
}

/// Specification, section 8.5.
#[test]
fn captured_commit_reply_is_printed() {
    let time = time::parse_timestamp("2026-01-01T00:00:00.000002Z");
    let response = CommitResponse {
        write_results: vec![
            WriteResult {
                update_time: time,
                transform_results: vec![
                    value(ValueType::IntegerValue(2)),
                    value(ValueType::NullValue(0)),
                ],
            },
            WriteResult::default(),
            WriteResult::default(),
        ],
        commit_time: time,
    };
    assert_eq!(
        String::from_utf8(encode(&response)).unwrap(),
        concat!(
            r#"{"writeResults":[{"updateTime":"2026-01-01T00:00:00.000002Z","#,
            r#""transformResults":[{"integerValue":"2"},{"nullValue":null}]},{},{}],"#,
            r#""commitTime":"2026-01-01T00:00:00.000002Z"}"#
        )
    );
}

/// Specification, section 8.5.
#[test]
fn captured_batch_get_reply_is_printed() {
    let text = concat!(
        r#"{"found":{"name":"n","fields":{"a":{"integerValue":"1"}},"#,
        r#""createTime":"2026-01-01T00:00:00.000001Z","updateTime":"2026-01-01T00:00:00.000002Z"},"#,
        r#""readTime":"2026-01-01T00:00:00.000003Z"}"#
    );
    check::<BatchGetDocumentsResponse>(text, text);
    let missing = BatchGetDocumentsResponse {
        result: Some(batch_get_documents_response::Result::Missing("n".into())),
        read_time: time::parse_timestamp("2026-01-01T00:00:00Z"),
        ..Default::default()
    };
    assert_eq!(
        encode(&missing),
        br#"{"missing":"n","readTime":"2026-01-01T00:00:00.000000Z"}"#
    );
}

/// Specification, section 8.5.
#[test]
fn captured_aggregation_is_read() {
    let text = concat!(
        r#"{"structuredAggregationQuery":{"structuredQuery":{"from":[{"collectionId":"c"}],"#,
        r#""where":{"fieldFilter":{"field":{"fieldPath":"v"},"op":"EQUAL","value":{"integerValue":"1"}}}},"#,
        r#""aggregations":[{"count":{},"alias":"aggregate_0"}]}}"#
    );
    check::<RunAggregationQueryRequest>(
        r#"{"structuredAggregationQuery":{"aggregations":[{"alias":"aggregate_0","count":{}}],
            "structuredQuery":{"from":[{"collectionId":"c"}],"where":{"fieldFilter":{"field":{"fieldPath":"v"},"op":"EQUAL","value":{"integerValue":"1"}}}}}}"#,
        text,
    );
    check::<RunAggregationQueryResponse>(
        r#"{"result":{"aggregateFields":{"aggregate_0":{"integerValue":"2"}}},"readTime":"2026-01-01T00:00:00Z"}"#,
        r#"{"result":{"aggregateFields":{"aggregate_0":{"integerValue":"2"}}},"readTime":"2026-01-01T00:00:00.000000Z"}"#,
    );
}

#[test]
fn a_pipeline_decodes() {
    let text = concat!(
        r#"{"database":"d","structuredPipeline":{"pipeline":{"stages":[{"name":"collection","#,
        r#""args":[{"referenceValue":"/c"}]},{"name":"where","args":[{"functionValue":{"name":"eq","#,
        r#""args":[{"fieldReferenceValue":"a"},{"variableReferenceValue":"v"},{"pipelineValue":{}}]}}]}]}}}"#
    );
    check::<ExecutePipelineRequest>(text, text);
}

#[test]
fn explain_carries_plain_json() {
    let text = concat!(
        r#"{"planSummary":{"indexesUsed":[{"n":null,"properties":"(a ASC)","xs":[1.0,true,{"y":"z"}]}]},"#,
        r#""executionStats":{"resultsReturned":"5","executionDuration":"0.001500s","readOperations":"6","#,
        r#""debugStats":{}}}"#
    );
    let metrics = check::<ExplainMetrics>(text, text);
    assert!(matches!(
        metrics,
        ExplainMetrics {
            plan_summary: Some(PlanSummary { .. }),
            execution_stats: Some(ExecutionStats {
                results_returned: 5,
                ..
            })
        }
    ));
}

#[test]
fn operations_carry_messages_with_their_type() {
    let text = concat!(
        r#"{"name":"o","metadata":{"@type":"type.googleapis.com/google.firestore.admin.v1.IndexOperationMetadata","#,
        r#""index":"i","state":"SUCCESSFUL"},"done":true,"#,
        r#""response":{"@type":"type.googleapis.com/google.firestore.admin.v1.Index","state":"READY"}}"#
    );
    check::<Operation>(text, text);
    let unknown = Operation {
        result: Some(operation::Result::Response(Any {
            type_url: "type.googleapis.com/a.B".into(),
            value: vec![1, 2],
        })),
        ..Default::default()
    };
    assert_eq!(
        encode(&unknown),
        br#"{"response":{"@type":"type.googleapis.com/a.B","value":"AQI="}}"#
    );
    refuse::<Operation>(
        r#"{"metadata":{"@type":"a/a.B"}}"#,
        "invalid JSON at `metadata`: unknown type",
    );
    refuse::<Operation>(
        r#"{"metadata":{}}"#,
        "invalid JSON at `metadata`: `@type` is missing",
    );
    refuse::<Operation>(
        r#"{"metadata":{"state":true,"@type":"t/google.firestore.admin.v1.Index"}}"#,
        "invalid JSON at `metadata.state`: found a boolean instead of a name of the enum",
    );
}

#[test]
fn field_masks_are_one_string() {
    let mask = check::<admin::UpdateFieldRequest>(
        r#"{"updateMask":"indexConfig,ttlConfig.state"}"#,
        r#"{"updateMask":"indexConfig,ttlConfig.state"}"#,
    );
    assert_eq!(
        mask.update_mask.unwrap().paths,
        ["index_config", "ttl_config.state"]
    );
}

#[test]
fn parameters_of_a_url_set_fields() {
    #[track_caller]
    fn check<M: Json + Default>(parameters: &[(&str, &str)], printed: &str) {
        let mut message = M::default();
        for (name, text) in parameters {
            assert_eq!(set_parameter(&mut message, name, text), Ok(true), "{name}");
        }
        assert_eq!(String::from_utf8(encode(&message)).unwrap(), printed);
    }
    check::<GetDocumentRequest>(
        &[
            ("mask.fieldPaths", "a"),
            ("mask.field_paths", "b.c"),
            ("readTime", "2026-01-01T00:00:00Z"),
        ],
        r#"{"mask":{"fieldPaths":["a","b.c"]},"readTime":"2026-01-01T00:00:00.000000Z"}"#,
    );
    check::<GetDocumentRequest>(&[("mask.fieldPaths", "")], r#"{"mask":{}}"#);
    check::<ListDocumentsRequest>(
        &[
            ("pageSize", "10"),
            ("showMissing", "true"),
            ("transaction", "-_8"),
            ("orderBy", "a desc"),
        ],
        r#"{"pageSize":10,"orderBy":"a desc","transaction":"+/8=","showMissing":true}"#,
    );
    check::<UpdateDocumentRequest>(
        &[
            ("currentDocument.exists", "false"),
            ("updateMask.fieldPaths", "a"),
        ],
        r#"{"updateMask":{"fieldPaths":["a"]},"currentDocument":{"exists":false}}"#,
    );
    check::<CreateDocumentRequest>(&[("documentId", "null")], r#"{"documentId":"null"}"#);
    check::<admin::UpdateFieldRequest>(
        &[("updateMask", "ttlConfig")],
        r#"{"updateMask":"ttlConfig"}"#,
    );

    let mut request = GetDocumentRequest::default();
    for name in ["alt", "key", "$alt", "", "mask_other"] {
        assert_eq!(set_parameter(&mut request, name, "x"), Ok(false), "{name}");
    }
    for name in ["mask", "mask.other", "name.x", "mask.fieldPaths.x"] {
        let error = set_parameter(&mut GetDocumentRequest::default(), name, "x").unwrap_err();
        assert_eq!(error.message, "no such parameter", "{name}");
    }
    let error = set_parameter(&mut request, "readTime", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid JSON at `readTime`: the string is not an RFC 3339 timestamp"
    );
    let error = set_parameter(&mut request, "transaction", "YQ").unwrap_err();
    assert_eq!(
        error.message,
        "another member of the oneof `consistency_selector` is set"
    );
    let error =
        set_parameter(&mut ListDocumentsRequest::default(), "showMissing", "yes").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid JSON at `showMissing`: the string is not a boolean"
    );
}

/// Documents are made of values; a rare member must not make all of them large.
#[test]
fn a_value_is_small() {
    assert_eq!(size_of::<Value>(), 40);
    assert!(size_of::<LatLng>() == 16 && size_of::<crate::google::firestore::v1::Write>() <= 200);
}

#[test]
fn the_descriptors_name_every_service() {
    let set = prost_types::FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = set
        .file
        .iter()
        .flat_map(|file| &file.service)
        .map(|service| service.name())
        .collect();
    assert_eq!(services, ["Operations", "FirestoreAdmin", "Firestore"]);
    assert!(set.file.iter().all(|file| file.source_code_info.is_none()));
}
