//! The account server's description, OpenAPI 3.1, for API tools and FlutterFlow: made from the table of its endpoints
//! and the structs that they read and answer with.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use firekeep_api::Core;
use firekeep_wire_http::json;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::account::bodies::ErrorResponse;
use crate::account::endpoints::{ENDPOINTS, Endpoint, Operation, PREFIX, RequestBody, SchemaOf};
use crate::error::Code;

/// Where the document keeps the schemas.
const SCHEMAS: &str = "/components/schemas";

/// Answers with the document.
pub(crate) fn handle(core: &Arc<Core>) -> Response {
    json(StatusCode::OK, &document(core.base_url()))
}

fn document(base_url: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for endpoint in &ENDPOINTS {
        let path = paths
            .entry(format!("/{PREFIX}{}", endpoint.path))
            .or_default();
        let method = endpoint.method.as_str().to_ascii_lowercase();
        path.insert(method, operation(endpoint, &mut schemas));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Firekeep account server",
            "version": "1",
            "description": "Accounts whose logins are answered with a Firebase custom token.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": base_url }],
        "paths": paths,
        "components": {
            "securitySchemes": { "idToken": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The ID token that a Firebase SDK gives for the signed-in user.",
            } },
            "schemas": schemas.all,
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let security = match endpoint.operation {
        Operation::Open(_) => json!([]),
        Operation::User(_) => json!([{ "idToken": [] }]),
    };
    let mut operation = json!({
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "security": security,
        "responses": responses(endpoint, schemas),
    });
    let (schema, required) = match endpoint.request {
        RequestBody::None => return operation,
        RequestBody::Optional(schema) => (schema, false),
        RequestBody::Required(schema) => (schema, true),
    };
    let content = schemas.content_of_request(schema);
    if let Value::Object(members) = &mut operation {
        let body = json!({ "required": required, "content": content });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

fn responses(endpoint: &Endpoint, schemas: &mut Schemas) -> Map<String, Value> {
    let mut success = Map::from_iter([("description".to_owned(), "Done.".into())]);
    if let Some(schema) = endpoint.response {
        success.insert("content".to_owned(), schemas.content_of_response(schema));
    }
    let mut responses =
        Map::from_iter([(endpoint.success.as_str().to_owned(), Value::Object(success))]);
    let mut refusals: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in endpoint.refusals {
        refusals.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in refusals {
        responses.insert(status.as_str().to_owned(), refusal(&codes, schemas));
    }
    responses
}

fn refusal(codes: &[Code], schemas: &mut Schemas) -> Value {
    let name = |code: &Code| json!(code).as_str().unwrap_or_default().to_owned();
    let describe = |code: &Code| format!("`{}`: {}.", name(code), code.meaning());
    let lines: Vec<String> = codes.iter().map(describe).collect();
    let mut refusal = json!({
        "description": lines.join("\n\n"),
        "content": schemas.content_of_response(SchemaGenerator::subschema_for::<ErrorResponse<'_>>),
    });
    if let Value::Object(members) = &mut refusal
        && codes.iter().any(|code| code.can_be_retried())
    {
        let retry_after = json!({
            "description": "How many seconds to wait.",
            "schema": { "type": "integer" },
        });
        let headers = json!({ "Retry-After": retry_after });
        members.insert("headers".to_owned(), headers);
    }
    refusal
}

/// The schemas of all bodies, by name.
struct Schemas {
    /// Describes what is read.
    read: SchemaGenerator,
    /// Describes what is written: a member that may be absent is never `null`.
    written: SchemaGenerator,
    all: Map<String, Value>,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        });
        // COMPAT: lists of types are new in 3.1; importers made for 3.0 read one. Who writes `null` may leave it out.
        let settings = settings.with_transform(RecursiveTransform(forget_null));
        Self {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
            all: Map::new(),
        }
    }

    fn content_of_request(&mut self, schema: SchemaOf) -> Value {
        let reference = schema(&mut self.read);
        self.all.extend(self.read.take_definitions(true));
        self.content(&reference)
    }

    fn content_of_response(&mut self, schema: SchemaOf) -> Value {
        let reference = schema(&mut self.written);
        self.all.extend(self.written.take_definitions(true));
        self.content(&reference)
    }

    /// A body's content: its schema, and the example that the schema holds, where importers look for one.
    fn content(&self, reference: &Schema) -> Value {
        let name = reference.get("$ref").and_then(Value::as_str);
        let name = name.and_then(|path| path.rsplit('/').next());
        let schema = name.and_then(|name| self.all.get(name));
        let mut content = json!({ "schema": reference });
        if let (Some(example), Value::Object(members)) = (
            schema.and_then(|schema| schema.pointer("/examples/0")),
            &mut content,
        ) {
            members.insert("example".to_owned(), example.clone());
        }
        json!({ "application/json": content })
    }
}

/// Turns the type "text or null" into "text".
fn forget_null(schema: &mut Schema) {
    let Some(Value::Array(types)) = schema.get_mut("type") else {
        return;
    };
    types.retain(|kind| kind != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::account::bodies::{
        ChangePasswordRequest, LoginRequest, LogoutRequest, SignUpRequest,
    };

    #[track_caller]
    fn check(pointer: &str, expected: &Value) {
        let document = document("https://fk.example.com");
        assert_eq!(document.pointer(pointer), Some(expected), "{pointer}");
    }

    #[track_caller]
    fn check_example<T: DeserializeOwned + JsonSchema>() {
        let schema = schemars::schema_for!(T);
        let example = schema.pointer("/examples/0").unwrap();
        assert!(serde_json::from_value::<T>(example.clone()).is_ok());
    }

    #[test]
    fn the_examples_of_requests_can_be_read() {
        check_example::<SignUpRequest>();
        check_example::<LoginRequest>();
        check_example::<ChangePasswordRequest>();
        check_example::<LogoutRequest>();
    }

    #[test]
    fn the_server_has_its_address() {
        check("/servers", &json!([{ "url": "https://fk.example.com" }]));
    }

    #[test]
    fn what_may_be_absent_is_text_without_null_and_not_required() {
        let schemas = "/components/schemas";
        let username = json!({
            "description": "The username, unique without regard to case.",
            "type": "string",
            "minLength": 3,
            "maxLength": 64,
            "pattern": "^[A-Za-z0-9._-]+$",
        });
        check(
            &format!("{schemas}/SignUpRequest/properties/username"),
            &username,
        );
        check(
            &format!("{schemas}/SignUpRequest/required"),
            &json!(["password"]),
        );
        check(
            &format!("{schemas}/Profile/required"),
            &json!(["uid", "emailVerified", "attributes", "createdAt"]),
        );
        let text = document("").to_string();
        assert!(!text.contains("\"null\""), "{text}");
    }

    #[test]
    fn refusals_of_one_status_stand_together() {
        let path = "/paths/~1account~1v1~1password~1change/post/responses/401/description";
        let text = "`unauthenticated`: the ID token is missing, not valid, or revoked.\n\n\
                    `invalid_credentials`: wrong name or password.";
        check(path, &json!(text));
    }

    #[test]
    fn each_endpoint_is_its_own() {
        let document = document("");
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|path| path.as_object().unwrap());
        assert_eq!(operations.count(), ENDPOINTS.len());
    }
}
