//! A folder where sticks appear: what comes is read, a receipt is left beside it, and what others lack is written.
//!
//! Promises: no file that this site did not write is changed or taken away; a foreign file is passed over without a word;
//! two sites that watch one folder do not answer each other's answers without end.

use super::file;
use super::{BundleError, ReadReport, ReceiptTo, WriteOptions, WriteReport};
use crate::bundle::read::unremarkable;
use crate::site::{Site, SiteError, system_entropy};
use sanad_log::frontier::{Frontier, Range};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// Largest outgoing bundle if nothing else is said: half a gigabyte fits any stick and takes a slow one a minute.
pub const WATCH_BYTES: u64 = 512 * 1024 * 1024;
/// Between two looks into the folder.
const POLL: Duration = Duration::from_secs(2);
/// Between two writings of the outgoing bundle on one stick: each takes a chunk at least, and flash wears.
const REFRESH: Duration = Duration::from_secs(60);
/// Files of one folder that are looked at; a stick with more is no courier's.
const FILES_MAX: usize = 10_000;

/// What happened in the folder.
#[derive(Debug)]
pub enum WatchEvent {
    /// A bundle was read.
    Read(PathBuf, Box<ReadReport>),
    /// The outgoing bundle was written or carried on.
    Wrote(Box<WriteReport>),
    /// A file, or the folder, cannot be read or written. Said once, until it changes.
    Trouble(PathBuf, BundleError),
}

/// A file as it was seen last.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    len: u64,
    modified: Option<SystemTime>,
    /// Looked at; nothing to do until it changes.
    done: bool,
    /// Holds entries whose keys had not come.
    waiting: bool,
}

struct Watch<'a, S> {
    site: &'a Site,
    folder: PathBuf,
    max_bytes: u64,
    say: S,
    seen: BTreeMap<PathBuf, Seen>,
    troubled: BTreeSet<PathBuf>,
    /// The outgoing bundle on this stick, and what it holds.
    out: Option<(PathBuf, Frontier)>,
    /// True if not all that others lack fits into it.
    full: bool,
    written: Option<Instant>,
    /// True if something may be lacking that the outgoing bundle does not hold.
    due: bool,
}

