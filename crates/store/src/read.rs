//! Reading: the trait that reading code takes, and a view of everything committed.

use bytes::Bytes;
use firekeep_model::Timestamp;

use crate::limits::SNAPSHOT_AGE_MAX;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, Page, PageLimit, Row, Snapshot, Space, Store, row,
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

/// Some rows of a scan, with their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPage {
    /// The rows in the order of the scan.
    pub rows: Vec<(Key, Row)>,
    /// As [`Page::next`].
    pub next: Option<Key>,
}

/// A consistent view of everything committed.
pub struct ReadTx<'a> {
    view: View<'a>,
}

impl<'a> ReadTx<'a> {
    pub(crate) fn begin(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            view: View::begin(store)?,
        })
    }

    /// The newest commit it sees.
    #[must_use]
    pub fn time(&self) -> CommitTime {
        self.view.time()
    }
}

impl Read for ReadTx<'_> {
    fn find_rows(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, Error> {
        let values = self.view.find(space, keys)?;
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
        let page = self.view.scan(space, range, direction, limit)?;
        RowPage::decode(page)
    }
}

impl RowPage {
    pub(crate) fn decode(page: Page) -> Result<Self, Error> {
        let rows = page.rows.into_iter();
        let rows = rows.map(|(key, value)| Ok((key, row::decode(value)?)));
        Ok(Self {
            rows: rows.collect::<Result<_, Error>>()?,
            next: page.next,
        })
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

    fn check(&self, space: Space) -> Result<(), Error> {
        if space == Space::Log {
            return Err(Error::Reserved(space.name()));
        }
        let age_micros = self
            .store
            .now()
            .micros()
            .saturating_sub(self.begun.micros());
        if i128::from(age_micros) > SNAPSHOT_AGE_MAX.as_micros().cast_signed() {
            return Err(Error::SnapshotExpired);
        }
        Ok(())
    }
}
