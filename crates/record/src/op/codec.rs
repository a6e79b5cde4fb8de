//! The outer form of a save: one byte that says how the rest is compressed.
//!
//! | first byte | the rest |
//! |---|---|
//! | 0 | length of the tail (LEB128), tail, body |
//! | 1 | length of the tail, tail, length of the body, zstd frame without magic number, checksum, content size |
//! | 2 | the same, compressed with dictionary v1 |
//!
//! The tail is what no compressor makes smaller (ids); it stands beside the frame because inside it would cost more
//! than its own length.
//!
//! A dictionary ships for ever: a save compressed with it cannot be read without it. A better one gets a new number.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, DParameter, FrameFormat};

/// The most bytes the body of one save may have: the largest attachment a save may carry, and what a reader is ready
/// to hold in memory for bytes that come from anywhere.
pub const SAVE_BYTES_MAX: usize = 16 << 20;

/// Above this the dictionary no longer pays for certain, so both ways are tried.
const DICTIONARY_BYTES_MAX: usize = 32 << 10;

/// Measured on the sample records: see `dictionaries/README.md`.
const LEVEL: i32 = 6;

const STORED: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_V1: u8 = 2;

static DICTIONARY_V1: &[u8] = include_bytes!("../../dictionaries/v1.dict");
static ENCODER_V1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_V1, LEVEL));
static DECODER_V1: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_V1));

thread_local! {
    // A context is some hundred kilobytes that would otherwise be set up for every save.
    static CONTEXTS: RefCell<Option<Contexts>> = const { RefCell::new(None) };
}

struct Contexts {
    plain: Compressor<'static>,
    v1: Compressor<'static>,
    from_plain: Decompressor<'static>,
    from_v1: Decompressor<'static>,
}

/// Why the outer form of a save cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// No bytes at all.
    #[error("an empty save")]
    Empty,
    /// Compressed in a way this release does not know.
    #[error("compression {0} is not known to this release")]
    UnknownCodec(u8),
    /// The body would be larger than [`SAVE_BYTES_MAX`].
    #[error("the save is larger than a save may be")]
    TooLarge,
    /// The compressed bytes are not what a compressor wrote.
    #[error("the compressed save is damaged")]
    Damaged,
}

/// Tail and body in their smallest outer form.
pub(super) fn compress(tail: &[u8], body: &[u8]) -> Vec<u8> {
    let with_dictionary = with_contexts(|contexts| frame(ZSTD_V1, &mut contexts.v1, tail, body));
    let without = (body.len() > DICTIONARY_BYTES_MAX || with_dictionary.is_none())
        .then(|| with_contexts(|contexts| frame(ZSTD, &mut contexts.plain, tail, body)))
        .flatten();
    // Whatever goes wrong in the compressor, the body itself is always a valid form.
    let stored = store(tail, body);
    [with_dictionary, without, Some(stored)].into_iter().flatten().min_by_key(Vec::len).unwrap_or_default()
}

/// Tail and body as they are.
pub(super) fn store(tail: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = vec![STORED];
    write_length(tail.len(), &mut out);
    [&out, tail, body].concat()
}

/// Tail and body from any of the outer forms.
pub(super) fn decompress(bytes: &[u8]) -> Result<(&[u8], Cow<'_, [u8]>), CodecError> {
    let (&codec, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if codec > ZSTD_V1 {
        return Err(CodecError::UnknownCodec(codec));
    }
    let (length, rest) = read_length(rest)?;
    let (tail, rest) = rest.split_at_checked(length).ok_or(CodecError::Damaged)?;
    let body = match codec {
        STORED if rest.len() > SAVE_BYTES_MAX => return Err(CodecError::TooLarge),
        STORED => Cow::Borrowed(rest),
        ZSTD => Cow::Owned(unframe(rest, |contexts| &mut contexts.from_plain)?),
        _ => Cow::Owned(unframe(rest, |contexts| &mut contexts.from_v1)?),
    };
    Ok((tail, body))
}

fn frame(codec: u8, compressor: &mut Compressor<'static>, tail: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![codec];
    write_length(tail.len(), &mut out);
    out.extend_from_slice(tail);
    write_length(body.len(), &mut out);
    out.extend_from_slice(&compressor.compress(body).ok()?);
    Some(out)
}

fn unframe(
    bytes: &[u8],
    choose: impl FnOnce(&mut Contexts) -> &mut Decompressor<'static>,
) -> Result<Vec<u8>, CodecError> {
    let (length, rest) = read_length(bytes)?;
    let body = with_contexts(|contexts| choose(contexts).decompress(rest, length).ok());
    body.filter(|body| body.len() == length).ok_or(CodecError::Damaged)
}

fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length > 0x7f {
        out.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    out.push(length as u8);
}

/// A length, at most [`SAVE_BYTES_MAX`], and what follows it.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), CodecError> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return if length > SAVE_BYTES_MAX { Err(CodecError::TooLarge) } else { Ok((length, &bytes[index + 1..])) };
        }
    }
    Err(if bytes.len() < 4 { CodecError::Damaged } else { CodecError::TooLarge })
}

/// Runs `work` with this thread's contexts; `None` when they cannot be set up, that is without memory.
fn with_contexts<T>(work: impl FnOnce(&mut Contexts) -> Option<T>) -> Option<T> {
    CONTEXTS.with_borrow_mut(|contexts| {
        if contexts.is_none() {
            *contexts = Contexts::new().ok();
        }
        work(contexts.as_mut()?)
    })
}

impl Contexts {
    fn new() -> std::io::Result<Contexts> {
        let mut plain = Compressor::new(LEVEL)?;
        let mut v1 = Compressor::with_prepared_dictionary(&ENCODER_V1)?;
        for compressor in [&mut plain, &mut v1] {
            compressor.set_parameter(CParameter::Format(FrameFormat::Magicless))?;
            compressor.set_parameter(CParameter::ChecksumFlag(false))?;
            compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
            compressor.set_parameter(CParameter::DictIdFlag(false))?;
        }
        let mut from_plain = Decompressor::new()?;
        let mut from_v1 = Decompressor::with_prepared_dictionary(&DECODER_V1)?;
        for decompressor in [&mut from_plain, &mut from_v1] {
            decompressor.set_parameter(DParameter::Format(FrameFormat::Magicless))?;
        }
        Ok(Contexts { plain, v1, from_plain, from_v1 })
    }
}
