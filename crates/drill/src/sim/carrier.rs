//! The carrier: opens links, passes frames on, loses and flips them, gives up when nothing comes.

use super::link::{FRAMES_MAX, Link, Side};
use super::oracle::Broken;
use super::plan::IDLE_MS_MAX;
use super::queue::Event;
use super::report::Promise;
use super::world::World;
use sanad_log::frontier::Range;
use sanad_log::message::decode;
use sanad_log::replica::{Input, Outcome, SessionId};

impl World {
    /// Opens a session between two sites that are up and can reach each other.
    pub(super) fn dial(&mut self, from: usize, to: usize) -> Result<(), Broken> {
        let reachable = !self.blocked[from][to] && !self.blocked[to][from];
        if from == to || !reachable || self.sites[from].replica.is_none() || self.sites[to].replica.is_none() {
            return Ok(());
        }
        self.report.sessions += 1;
        let link = self.open(Some(from), to);
        let exporter = self.rng.bytes();
        let answering = Input::Connected { session: link, initiator: false, exporter, expected: None };
        self.feed(to, answering)?;
        let expected = Some(self.device(to));
        self.feed(from, Input::Connected { session: link, initiator: true, exporter, expected })
    }

    fn open(&mut self, from: Option<usize>, to: usize) -> SessionId {
        let link = self.next_link;
        self.next_link += 1;
        let mut made = Link::new(from, to, self.now, &self.plan, &mut self.rng);
        if self.healing {
            made = Link { cut_at: None, silent_at: None, record: None, ..made };
        }
        self.links.insert(link, made);
        self.queue.at(self.now + IDLE_MS_MAX, Event::Idle(link));
        link
    }

    /// Plays what a site once said to another again: the channel is new, so its proof must not hold.
    fn play_again(&mut self, to: usize, frames: Vec<Vec<u8>>) -> Result<(), Broken> {
        if self.sites[to].replica.is_none() {
            return Ok(());
        }
        let link = self.open(None, to);
        let exporter = self.rng.bytes();
        for (at, frame) in frames.into_iter().enumerate() {
            self.queue.at(self.now + 1 + at as u64, Event::Frame(link, 1, frame));
        }
        self.feed(to, Input::Connected { session: link, initiator: false, exporter, expected: None })
    }

    /// A frame leaves a site.
    pub(super) fn send(&mut self, at: usize, id: SessionId, mut frame: Vec<u8>, paced: bool) -> Result<(), Broken> {
        self.report.frames += 1;
        self.report.bytes += frame.len() as u64;
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(side) = link.side_of(at) else { return Ok(()) };
        link.frames += 1;
        link.active_ms = self.now;
        if link.frames > FRAMES_MAX {
            return Err((Promise::SessionsEnd, format!("session {id} of site {at} does not end")));
        }
        let to = 1 - side;
        if let Some(record) = link.record.as_mut().filter(|_| side == 0) {
            record.push(frame.clone());
        }
        link.ends[to].mute |= link.silent_at.is_some_and(|(from, quiet)| quiet == to && link.frames >= from);
        if let (Some(from), Some(other)) = (link.ends[side].site, link.ends[to].site) {
            // A stream that lost something passes nothing more on.
            link.ends[to].mute |= self.blocked[from][other];
        }
        if link.ends[to].mute {
            link.disturbed = true;
            return Ok(());
        }
        let cut = link.cut_at.is_some_and(|cut_at| link.frames >= cut_at);
        if cut {
            link.disturbed = true;
            link.tampered = true;
            link.ends.iter_mut().for_each(|end| end.mute = true);
            frame.truncate(self.rng.below(2 * frame.len() as u64) as usize);
        }
        if !self.healing && self.rng.chance(self.plan.flip_ppm) && !frame.is_empty() {
            link.disturbed = true;
            link.tampered = true;
            let at = self.rng.below(frame.len() as u64) as usize;
            frame[at] ^= 1 << self.rng.below(8);
        }
        let arrival = (self.now + self.rng.between(1, self.plan.latency_ms_max)).max(link.ends[to].clear_ms);
        link.ends[to].clear_ms = arrival;
        self.queue.at(arrival, Event::Frame(id, to, frame));
        if paced {
            self.queue.at(arrival, Event::Flushed(id, side));
        }
        if cut {
            let wait = self.rng.between(1, IDLE_MS_MAX);
            self.queue.at(arrival, Event::Hangup(id, to));
            self.queue.at(arrival + wait, Event::Hangup(id, side));
        }
        Ok(())
    }

