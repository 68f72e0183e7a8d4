//! Reading: the trait that reading code takes, and a view of everything committed.

use std::time::Duration;

use bytes::Bytes;
use firekeep_model::Timestamp;

use crate::feed::check_kept;
use crate::limits::{PAGE_ROWS_MAX, SNAPSHOT_AGE_MAX, SNAPSHOT_AGE_NOTED, VISIT_PAGE_ROWS_MAX};
use crate::past::Past;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, Page, PageLimit, Row, Snapshot, Space, Store,
    Visit, row,
};

/// What can be read: a [`ReadTx`], or a [`WriteTx`](crate::WriteTx), which sees its own writes too.
///
/// Every method fails with [`Error::SnapshotExpired`] when the transaction is too old, [`Error::Reserved`] for
/// [`Space::Log`] (read that with [`Store::feed`]), [`Error::Unavailable`] and [`Error::Corrupt`].
pub trait Read {
    /// The rows of keys, in their order.
    ///
    /// # Errors
    /// As every method.
    fn find_rows(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, Error>;

    /// One page of a range, with the rows' times.
    ///
    /// # Errors
    /// As every method.
    fn scan_rows(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<RowPage, Error>;

    /// Calls `visit` with key and value of the rows of a range, in order, until it answers false; gives the key of the
    /// row at which it did, to go on behind it. For counting and the like: it makes no page, and copies no row where the
    /// engine need not.
    ///
    /// # Errors
    /// As every method.
    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Key>, Error> {
        visit_pages(self, space, range, direction, visit)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// As every method.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let rows = self.find_rows(space, &[key])?;
        Ok(rows.into_iter().next().flatten().map(|row| row.value))
    }

    /// One page of a range.
    ///
    /// # Errors
    /// As every method.
    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let page = self.scan_rows(space, range, direction, limit)?;
        let rows = page
            .rows
            .into_iter()
            .map(|(key, row)| (key, row.value))
            .collect();
        Ok(Page {
            rows,
            next: page.next,
        })
    }
}

fn visit_pages<R: Read + ?Sized>(
    tx: &R,
    space: Space,
    range: &KeyRange,
    direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<Option<Key>, Error> {
    let mut rest = range.clone();
    let mut rows = PAGE_ROWS_MAX;
    loop {
        let page = tx.scan_rows(space, &rest, direction, PageLimit::rows(rows))?;
        rows = (2 * rows).min(VISIT_PAGE_ROWS_MAX);
        for (key, row) in page.rows {
            if !visit(&key, &row.value) {
                return Ok(Some(key));
            }
        }
        match page.next {
            Some(next) => rest = rest.rest(direction, &next),
            None => return Ok(None),
        }
    }
}

/// Some rows of a scan, with their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPage {
    /// The rows in the order of the scan.
    pub rows: Vec<(Key, Row)>,
    /// As [`Page::next`].
    pub next: Option<Key>,
}

/// A consistent view of everything committed, now or up to a time.
pub struct ReadTx<'a> {
    view: View<'a>,
    /// `None` for now.
    at: Option<CommitTime>,
}

impl<'a> ReadTx<'a> {
    pub(crate) fn begin(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            view: View::begin(store)?,
            at: None,
        })
    }

    /// A view of what there was at a time.
    pub(crate) fn begin_at(store: &'a Store, time: CommitTime) -> Result<Self, Error> {
        let view = View::begin(store)?;
        check_kept(view.snapshot.as_ref(), time)?;
        let at = Some(time).filter(|time| *time < view.time());
        Ok(Self { view, at })
    }

    /// The newest commit it sees, or the earlier time it reads at.
    #[must_use]
    pub fn time(&self) -> CommitTime {
        self.at.unwrap_or_else(|| self.view.time())
    }

    fn past(&self, space: Space) -> Option<Past<'_>> {
        Some(Past {
            view: &self.view,
            at: self.at?,
            space,
            history: space.history()?,
        })
    }
}

impl Read for ReadTx<'_> {
    fn find_rows(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, Error> {
        let values = match self.past(space) {
            Some(past) => past.find(keys)?,
            None => self.view.find(space, keys)?,
        };
        values
            .into_iter()
            .map(|value| value.map(row::decode).transpose())
            .collect()
    }

    fn scan_rows(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<RowPage, Error> {
        let page = match self.past(space) {
            Some(past) => past.scan(range, direction, limit)?,
            None => self.view.scan(space, range, direction, limit)?,
        };
        Ok(RowPage {
            rows: RowPage::decode(page.rows)?,
            next: page.next,
        })
    }

    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Key>, Error> {
        match self.past(space) {
            Some(_) => visit_pages(self, space, range, direction, visit),
            None => self.view.visit(space, range, direction, visit),
        }
    }
}

impl RowPage {
    /// Takes stored values apart.
    pub(crate) fn decode(rows: Vec<(Key, Bytes)>) -> Result<Vec<(Key, Row)>, Error> {
        let decode = |(key, value)| Ok((key, row::decode(value)?));
        rows.into_iter().map(decode).collect()
    }
}

/// An engine's snapshot that notices its age. Gives stored values with their headers.
pub(crate) struct View<'a> {
    store: &'a Store,
    snapshot: Box<dyn Snapshot + 'a>,
    begun: Timestamp,
}

impl<'a> View<'a> {
    pub(crate) fn begin(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            store,
            snapshot: store.snapshot()?,
            begun: store.now(),
        })
    }

    pub(crate) fn time(&self) -> CommitTime {
        self.snapshot.time()
    }

    pub(crate) fn find(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error> {
        self.check(space)?;
        self.snapshot.get(space, keys)
    }

    pub(crate) fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        self.check(space)?;
        self.snapshot.scan(space, range, direction, limit)
    }

    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Key>, Error> {
        self.check(space)?;
        let mut ended = Ok(None);
        let mut take = |key: &[u8], value: &[u8]| match row::split(value) {
            Ok((_, value)) if visit(key, value) => true,
            Ok(_) => {
                ended = Ok(Some(key.to_vec()));
                false
            }
            Err(error) => {
                ended = Err(error);
                false
            }
        };
        self.snapshot.visit(space, range, direction, &mut take)?;
        ended
    }

    fn check(&self, space: Space) -> Result<(), Error> {
        if space == Space::Log {
            return Err(Error::Reserved(space.name()));
        }
        if self.is_older_than(SNAPSHOT_AGE_MAX) {
            return Err(Error::SnapshotExpired);
        }
        Ok(())
    }

    fn is_older_than(&self, age: Duration) -> bool {
        let now = self.store.now().micros();
        let age_micros = now.saturating_sub(self.begun.micros());
        i128::from(age_micros) > age.as_micros().cast_signed()
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        if self.is_older_than(SNAPSHOT_AGE_NOTED) {
            self.store.note_old_snapshot();
        }
    }
}
