//! What all languages have in common while a file is read: stages and steps that still carry their conditions, and the
//! decoding of keys that mean the same in several.

use crate::shared::entered;
use crate::shared::environment::Environment;
use crate::shared::image::host_with_login;
use crate::shared::matrix::{Cell, Nothing, cells};
use crate::shared::script::{Command, MAX_SCRIPT_BYTES, entrypoint, script};
use crate::shared::shell::{Script, Variables};
use crate::shared::when::{Flavour, When};
use crate::source::{Part, Source};
use lp_model::{BackendKind, Checkout, Code, Concurrency, EnvValue, Message, RunOn, Span, Step, Volume, What, Workspace, message, what};
use lp_yaml::{Findings, Node, Value, decode};
use std::collections::HashSet;

/// Largest text times combinations of the matrix, in bytes.
const MAX_MATRIX_BYTES: usize = 4 << 20;

/// A step before its conditions are decided.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Everything that does not depend on the other steps. Its environment is empty until the plan is made.
    pub step: Step,
    /// Where its name (or its beginning) stands.
    pub span: Span,
    /// All of it.
    pub extent: Span,
    /// `environment` of the file.
    pub environment: Environment,
    /// `PLUGIN_…`.
    pub params: Environment,
    /// Secrets under their variables.
    pub secrets: Environment,
    pub when: When,
    /// Steps beside each other with the same group run side by side.
    pub group: Option<String>,
    /// The steps that it waits for, if it says any (an empty list is something said, too).
    pub needs: Option<Vec<Dependency>>,
    /// Whether the step runs a script.
    pub commands: bool,
    /// Whether the step is steered by its settings alone, and gets what plugins of an older server read besides.
    pub plugin: bool,
}

impl Draft {
    /// A step of which nothing else is known yet.
    pub fn new(step: Step, span: Span, extent: Span) -> Self {
        Self {
            step,
            span,
            extent,
            environment: Environment::new(),
            params: Environment::new(),
            secrets: Environment::new(),
            when: When::default(),
            group: None,
            needs: None,
            commands: false,
            plugin: false,
        }
    }
}

/// In which order the steps of a stage run, as the file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// One after the other; those beside each other with the same group side by side.
    Serial,
    /// Each as soon as those that it names are through.
    Graph,
}

/// A step or stage that another one needs.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub name: String,
    pub span: Span,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A stage before its conditions are decided.
#[derive(Debug)]
pub(crate) struct StageDraft {
    pub name: String,
    pub span: Span,
    pub backend: BackendKind,
    /// Whether it is of a type that is run; if not it is only a name that others depend on.
    pub runs: bool,
    pub workspace: Workspace,
    /// Whether the file asked for a base that its server keeps free, so that the default is taken.
    pub base_refused: bool,
    /// The working copy; `None` when it begins empty.
    pub checkout: Option<Checkout>,
    pub cell: Cell,
    pub concurrency: Option<Concurrency>,
    pub volumes: Vec<Volume>,
    /// `trigger`, or `when` of the whole file.
    pub trigger: When,
    /// The pipelines or workflows that it waits for.
    pub needs: Vec<Dependency>,
    /// What the text says of the order of its steps, whichever of them run.
    pub order: Order,
    /// After which results of those it runs, if the file has the key.
    pub runs_on: Option<RunOn>,
    /// `environment` of the whole stage.
    pub environment: Environment,
    /// What is known of the run.
    pub metadata: Environment,
    pub services: Vec<Draft>,
    pub steps: Vec<Draft>,
}

impl StageDraft {
    /// With what was entered opened in its command lines.
    pub fn settled(mut self, findings: &mut Findings<'_>) -> Self {
        self.services.iter_mut().chain(&mut self.steps).for_each(|step| entered::settle(step, findings));
        self
    }
}

