//! What a Subscription asks for, or the sentence that says why it cannot be had here.

use crate::api::access::{Access, Caller};
use crate::api::call::{is_json, pairs_of};
use axum::http::{HeaderName, HeaderValue};
use sanad_node::hook::{Endpoint, Reach, is_free_header};
use sanad_record::json::{self, Node, parse_object};
use sanad_record::key::RESOURCE_TYPES;
use sanad_record::search::{Filter, Now, read as read_query, table_of};
use sanad_record::time::span;
use sanad_store::Resource;

/// Where the fingerprint of an `https` endpoint's certificate stands: an extension of `Subscription.channel`.
const CERTIFICATE_URL: &str = "urn:sanad:certificate-sha256";
/// Most headers of one Subscription, and the longest of them.
const HEADERS_MAX: usize = 32;
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Parameters that say what the page of a search looks like, and choose nothing.
const OF_A_PAGE: [&str; 12] = [
    "_sort",
    "_count",
    "_total",
    "_summary",
    "_elements",
    "_after",
    "_format",
    "_pretty",
    "_include",
    "_revinclude",
    "_contained",
    "_containedType",
];

/// What is to be told to whom. No `Debug`: headers may hold a secret.
pub(super) struct Terms {
    pub resource_type: &'static str,
    filters: Vec<Filter>,
    pub endpoint: Endpoint,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Set if resources are sent along.
    pub media_type: Option<HeaderValue>,
    pub end_ms: Option<u64>,
}

/// The status that a Subscription says.
pub(super) fn status(raw: &[u8]) -> Option<String> {
    parse_object(raw).ok()?.get_str("status").map(|status| status.into_owned())
}

/// Whether somebody wants it delivered: it says neither that it is off nor that it has failed.
pub(super) fn is_wanted(raw: &[u8]) -> bool {
    !matches!(status(raw).as_deref(), Some("off" | "error"))
}

/// A hash of what is asked for, whatever else the resource says and however its JSON is laid out.
pub(super) fn hash(raw: &[u8]) -> [u8; 32] {
    let resource: serde_json::Value = serde_json::from_slice(raw).unwrap_or_default();
    let asked = ["criteria", "channel", "end"].map(|name| resource.get(name).cloned().unwrap_or_default());
    blake3::derive_key(
        "sanad 2026 subscription terms v1",
        serde_json::Value::from(asked.to_vec()).to_string().as_bytes(),
    )
}

/// Reads what a Subscription asks for.
///
/// # Errors
/// A sentence for `Subscription.error`; it names the place and never what stands there.
pub(super) fn read(raw: &[u8], reach: Reach, now_ms: u64) -> Result<Terms, String> {
    let resource = parse_object(raw).map_err(|_| "The Subscription is not JSON.".to_owned())?;
    let (resource_type, filters) = criteria(&resource.get_str("criteria").unwrap_or_default(), now_ms)?;
    let channel = resource.get("channel").ok_or("Subscription.channel is missing.")?;
    match channel.get_str("type").as_deref() {
        Some("rest-hook") => {}
        Some("websocket" | "email" | "sms" | "message") => {
            return Err("Subscription.channel.type: this site tells only by rest-hook.".to_owned());
        }
        _ => return Err("Subscription.channel.type is not one of FHIR R4; this site tells by rest-hook.".to_owned()),
    }
    let address = channel.get_str("endpoint").unwrap_or_default();
    let endpoint = Endpoint::read(&address, fingerprint(channel).as_deref(), reach)
        .map_err(|error| format!("Subscription.channel.endpoint: {error}."))?;
    let media_type = match channel.get_str("payload") {
        None => None,
        Some(payload) if is_json(&payload) && !payload.contains('*') => {
            Some(HeaderValue::try_from(&*payload).map_err(|_| "Subscription.channel.payload is no media type.")?)
        }
        Some(_) => {
            return Err("Subscription.channel.payload: resources are sent as application/fhir+json only.".to_owned());
        }
    };
    let end_ms = match resource.get_str("end") {
        None => None,
        Some(end) => Some(span(&end).ok_or("Subscription.end is not an instant.")?.from_ms.max(0) as u64),
    };
    Ok(Terms { resource_type, filters, endpoint, headers: headers(channel)?, media_type, end_ms })
}

fn criteria(criteria: &str, now_ms: u64) -> Result<(&'static str, Vec<Filter>), String> {
    let (name, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let at = RESOURCE_TYPES.binary_search(&name.trim_start_matches('/'));
    let resource_type = at.map(|at| RESOURCE_TYPES[at]).map_err(|_| {
        "Subscription.criteria: it is not a search of one resource type, as Observation?code=1234-5.".to_owned()
    })?;
    let pairs = pairs_of(query.as_bytes()).map_err(|refusal| format!("Subscription.criteria: {}", refusal.what))?;
    let of_a_page = |name: &str| OF_A_PAGE.contains(&name.split(':').next().unwrap_or_default());
    if pairs.iter().any(|(name, _)| of_a_page(name)) {
        return Err("Subscription.criteria: a parameter says what a page looks like and not what matches.".to_owned());
    }
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let query = read_query(Some(resource_type), pairs, Now(now_ms))
        .map_err(|error| format!("Subscription.criteria could not be understood: {error}."))?;
    if let Some(name) = query.unknown.first() {
        return Err(format!("Subscription.criteria: the parameter {name} is not known here."));
    }
    if query.filters.iter().any(|filter| !matches!(filter, Filter::Here(_))) {
        return Err("Subscription.criteria: chains and _has are not carried; name what stands in the resource itself."
            .to_owned());
    }
    Ok((resource_type, query.filters))
}

fn fingerprint(channel: &Node<'_>) -> Option<String> {
    let extensions = channel.get("extension").map_or(&[][..], Node::items).iter();
    let mut own = extensions.filter(|extension| extension.get_str("url").as_deref() == Some(CERTIFICATE_URL));
    own.next()?.get_str("valueString").map(|text| text.into_owned())
}

fn headers(channel: &Node<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let lines = channel.get("header").map_or(&[][..], Node::items);
    if lines.len() > HEADERS_MAX {
        return Err(format!("Subscription.channel.header: there are more than {HEADERS_MAX}."));
    }
    let mut headers = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        let line = line.as_str().filter(|line| line.len() <= HEADER_BYTES_MAX).unwrap_or_default();
        let header = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::try_from(name.trim()).ok().filter(is_free_header)?;
            Some((name, HeaderValue::try_from(value.trim()).ok()?))
        });
        headers.push(header.ok_or_else(|| {
            format!("Subscription.channel.header[{at}] is not a name, a colon and a value, or not for a client to set.")
        })?);
    }
    Ok(headers)
}

