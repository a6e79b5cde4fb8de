//! Entries that nobody here can open: what a site carries for others.

use anyhow::{Context as _, Result};
use sanad_log::clock::Hlc;
use sanad_log::control::{Enrolment, FacilitySecret, SiteKind};
use sanad_log::entry::{BodyKind, Entry, Header};
use sanad_log::ids::{EntryId, Lane, LogId, NetworkId, ScopeTag, Seq};
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_node::site::{Site, system_entropy};

/// A device that is enrolled and writes one clinical log. Its bodies are sealed under a key that nobody has.
pub struct Author {
    signer: Ed25519Signer,
    network: NetworkId,
    last: (Seq, EntryId),
}

impl Author {
    /// Lets one in at a site that holds the authority.
    pub async fn enrolled(site: &Site, number: u64) -> Result<Author> {
        let mut entropy = system_entropy();
        let signer = Ed25519Signer::from_seed(&entropy.array());
        let network = site.network();
        let facility = FacilitySecret::generate(&mut entropy).facility(&format!("Far {number}"), SiteKind::Enclave);
        site.enrol(Enrolment { network, facility, device: signer.device() }).await?;
        Ok(Author { signer, network, last: (0, EntryId([0; 32])) })
    }

    pub fn signer(&self) -> &Ed25519Signer {
        &self.signer
    }

    pub fn network(&self) -> &NetworkId {
        &self.network
    }

    pub fn log(&self) -> LogId {
        LogId { lane: Lane::Clinical, author: self.signer.device() }
    }

    /// The next entry of the log, of one of many charts.
    pub fn write(&mut self, chart: u64, body: Vec<u8>) -> Result<Entry> {
        let (seq, prev) = (self.last.0 + 1, self.last.1);
        let mut scope = [0x5c; 16];
        scope[..8].copy_from_slice(&chart.to_be_bytes());
        let header = Header {
            log: self.log(),
            seq,
            prev,
            scope: ScopeTag(scope),
            hlc: Hlc::from_ms(1_519_000_000_000 + seq),
            kind: BodyKind::Sealed,
            body_hash: [0; 32],
            body_len: 0,
            signature: [0; 64],
        };
        let entry = Entry::sign(header, body, &self.network, &self.signer).context("signing an entry")?;
        self.last = (seq, entry.id());
        Ok(entry)
    }
}
