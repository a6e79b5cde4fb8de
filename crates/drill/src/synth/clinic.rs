//! Codes and words, read from `data/clinic.json`: findings, injuries, procedures, drugs, observations.
//!
//! Codes of others (ICD-10, ATC, LOINC, CVX) are identifiers; the words beside them are our own.

use std::sync::OnceLock;

use serde_json::Value;

use super::casemix::{list, text, whole};

/// A thing with a key and its name in both languages. `code` is an ICD-10 or CVX code, or empty.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) key: &'static str,
    pub(super) code: &'static str,
    pub(super) arabic: &'static str,
    pub(super) english: &'static str,
}

/// A drug with a dose that looks right for a body weight. Not clinical advice.
#[derive(Debug)]
pub(super) struct Drug {
    pub(super) term: Term,
    /// UCUM unit of the dose.
    pub(super) unit: &'static str,
    /// Tenths of a unit for each kilogram; 0 for a dose that does not follow weight.
    tenths_per_kg: u32,
    max_tenths: u32,
    /// What can be measured out.
    step_tenths: u32,
    pub(super) route: &'static Route,
    pub(super) per_day: u32,
    pub(super) days: u32,
}

impl Drug {
    /// The dose for a body weight, tenths of `unit`.
    pub(super) fn dose_tenths(&self, weight_kg: u32) -> i32 {
        let wanted = if self.tenths_per_kg == 0 { self.max_tenths } else { self.tenths_per_kg * weight_kg };
        let measured = wanted.min(self.max_tenths) / self.step_tenths * self.step_tenths;
        measured.max(self.step_tenths) as i32
    }
}

/// A way of giving a drug (HL7 RouteOfAdministration).
#[derive(Debug)]
pub(super) struct Route {
    key: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
    pub(super) arabic: &'static str,
}

/// Something measured, with its LOINC code and UCUM unit.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) term: Term,
    pub(super) unit: &'static str,
    pub(super) ucum: &'static str,
}

#[derive(Debug)]
pub(super) struct Procedure {
    pub(super) term: Term,
    pub(super) minutes: u32,
}

#[derive(Debug)]
pub(super) struct Vaccine {
    pub(super) term: Term,
    pub(super) route: &'static Route,
    /// Tenths of a millilitre.
    pub(super) dose_tenths: i32,
}

#[derive(Debug)]
pub(super) struct Allergen {
    pub(super) term: Term,
    /// FHIR's allergy-intolerance-category.
    pub(super) category: &'static str,
    pub(super) reaction_arabic: &'static str,
    pub(super) reaction_english: &'static str,
    /// FHIR's allergy-intolerance-criticality.
    pub(super) criticality: &'static str,
}

#[derive(Debug)]
struct Injuries {
    region: &'static str,
    cause: &'static str,
    light: Vec<&'static Term>,
    grave: Vec<&'static Term>,
}

/// What is usually done for an injured region or a diagnosis.
#[derive(Debug)]
pub(super) struct Care {
    cause: &'static str,
    pub(super) procedures: Vec<&'static Procedure>,
    pub(super) drugs: Vec<&'static Drug>,
}

/// Everything in the file.
#[derive(Debug)]
pub(super) struct Clinic {
    findings: &'static [Term],
    injuries: Vec<Injuries>,
    procedures: &'static [Procedure],
    care: Vec<Care>,
    drugs: &'static [Drug],
    measures: Vec<Measure>,
    vaccines: Vec<Vaccine>,
    pub(super) allergens: Vec<Allergen>,
    regions: Vec<Term>,
    mechanisms: Vec<Term>,
    /// Key and Arabic word. Staff have call signs and no names.
    pub(super) call_signs: Vec<(&'static str, &'static str)>,
    places: Vec<(&'static str, Term)>,
}

/// The file, read once. It is part of the program, so a fault in it is a fault of the program; tests touch every row.
pub(super) fn clinic() -> &'static Clinic {
    static CLINIC: OnceLock<Clinic> = OnceLock::new();
    CLINIC.get_or_init(Clinic::load)
}

