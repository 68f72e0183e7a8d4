//! The command line: its words here, each command's work in a file of its own.

mod call;
mod databases;
mod doctor;
mod door;
mod export;
mod output;
mod service_account;
mod token;
mod verify;

pub(crate) use output::note;
pub(crate) use token::read_key;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use firekeep_api::admin::Command as Admin;
use firekeep_model::ProjectId;

use crate::limits::USERS_LISTED_MAX;
use crate::server;
use call::Absent;
use databases::{Databases, Indexes};
use service_account::ServiceAccount;

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
    /// List, make and delete databases of documents.
    #[command(subcommand, after_help = "Example:\n  firekeep databases list")]
    Databases(Databases),
    /// Show and declare indexes of documents.
    #[command(
        subcommand,
        after_help = "Example:\n  firekeep indexes deploy firestore.indexes.json"
    )]
    Indexes(Indexes),
    /// List and rotate the keys that sign ID tokens.
    #[command(subcommand, after_help = "Example:\n  firekeep keys list")]
    Keys(Keys),
    /// Show the project: its id, API keys, addresses and mode.
    #[command(subcommand, after_help = "Example:\n  firekeep project show --json")]
    Project(Project),
    /// Write the documents of a database to a file.
    #[command(
        after_help = "Examples:\n  firekeep export --out monday.fkx\n  firekeep export --managed --out backup-1\n  \
        firekeep export --out before.fkx --at 2026-01-31T12:00:00Z"
    )]
    Export(export::Export),
    /// Take documents over from a file of `firekeep export`, or from a managed export of the cloud or the emulator.
    ///
    /// Documents that are there already and differ are replaced; others stay. They keep when they were created, if the file
    /// says it, and changed last when they are imported. An import that broke off can be begun again.
    #[command(
        after_help = "Examples:\n  firekeep import monday.fkx\n  firekeep import --database staging ./2026-01-31T12:00:00_1234"
    )]
    Import(export::Import),
    /// Check the stored data; the server must be stopped.
    ///
    /// Reads everything once: checksums, the log, the clocks, and of every database whether its documents and its index
    /// entries are one another's. Says what it counted and every fault, tells on the standard error how far it is, and
    /// changes no data. It ends with code 1 when something is damaged.
    #[command(
        after_help = "Examples:\n  firekeep verify --data firekeep-data\n  firekeep verify --json"
    )]
    Verify(At),
    /// Check this deployment and say what to mend.
    #[command(
        after_help = "Examples:\n  firekeep doctor\n  firekeep doctor --data /var/lib/firekeep --tls-cert fullchain.pem"
    )]
    Doctor(doctor::Doctor),
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
enum User {
    /// Make a user.
    #[command(
        after_help = "Example:\n  FIREKEEP_USER_PASSWORD='correct horse' firekeep user create --email a@example.com"
    )]
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
    #[command(after_help = "Examples:\n  firekeep user list --limit 1000 --json\n  \
        firekeep user list --after THE_LAST_UID_SHOWN")]
    List {
        #[command(flatten)]
        at: At,
        /// Begin after this uid.
        #[arg(long)]
        after: Option<String>,
        /// At most so many, 1 to 1000.
        #[arg(long, default_value_t = 100, value_parser = users_listed())]
        limit: u16,
    },
    /// Show one user.
    #[command(
        after_help = "Examples:\n  firekeep user get a@example.com\n  firekeep user get --json alice"
    )]
    Get {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Refuse a user's sign-ins and tokens, at once.
    #[command(after_help = "Example:\n  firekeep user disable a@example.com")]
    Disable {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Accept them again.
    #[command(after_help = "Example:\n  firekeep user enable a@example.com")]
    Enable {
        #[command(flatten)]
        at: At,
        /// A uid, an email address or a username.
        user: String,
    },
    /// Delete a user for ever.
    #[command(after_help = "Example:\n  firekeep user delete a@example.com")]
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
    #[command(after_help = "Example:\n  firekeep keys list --json")]
    List {
        #[command(flatten)]
        at: At,
    },
    /// Publish the next key; it signs an hour later.
    #[command(
        after_help = "Examples:\n  firekeep keys rotate\n  firekeep keys rotate --emergency\n\n\
        With --emergency the old keys are gone and a new one signs, at once: no ID token verifies any more, in your\n\
        backends too as soon as they fetch the keys again. Sessions go on: an app gets a new ID token by refresh."
    )]
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
    #[command(after_help = "Examples:\n  firekeep project show\n  firekeep project show --json")]
    Show {
        #[command(flatten)]
        at: At,
    },
}

