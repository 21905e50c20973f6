//! Reads `.letterpress.yml`.

use crate::inputs::{check_value, compile_pattern};
use crate::{Input, InputType, Localised, Workflow};
use lp_model::{Diagnostic, EventKind, Span};
use lp_yaml::{Findings, Node, Value, closest, decode, parse as parse_yaml};

pub(crate) const FILE_KEYS: [&str; 2] = ["version", "workflows"];
pub(crate) const WORKFLOW_KEYS: [&str; 7] = ["name", "title", "description", "pipeline", "event", "target", "inputs"];
pub(crate) const INPUT_KEYS: [&str; 9] = ["name", "label", "help", "type", "default", "required", "options", "pattern", "secret"];
/// More buttons or fields than this are no help to anybody.
const MAX_WORKFLOWS: usize = 100;
const MAX_INPUTS: usize = 100;

/// Reads the file; the second part are warnings.
///
/// # Errors
/// All findings, at least one of which is an error.
pub fn parse(file: &str, bytes: &[u8]) -> Result<(Vec<Workflow>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let documents = parse_yaml(file, bytes)?;
    let mut findings = Findings::new(file);
    let mut workflows = Vec::new();
    match documents.first() {
        None => {
            findings.error("no-workflows", None, "the file is empty").help("it begins with a list `workflows:`");
        }
        Some(document) => {
            if let Some(second) = documents.get(1) {
                findings.warning("second-document", second.root.span, "only the first document of the file is read");
            }
            workflows = read(&document.root, &mut findings);
        }
    }
    if findings.has_errors() { Err(findings.into_sorted()) } else { Ok((workflows, findings.into_sorted())) }
}

fn read(root: &Node, findings: &mut Findings<'_>) -> Vec<Workflow> {
    let Some(entries) = decode::map(root, "the file", findings) else { return Vec::new() };
    decode::unknown_keys(entries, &FILE_KEYS, "the file", findings);
    let Some(node) = decode::get(entries, "workflows") else {
        findings.error("no-workflows", root.span, "the file has no list `workflows`");
        return Vec::new();
    };
    let Some(items) = decode::list(node, "`workflows`", findings) else { return Vec::new() };
    if items.is_empty() {
        findings
            .error("no-workflows", node.span, "`workflows` is empty")
            .help("without the file the workflows are derived from the pipeline");
    }
    if items.len() > MAX_WORKFLOWS {
        findings.error("too-many-workflows", node.span, format!("there are more than {MAX_WORKFLOWS} workflows"));
        return Vec::new();
    }
    let mut workflows: Vec<Workflow> = Vec::new();
    for item in items {
        let Some((workflow, span)) = workflow(item, findings) else { continue };
        if workflows.iter().any(|other| other.name == workflow.name) {
            findings.error("duplicate-workflow", span, format!("another workflow is called `{}` too", workflow.name));
        }
        workflows.push(workflow);
    }
    workflows
}

fn workflow(node: &Node, findings: &mut Findings<'_>) -> Option<(Workflow, Span)> {
    let entries = decode::map(node, "a workflow", findings)?;
    let name_node = decode::get(entries, "name");
    let name = name_node.and_then(|node| decode::text(node, "`name` of a workflow", findings));
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        if decode::lacks(entries, "name") {
            findings
                .error("missing-name", node.span, "a workflow has no `name`")
                .help("the name is for the terminal and the history, e.g. `name: release`");
        }
        return None;
    };
    let span = name_node.map_or(node.span, |node| node.span);
    if name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        findings
            .error("invalid-name", span, format!("the workflow name `{name}` may hold only letters, digits, `-`, `_` and `.`, at most 64"))
            .help("put words for people into `title`");
    }
    let label = format!("workflow `{name}`");
    decode::unknown_keys(entries, &WORKFLOW_KEYS, &label, findings);
    let mut localised =
        |key: &str| decode::get(entries, key).map(|node| localised(node, &format!("`{key}` of {label}"), findings)).unwrap_or_default();
    let (title, description) = (localised("title"), localised("description"));
    let pipeline = decode::get(entries, "pipeline").and_then(|node| path(node, &label, findings));
    let event = decode::get(entries, "event").map_or(EventKind::Push, |node| event(node, &label, findings));
    let target_node = decode::get(entries, "target");
    let target = target_node.and_then(|node| decode::text(node, &format!("`target` of {label}"), findings)).filter(|text| !text.is_empty());
    if let Some(node) = target_node
        && !matches!(event, EventKind::Promote | EventKind::Rollback)
    {
        findings
            .warning("target-without-effect", node.span, format!("`target` of {label} has no effect with the event `{}`", event.as_str()))
            .help("write `event: promote`");
    }
    let inputs = decode::get(entries, "inputs").map(|node| inputs(node, &label, findings)).unwrap_or_default();
    Some((Workflow { name, title, description, derived: false, pipeline, event, target, inputs }, span))
}

