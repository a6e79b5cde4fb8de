//! The network's policy: how many copies make a record safe. Set by the authority, the same at every site that has heard
//! of it, whatever the order in which statements came.

use crate::control::{Authority, from_cbor, to_cbor};
use crate::ids::NetworkId;
use crate::sign::{Purpose, Signer, Verifier};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

/// Most copies a policy may ask for: beyond any network's number of sites, and small enough to print in a row.
pub const COPIES_MAX: u32 = 99;

/// When a record is safe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How many *other* facilities must have confirmed it, from 1 to [`COPIES_MAX`].
    pub copies: u32,
    /// True if at least one of them must be a haven.
    pub outside: bool,
}

impl Policy {
    /// What holds until the authority says otherwise: two other sites, one of them outside the siege. Hospitals of one
    /// town fall together; one further copy is lost with the road that leads to it.
    pub const DEFAULT: Policy = Policy { copies: 2, outside: true };

    /// True if so many other facilities, so many havens among them, are enough.
    pub fn is_safe(&self, copies: u32, outside: u32) -> bool {
        copies >= self.copies.max(1) && (outside > 0 || !self.outside)
    }

    fn is_sound(&self) -> bool {
        (1..=COPIES_MAX).contains(&self.copies)
    }
}

/// A policy as the authority states it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PolicyStatement {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The highest counts.
    #[n(1)]
    pub version: u64,
    /// How many other facilities must hold a record.
    #[n(2)]
    pub copies: u32,
    /// True if one of them must be a haven.
    #[n(3)]
    pub outside: bool,
}

/// A policy with the authority's signatures over its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedPolicy {
    /// CBOR of a [`PolicyStatement`], exactly as signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    statement: Vec<u8>,
    /// Index of the authority key, and its signature.
    #[n(1)]
    signatures: Vec<(u32, ByteArray<64>)>,
}

/// A policy that counts, with its place among others: of several the greatest holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ranked {
    rank: (u64, [u8; 32]),
    /// What it says.
    pub policy: Policy,
}

impl Ranked {
    /// The number of the statement.
    pub fn version(&self) -> u64 {
        self.rank.0
    }

    /// True if this one holds where the other is known too. Two statements of one version are told apart by their hash,
    /// so that every site takes the same.
    pub fn outranks(&self, other: &Ranked) -> bool {
        self.rank > other.rank
    }
}

impl SignedPolicy {
    /// Signs with the authority keys at hand: index in [`Authority::keys`] and its signer.
    pub fn sign(statement: &PolicyStatement, signers: &[(u32, &dyn Signer)]) -> Self {
        let statement = to_cbor(statement);
        let signatures = signers
            .iter()
            .map(|(index, signer)| (*index, ByteArray::from(signer.sign(Purpose::Policy, &statement))))
            .collect();
        SignedPolicy { statement, signatures }
    }

