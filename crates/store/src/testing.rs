//! A small network for tests and measurements: devices, charts, entries made by hand.

use minicbor::bytes::ByteArray;
use sanad_log::clock::Clock;
use sanad_log::control::{
    Authority, Control, Enrolment, FacilitySecret, Handover, SignedEnrolment, SiteKind, seal_handover, to_cbor,
};
use sanad_log::directory::Directory;
use sanad_log::entropy::Entropy;
use sanad_log::entry::{BodyKind, Entry, Header};
use sanad_log::ids::{EntryId, FacilityId, Lane, LogId, NetworkId, ScopeTag};
use sanad_log::seal::SealKey;
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Signer as _};
use sanad_record::key::ResourceKey;
use sanad_record::op::{Action, Op, Save};
use sanad_record::version::VersionId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A seeded source of bytes.
pub fn entropy(seed: u64) -> Entropy {
    let mut stream = blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof();
    Entropy::new(move |out| stream.fill(out))
}

/// A directory of its own, gone when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> TempDir {
        #[allow(clippy::disallowed_methods, reason = "a test's folder holds made-up data")]
        TempDir::in_dir(&std::env::temp_dir())
    }

    pub fn in_dir(dir: &Path) -> TempDir {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("sanad-store-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One facility with one device, writing entries by hand.
pub struct Site {
    pub signer: Ed25519Signer,
    pub secret: FacilitySecret,
    pub network: NetworkId,
    pub directory: Directory,
    pub entropy: Entropy,
    /// Control entries written so far.
    pub control: Vec<Entry>,
    heads: BTreeMap<Lane, (u64, EntryId)>,
    clock: Clock,
    now_ms: u64,
}

impl Site {
    /// A network of one facility.
    pub fn found(seed: u8) -> Site {
        let signer = Ed25519Signer::from_seed(&[seed; 32]);
        let authority = Authority { keys: vec![signer.device()], threshold: 1, salt: ByteArray::from([0; 16]) };
        let mut site = Site::new(seed, authority.network());
        let epoch = SealKey::generate(&mut site.entropy);
        let own = site.secret.facility("Cedar", SiteKind::Enclave);
        let handover = Handover {
            pair: (*site.secret.pair_with(&own.id()).expose()).into(),
            epochs: vec![(*epoch.expose()).into()],
        };
        site.hand_over(&handover, &own);
        site.say(&Control::Genesis(authority.clone()));
        site.enrol(&site.enrolment(seed));
        site
    }

    /// A facility that is not in the network yet.
    pub fn new(seed: u8, network: NetworkId) -> Site {
        let mut entropy = entropy(u64::from(seed));
        let secret = FacilitySecret::generate(&mut entropy);
        Site {
            signer: Ed25519Signer::from_seed(&[seed; 32]),
            directory: Directory::new(network, secret.clone()),
            secret,
            network,
            entropy,
            control: Vec::new(),
            heads: BTreeMap::new(),
            clock: Clock::default(),
            now_ms: 1_519_000_000_000,
        }
    }

    /// What the authority has to sign for a site.
    pub fn enrolment(&self, seed: u8) -> Enrolment {
        Enrolment {
            network: self.network,
            facility: self.secret.facility(&format!("Site {seed}"), SiteKind::Enclave),
            device: self.signer.device(),
        }
    }

    /// Writes an enrolment, signed by this site as the authority.
    pub fn enrol(&mut self, enrolment: &Enrolment) {
        let signed = SignedEnrolment::sign(enrolment, &[(0, &Ed25519Signer::from_seed(&[1; 32]))]);
        self.say(&Control::Enrol(signed));
    }

    /// Lets another site in: enrols it and hands it the network's keys. The other absorbs everything said so far.
    pub fn admit(&mut self, other: &mut Site, seed: u8) {
        let enrolment = other.enrolment(seed);
        self.enrol(&enrolment);
        let handover = self.directory.handover_for(&enrolment.facility.id(), true);
        self.hand_over(&handover, &enrolment.facility);
        other.hear(&self.control);
    }

    /// What this site knows from what it has said so far, and will not hear more.
    pub fn as_of_now(&self) -> Directory {
        let mut directory = Directory::new(self.network, self.secret.clone());
        for entry in &self.control {
            directory.absorb(entry, &Ed25519Verifier);
        }
        directory
    }

    /// Reads control entries of others.
    pub fn hear(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.directory.absorb(entry, &Ed25519Verifier);
        }
    }

    fn hand_over(&mut self, handover: &Handover, to: &sanad_log::control::Facility) {
        let header = self.header(Lane::Control, ScopeTag(to.id().0), BodyKind::Addressed);
        let body = seal_handover(handover, to, &header.sealed_part(), &mut self.entropy).expect("a sound facility");
        let entry = self.sign(header, body);
        self.directory.absorb(&entry, &Ed25519Verifier);
        self.control.push(entry);
    }

    /// Writes a control entry.
    pub fn say(&mut self, control: &Control) {
        let entry = self.write(Lane::Control, ScopeTag::NETWORK, &to_cbor(control));
        self.directory.absorb(&entry, &Ed25519Verifier);
        self.control.push(entry);
    }

    /// Makes a chart and grants it to this site and others.
    pub fn chart(&mut self, number: u8, to: &[FacilityId]) -> ScopeTag {
        let scope = ScopeTag([number; 16]);
        let to: BTreeSet<_> = to.iter().copied().collect();
        let grant = self.directory.new_chart(&scope, &to, &mut self.entropy);
        self.say(&Control::Grants(vec![grant]));
        scope
    }

    /// Writes a save.
    pub fn save(&mut self, scope: ScopeTag, save: &Save) -> Entry {
        self.write(Lane::Clinical, scope, &save.encode())
    }

    /// Writes any text as an entry of a scope whose key is here.
    pub fn write(&mut self, lane: Lane, scope: ScopeTag, text: &[u8]) -> Entry {
        let header = self.header(lane, scope, BodyKind::Sealed);
        let key = self.directory.seal_key(&scope).expect("a readable scope").clone();
        let body = key.seal(text, &header.sealed_part(), &mut self.entropy);
        self.sign(header, body)
    }

    /// Writes an entry with this very body.
    pub fn write_body(&mut self, lane: Lane, scope: ScopeTag, body: Vec<u8>) -> Entry {
        let header = self.header(lane, scope, BodyKind::Sealed);
        self.sign(header, body)
    }

    fn header(&mut self, lane: Lane, scope: ScopeTag, kind: BodyKind) -> Header {
        let (seq, prev) = self.heads.get(&lane).map_or((1, EntryId([0; 32])), |(seq, id)| (seq + 1, *id));
        self.now_ms += 1_000;
        Header {
            log: LogId { lane, author: self.signer.device() },
            seq,
            prev,
            scope,
            hlc: self.clock.tick(self.now_ms),
            kind,
            body_hash: [0; 32],
            body_len: 0,
            signature: [0; 64],
        }
    }

    fn sign(&mut self, header: Header, body: Vec<u8>) -> Entry {
        let lane = header.log.lane;
        let entry = Entry::sign(header, body, &self.network, &self.signer).expect("a short body");
        self.heads.insert(lane, (entry.header().seq, entry.id()));
        entry
    }
}

/// A put of one resource.
pub fn put(key: &str, raw: &str, parents: &[VersionId]) -> Op {
    Op { action: Action::Put, key: key_of(key), parents: parents.to_vec(), raw: raw.as_bytes().to_vec() }
}

/// A delete of one resource.
pub fn delete(key: &str, parents: &[VersionId]) -> Op {
    Op { action: Action::Delete, key: key_of(key), parents: parents.to_vec(), raw: Vec::new() }
}

/// A save of these operations.
pub fn save(ops: Vec<Op>) -> Save {
    Save { idempotency: None, by: Some("Falcon".to_owned()), ops }
}

pub fn key_of(key: &str) -> ResourceKey {
    key.parse().expect("a key")
}

/// The version that an operation of an entry makes.
pub fn version(entry: &Entry, op: u32) -> VersionId {
    VersionId::derive(&entry.id().0, op)
}
