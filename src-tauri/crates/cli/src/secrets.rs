//! `letterpress secret`.

use crate::arguments::{Format, Secret, SecretAction, SecretOwner};
use crate::exit::ExitCode;
use crate::say::{name as shown, paint, words};
use lp_api::dto::{ApiError, ErrorCode, SecretEntry, SecretScope, Uncovered};
use lp_api::{App, Message, message};
use std::io::{IsTerminal, Read};
use std::sync::Arc;

/// Sets, lists, removes, or decides who gets one.
pub async fn carry_out(app: &Arc<App>, wanted: Secret) -> Result<ExitCode, ApiError> {
    match wanted.action {
        SecretAction::Set { name, owner } => {
            let (scope, whose) = scope(app, &owner).await?;
            let value = read_value(&name).await?;
            let uncovered = app.set_secret(&scope, &name, value).await?;
            mention!("secret `{}` is set for {}", name, whose);
            if scope == SecretScope::Everywhere {
                mention!("each project is asked about before its runs get it; `letterpress secret allow` says yes at once");
            } else if owner.project.is_none() {
                mention!("`--everywhere` sets one of all projects instead");
            }
            if let Some(uncovered) = uncovered {
                remark!("{}: {}", paint("1;33", words(&message!("warning"))), words(&shows(uncovered)));
            }
        }
        SecretAction::List { format: Format::Json } => crate::say::json(&app.secrets().await?),
        SecretAction::List { format: Format::Text } => {
            for secret in app.secrets().await? {
                let whose = whose(app, &secret).await?;
                say!("{}  {}  {}", shown(&secret.name), words(&whose), lp_api::local_time(&secret.updated));
            }
        }
        SecretAction::Remove { name, owner } => {
            let (mut scope, mut whose) = scope(app, &owner).await?;
            let mut was_there = app.remove_secret(&scope, &name).await?;
            if !was_there && owner.project.is_none() && scope != SecretScope::Everywhere {
                (scope, whose) = (SecretScope::Everywhere, everywhere());
                was_there = app.remove_secret(&scope, &name).await?;
            }
            if was_there {
                mention!("secret `{}` of {} is removed", name, whose);
            } else {
                mention!("there is no secret `{}` of {}", name, whose);
            }
        }
        SecretAction::Allow { name, project } => decide(app, &name, project, Some(true)).await?,
        SecretAction::Deny { name, project } => decide(app, &name, project, Some(false)).await?,
        SecretAction::Forget { name, project } => decide(app, &name, project, None).await?,
    }
    Ok(ExitCode::Passed)
}

fn everywhere() -> Message {
    message!("all projects")
}

async fn decide(app: &Arc<App>, name: &str, folder: Option<String>, allowed: Option<bool>) -> Result<(), ApiError> {
    let SecretScope::Project { project } = app.secret_scope(&folder.unwrap_or_else(|| ".".to_owned())).await? else { return Ok(()) };
    let stored = app.decide_secret(&project, name, allowed).await?;
    let whose = app.project_name(&project).await?;
    match allowed {
        Some(true) => {
            mention!(
                "runs of `{}` get the secret `{}` when their files ask for it; `letterpress secret deny` takes that back",
                whose,
                stored
            )
        }
        Some(false) => mention!("runs of `{}` do not get the secret `{}`: they go on as if it were not set", whose, stored),
        None => mention!(
            "nothing is decided any more about the secret `{}` and `{}`: the next run that asks for it does not start",
            stored,
            whose
        ),
    }
    Ok(())
}

/// What logs will show of a value.
fn shows(uncovered: Uncovered) -> Message {
    match uncovered {
        Uncovered::TooShort => message!(
            "logs show this value: what has fewer than 4 characters is not masked (Drone masks from 2 characters on, Woodpecker as here)"
        ),
        Uncovered::Asterisks => message!("logs show this value: asterisks are what a mask looks like"),
        Uncovered::ShortLines => {
            message!("logs show the lines of this value that have fewer than 4 characters where they stand alone")
        }
        Uncovered::Encodings => message!(
            "logs show this value where a program prints it encoded (base64, JSON, …): it is larger than 64 KiB; its lines are masked"
        ),
    }
}

async fn whose(app: &Arc<App>, secret: &SecretEntry) -> Result<Message, ApiError> {
    if let SecretScope::Project { project } = &secret.scope {
        return Ok(Message::verbatim(app.project_name(project).await?));
    }
    let names = |allowed: bool| {
        let of_it = secret.grants.iter().filter(|grant| grant.allowed == allowed);
        Message::joined(of_it.map(|grant| message!("`{}`", grant.project_name)), ", ")
    };
    let (allowed, refused) = (names(true), names(false));
    let said = match (allowed.is_empty(), refused.is_empty()) {
        (true, true) => message!("allowed for none yet"),
        (true, false) => message!("allowed for none yet; refused for {}", refused),
        (false, true) => message!("allowed for {}", allowed),
        (false, false) => message!("allowed for {}; refused for {}", allowed, refused),
    };
    Ok(message!("{} ({})", everywhere(), said))
}

/// Whose secret is meant: of the named folder, of all projects, or of the project around the current folder, where there is one.
async fn scope(app: &Arc<App>, owner: &SecretOwner) -> Result<(SecretScope, Message), ApiError> {
    if owner.everywhere {
        return Ok((SecretScope::Everywhere, everywhere()));
    }
    let scope = match (app.secret_scope(owner.project.as_deref().unwrap_or(".")).await, &owner.project) {
        (Err(ApiError { code: ErrorCode::NotARepository, .. }), None) => return Ok((SecretScope::Everywhere, everywhere())),
        (scope, _) => scope?,
    };
    let whose = match &scope {
        SecretScope::Project { project } => message!("the project `{}`", app.project_name(project).await?),
        SecretScope::Everywhere => everywhere(),
    };
    Ok((scope, whose))
}

/// Reads the value: typed without being shown, or from standard input.
async fn read_value(name: &str) -> Result<String, ApiError> {
    let typed = std::io::stdin().is_terminal();
    if typed {
        crate::say::ask(format_args!("{}: ", words(&message!("value of `{}` (not shown while typed)", name))));
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
        message: message!("the value of `{}` cannot be read from standard input: {}", name, problem),
        hint: message!("pipe it in: `printf %s \"$VALUE\" | letterpress secret set {}`", name),
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
