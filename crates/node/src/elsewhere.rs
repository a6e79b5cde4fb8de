//! What is known here of records of a patient that cannot be shown here.
//!
//! Only what is known is said: that nothing is known is no proof that there is nothing.

use crate::site::{Site, SiteError};
use sanad_log::frontier::Range;
use sanad_log::ids::{Lane, ScopeTag};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Which sites were ahead, and as of which change of the site: asked for with every chart, and the same until something
/// comes.
#[derive(Default)]
pub(crate) struct Ahead(Mutex<Option<(u64, Vec<String>)>>);

/// What is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownElsewhere {
    /// Entries of the patient's charts that are held here and sealed.
    pub sealed_entries: u64,
    /// Entries that are held here and sealed, of charts of which nothing says whose they are.
    pub sealed_of_unknown: u64,
    /// Sites whose newest receipts speak of entries that have not come here, by call sign: anybody's, and perhaps this
    /// patient's.
    pub sites_ahead: Vec<String>,
}

impl KnownElsewhere {
    /// True if there is, or may well be, more than can be shown here.
    pub fn is_any(&self) -> bool {
        *self != KnownElsewhere::default()
    }
}

impl Site {
    /// What is known here of further records of patients, given by all their ids.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn known_elsewhere(&self, patients: &[String]) -> Result<KnownElsewhere, SiteError> {
        let reader = self.reader().clone();
        let mut scopes: BTreeSet<ScopeTag> = BTreeSet::new();
        for patient in patients {
            scopes.extend(reader.scopes_of_patient(patient)?);
        }
        let sealed_entries = reader.sealed_in(&scopes)?;
        let sealed_of_unknown = reader.counts()?.sealed_entries.saturating_sub(sealed_entries);
        Ok(KnownElsewhere { sealed_entries, sealed_of_unknown, sites_ahead: self.sites_ahead().await? })
    }

    async fn sites_ahead(&self) -> Result<Vec<String>, SiteError> {
        // Read before the look: what comes in between is looked at, and looked at again.
        let generation = *self.changes().borrow();
        let held = self.ahead().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, names)) = held.filter(|(of, _)| *of == generation) {
            return Ok(names);
        }
        let names = self.look(|replica, _| {
            let (directory, own) = (replica.directory(), replica.durable());
            let is_of_care = |range: &Range| range.log.lane != Lane::Control;
            let ahead = replica
                .elsewhere()
                .into_iter()
                .filter(|(_, confirmed)| confirmed.places.minus(own).iter().any(is_of_care));
            let names = ahead.filter_map(|(id, _)| Some(directory.facilities().get(&id)?.call_sign.clone()));
            names.collect::<Vec<_>>()
        });
        let names = names.await?;
        *self.ahead().0.lock().unwrap_or_else(PoisonError::into_inner) = Some((generation, names.clone()));
        Ok(names)
    }
}
