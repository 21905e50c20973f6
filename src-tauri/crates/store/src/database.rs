//! Opening the database: one writer, a few readers, migrations forward only.

use crate::private::{close_files, private_database, private_empty_file, private_file, private_folder};
use crate::run_event::LiveRuns;
use crate::{StoreError, folder};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database in the data folder.
pub(crate) const FILE: &str = "letterpress.db";
/// How many copies from before migrations are kept.
const COPIES: usize = 5;
/// How long a query waits for another process before it is [`StoreError::Busy`].
const PATIENCE: Duration = Duration::from_secs(10);

/// The first schema in which the words of runs are searched.
const WORDS_SINCE: i64 = 5;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The database in the data folder. Cheap to clone; every method may be called from several tasks at once.
///
/// One connection writes, so that writers of this process wait in line instead of meeting SQLite's lock; four read, and are never
/// blocked by the writer (WAL). Another process (the terminal beside the window) may have the same file open.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) live: LiveRuns,
    path: PathBuf,
}

impl Store {
    /// Opens `letterpress.db` in `dir`, creates folder and file where they are missing, and migrates an older file after copying it to
    /// `letterpress.db.before-N`. A file of a newer app is refused with [`StoreError::NewerFile`] and left as it is.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, &MIGRATIONS).await
    }

    async fn open_with(dir: &Path, migrations: &Migrator) -> Result<Self, StoreError> {
        private_folder(dir)?;
        let path = dir.join(FILE);
        // Two processes that start at once must not both migrate: SQLite has no lock for a migration as a whole.
        let gate = lock_gate(dir).await?;
        folder::finish(dir)?;
        // SQLite gives the files beside it the rights of the database.
        private_database(&path);
        close_files(dir, FILE);
        migrate(dir, &path, migrations).await.map_err(|error| error.at(&path))?;

        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(60))
            // The same one as long as it works: what it has seen of others' writes is its own ([`Self::writes_of_others`]).
            .idle_timeout(None)
            .max_lifetime(None)
            // A file does not go away as a server does, and each question costs several switches between threads.
            .test_before_acquire(false)
            // After some errors (disk full) SQLite has rolled back by itself; sqlx's own ROLLBACK then fails, and it goes on to believe in a
            // transaction. Such a connection is not used again. The ping waits for a rollback that is still on its way.
            .after_release(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options(&path))
            .await
            .map_err(|error| StoreError::from(error).at(&path))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(60))
            .connect_with(options(&path).create_if_missing(false).read_only(true))
            .await
            .map_err(|error| StoreError::from(error).at(&path))?;
        let store = Self { writer, readers, live: LiveRuns::default(), path };
        if migrations.version_exists(WORDS_SINCE) {
            store.index_backlog().await?;
        }
        drop(gate);
        Ok(store)
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes all connections; SQLite then folds the write-ahead log into the file. A process that is killed instead loses nothing.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A number that is another one whenever another process has written since it was asked last, and stays what it is when this one has. Costs a look
    /// at a page of shared memory.
    pub async fn writes_of_others(&self) -> Result<i64, StoreError> {
        // Asked of the writer: to any other connection this process's own writes are foreign ones.
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&self.writer).await?)
    }

    /// A transaction that owns the right to write from its first moment, so that what it reads cannot change before it writes.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // Set anew each time, because [`Self::write_to_disk`] leaves the connection as it set it. SQLite takes it only outside of a transaction.
        Ok(self.writer.begin_with("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await?)
    }

    /// As [`Self::write`], for what must outlive a power cut: its commit returns when it, and all before it, is on the disk.
    pub(crate) async fn write_to_disk(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").await?)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Survives a crash of the app without a wait for the disk at each commit; a power cut may take the last moments, never the file. What
        // it must not take is written by `Store::write_to_disk`.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

/// Waits for the right to migrate; dropping the file gives it back.
pub(crate) async fn lock_gate(dir: &Path) -> Result<fs::File, StoreError> {
    let path = dir.join("migrate.lock");
    let locked = tokio::task::spawn_blocking(move || {
        let open = private_file(fs::File::options().create(true).truncate(false).write(true), &path);
        let file = open.map_err(|source| StoreError::io("open", &path, source))?;
        file.lock().map_err(|source| StoreError::io("lock", &path, source))?;
        Ok(file)
    });
    locked.await.map_err(|panic| StoreError::Database(Box::new(panic)))?
}

async fn migrate(dir: &Path, path: &Path, migrations: &Migrator) -> Result<(), StoreError> {
    let is_new = fs::metadata(path).map_or(true, |found| found.len() == 0);
    // Without foreign keys, which would delete what refers to a table that is made anew; SQLite takes that only outside of a transaction.
    let mut connection = options(path).foreign_keys(false).connect().await?;
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
    let found = if is_new { 0 } else { schema_of(&mut connection).await? };
    let result = if found > known {
        Err(StoreError::NewerFile { found, known })
    } else if found == known {
        Ok(())
    } else {
        if !is_new {
            copy_before(dir, known, &mut connection).await?;
        }
        migrations.run(&mut connection).await.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::from(error),
            MigrateError::VersionMissing(found) => StoreError::NewerFile { found, known },
            other => StoreError::Database(Box::new(other)),
        })
    };
    // A refused file is closed as well, so that the user may move it away.
    let closed = connection.close().await;
    result?;
    Ok(closed?)
}

