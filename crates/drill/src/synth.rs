//! Synthetic siege patients as FHIR R4 JSON: the same seed gives the same bytes on every machine.
//!
//! A profile and a seed go in; patients come out, in the order they arrive, each with the resources a clinic would save.
//! Nothing is read from the clock, the disk or the machine. The case mix lives in `data/casemix.json`, every figure with
//! its source or marked as an assumption (see `data/CASEMIX.md`), and `margins` states what the patients must add up to.
//! No patient is a person: names are drawn apart from each other, and every resource carries HL7's HTEST label.
//!
//! ```
//! use sanad_drill::synth::{Generator, Profile};
//!
//! let day = Generator::new(Profile::Ghouta2018, 7, "2018-02-24").take_while(|patient| patient.facts.day == 0);
//! assert!(day.count() >= 300);
//! ```

mod camp;
mod casemix;
mod chart;
mod clinic;
mod clock;
mod fhir;
mod ghouta;
mod json;
mod names;
mod rng;
mod vitals;

use std::{collections::VecDeque, fmt, str::FromStr};

pub use self::casemix::{Margin, margins};
pub use self::clock::{BadDay, Day};
use self::{
    casemix::CaseMix,
    chart::Chart,
    clock::{DAY_MINUTES, Moment},
    rng::Rng,
};

/// Which patients to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The wounded and the dead of eastern Ghouta, February and March 2018: 20 sites, arriving in events.
    Ghouta2018,
    /// Visits to camp clinics: infections, chronic illness, mothers, malnutrition, old wounds.
    Camp,
}

/// The text names no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile(String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no profile “{}”: there are ghouta2018 and camp", self.0)
    }
}

impl std::error::Error for UnknownProfile {}

impl Profile {
    /// The name used on the command line and in the data file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ghouta2018 => "ghouta2018",
            Self::Camp => "camp",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "ghouta2018" => Ok(Self::Ghouta2018),
            "camp" => Ok(Self::Camp),
            _ => Err(UnknownProfile(text.chars().take(32).collect())),
        }
    }
}

/// One resource, as a clinic's server would store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthResource {
    /// Its FHIR type.
    pub resource_type: &'static str,
    /// Its id, in the form of a UUID.
    pub id: String,
    /// Compact JSON, UTF-8. References are `Type/id`, all within the same patient.
    pub json: Vec<u8>,
}

/// One patient with everything recorded of the first day, each resource in its final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthPatient {
    /// Id of the Patient resource.
    pub patient_id: String,
    /// Minute of the day, 0–1439, of the day `facts.day` days after the first.
    pub arrival_minute: u32,
    /// The Patient first, then the rest in the order a clinic would save them.
    pub resources: Vec<SynthResource>,
    /// What is true of the patient, for measuring.
    pub facts: Facts,
}

/// Administrative sex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sex {
    Female,
    Male,
}

impl Sex {
    /// FHIR's code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// START's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Triage {
    /// Walks.
    Green,
    /// Can wait.
    Yellow,
    /// At once.
    Red,
    /// Dead.
    Black,
}

impl Triage {
    /// The colour in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Black => "black",
        }
    }
}

/// The ground truth of a patient. Labels are those of the rows in `data/casemix.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Days since the generator's first day.
    pub day: u32,
    /// The attack that brought the patient, counted from 0; none in a camp.
    pub event: Option<u32>,
    /// Number of the facility, from 1.
    pub site: u8,
    /// Sex, also seen of the unidentified.
    pub sex: Sex,
    /// Age in completed years; none if not known.
    pub age_years: Option<u16>,
    /// Under 18, also seen of those whose age is not known.
    pub child: bool,
    /// A child, or female.
    pub woman_or_child: bool,
    /// Has a name, not only a tag.
    pub identified: bool,
    /// Also known as father or mother of a son.
    pub kunya: bool,
    /// Has a second name in Latin script.
    pub latin_name: bool,
    /// Why the patient came: `wounded`, `dead`, or a camp's `infectious`, `chronic`, `maternal`, …
    pub reason: &'static str,
    /// Key of the main finding in `data/clinic.json`.
    pub diagnosis: &'static str,
    /// What hurt the patient: `shrapnel`, `blunt_crush`, `gunshot`, `burn`, `other`; none in a camp.
    pub mechanism: Option<&'static str>,
    /// Injured regions, the main one first: `extremities`, `head`, `abdomen`, `vascular`, `thorax`, `skin`.
    pub body_regions: Vec<&'static str>,
    /// More than one region is hurt.
    pub multiple_trauma: bool,
    /// Colour at the gate; none in a camp.
    pub triage: Option<Triage>,
    /// Was dead on arrival.
    pub dead_on_arrival: bool,
    /// Was given a bed.
    pub admitted: bool,
    /// Needed intensive care.
    pub icu: bool,
    /// Died, on arrival or in care.
    pub died: bool,
    /// Was referred to another hospital.
    pub transferred: bool,
    /// Procedures done: the number of Procedure resources.
    pub interventions: u8,
    /// An allergy is recorded.
    pub allergy: bool,
    /// A chronic patient with a second chronic condition.
    pub second_chronic: bool,
    /// A child vaccinated at this visit; in a siege, tetanus after a dirty wound.
    pub vaccinated: bool,
}

