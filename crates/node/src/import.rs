//! Foreign FHIR in: files, folders, Bundles, NDJSON. A torn or foreign file is named and passed over; the rest comes in.
//! Importing the same thing twice changes nothing.

mod summary;

use crate::intake::Intake;
use crate::save::Change;
use crate::site::{Site, SiteError};
use sanad_record::bundle::{ImportError, Incoming, ProblemReason, Unpacked, split_ndjson, unpack_beside};
use sanad_record::key::ResourceKey;
use serde::Serialize;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub use summary::{UnderstoodSection, UnderstoodSummary};

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Something that did not come in.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Where in it, and what is wrong; never its content.
    pub what: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// Files read.
    pub files: u64,
    /// Resources found in them, original documents included.
    pub resources: u64,
    /// Saved as new or changed.
    pub saved: u64,
    /// Were here already, byte for byte.
    pub unchanged: u64,
    /// What came in as it was, and is worth a look.
    pub notes: Vec<Problem>,
    /// What did not come in.
    pub problems: Vec<Problem>,
    /// What was understood of the patient summaries among it.
    pub summaries: Vec<UnderstoodSummary>,
}

/// All files of these paths, folders walked in name order. A folder that cannot be looked into is given as it is, so that
/// the import names it and goes on.
pub fn files_of(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        let inside = if path.is_dir() { fs::read_dir(path).ok() } else { None };
        match inside {
            Some(inside) => {
                let mut inside: Vec<_> = inside.filter_map(Result::ok).map(|entry| entry.path()).collect();
                inside.sort();
                files.extend(files_of(&inside));
            }
            None => files.push(path.clone()),
        }
    }
    files
}

fn is_left_out(reason: &ProblemReason) -> bool {
    matches!(reason, ProblemReason::Empty | ProblemReason::NotAResource | ProblemReason::Request)
}

struct Import<'a> {
    site: &'a Site,
    intake: Intake<()>,
    /// What was gathered or sent off and the disk may not show yet; of Patients also the bytes, by which two people with
    /// one id are told apart.
    pending: BTreeMap<ResourceKey, Option<Vec<u8>>>,
    /// What this import has changed: its input has a history of these, and goes on with it.
    changed: BTreeSet<ResourceKey>,
    report: ImportReport,
}

impl Site {
    /// Imports files. `progress` hears the number of files done.
    ///
    /// # Errors
    /// The site itself cannot go on (disk full, being closed). Foreign or torn input is no error but a problem in the
    /// report.
    pub async fn import(
        &self,
        files: &[PathBuf],
        by: Option<String>,
        mut progress: impl FnMut(u64),
    ) -> Result<ImportReport, SiteError> {
        let mut import = Import {
            site: self,
            intake: Intake::new(self, by),
            pending: BTreeMap::new(),
            changed: BTreeSet::new(),
            report: ImportReport::default(),
        };
        for file in files {
            import.file(file).await?;
            import.report.files += 1;
            progress(import.report.files);
        }
        import.settle().await?;
        import.report.saved = import.intake.saved;
        for refused in std::mem::take(&mut import.intake.refused) {
            import.problem(&PathBuf::from(refused.key.to_string()), refused.error.to_string());
        }
        Ok(import.report)
    }
}

