use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

/// The ids of a message file, each with the variables of its text.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut id = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if !line.starts_with(' ') {
            id = line.split(" =").next().unwrap().to_owned();
            assert!(found.insert(id.clone(), BTreeSet::new()).is_none(), "{id} stands twice");
        }
        let variables = line.split('$').skip(1).map(|rest| {
            rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect::<String>()
        });
        found.get_mut(&id).unwrap().extend(variables);
    }
    found
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.ends_with("tests.rs");
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => sources(&path, texts),
            Some("rs" | "html") if !is_test => texts.push(std::fs::read_to_string(&path).unwrap()),
            _ => {}
        }
    }
}

#[test]
fn both_languages_say_the_same_things() {
    assert_eq!(messages(ARABIC), messages(ENGLISH));
}

/// Ids that are put together from data; every other id stands in the code or a template as it is.
const FAMILIES: [&str; 40] = [
    "timeline-",
    "form-problem-",
    "trait-",
    "coma-",
    "tq-",
    "tc-",
    "tool-",
    "colour-",
    "letter-",
    "region-",
    "injury-",
    "stay-",
    "left-",
    "leave-",
    "input-",
    "photo-",
    "triage-no",
    "triage-unfinished",
    "outcome-",
    "role-",
    "month-",
    "type-",
    "el-",
    "status-",
    "sex-",
    "criticality-",
    "why-",
    "quarantine-why-",
    "quarantine-came-",
    "transfer-category-",
    "transfer-state-",
    "transfer-do-",
    "consent-",
    "dose-",
    "warn-above",
    "warn-below",
    "need-",
    "-happened",
    "-safe",
    "-next",
];

#[test]
fn every_message_is_used_and_every_used_message_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&root.join("src"), &mut texts);
    sources(&root.join("templates"), &mut texts);
    let known = messages(ENGLISH);
    let mut used = BTreeSet::new();
    for text in &texts {
        for call in [".t(\"", ".n(\"", ".with(\"", ".with_n(\"", ".with2(\"", ".with3(\"", "counts(\""] {
            for rest in text.split(call).skip(1) {
                used.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    let missing: Vec<_> = used.iter().filter(|id| !known.contains_key(*id)).collect();
    assert!(missing.is_empty(), "used, but nowhere said: {missing:?}");
    let in_family = |id: &str| FAMILIES.iter().any(|part| id.starts_with(part) || id.ends_with(part));
    let idle: Vec<_> = known.keys().filter(|id| !used.contains(*id) && !in_family(id)).collect();
    assert!(idle.is_empty(), "said, but nowhere used: {idle:?}");
}

#[test]
fn every_reason_why_a_site_is_silent_has_words() {
    let known = messages(ENGLISH);
    let said: BTreeSet<_> = known.keys().filter_map(|id| id.strip_prefix("why-")).collect();
    assert_eq!(said, sanad_node::talk::WHYS.into_iter().collect());
}

#[test]
fn every_reason_for_keeping_something_aside_has_words_and_so_has_every_way_it_came() {
    let known = messages(ENGLISH);
    let of = |family: &str| known.keys().filter_map(|id| id.strip_prefix(family)).collect::<BTreeSet<_>>();
    assert_eq!(of("quarantine-why-"), sanad_store::Reason::ALL.map(sanad_store::Reason::name).into_iter().collect());
    assert_eq!(of("quarantine-came-"), ["session", "carrier", "here"].into_iter().collect());
}

#[test]
fn every_role_has_a_name_and_says_what_it_means() {
    let known = messages(ENGLISH);
    for role in sanad_node::roles::Role::ALL {
        for id in [format!("role-{}", role.name()), format!("role-means-{}", role.name())] {
            assert!(known.contains_key(&id), "{id}");
        }
    }
}

/// The text of a message on one line.
fn said<'s>(source: &'s str, id: &str) -> &'s str {
    source.lines().find_map(|line| line.strip_prefix(id)?.strip_prefix(" = ")).unwrap_or_default()
}

#[test]
fn every_screen_says_what_it_is_in_two_sentences() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut screens = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let template = std::fs::read_to_string(&path).unwrap();
        if !template.contains("extends \"base.html\"") {
            continue;
        }
        screens += 1;
        let help = template.split("{% block help %}").nth(1).and_then(|rest| rest.split("{% endblock %}").next());
        let help = help.unwrap_or_else(|| panic!("{path:?} has no help"));
        let ids: Vec<_> = help.split("f.t(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| id.starts_with("help-")), "{path:?}");
        for (id, source) in ids.iter().flat_map(|id| [(id, ARABIC), (id, ENGLISH)]) {
            let text = said(source, id);
            assert!(text.ends_with('.') && text.matches('.').count() == 2, "{id} is not two sentences: {text}");
        }
    }
    assert!(screens > 15);
}

#[test]
fn every_failure_has_its_three_sentences() {
    for failure in ["missing", "too-large", "broken", "foreign-form", "wrong-host", "wrong-way"] {
        for part in ["happened", "safe", "next"] {
            let id = format!("{failure}-{part}");
            assert!(messages(ENGLISH).contains_key(&id), "{id}");
        }
    }
}

#[test]
fn arabic_counts_in_all_six_ways() {
    let voice = crate::testing::voice(Lang::Ar);
    let said = |count: u64| voice.n("patients-count", &count).replace(['\u{2068}', '\u{2069}'], "");
    assert_eq!(said(0), "لا مرضى تُقرأ ملفاتهم هنا بعد.");
    assert_eq!(said(1), "مريض واحد");
    assert_eq!(said(2), "مريضان");
    assert_eq!(said(3), "3 مرضى");
    assert_eq!(said(11), "11 مريضًا");
    assert_eq!(said(100), "100 مريض");
    assert_eq!(said(102), "102 مريض");
    assert_eq!(said(103), "103 مرضى");
    assert_eq!(said(12_480), "12,480 مريضًا");
}

#[test]
fn an_arabic_message_that_counts_knows_all_six_ways_or_says_why_not() {
    // chip-conflicts stands beside a number, not before a noun that follows it; waited-… ends in an abbreviation.
    for (id, forms) in ARABIC.split("\n\n").flat_map(|part| part.split("\n    }")).filter_map(|part| {
        let (head, forms) = part.split_once("{ $n ->")?;
        Some((head.lines().rev().find(|line| line.ends_with(" ="))?.to_owned(), forms.to_owned()))
    }) {
        let all = ["[zero]", "[one]", "[two]", "[few]", "[many]", "*[other]"];
        assert!(
            id.starts_with("chip-conflicts")
                || id.starts_with("waited-")
                || all.iter().all(|form| forms.contains(form)),
            "{id}"
        );
    }
}

#[test]
fn what_is_put_into_a_sentence_cannot_turn_it_around() {
    let voice = crate::testing::voice(Lang::Ar);
    assert_eq!(voice.with("overview-title", "site", "Cedar"), "موقع \u{2068}Cedar\u{2069}");
    assert_eq!(voice.t("no-such-id"), "no-such-id");
}

#[test]
fn thousands_stand_apart_from_five_digits_on() {
    assert_eq!([0, 999, 4096, 12_480, 1_234_567].map(grouped), ["0", "999", "4096", "12,480", "1,234,567"]);
}
