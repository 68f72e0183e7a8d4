//! How requests say what they read, and how transactions begin. Source: Firestore specification, sections 5.1 and 6.2.

use firekeep_api::firestore::{Consistency, TransactionOptions};
use firekeep_model::Timestamp;
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::transaction_options::{Mode, ReadOnly, ReadWrite, read_only};

use super::Fault;
use super::value::read_timestamp;

/// A time to read at.
///
/// # Errors
/// [`Fault::Timestamp`]; [`Fault::ReadTimePrecision`].
pub fn read_read_time(time: prost_types::Timestamp) -> Result<Timestamp, Fault> {
    if time.nanos % 1_000 != 0 {
        return Err(Fault::ReadTimePrecision);
    }
    read_timestamp(time)
}

/// How a transaction begins; `otherwise` when the client does not say.
fn read_options(
    sent: Option<proto::TransactionOptions>,
    otherwise: Mode,
) -> Result<TransactionOptions, Fault> {
    let mode = sent.and_then(|sent| sent.mode).unwrap_or(otherwise);
    Ok(match mode {
        Mode::ReadOnly(read_only) => TransactionOptions::ReadOnly {
            read_time: match read_only.consistency_selector {
                None => None,
                Some(read_only::ConsistencySelector::ReadTime(time)) => Some(read_read_time(time)?),
            },
        },
        Mode::ReadWrite(ReadWrite { retry_transaction }) => TransactionOptions::ReadWrite {
            retry: (!retry_transaction.is_empty()).then_some(retry_transaction),
        },
    })
}

/// How `BeginTransaction` begins one: to read and write, when the client does not say.
///
/// # Errors
/// Those of [`read_read_time`].
pub fn read_begin(sent: Option<proto::TransactionOptions>) -> Result<TransactionOptions, Fault> {
    read_options(sent, Mode::ReadWrite(ReadWrite::default()))
}

/// How a read begins one: to read, when the client does not say.
///
/// # Errors
/// Those of [`read_read_time`].
pub fn read_new(sent: proto::TransactionOptions) -> Result<TransactionOptions, Fault> {
    read_options(Some(sent), Mode::ReadOnly(ReadOnly::default()))
}

/// The selectors of requests are as many types with the same members.
macro_rules! selectors {
    ($($module:ident: $($member:ident),*;)*) => {$(
        impl Selector for proto::$module::ConsistencySelector {
            fn read(self) -> Result<Consistency, Fault> {
                match self {
                    $(Self::$member(value) => selectors!($member value),)*
                }
            }
        }
    )*};
    (Transaction $value:ident) => { Ok(Consistency::Transaction($value)) };
    (NewTransaction $value:ident) => { read_new($value).map(Consistency::New) };
    (ReadTime $value:ident) => { read_read_time($value).map(Consistency::At) };
}

/// What a request may say about which state it reads.
pub trait Selector {
    /// The state.
    ///
    /// # Errors
    /// Those of [`read_read_time`].
    fn read(self) -> Result<Consistency, Fault>;
}

selectors! {
    get_document_request: Transaction, ReadTime;
    list_documents_request: Transaction, ReadTime;
    batch_get_documents_request: Transaction, NewTransaction, ReadTime;
    run_query_request: Transaction, NewTransaction, ReadTime;
    run_aggregation_query_request: Transaction, NewTransaction, ReadTime;
    partition_query_request: ReadTime;
    list_collection_ids_request: ReadTime;
}

/// The state that a request reads; the latest when it does not say.
///
/// # Errors
/// Those of [`read_read_time`].
pub fn read_consistency(selector: Option<impl Selector>) -> Result<Consistency, Fault> {
    match selector {
        None => Ok(Consistency::Strong),
        Some(selector) => selector.read(),
    }
}

#[cfg(test)]
mod tests {
    use proto::run_query_request::ConsistencySelector;

    use super::*;

    fn time(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    #[test]
    fn a_read_time_is_in_whole_microseconds() {
        let read = |seconds, nanos| read_read_time(time(seconds, nanos));
        assert_eq!(read(1, 2_000), Ok(Timestamp::from_micros(1_000_002)));
        assert_eq!(read(1, 2_001), Err(Fault::ReadTimePrecision));
        assert!(matches!(read(i64::MAX, 0), Err(Fault::Timestamp(_))));
    }

    #[test]
    fn what_is_not_said_differs_between_beginning_and_reading() {
        let begun = TransactionOptions::ReadWrite { retry: None };
        let read = TransactionOptions::ReadOnly { read_time: None };
        assert_eq!(read_begin(None), Ok(begun.clone()));
        let unsaid = proto::TransactionOptions { mode: None };
        assert_eq!(read_begin(Some(unsaid.clone())), Ok(begun));
        assert_eq!(read_new(unsaid), Ok(read));
    }

    #[test]
    fn what_is_said() {
        let options = |mode| proto::TransactionOptions { mode: Some(mode) };
        let again = options(Mode::ReadWrite(ReadWrite {
            retry_transaction: "id".into(),
        }));
        let retry = Some("id".into());
        assert_eq!(read_new(again), Ok(TransactionOptions::ReadWrite { retry }));
        let past = |nanos| {
            let selector = read_only::ConsistencySelector::ReadTime(time(1, nanos));
            options(Mode::ReadOnly(ReadOnly {
                consistency_selector: Some(selector),
            }))
        };
        let read_time = Some(Timestamp::from_secs(1));
        assert_eq!(
            read_begin(Some(past(0))),
            Ok(TransactionOptions::ReadOnly { read_time })
        );
        assert_eq!(read_begin(Some(past(1))), Err(Fault::ReadTimePrecision));
    }

    #[test]
    fn selectors() {
        let unsaid = proto::TransactionOptions { mode: None };
        let read = TransactionOptions::ReadOnly { read_time: None };
        let rows = [
            (None, Consistency::Strong),
            (
                Some(ConsistencySelector::Transaction("id".into())),
                Consistency::Transaction("id".into()),
            ),
            (
                Some(ConsistencySelector::NewTransaction(unsaid)),
                Consistency::New(read),
            ),
            (
                Some(ConsistencySelector::ReadTime(time(1, 0))),
                Consistency::At(Timestamp::from_secs(1)),
            ),
        ];
        for (selector, consistency) in rows {
            assert_eq!(read_consistency(selector), Ok(consistency));
        }
    }
}
