//! What one save says: the plaintext body of one entry of the log.
//!
//! Several operations of one save appear together or not at all, because they travel as one entry. The bytes are
//! compact (a typical observation of 1 kB fits 200 B) because every byte is carried by people.

mod codec;
mod pack;

use std::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

pub use codec::{CodecError, SAVE_BYTES_MAX};
use pack::Tail;

use crate::json;
use crate::key::{KeyError, RESOURCE_TYPES, ResourceKey, type_index};
use crate::version::{VersionId, hex16};

/// The most operations one save may hold: a bulk import is cut into saves long before this.
pub const OPS_MAX: usize = 10_000;

/// The most parents one operation may name. Heads are as many as sites that wrote apart, some dozens at worst.
pub const PARENTS_MAX: usize = 1_000;

/// More than an operation takes in the body beside its resource: its type, its id, two counts, some marks.
const OP_BYTES_MAX: usize = 256;

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
    /// release may choose other bytes that decode to the same save. Resources of more than [`SAVE_BYTES_MAX`] together
    /// are for the caller to refuse: their bytes could not be read back.
    pub fn encode(&self) -> Vec<u8> {
        let (tail, body) = self.pack();
        codec::compress(tail.bytes(), &body)
    }

    /// The part of this save that goes through the compressor: what a dictionary is trained on.
    pub fn compressible(&self) -> Vec<u8> {
        self.pack().1
    }

    /// True if it is within the bounds that a reader holds it to, so that [`Save::decode`] gives back what
    /// [`Save::encode`] was given.
    pub fn is_within_bounds(&self) -> bool {
        let bytes: usize = self.ops.iter().map(|op| op.raw.len() + OP_BYTES_MAX).sum();
        self.ops.len() <= OPS_MAX
            && self.ops.iter().all(|op| op.parents.len() <= PARENTS_MAX)
            && bytes + self.by.as_ref().map_or(0, String::len) + OP_BYTES_MAX <= SAVE_BYTES_MAX
    }

    /// Reads a save from bytes that may come from anywhere.
    ///
    /// # Errors
    /// [`DecodeError`]; never panics, never takes more than some multiples of [`SAVE_BYTES_MAX`] of memory.
    pub fn decode(bytes: &[u8]) -> Result<Save, DecodeError> {
        let (tail, body) = codec::decompress(bytes)?;
        Reader { from: Decoder::new(&body), tail: Tail::read(tail), unpacked_bytes: 0 }.save(body.len())
    }

    /// `[idempotency: true / null, by: text / null, *op]`, where `op = [type, id, parents: count, raw / null]`, with a
    /// fifth item `true` if `raw` stands as it is instead of [packed](pack). `true` for an idempotency key or an id,
    /// and every parent, mean the next sixteen bytes of the tail.
    fn pack(&self) -> (Tail<'_>, Vec<u8>) {
        let bytes: usize = self.ops.iter().map(|op| op.raw.len() + 64).sum();
        let mut body = Encoder::new(Vec::with_capacity(bytes + 32));
        let mut tail = Tail::default();
        let written = self.write(&mut body, &mut tail);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        (tail, body.into_writer())
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
        tail: &mut Tail<'_>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(2 + self.ops.len() as u64)?;
        match self.idempotency {
            Some(key) => {
                tail.push(key);
                to.bool(true)?
            }
            None => to.null()?,
        };
        match &self.by {
            Some(by) => to.str(by)?,
            None => to.null()?,
        };
        for op in &self.ops {
            let id = (id_in(&op.raw).as_deref() != Some(&*op.key.id)).then(|| uuid_bytes(&op.key.id));
            if let Some(Some(uuid)) = id {
                tail.push(uuid);
            }
            op.parents.iter().for_each(|parent| tail.push(*parent.as_bytes()));
            let packed = if op.action == Action::Put { tail.pack(&op.raw) } else { None };
            to.array(if op.action == Action::Put && packed.is_none() { 5 } else { 4 })?;
            match type_index(&op.key.resource_type) {
                Some(index) => to.u64(index as u64)?,
                None => to.str(&op.key.resource_type)?,
            };
            match id {
                None => to.null()?,
                Some(Some(_)) => to.bool(true)?,
                Some(None) => to.str(&op.key.id)?,
            };
            to.u64(op.parents.len() as u64)?;
            match (op.action, packed) {
                (Action::Delete, _) => to.null()?,
                (Action::Put, Some(packed)) => to.bytes(&packed)?,
                (Action::Put, None) => to.bytes(&op.raw)?.bool(true)?,
            };
        }
        Ok(())
    }
}

