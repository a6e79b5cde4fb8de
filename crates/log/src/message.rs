//! What two replicas say to each other. One message is one frame of a carrier. `docs/protocol.md` §8.

use crate::control::{SignedEnrolment, from_cbor, to_cbor};
use crate::entry::HEADER_LEN;
use crate::frontier::Range;
use crate::ids::{DeviceId, Lane, LogId, NetworkId};
use crate::reach::SignedReach;
use crate::run::{CheckedRun, check_run};
use crate::short::{self, Short};
use crate::sign::{Signature, Verifier};
use crate::wire::{FormatError, Reader, put_varint};

/// Version of the session, said in the first message.
pub const SESSION_VERSION: u8 = 1;
/// Most ranges in one Need; a replica that lacks more asks again.
pub const RANGES_MAX: usize = 20_000;
/// Most receipts in one message.
pub const RECEIPTS_MAX: usize = 2_000;
/// Bytes of receipts in one message, about: what is left out comes with the next session. A keeper takes no frame without
/// entries above 1 MiB.
pub const RECEIPTS_BYTES_MAX: usize = 768 * 1024;
/// Kind byte of [`Message::Reach`].
const REACH: u8 = 20;
/// Kind byte of [`Message::Entries`]: the one kind that is large by nature.
pub const ENTRIES_KIND: u8 = 6;

/// The first message of each side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The network; a peer of another one is refused.
    pub network: NetworkId,
    /// Who speaks.
    pub device: DeviceId,
    /// Its signature over the exporter of this connection and its role: nobody in the middle can use it elsewhere.
    pub proof: Signature,
    /// Which list of members it knows.
    pub registry: [u8; 8],
    /// Which receipts of third devices it holds.
    pub receipts: [u8; 8],
    /// Which entries stand at the ends of what it holds; a device need not say.
    pub heads: Option<[u8; 8]>,
}

/// The first bytes of an entry's id, to compare by; zeroes where the place cannot be read.
pub type ShortId = [u8; 8];

/// Why a session was refused, for the other end to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Refusal {
    /// The peer belongs to another network.
    OtherNetwork = 1,
    /// The signature over the channel does not hold.
    NotProven = 2,
    /// The device is not enrolled, and could not show that it is.
    NotEnrolled = 3,
    /// Another device answered than the one that was expected at this address.
    OtherDevice = 4,
    /// A message made no sense.
    Malformed = 5,
    /// A session version that is not known here.
    OtherVersion = 6,
    /// This device holds less than it has claimed, or has a twin; its facility goes on with a new one. Come again at once.
    Outlived = 7,
}

impl Refusal {
    /// Reads the byte of a message.
    pub fn from_u8(byte: u8) -> Option<Refusal> {
        use Refusal::*;
        [OtherNetwork, NotProven, NotEnrolled, OtherDevice, Malformed, OtherVersion, Outlived]
            .into_iter()
            .find(|refusal| *refusal as u8 == byte)
    }
}

/// One message.
#[derive(Debug)]
pub enum Message {
    /// First of each side.
    Hello(Hello),
    /// The sender's own receipt: what it durably holds now.
    Have(Vec<u8>),
    /// The last Have could not be read: send it whole, by key.
    Again,
    /// Your enrolment has not been heard of here: show it.
    WhoAreYou,
    /// The sender's enrolment.
    Credential(Box<SignedEnrolment>),
    /// Please send these places. Authors are numbered in the order of the receiver's own Have.
    Need(Vec<Range>),
    /// Consecutive entries of one log, checked.
    Entries(CheckedRun),
    /// These places cannot be served.
    Gone(Vec<Range>),
    /// Newest receipts of third devices held by the sender; please answer with what is newer.
    Held(Vec<(DeviceId, u64)>),
    /// Receipts of third devices; ends the answer to Held. Unasked, one that the receiver itself made and holds less than.
    Receipts(Vec<Vec<u8>>),
    /// The sender has all it asked for, durably, and has said so by its last Have.
    Done,
    /// The session ends here, and why.
    Refuse(Refusal),
    /// Which entries stand at these places? Numbered as in Need.
    Which(Vec<Range>),
    /// Those, in the order of the places.
    Ids(Vec<ShortId>),
    /// Please show the header at this place. Numbered as in Need.
    Show(Vec<Range>),
    /// The header, or nothing if the place cannot be read.
    Header(Option<Box<[u8; HEADER_LEN]>>),
    /// Where the sender, a keeper, is reached: please write it down.
    Reach(Box<SignedReach>),
    /// What only a tiny link says.
    Short(Short),
}

