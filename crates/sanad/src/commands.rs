//! What each command does.

pub mod ask;
mod bundle;
mod check;
mod demo;
mod exposed;
mod found;
mod keep;
mod link;
pub mod operate;
pub mod people;
pub mod quarantine;
mod serve;
mod sms;
mod token;

use crate::cli::{Bundle, Cli, Command, Sms};
use crate::passphrase;
use crate::say;
use anyhow::Result;
use operate::Operation;
use sanad_node::carrier::Address;
use sanad_node::hook::Reach;
use serde_json::Value;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

/// What a wrong passphrase costs, during which nobody else can try at this folder.
pub const WRONG_PASSPHRASE_DELAY: Duration = Duration::from_secs(2);

/// Runs a command to its end. Returns the exit code.
pub fn run(cli: Cli) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Behind a pointer: otherwise every way of blocking that the runtime has is a copy of all commands.
    let whole: Pin<Box<dyn Future<Output = Result<u8>>>> = Box::pin(dispatch(cli));
    runtime.block_on(whole)
}

async fn dispatch(cli: Cli) -> Result<u8> {
    let json = cli.json;
    let passphrase = |new| passphrase::read(cli.passphrase_file.as_deref(), new);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (dir, operation) = match &cli.command {
        Command::Demo(options) => return demo::run(options, json).await,
        Command::Init(site) => return found::init(site, &passphrase(true)?, json).await,
        Command::Join { site, invite } => return found::join(site, invite, || passphrase(true), json).await,
        Command::Serve {
            dir,
            listen,
            address,
            discover,
            watch,
            watch_bytes,
            validation,
            allow_public_address,
            hooks_anywhere,
        } => {
            warn_of_names(address);
            let watched = serve::Watched { folders: watch.clone(), bytes_max: *watch_bytes };
            let serving = serve::Serving {
                listen: *listen,
                addresses: address.clone(),
                discover: *discover,
                watched,
                validation: (*validation).into(),
                allow_public_address: *allow_public_address,
                reach: if *hooks_anywhere { Reach::Anywhere } else { Reach::Local },
            };
            return serve::run(dir, &passphrase(false)?, serving, json).await;
        }
        Command::Keep(options) => {
            warn_of_names(&options.address);
            return keep::run(options, &passphrase(false)?, json).await;
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
        Command::Invite { dir, haven, keeper, address } => {
            warn_of_names(address);
            (dir, Operation::Invite { haven: *haven, keeper: *keeper, addresses: address.clone() })
        }
        Command::Import { dir, files, by } => {
            let files = files.iter().map(|file| absolute(file)).collect();
            (dir, Operation::Import { files, by: by.clone() })
        }
        Command::Export { dir, out } => (dir, Operation::Export { out: absolute(out) }),
        Command::Status { dir } => (dir, Operation::Status),
        Command::Policy { dir, copies, outside, no_outside } => {
            let outside = (*outside || *no_outside).then_some(*outside);
            (dir, Operation::Policy { copies: *copies, outside })
        }
        Command::Explain { dir, what } => (dir, Operation::Explain { what: what.clone() }),
        Command::Sync { dir, with } => (dir, Operation::Sync { with: with.clone() }),
        Command::Link(link) => (&link.dir, Operation::Link(link::Linking::of(link)?)),
        Command::Budget { dir, site, bytes } => {
            let change = bytes.as_deref().map_or(Ok(link::Change::Nothing), link::budget)?;
            (dir, Operation::Budget { site: site.clone(), change })
        }
        Command::Ask(options) => (&options.dir, Operation::Ask(options.into())),
        Command::Answer { dir, ask, verdict, by } => {
            let (ask, patient, by) = (ask.clone(), verdict.grant.clone(), by.clone());
            (dir, Operation::Ask(ask::Operation::Answer { ask, patient, by }))
        }
        Command::Grant { dir, patient, to, by } => {
            let (patient, to, by) = (patient.clone(), to.clone(), by.clone());
            (dir, Operation::Ask(ask::Operation::Grant { patient, to, by }))
        }
        Command::Quarantine(command) => {
            let (dir, operation) = quarantine::Operation::of(command, absolute);
            (dir, Operation::Quarantine(operation))
        }
        Command::People { dir, new_pin, add, role } => {
            let operation = match (new_pin, add, role) {
                (Some(call_sign), _, _) => people::Operation::NewPin { call_sign: call_sign.clone() },
                (None, Some(call_sign), Some(role)) => {
                    people::Operation::Add { call_sign: call_sign.clone(), role: role.clone() }
                }
                _ => people::Operation::List,
            };
            (dir, Operation::People(operation))
        }
        Command::Token { dir, role, scope, patient, days, revoke, list } => {
            let operation = match (role, revoke, list) {
                (Some(role), None, false) => token::Operation::Make {
                    role: role.clone(),
                    scopes: scope.clone(),
                    patient: patient.clone(),
                    days: *days,
                },
                (None, Some(id), false) => token::Operation::Revoke { id: id.clone() },
                _ => token::Operation::List,
            };
            (dir, Operation::Token(operation))
        }
        Command::Check { dir, rebuild } => (dir, Operation::Check { rebuild: *rebuild }),
    };
    if let (Operation::Status, Some(folders)) = (&operation, keep::many(dir)) {
        return keep::status(&folders, &passphrase(false)?, json).await;
    }
    let (code, result) = operate::here_or_there(dir, &passphrase(false)?, &operation).await?;
    print(json, &result, operate::in_words(&operation, &result));
    Ok(code)
}

/// An address that is a name is allowed, and costs something: whoever dials it asks a name server that nobody chose.
fn warn_of_names(addresses: &[String]) {
    let is_name = |address: &&String| address.parse().is_ok_and(|address: Address| address.is_name());
    for address in addresses.iter().filter(is_name) {
        eprintln!("{}", say::text("address-is-a-name", &[("address", address.clone())]));
    }
}

/// Prints the result: JSON for scripts, words for people.
fn print(json: bool, value: &Value, words: String) {
    if json { println!("{value}") } else { println!("{}", words.trim_end()) }
}
