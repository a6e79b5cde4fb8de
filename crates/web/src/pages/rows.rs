//! Rows that several pages show.

use super::Frame;
use crate::fhir::{self, Line, Who};
use crate::figure::{Bar, bar};
use crate::model::{Conflict, Failing, Lane, LaneRow, PatientRow, PlaceRow, Reads, ResourceRow, SiteKind, SiteRow};
use sanad_record::merge::ConflictKind;

/// A site with how far it has confirmed.
pub(crate) struct SiteView {
    pub row: SiteRow,
    pub haven: bool,
    pub keeper: bool,
    pub said: String,
    pub heard: String,
    /// Since when it does not answer, and why.
    pub failing: Option<String>,
    /// The part that it does not hold is marked. None for this site itself.
    pub bar: Option<Bar>,
    /// Whether something of ours is missing there.
    pub behind: bool,
}

/// `records` is what this site holds: a site that never confirmed lacks all of it.
pub(crate) fn site(f: &Frame, row: SiteRow, records: u64) -> SiteView {
    let (said, bar, behind) = match row.confirmed {
        _ if row.this => (f.n("site-this-holds", &records), None, false),
        Some(confirmed) => {
            let said = f.v.with_n("site-confirmed", "time", &f.time(&confirmed.at_ms), &confirmed.behind);
            let whole = confirmed.held.saturating_add(confirmed.behind);
            (said, Some(bar(confirmed.behind, whole)), confirmed.behind > 0)
        }
        None => (f.t("site-never"), Some(bar(1, 1)), true),
    };
    let heard = match row.heard_ms {
        Some(at_ms) => f.v.with("site-heard", "time", &f.time(&at_ms)),
        None => f.t("site-not-heard"),
    };
    let failing = row.failing.as_ref().map(|failing| no_answer(f, failing));
    let (haven, keeper) = (row.kind == SiteKind::Haven, row.kind == SiteKind::Keeper);
    SiteView { haven, keeper, said, heard, failing, bar, behind, row }
}

/// `no answer since 14:05: the link broke during the session`.
fn no_answer(f: &Frame, failing: &Failing) -> String {
    let why = f.t(&format!("why-{}", failing.why));
    f.v.with2("site-failing", ("time", &f.time(&failing.since_ms)), ("why", &why))
}

/// One lane of what is not elsewhere as it should be.
pub(crate) struct LaneView {
    pub name: String,
    pub only_here: u64,
    pub not_yet_safe: u64,
}

pub(crate) fn lanes(f: &Frame, rows: &[LaneRow]) -> Vec<LaneView> {
    let name = |lane: Lane| match lane {
        Lane::Urgent => f.t("lane-urgent"),
        Lane::Clinical => f.t("lane-clinical"),
        Lane::Bulk => f.t("lane-bulk"),
    };
    let view =
        |row: &LaneRow| LaneView { name: name(row.lane), only_here: row.only_here, not_yet_safe: row.not_yet_safe };
    rows.iter().map(view).collect()
}

/// A chart at another site, in sentences.
pub(crate) struct PlaceView {
    pub call_sign: String,
    pub haven: bool,
    pub keeper: bool,
    /// Whether all of it is confirmed there.
    pub confirmed: bool,
    pub said: String,
    pub more: Vec<String>,
}

pub(crate) fn place(f: &Frame, row: &PlaceRow) -> PlaceView {
    let at = |at_ms: u64| f.time(&at_ms);
    let confirmed = row.receipt_ms.is_some() && row.confirmed == row.all;
    let said = match row.receipt_ms {
        None => f.t("place-never-heard"),
        Some(at_ms) if confirmed => f.v.with("place-confirmed", "time", &at(at_ms)),
        Some(at_ms) if row.confirmed == 0 => f.v.with("place-not-yet", "time", &at(at_ms)),
        Some(at_ms) => {
            let part = f.v.with2("place-part", ("part", &f.count(&row.confirmed)), ("all", &f.count(&row.all)));
            f.v.with2("place-partly", ("part", &part), ("time", &at(at_ms)))
        }
    };
    let mut more = Vec::new();
    more.extend(row.told_by.as_ref().map(|by| f.v.with("place-told-by", "site", by)));
    match row.talked_ms {
        Some(at_ms) => more.push(f.v.with("place-talked", "time", &at(at_ms))),
        None if row.receipt_ms.is_some() => more.push(f.t("place-only-through")),
        None => {}
    }
    more.extend(row.failing.as_ref().map(|failing| no_answer(f, failing)));
    more.extend(row.under_way.iter().map(|(left_ms, entries)| {
        f.v.with2("place-under-way", ("time", &at(*left_ms)), ("entries", &f.count(entries)))
    }));
    more.push(match row.reads {
        Reads::Readable => f.t("place-readable"),
        Reads::Partly => f.t("place-partly-readable"),
        Reads::Sealed => f.t("place-sealed"),
    });
    let (haven, keeper) = (row.kind == SiteKind::Haven, row.kind == SiteKind::Keeper);
    PlaceView { call_sign: row.call_sign.clone(), haven, keeper, confirmed, said, more }
}