fn find<'a, T>(items: &'a [T], key: &str, key_of: impl Fn(&T) -> &str) -> &'a T {
    let Some(found) = items.iter().find(|item| key_of(item) == key) else {
        unreachable!("clinic.json has no “{key}”");
    };
    found
}

impl Clinic {
    pub(super) fn finding(&self, key: &str) -> &'static Term {
        find(self.findings, key, |term| term.key)
    }

    pub(super) fn procedure(&self, key: &str) -> &'static Procedure {
        find(self.procedures, key, |procedure| procedure.term.key)
    }

    pub(super) fn drug(&self, key: &str) -> &'static Drug {
        find(self.drugs, key, |drug| drug.term.key)
    }

    pub(super) fn measure(&self, key: &str) -> &Measure {
        find(&self.measures, key, |measure| measure.term.key)
    }

    pub(super) fn vaccine(&self, key: &str) -> &Vaccine {
        find(&self.vaccines, key, |vaccine| vaccine.term.key)
    }

    pub(super) fn region(&self, key: &str) -> &Term {
        find(&self.regions, key, |term| term.key)
    }

    pub(super) fn mechanism(&self, key: &str) -> &Term {
        find(&self.mechanisms, key, |term| term.key)
    }

    pub(super) fn care(&self, cause: &str) -> &Care {
        find(&self.care, cause, |care| care.cause)
    }

    /// What is done for a finding, or failing that for the region it is in.
    pub(super) fn care_for(&self, finding: &str, region: &str) -> &Care {
        self.care.iter().find(|care| care.cause == finding).unwrap_or_else(|| self.care(region))
    }

    /// The findings of a region hurt by a cause (`penetrating`, `blunt`, `burn`), the light or the grave ones.
    pub(super) fn injuries(&self, region: &str, cause: &str, grave: bool) -> &[&'static Term] {
        let row = self.injuries.iter().find(|row| row.region == region && row.cause == cause);
        let Some(row) = row else { unreachable!("clinic.json has no {cause} injury of {region}") };
        if grave { &row.grave } else { &row.light }
    }

    /// Where patients of a profile come from.
    pub(super) fn places(&self, profile: &str) -> impl Iterator<Item = &Term> {
        self.places.iter().filter(move |(of, _)| *of == profile).map(|(_, term)| term)
    }

    fn load() -> Self {
        static DOCUMENT: OnceLock<Value> = OnceLock::new();
        static FINDINGS: OnceLock<Vec<Term>> = OnceLock::new();
        static PROCEDURES: OnceLock<Vec<Procedure>> = OnceLock::new();
        static DRUGS: OnceLock<Vec<Drug>> = OnceLock::new();
        static ROUTES: OnceLock<Vec<Route>> = OnceLock::new();
        let data = DOCUMENT
            .get_or_init(|| serde_json::from_str(include_str!("../../data/clinic.json")).expect("clinic.json is JSON"));
        let rows = |table: &str| list(&data[table]["rows"]).iter();
        let findings = FINDINGS.get_or_init(|| rows("findings").map(|row| term(row, 1, 2)).collect());
        let routes = ROUTES.get_or_init(|| {
            let read = |row: &'static Value| Route {
                key: text(&row[0]),
                code: text(&row[1]),
                display: text(&row[2]),
                arabic: text(&row[3]),
            };
            rows("routes").map(read).collect()
        });
        let route = |row: &'static Value| find(routes, text(row), |route: &Route| route.key);
        let procedures = PROCEDURES.get_or_init(|| {
            rows("procedures").map(|row| Procedure { term: words(row, 1), minutes: whole(&row[3]) }).collect()
        });
        let drugs = DRUGS.get_or_init(|| {
            let read = |row: &'static Value| Drug {
                term: term(row, 1, 2),
                unit: text(&row[4]),
                tenths_per_kg: whole(&row[5]),
                max_tenths: whole(&row[6]),
                step_tenths: whole(&row[7]),
                route: route(&row[8]),
                per_day: whole(&row[9]),
                days: whole(&row[10]),
            };
            rows("drugs").map(read).collect()
        });
        let terms = |row: &'static Value| {
            list(row).iter().map(|key| find(findings, text(key), |term: &Term| term.key)).collect()
        };
        Self {
            findings,
            injuries: rows("injuries")
                .map(|row| Injuries {
                    region: text(&row[0]),
                    cause: text(&row[1]),
                    light: terms(&row[2]),
                    grave: terms(&row[3]),
                })
                .collect(),
            procedures,
            care: rows("care")
                .map(|row| Care {
                    cause: text(&row[0]),
                    procedures: list(&row[1])
                        .iter()
                        .map(|key| find(procedures, text(key), |item| item.term.key))
                        .collect(),
                    drugs: list(&row[2]).iter().map(|key| find(drugs, text(key), |item| item.term.key)).collect(),
                })
                .collect(),
            drugs,
            measures: rows("observations")
                .map(|row| Measure {
                    term: Term {
                        key: text(&row[0]),
                        code: text(&row[1]),
                        english: text(&row[2]),
                        arabic: text(&row[3]),
                    },
                    unit: text(&row[4]),
                    ucum: text(&row[5]),
                })
                .collect(),
            vaccines: rows("vaccines")
                .map(|row| Vaccine { term: term(row, 1, 2), route: route(&row[4]), dose_tenths: whole(&row[5]) as i32 })
                .collect(),
            allergens: rows("allergens")
                .map(|row| Allergen {
                    term: words(row, 1),
                    category: text(&row[3]),
                    reaction_arabic: text(&row[4]),
                    reaction_english: text(&row[5]),
                    criticality: text(&row[6]),
                })
                .collect(),
            regions: rows("regions").map(|row| words(row, 1)).collect(),
            mechanisms: rows("mechanisms").map(|row| words(row, 1)).collect(),
            call_signs: rows("call_signs").map(|row| (text(&row[0]), text(&row[1]))).collect(),
            places: rows("places").map(|row| (text(&row[0]), words(row, 1))).collect(),
        }
    }
}

