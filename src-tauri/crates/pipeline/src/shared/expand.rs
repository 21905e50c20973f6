//! One document with its variables replaced, read as YAML; and what there is to say when a value gets in the way.
//!
//! Facts of the commit (a message, a tag, a branch) become text of the file, as in the originals, so a quote in a message may make the
//! file unreadable or say something else. Which variable did it is found out by trying: with its value sealed, the text can be read.

use crate::shared::entered;
use crate::shared::environment::{Environment, early_text};
use crate::shared::substitute::{Backslashes, Known, Replaced, Substituted, substitute};
use crate::source::{Part, Source};
use lp_model::{Code, Diagnostic, EventFacts, Message, Span, message, what};
use lp_yaml::{Findings, Node, Piece, SourceMap, Tree, Value, closest};
use std::ops::Range;
use std::sync::Arc;

/// Most variables that are tried when a document cannot be read.
const MAX_TRIED: usize = 20;
/// Most of a value or line that a message shows, in characters.
const MAX_SHOWN: usize = 80;

/// What differs between the languages in which variables stand.
pub(crate) struct Flavour {
    /// What becomes of backslashes.
    pub backslashes: Backslashes,
    /// The parameter of a plugin that a path of keys leads to; an item of a list is an empty key.
    pub parameter: fn(&[&str]) -> Option<String>,
    /// How to write a secret (second) for a parameter (first).
    pub for_secret: fn(&str, &str) -> Message,
    /// How to hand a secret (second) to a step that uses it as a variable (first).
    pub secret_variable: fn(&str, &str) -> Message,
}

/// Substitutes the variables in one document and reads the result as YAML.
pub(crate) fn expand(
    source: &Source<'_>,
    part: &Part,
    flavour: &Flavour,
    variables: &Environment,
    facts: &EventFacts,
    findings: &mut Findings<'_>,
) -> Option<Arc<Node>> {
    let backslashes = flavour.backslashes;
    let text = source.text(part);
    let nothing_to_do = !text.contains('$') && (backslashes == Backslashes::Keep || !text.contains('\\'));
    if nothing_to_do {
        findings.extend(part.warnings.clone());
        return part.raw.as_ref().map_err(|more| findings.extend(more.clone())).ok().cloned();
    }
    let any_event = findings.is_for_any_event();
    let value = |name: &str| -> Option<Known> {
        let known = variables.get(name).map(|value| early_text(value, facts));
        match (known, facts.inputs.get(name)) {
            (known, Some(input)) if any_event && known.as_ref().is_none_or(|text| text == input) && is_open(name, input) => {
                Some(Known::Later)
            }
            (Some(text), Some(input)) if text == *input => Some(Known::Entered(text)),
            (Some(text), _) => Some(Known::Fact(text)),
            (None, Some(input)) => Some(Known::Entered(input.clone())),
            (None, None) => any_event.then_some(Known::Later),
        }
    };
    let reading = Reading { source, part, text, flavour, value: &value, secrets: &facts.known_secrets };
    match substitute(text, backslashes, &value) {
        Err(wrong) => {
            for bad in wrong {
                findings
                    .error(Code::BadSubstitution, reading.span(&bad.range), message!("this `${{…}}` cannot be replaced: {}", bad.message))
                    .help(message!("write `$${{…}}` to leave the expression to the shell (comments count too)"));
            }
            None
        }
        Ok(done) => {
            for later in done.replaced.iter().filter(|replaced| replaced.later) {
                findings.leave_open(reading.span(&later.source));
            }
            let known: Vec<&str> = variables.keys().chain(facts.inputs.keys()).map(String::as_str).collect();
            for (name, range) in done.unknown.iter().filter(|(name, _)| !facts.inputs.contains_key(name)) {
                reading.tell_unknown(name, range, &known, findings);
            }
            // `$NAME` belongs to the shell: most documents with a `$` in them come out as they went in.
            if let (true, Ok(raw)) = (done.text == text, &part.raw) {
                findings.extend(part.warnings.clone());
                return Some(Arc::clone(raw));
            }
            match reading.parse(&done) {
                Ok(Tree { root, warnings }) => {
                    findings.extend(warnings);
                    reading.tell_changed(&root, &done, findings);
                    let sealed = done.replaced.iter().any(|replaced| replaced.sealed);
                    Some(if sealed { entered::open(&root) } else { root })
                }
                Err(more) => {
                    match reading.blame(&done, &more) {
                        Some((span, message, help)) => findings.error(Code::ValueBreaksFile, span, message).help(help),
                        None => findings.extend(more),
                    }
                    None
                }
            }
        }
    }
}

/// The value of a field of the form that has none at first, while there is no event: its expression.
pub(crate) fn open_value(name: &str) -> String {
    format!("${{{name}}}")
}

