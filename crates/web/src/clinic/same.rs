//! Whether two records are one person: those who may be the same, two of them side by side, merge and un-merge. What that
//! does to the record is [`sanad_record::link`]'s: two links and a flag, so that nothing is lost and all of it can be taken
//! back.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::person as person_record;
use sanad_record::identifier::identifier_key;
use sanad_record::key::ResourceKey;
use sanad_record::link::{self, LinkError, replaced_by};
use sanad_record::names::{latin_skeleton, name_key};
use serde_json::Value;

use super::board_page::who_of;
use super::casualty::open_stay;
use super::likeness::{Like, alike, evidence};
use super::person;
use super::record::{Chart, Read, one};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::patients::search_text;
use crate::pages::rows::{self, PatientView};
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;
use crate::text::grouped;

/// What is compared of a person, by the names of the fields of their form.
const COMPARED: [&str; 10] =
    ["tag", "call-name", "given", "father", "grandfather", "family", "mother", "sex", "age", "born"];
/// How far back it is looked for what a Patient said before a merge.
const VERSIONS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "same.html")]
struct ListPage {
    f: Frame,
    id: String,
    who: Who,
    /// Those who may be the same.
    alike: Vec<Like>,
    /// Those who were merged into this one, and the page on which that is taken back.
    merged: Vec<(Who, String)>,
    search: String,
    found: Vec<PatientView>,
    /// Whether more were found than are shown.
    more: bool,
}

/// `GET /patients/{id}/same`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| list(app, visitor, &id, String::new())).await
}

/// `POST /patients/{id}/same`: looks for the other among all. What is searched for is not kept.
pub(crate) async fn search(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| list(app, visitor, &id, search_text(&posted))).await
}

fn list(app: &App, visitor: &Visitor, id: &str, search: String) -> Result<Response, Failure> {
    let site = app.clinic()?;
    let page = site.reader().patient(id).map_err(SourceError::from)?.ok_or(Failure::Missing)?;
    if page.row.id != id {
        return Ok(Redirect::to(&format!("/patients/{}/same", page.row.id)).into_response());
    }
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let patient = one(site, "Patient", id)?.ok_or(Failure::Missing)?.value;
    let mut merged = Vec::new();
    for from in page.row.survivor_of {
        let Some(read) = one(site, "Patient", &from)? else { continue };
        let Some(into) = replaced_by(&read.value).into_iter().next() else { continue };
        merged.push((who(&f, &read), format!("/patients/{into}/same/{from}")));
    }
    let mut found = Vec::new();
    let mut more = false;
    if !search.is_empty() {
        let listing = app.source().patients(Some(&search), 1)?;
        more = listing.more;
        found = listing.rows.into_iter().filter(|row| row.id != id).map(|row| rows::patient(&f, row)).collect();
    }
    app.opened(visitor, [&page.row.id]);
    let page = ListPage {
        who: who_of(&f, id, patient.to_string().as_bytes()),
        alike: alike(&f, site, &patient, Some(id))?,
        id: id.to_owned(),
        merged,
        search,
        found,
        more,
        f,
    };
    html(StatusCode::OK, &page)
}

fn who(f: &Frame, read: &Read) -> Who {
    who_of(f, &read.key.id, read.value.to_string().as_bytes())
}

/// One line of the comparison.
struct Line {
    name: String,
    values: [String; 2],
    /// Both say something, and not the same.
    differs: bool,
}

#[derive(Template)]
#[template(path = "same_two.html")]
struct TwoPage {
    f: Frame,
    ids: [String; 2],
    whos: [Who; 2],
    lines: Vec<Line>,
    /// The parts in which the two agree, and those in which they differ, in words.
    same: String,
    differs: String,
    /// Which of the two the chart of both is shown under; nothing while they are apart.
    one: Option<usize>,
    /// Somebody else was faster.
    changed: bool,
    key: String,
}

impl TwoPage {
    fn merge_words(&self, at: &usize) -> String {
        let number = grouped(*at as u64 + 1);
        self.f.v.with2("same-merge", ("number", &number), ("who", &self.whos[*at].name))
    }
}

/// How two records stand to each other.
enum Stand {
    Apart,
    /// One of them is replaced by the other.
    Linked,
    /// They are looked at elsewhere: at least one of them is shown in another's chart.
    Elsewhere(String),
}

fn stand(site: &Site, [a, b]: [&Read; 2]) -> Result<Stand, Failure> {
    if a.key.id == b.key.id {
        return Ok(Stand::Elsewhere(format!("/patients/{}/same", a.key.id)));
    }
    if replaced_by(&a.value).contains(&b.key.id) || replaced_by(&b.value).contains(&a.key.id) {
        return Ok(Stand::Linked);
    }
    let (shown_a, shown_b) = (shown(site, &a.key.id)?, shown(site, &b.key.id)?);
    Ok(match () {
        () if shown_a == shown_b => Stand::Elsewhere(format!("/patients/{shown_a}/same")),
        () if shown_a != a.key.id || shown_b != b.key.id => {
            Stand::Elsewhere(format!("/patients/{shown_a}/same/{shown_b}"))
        }
        () => Stand::Apart,
    })
}

