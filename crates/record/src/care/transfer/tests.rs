//! Every step from every state, and what others write.

use super::super::shape::tests::{assert_valid, hostile};
use super::*;

const AT_MS: u64 = 1_519_989_600_000;

fn network(name: &str) -> Site {
    Site { id: Some("ab".repeat(32)), name: name.to_owned() }
}

fn camp() -> Site {
    Site { id: None, name: "مخيم".to_owned() }
}

fn request() -> Request {
    Request {
        patient: "p1".to_owned(),
        encounter: Some("e1".to_owned()),
        from: network("Cedar"),
        to: Some(camp()),
        category: Category::Priority,
        consent: Consent::Given,
        escort: Some("الأم".to_owned()),
        needs: vec!["oxygen".to_owned(), "stretcher".to_owned()],
        reason: Some("burns <40 %>".to_owned()),
    }
}

fn at(state: State) -> Value {
    let camp = camp();
    let way: &[Step<'_>] = match state {
        State::Draft => &[],
        State::Requested => &[Step::Request(&camp)],
        State::Accepted => &[Step::Request(&camp), Step::Accept],
        State::Rejected => &[Step::Request(&camp), Step::Reject("full")],
        State::Departed => &[Step::Request(&camp), Step::Accept, Step::Depart],
        State::Arrived => &[Step::Request(&camp), Step::Accept, Step::Depart, Step::Arrive],
        State::Lost => &[Step::Request(&camp), Step::Accept, Step::Depart, Step::Lose("road hit")],
        State::Withdrawn => &[Step::Withdraw("better")],
    };
    let mut task = draft("t1", &request(), AT_MS, "Heron").unwrap();
    for (minute, step) in way.iter().enumerate() {
        task = advance(&task, step, AT_MS + 60_000 * (minute as u64 + 1), "Finch").unwrap();
    }
    task
}

#[test]
fn a_transfer_round_trips_in_every_state() {
    for state in State::ALL {
        let task = at(state);
        assert_valid(&task);
        assert!(crate::compartment::patients_of("Task", &task).is_empty(), "who is asked can read it before the chart");
        let transfer = read(&task).unwrap();
        assert!(transfer.request == request() && transfer.state == state, "{state:?}");
        assert_eq!(transfer.at_ms(State::Draft), Some(AT_MS));
        assert_eq!(transfer.steps.last().map(|step| step.state), Some(state));
        let why = matches!(state, State::Rejected | State::Lost | State::Withdrawn);
        assert_eq!(transfer.why.is_some(), why, "{state:?}");
        assert_eq!(State::of_code(state.code()), Some(state));
    }
    let bare = Request { encounter: None, to: None, escort: None, needs: vec![], reason: None, ..request() };
    let made = draft("t1", &bare, AT_MS, "Heron").unwrap();
    assert_valid(&made);
    assert!(read(&made).unwrap().request == bare);
    for category in Category::ALL {
        for consent in Consent::ALL {
            let one = Request { category, consent, ..request() };
            assert!(read(&draft("t1", &one, AT_MS, "Heron").unwrap()).unwrap().request == one);
        }
    }
}

