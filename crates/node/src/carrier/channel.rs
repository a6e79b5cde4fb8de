//! One session between two sites: frames in both directions at once.
//!
//! A frame is a varint length and that many bytes. Frames do not line up with what carries them: small ones share a
//! chunk, large ones span many.

use axum::body::Body;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::wire::{Busy, ByteCounters};
use super::{CHUNK_BYTES, QUEUE_CHUNKS};
use crate::tls::Exporter;

/// Largest frame: an entry's body of 16 MiB, padded and sealed, with room.
pub const FRAME_BYTES_MAX: usize = 25 * 1024 * 1024;

/// Bytes of the longest varint that can stand for a length within [`FRAME_BYTES_MAX`].
const LENGTH_BYTES_MAX: usize = 4;

/// How long, and how much, a side that has heard enough still listens. HTTP/2 has no half-open end: without this, the peer
/// would see its last word cut off and take a finished session for a broken one.
const LINGER: Duration = Duration::from_secs(20);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// A session with a peer. The peer is whoever signs the exporter: the carrier itself knows only an address.
pub struct Channel {
    /// Frames from the peer.
    pub reader: FrameReader,
    /// Frames to the peer.
    pub writer: FrameWriter,
    /// The same at both ends, different for every connection. Sessions on one kept connection share it.
    pub exporter: Exporter,
    /// Where the peer is on the network.
    pub peer_addr: SocketAddr,
    /// What the session costs on the wire.
    pub counters: ByteCounters,
}

impl Channel {
    /// The two halves and the body that the writer fills.
    pub(super) fn new(
        incoming: Body,
        outgoing: FrameWriter,
        exporter: Exporter,
        peer_addr: SocketAddr,
        counters: ByteCounters,
        busy: Busy,
    ) -> Channel {
        let limit = Arc::new(AtomicUsize::new(FRAME_BYTES_MAX));
        let reader = FrameReader { body: incoming, buffer: BytesMut::new(), ended: false, busy, put_back: None, limit };
        Channel { reader, writer: outgoing, exporter, peer_addr, counters }
    }
}

/// Neither the exporter nor a byte of a frame is shown.
impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("peer_addr", &self.peer_addr).finish_non_exhaustive()
    }
}

/// Why a session cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The peer vanished, or cut the session. What it has confirmed before stands.
    #[error("the connection was lost before the session ended")]
    Lost,
    /// The peer ended the session in the middle of a frame.
    #[error("the session ended in the middle of a frame")]
    Torn,
    /// A frame above [`FRAME_BYTES_MAX`], to send or announced by the peer.
    #[error("a frame is larger than {FRAME_BYTES_MAX} bytes")]
    TooLarge,
    /// A length that is not in its shortest form.
    #[error("a frame's length is malformed")]
    Malformed,
}

/// Frames from the peer. It may be dropped as soon as this side has heard enough: what the peer was still saying is
/// received for a while and let go, so that the peer's own end of the session is not an error. Dropped with an unfinished
/// writer, it cuts the session.
pub struct FrameReader {
    body: Body,
    buffer: BytesMut,
    ended: bool,
    busy: Busy,
    /// A frame that was read to see whom it is for, and is to be read again.
    put_back: Option<Bytes>,
    /// Largest frame that is taken.
    limit: Arc<AtomicUsize>,
}

impl FrameReader {
    /// The next frame; `None` once the peer has finished. May be cancelled and called again without losing a byte.
    /// Never holds more than one frame and one chunk, and never allocates for bytes that have not come.
    ///
    /// # Errors
    /// The connection is lost, or the peer does not keep to the form. The session is over.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ChannelError> {
        if let Some(frame) = self.put_back.take() {
            return Ok(Some(frame));
        }
        loop {
            if let Some((header, len)) = self.announced()?
                && self.buffer.len() >= header + len
            {
                self.buffer.advance(header);
                return Ok(Some(self.buffer.split_to(len).freeze()));
            }
            if !self.read_some().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ChannelError::Torn) };
            }
        }
    }
}

impl FrameReader {
    /// Gives a frame back, to be the next one.
    pub fn put_back(&mut self, frame: Bytes) {
        self.put_back = Some(frame);
    }

    /// The largest frame that is taken, in bytes, for whoever learns how far the peer is to be trusted. Never more than
    /// [`FRAME_BYTES_MAX`].
    pub fn limit(&self) -> Arc<AtomicUsize> {
        self.limit.clone()
    }

    /// The length of the next frame, as soon as the peer has announced it; `None` once the peer has finished. Reads no more
    /// than that takes. May be cancelled and called again.
    ///
    /// # Errors
    /// As [`FrameReader::next`].
    pub async fn next_len(&mut self) -> Result<Option<usize>, ChannelError> {
        if let Some(frame) = &self.put_back {
            return Ok(Some(frame.len()));
        }
        loop {
            if let Some((_, len)) = self.announced()? {
                return Ok(Some(len));
            }
            if !self.read_some().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ChannelError::Torn) };
            }
        }
    }

    /// The bytes of the next frame's length, and the length, once they are here.
    fn announced(&self) -> Result<Option<(usize, usize)>, ChannelError> {
        let announced = read_length(&self.buffer)?;
        match announced {
            Some((_, len)) if len > self.limit.load(Ordering::Relaxed) => Err(ChannelError::TooLarge),
            announced => Ok(announced),
        }
    }

    /// Waits for more; false at the end.
    async fn read_some(&mut self) -> Result<bool, ChannelError> {
        let Some(frame) = self.body.frame().await else {
            self.ended = true;
            return Ok(false);
        };
        let Ok(frame) = frame else {
            self.ended = true;
            return Err(ChannelError::Lost);
        };
        if let Some(data) = frame.data_ref() {
            self.buffer.extend_from_slice(data);
        }
        Ok(true)
    }
}

