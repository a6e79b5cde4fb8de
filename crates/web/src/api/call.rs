//! One request, whether it came by HTTP or as an entry of a Bundle.

use super::bulk;
use super::outcome::Refusal;
use axum::http::{HeaderMap, header};
use bytes::Bytes;

/// Longest path and query of one request, in bytes: less than a request's head may have on any carrier, so that whoever
/// sends more is told why.
const ADDRESS_BYTES_MAX: usize = 24 * 1024;
/// Most parameters of one request.
const PAIRS_MAX: usize = 256;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What an answer to a write shall hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Return {
    #[default]
    Representation,
    Minimal,
    Outcome,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Call {
    pub method: Method,
    /// The parts of the path behind the base.
    pub path: Vec<String>,
    /// Names and values of the query, in their order.
    pub pairs: Vec<(String, String)>,
    /// The address of the interface as the client knows it.
    pub base: String,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<u64>,
    pub if_none_exist: Option<String>,
    pub wants: Return,
    /// A parameter that is not known is an error.
    pub is_strict: bool,
    /// The answer may come later, at an address of its own (FHIR R4 §3.1.6).
    pub is_async: bool,
    /// It is a search whose parameters came in its body, and what it is kept as, if it is.
    pub from_body: bool,
    pub kept: Option<String>,
    pub content_type: String,
    /// The first language that the client asks for.
    pub language: Option<String>,
    pub body: Bytes,
}

impl Call {
    pub fn new(method: &str, path: &str, query: &str, base: &str) -> Result<Call, Refusal> {
        let method = match method {
            "GET" | "HEAD" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(Refusal::not_supported("This method is not supported.")),
        };
        if path.len() + query.len() > ADDRESS_BYTES_MAX {
            return Err(Refusal::new(414, "too-long", "The address is too long. Search by POST to _search instead."));
        }
        let parts = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let call = Call {
            method,
            path: parts,
            pairs: pairs_of(query.as_bytes())?,
            base: base.to_owned(),
            if_match: None,
            if_none_match: None,
            if_modified_since: None,
            if_none_exist: None,
            wants: Return::default(),
            is_strict: false,
            is_async: false,
            from_body: false,
            kept: None,
            content_type: String::new(),
            language: None,
            body: Bytes::new(),
        };
        let format = call.pairs.iter().rev().find(|(name, _)| name == "_format");
        if format.is_some_and(|(_, format)| !is_json(format)) {
            return Err(Refusal::new(406, "not-supported", "Only JSON is spoken here: application/fhir+json."));
        }
        Ok(call)
    }

    pub fn read_headers(&mut self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.if_match = text("if-match").map(|tag| version_of(&tag));
        self.if_none_match = text("if-none-match").map(|tag| version_of(&tag));
        self.if_modified_since = text("if-modified-since").and_then(|date| {
            let since = httpdate::parse_http_date(&date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(since.as_secs())
        });
        self.if_none_exist = text("if-none-exist");
        self.content_type = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        self.language = text("accept-language");
        for prefer in headers.get_all("prefer").iter().filter_map(|prefer| prefer.to_str().ok()) {
            self.prefer(prefer);
        }
        let accepts = text(header::ACCEPT.as_str()).unwrap_or_default();
        let has_format = self.pairs.iter().any(|(name, _)| name == "_format");
        let accepts_json =
            accepts.is_empty() || accepts.split(',').any(|kind| kind.trim().starts_with("*/*") || is_json(kind));
        let accepts_json = accepts_json || bulk::is_asked(self) && accepts.split(',').any(bulk::is_ndjson);
        if !has_format && !accepts_json {
            return Err(Refusal::new(406, "not-supported", "Only JSON is spoken here: application/fhir+json."));
        }
        Ok(())
    }

    fn prefer(&mut self, prefer: &str) {
        for part in prefer.split([',', ';']).map(str::trim) {
            match part {
                "return=minimal" => self.wants = Return::Minimal,
                "return=representation" => self.wants = Return::Representation,
                "return=OperationOutcome" => self.wants = Return::Outcome,
                "handling=strict" => self.is_strict = true,
                "handling=lenient" => self.is_strict = false,
                "respond-async" => self.is_async = true,
                _ => {}
            }
        }
    }

    /// True for what needs no token: what the server can do is no secret.
    pub fn is_open(&self) -> bool {
        self.method == Method::Get && self.path.len() == 1 && self.path[0] == "metadata"
    }

    /// The parts of the path, to be matched.
    pub fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// True for the names by which JSON is asked for.
pub(super) fn is_json(format: &str) -> bool {
    let kind = format.split(';').next().unwrap_or_default().trim();
    matches!(
        kind,
        "json" | "application/json" | "application/fhir+json" | "application/fhir json" | "text/json" | "*/*"
    )
}

/// The version in an ETag.
fn version_of(tag: &str) -> String {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.trim_matches('"').to_owned()
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Names and values of a query or a form.
pub(super) fn pairs_of(query: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs = Vec::new();
    for (name, value) in form_urlencoded::parse(query) {
        if pairs.len() >= PAIRS_MAX {
            return Err(Refusal::new(400, "too-long", "There are more than 256 parameters."));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}
