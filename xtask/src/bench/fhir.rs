//! The FHIR interface under load: a served site, a client that keeps its connections, the same patients and observations
//! that the peer was measured with. The server's CPU for each request is the figure that a busy machine does not bend.

mod load;
mod served;

use crate::Options;
use crate::corpus;
use crate::report::{Report, Target};
use anyhow::Result;
use load::{CODES, FAMILY, GIVEN, charts, observation, patient, transaction};
use served::{Served, folder_bytes};
use std::time::Instant;

/// Connections at once.
const CLIENTS: u64 = 4;
/// Patients of the load; nine observations for each.
const PATIENTS: u64 = 10_000;
const OBSERVATIONS_EACH: u64 = 9;
/// Creates in one transaction.
const TRANSACTION: u64 = 100;

/// What is asked, and what the peer needed for it.
struct Scenario {
    name: &'static str,
    requests: u64,
    clients: u64,
    /// Milliseconds of the server's CPU for each request.
    at_most: f64,
    make: fn(u64, &mut Numbers, &Load) -> Request,
}

struct Request {
    method: &'static str,
    path: String,
    body: Option<String>,
}

/// How much is loaded.
struct Load {
    patients: u64,
    /// How many of them are asked for, spread over all: whose chart was opened for the first time is written down, which
    /// is another question than what asking costs.
    asked: u64,
}

impl Load {
    fn any(&self, numbers: &mut Numbers) -> u64 {
        numbers.below(self.asked) * (self.patients / self.asked)
    }
}

/// Numbers that look random, from a seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let scale = if options.quick { 10 } else { 1 };
    let load = Load { patients: PATIENTS / scale, asked: PATIENTS / scale };
    let dir = corpus::fresh_dir(&options.dir, "fhir")?;
    let folder = dir.join("site");
    let served = Served::start(options, &folder)?;
    let load_scenarios = [
        Scenario {
            name: "PUT Patient",
            requests: load.patients,
            clients: CLIENTS,
            at_most: 0.8,
            make: |n, _, _| put("Patient", n, patient(n, Some(n))),
        },
        Scenario {
            name: "PUT Observation",
            requests: load.patients * OBSERVATIONS_EACH,
            clients: CLIENTS,
            at_most: 0.8,
            make: |n, _, load| {
                put(
                    "Observation",
                    n,
                    observation(n, Some(n), &format!("Patient/{}", n / OBSERVATIONS_EACH % load.patients)),
                )
            },
        },
    ];
    for scenario in &load_scenarios {
        served.measure(scenario, &load, report)?;
    }
    let bytes = folder_bytes(&folder)? as f64 / (load.patients * (1 + OBSERVATIONS_EACH)) as f64;
    report.add("fhir: disk per resource", bytes / 1000.0, "kB", Target::AtMost(2.5));
    report.add("fhir: resident after the load", served.resident_mb()?, "MB", Target::AtMost(100.0));
    for scenario in &scenarios(scale) {
        served.measure(scenario, &load, report)?;
    }
    report.add("fhir: resident after the searches", served.resident_mb()?, "MB", Target::AtMost(150.0));
    served.stop()?;
    // Unlocking takes as long for an empty folder as for a full one.
    let empty = Served::start(options, &dir.join("empty"))?;
    empty.stop()?;
    let started = Instant::now();
    Served::serve(options, &dir.join("empty"), String::new())?.stop()?;
    let empty_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    Served::serve(options, &folder, String::new())?.stop()?;
    let full_s = started.elapsed().as_secs_f64();
    report.add("fhir: start and end, beyond an empty folder", full_s - empty_s, "s", Target::AtMost(0.5));
    let binary = std::fs::metadata(&options.sanad)?.len() as f64 / 1e6;
    report.add("fhir: binary", binary, "MB", Target::AtMost(25.0));
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

/// Patients of the two sites whose figures are compared; nine observations for each.
const FEW_PATIENTS: u64 = 1_000;
const MANY_PATIENTS: u64 = 100_000;

