//! Reads `.letterpress.yml`.

use crate::inputs::{check_value, compile_pattern};
use crate::{Input, InputType, Localised, Workflow};
use lp_model::{Code, Diagnostic, EventKind, Span, What, message, what};
use lp_yaml::{Findings, Node, Value, closest, decode, parse as parse_yaml};

pub(crate) const FILE_KEYS: [&str; 2] = ["version", "workflows"];
pub(crate) const WORKFLOW_KEYS: [&str; 8] = ["name", "title", "description", "pipeline", "event", "target", "cron", "inputs"];
pub(crate) const INPUT_KEYS: [&str; 9] = ["name", "label", "help", "type", "default", "required", "options", "pattern", "secret"];
/// The only version of the format so far. A file without one is of this version.
const VERSION: &str = "1";
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
            findings.error(Code::NoWorkflows, None, message!("the file is empty")).help(message!("it begins with a list `workflows:`"));
        }
        Some(document) => {
            if let Some(second) = documents.get(1) {
                findings.warning(Code::SecondDocument, second.root.span, message!("only the first document of the file is read"));
            }
            workflows = read(&document.root, &mut findings);
        }
    }
    if findings.has_errors() { Err(findings.into_sorted()) } else { Ok((workflows, findings.into_sorted())) }
}

fn read(root: &Node, findings: &mut Findings<'_>) -> Vec<Workflow> {
    let Some(entries) = decode::map(root, what!("the file"), findings) else { return Vec::new() };
    decode::unknown_keys(entries, &FILE_KEYS, what!("the file"), findings);
    if let Some(node) = decode::get(entries, "version")
        && let Some(version) = decode::text(node, what!("`{}`", "version"), findings)
        && version != VERSION
    {
        findings
            .error(
                Code::UnknownVersion,
                node.span,
                message!("the file is written for version `{}`, and this program knows `{}`", version, VERSION),
            )
            .help(message!("update this program, or write `version: 1`"));
        return Vec::new();
    }
    let Some(node) = decode::get(entries, "workflows") else {
        findings.error(Code::NoWorkflows, root.span, message!("the file has no list `workflows`"));
        return Vec::new();
    };
    let Some(items) = decode::list(node, what!("`{}`", "workflows"), findings) else { return Vec::new() };
    if items.is_empty() {
        findings
            .error(Code::NoWorkflows, node.span, message!("`workflows` is empty"))
            .help(message!("without the file the workflows are derived from the pipeline"));
    }
    if items.len() > MAX_WORKFLOWS {
        findings.error(Code::TooManyWorkflows, node.span, message!("there are more than {} workflows", MAX_WORKFLOWS));
        return Vec::new();
    }
    let mut workflows: Vec<Workflow> = Vec::new();
    for item in items {
        let Some((workflow, span)) = workflow(item, findings) else { continue };
        if workflows.iter().any(|other| other.name == workflow.name) {
            findings.error(Code::DuplicateWorkflow, span, message!("another workflow is called `{}` too", workflow.name));
        }
        workflows.push(workflow);
    }
    workflows
}

