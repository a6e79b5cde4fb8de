//! The vault file: the one key that opens the database, wrapped under each passphrase.
//!
//! Promise: nothing in the file opens anything without a passphrase, and a guess costs what [`KdfCost`] says. The file is
//! replaced as a whole or not at all, so a power cut leaves the old one or the new one.

use crate::error::StoreError;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_log::entropy::Entropy;
use sanad_log::seal::{SealKey, WRAPPED_LEN};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Name of the vault file in the folder.
pub(crate) const VAULT_FILE: &str = "vault";
const VAULT_FILE_NEW: &str = "vault.new";
const FORMAT_VERSION: u32 = 1;
/// Most key slots: staff of one site who know a passphrase. Every slot is tried, so this bounds what a guess costs us.
pub const SLOTS_MAX: usize = 8;
/// Largest vault file read: eight slots take about 1.2 kB.
const VAULT_BYTES_MAX: u64 = 16 * 1024;
/// Most memory a vault file may ask for, so that a foreign file cannot exhaust the machine.
const KDF_MEMORY_KIB_MAX: u32 = 4 * 1024 * 1024;
const KDF_PASSES_MAX: u32 = 64;
const KDF_LANES_MAX: u32 = 16;
const SALT_LEN: usize = 16;

/// What one guess of a passphrase costs: Argon2id (RFC 9106).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct KdfCost {
    /// Memory in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[n(1)]
    pub passes: u32,
    /// Lanes that may be filled side by side.
    #[n(2)]
    pub lanes: u32,
}

impl KdfCost {
    /// What design §5 asks of a vault: 256 MiB, three passes.
    pub const STANDARD: KdfCost = KdfCost { memory_kib: 256 * 1024, passes: 3, lanes: 1 };
    /// The least that the function allows. For tests only: it stops nobody.
    pub const TEST: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

    /// What a PIN of a screen asks of an old phone's server: 19 MiB, two passes (OWASP Password Storage Cheat Sheet).
    pub const PIN: KdfCost = KdfCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// What a secret stands for, 32 bytes. Normalised first (NFC): two keyboards may type one letter as different bytes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if no memory may be asked for so.
    pub fn derive(self, secret: &str, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let unusable = |_| StoreError::TooLarge("cost of the passphrase");
        if !self.is_sound() {
            return Err(StoreError::TooLarge("cost of the passphrase"));
        }
        let params = argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(unusable)?;
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let normal: Zeroizing<String> = Zeroizing::new(secret.nfc().collect());
        let mut key = Zeroizing::new([0u8; 32]);
        argon.hash_password_into(normal.as_bytes(), salt, &mut *key).map_err(unusable)?;
        Ok(key)
    }

    fn is_sound(&self) -> bool {
        (8..=KDF_MEMORY_KIB_MAX).contains(&self.memory_kib)
            && (1..=KDF_PASSES_MAX).contains(&self.passes)
            && (1..=KDF_LANES_MAX).contains(&self.lanes)
    }
}

/// One passphrase's way in.
#[derive(Encode, Decode)]
struct Slot {
    #[n(0)]
    salt: ByteArray<SALT_LEN>,
    #[n(1)]
    cost: KdfCost,
    /// Nonce, wrapped vault key, tag.
    #[n(2)]
    wrapped: ByteArray<WRAPPED_LEN>,
}

/// What the file holds.
#[derive(Encode, Decode)]
pub(crate) struct Vault {
    #[n(0)]
    version: u32,
    #[n(1)]
    slots: Vec<Slot>,
}

impl Vault {
    /// A vault around a fresh key, with one slot.
    pub(crate) fn create(
        passphrase: &str,
        cost: KdfCost,
        entropy: &mut Entropy,
    ) -> Result<(Vault, SealKey), StoreError> {
        let key = SealKey::generate(entropy);
        let mut vault = Vault { version: FORMAT_VERSION, slots: Vec::new() };
        vault.add(&key, passphrase, cost, entropy)?;
        Ok((vault, key))
    }

