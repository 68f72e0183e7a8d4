//! Counting without a page of rows: entries that say all there is to ask, or documents of which nothing is asked.

use crate::Error;
use crate::aggregate::Accumulator;
use crate::exec::aggregation::{take_document, take_numbers};
use crate::exec::ask::Ask;
use crate::exec::entries::Entries;
use crate::exec::reader::{Cx, Step};
use crate::exec::walk::Walk;
use crate::limits::READ_DOCUMENTS;

/// What is counted.
#[derive(Debug)]
pub(crate) enum Tally {
    /// The entries of an index that are exactly those of the answer.
    Entries(Entries),
    /// The documents.
    Walk(Walk),
}

impl Tally {
    /// Counts on; true at the end.
    pub(crate) fn step(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        accumulators: &mut [Accumulator],
    ) -> Result<bool, Error> {
        loop {
            let mut doubtful = Vec::new();
            let step = match self {
                Self::Entries(entries) => entries.tally(cx, &mut |numbers, row| match row {
                    None => {
                        take_numbers(ask, numbers, accumulators);
                        !accumulators.iter().all(Accumulator::is_full)
                    }
                    Some(name) => {
                        doubtful.push(name);
                        doubtful.len() < READ_DOCUMENTS
                    }
                })?,
                Self::Walk(walk) => walk.tally(cx, &mut || {
                    take_numbers(ask, &[], accumulators);
                    !accumulators.iter().all(Accumulator::is_full)
                })?,
            };
            let names: Vec<_> = doubtful.iter().map(Vec::as_slice).collect();
            for (name, row) in names.iter().zip(cx.documents(&names)?) {
                let found = row.map(|row| ask.judge_row(name, row)).transpose()?;
                if let Some(row) = found.flatten().and_then(|(_, found)| found.row) {
                    take_document(name, row, accumulators)?;
                }
            }
            match step {
                Step::End => return Ok(true),
                Step::Pause => return Ok(false),
                Step::Item(()) if accumulators.iter().all(Accumulator::is_full) => return Ok(true),
                Step::Item(()) => {}
            }
        }
    }
}
