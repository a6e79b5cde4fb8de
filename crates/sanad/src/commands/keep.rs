//! `sanad keep`: the keepers of a folder, each of another network, behind one port. No screens.

use super::WRONG_PASSPHRASE_DELAY;
use super::operate::{self, Operation};
use super::serve::{TheEnd, default_addresses};
use crate::cli::Keep;
use crate::remote;
use crate::say::Trouble;
use anyhow::Result;
use sanad_node::carrier::Address;
use sanad_node::keepers::{Keepers, KeepersError, folders};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The command.
pub async fn run(options: &Keep, passphrase: &str, as_json: bool) -> Result<u8> {
    // What was mistyped is told before anything is opened.
    let peers = options.peer.iter().map(|peer| read_peer(peer)).collect::<Result<Vec<_>>>()?;
    let keepers = Keepers::open(&options.dir, passphrase, WRONG_PASSPHRASE_DELAY).await.map_err(explain)?;
    for (name, address) in peers {
        if !keepers.add_peer(name.as_deref(), address).await? {
            return Err(Trouble::PeerOfWhich(name.unwrap_or_default()).into());
        }
    }
    if let Some(quota) = options.quota {
        for (_, site) in keepers.sites() {
            site.set_quota(Some(quota)).await?;
        }
    }
    let listener = TcpListener::bind(options.listen).await.map_err(|error| Trouble::CannotListen(error.to_string()))?;
    let listening = listener.local_addr()?;
    let addresses = if options.address.is_empty() { default_addresses(listening) } else { options.address.clone() };
    let keepers = Arc::new(keepers);
    let mut controls = Vec::new();
    for (folder, site) in keepers.sites() {
        controls.push(remote::listen(folder, site.clone(), passphrase)?);
    }
    let end = TheEnd::listen()?;
    let url = format!("https://{listening}");
    let networks: Vec<_> = keepers
        .sites()
        .map(|(folder, site)| (folder.display().to_string(), site.network().to_string()[..8].to_owned()))
        .collect();
    if as_json {
        let networks: Vec<_> =
            networks.iter().map(|(folder, network)| json!({ "folder": folder, "network": network })).collect();
        println!("{}", json!({ "listening": url, "networks": networks }));
    } else {
        println!("{url}");
        networks.iter().for_each(|(folder, network)| println!("  {network}  {folder}"));
    }
    let (stop, stopping) = watch::channel(false);
    let mut run = tokio::spawn(keepers.clone().run(listener, addresses, stopping));
    let ran = tokio::select! {
        () = end.comes() => {
            drop(controls);
            stop.send_replace(true);
            run.await
        }
        ran = &mut run => ran,
    };
    ran?.map_err(explain)?;
    Ok(0)
}

/// The folders in a folder that holds keepers and is none itself.
pub fn many(dir: &Path) -> Option<Vec<PathBuf>> {
    folders(dir).ok().filter(|folders| folders.iter().all(|folder| folder != dir))
}

/// `sanad status` of all of them.
pub async fn status(folders: &[PathBuf], passphrase: &str, as_json: bool) -> Result<u8> {
    let mut all = Vec::new();
    for folder in folders {
        let (_, mut status) = operate::here_or_there(folder, passphrase, &Operation::Status).await?;
        if !as_json {
            println!("{}\n{}", folder.display(), operate::in_words(&Operation::Status, &status).trim_end());
        }
        status["folder"] = folder.display().to_string().into();
        all.push(status);
    }
    if as_json {
        println!("{}", json!({ "keepers": all }));
    }
    Ok(0)
}

/// `[NAME=]URL`.
fn read_peer(text: &str) -> Result<(Option<String>, Address)> {
    let (name, url) = match text.split_once("=https://") {
        Some((name, rest)) => (Some(name.to_owned()), format!("https://{rest}")),
        None => (None, text.to_owned()),
    };
    let address = url.parse().map_err(|_| Trouble::BadAddress(url.clone()))?;
    Ok((name, address))
}

fn explain(error: KeepersError) -> anyhow::Error {
    match error {
        KeepersError::Site(error) => error.into(),
        KeepersError::NotAKeeper(folder) => Trouble::NotAKeeper(folder).into(),
        KeepersError::Twice(one, other) => Trouble::KeptTwice(one, other).into(),
        other => other.into(),
    }
}
