//! Harbor's own API (v2.0), for what `/v2` lacks: projects, quotas, rules, robots, what scanners found. Tags, digests and images are asked for by `/v2`
//! ([`Repository`](crate::Repository)): a path here that a proxy has decoded once too often gives a 404 for an image that is there.
//!
//! Sources: `api/v2.0/swagger.yaml` of goharbor/harbor (2.15). Fields that a version may leave out are read tolerantly.

mod artifact;
mod project;
mod robot;

pub use artifact::{Artifact, Scan, ScanState, Severity, TagState};
pub use project::{ImmutableRule, Pattern, Project, Quota};
pub use robot::{NewRobot, RobotLevel, RobotLifetime, RobotSecret};

use crate::Credentials;
use crate::client::transport::{Answer, Call, VULNERABILITIES};
use crate::client::{Ask, LARGEST_ANSWER, Registry, basic, paging};
use crate::error::{Action, ErrorKind, RegistryError};
use lp_model::message;
use reqwest::header::{AUTHORIZATION, HeaderValue, LINK};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use url::Url;

/// Where the API is.
const API: &str = "api/v2.0";

/// How many entries are asked for in one request: more are refused.
const PAGE: usize = 100;

/// How many pages of a list are read at most.
const MOST_PAGES: usize = 100;

/// The forms of a scanner's summary that are understood.
const REPORTS: &str = "application/vnd.security.vulnerability.report; version=1.1, \
     application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";

/// Who the login is for Harbor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person.
    User {
        /// The name.
        name: String,
        /// May do everything.
        is_admin: bool,
    },
    /// A robot: it is known and its secret is right.
    Robot,
}

/// A registry that is a Harbor, as somebody. Every request shows name and password, and no cookie is kept: Harbor refuses changes from whoever sends one back.
#[derive(Debug, Clone)]
pub struct Harbor {
    registry: Registry,
}

impl Harbor {
    /// Whether a registry is a Harbor; `None`: it is another one, which answers in some other way.
    ///
    /// # Errors
    /// [`RegistryError`] when nothing answers at all.
    pub async fn detect(registry: &Registry) -> Result<Option<Self>, RegistryError> {
        let call = Call::new(Method::GET, registry.address(&format!("{API}/ping"))?, LARGEST_ANSWER);
        let answer = registry.transport().send(call).await?;
        let is_harbor = answer.status == StatusCode::OK && answer.body.trim_ascii().eq_ignore_ascii_case(b"pong");
        Ok(is_harbor.then(|| Self { registry: registry.clone() }))
    }

    /// Who the login is. This is the test of a login: lists answer a wrong password like nobody, with what everybody may see (`src/server/v2.0/handler/user.go`).
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] when it is wrong, has expired or is switched off; the rest of [`RegistryError`].
    pub async fn who(&self) -> Result<Who, RegistryError> {
        #[derive(serde::Deserialize)]
        struct User {
            #[serde(default)]
            username: String,
            #[serde(default)]
            sysadmin_flag: bool,
        }
        let answer = self.send(self.call(Method::GET, "users/current")?).await?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            return Ok(Who::Robot);
        }
        let answer = self.success(answer, Action::Manage, None)?;
        let user: User = self.read(&answer)?;
        Ok(Who::User { name: user.username, is_admin: user.sysadmin_flag })
    }

    fn call(&self, method: Method, path: &str) -> Result<Call, RegistryError> {
        Ok(Call::new(method, self.registry.address(&format!("{API}/{path}"))?, LARGEST_ANSWER))
    }

    async fn send(&self, mut call: Call) -> Result<Answer, RegistryError> {
        if let Some(Credentials::Password { username, password }) = self.registry.login()
            && let Some(shown) = basic(username, password)
        {
            call.headers.insert(AUTHORIZATION, shown);
        }
        call.headers.insert(VULNERABILITIES, HeaderValue::from_static(REPORTS));
        self.registry.transport().send(call).await
    }

    fn success(&self, answer: Answer, action: Action, tag: Option<&str>) -> Result<Answer, RegistryError> {
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(self.registry.failed(None, ErrorKind::Unauthorized { with_login: self.registry.has_login() }));
        }
        let call = Call::new(Method::GET, answer.url.clone(), 0);
        let missing = ErrorKind::Missing { said: String::new() };
        self.registry.judge(answer, &Ask { call, repository: None, scopes: Vec::new(), action, missing, tag })
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, RegistryError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            // Where and what kind, never the text: an answer may hold the secret of a robot.
            let reason = message!("line {}, column {}", error.line(), error.column());
            self.registry.failed(None, ErrorKind::BadAnswer { reason })
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RegistryError> {
        let answer = self.send(self.call(Method::GET, path)?).await?;
        let answer = self.success(answer, Action::Manage, None)?;
        self.read(&answer)
    }

    /// All entries of a list, `most` of them at most. The next page is the one that `Link` names; without it, pages are counted until the total is there.
    async fn list<T: DeserializeOwned>(&self, path: &str, most: usize) -> Result<Vec<T>, RegistryError> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let of_page = |page: usize| format!("{path}{sign}page={page}&page_size={PAGE}");
        let mut call = self.call(Method::GET, &of_page(1))?;
        let (mut all, mut asked) = (Vec::new(), BTreeSet::new());
        for page in 1..=MOST_PAGES {
            asked.insert(call.url.to_string());
            let answer = self.send(call).await?;
            let answer = self.success(answer, Action::Manage, None)?;
            let entries: Option<Vec<T>> = self.read(&answer)?;
            let entries = entries.unwrap_or_default();
            let is_last = entries.is_empty();
            all.extend(entries);
            if is_last || all.len() >= most {
                break;
            }
            let total: Option<usize> = answer.header("x-total-count").and_then(|text| text.parse().ok());
            let next: Url = match answer.header(LINK.as_str()).map(paging::next) {
                Some(Some(next)) => self.registry.next_address(&answer.url, next, None)?,
                Some(None) => break,
                None if total.is_some_and(|total| all.len() < total) => self.registry.address(&format!("{API}/{}", of_page(page + 1)))?,
                None => break,
            };
            if asked.contains(next.as_str()) {
                break;
            }
            call = Call::new(Method::GET, next, LARGEST_ANSWER);
        }
        all.truncate(most);
        Ok(all)
    }
}

/// The path of a repository in the API: its project, and the rest with slashes encoded twice, because the first decoding happens before the path is taken apart
/// (goharbor/harbor#12224). `None` for a name without a project.
fn repository_path(name: &str) -> Option<String> {
    let (project, rest) = name.split_once('/')?;
    Some(format!("projects/{project}/repositories/{}", rest.replace('/', "%252F")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_of_a_repository_are_encoded_twice() {
        assert_eq!(repository_path("team/app/web/x").unwrap(), "projects/team/repositories/app%252Fweb%252Fx");
        assert_eq!(repository_path("team/app").unwrap(), "projects/team/repositories/app");
        assert_eq!(repository_path("app"), None);
        let url = Url::parse("https://h.example.com/").unwrap().join("api/v2.0/projects/team/repositories/app%252Fweb").unwrap();
        assert_eq!(url.path(), "/api/v2.0/projects/team/repositories/app%252Fweb", "an address keeps it");
    }
}
