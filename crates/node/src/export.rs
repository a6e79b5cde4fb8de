//! What leaves for others leaves as FHIR R4: a folder of resources byte for byte, or NDJSON.

use crate::site::{Site, SiteError};
use sanad_store::StoreError;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ExportReport {
    /// Resources written.
    pub resources: u64,
    /// Bytes written.
    pub bytes: u64,
}

impl Site {
    /// Writes every current resource that can be read here. A path that ends in `.ndjson` becomes one file with a
    /// resource a line; any other becomes a folder with one file a resource, `Type/id.json`, byte for byte as it came.
    /// What is written is *not sealed*.
    ///
    /// # Errors
    /// The target cannot be written, or the store not be read. What was written so far stays.
    pub fn export(&self, out: &Path, mut progress: impl FnMut(u64)) -> Result<ExportReport, SiteError> {
        let mut report = ExportReport::default();
        let lines = out.extension().is_some_and(|extension| extension == "ndjson");
        let mut file = match lines {
            true => Some(BufWriter::new(File::create(out).map_err(writing)?)),
            false => fs::create_dir_all(out).map(|()| None).map_err(writing)?,
        };
        let mut failed = None;
        self.reader().each_resource(|resource| {
            let Some(raw) = resource.raw else { return true };
            let written = match &mut file {
                Some(file) => file.write_all(&one_line(&raw)).and_then(|()| file.write_all(b"\n")),
                None => {
                    let folder = out.join(&resource.key.resource_type);
                    fs::create_dir_all(&folder)
                        .and_then(|()| fs::write(folder.join(format!("{}.json", resource.key.id)), &raw))
                }
            };
            report.resources += 1;
            report.bytes += raw.len() as u64;
            progress(report.resources);
            failed = written.err();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(writing(error).into());
        }
        if let Some(mut file) = file {
            file.flush().map_err(writing)?;
        }
        Ok(report)
    }
}

fn writing(error: std::io::Error) -> StoreError {
    StoreError::Io { doing: "writing the export", kind: error.kind() }
}

/// The same JSON without line breaks: white space outside strings is left out, everything else is kept as it is.
fn one_line(raw: &[u8]) -> Vec<u8> {
    if !raw.contains(&b'\n') && !raw.contains(&b'\r') {
        return raw.to_vec();
    }
    let (mut in_string, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        let kept = in_string || !byte.is_ascii_whitespace();
        match (*byte, in_string, escaped) {
            (b'\\', true, false) => escaped = true,
            (b'"', _, false) => in_string = !in_string,
            _ => escaped = false,
        }
        kept
    };
    let mut keep = keep;
    raw.iter().filter(|byte| keep(byte)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_line_keeps_strings_and_numbers_as_they_are() {
        let raw = "{\n  \"a\" : 1.10,\r\n  \"b\": \"two \\\" words\\\\\", \"c\":[ 1 ,2 ]\n}";
        assert_eq!(one_line(raw.as_bytes()), br#"{"a":1.10,"b":"two \" words\\","c":[1,2]}"#);
    }
}
