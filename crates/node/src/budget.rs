//! Budgets: how many bytes a day may travel to and from a site, where links cost money or attention. What is urgent goes
//! first and always; once the budget is used up nothing else does until the next day, which is a day of this site's clock:
//! a clock that is wrong makes a budget too generous or too tight, and does no other harm.

use crate::heart::{Command, now_ms};
use crate::site::{Site, SiteError};
use sanad_log::ids::{DeviceId, FacilityId, Lane};
use sanad_log::replica::Input;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Prefix of the stored budgets, by facility.
const BUDGET_KEY: &str = "budget/";
/// Prefix of what was used, by facility.
const USED_KEY: &str = "used/";
/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3600 * 1000;
/// What was used is kept after so many more bytes: a crash forgets at most that.
const KEPT_BYTES: u64 = 64 * 1024;

/// A budget and how much of it was used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Budget {
    /// The other site.
    #[serde(skip)]
    pub facility: FacilityId,
    /// Its call sign.
    pub site: String,
    /// Bytes a day, both ways.
    pub bytes_a_day: u64,
    /// Bytes since this site's midnight, UTC.
    pub used_today: u64,
    /// Nothing but lanes 0 and 1 travels until the next day.
    pub used_up: bool,
}

/// One site's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Account {
    bytes_a_day: Option<u64>,
    day: u64,
    used: u64,
    /// Of what was used, what is kept.
    kept: u64,
}

impl Account {
    fn turn(&mut self, day: u64) {
        if self.day != day {
            (self.day, self.used, self.kept) = (day, 0, 0);
        }
    }

    fn lanes(&self) -> Lane {
        if self.bytes_a_day.is_some_and(|budget| self.used >= budget) { Lane::Urgent } else { Lane::Bulk }
    }

    /// Notes bytes. Returns whether what was used is to be kept now.
    fn spend(&mut self, day: u64, bytes: u64) -> bool {
        self.turn(day);
        self.used = self.used.saturating_add(bytes);
        let keep = self.used >= self.kept.saturating_add(KEPT_BYTES);
        if keep {
            self.kept = self.used;
        }
        keep
    }
}

/// Accounts of all sites, by facility.
pub(crate) type Accounts = BTreeMap<FacilityId, Account>;

fn today() -> u64 {
    now_ms() / DAY_MS
}

/// Reads the accounts at the start.
pub(crate) fn read(store: &sanad_store::Store) -> Result<Accounts, sanad_store::StoreError> {
    let mut accounts = Accounts::new();
    let number = |bytes: &[u8], at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    for (key, value) in store.list_state(BUDGET_KEY)? {
        if let Some(facility) = key.strip_prefix(BUDGET_KEY).and_then(FacilityId::from_hex) {
            accounts.entry(facility).or_default().bytes_a_day = number(&value, 0);
        }
    }
    for (key, value) in store.list_state(USED_KEY)? {
        let facility = key.strip_prefix(USED_KEY).and_then(FacilityId::from_hex);
        if let (Some(facility), Some(day), Some(used)) = (facility, number(&value, 0), number(&value, 8)) {
            let account = accounts.entry(facility).or_default();
            (account.day, account.used, account.kept) = (day, used, used);
        }
    }
    Ok(accounts)
}

