use super::*;
use crate::compartment::{LaneHint, lane_hint, patients_of};
use proptest::prelude::*;

const FACILITY: &str = "00112233445566778899aabbccddeeff";

fn person(raw: Value) -> Vec<(String, Value)> {
    vec![("p1".to_owned(), raw)]
}

fn named(given: &[&str], family: &str, born: Option<&str>) -> Vec<(String, Value)> {
    person(json!({ "resourceType": "Patient", "name": [{ "given": given, "family": family }], "birthDate": born }))
}

#[test]
fn a_name_asked_for_in_one_script_fits_the_same_name_in_the_other() {
    let latin = named(&["Mohammed", "Khaled"], "Al-Haddad", Some("1985-03-01"));
    let arabic = named(&["محمد", "خالد"], "الحداد", Some("1985"));
    let (exact, close, no) = (Fit::Exact, Fit::Close, Fit::No);
    let cases = [
        ("محمد الحداد", Some("خالد"), Some(1985), (close, exact)),
        ("Mohammed Haddad", Some("Khaled"), Some(1985), (exact, close)),
        ("Mhmd Haddad", Some("Khalid"), Some(1985), (close, close)),
        ("Mohammed Al Haddad", None, None, (exact, close)),
        ("محمد الحداد", None, Some(1986), (close, close)),
        ("محمد الحداد", None, Some(1990), (no, no)),
        ("Mohammed", None, None, (close, close)),
        ("محمد الحداد", Some("Samir"), None, (no, no)),
        ("Khaled Haddad", Some("Mohammed"), None, (no, no)),
        ("Ahmad Haddad", None, None, (no, no)),
    ];
    for (name, father, born, fit) in cases {
        let whom = Whom::with_name(name, father, born).unwrap();
        // A father who bears the own name of the person is told apart where the record has the order.
        assert_eq!((whom.fit(&latin), whom.fit(&arabic)), fit, "{name} {father:?} {born:?}");
    }
    assert_eq!(Whom::with_name("Mohammed Haddat", None, None).unwrap().fit(&latin), Fit::Close, "a slip of the pen");
}

#[test]
fn names_that_share_their_consonants_are_never_taken_for_each_other_without_a_person() {
    for (asked, other) in [("حسن", "حسين"), ("سمر", "سمير"), ("Hasan", "Husayn"), ("Samar", "Samir")] {
        let (asked, other) = (format!("{asked} حداد"), named(&[other], "حداد", None));
        let fit = Whom::with_name(&asked, None, None).unwrap().fit(&other);
        assert!(fit < Fit::Exact, "{asked} {fit:?}");
    }
}

#[test]
fn what_a_record_does_not_say_is_left_to_a_person() {
    let short = named(&["Mohammed"], "Haddad", None);
    let fit = |father, born| Whom::with_name("Mohammed Haddad", father, born).unwrap().fit(&short);
    assert_eq!(fit(None, None), Fit::Exact);
    assert_eq!(fit(Some("Khaled"), None), Fit::Close);
    assert_eq!(fit(None, Some(1985)), Fit::Close);
}

#[test]
fn ids_and_tags_fit_whole_or_not_at_all() {
    let tagged = person(json!({ "resourceType": "Patient", "identifier": [{ "value": "K7-٢٠٤" }] }));
    assert_eq!(Whom::with_tag(" k7-204 ").unwrap().fit(&tagged), Fit::Exact);
    assert_eq!(Whom::with_tag("k7-20").unwrap().fit(&tagged), Fit::No);
    assert_eq!(Whom::with_id("p1").unwrap().fit(&tagged), Fit::Exact);
    assert_eq!(Whom::with_id("p").unwrap().fit(&tagged), Fit::No);
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    assert_eq!(Whom::with_id("two words"), Err(WhomError::Id));
    assert_eq!(Whom::with_id(""), Err(WhomError::Id));
    assert_eq!(Whom::with_tag("  "), Err(WhomError::Tag));
    assert_eq!(Whom::with_tag(&"7".repeat(65)), Err(WhomError::Tag));
    assert_eq!(Whom::with_name("--", None, None), Err(WhomError::Name));
    assert_eq!(Whom::with_name(&"م".repeat(200), None, None), Err(WhomError::Name));
    assert_eq!(Whom::with_name("Samir", Some("!"), None), Err(WhomError::Name));
    assert_eq!(Whom::with_name("Samir", None, Some(85)), Err(WhomError::Year));
}

