use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::shape::{CannotWrite, LOINC, Stored, Writing, assert_valid};

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

fn writing(at_ms: u64) -> Writing<'static> {
    Writing { patient: "p", encounter: Some("e"), by: Some("Kestrel"), at_ms }
}

fn stored<'a>(records: &'a [(&'a str, Value)]) -> Vec<Stored<'a>> {
    records.iter().map(|(id, resource)| Stored { id, resource }).collect()
}

fn number(text: &str) -> Decimal {
    decimal(text).expect("a number")
}

const ADULT: Option<u32> = Some(12_000);

#[test]
fn every_row_of_the_table_is_read_and_possible() {
    let (mut vitals, mut bounds, mut ways) = (0, 0, 0);
    for row in rows(TABLE) {
        match row[0] {
            "vital" => {
                let read = vital_row(&row).expect("a row");
                assert_eq!(Vital::of_code(read.label.code).and_then(Vital::row), Some(&read));
                assert!(read.label.arabic.chars().any(|letter| letter > '\u{600}'), "{}", read.label.code);
                vitals += 1;
            }
            "bound" => {
                let (vital, bound) = bound_row(&row).expect("a row");
                let ((least, most), usual) = (bound.possible, bound.usual);
                assert!(least <= usual.0 && usual.0 < usual.1 && usual.1 <= most, "{vital:?}");
                assert!(bound.below_days.is_none_or(|below| bound.from_days < below));
                // The ends are possible, what lies beyond is not, and the same holds of what is usual.
                let age = Some(bound.from_days);
                let just_below = Decimal::of_millionths(least.millionths() - 1_000_000);
                let just_above = most.plus(Decimal::whole(1)).expect("small");
                for (value, is_right) in
                    [(Some(least), true), (Some(most), true), (just_below, false), (Some(just_above), false)]
                {
                    let Some(value) = value else { continue };
                    let read = vital.parse(&value.to_string(), age);
                    let refused = read == Err(Refused::Impossible { least, most });
                    assert_eq!(refused, !is_right, "{vital:?} {value}");
                }
                let usual_read = vital.parse(&usual.0.to_string(), age).expect("possible");
                assert_eq!(usual_read, Reading { value: usual.0, unusual: None });
                bounds += 1;
            }
            "fluid" => {
                let read = fluid::fluid_row(&row).expect("a row");
                assert_eq!(super::fluid(read.label.code), Some(read));
                assert_eq!(read.is_in, read.label.code.starts_with("in-"));
                ways += 1;
            }
            other => panic!("a row that is not understood: {other}"),
        }
    }
    assert_eq!((vitals, table().bounds.len(), fluids().len()), (Vital::ALL.len(), bounds, ways));
    assert!(bounds > 20 && ways >= 8);
    assert!(Vital::ALL.iter().all(|vital| vital.row().is_some()));
    assert_eq!(vitals_origin().verified, None);
}

#[test]
fn every_age_has_one_bound() {
    for vital in Vital::ALL.into_iter().filter(|vital| *vital != Vital::Avpu) {
        for days in [0, 1, 27, 364, 365, 366, 1_460, 1_461, 1_826, 4_382, 4_383, 40_000, u32::MAX] {
            let fits = |bound: &Bound| days >= bound.from_days && bound.below_days.is_none_or(|below| days < below);
            let count = table().bounds.iter().filter(|(known, bound)| *known == vital && fits(bound)).count();
            assert_eq!(count, 1, "{vital:?} at {days} days");
        }
        assert!(vital.bound(None).is_some());
    }
}

#[test]
fn what_is_typed_is_read_in_both_digit_systems() {
    let read =
        |vital: Vital, typed: &str| vital.parse(typed, ADULT).map(|reading| (reading.value, reading.unusual.is_some()));
    assert_eq!(read(Vital::Pulse, "82"), Ok((number("82"), false)));
    assert_eq!(read(Vital::Pulse, "١٦٠"), Ok((number("160"), true)));
    assert_eq!(read(Vital::Temperature, "٣٧٫٢"), Ok((number("37.2"), false)));
    assert_eq!(read(Vital::Temperature, "37,2"), Ok((number("37.2"), false)));
    assert_eq!(read(Vital::Oxygen, "0"), Ok((number("0"), true)));
    assert_eq!(pressure("١٢٠/٨٠", ADULT).map(|(high, low)| (high.value, low.value)), Ok((number("120"), number("80"))));
    // A pulse that is usual of a newborn is not of an adult; of nobody knows whom it is.
    assert!(Vital::Pulse.parse("170", Some(3)).expect("possible").unusual.is_none());
    assert!(Vital::Pulse.parse("170", ADULT).expect("possible").unusual.is_some());
    assert!(Vital::Pulse.parse("170", None).expect("possible").unusual.is_none());
    for step in Avpu::ALL {
        assert_eq!(Avpu::parse(&format!(" {} ", step.code().to_lowercase())), Ok(step));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let impossible = |vital: Vital, typed: &str| matches!(vital.parse(typed, ADULT), Err(Refused::Impossible { .. }));
    assert!(impossible(Vital::Pulse, "1200"));
    assert!(impossible(Vital::Temperature, "372"));
    assert!(impossible(Vital::Temperature, "98.6"));
    assert!(impossible(Vital::Oxygen, "101"));
    assert!(impossible(Vital::ComaScale, "2"));
    assert!(impossible(Vital::Pain, "11"));
    assert!(impossible(Vital::Weight, "0"));
    for (typed, wrong) in [
        ("", NotANumber::Empty),
        ("-5", NotANumber::NotDigits),
        ("1٢0", NotANumber::MixedDigits),
        ("1,200", NotANumber::Ambiguous),
        ("\u{202e}08", NotANumber::NotDigits),
        ("<script>", NotANumber::NotDigits),
        (&"9".repeat(100_000), NotANumber::TooLong),
    ] {
        assert_eq!(Vital::Pulse.parse(typed, ADULT), Err(Refused::NotANumber(wrong)));
    }
    assert_eq!(pressure("80/120", ADULT), Err(Refused::Order));
    assert_eq!(pressure("120/120", ADULT), Err(Refused::Order));
    assert_eq!(pressure("120", ADULT), Err(Refused::NotANumber(NotANumber::NotAPair)));
    assert!(matches!(pressure("1200/80", ADULT), Err(Refused::Impossible { .. })));
    assert_eq!(Vital::Pain.parse("2.5", ADULT), Err(Refused::Scale));
    assert_eq!(Vital::Avpu.parse("3", ADULT), Err(Refused::Scale));
    for typed in ["", "AV", "alert!", "٣", "<b>"] {
        assert_eq!(Avpu::parse(typed), Err(Refused::Scale));
    }
    for (eye, verbal, motor) in [(0, 1, 1), (5, 1, 1), (1, 0, 1), (1, 6, 1), (1, 1, 0), (1, 1, 7), (255, 255, 255)] {
        assert_eq!(ComaScale::new(eye, verbal, motor), Err(Refused::Scale));
    }
    assert_eq!(ComaScale::new(4, 5, 6).map(ComaScale::total), Ok(15));
    assert_eq!(ComaScale::new(1, 1, 1).map(ComaScale::total), Ok(3));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", age in any::<Option<u32>>()) {
        for vital in Vital::ALL {
            let _ = vital.parse(&text, age);
        }
        let _ = pressure(&text, age);
        let _ = Avpu::parse(&text);
    }
}

#[test]
fn observations_are_valid_fhir_and_are_read_as_they_were_written() {
    let mut records: Vec<(&str, Value)> = Vec::new();
    for vital in Vital::ALL {
        let written = observation(&writing(NOW), vital, number("12.5"));
        let apart = matches!(vital, Vital::Avpu | Vital::Systolic | Vital::Diastolic);
        match written {
            Ok(written) => records.push((vital.code(), written)),
            Err(error) => assert_eq!((error, apart), (CannotWrite::WrongRecord, true)),
        }
    }
    records.retain(|(code, _)| *code != "coma-scale");
    records.push(("bp", pressure_observation(&writing(NOW), number("120"), number("80")).expect("a panel")));
    let scale = ComaScale::new(2, 3, 4).expect("on the scale");
    records.push(("gcs", coma_observation(&writing(NOW), scale).expect("a scale")));
    records.push(("avpu", avpu_observation(&writing(NOW), Avpu::Voice).expect("a step")));
    records.iter().for_each(|(_, record)| assert_valid(record));
    let drawn = series(&stored(&records));
    assert_eq!(drawn.iter().map(|series| series.vital).collect::<Vec<_>>(), Vital::ALL);
    for series in drawn {
        let expected = match series.vital {
            Vital::Systolic => "120",
            Vital::Diastolic => "80",
            Vital::ComaScale => "9",
            Vital::Avpu => "2",
            _ => "12.5",
        };
        assert_eq!((series.left_out, series.points.len()), (0, 1), "{:?}", series.vital);
        assert_eq!((series.points[0].at_ms, series.points[0].value), (NOW, number(expected)));
    }
    let wrong = Writing { patient: "../x", ..writing(NOW) };
    assert_eq!(observation(&wrong, Vital::Pulse, number("80")), Err(CannotWrite::Id));
}

fn foreign(loinc: &str, quantity: Value, time: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "effectiveDateTime": time,
        "code": { "coding": [{ "system": LOINC, "code": loinc }] }, "valueQuantity": quantity })
}

