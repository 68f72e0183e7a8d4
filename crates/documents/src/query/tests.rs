use firekeep_model::Value;

use super::fixture::{
    and, cursor, database, f, field, field_path, l, or, orders, path, query, reference, vector,
};
use super::*;
use crate::filter::{Condition, FieldFilter, Filter};

#[test]
fn the_normal_order() {
    let check = |filter: Option<Filter>, order: &[&str], expected: &str| {
        let query = Query {
            filter,
            order_by: orders(order),
            ..query("c")
        };
        let found = query.normal_order();
        let names = found.iter().map(|order| match order.direction {
            Direction::Ascending => order.field.to_string(),
            Direction::Descending => format!("-{}", order.field),
        });
        assert_eq!(names.collect::<Vec<_>>().join(" "), expected, "{query:?}");
    };
    let more = |name| f(name, ">", 0);
    check(None, &[], "__name__");
    check(None, &["-__name__"], "-__name__");
    check(None, &["x"], "x __name__");
    check(None, &["x", "-y"], "x -y -__name__");
    check(None, &["-x", "y"], "-x y __name__");
    check(Some(f("x", "==", 1)), &[], "__name__");
    check(Some(f("x", "==", 1)), &["x"], "x __name__");
    check(Some(more("x")), &[], "x __name__");
    check(Some(more("x")), &["-x"], "-x -__name__");
    check(Some(more("y")), &["x"], "x y __name__");
    check(Some(more("y")), &["-x"], "-x -y -__name__");
    check(Some(more("y")), &["__name__"], "__name__ y");
    check(Some(f("__name__", ">", reference("c/d"))), &[], "__name__");
    check(
        Some(f("__name__", ">", reference("c/d"))),
        &["-x"],
        "-x -__name__",
    );
    // Sorted name by name, not as text: `a.b` before `a!`.
    let many = ["b", "a.b", "`a!`", "a", "b"].map(more);
    check(Some(and(many)), &["b"], "b a a.b `a!` __name__");
    // Anywhere in the filter, and whatever sorts.
    check(
        Some(or([f("x", "==", 1), and([more("y")])])),
        &[],
        "y __name__",
    );
    for operator in ["!=", "<", "<=", ">", ">=", "is-not-null", "is-not-nan"] {
        check(Some(f("x", operator, 1)), &[], "x __name__");
    }
    check(Some(l("x", "not-in", [1.into()])), &[], "x __name__");
    for operator in ["==", "array-contains", "is-null", "is-nan"] {
        check(Some(f("x", operator, 1)), &[], "__name__");
    }
    for operator in ["in", "array-contains-any"] {
        check(Some(l("x", operator, [1.into()])), &[], "__name__");
    }
}

#[test]
fn what_a_query_reads() {
    let check = |parent: Option<&str>, id: Option<&str>, all_descendants, expected: &[&str]| {
        let query = Query {
            parent: parent.map(path),
            from: CollectionSelector {
                collection: id.map(|id| CollectionId::parse(id).unwrap()),
                all_descendants,
            },
            ..Query::default()
        };
        let all = [
            "cg/z",
            "cg/z/q/r/cg/deep",
            "p/1",
            "p/1/cg/a",
            "p/1/cg/a/cg/x",
            "p/11/cg/b",
            "p/2/o/y",
        ];
        let read: Vec<_> = all
            .into_iter()
            .filter(|at| query.reads(&path(at)))
            .collect();
        assert_eq!(read, expected, "{query:?}");
    };
    check(None, Some("cg"), false, &["cg/z"]);
    check(Some("p/1"), Some("cg"), false, &["p/1/cg/a"]);
    check(Some("p/3"), Some("cg"), false, &[]);
    check(
        None,
        Some("cg"),
        true,
        &[
            "cg/z",
            "cg/z/q/r/cg/deep",
            "p/1/cg/a",
            "p/1/cg/a/cg/x",
            "p/11/cg/b",
        ],
    );
    check(
        Some("p/1"),
        Some("cg"),
        true,
        &["p/1/cg/a", "p/1/cg/a/cg/x"],
    );
    check(Some("p/1/cg/a"), Some("cg"), true, &["p/1/cg/a/cg/x"]);
    check(None, None, false, &["cg/z", "p/1"]);
    check(Some("p/1"), None, false, &["p/1/cg/a"]);
    check(Some("p/1"), None, true, &["p/1/cg/a", "p/1/cg/a/cg/x"]);
}

