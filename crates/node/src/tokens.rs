//! Bearer tokens of the FHIR interface: who holds one may do what its scopes say, in the name of its role, until it is
//! taken back.
//!
//! Only a hash of a token is kept. A token may end by itself; that day is of this site's clock, so it is a courtesy and no
//! security rests on it: what has to end is taken back.

use crate::heart::now_ms;
use crate::site::{Site, SiteError, system_entropy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// Prefix of the stored tokens.
const TOKEN_KEY: &str = "token/";
/// Before every token, so that one that lies around is recognised.
const TOKEN_PREFIX: &str = "sanad_";
/// Most tokens at one site: one for each system and each member of staff, several times over.
pub const TOKENS_MAX: usize = 1_000;
/// Most scopes of one token, and the longest of them in bytes.
const SCOPES_MAX: usize = 64;
const SCOPE_BYTES_MAX: usize = 100;

/// What a token allows, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Token {
    /// A name that gives nothing away: eight hexadecimal digits.
    #[n(0)]
    pub id: String,
    /// The role of whoever holds it.
    #[n(1)]
    pub role: String,
    /// Scopes of SMART App Launch 2.0, as `patient/Observation.rs`.
    #[n(2)]
    pub scopes: Vec<String>,
    /// The patient that `patient/` scopes are about.
    #[n(3)]
    pub patient: Option<String>,
    /// When it was made, milliseconds since 1970.
    #[n(4)]
    pub created_ms: u64,
    /// When it ends.
    #[n(5)]
    pub ends_ms: Option<u64>,
    /// True once it was taken back.
    #[n(6)]
    pub is_revoked: bool,
    #[cbor(n(7), with = "minicbor::bytes")]
    hash: [u8; 32],
}

/// Tokens by their hash.
pub(crate) type Tokens = BTreeMap<[u8; 32], Arc<Token>>;

/// Reads the tokens at the start. One that cannot be read lets nobody in.
pub(crate) fn read(store: &Store) -> Result<Tokens, StoreError> {
    let mut tokens = Tokens::new();
    for (_, value) in store.list_state(TOKEN_KEY)? {
        if let Ok(token) = from_cbor::<Token>(&value) {
            tokens.insert(token.hash, Arc::new(token));
        }
    }
    Ok(tokens)
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The role of whoever is to hold it.
    pub role: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The patient that `patient/` scopes are about.
    pub patient: Option<String>,
    /// Days until it ends by itself.
    pub days: Option<u32>,
}

fn is_over(token: &Token) -> bool {
    token.is_revoked || token.ends_ms.is_some_and(|end| now_ms() >= end)
}

fn hash(token: &str) -> [u8; 32] {
    blake3::derive_key("sanad 2026 bearer token v1", token.as_bytes())
}

impl Site {
    /// Makes a token. It is shown this once: only its hash is kept.
    ///
    /// # Errors
    /// [`SiteError::TooManyTokens`]; the site is being closed, or the disk refused.
    pub async fn make_token(&self, new: NewToken) -> Result<(String, Arc<Token>), SiteError> {
        let is_small = |scope: &String| scope.len() <= SCOPE_BYTES_MAX;
        if self.tokens().len() >= TOKENS_MAX || new.scopes.len() > SCOPES_MAX || !new.scopes.iter().all(is_small) {
            return Err(SiteError::TooManyTokens);
        }
        let mut entropy = system_entropy();
        let secret = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy.array::<32>()));
        let created_ms = now_ms();
        let token = Token {
            id: entropy.array::<4>().iter().map(|byte| format!("{byte:02x}")).collect(),
            role: new.role,
            scopes: new.scopes,
            patient: new.patient,
            created_ms,
            ends_ms: new.days.map(|days| created_ms.saturating_add(u64::from(days) * 86_400_000)),
            is_revoked: false,
            hash: hash(&secret),
        };
        Ok((secret, self.keep_token(token).await?))
    }

    /// Takes a token back. Returns false if there is none of that name.
    ///
    /// # Errors
    /// The site is being closed, or the disk refused.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, SiteError> {
        let found = self.tokens().values().find(|token| token.id == id).cloned();
        let Some(token) = found else { return Ok(false) };
        self.keep_token(Token { is_revoked: true, ..(*token).clone() }).await?;
        Ok(true)
    }

    async fn keep_token(&self, token: Token) -> Result<Arc<Token>, SiteError> {
        let (key, value) = (format!("{TOKEN_KEY}{}", token.id), to_cbor(&token));
        self.look(move |_, store| store.put_state(&key, Some(&value))).await??;
        let token = Arc::new(token);
        self.all_tokens().write().unwrap_or_else(PoisonError::into_inner).insert(token.hash, token.clone());
        Ok(token)
    }

    /// All tokens, oldest first.
    pub fn list_tokens(&self) -> Vec<Arc<Token>> {
        let mut all: Vec<_> = self.tokens().into_values().collect();
        all.sort_by(|a, b| a.created_ms.cmp(&b.created_ms).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// What a token allows now; `None` if there is no such token, or it is over.
    pub fn token(&self, secret: &str) -> Option<Arc<Token>> {
        // Looked up by a hash: how long that takes says nothing of any token.
        let found = self.all_tokens().read().unwrap_or_else(PoisonError::into_inner).get(&hash(secret)).cloned()?;
        (!is_over(&found)).then_some(found)
    }

    /// What the token of that name allows now; `None` if there is none, or it is over.
    pub fn token_named(&self, id: &str) -> Option<Arc<Token>> {
        let tokens = self.all_tokens().read().unwrap_or_else(PoisonError::into_inner);
        let found = tokens.values().find(|token| token.id == id)?.clone();
        (!is_over(&found)).then_some(found)
    }

    fn tokens(&self) -> Tokens {
        self.all_tokens().read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
