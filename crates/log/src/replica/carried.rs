//! What comes by no session: a bundle on a stick, a text message. The rules are those of a session, but for who may ask:
//! nobody here can say "send me the rest".

use super::{Effect, Refused, RefusedReason, Replica, Token};
use crate::control::SignedEnrolment;
use crate::frontier::{Frontier, INTERVALS_MAX};
use crate::ids::{Lane, LogId};
use crate::receipt::Receipt;
use crate::run::{CheckedRun, Unfit};
use std::sync::Arc;

/// Most pieces that carried entries may leave a log in: beyond them this site's own receipt could not be read by others.
const PIECES_MAX: usize = INTERVALS_MAX / 2;

/// Something that was carried here.
#[derive(Debug)]
pub enum Carried {
    /// The enrolment of whoever wrote what follows.
    Credential(Box<SignedEnrolment>),
    /// Receipts whose signature holds, the writer's own among them: each is taken if its counter is newer.
    Receipts(Vec<Receipt>),
    /// Consecutive entries of one log, and what their carrier said that it held when it wrote them down. Without that,
    /// only control entries are taken.
    Entries(CheckedRun, Option<Arc<Frontier>>),
}

/// What was taken of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Took {
    /// Entries that were not held before.
    pub new: u64,
    /// Entries that were held already.
    pub known: u64,
    /// Entries that were not taken, because the keys that their author wrote before them have not come yet. The same
    /// bundle brings them once the keys are here.
    pub waiting: u64,
    /// Entries that do not hold or contradict what is here: kept as evidence.
    pub refused: u64,
    /// Receipts that were newer than those held.
    pub receipts: u64,
}

impl Took {
    /// Adds what another piece brought.
    pub fn add(&mut self, other: Took) {
        self.new += other.new;
        self.known += other.known;
        self.waiting += other.waiting;
        self.refused += other.refused;
        self.receipts += other.receipts;
    }
}

impl Replica {
    pub(super) fn carried(&mut self, now_ms: u64, token: Token, carried: Carried, out: &mut Vec<Effect>) {
        let mut took = Took::default();
        match carried {
            Carried::Credential(enrolment) => drop(self.shown(now_ms, *enrolment, out)),
            Carried::Receipts(receipts) => {
                took.receipts = receipts.into_iter().map(|receipt| u64::from(self.take_if_newer(receipt, out))).sum();
            }
            Carried::Entries(run, writer) => took = self.carried_run(now_ms, token, run, writer.as_deref(), out),
        }
        out.push(Effect::Took(token, took));
        if took.new == 0 {
            out.push(Effect::Saved(token, vec![]));
        }
    }

    fn carried_run(
        &mut self,
        now_ms: u64,
        token: Token,
        run: CheckedRun,
        writer: Option<&Frontier>,
        out: &mut Vec<Effect>,
    ) -> Took {
        let CheckedRun { log, mut entries, refused } = run;
        let (mut took, count) = (Took::default(), entries.len() as u64);
        if let Some(Unfit { seq, error, bytes }) = refused {
            let reason = RefusedReason::Entry(error);
            out.push(Effect::KeepRefused(Refused { log, seq, from: None, reason, bytes }));
            took.refused = 1;
        }
        took.waiting = self.bound_stranger(&log, &mut entries);
        let count = count - took.waiting;
        let first = entries.first().map_or(1, |entry| entry.header().seq);
        if !self.has_keys_before(log, writer) || !self.chains.has_room(log, first, PIECES_MAX) {
            took.waiting += count;
            return took;
        }
        let (new, fork) = self.receive(now_ms, None, entries, Some(token), out);
        took.new = new as u64;
        took.refused += u64::from(fork.is_some());
        // After a fork nothing of the run was looked at.
        took.known = if fork.is_some() { 0 } else { count - took.new };
        took
    }

    /// A record is worth nothing without the grant of its key, which its author wrote before it in the control lane: as
    /// in a session, the records of an author are taken by a site that holds all of that lane that the writer held.
    fn has_keys_before(&self, log: LogId, writer: Option<&Frontier>) -> bool {
        let control = LogId { lane: Lane::Control, author: log.author };
        log == control
            || writer.is_some_and(|held| held.get(&control).is_none_or(|places| self.chains.covers(control, places)))
    }
}
