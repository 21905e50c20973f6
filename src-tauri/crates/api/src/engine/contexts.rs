//! The contexts of the `docker` command: engines with a name, as `docker context create` writes them.
//!
//! Another computer is not logged in to because somebody looks at a list: contexts that are not in use are asked only on request.

use lp_backend_docker::{EngineAddress, Tls};
use lp_model::{Message, message};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name that stands for "no context": the usual places.
pub(super) const DEFAULT: &str = "default";

/// An engine with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub name: String,
    pub description: String,
    pub address: EngineAddress,
}

/// What the folder of the `docker` command says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contexts {
    /// By name.
    pub all: Vec<Context>,
    /// The one that `docker context use` has chosen; none for the usual places.
    pub current: Option<String>,
}

impl Contexts {
    /// Reads them. A context that cannot be read is listed with its problem; a folder that is not there has none.
    pub fn read(folder: &Path, ssh_config: Option<&Path>) -> Self {
        let meta = folder.join("contexts/meta");
        let ids = fs::read_dir(&meta).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut all: Vec<Context> = ids
            .filter_map(|id| {
                let file = meta.join(&id).join("meta.json");
                let text = match fs::read_to_string(&file) {
                    Ok(text) => text,
                    Err(missing) if missing.kind() == io::ErrorKind::NotFound => return None,
                    Err(problem) => return Some(broken(&id.to_string_lossy(), &file, &problem)),
                };
                let tls = folder.join("contexts/tls").join(&id).join("docker");
                Some(match serde_json::from_str(&text) {
                    Ok(meta) => context(meta, tls, ssh_config),
                    Err(problem) => broken(&id.to_string_lossy(), &file, &problem),
                })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Self { all, current: current(folder) }
    }

    /// The one of that name, or what to say when there is none.
    pub fn named(&self, name: &str) -> Context {
        let found = self.all.iter().find(|context| context.name == name);
        found.cloned().unwrap_or_else(|| Context {
            name: name.to_owned(),
            description: String::new(),
            address: EngineAddress::unusable(
                name,
                message!("there is no docker context `{}`; choose another engine, or make it with `docker context create {}`", name, name),
            ),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Metadata {
    description: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "Host")]
    host: String,
    #[serde(rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

fn context(meta: Meta, tls: PathBuf, ssh_config: Option<&Path>) -> Context {
    let endpoint = meta.endpoints.get("docker").filter(|endpoint| !endpoint.host.is_empty());
    let address = match endpoint {
        Some(endpoint) => EngineAddress {
            tls: (endpoint.skip_tls_verify || tls.is_dir()).then_some(Tls { folder: tls, verify: !endpoint.skip_tls_verify }),
            ssh_config: ssh_config.map(Path::to_owned),
            ..EngineAddress::new(&endpoint.host)
        },
        None => EngineAddress::unusable(
            &meta.name,
            message!(
                "the docker context `{}` names no docker engine; mend it with `docker context update {} --docker host=…`",
                meta.name,
                meta.name
            ),
        ),
    };
    Context { name: meta.name, description: meta.metadata.description, address }
}

fn broken(id: &str, file: &Path, problem: &dyn std::fmt::Display) -> Context {
    let problem =
        message!("`{}` cannot be read: {}; make the context anew with `docker context create`", file.display(), Message::verbatim(problem));
    Context { name: id.to_owned(), description: String::new(), address: EngineAddress::unusable(id, problem) }
}

/// A configuration that cannot be read is the business of the `docker` command, which complains about it.
fn current(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current_context: String,
    }
    let text = fs::read_to_string(folder.join("config.json")).ok()?;
    let config: Config = serde_json::from_str(&text).ok()?;
    Some(config.current_context).filter(|name| !name.is_empty() && name != DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str, text: &str) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn what_the_docker_command_writes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(Contexts::read(folder, None), Contexts::default());
        write(
            folder,
            "contexts/meta/b1/meta.json",
            r#"{"Name":"build","Metadata":{"Description":"the big one"},"Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2376","SkipTLSVerify":false}}}"#,
        );
        write(folder, "contexts/tls/b1/docker/ca.pem", "");
        write(
            folder,
            "contexts/meta/a1/meta.json",
            r#"{"Name":"away","Metadata":{"StackOrchestrator":"swarm"},"Endpoints":{"docker":{"Host":"ssh://ann@away"}}}"#,
        );
        write(
            folder,
            "contexts/meta/l1/meta.json",
            r#"{"Name":"lax","Endpoints":{"docker":{"Host":"tcp://lax:2376","SkipTLSVerify":true}}}"#,
        );
        write(folder, "contexts/meta/k1/meta.json", r#"{"Name":"kube","Metadata":{},"Endpoints":{"kubernetes":{"Host":"https://k"}}}"#);
        write(folder, "contexts/meta/x1/meta.json", "{");
        fs::create_dir_all(folder.join("contexts/meta/empty")).unwrap();
        write(folder, "config.json", r#"{"auths":{},"currentContext":"build"}"#);

        let contexts = Contexts::read(folder, Some(Path::new("/ssh")));
        assert_eq!(contexts.current.as_deref(), Some("build"));
        let names: Vec<_> = contexts.all.iter().map(|context| context.name.as_str()).collect();
        assert_eq!(names, ["away", "build", "kube", "lax", "x1"]);
        let [away, build, kube, lax, broken] = &contexts.all[..] else { panic!("{contexts:?}") };
        assert_eq!((away.address.url.as_str(), away.address.ssh_config.as_deref()), ("ssh://ann@away", Some(Path::new("/ssh"))));
        assert_eq!(away.address.tls, None);
        assert_eq!(build.description, "the big one");
        assert_eq!(build.address.tls, Some(Tls { folder: folder.join("contexts/tls/b1/docker"), verify: true }));
        assert_eq!(lax.address.tls, Some(Tls { folder: folder.join("contexts/tls/l1/docker"), verify: false }));
        assert!(kube.address.problem.as_ref().unwrap().to_string().contains("`kube` names no docker engine"), "{kube:?}");
        let problem = broken.address.problem.as_ref().unwrap().to_string();
        assert!(
            problem.to_string().contains("x1/meta.json` cannot be read") && problem.to_string().contains("docker context create"),
            "{problem}"
        );
        assert!(contexts.named("gone").address.problem.unwrap().to_string().contains("there is no docker context `gone`"));
        assert_eq!(&contexts.named("build"), build);
    }

    #[test]
    fn the_default_context_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for text in [r#"{"currentContext":"default"}"#, r#"{"currentContext":""}"#, "{}", "{"] {
            write(folder.path(), "config.json", text);
            assert_eq!(Contexts::read(folder.path(), None).current, None, "{text}");
        }
    }
}
