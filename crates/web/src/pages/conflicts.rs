//! Everything that waits for a clinician's choice.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::failure::Failure;
use super::rows::{self, ConflictView};
use super::{Frame, Pager, Query, Tab, html};
use crate::app::{App, Visitor};
use crate::clinic::settle::{Dispute, SentFrom};
use crate::fhir::{self, Line};

#[derive(Template)]
#[template(path = "conflicts.html")]
struct Page {
    f: Frame,
    total: u64,
    rows: Vec<RowView>,
    pager: Pager,
}

struct RowView {
    href: String,
    type_name: String,
    line: Line,
    conflicts: Vec<ConflictView>,
    /// The form that settles them, at a site at work.
    dispute: Option<Dispute>,
}

/// `/conflicts`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Query(query): Query) -> Response {
    app.page(visitor, move |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Conflicts)?;
        let listing = app.source().conflicts(query.number())?;
        let rows = listing.rows.iter().map(|row| {
            let dispute = Dispute::of(app, &f, &row.key, SentFrom::List)?;
            Ok(RowView {
                dispute,
                href: super::resource::address(&row.key),
                type_name: fhir::type_name(&f.v, &row.key.resource_type),
                line: fhir::line(&f.v, &row.raw),
                conflicts: row.conflicts.iter().map(|conflict| rows::conflict(&f, conflict)).collect(),
            })
        });
        let rows = rows.collect::<Result<_, Failure>>()?;
        html(
            StatusCode::OK,
            &Page {
                total: listing.total.unwrap_or_default(),
                rows,
                pager: Pager::new(&listing, "/conflicts?page="),
                f,
            },
        )
    })
    .await
}
