use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::allergy::{Allergen, Named, Standing, allergies, allergy_intolerance, recognise};
use super::*;
use crate::shape::{CannotWrite, Stored, Writing, assert_valid};
use crate::typed::{Decimal, decimal};

const HOUR: u64 = 3_600_000;
const NOW: u64 = 1_800_000_000_000;

fn number(text: &str) -> Decimal {
    decimal(text).expect("a number")
}

fn stored<'a>(records: &'a [(&'a str, Value)]) -> Vec<Stored<'a>> {
    records.iter().map(|(id, resource)| Stored { id, resource }).collect()
}

fn writing() -> Writing<'static> {
    Writing { patient: "p", encounter: Some("e"), by: Some("Kestrel"), at_ms: NOW }
}

fn propose(code: &str, dose: &str, unit: Unit, route: &'static str, frequency: Frequency) -> Proposed<'static> {
    Proposed { item: item(code).expect("an item"), dose: number(dose), unit, route, frequency }
}

fn adult() -> Patient {
    Patient { weight_kg: Some(Decimal::whole(70)), age_days: Some(age_days(30, true)) }
}

fn child(kg: u32) -> Patient {
    Patient { weight_kg: Some(Decimal::whole(kg)), age_days: Some(age_days(5, true)) }
}

fn named(text: &str) -> Value {
    json!({ "resourceType": "AllergyIntolerance", "code": { "text": text }, "patient": { "reference": "Patient/p" } })
}

fn stop(request: &Value, reason: &str) -> Result<Value, CannotWrite> {
    stopped(request, reason)
}

// ---- The tables ----

#[test]
fn every_row_of_the_items_is_read() {
    let written = ITEMS.lines().filter(|line| line.starts_with("item ")).count();
    assert_eq!(items().len(), written);
    assert!(written >= 150);
    let codes: BTreeSet<_> = items().iter().map(|item| item.code).collect();
    assert_eq!(codes.len(), written, "a code stands twice");
    for item in items() {
        assert!(crate::key::is_legal_id(item.code), "{}", item.code);
        let atc = item.atc.as_bytes();
        assert!(matches!(atc.len(), 5 | 7), "{}", item.code);
        for (at, letter) in atc.iter().enumerate() {
            let right = if matches!(at, 0 | 3 | 4) { letter.is_ascii_uppercase() } else { letter.is_ascii_digit() };
            assert!(right, "{} has ATC {}", item.code, item.atc);
        }
        assert!(item.english.is_ascii() && item.arabic.chars().any(|letter| letter > '\u{600}'), "{}", item.code);
        assert!(!item.strength.is_empty() && !item.routes.is_empty(), "{}", item.code);
        assert!(find(item.english).iter().any(|found| found.substance == item.substance), "{}", item.code);
        assert!(find(item.arabic).iter().any(|found| found.substance == item.substance), "{}", item.code);
    }
    for group in groups() {
        assert!(items().iter().any(|item| item.group == *group), "{} is empty", group.code);
    }
    assert!(forms().len() > 10 && route("iv").is_some());
}

#[test]
fn one_substance_has_one_chemical_group_on_each_route() {
    // The two ATC codes of a substance are those of another use; within a use there is one.
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for item in items() {
        let known = seen.entry((item.substance, item.group.code)).or_insert(item.atc);
        if item.substance != "metronidazole" && item.group.code != "skin" {
            assert_eq!(*known, item.atc, "{}", item.code);
        }
    }
}

#[test]
fn every_row_of_the_doses_is_read_and_possible() {
    let written = include_str!("../../data/formulary/doses-v1.txt").lines();
    let written = written.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert_eq!(doses().len(), written);
    assert!(written >= 100);
    for row in doses() {
        let name = row.substance;
        let of_it: Vec<_> = items().iter().filter(|item| item.substance == name).collect();
        assert!(!of_it.is_empty(), "{name} is no item");
        for route in &row.routes {
            let given = of_it.iter().any(|item| item.routes.iter().any(|known| known.code == *route));
            assert!(given, "{name} is not given {route}");
        }
        assert!(Decimal::ZERO < row.least && row.least <= row.most, "{name}");
        assert!(row.below_days.is_none_or(|below| row.from_days < below), "{name}");
        assert!(row.per_kg || row.most_once.is_none_or(|once| once >= row.most), "{name}");
        if let Some((day, per_kg)) = row.most_in_day {
            assert!(per_kg != row.per_kg || day >= row.most, "{name}: a dose is more than a day's");
        }
        assert!(of_it.iter().any(|item| item.unit.convert(Decimal::whole(1), row.unit).is_some()), "{name}");
        assert!(!row.purpose.is_empty(), "{name}");
    }
}

#[test]
fn the_middle_of_every_range_is_within_it_and_ten_times_its_most_is_above() {
    for row in doses() {
        let by_route = |item: &&Item| item.routes.iter().any(|route| row.routes.contains(&route.code));
        let item = items().iter().filter(|item| item.substance == row.substance).find(by_route).expect("an item");
        let age = row.from_days;
        let kg = if age < age_days(1, true) {
            5
        } else if age < age_days(12, true) {
            15
        } else {
            60
        };
        let patient = Patient { weight_kg: Some(Decimal::whole(kg)), age_days: Some(age) };
        let weighed = |amount: Decimal| if row.per_kg { amount.times(Decimal::whole(kg)) } else { Some(amount) };
        let (least, most) = (weighed(row.least).expect("small"), weighed(row.most).expect("small"));
        let most = row.most_once.map_or(most, |once| most.min(once));
        for (dose, is_above) in
            [(least.min(most), false), (most, false), (most.times_over(10, 1).expect("small"), true)]
        {
            let route = row.routes[0];
            let proposed = Proposed { item, dose, unit: row.unit, route, frequency: Frequency::Once };
            let found = checks(&proposed, &patient, &[], &[]);
            let above = found.iter().any(|warning| matches!(warning, Warning::DoseAbove(usual) if !usual.verified));
            assert_eq!(above, is_above, "{} {route} {dose} {found:?}", row.substance);
            let below = found.iter().any(|warning| matches!(warning, Warning::DoseBelow(_)));
            assert!(!below, "{} {route} {dose} {found:?}", row.substance);
        }
    }
}

#[test]
fn every_row_of_the_allergy_groups_is_read() {
    let table = include_str!("../../data/formulary/allergy-groups-v1.txt");
    let mut read = 0;
    for row in crate::table::rows(table) {
        match row[..] {
            ["group", code, english, arabic, substances, others] => {
                for substance in substances.split(' ') {
                    assert!(items().iter().any(|item| item.substance == substance), "{code}: {substance}");
                    assert!(allergy::groups_of(substance).any(|group| group.label.code == code));
                }
                for name in [english, arabic].into_iter().chain(others.split(',').map(str::trim)) {
                    if !name.is_empty() {
                        let (found, exact) = recognise(name);
                        assert!(exact && found.contains(&Allergen::Group(code)), "{code}: {name} {found:?}");
                    }
                }
            }
            ["other", code, english, arabic, others] => {
                for name in [english, arabic].into_iter().chain(others.split(',').map(str::trim)) {
                    let (found, exact) = recognise(name);
                    assert!(exact && found.contains(&Allergen::Other(code)), "{code}: {name}");
                }
                assert_eq!(Allergen::of_code(code).map(|allergen| allergen.label().english), Some(english));
            }
            ["near", one, other] => {
                assert!(Allergen::of_code(one).is_some() && Allergen::of_code(other).is_some(), "{one} {other}");
            }
            ["filler", words] => assert!(!recognise(words).1),
            _ => panic!("a row that is not understood: {row:?}"),
        }
        read += 1;
    }
    assert!(read > 25);
}

#[test]
fn nothing_is_verified_until_a_clinician_signs() {
    assert!(!verified());
    assert_eq!(items_origin().edition, "1");
    assert!(!items_origin().source.is_empty());
}

// ---- Searching ----

#[test]
fn an_item_is_found_in_either_language() {
    for (typed, first) in [
        ("keta", "ketamine-inj-50"),
        ("كيتا", "ketamine-inj-50"),
        ("الكيتامين", "ketamine-inj-50"),
        ("CEFTRI", "ceftriaxone-pwd-1000"),
        ("paracetamol 500", "paracetamol-tab-500"),
        ("بنادول", "paracetamol-tab-500"),
        ("TXA", "tranexamic-acid-inj-100"),
        ("clavulanic", "amoxicillin-clavulanic-tab-625"),
        ("N02AA01", "morphine-inj-10"),
        ("ادرينالين", "adrenaline-inj-1"),
    ] {
        assert_eq!(find(typed).first().map(|item| item.code), Some(first), "{typed}");
    }
}

#[test]
fn a_search_is_bounded_whatever_is_typed() {
    assert_eq!(find("a").len(), FOUND_MAX);
    for typed in ["", "  ", "\u{202e}", "<script>alert(1)</script>", "%", &"م".repeat(1_000_000), "zzzz"] {
        assert!(find(typed).is_empty());
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}") {
        prop_assert!(find(&text).len() <= FOUND_MAX);
        let _ = recognise(&text);
        let _ = Unit::parse(&text);
    }
}

// ---- Warnings ----

#[test]
fn doses_are_compared_by_age_and_weight() {
    use Frequency::{Every, Once};
    let six_hours = Every { minutes: 360 };
    let (mg, g) = (Unit::Milligram, Unit::Gram);
    #[rustfmt::skip]
    let table = [
        ("paracetamol-tab-500", "1000", mg, "po", six_hours, adult(), ""),
        ("paracetamol-tab-500", "1", g, "po", six_hours, adult(), ""),
        ("paracetamol-tab-500", "1000", mg, "po", Every { minutes: 240 }, adult(), "above in day"),
        ("paracetamol-tab-500", "2000", mg, "po", six_hours, adult(), "above"),
        ("paracetamol-tab-500", "100", mg, "po", six_hours, adult(), "below"),
        ("paracetamol-syr-24", "225", mg, "po", six_hours, child(15), ""),
        ("paracetamol-syr-24", "500", mg, "po", six_hours, child(15), "above"),
        ("ketamine-inj-50", "140", mg, "iv", Once, adult(), ""),
        ("ketamine-inj-50", "20", mg, "iv", Once, adult(), ""),
        ("ketamine-inj-50", "50", mg, "iv", Once, adult(), "above"),
        ("ketamine-inj-50", "2", mg, "iv", Once, adult(), "below"),
        ("adrenaline-inj-1", "10", mg, "im", Once, adult(), "above"),
        ("gentamicin-inj-40", "350", mg, "iv", Every { minutes: 1_440 }, adult(), ""),
        ("gentamicin-inj-40", "350", mg, "iv", Every { minutes: 480 }, adult(), "above in day"),
        ("morphine-inj-10", "100", mg, "iv", Once, adult(), "above"),
        ("tramadol-cap-50", "50", mg, "po", Once, child(15), "nothing"),
        ("morphine-inj-10", "5", Unit::Millilitre, "iv", Once, adult(), "units"),
        ("ketamine-inj-50", "100", mg, "iv", Once, Patient { weight_kg: None, ..adult() }, "weight"),
        ("ketamine-inj-50", "500", mg, "iv", Once, Patient { weight_kg: None, ..adult() }, "weight above"),
        ("ketamine-inj-50", "100", mg, "iv", Once, Patient { weight_kg: Some(Decimal::whole(7_000)), ..adult() }, "weight"),
        ("paracetamol-tab-500", "500", mg, "po", Once, Patient { age_days: None, ..adult() }, "age"),
        ("halothane-gas", "5", Unit::Millilitre, "inh", Once, adult(), "nothing"),
        ("diazepam-inj-5", "10", mg, "sc", Once, adult(), "route nothing"),
    ];
    for (code, dose, unit, route, often, patient, expected) in table {
        let found = checks(&propose(code, dose, unit, route, often), &patient, &[], &[]);
        let words = found.iter().map(|warning| match warning {
            Warning::DoseAbove(usual) if usual.in_day => "above in day",
            Warning::DoseAbove(_) => "above",
            Warning::DoseBelow(_) => "below",
            Warning::NoWeight => "weight",
            Warning::NoAge => "age",
            Warning::UnitsDiffer { .. } => "units",
            Warning::OtherRoute => "route",
            Warning::NothingKnown => "nothing",
            Warning::Allergy { .. } | Warning::Duplicate { .. } => "record",
        });
        assert_eq!(words.collect::<Vec<_>>().join(" "), expected, "{code} {dose} {found:?}");
    }
}

#[test]
fn a_dose_out_of_all_range_is_above() {
    let most = Decimal::whole(1_000_000_000);
    let proposed = Proposed { dose: most, ..propose("ketamine-inj-50", "1", Unit::Gram, "iv", Frequency::Once) };
    // It cannot be said in milligrams at all: then it is not compared, and that is said.
    assert!(!checks(&proposed, &adult(), &[], &[]).is_empty());
}

#[test]
fn an_allergy_is_found_however_it_was_written() {
    let coded = |system: &str, code: &str| {
        let coding = json!([{ "system": system, "code": code }]);
        json!({ "resourceType": "AllergyIntolerance", "code": { "coding": coding } })
    };
    let records = [
        ("a1", named("Penicillin")),
        ("a2", named("حساسية من البنسلين")),
        ("a3", coded(ATC_SYSTEM, "J01CA04")),
        ("a4", named("AMOXICILLIN!!")),
        ("a5", named("ceftriaxone: rash")),
        ("a6", named("latex")),
        ("a7", coded(allergy::ALLERGEN_SYSTEM, "penicillins")),
        ("a8", named("<b>penicillin</b>")),
        (
            "a9",
            json!({ "resourceType": "AllergyIntolerance", "code": {
            "coding": [{ "system": "http://snomed.info/sct", "code": "91936005", "display": "Allergy to penicillin" }],
            "text": "wheeze in 2019" } }),
        ),
        ("b1", json!({ "resourceType": "Condition", "code": { "text": "penicillin" } })),
        ("b2", json!({ "resourceType": "AllergyIntolerance", "code": 5 })),
    ];
    let proposed = propose("amoxicillin-cap-500", "500", Unit::Milligram, "po", Frequency::Every { minutes: 480 });
    let found = checks(&proposed, &adult(), &stored(&records), &[]);
    let group = HowAllergic::Group("penicillins");
    let expected = [
        ("a3", HowAllergic::Substance),
        ("a4", HowAllergic::Substance),
        ("a1", group),
        ("a2", group),
        ("a7", group),
        ("a8", group),
        ("a9", group),
        ("a5", HowAllergic::NearGroup("cephalosporins")),
    ];
    let expected = expected.map(|(id, how)| Warning::Allergy { id: id.to_owned(), how });
    assert_eq!(found, expected);
}

#[test]
fn what_was_refuted_or_is_over_is_no_warning() {
    let with = |name: &str, code: &str| {
        let mut record = named("penicillin");
        record[name] = json!({ "coding": [{ "system": "x", "code": code }] });
        record
    };
    let records = [
        ("a", with("verificationStatus", "refuted")),
        ("b", with("verificationStatus", "entered-in-error")),
        ("c", with("clinicalStatus", "resolved")),
        ("d", with("verificationStatus", "unconfirmed")),
    ];
    let proposed = propose("ampicillin-pwd-1000", "1", Unit::Gram, "iv", Frequency::Every { minutes: 360 });
    let found = checks(&proposed, &adult(), &stored(&records), &[]);
    let how = HowAllergic::Group("penicillins");
    assert_eq!(found, [Warning::Allergy { id: "d".to_owned(), how }]);
    // And they are shown apart, none hidden.
    let shown = allergies(&stored(&records));
    let standings: Vec<_> = shown.iter().map(|allergy| allergy.standing).collect();
    assert_eq!(standings, [Standing::Refuted, Standing::InError, Standing::Over, Standing::Active]);
}

#[test]
fn the_same_allergy_recorded_apart_shows_once_and_none_that_differs_is_hidden() {
    let mut deadly = named("Penicillin allergy");
    deadly["criticality"] = "high".into();
    deadly["reaction"] = json!([{ "manifestation": [{ "text": "wheeze" }] }]);
    let records = [
        ("cedar", named("بنسلين")),
        ("olive", deadly),
        ("third", named("penicillin and latex")),
        ("fourth", named("amoxicillin")),
        ("fifth", named("فراولة")),
        ("sixth", named("الفراولة ")),
        ("seventh", named("penicillin?  father only")),
        ("eighth", json!({ "resourceType": "AllergyIntolerance" })),
        ("ninth", json!({ "resourceType": "AllergyIntolerance" })),
    ];
    let shown = allergies(&stored(&records));
    let sources: Vec<Vec<&str>> =
        shown.iter().map(|allergy| allergy.sources.iter().map(String::as_str).collect()).collect();
    assert_eq!(
        sources,
        [
            vec!["cedar", "olive"],
            vec!["third"],
            vec!["fourth"],
            vec!["fifth", "sixth"],
            vec!["seventh"],
            vec!["eighth"],
            vec!["ninth"]
        ]
    );
    assert_eq!(shown[0].texts, ["بنسلين", "Penicillin allergy"]);
    assert_eq!((shown[0].high, &*shown[0].reactions), (true, &["wheeze".to_owned()][..]));
    assert!(!format!("{:?}", shown[0]).contains("wheeze"));
}

#[test]
fn what_is_ordered_already_is_said() {
    let order = |code: &str, route: &'static str| {
        let proposed = propose(code, "1", Unit::Gram, route, Frequency::Every { minutes: 720 });
        medication_request(&writing(), &proposed, NOW, None, None, None).expect("an order")
    };
    let stopped_one = stop(&order("ceftriaxone-pwd-1000", "iv"), "done").expect("it was active");
    let foreign = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": { "coding": [{ "system": ATC_SYSTEM, "code": "J01DD01" }] } });
    let records = [
        ("m1", order("ceftriaxone-pwd-1000", "im")),
        ("m2", stopped_one),
        ("m3", foreign),
        ("m4", order("gentamicin-inj-40", "iv")),
        (
            "m5",
            json!({ "resourceType": "MedicationRequest", "status": "active",
            "medicationCodeableConcept": { "coding": [{ "system": ATC_SYSTEM, "code": "ءءءءء" }] } }),
        ),
    ];
    let proposed = propose("ceftriaxone-pwd-1000", "1", Unit::Gram, "iv", Frequency::Every { minutes: 1_440 });
    let found = checks(&proposed, &adult(), &[], &stored(&records));
    assert_eq!(
        found,
        [
            Warning::Duplicate { id: "m1".to_owned(), how: HowDuplicate::Substance },
            Warning::Duplicate { id: "m3".to_owned(), how: HowDuplicate::SameClass },
        ]
    );
}

