//! Writing: own entries, new charts, enrolments and grants. Everything of one input goes to the disk together.

use super::{Appending, Effect, PlainBody, Replica, SaveError, Token};
use crate::control::{
    Authority, Contact, Control, Facility, Grant, Handover, SignedEnrolment, SiteKind, seal_handover, to_cbor,
};
use crate::directory::Learned;
use crate::entry::{BODY_BYTES_MAX, BodyKind, Entry, Header};
use crate::ids::{EntryId, FacilityId, Lane, LogId, ScopeTag};
use crate::policy::SignedPolicy;
use crate::seal::{Clear, SEAL_OVERHEAD, SealKey, padded_len};
use std::collections::BTreeSet;

/// Most grants in one control entry: about 60 kB, so that lane 0 stays in small pieces on a bad link.
const GRANTS_MAX: usize = 200;

/// One entry to save.
pub struct Part {
    /// Where it travels.
    pub lane: Lane,
    /// The chart, or [`ScopeTag::NETWORK`] for what all facilities may read. A tag that was never used before makes a new
    /// chart: its key is made here and granted to this facility and to the havens.
    pub scope: ScopeTag,
    /// The plain body.
    pub text: Clear,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({:?}, {:?})", self.lane, self.scope)
    }
}

type Written = Vec<Appending>;

impl Replica {
    pub(super) fn save(&mut self, now_ms: u64, token: Token, parts: Vec<Part>, out: &mut Vec<Effect>) {
        let result = self.check_parts(&parts).and_then(|new_charts| {
            let to = self.directory.havens();
            let mut written = Vec::new();
            if !new_charts.is_empty() {
                self.hand_over_to_all(now_ms, &to, &mut written);
                let grants: Vec<_> =
                    new_charts.iter().map(|scope| self.directory.new_chart(scope, &to, &mut self.entropy)).collect();
                // Writing a grant also reads it back: from here on the directory knows the new keys.
                self.write_grants(now_ms, grants, &mut written);
            }
            for part in parts {
                written.push(self.write_sealed(now_ms, part.lane, part.scope, part.text).ok_or(SaveError::Sealed)?);
            }
            Ok(written)
        });
        self.commit(token, result, out);
    }

    /// The scopes that are new, if all parts can be saved.
    fn check_parts(&self, parts: &[Part]) -> Result<BTreeSet<ScopeTag>, SaveError> {
        if !self.directory.is_readable(&ScopeTag::NETWORK) {
            return Err(SaveError::NotReady);
        }
        if parts.iter().any(|part| padded_len(part.text.expose().len()) + SEAL_OVERHEAD > BODY_BYTES_MAX) {
            return Err(SaveError::TooLarge);
        }
        let scopes = parts.iter().map(|part| part.scope);
        let unknown: BTreeSet<_> = scopes.filter(|scope| !self.directory.is_readable(scope)).collect();
        // A chart that others have and we cannot open must not be given a second key.
        if unknown.iter().any(|scope| self.directory.readers(scope).next().is_some()) {
            return Err(SaveError::Sealed);
        }
        Ok(unknown)
    }

    pub(super) fn found(
        &mut self,
        now_ms: u64,
        token: Token,
        authority: Authority,
        enrolment: SignedEnrolment,
        out: &mut Vec<Effect>,
    ) {
        let verified = enrolment.verify(&authority, &*self.verifier);
        let verified = verified.filter(|_| authority.network() == self.network).ok_or(SaveError::NotAuthorised);
        let result = verified.map(|own| {
            let mut handover = self.directory.handover_for(&own.facility.id(), false);
            handover.epochs.push((*SealKey::generate(&mut self.entropy).expose()).into());
            let mut written = Vec::new();
            // First the network's key, addressed to ourselves: everything after it is sealed under it.
            written.extend(self.write_handover(now_ms, &own.facility, &handover));
            written.extend(self.write_control(now_ms, &Control::Genesis(authority)));
            written.extend(self.write_control(now_ms, &Control::Enrol(enrolment)));
            written
        });
        self.commit(token, result, out);
    }

    pub(super) fn enrol(&mut self, now_ms: u64, token: Token, signed: SignedEnrolment, out: &mut Vec<Effect>) {
        let admitted = self.directory.admit(&signed, &*self.verifier, &mut Learned::default());
        let result = admitted.ok_or(SaveError::NotAuthorised).map(|enrolment| {
            let to = enrolment.facility.id();
            let mut written = Vec::new();
            written.extend(self.write_control(now_ms, &Control::Enrol(signed)));
            if enrolment.facility.kind != SiteKind::Keeper {
                let handover = self.directory.handover_for(&to, true);
                written.extend(self.write_handover(now_ms, &enrolment.facility, &handover));
            }
            if enrolment.facility.kind == SiteKind::Haven {
                let scopes: Vec<_> = self.directory.readable_charts().collect();
                self.write_missing_grants(now_ms, &scopes, &BTreeSet::from([to]), &mut written);
            }
            written
        });
        self.commit(token, result, out);
    }

    pub(super) fn announce(&mut self, now_ms: u64, token: Token, contact: Contact, out: &mut Vec<Effect>) {
        let known = self.directory.contact(&self.device()) == Some(&contact);
        let result = match self.directory.is_readable(&ScopeTag::NETWORK) {
            false => Err(SaveError::NotReady),
            true if known => Ok(vec![]),
            true => Ok(self.write_control(now_ms, &Control::Contact(contact)).into_iter().collect()),
        };
        self.commit(token, result, out);
    }

