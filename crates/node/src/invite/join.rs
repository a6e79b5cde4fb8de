//! The exchange that spends an invite: one request, one answer, within TLS 1.3, at `/join`.
//!
//! The newcomer proves the secret without sending it, and shows that it holds the keys it brings; all of it is bound to the
//! exporter of this one connection, so that what is seen once is worth nothing elsewhere. The inviting site proves itself by
//! the certificate that the invite pins. Taking a secret once only, and slowing down those who guess, is the caller's.

use super::{Invite, InviteSecret};
use crate::carrier::{DialError, Dialer};
use crate::tls::Exporter;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sanad_log::control::{Authority, Enrolment, Facility, KEM_PUBLIC_LEN, SignedEnrolment, SiteKind, is_call_sign};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_log::ids::DeviceId;
use sanad_log::sign::{Purpose, Signer, Verifier};

/// Version of the exchange.
pub const JOIN_VERSION: u8 = 1;

/// What a newcomer sends.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct JoinRequest {
    /// [`JOIN_VERSION`].
    #[n(0)]
    version: u8,
    /// BLAKE3 of the transcript, keyed with the secret.
    #[n(1)]
    proof: ByteArray<32>,
    /// The facility that wants to belong.
    #[n(2)]
    facility: Facility,
    /// Its device.
    #[n(3)]
    device: DeviceId,
    /// The facility's key over the transcript: it is held here.
    #[n(4)]
    facility_signature: ByteArray<64>,
    /// The device's key over the transcript, likewise.
    #[n(5)]
    device_signature: ByteArray<64>,
}

/// What the inviting site answers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum JoinAnswer {
    /// The newcomer belongs.
    #[n(0)]
    Welcome(#[n(0)] Box<Welcome>),
    /// It does not.
    #[n(1)]
    Refused(#[n(0)] JoinRefusal),
}

/// What a newcomer needs to begin: the first session with the inviting site brings the rest.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Welcome {
    /// Who may enrol. Its hash is the network's id.
    #[n(0)]
    pub authority: Authority,
    /// The newcomer's enrolment, signed by the authority.
    #[n(1)]
    pub enrolment: SignedEnrolment,
    /// The inviting site's device, which the first session expects.
    #[n(2)]
    pub inviter: DeviceId,
    /// The inviting site's call sign, to be shown until its own enrolment has been read.
    #[n(3)]
    pub call_sign: String,
}

/// Why a newcomer is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRefusal {
    /// No open invite has this secret: it was used, it was withdrawn, or it is a guess. They are not told apart.
    #[error("this invite is not open: it has been used, or withdrawn")]
    #[n(0)]
    Secret,
    /// The request is malformed, or its signatures do not hold.
    #[error("the request does not hold: its keys were not proved")]
    #[n(1)]
    Unsound,
    /// The invite is for another kind of site.
    #[error("this invite is for another kind of site")]
    #[n(2)]
    Kind,
    /// Another site has this call sign.
    #[error("this call sign is taken")]
    #[n(3)]
    CallSign,
    /// Too many wrong secrets lately.
    #[error("too many wrong invites lately; try again in {wait_s} seconds")]
    #[n(4)]
    Later {
        /// Seconds to wait.
        #[n(0)]
        wait_s: u32,
    },
    /// The inviting site cannot enrol now, for instance because its disk is full.
    #[error("the inviting site cannot enrol anybody now")]
    #[n(5)]
    Unable,
}

/// Why joining failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The inviting site could not be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The inviting site said no.
    #[error(transparent)]
    Refused(#[from] JoinRefusal),
    /// The answer is not one, or does not hold: another network, another facility, not signed by the authority.
    #[error("the answer of the inviting site does not hold")]
    Answer,
}

/// A network joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// The newcomer's enrolment, checked.
    pub enrolment: Enrolment,
    /// What was answered.
    pub welcome: Welcome,
    /// The whole hash of the inviting site's certificate, to pin from now on.
    pub certificate: [u8; 32],
}

/// What proof and signatures are about: this connection, this facility, this device. The exporter and the device have fixed
/// lengths, so no two different requests have the same transcript.
fn transcript(exporter: &Exporter, facility: &Facility, device: &DeviceId) -> [u8; 32] {
    let mut hash = blake3::Hasher::new_derive_key("sanad 2026 join transcript v1");
    hash.update(exporter).update(device.as_bytes()).update(&to_cbor(facility));
    *hash.finalize().as_bytes()
}

/// What is signed: longer by a word than anything else that is signed for [`Purpose::Channel`].
fn signed(transcript: &[u8; 32], role: &[u8; 8]) -> Vec<u8> {
    [b"join ".as_slice(), role, transcript].concat()
}

const AS_FACILITY: &[u8; 8] = b"facility";
const AS_DEVICE: &[u8; 8] = b"device  ";

fn prove(secret: &InviteSecret, transcript: &[u8; 32]) -> blake3::Hash {
    let key = zeroize::Zeroizing::new(blake3::derive_key("sanad 2026 invite proof v1", secret.expose()));
    blake3::keyed_hash(&key, transcript)
}

