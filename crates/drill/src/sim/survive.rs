//! The first promise as an experiment: take a record that `k` sites hold, destroy all of them but one, heal the rest.

use super::report::{Promise, Violation};
use super::world::World;

impl World {
    /// Destroys all but one of the sites that hold some acknowledged record which exactly `holders` sites hold, heals the
    /// rest, and checks that every survivor then holds the record. False if no record is held by so many just now.
    ///
    /// # Errors
    /// A promise was broken: the record is gone, or any that the run checks.
    pub fn outlive(&mut self, holders: u32) -> Result<bool, Box<Violation>> {
        let held = self.oracle.places().filter(|(_, _, place)| place.acknowledged && place.holders() == holders);
        let held: Vec<_> = held.map(|(log, seq, place)| (log, seq, *place)).collect();
        let Some((log, seq, place)) = self.rng.pick(&held) else { return Ok(false) };
        let mut doomed: Vec<_> = (0..self.sites.len()).filter(|at| place.held_by(*at)).collect();
        let spared = self.rng.below(doomed.len() as u64) as usize;
        doomed.swap_remove(spared);
        for at in doomed {
            self.destroy(at).map_err(|broken| self.violation(broken))?;
        }
        self.liveness()?;
        let survivors = self.survivors();
        match self.oracle.place(log, seq).filter(|place| survivors.iter().all(|at| place.held_by(*at))) {
            Some(_) => Ok(true),
            None => {
                Err(self
                    .violation((Promise::Survive, format!("{log:?} {seq} was held by {holders} sites and is gone"))))
            }
        }
    }
}
