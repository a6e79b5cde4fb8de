//! The files that people write: short, and finished.

use super::Findings;
use anyhow::Context as _;
use std::path::Path;

/// One text file.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the root of the workspace, with `/` between its parts.
    pub path: String,
    pub text: String,
}

const LINES_MAX: usize = 1_000;

/// Longer files that are one thing, and why.
const LONG: &[(&str, &str)] = &[];

/// What people write by hand. Data and lock files are as long as they are.
const WRITTEN: &[&str] = &["css", "ftl", "html", "js", "md", "mjs", "py", "rs", "sh", "toml", "ts"];

/// Built, fetched, or written elsewhere.
const SKIPPED: &[&str] = &[".git", "node_modules", "target", "vendor", "corpus", "artifacts"];

/// Reads all of them, in the order of their paths.
pub fn read(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(folder: &Path, prefix: &str, out: &mut Vec<Source>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {prefix}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &path, out)?;
        } else if kind.is_file() && WRITTEN.iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
            let text = std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
            out.push(Source { path, text });
        }
    }
    Ok(())
}

/// Code files are at most [`LINES_MAX`] lines long, or listed with a reason; the list holds nothing that is short again.
pub fn length(sources: &[Source]) -> Findings {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.path.ends_with(".md")) {
        let lines = source.text.lines().count();
        let listed = LONG.iter().any(|(path, _)| *path == source.path);
        if lines > LINES_MAX && !listed {
            findings.push(format!("{} has {lines} lines: is it one thing?", source.path));
        }
        if lines <= LINES_MAX && listed {
            findings.push(format!("{} is short again: take it off the list", source.path));
        }
    }
    findings
}

/// Marks of unfinished work. Put together here so that this file does not find itself.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("d", "bg!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
];

/// No code says that it is not done.
pub fn unfinished(sources: &[Source]) -> Findings {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.path.ends_with(".md")) {
        for (number, line) in source.text.lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|mark| line.contains(**mark));
            findings.extend(marks.map(|mark| format!("{}:{}: {mark}", source.path, number + 1)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_long_file_is_found() {
        let short = source("a.rs", &"x\n".repeat(LINES_MAX));
        let long = source("b.rs", &"x\n".repeat(LINES_MAX + 1));
        let prose = source("c.md", &"x\n".repeat(LINES_MAX + 1));
        assert_eq!(length(&[short, long, prose]), ["b.rs has 1001 lines: is it one thing?"]);
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = format!("fn a() {{}}\nfn b() {{ {}) }}\n", UNFINISHED[0]);
        assert_eq!(unfinished(&[source("a.rs", "fn a() {}\n"), source("b.rs", &text)]).len(), 1);
    }
}
