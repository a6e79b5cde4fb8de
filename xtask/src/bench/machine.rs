//! What the kernel says of processes and of the machine.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux that sanad is built for.
const TICKS_PER_S: f64 = 100.0;

/// CPU time of this process so far, to the nanosecond: that of all its threads that still live.
pub fn own_cpu() -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task")? {
        // A thread may end between the two looks.
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        total += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(total))
}

/// CPU seconds of another process so far.
pub fn cpu_s_of(pid: u32) -> Result<f64> {
    stat(&pid.to_string(), 14)
}

/// CPU seconds of the children that have ended.
pub fn cpu_s_of_children() -> Result<f64> {
    stat("self", 16)
}

/// Two neighbouring fields of `stat`, user and system, counted from 1 as in its manual.
fn stat(pid: &str, field: usize) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; the third field follows it.
    let (_, rest) = text.rsplit_once(") ").context("no name in stat")?;
    let fields: Vec<f64> =
        rest.split(' ').skip(field - 3).take(2).map(str::parse).collect::<Result<_, _>>().unwrap_or_default();
    Ok(fields.iter().sum::<f64>() / TICKS_PER_S)
}

/// A figure of `/proc/PID/status` in MB, as `VmRSS` or `VmHWM`.
pub fn memory_mb(pid: u32, name: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with(name)).context("no such figure in status")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no number in status")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Cores, load and kernel: what a figure has to be read with.
pub fn describe() -> Result<Value> {
    let cores = std::thread::available_parallelism()?.get();
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    Ok(json!({ "cores": cores, "load": load.join(" "), "cpu": cpu.trim_start_matches(['\t', ' ', ':']) }))
}

/// The middle of some figures.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The figure below which `share` of them lie.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