    /// The policy, if enough distinct keys of the authority signed it for this network and it can be kept.
    pub fn verify(&self, authority: &Authority, verifier: &dyn Verifier) -> Option<Ranked> {
        if !authority.has_signed(Purpose::Policy, &self.statement, &self.signatures, verifier) {
            return None;
        }
        let said: PolicyStatement = from_cbor(&self.statement).ok()?;
        let policy = Policy { copies: said.copies, outside: said.outside };
        let hash = *blake3::hash(&self.statement).as_bytes();
        (said.network == authority.network() && policy.is_sound())
            .then_some(Ranked { rank: (said.version, hash), policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Enrolment, FacilitySecret, SignedEnrolment, SiteKind};
    use crate::sign::Ed25519Verifier;
    use crate::testing::{entropy, signer};

    fn authority() -> Authority {
        Authority {
            keys: vec![signer(1).device(), signer(2).device(), signer(3).device()],
            threshold: 2,
            salt: ByteArray::from([0; 16]),
        }
    }

    fn said(version: u64, copies: u32, outside: bool) -> PolicyStatement {
        PolicyStatement { network: authority().network(), version, copies, outside }
    }

    fn signed(statement: &PolicyStatement, by: &[(u32, u8)]) -> SignedPolicy {
        let keys: Vec<_> = by.iter().map(|(index, seed)| (*index, signer(*seed))).collect();
        let signers: Vec<_> = keys.iter().map(|(index, key)| (*index, key as &dyn Signer)).collect();
        SignedPolicy::sign(statement, &signers)
    }

    fn verify(statement: &PolicyStatement, by: &[(u32, u8)]) -> Option<Policy> {
        signed(statement, by).verify(&authority(), &Ed25519Verifier).map(|ranked| ranked.policy)
    }

    #[test]
    fn a_policy_needs_enough_distinct_signatures_of_the_authority() {
        let three = said(1, 3, false);
        assert_eq!(verify(&three, &[(0, 1), (2, 3)]), Some(Policy { copies: 3, outside: false }));
        assert_eq!(verify(&three, &[(0, 1)]), None);
        assert_eq!(verify(&three, &[(0, 1), (0, 1)]), None, "one key twice is one signature");
        assert_eq!(verify(&three, &[(0, 1), (1, 7)]), None, "a stranger's signature counts for nothing");
        let elsewhere = PolicyStatement { network: NetworkId([1; 32]), ..three };
        assert_eq!(verify(&elsewhere, &[(0, 1), (1, 2)]), None);
        for copies in [0, COPIES_MAX + 1] {
            assert_eq!(verify(&said(1, copies, true), &[(0, 1), (1, 2)]), None, "{copies} copies");
        }
    }

    #[test]
    fn a_signature_of_an_enrolment_is_worth_nothing_for_a_policy() {
        let statement = said(9, 1, false);
        let bytes = to_cbor(&statement);
        let signatures: Vec<_> = [(0, 1), (1, 2)]
            .map(|(index, seed)| (index, ByteArray::from(signer(seed).sign(Purpose::Authority, &bytes))))
            .into();
        assert_eq!(SignedPolicy { statement: bytes, signatures }.verify(&authority(), &Ed25519Verifier), None);
        let facility = FacilitySecret::generate(&mut entropy(6)).facility("Olive", SiteKind::Haven);
        let enrolment = Enrolment { network: authority().network(), facility, device: signer(9).device() };
        let enrolled = SignedEnrolment::sign(&enrolment, &[(0, &signer(1)), (1, &signer(2))]);
        let taken: SignedPolicy = from_cbor(&to_cbor(&enrolled)).unwrap();
        assert_eq!(taken.verify(&authority(), &Ed25519Verifier), None);
    }

    #[test]
    fn of_several_policies_the_highest_version_holds_and_ties_have_one_winner() {
        let both = [(0, 1), (1, 2)];
        let ranked = |statement| signed(&statement, &both).verify(&authority(), &Ed25519Verifier).unwrap();
        let (one, two, also_two) = (ranked(said(1, 5, true)), ranked(said(2, 2, true)), ranked(said(2, 3, true)));
        assert!(two.outranks(&one) && also_two.outranks(&one) && !one.outranks(&two));
        assert!(two.outranks(&also_two) != also_two.outranks(&two), "exactly one of a tie");
        assert!(!two.outranks(&two));
    }

    #[test]
    fn safe_means_enough_copies_and_one_outside() {
        let default = Policy::DEFAULT;
        let table = [(0, 0, false), (1, 1, false), (2, 0, false), (2, 1, true), (3, 3, true), (9, 0, false)];
        for (copies, outside, safe) in table {
            assert_eq!(default.is_safe(copies, outside), safe, "{copies} copies, {outside} outside");
        }
        let anywhere = Policy { copies: 1, outside: false };
        assert!(anywhere.is_safe(1, 0) && !anywhere.is_safe(0, 0));
    }
}
