//! Writing a managed export: what the official emulator writes, byte by byte for the same documents in the same order.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use firekeep_model::{DatabaseId, DatabaseName, DocumentName, Map, Timestamp, Value, numeric_id};

use crate::Error;
use crate::entity::{
    MEANING_BLOB, MEANING_EMPTY_LIST, MEANING_ENTITY, MEANING_POINT, MEANING_VECTOR, MEANING_WHEN,
};
use crate::folder::METADATA_SUFFIX;
use crate::records::RecordWriter;
use crate::wire::Message;

/// Where the documents go, below the export's folder.
const KINDS_FOLDER: &str = "all_namespaces/all_kinds";
const KINDS_METADATA: &str = "all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata";
const OUTPUT: &str = "output-0";

/// Writes a managed export of a whole database. Without [`finish`](Self::finish) it has no metadata, and no reader takes it.
pub struct Writer {
    folder: PathBuf,
    export_name: String,
    begun: Timestamp,
    output: PathBuf,
    records: RecordWriter<BufWriter<File>>,
    documents: u64,
}

impl Writer {
    /// Begins an export in a folder, which is made. `export_name` names its metadata file.
    ///
    /// # Errors
    /// [`Error::Io`], also for a folder that has an export.
    pub fn begin(folder: &Path, export_name: &str, now: Timestamp) -> Result<Self, Error> {
        let kinds = folder.join(KINDS_FOLDER);
        fs::create_dir_all(&kinds).map_err(|cause| io(&kinds, cause))?;
        let output = kinds.join(OUTPUT);
        let file = File::create_new(&output).map_err(|cause| io(&output, cause))?;
        Ok(Self {
            folder: folder.to_owned(),
            export_name: export_name.to_owned(),
            begun: now,
            output,
            records: RecordWriter::new(BufWriter::new(file)),
            documents: 0,
        })
    }

    /// Writes a document.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn document(&mut self, name: &DocumentName, fields: &Map) -> Result<(), Error> {
        let written = self.records.write(&encode_entity(name, fields));
        written.map_err(|cause| io(&self.output, cause))?;
        self.documents += 1;
        Ok(())
    }

    /// Ends the export; gives the path of its metadata file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self, now: Timestamp) -> Result<PathBuf, Error> {
        let bytes = self.records.written();
        let output = self.records.finish();
        let synced = output.and_then(|output| output.get_ref().sync_all());
        synced.map_err(|cause| io(&self.output, cause))?;

        let mut kinds = Message::default();
        kinds.message(1, |run| {
            run.bytes(1, self.export_name.as_bytes());
            run.number(2, self.begun.micros().cast_unsigned());
            run.number(3, now.micros().cast_unsigned());
        });
        kinds.message(2, |file| {
            file.bytes(1, b"");
            file.bytes(2, OUTPUT.as_bytes());
        });
        let path = self.folder.join(KINDS_METADATA);
        fs::write(&path, kinds.0).map_err(|cause| io(&path, cause))?;

        let mut pointer = Message::default();
        pointer.message(1, |pointer| {
            pointer.message(1, |what| {
                what.number(1, 2);
                what.number(3, 3);
            });
            pointer.bytes(2, KINDS_METADATA.as_bytes());
            pointer.number(3, self.documents);
            pointer.number(4, bytes);
        });
        let path = (self.folder).join(format!("{}{METADATA_SUFFIX}", self.export_name));
        let written = write_overall(&path, &pointer.0);
        written.map_err(|cause| io(&path, cause))?;
        Ok(path)
    }
}

fn write_overall(path: &Path, pointer: &[u8]) -> std::io::Result<()> {
    let mut records = RecordWriter::new(File::create(path)?);
    // The version of the format, it seems.
    records.write(b"3")?;
    records.write(pointer)?;
    let mut file = records.finish()?;
    file.flush()?;
    file.sync_all()
}

fn io(file: &Path, cause: std::io::Error) -> Error {
    Error::Io {
        file: file.to_owned(),
        cause,
    }
}

/// A document's entity.
#[must_use]
pub fn encode_entity(name: &DocumentName, fields: &Map) -> Vec<u8> {
    let mut entity = Message::default();
    entity.message(13, |key| {
        key.bytes(13, app(&name.database).as_bytes());
        key.message(14, |path| {
            for [collection, document] in pairs(name) {
                path.group(1, |element| ids(element, [2, 3, 4], collection, document));
            }
        });
        put_database(key, &name.database);
    });
    put_fields(&mut entity, fields);
    // The group of entities that Datastore keeps together: the first document on the path.
    entity.message(16, |path| {
        if let Some([collection, document]) = pairs(name).next() {
            path.group(1, |element| ids(element, [2, 3, 4], collection, document));
        }
    });
    entity.0
}

