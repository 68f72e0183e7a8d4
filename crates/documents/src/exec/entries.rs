//! Documents by the entries of an index.
//!
//! Entries come in the order of the values in them, and then of the documents' names, but for those in which a value or a
//! name is cut. Firestore specification, section 13; storage design, section 4.

use std::ops::Bound;

use firekeep_model::{CollectionId, CollectionPath, Value};
use firekeep_store::Key;
use firekeep_store::tuple::{self, Encoder};

use crate::Error;
use crate::exec::reader::{Cx, Reader, Step, item};
use crate::exec::sort_key::put_key;
use crate::exec::source::Hit;
use crate::exec::stream::Trust;
use crate::index::definition::QueryScope;
use crate::index::key::{Component, Cut, Scope, split};
use crate::query::Direction;

/// Which documents an index has, as [`Scope`], but owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnScope {
    Collection(CollectionPath),
    Group(CollectionId),
}

/// What all entries of one scan have in common.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) scope: OwnScope,
    /// How many bytes of a key are in front of the components.
    pub(crate) prefix: usize,
    pub(crate) components: Vec<Component>,
    /// How many of the components, at the front, have one value in the whole scan, and how many bytes that is.
    pub(crate) fixed: (usize, usize),
    /// What the names of documents begin with: the key of the collection, or of the query's parent.
    pub(crate) above: Key,
}

/// A part of a sort key.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// The same in the whole scan.
    Constant(Key),
    /// A component of the entry, by its position behind the fixed ones; turned where the query's order is the other one.
    Component { at: usize, is_turned: bool },
    /// The document's name.
    Name(Direction),
}

/// How the order of a scan and that of the query fit.
#[derive(Clone, Debug)]
pub(crate) enum Fit {
    /// They are the same: the sort key is made of these parts.
    Whole(Vec<Part>),
    /// So many components behind the fixed ones are in order, and what shares them is not.
    Partly(usize),
    /// Order does not matter.
    Any,
}

/// A scan of entries.
#[derive(Debug)]
pub(crate) struct Entries {
    layout: Layout,
    fit: Fit,
    trust: Trust,
    /// The components, behind the fixed ones, of which the numbers are wanted.
    numbers: Vec<usize>,
    reader: Reader,
}

/// An entry, as far as every scan needs it.
pub(crate) struct Met {
    pub(crate) key: Key,
    /// The document's key in `docs`.
    pub(crate) name: Key,
    pub(crate) tail: Key,
    /// As [`Entry::ordered`](crate::index::key::Entry::ordered).
    pub(crate) ordered: Option<usize>,
    pub(crate) cut: Cut,
}

impl OwnScope {
    pub(crate) const fn as_scope(&self) -> Scope<'_> {
        match self {
            Self::Collection(path) => Scope::Collection(path),
            Self::Group(id) => Scope::Group(id),
        }
    }

    pub(crate) const fn query_scope(&self) -> QueryScope {
        match self {
            Self::Collection(_) => QueryScope::Collection,
            Self::Group(_) => QueryScope::CollectionGroup,
        }
    }
}

impl Layout {
    pub(crate) fn read(&self, key: Key, row: &[u8]) -> Result<Met, Error> {
        let scope = self.scope.as_scope();
        let entry = split(&scope, self.prefix, &self.components, &key, row)?;
        let tail = entry.tail.to_vec();
        let (ordered, cut) = (entry.ordered, entry.cut);
        let name = match &self.scope {
            OwnScope::Collection(_) => [self.above.as_slice(), &tail].concat(),
            OwnScope::Group(_) => tail.clone(),
        };
        Ok(Met {
            key,
            name,
            tail,
            ordered,
            cut,
        })
    }

    /// If a document is below the query's parent.
    pub(crate) fn is_below(&self, name: &[u8]) -> bool {
        name.len() > self.above.len() && name.starts_with(&self.above)
    }

    /// The components behind the fixed ones, each by itself.
    pub(crate) fn components<'k>(&self, key: &'k [u8]) -> impl Iterator<Item = &'k [u8]> {
        let (count, bytes) = self.fixed;
        let mut rest = key.get(self.prefix + bytes..).unwrap_or_default();
        let components = self.components.iter().skip(count);
        components.map_while(move |component| {
            let length = match component.direction {
                Direction::Ascending => tuple::value_length(rest),
                Direction::Descending => tuple::descending_value_length(rest),
            };
            // The front of a cut value may go on as if it were a value with what is behind it.
            let length = length.map_or(component.bytes_max, |length| {
                length.min(component.bytes_max)
            });
            let (component, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(component)
        })
    }

    /// The numbers among some components, and null for everything else.
    fn numbers(&self, key: &[u8], wanted: &[usize]) -> Vec<Value> {
        let components: Vec<_> = self.components(key).collect();
        let number = |at: &usize| {
            let component = self.components.get(self.fixed.0 + at)?;
            let bytes = components.get(*at)?;
            match component.direction {
                Direction::Ascending => tuple::number(bytes),
                Direction::Descending => {
                    let turned: Vec<_> = bytes.iter().map(|byte| !byte).collect();
                    tuple::number(&turned)
                }
            }
        };
        wanted
            .iter()
            .map(|at| number(at).unwrap_or_default())
            .collect()
    }

    /// How many bytes of a key are in front of what is behind so many components.
    fn length_of(&self, key: &[u8], components: usize) -> usize {
        let lengths = self.components(key).take(components).map(<[u8]>::len);
        self.prefix + self.fixed.1 + lengths.sum::<usize>()
    }
}

