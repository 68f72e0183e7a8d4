use firekeep_model::{DatabaseId, Document, DocumentName, Map, OpContext, ProjectId, Value};
use firekeep_store::CommitTime;
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::run::{Batches, Imported, Incoming, Walk, apply, lead};
use super::*;
use crate::Error;
use crate::commit::NoIndexes;
use crate::fixture::{World, document, fields, set};
use crate::index::catalog::{Catalog, Expiry, Mode};
use crate::index::definition::{Definition, FieldOverride, IndexOrder, QueryScope};
use crate::limits::{EXPORT_BLOCK_BYTES, IMPORT_BATCH_BYTES, IMPORT_BATCH_DOCUMENTS};

fn database(name: &str) -> DatabaseName {
    let project = ProjectId::parse("demo").unwrap();
    DatabaseName::new(project, DatabaseId::parse(name).unwrap())
}

fn header() -> Header {
    Header {
        database: database("(default)"),
        read_time: Timestamp::from_micros(1_234_567),
    }
}

fn write(documents: &[Document]) -> (Vec<u8>, Totals) {
    let mut writer = Writer::begin(Vec::new(), &header(), &[]).unwrap();
    for document in documents {
        writer.document(document).unwrap();
    }
    writer.finish().unwrap()
}

fn read(file: &[u8]) -> Result<Vec<Document>, FileError> {
    Reader::open(file)?.collect()
}

fn some(random: &mut Seeded, count: usize) -> Vec<Document> {
    let document = |_| Document {
        path: values::document_path(random),
        fields: values::map(random, 3),
        create_time: values::timestamp(random),
        update_time: values::timestamp(random),
    };
    (0..count).map(document).collect()
}

fn large(path: &str, bytes: usize) -> Document {
    let mut random = Seeded::new(9);
    let noise: Vec<u8> = (0..bytes).map(|_| random.bits().to_le_bytes()[0]).collect();
    Document {
        path: document(path),
        fields: fields(&[("b", Value::Bytes(noise.into()))]),
        create_time: Timestamp::from_secs(1),
        update_time: Timestamp::from_secs(2),
    }
}

#[test]
fn documents_come_back_in_their_order() {
    let mut random = Seeded::new(1);
    for count in [0, 1, 2, 1_000] {
        let documents = some(&mut random, count);
        let (file, totals) = write(&documents);
        let mut reader = Reader::open(file.as_slice()).unwrap();
        assert_eq!(*reader.header(), header());
        let found: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(found, documents);
        assert_eq!(reader.totals(), totals);
        assert!(reader.read().unwrap().is_none());
    }
}

#[test]
fn blocks_are_short_and_a_large_document_has_one_of_its_own() {
    let documents = [
        large("c/a", 10),
        large("c/b", EXPORT_BLOCK_BYTES / 2),
        large("c/c", EXPORT_BLOCK_BYTES / 2),
        large("c/d", 1_048_400),
        large("c/e", 10),
    ];
    let (file, totals) = write(&documents);
    assert_eq!(totals.blocks, 4);
    assert_eq!(read(&file).unwrap(), documents);
}

