use super::*;
use crate::run::encode_run;
use crate::sign::Ed25519Verifier;
use crate::testing::{NETWORK, entries, entropy};
use proptest::prelude::*;

fn epoch(seed: u8) -> SealKey {
    SealKey::from_bytes([seed; 32])
}

/// Packs records into whole chunks of a bundle.
fn pack(key: &BundleKey, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut random = entropy(3);
    let mut chunks = Vec::new();
    let mut full = |index: u64, plain: &[u8]| {
        chunks.push(key.seal(index, plain, &mut random));
        Ok::<_, ()>(())
    };
    let mut packer = Packer::at(0);
    records.iter().for_each(|record| packer.put(record, &mut full).unwrap());
    packer.flush(&mut full).unwrap();
    chunks
}

/// What a reader finds in chunks as they lie.
fn unpack(key: &BundleKey, chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut unpacker, mut records) = (Unpacker::default(), Vec::new());
    for (index, chunk) in chunks.iter().enumerate() {
        match key.open(index as u64, chunk) {
            Some(plain) => drop(unpacker.chunk(&plain, &mut records).unwrap()),
            None => unpacker.gap(),
        }
    }
    records
}

/// Records of which each is told from the others, some over several chunks.
fn records(lens: &[usize]) -> Vec<Vec<u8>> {
    lens.iter().enumerate().map(|(at, len)| vec![at as u8 + 1; *len]).collect()
}

#[test]
fn a_chunk_opens_at_its_own_place_in_its_own_bundle_and_nowhere_else() {
    let key = BundleKey::derive(&epoch(1), [7; SALT_LEN]);
    let chunk = key.seal(4, b"text", &mut entropy(1));
    assert_eq!(key.open(4, &chunk).as_deref(), Some(b"text".as_slice()));
    assert_eq!(key.open(5, &chunk), None);
    assert_eq!(BundleKey::derive(&epoch(1), [8; SALT_LEN]).open(4, &chunk), None);
    assert_eq!(BundleKey::derive(&epoch(2), [7; SALT_LEN]).open(4, &chunk), None);
    for at in 0..chunk.len() {
        let mut bad = chunk.clone();
        bad[at] ^= 1;
        assert_eq!(key.open(4, &bad), None);
    }
}

#[test]
fn lengths_of_files_are_those_of_a_bundle_or_not() {
    for (len, chunk) in [(0, None), (71, None), (72, None), (72 + 64, Some(104)), (72 + 65, None), (72 + 72, Some(112))]
    {
        assert_eq!(chunk_len(len), chunk, "{len}");
    }
    assert_eq!(chunk_len(32 + 65_536), Some(CHUNK_LEN));
    assert_eq!(chunk_len(1 << 40), Some(CHUNK_LEN));
    assert_eq!(chunk_len(32 + 65_535), None);
    let padded = [(1, 1), (3, 3), (5, 5), (9, 10), (100, 104), (4_700, 4_864), (100_000, 100_352)];
    padded.iter().for_each(|(chunks, padded)| assert_eq!(padded_chunks(*chunks), *padded));
    for bytes in [0, 72, 200, 1_000, 2_400, 65_000, 65_567] {
        let plain = small_plain(bytes);
        assert!(plain == 0 || chunk_len((SALT_LEN + CHUNK_OVERHEAD + bucket(plain)) as u64).is_some());
        assert!(plain == 0 || SALT_LEN + CHUNK_OVERHEAD + bucket(plain) <= bytes as usize);
    }
}

#[test]
fn a_small_bundle_is_found_by_its_key_alone_and_has_the_length_that_was_foretold() {
    let records = records(&[100, 31, 900]);
    let bytes = small_bundle(&epoch(2), &records, &mut entropy(5)).unwrap();
    assert_eq!(bytes.len(), small_bundle_len([100, 31, 900]));
    assert_eq!(chunk_len(bytes.len() as u64), Some(bytes.len() - SALT_LEN));
    let keys = [epoch(1), epoch(2)];
    let (key, found) = BundleKey::find(&keys, &bytes).unwrap();
    assert_eq!((found.id(), unpack(&key, &[bytes[SALT_LEN..].to_vec()])), (epoch(2).id(), records));
    assert!(BundleKey::find(&keys[..1], &bytes).is_none(), "another network's");
    assert!(small_bundle(&epoch(2), &[vec![1; CHUNK_LEN]], &mut entropy(5)).is_none());
}

#[test]
fn a_record_of_entries_says_its_places_before_it_is_checked() {
    let sent = entries(1, Lane::Urgent, 9);
    let record = encode::entries(&encode_run(&sent[3..]).unwrap());
    assert_eq!(places_of(&record), Some(Range { log: sent[0].header().log, from: 4, to: 9 }));
    assert!(
        matches!(read_record(&record, &NETWORK, &Ed25519Verifier), Ok(Record::Entries(run)) if run.entries == sent[3..])
    );
    assert_eq!(places_of(&encode::done()), None);
    let mut registry: Vec<_> = (0..9).map(|n| DeviceId([n; 32])).collect();
    let read = |registry: &[DeviceId]| read_record(&encode_registry(registry), &NETWORK, &Ed25519Verifier);
    assert!(matches!(read(&registry), Ok(Record::Registry(read)) if read == registry));
    registry.swap(2, 3);
    assert!(read(&registry).is_err(), "numbers of authors need one order");
}

