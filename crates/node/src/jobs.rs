//! Jobs of the FHIR interface that outlast a request: what an export is made of, and how far an import has got.
//!
//! A job is a position and holds no text of a record. It is kept beside the log, in the encrypted database, so that it
//! survives a restart; a day after it was last touched it is over. That day is of this site's clock, so it is a courtesy and
//! no security rests on it.

use crate::heart::now_ms;
use crate::site::{Site, SiteError};
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_store::{Store, StoreError};

/// Prefix of the kept jobs.
const JOB_KEY: &str = "bulk/job/";
/// Prefix of what an import could not take, by job and by the first line that it is about.
const PIECE_KEY: &str = "bulk/piece/";
/// How long a job is kept after it was last touched.
pub const KEPT_MS: u64 = 86_400_000;
/// Most jobs of one token at once: a system runs one, and may have left some behind.
pub const JOBS_OF_TOKEN_MAX: usize = 8;
/// Most jobs at one site at once.
pub const JOBS_MAX: usize = 64;

/// A job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Job {
    /// A random UUID.
    #[n(0)]
    pub id: String,
    /// The id of the token that asked for it.
    #[n(1)]
    pub token: String,
    /// The address that it was asked at.
    #[n(2)]
    pub request: String,
    /// When it was asked for, milliseconds since 1970.
    #[n(3)]
    pub begun_ms: u64,
    /// When it last got on.
    #[n(4)]
    pub touched_ms: u64,
    /// What is done.
    #[n(5)]
    pub work: Work,
}

/// What a job does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Work {
    /// Resources leave.
    #[n(0)]
    Export(#[n(0)] Export),
    /// Resources come in.
    #[n(1)]
    Import(#[n(0)] Import),
}

/// An export: what there was at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Export {
    /// The types, sorted.
    #[n(0)]
    pub types: Vec<String>,
    /// Whose records.
    #[n(1)]
    pub about: About,
    /// Only what was last changed since, milliseconds since 1970.
    #[n(2)]
    pub since_ms: u64,
    /// The moment, as a stamp of the hybrid logical clock.
    #[n(3)]
    pub stamp: u64,
    /// What was asked for and is not done, in sentences.
    #[n(4)]
    pub notes: Vec<String>,
    /// What is handed out, once it has been counted.
    #[n(5)]
    pub files: Option<Vec<ExportFile>>,
}

/// Whose records an export is of.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum About {
    /// All, also those about nobody.
    #[n(0)]
    All,
    /// Those in anybody's chart.
    #[n(1)]
    Patients,
    /// Those in the charts of these patients.
    #[n(2)]
    Only(#[n(0)] Vec<String>),
}

/// One file of an export: resources of one type whose ids follow each other.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ExportFile {
    /// The type.
    #[n(0)]
    pub resource_type: String,
    /// Ids after this one; from the first if it is empty.
    #[n(1)]
    pub after: String,
    /// Up to this one.
    #[n(2)]
    pub through: String,
    /// How many there were when they were counted.
    #[n(3)]
    pub count: u64,
}

/// An import, and how far it has got.
#[derive(Clone, Default, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Import {
    /// All lines up to this one are saved or refused; the first is 1.
    #[n(0)]
    pub lines: u64,
    /// New or changed resources.
    #[n(1)]
    pub saved: u64,
    /// Resources that said the same already.
    #[n(2)]
    pub unchanged: u64,
    /// Lines that did not come in.
    #[n(3)]
    pub refused: u64,
    /// Those of them that are listed.
    #[n(4)]
    pub listed: u64,
    /// True if the last body that was sent came whole.
    #[n(5)]
    pub is_whole: bool,
}

impl Job {
    /// When it is over.
    pub fn ends_ms(&self) -> u64 {
        self.touched_ms.saturating_add(KEPT_MS)
    }
}

fn job_key(id: &str) -> String {
    format!("{JOB_KEY}{id}")
}

fn piece_key(id: &str, line: u64) -> String {
    // In the order of the lines.
    format!("{PIECE_KEY}{id}/{line:020}")
}

