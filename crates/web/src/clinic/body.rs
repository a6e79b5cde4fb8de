//! The body, front and back, as regions that can be tapped and that show what was found.
//!
//! One half of each view is drawn and mirrored. Left and right are the patient's own: in the front view the patient's right
//! is on the left of the picture, in both languages.

use std::fmt::Write as _;

use sanad_record::injury::{Injury, REGIONS};

/// The width of one view, and the height of both, in units of the drawing.
const VIEW_WIDTH: u32 = 120;
const HEIGHT: u32 = 262;

/// A half, as it is drawn on the left of the picture: the region's stem and its outline.
const FRONT: [(&str, &str); 10] = [
    ("shoulder", "M60 50 L44 51 Q33 53 30 64 L40 68 L60 62 Z"),
    ("chest", "M60 62 L40 68 L38 88 L39 100 L60 100 Z"),
    ("abdomen", "M60 100 L39 100 L38 122 L36 130 L60 130 Z"),
    ("upper-arm", "M30 64 L40 68 L37 94 L26 94 Z"),
    ("forearm", "M26 94 L37 94 L31 126 L20 124 Z"),
    ("hand", "M20 124 L31 126 L29 142 Q22 150 16 142 L17 132 Z"),
    ("thigh", "M34 143 L60 146 L59 150 L55 190 L38 190 Z"),
    ("knee", "M38 190 L55 190 L54 204 L39 204 Z"),
    ("leg", "M39 204 L54 204 L51 240 L42 240 Z"),
    ("foot", "M42 240 L51 240 L52 250 Q44 258 33 254 Q34 248 42 240 Z"),
];
const BACK: [(&str, &str); 9] = [
    ("upper-back", "M60 50 L44 51 Q33 53 30 64 L40 68 L38 88 L60 88 Z"),
    ("lower-back", "M60 88 L38 88 L39 104 L37 122 L60 122 Z"),
    ("buttock", "M60 122 L37 122 L34 146 L59 150 L60 146 Z"),
    ("upper-arm-back", "M30 64 L40 68 L37 94 L26 94 Z"),
    ("forearm-back", "M26 94 L37 94 L31 126 L20 124 Z"),
    ("hand-back", "M20 124 L31 126 L29 142 Q22 150 16 142 L17 132 Z"),
    ("thigh-back", "M34 146 L59 150 L55 196 L38 196 Z"),
    ("calf", "M38 196 L55 196 L51 240 L42 240 Z"),
    ("", "M42 240 L51 240 L52 256 L40 256 Z"),
];
/// What lies on the middle and is drawn whole: the region and its outline, in both views.
const MIDDLE_FRONT: [(&str, &str); 3] = [
    ("head-front", "M60 4 Q74 4 74 22 Q74 38 60 40 Q46 38 46 22 Q46 4 60 4 Z"),
    ("neck-front", "M53 38 Q60 42 67 38 L69 50 L51 50 Z"),
    ("pelvis", "M36 130 L84 130 L86 143 L60 146 L34 143 Z"),
];
const MIDDLE_BACK: [(&str, &str); 2] = [
    ("head-back", "M60 4 Q74 4 74 22 Q74 38 60 40 Q46 38 46 22 Q46 4 60 4 Z"),
    ("neck-back", "M53 38 Q60 42 67 38 L69 50 L51 50 Z"),
];

/// One outline in its view.
struct Shape {
    region: Option<&'static str>,
    path: &'static str,
    mirrored: bool,
}

fn known(region: &str) -> Option<&'static str> {
    REGIONS.into_iter().find(|known| *known == region)
}

/// The outlines of a view, each region's once.
fn shapes(
    halves: &[(&'static str, &'static str)],
    middle: &[(&'static str, &'static str)],
    left: &str,
    right: &str,
) -> Vec<Shape> {
    let mut shapes: Vec<Shape> =
        middle.iter().map(|(region, path)| Shape { region: known(region), path, mirrored: false }).collect();
    for (stem, path) in halves.iter() {
        for (side, mirrored) in [(left, false), (right, true)] {
            shapes.push(Shape { region: known(&format!("{stem}-{side}")), path, mirrored });
        }
    }
    shapes
}

/// The middle of an outline's points, where its number stands.
fn middle_of(shape: &Shape) -> (u32, u32) {
    let numbers: Vec<u32> =
        shape.path.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let (mut x, mut y, mut points) = (0, 0, 0);
    for point in numbers.chunks_exact(2) {
        (x, y, points) = (x + point[0], y + point[1], points + 1);
    }
    let (x, y) = (x / points.max(1), y / points.max(1));
    (if shape.mirrored { VIEW_WIDTH - x } else { x }, y)
}