fn is_open(name: &str, value: &str) -> bool {
    value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) == Some(name)
}

/// A document and the values for it.
struct Reading<'r> {
    source: &'r Source<'r>,
    part: &'r Part,
    text: &'r str,
    flavour: &'r Flavour,
    value: &'r dyn Fn(&str) -> Option<Known>,
    /// Names of secrets that are set.
    secrets: &'r [String],
}

impl Reading<'_> {
    /// Where a range of the document stands in the file.
    fn span(&self, range: &Range<usize>) -> Span {
        let start = self.part.range.start;
        self.source.index.span(start + range.start..start + range.end)
    }

    fn parse(&self, done: &Substituted) -> Result<Tree, Vec<Diagnostic>> {
        let start = self.part.range.start;
        let pieces =
            done.pieces.iter().map(|piece| Piece { source: start + piece.source.start..start + piece.source.end, ..piece.clone() });
        self.source.parse(&done.text, &SourceMap::pieces(&self.source.index, pieces.collect()))
    }

    /// The document with the values of some facts sealed; what has no value is sealed as a text of its name.
    fn sealing(&self, seal: &dyn Fn(&str) -> bool) -> Option<Substituted> {
        let value = |name: &str| match (self.value)(name) {
            Some(Known::Fact(text)) if seal(name) => Some(Known::Entered(text)),
            None if seal(name) => Some(Known::Entered(name.to_owned())),
            known => known,
        };
        substitute(self.text, self.flavour.backslashes, &value).ok()
    }

    /// The names of what was put in as text.
    fn textual<'d>(&self, done: &'d Substituted) -> Vec<&'d str> {
        let mut names: Vec<&str> = Vec::new();
        for replaced in done.replaced.iter().filter(|replaced| !replaced.sealed) {
            if names.len() < MAX_TRIED && !names.contains(&replaced.name.as_str()) {
                names.push(&replaced.name);
            }
        }
        names
    }

    /// The finding about a document that can be read but for one value in it; `None` when it is the file's own fault.
    fn blame(&self, done: &Substituted, errors: &[Diagnostic]) -> Option<(Span, Message, Message)> {
        let first = errors.first()?;
        let fixes = |name: &&str| self.sealing(&|other| other == *name).is_some_and(|sealed| self.parse(&sealed).is_ok());
        let names = self.textual(done);
        let all = || self.sealing(&|_| true).is_some_and(|sealed| self.parse(&sealed).is_ok());
        let name = names.iter().find(|name| fixes(name)).or_else(|| names.first().filter(|_| all()))?;
        let of_name = |replaced: &&Replaced| replaced.name == *name;
        let on_line = |replaced: &&Replaced| first.span.is_some_and(|span| span.line == self.span(&replaced.source).line);
        let replaced = done.replaced.iter().find(|it| of_name(it) && on_line(it)).or_else(|| done.replaced.iter().find(of_name))?;
        let line_start = done.text[..replaced.at.start].rfind('\n').map_or(0, |at| at + 1);
        let line = done.text[line_start..].lines().next().unwrap_or_default().trim();
        let line = shown(&entered::opened(line));
        let expression = &self.text[replaced.source.clone()];
        let (message, help) = match (self.value)(name) {
            None => (
                message!("`{}` has no value in this run, and without one the file cannot be read: {}", expression, first.message.clone()),
                message!(
                    "the line reads `{}` then; give the value as an input (`--input {}=…`), or write a default: `${{{}:-…}}`",
                    line,
                    name,
                    name
                ),
            ),
            Some(_) => (
                message!(
                    "`{}` is `{}` in this run, and with it the file cannot be read: {}",
                    expression,
                    shown(&done.text[replaced.at.clone()]),
                    first.message.clone()
                ),
                message!(
                    "the line reads `{}` then; write the text as a block (`|-` and the text in the next line), which takes any value, or `$${{{}}}` where a shell reads it",
                    line,
                    name
                ),
            ),
        };
        Some((self.span(&replaced.source), message, help))
    }

    /// Warns when YAML makes something else of a value: `fix # 12` ends at the blank before the `#`.
    fn tell_changed(&self, root: &Arc<Node>, done: &Substituted, findings: &mut Findings<'_>) {
        for name in self.textual(done) {
            let Some(Known::Fact(value)) = (self.value)(name) else { continue };
            let suspicious = value.starts_with(['#', '{', '[', '*', '&', '!', '|', '>', '@', '`', '%', '"', '\''])
                || value.contains(" #")
                || value.contains(": ")
                || value.contains('\\')
                || value.ends_with(':');
            if !suspicious || value.contains('\n') {
                continue;
            }
            let Some(sealed) = self.sealing(&|other| other == name) else { continue };
            let Ok(exact) = self.parse(&sealed) else { continue };
            let Some(read) = difference(root, &exact.root) else { continue };
            let Some(replaced) = done.replaced.iter().find(|replaced| replaced.name == name) else { continue };
            let found = match read.text() {
                Some(text) => what!("`{}`", shown(text)).message(),
                None => read.kind().message(),
            };
            findings
                .warning(
                    Code::ValueReadDifferently,
                    self.span(&replaced.source),
                    message!("`${{{}}}` is `{}` in this run, and YAML makes {} of the text around it", name, shown(&value), found),
                )
                .help(message!("put the value into quotes, or write the text as a block (`|-` and the text in the next line)"));
        }
    }

    fn tell_unknown(&self, name: &str, range: &Range<usize>, known: &[&str], findings: &mut Findings<'_>) {
        let span = self.span(range);
        let meant = closest(name, known);
        let secret = self.secrets.iter().find(|secret| secret.eq_ignore_ascii_case(name));
        let is_set = |help: Message| match secret {
            Some(secret) => message!("the secret `{}` is set, and a step gets it only where the file says so: {}", secret, help),
            None => help,
        };
        if let (true, Some(parameter)) = (meant.is_none() || secret.is_some(), self.parameter(span)) {
            let message = message!(
                "`${{{}}}` is not known before the run, so the parameter `{}` of the plugin does not get its value",
                name,
                parameter
            );
            let by_secret = is_set((self.flavour.for_secret)(&parameter, secret.map_or(name, String::as_str)));
            let entered = message!("a value that is asked for at the start is an input of `.letterpress.yml`");
            let help = if secret.is_some() { by_secret } else { message!("{}; {}", by_secret, entered) };
            findings.warning(Code::UnknownParameter, span, message).help(help);
            return;
        }
        // Without an event nobody knows which inputs there will be, so only a slip of a known name is worth a word.
        if findings.is_for_any_event() && meant.is_none() {
            return;
        }
        let message = message!("`${{{}}}` is not known before the run, so it becomes an empty text", name);
        let found = findings.warning(Code::UnknownVariable, span, message);
        match meant {
            _ if secret.is_some() => found.help(is_set((self.flavour.secret_variable)(name, secret.map_or(name, String::as_str)))),
            Some(meant) => found.help(message!("did you mean `{}`? for a variable of the shell write `$${{{}}}`", meant, name)),
            None => found.help(message!(
                "for a variable of the shell, a secret or a value of `environment` write `$${{{}}}` or `${}`",
                name,
                name
            )),
        }
    }

    /// The parameter of a plugin that a place of the file belongs to.
    fn parameter(&self, span: Span) -> Option<String> {
        let path = path_to(self.part.raw.as_ref().ok()?, span)?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        (self.flavour.parameter)(&path)
    }
}

