//! Guessing at a PIN gets slower: per call sign, whether somebody is called so or not.
//!
//! It lives in memory: whoever can restart the process has the passphrase and needs no PIN.

use std::collections::BTreeMap;

/// Wrong PINs that cost nothing: people mistype, with gloves, in the dark.
pub const FREE_TRIES: u32 = 5;
/// The first wait; it doubles with every further wrong PIN.
const WAIT_MS_FIRST: u64 = 15_000;
/// The longest wait: a person who has been locked out by another's guessing is back within one handover.
pub const WAIT_MS_MAX: u64 = 15 * 60 * 1000;
/// After this long without a try the count begins anew.
const FORGET_MS: u64 = 24 * 60 * 60 * 1000;
/// Call signs of nobody that are remembered; beyond it the one tried longest ago is forgotten. Those of people always are.
const STRANGERS_MAX: usize = 1_024;
/// Most letters of a call sign that are looked at: the longest has 64 bytes.
pub(super) const KEY_CHARS_MAX: usize = 64;

#[derive(Clone, Copy)]
struct Wrong {
    count: u32,
    last_ms: u64,
    is_known: bool,
}

/// Who has been guessed at.
#[derive(Default)]
pub(crate) struct Throttle {
    wrong: BTreeMap<String, Wrong>,
}

impl Throttle {
    /// How long the next PIN for this call sign has to wait; zero if not at all.
    pub(super) fn wait_ms(&self, key: &str, now_ms: u64) -> u64 {
        let Some(wrong) = self.wrong.get(key) else { return 0 };
        let Some(doublings) = wrong.count.checked_sub(FREE_TRIES) else { return 0 };
        let wait_ms = WAIT_MS_FIRST.saturating_mul(1 << doublings.min(20)).min(WAIT_MS_MAX);
        wrong.last_ms.saturating_add(wait_ms).saturating_sub(now_ms).min(WAIT_MS_MAX)
    }

    /// Takes note of a wrong PIN.
    pub(super) fn wrong(&mut self, key: String, is_known: bool, now_ms: u64) {
        let before = self.wrong.get(&key).filter(|wrong| now_ms.saturating_sub(wrong.last_ms) < FORGET_MS);
        let count = before.map_or(0, |wrong| wrong.count).saturating_add(1);
        let strangers = || self.wrong.iter().filter(|(_, wrong)| !wrong.is_known);
        if !is_known && before.is_none() && strangers().count() >= STRANGERS_MAX {
            let oldest = strangers().min_by_key(|(_, wrong)| wrong.last_ms).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.wrong.remove(&oldest));
        }
        self.wrong.insert(key, Wrong { count, last_ms: now_ms, is_known });
    }

    /// Takes note of a right PIN: this call sign starts afresh.
    pub(super) fn right(&mut self, key: &str) {
        self.wrong.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_ends_and_a_right_pin_forgives() {
        let mut throttle = Throttle::default();
        for _ in 0..FREE_TRIES {
            assert_eq!(throttle.wait_ms("heron", 0), 0);
            throttle.wrong("heron".to_owned(), true, 0);
        }
        assert_eq!(throttle.wait_ms("heron", 0), WAIT_MS_FIRST);
        assert_eq!(throttle.wait_ms("swift", 0), 0, "another is not punished");
        throttle.wrong("heron".to_owned(), true, WAIT_MS_FIRST);
        assert_eq!(throttle.wait_ms("heron", WAIT_MS_FIRST), 2 * WAIT_MS_FIRST);
        (0..40).for_each(|_| throttle.wrong("heron".to_owned(), true, 0));
        assert_eq!(throttle.wait_ms("heron", 0), WAIT_MS_MAX);
        // A clock that was set back keeps nobody out for longer than that.
        throttle.wrong("heron".to_owned(), true, 1 << 60);
        assert_eq!(throttle.wait_ms("heron", 0), WAIT_MS_MAX);
        throttle.right("heron");
        assert_eq!(throttle.wait_ms("heron", 0), 0);
    }

    #[test]
    fn made_up_call_signs_push_nobody_out() {
        let mut throttle = Throttle::default();
        (0..=FREE_TRIES).for_each(|_| throttle.wrong("heron".to_owned(), true, 0));
        for number in 0..2 * STRANGERS_MAX {
            throttle.wrong(format!("nobody {number}"), false, 1 + number as u64);
        }
        assert_eq!(throttle.wrong.len(), STRANGERS_MAX + 1);
        assert!(throttle.wait_ms("heron", 0) > 0);
    }
}
