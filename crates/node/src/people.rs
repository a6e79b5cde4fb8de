//! The people of a site: who may sign in to its screens, as what, and with which PIN.
//!
//! People are call signs, never names. They are of this site alone: what is kept here stands in the encrypted store beside
//! the log and leaves with no carrier; only a `Practitioner` with the call sign goes into the record, so that authorship
//! can be shown. A PIN opens screens, never the vault: whoever takes the device while it is off needs the passphrase.
//!
//! A caller may rely on: a PIN is kept as Argon2id alone; a wrong one and an unknown call sign take the same time and
//! answer the same; there is always somebody active who may say who signs in; time comes in as an argument.

use crate::roles::{Capability, Role, allows};
use crate::save::{Change, SaveRequest};
use crate::site::{Site, SiteError, system_entropy};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, is_call_sign, to_cbor};
use sanad_log::entropy::Entropy;
use sanad_record::identifier::identifier_key;
use sanad_record::key::ResourceKey;
use sanad_store::{KdfCost, Store, StoreError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

mod throttle;
pub use throttle::{FREE_TRIES, WAIT_MS_MAX};

/// Prefix of the stored people.
const PERSON_KEY: &str = "person/";
/// The setting after how many idle minutes a screen locks itself.
const LOCK_KEY: &str = "people-lock-minutes";
/// Most people of one site, disabled ones included: the staff of a large hospital with every shift it ever had.
pub const PEOPLE_MAX: usize = 2_000;
/// Fewest digits of a PIN. With the growing wait a year of guessing at one call sign tries some 35,000 of a million.
pub const PIN_DIGITS_MIN: usize = 6;
/// Most digits of a PIN; more is a password that nobody types with gloves on.
pub const PIN_DIGITS_MAX: usize = 12;
/// Minutes until an idle screen locks itself, where nobody chose otherwise.
pub const LOCK_MINUTES_DEFAULT: u64 = 3;
/// Most of them: an hour, for a theatre's screen.
pub const LOCK_MINUTES_MAX: u64 = 60;
/// Tries to draw a PIN that is not too plain; one in a few thousand is.
const DRAWS_MAX: usize = 100;

/// Why something about people could not be done. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// The site is being closed, or the disk refused.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A call sign is one line of up to 64 bytes of visible text.
    #[error("the call sign cannot be shown")]
    BadCallSign,
    /// Somebody is called so already.
    #[error("somebody has that call sign")]
    Taken,
    /// Nobody is called so.
    #[error("nobody has that call sign")]
    Unknown,
    /// A PIN is [`PIN_DIGITS_MIN`] to [`PIN_DIGITS_MAX`] digits, neither all the same nor in a row.
    #[error("the PIN is too short, too long or too plain")]
    BadPin,
    /// The first person is a technician, and is made as the first.
    #[error("the first person is a technician")]
    FirstIsTechnician,
    /// People are there already.
    #[error("there are people already")]
    NotFirst,
    /// Nobody would be left who may say who signs in.
    #[error("nobody would be left who may say who signs in")]
    LastTechnician,
    /// There are [`PEOPLE_MAX`] people.
    #[error("there are as many people as there may be")]
    TooMany,
}

/// Why somebody was not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotIn {
    /// The call sign and the PIN do not belong together, or nobody is called so, or not any more: all look the same.
    Wrong,
    /// The PIN was not even looked at: so many milliseconds are to be waited.
    Wait(u64),
}

/// Somebody who may sign in here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// By which everything of theirs is signed on the screens.
    pub call_sign: String,
    /// What they may do.
    pub role: Role,
    /// True if they may not sign in any more.
    pub is_disabled: bool,
    /// When they were added, milliseconds since 1970.
    pub created_ms: u64,
    /// The id of their `Practitioner`.
    pub practitioner: String,
}

/// A person as kept. Later fields are added with new numbers.
#[derive(Clone, Encode, Decode)]
struct Kept {
    #[n(0)]
    call_sign: String,
    #[n(1)]
    role: String,
    #[n(2)]
    is_disabled: bool,
    #[n(3)]
    created_ms: u64,
    #[n(4)]
    practitioner: String,
    #[n(5)]
    pin: Pin,
}

/// What is kept of a PIN.
#[derive(Clone, Encode, Decode)]
struct Pin {
    #[n(0)]
    salt: ByteArray<16>,
    #[n(1)]
    cost: KdfCost,
    #[n(2)]
    hash: ByteArray<32>,
}

impl Pin {
    fn of(digits: &str, salt: [u8; 16]) -> Result<Pin, StoreError> {
        let hash = KdfCost::PIN.derive(digits, &salt)?;
        Ok(Pin { salt: salt.into(), cost: KdfCost::PIN, hash: (*hash).into() })
    }

