//! Table `setting`: JSON values by key.

use crate::{Store, StoreError};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

impl Store {
    /// The JSON text of a setting.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar!("SELECT value FROM setting WHERE key = ?1", key).fetch_optional(&self.readers).await?)
    }

    /// All settings, by key.
    pub async fn settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = sqlx::query!("SELECT key, value FROM setting").fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
    }

    /// Sets or replaces a setting; `json` is stored as it is.
    pub async fn put_setting(&self, key: &str, json: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        put(&mut write, key, json).await?;
        Ok(write.commit().await?)
    }

    /// Sets or replaces several settings, all of them or none.
    pub async fn put_settings(&self, settings: &BTreeMap<String, String>) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        for (key, json) in settings {
            put(&mut write, key, json).await?;
        }
        Ok(write.commit().await?)
    }

    /// Forgets a setting; one that is not there counts as forgotten.
    pub async fn delete_setting(&self, key: &str) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM setting WHERE key = ?1", key).execute(&self.writer).await?;
        Ok(())
    }
}

async fn put(connection: &mut SqliteConnection, key: &str, json: &str) -> Result<(), StoreError> {
    sqlx::query!("INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, json)
        .execute(connection)
        .await?;
    Ok(())
}
