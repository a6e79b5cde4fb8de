//! A person is made of as little as is known, and made once.

use super::bedside::Ward;
use super::*;

const NEW: &str = "/patients/new";

/// Where a form led.
fn there(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    header(answer, "location").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_enough_and_a_second_press_makes_nobody() {
    let ward = Ward::new("tag-only").await;
    let mut door = ward.door().await;
    let page = door.get(NEW).await.body;
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let first = there(&door.post(NEW, NEW, &format!("key={key}&tag=K7-204&sex=unknown")).await);
    let again = there(&door.post(NEW, NEW, &format!("key={key}&tag=K7-204&sex=unknown")).await);
    assert_eq!(first, again);
    assert!(door.get(&first).await.body.contains("K7-204"));
    let worn = door.fill(NEW, NEW, "tag=k7-204").await;
    assert_eq!(worn.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(worn.body.contains("Somebody else wears this tag now") && worn.body.contains(&format!("href=\"{first}\"")));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_be_here_already_is_shown_before_another_is_made() {
    let ward = Ward::new("alike").await;
    let mut door = ward.door().await;
    // The site knows Mahmoud Haddad, born in 1984; he is typed in Arabic.
    let fields = "given=%D9%85%D8%AD%D9%85%D9%88%D8%AF&family=%D8%AD%D8%AF%D8%A7%D8%AF&born=1984";
    let asked = door.fill(NEW, NEW, fields).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(
        asked.body.contains("Is it one of these?") && asked.body.contains("href=\"/patients/p1\""),
        "{}",
        asked.body
    );
    assert!(asked.body.contains("value=\"محمود\""), "what was typed stays");
    let made = there(&door.fill(NEW, NEW, &format!("{fields}&sure=yes")).await);
    assert_ne!(made, "/patients/p1");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_of_a_person_is_said_at_its_field() {
    let ward = Ward::new("wrong-person").await;
    let mut door = ward.door().await;
    for (fields, said) in [
        ("tag=&given=", "Nothing is filled in"),
        ("given=kept&age=4o", "A unit that is not known here"),
        ("given=kept&age=%D9%A4%D9%A0&born=1990", "not both"),
        ("given=kept&born=31%2F2%2F1990", "No calendar has such a day"),
        ("given=kept&born=2050", "still to come"),
        ("given=kept%E2%80%AE", "letters that cannot be seen"),
    ] {
        let answer = door.fill(NEW, NEW, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains(said), "{fields}");
        assert!(!fields.contains("kept") || answer.body.contains("value=\"kept"), "{fields}");
    }
    let markup = there(&door.fill(NEW, NEW, "given=%3Cscript%3Ealert(1)%3C/script%3E").await);
    assert!(!door.get(&markup).await.body.contains("<script>alert"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_completed_without_losing_what_another_wrote_meanwhile() {
    let ward = Ward::new("identity").await;
    let mut door = ward.door().await;
    let address = "/patients/p1/identity";
    let page = door.get(address).await.body;
    assert!(page.contains("value=\"Mahmoud\""));
    let field =
        |name: &str| page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap();
    let (key, seen) = (field("key").to_owned(), field("seen").replace(':', "%3A"));
    // Another corrects the family name while this form is open.
    door.fill(address, address, &format!("seen={seen}&given=Mahmoud&family=Haddadi&born=1984-05-01")).await;
    let mine = format!("key={key}&seen={seen}&given=Mahmoud&family=Haddad&father=Samir&born=1984-05-01");
    assert_eq!(there(&door.post(address, address, &mine).await), "/patients/p1");
    let page = door.get(address).await.body;
    assert!(page.contains("value=\"Haddadi\"") && page.contains("value=\"Samir\""));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_an_identity_is_shown_none() {
    let ward = Ward::new("identity-rights").await;
    ward.with_people().await;
    let mut pharmacy = ward.signed_in("pharmacy").await;
    assert_eq!(pharmacy.get(NEW).await.status, StatusCode::FORBIDDEN);
    assert_eq!(pharmacy.get("/patients/p1/identity").await.status, StatusCode::FORBIDDEN);
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.get("/patients/p1/identity").await.status, StatusCode::OK);
    ward.end().await;
}
