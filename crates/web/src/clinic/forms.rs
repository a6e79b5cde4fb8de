//! Forms on the screens: any Questionnaire that can be read, filled in without a script, saved as a QuestionnaireResponse
//! with the Observations that it says.
//!
//! What the caller may rely on: what was typed stays on the page until it is saved, whatever was wrong with it; a form that
//! is sent twice is saved once; answers that an older version of a form asked for are kept; and nothing is saved that was
//! not shown: where an answer opens further questions, the page shows them before it saves.

mod view;

use std::ops::Deref;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::{rewrite, stay};
use sanad_record::key::ResourceKey;
use sanad_record::questionnaire::{self as forms, About, Answers, Form, FormError, Problem};
use serde_json::Value;

use super::record;
use super::write::{NotSaved, Writing, id_within};
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::moment::written;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;
use crate::text::Voice;
use view::{Entry, QuestionView};

/// Most stored forms that the list reads: a site has a dozen, and reading one is work.
const STORED_MAX: usize = 100;
/// Most earlier responses that the list shows, the newest.
const RESPONSES_MAX: usize = 50;

/// A form that ships, or one that is stored at the site.
enum Held {
    Shipped(&'static Form),
    Stored(Box<Form>),
}

impl Deref for Held {
    type Target = Form;

    fn deref(&self) -> &Form {
        match self {
            Held::Shipped(form) => form,
            Held::Stored(form) => form,
        }
    }
}

/// Why a stored Questionnaire cannot be used.
enum Unusable {
    Form(FormError),
    /// Without an address (`url`) its answers would not find it again.
    NoUrl,
}

/// Reads a Questionnaire for use.
fn usable(raw: &[u8]) -> Result<Form, Unusable> {
    let form = Form::read(raw).map_err(Unusable::Form)?;
    if form.canonical().is_empty() { Err(Unusable::NoUrl) } else { Ok(form) }
}

/// The form of an id: a stored one before one that ships, so that a site may correct what ships.
fn held(site: &Site, id: &str) -> Result<Option<Held>, SourceError> {
    if let Some(form) = record::raw(site, "Questionnaire", id)?.and_then(|raw| usable(&raw).ok()) {
        return Ok(Some(Held::Stored(Box::new(form))));
    }
    Ok(forms::shipped().iter().find(|form| form.id() == id).map(Held::Shipped))
}

/// Address and version of a canonical.
fn address(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or_default()
}

/// The form that a response names: of its version if that is here, else of another.
fn form_of(site: &Site, canonical: &str, now_ms: u64) -> Result<Option<Held>, SourceError> {
    if canonical.is_empty() {
        return Ok(None);
    }
    let mut near = None;
    let stored = record::find(site, "Questionnaire", &[("url", address(canonical))], None, now_ms)?;
    for read in stored.iter().take(STORED_MAX) {
        let raw = record::raw(site, "Questionnaire", &read.key.id)?;
        let Some(form) = raw.and_then(|raw| usable(&raw).ok()) else { continue };
        if form.canonical() == canonical {
            return Ok(Some(Held::Stored(Box::new(form))));
        }
        near.get_or_insert(Held::Stored(Box::new(form)));
    }
    for form in forms::shipped() {
        if form.canonical() == canonical {
            return Ok(Some(Held::Shipped(form)));
        }
        if near.is_none() && address(&form.canonical()) == address(canonical) {
            near = Some(Held::Shipped(form));
        }
    }
    Ok(near)
}

/// One sentence why a stored Questionnaire cannot be used. The names in it are of the form, which holds no patient.
fn why_not(v: &Voice, why: &Unusable) -> String {
    let error = match why {
        Unusable::NoUrl => return v.t("form-not-url"),
        Unusable::Form(error) => error,
    };
    match error {
        FormError::Syntax(_) => v.t("form-not-syntax"),
        FormError::NotAQuestionnaire => v.t("form-not-questionnaire"),
        FormError::NoLinkId => v.t("form-not-link-id"),
        FormError::DuplicateLinkId(item) => v.with("form-not-twice", "item", item),
        FormError::UnknownType(item) => v.with("form-not-type", "item", item),
        FormError::UnknownQuestion { item, question } => {
            v.with2("form-not-question", ("item", item), ("question", question))
        }
        FormError::Condition(item) => v.with("form-not-condition", "item", item),
        FormError::Circle(items) => v.with("form-not-circle", "items", &items.join(&v.t("form-circle-arrow"))),
        FormError::Calculation { item, .. } => v.with("form-not-calculation", "item", item),
        FormError::Unsupported { item, what } => v.with2("form-not-supported", ("item", item), ("what", what)),
        FormError::TooLarge => v.t("form-not-small"),
    }
}

/// A patient, by as little as serves.
struct Patient {
    id: String,
    who: Who,
    merged_from: Vec<String>,
}

fn patient(app: &App, f: &Frame, id: &str) -> Result<Patient, Failure> {
    let page = app.source().patient(id)?.ok_or(Failure::Missing)?;
    Ok(Patient { who: fhir::who(&f.v, &page.raw, f.year()), id: page.id, merged_from: page.merged_from })
}

#[derive(Template)]
#[template(path = "forms.html")]
struct ListPage {
    f: Frame,
    patient: Patient,
    forms: Vec<FormLine>,
    refused: Vec<(String, String)>,
    responses: Vec<ResponseLine>,
}

struct FormLine {
    id: String,
    title: String,
    description: String,
    verified: bool,
}

struct ResponseLine {
    id: String,
    title: String,
    when: String,
    by: String,
}

impl FormLine {
    fn of(f: &Frame, form: &Form) -> FormLine {
        let lang = f.v.lang.tag();
        let title = match form.title(lang) {
            "" => form.id(),
            title => title,
        };
        FormLine {
            id: form.id().to_owned(),
            title: title.to_owned(),
            description: form.description(lang).to_owned(),
            verified: form.verified().is_some(),
        }
    }
}

/// `GET /patients/{id}/forms`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let site = app.clinic()?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let mut lines: Vec<FormLine> = forms::shipped().iter().map(|form| FormLine::of(&f, form)).collect();
        let mut refused = Vec::new();
        for read in record::find(site, "Questionnaire", &[], None, app.now_ms())?.iter().take(STORED_MAX) {
            if read.value.get("status").and_then(Value::as_str) == Some("retired") {
                continue;
            }
            let Some(raw) = record::raw(site, "Questionnaire", &read.key.id)? else { continue };
            match usable(&raw) {
                Ok(form) => {
                    lines.retain(|line| line.id != form.id());
                    lines.push(FormLine::of(&f, &form));
                }
                Err(why) => refused.push((read.key.id.clone(), why_not(&f.v, &why))),
            }
        }
        let mut found = record::find(site, "QuestionnaireResponse", &[], Some(&patient.id), app.now_ms())?;
        let text = |read: &record::Read, name: &str| {
            read.value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        found.retain(|read| text(read, "status") != "entered-in-error");
        found.sort_by_key(|read| std::cmp::Reverse(text(read, "authored")));
        let mut responses = Vec::new();
        for read in found.iter().take(RESPONSES_MAX) {
            let form = form_of(site, &text(read, "questionnaire"), app.now_ms())?;
            responses.push(ResponseLine {
                id: read.key.id.clone(),
                title: form.map_or_else(|| f.t("form-unknown"), |form| FormLine::of(&f, &form).title),
                when: written(&f.v, &text(read, "authored")),
                by: read.value["author"]["display"].as_str().unwrap_or_default().to_owned(),
            });
        }
        html(StatusCode::OK, &ListPage { patient, forms: lines, refused, responses, f })
    })
    .await
}