impl Site {
    /// Watches a folder until `stop` changes.
    pub async fn watch_folder(
        &self,
        folder: PathBuf,
        max_bytes: u64,
        mut stop: watch::Receiver<bool>,
        say: impl Fn(WatchEvent) + Send,
    ) {
        let mut watch = Watch {
            site: self,
            folder,
            max_bytes,
            say,
            seen: BTreeMap::new(),
            troubled: BTreeSet::new(),
            out: None,
            full: false,
            written: None,
            due: true,
        };
        let mut changes = self.changes();
        loop {
            watch.due |= changes.has_changed().unwrap_or_default();
            changes.mark_unchanged();
            if let Err(BundleError::Site(SiteError::Closed)) = watch.pass().await {
                return;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

impl<S: Fn(WatchEvent)> Watch<'_, S> {
    /// Looks once.
    async fn pass(&mut self) -> Result<(), BundleError> {
        let Some(files) = self.look() else { return Ok(()) };
        let settled = files.iter().all(|(path, now)| self.seen.get(path).is_some_and(|seen| same(seen, now)));
        let gone: Vec<_> = self.seen.keys().filter(|path| !files.contains_key(*path)).cloned().collect();
        for path in gone {
            self.seen.remove(&path);
            self.troubled.remove(&path);
            if self.out.as_ref().is_some_and(|(out, _)| *out == path) {
                self.begin_anew();
            }
        }
        for (path, now) in files {
            match self.seen.get(&path) {
                Some(seen) if same(seen, &now) && seen.done => {}
                // As it was a moment ago: nobody is writing to it.
                Some(seen) if same(seen, &now) => self.file(&path, now).await?,
                _ => {
                    self.troubled.remove(&path);
                    self.seen.insert(path, now);
                }
            }
        }
        if settled && self.due && self.written.is_none_or(|written| written.elapsed() >= REFRESH) {
            self.write().await?;
        }
        Ok(())
    }

    /// Another stick, or none.
    fn begin_anew(&mut self) {
        (self.out, self.full, self.written, self.due) = (None, false, None, true);
    }

    fn trouble(&mut self, path: &Path, error: BundleError) -> Result<(), BundleError> {
        if let BundleError::Site(SiteError::Closed) = error {
            return Err(error);
        }
        if self.troubled.insert(path.to_owned()) {
            (self.say)(WatchEvent::Trouble(path.to_owned(), error));
        }
        Ok(())
    }

    /// The files in the folder; `None` while it cannot be read, as when no stick is there.
    fn look(&mut self) -> Option<BTreeMap<PathBuf, Seen>> {
        let read = |folder: &Path| {
            let (mut files, mut unseen) = (BTreeMap::new(), Vec::new());
            for entry in fs::read_dir(folder)?.take(FILES_MAX) {
                let entry = entry?;
                // Not what a link leads to: it may be anywhere.
                match entry.metadata() {
                    Ok(meta) if meta.is_file() => {
                        let modified = meta.modified().ok();
                        let seen = Seen { len: meta.len(), modified, done: false, waiting: false };
                        files.insert(entry.path(), seen);
                    }
                    Ok(_) => {}
                    // Gone since.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    // A damaged name on a stick hides none of the others.
                    Err(error) => unseen.push((entry.path(), error)),
                }
            }
            Ok::<_, std::io::Error>((files, unseen))
        };
        let folder = self.folder.clone();
        match tokio::task::block_in_place(|| read(&folder)) {
            Ok((files, unseen)) => {
                self.troubled.remove(&folder);
                for (path, error) in unseen {
                    drop(self.trouble(&path, BundleError::io("looking at the file")(error)));
                }
                Some(files)
            }
            Err(error) => {
                self.seen.clear();
                self.begin_anew();
                drop(self.trouble(&folder, BundleError::io("reading the folder")(error)));
                None
            }
        }
    }

    /// A file that is new or has changed.
    async fn file(&mut self, path: &Path, now: Seen) -> Result<(), BundleError> {
        let epochs = self.site.epochs().await?;
        let mut now = Seen { done: true, ..now };
        match tokio::task::block_in_place(|| file::writer_of(path, &epochs)) {
            Ok(Some(writer)) if writer == self.site.device() => {
                let survey = tokio::task::block_in_place(|| file::survey(&mut file::open(path, &epochs)?));
                if let Ok(survey) = survey
                    && survey.holds.count() > 0
                {
                    // One that was just written is as full as it was.
                    self.full &= self.out.as_ref().is_some_and(|(out, _)| *out == path);
                    (self.out, self.due) = (Some((path.to_owned(), survey.holds)), true);
                }
            }
            Ok(_) => match self.site.read_bundle(path, &ReceiptTo::Beside, &|_, _| {}).await {
                Ok(report) => {
                    now.waiting = report.waiting > 0;
                    if report.new > 0 {
                        // The keys that others wait for may have come.
                        self.seen.values_mut().filter(|seen| seen.waiting).for_each(|seen| seen.done = false);
                    }
                    (self.say)(WatchEvent::Read(path.to_owned(), Box::new(report)));
                }
                Err(error) => {
                    // What this site could not do now it tries again; what is wrong with the file stays so.
                    now.done = !matches!(error, BundleError::Site(_));
                    self.trouble(path, error)?;
                }
            },
            // Somebody else's, or torn before its first chunk: looked at again when it changes.
            Err(BundleError::NotReadable) => {}
            Err(error) => self.trouble(path, error)?,
        }
        self.seen.insert(path.to_owned(), now);
        Ok(())
    }

    /// Writes what others lack and the outgoing bundle does not hold.
    async fn write(&mut self) -> Result<(), BundleError> {
        let own = self.site.facility();
        let others =
            self.site.with_directory(move |directory| directory.facilities().keys().any(|id| *id != own)).await?;
        let wanted = if others { self.site.material(None).await?.wanted } else { Frontier::default() };
        self.due = false;
        let (old, holds) = match &self.out {
            Some((path, holds)) => (Some(path.clone()), holds.clone()),
            None => (None, Frontier::default()),
        };
        let lacking = wanted.minus(&holds);
        if lacking.is_empty() {
            return Ok(());
        }
        // Once most of it has been confirmed by everybody, it is written anew instead of growing for ever.
        let stale = count(&holds.minus(&wanted)) * 2 > holds.count();
        if self.full && !stale {
            return Ok(());
        }
        let path = match &old {
            Some(old) if !stale => old.clone(),
            _ => self.folder.join(unremarkable(&system_entropy().array::<8>())),
        };
        self.written = Some(Instant::now());
        let options = WriteOptions { max_bytes: self.max_bytes, site: None };
        match self.site.write_bundle(&path, options, &|_, _| {}).await {
            Ok(report) => {
                let missing: Frontier = wanted.minus(&report.held).into_iter().collect();
                // It is this site's own, and all that it held is confirmed or in the new one.
                let nothing_lost = count(&missing.minus(&holds)) == missing.count();
                if let Some(old) = old.filter(|old| *old != path && nothing_lost) {
                    drop(fs::remove_file(old));
                }
                self.troubled.remove(&path);
                self.full = report.left > 0;
                self.out = Some((path, report.held.clone()));
                (self.say)(WatchEvent::Wrote(Box::new(report)));
                Ok(())
            }
            Err(error) => {
                // The old one still holds what it held.
                let folder = self.folder.clone();
                self.trouble(&folder, error)
            }
        }
    }
}

fn count(ranges: &[Range]) -> u64 {
    ranges.iter().map(Range::count).sum()
}

fn same(a: &Seen, b: &Seen) -> bool {
    (a.len, a.modified) == (b.len, b.modified)
}
