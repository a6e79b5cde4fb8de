//! Pages that are open and are told that something has changed.

use super::{Door, header};
use crate::Source;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use sanad_log::control::SiteKind;
use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::{NewSite, Site};
use sanad_store::KdfCost;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tower::ServiceExt;

/// Long enough for a busy machine; nothing waits this long unless something is broken.
const SOON: Duration = Duration::from_secs(60);

struct Ward {
    folder: PathBuf,
    site: Site,
}

impl Drop for Ward {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Ward {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    async fn new(name: &str) -> Ward {
        let folder = std::env::temp_dir().join(format!("sanad-events-{name}-{}", std::process::id()));
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&folder, "correct horse", KdfCost::TEST, &new).await.unwrap();
        Ward { folder, site }
    }

    async fn save(&self, key: &str, rest: &str) {
        let key: sanad_record::key::ResourceKey = key.parse().unwrap();
        let raw = format!(r#"{{"resourceType":"{}","id":"{}"{rest}}}"#, key.resource_type, key.id);
        let change = Change { key, raw: Some(raw.into_bytes()), about: None, follows: None };
        let request = SaveRequest { changes: vec![change], idempotency: None, by: None };
        self.site.save(request).await.unwrap();
    }

    async fn observe(&self, id: &str, patient: &str) {
        self.save(
            &format!("Observation/{id}"),
            &format!(r#","status":"final","code":{{"text":"secret"}},"subject":{{"reference":"Patient/{patient}"}}"#),
        )
        .await;
    }
}

/// A page that listens.
struct Listening {
    body: Body,
    seen: String,
}

impl Door {
    /// Listens as the script of the page at an address does.
    async fn listen(&mut self, path: &str) -> Result<Listening, StatusCode> {
        let page = self.get(path).await.body;
        let place = page.split("data-place=\"").nth(1).expect("the page says when it was made");
        let place = place.split('"').next().unwrap();
        assert!(page.contains("<script src=\"/assets/sanad.") && page.contains("id=\"news\" hidden"));
        self.listen_after(path, place).await
    }

    async fn listen_after(&self, path: &str, place: &str) -> Result<Listening, StatusCode> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::get(format!("/events?of={path}&after={place}"))
            .header("host", "127.0.0.1:8080")
            .header("cookie", cookies.join("; "))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(self.client);
        let response = self.router.clone().oneshot(request).await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(Listening { body: response.into_body(), seen: String::new() })
    }
}

impl Listening {
    /// What comes next; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.seen.find("\n\n") {
                let said = self.seen.drain(..end + 2).collect::<String>();
                if !said.starts_with("retry") && !said.starts_with(':') {
                    return Some(said);
                }
                continue;
            }
            let frame = tokio::time::timeout(SOON, self.body.frame()).await.expect("something is said")?;
            self.seen.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    }

    async fn changed(&mut self) -> Value {
        let said = self.next().await.expect("it goes on");
        assert!(!said.contains("secret") && !said.contains("Patient") && said.len() < 200, "{said}");
        serde_json::from_str(said.strip_prefix("event: changed\ndata: ").unwrap().trim()).unwrap()
    }

    async fn until_new(&mut self) -> Value {
        loop {
            let changed = self.changed().await;
            if changed["new"] == true {
                return changed;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_open_is_told_of_what_it_shows_and_of_nothing_else() {
    let ward = Ward::new("told").await;
    ward.save("Patient/p", r#","name":[{"text":"secret"}]"#).await;
    ward.save("Patient/q", "").await;
    let mut door = Door::to(Source::Site(ward.site.clone()), [127, 0, 0, 1]);
    let mut chart = door.listen("/patients/p").await.unwrap();
    let mut other = door.listen("/patients/q").await.unwrap();
    assert_eq!(chart.changed().await["new"], false);
    let before = other.changed().await;
    ward.observe("o", "p").await;
    assert_eq!(chart.until_new().await["only_here"], "3");
    // The other one learns the numbers of its header, and no more.
    let after = other.changed().await;
    assert_eq!((&before["only_here"], &after["only_here"], &after["new"]), (&"2".into(), &"3".into(), &false.into()));
    // A page that was made before the change, and listens only now.
    let page = door.get("/patients/q").await.body;
    let place = page.split("data-place=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    ward.observe("late", "q").await;
    assert_eq!(door.listen_after("/patients/q", &place).await.unwrap().changed().await["new"], true);
    // It ends when the process is about to.
    door.stop.send_replace(true);
    while chart.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_needs_a_session_keeps_none_alive_and_ends_with_it() {
    let ward = Ward::new("session").await;
    let mut door = Door::to(Source::Site(ward.site.clone()), [192, 168, 1, 9]);
    assert_eq!(door.listen_after("/", "1").await.err(), Some(StatusCode::SEE_OTHER));
    let code = door.code.clone();
    door.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    let mut first = door.listen("/").await.unwrap();
    first.changed().await;
    let signed_out = door.post("/", "/sign-out", "").await;
    assert_eq!(header(&signed_out, "location"), "/sign-in");
    assert_eq!(first.next().await.as_deref(), Some("event: locked\ndata: {}\n\n"));
    assert_eq!(first.next().await, None);

    door.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    let mut second = door.listen("/").await.unwrap();
    second.changed().await;
    door.now_ms.fetch_add(crate::session::IDLE_MS_MAX - 1, Ordering::Relaxed);
    drop(door.listen_after("/", "1").await.unwrap());
    door.now_ms.fetch_add(1, Ordering::Relaxed);
    assert_eq!(
        second.next().await.as_deref(),
        Some("event: locked\ndata: {}\n\n"),
        "idle for too long, though it listens"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_pages_listen_at_once() {
    let ward = Ward::new("many").await;
    let mut door = Door::to(Source::Site(ward.site.clone()), [127, 0, 0, 1]);
    let mut all = vec![door.listen("/").await.unwrap()];
    for _ in 1..64 {
        all.push(door.listen_after("/", "1").await.unwrap());
    }
    assert_eq!(door.listen_after("/", "1").await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    // Who goes makes room.
    all.pop();
    for _ in 0..600 {
        if door.listen_after("/", "1").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody makes room");
}
