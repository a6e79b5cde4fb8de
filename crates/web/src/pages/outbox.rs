//! What phones sent late and could not be saved: listed for those who may send it, to be opened again as it was filled in.

use askama::Template;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::outbox::KeptForm;

use super::failure::Failure;
use super::{Frame, Posted, Tab, html};
use crate::app::{App, Visitor};
use crate::clinic::write::key_of;
use crate::rights;
use crate::source::wait;

/// One form that waits.
struct Waiting {
    n: u64,
    by: Option<String>,
    came_ms: u64,
    path: String,
    fields: Vec<(String, String)>,
    /// What was typed, for whoever has to find out what it was.
    typed: Vec<String>,
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct Page {
    f: Frame,
    forms: Vec<Waiting>,
}

/// Whether a visitor may send a form that waits; nobody else sees it.
fn may_send(visitor: &Visitor, form: &KeptForm) -> bool {
    let path = form.path.split('?').next().unwrap_or_default();
    rights::need_at(path, &Method::POST).is_some_and(|need| visitor.rights.meet(need))
}

/// `GET /outbox/kept`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let site = app.clinic()?;
        let mut forms = Vec::new();
        for form in site.kept_forms().map_err(|_| Failure::Broken)? {
            let key = form.fields.iter().find(|(name, _)| name == "key").and_then(|(_, key)| key_of(key));
            let saved = key.map(|key| site.reader().entry_by_idempotency(&key)).transpose();
            if saved.map_err(|_| Failure::Broken)?.flatten().is_some() {
                // Somebody finished it from this list.
                wait(site.drop_form(form.n)).map_err(|_| Failure::Broken)?;
                continue;
            }
            if may_send(visitor, &form) {
                let shown = form.fields.iter().filter(|(name, value)| name != "key" && !value.trim().is_empty());
                let typed = shown.map(|(_, value)| value.clone()).collect();
                let KeptForm { n, by, came_ms, path, fields } = form;
                forms.push(Waiting { n, by, came_ms, path, fields, typed });
            }
        }
        wait(app.outbox())?.recount(site);
        html(StatusCode::OK, &Page { f: Frame::new(app, visitor, Tab::None)?, forms })
    })
    .await
}

/// `POST /outbox/kept`: a person has seen to a form.
pub(crate) async fn seen_to(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = app.clinic()?;
        let n: u64 = posted.field("n").parse().map_err(|_| Failure::Missing)?;
        let kept = site.kept_forms().map_err(|_| Failure::Broken)?;
        // Dropped twice is dropped; what somebody may not send they cannot drop either.
        if kept.iter().any(|form| form.n == n && may_send(visitor, form)) {
            wait(site.drop_form(n)).map_err(|_| Failure::Broken)?;
            wait(app.outbox())?.recount(site);
        }
        Ok(Redirect::to("/outbox/kept").into_response())
    })
    .await
}