#[test]
fn every_truncation_is_noticed() {
    let (file, _) = write(&some(&mut Seeded::new(2), 5));
    for length in 0..file.len() {
        let error = read(&file[..length]).unwrap_err();
        let noticed = matches!(error, FileError::NotAnExport | FileError::CutOff { .. });
        assert!(noticed, "{length}: {error}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    let error = read(&longer).unwrap_err();
    assert!(
        matches!(error, FileError::Damaged { block: 3, .. }),
        "{error}"
    );
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (file, _) = write(&some(&mut Seeded::new(3), 5));
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn damage_is_reported_with_its_block() {
    let documents: Vec<_> = ["c/a", "c/b", "c/c"]
        .map(|path| large(path, 200_000))
        .into();
    let (file, totals) = write(&documents);
    assert_eq!(totals.blocks, 3);
    let mut damaged = file.clone();
    damaged[file.len() / 2] ^= 1;
    let text = read(&damaged).unwrap_err().to_string();
    assert!(
        text.starts_with("the export is damaged in block 2, which begins at byte 200"),
        "{text}"
    );
    let text = read(&file[..file.len() / 2]).unwrap_err().to_string();
    assert!(
        text.starts_with("the export is cut off in block 2, which begins at byte 200"),
        "{text}"
    );
}

#[test]
fn a_block_that_is_missing_or_stands_elsewhere_is_noticed() {
    let documents: Vec<_> = ["c/a", "c/b"].map(|path| large(path, 200_000)).into();
    let (file, _) = write(&documents);
    let (one, _) = write(&documents[..1]);
    let (none, _) = write(&[]);
    let header_end = none.len() - frame_bytes(48);
    let first_end = one.len() - frame_bytes(48);
    let second_end = file.len() - frame_bytes(48);
    let (first, second) = (&file[header_end..first_end], &file[first_end..second_end]);
    let (head, tail) = (&file[..header_end], &file[second_end..]);
    assert!(read(&[head, first, second, tail].concat()).is_ok());
    for parts in [
        [head, second, first, tail].concat(),
        [head, first, tail].concat(),
        [head, first, first, tail].concat(),
        [head, first, second, second, tail].concat(),
        [head, tail].concat(),
    ] {
        assert!(read(&parts).is_err());
    }
}

/// Of a frame whose bytes do not compress.
const fn frame_bytes(raw: usize) -> usize {
    25 + raw
}

#[test]
fn files_of_others_are_refused() {
    let (file, _) = write(&[]);
    assert!(matches!(
        read(b"PK\x03\x04 and more of it"),
        Err(FileError::NotAnExport)
    ));
    let mut newer = file.clone();
    newer[MAGIC.len()] = 2;
    let text = read(&newer).unwrap_err().to_string();
    assert!(text.starts_with("the export has format 2"), "{text}");
    newer[MAGIC.len()] = 0;
    assert!(matches!(
        read(&newer),
        Err(FileError::Damaged { block: 0, .. })
    ));
}

#[test]
fn a_length_takes_no_memory_before_it_is_checked() {
    let (file, _) = write(&[]);
    let mut endless = file[..MAGIC.len() + 2].to_vec();
    endless.extend_from_slice(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    endless.resize(endless.len() + 100, 0);
    let text = read(&endless).unwrap_err().to_string();
    assert!(text.ends_with("its lengths are impossible"), "{text}");
}

fn export(world: &World, at: Option<CommitTime>) -> (Vec<u8>, Vec<Document>) {
    let at = at.unwrap_or_else(|| world.read().time());
    let mut walk = Walk::default();
    let mut writer = Writer::begin(Vec::new(), &header(), &[]).unwrap();
    let mut all = Vec::new();
    // Each page in a transaction of its own, as an export of an hour has it.
    while let Some(page) = walk.next_page(&world.store.read_at(at).unwrap()).unwrap() {
        for document in page {
            writer.document(&document).unwrap();
            all.push(document);
        }
    }
    (writer.finish().unwrap().0, all)
}

fn import(world: &World, file: &[u8]) -> (Imported, usize) {
    let documents = Reader::open(file).unwrap();
    let incoming = documents.map(|document| document.map(Incoming::from));
    let (mut all, mut commits) = (Imported::default(), 0);
    for batch in Batches::new(incoming) {
        let batch = batch.unwrap();
        let mut rng = Seeded::new(1);
        let cx = OpContext {
            now: world.now(),
            rng: &mut rng,
        };
        let (imported, time) = world
            .store
            .write_timed::<_, Error>(|tx| apply(tx, &cx, &batch, &NoIndexes))
            .unwrap();
        all += imported;
        commits += usize::from(time.is_some());
    }
    (all, commits)
}

fn filled(seed: u64) -> World {
    let world = World::new();
    let mut random = Seeded::new(seed);
    for _ in 0..40 {
        world.pass(1_000);
        let writes: Vec<_> = some(&mut random, 30)
            .into_iter()
            .map(|document| {
                let mut write = set(document.path.as_str(), &[]);
                write.operation = crate::Operation::Update {
                    fields: document.fields,
                    mask: None,
                };
                write
            })
            .collect();
        world.commit(&writes).unwrap();
    }
    world
}

#[test]
fn an_import_is_what_was_exported() {
    for seed in 0..10 {
        let from = filled(seed);
        let (file, exported) = export(&from, None);
        let to = World::new();
        to.pass(1_000_000_000);
        let (imported, _) = import(&to, &file);
        assert_eq!(imported.written, u64::try_from(exported.len()).unwrap());
        let (_, again) = export(&to, None);
        // The import's is when it changed last, and nothing else is different.
        let as_imported = |(before, after): (&Document, &Document)| {
            assert!(after.update_time >= to.now());
            let update_time = before.update_time;
            Document {
                update_time,
                ..after.clone()
            }
        };
        let again: Vec<_> = exported.iter().zip(&again).map(as_imported).collect();
        assert_eq!(again.len(), exported.len());
        assert_eq!(write_bytes(&again), write_bytes(&exported));
        assert_eq!(write_bytes(&exported), file);
    }
}

fn write_bytes(documents: &[Document]) -> Vec<u8> {
    write(documents).0
}

#[test]
fn an_import_that_is_there_already_commits_nothing() {
    let from = filled(20);
    let (file, exported) = export(&from, None);
    let to = World::new();
    let (_, commits) = import(&to, &file);
    assert!(commits > 0);
    let (again, commits) = import(&to, &file);
    let unchanged = u64::try_from(exported.len()).unwrap();
    assert_eq!(
        (again, commits),
        (
            Imported {
                written: 0,
                unchanged
            },
            0
        )
    );
    // What was lost or changed comes back; what the import does not have stays.
    let path = exported[0].path.as_str();
    to.commit(&[set(path, &[("other", 1.into())]), set("new/one", &[])])
        .unwrap();
    let (again, commits) = import(&to, &file);
    assert_eq!((again.written, commits), (1, 1));
    assert_eq!(to.find(path).unwrap().fields, exported[0].fields);
    assert!(to.find("new/one").is_some());
}

#[test]
fn an_export_is_of_its_time() {
    let world = filled(30);
    let at = world.read().time();
    let (before, _) = export(&world, Some(at));
    let paths: Vec<_> = export(&world, None).1;
    for document in paths.iter().take(20) {
        world
            .commit(&[crate::fixture::delete(document.path.as_str())])
            .unwrap();
    }
    world.fill((0..300).map(|n| format!("later/{n}")));
    assert_eq!(export(&world, Some(at)).0, before);
}

#[test]
fn creation_times_are_kept_unless_they_are_to_come() {
    let world = World::new();
    let now = world.now();
    let check = |path: &str, create_time, expected: Option<Timestamp>| {
        let incoming = Incoming {
            path: document(path),
            fields: fields(&[("n", 1.into())]),
            create_time,
        };
        let mut rng = Seeded::new(1);
        let cx = OpContext { now, rng: &mut rng };
        let one = std::slice::from_ref(&incoming);
        (world.store)
            .write::<_, Error>(|tx| apply(tx, &cx, one, &NoIndexes))
            .unwrap();
        let found = world.find(path).unwrap();
        assert_eq!(
            found.create_time,
            expected.unwrap_or(found.update_time),
            "{path}"
        );
        assert!(found.create_time <= found.update_time);
    };
    let before = Timestamp::from_micros(5);
    check("c/known", Some(before), Some(before));
    check("c/unknown", None, None);
    check("c/future", Some(Timestamp::MAX), None);
    // A document that is there and other.
    world.commit(&[set("c/old", &[])]).unwrap();
    let created = world.find("c/old").unwrap().create_time;
    check("c/old", None, Some(created));
    world.commit(&[set("c/older", &[])]).unwrap();
    check("c/older", Some(before), Some(before));
}

#[test]
fn of_two_documents_with_one_path_the_last_one_counts() {
    let world = World::new();
    let one = |path: &str, n: i64| Incoming {
        path: document(path),
        fields: fields(&[("n", n.into())]),
        create_time: None,
    };
    let batch = [one("c/a", 1), one("c/b", 2), one("c/a", 3)];
    let mut rng = Seeded::new(1);
    let cx = OpContext {
        now: world.now(),
        rng: &mut rng,
    };
    let imported = world
        .store
        .write::<_, Error>(|tx| apply(tx, &cx, &batch, &NoIndexes))
        .unwrap();
    assert_eq!(imported.written, 2);
    assert_eq!(world.find("c/a").unwrap().fields, batch[2].fields);
}

#[test]
fn batches_are_bounded_and_an_error_comes_last() {
    let one = |n: usize, bytes: usize| {
        let text: Value = Value::String("x".repeat(bytes).into());
        Ok(Incoming {
            path: document(&format!("c/{n}")),
            fields: fields(&[("s", text)]),
            create_time: None,
        })
    };
    let check = |documents: Vec<Result<Incoming, &'static str>>,
                 expected: &[Result<usize, &str>]| {
        let found: Vec<_> = Batches::new(documents.into_iter())
            .map(|batch| batch.map(|batch| batch.len()))
            .collect();
        assert_eq!(found, expected);
    };
    let limit = IMPORT_BATCH_DOCUMENTS;
    check(
        (0..limit + 2).map(|n| one(n, 1)).collect(),
        &[Ok(limit), Ok(2)],
    );
    check(
        (0..3).map(|n| one(n, IMPORT_BATCH_BYTES)).collect(),
        &[Ok(1); 3],
    );
    check(
        (0..4).map(|n| one(n, IMPORT_BATCH_BYTES / 3)).collect(),
        &[Ok(2), Ok(2)],
    );
    check(
        vec![one(1, 1), Err("cut"), one(2, 1)],
        &[Ok(1), Err("cut"), Ok(1)],
    );
    check(vec![], &[]);
}

#[test]
fn references_within_the_database_go_along() {
    let name = |database_name: &str, path: &str| {
        Value::reference(DocumentName {
            database: database(database_name),
            path: document(path),
        })
    };
    let with = |here: &str| {
        let inner = fields(&[("r", name(here, "c/1"))]);
        fields(&[
            ("a", name(here, "c/2")),
            ("b", name("third", "c/3")),
            ("m", inner.clone().into()),
            (
                "l",
                firekeep_model::Array::new(vec![name(here, "c/4"), inner.into(), 7.into()])
                    .unwrap()
                    .into(),
            ),
        ])
    };
    let led = |fields: Map| lead(fields, &database("(default)"), &database("other")).unwrap();
    assert_eq!(led(with("(default)")), with("other"));
    assert_eq!(led(with("another")), with("another"));
}

fn declarations() -> Vec<Declaration> {
    let collection = |id: &str| firekeep_model::CollectionId::parse(id).unwrap();
    let field = |path: &str| firekeep_model::FieldRef::parse(path).unwrap();
    let composite = |scope, fields: &[(&str, IndexOrder)]| {
        let fields = fields.iter().map(|(path, order)| (field(path), *order));
        let definition = Definition::new(collection("c"), scope, fields.collect());
        Declaration::Composite(definition.unwrap())
    };
    let group = QueryScope::CollectionGroup;
    let rule = |id: Option<&str>, path: Option<&str>, indexes: &[(QueryScope, IndexOrder)]| {
        Declaration::Override(FieldOverride {
            collection: id.map(collection),
            field: path.map(crate::fixture::field),
            indexes: indexes.to_vec(),
        })
    };
    vec![
        composite(
            QueryScope::Collection,
            &[
                ("a", IndexOrder::Ascending),
                ("b.`c d`", IndexOrder::Descending),
            ],
        ),
        composite(
            group,
            &[
                ("tags", IndexOrder::Contains),
                ("at", IndexOrder::Descending),
                ("__name__", IndexOrder::Ascending),
            ],
        ),
        composite(QueryScope::Collection, &[("v", IndexOrder::Vector(768))]),
        rule(Some("c"), Some("text"), &[]),
        rule(
            Some("d"),
            None,
            &[(QueryScope::Collection, IndexOrder::Contains)],
        ),
        Declaration::Group(collection("messages")),
        Declaration::Mode(Mode::Enforce),
        Declaration::Expiry(Expiry {
            collection: collection("messages"),
            field: crate::fixture::field("until.at"),
        }),
    ]
}

#[test]
fn index_definitions_go_along() {
    let world = World::new();
    for declaration in declarations() {
        world.store.write(|tx| declaration.apply(tx)).unwrap();
    }
    let found = Declaration::all(&Catalog::load(&world.read()).unwrap());
    for declaration in declarations() {
        assert!(found.contains(&declaration), "{declaration:?}");
    }
    assert_eq!(found.len(), declarations().len());
    let documents = some(&mut Seeded::new(5), 3);
    let mut writer = Writer::begin(Vec::new(), &header(), &found).unwrap();
    for document in &documents {
        writer.document(document).unwrap();
    }
    let file = writer.finish().unwrap().0;
    let reader = Reader::open(file.as_slice()).unwrap();
    assert_eq!(reader.declarations(), found);
    assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), documents);
    // To declare all of it again changes nothing.
    for declaration in &found {
        world.store.write(|tx| declaration.apply(tx)).unwrap();
    }
    assert_eq!(
        Declaration::all(&Catalog::load(&world.read()).unwrap()),
        found
    );
    for length in 0..file.len() {
        assert!(read(&file[..length]).is_err(), "{length}");
    }
}

#[test]
fn many_index_definitions_are_several_blocks() {
    let many: Vec<_> = declarations().into_iter().cycle().take(20_000).collect();
    let (file, _) = Writer::begin(Vec::new(), &header(), &many)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(Reader::open(file.as_slice()).unwrap().declarations(), many);
}
