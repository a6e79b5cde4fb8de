//! Chores of the workspace, as `cargo xtask COMMAND`. One module a command; a new one is a line in [`COMMANDS`].

mod bench;
mod fhir_tables;
mod house;

use std::process::ExitCode;

/// A command: its name, what it does, and the function that takes the arguments after its name.
type Command = (&'static str, &'static str, fn(&[String]) -> anyhow::Result<()>);

const COMMANDS: &[Command] = &[
    (
        "check-house",
        "direction, purity, licences, sources and promises of the workspace: what no compiler checks",
        house::run,
    ),
    ("fhir-tables", "writes the tables of FHIR R4 anew from what HL7 publishes", fhir_tables::run),
    ("bench", "whole-program figures beside their targets; --quick, --json, names of measurements", bench::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first().map(String::as_str);
    let Some((_, _, run)) = COMMANDS.iter().find(|(name, ..)| Some(*name) == wanted) else {
        eprintln!("usage: cargo xtask COMMAND\n");
        COMMANDS.iter().for_each(|(name, what, _)| eprintln!("  {name:<14} {what}"));
        return ExitCode::from(2);
    };
    match run(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
