//! `letterpress run`, `attach`, `retry`, `cancel` and `kill`: start or take up, follow, pass Ctrl-C on, end with the run's exit code.
//!
//! Ctrl-C cancels, a closed terminal does not: pressing it is a decision about the run, a lost connection is none.

use crate::arguments::{Attach, Place, Run, Stop};
use crate::exit::ExitCode;
use crate::follow::Printer;
use crate::language::Language;
use crate::render;
use crate::say::{paint, words};
use lp_api::dto::{ApiError, AskedEvent, ErrorCode, HandedSecret, RunRequest, RunStateWord, RunSummary, SecretState};
use lp_api::{App, Message, Progress, message};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs it and watches until it is over.
pub async fn carry_out(app: Arc<App>, wanted: Run) -> Result<ExitCode, ApiError> {
    let result = start_and_follow(&app, wanted).await;
    app.shutdown().await;
    result
}

async fn start_and_follow(app: &Arc<App>, wanted: Run) -> Result<ExitCode, ApiError> {
    let inputs = parse_inputs(&wanted.inputs)?;
    app.own_or_reach_owner(wait_note).await?;
    let project = match wanted.folder.as_str() {
        "sample" => app.create_sample().await?,
        folder => app.open_project(folder).await?,
    };
    let version = wanted.version.unwrap_or_default();
    let asked = asked(wanted.event, wanted.target, wanted.cron, wanted.pull_request, wanted.source, wanted.branch)?;
    let (workflow, event) = app.choose_event(&project.id, &version, wanted.workflow.as_deref(), &asked).await?;
    let on_host = wanted.backend == Place::Host;
    let key = wanted.key.unwrap_or_else(App::new_key);
    let mut request = RunRequest {
        project: project.id.clone(),
        workflow,
        version,
        inputs,
        allow_host: false,
        on_host,
        event,
        seen: None,
        key: Some(key),
    };
    let preview = app.preview(&request).await?;
    let findings = preview.findings.clone();
    let preview = preview.possible()?;
    render::findings(&findings, Language::spoken());
    request.seen = Some(preview.seen.clone());
    if !preview.isolated {
        match wanted.backend {
            Place::Docker => return Err(app.no_engine(message!("or pass `--backend host`"))),
            Place::Auto if preview.needs_consent => {
                return Err(app.no_engine(message!("or pass `--backend host` to run the steps on this computer, not isolated")));
            }
            Place::Auto | Place::Host => {
                request.allow_host = true;
                let note = message!("note: the steps run directly on this computer; they are not isolated");
                remark!("{}", paint("1;33", words(&note)));
            }
        }
    }
    render::left_out(&preview.left_out, Language::spoken());
    for HandedSecret { name, .. } in preview.secrets.iter().filter(|secret| secret.state == SecretState::Missing) {
        let word = lp_api::shell_word(name);
        let said = message!("the secret `{}` is not set; set it with `letterpress secret set {}`", name, word);
        remark!("{}: {}", paint("1;33", words(&message!("warning"))), words(&said));
    }
    let interrupts = Interrupts::listen()?;
    let run = app.start_run(&request).await?;
    watch(app, &run, interrupts).await
}

/// `letterpress attach`: watches a run, and goes on with it where nobody drives it.
pub async fn attach(app: &Arc<App>, wanted: &Attach) -> Result<ExitCode, ApiError> {
    let interrupts = Interrupts::listen()?;
    let run = app.find_run(&wanted.run, ".").await?;
    watch(app, &run, interrupts).await
}

/// `letterpress retry`: goes on from where a run went wrong, and watches.
pub async fn retry(app: &Arc<App>, wanted: &Attach) -> Result<ExitCode, ApiError> {
    let interrupts = Interrupts::listen()?;
    app.own_or_reach_owner(wait_note).await?;
    let run = app.find_run(&wanted.run, ".").await?;
    let before = app.run(&run).await?;
    app.retry_attempt(&run, before.run.attempt).await?;
    if before.retry.files_kept {
        mention!("going on from `{}`", before.retry.from_step);
    } else {
        mention!("going on from `{}`: the files of its stage are not there any more", before.retry.from_step);
    }
    watch(app, &run, interrupts).await
}

/// `letterpress cancel`: asks a run to stop and waits until it is over.
pub async fn cancel(app: &Arc<App>, wanted: &Stop) -> Result<ExitCode, ApiError> {
    let Some(run) = under_way(app, wanted).await? else { return Ok(ExitCode::Passed) };
    app.cancel_run(&run.id).await?;
    until_over(app, &run.id).await
}

