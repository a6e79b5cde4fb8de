//! Measures the store against bare SQLite in one run: `measure [resources]` on the disk of the current directory.
//!
//! Prints one line a figure. Ratios are what counts; the machine's disk decides the rest.

#![allow(clippy::disallowed_methods, reason = "a measurement looks at the clock")]

#[allow(dead_code)]
#[path = "../src/testing.rs"]
mod testing;

use sanad_log::control::SiteKind;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::ScopeTag;
use sanad_log::seal::Clear;
use sanad_store::{Batch, Came, Check, Folder, Incoming, KdfCost, Page, Secrets, Store, StoreError};
use std::io::Write as _;
use std::time::{Duration, Instant};
use testing::{Site, TempDir, entropy, key_of, put, save, version};

const COMMITS: usize = 1_000;
const BATCH: usize = 1_000;
const RESOURCES_OF_A_PATIENT: usize = 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let resources: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let here = std::env::current_dir()?;
    let dir = TempDir::in_dir(&here);
    let secrets = Secrets {
        network: sanad_log::ids::NetworkId([0; 32]),
        call_sign: "Cedar".to_owned(),
        kind: SiteKind::Enclave,
        device_seed: [0; 32],
        facility: [0; 64],
        authority_seed: None,
        tls_certificate_der: Vec::new(),
        tls_key_der: Vec::new(),
    };
    let folder = Folder::create(dir.path())?;
    let mut store = folder.found("p", KdfCost::TEST, &secrets, &mut entropy(1))?;
    let mut site = Site::found(1);
    let scopes: Vec<ScopeTag> = (1..=200u8).map(|number| site.chart(number, &[])).collect();
    store.append(&site.control, &site.directory)?;
    println!("resident before anything     {:>8} kB", resident_kib());

    small_commits(&dir, &mut store, &mut site, &scopes)?;
    import(&mut store, &mut site, &scopes, resources)?;
    small_commits(&dir, &mut store, &mut site, &scopes)?;
    println!("resident after the import    {:>8} kB", resident_kib());
    reading(&mut store)?;
    println!("database                     {:>8} kB", std::fs::metadata(dir.path().join("store.db"))?.len() / 1024);
    drop(store);
    let start = Instant::now();
    let mut store = folder.unlock("p", Duration::ZERO)?;
    report("open, spans, control lane", start.elapsed());
    store.spans()?;
    store.control_entries()?;
    report("  with spans, control lane", start.elapsed());
    store.reader()?.patients(None, Page::first(50))?;
    store.reader()?.counts()?;
    report("  with the first page", start.elapsed());
    let start = Instant::now();
    let check = Check { rebuild: true, ..Check::default() };
    let report_of = store.check(check, &site.directory, &mut |_, _, _| {})?;
    report("check with rebuild", start.elapsed());
    println!("    sound {}, resident {} kB", report_of.is_sound(), resident_kib());
    drop(store);
    let start = Instant::now();
    folder.add_slot("p", "q", KdfCost::STANDARD, &mut entropy(2), Duration::ZERO)?;
    report("passphrase, standard cost", start.elapsed());
    Ok(())
}

