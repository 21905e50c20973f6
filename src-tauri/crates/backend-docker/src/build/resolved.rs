//! What a step builds, with everything filled in that is known only now: secrets, the time, what variables hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_backend::EnvText;
use lp_model::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Later, Message};
use lp_registry::{Credentials, DockerConfig, ImageReference, Login};
use lp_secret::SecretValue;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Text that may hold secrets never shows itself.
pub(super) struct Resolved {
    /// Every name under which the image is to be had, in the order in which they are pushed.
    pub names: Vec<ImageReference>,
    pub build_args: HashMap<String, String>,
    pub labels: HashMap<String, String>,
    pub logins: Logins,
}

impl Resolved {
    /// Fills in what is written in `build`. `tags` take the place of its own where there are any.
    ///
    /// # Errors
    /// A sentence about a name that no engine takes, or about logins that cannot be read.
    pub fn of(build: &BuildImage, values: &Values<'_>, tags: Option<Vec<String>>) -> Result<Self, Message> {
        let tags = tags.as_ref().unwrap_or(&build.tags);
        let repositories: Vec<String> =
            std::iter::once(&build.repository).chain(&build.more_repositories).map(|one| values.text(one)).collect();
        let named = repositories.iter().flat_map(|repository| tags.iter().map(move |tag| format!("{repository}:{tag}")));
        let names = named.chain(build.more_names.iter().cloned()).map(|name| ImageReference::parse(&name).map_err(|error| error.told()));
        let fill = |texts: &BTreeMap<String, BuildValue>| texts.iter().map(|(name, value)| (name.clone(), values.text(value))).collect();
        Ok(Self {
            names: names.collect::<Result<_, _>>()?,
            build_args: fill(&build.build_args),
            labels: fill(&build.labels),
            logins: Logins::of(build, values)?,
        })
    }

