//! What a step that builds an image does, in sentences: for the printed plan and for the form of a run.

use lp_model::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Later, Message, Step, message};

/// What a step builds, line by line; nothing for a step that builds no image.
pub(crate) fn sentences(step: &Step) -> Vec<Message> {
    let details = details_of(step);
    let head = (!details.is_empty()).then(|| message!("step `{}` builds an image", step.name.clone()));
    head.into_iter().chain(details.into_iter().map(|detail| message!("  {}", detail))).collect()
}

/// The same without the name of the step.
pub(crate) fn details_of(step: &Step) -> Vec<Message> {
    let (build, why) = match (&step.build_image, &step.real_plugin) {
        (Some(build), _) => (Some(&**build), None),
        (None, Some(plugin)) => (plugin.builds.as_deref(), Some(&plugin.why)),
        (None, None) => return Vec::new(),
    };
    let why = why.map(|why| message!("by the container of its plugin: {}", why.clone()));
    why.into_iter().chain(build.into_iter().flat_map(details)).collect()
}

fn details(build: &BuildImage) -> Vec<Message> {
    let mut lines = Vec::new();
    if let Some(instead) = &build.instead {
        let reason = instead.reason().clone();
        lines.push(match instead {
            lp_model::Instead::Passes(_) => message!("nothing is built, and the step passes: {}", reason),
            lp_model::Instead::Fails(_) => message!("the step fails: {}", reason),
        });
    }
    for repository in std::iter::once(&build.repository).chain(&build.more_repositories) {
        lines.push(message!("repository: {}", value(repository)));
    }
    if !build.tags.is_empty() {
        let tags = build.tags.join(", ");
        lines.push(if build.push { message!("tags that are pushed: {}", tags) } else { message!("tags, without a push: {}", tags) });
    }
    if let Some(file) = &build.tags_file {
        lines.push(message!("tags of the file `{}` take their place where it is there", file.path.clone()));
    }
    for name in &build.more_names {
        lines.push(message!("also: {}", name.clone()));
    }
    lines.push(message!("Dockerfile: {}", build.dockerfile.clone()));
    lines.push(message!("context: {}", build.context.clone()));
    lines.extend(build.target.iter().map(|target| message!("target: {}", target.clone())));
    lines.extend(build.build_args.iter().map(|(name, of)| message!("build argument `{}`: {}", name.clone(), value(of))));
    lines.extend(build.logins.iter().map(login));
    if let Some(config) = &build.login_config {
        lines.push(message!("logins of a configuration: {}", value(config)));
    }
    lines.extend(build.remarks.iter().map(|remark| message!("note: {}", remark.clone())));
    lines
}

fn login(login: &BuildLogin) -> Message {
    let registry = match login.registry.as_text() {
        Some(DOCKER_HUB) => Message::verbatim("Docker Hub"),
        _ => value(&login.registry),
    };
    message!("login at {}: {}, with {}", registry, value(&login.username), value(&login.password))
}

/// A value for a person: the text, or where it comes from.
fn value(value: &BuildValue) -> Message {
    match value {
        BuildValue::Text(text) => Message::verbatim(text),
        BuildValue::Later(Later::BuildTime {}) => message!("the time of the build"),
        BuildValue::Later(Later::Variable { name, secrets, .. }) => match &secrets[..] {
            [] => message!("the value of `{}`", name.clone()),
            [one] => message!("the secret `{}`", one.clone()),
            several => message!("the secrets {}", several.join(", ")),
        },
    }
}
