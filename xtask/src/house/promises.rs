//! Every promise in ARCHITECTURE.md names tests that exist. Whether they can fail is for people to see.

use super::Findings;
use super::sources::Source;

/// The heading over the table: its first column is the promise, its last the tests, each in backticks.
const HEADING: &str = "## Promises and their tests";

/// Every row of the table names at least one test, and every named test is there.
pub fn check(sources: &[Source]) -> Findings {
    let Some(page) = sources.iter().find(|source| source.path == "ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md is missing".to_owned()];
    };
    let rows = rows(&page.text);
    if rows.is_empty() {
        return vec![format!("ARCHITECTURE.md has no table under \"{HEADING}\"")];
    }
    let mut findings = Vec::new();
    for (promise, tests) in rows {
        if tests.is_empty() {
            findings.push(format!("no test is named for: {promise}"));
        }
        let missing = tests.iter().filter(|test| !sources.iter().any(|source| has_test(source, test)));
        findings.extend(missing.map(|test| format!("there is no test {test}, named for: {promise}")));
    }
    findings
}

/// Promise and names of tests, row by row.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let section = page.lines().skip_while(|line| line.trim() != HEADING).skip(1);
    let table = section.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    // The first two lines of a table are its head and the rule under it.
    table
        .skip(2)
        .map(|row| {
            let cells: Vec<_> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
            let tests = cells.last().map(|cell| cell.split('`').skip(1).step_by(2)).into_iter().flatten();
            (cells.first().map(|cell| (*cell).to_owned()).unwrap_or_default(), tests.map(str::to_owned).collect())
        })
        .collect()
}

/// True if a Rust file has a function of that name marked as a test, or a browser test of that name.
fn has_test(source: &Source, name: &str) -> bool {
    if source.path.starts_with("e2e/") {
        return [format!("test(\"{name}\""), format!("test('{name}'")].iter().any(|call| source.text.contains(call));
    }
    if !source.path.ends_with(".rs") {
        return false;
    }
    let lines: Vec<_> = source.text.lines().map(str::trim).collect();
    let definition = format!("fn {name}(");
    let at = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&definition));
    at.is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        above.into_iter().any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(table: &str) -> Vec<Source> {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        vec![
            source(
                "ARCHITECTURE.md",
                &format!("# A\n\n{HEADING}\nWords.\n\n| Promise | Tests |\n|---|---|\n{table}\n## B\n"),
            ),
            source(
                "crates/a/src/lib.rs",
                "#[test]\nfn it_holds() {}\n\nfn no_test() {}\n\n/// Why.\n#[tokio::test]\nasync fn it_waits() {}\n",
            ),
            source("e2e/page.mjs", "test(\"the page opens\", async () => {});\n"),
        ]
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        assert_eq!(check(&house("| Survive. | `it_holds`, `it_waits`, `the page opens` |")), Findings::new());
        assert_eq!(check(&house("| Survive. | soon |")), ["no test is named for: Survive."]);
        assert_eq!(check(&house("| Survive. | `it_broke` |")), ["there is no test it_broke, named for: Survive."]);
        assert_eq!(check(&house("| Survive. | `no_test` |")).len(), 1, "a function is not a test");
        assert_eq!(check(&house("")).len(), 1, "an empty table is no table");
        assert_eq!(check(&[]), ["ARCHITECTURE.md is missing"]);
    }
}
