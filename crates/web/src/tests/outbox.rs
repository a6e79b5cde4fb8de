//! What was filled in while the Wi-Fi was down: sealed as a page seals it, sent late, sent twice, sent by another, or damaged.

use super::bedside::Ward;
use super::*;
use base64::Engine as _;
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use sanad_node::outbox::SEALED_BYTES_MAX;
use sanad_node::roles::Role;
use serde_json::json;

/// What the script of an open page seals with.
struct Phone {
    public: [u8; 32],
    ticket: String,
}

fn attribute<'b>(body: &'b str, name: &str) -> &'b str {
    body.split(&format!(" {name}=\"")).nth(1).expect("the page carries it").split('"').next().unwrap()
}

impl Phone {
    async fn at(door: &mut Door, page: &str) -> Phone {
        let body = door.get(page).await.body;
        let public = base64::engine::general_purpose::STANDARD.decode(attribute(&body, "data-box")).unwrap();
        Phone { public: public.try_into().unwrap(), ticket: attribute(&body, "data-ticket").to_owned() }
    }

    fn seal_text(&self, text: &[u8]) -> Vec<u8> {
        let own = SecretKey::from_slice(&[9; 32]).unwrap();
        let nonce = [4; 24];
        let boxed = SalsaBox::new(&PublicKey::from(self.public), &own).encrypt((&nonce).into(), text).unwrap();
        [&[1][..], own.public_key().as_bytes(), &nonce, &boxed].concat()
    }

    fn seal(&self, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        self.seal_text(json!({ "path": path, "ticket": self.ticket, "fields": fields }).to_string().as_bytes())
    }
}

impl Door {
    async fn outbox(&mut self, sealed: Vec<u8>) -> (StatusCode, String) {
        let request = Request::post("/outbox").header(header::CONTENT_TYPE, "application/octet-stream");
        let answer = self.send(request.body(Body::from(sealed)).unwrap()).await;
        assert!(answer.body.is_empty(), "no answer shows anything");
        (answer.status, answer.headers.get("x-sanad-outbox").map_or("", |value| value.to_str().unwrap()).to_owned())
    }
}

const SAVED: (StatusCode, &str) = (StatusCode::NO_CONTENT, "saved");
const KEPT: (StatusCode, &str) = (StatusCode::NO_CONTENT, "kept");

fn is(answer: &(StatusCode, String), expected: (StatusCode, &str)) -> bool {
    (answer.0, answer.1.as_str()) == expected
}

