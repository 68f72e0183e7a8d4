use firekeep_model::{Document, FieldMask, Value};
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::*;
use crate::naive;
use crate::query::fixture::{
    array, cursor, database, document, f, field_path, orders, query, vector,
};

fn count(alias: &str) -> Aggregation {
    named(alias, Operator::Count { up_to: None })
}

fn sum(alias: &str, field: &str) -> Aggregation {
    named(alias, Operator::Sum(field_path(field)))
}

fn average(alias: &str, field: &str) -> Aggregation {
    named(alias, Operator::Average(field_path(field)))
}

fn named(alias: &str, operator: Operator) -> Aggregation {
    let alias = (!alias.is_empty()).then(|| alias.into());
    Aggregation { alias, operator }
}

fn results(query: &AggregationQuery, documents: &[Document]) -> Vec<(Box<str>, Value)> {
    naive::aggregate(query, documents.iter().cloned().map(Ok)).unwrap()
}

/// Sum and average of a field, and the count beside them.
#[track_caller]
fn check<const N: usize>(values: [Value; N], sum_of: Value, average_of: Value) {
    let documents: Vec<_> = (values.iter().enumerate())
        .map(|(at, value)| document(&format!("c/{at}"), &[("x", value.clone())]))
        .collect();
    let query = AggregationQuery {
        query: query("c"),
        aggregations: vec![sum("s", "x"), average("a", "x"), count("c")],
    };
    let total = i64::try_from(N).unwrap();
    let expected = [("s", sum_of), ("a", average_of), ("c", total.into())];
    let expected: Vec<_> = expected.map(|(name, value)| (name.into(), value)).into();
    assert_eq!(results(&query, &documents), expected, "{values:?}");
}

/// As the official emulator answers, but where a comment says that it differs.
#[test]
fn sums_and_averages() {
    const NAN: f64 = f64::NAN;
    const INFINITY: f64 = f64::INFINITY;
    const LEAST: f64 = 5e-324;
    let int = |value: i64| Value::from(value);
    let double = |value: f64| Value::from(value);
    check([], int(0), Value::Null);
    check([int(1), int(2), int(3)], int(6), double(2.0));
    check(
        [int(5), double(4.5), double(3.5)],
        double(13.0),
        double(4.333_333_333_333_333),
    );
    check(
        [int(i64::MAX), int(1), int(-101)],
        int(i64::MAX - 100),
        double(3.074_457_345_618_258_4e18),
    );
    check(
        [int(i64::MAX), int(1)],
        double(9.223_372_036_854_776e18),
        double(4.611_686_018_427_388e18),
    );
    check(
        [int(i64::MIN), int(-1)],
        double(-9.223_372_036_854_776e18),
        double(-4.611_686_018_427_388e18),
    );
    let two_62 = int(1 << 62);
    check(
        [two_62.clone(), two_62.clone(), two_62],
        double(1.383_505_805_528_216_4e19),
        double(4.611_686_018_427_388e18),
    );
    check([int(1), double(NAN)], double(NAN), double(NAN));
    check(
        [double(INFINITY), double(-INFINITY)],
        double(NAN),
        double(NAN),
    );
    check(
        [double(INFINITY), int(1)],
        double(INFINITY),
        double(INFINITY),
    );
    check(
        [double(f64::MAX), double(f64::MAX)],
        double(INFINITY),
        double(INFINITY),
    );
    check([double(LEAST), int(0)], double(LEAST), double(0.0));
    check([double(LEAST)], double(LEAST), double(LEAST));
    check([double(0.5), double(0.5)], double(1.0), double(0.5));
    check([double(-0.0)], double(0.0), double(0.0));
    check([double(-0.0), int(0)], double(0.0), double(0.0));
    check(
        std::array::from_fn::<_, 10, _>(|_| double(0.1)),
        double(1.0),
        double(0.1),
    );
    check(
        [int(1 << 53), int(1), int(1), double(0.0)],
        double(9_007_199_254_740_994.0),
        double(2_251_799_813_685_248.5),
    );
    check(
        [int((1 << 53) + 1), int((1 << 53) + 1)],
        int((1 << 54) + 2),
        double(9_007_199_254_740_992.0),
    );
    // The emulator: infinity, since it adds from left to right.
    check(
        [double(f64::MAX), double(f64::MAX), double(f64::MIN)],
        double(f64::MAX),
        double(f64::MAX / 3.0),
    );
}

