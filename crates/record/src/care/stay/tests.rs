//! Stays from the door to their end.

use super::super::shape::tests::{assert_valid, hostile};
use super::*;

/// 2018-03-02T11:20:00Z
const AT_MS: u64 = 1_519_989_600_000;
const HERE: (&str, &str) = ("abab", "Cedar");

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn full() -> Parts {
    Parts {
        inpatient: true,
        place: some("جناح ٢ / سرير ٤"),
        location: some("bed-4"),
        team: some("Team A"),
        next_step: some("أشعة"),
        destination: some("Theatre"),
        colour: Some(Colour::Immediate),
        event: some("ev1"),
    }
}

#[test]
fn a_stay_round_trips_full_and_bare() {
    for (parts, status) in [(full(), Status::Triaged), (Parts::default(), Status::Arrived)] {
        let made = open("e1", "p1", HERE, &parts, AT_MS);
        assert_valid(&made);
        let stay = read(&made).unwrap();
        assert!(stay.parts == parts && stay.status == status && stay.leaving.is_none());
        assert_eq!((&*stay.id, &*stay.patient, stay.provider.as_deref()), ("e1", "p1", Some("Cedar")));
        assert_eq!((stay.start_ms, stay.since_ms, stay.first_contact_ms), (Some(AT_MS), Some(AT_MS), None));
        assert_eq!(edit(&made, &parts, AT_MS + 1), made, "what is not changed is not touched");
        let cleared = edit(&made, &Parts::default(), AT_MS + 1);
        assert_valid(&cleared);
        assert!(read(&cleared).unwrap().parts == Parts::default());
    }
}

#[test]
fn a_place_that_is_left_keeps_its_time_and_what_others_wrote_stays() {
    let mut made = open("e1", "p1", HERE, &full(), AT_MS);
    made["reasonCode"] = json!([{ "text": "blast" }]);
    made["location"][0]["extension"] = json!([{ "url": "urn:x", "valueString": "y" }]);
    let moved = edit(&made, &Parts { place: some("OR 1"), location: None, ..full() }, AT_MS + 60_000);
    assert_valid(&moved);
    assert_eq!(moved["reasonCode"], made["reasonCode"]);
    assert_eq!(moved["location"][0]["extension"], made["location"][0]["extension"]);
    assert_eq!(moved["location"][0]["status"], "completed");
    assert_eq!(moved["location"][0]["period"]["end"], time(AT_MS + 60_000));
    let parts = read(&moved).unwrap().parts;
    assert!(parts.place == some("OR 1") && parts.location.is_none());
}

#[test]
fn every_status_keeps_the_one_before_and_the_first_contact_is_found() {
    let made = open("e1", "p1", HERE, &full(), AT_MS);
    let seen = with_status(&made, Status::InProgress, AT_MS + 1_000);
    assert_eq!(with_status(&seen, Status::InProgress, AT_MS + 2_000), seen);
    let away = with_status(&seen, Status::OnLeave, AT_MS + 3_000);
    let back = with_status(&away, Status::InProgress, AT_MS + 4_000);
    assert_valid(&back);
    for (stay, status, since) in
        [(&seen, Status::InProgress, 1_000), (&away, Status::OnLeave, 3_000), (&back, Status::InProgress, 4_000)]
    {
        let stay = read(stay).unwrap();
        assert_eq!((stay.status, stay.since_ms), (status, Some(AT_MS + since)));
        assert_eq!(stay.first_contact_ms, Some(AT_MS + 1_000));
    }
    let history: Vec<_> = back["statusHistory"].as_array().unwrap().iter().map(|past| past["status"].clone()).collect();
    assert_eq!(history, ["triaged", "in-progress", "onleave"]);
    assert_eq!(with_status(&made, Status::Finished, AT_MS), made, "an end is not only a status");
    // A clock that went back.
    let early = with_status(&seen, Status::OnLeave, AT_MS - 5_000);
    assert_valid(&early);
    assert_eq!(read(&early).unwrap().since_ms, Some(AT_MS + 1_000));
}

