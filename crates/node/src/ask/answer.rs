//! Answering asks, and granting charts: decided, written down in the chart, and only then handed over.

use super::state::{Decision, Policy};
use super::{AskError, Proven, answer_of, check_call_sign, grant_key, granted, is_final, members, task_key};
use crate::heart::now_ms;
use crate::save::{Change, SaveRequest};
use crate::site::{Site, SiteError, system_entropy};
use sanad_log::ids::{FacilityId, ScopeTag};
use sanad_record::ask::{GRANTS_PER_ASK_MAX, Granted, Outcome, answer_id, answer_task, free_grant_id, grant_id};
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

/// Charts granted to one site at once in 24 hours; what is beyond waits for a person. A ward that takes over others'
/// patients asks for some ten a day; a site that was taken unlocked gets these, and no more before somebody looks.
pub const AT_ONCE_PER_DAY_MAX: usize = 20;
/// Between two looks at what could be answered at once.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// So many times longer than a look took is the pause after it, so that looking takes a tenth of a core at most.
const PAUSE_TIMES: u32 = 9;

/// What a person decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Grant the charts of this patient.
    Grant(String),
    /// Grant nothing.
    Refuse,
}

/// What an answer did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Call sign of the site that asked, or that was granted to.
    pub to: String,
    /// The patient whose charts were granted, under the id they are shown by.
    pub patient: Option<String>,
    /// True if this had been done before; nothing was done again.
    pub repeated: bool,
}

impl Site {
    /// Answers an ask of another site as a person here decides.
    ///
    /// # Errors
    /// The ask is not known, was withdrawn, or comes from a site that opens no charts; the patient cannot be read here;
    /// a refusal after a grant. Nothing was granted then.
    pub async fn answer_ask(
        &self,
        ask: &str,
        verdict: Verdict,
        by: &str,
        idempotency: Option<[u8; 16]>,
    ) -> Result<Answered, AskError> {
        check_call_sign(Some(by))?;
        let _one_at_a_time = self.answering().lock().await;
        let proven = self.proven(ask).await?.ok_or(AskError::NoSuchAsk)?;
        let by = Some(by.to_owned());
        match verdict {
            // A second press finds the record of the first in the chart.
            Verdict::Grant(patient) => self.grant_for(&proven, &patient, by).await,
            Verdict::Refuse => {
                let key = idempotency.map(|key| self.form_key("refuse", &key));
                self.refuse(&proven, by, key).await
            }
        }
    }

    /// Grants a patient's charts to a site that has not asked.
    ///
    /// # Errors
    /// The site opens no charts; the patient cannot be read here.
    pub async fn grant_patient(&self, patient: &str, to: FacilityId, by: &str) -> Result<Answered, AskError> {
        check_call_sign(Some(by))?;
        let _one_at_a_time = self.answering().lock().await;
        let call_sign = self.reader_called(to).await?;
        let (patient, scopes) = self.readable_scopes(patient).await?;
        let decision = Decision {
            id: free_grant_id(system_entropy().array()),
            patient: patient.clone(),
            to,
            scopes,
            by: Some(by.to_owned()),
            ask: None,
            charts: 0,
            at_ms: now_ms(),
            idempotency: system_entropy().array(),
        };
        self.keep_decision(&decision).await?;
        self.carry_out(&decision).await?;
        Ok(Answered { to: call_sign, patient: Some(patient), repeated: false })
    }