/// COMPAT: the emulator's partition; readers look behind the `~` only.
fn app(database: &DatabaseName) -> String {
    format!("dev~{}", database.project())
}

fn put_database(message: &mut Message, database: &DatabaseName) {
    let id = database.database().as_str();
    if id != DatabaseId::DEFAULT {
        message.bytes(23, id.as_bytes());
    }
}

fn pairs(name: &DocumentName) -> impl Iterator<Item = [&str; 2]> {
    let mut segments = name.path.segments();
    std::iter::from_fn(move || Some([segments.next()?, segments.next()?]))
}

fn ids(element: &mut Message, [kind, id, name]: [u64; 3], collection: &str, document: &str) {
    element.bytes(kind, collection.as_bytes());
    match numeric_id(document) {
        Some(number) => element.number(id, number.cast_unsigned()),
        None => element.bytes(name, document.as_bytes()),
    }
}

fn put_fields(entity: &mut Message, fields: &Map) {
    // COMPAT: the emulator puts empty arrays, which have a list of their own, before the other fields.
    let is_empty = |value: &Value| matches!(value, Value::Array(elements) if elements.is_empty());
    for (name, _) in fields.iter().filter(|(_, value)| is_empty(value)) {
        put_property(entity, 14, name, MEANING_EMPTY_LIST, false, |_| {});
    }
    for (name, value) in fields.iter() {
        match value {
            Value::Array(elements) => {
                for element in elements.iter() {
                    put_value(entity, name, element, true);
                }
            }
            Value::Vector(elements) => {
                for element in elements.iter() {
                    let put = |value: &mut Message| value.double(4, *element);
                    put_property(entity, 15, name, MEANING_VECTOR, true, put);
                }
            }
            value => put_value(entity, name, value, false),
        }
    }
}

/// Puts a value that is no array and no vector.
fn put_value(entity: &mut Message, name: &str, value: &Value, multiple: bool) {
    let mut put = |meaning, fill: &dyn Fn(&mut Message)| {
        put_property(entity, 15, name, meaning, multiple, fill);
    };
    match value {
        Value::Null => put(0, &|_| {}),
        Value::Boolean(value) => put(0, &|to| to.number(2, u64::from(*value))),
        Value::Integer(value) => put(0, &|to| to.number(1, value.cast_unsigned())),
        Value::Double(value) => put(0, &|to| to.double(4, *value)),
        Value::Timestamp(value) => {
            put(MEANING_WHEN, &|to| {
                to.number(1, value.micros().cast_unsigned())
            });
        }
        Value::String(value) => put(0, &|to| to.bytes(3, value.as_bytes())),
        Value::Bytes(value) => put(MEANING_BLOB, &|to| to.bytes(3, value)),
        Value::Reference(name) => put(0, &|to| to.group(12, |to| put_reference(to, name))),
        Value::GeoPoint(point) => put(MEANING_POINT, &|to| {
            to.group(5, |to| {
                to.double(6, point.latitude());
                to.double(7, point.longitude());
            });
        }),
        Value::Map(map) => put(MEANING_ENTITY, &|to| to.message(3, |to| put_map(to, map))),
        // Not in an array, and not here.
        Value::Array(_) | Value::Vector(_) => {}
    }
}

fn put_property(
    entity: &mut Message,
    list: u64,
    name: &str,
    meaning: u64,
    multiple: bool,
    fill: impl FnOnce(&mut Message),
) {
    entity.message(list, |property| {
        if meaning != 0 {
            property.number(1, meaning);
        }
        property.bytes(3, name.as_bytes());
        property.number(4, u64::from(multiple));
        property.message(5, fill);
    });
}

/// A map is an entity whose key is empty.
fn put_map(entity: &mut Message, map: &Map) {
    entity.message(13, |key| {
        key.bytes(13, b"");
        key.bytes(14, b"");
    });
    put_fields(entity, map);
    entity.bytes(16, b"");
}

fn put_reference(to: &mut Message, name: &DocumentName) {
    to.bytes(13, app(&name.database).as_bytes());
    for [collection, document] in pairs(name) {
        to.group(14, |element| {
            ids(element, [15, 16, 17], collection, document)
        });
    }
    put_database(to, &name.database);
}
