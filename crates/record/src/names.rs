//! Finding a person by name, in Arabic or Latin letters, however it was spelled.
//!
//! Source of the rules: standards §10 (the normalisation of Lucene's ArabicNormalizer, the compounds and particles of
//! Arabic personal names, the usual Latin spellings). Names are never stemmed.
//!
//! Two keys per name: [`name_key`] is exact up to spelling conventions of one script; [`latin_skeleton`] keeps the
//! consonants only and is where the scripts meet. Both are for finding, not for deciding: that two keys are equal says
//! that a person should look, never that two records are one patient.

mod key;
mod skeleton;

use crate::json::Node;
use serde_json::Value;

/// How the URL of an extension ends that holds an everyday name.
const KUNYA: &str = "kunya";

/// Which part of a name a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamePart {
    /// `HumanName.given`: own name, then the father's, then the grandfather's.
    Given,
    /// `HumanName.family`.
    Family,
    /// `HumanName.text`, the whole name.
    Text,
    /// The everyday name after a child (Abu X, Umm X): `HumanName` with use `nickname`, or an extension of that name.
    Kunya,
}

/// One searchable part of a person's name. No Debug of its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameTerm {
    /// [`name_key`] of the part.
    pub key: String,
    /// [`latin_skeleton`] of the part.
    pub skeleton: String,
    /// Which part.
    pub part: NamePart,
}

impl std::fmt::Debug for NameTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NameTerm({:?}, {} letters)", self.part, self.key.chars().count())
    }
}

/// The normalised key of a name of one or several words; words stay in order, one space between them.
///
/// A caller may rely on: the key of a key is the key itself; spellings that differ in hamza, teh marbuta, alef
/// maksura, harakat, tatweel, Persian letters, digits, letter case, Latin accents, the article, `bin`/`bint`, or in
/// how a compound (`Abd`, `Abu`, `Umm`) is cut, have one key. A text without letters or digits has an empty key.
pub fn name_key(text: &str) -> String {
    let words: Vec<String> = key::words(text).iter().map(key::Word::key).collect();
    words.join(" ")
}

/// One word of a name, in the two forms that it is found by.
#[derive(Clone, PartialEq, Eq)]
pub struct NameWord {
    /// As in [`name_key`].
    pub key: String,
    /// As in [`latin_skeleton`].
    pub skeleton: String,
}

/// The words of a name, a compound as one.
pub fn words(text: &str) -> Vec<NameWord> {
    key::words(text).iter().map(word).filter(|word| !word.key.is_empty()).collect()
}

/// The words that a name is found by: those of [`words`], and what a compound is built on (Layla of Abu Layla).
pub fn words_found(text: &str) -> Vec<NameWord> {
    let words = key::words(text);
    let compounds = words.iter().filter(|word| word.prefix.is_some());
    let bases: Vec<_> = compounds.map(|compound| key::Word { prefix: None, ..compound.clone() }).collect();
    words.iter().chain(&bases).map(word).filter(|word| !word.key.is_empty()).collect()
}

fn word(word: &key::Word) -> NameWord {
    NameWord { key: word.key(), skeleton: skeleton::of(word) }
}

