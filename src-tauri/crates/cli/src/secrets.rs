//! `letterpress secret`.

use crate::arguments::{Format, Secret, SecretAction};
use crate::exit::ExitCode;
use lp_api::App;
use lp_api::dto::{ApiError, ErrorCode, SecretScope};
use std::io::{IsTerminal, Read};
use std::sync::Arc;

/// Sets, lists or removes.
pub async fn carry_out(app: &Arc<App>, wanted: Secret) -> Result<ExitCode, ApiError> {
    match wanted.action {
        SecretAction::Set { name, project } => {
            let scope = scope(app, project).await?;
            let value = read_value(&name).await?;
            app.set_secret(&scope, &name, value).await?;
            remark!("secret `{name}` is set");
        }
        SecretAction::List { format: Format::Json } => {
            say!("{}", serde_json::to_string_pretty(&app.secrets().await?).expect("plain data"));
        }
        SecretAction::List { format: Format::Text } => {
            for secret in app.secrets().await? {
                let whose = match &secret.scope {
                    SecretScope::Everywhere => "all projects".to_owned(),
                    SecretScope::Project { project } => app.project_name(project).await?,
                };
                say!("{}  {whose}  {}", secret.name, secret.updated);
            }
        }
        SecretAction::Remove { name, project } => {
            let scope = scope(app, project).await?;
            app.remove_secret(&scope, &name).await?;
            remark!("secret `{name}` is removed");
        }
    }
    Ok(ExitCode::Passed)
}

async fn scope(app: &Arc<App>, folder: Option<String>) -> Result<SecretScope, ApiError> {
    Ok(match folder {
        Some(folder) => SecretScope::Project { project: app.open_project(&folder).await?.id },
        None => SecretScope::Everywhere,
    })
}

/// Reads the value from standard input: piped whole (one newline at the end is not part of it), typed up to the end of the line.
async fn read_value(name: &str) -> Result<String, ApiError> {
    if std::io::stdin().is_terminal() {
        crate::say::err(format_args!("value of `{name}` (shown while typed; pipe it in to avoid that): "));
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut value = String::new();
        let stdin = std::io::stdin();
        if stdin.is_terminal() { stdin.read_line(&mut value) } else { stdin.lock().read_to_string(&mut value) }.map(|_| value)
    });
    let value = read.await.map_err(std::io::Error::other).and_then(|read| read).map_err(|problem| ApiError {
        code: ErrorCode::BadRequest,
        message: format!("the value of `{name}` cannot be read from standard input: {problem}"),
        hint: format!("pipe it in: `printf %s \"$VALUE\" | letterpress secret set {name}`"),
        findings: vec![],
    })?;
    Ok(value.strip_suffix('\n').map(|value| value.strip_suffix('\r').unwrap_or(value)).unwrap_or(&value).to_owned())
}
