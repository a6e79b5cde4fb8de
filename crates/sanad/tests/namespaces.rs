//! Five real processes, each in a network of its own, on links that lose, double, reorder, pass one way only or nothing at
//! all, and killed at any moment: nothing acknowledged is lost, no gauge ever says less than the truth, and when the links
//! are good again all of them hold and show the same without being told to.
//!
//! The truth is read from the folders alone. While one site is asked for its gauges, all others stand still, and so hold
//! exactly what lies on their disks: that is compared with what the gauge says of them.
//!
//! `SANAD_SEED=… cargo test -p sanad --test namespaces` draws the same faults and the same saves again; which packet, and
//! which save, they meet is up to the machine. Needs root or user namespaces, and util-linux; without, it fails.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "the moment of a kill is a moment by the clock")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use sanad_log::ids::{Lane, LogId, Seq};
use sanad_store::{Folder, Reader, Store};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::control::tell;
use support::fabric::{Counts, Fabric, Link};
use support::fhir::{observation, patient};
use support::rights::ran_in_a_user_namespace;
use support::{DEADLINE, Dice, PASSPHRASE, Scratch, copy_folder, poll, run, sanad};

/// Call signs, and how each is let in; the first founds the network, the last is the keeper.
const SITES: [(&str, &[&str]); 5] =
    [("Cedar", &[]), ("Olive", &[]), ("Juniper", &[]), ("Haven", &["--haven"]), ("Post", &["--keeper"])];
const CEDAR: usize = 0;
const OLIVE: usize = 1;
const JUNIPER: usize = 2;
const HAVEN: usize = 3;
const KEEPER: usize = 4;
/// Patients whom Cedar has admitted. Olive may read all of them, Juniper every other one, the haven all, the keeper none.
const PATIENTS: u64 = 6;
/// How long links are bad in ever new ways, and how long the network is then in two parts: several times as long as a site
/// first waits for one that does not answer.
const WEATHER_MS: u64 = 60_000;
const PARTITION_MS: u64 = 25_000;
/// Between two changes of the links.
const WEATHER_EVERY_MS: u64 = 9_000;
/// Between two kills, and until the site is started again.
const KILL_EVERY_MS: u64 = 5_000;
const DOWN_MS: u64 = 4_000;
/// Between two samples.
const SAMPLE_EVERY_MS: u64 = 1_000;
/// Between two saves.
const SAVE_EVERY: Duration = Duration::from_millis(80);
/// Words that stand in every record, and nowhere at a keeper.
const CANARY: &str = "wound-canary-left-thigh";

/// The sites and what lies between them.
struct Network {
    fabric: Arc<Fabric>,
    dirs: Vec<PathBuf>,
    running: Vec<Option<Child>>,
}

