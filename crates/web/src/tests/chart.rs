//! What is written into a chart by hand: injuries, notes, photos.

use super::bedside::Ward;
use super::*;
use sanad_record::written;
use serde_json::Value;

const INJURIES: &str = "/patients/p1/injuries";
const NOTES: &str = "/patients/p1/notes";
const PHOTOS: &str = "/patients/p1/photos";
const SECRET: &[u8] = b"GPS 33.51 N 36.37 E";

#[tokio::test(flavor = "multi_thread")]
async fn an_injury_is_marked_on_the_body_and_healed_by_one_tap() {
    let ward = Ward::new("injuries").await;
    let mut door = ward.door().await;
    let page = door.get("/patients/p1/injuries?at=thigh-left").await.body;
    assert!(page.contains("<option value=\"thigh-left\" selected>Left thigh, front</option>"));
    assert!(page.contains("href=\"/patients/p1/injuries?at=pelvis#new\""));
    let nonsense = door.get("/patients/p1/injuries?at=%3Cb%3E").await;
    assert!(nonsense.status == StatusCode::OK && !nonsense.body.contains("<b>&"));
    let saved = door.fill(INJURIES, INJURIES, "do=add&region=thigh-left&kind=penetrating&note=%3Cb%3Eexit+wound").await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    for address in [INJURIES, "/patients/p1"] {
        let page = door.get(address).await.body.replace(['\u{2068}', '\u{2069}'], "");
        assert!(page.contains("Penetrating wound · Left thigh, front"), "{address}");
        assert!(page.contains("body__part--hurt"), "{address}");
        assert!(!page.contains("<b>exit"), "{address}");
    }
    let id = ward.all("Condition")[0]["id"].as_str().unwrap().to_owned();
    door.fill(INJURIES, INJURIES, &format!("do=healed&id={id}")).await;
    assert!(!door.get(INJURIES).await.body.contains("body__part--hurt"));
    door.fill(INJURIES, INJURIES, &format!("do=mistake&id={id}")).await;
    let condition = &ward.all("Condition")[0];
    assert_eq!(condition["verificationStatus"]["coding"][0]["code"], "entered-in-error");
    assert_eq!(condition["clinicalStatus"], Value::Null, "R4, con-5");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_injury_that_says_too_little_or_too_much_stays_on_the_screen() {
    let ward = Ward::new("half-injuries").await;
    let mut door = ward.door().await;
    let long = "x".repeat(501);
    for (fields, said) in [
        ("do=add&region=&kind=burn&note=kept".to_owned(), "Choose where"),
        ("do=add&region=tail&kind=burn&note=kept".to_owned(), "Choose where"),
        ("do=add&region=pelvis&note=kept".to_owned(), "Choose what kind"),
        (format!("do=add&region=pelvis&kind=burn&note=kept{long}"), "500 characters at most"),
    ] {
        let answer = door.fill(INJURIES, INJURIES, &fields).await;
        let body = answer.body.replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(body.contains(said) && body.contains("kept"), "{fields}");
    }
    let stranger = door.fill(INJURIES, INJURIES, "do=healed&id=nobodys").await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    assert!(ward.all("Condition").is_empty());
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_kept_once_with_who_wrote_it() {
    let ward = Ward::new("notes").await;
    ward.with_people().await;
    let mut door = ward.signed_in("nurse").await;
    let page = door.get(NOTES).await.body;
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    for _ in 0..2 {
        let saved = door.post(NOTES, NOTES, &format!("key={key}&text=Pale%2C+cold.%0ATourniquet+at+14%3A20")).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER);
    }
    let notes = ward.all("Observation");
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["performer"][0]["display"], "nurse");
    assert!(door.get("/patients/p1").await.body.contains("Tourniquet at 14:20"));
    let empty = door.fill(NOTES, NOTES, "text=+%0A+").await;
    assert!(empty.status == StatusCode::UNPROCESSABLE_ENTITY && empty.body.contains("Write something here"));
    let long = door.fill(NOTES, NOTES, &format!("text={}", "%D8%A7".repeat(2_001))).await;
    assert!(long.status == StatusCode::UNPROCESSABLE_ENTITY && long.body.contains("اااا"));
    let mut pharmacy = ward.signed_in("pharmacy").await;
    assert_eq!(pharmacy.get(NOTES).await.status, StatusCode::FORBIDDEN);
    ward.end().await;
}

/// A JPEG that says where it was taken, as cameras do.
fn jpeg() -> Vec<u8> {
    let picture = image::DynamicImage::from(image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([(4 * x) as u8, (5 * y) as u8, 60])
    }));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    let bytes = bytes.into_inner();
    let mut comment = vec![0xff, 0xfe];
    comment.extend(((SECRET.len() + 2) as u16).to_be_bytes());
    comment.extend(SECRET);
    [&bytes[..2], &comment, &bytes[2..]].concat()
}

impl Door {
    async fn upload(&mut self, page: &str, file: &[u8]) -> Answer {
        let text = self.get(page).await.body;
        let value = |name: &str| text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap()[..32].to_owned();
        let mut body = Vec::new();
        for (name, value) in [("form", value("form")), ("key", value("key")), ("caption", "left thigh".to_owned())] {
            let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
        body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"IMG.jpg\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--b--\r\n");
        let request = Request::post(page).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_kept_without_where_it_was_taken_and_a_face_can_be_hidden() {
    let ward = Ward::new("photos").await;
    let mut door = ward.door().await;
    let saved = door.upload(PHOTOS, &jpeg()).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let media = ward.all("Media");
    let (kept, caption) = written::read_photo(&media[0]).unwrap();
    assert_eq!(caption, "left thigh");
    assert!(!kept.windows(SECRET.len()).any(|window| window == SECRET));
    let id = media[0]["id"].as_str().unwrap().to_owned();
    let picture = door.get(&format!("{PHOTOS}/{id}")).await;
    assert_eq!(header(&picture, "content-type"), "image/jpeg");
    let blur = format!("{PHOTOS}/{id}/blur");
    assert_eq!(door.fill(&blur, &blur, "cell=64").await.status, StatusCode::FORBIDDEN, "no such square");
    assert_eq!(door.fill(&blur, &blur, "cell=27").await.status, StatusCode::SEE_OTHER);
    let (after, caption) = (ward.all("Media"), "left thigh");
    assert_eq!(written::read_photo(&after[0]).map(|(_, line)| line), Some(caption));
    assert_ne!(after[0]["content"]["data"], media[0]["content"]["data"]);
    door.fill(&blur, &blur, "cell=gone").await;
    assert_eq!(door.get(&format!("{PHOTOS}/{id}")).await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_photo_is_refused_in_one_sentence() {
    let ward = Ward::new("no-photos").await;
    let mut door = ward.door().await;
    for (file, said) in [
        (b"".as_slice(), "Choose a photo first"),
        (b"<svg onload=alert(1)>", "no image that can be read"),
        (&jpeg()[..60], "damaged or incomplete"),
    ] {
        let answer = door.upload(PHOTOS, file).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.contains("left thigh"), "{said}");
    }
    let giant = door.upload(PHOTOS, &vec![0; 17 * 1024 * 1024]).await;
    assert_eq!(giant.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(ward.all("Media").is_empty());
    ward.end().await;
}
