//! What is printed, over a real site.

use super::bedside::Ward;
use super::*;

/// The numbers of a sheet.
fn numbers(page: &str) -> Vec<String> {
    let found = page.split("tags__number\" dir=\"ltr\">").skip(1);
    found.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_has_twelve_tags_that_nobody_wears_and_other_ones_each_time() {
    let ward = Ward::new("paper-tags").await;
    let mut door = ward.door().await;
    let (first, second) = (door.get("/paper/tags").await, door.get("/paper/tags").await);
    assert_eq!(first.status, StatusCode::OK);
    let (one, other) = (numbers(&first.body), numbers(&second.body));
    assert_eq!((one.len(), other.len()), (12, 12));
    for number in &one {
        let (left, right) = number.split_once('-').unwrap();
        let is_part = |part: &str| part.len() == 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        assert!(is_part(left) && is_part(right) && !other.contains(number), "{number}");
    }
    assert_eq!(first.body.matches("shape-rendering=\"crispEdges\"").count(), 12);
    assert!(!first.body.contains("<?xml") && !first.body.contains("style=\""));
    assert!(!first.body.contains("Haddad"));
    assert!(door.get("/board").await.body.contains("href=\"/paper/tags\""));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_number_is_a_tag_that_the_board_takes() {
    let ward = Ward::new("paper-worn").await;
    let mut door = ward.door().await;
    let number = numbers(&door.get("/paper/tags").await.body).remove(0);
    let saved = door.fill("/board/new", "/board/new", &format!("tag={number}&colour=delayed")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    assert!(door.get("/board").await.body.contains(&number));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_print_is_given_no_tags() {
    let ward = Ward::new("paper-rights").await;
    ward.with_people().await;
    let mut technician = ward.signed_in("Heron").await;
    assert_eq!(technician.get("/paper/tags").await.status, StatusCode::FORBIDDEN);
    let mut coordinator = ward.signed_in("coordinator").await;
    assert_eq!(coordinator.get("/paper/tags").await.status, StatusCode::OK);
    ward.end().await;
}
