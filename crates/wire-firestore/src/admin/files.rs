//! `ExportDocuments` and `ImportDocuments`: to and from folders of the server's own machine.
//!
//! There is no Cloud Storage here, and an administrator may be far away: who may have the server write files is its own
//! user's command line, and in dev mode everybody, as with the emulator. Source: Firestore specification, section 14.

use std::path::PathBuf;

use firekeep_api::firestore::{ExportTo, References};
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tonic::metadata::MetadataMap;

use super::names::read_database;
use super::{Admin, bearer, operations};
use crate::convert::value::read_timestamp;
use crate::{Code, Refusal};

const FILE: &str = "file://";

/// What stands for itself in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `ExportDocuments`
pub(super) async fn export(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::ExportDocumentsRequest,
) -> Result<Operation, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    check_whole(&request.collection_ids, &request.namespace_ids)?;
    let folder = path_of(&request.output_uri_prefix)?;
    check_place(service, metadata, &database)?;
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Refusal::invalid("`output_uri_prefix` names no folder"))?;
    let to = ExportTo::ManagedFolder {
        name: name.to_owned(),
        folder,
    };
    let at = request.snapshot_time.map(read_timestamp).transpose()?;
    let begun = service
        .firestore
        .export_documents(&caller, &database, to, at)
        .await;
    let begun = begun.map_err(|error| Refusal::of(error, &database))?;
    Ok(operations::of_long(&begun))
}

/// `ImportDocuments`
pub(super) async fn import(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::ImportDocumentsRequest,
) -> Result<Operation, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    check_whole(&request.collection_ids, &request.namespace_ids)?;
    let from = path_of(&request.input_uri_prefix)?;
    check_place(service, metadata, &database)?;
    let begun = service
        .firestore
        .import_documents(&caller, &database, from, References::Keep)
        .await;
    let begun = begun.map_err(|error| Refusal::of(error, &database))?;
    Ok(operations::of_long(&begun))
}

fn check_whole(collections: &[String], namespaces: &[String]) -> Result<(), Refusal> {
    match collections.is_empty() && namespaces.iter().all(String::is_empty) {
        true => Ok(()),
        false => Err(Refusal::unimplemented(
            "Exports and imports are of whole databases here: leave `collectionIds` out.",
        )),
    }
}

/// Refuses who may not have the server read and write files. Never a page of a browser, which dev mode cannot tell from
/// a tool otherwise.
fn check_place(
    service: &Admin,
    metadata: &MetadataMap,
    database: &DatabaseName,
) -> Result<(), Refusal> {
    let is_here = service.core.may_name_files(bearer(metadata));
    let is_tool = service.core.has_emulator_endpoints() && !metadata.contains_key("origin");
    match is_here || is_tool {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::PermissionDenied,
            format!(
                "Exports are files of the server's machine. Run `firekeep export --database '{0}'` or `firekeep import \
                 --database '{0}'` there.",
                database.database()
            ),
        )),
    }
}

/// The folder that a URI names.
fn path_of(uri: &str) -> Result<PathBuf, Refusal> {
    let path = uri.strip_prefix(FILE).filter(|path| path.starts_with('/'));
    let path = path.and_then(|path| percent_decode_str(path).decode_utf8().ok());
    let path = path.ok_or_else(|| {
        Refusal::invalid(format!(
            "`{uri}` is no place of this server, which has no Cloud Storage: name a folder of its machine, as `file:///…`, \
             or run `firekeep export` there"
        ))
    })?;
    Ok(PathBuf::from(path.into_owned()))
}

/// The URI of a path.
pub(super) fn uri_of(path: &str) -> String {
    format!("{FILE}{}", utf8_percent_encode(path, PATH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_uris() {
        for (uri, path) in [
            ("file:///a/b", Some("/a/b")),
            ("file:///a%20b/\u{e4}", Some("/a b/\u{e4}")),
            ("gs://bucket/a", None),
            ("file://host/a", None),
            ("/a", None),
            ("", None),
        ] {
            assert_eq!(path_of(uri).ok(), path.map(PathBuf::from), "{uri}");
        }
        assert_eq!(uri_of("/a b/c-d_1.e"), "file:///a%20b/c-d_1.e");
    }
}
