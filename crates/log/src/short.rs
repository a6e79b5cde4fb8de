//! What is said on a tiny link instead of Hello and of frontiers: a Call, its answer, and parts of frontiers by short names.
//! `docs/protocol.md`, Tiny links. The rest of a session is that of `message.rs`.

use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, Lane, LogId, NetworkId, Seq};
use crate::message::ShortId;
use crate::sign::{Purpose, SIGNATURE_LEN, Signature, Signer, Verifier};
use crate::wire::{FormatError, Reader, put_varint};

/// Kinds of messages, apart from those of `message.rs`.
pub const CALL_KIND: u8 = 32;
/// Each side holds the other's newest receipt.
pub const SAME_KIND: u8 = 33;
/// Something differs.
pub const ANSWER_KIND: u8 = 34;
/// Who speaks, in full.
pub const NAME_KIND: u8 = 35;
/// A signed part of a frontier.
pub const PART_KIND: u8 = 36;
/// A Need by short names.
pub const ASK_KIND: u8 = 37;
/// A Gone by short names.
pub const GONE_KIND: u8 = 38;
/// A Which by short names.
pub const WHICH_KIND: u8 = 39;
/// A Show by short names.
pub const SHOW_KIND: u8 = 40;
/// What the sender holds of the reader's own logs.
pub const YOURS_KIND: u8 = 41;
/// A Done that tells which entries stand at the ends.
pub const SETTLED_KIND: u8 = 42;
/// That the reader itself has signed a receipt for more than it says it holds.
pub const CLAIM_KIND: u8 = 43;

/// Bytes of a digest. What is by accident taken for the same, once in sixteen million, is not so in the next call, whose
/// salt is another.
pub const DIGEST_LEN: usize = 3;
/// Shortest Call: of a caller that holds no receipt of the other side.
pub const CALL_LEN_MIN: usize = SALT_LEN + 3 + 2 + 2 * DIGEST_LEN;
/// Longest Call.
pub const CALL_LEN_MAX: usize = CALL_LEN_MIN + DIGEST_LEN + 1;
/// Randomness of one side: a Call is answered once in 2⁴⁸ by an old answer.
pub const SALT_LEN: usize = 6;
/// A Have beyond this many bytes is not sent on a tiny link; a part takes its place: a quarter of a minute at 120 bytes a
/// second would pass before the first record.
pub const HAVE_BYTES_MAX: usize = 300;
/// Bytes of the names and heights in a part: with signature and counter it stays below [`HAVE_BYTES_MAX`].
pub const PART_BYTES_MAX: usize = 220;
/// Largest body that travels on a tiny link: nine minutes at 120 bytes a second. Attachments wait for a better carrier.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Ranges in one message: each takes six bytes or more.
pub const RANGES_MAX: usize = 64;
/// Entries that may be pushed with a call, before an answer: more wait until the other side says what it lacks.
pub const PUSHED_MAX: usize = 8;

/// A device by the first bytes of its key, for what is only a hint. One that fits several names nobody.
pub type ShortName = [u8; 4];

/// How a device is named in a call: three bytes as the sender, two as the receiver.
pub fn name_of(device: &DeviceId) -> ([u8; 3], [u8; 2]) {
    let [a, b, c, ..] = device.0;
    ([a, b, c], [a, b])
}

/// The short name of a device.
pub fn short_name(device: &DeviceId) -> ShortName {
    let [a, b, c, d, ..] = device.0;
    [a, b, c, d]
}

/// A device that is known by its short name only: no device has such a key but by an accident of 2⁻²²⁴.
pub fn stand_in(name: ShortName) -> DeviceId {
    let mut bytes = [0; DeviceId::LEN];
    bytes[..name.len()].copy_from_slice(&name);
    DeviceId(bytes)
}

/// True for what [`stand_in`] made.
pub fn is_stand_in(device: &DeviceId) -> bool {
    device.0[4..].iter().all(|byte| *byte == 0)
}

/// Sender and receiver of a call, from its bytes.
pub fn call_names(call: &[u8]) -> Option<([u8; 3], [u8; 2])> {
    let mut r = Reader::new(call);
    r.take(SALT_LEN).ok()?;
    Some((r.array().ok()?, r.array().ok()?))
}

/// A digest of what is compared, different in each call.
pub type Digest = [u8; DIGEST_LEN];

