//! Saving a form: together or not at all, and once, however often it is sent.
//!
//! A form carries a key that was drawn when its page was made. The key is the save's idempotency key, and the ids of new
//! resources follow from it: a form that is sent again, hours later or in another order, names the same resources, saves
//! nothing, and leads to the same page.

use sanad_node::save::{CHANGES_MAX, Change, SaveRequest};
use sanad_node::site::{Site, SiteError};
use sanad_record::care::rewrite;
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;
use serde_json::Value;

use crate::app::App;
use crate::pages::Posted;
use crate::pages::failure::Failure;
use crate::source::{Source, wait};

/// How often an edit is made anew over what somebody else saved meanwhile. Each try is one save of theirs ahead of ours.
const TRIES_MAX: usize = 16;

/// Why a form was not saved.
#[derive(Debug)]
pub(crate) enum NotSaved {
    /// What it changes is not here, or cannot be read here by now.
    Missing,
    /// What was settled is no longer as it was seen: somebody else has settled or changed it meanwhile.
    Changed,
    /// The disk has no room; nothing was saved, and what was typed is still in the form.
    DiskFull,
    /// Something else that only the technician can mend.
    Failed,
}

impl From<NotSaved> for Failure {
    fn from(error: NotSaved) -> Failure {
        match error {
            NotSaved::Missing | NotSaved::Changed => Failure::Missing,
            NotSaved::DiskFull => Failure::DiskFull,
            NotSaved::Failed => Failure::Broken,
        }
    }
}

/// What an edit makes of a resource as it stands; `None` leaves it as it is.
type Edit = Box<dyn Fn(&Value) -> Option<Value>>;

/// The bytes of a resource, made of those that stand there, if any do; `None` leaves it as it is.
type Put = Box<dyn Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>, NotSaved>>;

enum Step {
    /// A resource that is new, in the chart of this patient if its own elements name none.
    New { value: Value, about: Option<String> },
    /// A resource that is there.
    Edit { key: ResourceKey, edit: Edit },
    /// A resource that is written as bytes, whether it is there or not.
    Put { key: ResourceKey, put: Put },
    /// A resource as it stands in the eyes of who settled it, and only while it stands so.
    Settle { key: ResourceKey, follows: Vec<VersionId>, raw: Option<Vec<u8>> },
}

/// The changes that a form makes.
pub(crate) struct Writing {
    site: Site,
    by: Option<String>,
    key: [u8; 16],
    drawn: u32,
    steps: Vec<Step>,
}

impl Writing {
    /// Begins what a form saves, in the name of who is signed in.
    ///
    /// # Errors
    /// [`Failure::ForeignForm`] if the form has no key of ours.
    pub(crate) fn begin(app: &App, posted: &Posted) -> Result<Writing, Failure> {
        let by = posted.visitor.by().map(str::to_owned);
        let key = key_of(posted.field("key")).ok_or(Failure::ForeignForm)?;
        Ok(Writing { site: app.clinic()?.clone(), by, key, drawn: 0, steps: Vec::new() })
    }

    /// The id of the next new resource: a UUID of version 8 (RFC 9562) made from the form's key.
    pub(crate) fn new_id(&mut self) -> String {
        self.drawn += 1;
        id_of(&self.key, self.drawn)
    }

    /// Adds a resource with an id of [`Writing::new_id`].
    pub(crate) fn add(&mut self, value: Value) {
        self.steps.push(Step::New { value, about: None });
    }

    /// Adds a resource whose elements name no patient (a photo) to a patient's chart.
    pub(crate) fn add_about(&mut self, value: Value, patient: &str) {
        self.steps.push(Step::New { value, about: Some(patient.to_owned()) });
    }

    /// Changes a resource as it stands when it is saved: what others saved meanwhile is not lost.
    pub(crate) fn edit(&mut self, key: ResourceKey, edit: impl Fn(&Value) -> Option<Value> + 'static) {
        self.steps.push(Step::Edit { key, edit: Box::new(edit) });
    }

    /// Writes a resource as JSON text, so that numbers keep the digits that were typed: a new one, or one that stands.
    pub(crate) fn put(
        &mut self,
        key: ResourceKey,
        put: impl Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>, NotSaved> + 'static,
    ) {
        self.steps.push(Step::Put { key, put: Box::new(put) });
    }

    /// Puts these bytes in place of the versions that were seen, or deletes the resource.
    pub(crate) fn settle(&mut self, key: ResourceKey, follows: Vec<VersionId>, raw: Option<Vec<u8>>) {
        self.steps.push(Step::Settle { key, follows, raw });
    }

    /// Whether this very form was saved before: what it would be refused for now may be what it made.
    ///
    /// # Errors
    /// [`NotSaved::Failed`] if the record cannot be read.
    pub(crate) fn is_saved(&self) -> Result<bool, NotSaved> {
        Ok(self.site.reader().entry_by_idempotency(&self.key).map_err(|_| NotSaved::Failed)?.is_some())
    }

