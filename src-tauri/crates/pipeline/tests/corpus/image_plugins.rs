//! What image plugins are told, against the answers of their own programs: `image_plugins.json`.

use crate::{Corpus, Report, text, texts};
use lp_model::{BuildImage, BuildValue, EnvValue, Instead, Later};
use lp_pipeline::image_plugins::auto_tag::{Derived, Ground, Rule, derive, expand};
use lp_pipeline::image_plugins::{Told, read};
use serde_json::Value;
use std::collections::BTreeMap;

/// The columns of `auto_tag`.
const RULES: [(&str, Rule); 6] = [
    ("docker08", Rule::Docker17),
    ("docker18", Rule::Docker18),
    ("docker21", Rule::Docker20),
    ("wp_buildx3", Rule::Buildx),
    ("geeklab6", Rule::Geeklab),
    ("banzai_kaniko", Rule::Script),
];

/// The columns of the settings, by the image that stands for each.
const IMAGES: [(&str, &str); 7] = [
    ("docker08", "plugins/docker:17.12"),
    ("docker18", "plugins/docker:18"),
    ("docker20", "plugins/docker:20"),
    ("wp_buildx3", "woodpeckerci/plugin-docker-buildx:3"),
    ("kaniko1", "plugins/kaniko"),
    ("banzai_kaniko", "banzaicloud/drone-kaniko"),
    ("wp_kaniko", "woodpeckerci/plugin-kaniko"),
];

fn document(corpus: &Corpus) -> Value {
    corpus.json("image_plugins.json")
}

/// Every case of `auto_tag` in every column.
pub(crate) fn auto_tag(corpus: &Corpus, report: &mut Report) {
    let document = document(corpus);
    let cases = document["auto_tag"]["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 60);
    for case in cases {
        let (reference, suffix) = (text(case, "ref"), text(case, "suffix"));
        let name = format!("{reference} {} {suffix}", text(case, "default_branch"));
        for (column, answer) in case["expect"].as_object().expect("columns") {
            let tag = reference.strip_prefix("refs/tags/").unwrap_or_default();
            if column == "kaniko1_expand_tag" {
                report.same(&format!("{name} {column}"), "tags", &texts(answer), &expand(tag));
                continue;
            }
            let rule = RULES.iter().find(|(name, _)| name == column).map_or(Rule::Docker20, |(_, rule)| *rule);
            let default_tag = case["default_tag"].as_str().filter(|_| rule == Rule::Buildx).unwrap_or("latest");
            let here = match derive(rule, &Ground { reference, default_branch: text(case, "default_branch"), suffix, default_tag }) {
                Derived::Tags(tags) => Value::from(tags),
                Derived::Nothing => "skip".into(),
                Derived::NoVersion(_) => "error".into(),
            };
            let answer = if answer.get("error").is_some() { Value::from("error") } else { answer.clone() };
            report.same(&format!("{name} {column}"), "tags", &answer, &here);
        }
    }
}

/// The environment of a plugin with these settings, as the dialects make it: lists joined by commas, maps as JSON.
fn environment(document: &Value, case: &Value, kaniko: bool) -> BTreeMap<String, EnvValue> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for facts in [&document["about"]["build facts of the settings cases"], &case["environment"]] {
        for (name, value) in facts.as_object().into_iter().flatten() {
            texts.insert(name.clone(), value.as_str().expect("a text").to_owned());
        }
    }
    if kaniko && case["settings"].get("username").is_none() {
        texts.insert("PLUGIN_USERNAME".into(), "u".into());
        texts.insert("PLUGIN_PASSWORD".into(), "p".into());
    }
    for (name, value) in case["settings"].as_object().expect("settings") {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().all(Value::is_string) => crate::texts(value).join(","),
            other => other.to_string(),
        };
        texts.insert(format!("PLUGIN_{}", name.to_uppercase()), text);
    }
    texts.into_iter().map(|(name, text)| (name, EnvValue::Text(text))).collect()
}

