//! The calling side: reaches a pinned peer, and keeps the connection for the next session.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::channel::{Channel, FrameWriter};
use super::wire::{ByteCounters, Line, Standing, Wire};
use super::{CHUNK_BYTES, CONNECTION_WINDOW_BYTES, JOIN_BYTES_MAX, JOIN_PATH};
use super::{Limits, STREAM_WINDOW_BYTES, SYNC_PATH};
use crate::tls::{ALPN_HTTP2, Exporter, Pin, client_config, site_exporter};

/// Peers remembered. Beyond, those without an open connection are forgotten; a network has some dozens of sites.
const PEERS_MAX: usize = 256;

/// A peer to reach: where, and which certificate it must show.
#[derive(Clone, Debug)]
pub struct Target {
    /// Tried in this order, except that the one that answered last comes first.
    pub addresses: Vec<Address>,
    /// What its certificate must be.
    pub pin: Pin,
}

/// Why a peer could not be reached. Of several addresses, the most telling answer is reported: a wrong certificate before
/// a foreign server, before a refusal, before silence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// No address is known.
    #[error("no address is known for this site")]
    NoAddress,
    /// Nothing listens there, or there is no way there.
    #[error("{address} cannot be reached ({reason})")]
    Unreachable {
        /// What was dialled.
        address: Address,
        /// What the system said.
        reason: io::ErrorKind,
    },
    /// Nothing came back in time.
    #[error("{address} did not answer in time")]
    Timeout {
        /// What was dialled.
        address: Address,
    },
    /// The site answered, and does not want a session now.
    #[error("{address} refused: HTTP status {status}")]
    Refused {
        /// What was dialled.
        address: Address,
        /// The HTTP status.
        status: u16,
    },
    /// Something else listens there.
    #[error("{address} is not a site of this kind")]
    NotASite {
        /// What was dialled.
        address: Address,
    },
    /// Another certificate than the pinned one: another site, or someone in between. Nothing was sent.
    #[error("{address} showed another certificate than the one expected; nothing was sent")]
    WrongCertificate {
        /// What was dialled.
        address: Address,
    },
}

impl DialError {
    fn weight(&self) -> u8 {
        match self {
            DialError::NoAddress => 0,
            DialError::Unreachable { .. } => 1,
            DialError::Timeout { .. } => 2,
            DialError::Refused { .. } => 3,
            DialError::NotASite { .. } => 4,
            DialError::WrongCertificate { .. } => 5,
        }
    }
}

/// The answer to a request to join.
#[derive(Clone, Debug)]
pub struct JoinReply {
    /// What the site answered.
    pub answer: Bytes,
    /// BLAKE3 of the certificate it showed, whole, to pin from now on.
    pub certificate: [u8; 32],
}

/// Reaches peers and keeps one connection to each open between sessions, so that a session costs no handshake.
#[derive(Default)]
pub struct Dialer {
    limits: Limits,
    slots: Mutex<BTreeMap<Pin, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    link: Option<Link>,
    answered: Option<Address>,
}

impl Dialer {
    /// A dialer with no connection yet.
    pub fn new(limits: Limits) -> Dialer {
        Dialer { limits, slots: Mutex::default() }
    }

    /// Opens a session, over the kept connection if it still answers, else over a new one. The exporter is known, and the
    /// peer proved to hold the pinned certificate, when this returns; which device it is, it has yet to sign.
    ///
    /// # Errors
    /// No address led to the peer, or it refused.
    pub async fn open(&self, target: &Target) -> Result<Channel, DialError> {
        let slot = self.slot(target.pin);
        let mut slot = slot.lock().await;
        if let Some(link) = slot.link.take().filter(Link::is_open) {
            let opened = link.open(&self.limits).await;
            if matches!(opened, Ok(_) | Err(DialError::Refused { .. })) {
                slot.link = Some(link);
                return opened;
            }
            // A kept connection that has died unnoticed: the peer itself may well be there.
        }
        let link = self.connect_any(target, &mut slot.answered).await?;
        let opened = link.open(&self.limits).await;
        slot.link = Some(link);
        opened
    }

    /// Sends a request to join and waits for its answer. The request is made from the exporter of the connection, so that
    /// what it proves is worth nothing elsewhere.
    ///
    /// # Errors
    /// No address led to the peer, or it refused to listen.
    pub async fn join(
        &self,
        target: &Target,
        request: impl FnOnce(&Exporter) -> Vec<u8> + Send,
    ) -> Result<JoinReply, DialError> {
        let link = self.connect_any(target, &mut None).await?;
        let body = Body::from(request(&link.exporter));
        let _busy = link.line.request(Standing::Peer);
        let response = link.post(JOIN_PATH, body, &self.limits).await?;
        let lost = |_| link.unreachable(io::ErrorKind::ConnectionReset);
        let answer = Limited::new(response.into_body(), JOIN_BYTES_MAX).collect().await.map_err(lost)?.to_bytes();
        Ok(JoinReply { answer, certificate: link.certificate })
    }

