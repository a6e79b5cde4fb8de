//! An AuditEvent for every chart that is opened, through the interface or on a screen.
//!
//! A chart is *opened* when a token reads something of it for the first time within [`AGAIN_MS`], or a person on a screen
//! within [`AGAIN_PERSON_MS`]; that is written into the
//! chart itself, so that it travels with it and whoever may read the chart sees who did. What is opened is gathered for a
//! moment and saved together: reading waits for no disk, and goes on where the disk is full. What is gathered when the site
//! closes is saved first. Reading an AuditEvent opens no chart.

use super::access::Caller;
use sanad_node::people::Person;
use sanad_node::save::{CHANGES_MAX, Change, SaveRequest};
use sanad_node::site::{Site, now_ms};
use sanad_record::key::ResourceKey;
use sanad_record::outgoing::rfc3339;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A chart that the same token reads again within this time is still open: about a shift's round of the ward.
const AGAIN_MS: u64 = 3_600_000;
/// The same for a person on a screen: long enough for one visit, short enough to tell one from the next.
const AGAIN_PERSON_MS: u64 = 600_000;
/// How long what is opened is gathered.
const GATHER: Duration = Duration::from_millis(250);
/// Charts remembered as open; beyond it all are forgotten and written down anew when they are read again.
const REMEMBERED_MAX: usize = 100_000;

/// What was opened.
#[derive(Clone, Default)]
pub(crate) struct Opened(Arc<Shared>);

#[derive(Default)]
struct Shared {
    notes: Mutex<Inner>,
    /// Held from taking notes to their being on the disk.
    saving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Inner {
    /// When each token, and each person, opened each chart.
    open: BTreeMap<(String, String), u64>,
    waiting: Vec<Opening>,
    is_saving: bool,
}

struct Opening {
    /// The token's id, or the person's call sign, and the role.
    who: String,
    role: String,
    patient: String,
    at_ms: u64,
}

impl Opened {
    /// Notes that a caller reads of these patients' charts.
    pub fn note<'p>(&self, site: &Site, caller: &Caller, patients: impl Iterator<Item = &'p String>) {
        self.note_of(site, (&caller.token.id, &caller.token.role), AGAIN_MS, patients);
    }

    /// Notes that a person opens these patients' charts on a screen.
    pub fn note_person<'p>(&self, site: &Site, person: &Person, patients: impl Iterator<Item = &'p String>) {
        self.note_of(site, (&person.call_sign, person.role.name()), AGAIN_PERSON_MS, patients);
    }

    fn note_of<'p>(
        &self,
        site: &Site,
        (who, role): (&str, &str),
        again_ms: u64,
        patients: impl Iterator<Item = &'p String>,
    ) {
        let now_ms = now_ms();
        let mut inner = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last: Option<&String> = None;
        for patient in patients {
            // The resources of one page are mostly of one chart.
            if last == Some(patient) {
                continue;
            }
            last = Some(patient);
            let key = (who.to_owned(), patient.clone());
            if inner.open.get(&key).is_some_and(|at| now_ms.saturating_sub(*at) < again_ms) {
                continue;
            }
            if inner.open.len() >= REMEMBERED_MAX {
                inner.open.clear();
            }
            inner.open.insert(key, now_ms);
            let (who, role) = (who.to_owned(), role.to_owned());
            inner.waiting.push(Opening { who, role, patient: patient.clone(), at_ms: now_ms });
        }
        if !inner.waiting.is_empty() && !inner.is_saving {
            inner.is_saving = true;
            let (opened, site) = (self.clone(), site.clone());
            tokio::spawn(async move { opened.save(site).await });
        }
    }

    /// Saves what is gathered, until nothing more came.
    async fn save(self, site: Site) {
        loop {
            tokio::time::sleep(GATHER).await;
            if !self.save_waiting(&site).await {
                let mut inner = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
                if inner.waiting.is_empty() {
                    inner.is_saving = false;
                    return;
                }
            }
        }
    }

    /// Saves everything that is gathered, now. When this returns it is on the disk, or cannot be.
    pub async fn flush(&self, site: &Site) {
        while self.save_waiting(site).await {}
    }

    /// Saves as much as one save takes. False if there was nothing.
    async fn save_waiting(&self, site: &Site) -> bool {
        // Whoever flushes waits for what another is about to save.
        let _alone = self.0.saving.lock().await;
        let waiting = {
            let mut inner = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
            let end = inner.waiting.len().min(CHANGES_MAX);
            inner.waiting.drain(..end).collect::<Vec<_>>()
        };
        let changes: Vec<Change> = waiting.iter().filter_map(|opening| event(site.call_sign(), opening)).collect();
        if changes.is_empty() {
            return false;
        }
        // A chart whose audit cannot be saved, since the disk is full, is read all the same: care goes on.
        drop(site.save(SaveRequest { changes, idempotency: None, by: None }).await);
        true
    }
}

/// The AuditEvent of one opening (FHIR R4 §6.4; the codes of a RESTful read).
fn event(site: &str, opening: &Opening) -> Option<Change> {
    let id = super::change::new_id();
    let event = json!({
        "resourceType": "AuditEvent",
        "id": id,
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "subtype": [{ "system": "http://hl7.org/fhir/restful-interaction", "code": "read" }],
        "action": "R",
        "recorded": rfc3339(opening.at_ms),
        "outcome": "0",
        "agent": [{ "requestor": true, "altId": opening.who, "name": opening.role }],
        "source": { "observer": { "display": site } },
        "entity": [{
            "what": { "reference": format!("Patient/{}", opening.patient) },
            "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1" },
            "role": { "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1" },
        }],
    });
    let key = ResourceKey::new("AuditEvent", id).ok()?;
    Some(Change {
        key,
        raw: Some(event.to_string().into_bytes()),
        about: Some(opening.patient.clone()),
        follows: Some(Vec::new()),
    })
}
