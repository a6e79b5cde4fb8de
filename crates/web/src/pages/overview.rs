//! The first page and the sites: the two gauges and what they mean now.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::rows::{self, LaneView, SiteView};
use super::{Frame, Tab, html};
use crate::app::{App, Visitor};
use crate::figure::{Bar, bar};
use crate::model::{Gauges, Overview, Policy, SyncOutcome, SyncRow};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    f: Frame,
    g: Gauges,
    o: Overview,
    only_here: Bar,
    lanes: Vec<LaneView>,
    /// When a record is safe.
    policy: String,
    readable: Bar,
    readable_records: u64,
    confirmed_records: u64,
    sites: Vec<SiteView>,
    alone: bool,
    syncs: Vec<SyncView>,
}

struct SyncView {
    row: SyncRow,
    said: String,
    failed: bool,
}

/// `/`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Overview)?;
        let g = app.source().gauges()?;
        let mut o = app.source().overview()?;
        let readable_records = o.records.saturating_sub(o.sealed);
        let sites =
            std::mem::take(&mut o.sites).into_iter().map(|row| rows::site(&f, row, o.records)).collect::<Vec<_>>();
        let syncs = std::mem::take(&mut o.syncs).into_iter().map(|row| sync(&f, row)).collect();
        let page = Page {
            only_here: bar(g.only_here_records, o.records),
            lanes: rows::lanes(&f, &o.lanes),
            policy: policy(&f, &o.policy),
            readable: bar(readable_records, o.records),
            readable_records,
            confirmed_records: o.records.saturating_sub(g.only_here_records),
            alone: sites.iter().all(|site| site.row.this),
            sites,
            syncs,
            f,
            g,
            o,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

#[derive(Template)]
#[template(path = "sites.html")]
struct SitesPage {
    f: Frame,
    sites: Vec<SiteView>,
    alone: bool,
}

/// `/sites`
pub(crate) async fn sites(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Sites)?;
        let o = app.source().overview()?;
        let sites: Vec<_> = o.sites.into_iter().map(|row| rows::site(&f, row, o.records)).collect();
        html(StatusCode::OK, &SitesPage { alone: sites.iter().all(|site| site.row.this), sites, f })
    })
    .await
}

fn policy(f: &Frame, policy: &Policy) -> String {
    let wants =
        if policy.outside { f.n("policy-outside", &policy.copies) } else { f.n("policy-anywhere", &policy.copies) };
    if policy.can_be_met { wants } else { format!("{wants} {}", f.t("policy-cannot")) }
}

fn sync(f: &Frame, row: SyncRow) -> SyncView {
    let counts = |id: &str, received: u64, sent: u64| {
        f.v.with2(id, ("received", &f.count(&received)), ("sent", &f.count(&sent)))
    };
    let said = match row.outcome {
        SyncOutcome::Done { received, sent } => counts("sync-done", received, sent),
        SyncOutcome::Broken { received, sent } => counts("sync-broken", received, sent),
        SyncOutcome::Refused => f.t("sync-refused"),
        SyncOutcome::DiskFull => f.t("sync-disk"),
    };
    SyncView { failed: !matches!(row.outcome, SyncOutcome::Done { .. }), said, row }
}
