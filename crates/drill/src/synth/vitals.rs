//! Vital signs that belong together: a bleeding patient has a fast pulse and a low pressure, at every age.
//!
//! The ranges are textbook orders of magnitude, an assumption of the generator and no clinical reference.

use super::rng::Rng;

/// How a body is doing. Every scale is 0 for well; its maximum is written beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Loss of blood or fluid, 0–4: from 3 the pressure falls and the radial pulse with it.
    pub(super) shock: u8,
    /// Trouble breathing, 0–3: 3 breathes faster than START lets pass.
    pub(super) breathing: u8,
    /// Depth of unconsciousness, 0–3: from 2 commands are not obeyed.
    pub(super) brain: u8,
    /// Tenths of a degree above normal.
    pub(super) fever_tenths: i32,
    /// Pressure above normal, mmHg: chronic hypertension, pre-eclampsia.
    pub(super) pressure_mmhg: i32,
}

impl State {
    /// A round of treatment later.
    pub(super) fn better(self) -> Self {
        Self {
            shock: self.shock.saturating_sub(1),
            breathing: self.breathing.saturating_sub(1),
            brain: if self.brain == 1 { 0 } else { self.brain },
            fever_tenths: self.fever_tenths * 2 / 3,
            pressure_mmhg: self.pressure_mmhg * 9 / 10,
        }
    }

    pub(super) fn worse(self) -> Self {
        Self {
            shock: (self.shock + 1).min(4),
            breathing: (self.breathing + 1).min(3),
            brain: (self.brain + 1).min(3),
            ..self
        }
    }

    /// Whether START's adult rules find a reason for red.
    pub(super) fn is_red(self) -> bool {
        self.shock >= 3 || self.breathing >= 3 || self.brain >= 2
    }
}

/// Ages with the same normal values. A child of unknown age is taken for six years old, an adult for grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age {
    years: u16,
}

/// START sorts from about eight years; below, JumpSTART's limits hold.
const START_FROM_YEARS: u16 = 8;

impl Age {
    pub(super) fn new(age_years: Option<u16>, child: bool) -> Self {
        Self { years: age_years.unwrap_or(if child { 6 } else { 35 }) }
    }

    /// Normal pulse, breaths and systolic pressure: per minute, per minute, mmHg.
    fn normal(self) -> (i32, i32, i32) {
        match self.years {
            0 => (130, 36, 85),
            1..=4 => (112, 27, 95),
            5..=12 => (92, 21, 105),
            13..=59 => (80, 16, 121),
            _ => (76, 16, 134),
        }
    }

    /// The fastest breathing that is not red, and the lowest that is: breaths per minute.
    fn breaths_limit(self) -> i32 {
        if self.years < START_FROM_YEARS { 45 } else { 30 }
    }

    /// The systolic pressure, mmHg, below which no radial pulse is felt: 70 + 2 per year of childhood, 90 from ten years.
    fn pulse_limit(self) -> i32 {
        70 + 2 * i32::from(self.years).min(10)
    }

    /// A body weight that fits, kg.
    pub(super) fn weight_kg(self, rng: &mut Rng) -> u32 {
        let usual = match self.years {
            0 => 6,
            1..=10 => 2 * (i32::from(self.years) + 4),
            11..=17 => 3 * i32::from(self.years) + 2,
            _ => 68,
        };
        let spread = usual / 6;
        (usual + rng.between(-spread, spread)) as u32
    }

    /// A height that fits, cm.
    pub(super) fn height_cm(self, rng: &mut Rng) -> i32 {
        let usual = match self.years {
            0 => 62,
            1..=12 => 76 + 6 * i32::from(self.years),
            13..=17 => 120 + 3 * i32::from(self.years),
            _ => 167,
        };
        usual + rng.between(-5, 5)
    }
}

/// One round of measurements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vitals {
    /// Beats per minute.
    pub(super) heart_rate: i32,
    /// Breaths per minute.
    pub(super) respiratory_rate: i32,
    /// mmHg.
    pub(super) systolic: i32,
    /// mmHg.
    pub(super) diastolic: i32,
    /// Per cent.
    pub(super) oxygen: i32,
    /// Tenths of a degree Celsius.
    pub(super) temperature_tenths: i32,
    /// Glasgow coma scale, 3–15.
    pub(super) coma_scale: i32,
    /// 0–10.
    pub(super) pain: i32,
}