/// In whose chart somebody is shown.
fn shown(site: &Site, id: &str) -> Result<String, Failure> {
    Ok(site.reader().patient(id).map_err(SourceError::from)?.ok_or(Failure::Missing)?.row.id)
}

fn both(site: &Site, ids: &[String; 2]) -> Result<[Read; 2], Failure> {
    let read = |id: &str| one(site, "Patient", id)?.ok_or(Failure::Missing);
    Ok([read(&ids[0])?, read(&ids[1])?])
}

/// `GET /patients/{id}/same/{other}`
pub(crate) async fn two(State(app): State<App>, visitor: Visitor, Path(ids): Path<(String, String)>) -> Response {
    app.page(visitor, move |app, visitor| compare(app, visitor, ids.into(), StatusCode::OK)).await
}

fn compare(app: &App, visitor: &Visitor, ids: [String; 2], status: StatusCode) -> Result<Response, Failure> {
    let site = app.clinic()?;
    let [a, b] = both(site, &ids)?;
    let is_apart = match stand(site, [&a, &b])? {
        Stand::Elsewhere(there) => return Ok(Redirect::to(&there).into_response()),
        stand => matches!(stand, Stand::Apart),
    };
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let mut lines = person_lines(&f, [&a.value, &b.value]);
    if is_apart {
        lines.extend(chart_lines(site, &f, &ids)?);
    }
    let (same, differs) = evidence(&f, &a.value, &b.value);
    app.opened(visitor, &ids);
    let page = TwoPage {
        whos: [who(&f, &a), who(&f, &b)],
        one: (!is_apart).then(|| usize::from(replaced_by(&a.value).contains(&ids[1]))),
        changed: status != StatusCode::OK,
        key: app.token(),
        ids,
        lines,
        same,
        differs,
        f,
    };
    html(status, &page)
}

/// Who the two are, line by line; what neither says has none.
fn person_lines(f: &Frame, patients: [&Value; 2]) -> Vec<Line> {
    let sheets = patients.map(|patient| {
        let mut sheet = Sheet::default();
        person::begin(&f.v, &mut sheet, &person_record::read(patient).unwrap_or_default());
        sheet
    });
    let line = |name: &str| {
        let values = sheets.each_ref().map(|sheet| match (name, sheet.value(name)) {
            ("sex", code) if !code.is_empty() => f.t(&format!("sex-{code}")),
            (_, value) => value.to_owned(),
        });
        let said = values.iter().filter(|value| !value.is_empty()).count();
        let differs = said == 2 && is_another(name, &values[0], &values[1]);
        (said > 0).then(|| Line { name: f.t(&format!("person-{name}")), values, differs })
    };
    COMPARED.into_iter().filter_map(line).collect()
}

/// Whether two values of a field are more than two spellings of one.
fn is_another(field: &str, one: &str, other: &str) -> bool {
    let is_arabic = |text: &str| text.chars().any(|letter| matches!(letter, '\u{600}'..='\u{6ff}'));
    match field {
        "sex" | "age" | "born" => one != other,
        "tag" => identifier_key(one) != identifier_key(other),
        // Across scripts only consonants can be compared; within one, Hasan is not Husayn.
        _ if is_arabic(one) != is_arabic(other) => latin_skeleton(one) != latin_skeleton(other),
        _ => name_key(one) != name_key(other),
    }
}

/// How much is written of each, when last, and where they lie.
fn chart_lines(site: &Site, f: &Frame, ids: &[String; 2]) -> Result<Vec<Line>, Failure> {
    let reader = site.reader();
    let page = |id: &str| reader.patient(id).map_err(SourceError::from)?.ok_or(Failure::Missing);
    let pages = [page(&ids[0])?, page(&ids[1])?];
    let chart = |id: &str| Chart::read(site, id)?.ok_or(Failure::Missing);
    let charts = [chart(&ids[0])?, chart(&ids[1])?];
    let plain = |name, values| Line { name, values, differs: false };
    let place = |chart: &Chart| open_stay(chart).and_then(|(stay, _)| stay.parts.place).unwrap_or_default();
    let mut lines = vec![
        plain(f.t("same-records"), pages.each_ref().map(|page| grouped(page.row.resources))),
        plain(
            f.t("same-newest"),
            pages.each_ref().map(|page| page.resources.first().map_or_else(String::new, |row| f.time(&row.updated_ms))),
        ),
    ];
    let places = charts.each_ref().map(place);
    if places.iter().any(|place| !place.is_empty()) {
        lines.push(plain(f.t("place"), places));
    }
    Ok(lines)
}

