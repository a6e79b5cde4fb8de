//! Telling an open page that something has changed: server-sent events (HTML, §9.2).
//!
//! What is told is numbers and yes or no: the gauges, and whether what the page shows has changed since it was made. The
//! person who reads decides when to look. Listening keeps no session alive, and ends with it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use sanad_node::discover::stopped;
use sanad_record::key::{RESOURCE_TYPES, ResourceKey};
use sanad_store::{Concern, Place};
use serde_json::json;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::app::{App, Visitor};
use crate::clinic::board;
use crate::model::Gauges;
use crate::source::Source;
use crate::text::grouped;

/// Where pages listen.
pub(crate) const PATH: &str = "/events";
/// Pages that listen at once; the rest are as they are without a script. A large facility has some dozens of screens.
const LISTENERS_MAX: usize = 64;
/// A page is told no more often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How often something is said where nothing happens, so that neither end takes the other for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is looked whether the session is alive.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a browser waits before it calls again, and a stream ends where its reader takes nothing.
const CALL_AGAIN_MS: u32 = 5_000;
const STUCK: Duration = Duration::from_secs(60);

/// Who listens, and the gauges that all of them are told.
pub(crate) struct Listeners {
    free: Arc<Semaphore>,
    gauges: Mutex<Option<(u64, Gauges)>>,
}

impl Default for Listeners {
    fn default() -> Listeners {
        Listeners { free: Arc::new(Semaphore::new(LISTENERS_MAX)), gauges: Mutex::default() }
    }
}

/// What a page shows, as far as it can change.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Shown {
    Record(Concern),
    /// Everybody who is on the board.
    Board,
    /// What the gauges are made of.
    Gauges,
    Nothing,
}

/// What the page at an address shows.
fn shown(path: &str) -> Shown {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let named = |name: &str| RESOURCE_TYPES.binary_search(&name).is_ok();
    let of_type = |name: &str| Shown::Record(Concern::Type(name.to_owned()));
    let resource = |kind: &str, id: &str| match ResourceKey::new(kind, id) {
        Ok(key) => Shown::Record(Concern::Resource(key)),
        Err(_) => Shown::Nothing,
    };
    match parts[..] {
        [] | ["sites"] => Shown::Gauges,
        ["patients"] => of_type("Patient"),
        ["board"] => Shown::Board,
        ["casualties", id] => Shown::Record(Concern::Patient(id.to_owned(), None)),
        ["asks"] => of_type("Task"),
        ["conflicts"] => Shown::Record(Concern::Conflicts),
        ["patients", id] => Shown::Record(Concern::Patient(id.to_owned(), None)),
        ["patients", id, kind] if named(kind) => Shown::Record(Concern::Patient(id.to_owned(), Some(kind.to_owned()))),
        ["patients", _, kind, id] | ["resources", kind, id] => resource(kind, id),
        _ => Shown::Nothing,
    }
}

