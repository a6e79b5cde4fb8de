//! The entries without which nothing else of a network can be understood, kept a second time.
//!
//! Promise: one damaged page never costs a site its membership. Who belongs to the network, where the others are reached
//! and the handovers of its keys to this facility are a few kilobytes of the control lane; where they cannot be read there,
//! they are put back from here. Grants of charts come back from any site that holds them.

use sanad_log::control::{Control, from_cbor};
use sanad_log::directory::Directory;
use sanad_log::entry::{BodyKind, Entry, HEADER_LEN};
use sanad_log::ids::Lane;
use sanad_store::{Store, StoreError};

/// Prefix of the copies; the log and the place follow.
const ROOT_KEY: &str = "root/";

/// The name and the bytes of the copy, if an entry is one of these.
pub(crate) fn copy_of(entry: &Entry, directory: &Directory) -> Option<(String, Vec<u8>)> {
    let header = entry.header();
    // A keeper reads none of them, and has no root.
    if header.log.lane != Lane::Control || directory.is_keeper() {
        return None;
    }
    let is_root = match header.kind {
        BodyKind::Addressed => header.scope.0 == directory.own().0,
        // One that cannot be opened yet may be any of these.
        BodyKind::Sealed => match directory.open(entry) {
            Ok(text) => !matches!(from_cbor::<Control>(text.expose()), Ok(Control::Grants(_))),
            Err(_) => true,
        },
    };
    let name = || format!("{ROOT_KEY}{}/{:016}", header.log.author, header.seq);
    is_root.then(|| (name(), [header.encode().as_slice(), entry.body()].concat()))
}

/// The control lane as it can be read, after what it lacks of these was put back.
pub(crate) fn control_lane(store: &mut Store, directory: &Directory) -> Result<Vec<Entry>, StoreError> {
    let control = store.control_entries()?;
    if store.lost().is_empty() {
        return Ok(control.entries);
    }
    let copies = store.list_state(ROOT_KEY)?.into_iter().filter_map(|(_, bytes)| {
        let (header, body) = bytes.split_at_checked(HEADER_LEN)?;
        Entry::from_disk(header, body.to_vec()).ok()
    });
    store.put_back(&copies.collect::<Vec<_>>(), directory)?;
    Ok(store.control_entries()?.entries)
}
