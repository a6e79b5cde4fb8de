//! Commands through a folder's control socket, without a process of their own.

use super::PASSPHRASE;
use sanad_node::control_socket::{ControlAnswer, ControlRequest, ask};
use serde_json::Value;
use std::path::Path;

/// One operation. `None` if the other end is gone.
#[track_caller]
pub fn tell(dir: &Path, operation: Value) -> Option<(u8, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request =
        ControlRequest { passphrase: PASSPHRASE.to_owned().into(), command: "operate".to_owned(), args: operation };
    match runtime.block_on(ask(dir, &request, |_| {})) {
        Ok(ControlAnswer::Result { code, value }) => Some((code, value)),
        Ok(ControlAnswer::Error { id, text, .. }) => panic!("{id}: {text}"),
        Err(_) => None,
    }
}
