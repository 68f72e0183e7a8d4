//! The document that all systems store: 10 fields, about 1 KiB as JSON.

use serde_json::{Value, json};

/// How many documents of a collection have the same `group`: one in this many, and so more than a query gives in each of
/// the collections.
pub(crate) const GROUPS: u32 = 100;

/// A document.
pub(crate) struct Item {
    /// Its number.
    pub(crate) number: u32,
    /// Which state of it: each write makes another.
    pub(crate) version: u32,
}

impl Item {
    /// The document's id: not in the order of the numbers.
    pub(crate) fn id(number: u32) -> String {
        format!("{:08x}", number.wrapping_mul(2_654_435_761))
    }

    /// The group of a number.
    pub(crate) fn group(number: u32) -> u32 {
        number % GROUPS
    }

    /// Names and values.
    pub(crate) fn fields(&self) -> [(&'static str, Value); 10] {
        let Self { number, version } = *self;
        let mixed = number.wrapping_mul(40_503).wrapping_add(version);
        let text: String = (0..25u32)
            .map(|at| format!("{:08x} words and more words ", mixed.wrapping_mul(at + 77)))
            .collect();
        [
            ("number", json!(number)),
            ("group", json!(Self::group(number))),
            ("city", json!(format!("city {}", number % 50))),
            (
                "name",
                json!(format!("name {:x}", number.wrapping_mul(7_919))),
            ),
            ("email", json!(format!("user{number}@example.com"))),
            ("age", json!(mixed % 100)),
            ("score", json!(f64::from(mixed % 10_007) / 7.0)),
            ("active", json!(number % 2 == 0)),
            ("version", json!(version)),
            ("text", json!(text)),
        ]
    }

    /// The same as an object.
    pub(crate) fn object(&self) -> Value {
        let fields = self.fields().into_iter();
        Value::Object(
            fields
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }
}

/// Bytes of so many documents as JSON.
pub(crate) fn json_bytes(count: u32) -> u64 {
    let item = Item {
        number: count / 2,
        version: 0,
    };
    let bytes = item.object().to_string().len();
    u64::from(count) * u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Fewer bytes than a document has in any encoding, and more than one has that lacks its text.
pub(crate) const fn document_bytes_min() -> usize {
    600
}