/// Every case of the settings in every column.
pub(crate) fn settings(corpus: &Corpus, report: &mut Report) {
    let document = document(corpus);
    let cases = document["settings_cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 62);
    for case in cases {
        for (column, answer) in case["expect"].as_object().expect("columns") {
            let image = IMAGES.iter().find(|(name, _)| name == column).unwrap_or_else(|| panic!("no image for {column}")).1;
            let environment = environment(&document, case, column == "kaniko1");
            let told = read(image, &environment, 0).expect("a plugin");
            let of_file = told.build.tags_file.as_ref().and_then(|file| Some(file.read(case["files"][&file.path].as_str()?)));
            let name = format!("{} {column}", text(case, "id"));
            let ours = Ours { tags: of_file.unwrap_or_else(|| told.build.tags.clone()), environment: &environment, told: &told };
            match answer.get("executor") {
                _ if answer["ok"] == false => report.same(&name, "fails", &true, &matches!(told.build.instead, Some(Instead::Fails(_)))),
                _ if answer["skipped"] == true => {
                    report.same(&name, "passes", &true, &matches!(told.build.instead, Some(Instead::Passes(_))))
                }
                Some(executor) => of_kaniko(&texts(executor), &ours, &name, report),
                None => of_docker(answer, &ours, &name, report),
            }
        }
    }
}

/// What we make of a case.
struct Ours<'c> {
    tags: Vec<String>,
    environment: &'c BTreeMap<String, EnvValue>,
    told: &'c Told,
}

impl Ours<'_> {
    fn names(&self) -> Vec<String> {
        let name = |(repository, tag): (Option<String>, String)| format!("{}:{tag}", repository.expect("a text"));
        self.told.build.names(&self.tags).into_iter().map(name).collect()
    }

    /// The answer's arguments as our map has them: what has no value takes that of the variable or is none.
    fn arguments(&self, answer: &[String]) -> BTreeMap<String, String> {
        let one = |argument: &String| match argument.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None => match self.environment.get(argument) {
                Some(EnvValue::Text(text)) => Some((argument.clone(), text.clone())),
                _ => None,
            },
        };
        answer.iter().filter_map(one).collect()
    }
}

