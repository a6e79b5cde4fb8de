//! Every row of every table, every way through every tree, and what others may write.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::care::shape::tests::{assert_valid, hostile};
use crate::sheet::rows;

const FILES: [(Tool, &str); 4] = [
    (Tool::Start, include_str!("../../data/triage/start-v1.txt")),
    (Tool::JumpStart, include_str!("../../data/triage/jumpstart-v1.txt")),
    (Tool::IittAdult, include_str!("../../data/triage/iitt-12-and-over-v1.txt")),
    (Tool::IittChild, include_str!("../../data/triage/iitt-under-12-v1.txt")),
];

#[test]
fn every_row_of_every_table_is_in_its_tree() {
    for (tool, table) in FILES {
        let tree = Tree::of(tool);
        assert_eq!(tree.tool, tool);
        assert!(!tree.sheet.source.is_empty() && !tree.sheet.licence.is_empty() && !tree.sheet.edition.is_empty());
        assert!(!tree.sheet.is_verified(), "nobody has signed {tool:?} yet");
        let (mut questions, mut choices) = (0, 0);
        for row in rows(table) {
            match row[..] {
                ["tool", code] => assert_eq!(code, tool.code()),
                ["serves-months", _, _] => {}
                ["ask", id] => {
                    assert_eq!(tree.questions[questions].id, id);
                    (questions, choices) = (questions + 1, 0);
                }
                [id, ref leads @ ..] => {
                    let choice = &tree.questions[questions - 1].choices[choices];
                    assert_eq!(choice.id, id);
                    let wanted = match choice.next {
                        Next::Ask(place) => vec!["ask", tree.questions[place].id],
                        Next::Leaf(Leaf { colour, review: false }) => vec!["leaf", colour.code()],
                        Next::Leaf(Leaf { colour, review: true }) => vec!["leaf", colour.code(), "review"],
                    };
                    assert_eq!(leads, wanted, "{tool:?} {id}");
                    choices += 1;
                }
                [] => unreachable!("rows are not empty"),
            }
        }
        assert_eq!(questions, tree.questions.len());
    }
}

#[test]
fn every_question_is_reached_has_choices_and_leads_further_down() {
    for tool in Tool::ALL {
        let tree = Tree::of(tool);
        let ids: BTreeSet<_> = tree.questions.iter().map(|question| question.id).collect();
        assert_eq!(ids.len(), tree.questions.len(), "ids are unique");
        let mut reached = BTreeSet::from([0]);
        for (place, question) in tree.questions.iter().enumerate() {
            assert!(reached.contains(&place), "{tool:?} {} is never asked", question.id);
            let choices: BTreeSet<_> = question.choices.iter().map(|choice| choice.id).collect();
            assert!(choices.len() >= 2 && choices.len() == question.choices.len(), "{tool:?} {}", question.id);
            for choice in &question.choices {
                if let Next::Ask(next) = choice.next {
                    assert!(next > place, "{tool:?} {} leads back", question.id);
                    reached.insert(next);
                }
            }
            assert_eq!(tree.question(question.id), Some(question));
        }
    }
}

#[test]
fn every_leaf_of_every_tree_is_reached_by_its_answers() {
    for (tool, count, longest) in
        [(Tool::Start, 8, 5), (Tool::JumpStart, 14, 5), (Tool::IittAdult, 55, 11), (Tool::IittChild, 58, 12)]
    {
        let paths: Vec<_> = leaves(tool).collect();
        assert_eq!(paths.len(), count, "{tool:?}");
        assert_eq!(paths.iter().map(|path| path.answers.len()).max(), Some(longest), "{tool:?}");
        for path in paths {
            for asked in 0..path.answers.len() {
                let step = walk(tool, &path.answers[..asked]).unwrap();
                assert!(matches!(step, Step::Question(question) if question.id == path.answers[asked].0));
            }
            let Leaf { colour, review } = path.leaf;
            let why = path.answers.clone();
            assert_eq!(walk(tool, &path.answers), Ok(Step::Leaf { colour, review, why }));
            let beyond: Vec<_> = path.answers.iter().copied().chain([("walks", "yes")]).collect();
            assert_eq!(walk(tool, &beyond), Err(WalkError::Beyond { at: path.answers.len() }));
        }
    }
}

