//! Telling an endpoint that something has changed: one HTTP request (FHIR R4 §2.46, the channel `rest-hook`).
//!
//! Promises:
//! - only what stands on this machine or on the site's own network is called, unless the site was told otherwise; what is
//!   checked is the very address that is called, so that no name server can lead elsewhere in between;
//! - an endpoint of TLS is called only if it shows the one certificate that it was said to have: no authority is trusted;
//! - nothing is waited for longer than [`HOOK_TIME_MAX`], no redirection is followed, no answer is read beyond its bound.

use crate::near::is_near;
use crate::tls::endpoint_config;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// Longest wait for one request, from looking its name up to the end of its answer.
pub const HOOK_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest address of an endpoint.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;
/// An answer is read this far, so that the connection can be used again; beyond it the connection is given up.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How far hooks reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// This machine and private networks.
    #[default]
    Local,
    /// Any address that is one machine's.
    Anywhere,
}

impl Reach {
    /// Whether an address may be called.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_nobody = address.is_unspecified()
            || address.is_multicast()
            || matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        is_near(address) || (self == Reach::Anywhere && !is_nobody)
    }
}

/// Where a hook goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    host: ServerName<'static>,
    port: u16,
    /// What the header `Host` says.
    authority: String,
    /// The path without a slash at its end; empty for none.
    path: String,
    /// The SHA-256 of the certificate, for TLS.
    fingerprint: Option<[u8; 32]>,
}

/// What is wrong with an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no address.
    #[error("the endpoint is not an http or https address with a host, without user, query and fragment")]
    Address,
    /// It is `https`, and nothing says which certificate it has.
    #[error(
        "an https endpoint needs the SHA-256 fingerprint of its certificate: no certificate authority is trusted here"
    )]
    NoFingerprint,
    /// That is no fingerprint.
    #[error("the fingerprint is not 64 hexadecimal digits")]
    Fingerprint,
    /// It is a number outside the site's network.
    #[error("the endpoint is not on this machine or on the site's network, and this site calls nothing else")]
    Public,
}

impl Endpoint {
    /// Reads an address, and the fingerprint of the certificate behind it; colons in that do not count.
    ///
    /// # Errors
    /// [`EndpointError`]. A name is judged only when it is called.
    pub fn read(url: &str, fingerprint: Option<&str>, reach: Reach) -> Result<Endpoint, EndpointError> {
        let fingerprint = fingerprint.map(read_fingerprint).transpose()?;
        let uri: Uri = Some(url)
            .filter(|url| url.len() <= ENDPOINT_BYTES_MAX && !url.contains('#'))
            .and_then(|url| url.parse().ok())
            .ok_or(EndpointError::Address)?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(EndpointError::Address),
        };
        let authority = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        if authority.contains('@') || uri.query().is_some() {
            return Err(EndpointError::Address);
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = ServerName::try_from(bare.to_owned()).map_err(|_| EndpointError::Address)?;
        if let ServerName::IpAddress(address) = &host
            && !reach.allows((*address).into())
        {
            return Err(EndpointError::Public);
        }
        if is_tls && fingerprint.is_none() {
            return Err(EndpointError::NoFingerprint);
        }
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Endpoint { host, port, authority, path, fingerprint: fingerprint.filter(|_| is_tls) })
    }

    /// The addresses of it that may be called.
    async fn addresses(&self, reach: Reach) -> Result<Vec<SocketAddr>, HookError> {
        let found: Vec<SocketAddr> = match &self.host {
            ServerName::IpAddress(address) => vec![SocketAddr::new((*address).into(), self.port)],
            name => lookup_host((name.to_str().as_ref(), self.port)).await.map_err(|_| HookError::NoName)?.collect(),
        };
        within(found, reach)
    }
}

/// Those of the addresses that may be called.
fn within(found: Vec<SocketAddr>, reach: Reach) -> Result<Vec<SocketAddr>, HookError> {
    let allowed: Vec<_> = found.into_iter().filter(|address| reach.allows(address.ip())).collect();
    if allowed.is_empty() { Err(HookError::Public) } else { Ok(allowed) }
}

fn read_fingerprint(text: &str) -> Result<[u8; 32], EndpointError> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let mut fingerprint = [0; 32];
    if digits.len() != 64 {
        return Err(EndpointError::Fingerprint);
    }
    for (byte, pair) in fingerprint.iter_mut().zip(digits.as_chunks::<2>().0) {
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(EndpointError::Fingerprint);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Ok(fingerprint)
}