/// Tells of axes that this combination of the matrix lacks and that a step uses which runs for it.
pub(crate) fn warn_of_lacking_axes(
    source: &Source<'_>,
    part: &Part,
    lacking: &[&str],
    stage: Option<&StageDraft>,
    flavour: &Flavour,
    findings: &mut Findings<'_>,
) {
    let (Some(stage), text) = (stage, source.text(part)) else { return };
    for name in lacking {
        for (at, used) in text.match_indices(&format!("${{{name}}}")) {
            let start = part.range.start + at;
            let escaped = text[..at].ends_with('$');
            let inside = |draft: &&Draft| (draft.extent.start_byte..draft.extent.end_byte).contains(&(start as u32));
            let step = stage.services.iter().chain(&stage.steps).find(inside);
            if !escaped && step.is_none_or(|step| !step.when.keeps_out(flavour, &stage.cell)) {
                let span = source.index.span(start..start + used.len());
                let message =
                    message!("`${{{}}}` is no axis of every combination of the matrix; where it is none it is empty", name.to_string());
                findings.warning(Code::UnknownVariable, span, message);
            }
        }
    }
}

/// The combinations of the matrix of a document. The text is read again for every one of them, so both together are limited.
pub(crate) fn matrix_cells(raw: &Node, part: &Part, nothing: Nothing, findings: &mut Findings<'_>) -> Option<Vec<Cell>> {
    let cells = cells(raw, nothing, findings);
    if part.range.len() * cells.len() > MAX_MATRIX_BYTES {
        findings.error(Code::FileTooLarge, None, message!("the file is too large for a matrix of {} combinations", cells.len()));
        return None;
    }
    Some(cells)
}

/// Whether the conditions on the result let a step run at all; if not, a warning says so.
pub(crate) fn runs_ever(draft: &Draft, findings: &mut Findings<'_>) -> bool {
    let run_on = draft.step.run_on;
    if !run_on.success && !run_on.failure {
        findings
            .warning(
                Code::NeverRuns,
                draft.span,
                message!("step `{}` never runs: its `status` is neither `success` nor `failure`", draft.step.name),
            )
            .help(message!("write `status: [success, failure]` for a step that always runs"));
    }
    run_on.success || run_on.failure
}

/// Steps that share a name.
pub(crate) fn warn_of_duplicates(steps: &[Draft], findings: &mut Findings<'_>) {
    let mut names = HashSet::new();
    for step in steps {
        if !names.insert(step.step.name.as_str()) {
            findings.warning(Code::DuplicateStep, step.span, message!("another step is called `{}` too; both run", step.step.name));
        }
    }
}

/// The parts of a stage that run one after the other, as the number of its part for each step: steps beside each other with the same
/// group run side by side. Groups are formed after the conditions are decided: a step left out between two does not part them.
pub(crate) fn levels_by_group(steps: &[Draft]) -> Vec<usize> {
    let mut level = 0;
    (0..steps.len())
        .map(|n| {
            if n > 0 && (steps[n].group.is_none() || steps[n].group != steps[n - 1].group) {
                level += 1;
            }
            level
        })
        .collect()
}

/// Something that a project may use only when the user trusts it.
pub(crate) fn demand_trust(trusted: bool, what: What<'_>, span: Span, findings: &mut Findings<'_>) {
    if !trusted {
        findings
            .error(Code::NotTrusted, span, message!("{} reaches beyond the container, and this project is not trusted", what))
            .help(message!("remove this line, or trust the project (`letterpress trust`, or the switch on its page)"));
    }
}

/// In which form the commands of a step may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// A list.
    List,
    /// A list, or one text.
    ListOrText,
}

