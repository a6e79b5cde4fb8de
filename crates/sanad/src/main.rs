//! `sanad`: one binary for a facility. The command line is a thin skin; what it does is done by `sanad_node`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod amount;
mod cli;
mod commands;
mod harden;
mod local;
mod passphrase;
mod progress;
mod remote;
mod say;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    harden::this_process();
    local::ask();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help to standard output and errors to standard error.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { say::EXIT_USAGE } else { 0 });
        }
    };
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let (code, text) = say::explain(&error);
            eprintln!("{text}");
            ExitCode::from(code)
        }
    }
}
