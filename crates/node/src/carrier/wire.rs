//! The TCP socket itself: it counts every byte, and breaks when it has been silent for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::Limits;

/// Silence after which the kernel asks whether the other end is still there, and how often it asks again. Nothing of it
/// reaches the application; it also keeps address translators on the way from forgetting the connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PROBE_AFTER: Duration = Duration::from_secs(120);
#[cfg(any(target_os = "linux", target_os = "android"))]
const PROBE_EVERY: Duration = Duration::from_secs(20);
/// Bytes sent and not acknowledged for this long mean that the other end is gone. Counted by the kernel from
/// acknowledgements, so a slow link that moves is never taken for a dead one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED_MS_MAX: u32 = 90_000;

/// Bytes each way on a TCP connection, TLS included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByteCounts {
    /// Written to the socket.
    pub sent: u64,
    /// Read from the socket.
    pub received: u64,
}

impl ByteCounts {
    /// Both ways together.
    pub fn total(self) -> u64 {
        self.sent + self.received
    }

    fn since(self, earlier: ByteCounts) -> ByteCounts {
        ByteCounts { sent: self.sent - earlier.sent, received: self.received - earlier.received }
    }
}

/// What a session costs on the wire. Counted at the TCP socket: HTTP and TLS included, TCP and IP headers not.
#[derive(Clone, Debug)]
pub struct ByteCounters {
    line: Arc<Line>,
    opened: ByteCounts,
}

impl ByteCounters {
    /// Counts from here on; a connection's first session counts from the first byte of the connection.
    pub(super) fn open(line: &Arc<Line>) -> ByteCounters {
        let first = line.sessions.fetch_add(1, Ordering::Relaxed) == 0;
        ByteCounters { line: line.clone(), opened: if first { ByteCounts::default() } else { line.counts() } }
    }

    /// Bytes since this session began. The first session of a connection includes its handshake. Two sessions at once
    /// on one connection each count both.
    pub fn session(&self) -> ByteCounts {
        self.line.counts().since(self.opened)
    }

    /// Bytes of the TLS handshake if this session paid for it, else zero.
    pub fn handshake(&self) -> ByteCounts {
        if self.opened == ByteCounts::default() { self.line.handshake() } else { ByteCounts::default() }
    }

    /// Bytes since the connection was made.
    pub fn connection(&self) -> ByteCounts {
        self.line.counts()
    }
}

/// What is known of one connection: its bytes, and how long it may be silent.
#[derive(Debug)]
pub(super) struct Line {
    sent: AtomicU64,
    received: AtomicU64,
    handshake_sent: AtomicU64,
    handshake_received: AtomicU64,
    sessions: AtomicU32,
    born: Instant,
    /// Requests under way.
    busy: AtomicU32,
    /// Milliseconds from `born` to the last sign of life.
    alive_ms: AtomicU64,
    /// Index into `idle`: what the connection has proved to be.
    standing: AtomicUsize,
    /// Silence allowed between requests, by standing.
    idle: [Duration; 3],
    /// Silence allowed within a request.
    busy_idle: Duration,
    /// The shortest of these.
    look: Duration,
}

/// What a connection has proved to be. It only rises.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It has asked for nothing yet.
    Unknown = 0,
    /// It has asked for a page.
    Screen = 1,
    /// It has opened a session.
    Peer = 2,
}

impl Line {
    /// A connection that has said nothing yet.
    pub(super) fn new(limits: &Limits) -> Arc<Line> {
        let idle = [limits.first_request, limits.screen_idle, limits.peer_idle];
        Arc::new(Line {
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            handshake_sent: AtomicU64::new(0),
            handshake_received: AtomicU64::new(0),
            sessions: AtomicU32::new(0),
            born: Instant::now(),
            busy: AtomicU32::new(0),
            alive_ms: AtomicU64::new(0),
            standing: AtomicUsize::new(Standing::Unknown as usize),
            idle,
            busy_idle: limits.busy_idle,
            look: idle.into_iter().fold(limits.busy_idle, Duration::min),
        })
    }

