//! Entries of indexes: any bytes are taken apart, or refused; what is written is found again where it is, and in order.

#![no_main]

use firekeep_documents::index::IndexId;
use firekeep_documents::index::key::{
    Component, Cut, Scope, append, composite, elements, entry, split, values,
};
use firekeep_documents::query::Direction;
use firekeep_fuzz::documents;
use firekeep_model::{CollectionId, Value};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    any_bytes(data);
    let _ = made(&mut Unstructured::new(data));
});

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// The first byte says what the rest is to be: which scope, how many components, how much of it the row.
fn any_bytes(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let collection = documents::path(&mut Unstructured::new(&[])).map(|path| path.parent());
    let Ok(collection) = collection else {
        return;
    };
    let group = CollectionId::parse("c").expect("it is an id");
    let scope = match kind & 1 {
        0 => Scope::Collection(&collection),
        _ => Scope::Group(&group),
    };
    let count = usize::from(kind >> 1 & 3);
    let components: Vec<_> = (DIRECTIONS.iter().cycle())
        .map(|direction| Component::of(count, *direction))
        .take(count)
        .collect();
    let row_bytes = rest.len().min(usize::from(kind >> 3));
    let (row, behind) = rest.split_at(row_bytes);
    let prefix = composite(IndexId::FIRST_COMPOSITE, &scope);
    let key = [&prefix, behind].concat();
    match split(&scope, prefix.len(), &components, &key, row) {
        Ok(entry) => {
            assert!(behind.starts_with(entry.values));
            if matches!(row, [] | [1]) {
                assert_eq!([entry.values, entry.tail].concat(), behind);
            }
            assert_eq!(
                entry.cut == Cut::Cut,
                row.first().is_some_and(|flags| flags & 1 != 0)
            );
            assert!(entry.ordered.is_none_or(|length| length <= key.len()));
            if let Ok(document) = scope.document(entry.tail) {
                assert_eq!(scope.tail(&document), entry.tail);
            }
        }
        Err(error) => assert!(error.is_damage()),
    }
    let _ = split(&scope, usize::from(*kind), &components, rest, row);
}

/// An entry of a document comes apart as it was made, in every kind of index.
fn made(input: &mut Unstructured<'_>) -> Result<()> {
    let document = documents::path(input)?;
    let field = documents::field(input)?;
    let collection = document.parent();
    let group = CollectionId::parse(document.collection_id()).expect("it has an id");
    let count = input.int_in_range(1..=3)?;
    let components = (0..count).map(|_| Ok(Component::of(count, *input.choose(&DIRECTIONS)?)));
    let components: Vec<Component> = components.collect::<Result<_>>()?;
    let values_of = (0..count).map(|_| documents::value(input, 2));
    let values_of: Vec<Value> = values_of.collect::<Result<_>>()?;
    for scope in [Scope::Collection(&collection), Scope::Group(&group)] {
        check(
            &scope,
            composite(IndexId(16), &scope),
            &components,
            &values_of,
            &document,
        );
        let single = [Component::SINGLE];
        for prefix in [values(&scope, &field), elements(&scope, &field)] {
            check(
                &scope,
                prefix,
                &single,
                values_of.get(..1).unwrap_or_default(),
                &document,
            );
        }
    }
    Ok(())
}

fn check(
    scope: &Scope<'_>,
    prefix: Vec<u8>,
    components: &[Component],
    values: &[Value],
    document: &firekeep_model::DocumentPath,
) {
    let from = prefix.len();
    let mut key = prefix;
    let mut cut = Cut::Whole;
    for (component, value) in components.iter().zip(values) {
        let (longer, is_cut) = append(key, value, *component);
        key = longer;
        if is_cut == Cut::Cut {
            cut = Cut::Cut;
        }
    }
    let middle = key.get(from..).unwrap_or_default().to_vec();
    let (key, row) = entry(scope, key, cut, document);
    let split = split(scope, from, components, &key, &row).expect("what we write can be read");
    assert_eq!(split.values, middle);
    assert_eq!(split.cut, cut);
    assert_eq!(
        scope.document(split.tail).expect("it names a document"),
        *document
    );
}
