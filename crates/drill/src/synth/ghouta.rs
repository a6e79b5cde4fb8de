//! The wounded and the dead of a siege day: events, who is hurt and how, and what is written down of it.

use std::sync::OnceLock;

use super::{
    Arrival, Facts, Profile, Sex, Triage,
    casemix::{CaseMix, WHOLE_PPM, band},
    clinic::clinic,
    clock::DAY_MINUTES,
    count,
    rng::Rng,
};

mod write;

pub(super) use self::write::write;

/// Events of a day until enough have been registered. `events` counts them over all days.
pub(super) fn plan_day(mix: &CaseMix, rng: &mut Rng, events: &mut u32) -> Vec<Arrival> {
    let enough = mix.number("registered_per_day") as usize;
    let spread = u64::from(mix.number("event_spread"));
    let mut arrivals = Vec::with_capacity(enough + mix.number("event_cap") as usize);
    while arrivals.len() < enough {
        let event = *events;
        *events += 1;
        let site = 1 + rng.below(u64::from(mix.number("sites"))) as u8;
        let hour = rng.weighted(mix.hours().iter().copied()) as u32;
        let start = hour * 60 + rng.below(60) as u32;
        for _ in 0..event_size(mix, rng) {
            // Most come soon and a few late, dug out or carried from further away.
            let delay = rng.below(spread).min(rng.below(spread)) as u32;
            let minute = (start + delay).min(DAY_MINUTES - 1);
            arrivals.push(Arrival { minute, event: Some(event), site });
        }
    }
    arrivals
}

/// How many one event brings to the sites: negative binomial, in whole numbers only, so that no machine rounds otherwise.
fn event_size(mix: &CaseMix, rng: &mut Rng) -> u32 {
    static WEIGHTS: OnceLock<Vec<u32>> = OnceLock::new();
    let weights = WEIGHTS
        .get_or_init(|| event_weights(mix.number("event_mean"), mix.number("event_k_tenths"), mix.number("event_cap")));
    rng.weighted(weights.iter().copied()) as u32
}

/// Relative weights of the sizes `0..=cap`, the last taking all that is larger.
fn event_weights(mean: u32, k_tenths: u32, cap: u32) -> Vec<u32> {
    // p(n+1) / p(n) = (n + k) / (n + 1) * mean / (mean + k), all in tenths.
    let (mean, k) = (u128::from(mean) * 10, u128::from(k_tenths));
    let mut exact = Vec::new();
    let mut weight: u128 = 1 << 90;
    for n in 0..u128::from(cap) * 40 {
        exact.push(weight);
        weight = weight * (10 * n + k) / (10 * (n + 1)) * mean / (mean + k);
    }
    let tail: u128 = exact[cap as usize..].iter().sum();
    exact.truncate(cap as usize);
    exact.push(tail);
    let total: u128 = exact.iter().sum();
    exact.iter().map(|weight| (weight * 1_000_000_000 / total) as u32).collect()
}