fn written(values: &BTreeMap<String, BuildValue>) -> BTreeMap<String, String> {
    let text = |value: &BuildValue| match value {
        BuildValue::Text(text) => text.clone(),
        BuildValue::Later(Later::BuildTime {}) => "<time>".to_owned(),
        later => format!("{later:?}"),
    };
    values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A tag that the plugin pushes twice is pushed once here.
fn once(mut names: Vec<String>, report: &mut Report) -> Vec<String> {
    let before = names.len();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    if names.len() < before {
        report.by_rule("a tag twice");
    }
    names
}

fn of_docker(answer: &Value, ours: &Ours<'_>, name: &str, report: &mut Report) {
    let (build, told): (&Value, &BuildImage) = (&answer["build"], &ours.told.build);
    let buildx = build["builder"] == "buildx";
    let named = if buildx { texts(&build["names"]) } else { texts(&answer["tag"]) };
    let named = once(named, report);
    report.same(name, "names", &named, &ours.names());
    let pushes = match buildx {
        true => text(build, "output").contains("push=true") || answer.get("push").is_some(),
        false => answer.get("push").is_some(),
    };
    report.same(name, "push", &pushes, &told.push);
    for (what, here) in [("dockerfile", &told.dockerfile), ("context", &told.context)] {
        report.same(name, what, &text(build, what).to_owned(), here);
    }
    for (what, here) in [("target", &told.target), ("platform", &told.platform)] {
        // Several platforms are for the plugin, which the reason says.
        if !text(build, what).contains(',') {
            report.same(name, what, &build[what].as_str().map(str::to_owned), here);
        }
    }
    for (what, here) in [("pull", told.pull), ("no_cache", told.no_cache), ("squash", told.squash)] {
        report.same(name, what, &(build[what] == true), &here);
    }
    report.same(name, "arguments", &ours.arguments(&texts(&build["build_args"])), &written(&told.build_args));
    report.same(name, "automatic labels", &texts(&build["automatic_labels"]), &automatic(told));
    let own: BTreeMap<String, String> = texts(&build["labels"])
        .iter()
        .map(|label| label.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).expect("a label"))
        .collect();
    let here = written(&told.labels).into_iter().filter(|(name, _)| !automatic(told).contains(name)).collect();
    report.same(name, "labels", &own, &here);
    if ours.told.real_plugin.is_none() {
        let sources: Vec<String> = texts(&build["cache_from"]).iter().flat_map(|one| one.split(',').map(str::to_owned)).collect();
        report.same(name, "cache", &sources, &told.cache_from);
    }
    let login = |login: &Value| (text(login, "registry").to_owned(), text(login, "username").to_owned());
    let logins: Vec<(String, String)> = answer["login"].as_array().into_iter().flatten().map(login).collect();
    let part = |value: &BuildValue| value.as_text().expect("a text").to_owned();
    let here: Vec<_> = told.logins.iter().map(|login| (part(&login.registry), part(&login.username))).collect();
    report.same(name, "logins", &logins, &here);
    assert!(told.holds_no_password(), "{name}");
    // What no engine does is for the plugin.
    let only_plugin = ["secrets", "cache_to"].iter().any(|key| build.get(*key).is_some())
        || text(build, "platform").contains(',')
        || (buildx
            && !["type=image,push=true,rewrite-timestamp=true", "type=image,rewrite-timestamp=true"].contains(&text(build, "output")));
    report.same(name, "for the plugin", &only_plugin, &ours.told.real_plugin.is_some());
}

/// The labels that the plugin makes; that of the version is listed with its value among the others.
fn automatic(build: &BuildImage) -> Vec<String> {
    build.automatic_labels.iter().filter(|name| !name.ends_with(".version")).cloned().collect()
}

fn of_kaniko(executor: &[String], ours: &Ours<'_>, name: &str, report: &mut Report) {
    let told = &ours.told.build;
    let mut given: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut words = executor.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        match option.split_once('=') {
            Some((option, value)) => given.entry(option).or_default().push(value.to_owned()),
            None if option == "build-arg" => given.entry(option).or_default().extend(words.next().cloned()),
            None => _ = given.entry(option).or_default(),
        }
    }
    let all = |option: &str| given.get(option).cloned().unwrap_or_default();
    let first = |option: &str| all(option).into_iter().next();
    let place = |text: String| text.trim_start_matches("dir://").replace("<workdir>", ".");
    report.same(name, "context", &first("context").map(place), &Some(told.context.clone()));
    report.same(name, "dockerfile", &first("dockerfile"), &Some(told.dockerfile.clone()));
    report.same(name, "target", &first("target"), &told.target);
    report.same(name, "platform", &first("custom-platform"), &told.platform);
    report.same(name, "push", &!given.contains_key("no-push"), &told.push);
    // Where nothing is pushed the scripts name nothing.
    let mut named = once(all("destination"), report);
    // Woodpecker's script makes a name that no registry has where no registry is given.
    for name in &mut named {
        if let Some(rest) = name.strip_prefix("https://index.docker.io/v1//") {
            report.by_rule("kaniko without a registry");
            *name = format!("index.docker.io/{rest}");
        }
    }
    report.same(name, "names", &named, &ours.names());
    report.same(name, "arguments", &ours.arguments(&all("build-arg")), &written(&told.build_args));
    let labels = all("label").iter().filter_map(|one| one.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()))).collect();
    report.same(name, "labels", &labels, &written(&told.labels));
    report.same(name, "for the plugin", &given.contains_key("tar-path"), &ours.told.real_plugin.is_some());
}
