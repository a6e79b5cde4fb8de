//! What can be worked out of a save before it is its turn: reading the JSON and compressing it, in the thread of whoever
//! saves, so that sixteen of them use every core and the heart's thread is left with what only it can do.
//!
//! A draft is a guess. It takes each resource for new, as most are; the heart knows better and uses a text only if the
//! save that it stands for is the very one that is to be written.

use crate::save::{CHANGES_MAX, SaveRequest, action_of, is_bulk};
use crate::site::SiteError;
use sanad_log::ids::ScopeTag;
use sanad_log::seal::Clear;
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::key::ResourceKey;
use sanad_record::op::{Op, Save};
use std::collections::BTreeMap;

/// Above this a draft takes milliseconds, and is made on a thread that may be kept waiting.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// A request, and what was worked out of it.
pub(crate) struct Drafted {
    pub(crate) request: SaveRequest,
    /// Whom each change is about first; `None` for what names nobody, and for what is deleted.
    pub(crate) subjects: Vec<Option<String>>,
    /// The chart that it belongs in, where that is known already.
    pub(crate) chart: Option<ScopeTag>,
    /// True if nothing else may have been saved to what the changes follow.
    pub(crate) only_unchanged: bool,
    texts: Vec<(Save, Clear)>,
}

impl Drafted {
    /// Works it out, on a thread that may be kept waiting if it is much.
    ///
    /// # Errors
    /// [`SiteError::BadResource`] if something in it is not a resource.
    pub(crate) async fn of(request: SaveRequest) -> Result<Drafted, SiteError> {
        let bytes: usize = request.changes.iter().filter_map(|change| Some(change.raw.as_ref()?.len())).sum();
        if bytes <= INLINE_BYTES_MAX {
            return Drafted::now(request);
        }
        tokio::task::spawn_blocking(|| Drafted::now(request)).await.map_err(|_| SiteError::Closed)?
    }

    fn now(request: SaveRequest) -> Result<Drafted, SiteError> {
        if request.changes.is_empty() || request.changes.len() > CHANGES_MAX {
            return Err(SiteError::BadResource("a save holds between 1 and 1,000 resources".to_owned()));
        }
        let mut subjects = Vec::with_capacity(request.changes.len());
        for change in &request.changes {
            let subject = match &change.raw {
                Some(raw) => patients_in(&change.key, raw)?.into_iter().next().or_else(|| change.about.clone()),
                None => None,
            };
            subjects.push(subject);
        }
        let texts = texts(&request, &subjects);
        Ok(Drafted { request, subjects, chart: None, only_unchanged: false, texts })
    }

    /// The text of a save: the drafted one if it says the same.
    pub(crate) fn text(&mut self, save: &Save) -> Clear {
        let text = match self.texts.iter().position(|(drafted, _)| drafted == save) {
            Some(at) => self.texts.swap_remove(at).1,
            None => Clear::new(save.encode()),
        };
        debug_assert!(
            !save.is_within_bounds() || Save::decode(text.expose()).as_ref() == Ok(save),
            "a text says what it was made of"
        );
        text
    }
}

fn texts(request: &SaveRequest, subjects: &[Option<String>]) -> Vec<(Save, Clear)> {
    let mut groups: BTreeMap<(&Option<String>, bool), Vec<Op>> = BTreeMap::new();
    for (change, subject) in request.changes.iter().zip(subjects) {
        groups.entry((subject, is_bulk(change))).or_default().push(Op {
            action: action_of(change),
            key: change.key.clone(),
            parents: change.follows.clone().unwrap_or_default(),
            raw: change.raw.clone().unwrap_or_default(),
        });
    }
    // Which of several carries the idempotency key depends on the order of the charts.
    if request.idempotency.is_some() && groups.len() > 1 {
        return Vec::new();
    }
    let drafts = groups.into_values().map(|ops| {
        let save = Save { idempotency: request.idempotency, by: request.by.clone(), ops };
        let text = Clear::new(save.encode());
        (save, text)
    });
    drafts.collect()
}

/// The patients that a resource is about.
pub(crate) fn patients_in(key: &ResourceKey, raw: &[u8]) -> Result<Vec<String>, SiteError> {
    let value = read_for_patients(key, raw).ok_or_else(|| {
        // Read again only to say where.
        let place = serde_json::from_slice::<serde_json::Value>(raw)
            .err()
            .map_or_else(String::new, |error| format!(" at line {}, column {}", error.line(), error.column()));
        SiteError::BadResource(format!("{key}: not JSON{place}"))
    })?;
    if value.get("resourceType").and_then(|name| name.as_str()) != Some(key.resource_type.as_str()) {
        return Err(SiteError::BadResource(format!("{key}: its resourceType is not {}", key.resource_type)));
    }
    Ok(patients_of_key(key, &value))
}
