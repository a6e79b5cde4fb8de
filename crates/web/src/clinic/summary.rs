//! The head of a chart: where the patient is hurt, what was measured last, what was written last.

use sanad_record::injury::Injury;
use sanad_record::written;

use super::bedside::Bed;
use super::body;
use super::casualty::{SortView, open_stay, sort_view, sorts};
use super::injuries::{injury_words, region_words, standing};
use super::notes::{self, Row};
use super::vitals::{Newest, newest_of};
use crate::app::App;
use crate::pages::Frame;
use crate::pages::failure::Failure;

/// Notes and photos that the head of a chart shows; the rest is one tap away.
const SHOWN_MAX: usize = 3;

/// What stands at the head of a chart.
pub(crate) struct Summary {
    /// The newest colour, if anybody has sorted.
    pub sort: Option<SortView>,
    /// Where the patient lies, with whom, and what comes next, those that are known.
    pub stay: Vec<String>,
    /// The body as markup of our own; empty if there is no injury.
    pub body: String,
    /// The injuries in words, in the order of their numbers on the body.
    pub injuries: Vec<String>,
    pub vitals: Vec<Newest>,
    pub notes: Vec<Row>,
    /// The ids of the newest photos, each with the line under it.
    pub photos: Vec<(String, String)>,
}

impl Summary {
    /// Reads it; `None` where the screens show a record that does not change, or the chart cannot be read here.
    ///
    /// # Errors
    /// [`Failure::Broken`] if the record cannot be read.
    pub(crate) fn of(app: &App, f: &Frame, id: &str) -> Result<Option<Summary>, Failure> {
        let Some(site) = app.site() else { return Ok(None) };
        let bed = match Bed::of(site, id) {
            Err(Failure::Missing) => return Ok(None),
            bed => bed?,
        };
        let all = standing(bed.chart.of("Condition"));
        let injuries: Vec<Injury> = all.into_iter().map(|(injury, _)| injury).collect();
        let drawn = || body::svg(&f.t("injuries-body"), &injuries, &|region| region_words(&f.v, region), &|_| None);
        let mut notes = notes::rows(&bed);
        notes.truncate(SHOWN_MAX);
        let photos = bed.chart.of("Media").iter().filter_map(|read| {
            let (_, caption) = written::read_photo(&read.value)?;
            Some((read.key.id.clone(), caption.to_owned()))
        });
        let parts = open_stay(&bed.chart).map(|(stay, _)| stay.parts).unwrap_or_default();
        let stay = [parts.place, parts.team, parts.next_step, parts.destination];
        Ok(Some(Summary {
            sort: sorts(&bed.chart).first().map(|sort| sort_view(&f.v, sort)),
            stay: stay.into_iter().flatten().collect(),
            body: if injuries.is_empty() { String::new() } else { drawn() },
            injuries: injuries.iter().map(|injury| injury_words(&f.v, injury)).collect(),
            vitals: newest_of(f, &bed),
            photos: photos.take(SHOWN_MAX).collect(),
            notes,
        }))
    }
}