#[test]
fn every_way_to_leave_round_trips_frees_the_bed_and_can_be_taken_back() {
    let made = open("e1", "p1", HERE, &full(), AT_MS);
    for disposition in Disposition::ALL {
        let cause = if disposition.is_death() { "نزف" } else { "" };
        let left = leave(&made, disposition, AT_MS + 9_000, cause, "Monday").unwrap();
        assert_valid(&left);
        let stay = read(&left).unwrap();
        let leaving = stay.leaving.unwrap();
        assert_eq!((leaving.disposition, leaving.at_ms), (Some(disposition), Some(AT_MS + 9_000)));
        let fhir = match disposition {
            Disposition::Home | Disposition::FollowUp => "home",
            Disposition::AgainstAdvice => "aadvice",
            Disposition::Transferred => "other-hcf",
            Disposition::Died | Disposition::DeadOnArrival => "exp",
        };
        assert_eq!(left["hospitalization"]["dischargeDisposition"]["coding"][0]["code"], fhir);
        assert_eq!(leaving.cause.as_deref(), disposition.is_death().then_some("نزف"));
        assert_eq!(leaving.follow_up.as_deref(), Some("Monday"));
        assert!(stay.status == Status::Finished && stay.parts.place.is_none() && stay.parts.team.is_some());
        assert_eq!(leave(&left, Disposition::Home, AT_MS + 9_999, "", "").err(), Some(LeaveError::Over));
        assert_eq!(with_status(&left, Status::InProgress, AT_MS + 9_999), left);
        let back = return_to_stay(&left, AT_MS + 20_000);
        assert_valid(&back);
        let stay = read(&back).unwrap();
        assert!(stay.status == Status::InProgress && stay.leaving.is_none());
        assert!(back.get("hospitalization").is_none() && back["period"].get("end").is_none());
        assert_eq!(back["statusHistory"][1]["status"], "finished");
        assert_eq!(Disposition::of_code(disposition.code()), Some(disposition));
    }
}

#[test]
fn an_end_of_others_is_read_by_the_codes_of_fhir() {
    let made = open("e1", "p1", HERE, &Parts::default(), AT_MS);
    let mut left = leave(&made, Disposition::DeadOnArrival, AT_MS, "", "").unwrap();
    left["hospitalization"]["dischargeDisposition"]["coding"].as_array_mut().unwrap().pop();
    assert_eq!(read(&left).unwrap().leaving.unwrap().disposition, Some(Disposition::Died));
    left["hospitalization"] = json!(7);
    assert_eq!(read(&left).unwrap().leaving.unwrap().disposition, None);
}

#[test]
fn what_cannot_be_is_a_typed_error() {
    let made = open("e1", "p1", HERE, &full(), AT_MS);
    let error =
        |disposition, at_ms, cause: &str, follow_up: &str| leave(&made, disposition, at_ms, cause, follow_up).err();
    assert_eq!(error(Disposition::Home, AT_MS - 1, "", ""), Some(LeaveError::BeforeStart));
    assert_eq!(error(Disposition::Home, AT_MS, "x", ""), Some(LeaveError::CauseWithoutDeath));
    let letters = error(Disposition::Died, AT_MS, "a\u{202e}", "").unwrap();
    assert_eq!((letters, letters.id()), (LeaveError::Text(InputError::Letters), "input-letters"));
    let long = "x".repeat(CAUSE_CHARS_MAX + 1);
    assert_eq!(
        error(Disposition::Home, AT_MS, "", &long),
        Some(LeaveError::Text(InputError::TooLong { most: CAUSE_CHARS_MAX }))
    );
    let wrong = Parts { place: some("a\nb"), next_step: some(&"x".repeat(101)), team: some(" "), ..Parts::default() };
    let wanted = [(Field::Place, InputError::Letters), (Field::NextStep, InputError::TooLong { most: TEXT_CHARS_MAX })];
    assert_eq!(wrong.checked().err().unwrap(), wanted);
    for value in hostile() {
        assert!(read(&value).is_none());
        assert_eq!(leave(&value, Disposition::Home, AT_MS, "", ""), Err(LeaveError::NotAStay));
        assert_eq!(edit(&value, &full(), AT_MS), value);
        assert_eq!(with_status(&value, Status::InProgress, AT_MS), value);
        assert_eq!(return_to_stay(&value, AT_MS), value);
    }
    let mut odd = json!({ "resourceType": "Encounter", "status": "finished", "subject": { "reference": "Patient/p1" },
        "period": 7, "location": [{ "status": "active" }, 1, { "status": "active", "period": [] }], "statusHistory": [7] });
    assert!(read(&odd).unwrap().leaving.is_some());
    return_to_stay(&odd, AT_MS);
    odd["status"] = "arrived".into();
    odd["hospitalization"] = json!([]);
    leave(&odd, Disposition::Home, AT_MS, "", "").unwrap();
}
