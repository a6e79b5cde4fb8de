//! The FHIR R4 interface of a site, at `/fhir`.
//!
//! Promises, each with a test of its name:
//! - **The same truth.** A write is a save like any other: signed, sealed, replicated, merged. What is read is byte for byte
//!   what was saved, but for `id` and `meta`.
//! - **Need to know.** Whoever asks shows a token; a chart that is not readable here, or not for that token, does not exist.
//! - **Any bytes may come.** Whatever is sent is answered with the right status and an OperationOutcome that names the place
//!   and never what stood there; nothing is half done.
//!
//! One request is a `call::Call`, one answer a `reply::Reply`; a batch is many of them. What there is to call is one
//! match in `interact`, and the CapabilityStatement is made from the tables that it runs on.

mod access;
pub(crate) mod audit;
mod body;
mod bulk;
mod bundle;
mod call;
mod capability;
mod change;
mod everything;
mod find;
mod history;
mod interact;
mod kept;
mod matching;
mod near;
mod outcome;
mod parameters;
mod patch;
mod read;
mod reply;
mod subscription;
mod summary;
mod terminology;
#[cfg(test)]
mod tests;
mod validity;
mod words;

use crate::guard::{self, Client};
use access::Caller;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use body::Incoming;
use call::Call;
use outcome::Refusal;
use reply::Reply;
use sanad_node::site::Site;
use sanad_store::Resource;
use std::sync::Arc;
use tokio::sync::Mutex;

pub use access::{ROLES, is_scope};
pub use near::{Ends, near_only};
pub use subscription::deliver as deliver_subscriptions;
pub use validity::Validation;

/// Where the interface stands.
pub const BASE_PATH: &str = "/fhir";
/// Largest body that is read: an entry of the log holds 16 MiB.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The media type of everything that comes and goes.
pub(crate) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

struct Inner {
    site: Site,
    host_names: Vec<String>,
    validation: Validation,
    /// Held while a write that depends on a search is under way, so that two of them cannot both find nothing.
    conditional: Mutex<()>,
    /// Charts that were opened and are yet to be written down.
    opened: audit::Opened,
    /// Searches that came in a body.
    kept: kept::Kept,
    /// Exports and imports under way.
    bulk: bulk::Bulk,
}

impl Api {
    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    /// Writes down that somebody opened the charts that these belong to.
    pub(crate) fn opened<'r>(&self, caller: &Caller, resources: impl IntoIterator<Item = &'r Resource>) {
        // Who looks at what was written down of reading opens no chart by it.
        let records = resources.into_iter().filter(|resource| resource.key.resource_type != "AuditEvent");
        let patients = records.filter_map(|resource| resource.patients.first());
        self.0.opened.note(&self.0.site, caller, patients);
    }

    pub(crate) fn validation(&self) -> Validation {
        self.0.validation
    }

    pub(crate) fn bulk(&self) -> &bulk::Bulk {
        &self.0.bulk
    }

    pub(crate) fn kept(&self) -> &kept::Kept {
        &self.0.kept
    }

    pub(crate) fn conditional(&self) -> &Mutex<()> {
        &self.0.conditional
    }
}

/// The interface as a router for all paths under [`BASE_PATH`]. `host_names` are names of the site beside `localhost` and
/// addresses.
pub fn router(site: Site, host_names: Vec<String>, validation: Validation) -> Router {
    let opened = audit::Opened::default();
    let waiting = opened.clone();
    site.before_close(move |site| async move { waiting.flush(&site).await });
    let api = Api(Arc::new(Inner {
        site,
        host_names,
        validation,
        conditional: Mutex::default(),
        opened,
        kept: kept::Kept::default(),
        bulk: bulk::Bulk::default(),
    }));
    let any = axum::routing::any(answer);
    let with_slash = format!("{BASE_PATH}/");
    Router::new()
        .route(BASE_PATH, any.clone())
        .route(&with_slash, any.clone())
        .route(&format!("{BASE_PATH}/{{*path}}"), any)
        .with_state(api)
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    let head_only = request.method() == axum::http::Method::HEAD;
    let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|language| language.to_str().ok());
    let language = words::asked(language);
    let (parts, body) = request.into_parts();
    let mut body = Incoming::new(body, &parts.headers);
    let response = match response_to(&api, &parts, &mut body, head_only).await {
        Ok(response) => response,
        Err(refusal) => respond(Reply::refused_in(&refusal, language), head_only),
    };
    body.discard();
    response
}

async fn response_to(api: &Api, parts: &Parts, body: &mut Incoming, head_only: bool) -> Result<Response, Refusal> {
    let client = parts.extensions.get::<Client>().copied();
    let host = host_of(&parts.headers, parts.uri.authority().map(|authority| authority.as_str()));
    // A name that a stranger's name server points here would let a page of theirs ask in a browser's name.
    let host = host.filter(|host| guard::host_allowed(host, &api.0.host_names)).ok_or_else(Refusal::wrong_host)?;
    let scheme = if client.is_some_and(|client| client.tls) { "https" } else { "http" };
    let base = format!("{scheme}://{host}{BASE_PATH}");
    let method = parts.method.as_str().to_owned();
    let path = parts.uri.path().strip_prefix(BASE_PATH).unwrap_or_default().to_owned();
    let mut call = Call::new(&method, &path, parts.uri.query().unwrap_or_default(), &base)?;
    call.read_headers(&parts.headers)?;
    if call.is_open() {
        return Ok(respond(interact::open(api, &call)?, head_only));
    }
    let caller = Caller::of(api, &parts.headers)?;
    // What is too long to be held: it is read, and handed out, piece by piece.
    if bulk::is_asked(&call) && !head_only {
        return bulk::answer(api, &caller, &mut call, body.take()).await;
    }
    call.body = body.read(BODY_BYTES_MAX).await?;
    Ok(respond(interact::interact(api, &caller, call).await?, head_only))
}

fn host_of(headers: &HeaderMap, authority: Option<&str>) -> Option<String> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.or(authority).map(str::to_owned)
}

fn respond(reply: Reply, head_only: bool) -> Response {
    let headers = reply.headers();
    respond_with(reply.status, headers, if head_only { Body::empty() } else { Body::from(reply.body) })
}

/// An answer with the headers that every answer has.
fn respond_with(status: u16, headers: impl IntoIterator<Item = (HeaderName, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let all = response.headers_mut();
    all.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    all.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    all.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in headers {
        // What a header cannot carry is left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            all.append(name, value);
        }
    }
    response
}
