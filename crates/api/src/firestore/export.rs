//! Exports of a database to files, and imports from them: for administrators, in the background.
//!
//! Files are named by paths of the machine that the server runs on, so whoever asks must be somebody who may have the
//! server read and write files: the command line of its own user ([`Core::may_name_files`]), or in dev mode an administrator
//! who asks for the emulator's endpoints. Storage design, section 9; Firestore specification, section 14.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firekeep_documents::Error as DocumentError;
use firekeep_documents::export::run::{self, Batches, Imported, Incoming, Walk};
use firekeep_documents::export::{Declaration, FileError, Header, Reader, Writer};
use firekeep_documents::index::Indexes;
use firekeep_documents::index::backfill::{self, Step};
use firekeep_managed_export::{Error as ManagedError, Export as ManagedExport, Writer as Managed};
use firekeep_model::{Caller, DatabaseName, Document, DocumentName, Map, OpContext, Timestamp};
use firekeep_store::{CommitTime, Error as StoreError};

use super::Firestore;
use super::database::{Database, off_async};
use super::operations::{End, LongOperation, OperationKind, Running};
use crate::{Core, Error, SystemRng};

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportTo {
    /// Into a file of our own format.
    File(PathBuf),
    /// Into a folder as the official emulator writes it, whose metadata file has this name.
    ManagedFolder {
        /// The folder.
        folder: PathBuf,
        /// `{name}.overall_export_metadata`.
        name: String,
    },
}

/// What becomes of references to documents of the exported database, when it is imported into one of another name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They lead to the documents of this database.
    #[default]
    Follow,
    /// They stay as they are, as with the official emulator.
    Keep,
}

impl Core {
    /// Whether whoever sent a bearer credential may have the server read and write files of its machine: the command line
    /// of the server's own user, who can do so anyhow. An administrator may be far away.
    #[must_use]
    pub fn may_name_files(&self, bearer: Option<&str>) -> bool {
        bearer.is_some_and(|bearer| self.is_local(bearer))
    }
}

impl Firestore {
    /// Begins to export the documents of a database: as they are now, or were at a time.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::DatabaseNotFound`], [`Error::ReadTimeTooOld`]; [`Error::Exhausted`].
    pub async fn export_documents(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        to: ExportTo,
        at: Option<Timestamp>,
    ) -> Result<LongOperation, Error> {
        Ok(self.begin_export(caller, database, to, at).await?.show())
    }

    /// Begins to import documents from a file of our format, or from a managed export: its folder, or its metadata file.
    /// Documents that are there already are replaced where they differ; those that the import does not have stay.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::DatabaseNotFound`]; [`Error::Exhausted`].
    pub async fn import_documents(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        from: PathBuf,
        references: References,
    ) -> Result<LongOperation, Error> {
        let begun = self.begin_import(caller, database, from, references);
        Ok(begun.await?.show())
    }

