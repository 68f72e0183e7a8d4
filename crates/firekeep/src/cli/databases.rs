//! `firekeep databases` and `firekeep indexes`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use firekeep_api::admin::Command as Admin;

use super::call::{self, Absent};
use super::{At, output};

/// The id of the database that every project has.
const DEFAULT: &str = "(default)";

/// Whose databases.
#[derive(Args)]
pub(crate) struct Of {
    #[command(flatten)]
    at: At,
    /// The project; the data folder's own when absent. Dev mode has databases of any project.
    #[arg(long)]
    project: Option<String>,
}

impl Of {
    /// A database as commands name it: `project/database`, or a database of the folder's own project.
    fn name(&self, database: String) -> String {
        match &self.project {
            Some(project) => format!("{project}/{database}"),
            None => database,
        }
    }
}

/// `firekeep databases`
#[derive(Subcommand)]
pub(crate) enum Databases {
    /// List the databases of the project.
    #[command(after_help = "Example:\n  firekeep databases list --json")]
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Make a database beside `(default)`, which is there by itself.
    #[command(after_help = "Example:\n  firekeep databases create staging")]
    Create {
        #[command(flatten)]
        of: Of,
        /// Its id: 4 to 63 of `a-z0-9-`, the first a letter.
        database: String,
    },
    /// Protect a database against deletion, or with --off take that back.
    #[command(after_help = "Examples:\n  firekeep databases protect '(default)'\n  \
        firekeep databases protect staging --off")]
    Protect {
        #[command(flatten)]
        of: Of,
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
        of: Of,
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
        of: Of,
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
        of: Of,
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
        of: Of,
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
        Databases::List { of } => {
            let project = of.project.clone();
            call::show(&of.at, Admin::DatabasesList { project }, Absent::Refuse)
        }
        Databases::Create { of, database } => {
            let database = of.name(database);
            call::show(&of.at, Admin::DatabaseCreate { database }, Absent::Refuse)
        }
        Databases::Protect { of, database, off } => {
            let protect = Admin::DatabaseProtect {
                database: of.name(database),
                protected: !off,
            };
            call::show(&of.at, protect, Absent::Refuse)
        }
        Databases::Delete { database, yes, .. } if !yes => bail!(
            "this deletes all documents of the database `{database}` for ever; say --yes if that is what you want"
        ),
        Databases::Delete { of, database, .. } => {
            let database = of.name(database);
            call::show(&of.at, Admin::DatabaseDelete { database }, Absent::Refuse)
        }
    }
}

/// Runs a command about indexes.
pub(crate) fn run_indexes(command: Indexes) -> Result<()> {
    match command {
        Indexes::List { of, database } => {
            let database = of.name(database);
            call::show(&of.at, Admin::IndexesList { database }, Absent::Refuse)
        }
        Indexes::Mode { of, database, mode } => {
            let database = of.name(database);
            call::show(
                &of.at,
                Admin::IndexesMode { database, mode },
                Absent::Refuse,
            )
        }
        Indexes::Deploy {
            of,
            database,
            prune,
            file,
        } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("the index file `{}`", file.display()))?;
            let deploy = Admin::IndexesDeploy {
                database: of.name(database),
                file: text,
                prune,
            };
            let answer = call::run(&of.at, deploy, Absent::Refuse)?;
            if answer.get("kept").is_some() {
                output::note("some indexes are not in the file; --prune would remove them");
            }
            call::print(&of.at, &answer)
        }
    }
}
