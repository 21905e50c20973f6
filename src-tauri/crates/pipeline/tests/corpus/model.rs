//! Rules of the model and the masker that Woodpecker has tables for.

use crate::{Corpus, Report, text, texts};
use lp_model::{EventFacts, EventKind, PullRequestFacts, RequireApproval, StageState};
use lp_secret::{Masker, SecretValue};
use serde_json::Value;

/// A name of the original's source, without its package.
fn word(value: &Value) -> &str {
    let word = value["$go"].as_str().unwrap_or_default();
    word.strip_prefix("model.").unwrap_or(word)
}

pub(crate) fn gated(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let (pipeline, repo) = (&case["pipeline"], &case["repo"]);
        let mut facts = EventFacts::new(match word(&pipeline["Event"]) {
            "EventCron" => EventKind::Cron,
            "EventManual" => EventKind::Manual,
            "EventPush" => EventKind::Push,
            "EventPull" | "EventPullMetadata" => EventKind::PullRequest,
            other => panic!("unknown event {other}"),
        });
        facts.commit.author.login = text(pipeline, "Author").into();
        if facts.kind == EventKind::PullRequest {
            facts.pull_request = Some(PullRequestFacts { from_fork: pipeline["FromFork"] == true, ..PullRequestFacts::default() });
        }
        let rule = match word(&repo["RequireApproval"]) {
            "RequireApprovalForks" => RequireApproval::Forks,
            "RequireApprovalPullRequests" => RequireApproval::PullRequests,
            "RequireApprovalAllEvents" => RequireApproval::AllEvents,
            other => panic!("unknown rule {other}"),
        };
        let here = rule.holds_back(&facts, &texts(&repo["ApprovalAllowedUsers"]));
        report.same(text(&case, "name"), "waits", &(case["expectBlocked"] == true), &here);
    }
}

pub(crate) fn status_merge(corpus: &Corpus, report: &mut Report) {
    let state = |value: &Value| match word(value) {
        "StatusSuccess" => StageState::Passed,
        "StatusFailure" => StageState::Failed,
        "StatusRunning" => StageState::Running,
        "StatusSkipped" => StageState::Skipped,
        // The original tells whether a person or the server did it.
        "StatusKilled" | "StatusCanceled" => StageState::Cancelled,
        other => panic!("unknown state {other}"),
    };
    for case in corpus.cases(report.table()) {
        let (one, other) = (state(&case["s"]), state(&case["t"]));
        let name = format!("{} {}", word(&case["s"]), word(&case["t"]));
        report.same(&name, "together", &state(&case["e"]), &one.merge(other));
        report.same(&name, "the other way round", &state(&case["e"]), &other.merge(one));
    }
}

pub(crate) fn secret_masking(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let secrets: Vec<SecretValue> = texts(&case["secrets"]).into_iter().map(SecretValue::new).collect();
        let here = Masker::new(&secrets).mask_text(text(&case, "log"));
        report.same(text(&case, "name"), "log", &text(&case, "expect").to_owned(), &here);
    }
}
