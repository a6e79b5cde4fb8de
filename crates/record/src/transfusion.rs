//! Blood: groups, what is compatible, units, walking donors, and what was transfused.
//!
//! Promises:
//! - **Two groups recorded for one patient are never one**: [`grouping`] is a [`Grouping::Conflict`] until somebody settles
//!   it, and nothing is compatible with a conflict.
//! - What is compatible stands in tables of 64 cells, tested cell by cell; what a table does not decide is
//!   [`Match::Undecided`], and what is not known is [`Match::NotKnown`], never a yes.
//! - It records and warns; it never chooses a unit.
//!
//! The tables are in `data/transfusion` and `verified: no` until a clinician signs them.

mod donor;
mod given;
mod group;
mod unit;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use donor::{DONOR_SYSTEM, DONOR_TAG, Donor, donated, donor, donor_tag, is_donor, last_donation};
pub use given::{TRANSFUSION_SYSTEM, Transfused, Transfusion, transfusion, transfusions};
pub use group::{BloodGroup, GROUP_CODE, GROUP_SYSTEM, Grouping, NotAGroup, group_observation, grouping};
pub use unit::{BloodUnit, blood_unit, gone, read_unit};

use crate::formulary::Label;
use crate::table::{Origin, named, origin, rows};

const RED_CELLS: &str = include_str!("../data/transfusion/red-cells-v1.txt");
const PLASMA: &str = include_str!("../data/transfusion/plasma-v1.txt");
const WHOLE_BLOOD: &str = include_str!("../data/transfusion/whole-blood-v1.txt");
const PRODUCTS: &str = include_str!("../data/transfusion/products-v1.txt");

/// Milliseconds in a day.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// What is in a bag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Product {
    /// Whole blood.
    WholeBlood,
    /// Red cells.
    RedCells,
    /// Plasma.
    Plasma,
    /// Platelets. There is no table of them: they are given across groups where there is no choice.
    Platelets,
}

/// Whether a patient can be given blood of a group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Match {
    /// The table says yes.
    Yes,
    /// The table says no.
    No,
    /// The table leaves it to people, and says why.
    Undecided(Why),
    /// A group is not known, or two were recorded, or there is no table of the product.
    NotKnown,
}

/// Why a table does not decide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// It depends on the donor's titre of antibodies.
    LowTitre,
    /// The same ABO group, RhD negative for positive.
    RhdNegative,
}

impl Product {
    /// Every product.
    pub const ALL: [Product; 4] = [Product::WholeBlood, Product::RedCells, Product::Plasma, Product::Platelets];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Product::WholeBlood => "whole-blood",
            Product::RedCells => "red-cells",
            Product::Plasma => "plasma",
            Product::Platelets => "platelets",
        }
    }

    /// The product of that code.
    pub fn of_code(code: &str) -> Option<Product> {
        Product::ALL.into_iter().find(|product| product.code() == code)
    }

    /// What it is called.
    pub fn label(self) -> Label {
        let code = self.code();
        let known = table().products.get(&self).map(|(label, _)| *label);
        known.unwrap_or(Label { code, english: code, arabic: code })
    }

    /// How many days it keeps, as the table says.
    pub fn keeps_days(self) -> u32 {
        table().products.get(&self).map_or(0, |(_, days)| *days)
    }

    fn table(self) -> Option<&'static str> {
        match self {
            Product::WholeBlood => Some(WHOLE_BLOOD),
            Product::RedCells => Some(RED_CELLS),
            Product::Plasma => Some(PLASMA),
            Product::Platelets => None,
        }
    }

    /// Where the table of what is compatible is from.
    pub fn origin(self) -> Option<Origin> {
        self.table().map(origin)
    }
}

/// How many days a donor rests between two donations, as the table says.
pub fn rest_days() -> u32 {
    table().rest_days
}

/// Where the table of products is from.
pub fn products_origin() -> Origin {
    origin(PRODUCTS)
}

/// Whether a patient can be given a product of a donor, by their groups. `None` is a group that is not known.
pub fn matches(product: Product, donor: Option<BloodGroup>, recipient: Option<BloodGroup>) -> Match {
    let (Some(donor), Some(recipient)) = (donor, recipient) else { return Match::NotKnown };
    table().cells.get(&(product, recipient, donor)).copied().unwrap_or(Match::NotKnown)
}

struct Table {
    cells: BTreeMap<(Product, BloodGroup, BloodGroup), Match>,
    products: BTreeMap<Product, (Label, u32)>,
    rest_days: u32,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::read)
}

const CELLS: &[(&str, Match)] = &[
    ("yes", Match::Yes),
    ("no", Match::No),
    ("low-titre", Match::Undecided(Why::LowTitre)),
    ("rhd-negative", Match::Undecided(Why::RhdNegative)),
];

impl Table {
    /// Reads the tables. Tests read every cell, so what is not understood is passed over: it is not known, never a yes.
    fn read() -> Table {
        let mut table = Table { cells: BTreeMap::new(), products: BTreeMap::new(), rest_days: u32::MAX };
        for product in Product::ALL {
            for row in product.table().into_iter().flat_map(rows) {
                let Some((Ok(recipient), cells)) =
                    row.split_first().map(|(name, rest)| (BloodGroup::parse(name), rest))
                else {
                    continue;
                };
                for (donor, cell) in BloodGroup::ALL.into_iter().zip(cells) {
                    if let Some(cell) = named(CELLS, cell) {
                        table.cells.insert((product, recipient, donor), cell);
                    }
                }
            }
        }
        for row in rows(PRODUCTS) {
            match row[..] {
                ["product", code, english, arabic, days] => {
                    if let (Some(product), Ok(days)) = (Product::of_code(code), days.parse()) {
                        table.products.insert(product, (Label { code, english, arabic }, days));
                    }
                }
                ["rest", days] => table.rest_days = days.parse().unwrap_or(u32::MAX),
                _ => {}
            }
        }
        table
    }
}

#[cfg(test)]
mod tests;
