//! The same seed gives the same bytes, on every machine and for ever.

use std::collections::BTreeSet;

use sanad_drill::synth::{Day, Generator, Profile, SynthPatient};

const DAY: &str = "2018-02-24";

fn first(profile: Profile, seed: u64, day: &str, count: usize) -> Vec<SynthPatient> {
    Generator::new(profile, seed, day).take(count).collect()
}

fn digest(patients: &[SynthPatient]) -> String {
    let mut hasher = blake3::Hasher::new();
    for patient in patients {
        hasher.update(patient.patient_id.as_bytes());
        hasher.update(&patient.arrival_minute.to_le_bytes());
        for resource in &patient.resources {
            hasher.update(resource.resource_type.as_bytes());
            hasher.update(resource.id.as_bytes());
            hasher.update(&resource.json);
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// A change here means that every seed ever written down means other patients: raise the version of the data file and
/// say so in the changelog.
#[test]
fn a_seed_keeps_its_patients() {
    let of = |profile, seed| digest(&first(profile, seed, DAY, 1000));
    let digests = [
        of(Profile::Ghouta2018, 1),
        of(Profile::Ghouta2018, u64::MAX),
        of(Profile::Camp, 1),
        of(Profile::Camp, u64::MAX),
    ];
    assert_eq!(digests.each_ref().map(String::as_str), KEPT);
}

const KEPT: [&str; 4] = [
    "aa81c64afd9103cd5331541be9b99bdba817e154fca35f8a4ae6008275aadbe4",
    "33236dd2b41ae462605c6c84e6c710c74f5f93f0c634964d5bcc7f02a44000bb",
    "71942fae5b5828eeaf30b516a4e7324310bb869e4485ca5a26a9efff20824616",
    "bc01c375778db3b78f871fec6ab561cef7fee04a6e21e4a3be264c366dc71d0c",
];

#[test]
fn a_longer_run_begins_like_a_shorter_one() {
    for profile in [Profile::Ghouta2018, Profile::Camp] {
        assert_eq!(first(profile, 5, DAY, 50), first(profile, 5, DAY, 600)[..50]);
    }
}

#[test]
fn another_seed_day_or_profile_gives_other_patients_with_other_ids() {
    let runs = [
        (Profile::Ghouta2018, 0, DAY),
        (Profile::Ghouta2018, 1, DAY),
        (Profile::Ghouta2018, 1, "2018-02-25"),
        (Profile::Camp, 0, DAY),
        (Profile::Camp, 1, DAY),
    ];
    let mut ids = BTreeSet::new();
    let mut resources = 0;
    for (profile, seed, day) in runs {
        for patient in first(profile, seed, day, 500) {
            resources += patient.resources.len();
            ids.extend(patient.resources.into_iter().map(|resource| resource.id));
        }
    }
    assert_eq!(ids.len(), resources, "no id occurs twice");
}

#[test]
fn names_of_profiles_and_days_are_read_strictly() {
    for profile in [Profile::Ghouta2018, Profile::Camp] {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    let unknown = "Camp".parse::<Profile>().expect_err("names are in lower case");
    assert_eq!(unknown.to_string(), "no profile “Camp”: there are ghouta2018 and camp");
    let bad = "24.2.2018".parse::<Day>().expect_err("not the form of a day");
    assert_eq!(bad.to_string(), "“24.2.2018” is not a day such as 2018-02-24");
}
