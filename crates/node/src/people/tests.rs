use super::*;
use crate::scratch::Folder;
use crate::site::NewSite;
use sanad_log::control::SiteKind;
use std::time::Duration;

const PIN: &str = "271828";

async fn cedar(folder: &Folder) -> Site {
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap()
}

#[test]
fn a_pin_is_digits_of_either_system_and_not_what_everybody_guesses() {
    assert_eq!(digits(" ٢٧١٨٢٨ ").unwrap().as_str(), PIN);
    for bad in ["", "12345", "1234567890123", "27182x", "27 1828", "２７１８２８", &"9".repeat(4_000)] {
        assert!(digits(bad).is_none(), "{bad}");
    }
    assert!(["111111", "123456", "987654"].into_iter().all(is_plain));
    assert!(!is_plain("135791") && !is_plain(PIN));
    let mut entropy = Entropy::new(|out| out.fill(7));
    assert_eq!(draw(&mut entropy).len(), PIN_DIGITS_MIN);
}

#[tokio::test]
async fn the_first_person_is_a_technician_and_one_always_stays() {
    let folder = Folder::new("cedar");
    let site = cedar(&folder).await;
    assert!(!site.has_people() && site.people().is_empty());
    assert!(matches!(site.add_person("Swift", Role::Nurse, PIN, 1).await, Err(PeopleError::FirstIsTechnician)));
    for bad in ["", " ", "a\nb", "Her\u{202e}on", &"x".repeat(65)] {
        assert!(matches!(site.add_first_person(bad, PIN, 1).await, Err(PeopleError::BadCallSign)), "{bad:?}");
    }
    assert!(matches!(site.add_first_person("Heron", "123456", 1).await, Err(PeopleError::BadPin)));
    assert!(!site.has_people(), "nothing was changed");
    site.add_first_person(" Heron ", PIN, 1).await.unwrap();
    assert!(matches!(site.add_first_person("Swift", PIN, 1).await, Err(PeopleError::NotFirst)));
    site.add_person("سنونو", Role::Nurse, "314159", 2).await.unwrap();
    assert!(matches!(site.add_person("HERON", Role::Nurse, PIN, 2).await, Err(PeopleError::Taken)));
    assert!(matches!(site.set_role("heron", Role::Doctor).await, Err(PeopleError::LastTechnician)));
    assert!(matches!(site.set_disabled("Heron", true).await, Err(PeopleError::LastTechnician)));
    assert!(matches!(site.set_role("Nobody", Role::Doctor).await, Err(PeopleError::Unknown)));
    site.set_role("سنونو", Role::Technician).await.unwrap();
    assert!(site.set_disabled("Heron", true).await.unwrap().is_disabled);
    assert!(site.person("Heron").is_none() && site.person("سنونو").is_some());

    // A call sign and no name in the record.
    let person = site.people().into_iter().find(|person| person.call_sign == "Heron").unwrap();
    let key = ResourceKey::new("Practitioner", person.practitioner).unwrap();
    let raw = site.reader().resource(&key).unwrap().unwrap().raw.unwrap();
    let raw: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!((&raw["identifier"][0]["value"], &raw["active"]), (&"Heron".into(), &false.into()));
    assert!(raw.get("name").is_none());
    site.close().await;
}

#[tokio::test]
async fn a_pin_opens_for_its_person_alone_and_survives_a_restart() {
    let folder = Folder::new("cedar");
    let site = cedar(&folder).await;
    site.add_first_person("Heron", PIN, 1).await.unwrap();
    site.set_lock_minutes(10_000).await.unwrap();
    site.close().await;
    drop(site);
    let site = Site::open(&folder.0, "correct horse", Duration::ZERO).unwrap();
    assert_eq!(site.lock_minutes(), LOCK_MINUTES_MAX);
    assert_eq!(site.check_pin("heron ", "٢٧١٨٢٨", 0).unwrap().role, Role::Technician);
    assert_eq!(site.check_pin("Swift", PIN, 0), Err(NotIn::Wrong));
    for _ in 0..FREE_TRIES {
        assert_eq!(site.check_pin("Heron", "314159", 0), Err(NotIn::Wrong));
    }
    assert!(matches!(site.check_pin("Heron", PIN, 0), Err(NotIn::Wait(_))), "even the right one waits");
    assert!(site.check_pin("Heron", PIN, WAIT_MS_MAX).is_ok());
    let (_, pin) = site.new_pin("Heron").await.unwrap();
    assert_eq!(site.check_pin("Heron", PIN, WAIT_MS_MAX), Err(NotIn::Wrong));
    assert!(site.check_pin("Heron", &pin, WAIT_MS_MAX).is_ok());
    site.close().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_opens_nothing() {
    let folder = Folder::new("cedar");
    let site = cedar(&folder).await;
    site.look(|_, store| store.put_state("person/heron", Some(b"rubbish"))).await.unwrap().unwrap();
    site.close().await;
    drop(site);
    let site = Site::open(&folder.0, "correct horse", Duration::ZERO).unwrap();
    assert!(site.has_people() && site.people().is_empty() && site.person("heron").is_none());
    assert_eq!(site.check_pin("heron", PIN, 0), Err(NotIn::Wrong));
    site.close().await;
}