struct Reader<'b> {
    from: Decoder<'b>,
    tail: Tail<'b>,
    /// Bytes of resources so far: a packed resource is smaller than what it stands for.
    unpacked_bytes: usize,
}

impl<'b> Reader<'b> {
    fn save(mut self, body_bytes: usize) -> Result<Save, DecodeError> {
        let ops = self.head().ok_or(self.malformed())?;
        if ops > OPS_MAX as u64 {
            return Err(DecodeError::TooMany);
        }
        let idempotency = self.sixteen_or_null().ok_or(self.malformed())?;
        let by = self.text_or_null().ok_or(self.malformed())?;
        let ops = (0..ops as usize).map(|op| self.op(op)).collect::<Result<Vec<_>, _>>()?;
        if self.from.position() != body_bytes || !self.tail.is_read() {
            return Err(self.malformed());
        }
        Ok(Save { idempotency, by, ops })
    }

    fn op(&mut self, op: usize) -> Result<Op, DecodeError> {
        let (resource_type, id, parents, verbatim) = self.op_head().ok_or(self.malformed())?;
        if parents > PARENTS_MAX as u64 {
            return Err(DecodeError::TooMany);
        }
        let parents = (0..parents).map(|_| self.tail.next().map(VersionId::from_bytes)).collect::<Option<Vec<_>>>();
        let parents = parents.ok_or(self.malformed())?;
        let raw = self.raw(verbatim)?;
        let id = match id {
            Id::InRaw => raw.as_deref().and_then(id_in).unwrap_or_default(),
            Id::Uuid(bytes) => uuid_text(&bytes),
            Id::Text(text) => text.to_owned(),
        };
        let key = ResourceKey::new(resource_type, id).map_err(|error| DecodeError::Key { op, error })?;
        let action = if raw.is_some() { Action::Put } else { Action::Delete };
        Ok(Op { action, key, parents, raw: raw.unwrap_or_default() })
    }

    fn head(&mut self) -> Option<u64> {
        self.from.array().ok()??.checked_sub(2)
    }

    fn sixteen_or_null(&mut self) -> Option<Option<[u8; 16]>> {
        match self.from.datatype().ok()? {
            Type::Null => self.from.null().ok().map(|()| None),
            _ if self.from.bool().ok()? => self.tail.next().map(Some),
            _ => None,
        }
    }

    fn text_or_null(&mut self) -> Option<Option<String>> {
        match self.from.datatype().ok()? {
            Type::Null => self.from.null().ok().map(|()| None),
            _ => self.from.str().ok().map(|text| Some(text.to_owned())),
        }
    }

    /// Type, id, number of parents, and whether the resource stands as it is.
    fn op_head(&mut self) -> Option<(&'b str, Id<'b>, u64, bool)> {
        let items = self.from.array().ok()??;
        let verbatim = match items {
            4 => false,
            5 => true,
            _ => return None,
        };
        let resource_type = match self.from.datatype().ok()? {
            Type::String => self.from.str().ok()?,
            _ => RESOURCE_TYPES.get(usize::try_from(self.from.u64().ok()?).ok()?)?,
        };
        let id = match self.from.datatype().ok()? {
            Type::Null => self.from.null().ok().map(|()| Id::InRaw)?,
            Type::String => Id::Text(self.from.str().ok()?),
            _ if self.from.bool().ok()? => Id::Uuid(self.tail.next()?),
            _ => return None,
        };
        Some((resource_type, id, self.from.u64().ok()?, verbatim))
    }

    fn raw(&mut self, verbatim: bool) -> Result<Option<Vec<u8>>, DecodeError> {
        let malformed = self.malformed();
        if matches!(self.from.datatype(), Ok(Type::Null)) && !verbatim {
            return self.from.null().map(|()| None).map_err(|_| malformed);
        }
        let bytes = self.from.bytes().map_err(|_| malformed)?;
        let room = SAVE_BYTES_MAX - self.unpacked_bytes.min(SAVE_BYTES_MAX);
        let raw = if verbatim {
            let marked = self.from.bool().map_err(|_| malformed)?;
            (marked && bytes.len() <= room).then(|| bytes.to_vec()).ok_or(malformed)?
        } else {
            self.tail.unpack(bytes, room).ok_or(malformed)?
        };
        self.unpacked_bytes += raw.len();
        Ok(Some(raw))
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { at: self.from.position() }
    }
}

enum Id<'b> {
    /// The resource says its id itself, so it is not said twice.
    InRaw,
    Uuid([u8; 16]),
    Text(&'b str),
}

/// The `id` a resource says itself.
fn id_in(raw: &[u8]) -> Option<String> {
    json::string_member(raw, "id").map(|id| id.into_owned())
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
