//! Newline-delimited JSON: one resource a line, as bulk exports come.

/// One line that is not blank.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it starts, in bytes from the start of the file.
    pub offset: usize,
    /// Its number, from 1.
    pub number: usize,
    /// The line without its end and without white space around it.
    pub bytes: &'a [u8],
}

/// Cuts NDJSON into its lines. Blank lines are left out, a byte order mark and carriage returns are no part of a line.
/// A torn last line comes out like every other, for the reader to report.
pub fn split_ndjson(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut offset = start;
    let lines = bytes[start..].split(|&byte| byte == b'\n').enumerate();
    lines.filter_map(move |(index, whole)| {
        let line = Line {
            offset: offset + (whole.len() - whole.trim_ascii_start().len()),
            number: index + 1,
            bytes: whole.trim_ascii(),
        };
        offset += whole.len() + 1;
        (!line.bytes.is_empty()).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_place() {
        let text = "\u{feff}{\"a\":1}\r\n\n  {\"b\":2} \n{\"c\"".as_bytes();
        let lines: Vec<_> = split_ndjson(text).map(|line| (line.offset, line.number, line.bytes)).collect();
        assert_eq!(lines, [(3, 1, &b"{\"a\":1}"[..]), (15, 3, b"{\"b\":2}"), (24, 4, b"{\"c\"")]);
        for line in split_ndjson(text) {
            assert!(text[line.offset..].starts_with(line.bytes));
        }
        assert_eq!(split_ndjson(b"").count() + split_ndjson(b"\n\r\n \n").count(), 0);
    }
}