/// The rules as the sources put them, apart from the tables.
#[test]
fn start_and_jumpstart_say_what_their_sources_say() {
    let end = |tool, answers: &str| {
        let answers: Vec<_> = answers.split(' ').map(|answer| answer.split_once('=').unwrap()).collect();
        match walk(tool, &answers) {
            Ok(Step::Leaf { colour, .. }) => colour,
            other => panic!("{other:?}"),
        }
    };
    let breathing = "walks=no breathes=yes respiratory-rate=";
    for (answers, colour) in [
        ("walks=yes".to_owned(), Colour::Minor),
        ("walks=no breathes=no breathes-after-airway-opened=no".to_owned(), Colour::Dead),
        ("walks=no breathes=no breathes-after-airway-opened=yes".to_owned(), Colour::Immediate),
        (format!("{breathing}over-30"), Colour::Immediate),
        (format!("{breathing}30-or-less perfusion=radial-pulse-absent"), Colour::Immediate),
        (format!("{breathing}30-or-less perfusion=refill-over-2-seconds"), Colour::Immediate),
        (format!("{breathing}30-or-less perfusion=sufficient obeys-commands=no"), Colour::Immediate),
        (format!("{breathing}30-or-less perfusion=sufficient obeys-commands=yes"), Colour::Delayed),
    ] {
        assert_eq!(end(Tool::Start, &answers), colour, "{answers}");
    }
    let apnoea = "walks=no breathes=no breathes-after-airway-opened=no peripheral-pulse-while-not-breathing=";
    let pulse = format!("{breathing}15-to-45 peripheral-pulse=yes avpu=");
    for (answers, colour) in [
        (format!("{apnoea}no"), Colour::Dead),
        (format!("{apnoea}yes breathes-after-5-rescue-breaths=yes"), Colour::Immediate),
        (format!("{apnoea}yes breathes-after-5-rescue-breaths=no"), Colour::Dead),
        (format!("{breathing}under-15"), Colour::Immediate),
        (format!("{breathing}over-45"), Colour::Immediate),
        (format!("{breathing}irregular"), Colour::Immediate),
        (format!("{breathing}15-to-45 peripheral-pulse=no"), Colour::Immediate),
        (format!("{pulse}alert"), Colour::Delayed),
        (format!("{pulse}voice"), Colour::Delayed),
        (format!("{pulse}pain-appropriate"), Colour::Delayed),
        (format!("{pulse}pain-inappropriate"), Colour::Immediate),
        (format!("{pulse}unresponsive"), Colour::Immediate),
    ] {
        assert_eq!(end(Tool::JumpStart, &answers), colour, "{answers}");
    }
}

#[test]
fn in_iitt_a_sign_of_a_colour_leads_to_it_and_only_vitals_ask_for_a_review() {
    for tool in [Tool::IittAdult, Tool::IittChild] {
        for path in leaves(tool) {
            let (question, choice) = *path.answers.last().unwrap();
            let (colour, review) = match question {
                _ if question.starts_with("red-") => (Colour::Immediate, false),
                _ if question.starts_with("yellow-") => (Colour::Delayed, false),
                _ if choice == "none" => (Colour::Minor, false),
                _ => (Colour::Delayed, true),
            };
            assert_eq!(path.leaf, Leaf { colour, review }, "{tool:?} {question} {choice}");
        }
    }
}

