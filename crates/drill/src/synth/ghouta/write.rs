//! The chart of a casualty: what a siege hospital writes down, from the gate to the end of the first day.

use super::super::{
    Facts, Profile, Triage,
    chart::{Chart, both},
    clinic::{Procedure, Term, clinic},
    fhir::{EMERGENCY, INPATIENT, Person, Visit},
    names::{self, FullName},
    vitals::{Age, State, measure},
};
use super::{cause, is_grave};

/// When the first procedure begins, and how long it takes to get ready for the next, minutes.
const THEATRE_AT: u32 = 25;
const BETWEEN_PROCEDURES: u32 = 5;

/// Nobody is moved to a ward before this, minutes after arrival.
const WARD_AT_MIN: u32 = 120;

pub(in crate::synth) fn write(chart: &mut Chart<'_>, facts: &Facts) {
    let age = Age::new(facts.age_years, facts.child);
    chart.weight_kg = age.weight_kg(chart.rng);
    let tag = Some(format!("T-{:04}", chart.rng.between(1, 9999)));
    let name = facts.identified.then(|| names::draw(facts.sex, facts.kunya, chart.rng));
    let procedures = procedures(facts);
    let done_at = THEATRE_AT + procedures.iter().map(|procedure| procedure.minutes + BETWEEN_PROCEDURES).sum::<u32>();
    let ward_at = done_at.max(WARD_AT_MIN);
    let died_at =
        facts.died.then(|| if facts.dead_on_arrival { 0 } else { ward_at + chart.rng.between(30, 600) as u32 });
    register(chart, facts, name.as_ref(), tag, died_at);
    let leaves_at = match (facts.dead_on_arrival, facts.admitted) {
        (true, _) => 20,
        (false, true) => ward_at,
        (false, false) => done_at.max(chart.rng.between(90, 240) as u32),
    };
    open_visit(chart, facts, leaves_at);
    triage(chart, facts);
    if facts.dead_on_arrival {
        record_death(chart, facts);
        return;
    }

    let mut state = state(chart, facts);
    let first = measure(age, state, chart.rng);
    chart.observe_vitals(&first, true, 4);
    chart.observe("weight", chart.weight_kg as i32 * 10, 5);
    chart.observe("pain", first.pain * 10, 5);
    if facts.allergy {
        let allergen = chart.rng.one_of(&clinic().allergens);
        chart.note_allergy(allergen, 6);
        if allergen.criticality == "high" {
            chart.flag("allergy", &format!("حساسية خطرة · dangerous allergy: {}", both(&allergen.term)), 6);
        }
    }
    let injuries = diagnose(chart, facts, 9);
    let main = injuries[0].as_str();
    let orders = treat(chart, facts, main);
    let mut begins = THEATRE_AT;
    for procedure in procedures {
        chart.operate(procedure, Some(main), begins);
        begins += procedure.minutes + BETWEEN_PROCEDURES;
    }
    if facts.vaccinated {
        chart.vaccinate(clinic().vaccine("tetanus"), 40);
    }

    // The lightly hurt are often gone before a second round.
    if facts.triage != Some(Triage::Green) || chart.rng.chance(600_000) {
        state = if facts.died { state.worse() } else { state.better() };
        let round = measure(age, state, chart.rng);
        chart.observe_vitals(&round, false, 70);
    }
    if facts.admitted {
        let outer = chart.encounter.clone();
        move_to_ward(chart, facts, ward_at, died_at, outer);
        state = if facts.died { state.worse() } else { state.better() };
        let round = measure(age, state, chart.rng);
        chart.observe_vitals(&round, facts.icu, ward_at + 15);
        if let Some(order) = orders.first() {
            chart.give(clinic().drug(order.0), Some(&order.1), ward_at + 20);
        }
    }
    if facts.transferred {
        let priority = if facts.icu { "stat" } else { "urgent" };
        let note = "بانتظار الإخلاء الطبي · waiting for medical evacuation";
        chart.refer(priority, Some(main), note, ward_at + 60);
    }
}