    fn is(&self, digits: &str) -> bool {
        // Hashes of BLAKE3 compare in constant time.
        let same = |derived: Zeroizing<[u8; 32]>| blake3::hash(&*derived) == blake3::hash(&self.hash[..]);
        self.cost.derive(digits, &self.salt).is_ok_and(same)
    }
}

/// What the screens ask for with every request, held in memory.
#[derive(Default)]
pub(crate) struct People {
    all: RwLock<Rows>,
    throttle: Mutex<throttle::Throttle>,
    lock_minutes: RwLock<u64>,
}

#[derive(Clone, Default)]
struct Rows {
    people: BTreeMap<String, Kept>,
    /// Rows that cannot be read let nobody in, and nobody pass as if there were no people.
    unread: usize,
}

impl Rows {
    /// Whether somebody beside this one may say who signs in.
    fn has_other_technician(&self, but: &str) -> bool {
        self.people.iter().any(|(key, kept)| {
            let role = Role::of_name(&kept.role);
            key != but && !kept.is_disabled && role.is_some_and(|role| allows(role, Capability::People))
        })
    }
}

fn person(kept: &Kept) -> Option<Person> {
    Some(Person {
        call_sign: kept.call_sign.clone(),
        role: Role::of_name(&kept.role)?,
        is_disabled: kept.is_disabled,
        created_ms: kept.created_ms,
        practitioner: kept.practitioner.clone(),
    })
}

/// How a call sign is looked up: small letters, Western digits; one person however it is typed.
fn key_of(call_sign: &str) -> String {
    identifier_key(call_sign)
}

/// Call signs stand in sentences of both directions: nothing that turns them around or cannot be seen.
fn is_showable(call_sign: &str) -> bool {
    let unseen = |letter: char| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
    is_call_sign(call_sign) && !call_sign.chars().any(unseen)
}

