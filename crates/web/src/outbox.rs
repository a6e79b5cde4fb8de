//! What a phone sealed while the Wi-Fi was down, sent when it was back: opened, and sent on as if the person had just
//! pressed the button.
//!
//! Every page carries a **ticket**: whose page it is, since when and in which browser, with a mark that only this site can
//! make. A sealed form brings its ticket, so it is saved in the name of whoever filled it in, with what that person may do
//! now, even if the session has locked meanwhile. A ticket saves and shows nothing: no answer here has a body.
//!
//! - A form is saved once, however often it comes: its own key sees to that ([`crate::clinic::write`]).
//! - What cannot be saved is kept for a person ([`sanad_node::outbox`]); what could be saved later stays on its phone.
//!
//! Only the clinic's forms are taken: nobody is let in, added or given a PIN by a ticket.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sanad_node::outbox::{KeptForm, OutboxKey, SEALED_BYTES_MAX};
use sanad_node::people::Person;
use sanad_node::roles::Capability;
use sanad_node::site::{Site, SiteError};
use tokio::sync::Mutex;

use crate::app::{App, Visitor};
use crate::clinic::write::key_of;
use crate::rights::{self, Need};

/// What the answer says of a form that need not be sent again: `saved` or `kept`.
const ANSWER: HeaderName = HeaderName::from_static("x-sanad-outbox");
/// How long a ticket saves by itself: some shifts without Wi-Fi. An older form waits for a person.
const TICKET_MS_MAX: u64 = 3 * 24 * 60 * 60 * 1000;
/// The longest address of a page of ours, with ids of 64 letters.
const PATH_BYTES_MAX: usize = 512;

/// The site's side of the seal, and how many forms wait for a person.
pub(crate) struct Outbox {
    key: OutboxKey,
    kept: AtomicU64,
    /// Two pages of one phone send the same forms: one is kept before the next is looked at.
    keeping: Mutex<()>,
}

/// What a page carries so that it can seal its forms.
pub(crate) struct Carried {
    /// The site's public key, in base64.
    pub key: String,
    pub ticket: String,
    /// How many forms wait for a person.
    pub kept: u64,
}

impl Outbox {
    pub(crate) async fn of(site: &Site) -> Result<Outbox, SiteError> {
        let kept = AtomicU64::new(site.kept_forms()?.len() as u64);
        Ok(Outbox { key: site.outbox_key().await?, kept, keeping: Mutex::default() })
    }

    /// What the page of a visitor carries.
    pub(crate) fn carried(&self, visitor: &Visitor, now_ms: u64) -> Carried {
        Carried {
            key: STANDARD.encode(self.key.public()),
            ticket: self.ticket(visitor.by().unwrap_or_default(), &visitor.browser, now_ms),
            kept: self.kept.load(Ordering::Relaxed),
        }
    }

    /// Whoever reads a page learns nothing of the browser's cookie, which no script can read.
    fn ticket(&self, call_sign: &str, browser: &str, at_ms: u64) -> String {
        let of = format!("{at_ms:x}.{}.{call_sign}", self.hex_mark(&format!("browser {browser}")));
        format!("{}.{of}", self.hex_mark(&of))
    }

    fn hex_mark(&self, text: &str) -> String {
        format!("{:032x}", u128::from_be_bytes(self.key.mark(text)))
    }

    fn read_ticket(&self, app: &App, text: &str, browser: &str) -> Option<Ticket> {
        let (mark, of) = text.split_once('.')?;
        let (at_ms, rest) = of.split_once('.')?;
        let (seen, call_sign) = rest.split_once('.')?;
        let is_ours = app.same(mark, &self.hex_mark(of));
        let at_ms = u64::from_str_radix(at_ms, 16).ok().filter(|_| is_ours)?;
        let is_of_this_browser = app.same(seen, &self.hex_mark(&format!("browser {browser}")));
        // A clock that was set back makes no ticket good for ever.
        let is_good = is_of_this_browser && app.now_ms().abs_diff(at_ms) <= TICKET_MS_MAX;
        Some(Ticket { call_sign: call_sign.to_owned(), is_good })
    }

    /// Counts anew what waits for a person.
    pub(crate) fn recount(&self, site: &Site) {
        if let Ok(forms) = site.kept_forms() {
            self.kept.store(forms.len() as u64, Ordering::Relaxed);
        }
    }
}

struct Ticket {
    /// Empty where nobody signed in yet.
    call_sign: String,
    /// Whether this browser may save with it by itself.
    is_good: bool,
}

/// In whose name a form is sent on. The guard believes it: no request from outside has it.
#[derive(Clone)]
pub(crate) struct Replay {
    /// Nobody where nobody signs in yet.
    pub person: Option<Person>,
}

/// What became of a form.
enum Became {
    Saved,
    /// It waits for a person.
    Kept,
}

/// Why a form stays on its phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stays {
    /// Nothing that a page of ours sends.
    Format,
    /// Longer than any of ours.
    TooLarge,
    /// Sealed to another site, or damaged.
    Seal,
    /// Nobody knows who filled it in; somebody has to sign in on this phone.
    Ticket,
    /// No site at work, no room on the disk, or too many that wait: later.
    NotNow,
}

