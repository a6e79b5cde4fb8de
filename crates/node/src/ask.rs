//! Asking the network for a chart that is sealed here, and answering: by this site's policy at once, or after a person
//! agrees. There is no index of names anywhere; every site looks in what it can read.
//!
//! Promises:
//! - a chart is granted to the facility whose device signed the ask, if it is enrolled and of a kind that opens charts,
//!   and to nobody else;
//! - every grant is written down in the chart before the key leaves: to whom, who agreed, when;
//! - what was not agreed to is not granted: no answer, a refusal, several who fit, and more than
//!   [`AT_ONCE_PER_DAY_MAX`] at once all wait for a person;
//! - a site that has no match stays silent, so that it tells nobody whom it does not know.

mod answer;
mod members;
mod state;
mod transfer;

pub(crate) use answer::instant;
pub use answer::{AT_ONCE_PER_DAY_MAX, Answered, Verdict};
pub use state::Policy;

use crate::save::{Change, SaveRequest};
use crate::site::{Site, SiteError, system_entropy};
use members::Members;
use sanad_log::control::is_call_sign;
use sanad_log::ids::{FacilityId, ScopeTag};
use sanad_log::replica::SaveError;
use sanad_record::ask::{
    self, Ask, Fit, GRANT_PREFIX, GRANTS_PER_ASK_MAX, Granted, Outcome, Whom, WhomError, answer_id, grant_id,
};
use sanad_record::key::ResourceKey;
use sanad_record::op::Action;
use sanad_store::{Page, PatientPage, Reader, StoreError};
use serde_json::Value;
use std::collections::BTreeMap;

/// Asks of one site that are looked at, the newest: a site that asks without end hides nobody else's.
pub const ASKS_PER_SITE_MAX: usize = 100;
/// Tasks that are looked through for asks, the newest: some years of a network's.
const TASKS_MAX: u32 = 10_000;
/// Patients that are compared with an ask, those that fit best. More than a handful is for a person anyway.
const CANDIDATES_MAX: u32 = 50;

/// Why an ask, an answer or a grant did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The site itself.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// What was asked for cannot be.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// No such ask is known here, or it is not signed by the facility that it names.
    #[error("no such ask is known here")]
    NoSuchAsk,
    /// The asker has taken it back.
    #[error("the ask was withdrawn")]
    Withdrawn,
    /// The ask is this site's own.
    #[error("this site asked itself")]
    OwnAsk,
    /// Nothing that can be read here is about that patient.
    #[error("no chart of that patient can be read here")]
    NoSuchPatient,
    /// No facility of this network is meant.
    #[error("no such site is known here")]
    NoSuchSite,
    /// A site of that kind opens no charts.
    #[error("a site of that kind opens no charts")]
    OpensNothing,
    /// What was granted cannot be taken back.
    #[error("a chart was granted already")]
    AlreadyGranted,
    /// More charts than one ask may bring.
    #[error("too many charts for one ask")]
    TooMany,
    /// The record of the grant is not in the chart, so the key was not handed over.
    #[error("the grant could not be written down, so nothing was granted")]
    NotRecorded,
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        AskError::Site(error.into())
    }
}

/// What asking did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The ask.
    pub id: String,
    /// Patients who may be the one and whose charts can be read here already.
    pub here: Vec<String>,
}

/// An ask of this site, and what came of it. No `Debug`: it names patients.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnAsk {
    /// The ask.
    pub id: String,
    /// For whom.
    pub whom: Whom,
    /// When, by this site's clock.
    pub at_ms: u64,
    /// Call sign of who asked.
    pub by: Option<String>,
    /// True once it was taken back.
    pub withdrawn: bool,
    /// The answers that have come.
    pub answers: Vec<Answer>,
}

/// One site's answer. No `Debug`: it names patients.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The site's call sign.
    pub from: String,
    /// What it answered.
    pub outcome: Outcome,
    /// The patients whose charts were granted and can be read here by now.
    pub patients: Vec<String>,
}

/// An ask of another site for which somebody here may be the one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingAsk {
    /// The ask.
    pub id: String,
    /// Call sign of the site that asks.
    pub from: String,
    /// Its facility.
    pub facility: FacilityId,
    /// Call sign of who asked there.
    pub by: Option<String>,
    /// When, by that site's clock.
    pub at_ms: u64,
    /// For whom.
    pub whom: Whom,
    /// Who it may be, best first, whose charts that site cannot read yet.
    pub candidates: Vec<Candidate>,
    /// True if only one person here fits at all, in every part.
    pub certain: bool,
}

