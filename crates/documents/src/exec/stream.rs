//! Documents in the query's order, from one source or merged from several.

use std::collections::VecDeque;

use firekeep_model::Value;
use firekeep_store::{Key, Row};

use crate::Error;
use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step};
use crate::exec::sorted::Sorted;
use crate::exec::source::Source;

/// A document that may be in the answer.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Where it stands in the answer.
    pub(crate) sort: Key,
    /// Its key in `docs`.
    pub(crate) name: Key,
    /// Its row, if it was read.
    pub(crate) row: Option<Row>,
    /// As [`Hit::numbers`](crate::exec::source::Hit::numbers).
    pub(crate) numbers: Vec<Value>,
    pub(crate) trust: Trust,
}

impl Candidate {
    /// How much of memory its row takes.
    pub(crate) fn row_bytes(&self) -> usize {
        self.row.as_ref().map_or(0, |row| row.value.len())
    }
}

/// What is known of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The document was looked at: it is in the answer, and there.
    Judged,
    /// The index says that it is in the answer, and there.
    Exact,
    /// The document has to be looked at.
    None,
}

/// Documents in the query's order.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A source in this order.
    Direct(Box<Source>),
    /// A source that is put in order.
    Sorted(Box<Sorted>),
}

impl Stream {
    fn next(&mut self, cx: &mut Cx<'_>, ask: &Ask) -> Result<Step<Candidate>, Error> {
        match self {
            Self::Direct(source) => Ok(match source.next(cx, ask)? {
                Step::Item(hit) => match hit.sort {
                    Some(sort) => Step::Item(Candidate {
                        sort,
                        name: hit.name,
                        row: hit.row,
                        numbers: hit.numbers,
                        trust: hit.trust,
                    }),
                    None => return Err(Error::Corrupt("an index entry")),
                },
                Step::End => Step::End,
                Step::Pause => Step::Pause,
            }),
            Self::Sorted(sorted) => sorted.next(cx, ask),
        }
    }
}

#[cfg(test)]
impl Stream {
    /// What it is, for counting.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Direct(source) => format!("direct {}", source.kind()),
            Self::Sorted(sorted) => format!("sorted {}", sorted.source().kind()),
        }
    }
}

/// Streams of one query, merged. A document that is in several of them is given once.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    streams: Vec<Input>,
    last: Option<Key>,
}

#[derive(Debug)]
struct Input {
    stream: Stream,
    /// What the stream gave and the merge did not; at most one.
    head: VecDeque<Candidate>,
    is_over: bool,
}

impl Merge {
    pub(crate) fn new(streams: impl IntoIterator<Item = Stream>) -> Self {
        let streams = streams.into_iter().map(|stream| Input {
            stream,
            head: VecDeque::new(),
            is_over: false,
        });
        Self {
            streams: streams.collect(),
            last: None,
        }
    }

    /// The next document.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>, ask: &Ask) -> Result<Step<Candidate>, Error> {
        // Nothing to compare with.
        if let [only] = self.streams.as_mut_slice() {
            return only.stream.next(cx, ask);
        }
        loop {
            for input in &mut self.streams {
                if input.head.is_empty() && !input.is_over {
                    match input.stream.next(cx, ask)? {
                        Step::Item(candidate) => input.head.push_back(candidate),
                        Step::End => input.is_over = true,
                        Step::Pause => return Ok(Step::Pause),
                    }
                }
            }
            let heads = self.streams.iter_mut();
            let least = heads
                .filter(|input| !input.head.is_empty())
                .min_by(|a, b| sort_of(a).cmp(&sort_of(b)));
            let Some(candidate) = least.and_then(|input| input.head.pop_front()) else {
                return Ok(Step::End);
            };
            if self.last.as_ref() != Some(&candidate.sort) {
                self.last = Some(candidate.sort.clone());
                return Ok(Step::Item(candidate));
            }
        }
    }
}

fn sort_of(input: &Input) -> Option<&Key> {
    input.head.front().map(|candidate| &candidate.sort)
}