fn register(chart: &mut Chart<'_>, facts: &Facts, name: Option<&FullName>, tag: Option<String>, died_at: Option<u32>) {
    let clinic = clinic();
    let places: Vec<&Term> = clinic.places(Profile::Ghouta2018.as_str()).collect();
    let home = facts.identified.then(|| *chart.rng.one_of(&places));
    let year = chart.arrived.day().civil().0;
    chart.register(&Person {
        sex: facts.sex,
        child: facts.child,
        name,
        latin_name: facts.latin_name,
        birth_date: facts.age_years.map(|age| (year - u32::from(age)).to_string()),
        died_at,
        tag,
        home,
        shelter: None,
    });
}

fn open_visit(chart: &mut Chart<'_>, facts: &Facts, leaves_at: u32) {
    let clinic = clinic();
    let mechanism = facts.mechanism.map(|key| both(clinic.mechanism(key))).unwrap_or_default();
    let priority = match facts.triage {
        Some(Triage::Red | Triage::Black) => ("EM", "emergency"),
        Some(Triage::Yellow) => ("UR", "urgent"),
        _ => ("R", "routine"),
    };
    let disposition = match (facts.dead_on_arrival, facts.admitted) {
        (true, _) => Some(("exp", "Expired")),
        (false, true) => None,
        (false, false) => Some(("home", "Home")),
    };
    let ends = Some(leaves_at);
    chart.admit(Visit { class: EMERGENCY, priority, reason: &mechanism, begins: 0, ends, part_of: None, disposition });
}

fn move_to_ward(chart: &mut Chart<'_>, facts: &Facts, ward_at: u32, died_at: Option<u32>, part_of: Option<String>) {
    let reason = if facts.icu { "عناية مشددة · intensive care" } else { "جناح · ward" };
    let disposition = facts.died.then_some(("exp", "Expired"));
    let priority = if facts.icu { ("EM", "emergency") } else { ("UR", "urgent") };
    let visit = Visit { class: INPATIENT, priority, reason, begins: ward_at, ends: died_at, part_of, disposition };
    chart.admit(visit);
    if facts.icu {
        chart.flag("intensive-care", "يحتاج عناية مشددة · needs intensive care", ward_at + 2);
    }
}

fn triage(chart: &mut Chart<'_>, facts: &Facts) {
    let value = match facts.triage {
        Some(Triage::Red) => ("red", "أحمر · immediate"),
        Some(Triage::Yellow) => ("yellow", "أصفر · delayed"),
        Some(Triage::Black) => ("black", "أسود · dead"),
        _ => ("green", "أخضر · walking"),
    };
    chart.observe_code("triage-start", "فرز START · START triage", value, 1);
    if let Some(mechanism) = facts.mechanism {
        let text = both(clinic().mechanism(mechanism));
        chart.observe_code("mechanism-of-injury", "آلية الإصابة · mechanism of injury", (mechanism, &text), 2);
    }
    if !facts.identified {
        chart.flag("unidentified", "مجهول الهوية: يعرّف بالرقم فقط · unidentified, known by tag only", 2);
    }
}

fn record_death(chart: &mut Chart<'_>, facts: &Facts) {
    chart.observe("heart_rate", 0, 3);
    chart.observe("respiratory_rate", 0, 3);
    chart.observe("coma_scale", 30, 3);
    diagnose(chart, facts, 6);
    let custody = if facts.identified {
        "سلّم إلى ذويه · handed to the family"
    } else {
        "ينتظر التعرف عليه · waits to be identified"
    };
    chart.observe_code("custody-of-the-dead", "تسليم الجثمان · custody of the dead", ("custody", custody), 15);
}

