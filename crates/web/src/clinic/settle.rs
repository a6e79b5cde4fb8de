//! Two values where there should be one: both stand side by side with who wrote them and when, and one of them is chosen.
//!
//! A choice is for what was seen. Whoever chooses second, or after a further version has come, is told so and shown what
//! stands now; nothing of theirs is saved then. Two sites that choose differently make two versions, which is a conflict
//! again and shown as one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::graph::{self, Version};
use sanad_record::key::ResourceKey;
use sanad_record::merge::{Choices, ConflictKind, NotSettled};
use sanad_store::Resource;

use super::board_page::who_of;
use super::sheet::Sheet;
use super::write::{NotSaved, Writing};
use crate::Can;
use crate::app::{App, Visitor};
use crate::fhir::{self, Line};
use crate::pages::failure::Failure;
use crate::pages::rows::{self, ConflictView};
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;
use crate::text::Voice;

/// From which screen a form was sent: where its sender is led back to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentFrom {
    /// The list of everything in conflict.
    List,
    /// The chart of the patient.
    Chart,
    /// The page of the record itself.
    Record,
}

impl SentFrom {
    fn code(self) -> &'static str {
        match self {
            SentFrom::List => "list",
            SentFrom::Chart => "chart",
            SentFrom::Record => "record",
        }
    }

    fn of_code(code: &str) -> SentFrom {
        [SentFrom::List, SentFrom::Chart].into_iter().find(|from| from.code() == code).unwrap_or(SentFrom::Record)
    }
}

/// The form that settles a resource. All its conflicts are settled at once, as one version that follows all of them.
pub(crate) struct Dispute {
    pub kind: String,
    pub id: String,
    pub type_name: String,
    pub line: Line,
    /// The name of what was seen.
    pub seen: String,
    pub from: &'static str,
    pub key: String,
    pub asked: Vec<Asked>,
    /// A side that nobody can read cannot be chosen, and what choosing another would lose cannot be said.
    pub unreadable: bool,
    pub s: Sheet,
}

/// One conflict of a form: the name of its field, and what the sides say.
pub(crate) struct Asked {
    pub name: String,
    pub view: ConflictView,
}

impl Dispute {
    /// Whether one press settles everything.
    pub(crate) fn is_one(&self) -> bool {
        self.asked.len() == 1
    }

    /// The form for a resource; nothing if it has no conflicts, or the visitor may not settle them.
    ///
    /// # Errors
    /// [`Failure::Broken`] if the record cannot be read.
    pub(crate) fn of(app: &App, f: &Frame, key: &ResourceKey, from: SentFrom) -> Result<Option<Dispute>, Failure> {
        Dispute::typed(app, f, key, from, Sheet::default())
    }

    fn typed(app: &App, f: &Frame, key: &ResourceKey, from: SentFrom, s: Sheet) -> Result<Option<Dispute>, Failure> {
        let Some(site) = app.site().filter(|_| f.may(Can::Settle)) else { return Ok(None) };
        // Before its values: a form that shows more than it names is refused as one that has seen too little.
        let Some(seen) = resource(site, key)? else { return Ok(None) };
        let found = app.source().resource(key)?.map(|page| page.conflicts).unwrap_or_default();
        if found.is_empty() {
            return Ok(None);
        }
        let asked = found.iter().enumerate();
        Ok(Some(Dispute {
            type_name: fhir::type_name(&f.v, &key.resource_type),
            line: line(f, key, seen.raw.as_deref()),
            unreadable: found.iter().any(|conflict| conflict.kind == ConflictKind::Unreadable),
            asked: asked.map(|(at, conflict)| Asked { name: field(at), view: rows::conflict(f, conflict) }).collect(),
            kind: key.resource_type.clone(),
            id: key.id.clone(),
            seen: seen.version_id,
            from: from.code(),
            key: app.token(),
            s,
        }))
    }
}

/// What a resource says in one line; of a person, who it is.
fn line(f: &Frame, key: &ResourceKey, raw: Option<&[u8]>) -> Line {
    match raw {
        Some(raw) if key.resource_type == "Patient" => Line { title: who_of(f, &key.id, raw).name, ..Line::default() },
        Some(raw) => fhir::line(&f.v, raw),
        None => Line::default(),
    }
}

/// The field of a conflict, by its place in the order in which the record lists them.
fn field(at: usize) -> String {
    format!("choice-{at}")
}

fn resource(site: &Site, key: &ResourceKey) -> Result<Option<Resource>, Failure> {
    Ok(site.reader().resource(key).map_err(SourceError::from)?)
}

#[derive(Template)]
#[template(path = "settle.html")]
struct Page {
    f: Frame,
    back: String,
    type_name: String,
    line: Line,
    problem: Option<String>,
    dispute: Option<Dispute>,
    /// What stands where nothing waits for a choice, and who wrote it; for who chose second.
    stands: Option<(Vec<fhir::Field>, String, u64)>,
}

