//! One large frame at a time, of all that are kept for anybody by this process: such a frame takes some multiples of its
//! size while it is checked and written.
//!
//! Promise: whoever brings one slowly gives way once somebody waits, and comes again.

use crate::carrier::{ChannelError, FrameReader};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a frame may take while somebody waits, whatever its size.
const PATIENCE: Duration = Duration::from_secs(30);
/// And so many bytes of it a second.
const BYTES_PER_S: u64 = 64 * 1024;

/// Whose turn it is, and how many wait for it.
pub(crate) struct Turns {
    one: Semaphore,
    waiting: AtomicUsize,
}

/// Those of this process.
pub(crate) static TURNS: Turns = Turns::new();

/// Counts one who waits, also if it stops waiting before its turn.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    const fn new() -> Turns {
        Turns { one: Semaphore::const_new(1), waiting: AtomicUsize::new(0) }
    }

    /// Waits for this one's turn. It lasts as long as what is returned.
    pub(crate) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        self.one.acquire().await.ok()
    }

    /// Reads the frame whose turn it is.
    ///
    /// # Errors
    /// As [`FrameReader::next`]; [`ChannelError::Lost`] if it comes too slowly while others wait.
    pub(crate) async fn read(&self, reader: &mut FrameReader, len: usize) -> Result<Option<Bytes>, ChannelError> {
        let patience = PATIENCE + Duration::from_secs(len as u64 / BYTES_PER_S);
        loop {
            match tokio::time::timeout(patience, reader.next()).await {
                Ok(frame) => return frame,
                Err(_) if self.waiting.load(Ordering::Relaxed) > 0 => return Err(ChannelError::Lost),
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::testing::pair;

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_comes_slowly_gives_way_only_to_who_waits() {
        let turns = Turns::new();
        let len = 2_000_000;
        let turn = turns.take().await;
        let (_silent, mut reader) = pair();
        let reading = turns.read(&mut reader, len);
        tokio::pin!(reading);
        let hour = Duration::from_secs(3_600);
        assert!(tokio::time::timeout(hour, &mut reading).await.is_err(), "nobody waits: it has all the time");
        {
            let next = turns.take();
            tokio::pin!(next);
            let both = async {
                tokio::select! { read = &mut reading => read, _ = &mut next => unreachable!("it waits") }
            };
            assert_eq!(tokio::time::timeout(hour, both).await.unwrap(), Err(ChannelError::Lost));
        }
        drop(turn);
        // Who stopped waiting holds nobody up.
        let _turn = turns.take().await;
        let (mut writer, mut reader) = pair();
        let frame = vec![7; len];
        let (sent, read) = tokio::join!(
            async {
                writer.send(&frame).await?;
                writer.flush().await
            },
            turns.read(&mut reader, len)
        );
        assert_eq!((sent, read.unwrap().unwrap()), (Ok(()), Bytes::from(frame.clone())));
    }
}