#[test]
fn projections() {
    let check = |fields: &[&str], expected: Option<&[&str]>| {
        let mask = expected.map(|paths| FieldMask::parse(paths).unwrap());
        assert_eq!(projection(fields.iter().map(|name| field(name))), mask);
    };
    check(&[], None);
    check(&["__name__"], Some(&[]));
    check(&["v", "__name__", "v"], Some(&["v"]));
    check(&["v.k", "v"], Some(&["v"]));
}

/// What a query is refused with: by both kinds of rules, or (`cloud`) only by the stricter.
struct Check;

impl Check {
    #[track_caller]
    fn refused(query: &Query, expected: &str) {
        for strictness in [Strictness::Lenient, Strictness::Cloud] {
            let found = query
                .validate(&database(), strictness)
                .map_err(|error| error.to_string());
            assert_eq!(found, Err(expected.to_owned()), "{strictness:?} {query:?}");
        }
    }

    #[track_caller]
    fn cloud(query: &Query, expected: &str) {
        assert_eq!(
            query.validate(&database(), Strictness::Lenient),
            Ok(()),
            "{query:?}"
        );
        let found = query.validate(&database(), Strictness::Cloud);
        assert_eq!(
            found.map_err(|error| error.to_string()),
            Err(expected.to_owned()),
            "{query:?}"
        );
    }

    #[track_caller]
    fn fine(query: &Query) {
        assert_eq!(
            query.validate(&database(), Strictness::Cloud),
            Ok(()),
            "{query:?}"
        );
        assert_eq!(
            query.validate(&database(), Strictness::Lenient),
            Ok(()),
            "{query:?}"
        );
    }
}

fn with(filter: Filter) -> Query {
    Query {
        filter: Some(filter),
        ..query("c")
    }
}

fn numbers(count: i64) -> Vec<Value> {
    (0..count).map(Value::from).collect()
}

fn on(name: &str, condition: Condition) -> Filter {
    Filter::field(field(name), condition)
}

#[test]
fn lists() {
    let refused = |condition, text| Check::refused(&with(on("v", condition)), text);
    refused(
        Condition::In(vec![]),
        "'IN' requires an non-empty ArrayValue.",
    );
    refused(
        Condition::NotIn(vec![]),
        "'NOT_IN' requires an non-empty ArrayValue.",
    );
    let text = "'ARRAY_CONTAINS_ANY' requires an non-empty ArrayValue.";
    refused(Condition::ArrayContainsAny(vec![]), text);
    refused(
        Condition::In(numbers(31)),
        "'IN' supports up to 30 comparison values.",
    );
    // Also the same 31 times.
    let text = "'ARRAY_CONTAINS_ANY' supports up to 30 comparison values.";
    refused(Condition::ArrayContainsAny(vec![7.into(); 31]), text);
    refused(
        Condition::NotIn(numbers(11)),
        "'NOT_IN' supports up to 10 comparison values.",
    );
    Check::fine(&with(on("v", Condition::In(numbers(30)))));
    Check::fine(&with(on("v", Condition::ArrayContainsAny(numbers(30)))));
    Check::fine(&with(on("v", Condition::NotIn(numbers(10)))));
}

#[test]
fn composites() {
    let empty = "Composite filter must have at least one sub-filter.";
    Check::refused(&with(and([])), empty);
    Check::refused(&with(or([])), empty);
    Check::refused(&with(and([or([]), f("v", "==", 7)])), empty);
    let nested = |depth| (0..depth).fold(f("v", "==", 1), |filter, _| and([filter]));
    Check::refused(&with(nested(101)), "filters are nested more than 100 deep");
    Check::fine(&with(nested(100)));
}

#[test]
fn one_negation() {
    let text = "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.";
    let different = || f("v", "!=", 7);
    let not_in = || l("w", "not-in", [7.into()]);
    Check::cloud(&with(and([different(), f("w", "!=", 7)])), text);
    Check::cloud(&with(and([different(), f("v", "!=", 5)])), text);
    Check::cloud(&with(and([different(), not_in()])), text);
    Check::cloud(&with(and([not_in(), not_in()])), text);
    Check::cloud(&with(and([different(), f("v", "is-not-null", 0)])), text);
    Check::cloud(&with(and([different(), f("v", "is-not-nan", 0)])), text);
    Check::fine(&with(or([different(), f("v", "==", 7)])));
    Check::fine(&with(and([different(), l("v", "in", [7.into()])])));
}