/// A row with its key first, a code, and Arabic followed by English.
fn term(row: &'static Value, code: usize, arabic: usize) -> Term {
    Term { code: text(&row[code]), ..words(row, arabic) }
}

fn words(row: &'static Value, arabic: usize) -> Term {
    Term { key: text(&row[0]), code: "", arabic: text(&row[arabic]), english: text(&row[arabic + 1]) }
}

#[cfg(test)]
mod tests {
    use super::clinic;

    #[test]
    fn doses_follow_weight_up_to_the_maximum() {
        let clinic = clinic();
        let paracetamol = clinic.drug("paracetamol");
        assert_eq!(paracetamol.dose_tenths(10), 1500);
        assert_eq!(paracetamol.dose_tenths(80), 10_000);
        assert_eq!(clinic.drug("morphine").dose_tenths(3), 5, "never less than can be measured out");
        for drug in clinic.drugs {
            assert!(drug.max_tenths >= drug.step_tenths && drug.step_tenths > 0, "{}", drug.term.key);
        }
    }

    #[test]
    fn every_code_has_the_form_of_its_system() {
        let clinic = clinic();
        for term in clinic.findings {
            let code = term.code.as_bytes();
            assert!(code[0].is_ascii_uppercase() && code[1..3].iter().all(u8::is_ascii_digit), "{}", term.code);
        }
        for measure in &clinic.measures {
            let (body, check) = measure.term.code.split_once('-').expect("a LOINC code has a check digit");
            assert_eq!(luhn(body).to_string(), check, "{}", measure.term.code);
        }
        for drug in clinic.drugs {
            assert!(matches!(drug.term.code.len(), 5 | 7), "{}", drug.term.code);
        }
    }

    /// LOINC's check digit is mod 10 over the digits before the hyphen.
    fn luhn(body: &str) -> u32 {
        let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        let digits = body.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
        let sum: u32 = digits.map(|(place, digit)| if place % 2 == 0 { doubled(digit) } else { digit }).sum();
        (10 - sum % 10) % 10
    }
}