/// One-row commits of bare SQLite, a bare fdatasync, and saves, in turns, so that the disk's moods hit all alike.
fn small_commits(dir: &TempDir, store: &mut Store, site: &mut Site, scopes: &[ScopeTag]) -> Outcome<()> {
    let plain = rusqlite::Connection::open(dir.path().join("plain.db"))?;
    plain.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)")?;
    let mut probe = std::fs::File::create(dir.path().join("probe"))?;
    let [mut bare, mut sync, mut ours, mut update, mut sixteen, mut patient] = [Duration::ZERO; 6];
    let [mut cpu, mut bare_cpu] = [Duration::ZERO; 2];
    let wal = || std::fs::metadata(dir.path().join("store.db-wal")).map_or(0, |meta| meta.len());
    let mut frames = Vec::new();
    let row = vec![7u8; 1_000];
    for n in 0..COMMITS {
        let start = Instant::now();
        let before = cpu_time();
        plain.prepare_cached("INSERT INTO t (v) VALUES (?1)")?.execute([&row])?;
        bare_cpu += cpu_time() - before;
        bare += start.elapsed();
        let start = Instant::now();
        probe.write_all(&row)?;
        probe.sync_data()?;
        sync += start.elapsed();
        let scope = scopes[n % scopes.len()];
        let (key, id) = observation(n, &format!("s{}", resident_kib() % 7));
        let one = save(vec![put(&key, &id, &[])]);
        let entry = site.save(scope, &one);
        let text = Clear::new(one.encode());
        let start = Instant::now();
        let (before, frames_before) = (cpu_time(), wal());
        commit(store, site, &[(&entry, &text)])?;
        cpu += cpu_time() - before;
        ours += start.elapsed();
        frames.extend(wal().checked_sub(frames_before).filter(|bytes| *bytes > 0).map(|bytes| bytes / 4120));
        if n % 4 == 0 {
            let changed = save(vec![put(&key, &id, &[version(&entry, 0)])]);
            let entry = site.save(scope, &changed);
            let text = Clear::new(changed.encode());
            let start = Instant::now();
            commit(store, site, &[(&entry, &text)])?;
            update += start.elapsed();
            let new = save(vec![patient_put(1_000_000 + n)]);
            let entry = site.save(scope, &new);
            let text = Clear::new(new.encode());
            let start = Instant::now();
            commit(store, site, &[(&entry, &text)])?;
            patient += start.elapsed();
        }
        if n % 16 == 0 {
            let many: Vec<(Entry, Clear)> = (0..16)
                .map(|k| {
                    let (key, raw) = observation(n * 16 + k, "g");
                    let one = save(vec![put(&key, &raw, &[])]);
                    (site.save(scope, &one), Clear::new(one.encode()))
                })
                .collect();
            let many: Vec<(&Entry, &Clear)> = many.iter().map(|(entry, text)| (entry, text)).collect();
            let start = Instant::now();
            commit(store, site, &many)?;
            sixteen += start.elapsed();
        }
    }
    let each = |total: Duration, count: usize| total.as_secs_f64() * 1e6 / count as f64;
    println!("fdatasync                    {:>8.0} us", each(sync, COMMITS));
    println!("bare one-row commit          {:>8.0} us  {:.0} us CPU", each(bare, COMMITS), each(bare_cpu, COMMITS));
    if !frames.is_empty() {
        println!("pages a save                 {:>8.1}", frames.iter().sum::<u64>() as f64 / frames.len() as f64);
    }
    let ratio = each(ours, COMMITS) / each(bare, COMMITS);
    println!(
        "save of one new resource     {:>8.0} us  {ratio:.2} of bare, {:.0} us CPU",
        each(ours, COMMITS),
        each(cpu, COMMITS)
    );
    println!("save of one changed resource {:>8.0} us", each(update, COMMITS / 4));
    println!("save of one new patient      {:>8.0} us", each(patient, COMMITS / 4));
    let group = each(sixteen, COMMITS.div_ceil(16) * 16);
    println!("a save in groups of 16       {group:>8.0} us  {:.2} of bare", group / each(bare, COMMITS));
    Ok(())
}

fn commit(store: &mut Store, site: &Site, entries: &[(&Entry, &Clear)]) -> Outcome<()> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(entry, text)| Incoming { entry, text: Some(text), save: None, came: Came::default() })
        .collect();
    store.commit(Batch { entries: &entries, state: &[] }, &site.directory)?;
    Ok(())
}

/// Entries as they come from a peer: one resource each, opened here.
fn import(store: &mut Store, site: &mut Site, scopes: &[ScopeTag], resources: usize) -> Outcome<()> {
    let mut total = Duration::ZERO;
    let mut body_bytes = 0usize;
    let mut spent = Duration::ZERO;
    for first in (0..resources).step_by(BATCH) {
        let entries: Vec<Entry> = (first..first + BATCH)
            .map(|n| {
                let patient = n / RESOURCES_OF_A_PATIENT;
                let one = match n % RESOURCES_OF_A_PATIENT {
                    0 => save(vec![patient_put(patient)]),
                    _ => {
                        let (key, raw) = observation(n, "i");
                        save(vec![put(&key, &raw, &[])])
                    }
                };
                site.save(scopes[patient % scopes.len()], &one)
            })
            .collect();
        body_bytes += entries.iter().map(|entry| entry.body().len()).sum::<usize>();
        let start = Instant::now();
        let before = cpu_time();
        store.append(&entries, &site.directory)?;
        spent += cpu_time() - before;
        total += start.elapsed();
    }
    let rate = resources as f64 / total.as_secs_f64();
    println!(
        "received in batches of {BATCH}  {rate:>8.0} entries/s  {:.0} us CPU each, {} B bodies",
        spent.as_secs_f64() * 1e6 / resources as f64,
        body_bytes / resources
    );
    Ok(())
}