/// Adds the places to a message, authors by number.
fn put_ranges(out: &mut Vec<u8>, ranges: &[Range], authors: &[DeviceId]) {
    let numbered = ranges.iter().filter_map(|range| Some((authors.binary_search(&range.log.author).ok()?, range)));
    let numbered: Vec<_> = numbered.take(RANGES_MAX).collect();
    put_varint(out, numbered.len() as u64);
    for (author, range) in numbered {
        put_varint(out, (author as u64) << 2 | range.log.lane as u64);
        put_varint(out, range.from);
        put_varint(out, range.to - range.from);
    }
}

fn take_ranges(r: &mut Reader<'_>, authors: &[DeviceId]) -> Result<Vec<Range>, FormatError> {
    let count = r.varint()?;
    if count > RANGES_MAX as u64 {
        return Err(FormatError::TooLarge("ranges"));
    }
    (0..count)
        .map(|_| {
            let mark = r.varint()?;
            let lane = Lane::from_u8((mark & 3) as u8).ok_or(FormatError::Invalid("lane"))?;
            let author = *authors.get((mark >> 2) as usize).ok_or(FormatError::Invalid("author number"))?;
            let from = r.varint()?;
            let to = from.checked_add(r.varint()?).filter(|to| from > 0 && *to <= crate::entry::SEQ_MAX);
            Ok(Range { log: LogId { lane, author }, from, to: to.ok_or(FormatError::Invalid("place in the log"))? })
        })
        .collect()
}

/// Encoders, one for each kind, so that big payloads are never copied into an enum first.
pub mod encode {
    use super::*;

    /// Hello.
    pub fn hello(hello: &Hello) -> Vec<u8> {
        let mut out = vec![0, SESSION_VERSION];
        out.extend_from_slice(hello.network.as_bytes());
        out.extend_from_slice(hello.device.as_bytes());
        out.extend_from_slice(&hello.proof);
        out.extend_from_slice(&hello.registry);
        out.extend_from_slice(&hello.receipts);
        hello.heads.iter().for_each(|heads| out.extend_from_slice(heads));
        out
    }

    /// Have, with an encoded receipt.
    pub fn have(receipt: &[u8]) -> Vec<u8> {
        [&[1], receipt].concat()
    }

    /// Again.
    pub fn again() -> Vec<u8> {
        vec![2]
    }

    /// WhoAreYou.
    pub fn who_are_you() -> Vec<u8> {
        vec![3]
    }

    /// Credential.
    pub fn credential(enrolment: &SignedEnrolment) -> Vec<u8> {
        [[4].as_slice(), &to_cbor(enrolment)].concat()
    }

    /// Need. `authors`: the sorted authors of the frontier that the *other* side sent.
    pub fn need(ranges: &[Range], authors: &[DeviceId]) -> Vec<u8> {
        let mut out = vec![5];
        put_ranges(&mut out, ranges, authors);
        out
    }

    /// Entries, with an encoded run.
    pub fn entries(run: &[u8]) -> Vec<u8> {
        [&[6], run].concat()
    }

    /// Gone. `authors`: the sorted authors of the frontier that *this* side sent.
    pub fn gone(ranges: &[Range], authors: &[DeviceId]) -> Vec<u8> {
        let mut out = vec![7];
        put_ranges(&mut out, ranges, authors);
        out
    }

    /// Held.
    pub fn held(receipts: &[(DeviceId, u64)]) -> Vec<u8> {
        let mut out = vec![8];
        put_varint(&mut out, receipts.len().min(RECEIPTS_MAX) as u64);
        for (device, counter) in receipts.iter().take(RECEIPTS_MAX) {
            out.extend_from_slice(device.as_bytes());
            put_varint(&mut out, *counter);
        }
        out
    }

