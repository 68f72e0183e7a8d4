use firekeep_model::{Document, FieldMask, Value};

use super::*;
use crate::naive;
use crate::query::Query;
use crate::query::fixture::{World, array, document, f, field_path, orders, query, vector};

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

fn vectors() -> Vec<Document> {
    let v = |id: &str, elements: &[f64], group: i64| {
        let fields = [("v", vector(elements)), ("g", group.into())];
        document(&format!("vec/{id}"), &fields)
    };
    vec![
        v("a", &[1.0, 0.0], 1),
        v("b", &[0.0, 1.0], 1),
        v("c", &[3.0, 4.0], 2),
        v("d", &[0.0, 0.0], 1),
        document("vec/e", &[("v", vector(&[1.0, 2.0, 3.0]))]),
        document("vec/f", &[("v", array([1.0, 0.0]))]),
        document("vec/g", &[("g", 1.into())]),
        v("h", &[-1.0, 0.0], 1),
        v("i", &[2.0, 0.0], 2),
    ]
}

fn search(measure: DistanceMeasure, elements: &[f64]) -> FindNearest {
    FindNearest {
        field: field_path("v"),
        vector: Vector::new(elements).unwrap(),
        measure,
        limit: 10,
        distance_threshold: None,
        distance_result_field: Some("dist".into()),
    }
}

fn near(search: FindNearest) -> Query {
    Query {
        find_nearest: Some(search),
        ..query("vec")
    }
}

/// The ids and distances of an answer.
#[track_caller]
fn check(query: &Query, documents: &[Document], expected: &[(&str, f64)]) {
    let answer = naive::answer(query, documents.iter().cloned().map(Ok)).unwrap();
    let dist = field_path("dist");
    let found: Vec<_> = (answer.documents.iter())
        .map(|document| (document.path.id(), document.fields.get_path(&dist).cloned()))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, distance)| (*id, Some(Value::from(*distance))))
        .collect();
    assert_eq!(found, expected, "{query:?}");
}

use DistanceMeasure::{Cosine, DotProduct, Euclidean};

/// As the official emulator answers.
#[test]
fn measures() {
    let all = |measure, elements: &[f64], expected: &[(&str, f64)]| {
        check(&near(search(measure, elements)), &vectors(), expected);
    };
    let one = [1.0, 0.0];
    let zero = [0.0, 0.0];
    all(
        Euclidean,
        &one,
        &[
            ("a", 0.0),
            ("d", 1.0),
            ("i", 1.0),
            ("b", 2_f64.sqrt()),
            ("h", 2.0),
            ("c", 20_f64.sqrt()),
        ],
    );
    all(
        Euclidean,
        &zero,
        &[
            ("d", 0.0),
            ("a", 1.0),
            ("b", 1.0),
            ("h", 1.0),
            ("i", 2.0),
            ("c", 5.0),
        ],
    );
    all(
        Cosine,
        &one,
        &[
            ("a", 0.0),
            ("i", 0.0),
            ("c", 0.4),
            ("b", 1.0),
            ("h", 2.0),
            ("d", NAN),
        ],
    );
    all(
        Cosine,
        &zero,
        &["a", "b", "c", "d", "h", "i"].map(|id| (id, NAN)),
    );
    all(
        DotProduct,
        &one,
        &[
            ("c", 3.0),
            ("i", 2.0),
            ("a", 1.0),
            ("b", 0.0),
            ("d", 0.0),
            ("h", -1.0),
        ],
    );
    all(
        DotProduct,
        &zero,
        &["a", "b", "c", "d", "h", "i"].map(|id| (id, 0.0)),
    );
    all(Euclidean, &[1.0, 0.0, 0.0], &[("e", 13_f64.sqrt())]);
    all(Euclidean, &[1.0], &[]);
}

/// As the official emulator answers, but for the last digit of the first distance: it adds in an order of its own.
#[test]
fn large_and_inexact_elements() {
    let v = |id: &str, elements: &[f64]| document(&format!("vec/{id}"), &[("v", vector(elements))]);
    let documents = [
        v("a", &[0.1, 0.7, 1.3]),
        v("b", &[1e200, 1e200, 3.0]),
        v("c", &[INFINITY, 1.0, 1.0]),
    ];
    let target = [0.3, 0.1, 0.9];
    let all = |measure, target: &[f64], expected: &[(&str, f64)]| {
        check(&near(search(measure, target)), &documents, expected);
    };
    all(
        Euclidean,
        &target,
        &[
            ("a", 0.748_331_477_354_788_3),
            ("b", INFINITY),
            ("c", INFINITY),
        ],
    );
    all(
        Cosine,
        &target,
        &[("a", 0.100_376_135_824_349_12), ("b", 1.0), ("c", NAN)],
    );
    let b = 3.999_999_999_999_999_5e199;
    all(
        DotProduct,
        &target,
        &[("c", INFINITY), ("b", b), ("a", 1.270_000_000_000_000_2)],
    );
}