    /// `POST /emulator/v1/projects/{P}:export` of dev mode: writes a managed export into the folder `name` of a folder, and
    /// answers when it is there.
    ///
    /// # Errors
    /// [`Error::NotEnabled`] in safe mode; [`Error::Invalid`]; those of [`export_documents`](Self::export_documents).
    pub async fn emulator_export(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        folder: PathBuf,
        name: String,
    ) -> Result<(), Error> {
        self.check_emulator(&folder)?;
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::Invalid(
                "the name of an export must be one of a folder".to_owned(),
            ));
        }
        let folder = folder.join(&name);
        let to = ExportTo::ManagedFolder { folder, name };
        wait(self.begin_export(caller, database, to, None).await?).await
    }

    /// `POST /emulator/v1/projects/{P}:import` of dev mode: takes a managed export over, named by its metadata file or its
    /// folder, and answers when it is there.
    ///
    /// # Errors
    /// As [`emulator_export`](Self::emulator_export).
    pub async fn emulator_import(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        from: PathBuf,
    ) -> Result<(), Error> {
        self.check_emulator(&from)?;
        let begun = self.begin_import(caller, database, from, References::Keep);
        wait(begun.await?).await
    }

    fn check_emulator(&self, path: &Path) -> Result<(), Error> {
        if !self.0.policy.open() {
            return Err(Error::NotEnabled("the emulator's export"));
        }
        match path.is_absolute() {
            true => Ok(()),
            false => Err(Error::Invalid(
                "the path of an export must be an absolute one".to_owned(),
            )),
        }
    }

    async fn begin_export(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        to: ExportTo,
        at: Option<Timestamp>,
    ) -> Result<Arc<Running>, Error> {
        self.check_administrator(caller, database.project())?;
        let opened = self.0.database(database).await?;
        let at = match at {
            Some(time) => Some(self.read_time(&opened, time).await?),
            None => None,
        };
        let core = Arc::clone(&self.0);
        let path = match &to {
            ExportTo::File(path) | ExportTo::ManagedFolder { folder: path, .. } => path,
        };
        let path = path.display().to_string();
        let work = move |running: &Running| export(&core, &opened, to, at, running);
        let subject = (database, vec![path]);
        let (_, clock) = self.0.databases.engine();
        (self.0.operations).begin(OperationKind::Export, subject, clock, work)
    }

    async fn begin_import(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        from: PathBuf,
        references: References,
    ) -> Result<Arc<Running>, Error> {
        self.check_administrator(caller, database.project())?;
        let opened = self.0.database(database).await?;
        let core = Arc::clone(&self.0);
        let subject = (database, vec![from.display().to_string()]);
        let work = move |running: &Running| import(&core, &opened, &from, references, running);
        let (_, clock) = self.0.databases.engine();
        (self.0.operations).begin(OperationKind::Import, subject, clock, work)
    }
}

async fn wait(running: Arc<Running>) -> Result<(), Error> {
    let end = off_async(move || Ok(running.wait())).await?;
    match end {
        End::Done { .. } => Ok(()),
        End::Failed(why) => Err(Error::Invalid(why)),
    }
}

// ---- exports ----

/// A file or a folder that is written.
enum Target {
    File {
        writer: Writer<BufWriter<File>>,
        part: PathBuf,
        path: PathBuf,
    },
    Managed(Managed),
}

fn export(
    core: &Core,
    database: &Arc<Database>,
    to: ExportTo,
    at: Option<CommitTime>,
    running: &Running,
) -> Result<End, Error> {
    let at = match at {
        Some(at) => at,
        None => database.view(None)?.time(),
    };
    let _kept = database.keep(at);
    let header = Header {
        database: database.name.clone(),
        read_time: Timestamp::from_micros(at.0),
    };
    let catalog = database.catalog()?;
    let declarations = Declaration::all(&catalog);
    let mut target = Target::begin(to, &header, &declarations, core.now())?;
    let written = write_all(database, at, &mut target, running);
    if let Err(error) = written {
        target.give_up();
        return Err(error);
    }
    target.finish(core.now())?;
    Ok(End::Done {
        read_time: Some(header.read_time),
        notes: Vec::new(),
    })
}

fn write_all(
    database: &Arc<Database>,
    at: CommitTime,
    target: &mut Target,
    running: &Running,
) -> Result<(), Error> {
    let mut walk = Walk::default();
    loop {
        // A view of its own for each page: a long-lived one keeps the engine from tidying up.
        let Some(page) = walk.next_page(&database.view(Some(at))?)? else {
            return Ok(());
        };
        for document in &page {
            target.document(&database.name, document)?;
        }
        running.count(u64::try_from(page.len()).unwrap_or(u64::MAX), 0)?;
    }
}

