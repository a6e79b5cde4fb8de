//! The pages as a browser gets them, from the router, without a socket.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use sanad_record::merge::ConflictKind;
use sanad_record::version::VersionId;
use tower::ServiceExt;

use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::{NewSite, Site};
use sanad_store::{Apart, Came, Folder, KdfCost, Reason};

use crate::fixed::Fixed;
use crate::model::Answer as Answered;
use crate::model::{
    Aside, Asks, Conflict, Failing, ForkRow, Gauges, GrantRow, Lane, LaneRow, Overview, OwnAsk, PatientPage,
    PendingAsk, Piece, PlaceRow, Policy, Reads, ResourcePage, Side, SiteKind, SiteRow, VersionRow,
};
use crate::{Client, Config, Source, router};

mod bedside;
mod board;
mod chart;
mod consult;
mod events;
mod forms;
mod orders;
mod outbox;
mod paper;
mod people;
mod registration;
mod settle;
mod timeline;
mod transfers;
mod ward;

const HOSTILE: &str = "<script>alert(1)</script>\"'&<b>";

fn record() -> Fixed {
    let hostile = serde_json::Value::from(HOSTILE).to_string();
    let raw = |text: &str| text.replace("HOSTILE", &hostile).into_bytes();
    let patient =
        raw(r#"{"resourceType":"Patient","id":"p1","name":[{"text":HOSTILE}],"gender":HOSTILE,"birthDate":HOSTILE,
            "identifier":[{"use":"temp","value":HOSTILE}]}"#);
    let note =
        raw(r#"{"resourceType":"Observation","id":"o1","status":HOSTILE,"code":{"text":HOSTILE},"valueString":HOSTILE,
            "subject":{"reference":"Patient/p1","display":HOSTILE},HOSTILE:HOSTILE,"effectiveDateTime":HOSTILE}"#);
    let version = VersionRow {
        id: VersionId::from_bytes([1; 16]),
        parents: Vec::new(),
        head: true,
        deletes: false,
        author: Some(HOSTILE.to_owned()),
        site: HOSTILE.to_owned(),
        at_ms: 0,
    };
    let side = |value: &str| Side {
        value: Some(value.to_owned()),
        version: version.id,
        author: None,
        site: HOSTILE.to_owned(),
        at_ms: 0,
    };
    let conflict = Conflict {
        path: format!("Observation.{HOSTILE}"),
        kind: ConflictKind::Value,
        sides: vec![side(&hostile), side(HOSTILE)],
    };
    let resource = |key: &str, raw: &[u8], conflicts: Vec<Conflict>| ResourcePage {
        key: key.parse().unwrap(),
        about: vec!["p1".to_owned()],
        raw: Some(raw.to_vec()),
        versions: vec![version.clone()],
        conflicts,
    };
    let failing = Failing { since_ms: 0, why: HOSTILE.to_owned() };
    let site = SiteRow {
        call_sign: HOSTILE.to_owned(),
        kind: SiteKind::Haven,
        this: false,
        confirmed: None,
        heard_ms: None,
        failing: Some(failing.clone()),
        addresses: vec![HOSTILE.to_owned()],
    };
    let place = PlaceRow {
        call_sign: HOSTILE.to_owned(),
        kind: SiteKind::Enclave,
        confirmed: 1,
        all: 2,
        receipt_ms: Some(0),
        told_by: Some(HOSTILE.to_owned()),
        talked_ms: None,
        failing: Some(failing),
        under_way: vec![(0, 1)],
        reads: Reads::Sealed,
    };
    let lanes = vec![LaneRow { lane: Lane::Urgent, only_here: 1, not_yet_safe: 2 }];
    Fixed {
        gauges: Gauges {
            call_sign: HOSTILE.to_owned(),
            only_here_records: 1,
            not_yet_safe_records: 2,
            readable_charts: 1,
            conflicts: 1,
        },
        overview: Overview {
            records: 2,
            sealed: 0,
            sites: vec![SiteRow { kind: SiteKind::Keeper, ..site.clone() }, site],
            syncs: Vec::new(),
            aside: Aside::default(),
            lanes: lanes.clone(),
            policy: Policy { copies: 2, outside: true, can_be_met: false },
        },
        patients: vec![PatientPage {
            id: "p1".to_owned(),
            raw: patient.clone(),
            merged_from: vec!["p2".to_owned()],
            only_here: 1,
            not_yet_safe: 2,
            lanes,
            places: vec![place],
            readable_at: vec![HOSTILE.to_owned()],
            conflicts: 1,
            grants: vec![GrantRow {
                to: HOSTILE.to_owned(),
                from: HOSTILE.to_owned(),
                by: Some(HOSTILE.to_owned()),
                recorded: HOSTILE.to_owned(),
            }],
            groups: Vec::new(),
        }],
        resources: vec![
            resource("Patient/p1", &patient, Vec::new()),
            resource("Observation/o1", &note, vec![conflict]),
        ],
        asks: Asks {
            pending: vec![PendingAsk {
                id: "ask-1".to_owned(),
                site: HOSTILE.to_owned(),
                by: Some(HOSTILE.to_owned()),
                at_ms: 0,
                whom: vec![HOSTILE.to_owned()],
                candidates: vec![("p1".to_owned(), patient.clone(), false)],
            }],
            own: vec![OwnAsk {
                whom: vec![HOSTILE.to_owned()],
                at_ms: 0,
                withdrawn: false,
                answers: vec![Answered {
                    site: HOSTILE.to_owned(),
                    charts: Some(2),
                    patients: vec![("p1".to_owned(), patient.clone())],
                }],
            }],
            at_once: true,
        },
        pieces: vec![Piece {
            n: 1,
            reason: "unknown-author".to_owned(),
            site: Some(HOSTILE.to_owned()),
            device: "0011aabb".to_owned(),
            lane: "clinical".to_owned(),
            seq: 3,
            came_ms: Some(0),
            how: "carrier".to_owned(),
            from: Some(HOSTILE.to_owned()),
            adopted_ms: None,
        }],
        forks: vec![ForkRow {
            site: Some(HOSTILE.to_owned()),
            device: "0011aabb".to_owned(),
            lane: "control".to_owned(),
            seq: 3,
            found_ms: Some(0),
            found_by: Some(HOSTILE.to_owned()),
            replaced: true,
            carried_by: vec![(HOSTILE.to_owned(), 4)],
        }],
        version_bytes: BTreeMap::new(),
    }
}