/// How much more of the server's CPU a question costs that is asked of a hundred times as many resources.
pub fn run_growth(options: &Options, report: &mut Report) -> Result<()> {
    let many = if options.quick { MANY_PATIENTS / 10 } else { MANY_PATIENTS };
    let dir = corpus::fresh_dir(&options.dir, "fhir-growth")?;
    let mut costs: Vec<Vec<f64>> = Vec::new();
    for patients in [FEW_PATIENTS, many] {
        let load = Load { patients, asked: FEW_PATIENTS };
        let served = Served::start(options, &dir.join(patients.to_string()))?;
        let loading = Scenario {
            name: "loading, in transactions of 100",
            requests: patients / 10,
            clients: 2,
            at_most: 35.0,
            make: |n, _, load| Request { method: "POST", path: String::new(), body: Some(charts(n, load)) },
        };
        served.measure(&loading, &load, report)?;
        report.add(
            format!("fhir: resident after {} resources", patients * 10),
            served.resident_mb()?,
            "MB",
            Target::AtMost(200.0),
        );
        let mut of_site = Vec::new();
        for scenario in growing() {
            // Once to have read what is asked for again and again, once to be measured.
            served.cpu_ms(&scenario, &load)?;
            let cpu_ms = served.cpu_ms(&scenario, &load)?;
            report.add(
                format!("fhir: {} of {} resources, CPU", scenario.name, patients * 10),
                cpu_ms,
                "ms",
                Target::None,
            );
            of_site.push(cpu_ms);
        }
        report.add(
            format!("fhir: resident after the searches of {} resources", patients * 10),
            served.resident_mb()?,
            "MB",
            Target::AtMost(200.0),
        );
        costs.push(of_site);
        served.stop()?;
    }
    for (at, scenario) in growing().iter().enumerate() {
        let grown = costs[1][at] / costs[0][at];
        report.add(format!("fhir: {}, growth", scenario.name), grown, "times", Target::AtMost(1.5));
    }
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn growing() -> Vec<Scenario> {
    let asked = ["read by id", "search by identifier", "search by family name", "a patient's observations"];
    let mut all = scenarios(1);
    all.extend([some("search by name and given, the first", 5_000, 1.0, |_, numbers, _| {
        let n = numbers.below(800);
        let (family, given) = (FAMILY[(n / 20 % 40) as usize], GIVEN[(n % 20) as usize]);
        get(format!("/Patient?name={family}&given={given}&_count=1"))
    })]);
    all.retain(|scenario| asked.contains(&scenario.name) || scenario.name.ends_with("the first"));
    all
}

fn scenarios(scale: u64) -> Vec<Scenario> {
    let all = vec![
        some("POST Observation", 5_000, 0.8, |n, _, load| Request {
            method: "POST",
            path: "/Observation".to_owned(),
            body: Some(observation(n, None, &format!("Patient/{}", n % load.patients))),
        }),
        some("PUT Patient, again", 5_000, 0.8, |n, numbers, load| {
            let id = load.any(numbers);
            let body = patient(id, Some(id)).replace(r#""active":true"#, &format!(r#""active":{}"#, n % 2 == 0));
            put("Patient", id, body)
        }),
        // Each chart for the first time in this hour: that is written into it, and counted here.
        some("charts opened, and written down", 10_000, 0.8, |n, _, load| {
            get(format!("/Patient/{}", n % load.patients))
        }),
        some("read by id", 20_000, 0.12, |_, numbers, load| get(format!("/Patient/{}", load.any(numbers)))),
        some("search by identifier", 10_000, 0.25, |_, numbers, load| {
            get(format!("/Patient?identifier=urn:sanad:mrn%7CMRN{:07}", load.any(numbers)))
        }),
        some("search by family name", 5_000, 1.0, |_, numbers, _| {
            get(format!("/Patient?family={}&_count=20", FAMILY[numbers.below(40) as usize]))
        }),
        some("search by name and given", 5_000, 1.0, |_, numbers, _| {
            let (family, given) = (FAMILY[numbers.below(40) as usize], GIVEN[numbers.below(20) as usize]);
            get(format!("/Patient?name={family}&given={given}&_count=20"))
        }),
        some("a patient's observations", 10_000, 0.4, |_, numbers, load| {
            get(format!("/Observation?patient=Patient/{}&_count=50", load.any(numbers)))
        }),
        some("last value by _sort=-date", 10_000, 0.4, |_, numbers, load| {
            let (patient, code) = (load.any(numbers), CODES[numbers.below(8) as usize].0);
            get(format!("/Observation?patient=Patient/{patient}&code=http://loinc.org%7C{code}&_sort=-date&_count=1"))
        }),
        some("_revinclude", 5_000, 0.6, |_, numbers, load| {
            get(format!("/Patient?_id={}&_revinclude=Observation:subject", load.any(numbers)))
        }),
        some("$everything", 5_000, 1.0, |_, numbers, load| get(format!("/Patient/{}/$everything", load.any(numbers)))),
        Scenario {
            name: "transaction of 100",
            requests: 200,
            clients: 1,
            at_most: 35.0,
            make: |n, _, _| Request { method: "POST", path: String::new(), body: Some(transaction(n)) },
        },
    ];
    let fewer = |scenario: Scenario| Scenario { requests: scenario.requests / scale, ..scenario };
    all.into_iter().map(fewer).collect()
}

fn some(name: &'static str, requests: u64, at_most: f64, make: fn(u64, &mut Numbers, &Load) -> Request) -> Scenario {
    Scenario { name, requests, clients: CLIENTS, at_most, make }
}

fn get(path: String) -> Request {
    Request { method: "GET", path, body: None }
}

fn put(kind: &str, id: u64, body: String) -> Request {
    Request { method: "PUT", path: format!("/{kind}/{id}"), body: Some(body) }
}
