//! Logins for registries: those that `docker login` and `podman login` keep on this computer. They are read anew for each image that is fetched, so
//! that a login counts at once.

use crate::app::App;
use async_trait::async_trait;
use lp_backend_docker::RegistryLogins;
use lp_model::{Message, message};
use lp_registry::{Credentials, DockerConfig, Helper, ImageReference, Login};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long a helper may take: a locked key store waits for a person at a window.
const HELPER_LIMIT: Duration = Duration::from_secs(60);

/// Where logins may be, best first, as the `docker` command and the containers tools look for them.
pub(crate) struct StoredLogins {
    /// `DOCKER_AUTH_CONFIG`: the text of a file.
    text: Option<String>,
    files: Vec<PathBuf>,
}

/// What is known of the logins for registries, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginReport {
    /// File, or `DOCKER_AUTH_CONFIG`.
    pub place: String,
    /// Hosts with an entry of their own there.
    pub hosts: Vec<String>,
    /// Why some of it or all of it cannot be used.
    pub problems: Vec<Message>,
}

impl StoredLogins {
    /// From the process's environment: `DOCKER_AUTH_CONFIG`, `config.json` in `DOCKER_CONFIG` or `.docker` of the home folder, `REGISTRY_AUTH_FILE`, and
    /// the `auth.json` of the containers tools.
    pub fn new(environment: &BTreeMap<String, String>) -> Self {
        let value = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let home = value("HOME").or_else(|| value("USERPROFILE")).map(PathBuf::from);
        let docker = value("DOCKER_CONFIG").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let podman = [
            value("REGISTRY_AUTH_FILE").map(PathBuf::from),
            value("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("containers/auth.json")),
            home.map(|home| home.join(".config/containers/auth.json")),
        ];
        let files = docker.map(|folder| folder.join("config.json")).into_iter().chain(podman.into_iter().flatten()).collect();
        Self { text: value("DOCKER_AUTH_CONFIG").cloned(), files }
    }

    /// The places that are there, with what they say.
    async fn read(&self) -> Vec<(String, Result<DockerConfig, Message>)> {
        let mut all = Vec::new();
        if let Some(text) = &self.text {
            all.push(("DOCKER_AUTH_CONFIG".to_owned(), DockerConfig::parse(text).map_err(|problem| problem.told())));
        }
        for file in &self.files {
            let config = match tokio::fs::read_to_string(file).await {
                Ok(text) => DockerConfig::parse(&text).map_err(|problem| problem.told()),
                Err(missing) if matches!(missing.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(problem) => Err(Message::verbatim(problem)),
            };
            all.push((file.display().to_string(), config));
        }
        all
    }

    /// What there is, and what of it cannot be used. Asks no helper for a password; one that is not installed is a problem.
    pub async fn report(&self, path: Option<&str>) -> Vec<LoginReport> {
        let report = |(place, config): (String, Result<DockerConfig, Message>)| match config {
            Ok(config) => {
                let hosts: Vec<String> = config.hosts().into_iter().map(str::to_owned).collect();
                let mut problems: Vec<Message> = Vec::new();
                for host in &hosts {
                    let Ok(image) = ImageReference::parse(&format!("{host}/a")) else { continue };
                    let problem = match config.login(&image) {
                        Ok(Login::Helper(helper)) if !is_installed(&helper.program, path) => {
                            message!("`{}`, which keeps the login for `{}`, is not installed", helper.program, host)
                        }
                        Ok(_) => continue,
                        Err(problem) => problem.told(),
                    };
                    problems.push(problem);
                }
                LoginReport { place, hosts, problems }
            }
            Err(problem) => LoginReport { place, hosts: Vec::new(), problems: vec![problem] },
        };
        self.read().await.into_iter().map(report).collect()
    }
}

#[async_trait]
impl RegistryLogins for StoredLogins {
    async fn login(&self, image: &ImageReference) -> Option<Credentials> {
        for (place, config) in self.read().await {
            let found = match config.and_then(|config| config.login(image).map_err(|problem| problem.told())) {
                Ok(Login::None) => continue,
                Ok(Login::Here(login)) => Ok(Some(login)),
                Ok(Login::Helper(helper)) => ask(&helper).await,
                Err(problem) => Err(problem),
            };
            match found {
                Ok(Some(login)) => return Some(login),
                Ok(None) => {}
                // The registry then says that it wants a login; many images need none.
                Err(problem) => tracing::warn!(place, "a login cannot be read: {problem}"),
            }
        }
        None
    }
}

async fn ask(helper: &Helper) -> Result<Option<Credentials>, Message> {
    let told = |problem: Message| message!("`{}`: {}", helper.program, problem);
    let mut command = Command::new(&helper.program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|problem| told(Message::verbatim(problem)))?;
    let asking = async {
        if let Some(mut input) = child.stdin.take() {
            input.write_all(helper.server.as_bytes()).await?;
            input.write_all(b"\n").await?;
        }
        child.wait_with_output().await
    };
    let answer = tokio::time::timeout(HELPER_LIMIT, asking).await;
    let answer = answer
        .map_err(|_| told(message!("no answer within {} seconds", HELPER_LIMIT.as_secs())))?
        .map_err(|problem| told(Message::verbatim(problem)))?;
    helper.read(&String::from_utf8_lossy(&answer.stdout), answer.status.success()).map_err(|problem| told(problem.told()))
}

fn is_installed(program: &str, path: Option<&str>) -> bool {
    path.is_some_and(|path| std::env::split_paths(path).any(|folder| folder.join(program).is_file()))
}

impl App {
    /// The logins for registries that are found on this computer, and what of them cannot be used.
    pub async fn registry_logins(&self) -> Vec<LoginReport> {
        let environment = &self.options.environment;
        StoredLogins::new(environment).report(environment.get("PATH").map(String::as_str)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(values: &[(&str, &str)]) -> StoredLogins {
        StoredLogins::new(&values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    async fn login(logins: &StoredLogins, image: &str) -> Option<Credentials> {
        logins.login(&ImageReference::parse(image).unwrap()).await
    }

    #[tokio::test]
    async fn a_login_counts_as_soon_as_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let logins = logins(&[("HOME", home.path().to_str().unwrap())]);
        assert!(login(&logins, "harbor.example.com/a").await.is_none());
        std::fs::create_dir(home.path().join(".docker")).unwrap();
        let file = home.path().join(".docker/config.json");
        std::fs::write(&file, r#"{"auths": {"harbor.example.com": {"auth": "YW5uOm9wZW46c2VzYW1l"}}}"#).unwrap();
        assert_eq!(login(&logins, "harbor.example.com/a").await, Some(Credentials::password("ann", "open:sesame")));
        assert!(login(&logins, "other.example.com/a").await.is_none());
        std::fs::write(&file, "{").unwrap();
        assert!(login(&logins, "harbor.example.com/a").await.is_none());
        assert!(login(&self::logins(&[]), "harbor.example.com/a").await.is_none());
    }

    #[tokio::test]
    async fn places_count_in_their_order() {
        let home = tempfile::tempdir().unwrap();
        let entry = |name: &str| format!(r#"{{"auths": {{"a.example.com": {{"username": "{name}", "password": "x"}}}}}}"#);
        let write = |file: &str, text: &str| {
            let file = home.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let home = home.path().to_str().unwrap();
        write(".config/containers/auth.json", &entry("podman"));
        assert_eq!(login(&logins(&[("HOME", home)]), "a.example.com/x").await, Some(Credentials::password("podman", "x")));
        write(".docker/config.json", &entry("docker"));
        assert_eq!(login(&logins(&[("HOME", home)]), "a.example.com/x").await, Some(Credentials::password("docker", "x")));
        let first = entry("environment");
        let all = logins(&[("HOME", home), ("DOCKER_AUTH_CONFIG", &first)]);
        assert_eq!(login(&all, "a.example.com/x").await, Some(Credentials::password("environment", "x")));
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told() {
        let text = r#"{"auths": {"a.example.com": {"auth": "no base64"}}, "credHelpers": {"gcr.io": "nowhere"}}"#;
        let report = logins(&[("DOCKER_AUTH_CONFIG", text)]).report(Some("/nowhere")).await;
        assert_eq!(report.len(), 1);
        assert_eq!(report[0].hosts, ["a.example.com", "gcr.io"]);
        assert!(report[0].problems[0].to_string().contains("`a.example.com`"), "{report:?}");
        assert!(report[0].problems[1].to_string().contains("`docker-credential-nowhere`"), "{report:?}");
        let broken = logins(&[("DOCKER_AUTH_CONFIG", "{")]).report(None).await;
        assert_eq!(broken[0].problems.len(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_helper_is_asked_on_its_standard_input() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-test");
        let script = "#!/bin/sh\nread -r server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"%s\",\"Secret\":\"%s\"}' \"$server\" \"$1\" \"$server\"\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let helper = Helper { program: program.to_str().unwrap().to_owned(), server: "a.example.com".into() };
        assert_eq!(ask(&helper).await, Ok(Some(Credentials::password("get", "a.example.com"))));
        let missing = Helper { program: "/nowhere/docker-credential-x".into(), ..helper };
        assert!(ask(&missing).await.unwrap_err().to_string().contains("/nowhere/docker-credential-x"));
    }
}