    /// Notes that the TLS handshake ends here.
    pub(super) fn handshake_done(&self) {
        let counts = self.counts();
        self.handshake_sent.store(counts.sent, Ordering::Relaxed);
        self.handshake_received.store(counts.received, Ordering::Relaxed);
    }

    /// A request begins; it ends when the guard and its clones are dropped.
    pub(super) fn request(self: &Arc<Self>, standing: Standing) -> Busy {
        self.standing.fetch_max(standing as usize, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.touch();
        Busy { line: self.clone(), place: None }
    }

    fn counts(&self) -> ByteCounts {
        ByteCounts { sent: self.sent.load(Ordering::Relaxed), received: self.received.load(Ordering::Relaxed) }
    }

    fn handshake(&self) -> ByteCounts {
        ByteCounts {
            sent: self.handshake_sent.load(Ordering::Relaxed),
            received: self.handshake_received.load(Ordering::Relaxed),
        }
    }

    fn touch(&self) {
        // A u64 of milliseconds outlasts any connection.
        let alive_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.alive_ms.store(alive_ms, Ordering::Relaxed);
    }

    /// Bytes moved. They are a sign of life only within a request: a caller that drips a byte of a request's head now and
    /// then, or answers pings, holds its place no longer than a silent one.
    fn moved(&self) {
        if self.busy.load(Ordering::Relaxed) > 0 {
            self.touch();
        }
    }

    /// When the connection breaks if nothing happens.
    fn due(&self) -> Instant {
        let busy = self.busy.load(Ordering::Relaxed) > 0;
        let patience = if busy { self.busy_idle } else { self.idle[self.standing.load(Ordering::Relaxed)] };
        self.born + Duration::from_millis(self.alive_ms.load(Ordering::Relaxed)) + patience
    }
}

/// A request under way on a line, and the place among the sessions that it takes, if it is one.
#[derive(Debug)]
pub(super) struct Busy {
    line: Arc<Line>,
    place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Busy {
    /// Gives the place back once this guard and its clones are dropped.
    pub(super) fn holding(self, place: OwnedSemaphorePermit) -> Busy {
        let mut busy = self;
        busy.place = Some(Arc::new(place));
        busy
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        let mut busy = self.line.request(Standing::Unknown);
        busy.place = self.place.clone();
        busy
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.line.touch();
        self.line.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that counts and watches.
pub(super) struct Wire {
    socket: TcpStream,
    line: Arc<Line>,
    alarm: Pin<Box<Sleep>>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, line: Arc<Line>) -> Wire {
        tune(&socket);
        let alarm = Box::pin(tokio::time::sleep(line.look));
        Wire { socket, line, alarm }
    }

    /// Ready once the connection has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            if self.line.due() <= now {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "silent for too long"));
            }
            // A request that begins or ends changes the silence allowed and wakes nobody here, hence the regular look.
            self.alarm.as_mut().reset(self.line.due().min(now + self.line.look));
        }
    }

    fn wrote(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match poll {
            Poll::Ready(Ok(count)) => {
                self.line.sent.fetch_add(count as u64, Ordering::Relaxed);
                self.line.moved();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_silence(cx).map(Err),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.socket).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        match poll {
            Poll::Pending => self.poll_silence(cx).map(Err),
            Poll::Ready(Ok(())) if count > 0 => {
                self.line.received.fetch_add(count as u64, Ordering::Relaxed);
                self.line.moved();
                Poll::Ready(Ok(()))
            }
            done => done,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.wrote(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.wrote(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Sends small messages at once, and lets the kernel notice an end that has vanished. Each is a help, none is needed.
fn tune(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::net::sockopt;
        let _ = sockopt::set_socket_keepalive(socket, true);
        let _ = sockopt::set_tcp_keepidle(socket, PROBE_AFTER);
        let _ = sockopt::set_tcp_keepintvl(socket, PROBE_EVERY);
        let _ = sockopt::set_tcp_user_timeout(socket, UNACKNOWLEDGED_MS_MAX);
    }
}