/// Any text in the form in which texts are compared: one letter for all the ways it is written, lower case, without marks,
/// one space between words. What is left of a text without letters or digits is empty.
pub fn text_key(text: &str) -> String {
    key::letters(text).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The consonants of a name of one or several words, in classes that Arabic and Latin spellings share, so that
/// Mohammed, Muhamad, Mhmd and محمد meet. Coarser than [`name_key`]; words without any consonant keep their vowel.
pub fn latin_skeleton(text: &str) -> String {
    let words: Vec<String> = key::words(text).iter().map(skeleton::of).collect();
    words.join(" ")
}

/// Every name of a Patient, RelatedPerson, Practitioner or Person, each part once.
///
/// Reads `HumanName.given`, `.family` and `.text` of every name, old ones and nicknames as well, and every extension
/// (of the resource or of a name) whose URL ends in `kunya`.
pub fn search_terms(person: &Value) -> Vec<NameTerm> {
    let mut terms = Vec::new();
    let mut add = |text: &str, part: NamePart| {
        let term = NameTerm { key: name_key(text), skeleton: latin_skeleton(text), part };
        if !term.key.is_empty() && !terms.contains(&term) {
            terms.push(term);
        }
    };
    // Practitioner and Patient have a list of names; a lone one is read too.
    let names = match person.get("name") {
        Some(Value::Array(names)) => &names[..],
        Some(name @ Value::Object(_)) => std::slice::from_ref(name),
        _ => &[],
    };
    for name in names {
        let nickname = name.get("use").and_then(Value::as_str) == Some("nickname");
        let part = |part| if nickname { NamePart::Kunya } else { part };
        let given = name.get("given").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        given.iter().filter_map(Value::as_str).for_each(|text| add(text, part(NamePart::Given)));
        for (member, kind) in [("family", NamePart::Family), ("text", NamePart::Text)] {
            name.get(member).and_then(Value::as_str).into_iter().for_each(|text| add(text, part(kind)));
        }
    }
    for holder in std::iter::once(person).chain(names) {
        let extensions = holder.get("extension").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_kunya = |extension: &&Value| {
            extension.get("url").and_then(Value::as_str).is_some_and(|url| url.to_ascii_lowercase().ends_with(KUNYA))
        };
        for kunya in extensions.iter().filter(is_kunya) {
            kunya.get("valueString").and_then(Value::as_str).into_iter().for_each(|text| add(text, NamePart::Kunya));
        }
    }
    terms
}

/// The everyday names (kunya) that stand in extensions of a person or of one of their names, as written.
pub fn everyday_names(person: &Node<'_>) -> Vec<String> {
    let is_kunya = |url: &str| url.to_ascii_lowercase().ends_with(KUNYA);
    let of_name = person.get("name").map_or(&[][..], Node::items);
    let extensions = std::iter::once(person).chain(of_name).filter_map(|holder| holder.get("extension"));
    let kunyas = extensions.flat_map(Node::items).filter(|one| one.get_str("url").is_some_and(|url| is_kunya(&url)));
    kunyas.filter_map(|kunya| kunya.get_str("valueString")).map(std::borrow::Cow::into_owned).collect()
}

/// How well one word fits another, each with its skeleton: what [`matches()`] adds up.
pub fn worth_of(word: &NameWord, other: &NameWord) -> u32 {
    fit(&word.key, &word.skeleton, &other.key, &other.skeleton)
}

/// How well a query fits a person's names: 0 not at all, 100 every word exactly. For ordering results.
///
/// Every word of the query is worth its best fit among the words of the terms: the same key, the start of one, the
/// same skeleton, one letter off, the same skeleton with letters that are often written for one another. At least
/// half of the words have to fit something; the score is their mean.
pub fn matches(query: &str, terms: &[NameTerm]) -> u32 {
    let asked = key::words(query);
    if asked.is_empty() {
        return 0;
    }
    let best = |word: &key::Word| {
        let (key, skeleton) = (word.key(), skeleton::of(word));
        let fits = terms.iter().flat_map(|term| {
            term.key.split(' ').zip(term.skeleton.split(' ')).map(|(k, s)| fit(&key, &skeleton, k, s))
        });
        fits.max().unwrap_or(0)
    };
    let scores: Vec<u32> = asked.iter().map(best).collect();
    let fitting = scores.iter().filter(|&&score| score > 0).count();
    if fitting * 2 < scores.len() { 0 } else { scores.iter().sum::<u32>() / scores.len() as u32 }
}

fn fit(key: &str, skeleton: &str, other_key: &str, other_skeleton: &str) -> u32 {
    let long = |text: &str, letters: usize| text.chars().count() >= letters;
    if key == other_key {
        100
    } else if long(key, 2) && other_key.starts_with(key) {
        85
    } else if long(skeleton, 2) && skeleton == other_skeleton {
        75
    } else if !skeleton.is_empty() && skeleton == other_skeleton {
        // One consonant: Layla is Leila, and also Lulu.
        50
    } else if long(key, 4) && long(other_key, 4) && one_off(key, other_key) {
        60
    } else if long(skeleton, 3) && skeleton::coarse(skeleton) == skeleton::coarse(other_skeleton) {
        45
    } else {
        0
    }
}

/// Whether one insertion, deletion, replacement or swap of neighbours turns one text into the other
/// (Damerau-Levenshtein distance at most 1).
fn one_off(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let same_start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same_start..], &b[same_start..]);
    let same_end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - same_end], &b[..b.len() - same_end]);
    match (a, b) {
        ([], []) | ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([p, q], [r, s]) => p == s && q == r,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
