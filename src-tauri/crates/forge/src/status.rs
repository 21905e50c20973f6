//! The state of a run as a forge shows it beside a commit.

use crate::Forge;
use crate::page::{part, path};
use crate::request::{Method, Request};
use serde_json::json;

/// Longest description, in characters.
const LONGEST_ON_GITHUB: usize = 140;
const LONGEST: usize = 255;

/// What is to be told of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitState {
    /// It waits, for its turn or for somebody.
    Waiting,
    /// It runs.
    Running,
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It could not be carried out, or took too long.
    Errored,
    /// Somebody cancelled it.
    Cancelled,
    /// Nothing of it runs.
    Skipped,
    /// Somebody declined it.
    Declined,
}

impl CommitState {
    /// The word of a forge; `None` where it has none, so that nothing is sent.
    pub fn word(self, forge: Forge) -> Option<&'static str> {
        match (forge, self) {
            // It has no statuses at all.
            (Forge::Gogs, _) => None,
            (_, Self::Waiting) => Some("pending"),
            (Forge::GitLab, Self::Running) => Some("running"),
            (_, Self::Running) => Some("pending"),
            (_, Self::Passed) => Some("success"),
            (Forge::GitLab, Self::Failed | Self::Errored | Self::Declined) => Some("failed"),
            (_, Self::Failed) => Some("failure"),
            (_, Self::Errored) => Some("error"),
            (Forge::GitLab, Self::Cancelled) => Some("canceled"),
            (Forge::GitHub, Self::Cancelled) => Some("error"),
            (_, Self::Cancelled) => Some("failure"),
            (Forge::GitLab, Self::Skipped) => Some("skipped"),
            (_, Self::Skipped) => None,
            (Forge::Gitea | Forge::Forgejo, Self::Declined) => Some("warning"),
            (_, Self::Declined) => Some("failure"),
        }
    }
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// State of the run.
    pub state: CommitState,
    /// What is said of it; cut where the forge takes no more.
    pub description: String,
    /// What tells it from other statuses: one and the same for all runs of a workflow, because rules that protect branches name it.
    pub context: String,
    /// Where more is to be seen. A page that only this computer has is nobody else's: leave it out.
    pub link: Option<String>,
    /// Branch or tag, for GitLab, which else may hang it on another pipeline.
    pub reference: Option<String>,
}

impl CommitStatus {
    /// The request that tells it; `None` where the forge cannot be told. `repository` is `owner/name`.
    pub fn request(&self, forge: Forge, repository: &str, sha: &str) -> Option<Request> {
        let state = self.state.word(forge)?;
        let most = if forge == Forge::GitHub { LONGEST_ON_GITHUB } else { LONGEST };
        let name = if forge == Forge::GitLab { "name" } else { "context" };
        let mut body = json!({ "state": state, "description": cut(&self.description, most), name: cut(&self.context, LONGEST) });
        if let Some(link) = &self.link {
            body["target_url"] = link.as_str().into();
        }
        let path = if forge == Forge::GitLab {
            if let Some(reference) = &self.reference {
                body["ref"] = reference.as_str().into();
            }
            format!("/projects/{}/statuses/{}", part(repository), part(sha))
        } else {
            format!("/repos/{}/statuses/{}", path(repository), part(sha))
        };
        Some(Request { method: Method::Post, path, body: Some(body) })
    }
}

/// Whether a refusal says that the status is the one that is there already: GitLab answers 400 to that.
pub fn is_there_already(forge: Forge, code: u16, answer: &str) -> bool {
    forge == Forge::GitLab && code == 400 && answer.contains("Cannot transition status")
}

/// By characters, the last of which says that there was more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CommitState::*;

    const ALL: [CommitState; 8] = [Waiting, Running, Passed, Failed, Errored, Cancelled, Skipped, Declined];

    fn status(state: CommitState) -> CommitStatus {
        let context = "letterpress/build".to_owned();
        CommitStatus { state, description: "步".repeat(300), context, link: None, reference: Some("main".into()) }
    }

    #[test]
    fn every_forge_has_its_words() {
        let words = |forge| ALL.map(|state| state.word(forge).unwrap_or("-")).join(" ");
        assert_eq!(words(Forge::Gogs), "- - - - - - - -");
        assert_eq!(words(Forge::Gitea), "pending pending success failure error failure - warning");
        assert_eq!(words(Forge::GitHub), "pending pending success failure error error - failure");
        assert_eq!(words(Forge::GitLab), "pending running success failed failed canceled skipped failed");
    }

    #[test]
    fn a_status_is_sent_as_the_forge_takes_it() {
        let of = |forge| status(Passed).request(forge, "lin/web shop", "abc").unwrap();
        let github = of(Forge::GitHub);
        assert_eq!((github.method, github.path.as_str()), (Method::Post, "/repos/lin/web%20shop/statuses/abc"));
        let body = github.body.unwrap();
        assert_eq!(
            (&body["state"], &body["context"], body.get("ref"), body.get("target_url")),
            (&"success".into(), &"letterpress/build".into(), None, None)
        );
        assert_eq!(body["description"].as_str().unwrap().chars().count(), LONGEST_ON_GITHUB);
        let gitlab = of(Forge::GitLab);
        assert_eq!(gitlab.path, "/projects/lin%2Fweb%20shop/statuses/abc");
        let body = gitlab.body.unwrap();
        assert_eq!((&body["name"], &body["ref"], body.get("context")), (&"letterpress/build".into(), &"main".into(), None));
        assert!(body["description"].as_str().unwrap().ends_with('…'));
        assert_eq!(status(Passed).request(Forge::Gogs, "a/b", "c"), None);
        assert_eq!(status(Skipped).request(Forge::Gitea, "a/b", "c"), None);
    }

    #[test]
    fn a_status_that_is_there_is_no_failure() {
        let answer = r#"{"message":"Cannot transition status via :enqueue from :pending"}"#;
        assert!(is_there_already(Forge::GitLab, 400, answer));
        assert!(!is_there_already(Forge::GitLab, 401, answer) && !is_there_already(Forge::GitHub, 400, answer));
    }
}
