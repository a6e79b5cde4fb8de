//! What control entries (lane 0) say: who belongs to the network, where sites are reached, and who may open what.
//!
//! A control body is CBOR of one [`Control`], sealed under the network epoch key, except a [`Handover`], which is
//! addressed to one facility by HPKE and so is what a newcomer can read first.

use crate::entropy::Entropy;
use crate::ids::{DeviceId, FacilityId, KeyId, NetworkId, ScopeTag};
use crate::policy::SignedPolicy;
use crate::reach::SignedReach;
use crate::seal::{Clear, SealKey};
use crate::sign::{Purpose, Signature, Signer, Verifier};
use crate::wire::FormatError;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::KdfTurboShake128;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

/// Bytes of an X-Wing public key.
pub const KEM_PUBLIC_LEN: usize = 1216;
const KEM_CIPHERTEXT_LEN: usize = 1120;
/// Longest call sign, in bytes.
pub const CALL_SIGN_BYTES_MAX: usize = 64;
/// Most addresses a site may give, and their length in bytes.
pub const ADDRESSES_MAX: usize = 8;
/// Longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 256;

/// What kind of site a facility is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum SiteKind {
    /// In the siege. Opens the charts it cares for.
    #[n(0)]
    Enclave,
    /// Outside. Every chart is granted to it, so that it outlives the enclave.
    #[n(1)]
    Haven,
    /// Stores and forwards what is sealed, and is never handed a key: it can read nothing.
    #[n(2)]
    Keeper,
}

/// A facility as the network knows it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Facility {
    /// Call sign; never a place, never a person.
    #[n(0)]
    pub call_sign: String,
    /// Enclave, haven or keeper.
    #[n(1)]
    pub kind: SiteKind,
    /// X-Wing public key: what is sealed to the facility is sealed to this.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub kem_public: Vec<u8>,
    /// Ed25519 public key of the facility, which outlives its devices.
    #[n(3)]
    pub sign_public: DeviceId,
}

impl Facility {
    /// The facility's id: a hash of its two public keys.
    pub fn id(&self) -> FacilityId {
        let mut hash = blake3::Hasher::new_derive_key("sanad 2026 facility id v1");
        hash.update(&self.kem_public).update(self.sign_public.as_bytes());
        let mut id = [0u8; FacilityId::LEN];
        id.copy_from_slice(&hash.finalize().as_bytes()[..FacilityId::LEN]);
        FacilityId(id)
    }

    fn is_sound(&self) -> bool {
        self.kem_public.len() == KEM_PUBLIC_LEN && is_call_sign(&self.call_sign)
    }
}

/// True for a call sign that may be shown and stored: 1 to 64 bytes, no control characters, no surrounding space.
pub fn is_call_sign(text: &str) -> bool {
    (1..=CALL_SIGN_BYTES_MAX).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// Who may enrol: `threshold` of these keys. The network's id is the hash of this, so it cannot be changed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Authority {
    /// Ed25519 public keys.
    #[n(0)]
    pub keys: Vec<DeviceId>,
    /// How many of them must sign.
    #[n(1)]
    pub threshold: u32,
    /// Random, so that two networks of one authority differ.
    #[n(2)]
    pub salt: ByteArray<16>,
}

impl Authority {
    /// The id of the network that this authority governs.
    pub fn network(&self) -> NetworkId {
        NetworkId(blake3::derive_key("sanad 2026 network id v1", &to_cbor(self)))
    }

    /// True if at least the threshold of distinct keys signed a statement for this purpose.
    pub(crate) fn has_signed(
        &self,
        purpose: Purpose,
        statement: &[u8],
        signatures: &[(u32, ByteArray<64>)],
        verifier: &dyn Verifier,
    ) -> bool {
        let holds = |(index, signature): &(u32, ByteArray<64>)| {
            let signature: &Signature = signature;
            verifier.verify(self.keys.get(*index as usize)?, purpose, statement, signature).then_some(*index)
        };
        let mut signed: Vec<u32> = signatures.iter().filter_map(holds).collect();
        signed.sort_unstable();
        signed.dedup();
        self.threshold > 0 && signed.len() as u64 >= u64::from(self.threshold)
    }
}

