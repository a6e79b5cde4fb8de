//! Everything there is to see for whoever has the passphrase: what a keeper's promise, that there is nothing readable, is
//! held to.

use crate::error::StoreError;
use crate::store::Store;
use rusqlite::types::ValueRef;

impl Store {
    /// Calls `visit` with every text and every blob in the database, whatever table and column it stands in.
    ///
    /// # Errors
    /// Input/output.
    pub fn each_value(&self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<(), StoreError> {
        let mut tables = self.db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for table in names {
            // The names come from the schema, and have no quotes in them.
            let mut select = self.db.prepare(&format!("SELECT * FROM \"{table}\""))?;
            let columns = select.column_count();
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column)? {
                        visit(&table, bytes);
                    }
                }
            }
        }
        Ok(())
    }
}
