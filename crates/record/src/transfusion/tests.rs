use serde_json::{Value, json};

use super::*;
use crate::shape::{CannotWrite, Stored, Writing, assert_valid};
use crate::typed::Decimal;

const NOW: u64 = 1_800_000_000_000;

fn writing() -> Writing<'static> {
    Writing { patient: "p", encounter: Some("e"), by: Some("Kestrel"), at_ms: NOW }
}

fn stored<'a>(records: &'a [(&'a str, Value)]) -> Vec<Stored<'a>> {
    records.iter().map(|(id, resource)| Stored { id, resource }).collect()
}

/// Whether every ABO antigen of one is in the other.
fn within(one: BloodGroup, other: BloodGroup) -> bool {
    one.abo().chars().all(|antigen| antigen == 'O' || other.abo().contains(antigen))
}

fn rhd_fits(donor: BloodGroup, recipient: BloodGroup) -> bool {
    !donor.is_positive() || recipient.is_positive()
}

/// Calls `expected` for all 64 cells of a table.
fn each_cell(product: Product, expected: impl Fn(BloodGroup, BloodGroup) -> Match) {
    let mut cells = 0;
    for recipient in BloodGroup::ALL {
        for donor in BloodGroup::ALL {
            let found = matches(product, Some(donor), Some(recipient));
            assert_eq!(found, expected(donor, recipient), "{product:?} of {donor} for {recipient}");
            cells += 1;
        }
    }
    assert_eq!(cells, 64);
    assert_eq!(product.origin().map(|origin| (origin.verified, origin.edition)), Some((None, "1")));
}

fn yes(is: bool) -> Match {
    if is { Match::Yes } else { Match::No }
}

#[test]
fn red_cells_bring_no_antigen_that_the_patient_lacks() {
    each_cell(Product::RedCells, |donor, recipient| yes(within(donor, recipient) && rhd_fits(donor, recipient)));
}

#[test]
fn plasma_brings_no_antibody_against_an_antigen_of_the_patient() {
    each_cell(Product::Plasma, |donor, recipient| yes(within(recipient, donor)));
}

#[test]
fn whole_blood_is_identical_and_what_is_not_decided_says_so() {
    each_cell(Product::WholeBlood, |donor, recipient| {
        let fits = rhd_fits(donor, recipient);
        match () {
            () if donor == recipient => Match::Yes,
            () if donor.abo() == recipient.abo() && fits => Match::Undecided(Why::RhdNegative),
            () if donor.abo() == "O" && fits => Match::Undecided(Why::LowTitre),
            () => Match::No,
        }
    });
}

#[test]
fn what_is_not_known_is_never_a_yes() {
    for product in Product::ALL {
        for group in BloodGroup::ALL {
            assert_eq!(matches(product, None, Some(group)), Match::NotKnown);
            assert_eq!(matches(product, Some(group), None), Match::NotKnown);
        }
        assert_eq!(Product::of_code(product.code()), Some(product));
        assert!(product.keeps_days() > 0 && product.label().arabic != product.code(), "{product:?}");
    }
    let o = Some(BloodGroup::ONegative);
    assert_eq!(matches(Product::Platelets, o, o), Match::NotKnown);
    assert_eq!((rest_days(), products_origin().verified), (56, None));
    assert_eq!((Product::WholeBlood.keeps_days(), Product::RedCells.keeps_days()), (35, 42));
}

#[test]
fn groups_are_read_as_people_write_them() {
    use BloodGroup::*;
    for (written, group) in [
        ("O+", OPositive),
        ("o pos", OPositive),
        ("0+", OPositive),
        ("O positive", OPositive),
        ("O Rh+", OPositive),
        // An Arabic zero becomes a Western one, which is how O is often written.
        ("٠+", OPositive),
        ("OPOS", OPositive),
        ("+O", OPositive),
        ("\u{200f}O+\u{200f}", OPositive),
        ("O-", ONegative),
        ("O−", ONegative),
        ("O–neg", ONegative),
        ("o neg.", ONegative),
        ("A +ve", APositive),
        ("A-ve", ANegative),
        ("AB+", AbPositive),
        ("ab neg", AbNegative),
        ("AB Rh(D) negative", AbNegative),
        ("B RhD pos", BPositive),
        ("زمرة A موجب", APositive),
        ("B سلبي", BNegative),
        ("أب إيجابي", AbPositive),
        ("أو سالب", ONegative),
    ] {
        assert_eq!(BloodGroup::parse(written), Ok(group), "{written}");
    }
    for group in BloodGroup::ALL {
        assert_eq!(BloodGroup::parse(group.code()), Ok(group));
        assert_eq!(BloodGroup::parse(&group.to_string().to_lowercase()), Ok(group));
    }
}

#[test]
fn what_is_no_group_is_an_error() {
    use NotAGroup::*;
    for (written, wrong) in [
        ("", Abo),
        ("+", Abo),
        ("O", Rhd),
        ("C+", Abo),
        ("A B+", Abo),
        ("A+ B-", Abo),
        ("O+-", Rhd),
        ("O-positive", Rhd),
        ("O pos neg", Rhd),
        ("ABO+", Abo),
        ("<b>O</b>+", Abo),
        (&"O+".repeat(100_000), Abo),
    ] {
        let shown: String = written.chars().take(12).collect();
        assert_eq!(BloodGroup::parse(written), Err(wrong), "{shown}");
    }
}

#[test]
fn two_groups_of_one_patient_are_a_conflict() {
    let observe = |group| group_observation(&writing(), group).expect("an Observation");
    let o = observe(BloodGroup::OPositive);
    assert_valid(&o);
    let foreign = json!({ "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "882-1" }] },
        "valueCodeableConcept": { "text": "O Rh positive" } });
    let mut mistake = observe(BloodGroup::BNegative);
    mistake["status"] = "entered-in-error".into();
    let agree = [("x", o.clone()), ("y", foreign), ("z", mistake)];
    let one = grouping(&stored(&agree));
    assert_eq!(one, Grouping::One { group: BloodGroup::OPositive, sources: vec!["x".to_owned(), "y".to_owned()] });
    let differ = [("x", o), ("y", observe(BloodGroup::ONegative))];
    let both = grouping(&stored(&differ));
    let expected = [(BloodGroup::ONegative, vec!["y".to_owned()]), (BloodGroup::OPositive, vec!["x".to_owned()])];
    assert_eq!(both, Grouping::Conflict(expected.to_vec()));
    assert_eq!((both.group(), one.group()), (None, Some(BloodGroup::OPositive)));
    assert_eq!(grouping(&[]), Grouping::NotKnown);
}

fn unit() -> BloodUnit {
    BloodUnit {
        number: "K7-204".to_owned(),
        product: Product::WholeBlood,
        group: Some(BloodGroup::OPositive),
        volume_ml: Some(Decimal::whole(450)),
        collected_ms: Some(NOW),
        expires_ms: None,
        donor: Some("d".to_owned()),
        available: true,
    }
}

#[test]
fn a_unit_is_valid_fhir_and_is_read_as_it_was_written() {
    for product in Product::ALL {
        for expires_ms in [None, Some(NOW + DAY_MS)] {
            let unit = BloodUnit { product, expires_ms, ..unit() };
            let written = blood_unit(&unit).expect("a unit");
            assert_valid(&written);
            assert!(read_unit(Stored { id: "u", resource: &written }) == Some(unit));
        }
    }
    let bare = BloodUnit { group: None, volume_ml: None, collected_ms: None, donor: None, ..unit() };
    let written = blood_unit(&bare).expect("a unit");
    assert_valid(&written);
    assert!(!bare.is_usable(NOW), "nobody knows when it expires");
    let keeps = unit();
    assert!(keeps.is_usable(NOW + 35 * DAY_MS - 1) && !keeps.is_usable(NOW + 35 * DAY_MS));
    let raw = written.to_string();
    let gone_raw = gone(raw.as_bytes()).expect("it is available");
    assert_eq!(String::from_utf8(gone_raw.clone()).expect("text"), raw.replace("\"available\"", "\"unavailable\""));
    assert_eq!(gone(&gone_raw), Err(CannotWrite::WrongRecord));
    for (wrong, error) in [
        (BloodUnit { number: " ".to_owned(), ..unit() }, CannotWrite::TextMissing),
        (BloodUnit { volume_ml: Some(Decimal::ZERO), ..unit() }, CannotWrite::Nothing),
        (BloodUnit { volume_ml: Some(Decimal::whole(45_000)), ..unit() }, CannotWrite::Nothing),
        (BloodUnit { donor: Some("<b>".to_owned()), ..unit() }, CannotWrite::Id),
        (BloodUnit { expires_ms: Some(NOW), ..unit() }, CannotWrite::WrongRecord),
    ] {
        assert_eq!(blood_unit(&wrong), Err(error));
    }
}

#[test]
fn a_transfusion_that_does_not_match_says_why() {
    let given = Transfused {
        unit: Some("u"),
        product: Product::RedCells,
        volume_ml: Decimal::whole(300),
        group: Some(BloodGroup::OPositive),
        recipient: Some(BloodGroup::ONegative),
        in_spite_of: Some("nothing else is here"),
    };
    let right = Transfused { group: Some(BloodGroup::ONegative), in_spite_of: None, ..given };
    let silent = Transfused { in_spite_of: None, ..given };
    assert_eq!(transfusion(&writing(), &silent), Err(CannotWrite::TextMissing));
    let unknown = Transfused { recipient: None, in_spite_of: None, ..right };
    assert_eq!(transfusion(&writing(), &unknown), Err(CannotWrite::TextMissing));
    let first = transfusion(&writing(), &given).expect("a Procedure");
    let later = Writing { at_ms: NOW + 1_000, ..writing() };
    let second = transfusion(&later, &right).expect("a Procedure");
    let mut mistake = first.clone();
    mistake["status"] = "entered-in-error".into();
    let other = json!({ "resourceType": "Procedure", "status": "completed", "code": { "text": "Transfusion" } });
    assert_valid(&first);
    let records = [("a", first), ("b", second), ("c", mistake), ("d", other)];
    let list = transfusions(&stored(&records));
    assert_eq!(
        list.iter().map(|one| (&*one.id, one.matches)).collect::<Vec<_>>(),
        [("b", Match::Yes), ("a", Match::No)]
    );
    assert_eq!(list[1].in_spite_of.as_deref(), Some("nothing else is here"));
    assert_eq!((list[1].unit.as_deref(), list[1].volume_ml), (Some("u"), Some(Decimal::whole(300))));
    assert_eq!((list[1].at_ms, list[1].product), (Some(NOW), Some(Product::RedCells)));
}

#[test]
fn a_donor_rests_eight_weeks() {
    let patient = json!({ "resourceType": "Patient", "meta": { "tag": [donor_tag()] } });
    assert_valid(&patient);
    let told = donated(&writing(), NOW - 60 * DAY_MS).expect("an Observation");
    assert_valid(&told);
    let group = group_observation(&writing(), BloodGroup::OPositive).expect("an Observation");
    let observations = [("x", told), ("y", group)];
    let units = [("u", blood_unit(&unit()).expect("a unit"))];
    let record = Stored { id: "d", resource: &patient };
    let rested = donor(record, &stored(&observations), &[]).expect("a donor");
    assert!(rested.is_rested(NOW) && rested.group.group() == Some(BloodGroup::OPositive));
    let gave = donor(record, &stored(&observations), &stored(&units)).expect("a donor");
    assert_eq!((gave.last_donation_ms, gave.is_rested(NOW + 56 * DAY_MS - 1)), (Some(NOW), false));
    assert!(gave.is_rested(NOW + 56 * DAY_MS));
    let others = [("u", blood_unit(&BloodUnit { donor: Some("other".to_owned()), ..unit() }).expect("a unit"))];
    assert_eq!(last_donation("d", &[], &stored(&others)), None);
    let nobody = json!({ "resourceType": "Patient" });
    assert_eq!(donor(Stored { id: "d", resource: &nobody }, &[], &[]), None);
}
