//! What leaves for others leaves as FHIR R4: a folder of resources byte for byte, or NDJSON.

use crate::site::{Site, SiteError};
use sanad_store::{Resource, StoreError};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// What an export wrote.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExportReport {
    /// Resources written.
    pub resources: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Resources that cannot be read here: `Type/id`.
    pub missing: Vec<String>,
    /// True if there may be more of them that not even a name is left of.
    pub missing_unnamed: bool,
}

impl ExportReport {
    /// True if everything that is here was written.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && !self.missing_unnamed
    }
}

/// Where resources are written to.
struct Target<'t> {
    out: &'t Path,
    /// The one file, where it is one.
    file: Option<BufWriter<File>>,
    report: ExportReport,
    failed: Option<std::io::Error>,
}

impl Target<'_> {
    fn begin(out: &Path) -> Result<Target<'_>, StoreError> {
        let lines = out.extension().is_some_and(|extension| extension == "ndjson");
        let file = match lines {
            true => Some(BufWriter::new(File::create(out).map_err(writing)?)),
            false => fs::create_dir_all(out).map(|()| None).map_err(writing)?,
        };
        Ok(Target { out, file, report: ExportReport::default(), failed: None })
    }

    /// False if the target takes no more.
    fn write(&mut self, resource: Resource) -> bool {
        let Some(raw) = resource.raw else { return true };
        let written = match &mut self.file {
            Some(file) => file.write_all(&one_line(&raw)).and_then(|()| file.write_all(b"\n")),
            None => {
                let folder = self.out.join(&resource.key.resource_type);
                fs::create_dir_all(&folder)
                    .and_then(|()| fs::write(folder.join(format!("{}.json", resource.key.id)), &raw))
            }
        };
        self.report.resources += 1;
        self.report.bytes += raw.len() as u64;
        self.failed = written.err();
        self.failed.is_none()
    }

    fn finish(mut self) -> Result<ExportReport, StoreError> {
        if let Some(error) = self.failed {
            return Err(writing(error));
        }
        if let Some(file) = &mut self.file {
            file.flush().map_err(writing)?;
        }
        Ok(self.report)
    }
}

impl Site {
    /// Writes every current resource that can be read here. A path that ends in `.ndjson` becomes one file with a
    /// resource a line; any other becomes a folder with one file a resource, `Type/id.json`, byte for byte as it came.
    /// What is written is *not sealed*. What cannot be read is named and passed over.
    ///
    /// # Errors
    /// The target cannot be written, or nothing of the store be read. What was written so far stays.
    pub fn export(&self, out: &Path, mut progress: impl FnMut(u64)) -> Result<ExportReport, SiteError> {
        let mut target = Target::begin(out)?;
        let whole = self.reader().each_resource(|resource| {
            let goes_on = target.write(resource);
            progress(target.report.resources);
            goes_on
        });
        match whole {
            // From the beginning, one resource at a time, around what is damaged.
            Err(StoreError::DamagedFile) => {
                target = Target::begin(out)?;
                let all = self.reader().each_resource_around(|resource| match resource {
                    Ok(resource) => {
                        let goes_on = target.write(resource);
                        progress(target.report.resources);
                        goes_on
                    }
                    Err(key) => {
                        target.report.missing.push(key.to_string());
                        true
                    }
                })?;
                target.report.missing_unnamed = !all;
            }
            whole => whole?,
        }
        // What lost entries had brought may be missing, and nothing here knows its names.
        let lost = self.reader().lost();
        target.report.missing_unnamed |= !lost.is_ok_and(|lost| lost.is_empty());
        Ok(target.finish()?)
    }
}

fn writing(error: std::io::Error) -> StoreError {
    StoreError::Io { doing: "writing the export", kind: error.kind() }
}

/// The same JSON without line breaks: white space outside strings is left out, everything else is kept as it is.
pub fn one_line(raw: &[u8]) -> Vec<u8> {
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
