//! Everything about one patient, what was written last first: what it says in a short sentence, who wrote it where and
//! when, and how often it was written.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::{decontamination, stay};
use sanad_record::formulary::{administration, order};
use sanad_record::injury::Injury;
use sanad_record::key::ResourceKey;
use sanad_record::shape::Stored;
use sanad_record::transfusion::{Grouping, grouping};
use sanad_record::triage;
use sanad_record::written;
use serde_json::Value;

use super::board_page::who_of;
use super::casualty::sort_view;
use super::injuries::injury_words;
use super::medicines::{became_words, how, medicine_name};
use super::record::one;
use super::transfers::{of_patient, transfer_words};
use super::vitals::{Newest, signs_of};
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::model::Listing;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Pager, Tab, html};
use crate::source::SourceError;

/// Lines of a page: some turns of a thumb, and as many resources to read.
const LINES_MAX: usize = 25;
/// Letters of a sentence; the rest is behind its link.
const SENTENCE_CHARS_MAX: usize = 160;

/// The kinds that can be chosen, by code, each with the types of FHIR that it shows.
const KINDS: [(&str, &[&str]); 8] = [
    ("signs", &["Observation", "DiagnosticReport"]),
    ("medicines", &["MedicationRequest", "MedicationAdministration", "MedicationStatement", "Immunization"]),
    ("problems", &["Condition", "AllergyIntolerance", "Flag"]),
    ("care", &["Encounter", "Procedure", "ServiceRequest", "CarePlan"]),
    ("forms", &["QuestionnaireResponse", "Composition", "Communication"]),
    ("pictures", &["Media", "DocumentReference", "ImagingStudy"]),
    ("transfers", &["Task"]),
    ("person", &["Patient"]),
];

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page {
    f: Frame,
    id: String,
    who: Who,
    /// Each kind: its code, its name, and whether it is the one that is shown.
    kinds: Vec<(&'static str, String, bool)>,
    /// Whether all kinds are shown.
    is_all: bool,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    href: String,
    kind: String,
    says: String,
    at_ms: u64,
    by: String,
    /// How many versions there are, in words.
    version: String,
    deleted: bool,
    conflict: bool,
}

/// Something to be shown: when it was last written, and which it is.
struct Mark {
    at_ms: u64,
    key: ResourceKey,
    deleted: bool,
}

/// The kind and the page in an address. Whatever is not one of the codes is all of them.
fn wanted(query: &str) -> (Option<usize>, u64) {
    let (mut kind, mut page) = (None, 1);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "kind" => kind = KINDS.iter().position(|(code, _)| *code == value),
            "page" => page = value.parse().unwrap_or(1).max(1),
            _ => {}
        }
    }
    (kind, page)
}