#[test]
fn stopping_changes_no_other_byte() {
    let raw = br#"{"resourceType": "MedicationRequest",  "status":"active", "x": 1.10}"#;
    let request: Value = serde_json::from_slice(raw).expect("JSON");
    let stopped = stopped(&request, "done").expect("it is active");
    let text = String::from_utf8(crate::care::rewrite(raw, &stopped).expect("an object")).expect("text");
    assert!(text.starts_with(r#"{"resourceType": "MedicationRequest",  "status":"stopped", "x": 1.10"#), "{text}");
    assert_eq!(super::stopped(&json!([]), "x"), Err(CannotWrite::WrongRecord));
    assert_eq!(super::stopped(&request, " "), Err(CannotWrite::TextMissing));
}

#[test]
fn an_order_ends_when_it_was_said_to_and_says_who_wrote_what() {
    let day = 24 * HOUR;
    for (frequency, until) in [
        (Frequency::Every { minutes: 480 }, Some(NOW + day)),
        (Frequency::AsNeeded { least_minutes: None }, Some(NOW + day)),
        (Frequency::AsNeeded { least_minutes: Some(60) }, Some(NOW + day)),
        (Frequency::Once, None),
    ] {
        let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", frequency);
        let request =
            medication_request(&writing(), &proposed, NOW, Some(NOW + day), Some("with food"), Some("no other"));
        let request = request.expect("an order");
        assert_valid(&request);
        let read = order(Stored { id: "m", resource: &request }).expect("an order");
        assert_eq!((read.frequency, read.until_ms), (Some(frequency), until));
        assert_eq!((read.note.as_deref(), read.in_spite_of.as_deref()), (Some("with food"), Some("no other")));
        assert_eq!(read.by.as_deref(), Some("Kestrel"));
        assert!(read.is_current(NOW + day - 1));
        assert_eq!(read.is_current(NOW + day), until.is_none());
    }
    let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", Frequency::Once);
    let backwards = medication_request(&writing(), &proposed, NOW, Some(NOW), None, None);
    assert_eq!(backwards, Err(CannotWrite::WrongRecord));
}

#[test]
fn an_allergy_is_valid_fhir_and_is_read_as_it_was_written() {
    let listed: Vec<Allergen> = Allergen::listed().collect();
    assert!(listed.len() > 20);
    for allergen in listed {
        let record = allergy_intolerance(&writing(), &Named::Listed(allergen), Some("wheeze"), true);
        let record = record.expect("an allergy");
        assert_valid(&record);
        let shown = allergies(&[Stored { id: "a", resource: &record }]);
        assert_eq!((&*shown[0].allergens, shown[0].high), (&[allergen][..], true), "{allergen:?}");
        assert_eq!((shown[0].standing, &*shown[0].reactions), (Standing::Active, &["wheeze".to_owned()][..]));
    }
    let typed = |text: &str| allergy_intolerance(&writing(), &Named::Typed(text.to_owned()), None, false);
    let shown = [typed("بنسلين").expect("an allergy"), typed("penicillin").expect("an allergy")];
    let both = [Stored { id: "a", resource: &shown[0] }, Stored { id: "b", resource: &shown[1] }];
    assert_valid(&shown[0]);
    assert_eq!(allergies(&both).len(), 1, "one allergy, written twice");
    assert!(!allergies(&both)[0].high);
    assert_eq!(typed(" "), Err(CannotWrite::TextMissing));
    assert_eq!(typed(&"x".repeat(501)), Err(CannotWrite::TextTooLong));
}

// ---- Orders, doses given, and what is due ----

#[test]
fn an_order_is_valid_fhir_and_is_read_as_it_was_written() {
    let sixth = Frequency::Every { minutes: 360 };
    for frequency in [
        Frequency::Once,
        sixth,
        Frequency::Every { minutes: 90 },
        Frequency::AsNeeded { least_minutes: None },
        Frequency::AsNeeded { least_minutes: Some(240) },
    ] {
        let proposed = propose("paracetamol-tab-500", "1000", Unit::Milligram, "po", frequency);
        let request = medication_request(&writing(), &proposed, NOW, None, Some("with food"), Some("no other left"));
        let request = request.expect("an order");
        assert_valid(&request);
        let read = order(Stored { id: "m", resource: &request }).expect("an order");
        assert_eq!(read.item.map(|item| item.code), Some("paracetamol-tab-500"));
        assert_eq!(read.dose, Some((Decimal::whole(1000), "mg".to_owned())));
        assert_eq!((read.frequency, read.state), (Some(frequency), OrderState::Active));
        assert_eq!((read.route.map(|route| route.code), read.start_ms), (Some("po"), Some(NOW)));
        let stopped = stop(&request, "vomits").expect("it is active");
        assert_valid(&stopped);
        assert_eq!(stop(&stopped, "again"), Err(CannotWrite::WrongRecord));
    }
    for (minutes, right) in [(14, false), (15, true), (40_320, true), (40_321, false)] {
        let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", Frequency::Every { minutes });
        assert_eq!(medication_request(&writing(), &proposed, NOW, None, None, None).is_ok(), right);
    }
    let nothing = propose("paracetamol-tab-500", "0", Unit::Gram, "po", sixth);
    assert_eq!(medication_request(&writing(), &nothing, NOW, None, None, None), Err(CannotWrite::Nothing));
    let long = "x".repeat(501);
    let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", sixth);
    assert_eq!(medication_request(&writing(), &proposed, NOW, None, Some(&long), None), Err(CannotWrite::TextTooLong));
}

fn given(outcome: Outcome<'static>, due_ms: Option<u64>) -> Given<'static> {
    let item = item("paracetamol-tab-500").expect("an item");
    let (dose, unit) = (Decimal::whole(1), Unit::Gram);
    Given { request: Some("m"), item, dose, unit, route: "po", due_ms, outcome }
}

#[test]
fn what_became_of_a_dose_is_valid_fhir() {
    for (outcome, status) in [
        (Outcome::Given, "completed"),
        (Outcome::Refused(None), "not-done"),
        (Outcome::Refused(Some("nausea")), "not-done"),
        (Outcome::Held("pressure 80"), "on-hold"),
    ] {
        let record = medication_administration(&writing(), &given(outcome, Some(NOW))).expect("a record");
        assert_valid(&record);
        assert_eq!(record["status"], status);
        let read = administration(Stored { id: "x", resource: &record }).expect("a record");
        assert_eq!((read.request.as_deref(), read.due_ms, read.at_ms), (Some("m"), Some(NOW), Some(NOW)));
        assert_eq!(read.item.map(|item| item.code), Some("paracetamol-tab-500"));
        assert_eq!(read.dose, Some((Decimal::whole(1), "g".to_owned())));
        let (became, reason) = match outcome {
            Outcome::Given => (Became::Given, None),
            Outcome::Refused(reason) => (Became::Refused, reason),
            Outcome::Held(reason) => (Became::Held, Some(reason)),
        };
        assert_eq!((read.became, read.reason.as_deref()), (became, reason));
    }
    let held = medication_administration(&writing(), &given(Outcome::Held("  "), None));
    assert_eq!(held, Err(CannotWrite::TextMissing));
    let wrong = Given { request: Some("a/b"), ..given(Outcome::Given, None) };
    assert_eq!(medication_administration(&writing(), &wrong), Err(CannotWrite::Id));
}

fn every(hours: u32, start: u64) -> Value {
    let frequency = Frequency::Every { minutes: hours * 60 };
    let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", frequency);
    medication_request(&writing(), &proposed, start, None, None, None).expect("an order")
}

fn summary(list: &[Due]) -> Vec<(i64, DueState, u64)> {
    list.iter().map(|due| ((due.at_ms as i64 - NOW as i64) / 60_000, due.state, due.late_by_minutes)).collect()
}

#[test]
fn what_nobody_answered_is_due() {
    use DueState::{Late, Later, Missed, Now};
    let requests = [("m", every(6, NOW - 7 * HOUR))];
    let open = due(&stored(&requests), &[], NOW);
    assert_eq!(summary(&open), [(-420, Missed, 420), (-60, Late, 60), (300, Later, 0), (660, Later, 0)]);
    // One that names its time, given late, and one that names none.
    let at = |ms: u64, due: Option<u64>| {
        let writing = Writing { at_ms: ms, ..writing() };
        medication_administration(&writing, &given(Outcome::Given, due)).expect("a record")
    };
    let told = [("x", at(NOW - HOUR - 1, Some(NOW - 7 * HOUR))), ("y", at(NOW - 1, None))];
    assert_eq!(summary(&due(&stored(&requests), &stored(&told), NOW)), [(300, Later, 0), (660, Later, 0)]);
    // A mistake taken back answers nothing.
    let mut mistake = at(NOW, None);
    mistake["status"] = "entered-in-error".into();
    assert_eq!(due(&stored(&requests), &stored(&[("z", mistake)]), NOW).len(), 4);
    let soon = [("m", every(24, NOW + HOUR / 4))];
    assert_eq!(summary(&due(&stored(&soon), &[], NOW)), [(15, Now, 0)]);
}

#[test]
fn what_is_ordered_once_stays_due_and_what_is_needed_never_is() {
    let make = |frequency, start| {
        let proposed = propose("paracetamol-tab-500", "1", Unit::Gram, "po", frequency);
        medication_request(&writing(), &proposed, start, None, None, None).expect("an order")
    };
    let as_needed = Frequency::AsNeeded { least_minutes: Some(240) };
    let requests = [("m", make(Frequency::Once, NOW - 50 * HOUR)), ("n", make(as_needed, NOW - HOUR))];
    assert_eq!(summary(&due(&stored(&requests), &[], NOW)), [(-3_000, DueState::Late, 3_000)]);
    let stopped = [("m", stop(&requests[0].1, "no").expect("it is active"))];
    assert!(due(&stored(&stopped), &[], NOW).is_empty());
}

#[test]
fn orders_of_others_are_read() {
    let with = |timing: Value| {
        json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2027-01-15",
            "dosageInstruction": [{ "timing": timing }] })
    };
    let minutes = |timing: Value| {
        let resource = with(timing);
        order(Stored { id: "m", resource: &resource }).expect("an order").frequency
    };
    let every = |minutes| Some(Frequency::Every { minutes });
    assert_eq!(minutes(json!({ "repeat": { "frequency": 3, "period": 1, "periodUnit": "d" } })), every(480));
    assert_eq!(minutes(json!({ "repeat": { "period": 0.5, "periodUnit": "h" } })), every(30));
    let code =
        json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": "BID" }] });
    assert_eq!(minutes(json!({ "code": code })), every(720));
    for odd in [
        json!({ "repeat": { "frequency": 0, "period": 1, "periodUnit": "d" } }),
        json!({ "repeat": { "frequency": 1e300, "period": 1, "periodUnit": "d" } }),
        json!({ "repeat": { "frequency": 1, "period": 0, "periodUnit": "d" } }),
        json!({ "repeat": { "frequency": 1, "period": -1, "periodUnit": "d" } }),
        json!({ "repeat": { "frequency": 1, "period": 1, "periodUnit": "a" } }),
        json!({ "repeat": [] }),
        json!(7),
    ] {
        assert_eq!(minutes(odd), None);
    }
    let repeat =
        json!({ "frequency": 1, "period": 6, "periodUnit": "h", "boundsDuration": { "value": 2, "code": "d" } });
    let resource = with(json!({ "repeat": repeat }));
    let read = order(Stored { id: "m", resource: &resource }).expect("an order");
    assert_eq!(read.until_ms.zip(read.start_ms).map(|(until, start)| until - start), Some(48 * HOUR));
}

#[test]
fn the_list_is_bounded_at_any_time() {
    let request = every(1, 0);
    let requests: Vec<_> = (0..100).map(|_| Stored { id: "m", resource: &request }).collect();
    for now in [0, 1, NOW, u64::MAX] {
        assert!(due(&requests, &[], now).len() <= DUE_MAX);
    }
    assert_eq!(due(&requests, &[], NOW).len(), DUE_MAX);
}

#[test]
fn a_hold_ends_once_and_takes_its_reason_with_it() {
    let held = json!({ "resourceType": "MedicationRequest", "status": "on-hold", "statusReason": { "text": "theatre" },
        "note": [{ "text": "with food" }] });
    let resumed = super::resumed(&held).expect("it is on hold");
    assert_eq!(
        resumed,
        json!({ "resourceType": "MedicationRequest", "status": "active", "note": [{ "text": "with food" }] })
    );
    for wrong in [resumed, json!([]), json!({ "resourceType": "Patient", "status": "on-hold" })] {
        assert_eq!(super::resumed(&wrong), Err(CannotWrite::WrongRecord));
    }
}

#[test]
fn an_allergy_is_withdrawn_as_fhir_wants_it_and_once() {
    use super::allergy::{Standing, standing, withdrawn};
    let active = json!({ "resourceType": "AllergyIntolerance", "code": { "text": "Latex" },
        "clinicalStatus": { "coding": [{ "code": "active" }] }, "patient": { "reference": "Patient/p" } });
    for to in [Standing::InError, Standing::Refuted] {
        let wrong = withdrawn(&active, to).expect("it stands");
        assert_eq!((standing(&wrong), &wrong["code"]), (to, &active["code"]));
        assert_eq!(wrong.get("clinicalStatus").is_none(), to == Standing::InError, "ait-1 and ait-2");
        assert_eq!(withdrawn(&wrong, Standing::InError), Err(CannotWrite::WrongRecord));
    }
    for to in [Standing::Active, Standing::Over] {
        assert_eq!(withdrawn(&active, to), Err(CannotWrite::Nothing));
    }
    assert_eq!(withdrawn(&json!([]), Standing::Refuted), Err(CannotWrite::WrongRecord));
}