/// The digest of what a device holds, by the hash of its frontier, or of the entries at its ends, by theirs.
pub fn digest(salt: &[u8; SALT_LEN], device: &DeviceId, hash: &[u8; 32]) -> Digest {
    let mut digest = blake3::Hasher::new_derive_key("sanad 2026 tiny digest v1");
    let mut out = [0; DIGEST_LEN];
    digest.update(salt).update(device.as_bytes()).update(hash).finalize_xof().fill(&mut out);
    out
}

/// The first message on a tiny link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Fresh for each call.
    pub salt: [u8; SALT_LEN],
    /// Who calls.
    pub from: [u8; 3],
    /// Who is called; zeroes for whoever hears it.
    pub to: [u8; 2],
    /// Of what the caller holds now; of its lanes 0 and 1 if `yours` is not said.
    pub mine: Digest,
    /// Of which entries stand at the ends that both sides have in common; of those of lanes 0 and 1 if `yours` is not said.
    pub tips: Digest,
    /// Of the newest receipt of the other side that the caller holds, if there is one.
    pub yours: Option<Digest>,
    /// There is something to exchange, whatever the digests say.
    pub more: bool,
    /// Entries that follow at once.
    pub pushed: u8,
}

/// What is said to a call if something differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Fresh.
    pub salt: [u8; SALT_LEN],
    /// Who answers, if the call was to anybody.
    pub device: Option<DeviceId>,
    /// The caller's short name is known to nobody here, or to several.
    pub who: bool,
    /// The receipt of this side that the caller holds is the newest: no Have will follow.
    pub no_have: bool,
    /// The counter of the caller's receipt held here; `None` if it is the newest, 0 if there is none.
    pub base: Option<u64>,
}

/// A signed statement "I durably hold these places", by short names: what is said on a tiny link where a frontier does not
/// fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Entries held in all, as in a receipt.
    pub counter: u64,
    /// By author: contiguous heights of lanes 0 and 1.
    pub heights: Vec<(ShortName, u64, u64)>,
    /// Over the places by full names.
    pub signature: Signature,
}

/// What the sender holds of the reader's own logs, lane by lane: the last place and the entry there. A device that has gone
/// back in time sees it by this even where frontiers are told in parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Yours(pub [Option<(Seq, ShortId)>; Lane::ALL.len()]);

/// The sender has all it asked for, durably, and has said so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Of which entries stand at the ends of its lanes 0 and 1.
    pub tips: Digest,
    /// Of its places in lanes 0 and 1, if it has told them in part only.
    pub places: Option<Digest>,
}

/// A receipt that the reader has signed, without its frontier: enough for a device that has gone back in time to know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Entries that were held.
    pub counter: u64,
    /// The hash of their frontier.
    pub frontier_hash: [u8; 32],
    /// The reader's signature.
    pub signature: Signature,
}

impl Claim {
    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![CLAIM_KIND];
        put_varint(&mut out, self.counter);
        out.extend_from_slice(&self.frontier_hash);
        out.extend_from_slice(&self.signature);
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Claim, FormatError> {
        Ok(Claim { counter: r.varint()?, frontier_hash: r.array()?, signature: r.array::<SIGNATURE_LEN>()? })
    }
}

impl Yours {
    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![YOURS_KIND];
        for end in &self.0 {
            put_varint(&mut out, end.map_or(0, |(seq, _)| seq));
            end.iter().for_each(|(_, id)| out.extend_from_slice(id));
        }
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Yours, FormatError> {
        let mut yours = Yours::default();
        for end in &mut yours.0 {
            let seq = r.varint()?;
            if seq > crate::entry::SEQ_MAX {
                return Err(FormatError::Invalid("place in the log"));
            }
            *end = if seq > 0 { Some((seq, r.array()?)) } else { None };
        }
        Ok(yours)
    }
}

impl Settled {
    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![SETTLED_KIND];
        out.extend_from_slice(&self.tips);
        self.places.iter().for_each(|places| out.extend_from_slice(places));
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Settled, FormatError> {
        let tips = r.array()?;
        Ok(Settled { tips, places: if r.is_empty() { None } else { Some(r.array()?) } })
    }
}