/// A facility and a device of it, enrolled.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Enrolment {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The facility.
    #[n(1)]
    pub facility: Facility,
    /// Its device.
    #[n(2)]
    pub device: DeviceId,
}

/// A facility's word that a device speaks for it from now on, in place of the one that the authority enrolled: after the
/// older one was found to have gone back in time.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Successor {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The facility.
    #[n(1)]
    pub facility: FacilityId,
    /// The new device.
    #[n(2)]
    pub device: DeviceId,
    /// The devices before it, which write no more: what their receipts said may be lost.
    #[n(3)]
    pub replaces: Vec<DeviceId>,
}

/// A successor with the facility's signature over its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedSuccessor {
    /// CBOR of a [`Successor`], exactly as signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    statement: Vec<u8>,
    /// By the facility's key.
    #[n(1)]
    signature: ByteArray<64>,
}

/// Devices that one successor may replace: a site that goes back in time more often has other troubles.
pub const REPLACED_MAX: usize = 64;

/// An enrolment with the authority's signatures over its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedEnrolment {
    /// CBOR of an [`Enrolment`], exactly as signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    statement: Vec<u8>,
    /// Index of the authority key, and its signature.
    #[n(1)]
    signatures: Vec<(u32, ByteArray<64>)>,
    /// The device that has taken the place of the enrolled one.
    #[n(2)]
    successor: Option<SignedSuccessor>,
}

impl SignedEnrolment {
    /// Signs with the authority keys at hand: index in [`Authority::keys`] and its signer.
    pub fn sign(enrolment: &Enrolment, signers: &[(u32, &dyn Signer)]) -> Self {
        let statement = to_cbor(enrolment);
        let signatures = signers
            .iter()
            .map(|(index, signer)| (*index, ByteArray::from(signer.sign(Purpose::Authority, &statement))))
            .collect();
        SignedEnrolment { statement, signatures, successor: None }
    }

    /// The same facility with a new device, by the facility's own word.
    pub fn succeeded_by(&self, successor: &Successor, facility: &dyn Signer) -> Self {
        let statement = to_cbor(successor);
        let signature = ByteArray::from(facility.sign(Purpose::Device, &statement));
        SignedEnrolment { successor: Some(SignedSuccessor { statement, signature }), ..self.clone() }
    }

    /// The devices that this one has taken the place of. Meaningful only of what [`SignedEnrolment::verify`] took.
    pub fn replaced(&self) -> Vec<DeviceId> {
        let successor = self.successor.as_ref().and_then(|signed| from_cbor::<Successor>(&signed.statement).ok());
        successor.map(|successor| successor.replaces).unwrap_or_default()
    }

    /// The enrolment, if enough distinct keys of the authority signed it and its fields are sound. With a successor, its
    /// device is the new one, if the facility signed for it.
    pub fn verify(&self, authority: &Authority, verifier: &dyn Verifier) -> Option<Enrolment> {
        if !authority.has_signed(Purpose::Authority, &self.statement, &self.signatures, verifier) {
            return None;
        }
        let enrolment: Enrolment = from_cbor(&self.statement).ok()?;
        if enrolment.network != authority.network() || !enrolment.facility.is_sound() {
            return None;
        }
        let Some(signed) = &self.successor else { return Some(enrolment) };
        let by = &enrolment.facility.sign_public;
        if !verifier.verify(by, Purpose::Device, &signed.statement, &signed.signature) {
            return None;
        }
        let successor: Successor = from_cbor(&signed.statement).ok()?;
        let sound = (successor.network, successor.facility) == (enrolment.network, enrolment.facility.id())
            && successor.replaces.len() <= REPLACED_MAX
            && !successor.replaces.contains(&successor.device);
        sound.then_some(Enrolment { device: successor.device, ..enrolment })
    }
}

/// Where a site can be reached. Signed by its device as the author of the entry.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Contact {
    /// `https://host:port`, most useful first.
    #[n(0)]
    pub addresses: Vec<String>,
    /// BLAKE3 of the DER of the certificate that the site shows; peers pin it.
    #[n(1)]
    pub certificate: ByteArray<32>,
}