impl Drop for Network {
    fn drop(&mut self) {
        for mut child in self.running.drain(..).flatten() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Network {
    /// All sites, on good links, with patients whose charts are open to whom they are to be.
    fn found(scratch: &Scratch, seed: u64) -> Network {
        let mut network = Network {
            fabric: Fabric::new(SITES.len(), seed),
            dirs: SITES.iter().map(|(name, _)| scratch.at(name)).collect(),
            running: SITES.iter().map(|_| None).collect(),
        };
        network.ok(CEDAR, "init", &["--site", "Cedar"]);
        network.start(CEDAR);
        // Else a command finds the folder free, and holds it when the site starts.
        poll(DEADLINE, || tell(&network.dirs[CEDAR], json!("Status"))).expect("it serves");
        for (site, (name, kind)) in SITES.iter().enumerate().skip(1) {
            let invite = support::invite(|| network.command(CEDAR, "invite", kind));
            network.ok(site, "join", &["--site", name, "--invite", &invite]);
            network.start(site);
        }
        let people: String = (0..PATIENTS).map(|n| format!("{}\n", patient(&format!("p{n}"), CANARY))).collect();
        let people = scratch.write("people.ndjson", people);
        network.ok(CEDAR, "import", &[people.to_str().unwrap()]);
        for n in 0..PATIENTS {
            let reader = |site| {
                network.ok(CEDAR, "grant", &[&format!("p{n}"), "--to", site, "--by", "Heron"]);
            };
            reader("Olive");
            if is_open_to(n, JUNIPER) {
                reader("Juniper");
            }
        }
        let everybody = poll(DEADLINE, || {
            let all = network.statuses()?;
            let patients = |site: usize| all[site]["readable_here"]["patients"].as_u64();
            let charts = (0..SITES.len()).all(|site| patients(site) == Some(count_open_to(site)));
            let known = all.iter().take(KEEPER).flat_map(|status| status["sites"].as_array().unwrap());
            let reached = known.into_iter().all(|site| !site["addresses"].as_array().unwrap().is_empty());
            (charts && reached && are_level(&all)).then_some(())
        });
        everybody.expect("on good links everything is everywhere");
        network
    }

    /// A command on a site, in its namespace.
    fn command(&self, site: usize, name: &str, rest: &[&str]) -> Command {
        let mut command = sanad();
        command.arg(name).arg(&self.dirs[site]).args(rest).arg("--json");
        self.fabric.enter(site, &command)
    }

    #[track_caller]
    fn ok(&self, site: usize, name: &str, rest: &[&str]) -> Value {
        run(&mut self.command(site, name, rest)).code(0).json()
    }

    /// Starts a site, and does not wait for it.
    fn start(&mut self, site: usize) {
        let log = File::options().create(true).append(true).open(self.dirs[site].with_extension("log")).unwrap();
        let (address, url) = (self.fabric.address(site).to_string(), self.fabric.url(site));
        let serve = if site == KEEPER { "keep" } else { "serve" };
        let mut command = self.command(site, serve, &["--listen", &address, "--address", &url]);
        // In a group of its own: the kernel lets processes that stand still go on when the shell above their group ends.
        command.process_group(0).stdout(Stdio::null()).stderr(log);
        self.running[site] = Some(command.spawn().unwrap());
    }

    /// As `kill -9` does.
    fn kill(&mut self, site: usize) {
        let mut child = self.running[site].take().expect("a site that runs");
        assert!(child.try_wait().unwrap().is_none(), "{} had ended by itself", SITES[site].0);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks all to end, and waits until they have.
    fn stop(&mut self) {
        for (site, child) in self.running.iter_mut().enumerate() {
            let mut child = child.take().expect("all run");
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            let ended = poll(DEADLINE, || child.try_wait().unwrap());
            assert_eq!(ended.and_then(|status| status.code()), Some(0), "{} ends in good order", SITES[site].0);
        }
    }

    /// What all sites say of themselves; `None` while one of them does not answer.
    fn statuses(&self) -> Option<Vec<Value>> {
        self.dirs.iter().map(|dir| Some(tell(dir, json!("Status"))?.1)).collect()
    }

    /// Lets these sites stand still until what is returned is dropped.
    fn freeze(&self, sites: impl Iterator<Item = usize>) -> Frozen {
        let pids = sites.filter_map(|site| self.running[site].as_ref().map(Pid::from_child));
        let frozen = Frozen(pids.collect());
        for pid in &frozen.0 {
            kill_process(*pid, Signal::STOP).unwrap();
        }
        let still = poll(DEADLINE, || frozen.0.iter().all(|pid| stands_still(*pid)).then_some(()));
        still.expect("a process that is stopped stands still");
        frozen
    }
}

/// Sites that stand still: whatever they hold, they hold on the disk.
struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // It may have gone meanwhile.
            let _: Result<(), _> = kill_process(*pid, Signal::CONT);
        }
    }
}

/// True if every thread has stopped, or the process is gone.
fn stands_still(pid: Pid) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return true };
    threads.flatten().all(|thread| {
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else { return true };
        // The state follows the name, which is in brackets and may hold anything.
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['T', 'Z', 'X']))
    })
}

