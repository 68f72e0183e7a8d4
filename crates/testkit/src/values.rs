//! Generated values, names and field paths: few different ones, so that two are often equal or close, and full of
//! edges: integers that no double holds, signed zeros, NaN, infinities, NUL, `FF`, prefixes, numeric ids.

use firekeep_model::{
    Array, CollectionId, CollectionPath, DatabaseId, DatabaseName, DocumentId, DocumentName,
    DocumentPath, FieldPath, GeoPoint, Map, ProjectId, Timestamp, TypeGroup, Value, Vector,
};

use crate::random::Seeded;

/// Every group of values, in their order.
pub const GROUPS: [TypeGroup; 12] = [
    TypeGroup::Null,
    TypeGroup::Boolean,
    TypeGroup::Nan,
    TypeGroup::Number,
    TypeGroup::Timestamp,
    TypeGroup::String,
    TypeGroup::Bytes,
    TypeGroup::Reference,
    TypeGroup::GeoPoint,
    TypeGroup::Array,
    TypeGroup::Vector,
    TypeGroup::Map,
];

/// Any value, with at most `depth` maps and arrays inside each other.
pub fn value(random: &mut Seeded, depth: usize) -> Value {
    let group = random.pick(&GROUPS);
    match group {
        TypeGroup::Array | TypeGroup::Map if depth == 0 => Value::Null,
        group => value_of(random, group, depth),
    }
}

/// A value of a group. Maps and arrays are empty where `depth` is 0.
pub fn value_of(random: &mut Seeded, group: TypeGroup, depth: usize) -> Value {
    match group {
        TypeGroup::Null => Value::Null,
        TypeGroup::Boolean => random.once_in(2).into(),
        TypeGroup::Nan => f64::NAN.into(),
        TypeGroup::Number => number(random),
        TypeGroup::Timestamp => timestamp(random).into(),
        TypeGroup::String => Value::String(text(random).into()),
        TypeGroup::Bytes => Value::Bytes(bytes(random).into()),
        TypeGroup::Reference => Value::reference(document_name(random)),
        TypeGroup::GeoPoint => Value::GeoPoint(geo_point(random)),
        TypeGroup::Array => array(random, depth).into(),
        TypeGroup::Vector => Value::Vector(vector(random)),
        TypeGroup::Map => map(random, depth).into(),
    }
}

/// Two values, two times out of three of the same group: those are the interesting ones.
pub fn pair(random: &mut Seeded, depth: usize) -> (Value, Value) {
    let a = value(random, depth);
    let b = match random.below(3) {
        0 => value(random, depth),
        _ => value_of(random, a.group(), depth),
    };
    (a, b)
}

/// An integer or a double, but not NaN.
pub fn number(random: &mut Seeded) -> Value {
    match random.below(3) {
        0 => double(random).into(),
        _ => integer(random).into(),
    }
}

/// An integer near one where doubles change their step.
pub fn integer(random: &mut Seeded) -> i64 {
    const TWO_53: i64 = 1 << 53;
    let base = random.pick(&[0, TWO_53, -TWO_53, 1 << 54, 1 << 60, i64::MAX, i64::MIN]);
    base.saturating_add(random.pick(&[-1_024, -513, -2, -1, 0, 1, 2, 3, 512, 1_025]))
}

/// A double that is not NaN.
#[expect(
    clippy::cast_precision_loss,
    reason = "the neighbours of integers are wanted"
)]
pub fn double(random: &mut Seeded) -> f64 {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    let value = match random.below(4) {
        0 => f64::from_bits(random.bits()),
        1 => integer(random) as f64,
        2 => integer(random) as f64 + 0.5,
        _ => random.pick(&[
            0.0,
            -0.0,
            5e-324,
            -f64::MIN_POSITIVE,
            f64::MIN,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            TWO_63,
            -TWO_63,
            TWO_63 * 1.5,
        ]),
    };
    if value.is_nan() { 0.0 } else { value }
}

/// A time that documents can hold.
pub fn timestamp(random: &mut Seeded) -> Timestamp {
    let base = random.pick(&[Timestamp::MIN, Timestamp::MAX, Timestamp::default()]);
    let micros = base.micros() + random.pick(&[-1_000_000, -1, 0, 1, 1_000]);
    Timestamp::from_micros(micros).clamp(Timestamp::MIN, Timestamp::MAX)
}

/// A string of at most 3 characters.
pub fn text(random: &mut Seeded) -> String {
    let length = random.below(4);
    text_of(random, length)
}

