//! Bringing the indexes of a database in line with a file.
//!
//! Firestore specification, sections 13 and 14.

use std::time::Duration;

use firekeep_documents::index::change::Declared;
use firekeep_documents::index::{Catalog, Composite, Expiry, FieldOverride, InvalidIndex, State};
use firekeep_model::{Caller, DatabaseName};

use super::index_file::IndexFile;
use super::{DocumentError, Firestore, Invalid};
use crate::Error;
use crate::limits::DEPLOY_TIME_MAX;

/// What becomes of what the file does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Keep,
    /// They are removed.
    Remove,
}

/// What came of it: texts for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// What is new.
    pub created: Vec<String>,
    /// What was removed.
    pub removed: Vec<String>,
    /// What is not in the file, and stays.
    pub kept: Vec<String>,
    /// How many were there already.
    pub unchanged: usize,
}

impl Firestore {
    /// Declares what a file declares. What could be done is done, also where something later cannot.
    ///
    /// # Errors
    /// [`InvalidIndex::Busy`] when the rules of a collection are still being carried out; as
    /// [`index_catalog`](Self::index_catalog).
    pub async fn deploy_indexes(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        file: IndexFile,
        others: Others,
    ) -> Result<Deployed, Error> {
        let catalog = self.index_catalog(caller, database).await?;
        let mut deployed = Deployed::default();
        for definition in file.composites.clone() {
            let text = format!("{} {definition}", definition.collection().as_str());
            match self.create_index(caller, database, definition).await? {
                Declared::New(_) => deployed.created.push(text),
                Declared::Known(_) => deployed.unchanged += 1,
            }
        }
        for index in extra_indexes(&catalog, &file) {
            let text = text_of(index);
            if others == Others::Keep {
                deployed.kept.push(text);
                continue;
            }
            self.delete_index(caller, database, index.id).await?;
            deployed.removed.push(text);
        }
        let known: Vec<_> = catalog
            .overrides()
            .iter()
            .filter_map(|rule| rule.declaration())
            .collect();
        for rule in &known {
            let named = |other: &FieldOverride| is_same_place(rule, other);
            if file.overrides.iter().any(named) {
                continue;
            }
            let text = place_of(rule);
            if others == Others::Keep {
                deployed.kept.push(text);
                continue;
            }
            patiently(|| {
                let (collection, field) = (rule.collection.clone(), rule.field.clone());
                self.remove_field_override(caller, database, collection, field)
            })
            .await?;
            deployed.removed.push(text);
        }
        for rule in file.overrides {
            if known.contains(&rule) {
                deployed.unchanged += 1;
                continue;
            }
            patiently(|| self.set_field_override(caller, database, rule.clone())).await?;
            deployed.created.push(place_of(&rule));
        }
        self.deploy_expiries(
            caller,
            database,
            (&catalog, file.expiring),
            others,
            &mut deployed,
        )
        .await?;
        Ok(deployed)
    }

    async fn deploy_expiries(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        (catalog, wanted): (&Catalog, Vec<Expiry>),
        others: Others,
        deployed: &mut Deployed,
    ) -> Result<(), Error> {
        let known = catalog.expiries();
        for expiry in known.iter().filter(|expiry| !wanted.contains(expiry)) {
            let text = expiry_of(expiry);
            if others == Others::Keep {
                deployed.kept.push(text);
                continue;
            }
            self.remove_expiry(caller, database, expiry.clone()).await?;
            deployed.removed.push(text);
        }
        for expiry in wanted {
            if known.contains(&expiry) {
                deployed.unchanged += 1;
                continue;
            }
            patiently(|| self.set_expiry(caller, database, expiry.clone())).await?;
            deployed.created.push(expiry_of(&expiry));
        }
        Ok(())
    }
}

fn expiry_of(expiry: &Expiry) -> String {
    format!("{} {} ttl", expiry.collection.as_str(), expiry.field)
}

/// Tries again for a while as long as an earlier rule of the same collections is being carried out.
async fn patiently<F: Future<Output = Result<(), Error>>>(
    work: impl Fn() -> F,
) -> Result<(), Error> {
    const PAUSE: Duration = Duration::from_millis(20);
    let tries = DEPLOY_TIME_MAX.as_millis() / PAUSE.as_millis();
    for _ in 0..tries {
        match work().await {
            Err(Error::Documents(DocumentError::InvalidArgument(Invalid::Index(
                InvalidIndex::Busy,
            )))) => {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
    work().await
}

fn extra_indexes<'a>(
    catalog: &'a Catalog,
    file: &'a IndexFile,
) -> impl Iterator<Item = &'a Composite> {
    let live = |index: &&Composite| matches!(index.state, State::Building | State::Ready);
    let known = catalog.all_composites().iter().filter(live);
    known.filter(|index| !file.composites.contains(&index.definition))
}

fn text_of(index: &Composite) -> String {
    let definition = &index.definition;
    format!("{} {definition}", definition.collection().as_str())
}

fn is_same_place(one: &FieldOverride, other: &FieldOverride) -> bool {
    one.collection == other.collection && one.field == other.field
}

/// Which field a rule is for.
fn place_of(rule: &FieldOverride) -> String {
    let collection = rule.collection.as_ref().map_or("*", |id| id.as_str());
    match &rule.field {
        Some(field) => format!("{collection} {field}"),
        None => format!("{collection} *"),
    }
}