/// The keys that lead to a place; an item of a list is an empty one.
fn path_to(root: &Node, span: Span) -> Option<Vec<String>> {
    let inside = |node: &Node| node.span.start_byte <= span.start_byte && span.end_byte <= node.span.end_byte;
    let mut path = Vec::new();
    let mut node = root;
    loop {
        match &node.value {
            Value::Scalar { .. } => return Some(path),
            Value::Seq(items) => {
                path.push(String::new());
                node = items.iter().find(|item| inside(item))?;
            }
            Value::Map(entries) => {
                let entry = entries.iter().find(|entry| inside(&entry.value))?;
                path.push(entry.key.text.clone());
                node = &entry.value;
            }
        }
    }
}

/// What the first tree has at the first place where the trees say different things.
fn difference<'n>(read: &'n Node, exact: &Node) -> Option<&'n Node> {
    match (&read.value, &exact.value) {
        (Value::Scalar { text, .. }, Value::Scalar { text: wanted, .. }) => (*text != entered::opened(wanted)).then_some(read),
        (Value::Seq(items), Value::Seq(wanted)) if items.len() == wanted.len() => {
            items.iter().zip(wanted).find_map(|(item, wanted)| difference(item, wanted))
        }
        (Value::Map(entries), Value::Map(wanted)) if entries.len() == wanted.len() => {
            entries.iter().zip(wanted).find_map(|(entry, wanted)| {
                if entry.key.text == entered::opened(&wanted.key.text) { difference(&entry.value, &wanted.value) } else { Some(read) }
            })
        }
        _ => Some(read),
    }
}

fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut = line.chars().count() > MAX_SHOWN || line.len() < text.trim_end().len();
    if cut { format!("{}…", line.chars().take(MAX_SHOWN).collect::<String>()) } else { line.to_owned() }
}

#[cfg(test)]
mod tests;
