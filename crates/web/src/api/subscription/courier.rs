//! Delivers one Subscription: follows what changes, tells its endpoint, and waits where that takes nothing.

use super::terms::Terms;
use crate::api::access::Caller;
use crate::api::audit::Opened;
use crate::api::reply::leaving;
use bytes::Bytes;
use sanad_node::discover::stopped;
use sanad_node::hook::{Content, Hook, HookError, Notice, Reach};
use sanad_node::site::{Site, now_ms};
use sanad_node::subscriptions::Subscribed;
use sanad_record::key::ResourceKey;
use sanad_store::{Place, Resource, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Changes looked at together; after as many the place is written down if anything was told.
const PAGE: u32 = 64;
/// Changes that concern nobody, after which the place is written down all the same.
const UNWRITTEN_MAX: i64 = 1_000;
/// How long changes are gathered before they are looked at.
const GATHER: Duration = Duration::from_millis(20);
/// How often changes are looked for where none was announced.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The first wait after an endpoint has failed; it doubles up to the last.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LAST: Duration = Duration::from_secs(3_600);
/// The wait after the store could not be read.
const WAIT_STORE: Duration = Duration::from_secs(10);
/// An endpoint that has taken nothing for this long is given up: longer than a generator waits for fuel.
const FAILING_MS_MAX: u64 = 7 * 86_400_000;

/// Why a courier came back.
pub(super) enum Back {
    /// It was told to, or the Subscription has to be judged again.
    ToBeJudged,
    /// The endpoint was given up, and why.
    GivenUp(HookError),
}

/// What became of one change.
enum Told {
    Yes,
    /// It concerns nobody here.
    No,
    /// The token or the time is over.
    Over,
    /// The endpoint has not taken it.
    Failed(HookError),
    /// The store could not be read.
    Unread,
}

pub(super) struct Courier {
    pub site: Site,
    pub reach: Reach,
    pub opened: Opened,
    /// One is held while an endpoint is told: it bounds memory and sockets.
    pub slots: Arc<Semaphore>,
    pub until: watch::Receiver<bool>,
    pub subscribed: Subscribed,
    pub terms: Terms,
}

impl Courier {
    /// Delivers until there is a reason to come back.
    pub async fn deliver(mut self) -> Back {
        let mut changes = self.site.changes();
        let mut hook = Hook::new(self.terms.endpoint.clone(), self.reach);
        let mut wait = WAIT_FIRST;
        let mut written = self.subscribed.place();
        loop {
            changes.borrow_and_update();
            let from = self.subscribed.place();
            let Ok(page) = tokio::task::block_in_place(|| self.site.reader().changes_after(from, PAGE)) else {
                if self.paused(WAIT_STORE).await {
                    return Back::ToBeJudged;
                }
                continue;
            };
            let mut told_any = page.is_anew;
            let mut stuck = None;
            for (place, key) in &page.changed {
                if *self.until.borrow() {
                    break;
                }
                match self.tell(&mut hook, key).await {
                    Told::Yes => {
                        wait = WAIT_FIRST;
                        told_any = true;
                        self.subscribed = self.subscribed.told(*place);
                    }
                    Told::No => self.subscribed = self.subscribed.at(*place),
                    told => {
                        stuck = Some(told);
                        break;
                    }
                }
            }
            if let Some(told) = stuck {
                let pause = match told {
                    Told::Failed(error) => {
                        let since_ms = *self.subscribed.failing_since_ms.get_or_insert(now_ms());
                        if now_ms().saturating_sub(since_ms) >= FAILING_MS_MAX {
                            return Back::GivenUp(error);
                        }
                        let pause = wait;
                        wait = (wait * 2).min(WAIT_LAST);
                        pause
                    }
                    Told::Unread => WAIT_STORE,
                    _ => Duration::ZERO,
                };
                self.write(&mut written).await;
                if matches!(told, Told::Over) || self.paused(pause).await {
                    return Back::ToBeJudged;
                }
                continue;
            }
            if !*self.until.borrow() {
                self.subscribed = self.subscribed.at(page.end);
            }
            if told_any || self.subscribed.place().0 - written.0 >= UNWRITTEN_MAX || *self.until.borrow() {
                self.write(&mut written).await;
            }
            if *self.until.borrow() {
                return Back::ToBeJudged;
            }
            if !page.has_more {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return Back::ToBeJudged },
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stopped(&mut self.until) => {}
                }
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// Waits; true if it is time to stop.
    async fn paused(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, stopped(&mut self.until)).await.is_ok()
    }

    /// Writes down how far it has come. What cannot be written is told again after a restart.
    async fn write(&self, written: &mut Place) {
        if self.site.keep_place(self.subscribed.clone()).await.is_ok() {
            *written = self.subscribed.place();
        }
    }

    /// Tells of one resource as it says now, if it fits.
    async fn tell(&self, hook: &mut Hook, key: &ResourceKey) -> Told {
        if key.resource_type != self.terms.resource_type {
            return Told::No;
        }
        let mut until = self.until.clone();
        let _slot = tokio::select! {
            Ok(slot) = self.slots.acquire() => slot,
            () = stopped(&mut until) => return Told::Over,
            else => return Told::Over,
        };
        let is_ended = self.terms.end_ms.is_some_and(|end| now_ms() >= end);
        let Some(token) = self.site.token_named(&self.subscribed.token).filter(|_| !is_ended) else {
            return Told::Over;
        };
        let caller = Caller::with(token);
        let resource = match tokio::task::block_in_place(|| self.site.reader().resource(key)) {
            Ok(Some(resource)) if self.terms.fit(&caller, &resource) => resource,
            Ok(_) => return Told::No,
            // What cannot be read any more stops nobody; it counts as new once the database has been made anew.
            Err(StoreError::DamagedFile) => return Told::No,
            Err(_) => return Told::Unread,
        };
        let notice = self.notice(&resource);
        let told = hook.tell(&notice).await;
        let has_left = told.is_ok() || told.is_err_and(|error| !error.is_before_anything_left());
        if notice.content.is_some() && has_left {
            self.opened.note(&self.site, &caller, resource.patients.iter().take(1));
        }
        told.map_or_else(Told::Failed, |()| Told::Yes)
    }

    fn notice(&self, resource: &Resource) -> Notice {
        let content = self.terms.media_type.clone().map(|media_type| Content {
            path: resource.key.to_string(),
            media_type,
            body: Bytes::from(leaving(resource)),
        });
        Notice { headers: self.terms.headers.clone(), content }
    }
}
