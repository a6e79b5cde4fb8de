//! What a site keeps of its answering: its policy, what it granted at once lately, and what it has decided and not yet
//! carried through.

use super::AskError;
use crate::heart::now_ms;
use crate::site::Site;
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_log::ids::{FacilityId, ScopeTag};
use sanad_store::StoreError;

const POLICY_KEY: &str = "ask/policy";
/// Prefix; the facility in hexadecimal follows.
const AT_ONCE_KEY: &str = "ask/at-once/";
/// Prefix; the id of the grant's record follows.
const DECIDED_KEY: &str = "ask/decided/";
/// The day of the bound on what is granted at once.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// When this site answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// After a person here agrees.
    #[default]
    AskAPerson,
    /// At once, if exactly one person here fits in every part.
    AtOnce,
}

impl Policy {
    /// As commands and forms call it.
    pub fn name(self) -> &'static str {
        match self {
            Policy::AskAPerson => "ask-a-person",
            Policy::AtOnce => "at-once",
        }
    }

    /// The policy of that name.
    pub fn of_name(name: &str) -> Option<Policy> {
        [Policy::AskAPerson, Policy::AtOnce].into_iter().find(|policy| policy.name() == name)
    }
}

/// A grant that was decided. On the disk before anything of it is done, so that it is done whole.
#[derive(Clone, Encode, Decode)]
pub(super) struct Decision {
    /// The id of its record.
    #[n(0)]
    pub(super) id: String,
    #[n(1)]
    pub(super) patient: String,
    #[n(2)]
    pub(super) to: FacilityId,
    #[n(3)]
    pub(super) scopes: Vec<ScopeTag>,
    #[n(4)]
    pub(super) by: Option<String>,
    #[n(5)]
    pub(super) ask: Option<String>,
    /// How many charts are granted in answer to the ask, this one included.
    #[n(6)]
    pub(super) charts: u32,
    #[n(7)]
    pub(super) at_ms: u64,
    #[cbor(n(8), with = "minicbor::bytes")]
    pub(super) idempotency: [u8; 16],
}

impl Site {
    /// When this site answers asks.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn ask_policy(&self) -> Result<Policy, AskError> {
        let kept = self.look(|_, store| store.get_state(POLICY_KEY)).await??;
        let name = kept.and_then(|bytes| String::from_utf8(bytes).ok());
        // What cannot be read is the careful one.
        Ok(name.and_then(|name| Policy::of_name(&name)).unwrap_or_default())
    }

    /// Sets when this site answers asks.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn set_ask_policy(&self, policy: Policy) -> Result<(), AskError> {
        Ok(self.look(move |_, store| store.put_state(POLICY_KEY, Some(policy.name().as_bytes()))).await??)
    }

    /// Counts one answer at once to a facility, durably, if it has not had as many as a day allows. A clock that is set
    /// back brings none of them back; each day that it jumps ahead brings at most a day's.
    pub(super) async fn may_answer_at_once(&self, facility: FacilityId, most: usize) -> Result<bool, AskError> {
        let (key, now) = (format!("{AT_ONCE_KEY}{facility}"), now_ms());
        let counted = self.look(move |_, store| {
            let kept = store.get_state(&key)?.unwrap_or_default();
            let mut times: Vec<u64> = from_cbor(&kept).unwrap_or_default();
            times.retain(|time| *time > now.saturating_sub(DAY_MS));
            if times.len() >= most {
                return Ok(false);
            }
            times.push(now);
            store.put_state(&key, Some(&to_cbor(&times)))?;
            Ok::<_, StoreError>(true)
        });
        Ok(counted.await??)
    }

    pub(super) async fn keep_decision(&self, decision: &Decision) -> Result<(), AskError> {
        let (key, value) = (format!("{DECIDED_KEY}{}", decision.id), to_cbor(decision));
        Ok(self.look(move |_, store| store.put_state(&key, Some(&value))).await??)
    }

    pub(super) async fn drop_decision(&self, decision: &Decision) -> Result<(), AskError> {
        let key = format!("{DECIDED_KEY}{}", decision.id);
        Ok(self.look(move |_, store| store.put_state(&key, None)).await??)
    }

    pub(super) async fn decisions(&self) -> Result<Vec<Decision>, AskError> {
        let kept = self.look(|_, store| store.list_state(DECIDED_KEY)).await??;
        Ok(kept.into_iter().filter_map(|(_, value)| from_cbor(&value).ok()).collect())
    }
}
