//! A request's body and parameters, as the message that gRPC would have brought. Source: Firestore specification,
//! sections 8.1 and 8.2.

use firekeep_wire_http::Incoming;
use firekeep_wire_proto::json::{self, Json};

use crate::Refusal;

/// Parameters of every operation of Google's APIs; what we make of some of them is said where it is done.
const SYSTEM: &[&str] = &[
    "$.xgafv",
    "$alt",
    "$callback",
    "$fields",
    "$key",
    "$prettyPrint",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
];

/// The parameter that stands for the header `Authorization`.
const ACCESS_TOKEN: &str = "access_token";

/// The message that a body is, whatever its content type says; nothing is an empty message.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn from_body<M: Json + Default>(body: &[u8]) -> Result<M, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(M::default());
    }
    json::decode(body).map_err(|error| Refusal::invalid(error.to_string()))
}

/// The message whose fields are parameters. Those that are none of it are nobody's.
///
/// # Errors
/// The parameter that cannot be.
pub(super) fn from_query<M: Json + Default>(query: &[(String, String)]) -> Result<M, Refusal> {
    let mut message = M::default();
    for (name, text) in query {
        if SYSTEM.contains(&name.as_str()) {
            continue;
        }
        set(&mut message, name, text)?;
    }
    Ok(message)
}

fn set(message: &mut dyn Json, name: &str, text: &str) -> Result<(), Refusal> {
    let done = match has_no_spaces(name) && text.contains(' ') {
        true => json::set_parameter(message, name, &text.replace(' ', "+")),
        false => json::set_parameter(message, name, text),
    };
    match done {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::invalid(format!(
            "invalid parameter `{}`: {}",
            error.path, error.message
        ))),
    }
}

/// COMPAT: base64 and the offsets of times hold plus signs, and hand-written URLs leave them as they are: a space, then.
fn has_no_spaces(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or_default();
    matches!(
        name,
        "transaction" | "readTime" | "read_time" | "updateTime" | "update_time"
    )
}

/// The bearer credential, of the header or of the parameter. API keys prove nobody, and are not looked at.
pub(super) fn bearer(request: &Incoming) -> Option<String> {
    let parameter = || request.query(ACCESS_TOKEN).map(str::to_owned);
    request.credentials().bearer.or_else(parameter)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use bytes::Bytes;
    use firekeep_wire_proto::google::firestore::v1::{
        CreateDocumentRequest, DeleteDocumentRequest, DocumentMask, GetDocumentRequest,
        ListDocumentsRequest, Precondition, UpdateDocumentRequest, get_document_request,
        list_documents_request, precondition,
    };

    use super::*;
    use crate::Code;

    /// Each pair as it is after decoding.
    #[track_caller]
    fn check<M: Json + Default + PartialEq + Debug>(query: &[(&str, &str)], expected: M) {
        let found = from_query(&owned(query));
        assert_eq!(found, Ok(expected), "{query:?}");
    }

    fn owned(query: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        query.iter().map(pair).collect()
    }

    fn mask(paths: &[&str]) -> Option<DocumentMask> {
        let field_paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Some(DocumentMask { field_paths })
    }

    fn time(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    fn current(condition: precondition::ConditionType) -> Option<Precondition> {
        let condition_type = Some(condition);
        Some(Precondition { condition_type })
    }

    #[test]
    fn parameters_are_fields() {
        use get_document_request::ConsistencySelector as Selector;
        check(&[], GetDocumentRequest::default());
        check(
            &[("mask.fieldPaths", "a"), ("mask.field_paths", "`b c`.d")],
            GetDocumentRequest {
                mask: mask(&["a", "`b c`.d"]),
                ..Default::default()
            },
        );
        for text in ["+/8=", "-_8", " /8="] {
            check(
                &[("transaction", text)],
                GetDocumentRequest {
                    consistency_selector: Some(Selector::Transaction(Bytes::from_static(&[
                        0xfb, 0xff,
                    ]))),
                    ..Default::default()
                },
            );
        }
        for text in [
            "2027-01-15T08:00:00.5Z",
            "2027-01-15T10:00:00.5+02:00",
            "2027-01-15T10:00:00.5 02:00",
        ] {
            check(
                &[("readTime", text)],
                GetDocumentRequest {
                    consistency_selector: Some(Selector::ReadTime(time(
                        1_800_000_000,
                        500_000_000,
                    ))),
                    ..Default::default()
                },
            );
        }
        check(
            &[
                ("pageSize", "3"),
                ("pageToken", "a b"),
                ("orderBy", "a desc, b"),
                ("showMissing", "true"),
                ("mask.fieldPaths", ""),
                ("transaction", "AA=="),
            ],
            ListDocumentsRequest {
                page_size: 3,
                page_token: "a b".to_owned(),
                order_by: "a desc, b".to_owned(),
                show_missing: true,
                mask: mask(&[]),
                consistency_selector: Some(
                    list_documents_request::ConsistencySelector::Transaction(Bytes::from_static(
                        &[0],
                    )),
                ),
                ..Default::default()
            },
        );
        check(
            &[("documentId", "a:b c")],
            CreateDocumentRequest {
                document_id: "a:b c".to_owned(),
                ..Default::default()
            },
        );
    }

    #[test]
    fn masks_and_preconditions_of_writes_are_present_or_not() {
        use precondition::ConditionType as Type;
        check(
            &[
                ("updateMask.fieldPaths", ""),
                ("mask.fieldPaths", "a"),
                ("currentDocument.exists", "false"),
            ],
            UpdateDocumentRequest {
                update_mask: mask(&[]),
                mask: mask(&["a"]),
                current_document: current(Type::Exists(false)),
                ..Default::default()
            },
        );
        check(
            &[(
                "currentDocument.updateTime",
                "1970-01-01T00:00:00.000002000Z",
            )],
            DeleteDocumentRequest {
                current_document: current(Type::UpdateTime(time(0, 2000))),
                ..Default::default()
            },
        );
    }

    #[test]
    fn what_is_nobodys_is_ignored() {
        let mut query: Vec<_> = SYSTEM.iter().map(|name| (*name, "x")).collect();
        query.extend([("unknown", "x"), ("", ""), ("$httpHeaders", "x")]);
        check(&query, GetDocumentRequest::default());
        check(&query, UpdateDocumentRequest::default());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for query in [
            [("mask", "a")].as_slice(),
            &[("mask.fields", "a")],
            &[("transaction", "*")],
            &[("readTime", "yesterday")],
            &[
                ("transaction", "AA=="),
                ("readTime", "2027-01-15T08:00:00Z"),
            ],
        ] {
            let refusal = from_query::<GetDocumentRequest>(&owned(query)).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidArgument);
            let name = query.last().unwrap().0;
            assert!(
                refusal
                    .message
                    .starts_with(&format!("invalid parameter `{name}`: "))
            );
        }
    }

    #[test]
    fn no_body_is_an_empty_message() {
        for body in ["", " \r\n", "{}"] {
            let found = from_body::<GetDocumentRequest>(body.as_bytes());
            assert_eq!(found, Ok(GetDocumentRequest::default()));
        }
        for body in ["[]", "{", "null", r#"{"name":1}"#] {
            let refusal = from_body::<GetDocumentRequest>(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidArgument, "{body}");
        }
    }
}
