//! Writes International Patient Summaries as NDJSON, for `e2e/ips-check.mjs`.
//!
//! `cargo run -p sanad-drill --example ips_documents -- --profile ghouta2018 --seed 7 --count 20 --language ar >OUT`
//! `cargo run -p sanad-drill --example ips_documents -- --bundles FOLDER >OUT` (the patients of other people's Bundles)
//! `cargo run -p sanad-drill --example ips_documents -- --count 20 --charts >OUT` (not the summaries but what they are made
//! of, a transaction for each patient, for `e2e/ips-fetch.mjs`)

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a tool that reads files and prints documents"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sanad_drill::synth::{Generator, Profile};
use sanad_record::bundle::unpack;
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::ips::{Author, Language, SummaryRequest, SummarySource, summary};
use sanad_record::key::ResourceKey;
use sanad_record::outgoing::with_meta;

/// Noon of 25 February 2018, when the first day's casualties have been seen.
const AT_MS: u64 = 1_519_560_000_000;
const DAY: &str = "2018-02-24";

type Chart = BTreeMap<ResourceKey, Vec<u8>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let number = |name: &str, or: u64| value(name).and_then(|text| text.parse().ok()).unwrap_or(or);
    let language =
        if value("--language").is_some_and(|tag| tag == "en") { Language::English } else { Language::Arabic };
    let count = number("--count", 20) as usize;
    let charts: Vec<(String, Chart)> = match value("--bundles") {
        Some(folder) => files(Path::new(folder)).iter().flat_map(|file| of_bundle(file)).collect(),
        None => {
            let profile = value("--profile").map_or(Ok(Profile::Ghouta2018), |name| name.parse());
            let Ok(profile) = profile else {
                eprintln!(
                    "usage: ips_documents [--profile NAME] [--seed N] [--count N] [--language ar|en] [--bundles DIR] [--charts]"
                );
                return ExitCode::from(2);
            };
            let patients = Generator::new(profile, number("--seed", 7), DAY).take(count);
            let chart = |patient: sanad_drill::synth::SynthPatient| {
                let key = |resource: &sanad_drill::synth::SynthResource| {
                    ResourceKey::new(resource.resource_type, &resource.id).expect("the generator writes legal ids")
                };
                let resources = patient.resources.iter().map(|resource| (key(resource), resource.json.clone()));
                (patient.patient_id.clone(), resources.collect())
            };
            patients.map(chart).collect()
        }
    };
    let as_charts = args.iter().any(|arg| arg == "--charts");
    let mut out = std::io::stdout().lock();
    for (number, (patient, chart)) in charts.iter().enumerate() {
        let made = if as_charts { Some(transaction(chart)) } else { document(number, patient, chart, language) };
        let Some(mut document) = made else {
            eprintln!("no summary of patient {number}");
            return ExitCode::FAILURE;
        };
        // No string of JSON has a line break in it, so that of a document made of other people's bytes one line is left.
        document.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        document.push(b'\n');
        if out.write_all(&document).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The summary of one patient, from the chart as it leaves a site.
fn document(number: usize, patient: &str, chart: &Chart, language: Language) -> Option<Vec<u8>> {
    let leaves: Chart =
        chart.iter().filter_map(|(key, raw)| Some((key.clone(), with_meta(raw, key, "1", AT_MS, &[]).ok()?))).collect();
    let key = ResourceKey::new("Patient", patient).ok()?;
    let others: Vec<_> = leaves.iter().map(|(key, raw)| SummarySource { key, raw }).collect();
    let request = SummaryRequest {
        patient: SummarySource { key: &key, raw: leaves.get(&key)? },
        others: &others,
        merged: &[],
        author: Author { facility: "0123456789abcdef", call_sign: "Cedar" },
        at_ms: AT_MS,
        identifier: &format!("00000000-0000-4000-8000-{number:012x}"),
        language,
        more_elsewhere: number % 2 == 1,
    };
    summary(&request).ok().map(|summary| summary.bytes)
}

/// A chart as a Bundle that puts each of its resources.
fn transaction(chart: &Chart) -> Vec<u8> {
    let entry = |(key, raw): (&ResourceKey, &Vec<u8>)| {
        format!(r#"{{"resource":{},"request":{{"method":"PUT","url":"{key}"}}}}"#, String::from_utf8_lossy(raw).trim())
    };
    let entries: Vec<String> = chart.iter().map(entry).collect();
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(",")).into_bytes()
}

/// A chart for each patient of a Bundle, as importing it would give.
fn of_bundle(file: &Path) -> Vec<(String, Chart)> {
    let Ok(unpacked) = std::fs::read(file).map(|bytes| unpack(&bytes, "")) else { return Vec::new() };
    let Ok(unpacked) = unpacked else { return Vec::new() };
    let all: Chart = unpacked.resources.into_iter().map(|incoming| (incoming.key, incoming.raw)).collect();
    let patients = all.keys().filter(|key| key.resource_type == "Patient").map(|key| key.id.clone());
    let is_about = |key: &ResourceKey, raw: &[u8], patient: &String| {
        let about = read_for_patients(key, raw).map(|read| patients_of_key(key, &read)).unwrap_or_default();
        about.is_empty() || about.contains(patient)
    };
    patients
        .map(|patient| {
            let chart = all.iter().filter(|(key, raw)| is_about(key, raw, &patient));
            (patient.clone(), chart.map(|(key, raw)| (key.clone(), raw.clone())).collect())
        })
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}
