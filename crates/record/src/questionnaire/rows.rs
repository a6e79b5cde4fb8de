//! A form as the rows of a page.

use super::Place;
use super::answers::{Answers, Cell, instances, name};
use super::form::{Form, Item, Kind};
use super::now::{Now, now};
use super::said::{Problem, Said, read};

/// How the options of a choice are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// One of few.
    Radio,
    /// One of many.
    Select,
    /// Several.
    Checkbox,
}

/// More options than this are a list to open.
const RADIO_MAX: usize = 7;

/// One option or unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Pick {
    /// What to post for it.
    pub token: String,
    /// What to show.
    pub label: String,
    /// True if it is chosen.
    pub is_picked: bool,
}

/// What a row is. No `Debug`, as what was typed stands in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Field {
    /// A group begins. For a repeating one its number from 1; the page posts the row's name as a hidden field, with any
    /// value, so that the repetition is there though all in it is blank.
    GroupStart {
        /// Which of several.
        repetition: Option<usize>,
    },
    /// The group ends.
    GroupEnd,
    /// A text to read.
    Display,
    /// One line.
    Line,
    /// Several lines.
    Lines,
    /// An address.
    Url,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A date, whole or in part.
    Date,
    /// A date and a time.
    DateTime,
    /// A time of day.
    Time,
    /// A number and one of these units, which is posted as the row's name with `#unit`. None to choose if there is one.
    Quantity {
        /// The units.
        units: Vec<Pick>,
    },
    /// Options.
    Choice {
        /// How to show them.
        control: Control,
        /// The options.
        options: Vec<Pick>,
        /// What else was written, if that is allowed; posted as the row's name with `#other`.
        other: Option<String>,
    },
    /// Worked out here; not posted.
    Calculated {
        /// Its unit.
        unit: String,
    },
    /// A button to post: its name adds one more of what stands before it.
    Add,
    /// Not asked now: a hidden field that keeps what was typed.
    Hidden,
    /// What a page cannot ask: a file or a reference.
    Unsupported,
}

/// One row.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub field: Field,
    /// The item.
    pub link_id: String,
    /// The field's name; for [`Field::Add`] the button's.
    pub name: String,
    /// The question. Text, never markup.
    pub label: String,
    /// Its number or letter, as `1.` on paper.
    pub prefix: String,
    /// What helps to answer.
    pub help: Vec<String>,
    /// What was typed, as it was typed; of a calculated value, the value.
    pub typed: String,
    /// True if an answer is needed.
    pub is_required: bool,
    /// True if it is shown and not asked.
    pub is_read_only: bool,
    /// How deep it stands.
    pub depth: usize,
    /// What is wrong with what was typed. That something is missing is said as it is saved ([`super::response`]).
    pub problem: Option<Problem>,
}

/// What to show now, in order.
pub fn rows(form: &Form, answers: &Answers, language: &str) -> Vec<Row> {
    let now = now(form, answers, "Z");
    let mut maker = Maker { form, answers, now: &now, language, rows: Vec::new() };
    for item in form.top() {
        maker.item(item, &[]);
    }
    maker.rows
}

struct Maker<'m> {
    form: &'m Form,
    answers: &'m Answers,
    now: &'m Now,
    language: &'m str,
    rows: Vec<Row>,
}

