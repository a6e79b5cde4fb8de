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
    let of = |profile, seed| digest(&first(profile, seed, DAY, 300));
    let digests = [
        of(Profile::Ghouta2018, 1),
        of(Profile::Ghouta2018, u64::MAX),
        of(Profile::Camp, 1),
        of(Profile::Camp, u64::MAX),
    ];
    assert_eq!(digests.each_ref().map(String::as_str), KEPT);
}

const KEPT: [&str; 4] = [
    "491c7032900081cdaea2883a7048f12528a5c780f77c448ec339bafcdc8aa6ff",
    "163fe9b89b9cba52a3372e1e5ee56ca03805ed5881f424fbfff9ab8f24f1f6ca",
    "64f00a8a9328763a99af93a790b82e59e4733932cdea6cbdd9711a84bea33c92",
    "5eb259190f607d03417bf8d3b325196bf62be3da224f0a94e4a6ebb939f2f5d3",
];

#[test]
fn a_longer_run_begins_like_a_shorter_one() {
    for profile in [Profile::Ghouta2018, Profile::Camp] {
        assert_eq!(first(profile, 5, DAY, 50), first(profile, 5, DAY, 150)[..50]);
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
        for patient in first(profile, seed, day, 150) {
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
