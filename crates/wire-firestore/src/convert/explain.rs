//! What a query tells about how it was carried out. Source: Firestore specification, section 7.10.

use std::time::Duration;

use firekeep_api::firestore::{Explain, Explained, IndexUsed, QueryScope, RequiredIndex};
use firekeep_wire_proto::google::firestore::v1 as proto;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

/// What a client wants to be told.
#[must_use]
pub fn read_explain(options: Option<proto::ExplainOptions>) -> Option<Explain> {
    options.map(|options| Explain {
        analyze: options.analyze,
    })
}

/// How a query was carried out, in that time; or with a query that was only planned, how it would be.
#[must_use]
pub fn write_explained(
    explain: Explain,
    explained: &Explained,
    elapsed: Duration,
) -> proto::ExplainMetrics {
    let indexes = explained.indexes_used.iter().map(write_index);
    proto::ExplainMetrics {
        plan_summary: Some(proto::PlanSummary {
            indexes_used: indexes.collect(),
        }),
        execution_stats: explain.analyze.then(|| write_stats(explained, elapsed)),
    }
}

fn write_index(index: &IndexUsed) -> Struct {
    let scope = match index.scope {
        QueryScope::Collection => "Collection",
        QueryScope::CollectionGroup => "Collection group",
    };
    write_struct([
        ("query_scope", scope.to_owned()),
        ("properties", index.properties.clone()),
    ])
}

fn write_stats(explained: &Explained, elapsed: Duration) -> proto::ExecutionStats {
    let mut debug = write_struct([
        (
            "index_entries_scanned",
            explained.entries_scanned.to_string(),
        ),
        ("documents_scanned", explained.documents_read.to_string()),
    ]);
    if let Some(wanted) = &explained.wanted {
        let wanted = match wanted {
            RequiredIndex::Composite(definition) => definition.to_string(),
            RequiredIndex::Field { .. } => wanted.to_string(),
        };
        let wanted = write_struct([("index_wanted", wanted)]);
        debug.fields.extend(wanted.fields);
    }
    proto::ExecutionStats {
        results_returned: write_count(explained.results),
        execution_duration: Some(prost_types::Duration {
            seconds: write_count(elapsed.as_secs()),
            nanos: i32::try_from(elapsed.subsec_nanos()).unwrap_or_default(),
        }),
        read_operations: write_count(explained.documents_read),
        debug_stats: Some(debug),
    }
}

fn write_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn write_struct<const N: usize>(members: [(&str, String); N]) -> Struct {
    let member = |(name, text): (&str, String)| {
        let kind = Some(Kind::StringValue(text));
        (name.to_owned(), Value { kind })
    };
    Struct {
        fields: members.map(member).into(),
    }
}

#[cfg(test)]
mod tests {
    use firekeep_wire_proto::json;

    use super::*;

    #[test]
    fn plans_and_numbers() {
        let explained = Explained {
            indexes_used: vec![IndexUsed {
                scope: QueryScope::CollectionGroup,
                properties: "(a ASC, __name__ ASC)".to_owned(),
            }],
            entries_scanned: 5,
            documents_read: 3,
            results: 2,
            wanted: None,
        };
        let plan = r#""planSummary":{"indexesUsed":[{"properties":"(a ASC, __name__ ASC)","query_scope":"Collection group"}]}"#;
        let stats = r#""executionStats":{"resultsReturned":"2","executionDuration":"1.500s","readOperations":"3","debugStats":{"documents_scanned":"3","index_entries_scanned":"5"}}"#;
        for (analyze, expected) in [
            (false, format!("{{{plan}}}")),
            (true, format!("{{{plan},{stats}}}")),
        ] {
            let elapsed = Duration::from_millis(1_500);
            let metrics = write_explained(Explain { analyze }, &explained, elapsed);
            let text = String::from_utf8(json::encode(&metrics)).unwrap();
            assert_eq!(text, expected);
        }
        assert_eq!(read_explain(None), None);
    }
}