    pub(super) fn grant(
        &mut self,
        now_ms: u64,
        token: Token,
        scopes: BTreeSet<ScopeTag>,
        to: FacilityId,
        out: &mut Vec<Effect>,
    ) {
        let scopes: Vec<_> = scopes.into_iter().collect();
        let result = if !self.directory.facilities().contains_key(&to) {
            Err(SaveError::UnknownFacility)
        } else if self.directory.gets_no_keys(&to) {
            Err(SaveError::KeeperGetsNoKeys)
        } else if scopes.iter().any(|scope| !self.directory.is_readable(scope)) {
            Err(SaveError::Sealed)
        } else {
            let mut written = Vec::new();
            self.write_missing_grants(now_ms, &scopes, &BTreeSet::from([to]), &mut written);
            Ok(written)
        };
        self.commit(token, result, out);
    }

    pub(super) fn set_policy(&mut self, now_ms: u64, token: Token, signed: SignedPolicy, out: &mut Vec<Effect>) {
        let adopted = self.directory.adopt(&signed, &*self.verifier).ok_or(SaveError::NotAuthorised);
        let result = adopted.map(|()| self.write_control(now_ms, &Control::Policy(signed)).into_iter().collect());
        self.commit(token, result, out);
    }

    /// Grants the charts made here to havens that have joined since.
    pub(super) fn settle_with_havens(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if !self.directory.is_readable(&ScopeTag::NETWORK) || self.is_silent() {
            return;
        }
        self.owing = false;
        let owed = self.directory.owed_to_havens();
        let mut written = Vec::new();
        self.write_missing_grants(now_ms, &owed, &self.directory.havens(), &mut written);
        if !written.is_empty() {
            self.put(written, BTreeSet::new(), None, out);
        }
    }

    fn write_missing_grants(
        &mut self,
        now_ms: u64,
        scopes: &[ScopeTag],
        to: &BTreeSet<FacilityId>,
        written: &mut Written,
    ) {
        self.hand_over_to_all(now_ms, to, written);
        let grants: Vec<_> =
            scopes.iter().filter_map(|scope| self.directory.grant(scope, to, &mut self.entropy)).collect();
        self.write_grants(now_ms, grants, written);
    }

    fn hand_over_to_all(&mut self, now_ms: u64, to: &BTreeSet<FacilityId>, written: &mut Written) {
        for id in to {
            let facility = self.directory.facilities().get(id).cloned();
            if let (None, Some(facility), false) =
                (self.directory.pair_for(id), facility, self.directory.gets_no_keys(id))
            {
                let handover = self.directory.handover_for(id, false);
                written.extend(self.write_handover(now_ms, &facility, &handover));
            }
        }
    }

    fn write_grants(&mut self, now_ms: u64, grants: Vec<Grant>, written: &mut Written) {
        for grants in grants.chunks(GRANTS_MAX) {
            written.extend(self.write_control(now_ms, &Control::Grants(grants.to_vec())));
        }
    }

    pub(super) fn write_control(&mut self, now_ms: u64, statement: &Control) -> Option<Appending> {
        self.write_sealed(now_ms, Lane::Control, ScopeTag::NETWORK, Clear::new(to_cbor(statement)))
    }

    fn write_sealed(&mut self, now_ms: u64, lane: Lane, scope: ScopeTag, text: Clear) -> Option<Appending> {
        if self.device_due {
            return None;
        }
        let key = self.directory.seal_key(&scope)?.clone();
        let header = self.next_header(now_ms, lane, scope, BodyKind::Sealed);
        let body = key.seal(text.expose(), &header.sealed_part(), &mut self.entropy);
        self.written(header, body, Some(PlainBody(text)))
    }

    fn write_handover(&mut self, now_ms: u64, to: &Facility, handover: &Handover) -> Option<Appending> {
        assert!(to.kind != SiteKind::Keeper, "a keeper is handed no keys");
        let header = self.next_header(now_ms, Lane::Control, ScopeTag(to.id().0), BodyKind::Addressed);
        let body = seal_handover(handover, to, &header.sealed_part(), &mut self.entropy)?;
        self.written(header, body, None)
    }

    pub(super) fn next_header(&mut self, now_ms: u64, lane: Lane, scope: ScopeTag, kind: BodyKind) -> Header {
        let log = LogId { lane, author: self.device() };
        let (height, prev) = self.chains.head(&log);
        let hlc = self.clock.tick(now_ms);
        Header { log, seq: height + 1, prev, scope, hlc, kind, body_hash: [0; 32], body_len: 0, signature: [0; 64] }
    }

    /// Signs, and takes the entry into the chains and the directory at once, so that the next one stands on it.
    pub(super) fn written(&mut self, header: Header, body: Vec<u8>, text: Option<PlainBody>) -> Option<Appending> {
        let entry = Entry::sign(header, body, &self.network, &*self.signer).ok()?;
        self.take(&entry);
        Some(Appending { entry, text })
    }

    fn commit(&mut self, token: Token, result: Result<Written, SaveError>, out: &mut Vec<Effect>) {
        match result {
            Ok(written) if written.is_empty() => out.push(Effect::Saved(token, Vec::<EntryId>::new())),
            Ok(written) => self.put(written, BTreeSet::new(), Some(token), out),
            Err(error) => out.push(Effect::SaveFailed(token, error)),
        }
    }
}
