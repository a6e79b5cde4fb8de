//! The formats of the primitive types, type by type.

use super::{Severity, issues};
use crate::definitions::{TypeKind, definitions};
use crate::json;
use crate::validate::{IssueCode, What, is_valid_primitive};

/// Type, legal values, others.
#[rustfmt::skip]
pub const PRIMITIVES: &[(&str, &[&str], &[&str])] = &[
    ("base64Binary",
        &[r#""QUJD""#, r#""QQ==""#, r#""QUI=""#, r#""QUJD\r\nQUJD""#, r#""QUJD QQ= =""#],
        &[r#""""#, r#"" ""#, r#""QUJ""#, r#""Q===""#, r#""QQ==QUJD""#, r#""QU?D""#, r#""====""#, r#""QQ=A""#, r#""QUJä""#, "1"]),
    ("boolean", &["true", "false"], &[r#""true""#, "1", "[]"]),
    ("canonical",
        &[r#""http://x.org/a|1.0""#, r##""#a""##],
        &[r#""""#, r#""http://x.org/a b""#, r#""a\tb""#]),
    ("code",
        &[r#""a""#, r#""a b""#, r#""م""#],
        &[r#""""#, r#"" a""#, r#""a ""#, r#""a  b""#, r#""a\tb""#, r#""a\u00a0b""#, "true"]),
    ("date",
        &[r#""2018""#, r#""2018-02""#, r#""2018-02-28""#, r#""2020-02-29""#],
        &[r#""18""#, r#""2018-2""#, r#""2018-02-29""#, r#""2018-13""#, r#""0000""#, r#""2018-02-03T10:00:00Z""#, r#""28.02.2018""#, r#""""#, "2018"]),
    ("dateTime",
        &[r#""2018""#, r#""2018-02""#, r#""2018-02-28""#, r#""2018-02-28T23:59:60Z""#, r#""2018-02-28T10:00:00.5-03:30""#, r#""2018-02-28T10:00:00+14:00""#],
        &[r#""2018-02-28T10:00Z""#, r#""2018-02-28T10:00:00""#, r#""2018-02-28T24:00:00Z""#, r#""2018-02-28 10:00:00Z""#, r#""2018-02-28T10:00:00+0300""#, r#""""#]),
    ("decimal", &["0", "-0.10", "1e5", "1.20E-3", "12345678901234567890.5"], &[r#""1.0""#, "true"]),
    ("id",
        &[r#""a""#, r#""A-1.b""#],
        &[r#""""#, r#""a_b""#, r#""a b""#, r#""ä""#, r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#, "1"]),
    ("instant",
        &[r#""2018-02-28T10:00:00Z""#, r#""2018-02-28T10:00:00.123456+02:00""#],
        &[r#""2018""#, r#""2018-02-28""#, r#""2018-02-28T10:00Z""#, r#""2018-02-28T10:00:00""#]),
    ("integer", &["0", "-2147483648", "2147483647"], &["2147483648", "-2147483649", "1.0", "1e2", "-0", r#""1""#]),
    ("markdown", &[r##""# a""##], &[r#""""#, "1"]),
    ("oid",
        &[r#""urn:oid:1.2.3""#, r#""urn:oid:2.16.840.1.113883""#, r#""urn:oid:0.0""#],
        &[r#""1.2.3""#, r#""urn:oid:3.1""#, r#""urn:oid:1""#, r#""urn:oid:1.02""#, r#""urn:oid:1..2""#, r#""urn:oid:1.2.""#, r#""urn:oid:1.a""#]),
    ("positiveInt", &["1", "2147483647"], &["0", "-1", "2147483648", "1.5", r#""1""#]),
    ("string", &[r#""a""#, r#"" a ""#, r#""\n\t\ra""#], &[r#""""#, "1", "null", r#"{"a":1}"#]),
    ("time",
        &[r#""10:00:00""#, r#""23:59:60""#, r#""10:00:00.25""#],
        &[r#""10:00""#, r#""10:00:00Z""#, r#""10:00:00+02:00""#, r#""24:00:00""#, r#""1:00:00""#, r#""""#, r#""T10:00:00""#]),
    ("unsignedInt", &["0", "2147483647"], &["-1", "2147483648", "0.5"]),
    ("uri",
        &[r#""http://x.org""#, r#""urn:x:م""#, r#""a""#],
        &[r#""""#, r#""http://x.org/a b""#, r#"" http://x.org""#, "7"]),
    ("url", &[r#""http://x.org""#], &[r#""""#, r#""http://x.org/\n""#]),
    ("uuid",
        &[r#""urn:uuid:c757873d-ec9a-4326-a141-556f43239520""#],
        &[r#""c757873d-ec9a-4326-a141-556f43239520""#, r#""urn:uuid:C757873D-EC9A-4326-A141-556F43239520""#,
            r#""urn:uuid:c757873dec9a4326a141556f43239520""#, r#""urn:uuid:c757873d-ec9a-4326-a141-556f4323952""#]),
    ("xhtml",
        &[r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>""#, r#""<div>a</div>\n""#, r#""<div/>""#],
        &[r#""""#, r#""a""#, r#""<p>a</p>""#, r#""<divan>a</divan>""#, r#""<div>a""#, "1"]),
];

#[test]
fn every_primitive_has_its_format() {
    let known = definitions().types().filter(|kind| kind.kind == TypeKind::Primitive).map(|kind| kind.name);
    assert_eq!(known.collect::<Vec<_>>(), PRIMITIVES.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (kind, right, wrong) in PRIMITIVES {
        for (texts, expected) in [(right, true), (wrong, false)] {
            for text in *texts {
                let node = json::parse(text.as_bytes()).expect("JSON");
                assert_eq!(is_valid_primitive(kind, &node), expected, "{kind} {text}");
                if *kind == "xhtml" {
                    continue;
                }
                let member = format!("value{}{}", kind[..1].to_uppercase(), &kind[1..]);
                let text = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"a","{member}":{text}}}]}}"#);
                let issues = issues(&text);
                assert_eq!(issues.is_empty(), expected, "{text}");
                for issue in issues {
                    assert_eq!((issue.severity, &*issue.path), (Severity::Error, "Parameters.parameter[0].value"));
                    assert!(
                        matches!(issue.what, What::Format(name) if name == *kind) || issue.code == IssueCode::Structure
                    );
                }
            }
        }
    }
    for none in ["Quantity", "Patient", "", "String", "element"] {
        assert!(!is_valid_primitive(none, &json::parse(b"\"a\"").expect("JSON")), "{none}");
    }
}
