//! Projects, how full they are, and their rules.

use super::Harbor;
use crate::error::{ErrorKind, RegistryError};
use lp_model::{Message, message};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A project: what stands before the first slash of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Its number, by which quotas are asked for.
    #[serde(rename = "project_id")]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How many repositories it has.
    #[serde(default, rename = "repo_count")]
    pub repositories: u64,
    /// Settings, all of them texts: `public`, `prevent_vul`, `severity`, `auto_scan`.
    #[serde(default)]
    metadata: Option<BTreeMap<String, Option<String>>>,
}

impl Project {
    fn is_set(&self, key: &str) -> bool {
        self.metadata.as_ref().and_then(|all| all.get(key)?.as_deref()) == Some("true")
    }

    /// Whether everybody may pull.
    pub fn is_public(&self) -> bool {
        self.is_set("public")
    }

    /// From which severity of findings on images cannot be pulled; `None`: they always can.
    pub fn blocks_from(&self) -> Option<&str> {
        let severity = self.metadata.as_ref().and_then(|all| all.get("severity")?.as_deref());
        self.is_set("prevent_vul").then_some(severity.unwrap_or_default())
    }
}

/// How full a project is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What it may hold; `None`: as much as there is.
    pub limit_bytes: Option<u64>,
    /// What it holds.
    pub used_bytes: u64,
}

impl Quota {
    /// What is left, where there is a limit.
    pub fn left_bytes(&self) -> Option<u64> {
        self.limit_bytes.map(|limit| limit.saturating_sub(self.used_bytes))
    }
}

/// A rule by which tags cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableRule {
    /// It counts.
    pub is_on: bool,
    /// Patterns of tags, `**` for all; of an excluding one all others are meant.
    pub tags: Vec<Pattern>,
    /// Patterns of repositories, without their project.
    pub repositories: Vec<Pattern>,
}

impl ImmutableRule {
    /// The rule, for people.
    pub fn told(&self) -> Message {
        let list = |patterns: &[Pattern]| Message::joined(patterns.iter().map(Pattern::told), ", ");
        message!("tags {} in repositories {} are immutable", list(&self.tags), list(&self.repositories))
    }
}

/// A pattern of a rule (doublestar).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As written in Harbor.
    pub text: String,
    /// Everything that does not fit is meant.
    pub excludes: bool,
}

impl Pattern {
    fn told(&self) -> Message {
        if self.excludes { message!("all but `{}`", self.text) } else { message!("`{}`", self.text) }
    }
}

#[derive(Deserialize)]
struct QuotaAnswer {
    #[serde(default)]
    hard: BTreeMap<String, i64>,
    #[serde(default)]
    used: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct RuleAnswer {
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    tag_selectors: Option<Vec<Selector>>,
    #[serde(default)]
    scope_selectors: Option<BTreeMap<String, Vec<Selector>>>,
}

#[derive(Deserialize)]
struct Selector {
    #[serde(default)]
    decoration: String,
    #[serde(default)]
    pattern: String,
}

impl From<Selector> for Pattern {
    fn from(selector: Selector) -> Self {
        // `excludes` of tags, `repoExcludes` of repositories.
        Self { excludes: selector.decoration.to_ascii_lowercase().ends_with("excludes"), text: selector.pattern }
    }
}

impl Harbor {
    /// The projects that the login sees, `most` of them at most.
    ///
    /// # Errors
    /// [`RegistryError`]. A wrong password is none: then they are those that everybody sees ([`Harbor::who`] tells).
    pub async fn projects(&self, most: usize) -> Result<Vec<Project>, RegistryError> {
        self.list("projects", most).await
    }

    /// A project by its name.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] or [`ErrorKind::Denied`] for one that is not there, [`ErrorKind::Denied`] for one that is not shown.
    pub async fn project(&self, name: &str) -> Result<Project, RegistryError> {
        self.get(&format!("projects/{}", self.legal_project(name)?)).await
    }

    /// How full a project is; `None` where Harbor does not tell it to this login.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn quota(&self, project: &Project) -> Result<Option<Quota>, RegistryError> {
        let path = format!("quotas?reference=project&reference_id={}", project.id);
        let answers = match self.get::<Option<Vec<QuotaAnswer>>>(&path).await {
            Err(error) if matches!(*error.kind, ErrorKind::Denied { .. }) => return Ok(None),
            answers => answers?,
        };
        Ok(answers.unwrap_or_default().first().map(|answer| Quota {
            limit_bytes: answer.hard.get("storage").and_then(|limit| u64::try_from(*limit).ok()),
            used_bytes: answer.used.get("storage").and_then(|used| u64::try_from(*used).ok()).unwrap_or_default(),
        }))
    }

    /// The rules of a project by which tags cannot be changed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn immutable_rules(&self, project: &str) -> Result<Vec<ImmutableRule>, RegistryError> {
        let rules: Vec<RuleAnswer> = self.list(&format!("projects/{}/immutabletagrules", self.legal_project(project)?), 1000).await?;
        let patterns = |selectors: Option<Vec<Selector>>| selectors.unwrap_or_default().into_iter().map(Pattern::from).collect();
        Ok(rules
            .into_iter()
            .map(|rule| ImmutableRule {
                is_on: !rule.disabled,
                tags: patterns(rule.tag_selectors),
                repositories: patterns(rule.scope_selectors.and_then(|mut scopes| scopes.remove("repository"))),
            })
            .collect())
    }

    /// The name of a project where it may be one: it stands in addresses as it is. Names have the grammar of a part of a repository.
    pub(super) fn legal_project<'a>(&self, name: &'a str) -> Result<&'a str, RegistryError> {
        let is_name = !name.contains('/') && crate::host::repository("a.b", name).is_ok();
        if is_name { Ok(name) } else { Err(self.registry.failed(None, ErrorKind::Missing { said: name.to_owned() })) }
    }
}