/// Somebody who may be the one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The patient.
    pub patient: String,
    /// How well they fit.
    pub fit: Fit,
}

/// An ask whose author is proven.
struct Proven {
    ask: Ask,
    facility: FacilityId,
    at_ms: u64,
    by: Option<String>,
}

/// A patient and their charts.
struct Person {
    patient: String,
    fit: Fit,
    scopes: Vec<ScopeTag>,
}

impl Site {
    /// Asks the network for the chart of somebody. It travels with everything else; over a stick it takes longer. The same
    /// idempotency key twice is one ask.
    ///
    /// # Errors
    /// The keys of the network have not come yet, the call sign is none, or the disk refused.
    pub async fn ask(&self, whom: Whom, by: Option<String>, idempotency: Option<[u8; 16]>) -> Result<Asked, AskError> {
        check_call_sign(by.as_deref())?;
        let here = self.search(whom.clone()).await?.into_iter().map(|person| person.patient).collect();
        let from = self.facility().to_string();
        let key: [u8; 16] = idempotency.unwrap_or_else(|| system_entropy().array());
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&key[..8]);
        let id = ask::ask_id(nonce, &from);
        let key = self.form_key("ask", &key);
        self.write_ask(Ask { id: id.clone(), from, whom, withdrawn: false }, by, Some(key)).await?;
        Ok(Asked { id, here })
    }

    /// Takes an own ask back. What was granted in answer to it stays granted.
    ///
    /// # Errors
    /// It is not an ask of this site.
    pub async fn withdraw_ask(&self, id: &str, by: Option<String>) -> Result<(), AskError> {
        check_call_sign(by.as_deref())?;
        let found = self.proven(id).await?.filter(|found| found.facility == self.facility());
        let ask = found.ok_or(AskError::NoSuchAsk)?.ask;
        if ask.withdrawn { Ok(()) } else { self.write_ask(Ask { withdrawn: true, ..ask }, by, None).await }
    }

    async fn write_ask(&self, ask: Ask, by: Option<String>, idempotency: Option<[u8; 16]>) -> Result<(), AskError> {
        let change = Change { key: task_key(&ask.id)?, raw: Some(ask.to_task()), about: None, follows: None };
        self.save(SaveRequest { changes: vec![change], idempotency, by }).await?;
        Ok(())
    }

    /// This site's asks, newest first, with the answers that have come and the patients that can be read for them.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn own_asks(&self) -> Result<Vec<OwnAsk>, AskError> {
        let (members, own) = (self.members().await?, self.facility());
        self.reading(move |reader| {
            let mut asks = Vec::new();
            for found in proven_asks(reader, &members)?.into_iter().filter(|found| found.facility == own) {
                asks.push(OwnAsk {
                    answers: answers_to(reader, &found.ask.id, &members)?,
                    id: found.ask.id,
                    whom: found.ask.whom,
                    withdrawn: found.ask.withdrawn,
                    at_ms: found.at_ms,
                    by: found.by,
                });
            }
            Ok(asks)
        })
        .await
    }

    /// Asks of other sites that this one could answer and has not, newest first.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn pending_asks(&self) -> Result<Vec<PendingAsk>, AskError> {
        let (members, own) = (self.members().await?, self.facility());
        let open = self.reading(move |reader| {
            let mut open = Vec::new();
            for found in proven_asks(reader, &members)? {
                let member = members.facilities.get(&found.facility);
                let Some(member) = member.filter(|member| member.opens && found.facility != own) else { continue };
                let answered = reader.resource(&task_key(&answer_id(&found.ask.id, &own.to_string()))?)?.is_some();
                if answered || found.ask.withdrawn {
                    continue;
                }
                let people = search(reader, &found.ask.whom)?;
                if !people.is_empty() {
                    open.push((found, member.call_sign.clone(), people));
                }
            }
            Ok(open)
        });
        let open = open.await?;
        let pending = self
            .with_directory(move |directory| {
                let ask = |(found, from, people): (Proven, String, Vec<Person>)| {
                    let certain = matches!(&people[..], [Person { fit: Fit::Exact, .. }]);
                    // A chart that is sealed here by now, or that the asker reads already, is none to grant.
                    let lacks = |scope: &ScopeTag| {
                        directory.is_readable(scope) && !directory.readers(scope).any(|reader| reader == found.facility)
                    };
                    let people = people.into_iter().filter(|person| person.scopes.iter().any(lacks));
                    PendingAsk {
                        candidates: people.map(|Person { patient, fit, .. }| Candidate { patient, fit }).collect(),
                        id: found.ask.id,
                        whom: found.ask.whom,
                        facility: found.facility,
                        by: found.by,
                        at_ms: found.at_ms,
                        from,
                        certain,
                    }
                };
                open.into_iter().map(ask).filter(|ask| !ask.candidates.is_empty()).collect::<Vec<_>>()
            })
            .await?;
        Ok(pending)
    }

    /// What a form's key becomes in a save: of this site and this purpose alone, since keys of other sites' saves are seen
    /// here too and must not swallow one.
    fn form_key(&self, purpose: &str, key: &[u8; 16]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("sanad 2026 ask form key v1");
        hasher.update(self.facility().as_bytes()).update(key).update(purpose.as_bytes());
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        out
    }

    async fn proven(&self, id: &str) -> Result<Option<Proven>, AskError> {
        let (members, id) = (self.members().await?, id.to_owned());
        self.reading(move |reader| proven(reader, &members, &id)).await
    }

    async fn search(&self, whom: Whom) -> Result<Vec<Person>, AskError> {
        self.reading(move |reader| search(reader, &whom)).await
    }

    /// Reads on a thread that may be kept waiting by the disk.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, AskError> + Send + 'static,
    ) -> Result<T, AskError> {
        let reader = self.reader().clone();
        tokio::task::spawn_blocking(move || read(&reader)).await.map_err(|_| SiteError::Closed)?
    }
}

