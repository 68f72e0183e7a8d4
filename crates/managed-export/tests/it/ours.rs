use firekeep_managed_export::{Export, Writer, decode_entity, encode_entity, find_metadata};
use firekeep_model::Timestamp;
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

#[test]
fn any_document_comes_back() {
    let mut random = Seeded::new(1);
    for _ in 0..5_000 {
        let name = values::document_name(&mut random);
        let fields = values::map(&mut random, 4);
        let entity = decode_entity(&encode_entity(&name, &fields)).unwrap();
        assert_eq!((entity.name, entity.fields), (name, fields));
    }
}

#[test]
fn damaged_entities_are_refused_or_others() {
    let mut random = Seeded::new(2);
    let mut refused = 0;
    for _ in 0..20_000 {
        let name = values::document_name(&mut random);
        let mut bytes = encode_entity(&name, &values::map(&mut random, 3));
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.bits().to_le_bytes()[0]),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        match decode_entity(&bytes) {
            Ok(entity) => {
                let again = decode_entity(&encode_entity(&entity.name, &entity.fields));
                assert_eq!(again, Ok(entity));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 5_000, "{refused}");
}

#[test]
fn a_folder_that_we_write_is_read() {
    let mut random = Seeded::new(3);
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    let now = Timestamp::from_secs(7);
    let mut writer = Writer::begin(&export, "mine", now).unwrap();
    let mut documents = Vec::new();
    for _ in 0..2_000 {
        let name = values::document_name(&mut random);
        let fields = values::map(&mut random, 3);
        writer.document(&name, &fields).unwrap();
        documents.push((name, fields));
    }
    assert_eq!(find_metadata(folder.path()).unwrap(), None);
    let metadata = writer.finish(now).unwrap();
    assert_eq!(
        find_metadata(folder.path()).unwrap().as_ref(),
        Some(&metadata)
    );
    for path in [folder.path(), &export, &metadata] {
        let export = Export::open(path).unwrap();
        assert_eq!(export.told(), Some(2_000));
        let found: Vec<_> = export
            .map(|entity| entity.map(|entity| (entity.name, entity.fields)).unwrap())
            .collect();
        assert_eq!(found, documents);
    }
    assert!(Writer::begin(&export, "mine", now).is_err());
}