fn workflow(node: &Node, findings: &mut Findings<'_>) -> Option<(Workflow, Span)> {
    let entries = decode::map(node, what!("a workflow"), findings)?;
    let name_node = decode::get(entries, "name");
    let name = name_node.and_then(|node| decode::text(node, what!("`{}` of a workflow", "name"), findings));
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        if decode::lacks(entries, "name") {
            findings
                .error(Code::MissingName, node.span, message!("a workflow has no `name`"))
                .help(message!("the name is for the terminal and the history, e.g. `name: release`"));
        }
        return None;
    };
    let span = name_node.map_or(node.span, |node| node.span);
    if name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        findings
            .error(
                Code::InvalidName,
                span,
                message!("the workflow name `{}` may hold only letters, digits, `-`, `_` and `.`, at most 64", name),
            )
            .help(message!("put words for people into `title`"));
    }
    let label = what!("workflow `{}`", name);
    decode::unknown_keys(entries, &WORKFLOW_KEYS, label, findings);
    let mut localised =
        |key: &str| decode::get(entries, key).map(|node| localised(node, what!("`{}` of {}", key, label), findings)).unwrap_or_default();
    let (title, description) = (localised("title"), localised("description"));
    let pipeline = decode::get(entries, "pipeline").and_then(|node| path(node, label, findings));
    let event = decode::get(entries, "event").map_or(EventKind::Push, |node| event(node, label, findings));
    let target_node = decode::get(entries, "target");
    let target =
        target_node.and_then(|node| decode::text(node, what!("`{}` of {}", "target", label), findings)).filter(|text| !text.is_empty());
    if let Some(node) = target_node
        && !matches!(event, EventKind::Promote | EventKind::Rollback)
    {
        findings
            .warning(
                Code::TargetWithoutEffect,
                node.span,
                message!("`target` of {} has no effect with the event `{}`", label, event.as_str()),
            )
            .help(message!("write `event: promote`"));
    }
    let cron_node = decode::get(entries, "cron");
    let cron = cron_node.and_then(|node| decode::text(node, what!("`{}` of {}", "cron", label), findings)).filter(|text| !text.is_empty());
    if let Some(node) = cron_node.filter(|_| event != EventKind::Cron) {
        findings
            .warning(Code::CronWithoutEffect, node.span, message!("`cron` of {} has no effect with the event `{}`", label, event.as_str()))
            .help(message!("write `event: cron`"));
    }
    let inputs = decode::get(entries, "inputs").map(|node| inputs(node, label, findings)).unwrap_or_default();
    let by_version = decode::get(entries, "event").is_none_or(|node| node.is_null());
    Some((Workflow { name, title, description, derived: false, pipeline, event, by_version, target, cron, inputs }, span))
}

/// A path below the root of the repository, so that a file cannot point out of it.
fn path(node: &Node, label: What<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let path = decode::text(node, what!("`{}` of {}", "pipeline", label), findings)?;
    let clean = path.strip_prefix("./").unwrap_or(&path);
    // A folder of workflows may be written as one.
    let clean = clean.strip_suffix('/').unwrap_or(clean);
    if clean.is_empty() || clean.starts_with('/') || clean.contains('\\') || clean.split('/').any(|part| part == ".." || part.is_empty()) {
        findings
            .error(Code::InvalidPath, node.span, message!("`{}` is no path in the repository", path))
            .help(message!("write it from the root of the repository, e.g. `.drone.yml`"));
        return None;
    }
    Some(clean.to_owned())
}

