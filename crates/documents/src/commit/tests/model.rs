//! Random histories against a model that is as plain as can be: every write is done on a whole copy of the document.

use std::collections::BTreeMap;

use firekeep_model::{Document, FieldPath};
use firekeep_store::{CommitTime, Direction};
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::*;
use crate::fixture::{collection, document};
use crate::{Missing, Scan, read};

const PATHS: [&str; 6] = ["c/a", "c/b", "c/é", "c/a/d/x", "c/a/d/é", "c/__id7__"];
const FIELDS: [&str; 4] = ["a", "b", "a.b", "a.b.c"];

type State = BTreeMap<DocumentPath, Document>;

/// A value out of few, so that writes that change nothing are common.
fn value(random: &mut Seeded) -> Value {
    let small: [Value; 8] = [
        0.into(),
        1.into(),
        1.0.into(),
        (-0.0).into(),
        f64::NAN.into(),
        "x".into(),
        Map::new().into(),
        Value::Null,
    ];
    match random.below(4) {
        0 => values::value(random, 2),
        _ => small[random.below(small.len())].clone(),
    }
}

fn number(random: &mut Seeded) -> Value {
    match random.below(3) {
        0 => values::number(random),
        1 => f64::NAN.into(),
        _ => i64::try_from(random.below(3)).unwrap().into(),
    }
}

fn field(random: &mut Seeded) -> FieldPath {
    crate::fixture::field(random.pick(&FIELDS))
}

fn elements(random: &mut Seeded) -> Vec<Value> {
    let flat = |value: &Value| !matches!(value, Value::Array(_) | Value::Vector(_));
    let elements: Vec<_> = (0..random.below(4)).map(|_| value(random)).collect();
    elements.into_iter().filter(flat).collect()
}

fn transform(random: &mut Seeded) -> Transform {
    match random.below(6) {
        0 => Transform::ServerTime,
        1 => Transform::Increment(number(random)),
        2 => Transform::Maximum(number(random)),
        3 => Transform::Minimum(number(random)),
        4 => Transform::AppendMissing(elements(random)),
        _ => Transform::RemoveAll(elements(random)),
    }
}

fn some_fields(random: &mut Seeded) -> Map {
    let mut fields = Map::new();
    for _ in 0..random.below(3) {
        let path = field(random);
        fields.set_path(&path, value(random));
    }
    fields
}

fn write(random: &mut Seeded, state: &State) -> Write {
    let path = document(random.pick(&PATHS));
    let operation = match random.below(8) {
        0 | 1 => Operation::Delete,
        2 => Operation::Verify,
        3 | 4 => Operation::Update {
            fields: some_fields(random),
            mask: None,
        },
        _ => Operation::Update {
            fields: some_fields(random),
            mask: Some(FieldMask::new(
                (0..random.below(3))
                    .map(|_| field(random))
                    .collect::<Vec<_>>(),
            )),
        },
    };
    let transforms = match operation {
        Operation::Update { .. } if random.once_in(2) => {
            let some = 1 + random.below(2);
            (0..some)
                .map(|_| (field(random), transform(random)))
                .collect()
        }
        _ => Vec::new(),
    };
    let stored = state.get(&path).map(|document| document.update_time);
    let precondition = match random.below(8) {
        0 => Precondition::Exists(random.once_in(2)),
        1 => Precondition::UpdateTime(Timestamp::default()),
        2 | 3 => Precondition::UpdateTime(stored.unwrap_or_default()),
        4 if matches!(operation, Operation::Verify) => Precondition::Exists(stored.is_some()),
        _ => Precondition::None,
    };
    Write {
        path,
        operation,
        transforms,
        precondition,
    }
}