/// The commands of a step; reports what YAML made of a line that was meant as a command.
pub(crate) fn commands(node: &Node, lines: Lines, what: What<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    if let (Value::Scalar { text, .. }, Lines::ListOrText) = (&node.value, lines) {
        return if node.is_null() { Vec::new() } else { vec![text.clone()] };
    }
    let name = what!("`{}` of {}", "commands", what);
    if matches!(node.value, Value::Scalar { .. }) && !node.is_null() {
        findings
            .error(Code::WrongType, node.span, message!("{} must be a list, not a text", name))
            .help(message!("put a `- ` in front of the command, on a line of its own"));
        return Vec::new();
    }
    let Some(items) = decode::list(node, name, findings) else { return Vec::new() };
    let mut commands = Vec::new();
    for item in items {
        match &item.value {
            Value::Scalar { text, .. } => {
                if !item.is_null() {
                    commands.push(text.clone());
                }
            }
            Value::Map(entries) => {
                let line =
                    entries.first().map_or_else(String::new, |entry| format!("{}: {}", entry.key.text, entry.value.text().unwrap_or("…")));
                findings
                    .error(
                        Code::CommandIsMap,
                        item.span,
                        message!("YAML reads this command of {} as a map, because it contains `: `", what),
                    )
                    .help(message!("put the whole command into single quotes: `- '{}'`", line.replace('\'', "''")));
            }
            Value::Seq(_) => {
                findings
                    .error(
                        Code::CommandIsList,
                        item.span,
                        message!("YAML reads this command of {} as a list, because it begins with `[` or `- `", what),
                    )
                    .help(message!("put the whole command into single quotes"));
            }
        }
    }
    commands
}

/// Makes a step run these commands, in a folder of its own if it has one.
pub(crate) fn run_commands(draft: &mut Draft, folder: Option<&str>, commands: &[String], span: Span, findings: &mut Findings<'_>) {
    if commands.is_empty() {
        return;
    }
    let mut variables = Variables::default();
    let mut lines = Vec::new();
    let mut untold = true;
    for command in commands {
        match Script::read(command, &mut variables) {
            Ok(line) => {
                // Once for a step: how often the value stands there changes nothing.
                if let Some(expression) = line.joined.first().filter(|_| std::mem::take(&mut untold)) {
                    findings
                        .note(Code::OneWord, span, message!("`{}` is one word for the shell, although its value has blanks", expression))
                        .help(message!("write `$NAME`, without braces, where the shell shall take it apart"));
                }
                lines.push(Command { text: line.text, shown: line.shown });
            }
            Err(why) => entered::refuse(why, span, findings),
        }
    }
    draft.environment.extend(variables.into_iter().map(|(name, value)| (name, EnvValue::Text(value))));
    let script = script(folder, &lines);
    if script.len() > MAX_SCRIPT_BYTES {
        findings
            .error(
                Code::ScriptTooLong,
                span,
                message!("the commands of step `{}` have more than {} bytes", draft.step.name, MAX_SCRIPT_BYTES),
            )
            .help(message!("put them into a script in the repository and run that"));
    }
    draft.commands = true;
    draft.step.entrypoint = Some(entrypoint());
    draft.step.command = Some(vec![script]);
}

/// `{from_secret: name}`, if the node is that.
pub(crate) fn from_secret(node: &Node, findings: &mut Findings<'_>) -> Option<EnvValue> {
    let secret = node.get("from_secret")?;
    let name = decode::text(secret, what!("`{}`", "from_secret"), findings)?;
    need_secret(&name, secret.span, findings);
    Some(EnvValue::Secret(name))
}

/// A secret that the user has to set.
pub(crate) fn need_secret(name: &str, span: Span, findings: &mut Findings<'_>) {
    findings.need(Code::NeedsSecret, span, || {
        (message!("the secret `{}` must be set", name), message!("set it in the settings, for this project or for all of them"))
    });
}

/// What follows where a variable whose secret is not set is left out.
pub(crate) fn secret_missing_from_environment() -> Message {
    message!("without it the variable is not there, and the step starts all the same")
}

/// The image of a step.
pub(crate) fn image(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> String {
    let image = decode::text(node, what, findings).unwrap_or_default();
    if findings.notes_needs()
        && let Some(host) = host_with_login(&image)
    {
        findings.need(Code::NeedsLogin, node.span, || {
            let help = message!("log in to the registry once on this computer with `docker login`");
            (message!("images from `{}` may need a login", host), help)
        });
    }
    image
}
