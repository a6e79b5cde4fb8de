//! Lints: every crate inherits the workspace's, and a crate's own clippy.toml repeats the root's, because Clippy reads only
//! the nearest one.

use super::Findings;
use super::sources::Source;

/// See the module.
pub fn check(sources: &[Source]) -> Findings {
    let mut findings = Vec::new();
    for manifest in sources.iter().filter(|source| source.path.ends_with("/Cargo.toml")) {
        // fuzz is a workspace of its own, as cargo-fuzz wants it.
        let inherits = manifest.text.contains("[lints]\nworkspace = true");
        if !inherits && !manifest.path.starts_with("fuzz/") {
            findings.push(format!("{} does not inherit the workspace's lints", manifest.path));
        }
    }
    let Some(root) = sources.iter().find(|source| source.path == "clippy.toml") else {
        findings.push("clippy.toml is missing".to_owned());
        return findings;
    };
    for own in sources.iter().filter(|source| source.path.ends_with("/clippy.toml")) {
        let missing = rules(&root.text).filter(|rule| !rules(&own.text).any(|other| other == *rule));
        findings.extend(missing.map(|rule| format!("{} does not repeat: {rule}", own.path)));
    }
    findings
}

/// The lines that say something.
fn rules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_goes_its_own_way_is_found() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let upright = [
            source("clippy.toml", "# why\na = [\n  \"x\",\n]\n"),
            source("crates/log/clippy.toml", "a = [\n  \"x\",\n  \"y\",\n]\n"),
            source("crates/log/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"),
        ];
        assert_eq!(check(&upright), Findings::new());
        let bent = [
            source("clippy.toml", "a = [\n  \"x\",\n]\n"),
            source("crates/log/clippy.toml", "a = [\n  \"y\",\n]\n"),
            source("crates/log/Cargo.toml", "[package]\n"),
        ];
        assert_eq!(
            check(&bent),
            [
                "crates/log/Cargo.toml does not inherit the workspace's lints",
                "crates/log/clippy.toml does not repeat: \"x\","
            ]
        );
        assert_eq!(check(&[]), ["clippy.toml is missing"]);
    }
}