#[test]
fn what_is_no_number_is_passed_over() {
    check(["a".into(), "b".into()], 0.into(), Value::Null);
    let some = [
        1.into(),
        "a".into(),
        Value::Null,
        array([1]),
        2.into(),
        vector(&[9.0]),
    ];
    check(some, 3.into(), 1.5.into());
}

/// The books of a system test of the official clients.
fn books() -> Vec<Document> {
    vec![
        document("books/a", &[("p", 1.into()), ("y", 2000.into())]),
        document("books/b", &[("p", 2.into()), ("y", 2001.into())]),
        document("books/c", &[("p", 3.into()), ("y", 2002.into())]),
        document("books/d", &[("p", 4.into())]),
    ]
}

#[track_caller]
fn check_books(
    query: Query,
    aggregations: impl Into<Vec<Aggregation>>,
    expected: &[(&str, Value)],
) {
    let query = AggregationQuery {
        query,
        aggregations: aggregations.into(),
    };
    query.validate(&database(), Strictness::Cloud).unwrap();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()))
        .collect();
    assert_eq!(results(&query, &books()), expected, "{query:?}");
}

/// As the official emulator answers.
#[test]
fn documents_that_lack_an_aggregated_field_are_not_there() {
    let all = || query("books");
    check_books(
        all(),
        [sum("", "p"), average("", "y"), count("")],
        &[
            ("field_1", 6.into()),
            ("field_2", 2001.0.into()),
            ("field_3", 3.into()),
        ],
    );
    check_books(all(), [count("")], &[("field_1", 4.into())]);
    check_books(
        all(),
        [sum("s", "a.b"), count("c")],
        &[("s", 0.into()), ("c", 0.into())],
    );
    // Not for the limit either: the last book is not the one.
    let last = |limit, offset| Query {
        order_by: orders(&["-p"]),
        limit,
        offset,
        ..all()
    };
    let y = || [sum("s", "y"), count("c")];
    check_books(
        last(Some(1), 0),
        y(),
        &[("s", 2002.into()), ("c", 1.into())],
    );
    check_books(
        last(Some(2), 0),
        y(),
        &[("s", 4003.into()), ("c", 2.into())],
    );
    check_books(last(None, 1), y(), &[("s", 4001.into()), ("c", 2.into())]);
}

/// As the official emulator answers.
#[test]
fn the_query_comes_first() {
    let c_and_p = || [count("c"), sum("s", "p")];
    let all = || query("books");
    let check = |query, count: i64, sum: i64| {
        check_books(query, c_and_p(), &[("c", count.into()), ("s", sum.into())]);
    };
    check(
        Query {
            limit: Some(2),
            ..all()
        },
        2,
        3,
    );
    check(Query { offset: 1, ..all() }, 3, 9);
    check(
        Query {
            limit: Some(0),
            ..all()
        },
        0,
        0,
    );
    check(
        Query {
            filter: Some(f("p", ">", 2)),
            ..all()
        },
        2,
        7,
    );
    check(
        Query {
            order_by: orders(&["y"]),
            ..all()
        },
        3,
        6,
    );
    let from_two = Query {
        order_by: orders(&["p"]),
        start_at: cursor(true, [2.into()]),
        ..all()
    };
    check(from_two, 3, 9);
}

/// As the official emulator answers: the rows are its answers.
#[test]
fn a_limit_goes_by_the_aggregated_fields_too() {
    let documents = [(1, 3), (2, 1), (3, 2)].map(|(a, b)| {
        let fields = [("a", a.into()), ("b", b.into()), ("z", 1.into())];
        document(&format!("c/x{a}"), &fields)
    });
    let check = |order: &[&str], fields: &[&str], first: i64| {
        let aggregations = fields.iter().map(|field| sum(field, field));
        let query = AggregationQuery {
            query: Query {
                order_by: orders(order),
                limit: Some(1),
                ..query("c")
            },
            aggregations: aggregations.collect(),
        };
        let found = results(&query, &documents);
        let (_, value) = found.last().unwrap();
        assert_eq!(*value, first.into(), "{order:?} {fields:?}");
    };
    check(&[], &["a", "b"], 3);
    check(&[], &["b", "a"], 1);
    check(&["-b"], &["a"], 1);
    check(&["-z"], &["a"], 3);
    check(&["-z"], &["b"], 3);
    check(&["z"], &["b"], 1);
    // Of our own: behind the name there is no order.
    check(&["__name__"], &["b"], 3);
    check(&["-__name__"], &["b"], 2);
}

