//! Which steps get all rights on the machine by the name of their image: plugins that build images and were given them by the servers
//! that files come from.
//!
//! There, an administrator stood behind the list. Here a project that nobody trusts may not reach the computer, so a name is enough only
//! where nothing of the file steers *which program runs*: no commands and no program of its own, nothing mounted over the programs of
//! the image, the working copy where its server puts it, no variable that makes a loader, a shell or one of the programs inside run
//! something else. One predicate, [`steering`], decides that for every language. What a plugin is told to *do* (its settings, secrets,
//! harmless variables) is what it is there for and costs it nothing.
//!
//! Where the engine builds an image by itself ([`crate::image_plugins`]) there is no container and no right. A container of a plugin that only the
//! plugin itself can do gets rights by its name where the user wants such containers in the project, or trusts it.
//!
//! A trusted project may mount folders of the machine anyway, so there volumes and the place of the working copy take no right away.

use crate::image_plugins::{self, Told};
use crate::shared::draft::{Draft, StageDraft};
use crate::shared::image::is_one_of;
use crate::shared::workspace;
use lp_model::{Code, EnvValue, EventFacts, Message, StepKind, message, what};
use lp_yaml::Findings;
use std::collections::BTreeMap;

/// Variables with which a file decides what a program loads or runs, by their names. A name that ends with `*` stands for all that begin
/// so. Names that people use for facts of their build (`GIT_TAG`, `NODE_ENV`, `PYTHON_VERSION`) are not among them.
const STEERING: &[&str] = &[
    // The loaders of glibc, musl and macOS, and what glibc itself takes out of the environment of a program with rights
    // (glibc: `sysdeps/generic/unsecvars.h`).
    "LD_*",
    "DYLD_*",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "MUSL_LOCPATH",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TMPDIR",
    "TZDIR",
    // Where programs are looked for, and where they find settings that name further programs.
    "PATH",
    "HOME",
    "XDG_*",
    // Files that shells run when they start, functions handed down, options, and prompts that are evaluated.
    "ENV",
    "BASH_ENV",
    "BASH_FUNC_*",
    "BASH_LOADABLES_PATH",
    "BASH_XTRACEFD",
    "BASHOPTS",
    "SHELLOPTS",
    "SHELL",
    "IFS",
    "CDPATH",
    "FPATH",
    "GLOBIGNORE",
    "PROMPT_COMMAND",
    "PS1",
    "PS2",
    "PS4",
    "ZDOTDIR",
    // The engine inside of the plugin: another one, another configuration, folders with programs that extend it.
    "DOCKER_CERT_PATH",
    "DOCKER_CLI_*",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_OPTS",
    "DOCKER_TLS*",
    "DOCKER_TMPDIR",
    "DOCKERD_*",
    "CONTAINERD_*",
    "BUILDKIT_HOST",
    "BUILDKITD_*",
    "BUILDX_*",
    "DBUS_*",
    "KUBECONFIG",
    // Programs that the engine or a plugin starts: netfilter loads libraries, modprobe runs what its configuration says; git, ssh, tar
    // and pagers run what their variables name.
    "XTABLES_*",
    "IPTABLES_*",
    "MODPROBE_OPTIONS",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ASKPASS",
    "GIT_ATTR_*",
    "GIT_COMMON_DIR",
    "GIT_CONFIG*",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH*",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
    "SSH_ASKPASS*",
    "SSH_AUTH_SOCK",
    "SUDO_ASKPASS",
    "TAR_OPTIONS",
    "RSYNC_CONNECT_PROG",
    "RSYNC_RSH",
    "CVS_RSH",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "LESSOPEN",
    "LESSCLOSE",
    "BROWSER",
    // Credentials of clouds may be the output of a program that such a file names.
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AZURE_CONFIG_DIR",
    "CLOUDSDK_*",
    "GOOGLE_EXTERNAL_ACCOUNT_*",
    // Libraries and interpreters that take options or modules from the environment.
    "OPENSSL_CONF*",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PYTHONBREAKPOINT",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "PERL5*",
    "PERLLIB",
    "RUBYLIB",
    "RUBYOPT",
    "RUBYSHELL",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "CLASSPATH",
    "LUA_INIT*",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
];

/// Settings of these plugins that hold the configuration of the engine inside (which may name folders with programs) or the folder from
/// which that engine takes containers. As a secret they come from the user and not from the file.
// drone-docker and woodpecker's docker-buildx: the flags of their `main.go`.
const SETTINGS: [&str; 5] =
    ["PLUGIN_CONFIG", "DOCKER_PLUGIN_CONFIG", "PLUGIN_STORAGE_PATH", "PLUGIN_BUILDKIT_CONFIG", "PLUGIN_BUILDKITD_FLAGS"];

/// How the server handed out rights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escalation<'l> {
    /// The images.
    pub images: &'l [&'l str],
    /// Where the server mounts the working copy if the file does not say.
    pub base: &'l str,
    /// The version that gives no rights by name any more, if the file may be written for it.
    pub ended: Option<&'l str>,
}