/// One patient on the way in.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    minute: u32,
    event: Option<u32>,
    site: u8,
}

/// An endless stream of patients, day after day, each day's in order of arrival.
#[derive(Clone, Debug)]
pub struct Generator {
    profile: Profile,
    seed: u64,
    first_day: Day,
    /// Days planned so far: the current one is this less one.
    days: u32,
    events: u32,
    queue: VecDeque<Arrival>,
    /// Patients of the current day so far.
    today: u32,
    planner: Rng,
}

impl Generator {
    /// Starts at `day`, written `2018-02-24`.
    ///
    /// # Panics
    /// If `day` is not a day. Parse text from outside as a [`Day`] and use [`Generator::on`].
    #[must_use]
    pub fn new(profile: Profile, seed: u64, day: &str) -> Self {
        match day.parse() {
            Ok(day) => Self::on(profile, seed, day),
            Err(bad) => panic!("{bad}"),
        }
    }

    /// Starts at `day`. Another profile, seed or day gives other patients, with other ids.
    #[must_use]
    pub fn on(profile: Profile, seed: u64, day: Day) -> Self {
        let planner = Rng::stream(seed, &[profile as u64, u64::from(day.number())]);
        Self { profile, seed, first_day: day, days: 0, events: 0, queue: VecDeque::new(), today: 0, planner }
    }

    fn plan_day(&mut self) {
        let mix = CaseMix::of(self.profile);
        let mut arrivals = match self.profile {
            Profile::Ghouta2018 => ghouta::plan_day(mix, &mut self.planner, &mut self.events),
            Profile::Camp => camp::plan_day(mix, &mut self.planner),
        };
        arrivals.sort_by_key(|arrival| arrival.minute);
        assert!(!arrivals.is_empty(), "every day brings patients");
        self.queue = arrivals.into();
        self.days += 1;
        self.today = 0;
    }

    /// The next patient as far as chance decides: everything but the writing.
    fn arrive(&mut self) -> Option<(Arrival, Facts, Rng)> {
        if self.queue.is_empty() {
            self.plan_day();
        }
        let arrival = self.queue.pop_front()?;
        assert!(arrival.minute < DAY_MINUTES, "arrivals are planned within a day");
        let day = self.days - 1;
        self.today += 1;
        let of = [self.profile as u64, u64::from(self.first_day.number()), u64::from(day), u64::from(self.today)];
        let mut rng = Rng::stream(self.seed, &of);
        let mix = CaseMix::of(self.profile);
        let facts = match self.profile {
            Profile::Ghouta2018 => ghouta::draw(mix, &mut rng, day, arrival),
            Profile::Camp => camp::draw(mix, &mut rng, day, arrival),
        };
        Some((arrival, facts, rng))
    }

    /// The same patients without their records, some twenty times faster: for measuring and for planning a drill.
    pub fn facts(mut self) -> impl Iterator<Item = Facts> {
        std::iter::from_fn(move || self.arrive().map(|(_, facts, _)| facts))
    }
}

impl Iterator for Generator {
    type Item = SynthPatient;

    fn next(&mut self) -> Option<SynthPatient> {
        let (arrival, facts, mut rng) = self.arrive()?;
        let today = self.first_day.plus(facts.day);
        let (year, month, date) = today.civil();
        let letter = match self.profile {
            Profile::Ghouta2018 => 'G',
            Profile::Camp => 'C',
        };
        let record = format!("{letter}{year:04}{month:02}{date:02}-{:05}", self.today);
        let mut chart = Chart::new(&mut rng, record, Moment::new(today, arrival.minute), arrival.site);
        match self.profile {
            Profile::Ghouta2018 => ghouta::write(&mut chart, &facts),
            Profile::Camp => camp::write(&mut chart, &facts),
        }
        let patient_id = chart.patient.clone();
        Some(SynthPatient { patient_id, arrival_minute: arrival.minute, resources: chart.into_resources(), facts })
    }
}

/// The number a row of the data file stands for.
fn count(label: &str) -> u8 {
    label.parse().expect("a number as a label of the data file")
}
