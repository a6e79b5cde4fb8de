//! Which forms there are: those that ship, and every Questionnaire of the record that can be used.

use std::ops::Deref;

use sanad_node::site::Site;
use sanad_record::questionnaire::{Form, FormError, shipped};

use super::STORED_MAX;
use crate::clinic::record;
use crate::source::SourceError;
use crate::text::Voice;

/// A form that ships, or one that is stored at the site.
pub(super) enum Held {
    Shipped(&'static Form),
    Stored(Box<Form>),
}

impl Deref for Held {
    type Target = Form;

    fn deref(&self) -> &Form {
        match self {
            Held::Shipped(form) => form,
            Held::Stored(form) => form,
        }
    }
}

/// Why a stored Questionnaire cannot be used.
pub(super) enum Unusable {
    Form(FormError),
    /// Without an address (`url`) its answers would not find it again.
    NoUrl,
}

/// Reads a Questionnaire for use.
pub(super) fn usable(raw: &[u8]) -> Result<Form, Unusable> {
    let form = Form::read(raw).map_err(Unusable::Form)?;
    if form.canonical().is_empty() { Err(Unusable::NoUrl) } else { Ok(form) }
}

/// The form of an id: a stored one before one that ships, so that a site may correct what ships.
pub(super) fn held(site: &Site, id: &str) -> Result<Option<Held>, SourceError> {
    if let Some(form) = record::raw(site, "Questionnaire", id)?.and_then(|raw| usable(&raw).ok()) {
        return Ok(Some(Held::Stored(Box::new(form))));
    }
    Ok(shipped().iter().find(|form| form.id() == id).map(Held::Shipped))
}

/// A canonical without its version.
fn address(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or_default()
}

/// The form that a response names: of its version if that is here, else of another.
pub(super) fn form_of(site: &Site, canonical: &str, now_ms: u64) -> Result<Option<Held>, SourceError> {
    if canonical.is_empty() {
        return Ok(None);
    }
    let mut near = None;
    for read in record::find(site, "Questionnaire", &[], None, now_ms)?.iter().take(STORED_MAX) {
        if super::text(read, "url") != address(canonical) {
            continue;
        }
        let raw = record::raw(site, "Questionnaire", &read.key.id)?;
        let Some(form) = raw.and_then(|raw| usable(&raw).ok()) else { continue };
        if form.canonical() == canonical {
            return Ok(Some(Held::Stored(Box::new(form))));
        }
        near.get_or_insert(Held::Stored(Box::new(form)));
    }
    for form in shipped() {
        if form.canonical() == canonical {
            return Ok(Some(Held::Shipped(form)));
        }
        if near.is_none() && address(&form.canonical()) == address(canonical) {
            near = Some(Held::Shipped(form));
        }
    }
    Ok(near)
}

/// One sentence why a stored Questionnaire cannot be used. The names in it are of the form, which holds no patient.
pub(super) fn why_not(v: &Voice, why: &Unusable) -> String {
    let error = match why {
        Unusable::NoUrl => return v.t("form-not-url"),
        Unusable::Form(error) => error,
    };
    match error {
        FormError::Syntax(_) => v.t("form-not-syntax"),
        FormError::NotAQuestionnaire => v.t("form-not-questionnaire"),
        FormError::NoLinkId => v.t("form-not-link-id"),
        FormError::DuplicateLinkId(item) => v.with("form-not-twice", "item", item),
        FormError::UnknownType(item) => v.with("form-not-type", "item", item),
        FormError::UnknownQuestion { item, question } => {
            v.with2("form-not-question", ("item", item), ("question", question))
        }
        FormError::Condition(item) => v.with("form-not-condition", "item", item),
        FormError::Circle(items) => v.with("form-not-circle", "items", &items.join(&v.t("form-circle-arrow"))),
        FormError::Calculation { item, .. } => v.with("form-not-calculation", "item", item),
        FormError::Unsupported { item, what } => v.with2("form-not-supported", ("item", item), ("what", what)),
        FormError::TooLarge => v.t("form-not-small"),
    }
}
