//! Searches that came in a body, kept for their next pages.
//!
//! Whoever posts a search does so because what is looked for must not stand in an address, where programs on the way write
//! it down, or because it is too long for one. So the address of the next page names what was kept, and nothing of it.

use super::access::Caller;
use super::call::Call;
use super::change::new_id;
use super::outcome::Refusal;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The parameter that names a kept search.
const NAME: &str = "_kept";
/// Most searches kept, and their bytes: the oldest goes first.
const SEARCHES_MAX: usize = 256;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is kept, in memory alone.
#[derive(Default)]
pub(crate) struct Kept(Mutex<VecDeque<Search>>);

struct Search {
    id: String,
    token: String,
    pairs: Vec<(String, String)>,
}

impl Search {
    fn bytes(&self) -> usize {
        self.pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl Kept {
    /// The parameters of the next page's address.
    pub(super) fn next(&self, caller: &Caller, call: &Call, after: &str) -> String {
        let id = call.kept.clone().unwrap_or_else(|| self.keep(caller, call));
        format!("{NAME}={id}&_after={after}")
    }

    fn keep(&self, caller: &Caller, call: &Call) -> String {
        let pairs = call.pairs.iter().filter(|(name, _)| name != "_after").cloned().collect();
        let search = Search { id: new_id(), token: caller.token.id.clone(), pairs };
        let id = search.id.clone();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = search.bytes() + kept.iter().map(Search::bytes).sum::<usize>();
        while kept.len() >= SEARCHES_MAX || bytes > BYTES_MAX {
            let Some(oldest) = kept.pop_front() else { break };
            bytes -= oldest.bytes();
        }
        kept.push_back(search);
        id
    }

    /// A request as it was asked first: what it names is put in its place.
    ///
    /// # Errors
    /// 410 if nothing of that name is kept for this token.
    pub(super) fn resumed(&self, caller: &Caller, call: &Call) -> Result<Call, Refusal> {
        let Some((_, id)) = call.pairs.iter().find(|(name, _)| name == NAME) else { return Ok(call.clone()) };
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let search = kept.iter().find(|search| search.id == *id && search.token == caller.token.id);
        let gone =
            "This search is not known any more: too many came after it, or the site was started again. Ask it anew.";
        let search = search.ok_or_else(|| Refusal::new(410, "expired", gone))?;
        let after = call.pairs.iter().filter(|(name, _)| name == "_after").cloned();
        let pairs = search.pairs.iter().cloned().chain(after).collect();
        Ok(Call { pairs, kept: Some(id.clone()), from_body: true, ..call.clone() })
    }
}
