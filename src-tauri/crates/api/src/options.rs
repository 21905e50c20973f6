use crate::dto::{ApiError, ErrorCode};
use lp_model::message;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the app is opened with. Everything that comes from the outside is passed in, so that tests own it.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Folder with the database, the logs and the keys; made when it is not there.
    pub data_folder: PathBuf,
    /// Environment that decides where engines are looked for (`DOCKER_HOST`, `DOCKER_CONTEXT`, `XDG_RUNTIME_DIR`, …), and with which file of
    /// settings `ssh` is called for those of other computers (`LETTERPRESS_SSH_CONFIG`).
    pub environment: BTreeMap<String, String>,
    /// Name of the person who presses Run.
    pub actor: String,
    /// Whether other processes may hand their runs over to this one while it owns the data folder (the window does).
    pub accept_guests: bool,
    /// Whether this process may become the owner of the data folder, to drive its runs. One that only reads, or sets something, does not: it
    /// would take up runs only to leave them again a moment later.
    pub drives: bool,
    /// Whether the key store of the operating system is used for the vault's key.
    pub use_os_key_store: bool,
}

impl AppOptions {
    /// Name of the variable that says where the data folder is.
    pub const HOME: &'static str = "LETTERPRESS_HOME";

    /// For tests: no engine answers, no guests, and the key is kept in the folder.
    #[cfg(test)]
    pub(crate) fn without_engine(data_folder: impl Into<PathBuf>) -> Self {
        Self {
            data_folder: data_folder.into(),
            environment: [("DOCKER_HOST".to_owned(), "unix:///nonexistent/engine.sock".to_owned())].into(),
            actor: String::new(),
            accept_guests: false,
            drives: true,
            use_os_key_store: false,
        }
    }

    /// What this process's environment says: `LETTERPRESS_HOME`, else the system's place for data of applications.
    /// `LETTERPRESS_KEY_STORE=file` keeps the vault's key out of the system's key store.
    ///
    /// # Errors
    /// [`ErrorCode::StoreUnavailable`] when there is no such place (no home folder).
    pub fn from_environment() -> Result<Self, ApiError> {
        // `vars` panics where a value is not UTF-8 (a path in GBK); nothing that is looked up here is written so.
        let environment: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let data_folder = match std::env::var_os(Self::HOME).filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => dirs::data_dir().map(|folder| folder.join("letterpress")).ok_or_else(|| {
                ApiError::new(ErrorCode::StoreUnavailable, message!("this user has no home folder"))
                    .hint(message!("set `{}` to a folder that Letterpress may write to", Self::HOME))
            })?,
        };
        let data_folder = std::path::absolute(&data_folder).unwrap_or(data_folder);
        let home = dirs::home_dir().and_then(|home| Some(home.file_name()?.to_string_lossy().into_owned()));
        let actor =
            ["LOGNAME", "USER", "USERNAME"].iter().find_map(|name| environment.get(*name).filter(|value| !value.is_empty()).cloned());
        Ok(Self {
            data_folder,
            actor: actor.or(home).unwrap_or_default(),
            accept_guests: false,
            drives: true,
            use_os_key_store: environment.get("LETTERPRESS_KEY_STORE").is_none_or(|place| place != "file"),
            environment,
        })
    }
}
