//! What is kept aside, of a site at work.

use sanad_node::quarantine::AdoptError;
use sanad_node::site::Site;

use super::site::{listing, piece};
use super::{SourceError, wait};
use crate::model::{ForkRow, Piece, Quarantine};

/// Digits by which a device is shown.
const DEVICE_DIGITS: usize = 8;

pub(super) fn quarantine(site: &Site, page: u64) -> Result<Quarantine, SourceError> {
    let counts = site.reader().quarantine_counts()?;
    let rows = wait(site.quarantine_newest(piece(page)))?.into_iter().map(|piece| Piece {
        n: piece.n,
        reason: piece.reason.to_owned(),
        site: piece.site,
        device: short(&piece.author),
        lane: piece.lane.to_owned(),
        seq: piece.seq,
        came_ms: piece.came_ms,
        how: piece.how.to_owned(),
        from: piece.from,
        adopted_ms: piece.adopted_ms,
    });
    let forks = wait(site.forks())?.into_iter().map(|fork| ForkRow {
        site: fork.site,
        device: short(&fork.device),
        lane: fork.lane.to_owned(),
        seq: fork.seq,
        found_ms: fork.found_ms,
        found_by: fork.found_by,
        replaced: fork.replaced,
        carried_by: fork.carried_by,
    });
    let total = counts.iter().map(|kept| kept.waiting + kept.adopted).sum();
    Ok(Quarantine {
        pieces: listing(rows.collect(), page, Some(total)),
        dropped: counts.iter().map(|kept| kept.dropped).sum(),
        forks: forks.collect(),
    })
}

pub(super) fn adopt(site: &Site, n: u64, by: &str) -> Result<(), AdoptError> {
    tokio::runtime::Handle::current().block_on(site.adopt(n, Some(by))).map(drop)
}

fn short(device: &str) -> String {
    device.chars().take(DEVICE_DIGITS).collect()
}
