//! `letterpress secret`.

use crate::arguments::{Format, Secret, SecretAction, SecretOwner};
use crate::exit::ExitCode;
use crate::say::{name as shown, paint};
use lp_api::App;
use lp_api::dto::{ApiError, ErrorCode, SecretEntry, SecretScope, Uncovered};
use std::io::{IsTerminal, Read};
use std::sync::Arc;

/// Sets, lists, removes, or decides who gets one.
pub async fn carry_out(app: &Arc<App>, wanted: Secret) -> Result<ExitCode, ApiError> {
    match wanted.action {
        SecretAction::Set { name, owner } => {
            let (scope, whose) = scope(app, &owner).await?;
            let value = read_value(&name).await?;
            let uncovered = app.set_secret(&scope, &name, value).await?;
            remark!("secret `{name}` is set for {whose}");
            if scope == SecretScope::Everywhere {
                remark!("each project is asked about before its runs get it; `letterpress secret allow` says yes at once");
            } else if owner.project.is_none() {
                remark!("`--everywhere` sets one of all projects instead");
            }
            if let Some(uncovered) = uncovered {
                remark!("{}: {}", paint("1;33", "warning"), shows(uncovered));
            }
        }
        SecretAction::List { format: Format::Json } => crate::say::json(&app.secrets().await?),
        SecretAction::List { format: Format::Text } => {
            for secret in app.secrets().await? {
                let whose = whose(app, &secret).await?;
                say!("{}  {whose}  {}", shown(&secret.name), lp_api::local_time(&secret.updated));
            }
        }
        SecretAction::Remove { name, owner } => {
            let (mut scope, mut whose) = scope(app, &owner).await?;
            let mut was_there = app.remove_secret(&scope, &name).await?;
            if !was_there && owner.project.is_none() && scope != SecretScope::Everywhere {
                (scope, whose) = (SecretScope::Everywhere, EVERYWHERE.to_owned());
                was_there = app.remove_secret(&scope, &name).await?;
            }
            if was_there {
                remark!("secret `{name}` of {whose} is removed");
            } else {
                remark!("there is no secret `{name}` of {whose}");
            }
        }
        SecretAction::Allow { name, project } => decide(app, &name, project, Some(true)).await?,
        SecretAction::Deny { name, project } => decide(app, &name, project, Some(false)).await?,
        SecretAction::Forget { name, project } => decide(app, &name, project, None).await?,
    }
    Ok(ExitCode::Passed)
}

const EVERYWHERE: &str = "all projects";

async fn decide(app: &Arc<App>, name: &str, folder: Option<String>, allowed: Option<bool>) -> Result<(), ApiError> {
    let SecretScope::Project { project } = app.secret_scope(&folder.unwrap_or_else(|| ".".to_owned())).await? else { return Ok(()) };
    let stored = app.decide_secret(&project, name, allowed).await?;
    let whose = app.project_name(&project).await?;
    match allowed {
        Some(true) => {
            remark!("runs of `{whose}` get the secret `{stored}` when their files ask for it; `letterpress secret deny` takes that back")
        }
        Some(false) => remark!("runs of `{whose}` do not get the secret `{stored}`: they go on as if it were not set"),
        None => {
            remark!("nothing is decided any more about the secret `{stored}` and `{whose}`: the next run that asks for it does not start")
        }
    }
    Ok(())
}

/// What logs will show of a value.
fn shows(uncovered: Uncovered) -> &'static str {
    match uncovered {
        Uncovered::TooShort => {
            "logs show this value: what has fewer than 4 characters is not masked (Drone masks from 2 characters on, Woodpecker as here)"
        }
        Uncovered::Asterisks => "logs show this value: asterisks are what a mask looks like",
        Uncovered::ShortLines => "logs show the lines of this value that have fewer than 4 characters where they stand alone",
        Uncovered::Encodings => {
            "logs show this value where a program prints it encoded (base64, JSON, …): it is larger than 64 KiB; its lines are masked"
        }
    }
}

async fn whose(app: &Arc<App>, secret: &SecretEntry) -> Result<String, ApiError> {
    let project = match &secret.scope {
        SecretScope::Project { project } => return Ok(shown(&app.project_name(project).await?).to_string()),
        SecretScope::Everywhere => EVERYWHERE.to_owned(),
    };
    let names = |allowed: bool| {
        let of_it = secret.grants.iter().filter(|grant| grant.allowed == allowed);
        of_it.map(|grant| format!("`{}`", crate::say::clean(&grant.project_name))).collect::<Vec<_>>().join(", ")
    };
    let (allowed, refused) = (names(true), names(false));
    let allowed = if allowed.is_empty() { "allowed for none yet".to_owned() } else { format!("allowed for {allowed}") };
    let refused = if refused.is_empty() { String::new() } else { format!("; refused for {refused}") };
    Ok(format!("{project} ({allowed}{refused})"))
}

/// Whose secret is meant: of the named folder, of all projects, or of the project around the current folder, where there is one.
async fn scope(app: &Arc<App>, owner: &SecretOwner) -> Result<(SecretScope, String), ApiError> {
    let everywhere = (SecretScope::Everywhere, EVERYWHERE.to_owned());
    if owner.everywhere {
        return Ok(everywhere);
    }
    let scope = match (app.secret_scope(owner.project.as_deref().unwrap_or(".")).await, &owner.project) {
        (Err(ApiError { code: ErrorCode::NotARepository, .. }), None) => return Ok(everywhere),
        (scope, _) => scope?,
    };
    let whose = match &scope {
        SecretScope::Project { project } => format!("the project `{}`", app.project_name(project).await?),
        SecretScope::Everywhere => EVERYWHERE.to_owned(),
    };
    Ok((scope, whose))
}

/// Reads the value: typed without being shown, or from standard input.
async fn read_value(name: &str) -> Result<String, ApiError> {
    let typed = std::io::stdin().is_terminal();
    if typed {
        crate::say::ask(format_args!("value of `{name}` (not shown while typed): "));
    }
    let read = tokio::task::spawn_blocking(move || {
        if typed {
            return rpassword::read_password();
        }
        let mut value = String::new();
        std::io::stdin().lock().read_to_string(&mut value).map(|_| piped(value))
    });
    read.await.map_err(std::io::Error::other).and_then(|read| read).map_err(|problem| ApiError {
        code: ErrorCode::BadRequest,
        message: format!("the value of `{name}` cannot be read from standard input: {problem}"),
        hint: format!("pipe it in: `printf %s \"$VALUE\" | letterpress secret set {name}`"),
        findings: vec![],
    })
}

/// A value from a pipe. The line end of a single line is that of `echo`; a text of several lines is a file (a key, a certificate), which programs
/// may refuse without its last line end.
fn piped(value: String) -> String {
    let line = value.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    match line.filter(|line| !line.contains('\n')) {
        Some(line) => line.to_owned(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_last_line_end() {
        for (given, expected) in [
            ("token\n", "token"),
            ("token\r\n", "token"),
            ("token", "token"),
            ("-----BEGIN-----\nabc\n-----END-----\n", "-----BEGIN-----\nabc\n-----END-----\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\nb", "a\nb"),
            ("\n", ""),
            ("token\n\n", "token\n\n"),
        ] {
            assert_eq!(piped(given.to_owned()), expected, "{given:?}");
        }
    }
}