/// The text of the error that a broken rule has, written again from the specification.
fn invalid(writes: &[Write]) -> bool {
    let verifies = |write: &Write| write.operation == Operation::Verify;
    let overlap = |write: &Write| {
        let fields = write.transforms.iter().map(|(field, _)| field);
        let mut pairs = fields
            .clone()
            .flat_map(|a| fields.clone().map(move |b| (a, b)));
        pairs.any(|(a, b)| a != b && a.covers(b))
    };
    writes.iter().any(|write| {
        let others = writes.iter().filter(|other| other.path == write.path);
        overlap(write)
            || (verifies(write) && write.precondition == Precondition::None)
            || others.map(verifies).any(|other| other != verifies(write))
    })
}

/// A commit on copies. `None` when it is refused.
fn model(
    state: &State,
    writes: &[Write],
    now: Timestamp,
    commit: Timestamp,
) -> Option<(State, Vec<Vec<Value>>)> {
    let mut after = state.clone();
    let mut values = Vec::new();
    for write in writes {
        let stored = state.get(&write.path);
        let current = after.get(&write.path).cloned();
        let passes = match write.precondition {
            Precondition::None => true,
            Precondition::Exists(exists) => current.is_some() == exists,
            Precondition::UpdateTime(time) => {
                stored
                    .map(|document| document.update_time)
                    .unwrap_or_default()
                    == time
            }
        };
        if !passes {
            return None;
        }
        values.push(Vec::new());
        let mut document = current.unwrap_or_else(|| Document {
            path: write.path.clone(),
            fields: Map::new(),
            create_time: commit,
            update_time: commit,
        });
        match &write.operation {
            Operation::Verify => continue,
            Operation::Delete => {
                after.remove(&write.path);
                continue;
            }
            Operation::Update { fields, mask: None } => document.fields = fields.clone(),
            Operation::Update {
                fields,
                mask: Some(mask),
            } => {
                for path in mask.paths() {
                    match fields.get_path(path) {
                        Some(value) => document.fields.set_path(path, value.clone()),
                        None => document.fields.remove_path(path),
                    };
                }
            }
        }
        for (path, transform) in &write.transforms {
            let old = document.fields.get_path(path).cloned();
            let (new, result) = transformed(old, transform, now);
            document.fields.set_path(path, new);
            values.last_mut().unwrap().push(result);
        }
        document.update_time = commit;
        after.insert(write.path.clone(), document);
    }
    // What is the same at the end keeps its time.
    for (path, document) in &mut after {
        if let Some(old) = state.get(path)
            && old.create_time == document.create_time
            && old.fields == document.fields
        {
            document.update_time = old.update_time;
        }
    }
    Some((after, values))
}

fn transformed(old: Option<Value>, transform: &Transform, now: Timestamp) -> (Value, Value) {
    let number = old.clone().filter(|old| old.as_number().is_some());
    let array = match old {
        Some(Value::Array(array)) => array.into_vec(),
        _ => Vec::new(),
    };
    let has = |all: &[Value], one: &Value| all.iter().any(|other| other.equals(one));
    let new = match (transform, number) {
        (Transform::ServerTime, _) => now.into(),
        (Transform::Increment(by), None)
        | (Transform::Maximum(by), None)
        | (Transform::Minimum(by), None) => by.clone(),
        (Transform::Increment(Value::Integer(by)), Some(Value::Integer(old))) => {
            let sum = i128::from(old) + i128::from(*by);
            let sum = sum.clamp(i64::MIN.into(), i64::MAX.into());
            i64::try_from(sum).unwrap().into()
        }
        (Transform::Increment(by), Some(old)) => {
            (old.as_number().unwrap() + by.as_number().unwrap()).into()
        }
        (Transform::Maximum(by) | Transform::Minimum(by), Some(old))
            if [by, &old]
                .iter()
                .any(|value| value.as_number().unwrap().is_nan()) =>
        {
            f64::NAN.into()
        }
        (Transform::Maximum(by), Some(old)) if by.compare(&old).is_gt() => by.clone(),
        (Transform::Minimum(by), Some(old)) if by.compare(&old).is_lt() => by.clone(),
        (Transform::Maximum(_) | Transform::Minimum(_), Some(old)) => old,
        (Transform::AppendMissing(operand), _) => {
            let mut all = array;
            for one in operand {
                if !has(&all, one) {
                    all.push(one.clone());
                }
            }
            return (firekeep_model::Array::new(all).unwrap().into(), Value::Null);
        }
        (Transform::RemoveAll(operand), _) => {
            let left = array.into_iter().filter(|one| !has(operand, one)).collect();
            return (
                firekeep_model::Array::new(left).unwrap().into(),
                Value::Null,
            );
        }
    };
    (new.clone(), new)
}

