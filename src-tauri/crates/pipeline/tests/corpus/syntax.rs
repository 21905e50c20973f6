//! Substitution, parameters of plugins, and the matrix.

use crate::{Corpus, Report, text};
use lp_model::EnvValue;
use lp_pipeline::dialect::{drone08, woodpecker};
use lp_pipeline::matrix::{self, Nothing};
use lp_pipeline::substitute::{Backslashes, Known, substitute};
use lp_pipeline::{Generation, params};
use lp_yaml::{Findings, Schema};
use serde_json::Value;

pub(crate) fn substitution(corpus: &Corpus, report: &mut Report) {
    let value = |name: &str| match name {
        "DRONE_BRANCH" => Some("feature/foo".to_owned()),
        "DRONE_COMMIT_SHA" => Some("7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into()),
        "DRONE_BUILD_NUMBER" => Some("42".into()),
        "DRONE_COMMIT_MESSAGE" => Some("first commit".into()),
        _ => None,
    };
    for case in corpus.cases(report.table()) {
        for (key, backslashes) in [("drone_0.8", Backslashes::Eat), ("drone_1.x_woodpecker", Backslashes::Keep)] {
            let here = substitute(text(&case, "text"), backslashes, &|name| value(name).map(Known::Fact)).ok().map(|done| done.text);
            let answer = case[key]["text"].as_str().map(str::to_owned);
            report.same(&format!("{key} {}", text(&case, "text")), "text", &answer, &here);
        }
    }
}

pub(crate) fn envsubst_eval(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let value = |name: &str| case["params"][name].as_str().map(str::to_owned);
        let here = substitute(text(&case, "input"), Backslashes::Keep, &|name| value(name).map(Known::Fact)).map(|done| done.text).ok();
        report.same(text(&case, "input"), "text", &case["output"].as_str().map(str::to_owned), &here);
    }
}

/// The answers are trees. A tree says what the text must become, so the two are compared for values that make a difference to
/// every operator.
pub(crate) fn envsubst_parse(corpus: &Corpus, report: &mut Report) {
    let values: [&[(&str, &str)]; 4] = [
        &[],
        &[("string", "Position/substring-xx-substring"), ("position", "2"), ("stringy", "substring"), ("stringz", "NEW"), ("var", "v")],
        &[("string", "3/position-and-/position\\-substring"), ("position", "5"), ("stringy", "xx"), ("stringz", "P"), ("var", "")],
        &[("string", "$%:*{substring"), ("position", "x"), ("stringz", "$%:")],
    ];
    for case in corpus.cases(report.table()) {
        for values in values {
            let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let here = substitute(text(&case, "Text"), Backslashes::Keep, &|name| value(name).map(Known::Fact)).map(|done| done.text);
            let answer = evaluate(&case["Node"], &value);
            report.same(text(&case, "Text"), "text", &Ok(answer), &here.map_err(|wrong| wrong[0].message.to_string()));
        }
    }
}

