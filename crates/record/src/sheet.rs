//! The head of a clinical table: where it comes from, and whether a clinician has signed it.
//!
//! Every table under `data/` that a screen shows has lines `# source: …`, `# licence: …` and `# verified: …` before its
//! first row. A screen that uses a table which is not verified says so.

/// Where a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The source as a person would cite it.
    pub source: &'static str,
    /// Which edition of the source, or which version of our own.
    pub edition: &'static str,
    /// The source's licence.
    pub licence: &'static str,
    /// By whom and when it was verified. `None`: it was not, and the screen has to say so.
    pub verified: Option<&'static str>,
}

impl Sheet {
    /// Reads the head of a table. What a head does not say is empty, and never verified.
    pub fn read(table: &'static str) -> Sheet {
        let line = |name: &str| {
            let comments = table.lines().map_while(|line| line.strip_prefix('#'));
            let mut named = comments.filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            named.next().map_or("", str::trim)
        };
        let (source, edition) = line("source").split_once("· edition:").unwrap_or((line("source"), ""));
        let verified = line("verified");
        let is_open = ["", "no", "false"].contains(&verified.split([' ', ',']).next().unwrap_or_default());
        Sheet {
            source: source.trim(),
            edition: edition.trim(),
            licence: line("licence"),
            verified: (!is_open).then_some(verified),
        }
    }

    /// Whether a clinician has signed the table.
    pub fn is_verified(&self) -> bool {
        self.verified.is_some()
    }
}

/// The rows of a table: each in its words, without comments and empty lines.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_ascii_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_a_table_comes_from_and_nothing_is_verified_by_silence() {
        let sheet =
            Sheet::read("# A table.\n# source: A book · edition: 2\n# licence: free\n# verified: no (yet)\nrow 1\n");
        let read = Sheet { source: "A book", edition: "2", licence: "free", verified: None };
        assert_eq!(sheet, read);
        assert_eq!(Sheet::read("# source: A book\n").verified, None);
        assert_eq!(Sheet::read("# verified: false (no)\n").verified, None);
        assert_eq!(
            Sheet::read("row\n# verified: Heron, 2018-03-02\n").verified,
            None,
            "the head ends at the first row"
        );
        let signed = Sheet::read("# verified: Heron, 2018-03-02\n");
        assert_eq!((signed.verified, signed.is_verified()), (Some("Heron, 2018-03-02"), true));
    }

    #[test]
    fn rows_are_words_without_comments() {
        assert_eq!(rows("# a\n\nx  1\n  y 2\n# b\n").collect::<Vec<_>>(), [["x", "1"], ["y", "2"]]);
    }
}
