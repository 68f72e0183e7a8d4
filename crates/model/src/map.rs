//! The fields of a document, or of a map value.
//!
//! A sorted vector instead of a tree: documents are decoded and compared as a whole far more often than a field is
//! put in, and the vector costs one allocation where a tree costs several. Firestore specification, sections 1.3, 2.1.

use crate::field_path::check_field_name;
use crate::{FieldPath, Value, ValueError};

/// Fields by name, sorted by the UTF-8 bytes of the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Map(Vec<(Box<str>, Value)>); // INVARIANT: sorted, each name once, every name a field name.

impl Map {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The map of these fields, in any order. Of two fields with one name the last one counts, as in protobuf.
    ///
    /// # Errors
    /// [`ValueError::Field`] for a name that no field can have.
    pub fn from_entries(mut entries: Vec<(Box<str>, Value)>) -> Result<Self, ValueError> {
        for (name, _) in &entries {
            check_field_name(name)?;
        }
        // Stored rows come sorted, and need nothing.
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            // Stable, so that of equal names the last one stays last; it moves into the one that is kept.
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    std::mem::swap(later, kept);
                }
                same
            });
        }
        Ok(Self(entries))
    }

    /// The number of fields.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// If there is no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.find(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Puts a field in; gives the value that it had.
    ///
    /// # Errors
    /// [`ValueError::Field`] for a name that no field can have.
    pub fn insert(&mut self, name: &str, value: Value) -> Result<Option<Value>, ValueError> {
        check_field_name(name)?;
        Ok(self.put(name, value))
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.find(name).ok()?;
        Some(self.0.remove(at).1)
    }

    /// The fields, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The value at a path through maps.
    #[must_use]
    pub fn get_path(&self, path: &FieldPath) -> Option<&Value> {
        let (last, parents) = path.split_last();
        let mut map = self;
        for name in parents {
            map = map.get(name)?.as_map()?;
        }
        map.get(last)
    }

    /// Puts a value at a path; gives the value that was there. Whatever on the way is missing or no map becomes a map.
    /// Source: specification, section 4.1.
    pub fn set_path(&mut self, path: &FieldPath, value: Value) -> Option<Value> {
        let (last, parents) = path.split_last();
        let mut map = self;
        for name in parents {
            map = map.map_at(name);
        }
        map.put(last, value)
    }

    /// Takes the value at a path out. The maps on the way stay, even when they are empty now.
    pub fn remove_path(&mut self, path: &FieldPath) -> Option<Value> {
        let (last, parents) = path.split_last();
        let mut map = self;
        for name in parents {
            let at = map.find(name).ok()?;
            match map.0.get_mut(at) {
                Some((_, Value::Map(inner))) => map = inner,
                _ => return None,
            }
        }
        map.remove(last)
    }

    /// The map in a field, made where there is none.
    fn map_at(&mut self, name: &str) -> &mut Self {
        let at = self.find(name).unwrap_or_else(|at| {
            self.0.insert(at, (name.into(), Self::new().into()));
            at
        });
        #[expect(clippy::indexing_slicing, reason = "found, or put in there")]
        let value = &mut self.0[at].1;
        if !matches!(value, Value::Map(_)) {
            *value = Self::new().into();
        }
        match value {
            Value::Map(map) => map,
            _ => unreachable!("made a map two lines above"),
        }
    }

    fn put(&mut self, name: &str, value: Value) -> Option<Value> {
        match self.find(name) {
            Ok(at) => (self.0.get_mut(at)).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (name.into(), value));
                None
            }
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(key, _)| (**key).cmp(name))
    }

    /// The fields for whoever keeps some of them.
    pub(crate) fn into_entries(self) -> Vec<(Box<str>, Value)> {
        self.0
    }

    /// Fields that were taken from a map, in their order.
    pub(crate) fn from_sorted(entries: Vec<(Box<str>, Value)>) -> Self {
        Self(entries)
    }
}

impl IntoIterator for Map {
    type Item = (Box<str>, Value);
    type IntoIter = std::vec::IntoIter<(Box<str>, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, i64)]) -> Map {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Map::from_entries(entries.collect()).unwrap()
    }

    #[test]
    fn entries_are_sorted_and_the_last_of_a_name_counts() {
        let read = map(&[("b", 1), ("a", 2), ("é", 3), ("b", 4), ("Z", 5), ("b", 6)]);
        assert_eq!(read, map(&[("Z", 5), ("a", 2), ("b", 6), ("é", 3)]));
        assert_eq!(
            format!("{read:?}"),
            r#"{"Z": Integer(5), "a": Integer(2), "b": Integer(6), "é": Integer(3)}"#
        );
        assert_eq!(map(&[("a", 1), ("a", 2)]), map(&[("a", 2)]));
    }

    #[test]
    fn fields_come_and_go() {
        let mut map = map(&[("b", 1)]);
        assert_eq!(map.insert("a", 2.into()), Ok(None));
        assert_eq!(map.insert("b", 3.into()), Ok(Some(1.into())));
        assert_eq!((map.get("a"), map.get("c")), (Some(&2.into()), None));
        assert_eq!((map.remove("a"), map.remove("a")), (Some(2.into()), None));
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "__a__"] {
            assert!(Map::new().insert(name, Value::Null).is_err());
            assert!(Map::from_entries(vec![(name.into(), Value::Null)]).is_err());
        }
    }

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    #[test]
    fn paths_go_through_maps_and_make_them() {
        let mut fields = map(&[("s", 1)]);
        assert_eq!(fields.set_path(&path("a.b.c"), 2.into()), None);
        assert_eq!(fields.set_path(&path("s.x"), 3.into()), None);
        assert_eq!(fields.set_path(&path("a.b.c"), 4.into()), Some(2.into()));
        assert_eq!(
            format!("{fields:?}"),
            r#"{"a": Map({"b": Map({"c": Integer(4)})}), "s": Map({"x": Integer(3)})}"#
        );
        assert_eq!(fields.get_path(&path("a.b.c")), Some(&4.into()));
        assert_eq!(fields.get_path(&path("a.b.c.d")), None);
        assert_eq!(fields.get_path(&path("x.b")), None);
        assert_eq!(fields.remove_path(&path("a.b.c.d")), None);
        assert_eq!(fields.remove_path(&path("a.b.c")), Some(4.into()));
        assert_eq!(fields.get_path(&path("a.b")), Some(&Map::new().into()));
        assert_eq!(fields.remove_path(&path("q.b")), None);
    }
}
