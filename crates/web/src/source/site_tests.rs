//! A real site in a folder, through the pages' eyes.

use std::path::PathBuf;

use sanad_log::control::SiteKind as Kind;
use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::{NewSite, Site};
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;
use sanad_store::KdfCost;

use crate::source::Source;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn change(key: &str, raw: &str, follows: Option<Vec<VersionId>>) -> Change {
    Change { key: key.parse().unwrap(), raw: Some(raw.as_bytes().to_vec()), about: None, follows }
}

async fn save(site: &Site, changes: Vec<Change>) -> Vec<VersionId> {
    let request = SaveRequest { changes, idempotency: None, by: Some("Heron".to_owned()) };
    site.save(request).await.unwrap().versions
}

async fn read<T: Send + 'static>(source: &Source, read: impl FnOnce(&Source) -> T + Send + 'static) -> T {
    let source = source.clone();
    tokio::task::spawn_blocking(move || read(&source)).await.unwrap()
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
async fn a_site_at_work_fills_every_page() {
    let folder = Folder(std::env::temp_dir().join(format!("sanad-web-{}", std::process::id())));
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: Kind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let source = Source::Site(site.clone());

    let empty = read(&source, |source| (source.gauges().unwrap(), source.patients(None, 1).unwrap())).await;
    assert_eq!((empty.0.only_here_records, empty.0.readable_charts, empty.1.total), (0, 0, Some(0)));

    let patient = r#"{"resourceType":"Patient","id":"p1","name":[{"given":["محمود"],"family":"العلي"}]}"#;
    let weight = |kg: u32| {
        format!(
            r#"{{"resourceType":"Observation","id":"o1","status":"final","code":{{"text":"w"}},
                "subject":{{"reference":"Patient/p1"}},"valueQuantity":{{"value":{kg}}}}}"#
        )
    };
    let key: ResourceKey = "Observation/o1".parse().unwrap();
    let first =
        save(&site, vec![change("Patient/p1", patient, None), change("Observation/o1", &weight(60), None)]).await;
    let apart = Some(vec![first[1]]);
    save(&site, vec![change("Observation/o1", &weight(62), apart.clone())]).await;
    save(&site, vec![change("Observation/o1", &weight(68), apart)]).await;

    let gauges = read(&source, |source| source.gauges().unwrap()).await;
    assert_eq!((gauges.call_sign.as_str(), gauges.only_here_records, gauges.readable_charts), ("Cedar", 4, 1));
    assert_eq!(gauges.conflicts, 1);
    let overview = read(&source, |source| source.overview().unwrap()).await;
    assert_eq!((overview.records, overview.sealed, overview.sites.len(), overview.syncs.len()), (4, 0, 1, 0));

    let found = read(&source, |source| {
        let count = |query: &str| source.patients(Some(query), 1).unwrap().rows.len();
        (count("محمود"), count("p1"), count("nobody"))
    })
    .await;
    assert_eq!(found, (1, 1, 0));

    let chart = read(&source, |source| source.patient("p1").unwrap().unwrap()).await;
    assert_eq!((chart.only_here, chart.not_yet_safe, chart.conflicts), (4, 4, 1));
    assert!(chart.places.is_empty() && chart.lanes.iter().map(|row| row.only_here).sum::<u64>() == 4);
    assert_eq!(chart.readable_at, ["Cedar"]);
    assert_eq!(chart.groups.len(), 1, "the patient stands at the head, not in a group");
    assert!(chart.groups[0].newest[0].conflict);
    let of_type = read(&source, |source| source.resources_of("p1", "Observation", 1).unwrap().unwrap()).await;
    assert_eq!((of_type.rows.len(), of_type.total, of_type.more), (1, Some(1), false));
    assert!(read(&source, |source| source.patient("nobody").unwrap()).await.is_none());

    let page = read(&source, {
        let key = key.clone();
        move |source| source.resource(&key).unwrap().unwrap()
    })
    .await;
    assert_eq!(page.about, ["p1"]);
    assert_eq!(page.versions.iter().map(|row| row.head).collect::<Vec<_>>(), [true, true, false]);
    assert!(page.versions.iter().all(|row| row.site == "Cedar" && row.author.as_deref() == Some("Heron")));
    assert_eq!(page.conflicts.len(), 1);
    assert_eq!(page.conflicts[0].sides.len(), 2);
    assert!(page.conflicts[0].sides.iter().all(|side| side.site == "Cedar" && side.at_ms > 0));

    let old = first[1];
    let version = read(&source, move |source| source.version(&key, &old).unwrap().unwrap()).await;
    assert_eq!(version.raw.as_deref(), Some(weight(60).as_bytes()), "the bytes as they were written");
    let waiting = read(&source, |source| source.conflicts(1).unwrap()).await;
    assert_eq!((waiting.rows.len(), waiting.total, waiting.rows[0].conflicts.len()), (1, Some(1), 1));
    site.close().await;
    assert!(read(&source, |source| source.gauges()).await.is_err(), "a closed site is an error, not a panic");
}
