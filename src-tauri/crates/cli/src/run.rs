//! `letterpress run`: start, follow, pass Ctrl-C on, end with the run's exit code.

use crate::arguments::{Place, Run};
use crate::exit::ExitCode;
use crate::follow::Printer;
use crate::language::Language;
use crate::render;
use lp_api::dto::{ApiError, ErrorCode, RunRequest};
use lp_api::{App, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs it and watches until it is over.
pub async fn carry_out(app: Arc<App>, wanted: Run, language: Language) -> Result<ExitCode, ApiError> {
    let result = start_and_follow(&app, wanted, language).await;
    app.shutdown().await;
    result
}

async fn start_and_follow(app: &Arc<App>, wanted: Run, language: Language) -> Result<ExitCode, ApiError> {
    let inputs = parse_inputs(&wanted.inputs)?;
    app.own_or_reach_owner(|| remark!("another letterpress is running; waiting until it ends …")).await?;
    let project = match wanted.folder.as_str() {
        "sample" => app.create_sample().await?,
        folder => app.open_project(folder).await?,
    };
    let version = wanted.version.unwrap_or_default();
    let workflow = app.choose_workflow(&project.id, &version, wanted.workflow.as_deref(), wanted.event.as_deref()).await?;
    let mut request = RunRequest { project: project.id.clone(), workflow, version, inputs, allow_host: wanted.backend == Place::Host };
    let preview = app.preview(&request).await?;
    render::findings(&preview.findings, language);
    if !preview.isolated {
        match wanted.backend {
            Place::Docker => return Err(no_engine("start Docker or Podman, or pass `--backend host`")),
            Place::Auto if preview.needs_consent => {
                return Err(no_engine("start Docker or Podman; or pass `--backend host` to run the steps on this computer, not isolated"));
            }
            Place::Auto | Place::Host => {
                request.allow_host = true;
                remark!("{}: the steps run directly on this computer; they are not isolated", render::paint("1;33", "note"));
            }
        }
    }
    for name in &preview.missing_secrets {
        remark!("{}: the secret `{name}` is not set; set it with `letterpress secret set {name}`", render::paint("1;33", "warning"));
    }

    let mut interrupts = Interrupts::listen()?;
    let run = app.start_run(&request).await?;
    let mut following = app.follow(&run);
    let mut printer = Printer::default();
    let last = loop {
        tokio::select! {
            progress = following.next() => match progress? {
                Progress::Changed(detail) => printer.show_states(&detail),
                Progress::Lines(lines) => printer.show_lines(&lines),
                Progress::Ended(detail) => break detail,
            },
            seen = interrupts.next() => {
                remark!("{}", if seen == 1 { "cancelling … press Ctrl-C again to kill" } else { "killing …" });
                app.cancel_run(&run).await?;
            }
        }
    };
    printer.show_end(&last);
    Ok(ExitCode::of_run(last.run.state))
}

/// Ctrl-C or a polite end from outside. Listens from its making on, so that none is lost while something else is done.
struct Interrupts {
    pressed: Signal,
    terminate: Signal,
    /// The terminal was closed; `None` when whoever started us wants that ignored (`nohup`).
    hangup: Option<Signal>,
    seen: u32,
}

impl Interrupts {
    fn listen() -> Result<Self, ApiError> {
        let listen = |kind| {
            signal(kind).map_err(|problem| ApiError {
                code: ErrorCode::Internal,
                message: format!("signals cannot be received: {problem}"),
                hint: String::new(),
                findings: vec![],
            })
        };
        let hangup = if ignores_hangup() { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Self { pressed: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())?, hangup, seen: 0 })
    }

    /// The next one; returns how many there were. After two of them there is nothing more to ask for.
    async fn next(&mut self) -> u32 {
        if self.seen >= 2 {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            _ = self.pressed.recv() => {}
            _ = self.terminate.recv() => {}
            () = async {
                match &mut self.hangup {
                    Some(hangup) => {
                        hangup.recv().await;
                    }
                    None => std::future::pending().await,
                }
            } => {}
        }
        self.seen += 1;
        self.seen
    }
}

/// Whether this process was started with hang-ups ignored: bit 0 of the mask that Linux shows.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
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
