//! Which events that come from outside wait for a person's word before they run. A pull request carries the pipeline that it
//! asks to be run, so anyone who may open one could otherwise run anything.

use crate::facts::{EventFacts, EventKind};
use serde::{Deserialize, Serialize};

/// Which events of a project wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequireApproval {
    /// None.
    None,
    /// Pull requests from another repository.
    #[default]
    Forks,
    /// All pull requests.
    PullRequests,
    /// Everything that comes from outside.
    AllEvents,
}

impl RequireApproval {
    /// Whether an event from outside waits. What a schedule or a press of a button starts never does, nor what the users in `allowed`
    /// (logins on the forge) do.
    pub fn holds_back(self, facts: &EventFacts, allowed: &[String]) -> bool {
        let own = matches!(facts.kind, EventKind::Cron | EventKind::Manual);
        let login = &facts.commit.author.login;
        if own || (!login.is_empty() && allowed.contains(login)) {
            return false;
        }
        let pull_request = facts.kind == EventKind::PullRequest;
        match self {
            Self::None => false,
            // Where nobody says where it comes from, it may come from anywhere.
            Self::Forks => pull_request && facts.pull_request.as_ref().is_none_or(|pull_request| pull_request.from_fork),
            Self::PullRequests => pull_request,
            Self::AllEvents => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::PullRequestFacts;

    #[test]
    fn who_waits() {
        let pull_request = |from_fork| Some(PullRequestFacts { from_fork, ..PullRequestFacts::default() });
        for (rule, kind, request, waits) in [
            (RequireApproval::None, EventKind::PullRequest, pull_request(true), false),
            (RequireApproval::Forks, EventKind::PullRequest, pull_request(true), true),
            (RequireApproval::Forks, EventKind::PullRequest, pull_request(false), false),
            (RequireApproval::Forks, EventKind::PullRequest, None, true),
            (RequireApproval::Forks, EventKind::Push, None, false),
            (RequireApproval::PullRequests, EventKind::PullRequest, pull_request(false), true),
            (RequireApproval::PullRequests, EventKind::Tag, None, false),
            (RequireApproval::AllEvents, EventKind::Tag, None, true),
            (RequireApproval::AllEvents, EventKind::Cron, None, false),
            (RequireApproval::AllEvents, EventKind::Manual, None, false),
        ] {
            let mut facts = EventFacts::new(kind);
            facts.pull_request = request;
            facts.commit.author.login = "ann".into();
            assert_eq!(rule.holds_back(&facts, &[]), waits, "{rule:?} {kind:?}");
            assert!(!rule.holds_back(&facts, &["ann".into()]), "{rule:?} {kind:?}");
        }
    }

    #[test]
    fn a_nameless_author_is_on_no_list() {
        let facts = EventFacts::new(EventKind::Push);
        assert!(RequireApproval::AllEvents.holds_back(&facts, &[String::new()]));
    }
}