#[test]
fn values_of_others_are_drawn_in_our_unit_or_counted() {
    let at = "2027-01-15T08:00:00Z";
    let unit = |value: f64, code: &str| json!({ "value": value, "system": crate::shape::UCUM, "code": code });
    for (loinc, quantity, vital, expected) in [
        ("8310-5", unit(98.6, "[degF]"), Vital::Temperature, Some("37")),
        ("8310-5", unit(37.2, "Cel"), Vital::Temperature, Some("37.2")),
        ("8310-5", unit(37.2, "K"), Vital::Temperature, None),
        ("8310-5", unit(10.0, "[degF]"), Vital::Temperature, None),
        ("59408-5", unit(97.0, "%"), Vital::Oxygen, Some("97")),
        ("3141-9", unit(3_200.0, "g"), Vital::Weight, Some("3.2")),
        ("29463-7", unit(150.0, "[lb_av]"), Vital::Weight, None),
        ("2339-0", unit(5.0, "mmol/L"), Vital::Glucose, Some("90.078")),
        ("8867-4", unit(80.0, "{beats}/min"), Vital::Pulse, Some("80")),
        ("8867-4", json!({ "value": 80, "unit": "/min" }), Vital::Pulse, Some("80")),
        ("8867-4", json!({ "value": 80 }), Vital::Pulse, None),
        ("8867-4", json!({ "value": 80, "code": "/min", "comparator": "<" }), Vital::Pulse, None),
        ("8867-4", json!({ "value": "80", "code": "/min" }), Vital::Pulse, None),
        ("8867-4", json!([]), Vital::Pulse, None),
    ] {
        let records = [("x", foreign(loinc, quantity, at))];
        let drawn = series(&stored(&records));
        assert_eq!(drawn.len(), 1, "{loinc}");
        assert_eq!(drawn[0].vital, vital);
        assert_eq!(drawn[0].points.first().map(|point| point.value), expected.map(number), "{loinc}");
        assert_eq!(drawn[0].left_out, usize::from(expected.is_none()), "{loinc}");
    }
    let no_time = [("x", foreign("8867-4", unit(80.0, "/min"), "yesterday"))];
    assert_eq!(series(&stored(&no_time))[0].left_out, 1);
    let mut mistake = foreign("8867-4", unit(80.0, "/min"), at);
    mistake["status"] = "entered-in-error".into();
    assert!(
        series(&stored(&[("x", mistake), ("y", json!({ "resourceType": "Observation" })), ("z", json!(1))])).is_empty()
    );
}