/// Whether a site may read a patient's chart.
fn is_open_to(patient: u64, site: usize) -> bool {
    match site {
        KEEPER => false,
        JUNIPER => patient.is_multiple_of(2),
        _ => true,
    }
}

fn count_open_to(site: usize) -> u64 {
    (0..PATIENTS).filter(|patient| is_open_to(*patient, site)).count() as u64
}

/// True if all hold as many entries, and none of them anything that it does not know to be elsewhere.
fn are_level(all: &[Value]) -> bool {
    let entries = |status: &Value| status["stored"]["entries"].as_u64();
    all.iter().all(|status| entries(status) == entries(&all[0]) && status["only_here"]["entries"] == 0)
}

/// The place of an entry.
type Place = (LogId, Seq);

/// What lies on the disk of a site, read from a copy of its folder.
fn on_disk(copy: &Path) -> BTreeSet<Place> {
    let spans = reader(copy).1.spans().unwrap();
    spans.into_iter().flat_map(|span| (span.from..=span.to).map(move |seq| (span.log, seq))).collect()
}

fn reader(dir: &Path) -> (Store, Reader) {
    let store = Folder::open(dir).unwrap().unlock(PASSPHRASE, Duration::ZERO).unwrap();
    let reader = store.reader().unwrap();
    (store, reader)
}

/// What samples have shown.
#[derive(Default, Debug)]
struct Samples {
    taken: u32,
    /// With something that was only there.
    exposed: u32,
    /// In which *only here* was exactly the truth.
    exact: u32,
    /// Places that were on more than one disk, at each sample.
    shared: Vec<usize>,
}

impl Samples {
    /// Asks a site for its gauges while all others stand still, and compares them with what lies on the disks.
    fn take(&mut self, network: &Network, asked: usize, scratch: &Scratch, dice: &mut Dice) {
        let others = network.freeze((0..SITES.len()).filter(|site| *site != asked));
        let itself = network.freeze([asked].into_iter());
        let copies: Vec<_> = SITES.iter().map(|(name, _)| scratch.at(&format!("copy-{name}"))).collect();
        for (dir, copy) in network.dirs.iter().zip(&copies) {
            copy_folder(dir, copy);
        }
        drop(itself);
        // What it has saved since is in the gauges and not in the copy: they can only say more.
        let status = tell(&network.dirs[asked], json!("Status"));
        let disks: Vec<_> = copies.iter().map(|copy| on_disk(copy)).collect();
        copies.iter().for_each(|copy| fs::remove_dir_all(copy).unwrap());
        // A site that is only just starting does not answer yet.
        let Some((0, status)) = status else { return };
        let alone = compare(asked, &status, &disks);
        if let Some(place) = pick(&alone, dice) {
            let (log, seq) = place;
            let what = format!("{}/{}/{seq}", log.author, log.lane.name());
            let (code, said) = tell(&network.dirs[asked], json!({ "Explain": { "what": what } })).unwrap();
            assert!(code == 0 && said["only_here"]["entries"] == 1, "{what} is only at {}: {said}", SITES[asked].0);
        }
        drop(others);
        self.taken += 1;
        self.exposed += u32::from(!alone.is_empty());
        self.exact += u32::from(status["only_here"]["entries"] == alone.len());
        let places: BTreeSet<&Place> = disks.iter().flatten().collect();
        let shared = places.into_iter().filter(|place| disks.iter().filter(|disk| disk.contains(place)).count() > 1);
        self.shared.push(shared.count());
    }
}

/// One of them, by chance.
fn pick(places: &BTreeSet<Place>, dice: &mut Dice) -> Option<Place> {
    let at = dice.below(places.len().max(1) as u64) as usize;
    places.iter().nth(at).copied()
}

