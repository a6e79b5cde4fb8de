//! What people type, right and wrong.

use proptest::prelude::*;

use super::*;

/// 2018-03-02T11:20:00Z
const NOW_MS: u64 = 1_519_989_600_000;

#[test]
fn ages_are_read_as_people_say_them() {
    use AgeUnit::{Days, Months, Years};
    for (text, count, unit, about) in [
        ("18", 18, Years, false),
        ("١٨", 18, Years, false),
        ("۱۸", 18, Years, false),
        ("1٨", 18, Years, false),
        ("0", 0, Years, false),
        ("120", 120, Years, false),
        ("18 m", 18, Months, false),
        ("18m", 18, Months, false),
        ("18 Mo.", 18, Months, false),
        ("٧ أشهر", 7, Months, false),
        ("٣ أيام", 3, Days, false),
        ("2 weeks", 14, Days, false),
        ("نحو ٤٠", 40, Years, true),
        ("حوالي ٤٠ سنة", 40, Years, true),
        ("٤٠ سنة تقريباً", 40, Years, true),
        ("~40", 40, Years, true),
        ("about 40 y", 40, Years, true),
        ("\u{200f}40\u{200f}", 40, Years, false),
    ] {
        assert_eq!(age(text), Ok(Age { count, unit, about }), "{text}");
    }
    for (text, error) in [
        ("", InputError::Empty),
        ("  ", InputError::Empty),
        ("121", InputError::TooLarge),
        ("1441 m", InputError::TooLarge),
        ("99999999999999999999", InputError::TooLarge),
        ("-5", InputError::NotANumber),
        ("1.5", InputError::NotANumber),
        ("1/2", InputError::NotANumber),
        ("old", InputError::NotANumber),
        ("under 5", InputError::NotANumber),
        ("5 kg", InputError::Unit),
        ("5 y y", InputError::Unit),
        ("4 0", InputError::NotANumber),
        ("<b>5</b>", InputError::NotANumber),
        ("5\u{202e}", InputError::Letters),
        ("5\u{0}", InputError::Letters),
    ] {
        assert_eq!(age(text), Err(error), "{text}");
    }
    assert_eq!(age(&"9".repeat(100_000)), Err(InputError::TooLong { most: TYPED_CHARS_MAX }));
    let months = |text| age(text).unwrap().months();
    assert_eq!((months("3"), months("18 m"), months("30 d"), months("31 d"), months("7 d")), (36, 18, 0, 1, 0));
}

#[test]
fn dates_are_day_first_or_year_first_and_never_guessed() {
    for (text, read) in [
        ("2018", "2018"),
        ("٢٠١٨", "2018"),
        ("2018-03", "2018-03"),
        ("3/2018", "2018-03"),
        ("2018-03-02", "2018-03-02"),
        ("2/3/2018", "2018-03-02"),
        ("٢/٣/٢٠١٨", "2018-03-02"),
        ("02.03.1990", "1990-03-02"),
        ("29/2/2016", "2016-02-29"),
        // Where it is already the next day.
        ("2018-03-03", "2018-03-03"),
    ] {
        assert_eq!(date(text, NOW_MS).as_deref(), Ok(read), "{text}");
    }
    for (text, error) in [
        ("", InputError::Empty),
        ("18", InputError::NotADate),
        ("2/3/18", InputError::NotADate),
        ("2018-", InputError::NotADate),
        ("2018-3-", InputError::NotADate),
        ("2/3", InputError::NotADate),
        ("2018--3", InputError::NotADate),
        ("2/3-2018", InputError::NotADate),
        ("yesterday", InputError::NotADate),
        ("20180302", InputError::NotADate),
        ("2018-03-02T11:20", InputError::NotADate),
        ("29/2/2018", InputError::NoSuchDay),
        ("2017-13", InputError::NoSuchDay),
        ("0/1/2017", InputError::NoSuchDay),
        ("2018-03-04", InputError::InFuture),
        ("2019", InputError::InFuture),
        ("1850", InputError::TooLongAgo),
        ("0000", InputError::NoSuchDay),
        ("\u{2067}2018", InputError::Letters),
    ] {
        assert_eq!(date(text, NOW_MS), Err(error), "{text}");
    }
    assert!(date("1898", NOW_MS).is_ok(), "who is 120 was born then");
}

#[test]
fn moments_are_of_the_clock_on_the_wall() {
    assert_eq!(moment("2018-03-02T13:20", NOW_MS, 120), Ok(NOW_MS));
    assert_eq!(moment("٢٠١٨-٠٣-٠٢ ١٣:٢٠", NOW_MS, 120), Ok(NOW_MS));
    assert_eq!(moment("2018-03-02T11:20Z", NOW_MS, 120), Ok(NOW_MS));
    for (text, error) in [
        ("2018-03-02", InputError::NotADate),
        ("13:20", InputError::NotADate),
        ("2018-03-02T25:20", InputError::NotADate),
        ("2018-03-02T13:22", InputError::InFuture),
        ("1800-03-02T13:22", InputError::TooLongAgo),
        ("1950-03-02T13:22", InputError::TooLongAgo),
    ] {
        assert_eq!(moment(text, NOW_MS, 120), Err(error), "{text}");
    }
}

