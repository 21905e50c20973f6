//! Building an image as an action of a step: what the settings of an image plugin ask for, in the words of an engine's API.
//!
//! It is part of the [`Plan`](crate::Plan): plain, printable, without a value of a secret. A value that is known only when the step starts
//! is named by the variable of the step's environment that holds it ([`BuildValue::Later`]).
//!
//! Why beside the environment and not instead of it: the step keeps everything that its plugin was told, so that the plugin itself can be
//! run where only that will do, and so that old plans, which have no such action, mean what they always meant.

use crate::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a plugin logs in to when nothing is said: the key of Docker Hub in every configuration of logins.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// An image to build, to name and to push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildImage {
    /// Name of the image without a tag, as the plugin would use it: with the host of its registry, else it is one of Docker Hub.
    pub repository: BuildValue,
    /// Further names of that kind; each gets all the tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_repositories: Vec<BuildValue>,
    /// Tags in the order in which they are pushed.
    pub tags: Vec<String>,
    /// Complete names, with a tag each, besides repository × tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_names: Vec<String>,
    /// A file of the working copy whose tags, where it is there, take the place of [`BuildImage::tags`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_file: Option<TagsFile>,
    /// Path of the Dockerfile as it is written: relative to the working folder of the step, not to the context.
    pub dockerfile: String,
    /// Whether a Dockerfile that is not there is looked for in the context too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dockerfile_in_context: bool,
    /// Folder that is sent, as it is written: relative to the working folder of the step.
    pub context: String,
    /// Build arguments.
    #[serde(default)]
    pub build_args: BTreeMap<String, BuildValue>,
    /// Stage of the Dockerfile to build; `None` builds the last one.
    #[serde(default)]
    pub target: Option<String>,
    /// Labels of the image, those that the plugin makes by itself among them.
    #[serde(default)]
    pub labels: BTreeMap<String, BuildValue>,
    /// Names of those labels that the plugin makes by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automatic_labels: Vec<String>,
    /// Whether the tags are pushed.
    pub push: bool,
    /// Who we are for registries: the first is the one that the plugin logs in to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<BuildLogin>,
    /// A configuration of logins as docker keeps it, in a variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_config: Option<BuildValue>,
    /// The one platform to build for; `None` is that of the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Whether registries are asked for newer base images.
    pub pull: bool,
    /// Whether nothing that was built before is used again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_cache: bool,
    /// Whether the new layers become one; only an experimental engine does it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub squash: bool,
    /// Images whose layers may be used again; each is fetched before, and one that is not there is no error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Lines `name:address` for what runs while the image is built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// Path of a file of the working copy that says what was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_file: Option<String>,
    /// What happens instead of building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Instead>,
    /// What a person should know before pressing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Message>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What a plugin does instead of building.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// Nothing, and the step passes: why.
    Passes(Message),
    /// The step fails at once: why.
    Fails(Message),
}

impl Instead {
    /// Why nothing is built.
    pub fn reason(&self) -> &Message {
        match self {
            Self::Passes(reason) | Self::Fails(reason) => reason,
        }
    }
}

/// How a plugin splits a file with tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagsSplit {
    /// At commas only, so that a file with lines makes one tag that is none.
    Commas,
    /// At the ends of lines.
    Lines,
    /// At both.
    CommasAndLines,
}

/// A file with tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsFile {
    /// Path, relative to the working folder of the step.
    pub path: String,
    /// How it is read.
    pub split: TagsSplit,
}

impl TagsFile {
    /// The tags that a file with that text holds.
    pub fn read(&self, text: &str) -> Vec<String> {
        let ends: &[char] = match self.split {
            TagsSplit::Commas => &[','],
            TagsSplit::Lines => &['\n'],
            TagsSplit::CommasAndLines => &[',', '\n'],
        };
        let parts = text.trim().split(ends).map(|part| part.trim().to_owned());
        // A file that is split at commas alone keeps what is empty, as the setting does.
        parts.filter(|part| self.split == TagsSplit::Commas || !part.is_empty()).collect()
    }
}

/// Who we are for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildLogin {
    /// The registry as it is written, or [`DOCKER_HUB`].
    pub registry: BuildValue,
    /// User.
    pub username: BuildValue,
    /// Password or token, always by the variable that holds it.
    pub password: BuildValue,
    /// Whether the password is taken out of base64 where it is that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_be_base64: bool,
}

/// A value of a build: as JSON a plain text, or an object that says where the value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BuildValue {
    /// The text itself.
    Text(String),
    /// Known when the step starts.
    Later(Later),
}

/// Where a value comes from that is known only when the step starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// The time of the build, as RFC 3339 in UTC.
    BuildTime {},
    /// A variable of the step's environment.
    Variable {
        /// Its name.
        name: String,
        /// Where the value lies in it, as a JSON pointer, when the variable holds JSON.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pointer: String,
        /// The secrets that the value is made of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<String>,
    },
}