    /// Carries through what was decided before the power went, and answers at once what this site's policy answers at
    /// once. Returns how many were.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn answer_at_once(&self) -> Result<u64, AskError> {
        let _one_at_a_time = self.answering().lock().await;
        for decision in self.decisions().await? {
            // What cannot be granted any more stands in the way of nothing else.
            if let Err(AskError::Site(SiteError::Closed)) = self.carry_out(&decision).await {
                return Err(SiteError::Closed.into());
            }
        }
        if self.ask_policy().await? != Policy::AtOnce {
            return Ok(0);
        }
        let mut answered = 0;
        for pending in self.pending_asks().await? {
            let (true, [one]) = (pending.certain, &pending.candidates[..]) else { continue };
            if !self.may_answer_at_once(pending.facility, AT_ONCE_PER_DAY_MAX).await? {
                continue;
            }
            let Some(proven) = self.proven(&pending.id).await? else { continue };
            self.grant_for(&proven, &one.patient, None).await?;
            answered += 1;
        }
        Ok(answered)
    }

    /// Answers asks as they come, until `stop` changes.
    pub async fn keep_answering(&self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let began = tokio::time::Instant::now();
            // What failed now is tried again with the next change.
            drop(self.answer_at_once().await);
            drop(self.grant_accepted().await);
            let pause = (began.elapsed() * PAUSE_TIMES).max(PAUSE_MIN);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn grant_for(&self, proven: &Proven, patient: &str, by: Option<String>) -> Result<Answered, AskError> {
        let call_sign = self.asker(proven).await?;
        if proven.ask.withdrawn {
            return Err(AskError::Withdrawn);
        }
        let (patient, scopes) = self.readable_scopes(patient).await?;
        let (ask, own) = (proven.ask.id.clone(), self.facility());
        let before = match self.own_answer(&ask).await? {
            Some(Outcome::Granted(charts)) => charts,
            Some(Outcome::Refused) | None => 0,
        };
        let (known, id) = (patient.clone(), ask.clone());
        let repeated = self.reading(move |reader| {
            for number in 0..before {
                let earlier = granted(reader, &grant_key(&grant_id(&id, &own.to_string(), number))?)?;
                if earlier.is_some_and(|earlier| earlier.patient == known) {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        if repeated.await? {
            return Ok(Answered { to: call_sign, patient: Some(patient), repeated: true });
        }
        if before >= GRANTS_PER_ASK_MAX {
            return Err(AskError::TooMany);
        }
        let id = grant_id(&ask, &own.to_string(), before);
        let decision = Decision {
            // Not the form's: nobody who can guess it may make the record seem written already.
            idempotency: system_entropy().array(),
            id,
            patient: patient.clone(),
            to: proven.facility,
            scopes,
            by,
            ask: Some(ask),
            charts: before + 1,
            at_ms: now_ms(),
        };
        self.keep_decision(&decision).await?;
        self.carry_out(&decision).await?;
        Ok(Answered { to: call_sign, patient: Some(patient), repeated: false })
    }

    async fn refuse(
        &self,
        proven: &Proven,
        by: Option<String>,
        idempotency: Option<[u8; 16]>,
    ) -> Result<Answered, AskError> {
        let to = self.asker(proven).await?;
        let answered = |repeated| Ok(Answered { to, patient: None, repeated });
        match self.own_answer(&proven.ask.id).await? {
            Some(Outcome::Granted(_)) => return Err(AskError::AlreadyGranted),
            Some(Outcome::Refused) => return answered(true),
            None => {}
        }
        let change = self.answer_change(&proven.ask.id, Outcome::Refused)?;
        let saved = self.save(SaveRequest { changes: vec![change], idempotency, by }).await?;
        answered(saved.repeated)
    }

    /// Writes the record into the chart and the answer beside the ask, then hands over the keys. Done again, it does
    /// nothing again.
    async fn carry_out(&self, decision: &Decision) -> Result<(), AskError> {
        let done = self.carry_out_now(decision).await;
        match &done {
            Ok(()) => self.drop_decision(decision).await?,
            Err(AskError::Site(error)) if is_final(error) => self.drop_decision(decision).await?,
            Err(AskError::OpensNothing | AskError::NoSuchSite | AskError::NotRecorded) => {
                self.drop_decision(decision).await?
            }
            Err(_) => {}
        }
        done
    }

    async fn carry_out_now(&self, decision: &Decision) -> Result<(), AskError> {
        let call_sign = self.reader_called(decision.to).await?;
        let record = Granted {
            id: decision.id.clone(),
            patient: decision.patient.clone(),
            from: (self.facility().to_string(), self.call_sign().to_owned()),
            to: (decision.to.to_string(), call_sign),
            by: decision.by.clone(),
            ask: decision.ask.clone(),
            recorded: instant(decision.at_ms),
        };
        let key = grant_key(&decision.id)?;
        let written = key.clone();
        let mut changes = vec![Change { key, raw: Some(record.to_audit_event()), about: None, follows: None }];
        if let Some(ask) = &decision.ask {
            changes.push(self.answer_change(ask, Outcome::Granted(decision.charts))?);
        }
        let request = SaveRequest { changes, idempotency: Some(decision.idempotency), by: decision.by.clone() };
        self.save(request).await?;
        // Looked at again, since whatever went wrong, a key must not leave without a record of it.
        if self.reading(move |reader| Ok(granted(reader, &written)?)).await?.as_ref() != Some(&record) {
            return Err(AskError::NotRecorded);
        }
        self.grant(decision.scopes.iter().copied().collect(), decision.to).await?;
        Ok(())
    }

    fn answer_change(&self, ask: &str, outcome: Outcome) -> Result<Change, AskError> {
        let own = self.facility().to_string();
        let raw = Some(answer_task(ask, &own, outcome));
        Ok(Change { key: task_key(&answer_id(ask, &own))?, raw, about: None, follows: None })
    }

    async fn own_answer(&self, ask: &str) -> Result<Option<Outcome>, AskError> {
        let (members, own, ask) = (self.members().await?, self.facility(), ask.to_owned());
        self.reading(move |reader| answer_of(reader, &members, &ask, own)).await
    }

    /// The call sign of the other site that asks, if it may be granted anything.
    async fn asker(&self, proven: &Proven) -> Result<String, AskError> {
        if proven.facility == self.facility() {
            return Err(AskError::OwnAsk);
        }
        self.reader_called(proven.facility).await
    }

    async fn reader_called(&self, facility: FacilityId) -> Result<String, AskError> {
        let kind = self.with_directory(move |directory| {
            let facility = directory.facilities().get(&facility)?;
            Some((facility.call_sign.clone(), facility.kind))
        });
        let (call_sign, kind) = kind.await?.ok_or(AskError::NoSuchSite)?;
        if members::opens_charts(kind) { Ok(call_sign) } else { Err(AskError::OpensNothing) }
    }

    /// The charts of a patient and of those merged into them that can be opened here.
    pub(super) async fn readable_scopes(&self, patient: &str) -> Result<(String, Vec<ScopeTag>), AskError> {
        let patient = patient.to_owned();
        let page = self.reading(move |reader| Ok(reader.patient(&patient)?)).await?.ok_or(AskError::NoSuchPatient)?;
        let scopes = page.scopes;
        let readable = self
            .with_directory(move |directory| {
                scopes.into_iter().filter(|scope| directory.is_readable(scope)).collect::<Vec<_>>()
            })
            .await?;
        if readable.is_empty() { Err(AskError::NoSuchPatient) } else { Ok((page.row.id, readable)) }
    }
}

/// A FHIR instant.
pub(crate) fn instant(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).unwrap_or_default();
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}