/// A form as it is being filled in.
struct Sheet<'a> {
    patient: Patient,
    form: &'a Form,
    answers: Answers,
    /// Where it is sent, and where *Back* leads.
    action: String,
    back: String,
    key: String,
    /// Of an edit: which bytes it began with.
    base: String,
    /// What was wrong as it was to be saved, by the names of fields.
    problems: Vec<(String, Problem)>,
    /// What stands above it.
    notice: Option<String>,
    status: StatusCode,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FillPage {
    f: Frame,
    patient: Patient,
    title: String,
    description: String,
    unverified: Option<String>,
    action: String,
    back: String,
    key: String,
    base: String,
    seen: String,
    notice: Option<String>,
    /// Where the first problem is, and how many there are.
    first: Option<String>,
    problems: u64,
    rows: Vec<QuestionView>,
}

impl Sheet<'_> {
    fn page(self, f: Frame) -> Result<Response, Failure> {
        let rows = forms::rows(self.form, &self.answers, f.v.lang.tag());
        let seen = view::fingerprint(&rows);
        let rows = view::questions(&f.v, rows, &self.problems);
        let first = rows.iter().find(|row| row.problem.is_some()).map(|row| row.id.clone());
        let problems = rows.iter().filter(|row| row.problem.is_some()).count() as u64;
        let line = FormLine::of(&f, self.form);
        let unverified = unverified(&f.v, self.form);
        let page = FillPage {
            title: line.title,
            description: line.description,
            unverified,
            patient: self.patient,
            action: self.action,
            back: self.back,
            key: self.key,
            base: self.base,
            seen,
            notice: self.notice,
            first,
            problems,
            rows,
            f,
        };
        html(self.status, &page)
    }
}