#[test]
fn not_in_alone() {
    let text = "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.";
    let not_in = || l("v", "not-in", [7.into()]);
    Check::cloud(&with(or([not_in(), f("v", "==", 5)])), text);
    Check::cloud(
        &with(and([not_in(), or([f("v", "==", 5), f("v", "==", 6)])])),
        text,
    );
    Check::cloud(&with(and([not_in(), l("v", "in", [5.into()])])), text);
    Check::cloud(
        &with(and([not_in(), l("v", "array-contains-any", [5.into()])])),
        text,
    );
    Check::fine(&with(and([not_in(), f("v", "array-contains", 7)])));
}

#[test]
fn one_array_filter_for_each_disjunction() {
    let text = "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.";
    let has = |element: i64| f("v", "array-contains", element);
    let any = |element: i64| l("v", "array-contains-any", [element.into()]);
    Check::cloud(&with(and([has(7), has(8)])), text);
    Check::cloud(&with(and([has(7), any(8)])), text);
    Check::cloud(&with(and([any(7), any(8)])), text);
    Check::cloud(&with(and([has(7), f("w", "array-contains", 8)])), text);
    Check::cloud(&with(and([has(7), or([has(8), f("v", "==", 1)])])), text);
    // Also where the second one finds nothing, or what is left finds it all.
    Check::cloud(
        &with(and([has(7), f("v", "array-contains", Value::Null)])),
        text,
    );
    Check::cloud(&with(or([has(7), and([has(7), has(8)])])), text);
    Check::fine(&with(or([has(7), has(8)])));
    Check::fine(&with(and([has(7), has(7)])));
}

#[test]
fn counts() {
    let six = || Condition::In(numbers(6));
    Check::refused(
        &with(and([on("v", six()), on("w", six())])),
        "Too many disjunctions after normalization. Result had 36 disjunctions which is more than the maximum of 30",
    );
    Check::fine(&with(and([
        on("v", six()),
        on("w", Condition::In(numbers(5))),
    ])));

    let ranges = |count| Filter::And((0..count).map(|at| f(&format!("v{at}"), ">", 7)).collect());
    Check::fine(&with(ranges(10)));
    Check::refused(
        &with(ranges(11)),
        "The query contains 11 distinct inequality fields: [v0, v1, v10, v2, v3, v4, v5, v6, v7, v8, v9]. \
         A query may not have more than 10 distinct inequality fields.",
    );

    let equal = |count| Filter::And((0..count).map(|_| f("v", "==", 7)).collect());
    Check::fine(&with(equal(100)));
    let too_many = "A query may have at most 100 filters and orders, its parent document counted; this one has 101.";
    Check::refused(&with(equal(101)), too_many);
    let ordered = Query {
        order_by: orders(&["v", "w"]),
        ..with(equal(99))
    };
    Check::refused(&ordered, too_many);
    let below = Query {
        parent: Some(path("p/q")),
        ..with(equal(100))
    };
    Check::refused(&below, too_many);
}

#[test]
fn names() {
    let value = "__key__ filter value must be a Key";
    let name = "__name__";
    for operand in ["c".into(), Value::Null, 7.into()] {
        Check::refused(&with(f(name, "==", operand)), value);
    }
    for operator in ["is-null", "is-not-null", "is-nan", "is-not-nan"] {
        Check::refused(&with(f(name, operator, 0)), value);
    }
    Check::refused(&with(l(name, "in", [reference("c/d"), "d".into()])), value);
    Check::refused(
        &with(l(name, "not-in", [reference("c/d"), Value::Null])),
        value,
    );
    let reserved = "the name __key__ is reserved";
    Check::refused(&with(f(name, "array-contains", reference("c/d"))), reserved);
    Check::refused(
        &with(l(name, "array-contains-any", [reference("c/d")])),
        reserved,
    );
    let other = Value::reference(
        firekeep_model::DocumentName::parse("projects/p/databases/other/documents/c/d").unwrap(),
    );
    Check::refused(
        &with(f(name, ">", other.clone())),
        "The request was for database 'projects/p/databases/(default)' but was attempting to access database \
         'projects/p/databases/other'",
    );
    // Values of fields may refer to wherever they like, and names to other collections.
    Check::fine(&with(f("v", "==", other.clone())));
    Check::fine(&with(f(name, ">", reference("z/z/z/z"))));

    let start = |order: &[&str], start_at| Query {
        order_by: orders(order),
        start_at,
        ..query("c")
    };
    let no_name = "Cursor __key__ value is not a document reference.";
    Check::refused(&start(&[name], cursor(false, ["b".into()])), no_name);
    Check::refused(
        &start(&["x", name], cursor(false, [1.into(), Value::Null])),
        no_name,
    );
    Check::refused(
        &start(&[name], cursor(false, [other])),
        "The cursor key is in a different database than the query",
    );
    Check::fine(&start(&[name], cursor(false, [reference("z/z/z/z")])));
}

