//! What searches find resources by: one row for each value at each place that a search parameter names.
//!
//! Promise: the rows are a function of what the resources say now. They are worked out of the bytes, before and after a
//! change, so that nothing has to be kept to know which rows a resource had.
//!
//! A code, an identifier or a reference stands as a hash of 64 bits: a row is a third of what it would be, and whoever could
//! make two values share a hash could as well write the value itself. Text stands as the key it is compared by.

use crate::error::StoreError;
use crate::project::type_number;
use rusqlite::{CachedStatement, Transaction, params};
use sanad_record::identifier::identifier_key;
use sanad_record::json::{self, Node};
use sanad_record::key::ResourceKey;
use sanad_record::names::{self, NameWord};
use sanad_record::search::{ATOMS_MAX, Quantity, Reference, Token, Value, is_state, table_of, values_of};
use std::collections::BTreeSet;

/// Longest text key kept, in bytes: what a search asks for beyond it is compared with the resource itself.
pub(crate) const TEXT_BYTES_MAX: usize = 120;
/// Begins the key of a word by its sound, and stands between the sound and the word.
pub(crate) const SOUND: char = '\u{1}';
/// Stands behind [`SOUND`] where a range of keys ends.
pub(crate) const BEYOND_SOUND: char = '\u{2}';
/// Spans up to this wide stand apart from wider ones, so that a search looks back no further than this for their start.
pub(crate) const NARROW_MS: i64 = 86_400_000;

/// A row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Token { code: i64, system: i64 },
    Reference { target: i64 },
    Text { key: String },
    Date { width: i64, start: i64, end: i64 },
    // The bits of the numbers, ordered as integers: only equality counts here.
    Number { low: u64, high: u64, unit: i64, system: i64 },
}

/// A row at an atom.
pub(crate) type Placed = (i64, Row);

/// Two more atoms of patients, for the screens: the words of everyday names that stand in extensions, and the id and the
/// identifiers as text, of which a part may be remembered.
const EVERYDAY_NAME: usize = ATOMS_MAX - 1;
const IDENTIFIER: usize = ATOMS_MAX - 2;
/// Longest identifier that is found by a part of it, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 64;

/// Where the words of patients' names stand.
pub(crate) fn name_atoms() -> Result<Vec<i64>, StoreError> {
    let names = table_of("Patient").and_then(|table| table.params.get("name")).map_or(&[][..], |name| &name.uses);
    let atoms = names.iter().map(|used| used.atom).chain([EVERYDAY_NAME]);
    atoms.map(|atom| atom_number("Patient", atom)).collect()
}

/// Where the ids and identifiers of patients stand as text.
pub(crate) fn identifier_atom() -> Result<i64, StoreError> {
    atom_number("Patient", IDENTIFIER)
}

/// What a word is found by: how it is written, and how it sounds.
pub(crate) fn sound_key(skeleton: &str, key: &str) -> String {
    format!("{SOUND}{}{SOUND}{}", cut(skeleton), cut(key))
}

/// The sound and the word of a key by sound.
pub(crate) fn of_sound_key(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(SOUND)?.split_once(SOUND)
}

/// The number of an atom of a type.
pub(crate) fn atom_number(resource_type: &str, atom: usize) -> Result<i64, StoreError> {
    assert!(atom < ATOMS_MAX, "a type has few atoms");
    Ok(type_number(resource_type)? * ATOMS_MAX as i64 + atom as i64)
}

/// The rows of a resource as it says now; none if it is deleted or not JSON.
pub(crate) fn rows_of(key: &ResourceKey, raw: Option<&[u8]>) -> Result<BTreeSet<Placed>, StoreError> {
    let mut rows = BTreeSet::new();
    let (Some(raw), Some(table)) = (raw, table_of(&key.resource_type)) else { return Ok(rows) };
    let Ok(resource) = json::parse(raw) else { return Ok(rows) };
    let first = atom_number(&key.resource_type, 0)?;
    for (atom, value) in values_of(table, &resource).into_iter().filter(|(_, value)| !is_state(value)) {
        rows_of_value(&value, &mut |row| {
            rows.insert((first + atom as i64, row));
        });
    }
    if key.resource_type == "Patient" {
        rows_of_patient(first, &key.id, &resource, &mut rows);
    }
    Ok(rows)
}