    /// Saves. `Ok(true)` if this is the first time, `Ok(false)` if the same form had been saved before.
    ///
    /// # Errors
    /// [`NotSaved`]; nothing of it was saved then.
    pub(crate) fn save(self) -> Result<bool, NotSaved> {
        // A form that was saved before may name what has been edited, merged or withdrawn since: it is not looked at again.
        if self.is_saved()? {
            return Ok(false);
        }
        for _ in 0..TRIES_MAX {
            let request = self.request()?;
            if request.changes.is_empty() {
                return Ok(true);
            }
            match wait(self.site.save_unchanged(request)) {
                Ok(saved) => return Ok(!saved.repeated),
                Err(SiteError::Changed(_)) => {}
                Err(error) => return Err(not_saved(&error)),
            }
        }
        Err(NotSaved::Failed)
    }

    fn request(&self) -> Result<SaveRequest, NotSaved> {
        debug_assert!(self.steps.len() <= CHANGES_MAX, "a form changes a handful of resources");
        let changes = self.steps.iter().filter_map(|step| self.change(step).transpose());
        let changes = changes.collect::<Result<_, _>>()?;
        Ok(SaveRequest { changes, idempotency: Some(self.key), by: self.by.clone() })
    }

    fn change(&self, step: &Step) -> Result<Option<Change>, NotSaved> {
        match step {
            Step::New { value, about } => {
                let key = key_in(value).ok_or(NotSaved::Failed)?;
                let raw = serde_json::to_vec(value).map_err(|_| NotSaved::Failed)?;
                Ok(Some(Change { key, raw: Some(raw), about: about.clone(), follows: Some(Vec::new()) }))
            }
            Step::Edit { key, edit } => {
                let found = self.site.reader().resource(key).map_err(|_| NotSaved::Failed)?.ok_or(NotSaved::Missing)?;
                let raw = found.raw.ok_or(NotSaved::Missing)?;
                let before: Value = serde_json::from_slice(&raw).map_err(|_| NotSaved::Failed)?;
                let Some(after) = edit(&before).filter(|after| *after != before) else { return Ok(None) };
                let raw = rewrite(&raw, &after).map_err(|_| NotSaved::Failed)?;
                Ok(Some(Change { key: key.clone(), raw: Some(raw), about: None, follows: Some(found.heads) }))
            }
            Step::Put { key, put } => {
                let found = self.site.reader().resource(key).map_err(|_| NotSaved::Failed)?;
                // What was deleted is written anew.
                let (stands, heads) = found.map_or((None, Vec::new()), |found| (found.raw, found.heads));
                let Some(raw) = put(stands.as_deref())? else { return Ok(None) };
                Ok(Some(Change { key: key.clone(), raw: Some(raw), about: None, follows: Some(heads) }))
            }
            Step::Settle { key, follows, raw } => {
                let heads = self.site.reader().heads(key).map_err(|_| NotSaved::Failed)?;
                if heads != *follows {
                    return Err(NotSaved::Changed);
                }
                Ok(Some(Change { key: key.clone(), raw: raw.clone(), about: None, follows: Some(heads) }))
            }
        }
    }
}

fn not_saved(error: &SiteError) -> NotSaved {
    match error {
        SiteError::Store(sanad_store::StoreError::Full) => NotSaved::DiskFull,
        SiteError::Save(sanad_log::replica::SaveError::Sealed) => NotSaved::Missing,
        _ => NotSaved::Failed,
    }
}

/// The key of a resource that says its type and id.
fn key_in(value: &Value) -> Option<ResourceKey> {
    ResourceKey::new(value.get("resourceType")?.as_str()?, value.get("id")?.as_str()?).ok()
}

fn id_of(key: &[u8; 16], number: u32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("sanad form v1: id of a new resource");
    hasher.update(key).update(&number.to_le_bytes());
    uuid(&hasher)
}

/// The id of what was made of one field of a response, or of one time of an order: the same field of the same resource
/// has the same one.
pub(crate) fn id_within(response: &str, field: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("sanad form v1: id of what a response says");
    hasher.update(&(response.len() as u64).to_le_bytes()).update(response.as_bytes()).update(field.as_bytes());
    uuid(&hasher)
}

/// A UUID of version 8 (RFC 9562).
fn uuid(hasher: &blake3::Hasher) -> String {
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// The idempotency key of a form: 32 hexadecimal digits.
pub(crate) fn key_of(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

impl App {
    /// The site whose clinic this is.
    ///
    /// # Errors
    /// [`Failure::ReadOnly`] where the screens show a record that does not change.
    pub(crate) fn clinic(&self) -> Result<&Site, Failure> {
        match self.source() {
            Source::Site(site) => Ok(site),
            Source::Fixed(_) => Err(Failure::ReadOnly),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_form_follow_from_its_key() {
        let key = key_of("00112233445566778899aabbccddeeff").unwrap();
        let id = id_of(&key, 1);
        assert_eq!(id, id_of(&key, 1));
        assert_ne!(id, id_of(&key, 2));
        assert_ne!(id, id_of(&[0; 16], 1));
        assert_eq!((id.len(), &id[14..15]), (36, "8"), "{id}");
        assert!(ResourceKey::new("Patient", id).is_ok());
    }

    #[test]
    fn a_key_is_thirty_two_hexadecimal_digits() {
        for not in ["", "0", "g0112233445566778899aabbccddeeff", "+0112233445566778899aabbccddeeff"] {
            assert!(key_of(not).is_none(), "{not}");
        }
    }
}
