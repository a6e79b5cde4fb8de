//! Forms over a real site: filled without a script, saved once, corrected, refused in one sentence.

use super::bedside::Ward;
use super::*;
use sanad_node::roles::Role;
use serde_json::{Value, json};

const FORMS: &str = "/patients/p1/forms";
const BURNS: &str = "/patients/p1/forms/burns-v1";
const WARD_ROUND: &str = "/patients/p1/forms/round";

/// A page without the marks of direction around what is put into its sentences.
fn plain(body: &str) -> String {
    body.replace(['\u{2068}', '\u{2069}'], "")
}

/// What a hidden field of a page says.
fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name).split('"').next().unwrap()
}

/// Presses a button of a page, as a browser without scripts does.
async fn press(door: &mut Door, at: &str, page: &str, button: &str, fields: &[(&str, &str)]) -> Answer {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("key", hidden(page, "key")).append_pair("seen", hidden(page, "seen"));
    if page.contains("name=\"base\"") {
        form.append_pair("base", hidden(page, "base"));
    }
    form.extend_pairs(fields).append_pair("do", button);
    door.post(FORMS, at, &form.finish()).await
}

fn number_of(observations: &[Value], code: &str) -> Value {
    let found = observations.iter().find(|value| value["code"].to_string().contains(code));
    found.map(|value| value["valueQuantity"]["value"].clone()).unwrap_or_default()
}