fn rows_of_patient(first: i64, id: &str, patient: &Node<'_>, rows: &mut BTreeSet<Placed>) {
    for text in names::everyday_names(patient) {
        let at = first + EVERYDAY_NAME as i64;
        for word in names::words_found(&text) {
            rows_of_word(&word, &mut |row| {
                rows.insert((at, row));
            });
        }
    }
    let items = patient.get("identifier").map_or(&[][..], Node::items);
    let identifiers = items.iter().filter_map(|identifier| identifier.get_str("value"));
    for text in std::iter::once(id.into()).chain(identifiers).filter(|text| text.len() <= IDENTIFIER_BYTES_MAX) {
        rows.insert((first + IDENTIFIER as i64, Row::Text { key: identifier_key(&text) }));
    }
}

fn rows_of_word(word: &NameWord, add: &mut dyn FnMut(Row)) {
    add(Row::Text { key: cut(&word.key).to_owned() });
    if !word.skeleton.is_empty() {
        add(Row::Text { key: sound_key(&word.skeleton, &word.key) });
    }
}

fn rows_of_value(value: &Value, add: &mut dyn FnMut(Row)) {
    match value {
        Value::Token(token) => add(token_row(token)),
        Value::Text(text, true) => {
            let words = names::words_found(text);
            if words.is_empty() {
                add(Row::Text { key: String::new() });
            }
            words.iter().for_each(|word| rows_of_word(word, add));
        }
        Value::Text(text, false) => {
            add(Row::Text { key: cut(&names::text_key(text)).to_owned() });
        }
        // Found as a code would be; the atom is one of references, so the two never meet.
        Value::Reference(Reference::Identifier(system, value)) => {
            add(Row::Token { code: hash(identifier_key(value).as_bytes()), system: short(system) });
        }
        Value::Reference(reference) => add(Row::Reference { target: target_hash(reference) }),
        Value::Date(span) => {
            let is_wide = span.until_ms.saturating_sub(span.from_ms) > NARROW_MS;
            add(Row::Date { width: i64::from(is_wide), start: span.from_ms, end: span.until_ms });
        }
        Value::Number(range) => {
            add(Row::Number { low: range.low.to_bits(), high: range.high.to_bits(), unit: 0, system: 0 })
        }
        Value::Quantity(quantity) => {
            let (low, high) = (quantity.range.low.to_bits(), quantity.range.high.to_bits());
            units_of(quantity).for_each(|(unit, system)| add(Row::Number { low, high, unit, system }));
        }
        Value::Uri(uri) => add(Row::Text { key: cut(uri).to_owned() }),
    }
}

fn token_row(token: &Token) -> Row {
    Row::Token { code: hash(identifier_key(&token.code).as_bytes()), system: short(&token.system) }
}

/// The units that a quantity is found under, with the system of each: its code, and what it is called where that is another
/// text.
fn units_of(quantity: &Quantity) -> impl Iterator<Item = (i64, i64)> {
    let coded = (short(&quantity.code), short(&quantity.system));
    let called = (short(&quantity.unit), 0);
    let has_another_name = called.0 != 0 && called.0 != coded.0;
    let is_coded = coded.0 != 0 || !has_another_name;
    is_coded.then_some(coded).into_iter().chain(has_another_name.then_some(called))
}

/// The beginning of a text that is kept.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// 64 bits that stand for a text.
pub(crate) fn hash(text: &[u8]) -> i64 {
    let hash = blake3::hash(text);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_be_bytes(bytes)
}

