//! PostgreSQL with the same documents as `jsonb`, and an index for each field.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::Value;
use std::sync::Arc;
use tokio_postgres::{Client, NoTls};

use crate::PAGE;
use crate::item::{GROUPS, Item};
use crate::load::{Rate, run, scattered};
use firekeep_bench::peers::Postgres;

/// Documents of one transaction of a load.
const BATCH: u32 = 500;

/// The fields that are numbers; the others are indexed as text.
const NUMBERS: [&str; 5] = ["number", "group", "age", "score", "version"];
const TEXTS: [&str; 4] = ["city", "name", "email", "text"];

const PUT: &str = "INSERT INTO docs (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc";

/// The table.
pub(crate) struct Table {
    clients: Vec<Arc<Connection>>,
}

/// A connection and its prepared statements.
struct Connection {
    client: Client,
    put: tokio_postgres::Statement,
    get: tokio_postgres::Statement,
    find: tokio_postgres::Statement,
}

impl Table {
    /// Connects and makes the table and its indexes.
    pub(crate) async fn create(peer: &Postgres) -> Result<Self> {
        let first = connect(peer).await?;
        let mut statements =
            vec!["CREATE TABLE docs (name text PRIMARY KEY, doc jsonb NOT NULL)".to_owned()];
        let index = |field: &str, expression: String| {
            format!("CREATE INDEX docs_{field} ON docs (({expression}), name)")
        };
        statements.extend(NUMBERS.map(|field| index(field, format!("(doc->>'{field}')::float8"))));
        // A B-tree entry has at most a third of a page: as ours, the index holds a part of long texts.
        statements.extend(TEXTS.map(|field| index(field, format!("left(doc->>'{field}', 1500)"))));
        statements.push(index("active", "(doc->>'active')::boolean".to_owned()));
        first.batch_execute(&statements.join(";")).await?;
        let mut clients = Vec::new();
        for _ in 0..64 {
            let client = connect(peer).await?;
            let find = format!(
                "SELECT doc FROM docs WHERE (doc->>'group')::float8 = $1 ORDER BY name LIMIT {PAGE}"
            );
            clients.push(Arc::new(Connection {
                put: client.prepare(PUT).await?,
                get: client
                    .prepare("SELECT doc FROM docs WHERE name = $1")
                    .await?,
                find: client.prepare(&find).await?,
                client,
            }));
        }
        Ok(Self { clients })
    }

    fn some(&self, connections: usize) -> Vec<Arc<Connection>> {
        self.clients.iter().take(connections).cloned().collect()
    }

    /// Writes so many documents in batches.
    pub(crate) async fn fill(&self, count: u32) -> Result<Rate> {
        let started = Instant::now();
        let loaders = 4;
        let tasks = (0..loaders).zip(self.some(4)).map(|(part, connection)| {
            tokio::spawn(async move {
                for at in (0..count.div_ceil(BATCH)).filter(|at| at % loaders == part) {
                    let numbers = at * BATCH..((at + 1) * BATCH).min(count);
                    let names: Vec<String> = numbers.clone().map(Item::id).collect();
                    let docs: Vec<Value> = numbers.map(|number| object(number, 0)).collect();
                    let insert = "INSERT INTO docs SELECT * FROM unnest($1::text[], $2::jsonb[])";
                    connection.client.execute(insert, &[&names, &docs]).await?;
                }
                anyhow::Ok(())
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        self.analyze().await?;
        Ok(Rate::since(started, u64::from(count)))
    }

    async fn analyze(&self) -> Result<()> {
        for connection in self.some(1) {
            connection.client.batch_execute("ANALYZE docs").await?;
        }
        Ok(())
    }

    /// Overwrites single documents.
    pub(crate) async fn commits(&self, count: u32, connections: usize) -> Result<Rate> {
        run(self.some(connections), move |connection, at| async move {
            let number = scattered(at, count);
            let doc = object(number, u32::try_from(at % 1_000_000)?);
            let Connection { client, put, .. } = &*connection;
            client.execute(put, &[&Item::id(number), &doc]).await?;
            Ok(())
        })
        .await
    }

    /// Reads single documents.
    pub(crate) async fn gets(&self, count: u32, connections: usize) -> Result<Rate> {
        run(self.some(connections), move |connection, at| async move {
            let Connection { client, get, .. } = &*connection;
            let row = client
                .query_one(get, &[&Item::id(scattered(at, count))])
                .await?;
            let doc: Value = row.try_get(0)?;
            ensure!(doc.as_object().is_some_and(|doc| doc.len() == 10), "fields");
            Ok(())
        })
        .await
    }

    /// Asks for 20 documents that have a value.
    pub(crate) async fn queries(&self, count: u32, connections: usize) -> Result<Rate> {
        let expected = usize::try_from(count / GROUPS)?.min(usize::try_from(PAGE)?);
        run(self.some(connections), move |connection, at| async move {
            let Connection { client, find, .. } = &*connection;
            let group = f64::from(scattered(at, GROUPS));
            let rows = client.query(find, &[&group]).await?;
            for row in &rows {
                let _: Value = row.try_get(0)?;
            }
            ensure!(rows.len() == expected, "{} documents", rows.len());
            Ok(())
        })
        .await
    }
}

fn object(number: u32, version: u32) -> Value {
    Item { number, version }.object()
}

async fn connect(peer: &Postgres) -> Result<Client> {
    let config = format!(
        "host=127.0.0.1 port={} user=bench dbname=postgres",
        peer.address.port()
    );
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}
