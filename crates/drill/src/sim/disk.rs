//! A disk in memory with an unsynced tail.
//!
//! Its contract, which the replica builds on: appends become durable in the order in which they were asked for, each whole
//! or not at all, some time after. A crash keeps any number of appends from the front of the tail and loses the rest. A
//! failing append takes all that were asked for after it with it. What is durable is only lost with the site.

use super::rng::Rng;
use sanad_log::chain::{Chains, Span};
use sanad_log::entry::Entry;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{Lane, LogId, Seq};
use sanad_log::replica::Token;
use std::collections::{BTreeMap, VecDeque};

/// An append that is not durable yet.
struct Unsynced {
    token: Token,
    due_ms: u64,
    entries: Vec<Entry>,
}

/// What the disk says after a while.
pub(super) enum Synced {
    /// These entries are durable.
    Durable(Token, Vec<Entry>),
    /// This append and all after it are gone.
    Failed(Token),
}

#[derive(Default)]
pub(super) struct Disk {
    durable: BTreeMap<(LogId, Seq), Entry>,
    frontier: Frontier,
    tail: VecDeque<Unsynced>,
}

impl Disk {
    /// Takes an append; says when it will be durable, never before the one asked for before it.
    pub(super) fn append(&mut self, token: Token, entries: Vec<Entry>, earliest_ms: u64) -> u64 {
        let due_ms = self.tail.back().map_or(earliest_ms, |last| last.due_ms.max(earliest_ms));
        self.tail.push_back(Unsynced { token, due_ms, entries });
        due_ms
    }

    /// Syncs the next append that is due. `fails` says whether the disk refuses it.
    pub(super) fn sync(&mut self, now: u64, fails: bool) -> Option<Synced> {
        self.tail.front().filter(|next| next.due_ms <= now)?;
        let Unsynced { token, entries, .. } = self.tail.pop_front()?;
        if fails {
            self.tail.clear();
            return Some(Synced::Failed(token));
        }
        self.keep(&entries);
        Some(Synced::Durable(token, entries))
    }

    fn keep(&mut self, entries: &[Entry]) {
        for entry in entries {
            let (log, seq) = (entry.header().log, entry.header().seq);
            let before = self.durable.insert((log, seq), entry.clone());
            assert!(before.is_none(), "the replica appends a place once");
            self.frontier.insert(Range { log, from: seq, to: seq });
        }
    }

    /// A power cut. Returns what the tail left behind: durable, though nobody was told.
    pub(super) fn crash(&mut self, rng: &mut Rng) -> Vec<Entry> {
        let kept = rng.below(self.tail.len() as u64 + 1) as usize;
        let mut left = Vec::new();
        for Unsynced { entries, .. } in std::mem::take(&mut self.tail).into_iter().take(kept) {
            self.keep(&entries);
            left.extend(entries);
        }
        left
    }

    /// Breaks the contract, for testing the oracle: the newest durable entry of some log is gone.
    pub(super) fn lose_one(&mut self) {
        if let Some(place) = self.durable.keys().next_back().copied() {
            self.durable.remove(&place);
            self.frontier = Frontier::default();
            for (log, seq) in self.durable.keys() {
                self.frontier.insert(Range { log: *log, from: *seq, to: *seq });
            }
        }
    }

    /// What is durable.
    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.durable.values()
    }

    pub(super) fn control(&self) -> impl Iterator<Item = &Entry> {
        // Logs are ordered by lane, and the control lane is the first.
        self.durable.values().take_while(|entry| entry.header().log.lane == Lane::Control)
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        let mut chains = Chains::default();
        self.durable.values().for_each(|entry| chains.insert(std::slice::from_ref(entry)));
        chains.spans().collect()
    }

    /// Consecutive durable entries from the start of the range; none if its first place is not there.
    pub(super) fn load(&self, range: Range, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let mut out = Vec::new();
        let places = self.durable.range((range.log, range.from)..=(range.log, range.to));
        for (next, ((_, seq), entry)) in (range.from..).zip(places) {
            if *seq != next || (bytes >= bytes_max && !out.is_empty()) {
                break;
            }
            bytes += entry.body().len();
            out.push(entry.clone());
        }
        out
    }
}
