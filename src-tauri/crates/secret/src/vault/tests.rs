use super::*;
use lp_model::Message;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};
use tempfile::TempDir;

/// A key store in memory that can be told to be silent or forgetful.
#[derive(Default)]
struct MemoryStore {
    key: Mutex<Option<Vec<u8>>>,
    silent: Mutex<bool>,
    forgetful: bool,
    asked: Mutex<u32>,
}

impl OsKeyStore for MemoryStore {
    fn account(&self) -> &str {
        "test"
    }

    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, OsStoreError> {
        *self.asked.lock().unwrap() += 1;
        if *self.silent.lock().unwrap() {
            return Err(OsStoreError { message: Message::verbatim("locked") });
        }
        Ok(self.key.lock().unwrap().clone().map(Zeroizing::new))
    }

    fn write(&self, key: &[u8]) -> Result<(), OsStoreError> {
        if *self.silent.lock().unwrap() {
            return Err(OsStoreError { message: Message::verbatim("locked") });
        }
        if !self.forgetful {
            *self.key.lock().unwrap() = Some(key.to_vec());
        }
        Ok(())
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/master.key");
    (folder, file)
}

async fn file_vault(file: &Path) -> Vault {
    Vault::open(KeyHome::file_only(file), false).await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn what_is_sealed_opens_again_after_a_restart() {
    let (_folder, file) = folder();
    let secret = SecretValue::new("密码 hunter2\n");
    let vault = file_vault(&file).await;
    assert_eq!(vault.place(), &KeyPlace::File(file.clone()));
    let sealed = vault.seal("project/1/token", &secret);
    assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
    assert_ne!(sealed, vault.seal("project/1/token", &secret), "a nonce is never used twice");

    let again = Vault::open(KeyHome::file_only(&file), true).await.unwrap();
    assert_eq!(again.unseal("project/1/token", &sealed).unwrap(), secret);
    assert_eq!(mode(&file), 0o600);
    let names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{names:?}");
}

#[tokio::test]
async fn another_context_key_or_byte_does_not_open() {
    let (_folder, file) = folder();
    let vault = file_vault(&file).await;
    let sealed = vault.seal("a", &SecretValue::new("hunter2"));
    assert!(matches!(vault.unseal("b", &sealed), Err(VaultError::NotOpened { context }) if context == "b"));
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(vault.unseal("a", &changed).is_err(), "byte {index}");
        assert!(vault.unseal("a", &sealed[..index]).is_err(), "first {index} bytes");
    }
    let mut newer = sealed.clone();
    newer[0] = 2;
    assert!(matches!(vault.unseal("a", &newer), Err(VaultError::Newer { .. })));

    let (_other_folder, other) = folder();
    assert!(matches!(file_vault(&other).await.unseal("a", &sealed), Err(VaultError::NotOpened { .. })));
}

#[tokio::test]
async fn a_key_file_that_others_may_read_is_refused() {
    let (_folder, file) = folder();
    file_vault(&file).await;
    for wide in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&file, fs::Permissions::from_mode(wide)).unwrap();
        let error = Vault::open(KeyHome::file_only(&file), false).await.unwrap_err();
        assert!(matches!(error, VaultError::KeyFileExposed { mode, .. } if mode == wide), "{error}");
        assert!(error.hint().to_string().contains(&format!("chmod 600 {}", file.display())));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    file_vault(&file).await;
}

#[tokio::test]
async fn a_damaged_key_file_is_never_replaced() {
    let (_folder, file) = folder();
    file_vault(&file).await;
    let long = format!("letterpress-key-1 {}", "A".repeat(2000));
    for text in ["", "letterpress-key-1", "letterpress-key-1 AAAA", "letterpress-key-2 x", "\u{fffd}", &long] {
        fs::write(&file, text).unwrap();
        let error = Vault::open(KeyHome::file_only(&file), false).await.unwrap_err();
        assert!(matches!(error, VaultError::KeyFileBroken { .. }), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(matches!(Vault::open(KeyHome::file_only(&file), false).await, Err(VaultError::KeyFileBroken { .. })));
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_while_values_are_sealed() {
    let (_folder, file) = folder();
    let error = Vault::open(KeyHome::file_only(&file), true).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyMissing { .. }), "{error}");
    assert!(!file.exists());

    let os = Arc::new(MemoryStore::default());
    let error = Vault::open(KeyHome::with(os.clone(), &file), true).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyMissing { .. }), "{error}");
    assert!(os.key.lock().unwrap().is_none());
}