/// *Only here*, *not yet safe* and what each other site has not confirmed: none of them says less than the disks. Returns
/// what is on the disk of the asked site and on no other.
fn compare(asked: usize, status: &Value, disks: &[BTreeSet<Place>]) -> BTreeSet<Place> {
    let name = SITES[asked].0;
    let holders =
        |place: &Place| (0..disks.len()).filter(|site| *site != asked && disks[*site].contains(place)).count();
    let outside = |place: &Place| asked != HAVEN && disks[HAVEN].contains(place);
    let copies = status["policy"]["copies"].as_u64().unwrap() as usize;
    let is_safe = |place: &Place| holders(place) >= copies && (outside(place) || status["policy"]["outside"] == false);
    let held = &disks[asked];
    let alone: BTreeSet<Place> = held.iter().filter(|place| holders(place) == 0).copied().collect();
    let unsafe_yet: BTreeSet<Place> = held.iter().filter(|place| !is_safe(place)).copied().collect();
    for (gauge, truth) in [("only_here", &alone), ("not_yet_safe", &unsafe_yet)] {
        for lane in Lane::ALL {
            let said = status[gauge]["by_lane"][lane.name()]["entries"].as_u64().unwrap();
            let true_of = truth.iter().filter(|(log, _)| log.lane == lane).count() as u64;
            assert!(said >= true_of, "{name} says {gauge} {said} of lane {lane:?}, and it is {true_of}: {status}");
        }
    }
    for (site, (other, _)) in SITES.iter().enumerate().filter(|(site, _)| *site != asked) {
        let rows = status["sites"].as_array().unwrap();
        let Some(row) = rows.iter().find(|row| row["site"] == *other) else {
            assert_eq!(asked, KEEPER, "who knows call signs lists every site: {name} lacks {other}: {status}");
            continue;
        };
        let (said, lacks) = (row["behind"]["entries"].as_u64().unwrap(), held.difference(&disks[site]).count() as u64);
        assert!(said >= lacks, "{name} says that {other} lacks {said}, and it lacks {lacks}: {status}");
    }
    assert_eq!(status["lost"]["entries"], 0, "{status}");
    alone
}

/// A save that was acknowledged.
struct Saved {
    site: usize,
    patient: u64,
    id: String,
    raw: Vec<u8>,
}

/// Saves at whichever site, until it is told to stop. Every fourth save is another version of a record that may have been
/// saved elsewhere. Returns what was acknowledged, and how many saves were not: their site was gone.
fn write(dirs: &[PathBuf], file: &Path, stop: &AtomicBool, mut dice: Dice) -> (Vec<Saved>, u64) {
    let (mut saved, mut gone): (Vec<Saved>, u64) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let number = saved.len() as u64 + gone;
        let site = dice.below(KEEPER as u64) as usize;
        let readable: Vec<u64> = (0..PATIENTS).filter(|patient| is_open_to(*patient, site)).collect();
        let patient = readable[dice.below(readable.len() as u64) as usize];
        let earlier: Vec<_> = saved.iter().filter(|saved| saved.patient == patient).collect();
        let id = match earlier.get(dice.below(4 * earlier.len().max(1) as u64) as usize) {
            Some(earlier) => earlier.id.clone(),
            None => format!("o{number}"),
        };
        let mut resource = observation(&id, &format!("p{patient}"), number);
        resource["note"] = json!([{ "text": CANARY }]);
        let raw = resource.to_string().into_bytes();
        fs::write(file, &raw).unwrap();
        match tell(&dirs[site], json!({ "Import": { "files": [file], "by": null } })) {
            Some((0, report)) => {
                assert_eq!(report["saved"], 1, "{report}");
                saved.push(Saved { site, patient, id, raw });
            }
            Some((code, report)) => panic!("refused with {code}: {report}"),
            None => gone += 1,
        }
        thread::sleep(SAVE_EVERY);
    }
    (saved, gone)
}

