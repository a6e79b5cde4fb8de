//! A day at the clinics of a camp: who comes, with what, and what is written down of it.

use super::{
    Arrival, Facts, Profile, Sex,
    casemix::{CaseMix, band},
    clinic::clinic,
    rng::Rng,
};

mod write;

pub(super) use self::write::write;

/// Visits spread over the opening hours.
pub(super) fn plan_day(mix: &CaseMix, rng: &mut Rng) -> Vec<Arrival> {
    let (opens, closes) = (mix.number("opens"), mix.number("closes"));
    let sites = u64::from(mix.number("sites"));
    let visit = |_| {
        let minute = opens + rng.below(u64::from(closes - opens)) as u32;
        Arrival { minute, event: None, site: 1 + rng.below(sites) as u8 }
    };
    (0..mix.number("visits_per_day")).map(visit).collect()
}

/// Decides everything that is true of one visit.
pub(super) fn draw(mix: &CaseMix, rng: &mut Rng, day: u32, arrival: Arrival) -> Facts {
    let reason = mix.pick("reason", rng);
    let female = reason == "maternal" || mix.pick("sex", rng) == "female";
    let sex = if female { Sex::Female } else { Sex::Male };
    let (low, high) = band(mix.pick(age_table(reason), rng)).into_inner();
    let age = low + rng.below(u64::from(high - low) + 1) as u16;
    let child = age < 18;
    let age_years = (mix.pick("age_recorded", rng) == "recorded").then_some(age);
    let diagnosis = mix.pick(diagnosis_table(reason, child), rng);
    let admitted = diagnosis == DELIVERY || mix.pick("admitted", rng) == "admitted";
    let outcome = mix.pick(if admitted { "outcome_admitted" } else { "outcome_home" }, rng);
    let young = age_years.is_some_and(|age| age < VACCINATED_UNTIL_YEARS);
    let care = clinic().care(diagnosis);
    Facts {
        day,
        event: None,
        site: arrival.site,
        sex,
        age_years,
        child,
        woman_or_child: child || female,
        identified: true,
        kunya: !child && mix.pick("kunya", rng) == "kunya",
        latin_name: mix.pick("latin_name", rng) == "latin",
        reason,
        diagnosis,
        mechanism: None,
        body_regions: Vec::new(),
        multiple_trauma: false,
        triage: None,
        dead_on_arrival: false,
        admitted,
        icu: false,
        died: outcome == "died",
        transferred: matches!(outcome, "transferred" | "referred"),
        interventions: care.procedures.len() as u8,
        allergy: mix.pick("allergy", rng) == "recorded",
        second_chronic: reason == "chronic" && !child && mix.pick("second_chronic", rng) == "second",
        vaccinated: young && mix.pick("vaccine", rng) == "given",
    }
}

/// The one diagnosis that always means a bed.
const DELIVERY: &str = "normal_delivery";

/// Children are vaccinated at any visit before this age.
const VACCINATED_UNTIL_YEARS: u16 = 5;

fn age_table(reason: &str) -> &'static str {
    match reason {
        "infectious" => "age_infectious",
        "chronic" => "age_chronic",
        "maternal" => "age_maternal",
        "malnutrition" => "age_malnutrition",
        "old_wound" => "age_old_wound",
        _ => "age_mental",
    }
}

fn diagnosis_table(reason: &str, child: bool) -> &str {
    match (reason, child) {
        ("chronic", true) => "chronic_child",
        ("chronic", false) => "chronic_adult",
        _ => reason,
    }
}

/// The row of a table of `casemix.json` that a visit falls into; none outside the table's population.
pub(super) fn observed(table: &str, facts: &Facts) -> Option<&'static str> {
    let either =
        |member: bool, holds: bool, yes: &'static str, no: &'static str| member.then_some(if holds { yes } else { no });
    let adult = !facts.child;
    let outcome = match (facts.died, facts.transferred) {
        (true, _) => "died",
        (_, true) => "transferred",
        _ => "stayed",
    };
    let young = facts.age_years.is_some_and(|age| age < VACCINATED_UNTIL_YEARS);
    match table {
        "reason" => Some(facts.reason),
        "sex" => (facts.reason != "maternal").then_some(facts.sex.as_str()),
        "age_recorded" => either(true, facts.age_years.is_some(), "recorded", "unknown"),
        "second_chronic" => either(facts.reason == "chronic" && adult, facts.second_chronic, "second", "one"),
        "admitted" => either(facts.diagnosis != DELIVERY, facts.admitted, "admitted", "went_home"),
        "outcome_admitted" => facts.admitted.then_some(outcome),
        "outcome_home" => either(!facts.admitted, facts.transferred, "referred", "home"),
        "vaccine" => either(young, facts.vaccinated, "given", "not_given"),
        "allergy" => either(true, facts.allergy, "recorded", "none_recorded"),
        "kunya" => either(adult, facts.kunya, "kunya", "no_kunya"),
        "latin_name" => either(true, facts.latin_name, "latin", "arabic_only"),
        _ if table == age_table(facts.reason) => CaseMix::of(Profile::Camp).table(table).band_of(facts.age_years?),
        _ if table == diagnosis_table(facts.reason, facts.child) => Some(facts.diagnosis),
        _ => None,
    }
}
