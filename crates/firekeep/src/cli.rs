//! The command line: its words here, each command's work in a file of its own.

mod call;
mod doctor;
mod token;

pub(crate) use token::read_key;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use firekeep_api::admin::Command as Admin;
use firekeep_model::ProjectId;
use serde_json::Value;

use crate::server;

/// Firekeep: accounts, tokens and (soon) data for apps that use Firebase's SDKs, on your own server.
#[derive(Parser)]
#[command(
    version,
    after_help = "Begin with:  firekeep serve\nThen open the address that it prints."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server.
    #[command(
        after_help = "Examples:\n  firekeep serve\n  firekeep serve --listen 0.0.0.0:443 --tls-cert \
        fullchain.pem --tls-key privkey.pem --base-url https://fk.example.com\n  firekeep serve --dev"
    )]
    Serve(Box<server::Serve>),
    /// Make a custom token offline, or inspect any token.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  firekeep token --key key.json --uid alice --claims '{\"role\":\"admin\"}'\n  \
        firekeep token inspect eyJhbGciOi..."
    )]
    Token(token::Token),
    /// Make, list, import and disable service accounts.
    #[command(
        subcommand,
        after_help = "Example:\n  firekeep service-account create --out key.json"
    )]
    ServiceAccount(ServiceAccount),
    /// Make, list, show, disable and delete users.
    #[command(
        subcommand,
        after_help = "Example:\n  firekeep user create --email a@example.com --password 'correct horse'"
    )]
    User(User),
    /// List and rotate the keys that sign ID tokens.
    #[command(subcommand, after_help = "Example:\n  firekeep keys list")]
    Keys(Keys),
    /// Show the project: its id, API keys and mode.
    #[command(subcommand, after_help = "Example:\n  firekeep project show --json")]
    Project(Project),
    /// Check the stored data; the server must be stopped.
    #[command(after_help = "Example:\n  firekeep verify --data firekeep-data")]
    Verify(At),
    /// Check this deployment and say what to mend.
    #[command(after_help = "Example:\n  firekeep doctor")]
    Doctor(At),
    /// Print completions for a shell.
    #[command(
        after_help = "Example:\n  firekeep completions bash > /etc/bash_completion.d/firekeep"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which data folder, and how to answer.