/// One chart key, wrapped for the facilities that may open the chart.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Grant {
    /// The chart.
    #[n(0)]
    pub scope: ScopeTag,
    /// The key that is granted.
    #[n(1)]
    pub key: KeyId,
    /// Facility, the pairwise key that wraps, and the wrapped key.
    #[n(2)]
    pub to: Vec<(FacilityId, KeyId, WrappedKey)>,
}

/// A 32-byte key sealed under a pairwise key: nonce, key, tag.
pub type WrappedKey = ByteArray<72>;

/// What lane 0 says.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Control {
    /// The network begins. Checked against the network's id.
    #[n(0)]
    Genesis(#[n(0)] Authority),
    /// A facility and its device belong.
    #[n(1)]
    Enrol(#[n(0)] SignedEnrolment),
    /// Where the author is reached.
    #[n(2)]
    Contact(#[n(0)] Contact),
    /// Who may open which charts.
    #[n(3)]
    Grants(#[n(0)] Vec<Grant>),
    /// How many copies make a record safe.
    #[n(4)]
    Policy(#[n(0)] SignedPolicy),
    /// Two headers that one device has signed for one place: proof of a fork.
    #[n(9)]
    Fork(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>, #[cbor(n(1), with = "minicbor::bytes")] Vec<u8>),
    /// Where a keeper is reached: its own words, written down by whoever met it.
    #[n(8)]
    Reach(#[n(0)] SignedReach),
}

/// What one facility hands to another, or to itself, by HPKE: a pairwise key for later grants, and epoch keys.
#[derive(Encode, Decode)]
pub struct Handover {
    /// A fresh key that these two facilities share from now on.
    #[n(0)]
    pub pair: ByteArray<32>,
    /// Network epoch keys, the one to seal with last.
    #[n(1)]
    pub epochs: Vec<ByteArray<32>>,
}

/// The secret side of a facility: the X-Wing decapsulation key (32-byte seed) and the Ed25519 seed.
#[derive(Clone)]
pub struct FacilitySecret {
    kem: Zeroizing<[u8; 32]>,
    sign: Zeroizing<[u8; 32]>,
}

impl FacilitySecret {
    /// Fresh random keys.
    pub fn generate(entropy: &mut Entropy) -> Self {
        FacilitySecret { kem: Zeroizing::new(entropy.array()), sign: Zeroizing::new(entropy.array()) }
    }

    /// The 64 bytes that the vault keeps.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut out = Zeroizing::new([0u8; 64]);
        out[..32].copy_from_slice(&*self.kem);
        out[32..].copy_from_slice(&*self.sign);
        out
    }

    /// Takes back what [`FacilitySecret::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut kem, mut sign) = ([0u8; 32], [0u8; 32]);
        kem.copy_from_slice(&bytes[..32]);
        sign.copy_from_slice(&bytes[32..]);
        FacilitySecret { kem: Zeroizing::new(kem), sign: Zeroizing::new(sign) }
    }

    /// The public side.
    pub fn facility(&self, call_sign: &str, kind: SiteKind) -> Facility {
        // A 32-byte seed is always a valid X-Wing key; an empty public key would be refused as unsound.
        let kem_public = <XWing as hpke::Kem>::PrivateKey::from_bytes(&*self.kem)
            .map(|secret| XWing::sk_to_pk(&secret).to_bytes().to_vec())
            .unwrap_or_default();
        let sign_public = self.signer().device();
        Facility { call_sign: call_sign.to_owned(), kind, kem_public, sign_public }
    }

    /// Signs as the facility.
    pub fn signer(&self) -> crate::sign::Ed25519Signer {
        crate::sign::Ed25519Signer::from_seed(&self.sign)
    }

    /// The pairwise key that this facility hands to another; with its own id, the one under which it wraps chart keys for
    /// itself. Derived, so that a facility finds all its keys again from its secret and the log alone.
    pub fn pair_with(&self, other: &FacilityId) -> SealKey {
        let secret = Zeroizing::new([self.kem.as_slice(), other.as_bytes()].concat());
        SealKey::from_bytes(blake3::derive_key("sanad 2026 pair key v1", &secret))
    }
}

/// Seals a handover to a facility: HPKE base mode (RFC 9180), X-Wing, TurboSHAKE128, ChaCha20-Poly1305. Authenticity
/// comes from the entry's signature. Returns `None` if the facility's public key is not valid.
pub fn seal_handover(handover: &Handover, to: &Facility, associated: &[u8], entropy: &mut Entropy) -> Option<Vec<u8>> {
    let public = <XWing as hpke::Kem>::PublicKey::from_bytes(&to.kem_public).ok()?;
    let text = Clear::new(to_cbor(handover));
    let (encapsulated, cipher) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, KdfTurboShake128, XWing>(
        &OpModeS::Base,
        &public,
        HANDOVER_INFO,
        text.expose(),
        associated,
        entropy,
    )
    .ok()?;
    Some([encapsulated.to_bytes().as_slice(), &cipher].concat())
}

const HANDOVER_INFO: &[u8] = b"sanad/1 handover";

/// Opens a handover that was addressed to this facility.
pub fn open_handover(body: &[u8], secret: &FacilitySecret, associated: &[u8]) -> Option<Handover> {
    let (encapsulated, cipher) = body.split_at_checked(KEM_CIPHERTEXT_LEN)?;
    let private = <XWing as hpke::Kem>::PrivateKey::from_bytes(&*secret.kem).ok()?;
    let encapsulated = <XWing as hpke::Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let text = hpke::single_shot_open::<ChaCha20Poly1305, KdfTurboShake128, XWing>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        HANDOVER_INFO,
        cipher,
        associated,
    )
    .ok()?;
    from_cbor(Clear::new(text).expose()).ok()
}

/// CBOR of a value. Writing to memory cannot fail.
pub fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    let written = minicbor::encode(value, &mut out);
    assert!(written.is_ok(), "writing CBOR to memory cannot fail");
    out
}

/// Reads a value from exactly these bytes.
///
/// # Errors
/// They are not CBOR of that type, or bytes follow it.
pub fn from_cbor<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, FormatError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| FormatError::Invalid("CBOR"))?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(FormatError::Invalid("bytes after CBOR")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{entropy, signer};

    #[test]
    fn a_handover_opens_only_at_the_facility_it_is_addressed_to() {
        let mut random = entropy(5);
        let (to, other) = (FacilitySecret::generate(&mut random), FacilitySecret::generate(&mut random));
        let handover = Handover { pair: ByteArray::from([3; 32]), epochs: vec![ByteArray::from([4; 32])] };
        let body = seal_handover(&handover, &to.facility("Cedar", SiteKind::Enclave), b"header", &mut random).unwrap();
        let opened = open_handover(&body, &to, b"header").unwrap();
        assert_eq!((opened.pair, opened.epochs), (handover.pair, handover.epochs));
        assert!(open_handover(&body, &other, b"header").is_none());
        assert!(open_handover(&body, &to, b"another").is_none());
        assert!(open_handover(&body[..300], &to, b"header").is_none());
    }

    #[test]
    fn an_enrolment_needs_enough_distinct_signatures_of_the_authority() {
        let mut random = entropy(6);
        let authority = Authority {
            keys: vec![signer(1).device(), signer(2).device(), signer(3).device()],
            threshold: 2,
            salt: ByteArray::from([0; 16]),
        };
        let facility = FacilitySecret::generate(&mut random).facility("Olive", SiteKind::Haven);
        let enrolment = Enrolment { network: authority.network(), facility, device: signer(9).device() };
        let verify = |enrolment: &Enrolment, by: &[(u32, u8)]| {
            let keys: Vec<_> = by.iter().map(|(index, seed)| (*index, signer(*seed))).collect();
            let signers: Vec<_> = keys.iter().map(|(index, key)| (*index, key as &dyn Signer)).collect();
            SignedEnrolment::sign(enrolment, &signers).verify(&authority, &Ed25519Verifier)
        };
        assert_eq!(verify(&enrolment, &[(0, 1), (2, 3)]).as_ref(), Some(&enrolment));
        assert_eq!(verify(&enrolment, &[(0, 1)]), None);
        assert_eq!(verify(&enrolment, &[(0, 1), (0, 1)]), None, "one key twice is one signature");
        assert_eq!(verify(&enrolment, &[(0, 1), (1, 7)]), None, "a stranger's signature counts for nothing");
        let elsewhere = Enrolment { network: NetworkId([1; 32]), ..enrolment.clone() };
        assert_eq!(verify(&elsewhere, &[(0, 1), (1, 2)]), None);
    }
}
