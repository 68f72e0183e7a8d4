use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use firekeep_managed_export::records::Records;
use firekeep_managed_export::{Error, Export, encode_entity};
use firekeep_model::{Array, DocumentName, GeoPoint, Map, Timestamp, Value, Vector};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/emulator_export")
}

fn reference(text: &str) -> Value {
    Value::reference(DocumentName::parse(text).unwrap())
}

fn here(path: &str) -> Value {
    reference(&format!(
        "projects/demo-fixture/databases/(default)/documents/{path}"
    ))
}

fn map(entries: &[(&str, Value)]) -> Map {
    let entries = entries.iter();
    Map::from_entries(
        entries
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    )
    .unwrap()
}

fn nested(entries: &[(&str, Value)]) -> Value {
    map(entries).into()
}

fn array(elements: &[Value]) -> Value {
    Array::new(elements.to_vec()).unwrap().into()
}

fn vector(elements: &[f64]) -> Value {
    Value::Vector(Vector::new(elements).unwrap())
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.into())
}

fn point(latitude: f64, longitude: f64) -> Value {
    Value::GeoPoint(GeoPoint::new(latitude, longitude).unwrap())
}

fn micros(micros: i64) -> Value {
    Timestamp::from_micros(micros).into()
}

fn text(text: &str) -> Value {
    text.into()
}

/// What was put into the emulator.
fn documents() -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let one = || Value::Integer(1);
    let null = || Value::Null;
    let noon = || micros(1_709_210_096_123_456);
    let some_bytes = || bytes(&[0, 1, 2]);
    let none = || array(&[]);
    vec![
        ("types/null", vec![("v", null())]),
        ("types/true", vec![("v", true.into())]),
        ("types/false", vec![("v", false.into())]),
        (
            "types/int",
            vec![
                ("max", i64::MAX.into()),
                ("min", i64::MIN.into()),
                ("minus", (-1).into()),
                ("one", one()),
                ("zero", 0.into()),
            ],
        ),
        (
            "types/double",
            vec![
                ("half", 0.5.into()),
                ("inf", f64::INFINITY.into()),
                ("minf", f64::NEG_INFINITY.into()),
                // The emulator's JSON has no negative zero.
                ("mzero", 0.0.into()),
                ("nan", f64::NAN.into()),
                ("three", 3.0.into()),
                ("zero", 0.0.into()),
            ],
        ),
        (
            "types/time",
            vec![
                ("epoch", micros(0)),
                ("max", Timestamp::MAX.into()),
                ("micro", noon()),
                ("min", Timestamp::MIN.into()),
                ("neg", micros(-1)),
            ],
        ),
        (
            "types/string",
            vec![
                ("empty", text("")),
                ("long", text(&"x".repeat(600))),
                ("text", text("hello")),
                ("uni", text("é😀\0x")),
            ],
        ),
        (
            "types/bytes",
            vec![
                ("empty", bytes(&[])),
                ("long", bytes(&[0xFF; 600])),
                ("some", bytes(&[0, 1, 2, 0xFF])),
            ],
        ),
        (
            "types/ref",
            vec![
                ("num", here("types/__id7__")),
                (
                    "other",
                    reference("projects/demo-fixture/databases/other-db/documents/c/d"),
                ),
                ("plain", here("types/int")),
                (
                    "proj",
                    reference("projects/another-project/databases/(default)/documents/c/d"),
                ),
                ("sub", here("types/int/sub/x")),
            ],
        ),
        (
            "types/geo",
            vec![("v", point(1.5, -2.25)), ("zero", point(0.0, 0.0))],
        ),
        (
            "types/array",
            vec![
                ("empty", none()),
                (
                    "maps",
                    array(&[
                        nested(&[("x", array(&[one(), 2.into()]))]),
                        nested(&[("x", none())]),
                    ]),
                ),
                (
                    "mixed",
                    array(&[
                        one(),
                        text("a"),
                        null(),
                        2.5.into(),
                        true.into(),
                        noon(),
                        some_bytes(),
                        here("types/int"),
                        point(1.0, 2.0),
                        nested(&[("a", one())]),
                        nested(&[]),
                    ]),
                ),
                ("nullonly", array(&[null()])),
                ("one", array(&[one()])),
            ],
        ),
        (
            "types/map",
            vec![
                (
                    "deep",
                    nested(&[(
                        "a",
                        nested(&[(
                            "b",
                            nested(&[("c", array(&[one(), nested(&[("d", null())])]))]),
                        )]),
                    )]),
                ),
                ("empty", nested(&[])),
                ("flat", nested(&[("a", one()), ("b", text("x"))])),
                (
                    "types",
                    nested(&[
                        ("d", 1.5.into()),
                        ("e", none()),
                        ("em", nested(&[])),
                        ("g", point(1.0, 2.0)),
                        ("n", null()),
                        ("r", here("types/int")),
                        ("t", noon()),
                        ("y", some_bytes()),
                    ]),
                ),
            ],
        ),
        (
            "types/vector",
            vec![("one", vector(&[0.5])), ("v", vector(&[1.0, 2.5, -3.0]))],
        ),
        (
            "types/vectormap",
            vec![("m", nested(&[("v", vector(&[1.0, 2.0]))]))],
        ),
        ("types/none", vec![]),
        ("types/__id7__", vec![("v", 7.into())]),
        ("types/__id-7__", vec![("v", (-7).into())]),
        ("types/int/sub/x", vec![("v", one())]),
        ("missing/parent/sub/x", vec![("v", one())]),
        (
            "names/a b",
            vec![
                (" ", 4.into()),
                ("`", 2.into()),
                ("a.b", one()),
                ("é", 3.into()),
            ],
        ),
        ("names/é😀", vec![("v", one())]),
        ("names/123", vec![("v", one())]),
        ("deep/a/deep/b/deep/c/deep/d", vec![("v", one())]),
        ("big/one", vec![("v", text(&"y".repeat(40_000)))]),
    ]
}

