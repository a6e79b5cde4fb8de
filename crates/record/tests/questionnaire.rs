//! Responses that HL7 published: each is read beside a form that knows none of its items, and nothing of it is lost.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test unpacks and reads its samples")]

use std::path::Path;
use std::process::Command;

use sanad_record::json;
use sanad_record::questionnaire::{About, Form, answers_of, response};
use sanad_record::validate::validate;

#[test]
fn published_responses_are_kept_by_a_form_that_does_not_know_them() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("questionnaire");
    std::fs::create_dir_all(&folder).expect("a folder");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hl7-r4-examples.tar.xz");
    let done = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status();
    assert!(done.is_ok_and(|status| status.success()), "tar and xz-utils unpack {}", archive.display());
    let form =
        Form::read(br#"{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"ours","type":"date"}]}"#);
    let form = form.expect("a form");
    let about = About { id: "r", subject: "Patient/p", encounter: None, author: "A", authored: "2018-02-18T14:05:00Z" };
    for name in ["example", "example-ussg-fht-answers", "example-bluebook", "example-f201-lifelines"] {
        let file = folder.join(format!("hl7-r4-examples/questionnaireresponse-{name}.json"));
        let bytes = std::fs::read(file).expect("a file");
        let answers = answers_of(&form, &bytes).expect(name);
        let text = response(&form, &answers, &about).expect("nothing is wrong");
        let (before, after) =
            (json::parse_object(&bytes).expect("JSON"), json::parse_object(text.as_bytes()).expect("JSON"));
        assert_eq!(validate(&after), [], "{name}");
        let (before, after) = (before.get("item").expect("items"), after.get("item").expect("items"));
        assert!(before.same(after) && !before.items().is_empty(), "{name}");
    }
}
