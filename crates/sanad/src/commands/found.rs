//! `sanad init` and `sanad join`.

use crate::cli::{Kind, NewSite};
use crate::say::Trouble;
use anyhow::Result;
use sanad_log::control::SiteKind;
use sanad_node::invite::Invite;
use sanad_node::join::JoinError;
use sanad_node::site::{self, Site};
use sanad_store::KdfCost;
use serde_json::json;
use zeroize::Zeroizing;

/// What a passphrase costs to try. A build for tests may make it cheap, so that hundreds of starts take seconds; a release
/// build cannot.
pub fn kdf_cost() -> KdfCost {
    if cfg!(debug_assertions) && std::env::var_os("SANAD_TEST_QUICK_UNLOCK").is_some() {
        return KdfCost { memory_kib: 8, passes: 1, lanes: 1 };
    }
    KdfCost::STANDARD
}

/// Founds a network.
pub async fn init(new: &NewSite, passphrase: &str, json: bool) -> Result<u8> {
    let kind = match new.kind {
        Kind::Enclave => SiteKind::Enclave,
        Kind::Haven => SiteKind::Haven,
    };
    let described = site::NewSite { call_sign: new.site.clone(), kind };
    let site = Site::found(&new.dir, passphrase, kdf_cost(), &described).await?;
    report(&site, json);
    site.close().await;
    Ok(0)
}

/// Joins a network.
pub async fn join(
    new: &NewSite,
    code: &str,
    passphrase: impl FnOnce() -> Result<Zeroizing<String>>,
    json: bool,
) -> Result<u8> {
    // Read before the passphrase is asked for: a mistyped code costs nothing.
    let invite: Invite = code.parse().map_err(|error| Trouble::BadInvite(format!("{error}")))?;
    let site = Site::join(&new.dir, &passphrase()?, kdf_cost(), &new.site, &invite).await.map_err(explain)?;
    report(&site, json);
    site.close().await;
    Ok(0)
}

fn explain(error: JoinError) -> anyhow::Error {
    match error {
        JoinError::Site(error) => error.into(),
        JoinError::Dial(error) => error.into(),
        refused => Trouble::JoinRefused(refused.to_string()).into(),
    }
}

fn report(site: &Site, json: bool) {
    let network = site.network().to_string();
    if json {
        let kind = sanad_node::status::kind_name(site.kind());
        println!("{}", json!({ "site": site.call_sign(), "kind": kind, "network": network }));
    } else {
        println!("{} · network {}", site.call_sign(), &network[..8]);
    }
}