#[test]
fn the_emulators_export_is_what_was_put_into_it() {
    let mut export = Export::open(&folder()).unwrap();
    assert_eq!(export.told(), Some(24));
    let found: BTreeMap<_, _> = export
        .by_ref()
        .map(|entity| {
            let entity = entity.unwrap();
            let database = entity.name.database.to_string();
            assert_eq!(database, "projects/demo-fixture/databases/(default)");
            (entity.name.path.as_str().to_owned(), entity.fields)
        })
        .collect();
    let expected = documents();
    for (path, fields) in &expected {
        assert_eq!(found.get(*path), Some(&map(fields)), "{path}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn we_write_the_same_bytes() {
    let output = folder().join("all_namespaces/all_kinds/output-0");
    let records = Records::new(fs::File::open(output).unwrap());
    for record in records {
        let record = record.unwrap();
        let entity = firekeep_managed_export::decode_entity(&record).unwrap();
        let ours = encode_entity(&entity.name, &entity.fields);
        assert_eq!(ours, record, "{}", entity.name);
    }
}

/// A copy of the export, changed.
#[track_caller]
fn check(change: impl FnOnce(&Path), words: &str) {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&folder(), copy.path());
    change(copy.path());
    let read = || -> Result<usize, Error> {
        let export = Export::open(copy.path())?;
        Ok(export.collect::<Result<Vec<_>, _>>()?.len())
    };
    let text = match read() {
        Ok(count) => format!("{count} documents"),
        Err(error) => error.to_string(),
    };
    assert!(text.contains(words), "{text}");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &copy),
            false => assert!(fs::copy(entry.path(), copy).is_ok()),
        }
    }
}

const EMPTY: &[u8] = b"\xb8\x6d\x44\x4e\x01\x00\x01\x33\x05\x2b\x28\x43\x00\x00\x01";
const OVERALL: &str = "firestore_export.overall_export_metadata";
const KINDS: &str = "all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata";
const OUTPUT: &str = "all_namespaces/all_kinds/output-0";

#[test]
fn what_is_missing_or_damaged_is_named() {
    let change = |file: &'static str, change: fn(&mut Vec<u8>)| {
        move |folder: &Path| {
            let path = folder.join(file);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
    };
    let remove =
        |file: &'static str| move |folder: &Path| fs::remove_file(folder.join(file)).unwrap();
    check(|_| {}, "24 documents");
    // What the emulator writes for a database without documents.
    check(
        change(OVERALL, |bytes| *bytes = EMPTY.to_vec()),
        "0 documents",
    );
    check(remove(OVERALL), "is no managed export");
    check(
        |folder| {
            fs::copy(
                folder.join(OVERALL),
                folder.join("x.overall_export_metadata"),
            )
            .unwrap();
        },
        "is no managed export",
    );
    check(
        remove(KINDS),
        "all_namespaces_all_kinds.export_metadata`, which is not there",
    );
    check(remove(OUTPUT), "output-0`, which is not there");
    check(
        change(OVERALL, |bytes| bytes.truncate(90)),
        "it is cut off in the record at byte 8",
    );
    check(
        change(OVERALL, |bytes| bytes.clear()),
        "it does not hold two records",
    );
    check(
        change(KINDS, |bytes| bytes.truncate(51)),
        "it does not hold the names",
    );
    check(change(KINDS, |bytes| bytes.clear()), "0 documents");
    check(
        change(OUTPUT, |bytes| bytes.truncate(44_000)),
        "output-0`: it is cut off in the record at byte",
    );
    check(
        change(OUTPUT, |bytes| bytes[500] ^= 1),
        "output-0`: it is damaged at byte",
    );
    check(
        change(KINDS, |bytes| {
            let at = bytes.len() - 8;
            bytes[at..].copy_from_slice(b"../../xy");
        }),
        "it names a file outside of the export",
    );
}
