//! A condition as the set of resources that meet it, read from the index.

use super::{Finder, number};
use crate::error::StoreError;
use crate::index::{BEYOND_SOUND, NARROW_MS, SOUND, TEXT_BYTES_MAX, atom_number, cut, hash, short, target_hash};
use crate::project::type_number;
use roaring::RoaringBitmap;
use rusqlite::{ToSql, params};
use sanad_record::identifier::identifier_key;
use sanad_record::json;
use sanad_record::names;
use sanad_record::search::{
    Atom, Criterion, Filter, Modifier, Number, On, Param, ParamKind, Prefix, Range, Reference, Use, Value, Wanted,
    asks_for_conflict, finds_tags, is_below, is_date, is_number, table_of, values_of_param,
};
use sanad_record::time::Span;

/// How many rows are looked at to see which of several conditions is the narrowest.
const ABOUT_MAX: u64 = 256;
/// What a condition on other resources is taken to bring in, before it is known.
const ABOUT_OTHERS: u64 = 100;

/// A set, and whether it is exactly what was asked for or may hold more.
pub(super) struct Set {
    pub(super) set: RoaringBitmap,
    pub(super) is_exact: bool,
}

impl Set {
    fn exact(set: RoaringBitmap) -> Set {
        Set { set, is_exact: true }
    }
}

