//! `descriptors.json`: every name, number and type as one table, which `e2e/proto.test.mjs` compares with the
//! descriptors in the official npm client.

use std::collections::BTreeMap;

use anyhow::Context;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde_json::{Value, json};

/// One row per message, enum and service. A field is `[number, name, label, type, oneof]`.
pub(crate) fn generate(set: &FileDescriptorSet) -> anyhow::Result<String> {
    let mut messages = BTreeMap::new();
    let mut enums = BTreeMap::new();
    let mut services = BTreeMap::new();
    for file in &set.file {
        if file.package() == "google.protobuf" {
            continue;
        }
        for message in &file.message_type {
            walk(file.package(), message, &mut messages, &mut enums)?;
        }
        for item in &file.enum_type {
            enums.insert(format!("{}.{}", file.package(), item.name()), values(item));
        }
        for service in &file.service {
            let methods = service.method.iter().map(|method| {
                let row = json!([
                    method.input_type().trim_start_matches('.'),
                    method.client_streaming(),
                    method.output_type().trim_start_matches('.'),
                    method.server_streaming()
                ]);
                (method.name().to_owned(), row)
            });
            let name = format!("{}.{}", file.package(), service.name());
            services.insert(name, Value::Object(methods.collect()));
        }
    }
    let mut text = String::from("{\n");
    for (number, (title, rows)) in [
        ("messages", messages),
        ("enums", enums),
        ("services", services),
    ]
    .into_iter()
    .enumerate()
    {
        if number > 0 {
            text.push_str(",\n");
        }
        let rows: Vec<String> = rows
            .iter()
            .map(|(name, row)| format!("\"{name}\":{row}"))
            .collect();
        text.push_str(&format!("\"{title}\":{{\n{}\n}}", rows.join(",\n")));
    }
    text.push_str("\n}\n");
    Ok(text)
}

fn walk(
    scope: &str,
    message: &DescriptorProto,
    messages: &mut BTreeMap<String, Value>,
    enums: &mut BTreeMap<String, Value>,
) -> anyhow::Result<()> {
    let name = format!("{scope}.{}", message.name());
    let mut fields = Vec::new();
    for field in &message.field {
        fields.push(row(&name, message, field)?);
    }
    for nested in &message.nested_type {
        if !nested
            .options
            .as_ref()
            .is_some_and(|options| options.map_entry())
        {
            walk(&name, nested, messages, enums)?;
        }
    }
    for item in &message.enum_type {
        enums.insert(format!("{name}.{}", item.name()), values(item));
    }
    messages.insert(name, Value::Array(fields));
    Ok(())
}

fn row(
    name: &str,
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
) -> anyhow::Result<Value> {
    let map = super::json::map_entry(name, message, field);
    let label = match field.label() {
        _ if map.is_some() => "",
        Label::Repeated => "repeated",
        _ if field.proto3_optional() => "optional",
        _ => "",
    };
    let kind = match map {
        Some(entry) => {
            let [key, value] = entry.field.as_slice() else {
                anyhow::bail!("a map entry has a key and a value");
            };
            format!("map<{},{}>", type_name(key), type_name(value))
        }
        None => type_name(field),
    };
    let oneof = match field.oneof_index {
        Some(index) if !field.proto3_optional() => message
            .oneof_decl
            .get(usize::try_from(index)?)
            .context("a oneof")?
            .name(),
        _ => "",
    };
    Ok(json!([field.number(), field.name(), label, kind, oneof]))
}

/// `int64`, or the full name of a message or enum.
fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_lowercase(),
    }
}

fn values(item: &EnumDescriptorProto) -> Value {
    let values = item.value.iter();
    Value::Object(
        values
            .map(|value| (value.name().to_owned(), value.number().into()))
            .collect(),
    )
}