/// Measures a body of an age in a state.
pub(super) fn measure(age: Age, state: State, rng: &mut Rng) -> Vitals {
    let shock = usize::from(state.shock.min(4));
    let breathing = usize::from(state.breathing.min(3));
    let (pulse, breaths, pressure) = age.normal();

    let faster = [0, 12, 28, 46, 60][shock];
    let heart_rate = pulse + faster * 9 / 10 + state.fever_tenths + rng.between(-7, 7);

    let kept_percent = [100, 99, 90, 70, 55][shock];
    let mut systolic = (pressure + state.pressure_mmhg) * kept_percent / 100 + rng.between(-7, 7);
    let limit = age.pulse_limit();
    systolic = if shock >= 3 { systolic.min(limit - 2) } else { systolic.max(limit) };
    let diastolic = systolic * 62 / 100 + rng.between(-4, 4);

    let hurried = [0, 2, 4, 7, 10][shock] + [0, 4, 8, 16][breathing];
    let mut respiratory_rate = breaths + hurried + state.fever_tenths / 6 + rng.between(-2, 2);
    let limit = age.breaths_limit();
    respiratory_rate = if breathing >= 3 {
        respiratory_rate.max(limit + 2)
    } else if state.is_red() {
        respiratory_rate
    } else {
        respiratory_rate.min(limit - 1)
    };

    let oxygen = (98 - [0, 3, 7, 13][breathing] - i32::from(state.shock / 3) + rng.between(-1, 1)).min(100);
    let cooled = if shock >= 3 { 9 } else { 0 };
    let temperature_tenths = 367 + state.fever_tenths - cooled + rng.between(-3, 3);
    let coma_scale = match state.brain {
        0 => 15,
        1 => 14,
        2 => rng.between(9, 12),
        _ => rng.between(3, 8),
    };
    let pain = if state.brain >= 2 { 0 } else { (2 + i32::from(state.shock) + rng.between(0, 4)).min(10) };
    Vitals { heart_rate, respiratory_rate, systolic, diastolic, oxygen, temperature_tenths, coma_scale, pain }
}

#[cfg(test)]
mod tests {
    use super::{Age, Rng, State, measure};

    #[test]
    fn bleeding_raises_the_pulse_and_lowers_the_pressure_at_every_age() {
        let mut rng = Rng::new(1);
        for years in [0, 3, 7, 15, 30, 70] {
            let age = Age::new(Some(years), years < 18);
            let mean = |shock: u8, rng: &mut Rng| {
                let rounds: Vec<_> = (0..200).map(|_| measure(age, State { shock, ..State::default() }, rng)).collect();
                let of = |value: fn(&super::Vitals) -> i32| rounds.iter().map(value).sum::<i32>() / 200;
                (of(|v| v.heart_rate), of(|v| v.systolic))
            };
            let (well, bleeding) = (mean(0, &mut rng), mean(4, &mut rng));
            assert!(bleeding.0 > well.0 + 30 && bleeding.1 + 10 < well.1, "{years} years: {well:?} {bleeding:?}");
        }
    }

    #[test]
    fn nothing_measured_is_beyond_the_living() {
        let mut rng = Rng::new(2);
        for years in 0..90 {
            for code in 0..5 * 4 * 4 {
                let state = State {
                    shock: code % 5,
                    breathing: code / 5 % 4,
                    brain: code / 20,
                    fever_tenths: 20,
                    pressure_mmhg: 30,
                };
                let v = measure(Age::new(Some(years), years < 18), state, &mut rng);
                assert!((40..=230).contains(&v.heart_rate), "{v:?}");
                assert!((8..=75).contains(&v.respiratory_rate), "{v:?}");
                assert!((35..=190).contains(&v.systolic) && v.diastolic < v.systolic && v.diastolic > 15, "{v:?}");
                assert!((75..=100).contains(&v.oxygen) && (340..=420).contains(&v.temperature_tenths), "{v:?}");
                assert!((3..=15).contains(&v.coma_scale) && (0..=10).contains(&v.pain), "{v:?}");
            }
        }
    }
}