/// Sets the links: bad ones, of which some pass one way only, or all those of one site nothing.
fn change_weather(fabric: &Fabric, turn: u64, dice: &mut Dice) {
    let sites = SITES.len() as u64;
    let mut draw = || dice.below(sites) as usize;
    match turn % 3 {
        0 => {
            let one_way: BTreeSet<_> = (0..5).map(|_| (draw(), draw())).collect();
            fabric.set(|from, to| if one_way.contains(&(from, to)) { Link::CUT } else { Link::BAD });
        }
        1 => fabric.set(|_, _| Link::BAD),
        _ => {
            let alone = draw();
            fabric.set(|from, to| if (from == alone) != (to == alone) { Link::CUT } else { Link::BAD });
        }
    }
}

/// Cuts the network in two, of two and three sites; within each part links stay bad.
fn part(fabric: &Fabric, dice: &mut Dice) {
    let one = dice.below(SITES.len() as u64) as usize;
    let other = (one + 1 + dice.below(SITES.len() as u64 - 1) as usize) % SITES.len();
    let side = |site| site == one || site == other;
    fabric.set(|from, to| if side(from) == side(to) { Link::BAD } else { Link::CUT });
}

/// Bad weather, a partition, and kills in both; samples all the while. Returns them and the number of kills.
fn besiege(network: &mut Network, scratch: &Scratch, seed: u64) -> (Samples, u32) {
    let mut seeds = Dice(seed);
    // Each has its own numbers, so that they do not depend on what the machine brings first.
    let mut dice = || Dice(seeds.below(u64::MAX));
    let (mut weather, mut kills, mut chance) = (dice(), dice(), dice());
    let (mut samples, mut killed) = (Samples::default(), 0);
    let (mut turns, mut weather_ms, mut kill_ms, mut sample_ms) = (0, 0, kills.below(KILL_EVERY_MS), 0);
    let mut down: BTreeMap<usize, u64> = BTreeMap::new();
    let begun = Instant::now();
    loop {
        let now_ms = begun.elapsed().as_millis() as u64;
        if now_ms >= WEATHER_MS + PARTITION_MS {
            break;
        }
        if now_ms >= weather_ms {
            if now_ms < WEATHER_MS {
                change_weather(&network.fabric, turns, &mut weather);
                weather_ms = (now_ms + WEATHER_EVERY_MS).min(WEATHER_MS);
            } else {
                part(&network.fabric, &mut weather);
                weather_ms = u64::MAX;
            }
            turns += 1;
        }
        if now_ms >= kill_ms {
            let (victim, rest_ms) = (kills.below(SITES.len() as u64) as usize, kills.below(DOWN_MS));
            kill_ms = now_ms + KILL_EVERY_MS / 2 + kills.below(KILL_EVERY_MS);
            if network.running[victim].is_some() {
                network.kill(victim);
                down.insert(victim, now_ms + rest_ms);
                killed += 1;
            }
        }
        let due: Vec<usize> = down.iter().filter(|(_, up_ms)| **up_ms <= now_ms).map(|(site, _)| *site).collect();
        for site in due {
            down.remove(&site);
            network.start(site);
        }
        if now_ms >= sample_ms {
            let asked = chance.below(SITES.len() as u64) as usize;
            if network.running[asked].is_some() {
                samples.take(network, asked, scratch, &mut chance);
            }
            sample_ms = now_ms + SAMPLE_EVERY_MS;
        }
        thread::sleep(Duration::from_millis(10));
    }
    for site in down.into_keys() {
        network.start(site);
    }
    (samples, killed)
}