/// That nobody has verified a form, and where it comes from.
fn unverified(v: &Voice, form: &Form) -> Option<String> {
    form.verified().is_none().then(|| match form.copyright(v.lang.tag()) {
        "" => v.t("form-unverified-bare"),
        source => v.with("form-unverified", "source", source),
    })
}

/// `GET /patients/{id}/forms/{form}`
pub(crate) async fn blank(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, form)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let form = held(app.clinic()?, &form)?.ok_or(Failure::Missing)?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let sheet = Sheet {
            action: format!("/patients/{}/forms/{}", patient.id, form.id()),
            back: format!("/patients/{}/forms", patient.id),
            answers: Answers::first(&form),
            form: &form,
            patient,
            key: app.token(),
            base: String::new(),
            problems: Vec::new(),
            notice: None,
            status: StatusCode::OK,
        };
        sheet.page(f)
    })
    .await
}

/// `POST /patients/{id}/forms/{form}`: one more of something, work out, or save.
pub(crate) async fn fill(
    State(app): State<App>,
    Path((id, form)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let form = held(app.clinic()?, &form)?.ok_or(Failure::Missing)?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let sheet = Sheet {
            action: format!("/patients/{}/forms/{}", patient.id, form.id()),
            back: format!("/patients/{}/forms", patient.id),
            answers: forms::fill(&form, posted.fields()),
            form: &form,
            patient,
            key: posted.field("key").to_owned(),
            base: String::new(),
            problems: Vec::new(),
            notice: None,
            status: StatusCode::OK,
        };
        go_on(app, f, &posted, sheet, None)
    })
    .await
}

/// What stands there before an edit.
struct Before {
    id: String,
    raw: Vec<u8>,
    encounter: Option<String>,
}

/// A response of this patient, and its form.
fn before(app: &App, patient: &Patient, id: &str) -> Result<(Before, Value), Failure> {
    let raw = record::raw(app.clinic()?, "QuestionnaireResponse", id)?.ok_or(Failure::Missing)?;
    let value: Value = serde_json::from_slice(&raw).map_err(|_| Failure::Missing)?;
    let subject = value["subject"]["reference"].as_str().and_then(|subject| subject.strip_prefix("Patient/"));
    let is_theirs = subject.is_some_and(|of| of == patient.id || patient.merged_from.iter().any(|from| from == of));
    if !is_theirs {
        return Err(Failure::Missing);
    }
    let encounter = value["encounter"]["reference"].as_str().map(str::to_owned);
    Ok((Before { id: id.to_owned(), raw, encounter }, value))
}

/// What an edit began with, so that nobody's change in between is overwritten unseen.
fn digest(raw: &[u8]) -> String {
    blake3::hash(raw).to_hex()[..32].to_owned()
}

/// `GET /patients/{id}/responses/{rid}/edit`
pub(crate) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, rid)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let site = app.clinic()?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let (before, value) = before(app, &patient, &rid)?;
        let canonical = value["questionnaire"].as_str().unwrap_or_default();
        let form = form_of(site, canonical, app.now_ms())?.ok_or(Failure::Missing)?;
        let answers = forms::answers_of(&form, &before.raw).map_err(|_| Failure::Missing)?;
        let sheet = Sheet {
            action: format!("/patients/{}/responses/{}/edit", patient.id, before.id),
            back: format!("/patients/{}/responses/{}", patient.id, before.id),
            form: &form,
            answers,
            patient,
            key: app.token(),
            base: digest(&before.raw),
            problems: Vec::new(),
            notice: None,
            status: StatusCode::OK,
        };
        sheet.page(f)
    })
    .await
}

