//! Resource names and field paths: what is read, is printed as something that is read as the same.

#![no_main]

use firekeep_model::{
    CollectionName, DatabaseName, DocumentName, FieldMask, FieldPath, FieldRef, ParentName,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = DatabaseName::parse(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(name) = DocumentName::parse(text) {
        assert_eq!(name.to_string(), text);
        assert_eq!(name.database.parse_document(text), Ok(name.path));
    }
    if let Ok(name) = CollectionName::parse(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(name) = ParentName::parse(text) {
        assert_eq!(name.to_string(), text);
        assert_eq!(name.database.parse_parent(text), Ok(name.document));
    }
    if let Ok(path) = FieldRef::parse(text) {
        assert_eq!(FieldRef::parse(&path.to_string()), Ok(path));
    }
    if let Ok(path) = FieldPath::parse(text) {
        assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
    }
    let paths: Vec<_> = text.split(',').collect();
    if let Ok(mask) = FieldMask::parse(&paths) {
        let covers = |path: &&str| FieldPath::parse(path).is_ok_and(|path| mask.covers(&path));
        assert!(paths.iter().all(covers));
    }
});
