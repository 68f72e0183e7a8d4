use firekeep_model::Timestamp;
use firekeep_wire_proto::json;

use super::*;

/// The names of documents in rows are shortened to `~/c/a`.
const ROOT: &str = "projects/p/databases/(default)/documents";

fn read(text: &str) -> Result<Write, String> {
    let database = DatabaseName::parse("projects/p/databases/(default)").unwrap();
    let text = text.replace('~', ROOT);
    let sent: proto::Write = json::decode(text.as_bytes()).expect(&text);
    read_write(&database, sent).map_err(|fault| fault.to_string())
}

/// What a write is read as: `path operation transforms precondition`, as far as it is not empty.
#[track_caller]
fn check(text: &str, expected: &str) {
    let write = read(text).expect(text);
    let mut found = format!("{} ", write.path);
    found += &match &write.operation {
        Operation::Update { fields, mask: None } => format!("set {fields:?}"),
        Operation::Update {
            fields,
            mask: Some(mask),
        } => {
            let paths = mask.paths().iter().map(ToString::to_string);
            format!(
                "patch {fields:?} [{}]",
                paths.collect::<Vec<_>>().join(", ")
            )
        }
        Operation::Delete => "delete".to_owned(),
        Operation::Verify => "verify".to_owned(),
    };
    for (field, transform) in &write.transforms {
        found += &format!(" {field}: {transform:?}");
    }
    if write.precondition != Precondition::None {
        found += &format!(" if {:?}", write.precondition);
    }
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn refused(text: &str, fault: &str) {
    assert_eq!(read(text), Err(fault.to_owned()), "{text}");
}

#[test]
fn operations() {
    check(
        r#"{"update":{"name":"~/c/a","fields":{"n":{"integerValue":"1"}},"updateTime":"2020-01-01T00:00:00Z"}}"#,
        r#"c/a set {"n": Integer(1)}"#,
    );
    check(r#"{"delete":"~/c/a"}"#, "c/a delete");
    check(
        r#"{"verify":"~/c/a","currentDocument":{"exists":false}}"#,
        "c/a verify if Exists(false)",
    );
    refused("{}", "`operation` is missing");
    refused(
        r#"{"delete":"~/c"}"#,
        "the resource name has no valid path: the path names a collection, not a document",
    );
    refused(
        r#"{"delete":"projects/q/databases/(default)/documents/c/a"}"#,
        "the resource name is of another database than the request",
    );
    refused(r#"{"update":{}}"#, "the resource name lacks `projects/`");
    refused(
        r#"{"update":{"name":"~/c/a","fields":{"n":{}}}}"#,
        "`value_type` is missing",
    );
}

#[test]
fn an_empty_mask_is_a_mask() {
    let masked = |mask: &str| format!(r#"{{"update":{{"name":"~/c/a"}}{mask}}}"#);
    check(&masked(""), "c/a set {}");
    check(&masked(r#","updateMask":{}"#), "c/a patch {} []");
    check(
        &masked(r#","updateMask":{"fieldPaths":["a.b","c"]}"#),
        "c/a patch {} [a.b, c]",
    );
    refused(
        &masked(r#","updateMask":{"fieldPaths":["__name__"]}"#),
        "the field name `__name__` is reserved",
    );
    for operation in [
        r#""delete":"~/c/a""#,
        r#""verify":"~/c/a""#,
        r#""transform":{"document":"~/c/a"}"#,
    ] {
        refused(
            &format!(r#"{{{operation},"updateMask":{{}}}}"#),
            "`update_mask` is allowed in updates only",
        );
        refused(
            &format!(r#"{{{operation},"updateTransforms":[{{}}]}}"#),
            "`update_transforms` is allowed in updates only",
        );
    }
}

#[test]
fn preconditions() {
    let with = |condition: &str| format!(r#"{{"delete":"~/c/a","currentDocument":{condition}}}"#);
    check(&with("{}"), "c/a delete");
    check(&with(r#"{"exists":true}"#), "c/a delete if Exists(true)");
    let time = Timestamp::from_micros(1_000_002);
    check(
        &with(r#"{"updateTime":"1970-01-01T00:00:01.000002000Z"}"#),
        &format!("c/a delete if UpdateTime({time:?})"),
    );
    let database = DatabaseName::parse("projects/p/databases/(default)").unwrap();
    let update_time = prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    };
    let condition = proto::Precondition {
        condition_type: Some(ConditionType::UpdateTime(update_time)),
    };
    let write = proto::Write {
        operation: Some(proto::write::Operation::Delete(format!("{ROOT}/c/a"))),
        current_document: Some(condition),
        ..proto::Write::default()
    };
    assert!(matches!(
        read_write(&database, write),
        Err(Fault::Timestamp(_))
    ));
}

#[test]
fn transforms() {
    let one = r#"{"integerValue":"1"}"#;
    let update = |transform: &str| {
        format!(
            r#"{{"update":{{"name":"~/c/a"}},"updateTransforms":[{{"fieldPath":"n",{transform}}}]}}"#
        )
    };
    let legacy = |transform: &str| {
        format!(
            r#"{{"transform":{{"document":"~/c/a","fieldTransforms":[{{"fieldPath":"n",{transform}}}]}}}}"#
        )
    };
    for (transform, meaning) in [
        (
            r#""setToServerValue":"REQUEST_TIME""#.to_owned(),
            "ServerTime",
        ),
        (format!(r#""increment":{one}"#), "Increment(Integer(1))"),
        (format!(r#""maximum":{one}"#), "Maximum(Integer(1))"),
        (format!(r#""minimum":{one}"#), "Minimum(Integer(1))"),
        (
            format!(r#""appendMissingElements":{{"values":[{one}]}}"#),
            "AppendMissing([Integer(1)])",
        ),
        (r#""removeAllFromArray":{}"#.to_owned(), "RemoveAll([])"),
    ] {
        check(&update(&transform), &format!("c/a set {{}} n: {meaning}"));
        check(
            &legacy(&transform),
            &format!("c/a patch {{}} [] n: {meaning}"),
        );
    }
    for (transform, fault) in [
        (
            r#""setToServerValue":0"#,
            "`set_to_server_value` has no known value",
        ),
        (
            r#""setToServerValue":7"#,
            "`set_to_server_value` has no known value",
        ),
        (r#""increment":{}"#, "`value_type` is missing"),
        (
            r#""appendMissingElements":{"values":[{"pipelineValue":{}}]}"#,
            "a value is of a type that documents and queries cannot hold",
        ),
        (r#""fieldPath":"n""#, "`transform_type` is missing"),
    ] {
        let text = format!(
            r#"{{"update":{{"name":"~/c/a"}},"updateTransforms":[{{"fieldPath":"n",{transform}}}]}}"#
        );
        refused(
            &text.replace(r#""fieldPath":"n","fieldPath":"n""#, r#""fieldPath":"n""#),
            fault,
        );
    }
    refused(
        r#"{"update":{"name":"~/c/a"},"updateTransforms":[{"setToServerValue":"REQUEST_TIME"}]}"#,
        "a field name is empty",
    );
    refused(
        r#"{"transform":{"document":"~/c/a"}}"#,
        "`field_transforms` is missing",
    );
}

#[test]
fn results_have_a_value_for_each_transform() {
    let written = Written {
        update_time: Some(Timestamp::from_micros(1_000_002)),
        transform_results: vec![2.into(), firekeep_model::Value::Null],
    };
    for (written, text) in [
        (
            written,
            r#"{"updateTime":"1970-01-01T00:00:01.000002Z","transformResults":[{"integerValue":"2"},{"nullValue":null}]}"#,
        ),
        (Written::default(), "{}"),
    ] {
        let result = json::encode(&write_result(&written));
        assert_eq!(String::from_utf8(result).unwrap(), text);
    }
}
