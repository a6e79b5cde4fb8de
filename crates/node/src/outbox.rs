//! What a phone could not send: forms that it sealed to this site while the Wi-Fi was down, and cannot open itself.
//!
//! The seal is NaCl's `crypto_box` (X25519, XSalsa20-Poly1305; Bernstein, Lange, Schwabe, *The security impact of a new
//! cryptographic library*, 2012) from a key that the phone draws for one form and forgets. The site's key of it is drawn at
//! first use, lies in the encrypted database, and never leaves: a form that another site's screens sealed is not opened here.
//!
//! A form that was opened and could not be saved (a conflict of rules, not of the network) is kept here until a person has
//! looked at it; nothing of it is dropped.

use crate::site::{Site, SiteError, system_entropy};
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use zeroize::Zeroizing;

/// Where the key lies, and the forms that wait for a person.
const KEY: &str = "outbox-key";
const KEPT_KEY: &str = "outbox-kept/";
/// The format of a sealed form: this byte, the phone's public key, the nonce, the box.
const VERSION: u8 = 1;
const PUBLIC_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The largest sealed form: the largest form, and what sealing and writing it as JSON adds.
pub const SEALED_BYTES_MAX: usize = 128 * 1024;
/// Most forms that wait for a person; the next one stays on its phone.
pub const KEPT_MAX: usize = 500;

/// Why a sealed form was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not of a format that is known here, or too large.
    #[error("not a sealed form that is known here")]
    Format,
    /// It was sealed to another site, or damaged on its way.
    #[error("sealed to another site, or damaged")]
    Seal,
}

/// A form that was opened and could not be saved.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeptForm {
    /// Its number here.
    #[n(0)]
    pub n: u64,
    /// Call sign of who filled it in.
    #[n(1)]
    pub by: Option<String>,
    /// When it came, milliseconds since 1970.
    #[n(2)]
    pub came_ms: u64,
    /// Where it was to be sent.
    #[n(3)]
    pub path: String,
    /// What was filled in. Patient text: it is shown, and never logged.
    #[n(4)]
    pub fields: Vec<(String, String)>,
}

/// The site's half of the seal.
pub struct OutboxKey(SecretKey);

impl OutboxKey {
    fn from_bytes(bytes: &[u8]) -> Option<OutboxKey> {
        Some(OutboxKey(SecretKey::from_slice(bytes).ok()?))
    }

    /// What pages seal to.
    pub fn public(&self) -> [u8; PUBLIC_BYTES] {
        *self.0.public_key().as_bytes()
    }

    /// A short proof that this site wrote a text: a ticket that a page carries and gives back with its form.
    pub fn mark(&self, text: &str) -> [u8; 16] {
        let key = Zeroizing::new(blake3::derive_key("sanad 2026 outbox ticket v1", &self.0.to_bytes()));
        let mut mark = [0; 16];
        blake3::Hasher::new_keyed(&key).update(text.as_bytes()).finalize_xof().fill(&mut mark);
        mark
    }

    /// Opens a sealed form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(OpenError::Format);
        }
        let (version, rest) = sealed.split_first().ok_or(OpenError::Format)?;
        let (public, rest) = rest.split_at_checked(PUBLIC_BYTES).ok_or(OpenError::Format)?;
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or(OpenError::Format)?;
        if *version != VERSION {
            return Err(OpenError::Format);
        }
        let public = PublicKey::from_slice(public).map_err(|_| OpenError::Format)?;
        let opened = SalsaBox::new(&public, &self.0).decrypt(nonce.into(), text).map_err(|_| OpenError::Seal)?;
        Ok(Zeroizing::new(opened))
    }

    /// Seals as a page does.
    #[cfg(test)]
    fn sealed(&self, text: &[u8], entropy: &mut sanad_log::entropy::Entropy) -> Vec<u8> {
        let own = SecretKey::from_slice(&entropy.array::<32>()).unwrap();
        let nonce = entropy.array::<NONCE_BYTES>();
        let boxed = SalsaBox::new(&self.0.public_key(), &own).encrypt((&nonce).into(), text).unwrap();
        [&[VERSION][..], own.public_key().as_bytes(), &nonce, &boxed].concat()
    }
}