impl Finder<'_> {
    /// About how many resources meet a condition, counted no further than it matters.
    pub(super) fn about(&self, resource_type: &str, filter: &Filter) -> Result<u64, StoreError> {
        let criterion = match filter {
            Filter::Here(criterion) => criterion,
            Filter::Chain(..) | Filter::Has(..) => return Ok(ABOUT_OTHERS),
        };
        let On::Param(param) = criterion.on else {
            return Ok(if matches!(criterion.on, On::Id) { 0 } else { ABOUT_MAX });
        };
        if criterion.modifier != Modifier::Plain {
            return Ok(ABOUT_MAX + 1);
        }
        let mut about = 0;
        for (atom, wanted) in
            param.uses.iter().flat_map(|used| criterion.any_of.iter().map(move |wanted| (used.atom, wanted)))
        {
            let atom = atom_number(resource_type, atom)?;
            let (table, column, key) = match wanted {
                Wanted::Token(_, Some(code)) => ("found_token", "code", hash(identifier_key(code).as_bytes())),
                Wanted::Reference(references) => match references.first() {
                    Some(reference) => ("found_reference", "target", target_hash(reference)),
                    None => continue,
                },
                _ => return Ok(ABOUT_MAX + 1),
            };
            let sql = format!(
                "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE atom = ?1 AND {column} = ?2 LIMIT {ABOUT_MAX})"
            );
            let found: i64 = self.db.prepare_cached(&sql)?.query_row(params![atom, key], |row| row.get(0))?;
            self.step(found as u64)?;
            about += found as u64;
        }
        Ok(about)
    }

    /// The resources of a type that meet a condition.
    pub(super) fn set_of(&self, resource_type: &'static str, filter: &Filter) -> Result<Set, StoreError> {
        match filter {
            Filter::Here(criterion) => self.criterion(resource_type, criterion),
            Filter::Chain(param, inner) => self.chain(resource_type, param, inner),
            Filter::Has(source, param, inner) => self.has(resource_type, source, param, inner),
        }
    }

    fn criterion(&self, resource_type: &'static str, criterion: &Criterion) -> Result<Set, StoreError> {
        let mut all = Set::exact(RoaringBitmap::new());
        let on = match criterion.on {
            // A search of all types knows parameters by name only.
            On::Param(param) => match table_of(resource_type).and_then(|table| table.params.get(param.code)) {
                Some(param) => On::Param(param),
                None => return Ok(all),
            },
            on => on,
        };
        for wanted in &criterion.any_of {
            let found = match (wanted, on) {
                (Wanted::Missing(missing), on) => self.missing(resource_type, on, *missing)?,
                (Wanted::Id(id), On::Id) => Set::exact(self.number_of(resource_type, id)?.into_iter().collect()),
                (Wanted::Date(prefix, span), On::LastUpdated) => {
                    Set::exact(self.updated(resource_type, *prefix, *span)?)
                }
                (wanted, On::Param(param)) => self.param(resource_type, param, wanted, criterion.modifier)?,
                _ => continue,
            };
            all.set |= found.set;
            all.is_exact &= found.is_exact;
        }
        if criterion.modifier == Modifier::Not {
            assert!(all.is_exact, "codes stand in the index whole");
            all.set = self.all_of(resource_type)? - all.set;
        }
        Ok(all)
    }

    fn updated(&self, resource_type: &str, prefix: Prefix, wanted: Span) -> Result<RoaringBitmap, StoreError> {
        let (from, until) = (wanted.from_ms, wanted.until_ms);
        // A resource's own span is one millisecond.
        let (least, beyond) = match prefix {
            Prefix::Eq | Prefix::Ap => (from, until),
            Prefix::Gt | Prefix::Sa => (until, i64::MAX),
            Prefix::Lt | Prefix::Eb => (i64::MIN, from),
            Prefix::Ge => (from, i64::MAX),
            Prefix::Le => (i64::MIN, until),
            Prefix::Ne => return Ok(self.all_of(resource_type)? - self.updated(resource_type, Prefix::Eq, wanted)?),
        };
        let stamp = |ms: i64| ms.clamp(0, i64::MAX >> 16) << 16;
        self.numbers(
            "SELECT n FROM resource WHERE type = ?1 AND updated >= ?2 AND updated < ?3 AND deleted = 0",
            params![type_number(resource_type)?, stamp(least), stamp(beyond)],
        )
    }

    /// Those that have, or lack, any value of a parameter.
    fn missing(&self, resource_type: &'static str, on: On, missing: bool) -> Result<Set, StoreError> {
        let On::Param(param) = on else {
            let all = if missing { RoaringBitmap::new() } else { self.all_of(resource_type)? };
            return Ok(Set::exact(all));
        };
        if param.kind == ParamKind::Composite {
            return Ok(Set { set: self.all_of(resource_type)?, is_exact: false });
        }
        let mut having = if finds_tags(param) { self.in_conflict(resource_type)? } else { RoaringBitmap::new() };
        for used in &param.uses {
            // What a narrowed reference leads to is not in the index apart.
            if used.only.is_some() {
                return Ok(Set { set: self.all_of(resource_type)?, is_exact: false });
            }
            let atom = atom_number(resource_type, used.atom)?;
            for table in tables_of(param.kind) {
                having |= self.numbers(&format!("SELECT resource FROM {table} WHERE atom = ?1"), [atom])?;
            }
        }
        Ok(Set::exact(if missing { self.all_of(resource_type)? - having } else { having }))
    }

    fn param(
        &self,
        resource_type: &'static str,
        param: &'static Param,
        wanted: &Wanted,
        modifier: Modifier,
    ) -> Result<Set, StoreError> {
        if let Wanted::Parts(parts) = wanted {
            return self.composite(resource_type, param, parts);
        }
        let Some(table) = table_of(resource_type) else { return Ok(Set::exact(RoaringBitmap::new())) };
        if let Wanted::Text(text) = wanted
            && param.kind == ParamKind::String
        {
            return self.text(resource_type, &table.atoms, &param.uses, text, modifier);
        }
        let mut all = Set::exact(RoaringBitmap::new());
        if let Wanted::Token(system, code) = wanted
            && finds_tags(param)
            && asks_for_conflict(system.as_deref(), code.as_deref())
        {
            all.set = self.in_conflict(resource_type)?;
        }
        for used in &param.uses {
            let number = atom_number(resource_type, used.atom)?;
            let atom = &table.atoms[used.atom];
            let found = match wanted {
                Wanted::Token(system, code) => {
                    Set::exact(self.token(number, atom, system.as_deref(), code.as_deref())?)
                }
                Wanted::Reference(references) => {
                    // Of what is no local reference, only the reference itself says what type it is of.
                    let is_local = |reference: &Reference| matches!(reference, Reference::Local(..));
                    let is_exact = used.only.is_none() || references.iter().all(is_local);
                    Set { set: self.reference(number, used, references)?, is_exact }
                }
                Wanted::Date(prefix, span) => Set::exact(self.date(number, *prefix, *span)?),
                Wanted::Number(prefix, value) => Set::exact(self.number_at(number, *prefix, *value, None, None)?),
                Wanted::Quantity(prefix, value, system, unit) => {
                    Set::exact(self.number_at(number, *prefix, *value, system.as_deref(), unit.as_deref())?)
                }
                Wanted::Uri(uri) => self.uri(number, uri, modifier)?,
                _ => continue,
            };
            all.set |= found.set;
            all.is_exact &= found.is_exact;
        }
        Ok(all)
    }

    /// What waits for a clinician.
    fn in_conflict(&self, resource_type: &str) -> Result<RoaringBitmap, StoreError> {
        let sql = "SELECT n FROM resource WHERE type = ?1 AND conflicts > 0 AND deleted = 0";
        self.numbers(sql, [type_number(resource_type)?])
    }

    fn token(
        &self,
        atom: i64,
        place: &Atom,
        system: Option<&str>,
        code: Option<&str>,
    ) -> Result<RoaringBitmap, StoreError> {
        let Some(code) = code else {
            let sql = "SELECT resource FROM found_token WHERE atom = ?1 AND system = ?2";
            return self.numbers(sql, params![atom, short(system.unwrap_or_default())]);
        };
        let code = hash(identifier_key(code).as_bytes());
        // An element that can say no system is found by a search that wants none.
        match system.filter(|system| !(system.is_empty() && place.is_bare())) {
            None => self.numbers("SELECT resource FROM found_token WHERE atom = ?1 AND code = ?2", params![atom, code]),
            Some(system) => self.numbers(
                "SELECT resource FROM found_token WHERE atom = ?1 AND code = ?2 AND system = ?3",
                params![atom, code, short(system)],
            ),
        }
    }

    fn reference(&self, atom: i64, used: &Use, references: &[Reference]) -> Result<RoaringBitmap, StoreError> {
        let mut all = RoaringBitmap::new();
        for reference in references {
            all |= match reference {
                Reference::Identifier(system, value) => {
                    let code = hash(identifier_key(value).as_bytes());
                    let any = "SELECT resource FROM found_token WHERE atom = ?1 AND code = ?2";
                    match system.is_empty() {
                        true => self.numbers(any, params![atom, code])?,
                        false => self.numbers(&format!("{any} AND system = ?3"), params![atom, code, short(system)])?,
                    }
                }
                Reference::Local(kind, _) if used.only.is_some_and(|only| only != kind) => continue,
                reference => self.leading_to(atom, target_hash(reference))?,
            };
        }
        Ok(all)
    }

    /// The resources that refer to something at an atom.
    pub(super) fn leading_to(&self, atom: i64, target: i64) -> Result<RoaringBitmap, StoreError> {
        let sql = "SELECT resource FROM found_reference WHERE atom = ?1 AND target = ?2";
        self.numbers(sql, params![atom, target])
    }

    fn date(&self, atom: i64, prefix: Prefix, wanted: Span) -> Result<RoaringBitmap, StoreError> {
        let (from, until) = (wanted.from_ms, wanted.until_ms);
        let back = |ms: i64| ms.saturating_sub(NARROW_MS);
        let mut set = RoaringBitmap::new();
        for width in 0..=1 {
            let is_narrow = width == 0;
            // Where spans that can meet the condition start: the index is in that order.
            let (least, most) = match prefix {
                Prefix::Eq => (from, until),
                Prefix::Ne => (i64::MIN, i64::MAX),
                Prefix::Gt if is_narrow => (back(until), i64::MAX),
                Prefix::Ge if is_narrow => (back(until).min(from), i64::MAX),
                Prefix::Gt | Prefix::Ge => (i64::MIN, i64::MAX),
                Prefix::Lt | Prefix::Eb => (i64::MIN, from),
                Prefix::Le => (i64::MIN, until),
                Prefix::Sa => (until, i64::MAX),
                Prefix::Ap if is_narrow => (back(from), until),
                Prefix::Ap => (i64::MIN, until),
            };
            let mut statement = self.db.prepare_cached(
                "SELECT start, end, resource FROM found_date WHERE atom = ?1 AND width = ?2 AND start >= ?3 AND start <= ?4",
            )?;
            let mut rows = statement.query(params![atom, width, least, most])?;
            while let Some(row) = rows.next()? {
                self.step(1)?;
                if is_date(Span { from_ms: row.get(0)?, until_ms: row.get(1)? }, prefix, wanted) {
                    set.insert(number(row.get(2)?)?);
                }
            }
        }
        Ok(set)
    }

    fn number_at(
        &self,
        atom: i64,
        prefix: Prefix,
        wanted: Number,
        system: Option<&str>,
        unit: Option<&str>,
    ) -> Result<RoaringBitmap, StoreError> {
        let margin = wanted.half.max(wanted.value.abs() * 0.1) * 2.0;
        let (least, most) = match prefix {
            Prefix::Eq => (wanted.value - margin, wanted.value + margin),
            Prefix::Lt | Prefix::Le | Prefix::Eb => (f64::NEG_INFINITY, wanted.value),
            Prefix::Sa => (wanted.value, f64::INFINITY),
            Prefix::Ap => (f64::NEG_INFINITY, wanted.value + margin),
            // Of a range, only the low end is in order.
            Prefix::Gt | Prefix::Ge | Prefix::Ne => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let mut statement = self.db.prepare_cached(
            "SELECT low, high, unit, system, resource FROM found_number WHERE atom = ?1 AND low >= ?2 AND low <= ?3",
        )?;
        let mut rows = statement.query(params![atom, least, most])?;
        let (system, unit) = (system.map(short), unit.map(short));
        let mut set = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            self.step(1)?;
            let fits = |column: usize, wanted: Option<i64>| -> Result<bool, StoreError> {
                Ok(match wanted {
                    Some(wanted) => row.get::<_, i64>(column)? == wanted,
                    None => true,
                })
            };
            if is_number(Range { low: row.get(0)?, high: row.get(1)? }, prefix, wanted)
                && fits(2, unit)?
                && fits(3, system)?
            {
                set.insert(number(row.get(4)?)?);
            }
        }
        Ok(set)
    }

    fn uri(&self, atom: i64, uri: &str, modifier: Modifier) -> Result<Set, StoreError> {
        let key = cut(uri);
        let is_exact = key.len() == uri.len();
        let equal = "SELECT resource FROM found_text WHERE atom = ?1 AND key = ?2";
        let set = match modifier {
            Modifier::Below => self.beginning(atom, key, &|found| !is_exact || is_below(found, uri))?,
            Modifier::Above => {
                let mut all = RoaringBitmap::new();
                for (at, _) in key.char_indices().skip(1).chain([(key.len(), ' ')]) {
                    if is_below(uri, &key[..at]) {
                        all |= self.numbers(equal, params![atom, &key[..at]])?;
                    }
                }
                all
            }
            _ => self.numbers(equal, params![atom, key])?,
        };
        Ok(Set { set, is_exact: is_exact && modifier != Modifier::Above && key.len() < TEXT_BYTES_MAX })
    }

    /// The resources with a word that sounds so.
    fn sounding(&self, atom: i64, skeleton: &str) -> Result<RoaringBitmap, StoreError> {
        let sound = format!("{SOUND}{}", cut(skeleton));
        self.numbers(
            "SELECT resource FROM found_text WHERE atom = ?1 AND key >= ?2 AND key < ?3",
            params![atom, format!("{sound}{SOUND}"), format!("{sound}{BEYOND_SOUND}")],
        )
    }

    /// The resources with a key that begins so and passes.
    fn beginning(&self, atom: i64, key: &str, passes: &dyn Fn(&str) -> bool) -> Result<RoaringBitmap, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT key, resource FROM found_text WHERE atom = ?1 AND key >= ?2 AND key < ?3")?;
        // Words by their sound stand before all letters.
        let least = if key.is_empty() { "\u{2}" } else { key };
        let beyond = format!("{key}\u{10ffff}");
        let mut rows = statement.query(params![atom, least, beyond])?;
        let mut set = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            self.step(1)?;
            if row.get_ref(0)?.as_str().is_ok_and(passes) {
                set.insert(number(row.get(1)?)?);
            }
        }
        Ok(set)
    }

    fn text(
        &self,
        resource_type: &str,
        atoms: &[Atom],
        uses: &[Use],
        text: &str,
        modifier: Modifier,
    ) -> Result<Set, StoreError> {
        let is_name = uses.iter().any(|used| atoms[used.atom].is_of_a_name());
        let numbers = uses.iter().map(|used| atom_number(resource_type, used.atom)).collect::<Result<Vec<_>, _>>()?;
        let each = |find: &dyn Fn(i64) -> Result<RoaringBitmap, StoreError>| {
            numbers.iter().try_fold(RoaringBitmap::new(), |all, atom| Ok::<_, StoreError>(all | find(*atom)?))
        };
        let equal = |atom: i64, key: &str| {
            self.numbers("SELECT resource FROM found_text WHERE atom = ?1 AND key = ?2", params![atom, key])
        };
        if modifier == Modifier::Contains {
            // Of a name that is looked for in several words, one is enough to find candidates by.
            let wanted = names::text_key(text);
            let piece =
                if is_name { wanted.split(' ').max_by_key(|word| word.len()).unwrap_or_default() } else { &wanted };
            let set =
                each(&|atom| self.beginning(atom, "", &|key| key.contains(piece) || key.len() >= TEXT_BYTES_MAX))?;
            return Ok(Set { set, is_exact: false });
        }
        if !is_name {
            let wanted = names::text_key(text);
            let key = cut(&wanted);
            let set = match modifier {
                Modifier::Exact => each(&|atom| equal(atom, key))?,
                _ => each(&|atom| self.beginning(atom, key, &|_| true))?,
            };
            return Ok(Set { set, is_exact: modifier == Modifier::Plain && key.len() == wanted.len() });
        }
        let mut all = None::<RoaringBitmap>;
        let mut is_exact = modifier == Modifier::Plain;
        for word in names::words(text) {
            let key = cut(&word.key);
            is_exact &= key.len() == word.key.len();
            let found = each(&|atom| {
                let mut found = match modifier {
                    Modifier::Exact => equal(atom, key)?,
                    _ => self.beginning(atom, key, &|_| true)?,
                };
                if modifier == Modifier::Plain && !word.skeleton.is_empty() {
                    found |= self.sounding(atom, &word.skeleton)?;
                }
                Ok(found)
            })?;
            all = Some(match all {
                Some(all) => all & found,
                None => found,
            });
        }
        Ok(Set { set: all.unwrap_or_default(), is_exact })
    }

    fn composite(&self, resource_type: &'static str, param: &Param, parts: &[Wanted]) -> Result<Set, StoreError> {
        let Some(table) = table_of(resource_type) else { return Ok(Set::exact(RoaringBitmap::new())) };
        let mut all = None::<RoaringBitmap>;
        for (part, wanted) in param.parts.iter().zip(parts) {
            // A part without a parameter of its own narrows nothing here.
            let Some(of_part) = table.params.get(part.param) else { continue };
            let found = self.param(resource_type, of_part, wanted, Modifier::Plain)?.set;
            all = Some(match all {
                Some(all) => all & found,
                None => found,
            });
        }
        let set = match all {
            Some(all) => all,
            None => self.all_of(resource_type)?,
        };
        Ok(Set { set, is_exact: false })
    }

    fn chain(
        &self,
        resource_type: &'static str,
        param: &'static Param,
        inner: &[(&'static str, Filter)],
    ) -> Result<Set, StoreError> {
        let mut all = RoaringBitmap::new();
        for (target, filter) in inner {
            let selection = self.select(target, std::slice::from_ref(filter))?;
            for n in &self.seen(target, self.settled(target, selection)?)? {
                let Some(id) = self.id_of(n)? else { continue };
                let reference = Reference::Local((*target).to_owned(), id);
                for used in &param.uses {
                    let atom = atom_number(resource_type, used.atom)?;
                    all |= self.reference(atom, used, std::slice::from_ref(&reference))?;
                }
            }
        }
        Ok(Set::exact(all))
    }

    /// The resources of a type that others refer to which meet a condition.
    fn has(
        &self,
        resource_type: &'static str,
        source: &'static str,
        param: &'static Param,
        inner: &Filter,
    ) -> Result<Set, StoreError> {
        let mut all = RoaringBitmap::new();
        let Some(table) = table_of(source) else { return Ok(Set::exact(all)) };
        let selection = self.select(source, std::slice::from_ref(inner))?;
        for n in &self.seen(source, self.settled(source, selection)?)? {
            let Some(resource) = self.load(n)? else { continue };
            let Some(Ok(node)) = resource.raw.as_deref().map(json::parse) else { continue };
            for value in values_of_param(table, param, &node) {
                if let Value::Reference(Reference::Local(kind, id)) = value
                    && kind == resource_type
                {
                    all.extend(self.number_of(&kind, &id)?);
                }
            }
        }
        Ok(Set::exact(all))
    }

    fn id_of(&self, n: u32) -> Result<Option<String>, StoreError> {
        use rusqlite::OptionalExtension as _;
        self.step(1)?;
        let mut statement = self.db.prepare_cached("SELECT id FROM resource WHERE n = ?1")?;
        Ok(statement.query_row([&n as &dyn ToSql], |row| row.get(0)).optional()?)
    }
}

/// The tables that hold the values of a kind of parameter.
fn tables_of(kind: ParamKind) -> &'static [&'static str] {
    match kind {
        ParamKind::Token => &["found_token"],
        ParamKind::String | ParamKind::Uri => &["found_text"],
        ParamKind::Reference => &["found_reference", "found_token"],
        ParamKind::Date => &["found_date"],
        ParamKind::Number | ParamKind::Quantity => &["found_number"],
        ParamKind::Composite => &[],
    }
}
