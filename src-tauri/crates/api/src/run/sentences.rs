//! What each stage and step of a plan would do, in sentences.

use crate::dto::Sentence;
use crate::image::builds;
use lp_model::{BackendKind, EnvValue, Message, OnFailure, Plan, Stage, Step, StepKind, VolumeKind, message};

/// The sentences about a plan, in the order of its stages and steps.
pub(crate) fn sentences(plan: &Plan) -> Vec<Sentence> {
    plan.stages.iter().flat_map(|stage| of_stage(plan, stage)).collect()
}

fn of_stage(plan: &Plan, stage: &Stage) -> Vec<Sentence> {
    let mut all = Vec::new();
    let mut about_stage = |message: Message| all.push(Sentence { stage: stage.number.0, step: None, message: Message::from(&message) });
    if !stage.needs.is_empty() {
        let before = list(stage.needs.iter().filter_map(|number| plan.stage(*number)).map(|before| before.name.as_str()));
        about_stage(message!("`{}` begins when {} are over", stage.name, before));
    }
    if !stage.source {
        about_stage(message!("`{}` gets no files of the version", stage.name));
    }
    for step in &stage.steps {
        let sentence = |message: Message| Sentence { stage: stage.number.0, step: Some(step.number.0), message: Message::from(&message) };
        all.extend(of_step(stage, step).into_iter().map(sentence));
    }
    all
}

/// What is said about a step stands below its name, and does not repeat it.
fn of_step(stage: &Stage, step: &Step) -> Vec<Message> {
    let bare = stage.backend == BackendKind::Host;
    let mut all = vec![match step.kind {
        _ if step.build_image.is_some() => message!("builds an image by the container engine itself"),
        StepKind::Commands if bare => message!("runs its commands directly on this computer"),
        StepKind::Commands => message!("runs its commands in a container of `{}`", step.image),
        StepKind::Plugin => message!("runs the program of the image `{}` with the settings of the file", step.image),
        StepKind::Service => message!("runs beside the steps of its stage until they are over, from the image `{}`", step.image),
    }];
    all.extend(builds::details_of(step));
    if step.detached && step.kind != StepKind::Service {
        all.push(message!("is started and not waited for"));
    }
    match (step.run_on.success, step.run_on.failure) {
        (false, true) => all.push(message!("runs only after a failure")),
        (true, true) => all.push(message!("runs also after a failure")),
        _ => {}
    }
    match step.on_failure {
        OnFailure::Fail => {}
        OnFailure::Ignore => all.push(message!("its failure does not count")),
        OnFailure::CancelRun => all.push(message!("its failure cancels the whole run")),
    }
    let mut secrets: Vec<&str> = step.environment.values().flat_map(EnvValue::secret_names).collect();
    secrets.sort_unstable();
    secrets.dedup();
    if !secrets.is_empty() {
        all.push(message!("asks for the secrets {}", list(secrets)));
    }
    if step.privileged {
        all.push(message!("has all rights on this computer"));
    }
    let folders = step.mounts.iter().filter_map(|mount| {
        let volume = stage.volumes.iter().find(|volume| volume.name == mount.volume)?;
        if let VolumeKind::Host(path) = &volume.kind { Some(path.as_str()) } else { None }
    });
    let folders = list(folders);
    if !folders.is_empty() {
        all.push(message!("sees {} of this computer", folders));
    }
    all
}

/// Names in a row.
fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
