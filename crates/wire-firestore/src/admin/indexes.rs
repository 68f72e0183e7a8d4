//! Composite indexes. Source: Firestore specification, sections 13 and 14.

use firekeep_api::firestore::{
    Composite, Declared, Definition, Direction, IndexOrder, IndexState, QueryScope,
};
use firekeep_model::{DatabaseName, FieldRef};
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use proto::index::index_field::{ArrayConfig, Order, ValueMode, VectorConfig, vector_config};
use proto::index::{IndexField, QueryScope as ScopeNumber, State};
use tonic::metadata::MetadataMap;

use super::names::{Collections, building_name, index_name, read_group, read_index};
use super::{Admin, operations};
use crate::convert::Fault;
use crate::{Code, Refusal};

/// `CreateIndex`
pub(super) async fn create(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::CreateIndexRequest,
) -> Result<Operation, Refusal> {
    let (database, collections) = read_group(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let Collections::Of(collection) = collections else {
        return Err(Refusal::invalid("an index is of one collection group"));
    };
    let index = request.index.ok_or(Fault::Missing("index"))?;
    let scope = read_scope(index.query_scope)?;
    let fields = index.fields.into_iter().map(read_field);
    let fields = fields.collect::<Result<Vec<_>, Refusal>>()?;
    let definition = Definition::new(collection.clone(), scope, fields)
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    let refused = |error| Refusal::of(error, &database);
    let declared = service
        .firestore
        .create_index(&caller, &database, definition);
    match declared.await.map_err(refused)? {
        Declared::Known(_) => Err(Refusal::new(Code::AlreadyExists, "index already exists")),
        Declared::New(id) => {
            let name = index_name(&database, &collection, id);
            let catalog = service.firestore.index_catalog(&caller, &database).await;
            let catalog = catalog.map_err(refused)?;
            let index = catalog.all_composites().iter().find(|index| index.id == id);
            match index {
                Some(index) => operations::of_index(service, &caller, &database, index).await,
                None => {
                    let operation = building_name(&database, id);
                    Ok(operations::building(&operation, &name, None))
                }
            }
        }
    }
}

/// `ListIndexes`
pub(super) async fn list(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::ListIndexesRequest,
) -> Result<proto::ListIndexesResponse, Refusal> {
    let (database, collections) = read_group(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
    let wanted = |index: &&Composite| {
        is_live(index)
            && match &collections {
                Collections::All => true,
                Collections::Of(id) => id == index.definition.collection(),
                Collections::Default => false,
            }
    };
    let found = catalog.all_composites().iter().filter(wanted);
    Ok(proto::ListIndexesResponse {
        indexes: found.map(|index| write(&database, index)).collect(),
        next_page_token: String::new(),
    })
}

/// `GetIndex`
pub(super) async fn get(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::GetIndexRequest,
) -> Result<proto::Index, Refusal> {
    let (database, id) = read_index(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
    let mut all = catalog.all_composites().iter();
    let found = all.find(|index| index.id == id && is_live(index));
    let found = found.ok_or_else(|| not_found(&request.name))?;
    Ok(write(&database, found))
}

/// `DeleteIndex`
pub(super) async fn delete(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::DeleteIndexRequest,
) -> Result<(), Refusal> {
    let (database, id) = read_index(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let deleted = service.firestore.delete_index(&caller, &database, id).await;
    deleted.map_err(|error| Refusal::of(error, &database))
}

/// Whether tools see it.
pub(super) fn is_live(index: &Composite) -> bool {
    match index.state {
        IndexState::Building | IndexState::Ready => true,
        IndexState::Off | IndexState::Dropping => false,
    }
}

pub(super) fn not_found(name: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("There is no `{name}`."))
}

pub(super) fn read_scope(number: i32) -> Result<QueryScope, Refusal> {
    match ScopeNumber::try_from(number) {
        Ok(ScopeNumber::Collection | ScopeNumber::Unspecified) => Ok(QueryScope::Collection),
        Ok(ScopeNumber::CollectionGroup) => Ok(QueryScope::CollectionGroup),
        Ok(ScopeNumber::CollectionRecursive) | Err(_) => Err(Fault::Enum("query_scope").into()),
    }
}

fn read_field(field: IndexField) -> Result<(FieldRef, IndexOrder), Refusal> {
    let path = FieldRef::parse(&field.field_path).map_err(Fault::from)?;
    Ok((path, read_mode(field.value_mode)?))
}

/// How an index holds a field.
pub(super) fn read_mode(mode: Option<ValueMode>) -> Result<IndexOrder, Refusal> {
    match mode.ok_or(Fault::Missing("value_mode"))? {
        ValueMode::Order(number) => match Order::try_from(number) {
            Ok(Order::Ascending) => Ok(IndexOrder::Ascending),
            Ok(Order::Descending) => Ok(IndexOrder::Descending),
            Ok(Order::Unspecified) | Err(_) => Err(Fault::Enum("order").into()),
        },
        ValueMode::ArrayConfig(number) => match ArrayConfig::try_from(number) {
            Ok(ArrayConfig::Contains) => Ok(IndexOrder::Contains),
            Ok(ArrayConfig::Unspecified) | Err(_) => Err(Fault::Enum("array_config").into()),
        },
        ValueMode::VectorConfig(vector) => {
            let dimension = u32::try_from(vector.dimension).ok().filter(|it| *it > 0);
            let dimension = dimension.ok_or(Fault::NotPositive("dimension"))?;
            Ok(IndexOrder::Vector(dimension))
        }
    }
}

/// An index as tools read it: with its name, last, that sorts documents of equal values.
pub(super) fn write(database: &DatabaseName, index: &Composite) -> proto::Index {
    let definition = &index.definition;
    let fields = definition.fields().iter();
    let name = match definition.name() {
        Direction::Ascending => IndexOrder::Ascending,
        Direction::Descending => IndexOrder::Descending,
    };
    proto::Index {
        name: index_name(database, definition.collection(), index.id),
        query_scope: write_scope(definition.scope()),
        fields: fields
            .map(|field| write_field(field.field.to_string(), field.order))
            .chain([write_field(FieldRef::DocumentName.to_string(), name)])
            .collect(),
        state: match index.state {
            IndexState::Ready => State::Ready,
            IndexState::Building | IndexState::Off | IndexState::Dropping => State::Creating,
        }
        .into(),
        ..proto::Index::default()
    }
}

pub(super) fn write_scope(scope: QueryScope) -> i32 {
    match scope {
        QueryScope::Collection => ScopeNumber::Collection,
        QueryScope::CollectionGroup => ScopeNumber::CollectionGroup,
    }
    .into()
}

pub(super) fn write_field(field_path: String, order: IndexOrder) -> IndexField {
    let mode = match order {
        IndexOrder::Ascending => ValueMode::Order(Order::Ascending.into()),
        IndexOrder::Descending => ValueMode::Order(Order::Descending.into()),
        IndexOrder::Contains => ValueMode::ArrayConfig(ArrayConfig::Contains.into()),
        IndexOrder::Vector(dimension) => ValueMode::VectorConfig(VectorConfig {
            dimension: i32::try_from(dimension).unwrap_or(i32::MAX),
            r#type: Some(vector_config::Type::Flat(vector_config::FlatIndex {})),
        }),
    };
    IndexField {
        field_path,
        value_mode: Some(mode),
    }
}
