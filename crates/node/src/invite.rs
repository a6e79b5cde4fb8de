//! Letting a site in: a code that a person reads out, types, pastes or photographs, and the exchange that spends it.
//!
//! Promises:
//! - a slip of the finger is found before anything is sent, and its place is told;
//! - whoever holds the code can reach one site and prove it once; nobody on the way learns the secret or can use the proof;
//! - the code names no site, no person and no place beyond the addresses it must give.

mod code;
mod join;

pub use code::CodeError;
pub use join::{JOIN_VERSION, JoinAnswer, JoinError, JoinRefusal, JoinRequest, Joined, Welcome, join};

use crate::carrier::{Address, Target};
use crate::tls::Pin;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};
use rustls::pki_types::{DnsName, ServerName};
use sanad_log::control::{ADDRESSES_MAX, SiteKind};
use sanad_log::ids::NetworkId;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Bytes of an invite's secret. It is only ever proved to the pinned site itself, which throttles and takes it once, so
/// nobody can try secrets at leisure: 80 bits are far more than that needs.
pub const SECRET_LEN: usize = 10;

/// Bytes of the network's id in an invite. The pinned certificate says who is trusted; this only tells an invite of one
/// network from an invite of another when the same site has been in both.
pub const NETWORK_HINT_LEN: usize = 4;

/// Bytes of the certificate's hash in an invite; see [`Pin::Short`].
pub const CERTIFICATE_HINT_LEN: usize = 16;

/// Version of the code, in the upper half of its first byte.
const VERSION: u8 = 1;

/// Bytes of all addresses in a code, so that it stays one that fits a QR code a cheap phone can read.
const ADDRESS_BYTES_MAX: usize = 240;

/// Longest host name in a code.
const NAME_BYTES_MAX: usize = 190;
const TAG_IPV4: u8 = 4;
const TAG_IPV6: u8 = 6;
/// Tags from here on are names; what is above is their length.
const TAG_NAME: u8 = 0x40;

/// The secret of one invite. Zeroised when dropped, never shown, compared in constant time.
#[derive(Clone)]
pub struct InviteSecret(Zeroizing<[u8; SECRET_LEN]>);

impl InviteSecret {
    /// From bytes that were drawn at random, or kept.
    pub fn from_bytes(bytes: [u8; SECRET_LEN]) -> InviteSecret {
        InviteSecret(Zeroizing::new(bytes))
    }

    /// The bytes, for the vault.
    pub fn expose(&self) -> &[u8; SECRET_LEN] {
        &self.0
    }
}

impl PartialEq for InviteSecret {
    /// In constant time: the time says nothing about how much of a guess was right.
    fn eq(&self, other: &Self) -> bool {
        // Equality of BLAKE3 hashes is constant-time by its contract.
        blake3::hash(&*self.0) == blake3::hash(&*other.0)
    }
}

impl Eq for InviteSecret {}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret")
    }
}

/// What a newcomer is told. Written with `Display`, read with `FromStr`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invite {
    /// The first bytes of the network's id.
    pub network: [u8; NETWORK_HINT_LEN],
    /// What the new site is to be.
    pub kind: SiteKind,
    /// Where the inviting site is reached.
    pub addresses: Vec<Address>,
    /// The first bytes of the hash of the certificate that it shows.
    pub certificate: [u8; CERTIFICATE_HINT_LEN],
    /// What the newcomer proves to know.
    pub secret: InviteSecret,
}

/// Why an invite cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// An invite without an address leads nowhere.
    #[error("an invite needs an address at which this site is reached")]
    NoAddress,
    /// More addresses, or longer ones, than a code should have.
    #[error("too many or too long addresses for an invite")]
    TooLong,
}

impl Invite {
    /// Puts an invite together.
    ///
    /// # Errors
    /// No address, or more than fit.
    pub fn new(
        network: &NetworkId,
        kind: SiteKind,
        addresses: Vec<Address>,
        certificate_hash: &[u8; 32],
        secret: InviteSecret,
    ) -> Result<Invite, InviteError> {
        if addresses.is_empty() {
            return Err(InviteError::NoAddress);
        }
        let mut invite = Invite { network: [0; 4], kind, addresses, certificate: [0; 16], secret };
        invite.network.copy_from_slice(&network.0[..NETWORK_HINT_LEN]);
        invite.certificate.copy_from_slice(&certificate_hash[..CERTIFICATE_HINT_LEN]);
        let mut written = Vec::new();
        let fits = invite.addresses.iter().all(|address| write_address(address, &mut written));
        if !fits || invite.addresses.len() > ADDRESSES_MAX || written.len() > ADDRESS_BYTES_MAX {
            return Err(InviteError::TooLong);
        }
        Ok(invite)
    }

    /// Whom to dial.
    pub fn target(&self) -> Target {
        Target { addresses: self.addresses.clone(), pin: Pin::Short(self.certificate) }
    }

