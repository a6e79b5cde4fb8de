//! Two ends on 127.0.0.1, and a wire between them that can be cut or frozen.
#![allow(dead_code, clippy::unwrap_used)]

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use sanad_node::carrier::{Accept, Channel, Dialer, JoinCall, Limits, Peer, Target, serve};
use sanad_node::tls::{Identity, Pin};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Longest that anything here may take before a test has failed: never waited for when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Fails instead of hanging.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this took too long")
}

/// Hands each session to the test, and answers a request to join with the request and the exporter.
struct Hand(mpsc::UnboundedSender<Channel>);

impl Accept for Hand {
    async fn sync(&self, channel: Channel) {
        let _ = self.0.send(channel);
    }

    async fn join(&self, call: JoinCall) -> Vec<u8> {
        [&call.request[..], &call.exporter].concat()
    }
}

/// A site that listens.
pub struct Listening {
    pub addr: SocketAddr,
    pub identity: Identity,
    pub sessions: mpsc::UnboundedReceiver<Channel>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Listening {
    pub async fn start(limits: Limits) -> Listening {
        Listening::start_as(Identity::generate().unwrap(), "127.0.0.1:0", limits).await
    }

    pub async fn start_as(identity: Identity, addr: &str, limits: Limits) -> Listening {
        let (sender, sessions) = mpsc::unbounded_channel();
        let (listener, mut listening) = Listening::bind(identity, addr, sessions).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = listening.identity.clone();
        listening.stop = Some(stop);
        listening.task = tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            serve(listener, &served, screens(), Arc::new(Hand(sender)), limits, stopped).await.unwrap();
        });
        listening
    }

    async fn bind(
        identity: Identity,
        addr: &str,
        sessions: mpsc::UnboundedReceiver<Channel>,
    ) -> (TcpListener, Listening) {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, Listening { addr, identity, sessions, stop: None, task: tokio::spawn(async {}) })
    }

    pub fn target(&self) -> Target {
        self.target_at(self.addr)
    }

    pub fn target_at(&self, addr: SocketAddr) -> Target {
        let address = format!("https://{addr}").parse().unwrap();
        Target { addresses: vec![address], pin: Pin::Full(self.identity.certificate_hash()) }
    }

    /// Opens a session: the calling end and the called end.
    pub async fn session(&mut self, dialer: &Dialer) -> (Channel, Channel) {
        let target = self.target();
        self.session_with(dialer, &target).await
    }

    pub async fn session_with(&mut self, dialer: &Dialer, target: &Target) -> (Channel, Channel) {
        let here = soon(dialer.open(target)).await.unwrap();
        let there = soon(self.sessions.recv()).await.unwrap();
        (here, there)
    }

    pub async fn stop(mut self) -> Identity {
        let _ = self.stop.take().unwrap().send(());
        soon(&mut self.task).await.unwrap();
        self.identity
    }
}

fn screens() -> Router {
    let who = |Extension(peer): Extension<Peer>| async move { format!("{} tls={}", peer.addr.ip(), peer.tls) };
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "slow but there"
    };
    Router::new().route("/who", get(who)).route("/slow", get(slow))
}

/// A wire between two ends: counts what passes, can be cut or frozen.
pub struct Cable {
    pub addr: SocketAddr,
    pub up: Arc<AtomicU64>,
    pub down: Arc<AtomicU64>,
    pub calls: Arc<AtomicU64>,
    cut: watch::Sender<u64>,
    frozen: Arc<AtomicBool>,
}

impl Cable {
    pub async fn to(site: SocketAddr) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (cut, cutting) = watch::channel(0);
        let cable = Cable {
            addr: listener.local_addr().unwrap(),
            up: Arc::default(),
            down: Arc::default(),
            calls: Arc::default(),
            cut,
            frozen: Arc::default(),
        };
        let (up, down, calls, frozen) =
            (cable.up.clone(), cable.down.clone(), cable.calls.clone(), cable.frozen.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                calls.fetch_add(1, Ordering::SeqCst);
                let far = TcpStream::connect(site).await.unwrap();
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                // A frozen wire thaws for new calls only.
                let freeze = Arc::new(AtomicBool::new(false));
                let strands = [
                    tokio::spawn(strand(near_read, far_write, up.clone(), frozen.clone(), freeze.clone())),
                    tokio::spawn(strand(far_read, near_write, down.clone(), frozen.clone(), freeze)),
                ];
                let mut cutting = cutting.clone();
                cutting.mark_unchanged();
                tokio::spawn(async move {
                    let _ = cutting.changed().await;
                    strands.iter().for_each(|strand| strand.abort());
                });
            }
        });
        cable
    }

    /// Breaks every connection that passes here.
    pub fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    /// From the next byte on, the connections that carry it carry nothing more, and nobody is told.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }
}

async fn strand(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    count: Arc<AtomicU64>,
    freezing: Arc<AtomicBool>,
    frozen: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(len) = from.read(&mut buffer).await {
        if freezing.load(Ordering::SeqCst) {
            frozen.store(true, Ordering::SeqCst);
        }
        if frozen.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        count.fetch_add(len as u64, Ordering::SeqCst);
        if len == 0 || to.write_all(&buffer[..len]).await.is_err() {
            break;
        }
    }
}

/// Everything that comes until the other end closes.
pub async fn read_all(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut out = Vec::new();
    let _ = soon(stream.read_to_end(&mut out)).await;
    String::from_utf8_lossy(&out).into_owned()
}