impl Call {
    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![CALL_KIND];
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.from);
        out.extend_from_slice(&self.to);
        out.extend_from_slice(&self.mine);
        out.extend_from_slice(&self.tips);
        self.yours.iter().for_each(|yours| out.extend_from_slice(yours));
        let special = u8::from(self.more) | self.pushed << 1;
        out.extend((special != 0).then_some(special));
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Call, FormatError> {
        let (salt, from, to, mine, tips) = (r.array()?, r.array()?, r.array()?, r.array()?, r.array()?);
        let yours = if r.rest().len() >= DIGEST_LEN { Some(r.array()?) } else { None };
        let special = if r.is_empty() { 0 } else { r.u8()? };
        Ok(Call { salt, from, to, mine, tips, yours, more: special & 1 != 0, pushed: special >> 1 })
    }
}

impl Answer {
    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![ANSWER_KIND];
        out.extend_from_slice(&self.salt);
        let flags = [self.device.is_some(), self.who, self.no_have, self.base.is_some()];
        out.push(flags.iter().enumerate().fold(0, |flags, (at, set)| flags | u8::from(*set) << at));
        if let Some(device) = &self.device {
            out.extend_from_slice(device.as_bytes());
        }
        if let Some(base) = self.base {
            put_varint(&mut out, base);
        }
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Answer, FormatError> {
        let (salt, flags) = (r.array()?, r.u8()?);
        let device = if flags & 1 != 0 { Some(DeviceId(r.array()?)) } else { None };
        let base = if flags & 8 != 0 { Some(r.varint()?) } else { None };
        Ok(Answer { salt, device, who: flags & 2 != 0, no_have: flags & 4 != 0, base })
    }
}

fn signed_message(network: &NetworkId, counter: u64, frontier: &Frontier) -> Vec<u8> {
    [network.as_bytes(), &counter.to_be_bytes(), &frontier.hash()].concat()
}

impl Part {
    /// Signs the contiguous heights of lanes 0 and 1 of these authors, the first ones that fit. The caller has made sure
    /// that the disk has confirmed `held`.
    pub fn sign(
        network: &NetworkId,
        held: &Frontier,
        authors: impl Iterator<Item = DeviceId>,
        signer: &dyn Signer,
    ) -> Part {
        let (mut heights, mut stated, mut bytes) = (Vec::new(), Frontier::default(), Vec::new());
        for author in authors {
            let height = |lane| held.height(&LogId { lane, author });
            let row = (short_name(&author), height(Lane::Control), height(Lane::Urgent));
            if row.1 == 0 && row.2 == 0 || heights.contains(&row) {
                continue;
            }
            put_row(&mut bytes, &row);
            if bytes.len() > PART_BYTES_MAX {
                break;
            }
            put_heights(&mut stated, author, row.1, row.2);
            heights.push(row);
        }
        let counter = held.count().max(1);
        let signature = signer.sign(Purpose::Part, &signed_message(network, counter, &stated));
        Part { counter, heights, signature }
    }

    /// Bytes, kind first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![PART_KIND];
        put_varint(&mut out, self.counter);
        out.extend_from_slice(&self.signature);
        self.heights.iter().for_each(|row| put_row(&mut out, row));
        out
    }

    fn decode(r: &mut Reader<'_>) -> Result<Part, FormatError> {
        let (counter, signature) = (r.varint()?, r.array::<SIGNATURE_LEN>()?);
        if r.rest().len() > PART_BYTES_MAX {
            return Err(FormatError::TooLarge("part of a frontier"));
        }
        let mut heights = Vec::new();
        while !r.is_empty() {
            let row = (r.array()?, r.varint()?, r.varint()?);
            if row.1.max(row.2) > crate::entry::SEQ_MAX {
                return Err(FormatError::Invalid("place in the log"));
            }
            heights.push(row);
        }
        Ok(Part { counter, heights, signature })
    }

    /// The places, authors by the names that `find` knows and stand-ins otherwise.
    pub fn places(&self, find: impl Fn(ShortName) -> Option<DeviceId>) -> Frontier {
        let mut places = Frontier::default();
        for (name, control, urgent) in &self.heights {
            put_heights(&mut places, find(*name).unwrap_or_else(|| stand_in(*name)), *control, *urgent);
        }
        places
    }

    /// True if this device signed these places.
    pub fn holds(&self, network: &NetworkId, device: &DeviceId, places: &Frontier, verifier: &dyn Verifier) -> bool {
        let message = signed_message(network, self.counter, places);
        self.counter > 0 && verifier.verify(device, Purpose::Part, &message, &self.signature)
    }
}