fn text_of(random: &mut Seeded, length: usize) -> String {
    const CHARACTERS: [char; 9] = ['\0', '\u{1}', '\u{2}', 'a', 'b', '.', 'é', '\u{FFFF}', '😀'];
    (0..length).map(|_| random.pick(&CHARACTERS)).collect()
}

/// At most 3 bytes.
pub fn bytes(random: &mut Seeded) -> Vec<u8> {
    let length = random.below(4);
    (0..length)
        .map(|_| random.pick(&[0, 1, 2, 0xFE, 0xFF]))
        .collect()
}

/// A point on the earth.
pub fn geo_point(random: &mut Seeded) -> GeoPoint {
    let latitude = random.pick(&[-90.0, -1.5, -0.0, 0.0, 90.0]);
    let longitude = random.pick(&[-180.0, -0.0, 0.0, 1e-9, 180.0]);
    GeoPoint::new(latitude, longitude).expect("within the ranges")
}

/// An array of at most 3 elements.
pub fn array(random: &mut Seeded, depth: usize) -> Array {
    let elements = elements(random, depth);
    let flat = |element: &Value| !matches!(element, Value::Array(_) | Value::Vector(_));
    Array::new(elements.into_iter().filter(flat).collect()).expect("flat")
}

fn elements(random: &mut Seeded, depth: usize) -> Vec<Value> {
    match depth.checked_sub(1) {
        Some(inner) => (0..random.below(4)).map(|_| value(random, inner)).collect(),
        None => Vec::new(),
    }
}

/// A vector of 1 to 3 elements.
pub fn vector(random: &mut Seeded) -> Vector {
    let length = 1 + random.below(3);
    let elements: Vec<_> = (0..length).map(|_| double(random)).collect();
    Vector::new(elements).expect("not NaN, and not many")
}

/// A map of at most 3 fields.
pub fn map(random: &mut Seeded, depth: usize) -> Map {
    let entries = elements(random, depth).into_iter();
    let entries = entries
        .map(|value| (field_name(random).into(), value))
        .collect();
    Map::from_entries(entries).expect("good names")
}

/// The name of a field: often one that must be quoted.
pub fn field_name(random: &mut Seeded) -> String {
    match random.below(4) {
        0 => random
            .pick(&[
                "a", "ab", "b", "_", "____", "1a", "a-b", "`", r"\", r"`\`", " ",
            ])
            .to_owned(),
        _ => {
            let length = 1 + random.below(3);
            text_of(random, length)
        }
    }
}

/// A path of 1 to 3 names.
pub fn field_path(random: &mut Seeded) -> FieldPath {
    let length = 1 + random.below(3);
    FieldPath::new((0..length).map(|_| field_name(random))).expect("good names, and short")
}

/// The id of a document: now and then a numeric one, or nearly one.
pub fn document_id(random: &mut Seeded) -> DocumentId {
    let id = match random.below(4) {
        0 => format!("__id{}__", integer(random)),
        1 => random
            .pick(&[
                "__id7__", "__id10__", "__id-1__", "__", "____", "__id7_", "a!", "...",
            ])
            .to_owned(),
        _ => {
            let length = 1 + random.below(3);
            text_of(random, length)
        }
    };
    DocumentId::parse(&id).unwrap_or_else(|_| DocumentId::parse("dots").expect("an id"))
}

/// The id of a collection.
pub fn collection_id(random: &mut Seeded) -> CollectionId {
    let length = 1 + random.below(2);
    let id = text_of(random, length);
    CollectionId::parse(&id).unwrap_or_else(|_| CollectionId::parse("dots").expect("an id"))
}

/// A path of 1 to 3 collections.
pub fn document_path(random: &mut Seeded) -> DocumentPath {
    let mut path = None;
    for _ in 0..random.below(3) {
        path = Some(child(random, path.as_ref()));
    }
    child(random, path.as_ref())
}

fn child(random: &mut Seeded, parent: Option<&DocumentPath>) -> DocumentPath {
    let collection = CollectionPath::below(parent, &collection_id(random)).expect("not deep");
    collection.document(&document_id(random)).expect("short")
}

/// The name of a document in one of a few databases.
pub fn document_name(random: &mut Seeded) -> DocumentName {
    let project = ProjectId::parse(random.pick(&["p", "p-", "pp", "é"])).expect("a project id");
    let database = DatabaseId::parse(random.pick(&["(default)", "main", "main-2"]));
    DocumentName {
        database: DatabaseName::new(project, database.expect("a database id")),
        path: document_path(random),
    }
}
