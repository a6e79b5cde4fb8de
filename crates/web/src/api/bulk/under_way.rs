//! What is under way in this process: one task for each job, and few transfers at once.

use super::super::outcome::Refusal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Files that are handed out and bodies that are taken in at once; each holds a few MiB.
const TRANSFERS_MAX: usize = 8;

/// Exports and imports under way.
pub(crate) struct Bulk {
    jobs: Arc<Mutex<BTreeMap<String, State>>>,
    transfers: Arc<Semaphore>,
}

/// How a job is getting on.
#[derive(Clone)]
pub(super) enum State {
    /// It has got so far.
    Going(String),
    /// It could not be done.
    Failed(Refusal),
}

impl Default for Bulk {
    fn default() -> Bulk {
        Bulk { jobs: Arc::default(), transfers: Arc::new(Semaphore::new(TRANSFERS_MAX)) }
    }
}

fn locked(jobs: &Mutex<BTreeMap<String, State>>) -> MutexGuard<'_, BTreeMap<String, State>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bulk {
    /// Begins a job's task; `None` if it is under way already.
    pub(super) fn begin(&self, id: &str, progress: String) -> Option<UnderWay> {
        let mut jobs = locked(&self.jobs);
        if matches!(jobs.get(id), Some(State::Going(_))) {
            return None;
        }
        jobs.insert(id.to_owned(), State::Going(progress));
        Some(UnderWay { jobs: self.jobs.clone(), id: id.to_owned(), has_failed: false })
    }

    /// How a job is getting on; a failure is told once.
    pub(super) fn state(&self, id: &str) -> Option<State> {
        let mut jobs = locked(&self.jobs);
        match jobs.get(id)? {
            State::Failed(_) => jobs.remove(id),
            going @ State::Going(_) => Some(going.clone()),
        }
    }

    /// Stops a job's task at its next step.
    pub(super) fn stop(&self, id: &str) {
        locked(&self.jobs).remove(id);
    }

    /// Room for one transfer, until the permit is dropped.
    pub(super) fn transfer(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.transfers.clone().try_acquire_owned().map_err(|_| {
            Refusal::new(
                429,
                "throttled",
                "As many files are on their way as this site carries at once. Ask again later.",
            )
        })
    }
}

/// A job's task. Once it is dropped, the job is under way no more.
pub(super) struct UnderWay {
    jobs: Arc<Mutex<BTreeMap<String, State>>>,
    id: String,
    has_failed: bool,
}

impl UnderWay {
    /// Says how far the job has got. False if it is to stop.
    pub fn say(&self, progress: String) -> bool {
        match locked(&self.jobs).get_mut(&self.id) {
            Some(state) => {
                *state = State::Going(progress);
                true
            }
            None => false,
        }
    }

    /// Says why the job cannot be done, to whoever asks next.
    pub fn fail(mut self, refusal: Refusal) {
        self.has_failed = true;
        if let Some(state) = locked(&self.jobs).get_mut(&self.id) {
            *state = State::Failed(refusal);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.has_failed {
            locked(&self.jobs).remove(&self.id);
        }
    }
}