    /// Reads the file of a folder.
    pub(crate) fn read(dir: &Path) -> Result<Vault, StoreError> {
        let doing = "reading the vault file";
        let file = match File::open(dir.join(VAULT_FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(StoreError::NoStore),
            other => other.map_err(StoreError::io(doing))?,
        };
        let mut bytes = Vec::new();
        file.take(VAULT_BYTES_MAX).read_to_end(&mut bytes).map_err(StoreError::io(doing))?;
        let vault: Vault = from_cbor(&bytes).map_err(|_| StoreError::Vault("it is damaged"))?;
        if vault.version != FORMAT_VERSION {
            return Err(StoreError::Vault("it is of a later release"));
        }
        let sound = (1..=SLOTS_MAX).contains(&vault.slots.len()) && vault.slots.iter().all(|slot| slot.cost.is_sound());
        if sound { Ok(vault) } else { Err(StoreError::Vault("it is damaged")) }
    }

    /// Puts the file in its place: whole and on the disk when this returns.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let doing = "writing the vault file";
        let new = dir.join(VAULT_FILE_NEW);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&to_cbor(self))?;
            file.sync_all()?;
            std::fs::rename(&new, dir.join(VAULT_FILE))?;
            File::open(dir)?.sync_all()
        })();
        written.map_err(StoreError::io(doing))
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The vault key and the slot that opened.
    pub(crate) fn open(&self, passphrase: &str) -> Result<(SealKey, usize), StoreError> {
        for (index, slot) in self.slots.iter().enumerate() {
            let outer = stretch(passphrase, &slot.salt, slot.cost)?;
            if let Some(key) = outer.unwrap(&slot.wrapped, &binding(&slot.salt, slot.cost)) {
                return Ok((key, index));
            }
        }
        Err(StoreError::WrongPassphrase)
    }

    /// Adds a slot for another passphrase.
    pub(crate) fn add(
        &mut self,
        key: &SealKey,
        passphrase: &str,
        cost: KdfCost,
        entropy: &mut Entropy,
    ) -> Result<(), StoreError> {
        if self.slots.len() >= SLOTS_MAX {
            return Err(StoreError::TooLarge("key slots"));
        }
        if !cost.is_sound() {
            return Err(StoreError::TooLarge("cost of the passphrase"));
        }
        let salt: [u8; SALT_LEN] = entropy.array();
        let outer = stretch(passphrase, &salt, cost)?;
        let wrapped = outer.wrap(key, &binding(&salt, cost), entropy);
        // A slot that would not open is found now, while the passphrase that works is still there.
        assert!(
            outer.unwrap(&wrapped, &binding(&salt, cost)).is_some_and(|back| back.id() == key.id()),
            "a new slot opens"
        );
        self.slots.push(Slot { salt: salt.into(), cost, wrapped: wrapped.into() });
        Ok(())
    }

    /// Takes a slot away.
    pub(crate) fn remove(&mut self, index: usize) -> Result<(), StoreError> {
        if self.slots.len() <= 1 {
            return Err(StoreError::LastSlot);
        }
        self.slots.remove(index);
        Ok(())
    }
}

/// The cost and the salt are bound, so that a slot cannot be weakened by changing its numbers.
fn binding(salt: &[u8; SALT_LEN], cost: KdfCost) -> Vec<u8> {
    [b"sanad/1 vault slot".as_slice(), salt, &to_cbor(&cost)].concat()
}

/// The key that a passphrase stands for.
fn stretch(passphrase: &str, salt: &[u8; SALT_LEN], cost: KdfCost) -> Result<SealKey, StoreError> {
    Ok(SealKey::from_bytes(*cost.derive(passphrase, salt)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TempDir, entropy};

    #[test]
    fn each_slot_opens_to_the_same_key_and_a_removed_one_no_longer() {
        let (mut vault, key) = Vault::create("زيتون ٧", KdfCost::TEST, &mut entropy(1)).unwrap();
        vault.add(&key, "second", KdfCost::TEST, &mut entropy(2)).unwrap();
        for (passphrase, slot) in [("زيتون ٧", 0), ("second", 1)] {
            let (opened, index) = vault.open(passphrase).unwrap();
            assert_eq!((opened.id(), index), (key.id(), slot));
        }
        assert!(matches!(vault.open("Second"), Err(StoreError::WrongPassphrase)));
        vault.remove(0).unwrap();
        assert!(matches!(vault.open("زيتون ٧"), Err(StoreError::WrongPassphrase)));
        assert!(matches!(vault.remove(0), Err(StoreError::LastSlot)));
    }

    #[test]
    fn one_letter_typed_two_ways_is_one_passphrase() {
        let (vault, _) = Vault::create("caf\u{e9}", KdfCost::TEST, &mut entropy(1)).unwrap();
        assert!(vault.open("cafe\u{301}").is_ok());
    }

    #[test]
    fn a_slot_whose_cost_was_lowered_does_not_open() {
        let (mut vault, _) = Vault::create("p", KdfCost { passes: 2, ..KdfCost::TEST }, &mut entropy(1)).unwrap();
        vault.slots[0].cost.passes = 1;
        assert!(matches!(vault.open("p"), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_foreign_or_torn_file_is_named_and_asks_for_no_memory() {
        let dir = TempDir::new();
        assert!(matches!(Vault::read(dir.path()), Err(StoreError::NoStore)));
        let (mut vault, _) = Vault::create("p", KdfCost::TEST, &mut entropy(1)).unwrap();
        vault.write(dir.path()).unwrap();
        assert_eq!(Vault::read(dir.path()).unwrap().slots(), 1);
        let bytes = std::fs::read(dir.path().join(VAULT_FILE)).unwrap();
        std::fs::write(dir.path().join(VAULT_FILE), &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(Vault::read(dir.path()), Err(StoreError::Vault(_))));
        vault.slots[0].cost.memory_kib = u32::MAX;
        vault.write(dir.path()).unwrap();
        assert!(matches!(Vault::read(dir.path()), Err(StoreError::Vault(_))));
        vault.version = 2;
        vault.write(dir.path()).unwrap();
        assert!(matches!(Vault::read(dir.path()), Err(StoreError::Vault("it is of a later release"))));
    }
}
