//! What one save says: the plaintext body of one entry of the log.
//!
//! Several operations of one save appear together or not at all, because they travel as one entry. The bytes are
//! compact (a typical observation of 1 kB fits 200 B) because every byte is carried by people.

mod codec;

use std::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

pub use codec::{CodecError, SAVE_BYTES_MAX};

use crate::json;
use crate::key::{KeyError, RESOURCE_TYPES, ResourceKey, type_index};
use crate::version::{VersionId, hex16};

/// The most operations one save may hold: a bulk import is cut into saves long before this.
pub const OPS_MAX: usize = 10_000;

/// The most parents one operation may name. Heads are as many as sites that wrote apart, some dozens at worst.
pub const PARENTS_MAX: usize = 1_000;

/// What an operation does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The resource now says `raw`.
    Put,
    /// The resource is withdrawn. Its earlier versions stay.
    Delete,
}

/// One new version of one resource. No Debug of its text: patient text stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Op {
    /// Put or delete.
    pub action: Action,
    /// Which resource.
    pub key: ResourceKey,
    /// The versions the writer had before them; all current heads for an edit made with everything in view.
    pub parents: Vec<VersionId>,
    /// The resource's JSON, byte for byte as it came; empty for a delete.
    pub raw: Vec<u8>,
}

/// What one save says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Save {
    /// The form's idempotency key: a save that comes twice is recognised by it.
    pub idempotency: Option<[u8; 16]>,
    /// The call sign of who saved. Never a name.
    pub by: Option<String>,
    /// The operations, in order; an operation's place in here is part of its version's id.
    pub ops: Vec<Op>,
}

/// Why bytes are not a save. Carries no content: places and counts only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The outer, compressed form is damaged or from a later release.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The inner form is not what a save looks like.
    #[error("the save's body is malformed at byte {at} of the decompressed form")]
    Malformed {
        /// Where reading stopped.
        at: usize,
    },
    /// More operations than [`OPS_MAX`] or more parents than [`PARENTS_MAX`].
    #[error("the save holds more than a save may hold")]
    TooMany,
    /// Operation `op` does not name a resource.
    #[error("operation {op} does not name a resource: {error}")]
    Key {
        /// Its place in the save.
        op: usize,
        /// What is wrong with the name.
        error: KeyError,
    },
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Op({:?} {} {:?}, {} bytes)", self.action, self.key.resource_type, self.parents, self.raw.len())
    }
}

impl Save {
    /// The compressed bytes of this save. The same save always encodes to the same bytes in one release; a later
    /// release may choose other bytes that decode to the same save.
    pub fn encode(&self) -> Vec<u8> {
        codec::compress(&self.body())
    }

    /// The bytes of this save without compression; they decode as well. For training a dictionary.
    pub fn encode_stored(&self) -> Vec<u8> {
        codec::store(&self.body())
    }

    /// Reads a save from bytes that may come from anywhere.
    ///
    /// # Errors
    /// [`DecodeError`]; never panics, never makes more than about [`SAVE_BYTES_MAX`] of memory.
    pub fn decode(bytes: &[u8]) -> Result<Save, DecodeError> {
        let body = codec::decompress(bytes)?;
        read_save(&body)
    }

    /// `[idempotency / null, by / null, *op]`, `op = [type, id, parents, raw / null]`.
    fn body(&self) -> Vec<u8> {
        let bytes: usize = self.ops.iter().map(|op| op.raw.len() + 64).sum();
        let mut body = Encoder::new(Vec::with_capacity(bytes + 32));
        let written = self.write(&mut body);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        body.into_writer()
    }

    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(2 + self.ops.len() as u64)?;
        match &self.idempotency {
            Some(key) => to.bytes(key)?,
            None => to.null()?,
        };
        match &self.by {
            Some(by) => to.str(by)?,
            None => to.null()?,
        };
        for op in &self.ops {
            to.array(4)?;
            match type_index(&op.key.resource_type) {
                Some(index) => to.u64(index as u64)?,
                None => to.str(&op.key.resource_type)?,
            };
            match (id_in(&op.raw).as_deref() == Some(&*op.key.id), uuid_bytes(&op.key.id)) {
                (true, _) => to.null()?,
                (false, Some(uuid)) => to.bytes(&uuid)?,
                (false, None) => to.str(&op.key.id)?,
            };
            to.bytes(&op.parents.iter().flat_map(|parent| *parent.as_bytes()).collect::<Vec<u8>>())?;
            match op.action {
                Action::Put => to.bytes(&op.raw)?,
                Action::Delete => to.null()?,
            };
        }
        Ok(())
    }
}

