//! What each site of the network says that it can take: shown under the board, and said by hand.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::capacity::{self, COUNT_MAX, Capacity, Statement, TEXT_CHARS_MAX};
use sanad_record::care::input::{self, InputError};
use sanad_record::key::ResourceKey;

use super::board_page::input_words;
use super::record::{find, one};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;

/// After how long a statement is called old: a shift.
const OLD_MS: u64 = 8 * 60 * 60 * 1000;
/// Most sites that a board shows.
const SITES_MAX: usize = 40;

/// One site as the board shows it.
pub(crate) struct SiteRow {
    pub name: String,
    pub beds: String,
    pub theatres: String,
    pub cannot: Option<String>,
    pub stated_ms: u64,
    pub is_old: bool,
}

/// What the sites say, the newest statement first.
pub(crate) fn rows(f: &Frame, site: &Site) -> Result<Vec<SiteRow>, SourceError> {
    let code = format!("{}|", capacity::SYSTEM);
    let found = find(site, "Basic", &[("code", &code)], None, f.calendar.now_ms)?;
    let mut all: Vec<Statement> = found.iter().filter_map(|read| capacity::read(&read.value)).collect();
    all.sort_by(|a, b| (b.stated_ms, &a.id).cmp(&(a.stated_ms, &b.id)));
    let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| f.count(&u64::from(count)));
    let row = |statement: Statement| SiteRow {
        name: statement.site,
        beds: count(statement.capacity.beds),
        theatres: count(statement.capacity.theatres),
        cannot: statement.capacity.cannot,
        stated_ms: statement.stated_ms,
        is_old: f.calendar.now_ms.saturating_sub(statement.stated_ms) > OLD_MS,
    };
    Ok(all.into_iter().take(SITES_MAX).map(row).collect())
}

#[derive(Template)]
#[template(path = "capacity.html")]
struct Page {
    f: Frame,
    s: Sheet,
    key: String,
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, s: Sheet, key: String) -> Result<Response, Failure> {
    html(status, &Page { f: Frame::new(app, visitor, Tab::Board)?, s, key })
}

/// `GET /board/capacity`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let site = app.clinic()?;
        let mut s = Sheet::default();
        let said = one(site, "Basic", &capacity::id_of(&site.facility().to_string()))?;
        if let Some(said) = said.and_then(|read| capacity::read(&read.value)) {
            let Capacity { beds, theatres, cannot } = said.capacity;
            let text = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
            s.begin("beds", text(beds));
            s.begin("theatres", text(theatres));
            s.begin("cannot", cannot.unwrap_or_default());
        }
        page(app, visitor, StatusCode::OK, s, app.token())
    })
    .await
}

/// `POST /board/capacity`: said anew, with the time.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let (v, site) = (app.voice(visitor.lang), app.clinic()?);
        let mut s = Sheet::of(&posted);
        let key = posted.field("key").to_owned();
        let mut number = |name: &str| s.take(name, count, |error| input_words(&v, error));
        let (beds, theatres) = (number("beds"), number("theatres"));
        let cannot =
            s.take("cannot", |text| input::line(text, TEXT_CHARS_MAX), |error| input_words(&v, error)).flatten();
        if !s.is_sound() {
            return page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, s, key);
        }
        let mut writing = Writing::begin(app, &posted)?;
        let id = capacity::id_of(&site.facility().to_string());
        let said = Capacity { beds, theatres, cannot };
        let by = visitor.by().unwrap_or_default();
        let made = capacity::state(&id, site.call_sign(), &said, app.now_ms(), by).map_err(|_| Failure::Broken)?;
        if one(site, "Basic", &id)?.is_some() {
            let key = ResourceKey::new("Basic", id).map_err(|_| Failure::Broken)?;
            writing.edit(key, move |_| Some(made.clone()));
        } else {
            writing.add(made);
        }
        writing.save()?;
        Ok(Redirect::to("/board#network").into_response())
    })
    .await
}

/// How many, in either kind of digits.
fn count(text: &str) -> Result<u32, InputError> {
    let number = input::decimal(text)?;
    if number.fract() != 0.0 {
        return Err(InputError::NotANumber);
    }
    if number > f64::from(COUNT_MAX) {
        return Err(InputError::TooLarge);
    }
    // Whole, not negative, and small: nothing is cut off.
    Ok(number as u32)
}