impl Site {
    /// Sets how many bytes a day may travel to and from a site; `None` takes the bound away.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn set_budget(&self, facility: FacilityId, bytes_a_day: Option<u64>) -> Result<(), SiteError> {
        let kept = bytes_a_day.map(u64::to_be_bytes);
        let key = format!("{BUDGET_KEY}{facility}");
        self.look(move |_, store| store.put_state(&key, kept.as_ref().map(<[u8; 8]>::as_slice))).await??;
        self.accounts().entry(facility).or_default().bytes_a_day = bytes_a_day;
        self.limit(facility).await
    }

    /// All budgets that are set.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn budgets(&self) -> Result<Vec<Budget>, SiteError> {
        let day = today();
        let accounts: Vec<_> = {
            let mut accounts = self.accounts();
            accounts.values_mut().for_each(|account| account.turn(day));
            accounts.iter().map(|(facility, account)| (*facility, *account)).collect()
        };
        self.look(move |replica, _| {
            let budgets = accounts.into_iter().filter_map(|(facility, account)| {
                let site = replica.directory().facilities().get(&facility)?.call_sign.clone();
                let bytes_a_day = account.bytes_a_day?;
                let used_up = account.lanes() < Lane::Bulk;
                Some(Budget { facility, site, bytes_a_day, used_today: account.used, used_up })
            });
            budgets.collect()
        })
        .await
    }

    /// Notes bytes that travelled to and from a device, and tells the replica when that uses a budget up. What travels
    /// without a bound is not counted.
    pub(crate) async fn spend(&self, peer: DeviceId, bytes: u64) -> Result<(), SiteError> {
        if self.is_unmetered() {
            return Ok(());
        }
        let facility = self.look(move |replica, _| replica.directory().facility_of(&peer)).await?;
        let Some(facility) = facility else { return Ok(()) };
        let day = today();
        let (keep, used) = {
            let mut accounts = self.accounts();
            let Some(account) = accounts.get_mut(&facility).filter(|account| account.bytes_a_day.is_some()) else {
                return Ok(());
            };
            (account.spend(day, bytes), account.used)
        };
        if keep {
            let value = [day.to_be_bytes(), used.to_be_bytes()].concat();
            let key = format!("{USED_KEY}{facility}");
            // Not kept, a budget is more generous after a crash.
            drop(self.look(move |_, store| store.put_state(&key, Some(&value))).await?);
        }
        self.limit(facility).await
    }

    /// Keeps what was used, however little.
    pub(crate) async fn keep_accounts(&self) -> Result<(), SiteError> {
        let kept: Vec<_> = {
            let mut accounts = self.accounts();
            let changed = accounts.iter_mut().filter(|(_, account)| account.used > account.kept);
            changed
                .map(|(facility, account)| {
                    account.kept = account.used;
                    let value = [account.day.to_be_bytes(), account.used.to_be_bytes()].concat();
                    (format!("{USED_KEY}{facility}"), value)
                })
                .collect()
        };
        if !kept.is_empty() {
            let put = move |_: &_, store: &mut sanad_store::Store| {
                kept.iter().for_each(|(key, value)| drop(store.put_state(key, Some(value))));
            };
            self.look(put).await?;
        }
        Ok(())
    }

    /// Tells the replica which lanes travel to and from the devices of a site now.
    pub(crate) async fn limit(&self, facility: FacilityId) -> Result<(), SiteError> {
        let lanes = {
            let mut accounts = self.accounts();
            let Some(account) = accounts.get_mut(&facility) else { return Ok(()) };
            account.turn(today());
            account.lanes()
        };
        let of_facility = move |replica: &sanad_log::replica::Replica, _: &mut sanad_store::Store| {
            let devices = replica.directory().devices().iter();
            devices.filter(|(_, of)| **of == facility).map(|(device, _)| *device).collect::<Vec<_>>()
        };
        for device in self.look(of_facility).await? {
            self.send(Command::Session(Input::Limit(device, lanes))).await?;
        }
        Ok(())
    }

    /// The same for all sites with a budget: at the beginning of a session, since a day may have begun.
    pub(crate) async fn limit_all(&self) -> Result<(), SiteError> {
        let facilities: Vec<_> = {
            let accounts = self.accounts();
            let bounded = accounts.iter().filter(|(_, account)| account.bytes_a_day.is_some());
            bounded.map(|(facility, _)| *facility).collect()
        };
        for facility in facilities {
            self.limit(facility).await?;
        }
        Ok(())
    }

    /// True if no site has a budget: then nothing is counted.
    pub(crate) fn is_unmetered(&self) -> bool {
        self.accounts().values().all(|account| account.bytes_a_day.is_none())
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, Accounts> {
        self.all_accounts().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_used_up_leaves_what_is_urgent_until_the_next_day() {
        let mut account = Account { bytes_a_day: Some(100_000), ..Account::default() };
        assert!(!account.spend(7, 60_000) && account.lanes() == Lane::Bulk);
        assert!(account.spend(7, 40_000) && account.lanes() == Lane::Urgent);
        account.turn(7);
        assert_eq!(account.lanes(), Lane::Urgent);
        account.turn(8);
        assert_eq!((account.lanes(), account.used), (Lane::Bulk, 0));
        let mut unbounded = Account::default();
        unbounded.spend(7, u64::MAX);
        unbounded.spend(7, u64::MAX);
        assert_eq!(unbounded.lanes(), Lane::Bulk);
    }
}