fn reading(store: &mut Store) -> Outcome<()> {
    let reader = store.reader()?;
    let timed = |what: &str, read: &mut dyn FnMut() -> Result<(), StoreError>| -> Outcome<()> {
        let start = Instant::now();
        read()?;
        let first = start.elapsed();
        let start = Instant::now();
        read()?;
        println!(
            "{what:<28} {:>8.1} ms, again {:.1} ms",
            first.as_secs_f64() * 1e3,
            start.elapsed().as_secs_f64() * 1e3
        );
        Ok(())
    };
    let spans = store.spans()?;
    let ranges: Vec<Range> = spans.iter().map(|span| Range { log: span.log, from: span.from, to: span.to }).collect();
    timed("counts", &mut || reader.counts().map(drop))?;
    timed("spans", &mut || store.spans().map(drop))?;
    timed("gauge over everything", &mut || reader.records_in(&ranges).map(drop))?;
    timed("gauge of one chart", &mut || reader.records_in_scopes(&ranges, &[ScopeTag([9; 16])].into()).map(drop))?;
    timed("50 newest patients", &mut || reader.patients(None, Page::first(50)).map(drop))?;
    for query in ["محمد", "Mohammed", "حم", "tag-00012", "khalid alahmad"] {
        let mut found = 0;
        timed(&format!("search {query}"), &mut || {
            found = reader.patients(Some(query), Page::first(50))?.len();
            Ok(())
        })?;
        println!("    found {found}");
    }
    timed("one patient's page", &mut || reader.patient("p17").map(drop))?;
    timed("one resource", &mut || reader.resource(&key_of("Patient/p17")).map(drop))?;
    let start = Instant::now();
    let mut count = 0u64;
    reader.each_resource(|_| {
        count += 1;
        true
    })?;
    println!("every resource               {:>8.0} /s", count as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut loaded = 0u64;
    for range in &ranges {
        let mut from = range.from;
        while from <= range.to {
            let entries = reader.load(Range { from, ..*range }, 1 << 20)?;
            from += entries.len() as u64;
            loaded += entries.len() as u64;
        }
    }
    println!("every entry                  {:>8.0} /s", loaded as f64 / start.elapsed().as_secs_f64());
    println!("resident after reading       {:>8} kB", resident_kib());
    Ok(())
}

fn observation(n: usize, kind: &str) -> (String, String) {
    let patient = n / RESOURCES_OF_A_PATIENT;
    let id = format!("{kind}{n}");
    let raw = format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}}],"text":"Heart rate"}},"subject":{{"reference":"Patient/p{patient}"}},"encounter":{{"reference":"Encounter/e{patient}"}},"effectiveDateTime":"2018-03-{:02}T{:02}:00:00+02:00","issued":"2018-03-01T10:00:00.000+02:00","performer":[{{"reference":"Practitioner/falcon"}}],"valueQuantity":{{"value":{},"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}},"note":[{{"text":"{}"}}]}}"#,
        1 + n % 28,
        n % 24,
        60 + n % 90,
        blake3::hash(&n.to_be_bytes()).to_hex(),
    );
    (format!("Observation/{id}"), raw)
}

fn patient_put(n: usize) -> sanad_record::op::Op {
    const GIVEN: [&str; 12] =
        ["محمد", "أحمد", "خالد", "عمر", "فاطمة", "عبد الرحمن", "ليلى", "إبراهيم", "مريم", "يوسف", "هدى", "سمير"];
    const FAMILY: [&str; 11] =
        ["الأحمد", "الخطيب", "حمود", "النجار", "الحلبي", "دوماني", "شعبان", "القاضي", "زين الدين", "مراد", "الشامي"];
    let (given, family) = (GIVEN[n % 12], FAMILY[(n / 12) % 11]);
    let father = GIVEN[(n / 132) % 12];
    let raw = format!(
        r#"{{"resourceType":"Patient","id":"p{n}","identifier":[{{"system":"urn:sanad:tag","value":"TAG-{n:06}"}}],"name":[{{"use":"official","text":"{given} {father} {family}","family":"{family}","given":["{given}","{father}"]}}],"gender":"male","birthDate":"19{:02}"}}"#,
        50 + n % 50
    );
    put(&format!("Patient/p{n}"), &raw, &[])
}

fn report(what: &str, time: Duration) {
    println!("{what:<28} {:>8.1} ms", time.as_secs_f64() * 1e3);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}