impl BuildValue {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The text, where it is known already.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Later(_) => None,
        }
    }

    /// The secrets that it is made of.
    pub fn secret_names(&self) -> &[String] {
        match self {
            Self::Later(Later::Variable { secrets, .. }) => secrets,
            _ => &[],
        }
    }
}

/// Why the container of an image plugin runs although its settings ask for an image, and what they ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealPlugin {
    /// Why.
    pub why: Message,
    /// What the plugin is told to build, as far as its settings can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builds: Option<Box<BuildImage>>,
}

impl BuildImage {
    /// One that builds the folder and pushes nothing, for compilers and tests to fill in.
    pub fn new(repository: BuildValue) -> Self {
        Self {
            repository,
            more_repositories: Vec::new(),
            tags: Vec::new(),
            more_names: Vec::new(),
            tags_file: None,
            dockerfile: "Dockerfile".to_owned(),
            dockerfile_in_context: false,
            context: ".".to_owned(),
            build_args: BTreeMap::new(),
            target: None,
            labels: BTreeMap::new(),
            automatic_labels: Vec::new(),
            push: false,
            logins: Vec::new(),
            login_config: None,
            platform: None,
            pull: true,
            no_cache: false,
            squash: false,
            cache_from: Vec::new(),
            extra_hosts: Vec::new(),
            artifact_file: None,
            instead: None,
            remarks: Vec::new(),
        }
    }

    /// The complete names with these tags, in the order in which they are pushed; where a repository is not known yet it stands as `None`.
    pub fn names(&self, tags: &[String]) -> Vec<(Option<String>, String)> {
        let repositories = std::iter::once(&self.repository).chain(&self.more_repositories);
        let of_tags =
            repositories.flat_map(|repository| tags.iter().map(move |tag| (repository.as_text().map(str::to_owned), tag.clone())));
        let complete = self.more_names.iter().map(|name| match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (Some(repository.to_owned()), tag.to_owned()),
            _ => (Some(name.clone()), "latest".to_owned()),
        });
        of_tags.chain(complete).collect()
    }

    /// Whether nobody can be hurt by what is written in it: no password as a text.
    pub fn holds_no_password(&self) -> bool {
        self.logins.iter().all(|login| login.password.as_text().is_none_or(str::is_empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;

    #[test]
    fn texts_are_plain_in_json_and_what_comes_later_says_from_where() {
        let secret = Later::Variable { name: "PLUGIN_REPO".into(), pointer: String::new(), secrets: vec!["repo".into()] };
        let mut build = BuildImage::new(BuildValue::Later(secret));
        build.labels.insert("created".into(), BuildValue::Later(Later::BuildTime {}));
        build.build_args.insert("A".into(), BuildValue::text("1"));
        build.instead = Some(Instead::Passes(message!("x")));
        let json = serde_json::to_value(&build).expect("plain data");
        assert_eq!(json["repository"], serde_json::json!({"variable": {"name": "PLUGIN_REPO", "secrets": ["repo"]}}));
        assert_eq!(json["labels"]["created"], serde_json::json!({"build_time": {}}));
        assert_eq!(json["build_args"]["A"], "1");
        assert_eq!((&json["target"], &json["push"]), (&serde_json::Value::Null, &serde_json::json!(false)));
        assert_eq!(serde_json::from_value::<BuildImage>(json).expect("reads back"), build);
    }

    #[test]
    fn a_file_with_tags_is_read_as_its_plugin_reads_it() {
        let read = |split, text: &str| TagsFile { path: ".tags".into(), split }.read(text);
        assert_eq!(read(TagsSplit::Commas, "1.0\nlatest\n"), ["1.0\nlatest"]);
        assert_eq!(read(TagsSplit::Commas, "1.0, latest\n"), ["1.0", "latest"]);
        assert_eq!(read(TagsSplit::Lines, "1.0\n latest \n\n"), ["1.0", "latest"]);
        assert_eq!(read(TagsSplit::CommasAndLines, "1.0,a\nlatest\n"), ["1.0", "a", "latest"]);
    }

    #[test]
    fn names_are_repositories_times_tags_and_the_complete_ones() {
        let mut build = BuildImage::new(BuildValue::text("h:5000/a"));
        build.more_repositories = vec![BuildValue::text("b")];
        build.more_names = vec!["c/d:1".into(), "h:5000/e".into()];
        let names: Vec<String> = build
            .names(&["x".into(), "y".into()])
            .into_iter()
            .map(|(repository, tag)| format!("{}:{tag}", repository.expect("a text")))
            .collect();
        assert_eq!(names, ["h:5000/a:x", "h:5000/a:y", "b:x", "b:y", "c/d:1", "h:5000/e:latest"]);
    }
}
