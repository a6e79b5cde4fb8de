//! The projections that only patients have: the list of them, and who was taken for whom.

use crate::error::StoreError;
use crate::project::stored_hlc;
use rusqlite::{CachedStatement, Transaction, params};
use sanad_record::key::ResourceKey;
use sanad_record::link::{replaced_by, survivors};
use serde_json::Value;
use std::collections::BTreeMap;

/// Writes patients within one transaction.
pub(crate) struct People<'t> {
    tx: &'t Transaction<'t>,
    /// True once a link between patients appeared or went, or a patient that others are replaced by.
    links_changed: bool,
}

impl<'t> People<'t> {
    pub(crate) fn new(tx: &'t Transaction<'t>) -> Self {
        People { tx, links_changed: false }
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'t>, StoreError> {
        Ok(self.tx.prepare_cached(sql)?)
    }

    /// Notes what a resource says now: `None` if it is deleted, `Some(None)` if its bytes are not JSON.
    pub(crate) fn changed(
        &mut self,
        n: i64,
        key: &ResourceKey,
        now: Option<Option<&Value>>,
        updated: u64,
    ) -> Result<(), StoreError> {
        if key.resource_type != "Patient" {
            return Ok(());
        }
        let replaced = now.flatten().map_or_else(Vec::new, replaced_by);
        if now.is_some() {
            let added = self
                .statement("UPDATE patient SET updated = ?2 WHERE n = ?1")?
                .execute(params![n, stored_hlc(updated)])?
                == 0;
            if added {
                self.statement("INSERT INTO patient (n, id, updated) VALUES (?1, ?2, ?3)")?.execute(params![
                    n,
                    key.id,
                    stored_hlc(updated)
                ])?;
            }
            self.links_changed |= added && self.is_named(&key.id)?;
        } else {
            let gone = self.statement("DELETE FROM patient WHERE n = ?1")?.execute([n])? == 1;
            self.links_changed |= gone && self.is_named(&key.id)?;
        }
        self.replaced(&key.id, &replaced)
    }

    /// True if another patient is replaced by this one.
    fn is_named(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.statement("SELECT 1 FROM replaced WHERE by = ?1")?.exists([id])?)
    }

    fn replaced(&mut self, id: &str, by: &[String]) -> Result<(), StoreError> {
        let mut statement = self.statement("SELECT by FROM replaced WHERE patient = ?1 ORDER BY by")?;
        let before: Vec<String> = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if before == by {
            return Ok(());
        }
        self.links_changed = true;
        self.statement("DELETE FROM replaced WHERE patient = ?1")?.execute([id])?;
        for other in by {
            self.statement("INSERT INTO replaced (patient, by) VALUES (?1, ?2)")?.execute(params![id, other])?;
        }
        Ok(())
    }

    /// Works out anew who survives in whose place, if any link changed.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        if !self.links_changed {
            return Ok(());
        }
        // A link to a patient that is not here hides nobody: the one at hand stays in the list.
        let mut statement = self.statement(
            "SELECT replaced.patient, replaced.by FROM replaced JOIN patient ON patient.id = replaced.by ORDER BY 1, 2",
        )?;
        let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            links.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        let survivors = survivors(&links);
        let mut statement = self.statement("SELECT id FROM patient WHERE survivor IS NOT NULL")?;
        let merged: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut set = self.statement("UPDATE patient SET survivor = ?2 WHERE id = ?1 AND survivor IS NOT ?2")?;
        for id in merged.iter().filter(|id| survivors.get(*id).is_none_or(|survivor| survivor == *id)) {
            set.execute(params![id, None::<String>])?;
        }
        for (id, survivor) in survivors.iter().filter(|(id, survivor)| id != survivor) {
            set.execute(params![id, survivor])?;
        }
        Ok(())
    }
}
