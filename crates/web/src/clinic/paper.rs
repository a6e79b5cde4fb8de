//! What is printed for the hours in which nothing else works.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use sanad_node::invite::qr_for_page;

use super::likeness::wearer;
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Tab, html};

/// Tags of one sheet: three by four on A4, each large enough for gloves and for a cheap phone's camera.
const SHEET_TAGS: usize = 12;
/// Numbers of a tag: ten digits, which every keyboard has and which nobody confuses with letters. Of ten thousand tags
/// two have the same number with a chance of one in two hundred, and a number that is worn here is drawn again.
const NUMBERS: u64 = 10_000_000_000;
/// How often numbers are drawn for one sheet: each that is passed over is worn already.
const DRAWS_MAX: usize = 4 * SHEET_TAGS;

#[derive(Template)]
#[template(path = "paper_tags.html")]
struct TagsPage {
    f: Frame,
    /// The number of each, and its code as markup of our own.
    tags: Vec<(String, String)>,
}

/// `GET /paper/tags`: a sheet of blank tags, with other numbers each time it is asked for.
pub(crate) async fn tags(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let site = app.clinic()?;
        let mut numbers = BTreeSet::new();
        for _ in 0..DRAWS_MAX {
            let number = number_of(&app.token()).ok_or(Failure::Broken)?;
            if wearer(site, &number, None, app.now_ms())?.is_none() {
                numbers.insert(number);
            }
            if numbers.len() == SHEET_TAGS {
                break;
            }
        }
        let tags = numbers.into_iter().map(|number| drawn(&number).map(|code| (number, code)));
        let tags = tags.collect::<Option<Vec<_>>>().ok_or(Failure::Broken)?;
        html(StatusCode::OK, &TagsPage { f: Frame::new(app, visitor, Tab::Board)?, tags })
    })
    .await
}

/// The number of a tag, made of something random: `01234-56789`.
fn number_of(random: &str) -> Option<String> {
    let number = u64::from_str_radix(random.get(..16)?, 16).ok()? % NUMBERS;
    let digits = format!("{number:010}");
    Some(format!("{}-{}", &digits[..5], &digits[5..]))
}

/// The code of a number, without the line that only a file of its own begins with.
fn drawn(number: &str) -> Option<String> {
    let svg = qr_for_page(number)?;
    Some(svg.get(svg.find("<svg")?..)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_ten_digits_whatever_it_was_made_of() {
        assert_eq!(number_of(&"0".repeat(32)).as_deref(), Some("00000-00000"));
        // 2^64 - 1 is 18446744073709551615.
        assert_eq!(number_of(&"f".repeat(32)).as_deref(), Some("37095-51615"));
        for not in ["", "0123", "zzzzzzzzzzzzzzzzz"] {
            assert_eq!(number_of(not), None, "{not}");
        }
    }
}
