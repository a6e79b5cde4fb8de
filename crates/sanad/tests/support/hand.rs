//! Entries written by hand into the folder of a site that is not running: what no honest program writes.

use super::fhir::patient;
use super::{PASSPHRASE, Site};
use sanad_log::control::FacilitySecret;
use sanad_log::directory::Directory;
use sanad_log::entry::{BodyKind, Entry, Header};
use sanad_log::ids::{EntryId, Lane, LogId, NetworkId, ScopeTag, Seq};
use sanad_log::seal::SealKey;
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_node::site::{self, system_entropy};
use sanad_record::op::{Action, Op, Save};
use sanad_store::{Folder, Store};
use std::time::Duration;

/// What it takes to write for a site.
pub struct Hand {
    network: NetworkId,
    key: SealKey,
    /// The site's device.
    pub device: Ed25519Signer,
}

fn store(site: &Site) -> Store {
    Folder::open(&site.dir).unwrap().unlock(PASSPHRASE, Duration::ZERO).unwrap()
}

/// The last place of a log at a site, and its entry.
pub fn head(site: &Site, log: LogId) -> (Seq, EntryId) {
    let span = store(site).spans().unwrap().into_iter().find(|span| span.log == log);
    span.map_or((0, EntryId([0; 32])), |span| (span.to, span.last_id))
}

impl Hand {
    /// Looks into a site's folder: its network, the network's key, its device.
    pub fn of(site: &Site) -> Hand {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (network, key) = runtime.block_on(async {
            let open = site::Site::open(&site.dir, PASSPHRASE, Duration::ZERO).unwrap();
            let key = open.with_directory(|directory| directory.epoch_keys().next().cloned()).await.unwrap().unwrap();
            let found = (open.network(), key);
            open.close().await;
            found
        });
        let device = Ed25519Signer::from_seed(&store(site).secrets().unwrap().device_seed);
        Hand { network, key, device }
    }

    /// The site's own log.
    pub fn log(&self, lane: Lane) -> LogId {
        LogId { lane, author: self.device.device() }
    }

    /// A patient, as the entry at this place of a log; signed only if there is somebody to sign.
    pub fn patient(&self, log: LogId, at: (Seq, EntryId), id: &str, signer: Option<&Ed25519Signer>) -> Entry {
        let raw = patient(id, "Haddad").to_string().into_bytes();
        let key = format!("Patient/{id}").parse().unwrap();
        let save =
            Save { idempotency: None, by: None, ops: vec![Op { action: Action::Put, key, parents: vec![], raw }] };
        self.entry(log, at, &save.encode(), signer)
    }

    /// Whatever this is, sealed for the network.
    pub fn entry(&self, log: LogId, (seq, prev): (Seq, EntryId), text: &[u8], signer: Option<&Ed25519Signer>) -> Entry {
        let mut header = Header {
            log,
            seq,
            prev,
            scope: ScopeTag::NETWORK,
            hlc: sanad_log::clock::Hlc::from_ms(1_519_989_600_000),
            kind: BodyKind::Sealed,
            body_hash: [0; 32],
            body_len: 0,
            signature: [7; 64],
        };
        let body = self.key.seal(text, &header.sealed_part(), &mut system_entropy());
        if let Some(signer) = signer {
            return Entry::sign(header, body, &self.network, signer).unwrap();
        }
        header.body_hash = *blake3::hash(&body).as_bytes();
        header.body_len = body.len() as u32;
        Entry::from_disk(&header.encode(), body).unwrap()
    }

    /// Puts entries into the folder of a site, which believes what is on its own disk.
    pub fn plant(&self, site: &Site, entries: &[Entry]) {
        let directory = Directory::new(self.network, FacilitySecret::generate(&mut system_entropy()));
        assert_eq!(store(site).append(entries, &directory).unwrap().stored, entries.len() as u64);
    }
}
