//! The project's own chores: `cargo xtask tidy` checks the layering of the house, `cargo xtask codegen` writes the
//! code that comes from `.proto` files.

use std::process::ExitCode;

mod codegen;
mod tidy;

fn main() -> anyhow::Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some("codegen") => codegen::run(std::env::args().nth(2).as_deref() == Some("--check")),
        Some("tidy") => tidy::run(),
        _ => {
            eprintln!("usage: cargo xtask tidy | codegen [--check]");
            Ok(ExitCode::from(2))
        }
    }
}