impl Target {
    fn begin(
        to: ExportTo,
        header: &Header,
        declarations: &[Declaration],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let path = match to {
            ExportTo::File(path) => path,
            ExportTo::ManagedFolder { folder, name } => {
                let begun = Managed::begin(&folder, &name, now).map_err(of_managed)?;
                return Ok(Self::Managed(begun));
            }
        };
        if path.exists() {
            return Err(Error::Invalid(format!(
                "`{}` is there already; name another file, or move it away",
                path.display()
            )));
        }
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create_new(&part).map_err(|error| match error.kind() {
            // Two exports to one file would be neither's.
            ErrorKind::AlreadyExists => Error::Invalid(format!(
                "`{}` is there: another export writes it, or one was broken off; then remove it",
                part.display()
            )),
            _ => of_file(&part, error.into()),
        })?;
        let writer = Writer::begin(BufWriter::new(file), header, declarations);
        Ok(Self::File {
            writer: writer.map_err(|error| of_file(&part, error))?,
            part,
            path,
        })
    }

    fn document(&mut self, database: &DatabaseName, document: &Document) -> Result<(), Error> {
        match self {
            Self::File { writer, part, .. } => {
                let written = writer.document(document);
                written.map_err(|error| of_file(part, error))
            }
            Self::Managed(writer) => {
                let name = DocumentName {
                    database: database.clone(),
                    path: document.path.clone(),
                };
                let written = writer.document(&name, &document.fields);
                written.map_err(of_managed)
            }
        }
    }

    fn finish(self, now: Timestamp) -> Result<(), Error> {
        match self {
            Self::File { writer, part, path } => {
                let end = || -> Result<(), FileError> {
                    let (file, _) = writer.finish()?;
                    file.get_ref().sync_all()?;
                    fs::rename(&part, &path)?;
                    Ok(sync_folder(&path)?)
                };
                end().map_err(|error| of_file(&path, error))
            }
            Self::Managed(writer) => writer.finish(now).map(drop).map_err(of_managed),
        }
    }

    fn give_up(self) {
        if let Self::File { part, .. } = self {
            let _ = fs::remove_file(part);
        }
    }
}

/// Makes it last that a file has its name.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

// ---- imports ----

fn import(
    core: &Core,
    database: &Arc<Database>,
    from: &Path,
    references: References,
    running: &Running,
) -> Result<End, Error> {
    let mut source = Source::open(from)?;
    let mut notes = Vec::new();
    for declaration in source.declarations() {
        notes.extend(declare(database, declaration, running)?);
    }
    if !source.declarations().is_empty() {
        // Before the documents come, which would have to be gone through again.
        settle(database, running)?;
    }
    let incoming = std::iter::from_fn(|| source.read(&database.name, references).transpose());
    let indexes = database.indexes();
    let mut read = 0u64;
    for batch in Batches::new(incoming) {
        let batch = batch?;
        read += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let imported = commit(core, database, &indexes, &batch)?;
        running.count(imported.written, imported.unchanged)?;
    }
    if let Some(told) = source.told().filter(|told| *told != read) {
        notes.push(format!(
            "the export's metadata speak of {told} documents, and {read} were there: it may be incomplete"
        ));
    }
    let read_time = None;
    Ok(End::Done { read_time, notes })
}

