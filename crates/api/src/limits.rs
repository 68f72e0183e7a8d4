//! Limits that this crate enforces.

use std::time::Duration;

use firekeep_documents::Budget;

/// How many Firestore databases are open at once: each has a thread. Those that nobody uses are closed for others.
pub(crate) const DATABASES_OPEN_MAX: usize = 256;
/// How long the answer to a deletion waits for the database to be empty; then that goes on in the background.
pub(crate) const EMPTYING_WAIT: Duration = Duration::from_secs(2);
/// How long a database that nobody uses stays open.
pub(crate) const DATABASE_IDLE: Duration = Duration::from_secs(300);
/// Commits of not more writes, with not more bytes of documents, are applied on the async threads.
pub(crate) const SMALL_COMMIT_WRITES_MAX: usize = 4;
pub(crate) const SMALL_COMMIT_BYTES_MAX: usize = 64 * 1024;
/// How long a transaction may last. Source: Firestore specification, section 1.4.
pub(crate) const TRANSACTION_LIFE: Duration = Duration::from_secs(270);
/// How long a transaction lasts without a request. Source: Firestore specification, section 1.4.
pub(crate) const TRANSACTION_IDLE: Duration = Duration::from_secs(60);
/// How many transactions may be open at once.
pub(crate) const TRANSACTIONS_OPEN_MAX: usize = 10_000;
/// How many are known, with those that ended lately.
pub(crate) const TRANSACTIONS_KNOWN_MAX: usize = 100_000;
/// How many bytes of keys one transaction may have read, and all together.
pub(crate) const TRANSACTION_READ_BYTES_MAX: usize = 32 * 1024 * 1024;
pub(crate) const TRANSACTIONS_READ_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many turns there are for transactions that lost: documents share them by their names.
pub(crate) const TRANSACTION_TURNS: usize = 256;
/// How long a transaction keeps its turn.
pub(crate) const TRANSACTION_TURN_KEPT: Duration = Duration::from_secs(5);
/// How long a transaction waits for its turn; then it goes on without.
pub(crate) const TRANSACTION_TURN_WAIT: Duration = Duration::from_secs(3);

/// Documents of a list's page where the request does not say, and at most. Source: Firestore specification, section 5.4.
pub(crate) const LIST_PAGE: usize = 100;
pub(crate) const LIST_PAGE_MAX: usize = 300;
/// Bytes of documents after which a list's page ends early.
pub(crate) const LIST_BYTES: usize = 4 * 1024 * 1024;
/// Documents of a list that are read at a time.
pub(crate) const LIST_DOCUMENTS_AT_ONCE: usize = 32;
/// Ids of a page of collections where the request does not say, and at most. Source: Firestore specification, section 5.5.
pub(crate) const COLLECTION_IDS_PAGE: usize = 300;
pub(crate) const COLLECTION_IDS_PAGE_MAX: usize = 1_000;

/// Indexes that the log names as helpful, for each database, while it is open.
pub(crate) const INDEX_HINTS_MAX: usize = 64;

/// Parts that a partition query makes, at most.
pub(crate) const PARTITIONS_MAX: usize = 1_000;

/// The first page of a query's answer, which is read on an async thread.
pub(crate) const QUERY_PAGE_FIRST: Budget = Budget {
    documents: 32,
    bytes: 256 * 1024,
    rows_read: 256,
};
/// Every other page.
pub(crate) const QUERY_PAGE: Budget = Budget {
    documents: 256,
    bytes: 1024 * 1024,
    rows_read: 8_192,
};

/// The size of a page: what the request says, within bounds.
pub(crate) fn page_size(wanted: u32, default: usize, max: usize) -> usize {
    match usize::try_from(wanted) {
        Ok(0) => default,
        wanted => wanted.unwrap_or(max).min(max),
    }
}

/// How many log rows one step of trimming a database removes.
pub(crate) const TRIM_LOG_ROWS: usize = 1_000;
/// How long one database is trimmed at a time: a third of the time between two rounds, in which nobody writes as much as is
/// removed.
pub(crate) const TRIM_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the history of databases is trimmed that are not open.
pub(crate) const CLOSED_ROUND: Duration = Duration::from_secs(3600);
/// How far back documents can be read. Source: Firestore specification, section 1.4.
pub(crate) const HISTORY_KEPT: Duration = Duration::from_secs(3600);
/// How much older than the time of an export the history is that is kept for it.
pub(crate) const EXPORT_MARGIN: Duration = Duration::from_secs(60);
/// How many exports and imports go on at once: each has a thread.
pub(crate) const OPERATIONS_AT_ONCE: usize = 4;
/// How many exports and imports are remembered, with those that go on.
pub(crate) const OPERATIONS_KEPT: usize = 64;

/// How many collection groups are indexed because a query asked for them; more need a declared index.
pub(crate) const INDEXED_GROUPS_MAX: usize = 1_000;
/// How long deploying indexes waits for rules that are still being carried out. The command line waits 30 seconds for
/// its answer.
pub(crate) const DEPLOY_TIME_MAX: Duration = Duration::from_secs(10);