/// As the official emulator answers.
#[test]
fn counts_stop_at_their_limit() {
    let check = |up_to, expected: i64| {
        let aggregations = [named("c", Operator::Count { up_to }), sum("s", "p")];
        check_books(
            query("books"),
            aggregations,
            &[("c", expected.into()), ("s", 10.into())],
        );
    };
    check(None, 4);
    check(Some(2), 2);
    check(Some(0), 0);
    check(Some(100), 4);
    let mut two = Accumulator::new(&Operator::Count { up_to: Some(2) });
    assert!(!two.is_full());
    two.count(u64::MAX);
    assert!(two.is_full());
    assert_eq!(two.result(), 2.into());
}

#[test]
fn aliases() {
    let check = |aggregations: &[Aggregation], expected: &[&str]| {
        let query = AggregationQuery {
            query: query("books"),
            aggregations: aggregations.into(),
        };
        let found = query.aliases();
        assert_eq!(
            found.iter().map(|alias| &**alias).collect::<Vec<_>>(),
            expected
        );
    };
    check(
        &[count("x"), count(""), sum("", "p"), count("y"), count("")],
        &["x", "field_1", "field_2", "y", "field_3"],
    );
}

/// As the official emulator refuses, but for the maximum, at which it fails.
#[test]
fn rules() {
    let check = |query: Query, aggregations: Vec<Aggregation>, expected: &str| {
        let query = AggregationQuery {
            query,
            aggregations,
        };
        let found = query.validate(&database(), Strictness::Cloud);
        let text = found.map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(text, expected, "{query:?}");
    };
    let refused = |aggregations, expected: &str| check(query("books"), aggregations, expected);
    refused(vec![], "Aggregations can not be empty.");
    refused(vec![count(""); 5], "");
    refused(
        vec![count(""); 6],
        "The maximum number of aggregations allowed in an aggregation query is 5. Received: 6",
    );
    let duplicate = "Aggregation aliases contain duplicate alias: ";
    refused(vec![count("x"), count("x")], &format!("{duplicate}x."));
    refused(
        vec![count("field_1"), count("")],
        &format!("{duplicate}field_1."),
    );
    refused(
        vec![count(""), count("field_1")],
        &format!("{duplicate}field_1."),
    );
    for alias in ["a.b", "`a`", "1a", "a-b", "a b", "é"] {
        refused(vec![count(alias)], "");
    }
    for alias in ["__a__", "__name__"] {
        refused(
            vec![count(alias)],
            &format!("The property.name \"{alias}\" is reserved."),
        );
    }
    let long = "x".repeat(1_501);
    refused(
        vec![count(&long)],
        "The property.name is longer than 1500 bytes.",
    );
    let selected = Query {
        select: Some(FieldMask::parse(["y"]).unwrap()),
        ..query("books")
    };
    check(
        selected.clone(),
        vec![sum("", "p")],
        "The aggregation property p is not present in the base query's property mask.",
    );
    check(selected, vec![sum("", "y")], "");
    let bad = Query {
        filter: Some(crate::query::fixture::and([])),
        ..query("books")
    };
    check(
        bad,
        vec![count("")],
        "Composite filter must have at least one sub-filter.",
    );
}

/// Against integers in units of 2^-40.
#[test]
fn numbers_are_added_exactly() {
    const UNITS: f64 = 1_099_511_627_776.0;
    let random = &mut Seeded::new(77);
    for _ in 0..2_000 {
        let mut numbers = Numbers::default();
        let mut parts = Numbers::default();
        let (mut units, mut only_integers, mut count) = (0_i128, true, 0);
        for _ in 0..random.below(30) {
            let value = if random.once_in(4) {
                // 40 bits, of which any number are behind the point.
                let mantissa = i32::try_from(random.below(1 << 30)).unwrap() - (1 << 29);
                let shift = i32::try_from(random.below(41)).unwrap();
                units += i128::from(mantissa) << (40 - shift);
                only_integers = false;
                (f64::from(mantissa) / 2_f64.powi(shift)).into()
            } else {
                let integer = values::integer(random);
                units += i128::from(integer) << 40;
                Value::from(integer)
            };
            count += 1;
            match random.once_in(2) {
                true => numbers.add(&value),
                false => parts.add(&value),
            }
        }
        numbers.merge(&parts);
        #[expect(clippy::cast_precision_loss, reason = "the nearest double")]
        let nearest = units as f64 / UNITS;
        let expected = match i64::try_from(units >> 40) {
            Ok(sum) if only_integers => Value::from(sum),
            _ => nearest.into(),
        };
        assert_eq!(numbers.sum(), expected);
        let expected = match count {
            0 => Value::Null,
            count => (nearest / f64::from(count)).into(),
        };
        assert_eq!(numbers.average(), expected);
    }
}