/// A patient in a list.
pub(crate) struct PatientView {
    pub row: PatientRow,
    pub who: Who,
}

pub(crate) fn patient(f: &Frame, row: PatientRow) -> PatientView {
    PatientView { who: fhir::who(&f.v, &row.raw, f.year()), row }
}

/// A resource in a list.
pub(crate) struct ResourceView {
    pub href: String,
    pub line: Line,
    pub conflict: bool,
}

pub(crate) fn resource(f: &Frame, patient: &str, row: &ResourceRow) -> ResourceView {
    ResourceView {
        href: format!("/patients/{patient}/{}/{}", row.key.resource_type, row.key.id),
        line: fhir::line(&f.v, &row.raw),
        conflict: row.conflict,
    }
}

/// One place with two values.
pub(crate) struct ConflictView {
    /// Why the values do not merge, where it is more than two people saying two things.
    pub why: Option<String>,
    /// The names of the elements on the way to the place.
    pub place: String,
    pub sides: Vec<SideView>,
}

/// One of the values.
pub(crate) struct SideView {
    pub value: String,
    /// The version that says so.
    pub version: String,
    /// Who saved it, where that is known, and at which site.
    pub by: String,
    pub at_ms: u64,
}

pub(crate) fn conflict(f: &Frame, conflict: &Conflict) -> ConflictView {
    // The type at the start of a path says nothing that the page does not say.
    let elements = conflict.path.split('.').filter(|name| !sanad_record::key::is_resource_type(name));
    let mut names: Vec<_> = elements.map(|name| fhir::element_name(&f.v, name)).collect();
    names.dedup();
    let why = match conflict.kind {
        ConflictKind::RemovedElsewhere => Some(f.t("conflict-removed-elsewhere")),
        ConflictKind::DeletedElsewhere => Some(f.t("conflict-deleted-elsewhere")),
        ConflictKind::Unreadable => Some(f.t("conflict-unreadable")),
        _ => None,
    };
    let said = |value: &str| match conflict.kind {
        // The whole record, and not a value in it.
        ConflictKind::DeletedElsewhere => {
            let line = fhir::line(&f.v, value.as_bytes());
            let words = format!("{} {}", line.title, line.detail);
            Some(words.trim().to_owned()).filter(|words| !words.is_empty()).unwrap_or_else(|| f.t("untitled"))
        }
        // A code in the reader's language, where it has words.
        ConflictKind::Status => {
            f.v.known(&format!("status-{}", value.trim_matches('"'))).unwrap_or_else(|| value_text(f, value))
        }
        _ if conflict.path == "Patient.gender" => {
            f.v.known(&format!("sex-{}", value.trim_matches('"'))).unwrap_or_else(|| value_text(f, value))
        }
        _ => value_text(f, value),
    };
    let sides = conflict.sides.iter().map(|side| SideView {
        value: side.value.as_deref().map_or_else(|| f.t("conflict-removed"), said),
        version: side.version.to_string(),
        by: match &side.author {
            Some(author) => f.by(author, &side.site),
            None => side.site.clone(),
        },
        at_ms: side.at_ms,
    });
    ConflictView { why, place: names.join(" › "), sides: sides.collect() }
}

/// A JSON value in a few words, or its text if it takes more than that.
fn value_text(f: &Frame, json: &str) -> String {
    let node = sanad_record::json::parse(json.as_bytes()).ok();
    node.and_then(|node| fhir::short(&f.v, &node)).unwrap_or_else(|| fhir::lay_out(json.as_bytes()))
}