/// Puts a sort key together.
pub(crate) fn assemble(parts: &[Part], components: &[&[u8]], name: &[u8]) -> Result<Key, Error> {
    let mut encoder = Encoder::after(Vec::with_capacity(64 + name.len()));
    for part in parts {
        match part {
            Part::Constant(bytes) => {
                encoder.raw(bytes);
            }
            Part::Component { at, is_turned } => {
                let bytes = components
                    .get(*at)
                    .ok_or(Error::Corrupt("an index entry of it"))?;
                match is_turned {
                    false => encoder.raw(bytes),
                    true => encoder.descending(|encoder| {
                        encoder.raw(bytes);
                    }),
                };
            }
            Part::Name(direction) => put_key(&mut encoder, name, *direction),
        }
    }
    Ok(encoder.finish())
}

impl Entries {
    pub(crate) const fn new(
        layout: Layout,
        fit: Fit,
        trust: Trust,
        numbers: Vec<usize>,
        reader: Reader,
    ) -> Self {
        Self {
            layout,
            fit,
            trust,
            numbers,
            reader,
        }
    }

    /// The next document.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Step<Hit>, Error> {
        loop {
            let (key, row) = item!(self.reader.next(cx)?);
            let met = self.layout.read(key, &row.value)?;
            if self.layout.is_below(&met.name) {
                return Ok(Step::Item(self.hit(met)?));
            }
        }
    }

    fn hit(&self, met: Met) -> Result<Hit, Error> {
        let (sort, label_bytes) = match (&self.fit, met.ordered) {
            (Fit::Any, _) => (Some(Key::new()), None),
            (Fit::Whole(parts), None) => {
                let components: Vec<_> = self.layout.components(&met.key).collect();
                (Some(assemble(parts, &components, &met.name)?), None)
            }
            (Fit::Whole(_), Some(ordered)) => (None, Some(ordered)),
            // Nothing is in order.
            (Fit::Partly(0), _) => (None, Some(0)),
            (Fit::Partly(count), ordered) => {
                let length = self.layout.length_of(&met.key, *count);
                (None, Some(length.min(ordered.unwrap_or(usize::MAX))))
            }
        };
        let numbers = match (self.numbers.as_slice(), met.cut) {
            ([], _) | (_, Cut::Cut) => Vec::new(),
            (numbers, Cut::Whole) => self.layout.numbers(&met.key, numbers),
        };
        let label = label_bytes.and_then(|bytes| met.key.get(..bytes));
        Ok(Hit {
            label: label.map(<[u8]>::to_vec),
            place: met.key,
            name: met.name,
            row: None,
            numbers,
            sort,
            trust: match met.cut {
                Cut::Whole => self.trust,
                Cut::Cut => Trust::None,
            },
        })
    }

    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        self.reader.rewind(place);
    }

    /// Shows the numbers of entries, and the document's key where an entry does not say all, until that answers false.
    pub(crate) fn tally(
        &mut self,
        cx: &mut Cx<'_>,
        see: &mut dyn FnMut(&[Value], Option<Key>) -> bool,
    ) -> Result<Step<()>, Error> {
        let (layout, numbers) = (&self.layout, &self.numbers);
        let mut failure = None;
        let step = self.reader.visit(cx, &mut |key, row| {
            match (row.is_empty(), numbers.as_slice()) {
                (true, []) => return see(&[], None),
                (true, numbers) => return see(&layout.numbers(key, numbers), None),
                (false, _) => {}
            }
            match layout.read(key.to_vec(), row) {
                Ok(met) => see(&[], Some(met.name)),
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        })?;
        failure.map_or(Ok(step), Err)
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> String {
        let fit = match &self.fit {
            Fit::Whole(_) => "whole",
            Fit::Partly(0) => "unordered",
            Fit::Partly(_) => "partly",
            Fit::Any => "any",
        };
        let composite = self.layout.components.len() > 1;
        format!("entries, {fit}, {:?}, composite {composite}", self.trust)
    }
}
