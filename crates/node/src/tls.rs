//! TLS between sites and for the screens.
//!
//! Promise: a site speaks to exactly the certificate it was told to expect, whatever name or dates that certificate bears,
//! and to nobody else; nothing on the wire, and nothing in the certificate, names the product, a site or a person.

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, NamedGroup, ServerConfig, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of the exporter that ties signatures and proofs to one connection.
pub const EXPORTER_LEN: usize = 32;

/// A secret that only the two ends of one TLS connection know. What is signed over it is worth nothing anywhere else.
pub type Exporter = [u8; EXPORTER_LEN];

/// Never sent: it only enters the key schedule at both ends.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-sanad-sync-1";

/// The same name that millions of test servers bear.
const SUBJECT: &str = "localhost";

/// Ordinary protocols only, so that a connection looks like any browser's.
const ALPN: [&[u8]; 2] = [ALPN_HTTP2, b"http/1.1"];

/// The protocol in which sites talk to each other.
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// A site's certificate and its private key. The key is zeroised when dropped and never shown.
#[derive(Clone)]
pub struct Identity {
    /// The self-signed certificate, DER.
    pub certificate_der: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub key_der: Zeroizing<Vec<u8>>,
}

impl Identity {
    /// A fresh key and its self-signed certificate: ECDSA on P-256, since no browser accepts Ed25519 certificates. It is
    /// valid from 1975 to 4096, so that no clock, on either side, has to be right.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn generate() -> Result<Identity, TlsError> {
        let mut key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| TlsError::Generate)?;
        let mut params = CertificateParams::new(vec![SUBJECT.to_owned()]).map_err(|_| TlsError::Generate)?;
        params.distinguished_name.push(DnType::CommonName, SUBJECT);
        params.not_before = date_time_ymd(1975, 1, 1);
        params.not_after = date_time_ymd(4096, 1, 1);
        let certificate = params.self_signed(&key).map_err(|_| TlsError::Generate)?;
        let key_der = Zeroizing::new(key.serialize_der());
        key.zeroize();
        Ok(Identity { certificate_der: certificate.der().to_vec(), key_der })
    }

    /// What peers pin: BLAKE3 of the certificate's DER.
    pub fn certificate_hash(&self) -> [u8; 32] {
        *blake3::hash(&self.certificate_der).as_bytes()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:02x?}…)", &self.certificate_hash()[..4])
    }
}

/// Which certificate a peer must show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pin {
    /// The whole hash, as a site's contact says it.
    Full([u8; 32]),
    /// The first 16 bytes of the hash, as an invite says it: finding another certificate with the same 128 bits is as
    /// hard as breaking the key exchange, and the code that a person types is 26 letters shorter.
    Short([u8; 16]),
}

impl Pin {
    /// True if this is the certificate.
    pub fn matches(&self, certificate_hash: &[u8; 32]) -> bool {
        match self {
            Pin::Full(hash) => hash == certificate_hash,
            Pin::Short(head) => certificate_hash.starts_with(head),
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = match self {
            Pin::Full(hash) => &hash[..4],
            Pin::Short(head) => &head[..4],
        };
        write!(f, "Pin({head:02x?}…)")
    }
}

/// Why TLS could not be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// No key could be made.
    #[error("no key could be made: the system gave no randomness")]
    Generate,
    /// The stored identity is damaged.
    #[error("the stored certificate or its key is damaged")]
    Identity,
    /// The cryptographic library refused its own settings.
    #[error("the TLS library refused its settings")]
    Settings,
}

/// X25519 with ML-KEM-768 first: traffic recorded today stays closed to a later quantum computer. The others are for
/// browsers that lack it.
fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Settings of the listening side: TLS 1.3, and 1.2 for the browsers of old phones. No session tickets: no secret of a
/// past connection stays in memory, and sites keep their connections open instead.
///
/// # Errors
/// The identity is damaged.
pub fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key_der.as_slice()));
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| TlsError::Identity)?;
    let certified = CertifiedKey::new(vec![CertificateDer::from(identity.certificate_der.clone())], key);
    certified.keys_match().map_err(|_| TlsError::Identity)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|_| TlsError::Settings)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Settings of the calling side: TLS 1.3 only, one certificate accepted.
