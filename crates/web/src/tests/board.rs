//! The board and what leads to it, over a real site: a casualty in one press, every way through the tables, two people at
//! one casualty, a tag that was photographed, what other sites can take, and what is said of it all afterwards.

use super::bedside::Ward;
use super::*;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use sanad_record::triage::{self, Tool};
use serde_json::{Value, json};

const NEW: &str = "/board/new";

impl Ward {
    /// Every resource of a type at the site.
    fn of(&self, kind: &'static str) -> Vec<Value> {
        let found = crate::clinic::record::find(&self.site, kind, &[], None, 0).unwrap();
        found.into_iter().map(|read| read.value).collect()
    }

    fn count(&self, kind: &'static str) -> usize {
        self.of(kind).len()
    }
}

impl Door {
    /// A new casualty; gives the id.
    async fn casualty(&mut self, fields: &str) -> String {
        let saved = self.fill(NEW, NEW, fields).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{fields}: {}", plain(&saved.body));
        header(&saved, "location").strip_prefix("/board#c-").unwrap().to_owned()
    }

    async fn scan(&mut self, file: Option<&[u8]>, tag: &str) -> Answer {
        let page = self.get("/board/scan").await.body;
        let token = page.split("name=\"form\" value=\"").nth(1).unwrap()[..32].to_owned();
        let part =
            |name: &str, more: &str| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
        let mut body = format!("{}{token}\r\n{}{tag}\r\n", part("form", ""), part("tag", "")).into_bytes();
        if let Some(file) = file {
            body.extend(part("file", "; filename=\"a.jpg\"").into_bytes());
            body.extend_from_slice(file);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        let request = Request::post("/board/scan").header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

fn plain(body: &str) -> String {
    body.replace(['\u{2068}', '\u{2069}'], "")
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn tag_picture(text: &str) -> DynamicImage {
    let code = qrcode::QrCode::new(text).unwrap();
    let (modules, scale, quiet) = (code.width() as u32, 6, 4);
    let side = (modules + 2 * quiet) * scale;
    let colours = code.to_colors();
    DynamicImage::from(GrayImage::from_fn(side, side, |x, y| {
        let at = |pixel: u32| (pixel / scale).checked_sub(quiet).filter(|module| *module < modules);
        match (at(x), at(y)) {
            (Some(x), Some(y)) if colours[(y * modules + x) as usize] == qrcode::Color::Dark => Luma([20]),
            _ => Luma([235]),
        }
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colour_alone_is_a_casualty_and_a_second_press_is_none() {
    let ward = Ward::new("board-new").await;
    let mut door = ward.door().await;
    assert!(door.get("/board").await.body.contains("Nobody is on the board."));
    let page = door.get(NEW).await.body;
    assert!(!page.contains(" required"), "no field has to be filled in");
    assert_eq!(page.matches("class=\"colour tri--").count(), 5, "each colour is one press");
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let mut places = Vec::new();
    for _ in 0..3 {
        let saved = door.post(NEW, NEW, &format!("key={key}&tag=&colour=immediate")).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER);
        places.push(header(&saved, "location").to_owned());
    }
    assert!(places.iter().all(|place| *place == places[0]), "the same form leads to the same casualty");
    assert_eq!((ward.count("Encounter"), ward.count("Observation")), (1, 1));
    let board = door.get("/board").await.body;
    assert!(
        board.contains("Unidentified") && board.contains("tri--immediate") && board.contains("id=\"board\" data-live")
    );
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_casualty_is_kept_and_the_worst_stand_first() {
    let ward = Ward::new("board-known").await;
    let mut door = ward.door().await;
    door.casualty("colour=minor&tag=A-1").await;
    let id = door
        .casualty(
            "colour=immediate&tag=K7-204&sex=female&age=%D9%A3%D9%A0&place=Corridor&complaint=Leg&contaminated=yes",
        )
        .await;
    let dead = door.casualty("colour=dead&arrived=dead&tag=A-9").await;
    let board = plain(&door.get("/board").await.body);
    assert!(board.find("K7-204").unwrap() < board.find("A-1").unwrap());
    assert!(board.contains("Corridor · Leg") && board.contains("Decontamination"));
    assert!(!board.contains(&format!("/casualties/{dead}")), "who came dead has left the board");
    let page = plain(&door.get(&format!("/casualties/{dead}")).await.body);
    assert!(page.contains("Dead on arrival"));
    let page = plain(&door.get(&format!("/casualties/{id}")).await.body);
    assert!(page.contains("K7-204") && page.contains("Needs decontamination") && page.contains("30"));
    assert!(!page.split("</title>").next().unwrap().contains("K7-204"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_said_at_its_field_and_stays() {
    let ward = Ward::new("board-wrong").await;
    let mut door = ward.door().await;
    door.casualty("colour=minor&tag=A-1").await;
    let long = "x".repeat(101);
    for (fields, said, stays) in [
        ("age=300+years", "More than is possible", "value=\"300 years\""),
        ("age=%3Cb%3Eten", "Write a number", "value=\"&#60;b&#62;ten\""),
        ("age=4o", "", "value=\"4o\""),
        ("tag=A%E2%80%AE1", "letters that cannot be seen", "name=\"tag\""),
        (&format!("place={long}"), "100 characters at most", &long),
        ("place=a%E2%80%AEb", "letters that cannot be seen", "name=\"place\""),
        ("tag=A-1", "wears this tag now", "name=\"other\""),
    ] {
        let answer = door.fill(NEW, NEW, &format!("{fields}&colour=delayed")).await;
        let body = plain(&answer.body);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(body.contains(said) && body.contains(stays) && body.contains("class=\"problem\""), "{fields}: {said}");
        assert!(!body.contains("<b>ten"), "{fields}");
    }
    assert_eq!(ward.count("Encounter"), 1);
    // It may be somebody else with the same number.
    door.casualty("tag=A-1&other=yes&colour=delayed").await;
    assert_eq!(ward.count("Encounter"), 2);
    // A colour that there is none of asks again and saves nothing; nor does a form without a key.
    assert_eq!(door.fill(NEW, NEW, "colour=%3Cred%3E").await.status, StatusCode::OK);
    assert_eq!(door.post(NEW, NEW, "colour=minor").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ward.count("Encounter"), 2);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leaf_of_start_and_jumpstart_is_reached_by_pressing_buttons() {
    let ward = Ward::new("board-leaves").await;
    let mut door = ward.door().await;
    for tool in [Tool::Start, Tool::JumpStart] {
        let leaves: Vec<_> = triage::leaves(tool).collect();
        assert!(leaves.len() >= 5);
        for (at, path) in leaves.iter().enumerate() {
            let tag = format!("{}-{at}", tool.code());
            let mut pressed = format!("tool={}&tag={tag}", tool.code());
            let mut page = door.fill(NEW, NEW, &pressed).await;
            for (question, choice) in &path.answers {
                assert_eq!(page.status, StatusCode::OK);
                let value = format!("{question}/{choice}");
                assert!(page.body.contains(&format!("name=\"answer\" value=\"{value}\"")), "{tag}: {value}");
                assert!(page.body.contains(&format!("name=\"tag\" value=\"{tag}\"")), "the tag travels along");
                page = door.fill(NEW, NEW, &format!("{pressed}&answer={value}")).await;
                pressed = format!("{pressed}&why={value}");
            }
            let colour = path.leaf.colour.code();
            assert!(page.body.contains(&format!("btn--wide\" name=\"colour\" value=\"{colour}\"")), "{tag}");
            let id = door.casualty(&format!("{pressed}&colour={colour}")).await;
            let casualty = door.get(&format!("/casualties/{id}")).await.body;
            assert!(casualty.contains(&format!("tri--{colour}")), "{tag}");
            let trail = casualty.split("class=\"trail\"").nth(1).map_or("", |rest| rest.split("</ol>").next().unwrap());
            assert_eq!(trail.matches("<li>").count(), path.answers.len(), "the trail says every answer: {tag}");
        }
    }
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_colour_than_the_tables_needs_a_reason_and_both_stay() {
    let ward = Ward::new("board-override").await;
    let mut door = ward.door().await;
    let path = triage::leaves(Tool::Start).next().unwrap();
    let why: Vec<_> = path.answers.iter().map(|(question, choice)| format!("why={question}/{choice}")).collect();
    let other = if path.leaf.colour == triage::Colour::Delayed { "immediate" } else { "delayed" };
    let walked = format!("tool=start&{}&colour={other}", why.join("&"));
    let refused = door.fill(NEW, NEW, &format!("{walked}&tag=Z-1")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("write why") && refused.body.contains("value=\"Z-1\""));
    let id = door.casualty(&format!("{walked}&reason=Pale+%3Cand%3E+cold")).await;
    let page = plain(&door.get(&format!("/casualties/{id}")).await.body);
    assert!(page.contains("The table says:") && page.contains("Pale &#60;and&#62; cold"));
    // Sorted again: the one before stays below it.
    let again = format!("/casualties/{id}/triage");
    door.now_ms.fetch_add(600_000, Ordering::Relaxed);
    for _ in 0..2 {
        let key = format!("key={}&colour=expectant", "5".repeat(32));
        assert_eq!(door.post(&again, &again, &key).await.status, StatusCode::SEE_OTHER);
    }
    let page = door.get(&format!("/casualties/{id}")).await.body;
    assert_eq!(page.matches("class=\"sort\"").count(), 2, "sent twice, sorted once");
    assert!(page.find("tri--small\" aria-hidden").is_none() || page.contains("tri--expectant tri--small"));
    assert_eq!(door.get("/casualties/nobody/triage").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_write_about_one_casualty_and_neither_loses_anything() {
    let ward = Ward::new("board-two").await;
    let mut door = ward.door().await;
    let id = door.casualty("colour=delayed&tag=B-2").await;
    let page = format!("/casualties/{id}");
    let first = door.fill(&page, &page, "do=place&place=Ward+1&team=&next=&destination=").await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    for (fields, said) in [
        ("do=seen", "seen"),
        ("do=contaminated", "Decontaminated"),
        ("do=washed", "Needs decontamination"),
        ("do=place&place=Ward+1&team=Red&next=X-ray&destination=Theatre", "Theatre"),
    ] {
        assert_eq!(door.fill(&page, &page, fields).await.status, StatusCode::SEE_OTHER, "{fields}");
        assert!(plain(&door.get(&page).await.body).contains(said), "{fields}");
    }
    // A page that was made before all this: it says what it changed and leaves the rest.
    let old =
        "do=place&place=Ward+1&was-place=Ward+1&team=&was-team=&next=&was-next=&destination=Bed+4&was-destination=";
    assert_eq!(door.fill(&page, &page, old).await.status, StatusCode::SEE_OTHER);
    let stay = sanad_record::care::stay::read(&ward.of("Encounter")[0]).unwrap();
    assert_eq!(stay.parts.destination.as_deref(), Some("Bed 4"));
    let seen = door.get(&page).await.body;
    assert!(seen.contains("name=\"was-team\" value=\"Red\""));
    let emptied = "do=place&place=Ward+1&was-place=Ward+1&team=Red&was-team=Red&next=X-ray&was-next=X-ray&destination=&was-destination=Bed+4";
    assert_eq!(door.fill(&page, &page, emptied).await.status, StatusCode::SEE_OTHER);
    let stay = sanad_record::care::stay::read(&ward.of("Encounter")[0]).unwrap();
    assert_eq!(stay.parts.destination, None);
    assert_eq!((stay.parts.place.as_deref(), stay.parts.team.as_deref()), (Some("Ward 1"), Some("Red")));
    assert!(stay.first_contact_ms.is_some());
    assert!(plain(&door.get("/board").await.body).contains("Ward 1 · Red · X-ray"));
    for (fields, said) in [("do=leave", "Choose how"), ("do=leave&how=home&follow-up=a%E2%80%AEb", "cannot be seen")] {
        let refused = door.fill(&page, &page, fields).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains(said), "{fields}");
    }
    assert_eq!(door.fill(&page, &page, "do=leave&how=died&cause=Blast").await.status, StatusCode::SEE_OTHER);
    assert!(!door.get("/board").await.body.contains(&page) && door.get(&page).await.body.contains("Died"));
    assert_eq!(ward.of("Patient").iter().filter(|patient| patient.get("deceasedDateTime").is_some()).count(), 1);
    assert_eq!(door.fill(&page, &page, "do=return").await.status, StatusCode::SEE_OTHER);
    assert!(door.get("/board").await.body.contains(&page));
    assert_eq!(door.fill(&page, &page, "do=%3Cb%3E").await.status, StatusCode::FORBIDDEN);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sort_sorts_nobody() {
    let ward = Ward::new("board-rights").await;
    ward.with_people().await;
    let mut triage = ward.signed_in("triage").await;
    let id = triage.casualty("colour=minor").await;
    assert_eq!(ward.of("Observation")[0]["performer"][0]["display"], "triage");
    let page = format!("/casualties/{id}");
    let mut coordinator = ward.signed_in("coordinator").await;
    assert_eq!(coordinator.get("/board").await.status, StatusCode::OK);
    let seen = coordinator.get(&page).await.body;
    assert!(!seen.contains("name=\"place\"") && !seen.contains("/triage\"") && !seen.contains("/patients/"));
    for path in [NEW, "/board/scan", &format!("{page}/triage")] {
        assert_eq!(coordinator.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let fields = format!("key={}&colour=minor&do=seen", "1".repeat(32));
    for path in [NEW, &page, &format!("{page}/triage")] {
        assert_eq!(coordinator.post("/", path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    // Whoever sorts does not end a stay.
    assert_eq!(triage.fill(&page, &page, "do=leave&how=home").await.status, StatusCode::FORBIDDEN);
    let mut pharmacy = ward.signed_in("pharmacy").await;
    for path in ["/board", "/board/after", "/board/capacity", &page] {
        assert_eq!(pharmacy.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!((ward.count("Encounter"), ward.count("Observation")), (1, 1));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photographed_or_typed_tag_leads_to_its_casualty_or_begins_one() {
    let ward = Ward::new("board-scan").await;
    let mut door = ward.door().await;
    let picture = tag_picture("K7-204");
    let begins =
        |answer: &Answer| answer.status == StatusCode::OK && answer.body.contains("name=\"tag\" type=\"text\"");
    for photo in [encoded(&picture, ImageFormat::Jpeg), encoded(&picture.rotate90(), ImageFormat::Png)] {
        let answer = door.scan(Some(&photo), "").await;
        assert!(
            begins(&answer)
                && answer.body.contains("value=\"K7-204\"")
                && answer.body.contains("action=\"/board/new\"")
        );
    }
    let typed = door.scan(None, " K7-205 ").await;
    assert!(begins(&typed) && typed.body.contains("value=\"K7-205\""));
    let id = door.casualty("colour=minor&tag=K7-204").await;
    for answer in [door.scan(Some(&encoded(&picture, ImageFormat::WebP)), "").await, door.scan(None, "K7-204").await] {
        assert_eq!(
            (answer.status, header(&answer, "location")),
            (StatusCode::SEE_OTHER, &*format!("/casualties/{id}"))
        );
    }
    let blank = DynamicImage::from(GrayImage::from_pixel(300, 300, Luma([200])));
    let giant = vec![0; crate::clinic::photo::PHOTO_BYTES_MAX + 1];
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bomb.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    let torn = &encoded(&picture, ImageFormat::Jpeg)[..60];
    for (file, tag, said) in [
        (None, "", "Take a photo of the tag"),
        (Some(&encoded(&blank, ImageFormat::Png)[..]), "", "No tag can be read"),
        (Some(&encoded(&tag_picture("https://example.org/?a=b"), ImageFormat::Png)[..]), "", "No tag can be read"),
        (Some(b"<svg onload=alert(1)>".as_slice()), "", "no image"),
        (Some(torn), "", "damaged"),
        (Some(&bomb[..]), "", "photo"),
        (Some(&giant[..]), "", "larger"),
        (None, "a\u{202e}b", "cannot be seen"),
    ] {
        let answer = door.scan(file, tag).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.matches("class=\"problem\"").count() == 1, "{said}");
    }
    let huge = vec![0; crate::clinic::upload::UPLOAD_BYTES_MAX + 1];
    assert_eq!(door.scan(Some(&huge), "").await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ward.count("Media") + ward.count("Binary"), 0, "no photo of a tag is kept");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_begins_and_ends_once() {
    let ward = Ward::new("board-event").await;
    let mut door = ward.door().await;
    for _ in 0..2 {
        let answer = door.fill("/board", "/board/event", "name=Shift+2").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(ward.count("Basic"), 1, "two who begin it begin one");
    assert!(plain(&door.get("/board").await.body).contains("Shift 2"));
    door.casualty("colour=minor").await;
    assert!(sanad_record::care::stay::read(&ward.of("Encounter")[0]).unwrap().parts.event.is_some());
    assert_eq!(door.fill("/board", "/board/event", "close=yes").await.status, StatusCode::SEE_OTHER);
    assert!(!door.get("/board").await.body.contains("Shift 2"));
    let wrong = door.fill("/board", "/board/event", "name=a%E2%80%AEb").await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.body.contains("cannot be seen"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_says_by_hand_what_it_can_take_and_the_newest_word_stands() {
    let ward = Ward::new("board-capacity").await;
    let mut door = ward.door().await;
    assert!(door.get("/board").await.body.contains("No site has said it yet."));
    let other = sanad_record::care::capacity::Capacity { beds: Some(3), ..Default::default() };
    let stated = sanad_record::care::capacity::state("capacity-f00d", "<Olive>", &other, 1_519_900_000_000, "Swift");
    ward.save(stated.unwrap()).await;
    let page = "/board/capacity";
    for (fields, said) in [
        ("beds=-1", "Write a number"),
        ("beds=1.5", "Write a number"),
        ("beds=99999", "More than is possible"),
        ("theatres=%3Cb%3E", "Write a number"),
        ("cannot=a%E2%80%AEb", "cannot be seen"),
    ] {
        let answer = door.fill(page, page, &format!("{fields}&by=x")).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains(said), "{fields}");
    }
    assert_eq!(ward.count("Basic"), 1);
    for fields in ["beds=%D9%A4&theatres=&cannot=", "beds=7&theatres=0&cannot=Burns+%26+eyes"] {
        assert_eq!(door.fill(page, page, fields).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(ward.count("Basic"), 2, "each site has one statement");
    let board = plain(&door.get("/board").await.body);
    assert!(
        board.contains("Burns &#38; eyes")
            && board.contains("&#60;Olive&#62;")
            && board.contains("<b class=\"num\">?</b>")
    );
    assert!(board.find("Cedar</bdi></b>").unwrap() < board.find("&#60;Olive&#62;").unwrap());
    assert_eq!(board.matches("said long ago").count(), 1);
    assert!(door.get(page).await.body.contains("value=\"Burns &#38; eyes\""));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn afterwards_it_is_said_who_was_sorted_too_high_or_too_low_and_how_long_people_waited() {
    let ward = Ward::new("board-after").await;
    let mut door = ward.door().await;
    assert!(door.get("/board/after").await.body.contains("No times are written down yet."));
    door.fill("/board", "/board/event", "name=").await;
    let over = door.casualty("colour=immediate").await;
    let under = door.casualty("colour=minor").await;
    let operated = door.casualty("colour=immediate").await;
    door.now_ms.fetch_add(20 * 60_000, Ordering::Relaxed);
    for id in [&over, &operated] {
        let page = format!("/casualties/{id}");
        door.fill(&page, &page, "do=seen").await;
    }
    let began = json!({ "resourceType": "Procedure", "id": "op1", "status": "in-progress",
        "category": { "coding": [{ "system": "http://snomed.info/sct", "code": "387713003" }] }, "code": { "text": "Laparotomy" },
        "subject": { "reference": format!("Patient/{operated}") }, "performedPeriod": { "start": "2018-03-02T12:00:00Z" } });
    ward.save(began).await;
    door.now_ms.fetch_add(60 * 60_000, Ordering::Relaxed);
    for (id, how) in [(&over, "home"), (&under, "died")] {
        let page = format!("/casualties/{id}");
        door.fill(&page, &page, &format!("do=leave&how={how}")).await;
    }
    let page = plain(&door.get("/board/after").await.body);
    assert!(
        page.contains("ltr\">0/2</bdi></td><td><bdi class=\"num\" dir=\"ltr\">1/2</bdi></td>"),
        "of two reds one was too high"
    );
    assert!(
        page.contains("ltr\">1/1</bdi></td><td><bdi class=\"num\" dir=\"ltr\">0/1</bdi></td>"),
        "the green one died"
    );
    assert_eq!(page.matches("<svg class=\"plot\"").count(), 3);
    assert!(page.contains("20 min") && page.contains("No clinician has verified"));
    assert!(!page.contains(&over) && !page.contains("Laparotomy"), "nobody stands in it");
    ward.end().await;
}
