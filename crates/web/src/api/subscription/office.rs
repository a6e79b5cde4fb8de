//! Judges the Subscriptions that this site delivers, says in each what became of it, and sends a courier for each that can
//! be carried.

use super::SUBSCRIPTION;
use super::courier::{Back, Courier};
use super::terms::{self, Terms};
use crate::api::access::Caller;
use crate::api::audit::Opened;
use sanad_node::discover::stopped;
use sanad_node::hook::Reach;
use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::{Site, SiteError, now_ms};
use sanad_node::subscriptions::Subscribed;
use sanad_record::json::{Edits, parse_object};
use sanad_record::key::ResourceKey;
use sanad_store::{Place, Resource, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};

/// Endpoints that are told at once. The slowest of them holds its place for ten seconds.
const TOLD_AT_ONCE_MAX: usize = 16;
/// How often all are judged, whether or not one was saved: tokens and times end by themselves.
const JUDGE_EVERY: Duration = Duration::from_secs(10);
/// Changes looked at together.
const PAGE: u32 = 1_000;

/// A courier under way.
struct Running {
    terms: [u8; 32],
    token: String,
    stop: watch::Sender<bool>,
    task: AbortHandle,
}

struct Office {
    site: Site,
    reach: Reach,
    opened: Opened,
    slots: Arc<Semaphore>,
    running: BTreeMap<String, Running>,
    couriers: JoinSet<(String, Back)>,
    /// Behind which change the Subscriptions were last looked at.
    place: Place,
}

/// Delivers the Subscriptions of a site until it is told to stop, or the site is closed.
pub async fn deliver(site: Site, reach: Reach, mut until: watch::Receiver<bool>) {
    let mut changes = site.changes();
    let place = site.reader().changes_end().unwrap_or(Place(0));
    let mut office = Office {
        site,
        reach,
        opened: Opened::default(),
        slots: Arc::new(Semaphore::new(TOLD_AT_ONCE_MAX)),
        running: BTreeMap::new(),
        couriers: JoinSet::new(),
        place,
    };
    let mut judging = tokio::time::interval(JUDGE_EVERY);
    judging.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let is_due = tokio::select! {
            () = stopped(&mut until) => break,
            _ = judging.tick() => true,
            changed = changes.changed() => match changed {
                Ok(()) => office.has_news(),
                Err(_) => break,
            },
            Some(back) = office.couriers.join_next() => office.is_back(back.ok()).await,
        };
        if is_due {
            // What cannot be read or saved now is tried again at the next turn.
            drop(office.judge_all().await);
        }
    }
    for running in office.running.values() {
        running.stop.send_replace(true);
    }
    while office.couriers.join_next().await.is_some() {}
}

impl Office {
    /// Whether a Subscription is among what has changed.
    fn has_news(&mut self) -> bool {
        let mut found = false;
        loop {
            let page = tokio::task::block_in_place(|| self.site.reader().changes_after(self.place, PAGE));
            let Ok(page) = page else { return found };
            found |= page.changed.iter().any(|(_, key)| key.resource_type == SUBSCRIPTION);
            self.place = page.end;
            if !page.has_more {
                return found;
            }
        }
    }

    /// A courier has come back. True if its Subscription has to be judged.
    async fn is_back(&mut self, back: Option<(String, Back)>) -> bool {
        self.running.retain(|_, running| !running.task.is_finished());
        // One that panicked is sent again at the next turn, and not at once.
        let Some((id, back)) = back else { return false };
        if let Back::GivenUp(error) = back {
            let _alone = self.site.subscribing().await;
            let why = format!("Nothing could be delivered for seven days: {error}.");
            if let Ok(Some(resource)) = self.resource(&id)
                && self.turn(&resource, "error", Some(&why)).await.is_ok()
            {
                drop(self.site.forget_subscription(&id).await);
            }
        }
        true
    }

    async fn judge_all(&mut self) -> Result<(), SiteError> {
        let site = self.site.clone();
        let _alone = site.subscribing().await;
        let kept = tokio::task::block_in_place(|| site.subscriptions())?;
        let gone = |id: &String| kept.iter().all(|kept| kept.id != *id);
        for id in self.running.keys().filter(|id| gone(id)) {
            self.stop(id);
        }
        for subscribed in kept {
            // One that cannot be judged now keeps no other from it.
            drop(self.judge(subscribed).await);
        }
        Ok(())
    }

    async fn judge(&mut self, subscribed: Subscribed) -> Result<(), SiteError> {
        let found = self.resource(&subscribed.id)?;
        let Some((resource, raw)) = found.and_then(|found| found.raw.clone().map(|raw| (found, raw))) else {
            return self.end(&subscribed.id).await;
        };
        if !resource.conflicts.is_empty() {
            // What two sites say differently is nobody's wish; the place is kept until somebody settles it.
            self.stop(&subscribed.id);
            return Ok(());
        }
        if !terms::is_wanted(&raw) {
            return self.end(&subscribed.id).await;
        }
        match self.verdict(&subscribed, &raw) {
            Verdict::Carry(terms) => {
                if terms::status(&raw).as_deref() != Some("active") {
                    self.turn(&resource, "active", None).await?;
                }
                self.send_courier(subscribed, *terms);
                Ok(())
            }
            Verdict::Off(why) => {
                self.turn(&resource, "off", why.as_deref()).await?;
                self.end(&subscribed.id).await
            }
            Verdict::Error(why) => {
                self.turn(&resource, "error", Some(&why)).await?;
                self.end(&subscribed.id).await
            }
        }
    }

