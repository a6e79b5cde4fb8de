//! The board: who is here and not yet gone, by colour, kept in memory and kept up from the change feed, so that a board of
//! five hundred costs no more than what has changed since it was last looked at.

use std::collections::{BTreeMap, BTreeSet};

use sanad_node::site::Site;
use sanad_record::care::{board, decontamination, event, stay};
use sanad_record::triage::{self, Colour, Triage};
use sanad_store::Place;

use super::record::{self, find};
use crate::source::SourceError;

/// Most changes that are followed one by one; behind more of them the board is read anew.
const CHANGES_MAX: u32 = 500;
/// The types that a casualty on the board is made of.
pub(crate) const TYPES: [&str; 6] = ["Patient", "Encounter", "Observation", "Flag", "AllergyIntolerance", "Basic"];
/// The states of a stay that is not over.
const OPEN: &str = "planned,arrived,triaged,in-progress,onleave";
/// Most casualties that one board shows; more than any facility has had at once (3,600 came to several in 2013).
pub(crate) const CASUALTIES_MAX: usize = 2_000;

/// One casualty. No `Debug`: it holds patient text.
#[derive(Clone)]
pub(crate) struct Casualty {
    /// The id of the Patient.
    pub id: String,
    /// The Patient's bytes, for who it is.
    pub patient: Vec<u8>,
    pub stay: stay::Stay,
    /// The newest sort; nothing while nobody has sorted.
    pub triage: Option<Triage>,
    /// Whether something is written that nobody may give.
    pub has_allergy: bool,
    /// Whether the skin is still to be washed.
    pub is_contaminated: bool,
}

impl Casualty {
    pub(crate) fn colour(&self) -> Option<Colour> {
        self.triage.as_ref().map(|triage| triage.colour)
    }

    /// Minutes since the casualty came.
    pub(crate) fn waited_min(&self, now_ms: u64) -> u32 {
        let since = self.stay.start_ms.unwrap_or(now_ms);
        u32::try_from(now_ms.saturating_sub(since) / 60_000).unwrap_or(u32::MAX)
    }

    /// Whether the casualty has waited too long: for somebody to see them, or to be sorted again.
    pub(crate) fn is_late(&self, now_ms: u64) -> bool {
        let Some(triage) = &self.triage else { return self.waited_min(now_ms) > 10 };
        let since_sort = u32::try_from(now_ms.saturating_sub(triage.at_ms) / 60_000).unwrap_or(u32::MAX);
        let is_seen = self.stay.first_contact_ms.is_some();
        let wait = if is_seen { board::Wait::Retriage } else { board::Wait::FirstContact };
        board::is_late(triage.colour, wait, since_sort)
    }
}

/// What is shown on every screen of the site.
#[derive(Default)]
pub(crate) struct Board {
    place: Option<Place>,
    casualties: BTreeMap<String, Casualty>,
    event: Option<event::Event>,
}

impl Board {
    /// Takes in what has changed since it was last looked at.
    pub(crate) fn refresh(&mut self, site: &Site, now_ms: u64) -> Result<(), SourceError> {
        let Some(place) = self.place else { return self.read_anew(site, now_ms) };
        let changes = site.reader().changes_after(place, CHANGES_MAX)?;
        if changes.has_more || changes.is_anew {
            return self.read_anew(site, now_ms);
        }
        let mut patients = BTreeSet::new();
        for (_, key) in changes.changed.iter().filter(|(_, key)| TYPES.contains(&key.resource_type.as_str())) {
            if key.resource_type == "Basic" {
                self.event = current_event(site, now_ms)?;
                continue;
            }
            match site.reader().resource(key)? {
                Some(found) => patients.extend(found.patients),
                None => patients.extend((key.resource_type == "Patient").then(|| key.id.clone())),
            }
        }
        for patient in patients {
            self.read_one(site, &patient, now_ms)?;
        }
        self.place = Some(changes.end);
        Ok(())
    }

    fn read_anew(&mut self, site: &Site, now_ms: u64) -> Result<(), SourceError> {
        let place = site.reader().changes_end()?;
        *self = Board { event: current_event(site, now_ms)?, ..Board::default() };
        let open = find(site, "Encounter", &[("status", OPEN)], None, now_ms)?;
        let patients: BTreeSet<String> =
            open.iter().filter_map(|read| Some(stay::read(&read.value)?.patient)).collect();
        for patient in patients.into_iter().take(CASUALTIES_MAX) {
            self.read_one(site, &patient, now_ms)?;
        }
        self.place = Some(place);
        Ok(())
    }

    /// Reads what the board shows of one patient; nothing if they are not here any more.
    fn read_one(&mut self, site: &Site, patient: &str, now_ms: u64) -> Result<(), SourceError> {
        let shown = site.reader().patient(patient)?.map(|page| page.row.id);
        let Some(id) = shown else {
            self.casualties.remove(patient);
            return Ok(());
        };
        if id != patient {
            self.casualties.remove(patient);
        }
        let stays = find(site, "Encounter", &[("status", OPEN)], Some(&id), now_ms)?;
        let stays = stays.iter().filter_map(|read| stay::read(&read.value));
        let Some(stay) = stays.max_by_key(|stay| stay.start_ms) else {
            self.casualties.remove(&id);
            return Ok(());
        };
        let code = format!("{}|triage", triage::SYSTEM);
        let sorts = find(site, "Observation", &[("code", &code)], Some(&id), now_ms)?;
        let sorts: Vec<_> = sorts.into_iter().map(|read| read.value).collect();
        let mut sorts = triage::history(&sorts);
        let flags = find(site, "Flag", &[], Some(&id), now_ms)?;
        let contaminated = flags.iter().filter_map(|read| decontamination::read(&read.value));
        let is_contaminated = contaminated.into_iter().any(|found| found.done_ms.is_none());
        let has_allergy = !find(site, "AllergyIntolerance", &[], Some(&id), now_ms)?.is_empty();
        let patient = record::one(site, "Patient", &id)?;
        let patient = patient.map(|read| read.value.to_string().into_bytes()).unwrap_or_default();
        let newest = (!sorts.is_empty()).then(|| sorts.remove(0));
        self.casualties
            .insert(id.clone(), Casualty { id, patient, stay, triage: newest, has_allergy, is_contaminated });
        Ok(())
    }

    /// The mass-casualty event that is open.
    pub(crate) fn event(&self) -> Option<&event::Event> {
        self.event.as_ref()
    }

    /// Who is on the board: the worst first, and of one colour those who have waited longest.
    pub(crate) fn rows(&self) -> Vec<&Casualty> {
        let mut rows: Vec<&Casualty> = self.casualties.values().collect();
        rows.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id)));
        rows
    }

    /// One of them.
    pub(crate) fn casualty(&self, id: &str) -> Option<&Casualty> {
        self.casualties.get(id)
    }
}

/// Who nobody has sorted yet stands before everybody: that takes a minute and may be the worst of all.
fn order(casualty: &Casualty) -> (u8, u64) {
    let colour = casualty.colour().map_or(0, |colour| colour.order() + 1);
    (colour, casualty.stay.start_ms.unwrap_or(u64::MAX))
}

fn current_event(site: &Site, now_ms: u64) -> Result<Option<event::Event>, SourceError> {
    let code = format!("{}|", event::SYSTEM);
    let events = find(site, "Basic", &[("code", &code)], None, now_ms)?;
    let events: Vec<_> = events.into_iter().map(|read| read.value).collect();
    Ok(event::current(&events))
}
