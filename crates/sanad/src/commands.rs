//! What each command does.

mod bundle;
mod check;
mod demo;
mod found;
pub mod operate;
mod serve;
mod sms;

use crate::cli::{Bundle, Cli, Command, Sms};
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
        Command::Serve { dir, listen, address, watch, watch_bytes } => {
            let watched = serve::Watched { folders: watch.clone(), bytes_max: *watch_bytes };
            return serve::run(dir, &passphrase(false)?, *listen, address.clone(), watched, json).await;
        }
        Command::Bundle(Bundle::Write { dir, out, max_bytes, site }) => {
            (dir, Operation::BundleWrite { out: absolute(out), max_bytes: *max_bytes, site: site.clone() })
        }
        Command::Bundle(Bundle::Read { dir, file, receipt }) => {
            let receipt = receipt.as_deref().map(absolute);
            (dir, Operation::BundleRead { file: absolute(file), receipt })
        }
        Command::Pin { dir, patient, off } => (dir, Operation::Pin { patient: patient.clone(), off: *off }),
        Command::Sms(Sms::Encode { dir, site, max_frames }) => {
            (dir, Operation::SmsEncode { site: site.clone(), max_frames: (*max_frames).into() })
        }
        Command::Sms(Sms::Decode { dir }) => return sms::decode(dir, &passphrase(false)?, json).await,
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
