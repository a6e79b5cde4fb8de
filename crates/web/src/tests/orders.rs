//! What is ordered, given and stopped, and allergies, over a real site.

use super::bedside::Ward;
use super::*;
use serde_json::json;

const MEDICINES: &str = "/patients/p1/medicines";
const ORDERS: &str = "/patients/p1/orders";
const DOSES: &str = "/patients/p1/doses";
const PARACETAMOL: &str = "do=save&item=paracetamol-tab-500&unit=mg&route=po&often=every-360&begin=0";

fn plain(answer: &Answer) -> String {
    answer.body.replace(['\u{2068}', '\u{2069}'], "")
}

fn between<'t>(text: &'t str, start: &str) -> &'t str {
    text.split(start).nth(1).expect(start).split('"').next().unwrap()
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The form with which a medicine is ordered, as its page shows it; its key.
async fn order_key(door: &mut Door, item: &str) -> String {
    let page = door.post(ORDERS, ORDERS, &format!("item={item}")).await;
    assert_eq!(page.status, StatusCode::OK);
    between(&page.body, "name=\"key\" value=\"").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_medicine_is_found_ordered_once_given_once_and_stopped() {
    let ward = Ward::new("ordered").await;
    let mut door = ward.door().await;
    let page = door.get(MEDICINES).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("No allergy is recorded") && page.body.contains("Nothing is ordered"));
    for said in ["paracet", &encoded("باراسيتامول")] {
        let found = door.post(ORDERS, ORDERS, &format!("q={said}")).await;
        assert!(found.status == StatusCode::OK && found.body.contains("value=\"paracetamol-tab-500\""), "{said}");
    }
    let none = door.post(ORDERS, ORDERS, &format!("q={}", encoded(HOSTILE))).await;
    assert!(none.body.contains("Nothing in the list") && !none.body.contains("<script>alert"));
    let key = order_key(&mut door, "paracetamol-tab-500").await;
    let fields = format!("key={key}&{PARACETAMOL}&dose=%D9%A1%D9%A0%D9%A0%D9%A0&days=2&note=with+food");
    for _ in 0..2 {
        let saved = door.post(ORDERS, ORDERS, &fields).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, MEDICINES), "{}", saved.body);
    }
    let all = ward.all("MedicationRequest");
    assert_eq!(all.len(), 1, "sent twice, saved once");
    assert_eq!(all[0]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"], json!(1000));
    assert!(all[0]["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]["end"].is_string());

    let page = door.get(MEDICINES).await;
    let text = plain(&page);
    assert!(text.contains("1000 mg · by mouth · every 6 hours") && text.contains("with food"));
    assert!(plain(&door.get("/due").await).contains("every 6 hours"));
    let (request, due) = (between(&text, "name=\"request\" value=\""), between(&text, "name=\"due\" value=\""));
    let fields = format!("request={request}&due={due}");
    let held = door.fill(MEDICINES, DOSES, &format!("{fields}&do=hold&reason=")).await;
    assert!(held.status == StatusCode::UNPROCESSABLE_ENTITY && held.body.contains("Write the reason"));
    let key = text.split(&format!("action=\"{DOSES}\"")).nth(1).map(|form| between(form, "name=\"key\" value=\""));
    let given = format!("key={}&{fields}&do=give", key.unwrap());
    for _ in 0..2 {
        let saved = door.post(MEDICINES, DOSES, &given).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    }
    // Another hand gives the same dose from a page that is older.
    let twice = door.fill(MEDICINES, DOSES, &format!("{fields}&do=give")).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twice.body.contains("Somebody recorded this dose already"));
    assert_eq!(ward.all("MedicationAdministration").len(), 1);
    for odd in ["", "0", "<b>", "18446744073709551616"] {
        let odd = door.fill(MEDICINES, DOSES, &format!("request={request}&do=give&due={}", encoded(odd))).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    let stop = format!("{ORDERS}/{request}/stop");
    let without = door.fill(MEDICINES, &stop, "reason=+").await;
    assert!(without.status == StatusCode::UNPROCESSABLE_ENTITY && without.body.contains("Write the reason"));
    let key = between(&text, "name=\"key\" value=\"").to_owned();
    for _ in 0..2 {
        let stopped = door.post(MEDICINES, &stop, &format!("key={key}&reason=vomits")).await;
        assert_eq!(stopped.status, StatusCode::SEE_OTHER, "{}", stopped.body);
    }
    assert_eq!(ward.all("MedicationRequest")[0]["status"], "stopped");
    let again = door.fill(MEDICINES, &stop, "reason=again").await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.body.contains("stopped or over"));
    let late = door.fill(MEDICINES, DOSES, &format!("{fields}&do=give")).await;
    assert!(late.status == StatusCode::UNPROCESSABLE_ENTITY && late.body.contains("stopped or over"));
    assert_eq!(ward.all("MedicationRequest")[0]["statusReason"]["text"], "vomits");
    assert!(door.get("/due").await.body.contains("Nothing is due"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ordered_is_said_at_its_field_and_stays_typed() {
    let ward = Ward::new("wrong").await;
    let mut door = ward.door().await;
    for (fields, said) in [
        ("dose=0", "Write an amount above zero"),
        ("dose=", "Write something here"),
        ("dose=-5", "one decimal point only"),
        ("dose=1%D9%A0", "digits of two kinds"),
        ("dose=1,000", "can be read in two ways"),
        ("dose=99999999", "More than any number"),
        ("dose=%3Cscript%3E", "one decimal point only"),
        ("dose=500&unit=mL", "Choose one"),
        ("dose=500&route=nose", "Choose one"),
        ("dose=500&often=every-7", "Choose one"),
        ("dose=500&begin=99", "Choose one"),
        ("dose=500&days=0", "at most 365 days"),
        ("dose=500&days=4000", "at most 365 days"),
    ] {
        let key = order_key(&mut door, "paracetamol-tab-500").await;
        // Of a field that is there twice, the first counts.
        let answer = door.post(ORDERS, ORDERS, &format!("key={key}&{fields}&note=stays&{PARACETAMOL}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        let body = plain(&answer);
        assert!(body.contains(said), "{fields}: {said}");
        assert!(body.contains("value=\"stays\"") && !body.contains("<script>"), "{fields}");
    }
    assert!(ward.all("MedicationRequest").is_empty());
    assert_eq!(door.post(ORDERS, ORDERS, "q=").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_never_forbids_and_its_reason_stays_with_the_order() {
    let ward = Ward::new("warned").await;
    let mut door = ward.door().await;
    for (id, text) in [("a1", "Penicillin"), ("a2", "بنسلين")] {
        ward.save(json!({ "resourceType": "AllergyIntolerance", "id": id, "criticality": "high",
            "code": { "text": text }, "patient": { "reference": "Patient/p1" } }))
            .await;
    }
    let page = plain(&door.get(MEDICINES).await);
    assert!(page.contains("Recorded 2 times; shown once") && page.contains("may kill"));
    let fields = "do=save&item=amoxicillin-cap-500&unit=mg&route=po&often=every-480&begin=0&dose=5000";
    let key = order_key(&mut door, "amoxicillin-cap-500").await;
    let asked = door.post(ORDERS, ORDERS, &format!("key={key}&{fields}&why=because")).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = plain(&asked);
    assert!(body.contains("Allergic to the same group (penicillins)") && body.contains("is more than usual"));
    assert!(body.contains("No clinician has verified"));
    let tick = between(&body, "name=\"sure\" value=\"").to_owned();
    for (fields, why) in [
        (fields.to_owned(), "&why="),
        (fields.replace("5000", "6000"), "&why=known"),
        (fields.replace("every-480", "every-240"), "&why=known"),
    ] {
        let key = order_key(&mut door, "amoxicillin-cap-500").await;
        let answer = door.post(ORDERS, ORDERS, &format!("key={key}&sure={tick}&{fields}{why}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}{why}");
    }
    assert!(ward.all("MedicationRequest").is_empty());
    for _ in 0..2 {
        let why = encoded("nothing else left <b>");
        let answer = door.post(ORDERS, ORDERS, &format!("key={key}&sure={tick}&{fields}&why={why}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }
    assert_eq!(ward.all("MedicationRequest").len(), 1);
    let page = plain(&door.get(MEDICINES).await);
    assert!(page.contains("In spite of warnings") && page.contains("nothing else left &#60;b&#62;"));
    // The same once more is a duplicate, and that is said too.
    let key = order_key(&mut door, "amoxicillin-cap-500").await;
    let again = door.post(ORDERS, ORDERS, &format!("key={key}&{fields}")).await;
    assert!(plain(&again).contains("The same medicine is ordered already"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allergy_is_recorded_once_from_the_list_or_in_words() {
    let ward = Ward::new("allergic").await;
    let mut door = ward.door().await;
    let allergies = "/patients/p1/allergies";
    for (fields, said) in [
        ("danger=high", "Choose what it is to"),
        ("allergen=latex", "Choose how dangerous"),
        ("allergen=latex&allergen-typed=egg&danger=low", "not both"),
        ("allergen=nothing&danger=low", "Choose what it is to"),
        ("allergen-typed=%E2%80%AEegg&danger=low", "cannot be seen"),
    ] {
        let answer = door.fill(MEDICINES, allergies, &format!("{fields}&reaction=wheeze")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        let body = plain(&answer);
        assert!(body.contains(said) && body.contains("value=\"wheeze\""), "{fields}: {said}");
    }
    let page = door.get(MEDICINES).await.body;
    let key = between(&page, "name=\"key\" value=\"").to_owned();
    for _ in 0..2 {
        let fields = format!("key={key}&allergen=penicillins&danger=high&reaction={}", encoded(HOSTILE));
        assert_eq!(door.post(MEDICINES, allergies, &fields).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(ward.all("AllergyIntolerance").len(), 1);
    let typed = format!("allergen-typed={}&danger=low", encoded("فراولة"));
    assert_eq!(door.fill(MEDICINES, allergies, &typed).await.status, StatusCode::SEE_OTHER);
    let page = plain(&door.get(MEDICINES).await);
    assert!(page.contains("penicillins") && page.contains("فراولة") && !page.contains("<script>alert"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reads_and_writes_no_more_of_the_orders_than_it_may() {
    let ward = Ward::new("order-rights").await;
    ward.with_people().await;
    let stop = "/patients/p1/orders/m1/stop";
    for (role, reads, prescribes, gives, notes) in [
        ("doctor", true, true, true, true),
        ("nurse", true, false, true, true),
        ("triage", true, false, false, true),
        ("pharmacy", true, false, false, false),
        ("coordinator", false, false, false, false),
    ] {
        let mut door = ward.signed_in(role).await;
        for page in [MEDICINES, "/due"] {
            assert_eq!(door.get(page).await.status == StatusCode::OK, reads, "{role} {page}");
        }
        assert_eq!(door.get(ORDERS).await.status == StatusCode::OK, prescribes, "{role}");
        for (action, may) in
            [(ORDERS, prescribes), (stop, prescribes), (DOSES, gives), ("/patients/p1/allergies", notes)]
        {
            let answer = door.post("/", action, "key=00112233445566778899aabbccddeeff&reason=x").await;
            assert_eq!(answer.status != StatusCode::FORBIDDEN, may, "{role} {action}");
        }
    }
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hands_that_give_one_dose_in_the_same_moment_the_second_is_refused() {
    let ward = Ward::new("race").await;
    let mut door = ward.door().await;
    for (item, often, dose) in [("paracetamol-tab-500", "every-360", 500), ("omeprazole-cap-20", "needed-240", 20)] {
        let key = order_key(&mut door, item).await;
        let fields = PARACETAMOL.replace("every-360", often).replace("paracetamol-tab-500", item);
        let saved = door.post(ORDERS, ORDERS, &format!("key={key}&{fields}&dose={dose}")).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{often}: {}", plain(&saved));
    }
    let text = door.get(MEDICINES).await.body;
    let forms: Vec<&str> = text.split(&format!("action=\"{DOSES}\"")).skip(1).collect();
    assert_eq!(forms.len(), 2);
    for (number, form) in forms.into_iter().enumerate() {
        let (request, due) = (between(form, "name=\"request\" value=\""), between(form, "name=\"due\" value=\""));
        let mut hands = Vec::new();
        for hand in 0..8 {
            let mut door = ward.door().await;
            let fields = format!("key={:032x}&request={request}&due={due}&do=give", number * 100 + hand + 1);
            hands.push(tokio::spawn(async move { door.post(MEDICINES, DOSES, &fields).await }));
        }
        let mut saved = 0;
        for hand in hands {
            let answer = hand.await.unwrap();
            if answer.status == StatusCode::SEE_OTHER {
                saved += 1;
            } else {
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
                assert!(answer.body.contains("Somebody recorded this dose already"));
            }
        }
        assert_eq!((saved, ward.all("MedicationAdministration").len()), (1, number + 1));
    }
    // Whoever has seen the first may give the second of what is given when it is needed.
    let text = door.get(MEDICINES).await.body;
    let form = text.split(&format!("action=\"{DOSES}\"")).nth(1).unwrap();
    let (request, due) = (between(form, "name=\"request\" value=\""), between(form, "name=\"due\" value=\""));
    let second = door.fill(MEDICINES, DOSES, &format!("request={request}&due={due}&do=give")).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER, "{}", second.body);
    assert_eq!(ward.all("MedicationAdministration").len(), 3);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_hold_goes_on_once() {
    let ward = Ward::new("resumed").await;
    let mut door = ward.door().await;
    let key = order_key(&mut door, "paracetamol-tab-500").await;
    door.post(ORDERS, ORDERS, &format!("key={key}&{PARACETAMOL}&dose=500")).await;
    let mut order = ward.all("MedicationRequest").remove(0);
    order["status"] = "on-hold".into();
    order["statusReason"] = json!({ "text": "theatre" });
    ward.save(order.clone()).await;
    let page = door.get(MEDICINES).await.body;
    let resume = format!("{ORDERS}/{}/resume", order["id"].as_str().unwrap());
    assert!(page.contains("halted for now") && page.contains(&format!("action=\"{resume}\"")));
    assert!(!page.contains(&format!("action=\"{DOSES}\"")), "nothing is given while it is on hold");
    for _ in 0..2 {
        let fields = "key=00112233445566778899aabbccddeeff";
        assert_eq!(door.post(MEDICINES, &resume, fields).await.status, StatusCode::SEE_OTHER);
    }
    let resumed = ward.all("MedicationRequest").remove(0);
    assert!(resumed["status"] == "active" && resumed["statusReason"].is_null());
    assert_eq!(resumed["dosageInstruction"], order["dosageInstruction"]);
    let again = door.fill(MEDICINES, &resume, "").await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.body.contains("This order is not on hold"));
    let nobody = door.fill(MEDICINES, &format!("{ORDERS}/nobody/resume"), "").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    let refused = nurse.post("/", &resume, &format!("key={}", "0".repeat(32))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allergy_that_was_wrong_is_withdrawn_with_all_its_records() {
    let ward = Ward::new("withdrawn").await;
    let mut door = ward.door().await;
    for (id, text) in [("a1", "Penicillin"), ("a2", "بنسلين"), ("a3", "Latex")] {
        ward.save(json!({ "resourceType": "AllergyIntolerance", "id": id, "criticality": "high",
            "clinicalStatus": { "coding": [{ "code": "active" }] },
            "code": { "text": text }, "patient": { "reference": "Patient/p1" } }))
            .await;
    }
    let withdraw = "/patients/p1/allergies/withdraw";
    for fields in
        ["wrong=error&allergy=", "wrong=&allergy=a3", "wrong=error&allergy=%3Cb%3E", "wrong=active&allergy=a3"]
    {
        let answer = door.fill(MEDICINES, withdraw, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains("Choose the allergy and why"), "{fields}");
    }
    assert!(ward.all("AllergyIntolerance").iter().all(|allergy| allergy["verificationStatus"].is_null()));
    for (id, wrong) in [("a2", "error"), ("a3", "refuted")] {
        let fields = format!("key={:0>32}&wrong={wrong}&allergy={id}", id);
        for _ in 0..2 {
            let saved = door.post(MEDICINES, withdraw, &fields).await;
            assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        }
    }
    for allergy in ward.all("AllergyIntolerance") {
        let code = &allergy["verificationStatus"]["coding"][0]["code"];
        if allergy["id"] == "a3" {
            assert_eq!(code, "refuted");
            assert_eq!(allergy["clinicalStatus"]["coding"][0]["code"], "inactive");
        } else {
            assert!(code == "entered-in-error" && allergy["clinicalStatus"].is_null(), "{allergy}");
        }
    }
    let again = door.fill(MEDICINES, withdraw, "wrong=error&allergy=a1").await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.body.contains("withdrawn already"));
    let page = door.get(MEDICINES).await.body;
    assert!(page.contains("written by mistake") && page.contains("ruled out") && !page.contains("may kill</span>"));
    ward.end().await;
}