/// The drawing. `name` says a region in the reader's language; `to` gives the address that a region leads to, or nothing
/// where it is only looked at; the regions of `injuries` are marked and numbered in their order.
pub(crate) fn svg(
    label: &str,
    injuries: &[Injury],
    name: &dyn Fn(&str) -> String,
    to: &dyn Fn(&str) -> Option<String>,
) -> String {
    let mut svg = String::new();
    let width = 2 * VIEW_WIDTH;
    let _ = write!(
        svg,
        r#"<svg class="body" viewBox="0 0 {width} {HEIGHT}" role="group" aria-label="{}">"#,
        escaped(label)
    );
    let front = shapes(&FRONT, &MIDDLE_FRONT, "right", "left");
    let back = shapes(&BACK, &MIDDLE_BACK, "left", "right");
    for (view, offset) in [(front, 0), (back, VIEW_WIDTH)] {
        let _ = write!(svg, r#"<g transform="translate({offset} 0)">"#);
        for shape in &view {
            draw(&mut svg, shape, injuries, name, to);
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

fn draw(
    svg: &mut String,
    shape: &Shape,
    injuries: &[Injury],
    name: &dyn Fn(&str) -> String,
    to: &dyn Fn(&str) -> Option<String>,
) {
    let numbers: Vec<String> = injuries
        .iter()
        .enumerate()
        .filter(|(_, injury)| Some(injury.region) == shape.region)
        .map(|(at, _)| (at + 1).to_string())
        .collect();
    let class = if numbers.is_empty() { "body__part" } else { "body__part body__part--hurt" };
    let turned =
        if shape.mirrored { format!(r#" transform="translate({VIEW_WIDTH} 0) scale(-1 1)""#) } else { String::new() };
    let link = shape.region.and_then(to);
    if let (Some(href), Some(region)) = (&link, shape.region) {
        let _ = write!(svg, r#"<a href="{}" aria-label="{}">"#, escaped(href), escaped(&name(region)));
    }
    let title = shape.region.map_or_else(String::new, |region| format!("<title>{}</title>", escaped(&name(region))));
    let _ = write!(svg, r#"<path class="{class}" d="{}"{turned}>{title}</path>"#, shape.path);
    if !numbers.is_empty() {
        let (x, y) = middle_of(shape);
        let _ = write!(
            svg,
            r#"<circle class="body__dot" cx="{x}" cy="{y}" r="8"/><text class="body__n" x="{x}" y="{}" text-anchor="middle">{}</text>"#,
            y + 4,
            numbers.join(",")
        );
    }
    if link.is_some() {
        svg.push_str("</a>");
    }
}

/// Text as it may stand in an attribute or between tags.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_is_drawn_once_and_can_be_tapped() {
        let svg = svg("b", &[], &|region| region.to_owned(), &|region| Some(format!("/x?at={region}")));
        for region in REGIONS.into_iter().filter(|region| *region != "whole-body") {
            let links = svg.matches(&format!("href=\"/x?at={region}\"")).count();
            assert_eq!(links, 1, "{region}");
        }
        assert_eq!(svg.matches("<a ").count(), svg.matches("</a>").count());
    }

    #[test]
    fn an_injury_is_numbered_where_it_is_and_names_are_text() {
        let injuries = [
            Injury::new("head-front", "wound", "").unwrap(),
            Injury::new("thigh-left", "bleeding", "").unwrap(),
            Injury::new("thigh-left", "fracture", "").unwrap(),
        ];
        let svg = svg("a\"><script>", &injuries, &|_| "<b>".to_owned(), &|_| None);
        assert!(svg.contains(">1</text>") && svg.contains(">2,3</text>"), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert_eq!(svg.matches("body__part--hurt").count(), 2);
    }

    #[test]
    fn the_patients_right_is_on_the_left_of_the_front_and_on_the_right_of_the_back() {
        let at = |region: &str| {
            let injury = [Injury::new(region, "wound", "").unwrap()];
            let svg = svg("b", &injury, &|_| String::new(), &|_| None);
            let from = svg.find("cx=\"").unwrap() + 4;
            svg[from..].split('"').next().unwrap().parse::<u32>().unwrap()
        };
        assert!(at("hand-right") < 60 && at("hand-left") > 60);
        assert!(at("hand-back-left") < 60 && at("hand-back-right") > 60, "the view from behind is not turned over");
    }
}