/// Gives the plugins of a stage their rights, or says why one of them does not get them.
pub(crate) fn settle(stage: &mut StageDraft, escalation: &Escalation<'_>, facts: &EventFacts, findings: &mut Findings<'_>) {
    for n in 0..stage.steps.len() {
        let draft = &stage.steps[n];
        if draft.step.kind == StepKind::Service || draft.step.privileged || !is_one_of(&draft.step.image, escalation.images) {
            continue;
        }
        let (span, name) = (draft.span, draft.step.name.clone());
        let own_program = own_program(draft);
        if own_program.is_none() {
            let why = match told(draft, stage) {
                Some(told) => image_plugins::why_container(&told, &facts.repo),
                None => Some(message!("only the plugin itself knows what its settings mean")),
            };
            // The engine builds by itself: there is no container that could want rights.
            let Some(why) = why else { continue };
            if !facts.repo.trusted && !facts.repo.real_plugins {
                findings.warning(Code::NoRights, span, container_without_rights(&name, why)).help(own_build());
                continue;
            }
        }
        let reason = own_program.or_else(|| steering(draft, stage, escalation.base, facts));
        match (reason, escalation.ended) {
            (None, None) => stage.steps[n].step.privileged = true,
            // Steps that run something of their own never had these rights.
            (Some(reason), _) if draft.commands || draft.step.entrypoint.is_some() || draft.step.command.is_some() => {
                findings.note(Code::NoRights, span, refusal(&name, &reason)).help(help());
            }
            (None, Some(version)) => {
                let message =
                    message!("{} gets no rights on the machine: {} gives this image none", what!("step `{}`", name), version.to_owned());
                findings.warning(Code::NotPrivilegedAnyMore, span, message).help(help());
            }
            (Some(reason), _) => {
                findings.warning(Code::NoRights, span, refusal(&name, &reason)).help(help());
            }
        }
    }
}

/// What an image plugin would be told.
fn told(draft: &Draft, stage: &StageDraft) -> Option<Told> {
    let all = stage.environment.iter().chain(&draft.environment).chain(&draft.secrets).chain(&draft.params);
    let environment: BTreeMap<String, EnvValue> = all.map(|(name, value)| (name.clone(), value.clone())).collect();
    image_plugins::read(&draft.step.image, &environment, 0)
}

fn container_without_rights(name: &str, why: Message) -> Message {
    message!("step `{}` runs the container of its plugin, which gets no rights on the machine: {}", name, why)
}

fn own_build() -> Message {
    message!(
        "change the setting so that Letterpress can build the image by itself; or let the project use the containers of its plugins, or mark it as trusted"
    )
}

fn refusal(name: &str, reason: &Message) -> Message {
    message!("step `{}` gets no rights on the machine, although its image usually has them: {}", name, reason.clone())
}

fn help() -> Message {
    message!("if the plugin needs them, write `privileged: true` and mark the project as trusted")
}

/// What makes the step run something else than the program of its image as a plugin.
fn own_program(draft: &Draft) -> Option<Message> {
    if draft.commands {
        return Some(message!("it runs commands of the file"));
    }
    if draft.step.entrypoint.is_some() {
        return Some(message!("`{}` names another program", "entrypoint"));
    }
    if draft.step.command.is_some() {
        return Some(message!("`{}` names another program", "command"));
    }
    draft.step.detached.then(|| message!("it is detached, so it is no plugin"))
}

/// What in the file could make the program of the image run something of the repository.
fn steering(draft: &Draft, stage: &StageDraft, base: &str, facts: &EventFacts) -> Option<Message> {
    let trusted = facts.repo.trusted;
    if !trusted && (stage.base_refused || !workspace::is_same(&stage.workspace.base, base)) {
        return Some(message!("the file puts the working copy elsewhere than at `{}`", base));
    }
    if let Some(mount) = draft.step.mounts.first().filter(|_| !trusted) {
        return Some(message!("it mounts a volume at `{}`, which may hide programs of the image", mount.path));
    }
    // Everything of the repository that becomes a variable of the step: also inputs, whose names and defaults stand in a file of it.
    let values = draft.environment.iter().chain(&draft.secrets).chain(&draft.params).chain(&stage.environment);
    let values = values.map(|(name, value)| (name, Origin::of(value)));
    let texts = stage.cell.iter().map(|(name, text)| (name, text)).chain(&facts.inputs);
    let mut all = values.chain(texts.map(|(name, text)| (name, Origin::File(Some(text)))));
    let (name, _) = all.find(|(name, origin)| match origin {
        Origin::Secret => steers(name),
        Origin::File(text) => steers(name) || SETTINGS.contains(&variable(name)) || text.is_some_and(is_function),
    })?;
    Some(message!("the variable `{}` can make it run another program", variable(name).to_owned()))
}

/// Who says what is in a variable.
#[derive(Clone, Copy)]
enum Origin<'v> {
    /// The file, with the text if it is nothing but that.
    File(Option<&'v str>),
    /// The user.
    Secret,
}

impl<'v> Origin<'v> {
    fn of(value: &'v EnvValue) -> Self {
        match value {
            EnvValue::Text(text) => Self::File(Some(text)),
            EnvValue::Template(_) | EnvValue::Runtime(_) => Self::File(None),
            EnvValue::Secret(_) => Self::Secret,
        }
    }
}

/// The name as the container sees it: an environment is a list of `NAME=value`, so that a key with a `=` in it ends there.
fn variable(name: &str) -> &str {
    name.split('=').next().unwrap_or_default()
}

fn steers(name: &str) -> bool {
    let name = variable(name);
    STEERING.iter().any(|entry| entry.strip_suffix('*').map_or(name == *entry, |start| name.starts_with(start)))
}

/// Whether old shells take a value for a function, whatever the name.
fn is_function(value: &str) -> bool {
    value.trim_start().starts_with("()")
}

#[cfg(test)]
mod tests;
