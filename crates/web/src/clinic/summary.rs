//! The head of a chart, one screen: what may kill, what waits for a choice, what is given and due, what was measured last,
//! what is wrong, where the patient lies and what comes next. Each line leads to its page.

use sanad_record::care::decontamination;
use sanad_record::formulary::{Due, DueState, Order, due, order};
use sanad_record::injury::Injury;
use sanad_record::transfusion::{Grouping, grouping};
use sanad_record::vitals::balance;
use sanad_record::written;

use super::bedside::{Bed, stored};
use super::body;
use super::casualty::{SortView, open_stay, sort_view, sorts};
use super::injuries::{injury_words, region_words, standing};
use super::medicines::{AllergyView, allergy_views, how, late_words, medicine_name};
use super::notes::{self, Row};
use super::settle::{Dispute, SentFrom};
use super::transfers::{is_under_way, of_patient, transfer_words};
use super::vitals::{Newest, newest_of};
use crate::Can;
use crate::app::App;
use crate::fhir;
use crate::model::PatientPage;
use crate::pages::Frame;
use crate::pages::failure::Failure;

/// Notes and photos that the head of a chart shows; the rest is one tap away.
const SHOWN_MAX: usize = 3;
/// Medicines, problems and doses that a line names before it says how many more there are: what fits a small screen.
const NAMED_MAX: usize = 4;
/// Resources in conflict with a form in the chart itself; more have one on the page of each.
const DISPUTES_MAX: usize = 3;

/// What stands at the head of a chart.
pub(crate) struct Summary {
    /// The newest colour, if anybody has sorted.
    pub sort: Option<SortView>,
    /// What everybody has to know before they touch the patient.
    pub alerts: Vec<String>,
    pub allergies: Vec<AllergyView>,
    /// The forms of what waits for a choice, as far as the visitor may choose.
    pub disputes: Vec<Dispute>,
    pub lines: Vec<Line>,
    /// The body as markup of our own; empty if there is no injury.
    pub body: String,
    /// The injuries in words, in the order of their numbers on the body.
    pub injuries: Vec<String>,
    pub notes: Vec<Row>,
    /// The ids of the newest photos, each with the line under it.
    pub photos: Vec<(String, String)>,
}

/// One line of the head: what it is about, what is known of it, and what of that is not as it should be.
pub(crate) struct Line {
    pub label: String,
    /// Where the rest is; nothing if there is no page, or not for this visitor.
    pub href: Option<String>,
    pub says: Vec<String>,
    /// What is due, late or unusual.
    pub urgent: Vec<String>,
    /// What stands where nothing is known.
    pub nothing: String,
    pub at_ms: Option<u64>,
    /// Whether it takes the whole width.
    pub wide: bool,
}