fn put_row(out: &mut Vec<u8>, (name, control, urgent): &(ShortName, u64, u64)) {
    out.extend_from_slice(name);
    put_varint(out, *control);
    put_varint(out, *urgent);
}

fn put_heights(frontier: &mut Frontier, author: DeviceId, control: u64, urgent: u64) {
    for (lane, height) in [(Lane::Control, control), (Lane::Urgent, urgent)] {
        if height > 0 {
            frontier.insert(Range { log: LogId { lane, author }, from: 1, to: height });
        }
    }
}

/// An Ask, a Gone, a Which or a Show, by kind: places of logs by short names.
pub fn encode_ranges(kind: u8, ranges: &[Range]) -> Vec<u8> {
    let mut out = vec![kind];
    for range in ranges.iter().take(RANGES_MAX) {
        out.extend_from_slice(&short_name(&range.log.author));
        put_varint(&mut out, range.from << 2 | range.log.lane as u64);
        put_varint(&mut out, range.to - range.from);
    }
    out
}

fn take_ranges(r: &mut Reader<'_>) -> Result<Vec<Range>, FormatError> {
    let mut ranges = Vec::new();
    while !r.is_empty() {
        let author = stand_in(r.array()?);
        let mark = r.varint()?;
        let lane = Lane::from_u8((mark & 3) as u8).ok_or(FormatError::Invalid("lane"))?;
        let from = mark >> 2;
        let to = from.checked_add(r.varint()?).filter(|to| from > 0 && *to <= crate::entry::SEQ_MAX);
        if ranges.len() == RANGES_MAX {
            return Err(FormatError::TooLarge("ranges"));
        }
        ranges.push(Range {
            log: LogId { lane, author },
            from,
            to: to.ok_or(FormatError::Invalid("place in the log"))?,
        });
    }
    Ok(ranges)
}

/// A message that only a tiny link has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Short {
    /// First of the side that calls.
    Call(Call),
    /// Nothing differs.
    Same,
    /// Something differs.
    Answer(Answer),
    /// Who speaks, in full.
    Name(DeviceId),
    /// A part of a frontier.
    Part(Part),
    /// Please send these places; authors are stand-ins.
    Ask(Vec<Range>),
    /// These places cannot be served; authors are stand-ins.
    Gone(Vec<Range>),
    /// Which entries stand at these places? Authors are stand-ins.
    Which(Vec<Range>),
    /// Please show the header at this place; the author is a stand-in.
    Show(Vec<Range>),
    /// What is held of the reader's own logs.
    Yours(Yours),
    /// All that was asked for is here.
    Settled(Settled),
    /// What the reader once claimed.
    Claim(Claim),
}