    fn verdict(&self, subscribed: &Subscribed, raw: &[u8]) -> Verdict {
        if terms::hash(raw) != subscribed.terms {
            let why = "What it asks for was changed at another site. Save it again at the site that is to deliver it.";
            return Verdict::Error(why.to_owned());
        }
        let Some(token) = self.site.token_named(&subscribed.token) else {
            return Verdict::Off(Some("The token that asked for this is over.".to_owned()));
        };
        let terms = match terms::read(raw, self.reach, now_ms()) {
            Ok(terms) => terms,
            Err(why) => return Verdict::Error(why),
        };
        if let Err(why) = terms.are_within(&Caller::with(token)) {
            return Verdict::Error(why);
        }
        match terms.end_ms {
            Some(end) if now_ms() >= end => Verdict::Off(None),
            _ => Verdict::Carry(Box::new(terms)),
        }
    }

    fn resource(&self, id: &str) -> Result<Option<Resource>, StoreError> {
        let key = ResourceKey::new(SUBSCRIPTION, id).map_err(|_| StoreError::DamagedFile)?;
        tokio::task::block_in_place(|| self.site.reader().resource(&key))
    }

    fn send_courier(&mut self, subscribed: Subscribed, terms: Terms) {
        let id = subscribed.id.clone();
        match self.running.get(&id) {
            Some(running) if running.terms == subscribed.terms && running.token == subscribed.token => return,
            // The next is sent when this one is back.
            Some(_) => return self.stop(&id),
            None => {}
        }
        let (stop, until) = watch::channel(false);
        let (terms_hash, token) = (subscribed.terms, subscribed.token.clone());
        let courier = Courier {
            site: self.site.clone(),
            reach: self.reach,
            opened: self.opened.clone(),
            slots: self.slots.clone(),
            until,
            subscribed,
            terms,
        };
        let name = id.clone();
        let task = self.couriers.spawn(async move { (name, courier.deliver().await) });
        self.running.insert(id, Running { terms: terms_hash, token, stop, task });
    }

    fn stop(&self, id: &str) {
        if let Some(running) = self.running.get(id) {
            running.stop.send_replace(true);
        }
    }

    async fn end(&self, id: &str) -> Result<(), SiteError> {
        self.stop(id);
        self.site.forget_subscription(id).await
    }

    /// Says in the resource what became of it: a version like any other, unless somebody else has saved one meanwhile.
    async fn turn(&self, resource: &Resource, status: &str, error: Option<&str>) -> Result<(), SiteError> {
        let raw = resource.raw.as_deref().unwrap_or_default();
        let said = with_status(raw, status, error)
            .ok_or_else(|| SiteError::BadResource(format!("{}: not JSON", resource.key)))?;
        let change =
            Change { key: resource.key.clone(), raw: Some(said), about: None, follows: Some(resource.heads.clone()) };
        let by = Some("subscription".to_owned());
        self.site.save_unchanged(SaveRequest { changes: vec![change], idempotency: None, by }).await.map(drop)
    }
}

enum Verdict {
    Carry(Box<Terms>),
    Off(Option<String>),
    Error(String),
}

/// A Subscription with another status, and all its other bytes as they were.
fn with_status(raw: &[u8], status: &str, error: Option<&str>) -> Option<Vec<u8>> {
    let node = parse_object(raw).ok()?;
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut edits = Edits::default();
    edits.set_member(raw, &node, "status", &text(status), &["id", "resourceType"]);
    match error {
        Some(error) => edits.set_member(raw, &node, "error", &text(error), &["reason", "status"]),
        None => edits.remove_members(&node, &["error"]),
    }
    Some(edits.apply(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_changed_and_nothing_else() {
        let raw = br#"{ "resourceType":"Subscription", "status":"requested", "error":"old", "criteria":"Flag" }"#;
        let active = with_status(raw, "active", None).unwrap();
        assert_eq!(
            String::from_utf8(active).unwrap(),
            r#"{ "resourceType":"Subscription", "status":"active", "criteria":"Flag" }"#
        );
        let error = with_status(br#"{"resourceType":"Subscription","criteria":"Flag"}"#, "error", Some("No.")).unwrap();
        let error: serde_json::Value = serde_json::from_slice(&error).unwrap();
        assert_eq!(
            (&error["status"], &error["error"], &error["criteria"]),
            (&"error".into(), &"No.".into(), &"Flag".into())
        );
    }
}
