//! The emulator's endpoints that write and read files, of dev mode alone: folders as `firebase emulators:export` makes them.
//!
//! Whoever reaches the server may ask, as with the emulator, but no page of a browser. Source: Firestore specification,
//! section 14.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Response, header};
use firekeep_api::firestore::Firestore;
use firekeep_model::{Caller, DatabaseId, DatabaseName};
use firekeep_wire_http::Incoming;
use serde_json::Value;

use super::envelope;
use super::route::Way;
use crate::convert::Fault;
use crate::{Code, Refusal};

/// What the body of such a request says.
struct Asked {
    database: DatabaseName,
    body: Value,
}

/// Answers when the files are written, or read.
///
/// # Errors
/// What is wrong with the request; why the files cannot be.
pub(super) async fn answer(
    firestore: &Firestore,
    caller: &Caller,
    way: Way,
    project: &str,
    request: &mut Incoming,
) -> Result<Response<Body>, Refusal> {
    if request.headers.contains_key(header::ORIGIN) {
        return Err(Refusal::new(
            Code::PermissionDenied,
            "This endpoint writes and reads files: it is not for pages of a browser.",
        ));
    }
    let asked = Asked::read(project, &request.take_body())?;
    let done = match way {
        Way::Export => {
            let (folder, name) = (asked.path("export_directory")?, asked.text("export_name")?);
            firestore
                .emulator_export(caller, &asked.database, folder, name.to_owned())
                .await
        }
        Way::Import => {
            let from = asked.source()?;
            firestore
                .emulator_import(caller, &asked.database, from)
                .await
        }
    };
    done.map_err(|error| Refusal::of(error, &asked.database))?;
    Ok(envelope::answer("{}".into()))
}

impl Asked {
    fn read(project: &str, body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::invalid(format!("the body is no JSON: {error}")))?;
        let database = match body.get("database").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => format!("projects/{project}/databases/{}", DatabaseId::DEFAULT),
        };
        let database = DatabaseName::parse(&database).map_err(Fault::from)?;
        match database.project().as_str() == project {
            true => Ok(Self { database, body }),
            false => Err(Refusal::invalid(format!(
                "the database `{database}` is not one of the project `{project}`"
            ))),
        }
    }

    fn text(&self, member: &str) -> Result<&str, Refusal> {
        let text = self.body.get(member).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::invalid(format!("`{member}` is missing")))
    }

    fn path(&self, member: &str) -> Result<PathBuf, Refusal> {
        self.text(member).map(PathBuf::from)
    }

    /// What is imported: a metadata file, or the folder that an export made.
    fn source(&self) -> Result<PathBuf, Refusal> {
        if self.body.get("metadata_file").is_some() {
            return self.path("metadata_file");
        }
        let folder = self.path("export_directory")?;
        Ok(match self.text("export_name") {
            Ok(name) => folder.join(name),
            Err(_) => folder,
        })
    }
}
