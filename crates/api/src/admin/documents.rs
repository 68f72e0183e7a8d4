//! The command line's commands about databases and indexes.

use std::sync::Arc;

use firekeep_model::{Caller, DatabaseId, DatabaseName};
use serde_json::{Value, json};

use crate::firestore::{
    DatabaseChange, DatabaseSummary, IndexFile, IndexMode, IndexProgress, Others,
};
use crate::{Core, Error, Firestore};

pub(super) async fn list_databases(
    core: &Arc<Core>,
    caller: &Caller,
    project: Option<&str>,
) -> Result<Value, Error> {
    let any = core.database_named(project, DatabaseId::DEFAULT)?;
    let found = firestore(core)
        .list_databases(caller, any.project())
        .await?;
    let shown: Vec<Value> = found.iter().map(show).collect();
    Ok(json!({ "databases": shown }))
}

pub(super) async fn create_database(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
) -> Result<Value, Error> {
    let database = name(core, id)?;
    Ok(show(
        &firestore(core).create_database(caller, &database).await?,
    ))
}

pub(super) async fn delete_database(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
) -> Result<Value, Error> {
    let database = name(core, id)?;
    firestore(core).delete_database(caller, &database).await?;
    Ok(json!({ "id": id }))
}

pub(super) async fn protect_database(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
    protected: bool,
) -> Result<Value, Error> {
    let database = name(core, id)?;
    let change = DatabaseChange {
        protected: Some(protected),
    };
    let firestore = firestore(core);
    let changed = firestore.update_database(caller, &database, change).await?;
    Ok(show(&changed))
}

pub(super) async fn list_indexes(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
) -> Result<Value, Error> {
    let (firestore, database) = (firestore(core), name(core, id)?);
    let catalog = firestore.index_catalog(caller, &database).await?;
    let mut file = IndexFile::of(catalog.as_ref())?;
    let work = firestore.index_work(caller, &database).await?;
    let show = |(what, progress): &(String, IndexProgress)| {
        let mut shown = json!({ "index": what, "done": progress.done });
        let more = [
            ("estimate", progress.estimate.map(Value::from)),
            ("failure", progress.failure.as_deref().map(Value::from)),
        ];
        if let Value::Object(members) = &mut shown {
            let more = more.into_iter();
            members.extend(more.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        shown
    };
    // No member of the official file, whose readers pass it over.
    if let (Value::Object(members), false) = (&mut file, work.is_empty()) {
        members.insert("underWay".to_owned(), work.iter().map(show).collect());
    }
    Ok(file)
}

/// The names of modes.
const MODES: [(&str, IndexMode); 3] = [
    ("auto", IndexMode::Auto),
    ("warn", IndexMode::Warn),
    ("enforce", IndexMode::Enforce),
];

pub(super) async fn index_mode(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
    wanted: Option<&str>,
) -> Result<Value, Error> {
    let (firestore, database) = (firestore(core), name(core, id)?);
    if let Some(wanted) = wanted {
        let known = MODES.iter().find(|(name, _)| *name == wanted);
        let (_, mode) = known.ok_or_else(|| {
            Error::Invalid(format!(
                "the mode `{wanted}` is none of auto, warn, enforce"
            ))
        })?;
        firestore.set_index_mode(caller, &database, *mode).await?;
    }
    let catalog = firestore.index_catalog(caller, &database).await?;
    let found = MODES.iter().find(|(_, mode)| *mode == catalog.mode());
    Ok(json!({ "mode": found.map(|(name, _)| name) }))
}

pub(super) async fn deploy_indexes(
    core: &Arc<Core>,
    caller: &Caller,
    id: &str,
    file: &str,
    prune: bool,
) -> Result<Value, Error> {
    let (database, file) = (name(core, id)?, IndexFile::parse(file)?);
    let others = match prune {
        true => Others::Remove,
        false => Others::Keep,
    };
    let firestore = firestore(core);
    let deploying = firestore.deploy_indexes(caller, &database, file, others);
    let deployed = deploying.await?;
    let mut shown = json!({
        "created": deployed.created,
        "removed": deployed.removed,
        "unchanged": deployed.unchanged,
    });
    if let (Value::Object(members), false) = (&mut shown, deployed.kept.is_empty()) {
        members.insert("kept".to_owned(), deployed.kept.into());
    }
    Ok(shown)
}

fn firestore(core: &Arc<Core>) -> Firestore {
    Firestore::new(Arc::clone(core))
}

/// A database of the server's project, or `project/database`.
fn name(core: &Core, name: &str) -> Result<DatabaseName, Error> {
    let (project, id) = match name.split_once('/') {
        Some((project, id)) => (Some(project), id),
        None => (None, name),
    };
    let id = DatabaseId::parse(id)
        .map_err(|error| Error::Invalid(format!("database `{id}`: {error}")))?;
    core.database_named(project, id.as_str())
}

/// A database, as the command line shows it.
fn show(database: &DatabaseSummary) -> Value {
    json!({
        "id": database.name.database().as_str(),
        "name": database.name.to_string(),
        "uid": database.uid,
        "createdAtMillis": database.create_time.millis(),
        "protected": database.protected,
    })
}