#[test]
fn a_series_is_in_order_and_bounded() {
    let make = |at| observation(&writing(at), Vital::Pulse, number("80")).expect("an Observation");
    let records: Vec<_> = (0..POINTS_MAX as u64 + 5).map(|number| ("x", make(NOW - number * 60_000))).collect();
    let drawn = series(&stored(&records));
    assert_eq!((drawn[0].points.len(), drawn[0].left_out), (POINTS_MAX, 5));
    assert!(drawn[0].points.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
    assert_eq!(drawn[0].points.last().map(|point| point.at_ms), Some(NOW));
}

#[test]
fn the_balance_is_of_a_day() {
    let make = |code: &str, ml: &str, at| {
        let way = super::fluid(code).expect("a way");
        let written = fluid_observation(&writing(at), way, number(ml)).expect("an Observation");
        assert_valid(&written);
        written
    };
    let mut mistake = make("in-vein", "9000", NOW);
    mistake["status"] = "entered-in-error".into();
    let litre = foreign("9187-6", json!({ "value": 0.4, "unit": "L" }), "2027-01-15T07:00:00Z");
    let records = [
        ("a", make("in-vein", "1000", NOW - 25 * HOUR)),
        ("b", make("in-vein", "1000", NOW - 23 * HOUR)),
        ("c", make("in-oral", "250.5", NOW)),
        ("d", make("out-drain", "1500", NOW - HOUR)),
        ("e", make("in-vein", "500", NOW + HOUR)),
        ("f", mistake),
        ("g", litre),
    ];
    let found = balance(&stored(&records), NOW);
    assert_eq!((found.in_ml, found.out_ml, found.net_ml()), (number("1250.5"), number("1900"), -649));
    let by: Vec<_> = found.by.iter().map(|(way, ml)| (way.label.code, *ml)).collect();
    let (oral, vein) = (("in-oral", number("250.5")), ("in-vein", number("1000")));
    assert_eq!(by, [oral, vein, ("out-urine", number("400")), ("out-drain", number("1500"))]);
    assert_eq!(balance(&[], NOW), Balance::default());
    let vein = super::fluid("in-vein").expect("a way");
    for ml in ["0", "10000.5"] {
        assert_eq!(fluid_observation(&writing(NOW), vein, number(ml)), Err(CannotWrite::Nothing));
    }
    assert_eq!(super::fluid("in-<b>"), None);
}
