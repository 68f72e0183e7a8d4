//! Firekeep: the program. Puts the parts together; decides nothing that a part could decide.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod base_url;
mod cli;
mod data;
mod limits;
mod server;

use std::process::ExitCode;

use rustix::fs::Mode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Whatever this process makes holds secrets or lies beside them: only the owner reads it.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match cli::run(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain: the first sentence says what failed, the last one why.
            cli::note(&format!("firekeep: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