/// What a tree of the original means, by the words of its documentation.
fn evaluate(node: &Value, value: &dyn Fn(&str) -> Option<String>) -> String {
    if let Some(text) = node["Value"].as_str() {
        return text.to_owned();
    }
    if let Some(nodes) = node["Nodes"].as_array() {
        return nodes.iter().map(|node| evaluate(node, value)).collect();
    }
    let subject = value(text(node, "Param")).unwrap_or_default();
    let all: Vec<String> = node["Args"].as_array().into_iter().flatten().map(|node| evaluate(node, value)).collect();
    let (first, second) = (all.first().cloned().unwrap_or_default(), all.get(1).cloned().unwrap_or_default());
    let numbers: Option<Vec<usize>> = all.iter().map(|text| text.parse().ok()).collect();
    match text(node, "Name") {
        "" => subject,
        "#" if all.is_empty() => subject.len().to_string(),
        "," => subject.chars().take(1).flat_map(char::to_lowercase).chain(subject.chars().skip(1)).collect(),
        "^" => subject.chars().take(1).flat_map(char::to_uppercase).chain(subject.chars().skip(1)).collect(),
        ",," => subject.to_lowercase(),
        "^^" => subject.to_uppercase(),
        ":" => match numbers.as_deref() {
            Some([from]) => subject.chars().skip(*from).collect(),
            Some([from, count]) => subject.chars().skip(*from).take(*count).collect(),
            _ => subject,
        },
        "#" | "##" => subject.strip_prefix(&first).map_or(subject.clone(), str::to_owned),
        "%" | "%%" => subject.strip_suffix(&first).map_or(subject.clone(), str::to_owned),
        _ if text(node, "Name").starts_with('/') && first.is_empty() => subject,
        "/" => subject.replacen(&first, &second, 1),
        "//" => subject.replace(&first, &second),
        "/#" => subject.strip_prefix(&first).map_or(subject.clone(), |rest| format!("{second}{rest}")),
        "/%" => subject.strip_suffix(&first).map_or(subject.clone(), |rest| format!("{rest}{second}")),
        "=" | ":=" | ":-" | ":?" | ":+" => {
            if subject.is_empty() {
                all.concat()
            } else {
                subject
            }
        }
        other => panic!("unknown operator {other}"),
    }
}

pub(crate) fn parameters(corpus: &Corpus, report: &mut Report) {
    type Read = fn(&lp_yaml::Node) -> Option<EnvValue>;
    let dialects: [(&str, Read); 3] = [
        ("drone_0.8", |node| drone08::params::value(node).map(EnvValue::Text)),
        ("drone_1.x", |node| params::value(node, Schema::Drone1).map(EnvValue::Text)),
        ("woodpecker_0.15", |node| woodpecker::params::value(node, Generation::Early)),
    ];
    for case in corpus.cases(report.table()) {
        let yaml = text(&case, "yaml_value");
        let documents = lp_yaml::parse("t", format!("    k: {yaml}\n").as_bytes()).ok();
        for (key, read) in dialects {
            let here = documents.as_ref().map(|documents| documents[0].root.get("k").and_then(|node| read(node)));
            let answer = &case[key];
            let answer = answer["error"].is_null().then(|| answer["PLUGIN_K"].as_str().map(|text| EnvValue::Text(text.to_owned())));
            report.same(&format!("{key} {yaml}"), "value", &answer, &here);
        }
    }
}

pub(crate) fn matrices(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let root = lp_yaml::parse("t", text(&case, "yaml").as_bytes()).expect("YAML").remove(0).root;
        for (key, nothing) in [("drone_0.8", Nothing::EmptyText), ("woodpecker_0.15", Nothing::NoValue)] {
            let mut findings = Findings::new("t");
            let cells = matrix::cells(&root, nothing, &mut findings);
            let here = (!findings.has_errors()).then(|| axes(&cells));
            let (case, answer) = (format!("{key} {}", text(&case, "name")), &case[key]);
            let count = here.as_ref().map(|cells| cells.len() as u64);
            report.same(&case, "count", &answer["count"].as_u64(), &count);
            if let (Some(axes), Some(here)) = (answer["axes"].as_array(), &here) {
                // The first ones of many; in which order they come was a matter of chance.
                let missing: Vec<&Value> = axes.iter().filter(|axis| !here.contains(axis)).collect();
                report.same(&case, "axes that are missing", &Vec::new(), &missing);
            }
        }
    }
}

/// Without a matrix there is one combination of nothing, which the answers do not count.
pub(crate) fn axes(cells: &[matrix::Cell]) -> Vec<Value> {
    let object =
        |cell: &matrix::Cell| Value::Object(cell.iter().map(|(axis, value)| (axis.clone(), Value::from(value.as_str()))).collect());
    cells.iter().filter(|cell| !cell.is_empty()).map(object).collect()
}
