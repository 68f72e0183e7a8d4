//! PostgreSQL with the same documents as `jsonb`, and an index for each field.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use firekeep_bench::peers::Postgres;
use serde_json::Value;

use crate::PAGE;
use crate::item::{GROUPS, Item};
use crate::load::{Prepared, Rate, batches, run, scattered};
use crate::pg::{Connection, execution};

/// The fields that are numbers; the others are indexed as text.
const NUMBERS: [&str; 5] = ["number", "group", "age", "score", "version"];
const TEXTS: [&str; 4] = ["city", "name", "email", "text"];

const LOAD: &str = "INSERT INTO docs SELECT key, value FROM jsonb_each($1::jsonb)";
const PUT: &str = "INSERT INTO docs (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc";
const GET: &str = "SELECT doc FROM docs WHERE name = $1";

/// The table.
pub(crate) struct Table<'a> {
    peer: &'a Postgres,
    /// Commits so far: every one of them changes its document.
    commits: AtomicU64,
}

impl<'a> Table<'a> {
    /// Makes the table and its indexes.
    pub(crate) fn create(peer: &'a Postgres) -> Result<Self> {
        let mut statements =
            vec!["CREATE TABLE docs (name text PRIMARY KEY, doc jsonb NOT NULL)".to_owned()];
        let index = |field: &str, expression: String| {
            format!("CREATE INDEX docs_{field} ON docs (({expression}), name)")
        };
        statements.extend(NUMBERS.map(|field| index(field, format!("(doc->>'{field}')::float8"))));
        // A B-tree entry has at most a third of a page: as ours, the index holds a part of long texts.
        statements.extend(TEXTS.map(|field| index(field, format!("left(doc->>'{field}', 1500)"))));
        statements.push(index("active", "(doc->>'active')::boolean".to_owned()));
        let table = Self {
            peer,
            commits: AtomicU64::new(0),
        };
        table.connect()?.run(&statements.join(";"))?;
        Ok(table)
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.peer.address, "bench", "postgres")
    }

    /// Connections that have a statement prepared.
    fn prepared(&self, count: usize, statement: &str) -> Result<Vec<Connection>> {
        let connections = (0..count).map(|_| {
            let mut connection = self.connect()?;
            connection.prepare(statement)?;
            Ok(connection)
        });
        connections.collect()
    }

    /// Writes so many documents in batches.
    pub(crate) fn fill(&self, count: u32) -> Result<Rate> {
        let started = Instant::now();
        batches(
            count,
            || {
                let mut connection = self.connect()?;
                connection.prepare(LOAD)?;
                Ok(connection)
            },
            |connection, numbers| {
                let docs = numbers.map(|number| (Item::id(number), object(number, 0)));
                let docs = Value::Object(docs.collect()).to_string();
                connection.execute(&execution(&[&docs])?).map(drop)
            },
        )?;
        self.connect()?.run("ANALYZE docs")?;
        Ok(Rate::since(started, u64::from(count)))
    }

    /// Overwrites single documents.
    pub(crate) fn commits(&self, count: u32, connections: usize) -> Result<Rate> {
        let prepared = Prepared::new(count, |number, version| {
            let doc = object(number, version).to_string();
            execution(&[&Item::id(number), &doc]).unwrap_or_default()
        });
        run(self.prepared(connections, PUT)?, |connection, _| {
            let at = self.commits.fetch_add(1, Ordering::Relaxed);
            connection.execute(prepared.get(at)).map(drop)
        })
    }

    /// Reads single documents.
    pub(crate) fn gets(&self, count: u32, connections: usize) -> Result<Rate> {
        let prepared = Prepared::new(count, |number, _| {
            execution(&[&Item::id(number)]).unwrap_or_default()
        });
        run(self.prepared(connections, GET)?, |connection, at| {
            let found = connection.execute(prepared.get(at))?;
            ensure!(found == 1, "{found} documents");
            Ok(())
        })
    }

    /// Asks for 20 documents that have a value.
    pub(crate) fn queries(&self, connections: usize) -> Result<Rate> {
        let expected = usize::try_from(PAGE)?;
        let find = format!(
            "SELECT doc FROM docs WHERE (doc->>'group')::float8 = $1 ORDER BY name LIMIT {PAGE}"
        );
        run(self.prepared(connections, &find)?, |connection, at| {
            let group = scattered(at, GROUPS).to_string();
            let found = connection.execute(&execution(&[&group])?)?;
            ensure!(found == expected, "{found} documents");
            Ok(())
        })
    }
}

fn object(number: u32, version: u32) -> Value {
    Item { number, version }.object()
}
