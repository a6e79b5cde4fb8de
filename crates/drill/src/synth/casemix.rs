//! The parameters, read from `data/casemix.json`: every share has its source beside it, and code has none of its own.

use std::sync::OnceLock;

use serde_json::Value;

use super::{Facts, Profile, camp, ghouta, rng::Rng};

/// The whole of a table, in parts per million.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// The oldest age generated for an open band such as `60+`, years.
const OLDEST_YEARS: u16 = 88;

/// One stated share of the generated patients, with where it comes from.
#[derive(Debug)]
pub struct Margin {
    /// `table/row`, or the name of a check over several tables.
    pub name: String,
    /// Among whom the share is taken.
    pub population: &'static str,
    /// The stated share, parts per million.
    pub expected_ppm: u32,
    /// Where the figure comes from, with what was done to it.
    pub source: String,
    /// The edition of the source.
    pub edition: &'static str,
    /// Whether a clinician has signed the row off.
    pub verified: bool,
    /// Ours, for want of a published figure.
    pub assumption: bool,
    profile: Profile,
    table: &'static str,
    row: Option<&'static str>,
}

impl Margin {
    /// Whether a patient counts towards the share; none if outside its population.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> Option<bool> {
        let Some(row) = self.row else { return ghouta::check(self.table, facts) };
        let observed = match self.profile {
            Profile::Ghouta2018 => ghouta::observed(self.table, facts),
            Profile::Camp => camp::observed(self.table, facts),
        };
        observed.map(|label| label == row)
    }

    /// The stated share as a fraction of one.
    #[must_use]
    pub fn expected(&self) -> f64 {
        f64::from(self.expected_ppm) / f64::from(WHOLE_PPM)
    }
}

/// The stated shares of a profile, in the order of the data file.
#[must_use]
pub fn margins(profile: Profile) -> &'static [Margin] {
    &CaseMix::of(profile).margins
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) ppm: u32,
}

/// A distribution over labels.
#[derive(Debug)]
pub(super) struct Table {
    name: &'static str,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn pick(&self, rng: &mut Rng) -> &'static str {
        self.rows[rng.weighted(self.rows.iter().map(|row| row.ppm))].label
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The share of one label. Panics on a label that the table does not have, which the tests rule out.
    pub(super) fn ppm(&self, label: &str) -> u32 {
        self.rows.iter().find(|row| row.label == label).expect("a label of the table").ppm
    }

    /// Of a table of age bands: the band that holds an age.
    pub(super) fn band_of(&self, age_years: u16) -> Option<&'static str> {
        self.rows.iter().map(|row| row.label).find(|label| band(label).contains(&age_years))
    }
}

/// The ages of a band written `3-12` or `60+`, years.
pub(super) fn band(label: &str) -> std::ops::RangeInclusive<u16> {
    let number = |text: &str| text.parse::<u16>().expect("a number in an age band");
    match label.split_once('-') {
        Some((low, high)) => number(low)..=number(high),
        None => number(label.trim_end_matches('+'))..=OLDEST_YEARS,
    }
}

/// The parameters of one profile.
#[derive(Debug)]
pub(super) struct CaseMix {
    tables: Vec<Table>,
    numbers: Vec<(&'static str, u32)>,
    hours: Vec<u32>,
    margins: Vec<Margin>,
}

impl CaseMix {
    pub(super) fn of(profile: Profile) -> &'static Self {
        static LOADED: OnceLock<[CaseMix; 2]> = OnceLock::new();
        let [ghouta, camp] = LOADED.get_or_init(|| {
            let data = document();
            [Self::load(data, Profile::Ghouta2018), Self::load(data, Profile::Camp)]
        });
        match profile {
            Profile::Ghouta2018 => ghouta,
            Profile::Camp => camp,
        }
    }

