//! Transfers and evacuation: a patient is offered to a site of the network, which accepts or refuses; who waits to go, and
//! who went. The Task of a transfer is readable at every site, so nothing here that is written into it may name anybody.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site as Clinic;
use sanad_record::care::input;
use sanad_record::care::stay::{self, Disposition};
use sanad_record::care::transfer::{
    self, Category, Consent, ID_PREFIX, LINE_CHARS_MAX, NEEDS_MAX, REASON_CHARS_MAX, Request, Site, State as At, Step,
    Transfer, TransferError, advance,
};
use sanad_record::key::ResourceKey;
use sanad_record::names;
use serde_json::Value;

use super::bedside::Bed;
use super::board_page::{input_words, who_of};
use super::record::{Chart, one};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::{SourceError, wait};
use crate::text::Voice;

/// Tasks about nobody that are looked through for transfers, the newest.
const TASKS_MAX: u32 = 10_000;
/// Most transfers on a screen, those that changed last.
const TRANSFERS_MAX: usize = 500;
/// What is often needed on the way. Each has words; what is typed beside them has its own.
const NEEDS: [&str; 8] =
    ["stretcher", "oxygen", "ventilator", "monitor", "infusion", "blood", "incubator", "isolation"];
const _: () = assert!(NEEDS.len() < NEEDS_MAX, "one more may be typed");
/// A part of a name of one letter stands in every text.
const NAME_LETTERS_MIN: usize = 2;
/// A word in the other script has to have so many consonants to be taken for a part of a name.
const CONSONANTS_MIN: usize = 3;

#[derive(Template)]
#[template(path = "transfer.html")]
struct OfferPage {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    sites: Vec<Site>,
    needs: Vec<String>,
    rows: Vec<Row>,
}

impl OfferPage {
    fn is_ticked(&self, need: &str) -> bool {
        self.needs.iter().any(|ticked| ticked == need)
    }
}

/// A transfer on a screen.
struct Row {
    id: String,
    transfer: Transfer,
    /// Who it is, where the chart can be read here.
    who: Option<Who>,
    /// Their tag, where the chart can be read here.
    tag: Option<String>,
    key: String,
    /// What can be done with it here.
    steps: Vec<&'static str>,
}

impl Row {
    fn needs(&self, f: &Frame) -> String {
        let said = self.transfer.request.needs.iter().map(|need| match NEEDS.contains(&need.as_str()) {
            true => f.t(&format!("need-{need}")),
            false => need.clone(),
        });
        said.collect::<Vec<_>>().join(&f.t("list-comma"))
    }

    fn asks_why(&self) -> bool {
        self.steps.iter().any(|step| ["reject", "lose", "withdraw"].contains(step))
    }

    fn may_offer(&self) -> bool {
        self.steps.contains(&"request")
    }
}

/// `GET /patients/{id}/transfer`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    let s = Sheet::default();
    app.page(visitor, move |app, visitor| offer_page(app, visitor, &id, StatusCode::OK, s, vec![])).await
}

fn offer_page(
    app: &App,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    s: Sheet,
    needs: Vec<String>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Transfers)?;
    let site = app.clinic()?;
    let bed = Bed::of(site, id)?;
    let rows = rows(app, &f, |transfer| transfer.request.patient == bed.chart.id)?;
    let (sites, who, id) = (other_sites(site)?, bed.who(&f), bed.chart.id.clone());
    html(status, &OfferPage { rows, sites, who, id, key: app.token(), needs, s, f })
}