/// `GET /patients/{id}/timeline?kind=…&page=…`
pub(crate) async fn get(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let (kind, page) = wanted(query.as_deref().unwrap_or_default());
        let site = app.clinic()?;
        let found = site.reader().patient(&id).map_err(SourceError::from)?.ok_or(Failure::Missing)?;
        if found.row.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/timeline", found.row.id)).into_response());
        }
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let marks = marks(site, &found, kind)?;
        let total = marks.len() as u64;
        let skipped = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(LINES_MAX);
        let more = marks.len() > skipped.saturating_add(LINES_MAX);
        let shown = marks.into_iter().skip(skipped).take(LINES_MAX);
        let rows = shown.map(|mark| row(app, &f, &id, &mark)).collect::<Result<Vec<Row>, Failure>>()?;
        let base = match kind.and_then(|kind| KINDS.get(kind)) {
            Some((code, _)) => format!("/patients/{id}/timeline?kind={code}&page="),
            None => format!("/patients/{id}/timeline?page="),
        };
        let listing = Listing::<()> { rows: Vec::new(), page, more, total: None };
        let mut pager = Pager::new(&listing, base);
        pager.pages = Some(total.div_ceil(LINES_MAX as u64).max(1));
        let patient = one(site, "Patient", &id)?.map(|read| read.value.to_string()).unwrap_or_default();
        app.opened(visitor, [&id]);
        let name = |(at, (code, _)): (usize, &(&'static str, &[&str]))| {
            (*code, f.t(&format!("timeline-{code}")), kind == Some(at))
        };
        let page = Page {
            who: who_of(&f, &id, patient.as_bytes()),
            kinds: KINDS.iter().enumerate().map(name).collect(),
            is_all: kind.is_none(),
            id,
            rows,
            pager,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

/// What is to be shown, newest first. Who opened the chart stands elsewhere.
fn marks(site: &Site, found: &sanad_store::PatientPage, kind: Option<usize>) -> Result<Vec<Mark>, Failure> {
    let types = kind.and_then(|kind| KINDS.get(kind)).map(|(_, types)| *types);
    let is_wanted = |resource_type: &str| match types {
        Some(types) => types.contains(&resource_type),
        None => resource_type != "AuditEvent",
    };
    let resources = found.resources.iter().filter(|row| is_wanted(&row.key.resource_type));
    let mut marks: Vec<Mark> =
        resources.map(|row| Mark { at_ms: row.updated_ms, key: row.key.clone(), deleted: row.deleted }).collect();
    if is_wanted("Task") {
        let ids: Vec<String> = found.row.survivor_of.iter().chain([&found.row.id]).cloned().collect();
        for (transfer, at_ms) in of_patient(site, &ids)? {
            let key = ResourceKey::new("Task", transfer.id).map_err(|_| Failure::Broken)?;
            marks.push(Mark { at_ms, key, deleted: false });
        }
    }
    marks.sort_by(|a, b| (b.at_ms, &a.key).cmp(&(a.at_ms, &b.key)));
    Ok(marks)
}

fn row(app: &App, f: &Frame, patient: &str, mark: &Mark) -> Result<Row, Failure> {
    // What stands on a damaged page is a line without a sentence, and the list goes on.
    let found = app.source().resource(&mark.key).ok().flatten();
    let (versions, raw, conflict) = match found {
        Some(page) => (page.versions, page.raw, !page.conflicts.is_empty()),
        None => (Vec::new(), None, false),
    };
    let newest = versions.iter().filter(|version| version.head).max_by_key(|version| version.at_ms);
    let by = newest.map(|version| {
        let author = version.author.clone().unwrap_or_else(|| f.t("version-unsigned"));
        f.by(&author, &version.site)
    });
    let (kind, id) = (&mark.key.resource_type, &mark.key.id);
    Ok(Row {
        href: match kind.as_str() {
            "Task" => format!("/resources/{kind}/{id}"),
            _ if mark.deleted => format!("/resources/{kind}/{id}"),
            _ => format!("/patients/{patient}/{kind}/{id}"),
        },
        kind: fhir::type_name(&f.v, kind),
        says: raw.as_deref().map(|raw| cut(&sentence(f, &mark.key, raw))).unwrap_or_default(),
        at_ms: mark.at_ms,
        by: by.unwrap_or_default(),
        version: f.v.with("timeline-version", "number", &f.count(&(versions.len() as u64))),
        deleted: mark.deleted,
        conflict,
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SENTENCE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a resource says, in the words of the page that wrote it, or else in those of any FHIR resource.
fn sentence(f: &Frame, key: &ResourceKey, raw: &[u8]) -> String {
    let value: Value = serde_json::from_slice(raw).unwrap_or_default();
    let stored = Stored { id: &key.id, resource: &value };
    let said = match key.resource_type.as_str() {
        "Condition" => Injury::read(&value).map(|injury| injury_words(&f.v, &injury)),
        "Observation" => written::read_note(&value)
            .map(|(text, ..)| text.to_owned())
            .or_else(|| {
                let sort = triage::history(std::slice::from_ref(&value)).into_iter().next()?;
                Some(sort_view(&f.v, &sort).name)
            })
            .or_else(|| {
                if let Grouping::One { group, .. } = grouping(&[stored]) {
                    return Some(format!("{} \u{2066}{}\u{2069}", f.t("glance-blood"), group.code()));
                }
                let signs: Vec<String> = signs_of(f, &[stored], None).iter().map(Newest::words).collect();
                (!signs.is_empty()).then(|| signs.join(&f.t("list-comma")))
            }),
        "MedicationRequest" => order(stored)
            .map(|order| format!("{} · {}", medicine_name(&f.v, order.item, order.text.as_deref()), how(&f.v, &order))),
        "MedicationAdministration" => administration(stored).map(|told| {
            let name = medicine_name(&f.v, told.item, told.text.as_deref());
            format!("{name} · {}", became_words(&f.v, told.became))
        }),
        "Flag" => decontamination::read(&value)
            .map(|flag| f.t(if flag.done_ms.is_some() { "decontamination-done" } else { "decontamination-needed" })),
        "Encounter" => stay::read(&value).map(|stay| {
            let parts = [stay.parts.place, stay.parts.team, stay.parts.next_step, stay.parts.destination];
            let state = f.t(&format!("stay-{}", stay.status.code()));
            [Some(state)].into_iter().chain(parts).flatten().collect::<Vec<_>>().join(" · ")
        }),
        "Task" => sanad_record::care::transfer::read(&value).map(|transfer| transfer_words(f, &transfer)),
        "Patient" => Some(who_of(f, &key.id, raw).name),
        _ => None,
    };
    said.unwrap_or_else(|| {
        let line = fhir::line(&f.v, raw);
        // In its own direction: a number at its start would otherwise stand behind its unit.
        let detail = match line.detail.starts_with(|letter: char| letter.is_ascii_digit()) {
            true => format!("\u{2066}{}\u{2069}", line.detail),
            false => line.detail,
        };
        [line.title, detail, line.status].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_address_chooses_one_of_the_kinds_and_nothing_else() {
        for (query, expected) in [
            ("", (None, 1)),
            ("kind=signs&page=3", (Some(0), 3)),
            ("kind=person", (Some(7), 1)),
            ("kind=%3Cb%3E&page=-1", (None, 1)),
            ("page=0", (None, 1)),
            ("page=99999999999999999999", (None, 1)),
            ("kind=Observation", (None, 1)),
        ] {
            assert_eq!(wanted(query), expected, "{query}");
        }
    }

    #[test]
    fn a_type_is_of_one_kind_only() {
        let all: Vec<&str> = KINDS.iter().flat_map(|(_, types)| types.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|name| sanad_record::key::is_resource_type(name)));
    }

    #[test]
    fn a_sentence_is_cut_between_letters() {
        let long = "ا".repeat(SENTENCE_CHARS_MAX + 1);
        assert_eq!(cut(&long).chars().count(), SENTENCE_CHARS_MAX + 1);
        assert_eq!(cut("قصير"), "قصير");
    }
}
