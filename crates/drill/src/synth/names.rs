//! Names from `data/names.tsv` (Wikidata, CC0): given, father's given, family, in Arabic with a Latin spelling.

use std::sync::OnceLock;

use super::{Sex, rng::Rng};

/// A name as written in Arabic and one of its usual Latin spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) arabic: &'static str,
    pub(super) latin: &'static str,
    /// How many people of the source bear it: relative frequency.
    weight: u32,
}

/// The names of one patient.
#[derive(Clone, Copy, Debug)]
pub(super) struct FullName {
    pub(super) given: Name,
    pub(super) father: Name,
    pub(super) family: Name,
    /// The eldest son by whom a parent is called: Abu X, Umm X.
    pub(super) kunya: Option<Name>,
}

struct Lists {
    male: Vec<Name>,
    female: Vec<Name>,
    family: Vec<Name>,
}

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(|| {
        let mut lists = Lists { male: Vec::new(), female: Vec::new(), family: Vec::new() };
        for line in include_str!("../../data/names.tsv").lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let (Some(kind), Some(arabic), Some(latin), Some(Ok(weight))) =
                (fields.next(), fields.next(), fields.next(), fields.next().map(str::parse))
            else {
                unreachable!("names.tsv is part of the program; bad line: {line}")
            };
            let list = match kind {
                "m" => &mut lists.male,
                "f" => &mut lists.female,
                _ => &mut lists.family,
            };
            list.push(Name { arabic, latin, weight });
        }
        lists
    })
}

fn pick(names: &[Name], rng: &mut Rng) -> Name {
    names[rng.weighted(names.iter().map(|name| name.weight))]
}

/// A name for a patient of `sex`.
pub(super) fn draw(sex: Sex, kunya: bool, rng: &mut Rng) -> FullName {
    let lists = lists();
    let own = match sex {
        Sex::Male => &lists.male,
        Sex::Female => &lists.female,
    };
    FullName {
        given: pick(own, rng),
        father: pick(&lists.male, rng),
        family: pick(&lists.family, rng),
        kunya: kunya.then(|| pick(&lists.male, rng)),
    }
}

impl FullName {
    pub(super) fn arabic(&self) -> String {
        [self.given.arabic, self.father.arabic, self.family.arabic].join(" ")
    }

    pub(super) fn latin(&self) -> String {
        [self.given.latin, self.father.latin, self.family.latin].join(" ")
    }
}

/// Whether `arabic` is among the given names of `sex`, for tests of consistency.
#[cfg(test)]
pub(super) fn is_given(sex: Sex, arabic: &str) -> bool {
    let lists = lists();
    let own = match sex {
        Sex::Male => &lists.male,
        Sex::Female => &lists.female,
    };
    own.iter().any(|name| name.arabic == arabic)
}

#[cfg(test)]
mod tests {
    use super::{Sex, is_given, lists};

    #[test]
    fn the_lists_are_long_and_in_arabic() {
        let lists = lists();
        assert!(lists.male.len() > 200 && lists.female.len() > 150 && lists.family.len() > 200);
        for name in lists.male.iter().chain(&lists.female).chain(&lists.family) {
            assert!(name.arabic.chars().all(|c| ('\u{621}'..='\u{64a}').contains(&c) || c == ' '), "{}", name.arabic);
            assert!(name.latin.is_ascii() && name.weight > 0, "{}", name.latin);
        }
        assert!(is_given(Sex::Female, "فاطمة") && is_given(Sex::Male, "محمد"));
    }
}
