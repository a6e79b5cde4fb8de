//! Many resources on their way into the log: gathered into saves that are short enough for a link, several under way at
//! once so that they share the disk's commits.
//!
//! Promise: one bad resource stops nothing. A save that it made fail is tried again one by one, and only the bad one stays
//! out.

use crate::save::{Change, SaveRequest};
use crate::site::{Site, SiteError};
use sanad_log::replica::SaveError;
use sanad_record::key::ResourceKey;
use sanad_store::StoreError;
use tokio::task::JoinSet;

/// Resources in one save, and their bytes: small enough to be one short message on a link.
const SAVE_RESOURCES_MAX: usize = 32;
const SAVE_BYTES_MAX: usize = 128 * 1024;
/// Saves under way at once, so that they share the disk's commits, and their bytes, unless one resource alone has more.
const SAVES_UNDER_WAY: usize = 16;
const BYTES_UNDER_WAY_MAX: usize = 16 * 1024 * 1024;

/// One resource that did not come in.
pub struct Refused<P> {
    /// What the caller calls it by.
    pub place: P,
    /// Which.
    pub key: ResourceKey,
    /// Why.
    pub error: SiteError,
}

/// Takes resources in. `P` is what the caller calls each of them by.
pub struct Intake<P> {
    site: Site,
    by: Option<String>,
    batch: Vec<(P, Change)>,
    batch_bytes: usize,
    under_way: JoinSet<Sent<P>>,
    bytes_under_way: usize,
    /// How many are on the disk.
    pub saved: u64,
    /// What did not come in, in no order.
    pub refused: Vec<Refused<P>>,
}

/// A save that was tried, and its bytes.
type Sent<P> = (Vec<(P, Change)>, usize, Result<(), SiteError>);

/// True if an error is about one resource, and others may be saved all the same.
fn is_of_one(error: &SiteError) -> bool {
    matches!(
        error,
        SiteError::BadResource(_)
            | SiteError::Save(SaveError::Sealed | SaveError::TooLarge)
            | SiteError::Store(StoreError::TooLarge(_))
    )
}

impl<P: Clone + Send + 'static> Intake<P> {
    /// Into this site, in the name of `by`.
    pub fn new(site: &Site, by: Option<String>) -> Intake<P> {
        Intake {
            site: site.clone(),
            by,
            batch: Vec::new(),
            batch_bytes: 0,
            under_way: JoinSet::new(),
            bytes_under_way: 0,
            saved: 0,
            refused: Vec::new(),
        }
    }

    /// Takes one resource. It is on the disk, or among those refused, when [`Intake::settle`] has returned; until then no
    /// other of its key may be taken: two versions of one resource in one save would stand beside each other.
    ///
    /// # Errors
    /// The site cannot go on: the disk is full, it is being closed. What was taken before may be saved or not.
    pub async fn take(&mut self, place: P, change: Change) -> Result<(), SiteError> {
        self.batch_bytes += change.raw.as_ref().map_or(0, Vec::len);
        self.batch.push((place, change));
        if self.batch.len() >= SAVE_RESOURCES_MAX || self.batch_bytes >= SAVE_BYTES_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    /// Waits until everything so far is on the disk or refused.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub async fn settle(&mut self) -> Result<(), SiteError> {
        self.flush().await?;
        while self.one_done().await? {}
        Ok(())
    }

    /// Sends the gathered changes off as one save.
    async fn flush(&mut self) -> Result<(), SiteError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.batch_bytes);
        while self.under_way.len() >= SAVES_UNDER_WAY || self.bytes_under_way + bytes > BYTES_UNDER_WAY_MAX {
            if !self.one_done().await? {
                break;
            }
        }
        self.bytes_under_way += bytes;
        let sent = std::mem::take(&mut self.batch);
        let changes = sent.iter().map(|(_, change)| change.clone()).collect();
        let (site, by) = (self.site.clone(), self.by.clone());
        self.under_way.spawn(async move {
            let saved = site.save(SaveRequest { changes, idempotency: None, by }).await;
            (sent, bytes, saved.map(|_| ()))
        });
        Ok(())
    }

    /// Waits for one save. False if there is none.
    async fn one_done(&mut self) -> Result<bool, SiteError> {
        let Some(done) = self.under_way.join_next().await else { return Ok(false) };
        let Ok((sent, bytes, result)) = done else { return Err(SiteError::Closed) };
        self.bytes_under_way -= bytes;
        match result {
            Ok(()) => self.saved += sent.len() as u64,
            Err(error) if is_of_one(&error) => self.one_by_one(sent).await?,
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    async fn one_by_one(&mut self, sent: Vec<(P, Change)>) -> Result<(), SiteError> {
        for (place, change) in sent {
            let key = change.key.clone();
            let request = SaveRequest { changes: vec![change], idempotency: None, by: self.by.clone() };
            match self.site.save(request).await {
                Ok(_) => self.saved += 1,
                Err(error) if is_of_one(&error) => self.refused.push(Refused { place, key, error }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;
    use crate::site::NewSite;
    use sanad_log::control::SiteKind;
    use sanad_record::op::SAVE_BYTES_MAX;
    use sanad_store::KdfCost;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_saved_is_named_and_everything_beside_it_is() {
        let folder = Folder::new("cedar");
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let mut intake = Intake::new(&site, None);
        for place in 0..200u32 {
            let key = ResourceKey::new("Basic", format!("b{place}")).unwrap();
            // As long as the longest that a reader takes, before what stands around it.
            let text = "x".repeat(if place == 70 { SAVE_BYTES_MAX } else { 0 });
            let raw = match place {
                40 => "{\"resourceType\":".to_owned(),
                _ => format!(r#"{{"resourceType":"Basic","id":"b{place}","language":"{text}"}}"#),
            };
            intake.take(place, Change { key, raw: Some(raw.into_bytes()), about: None, follows: None }).await.unwrap();
        }
        intake.settle().await.unwrap();
        let mut refused: Vec<u32> = intake.refused.iter().map(|refused| refused.place).collect();
        refused.sort_unstable();
        assert_eq!((refused, intake.saved), (vec![40, 70], 198));
        for (id, is_there) in [("b39", true), ("b40", false), ("b70", false), ("b199", true)] {
            let found = site.reader().resource(&ResourceKey::new("Basic", id).unwrap()).unwrap();
            assert_eq!(found.is_some(), is_there, "{id}");
        }
    }
}