/// The digits of a PIN as somebody typed it, in either digit system; `None` if it is none.
fn digits(typed: &str) -> Option<Zeroizing<String>> {
    if typed.len() > 4 * PIN_DIGITS_MAX {
        return None;
    }
    let digits = Zeroizing::new(identifier_key(typed));
    let is_pin =
        (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_pin.then_some(digits)
}

/// What everybody guesses first: one digit all over, or digits in a row up or down.
fn is_plain(digits: &str) -> bool {
    let steps: BTreeSet<i16> = digits.as_bytes().windows(2).map(|two| i16::from(two[1]) - i16::from(two[0])).collect();
    steps.len() == 1 && steps.iter().all(|step| (-1..=1).contains(step))
}

fn new_digits(typed: &str) -> Result<Zeroizing<String>, PeopleError> {
    digits(typed).filter(|digits| !is_plain(digits)).ok_or(PeopleError::BadPin)
}

/// A PIN that nobody chose.
fn draw(entropy: &mut Entropy) -> Zeroizing<String> {
    let mut pin = Zeroizing::new(String::new());
    for _ in 0..DRAWS_MAX {
        // The remainder of 2^64 favours no PIN by more than 1 in 10^13.
        pin = Zeroizing::new(format!("{:06}", u64::from_be_bytes(entropy.array()) % 1_000_000));
        if !is_plain(&pin) {
            break;
        }
    }
    pin
}

/// Reads the people at the start.
pub(crate) fn read(store: &Store) -> Result<People, StoreError> {
    let mut rows = Rows::default();
    for (key, value) in store.list_state(PERSON_KEY)? {
        match (key.strip_prefix(PERSON_KEY), from_cbor::<Kept>(&value)) {
            (Some(key), Ok(kept)) => drop(rows.people.insert(key.to_owned(), kept)),
            _ => rows.unread += 1,
        }
    }
    let minutes = store.get_state(LOCK_KEY)?.and_then(|value| from_cbor::<u64>(&value).ok());
    let minutes = minutes.unwrap_or(LOCK_MINUTES_DEFAULT).clamp(1, LOCK_MINUTES_MAX);
    Ok(People { all: RwLock::new(rows), throttle: Mutex::default(), lock_minutes: RwLock::new(minutes) })
}

impl Site {
    /// Whether anybody was ever added: from then on the screens are opened with a call sign and a PIN alone.
    pub fn has_people(&self) -> bool {
        let rows = self.all_people().all.read().unwrap_or_else(PoisonError::into_inner);
        !rows.people.is_empty() || rows.unread > 0
    }

    /// Everybody, by call sign.
    pub fn people(&self) -> Vec<Person> {
        let rows = self.all_people().all.read().unwrap_or_else(PoisonError::into_inner);
        rows.people.values().filter_map(person).collect()
    }

    /// Who has this call sign and may sign in; `None` if nobody does.
    pub fn person(&self, call_sign: &str) -> Option<Person> {
        let rows = self.all_people().all.read().unwrap_or_else(PoisonError::into_inner);
        rows.people.get(&key_of(call_sign)).and_then(person).filter(|person| !person.is_disabled)
    }

    /// Adds the first person, a technician, if there is nobody yet.
    ///
    /// # Errors
    /// [`PeopleError::NotFirst`], [`PeopleError::BadCallSign`], [`PeopleError::BadPin`]; the disk refused.
    pub async fn add_first_person(&self, call_sign: &str, pin: &str, now_ms: u64) -> Result<Person, PeopleError> {
        self.add(call_sign, Role::Technician, pin, now_ms, true).await
    }

    /// Adds a person. The first has to be a technician.
    ///
    /// # Errors
    /// [`PeopleError`] says which of the rules for people it breaks; the disk refused.
    pub async fn add_person(&self, call_sign: &str, role: Role, pin: &str, now_ms: u64) -> Result<Person, PeopleError> {
        self.add(call_sign, role, pin, now_ms, false).await
    }

    async fn add(
        &self,
        call_sign: &str,
        role: Role,
        pin: &str,
        created_ms: u64,
        is_first: bool,
    ) -> Result<Person, PeopleError> {
        let call_sign = call_sign.trim();
        if !is_showable(call_sign) {
            return Err(PeopleError::BadCallSign);
        }
        let pin = hashed(new_digits(pin)?).await?;
        let practitioner = system_entropy().array::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = Kept {
            call_sign: call_sign.to_owned(),
            role: role.name().to_owned(),
            is_disabled: false,
            created_ms,
            practitioner,
            pin,
        };
        let added = self.change(call_sign, move |rows, key, found| {
            let is_empty = rows.people.is_empty() && rows.unread == 0;
            match found {
                _ if is_first && !is_empty => Err(PeopleError::NotFirst),
                Some(_) => Err(PeopleError::Taken),
                // Whoever is added beside rows that cannot be read may have to set things right alone.
                None if role != Role::Technician && !rows.has_other_technician(key) => {
                    Err(PeopleError::FirstIsTechnician)
                }
                None if rows.people.len() + rows.unread >= PEOPLE_MAX => Err(PeopleError::TooMany),
                None => Ok(kept),
            }
        });
        let added = added.await?;
        self.save_practitioner(&added).await;
        Ok(added)
    }

    /// Gives a person another role.
    ///
    /// # Errors
    /// [`PeopleError::Unknown`], [`PeopleError::LastTechnician`]; the disk refused.
    pub async fn set_role(&self, call_sign: &str, role: Role) -> Result<Person, PeopleError> {
        self.change(call_sign, move |rows, key, found| {
            let kept = found.ok_or(PeopleError::Unknown)?;
            if !allows(role, Capability::People) && !rows.has_other_technician(key) {
                return Err(PeopleError::LastTechnician);
            }
            Ok(Kept { role: role.name().to_owned(), ..kept })
        })
        .await
    }

    /// Lets a person sign in no more, or again. Whoever is signed in as that person is out with the next step.
    ///
    /// # Errors
    /// [`PeopleError::Unknown`], [`PeopleError::LastTechnician`]; the disk refused.
    pub async fn set_disabled(&self, call_sign: &str, is_disabled: bool) -> Result<Person, PeopleError> {
        let changed = self.change(call_sign, move |rows, key, found| {
            let kept = found.ok_or(PeopleError::Unknown)?;
            if is_disabled && !rows.has_other_technician(key) {
                return Err(PeopleError::LastTechnician);
            }
            Ok(Kept { is_disabled, ..kept })
        });
        let changed = changed.await?;
        self.save_practitioner(&changed).await;
        Ok(changed)
    }

    /// Gives a person a PIN of their own choice.
    ///
    /// # Errors
    /// [`PeopleError::BadPin`], [`PeopleError::Unknown`]; the disk refused.
    pub async fn set_pin(&self, call_sign: &str, pin: &str) -> Result<Person, PeopleError> {
        let pin = hashed(new_digits(pin)?).await?;
        let change =
            move |_: &Rows, _: &str, found: Option<Kept>| Ok(Kept { pin, ..found.ok_or(PeopleError::Unknown)? });
        let changed = self.change(call_sign, change).await?;
        let mut throttle = self.all_people().throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.right(&key_of(call_sign));
        Ok(changed)
    }

    /// Gives a person a PIN that is drawn by lot, and says it this once.
    ///
    /// # Errors
    /// [`PeopleError::Unknown`]; the disk refused.
    pub async fn new_pin(&self, call_sign: &str) -> Result<(Person, Zeroizing<String>), PeopleError> {
        let pin = random_pin();
        Ok((self.set_pin(call_sign, &pin).await?, pin))
    }

    /// Who that is, if call sign and PIN belong together. Takes some tens of milliseconds whatever the answer, one at a
    /// time, so it belongs on a thread that may block.
    ///
    /// # Errors
    /// [`NotIn`].
    pub fn check_pin(&self, call_sign: &str, pin: &str, now_ms: u64) -> Result<Person, NotIn> {
        let people = self.all_people();
        let key = key_of(&call_sign.chars().take(throttle::KEY_CHARS_MAX).collect::<String>());
        // Held while the PIN is looked at: of two guesses at once the second counts the first.
        let mut throttle = people.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_ms = throttle.wait_ms(&key, now_ms);
        if wait_ms > 0 {
            return Err(NotIn::Wait(wait_ms));
        }
        let found = people.all.read().unwrap_or_else(PoisonError::into_inner).people.get(&key).cloned();
        let is_known = found.is_some();
        let digits = digits(pin);
        let is_right = match (&found, &digits) {
            (Some(kept), Some(digits)) => kept.pin.is(digits),
            // The same work for nothing, so that the time says nothing.
            _ => KdfCost::PIN.derive("000000", &[0; 16]).is_err(),
        };
        match found.as_ref().and_then(person).filter(|person| is_right && !person.is_disabled) {
            Some(person) => {
                throttle.right(&key);
                Ok(person)
            }
            None => {
                throttle.wrong(key, is_known, now_ms);
                Err(NotIn::Wrong)
            }
        }
    }

    /// After how many idle minutes a screen locks itself.
    pub fn lock_minutes(&self) -> u64 {
        *self.all_people().lock_minutes.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses after how many idle minutes a screen locks itself, from 1 to [`LOCK_MINUTES_MAX`]; it holds from the next
    /// sign-in on.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn set_lock_minutes(&self, minutes: u64) -> Result<(), SiteError> {
        let minutes = minutes.clamp(1, LOCK_MINUTES_MAX);
        self.look(move |_, store| store.put_state(LOCK_KEY, Some(&to_cbor(&minutes)))).await??;
        *self.all_people().lock_minutes.write().unwrap_or_else(PoisonError::into_inner) = minutes;
        Ok(())
    }

    /// Changes one person. Changes come one after another, since the one thread that writes decides and writes.
    async fn change(
        &self,
        call_sign: &str,
        change: impl FnOnce(&Rows, &str, Option<Kept>) -> Result<Kept, PeopleError> + Send + 'static,
    ) -> Result<Person, PeopleError> {
        let (key, people) = (key_of(call_sign), self.all_people().clone());
        let changed = self.look(move |_, store| -> Result<Person, PeopleError> {
            let rows = people.all.read().unwrap_or_else(PoisonError::into_inner).clone();
            let kept = change(&rows, &key, rows.people.get(&key).cloned())?;
            let changed = person(&kept).ok_or(PeopleError::Unknown)?;
            let stored = store.put_state(&format!("{PERSON_KEY}{key}"), Some(&to_cbor(&kept)));
            stored.map_err(SiteError::from)?;
            people.all.write().unwrap_or_else(PoisonError::into_inner).people.insert(key, kept);
            Ok(changed)
        });
        changed.await?
    }

    /// Writes the person into the record as a call sign without a name. Where that cannot be, since the network's keys are
    /// not here yet or the disk is full, signing in goes on: authorship is shown by the call sign in each save.
    async fn save_practitioner(&self, person: &Person) {
        let Ok(key) = ResourceKey::new("Practitioner", person.practitioner.clone()) else { return };
        let practitioner = json!({
            "resourceType": "Practitioner",
            "id": person.practitioner,
            "identifier": [{ "system": sanad_record::ask::CALL_SIGN_SYSTEM, "value": person.call_sign }],
            "active": !person.is_disabled,
        });
        let raw = Some(practitioner.to_string().into_bytes());
        let change = Change { key, raw, about: None, follows: None };
        drop(self.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await);
    }
}

/// A PIN drawn by lot.
pub fn random_pin() -> Zeroizing<String> {
    draw(&mut system_entropy())
}

/// What is kept of a PIN, worked out beside the threads that serve sockets.
async fn hashed(digits: Zeroizing<String>) -> Result<Pin, PeopleError> {
    let salt = system_entropy().array();
    let made = tokio::task::spawn_blocking(move || Pin::of(&digits, salt)).await;
    Ok(made.map_err(|_| SiteError::Closed)?.map_err(SiteError::from)?)
}

#[cfg(test)]
mod tests;
