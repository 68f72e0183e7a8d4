//! `firekeep service-account`: accounts that sign custom tokens and administer the project.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, Result, anyhow};
use clap::Subcommand;
use firekeep_api::admin::Command as Admin;
use firekeep_model::ProjectId;
use serde_json::{Value, json};

use super::call::{self, Absent};
use super::{At, output, project_id, read_key};
use crate::base_url::BaseUrl;

/// `firekeep service-account`
#[derive(Subcommand)]
pub(crate) enum ServiceAccount {
    /// Make an account and write its key file, the only copy of the private key.
    #[command(
        after_help = "Examples:\n  firekeep service-account create --out key.json\n  \
        firekeep service-account create --name my-backend --base-url https://fk.example.com --out key.json"
    )]
    Create(Create),
    /// List all accounts.
    #[command(after_help = "Example:\n  firekeep service-account list --json")]
    List {
        #[command(flatten)]
        at: At,
    },
    /// Register the public half of a key file, such as Google's.
    #[command(after_help = "Example:\n  firekeep service-account import google-key.json")]
    Import {
        #[command(flatten)]
        at: At,
        /// The key file.
        file: PathBuf,
    },
    /// Refuse what an account signs, at once.
    #[command(
        after_help = "Example:\n  firekeep service-account disable my-backend@firekeep.iam.gserviceaccount.com"
    )]
    Disable {
        #[command(flatten)]
        at: At,
        /// The account's email address.
        client_email: String,
    },
    /// Accept it again.
    #[command(
        after_help = "Example:\n  firekeep service-account enable my-backend@firekeep.iam.gserviceaccount.com"
    )]
    Enable {
        #[command(flatten)]
        at: At,
        /// The account's email address.
        client_email: String,
    },
}

/// `firekeep service-account create`
#[derive(clap::Args)]
pub(crate) struct Create {
    #[command(flatten)]
    at: At,
    /// The name before the `@`.
    #[arg(long, default_value = "firekeep-admin")]
    name: String,
    /// Where to write the key file; `-` prints it.
    #[arg(long)]
    out: PathBuf,
    /// The server that the key file leads to, such as `https://fk.example.com`; the one that serves this folder, or did
    /// last, when absent.
    #[arg(long, env = "FIREKEEP_BASE_URL")]
    base_url: Option<BaseUrl>,
    /// The project of a data folder that is yet to be made.
    #[arg(long, env = "FIREKEEP_PROJECT", value_parser = project_id)]
    project: Option<ProjectId>,
}

/// Runs a command.
pub(crate) fn run(command: ServiceAccount) -> Result<()> {
    match command {
        ServiceAccount::Create(create) if create.out == Path::new("-") => {
            let text = serde_json::to_string_pretty(&make(&create)?)?;
            // Not `print`: a key that nobody read is lost.
            output::try_print(&format!("{text}\n")).context(LOST)
        }
        ServiceAccount::Create(create) => create_file(&create),
        ServiceAccount::List { at } => call::show(&at, Admin::ServiceAccountList, Absent::Refuse),
        ServiceAccount::Import { at, file } => {
            let key_file = read_key(&file)?.to_json();
            let import = Admin::ServiceAccountImport { key_file };
            call::show(&at, import, Absent::Refuse)
        }
        ServiceAccount::Disable { at, client_email } => set_disabled(&at, client_email, true),
        ServiceAccount::Enable { at, client_email } => set_disabled(&at, client_email, false),
    }
}

const LOST: &str =
    "the account was made, but its key could not be written and is lost; make another one";

fn make(create: &Create) -> Result<Value> {
    let command = Admin::ServiceAccountCreate {
        name: create.name.clone(),
        base_url: create.base_url.as_ref().map(ToString::to_string),
    };
    call::run(&create.at, command, Absent::Make(create.project.clone()))
}

/// The file comes before the key, since there is only one copy of it.
fn create_file(create: &Create) -> Result<()> {
    let out = create.out.as_path();
    let file = new_secret(out)?;
    let written = make(create).and_then(|key| {
        write(file, &serde_json::to_string_pretty(&key)?).context(LOST)?;
        Ok(key)
    });
    let key = written.inspect_err(|_| {
        let _ = fs::remove_file(out);
    })?;
    let member = |name| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let (email, token_uri) = (member("client_email"), member("token_uri"));
    if create.at.json {
        return output::print_json(&json!({
            "clientEmail": email,
            "privateKeyId": member("private_key_id"),
            "tokenUri": token_uri,
            "file": out,
        }));
    }
    output::note(&format!(
        "Wrote the key of {email} to {}. Keep it secret.\nIts token_uri is {token_uri}; clients must reach the server \
         there (--base-url).",
        out.display()
    ));
    Ok(())
}

fn set_disabled(at: &At, client_email: String, disabled: bool) -> Result<()> {
    let command = Admin::ServiceAccountSetDisabled {
        client_email,
        disabled,
    };
    call::show(at, command, Absent::Refuse)
}

/// A new file that only its owner reads.
fn new_secret(path: &Path) -> Result<File> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let shown = path.display();
    file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!("`{shown}` exists; name another file with --out"),
        _ => Error::new(error).context(format!(
            "`{shown}` cannot be written; name another file with --out"
        )),
    })
}

fn write(mut file: File, text: &str) -> io::Result<()> {
    writeln!(file, "{text}")?;
    file.sync_all()
}