/// Why an endpoint has not taken what it was told. Says nothing of what that was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The name leads nowhere.
    #[error("the endpoint's name leads to no address")]
    NoName,
    /// All addresses of the name are outside the site's network.
    #[error("the endpoint is not on this machine or on the site's network")]
    Public,
    /// Nothing listens there, or there is no way there.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// It hung up before it had answered.
    #[error("the endpoint hung up before it had answered")]
    HungUp,
    /// It took too long.
    #[error("the endpoint did not answer in time")]
    Late,
    /// It showed another certificate, or does not speak TLS.
    #[error("the endpoint did not show the certificate that it was said to have")]
    Certificate,
    /// It answered with this status.
    #[error("the endpoint answered with the HTTP status {0}")]
    Status(u16),
}

impl HookError {
    /// True if nothing can have left for the endpoint.
    pub fn is_before_anything_left(self) -> bool {
        matches!(self, HookError::NoName | HookError::Public | HookError::Unreachable | HookError::Certificate)
    }
}

/// What an endpoint is told.
#[derive(Clone)]
pub struct Notice {
    /// Headers of the subscriber's choice.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The resource, if it is sent along. Without it the endpoint only learns that there is something.
    pub content: Option<Content>,
}

/// A resource that is sent along. No `Debug`: it holds patient text.
#[derive(Clone)]
pub struct Content {
    /// `Type/id`, put behind the endpoint's own path.
    pub path: String,
    /// What `Content-Type` says.
    pub media_type: HeaderValue,
    /// Its bytes.
    pub body: Bytes,
}

/// Whether a header of this name may be chosen by a subscriber: not those by which the request itself is understood.
pub fn is_free_header(name: &HeaderName) -> bool {
    ![HOST, CONTENT_LENGTH, CONTENT_TYPE].contains(name)
        && !["connection", "transfer-encoding", "upgrade", "te", "trailer", "expect", "keep-alive", "proxy-connection"]
            .contains(&name.as_str())
}