#[test]
fn an_age_has_one_tool_in_each_setting() {
    for (months, gate, facility) in [
        (Some(0), Tool::JumpStart, Tool::IittChild),
        (Some(95), Tool::JumpStart, Tool::IittChild),
        (Some(96), Tool::Start, Tool::IittChild),
        (Some(143), Tool::Start, Tool::IittChild),
        (Some(144), Tool::Start, Tool::IittAdult),
        (Some(u32::MAX), Tool::Start, Tool::IittAdult),
        (None, Tool::Start, Tool::IittAdult),
    ] {
        assert_eq!(Tool::serving(Setting::Gate, months), gate, "{months:?}");
        assert_eq!(Tool::serving(Setting::Facility, months), facility, "{months:?}");
    }
}

#[test]
fn hostile_answers_are_typed_errors() {
    for (answers, error) in [
        (vec![("breathes", "yes")], WalkError::Question { at: 0 }),
        (vec![("walks", "maybe")], WalkError::Choice { at: 0 }),
        (vec![("", "")], WalkError::Question { at: 0 }),
        (vec![("walks", "<script>")], WalkError::Choice { at: 0 }),
        (vec![("walks", "no"), ("walks", "no")], WalkError::Question { at: 1 }),
        (vec![("walks", "no"), ("breathes", "نعم")], WalkError::Choice { at: 1 }),
        (vec![("walks", "yes"), ("breathes", "yes")], WalkError::Beyond { at: 1 }),
        (vec![("walks", "no"); 10_000], WalkError::TooMany),
    ] {
        assert_eq!(walk(Tool::Start, &answers), Err(error));
    }
    let giant = "x".repeat(1 << 20);
    assert_eq!(walk(Tool::JumpStart, &[(&giant, &giant)]), Err(WalkError::Question { at: 0 }));
}

#[test]
fn codes_name_one_tool_and_one_colour() {
    for tool in Tool::ALL {
        assert_eq!(Tool::of_code(tool.code()), Some(tool));
    }
    for (place, colour) in Colour::ALL.into_iter().enumerate() {
        assert_eq!((Colour::of_code(colour.code()), usize::from(colour.order())), (Some(colour), place));
    }
    assert_eq!((Tool::of_code("START"), Colour::of_code("red")), (None, None));
}

const AT_MS: u64 = 1_519_989_600_000;

