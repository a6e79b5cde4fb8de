//! Who stands at the two ends, for tests and measurements.

use super::{Network, Run, Site, meet};
use sanad_log::control::SiteKind;
use sanad_log::ids::Lane;

/// Patients of the ward.
const PATIENTS: u8 = 40;
/// Of these, in a bed now: the last to have come.
const CURRENT: u8 = 12;
/// Entries about each.
const ENTRIES_EACH: usize = 125;

/// A text whose entry has about 400 bytes, sealed and signed.
pub fn casualty() -> Vec<u8> {
    (0..140u8).map(|at| at.wrapping_mul(37)).collect()
}

/// A site in the enclave and a haven, which hold each other's receipts and a chart of which both have the key: number 9.
pub fn pair() -> (Site, Site) {
    let network = Network::new(200);
    let mut cedar = network.founder(1);
    let mut olive = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(9, Lane::Urgent, b"a patient who is known".to_vec());
    meet(&mut cedar, &mut olive);
    meet(&mut olive, &mut cedar);
    (cedar, olive)
}

/// The record of a ward, 5,000 entries, at a haven; and a haven that was cut off before any of it was written.
pub struct Ward {
    /// Has it.
    pub haven: Site,
    /// Lacks it.
    pub cut_off: Site,
    /// Places in the urgent lane that speak of the patients who are in a bed now.
    pub current: Vec<u64>,
}

impl Ward {
    /// Forty patients who came one after the other, with 125 entries each.
    pub fn new() -> Ward {
        let network = Network::new(200);
        let mut cedar = network.founder(1);
        let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
        let mut cut_off = network.join(3, SiteKind::Haven, &mut cedar);
        meet(&mut haven, &mut cedar);
        meet(&mut cut_off, &mut haven);
        let (mut urgent, mut current) = (0u64, vec![]);
        for patient in 0..PATIENTS {
            for at in 0..ENTRIES_EACH {
                // Who it is, where the bed is, the allergies; a third is transferred. The rest is the chart.
                let is_urgent = at < 3 || (at == 60 && patient % 3 == 0);
                let length = 140 + (at * 37 + usize::from(patient) * 11) % 190;
                let text = (0..length).map(|byte| (byte * 91) as u8).collect();
                cedar.save(patient + 10, if is_urgent { Lane::Urgent } else { Lane::Clinical }, text);
                urgent += u64::from(is_urgent);
                if is_urgent && patient >= PATIENTS - CURRENT {
                    current.push(urgent);
                }
            }
        }
        meet(&mut haven, &mut cedar);
        Ward { haven, cut_off, current }
    }

    /// After so many seconds of a session: entries of each lane, and of the urgent ones about current patients.
    pub fn after(&self, run: &Run, seconds: u64) -> ([usize; 4], usize) {
        let came = || run.came.iter().filter(move |(ms, ..)| *ms <= seconds * 1_000);
        let by_lane = Lane::ALL.map(|lane| came().filter(|(_, log, _)| log.lane == lane).count());
        let current = came().filter(|(_, log, seq)| log.lane == Lane::Urgent && self.current.contains(seq)).count();
        (by_lane, current)
    }
}

impl Default for Ward {
    fn default() -> Self {
        Ward::new()
    }
}
