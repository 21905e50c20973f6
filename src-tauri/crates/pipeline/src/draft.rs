//! What both dialects have in common while a file is read: stages and steps that still carry their conditions, and the
//! decoding of keys that mean the same in both.

use crate::PipelineFile;
use crate::environment::{Environment, early_text};
use crate::matrix::Cell;
use crate::script::{MAX_SCRIPT_BYTES, entrypoint, script};
use crate::substitute::{Backslashes, substitute};
use crate::when::{Conditions, Mismatch};
use lp_model::{BackendKind, Dialect, EnvValue, EventFacts, Span, Step, Volume, Workspace};
use lp_yaml::{Findings, Node, Piece, Schema, SourceMap, TextIndex, Typed, Value, closest, decode, parse_part, scalar};
use std::ops::Range;
use std::sync::Arc;

/// A step before its conditions are decided.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Everything that does not depend on the other steps. Its environment is empty until the plan is made.
    pub step: Step,
    /// Where its name (or its beginning) stands.
    pub span: Span,
    /// `environment` of the file.
    pub environment: Environment,
    /// `PLUGIN_…`.
    pub params: Environment,
    /// Secrets under their variables.
    pub secrets: Environment,
    pub when: Conditions,
    /// 0.8: steps beside each other with the same group run side by side.
    pub group: Option<String>,
    /// 1.x: names of steps.
    pub depends_on: Vec<(String, Span)>,
    /// Whether the step runs a script.
    pub commands: bool,
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
    pub source: bool,
    pub cell: Cell,
    pub volumes: Vec<Volume>,
    /// `trigger` in 1.x, `branches` in 0.8 (`None` there means that it matches).
    pub trigger: Conditions,
    /// 1.x: names of pipelines.
    pub depends_on: Vec<(String, Span)>,
    /// 1.x: `environment` of the pipeline.
    pub environment: Environment,
    /// What is known of the run.
    pub metadata: Environment,
    pub services: Vec<Draft>,
    pub steps: Vec<Draft>,
}

/// Why something does not run for this event, collected for the warning that nothing does.
#[derive(Debug, Default)]
pub(crate) struct Reasons(Vec<String>);

