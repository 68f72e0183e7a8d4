use firekeep_model::Value;

use super::*;
use crate::query::fixture::{World, and, f, l, or};

/// The normal form as text: `a==1 b==2 | c==3`.
fn text(form: &Dnf<'_>) -> String {
    let operand = |value: &Value| match value {
        Value::Integer(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    };
    let term = |term: &Term<'_>| match term.test {
        Test::Compare(comparison, value) => {
            let sign = match comparison {
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{}{sign}{}", term.field, operand(value))
        }
        Test::NotIn(list) => {
            let list: Vec<_> = list.iter().map(operand).collect();
            format!("{} not in {}", term.field, list.join(","))
        }
        Test::ArrayContains(value) => format!("{} has {}", term.field, operand(value)),
    };
    let conjunction = |terms: &[Term<'_>]| terms.iter().map(term).collect::<Vec<_>>().join(" ");
    form.iter().map(conjunction).collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn check(filter: Filter, expected: &str) {
    assert_eq!(text(&Dnf::new(&filter).unwrap()), expected);
}

#[test]
fn forms() {
    let list = || [1.into(), 2.into()];
    check(f("a", "==", 1), "a==1");
    check(and([f("b", "<", 2), f("a", "==", 1)]), "a==1 b<2");
    check(or([f("b", "==", 2), f("a", "==", 1)]), "b==2 | a==1");
    check(l("a", "in", list()), "a==1 | a==2");
    check(l("a", "array-contains-any", list()), "a has 1 | a has 2");
    check(l("a", "not-in", list()), "a not in 1,2");
    check(
        and([l("a", "in", list()), or([f("b", "==", 1), f("c", ">", 1)])]),
        "a==1 b==1 | a==1 c>1 | a==2 b==1 | a==2 c>1",
    );
    check(f("a", "is-null", 0), "a==null");
    check(f("a", "is-not-null", 0), "a!=null");
    check(f("a", "is-nan", 0), "a==NaN");
    check(f("a", "is-not-nan", 0), "a!=NaN");
}

#[test]
fn what_adds_nothing_is_left_out() {
    let one = || f("a", "==", 1);
    // The same twice, also as another type of number.
    check(or([one(), f("a", "==", 1.0), one()]), "a==1");
    check(
        l("a", "in", [1.into(), 1.0.into(), 2.into()]),
        "a==1 | a==2",
    );
    check(and([one(), one()]), "a==1");
    // What another one includes.
    check(or([and([one(), f("b", "==", 2)]), one()]), "a==1");
    check(and([or([one(), f("b", "==", 2)]), one()]), "a==1");
    // What cannot be.
    check(and([one(), f("a", "==", 2)]), "");
    check(and([one(), l("a", "in", [1.into(), 2.into()])]), "a==1");
    check(l("a", "in", [Value::Null]), "");
    check(l("a", "in", [Value::Null, 1.into()]), "a==1");
    check(or([f("a", "array-contains", f64::NAN), one()]), "a==1");
    check(f("a", ">", Value::Null), "");
    check(l("a", "not-in", [Value::Null]), "");
    check(and([f("a", "is-null", 0), f("a", "is-nan", 0)]), "");
}

#[test]
fn without_a_filter_every_document_is_wanted() {
    let all = Dnf::default();
    assert_eq!(all.iter().len(), 1);
    let document = crate::query::fixture::document("c/d", &[]);
    assert!(all.matches(&document).unwrap());
}

/// How many disjunctions there are, where there are too many. Counts as the official emulator does.
#[track_caller]
fn check_refused(filter: Filter, expected: usize) {
    let error = InvalidQuery::TooManyDisjunctions(expected);
    assert_eq!(Dnf::new(&filter), Err(error));
}

fn numbers<const N: usize>() -> [Value; N] {
    std::array::from_fn(|at| i64::try_from(at).unwrap().into())
}

fn equal(count: i64, name: &str, operator: &str) -> Filter {
    Filter::Or((0..count).map(|at| f(name, operator, at)).collect())
}

#[test]
fn the_limit() {
    check_refused(
        and([l("v", "in", numbers::<6>()), l("w", "in", numbers::<6>())]),
        36,
    );
    assert!(
        Dnf::new(&and([
            l("v", "in", numbers::<6>()),
            l("w", "in", numbers::<5>())
        ]))
        .is_ok()
    );
    check_refused(equal(31, "v", "=="), 31);
    check_refused(equal(31, "v", "<"), 31);
    assert_eq!(Dnf::new(&equal(30, "v", "==")).unwrap().iter().len(), 30);
    // What is there twice counts once; what another one includes counts.
    let same = Filter::Or((0..31).map(|_| f("v", "==", 7)).collect());
    assert!(Dnf::new(&same).is_ok());
    let six = || {
        Filter::And(
            (0..6)
                .map(|_| or([f("x", "==", 1), f("y", "==", 1)]))
                .collect(),
        )
    };
    check(six(), "x==1 | y==1");
    let five = Filter::And(
        (0..5)
            .map(|at| or([f("x", "==", 1), f("y", "==", at)]))
            .collect(),
    );
    check_refused(five, 32);
    // Bounded work, whatever the filter.
    let wide = Filter::And(
        (0..100)
            .map(|at| equal(20, &format!("v{at}"), "=="))
            .collect(),
    );
    check_refused(wide, 400);
}

#[test]
fn a_form_means_what_its_filter_means() {
    let (mut forms, mut found) = (0, 0);
    for seed in 0..400 {
        let mut world = World::new(seed);
        let documents = world.documents();
        for _ in 0..5 {
            let filter = world.filter(3);
            let Ok(form) = Dnf::new(&filter) else {
                continue;
            };
            forms += 1;
            for document in &documents {
                let expected = filter.matches(document).unwrap();
                found += u32::from(expected);
                assert_eq!(
                    form.matches(document).unwrap(),
                    expected,
                    "{seed} {filter:?} {document:?}"
                );
            }
        }
    }
    assert!(forms > 1_000 && found > 1_000, "{forms} {found}");
}