impl Drop for FrameReader {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (mut body, busy) = (std::mem::take(&mut self.body), self.busy.clone());
        runtime.spawn(async move {
            let mut room = LINGER_BYTES_MAX;
            let linger = async {
                while let Some(Ok(frame)) = body.frame().await {
                    let len = frame.data_ref().map_or(0, Bytes::len);
                    match room.checked_sub(len) {
                        Some(rest) => room = rest,
                        None => break,
                    }
                }
            };
            let _ = tokio::time::timeout(LINGER, linger).await;
            drop(busy);
        });
    }
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("buffered_bytes", &self.buffer.len()).finish_non_exhaustive()
    }
}

/// Frames to the peer. Dropped without [`FrameWriter::finish`], it cuts the session: the peer sees an error, not an end.
pub struct FrameWriter {
    chunks: mpsc::Sender<Chunk>,
    buffer: BytesMut,
}

impl FrameWriter {
    /// A writer and the HTTP body that it fills.
    pub(super) fn new(busy: Busy) -> (FrameWriter, Body) {
        let (chunks, receiver) = mpsc::channel(QUEUE_CHUNKS);
        let body = Body::new(ChunkBody { receiver, _busy: busy });
        (FrameWriter { chunks, buffer: BytesMut::new() }, body)
    }

    /// Takes a frame. It waits while the peer does not keep up. Small frames are gathered: they are sure to leave only
    /// at the next [`FrameWriter::flush`]. May be cancelled: the frame is then taken wholly or not at all.
    ///
    /// # Errors
    /// The frame is too large, or the connection is lost.
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), ChannelError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(ChannelError::TooLarge);
        }
        while self.buffer.len() >= CHUNK_BYTES {
            self.push().await?;
        }
        write_length(frame.len(), &mut self.buffer);
        self.buffer.extend_from_slice(frame);
        Ok(())
    }

    /// Sends what was gathered on its way. Call it whenever there is nothing more to say before an answer.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        while !self.buffer.is_empty() {
            self.push().await?;
        }
        Ok(())
    }

    /// Sends the rest and says that nothing follows.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn finish(mut self) -> Result<(), ChannelError> {
        self.flush().await?;
        self.chunks.send(Chunk::End).await.map_err(|_| ChannelError::Lost)
    }

    /// Resolves when nothing sent any more can arrive: the peer vanished or cut the session.
    pub async fn lost(&self) {
        self.chunks.closed().await;
    }

    async fn push(&mut self) -> Result<(), ChannelError> {
        let permit = self.chunks.reserve().await.map_err(|_| ChannelError::Lost)?;
        let len = self.buffer.len().min(CHUNK_BYTES);
        permit.send(Chunk::Data(self.buffer.split_to(len).freeze()));
        Ok(())
    }
}

impl fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameWriter").field("buffered_bytes", &self.buffer.len()).finish_non_exhaustive()
    }
}

enum Chunk {
    Data(Bytes),
    End,
}

/// The HTTP body behind a writer.
struct ChunkBody {
    receiver: mpsc::Receiver<Chunk>,
    _busy: Busy,
}

/// The writer was dropped before it had finished. Never seen by a caller: it becomes the reset of the stream.
#[derive(Debug, thiserror::Error)]
#[error("the session was cut here")]
struct Cut;

impl HttpBody for ChunkBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Poll::Ready(match ready!(self.receiver.poll_recv(cx)) {
            Some(Chunk::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Chunk::End) => None,
            None => Some(Err(Cut)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// The bytes of a length and the length, once they are all there.
fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, ChannelError> {
    let mut len = 0usize;
    for (index, byte) in bytes.iter().take(LENGTH_BYTES_MAX).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * index);
        if len > FRAME_BYTES_MAX {
            return Err(ChannelError::TooLarge);
        }
        if byte & 0x80 == 0 {
            let shortest = index == 0 || *byte != 0;
            return if shortest { Ok(Some((index + 1, len))) } else { Err(ChannelError::Malformed) };
        }
    }
    if bytes.len() < LENGTH_BYTES_MAX { Ok(None) } else { Err(ChannelError::TooLarge) }
}

fn write_length(mut len: usize, out: &mut BytesMut) {
    while len >= 0x80 {
        out.extend_from_slice(&[(len & 0x7f) as u8 | 0x80]);
        len >>= 7;
    }
    out.extend_from_slice(&[len as u8]);
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::carrier::Limits;
    use crate::carrier::wire::{Line, Standing};

    pub(in crate::carrier) fn busy() -> Busy {
        Line::new(&Limits::default()).request(Standing::Peer)
    }

    pub(crate) fn reader(body: Body) -> FrameReader {
        let limit = Arc::new(AtomicUsize::new(FRAME_BYTES_MAX));
        FrameReader { body, buffer: BytesMut::new(), ended: false, busy: busy(), put_back: None, limit }
    }

    /// Both ends of one direction.
    pub(crate) fn pair() -> (FrameWriter, FrameReader) {
        let (writer, body) = FrameWriter::new(busy());
        (writer, reader(body))
    }
}

#[cfg(test)]
mod tests;
