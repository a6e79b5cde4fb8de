//! What is due, of all patients with orders: the most overdue first.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use sanad_record::formulary::{DueState, due, order};
use serde_json::Value;

use super::bedside::stored;
use super::board_page::who_of;
use super::medicines::{how, late_words, medicine_name};
use super::record::{ROWS_MAX, Read, find};
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Tab, html};
use crate::text::grouped;

/// Most doses on the screen: what a ward of 60 gives in some hours. How many more there are is said.
const SHOWN_MAX: usize = 200;

#[derive(Template)]
#[template(path = "due.html")]
struct Page {
    f: Frame,
    rows: Vec<Row>,
    left_out: u64,
    /// Set when there are more orders than were read: how many were.
    cut: Option<String>,
}

struct Row {
    patient: String,
    who: String,
    name: String,
    how: String,
    at_ms: u64,
    late: Option<String>,
    now: bool,
}

/// `GET /due`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Due)?;
        let site = app.clinic()?;
        let now_ms = app.now_ms();
        let requests = find(site, "MedicationRequest", &[("status", "active")], None, now_ms)?;
        let cut = (requests.len() >= ROWS_MAX as usize).then(|| grouped(ROWS_MAX.into()));
        let mut of_patient: BTreeMap<String, Vec<Read>> = BTreeMap::new();
        for read in requests {
            if let Some(patient) = subject(&read.value) {
                of_patient.entry(patient.to_owned()).or_default().push(read);
            }
        }
        let mut rows = Vec::new();
        for (patient, requests) in of_patient {
            rows.extend(of(app, &f, patient, &requests)?);
        }
        rows.sort_by(|a, b| (a.at_ms, &a.patient).cmp(&(b.at_ms, &b.patient)));
        let left_out = rows.len().saturating_sub(SHOWN_MAX) as u64;
        rows.truncate(SHOWN_MAX);
        html(StatusCode::OK, &Page { rows, left_out, cut, f })
    })
    .await
}

/// The patient that a resource is about.
fn subject(request: &Value) -> Option<&str> {
    request.get("subject")?.get("reference")?.as_str()?.strip_prefix("Patient/")
}

/// The doses of one patient that wait; none of a chart that cannot be read here.
fn of(app: &App, f: &Frame, patient: String, requests: &[Read]) -> Result<Vec<Row>, Failure> {
    let site = app.clinic()?;
    let now_ms = f.calendar.now_ms;
    let Some(page) = site.reader().patient(&patient).map_err(crate::source::SourceError::from)? else {
        return Ok(Vec::new());
    };
    let key = page.row.id;
    let bytes = super::record::one(site, "Patient", &key)?.map(|read| read.value.to_string()).unwrap_or_default();
    let who = who_of(f, &key, bytes.as_bytes());
    if who.dead {
        return Ok(Vec::new());
    }
    let given = find(site, "MedicationAdministration", &[], Some(&key), now_ms)?;
    let requests = stored(requests);
    let open = due(&requests, &stored(&given), now_ms);
    let row = |due: sanad_record::formulary::Due| {
        let request = requests.iter().find(|record| record.id == due.request);
        let order = request.and_then(|record| order(*record))?;
        Some(Row {
            patient: key.clone(),
            who: who.name.clone(),
            name: medicine_name(&f.v, order.item, order.text.as_deref()),
            how: how(&f.v, &order),
            at_ms: due.at_ms,
            late: late_words(&f.v, &due),
            now: due.state == DueState::Now,
        })
    };
    Ok(open.into_iter().filter_map(row).collect())
}
