//! Logins for registries: those that `docker login` keeps on this computer.

use async_trait::async_trait;
use lp_backend_docker::RegistryLogins;
use lp_registry::Credentials;
use std::path::PathBuf;

/// Reads Docker's `config.json` anew for each image that is fetched, so that a login counts at once.
pub(crate) struct DockerLogins {
    file: Option<PathBuf>,
}

impl DockerLogins {
    /// The file in the folder `docker_config` (`DOCKER_CONFIG`), else in `.docker` of the home folder.
    pub fn new(docker_config: Option<String>, home: Option<String>) -> Self {
        let folder = docker_config.map(PathBuf::from).or_else(|| home.map(|home| PathBuf::from(home).join(".docker")));
        Self { file: folder.map(|folder| folder.join("config.json")) }
    }
}

#[async_trait]
impl RegistryLogins for DockerLogins {
    async fn login(&self, host: &str) -> Option<Credentials> {
        let text = tokio::fs::read_to_string(self.file.as_ref()?).await.ok()?;
        match Credentials::from_docker_config(&text, host) {
            Ok(login) => login,
            Err(problem) => {
                // The registry then says that it wants a login; many images need none.
                tracing::warn!("{}: {problem}", self.file.as_ref()?.display());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_login_counts_as_soon_as_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let logins = DockerLogins::new(None, Some(home.path().to_string_lossy().into_owned()));
        assert!(logins.login("harbor.example.com").await.is_none());
        std::fs::create_dir(home.path().join(".docker")).unwrap();
        let file = home.path().join(".docker/config.json");
        std::fs::write(&file, r#"{"auths": {"harbor.example.com": {"auth": "YW5uOm9wZW46c2VzYW1l"}}}"#).unwrap();
        assert_eq!(logins.login("harbor.example.com").await.unwrap().username, "ann");
        assert!(logins.login("other.example.com").await.is_none());
        std::fs::write(&file, "{").unwrap();
        assert!(logins.login("harbor.example.com").await.is_none());
        assert!(DockerLogins::new(None, None).login("harbor.example.com").await.is_none());
    }
}
