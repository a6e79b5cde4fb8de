//! Tiny links, in simulated time with real keys and frames: bytes and seconds are exact, and the same at every run.

use crate::report::{Report, Target};
use anyhow::{Result, ensure};
use sanad_drill::tiny::scenes::{Ward, casualty, pair};
use sanad_drill::tiny::{Ended, Line, Run, talk};
use sanad_log::ids::Lane;

/// Longest that a session is watched.
const MS_MAX: u64 = 3_600_000;

fn done(run: &Run) -> Result<()> {
    ensure!(run.ended.iter().all(|ended| ended.as_ref().is_some_and(Ended::is_done)), "it did not end well: {run:?}");
    Ok(())
}

pub fn run(report: &mut Report) -> Result<()> {
    let line = Line::of(1_200);
    let (mut cedar, mut olive) = pair();
    let quiet = talk(&mut cedar, &mut olive, &line, MS_MAX);
    done(&quiet)?;
    let total = |run: &Run| run.bytes.iter().sum::<u64>() as f64;
    report.add("tiny link, nothing changed, both ways", total(&quiet), "bytes", Target::AtMost(60.0));

    for (name, chart, target) in
        [("a casualty of a known chart", 9, Target::AtMost(8.0)), ("a casualty of a new chart", 77, Target::None)]
    {
        cedar.save(chart, Lane::Urgent, casualty());
        let run = talk(&mut cedar, &mut olive, &line, MS_MAX);
        done(&run)?;
        let name = format!("tiny link at 1,200 bit/s, {name}");
        let there = run.came.iter().map(|(ms, ..)| *ms).max().unwrap_or(u64::MAX);
        report.add(format!("{name}: entry"), cedar.newest_bytes(Lane::Urgent) as f64, "bytes", Target::None);
        report.add(format!("{name}: all frames"), total(&run), "bytes", Target::None);
        report.add(format!("{name}: durable there"), there as f64 / 1e3, "s", Target::None);
        report.add(format!("{name}: receipt back"), run.ms as f64 / 1e3, "s", target);
    }

    let mut ward = Ward::new();
    let line = Line { lanes: Lane::Bulk, ..Line::of(9_600) };
    let run = talk(&mut ward.haven, &mut ward.cut_off, &line, MS_MAX);
    for seconds in [30, 60, 120, 300, 1_800] {
        let ([control, urgent, clinical, _], current) = ward.after(&run, seconds);
        let name = format!("5,000 entries at 9,600 bit/s, after {seconds} s");
        let share = 100.0 * current as f64 / ward.current.len() as f64;
        let target = if seconds == 60 { Target::AtLeast(100.0) } else { Target::None };
        report.add(format!("{name}: urgent, current patients"), share, "%", target);
        for (lane, count) in [("control", control), ("urgent", urgent), ("clinical", clinical)] {
            report.add(format!("{name}: {lane} lane"), count as f64, "entries", Target::None);
        }
    }
    Ok(())
}
