//! The chart of a visit to a camp clinic.

use super::super::{
    Facts, Profile,
    chart::{Chart, both},
    clinic::{Term, clinic},
    fhir::{AMBULATORY, INPATIENT, Person, Visit},
    names,
    vitals::{Age, State, measure},
};
use super::{CaseMix, DELIVERY};

/// When care begins, minutes after arrival.
const CARE_AT: u32 = 20;

pub(in crate::synth) fn write(chart: &mut Chart<'_>, facts: &Facts) {
    let clinic = clinic();
    let age = Age::new(facts.age_years, facts.child);
    chart.weight_kg = age.weight_kg(chart.rng);
    if facts.reason == "malnutrition" {
        chart.weight_kg = (chart.weight_kg * 3 / 4).max(3);
    }
    let finding = clinic.finding(facts.diagnosis);
    let died_at = facts.died.then(|| chart.rng.between(180, 600) as u32);
    register(chart, facts, died_at);
    open_visit(chart, facts, finding, died_at);

    let state = state(chart, facts);
    let first = measure(age, state, chart.rng);
    chart.observe_vitals(&first, state != State::default(), 5);
    if state == State::default() {
        chart.observe("temperature", first.temperature_tenths, 5);
    }
    chart.observe("weight", chart.weight_kg as i32 * 10, 7);
    let height = age.height_cm(chart.rng);
    chart.observe("height", height * 10, 7);
    special(chart, facts, age);
    if facts.allergy {
        let allergen = chart.rng.one_of(&clinic.allergens);
        chart.note_allergy(allergen, 12);
    }
    let main = chart.diagnose(finding, None, facts.admitted, 15);
    if facts.second_chronic {
        let second = second_condition(chart, facts);
        chart.diagnose(second, None, false, 16);
    }
    treat(chart, facts, &main);
    if facts.vaccinated {
        let vaccine = *chart.rng.one_of(&["measles", "polio", "pentavalent", "bcg"]);
        chart.vaccinate(clinic.vaccine(vaccine), 38);
    }
    flags(chart, facts);
    let again = measure(age, if facts.died { state.worse() } else { state.better() }, chart.rng);
    chart.observe_vitals(&again, facts.admitted, 55);
    if facts.transferred {
        let priority = if facts.admitted { "urgent" } else { "routine" };
        chart.refer(priority, Some(&main), "إحالة إلى المشفى · referred to hospital", 60);
    }
}

fn register(chart: &mut Chart<'_>, facts: &Facts, died_at: Option<u32>) {
    let clinic = clinic();
    let name = names::draw(facts.sex, facts.kunya, chart.rng);
    let places: Vec<&Term> = clinic.places(Profile::Camp.as_str()).collect();
    let home = Some(*chart.rng.one_of(&places));
    let (block, tent) = (chart.rng.between(1, 12), chart.rng.between(1, 400));
    let birth_date = facts.age_years.map(|age| birth_date(chart, u32::from(age)));
    chart.register(&Person {
        sex: facts.sex,
        child: facts.child,
        name: Some(&name),
        latin_name: facts.latin_name,
        birth_date,
        died_at,
        tag: None,
        home,
        shelter: Some(format!("قطاع {block} – خيمة {tent}")),
    });
}

/// The year, or for small children, who are vaccinated by age, the month of birth.
fn birth_date(chart: &mut Chart<'_>, age_years: u32) -> String {
    let (year, month, _) = chart.arrived.day().civil();
    if age_years >= 5 {
        return (year - age_years).to_string();
    }
    // From one month past the birthday on, the completed years are right whatever the day of the month.
    let past = chart.rng.between(i32::from(age_years > 0), 11) as u32;
    let born = year * 12 + (month - 1) - age_years * 12 - past;
    format!("{:04}-{:02}", born / 12, born % 12 + 1)
}

fn open_visit(chart: &mut Chart<'_>, facts: &Facts, finding: &Term, died_at: Option<u32>) {
    let class = if facts.admitted { INPATIENT } else { AMBULATORY };
    let priority = if facts.admitted { ("UR", "urgent") } else { ("R", "routine") };
    let (ends, disposition) = match (facts.admitted, facts.died) {
        (true, true) => (died_at, Some(("exp", "Expired"))),
        (true, false) => (None, None),
        (false, _) => {
            let care: u32 = clinic().care(facts.diagnosis).procedures.iter().map(|procedure| procedure.minutes).sum();
            (Some((CARE_AT + care).max(chart.rng.between(60, 150) as u32)), Some(("home", "Home")))
        }
    };
    let reason = both(finding);
    chart.admit(Visit { class, priority, reason: &reason, begins: 0, ends, part_of: None, disposition });
}

