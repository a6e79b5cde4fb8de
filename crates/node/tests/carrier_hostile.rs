//! The port in bad company: slow, greedy and foreign callers; plain HTTP beside TLS.
#![allow(clippy::unwrap_used)]

mod support;

use rustls::pki_types::ServerName;
use sanad_node::carrier::{DialError, Dialer, Limits};
use sanad_node::tls::{Pin, client_config};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use support::{Listening, read_all, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A browser that speaks HTTP/1.1 within TLS.
async fn browser(site: &Listening) -> TlsStream<TcpStream> {
    let mut config = (*client_config(Pin::Full(site.identity.certificate_hash())).unwrap()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(site.addr).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

async fn ask(stream: &mut (impl tokio::io::AsyncRead + AsyncWriteExt + Unpin), method: &str, path: &str) -> String {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    read_all(stream).await
}

async fn plain(addr: SocketAddr) -> TcpStream {
    TcpStream::connect(addr).await.unwrap()
}

#[tokio::test]
async fn plain_http_and_tls_share_one_port() {
    let mut site = Listening::start(Limits::default()).await;
    let answer = ask(&mut plain(site.addr).await, "GET", "/who").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1 tls=false"), "{answer}");
    assert!(!answer.to_lowercase().contains("date:") && !answer.to_lowercase().contains("sanad"), "{answer}");
    let answer = ask(&mut browser(&site).await, "GET", "/who").await;
    assert!(answer.ends_with("127.0.0.1 tls=true"), "{answer}");
    // What only sites may use does not exist for anybody else.
    for path in ["/sync", "/join"] {
        let answer = ask(&mut plain(site.addr).await, "POST", path).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path} {answer}");
    }
    assert!(ask(&mut browser(&site).await, "POST", "/sync").await.starts_with("HTTP/1.1 404"));
    assert!(ask(&mut browser(&site).await, "GET", "/join").await.starts_with("HTTP/1.1 404"));
    assert!(site.sessions.try_recv().is_err());
}

#[tokio::test]
async fn who_drips_or_says_nothing_is_cut() {
    let limits = Limits { first_request: Duration::from_millis(300), ..Limits::default() };
    let site = Listening::start(limits).await;
    let begun = Instant::now();
    let silent = plain(site.addr).await;
    let mut half_hello = plain(site.addr).await;
    half_hello.write_all(&[0x16, 3, 1]).await.unwrap();
    let half_head = plain(site.addr).await;
    let half_secret = browser(&site).await;
    let (mut drip_read, mut drip) = half_head.into_split();
    let (mut secret_read, mut secret) = tokio::io::split(half_secret);
    let plain_drip = async move {
        while drip.write_all(b"GET /").await.is_ok() {
            pause().await
        }
    };
    let secret_drip = async move {
        while secret.write_all(b"GET /").await.is_ok() {
            pause().await
        }
    };
    let (plain_drip, secret_drip) = (tokio::spawn(plain_drip), tokio::spawn(secret_drip));
    for mut stream in [silent, half_hello] {
        assert_eq!(read_all(&mut stream).await, "");
    }
    read_all(&mut drip_read).await;
    read_all(&mut secret_read).await;
    soon(plain_drip).await.unwrap();
    soon(secret_drip).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// Time between two drips.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_page_that_takes_its_time_is_not_cut_but_an_idle_connection_is() {
    let limits = Limits {
        first_request: Duration::from_millis(150),
        screen_idle: Duration::from_millis(150),
        ..Limits::default()
    };
    let site = Listening::start(limits).await;
    let mut stream = plain(site.addr).await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.ends_with("slow but there"), "{answer}");
}

#[tokio::test]
async fn a_silent_session_is_cut_and_a_kept_connection_is_let_go() {
    let limits =
        Limits { busy_idle: Duration::from_millis(300), peer_idle: Duration::from_millis(300), ..Limits::default() };
    let mut site = Listening::start(limits).await;
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session(&dialer).await;
    assert!(soon(b.reader.next()).await.is_err());
    assert!(soon(a.reader.next()).await.is_err());
    let (a, b) = site.session(&dialer).await;
    let target = site.target();
    drop((a, b));
    let closed = async {
        // The connection that is kept is closed by the site once it has been idle; then a session costs a handshake.
        loop {
            pause().await;
            let channel = dialer.open(&target).await.unwrap();
            if channel.counters.handshake().total() > 0 {
                break;
            }
            drop(channel);
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    };
    soon(closed).await;
}

#[tokio::test]
async fn no_caller_takes_all_places() {
    let limits = Limits { connections_per_address: 2, sessions: 1, ..Limits::default() };
    let mut site = Listening::start(limits).await;
    let dialer = Dialer::default();
    let (a, b) = site.session(&dialer).await;
    // One session too many: told so, and the connection stays.
    assert!(matches!(soon(dialer.open(&site.target())).await, Err(DialError::Refused { status: 503, .. })));
    let mut second = plain(site.addr).await;
    second.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(soon(second.read_u8()).await.is_ok());
    // One connection too many from this address: closed without a word.
    let mut third = plain(site.addr).await;
    let _ = third.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(read_all(&mut third).await, "");
    drop((a, b));
}

#[tokio::test]
async fn a_request_to_join_is_bounded_and_tied_to_its_connection() {
    let site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let mut seen = None;
    let make = |exporter: &[u8; 32]| {
        seen = Some(*exporter);
        b"let me in".to_vec()
    };
    let reply = soon(dialer.join(&site.target(), make)).await.unwrap();
    assert_eq!(reply.certificate, site.identity.certificate_hash());
    assert_eq!(reply.answer, [&b"let me in"[..], &seen.unwrap()].concat());
    let too_much = soon(dialer.join(&site.target(), |_| vec![0; 64 * 1024 + 1])).await;
    assert!(matches!(too_much, Err(DialError::Refused { status: 413, .. })), "{too_much:?}");
}