/// `POST /patients/{id}/same/{other}`: they are one, and one of them stays; or they are two after all.
pub(crate) async fn decide(State(app): State<App>, Path(ids): Path<(String, String)>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let ids: [String; 2] = ids.into();
        let site = app.clinic()?;
        let mut writing = Writing::begin(app, &posted)?;
        let merges = posted.field("do") == "merge";
        let stays = usize::from(posted.field("keep") == ids[1]);
        let there =
            if merges { format!("/patients/{}", ids[stays]) } else { format!("/patients/{}/same/{}", ids[0], ids[1]) };
        if writing.is_saved()? {
            return Ok(Redirect::to(&there).into_response());
        }
        let [a, b] = both(site, &ids)?;
        match (stand(site, [&a, &b])?, posted.field("do")) {
            (Stand::Apart, "merge") if ids.iter().any(|id| id == posted.field("keep")) => {
                let (from, into) = (&ids[1 - stays], &ids[stays]);
                merge(&mut writing, [&a, &b], from, into)?;
            }
            (Stand::Linked, "part") => {
                for (own, other) in [(&a, &ids[1]), (&b, &ids[0])] {
                    part(site, &mut writing, own, other)?;
                }
            }
            (_, "merge" | "part") => return compare(app, visitor, ids, StatusCode::UNPROCESSABLE_ENTITY),
            _ => return Err(Failure::ForeignForm),
        }
        writing.save()?;
        Ok(Redirect::to(&there).into_response())
    })
    .await
}

fn merge(writing: &mut Writing, reads: [&Read; 2], from: &str, into: &str) -> Result<(), Failure> {
    for read in reads {
        let (own, from, into) = (read.key.id.clone(), from.to_owned(), into.to_owned());
        let link = move |patient: &Value| {
            if own == from {
                through(patient, |raw| link::replaced(raw, &from, &into))
            } else {
                through(patient, |raw| link::replaces(raw, &into, &from))
            }
        };
        // Both or neither: a link that one of them cannot take is found out before anything is saved.
        link(&read.value).ok_or(Failure::Broken)?;
        writing.edit(read.key.clone(), link);
    }
    Ok(())
}

/// Takes back whatever makes one of another, in both directions: two sites may have merged them both ways at once.
fn part(site: &Site, writing: &mut Writing, own: &Read, other: &str) -> Result<(), Failure> {
    let before = active_before(site, &own.key, other)?;
    let (id, other) = (own.key.id.clone(), other.to_owned());
    let link = move |patient: &Value| {
        let mut made = patient.clone();
        let into = replaced_by(patient);
        if into.contains(&other) {
            // Who is replaced by a third as well stays so.
            let active = if into.len() > 1 { Some(false) } else { before };
            made = through(&made, |raw| link::replaced_no_more(raw, &id, &other, active))?;
        }
        through(&made, |raw| link::replaces_no_more(raw, &id, &other))
    };
    link(&own.value).ok_or(Failure::Broken)?;
    writing.edit(own.key.clone(), link);
    Ok(())
}

fn through(patient: &Value, edit: impl Fn(&[u8]) -> Result<Vec<u8>, LinkError>) -> Option<Value> {
    let raw = serde_json::to_vec(patient).ok()?;
    serde_json::from_slice(&edit(&raw).ok()?).ok()
}

/// What `Patient.active` said before the merge into this other; that it is, if no version from before is held here.
fn active_before(site: &Site, key: &ResourceKey, into: &str) -> Result<Option<bool>, Failure> {
    let reader = site.reader();
    let mut versions = reader.versions(key).map_err(SourceError::from)?;
    versions.sort_by_key(|version| std::cmp::Reverse(version.updated_ms));
    for version in versions.iter().take(VERSIONS_MAX) {
        let raw = reader.version_raw(key, &version.id).map_err(SourceError::from)?.unwrap_or_default();
        let Ok(patient) = serde_json::from_slice::<Value>(&raw) else { continue };
        if !replaced_by(&patient).iter().any(|id| id == into) {
            return Ok(patient.get("active").and_then(Value::as_bool));
        }
    }
    Ok(Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_name_are_not_marked_and_two_names_are() {
        for (field, one, other, expected) in [
            ("family", "حداد", "الحداد", false),
            ("given", "محمود", "Mahmoud", false),
            ("given", "Hasan", "Husayn", true),
            ("given", "محمود", "Layla", true),
            ("tag", "k7-٢٠٤", "K7-204", false),
            ("tag", "K7-204", "K7-205", true),
            ("age", "34", "~34", true),
            ("sex", "male", "female", true),
        ] {
            assert_eq!(is_another(field, one, other), expected, "{field} {one} {other}");
        }
    }
}
