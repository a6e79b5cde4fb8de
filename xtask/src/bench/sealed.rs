//! Entries that nobody here can open: what a site carries for others.

use anyhow::{Context as _, Result};
use sanad_log::clock::Hlc;
use sanad_log::entry::{BodyKind, Entry, Header};
use sanad_log::ids::{EntryId, Lane, LogId, NetworkId, ScopeTag, Seq};
use sanad_log::sign::{Ed25519Signer, Signer as _};

/// A device made up here that writes one clinical log. Its bodies are sealed under a key that nobody has.
pub struct Stranger {
    signer: Ed25519Signer,
    network: NetworkId,
    last: (Seq, EntryId),
}

impl Stranger {
    pub fn new(seed: [u8; 32], network: NetworkId) -> Stranger {
        Stranger { signer: Ed25519Signer::from_seed(&seed), network, last: (0, EntryId([0; 32])) }
    }

    pub fn signer(&self) -> &Ed25519Signer {
        &self.signer
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