/// As the official emulator answers.
#[test]
fn thresholds_and_limits() {
    let with = |measure, limit, threshold: Option<f64>, expected: &str| {
        let search = FindNearest {
            limit,
            distance_threshold: threshold,
            distance_result_field: None,
            ..search(measure, &[1.0, 0.0])
        };
        assert_eq!(
            crate::query::fixture::run(&near(search), &vectors()),
            expected
        );
    };
    with(Euclidean, 10, Some(1.0), "a d i");
    with(Euclidean, 10, Some(0.0), "a");
    with(Euclidean, 10, Some(-1.0), "");
    with(Euclidean, 2, None, "a d");
    with(Euclidean, 2, Some(0.5), "a");
    with(Cosine, 10, Some(1.0), "a i c b");
    with(Cosine, 10, Some(0.0), "a i");
    with(Cosine, 2, None, "a i");
    with(DotProduct, 10, Some(1.0), "c i a");
    with(DotProduct, 10, Some(0.0), "c i a b d");
    with(DotProduct, 10, Some(-1.0), "c i a b d h");
    with(DotProduct, 2, None, "c i");
}

/// As the official emulator answers.
#[test]
fn with_the_rest_of_a_query() {
    let all = || search(Euclidean, &[1.0, 0.0]);
    let filtered = |filter| Query {
        filter: Some(filter),
        ..near(all())
    };
    let first = [("a", 0.0), ("d", 1.0), ("b", 2_f64.sqrt()), ("h", 2.0)];
    check(&filtered(f("g", "==", 1)), &vectors(), &first);
    check(
        &filtered(f("g", ">", 1)),
        &vectors(),
        &[("i", 1.0), ("c", 20_f64.sqrt())],
    );
    // An order does not order, but still asks for its field.
    let ordered = Query {
        order_by: orders(&["missing"]),
        ..near(all())
    };
    check(&ordered, &vectors(), &[]);
    // The distance is a field that can be selected, or not; its name may be that of another field, or have a dot.
    let check = |name: &str, select: &[&str], expected: &str| {
        let query = Query {
            select: (!select.is_empty()).then(|| FieldMask::parse(select).unwrap()),
            ..near(FindNearest {
                limit: 1,
                distance_result_field: Some(name.into()),
                ..all()
            })
        };
        let answer = naive::answer(&query, vectors().into_iter().map(Ok)).unwrap();
        assert_eq!(format!("{:?}", answer.documents[0].fields), expected);
    };
    check("dist", &["g"], r#"{"g": Integer(1)}"#);
    check(
        "dist",
        &["g", "dist"],
        r#"{"dist": Double(0.0), "g": Integer(1)}"#,
    );
    check("g", &["g"], r#"{"g": Double(0.0)}"#);
    check("a.b", &["`a.b`"], r#"{"a.b": Double(0.0)}"#);
}

#[test]
fn few_are_kept_and_they_are_the_first_of_all() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        let random = &mut world.random;
        let documents: Vec<_> = (0..60)
            .map(|at| {
                let elements: Vec<_> = (0..7)
                    .map(|_| random.pick(&[-1.0, 0.0, 1.0, 2.0]))
                    .collect();
                document(&format!("vec/{at}"), &[("v", vector(&elements))])
            })
            .collect();
        let measure = random.pick(&[Euclidean, Cosine, DotProduct]);
        let found = |limit| {
            let search = FindNearest {
                limit,
                ..search(measure, &[1.0, 0.0, 2.0, -1.0, 1.0, 0.0, 1.0])
            };
            let mut nearest = Nearest::new(&search);
            for document in &documents {
                nearest.add(document, || Ok(())).unwrap();
                assert!(nearest.heap.len() <= usize::try_from(limit).unwrap());
            }
            nearest
                .finish()
                .into_iter()
                .map(|near| near.path)
                .collect::<Vec<_>>()
        };
        let all = found(1_000);
        assert_eq!(all.len(), documents.len());
        let limit = 1 + u32::try_from(seed % 30).unwrap();
        assert_eq!(found(limit), all[..usize::try_from(limit).unwrap()]);
    }
}