impl Import<'_> {
    fn problem(&mut self, file: &Path, what: String) {
        self.report.problems.push(Problem { file: file.to_owned(), what });
    }

    async fn file(&mut self, file: &Path) -> Result<(), SiteError> {
        match fs::metadata(file) {
            Ok(meta) if meta.len() > FILE_BYTES_MAX => {
                self.problem(file, format!("larger than {} MiB", FILE_BYTES_MAX >> 20));
                return Ok(());
            }
            // A pipe or a device may never end.
            Ok(meta) if !meta.is_file() => {
                self.problem(file, "not a file that can be read".to_owned());
                return Ok(());
            }
            _ => {}
        }
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problem(file, format!("cannot be read: {error}"));
                return Ok(());
            }
        };
        let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if file.extension().is_some_and(|extension| extension == "ndjson") {
            for line in split_ndjson(&bytes) {
                self.piece(file, line.bytes, &name, Some(line.number)).await?;
            }
            return Ok(());
        }
        self.piece(file, &bytes, &name, None).await
    }

    async fn piece(&mut self, file: &Path, raw: &[u8], name: &str, line: Option<usize>) -> Result<(), SiteError> {
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        let mut unpacked = self.unpack(raw, name);
        if unpacked.1 {
            self.settle().await?;
            unpacked = self.unpack(raw, name);
        }
        match unpacked.0 {
            Ok(unpacked) => {
                for problem in &unpacked.problems {
                    let what = format!("{place}entry {}: {}", problem.entry, problem.reason);
                    match is_left_out(&problem.reason) {
                        true => self.problem(file, what),
                        false => self.report.notes.push(Problem { file: file.to_owned(), what }),
                    }
                }
                if unpacked.original.is_some() {
                    self.report.summaries.extend(summary::read(file, raw));
                }
                let patient = unpacked.patients().into_iter().next();
                for incoming in unpacked.resources.into_iter().chain(unpacked.original) {
                    // A whole document and its attachments belong to the chart of the person they are about.
                    let attached = matches!(incoming.key.resource_type.as_str(), "Bundle" | "Binary");
                    self.resource(incoming, patient.clone().filter(|_| attached)).await?;
                }
            }
            Err(error) => self.problem(file, format!("{place}{error}")),
        }
        Ok(())
    }

    /// Takes an input apart beside what is held. True with it if that included something whose bytes are still on their way
    /// to the disk.
    fn unpack(&self, raw: &[u8], name: &str) -> (Result<Unpacked, ImportError>, bool) {
        let unsettled = Cell::new(false);
        let unpacked = unpack_beside(raw, name, &|key| match self.pending.get(key) {
            Some(Some(raw)) => Some(raw.clone()),
            Some(None) => {
                unsettled.set(true);
                None
            }
            // What cannot be read is told when it is to be compared with.
            None => self.site.reader().resource(key).ok().flatten().and_then(|resource| resource.raw),
        });
        (unpacked, unsettled.get())
    }

    async fn resource(&mut self, incoming: Incoming, about: Option<String>) -> Result<(), SiteError> {
        self.report.resources += 1;
        // Two versions of one resource in one save would be concurrent, and what is not on the disk yet cannot be compared
        // with: the second waits.
        if self.pending.contains_key(&incoming.key) {
            self.settle().await?;
        }
        let raw = (!incoming.delete).then_some(incoming.raw);
        if self.is_held(&incoming.key, raw.as_deref())? {
            self.report.unchanged += 1;
            return Ok(());
        }
        let shown = raw.clone().filter(|_| incoming.key.resource_type == "Patient");
        self.pending.insert(incoming.key.clone(), shown);
        self.changed.insert(incoming.key.clone());
        self.intake.take((), Change { key: incoming.key, raw, about, follows: None }).await
    }

    /// True if the resource says this, or once said it: an old file that is imported again takes nothing back of what was
    /// written since.
    fn is_held(&self, key: &ResourceKey, raw: Option<&[u8]>) -> Result<bool, SiteError> {
        let reader = self.site.reader();
        let Some(resource) = reader.resource(key)? else { return Ok(false) };
        if resource.raw.as_deref() == raw {
            return Ok(true);
        }
        let (Some(raw), false) = (raw, self.changed.contains(key)) else { return Ok(false) };
        for version in reader.versions(key)? {
            if reader.version_raw(key, &version.id)?.as_deref() == Some(raw) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits until everything so far is on the disk.
    async fn settle(&mut self) -> Result<(), SiteError> {
        self.intake.settle().await?;
        self.pending.clear();
        Ok(())
    }
}
