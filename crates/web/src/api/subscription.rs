//! Subscriptions: telling an endpoint of what changes, by `rest-hook` (FHIR R4 §2.46).
//!
//! Promises, each with a test of its name:
//! - **In order, at least once.** What matches is told after every change, as it says then, in the order in which it came to
//!   be known here; after a restart, or while an endpoint is away, nothing is left out.
//! - **Need to know.** An endpoint learns no more than the token that asked could read itself at that moment; once that
//!   token is over, nothing.
//! - **One bad endpoint holds up nobody.**
//!
//! A Subscription replicates as every resource does. It is delivered by the one site whose interface took it, which keeps
//! beside the log who asked, what was asked (as a hash) and how far it has come (`sanad_node::subscriptions`). What another
//! site wrote into it since is judged as anything is: it may end a Subscription, and never lead it elsewhere.

mod courier;
mod office;
mod terms;

use super::Api;
use super::access::Caller;
use super::outcome::Refusal;
use sanad_node::save::Change;
use sanad_node::subscriptions::{SUBSCRIPTIONS_MAX, Subscribed};

pub use office::deliver;

/// The type that this is about.
const SUBSCRIPTION: &str = "Subscription";

/// A Subscription that is being saved: its id, and what it asks for.
pub(super) struct Asked {
    id: String,
    terms: [u8; 32],
}

/// The Subscriptions among what is to be saved.
pub(super) fn asked(changes: &[Change]) -> Vec<Asked> {
    let own = changes.iter().filter(|change| change.key.resource_type == SUBSCRIPTION);
    own.filter_map(|change| {
        let raw = change.raw.as_deref()?;
        terms::is_wanted(raw).then(|| Asked { id: change.key.id.clone(), terms: terms::hash(raw) })
    })
    .collect()
}

/// Refuses more Subscriptions than a site delivers, before they are saved.
pub(super) fn may_be_asked(api: &Api, asked: &[Asked]) -> Result<(), Refusal> {
    let kept = api.site().subscriptions()?;
    let new = asked.iter().filter(|asked| kept.iter().all(|kept| kept.id != asked.id)).count();
    if kept.len() + new <= SUBSCRIPTIONS_MAX {
        return Ok(());
    }
    Err(Refusal::new(
        422,
        "too-costly",
        "This site delivers as many Subscriptions as it can. Nothing was saved; take one back first.",
    ))
}

/// Takes note of Subscriptions that were saved. One whose terms are as before stays with the token that asked for it.
pub(super) async fn accepted(api: &Api, caller: &Caller, asked: Vec<Asked>) -> Result<(), Refusal> {
    let site = api.site();
    for Asked { id, terms } in asked {
        let before = site.subscription(&id)?;
        let is_same = |before: &Subscribed| before.terms == terms && site.token_named(&before.token).is_some();
        if before.as_ref().is_some_and(is_same) {
            continue;
        }
        let place = match &before {
            Some(before) => before.place(),
            None => site.reader().changes_end()?,
        };
        let kept = Subscribed::new(&id, &caller.token.id, terms, place);
        site.keep_subscription(kept).await.map_err(|_| {
            Refusal::new(
                507,
                "no-store",
                "The Subscription was saved, but the disk did not take that it is to be delivered. Save it again.",
            )
        })?;
    }
    Ok(())
}
