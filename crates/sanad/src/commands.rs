//! What each command does.

mod check;
mod demo;
mod found;
mod link;
pub mod operate;
mod serve;

use crate::cli::{Cli, Command};
use crate::passphrase;
use anyhow::Result;
use operate::Operation;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What a wrong passphrase costs, during which nobody else can try at this folder.
pub const WRONG_PASSPHRASE_DELAY: Duration = Duration::from_secs(2);

/// Runs a command to its end. Returns the exit code.
pub fn run(cli: Cli) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dispatch(cli))
}

async fn dispatch(cli: Cli) -> Result<u8> {
    let json = cli.json;
    let passphrase = |new| passphrase::read(cli.passphrase_file.as_deref(), new);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (dir, operation) = match &cli.command {
        Command::Demo(options) => return demo::run(options, json).await,
        Command::Init(site) => return found::init(site, &passphrase(true)?, json).await,
        Command::Join { site, invite } => return found::join(site, invite, || passphrase(true), json).await,
        Command::Serve { dir, listen, address } => {
            return serve::run(dir, &passphrase(false)?, *listen, address.clone(), json).await;
        }
        Command::Invite { dir, haven, address } => {
            (dir, Operation::Invite { haven: *haven, addresses: address.clone() })
        }
        Command::Import { dir, files, by } => {
            let files = files.iter().map(|file| absolute(file)).collect();
            (dir, Operation::Import { files, by: by.clone() })
        }
        Command::Export { dir, out } => (dir, Operation::Export { out: absolute(out) }),
        Command::Status { dir } => (dir, Operation::Status),
        Command::Sync { dir, with } => (dir, Operation::Sync { with: with.clone() }),
        Command::Link(link) => (&link.dir, Operation::Link(link::Linking::of(link)?)),
        Command::Budget { dir, site, bytes } => {
            let change = bytes.as_deref().map_or(Ok(link::Change::Nothing), link::budget)?;
            (dir, Operation::Budget { site: site.clone(), change })
        }
        Command::Check { dir, rebuild } => (dir, Operation::Check { rebuild: *rebuild }),
    };
    let (code, result) = operate::here_or_there(dir, &passphrase(false)?, &operation).await?;
    print(json, &result, operate::in_words(&operation, &result));
    Ok(code)
}

/// Prints the result: JSON for scripts, words for people.
fn print(json: bool, value: &Value, words: String) {
    if json { println!("{value}") } else { println!("{}", words.trim_end()) }
}
