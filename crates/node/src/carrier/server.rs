//! The listening side: one port, told apart by the first byte.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::{Service as _, service_fn};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::channel::{Channel, FrameWriter};
use super::wire::{Busy, ByteCounters, Line, Standing, Wire};
use super::{CHUNK_BYTES, CONNECTION_WINDOW_BYTES, JOIN_BYTES_MAX, JOIN_PATH};
use super::{Limits, STREAM_WINDOW_BYTES, STREAMS_MAX, SYNC_PATH};
use crate::tls::{ALPN_HTTP2, Exporter, Identity, TlsError, server_config, site_exporter};

/// The first byte of every TLS connection: a handshake record. No HTTP request begins with it.
const TLS_FIRST_BYTE: u8 = 0x16;

/// Wait before accepting again when the system gives no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Bytes of a request's head on HTTP/2; browsers send about 1 kB.
const HEAD_BYTES_MAX: u32 = 32 * 1024;

/// Bytes that HTTP/1 gathers of a request's head before it gives up.
const HTTP1_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What a site does with those who call it to replicate or to join.
pub trait Accept: Send + Sync + 'static {
    /// Runs one session. Nothing is known of the peer but its address: it has yet to sign the exporter.
    fn sync(&self, channel: Channel) -> impl Future<Output = ()> + Send;

    /// Answers one request to join: CBOR in, CBOR out, at most [`JOIN_BYTES_MAX`] each.
    fn join(&self, call: JoinCall) -> impl Future<Output = Vec<u8>> + Send;
}

/// A request to join, still to be judged. Not shown: it holds a proof and what the proof is bound to.
#[derive(Clone)]
pub struct JoinCall {
    /// What was sent.
    pub request: Bytes,
    /// The exporter of the caller's connection, which its proof must be bound to.
    pub exporter: Exporter,
    /// Where it comes from, for throttling.
    pub peer_addr: SocketAddr,
}

/// Who asks for a page. Every request that reaches the router carries it as an extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where the request comes from.
    pub addr: SocketAddr,
    /// The address of this machine that it came to.
    pub local: SocketAddr,
    /// False on plain HTTP, where anyone on the Wi-Fi reads along.
    pub tls: bool,
}