#[tokio::test]
async fn the_key_store_of_the_system_comes_first() {
    let (_folder, file) = folder();
    let os = Arc::new(MemoryStore::default());
    let vault = Vault::open(KeyHome::with(os.clone(), &file), false).await.unwrap();
    assert_eq!(vault.place(), &KeyPlace::OsKeyStore);
    assert!(!file.exists());
    let sealed = vault.seal("a", &SecretValue::new("hunter2"));
    let again = Vault::open(KeyHome::with(os, &file), true).await.unwrap();
    assert_eq!(again.unseal("a", &sealed).unwrap().expose(), "hunter2");
}

#[tokio::test]
async fn a_silent_key_store_means_a_file_only_while_nothing_is_sealed() {
    let (_folder, file) = folder();
    let os = Arc::new(MemoryStore::default());
    Vault::open(KeyHome::with(os.clone(), &file), false).await.unwrap();
    *os.silent.lock().unwrap() = true;
    let error = Vault::open(KeyHome::with(os.clone(), &file), true).await.unwrap_err();
    assert!(error.to_string().ends_with("locked") && matches!(error, VaultError::KeyStoreSilent { .. }), "{error}");
    assert!(!file.exists());

    // Each question to a key store that does not answer may take minutes.
    *os.asked.lock().unwrap() = 0;
    let vault = Vault::open(KeyHome::with(os.clone(), &file), false).await.unwrap();
    assert_eq!(vault.place(), &KeyPlace::File(file.clone()));
    assert_eq!(*os.asked.lock().unwrap(), 1);
    // From now on the file counts, also when the key store answers again with its own, other key.
    let sealed = vault.seal("a", &SecretValue::new("hunter2"));
    *os.silent.lock().unwrap() = false;
    let again = Vault::open(KeyHome::with(os, &file), true).await.unwrap();
    assert_eq!(again.place(), &KeyPlace::File(file));
    assert_eq!(again.unseal("a", &sealed).unwrap().expose(), "hunter2");
}

#[tokio::test]
async fn a_forgetful_key_store_does_not_count() {
    let (_folder, file) = folder();
    let os = Arc::new(MemoryStore { forgetful: true, ..MemoryStore::default() });
    let vault = Vault::open(KeyHome::with(os, &file), false).await.unwrap();
    assert_eq!(vault.place(), &KeyPlace::File(file));
}

#[tokio::test]
async fn an_entry_that_is_no_key_is_never_replaced() {
    let (_folder, file) = folder();
    let os = Arc::new(MemoryStore::default());
    os.write(b"short").unwrap();
    let error = Vault::open(KeyHome::with(os.clone(), &file), false).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyStoreBroken { .. }), "{error}");
    assert_eq!(os.key.lock().unwrap().as_deref(), Some(&b"short"[..]));
}

#[test]
fn two_at_the_same_time_get_the_same_key() {
    let (_folder, file) = folder();
    let barrier = Barrier::new(8);
    let keys: Vec<key::Key> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    KeyHome::file_only(&file).key(false).unwrap().0
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| key[..] == keys[0][..]));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let (folder, _) = folder();
    // A file where the folder should be: also root cannot write there.
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "").unwrap();
    let error = Vault::open(KeyHome::file_only(blocked.join("master.key")), false).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyFile { .. }) && error.to_string().contains("blocked/master.key"), "{error}");
}

#[test]
fn debug_shows_no_key() {
    let cipher = Aes256Gcm::new_from_slice(&[7; 32]).unwrap();
    assert_eq!(format!("{:?}", Vault { cipher, place: KeyPlace::OsKeyStore }), "Vault { place: OsKeyStore, .. }");
}