/// A path below the root of the repository, so that a file cannot point out of it.
fn path(node: &Node, label: &str, findings: &mut Findings<'_>) -> Option<String> {
    let path = decode::text(node, &format!("`pipeline` of {label}"), findings)?;
    let clean = path.strip_prefix("./").unwrap_or(&path);
    if clean.is_empty() || clean.starts_with('/') || clean.contains('\\') || clean.split('/').any(|part| part == ".." || part.is_empty()) {
        findings
            .error("invalid-path", node.span, format!("`{path}` is no path in the repository"))
            .help("write it from the root of the repository, e.g. `.drone.yml`");
        return None;
    }
    Some(clean.to_owned())
}

fn event(node: &Node, label: &str, findings: &mut Findings<'_>) -> EventKind {
    let Some(word) = decode::text(node, &format!("`event` of {label}"), findings) else { return EventKind::Push };
    EventKind::parse(&word).unwrap_or_else(|| {
        let words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let found = findings.error("unknown-event", node.span, format!("there is no event `{word}`"));
        match closest(&word, &words) {
            Some(meant) => found.help(format!("did you mean `{meant}`?")),
            None => found.help(format!("the events are {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))),
        }
        EventKind::Push
    })
}

/// A text, or a map from language to text.
fn localised(node: &Node, what: &str, findings: &mut Findings<'_>) -> Localised {
    let Value::Map(entries) = &node.value else {
        return decode::text(node, what, findings).map(|text| Localised::plain(&text)).unwrap_or_default();
    };
    let mut texts = Localised::default();
    for entry in entries {
        let tag = &entry.key.text;
        let legal = !tag.is_empty()
            && tag.len() <= 35
            && tag.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
        if !legal {
            findings
                .warning("unknown-language", entry.key.span, format!("`{tag}` in {what} is no language"))
                .help("write `zh-CN`, `en`, …");
        }
        if let Some(text) = decode::text(&entry.value, &format!("`{tag}` in {what}"), findings) {
            texts.insert(tag, &text);
        }
    }
    texts
}

fn inputs(node: &Node, label: &str, findings: &mut Findings<'_>) -> Vec<Input> {
    let Some(items) = decode::list(node, &format!("`inputs` of {label}"), findings) else { return Vec::new() };
    if items.len() > MAX_INPUTS {
        findings.error("too-many-inputs", node.span, format!("{label} has more than {MAX_INPUTS} inputs"));
        return Vec::new();
    }
    let mut inputs: Vec<Input> = Vec::new();
    for item in items {
        let Some((input, span)) = input(item, label, findings) else { continue };
        if inputs.iter().any(|other| other.name == input.name) {
            findings.error("duplicate-input", span, format!("another input of {label} is called `{}` too", input.name));
        }
        inputs.push(input);
    }
    inputs
}

fn input(node: &Node, workflow: &str, findings: &mut Findings<'_>) -> Option<(Input, Span)> {
    let entries = decode::map(node, &format!("an input of {workflow}"), findings)?;
    let name_node = decode::get(entries, "name");
    let Some(name) = name_node.and_then(|node| decode::text(node, "`name` of an input", findings)).filter(|name| !name.is_empty()) else {
        if decode::lacks(entries, "name") {
            findings.error("missing-name", node.span, format!("an input of {workflow} has no `name`"));
        }
        return None;
    };
    let span = name_node.map_or(node.span, |node| node.span);
    let label = format!("input `{name}`");
    let variable = name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !variable {
        findings
            .error("invalid-name", span, format!("{label} must be the name of an environment variable"))
            .help("letters, digits and `_`, not beginning with a digit; words for people go into `label`");
    }
    decode::unknown_keys(entries, &INPUT_KEYS, &label, findings);
    let mut localised =
        |key: &str| decode::get(entries, key).map(|node| localised(node, &format!("`{key}` of {label}"), findings)).unwrap_or_default();
    let (field_label, help) = (localised("label"), localised("help"));
    let options_node = decode::get(entries, "options");
    let options: Vec<String> = options_node
        .and_then(|node| decode::texts(node, &format!("`options` of {label}"), findings))
        .unwrap_or_default()
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    let kind = kind(decode::get(entries, "type").map(|node| &**node), options_node.is_some(), &label, findings);
    if kind == InputType::Choice && options.is_empty() {
        findings.error("missing-options", span, format!("{label} is a choice without `options`"));
    }
    if let Some(node) = options_node.filter(|_| kind != InputType::Choice) {
        findings.warning("key-without-effect", node.span, format!("`options` of {label} has no effect, it is no choice"));
    }
    let required = decode::get(entries, "required").and_then(|node| decode::boolean(node, &format!("`required` of {label}"), findings));
    if let Some(node) =
        decode::get(entries, "secret").filter(|node| node.text().is_none_or(|text| lp_yaml::scalar::bool_of(text) != Some(false)))
    {
        findings
            .error("secret-input", node.span, format!("{label} asks for a secret; what is entered in a form is kept in the history"))
            .help("store it as a secret in the settings and use it in the pipeline file");
    }
    let pattern_node = decode::get(entries, "pattern");
    let pattern = pattern_node.and_then(|node| decode::text(node, &format!("`pattern` of {label}"), findings)).filter(|p| !p.is_empty());
    if let (Some(node), Some(pattern)) = (pattern_node, &pattern)
        && compile_pattern(pattern).is_none()
    {
        findings.error("invalid-pattern", node.span, format!("`pattern` of {label} is no regular expression that can be used"));
    }
    let default_node = decode::get(entries, "default");
    let default = default_node.and_then(|node| default(node, kind, &label, findings));
    let input = Input { name, label: field_label, help, kind, default, required: required.unwrap_or(false), options, pattern };
    if let (Some(node), Some(value), false) = (default_node, &input.default, findings.has_errors())
        && let Err(error) = check_value(&input, value)
    {
        findings.error("invalid-default", node.span, format!("the default of {label} is not allowed: {}", error.message));
    }
    Some((input, span))
}

fn kind(node: Option<&Node>, options: bool, label: &str, findings: &mut Findings<'_>) -> InputType {
    let fallback = if options { InputType::Choice } else { InputType::Text };
    let Some(node) = node else { return fallback };
    let Some(word) = decode::text(node, &format!("`type` of {label}"), findings) else { return fallback };
    InputType::parse(&word).unwrap_or_else(|| {
        let words = InputType::ALL.map(InputType::as_str);
        let found = findings.error("unknown-type", node.span, format!("{label} has the unknown type `{word}`"));
        match closest(&word, &words) {
            Some(meant) => found.help(format!("did you mean `{meant}`?")),
            None => found.help("the types are `text`, `choice`, `boolean` and `number`"),
        }
        fallback
    })
}

/// `yes` as the default of a boolean is `true`; of anything else it is the text.
fn default(node: &Node, kind: InputType, label: &str, findings: &mut Findings<'_>) -> Option<String> {
    let what = format!("`default` of {label}");
    match kind {
        InputType::Boolean => decode::boolean(node, &what, findings).map(|value| value.to_string()),
        _ => decode::text(node, &what, findings),
    }
}

#[cfg(test)]
mod tests;
