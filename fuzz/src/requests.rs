//! What must be true of any request for documents, however it came: it is read as what the server understands, or
//! refused with a text; what was understood is written and read as the same.

use firekeep_documents::dnf::Dnf;
use firekeep_documents::query::{DISJUNCTIONS_MAX, Query, Strictness};
use firekeep_model::{DatabaseName, DocumentPath, ParentName};
use firekeep_wire_firestore::convert::Fault;
use firekeep_wire_firestore::convert::aggregation::read_aggregation_query;
use firekeep_wire_firestore::convert::document::read_mask;
use firekeep_wire_firestore::convert::name::{read_database, read_parent, read_paths};
use firekeep_wire_firestore::convert::order::read_order_by;
use firekeep_wire_firestore::convert::query::{read_query, write_query};
use firekeep_wire_firestore::convert::transaction::{read_begin, read_consistency};
use firekeep_wire_firestore::convert::value::{read_value, write_value};
use firekeep_wire_firestore::convert::write::read_write;
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::json::Json;
use prost::Message;

/// Reads the message that the first byte names from the others, with `decode`'s help, and judges it.
pub fn judge(data: &[u8], decode: impl Decode) {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    match kind % 8 {
        0 => drop(decode.decode(body).map(commit)),
        1 => drop(decode.decode(body).map(run_query)),
        2 => drop(decode.decode(body).map(run_aggregation_query)),
        3 => drop(decode.decode(body).map(batch_write)),
        4 => drop(decode.decode(body).map(batch_get)),
        5 => drop(decode.decode(body).map(partition_query)),
        6 => drop(decode.decode(body).map(begin)),
        _ => drop(decode.decode(body).map(list)),
    }
}

/// How a message stands in bytes.
pub trait Decode {
    /// The message, if it is one.
    fn decode<M: Json + Message + Default>(&self, body: &[u8]) -> Option<M>;
}

fn commit(request: proto::CommitRequest) {
    let database = database(&request.database);
    for write in request.writes {
        write_of(&database, write);
    }
}

fn batch_write(request: proto::BatchWriteRequest) {
    let database = database(&request.database);
    for write in request.writes {
        write_of(&database, write);
    }
}

fn run_query(request: proto::RunQueryRequest) {
    use proto::run_query_request::QueryType;
    let parent = parent(&request.parent);
    told(read_consistency(request.consistency_selector));
    if let Some(QueryType::StructuredQuery(query)) = request.query_type {
        query_of(&parent, query);
    }
}

fn run_aggregation_query(request: proto::RunAggregationQueryRequest) {
    use proto::run_aggregation_query_request::QueryType;
    let ParentName { database, document } = parent(&request.parent);
    told(read_consistency(request.consistency_selector));
    if let Some(QueryType::StructuredAggregationQuery(query)) = request.query_type
        && let Some(query) = told(read_aggregation_query(document, query))
        && let Err(invalid) = query.validate(&database, Strictness::Cloud)
    {
        assert!(!invalid.to_string().is_empty());
    }
}

fn partition_query(request: proto::PartitionQueryRequest) {
    use proto::partition_query_request::QueryType;
    let parent = parent(&request.parent);
    told(read_consistency(request.consistency_selector));
    if let Some(QueryType::StructuredQuery(query)) = request.query_type {
        query_of(&parent, query);
    }
}

fn batch_get(request: proto::BatchGetDocumentsRequest) {
    let database = database(&request.database);
    told(read_paths(&database, &request.documents));
    told(read_mask(request.mask));
    told(read_consistency(request.consistency_selector));
}

fn list(request: proto::ListDocumentsRequest) {
    told(read_order_by(&request.order_by));
    told(read_mask(request.mask));
    told(read_consistency(request.consistency_selector));
}

fn begin(request: proto::BeginTransactionRequest) {
    told(read_begin(request.options));
}

fn write_of(database: &DatabaseName, write: proto::Write) {
    use proto::write::Operation;
    if let Some(Operation::Update(document)) = &write.operation {
        for value in document.fields.values() {
            value_of(value.clone());
        }
    }
    told(read_write(database, write));
}

fn value_of(value: proto::Value) {
    if let Some(value) = told(read_value(value)) {
        let again = read_value(write_value(&value)).expect("what we write can be read");
        assert!(again.is_identical(&value), "{value:?} {again:?}");
    }
}

fn query_of(parent: &ParentName, query: proto::StructuredQuery) {
    let document = || parent.document.clone();
    let Some(query) = told(read_query(document(), query)) else {
        return;
    };
    let again = read_query(document(), write_query(&query)).expect("what we write can be read");
    assert_eq!(again, query);
    let lenient = query.validate(&parent.database, Strictness::Lenient);
    let cloud = query.validate(&parent.database, Strictness::Cloud);
    if lenient.is_ok() {
        accepted(&query);
    } else {
        assert!(cloud.is_err(), "the cloud refuses whatever we refuse");
    }
    for invalid in [lenient, cloud].into_iter().filter_map(Result::err) {
        assert!(!invalid.to_string().is_empty());
    }
}

/// What a query that is carried out may cost.
fn accepted(query: &Query) {
    if let Some(filter) = &query.filter {
        let whole = Dnf::whole(filter).expect("the query is valid");
        assert!(whole.iter().len() <= DISJUNCTIONS_MAX);
        let kept = Dnf::new(filter).expect("the query is valid");
        assert!(kept.iter().len() <= whole.iter().len());
    }
    let order = query.normal_order();
    let fields = order.iter().map(|order| order.field.to_string());
    let fields: std::collections::BTreeSet<_> = fields.collect();
    assert_eq!(fields.len(), order.len());
    assert!(query.collection_path().is_ok());
}

/// What a client is told is a line.
fn told<T>(read: Result<T, Fault>) -> Option<T> {
    if let Err(fault) = &read {
        assert!(!fault.to_string().is_empty());
    }
    read.ok()
}

/// The database of the request, or one that is right for the names of the seeds.
fn database(name: &str) -> DatabaseName {
    let plain = || DatabaseName::parse("projects/p/databases/(default)").expect("it is a name");
    told(read_database(name)).unwrap_or_else(plain)
}

fn parent(name: &str) -> ParentName {
    let plain = || ParentName {
        database: database("projects/p/databases/(default)"),
        document: None::<DocumentPath>,
    };
    told(read_parent(name)).unwrap_or_else(plain)
}