    /// Panics on a name the data file does not have, which the tests rule out.
    pub(super) fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).expect("a table of casemix.json")
    }

    pub(super) fn pick(&self, name: &str, rng: &mut Rng) -> &'static str {
        self.table(name).pick(rng)
    }

    /// Panics on a name the data file does not have, which the tests rule out.
    pub(super) fn number(&self, name: &str) -> u32 {
        self.numbers.iter().find(|(known, _)| *known == name).expect("a number of casemix.json").1
    }

    /// How often an event falls into each hour of the day, relative weights.
    pub(super) fn hours(&self) -> &[u32] {
        &self.hours
    }

    fn load(data: &'static Value, profile: Profile) -> Self {
        let part = &data[profile.as_str()];
        let mut tables = Vec::new();
        let mut margins = Vec::new();
        for entry in list(&part["tables"]) {
            let name = text(&entry["name"]);
            let mut rows = Vec::new();
            for row in list(&entry["rows"]) {
                let (label, ppm) = (text(&row["value"]), whole(&row["ppm"]));
                rows.push(Row { label, ppm });
                let mut margin = Margin::read(data, profile, entry, row, Some(label));
                margin.name = format!("{name}/{label}");
                margins.push(margin);
            }
            tables.push(Table { name, rows });
        }
        for entry in list(&part["checks"]) {
            margins.push(Margin::read(data, profile, entry, entry, None));
        }
        let numbers = list(&part["numbers"]).iter().map(|row| (text(&row["name"]), whole(&row["value"]))).collect();
        let hours = part["event_hours"]["weights"].as_array().map(|weights| weights.iter().map(whole).collect());
        Self { tables, numbers, hours: hours.unwrap_or_default(), margins }
    }
}

impl Margin {
    /// `row` may override the basis of its table, as where a source gives some of the shares and we split the rest.
    fn read(
        data: &'static Value,
        profile: Profile,
        table: &'static Value,
        row: &'static Value,
        label: Option<&'static str>,
    ) -> Self {
        let basis = row.get("basis").unwrap_or(&table["basis"]).as_str();
        let mut source = String::new();
        let mut edition = "";
        for key in text(&table["source"]).split('+') {
            let known = &data["sources"][key];
            edition = text(&known["edition"]);
            source = if source.is_empty() { String::new() } else { source + "; " } + text(&known["citation"]);
        }
        if let Some(note) = table["note"].as_str() {
            source = source + ". " + note;
        }
        Self {
            name: text(&table["name"]).to_owned(),
            population: text(&table["population"]),
            expected_ppm: whole(&row["ppm"]),
            source,
            edition,
            verified: table["verified"] == true,
            assumption: basis == Some("assumption"),
            profile,
            table: text(&table["name"]),
            row: label,
        }
    }
}

/// The data file, parsed once. It is part of the program, so a fault in it is a fault of the program.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT
        .get_or_init(|| serde_json::from_str(include_str!("../../data/casemix.json")).expect("casemix.json is JSON"))
}

pub(super) fn list(value: &'static Value) -> &'static [Value] {
    value.as_array().expect("an array in the data file")
}

pub(super) fn text(value: &'static Value) -> &'static str {
    value.as_str().expect("a text in the data file")
}

pub(super) fn whole(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).expect("a whole number in the data file")
}

#[cfg(test)]
mod tests {
    use super::{CaseMix, Profile, WHOLE_PPM, document, text};

    #[test]
    fn every_table_is_whole_and_every_source_is_known() {
        for profile in [Profile::Ghouta2018, Profile::Camp] {
            let mix = CaseMix::of(profile);
            for table in &mix.tables {
                assert_eq!(table.rows.iter().map(|row| row.ppm).sum::<u32>(), WHOLE_PPM, "{}", table.name);
            }
            for margin in &mix.margins {
                assert!(!margin.source.is_empty() && !margin.edition.is_empty(), "{}", margin.name);
            }
        }
        for profile in ["ghouta2018", "camp"] {
            for table in super::list(&document()[profile]["tables"]) {
                assert!(matches!(text(&table["basis"]), "source" | "derived" | "assumption"));
            }
        }
    }
}