/// Decides everything that is true of one arrival.
pub(super) fn draw(mix: &CaseMix, rng: &mut Rng, day: u32, arrival: Arrival) -> Facts {
    let reason = mix.pick("arrival", rng);
    let wounded = reason == "wounded";
    let (sex, child) = match mix.pick(if wounded { "person_wounded" } else { "person_dead" }, rng) {
        "girl" => (Sex::Female, true),
        "boy" => (Sex::Male, true),
        "woman" => (Sex::Female, false),
        _ => (Sex::Male, false),
    };
    let recorded = mix.pick(if wounded { "age_recorded_wounded" } else { "age_recorded_dead" }, rng) == "recorded";
    let age_years = recorded.then(|| age(mix, rng, child));
    let identified = recorded || mix.pick(if wounded { "named_wounded" } else { "named_dead" }, rng) == "named";
    let mechanism = mix.pick("mechanism", rng);
    let region_table = if wounded { "region_wounded" } else { "region_dead" };
    let main = if mechanism == "burn" { "skin" } else { mix.pick(region_table, rng) };

    let admitted = wounded && mix.pick("admitted", rng) == "admitted";
    let died = !wounded || admitted && rng.chance(death_ppm(mix, age_years, mechanism, main));
    let transferred = admitted && !died && rng.chance(transfer_ppm(mix));
    let icu = admitted && mix.pick(if died { "icu_died" } else { "icu_survived" }, rng) == "icu";
    let multiple_table = if admitted || !wounded { "multiple_trauma_admitted" } else { "multiple_trauma_left" };
    let multiple_trauma = mix.pick(multiple_table, rng) == "multiple";
    let triage = match (wounded, admitted) {
        (false, _) => Triage::Black,
        (true, true) if died || icu => colour(mix.pick("triage_grave", rng)),
        (true, true) => colour(mix.pick("triage_admitted", rng)),
        (true, false) => colour(mix.pick("triage_left", rng)),
    };
    let interventions = match (wounded, admitted) {
        (false, _) => 0,
        (true, true) => count(mix.pick("interventions_admitted", rng)),
        (true, false) => count(mix.pick("interventions_left", rng)),
    };
    let mut body_regions = vec![main];
    if multiple_trauma {
        let regions = usize::from(count(mix.pick("regions_if_multiple", rng)));
        while body_regions.len() < regions {
            let other = rng.one_of(mix.table("region_wounded").rows()).label;
            if !body_regions.contains(&other) {
                body_regions.push(other);
            }
        }
    }
    let grave = is_grave(triage, admitted);
    let diagnosis = rng.one_of(clinic().injuries(main, cause(mechanism, main), grave)).key;
    Facts {
        day,
        event: arrival.event,
        site: arrival.site,
        sex,
        age_years,
        child,
        woman_or_child: child || sex == Sex::Female,
        identified,
        kunya: identified && !child && mix.pick("kunya", rng) == "kunya",
        latin_name: identified && mix.pick("latin_name", rng) == "latin",
        reason,
        diagnosis,
        mechanism: Some(mechanism),
        body_regions,
        multiple_trauma,
        triage: Some(triage),
        dead_on_arrival: !wounded,
        admitted,
        icu,
        died,
        transferred,
        interventions,
        allergy: wounded && mix.pick("allergy", rng) == "recorded",
        second_chronic: false,
        vaccinated: wounded && matches!(mechanism, "shrapnel" | "gunshot"),
    }
}

fn age(mix: &CaseMix, rng: &mut Rng, child: bool) -> u16 {
    let label = mix.pick(if child { "age_child" } else { "age_adult" }, rng);
    let (low, high) = band(label).into_inner();
    let width = u64::from(high - low) + 1;
    let mut drawn = rng.below(width);
    if label == YOUNG_ADULTS {
        drawn = drawn.min(rng.below(width));
    }
    low + drawn as u16
}

/// The band of ages in which the younger are hurt more often.
const YOUNG_ADULTS: &str = "18-60";

/// The chance that an admitted patient dies: the stated share, shifted by risk and rescaled so that the whole keeps it.
fn death_ppm(mix: &CaseMix, age_years: Option<u16>, mechanism: &str, region: &str) -> u32 {
    static BASE: OnceLock<u64> = OnceLock::new();
    let hundredths = |name| u64::from(mix.number(name));
    let base = *BASE.get_or_init(|| {
        let share = |table: &str, label| u64::from(mix.table(table).ppm(label));
        let whole = u64::from(WHOLE_PPM);
        let of = |part: u64, other: u64| part * other / whole;
        let child = share("person_wounded", "girl") + share("person_wounded", "boy");
        let recorded = share("age_recorded_wounded", "recorded");
        // Two of the three years of the youngest band are under two.
        let under_2 = of(of(child, recorded), share("age_child", "0-2")) * 2 / 3;
        let over_60 = of(of(whole - child, recorded), share("age_adult", "61+"));
        let shot_in_the_chest = of(share("mechanism", "gunshot"), share("region_wounded", "thorax"));
        let extra = |part: u64, name| part * (hundredths(name) - 100) / 100;
        let by_age = whole + extra(under_2, "risk_under_2") + extra(over_60, "risk_over_60");
        let by_wound = whole + extra(shot_in_the_chest, "risk_gunshot_thorax");
        share("outcome", "died") * whole / by_age * whole / by_wound
    });
    let by_age = match age_years {
        Some(0..2) => hundredths("risk_under_2"),
        Some(61..) => hundredths("risk_over_60"),
        _ => 100,
    };
    let by_wound = if (mechanism, region) == ("gunshot", "thorax") { hundredths("risk_gunshot_thorax") } else { 100 };
    let chance = base * by_age / 100 * by_wound / 100;
    assert!(chance < u64::from(WHOLE_PPM), "the risks multiply to less than certainty");
    chance as u32
}

