//! The folder of a managed export: from its metadata file to its documents.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::limits::METADATA_BYTES_MAX;
use crate::records::Records;
use crate::wire::fields;
use crate::{Entity, EntityError, Error, decode_entity};

/// How the name of an export's first file ends.
pub const METADATA_SUFFIX: &str = ".overall_export_metadata";

/// A managed export that is read: an iterator over its documents.
pub struct Export {
    outputs: VecDeque<PathBuf>,
    current: Option<Output>,
    told: Option<u64>,
}

struct Output {
    file: PathBuf,
    records: Records<BufReader<File>>,
    number: u64,
}

/// The metadata file of an export: the path itself, or the one such file in a folder, or in a folder of it, as the
/// `firebase` command line makes them. `None` when there is none.
///
/// # Errors
/// [`Error::NotAnExport`] for several; [`Error::Io`].
pub fn find_metadata(path: &Path) -> Result<Option<PathBuf>, Error> {
    let is_metadata = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().ends_with(METADATA_SUFFIX)
    };
    if !path.is_dir() {
        return Ok(Some(path.to_owned()).filter(|path| is_metadata(path)));
    }
    let one = |mut found: Vec<PathBuf>| match found.pop() {
        Some(_) if !found.is_empty() => Err(Error::NotAnExport(path.to_owned())),
        one => Ok(one),
    };
    let entries = list(path)?;
    let here = entries.iter().filter(|entry| is_metadata(entry)).cloned();
    if let Some(found) = one(here.collect())? {
        return Ok(Some(found));
    }
    let mut below = Vec::new();
    for folder in entries.iter().filter(|entry| entry.is_dir()) {
        below.extend(list(folder)?.into_iter().filter(|entry| is_metadata(entry)));
    }
    one(below)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|cause| at(folder, cause));
    entries.map(|mut entries: Vec<PathBuf>| {
        entries.sort();
        entries
    })
}

fn at(file: &Path, cause: io::Error) -> Error {
    Error::Io {
        file: file.to_owned(),
        cause,
    }
}

impl Export {
    /// Opens an export by its metadata file, or by the folder that it is in.
    ///
    /// # Errors
    /// [`Error`]; among them [`Error::Missing`] for every file that the metadata name and that is not there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let metadata = find_metadata(path)?;
        let metadata = metadata.ok_or_else(|| Error::NotAnExport(path.to_owned()))?;
        let folder = metadata.parent().unwrap_or(Path::new(""));
        let mut outputs = VecDeque::new();
        let mut told = Some(0u64);
        for pointer in read_overall(&metadata)? {
            let kinds = inside(folder, &pointer.path, &metadata)?;
            told = told.and_then(|told| told.checked_add(pointer.documents?));
            outputs.extend(outputs_of(&kinds)?);
        }
        Ok(Self {
            outputs,
            current: None,
            told,
        })
    }

    /// How many documents the metadata say there are. An export of which files were cut off between two documents has
    /// fewer.
    #[must_use]
    pub const fn told(&self) -> Option<u64> {
        self.told
    }

    fn read(&mut self) -> Result<Option<Entity>, Error> {
        loop {
            let output = match &mut self.current {
                Some(output) => output,
                None => {
                    let Some(file) = self.outputs.pop_front() else {
                        return Ok(None);
                    };
                    let input = File::open(&file).map_err(|cause| at(&file, cause))?;
                    self.current.insert(Output {
                        file,
                        records: Records::new(BufReader::new(input)),
                        number: 0,
                    })
                }
            };
            let record = output.records.read().map_err(|cause| Error::Record {
                file: output.file.clone(),
                cause,
            })?;
            let Some(record) = record else {
                self.current = None;
                continue;
            };
            output.number += 1;
            let entity = decode_entity(&record).map_err(|cause| Error::Entity {
                file: output.file.clone(),
                number: output.number,
                cause,
            })?;
            return Ok(Some(entity));
        }
    }
}

impl Iterator for Export {
    type Item = Result<Entity, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entity = self.read();
        if entity.is_err() {
            self.outputs.clear();
            self.current = None;
        }
        entity.transpose()
    }
}

/// What the first file says of one part of the export.
struct Pointer {
    path: String,
    documents: Option<u64>,
}

/// Source: exports of the official emulator. The first record is `3`; the fields of the second are
/// `1 { 2 path · 3 documents · 4 bytes of the outputs }*`.
fn read_overall(file: &Path) -> Result<Vec<Pointer>, Error> {
    let wrong = |what| Error::Metadata {
        file: file.to_owned(),
        what,
    };
    let bytes = read_small(file)?;
    let records: Vec<_> = Records::new(bytes.as_slice())
        .collect::<Result<_, _>>()
        .map_err(|cause| Error::Record {
            file: file.to_owned(),
            cause,
        })?;
    let [_, message] = records.as_slice() else {
        return Err(wrong("it does not hold two records"));
    };
    let pointers = || -> Result<Vec<Pointer>, EntityError> {
        let mut pointers = Vec::new();
        for field in fields(message) {
            let (1, content) = field? else { continue };
            let (mut path, mut documents) = (None, None);
            for field in fields(content.bytes()?) {
                match field? {
                    (2, content) => path = Some(content.text()?.to_owned()),
                    (3, content) => documents = Some(content.number()?),
                    _ => {}
                }
            }
            let path = path.ok_or(EntityError::Malformed("no path"))?;
            pointers.push(Pointer { path, documents });
        }
        Ok(pointers)
    };
    match pointers() {
        // Of an empty database there are none.
        Ok(pointers) => Ok(pointers),
        Err(_) => Err(wrong("it does not hold the names of other files")),
    }
}

/// The outputs that a metadata file names: `2 { 2 name }*`.
fn outputs_of(metadata: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = match read_small(metadata) {
        Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing(metadata.to_owned()));
        }
        read => read?,
    };
    let names = || -> Result<Vec<String>, EntityError> {
        let mut names = Vec::new();
        for field in fields(&bytes) {
            let (2, content) = field? else { continue };
            for field in fields(content.bytes()?) {
                if let (2, content) = field? {
                    names.push(content.text()?.to_owned());
                }
            }
        }
        Ok(names)
    };
    let names = names().map_err(|_| Error::Metadata {
        file: metadata.to_owned(),
        what: "it does not hold the names of the export's files",
    })?;
    let folder = metadata.parent().unwrap_or(Path::new(""));
    let outputs = names.iter().map(|name| {
        let output = inside(folder, name, metadata)?;
        match output.is_file() {
            true => Ok(output),
            false => Err(Error::Missing(output)),
        }
    });
    outputs.collect()
}

/// A file that a metadata file names, which must be below its folder.
fn inside(folder: &Path, name: &str, metadata: &Path) -> Result<PathBuf, Error> {
    let relative = Path::new(name);
    let mut parts = relative.components();
    if name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::Metadata {
            file: metadata.to_owned(),
            what: "it names a file outside of the export",
        });
    }
    Ok(folder.join(relative))
}

fn read_small(file: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let input = File::open(file).map_err(|cause| at(file, cause))?;
    let mut input = input.take(METADATA_BYTES_MAX + 1);
    input
        .read_to_end(&mut bytes)
        .map_err(|cause| at(file, cause))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > METADATA_BYTES_MAX) {
        return Err(Error::Metadata {
            file: file.to_owned(),
            what: "it is larger than any such file",
        });
    }
    Ok(bytes)
}
