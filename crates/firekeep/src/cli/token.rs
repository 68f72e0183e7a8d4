//! `firekeep token`: makes custom tokens offline, and explains any token.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use firekeep_api::{KeyFile, SystemClock};
use firekeep_model::{Clock as _, Uid};
use firekeep_token::{Verdict, custom};
use serde_json::{Map, Value, json};

use super::output;

#[derive(Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Option<Command>,
    /// The service account's key file: ours or Google's.
    #[arg(long, env = "FIREKEEP_KEY", required = true)]
    key: Option<PathBuf>,
    /// Whom the token signs in: 1 to 128 characters.
    #[arg(long, required = true)]
    uid: Option<String>,
    /// Claims of the session, a JSON object of at most 1000 characters.
    #[arg(long)]
    claims: Option<String>,
    /// How long the token can be exchanged, in seconds, at most 3600.
    #[arg(long, default_value_t = 3600)]
    lifetime: i64,
}

#[derive(Subcommand)]
enum Command {
    /// Decode a custom token or an ID token, and say which check passes or fails and what to do.
    #[command(after_help = "Examples:\n  firekeep token inspect eyJhbGciOi...\n  \
        firekeep token inspect --key key.json - < token.txt")]
    Inspect {
        /// The token; `-` reads it from the standard input.
        token: String,
        /// The key file that should have signed it, to check the signature of a custom token.
        #[arg(long)]
        key: Option<PathBuf>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Makes or inspects a token.
pub(crate) fn run(token: Token) -> Result<()> {
    match token.command {
        Some(Command::Inspect { token, key, json }) => inspect(&token, key, json),
        None => make(token),
    }
}

fn make(options: Token) -> Result<()> {
    let (Some(key), Some(uid)) = (options.key, options.uid) else {
        bail!("give --key FILE and --uid UID");
    };
    let file = read_key(&key)?;
    let uid = Uid::parse(&uid).context("--uid")?;
    let claims: Map<String, Value> = match options.claims {
        Some(text) => serde_json::from_str(&text)
            .context("--claims must be a JSON object, such as '{\"role\":\"admin\"}'")?,
        None => Map::new(),
    };
    if !(1..=3600).contains(&options.lifetime) {
        bail!("--lifetime must be 1 to 3600 seconds");
    }
    let token = custom::mint(&file, &uid, &claims, SystemClock.now(), options.lifetime)?;
    output::print(&format!("{token}\n"))
}

fn inspect(token: &str, key: Option<PathBuf>, as_json: bool) -> Result<()> {
    let mut text = token.to_owned();
    if token == "-" {
        text.clear();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("read the token")?;
    }
    let file = key.as_deref().map(read_key).transpose()?;
    let report = firekeep_token::inspect(text.trim(), file.as_ref(), SystemClock.now());
    let failed = report.checks.iter();
    let failed = failed.filter(|check| check.verdict == Verdict::Failed);
    let failed = failed.count();
    if as_json {
        let checks: Vec<Value> = report
            .checks
            .iter()
            .map(|check| {
                let ok = match check.verdict {
                    Verdict::Passed => json!(true),
                    Verdict::Failed => json!(false),
                    Verdict::NotChecked => Value::Null,
                };
                json!({ "name": check.name, "ok": ok, "advice": check.advice })
            })
            .collect();
        output::print_json(
            &json!({ "header": report.header, "payload": report.payload, "checks": checks }),
        )?;
    } else {
        let mut text = String::new();
        for (name, part) in [("header", &report.header), ("payload", &report.payload)] {
            if let Some(part) = part {
                writeln!(text, "{name}: {}", serde_json::to_string_pretty(part)?)?;
            }
        }
        for check in &report.checks {
            let verdict = match check.verdict {
                Verdict::Passed => "ok  ",
                Verdict::Failed => "FAIL",
                Verdict::NotChecked => "?   ",
            };
            writeln!(text, "{verdict} {}", check.name)?;
            if !check.advice.is_empty() {
                writeln!(text, "       {}", check.advice)?;
            }
        }
        output::print_lines(&text)?;
    }
    if failed > 0 {
        bail!("{failed} check(s) failed")
    } else {
        Ok(())
    }
}

/// Reads a key file.
pub(crate) fn read_key(path: &Path) -> Result<KeyFile> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("read the key file `{}`", path.display()))?;
    KeyFile::parse(&text).with_context(|| {
        format!(
            "`{}` is no service account's key file; `firekeep service-account create` makes one",
            path.display()
        )
    })
}
