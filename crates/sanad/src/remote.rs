//! Commands on a folder that another process serves: asked there, answered there, in the words of the one who asks.

use crate::commands::WRONG_PASSPHRASE_DELAY;
use crate::commands::operate::{self, Operation, Progress};
use crate::say::{self, Trouble};
use anyhow::Result;
use sanad_node::control_socket::{
    ControlAnswer, ControlError, ControlEvent, ControlRequest, ControlSocket, Events, Obey, ask as ask_socket,
    serve_control,
};
use sanad_node::site::{Site, SiteError, system_entropy};
use sanad_store::StoreError;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

/// The one command name on the socket; its arguments are an [`Operation`].
const OPERATE: &str = "operate";

/// Asks the process that serves a folder. If nobody answers there, the folder is simply in use.
pub async fn ask(dir: &Path, passphrase: &str, operation: &Operation, progress: Progress<'_>) -> Result<(u8, Value)> {
    let request = ControlRequest {
        passphrase: Zeroizing::new(passphrase.to_owned()),
        command: OPERATE.to_owned(),
        args: serde_json::to_value(operation)?,
    };
    let on_event = |event| match event {
        ControlEvent::Progress { what, done, of } => progress(&what, done, of),
        ControlEvent::Warning(text) => eprintln!("{text}"),
    };
    match ask_socket(dir, &request, on_event).await {
        Ok(ControlAnswer::Result { code, value }) => Ok((code, value)),
        Ok(ControlAnswer::Error { code, id, text, args }) => {
            let text = say::text_of_other(&id, &args).unwrap_or(text);
            Err(Trouble::Remote { code, text }.into())
        }
        Err(ControlError::NotRunning) => Err(StoreError::InUse.into()),
        Err(error) => Err(error.into()),
    }
}

struct Obedient {
    site: Site,
    /// Made with a key of this process, so that the passphrase itself need not be kept.
    key: [u8; 32],
    known: blake3::Hash,
    /// One wrong passphrase at a time: guesses queue up here.
    guess: Mutex<()>,
}

impl Obey for Obedient {
    async fn obey(&self, request: ControlRequest, events: Events) -> ControlAnswer {
        // The message goes by its name, so that the one who asks reads it in a language of theirs.
        let refused = |error: &anyhow::Error| {
            let (code, id, args) = say::name(error);
            let named = args.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
            let text = say::text(id, &args);
            ControlAnswer::Error { code, id: id.to_owned(), text, args: Value::Object(named) }
        };
        // Hashes of BLAKE3 compare in constant time.
        if blake3::keyed_hash(&self.key, request.passphrase.as_bytes()) != self.known {
            let _guess = self.guess.lock().await;
            tokio::time::sleep(WRONG_PASSPHRASE_DELAY).await;
            return refused(&SiteError::Store(StoreError::WrongPassphrase).into());
        }
        let operation: Operation = match serde_json::from_value(request.args) {
            Ok(operation) if request.command == OPERATE => operation,
            _ => return refused(&anyhow::anyhow!("the running process does not know this command")),
        };
        let progress = |what: &str, done, of| events.progress(what, done, of);
        let result = match operation {
            // It goes on until it is told to end: by whoever asked for it, hanging up.
            Operation::Link(_) => tokio::select! {
                result = operate::run(&self.site, &operation, &progress) => result,
                () = events.hung_up() => Ok((0, Value::Null)),
            },
            _ => operate::run(&self.site, &operation, &progress).await,
        };
        match result {
            Ok((code, value)) => ControlAnswer::Result { code, value },
            Err(error) => refused(&error),
        }
    }
}

/// A socket that is being answered, until it is dropped.
pub struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers commands on a folder's socket.
pub fn listen(dir: &Path, site: Site, passphrase: &str) -> Result<Listening> {
    let socket = ControlSocket::bind(dir)?;
    let key: [u8; 32] = system_entropy().array();
    let known = blake3::keyed_hash(&key, passphrase.as_bytes());
    let obedient = Arc::new(Obedient { site, key, known, guess: Mutex::new(()) });
    let served = tokio::spawn(serve_control(socket, obedient, std::future::pending()));
    Ok(Listening(served.abort_handle()))
}
