//! What is true, known from outside: which disk ever durably held which entry, which saves were acknowledged, and what
//! they said. It sees disks, effects and receipts; of a replica it reads only what a screen would show.
//!
//! **Never lull, exactly.** An entry that is durable at a site and *not* in the site's "only here" was durably held by
//! another facility before that facility's receipt was signed; unless that facility was destroyed since, it still is.

use super::exposed::Safe;
use super::report::Promise;
use sanad_log::control::SiteKind;
use sanad_log::entry::Entry;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, EntryId, Lane, LogId, ScopeTag, Seq};
use sanad_log::receipt::Receipt;
use sanad_log::replica::Appending;
use std::collections::BTreeMap;

/// A broken promise, before the world adds seed and time.
pub(super) type Broken = (Promise, String);

/// Sites as bits.
type Mask = u32;
/// Most sites of a world.
pub(super) const SITES_MAX: usize = Mask::BITS as usize;

#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) id: EntryId,
    pub(super) scope: ScopeTag,
    /// Sites whose disk held it durably at some time, and those that still do.
    ever: Mask,
    live: Mask,
    pub(super) acknowledged: bool,
    /// BLAKE3 of the text, for own saves.
    pub(super) text: Option<[u8; 32]>,
}

impl Place {
    pub(super) fn held_by(&self, site: usize) -> bool {
        self.live & bit(site) != 0
    }

    /// Sites whose disk ever held it.
    pub(super) fn ever(&self) -> Mask {
        self.ever
    }

    pub(super) fn holders(&self) -> u32 {
        self.live.count_ones()
    }
}

/// What was lost with a site.
pub(super) struct Loss {
    pub(super) said: u64,
    pub(super) lost: u64,
}

#[derive(Default)]
pub(super) struct Oracle {
    /// Every entry that ever was durable at its author.
    logs: BTreeMap<LogId, BTreeMap<Seq, Place>>,
    sites: BTreeMap<DeviceId, usize>,
    /// Own saves on their way to the disk.
    texts: BTreeMap<EntryId, [u8; 32]>,
    ids: BTreeMap<EntryId, (LogId, Seq)>,
    /// Per site: places found rightly confirmed already. A place stays so, since `ever` never shrinks.
    confirmed: Vec<Frontier>,
    /// Per site: places found rightly claimed by its receipts.
    claimed: Vec<Frontier>,
    /// Per site: places found rightly called safe.
    pub(super) safe: Vec<Safe>,
    /// Sites that are havens.
    pub(super) havens: Mask,
    /// Per site: the durable frontier when it was last looked at.
    durable: Vec<Frontier>,
    /// Every chart, and the site that made it.
    charts: BTreeMap<ScopeTag, usize>,
    last: BTreeMap<LogId, (Seq, EntryId)>,
}

pub(super) fn bit(site: usize) -> Mask {
    1 << site
}

pub(super) fn broken<T>(promise: Promise, what: String) -> Result<T, Broken> {
    Err((promise, what))
}

impl Oracle {
    pub(super) fn new(devices: impl IntoIterator<Item = (DeviceId, SiteKind)>) -> Oracle {
        let devices: Vec<_> = devices.into_iter().collect();
        let haven = |(site, (_, kind)): (usize, &(DeviceId, SiteKind))| (*kind == SiteKind::Haven).then(|| bit(site));
        let havens = devices.iter().enumerate().filter_map(haven).sum();
        let sites: BTreeMap<_, _> = devices.into_iter().enumerate().map(|(site, (device, _))| (device, site)).collect();
        assert!(sites.len() <= SITES_MAX, "sites fit a mask");
        let none = vec![Frontier::default(); sites.len()];
        let safe = vec![Safe::default(); sites.len()];
        Oracle {
            sites,
            havens,
            safe,
            confirmed: none.clone(),
            claimed: none.clone(),
            durable: none,
            ..Oracle::default()
        }
    }

    /// An append was asked for: remembers what own saves say.
    pub(super) fn asked(&mut self, entries: &[Appending]) {
        for Appending { entry, text } in entries {
            if let (Some(text), true) = (text, entry.header().log.lane != Lane::Control) {
                self.texts.insert(entry.id(), *blake3::hash(text.0.expose()).as_bytes());
            }
        }
    }

    /// These entries are durable at a site.
    pub(super) fn stored(&mut self, site: usize, entries: &[Entry]) -> Result<(), Broken> {
        for entry in entries {
            let header = entry.header();
            let (log, seq) = (header.log, header.seq);
            if self.sites.get(&log.author) == Some(&site) {
                self.written(site, entry)?;
            }
            let Some(place) = self.logs.get_mut(&log).and_then(|log| log.get_mut(&seq)) else {
                return broken(Promise::ChainsIntact, format!("site {site} stored {log:?} {seq}, which nobody wrote"));
            };
            if place.id != entry.id() {
                return broken(
                    Promise::ChainsIntact,
                    format!("site {site} stored another {log:?} {seq} than was written"),
                );
            }
            place.ever |= bit(site);
            place.live |= bit(site);
        }
        Ok(())
    }