#[test]
fn order_and_cursors() {
    let ordered = |order: &[&str]| Query {
        order_by: orders(order),
        ..query("c")
    };
    let duplicate = "order by clause cannot contain duplicate fields v";
    Check::refused(&ordered(&["v", "-v"]), duplicate);
    let behind = "order by clause cannot contain more fields after the key";
    Check::cloud(&ordered(&["__name__", "v"]), behind);
    let implicit = Query {
        order_by: orders(&["__name__"]),
        ..with(f("v", ">", 1))
    };
    Check::cloud(&implicit, behind);

    let start = |order: &[&str], start_at| Query {
        start_at,
        ..ordered(order)
    };
    let long = "Cursor has too many values.";
    let reference = || reference("c/d");
    let three = || [7.into(), reference(), 3.into()];
    Check::refused(&start(&["v"], cursor(true, three())), long);
    let end = Query {
        end_at: cursor(true, three()),
        ..ordered(&["v"])
    };
    Check::refused(&end, long);
    // The cloud knows no values for what is ordered implicitly.
    Check::cloud(&start(&["v"], cursor(true, [7.into(), reference()])), long);
    Check::cloud(&start(&[], cursor(true, [reference()])), long);
    let implicit = Query {
        start_at: cursor(true, [1.into()]),
        ..with(f("v", ">", 1))
    };
    Check::cloud(&implicit, long);
    Check::fine(&start(
        &["v", "__name__"],
        cursor(true, [7.into(), reference()]),
    ));
    Check::fine(&start(&["v"], cursor(true, [])));
}

#[test]
fn without_a_collection_id() {
    let all = |filter, order: &[&str]| Query {
        from: CollectionSelector {
            collection: None,
            all_descendants: true,
        },
        filter,
        order_by: orders(order),
        ..Query::default()
    };
    Check::refused(
        &all(Some(f("v", ">", 2)), &[]),
        "kind is required for filter: v",
    );
    let no_order = "kind is required for all orders except __key__ ascending";
    Check::refused(&all(None, &["v"]), no_order);
    Check::refused(&all(None, &["-__name__"]), no_order);
    Check::fine(&all(None, &["__name__"]));
    let range = and([
        f("__name__", ">=", reference("p/__id-9223372036854775808__")),
        f("__name__", "<", reference("p\0/__id-9223372036854775808__")),
    ]);
    Check::fine(&all(Some(range), &[]));
    let directly = Query {
        parent: Some(path("p/1")),
        ..Query::default()
    };
    Check::fine(&directly);
}

#[test]
fn a_group_below_a_document() {
    let group = |filter, order: &[&str]| Query {
        parent: Some(path("p/1")),
        from: CollectionSelector {
            all_descendants: true,
            ..query("cg").from
        },
        filter,
        order_by: orders(order),
        ..Query::default()
    };
    let text = "collection group queries are only allowed at the root parent";
    Check::cloud(&group(Some(f("v", "==", 1)), &[]), text);
    Check::cloud(&group(Some(f("v", ">", 1)), &[]), text);
    Check::cloud(&group(None, &["v"]), text);
    Check::cloud(&group(None, &["-__name__"]), text);
    Check::fine(&group(None, &[]));
    Check::fine(&group(None, &["__name__"]));
    Check::fine(&group(Some(f("__name__", ">", reference("p/1"))), &[]));
    Check::fine(&group(
        Some(f("__name__", "==", reference("p/1/cg/a"))),
        &[],
    ));
    let at_the_root = Query {
        parent: None,
        ..group(Some(f("v", ">", 1)), &["v"])
    };
    Check::fine(&at_the_root);
}

#[test]
fn one_name_and_a_range() {
    let text = "Equality on key is not allowed if there are other inequality fields and key does not appear in \
                inequalities.";
    let one = || f("__name__", "==", reference("c/d"));
    let range = || f("v", ">", 0);
    Check::cloud(&with(and([one(), range()])), text);
    Check::cloud(
        &with(and([l("__name__", "in", [reference("c/d")]), range()])),
        text,
    );
    Check::cloud(&with(or([one(), range()])), text);
    Check::cloud(&with(and([one(), f("v", "!=", 0)])), text);
    Check::fine(&with(and([
        one(),
        range(),
        f("__name__", ">", reference("c/a")),
    ])));
    Check::fine(&with(and([one(), f("v", "==", 0)])));
}