/// What all sites hold and show, from their folders: the same, all that was acknowledged, and nothing at the keeper.
fn compare_folders(network: &Network, saved: &[Saved]) {
    let disks: Vec<_> = network.dirs.iter().map(|dir| on_disk(dir)).collect();
    for (disk, (name, _)) in disks.iter().zip(SITES) {
        assert!(*disk == disks[CEDAR], "{name} holds {} entries, Cedar {}", disk.len(), disks[CEDAR].len());
    }
    let checked: Vec<_> = (0..SITES.len()).map(|site| network.ok(site, "check", &["--rebuild"])).collect();
    for (report, (name, _)) in checked.iter().zip(SITES) {
        let sound = (&report["damages"], &report["lost_entries"], &report["projections_equal"]);
        assert_eq!(sound, (&0.into(), &0.into(), &true.into()), "{name}: {report}");
    }
    for reads_the_same in [OLIVE, HAVEN] {
        let digest = |site: usize| checked[site]["projection_digest"].as_str().unwrap();
        assert_eq!(digest(reads_the_same), digest(CEDAR), "{} and Cedar", SITES[reads_the_same].0);
    }
    for (site, (name, _)) in SITES.iter().enumerate() {
        let (_store, reader) = reader(&network.dirs[site]);
        for saved in saved {
            let key = format!("Observation/{}", saved.id).parse().unwrap();
            if is_open_to(saved.patient, site) {
                let versions = reader.versions(&key).unwrap();
                let is_it = |id| reader.version_raw(&key, id).unwrap().as_ref() == Some(&saved.raw);
                let from = SITES[saved.site].0;
                assert!(versions.iter().any(|version| is_it(&version.id)), "{key} of {from} is not at {name}");
            } else {
                assert!(reader.resource(&key).unwrap().is_none(), "{name} shows {key}");
            }
        }
    }
    let (store, _) = reader(&network.dirs[KEEPER]);
    let mut look = |place: &str, bytes: &[u8]| {
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{place} at the keeper can be read");
    };
    store.each_value(&mut look).unwrap();
}

#[test]
fn five_real_sites_on_bad_links_lose_nothing_never_lull_and_agree_after_healing() {
    if ran_in_a_user_namespace("five_real_sites_on_bad_links_lose_nothing_never_lull_and_agree_after_healing") {
        return;
    }
    let begun = Instant::now();
    let mut dice = Dice::new("namespaces");
    let scratch = Scratch::new("namespaces");
    let mut network = Network::found(&scratch, dice.below(u64::MAX));
    println!("founded after {:.0?}", begun.elapsed());

    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (dirs, file, stop, dice) =
            (network.dirs.clone(), scratch.at("save.json"), stop.clone(), Dice(dice.below(u64::MAX)));
        thread::spawn(move || write(&dirs, &file, &stop, dice))
    };
    let (samples, kills) = besiege(&mut network, &scratch, dice.below(u64::MAX));
    network.fabric.set(|_, _| Link::GOOD);
    stop.store(true, Ordering::Relaxed);
    let (saved, gone) = writer.join().unwrap();
    let Counts { sent, lost, cut, doubled, late } = network.fabric.counts();
    println!("{} saves acknowledged, {gone} not, {kills} kills", saved.len());
    println!("of {sent} packets {lost} lost, {cut} cut off, {doubled} doubled, {late} late");
    println!("{} samples, {} with something only there, {} exact", samples.taken, samples.exposed, samples.exact);

    // Nobody is told to: each site tries the others again by itself.
    let healed = Instant::now();
    let level = poll(DEADLINE, || network.statuses().filter(|all| are_level(all)));
    let level = level.unwrap_or_else(|| panic!("they do not agree: {:#?}", network.statuses()));
    println!("level {:.1?} after healing, at {} entries", healed.elapsed(), level[0]["stored"]["entries"]);
    network.stop();
    compare_folders(&network, &saved);
    println!("all of it in {:.0?}", begun.elapsed());

    // A siege in which nothing happened would show nothing.
    assert!(
        saved.len() >= 200 && kills >= 6 && samples.taken >= 20,
        "{saves} {kills} {samples:?}",
        saves = saved.len()
    );
    assert!(lost > 500 && cut > 100 && doubled > 100 && late > 100, "{:?}", network.fabric.counts());
    let spread = samples.shared.last().zip(samples.shared.first()).map(|(last, first)| last.saturating_sub(*first));
    assert!(samples.exposed >= 10 && spread >= Some(50), "on bad links entries still got about: {samples:?}");
}
