//! Charts drawn by the site: values over time as lines, and times as rows of dots. Plain SVG, grey on paper.

use std::fmt::Write as _;

use super::body::escaped;

/// The drawing's size, in its own units, and what is kept free around the lines.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 38.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
/// The height of one row, and the place of its name, in drawings that have a row for each name.
const ROW_HEIGHT: f64 = 34.0;
const NAMES: f64 = 136.0;
/// Most points of one line that are drawn: more than the drawing has places for.
const POINTS_MAX: usize = 400;
/// Lines across the drawing.
const STEPS: u32 = 4;

/// One line.
pub(crate) struct Line {
    /// What it shows, in the reader's language.
    pub name: String,
    /// The number of its look in the style sheet, from 1.
    pub look: u8,
    /// When, milliseconds since 1970, and how much; in the order of time.
    pub points: Vec<(u64, f64)>,
}

/// The values that the drawing reaches from and to: the extremes, widened to a step that people count in.
fn range(lines: &[Line]) -> Option<(f64, f64)> {
    let values =
        || lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value).filter(|value| value.is_finite());
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let span = (high - low).max(high.abs() * 0.02).max(1e-6);
    let magnitude = 10f64.powf((span / f64::from(STEPS)).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * magnitude)
        .into_iter()
        .find(|step| step * f64::from(STEPS) >= span * 1.05);
    let step = step.unwrap_or(10.0 * magnitude);
    let low = (low / step).floor() * step;
    let high = low + step * f64::from(STEPS);
    Some((low, if high < values().reduce(f64::max)? { high + step * f64::from(STEPS) } else { high }))
}

fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Lines over time. `time` says a time shortly. Empty if there is nothing to draw.
pub(crate) fn lines(label: &str, lines: &[Line], time: &dyn Fn(u64) -> String) -> String {
    let Some((low, high)) = range(lines) else { return String::new() };
    let times = || lines.iter().flat_map(|line| &line.points).map(|(at, _)| *at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return String::new() };
    let span = (last - first).max(1) as f64;
    let x = |at: u64| match first == last {
        true => (LEFT + WIDTH - RIGHT) / 2.0,
        false => LEFT + (at - first) as f64 / span * (WIDTH - LEFT - RIGHT),
    };
    let y = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!(r#"<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#, escaped(label));
    for step in 0..=STEPS {
        let value = low + (high - low) * f64::from(step) / f64::from(STEPS);
        let at = y(value);
        let _ = write!(
            svg,
            r#"<path class="plot__line" d="M{LEFT} {at:.1}H{}"/><text class="plot__n" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            WIDTH - RIGHT,
            LEFT - 5.0,
            at + 4.0,
            number(value)
        );
    }
    for (at, anchor) in [(first, "start"), (last, "end")].into_iter().take(if first == last { 1 } else { 2 }) {
        let _ = write!(
            svg,
            r#"<text class="plot__n" x="{:.1}" y="{}" text-anchor="{}">{}</text>"#,
            x(at),
            HEIGHT - 6.0,
            if first == last { "middle" } else { anchor },
            escaped(&time(at))
        );
    }
    for line in lines {
        let points = thinned(&line.points);
        let path: Vec<String> = points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
        let look = line.look;
        let _ = write!(svg, r#"<polyline class="plot__of plot__of--{look}" points="{}"/>"#, path.join(" "));
        for (at, value) in points {
            let _ = write!(
                svg,
                r#"<circle class="plot__dot plot__dot--{look}" cx="{:.1}" cy="{:.1}" r="3"><title>{} {}: {}</title></circle>"#,
                x(at),
                y(value),
                escaped(&time(at)),
                escaped(&line.name),
                number(value)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// At most [`POINTS_MAX`] points, the last among them; what is not a number is left out.
fn thinned(points: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    let kept =
        points.iter().enumerate().filter(|(at, (_, value))| (at % every == 0 || *at == last) && value.is_finite());
    kept.map(|(_, point)| *point).collect()
}

/// Times as dots in rows, one row for each name: every one is seen, and where most of them lie. In minutes.
pub(crate) fn dots(label: &str, rows: &[(String, Vec<u32>)], minutes: &dyn Fn(u32) -> String) -> String {
    let most = rows.iter().flat_map(|(_, times)| times).copied().max().unwrap_or(0);
    if rows.iter().all(|(_, times)| times.is_empty()) {
        return String::new();
    }
    let (row_height, left) = (ROW_HEIGHT, NAMES);
    let height = row_height * rows.len() as f64 + BOTTOM;
    let x = |time: u32| left + f64::from(time) / f64::from(most.max(1)) * (WIDTH - left - 2.0 * RIGHT);
    let mut svg =
        format!(r#"<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}">"#, escaped(label));
    for (row, (name, times)) in rows.iter().enumerate() {
        let middle = row_height * (row as f64 + 0.5);
        let _ = write!(
            svg,
            r#"<path class="plot__line" d="M{left} {middle}H{}"/><text class="plot__n" x="{}" y="{}" text-anchor="end">{}</text>"#,
            WIDTH - RIGHT,
            left - 8.0,
            middle + 4.0,
            escaped(name)
        );
        let mut sorted = times.clone();
        sorted.sort_unstable();
        for time in sorted.iter().take(POINTS_MAX) {
            let _ = write!(svg, r#"<circle class="plot__dot plot__dot--1" cx="{:.1}" cy="{middle}" r="4"/>"#, x(*time));
        }
        if let Some(median) = sorted.get(sorted.len() / 2) {
            let at = x(*median);
            let _ = write!(svg, r#"<path class="plot__median" d="M{at:.1} {}V{}"/>"#, middle - 12.0, middle + 12.0);
        }
    }
    for (time, anchor) in [(0, "start"), (most, "end")] {
        let _ = write!(
            svg,
            r#"<text class="plot__n" x="{:.1}" y="{}" text-anchor="{anchor}">{}</text>"#,
            x(time),
            height - 6.0,
            escaped(&minutes(time))
        );
    }
    svg.push_str("</svg>");
    svg
}

/// How each of several groups is made up: dark, dashed, and the rest. One bar for each name, all of one length.
pub(crate) fn bars(label: &str, rows: &[(String, [u64; 3])]) -> String {
    let rows: Vec<_> = rows.iter().filter(|(_, parts)| parts.iter().any(|part| *part > 0)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let (row_height, left) = (ROW_HEIGHT, NAMES);
    let (long, height) = (WIDTH - left - RIGHT, row_height * rows.len() as f64);
    let mut svg =
        format!(r#"<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}">"#, escaped(label));
    for (row, (name, parts)) in rows.into_iter().enumerate() {
        let top = row_height * row as f64 + 6.0;
        let all = parts.iter().sum::<u64>() as f64;
        let name_y = top + 15.0;
        let _ = write!(
            svg,
            r#"<text class="plot__n" x="{}" y="{name_y}" text-anchor="end">{}</text>"#,
            left - 8.0,
            escaped(name)
        );
        let mut at = left;
        for (look, part) in (1..).zip(parts).filter(|(_, part)| **part > 0) {
            let width = *part as f64 / all * long;
            let _ = write!(
                svg,
                r#"<rect class="plot__bar plot__bar--{look}" x="{at:.1}" y="{top}" width="{width:.1}" height="22"/>"#
            );
            at += width;
        }
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(u64, f64)]) -> Line {
        Line { name: "<pulse>".to_owned(), look: 1, points: points.to_vec() }
    }

    #[test]
    fn every_value_lies_within_the_drawing() {
        for points in [
            vec![(5, 80.0)],
            vec![(0, 0.0), (9, 0.0)],
            vec![(1, 36.6), (2, 41.2), (3, 35.0)],
            vec![(1, -3.0), (2, 1e6)],
        ] {
            let svg = lines("v", &[line(&points)], &|at| at.to_string());
            let ys: Vec<f64> = svg
                .match_indices("cy=\"")
                .map(|(at, _)| svg[at + 4..].split('"').next().unwrap().parse().unwrap())
                .collect();
            assert_eq!(ys.len(), points.len());
            assert!(ys.iter().all(|y| (TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(y)), "{points:?} {ys:?}");
            assert!(!svg.contains("<pulse>"));
        }
    }

    #[test]
    fn a_bar_is_as_long_as_the_drawing_allows_however_it_is_made_up() {
        let svg = bars("<b>", &[("a".to_owned(), [1, 2, 3]), ("b".to_owned(), [0, 0, u64::from(u32::MAX)])]);
        let widths = svg.match_indices(" width=\"").map(|(at, _)| svg[at + 8..].split('"').next().unwrap());
        let widths: Vec<f64> = widths.map(|width| width.parse().unwrap()).collect();
        assert_eq!(widths.len(), 4, "a part of nothing is not drawn");
        assert!((widths[..3].iter().sum::<f64>() - widths[3]).abs() < 0.2 && !svg.contains("<b>"));
        assert!(bars("b", &[("a".to_owned(), [0; 3])]).is_empty());
    }

    #[test]
    fn nothing_to_draw_is_no_drawing_and_much_is_thinned() {
        assert!(lines("v", &[], &|_| String::new()).is_empty());
        assert!(lines("v", &[line(&[(1, f64::NAN)])], &|_| String::new()).is_empty());
        let many: Vec<_> = (0..10_000).map(|at| (at, at as f64)).collect();
        let svg = lines("v", &[line(&many)], &|at| at.to_string());
        assert!(svg.matches("<circle").count() <= POINTS_MAX + 1 && svg.contains("9999"));
        assert!(dots("d", &[("a".to_owned(), vec![])], &|time| time.to_string()).is_empty());
        assert_eq!(
            dots("d", &[("a".to_owned(), vec![0, 5, 10])], &|time| time.to_string()).matches("<circle").count(),
            3
        );
    }
}