const VITALS: &str = "/patients/p1/vitals";
const KEY: &str = "00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_form_is_saved_once_in_the_name_of_who_filled_it_in_though_the_session_locked() {
    let ward = Ward::new("late").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    let phone = Phone::at(&mut nurse, VITALS).await;
    // The form's own token is of no use by then, and is not asked for.
    let sealed = phone.seal(VITALS, &[("form", "old"), ("key", KEY), ("pulse", "٨٠"), ("by", "doctor")]);
    nurse.now_ms.fetch_add(20 * 3_600_000, Ordering::Relaxed);
    assert_eq!(nurse.get(VITALS).await.status, StatusCode::SEE_OTHER, "the session has ended");
    for _ in 0..3 {
        assert!(is(&nurse.outbox(sealed.clone()).await, SAVED));
    }
    let all = ward.all("Observation");
    assert_eq!((all.len(), &all[0]["performer"][0]["display"]), (1, &json!("nurse")));
    assert_eq!(nurse.get(VITALS).await.status, StatusCode::SEE_OTHER, "nobody was let in by it");
    // What the form was about may be gone by the time it is sent again.
    ward.site.set_disabled("nurse", true).await.unwrap();
    assert!(is(&nurse.outbox(sealed).await, SAVED));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_waits_for_a_person_and_leaves_when_it_is_saved() {
    let ward = Ward::new("waits").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    assert!(!nurse.get(VITALS).await.body.contains("/outbox/kept"), "linked only when there is something");
    let phone = Phone::at(&mut nurse, VITALS).await;
    let wrong = phone.seal(VITALS, &[("key", KEY), ("pulse", "12<b>00")]);
    for _ in 0..2 {
        assert!(is(&nurse.outbox(wrong.clone()).await, KEPT));
    }
    assert!(is(&nurse.outbox(phone.seal("/patients/gone/vitals", &[("key", &"a".repeat(32))])).await, KEPT));
    assert_eq!(ward.site.kept_forms().unwrap().len(), 2, "sent twice, kept once");
    assert!(nurse.get(VITALS).await.body.contains("href=\"/outbox/kept\""));
    let page = nurse.get("/outbox/kept").await.body;
    assert!(
        page.contains("12&#60;b&#62;00") && page.contains(&format!("action=\"{VITALS}\"")) && page.contains("nurse")
    );
    // Who may not send it does not see it, and cannot take it away.
    let mut technician = ward.signed_in("Heron").await;
    assert!(!technician.get("/outbox/kept").await.body.contains("12&#60;b&#62;00"));
    technician.post("/", "/outbox/kept", "n=1").await;
    assert_eq!(ward.site.kept_forms().unwrap().len(), 2);
    // Opened again it says what is wrong and keeps what was typed; saved, it leaves the list by itself.
    let again = nurse.post("/outbox/kept", VITALS, &format!("key={KEY}&pulse=12%3Cb%3E00")).await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.body.contains("value=\"12&#60;b&#62;00\""));
    let saved = nurse.post("/outbox/kept", VITALS, &format!("key={KEY}&pulse=120")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    assert!(!nurse.get("/outbox/kept").await.body.contains("12&#60;b&#62;00"));
    let left = ward.site.kept_forms().unwrap();
    assert_eq!((left.len(), left[0].n), (1, 2));
    for _ in 0..2 {
        assert_eq!(nurse.post("/outbox/kept", "/outbox/kept", "n=2").await.status, StatusCode::SEE_OTHER);
    }
    assert!(ward.site.kept_forms().unwrap().is_empty());
    assert!(!nurse.get(VITALS).await.body.contains("/outbox/kept"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_saves_with_what_they_may_do_now_and_adds_nobody_by_a_ticket() {
    let ward = Ward::new("now").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    let phone = Phone::at(&mut nurse, VITALS).await;
    let sealed = phone.seal(VITALS, &[("key", KEY), ("pulse", "80")]);
    ward.site.set_role("nurse", Role::Coordinator).await.unwrap();
    assert!(is(&nurse.outbox(sealed).await, KEPT));
    assert!(ward.all("Observation").is_empty());
    let mut technician = ward.signed_in("Heron").await;
    let phone = Phone::at(&mut technician, "/people").await;
    let fields = [("key", KEY), ("call-sign", "Spy"), ("role", "doctor"), ("pin", "271828")];
    for path in ["/people", "/sign-out", "/start", "/outbox", "/outbox/kept", "/nowhere"] {
        assert!(is(&technician.outbox(phone.seal(path, &fields)).await, KEPT), "{path}");
    }
    assert!(ward.site.person("Spy").is_none());
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_and_an_old_ticket_save_nothing_by_themselves() {
    let ward = Ward::new("another").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    let phone = Phone::at(&mut nurse, VITALS).await;
    let sealed = |pulse: &str, key: &str| phone.seal(VITALS, &[("key", key), ("pulse", pulse)]);
    let mut stranger = Door::to(Source::Site(ward.site.clone()), [192, 168, 1, 9]);
    // Doors of one test draw the same tokens.
    stranger.cookies.insert("sanad-browser".to_owned(), "f".repeat(32));
    let refused = (StatusCode::FORBIDDEN, "");
    assert!(is(&stranger.outbox(sealed("80", KEY)).await, refused));
    let mut forged = Phone { public: phone.public, ticket: phone.ticket.replace("nurse", "doctor") };
    assert!(is(&nurse.outbox(forged.seal(VITALS, &[("key", KEY), ("pulse", "80")])).await, refused));
    forged.ticket.clear();
    assert!(is(&nurse.outbox(forged.seal(VITALS, &[("key", KEY), ("pulse", "80")])).await, refused));
    assert!(ward.all("Observation").is_empty() && ward.site.kept_forms().unwrap().is_empty());
    // Somebody else who is signed in hands it to a person; the same person saves it.
    let mut doctor = ward.signed_in("doctor").await;
    doctor.cookies.insert("sanad-browser".to_owned(), "e".repeat(32));
    assert!(is(&doctor.outbox(sealed("80", KEY)).await, KEPT));
    let mut again = ward.signed_in("nurse").await;
    again.cookies.insert("sanad-browser".to_owned(), "d".repeat(32));
    assert!(
        is(&again.outbox(sealed("90", &"b".repeat(32))).await, SAVED),
        "its cookie was lost, and the nurse is there"
    );
    assert_eq!(ward.all("Observation").len(), 1);
    nurse.now_ms.fetch_add(30 * 24 * 3_600_000, Ordering::Relaxed);
    assert!(is(&nurse.outbox(sealed("70", &"c".repeat(32))).await, refused), "old, and nobody is there");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_signs_in_yet_a_form_is_saved_too() {
    let ward = Ward::new("nobody").await;
    let mut door = ward.door().await;
    let phone = Phone::at(&mut door, VITALS).await;
    assert!(is(&door.outbox(phone.seal(VITALS, &[("key", KEY), ("pulse", "80")])).await, SAVED));
    assert_eq!(ward.all("Observation").len(), 1);
    // Once there are people, nobody is nobody any more.
    ward.with_people().await;
    assert!(is(&door.outbox(phone.seal(VITALS, &[("key", &"d".repeat(32)), ("pulse", "80")])).await, KEPT));
    assert_eq!(ward.all("Observation").len(), 1);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sealed_form_is_refused_and_nothing_is_kept() {
    let ward = Ward::new("hostile").await;
    let mut door = ward.door().await;
    let phone = Phone::at(&mut door, VITALS).await;
    let form = |path: &str| json!({ "path": path, "ticket": phone.ticket, "fields": [["key", KEY]] }).to_string();
    for text in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        "[".repeat(50_000),
        form("//evil.example/x"),
        form("https://evil.example/"),
        form("/a\nb"),
        form(&format!("/{}", "a".repeat(600))),
        json!({ "path": VITALS, "ticket": phone.ticket, "fields": [["pulse", "80"]] }).to_string(),
        json!({ "path": VITALS, "ticket": phone.ticket, "fields": [["key", "short"]] }).to_string(),
    ] {
        let answer = door.outbox(phone.seal_text(text.as_bytes())).await;
        assert!(is(&answer, (StatusCode::BAD_REQUEST, "")), "{answer:?} {}", &text[..text.len().min(60)]);
    }
    let sound = phone.seal(VITALS, &[("key", KEY), ("pulse", "80")]);
    for at in (0..sound.len()).step_by(7) {
        let mut torn = sound.clone();
        torn[at] ^= 1;
        assert!(is(&door.outbox(torn).await, (StatusCode::UNPROCESSABLE_ENTITY, "")), "{at}");
    }
    let large = door.outbox(vec![1; SEALED_BYTES_MAX + 1]).await;
    assert!(is(&large, (StatusCode::PAYLOAD_TOO_LARGE, "")));
    let plain = door.post_raw("/outbox", "form=x").await;
    assert_eq!(plain.status, StatusCode::BAD_REQUEST, "a plain form is none");
    assert_eq!(door.get("/outbox").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let foreign = Request::post("/outbox")
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(sound))
        .unwrap();
    assert_eq!(door.send(foreign).await.status, StatusCode::FORBIDDEN);
    // A form longer than any of ours is handed to a person, whole.
    let long = phone.seal(VITALS, &[("key", KEY), ("pulse", &"8".repeat(20_000))]);
    assert!(is(&door.outbox(long).await, KEPT));
    assert!(ward.all("Observation").is_empty() && ward.site.kept_forms().unwrap().len() == 1);
    ward.end().await;
}