/// An endpoint, and the connection to it while there is one.
pub struct Hook {
    endpoint: Endpoint,
    reach: Reach,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Hook {
    /// Calls nobody yet.
    pub fn new(endpoint: Endpoint, reach: Reach) -> Hook {
        Hook { endpoint, reach, open: None }
    }

    /// Tells the endpoint. When this returns well it has answered with a status of 200 to 299.
    ///
    /// # Errors
    /// [`HookError`]; it may have been told all the same.
    pub async fn tell(&mut self, notice: &Notice) -> Result<(), HookError> {
        let told = tokio::time::timeout(HOOK_TIME_MAX, self.tell_now(notice)).await.unwrap_or(Err(HookError::Late));
        if told.is_err() {
            self.open = None;
        }
        told
    }

    async fn tell_now(&mut self, notice: &Notice) -> Result<(), HookError> {
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
        {
            match self.send(&mut open, notice).await {
                // An endpoint may have closed a connection that was kept; it is called anew.
                Err(HookError::HungUp) => {}
                done => {
                    self.open = Some(open);
                    return done;
                }
            }
        }
        let mut open = self.connect().await?;
        let done = self.send(&mut open, notice).await;
        self.open = Some(open);
        done
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, HookError> {
        let addresses = self.endpoint.addresses(self.reach).await?;
        // The addresses that were judged, and no name any more.
        let socket = TcpStream::connect(&addresses[..]).await.map_err(|_| HookError::Unreachable)?;
        drop(socket.set_nodelay(true));
        match self.endpoint.fingerprint {
            None => speak(socket).await,
            Some(fingerprint) => {
                let config = endpoint_config(fingerprint).map_err(|_| HookError::Certificate)?;
                let connector = TlsConnector::from(config);
                let stream = connector.connect(self.endpoint.host.clone(), socket).await;
                speak(stream.map_err(|_| HookError::Certificate)?).await
            }
        }
    }

    async fn send(&self, open: &mut SendRequest<Full<Bytes>>, notice: &Notice) -> Result<(), HookError> {
        let path = match (&notice.content, self.endpoint.path.as_str()) {
            (Some(content), path) => format!("{path}/{}", content.path),
            (None, "") => "/".to_owned(),
            (None, path) => path.to_owned(),
        };
        let body = notice.content.as_ref().map_or_else(Bytes::new, |content| content.body.clone());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = if notice.content.is_some() { Method::PUT } else { Method::POST };
        *request.uri_mut() = path.parse().map_err(|_| HookError::Unreachable)?;
        let headers = request.headers_mut();
        let host = HeaderValue::try_from(&self.endpoint.authority).map_err(|_| HookError::Unreachable)?;
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static("sanad"));
        if let Some(content) = &notice.content {
            headers.insert(CONTENT_TYPE, content.media_type.clone());
        }
        for (name, value) in notice.headers.iter().filter(|(name, _)| is_free_header(name)) {
            headers.append(name, value.clone());
        }
        let answer = open.send_request(request).await.map_err(|_| HookError::HungUp)?;
        let status = answer.status();
        // One that cannot be read to its end leaves the connection of no use, and is as good an answer as it was.
        drop(Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await);
        if status.is_success() { Ok(()) } else { Err(HookError::Status(status.as_u16())) }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
) -> Result<SendRequest<Full<Bytes>>, HookError> {
    let (open, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| HookError::Unreachable)?;
    // Ends by itself when either end lets go.
    tokio::spawn(connection);
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_private_networks_are_called_unless_it_is_allowed() {
        let cases = [
            ("127.0.0.1", true, true),
            ("::1", true, true),
            ("10.1.2.3", true, true),
            ("172.16.0.1", true, true),
            ("172.32.0.1", false, true),
            ("192.168.1.7", true, true),
            ("169.254.3.4", true, true),
            ("100.64.0.1", true, true),
            ("fd00::1", true, true),
            ("fe80::1", true, true),
            ("::ffff:192.168.1.7", true, true),
            ("::ffff:203.0.113.5", false, true),
            ("203.0.113.5", false, true),
            ("2001:db8::1", false, true),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("255.255.255.255", false, false),
            ("224.0.0.251", false, false),
            ("ff02::1", false, false),
        ];
        for (text, local, anywhere) in cases {
            let address = text.parse().unwrap();
            assert_eq!((Reach::Local.allows(address), Reach::Anywhere.allows(address)), (local, anywhere), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address_and_for_tls_a_fingerprint() {
        let read = |url: &str, pin: Option<&str>| Endpoint::read(url, pin, Reach::Local);
        let endpoint = read("http://[fd00::7]:8080/hook/", None).unwrap();
        assert_eq!((endpoint.port, &*endpoint.path, &*endpoint.authority), (8080, "/hook", "[fd00::7]:8080"));
        let pin = "AB:".repeat(31) + "ab";
        assert_eq!(read("https://desk.lan/in", Some(&pin)).unwrap().fingerprint, Some([0xab; 32]));
        for (url, pin, error) in [
            ("", None, EndpointError::Address),
            ("desk.lan/in", None, EndpointError::Address),
            ("ftp://10.0.0.1/", None, EndpointError::Address),
            ("http://user:word@10.0.0.1/", None, EndpointError::Address),
            ("http://10.0.0.1/?to=1", None, EndpointError::Address),
            ("http://10.0.0.1/#here", None, EndpointError::Address),
            ("http:///in", None, EndpointError::Address),
            ("http://8.8.8.8/", None, EndpointError::Public),
            ("https://10.0.0.1/", None, EndpointError::NoFingerprint),
            ("https://10.0.0.1/", Some("abc"), EndpointError::Fingerprint),
        ] {
            assert_eq!(read(url, pin).err(), Some(error), "{url}");
        }
        assert!(Endpoint::read("http://8.8.8.8/", None, Reach::Anywhere).is_ok());
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_address_that_it_leads_to() {
        let endpoint = Endpoint::read("http://localhost:9/", None, Reach::Local).unwrap();
        assert!(endpoint.addresses(Reach::Local).await.unwrap().iter().all(|found| found.ip().is_loopback()));
        let found =
            |addresses: &[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = found(&["203.0.113.5:80", "10.0.0.9:80", "[::ffff:203.0.113.5]:80"]);
        assert_eq!(within(mixed, Reach::Local), Ok(found(&["10.0.0.9:80"])));
        assert_eq!(within(found(&["203.0.113.5:80"]), Reach::Local), Err(HookError::Public));
        // Numbers in forms that only a resolver reads are no names.
        for url in ["http://0x08080808/", "http://134744072/", "http://010.010.010.010/"] {
            assert_eq!(Endpoint::read(url, None, Reach::Local).err(), Some(EndpointError::Address), "{url}");
        }
    }

    /// Answers one request over TLS, as somebody whose certificate this is.
    async fn answering(identity: &crate::tls::Identity) -> SocketAddr {
        use crate::tls::server_config;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let acceptor = tokio_rustls::TlsAcceptor::from(server_config(identity).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { return };
            let mut head = vec![0; 4096];
            let n = stream.read(&mut head).await.unwrap();
            assert!(head[..n].starts_with(b"POST /in HTTP/1.1\r\n"));
            drop(stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await);
            drop(stream.flush().await);
        });
        address
    }

    #[tokio::test]
    async fn over_tls_only_the_certificate_that_was_named_is_told() {
        let (own, other) = (crate::tls::Identity::generate().unwrap(), crate::tls::Identity::generate().unwrap());
        let notice = Notice { headers: vec![], content: None };
        for (named, expected) in [(&own, Ok(())), (&other, Err(HookError::Certificate))] {
            let fingerprint = crate::tls::sha256(&named.certificate_der).unwrap();
            let fingerprint: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
            let url = format!("https://{}/in", answering(&own).await);
            let endpoint = Endpoint::read(&url, Some(&fingerprint), Reach::Local).unwrap();
            assert_eq!(Hook::new(endpoint, Reach::Local).tell(&notice).await, expected);
        }
    }
}
