//! What two Patient resources say alike, and what not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Agreement, Evidence, Trait};
use crate::identifier::identifier_key;
use crate::names::{NamePart, NameTerm, NameWord, latin_skeleton, matches, text_key, words};
use crate::time::{Precision, read};

/// So many names, identifiers, telephones and addresses of a person are looked at: nobody has more, and the comparison of
/// names is of each with each.
const LIST_MAX: usize = 32;
/// A longer text is no name, number or place.
const TEXT_CHARS_MAX: usize = 200;
/// The end of a telephone number, which the ways of writing the country's code have in common.
const PHONE_DIGITS: usize = 9;
/// Fewer digits are an extension or an emergency number, which strangers share.
const PHONE_DIGITS_MIN: usize = 6;
/// Ages are guessed, and birthdays written down from memory.
const YEARS_OFF_MAX: u32 = 2;
/// [`matches`] gives this and more to names that are one letter off.
const ONE_OFF: u32 = 60;

/// Everything that speaks for or against, in the order of [`Trait`]. Whichever is compared with which, it is the same.
pub(super) fn evidence(a: &Value, b: &Value) -> Vec<Evidence> {
    let [own, father, family] = names(a, b);
    let found = [
        (Trait::Identifier, identifiers(a, b)),
        (Trait::OwnName, own),
        (Trait::FathersName, father),
        (Trait::FamilyName, family),
        (Trait::BirthDate, birth_dates(a, b)),
        (Trait::Sex, sexes(a, b)),
        (Trait::Telecom, telecoms(a, b)),
        (Trait::City, cities(a, b)),
    ];
    found.into_iter().filter_map(|(what, how)| Some((what, how?))).collect()
}

fn list<'v>(person: &'v Value, name: &str) -> &'v [Value] {
    let all = person.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    &all[..all.len().min(LIST_MAX)]
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    let text = value.get(name)?.as_str()?;
    (text.len() <= TEXT_CHARS_MAX * 4 && !text.trim().is_empty()).then_some(text)
}

/// A system, if one is said, and a value in the form in which numbers are compared.
type Identifier = (Option<String>, String);

/// The identifiers that last, and those that do not: R4 identifier-use `temp`, such as the tag of a triage.
fn identifiers_of(person: &Value) -> (BTreeSet<Identifier>, BTreeSet<Identifier>) {
    let (mut lasting, mut temporary) = (BTreeSet::new(), BTreeSet::new());
    for identifier in list(person, "identifier") {
        let Some(value) = text(identifier, "value").map(identifier_key) else { continue };
        let one = (text(identifier, "system").map(|system| system.trim().to_owned()), value);
        let is_temporary = text(identifier, "use") == Some("temp");
        if is_temporary {
            temporary.insert(one)
        } else {
            lasting.insert(one)
        };
    }
    (lasting, temporary)
}

fn identifiers(a: &Value, b: &Value) -> Option<Agreement> {
    let ((a, a_temporary), (b, b_temporary)) = (identifiers_of(a), identifiers_of(b));
    let systems =
        |all: &BTreeSet<Identifier>| all.iter().filter_map(|(system, _)| system.clone()).collect::<BTreeSet<_>>();
    let unsaid = |x: &BTreeSet<Identifier>, y: &BTreeSet<Identifier>| {
        x.iter().any(|(system, value)| system.is_none() && y.iter().any(|(_, other)| other == value))
    };
    if a.intersection(&b).any(|(system, _)| system.is_some()) {
        return Some(Agreement::Same);
    }
    if unsaid(&a, &b) || unsaid(&b, &a) {
        return Some(Agreement::Value);
    }
    if systems(&a).intersection(&systems(&b)).next().is_some() {
        return Some(Agreement::Differs);
    }
    // A tag that one side wrote down without saying that it is one is a tag all the same.
    let all = |lasting: &BTreeSet<Identifier>, temporary: &BTreeSet<Identifier>| {
        lasting.union(temporary).cloned().collect::<BTreeSet<_>>()
    };
    let tagged = all(&a, &a_temporary).intersection(&all(&b, &b_temporary)).next().is_some();
    tagged.then_some(Agreement::Temporary)
}

/// A name in its parts.
#[derive(Default)]
struct Name {
    own: Option<NameWord>,
    father: Option<NameWord>,
    family: Option<NameWord>,
}

/// The names that say who somebody is: not a nickname after a child, and not "unknown man".
fn names_of(person: &Value) -> Vec<Name> {
    let kept = list(person, "name").iter().filter(|name| !matches!(text(name, "use"), Some("nickname" | "anonymous")));
    kept.map(name).filter(|name| name.own.is_some() || name.family.is_some()).collect()
}

fn name(name: &Value) -> Name {
    let given = list(name, "given").iter().filter_map(Value::as_str).filter(|text| text.len() <= TEXT_CHARS_MAX * 4);
    let mut given = given.flat_map(words);
    let (own, father) = (given.next(), given.next());
    let family = text(name, "family").and_then(|family| words(family).into_iter().next());
    if own.is_some() || family.is_some() {
        return Name { own, father, family };
    }
    // Only a text: own name, father's, and the last is the family's if there are three.
    let mut all = words(text(name, "text").unwrap_or_default()).into_iter();
    let (own, father) = (all.next(), all.next());
    Name { own, father, family: all.last() }
}