const BURN: [(&str, &str); 4] = [
    ("weight@0", "٨٠"),
    ("scheme@0", "urn:sanad:form|adult"),
    ("tbsa-adult-head@0", "9"),
    ("tbsa-adult-trunk-front@0", "۱۸٫۰"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_opens_what_follows_before_anything_is_saved_and_the_form_is_saved_once() {
    let ward = Ward::new("forms-burn").await;
    let mut door = ward.door().await;
    let list = door.get(FORMS).await.body;
    for form in ["first-assessment-v1", "burns-v1", "obstetric-emergency-v1"] {
        assert!(list.contains(&format!("href=\"/patients/p1/forms/{form}\"")), "{form}");
    }
    assert!(list.contains("not verified") && door.get("/patients/p1/notes").await.body.contains(FORMS));
    let page = door.get(BURNS).await.body;
    assert!(page.contains("verified: no") && !page.contains("tbsa-adult-head"));
    let first = press(&mut door, BURNS, &page, "save", &BURN[..2]).await;
    assert_eq!(first.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(first.body.contains("The questions have changed") && first.body.contains("value=\"٨٠\""));
    assert!(first.body.contains("tbsa-adult-head@0") && !first.body.contains("tbsa-child-head@0"));
    let shown = press(&mut door, BURNS, &first.body, "update", &BURN).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.body.contains(">8640</b>"), "4 ml x 80 kg x 27 %");
    assert!(ward.all("QuestionnaireResponse").is_empty());
    let mut place = String::new();
    for _ in 0..2 {
        let saved = press(&mut door, BURNS, &shown.body, "save", &BURN).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER);
        let went = header(&saved, "location").to_owned();
        assert!(place.is_empty() || place == went, "the same page each time");
        place = went;
    }
    let responses = ward.all("QuestionnaireResponse");
    assert_eq!(responses.len(), 1);
    assert_eq!(responses[0]["questionnaire"], "urn:sanad:form:burns|1");
    let observations = ward.all("Observation");
    assert_eq!(number_of(&observations, "29463-7"), json!(80));
    assert!(observations.iter().all(|value| value["subject"]["reference"] == "Patient/p1"));
    let read = plain(&door.get(&place).await.body);
    assert!(read.contains("8640") && read.contains(">80 kg<") && !read.contains("Signs of inhalation"), "{read}");
    assert!(door.get(FORMS).await.body.contains(&format!("href=\"{place}\"")));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_at_its_field_and_stays_there() {
    let ward = Ward::new("forms-bad").await;
    let mut door = ward.door().await;
    for (name, typed, said) in [
        ("weight@0", "heavy", "Write digits and one decimal point only"),
        ("weight@0", "٨٠٠٠", "at most; check it"),
        ("weight@0", "-3", "at least; check it"),
        ("weight@0", "<script>alert(1)</script>", "Write digits"),
        ("burned-at@0", "31/02/2018 10:00", "There is no such time"),
        ("burned-at@0", "18/02/2018 25:00", "There is no such time"),
        ("burned-at@0", "٣١/٠٤/٢٠١٨", "There is no such time"),
        ("depth@0", "urn:sanad:form|none-of-these", "Choose one of the list"),
        ("note@0", "one\u{0}two", "cannot be shown"),
    ] {
        let page = door.get(BURNS).await.body;
        let answer =
            press(&mut door, BURNS, &page, "save", &[(name, typed), ("cause@0#other", "oven & \"tin\"")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        let body = plain(&answer.body);
        assert!(body.contains(said), "{typed}: {said}");
        assert_eq!(body.matches("class=\"problem\"").count(), 1, "{typed}");
        assert!(body.contains("one answer cannot be read") && body.contains("aria-invalid") || name == "depth@0");
        assert!(!body.contains("<script>alert"), "{typed}");
        assert!(body.contains("value=\"oven &#38; &#34;tin&#34;\""), "what was typed stays: {typed}");
    }
    let page = door.get(BURNS).await.body;
    let nothing = press(&mut door, BURNS, &page, "save", &[("weight@0", " ")]).await;
    assert!(nothing.status == StatusCode::UNPROCESSABLE_ENTITY && nothing.body.contains("Nothing was answered"));
    let nonsense = [("none@0", "1"), ("weight@7.1", "1"), ("add:weight@0", ""), ("@", "x")];
    let nonsense = press(&mut door, BURNS, &page, "add:none@0", &nonsense).await;
    assert_eq!(nonsense.status, StatusCode::OK);
    assert_eq!(door.get("/patients/p1/forms/none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(door.get("/patients/p1/responses/none").await.status, StatusCode::NOT_FOUND);
    assert!(ward.all("QuestionnaireResponse").is_empty() && ward.all("Observation").is_empty());
    ward.end().await;
}

/// A form that a site has written itself: groups that repeat, a date, yes and no, and a question under a condition.
fn ward_round() -> Value {
    json!({ "resourceType": "Questionnaire", "id": "round", "url": "urn:test:round", "version": "2", "status": "active",
        "title": "Round <b>", "item": [
            { "linkId": "day", "type": "date", "text": "Day", "required": true },
            { "linkId": "drain", "type": "group", "text": "Drain", "repeats": true, "item": [
                { "linkId": "side", "type": "string", "text": "Side" },
                { "linkId": "ml", "type": "quantity", "text": "Amount",
                  "code": [{ "system": "urn:test", "code": "drained" }],
                  "extension": [
                    { "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unit",
                      "valueCoding": { "system": "http://unitsofmeasure.org", "code": "mL", "display": "mL" } },
                    { "url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtract",
                      "valueBoolean": true }] }] },
            { "linkId": "fever", "type": "boolean", "text": "Fever" },
            { "linkId": "since", "type": "date", "text": "Fever since",
              "enableWhen": [{ "question": "fever", "operator": "=", "answerBoolean": true }] },
            { "linkId": "plan", "type": "string", "text": "Plan", "repeats": true }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_the_record_repeats_its_groups_and_is_corrected_without_a_second_observation() {
    let ward = Ward::new("forms-round").await;
    ward.save(ward_round()).await;
    let mut door = ward.door().await;
    let list = door.get(FORMS).await.body;
    assert!(list.contains("Round &#60;b&#62;") && list.contains(WARD_ROUND));
    let page = door.get(WARD_ROUND).await.body;
    let missing = press(&mut door, WARD_ROUND, &page, "save", &[("side@0.0", "left")]).await;
    assert!(missing.status == StatusCode::UNPROCESSABLE_ENTITY && missing.body.contains("This is needed."));
    let typed = [("day@0", "18/02/2018"), ("drain@0", "1"), ("side@0.0", "left"), ("ml@0.0", "120")];
    let more = press(&mut door, WARD_ROUND, &page, "add:drain@0", &typed).await.body;
    assert!(more.contains("name=\"side@1.0\"") && plain(&more).contains("Drain (2)") && more.contains("value=\"120\""));
    let second = press(&mut door, WARD_ROUND, &more, "add:plan@0", &typed).await.body;
    assert!(second.contains("name=\"plan@1\"") && plain(&second).contains("Plan (2)"));
    let page = press(&mut door, WARD_ROUND, &page, "add:drain@0", &typed).await.body;
    let all: Vec<_> = typed.into_iter().chain([("drain@1", "1"), ("ml@1.0", "٣٠"), ("fever@0", "false")]).collect();
    let saved = press(&mut door, WARD_ROUND, &page, "save", &all).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let place = header(&saved, "location").to_owned();
    let amounts = |ward: &Ward| {
        let all = ward.all("Observation");
        let of = |value: &Value| (value["valueQuantity"]["value"].as_u64().unwrap(), value["status"].clone());
        let mut all: Vec<_> = all.iter().map(of).collect();
        all.sort_by_key(|(amount, _)| *amount);
        all
    };
    assert_eq!(amounts(&ward), [(30, json!("final")), (120, json!("final"))]);
    let read = plain(&door.get(&place).await.body);
    assert!(read.contains("Drain (2)") && read.contains("30 mL") && read.contains(">no<") && !read.contains("since"));
    let edit = format!("{place}/edit");
    let page = door.get(&edit).await.body;
    assert!(page.contains("value=\"2018-02-18\"") && page.contains("value=\"30\""));
    let corrected =
        [("day@0", "2018-02-18"), ("drain@0", "1"), ("side@0.0", "left"), ("ml@0.0", "125"), ("fever@0", "false")];
    let older = page.replace(hidden(&page, "base"), &"0".repeat(32));
    let changed = press(&mut door, &edit, &older, "save", &corrected).await;
    assert!(changed.status == StatusCode::UNPROCESSABLE_ENTITY && changed.body.contains("Somebody changed this form"));
    // The second drain is not asked any more: what the page shows is no longer what was seen.
    let again = press(&mut door, &edit, &page, "save", &corrected).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 0..2 {
        let saved = press(&mut door, &edit, &again.body, "save", &corrected).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, place.as_str()));
    }
    assert_eq!(amounts(&ward), [(30, json!("entered-in-error")), (125, json!("final"))]);
    assert_eq!(ward.all("QuestionnaireResponse").len(), 1);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_used_is_named_with_the_reason() {
    let ward = Ward::new("forms-circle").await;
    let when = |question: &str| json!([{ "question": question, "operator": "exists", "answerBoolean": true }]);
    let form = |id: &str, item: Value| {
        json!({ "resourceType": "Questionnaire", "id": id, "status": "active",
        "url": format!("urn:test:{id}"), "item": item })
    };
    ward.save(form(
        "circle",
        json!([
        { "linkId": "a", "type": "string", "text": "A", "enableWhen": when("b") },
        { "linkId": "b", "type": "string", "text": "B", "enableWhen": when("a") }]),
    ))
    .await;
    ward.save(form("lost", json!([{ "linkId": "a", "type": "string", "enableWhen": when("<b>") }]))).await;
    ward.save(json!({ "resourceType": "Questionnaire", "id": "nowhere", "status": "active",
        "item": [{ "linkId": "a", "type": "string" }] }))
        .await;
    let mut door = ward.door().await;
    let list = plain(&door.get(FORMS).await.body);
    assert!(list.contains("This form refers to itself and cannot be used: ") && list.contains(" → "), "{list}");
    assert!(list.contains("depends on &#60;b&#62;, which is not there") && list.contains("has no address"));
    for id in ["circle", "lost", "nowhere"] {
        assert!(!list.contains(&format!("href=\"{FORMS}/{id}\"")));
        assert_eq!(door.get(&format!("{FORMS}/{id}")).await.status, StatusCode::NOT_FOUND);
    }
    // Its questions are not here: it can still be seen as it is kept.
    ward.save(json!({ "resourceType": "QuestionnaireResponse", "id": "strange", "status": "completed",
        "questionnaire": "urn:test:elsewhere|1", "subject": { "reference": "Patient/p1" }, "authored": "2018-02-18",
        "item": [{ "linkId": "x", "answer": [{ "valueString": HOSTILE }] }] }))
        .await;
    let read = door.get("/patients/p1/responses/strange").await.body;
    assert!(read.contains("are not at this site") && read.contains("/patients/p1/QuestionnaireResponse/strange"));
    assert!(!read.contains("<script>alert"));
    assert_eq!(door.get("/patients/p1/responses/strange/edit").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_fills_in_forms_fills_them_in() {
    let ward = Ward::new("forms-rights").await;
    ward.with_people().await;
    let key = "0".repeat(32);
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Technician) {
        let mut door = ward.signed_in(role.name()).await;
        let may = sanad_node::roles::allows(role, crate::Can::Forms);
        let status = door.get(BURNS).await.status;
        assert_eq!(status, if may { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{role:?}");
        if !may {
            let refused = door.post("/", BURNS, &format!("key={key}&weight%400=80&do=save")).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{role:?}");
        }
    }
    assert!(ward.all("QuestionnaireResponse").is_empty());
    let mut nurse = ward.signed_in("nurse").await;
    let page = nurse.get(BURNS).await.body;
    let saved = press(&mut nurse, BURNS, &page, "save", &[("weight@0", "80")]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    assert_eq!(ward.all("QuestionnaireResponse")[0]["author"]["display"], "nurse");
    ward.end().await;
}
