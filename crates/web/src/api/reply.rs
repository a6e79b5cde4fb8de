//! An answer, before it is HTTP or an entry of a Bundle.

use super::FHIR_JSON;
use super::outcome::Refusal;
use super::words;
use crate::text::Lang;
use axum::http::header::{self, HeaderName};
use sanad_record::outgoing::{ConflictTag, with_meta};
use sanad_store::Resource;
use std::time::{Duration, UNIX_EPOCH};

/// An answer.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub status: u16,
    /// The version that the answer is about.
    pub version_id: Option<String>,
    /// When that was saved.
    pub updated_ms: Option<u64>,
    /// Where what was made is read.
    pub location: Option<String>,
    /// Headers that only one kind of answer has.
    pub more: Vec<(HeaderName, String)>,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: Vec<u8>) -> Reply {
        Reply { status, body, ..Reply::default() }
    }

    pub fn refused(refusal: &Refusal) -> Reply {
        Reply::refused_in(refusal, None)
    }

    /// A refusal, with words in the language of whoever asks.
    pub fn refused_in(refusal: &Refusal, language: Option<Lang>) -> Reply {
        let mut outcome = refusal.outcome();
        if let Some(language) = language {
            words::put_into(&mut outcome, language);
        }
        let mut reply = Reply::new(refusal.status, outcome.to_string().into_bytes());
        if refusal.status == 401 {
            reply.more.push((header::WWW_AUTHENTICATE, r#"Bearer realm="sanad""#.to_owned()));
        }
        if refusal.status == 429 {
            reply.more.push((header::RETRY_AFTER, "10".to_owned()));
        }
        reply
    }

    /// A resource as it leaves.
    pub fn resource(status: u16, resource: &Resource) -> Reply {
        Reply {
            status,
            version_id: Some(resource.version_id.clone()),
            updated_ms: Some(resource.updated_ms),
            body: leaving(resource),
            ..Reply::default()
        }
    }

    pub fn etag(&self) -> Option<String> {
        self.version_id.as_ref().map(|version| format!("W/\"{version}\""))
    }

    pub fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        if !self.body.is_empty() {
            headers.push((header::CONTENT_TYPE, FHIR_JSON.to_owned()));
        }
        headers.extend(self.etag().map(|etag| (header::ETAG, etag)));
        headers.extend(self.updated_ms.map(|ms| (header::LAST_MODIFIED, http_date(ms))));
        headers.extend(self.location.clone().map(|location| (header::LOCATION, location)));
        headers.extend(self.more.iter().cloned());
        headers
    }
}

/// A time in the form of HTTP, which knows no fractions of a second.
pub(crate) fn http_date(ms: u64) -> String {
    // The year 9999, the last that the form can write.
    let ms = ms.min(253_402_300_799_000);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms))
}

/// The bytes of a resource as they leave: with its id, its version, and what waits for a clinician.
pub(crate) fn leaving(resource: &Resource) -> Vec<u8> {
    let Some(raw) = &resource.raw else { return Vec::new() };
    let tags: &[ConflictTag] = if resource.conflicts.is_empty() { &[] } else { &[ConflictTag::Conflict] };
    // What is no JSON object can only leave as it is.
    with_meta(raw, &resource.key, &resource.version_id, resource.updated_ms, tags).unwrap_or_else(|_| raw.clone())
}
