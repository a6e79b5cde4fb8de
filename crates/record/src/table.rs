//! Clinical tables as text: a header that says where they are from, and rows of cells between strokes.
//!
//! ```text
//! # What the table holds.
//! # source: where its facts are from · edition: 1 · licence: as the program
//! # verified: no
//! cell | cell | cell
//! ```
//! A table is compiled in and a test reads every row of it, so whoever reads one may pass over a row that is not
//! understood. `verified: no` stays until a clinician signs the table: then `verified: who, date` stands there, and
//! screens stop saying that nobody did.

/// Where a table is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// What its facts are from.
    pub source: &'static str,
    /// Its edition, which goes up with every change.
    pub edition: &'static str,
    /// Who compared it with its source, and when. `None`: nobody did, and every screen that uses it says so.
    pub verified: Option<&'static str>,
}

/// The header of a table. What it does not say is empty, and what does not say that it is verified is not.
pub(crate) fn origin(table: &'static str) -> Origin {
    let lines = || table.lines().take_while(|line| line.starts_with('#')).flat_map(|line| line[1..].split('·'));
    let says = |name: &str| {
        lines().find_map(|part| part.trim().strip_prefix(name)?.strip_prefix(':')).map(str::trim).unwrap_or_default()
    };
    let verified = Some(says("verified")).filter(|by| !matches!(*by, "" | "no"));
    Origin { source: says("source"), edition: says("edition"), verified }
}

/// The rows of a table: the cells of each, without the space around them.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('|').map(str::trim).collect())
}

/// The value of that name in a list of names and values.
pub(crate) fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_not_verified_until_it_says_by_whom() {
        let header = "# T.\n# source: WHO, 2023 · edition: 2\n# verified: no\n\na | b\n# c | d\n e|f|\n";
        assert_eq!(origin(header), Origin { source: "WHO, 2023", edition: "2", verified: None });
        assert_eq!(rows(header).collect::<Vec<_>>(), [vec!["a", "b"], vec!["e", "f", ""]]);
        assert_eq!(origin("# verified: Kestrel, 2026-11-02").verified, Some("Kestrel, 2026-11-02"));
        assert_eq!(origin("a | verified: me").verified, None);
    }
}
