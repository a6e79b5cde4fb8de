//! What of this replica is held elsewhere, and by whom: the replica's side of [`crate::exposure`].

use super::{Replica, SessionId};
use crate::control::SiteKind;
use crate::exposure::{Confirmed, Elsewhere, Exposure, exposure};
use crate::ids::DeviceId;
use std::collections::btree_map::Entry;

impl Replica {
    /// What each other facility has confirmed, by the newest receipts of its enrolled devices and by parts. Facilities of
    /// which none has come are left out.
    pub fn elsewhere(&self) -> Elsewhere<'_> {
        let mut out = Elsewhere::new();
        for (id, places) in self.confirmed().filter(|(id, _)| *id != self.directory.own()) {
            let kind = self.directory.facilities().get(&id).map(|facility| facility.kind);
            match out.entry(id) {
                // Whatever other kinds there are: only a haven is known to be outside.
                Entry::Vacant(new) => {
                    new.insert(Confirmed::new(kind == Some(SiteKind::Haven), places));
                }
                Entry::Occupied(mut known) => known.get_mut().join(&places),
            }
        }
        out
    }

    /// What of everything durably held here is held by no other facility, and what is not yet safe by the network's
    /// policy. Exact or over-stated, never under-stated, as [`Replica::only_here`], which it repeats.
    pub fn exposure(&self) -> Exposure {
        exposure(&self.durable, &self.elsewhere(), &self.directory.policy())
    }

    /// The other end of a session, once it has proven itself.
    pub fn peer_of(&self, session: SessionId) -> Option<DeviceId> {
        self.sessions.get(&session)?.peer
    }
}
