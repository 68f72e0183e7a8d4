//! Random transactions at once, of several clients: all that they saw must be explained by one order, that of their
//! commit times.
//!
//! The history of a run is replayed on a model. A transaction that wrote saw what there was just before its commit; one
//! that only read, what there was at its read time. And nobody saw a state older than what had been acknowledged when
//! it began.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use firekeep_model::Array;
use firekeep_testkit::random::Seeded;

use super::*;

const CLIENTS: usize = 8;
const STEPS: usize = 60;
/// How far written values are apart, so that no increment makes one of another.
const APART: i64 = 1000;
const REGISTERS: [&str; 5] = ["c/a", "c/b", "c/c", "c/d", "d/a"];

/// A document, as far as these tests write one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Doc {
    n: Option<i64>,
    list: Vec<i64>,
}

type State = BTreeMap<&'static str, Doc>;

/// A write, to the server and to the model.
#[derive(Clone, Debug)]
enum Op {
    Set(&'static str, i64),
    SetList(&'static str, Doc),
    Increment(&'static str),
    Append(&'static str, i64),
    Delete(&'static str),
}

/// What was read, and what the answer was.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Document(&'static str, Option<Doc>),
    /// The documents whose `n` is at least so much, in the order of `n`, as many as that.
    Top(Top, Vec<String>),
    /// How many they are, and the sum of their `n`.
    Count(i64, i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Top {
    least: i64,
    direction: Direction,
    limit: Option<u32>,
}

/// A transaction that came through.
#[derive(Debug)]
struct Event {
    /// The commit's time, or the read time of one that wrote nothing.
    at: Timestamp,
    /// The newest time that had been acknowledged when it began.
    after: i64,
    seen: Vec<Seen>,
    ops: Vec<Op>,
    /// The results of the increments, in their order.
    increments: Vec<Value>,
}

impl Doc {
    fn of(fields: &Map) -> Self {
        let integer = |value: &Value| match value {
            Value::Integer(n) => *n,
            other => panic!("{other:?}"),
        };
        let list = match fields.get("list") {
            Some(Value::Array(elements)) => elements.iter().map(integer).collect(),
            None => Vec::new(),
            other => panic!("{other:?}"),
        };
        Self {
            n: fields.get("n").map(integer),
            list,
        }
    }
}

impl Op {
    fn write(&self) -> Write {
        match self {
            Self::Set(path, n) => set(path, *n),
            Self::Delete(path) => delete(path),
            Self::Increment(path) => increment(path),
            Self::Append(path, element) => Write {
                transforms: vec![(
                    field("list"),
                    Transform::AppendMissing(vec![(*element).into()]),
                )],
                ..increment(path)
            },
            Self::SetList(path, doc) => {
                let mut fields = Map::new();
                if let Some(n) = doc.n {
                    fields.insert("n", n.into()).unwrap();
                }
                let elements = doc.list.iter().map(|n| Value::from(*n)).collect();
                let list = Value::from(Array::new(elements).unwrap());
                fields.insert("list", list).unwrap();
                let operation = Operation::Update { fields, mask: None };
                Write {
                    operation,
                    ..set(path, 0)
                }
            }
        }
    }

    fn apply(&self, state: &mut State, increments: &mut Vec<Value>) {
        match self {
            Self::Set(path, n) => {
                let list = Vec::new();
                state.insert(path, Doc { n: Some(*n), list });
            }
            Self::SetList(path, doc) => {
                state.insert(path, doc.clone());
            }
            Self::Increment(path) => {
                let doc = state.entry(path).or_default();
                let n = doc.n.unwrap_or(0) + 1;
                doc.n = Some(n);
                increments.push(n.into());
            }
            Self::Append(path, element) => state.entry(path).or_default().list.push(*element),
            Self::Delete(path) => {
                state.remove(path);
            }
        }
    }
}

impl Top {
    fn random(random: &mut Seeded, newest: i64) -> Self {
        let back = i64::try_from(random.below(40)).unwrap();
        Self {
            least: (newest - APART * back).max(1),
            direction: random.pick(&[Direction::Ascending, Direction::Descending]),
            limit: random.pick(&[None, Some(1), Some(2)]),
        }
    }

    fn query(self) -> Query {
        let order = Order {
            field: FieldRef::Field(field("n")),
            direction: self.direction,
        };
        Query {
            order_by: vec![order],
            limit: self.limit,
            ..at_least("c", self.least)
        }
    }

    fn of(self, state: &State) -> Vec<String> {
        let mut found: Vec<_> = matching(state, self.least).collect();
        found.sort_unstable();
        if self.direction == Direction::Descending {
            found.reverse();
        }
        found.truncate(self.limit.map_or(usize::MAX, |limit| limit as usize));
        found.into_iter().map(|(_, path)| path.to_owned()).collect()
    }
}

fn matching(state: &State, least: i64) -> impl Iterator<Item = (i64, &'static str)> {
    let with_n = state.iter().filter_map(|(path, doc)| Some((doc.n?, *path)));
    with_n.filter(move |(n, path)| *n >= least && path.starts_with("c/"))
}

impl Seen {
    /// The answer that the same read has in a state.
    fn again(&self, state: &State) -> Self {
        match self {
            Self::Document(path, _) => Self::Document(path, state.get(path).cloned()),
            Self::Top(top, _) => Self::Top(*top, top.of(state)),
            Self::Count(least, ..) => {
                let found: Vec<_> = matching(state, *least).map(|(n, _)| n).collect();
                let count = i64::try_from(found.len()).unwrap();
                Self::Count(*least, count, found.iter().sum())
            }
        }
    }
}

/// What the clients of a run share.
struct Run {
    world: World,
    /// The newest time that was acknowledged, in microseconds.
    acknowledged: AtomicI64,
    /// Gives every value that is written once.
    values: AtomicI64,
    aborted: AtomicI64,
    /// How often writes without a transaction were.
    contended: AtomicI64,
}

impl Run {
    /// What somebody does: a transaction until it comes through, or writes without one.
    async fn step(&self, random: &mut Seeded) -> Event {
        let after = self.acknowledged.load(Ordering::SeqCst);
        let event = match random.below(8) {
            0 => self.read_only(after, random).await,
            1 | 2 => self.blind(after, random).await,
            _ => self.transaction(after, random).await,
        };
        self.acknowledged
            .fetch_max(event.at.micros(), Ordering::SeqCst);
        event
    }

    async fn blind(&self, after: i64, random: &mut Seeded) -> Event {
        let ops = self.ops(&[], random);
        loop {
            let writes = ops.iter().map(Op::write).collect();
            match self.world.commit(writes).await {
                Ok(committed) => return Event::of(committed, after, Vec::new(), ops),
                // Others came first too often; a client sends it again. Source: Firestore specification, section 9.
                Err(Error::Aborted) => {
                    self.contended.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn read_only(&self, after: i64, random: &mut Seeded) -> Event {
        let options = TransactionOptions::ReadOnly { read_time: None };
        let id = self.world.begin(options).await.unwrap();
        let (at, seen) = self.read(&id, random).await;
        self.world.commit_in(Vec::new(), Some(&id)).await.unwrap();
        Event {
            at,
            after,
            seen,
            ops: Vec::new(),
            increments: Vec::new(),
        }
    }

    async fn transaction(&self, after: i64, random: &mut Seeded) -> Event {
        let mut retry = None;
        let first = random.clone();
        loop {
            // The same again, as a client's function is: a turn is at the document that is written first.
            random.clone_from(&first);
            let options = TransactionOptions::ReadWrite { retry };
            let id = self.world.begin(options).await.unwrap();
            let (_, seen) = self.read(&id, random).await;
            let ops = self.ops(&seen, random);
            let writes = ops.iter().map(Op::write).collect();
            match self.world.commit_in(writes, Some(&id)).await {
                Ok(committed) => return Event::of(committed, after, seen, ops),
                Err(Error::Aborted) => {
                    self.aborted.fetch_add(1, Ordering::Relaxed);
                    retry = Some(id);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A few random reads in a transaction, and the time of which they are.
    async fn read(&self, id: &Bytes, random: &mut Seeded) -> (Timestamp, Vec<Seen>) {
        let world = &self.world;
        let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
        let within = || Consistency::Transaction(id.clone());
        let (mut seen, mut times) = (Vec::new(), Vec::new());
        for _ in 0..=random.below(3) {
            let newest = self.values.load(Ordering::Relaxed);
            match random.below(4) {
                0 => {
                    let top = Top::random(random, newest);
                    let (paths, time) = world.query(top.query(), within()).await.unwrap();
                    seen.push(Seen::Top(top, paths));
                    times.push(time);
                }
                1 => {
                    let top = Top::random(random, newest);
                    let aggregation = |operator| Aggregation {
                        alias: None,
                        operator,
                    };
                    let query = AggregationQuery {
                        query: at_least("c", top.least),
                        aggregations: vec![
                            aggregation(Operator::Count { up_to: None }),
                            aggregation(Operator::Sum(field("n"))),
                        ],
                    };
                    let found = it
                        .run_aggregation_query(owner, database, query, within(), None)
                        .await
                        .unwrap();
                    let [count, sum] = [0, 1].map(|at| match found.fields[at].1 {
                        Value::Integer(n) => n,
                        ref other => panic!("{other:?}"),
                    });
                    seen.push(Seen::Count(top.least, count, sum));
                    times.push(found.read_time);
                }
                _ => {
                    let path = random.pick(&REGISTERS);
                    let paths = vec![document(path)];
                    let mut got = it
                        .batch_get(owner, database, paths, None, within())
                        .await
                        .unwrap();
                    let doc = match got.next_page().await.unwrap().unwrap().remove(0) {
                        Got::Found(found) => Some(Doc::of(&found.decode().unwrap().fields)),
                        Got::Missing(_) => None,
                    };
                    seen.push(Seen::Document(path, doc));
                    times.push(got.read_time);
                }
            }
            // Others have their chance.
            tokio::task::yield_now().await;
        }
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        (times[0], seen)
    }

    /// A few random writes, some of what was read. Each commit changes something, so that its time is its own.
    fn ops(&self, seen: &[Seen], random: &mut Seeded) -> Vec<Op> {
        let value = || self.values.fetch_add(APART, Ordering::Relaxed);
        let read = seen.iter().filter_map(|seen| match seen {
            Seen::Document(path, doc) => Some((*path, doc.clone().unwrap_or_default())),
            _ => None,
        });
        let mut ops: Vec<Op> = read
            .take(1)
            .map(|(path, mut doc)| {
                doc.list.push(value());
                doc.list.drain(..doc.list.len().saturating_sub(5));
                doc.n = Some(doc.n.unwrap_or(0) + 1);
                Op::SetList(path, doc)
            })
            .filter(|_| !random.once_in(4))
            .collect();
        for _ in 0..=random.below(2) {
            let path = random.pick(&REGISTERS);
            ops.push(match random.below(5) {
                0 => Op::Delete(path),
                1 => Op::Increment(path),
                2 => Op::Append(path, value()),
                _ => Op::Set(path, value()),
            });
        }
        if ops.iter().any(|op| matches!(op, Op::Delete(_))) {
            ops.push(Op::Set("e/a", value()));
        }
        ops
    }
}

impl Event {
    fn of(committed: Committed, after: i64, seen: Vec<Seen>, ops: Vec<Op>) -> Self {
        let results = ops.iter().zip(committed.results);
        let of_increments = results.filter(|(op, _)| matches!(op, Op::Increment(_)));
        Self {
            at: committed.commit_time,
            after,
            seen,
            increments: of_increments
                .flat_map(|(_, result)| result.transform_results)
                .collect(),
            ops,
        }
    }
}

/// Replays a history on the model. What every document is in the end.
fn replay(mut history: Vec<Event>, seed: u64) -> State {
    // Who only read at the time of a commit saw it.
    history.sort_by_key(|event| (event.at, event.ops.is_empty()));
    let mut state = State::new();
    let mut last = Timestamp::MIN;
    for event in history {
        let shown = format!("seed {seed}: {event:?}\nin {state:?}");
        for seen in &event.seen {
            assert_eq!(*seen, seen.again(&state), "{shown}");
        }
        if event.ops.is_empty() {
            assert!(event.at.micros() >= event.after, "{shown}");
            continue;
        }
        assert!(event.at.micros() > event.after, "{shown}");
        assert!(event.at > last, "two commits of one time; {shown}");
        last = event.at;
        let mut increments = Vec::new();
        for op in &event.ops {
            op.apply(&mut state, &mut increments);
        }
        assert_eq!(event.increments, increments, "{shown}");
    }
    state
}

async fn check(seed: u64) {
    let run = Arc::new(Run {
        world: World::new(),
        acknowledged: AtomicI64::new(0),
        values: AtomicI64::new(APART),
        aborted: AtomicI64::new(0),
        contended: AtomicI64::new(0),
    });
    let clients = (0..CLIENTS).map(|client| {
        let run = Arc::clone(&run);
        let mut random = Seeded::new(seed * 1000 + client as u64);
        tokio::spawn(async move {
            let mut events = Vec::new();
            for _ in 0..STEPS {
                events.push(run.step(&mut random).await);
            }
            events
        })
    });
    let mut history = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        history.extend(client.await.unwrap());
    }
    assert_eq!(history.len(), CLIENTS * STEPS);
    let aborted = run.aborted.load(Ordering::Relaxed);
    println!(
        "seed {seed}: {} transactions came through, {aborted} tries were aborted, {} of plain writes",
        history.len(),
        run.contended.load(Ordering::Relaxed)
    );
    assert!(aborted > 0, "they were in nobody's way");
    let state = replay(history, seed);
    for path in REGISTERS {
        let found = run
            .world
            .firestore
            .get_document(
                &run.world.owner,
                &run.world.database,
                document(path),
                None,
                Consistency::Strong,
            )
            .await;
        let found = found.ok().map(|found| Doc::of(&found.fields));
        assert_eq!(found.as_ref(), state.get(path), "seed {seed}: {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_transactions_have_an_order() {
    for seed in 1..=6 {
        check(seed).await;
    }
}

/// The check itself: it would notice.
#[test]
fn a_history_without_an_order_is_noticed() {
    let event = |at: i64, seen: Vec<Seen>, ops: Vec<Op>| Event {
        at: Timestamp::from_micros(at),
        after: 0,
        seen,
        ops,
        increments: Vec::new(),
    };
    let saw = |n| {
        let list = Vec::new();
        vec![Seen::Document("c/a", Some(Doc { n, list }))]
    };
    let write_skew = || {
        vec![
            event(1, vec![], vec![Op::Set("c/a", 1), Op::Set("c/b", 1)]),
            event(2, saw(Some(1)), vec![Op::Set("c/b", 2)]),
            event(3, vec![Seen::Count(1, 2, 2)], vec![Op::Set("c/a", 2)]),
        ]
    };
    let lost_update = || {
        vec![
            event(1, vec![], vec![Op::Set("c/a", 1)]),
            event(2, saw(Some(1)), vec![Op::Set("c/a", 2)]),
            event(3, saw(Some(1)), vec![Op::Set("c/a", 3)]),
        ]
    };
    let sound = || {
        vec![
            event(1, vec![], vec![Op::Set("c/a", 1)]),
            event(1, saw(Some(1)), vec![]),
            event(2, saw(Some(1)), vec![Op::Set("c/a", 2)]),
        ]
    };
    for (history, is_sound) in [
        (write_skew(), false),
        (lost_update(), false),
        (sound(), true),
    ] {
        let replayed = std::panic::catch_unwind(|| replay(history, 0));
        assert_eq!(replayed.is_ok(), is_sound);
    }
}