/// True for what may be the id of a job.
fn is_id(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn jobs_in(store: &Store) -> Result<Vec<Job>, StoreError> {
    let all = store.list_state(JOB_KEY)?;
    // One that cannot be read is as good as over.
    Ok(all.iter().filter_map(|(_, value)| from_cbor(value).ok()).collect())
}

fn remove(store: &mut Store, id: &str) -> Result<(), StoreError> {
    // The job last: if the power goes in between, it is still there to be removed.
    for (key, _) in store.list_state(&format!("{PIECE_KEY}{id}/"))? {
        store.put_state(&key, None)?;
    }
    store.put_state(&job_key(id), None)
}

impl Site {
    /// Begins a job; those that are over are removed.
    ///
    /// # Errors
    /// [`SiteError::TooManyJobs`]; the site is being closed, or the disk refused.
    pub async fn begin_job(&self, job: Job) -> Result<(), SiteError> {
        self.look(move |_, store| {
            let (over, left): (Vec<Job>, Vec<Job>) =
                jobs_in(store)?.into_iter().partition(|kept| kept.ends_ms() <= now_ms());
            for job in over {
                remove(store, &job.id)?;
            }
            let of_token = left.iter().filter(|kept| kept.token == job.token).count();
            if of_token >= JOBS_OF_TOKEN_MAX || left.len() >= JOBS_MAX {
                return Err(SiteError::TooManyJobs);
            }
            Ok(store.put_state(&job_key(&job.id), Some(&to_cbor(&job)))?)
        })
        .await?
    }

    /// Notes how far a job has got, and with it what is said of the lines from `piece.0` on; durable when this returns.
    /// False if the job was removed meanwhile: then nothing is noted.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn note_job(&self, job: &Job, piece: Option<(u64, Vec<u8>)>) -> Result<bool, SiteError> {
        let job = job.clone();
        self.look(move |_, store| {
            let key = job_key(&job.id);
            if store.get_state(&key)?.is_none() {
                return Ok(false);
            }
            // The piece before the job that counts it: what is noted twice after a crash stands in the same place.
            if let Some((line, text)) = piece {
                store.put_state(
                    &piece_key(&job.id, line),
                    Some(&text).filter(|text| !text.is_empty()).map(Vec::as_slice),
                )?;
            }
            store.put_state(&key, Some(&to_cbor(&job)))?;
            Ok(true)
        })
        .await?
    }

    /// A job that is not over.
    ///
    /// # Errors
    /// Input/output.
    pub fn job(&self, id: &str) -> Result<Option<Job>, SiteError> {
        if !is_id(id) {
            return Ok(None);
        }
        let kept = self.reader().get_state(&job_key(id))?;
        let job: Option<Job> = kept.and_then(|value| from_cbor(&value).ok());
        Ok(job.filter(|job| job.ends_ms() > now_ms()))
    }

    /// What was noted of a job's lines, in their order.
    ///
    /// # Errors
    /// Input/output.
    pub fn job_pieces(&self, id: &str) -> Result<Vec<u8>, SiteError> {
        let pieces = self.reader().list_state(&format!("{PIECE_KEY}{id}/"))?;
        Ok(pieces.into_iter().flat_map(|(_, piece)| piece).collect())
    }

    /// Removes a job and what was noted of it.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn remove_job(&self, id: &str) -> Result<(), SiteError> {
        let id = id.to_owned();
        Ok(self.look(move |_, store| remove(store, &id)).await??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;
    use crate::site::NewSite;
    use sanad_log::control::SiteKind;
    use sanad_store::KdfCost;
    use std::time::Duration;

    fn job(n: usize, token: &str, touched_ms: u64) -> Job {
        Job {
            id: format!("00000000-0000-4000-8000-{n:012}"),
            token: token.to_owned(),
            request: "https://cedar/fhir/$import".to_owned(),
            begun_ms: touched_ms,
            touched_ms,
            work: Work::Import(Import::default()),
        }
    }

    #[tokio::test]
    async fn jobs_are_few_outlive_a_restart_and_are_over_after_a_day() {
        let folder = Folder::new("cedar");
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let now = now_ms();
        for n in 0..JOBS_OF_TOKEN_MAX {
            site.begin_job(job(n, "a", now)).await.unwrap();
        }
        assert!(matches!(site.begin_job(job(90, "a", now)).await, Err(SiteError::TooManyJobs)));
        for n in JOBS_OF_TOKEN_MAX..JOBS_MAX {
            site.begin_job(job(n, &format!("b{n}"), now)).await.unwrap();
        }
        assert!(matches!(site.begin_job(job(91, "c", now)).await, Err(SiteError::TooManyJobs)));

        let got_on = Job { work: Work::Import(Import { lines: 7, ..Import::default() }), ..job(0, "a", now) };
        assert!(site.note_job(&got_on, Some((4, b"four\n".to_vec()))).await.unwrap());
        assert!(site.note_job(&got_on, Some((11, b"eleven\n".to_vec()))).await.unwrap());
        assert!(site.note_job(&got_on, Some((11, b"twelve\n".to_vec()))).await.unwrap(), "said again, it stands once");
        site.close().await;
        let site = Site::open(&folder.0, "correct horse", Duration::ZERO).unwrap();
        assert_eq!(site.job(&got_on.id).unwrap(), Some(got_on.clone()));
        assert_eq!(site.job_pieces(&got_on.id).unwrap(), b"four\ntwelve\n");

        // A day after it last got on it is over, and makes room with the next that begins.
        let over = Job { touched_ms: now - KEPT_MS, ..got_on.clone() };
        assert!(site.note_job(&over, None).await.unwrap());
        assert_eq!(site.job(&over.id).unwrap(), None);
        site.begin_job(job(92, "a", now)).await.unwrap();
        assert!(site.job_pieces(&over.id).unwrap().is_empty());
        let gone = job(92, "a", now);
        site.remove_job(&gone.id).await.unwrap();
        assert!(!site.note_job(&gone, None).await.unwrap(), "what was removed does not come back");
        for id in ["", "../token", "00000000-0000-4000-8000-00000000009_"] {
            assert_eq!(site.job(id).unwrap(), None);
        }
    }
}
