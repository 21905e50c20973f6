//! Rows of the store and types of the pure crates as DTOs.

use crate::dto::{
    Attempt, Cleanup, CleanupPolicy, Input, InputKind, LeftOut, Localised, PlannedStage, PlannedStep, ProjectKind, Retry, RunDetail,
    RunSummary, StageDetail, StepDetail, WaitReason, Workflow,
};
use crate::time;
use lp_engine::WaitsFor;
use lp_model::{CancelReason, Message, OnFailure, Plan, SkipReason, StepKind, StepOutcome, message};
use lp_store::{Project, Run, RunAttempt, StageRun, StepRun};
use std::collections::BTreeMap;

pub(crate) fn project_kind(kind: lp_store::ProjectKind) -> ProjectKind {
    match kind {
        lp_store::ProjectKind::Folder => ProjectKind::Folder,
        lp_store::ProjectKind::Sample => ProjectKind::Sample,
    }
}

pub(crate) fn workflow(workflow: &lp_workflow::Workflow) -> Workflow {
    Workflow {
        name: workflow.name.clone(),
        title: localised(&workflow.title),
        description: localised(&workflow.description),
        derived: workflow.derived,
        event: workflow.event.as_str().to_owned(),
        by_version: workflow.by_version,
        target: workflow.target.clone().unwrap_or_default(),
        cron: workflow.cron.clone().unwrap_or_default(),
        pipeline: workflow.pipeline.clone().unwrap_or_default(),
        inputs: workflow.inputs.iter().map(input).collect(),
    }
}

fn input(input: &lp_workflow::Input) -> Input {
    Input {
        name: input.name.clone(),
        label: localised(&input.label),
        help: localised(&input.help),
        kind: match input.kind {
            lp_workflow::InputType::Text => InputKind::Text,
            lp_workflow::InputType::Choice => InputKind::Choice,
            lp_workflow::InputType::Boolean => InputKind::Boolean,
            lp_workflow::InputType::Number => InputKind::Number,
        },
        default: input.default.clone().unwrap_or_default(),
        required: input.required,
        options: input.options.clone(),
        pattern: input.pattern.clone().unwrap_or_default(),
    }
}

pub(crate) fn localised(text: &lp_workflow::Localised) -> Localised {
    text.iter().map(|(language, text)| (language.to_owned(), text.to_owned())).collect()
}

/// A run in a list.
pub(crate) fn run_summary(run: &Run) -> RunSummary {
    RunSummary {
        id: run.id.to_string(),
        number: u32::try_from(run.number).unwrap_or(u32::MAX),
        project: run.project.to_string(),
        project_name: run.project_name.clone(),
        workflow: run.workflow_name.clone(),
        workflow_title: serde_json::from_str(&run.workflow_title).unwrap_or_default(),
        event: run.event.clone(),
        target: run.target.clone(),
        version_name: run.version_name.clone(),
        version_title: run.version_title.clone(),
        version_author: run.version_author.clone(),
        version_time: run.version_ms.map(time::to_text).unwrap_or_default(),
        state: run.state.into(),
        cancelling: !run.state.is_final() && run.cancel_reason.is_some(),
        created: time::to_text(run.created_ms),
        started: run.started_ms.map(time::to_text),
        ended: run.ended_ms.map(time::to_text),
        actor: run.actor.clone(),
        message: run.message.clone(),
        attempt: run.attempt,
        waiting: None,
    }
}

pub(crate) fn step_kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Commands => "commands",
        StepKind::Plugin => "plugin",
        StepKind::Service => "service",
    }
}

pub(crate) fn planned(plan: &Plan) -> Vec<PlannedStage> {
    let step = |step: &lp_model::Step| PlannedStep {
        number: step.number.0,
        name: step.name.clone(),
        image: step.image.clone(),
        kind: step_kind(step.kind).to_owned(),
        only_after_failure: step.run_on.failure && !step.run_on.success,
    };
    let stage = |stage: &lp_model::Stage| PlannedStage {
        number: stage.number.0,
        name: stage.name.clone(),
        steps: stage.steps.iter().map(step).collect(),
    };
    plan.stages.iter().map(stage).collect()
}

