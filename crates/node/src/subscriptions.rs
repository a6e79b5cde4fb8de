//! Which Subscriptions this site delivers, and how far each has come.
//!
//! A Subscription replicates as every resource does, and only the site whose interface took it delivers it: it alone knows
//! the token that asked, and with that what may be told. What it knows of each stands here, beside the log, and leaves with
//! nothing.

use crate::site::{Site, SiteError};
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_store::{Place, StoreError};
use tokio::sync::MutexGuard;

/// Prefix of what is kept of each.
const SUBSCRIPTION_KEY: &str = "subscription/";
/// Most Subscriptions that one site delivers; every one is a task, and reads what has changed for itself.
pub const SUBSCRIPTIONS_MAX: usize = 256;

/// A Subscription that is delivered here.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Subscribed {
    /// The id of the resource.
    #[n(0)]
    pub id: String,
    /// The id of the token that asked for it.
    #[n(1)]
    pub token: String,
    /// What was asked for, as a hash: what is said elsewhere is not delivered here.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub terms: [u8; 32],
    #[n(3)]
    place: i64,
    /// Since when its endpoint has taken nothing, milliseconds since 1970.
    #[n(4)]
    pub failing_since_ms: Option<u64>,
}

impl Subscribed {
    /// One that begins at a place.
    pub fn new(id: &str, token: &str, terms: [u8; 32], place: Place) -> Subscribed {
        Subscribed { id: id.to_owned(), token: token.to_owned(), terms, place: place.0, failing_since_ms: None }
    }

    /// Behind which change it stands.
    pub fn place(&self) -> Place {
        Place(self.place)
    }

    /// The same, further on, with an endpoint that has taken something.
    pub fn told(&self, place: Place) -> Subscribed {
        Subscribed { failing_since_ms: None, ..self.at(place) }
    }

    /// The same, further on.
    pub fn at(&self, place: Place) -> Subscribed {
        Subscribed { place: place.0, ..self.clone() }
    }
}

impl Site {
    /// Held while a Subscription is saved by the interface or judged, so that what is judged is what was asked for.
    pub async fn subscribing(&self) -> MutexGuard<'_, ()> {
        self.subscribing_lock().lock().await
    }

    /// The Subscriptions that are delivered here, by id.
    ///
    /// # Errors
    /// Input/output.
    pub fn subscriptions(&self) -> Result<Vec<Subscribed>, StoreError> {
        let kept = self.reader().list_state(SUBSCRIPTION_KEY)?;
        // One that cannot be read is delivered to nobody: its owner sees that nothing comes, and asks again.
        Ok(kept.iter().filter_map(|(_, value)| from_cbor(value).ok()).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// Input/output.
    pub fn subscription(&self, id: &str) -> Result<Option<Subscribed>, StoreError> {
        let kept = self.reader().get_state(&format!("{SUBSCRIPTION_KEY}{id}"))?;
        Ok(kept.and_then(|value| from_cbor(&value).ok()))
    }

    /// Keeps what is known of one; durable when this returns.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn keep_subscription(&self, subscribed: Subscribed) -> Result<(), SiteError> {
        let (key, value) = (format!("{SUBSCRIPTION_KEY}{}", subscribed.id), to_cbor(&subscribed));
        Ok(self.look(move |_, store| store.put_state(&key, Some(&value))).await??)
    }

    /// Keeps how far one has come, if it is still the one that is kept: it may have been asked for anew meanwhile.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn keep_place(&self, subscribed: Subscribed) -> Result<(), SiteError> {
        let (key, value) = (format!("{SUBSCRIPTION_KEY}{}", subscribed.id), to_cbor(&subscribed));
        let kept = self.look(move |_, store| {
            let before: Option<Subscribed> = store.get_state(&key)?.and_then(|kept| from_cbor(&kept).ok());
            match before {
                Some(before) if before.terms == subscribed.terms && before.token == subscribed.token => {
                    store.put_state(&key, Some(&value))
                }
                _ => Ok(()),
            }
        });
        Ok(kept.await??)
    }

    /// Delivers one no more.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn forget_subscription(&self, id: &str) -> Result<(), SiteError> {
        let key = format!("{SUBSCRIPTION_KEY}{id}");
        Ok(self.look(move |_, store| store.put_state(&key, None)).await??)
    }
}
