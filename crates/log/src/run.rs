//! A run: consecutive entries of one log as they travel. What the receiver can compute (version, suite, author, lane, seq,
//! previous id, body hash) is not sent; about 94 bytes of header an entry remain. `docs/protocol.md` §5.

use crate::clock::Hlc;
use crate::entry::{
    BODY_BYTES_MAX, BodyKind, CARRYING_LEN, Entry, EntryError, FORMAT_VERSION, HEADER_LEN, Header, SEQ_MAX, SUITE,
};
use crate::ids::{DeviceId, EntryId, Lane, LogId, NetworkId, ScopeTag, Seq};
use crate::sign::Verifier;
use crate::wire::{FormatError, Reader, put_varint, put_zigzag};

/// Most entries in one run: bounds what one message makes a receiver hold.
pub const RUN_ENTRIES_MAX: usize = 4_096;
/// How many scope tags a run remembers, so that a busy chart's tag is sent once.
const SCOPES_MAX: usize = 127;

/// Encodes consecutive entries of one log. Returns `None` for an empty slice.
pub fn encode_run(entries: &[Entry]) -> Option<Vec<u8>> {
    let first = entries.first()?.header();
    assert!(entries.len() <= RUN_ENTRIES_MAX, "a run is bounded");
    let mut out = Vec::with_capacity(entries.iter().map(|entry| entry.body().len() + 100).sum::<usize>() + 90);
    out.extend_from_slice(&[FORMAT_VERSION, SUITE, first.log.lane as u8]);
    out.extend_from_slice(first.log.author.as_bytes());
    put_varint(&mut out, first.seq);
    if first.seq > 1 {
        out.extend_from_slice(first.prev.as_bytes());
    }
    put_varint(&mut out, entries.len() as u64);
    let mut scopes: Vec<ScopeTag> = vec![ScopeTag::NETWORK];
    let mut hlc = Hlc(0);
    let mut expected = (first.seq, first.prev);
    for entry in entries {
        let header = entry.header();
        assert!(header.log == first.log && (header.seq, header.prev) == expected, "a run is contiguous");
        expected = (header.seq + 1, entry.id());
        // One byte: the kind, and which remembered scope; 127 says that a new one follows.
        let known = scopes.iter().position(|scope| *scope == header.scope);
        out.push((header.kind as u8) << 7 | known.unwrap_or(SCOPES_MAX) as u8);
        if known.is_none() {
            out.extend_from_slice(header.scope.as_bytes());
            remember(&mut scopes, header.scope);
        }
        put_zigzag(&mut out, header.hlc.0.wrapping_sub(hlc.0) as i64);
        hlc = header.hlc;
        put_varint(&mut out, entry.body().len() as u64);
        out.extend_from_slice(&header.signature);
        out.extend_from_slice(entry.body());
    }
    Some(out)
}

fn remember(scopes: &mut Vec<ScopeTag>, scope: ScopeTag) {
    if scopes.len() < SCOPES_MAX {
        scopes.push(scope);
    }
}

/// What a run brought: the entries that hold, and the first that does not, after which nothing of the run is taken.
#[derive(Debug)]
pub struct CheckedRun {
    /// The log and the place of the first entry.
    pub log: LogId,
    /// Entries whose hash and signature hold, consecutive.
    pub entries: Vec<Entry>,
    /// The first that does not hold, if there is one.
    pub refused: Option<Unfit>,
}

/// What of a run does not hold, with its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// The place it claims.
    pub seq: Seq,
    /// Why it does not hold.
    pub error: EntryError,
    /// Header and body; the whole run as it came, if that is of a format which is not known here.
    pub bytes: Vec<u8>,
}

/// Decodes and checks a run. Every signature is checked (decision 0002).
///
/// A run of a format that is not known here holds nothing but what a later release may read: it is refused as a whole, at
/// the log and the place where every format has them, so that its log waits and every other goes on.
///
/// # Errors
/// The bytes are not a run at all. A bad entry inside is not an error of the run.
pub fn check_run(bytes: &[u8], network: &NetworkId, verifier: &dyn Verifier) -> Result<CheckedRun, FormatError> {
    let mut r = Reader::new(bytes);
    let [version, suite, lane] = r.array()?;
    let lane = Lane::from_u8(lane).ok_or(FormatError::Invalid("lane"))?;
    let log = LogId { lane, author: DeviceId(r.array()?) };
    let first = r.varint()?;
    if first == 0 || first > SEQ_MAX {
        return Err(FormatError::Invalid("place in the log"));
    }
    if version != FORMAT_VERSION || suite != SUITE {
        let error = FormatError::Version(if version == FORMAT_VERSION { suite } else { version }).into();
        let refused = Some(Unfit { seq: first, error, bytes: bytes.to_vec() });
        return Ok(CheckedRun { log, entries: Vec::new(), refused });
    }
    let mut prev = if first > 1 { EntryId(r.array()?) } else { EntryId([0; 32]) };
    let count = r.varint()?;
    if count == 0 || count > RUN_ENTRIES_MAX as u64 {
        return Err(FormatError::TooLarge("run"));
    }
    let mut run = CheckedRun { log, entries: Vec::with_capacity(count as usize), refused: None };
    let mut scopes = vec![ScopeTag::NETWORK];
    let mut hlc = Hlc(0);
    for seq in first..first + count {
        let (header, body) = read_one(&mut r, log, seq, prev, &mut scopes, &mut hlc)?;
        match Entry::check(header.clone(), body.to_vec(), network, verifier) {
            Ok(entry) => {
                prev = entry.id();
                run.entries.push(entry);
            }
            Err(error) => {
                run.refused = Some(Unfit { seq, error, bytes: [&header.encode(), body].concat() });
                return Ok(run);
            }
        }
    }
    if r.is_empty() { Ok(run) } else { Err(FormatError::Invalid("bytes after a run")) }
}

