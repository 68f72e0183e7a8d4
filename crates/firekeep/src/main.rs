//! Firekeep: the program. Puts the parts together; decides nothing that a part could decide.

mod cli;
mod data;
mod server;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain: the first sentence says what failed, the last one why.
            eprintln!("firekeep: {error:#}");
            ExitCode::FAILURE
        }
    }
}