/// `letterpress kill`: ends the steps of a run at once and waits until it is over.
pub async fn kill(app: &Arc<App>, wanted: &Stop) -> Result<ExitCode, ApiError> {
    let Some(run) = under_way(app, wanted).await? else { return Ok(ExitCode::Passed) };
    app.kill_run(&run.id).await?;
    until_over(app, &run.id).await
}

/// The run that is meant; `None`, with a word about it, when it is over.
async fn under_way(app: &Arc<App>, wanted: &Stop) -> Result<Option<RunSummary>, ApiError> {
    let run = app.run(&app.find_run(&wanted.run, ".").await?).await?.run;
    if run.state.is_final() {
        mention!("run {} is over already: {}", run.number, render::run_state(run.state));
        return Ok(None);
    }
    Ok(Some(run))
}

async fn until_over(app: &Arc<App>, run: &str) -> Result<ExitCode, ApiError> {
    let mut following = app.follow(run);
    loop {
        if let Progress::Ended(detail) = following.next().await? {
            mention!("run {} {}", detail.run.number, render::run_state(detail.run.state));
            return Ok(ExitCode::Passed);
        }
    }
}

/// The event that was asked for. A branch says something about a pull request only: of anything else the version decides it.
fn asked(
    kind: String,
    target: String,
    cron: String,
    pull_request: Option<u32>,
    source: String,
    branch: String,
) -> Result<AskedEvent, ApiError> {
    let of_pull_request = pull_request.is_some() || !source.is_empty() || kind == "pull_request";
    if !branch.is_empty() && !of_pull_request {
        return Err(ApiError {
            code: ErrorCode::BadRequest,
            message: message!("`--branch` is the branch that a pull request goes to"),
            hint: message!("to run a branch, name it as the version: `--version BRANCH`"),
            findings: vec![],
        });
    }
    Ok(AskedEvent { kind, branch, target, cron, pull_request, source, action: String::new() })
}

fn wait_note() {
    mention!("another letterpress is running; waiting until it ends …");
}

/// Prints a run until it is over; ends with its exit code. A hang-up ends the watching, not the run.
async fn watch(app: &Arc<App>, run: &str, mut interrupts: Interrupts) -> Result<ExitCode, ApiError> {
    let mut following = app.follow(run);
    let mut printer = Printer::default();
    let last = loop {
        tokio::select! {
            progress = following.next() => match progress? {
                Progress::Changed(detail) => printer.show_states(&detail),
                Progress::Step(news) => printer.show_news(&news),
                Progress::Lines(lines) => printer.show_lines(&lines),
                Progress::Ended(detail) => break detail,
            },
            interrupt = interrupts.next() => match interrupt {
                Interrupt::Pressed(seen) => {
                    if seen == 1 {
                        mention!("cancelling … press Ctrl-C again to kill");
                        app.cancel_run(run).await?;
                    } else {
                        mention!("killing …");
                        app.kill_run(run).await?;
                    }
                }
                Interrupt::HungUp => return Ok(ExitCode::HungUp),
            }
        }
    };
    printer.show_end(&last);
    if last.retry.possible && last.run.state != RunStateWord::Cancelled {
        let word = app.run_word(run).await?;
        mention!("`letterpress retry {}` goes on from `{}`", word, last.retry.from_step);
    }
    Ok(ExitCode::of_run(last.run.state))
}

/// What came from outside.
enum Interrupt {
    /// Ctrl-C or a polite end; so many were there.
    Pressed(u32),
    /// The terminal was closed.
    HungUp,
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
                message: message!("signals cannot be received: {}", problem),
                hint: Message::default(),
                findings: vec![],
            })
        };
        let hangup = if ignores_hangup() { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Self { pressed: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())?, hangup, seen: 0 })
    }

    /// The next one. After two presses there is nothing more to ask for.
    async fn next(&mut self) -> Interrupt {
        let pressed = async {
            if self.seen >= 2 {
                std::future::pending::<()>().await;
            }
            tokio::select! {
                _ = self.pressed.recv() => {}
                _ = self.terminate.recv() => {}
            }
        };
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => {
                    hangup.recv().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pressed => {
                self.seen += 1;
                Interrupt::Pressed(self.seen)
            }
            () = hung_up => Interrupt::HungUp,
        }
    }
}

/// Whether this process was started with hang-ups ignored: bit 0 of the mask that Linux shows.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// `NAME=VALUE` each; the value may hold further `=`.
pub fn parse_inputs(texts: &[String]) -> Result<BTreeMap<String, String>, ApiError> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(ApiError {
                code: ErrorCode::BadRequest,
                message: message!("`--input {}` is not NAME=VALUE", text),
                hint: message!("write for example `--input SHOP_NAME=Corner`"),
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