    /// Closes the kept connection to a peer, if there is one. A session under way goes on.
    pub async fn close(&self, pin: Pin) {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&pin);
        if let Some(slot) = slot {
            slot.lock().await.link = None;
        }
    }

    fn slot(&self, pin: Pin) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= PEERS_MAX && !slots.contains_key(&pin) {
            slots.retain(|_, slot| slot.try_lock().map_or(true, |slot| slot.link.as_ref().is_some_and(Link::is_open)));
        }
        slots.entry(pin).or_default().clone()
    }

    async fn connect_any(&self, target: &Target, answered: &mut Option<Address>) -> Result<Link, DialError> {
        let first = answered.take().filter(|address| target.addresses.contains(address));
        let rest = target.addresses.iter().filter(|address| Some(*address) != first.as_ref());
        let mut worst = DialError::NoAddress;
        for address in first.iter().chain(rest) {
            match Link::connect(address, target.pin, &self.limits).await {
                Ok(link) => {
                    *answered = Some(address.clone());
                    return Ok(link);
                }
                Err(error) if error.weight() >= worst.weight() => worst = error,
                Err(_) => {}
            }
        }
        Err(worst)
    }
}

/// One open connection to a peer.
struct Link {
    requests: SendRequest<Body>,
    line: Arc<Line>,
    exporter: Exporter,
    certificate: [u8; 32],
    address: Address,
    peer_addr: SocketAddr,
}

impl Link {
    async fn connect(address: &Address, pin: Pin, limits: &Limits) -> Result<Link, DialError> {
        let unreachable = |reason| DialError::Unreachable { address: address.clone(), reason };
        let not_a_site = || DialError::NotASite { address: address.clone() };
        let late = |_| DialError::Timeout { address: address.clone() };
        let socket =
            timeout(limits.connect, reach(address)).await.map_err(late)?.map_err(|error| unreachable(error.kind()))?;
        let peer_addr = socket.peer_addr().map_err(|error| unreachable(error.kind()))?;
        let line = Line::new(limits);
        let config = client_config(pin).map_err(|_| unreachable(io::ErrorKind::Unsupported))?;
        let handshake = TlsConnector::from(config).connect(address.host.clone(), Wire::new(socket, line.clone()));
        let stream =
            timeout(limits.handshake, handshake).await.map_err(late)?.map_err(|error| judge(address, &error))?;
        line.handshake_done();
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(ALPN_HTTP2) {
            return Err(not_a_site());
        }
        let exporter = site_exporter(session).ok_or_else(not_a_site)?;
        let shown = session.peer_certificates().and_then(<[_]>::first).ok_or_else(not_a_site)?;
        let certificate = *blake3::hash(shown).as_bytes();
        assert!(pin.matches(&certificate), "the handshake accepts only the pinned certificate");
        let (requests, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(CHUNK_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| unreachable(io::ErrorKind::ConnectionReset))?;
        // Ends by itself: when the peer closes, when it is silent for too long, or when nobody holds `requests` any more.
        tokio::spawn(connection);
        Ok(Link { requests, line, exporter, certificate, address: address.clone(), peer_addr })
    }

    fn is_open(&self) -> bool {
        !self.requests.is_closed()
    }

    async fn open(&self, limits: &Limits) -> Result<Channel, DialError> {
        let counters = ByteCounters::open(&self.line);
        let busy = self.line.request(Standing::Peer);
        let (writer, body) = FrameWriter::new(busy.clone());
        let incoming = Body::new(self.post(SYNC_PATH, body, limits).await?.into_body());
        Ok(Channel::new(incoming, writer, self.exporter, self.peer_addr, counters, busy))
    }

    async fn post(&self, path: &str, body: Body, limits: &Limits) -> Result<Response<Incoming>, DialError> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        let uri = format!("{}{path}", self.address).parse();
        *request.uri_mut() = uri.map_err(|_| self.unreachable(io::ErrorKind::InvalidInput))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let response = timeout(limits.response, self.requests.clone().send_request(request))
            .await
            .map_err(|_| DialError::Timeout { address: self.address.clone() })?
            .map_err(|_| self.unreachable(io::ErrorKind::ConnectionReset))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Err(DialError::NotASite { address: self.address.clone() })
            }
            status => Err(DialError::Refused { address: self.address.clone(), status: status.as_u16() }),
        }
    }

    fn unreachable(&self, reason: io::ErrorKind) -> DialError {
        DialError::Unreachable { address: self.address.clone(), reason }
    }
}

/// A TCP connection. A number is dialled as it is and nobody is asked anything. A name is looked up with the system's
/// resolver, which asks a name server: for sites this is the only place where that happens, and only for a name that a person
/// wrote as a site's address, here or at the site that announced it. Nothing is ever looked up the other way round.
async fn reach(address: &Address) -> io::Result<TcpStream> {
    match &address.host {
        ServerName::IpAddress(ip) => TcpStream::connect(SocketAddr::new((*ip).into(), address.port)).await,
        _ => TcpStream::connect((address.dial_host().as_str(), address.port)).await,
    }
}

/// What a failed handshake means.
fn judge(address: &Address, error: &io::Error) -> DialError {
    let address = address.clone();
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => DialError::WrongCertificate { address },
        (Some(_), _) => DialError::NotASite { address },
        (None, io::ErrorKind::TimedOut) => DialError::Timeout { address },
        (None, reason) => DialError::Unreachable { address, reason },
    }
}
