//! The order is one, and what is printed is read again as it was.

use firekeep_model::{
    DocumentName, DocumentPath, FieldMask, FieldPath, Map, Value, check_document,
};
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

#[test]
fn the_order_is_total() {
    let random = &mut Seeded::new(1);
    for _ in 0..50_000 {
        let (a, b) = values::pair(random, 2);
        let c = values::value_of(random, b.group(), 2);
        assert_eq!(a.compare(&b), b.compare(&a).reverse(), "{a:?} {b:?}");
        assert!(a.compare(&a).is_eq() && a == a.clone(), "{a:?}");
        if a.compare(&b).is_le() && b.compare(&c).is_le() {
            assert!(a.compare(&c).is_le(), "{a:?} {b:?} {c:?}");
        }
        // What is identical is equal, and what is equal has one group.
        assert!(a != b || a.equals(&b), "{a:?} {b:?}");
        assert!(!a.equals(&b) || a.group() == b.group(), "{a:?} {b:?}");
        if a.group() != b.group() {
            assert_eq!(a.compare(&b), a.group().cmp(&b.group()), "{a:?} {b:?}");
        }
    }
}

#[test]
fn field_paths_are_read_as_they_are_printed() {
    let random = &mut Seeded::new(2);
    for _ in 0..50_000 {
        let path = values::field_path(random);
        let printed = path.to_string();
        assert_eq!(
            FieldPath::parse(&printed).map(|path| path.to_string()),
            Ok(printed)
        );
        assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
    }
}

#[test]
fn names_are_read_as_they_are_printed() {
    let random = &mut Seeded::new(3);
    for _ in 0..50_000 {
        let name = values::document_name(random);
        assert_eq!(DocumentName::parse(&name.to_string()), Ok(name.clone()));
        assert_eq!(
            DocumentPath::parse(name.path.as_str()),
            Ok(name.path.clone())
        );
        assert_eq!(
            name.database.parse_document(&name.to_string()),
            Ok(name.path.clone())
        );
        let other = values::document_name(random);
        assert_eq!(
            name.cmp(&other).is_eq(),
            name.to_string() == other.to_string()
        );
    }
}

/// A document of several fields, set by their paths.
fn fields(random: &mut Seeded) -> Map {
    let mut fields = Map::new();
    for _ in 0..random.below(6) {
        fields.set_path(&values::field_path(random), values::value(random, 2));
    }
    fields
}

#[test]
fn what_is_set_is_found_and_what_is_removed_is_not() {
    let random = &mut Seeded::new(4);
    for _ in 0..20_000 {
        let mut fields = fields(random);
        let path = values::field_path(random);
        let value = values::value(random, 1);
        let before = fields.get_path(&path).cloned();
        assert_eq!(fields.set_path(&path, value.clone()), before);
        assert_eq!(fields.get_path(&path), Some(&value));
        assert!(check_document(&values::document_path(random), &fields).is_ok());
        let entries: Vec<_> = fields.clone().into_iter().rev().collect();
        assert_eq!(Map::from_entries(entries), Ok(fields.clone()));
        assert_eq!(fields.remove_path(&path), Some(value));
        assert_eq!(fields.get_path(&path), None);
    }
}

/// What a mask gives, path by path.
fn project(mask: &FieldMask, fields: &Map) -> Map {
    let mut kept = Map::new();
    for path in mask.paths() {
        if let Some(value) = fields.get_path(path) {
            kept.set_path(path, value.clone());
        }
    }
    kept
}

#[test]
fn a_projection_is_what_its_paths_find() {
    let random = &mut Seeded::new(5);
    for _ in 0..20_000 {
        let fields = fields(random);
        let mut paths: Vec<_> = (0..random.below(4))
            .map(|_| values::field_path(random))
            .collect();
        // Most paths of chance find nothing.
        paths.extend(some_path(random, &fields));
        let mask = FieldMask::new(paths.clone());
        assert!(paths.iter().all(|path| mask.covers(path)));
        assert_eq!(
            mask.project(fields.clone()),
            project(&mask, &fields),
            "{mask:?} {fields:?}"
        );
    }
}

/// A path that leads somewhere.
fn some_path(random: &mut Seeded, fields: &Map) -> Option<FieldPath> {
    let mut names: Vec<&str> = Vec::new();
    let mut map = fields;
    while !map.is_empty() && (names.is_empty() || random.once_in(2)) {
        let (name, value) = map.iter().nth(random.below(map.len()))?;
        names.push(name);
        match value {
            Value::Map(inner) => map = inner,
            _ => break,
        }
    }
    FieldPath::new(names).ok()
}
