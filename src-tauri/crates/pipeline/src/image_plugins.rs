//! Image plugins: what the settings of a plugin that builds images ask for, as data ([`BuildImage`]).
//!
//! By the time a step is here its language does not matter any more: settings and secrets are variables of its environment, which is all
//! that a plugin ever sees. So what a plugin does is told from its image and those variables, by rules that were established by running the
//! plugins' own programs; the corpus test compares all of them.
//!
//! Read [`builder`] (which images), [`settings`] (how a variable becomes a value), [`auto_tag`], then a module for each family (`docker`,
//! `buildx`, `kaniko`), made of `parts` and `tags`; `real_plugin` says what only the plugin itself can do.

pub mod auto_tag;
pub mod builder;
mod buildx;
mod docker;
mod kaniko;
mod parts;
mod real_plugin;
pub mod settings;
mod tags;

use builder::Builder;
use lp_model::image::ImageReference;
use lp_model::{
    BackendKind, BuildImage, BuildValue, EnvValue, Instead, Message, PLAN_VERSION, Plan, RealPlugin, RepoFacts, Step, StepKind, message,
};
use settings::{Form, Settings};
use std::collections::BTreeMap;

/// What an image plugin is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it builds.
    pub build: BuildImage,
    /// Why only the plugin itself can do that; `None` where an engine can.
    pub real_plugin: Option<Message>,
}

/// What the plugin with that image and environment is told; `None` for an image that is no such plugin. `commit_time_s` is the time of the
/// commit in seconds since 1970, 0 where it is not known.
pub fn read(image: &str, environment: &BTreeMap<String, EnvValue>, commit_time_s: i64) -> Option<Told> {
    let builder = Builder::of(image)?;
    let form = match builder {
        Builder::Buildx | Builder::GeeklabBuildx => Form::LenientFlags,
        builder if builder.is_script() => Form::Script,
        _ => Form::Flags,
    };
    let mut settings = Settings::new(environment, form);
    let mut build = match builder {
        Builder::Docker { era, cloud } => docker::read(era, cloud, &mut settings),
        Builder::GeeklabDocker => docker::read_geeklab(&mut settings),
        Builder::Buildx => buildx::read(commit_time_s, &mut settings),
        Builder::GeeklabBuildx | Builder::GeeklabDroneBuildx => buildx::read_geeklab(builder, &mut settings),
        Builder::Kaniko(cloud) => kaniko::read(cloud, &mut settings),
        Builder::BanzaiKaniko | Builder::WoodpeckerKaniko => kaniko::read_script(builder, &mut settings),
    };
    let mut seen = std::collections::HashSet::new();
    build.tags.retain(|tag| seen.insert(tag.clone()));
    let real_plugin = real_plugin::why(builder, &build, &mut settings);
    // A setting that is wrong ends the plugin before it looks at anything else.
    if let Some(wrong) = settings.wrong {
        build.instead = Some(wrong);
    }
    if build.instead.is_none() {
        build.instead = bad_name(&build).map(Instead::Fails);
    }
    remark_on_registry(&mut build);
    Some(Told { build, real_plugin })
}

/// Why one of the names is none that an engine takes, as far as they are known.
fn bad_name(build: &BuildImage) -> Option<Message> {
    let refused = |name: &str| ImageReference::parse(name).err().map(|error| error.told());
    let repositories = std::iter::once(&build.repository).chain(&build.more_repositories).filter_map(BuildValue::as_text);
    let is_named = !build.tags.is_empty() || build.tags_file.is_some();
    let mut of_repositories = repositories.filter(|_| is_named).filter_map(|repository| match repository {
        "" => Some(message!("the setting `{}` is needed: the name of the image", "repo")),
        repository => refused(&format!("{repository}:tag")),
    });
    let of_tags = || build.tags.iter().find_map(|tag| refused(&format!("name:{tag}")));
    of_repositories.next().or_else(of_tags).or_else(|| build.more_names.iter().find_map(|name| refused(name)))
}

/// A repository without a host goes to Docker Hub, whatever `registry` says: the slip that people make most often.
fn remark_on_registry(build: &mut BuildImage) {
    let Some(login) = build.logins.first().and_then(|login| login.registry.as_text()).filter(|registry| *registry != lp_model::DOCKER_HUB)
    else {
        return;
    };
    let Some(Ok(name)) = build.repository.as_text().filter(|_| build.push).map(ImageReference::parse) else { return };
    let login = parts::host(login).split('/').next().unwrap_or_default();
    if name.host() != login {
        let (host, login) = (name.host().to_owned(), login.to_owned());
        build.remarks.push(message!(
            "the login is for `{}`, but the name of the image belongs to `{}`, and that is where it is pushed",
            login,
            host
        ));
    }
}

/// Why the container of a plugin runs, instead of the engine building by itself; `None` where the engine does.
pub(crate) fn why_container(told: &Told, repo: &RepoFacts) -> Option<Message> {
    let by_setting = || repo.real_plugins.then(|| message!("the project uses the containers of its plugins"));
    told.real_plugin.clone().or_else(by_setting)
}

/// Writes into each step of a plan that is an image plugin what it is told: the engine builds by itself ([`Step::build_image`]), without a
/// container and so without rights; or the container of the plugin runs because only that will do ([`Step::real_plugin`]).
pub(crate) fn settle(plan: &mut Plan) {
    let commit_time_s = plan.event.commit.time_ms / 1000;
    for stage in plan.stages.iter_mut().filter(|stage| stage.backend == BackendKind::Docker) {
        for step in &mut stage.steps {
            let told = is_plugin(step).then(|| read(&step.image, &step.environment, commit_time_s)).flatten();
            let Some(told) = told else { continue };
            match why_container(&told, &plan.event.repo) {
                Some(why) => step.real_plugin = Some(Box::new(RealPlugin { why, builds: Some(Box::new(told.build)) })),
                None => {
                    plan.version = PLAN_VERSION;
                    step.privileged = false;
                    step.build_image = Some(Box::new(told.build));
                }
            }
        }
    }
}

/// Whether the program of the image runs, steered by its settings alone.
fn is_plugin(step: &Step) -> bool {
    step.kind == StepKind::Plugin && !step.detached && step.entrypoint.is_none() && step.command.is_none()
}
