//! Which single-field indexes a field has. Source: Firestore specification, sections 13 and 14.

use firekeep_api::firestore::{
    AUTOMATIC, Catalog, Expiry, FieldOverride, IndexOrder, IndexState, QueryScope,
};
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use proto::field::{IndexConfig, TtlConfig, ttl_config};
use proto::index::State;
use tonic::metadata::MetadataMap;

use super::indexes::{read_mode, read_scope, write_field, write_scope};
use super::names::{Collections, FieldName, read_group};
use super::{Admin, operations};
use crate::Refusal;
use crate::convert::Fault;

/// `GetField`
pub(super) async fn get(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::GetFieldRequest,
) -> Result<proto::Field, Refusal> {
    let name = FieldName::parse(&request.name)?;
    let caller = service.caller(metadata, &name.database)?;
    let catalog = service.firestore.index_catalog(&caller, &name.database);
    let catalog = catalog
        .await
        .map_err(|error| Refusal::of(error, &name.database))?;
    Ok(show(&name, &catalog))
}

/// `ListFields`: those that a rule is about, and those that documents expire by, which is what tools filter for.
pub(super) async fn list(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::ListFieldsRequest,
) -> Result<proto::ListFieldsResponse, Refusal> {
    let (database, collections) = read_group(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
    let of_rule = |rule: FieldOverride| FieldName {
        database: database.clone(),
        collection: rule.collection,
        field: rule.field,
    };
    let of_expiry = |expiry: &Expiry| FieldName {
        database: database.clone(),
        collection: Some(expiry.collection.clone()),
        field: Some(expiry.field.clone()),
    };
    let mut names: Vec<_> = rules(&catalog).into_iter().map(of_rule).collect();
    for name in catalog.expiries().iter().map(of_expiry) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| match &collections {
        Collections::All => true,
        Collections::Of(id) => name.collection.as_ref() == Some(id),
        Collections::Default => name.collection.is_none(),
    });
    Ok(proto::ListFieldsResponse {
        fields: names.iter().map(|name| show(name, &catalog)).collect(),
        next_page_token: String::new(),
    })
}

/// `UpdateField`
pub(super) async fn update(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::UpdateFieldRequest,
) -> Result<Operation, Refusal> {
    let field = request.field.ok_or(Fault::Missing("field"))?;
    let name = FieldName::parse(&field.name)?;
    let database = name.database.clone();
    let caller = service.caller(metadata, &database)?;
    let paths = request
        .update_mask
        .map(|mask| mask.paths)
        .unwrap_or_default();
    let is_meant = |part: &str| paths.is_empty() || paths.iter().any(|path| path.starts_with(part));
    let refused = |error| Refusal::of(error, &database);
    let is_named = paths.iter().any(|path| path.starts_with("ttl_config"));
    if is_named || field.ttl_config.is_some() && paths.is_empty() {
        let expiry = expiry_of(&name)?;
        let firestore = &service.firestore;
        match field.ttl_config {
            Some(_) => firestore.set_expiry(&caller, &database, expiry).await,
            None => firestore.remove_expiry(&caller, &database, expiry).await,
        }
        .map_err(refused)?;
    }
    if is_meant("index_config") && (field.index_config.is_some() || !paths.is_empty()) {
        let (collection, path) = (name.collection.clone(), name.field.clone());
        match field
            .index_config
            .filter(|config| !config.uses_ancestor_config)
        {
            Some(config) => {
                let indexes = config.indexes.iter().map(read_single);
                let rule = FieldOverride {
                    collection,
                    field: path,
                    indexes: indexes.collect::<Result<_, Refusal>>()?,
                };
                let set = service
                    .firestore
                    .set_field_override(&caller, &database, rule);
                set.await.map_err(refused)?;
            }
            None => {
                let firestore = &service.firestore;
                let removed = firestore.remove_field_override(&caller, &database, collection, path);
                removed.await.map_err(refused)?;
            }
        }
    }
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let field = show(&name, catalog.map_err(refused)?.as_ref());
    Ok(operations::done(
        &database,
        "google.firestore.admin.v1.FieldOperationMetadata",
        "google.firestore.admin.v1.Field",
        &field,
    ))
}

/// An index of a single field. Which field it is, its message need not say.
fn read_single(index: &proto::Index) -> Result<(QueryScope, IndexOrder), Refusal> {
    let [field] = index.fields.as_slice() else {
        return Err(Refusal::invalid("a single-field index has one field"));
    };
    let mode = read_mode(field.value_mode)?;
    Ok((read_scope(index.query_scope)?, mode))
}

fn rules(catalog: &Catalog) -> Vec<FieldOverride> {
    let rules = catalog.overrides().iter();
    rules.filter_map(|rule| rule.declaration()).collect()
}

/// A field with its rule, or with what holds where it has none.
fn show(name: &FieldName, catalog: &Catalog) -> proto::Field {
    let mut rules = rules(catalog).into_iter();
    let own = |rule: &FieldOverride| rule.collection == name.collection && rule.field == name.field;
    let mut field = match rules.find(own) {
        Some(rule) => write(&name.database, &rule),
        None => {
            let ancestor = FieldName::ancestor(&name.database);
            let is_ancestor = *name == ancestor;
            proto::Field {
                name: name.to_string(),
                index_config: Some(IndexConfig {
                    indexes: write_indexes(name, &AUTOMATIC),
                    uses_ancestor_config: !is_ancestor,
                    ancestor_field: match is_ancestor {
                        true => String::new(),
                        false => ancestor.to_string(),
                    },
                    reverting: false,
                }),
                ttl_config: None,
            }
        }
    };
    let mut expiries = catalog.expiries().iter();
    let expiry = expiries.find(|expiry| expiry_of(name).as_ref() == Ok(expiry));
    field.ttl_config = expiry.map(|expiry| TtlConfig {
        state: match catalog.group_state(&expiry.collection) {
            IndexState::Building => ttl_config::State::Creating,
            IndexState::Off | IndexState::Ready | IndexState::Dropping => ttl_config::State::Active,
        }
        .into(),
    });
    field
}

/// What it means that documents expire by a field.
fn expiry_of(name: &FieldName) -> Result<Expiry, Refusal> {
    match (&name.collection, &name.field) {
        (Some(collection), Some(field)) => Ok(Expiry {
            collection: collection.clone(),
            field: field.clone(),
        }),
        _ => Err(Refusal::invalid(
            "documents expire by one field of one collection group",
        )),
    }
}

fn write(database: &DatabaseName, rule: &FieldOverride) -> proto::Field {
    let name = FieldName {
        database: database.clone(),
        collection: rule.collection.clone(),
        field: rule.field.clone(),
    };
    proto::Field {
        name: name.to_string(),
        index_config: Some(IndexConfig {
            indexes: write_indexes(&name, &rule.indexes),
            ..IndexConfig::default()
        }),
        ttl_config: None,
    }
}

fn write_indexes(name: &FieldName, indexes: &[(QueryScope, IndexOrder)]) -> Vec<proto::Index> {
    let path = name.field.as_ref().map(ToString::to_string);
    let path = path.unwrap_or_else(|| "*".to_owned());
    let index = |(scope, order): &(QueryScope, IndexOrder)| proto::Index {
        query_scope: write_scope(*scope),
        fields: vec![write_field(path.clone(), *order)],
        state: State::Ready.into(),
        ..proto::Index::default()
    };
    indexes.iter().map(index).collect()
}