impl JoinRequest {
    /// Makes a request for one connection. The signers are those of the facility and of its device.
    pub fn new(
        secret: &InviteSecret,
        exporter: &Exporter,
        facility: &Facility,
        facility_signer: &dyn Signer,
        device_signer: &dyn Signer,
    ) -> JoinRequest {
        let device = device_signer.device();
        let transcript = transcript(exporter, facility, &device);
        let sign = |signer: &dyn Signer, role| signer.sign(Purpose::Channel, &signed(&transcript, role)).into();
        JoinRequest {
            version: JOIN_VERSION,
            proof: (*prove(secret, &transcript).as_bytes()).into(),
            facility: facility.clone(),
            device,
            facility_signature: sign(facility_signer, AS_FACILITY),
            device_signature: sign(device_signer, AS_DEVICE),
        }
    }

    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_cbor(self)
    }

    /// Reads what was sent. Nothing of it is to be believed before [`JoinRequest::verify`].
    ///
    /// # Errors
    /// It is not a request of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<JoinRequest, JoinRefusal> {
        let request: JoinRequest = from_cbor(bytes).map_err(|_| JoinRefusal::Unsound)?;
        if request.version == JOIN_VERSION { Ok(request) } else { Err(JoinRefusal::Unsound) }
    }

    /// True if the sender knows this secret and is at the other end of this connection. In constant time. With several open
    /// invites, this finds the one that is meant.
    pub fn proves(&self, secret: &InviteSecret, exporter: &Exporter) -> bool {
        let transcript = transcript(exporter, &self.facility, &self.device);
        // Equality of BLAKE3 hashes is constant-time by its contract.
        prove(secret, &transcript) == blake3::Hash::from_bytes(*self.proof)
    }

    /// Checks everything and gives the facility and the device that may be enrolled.
    ///
    /// # Errors
    /// The secret is another, the invite was for another kind of site, or the keys are not held by the sender.
    pub fn verify(
        &self,
        secret: &InviteSecret,
        kind: SiteKind,
        exporter: &Exporter,
        verifier: &dyn Verifier,
    ) -> Result<(&Facility, DeviceId), JoinRefusal> {
        if !self.proves(secret, exporter) {
            return Err(JoinRefusal::Secret);
        }
        let sound = self.facility.kem_public.len() == KEM_PUBLIC_LEN && is_call_sign(&self.facility.call_sign);
        let transcript = transcript(exporter, &self.facility, &self.device);
        let holds = |key: &DeviceId, role, signature: &ByteArray<64>| {
            verifier.verify(key, Purpose::Channel, &signed(&transcript, role), signature)
        };
        if !sound
            || self.facility.sign_public == self.device
            || !holds(&self.facility.sign_public, AS_FACILITY, &self.facility_signature)
            || !holds(&self.device, AS_DEVICE, &self.device_signature)
        {
            return Err(JoinRefusal::Unsound);
        }
        if self.facility.kind != kind {
            return Err(JoinRefusal::Kind);
        }
        Ok((&self.facility, self.device))
    }
}

impl JoinAnswer {
    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_cbor(self)
    }
}

impl Welcome {
    /// Checks that the answer is for this invite, this facility and this device, and gives the enrolment.
    ///
    /// # Errors
    /// Any of it is another, or the authority did not sign it.
    pub fn verify(
        &self,
        invite: &Invite,
        facility: &Facility,
        device: &DeviceId,
        verifier: &dyn Verifier,
    ) -> Result<Enrolment, JoinError> {
        let enrolment = self.enrolment.verify(&self.authority, verifier).ok_or(JoinError::Answer)?;
        let ours = enrolment.facility == *facility && enrolment.device == *device;
        if ours && invite.is_for(&enrolment.network) && is_call_sign(&self.call_sign) {
            Ok(enrolment)
        } else {
            Err(JoinError::Answer)
        }
    }
}

/// Joins: reaches the inviting site, proves the secret, checks the answer. Once this has returned, the invite is spent; the
/// caller stores what it got before anything else.
///
/// # Errors
/// The site cannot be reached, refuses, or answers something that does not hold.
pub async fn join(
    dialer: &Dialer,
    invite: &Invite,
    facility: &Facility,
    facility_signer: &(dyn Signer + Sync),
    device_signer: &(dyn Signer + Sync),
    verifier: &dyn Verifier,
) -> Result<Joined, JoinError> {
    let request = |exporter: &Exporter| {
        JoinRequest::new(&invite.secret, exporter, facility, facility_signer, device_signer).to_bytes()
    };
    let reply = dialer.join(&invite.target(), request).await?;
    match from_cbor(&reply.answer).map_err(|_| JoinError::Answer)? {
        JoinAnswer::Refused(refusal) => Err(refusal.into()),
        JoinAnswer::Welcome(welcome) => {
            let enrolment = welcome.verify(invite, facility, &device_signer.device(), verifier)?;
            Ok(Joined { enrolment, welcome: *welcome, certificate: reply.certificate })
        }
    }
}