impl Reasons {
    pub fn add(&mut self, what: &str, mismatch: &Mismatch) {
        let reason = format!("`{}` of {what} does not hold (line {})", mismatch.key, mismatch.span.line);
        if self.0.len() < 3 && !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    /// Tells why the plan is empty.
    pub fn warn(self, dialect: Dialect, facts: &EventFacts, findings: &mut Findings<'_>) {
        let event = crate::when::event_word(dialect, facts.kind);
        let place = match (facts.tag(), &facts.target) {
            (_, Some(target)) => format!(" to `{target}`"),
            (Some(tag), _) => format!(" of `{tag}`"),
            _ if facts.commit.branch.is_empty() => String::new(),
            _ => format!(" on `{}`", facts.commit.branch),
        };
        let found = findings.warning("nothing-would-run", None, format!("nothing in this file runs for the event `{event}`{place}"));
        if !self.0.is_empty() {
            found.help(self.0.join("; "));
        }
    }
}

/// Substitutes the variables in one document and reads the result as YAML.
pub(crate) fn expand(
    file: &PipelineFile<'_>,
    index: &TextIndex<'_>,
    part: Range<usize>,
    dialect: Dialect,
    variables: &Environment,
    facts: &EventFacts,
    findings: &mut Findings<'_>,
) -> Option<Arc<Node>> {
    let backslashes = if dialect == Dialect::Drone08 { Backslashes::Eat } else { Backslashes::Keep };
    let text = &index.text()[part.clone()];
    let value = |name: &str| variables.get(name).map(|value| early_text(value, facts));
    match substitute(text, backslashes, &value) {
        Err(wrong) => {
            for bad in wrong {
                let span = index.span(part.start + bad.range.start..part.start + bad.range.end);
                findings
                    .error("bad-substitution", span, format!("this `${{…}}` cannot be replaced: {}", bad.message))
                    .help("write `$${…}` to leave the expression to the shell (comments count too)");
            }
            None
        }
        Ok(done) => {
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            for (name, range) in done.unknown {
                let span = index.span(part.start + range.start..part.start + range.end);
                let message = format!("`${{{name}}}` is not known before the run, so it becomes an empty text");
                let found = findings.warning("unknown-variable", span, message);
                match closest(&name, &known) {
                    Some(meant) => found.help(format!("did you mean `{meant}`? for a variable of the shell write `$${{{name}}}`")),
                    None => found.help(format!(
                        "for a variable of the shell, a secret or a value of `environment` write `$${{{name}}}` or `${name}`"
                    )),
                }
            }
            let pieces = done
                .pieces
                .into_iter()
                .map(|piece| Piece { source: part.start + piece.source.start..part.start + piece.source.end, ..piece });
            match parse_part(file.path, &done.text, &SourceMap::pieces(index, pieces.collect())) {
                Ok(root) => Some(root),
                Err(more) => {
                    findings.extend(more);
                    None
                }
            }
        }
    }
}

/// Something that a project may use only when the user trusts it.
pub(crate) fn demand_trust(trusted: bool, what: &str, span: Span, findings: &mut Findings<'_>) {
    if !trusted {
        findings
            .error("not-trusted", span, format!("{what} reaches beyond the container, and this project is not trusted"))
            .help("mark the project as trusted in its settings if you know who writes its pipeline, or remove this line");
    }
}

/// The commands of a step. 0.8 also takes one text; both report what YAML made of a line that was meant as a command.
pub(crate) fn commands(node: &Node, dialect: Dialect, what: &str, findings: &mut Findings<'_>) -> Vec<String> {
    if let (Value::Scalar { text, .. }, Dialect::Drone08) = (&node.value, dialect) {
        return if node.is_null() { Vec::new() } else { vec![text.clone()] };
    }
    let name = format!("`commands` of {what}");
    if matches!(node.value, Value::Scalar { .. }) && !node.is_null() {
        findings
            .error("wrong-type", node.span, format!("{name} must be a list, not a text"))
            .help("put a `- ` in front of the command, on a line of its own");
        return Vec::new();
    }
    let Some(items) = decode::list(node, &name, findings) else { return Vec::new() };
    let mut commands = Vec::new();
    for item in items {
        match &item.value {
            Value::Scalar { text, .. } => {
                let plain_text = matches!(scalar::typed(item, Schema::Drone08), Some(Typed::Text(_)));
                if dialect == Dialect::Drone08 && !plain_text {
                    findings
                        .warning(
                            "command-not-text",
                            item.span,
                            format!("drone 0.8 refuses the command `{text}`, which YAML does not read as a text"),
                        )
                        .help(format!("write it in quotes: `- \"{text}\"`"));
                }
                if !item.is_null() {
                    commands.push(text.clone());
                }
            }
            Value::Map(entries) => {
                let line =
                    entries.first().map_or_else(String::new, |entry| format!("{}: {}", entry.key.text, entry.value.text().unwrap_or("…")));
                findings
                    .error("command-is-map", item.span, format!("YAML reads this command of {what} as a map, because it contains `: `"))
                    .help(format!("put the whole command into single quotes: `- '{}'`", line.replace('\'', "''")));
            }
            Value::Seq(_) => {
                findings
                    .error(
                        "command-is-list",
                        item.span,
                        format!("YAML reads this command of {what} as a list, because it begins with `[` or `- `"),
                    )
                    .help("put the whole command into single quotes");
            }
        }
    }
    commands
}

/// Makes a step run these commands.
pub(crate) fn run_commands(draft: &mut Draft, commands: &[String], span: Span, findings: &mut Findings<'_>) {
    if commands.is_empty() {
        return;
    }
    let script = script(commands);
    if script.len() > MAX_SCRIPT_BYTES {
        findings
            .error("script-too-long", span, format!("the commands of step `{}` have more than {MAX_SCRIPT_BYTES} bytes", draft.step.name))
            .help("put them into a script in the repository and run that");
    }
    draft.commands = true;
    draft.step.entrypoint = Some(entrypoint());
    draft.step.command = Some(vec![script]);
}

/// `{from_secret: name}`, if the node is that.
pub(crate) fn from_secret(node: &Node, findings: &mut Findings<'_>) -> Option<EnvValue> {
    let secret = node.get("from_secret")?;
    let name = decode::text(secret, "`from_secret`", findings)?;
    Some(EnvValue::Secret(name))
}

/// A pipeline must not need more steps than the rest of the app can carry.
pub(crate) fn check_size(stages: usize, steps: usize, findings: &mut Findings<'_>) -> bool {
    if steps > crate::MAX_STEPS || stages > crate::MAX_STEPS {
        findings.error("too-many-steps", None, format!("the file describes more than {} steps", crate::MAX_STEPS));
        return false;
    }
    true
}
