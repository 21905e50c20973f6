//! `letterpress secret`.

use crate::arguments::{Format, Secret, SecretAction, SecretOwner};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::say::{name as shown, paint};
use lp_api::App;
use lp_api::dto::{ApiError, ErrorCode, SecretEntry, SecretScope, Uncovered};
use std::io::{IsTerminal, Read};
use std::sync::Arc;

/// Sets, lists, removes, or decides who gets one.
pub async fn carry_out(app: &Arc<App>, wanted: Secret, language: Language) -> Result<ExitCode, ApiError> {
    match wanted.action {
        SecretAction::Set { name, owner } => {
            let (scope, whose) = scope(app, &owner, language).await?;
            let value = read_value(&name, language).await?;
            let uncovered = app.set_secret(&scope, &name, value).await?;
            match language {
                Language::En => remark!("secret `{name}` is set for {whose}"),
                Language::Zh => remark!("已为{whose}设置密钥 `{name}`"),
            }
            if scope == SecretScope::Everywhere {
                remark!("{}", language.pick(ASKED_EN, ASKED_ZH));
            } else if owner.project.is_none() {
                remark!(
                    "{}",
                    language.pick("`--everywhere` sets one of all projects instead", "用 `--everywhere` 可改为设置所有项目的密钥")
                );
            }
            if let Some(uncovered) = uncovered {
                let (en, zh) = shows(uncovered);
                remark!("{}: {}", paint("1;33", language.pick("warning", "警告")), language.pick(en, zh));
            }
        }
        SecretAction::List { format: Format::Json } => crate::say::json(&app.secrets().await?),
        SecretAction::List { format: Format::Text } => {
            for secret in app.secrets().await? {
                let whose = whose(app, &secret, language).await?;
                say!("{}  {whose}  {}", shown(&secret.name), lp_api::local_time(&secret.updated));
            }
        }
        SecretAction::Remove { name, owner } => {
            let (mut scope, mut whose) = scope(app, &owner, language).await?;
            let mut was_there = app.remove_secret(&scope, &name).await?;
            if !was_there && owner.project.is_none() && scope != SecretScope::Everywhere {
                (scope, whose) = (SecretScope::Everywhere, everywhere(language).to_owned());
                was_there = app.remove_secret(&scope, &name).await?;
            }
            match (was_there, language) {
                (true, Language::En) => remark!("secret `{name}` of {whose} is removed"),
                (true, Language::Zh) => remark!("已删除{whose}的密钥 `{name}`"),
                (false, Language::En) => remark!("there is no secret `{name}` of {whose}"),
                (false, Language::Zh) => remark!("{whose}没有密钥 `{name}`"),
            }
        }
        SecretAction::Allow { name, project } => decide(app, &name, project, Some(true), language).await?,
        SecretAction::Deny { name, project } => decide(app, &name, project, Some(false), language).await?,
        SecretAction::Forget { name, project } => decide(app, &name, project, None, language).await?,
    }
    Ok(ExitCode::Passed)
}

const ASKED_EN: &str = "each project is asked about before its runs get it; `letterpress secret allow` says yes at once";
const ASKED_ZH: &str = "每个项目的运行得到它之前都会先询问；`letterpress secret allow` 可直接允许";

fn everywhere(language: Language) -> &'static str {
    language.pick("all projects", "所有项目")
}

async fn decide(app: &Arc<App>, name: &str, folder: Option<String>, allowed: Option<bool>, language: Language) -> Result<(), ApiError> {
    let SecretScope::Project { project } = app.secret_scope(&folder.unwrap_or_else(|| ".".to_owned())).await? else { return Ok(()) };
    let stored = app.decide_secret(&project, name, allowed).await?;
    let whose = app.project_name(&project).await?;
    match (allowed, language) {
        (Some(true), Language::En) => {
            remark!("runs of `{whose}` get the secret `{stored}` when their files ask for it; `letterpress secret deny` takes that back")
        }
        (Some(true), Language::Zh) => {
            remark!("`{whose}` 的文件要求时，其运行可以得到密钥 `{stored}`；`letterpress secret deny` 可收回")
        }
        (Some(false), Language::En) => {
            remark!("runs of `{whose}` do not get the secret `{stored}`: they go on as if it were not set")
        }
        (Some(false), Language::Zh) => remark!("`{whose}` 的运行得不到密钥 `{stored}`：会当作它没有设置而继续"),
        (None, Language::En) => {
            remark!("nothing is decided any more about the secret `{stored}` and `{whose}`: the next run that asks for it does not start")
        }
        (None, Language::Zh) => remark!("密钥 `{stored}` 对 `{whose}` 不再有决定：下一次要求它的运行不会开始"),
    }
    Ok(())
}

