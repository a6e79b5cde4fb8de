//! The asking side.

use super::place::Reach;
use super::{ControlAnswer, ControlError, ControlEvent, ControlRequest, EVENT_BYTES_MAX, Line, SOCKET_NAME, is_ours};
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Asks the site that serves a folder, and waits for its answer however long it takes. If this is cancelled the site may go
/// on with what it was asked.
///
/// # Errors
/// Nobody serves the folder, or the other end fails. What the site itself has to say against it is an answer, not an error.
pub async fn ask(
    dir: &Path,
    request: &ControlRequest,
    mut on_event: impl FnMut(ControlEvent),
) -> Result<ControlAnswer, ControlError> {
    let line = request.to_line()?;
    let reach = Reach::new(dir, Path::new(SOCKET_NAME))?;
    let mut stream = UnixStream::connect(&reach.path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning,
        _ => ControlError::Io(error),
    })?;
    if !is_ours(&stream) {
        return Err(ControlError::Stranger);
    }
    // A site that has no place for one more says so at once and hangs up: then the answer is what matters.
    let _ = stream.write_all(&line).await;
    drop(line);
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut stream).take(EVENT_BYTES_MAX as u64);
        if bounded.read_until(b'\n', &mut line).await.is_err() || line.is_empty() {
            return Err(ControlError::Lost);
        }
        if line.last() != Some(&b'\n') {
            return Err(if line.len() < EVENT_BYTES_MAX { ControlError::Lost } else { ControlError::TooLong });
        }
        match serde_json::from_slice(&line).map_err(|_| ControlError::Malformed)? {
            Line::Event(event) => on_event(event),
            Line::Answer(answer) => return Ok(answer),
        }
    }
}
