//! Asks for charts, of a site at work.

use sanad_node::ask::{AskError, Policy, Verdict};
use sanad_node::site::Site;
use sanad_record::ask::{Fit, Outcome, Whom};

use super::SourceError;
use super::site::patient_bytes;
use super::wait;
use crate::model::{Answer, Asks, OwnAsk, PendingAsk};

pub(super) fn asks(site: &Site) -> Result<Asks, SourceError> {
    let reader = site.reader();
    let named = |patient: String| Ok::<_, SourceError>((patient_bytes(reader, &patient)?, patient));
    let mut asks = Asks { at_once: wait(site.ask_policy()).map_err(unread)? == Policy::AtOnce, ..Asks::default() };
    for ask in wait(site.pending_asks()).map_err(unread)? {
        let candidates = ask.candidates.into_iter().map(|candidate| {
            let (raw, patient) = named(candidate.patient)?;
            Ok((patient, raw, candidate.fit == Fit::Exact))
        });
        asks.pending.push(PendingAsk {
            candidates: candidates.collect::<Result<_, SourceError>>()?,
            id: ask.id,
            site: ask.from,
            by: ask.by,
            at_ms: ask.at_ms,
            whom: parts(ask.whom),
        });
    }
    for ask in wait(site.own_asks()).map_err(unread)? {
        let mut answers = Vec::with_capacity(ask.answers.len());
        for answer in ask.answers {
            let patients = answer.patients.into_iter().map(|patient| {
                let (raw, patient) = named(patient)?;
                Ok((patient, raw))
            });
            answers.push(Answer {
                patients: patients.collect::<Result<_, SourceError>>()?,
                charts: match answer.outcome {
                    Outcome::Granted(charts) => Some(u64::from(charts)),
                    Outcome::Refused => None,
                },
                site: answer.from,
            });
        }
        asks.own.push(OwnAsk { whom: parts(ask.whom), at_ms: ask.at_ms, withdrawn: ask.withdrawn, answers });
    }
    Ok(asks)
}

pub(super) fn ask(site: &Site, whom: Whom, by: &str, key: [u8; 16]) -> Result<(), AskError> {
    wait(site.ask(whom, Some(by.to_owned()), Some(key))).map(|_| ())
}

pub(super) fn answer(site: &Site, ask: &str, verdict: Verdict, by: &str, key: [u8; 16]) -> Result<(), AskError> {
    wait(site.answer_ask(ask, verdict, by, Some(key))).map(|_| ())
}

fn unread(_: AskError) -> SourceError {
    SourceError
}

fn parts(whom: Whom) -> Vec<String> {
    match whom {
        Whom::Id(text) | Whom::Tag(text) => vec![text],
        Whom::Name { name, father, born } => {
            [Some(name), father, born.map(|born| born.to_string())].into_iter().flatten().collect()
        }
    }
}
