//! Subscriptions, with endpoints that really listen.

use super::{Clinic, token};
use crate::api::{Validation, deliver_subscriptions, router};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use sanad_node::hook::Reach;
use sanad_node::site::{Site, now_ms};
use sanad_node::subscriptions::Subscribed;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Long enough for a busy machine; nothing waits this long unless something is broken.
const SOON: Duration = Duration::from_secs(60);

struct Told {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Somebody who listens. While `status` is 0 nothing is answered.
struct Desk {
    address: SocketAddr,
    told: mpsc::UnboundedReceiver<Told>,
    status: Arc<AtomicU16>,
}

async fn take(
    State((told, status)): State<(mpsc::UnboundedSender<Told>, Arc<AtomicU16>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    // Whoever hears of it may ask for another answer to the next.
    let answer = status.load(Ordering::Relaxed);
    drop(told.send(Told { method, path: uri.path().to_owned(), headers, body }));
    match answer {
        0 => std::future::pending().await,
        status => StatusCode::from_u16(status).unwrap(),
    }
}

impl Desk {
    async fn at(address: SocketAddr) -> Desk {
        let (send, told) = mpsc::unbounded_channel();
        let status = Arc::new(AtomicU16::new(200));
        let app = Router::new().fallback(take).with_state((send, status.clone()));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Desk { address, told, status }
    }

    async fn open() -> Desk {
        Desk::at(([127, 0, 0, 1], 0).into()).await
    }

    async fn next(&mut self) -> Told {
        tokio::time::timeout(SOON, self.told.recv()).await.expect("something is told").unwrap()
    }

    /// What a resource that is told next is called.
    async fn next_path(&mut self) -> String {
        self.next().await.path
    }
}

/// Delivers until it is stopped.
struct Delivery(watch::Sender<bool>, JoinHandle<()>);

impl Delivery {
    fn of(site: &Site) -> Delivery {
        let (stop, until) = watch::channel(false);
        Delivery(stop, tokio::spawn(deliver_subscriptions(site.clone(), Reach::Local, until)))
    }

    async fn stop(self) {
        self.0.send_replace(true);
        self.1.await.unwrap();
    }
}

fn subscription(id: &str, criteria: &str, channel: &str) -> String {
    format!(
        r#"{{"resourceType":"Subscription","id":"{id}","status":"requested","reason":"test","criteria":"{criteria}","channel":{{"type":"rest-hook",{channel}}}}}"#
    )
}

fn channel(desk: SocketAddr, payload: bool) -> String {
    let payload = if payload { r#","payload":"application/fhir+json""# } else { "" };
    format!(r#""endpoint":"http://{desk}/in"{payload}"#)
}

impl Clinic {
    /// What becomes of a Subscription: its status and its error.
    async fn becomes(&self, id: &str, status: &str) -> String {
        let path = format!("/Subscription/{id}");
        for _ in 0..600 {
            let found = self.get(&path).await.is(200).json();
            if found["status"] == status {
                return found["error"].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{id} does not become {status}: {}", self.get(&path).await.json());
    }

    async fn subscribe(&self, token: &str, id: &str, criteria: &str, channel: &str) {
        let body = subscription(id, criteria, channel);
        self.ask_as(token, "PUT", &format!("/Subscription/{id}"), &[], &body).await.is(201);
    }

    async fn observe(&self, id: &str, patient: &str, code: &str) {
        let rest = format!(
            r#","status":"final","code":{{"coding":[{{"code":"{code}"}}]}},"subject":{{"reference":"Patient/{patient}"}}"#
        );
        let status = self.put(&format!("Observation/{id}"), &rest).await.status;
        assert!(matches!(status, 200 | 201), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_is_told_in_order_with_its_bytes_and_the_headers_that_were_asked_for() {
    let clinic = Clinic::new().await;
    clinic.observe("before", "p", "hr").await;
    let delivery = Delivery::of(&clinic.site);
    let (mut desk, mut bell) = (Desk::open().await, Desk::open().await);
    let with_header = format!(r#"{},"header":["Authorization: Bearer desk","X-Ward: 3"]"#, channel(desk.address, true));
    clinic.subscribe(&clinic.token, "s", "Observation?code=hr&patient=Patient/p", &with_header).await;
    clinic.subscribe(&clinic.token, "bell", "Observation?code=hr", &channel(bell.address, false)).await;
    assert_eq!(clinic.becomes("s", "active").await, "");
    clinic.becomes("bell", "active").await;
    let history = clinic.get("/Subscription/s/_history").await.is(200).json();
    assert_eq!(history["entry"].as_array().unwrap().len(), 2, "asked for, and made active");

    for (id, patient, code) in [("a", "p", "hr"), ("x", "q", "bp"), ("y", "p", "bp"), ("b", "p", "hr")] {
        clinic.observe(id, patient, code).await;
    }
    let first = desk.next().await;
    assert_eq!((first.method, &*first.path), (Method::PUT, "/in/Observation/a"));
    assert_eq!(
        (&first.headers["authorization"], &first.headers["x-ward"]),
        (&"Bearer desk".parse().unwrap(), &"3".parse().unwrap())
    );
    assert_eq!(first.headers["content-type"], "application/fhir+json");
    assert_eq!(first.body, clinic.get("/Observation/a").await.is(200).bytes);
    assert_eq!(desk.next_path().await, "/in/Observation/b");
    // Again when it changes; not once it matches no more, or is gone.
    clinic.observe("a", "p", "hr").await;
    assert_eq!(desk.next_path().await, "/in/Observation/a");
    clinic.observe("b", "p", "bp").await;
    clinic.ask("DELETE", "/Observation/a", "").await.is(204);
    clinic.observe("c", "p", "hr").await;
    assert_eq!(desk.next_path().await, "/in/Observation/c");

    let rung = bell.next().await;
    assert_eq!((rung.method, &*rung.path, rung.body.len()), (Method::POST, "/in", 0));
    // Who was told is written into the chart, once.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !clinic.get("/AuditEvent?patient=p").await.json()["entry"].is_null() {
            break;
        }
    }
    let events = clinic.get("/AuditEvent?patient=p").await.json();
    assert_eq!(events["entry"][0]["resource"]["entity"][0]["what"]["reference"], "Patient/p");
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_site_or_the_endpoint_is_away_is_told_when_both_are_back() {
    let mut clinic = Clinic::new().await;
    let mut desk = Desk::open().await;
    let delivery = Delivery::of(&clinic.site);
    clinic.subscribe(&clinic.token, "s", "Observation", &channel(desk.address, true)).await;
    clinic.becomes("s", "active").await;
    clinic.observe("a", "p", "hr").await;
    assert_eq!(desk.next_path().await, "/in/Observation/a");
    delivery.stop().await;
    for id in ["b", "c", "d"] {
        clinic.observe(id, "p", "hr").await;
    }
    clinic.site.close().await;
    clinic.router = Router::new();
    let site = loop {
        // The folder is let go of when the last reader is gone.
        match Site::open(&clinic.folder, "correct horse", Duration::ZERO) {
            Ok(site) => break site,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    (clinic.router, clinic.site) = (router(site.clone(), vec![], Validation::Warn), site);
    let delivery = Delivery::of(&clinic.site);
    for id in ["b", "c", "d"] {
        assert_eq!(desk.next_path().await, format!("/in/Observation/{id}"), "nothing twice, and nothing left out");
    }

    // Nobody is there: a port that was somebody's a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    clinic.subscribe(&clinic.token, "late", "Observation", &channel(gone, true)).await;
    clinic.becomes("late", "active").await;
    clinic.observe("e", "p", "hr").await;
    clinic.observe("f", "p", "hr").await;
    while clinic.site.subscription("late").unwrap().unwrap().failing_since_ms.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut late = Desk::at(gone).await;
    late.status.store(503, Ordering::Relaxed);
    assert_eq!(late.next_path().await, "/in/Observation/e");
    late.status.store(200, Ordering::Relaxed);
    assert_eq!(late.next_path().await, "/in/Observation/e", "what was not taken is told again");
    assert_eq!(late.next_path().await, "/in/Observation/f");
    delivery.stop().await;
    assert_eq!(clinic.site.subscription("late").unwrap().unwrap().failing_since_ms, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_learns_no_more_than_the_token_may_read_and_nothing_once_that_is_over() {
    let clinic = Clinic::new().await;
    let delivery = Delivery::of(&clinic.site);
    let mut desk = Desk::open().await;
    let narrow = token(&clinic.site, &["patient/Observation.rs", "system/Subscription.cru"], Some("p")).await;
    clinic.subscribe(&narrow, "narrow", "Observation", &channel(desk.address, true)).await;
    clinic.becomes("narrow", "active").await;
    clinic.observe("foreign", "q", "hr").await;
    clinic.observe("own", "p", "hr").await;
    assert_eq!(desk.next_path().await, "/in/Observation/own");
    // What the token may not read at all is not carried: neither the resource nor that there is one.
    clinic.subscribe(&narrow, "wide", "Patient", &channel(desk.address, false)).await;
    assert!(clinic.becomes("wide", "error").await.contains("may not read"));

    // Somebody with a wider token who writes what it says anew becomes the one whose rights count; who leaves the terms as
    // they are does not.
    let same = subscription("narrow", "Observation", &channel(desk.address, true)).replace("test", "another reason");
    clinic.ask("PUT", "/Subscription/narrow", &same).await.is(200);
    clinic.becomes("narrow", "active").await;
    clinic.observe("foreign-2", "q", "hr").await;
    clinic.observe("own-2", "p", "hr").await;
    assert_eq!(desk.next_path().await, "/in/Observation/own-2");

    let id = clinic.site.token(&narrow).unwrap().id.clone();
    assert!(clinic.site.revoke_token(&id).await.unwrap());
    clinic.observe("own-3", "p", "hr").await;
    assert!(clinic.becomes("narrow", "off").await.contains("is over"));
    assert!(clinic.site.subscriptions().unwrap().is_empty(), "what is over is forgotten");
    assert!(desk.told.try_recv().is_err());
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_becomes_an_error_that_says_why() {
    let clinic = Clinic::new().await;
    let delivery = Delivery::of(&clinic.site);
    let desk = Desk::open().await;
    let local = channel(desk.address, true);
    for (id, criteria, channel, why) in [
        ("chain", "Observation?patient.name=x", &*local, "chains"),
        ("type", "Everything", &local, "one resource type"),
        ("far", "Observation", r#""endpoint":"http://203.0.113.5/in""#, "site's network"),
        ("tls", "Observation", r#""endpoint":"https://127.0.0.1/in""#, "fingerprint"),
        ("none", "Observation", r#""payload":"application/fhir+json""#, "endpoint"),
    ] {
        clinic.subscribe(&clinic.token, id, criteria, channel).await;
        let error = clinic.becomes(id, "error").await;
        assert!(error.contains(why), "{id}: {error}");
    }
    let email = subscription("email", "Observation", &local).replace("rest-hook", "email");
    clinic.ask("PUT", "/Subscription/email", &email).await.is(201);
    assert!(clinic.becomes("email", "error").await.contains("only by rest-hook"));
    // Mended and asked for again, it is carried; and one whose time is over is turned off.
    clinic.ask("PUT", "/Subscription/chain", &subscription("chain", "Observation", &local)).await.is(200);
    assert_eq!(clinic.becomes("chain", "active").await, "");
    let over = subscription("over", "Observation", &local)
        .replace("\"reason\"", "\"end\":\"2018-02-18T00:00:00Z\",\"reason\"");
    clinic.ask("PUT", "/Subscription/over", &over).await.is(201);
    clinic.becomes("over", "off").await;
    // What another site writes into it leads it nowhere else.
    let elsewhere = subscription("chain", "Observation", &channel("127.0.0.1:9".parse().unwrap(), true));
    let key: sanad_record::key::ResourceKey = "Subscription/chain".parse().unwrap();
    let change = sanad_node::save::Change { key, raw: Some(elsewhere.into_bytes()), about: None, follows: None };
    let request = sanad_node::save::SaveRequest { changes: vec![change], idempotency: None, by: None };
    clinic.site.save(request).await.unwrap();
    assert!(clinic.becomes("chain", "error").await.contains("another site"));
    // An endpoint that has taken nothing for seven days is given up.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    clinic.subscribe(&clinic.token, "gone", "Observation", &channel(gone, true)).await;
    clinic.becomes("gone", "active").await;
    delivery.stop().await;
    let long_ago = now_ms() - 8 * 86_400_000;
    let mut kept: Subscribed = clinic.site.subscription("gone").unwrap().unwrap();
    kept.failing_since_ms = Some(long_ago);
    clinic.site.keep_subscription(kept).await.unwrap();
    clinic.observe("unheard", "p", "hr").await;
    let delivery = Delivery::of(&clinic.site);
    assert!(clinic.becomes("gone", "error").await.contains("seven days"));
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_holds_nobody_up() {
    let clinic = Clinic::new().await;
    let delivery = Delivery::of(&clinic.site);
    let (mut hangs, mut desk) = (Desk::open().await, Desk::open().await);
    hangs.status.store(0, Ordering::Relaxed);
    for (id, address) in [("hangs", hangs.address), ("desk", desk.address)] {
        clinic.subscribe(&clinic.token, id, "Observation", &channel(address, true)).await;
        clinic.becomes(id, "active").await;
    }
    for id in ["a", "b", "c"] {
        clinic.observe(id, "p", "hr").await;
    }
    hangs.next().await;
    for id in ["a", "b", "c"] {
        assert_eq!(desk.next_path().await, format!("/in/Observation/{id}"));
    }
    assert!(hangs.told.try_recv().is_err(), "what is behind waits");
    while clinic.site.subscription("hangs").unwrap().unwrap().failing_since_ms.is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Stopping waits for no endpoint that hangs.
    tokio::time::timeout(SOON, delivery.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
async fn the_site_that_took_it_delivers_it_and_what_others_wrote_too() {
    let cedar = Clinic::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let (identity, accept) = (cedar.site.identity(), Arc::new(cedar.site.clone()));
    tokio::spawn(async move {
        let limits = sanad_node::carrier::Limits::default();
        sanad_node::carrier::serve(listener, &identity, Router::new(), accept, limits, std::future::pending()).await
    });
    cedar.site.announce(vec![address]).await.unwrap();
    let invite = cedar.site.invite(sanad_log::control::SiteKind::Haven, vec![]).await.unwrap();
    let folder = cedar.folder.with_extension("olive");
    let site = Site::join(&folder, "correct horse", sanad_store::KdfCost::TEST, "Olive", &invite).await.unwrap();
    let token = token(&site, &["system/*.cruds"], None).await;
    let olive = Clinic { router: router(site.clone(), vec![], Validation::Warn), folder, site, token };
    let sync = async || {
        for peer in olive.site.peers().await.unwrap().values() {
            assert!(olive.site.sync_with(peer).await.unwrap().complete);
        }
    };
    sync().await;
    let deliveries = [Delivery::of(&cedar.site), Delivery::of(&olive.site)];
    let mut desk = Desk::open().await;
    cedar.subscribe(&cedar.token, "s", "Location", &channel(desk.address, true)).await;
    cedar.becomes("s", "active").await;
    sync().await;
    assert_eq!(olive.get("/Subscription/s").await.is(200).json()["status"], "active", "it is there, as everything is");
    assert!(olive.site.subscriptions().unwrap().is_empty());
    // Written at the other site, told by this one, and once; what is written there is told when it has come.
    olive.put("Location/there", "").await.is(201);
    sync().await;
    assert_eq!(desk.next_path().await, "/in/Location/there");
    cedar.put("Location/here", "").await.is(201);
    assert_eq!(desk.next_path().await, "/in/Location/here");
    // The other site may end it.
    let off = subscription("s", "Location", &channel(desk.address, true)).replace("requested", "off");
    olive.ask("PUT", "/Subscription/s", &off).await.is(200);
    sync().await;
    while !cedar.site.subscriptions().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(desk.told.try_recv().is_err());
    for delivery in deliveries {
        delivery.stop().await;
    }
}