/// How many streams may be open at once.
pub(crate) const STREAMS_MAX: usize = 50_000;
/// How many of them may be one user's: two for each tab and device.
pub(crate) const STREAMS_OF_USER_MAX: usize = 500;
/// How long after the end of its ID token a stream of a user ends, and by how much more at most: clients should have a
/// new token by then, and not all come at once. Source: Firestore specification, section 11.8.
pub(crate) const STREAM_GRACE: Duration = Duration::from_secs(120);
pub(crate) const STREAM_GRACE_JITTER_MILLIS: u64 = 120_000;
/// How many rows of the log of accounts are read at a time, and how long for the next one is waited before a look at
/// whether anybody still needs them.
pub(crate) const ACCOUNT_ROWS_AT_ONCE: usize = 256;
pub(crate) const ACCOUNTS_WAIT: Duration = Duration::from_millis(250);

/// How many steps of the loading of a target that find nothing are made without a look at anything else.
pub(crate) const LOAD_STEPS_AT_ONCE: usize = 4;
/// How many targets one stream has at most. Source: Firestore specification, section 11.10.
pub(crate) const TARGETS_MAX: usize = 1_000;
/// How many bytes the targets of one stream were sent in at most: they are in memory while they last.
pub(crate) const TARGETS_BYTES_MAX: usize = 1024 * 1024;
/// How many bytes may wait for one stream; with more, it goes on from its last snapshot. Source: Firestore specification,
/// section 11.9.
pub(crate) const MAILBOX_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many bytes may wait for all streams, each counted for itself; then those with more than a fair share go on from
/// their last snapshots.
pub(crate) const MAILBOXES_BYTES_MAX: usize = 512 * 1024 * 1024;
pub(crate) const MAILBOX_BYTES_FAIR: usize = 64 * 1024;
/// How many commits are one step at most for those who listen, where they come faster than steps are made.
pub(crate) const LOG_ROWS_AT_ONCE: usize = 256;
/// Bytes of documents after which such a step ends, and what one counts for that the log does not repeat.
pub(crate) const STEP_BYTES_MAX: usize = 16 * 1024 * 1024;
pub(crate) const STEP_DOCUMENT_BYTES: usize = 128 * 1024;
/// How long the next commit is waited for, before a look at whether anybody still listens.
pub(crate) const LOG_WAIT: Duration = Duration::from_millis(250);
/// How long nothing was committed when now becomes a snapshot.
pub(crate) const WATCH_SETTLES: Duration = Duration::from_secs(15);
/// How long a database is watched that nobody listens to.
pub(crate) const WATCH_IDLE: Duration = Duration::from_secs(60);
/// How often a stream is told the time that it has reached, if nothing else. Source: Firestore specification, section 11.9.
pub(crate) const STREAM_NEWS_EVERY: Duration = Duration::from_secs(30);

/// How many verified tokens of a kind are remembered.
pub(crate) const VERIFIED_TOKENS_MAX: usize = 32_768;
/// How many password hashes are computed at once: each takes 19 MiB. Source: auth specification, section 22.3.
pub(crate) const HASHES_AT_ONCE: usize = 4;
/// How many password hashes may wait for their turn; more get the answer "busy, try again".
pub(crate) const HASHES_WAITING_MAX: usize = 64;
/// How many (account or address) buckets the rate limiter remembers.
pub(crate) const LIMITER_BUCKETS_MAX: usize = 65_536;
/// How many accounts' passwords may be judged at once, at most: accounts share turns by their keys.
pub(crate) const TURNS: usize = 1024;
/// How many users' last sign-in times may wait to be written.
pub(crate) const ACTIVITY_USERS_MAX: usize = 100_000;
/// How long a custom token of the account server lives. Source: auth specification, section 14.
pub(crate) const ACCOUNT_TOKEN_LIFETIME_SECS: i64 = 300;
/// How long an administrator's access token lives. Source: auth specification, section 17.1.
pub(crate) const ACCESS_TOKEN_LIFETIME_SECS: i64 = 3600;
/// How long a public key is published before it signs, and the caches' `max-age`.
/// Source: auth specification, section 10.
pub(crate) const KEY_PUBLISHED_BEFORE_USE: Duration = Duration::from_secs(3600);
/// How long a key signs before the next one takes over. Source: auth specification, section 10.
pub(crate) const KEY_ROTATION: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long one round deletes the expired documents of one group of collections; the next one goes on.
pub(crate) const EXPIRY_TIME_MAX: Duration = Duration::from_secs(5);
/// How often all documents of a group are looked at to find those that have expired, where no index finds them. Source:
/// specification, section 13: within 24 hours.
pub(crate) const EXPIRY_LOOK_EVERY: Duration = Duration::from_secs(6 * 3600);