impl Stays {
    fn status(self) -> StatusCode {
        match self {
            Stays::Format => StatusCode::BAD_REQUEST,
            Stays::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Stays::Seal => StatusCode::UNPROCESSABLE_ENTITY,
            Stays::Ticket => StatusCode::FORBIDDEN,
            Stays::NotNow => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A form as a page seals it.
#[derive(serde::Deserialize)]
struct Form {
    path: String,
    ticket: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(text: &[u8]) -> Option<(Form, [u8; 16])> {
        let mut form: Form = serde_json::from_slice(text).ok()?;
        let key = form.fields.iter().find(|(name, _)| name == "key").and_then(|(_, key)| key_of(key))?;
        let is_path = form.path.starts_with('/') && !form.path.starts_with("//") && form.path.len() <= PATH_BYTES_MAX;
        is_path.then(|| form.path.parse::<PathAndQuery>().ok()).flatten()?;
        // The token that made it ours is another one by now.
        form.fields.retain(|(name, _)| name != "form");
        Some((form, key))
    }

    fn pathname(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

/// `POST /outbox`: takes a sealed form. Stands in front of the pages, so that `next` is all of them.
pub(crate) async fn open(State(app): State<App>, visitor: Visitor, request: Request, next: Next) -> Response {
    match opened(&app, &visitor, request, next).await {
        Ok(Became::Saved) => (StatusCode::NO_CONTENT, [(ANSWER, "saved")]).into_response(),
        Ok(Became::Kept) => (StatusCode::NO_CONTENT, [(ANSWER, "kept")]).into_response(),
        Err(stays) => stays.status().into_response(),
    }
}

async fn opened(app: &App, visitor: &Visitor, request: Request, next: Next) -> Result<Became, Stays> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    if kind != Some(b"application/octet-stream") {
        return Err(Stays::Format);
    }
    let sealed = to_bytes(body, SEALED_BYTES_MAX).await.map_err(|_| Stays::TooLarge)?;
    let (Some(site), Ok(outbox)) = (app.site(), app.outbox().await) else { return Err(Stays::NotNow) };
    let text = outbox.key.open(&sealed).map_err(|_| Stays::Seal)?;
    let (form, key) = Form::read(&text).ok_or(Stays::Format)?;
    let ticket = outbox.read_ticket(app, &form.ticket, &visitor.browser).ok_or(Stays::Ticket)?;
    let by = Some(ticket.call_sign.as_str()).filter(|by| !by.is_empty());
    let is_here = visitor.is_let_in() && visitor.by() == by;
    if !ticket.is_good && !visitor.is_let_in() {
        return Err(Stays::Ticket);
    }
    // It may have been saved before the answer was lost; what it changed may be merged or over by now.
    if is_saved(site, key).await? {
        return Ok(Became::Saved);
    }
    let is_clinic = |need| matches!(need, Need::May(capability) if capability != Capability::People);
    let may_be_sent = rights::need_at(form.pathname(), &Method::POST).is_some_and(is_clinic);
    let person = by.and_then(|by| site.person(by));
    let is_somebody = person.is_some() || by.is_none() && !app.has_people();
    if (ticket.is_good || is_here) && is_somebody && may_be_sent {
        let replayed = replayed(app, visitor, &parts.headers, &form, Replay { person })?;
        let answer = next.run(replayed).await;
        let status = answer.status();
        if status.is_redirection() {
            return Ok(Became::Saved);
        }
        if status.is_server_error() {
            return Err(Stays::NotNow);
        }
    }
    keep(app, outbox, site, form, by.map(str::to_owned)).await
}

async fn is_saved(site: &Site, key: [u8; 16]) -> Result<bool, Stays> {
    let site = site.clone();
    let found = tokio::task::spawn_blocking(move || site.reader().entry_by_idempotency(&key)).await;
    Ok(found.map_err(|_| Stays::NotNow)?.map_err(|_| Stays::NotNow)?.is_some())
}

/// The request that the browser would have made.
fn replayed(
    app: &App,
    visitor: &Visitor,
    headers: &axum::http::HeaderMap,
    form: &Form,
    replay: Replay,
) -> Result<Request, Stays> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("form", &app.form_token(&visitor.browser));
    body.extend_pairs(&form.fields);
    let uri: Uri = form.path.parse().map_err(|_| Stays::Format)?;
    let mut request = Request::post(uri)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.finish()))
        .map_err(|_| Stays::Format)?;
    for name in [header::HOST, header::COOKIE] {
        for value in headers.get_all(&name) {
            request.headers_mut().append(&name, value.clone());
        }
    }
    request.extensions_mut().insert(visitor.client);
    request.extensions_mut().insert(replay);
    Ok(request)
}

async fn keep(app: &App, outbox: &Outbox, site: &Site, form: Form, by: Option<String>) -> Result<Became, Stays> {
    let _one = outbox.keeping.lock().await;
    let kept = site.kept_forms().map_err(|_| Stays::NotNow)?;
    if kept.iter().any(|kept| kept.path == form.path && kept.fields == form.fields) {
        return Ok(Became::Kept);
    }
    let form = KeptForm { n: 0, by, came_ms: app.now_ms(), path: form.path, fields: form.fields };
    match site.keep_form(form).await {
        Ok(Some(_)) => {
            outbox.recount(site);
            Ok(Became::Kept)
        }
        Ok(None) | Err(_) => Err(Stays::NotNow),
    }
}
