//! Bundles on a stick: files that a person carries where no link holds.
//!
//! Promises: a bundle is usable up to its last whole chunk, whenever the writing stopped; reading it twice changes nothing;
//! what a receipt bundle claims was on this site's disk before a byte of it was written; no file that this site did not
//! write is changed or taken away; memory is bounded, whatever the file's size.

mod couriers;
mod file;
mod plan;
mod read;
mod watch;
mod write;

pub use couriers::{BUNDLES_OUT_MAX, BundleOut};
pub use read::{ReadReport, ReceiptTo};
pub use watch::{WATCH_BYTES, WatchEvent};
pub use write::{MAX_BYTES, WriteOptions, WriteReport};

pub(crate) use plan::{Material, Tiers};
pub(crate) use read::Taken;
pub(crate) use write::shortened_run;

use crate::site::SiteError;
use sanad_log::bundle::BUNDLE_BYTES_MIN;
use sanad_store::StoreError;
use std::io;

/// Why a bundle could not be written or read. Nothing that was stored before is touched by any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The site itself cannot go on.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// No key of this network opens it: foreign, of another network, or torn before its first whole chunk.
    #[error("not readable with this network's keys")]
    NotReadable,
    /// A folder, a pipe, a device.
    #[error("not a file")]
    NotAFile,
    /// There is a file already, and this site did not write it.
    #[error("there is a file already that this site did not write")]
    Occupied,
    /// No patient of this id is known here.
    #[error("no patient has the id {0}")]
    UnknownPatient(String),
    /// More patients than can be pinned.
    #[error("at most {0} patients can be pinned")]
    TooManyPins(usize),
    /// The network's keys have not arrived here yet.
    #[error("the keys of the network have not arrived yet")]
    NoKeys,
    /// Too few bytes for any bundle.
    #[error("a bundle has at least {BUNDLE_BYTES_MIN} bytes")]
    TooSmall,
    /// The medium has no room, or takes no file of this size. What was written is a bundle up to its last whole chunk.
    #[error("there is no room for more; what was written so far is a bundle that can be read")]
    Full,
    /// The operating system could not read or write.
    #[error("input/output error while {doing}: {kind}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        kind: io::ErrorKind,
    },
}

impl From<StoreError> for BundleError {
    fn from(error: StoreError) -> Self {
        BundleError::Site(error.into())
    }
}

impl BundleError {
    fn io(doing: &'static str) -> impl FnOnce(io::Error) -> BundleError {
        move |error| match error.kind() {
            // A stick is often FAT: it says "too large" at 4 GiB.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                BundleError::Full
            }
            kind => BundleError::Io { doing, kind },
        }
    }
}

/// Hears how far it has come: done, of how many.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);
