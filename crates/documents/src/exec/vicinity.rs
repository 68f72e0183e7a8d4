//! The nearest vectors: one pass over what the filters leave, of which only names are kept.

use std::collections::VecDeque;

use firekeep_model::DocumentPath;

use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step};
use crate::exec::stream::{Candidate, Merge};
use crate::exec::{Budget, Page};
use crate::limits::READ_DOCUMENTS;
use crate::naive::{select, with_distance};
use crate::nearest::Nearest;
use crate::query::FindNearest;
use crate::{Error, Given, keys, read};

/// A search for near vectors.
#[derive(Debug)]
pub(crate) struct Vicinity {
    search: FindNearest,
    merge: Merge,
    /// What was found so far; `None` when everything was looked at.
    nearest: Option<Nearest<'static, ()>>,
    found: VecDeque<(DocumentPath, f64)>,
}

impl Vicinity {
    pub(crate) fn new(search: FindNearest, merge: Merge) -> Self {
        Self {
            nearest: Some(Nearest::of(search.clone())),
            search,
            merge,
            found: VecDeque::new(),
        }
    }

    pub(crate) fn next_page(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        budget: Budget,
    ) -> Result<Page<Given>, Error> {
        while let Some(nearest) = &mut self.nearest {
            let mut batch = Vec::new();
            let step = loop {
                match self.merge.next(cx, ask)? {
                    Step::Item(candidate) => batch.push(candidate),
                    other => break other,
                }
                if batch.len() == READ_DOCUMENTS {
                    break Step::Pause;
                }
            };
            let is_full = batch.len() == READ_DOCUMENTS;
            look(cx, ask, batch, nearest)?;
            match step {
                Step::End => {
                    let found = self
                        .nearest
                        .take()
                        .map(Nearest::finish)
                        .into_iter()
                        .flatten();
                    self.found = found
                        .map(|neighbour| (neighbour.path, neighbour.distance))
                        .collect();
                }
                _ if is_full => {}
                _ => return Ok(Page::default()),
            }
        }
        self.give(cx, ask, budget)
    }

    /// Fetches what was found.
    fn give(&mut self, cx: &mut Cx<'_>, ask: &Ask, budget: Budget) -> Result<Page<Given>, Error> {
        let mut page = Page::default();
        let mut bytes_left = budget.bytes.max(1);
        while bytes_left > 0 && page.documents.len() < budget.documents.max(1) {
            let room = budget.documents.max(1) - page.documents.len();
            let count = room.min(READ_DOCUMENTS).min(self.found.len());
            if count == 0 {
                break;
            }
            let some: Vec<_> = self.found.drain(..count).collect();
            let names: Vec<_> = some.iter().map(|(path, _)| keys::document(path)).collect();
            let names: Vec<_> = names.iter().map(Vec::as_slice).collect();
            for ((path, distance), row) in some.into_iter().zip(cx.documents(&names)?) {
                if let Some(row) = row {
                    bytes_left = bytes_left.saturating_sub(row.value.len());
                    let document = read::decode(path, &row)?;
                    let document = with_distance(&self.search, document, distance)?;
                    page.documents
                        .push(Given::Made(select(&ask.query, document)));
                }
            }
        }
        page.done = self.found.is_empty();
        Ok(page)
    }
}

fn look(
    cx: &mut Cx<'_>,
    ask: &Ask,
    batch: Vec<Candidate>,
    nearest: &mut Nearest<'_, ()>,
) -> Result<(), Error> {
    let missing: Vec<_> = batch
        .iter()
        .filter(|candidate| candidate.row.is_none())
        .map(|candidate| candidate.name.as_slice())
        .collect();
    let mut rows = cx.documents(&missing)?.into_iter();
    for candidate in &batch {
        let row = match &candidate.row {
            Some(row) => Some(row.clone()),
            None => rows.next().flatten(),
        };
        let found = row
            .map(|row| ask.judge_row(&candidate.name, row))
            .transpose()?;
        if let Some((_, found)) = found.flatten() {
            nearest.add(&found, || Ok(()))?;
        }
    }
    Ok(())
}
