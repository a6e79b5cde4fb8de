//! The index held against the resources themselves.

use crate::testing::{Site, TempDir, put, save};
use crate::tests::fresh;
use crate::{Found, Reader, Resource, Store, StoreError};
use sanad_log::ids::ScopeTag;
use sanad_record::json::{self, Node};
use sanad_record::outgoing::rfc3339;
use sanad_record::search::{Filter, Now, ParamKind, Query, Reference, Value, read, table_of, values_of_param};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const NOW: Now = Now(1_520_000_000_000);

struct Fixture {
    _dir: TempDir,
    _folder: crate::Folder,
    store: Store,
    site: Site,
    scope: ScopeTag,
}

impl Fixture {
    fn new() -> Fixture {
        let (dir, folder, store) = fresh();
        let mut site = Site::found(1);
        let scope = site.chart(7, &[]);
        Fixture { _dir: dir, _folder: folder, store, site, scope }
    }

    fn put(&mut self, name: &str, raw: &str) {
        let heads = self.store.heads(&crate::testing::key_of(name)).unwrap();
        let entry = self.site.save(self.scope, &save(vec![put(name, raw, &heads)]));
        self.store.append(&[entry], &self.site.directory).unwrap();
    }
}

fn query(resource_type: &'static str, text: &str) -> Query {
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let query = read(Some(resource_type), pairs, NOW).unwrap_or_else(|error| panic!("{resource_type}?{text}: {error}"));
    assert_eq!(query.unknown, Vec::<String>::new(), "{resource_type}?{text}");
    query
}

fn ids(found: &Found) -> Vec<&str> {
    found.matches.iter().map(|resource| &*resource.key.id).collect()
}