fn event(node: &Node, label: What<'_>, findings: &mut Findings<'_>) -> EventKind {
    let Some(word) = decode::text(node, what!("`{}` of {}", "event", label), findings) else { return EventKind::Push };
    EventKind::parse(&word).unwrap_or_else(|| {
        let words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let found = findings.error(Code::UnknownEvent, node.span, message!("there is no event `{}`", word));
        match closest(&word, &words) {
            Some(meant) => found.help(message!("did you mean `{}`?", meant)),
            None => found.help(message!("the events are {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))),
        }
        EventKind::Push
    })
}

/// A text, or a map from language to text.
fn localised(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Localised {
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
                .warning(Code::UnknownLanguage, entry.key.span, message!("`{}` in {} is no language", tag, what))
                .help(message!("write `zh-CN`, `en`, …"));
        }
        if let Some(text) = decode::text(&entry.value, what!("`{}` in {}", tag, what), findings) {
            texts.insert(tag, &text);
        }
    }
    texts
}

fn inputs(node: &Node, label: What<'_>, findings: &mut Findings<'_>) -> Vec<Input> {
    let Some(items) = decode::list(node, what!("`{}` of {}", "inputs", label), findings) else { return Vec::new() };
    if items.len() > MAX_INPUTS {
        findings.error(Code::TooManyInputs, node.span, message!("{} has more than {} inputs", label, MAX_INPUTS));
        return Vec::new();
    }
    let mut inputs: Vec<Input> = Vec::new();
    for item in items {
        let Some((input, span)) = input(item, label, findings) else { continue };
        if inputs.iter().any(|other| other.name == input.name) {
            findings.error(Code::DuplicateInput, span, message!("another input of {} is called `{}` too", label, input.name));
        }
        inputs.push(input);
    }
    inputs
}

fn input(node: &Node, workflow: What<'_>, findings: &mut Findings<'_>) -> Option<(Input, Span)> {
    let entries = decode::map(node, what!("an input of {}", workflow), findings)?;
    let name_node = decode::get(entries, "name");
    let Some(name) =
        name_node.and_then(|node| decode::text(node, what!("`{}` of an input", "name"), findings)).filter(|name| !name.is_empty())
    else {
        if decode::lacks(entries, "name") {
            findings.error(Code::MissingName, node.span, message!("an input of {} has no `name`", workflow));
        }
        return None;
    };
    let span = name_node.map_or(node.span, |node| node.span);
    let label = what!("input `{}`", name);
    let variable = name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !variable {
        findings
            .error(Code::InvalidName, span, message!("{} must be the name of an environment variable", label))
            .help(message!("letters, digits and `_`, not beginning with a digit; words for people go into `label`"));
    }
    decode::unknown_keys(entries, &INPUT_KEYS, label, findings);
    let mut localised =
        |key: &str| decode::get(entries, key).map(|node| localised(node, what!("`{}` of {}", key, label), findings)).unwrap_or_default();
    let (field_label, help) = (localised("label"), localised("help"));
    let options_node = decode::get(entries, "options");
    let options: Vec<String> = options_node
        .and_then(|node| decode::texts(node, what!("`{}` of {}", "options", label), findings))
        .unwrap_or_default()
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    let kind = kind(decode::get(entries, "type").map(|node| &**node), options_node.is_some(), label, findings);
    if kind == InputType::Choice && options.is_empty() {
        findings.error(Code::MissingOptions, span, message!("{} is a choice without `options`", label));
    }
    if let Some(node) = options_node.filter(|_| kind != InputType::Choice) {
        findings.warning(Code::KeyWithoutEffect, node.span, message!("`options` of {} has no effect, it is no choice", label));
    }
    let required =
        decode::get(entries, "required").and_then(|node| decode::boolean(node, what!("`{}` of {}", "required", label), findings));
    if let Some(node) =
        decode::get(entries, "secret").filter(|node| node.text().is_none_or(|text| lp_yaml::scalar::bool_of(text) != Some(false)))
    {
        findings
            .error(Code::SecretInput, node.span, message!("{} asks for a secret; what is entered in a form is kept in the history", label))
            .help(message!("store it as a secret in the settings and use it in the pipeline file"));
    }
    let pattern_node = decode::get(entries, "pattern");
    let pattern =
        pattern_node.and_then(|node| decode::text(node, what!("`{}` of {}", "pattern", label), findings)).filter(|p| !p.is_empty());
    if let (Some(node), Some(pattern)) = (pattern_node, &pattern)
        && compile_pattern(pattern).is_none()
    {
        findings.error(Code::InvalidPattern, node.span, message!("`pattern` of {} is no regular expression that can be used", label));
    }
    let default_node = decode::get(entries, "default");
    let default = default_node.and_then(|node| default(node, kind, label, findings));
    let input =
        Input { name: name.clone(), label: field_label, help, kind, default, required: required.unwrap_or(false), options, pattern };
    if let (Some(node), Some(value), false) = (default_node, &input.default, findings.has_errors())
        && let Err(error) = check_value(&input, value)
    {
        findings.error(Code::InvalidDefault, node.span, message!("the default of {} is not allowed: {}", label, error.message));
    }
    Some((input, span))
}

fn kind(node: Option<&Node>, options: bool, label: What<'_>, findings: &mut Findings<'_>) -> InputType {
    let fallback = if options { InputType::Choice } else { InputType::Text };
    let Some(node) = node else { return fallback };
    let Some(word) = decode::text(node, what!("`{}` of {}", "type", label), findings) else { return fallback };
    InputType::parse(&word).unwrap_or_else(|| {
        let words = InputType::ALL.map(InputType::as_str);
        let found = findings.error(Code::UnknownType, node.span, message!("{} has the unknown type `{}`", label, word));
        match closest(&word, &words) {
            Some(meant) => found.help(message!("did you mean `{}`?", meant)),
            None => found.help(message!("the types are `text`, `choice`, `boolean` and `number`")),
        }
        fallback
    })
}

/// `yes` as the default of a boolean is `true`; of anything else it is the text.
fn default(node: &Node, kind: InputType, label: What<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let what = what!("`{}` of {}", "default", label);
    match kind {
        InputType::Boolean => decode::boolean(node, what, findings).map(|value| value.to_string()),
        _ => decode::text(node, what, findings),
    }
}

#[cfg(test)]
mod tests;