/// `GET /resources/{type}/{rid}/settle`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(at): Path<(String, String)>) -> Response {
    app.page(visitor, move |app, visitor| {
        page(app, visitor, &key_of(at)?, SentFrom::Chart, StatusCode::OK, None, Sheet::default())
    })
    .await
}

fn key_of((kind, id): (String, String)) -> Result<ResourceKey, Failure> {
    ResourceKey::new(kind, id).map_err(|_| Failure::Missing)
}

fn page(
    app: &App,
    visitor: &Visitor,
    key: &ResourceKey,
    from: SentFrom,
    status: StatusCode,
    problem: Option<String>,
    s: Sheet,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Conflicts)?;
    let found = resource(app.clinic()?, key)?.ok_or(Failure::Missing)?;
    let dispute = Dispute::typed(app, &f, key, from, s)?;
    let stands = match (&dispute, app.source().resource(key)?) {
        (None, Some(page)) => page.versions.into_iter().find(|version| version.head).map(|newest| {
            let fields = page.raw.as_deref().map(|raw| fhir::describe(&f.v, raw).0).unwrap_or_default();
            let author = newest.author.unwrap_or_else(|| f.t("version-unsigned"));
            (fields, f.by(&author, &newest.site), newest.at_ms)
        }),
        _ => None,
    };
    app.opened(visitor, &found.patients);
    let page = Page {
        back: home(SentFrom::Chart, key, &found),
        type_name: fhir::type_name(&f.v, &key.resource_type),
        line: line(&f, key, found.raw.as_deref()),
        problem,
        dispute,
        stands,
        f,
    };
    html(status, &page)
}

/// Where a form leads; what is about nobody has no chart.
fn home(from: SentFrom, key: &ResourceKey, found: &Resource) -> String {
    match (from, found.patients.first()) {
        (SentFrom::List, _) => "/conflicts".to_owned(),
        (SentFrom::Chart, Some(patient)) => format!("/patients/{patient}"),
        _ => format!("/resources/{}/{}", key.resource_type, key.id),
    }
}

/// `POST /resources/{type}/{rid}/settle`
pub(crate) async fn post(State(app): State<App>, Path(at): Path<(String, String)>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let key = key_of(at)?;
        let mut writing = Writing::begin(app, &posted)?;
        let site = app.clinic()?;
        let from = SentFrom::of_code(posted.field("from"));
        let found = resource(site, &key)?.ok_or(Failure::Missing)?;
        let done = || Ok(Redirect::to(&home(from, &key, &found)).into_response());
        if writing.is_saved()? {
            return done();
        }
        let v = app.voice(visitor.lang);
        let refuse =
            |said: String, s: Sheet| page(app, visitor, &key, from, StatusCode::UNPROCESSABLE_ENTITY, Some(said), s);
        if found.version_id != posted.field("seen") || found.conflicts.is_empty() {
            return refuse(overtaken(&v, Some(&found)), Sheet::default());
        }
        let chosen = found
            .conflicts
            .iter()
            .enumerate()
            .filter_map(|(at, conflict)| Some((conflict.path.clone(), posted.field(&field(at)).parse().ok()?)));
        let state = match graph::settled(&versions(site, &key)?, &chosen.collect::<Choices>()) {
            Ok(state) => state,
            Err(NotSettled::Unchosen) => return refuse(v.t("settle-unchosen"), Sheet::of(&posted)),
            Err(NotSettled::Unreadable) => return refuse(v.t("settle-unreadable"), Sheet::default()),
        };
        let raw = match state {
            graph::State::Live { raw } => Some(raw),
            graph::State::Deleted => None,
        };
        writing.settle(key.clone(), found.heads.clone(), raw);
        match writing.save() {
            Err(NotSaved::Changed) => refuse(overtaken(&v, resource(site, &key)?.as_ref()), Sheet::default()),
            saved => saved.map_err(Failure::from).and_then(|_| done()),
        }
    })
    .await
}

/// Why a choice was not saved: somebody else has chosen, or there is more to choose from.
fn overtaken(v: &Voice, now: Option<&Resource>) -> String {
    match now.is_none_or(|found| found.conflicts.is_empty()) {
        true => v.t("settle-done"),
        false => v.t("settle-changed"),
    }
}

/// The versions of a resource with their bytes.
fn versions(site: &Site, key: &ResourceKey) -> Result<Vec<Version>, Failure> {
    let reader = site.reader();
    let rows = reader.versions(key).map_err(SourceError::from)?;
    let version = |row: sanad_store::VersionRow| {
        let raw = reader.version_raw(key, &row.id).map_err(SourceError::from)?.unwrap_or_default();
        Ok(Version { id: row.id, parents: row.parents, action: row.action, raw: raw.into(), hlc: row.updated_ms })
    };
    rows.into_iter().map(version).collect()
}
