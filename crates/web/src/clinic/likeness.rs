//! Who somebody may be: records that look like one person, best first, with what speaks for it and against it. A person
//! decides; nothing here does.

use std::collections::BTreeMap;

use sanad_node::site::Site;
use sanad_record::care::person;
use sanad_record::identifier::identifier_key;
use sanad_record::matching::{Agreement, Evidence, Grade, Score, Trait, score};
use serde_json::{Value, json};

use crate::candidates::{candidates, literal};
use crate::clinic::record;
use crate::fhir::{self, Who};
use crate::pages::Frame;
use crate::source::SourceError;

/// Most that are shown: whoever reads a longer list reads none of it.
const SHOWN_MAX: usize = 8;
/// So many parts have to agree before two records without an identifier in common are shown as perhaps one: half of a
/// camp is called Muhammad.
const AGREE_MIN: usize = 2;

/// Somebody who may be the one.
pub(crate) struct Like {
    pub id: String,
    pub who: Who,
    /// The parts in which the two agree, and those in which they differ, in words.
    pub same: String,
    pub differs: String,
}

/// Those who look like this Patient, best first; `own` is not among them.
pub(crate) fn alike(f: &Frame, site: &Site, wanted: &Value, own: Option<&str>) -> Result<Vec<Like>, SourceError> {
    let reader = site.reader();
    let mut best: BTreeMap<String, (Score, Vec<u8>)> = BTreeMap::new();
    for (id, candidate) in candidates::<SourceError>(reader, wanted, f.calendar.now_ms)? {
        let Some(raw) = candidate.raw else { continue };
        let Ok(value) = serde_json::from_slice::<Value>(&raw) else { continue };
        let score = score(wanted, &value);
        if !is_shown(&score) {
            continue;
        }
        // Who was merged into another is shown as that one.
        let Some(page) = reader.patient(&id)? else { continue };
        let shown = page.row.id;
        if Some(&*shown) == own || best.get(&shown).is_some_and(|(better, _)| better.value >= score.value) {
            continue;
        }
        let raw = if shown == id { raw } else { survivor(site, &shown)?.unwrap_or(raw) };
        best.insert(shown, (score, raw));
    }
    let mut found: Vec<_> = best.into_iter().collect();
    found.sort_by(|(one, (a, _)), (other, (b, _))| b.value.total_cmp(&a.value).then_with(|| one.cmp(other)));
    found.truncate(SHOWN_MAX);
    let like = |(id, (score, raw)): (String, (Score, Vec<u8>))| {
        let words = |differs: bool| words(f, &score.evidence, differs);
        Like { id, who: fhir::who(&f.v, &raw, f.year()), same: words(false), differs: words(true) }
    };
    Ok(found.into_iter().map(like).collect())
}

fn survivor(site: &Site, id: &str) -> Result<Option<Vec<u8>>, SourceError> {
    let found = record::one(site, "Patient", id)?;
    Ok(found.and_then(|found| serde_json::to_vec(&found.value).ok()))
}

fn is_shown(score: &Score) -> bool {
    let agree = |found: &&Evidence| found.1 != Agreement::Differs && !matches!(found.0, Trait::Sex | Trait::City);
    let identified = score.evidence.iter().any(|(of, how)| *of == Trait::Identifier && *how != Agreement::Differs);
    let enough = identified || score.evidence.iter().filter(agree).count() >= AGREE_MIN;
    score.grade >= Grade::Probable || score.grade > Grade::CertainlyNot && enough
}

/// In what two agree and in what they differ, in words.
pub(crate) fn evidence(f: &Frame, one: &Value, other: &Value) -> (String, String) {
    let evidence = score(one, other).evidence;
    (words(f, &evidence, false), words(f, &evidence, true))
}

fn words(f: &Frame, evidence: &[Evidence], differs: bool) -> String {
    let kept = evidence.iter().filter(|(_, how)| (*how == Agreement::Differs) == differs);
    let named = kept.map(|(of, _)| f.t(&format!("trait-{}", trait_name(*of))));
    named.collect::<Vec<_>>().join(&f.t("list-comma"))
}

fn trait_name(of: Trait) -> &'static str {
    match of {
        Trait::Identifier => "identifier",
        Trait::OwnName => "own-name",
        Trait::FathersName => "fathers-name",
        Trait::FamilyName => "family-name",
        Trait::BirthDate => "birth-date",
        Trait::Sex => "sex",
        Trait::Telecom => "telecom",
        Trait::City => "city",
    }
}

/// Who else wears this tag now, of those who live and were not merged into another.
pub(crate) fn wearer(site: &Site, tag: &str, own: Option<&str>, now_ms: u64) -> Result<Option<String>, SourceError> {
    let value = literal(tag);
    let found = record::find(site, "Patient", &[("identifier", &value)], None, now_ms)?;
    let wears = |patient: &Value| {
        let worn = person::read(patient).and_then(|parts| parts.tag);
        let dead = patient.get("deceasedDateTime").is_some() || patient.get("deceasedBoolean") == Some(&json!(true));
        let active = patient.get("active") != Some(&json!(false));
        active && !dead && worn.is_some_and(|worn| identifier_key(&worn) == identifier_key(tag))
    };
    let other = found.into_iter().find(|read| Some(&*read.key.id) != own && wears(&read.value));
    Ok(other.map(|read| read.key.id))
}
