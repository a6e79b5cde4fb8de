//! The made-up record: a day at one site, with everything that a screen has to be able to show.

use std::collections::BTreeMap;

use sanad_record::key::ResourceKey;
use sanad_record::merge::ConflictKind;
use sanad_record::version::VersionId;
use sanad_web::fixed::Fixed;
use sanad_web::model::{
    Answer, Aside, Asks, Confirmed, Conflict, Failing, ForkRow, Gauges, Lane, LaneRow, Overview, OwnAsk, PatientPage,
    PendingAsk, Piece, PlaceRow, Policy, Reads, ResourcePage, Side, SiteKind, SiteRow, SyncOutcome, SyncRow,
    VersionRow,
};
use serde_json::{Value, json};

const MINUTE_MS: u64 = 60_000;
const GIVEN: [(&str, &str); 10] = [
    ("محمود", "male"),
    ("سارة", "female"),
    ("خالد", "male"),
    ("هدى", "female"),
    ("عمر", "male"),
    ("ريم", "female"),
    ("ياسر", "male"),
    ("نور", "female"),
    ("إبراهيم", "male"),
    ("آمنة", "female"),
];
const FAMILY: [&str; 7] = ["العلي", "الحمصي", "درويش", "الخطيب", "قاسم", "النجار", "شاهين"];

/// Makes the record as it is at `now_ms`.
pub fn made_up(now_ms: u64) -> Fixed {
    let mut maker = Maker { now_ms, resources: Vec::new(), version_bytes: BTreeMap::new(), made: 0 };
    let mut patients: Vec<_> = (0..64).map(|number| maker.patient(number)).collect();
    maker.full_chart();
    patients[0].conflicts = 2;
    patients[0].only_here = 3;
    patients[0].not_yet_safe = 9;
    patients[0].lanes = vec![
        LaneRow { lane: Lane::Urgent, only_here: 1, not_yet_safe: 1 },
        LaneRow { lane: Lane::Clinical, only_here: 2, not_yet_safe: 8 },
    ];
    patients[0].places = places(now_ms);
    patients[0].merged_from = vec!["unknown-k7-204".to_owned()];
    patients[0].readable_at = ["Cedar", "زيتون", "Haven"].map(str::to_owned).to_vec();
    patients[3].only_here = 4;
    maker.organization();
    let asks = asks(now_ms, &maker.resources);
    Fixed {
        gauges: Gauges {
            call_sign: "Cedar".to_owned(),
            only_here_records: 7,
            not_yet_safe_records: 3_127,
            readable_charts: 64,
            conflicts: 2,
        },
        overview: overview(now_ms),
        patients,
        resources: maker.resources,
        asks,
        pieces: pieces(now_ms),
        forks: forks(now_ms),
        version_bytes: maker.version_bytes,
    }
}

