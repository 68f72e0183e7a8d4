//! Sets of field paths: what a write changes, or what a read gives.
//!
//! An empty mask is not the absence of a mask: it names no field at all. Whoever takes a mask takes an `Option` of it.
//! Firestore specification, sections 4.1 and 5.2.

use std::cmp::Ordering;

use crate::{FieldPath, FieldPathError, Map, Value};

/// Field paths, sorted. A path covers those below it, which are not kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMask(Box<[FieldPath]>); // INVARIANT: sorted, and no path covers another one.

impl FieldMask {
    /// The mask of these paths.
    #[must_use]
    pub fn new(paths: impl IntoIterator<Item = FieldPath>) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_unstable();
        // A path is sorted directly before those that it covers.
        paths.dedup_by(|path, kept| kept.covers(path));
        Self(paths.into())
    }

    /// Reads the paths of a mask. `__name__` is none.
    ///
    /// # Errors
    /// Every [`FieldPathError`].
    pub fn parse(paths: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, FieldPathError> {
        let paths: Result<Vec<_>, _> = (paths.into_iter())
            .map(|path| FieldPath::parse(path.as_ref()))
            .collect();
        paths.map(Self::new)
    }

    /// The paths, sorted.
    #[must_use]
    pub fn paths(&self) -> &[FieldPath] {
        &self.0
    }

    /// If the mask names no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// If a field is named by the mask, itself or with one that it is in.
    #[must_use]
    pub fn covers(&self, path: &FieldPath) -> bool {
        let behind = self.0.partition_point(|own| own <= path);
        let before = behind.checked_sub(1).and_then(|at| self.0.get(at));
        before.is_some_and(|own| own.covers(path))
    }

    /// What the mask names of these fields. A path that leads nowhere is skipped, with the maps on its way.
    #[must_use]
    pub fn project(&self, fields: Map) -> Map {
        let names: Vec<_> = self.0.iter().map(|path| path.names()).collect();
        project(&names, fields)
    }
}

/// What paths name of fields: `paths` is sorted, and no path is empty.
fn project<'a, N: ExactSizeIterator<Item = &'a str> + Clone>(paths: &[N], fields: Map) -> Map {
    let mut kept = Vec::with_capacity(fields.len().min(paths.len()));
    let mut paths = paths;
    for (name, value) in fields.into_entries() {
        let first = |path: &N| path.clone().next().unwrap_or_default();
        let from = paths.partition_point(|path| first(path).cmp(&name) == Ordering::Less);
        let (_, ahead) = paths.split_at(from);
        let to = ahead.partition_point(|path| *first(path) == *name);
        let (own, rest) = ahead.split_at(to);
        paths = rest;
        let below: Vec<N> = own
            .iter()
            .map(|path| {
                let mut path = path.clone();
                path.next();
                path
            })
            .collect();
        match (below.first(), value) {
            (None, _) => {}
            // The path ends here, and then it is the only one.
            (Some(path), value) if path.len() == 0 => kept.push((name, value)),
            (Some(_), Value::Map(map)) => {
                let inner = project(&below, map);
                if !inner.is_empty() {
                    kept.push((name, inner.into()));
                }
            }
            (Some(_), _) => {}
        }
    }
    Map::from_sorted(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask::parse(paths).unwrap()
    }

    #[test]
    fn an_ancestor_stands_for_what_is_below() {
        let check = |paths: &[&str], expected: &[&str]| {
            let printed: Vec<_> = mask(paths)
                .paths()
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(printed, expected);
        };
        check(&[], &[]);
        check(&["b", "a.b", "a", "a.b.c", "a"], &["a", "b"]);
        check(
            &["a.c", "a.b.c", "a.b", "`a.b`", "ab"],
            &["a.b", "a.c", "`a.b`", "ab"],
        );
        assert!(FieldMask::parse(["a", "__name__"]).is_err());
        assert!(mask(&[]).is_empty());
    }

    #[test]
    fn covered_paths() {
        let mask = mask(&["a.b", "c"]);
        let check =
            |path, expected| assert_eq!(mask.covers(&FieldPath::parse(path).unwrap()), expected);
        for path in ["a.b", "a.b.c", "c", "c.d"] {
            check(path, true);
        }
        for path in ["a", "a.a", "a.bb", "b", "d", "`a.b`", "A"] {
            check(path, false);
        }
    }

    #[test]
    fn projections() {
        let mut fields = Map::new();
        for (path, value) in [
            ("a.b", 1),
            ("a.c.d", 2),
            ("a.c.e", 3),
            ("s", 4),
            ("`a.b`", 5),
        ] {
            fields.set_path(&FieldPath::parse(path).unwrap(), value.into());
        }
        fields.insert("e", Map::new().into()).unwrap();
        let check = |paths: &[&str], expected: &str| {
            let printed = format!("{:?}", mask(paths).project(fields.clone()));
            assert_eq!(
                printed.replace("Integer", "").replace("Map", ""),
                expected,
                "{paths:?}"
            );
        };
        check(&[], "{}");
        check(&["a.b"], r#"{"a": ({"b": (1)})}"#);
        check(
            &["a.c.d", "s", "zz"],
            r#"{"a": ({"c": ({"d": (2)})}), "s": (4)}"#,
        );
        check(
            &["a.c", "a.b"],
            r#"{"a": ({"b": (1), "c": ({"d": (2), "e": (3)})})}"#,
        );
        check(&["`a.b`"], r#"{"a.b": (5)}"#);
        // As the official emulator: nothing is left of a map whose named field is missing; a named empty map stays.
        check(&["a.x", "s.x", "e.x"], "{}");
        check(&["e"], r#"{"e": ({})}"#);
    }
}