    /// What tells this build from another one of the same step, without the times that it is told.
    pub fn fingerprint(&self, build: &BuildImage, dockerfile: &[u8]) -> String {
        let mut parts: Vec<String> = self.build_args.iter().map(|(name, value)| format!("a{name}={value}")).collect();
        let stable =
            self.labels.iter().filter(|(name, _)| !matches!(build.labels.get(*name), Some(BuildValue::Later(Later::BuildTime {}))));
        parts.extend(stable.map(|(name, value)| format!("l{name}={value}")));
        parts.sort_unstable();
        parts.extend([&build.dockerfile, &build.context].into_iter().chain(&build.target).chain(&build.platform).cloned());
        let mut hash = Sha256::new();
        for part in parts.iter().map(String::as_bytes).chain([dockerfile]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The environment of a step as its plugin would see it.
pub(super) struct Values<'s> {
    environment: HashMap<&'s str, Cow<'s, str>>,
    /// RFC 3339 in UTC.
    now: String,
}

impl<'s> Values<'s> {
    /// `base` and `dir` are the paths of the workspace that the step sees.
    pub fn of(env: &'s [(String, EnvText)], base: &'s str, dir: &'s str) -> Self {
        let environment = env.iter().map(|(name, value)| (name.as_str(), value.text(base, dir))).collect();
        Self { environment, now: format!("{:.0}", jiff::Timestamp::now()) }
    }

    /// The text of a value; empty where its variable is not set.
    pub fn text(&self, value: &BuildValue) -> String {
        match value {
            BuildValue::Text(text) => text.clone(),
            BuildValue::Later(Later::BuildTime {}) => self.now.clone(),
            BuildValue::Later(Later::Variable { name, pointer, .. }) => {
                let Some(text) = self.environment.get(name.as_str()) else { return String::new() };
                if pointer.is_empty() {
                    return text.to_string();
                }
                let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
                match json.as_ref().and_then(|json| json.pointer(pointer)) {
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(serde_json::Value::Null) | None => String::new(),
                    Some(other) => other.to_string(),
                }
            }
        }
    }
}

/// Who we are for the registries that a build has to do with, as far as its step says.
#[derive(Default)]
pub(super) struct Logins {
    /// By the host of an image's name.
    by_host: HashMap<String, Credentials>,
    config: Option<DockerConfig>,
}

impl Logins {
    fn of(build: &BuildImage, values: &Values<'_>) -> Result<Self, Message> {
        let mut by_host = HashMap::new();
        for login in &build.logins {
            let BuildLogin { registry, username, password, may_be_base64 } = login;
            let (registry, username, password) = (values.text(registry), values.text(username), values.text(password));
            // The plugins log in only where there is a password.
            if password.is_empty() {
                continue;
            }
            let decoded = || String::from_utf8(STANDARD.decode(password.trim()).ok()?).ok();
            let password = if *may_be_base64 { decoded().unwrap_or(password) } else { password };
            by_host.entry(host_of(&registry)).or_insert(Credentials::Password { username, password: SecretValue::new(password) });
        }
        let config = match build.login_config.as_ref().map(|config| values.text(config)).filter(|text| !text.is_empty()) {
            Some(text) => Some(DockerConfig::parse(&text).map_err(|error| error.told())?),
            None => None,
        };
        Ok(Self { by_host, config })
    }

    /// The login of the step for an image.
    pub fn of_image(&self, image: &ImageReference) -> Option<Credentials> {
        let of_config = || match self.config.as_ref()?.login(image).ok()? {
            Login::Here(credentials) => Some(credentials),
            Login::Helper(_) | Login::None => None,
        };
        self.by_host.get(image.host()).cloned().or_else(of_config)
    }

    /// Hosts with a login of their own.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Credentials)> {
        self.by_host.iter().map(|(host, login)| (host.as_str(), login))
    }
}

/// The host of images for the address of a registry as it is written: without scheme and path, and one name for Docker Hub.
fn host_of(registry: &str) -> String {
    let bare = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    let host = bare.split('/').next().unwrap_or(bare);
    match host {
        _ if registry == DOCKER_HUB || registry.is_empty() => "docker.io".to_owned(),
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" | "hub.docker.com" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(name: &str, pointer: &str) -> BuildValue {
        BuildValue::Later(Later::Variable { name: name.into(), pointer: pointer.into(), secrets: vec![] })
    }

    fn resolved(build: &BuildImage, env: &[(&str, &str)], tags: Option<Vec<String>>) -> Result<Resolved, Message> {
        let secret = |(name, value): &(&str, &str)| ((*name).to_owned(), EnvText::Secret(SecretValue::new(*value)));
        let env: Vec<_> = env.iter().map(secret).collect();
        Resolved::of(build, &Values::of(&env, "/drone", "/drone/src"), tags)
    }

    #[test]
    fn values_come_from_the_environment_also_out_of_json() {
        let mut build = BuildImage::new(later("PLUGIN_REPO", ""));
        build.tags = vec!["1".into(), "latest".into()];
        build.build_args =
            [("A".to_owned(), later("ARGS", "/a~1b")), ("N".to_owned(), later("ARGS", "/n")), ("M".to_owned(), later("NONE", ""))].into();
        let all = resolved(&build, &[("PLUGIN_REPO", "h:5000/team/app"), ("ARGS", r#"{"a/b":"x","n":7}"#)], None).unwrap();
        let names: Vec<_> = all.names.iter().map(ImageReference::canonical).collect();
        assert_eq!(names, ["h:5000/team/app:1", "h:5000/team/app:latest"]);
        assert_eq!(["A", "N", "M"].map(|name| all.build_args[name].as_str()), ["x", "7", ""]);
        let of_file = resolved(&build, &[("PLUGIN_REPO", "app")], Some(vec!["2".into()])).unwrap();
        assert_eq!(of_file.names[0].canonical(), "docker.io/library/app:2");
        assert!(resolved(&build, &[("PLUGIN_REPO", "App")], None).is_err());
    }

    #[test]
    fn logins_are_found_by_the_host_of_the_name() {
        let login = |registry: &str, password: &str, may_be_base64| BuildLogin {
            registry: BuildValue::text(registry),
            username: BuildValue::text("ann"),
            password: later(password, ""),
            may_be_base64,
        };
        let mut build = BuildImage::new(BuildValue::text("app"));
        build.logins =
            vec![login("https://harbor.example/v2/", "P", false), login(DOCKER_HUB, "B", true), login("nowhere.example", "NONE", false)];
        build.login_config = Some(later("CONFIG", ""));
        let config = r#"{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}"#;
        let all = resolved(&build, &[("P", "pw?"), ("B", "cHc="), ("CONFIG", config)], None).unwrap();
        let of = |image: &str| all.logins.of_image(&ImageReference::parse(image).unwrap());
        assert_eq!(of("harbor.example/team/app"), Some(Credentials::password("ann", "pw?")));
        assert_eq!(of("nginx"), Some(Credentials::password("ann", "pw")), "out of base64");
        assert_eq!(of("quay.io/a"), Some(Credentials::password("bob", "pw")), "of the configuration");
        assert_eq!((of("nowhere.example/a"), of("ghcr.io/a")), (None, None));
        assert!(resolved(&build, &[("CONFIG", "{")], None).is_err());
    }

    #[test]
    fn a_fingerprint_is_of_everything_but_the_time() {
        let mut build = BuildImage::new(BuildValue::text("app"));
        build.labels = [("created".to_owned(), BuildValue::Later(Later::BuildTime {})), ("who".to_owned(), later("WHO", ""))].into();
        let of = |build: &BuildImage, who: &str, file: &[u8]| resolved(build, &[("WHO", who)], None).unwrap().fingerprint(build, file);
        let first = of(&build, "ann", b"FROM a");
        let mut one = resolved(&build, &[("WHO", "ann")], None).unwrap();
        one.labels.insert("created".into(), "another time".into());
        assert_eq!(one.fingerprint(&build, b"FROM a"), first);
        assert_ne!(of(&build, "bob", b"FROM a"), first);
        assert_ne!(of(&build, "ann", b"FROM b"), first);
        build.target = Some("final".into());
        assert_ne!(of(&build, "ann", b"FROM a"), first);
    }
}