fn read_save(body: &[u8]) -> Result<Save, DecodeError> {
    let mut from = Decoder::new(body);
    let malformed = |from: &Decoder<'_>| DecodeError::Malformed { at: from.position() };
    let items = from.array().ok().flatten().ok_or(malformed(&from))?;
    let ops = items.checked_sub(2).ok_or(malformed(&from))?;
    if ops > OPS_MAX as u64 {
        return Err(DecodeError::TooMany);
    }
    let idempotency = match from.datatype() {
        Ok(Type::Null) => from.null().map(|()| None),
        _ => from
            .bytes()
            .map(|bytes| <[u8; 16]>::try_from(bytes).ok())
            .and_then(|key| key.map(Some).ok_or_else(|| minicbor::decode::Error::message("length"))),
    }
    .map_err(|_| malformed(&from))?;
    let by = match from.datatype() {
        Ok(Type::Null) => from.null().map(|()| None),
        _ => from.str().map(|by| Some(by.to_owned())),
    }
    .map_err(|_| malformed(&from))?;
    let ops = (0..ops as usize).map(|op| read_op(&mut from, op)).collect::<Result<Vec<_>, _>>()?;
    if from.position() != body.len() {
        return Err(malformed(&from));
    }
    Ok(Save { idempotency, by, ops })
}

fn read_op(from: &mut Decoder<'_>, op: usize) -> Result<Op, DecodeError> {
    let start = from.position();
    let fields = read_fields(from).ok_or(DecodeError::Malformed { at: from.position().max(start) })?;
    if fields.parents.len() > PARENTS_MAX * 16 {
        return Err(DecodeError::TooMany);
    }
    let (parents, rest) = fields.parents.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(DecodeError::Malformed { at: from.position() });
    }
    let raw = fields.raw.unwrap_or_default();
    let id = match fields.id {
        Id::InRaw => id_in(raw).unwrap_or_default(),
        Id::Uuid(bytes) => uuid_text(&bytes),
        Id::Text(text) => text.to_owned(),
    };
    let key = ResourceKey::new(fields.resource_type, id).map_err(|error| DecodeError::Key { op, error })?;
    Ok(Op {
        action: if fields.raw.is_some() { Action::Put } else { Action::Delete },
        key,
        parents: parents.iter().copied().map(VersionId::from_bytes).collect(),
        raw: raw.to_vec(),
    })
}

struct Fields<'b> {
    resource_type: &'b str,
    id: Id<'b>,
    parents: &'b [u8],
    raw: Option<&'b [u8]>,
}

enum Id<'b> {
    /// The resource says its id itself, so it is not said twice.
    InRaw,
    Uuid([u8; 16]),
    Text(&'b str),
}

fn read_fields<'b>(from: &mut Decoder<'b>) -> Option<Fields<'b>> {
    if from.array().ok()? != Some(4) {
        return None;
    }
    let resource_type = match from.datatype().ok()? {
        Type::String => from.str().ok()?,
        _ => RESOURCE_TYPES.get(usize::try_from(from.u64().ok()?).ok()?)?,
    };
    let id = match from.datatype().ok()? {
        Type::Null => from.null().ok().map(|()| Id::InRaw)?,
        Type::Bytes => Id::Uuid(from.bytes().ok()?.try_into().ok()?),
        _ => Id::Text(from.str().ok()?),
    };
    let parents = from.bytes().ok()?;
    let raw = match from.datatype().ok()? {
        Type::Null => from.null().ok().map(|()| None)?,
        _ => Some(from.bytes().ok()?),
    };
    Some(Fields { resource_type, id, parents, raw })
}

/// The `id` a resource says itself.
fn id_in(raw: &[u8]) -> Option<String> {
    json::parse_object(raw).ok()?.get_str("id").map(|id| id.into_owned())
}

/// The bytes of a UUID in its one canonical form, lower case with dashes.
pub(crate) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut digits = [0; 32];
    for (digit, byte) in digits.iter_mut().zip(text.iter().filter(|&&byte| byte != b'-')) {
        *digit = *byte;
    }
    // A dash anywhere else would leave fewer than 32 digits, and a zero byte is not a digit.
    hex16(&digits)
}

/// The canonical form of a UUID.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = VersionId::from_bytes(*bytes).to_string();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests;
