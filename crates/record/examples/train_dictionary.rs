//! Trains a dictionary for the compression of saves, or measures the one that is built in.
//!
//! ```text
//! cargo run --release --example train_dictionary -- train OUT.dict FOLDER…
//! cargo run --release --example train_dictionary -- measure FOLDER…
//! ```
//! Folders are searched for `.json` and `.ndjson` files. Every resource in them is one sample: the save that holds
//! just that resource, as it comes and minified. One file in five (by the hash of its name) is held out of training
//! and is what is measured, so no patient is on both sides.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    reason = "a command for a developer's machine, no part of the library"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sanad_record::bundle::{split_ndjson, unpack};
use sanad_record::key::ResourceKey;
use sanad_record::op::{Action, Op, Save};
use sanad_record::version::VersionId;

/// Held in memory by every process and shipped for ever, so no larger than pays.
const DICTIONARY_BYTES: usize = 64 << 10;

/// Samples of one resource type from one folder: beyond this they say nothing new, and would crowd out the others.
const SAMPLES_PER_TYPE_MAX: usize = 1_500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["train", out, ref folders @ ..] if !folders.is_empty() => train(Path::new(out), folders),
        ["measure", ref folders @ ..] if !folders.is_empty() => folders.iter().for_each(|folder| measure(folder)),
        _ => eprintln!("usage: train OUT.dict FOLDER… | measure FOLDER…"),
    }
}

fn train(out: &Path, folders: &[&str]) {
    let mut samples = Vec::new();
    for folder in folders {
        let mut taken = BTreeMap::<String, usize>::new();
        for save in saves(Path::new(folder), false) {
            let count = taken.entry(save.ops[0].key.resource_type.clone()).or_default();
            *count += 1;
            if *count <= SAMPLES_PER_TYPE_MAX {
                samples.push(save.compressible());
            }
        }
    }
    println!("{} samples, {} bytes", samples.len(), samples.iter().map(Vec::len).sum::<usize>());
    match zstd::dict::from_samples(&samples, DICTIONARY_BYTES) {
        Ok(dictionary) => std::fs::write(out, dictionary).expect("the dictionary can be written"),
        Err(error) => eprintln!("training failed: {error}"),
    }
}

fn measure(folder: &str) {
    let mut by_type = BTreeMap::<String, Vec<(usize, usize)>>::new();
    let saves = saves(Path::new(folder), true);
    let started = Instant::now();
    for save in &saves {
        let sizes = (save.ops[0].raw.len(), save.encode().len());
        by_type.entry(save.ops[0].key.resource_type.clone()).or_default().push(sizes);
    }
    let encoding = started.elapsed();
    let encoded: Vec<_> = saves.iter().map(Save::encode).collect();
    let started = Instant::now();
    encoded.iter().for_each(|bytes| drop(Save::decode(bytes).expect("what was encoded decodes")));
    let decoding = started.elapsed();
    println!(
        "{folder}: {} saves, {:?} to encode and {:?} to decode one",
        saves.len(),
        encoding / saves.len() as u32,
        decoding / saves.len() as u32
    );
    println!("| type | saves | raw mean | encoded mean | p50 | p95 |");
    println!("|---|---|---|---|---|---|");
    for (name, mut sizes) in by_type {
        sizes.sort_by_key(|(_, encoded)| *encoded);
        let count = sizes.len();
        let raw: usize = sizes.iter().map(|(raw, _)| raw).sum();
        let sum: usize = sizes.iter().map(|(_, encoded)| encoded).sum();
        println!(
            "| {name} | {count} | {} | {} | {} | {} |",
            raw / count,
            sum / count,
            sizes[count / 2].1,
            sizes[count * 95 / 100].1
        );
    }
}

/// One save for each resource in the folder: of the files held out, or of the others.
fn saves(folder: &Path, held_out: bool) -> Vec<Save> {
    let mut saves = Vec::new();
    for path in files(folder) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if blake3::hash(name.as_bytes()).as_bytes()[0].is_multiple_of(5) != held_out {
            continue;
        }
        let bytes = std::fs::read(&path).expect("the file can be read");
        if name.ends_with(".ndjson") {
            split_ndjson(&bytes).for_each(|line| add(line.bytes, held_out, &mut saves));
        } else {
            add(&bytes, held_out, &mut saves);
        }
    }
    saves
}

fn add(bytes: &[u8], minified_only: bool, saves: &mut Vec<Save>) {
    let Ok(unpacked) = unpack(bytes, "") else { return };
    for incoming in unpacked.resources.into_iter().filter(|incoming| !incoming.delete) {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(&incoming.raw) else { continue };
        let minified = value.to_string().into_bytes();
        if !minified_only && minified != incoming.raw {
            saves.push(save(&incoming.key, incoming.raw));
        }
        saves.push(save(&incoming.key, minified));
    }
}

/// As a screen saves: an idempotency key, a call sign, every second one a change of an earlier version.
fn save(key: &ResourceKey, raw: Vec<u8>) -> Save {
    let hash = blake3::hash(&raw);
    let (id, _) = hash.as_bytes().split_first_chunk::<16>().expect("32 bytes");
    let parents = if id[0] % 2 == 0 { vec![VersionId::from_bytes(*id)] } else { Vec::new() };
    let by = ["falcon", "cedar", "n-07", "dr-3"][usize::from(id[1] % 4)].to_owned();
    Save { idempotency: Some(*id), by: Some(by), ops: vec![Op { action: Action::Put, key: key.clone(), parents, raw }] }
}

/// Every file below the folder, sorted, so that training gives the same dictionary every time.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json" || end == "ndjson") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