/// Declares an index of an export; where others of the same collections are being changed, when that is done. Gives a note
/// about one that is not taken over.
fn declare(
    database: &Database,
    declaration: &Declaration,
    running: &Running,
) -> Result<Option<String>, Error> {
    let try_it = || (database.store).write(|tx| declaration.apply(tx));
    let tried = match try_it() {
        Err(error) if Declaration::is_refusal(&error) => {
            settle(database, running)?;
            try_it()
        }
        tried => tried,
    };
    match tried {
        Ok(()) => Ok(None),
        Err(error) if Declaration::is_refusal(&error) => {
            Ok(Some(format!("an index is not taken over: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Builds and removes indexes until nothing is left to do.
fn settle(database: &Database, running: &Running) -> Result<(), Error> {
    for task in database.catalog()?.tasks() {
        while matches!(backfill::step(&database.store, &task)?, Step::More) {
            running.count(0, 0)?;
        }
    }
    Ok(())
}

/// Commits documents, in several parts where one is too much, so that the one that is refused can be named.
fn commit(
    core: &Core,
    database: &Database,
    indexes: &Indexes,
    batch: &[Incoming],
) -> Result<Imported, Error> {
    let now = core.now();
    let written = database.store.write(|tx| {
        let mut rng = SystemRng;
        let cx = OpContext { now, rng: &mut rng };
        let catalog = indexes.catalog(tx)?;
        run::apply(tx, &cx, batch, catalog.as_ref())
    });
    let error = match written {
        Ok(imported) => return Ok(imported),
        Err(error) => error,
    };
    let of_batch =
        error.is_answer() || matches!(error, DocumentError::Store(StoreError::TooLarge(_)));
    match batch {
        [one] if of_batch => Err(Error::Invalid(format!(
            "the document `{}` cannot be imported: {error}",
            one.path
        ))),
        [_, _, ..] if of_batch => {
            let (first, second) = batch.split_at(batch.len() / 2);
            let mut imported = commit(core, database, indexes, first)?;
            imported += commit(core, database, indexes, second)?;
            Ok(imported)
        }
        _ => Err(error.into()),
    }
}

/// A file or a folder that is read.
enum Source {
    File {
        reader: Reader<BufReader<File>>,
        path: PathBuf,
    },
    Managed(ManagedExport),
}

impl Source {
    fn open(path: &Path) -> Result<Self, Error> {
        let managed = firekeep_managed_export::find_metadata(path).map_err(of_managed)?;
        if managed.is_some() || path.is_dir() {
            let export = ManagedExport::open(managed.as_deref().unwrap_or(path));
            return Ok(Self::Managed(export.map_err(of_managed)?));
        }
        let file = File::open(path).map_err(FileError::from);
        let reader = file.and_then(|file| Reader::open(BufReader::new(file)));
        Ok(Self::File {
            reader: reader.map_err(|error| of_file(path, error))?,
            path: path.to_owned(),
        })
    }

    fn read(
        &mut self,
        to: &DatabaseName,
        references: References,
    ) -> Result<Option<Incoming>, Error> {
        let (from, mut incoming) = match self {
            Self::File { reader, path } => {
                let read = reader.read().map_err(|error| of_file(path, error))?;
                let Some(document) = read else {
                    return Ok(None);
                };
                (reader.header().database.clone(), Incoming::from(document))
            }
            Self::Managed(export) => {
                let Some(entity) = export.next().transpose().map_err(of_managed)? else {
                    return Ok(None);
                };
                let incoming = Incoming {
                    path: entity.name.path,
                    fields: entity.fields,
                    create_time: None,
                };
                (entity.name.database, incoming)
            }
        };
        if references == References::Follow && from != *to {
            incoming.fields = led(incoming.fields, &from, to)?;
        }
        Ok(Some(incoming))
    }

    fn declarations(&self) -> &[Declaration] {
        match self {
            Self::File { reader, .. } => reader.declarations(),
            Self::Managed(_) => &[],
        }
    }

    fn told(&self) -> Option<u64> {
        match self {
            Self::File { .. } => None,
            Self::Managed(export) => export.told(),
        }
    }
}

fn led(fields: Map, from: &DatabaseName, to: &DatabaseName) -> Result<Map, Error> {
    run::lead(fields, from, to).map_err(|error| DocumentError::from(error).into())
}

// ---- errors, as sentences ----

fn of_file(path: &Path, error: FileError) -> Error {
    let path = path.display();
    Error::Invalid(match error {
        FileError::Io(cause) => format!("`{path}` cannot be read or written: {cause}"),
        error => format!("`{path}`: {error}"),
    })
}

fn of_managed(error: ManagedError) -> Error {
    Error::Invalid(match error {
        ManagedError::Io { file, cause } => {
            format!("`{}` cannot be read or written: {cause}", file.display())
        }
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests;