/// One condition for each region hurt, the main one first; gives their ids.
fn diagnose(chart: &mut Chart<'_>, facts: &Facts, minutes: u32) -> Vec<String> {
    let clinic = clinic();
    let mut ids = Vec::with_capacity(facts.body_regions.len());
    for (place, &region) in facts.body_regions.iter().enumerate() {
        let grave = place == 0 && facts.triage.is_some_and(|triage| is_grave(triage, facts.admitted));
        let cause = cause(facts.mechanism.unwrap_or_default(), region);
        let finding = if place == 0 {
            clinic.finding(facts.diagnosis)
        } else {
            chart.rng.one_of(clinic.injuries(region, cause, false))
        };
        ids.push(chart.diagnose(finding, Some(clinic.region(region)), grave, minutes));
    }
    ids
}

/// Orders and first doses: tablets for those who walk, more for the gravely hurt. Gives the orders, as drug and id.
fn treat(chart: &mut Chart<'_>, facts: &Facts, main: &str) -> Vec<(&'static str, String)> {
    let clinic = clinic();
    let care = clinic.care_for(facts.diagnosis, facts.body_regions[0]);
    let usual = care.drugs.iter().map(|drug| drug.term.key);
    let mut drugs: Vec<&str> = match facts.triage {
        Some(Triage::Red) => usual.take(3).collect(),
        Some(Triage::Yellow) => usual.take(2).collect(),
        // Who walks gets tablets, and something against infection only if the wound is open.
        _ if facts.vaccinated => vec!["paracetamol_tablet", "cefalexin"],
        _ => vec!["ibuprofen"],
    };
    if facts.triage == Some(Triage::Red) && !drugs.contains(&"tranexamic_acid") && chart.rng.chance(500_000) {
        drugs.push("tranexamic_acid");
    }
    let mut orders = Vec::with_capacity(drugs.len());
    for (place, key) in (0..).zip(drugs) {
        let drug = clinic.drug(key);
        let order = chart.prescribe(drug, Some(main), 12 + place);
        orders.push((drug.term.key, order));
    }
    for (place, (key, order)) in (0..).zip(&orders) {
        chart.give(clinic.drug(key), Some(order), 18 + 2 * place);
    }
    orders
}

/// What is done: first for the main injury, then for the other regions, as many as the facts say.
fn procedures(facts: &Facts) -> Vec<&'static Procedure> {
    let clinic = clinic();
    let mut choice: Vec<&'static Procedure> =
        clinic.care_for(facts.diagnosis, facts.body_regions[0]).procedures.clone();
    // Nobody is opened up and sent home.
    let others = if facts.admitted { &facts.body_regions[1..] } else { &[] };
    for region in others.iter().copied().chain(["extremities"]) {
        choice.extend(&clinic.care(region).procedures);
    }
    choice.push(clinic.procedure("debridement"));
    let mut chosen: Vec<&'static Procedure> = Vec::new();
    for procedure in choice {
        let known = chosen.iter().any(|other| other.term.key == procedure.term.key);
        if !known && chosen.len() < usize::from(facts.interventions) {
            chosen.push(procedure);
        }
    }
    assert_eq!(
        chosen.len(),
        usize::from(facts.interventions),
        "there are procedures enough for any number of interventions"
    );
    chosen
}

/// How the body is doing at the gate, in keeping with the colour it was given there.
fn state(chart: &mut Chart<'_>, facts: &Facts) -> State {
    let rng = &mut *chart.rng;
    let region = facts.body_regions[0];
    let mut state = State::default();
    match facts.triage {
        Some(Triage::Red | Triage::Black) => match region {
            "head" => (state.brain, state.shock) = (rng.between(2, 3) as u8, rng.between(0, 2) as u8),
            "thorax" => (state.breathing, state.shock) = (3, rng.between(1, 3) as u8),
            "skin" => (state.breathing, state.shock) = (rng.between(1, 3) as u8, 3),
            _ => (state.shock, state.breathing) = (rng.between(3, 4) as u8, rng.between(0, 1) as u8),
        },
        Some(Triage::Yellow) => {
            state.shock = rng.between(1, 2) as u8;
            state.breathing = if region == "thorax" { rng.between(1, 2) as u8 } else { 0 };
            state.brain = u8::from(region == "head" && rng.chance(500_000));
        }
        _ => state.shock = u8::from(rng.chance(250_000)),
    }
    state
}