impl Summary {
    /// Reads it; `None` where the screens show a record that does not change, or the chart cannot be read here.
    ///
    /// # Errors
    /// [`Failure::Broken`] if the record cannot be read.
    pub(crate) fn of(app: &App, f: &Frame, p: &PatientPage) -> Result<Option<Summary>, Failure> {
        let Some(site) = app.site() else { return Ok(None) };
        let bed = match Bed::of(site, &p.id) {
            Err(Failure::Missing) => return Ok(None),
            bed => bed?,
        };
        let all = standing(bed.chart.of("Condition"));
        let injuries: Vec<Injury> = all.into_iter().map(|(injury, _)| injury).collect();
        let drawn = || body::svg(&f.t("injuries-body"), &injuries, &|region| region_words(&f.v, region), &|_| None);
        let mut notes = notes::rows(&bed);
        notes.truncate(SHOWN_MAX);
        let photos = bed.chart.of("Media").iter().filter_map(|read| {
            let (_, caption) = written::read_photo(&read.value)?;
            Some((read.key.id.clone(), caption.to_owned()))
        });
        let mut disputes = Vec::new();
        for key in bed.chart.in_conflict().take(DISPUTES_MAX) {
            disputes.extend(Dispute::of(app, f, key, SentFrom::Chart)?);
        }
        let ids: Vec<String> = p.merged_from.iter().chain([&bed.chart.id]).cloned().collect();
        let moves = of_patient(site, &ids)?.into_iter().filter(|(transfer, _)| is_under_way(transfer));
        let moves: Vec<String> = moves.map(|(transfer, _)| transfer_words(f, &transfer)).collect();
        let injury_lines: Vec<String> = injuries.iter().map(|injury| injury_words(&f.v, injury)).collect();
        let mut lines = Vec::new();
        if p.conflicts > 0 {
            let href = (!disputes.is_empty()).then(|| "#h-two".to_owned());
            let urgent = vec![f.n("chip-conflicts", &p.conflicts)];
            lines.push(Line { href, urgent, wide: true, ..line(f, f.t("settle-title"), Vec::new()) });
        }
        lines.extend([medicines(f, &bed), vitals(f, &bed), problems(f, &bed, &injury_lines), fluids(f, &bed)]);
        lines.push(blood(f, &bed));
        lines.extend(stay(f, &bed));
        if !moves.is_empty() {
            let href = f.may(Can::Transfers).then(|| address(&bed, "transfer"));
            lines.push(Line { href, ..line(f, f.t("glance-transfer"), moves) });
        }
        Ok(Some(Summary {
            sort: sorts(&bed.chart).first().map(|sort| sort_view(&f.v, sort)),
            alerts: alerts(f, &bed),
            allergies: allergy_views(&f.v, &bed),
            disputes,
            lines,
            body: if injuries.is_empty() { String::new() } else { drawn() },
            injuries: injury_lines,
            photos: photos.take(SHOWN_MAX).collect(),
            notes,
        }))
    }
}

fn address(bed: &Bed, page: &str) -> String {
    format!("/patients/{}/{page}", bed.chart.id)
}

/// A line that says the first of these, and how many more there are.
fn line(f: &Frame, label: String, mut says: Vec<String>) -> Line {
    let more = says.len().saturating_sub(NAMED_MAX) as u64;
    says.truncate(NAMED_MAX);
    if more > 0 {
        says.push(f.n("glance-more", &more));
    }
    Line { label, href: None, says, urgent: Vec::new(), nothing: f.t("glance-nothing"), at_ms: None, wide: false }
}

/// What somebody has to be protected from, or others from them.
fn alerts(f: &Frame, bed: &Bed) -> Vec<String> {
    let flags = bed.chart.of("Flag").iter().filter(|read| read.value["status"] == "active");
    let said = flags.filter_map(|read| match decontamination::read(&read.value) {
        Some(flag) if flag.done_ms.is_none() => Some(f.t("decontamination-needed")),
        Some(_) => None,
        None => Some(fhir::line(&f.v, read.value.to_string().as_bytes()).title).filter(|title| !title.is_empty()),
    });
    said.collect()
}

/// What is given, and what of it is due.
fn medicines(f: &Frame, bed: &Bed) -> Line {
    let now_ms = f.calendar.now_ms;
    let requests = stored(bed.chart.of("MedicationRequest"));
    let orders: Vec<Order> = requests.iter().filter_map(|record| order(*record)).collect();
    let name = |order: &Order| medicine_name(&f.v, order.item, order.text.as_deref());
    let current = orders.iter().filter(|order| order.is_current(now_ms));
    let says = current.map(|order| format!("{} · {}", name(order), how(&f.v, order))).collect();
    let waits = due(&requests, &stored(bed.chart.of("MedicationAdministration")), now_ms);
    let waits: Vec<Due> = waits.into_iter().filter(|due| due.state != DueState::Later).collect();
    let due_words = |due: &Due| {
        let order = orders.iter().find(|order| order.id == due.request)?;
        let when = late_words(&f.v, due).unwrap_or_else(|| f.t("due-now"));
        Some(f.v.with2("glance-due", ("what", &name(order)), ("when", &when)))
    };
    let mut urgent: Vec<String> = waits.iter().take(NAMED_MAX).filter_map(due_words).collect();
    let more = waits.len().saturating_sub(NAMED_MAX) as u64;
    if more > 0 {
        urgent.push(f.n("glance-more", &more));
    }
    Line { urgent, wide: true, href: Some(address(bed, "medicines")), ..line(f, f.t("medicines"), says) }
}

