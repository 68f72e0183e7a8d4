//! `PartitionQuery`: places that split a collection group, for clients that read the parts side by side.

use firekeep_documents::partition::partitions;
use firekeep_documents::query::Strictness;
use firekeep_model::{Caller, DatabaseName, FieldRef, Map, Value};

use super::page_token::PageToken;
use super::reading::Reading;
use super::{Consistency, Cursor, Direction, Firestore, Order, Query};
use crate::Error;
use crate::limits::{PARTITIONS_MAX, page_size};

/// The name in page tokens of how many places were given.
const GIVEN: &str = "given";

impl Firestore {
    /// Up to `count` places, ascending, and the token of the next page; empty behind the last one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another query than all documents of a collection group by their names, and for a token of
    /// another request; every [`InvalidQuery`](super::InvalidQuery).
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of the protocol's request"
    )]
    pub async fn partition_query(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        query: Query,
        count: u32,
        page_size_wanted: u32,
        page_token: &str,
        consistency: Consistency,
    ) -> Result<(Vec<Cursor>, String), Error> {
        check(&query)?;
        query.validate(database, Strictness::Lenient)?;
        let request = format!("partitions {database} {query:?} {count}");
        let token = PageToken::decode(page_token, &request)?;
        let given = match token.as_ref().and_then(|token| token.after.get(GIVEN)) {
            Some(Value::Integer(given)) => usize::try_from(*given).unwrap_or(usize::MAX),
            _ => 0,
        };
        let size = page_size(page_size_wanted, PARTITIONS_MAX, PARTITIONS_MAX);
        let count = page_size(count, PARTITIONS_MAX, PARTITIONS_MAX);
        // The same places every time: they are computed as of the same time.
        let read = |mut reading: Reading| {
            let (query, name) = (query.clone(), database.clone());
            async move {
                let places = reading.off(move |tx| partitions(tx, &query, &name, count));
                Ok((places.await?, reading.time()))
            }
        };
        let first_page = token.map(|token| token.time);
        let places = self.go_on(caller, database, consistency, first_page, read);
        let (places, time) = places.await?;
        let (all, end) = (places.len(), given.saturating_add(size));
        // Those before were on earlier pages.
        let page = places.into_iter().skip(given).take(size).collect();
        let next = match end < all {
            true => {
                let mut after = Map::new();
                let end = i64::try_from(end).unwrap_or(i64::MAX);
                after
                    .insert(GIVEN, end.into())
                    .map_err(firekeep_documents::Error::from)?;
                PageToken { time, after }.encode(&request)
            }
            false => String::new(),
        };
        Ok((page, next))
    }
}

fn check(query: &Query) -> Result<(), Error> {
    let refused = |text: &str| Err(Error::Invalid(text.to_owned()));
    let by_name = |order: &Order| {
        order.field == FieldRef::DocumentName && order.direction == Direction::Ascending
    };
    if query.from.collection.is_none() || !query.from.all_descendants {
        return refused("a partition query needs one collection with all descendants");
    }
    if !query.order_by.iter().all(by_name) {
        return refused("a partition query is ordered by __name__ ascending");
    }
    let Query {
        filter,
        start_at,
        end_at,
        offset,
        limit,
        select,
        find_nearest,
        ..
    } = query;
    let plain = filter.is_none() && start_at.is_none() && end_at.is_none() && *offset == 0;
    match plain && limit.is_none() && select.is_none() && find_nearest.is_none() {
        true => Ok(()),
        false => refused("a partition query has no filters, cursors, limits and projections"),
    }
}