fn read_one<'a>(
    r: &mut Reader<'a>,
    log: LogId,
    seq: Seq,
    prev: EntryId,
    scopes: &mut Vec<ScopeTag>,
    hlc: &mut Hlc,
) -> Result<(Header, &'a [u8]), FormatError> {
    let mark = r.u8()?;
    let kind = BodyKind::from_u8(mark >> 7).ok_or(FormatError::Invalid("body kind"))?;
    let scope = match usize::from(mark & 0x7f) {
        SCOPES_MAX => {
            let scope = ScopeTag(r.array()?);
            remember(scopes, scope);
            scope
        }
        known => *scopes.get(known).ok_or(FormatError::Invalid("scope"))?,
    };
    *hlc = Hlc(hlc.0.wrapping_add(r.zigzag()? as u64));
    let body_len = r.varint()?;
    if body_len > (BODY_BYTES_MAX + CARRYING_LEN) as u64 {
        return Err(FormatError::TooLarge("body"));
    }
    let signature = r.array()?;
    let body = r.take(body_len as usize)?;
    let body_hash = *blake3::hash(body).as_bytes();
    Ok((Header { log, seq, prev, scope, hlc: *hlc, kind, body_hash, body_len: body_len as u32, signature }, body))
}

/// Bytes that an entry of this body length takes in a run at most; for filling a message up to a size.
pub fn run_entry_bytes_max(body_len: usize) -> usize {
    body_len + HEADER_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, entries};
    use proptest::prelude::*;

    #[test]
    fn a_run_carries_the_same_headers_in_half_the_bytes() {
        let sent = entries(1, Lane::Clinical, 40);
        let bytes = encode_run(&sent[3..]).unwrap();
        let headers = bytes.len() - sent[3..].iter().map(|entry| entry.body().len()).sum::<usize>();
        assert!(headers / 37 < 94, "{} bytes an entry", headers / 37);
        let run = check_run(&bytes, &NETWORK, &Ed25519Verifier).unwrap();
        assert_eq!((run.entries.as_slice(), run.refused), (&sent[3..], None));
    }

    #[test]
    fn after_a_bad_entry_nothing_of_the_run_is_taken_and_what_came_before_is() {
        let sent = entries(1, Lane::Clinical, 5);
        let mut bytes = encode_run(&sent).unwrap();
        let third = bytes.windows(64).position(|window| window == sent[2].header().signature).unwrap();
        bytes[third] ^= 1;
        let run = check_run(&bytes, &NETWORK, &Ed25519Verifier).unwrap();
        let refused = run.refused.unwrap();
        assert_eq!((run.entries.as_slice(), refused.seq, refused.error), (&sent[..2], 3, EntryError::Signature));
        let mut header = sent[2].header().clone();
        header.signature[0] ^= 1;
        assert_eq!(refused.bytes, [&header.encode(), sent[2].body()].concat(), "what was refused is kept as it came");
    }

    #[test]
    fn a_run_of_a_later_format_is_refused_as_a_whole_with_its_log_and_place() {
        let sent = entries(1, Lane::Urgent, 5);
        for at in [0, 1] {
            let mut bytes = encode_run(&sent[2..]).unwrap();
            bytes[at] = 9;
            bytes.extend_from_slice(b"what only the later release can read");
            let run = check_run(&bytes, &NETWORK, &Ed25519Verifier).unwrap();
            let refused = run.refused.unwrap();
            assert_eq!((run.log, refused.seq, run.entries.len()), (sent[2].header().log, 3, 0));
            assert_eq!(refused.error, EntryError::Format(FormatError::Version(9)));
            assert_eq!(refused.bytes, bytes);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(junk in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<usize>(), flip in any::<usize>()) {
            let _ = check_run(&junk, &NETWORK, &Ed25519Verifier);
            let mut bytes = encode_run(&entries(1, Lane::Bulk, 2)).unwrap();
            let at = flip % bytes.len();
            bytes[at] = bytes[at].wrapping_add(1);
            bytes.truncate(cut % (bytes.len() + 1));
            if let Ok(run) = check_run(&bytes, &NETWORK, &Ed25519Verifier) {
                prop_assert!(run.entries.len() < 2, "a changed run never comes through whole");
            }
        }
    }
}
