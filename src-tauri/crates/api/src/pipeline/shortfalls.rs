//! What the working copies of a plan will lack, as findings: said in the plan, in the report about a project, and before the first step of a
//! run.

use crate::dto::{ApiError, Finding};
use crate::project::blocking;
use lp_git::{Repository, Shortfall};
use lp_model::{Checkout, Code, Diagnostic, Message, Plan, message};
use std::path::PathBuf;

/// What the stages of a plan will lack, each thing once.
pub(crate) async fn shortfalls(folder: PathBuf, plan: &Plan) -> Result<Vec<Finding>, ApiError> {
    let mut checkouts: Vec<Checkout> = Vec::new();
    for checkout in plan.stages.iter().filter_map(|stage| stage.checkout.as_ref()) {
        if !checkouts.contains(checkout) {
            checkouts.push(checkout.clone());
        }
    }
    if checkouts.is_empty() {
        return Ok(Vec::new());
    }
    let (sha, file) = (plan.event.commit.sha.clone(), plan.file.clone());
    blocking(move || {
        let found = of_checkouts(&Repository::open(&folder)?, &sha, &checkouts, &file)?;
        Ok(found.iter().map(|diagnostic| Finding::new(diagnostic, "")).collect())
    })
    .await
}

/// What working copies of a commit will lack, each thing once, said of that pipeline file. Blocks.
pub(crate) fn of_checkouts(repository: &Repository, sha: &str, checkouts: &[Checkout], file: &str) -> Result<Vec<Diagnostic>, ApiError> {
    let mut found: Vec<Shortfall> = Vec::new();
    for checkout in checkouts {
        for shortfall in repository.shortfalls(sha, checkout)? {
            if !found.contains(&shortfall) {
                found.push(shortfall);
            }
        }
    }
    Ok(found.iter().map(|shortfall| diagnostic(shortfall, file)).collect())
}

fn diagnostic(shortfall: &Shortfall, file: &str) -> Diagnostic {
    let (code, message, help) = said(shortfall);
    Diagnostic { code: code.as_str().into(), severity: code.severity(), message, help: Some(help), file: file.to_owned(), span: None }
}

fn said(shortfall: &Shortfall) -> (Code, Message, Message) {
    match shortfall {
        Shortfall::Submodule { path, url } => {
            let help = if url.is_empty() {
                message!(
                    "fetch it once: `git submodule update --init --recursive` in the project; `.gitmodules` must name where it comes from"
                )
            } else {
                message!("fetch it once: `git submodule update --init --recursive` in the project (it comes from `{}`)", url)
            };
            let message = message!("the submodule `{}` is not on this computer; its folder stays empty", path);
            (Code::SubmoduleMissing, message, help)
        }
        Shortfall::LfsFile { path } => (
            Code::LfsMissing,
            message!("the large file `{}` (git-lfs) is not on this computer; steps see its pointer", path),
            message!("fetch it once: `git lfs fetch --all` in the project"),
        ),
        Shortfall::Filter { path, name } => (
            Code::FilterNotRun,
            message!("the filter `{}` of `.gitattributes` is not run; steps see `{}` as it is stored", name, path),
            message!("a first step can run the program of the filter"),
        ),
        Shortfall::NotMerged { branch } => (
            Code::NotMerged,
            message!(
                "the commit is not merged into `{}`, as the clone step of a pull request does: the branch is not here, or has nothing in common with it",
                branch
            ),
            message!("fetch the branch once: `git fetch origin {}` in the project, or name another one with `--branch`", branch),
        ),
        Shortfall::History => (
            Code::HistoryCut,
            message!("this computer has only a part of the history; steps that look further back than it goes will fail"),
            message!("fetch the rest once: `git fetch --unshallow --tags` in the project"),
        ),
    }
}