impl Maker<'_> {
    fn row(&self, item: &Item, field: Field, name: String) -> Row {
        Row {
            field,
            link_id: item.link_id.clone(),
            name,
            label: item.text.of(self.language).to_owned(),
            prefix: item.prefix.clone(),
            help: item.help.iter().map(|help| help.of(self.language).to_owned()).collect(),
            typed: String::new(),
            is_required: item.required,
            is_read_only: item.read_only,
            depth: item.depth,
            problem: None,
        }
    }

    fn item(&mut self, at: usize, around: &[u16]) {
        let item = &self.form.items[at];
        let place = (at, around.to_vec());
        if !self.now.enabled.contains(&place) || item.hidden {
            return self.hide(at, around);
        }
        if item.is_help {
            return;
        }
        if item.kind == Kind::Group {
            let instances = instances(self.form, self.answers, at, around);
            let count = instances.len();
            for (index, inner) in instances.into_iter().enumerate() {
                let repetition = item.repeats.then_some(index + 1);
                self.rows.push(self.row(item, Field::GroupStart { repetition }, name(item, around, index)));
                item.children.iter().for_each(|child| self.item(*child, &inner));
                self.rows.push(self.row(item, Field::GroupEnd, name(item, around, index)));
            }
            if item.repeats && count < item.answers_max() {
                self.rows.push(self.row(item, Field::Add, format!("add:{}", name(item, around, 0))));
            }
            return;
        }
        self.question(&place);
        item.children.iter().for_each(|child| self.item(*child, around));
    }

    fn question(&mut self, place: &Place) {
        let item = &self.form.items[place.0];
        let cells: &[Cell] = self.answers.cells.get(place).map_or(&[], Vec::as_slice);
        if item.calculation.is_some() {
            let unit = item.units.first().map_or("", |unit| unit.label.of(self.language)).to_owned();
            let mut row = self.row(item, Field::Calculated { unit }, name(item, &place.1, 0));
            row.is_read_only = true;
            match self.now.calculated.get(place) {
                Some(Ok(Said::Quantity(number, _))) => row.typed.clone_from(number),
                Some(Ok(said)) => row.typed = self.shown(item, said),
                Some(Err(problem)) => row.problem = Some(problem.clone()),
                None => {}
            }
            return self.rows.push(row);
        }
        if item.is_choice() {
            return self.choice(item, place, cells);
        }
        let blank = [Cell::default()];
        let cells = if cells.is_empty() { &blank[..] } else { cells };
        for (at, cell) in cells.iter().take(item.answers_max()).enumerate() {
            let mut row = self.row(item, self.field(item, cell), name(item, &place.1, at));
            row.typed.clone_from(&cell.typed);
            row.problem = read(item, cell, "Z").err();
            self.rows.push(row);
        }
        if item.repeats && item.is_asked() && cells.len() < item.answers_max() {
            self.rows.push(self.row(item, Field::Add, format!("add:{}", name(item, &place.1, 0))));
        }
    }

    fn shown(&self, item: &Item, said: &Said) -> String {
        let choice = item.choices.iter().find(|choice| choice.said == *said);
        choice.map_or_else(|| said.token(), |choice| choice.label.of(self.language).to_owned())
    }

    fn field(&self, item: &Item, cell: &Cell) -> Field {
        match item.kind {
            Kind::Boolean => Field::Boolean,
            Kind::Decimal => Field::Decimal,
            Kind::Integer => Field::Integer,
            Kind::Date => Field::Date,
            Kind::DateTime => Field::DateTime,
            Kind::Time => Field::Time,
            Kind::Text => Field::Lines,
            Kind::Url => Field::Url,
            // Without options that are known here, what is chosen is written.
            Kind::String | Kind::Choice | Kind::OpenChoice => Field::Line,
            Kind::Quantity => {
                let is_picked =
                    |at: usize, token: &str| if cell.unit.is_empty() { at == 0 } else { cell.unit == token };
                let pick = |(at, unit): (usize, &super::said::Unit)| Pick {
                    token: unit.token().to_owned(),
                    label: unit.label.of(self.language).to_owned(),
                    is_picked: is_picked(at, unit.token()),
                };
                Field::Quantity { units: item.units.iter().enumerate().map(pick).collect() }
            }
            Kind::Attachment | Kind::Reference => Field::Unsupported,
            Kind::Group | Kind::Display => Field::Display,
        }
    }

    fn choice(&mut self, item: &Item, place: &Place, cells: &[Cell]) {
        let control = match &*item.control {
            _ if item.repeats => Control::Checkbox,
            "drop-down" | "autocomplete" | "lookup" => Control::Select,
            "radio-button" => Control::Radio,
            _ if item.choices.len() > RADIO_MAX => Control::Select,
            _ => Control::Radio,
        };
        let is_picked = |token: &str| cells.iter().any(|cell| !cell.is_other && cell.typed == token);
        let options = item.choices.iter().map(|choice| Pick {
            token: choice.token.clone(),
            label: choice.label.of(self.language).to_owned(),
            is_picked: is_picked(&choice.token),
        });
        let other = cells.iter().find(|cell| cell.is_other).map(|cell| cell.typed.clone());
        let other = (item.kind == Kind::OpenChoice).then(|| other.unwrap_or_default());
        let field = Field::Choice { control, options: options.collect(), other };
        let mut row = self.row(item, field, name(item, &place.1, 0));
        row.problem = cells.iter().find_map(|cell| read(item, cell, "Z").err());
        let count = cells.iter().filter(|cell| !cell.typed.trim().is_empty()).count();
        if row.problem.is_none() && count > item.answers_max() {
            row.problem = Some(Problem::TooMany(item.answers_max()));
        }
        self.rows.push(row);
    }

    /// What was typed here and in what stands here, for when it is asked again.
    fn hide(&mut self, at: usize, around: &[u16]) {
        let item = &self.form.items[at];
        let place = (at, around.to_vec());
        for inner in instances(self.form, self.answers, at, around) {
            if item.is_repeating_group() && self.answers.has(&place) {
                let index = inner.last().map_or(0, |index| usize::from(*index));
                let mut row = self.row(item, Field::Hidden, name(item, around, index));
                row.typed = "1".to_owned();
                self.rows.push(row);
            }
            item.children.iter().for_each(|child| self.hide(*child, &inner));
        }
        let cells: &[Cell] = self.answers.cells.get(&place).map_or(&[], Vec::as_slice);
        for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.typed.is_empty()) {
            let own = name(item, around, if item.is_choice() { 0 } else { index });
            let end = if cell.is_other { "#other" } else { "" };
            let unit = Some((&cell.unit, "#unit")).filter(|(unit, _)| !unit.is_empty());
            for (typed, end) in [Some((&cell.typed, end)), unit].into_iter().flatten() {
                let mut row = self.row(item, Field::Hidden, [&own, end].concat());
                row.typed.clone_from(typed);
                self.rows.push(row);
            }
        }
    }
}