#[test]
fn only_legal_steps_lead_on() {
    use State::*;
    let camp = camp();
    let steps = [
        Step::Request(&camp),
        Step::Accept,
        Step::Reject(""),
        Step::Depart,
        Step::Arrive,
        Step::Lose(""),
        Step::Withdraw(""),
    ];
    let legal: [(State, &[State]); 8] = [
        (Draft, &[Requested, Withdrawn]),
        (Requested, &[Accepted, Rejected, Withdrawn]),
        (Accepted, &[Rejected, Departed, Withdrawn]),
        (Rejected, &[Requested, Withdrawn]),
        (Departed, &[Arrived, Lost]),
        (Arrived, &[]),
        (Lost, &[Arrived]),
        (Withdrawn, &[Requested]),
    ];
    for (from, wanted) in legal {
        let task = at(from);
        let mut found = Vec::new();
        for step in &steps {
            match advance(&task, step, AT_MS, "Heron") {
                Ok(after) => {
                    assert_valid(&after);
                    found.push(read(&after).unwrap().state);
                }
                Err(TransferError::Illegal { from: stands, .. }) => assert_eq!(stands, from),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(found, wanted, "{from:?}");
    }
}

#[test]
fn every_step_keeps_its_time_and_call_sign_and_a_clock_behind_turns_no_period() {
    let there = advance(&at(State::Departed), &Step::Arrive, AT_MS - 5_000, "Wren").unwrap();
    assert_valid(&there);
    let transfer = read(&there).unwrap();
    assert_eq!(transfer.at_ms(State::Departed), Some(AT_MS + 180_000));
    assert_eq!(
        transfer.steps.last().unwrap(),
        &StepDone { state: State::Arrived, at_ms: AT_MS - 5_000, by: Some("Wren".to_owned()) }
    );
    assert_eq!(there["executionPeriod"], json!({ "start": time(AT_MS + 180_000), "end": time(AT_MS + 180_000) }));
}

#[test]
fn the_queue_is_by_category_then_by_waiting() {
    let made = |id, category, at_ms| {
        let task = draft(id, &Request { category, ..request() }, at_ms, "Heron").unwrap();
        read(&task).unwrap()
    };
    let mut queue = [
        made("a", Category::Routine, 1_000),
        made("b", Category::Urgent, 3_000),
        made("d", Category::Urgent, 2_000),
        made("c", Category::Urgent, 2_000),
    ];
    queue.sort_by(|a, b| a.order().cmp(&b.order()));
    assert_eq!(queue.iter().map(|transfer| &*transfer.id).collect::<Vec<_>>(), ["c", "d", "b", "a"]);
    assert!(State::Rejected.is_waiting() && !State::Departed.is_waiting());
}

#[test]
fn hostile_texts_are_typed_errors_and_other_tasks_none() {
    let error = |request: Request| draft("t1", &request, AT_MS, "Heron").err();
    assert_eq!(error(Request { needs: vec!["x".to_owned(); NEEDS_MAX + 1], ..request() }), Some(InputError::TooLarge));
    assert_eq!(error(Request { needs: vec!["a\u{202e}".to_owned()], ..request() }), Some(InputError::Letters));
    assert_eq!(
        error(Request { to: Some(Site { id: None, name: " ".to_owned() }), ..request() }),
        Some(InputError::Empty)
    );
    let long = "x".repeat(REASON_CHARS_MAX + 1);
    let too_long = InputError::TooLong { most: REASON_CHARS_MAX };
    assert_eq!(error(Request { reason: Some(long.clone()), ..request() }), Some(too_long));
    assert_eq!(advance(&at(State::Departed), &Step::Lose(&long), AT_MS, "Heron"), Err(TransferError::Text(too_long)));
    assert_eq!(TransferError::Text(too_long).id(), "input-too-long");
    let mut other = at(State::Requested);
    other["code"] = concept("urn:sanad:ask", "chart-request");
    for value in hostile().iter().chain([&other]) {
        assert!(read(value).is_none());
        assert_eq!(advance(value, &Step::Accept, AT_MS, "Heron"), Err(TransferError::NotATransfer));
    }
    let mut odd = at(State::Requested);
    odd["input"] =
        json!([7, { "type": concept(SYSTEM, "need") }, { "type": concept(SYSTEM, "category"), "valueCode": "x" }]);
    odd["output"] = json!("x");
    odd["executionPeriod"] = json!([]);
    let read_back = read(&odd).unwrap();
    assert!(read_back.request.category == Category::Priority && read_back.request.needs.is_empty());
    assert!(advance(&odd, &Step::Accept, AT_MS, "Heron").is_ok());
}