/// The addresses of every kind of page.
const PAGES: [&str; 13] = [
    "/",
    "/sites",
    "/patients",
    "/patients/p1",
    "/patients/p1/Observation",
    "/patients/p1/Observation/o1",
    "/resources/Observation/o1",
    "/resources/Observation/o1/versions/01010101010101010101010101010101",
    "/resources/Patient/p1",
    "/conflicts",
    "/asks",
    "/quarantine",
    "/nothing/here",
];

struct Door {
    router: Router,
    code: String,
    now_ms: Arc<AtomicU64>,
    client: Client,
    cookies: BTreeMap<String, String>,
    stop: tokio::sync::watch::Sender<bool>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Door {
    fn at(address: [u8; 4]) -> Door {
        Door::to(Source::Fixed(Arc::new(record())), address)
    }

    fn to(source: Source, address: [u8; 4]) -> Door {
        Door::with_secret(source, address, [7; 32])
    }

    /// The keys of forms follow from the secret: two sites of one network do not share theirs.
    fn with_secret(source: Source, address: [u8; 4], secret: [u8; 32]) -> Door {
        let now_ms = Arc::new(AtomicU64::new(1_519_989_600_000));
        let clock = now_ms.clone();
        let (stop, until) = tokio::sync::watch::channel(false);
        let config = Config {
            secret,
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            utc_offset: time::UtcOffset::UTC,
            host_names: Vec::new(),
            until,
        };
        let (router, code) = router(source, config).unwrap();
        let client = Client { address: IpAddr::from(address), tls: false };
        Door { router, code, now_ms, client, cookies: BTreeMap::new(), stop }
    }

    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        request.headers_mut().entry(header::HOST).or_insert("127.0.0.1:8080".parse().unwrap());
        request.extensions_mut().insert(self.client);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Fills in a form as the page gives it.
    async fn post(&mut self, page: &str, action: &str, fields: &str) -> Answer {
        let form = self.get(page).await.body;
        let token = form.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
        self.post_raw(action, &format!("form={token}&{fields}")).await
    }

    async fn post_raw(&mut self, action: &str, body: &str) -> Answer {
        let request = Request::post(action).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

fn here() -> Door {
    Door::at([127, 0, 0, 1])
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn text_from_records_is_never_markup() {
    let mut door = here();
    for lang in ["ar", "en"] {
        door.post("/", "/language", &format!("language={lang}&back=/")).await;
        for path in PAGES {
            let body = door.get(path).await.body;
            assert!(!body.contains("<script") && !body.contains("&<b>"), "{path}");
            // Everything that the pages themselves put between angle brackets is lower case and known.
            assert!(!body.contains("alert(1)</"), "{path}");
        }
    }
}

#[tokio::test]
async fn never_lull_what_is_not_yet_safe_stands_beside_only_here_on_every_page() {
    let mut door = here();
    door.post("/", "/language", "language=en&back=/").await;
    for path in PAGES.into_iter().filter(|path| *path != "/nothing/here") {
        let body = door.get(path).await.body;
        let header = body.split("</header>").next().unwrap();
        assert!(header.contains("Not yet safe <span class=\"num\">2</span>"), "{path}");
        assert!(body.contains("UTC"), "{path} says by which clock its times are");
    }
    let home = door.get("/").await.body;
    assert!(
        home.contains("<table class=\"lanes") && home.contains("no answer since") && home.contains("too few sites")
    );
    let chart = door.get("/patients/p1").await.body;
    let place = chart.split("Where is this record?").nth(1).unwrap();
    for said in ["confirmed in part", "brought by", "through others alone", "left with a carrier", "sealed to it"] {
        assert!(place.contains(said), "{said}");
    }
}

#[tokio::test]
async fn a_keeper_is_shown_as_one_that_holds_and_cannot_read() {
    let mut door = here();
    for (lang, kind, words) in [("ar", "حافظ", "يحمل ولا يستطيع القراءة"), ("en", "keeper", "holds, cannot read")]
    {
        door.post("/", "/language", &format!("language={lang}&back=/")).await;
        let body = door.get("/").await.body;
        assert!(body.contains(&format!(">{kind}</span>")), "{lang}");
        assert_eq!(body.matches(words).count(), 1, "{lang}: of one of two sites");
    }
}

#[tokio::test]
async fn no_title_names_a_patient() {
    let mut door = here();
    for path in PAGES {
        let body = door.get(path).await.body;
        let title = body.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(!title.contains("alert"), "{path}: {title}");
    }
}

#[tokio::test]
async fn every_answer_forbids_what_no_page_needs() {
    let mut door = here();
    for path in PAGES {
        let answer = door.get(path).await;
        let wanted = if path == "/nothing/here" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(answer.status, wanted, "{path}");
        assert_eq!(header(&answer, "content-security-policy"), crate::guard::CONTENT_SECURITY_POLICY);
        assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin");
        assert!(!answer.body.contains("style=") && !answer.body.contains("http://") && answer.body.len() < 60_000);
    }
    let css = door.get("/").await.body.split("href=\"/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let css = door.get(&format!("/assets/{css}")).await;
    assert_eq!(header(&css, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header(&css, "content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn pages_run_the_way_their_language_does() {
    let mut door = here();
    assert!(door.get("/").await.body.contains("<html lang=\"ar\" dir=\"rtl\""));
    let answer = door.post("/", "/language", "language=en&back=/sites").await;
    assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/sites"));
    assert!(door.get("/").await.body.contains("<html lang=\"en\" dir=\"ltr\""));
    door.post("/", "/theme", "theme=night&back=/").await;
    assert!(door.get("/").await.body.contains("data-theme=\"night\""));
}

#[tokio::test]
async fn a_name_that_a_stranger_can_point_here_shows_nothing() {
    let mut door = here();
    let request = Request::get("/patients").header(header::HOST, "evil.example:8080").body(Body::empty()).unwrap();
    let answer = door.send(request).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!answer.body.contains("alert"), "nothing of the record is in it");
    let request = Request::get("/patients").header(header::HOST, "localhost:8080").body(Body::empty()).unwrap();
    assert_eq!(door.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proxy_on_this_machine_makes_nobody_local() {
    let mut door = here();
    let request = Request::get("/patients").header("x-forwarded-for", "192.0.2.1").body(Body::empty()).unwrap();
    assert_eq!(header(&door.send(request).await, "location"), "/sign-in");
}

#[tokio::test]
async fn a_form_from_elsewhere_does_nothing() {
    let mut door = here();
    door.get("/").await;
    for body in ["language=en", "form=0&language=en"] {
        assert_eq!(door.post_raw("/language", body).await.status, StatusCode::FORBIDDEN);
    }
    let mut stranger = here();
    let token = stranger.get("/").await.body.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
    stranger.cookies.insert("sanad-browser".to_owned(), "f".repeat(32));
    let answer = stranger.post_raw("/language", &format!("form={token}&language=en")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "another browser's token");
    let request = Request::post("/language").header(header::ORIGIN, "http://evil.example").body(Body::empty()).unwrap();
    assert_eq!(door.send(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_too_large_or_the_wrong_way_is_refused_in_plain_words() {
    let mut door = here();
    let answer = door.post("/", "/patients", &format!("q={}", "a".repeat(crate::FORM_BYTES_MAX))).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("لم يتغيّر شيء."));
    let answer = door.post("/", "/sites", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.body.contains("<h1>"));
    for path in [
        "/patients/nobody",
        "/patients/p1/NoType",
        "/resources/Observation/none",
        "/resources/No/o1",
        "/patients/p2x/Observation/o1",
        "/resources/Observation/o1/versions/x",
    ] {
        assert_eq!(door.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_search_never_shows_in_an_address() {
    let mut door = here();
    let answer = door.post("/patients", "/patients", "q=alert").await;
    let place = header(&answer, "location").to_owned();
    assert!(place.starts_with("/patients?s=") && !place.contains("alert"));
    let found = door.get(&place).await.body;
    assert!(found.contains("value=\"alert\"") && found.contains("/patients/p1"));
    let answer = door.post("/patients", "/patients", "q=nobody").await;
    let place = header(&answer, "location").to_owned();
    assert!(!door.get(&place).await.body.contains("/patients/p1"));
    assert!(door.get("/patients?s=00").await.body.contains("/patients/p1"), "a search no longer kept shows all");
}

#[tokio::test]
async fn a_merged_patient_is_shown_where_the_record_is_now() {
    let mut door = here();
    assert_eq!(header(&door.get("/patients/p2").await, "location"), "/patients/p1");
}

#[tokio::test]
async fn a_stranger_sees_nothing_without_the_code() {
    let mut door = Door::at([192, 168, 1, 7]);
    for path in PAGES {
        let answer = door.get(path).await;
        assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/sign-in"), "{path}");
    }
    let page = door.get("/sign-in").await;
    assert!(page.status == StatusCode::OK && !page.body.contains("alert"));
    assert_eq!(door.post("/sign-in", "/sign-in", "code=00000000").await.status, StatusCode::FORBIDDEN);
    let code = door.code.clone();
    let answer = door.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    assert_eq!(header(&answer, "location"), "/");
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"));
    assert_eq!(door.get("/patients").await.status, StatusCode::OK);
    door.now_ms.fetch_add(crate::session::IDLE_MS_MAX, Ordering::Relaxed);
    assert_eq!(header(&door.get("/patients").await, "location"), "/sign-in", "idle");
}

#[tokio::test]
async fn a_locked_screen_stays_locked_and_tls_makes_cookies_secure() {
    let mut door = Door::at([192, 168, 1, 7]);
    door.client.tls = true;
    let code = door.code.clone();
    let answer = door.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    assert!(header(&answer, "set-cookie").contains("; Secure"));
    let session = door.cookies["sanad-session"].clone();
    door.post("/", "/sign-out", "").await;
    door.cookies.insert("sanad-session".to_owned(), session);
    assert_eq!(header(&door.get("/").await, "location"), "/sign-in");
}

#[tokio::test]
async fn guessing_the_code_is_slowed_down() {
    let mut door = Door::at([192, 168, 1, 7]);
    for _ in 0..crate::session::FREE_TRIES {
        assert_eq!(door.post("/sign-in", "/sign-in", "code=1").await.status, StatusCode::FORBIDDEN);
    }
    let code = door.code.clone();
    let answer = door.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "even the right code waits");
    door.now_ms.fetch_add(5_000, Ordering::Relaxed);
    assert_eq!(door.post("/sign-in", "/sign-in", &format!("code={code}")).await.status, StatusCode::SEE_OTHER);
}

#[test]
fn the_night_is_the_same_chosen_or_wished() {
    let css = include_str!("../assets/sanad.css");
    let nights: Vec<Vec<&str>> = css
        .split("color-scheme: dark;")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap().split_whitespace().collect())
        .collect();
    assert_eq!(nights.len(), 2);
    assert_eq!(nights[0], nights[1]);
}

#[test]
fn the_sheet_names_no_side_of_the_page() {
    let css = include_str!("../assets/sanad.css");
    // `text-align: left` belongs to raw JSON, which runs left to right in every language.
    for physical in
        ["margin-left", "margin-right", "padding-left", "padding-right", "border-left", "border-right", "float:"]
    {
        assert!(!css.contains(physical), "{physical}");
    }
    assert_eq!(css.matches("text-align: left").count(), 1);
}

#[tokio::test]
async fn a_form_for_a_chart_is_refused_with_words_that_say_what_to_do() {
    let mut door = here();
    door.post("/", "/language", "language=en&back=/").await;
    let key = "key=000102030405060708090a0b0c0d0e0f";
    for (action, fields, status, said) in [
        ("/asks", "what=name&text=--&by=Heron", 422, "Nothing was sent"),
        ("/asks", "what=name&text=Samir&born=8x&by=Heron", 422, "Write four digits"),
        ("/asks", "what=name&text=Samir&born=1985&by=Heron", 422, "nothing was sent"),
        ("/asks/answer", "ask=ask-1&grant=p1&by=Heron", 422, "Nothing was granted"),
        ("/asks/answer", "ask=ask-1&refuse=yes&by=Heron", 422, "Nothing was granted"),
        ("/asks/answer", "ask=ask-1&by=Heron", 403, "form"),
        ("/asks", "what=everything&text=x&by=Heron", 403, "form"),
    ] {
        let answer = door.post("/asks", action, &format!("{fields}&{key}")).await;
        assert_eq!(answer.status.as_u16(), status, "{fields}");
        assert!(answer.body.contains(said), "{fields}: {}", answer.body);
    }
    let keyless = door.post("/asks", "/asks", "what=tag&text=1&by=Heron&key=zz").await;
    assert_eq!(keyless.status, StatusCode::FORBIDDEN);
    let foreign = door.post_raw("/asks/answer", &format!("form=0&ask=ask-1&refuse=yes&by=Heron&{key}")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
}

/// Two sites at work, each in a folder of its own: Cedar, which Olive can reach, and Olive.
async fn two_sites(folder: &std::path::Path) -> (Site, Site) {
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: sanad_log::control::SiteKind::Enclave };
    let cedar = Site::found(&folder.join("cedar"), "correct horse", KdfCost::TEST, &new).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let (identity, accept) = (cedar.identity(), Arc::new(cedar.clone()));
    tokio::spawn(async move {
        let limits = sanad_node::carrier::Limits::default();
        sanad_node::carrier::serve(listener, &identity, Router::new(), accept, limits, std::future::pending()).await
    });
    cedar.announce(vec![address]).await.unwrap();
    let invite = cedar.invite(sanad_log::control::SiteKind::Enclave, vec![]).await.unwrap();
    let olive = Site::join(&folder.join("olive"), "correct horse", KdfCost::TEST, "Olive", &invite).await.unwrap();
    sync(&olive).await;
    (cedar, olive)
}

async fn sync(site: &Site) {
    for peer in site.peers().await.unwrap().values() {
        assert!(site.sync_with(peer).await.unwrap().complete);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
async fn a_chart_is_asked_for_and_granted_on_the_screens_and_a_second_press_does_nothing() {
    let folder = std::env::temp_dir().join(format!("sanad-asks-{}", std::process::id()));
    let (cedar, olive) = two_sites(&folder).await;
    let raw = r#"{"resourceType":"Patient","id":"p1","name":[{"given":["Mahmoud","Samir"],"family":"Haddad"}]}"#;
    let change =
        Change { key: "Patient/p1".parse().unwrap(), raw: Some(raw.as_bytes().to_vec()), about: None, follows: None };
    cedar.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    let (mut here, mut there) =
        (Door::to(Source::Site(cedar.clone()), [127, 0, 0, 1]), Door::to(Source::Site(olive.clone()), [127, 0, 0, 1]));
    for door in [&mut here, &mut there] {
        door.post("/", "/language", "language=en&back=/").await;
    }
    let hidden = |page: &str, name: &str| {
        let from = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
        from.split('"').next().unwrap().to_owned()
    };
    // Asked twice with one form: one ask.
    let key = hidden(&there.get("/asks").await.body, "key");
    let fields = format!("what=name&text=Mahmoud+Haddad&father=Samir&born=&by=Swift&key={key}");
    for _ in 0..2 {
        let answer = there.post("/asks", "/asks", &fields).await;
        assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/asks"));
    }
    assert_eq!(olive.own_asks().await.unwrap().len(), 1);
    assert!(there.get("/asks").await.body.contains("no answer yet"));
    sync(&olive).await;

    let page = here.get("/asks").await.body;
    assert!(page.contains("Olive") && page.contains("/patients/p1") && page.contains("Open this chart"), "{page}");
    let (key, ask) = (hidden(&page, "key"), hidden(&page, "ask"));
    let nobody = here.post("/asks", "/asks/answer", &format!("ask={ask}&grant=p1&by=&key={key}")).await;
    assert!(nobody.status == StatusCode::UNPROCESSABLE_ENTITY && nobody.body.contains("call sign is missing"));
    for _ in 0..2 {
        let answer = here.post("/asks", "/asks/answer", &format!("ask={ask}&grant=p1&by=Heron&key={key}")).await;
        assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/asks"));
    }
    assert!(here.get("/asks").await.body.contains("Nobody waits"));
    sync(&olive).await;
    let body = there.get("/asks").await.body;
    assert!(body.contains("/patients/p1"), "{body}");
    for door in [&mut here, &mut there] {
        let body = door.get("/patients/p1").await.body;
        assert_eq!(body.matches("may read it").count(), 1, "{body}");
        assert!(body.contains("Heron") && body.contains("Opened to other sites"));
    }
    cedar.close().await;
    olive.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
async fn what_is_kept_aside_is_listed_by_name_and_taken_in_once_by_a_form() {
    let folder = std::env::temp_dir().join(format!("sanad-aside-{}", std::process::id()));
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: sanad_log::control::SiteKind::Enclave };
    let site = Site::found(&folder, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let author = site.device();
    site.close().await;
    {
        let unlocked = Folder::open(&folder).unwrap().unlock("correct horse", std::time::Duration::ZERO);
        let mut store = unlocked.unwrap();
        let log = sanad_log::ids::LogId { lane: sanad_log::ids::Lane::Clinical, author };
        let shown = br#"{"resourceType":"Patient","id":"p1","name":[{"family":"Haddad"}]}"#;
        let came = Came { at_ms: 1_519_989_600_000, from: sanad_store::Source::Peer(author) };
        for (seq, reason, bytes) in [(4, Reason::Damage, &shown[..]), (5, Reason::Signature, b"rubbish")] {
            store.keep_apart(&Apart { log, seq, reason, came, bytes }).unwrap();
        }
    }
    let site = Site::open(&folder, "correct horse", std::time::Duration::ZERO).unwrap();
    let mut door = Door::to(Source::Site(site.clone()), [127, 0, 0, 1]);
    assert!(door.get("/").await.body.contains("href=\"/quarantine\""));
    for (lang, words) in
        [("ar", ["ليس توقيع كاتبه", "وصل في جلسة مع"]), ("en", ["not its author", "Came in a session with"])]
    {
        door.post("/", "/language", &format!("language={lang}&back=/")).await;
        let body = door.get("/quarantine").await.body;
        assert!(words.iter().all(|words| body.contains(words)) && body.contains("Cedar"), "{body}");
        assert!(!body.contains("Haddad") && !body.contains("Patient/p1"), "nothing of what a record says");
    }
    for (fields, status, said) in [
        ("n=1&by=", 422, "call sign is missing"),
        ("n=2&by=Heron", 422, "no record in this"),
        ("n=9&by=Heron", 422, "under this number"),
        ("n=first&by=Heron", 403, "form"),
    ] {
        let answer = door.post("/quarantine", "/quarantine", fields).await;
        assert_eq!(answer.status.as_u16(), status, "{fields}");
        assert!(answer.body.contains(said), "{fields}: {}", answer.body);
    }
    let foreign = door.post_raw("/quarantine", "form=0&n=1&by=Heron").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    for _ in 0..2 {
        let answer = door.post("/quarantine", "/quarantine", "n=1&by=Heron").await;
        assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/quarantine"));
    }
    assert!(door.get("/quarantine").await.body.contains("Taken in"));
    assert_eq!(site.reader().versions(&"Patient/p1".parse().unwrap()).unwrap().len(), 1, "once");
    assert!(door.get("/patients/p1").await.body.contains("Provenance"));
    site.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