/// `POST /patients/{id}/responses/{rid}/edit`
pub(crate) async fn change(
    State(app): State<App>,
    Path((id, rid)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = app.clinic()?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let (before, value) = before(app, &patient, &rid)?;
        let canonical = value["questionnaire"].as_str().unwrap_or_default();
        let form = form_of(site, canonical, app.now_ms())?.ok_or(Failure::Missing)?;
        let earlier = forms::answers_of(&form, &before.raw).map_err(|_| Failure::Missing)?;
        let sheet = Sheet {
            action: format!("/patients/{}/responses/{}/edit", patient.id, before.id),
            back: format!("/patients/{}/responses/{}", patient.id, before.id),
            answers: forms::fill(&form, posted.fields()).keeping(&earlier),
            form: &form,
            patient,
            key: posted.field("key").to_owned(),
            base: posted.field("base").to_owned(),
            problems: Vec::new(),
            notice: None,
            status: StatusCode::OK,
        };
        go_on(app, f, &posted, sheet, Some(before))
    })
    .await
}

/// Shows the form again with what was typed, or saves it.
fn go_on(
    app: &App,
    f: Frame,
    posted: &Posted,
    mut sheet: Sheet<'_>,
    before: Option<Before>,
) -> Result<Response, Failure> {
    let writing = Writing::begin(app, posted)?;
    if posted.field("do") != "save" {
        return sheet.page(f);
    }
    let done = format!("/patients/{}", sheet.patient.id);
    if writing.was_saved()? {
        return Ok(Redirect::to(&done).into_response());
    }
    match save(app, posted, &mut sheet, before, writing, &f.v)? {
        true => Ok(Redirect::to(&done).into_response()),
        false => {
            sheet.status = StatusCode::UNPROCESSABLE_ENTITY;
            sheet.page(f)
        }
    }
}

/// Saves the response and what it says. False if the page has to be looked at again; the sheet says why.
fn save(
    app: &App,
    posted: &Posted,
    sheet: &mut Sheet<'_>,
    before: Option<Before>,
    mut writing: Writing,
    v: &Voice,
) -> Result<bool, Failure> {
    let site = app.clinic()?;
    if before.as_ref().is_some_and(|before| digest(&before.raw) != sheet.base) {
        sheet.base = before.as_ref().map(|before| digest(&before.raw)).unwrap_or_default();
        sheet.notice = Some(v.t("form-changed"));
        return Ok(false);
    }
    let shown = view::fingerprint(&forms::rows(sheet.form, &sheet.answers, v.lang.tag()));
    if !posted.field("seen").is_empty() && posted.field("seen") != shown {
        sheet.notice = Some(v.t("form-more"));
        return Ok(false);
    }
    if sheet.answers.is_blank() {
        sheet.notice = Some(v.t("form-blank"));
        return Ok(false);
    }
    let id = before.as_ref().map_or_else(|| writing.new_id(), |before| before.id.clone());
    let subject = format!("Patient/{}", sheet.patient.id);
    let encounter = match &before {
        Some(before) => before.encounter.clone(),
        None => stay_of(site, &sheet.patient.id, app.now_ms())?,
    };
    let about = About {
        id: &id,
        subject: &subject,
        encounter: encounter.as_deref(),
        author: posted.visitor.by().unwrap_or_default(),
        authored: &app.calendar().machine(app.now_ms()),
    };
    let text = match forms::response(sheet.form, &sheet.answers, &about) {
        Ok(text) => text,
        Err(problems) => {
            sheet.problems = problems;
            return Ok(false);
        }
    };
    let said = |raw: &[u8]| {
        let found = forms::observations(sheet.form, raw, |field| id_within(&id, field));
        found.map_err(|_| Failure::Broken)
    };
    let observations = said(text.as_bytes())?;
    let mut new_ids = Vec::with_capacity(observations.len());
    for observation in observations {
        let value: Value = serde_json::from_str(&observation).map_err(|_| Failure::Broken)?;
        let of = value["id"].as_str().unwrap_or_default().to_owned();
        let key = ResourceKey::new("Observation", &of).map_err(|_| Failure::Broken)?;
        writing.put(key, move |stands| observed(stands, &observation, &value).map(Some));
        new_ids.push(of);
    }
    if let Some(before) = &before {
        // What is not said any more was said by mistake.
        for observation in said(&before.raw)? {
            let value: Value = serde_json::from_str(&observation).map_err(|_| Failure::Broken)?;
            let of = value["id"].as_str().unwrap_or_default().to_owned();
            if new_ids.contains(&of) || record::raw(site, "Observation", &of)?.is_none() {
                continue;
            }
            let key = ResourceKey::new("Observation", &of).map_err(|_| Failure::Broken)?;
            writing.edit(key, |value| {
                let mut value = value.clone();
                value["status"] = "entered-in-error".into();
                Some(value)
            });
        }
    }
    let key = ResourceKey::new("QuestionnaireResponse", &id).map_err(|_| Failure::Broken)?;
    let base = before.map(|before| before.raw);
    writing.put(key, move |stands| match stands == base.as_deref() {
        true => Ok(Some(text.clone().into_bytes())),
        // Somebody saved it in the moment since it was read above.
        false => Err(NotSaved::Failed),
    });
    writing.save()?;
    Ok(true)
}

