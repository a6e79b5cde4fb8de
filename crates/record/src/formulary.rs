//! The formulary: what can be ordered, in English and Arabic, what is usual of it, and the orders themselves.
//!
//! Promises:
//! - **It warns and never decides.** A warning says what it goes by, from which table, and whether anybody verified that
//!   table; nothing here refuses an order or proposes a dose.
//! - **What is not known is said** ([`Warning::NothingKnown`], [`Warning::NoWeight`], [`Warning::NoAge`],
//!   [`Warning::UnitsDiffer`]): no warning means that the dose was compared with a range, not that nobody looked.
//! - **An allergy is found however it was written**: by code, by substance, by group, in Arabic or Latin letters
//!   ([`allergy`]), and recorded apart at two sites it shows once, with every source.
//!
//! The tables are in `data/formulary`; their headers say where they are from. Every fact in them is `verified: no`
//! until a clinician signs, and [`verified`] is what screens ask.

pub mod allergy;
mod check;
mod dose;
mod due;
mod order;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use check::{HowAllergic, HowDuplicate, Patient, Proposed, Usual, Warning, checks};
pub use dose::{DoseRange, Unit, age_days, doses, doses_origin};
pub use due::{DUE_MAX, Due, DueState, due};
pub use order::{
    Administration, Became, EVERY_MINUTES, Frequency, Given, Order, OrderState, Outcome, administration,
    medication_administration, medication_request, order, resumed, stopped,
};

use crate::names::text_key;
use crate::table::{Origin, origin, rows};

const ITEMS: &str = include_str!("../data/formulary/items-v1.txt");

/// The system of the formulary's items.
pub const ITEM_SYSTEM: &str = "urn:sanad:item";
/// The system of ATC codes.
pub const ATC_SYSTEM: &str = "http://www.whocc.no/atc";
/// The system of routes.
pub const ROUTE_SYSTEM: &str = "urn:sanad:route";
/// Most items that one search gives: a phone shows eight at once, and who does not find theirs among twenty types on.
pub const FOUND_MAX: usize = 20;
/// Longest text that is searched for, in characters; the longest name in the table is half as long.
const QUERY_CHARS_MAX: usize = 100;

/// A code of the tables, in two languages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// The code.
    pub code: &'static str,
    /// In English.
    pub english: &'static str,
    /// In Arabic.
    pub arabic: &'static str,
}

/// Something that can be ordered: a substance in a form and strength.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its code in [`ITEM_SYSTEM`], which never changes its meaning.
    pub code: &'static str,
    /// What it is, whatever the form; dose ranges and allergies go by it.
    pub substance: &'static str,
    /// The international nonproprietary name.
    pub english: &'static str,
    /// The name in Arabic.
    pub arabic: &'static str,
    /// The form.
    pub form: Label,
    /// The strength as it stands on the box.
    pub strength: &'static str,
    /// The unit in which a dose of it is written.
    pub unit: Unit,
    /// By which routes it can be given.
    pub routes: Vec<Label>,
    /// The ATC code: 7 letters and digits, or 5 where ATC has no substance level for it.
    pub atc: &'static str,
    /// Which part of the formulary it stands in.
    pub group: Label,
    /// True if a hospital under siege must not run out of it.
    pub critical: bool,
    /// Other names it is known by.
    pub other_names: Vec<&'static str>,
}

/// Everything read of `items-v1.txt`.
struct Table {
    items: Vec<Item>,
    forms: Vec<Label>,
    routes: Vec<Label>,
    groups: Vec<Label>,
    by_code: BTreeMap<&'static str, usize>,
    /// What each item is found by: names first.
    keys: Vec<String>,
}

/// All items, in the order of the table.
pub fn items() -> &'static [Item] {
    &table().items
}

/// The item of that code.
pub fn item(code: &str) -> Option<&'static Item> {
    let table = table();
    table.by_code.get(code).map(|at| &table.items[*at])
}

/// The groups, in the order of the table.
pub fn groups() -> &'static [Label] {
    &table().groups
}

/// The route of that code.
pub fn route(code: &str) -> Option<Label> {
    table().routes.iter().find(|route| route.code == code).copied()
}

/// The forms, in the order of the table.
pub fn forms() -> &'static [Label] {
    &table().forms
}

