//! People on the screens: the first run, who gets in, what a role may do, the lock, the hide key.

use super::*;
use sanad_node::people::FREE_TRIES;
use sanad_node::roles::Role;

const PIN: &str = "271828";
const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","name":[{"given":["Mahmoud"],"family":"Haddad"}]}"#;

struct House {
    folder: std::path::PathBuf,
    site: Site,
}

impl House {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    async fn new(name: &str) -> House {
        let folder = std::env::temp_dir().join(format!("sanad-people-{name}-{}", std::process::id()));
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: sanad_log::control::SiteKind::Enclave };
        let site = Site::found(&folder, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let key = "Patient/p1".parse().unwrap();
        let change = Change { key, raw: Some(PATIENT.as_bytes().to_vec()), about: None, follows: None };
        site.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
        House { folder, site }
    }

    /// The same with people: Heron the technician, and one of each other role called by it.
    async fn with_people(name: &str) -> House {
        let house = House::new(name).await;
        house.site.add_first_person("Heron", PIN, 0).await.unwrap();
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Technician) {
            house.site.add_person(role.name(), role, PIN, 0).await.unwrap();
        }
        house
    }

    async fn door(&self, address: [u8; 4]) -> Door {
        let mut door = Door::to(Source::Site(self.site.clone()), address);
        let page = if self.site.has_people() || address[0] != 127 { "/sign-in" } else { "/" };
        door.post(page, "/language", "language=en&back=/").await;
        door
    }

    async fn signed_in(&self, call_sign: &str) -> Door {
        let mut door = self.door([192, 168, 1, 7]).await;
        let answer = door.sign_in(call_sign, PIN, "").await;
        assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/"));
        door
    }

    async fn end(self) {
        self.site.close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Door {
    async fn sign_in(&mut self, call_sign: &str, pin: &str, more: &str) -> Answer {
        self.post("/sign-in", "/sign-in", &format!("call-sign={call_sign}&pin={pin}{more}")).await
    }

    fn later(&self, minutes: u64) {
        self.now_ms.fetch_add(minutes * 60_000, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_people_is_as_open_as_before_and_the_first_run_closes_it() {
    let house = House::new("first").await;
    let mut here = house.door([127, 0, 0, 1]).await;
    let mut phone = house.door([192, 168, 1, 7]).await;
    assert!(here.get("/").await.body.contains("href=\"/start\""));
    assert_eq!(here.get("/patients/p1").await.status, StatusCode::OK);
    assert_eq!(header(&phone.get("/start").await, "location"), "/sign-in", "not without the screen code");
    let code = phone.code.clone();
    phone.post("/sign-in", "/sign-in", &format!("code={code}")).await;
    for (fields, said) in [
        ("call-sign=Heron&pin=271828&pin-again=314159", "differ"),
        ("call-sign=Heron&pin=123456&pin-again=123456", "6 to 12 digits"),
        ("call-sign=&pin=271828&pin-again=271828", "call sign is missing"),
    ] {
        let answer = phone.post("/start", "/start", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(said) && !answer.body.contains("271828"), "{said}");
    }
    let answer = phone.post("/start", "/start", "call-sign=Heron&pin=271828&pin-again=271828").await;
    assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/start/people"));
    let second = phone.get("/start/people").await.body;
    assert!(second.contains("Step 2 of 3") && second.contains("Heron"));
    let drawn = phone.post("/start/people", "/people", "first=yes&call-sign=Swift&role=nurse&pin=").await;
    assert!(drawn.status == StatusCode::OK && drawn.body.contains("shown this once"), "{}", drawn.body);
    let pin = drawn.body.split("<p class=\"code num\" dir=\"ltr\">").nth(1).unwrap()[..6].to_owned();
    assert!(phone.get("/start/gauges").await.body.contains("Step 3 of 3"));

    // From now on nobody is let in by being here, or by the code.
    assert_eq!(header(&here.get("/").await, "location"), "/sign-in");
    assert_eq!(header(&here.get("/start").await, "location"), "/sign-in");
    assert!(!here.get("/sign-in").await.body.contains("Heron"), "the staff are not listed at the door");
    assert_eq!(header(&here.sign_in("Swift", &pin, "").await, "location"), "/");
    assert!(here.get("/").await.body.contains("You are"));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_the_table_says_and_nothing_else() {
    let house = House::with_people("roles").await;
    for role in Role::ALL {
        let call_sign = if role == Role::Technician { "Heron" } else { role.name() };
        let mut door = house.signed_in(call_sign).await;
        let mut seen = 0;
        for (pattern, method, need) in crate::rights::TABLE {
            if *method != axum::http::Method::GET || pattern.contains("{type}") || *pattern == "/events" {
                continue;
            }
            let path = pattern
                .replace("{id}", "p1")
                .replace("{name}", "none")
                .replace("{form}", "burns-v1")
                .replace("{rid}", "none");
            let answer = door.get(&path).await;
            let may = crate::rights::Rights::Of(role).meet(*need);
            assert_eq!(answer.status == StatusCode::FORBIDDEN, !may, "{role:?} {path} {}", answer.status);
            assert!(may || !answer.body.contains("Haddad"), "{role:?} {path}");
            seen += 1;
        }
        assert!(seen > 10);
        let home = door.get("/").await.body;
        for (link, capability) in
            [("href=\"/patients\"", crate::Can::Patients), ("href=\"/conflicts\"", crate::Can::Settle)]
        {
            assert_eq!(home.contains(link), sanad_node::roles::allows(role, capability), "{role:?} {link}");
        }
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reaches_for_too_much_is_told_in_one_sentence_and_keeps_what_was_typed() {
    let house = House::with_people("refused").await;
    let mut nurse = house.signed_in("nurse").await;
    let typed = format!("ask=ask-1&grant=p1&key={}&text=%3Cb%3Etyped", "0".repeat(32));
    let answer = nurse.post("/asks", "/asks/answer", &typed).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("Your role does not include this") && answer.body.contains("&#60;b&#62;typed"));
    let answer = nurse.post("/", "/people", "call-sign=Mole&role=technician&pin=").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(house.site.person("Mole").is_none());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_screen_locks_and_what_was_sent_on_it_waits_for_its_person() {
    let house = House::with_people("lock").await;
    let mut doctor = house.signed_in("doctor").await;
    let page = doctor.get("/asks").await.body;
    assert!(
        page.contains("data-lock=\"180\"") && page.contains("http-equiv=\"refresh\" content=\"185;url=/lock?back=")
    );
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let token = page.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
    doctor.later(2);
    assert_eq!(doctor.get("/alive").await.status, StatusCode::NO_CONTENT);
    doctor.later(2);
    assert!(doctor.get("/lock?back=/asks").await.body.contains("href=\"/asks\""), "another page is in use");
    doctor.later(1);
    let asked = "/sign-in?back=%2Fpatients%2Fp1";
    assert_eq!(header(&doctor.get("/patients/p1").await, "location"), asked);
    assert_eq!(header(&doctor.get("/lock?back=/patients/p1").await, "location"), asked);
    let fields = format!("form={token}&key={key}&what=name&text=Mahmoud+Secret&father=&born=&by=Other");
    let locked = doctor.post_raw("/asks", &fields).await;
    assert_eq!(locked.status, StatusCode::FORBIDDEN);
    assert!(
        locked.body.contains("What you typed is kept") && !locked.body.contains("Secret"),
        "nothing of it is shown"
    );
    let kept = locked.body.split("name=\"kept\" value=\"").nth(1).unwrap()[..32].to_owned();
    // Somebody else does not get it, wherever they sign in.
    let mut nurse = house.door([192, 168, 1, 8]).await;
    assert_eq!(header(&nurse.sign_in("nurse", PIN, &format!("&kept={kept}")).await, "location"), "/");
    let wrong = doctor.sign_in("doctor", "314159", &format!("&kept={kept}")).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.body.contains(&kept), "a mistyped PIN loses nothing");
    let resume = doctor.sign_in("doctor", PIN, &format!("&kept={kept}")).await;
    assert!(resume.body.contains("action=\"/asks\"") && resume.body.contains("value=\"Mahmoud Secret\""));
    let answer = doctor.post_raw("/asks", &fields).await;
    assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/asks"), "{}", answer.body);
    assert_eq!(house.site.own_asks().await.unwrap().len(), 1);
    // The way back is a path of this site.
    doctor.later(4);
    doctor.get("/").await;
    assert_eq!(header(&doctor.sign_in("doctor", PIN, "&back=%2Fpatients").await, "location"), "/patients");
    doctor.later(4);
    doctor.get("/").await;
    assert_eq!(header(&doctor.sign_in("doctor", PIN, "&back=%2F%2Fevil.example").await, "location"), "/");
    // A stranger's form, or one without a token of ours, is not kept.
    let mut stranger = house.door([192, 168, 1, 9]).await;
    assert_eq!(header(&stranger.post_raw("/asks", &fields).await, "location"), "/sign-in");
    doctor.later(4);
    let foreign = doctor.post_raw("/asks", "form=0&text=x").await;
    assert!(foreign.status == StatusCode::FORBIDDEN && !foreign.body.contains("name=\"kept\""));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_half_typed_on_a_page_that_clears_itself_waits_for_its_person() {
    let house = House::with_people("draft").await;
    let mut doctor = house.signed_in("doctor").await;
    let token = doctor.get("/asks").await.body.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
    doctor.later(3);
    let kept = doctor.post_raw("/lock", &format!("form={token}&text=half+a+na&pin=271828")).await;
    assert_eq!(kept.status, StatusCode::CREATED);
    let back = format!("%2Fasks%23draft%3D{}", kept.body);
    let door = doctor.get(&format!("/lock?back={back}")).await;
    assert_eq!(header(&door, "location"), format!("/sign-in?back={back}"));
    let mut nurse = house.signed_in("nurse").await;
    assert_eq!(nurse.get(&format!("/draft?k={}", kept.body)).await.status, StatusCode::NOT_FOUND, "not theirs");
    let answer = doctor.sign_in("doctor", PIN, &format!("&back={back}")).await;
    assert_eq!(header(&answer, "location"), format!("/asks#draft={}", kept.body));
    let draft = doctor.get(&format!("/draft?k={}", kept.body)).await;
    assert_eq!(draft.body, r#"[["text","half a na"]]"#, "no PIN");
    assert_eq!(doctor.get(&format!("/draft?k={}", kept.body)).await.status, StatusCode::NOT_FOUND, "once");
    let mut stranger = house.door([192, 168, 1, 9]).await;
    let body = stranger.get("/sign-in").await.body;
    let token = body.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
    assert_eq!(stranger.post_raw("/lock", &format!("form={token}&text=x")).await.status, StatusCode::NOT_FOUND);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hide_shows_a_page_of_nothing_at_once_and_locks() {
    let house = House::with_people("hide").await;
    let mut doctor = house.signed_in("doctor").await;
    assert!(doctor.get("/").await.body.contains("action=\"/hide\" id=\"hide\""));
    let answer = doctor.post_raw("/hide", "").await;
    assert_eq!((answer.status, header(&answer, "location")), (StatusCode::SEE_OTHER, "/network"));
    for lang in ["en", "ar"] {
        doctor.post("/sign-in", "/language", &format!("language={lang}&back=/")).await;
        let neutral = doctor.get("/network").await;
        assert_eq!(neutral.status, StatusCode::OK);
        for telling in ["sanad", "سند", "Cedar", "assets", "patient", "form"] {
            assert!(!neutral.body.to_lowercase().contains(telling), "{telling}");
        }
    }
    assert_eq!(header(&doctor.get("/").await, "location"), "/sign-in?back=%2F");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_a_pin_waits_and_who_is_disabled_is_out_with_the_next_step() {
    let house = House::with_people("guess").await;
    let mut technician = house.signed_in("Heron").await;
    let mut nurse = house.signed_in("nurse").await;
    let mut guesser = house.door([192, 168, 1, 66]).await;
    for who in ["nurse", "nobody"] {
        for _ in 0..FREE_TRIES {
            let answer = guesser.sign_in(who, "314159", "").await;
            assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("do not belong together"), "{who}");
        }
        assert_eq!(guesser.sign_in(who, PIN, "").await.status, StatusCode::TOO_MANY_REQUESTS, "{who}");
    }
    let answer = technician.post("/people", "/people/change", "who=nurse&do=disable").await;
    assert_eq!(header(&answer, "location"), "/people");
    assert_eq!(header(&nurse.get("/patients").await, "location"), "/sign-in");
    for (fields, said) in [
        ("who=Heron&do=disable", "Nobody else could say"),
        ("who=Heron&do=role&role=nurse", "Nobody else could say"),
        ("who=Mole&do=pin", "Nobody has this call sign"),
    ] {
        let answer = technician.post("/people", "/people/change", fields).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains(said), "{fields}");
    }
    for bad in ["who=Heron&do=everything", "who=doctor&do=role&role=king"] {
        assert_eq!(technician.post("/people", "/people/change", bad).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(header(&technician.post("/people", "/people/lock", "minutes=٥").await, "location"), "/people");
    assert_eq!(house.site.lock_minutes(), 5);
    let answer = technician.post("/people", "/people/lock", "minutes=0").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Their own PIN.
    let answer = technician.post("/pin", "/pin", "pin-old=271828&pin-new=314159&pin-again=314159").await;
    assert!(answer.body.contains("The PIN is changed"), "{}", answer.body);
    let answer = technician.post("/pin", "/pin", "pin-old=271828&pin-new=161803&pin-again=161803").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(house.site.check_pin("Heron", "314159", 0).is_ok());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_signs_and_each_chart_that_is_opened_is_written_down_once() {
    let house = House::with_people("audit").await;
    let mut doctor = house.signed_in("doctor").await;
    let page = doctor.get("/asks").await.body;
    assert!(!page.contains("name=\"by\""), "who asks is known");
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    doctor.post("/asks", "/asks", &format!("what=tag&text=17&by=Other&key={key}")).await;
    let asks = house.site.own_asks().await.unwrap();
    assert_eq!(asks[0].by.as_deref(), Some("doctor"), "nobody signs in another's name");
    for path in ["/patients/p1", "/patients/p1/Observation", "/patients/p1", "/patients"] {
        doctor.get(path).await;
    }
    let mut technician = house.signed_in("Heron").await;
    technician.get("/patients/p1").await;
    house.site.close().await;
    let site = Site::open(&house.folder, "correct horse", std::time::Duration::ZERO).unwrap();
    let chart = site.reader().patient("p1").unwrap().unwrap();
    let events: Vec<_> = chart.resources.iter().filter(|row| row.key.resource_type == "AuditEvent").collect();
    assert_eq!(events.len(), 1, "once in ten minutes, and only for what was seen");
    let raw = site.reader().resource(&events[0].key).unwrap().unwrap().raw.unwrap();
    let raw: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!((&raw["agent"][0]["altId"], &raw["agent"][0]["name"]), (&"doctor".into(), &"doctor".into()));
    site.close().await;
    std::fs::remove_dir_all(&house.folder).unwrap();
}
