//! The obeying side.

use super::place::ControlSocket;
use super::{
    ControlAnswer, ControlError, ControlEvent, ControlRequest, EVENT_BYTES_MAX, Line, REQUEST_BYTES_MAX, is_ours,
};
use serde_json::json;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// Commands under way at once: one person at a terminal, a script or two.
const COMMANDS_MAX: usize = 8;
/// A caller that has connected sends its line at once; it is a program on this machine.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// Wait before accepting again when the system gives no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Warnings that wait for a caller to read them.
const WARNINGS_MAX: usize = 16;
/// Exit codes of the command line: failed, wrong usage.
const CODE_FAILED: u8 = 1;
const CODE_USAGE: u8 = 2;

/// What carries out commands.
pub trait Obey: Send + Sync + 'static {
    /// Carries out one command. The passphrase is still to be checked. It runs to its end even if the caller hangs up,
    /// unless it watches [`Events::hung_up`].
    fn obey(&self, request: ControlRequest, events: Events) -> impl Future<Output = ControlAnswer> + Send;
}

/// Where a command tells how it goes.
#[derive(Clone, Debug)]
pub struct Events {
    warnings: mpsc::Sender<String>,
    progress: watch::Sender<Option<ControlEvent>>,
}

impl Events {
    /// Tells how far it is. Never waits: what the caller has not read yet is replaced.
    pub fn progress(&self, what: &str, done: u64, of: Option<u64>) {
        self.progress.send_replace(Some(ControlEvent::Progress { what: what.to_owned(), done, of }));
    }

    /// Tells something the user should know. Waits while the caller does not read; lost if it has hung up.
    pub async fn warning(&self, text: String) {
        let _ = self.warnings.send(text).await;
    }

    /// Resolves once the caller has hung up.
    pub async fn hung_up(&self) {
        self.warnings.closed().await;
    }
}

/// Answers commands until `shutdown` resolves; commands under way then are cut.
pub async fn serve_control<O: Obey>(socket: ControlSocket, obey: Arc<O>, shutdown: impl Future<Output = ()>) {
    let free = Arc::new(Semaphore::new(COMMANDS_MAX));
    let mut commands = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = socket.listener.accept() => accepted,
        };
        while commands.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        if !is_ours(&stream) {
            continue;
        }
        let (obey, place) = (obey.clone(), free.clone().try_acquire_owned());
        commands.spawn(async move {
            let (reader, writer) = stream.into_split();
            match place {
                Ok(_place) => command(reader, writer, obey).await,
                Err(_) => answer(writer, refusal(CODE_FAILED, "busy", "too many commands at once")).await,
            }
        });
    }
    commands.shutdown().await;
}

async fn command<O: Obey>(mut reader: OwnedReadHalf, writer: OwnedWriteHalf, obey: Arc<O>) {
    let request = match tokio::time::timeout(REQUEST_WAIT, read_request(&mut reader)).await {
        Ok(Ok(request)) => request,
        Ok(Err(ControlError::Lost)) | Err(_) => return,
        Ok(Err(error)) => return answer(writer, refusal(CODE_USAGE, "bad-request", &error.to_string())).await,
    };
    let (warnings, told) = mpsc::channel(WARNINGS_MAX);
    let (progress, moved) = watch::channel(None);
    // Events leave from a task of their own, so that a command that blocks its thread is still seen to move.
    let (done, over) = oneshot::channel();
    let telling = tokio::spawn(tell(reader, writer, told, moved, over));
    let outcome = obey.obey(request, Events { warnings, progress }).await;
    let _ = done.send(());
    if let Ok(Some(writer)) = telling.await {
        answer(writer, outcome).await;
    }
}

/// One line, in memory that is wiped.
async fn read_request(reader: &mut OwnedReadHalf) -> Result<ControlRequest, ControlError> {
    let mut buffer = Zeroizing::new(vec![0u8; REQUEST_BYTES_MAX]);
    let mut len = 0;
    loop {
        let count = reader.read(&mut buffer[len..]).await?;
        if count == 0 {
            return Err(if len == REQUEST_BYTES_MAX { ControlError::TooLong } else { ControlError::Lost });
        }
        let end = buffer[len..len + count].iter().position(|byte| *byte == b'\n').map(|end| len + end);
        len += count;
        if let Some(end) = end {
            return ControlRequest::from_line(&buffer[..end]);
        }
    }
}

/// Passes events on until the command is done; then gives the writer back. `None` if the caller hung up.
async fn tell(
    mut reader: OwnedReadHalf,
    mut writer: OwnedWriteHalf,
    mut warnings: mpsc::Receiver<String>,
    mut progress: watch::Receiver<Option<ControlEvent>>,
    mut over: oneshot::Receiver<()>,
) -> Option<OwnedWriteHalf> {
    loop {
        let mut rest = [0u8; 64];
        let event = tokio::select! {
            // In this order: every warning leaves before the end is looked at.
            biased;
            Some(text) = warnings.recv() => Some(ControlEvent::Warning(text)),
            _ = &mut over => return Some(writer),
            Ok(()) = progress.changed() => progress.borrow_and_update().clone(),
            // What follows the request's line means nothing; its end means that the caller is gone.
            read = reader.read(&mut rest) => match read {
                Ok(0) | Err(_) => return None,
                Ok(_) => None,
            },
        };
        if let Some(event) = event {
            write(&mut writer, &Line::Event(event)).await.ok()?;
        }
    }
}

async fn answer(mut writer: OwnedWriteHalf, answer: ControlAnswer) {
    if let Err(ControlError::TooLong) = write(&mut writer, &Line::Answer(answer)).await {
        let refusal = refusal(CODE_FAILED, "answer-too-long", "the answer is longer than the control socket allows");
        let _ = write(&mut writer, &Line::Answer(refusal)).await;
    }
}

async fn write(writer: &mut OwnedWriteHalf, line: &Line) -> Result<(), ControlError> {
    let mut bytes = serde_json::to_vec(line).map_err(|_| ControlError::Malformed)?;
    if bytes.len() >= EVENT_BYTES_MAX {
        return Err(ControlError::TooLong);
    }
    bytes.push(b'\n');
    Ok(writer.write_all(&bytes).await?)
}

fn refusal(code: u8, id: &str, text: &str) -> ControlAnswer {
    ControlAnswer::Error { code, id: id.to_owned(), text: text.to_owned(), args: json!({}) }
}
