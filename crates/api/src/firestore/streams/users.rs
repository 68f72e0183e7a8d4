//! Follows what changes of users, while any of them has a stream: one thread, which reads the log of the system's store.

use std::collections::HashSet;
use std::sync::Arc;

use firekeep_accounts::Pool;
use firekeep_model::Uid;
use firekeep_store::{CommitTime, Feed, LogRow};

use super::Table;
use crate::limits::{ACCOUNT_ROWS_AT_ONCE, ACCOUNTS_WAIT};
use crate::{Core, Error};

/// Has the log followed from a time on, if nobody does it yet.
///
/// # Errors
/// Storage errors.
pub(super) fn follow(core: &Arc<Core>, since: CommitTime) -> Result<(), Error> {
    let mut table = core.streams.lock();
    if table.thread.is_some() || table.stopping {
        return Ok(());
    }
    let feed = core.store.feed(since)?;
    let own = Arc::clone(core);
    let thread = std::thread::Builder::new()
        .name("users of streams".to_owned())
        .spawn(move || run(&own, feed))
        .map_err(|error| Error::Internal(format!("no thread for streams: {error}")))?;
    table.thread = Some(thread);
    Ok(())
}

fn run(core: &Core, mut feed: Feed) {
    loop {
        match feed.next(ACCOUNT_ROWS_AT_ONCE, ACCOUNTS_WAIT) {
            Ok(rows) => changed(&rows)
                .iter()
                .flat_map(|(pool, uid)| core.streams.of_user(&(pool.project.clone(), uid.clone())))
                .for_each(|entry| core.look_again(&entry)),
            Err(error) => {
                tracing::error!(%error, "the log of accounts cannot be read");
                // Nobody knows what changed.
                std::thread::sleep(ACCOUNTS_WAIT);
                match core.read().and_then(|tx| Ok(core.store.feed(tx.time())?)) {
                    Ok(again) => feed = again,
                    Err(error) => tracing::error!(%error, "the log of accounts cannot be read"),
                }
                let all = core.streams.of_users();
                all.iter().for_each(|entry| core.look_again(entry));
            }
        }
        if is_over(&mut core.streams.lock()) {
            return;
        }
    }
}

/// Whether nobody needs the thread any more: who opens a stream from now on starts another one.
fn is_over(table: &mut Table) -> bool {
    let over = table.stopping || table.of_users.is_empty();
    if over {
        table.thread = None;
    }
    over
}

/// The users whose rows commits changed.
fn changed(rows: &[LogRow]) -> HashSet<(Pool, Uid)> {
    let changes = rows.iter().flat_map(|row| &row.changes);
    changes
        .filter_map(|change| Pool::of_row(change.space, &change.key))
        .collect()
}