/// Reads the command line and the environment.
pub(crate) fn parse() -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// An environment variable that is set to nothing counts as not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            match value.is_some_and(|value| value.is_empty()) {
                true => arg.env(clap::builder::Resettable::Reset),
                false => arg,
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(serve) => server::run(*serve),
        Command::Token(token) => token::run(token),
        Command::ServiceAccount(command) => service_account::run(command),
        Command::User(command) => user(command),
        Command::Databases(command) => databases::run(command),
        Command::Indexes(command) => databases::run_indexes(command),
        Command::Keys(Keys::List { at }) => call::show(&at, Admin::KeysList, Absent::Refuse),
        Command::Keys(Keys::Rotate { at, emergency }) => {
            call::show(&at, Admin::KeysRotate { emergency }, Absent::Refuse)
        }
        Command::Project(Project::Show { at }) => {
            call::show(&at, Admin::ProjectShow, Absent::Make(None))
        }
        Command::Export(how) => export::export(how),
        Command::Import(how) => export::import(&how),
        Command::Verify(at) => verify::run(&at),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "firekeep", &mut script);
            output::print(&String::from_utf8(script)?)
        }
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
            call::show(&at, new, Absent::Make(None))
        }
        User::List { at, after, limit } => {
            let limit = usize::from(limit);
            call::show(&at, Admin::UserList { after, limit }, Absent::Refuse)
        }
        User::Get { at, user } => call::show(&at, Admin::UserGet { name: user }, Absent::Refuse),
        User::Disable { at, user } => set_disabled(&at, user, true),
        User::Enable { at, user } => set_disabled(&at, user, false),
        User::Delete { at, user } => {
            call::show(&at, Admin::UserDelete { name: user }, Absent::Refuse)
        }
    }
}

fn set_disabled(at: &At, name: String, disabled: bool) -> Result<()> {
    let command = Admin::UserSetDisabled { name, disabled };
    call::show(at, command, Absent::Refuse)
}

/// Where the server of this machine listens unless told otherwise.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7070))
}

/// An address to listen on.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let advice = "give an IP address and a port, such as 127.0.0.1:7070 or 0.0.0.0:443";
    text.parse().map_err(|_| advice.to_owned())
}

/// A switch, as people write it in the environment.
pub(crate) fn switch() -> clap::builder::BoolishValueParser {
    clap::builder::BoolishValueParser::new()
}

fn users_listed() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=i64::from(USERS_LISTED_MAX))
}

/// A project's id.
pub(crate) fn project_id(text: &str) -> Result<ProjectId, String> {
    ProjectId::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string);
            let shown = help.is_some_and(|help| help.contains("firekeep "));
            assert!(shown, "{}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[track_caller]
    fn check(words: &[&str], refused_with: Option<&str>) {
        let found = Cli::try_parse_from([&["firekeep"], words].concat());
        match (found, refused_with) {
            (Ok(_), None) => {}
            (Err(error), Some(text)) => assert!(error.to_string().contains(text), "{error}"),
            (found, _) => panic!("{words:?}: {}", found.is_ok()),
        }
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        check(&["serve", "--listen", "7070"], Some("127.0.0.1:7070"));
        check(&["serve", "--listen", "[::]:7070"], None);
        check(&["serve", "--base-url", "fk.example.com"], Some("https://"));
        check(&["serve", "--base-url", "https://fk.example.com/"], None);
        check(&["serve", "--project", "a/b"], Some("not allowed"));
        check(&["serve", "--documents", "all"], Some("open, admins"));
        check(&["serve", "--documents", "admins"], None);
        check(&["user", "list", "--limit", "0"], Some("1..=1000"));
        check(&["user", "list", "--limit", "1001"], Some("1..=1000"));
        check(&["user", "list", "--limit", "1000"], None);
    }

    #[test]
    fn the_default_addresses_agree() {
        let url = format!("http://{}", loopback());
        assert_eq!(url, firekeep_api::BASE_URL_DEFAULT);
    }
}
