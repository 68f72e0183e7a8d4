//! Documents that several scans have in common.
//!
//! Every scan has one value, or one element, and so its entries in the order of the names: each is sent to where the
//! others are, and what all come to is a document of the answer. The work is bounded by the smallest of the scans.

use std::ops::Bound;

use firekeep_store::{Direction, Key, KeyRange};

use crate::Error;
use crate::exec::entries::{Layout, Met, Part, assemble};
use crate::exec::reader::{Cx, Reader, Step, item};
use crate::exec::source::Hit;
use crate::exec::stream::Trust;
use crate::index::key::{Cut, KEY_FRONT_BYTES};

/// Rows that are read together behind a seek.
const ROWS_BEHIND_SEEK: usize = 4;

/// Scans that are followed together.
#[derive(Debug)]
pub(crate) struct Zigzag {
    /// At least one; the first one leads.
    scans: Vec<Scan>,
    /// The sort key; `None` where something else is ordered by than the name.
    parts: Option<Vec<Part>>,
    trust: Trust,
}

/// A scan whose components are all fixed.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) layout: Layout,
    pub(crate) reader: Reader,
    /// What all its keys begin with: everything but the tail.
    pub(crate) front: Key,
}

/// Where a scan is.
enum At {
    /// At an entry of the document that it was sent to.
    Same,
    /// At the entry of a document behind it.
    Behind(Key),
    /// At an entry whose name is cut: whether it has the document, only the document says.
    Unknown,
}

impl Zigzag {
    pub(crate) const fn new(scans: Vec<Scan>, parts: Option<Vec<Part>>, trust: Trust) -> Self {
        Self {
            scans,
            parts,
            trust,
        }
    }

    /// The next document.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Step<Hit>, Error> {
        let Some((leader, others)) = self.scans.split_first_mut() else {
            return Ok(Step::End);
        };
        'document: loop {
            let (key, row) = item!(leader.reader.peek(cx)?);
            let met = leader.layout.read(key.clone(), &row.value)?;
            let mut trust = match (met.cut, met.ordered) {
                (Cut::Whole, None) => self.trust,
                _ => Trust::None,
            };
            if met.ordered.is_none() {
                for other in &mut *others {
                    match item!(other.seek(cx, &met.tail)?) {
                        At::Same => {}
                        At::Unknown => trust = Trust::None,
                        At::Behind(tail) => {
                            leader.skip_to(&tail);
                            continue 'document;
                        }
                    }
                }
            }
            leader.reader.pop();
            if leader.layout.is_below(&met.name) {
                return Ok(Step::Item(hit(met, self.parts.as_deref(), trust)?));
            }
        }
    }

    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        let mut place = Some(place);
        for scan in &mut self.scans {
            // The others follow the first one.
            scan.reader.rewind(place.take().unwrap_or(Bound::Unbounded));
        }
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> String {
        format!("zigzag, whole {}, {:?}", self.parts.is_some(), self.trust)
    }
}

fn hit(met: Met, parts: Option<&[Part]>, trust: Trust) -> Result<Hit, Error> {
    let sort = match (parts, met.ordered) {
        (Some(parts), None) => Some(assemble(parts, &[], &met.name)?),
        _ => None,
    };
    let label = match (parts, met.ordered) {
        (None, _) => Some(Key::new()),
        (Some(_), ordered) => ordered
            .and_then(|bytes| met.key.get(..bytes))
            .map(<[u8]>::to_vec),
    };
    Ok(Hit {
        place: met.key,
        name: met.name,
        row: None,
        numbers: Vec::new(),
        sort,
        label,
        trust,
    })
}

impl Scan {
    /// Goes on to the entry of a document, or behind it.
    fn seek(&mut self, cx: &mut Cx<'_>, tail: &[u8]) -> Result<Step<At>, Error> {
        self.skip_to(tail);
        let (key, row) = item!(self.reader.peek(cx)?);
        let met = self.layout.read(key.clone(), &row.value)?;
        let is_long = self.front.len() + tail.len() > KEY_FRONT_BYTES;
        if is_long || met.ordered.is_some() {
            return Ok(Step::Item(At::Unknown));
        }
        Ok(Step::Item(match met.tail == tail {
            true => At::Same,
            false => At::Behind(met.tail),
        }))
    }

    fn skip_to(&mut self, tail: &[u8]) {
        let mut place = [self.front.as_slice(), tail].concat();
        let is_long = place.len() > KEY_FRONT_BYTES;
        place.truncate(KEY_FRONT_BYTES);
        let place = match (is_long, self.reader.direction()) {
            // Before all that begin so.
            (true, Direction::Reverse) => match KeyRange::prefix(&place).end {
                Bound::Unbounded => return,
                end => end,
            },
            _ => Bound::Included(place),
        };
        self.reader.skip_to(place, ROWS_BEHIND_SEEK);
    }
}
