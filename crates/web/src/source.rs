//! Where the pages get what they show.

mod asks;
mod quarantine;
mod site;
#[cfg(test)]
mod site_tests;

use std::sync::Arc;

use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;

use sanad_node::ask::{AskError, Verdict};
use sanad_node::quarantine::AdoptError;
use sanad_node::site::Site;
use sanad_record::ask::Whom;
use sanad_store::Place;

use crate::fixed::Fixed;
use crate::model::{
    Asks, ConflictRow, Gauges, Listing, Overview, PatientPage, PatientRow, Quarantine, ResourcePage, ResourceRow,
    VersionPage,
};

/// The record could not be read. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be read")]
pub struct SourceError;

impl From<sanad_record::search::QueryError> for SourceError {
    fn from(_: sanad_record::search::QueryError) -> SourceError {
        SourceError
    }
}

/// Waits for something that the site's own thread answers, on a thread that may block.
pub(crate) fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(answer)
}

/// What fills the pages. `Ok(None)` means: there is no such thing, or it cannot be read here.
///
/// The calls may wait for the disk and for the site's own thread, so they belong on a thread that may block, inside a
/// tokio runtime; the pages see to that.
#[derive(Clone)]
pub enum Source {
    /// A site at work.
    Site(Site),
    /// A record that does not change: for tests and for looking at the screens.
    Fixed(Arc<Fixed>),
}

impl Source {
    /// What the header of every page shows.
    pub fn gauges(&self) -> Result<Gauges, SourceError> {
        match self {
            Source::Site(site) => site::gauges(site),
            Source::Fixed(fixed) => Ok(fixed.gauges.clone()),
        }
    }

    /// What changes from now on has changed after this; nothing for a record that does not change.
    pub fn place(&self) -> Result<Option<Place>, SourceError> {
        match self {
            Source::Site(site) => Ok(Some(site.reader().changes_end()?)),
            Source::Fixed(_) => Ok(None),
        }
    }

    /// The first page.
    pub fn overview(&self) -> Result<Overview, SourceError> {
        match self {
            Source::Site(site) => site::overview(site),
            Source::Fixed(fixed) => Ok(fixed.overview.clone()),
        }
    }

    /// Patients, all or those that match, by page from 1.
    pub fn patients(&self, query: Option<&str>, page: u64) -> Result<Listing<PatientRow>, SourceError> {
        match self {
            Source::Site(site) => site::patients(site, query, page),
            Source::Fixed(fixed) => Ok(fixed.patients(query, page)),
        }
    }

    /// One patient.
    pub fn patient(&self, id: &str) -> Result<Option<PatientPage>, SourceError> {
        match self {
            Source::Site(site) => site::patient(site, id),
            Source::Fixed(fixed) => Ok(fixed.patient(id)),
        }
    }

    /// The resources of one type in a chart, newest first, by page from 1.
    pub fn resources_of(
        &self,
        patient: &str,
        resource_type: &str,
        page: u64,
    ) -> Result<Option<Listing<ResourceRow>>, SourceError> {
        match self {
            Source::Site(site) => site::resources_of(site, patient, resource_type, page),
            Source::Fixed(fixed) => Ok(fixed.resources_of(patient, resource_type, page)),
        }
    }

    /// One resource.
    pub fn resource(&self, key: &ResourceKey) -> Result<Option<ResourcePage>, SourceError> {
        match self {
            Source::Site(site) => site::resource(site, key),
            Source::Fixed(fixed) => Ok(fixed.resource(key)),
        }
    }

    /// One version of a resource.
    pub fn version(&self, key: &ResourceKey, version: &VersionId) -> Result<Option<VersionPage>, SourceError> {
        match self {
            Source::Site(site) => site::version(site, key, version),
            Source::Fixed(fixed) => Ok(fixed.version(key, version)),
        }
    }

    /// Resources with values waiting for a choice, by page from 1.
    pub fn conflicts(&self, page: u64) -> Result<Listing<ConflictRow>, SourceError> {
        match self {
            Source::Site(site) => site::conflicts(site, page),
            Source::Fixed(fixed) => Ok(fixed.conflicts(page)),
        }
    }

    /// Asks for charts: those that wait for a person here, and this site's own.
    pub fn asks(&self) -> Result<Asks, SourceError> {
        match self {
            Source::Site(site) => asks::asks(site),
            Source::Fixed(fixed) => Ok(fixed.asks.clone()),
        }
    }

    /// Asks the network for a chart. The same key twice is one ask.
    pub fn ask(&self, whom: Whom, by: &str, key: [u8; 16]) -> Result<(), AskError> {
        match self {
            Source::Site(site) => asks::ask(site, whom, by, key),
            // A record that does not change has nobody to ask.
            Source::Fixed(_) => Err(AskError::NoSuchSite),
        }
    }

    /// What is kept aside, by page from 1, and the devices that went back in time.
    pub fn quarantine(&self, page: u64) -> Result<Quarantine, SourceError> {
        match self {
            Source::Site(site) => quarantine::quarantine(site, page),
            Source::Fixed(fixed) => Ok(fixed.quarantine(page)),
        }
    }

    /// Takes the content of a piece in. Done again, it does nothing again.
    pub fn adopt(&self, n: u64, by: &str) -> Result<(), AdoptError> {
        match self {
            Source::Site(site) => quarantine::adopt(site, n, by),
            Source::Fixed(_) => Err(AdoptError::NoSuchNumber),
        }
    }

    /// Answers an ask. The same key twice is one answer.
    pub fn answer(&self, ask: &str, verdict: Verdict, by: &str, key: [u8; 16]) -> Result<(), AskError> {
        match self {
            Source::Site(site) => asks::answer(site, ask, verdict, by, key),
            Source::Fixed(_) => Err(AskError::NoSuchAsk),
        }
    }
}