fn overview(now_ms: u64) -> Overview {
    let minutes_ago = |minutes: u64| now_ms - minutes * MINUTE_MS;
    let site = |call_sign: &str, kind, this| SiteRow {
        call_sign: call_sign.to_owned(),
        kind,
        this,
        confirmed: None,
        heard_ms: None,
        failing: None,
        addresses: Vec::new(),
    };
    let failing = |minutes, why: &str| Some(Failing { since_ms: minutes_ago(minutes), why: why.to_owned() });
    let confirmed = |at_ms, behind| Some(Confirmed { at_ms, held: 12_480 - behind, behind });
    let sites = vec![
        SiteRow { addresses: vec!["https://192.168.7.2:8443".to_owned()], ..site("Cedar", SiteKind::Enclave, true) },
        SiteRow {
            confirmed: confirmed(minutes_ago(15), 2),
            heard_ms: Some(minutes_ago(15)),
            addresses: vec!["https://haven.example:8443".to_owned(), "https://198.51.100.20:8443".to_owned()],
            ..site("Haven", SiteKind::Haven, false)
        },
        SiteRow {
            confirmed: confirmed(minutes_ago(1_600), 3_120),
            heard_ms: Some(minutes_ago(190)),
            failing: failing(120, "timeout"),
            addresses: vec!["https://192.168.7.31:8443".to_owned()],
            ..site("زيتون", SiteKind::Enclave, false)
        },
        SiteRow { confirmed: confirmed(minutes_ago(60), 0), ..site("Kestrel", SiteKind::Haven, false) },
        site("سنونو", SiteKind::Enclave, false),
    ];
    let sync = |call_sign: &str, minutes, outcome| SyncRow {
        call_sign: call_sign.to_owned(),
        at_ms: minutes_ago(minutes),
        outcome,
    };
    Overview {
        records: 12_480,
        sealed: 1_204,
        sites,
        syncs: vec![
            sync("Haven", 15, SyncOutcome::Done { received: 12, sent: 118 }),
            sync("سنونو", 22, SyncOutcome::DiskFull),
            sync("زيتون", 190, SyncOutcome::Broken { received: 40, sent: 11_020 }),
            sync("Kestrel", 1_500, SyncOutcome::Refused),
        ],
        aside: Aside { refused: 2, forks: 1, strangers: 1, unreadable: 1, damaged: 1, lost: 1 },
        lanes: vec![
            LaneRow { lane: Lane::Urgent, only_here: 2, not_yet_safe: 87 },
            LaneRow { lane: Lane::Clinical, only_here: 5, not_yet_safe: 3_029 },
            LaneRow { lane: Lane::Bulk, only_here: 0, not_yet_safe: 11 },
        ],
        policy: Policy { copies: 2, outside: true, can_be_met: true },
    }
}

/// Something kept aside for every kind of reason, by sites that are known and one that is not.
fn pieces(now_ms: u64) -> Vec<Piece> {
    let minutes_ago = |minutes: u64| now_ms - minutes * MINUTE_MS;
    let piece = |n, reason: &str, site: Option<&str>, minutes: Option<u64>| Piece {
        n,
        reason: reason.to_owned(),
        site: site.map(str::to_owned),
        device: format!("{:08x}", 0x5a3c_91f0_u32.wrapping_mul(n as u32)),
        lane: "clinical".to_owned(),
        seq: 4_100 + n,
        came_ms: minutes.map(minutes_ago),
        how: "session".to_owned(),
        from: Some("Haven".to_owned()),
        adopted_ms: None,
    };
    vec![
        Piece { how: "carrier".to_owned(), from: None, ..piece(7, "unknown-author", None, Some(12)) },
        piece(6, "signature", Some("زيتون"), Some(190)),
        Piece { lane: "urgent".to_owned(), ..piece(5, "unknown-format", Some("سنونو"), Some(400)) },
        Piece { how: "here".to_owned(), from: None, ..piece(4, "damage", Some("أرز"), None) },
        Piece { adopted_ms: Some(minutes_ago(90)), ..piece(2, "signature", Some("Kestrel"), Some(1_600)) },
    ]
}