fn new<'a>(tool: Tool, why: &'a [Answer<'a>], colour: Colour) -> NewTriage<'a> {
    NewTriage {
        id: "o1",
        patient: "p1",
        encounter: Some("e1"),
        tool: Some(tool),
        colour,
        why,
        override_reason: None,
        at_ms: AT_MS,
        by: "Heron",
    }
}

#[test]
fn every_leaf_round_trips_as_a_valid_observation() {
    for tool in Tool::ALL {
        for path in leaves(tool) {
            let made = observation(&new(tool, &path.answers, path.leaf.colour)).unwrap();
            assert_valid(&made);
            let back = read(&made).unwrap();
            let why: Vec<_> = back.why.iter().map(|(question, choice)| (&**question, &**choice)).collect();
            assert_eq!(why, path.answers);
            assert_eq!((back.tool, back.colour, back.walked), (Some(tool), path.leaf.colour, Some(path.leaf.colour)));
            assert_eq!((back.at_ms, back.by.as_deref(), &*back.id), (AT_MS, Some("Heron"), "o1"));
            assert_eq!((back.patient.as_deref(), back.override_reason.as_deref()), (Some("p1"), None));
        }
    }
}

#[test]
fn a_colour_against_the_tree_needs_a_reason_and_keeps_it() {
    let why = [("walks", "yes")];
    let against = new(Tool::Start, &why, Colour::Immediate);
    assert_eq!(observation(&against).err(), Some(TriageError::NoReason));
    assert_eq!(observation(&NewTriage { override_reason: Some(" \n"), ..against }).err(), Some(TriageError::NoReason));
    let reason = "يمشي ولكنه <b>شاحب</b>";
    let made = observation(&NewTriage { override_reason: Some(reason), ..against }).unwrap();
    assert_valid(&made);
    let back = read(&made).unwrap();
    assert_eq!((back.colour, back.walked), (Colour::Immediate, Some(Colour::Minor)));
    assert_eq!(back.override_reason.as_deref(), Some(reason));
    for reason in ["x".repeat(REASON_CHARS_MAX + 1), "a\u{202e}b".to_owned(), "a\0".to_owned()] {
        let error = observation(&NewTriage { override_reason: Some(&reason), ..against }).err().unwrap();
        assert!(matches!(error, TriageError::Reason(_)) && error.id().starts_with("input-"));
    }
    let unfinished = [("walks", "no")];
    assert_eq!(observation(&new(Tool::Start, &unfinished, Colour::Dead)).err(), Some(TriageError::Unfinished));
    assert_eq!(observation(&NewTriage { tool: None, ..against }).err(), Some(TriageError::NoTool));
    let wrong = [("walks", "perhaps")];
    let error = observation(&new(Tool::Start, &wrong, Colour::Dead)).err();
    assert_eq!(error, Some(TriageError::Walk(WalkError::Choice { at: 0 })));
}

#[test]
fn a_colour_may_be_set_at_once_without_tool_answers_or_stay() {
    let bare = NewTriage { tool: None, encounter: None, ..new(Tool::Start, &[], Colour::Expectant) };
    let made = observation(&bare).unwrap();
    assert_valid(&made);
    let back = read(&made).unwrap();
    assert_eq!((back.colour, back.tool, back.walked, back.why.len()), (Colour::Expectant, None, None, 0));
}

#[test]
fn a_history_is_the_newest_first_and_the_same_in_any_order() {
    let made = |id, at_ms, colour| observation(&NewTriage { id, at_ms, ..new(Tool::Start, &[], colour) }).unwrap();
    let mut all = vec![
        made("b", 2_000, Colour::Delayed),
        json!({ "resourceType": "Observation", "status": "final" }),
        made("a", 1_000, Colour::Minor),
        made("c", 2_000, Colour::Immediate),
    ];
    let mut wrong = made("d", 9_000, Colour::Dead);
    wrong["status"] = "entered-in-error".into();
    all.push(wrong);
    let ids = |all: &[Value]| history(all).into_iter().map(|triage| triage.id).collect::<Vec<_>>();
    assert_eq!(ids(&all), ["c", "b", "a"]);
    all.reverse();
    assert_eq!(ids(&all), ["c", "b", "a"]);
}

#[test]
fn what_others_write_is_a_sort_or_none() {
    for value in hostile() {
        assert!(read(&value).is_none());
    }
    let made = observation(&new(Tool::Start, &[("walks", "yes")], Colour::Minor)).unwrap();
    let with = |member: &str, value: Value| {
        let mut changed = made.clone();
        changed[member] = value;
        read(&changed)
    };
    assert!(with("valueCodeableConcept", json!({ "coding": [{ "system": SYSTEM, "code": "pink" }] })).is_none());
    assert!(with("code", json!({ "coding": [{ "system": "urn:x", "code": "triage" }] })).is_none());
    assert!(with("effectiveDateTime", json!("1812-01-01")).is_none());
    assert!(with("effectiveDateTime", json!(7)).is_none());
    let strange = with("method", json!({ "coding": [{ "system": SYSTEM, "code": "esi" }] })).unwrap();
    assert_eq!((strange.tool, strange.walked, strange.why.len()), (None, None, 1));
    let many = vec![made["component"][0].clone(); 10_000];
    assert_eq!(with("component", many.into()).unwrap().why.len(), ANSWERS_MAX);
    let mut markup = made["component"][0].clone();
    markup["code"]["coding"][0]["code"] = "<b>".into();
    assert_eq!(with("component", json!([markup])).unwrap().why, []);
}