#[test]
fn length_bombs_are_bounded() {
    // A record without end: as many full chunks as it takes to pass the bound, and not one byte more is held.
    let mut plain = vec![FORMAT_VERSION];
    plain.extend_from_slice(&((CHUNK_PLAIN - 5) as u32 | FRAGMENT_FIRST).to_be_bytes());
    plain.resize(CHUNK_PLAIN, 9);
    let (mut unpacker, mut out) = (Unpacker::default(), Vec::new());
    assert_eq!(unpacker.chunk(&plain, &mut out), Ok(true));
    plain[1..5].copy_from_slice(&((CHUNK_PLAIN - 5) as u32).to_be_bytes());
    let refused = (0..1_000).find(|_| unpacker.chunk(&plain, &mut out).is_err()).unwrap();
    assert!(refused <= RECORD_BYTES_MAX / (CHUNK_PLAIN - 5) && unpacker.partial.is_none() && out.is_empty());
    // A length beyond the chunk, a registry and a count of receipts beyond what follows.
    let beyond = [&[FORMAT_VERSION], (0x3fff_ffff | FRAGMENT_FIRST).to_be_bytes().as_slice(), &[0; 60]].concat();
    assert!(Unpacker::default().chunk(&beyond, &mut out).is_err());
    for kind in [REGISTRY, 9] {
        let mut record = vec![kind];
        put_varint(&mut record, u64::MAX >> 1);
        assert!(matches!(read_record(&record, &NETWORK, &Ed25519Verifier), Err(FormatError::TooLarge(_))));
    }
}

proptest! {
    #[test]
    fn what_is_cut_changed_or_moved_costs_only_the_records_it_touches(
        lens in proptest::collection::vec(prop_oneof![1usize..300, 60_000usize..70_000, 130_000usize..140_000], 1..8),
        cut in any::<prop::sample::Index>(), bad in any::<prop::sample::Index>(), swap in any::<prop::sample::Index>(),
    ) {
        let key = BundleKey::derive(&epoch(1), [7; SALT_LEN]);
        let sent = records(&lens);
        let chunks = pack(&key, &sent);
        prop_assert!(chunks.iter().all(|chunk| chunk.len() == CHUNK_LEN));
        prop_assert_eq!(&unpack(&key, &chunks), &sent);
        // Up to the last whole chunk: a prefix.
        let whole = unpack(&key, &chunks[..cut.index(chunks.len() + 1)]);
        prop_assert!(sent.starts_with(&whole));
        // A changed chunk, a doubled one, two that changed places: nothing that was not sent, in the order it was sent.
        let in_order = |read: &[Vec<u8>]| { let mut all = sent.iter(); read.iter().all(|one| all.any(|other| other == one)) };
        let mut changed = chunks.clone();
        let at = bad.index(changed.len());
        changed[at][100] ^= 1;
        let read = unpack(&key, &changed);
        prop_assert!(in_order(&read) && read.len() < sent.len());
        let mut moved = chunks.clone();
        moved.swap(at, swap.index(chunks.len()));
        prop_assert!(in_order(&unpack(&key, &moved)));
        let mut doubled = chunks.clone();
        doubled.insert(at, chunks[at].clone());
        prop_assert!(in_order(&unpack(&key, &doubled)));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(junk in proptest::collection::vec(any::<u8>(), 0..300), kind in any::<u8>()) {
        let mut out = Vec::new();
        let _ = Unpacker::default().chunk(&junk, &mut out);
        let _ = Unpacker::default().chunk(&[&[FORMAT_VERSION], junk.as_slice()].concat(), &mut out);
        let record = [&[kind], junk.as_slice()].concat();
        let _ = (read_record(&record, &NETWORK, &Ed25519Verifier), places_of(&record), have_of(&record));
        prop_assert!(BundleKey::find(&[epoch(1)], &junk).is_none());
    }

    #[test]
    fn a_record_that_has_room_fits(lens in proptest::collection::vec(1usize..90_000, 1..6), chunks in 1u64..4) {
        let mut packer = Packer::at(0);
        let mut made = 0;
        for len in lens {
            if packer.has_room(len, chunks, CHUNK_PLAIN) {
                packer.put(&vec![1; len], &mut |index, _| { made = index + 1; Ok::<_, ()>(()) }).unwrap();
            }
        }
        packer.flush(&mut |index, _| { made = index + 1; Ok::<_, ()>(()) }).unwrap();
        prop_assert!(made <= chunks);
    }
}