#[test]
fn too_deep() {
    let deep = vec!["a/b"; 100].join("/");
    let query = Query {
        parent: Some(path(&deep)),
        ..query("c")
    };
    Check::refused(&query, "the path is deeper than 100 collections");
}

#[test]
fn nearest() {
    let Value::Vector(target) = vector(&[1.0]) else {
        unreachable!("a vector")
    };
    let search = |limit, name: Option<&str>| FindNearest {
        field: field_path("v"),
        vector: target.clone(),
        measure: DistanceMeasure::Euclidean,
        limit,
        distance_threshold: None,
        distance_result_field: name.map(Into::into),
    };
    let near = |search| Query {
        find_nearest: Some(search),
        ..query("c")
    };
    let limit = "FindNearest.limit must be a positive integer of no more than 1000";
    Check::refused(&near(search(0, None)), limit);
    Check::refused(&near(search(1_001, None)), limit);
    Check::fine(&near(search(1_000, None)));
    let ok = || near(search(10, None));
    let limited = Query {
        limit: Some(2),
        ..ok()
    };
    Check::refused(&limited, "A query limit cannot be used with FindNearest");
    let offset = Query { offset: 1, ..ok() };
    Check::refused(&offset, "A query offset cannot be used with FindNearest");
    let started = Query {
        order_by: orders(&["g"]),
        start_at: cursor(true, [2.into()]),
        ..ok()
    };
    Check::refused(&started, "A cursor cannot be used with FindNearest");
    let ordered = Query {
        order_by: orders(&["g"]),
        ..ok()
    };
    Check::fine(&ordered);
    for name in ["__a__", "__name__"] {
        let text = format!("The distanceResultField.property.name \"{name}\" is reserved.");
        Check::refused(&near(search(1, Some(name))), &text);
    }
    let length = "The distanceResultField.property.name is empty or longer than 1500 bytes.";
    Check::refused(&near(search(1, Some(""))), length);
    Check::refused(&near(search(1, Some(&"x".repeat(1_501)))), length);
    Check::fine(&near(search(1, Some("a.b"))));
}

/// Texts of what the types rule out: for the edges.
#[test]
fn texts_for_the_edges() {
    let check = |error: InvalidQuery, text: &str| assert_eq!(error.to_string(), text);
    check(InvalidQuery::NotAList("IN"), "'IN' requires an ArrayValue.");
    check(
        InvalidQuery::UnknownOperator,
        "Unknown FieldFilter operator.",
    );
    check(InvalidQuery::UnknownUnary, "Unknown UnaryFilter operator.");
    check(
        InvalidQuery::UnaryOperand,
        "Unsupported UnaryFilter operand type (non-FIELD).",
    );
    check(
        InvalidQuery::UnknownComposite,
        "Unsupported CompositeFilter operator.",
    );
    check(InvalidQuery::UnknownFilter, "Unknown Filter type.");
    check(
        InvalidQuery::SeveralSelectors,
        "StructuredQuery.from cannot have more than one collection selector.",
    );
    check(InvalidQuery::NegativeOffset, "offset is negative");
    check(InvalidQuery::NegativeLimit, "limit is negative");
    check(InvalidQuery::UnknownMeasure, "Unknown Distance Measure.");
    check(
        InvalidQuery::NotAVector,
        "Query Value must be of type vector.",
    );
    check(
        InvalidQuery::UnknownAggregation,
        "Operator field in Aggregation is not set.",
    );
    check(
        InvalidQuery::AggregatedName,
        "Aggregations are not supported for the property: __key__",
    );
    check(
        InvalidQuery::NegativeUpTo,
        "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
    );
}

#[test]
fn the_cloud_counts_every_element_of_lists() {
    let of = |name, count, make: fn(Vec<Value>) -> Condition, value: Value| {
        Filter::Field(FieldFilter {
            field: field(name),
            condition: make(vec![value; count]),
        })
    };
    let ones = |count| of("a", count, Condition::In, 1.into());
    let two = || or([f("b", "==", 1), f("b", "==", 2)]);
    Check::fine(&with(and([ones(15), two()])));
    let counted = InvalidQuery::TooManyDisjunctions(32).to_string();
    Check::cloud(&with(and([ones(16), two()])), &counted);
    let nulls = of("c", 20, Condition::ArrayContainsAny, Value::Null);
    let counted = InvalidQuery::TooManyDisjunctions(31).to_string();
    Check::cloud(&with(or([nulls, ones(11)])), &counted);
}