/// Serves the screens, `/sync` and `/join` on one port until `shutdown` resolves; then open requests have
/// [`Limits::stop`] to end.
///
/// # Errors
/// The identity is damaged. What goes wrong on one connection ends that connection only.
pub async fn serve<A: Accept>(
    listener: TcpListener,
    identity: &Identity,
    router: Router,
    accept: Arc<A>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), TlsError> {
    let (stop, stopping) = watch::channel(false);
    let site = Arc::new(Site {
        acceptor: TlsAcceptor::from(server_config(identity)?),
        screens: TowerToHyperService::new(router),
        accept,
        sessions_free: Arc::new(Semaphore::new(limits.sessions)),
        sessions: Mutex::new(JoinSet::new()),
        callers: Arc::default(),
        stopping,
        limits,
    });
    let free = Arc::new(Semaphore::new(site.limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let permit = free.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((socket, addr)) => {
                let per_address = site.limits.connections_per_address;
                if let Some(place) = Place::take(&site.callers, addr.ip(), per_address, permit.ok()) {
                    connections.spawn(connection(site.clone(), socket, addr, place));
                }
            }
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
    drop(listener);
    stop.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(site.limits.stop, ended).await;
    connections.shutdown().await;
    let mut sessions = std::mem::take(&mut *site.sessions.lock().unwrap_or_else(PoisonError::into_inner));
    sessions.shutdown().await;
    Ok(())
}

/// What all connections share.
struct Site<A> {
    acceptor: TlsAcceptor,
    screens: TowerToHyperService<Router>,
    accept: Arc<A>,
    sessions_free: Arc<Semaphore>,
    sessions: Mutex<JoinSet<()>>,
    callers: Arc<Callers>,
    stopping: watch::Receiver<bool>,
    limits: Limits,
}

type Callers = Mutex<BTreeMap<IpAddr, usize>>;

/// A place among the connections, given back when dropped.
struct Place {
    callers: Arc<Callers>,
    ip: IpAddr,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn take(
        callers: &Arc<Callers>,
        ip: IpAddr,
        per_address: usize,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Place> {
        let mut counts = callers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= per_address {
            return None;
        }
        *count += 1;
        Some(Place { callers: callers.clone(), ip, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

async fn connection<A: Accept>(site: Arc<Site<A>>, socket: TcpStream, addr: SocketAddr, _place: Place) {
    let mut first = [0u8; 1];
    let tls = match tokio::time::timeout(site.limits.first_request, socket.peek(&mut first)).await {
        Ok(Ok(1)) => first[0] == TLS_FIRST_BYTE,
        _ => return,
    };
    let Ok(local) = socket.local_addr() else { return };
    let line = Line::new(&site.limits);
    let wire = Wire::new(socket, line.clone());
    if !tls {
        let caller = Arc::new(Caller { site, line, peer: Peer { addr, local, tls }, exporter: None, http2: false });
        return drive(caller, wire).await;
    }
    let Ok(stream) = site.acceptor.accept(wire).await else {
        return;
    };
    line.handshake_done();
    let session = stream.get_ref().1;
    let http2 = session.alpn_protocol() == Some(ALPN_HTTP2);
    let exporter = site_exporter(session);
    drive(Arc::new(Caller { site, line, peer: Peer { addr, local, tls }, exporter, http2 }), stream).await;
}

/// Runs HTTP on one connection until it ends or the carrier stops. Responses bear no date: the clock may be wrong, and
/// how wrong is nobody's business.
async fn drive<A: Accept, S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(caller: Arc<Caller<A>>, stream: S) {
    let mut stopping = caller.site.stopping.clone();
    let http2 = caller.http2;
    let service = service_fn(move |request| {
        let caller = caller.clone();
        async move { Ok::<_, Infallible>(caller.answer(request).await) }
    });
    let io = TokioIo::new(stream);
    let stopped = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    if http2 {
        let mut http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .auto_date_header(false)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX)
            .max_send_buf_size(CHUNK_BYTES);
        let mut connection = pin!(http.serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stopped => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    } else {
        let mut http = hyper::server::conn::http1::Builder::new();
        // The wait for a request's head is bounded at the socket, where it covers TLS as well.
        http.auto_date_header(false).header_read_timeout(None).max_buf_size(HTTP1_BUFFER_BYTES_MAX);
        let mut connection = pin!(http.serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stopped => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// One connection, as its requests see it.
struct Caller<A> {
    site: Arc<Site<A>>,
    line: Arc<Line>,
    peer: Peer,
    exporter: Option<Exporter>,
    http2: bool,
}

impl<A: Accept> Caller<A> {
    /// Without what `/sync` and `/join` need, those are paths like any other, and the router has its own answer.
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match (request.uri().path(), self.exporter) {
            (SYNC_PATH, Some(exporter)) if self.http2 && request.method() == Method::POST => {
                self.sync(request, exporter)
            }
            (JOIN_PATH, Some(exporter)) if request.method() == Method::POST => self.join(request, exporter).await,
            _ => self.screen(request).await,
        }
    }

    /// Begins a session and answers at once; both bodies then run until both ends have finished.
    fn sync(&self, request: Request<Incoming>, exporter: Exporter) -> Response<Body> {
        let Ok(place) = self.site.sessions_free.clone().try_acquire_owned() else {
            return status(StatusCode::SERVICE_UNAVAILABLE);
        };
        let counters = ByteCounters::open(&self.line);
        let busy = self.line.request(Standing::Peer).holding(place);
        let (writer, body) = FrameWriter::new(busy.clone());
        let incoming = Body::new(request.into_body());
        let channel = Channel::new(incoming, writer, exporter, self.peer.addr, counters, busy);
        let accept = self.site.accept.clone();
        let mut sessions = self.site.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        while sessions.try_join_next().is_some() {}
        sessions.spawn(async move { accept.sync(channel).await });
        octets(body)
    }

    async fn join(&self, request: Request<Incoming>, exporter: Exporter) -> Response<Body> {
        let _busy = self.line.request(Standing::Screen);
        let Ok(body) = Limited::new(request.into_body(), JOIN_BYTES_MAX).collect().await else {
            return status(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let call = JoinCall { request: body.to_bytes(), exporter, peer_addr: self.peer.addr };
        octets(Body::from(self.site.accept.join(call).await))
    }

    async fn screen(&self, mut request: Request<Incoming>) -> Response<Body> {
        let busy = self.line.request(Standing::Screen);
        request.extensions_mut().insert(self.peer);
        match self.site.screens.call(request).await {
            Ok(response) => response.map(|body| Body::new(Guarded { body, _busy: busy })),
            Err(never) => match never {},
        }
    }
}

fn octets(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}

/// A page on its way out: the request is under way until its last byte has left.
struct Guarded {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