/// What is measured for this kind of visit and no other.
fn special(chart: &mut Chart<'_>, facts: &Facts, age: Age) {
    match (facts.reason, facts.diagnosis) {
        ("maternal", "postnatal_visit" | "threatened_miscarriage") => {
            let haemoglobin = chart.rng.between(85, 135);
            chart.observe("haemoglobin", haemoglobin, 10);
        }
        ("maternal", diagnosis) => {
            let weeks = if diagnosis == DELIVERY { chart.rng.between(37, 41) } else { chart.rng.between(20, 38) };
            let (low, high) = if diagnosis == "anaemia_in_pregnancy" { (65, 104) } else { (105, 138) };
            let haemoglobin = chart.rng.between(low, high);
            let fetal = chart.rng.between(115, 158);
            chart.observe("gestation", weeks * 10, 9);
            chart.observe("fetal_heart_rate", fetal * 10, 10);
            chart.observe("haemoglobin", haemoglobin, 10);
        }
        ("malnutrition", diagnosis) => {
            // WHO's limits of arm circumference: below 11.5 cm severe, below 12.5 cm moderate.
            let (low, high) = if diagnosis == "severe_malnutrition" { (95, 114) } else { (115, 124) };
            let arm = chart.rng.between(low, high);
            let haemoglobin = chart.rng.between(70, 115);
            chart.observe("arm_circumference", arm, 9);
            chart.observe("haemoglobin", haemoglobin, 10);
        }
        (_, "diabetes_type_1" | "diabetes_type_2") => {
            let glucose = chart.rng.between(130, 340);
            chart.observe("glucose", glucose * 10, 10);
        }
        ("old_wound", _) => {
            let pain = measure(age, State::default(), chart.rng).pain;
            chart.observe("pain", pain * 10, 9);
        }
        ("chronic", _) => {
            let glucose = chart.rng.between(78, 128);
            chart.observe("glucose", glucose * 10, 10);
        }
        _ => {}
    }
}

fn second_condition(chart: &mut Chart<'_>, facts: &Facts) -> &'static Term {
    let table = CaseMix::of(Profile::Camp).table("chronic_adult");
    // The commonest that it is not already: hypertension beside diabetes, diabetes beside hypertension.
    let others: Vec<&str> =
        table.rows().iter().map(|row| row.label).filter(|label| *label != facts.diagnosis).take(2).collect();
    let second = *chart.rng.one_of::<&str>(&others);
    clinic().finding(second)
}

fn treat(chart: &mut Chart<'_>, facts: &Facts, main: &str) {
    let clinic = clinic();
    let care = clinic.care(facts.diagnosis);
    let mut minutes = CARE_AT;
    let mut ordered_at = CARE_AT + 1;
    for procedure in &care.procedures {
        chart.operate(procedure, Some(main), minutes);
        minutes += procedure.minutes;
    }
    let mut orders = Vec::with_capacity(care.drugs.len());
    for drug in &care.drugs {
        orders.push(chart.prescribe(drug, Some(main), ordered_at));
        ordered_at += 1;
    }
    for (drug, order) in care.drugs.iter().zip(&orders) {
        chart.give(drug, Some(order), ordered_at + 3);
        ordered_at += 1;
    }
}

fn flags(chart: &mut Chart<'_>, facts: &Facts) {
    match facts.diagnosis {
        "measles" => chart.flag("isolate", "مرض معد: عزل · contagious, keep apart", 40),
        "severe_malnutrition" => chart.flag("therapeutic-feeding", "برنامج التغذية العلاجية · therapeutic feeding", 40),
        "pre_eclampsia" => chart.flag("risk-pregnancy", "حمل عالي الخطورة · pregnancy at risk", 40),
        "diabetes_type_1" => chart.flag("insulin", "لا ينقطع عنه الإنسولين · must not run out of insulin", 40),
        _ => {}
    }
}

/// How the body is doing, in keeping with the diagnosis.
fn state(chart: &mut Chart<'_>, facts: &Facts) -> State {
    let rng = &mut *chart.rng;
    let well = State::default();
    match facts.diagnosis {
        "pneumonia" => State { breathing: rng.between(1, 3) as u8, fever_tenths: rng.between(12, 24), ..well },
        "upper_airway_infection" | "measles" | "fever" => State { fever_tenths: rng.between(8, 22), ..well },
        "infected_wound" | "skin_infection" | "bloody_diarrhoea" => {
            State { fever_tenths: rng.between(4, 14), shock: rng.between(0, 1) as u8, ..well }
        }
        "watery_diarrhoea" => State { shock: rng.between(0, 2) as u8, ..well },
        "asthma" | "copd" => State { breathing: rng.between(0, 2) as u8, ..well },
        "hypertension" | "kidney_disease" => State { pressure_mmhg: rng.between(15, 45), ..well },
        "pre_eclampsia" => State { pressure_mmhg: rng.between(25, 55), ..well },
        "anaemia_in_pregnancy" | "threatened_miscarriage" => State { shock: rng.between(0, 1) as u8, ..well },
        "severe_malnutrition" => State { shock: rng.between(0, 2) as u8, ..well },
        _ => well,
    }
}