/// All ids that a search finds, page by page.
fn all_ids(reader: &Reader, resource_type: &'static str, text: &str) -> Vec<String> {
    let mut query = query(resource_type, text);
    let mut all = Vec::new();
    loop {
        let found = reader.find(&query).unwrap();
        all.extend(ids(&found).into_iter().map(str::to_owned));
        match found.after {
            Some(after) => query.after = Some(after),
            None => return all,
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, letter| {
        if matches!(letter, ',' | '|' | '$' | '\\') {
            out.push('\\');
        }
        out.push(letter);
        out
    })
}

/// How a value is searched for.
fn wanted(value: &Value) -> Vec<String> {
    let ms = |ms: i64| u64::try_from(ms).ok().filter(|ms| *ms < 253_402_300_000_000).map(rfc3339);
    match value {
        Value::Token(token) if token.system.is_empty() => {
            vec![escaped(&token.code), format!("|{}", escaped(&token.code))]
        }
        Value::Token(token) => {
            let (system, code) = (escaped(&token.system), escaped(&token.code));
            vec![format!("{system}|{code}"), code, format!("{system}|")]
        }
        Value::Text(text, _) => vec![escaped(text), escaped(&text.chars().take(3).collect::<String>())],
        Value::Reference(Reference::Local(kind, id)) => vec![format!("{kind}/{id}"), id.clone()],
        Value::Reference(Reference::Address(address)) => vec![escaped(address)],
        Value::Reference(Reference::Identifier(..)) => vec![],
        Value::Date(span) => {
            let at = |prefix: &str, at: Option<String>| at.map(|at| format!("{prefix}{at}"));
            let from = ms(span.from_ms);
            let until = ms(span.until_ms);
            let all = [
                at("ge", from.clone()),
                at("le", until.clone()),
                at("lt", until),
                at("ap", from.clone()),
                at("gt", from),
            ];
            all.into_iter().flatten().collect()
        }
        Value::Number(range) if range.low.is_finite() => {
            vec![range.low.to_string(), format!("ge{}", range.low), format!("lt{}", range.low + 1.0)]
        }
        Value::Quantity(quantity) if quantity.range.low.is_finite() => {
            let (system, code, unit) = (escaped(&quantity.system), escaped(&quantity.code), escaped(&quantity.unit));
            let low = quantity.range.low;
            vec![
                format!("{low}"),
                format!("{low}|{system}|{code}"),
                format!("le{low}||{unit}"),
                format!("sa{}", low - 1.0),
            ]
        }
        Value::Number(_) | Value::Quantity(_) => vec![],
        Value::Uri(uri) => vec![escaped(uri)],
    }
}

fn brute(all: &[Resource], query: &Query) -> BTreeSet<String> {
    let meets = |resource: &&Resource| {
        let table = table_of(&resource.key.resource_type).unwrap();
        let node = json::parse(resource.raw.as_deref().unwrap()).unwrap();
        query.filters.iter().all(|filter| match filter {
            Filter::Here(criterion) => criterion.matches(table, &node, resource.about()),
            _ => panic!("a condition on others"),
        })
    };
    all.iter().filter(meets).map(|resource| resource.key.id.clone()).collect()
}

/// The published examples of R4, unpacked.
fn examples() -> Vec<Vec<u8>> {
    let dir = TempDir::new();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hl7-r4-examples.tar.xz");
    assert!(Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(dir.path()).status().unwrap().success());
    let mut files = Vec::new();
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn every_published_example_is_found_by_each_of_its_values_and_nothing_else_is() {
    let mut fixture = Fixture::new();
    let mut names = BTreeSet::new();
    let mut entries = Vec::new();
    for raw in examples() {
        let node: Node<'_> = json::parse(&raw).unwrap();
        let (Some(kind), Some(id)) = (node.get_str("resourceType"), node.get_str("id")) else { continue };
        if names.insert((kind.clone().into_owned(), id.clone().into_owned())) {
            let ops = vec![put(&format!("{kind}/{id}"), std::str::from_utf8(&raw).unwrap(), &[])];
            entries.push(fixture.site.save(fixture.scope, &save(ops)));
        }
    }
    fixture.store.append(&entries, &fixture.site.directory).unwrap();
    let reader = fixture.store.reader().unwrap();
    let mut by_type: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    reader
        .each_resource(|resource| {
            by_type.entry(resource.key.resource_type.clone()).or_default().push(resource);
            true
        })
        .unwrap();
    let (mut searches, mut params) = (BTreeSet::new(), BTreeSet::new());
    for (kind, all) in &by_type {
        let table = table_of(kind).unwrap();
        for resource in all {
            let node = json::parse(resource.raw.as_deref().unwrap()).unwrap();
            for param in table.params.values().filter(|param| param.kind != ParamKind::Composite) {
                for value in values_of_param(table, param, &node).iter().take(20) {
                    for wanted in wanted(value) {
                        // What is only punctuation finds all that begins so: nothing more to learn from it.
                        if wanted.is_empty() || wanted.len() > 2_000 {
                            continue;
                        }
                        params.insert((kind.clone(), param.code));
                        searches.insert((table.name, format!("{}={wanted}", param.code), resource.key.id.clone()));
                    }
                }
            }
        }
    }
    let mut done = BTreeMap::new();
    for (kind, text, id) in &searches {
        let found = done.entry((kind, text)).or_insert_with(|| {
            let query = query(kind, text);
            let found: BTreeSet<String> = all_ids(&reader, kind, text).into_iter().collect();
            assert_eq!(found, brute(&by_type[*kind], &query), "{kind}?{text}");
            found
        });
        // A span is not before or after its own ends, and a vague text begins with other words than it is long.
        let must = !text.contains("=gt") && !text.contains("=lt") && !text.contains("=le") && !text.contains("=ge");
        assert!(!must || found.contains(id) || found.is_empty(), "{kind}?{text} finds {id}");
    }
    assert!(done.len() > 5_000 && params.len() > 900, "{} searches by {} parameters", done.len(), params.len());
}

fn clinic() -> Fixture {
    let mut fixture = Fixture::new();
    let patients = [
        (
            "a",
            r#""name":[{"family":"الأحمد","given":["محمد"]}],"gender":"male","birthDate":"1984","generalPractitioner":[{"reference":"Practitioner/d"}]"#,
        ),
        ("b", r#""name":[{"family":"Khatib","given":["Rana"]}],"gender":"female","birthDate":"1990-02""#),
        (
            "c",
            r#""name":[{"family":"Ahmad","given":["Omar"]}],"gender":"male","managingOrganization":{"reference":"Organization/o"}"#,
        ),
    ];
    for (id, rest) in patients {
        fixture.put(&format!("Patient/{id}"), &format!(r#"{{"resourceType":"Patient",{rest}}}"#));
    }
    fixture.put("Practitioner/d", r#"{"resourceType":"Practitioner","identifier":[{"value":"heron"}]}"#);
    fixture.put(
        "Organization/o",
        r#"{"resourceType":"Organization","name":"Cedar","partOf":{"reference":"Organization/p"}}"#,
    );
    fixture.put("Organization/p", r#"{"resourceType":"Organization","name":"North"}"#);
    for n in 0..30u32 {
        let (patient, code) = (["a", "b", "c"][n as usize % 3], ["hr", "bp"][n as usize % 2]);
        fixture.put(
            &format!("Observation/o{n:02}"),
            &format!(
                r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"s","code":"{code}"}}]}},
                "subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2018-03-{:02}","valueQuantity":{{"value":{n}}}}}"#,
                30 - n
            ),
        );
    }
    fixture
}