/// The chance that an admitted patient who lives is transferred, so that the stated share of all admitted is.
fn transfer_ppm(mix: &CaseMix) -> u32 {
    let share = |label| u64::from(mix.table("outcome").ppm(label));
    let whole = u64::from(WHOLE_PPM);
    (share("transferred") * whole / (whole - share("died"))) as u32
}

fn colour(label: &str) -> Triage {
    match label {
        "red" => Triage::Red,
        "yellow" => Triage::Yellow,
        _ => Triage::Green,
    }
}

/// Whether the main injury is one of the grave ones of its region: the dead, and who needs a bed and cannot walk.
fn is_grave(triage: Triage, admitted: bool) -> bool {
    match triage {
        Triage::Black | Triage::Red => true,
        Triage::Yellow => admitted,
        Triage::Green => false,
    }
}

/// How a mechanism hurts, as the table of injuries has it.
fn cause(mechanism: &str, region: &str) -> &'static str {
    match (mechanism, region) {
        (_, "skin") => "burn",
        ("shrapnel" | "gunshot", _) => "penetrating",
        _ => "blunt",
    }
}

/// The row of a table of `casemix.json` that a patient falls into; none outside the table's population.
pub(super) fn observed(table: &str, facts: &Facts) -> Option<&'static str> {
    let wounded = facts.reason == "wounded";
    let stayed_well = facts.admitted && !facts.died && !facts.icu;
    let when = |member: bool, label: &'static str| member.then_some(label);
    let either =
        |member: bool, holds: bool, yes: &'static str, no: &'static str| member.then_some(if holds { yes } else { no });
    let person = match (facts.sex, facts.child) {
        (Sex::Female, true) => "girl",
        (Sex::Male, true) => "boy",
        (Sex::Female, false) => "woman",
        (Sex::Male, false) => "man",
    };
    let outcome = match (facts.died, facts.transferred) {
        (true, _) => "died",
        (_, true) => "transferred",
        _ => "stayed",
    };
    let burnt = facts.mechanism == Some("burn");
    let age_known = facts.age_years.is_some();
    let colour = facts.triage.map_or("", Triage::as_str);
    let age_in = |table: &str| CaseMix::of(Profile::Ghouta2018).table(table).band_of(facts.age_years?);
    let number = ["0", "1", "2", "3", "4"];
    let interventions = number[usize::from(facts.interventions)];
    match table {
        "arrival" => Some(facts.reason),
        "person_wounded" => when(wounded, person),
        "person_dead" => when(!wounded, person),
        "age_recorded_wounded" => either(wounded, age_known, "recorded", "unknown"),
        "age_recorded_dead" => either(!wounded, age_known, "recorded", "unknown"),
        "age_child" if facts.child => age_in(table),
        "age_adult" if !facts.child => age_in(table),
        "named_wounded" => either(wounded && !age_known, facts.identified, "named", "unidentified"),
        "named_dead" => either(!wounded && !age_known, facts.identified, "named", "unidentified"),
        "mechanism" => facts.mechanism,
        "region_wounded" => when(wounded && !burnt, facts.body_regions[0]),
        "region_dead" => when(!wounded && !burnt, facts.body_regions[0]),
        "admitted" => either(wounded, facts.admitted, "admitted", "treated_and_left"),
        "outcome" => when(facts.admitted, outcome),
        "icu_died" => either(facts.admitted && facts.died, facts.icu, "icu", "ward"),
        "icu_survived" => either(facts.admitted && !facts.died, facts.icu, "icu", "ward"),
        "multiple_trauma_admitted" => either(facts.admitted, facts.multiple_trauma, "multiple", "single"),
        "multiple_trauma_left" => either(wounded && !facts.admitted, facts.multiple_trauma, "multiple", "single"),
        "regions_if_multiple" => when(wounded && facts.multiple_trauma, number[facts.body_regions.len()]),
        "triage_grave" => when(facts.admitted && !stayed_well, colour),
        "triage_admitted" => when(stayed_well, colour),
        "triage_left" => when(wounded && !facts.admitted, colour),
        "interventions_admitted" => when(facts.admitted, interventions),
        "interventions_left" => when(wounded && !facts.admitted, interventions),
        "allergy" => either(wounded, facts.allergy, "recorded", "none_recorded"),
        "kunya" => either(facts.identified && !facts.child, facts.kunya, "kunya", "no_kunya"),
        "latin_name" => either(facts.identified, facts.latin_name, "latin", "arabic_only"),
        _ => None,
    }
}