    /// Receipts, each encoded.
    pub fn receipts(receipts: &[Vec<u8>]) -> Vec<u8> {
        let mut out = vec![9];
        put_varint(&mut out, receipts.len().min(RECEIPTS_MAX) as u64);
        for receipt in receipts.iter().take(RECEIPTS_MAX) {
            put_varint(&mut out, receipt.len() as u64);
            out.extend_from_slice(receipt);
        }
        out
    }

    /// Done.
    pub fn done() -> Vec<u8> {
        vec![10]
    }

    /// Refuse.
    pub fn refuse(refusal: Refusal) -> Vec<u8> {
        vec![11, refusal as u8]
    }

    /// Which. `authors`: the sorted authors of the frontier that the *other* side sent.
    pub fn which(places: &[Range], authors: &[DeviceId]) -> Vec<u8> {
        let mut out = vec![16];
        put_ranges(&mut out, places, authors);
        out
    }

    /// Ids.
    pub fn ids(ids: &[ShortId]) -> Vec<u8> {
        let mut out = vec![17];
        ids.iter().for_each(|id| out.extend_from_slice(id));
        out
    }

    /// Show. `authors` as in [`which`].
    pub fn show(places: &[Range], authors: &[DeviceId]) -> Vec<u8> {
        let mut out = vec![18];
        put_ranges(&mut out, places, authors);
        out
    }

    /// Header.
    pub fn header(header: Option<&[u8; HEADER_LEN]>) -> Vec<u8> {
        [[19].as_slice(), header.map_or(&[], <[u8; HEADER_LEN]>::as_slice)].concat()
    }

    /// Reach.
    pub fn reach(reach: &SignedReach) -> Vec<u8> {
        [[REACH].as_slice(), &to_cbor(reach)].concat()
    }
}

/// What a reader needs to know of the session to read the numbers of authors.
#[derive(Clone, Default, Debug)]
pub struct Numbering {
    /// Sorted authors of the last Have that this side sent.
    pub ours: Vec<DeviceId>,
    /// Sorted authors of the last Have that the other side sent.
    pub theirs: Vec<DeviceId>,
}

/// A message as read off a carrier: the costly part, checking a run, is done; numbers of authors are still to be resolved
/// by the session, which alone knows the frontiers.
#[derive(Debug)]
pub enum Incoming {
    /// Ready as it is.
    Ready(Message),
    /// A Need or a Gone with author numbers: kind byte and the rest.
    Numbered(u8, Vec<u8>),
}

/// The network that a first frame is for, without looking further into it: whoever serves several networks on one port
/// gives the session to the one that is meant. `None` if it is no Hello of this version.
pub fn network_of_hello(frame: &[u8]) -> Option<NetworkId> {
    match frame {
        [0, SESSION_VERSION, rest @ ..] => Some(NetworkId(*rest.first_chunk()?)),
        _ => None,
    }
}