impl Site {
    /// The key that this site's screens seal to, drawn at first use.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn outbox_key(&self) -> Result<OutboxKey, SiteError> {
        let found = self.reader().get_state(KEY)?.map(Zeroizing::new);
        if let Some(key) = found.and_then(|bytes| OutboxKey::from_bytes(&bytes)) {
            return Ok(key);
        }
        let drawn: Zeroizing<[u8; 32]> = Zeroizing::new(system_entropy().array());
        // Two screens at once: the first one's key stays.
        let kept = self.look(move |_, store| -> Result<Zeroizing<Vec<u8>>, sanad_store::StoreError> {
            if let Some((_, bytes)) = store.list_state(KEY)?.into_iter().find(|(key, _)| key == KEY) {
                return Ok(Zeroizing::new(bytes));
            }
            store.put_state(KEY, Some(&drawn[..]))?;
            Ok(Zeroizing::new(drawn.to_vec()))
        });
        let bytes = kept.await??;
        OutboxKey::from_bytes(&bytes).ok_or(SiteError::Closed)
    }

    /// Keeps a form that could not be saved, until a person has looked at it.
    ///
    /// # Errors
    /// As [`Site::outbox_key`]. `Ok(None)` if there are [`KEPT_MAX`] already.
    pub async fn keep_form(&self, mut form: KeptForm) -> Result<Option<u64>, SiteError> {
        let kept = self.look(move |_, store| -> Result<Option<u64>, sanad_store::StoreError> {
            let all = store.list_state(KEPT_KEY)?;
            if all.len() >= KEPT_MAX {
                return Ok(None);
            }
            let last = all.iter().filter_map(|(_, value)| from_cbor::<KeptForm>(value).ok()).map(|form| form.n).max();
            form.n = last.unwrap_or_default() + 1;
            store.put_state(&kept_key(form.n), Some(&to_cbor(&form)))?;
            Ok(Some(form.n))
        });
        Ok(kept.await??)
    }

    /// The forms that wait for a person, oldest first.
    ///
    /// # Errors
    /// The disk refused.
    pub fn kept_forms(&self) -> Result<Vec<KeptForm>, SiteError> {
        let mut forms: Vec<KeptForm> = self
            .reader()
            .list_state(KEPT_KEY)?
            .into_iter()
            .filter_map(|(_, value)| from_cbor::<KeptForm>(&value).ok())
            .collect();
        forms.sort_by_key(|form| form.n);
        Ok(forms)
    }

    /// A person has looked at a form that waited: it is saved by now, or given up.
    ///
    /// # Errors
    /// As [`Site::outbox_key`].
    pub async fn drop_form(&self, n: u64) -> Result<(), SiteError> {
        Ok(self.look(move |_, store| store.put_state(&kept_key(n), None)).await??)
    }
}

fn kept_key(n: u64) -> String {
    format!("{KEPT_KEY}{n:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;
    use crate::site::NewSite;
    use sanad_log::control::SiteKind;
    use sanad_store::KdfCost;

    fn key(byte: u8) -> OutboxKey {
        OutboxKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn what_a_page_sealed_is_opened_here_and_nowhere_else() {
        let sealed = key(7).sealed(b"{\"path\":\"/board\"}", &mut system_entropy());
        assert_eq!(&key(7).open(&sealed).unwrap()[..], b"{\"path\":\"/board\"}");
        assert_eq!(key(8).open(&sealed).err(), Some(OpenError::Seal));
        for at in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[at] ^= 1;
            assert!(key(7).open(&torn).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert!(key(7).open(&sealed[..length]).is_err());
        }
        assert_eq!(key(7).open(&vec![1; SEALED_BYTES_MAX + 1]).err(), Some(OpenError::Format));
    }

    /// Made with tweetnacl 1.0.3, the library that pages seal with: `nacl.box` with the secret keys 1…1 and 2…2 and the
    /// nonce 3…3.
    #[test]
    fn the_librarys_seal_in_the_browser_is_the_one_that_is_opened_here() {
        let public = SecretKey::from_slice(&[1; 32]).unwrap().public_key();
        let hex = "07088a88658d514efe2dd947478069d23aaea7baf3b1e20604d88aafd5734a23657aeb8245263ad0";
        let boxed: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let sealed = [&[VERSION][..], public.as_bytes(), &[3; NONCE_BYTES], &boxed].concat();
        assert_eq!(&key(2).open(&sealed).unwrap()[..], "مصاب جديد K7-204".as_bytes());
    }

    #[test]
    fn a_ticket_is_of_one_text_and_one_site() {
        assert_eq!(key(1).mark("Heron"), key(1).mark("Heron"));
        assert_ne!(key(1).mark("Heron"), key(1).mark("Kestrel"));
        assert_ne!(key(1).mark("Heron"), key(2).mark("Heron"));
    }

    #[tokio::test]
    async fn the_key_is_drawn_once_and_what_waits_stays_until_somebody_has_looked() {
        let folder = Folder::new("outbox");
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let (one, two) = tokio::join!(site.outbox_key(), site.outbox_key());
        assert_eq!(one.unwrap().public(), two.unwrap().public());
        let form = |text: &str| KeptForm {
            n: 0,
            by: Some("Heron".to_owned()),
            came_ms: 5,
            path: "/board/new".to_owned(),
            fields: vec![("tag".to_owned(), text.to_owned())],
        };
        assert_eq!(site.keep_form(form("a")).await.unwrap(), Some(1));
        assert_eq!(site.keep_form(form("b")).await.unwrap(), Some(2));
        site.drop_form(1).await.unwrap();
        let left = site.kept_forms().unwrap();
        assert_eq!((left.len(), left[0].n, left[0].fields[0].1.as_str()), (1, 2, "b"));
        assert_eq!(site.keep_form(form("c")).await.unwrap(), Some(3));
        site.close().await;
    }
}
