//! What was typed so far, as it was typed.

use super::form::{Form, Item};
use super::said::cell_of;
use super::{GROUPS_MAX, PAIRS_MAX, PLACES_MAX, Place, REPETITIONS_MAX, TYPED_BYTES_MAX};
use std::collections::BTreeMap;

/// One answer as it was typed. No `Debug`: it is patient text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// As typed; for a choice the token of the option.
    pub typed: String,
    /// The token of the unit; empty for the first one.
    pub unit: String,
    /// True for what was written beside the options.
    pub is_other: bool,
}

/// All that was typed into a form. Made by [`fill`], [`super::answers_of`] or [`Answers::first`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers {
    pub(super) cells: BTreeMap<Place, Vec<Cell>>,
    /// How many times a repeating group is there.
    groups: BTreeMap<Place, usize>,
    /// How many times all of them together.
    groups_count: usize,
    pub(super) kept: Kept,
}

/// What a response has and the form does not know.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Members of the response: name and JSON.
    pub(super) members: Vec<(String, String)>,
    /// Items: the item in which they stand, its repetition, the linkId, the JSON.
    pub(super) items: Vec<(Option<Place>, String, String)>,
}

impl Answers {
    /// What the form says at first: its `initial` values.
    pub fn first(form: &Form) -> Answers {
        let mut answers = Answers::default();
        for (at, item) in form.items.iter().enumerate() {
            let place = (at, vec![0; form.repeating_around(at).len()]);
            let mut cells: Vec<Cell> = item.initial.iter().filter_map(|said| cell_of(item, said)).collect();
            let picked = item.choices.iter().filter(|choice| choice.is_initial);
            cells.extend(picked.map(|choice| Cell { typed: choice.token.clone(), ..Cell::default() }));
            cells.truncate(item.answers_max());
            if !cells.is_empty() {
                answers.cells.insert(place, cells);
            }
        }
        answers
    }

    /// These, with what `earlier` has and the form does not know: an edit keeps what an older version of the form asked.
    #[must_use]
    pub fn keeping(mut self, earlier: &Answers) -> Answers {
        self.kept = earlier.kept.clone();
        self
    }

    /// True if nothing was typed.
    pub fn is_blank(&self) -> bool {
        self.cells.values().flatten().all(|cell| cell.typed.trim().is_empty())
    }

    /// A group is there so many times at least. False if that is more than the bounds allow.
    pub(super) fn raise(&mut self, group: Place, count: usize) -> bool {
        let known = self.groups.entry(group).or_insert(0);
        let more = count.saturating_sub(*known);
        let is_allowed = count <= REPETITIONS_MAX && self.groups_count + more <= GROUPS_MAX;
        if is_allowed {
            *known += more;
            self.groups_count += more;
        }
        is_allowed
    }

    /// True if it was said how many times the group is there.
    pub(super) fn has(&self, group: &Place) -> bool {
        self.groups.get(group).is_some_and(|count| *count > 0)
    }

    pub(super) fn count(&self, group: &Place) -> usize {
        self.groups.get(group).copied().unwrap_or(1).clamp(1, REPETITIONS_MAX)
    }
}

/// The places of each item, repetitions counted, in the order of the form; at most [`PLACES_MAX`] together.
pub(super) fn places(form: &Form, answers: &Answers) -> Vec<Vec<Vec<u16>>> {
    let mut all: Vec<Vec<Vec<u16>>> = Vec::with_capacity(form.items.len());
    let mut left = PLACES_MAX;
    for item in &form.items {
        let mut own = Vec::new();
        match item.parent {
            None => own.push(Vec::new()),
            Some(parent) => {
                for at in &all[parent] {
                    own.extend(instances(form, answers, parent, at).into_iter().take(left - own.len().min(left)));
                }
            }
        }
        left = left.saturating_sub(own.len());
        all.push(own);
    }
    all
}

/// Where what stands in an item stands: once for each repetition of a group.
pub(super) fn instances(form: &Form, answers: &Answers, item: usize, at: &[u16]) -> Vec<Vec<u16>> {
    if !form.items[item].is_repeating_group() {
        return vec![at.to_vec()];
    }
    let count = answers.count(&(item, at.to_vec())) as u16;
    (0..count).map(|repetition| [at, &[repetition]].concat()).collect()
}