/// What logs will show of a value.
fn shows(uncovered: Uncovered) -> (&'static str, &'static str) {
    match uncovered {
        Uncovered::TooShort => (
            "logs show this value: what has fewer than 4 characters is not masked (Drone masks from 2 characters on, Woodpecker as here)",
            "日志会显示此值：少于 4 个字符的内容不会被遮盖（Drone 从 2 个字符起遮盖，Woodpecker 与此相同）",
        ),
        Uncovered::Asterisks => ("logs show this value: asterisks are what a mask looks like", "日志会显示此值：星号正是遮盖后的样子"),
        Uncovered::ShortLines => (
            "logs show the lines of this value that have fewer than 4 characters where they stand alone",
            "此值中少于 4 个字符的行单独出现时，日志会显示它们",
        ),
        Uncovered::Encodings => (
            "logs show this value where a program prints it encoded (base64, JSON, …): it is larger than 64 KiB; its lines are masked",
            "程序以编码形式（base64、JSON 等）打印此值时，日志会显示它：它大于 64 KiB；它的各行会被遮盖",
        ),
    }
}

async fn whose(app: &Arc<App>, secret: &SecretEntry, language: Language) -> Result<String, ApiError> {
    let project = match &secret.scope {
        SecretScope::Project { project } => return Ok(shown(&app.project_name(project).await?).to_string()),
        SecretScope::Everywhere => everywhere(language),
    };
    let names = |allowed: bool| {
        let of_it = secret.grants.iter().filter(|grant| grant.allowed == allowed);
        of_it.map(|grant| format!("`{}`", crate::say::clean(&grant.project_name))).collect::<Vec<_>>().join(", ")
    };
    let (allowed, refused) = (names(true), names(false));
    Ok(match language {
        Language::En => {
            let allowed = if allowed.is_empty() { "allowed for none yet".to_owned() } else { format!("allowed for {allowed}") };
            let refused = if refused.is_empty() { String::new() } else { format!("; refused for {refused}") };
            format!("{project} ({allowed}{refused})")
        }
        Language::Zh => {
            let allowed = if allowed.is_empty() { "尚未允许任何项目".to_owned() } else { format!("允许 {allowed}") };
            let refused = if refused.is_empty() { String::new() } else { format!("；拒绝 {refused}") };
            format!("{project}（{allowed}{refused}）")
        }
    })
}

/// Whose secret is meant: of the named folder, of all projects, or of the project around the current folder, where there is one.
async fn scope(app: &Arc<App>, owner: &SecretOwner, language: Language) -> Result<(SecretScope, String), ApiError> {
    let of_all = (SecretScope::Everywhere, everywhere(language).to_owned());
    if owner.everywhere {
        return Ok(of_all);
    }
    let scope = match (app.secret_scope(owner.project.as_deref().unwrap_or(".")).await, &owner.project) {
        (Err(ApiError { code: ErrorCode::NotARepository, .. }), None) => return Ok(of_all),
        (scope, _) => scope?,
    };
    let whose = match &scope {
        SecretScope::Project { project } => {
            let name = app.project_name(project).await?;
            match language {
                Language::En => format!("the project `{name}`"),
                Language::Zh => format!("项目 `{name}` "),
            }
        }
        SecretScope::Everywhere => everywhere(language).to_owned(),
    };
    Ok((scope, whose))
}

/// Reads the value: typed without being shown, or from standard input.
async fn read_value(name: &str, language: Language) -> Result<String, ApiError> {
    let typed = std::io::stdin().is_terminal();
    if typed {
        match language {
            Language::En => crate::say::ask(format_args!("value of `{name}` (not shown while typed): ")),
            Language::Zh => crate::say::ask(format_args!("`{name}` 的值（输入时不显示）: ")),
        }
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