/// Reads one frame. Checks hashes and signatures of entries; may run outside the replica, in parallel.
///
/// # Errors
/// The bytes are not a message of this version.
pub fn decode(bytes: &[u8], network: &NetworkId, verifier: &dyn Verifier) -> Result<Incoming, FormatError> {
    let mut r = Reader::new(bytes);
    let message = match r.u8()? {
        0 => {
            let version = r.u8()?;
            if version != SESSION_VERSION {
                return Err(FormatError::Version(version));
            }
            Message::Hello(Hello {
                network: NetworkId(r.array()?),
                device: DeviceId(r.array()?),
                proof: r.array()?,
                registry: r.array()?,
                receipts: r.array()?,
                heads: if r.is_empty() { None } else { Some(r.array()?) },
            })
        }
        1 => return Ok(Incoming::Ready(Message::Have(r.rest().to_vec()))),
        2 => Message::Again,
        3 => Message::WhoAreYou,
        4 => return Ok(Incoming::Ready(Message::Credential(Box::new(from_cbor(r.rest())?)))),
        kind @ (5 | 7 | 16 | 18) => return Ok(Incoming::Numbered(kind, r.rest().to_vec())),
        6 => return Ok(Incoming::Ready(Message::Entries(check_run(r.rest(), network, verifier)?))),
        8 => {
            let count = bounded_count(r.varint()?)?;
            let held = (0..count).map(|_| Ok((DeviceId(r.array()?), r.varint()?)));
            Message::Held(held.collect::<Result<_, FormatError>>()?)
        }
        9 => {
            let count = bounded_count(r.varint()?)?;
            let receipts = (0..count).map(|_| {
                let len = usize::try_from(r.varint()?).map_err(|_| FormatError::TooLarge("receipt"))?;
                Ok(r.take(len)?.to_vec())
            });
            Message::Receipts(receipts.collect::<Result<_, FormatError>>()?)
        }
        10 => Message::Done,
        11 => Message::Refuse(Refusal::from_u8(r.u8()?).ok_or(FormatError::Invalid("refusal"))?),
        17 => {
            let ids = r.rest().chunks(ShortId::default().len()).map(|id| id.try_into());
            let ids = ids.collect::<Result<Vec<ShortId>, _>>().map_err(|_| FormatError::Short)?;
            return Ok(Incoming::Ready(Message::Ids(ids)));
        }
        19 if r.is_empty() => Message::Header(None),
        19 => Message::Header(Some(Box::new(r.array()?))),
        REACH => return Ok(Incoming::Ready(Message::Reach(Box::new(from_cbor(r.rest())?)))),
        kind => return Ok(Incoming::Ready(Message::Short(short::decode(kind, &mut r)?))),
    };
    if r.is_empty() { Ok(Incoming::Ready(message)) } else { Err(FormatError::Invalid("bytes after a message")) }
}

impl Incoming {
    /// Resolves author numbers.
    ///
    /// # Errors
    /// A number beyond the authors of the frontier it refers to.
    pub fn resolve(self, numbering: &Numbering) -> Result<Message, FormatError> {
        match self {
            Incoming::Ready(message) => Ok(message),
            Incoming::Numbered(kind, bytes) => {
                let mut r = Reader::new(&bytes);
                let ranges = take_ranges(&mut r, if kind == 7 { &numbering.theirs } else { &numbering.ours })?;
                if !r.is_empty() {
                    return Err(FormatError::Invalid("bytes after a message"));
                }
                Ok(match kind {
                    5 => Message::Need(ranges),
                    7 => Message::Gone(ranges),
                    16 => Message::Which(ranges),
                    _ => Message::Show(ranges),
                })
            }
        }
    }
}

fn bounded_count(count: u64) -> Result<usize, FormatError> {
    if count <= RECEIPTS_MAX as u64 { Ok(count as usize) } else { Err(FormatError::TooLarge("receipts")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::NETWORK;
    use proptest::prelude::*;

    #[test]
    fn ranges_travel_as_numbers() {
        let authors: Vec<_> = (0..200u8).map(|n| DeviceId([n; 32])).collect();
        let ranges: Vec<_> = authors
            .iter()
            .map(|author| Range { log: LogId { lane: Lane::Bulk, author: *author }, from: 900, to: 1_000 })
            .collect();
        let bytes = encode::need(&ranges, &authors);
        assert!(bytes.len() < 1_100);
        let read = |ours: &[DeviceId]| {
            let incoming = decode(&bytes, &NETWORK, &Ed25519Verifier).unwrap();
            incoming.resolve(&Numbering { ours: ours.to_vec(), theirs: vec![] })
        };
        assert!(matches!(read(&authors), Ok(Message::Need(read)) if read == ranges));
        assert!(read(&authors[..9]).is_err());
    }

    proptest! {
        #[test]
        fn no_frame_makes_the_reader_panic(kind in 0u8..24, junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[kind], junk.as_slice()].concat();
            if let Ok(incoming) = decode(&bytes, &NETWORK, &Ed25519Verifier) {
                let _ = incoming.resolve(&Numbering { ours: vec![DeviceId([1; 32])], theirs: vec![] });
            }
        }
    }
}