/// 31 bits that stand for a system or a unit, of which there are few; 0 for none.
pub(crate) fn short(text: &str) -> i64 {
    if text.is_empty() { 0 } else { (hash(text.as_bytes()) & 0x7fff_ffff).max(1) }
}

/// What stands for what a reference leads to.
pub(crate) fn target_hash(reference: &Reference) -> i64 {
    match reference {
        Reference::Local(kind, id) => hash(format!("{kind}/{id}").as_bytes()),
        Reference::Address(address) => hash(format!("\0{address}").as_bytes()),
        Reference::Identifier(_, value) => hash(identifier_key(value).as_bytes()),
    }
}

/// Writes rows within one transaction.
pub(crate) struct Indexer<'t> {
    tx: &'t Transaction<'t>,
}

impl<'t> Indexer<'t> {
    pub(crate) fn new(tx: &'t Transaction<'t>) -> Self {
        Indexer { tx }
    }

    /// A resource that said `before` says `now`; `None` where there is none or it is deleted.
    pub(crate) fn changed(
        &self,
        n: i64,
        key: &ResourceKey,
        before: Option<&[u8]>,
        now: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let (before, now) = (rows_of(key, before)?, rows_of(key, now)?);
        for row in before.difference(&now) {
            self.remove(n, row)?;
        }
        for row in now.difference(&before) {
            self.add(n, row)?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'t>, StoreError> {
        Ok(self.tx.prepare_cached(sql)?)
    }

    fn add(&self, n: i64, (atom, row): &Placed) -> Result<(), StoreError> {
        match row {
            Row::Token { code, system } => self
                .statement("INSERT INTO found_token (atom, code, resource, system) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![atom, code, n, system])?,
            Row::Reference { target } => self
                .statement("INSERT INTO found_reference (atom, target, resource) VALUES (?1, ?2, ?3)")?
                .execute(params![atom, target, n])?,
            Row::Text { key } => self
                .statement("INSERT INTO found_text (atom, key, resource) VALUES (?1, ?2, ?3)")?
                .execute(params![atom, key, n])?,
            Row::Date { width, start, end } => self
                .statement("INSERT INTO found_date (atom, width, start, end, resource) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![atom, width, start, end, n])?,
            Row::Number { low, high, unit, system } => self
                .statement("INSERT INTO found_number (atom, low, high, unit, system, resource) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![atom, f64::from_bits(*low), f64::from_bits(*high), unit, system, n])?,
        };
        Ok(())
    }

    fn remove(&self, n: i64, (atom, row): &Placed) -> Result<(), StoreError> {
        match row {
            Row::Token { code, system } => self
                .statement("DELETE FROM found_token WHERE atom = ?1 AND code = ?2 AND resource = ?3 AND system = ?4")?
                .execute(params![atom, code, n, system])?,
            Row::Reference { target } => self
                .statement("DELETE FROM found_reference WHERE atom = ?1 AND target = ?2 AND resource = ?3")?
                .execute(params![atom, target, n])?,
            Row::Text { key } => self
                .statement("DELETE FROM found_text WHERE atom = ?1 AND key = ?2 AND resource = ?3")?
                .execute(params![atom, key, n])?,
            Row::Date { width, start, end } => self
                .statement(
                    "DELETE FROM found_date WHERE atom = ?1 AND width = ?2 AND start = ?3 AND end = ?4 AND resource = ?5",
                )?
                .execute(params![atom, width, start, end, n])?,
            Row::Number { low, high, unit, system } => self
                .statement(
                    "DELETE FROM found_number
                     WHERE atom = ?1 AND low = ?2 AND high = ?3 AND unit = ?4 AND system = ?5 AND resource = ?6",
                )?
                .execute(params![atom, f64::from_bits(*low), f64::from_bits(*high), unit, system, n])?,
        };
        Ok(())
    }
}