fn asks(now_ms: u64, resources: &[ResourcePage]) -> Asks {
    let patient = |id: &str| {
        let found = resources.iter().find(|page| page.key.resource_type == "Patient" && page.key.id == id);
        (id.to_owned(), found.and_then(|page| page.raw.clone()).unwrap_or_default())
    };
    let candidate = |id: &str, exact: bool| {
        let (id, raw) = patient(id);
        (id, raw, exact)
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Asks {
        pending: vec![
            PendingAsk {
                id: "ask-1".to_owned(),
                site: "زيتون".to_owned(),
                by: Some("Heron".to_owned()),
                at_ms: now_ms - 35 * MINUTE_MS,
                whom: words(&["mahmoud ali", "khaled", "1985"]),
                candidates: vec![candidate("p0", false), candidate("p10", false)],
            },
            PendingAsk {
                id: "ask-2".to_owned(),
                site: "Kestrel".to_owned(),
                by: None,
                at_ms: now_ms - 200 * MINUTE_MS,
                whom: words(&["k7-201"]),
                candidates: vec![candidate("p1", true)],
            },
        ],
        own: vec![
            OwnAsk {
                whom: words(&["هدي درويش"]),
                at_ms: now_ms - 90 * MINUTE_MS,
                withdrawn: false,
                answers: vec![
                    Answer { site: "Haven".to_owned(), charts: Some(1), patients: vec![patient("p3")] },
                    Answer { site: "سنونو".to_owned(), charts: None, patients: vec![] },
                ],
            },
            OwnAsk { whom: words(&["k9-17"]), at_ms: now_ms - 1_500 * MINUTE_MS, withdrawn: true, answers: vec![] },
        ],
        at_once: false,
    }
}

fn forks(now_ms: u64) -> Vec<ForkRow> {
    vec![ForkRow {
        site: Some("زيتون".to_owned()),
        device: "91c04e77".to_owned(),
        lane: "clinical".to_owned(),
        seq: 3_998,
        found_ms: Some(now_ms - 2_880 * MINUTE_MS),
        found_by: Some("Haven".to_owned()),
        replaced: true,
        carried_by: vec![("Haven".to_owned(), 14), ("زيتون".to_owned(), 3)],
    }]
}

/// Every way in which a chart may stand at another site.
fn places(now_ms: u64) -> Vec<PlaceRow> {
    let minutes_ago = |minutes: u64| now_ms - minutes * MINUTE_MS;
    let place = |call_sign: &str, kind, confirmed| PlaceRow {
        call_sign: call_sign.to_owned(),
        kind,
        confirmed,
        all: 41,
        receipt_ms: None,
        told_by: None,
        talked_ms: None,
        failing: None,
        under_way: Vec::new(),
        reads: Reads::Sealed,
    };
    vec![
        PlaceRow {
            receipt_ms: Some(minutes_ago(15)),
            talked_ms: Some(minutes_ago(15)),
            reads: Reads::Readable,
            ..place("Haven", SiteKind::Haven, 38)
        },
        PlaceRow {
            receipt_ms: Some(minutes_ago(60)),
            told_by: Some("Haven".to_owned()),
            reads: Reads::Readable,
            ..place("Kestrel", SiteKind::Haven, 41)
        },
        PlaceRow {
            receipt_ms: Some(minutes_ago(1_600)),
            talked_ms: Some(minutes_ago(190)),
            failing: Some(Failing { since_ms: minutes_ago(120), why: "timeout".to_owned() }),
            under_way: vec![(minutes_ago(100), 41)],
            reads: Reads::Partly,
            ..place("زيتون", SiteKind::Enclave, 0)
        },
        place("سنونو", SiteKind::Enclave, 0),
    ]
}

struct Maker {
    now_ms: u64,
    resources: Vec<ResourcePage>,
    version_bytes: BTreeMap<VersionId, Vec<u8>>,
    made: u64,
}

impl Maker {
    fn patient(&mut self, number: usize) -> PatientPage {
        let id = format!("p{number}");
        let (given, sex) = GIVEN[number % GIVEN.len()];
        let name = match number {
            2 => json!([{"use": "nickname", "text": "أبو خالد"}]),
            5 => json!([{"use": "anonymous", "text": "مجهول الهوية K7-211"}]),
            7 => json!([{"use": "official", "given": ["Maryam"], "family": "Al-Khatib"}]),
            _ => json!([{"use": "official", "given": [given, "أحمد"], "family": FAMILY[number % FAMILY.len()]}]),
        };
        let mut patient = json!({
            "resourceType": "Patient", "id": id, "active": true,
            "identifier": [{"use": "usual", "system": "urn:sanad:record", "value": format!("R-{:05}", number * 37 + 11)}],
            "name": name, "gender": sex, "birthDate": format!("{}-05", 2018 - (27 + number * 7) % 80),
            "address": [{"use": "home", "city": "دوما", "country": "SY"}]
        });
        if number.is_multiple_of(4) {
            let tag = json!({"use": "temp", "system": "urn:sanad:tag", "value": format!("K7-{}", 204 + number)});
            patient["identifier"].as_array_mut().into_iter().for_each(|known| known.push(tag.clone()));
        }
        if number == 9 {
            patient["deceasedDateTime"] = json!("2018-03-02T11:40:00+03:00");
        }
        let raw = patient.to_string().into_bytes();
        let about = json!({"reference": format!("Patient/{id}")});
        self.add(Some(&id), patient);
        if number > 0 {
            for hour in 0..(number % 5) {
                self.add(Some(&id), pulse(&about, 70 + hour as u64, 8 + hour));
            }
        }
        PatientPage {
            id,
            raw,
            merged_from: Vec::new(),
            only_here: 0,
            not_yet_safe: 0,
            lanes: Vec::new(),
            places: Vec::new(),
            readable_at: vec!["Cedar".to_owned(), "Haven".to_owned()],
            conflicts: 0,
            grants: Vec::new(),
            groups: Vec::new(),
        }
    }

    fn full_chart(&mut self) {
        let about = json!({"reference": "Patient/p0"});
        let concept = |text: &str, display: &str, code: &str| json!({"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code, "display": display}], "text": text});
        let at = |hour: u32, minute: u32| format!("2018-03-02T{hour:02}:{minute:02}:00+03:00");
        let allergy = json!({"resourceType": "AllergyIntolerance", "code": concept("بنسلين", "Penicillin", "Z88.0"),
            "criticality": "high", "patient": about, "recordedDate": at(12, 40),
            "reaction": [{"manifestation": [concept("طفح جلدي وأزيز", "Rash and wheeze", "R21")]}]});
        self.add(Some("p0"), allergy);
        let fracture = json!({"resourceType": "Condition", "subject": about, "recordedDate": at(13, 2),
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": concept("كسر مفتوح في الساعد الأيسر", "Open fracture of the left forearm", "S52"),
            "bodySite": [concept("الساعد الأيسر", "Left forearm", "14975008")]});
        self.add(Some("p0"), fracture);
        let wound = json!({"resourceType": "Condition", "subject": about, "recordedDate": at(13, 4),
            "code": concept("جرح شظية في الفخذ الأيمن", "Fragment wound of the right thigh", "S71.1")});
        self.add(Some("p0"), wound);
        let operation = json!({"resourceType": "Procedure", "status": "completed", "subject": about,
            "performedPeriod": {"start": at(13, 10), "end": at(13, 55)},
            "code": concept("تنضير جرح وتثبيت خارجي", "Wound excision and external fixation", "79.9")});
        self.add(Some("p0"), operation);
        let given = json!({"resourceType": "MedicationAdministration", "status": "completed", "subject": about,
            "effectiveDateTime": at(13, 5), "medicationCodeableConcept": concept("مورفين", "Morphine", "N02AA01"),
            "dosage": {"dose": {"value": 5, "unit": "mg"}, "route": {"coding": [{"code": "IV", "display": "IV"}]}}});
        self.add(Some("p0"), given);
        let held = json!({"resourceType": "MedicationAdministration", "status": "on-hold", "subject": about,
            "effectiveDateTime": at(14, 0), "medicationCodeableConcept": concept("سيفترياكسون", "Ceftriaxone", "J01DD04"),
            "dosage": {"text": "1 g IV"}});
        self.add(Some("p0"), held);
        for (minute, systolic) in [(58, 90), (30, 104), (10, 112)] {
            let pressure = json!({"resourceType": "Observation", "status": "final", "subject": about,
            "effectiveDateTime": at(14 - u32::from(minute == 58) - u32::from(minute == 30), minute),
            "code": concept("ضغط الدم", "Blood pressure", "85354-9"),
            "component": [
                {"code": concept("الانقباضي", "Systolic", "8480-6"), "valueQuantity": {"value": systolic, "unit": "mmHg"}},
                {"code": concept("الانبساطي", "Diastolic", "8462-4"), "valueQuantity": {"value": systolic - 38, "unit": "mmHg"}}
            ]});
            self.add(Some("p0"), pressure);
        }
        let weight = json!({"resourceType": "Observation", "id": "weight", "status": "final", "subject": about,
            "effectiveDateTime": at(14, 31), "code": concept("الوزن", "Body weight", "29463-7"),
            "valueQuantity": {"value": 62, "unit": "kg"}, "note": [{"text": "وُزن بالحمّالة <weighed on the stretcher>"}]});
        self.conflicted(weight);
        for hour in 0..44 {
            self.add(Some("p0"), pulse(&about, 118 - hour as u64, 23 - hour / 2));
        }
        self.add(
            Some("p0"),
            json!({"resourceType": "Encounter", "status": "in-progress", "subject": about,
            "class": {"code": "EMER", "display": "emergency"}, "period": {"start": at(12, 55)},
            "reasonCode": [{"text": "إصابة انفجار"}], "serviceProvider": {"reference": "Organization/cedar"}}),
        );
        self.add(
            Some("p0"),
            json!({"resourceType": "Immunization", "status": "not-done", "patient": about,
            "vaccineCode": concept("كزاز", "Tetanus", "35"), "occurrenceDateTime": "2018-03-02"}),
        );
        let twice = json!({"resourceType": "Condition", "id": "blood", "subject": about, "recordedDate": at(13, 0),
            "code": concept("زمرة الدم", "Blood group", "882-1"), "verificationStatus": {"text": "O−"}});
        self.conflicted(twice);
    }

    fn organization(&mut self) {
        self.add(None, json!({"resourceType": "Organization", "id": "cedar", "active": true, "name": "Cedar"}));
    }

    /// A resource that two sites changed apart.
    fn conflicted(&mut self, resource: Value) {
        let weight = resource["id"] == "weight";
        self.add(Some("p0"), resource.clone());
        let Some(made) = self.resources.last_mut() else { return };
        let (now_ms, base) = (self.now_ms, made.versions[0].clone());
        let id = |number: u8| {
            VersionId::derive(
                &[
                    number,
                    u8::from(weight),
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                    9,
                ],
                0,
            )
        };
        let grown = |number: u8, parent: VersionId, site: &str, author: &str, minutes: u64, head| VersionRow {
            id: id(number),
            parents: vec![parent],
            head,
            author: Some(author.to_owned()),
            site: site.to_owned(),
            at_ms: now_ms - minutes * MINUTE_MS,
            ..base.clone()
        };
        made.versions[0].head = false;
        made.versions.insert(0, grown(1, base.id, "Cedar", "Heron", 80, false));
        made.versions.insert(0, grown(2, id(1), "زيتون", "Finch", 40, true));
        made.versions.insert(0, grown(3, id(1), "Cedar", "Kestrel", 31, true));
        let (path, values) = if weight {
            ("Observation.value.value", ["62", "68"])
        } else {
            ("Condition.verificationStatus.text", ["\"O−\"", "\"A+\""])
        };
        let mut other = resource;
        if weight {
            other["valueQuantity"]["value"] = json!(68);
        }
        self.version_bytes.insert(id(2), other.to_string().into_bytes());
        let side = |row: &VersionRow, value: &str| Side {
            value: Some(value.to_owned()),
            version: row.id,
            author: row.author.clone(),
            site: row.site.clone(),
            at_ms: row.at_ms,
        };
        made.conflicts = vec![Conflict {
            path: path.to_owned(),
            kind: ConflictKind::Value,
            sides: vec![side(&made.versions[0], values[0]), side(&made.versions[1], values[1])],
        }];
    }

    fn add(&mut self, patient: Option<&str>, mut resource: Value) {
        self.made += 1;
        let id = resource["id"].as_str().map_or_else(|| format!("r{}", self.made), str::to_owned);
        resource["id"] = json!(id);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.made.to_be_bytes());
        let key = ResourceKey::new(resource["resourceType"].as_str().unwrap_or_default(), id);
        let Ok(key) = key else { return };
        self.resources.push(ResourcePage {
            key,
            about: patient.map(str::to_owned).into_iter().collect(),
            raw: Some(resource.to_string().into_bytes()),
            versions: vec![VersionRow {
                id: VersionId::derive(&seed, 0),
                parents: Vec::new(),
                head: true,
                deletes: false,
                author: Some("Finch".to_owned()),
                site: "Cedar".to_owned(),
                at_ms: self.now_ms.saturating_sub(90 * MINUTE_MS),
            }],
            conflicts: Vec::new(),
        });
    }
}

fn pulse(about: &Value, rate: u64, hour: usize) -> Value {
    json!({"resourceType": "Observation", "status": "final", "subject": about,
        "effectiveDateTime": format!("2018-03-01T{hour:02}:15:00+03:00"),
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "النبض"},
        "valueQuantity": {"value": rate, "unit": "/min"}})
}
