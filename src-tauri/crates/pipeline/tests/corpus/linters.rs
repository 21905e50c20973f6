//! What the linters of Woodpecker refuse and remark, and the fixtures of its schema.

use crate::events::untrusted;
use crate::{Corpus, Report, compile, lint, text};
use lp_model::Severity;

const PATH: &str = ".woodpecker.yml";

/// Of a project that is not trusted: whether the file runs, and what a person gets to see.
fn judge(yaml: &str) -> (bool, Vec<(String, String)>) {
    let (runs, found) = match compile(PATH, yaml.as_bytes(), &untrusted("push_master")) {
        Ok((_, found)) => (true, found),
        Err(found) => (false, found),
    };
    (runs, found.into_iter().map(|finding| (finding.code.clone(), finding.to_string())).collect())
}

/// Our code for a message of theirs, and a word that must stand in ours.
fn expected(message: &str) -> (&'static str, String) {
    let quoted = |at: usize| message.split('`').nth(at).unwrap_or_default().to_owned();
    let privileges = ["Insufficient privileges to use ", "Insufficient privileges to override ", "Insufficient trust level to use "];
    if let Some(rest) = privileges.iter().find_map(|start| message.strip_prefix(start)) {
        let key = rest.trim_start_matches("custom ").trim_end_matches(" mode").replace('`', "");
        let key = key.trim_end_matches(" mode");
        return ("not-trusted", format!("`{key}`"));
    }
    match message {
        "Invalid or missing pipeline section" | "Invalid or missing `steps` section" => ("no-pipeline", String::new()),
        "Invalid or missing image" => ("missing-image", "`image`".into()),
        "Cannot override container entrypoint" => ("command-not-allowed", "`entrypoint`".into()),
        "Cannot override container command" => ("command-not-allowed", "`command`".into()),
        "Cannot configure both `commands` and `settings`" | "Cannot configure both `entrypoint` and `settings`" => {
            ("settings-and-program", format!("`{}`", quoted(1)))
        }
        "Should not configure both `environment` and `settings`" => ("settings-and-environment", "`environment`".into()),
        "One or more of the specified dependencies do not exist" => ("unknown-step", "`binary`".into()),
        "Additional property pipeline is not allowed" => ("deprecated-key", "`pipeline`".into()),
        "Specified clone image does not match allow list, netrc is not injected" => ("clone-built-in", "`clone`".into()),
        _ if message.starts_with("The formerly privileged plugin") => ("not-privileged-any-more", String::new()),
        _ if message.starts_with("Usage of ") => ("deprecated-variable", format!("`{}`", quoted(3))),
        _ if message.starts_with("Consider adding a `when`") || message.starts_with("Set an event filter") => ("no-event", String::new()),
        _ => panic!("unknown message: {message}"),
    }
}

/// Theirs are errors and warnings in one list: which is which, their documentation says.
fn is_warning(message: &str) -> bool {
    ["Should not", "The formerly privileged", "Specified clone image", "Usage of", "Consider", "Set an event"]
        .iter()
        .any(|start| message.starts_with(start))
}

pub(crate) fn errors(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let (yaml, want) = (closed(text(&case, "from")), text(&case, "want"));
        let (runs, found) = judge(&yaml);
        report.same(want, "runs", &is_warning(want), &runs);
        let (code, word) = expected(want);
        let told = found.iter().any(|(here, line)| here == code && line.contains(&word));
        report.same(want, &format!("found {found:?}"), &true, &told);
    }
}

pub(crate) fn remarks(corpus: &Corpus, report: &mut Report) {
    let code = if report.table().ends_with("Deprecations") { "deprecated-variable" } else { "no-event" };
    for case in corpus.cases(report.table()) {
        let want = text(&case, "want");
        let (runs, found) = judge(text(&case, "from"));
        report.same(text(&case, "from"), "runs", &true, &runs);
        let word = if want.is_empty() { String::new() } else { expected(want).1 };
        let told = found.iter().any(|(here, line)| here == code && line.contains(&word));
        report.same(text(&case, "from"), want, &!want.is_empty(), &told);
    }
}

pub(crate) fn clean(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let found = lint(PATH, closed(text(&case, "Data")).as_bytes());
        let bad: Vec<String> = found.iter().filter(|finding| finding.severity != Severity::Note).map(ToString::to_string).collect();
        report.same(text(&case, "Title"), "errors and warnings", &Vec::new(), &bad);
    }
}

/// Some cases have a bracket too many, which the original's parser lets pass.
fn closed(yaml: &str) -> String {
    let (open, close) = (yaml.matches('{').count(), yaml.matches('}').count());
    let mut yaml = yaml.to_owned();
    for _ in open..close {
        let at = yaml.rfind('}').expect("there is one");
        yaml.remove(at);
    }
    yaml
}

pub(crate) const FIXTURES_015: [&str; 15] = [
    "schema",
    "test-branches",
    "test-branches-array",
    "test-branches-exclude-include",
    "test-broken",
    "test-clone",
    "test-clone-skip",
    "test-matrix",
    "test-multi",
    "test-plugin",
    "test-run-on",
    "test-service",
    "test-step",
    "test-when",
    "test-workspace",
];
pub(crate) const FIXTURES_3: [&str; 25] = [
    "schema",
    "test-array-syntax",
    "test-backend-options",
    "test-broken",
    "test-broken-plugin",
    "test-broken-plugin2",
    "test-clone",
    "test-clone-skip",
    "test-concurrency",
    "test-concurrency-invalid",
    "test-concurrency-shorthand",
    "test-custom-backend",
    "test-dag",
    "test-kubernetes-backend-tolerations",
    "test-labels",
    "test-matrix",
    "test-merge-map-and-sequence",
    "test-multi",
    "test-pipeline-when",
    "test-plugin",
    "test-run-on",
    "test-service",
    "test-step",
    "test-when",
    "test-workspace",
];

/// The table says which fixtures of 3 are refused; those that it does not name are judged by their names, like those of 0.15. What a
/// schema refuses is at least worth a warning here.
pub(crate) fn schema(corpus: &Corpus, report: &mut Report) {
    let cases = corpus.cases(report.table());
    for case in &cases {
        let name = text(case, "testFile").trim_start_matches(".woodpecker/").trim_end_matches(".yaml");
        report.same(name, "is among the fixtures", &true, &FIXTURES_3.contains(&name));
    }
    let answer = |name: &str| {
        let case = cases.iter().find(|case| text(case, "testFile").ends_with(&format!("/{name}.yaml")));
        case.map_or_else(|| name.contains("broken"), |case| case["fail"] == true)
    };
    let fixtures_3 = FIXTURES_3.iter().map(|name| (*name, format!("v3.17/{name}.yaml"), answer(name)));
    let fixtures_015 = FIXTURES_015.iter().map(|name| (*name, format!("v0.15/{name}.yml"), name.contains("broken")));
    for (name, path, refused) in fixtures_3.chain(fixtures_015) {
        if name != "schema" {
            let found = lint(PATH, &corpus.bytes(&format!("schema_woodpecker/{path}")));
            let at_least = if refused { Severity::Warning } else { Severity::Error };
            let worst = found.iter().any(|finding| finding.severity == Severity::Error || finding.severity == at_least);
            report.same(&path, &format!("refused, found {:?}", found.iter().map(|f| &f.code).collect::<Vec<_>>()), &refused, &worst);
        }
    }
}