/// What was granted of a patient's charts, newest first, as the chart itself says.
///
/// # Errors
/// Input/output.
pub fn grants_of(reader: &Reader, page: &PatientPage) -> Result<Vec<Granted>, StoreError> {
    let mut grants = Vec::new();
    for row in &page.resources {
        if row.key.resource_type == "AuditEvent" && row.key.id.starts_with(GRANT_PREFIX) && !row.deleted {
            grants.extend(granted(reader, &row.key)?);
        }
    }
    Ok(grants)
}

fn granted(reader: &Reader, key: &ResourceKey) -> Result<Option<Granted>, StoreError> {
    let raw = reader.resource(key)?.and_then(|resource| resource.raw);
    Ok(raw.and_then(|raw| Granted::of_audit_event(&key.id, &raw)))
}

fn check_call_sign(by: Option<&str>) -> Result<(), AskError> {
    if by.is_none_or(is_call_sign) { Ok(()) } else { Err(SiteError::BadCallSign.into()) }
}

fn task_key(id: &str) -> Result<ResourceKey, AskError> {
    ResourceKey::new("Task", id).map_err(|_| AskError::NoSuchAsk)
}

/// Every ask whose author is proven, newest first.
fn proven_asks(reader: &Reader, members: &Members) -> Result<Vec<Proven>, AskError> {
    let mut counts: BTreeMap<FacilityId, usize> = BTreeMap::new();
    let mut asks = Vec::new();
    for key in reader.about_nobody("Task", TASKS_MAX)?.iter().filter(|key| ask::is_ask_id(&key.id)) {
        // The id says who may have asked, so those of one who asks without end are passed over unread.
        let from = members.facilities.keys().find(|facility| ask::is_ask_of(&key.id, &facility.to_string()));
        let Some(count) = from.map(|from| counts.entry(*from).or_default()) else { continue };
        *count += 1;
        if *count <= ASKS_PER_SITE_MAX {
            asks.extend(proven(reader, members, &key.id)?);
        }
    }
    Ok(asks)
}

