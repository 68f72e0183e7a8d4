//! Documents of a source that comes in another order than the query's.
//!
//! What the source has in order divides it into segments; inside a segment, documents are put in order by selection: a
//! pass over the segment keeps the first of them, as many as there is memory for, and when it met more, another pass
//! keeps those that follow. So memory is bounded whatever the size of a segment, and a query with a limit needs one pass.

use std::collections::{BTreeMap, VecDeque, btree_map};
use std::ops::Bound;

use firekeep_store::Key;

use crate::Error;
use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step};
use crate::exec::source::{Hit, Source};
use crate::exec::stream::{Candidate, Trust};

/// Hits whose documents are looked at together, at most.
const BATCH_HITS: usize = 128;

/// A source and the selection over it.
#[derive(Debug)]
pub(crate) struct Sorted {
    source: Source,
    /// Hits that were looked at, and not taken yet.
    batch: VecDeque<Looked>,
    batch_hits: usize,
    is_over: bool,
    segment: Option<Segment>,
    ready: btree_map::IntoIter<Key, Key>,
    /// How many documents a pass keeps.
    keep: usize,
    keep_bytes: usize,
}

/// A hit whose document was looked at, if it has to be sorted.
#[derive(Debug)]
struct Looked {
    place: Key,
    /// Which segment it is in; `None` for a hit that is where it belongs.
    label: Option<Key>,
    /// `None` when the document is not in the answer.
    candidate: Option<Candidate>,
}

/// The segment that is being put in order.
#[derive(Debug)]
struct Segment {
    label: Key,
    /// Where it begins.
    first: Key,
    /// The last sort key that an earlier pass gave.
    floor: Option<Key>,
    /// Sort keys and names.
    kept: BTreeMap<Key, Key>,
    bytes: usize,
    /// The least sort key that there was no memory for: a later pass gives it, and those behind it.
    ceiling: Option<Key>,
}

impl Sorted {
    /// `wanted` is how many documents the query can use at most; `share` of how many streams this is one.
    pub(crate) fn new(
        source: Source,
        ask: &Ask,
        wanted: Option<usize>,
        share: usize,
        first: usize,
    ) -> Self {
        let share = share.max(1);
        let (documents, bytes) = ask.keep;
        let most = (documents / share).max(1);
        Self {
            source,
            batch: VecDeque::new(),
            batch_hits: first.clamp(1, BATCH_HITS),
            is_over: false,
            segment: None,
            ready: BTreeMap::new().into_iter(),
            keep: wanted.map_or(most, |wanted| wanted.clamp(1, most)),
            keep_bytes: bytes / share,
        }
    }

    #[cfg(test)]
    pub(crate) const fn keep_bytes(&self) -> usize {
        self.keep_bytes
    }

    #[cfg(test)]
    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// The next document.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>, ask: &Ask) -> Result<Step<Candidate>, Error> {
        loop {
            if let Some((sort, name)) = self.ready.next() {
                return Ok(Step::Item(Candidate {
                    sort,
                    name,
                    row: None,
                    numbers: Vec::new(),
                    trust: Trust::Judged,
                }));
            }
            if self.batch.is_empty() && !self.is_over && !self.fill(cx, ask)? {
                return Ok(Step::Pause);
            }
            let label = match self.batch.front() {
                Some(looked) => looked.label.as_ref(),
                None => None,
            };
            match &mut self.segment {
                Some(segment) if label == Some(&segment.label) => {
                    let looked = self.batch.pop_front();
                    let candidate = looked.and_then(|looked| looked.candidate);
                    if let Some(candidate) = candidate {
                        segment.take(candidate, self.keep, self.keep_bytes);
                    }
                }
                Some(_) => self.close(),
                None => match self.batch.front() {
                    Some(Looked {
                        label: Some(label),
                        place,
                        ..
                    }) => self.segment = Some(Segment::new(label.clone(), place.clone())),
                    Some(_) => {
                        let looked = self.batch.pop_front();
                        if let Some(candidate) = looked.and_then(|looked| looked.candidate) {
                            return Ok(Step::Item(candidate));
                        }
                    }
                    None => return Ok(Step::End),
                },
            }
        }
    }

    /// Looks at some more hits. False when this call may not read more.
    fn fill(&mut self, cx: &mut Cx<'_>, ask: &Ask) -> Result<bool, Error> {
        let mut hits = Vec::new();
        while hits.len() < self.batch_hits {
            match self.source.next(cx, ask)? {
                Step::Item(hit) => hits.push(hit),
                Step::End => {
                    self.is_over = true;
                    break;
                }
                Step::Pause if hits.is_empty() => return Ok(false),
                Step::Pause => break,
            }
        }
        self.batch_hits = (2 * self.batch_hits).min(BATCH_HITS);
        self.look(cx, ask, hits)?;
        Ok(true)
    }

    fn look(&mut self, cx: &mut Cx<'_>, ask: &Ask, hits: Vec<Hit>) -> Result<(), Error> {
        let unknown = |hit: &&Hit| hit.label.is_some() && hit.sort.is_none();
        let names: Vec<_> = hits
            .iter()
            .filter(unknown)
            .map(|hit| hit.name.as_slice())
            .collect();
        let mut sorts = ask.look_up(cx, &names)?.into_iter();
        for hit in hits {
            let candidate = match (hit.sort, hit.label.is_some()) {
                (Some(sort), is_sorted) => Some(Candidate {
                    sort,
                    name: hit.name,
                    // What waits to be sorted waits without its document.
                    row: hit.row.filter(|_| !is_sorted),
                    numbers: hit.numbers,
                    trust: hit.trust,
                }),
                (None, _) => sorts.next().flatten().map(|sort| Candidate {
                    sort,
                    name: hit.name,
                    row: None,
                    numbers: Vec::new(),
                    trust: Trust::Judged,
                }),
            };
            self.batch.push_back(Looked {
                place: hit.place,
                label: hit.label,
                candidate,
            });
        }
        Ok(())
    }

    /// The end of a pass over a segment.
    fn close(&mut self) {
        let Some(segment) = &mut self.segment else {
            return;
        };
        let kept = std::mem::take(&mut segment.kept);
        segment.bytes = 0;
        if segment.ceiling.take().is_some() {
            segment.floor = kept.last_key_value().map(|(sort, _)| sort.clone());
            self.source.rewind(Bound::Included(segment.first.clone()));
            self.batch.clear();
            self.is_over = false;
        } else {
            self.segment = None;
        }
        self.ready = kept.into_iter();
    }
}

impl Segment {
    const fn new(label: Key, first: Key) -> Self {
        Self {
            label,
            first,
            floor: None,
            kept: BTreeMap::new(),
            bytes: 0,
            ceiling: None,
        }
    }

    fn take(&mut self, candidate: Candidate, keep: usize, keep_bytes: usize) {
        let Candidate { sort, name, .. } = candidate;
        let is_given = self.floor.as_ref().is_some_and(|floor| sort <= *floor);
        let is_later = self.ceiling.as_ref().is_some_and(|least| sort >= *least);
        if is_given || is_later {
            return;
        }
        self.bytes += sort.len() + name.len();
        let sort_bytes = sort.len();
        if let Some(same) = self.kept.insert(sort, name) {
            self.bytes -= sort_bytes + same.len();
        }
        while self.kept.len() > keep || (self.bytes > keep_bytes && self.kept.len() > 1) {
            let Some((sort, name)) = self.kept.pop_last() else {
                return;
            };
            self.bytes -= sort.len() + name.len();
            self.ceiling = Some(sort);
        }
    }
}