/// `/events?of=PATH&after=PLACE`
pub(crate) async fn get(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let after = query.get("after").and_then(|after| after.parse().ok()).map(Place);
    let (Source::Site(site), Some(after)) = (app.source(), after) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(place) = app.listeners().free.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (lines, body) = mpsc::channel(1);
    let listener = Listener {
        shown: shown(query.get("of").map_or("", String::as_str)),
        after,
        session: visitor.session.filter(|_| !visitor.local || visitor.person.is_some()),
        changes: site.changes(),
        until: app.until(),
        lines,
        app: app.clone(),
        _place: place,
    };
    tokio::spawn(listener.listen());
    let mut response = Response::new(Body::new(Lines(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// What a page has been told.
#[derive(Clone, PartialEq, Eq)]
struct News {
    /// Whether what it shows has changed.
    is_new: bool,
    gauges: Gauges,
}

/// One page that listens.
struct Listener {
    app: App,
    shown: Shown,
    after: Place,
    /// `None` where none is needed, since the page is on this machine itself and nobody signs in yet.
    session: Option<String>,
    changes: watch::Receiver<u64>,
    until: watch::Receiver<bool>,
    lines: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    async fn listen(mut self) {
        if !self.say(format!("retry: {CALL_AGAIN_MS}\n\n")).await {
            return;
        }
        // The page may be older than this call.
        let mut has_changed = true;
        let mut told: Option<News> = None;
        let mut said_at = Instant::now();
        loop {
            if !self.is_let_in() {
                // A browser would call again; the script knows better.
                self.say("event: locked\ndata: {}\n\n".to_owned()).await;
                return;
            }
            if has_changed {
                // What cannot be read now is told with the next change.
                let news = self.news(told.as_ref()).await;
                if let Some(news) = news.filter(|news| told.as_ref() != Some(news)) {
                    if !self.say(event(&news)).await {
                        return;
                    }
                    (told, said_at) = (Some(news), Instant::now());
                }
                if self.sleeps(TELL_EVERY).await {
                    return;
                }
            }
            if said_at.elapsed() >= HEARTBEAT {
                if !self.say(":\n\n".to_owned()).await {
                    return;
                }
                said_at = Instant::now();
            }
            has_changed = tokio::select! {
                changed = self.changes.changed() => match changed {
                    Ok(()) => true,
                    Err(_) => return,
                },
                () = sleep(LOOK_EVERY) => false,
                () = stopped(&mut self.until) => return,
                () = self.lines.closed() => return,
            };
        }
    }

    /// Waits; true if there is nobody to wait for any more.
    async fn sleeps(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => false,
            () = stopped(&mut self.until) => true,
            () = self.lines.closed() => true,
        }
    }

    fn is_let_in(&self) -> bool {
        match &self.session {
            Some(token) => self.app.sessions().is_alive(token, self.app.now_ms()),
            None => !self.app.has_people(),
        }
    }

    /// What the page is to know by now; `None` if it cannot be read.
    async fn news(&mut self, told: Option<&News>) -> Option<News> {
        let generation = *self.changes.borrow_and_update();
        let gauges = self.gauges(generation).await?;
        // Once there is something new there is, until the page is loaded again.
        let is_new = told.is_some_and(|told| told.is_new)
            || match &self.shown {
                Shown::Nothing => false,
                Shown::Gauges => told.is_some_and(|told| told.gauges != gauges),
                Shown::Board => {
                    let mut has_changed = false;
                    for of in board::TYPES {
                        has_changed = has_changed || self.has_changed(Concern::Type(of.to_owned())).await?;
                    }
                    has_changed
                }
                Shown::Record(concern) => {
                    let has_other_conflicts = *concern == Concern::Conflicts
                        && told.is_some_and(|told| told.gauges.conflicts != gauges.conflicts);
                    has_other_conflicts || self.has_changed(concern.clone()).await?
                }
            };
        Some(News { is_new, gauges })
    }

    async fn has_changed(&self, concern: Concern) -> Option<bool> {
        let (app, after) = (self.app.clone(), self.after);
        let looked = tokio::task::spawn_blocking(move || match app.source() {
            Source::Site(site) => site.reader().has_changed(after, &concern).ok(),
            Source::Fixed(_) => None,
        });
        looked.await.ok().flatten()
    }

    /// The gauges, worked out once for all who listen.
    async fn gauges(&self, generation: u64) -> Option<Gauges> {
        let mut known = self.app.listeners().gauges.lock().await;
        if let Some((of, gauges)) = &*known
            && *of >= generation
        {
            return Some(gauges.clone());
        }
        let app = self.app.clone();
        let gauges = tokio::task::spawn_blocking(move || app.source().gauges().ok()).await.ok().flatten()?;
        *known = Some((generation, gauges.clone()));
        Some(gauges)
    }

    /// False if nobody reads any more.
    async fn say(&self, line: String) -> bool {
        matches!(timeout(STUCK, self.lines.send(Bytes::from(line))).await, Ok(Ok(())))
    }
}

/// Numbers as the pages write them; no name, no id, no text.
fn event(news: &News) -> String {
    let data = json!({
        "new": news.is_new,
        "risk": news.gauges.only_here_records > 0,
        "only_here": grouped(news.gauges.only_here_records),
        "not_yet_safe": grouped(news.gauges.not_yet_safe_records),
        "readable": grouped(news.gauges.readable_charts),
    });
    format!("event: changed\ndata: {data}\n\n")
}

/// The lines as a body.
struct Lines(mpsc::Receiver<Bytes>);

impl axum::body::HttpBody for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_of_what_it_shows() {
        let chart = |of: Option<&str>| Shown::Record(Concern::Patient("p".to_owned(), of.map(str::to_owned)));
        let one = Shown::Record(Concern::Resource("Observation/o".parse().unwrap()));
        let all = |of: &str| Shown::Record(Concern::Type(of.to_owned()));
        for (path, expected) in [
            ("/", Shown::Gauges),
            ("/sites", Shown::Gauges),
            ("/patients", all("Patient")),
            ("/patients/p", chart(None)),
            ("/patients/p/Observation", chart(Some("Observation"))),
            ("/patients/p/Observation/o", one.clone()),
            ("/resources/Observation/o", one),
            ("/resources/Observation/o/versions/1", Shown::Nothing),
            ("/resources/Nobody/o", Shown::Nothing),
            ("/board", Shown::Board),
            ("/board/new", Shown::Nothing),
            ("/casualties/p", chart(None)),
            ("/casualties/p/triage", Shown::Nothing),
            ("/asks", all("Task")),
            ("/asks/answer", Shown::Nothing),
            ("/conflicts", Shown::Record(Concern::Conflicts)),
            ("/quarantine", Shown::Nothing),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