/// An ask, if a device of the facility that it names has signed it. Only that facility's own versions count: what others
/// wrote under its id changes nothing.
fn proven(reader: &Reader, members: &Members, id: &str) -> Result<Option<Proven>, AskError> {
    let key = task_key(id)?;
    if !ask::is_ask_id(id) {
        return Ok(None);
    }
    let versions = reader.versions(&key)?;
    let by_asker = versions.iter().filter_map(|version| {
        let facility = members.devices.get(&version.author())?;
        ask::is_ask_of(id, &facility.to_string()).then_some((version, *facility))
    });
    let by_asker: Vec<_> = by_asker.collect();
    let Some((root, facility)) =
        by_asker.iter().filter(|(version, _)| version.parents.is_empty()).min_by_key(|(version, _)| version.id)
    else {
        return Ok(None);
    };
    let raw = reader.version_raw(&key, &root.id)?.unwrap_or_default();
    let Some(mut ask) = Ask::of_task(id, &raw).filter(|ask| ask.from == facility.to_string()) else { return Ok(None) };
    for (version, _) in &by_asker {
        let raw = reader.version_raw(&key, &version.id)?.unwrap_or_default();
        ask.withdrawn |= version.action == Action::Delete || Ask::of_task(id, &raw).is_none_or(|later| later.withdrawn);
    }
    Ok(Some(Proven { ask, facility: *facility, at_ms: root.updated_ms, by: root.by.clone() }))
}

/// Who here may be the one, best first.
fn search(reader: &Reader, whom: &Whom) -> Result<Vec<Person>, AskError> {
    let classes: Vec<(String, Vec<String>)> = match whom {
        Whom::Id(id) => reader.patient(id)?.into_iter().map(|page| (page.row.id, page.row.survivor_of)).collect(),
        _ => {
            let rows = reader.patients(Some(&whom.query()), Page::first(CANDIDATES_MAX))?;
            rows.into_iter().map(|row| (row.id, row.survivor_of)).collect()
        }
    };
    let mut people = Vec::new();
    for (patient, merged) in classes {
        let (mut class, mut scopes) = (Vec::new(), Vec::new());
        for id in std::iter::once(&patient).chain(&merged) {
            let key = ResourceKey::new("Patient", id.clone()).map_err(|_| AskError::NoSuchPatient)?;
            let raw = reader.resource(&key)?.and_then(|resource| resource.raw);
            let value = raw.and_then(|raw| serde_json::from_slice::<Value>(&raw).ok()).unwrap_or_default();
            scopes.extend(reader.scopes_of_patient(id)?);
            class.push((id.clone(), value));
        }
        let fit = whom.fit(&class);
        if fit > Fit::No && !scopes.is_empty() {
            people.push(Person { patient, fit, scopes });
        }
    }
    people.sort_by_key(|person| std::cmp::Reverse(person.fit));
    Ok(people)
}

/// The answers to an ask that are signed by the facilities that give them.
fn answers_to(reader: &Reader, id: &str, members: &Members) -> Result<Vec<Answer>, AskError> {
    let mut answers = Vec::new();
    for (facility, member) in &members.facilities {
        let Some(outcome) = answer_of(reader, members, id, *facility)? else { continue };
        let mut patients = Vec::new();
        if let Outcome::Granted(charts) = outcome {
            for number in 0..charts.min(GRANTS_PER_ASK_MAX) {
                let key = grant_key(&grant_id(id, &facility.to_string(), number))?;
                patients.extend(granted(reader, &key)?.map(|granted| granted.patient));
            }
        }
        answers.push(Answer { from: member.call_sign.clone(), outcome, patients });
    }
    Ok(answers)
}

/// What a facility itself has answered, by its newest version.
fn answer_of(reader: &Reader, members: &Members, id: &str, facility: FacilityId) -> Result<Option<Outcome>, AskError> {
    let key = task_key(&answer_id(id, &facility.to_string()))?;
    let versions = reader.versions(&key)?;
    let own = versions.iter().find(|version| members.devices.get(&version.author()) == Some(&facility));
    let Some(own) = own else { return Ok(None) };
    Ok(ask::read_answer(&reader.version_raw(&key, &own.id)?.unwrap_or_default()))
}

fn grant_key(id: &str) -> Result<ResourceKey, AskError> {
    ResourceKey::new("AuditEvent", id).map_err(|_| AskError::NoSuchAsk)
}

/// True if a grant failed for a reason that stays.
fn is_final(error: &SiteError) -> bool {
    matches!(error, SiteError::Save(SaveError::Sealed | SaveError::UnknownFacility | SaveError::TooLarge))
}

#[cfg(test)]
mod tests;
