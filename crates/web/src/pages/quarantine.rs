//! What is kept aside, with its reason, and the devices that went back in time. Nothing of what a record says stands here.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::quarantine::AdoptError;
use sanad_node::site::SiteError;

use super::failure::Failure;
use super::{Frame, Pager, Posted, Query, Tab, html};
use crate::app::{App, Visitor};
use crate::model::{ForkRow, Piece};
use crate::text::Voice;

/// Reasons for which there may be something to take in. For the others a page says what else helps.
const MAY_HOLD_SOMETHING: [&str; 5] = ["fork", "signature", "carried", "unknown-author", "damage"];

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Page {
    f: Frame,
    problem: Option<String>,
    pieces: Vec<PieceView>,
    dropped: u64,
    forks: Vec<ForkView>,
    pager: Pager,
}

struct PieceView {
    n: u64,
    site: String,
    why: String,
    place: String,
    came: String,
    came_ms: Option<u64>,
    adopted_ms: Option<u64>,
    adoptable: bool,
}

struct ForkView {
    site: String,
    place: String,
    found: String,
    found_ms: Option<u64>,
    carried: String,
    next: String,
}

/// `GET /quarantine`
pub(crate) async fn get(State(app): State<App>, Query(query): Query, visitor: Visitor) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, StatusCode::OK, query.number(), None)).await
}

/// `POST /quarantine`: take a piece in.
pub(crate) async fn adopt(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let n = posted.field("n").parse().map_err(|_| Failure::ForeignForm)?;
        match app.source().adopt(n, posted.by()) {
            // A second press finds that it was done, and shows the same.
            Ok(()) | Err(AdoptError::Already) => Ok(Redirect::to("/quarantine").into_response()),
            Err(error) => {
                let said = said(&app.voice(visitor.lang), &error).ok_or(Failure::Broken)?;
                page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, 1, Some(said))
            }
        }
    })
    .await
}

/// What happened, what is safe, what to do next. `None` for what only the technician can mend.
fn said(v: &Voice, error: &AdoptError) -> Option<String> {
    Some(match error {
        AdoptError::Site(SiteError::BadCallSign) => v.t("quarantine-bad-call-sign"),
        AdoptError::NoSuchNumber => v.t("quarantine-gone"),
        AdoptError::Held => v.t("quarantine-held"),
        AdoptError::Sealed => v.t("quarantine-sealed"),
        AdoptError::Broken => v.t("quarantine-broken"),
        AdoptError::Newer => v.t("quarantine-newer"),
        AdoptError::NoRecord | AdoptError::Lost => v.t("quarantine-no-record"),
        _ => return None,
    })
}

fn page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    number: u64,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::None)?;
    let kept = app.source().quarantine(number)?;
    let pager = Pager::new(&kept.pieces, "/quarantine?page=");
    let pieces = kept.pieces.rows.into_iter().map(|piece| piece_view(&f, piece)).collect();
    let forks = kept.forks.into_iter().map(|fork| fork_view(&f, fork)).collect();
    html(status, &Page { problem, pieces, dropped: kept.dropped, forks, pager, f })
}

fn name_of(f: &Frame, site: Option<String>) -> String {
    site.unwrap_or_else(|| f.t("quarantine-unknown-site"))
}

fn place(f: &Frame, device: &str, lane: &str, seq: u64) -> String {
    let lane = match lane {
        "control" => f.t("lane-control"),
        "urgent" => f.t("lane-urgent"),
        "clinical" => f.t("lane-clinical"),
        _ => f.t("lane-bulk"),
    };
    f.v.with2("quarantine-place", ("device", device), ("place", &format!("{lane} · {}", f.count(&seq))))
}

fn piece_view(f: &Frame, piece: Piece) -> PieceView {
    let from = name_of(f, piece.from);
    PieceView {
        n: piece.n,
        why: f.t(&format!("quarantine-why-{}", piece.reason)),
        place: place(f, &piece.device, &piece.lane, piece.seq),
        site: name_of(f, piece.site),
        came: f.v.with(&format!("quarantine-came-{}", piece.how), "from", &from),
        came_ms: piece.came_ms,
        adopted_ms: piece.adopted_ms,
        adoptable: piece.adopted_ms.is_none() && MAY_HOLD_SOMETHING.contains(&piece.reason.as_str()),
    }
}

fn fork_view(f: &Frame, fork: ForkRow) -> ForkView {
    let entries: u64 = fork.carried_by.iter().map(|(_, entries)| entries).sum();
    let sites: Vec<_> = fork.carried_by.into_iter().map(|(site, _)| site).collect();
    ForkView {
        site: name_of(f, fork.site),
        place: place(f, &fork.device, &fork.lane, fork.seq),
        found: f.v.with("fork-found", "site", &name_of(f, fork.found_by)),
        found_ms: fork.found_ms,
        carried: if entries == 0 {
            f.t("fork-carried-none")
        } else {
            f.v.with2("fork-carried", ("entries", &f.count(&entries)), ("sites", &sites.join(&f.t("list-comma"))))
        },
        next: if fork.replaced { f.t("fork-replaced") } else { f.t("fork-not-replaced") },
    }
}