/// An Observation of an answer. One that stands keeps the time of what was observed: an edit corrects it, and does not
/// observe it again.
fn observed(stands: Option<&[u8]>, observation: &str, value: &Value) -> Result<Vec<u8>, NotSaved> {
    let Some(stands) = stands else { return Ok(observation.as_bytes().to_vec()) };
    let stands: Value = serde_json::from_slice(stands).map_err(|_| NotSaved::Failed)?;
    let mut kept = value.clone();
    if let Some(effective) = stands.get("effectiveDateTime") {
        kept["effectiveDateTime"] = effective.clone();
    }
    rewrite(observation.as_bytes(), &kept).map_err(|_| NotSaved::Failed)
}

/// The stay during which a form is filled in: the newest that is not over.
fn stay_of(site: &Site, patient: &str, now_ms: u64) -> Result<Option<String>, SourceError> {
    let found = record::find(site, "Encounter", &[], Some(patient), now_ms)?;
    let open = found.iter().filter_map(|read| stay::read(&read.value));
    let newest = open.filter(|stay| stay.status != stay::Status::Finished && stay.leaving.is_none());
    Ok(newest.max_by_key(|stay| stay.start_ms).map(|stay| format!("Encounter/{}", stay.id)))
}

#[derive(Template)]
#[template(path = "response.html")]
struct ResponsePage {
    f: Frame,
    patient: Patient,
    id: String,
    title: String,
    when: String,
    by: String,
    unverified: Option<String>,
    /// Whether its form is here at all, and in which way it was another one.
    known: bool,
    other_version: bool,
    entries: Vec<Entry>,
}

/// `GET /patients/{id}/responses/{rid}`
pub(crate) async fn response(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, rid)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let site = app.clinic()?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let patient = patient(app, &f, &id)?;
        let (before, value) = before(app, &patient, &rid)?;
        let canonical = value["questionnaire"].as_str().unwrap_or_default();
        let form = form_of(site, canonical, app.now_ms())?;
        let answers = form.as_ref().and_then(|form| forms::answers_of(form, &before.raw).ok());
        let entries = match (&form, &answers) {
            (Some(form), Some(answers)) => view::entries(&f.v, forms::rows(form, answers, f.v.lang.tag())),
            _ => Vec::new(),
        };
        let page = ResponsePage {
            title: form.as_ref().map_or_else(|| f.t("form-unknown"), |form| FormLine::of(&f, form).title),
            when: written(&f.v, value["authored"].as_str().unwrap_or_default()),
            by: value["author"]["display"].as_str().unwrap_or_default().to_owned(),
            unverified: form.as_ref().and_then(|form| unverified(&f.v, form)),
            known: answers.is_some(),
            other_version: form.as_ref().is_some_and(|form| form.canonical() != canonical),
            id: before.id,
            patient,
            entries,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}