///
/// # Errors
/// The library refused the settings.
pub fn client_config(pin: Pin) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(PinnedVerifier { expected: Expected::Site(pin), provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| TlsError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Settings for calling an endpoint that is no site: one certificate accepted, by the SHA-256 of its DER, which is what other
/// programs show as its fingerprint.
///
/// # Errors
/// The library refused the settings.
pub(crate) fn endpoint_config(fingerprint: [u8; 32]) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(PinnedVerifier { expected: Expected::Endpoint(fingerprint), provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|_| TlsError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// SHA-256, from the library that TLS rests on.
pub(crate) fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    suite.common.hash_provider.hash(bytes).as_ref().try_into().ok()
}

/// The exporter of a finished handshake, if it is one that sites may use among themselves: TLS 1.3 with the post-quantum
/// exchange. Anything weaker has no exporter, so nothing can be proved over it.
pub(crate) fn site_exporter<Data>(connection: &rustls::ConnectionCommon<Data>) -> Option<Exporter> {
    let modern = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let group = connection.negotiated_key_exchange_group().map(|group| group.name());
    if !modern || group != Some(NamedGroup::X25519MLKEM768) {
        return None;
    }
    connection.export_keying_material([0; EXPORTER_LEN], EXPORTER_LABEL, None).ok()
}

/// Which certificate must be shown.
#[derive(Debug)]
enum Expected {
    Site(Pin),
    Endpoint([u8; 32]),
}

/// Accepts one certificate by its hash. Names and dates are not looked at: the pin says more than they do, and neither
/// a name server nor a clock is to be relied on.
#[derive(Debug)]
struct PinnedVerifier {
    expected: Expected,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let is_expected = match &self.expected {
            Expected::Site(pin) => pin.matches(blake3::hash(end_entity).as_bytes()),
            Expected::Endpoint(fingerprint) => sha256(end_entity).as_ref() == Some(fingerprint),
        };
        if is_expected {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_nobody_and_outlives_every_clock() {
        let identity = Identity::generate().unwrap();
        let text = String::from_utf8_lossy(&identity.certificate_der).to_lowercase();
        assert!(text.contains("localhost"));
        assert!(!text.contains("sanad") && !text.contains("rcgen"));
        // GeneralizedTime for years past 2049, UTCTime for 1975.
        assert!(text.contains("40960101000000z") && text.contains("750101000000z"));
        assert_ne!(identity.certificate_hash(), Identity::generate().unwrap().certificate_hash());
    }

    #[test]
    fn a_fingerprint_is_the_one_that_other_programs_show() {
        let hex: String = sha256(b"abc").unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        // FIPS 180-2, appendix B.1.
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_damaged_identity_is_refused() {
        let (one, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        assert!(server_config(&one).is_ok());
        let mixed = Identity { key_der: other.key_der.clone(), ..one.clone() };
        assert_eq!(server_config(&mixed).err(), Some(TlsError::Identity));
        let torn = Identity { key_der: Zeroizing::new(one.key_der[..40].to_vec()), ..one };
        assert_eq!(server_config(&torn).err(), Some(TlsError::Identity));
    }

    #[test]
    fn nothing_shown_of_an_identity_is_its_key() {
        let identity = Identity::generate().unwrap();
        assert!(format!("{identity:?}").len() < 40);
    }

    /// A whole handshake in memory. Gives both exporters.
    fn handshake(client: ClientConfig, server: Arc<ServerConfig>) -> Result<[Option<Exporter>; 2], rustls::Error> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(client), name)?;
        let mut server = rustls::ServerConnection::new(server)?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok([site_exporter(&client), site_exporter(&server)])
    }

    /// A browser: any certificate, these versions, these key exchanges.
    fn browser(
        identity: &Identity,
        version: &'static rustls::SupportedProtocolVersion,
        kx_groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
    ) -> ClientConfig {
        let provider = Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() });
        let verifier = PinnedVerifier {
            expected: Expected::Site(Pin::Full(identity.certificate_hash())),
            provider: provider.clone(),
        };
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()
    }

    #[test]
    fn old_browsers_may_read_pages_but_have_no_exporter() {
        let identity = Identity::generate().unwrap();
        let server = server_config(&identity).unwrap();
        let old = browser(&identity, &rustls::version::TLS12, vec![kx_group::SECP256R1]);
        assert_eq!(handshake(old, server.clone()), Ok([None, None]));
        let classical = browser(&identity, &rustls::version::TLS13, vec![kx_group::X25519]);
        assert_eq!(handshake(classical, server.clone()), Ok([None, None]));
        let peer = client_config(Pin::Full(identity.certificate_hash())).unwrap();
        let [here, there] = handshake((*peer).clone(), server).unwrap();
        assert!(here.is_some() && here == there);
    }

    #[test]
    fn a_certificate_without_its_key_is_worth_nothing() {
        let (site, thief) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(thief.key_der.as_slice()));
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let stolen = CertifiedKey::new(vec![CertificateDer::from(site.certificate_der.clone())], key);
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(stolen)));
        let peer = client_config(Pin::Full(site.certificate_hash())).unwrap();
        assert!(handshake((*peer).clone(), Arc::new(server)).is_err());
    }
}