/// Number of the last migration that the file has seen, 0 for a file without any.
async fn schema_of(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    // Not a checked query: the table belongs to sqlx and does not stand in our migrations.
    let table: Option<i64> = sqlx::query_scalar("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'")
        .fetch_optional(&mut *connection)
        .await?;
    if table.is_none() {
        return Ok(0);
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await?;
    Ok(newest.unwrap_or_default())
}

/// Copies the database as it is, with what still stands in the write-ahead log, to `letterpress.db.before-N`.
async fn copy_before(dir: &Path, target: i64, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let copy = dir.join(format!("{FILE}.before-{target}"));
    let half = dir.join(format!("{FILE}.copying"));
    private_empty_file(&half)?;
    sqlx::query("VACUUM INTO ?1").bind(half.to_string_lossy().into_owned()).execute(connection).await?;
    fs::rename(&half, &copy).map_err(|source| StoreError::io("rename", &half, source))?;

    let mut copies: Vec<(i64, PathBuf)> = fs::read_dir(dir)
        .map_err(|source| StoreError::io("list", dir, source))?
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(FILE)?.strip_prefix(".before-")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    copies.sort();
    let surplus = copies.len().saturating_sub(COPIES);
    copies.iter().take(surplus).try_for_each(|(_, old)| remove_if_there(old))
}

pub(crate) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our migrations and then `more` empty ones.
    async fn later_migrations(dir: &Path, more: i64) -> Migrator {
        let folder = dir.join(format!("later-{more}"));
        fs::create_dir(&folder).unwrap();
        for migration in MIGRATIONS.iter() {
            fs::write(folder.join(format!("{:04}_ours.sql", migration.version)), migration.sql.as_str()).unwrap();
        }
        let last = MIGRATIONS.iter().map(|m| m.version).max().unwrap();
        for number in last + 1..=last + more {
            fs::write(folder.join(format!("{number:04}_later.sql")), format!("CREATE TABLE later_{number} (x INTEGER) STRICT;")).unwrap();
        }
        Migrator::new(folder).await.unwrap()
    }

    /// The migrations of the first version of the app.
    async fn first_migrations(dir: &Path) -> Migrator {
        let folder = dir.join("first");
        fs::create_dir(&folder).unwrap();
        let first = MIGRATIONS.iter().next().unwrap();
        fs::write(folder.join("0001_ours.sql"), first.sql.as_str()).unwrap();
        Migrator::new(folder).await.unwrap()
    }

    #[tokio::test]
    async fn data_of_the_first_version_opens() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let old = Store::open_with(&data, &first_migrations(dir.path()).await).await.unwrap();
        let run = "INSERT INTO run (id, project_id, number, workflow_name, workflow_title, version_name, version_title, version_sha, version_ref,
                event, plan, inputs, backend, actor, state, created_ms) VALUES (?1, 'p', ?2, '', '{}', '', '', '', '', '{}', '{}', '{}', 'host', '', ?3, ?2)";
        let project = "INSERT INTO project (id, name, path, kind, added_ms) VALUES ('p', 'shop', '/shop', 'folder', 1)";
        sqlx::query(project).execute(&old.writer).await.unwrap();
        for (number, id, state, stage) in [
            (1, "passed", "passed", "passed"),
            (2, "half", "running", "running"),
            (3, "waits", "queued", "pending"),
            (4, "lost", "interrupted", "interrupted"),
        ] {
            sqlx::query(run).bind(id).bind(number).bind(state).execute(&old.writer).await.unwrap();
            let stages = "INSERT INTO stage_run (run_id, stage, name, state) VALUES (?1, 1, 'default', ?2)";
            sqlx::query(stages).bind(id).bind(stage).execute(&old.writer).await.unwrap();
            let steps = "INSERT INTO step_run (run_id, stage, step, name, kind, state) VALUES (?1, 1, 1, 'build', 'commands', ?2)";
            sqlx::query(steps).bind(id).bind(stage).execute(&old.writer).await.unwrap();
        }
        old.close().await;

        let store = Store::open(&data).await.unwrap();
        let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
        assert_eq!(copies(&data), [format!("{FILE}.before-{newest}")]);
        let shop = store.project(&lp_model::ProjectId::parse("p").unwrap()).await.unwrap();
        assert_eq!((shop.trusted, shop.cleanup, shop.cleanup_s), (false, crate::CleanupPolicy::Dialect, None));
        let left: Vec<_> =
            store.unfinished().await.unwrap().into_iter().map(|left| (left.id.to_string(), left.can_be_taken_over)).collect();
        assert_eq!(left, [("half".to_owned(), false), ("waits".to_owned(), true)], "its events do not say enough");
        let passed = store.run_detail(&lp_model::RunId::parse("passed").unwrap()).await.unwrap();
        assert_eq!((passed.run.attempt, passed.stages[0].place), (1, crate::StagePlace::None));
        store
            .interrupt(
                &lp_model::RunId::parse("half").unwrap(),
                9,
                &lp_model::Message::verbatim("an older version drove it"),
                &lp_model::Message::verbatim("run it again"),
            )
            .await
            .unwrap();
        assert_eq!(store.unfinished().await.unwrap().len(), 1);
    }

    fn copies(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|n| n.contains(".before-") || n.contains(".copying")).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_new_file_is_not_copied_and_an_older_one_is_copied_with_its_rows() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let store = Store::open(&data).await.unwrap();
        store.put_setting("language", "\"zh-CN\"").await.unwrap();
        assert!(copies(&data).is_empty());
        // Not closed: the row still stands in the write-ahead log.
        let migrations = later_migrations(dir.path(), 1).await;
        let target = migrations.iter().map(|m| m.version).max().unwrap();
        let newer = Store::open_with(&data, &migrations).await.unwrap();
        assert_eq!(newer.setting("language").await.unwrap().as_deref(), Some("\"zh-CN\""));
        assert_eq!(copies(&data), [format!("{FILE}.before-{target}")]);

        let restored = dir.path().join("restored");
        fs::create_dir(&restored).unwrap();
        fs::copy(data.join(format!("{FILE}.before-{target}")), restored.join(FILE)).unwrap();
        let old = Store::open(&restored).await.unwrap();
        assert_eq!(old.setting("language").await.unwrap().as_deref(), Some("\"zh-CN\""));
    }

    #[tokio::test]
    async fn only_the_newest_five_copies_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        Store::open(&data).await.unwrap().close().await;
        for more in 1..=7 {
            Store::open_with(&data, &later_migrations(dir.path(), more).await).await.unwrap().close().await;
        }
        let first = MIGRATIONS.iter().map(|m| m.version).max().unwrap() + 3;
        let mut expected: Vec<String> = (first..first + 5).map(|n| format!("{FILE}.before-{n}")).collect();
        expected.sort();
        assert_eq!(copies(&data), expected);
    }

    #[tokio::test]
    async fn a_newer_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        Store::open_with(&data, &later_migrations(dir.path(), 2).await).await.unwrap().close().await;
        let before = fs::read(data.join(FILE)).unwrap();
        let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap();
        match Store::open(&data).await {
            Err(StoreError::NewerFile { found, known: ours }) => assert_eq!((found, ours), (known + 2, known)),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(data.join(FILE)).unwrap(), before);
    }

    #[tokio::test]
    async fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "this is a letter, not a database. ".repeat(200)).unwrap();
        match Store::open(dir.path()).await {
            Err(error @ StoreError::Corrupt { .. }) => assert!(error.to_string().contains(FILE), "{error}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn writes_of_others_are_told_from_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (Store::open(dir.path()).await.unwrap(), Store::open(dir.path()).await.unwrap());
        let before = ours.writes_of_others().await.unwrap();
        ours.put_setting("a", "1").await.unwrap();
        ours.setting("a").await.unwrap();
        assert_eq!(ours.writes_of_others().await.unwrap(), before);
        theirs.setting("a").await.unwrap();
        assert_eq!(ours.writes_of_others().await.unwrap(), before, "reading is no writing");
        theirs.put_setting("a", "2").await.unwrap();
        assert_ne!(ours.writes_of_others().await.unwrap(), before);
    }

    #[tokio::test]
    async fn two_may_open_an_empty_folder_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = tokio::join!(Store::open(dir.path()), Store::open(dir.path()));
        one.unwrap().put_setting("a", "1").await.unwrap();
        assert_eq!(two.unwrap().setting("a").await.unwrap().as_deref(), Some("1"));
    }
}
