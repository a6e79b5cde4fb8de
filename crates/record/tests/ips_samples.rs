//! Summaries that other people's systems made are read, section by section: how much of them is understood, and what not.
//!
//! The samples are those of `testdata/ips-samples.tar.xz`, unpacked with `tar` and `xz`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a test reads its samples"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sanad_record::ips::{Report, Section, Standing, understood};

#[test]
fn every_sample_is_read_and_nothing_of_it_passes_unseen() {
    let samples = samples();
    assert_eq!(samples.len(), 51);
    let reports: Vec<(String, Report)> = samples
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let raw = std::fs::read(path).expect("a sample");
            let report = understood(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                entries_of(&raw),
                report.sections.iter().map(|section| section.entries.len()).sum::<usize>(),
                "{name}"
            );
            (name, report)
        })
        .collect();
    let all = |test: &dyn Fn(&Report) -> bool| reports.iter().filter(|(_, report)| test(report)).count();
    assert_eq!((all(&|report| report.is_document), all(&|report| report.patient == Standing::Known)), (50, 51));

    let mut totals = BTreeMap::<Option<Section>, [usize; 7]>::new();
    for section in reports.iter().flat_map(|(_, report)| &report.sections) {
        let total = totals.entry(section.section).or_default();
        let counts = [Standing::Known, Standing::Unknown, Standing::Dangling, Standing::Unreferenced];
        let counts = counts.map(|standing| section.count(standing));
        total[0] += 1;
        total[1] += usize::from(section.empty_reason.is_some());
        total[2] += usize::from(section.has_text);
        total.iter_mut().skip(3).zip(counts).for_each(|(total, count)| *total += count);
    }
    // Section: how often, with a reason why it is empty, with a narrative; entries known, unknown, dangling, unreferenced.
    #[rustfmt::skip]
    let expected: &[(Option<Section>, [usize; 7])] = &[
        (None, [2, 1, 1, 0, 4, 0, 0]),
        (Some(Section::Alerts), [4, 0, 4, 4, 0, 0, 0]),
        (Some(Section::Allergies), [47, 6, 45, 69, 0, 0, 0]),
        (Some(Section::Problems), [49, 2, 45, 195, 0, 0, 0]),
        (Some(Section::Medications), [49, 1, 45, 172, 0, 0, 0]),
        (Some(Section::Immunizations), [27, 2, 25, 188, 0, 0, 0]),
        (Some(Section::Procedures), [8, 0, 6, 47, 0, 0, 0]),
        (Some(Section::Results), [25, 1, 21, 963, 0, 0, 0]),
        (Some(Section::VitalSigns), [10, 1, 8, 222, 0, 0, 0]),
        (Some(Section::MedicalDevices), [2, 0, 2, 1, 1, 0, 0]),
        (Some(Section::PastProblems), [12, 1, 9, 30, 0, 0, 0]),
        (Some(Section::Pregnancy), [2, 0, 2, 2, 0, 0, 0]),
        (Some(Section::SocialHistory), [12, 1, 12, 36, 0, 0, 0]),
        (Some(Section::FunctionalStatus), [2, 1, 2, 1, 0, 0, 0]),
        (Some(Section::PlanOfCare), [6, 2, 4, 4, 0, 0, 0]),
        (Some(Section::AdvanceDirectives), [2, 2, 2, 0, 0, 0, 0]),
        (Some(Section::PatientStory), [6, 2, 6, 0, 0, 0, 0]),
    ];
    assert_eq!(totals.into_iter().collect::<Vec<_>>(), expected);
}

/// What is not a plain known entry, file by file: the list a person would look at before trusting the import.
#[test]
fn what_is_not_understood_is_named() {
    let mut found = Vec::new();
    for path in samples() {
        let report = understood(&std::fs::read(&path).expect("a sample")).expect("a summary");
        for section in &report.sections {
            for entry in section.entries.iter().filter(|entry| entry.standing != Standing::Known) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                found.push((name, section.section, entry.standing, entry.resource_type.clone()));
            }
        }
    }
    found.dedup();
    let found: Vec<String> = found
        .iter()
        .map(|(name, section, standing, kind)| {
            format!("{name} {section:?} {standing:?} {}", kind.as_deref().unwrap_or("-"))
        })
        .collect();
    // A Device without its use; a section that IPS does not have (LOINC 11341-5, occupation).
    let expected = [
        "US_MEDITECH_ips_2.json Some(MedicalDevices) Unknown Device",
        "US_Washington_May_2024.json None Unknown Observation",
    ];
    assert_eq!(found, expected);
}

/// The entries of all sections by another reader: every `entry` below the Composition's sections.
fn entries_of(raw: &[u8]) -> usize {
    fn count(holder: &serde_json::Value) -> usize {
        let sections = holder["section"].as_array().map_or(&[][..], Vec::as_slice);
        sections.iter().map(|section| section["entry"].as_array().map_or(0, Vec::len) + count(section)).sum()
    }
    let text = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let bundle: serde_json::Value = serde_json::from_slice(text).expect("JSON");
    let resources = bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    resources.filter(|resource| resource["resourceType"] == "Composition").map(count).sum()
}

/// The samples, unpacked once.
fn samples() -> Vec<PathBuf> {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FILES.get_or_init(unpacked).clone()
}

fn unpacked() -> Vec<PathBuf> {
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ips-samples");
    std::fs::create_dir_all(&into).expect("a folder");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/ips-samples.tar.xz");
    let done = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&into).status();
    assert!(done.is_ok_and(|status| status.success()), "tar and xz-utils unpack {}", archive.display());
    let mut files = Vec::new();
    let mut folders = vec![into];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