/// The shares that several tables make together, as published.
pub(super) fn check(name: &str, facts: &Facts) -> Option<bool> {
    let wounded = facts.reason == "wounded";
    match name {
        "women_and_children_of_wounded" => wounded.then_some(facts.woman_or_child),
        "women_and_children_of_dead" => (!wounded).then_some(facts.woman_or_child),
        "children_of_wounded" => wounded.then_some(facts.child),
        "female_of_wounded" => wounded.then_some(facts.sex == Sex::Female),
        "multiple_trauma_of_wounded" => wounded.then_some(facts.multiple_trauma),
        "icu_of_admitted" => facts.admitted.then_some(facts.icu),
        "unidentified_of_wounded" => wounded.then_some(!facts.identified),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseMix, Profile, WHOLE_PPM, band, death_ppm, event_weights};

    /// Every combination of age and wound, weighted as it occurs, must come back to the published share of deaths.
    #[test]
    fn risks_shift_deaths_between_patients_and_leave_their_number() {
        let mix = CaseMix::of(Profile::Ghouta2018);
        let share = |table: &str, label: &str| f64::from(mix.table(table).ppm(label)) / f64::from(WHOLE_PPM);
        let child = share("person_wounded", "girl") + share("person_wounded", "boy");
        let recorded = share("age_recorded_wounded", "recorded");
        let mut ages = vec![(None, 1.0 - recorded)];
        for (table, group) in [("age_child", child), ("age_adult", 1.0 - child)] {
            for row in mix.table(table).rows() {
                let years = band(row.label);
                let each = recorded * group * share(table, row.label) / years.clone().count() as f64;
                ages.extend(years.map(|age| (Some(age), each)));
            }
        }
        let shot = share("mechanism", "gunshot") * share("region_wounded", "thorax");
        let mut died = 0.0;
        for (age, weight) in ages {
            let of_shot = f64::from(death_ppm(mix, age, "gunshot", "thorax"));
            let of_others = f64::from(death_ppm(mix, age, "shrapnel", "head"));
            assert!(of_shot > 6.0 * of_others);
            died += weight * (shot * of_shot + (1.0 - shot) * of_others);
        }
        let stated = f64::from(mix.table("outcome").ppm("died"));
        assert!((died - stated).abs() < 5.0, "{died} of a million, stated {stated}");
    }

    #[test]
    fn event_sizes_have_the_stated_mean_before_the_cap() {
        // Far beyond any event, where the cap takes nothing away.
        let weights = event_weights(12, 6, 1000);
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let weighted: u64 = weights.iter().zip(0..).map(|(&weight, size): (_, u64)| u64::from(weight) * size).sum();
        let hundredths = weighted * 100 / total;
        assert!((1199..=1201).contains(&hundredths), "{hundredths}");
        // P(0) of a negative binomial is (k / (k + mean))^k: here (0.6 / 12.6)^0.6 = 0.1609.
        let none_per_mille = u64::from(weights[0]) * 1000 / total;
        assert_eq!(none_per_mille, 160);
    }
}