#[test]
fn an_ask_is_a_task_of_nobody_in_the_urgent_lane_with_keys_alone() {
    let whom = Whom::with_name("Moḥammad AL-HADDĀD", Some("Khaled"), Some(1985)).unwrap();
    let ask = Ask { id: ask_id([7; 8], FACILITY), from: FACILITY.to_owned(), whom, withdrawn: false };
    let raw = ask.to_task();
    let text = String::from_utf8(raw.clone()).unwrap();
    assert!(
        text.contains(r#""valueString":"mohammad haddad""#) && !text.contains("Mo") && !text.contains("HADD"),
        "{text}"
    );
    let value: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(patients_of("Task", &value), Vec::<String>::new());
    assert_eq!(lane_hint("Task", raw.len()), LaneHint::Urgent);
    assert_eq!(Ask::of_task(&ask.id, &raw), Some(ask.clone()));
    assert!(is_ask_id(&ask.id) && is_ask_of(&ask.id, FACILITY));
    assert!(!is_ask_of(&ask.id, &FACILITY.replace('0', "1")), "an id belongs to one facility");
    assert!(!is_ask_id(&answer_id(&ask.id, FACILITY)));
    assert!(is_legal_id(&answer_id(&ask.id, FACILITY)));
}

#[test]
fn an_ask_that_is_not_normalised_or_asks_for_two_things_is_none() {
    let base = Ask {
        id: ask_id([1; 8], FACILITY),
        from: FACILITY.to_owned(),
        whom: Whom::with_tag("k7-204").unwrap(),
        withdrawn: false,
    };
    let text = String::from_utf8(base.to_task()).unwrap();
    let read = |text: String| Ask::of_task(&base.id, text.as_bytes());
    assert!(read(text.clone()).is_some());
    assert!(read(text.replace("k7-204", "K7-204")).is_none());
    assert!(read(text.replace("chart-request", "other")).is_none());
    assert!(read(text.replace("urn:sanad:facility", "urn:x")).is_none());
    let two = text.replace(
        r#""input":["#,
        r#""input":[{"type":{"coding":[{"system":"urn:sanad:ask","code":"id"}]},"valueString":"p1"},"#,
    );
    assert!(read(two).is_none());
}

#[test]
fn an_answer_says_how_many_and_not_whose() {
    for outcome in [Outcome::Granted(2), Outcome::Refused] {
        assert_eq!(read_answer(&answer_task("ask-1", FACILITY, outcome)), Some(outcome));
    }
    assert_eq!(
        read_answer(&answer_task("ask-1", FACILITY, Outcome::Granted(u32::MAX))),
        Some(Outcome::Granted(GRANTS_PER_ASK_MAX))
    );
    let value: Value = serde_json::from_slice(&answer_task("ask-1", FACILITY, Outcome::Granted(1))).unwrap();
    assert_eq!(patients_of("Task", &value), Vec::<String>::new());
}

#[test]
fn what_was_granted_stands_in_the_chart_and_reads_back() {
    for (by, ask) in [(Some("Heron"), Some("ask-1")), (None, Some("ask-1")), (Some("Heron"), None)] {
        let granted = Granted {
            id: free_grant_id([3; 16]),
            patient: "p1".to_owned(),
            from: (FACILITY.to_owned(), "Cedar".to_owned()),
            to: (FACILITY.replace('0', "f"), "Olive".to_owned()),
            by: by.map(str::to_owned),
            ask: ask.map(str::to_owned),
            recorded: "2018-03-02T12:00:00Z".to_owned(),
        };
        let raw = granted.to_audit_event();
        let value: Value = serde_json::from_slice(&raw).unwrap();
        assert_eq!(patients_of("AuditEvent", &value), ["p1"]);
        assert_eq!(lane_hint("AuditEvent", raw.len()), LaneHint::Bulk);
        assert!(Granted::of_audit_event(&granted.id, &raw) == Some(granted));
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_for_travels_and_reads_back(
        name in "\\PC{1,40}", father in prop::option::of("\\PC{1,20}"), born in prop::option::of(1800u16..2200)
    ) {
        if let Ok(whom) = Whom::with_name(&name, father.as_deref(), born) {
            let ask = Ask { id: ask_id([2; 8], FACILITY), from: FACILITY.to_owned(), whom, withdrawn: true };
            prop_assert_eq!(Ask::of_task(&ask.id, &ask.to_task()), Some(ask));
        }
    }

    #[test]
    fn any_bytes_are_read_or_passed_over(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Ask::of_task("ask-1", &bytes).is_none());
        prop_assert!(read_answer(&bytes).is_none());
        prop_assert!(Granted::of_audit_event("grant-1", &bytes).is_none());
    }
}
