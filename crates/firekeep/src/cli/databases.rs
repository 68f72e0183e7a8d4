//! `firekeep databases` and `firekeep indexes`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use firekeep_api::admin::Command as Admin;

use super::call::{self, Absent};
use super::{At, output};

/// The id of the database that every project has.
const DEFAULT: &str = "(default)";

/// `firekeep databases`
#[derive(Subcommand)]
pub(crate) enum Databases {
    /// List the databases of the project.
    #[command(after_help = "Example:\n  firekeep databases list --json")]
    List {
        #[command(flatten)]
        at: At,
    },
    /// Make a database beside `(default)`, which is there by itself.
    #[command(after_help = "Example:\n  firekeep databases create staging")]
    Create {
        #[command(flatten)]
        at: At,
        /// Its id: 4 to 63 of `a-z0-9-`, the first a letter.
        database: String,
    },
    /// Protect a database against deletion, or with --off take that back.
    #[command(after_help = "Examples:\n  firekeep databases protect '(default)'\n  \
        firekeep databases protect staging --off")]
    Protect {
        #[command(flatten)]
        at: At,
        /// Its id.
        database: String,
        /// It may be deleted again.
        #[arg(long)]
        off: bool,
    },
    /// Delete a database with everything in it, for ever.
    #[command(after_help = "Example:\n  firekeep databases delete staging --yes")]
    Delete {
        #[command(flatten)]
        at: At,
        /// Its id.
        database: String,
        /// Yes, delete all its documents.
        #[arg(long)]
        yes: bool,
    },
}

/// `firekeep indexes`
#[derive(Subcommand)]
pub(crate) enum Indexes {
    /// Show the declared indexes, with --json as `firestore.indexes.json` has them.
    #[command(after_help = "Examples:\n  firekeep indexes list\n  \
        firekeep indexes list --json > firestore.indexes.json")]
    List {
        #[command(flatten)]
        at: At,
        /// The database's id.
        #[arg(long, default_value = DEFAULT)]
        database: String,
    },
    /// Show or set what becomes of queries that the cloud would refuse for want of an index: `auto` answers them, `warn`
    /// answers them and says so in the log, `enforce` refuses them.
    #[command(after_help = "Examples:\n  firekeep indexes mode\n  \
        firekeep indexes mode enforce --database staging")]
    Mode {
        #[command(flatten)]
        at: At,
        /// The database's id.
        #[arg(long, default_value = DEFAULT)]
        database: String,
        /// The new mode.
        #[arg(value_parser = ["auto", "warn", "enforce"])]
        mode: Option<String>,
    },
    /// Declare the indexes of a file in the format of `firestore.indexes.json`.
    #[command(
        after_help = "Examples:\n  firekeep indexes deploy firestore.indexes.json\n  \
        firekeep indexes deploy --database staging --prune firestore.indexes.json\n\n\
        They are built in the background, and used as soon as they are complete. Queries work without them."
    )]
    Deploy {
        #[command(flatten)]
        at: At,
        /// The database's id.
        #[arg(long, default_value = DEFAULT)]
        database: String,
        /// Remove the indexes that the file does not declare.
        #[arg(long)]
        prune: bool,
        /// The file.
        file: PathBuf,
    },
}

/// Runs a command about databases.
pub(crate) fn run(command: Databases) -> Result<()> {
    match command {
        Databases::List { at } => call::show(&at, Admin::DatabasesList, Absent::Refuse),
        Databases::Create { at, database } => {
            call::show(&at, Admin::DatabaseCreate { database }, Absent::Refuse)
        }
        Databases::Protect { at, database, off } => {
            let protected = !off;
            let protect = Admin::DatabaseProtect {
                database,
                protected,
            };
            call::show(&at, protect, Absent::Refuse)
        }
        Databases::Delete { database, yes, .. } if !yes => bail!(
            "this deletes all documents of the database `{database}` for ever; say --yes if that is what you want"
        ),
        Databases::Delete { at, database, .. } => {
            call::show(&at, Admin::DatabaseDelete { database }, Absent::Refuse)
        }
    }
}

/// Runs a command about indexes.
pub(crate) fn run_indexes(command: Indexes) -> Result<()> {
    match command {
        Indexes::List { at, database } => {
            call::show(&at, Admin::IndexesList { database }, Absent::Refuse)
        }
        Indexes::Mode { at, database, mode } => {
            call::show(&at, Admin::IndexesMode { database, mode }, Absent::Refuse)
        }
        Indexes::Deploy {
            at,
            database,
            prune,
            file,
        } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("the index file `{}`", file.display()))?;
            let deploy = Admin::IndexesDeploy {
                database,
                file: text,
                prune,
            };
            let answer = call::run(&at, deploy, Absent::Refuse)?;
            if answer.get("kept").is_some() {
                output::note("some indexes are not in the file; --prune would remove them");
            }
            if answer.get("ignoredExpiry").is_some() {
                output::note("`ttl` is not carried out by this version: no document expires");
            }
            call::print(&at, &answer)
        }
    }
}
