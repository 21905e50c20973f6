//! `letterpress run`: start, follow, pass Ctrl-C on, end with the run's exit code.

use crate::arguments::{Place, Run};
use crate::exit::ExitCode;
use crate::follow::Printer;
use crate::render;
use lp_api::dto::{ApiError, ErrorCode, RunRequest};
use lp_api::{App, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs it and watches until it is over.
pub async fn carry_out(app: Arc<App>, wanted: Run) -> Result<ExitCode, ApiError> {
    let result = start_and_follow(&app, wanted).await;
    app.shutdown().await;
    result
}

async fn start_and_follow(app: &Arc<App>, wanted: Run) -> Result<ExitCode, ApiError> {
    let inputs = parse_inputs(&wanted.inputs)?;
    app.own_or_reach_owner(|| eprintln!("another letterpress is running; waiting until it ends …")).await?;
    let project = match wanted.folder.as_str() {
        "sample" => app.create_sample().await?,
        folder => app.open_project(folder).await?,
    };
    let version = wanted.version.unwrap_or_default();
    let workflow = app.choose_workflow(&project.id, &version, wanted.workflow.as_deref(), wanted.event.as_deref()).await?;
    let mut request = RunRequest { project: project.id.clone(), workflow, version, inputs, allow_host: wanted.backend == Place::Host };
    let preview = app.preview(&request).await?;
    render::findings(&preview.findings);
    if preview.backend == "host" {
        match wanted.backend {
            Place::Docker => return Err(no_engine("start Docker or Podman, or pass `--backend host`")),
            Place::Auto if preview.needs_consent => {
                return Err(no_engine("start Docker or Podman; or pass `--backend host` to run the steps on this computer, not isolated"));
            }
            Place::Auto | Place::Host => {
                request.allow_host = true;
                eprintln!("{}: the steps run directly on this computer; they are not isolated", render::paint("1;33", "note"));
            }
        }
    }
    for name in &preview.missing_secrets {
        eprintln!("{}: the secret `{name}` is not set; set it with `letterpress secret set {name}`", render::paint("1;33", "warning"));
    }

    let run = app.start_run(&request).await?;
    let mut following = app.follow(&run);
    let mut printer = Printer::default();
    let mut interrupts = 0;
    let last = loop {
        tokio::select! {
            progress = following.next() => match progress? {
                Progress::Changed(detail) => printer.show_states(&detail),
                Progress::Lines(lines) => printer.show_lines(&lines),
                Progress::Ended(detail) => break detail,
            },
            pressed = interrupted(interrupts) => {
                pressed?;
                interrupts += 1;
                eprintln!("{}", if interrupts == 1 { "cancelling … press Ctrl-C again to kill" } else { "killing …" });
                app.cancel_run(&run).await?;
            }
        }
    };
    printer.show_end(&last);
    Ok(ExitCode::of_run(last.run.state))
}

/// Ctrl-C or a polite end from outside. After two of them there is nothing more to ask for.
async fn interrupted(before: u32) -> Result<(), ApiError> {
    if before >= 2 {
        std::future::pending::<()>().await;
    }
    let failed = |problem: std::io::Error| ApiError {
        code: ErrorCode::Internal,
        message: format!("signals cannot be received: {problem}"),
        hint: String::new(),
        findings: vec![],
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.map_err(failed),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(failed)
}

fn no_engine(hint: &str) -> ApiError {
    ApiError { code: ErrorCode::NoEngine, message: "no container engine answers".into(), hint: hint.into(), findings: vec![] }
}

/// `NAME=VALUE` each; the value may hold further `=`.
pub fn parse_inputs(texts: &[String]) -> Result<BTreeMap<String, String>, ApiError> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(ApiError {
                code: ErrorCode::BadRequest,
                message: format!("`--input {text}` is not NAME=VALUE"),
                hint: "write for example `--input SHOP_NAME=Corner`".into(),
                findings: vec![],
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_split_at_the_first_equals_sign() {
        let inputs = parse_inputs(&["A=1".into(), "URL=x?y=z".into(), "EMPTY=".into()]).expect("all well formed");
        assert_eq!(inputs.get("URL").map(String::as_str), Some("x?y=z"));
        assert_eq!(inputs.get("EMPTY").map(String::as_str), Some(""));
        for bad in ["A", "=1"] {
            assert_eq!(parse_inputs(&[bad.into()]).expect_err("refused").code, ErrorCode::BadRequest);
        }
    }
}