/// Where the list of items is from, and whether anybody verified it.
pub fn items_origin() -> Origin {
    origin(ITEMS)
}

/// True if every table of the formulary is verified. While it is not, every screen that shows a warning or an absence
/// of one says so.
pub fn verified() -> bool {
    [origin(ITEMS), doses_origin(), allergy::allergies_origin()].iter().all(|table| table.verified.is_some())
}

/// The items whose names contain every word of the text, in either language, best first.
///
/// At most [`FOUND_MAX`]. A text without letters or digits, or one of more than a hundred characters, finds nothing.
pub fn find(text: &str) -> Vec<&'static Item> {
    if text.chars().nth(QUERY_CHARS_MAX).is_some() {
        return Vec::new();
    }
    let asked = search_key(text);
    if asked.is_empty() {
        return Vec::new();
    }
    let table = table();
    let ranked = table.keys.iter().enumerate().filter_map(|(at, key)| Some((rank(key, &asked)?, at)));
    let mut ranked: Vec<(u8, usize)> = ranked.collect();
    ranked.sort_unstable();
    ranked.into_iter().take(FOUND_MAX).map(|(_, at)| &table.items[at]).collect()
}

/// How well a key answers: 0 a name begins with all that was asked, 1 every word begins a word, 2 every word is
/// somewhere. Names are separated by `;` in a key.
fn rank(key: &str, asked: &str) -> Option<u8> {
    let begins = |word: &str| key.split([' ', ';']).any(|known| known.starts_with(word));
    if key.split(';').any(|name| name.starts_with(asked)) {
        Some(0)
    } else if asked.split(' ').all(begins) {
        Some(1)
    } else {
        asked.split(' ').all(|word| key.contains(word)).then_some(2)
    }
}

/// A text as it is compared here: [`text_key`], and Arabic words without their article.
pub(crate) fn search_key(text: &str) -> String {
    let key = text_key(text);
    let words: Vec<&str> = key.split(' ').map(without_article).collect();
    words.join(" ")
}

/// Four letters have to stay: shorter words are as likely to begin with these two letters themselves.
fn without_article(word: &str) -> &str {
    word.strip_prefix("ال").filter(|stem| stem.chars().nth(3).is_some()).unwrap_or(word)
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(ITEMS))
}

impl Table {
    /// Reads the table. A test reads every row of it, so one that is not understood is passed over.
    fn read(text: &'static str) -> Table {
        let mut table = Table {
            items: Vec::new(),
            forms: Vec::new(),
            routes: Vec::new(),
            groups: Vec::new(),
            by_code: BTreeMap::new(),
            keys: Vec::new(),
        };
        for row in rows(text) {
            match row[..] {
                ["form", code, english, arabic] => table.forms.push(Label { code, english, arabic }),
                ["route", code, english, arabic] => table.routes.push(Label { code, english, arabic }),
                ["group", code, english, arabic] => table.groups.push(Label { code, english, arabic }),
                _ => {
                    if let Some(item) = table.item(&row) {
                        table.by_code.insert(item.code, table.items.len());
                        table.keys.push(key_of(&item));
                        table.items.push(item);
                    }
                }
            }
        }
        table
    }

    fn item(&self, row: &[&'static str]) -> Option<Item> {
        let label = |list: &[Label], code: &str| list.iter().find(|label| label.code == code).copied();
        match *row {
            ["item", code, substance, english, arabic, form, strength, unit, routes, atc, group, critical, others] => {
                Some(Item {
                    code,
                    substance,
                    english,
                    arabic,
                    form: label(&self.forms, form)?,
                    strength,
                    unit: Unit::parse(unit)?,
                    routes: routes.split(' ').map(|route| label(&self.routes, route)).collect::<Option<_>>()?,
                    atc,
                    group: label(&self.groups, group)?,
                    critical: match critical {
                        "yes" => true,
                        "no" => false,
                        _ => return None,
                    },
                    other_names: others.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
                })
            }
            _ => None,
        }
    }
}

fn key_of(item: &Item) -> String {
    let names = [item.english, item.arabic].into_iter().chain(item.other_names.iter().copied());
    let rest = [item.form.english, item.form.arabic, item.strength, item.atc];
    names.chain(rest).map(search_key).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests;