/// Every document that a transaction can see, by listing.
fn listed(tx: &dyn firekeep_store::Read) -> State {
    let mut all = State::new();
    for path in ["c", "c/a/d"] {
        let collection = collection(path);
        let mut forward = Vec::new();
        for found in Scan::new(tx, &collection, Direction::Forward, Missing::Hidden) {
            let found = found.unwrap();
            forward.push(found.path.clone());
            let document = read::decode(found.path, &found.row.unwrap()).unwrap();
            all.insert(document.path.clone(), document);
        }
        let reverse = Scan::new(tx, &collection, Direction::Reverse, Missing::Hidden);
        let mut reverse: Vec<_> = reverse.map(|found| found.unwrap().path).collect();
        reverse.reverse();
        assert_eq!(forward, reverse);
    }
    all
}

#[test]
fn histories_agree_with_the_model() {
    let (mut applied, mut refused, mut unchanged) = (0, 0, 0);
    for seed in 0..60 {
        let mut random = Seeded::new(seed);
        let world = World::new();
        let mut state = State::new();
        let mut past: Vec<(CommitTime, State)> = Vec::new();
        for step in 0..40 {
            world.pass(i64::try_from(random.below(3_000)).unwrap() - 200);
            let count = random.below(4);
            let writes: Vec<_> = (0..count).map(|_| write(&mut random, &state)).collect();
            let context = format!("seed {seed}, step {step}: {writes:#?}\non {state:#?}");
            let before = world.read().time();
            let now = (world.now().micros()).max(before.0).div_euclid(1_000) * 1_000;
            let committed = world.commit(&writes);
            let (time, changed) = match &committed {
                Ok((_, Some(time))) => (*time, true),
                _ => (before.successor(), false),
            };
            let commit = Timestamp::from_micros(time.0);
            let expected = model(&state, &writes, Timestamp::from_micros(now), commit);
            let expected = expected.filter(|_| !invalid(&writes));
            match (committed, expected) {
                (Ok((results, _)), Some((after, values))) => {
                    let sent: Vec<_> = results
                        .iter()
                        .map(|result| &result.transform_results)
                        .collect();
                    assert_eq!(sent, values.iter().collect::<Vec<_>>(), "{context}");
                    for (result, write) in results.iter().zip(&writes) {
                        let updates = matches!(write.operation, Operation::Update { .. });
                        let time = after.get(&write.path).filter(|_| updates);
                        assert_eq!(
                            result.update_time.map(|time| time.at(commit)),
                            time.map(|document| document.update_time),
                            "{context}"
                        );
                    }
                    assert_eq!(changed, after != state, "{context}");
                    unchanged += usize::from(!changed && count > 0);
                    applied += 1;
                    state = after;
                }
                (Err(error), None) => {
                    assert!(error.is_answer(), "{error}");
                    assert_eq!(
                        matches!(error, Error::InvalidArgument(_)),
                        invalid(&writes),
                        "{error} {context}"
                    );
                    refused += 1;
                }
                (committed, expected) => panic!("{committed:?}, not {expected:?}\n{context}"),
            }
            assert_eq!(listed(&world.read()), state, "{context}");
            if changed {
                past.push((time, state.clone()));
            }
        }
        for (time, state) in past {
            let then = world.store.read_at(time).unwrap();
            assert_eq!(listed(&then), state, "seed {seed} at {time:?}");
        }
    }
    // Every kind was seen often.
    assert!(
        applied > 500 && refused > 300 && unchanged > 100,
        "{applied} {refused} {unchanged}"
    );
}