/// `POST /patients/{id}/transfer`
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let site = app.clinic()?;
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(site, &id)?;
        let mut needs: Vec<String> = NEEDS
            .iter()
            .filter(|need| posted.all("need").any(|sent| sent == **need))
            .map(|need| (*need).to_owned())
            .collect();
        let ticked = needs.clone();
        let patient = serde_json::from_slice(&bed.chart.patient).unwrap_or_default();
        let escort = unnamed(&v, &mut s, &patient, "escort", |text| input::line(text, REASON_CHARS_MAX));
        let reason = unnamed(&v, &mut s, &patient, "reason", |text| input::paragraph(text, REASON_CHARS_MAX));
        needs.extend(unnamed(&v, &mut s, &patient, "need-more", |text| input::line(text, LINE_CHARS_MAX)));
        let category = Category::of_code(posted.field("category"));
        if category.is_none() {
            s.refuse("category", v.t("transfer-choose-category"));
        }
        let consent = Consent::of_code(posted.field("consent"));
        if consent.is_none() {
            s.refuse("consent", v.t("transfer-choose-consent"));
        }
        let to = chosen(&v, &mut s, &posted, site)?;
        let (Some(category), Some(consent), true) = (category, consent, s.is_sound()) else {
            return offer_page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s, ticked);
        };
        let from = Site { id: Some(site.facility().to_string()), name: site.call_sign().to_owned() };
        let patient = bed.chart.id.clone();
        let request =
            Request { patient, encounter: None, from, to: to.clone(), category, consent, escort, needs, reason };
        let new = format!("{ID_PREFIX}{}", writing.new_id());
        let (at_ms, by) = (app.now_ms(), visitor.by().unwrap_or(site.call_sign()));
        let mut task = transfer::draft(&new, &request, at_ms, by).map_err(|_| Failure::Broken)?;
        if let Some(to) = &to {
            task = advance(&task, &Step::Request(to), at_ms, by).map_err(|_| Failure::Broken)?;
        }
        writing.add(task);
        writing.save()?;
        Ok(Redirect::to("/transfers").into_response())
    })
    .await
}

/// A text of the form that names nobody; or one sentence at its field.
fn unnamed(
    v: &Voice,
    s: &mut Sheet,
    patient: &Value,
    name: &str,
    read: impl FnOnce(&str) -> Result<Option<String>, input::InputError>,
) -> Option<String> {
    let text = s.take(name, read, |error| input_words(v, error)).flatten()?;
    if names_patient(patient, &text) {
        s.refuse(name, v.t("transfer-names"));
    }
    Some(text)
}

/// Whether a text has a part of the patient's name in it, however it is spelled and in either script. Between scripts only
/// the consonants can be compared, and a few of them are too little to go by.
pub(super) fn names_patient(patient: &Value, text: &str) -> bool {
    let is_arabic = |key: &str| key.chars().any(|letter| ('\u{600}'..='\u{6ff}').contains(&letter));
    let words = names::words_found(text);
    names::search_terms(patient).into_iter().filter(|term| term.key.chars().count() >= NAME_LETTERS_MIN).any(|term| {
        words.iter().any(|word| {
            let sounds = word.skeleton.chars().count() >= CONSONANTS_MIN && word.skeleton == term.skeleton;
            word.key == term.key || sounds && is_arabic(&word.key) != is_arabic(&term.key)
        })
    })
}

/// The site that a form chooses; `None` while nobody is found who takes them.
fn chosen(v: &Voice, s: &mut Sheet, posted: &Posted, site: &Clinic) -> Result<Option<Site>, Failure> {
    let id = posted.field("to");
    if id.is_empty() {
        return Ok(None);
    }
    let found = other_sites(site)?.into_iter().find(|other| other.id.as_deref() == Some(id));
    if found.is_none() {
        s.refuse("to", v.t("transfer-no-site"));
    }
    Ok(found)
}

/// The sites that can take a patient: those that can open a chart.
fn other_sites(site: &Clinic) -> Result<Vec<Site>, Failure> {
    use sanad_log::control::SiteKind;
    let own = site.facility();
    let sites = wait(site.with_directory(move |directory| {
        let others = directory
            .facilities()
            .iter()
            .filter(|(id, facility)| **id != own && matches!(facility.kind, SiteKind::Enclave | SiteKind::Haven));
        let named = |(id, facility): (&sanad_log::ids::FacilityId, &sanad_log::control::Facility)| Site {
            id: Some(id.to_string()),
            name: facility.call_sign.clone(),
        };
        others.map(named).collect::<Vec<_>>()
    }));
    sites.map_err(|_| Failure::Broken)
}

