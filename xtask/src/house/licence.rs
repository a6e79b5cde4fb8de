//! Licences: every crate can be taken under terms that go with `MIT OR Apache-2.0`. Expressions are SPDX; old crates
//! write `/` for OR.

use super::Findings;
use super::graph::Package;

const OURS: &str = "MIT OR Apache-2.0";

/// Licences that may be relied on, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("Apache-2.0", "ours"),
    ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 with fewer duties"),
    ("BlueOak-1.0.0", "permissive, with a patent grant: minicbor"),
    ("BSD-2-Clause", "permissive: the zstd library"),
    ("BSD-3-Clause", "permissive: dalek, zstd, SQLCipher"),
    ("ISC", "permissive: aws-lc, rustls-webpki"),
    ("MIT", "ours"),
    ("Unicode-3.0", "permissive: tables of Unicode data"),
    ("Zlib", "permissive: foldhash"),
    ("blessing", "SQLite's public-domain dedication"),
    ("WTFPL", "permissive: LibTomCrypt, whose source comes with SQLCipher's"),
];

/// Every package states a licence that may be relied on; ours state ours.
pub fn check(packages: &[Package]) -> Findings {
    let mut findings = Vec::new();
    for package in packages {
        let stated = package.licence.as_deref();
        if package.is_member && stated != Some(OURS) {
            findings.push(format!("{} is ours and must say {OURS}", package.name));
        }
        match stated.map(is_allowed) {
            None => findings.push(format!("{} states no licence", package.name)),
            Some(None) => {
                findings.push(format!("{} states no SPDX expression: {}", package.name, stated.unwrap_or("")))
            }
            Some(Some(false)) => findings.push(format!("{} is under {}", package.name, stated.unwrap_or(""))),
            Some(Some(true)) => {}
        }
    }
    findings
}

/// Whether an expression leaves a way that uses allowed licences only; `None` if it is not an expression.
fn is_allowed(expression: &str) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let allowed = any_of(&mut rest)?;
    rest.is_empty().then_some(allowed)
}

fn any_of(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = all_of(rest)?;
    while take(rest, "OR") {
        allowed |= all_of(rest)?;
    }
    Some(allowed)
}

fn all_of(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = one(rest)?;
    while take(rest, "AND") {
        allowed &= one(rest)?;
    }
    Some(allowed)
}

fn one(rest: &mut &[&str]) -> Option<bool> {
    if take(rest, "(") {
        let allowed = any_of(rest)?;
        return take(rest, ")").then_some(allowed);
    }
    let (name, after) = rest.split_first()?;
    if ["AND", "OR", "WITH", ")"].contains(name) {
        return None;
    }
    *rest = after;
    let mut licence = (*name).to_owned();
    if take(rest, "WITH") {
        let (exception, after) = rest.split_first()?;
        *rest = after;
        licence = format!("{licence} WITH {exception}");
    }
    Some(ALLOWED.iter().any(|(allowed, _)| *allowed == licence))
}

fn take(rest: &mut &[&str], wanted: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == wanted => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged_as_spdx_does() {
        let cases = [
            ("MIT", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-2.0-only OR MIT", Some(true)),
            ("MIT AND GPL-2.0-only", Some(false)),
            ("GPL-2.0-only AND MIT OR ISC", Some(true)),
            ("GPL-2.0-only AND (MIT OR ISC)", Some(false)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT WITH Something-exception", Some(false)),
            ("MIT MIT", None),
            ("(MIT", None),
            ("MIT OR", None),
            ("", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(is_allowed(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_crate_without_terms_or_with_others_is_found() {
        let package = |licence: Option<&str>, is_member| Package {
            name: "a".to_owned(),
            licence: licence.map(str::to_owned),
            is_member,
            ..Package::default()
        };
        assert_eq!(check(&[package(Some("MIT"), false), package(Some(OURS), true)]), Findings::new());
        assert_eq!(check(&[package(None, false)]), ["a states no licence"]);
        assert_eq!(check(&[package(Some("GPL-3.0-only"), false)]), ["a is under GPL-3.0-only"]);
        assert_eq!(check(&[package(Some("a b"), false)]), ["a states no SPDX expression: a b"]);
        assert_eq!(check(&[package(Some("MIT"), true)]), ["a is ours and must say MIT OR Apache-2.0"]);
    }
}