/// The newest value of every sign; which of them are unusual.
fn vitals(f: &Frame, bed: &Bed) -> Line {
    let newest = newest_of(f, bed);
    let said = |unusual: bool| {
        let those = newest.iter().filter(move |sign| sign.unusual == unusual);
        those.map(Newest::words).collect::<Vec<_>>()
    };
    Line {
        label: f.t("vitals-newest"),
        href: Some(address(bed, "vitals")),
        says: said(false),
        urgent: said(true),
        nothing: f.t("glance-nothing"),
        at_ms: newest.iter().map(|sign| sign.at_ms).max(),
        wide: true,
    }
}

fn fluids(f: &Frame, bed: &Bed) -> Line {
    let day = balance(&stored(bed.chart.of("Observation")), f.calendar.now_ms);
    let amount = |name: String, ml: String| format!("{name} \u{2066}{ml}\u{2069}");
    let says = match day.by.is_empty() {
        true => Vec::new(),
        false => vec![
            amount(f.t("fluid-in"), day.in_ml.to_string()),
            amount(f.t("fluid-out"), day.out_ml.to_string()),
            amount(f.t("fluid-net"), format!("{:+}", day.net_ml())),
        ],
    };
    Line { href: Some(address(bed, "vitals")), ..line(f, f.t("fluids"), says) }
}

/// The injuries, and every other problem that is not over or ruled out.
fn problems(f: &Frame, bed: &Bed, injuries: &[String]) -> Line {
    let over = ["inactive", "remission", "resolved", "refuted", "entered-in-error"];
    let is_over = |concept: &serde_json::Value| {
        let codes = concept["coding"].as_array().into_iter().flatten().filter_map(|coding| coding["code"].as_str());
        codes.into_iter().any(|code| over.contains(&code))
    };
    let others = bed.chart.of("Condition").iter().map(|read| &read.value).filter(|value| {
        Injury::read(value).is_none() && !is_over(&value["clinicalStatus"]) && !is_over(&value["verificationStatus"])
    });
    let titles = others.map(|value| fhir::line(&f.v, value.to_string().as_bytes()).title);
    let mut says = injuries.to_vec();
    says.extend(titles.filter(|title| !title.is_empty()));
    let page = if says.len() > injuries.len() { "Condition" } else { "injuries" };
    Line { wide: true, href: Some(address(bed, page)), ..line(f, f.t("glance-problems"), says) }
}

fn blood(f: &Frame, bed: &Bed) -> Line {
    let (group, source) = match grouping(&stored(bed.chart.of("Observation"))) {
        Grouping::NotKnown => (None, None),
        Grouping::One { group, sources } => (Some(Ok(group.code())), sources.into_iter().next()),
        Grouping::Conflict(said) => {
            let groups: Vec<&str> = said.iter().map(|(group, _)| group.code()).collect();
            let source = said.iter().flat_map(|(_, sources)| sources).next().cloned();
            (Some(Err(groups.join(" / "))), source)
        }
    };
    let apart = |code: &str| format!("\u{2066}{code}\u{2069}");
    Line {
        label: f.t("glance-blood"),
        href: source.map(|source| address(bed, &format!("Observation/{source}"))),
        says: group.iter().filter_map(|group| group.as_ref().ok()).map(|code| apart(code)).collect(),
        urgent: group.iter().filter_map(|group| group.as_ref().err()).map(|codes| apart(codes)).collect(),
        nothing: f.t("glance-unknown"),
        at_ms: None,
        wide: false,
    }
}

/// Where the patient lies and with whom; what comes next.
fn stay(f: &Frame, bed: &Bed) -> [Line; 2] {
    let open = open_stay(&bed.chart).map(|(stay, _)| stay.parts);
    let href = open.is_some().then(|| format!("/casualties/{}", bed.chart.id)).filter(|_| f.may(Can::Board));
    let parts = open.unwrap_or_default();
    let place = parts.place.into_iter().chain(parts.team).collect();
    let plan = parts.next_step.into_iter().chain(parts.destination).collect();
    [
        Line { href: href.clone(), nothing: f.t("glance-unknown"), ..line(f, f.t("place"), place) },
        Line { href, ..line(f, f.t("glance-plan"), plan) },
    ]
}
