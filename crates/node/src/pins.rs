//! Patients whose records go into every bundle before others: those about to be moved, or watched over from afar.

use crate::bundle::BundleError;
use crate::heart::now_ms;
use crate::site::{Site, SiteError};

/// Most pinned patients: a ward on the move. With more, nothing would come first.
pub const PINS_MAX: usize = 200;
/// Prefix of the stored rows.
const KEY: &str = "pin/";

impl Site {
    /// Pins a patient, or takes the pin off. Doing it twice does no more.
    ///
    /// # Errors
    /// No such patient here, too many pins; the disk refused.
    pub async fn pin(&self, patient: &str, on: bool) -> Result<(), BundleError> {
        // Longer than any id of FHIR: nobody can be called so.
        if patient.len() > 64 {
            return Err(BundleError::UnknownPatient(patient.chars().take(64).collect()));
        }
        let key = format!("{KEY}{patient}");
        let pins = self.pins().await?;
        if on && self.reader().patient(patient)?.is_none() {
            return Err(BundleError::UnknownPatient(patient.to_owned()));
        }
        if on && pins.len() >= PINS_MAX && !pins.iter().any(|pinned| pinned == patient) {
            return Err(BundleError::TooManyPins(PINS_MAX));
        }
        let when = now_ms().to_be_bytes();
        Ok(self.look(move |_, store| store.put_state(&key, on.then_some(when.as_slice()))).await??)
    }

    /// The pinned patients.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn pins(&self) -> Result<Vec<String>, SiteError> {
        let rows = self.look(|_, store| store.list_state(KEY)).await??;
        Ok(rows.into_iter().filter_map(|(key, _)| key.strip_prefix(KEY).map(str::to_owned)).collect())
    }
}