impl Terms {
    /// Whether a token may be told this at all.
    ///
    /// # Errors
    /// A sentence for `Subscription.error`.
    pub fn are_within(&self, caller: &Caller) -> Result<(), String> {
        let wanted = [Some(Access::Search), self.media_type.as_ref().map(|_| Access::Read)];
        match wanted.into_iter().flatten().all(|access| caller.may(Some(self.resource_type), access).is_ok()) {
            true => Ok(()),
            false => Err("The token that asked for this may not read what it asks for.".to_owned()),
        }
    }

    /// Whether it is to be told of a resource as it says now.
    pub fn fit(&self, caller: &Caller, resource: &Resource) -> bool {
        let is_seen =
            caller.sees(resource, Access::Search) && (self.media_type.is_none() || caller.sees(resource, Access::Read));
        let Some(table) = table_of(self.resource_type) else { return false };
        let Some(Ok(node)) = resource.raw.as_deref().filter(|_| is_seen).map(json::parse) else { return false };
        self.filters.iter().all(|filter| match filter {
            Filter::Here(criterion) => criterion.matches(table, &node, resource.about()),
            Filter::Chain(..) | Filter::Has(..) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(criteria: &str, channel: &str) -> Result<Terms, String> {
        let raw = format!(
            r#"{{"resourceType":"Subscription","id":"s","status":"requested","criteria":"{criteria}","channel":{channel}}}"#
        );
        read(raw.as_bytes(), Reach::Local, 0)
    }

    #[test]
    fn what_cannot_be_carried_is_said_in_a_sentence_that_repeats_nothing() {
        let hook = r#"{"type":"rest-hook","endpoint":"http://10.0.0.9/secret"}"#;
        for criteria in
            ["Observation", "Observation?", "Observation?code=http://loinc.org|8867-4&patient=p1", "Flag?_id=x"]
        {
            assert!(asks(criteria, hook).is_ok(), "{criteria}");
        }
        for (criteria, channel, place) in [
            ("", hook, "Subscription.criteria: it is not a search"),
            ("Nobody?x=secret", hook, "Subscription.criteria: it is not a search"),
            ("Observation?secret=secret", hook, "the parameter"),
            ("Observation?date=secret", hook, "Subscription.criteria could not be understood"),
            ("Observation?patient.name=secret", hook, "chains and _has"),
            ("Patient?_has:Observation:patient:code=secret", hook, "chains and _has"),
            ("Observation?_sort=date", hook, "a page"),
            ("Observation?_include=Observation:patient", hook, "a page"),
            ("Observation", r#"{"type":"email","endpoint":"mailto:secret"}"#, "only by rest-hook"),
            ("Observation", r#"{"type":"websocket"}"#, "only by rest-hook"),
            ("Observation", r#"{"type":"secret"}"#, "not one of FHIR R4"),
            ("Observation", r#"{"type":"rest-hook"}"#, "Subscription.channel.endpoint"),
            ("Observation", r#"{"type":"rest-hook","endpoint":"http://203.0.113.5/secret"}"#, "calls nothing else"),
            ("Observation", r#"{"type":"rest-hook","endpoint":"https://10.0.0.9/secret"}"#, "fingerprint"),
            ("Observation", r#"{"type":"rest-hook","endpoint":"http://10.0.0.9/","payload":"text/secret"}"#, "payload"),
            ("Observation", r#"{"type":"rest-hook","endpoint":"http://10.0.0.9/","header":["secret"]}"#, "header[0]"),
            (
                "Observation",
                r#"{"type":"rest-hook","endpoint":"http://10.0.0.9/","header":["a: b","Host: secret"]}"#,
                "header[1]",
            ),
        ] {
            let error = asks(criteria, channel).err().unwrap();
            assert!(error.contains(place) && error.ends_with('.'), "{criteria} {channel}: {error}");
            assert!(!error.contains("secret") || criteria.contains("secret="), "{error}");
        }
    }

    #[test]
    fn terms_are_the_same_however_they_are_laid_out_and_whatever_the_status_says() {
        let one = br#"{"status":"requested","criteria":"Flag","channel":{"type":"rest-hook"}}"#;
        let other =
            br#"{ "criteria" : "Flag", "channel" : { "type" : "rest-hook" }, "status" : "active", "error":"x" }"#;
        assert_eq!(hash(one), hash(other));
        assert_ne!(
            hash(one),
            hash(br#"{"criteria":"Flag","channel":{"type":"rest-hook","endpoint":"http://10.0.0.1"}}"#)
        );
        assert_ne!(
            hash(one),
            hash(br#"{"criteria":"Flag","channel":{"type":"rest-hook"},"end":"2018-02-18T00:00:00Z"}"#)
        );
    }
}
