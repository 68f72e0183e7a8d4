//! The project's own chores: `cargo xtask tidy` checks the layering of the house.

use std::process::ExitCode;

mod tidy;

fn main() -> anyhow::Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy::run(),
        _ => {
            eprintln!("usage: cargo xtask tidy");
            Ok(ExitCode::from(2))
        }
    }
}