#[derive(Args, Clone)]
pub(crate) struct At {
    /// The data folder.
    #[arg(long, env = "FIREKEEP_DATA", default_value = server::DATA_DEFAULT)]
    pub(crate) data: PathBuf,
    /// Answer in JSON, for scripts.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
enum ServiceAccount {
    /// Make an account and write its key file, the only copy of the private key.
    Create {
        #[command(flatten)]
        at: At,
        /// The name before the `@`.
        #[arg(long, default_value = "firekeep-admin")]
        name: String,
        /// Where to write the key file; `-` prints it.
        #[arg(long)]
        out: PathBuf,
        /// The project of a data folder that is yet to be made.
        #[arg(long, env = "FIREKEEP_PROJECT")]
        project: Option<String>,
    },
    /// List all accounts.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Register the public half of a key file, such as Google's.
    Import {
        #[command(flatten)]
        at: At,
        /// The key file.
        file: PathBuf,
    },
    /// Refuse what an account signs, at once.
    Disable {
        #[command(flatten)]
        at: At,
        /// The account's email address.
        client_email: String,
    },
    /// Accept it again.
    Enable {
        #[command(flatten)]
        at: At,
        /// The account's email address.
        client_email: String,
    },
}

#[derive(Subcommand)]
enum User {
    /// Make a user.
    Create {
        #[command(flatten)]
        at: At,
        /// The uid; generated when absent.
        #[arg(long)]
        uid: Option<String>,
        /// The email address.
        #[arg(long)]
        email: Option<String>,
        /// The username.
        #[arg(long)]
        username: Option<String>,
        /// The phone number, such as +15555550100.
        #[arg(long)]
        phone: Option<String>,
        /// The password. Other users of this machine can see it while the command runs: prefer the environment.
        #[arg(long, env = "FIREKEEP_USER_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        /// The name to show.
        #[arg(long)]
        display_name: Option<String>,
    },
    /// List users by uid.
    List {
        #[command(flatten)]
        at: At,
        /// Begin after this uid.
        #[arg(long)]
        after: Option<String>,
        /// At most so many, up to 1000.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one user.
    Get {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Refuse a user's sign-ins and tokens, at once.
    Disable {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Accept them again.
    Enable {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Delete a user for ever.
    Delete {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
}

#[derive(Subcommand)]
enum Keys {
    /// List the keys.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Publish the next key; it signs an hour later.
    Rotate {
        #[command(flatten)]
        at: At,
        /// Drop all keys and sign with a new one now: a key was stolen. ID tokens stop to verify at once.
        #[arg(long)]
        emergency: bool,
    },
}

#[derive(Subcommand)]
enum Project {
    /// Show the project.
    Show {
        #[command(flatten)]
        at: At,
    },
}

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(serve) => server::run(*serve),
        Command::Token(token) => token::run(token),
        Command::ServiceAccount(command) => service_account(command),
        Command::User(command) => user(command),
        Command::Keys(Keys::List { at }) => call::show(&at, Admin::KeysList),
        Command::Keys(Keys::Rotate { at, emergency }) => {
            call::show(&at, Admin::KeysRotate { emergency })
        }
        Command::Project(Project::Show { at }) => call::show(&at, Admin::ProjectShow),
        Command::Verify(at) => doctor::verify(&at),
        Command::Doctor(at) => doctor::run(&at),
        Command::Completions { shell } => {
            use clap::CommandFactory as _;
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "firekeep",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    }
}

fn service_account(command: ServiceAccount) -> Result<()> {
    match command {
        ServiceAccount::Create {
            at,
            name,
            out,
            project,
        } => {
            // Refused before the key is made: there is only one copy.
            if out.exists() {
                bail!("`{}` exists; name another file with --out", out.display());
            }
            let project = project.as_deref().map(ProjectId::parse).transpose();
            let project = project.context("--project")?;
            let file = call::run(&at, Admin::ServiceAccountCreate { name }, project)?;
            let text = serde_json::to_string_pretty(&file)?;
            if out == Path::new("-") {
                println!("{text}");
                return Ok(());
            }
            write_secret(&out, &text)?;
            let email = file
                .get("client_email")
                .and_then(Value::as_str)
                .unwrap_or_default();
            eprintln!(
                "Wrote the key of {email} to {}. Keep it secret.",
                out.display()
            );
            Ok(())
        }
        ServiceAccount::List { at } => call::show(&at, Admin::ServiceAccountList),
        ServiceAccount::Import { at, file } => {
            let key_file = std::fs::read_to_string(&file)
                .with_context(|| format!("read the key file `{}`", file.display()))?;
            call::show(&at, Admin::ServiceAccountImport { key_file })
        }
        ServiceAccount::Disable { at, client_email } => call::show(
            &at,
            Admin::ServiceAccountSetDisabled {
                client_email,
                disabled: true,
            },
        ),
        ServiceAccount::Enable { at, client_email } => call::show(
            &at,
            Admin::ServiceAccountSetDisabled {
                client_email,
                disabled: false,
            },
        ),
    }
}

fn user(command: User) -> Result<()> {
    match command {
        User::Create {
            at,
            uid,
            email,
            username,
            phone,
            password,
            display_name,
        } => {
            let new = Admin::UserCreate {
                uid,
                email,
                username,
                phone,
                password,
                display_name,
            };
            call::show(&at, new)
        }
        User::List { at, after, limit } => call::show(&at, Admin::UserList { after, limit }),
        User::Get { at, user } => call::show(&at, Admin::UserGet { name: user }),
        User::Disable { at, user } => call::show(
            &at,
            Admin::UserSetDisabled {
                name: user,
                disabled: true,
            },
        ),
        User::Enable { at, user } => call::show(
            &at,
            Admin::UserSetDisabled {
                name: user,
                disabled: false,
            },
        ),
        User::Delete { at, user } => call::show(&at, Admin::UserDelete { name: user }),
    }
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("write `{}`", path.display()))?;
    writeln!(file, "{text}").with_context(|| format!("write `{}`", path.display()))
}

/// Where the server of this machine listens unless told otherwise.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7070))
}