    pub(super) fn arrive(&mut self, id: SessionId, side: Side, frame: &[u8]) -> Result<(), Broken> {
        let input = match decode(frame, &self.network, &*self.verifier) {
            Ok(incoming) => Input::Message(id, incoming),
            Err(_) => Input::Garbled(id),
        };
        self.give(id, side, input)
    }

    /// Gives an input to the replica at one end, if it still has the session.
    pub(super) fn give(&mut self, id: SessionId, side: Side, input: Input) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        link.active_ms = self.now;
        match link.ends[side] {
            end if end.open => end.site.map_or(Ok(()), |at| self.feed(at, input)),
            _ => Ok(()),
        }
    }

    pub(super) fn load(&mut self, id: SessionId, side: Side, range: Range, bytes_max: usize) -> Result<(), Broken> {
        let Some(at) = self.links.get(&id).and_then(|link| link.ends[side].site) else { return Ok(()) };
        let entries = self.sites[at].disk.load(range, bytes_max);
        self.give(id, side, Input::Loaded(id, range, entries))
    }

    /// The replica at one end has ended the session: the other hears of it after what is still under way.
    pub(super) fn closed(&mut self, at: usize, id: SessionId, outcome: Outcome) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let Some(side) = link.side_of(at) else { return Ok(()) };
        link.ends[side].open = false;
        let other = link.other(side);
        match outcome {
            Outcome::Done => self.report.finished += 1,
            // What is left of the session on the other side ends by the carrier's word, not by a time-out.
            Outcome::DiskRefused | Outcome::Outlived => link.disturbed = true,
            Outcome::Refused(why) if !link.tampered => {
                let what = format!("site {at} refused honest site {:?}: {why:?}", other.site);
                return Err((Promise::SessionsEnd, what));
            }
            Outcome::Refused(_) | Outcome::RefusedByPeer(_) => {}
        }
        if other.open && !other.mute && other.site.is_some() {
            self.queue.at(other.clear_ms.max(self.now) + 1, Event::Hangup(id, 1 - side));
        }
        self.tidy(id)
    }

    /// One end learns that the channel is lost.
    pub(super) fn hang_up(&mut self, id: SessionId, side: Side) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let end = link.ends[side];
        if !end.open {
            // Both lost power, one after the other: nobody is left to end it.
            return self.tidy(id);
        }
        link.ends[side].open = false;
        // An end that is still open when the other has closed in order waits for something that will not come.
        if let (false, false, Some(at)) = (link.disturbed, link.other(side).open, end.site) {
            let what = format!("site {at} was left waiting when site {:?} had ended", link.other(side).site);
            return Err((Promise::SessionsEnd, what));
        }
        if let Some(at) = end.site {
            self.feed(at, Input::Disconnected(id))?;
        }
        self.tidy(id)
    }

    /// The carrier's time-out.
    pub(super) fn look_at(&mut self, id: SessionId) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        if link.active_ms + IDLE_MS_MAX > self.now {
            let next = link.active_ms + IDLE_MS_MAX;
            self.queue.at(next, Event::Idle(id));
            return Ok(());
        }
        if !link.disturbed {
            let what = format!("session {id} between {:?} and {:?} hangs", link.ends[0].site, link.ends[1].site);
            return Err((Promise::SessionsEnd, what));
        }
        self.hang_up(id, 0)?;
        self.hang_up(id, 1)
    }

    /// Power is gone at a site: its sessions with it. The others find out sooner or later.
    pub(super) fn drop_links_of(&mut self, at: usize) {
        for (id, link) in self.links.iter_mut().filter(|(_, link)| link.side_of(at).is_some()) {
            let Some(side) = link.side_of(at) else { continue };
            link.disturbed = true;
            link.ends[side].open = false;
            link.ends[1 - side].mute = true;
            let wait = self.rng.between(1, IDLE_MS_MAX);
            self.queue.at(self.now + wait, Event::Hangup(*id, 1 - side));
        }
    }

    fn tidy(&mut self, id: SessionId) -> Result<(), Broken> {
        if !self.links.get(&id).is_some_and(Link::is_over) {
            return Ok(());
        }
        let Some(link) = self.links.remove(&id) else { return Ok(()) };
        match (link.record, link.ends[1].site) {
            (Some(frames), Some(to)) if !self.healing => self.play_again(to, frames),
            _ => Ok(()),
        }
    }
}