/// What a plan leaves out. A matrix has the same step many times, and people want it once.
pub(crate) fn left_out(plan: &Plan) -> Vec<LeftOut> {
    let first = plan.left_out.first().map(|one| &one.stage);
    let several = plan.stages.len() > 1 || plan.left_out.iter().any(|one| Some(&one.stage) != first);
    let mut all: Vec<LeftOut> = Vec::new();
    for one in &plan.left_out {
        let name = match (one.stage.as_str(), one.step.as_str()) {
            ("", "") => plan.file.clone(),
            (stage, "") => stage.to_owned(),
            (stage, step) if several => format!("{stage}/{step}"),
            (_, step) => step.to_owned(),
        };
        let one = LeftOut { name, reason: Message::from(&one.reason) };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// What the plan and the log know about a step besides its row.
pub(crate) struct StepFacts {
    pub image: String,
    pub failure_ignored: bool,
    pub note: Message,
    pub log_lines: u64,
}

pub(crate) fn step_detail(row: &StepRun, facts: StepFacts) -> StepDetail {
    StepDetail {
        number: row.key.step.0,
        attempt: row.key.attempt,
        name: row.name.clone(),
        image: facts.image,
        kind: step_kind(row.kind).to_owned(),
        state: row.state.into(),
        started: row.started_ms.map(time::to_text),
        ended: row.ended_ms.map(time::to_text),
        exit_code: row.exit_code,
        reason: reason(row).to_owned(),
        message: row.message.clone(),
        hint: match row.outcome {
            Some(StepOutcome::Lost { .. }) if row.hint.is_empty() => message!("retry the run: it goes on from the lost step"),
            _ => row.hint.clone(),
        },
        engine_silent: !row.state.is_final() && lp_engine::is_silence(&facts.note),
        note: facts.note,
        failure_ignored: facts.failure_ignored,
        log_lines: facts.log_lines,
    }
}

fn reason(row: &StepRun) -> &'static str {
    match (&row.skip_reason, &row.outcome) {
        (Some(SkipReason::AfterFailure), _) => "after_failure",
        (Some(SkipReason::NothingFailed), _) => "nothing_failed",
        (Some(SkipReason::EndedEarly), _) => "ended_early",
        (Some(SkipReason::Cancelled), _) => "cancelled",
        (Some(SkipReason::StageErrored), _) => "stage_errored",
        (None, Some(StepOutcome::OutOfMemory)) => "out_of_memory",
        (None, Some(StepOutcome::Signalled { .. })) => "signal",
        (None, Some(StepOutcome::Cancelled { reason: CancelReason::TimedOut })) => "timed_out",
        (None, Some(StepOutcome::Cancelled { .. })) => "cancelled",
        (None, Some(StepOutcome::Lost { .. })) => "lost",
        (None, Some(StepOutcome::Interrupted)) => "unattended",
        _ => "",
    }
}

pub(crate) fn stage_detail(row: &StageRun, steps: Vec<StepDetail>) -> StageDetail {
    StageDetail {
        number: row.stage.0,
        name: row.name.clone(),
        state: row.state.into(),
        message: row.message.clone(),
        hint: row.hint.clone(),
        steps,
    }
}

/// Whether the plan says that a failure of the step does not count.
pub(crate) fn failure_ignored(step: &lp_model::Step) -> bool {
    step.on_failure == OnFailure::Ignore
}

/// What a run screen shows besides the run's row and stages.
pub(crate) struct RunFacts {
    pub isolated: bool,
    pub can_run_again: bool,
    pub retry: Retry,
    pub inputs: BTreeMap<String, String>,
    pub attempts: Vec<Attempt>,
    pub resumed: u32,
    pub left_out: Vec<LeftOut>,
    /// Number of the newest event.
    pub seq: u64,
}

/// A run with everything that the run screen shows.
pub(crate) fn run_detail(run: RunSummary, row: &Run, stages: Vec<StageDetail>, facts: RunFacts) -> RunDetail {
    RunDetail {
        run,
        backend: row.backend.clone(),
        isolated: facts.isolated,
        stages,
        left_out: facts.left_out,
        inputs: facts.inputs,
        can_run_again: facts.can_run_again,
        retry: facts.retry,
        attempts: facts.attempts,
        resumed: facts.resumed,
        seq: u32::try_from(facts.seq).unwrap_or(u32::MAX),
    }
}

pub(crate) fn attempt(row: &RunAttempt, stages: Vec<StageDetail>) -> Attempt {
    Attempt {
        number: row.number,
        state: row.state.into(),
        started: row.started_ms.map(time::to_text),
        ended: row.ended_ms.map(time::to_text),
        message: row.message.clone(),
        stages,
    }
}

pub(crate) fn cleanup(project: &Project) -> Cleanup {
    let policy = match project.cleanup {
        lp_store::CleanupPolicy::Dialect => CleanupPolicy::Dialect,
        lp_store::CleanupPolicy::Always => CleanupPolicy::Always,
        lp_store::CleanupPolicy::Never => CleanupPolicy::Never,
    };
    Cleanup { policy, seconds: project.cleanup_s }
}

pub(crate) fn cleanup_policy(policy: CleanupPolicy) -> lp_store::CleanupPolicy {
    match policy {
        CleanupPolicy::Dialect => lp_store::CleanupPolicy::Dialect,
        CleanupPolicy::Always => lp_store::CleanupPolicy::Always,
        CleanupPolicy::Never => lp_store::CleanupPolicy::Never,
    }
}

pub(crate) fn wait_reason(waits_for: WaitsFor) -> WaitReason {
    match waits_for {
        WaitsFor::Machine => WaitReason::Machine,
        WaitsFor::Project => WaitReason::Project,
        WaitsFor::Environment => WaitReason::Environment,
    }
}