    /// An author's own entry became durable: from now on it exists.
    fn written(&mut self, site: usize, entry: &Entry) -> Result<(), Broken> {
        let header = entry.header();
        let (log, seq) = (header.log, header.seq);
        let (last, last_id) = self.last.get(&log).copied().unwrap_or((0, EntryId([0; 32])));
        if seq != last + 1 || header.prev != last_id {
            return broken(
                Promise::ChainsIntact,
                format!("site {site} wrote {log:?} {seq} after {last}, or off its chain"),
            );
        }
        self.last.insert(log, (seq, entry.id()));
        let text = self.texts.remove(&entry.id());
        let place = Place { id: entry.id(), scope: header.scope, ever: 0, live: 0, acknowledged: false, text };
        self.logs.entry(log).or_default().insert(seq, place);
        self.ids.insert(entry.id(), (log, seq));
        if text.is_some() && header.scope != ScopeTag::NETWORK {
            self.charts.entry(header.scope).or_insert(site);
        }
        Ok(())
    }

    /// A save was acknowledged.
    pub(super) fn acknowledged(&mut self, site: usize, ids: &[EntryId]) -> Result<(), Broken> {
        for id in ids {
            let place = self.ids.get(id).and_then(|(log, seq)| self.logs.get_mut(log)?.get_mut(seq));
            match place {
                Some(place) if place.held_by(site) => place.acknowledged = true,
                _ => {
                    let what = format!("site {site} acknowledged {id:?}, which its disk does not hold");
                    return broken(Promise::DurableBeforeAcknowledged, what);
                }
            }
        }
        Ok(())
    }

    /// What a site takes for durable is what its disk holds, and never less than before.
    pub(super) fn check_durable(&mut self, site: usize, replica: &Frontier, disk: &Frontier) -> Result<(), Broken> {
        if replica != disk {
            let (more, less) = (replica.minus(disk), disk.minus(replica));
            let what = format!("site {site}: the replica takes {more:?} for durable and does not know of {less:?}");
            return broken(Promise::DurableOnlyGrows, what);
        }
        let gone = self.durable[site].minus(disk);
        if !gone.is_empty() {
            return broken(Promise::DurableOnlyGrows, format!("site {site}: {gone:?} was durable and is gone"));
        }
        if self.durable[site] != *disk {
            self.durable[site] = disk.clone();
        }
        Ok(())
    }

    /// A receipt was taken somewhere: all it claims was durable at its device.
    pub(super) fn check_receipt(&mut self, receipt: &Receipt) -> Result<(), Broken> {
        let Some(site) = self.sites.get(&receipt.device).copied() else {
            return broken(Promise::ReceiptIsTrue, format!("a receipt of {:?}, which nobody is", receipt.device));
        };
        for range in receipt.frontier.minus(&self.claimed[site]) {
            if let Some(seq) = self.first_not(range, |place| place.ever & bit(site) != 0) {
                let what = format!("site {site} signed for {:?} {seq}, which its disk never held", range.log);
                return broken(Promise::ReceiptIsTrue, what);
            }
            self.claimed[site].insert(range);
        }
        Ok(())
    }

    /// The gauge of a site: what it leaves out was durably held by another facility.
    pub(super) fn check_gauge(&mut self, site: usize, durable: &Frontier, only_here: &[Range]) -> Result<(), Broken> {
        let alone: Frontier = only_here.iter().copied().collect();
        let mut known = self.confirmed[site].clone();
        known.extend(&alone);
        for range in durable.minus(&known) {
            if let Some(seq) = self.first_not(range, |place| place.ever & !bit(site) != 0) {
                let what =
                    format!("site {site} does not show {:?} {seq} as only here, and no other disk held it", range.log);
                return broken(Promise::NeverLull, what);
            }
            self.confirmed[site].insert(range);
        }
        Ok(())
    }

    pub(super) fn first_not(&self, range: Range, holds: impl Fn(&Place) -> bool) -> Option<Seq> {
        let log = self.logs.get(&range.log);
        (range.from..=range.to).find(|seq| !log.and_then(|log| log.get(seq)).is_some_and(&holds))
    }

    /// A site is gone for ever: lost is what no other disk holds, and all of it was in the gauge.
    pub(super) fn destroyed(&mut self, site: usize, only_here: &[Range]) -> Result<Loss, Broken> {
        let alone: Frontier = only_here.iter().copied().collect();
        let mut lost = 0;
        for (log, places) in &mut self.logs {
            for (seq, place) in places.iter_mut().filter(|(_, place)| place.live & bit(site) != 0) {
                if place.live == bit(site) {
                    lost += 1;
                    // What another, now destroyed, facility had confirmed may be gone without having been in the gauge:
                    // two sites held it and both were destroyed.
                    if !alone.contains(log, *seq) && place.ever == bit(site) {
                        let what = format!("site {site} took {log:?} {seq} with it, which its gauge had not said");
                        return broken(Promise::Survive, what);
                    }
                }
                place.live &= !bit(site);
            }
        }
        Ok(Loss { said: alone.count(), lost })
    }

    /// The site where a device is.
    pub(super) fn site_of(&self, device: &DeviceId) -> Option<usize> {
        self.sites.get(device).copied()
    }

    /// Every place that ever was.
    pub(super) fn places(&self) -> impl Iterator<Item = (LogId, Seq, &Place)> {
        self.logs.iter().flat_map(|(log, places)| places.iter().map(|(seq, place)| (*log, *seq, place)))
    }

    /// One place.
    pub(super) fn place(&self, log: LogId, seq: Seq) -> Option<&Place> {
        self.logs.get(&log)?.get(&seq)
    }

    /// Every chart in which something durable was saved, and the site that made it.
    pub(super) fn charts(&self) -> &BTreeMap<ScopeTag, usize> {
        &self.charts
    }
}