#[test]
fn conditions_chains_and_their_reverse_meet() {
    let fixture = clinic();
    let reader = fixture.store.reader().unwrap();
    for (kind, text, expected) in [
        ("Patient", "name=ahmad", &["a", "c"][..]),
        ("Patient", "family=Ahmad&gender=male&birthdate=lt1990", &["a"]),
        ("Patient", "gender:not=male", &["b"]),
        ("Patient", "birthdate:missing=true", &["c"]),
        ("Patient", "birthdate:missing=false", &["a", "b"]),
        ("Patient", "_id=a,c", &["a", "c"]),
        ("Patient", "general-practitioner.identifier=heron", &["a"]),
        ("Patient", "organization.name=cedar", &["c"]),
        ("Patient", "organization.partof.name=north", &["c"]),
        ("Patient", "_has:Observation:patient:code=hr&gender=female", &["b"]),
        ("Patient", "_has:Observation:patient:value-quantity=29", &["c"]),
        ("Patient", "_has:Observation:subject:patient.name=rana", &["b"]),
        ("Organization", "_has:Patient:organization:_has:Observation:patient:code=hr", &["o"]),
        ("Observation", "patient.name=rana&code=s|hr&date=ge2018-03-20", &["o04", "o10"]),
        ("Observation", "patient=a&value-quantity=gt20", &["o21", "o24", "o27"]),
        ("Observation", "code-value-quantity=hr$gt25", &["o26", "o28"]),
        ("Observation", "code-value-quantity:missing=true", &[]),
        ("Patient", "name=nobody", &[]),
        ("Device", "status=active", &[]),
    ] {
        assert_eq!(all_ids(&reader, kind, text), expected, "{kind}?{text}");
    }
}

#[test]
fn pages_are_stable_and_sorted_while_others_save() {
    let mut fixture = clinic();
    let reader = fixture.store.reader().unwrap();
    for (text, first) in [
        ("_count=7", "o00"),
        ("_count=7&status=final", "o00"),
        ("_count=7&_sort=date", "o29"),
        ("_count=7&_sort=-date", "o00"),
        ("_count=7&_sort=code,-value-quantity", "o29"),
        ("_count=7&_sort=-_lastUpdated", "o29"),
        ("_count=7&_sort=-_id&status=final", "o29"),
    ] {
        let all = all_ids(&reader, "Observation", text);
        assert_eq!((all.len(), &*all[0]), (30, first), "{text}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 30, "{text}");
    }
    let mut page = query("Observation", "_count=10&_sort=date");
    let before = reader.find(&page).unwrap();
    assert_eq!((ids(&before)[9], before.total), ("o20", None));
    page.after = before.after;
    fixture.put("Observation/early", r#"{"resourceType":"Observation","effectiveDateTime":"2001"}"#);
    assert_eq!(ids(&reader.find(&page).unwrap())[0], "o19", "what came before the page shifts nothing");
    let counted = reader.find(&query("Observation", "code=hr&_summary=count")).unwrap();
    assert_eq!((counted.total, counted.matches.len()), (Some(15), 0));
    assert_eq!(reader.find(&query("Observation", "_total=accurate&_count=1")).unwrap().total, Some(31));
    page.after = Some("x".to_owned());
    assert!(matches!(reader.find(&page), Err(StoreError::BadCursor)));
}

#[test]
fn what_belongs_to_the_matches_comes_along_once() {
    let fixture = clinic();
    let reader = fixture.store.reader().unwrap();
    let included = |kind, text| -> Vec<String> {
        let found = reader.find(&query(kind, text)).unwrap();
        assert!(found.all_included);
        found.included.iter().map(|resource| resource.key.to_string()).collect()
    };
    assert_eq!(included("Observation", "patient=a&_include=Observation:patient"), ["Patient/a"]);
    assert_eq!(included("Observation", "patient=a&_include=Observation:subject:Group"), Vec::<String>::new());
    assert_eq!(included("Patient", "_id=b&_revinclude=Observation:subject").len(), 10);
    assert_eq!(included("Patient", "_id=c&_include=Patient:organization"), ["Organization/o"]);
    assert_eq!(
        included("Patient", "_id=c&_include=Patient:organization&_include:iterate=Organization:partof"),
        ["Organization/o", "Organization/p"]
    );
    assert_eq!(included("Patient", "_id=a&_include=*&_revinclude=Observation:patient").len(), 11);
}

#[test]
fn what_is_changed_or_withdrawn_is_found_as_it_is_now() {
    let mut fixture = clinic();
    fixture.put("Patient/a", r#"{"resourceType":"Patient","name":[{"family":"Sabbagh"}]}"#);
    let heads = fixture.store.heads(&crate::testing::key_of("Patient/b")).unwrap();
    let gone = fixture.site.save(fixture.scope, &save(vec![crate::testing::delete("Patient/b", &heads)]));
    fixture.store.append(&[gone], &fixture.site.directory).unwrap();
    let reader = fixture.store.reader().unwrap();
    assert_eq!(all_ids(&reader, "Patient", "name=ahmad"), ["c"]);
    assert_eq!(all_ids(&reader, "Patient", "name=sabbagh"), ["a"]);
    assert_eq!(all_ids(&reader, "Patient", "gender=female"), Vec::<String>::new());
    assert_eq!(all_ids(&reader, "Patient", "_count=1"), ["a", "c"]);
    assert_eq!(all_ids(&reader, "Observation", "patient=b").len(), 10, "what refers to it stays");
    assert_eq!(all_ids(&reader, "Observation", "patient.name=rana"), Vec::<String>::new());
}