    /// True if this network may be the one the invite is for. Who says so is what the certificate proves.
    pub fn is_for(&self, network: &NetworkId) -> bool {
        network.0.starts_with(&self.network)
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(2 * ADDRESS_BYTES_MAX));
        out.push(VERSION << 4 | kind_byte(self.kind));
        out.extend_from_slice(&self.network);
        out.extend_from_slice(&self.certificate);
        out.extend_from_slice(self.secret.expose());
        for address in &self.addresses {
            let fits = write_address(address, &mut out);
            assert!(fits, "an invite is made of addresses that fit");
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Invite, CodeError> {
        let (first, rest) = bytes.split_first().ok_or(CodeError::Damaged)?;
        if first >> 4 != VERSION {
            return Err(CodeError::Version);
        }
        let kind = kind_of_byte(first & 0x0f).ok_or(CodeError::Version)?;
        let (network, rest) = rest.split_first_chunk().ok_or(CodeError::Damaged)?;
        let (certificate, rest) = rest.split_first_chunk().ok_or(CodeError::Damaged)?;
        let (secret, mut rest) = rest.split_first_chunk().ok_or(CodeError::Damaged)?;
        let mut addresses = Vec::new();
        while !rest.is_empty() && addresses.len() < ADDRESSES_MAX {
            let (address, tail) = read_address(rest).ok_or(CodeError::Damaged)?;
            addresses.push(address);
            rest = tail;
        }
        if addresses.is_empty() || !rest.is_empty() {
            return Err(CodeError::Damaged);
        }
        let secret = InviteSecret::from_bytes(*secret);
        Ok(Invite { network: *network, kind, addresses, certificate: *certificate, secret })
    }
}

/// The number of a kind of site, in an invite and where invites are kept.
pub(crate) fn kind_byte(kind: SiteKind) -> u8 {
    match kind {
        SiteKind::Enclave => 0,
        SiteKind::Haven => 1,
        SiteKind::Keeper => 2,
    }
}

/// The kind of site with a number.
pub(crate) fn kind_of_byte(byte: u8) -> Option<SiteKind> {
    [SiteKind::Enclave, SiteKind::Haven, SiteKind::Keeper].into_iter().find(|kind| kind_byte(*kind) == byte)
}

/// Tag, host, port. False if the host is too long.
fn write_address(address: &Address, out: &mut Vec<u8>) -> bool {
    match &address.host {
        ServerName::IpAddress(ip) => match IpAddr::from(*ip) {
            IpAddr::V4(ip) => {
                out.push(TAG_IPV4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(TAG_IPV6);
                out.extend_from_slice(&ip.octets());
            }
        },
        name => {
            let name = name.to_str();
            let Some(len) = u8::try_from(name.len()).ok().filter(|len| usize::from(*len) <= NAME_BYTES_MAX) else {
                return false;
            };
            out.push(TAG_NAME + len);
            out.extend_from_slice(name.as_bytes());
        }
    }
    out.extend_from_slice(&address.port.to_be_bytes());
    true
}

fn read_address(bytes: &[u8]) -> Option<(Address, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (host, rest) = match *tag {
        TAG_IPV4 => {
            let (ip, rest) = rest.split_first_chunk::<4>()?;
            (ServerName::IpAddress(IpAddr::from(*ip).into()), rest)
        }
        TAG_IPV6 => {
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            (ServerName::IpAddress(IpAddr::from(*ip).into()), rest)
        }
        tag => {
            let len = usize::from(tag.checked_sub(TAG_NAME)?);
            let (name, rest) = rest.split_at_checked(len)?;
            let name = DnsName::try_from(std::str::from_utf8(name).ok()?).ok()?.to_owned();
            (ServerName::DnsName(name), rest)
        }
    };
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    (port != 0).then_some((Address { host, port }, rest))
}

impl fmt::Display for Invite {
    /// The code. Whoever sees it can join: it is to be shown to nobody else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&code::write(&self.to_bytes()))
    }
}

impl FromStr for Invite {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Invite, CodeError> {
        Invite::from_bytes(&code::read(text)?)
    }
}

/// Most characters that a QR code is made of here; a code of ours has at most about 600.
const QR_CHARS_MAX: usize = 1_000;

fn qr(text: &str) -> Option<QrCode> {
    if text.len() > QR_CHARS_MAX {
        return None;
    }
    QrCode::with_error_correction_level(text, EcLevel::M).ok()
}

/// A QR code in half-block characters, for a terminal with light text on a dark ground. A code is upper case and so takes
/// the dense alphanumeric form. `None` if the text is too long.
pub fn qr_for_terminal(text: &str) -> Option<String> {
    use unicode::Dense1x2::{Dark, Light};
    // On a dark ground it is the light modules that have to be drawn.
    Some(qr(text)?.render::<unicode::Dense1x2>().dark_color(Light).light_color(Dark).build())
}

/// A QR code as SVG, for a screen. `None` if the text is too long.
pub fn qr_for_page(text: &str) -> Option<String> {
    Some(qr(text)?.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[cfg(test)]
mod tests;