#[test]
fn numbers_have_either_sign_and_an_ambiguous_one_is_refused() {
    for (text, value) in [
        ("62.5", 62.5),
        ("٦٢٫٥", 62.5),
        ("62,5", 62.5),
        ("۶۲،۵", 62.5),
        ("0,125", 0.125),
        ("1.500", 1.5),
        ("1٫500", 1.5),
        ("007", 7.0),
    ] {
        assert_eq!(decimal(text), Ok(value), "{text}");
    }
    for (text, error) in [
        ("", InputError::Empty),
        ("1,500", InputError::Ambiguous),
        ("١٬٥٠٠", InputError::Ambiguous),
        ("1,500,000", InputError::NotANumber),
        (".5", InputError::NotANumber),
        ("5.", InputError::NotANumber),
        ("-5", InputError::NotANumber),
        ("+5", InputError::NotANumber),
        ("1e5", InputError::NotANumber),
        ("NaN", InputError::NotANumber),
        ("5 5", InputError::NotANumber),
        ("1234567890123456", InputError::NotANumber),
        ("½", InputError::NotANumber),
    ] {
        assert_eq!(decimal(text), Err(error), "{text}");
    }
}

#[test]
fn weights_are_of_people() {
    for (text, kg) in [("62.5", 62.5), ("٦٢٫٥ كغ", 62.5), ("3200 g", 3.2), ("0.3", 0.3), ("350 kg", 350.0)] {
        assert_eq!(weight_kg(text), Ok(kg), "{text}");
    }
    for (text, error) in [
        ("0.29", InputError::TooSmall),
        ("0", InputError::TooSmall),
        ("351", InputError::TooLarge),
        ("62 lb", InputError::Unit),
        ("62 /", InputError::Unit),
        ("kg", InputError::NotANumber),
    ] {
        assert_eq!(weight_kg(text), Err(error), "{text}");
    }
}

#[test]
fn every_unit_is_read_in_every_way_it_is_typed() {
    for (text, value, unit) in [
        ("5 mg", 5.0, Some("mg")),
        ("5mg", 5.0, Some("mg")),
        ("٠٫٥ غ", 0.5, Some("g")),
        ("500", 500.0, None),
        ("10 IU", 10.0, Some("[iU]")),
        ("100 µg", 100.0, Some("ug")),
        ("١ لتر", 1.0, Some("L")),
        ("٢ حبة", 2.0, Some("{tablet}")),
        ("2 أمبولة", 2.0, Some("{ampoule}")),
    ] {
        assert_eq!(quantity(text), Ok(Quantity { value, unit }), "{text}");
    }
    for (text, error) in [
        ("0 mg", InputError::TooSmall),
        ("100000001", InputError::TooLarge),
        ("5 mg/kg", InputError::Unit),
        ("5 stones", InputError::Unit),
        ("5 mg mg", InputError::Unit),
        ("mg 5", InputError::NotANumber),
        ("1,000 mg", InputError::Ambiguous),
    ] {
        assert_eq!(quantity(text), Err(error), "{text}");
    }
    for (code, ways) in super::number::tests_units() {
        for way in *ways {
            assert_eq!(quantity(&format!("1 {way}")), Ok(Quantity { value: 1.0, unit: Some(code) }), "{way}");
        }
    }
}

#[test]
fn texts_are_trimmed_and_nothing_hides_in_them() {
    assert_eq!(line("  \u{200f}سمير ", 10), Ok(Some("سمير".to_owned())));
    assert_eq!(line(" \u{200e} ", 10), Ok(None));
    assert_eq!(line("<script>", 10), Ok(Some("<script>".to_owned())), "markup is text; the page escapes it");
    assert_eq!(line("a\nb", 10), Err(InputError::Letters));
    assert_eq!(paragraph("a\nb", 10), Ok(Some("a\nb".to_owned())));
    assert_eq!(paragraph("a\u{2066}b", 10), Err(InputError::Letters));
    assert_eq!(line(&"م".repeat(11), 10), Err(InputError::TooLong { most: 10 }));
    assert_eq!(line(&"م".repeat(10), 10).map(|text| text.is_some()), Ok(true));
    assert_eq!(line(&"م".repeat(1 << 20), 10), Err(InputError::TooLong { most: 10 }));
}

proptest! {
    #[test]
    fn nothing_typed_is_a_panic_or_out_of_bounds(text in "\\PC{0,12}", digits in "[0-9٠-٩۰-۹./,٫٬ mykg~-]{0,12}", now_ms in any::<u64>()) {
        for text in [text, digits] {
            if let Ok(age) = age(&text) {
                prop_assert!(age.count <= age.unit.most());
            }
            if let Ok(kg) = weight_kg(&text) {
                prop_assert!((WEIGHT_KG_MIN..=WEIGHT_KG_MAX).contains(&kg));
            }
            if let Ok(amount) = quantity(&text) {
                prop_assert!(amount.value > 0.0 && amount.value <= AMOUNT_MAX);
            }
            if let Ok(date) = date(&text, NOW_MS) {
                prop_assert!(crate::time::span(&date).is_some());
            }
            let _ = (super::date(&text, now_ms), moment(&text, now_ms, i32::MIN), decimal(&text));
        }
    }
}