/// Reads a message of one of the kinds above.
///
/// # Errors
/// The bytes are none.
pub fn decode(kind: u8, r: &mut Reader<'_>) -> Result<Short, FormatError> {
    let message = match kind {
        CALL_KIND => Short::Call(Call::decode(r)?),
        SAME_KIND => Short::Same,
        ANSWER_KIND => Short::Answer(Answer::decode(r)?),
        NAME_KIND => Short::Name(DeviceId(r.array()?)),
        PART_KIND => Short::Part(Part::decode(r)?),
        ASK_KIND => Short::Ask(take_ranges(r)?),
        GONE_KIND => Short::Gone(take_ranges(r)?),
        WHICH_KIND => Short::Which(take_ranges(r)?),
        SHOW_KIND => Short::Show(take_ranges(r)?),
        YOURS_KIND => Short::Yours(Yours::decode(r)?),
        SETTLED_KIND => Short::Settled(Settled::decode(r)?),
        CLAIM_KIND => Short::Claim(Claim::decode(r)?),
        _ => return Err(FormatError::Invalid("message kind")),
    };
    if r.is_empty() { Ok(message) } else { Err(FormatError::Invalid("bytes after a message")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, signer};
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Short, FormatError> {
        decode(bytes[0], &mut Reader::new(&bytes[1..]))
    }

    #[test]
    fn messages_come_back() {
        let device = signer(1).device();
        let (from, to) = name_of(&device);
        let (mine, tips) = ([2; DIGEST_LEN], [3; DIGEST_LEN]);
        let mut call = Call { salt: [1; SALT_LEN], from, to, mine, tips, yours: None, more: false, pushed: 0 };
        assert_eq!(call.encode().len(), 1 + CALL_LEN_MIN);
        assert_eq!(read(&call.encode()), Ok(Short::Call(call.clone())));
        call.pushed = 8;
        assert_eq!(read(&call.encode()), Ok(Short::Call(call.clone())));
        (call.yours, call.pushed) = (Some([4; DIGEST_LEN]), 0);
        assert_eq!(read(&call.encode()), Ok(Short::Call(call.clone())));
        (call.more, call.pushed) = (true, 9);
        assert_eq!(call.encode().len(), 1 + CALL_LEN_MAX);
        assert_eq!(call_names(&call.encode()[1..]), Some((from, to)));
        assert_eq!(read(&call.encode()), Ok(Short::Call(call)));
        for (device, base) in [(None, None), (Some(device), Some(0)), (None, Some(70_000))] {
            let answer = Answer { salt: [4; SALT_LEN], device, who: base.is_some(), no_have: base.is_none(), base };
            assert_eq!(read(&answer.encode()), Ok(Short::Answer(answer)));
        }
        let log = LogId { lane: Lane::Urgent, author: stand_in(short_name(&device)) };
        let ranges = vec![Range { log, from: 3, to: 3 }, Range { log, from: 1_000, to: 90_000 }];
        assert_eq!(read(&encode_ranges(ASK_KIND, &ranges)), Ok(Short::Ask(ranges.clone())));
        assert_eq!(read(&encode_ranges(GONE_KIND, &ranges)), Ok(Short::Gone(ranges.clone())));
        assert_eq!(read(&encode_ranges(WHICH_KIND, &ranges)), Ok(Short::Which(ranges.clone())));
        assert_eq!(read(&encode_ranges(SHOW_KIND, &ranges[..1])), Ok(Short::Show(ranges[..1].to_vec())));
        let yours = Yours([Some((7, [1; 8])), None, Some((90_000, [2; 8])), None]);
        assert_eq!(yours.encode().len(), 1 + 9 + 1 + 11 + 1);
        assert_eq!(read(&yours.encode()), Ok(Short::Yours(yours)));
        let claim = Claim { counter: 900, frontier_hash: [3; 32], signature: [4; SIGNATURE_LEN] };
        assert_eq!(read(&claim.encode()), Ok(Short::Claim(claim)));
        for places in [None, Some([6; DIGEST_LEN])] {
            let settled = Settled { tips: [5; DIGEST_LEN], places };
            assert_eq!(read(&settled.encode()), Ok(Short::Settled(settled)));
        }
    }

    #[test]
    fn a_part_of_a_thousand_authors_fits_and_holds_for_what_it_says() {
        let mut held = Frontier::default();
        let authors: Vec<_> = (0..1_000u32).map(|n| DeviceId(*blake3::hash(&n.to_be_bytes()).as_bytes())).collect();
        for author in &authors {
            put_heights(&mut held, *author, 120, 4_000);
        }
        let part = Part::sign(&NETWORK, &held, authors.iter().copied(), &signer(1));
        let bytes = part.encode();
        assert!(bytes.len() <= HAVE_BYTES_MAX && part.heights.len() >= 27, "{} bytes", bytes.len());
        assert_eq!(read(&bytes), Ok(Short::Part(part.clone())));
        let find = |name| authors.iter().copied().find(|author| short_name(author) == name);
        let places = part.places(find);
        assert!(places.minus(&held).is_empty() && places.count() > 100_000);
        let me = signer(1).device();
        assert!(part.holds(&NETWORK, &me, &places, &Ed25519Verifier));
        assert!(!part.holds(&NETWORK, &signer(2).device(), &places, &Ed25519Verifier));
        assert!(!part.holds(&NETWORK, &me, &part.places(|_| None), &Ed25519Verifier), "an author who is not known");
        let larger = Part { counter: part.counter + 1, ..part };
        assert!(!larger.holds(&NETWORK, &me, &places, &Ed25519Verifier));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(kind in 30u8..45, junk in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(message) = decode(kind, &mut Reader::new(&junk)) {
                prop_assert!(!matches!(message, Short::Ask(ranges) if ranges.len() > RANGES_MAX));
            }
        }
    }
}