/// The name of a field: `linkId@` and the repetitions of the groups around it and of itself.
pub(super) fn name(item: &Item, at: &[u16], repetition: usize) -> String {
    let mut text = format!("{}@", item.link_id);
    for index in at {
        text.push_str(&format!("{index}."));
    }
    text.push_str(&repetition.to_string());
    text
}

/// What a name asks for: the item, its place, its repetition.
fn named(form: &Form, name: &str) -> Option<(Place, usize)> {
    let (link_id, indices) = name.rsplit_once('@')?;
    let item = *form.by_link_id.get(link_id)?;
    let around = form.repeating_around(item).len();
    let mut at: Vec<u16> = Vec::with_capacity(around + 1);
    for index in indices.split('.') {
        let index = index.parse().ok().filter(|index| usize::from(*index) < REPETITIONS_MAX)?;
        if at.len() > around {
            return None;
        }
        at.push(index);
    }
    let repetition = at.pop().filter(|_| at.len() == around)?;
    Some(((item, at), usize::from(repetition)))
}

/// What a page posted. Unknown names are left out, and so is what is more than the bounds allow.
///
/// Beside the fields of [`super::rows`] there may be a button `add:NAME`, as a name or as the value of any field `do`: it
/// adds one repetition to the group or question of that name.
pub fn fill(form: &Form, pairs: &[(String, String)]) -> Answers {
    let mut answers = Answers::default();
    let mut units: Vec<(Place, usize, String)> = Vec::new();
    let mut added: Vec<&str> = Vec::new();
    for (name, value) in pairs.iter().take(PAIRS_MAX) {
        let button = if name == "do" { value } else { name };
        if let Some(wanted) = button.strip_prefix("add:") {
            added.push(wanted);
            continue;
        }
        let (name, end) = match name.rsplit_once('#') {
            Some((name, end @ ("unit" | "other"))) => (name, end),
            _ => (name.as_str(), ""),
        };
        let Some((place, repetition)) = named(form, name) else { continue };
        let item = &form.items[place.0];
        if !reach(form, &mut answers, &place) {
            continue;
        }
        if item.is_repeating_group() {
            answers.raise(place, repetition + 1);
        } else if !item.is_asked() || item.calculation.is_some() {
            continue;
        } else if end == "unit" {
            units.push((place, repetition, cut(value)));
        } else if item.is_choice() {
            let cells = answers.cells.entry(place).or_default();
            let cell = Cell { typed: cut(value), is_other: end == "other", ..Cell::default() };
            if !value.trim().is_empty() && cells.len() < REPETITIONS_MAX && !cells.contains(&cell) {
                cells.push(cell);
            }
        } else {
            let cells = answers.cells.entry(place).or_default();
            if cells.len() <= repetition {
                cells.resize(repetition + 1, Cell::default());
            }
            cells[repetition].typed = cut(value);
        }
    }
    for (place, repetition, unit) in units {
        if let Some(cell) = answers.cells.get_mut(&place).and_then(|cells| cells.get_mut(repetition)) {
            cell.unit = unit;
        }
    }
    for name in added {
        add(form, &mut answers, name);
    }
    answers
}

/// The groups around a place are there as often as it needs them. False if that is too often.
fn reach(form: &Form, answers: &mut Answers, place: &Place) -> bool {
    let around = form.repeating_around(place.0).into_iter().enumerate();
    around.fold(true, |is_there, (depth, group)| {
        is_there && answers.raise((group, place.1[..depth].to_vec()), usize::from(place.1[depth]) + 1)
    })
}

fn add(form: &Form, answers: &mut Answers, name: &str) {
    let Some((place, _)) = named(form, name) else { return };
    let item = &form.items[place.0];
    if !item.repeats || !reach(form, answers, &place) {
        return;
    }
    let most = item.answers_max();
    if item.is_repeating_group() {
        let count = (answers.count(&place) + 1).min(most);
        answers.raise(place, count);
    } else if item.is_asked() && !item.is_choice() {
        let cells = answers.cells.entry(place).or_default();
        let count = (cells.len().max(1) + 1).min(most);
        cells.resize(count, Cell::default());
    }
}

/// One letter more than may be said stays, so that it is known to be too long.
fn cut(value: &str) -> String {
    let end = (0..=value.len().min(TYPED_BYTES_MAX + 4)).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    value[..end].to_owned()
}