/// Own name, father's and family's, of the two names that agree best.
fn names(a: &Value, b: &Value) -> [Option<Agreement>; 3] {
    let (a, b) = (names_of(a), names_of(b));
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    let compared = pairs.map(|(x, y)| [part(&x.own, &y.own), part(&x.father, &y.father), part(&x.family, &y.family)]);
    // The best is that with the most points; of two with as many, the one whose own name agrees better.
    compared
        .max_by_key(|found| (points(found), std::cmp::Reverse(found.map(|how| how.unwrap_or(Agreement::Differs)))))
        .unwrap_or_default()
}

fn points(found: &[Option<Agreement>; 3]) -> i32 {
    let weights = super::weights();
    let parts = [Trait::OwnName, Trait::FathersName, Trait::FamilyName].into_iter().zip(found);
    parts.filter_map(|(what, how)| weights.points.get(&(what, (*how)?))).sum()
}

fn part(a: &Option<NameWord>, b: &Option<NameWord>) -> Option<Agreement> {
    let (a, b) = (a.as_ref()?, b.as_ref()?);
    if a.key == b.key {
        return Some(Agreement::Same);
    }
    // One consonant is too little to call two names one.
    let one_skeleton = a.skeleton.len() > 1 && a.skeleton == b.skeleton;
    let two_scripts = a.key.is_ascii() != b.key.is_ascii();
    let term =
        |word: &NameWord| NameTerm { key: word.key.clone(), skeleton: word.skeleton.clone(), part: NamePart::Given };
    let one_off = || matches(&a.key, &[term(b)]).min(matches(&b.key, &[term(a)])) >= ONE_OFF;
    Some(match () {
        () if one_skeleton && two_scripts => Agreement::Sounds,
        () if one_skeleton || one_off() => Agreement::Near,
        () => Agreement::Differs,
    })
}

/// A birth date as exact as it is, in numbers.
struct Birth {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
}

fn birth(person: &Value) -> Option<Birth> {
    let text = text(person, "birthDate")?;
    let (_, (precision, _)) = read(text)?;
    let mut parts = text.split('T').next()?.split('-').map(str::parse::<u32>);
    let year = i32::try_from(parts.next()?.ok()?).ok()?;
    let (month, day) = (parts.next().and_then(Result::ok), parts.next().and_then(Result::ok));
    Some(match precision {
        Precision::Year => Birth { year, month: None, day: None },
        Precision::Month => Birth { year, month, day: None },
        // What is written where only the year is known.
        _ if (month, day) == (Some(1), Some(1)) => Birth { year, month: None, day: None },
        _ => Birth { year, month, day },
    })
}

fn birth_dates(a: &Value, b: &Value) -> Option<Agreement> {
    let (a, b) = (birth(a)?, birth(b)?);
    let agree = |x: Option<u32>, y: Option<u32>| x.zip(y).is_none_or(|(x, y)| x == y);
    let vague = a.month.is_none() || b.month.is_none();
    let swapped = a.day.is_some() && b.day.is_some() && a.month == b.day && a.day == b.month;
    Some(match () {
        () if a.year.abs_diff(b.year) > YEARS_OFF_MAX => Agreement::Differs,
        () if a.year != b.year => {
            if vague {
                Agreement::Close
            } else {
                Agreement::Near
            }
        }
        () if vague => Agreement::Year,
        () if agree(a.month, b.month) && (a.day.is_none() || b.day.is_none()) => Agreement::Month,
        () if agree(a.month, b.month) && agree(a.day, b.day) => Agreement::Day,
        () if swapped => Agreement::Swapped,
        () => Agreement::Near,
    })
}

/// `other` and `unknown` say nothing about another record's `male` or `female`.
fn sexes(a: &Value, b: &Value) -> Option<Agreement> {
    let sex = |person| text(person, "gender").filter(|sex| matches!(*sex, "male" | "female"));
    let (a, b) = (sex(a)?, sex(b)?);
    Some(if a == b { Agreement::Same } else { Agreement::Differs })
}

fn telecoms(a: &Value, b: &Value) -> Option<Agreement> {
    let of = |person| list(person, "telecom").iter().filter_map(telecom).collect::<BTreeSet<_>>();
    of(a).intersection(&of(b)).next().map(|_| Agreement::Same)
}

/// The end of a telephone number, or an address as it is compared.
fn telecom(point: &Value) -> Option<String> {
    let value = identifier_key(text(point, "value")?);
    if value.contains('@') {
        return Some(value);
    }
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let end = digits.len().saturating_sub(PHONE_DIGITS);
    (digits.len() >= PHONE_DIGITS_MIN).then(|| digits[end..].to_owned())
}

fn cities(a: &Value, b: &Value) -> Option<Agreement> {
    let (a, b) = (cities_of(a), cities_of(b));
    let pairs = || a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    if pairs().any(|(x, y)| x.key == y.key) {
        return Some(Agreement::Same);
    }
    let sounds = |(x, y): (&NameWord, &NameWord)| {
        x.skeleton.len() > 1 && x.skeleton == y.skeleton && x.key.is_ascii() != y.key.is_ascii()
    };
    pairs().any(sounds).then_some(Agreement::Sounds)
}

/// The cities of a person, each as one word.
fn cities_of(person: &Value) -> Vec<NameWord> {
    let cities = list(person, "address").iter().filter_map(|address| text(address, "city"));
    let word = |city: &str| NameWord { key: text_key(city), skeleton: latin_skeleton(city) };
    cities.map(word).filter(|word| !word.key.is_empty()).collect()
}