/// The transfers that are meant: who waits first, by medical priority.
fn rows(app: &App, f: &Frame, meant: impl Fn(&Transfer) -> bool) -> Result<Vec<Row>, Failure> {
    let site = app.clinic()?;
    let keys = site.reader().about_nobody("Task", TASKS_MAX).map_err(SourceError::from)?;
    let mut rows = Vec::new();
    for key in keys.iter().filter(|key| key.id.starts_with(ID_PREFIX)).take(TRANSFERS_MAX) {
        let task = one(site, "Task", &key.id)?.and_then(|read| transfer::read(&read.value));
        let Some(transfer) = task.filter(|transfer| meant(transfer)) else { continue };
        let patient = one(site, "Patient", &transfer.request.patient)?;
        let raw = patient.and_then(|read| serde_json::to_vec(&read.value).ok());
        let tag = raw.as_ref().and_then(|raw| fhir::who(&f.v, raw, f.year()).tag);
        let who = raw.map(|raw| who_of(f, &transfer.request.patient, &raw));
        rows.push(Row { id: key.id.clone(), steps: steps(site, &transfer), transfer, who, tag, key: app.token() });
    }
    rows.sort_by(|a, b| {
        let waits = |row: &Row| !row.transfer.state.is_waiting();
        (waits(a), a.transfer.order()).cmp(&(waits(b), b.transfer.order()))
    });
    Ok(rows)
}

/// The transfers of one patient, whichever of these ids they were offered under, with when they last changed.
pub(super) fn of_patient(site: &Clinic, ids: &[String]) -> Result<Vec<(Transfer, u64)>, Failure> {
    let keys = site.reader().about_nobody("Task", TASKS_MAX).map_err(SourceError::from)?;
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| key.id.starts_with(ID_PREFIX)).take(TRANSFERS_MAX) {
        let Some(read) = one(site, "Task", &key.id)? else { continue };
        let transfer = transfer::read(&read.value).filter(|transfer| ids.contains(&transfer.request.patient));
        found.extend(transfer.map(|transfer| (transfer, read.updated_ms)));
    }
    Ok(found)
}

/// How far a transfer is, and where to.
pub(super) fn transfer_words(f: &Frame, transfer: &Transfer) -> String {
    let state = f.t(&format!("transfer-state-{}", transfer.state.code()));
    let to = transfer.request.to.as_ref().map_or_else(|| f.t("transfer-nobody"), |to| to.name.clone());
    f.v.with2("transfer-how-far", ("state", &state), ("to", &to))
}

/// Whether somebody waits to go, or is on the way.
pub(super) fn is_under_way(transfer: &Transfer) -> bool {
    transfer.state.is_waiting() || transfer.state == At::Departed
}

fn is_own(site: &Clinic, at: Option<&Site>) -> bool {
    at.and_then(|at| at.id.as_deref()) == Some(&*site.facility().to_string())
}

/// What this site may do with a transfer: who offers sends, who is asked answers, and either may hear of a loss.
fn steps(site: &Clinic, transfer: &Transfer) -> Vec<&'static str> {
    let (ours, theirs) = (is_own(site, Some(&transfer.request.from)), is_own(site, transfer.request.to.as_ref()));
    let steps: &[(&str, bool)] = match transfer.state {
        At::Draft | At::Rejected => &[("request", ours), ("withdraw", ours)],
        At::Withdrawn => &[("request", ours)],
        At::Requested => &[("accept", theirs), ("reject", theirs), ("withdraw", ours)],
        At::Accepted => &[("depart", ours), ("reject", theirs), ("withdraw", ours)],
        At::Departed => &[("arrive", theirs), ("lose", ours || theirs)],
        At::Lost => &[("arrive", theirs)],
        At::Arrived => &[],
    };
    steps.iter().filter(|(_, may)| *may).map(|(step, _)| *step).collect()
}

#[derive(Template)]
#[template(path = "transfers.html")]
struct ListPage {
    f: Frame,
    s: Sheet,
    /// The transfer whose form was not saved.
    at: String,
    sites: Vec<Site>,
    to_us: Vec<Row>,
    by_us: Vec<Row>,
}

/// `GET /transfers`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| list_page(app, visitor, StatusCode::OK, Sheet::default(), "")).await
}

fn list_page(app: &App, visitor: &Visitor, status: StatusCode, s: Sheet, at: &str) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Transfers)?;
    let site = app.clinic()?;
    let to_us =
        rows(app, &f, |transfer| is_own(site, transfer.request.to.as_ref()) && transfer.state != At::Withdrawn)?;
    let by_us = rows(app, &f, |transfer| is_own(site, Some(&transfer.request.from)))?;
    html(status, &ListPage { to_us, by_us, sites: other_sites(site)?, at: at.to_owned(), s, f })
}

/// `POST /transfers/{id}`: one step.
pub(crate) async fn step(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let site = app.clinic()?;
        let mut writing = Writing::begin(app, &posted)?;
        let task = one(site, "Task", &id)?.ok_or(Failure::Missing)?;
        let transfer = transfer::read(&task.value).ok_or(Failure::Missing)?;
        let patient = one(site, "Patient", &transfer.request.patient)?.map(|read| read.value).unwrap_or_default();
        let why =
            unnamed(&v, &mut s, &patient, "why", |text| input::paragraph(text, REASON_CHARS_MAX)).unwrap_or_default();
        let to = chosen(&v, &mut s, &posted, site)?;
        let wanted = posted.field("do").to_owned();
        match wanted.as_str() {
            "reject" if why.is_empty() => s.refuse("why", v.t("transfer-why-missing")),
            "request" if to.is_none() => s.refuse("to", v.t("transfer-no-site")),
            _ => {}
        }
        let Some(after) = step_of(&wanted, &to, &why).map(|step| advance(&task.value, &step, 0, "")) else {
            return Err(Failure::ForeignForm);
        };
        // A second press finds the step taken.
        let target = after.as_ref().ok().and_then(transfer::read).map(|after| after.state);
        let is_there = matches!(after, Err(TransferError::Illegal { from, to }) if from == to);
        if target.is_some() && !steps(site, &transfer).contains(&wanted.as_str()) {
            return Err(Failure::Missing);
        }
        if target.is_none() && !is_there {
            s.refuse("why", v.t("transfer-illegal"));
        }
        if !s.is_sound() {
            return list_page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, s, &id);
        }
        let by = visitor.by().unwrap_or(site.call_sign()).to_owned();
        let (at_ms, key) = (app.now_ms(), ResourceKey::new("Task", id).map_err(|_| Failure::Missing)?);
        if wanted == "depart" {
            leave_bed(site, &transfer.request.patient, &mut writing, at_ms)?;
        }
        writing.edit(key, move |task| advance(task, &step_of(&wanted, &to, &why)?, at_ms, &by).ok());
        writing.save()?;
        Ok(Redirect::to("/transfers").into_response())
    })
    .await
}

/// Who departs is not here any more: the stay ends, and the bed is free. What is over already stays as it ended.
fn leave_bed(site: &Clinic, patient: &str, writing: &mut Writing, at_ms: u64) -> Result<(), Failure> {
    let Some(chart) = Chart::read(site, patient)? else { return Ok(()) };
    let is_here = |stay: &stay::Stay| stay.provider.as_deref().is_none_or(|at| at == site.call_sign());
    for read in chart.of("Encounter").iter().filter(|read| stay::read(&read.value).as_ref().is_some_and(is_here)) {
        let over = move |encounter: &Value| stay::leave(encounter, Disposition::Transferred, at_ms, "", "").ok();
        writing.edit(read.key.clone(), over);
    }
    Ok(())
}

fn step_of<'a>(name: &str, to: &'a Option<Site>, why: &'a str) -> Option<Step<'a>> {
    /// Stands where a form has chosen none; such a form is not saved.
    static NOBODY: Site = Site { id: None, name: String::new() };
    Some(match name {
        "request" => Step::Request(to.as_ref().unwrap_or(&NOBODY)),
        "accept" => Step::Accept,
        "reject" => Step::Reject(why),
        "depart" => Step::Depart,
        "arrive" => Step::Arrive,
        "lose" => Step::Lose(why),
        "withdraw" => Step::Withdraw(why),
        _ => return None,
    })
}

#[derive(Template)]
#[template(path = "evacuation.html")]
struct QueuePage {
    f: Frame,
    waiting: Vec<Row>,
    went: Vec<Row>,
}

#[derive(Template)]
#[template(path = "evacuation_list.html")]
struct PaperPage {
    f: Frame,
    waiting: Vec<Row>,
}

/// `GET /evacuation`: the whole network's.
pub(crate) async fn queue(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Transfers)?;
        let all = rows(app, &f, |transfer| transfer.state != At::Withdrawn)?;
        let (waiting, went) = all.into_iter().partition(|row| row.transfer.state.is_waiting());
        html(StatusCode::OK, &QueuePage { waiting, went, f })
    })
    .await
}

/// `GET /evacuation/list`: for paper, and it names nobody.
pub(crate) async fn paper(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Transfers)?;
        let waiting = rows(app, &f, |transfer| transfer.state.is_waiting() && transfer.state != At::Withdrawn)?;
        html(StatusCode::OK, &PaperPage { waiting, f })
    })
    .await
}
