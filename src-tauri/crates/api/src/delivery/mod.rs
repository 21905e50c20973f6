//! `letterpress hook explain`: what a delivery of a webhook means, and which pipelines of a project would start. Nothing is started, and
//! nothing is kept.

pub(crate) mod dto;

use crate::dto::{ApiError, ErrorCode, ExplainedDelivery, ExplainedWorkflow, Finding, LeftOut, SeenEvent};
use crate::pipeline::linting::FileLanguage;
use crate::pipeline::{event, files};
use lp_forge::{Delivery, Event, Facts, Forge, ForgeError, LARGEST_BODY, Payload, Seen, Verification, seen, verify};
use lp_git::Repository;
use lp_model::{Dialect, EventKind, Message, Plan, message};
use lp_pipeline::{Pipeline, PipelineFile};
use lp_secret::SecretValue;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Largest file with a delivery, in bytes: JSON writes some characters of a body with six bytes.
pub const LARGEST_DELIVERY_FILE: usize = 2 * LARGEST_BODY;

/// A delivery that somebody asks about.
#[derive(Debug, Default)]
pub struct AskedDelivery {
    /// A JSON document: `headers` (a map, or a list of names and values in the order sent) and `body_raw` (the text of the body).
    pub document: Vec<u8>,
    /// The word of the forge; told by the headers when empty.
    pub forge: String,
    /// The secret of the webhook; empty when there is none.
    pub secret: String,
    /// The word of the dialect; that of the project's pipeline when empty.
    pub dialect: String,
    /// The folder of the project; the current one if it has a pipeline, when not given.
    pub project: Option<PathBuf>,
}

/// Says what a delivery means.
///
/// # Errors
/// `BadRequest` for a document that is no delivery, and for words that are no forge or dialect; `PipelineMissing` for a project without a
/// pipeline.
pub fn explain_delivery(asked: &AskedDelivery) -> Result<ExplainedDelivery, ApiError> {
    let (headers, body) = read_document(&asked.document)?;
    let delivery = Delivery::new(&headers, body.as_bytes()).map_err(no_delivery)?;
    let forge = match asked.forge.as_str() {
        "" => delivery.forge().map_err(no_delivery)?,
        word => Forge::parse(word).ok_or_else(|| no_word(message!("`{}` is no forge", word), &Forge::ALL.map(Forge::word)))?,
    };
    let secret = SecretValue::new(asked.secret.as_str());
    let verification = verify(&delivery, forge, Some(&secret)).map_err(no_delivery)?;
    let payload = Payload::read(&delivery, forge).map_err(no_delivery)?;
    let (sources, is_named) = match &asked.project {
        Some(folder) => (Some((folder.clone(), files::pipeline(folder)?)), true),
        None => (files::pipeline(Path::new(".")).ok().map(|files| (PathBuf::from("."), files)), false),
    };
    let (folder, sources) = sources.unwrap_or_default();
    let all: Vec<PipelineFile<'_>> = sources.iter().map(|file| PipelineFile { path: &file.path, bytes: &file.bytes }).collect();
    let pipeline = Pipeline::read(&all);
    let detected = pipeline.as_ref().ok().map(|pipeline| pipeline.detected().dialect);
    let dialect = match asked.dialect.as_str() {
        "" => detected.unwrap_or(Dialect::Drone1),
        word => dialect_of(word)?,
    };
    let seen = seen(dialect, &payload);
    let mut explained = ExplainedDelivery {
        version: 1,
        forge: forge.word(),
        event: payload.event.clone(),
        delivery: delivery.id(forge).map_err(no_delivery)?.map(str::to_owned),
        verified: verification.is_verified(),
        not_verified: verification.why_not().cloned(),
        dialect: FileLanguage::Pipeline(dialect).word(),
        ignored: seen.ignored.clone(),
        skip: seen.skip,
        facts: Facts::of(&payload).json(),
        seen: None,
        nothing_starts: nothing_starts(&seen),
        workflows: Vec::new(),
        notes: Vec::new(),
        findings: Vec::new(),
    };
    if let Verification::Verified { signed_s: Some(_) } = verification {
        explained.notes.push(message!("its signature covers the time; a receiver refuses one that is more than 5 minutes off"));
    }
    if all.is_empty() {
        if !is_named {
            explained.notes.push(message!("there is no pipeline here; `--project` names the folder of the project"));
        }
    } else {
        match pipeline {
            Ok(pipeline) => explained.add_workflows(&pipeline, (all.as_slice(), sources.as_slice()), &seen, &folder),
            Err(diagnostics) => explained.add_findings(&diagnostics, &sources),
        }
        if detected.is_some_and(|detected| detected != dialect) {
            explained.notes.push(message!("the pipeline is written in another dialect than the one that is asked for"));
        }
    }
    explained.seen = seen.event.map(|Event { word, facts, sender, .. }| SeenEvent { word, sender, facts });
    Ok(explained)
}

impl ExplainedDelivery {
    fn add_findings(&mut self, diagnostics: &[lp_model::Diagnostic], sources: &[files::DiskFile]) {
        let finding = |diagnostic: &lp_model::Diagnostic| {
            let file = sources.iter().find(|file| file.path == diagnostic.file);
            let text = file.map(|file| String::from_utf8_lossy(&file.bytes)).unwrap_or_default();
            Finding::new(diagnostic, &text)
        };
        self.findings = diagnostics.iter().map(finding).collect();
        self.nothing_starts.get_or_insert_with(|| message!("the pipeline has errors"));
    }

    fn add_workflows(
        &mut self,
        pipeline: &Pipeline<'_>,
        (all, sources): (&[PipelineFile<'_>], &[files::DiskFile]),
        seen: &Seen,
        folder: &Path,
    ) {
        let outline = lp_pipeline::outline(all, &files::inputs_around(folder));
        let asks_for_files = outline.as_ref().is_ok_and(|outline| outline.asks_for_files);
        let event = seen.event.as_ref().filter(|_| self.nothing_starts.is_none());
        let Some(event) = event else {
            let stages = outline.map(|outline| outline.stages).unwrap_or_default();
            let reason = &self.nothing_starts;
            let stands = |name| ExplainedWorkflow { name, starts: false, reason: reason.clone(), left_out: Vec::new() };
            self.workflows = stages.into_iter().map(|stage| stands(stage.name)).collect();
            return;
        };
        let mut facts = event.facts.clone();
        facts.run_number = 1;
        // What a project may do is asked elsewhere.
        facts.repo.trusted = true;
        if facts.commit.sha.is_empty() {
            self.notes.push(message!("the delivery does not tell the commit; `{}` leads to it", facts.commit.reference));
            facts.commit.sha = "0".repeat(40);
        }
        let dialect = pipeline.detected().dialect;
        let of_commits = matches!(facts.kind, EventKind::Push | EventKind::PullRequest);
        if asks_for_files && of_commits && facts.changed_files.is_none() {
            let git = Repository::open(folder).map_err(ApiError::from);
            let added = git.and_then(|git| event::add_changed_files(&git, dialect, &mut facts));
            if added.is_err() || facts.changed_files.is_none() {
                self.notes.push(message!("which files changed is not known here, so conditions on paths are taken to hold"));
            }
        }
        match pipeline.compile(&facts) {
            Ok((plan, _)) => self.workflows = workflows(&plan),
            Err(diagnostics) => self.add_findings(&diagnostics, sources),
        }
    }
}

/// What starts and what does not, of what a plan has and leaves out.
fn workflows(plan: &Plan) -> Vec<ExplainedWorkflow> {
    let mut found: Vec<ExplainedWorkflow> = Vec::new();
    for stage in &plan.stages {
        // A matrix has the same name many times.
        if !found.iter().any(|one| one.name == stage.name) {
            found.push(ExplainedWorkflow { name: stage.name.clone(), starts: true, reason: None, left_out: Vec::new() });
        }
    }
    for left_out in &plan.left_out {
        let name = if left_out.stage.is_empty() { &plan.file } else { &left_out.stage };
        let at = found.iter().position(|one| one.name == *name).unwrap_or_else(|| {
            found.push(ExplainedWorkflow { name: name.clone(), starts: false, reason: None, left_out: Vec::new() });
            found.len() - 1
        });
        let reason = left_out.reason.clone();
        if left_out.step.is_empty() {
            if !found[at].starts {
                found[at].reason.get_or_insert(reason);
            }
        } else {
            let step = LeftOut { name: left_out.step.clone(), reason };
            if !found[at].left_out.contains(&step) {
                found[at].left_out.push(step);
            }
        }
    }
    for one in found.iter_mut().filter(|one| !one.starts && one.reason.is_none()) {
        one.reason = Some(message!("none of its steps runs"));
    }
    found
}

fn nothing_starts(seen: &Seen) -> Option<Message> {
    if let Some(ignored) = &seen.ignored {
        return Some(ignored.clone());
    }
    if seen.skip {
        return Some(message!("its message asks that nothing is run"));
    }
    seen.event.as_ref().and_then(|event| event.obstacle.clone())
}

fn dialect_of(word: &str) -> Result<Dialect, ApiError> {
    let dialects = [Dialect::Drone08, Dialect::Drone1, Dialect::Woodpecker];
    let words = dialects.map(|dialect| FileLanguage::Pipeline(dialect).word());
    let at = words.iter().position(|known| *known == word);
    at.map(|at| dialects[at]).ok_or_else(|| no_word(message!("`{}` is no dialect", word), &words))
}

fn no_word(message: Message, words: &[&str]) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message).hint(message!("there are: {}", words.join(", ")))
}

fn no_delivery(error: ForgeError) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, error.told()).hint(error.hint())
}

type Document = (Vec<(String, String)>, String);

fn read_document(bytes: &[u8]) -> Result<Document, ApiError> {
    let bad = |message: Message| {
        ApiError::new(ErrorCode::BadRequest, message).hint(message!(
            "a delivery is a JSON document with `headers`, a list of names and values, and `body_raw`, the text of the body"
        ))
    };
    if bytes.len() > LARGEST_DELIVERY_FILE {
        return Err(bad(message!("the document has more than {} bytes", LARGEST_DELIVERY_FILE)));
    }
    let mut document: Value = serde_json::from_slice(bytes)
        .map_err(|error| bad(message!("the document is no JSON (line {}, column {})", error.line(), error.column())))?;
    let headers: Option<Vec<(String, String)>> = match document.get_mut("headers").map(Value::take) {
        Some(Value::Object(map)) => {
            map.into_iter().map(|(name, value)| if let Value::String(value) = value { Some((name, value)) } else { None }).collect()
        }
        Some(list) => serde_json::from_value(list).ok(),
        None => None,
    };
    let headers = headers.ok_or_else(|| bad(message!("the document has no `headers`")))?;
    let mut text = |key: &str| match document.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    // Without the very bytes nothing can be verified.
    let body = text("body_raw").or_else(|| text("body")).ok_or_else(|| bad(message!("the document has no `body_raw`")))?;
    Ok((headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"ref":"refs/heads/main","before":"1111111111111111111111111111111111111111","after":"2222222222222222222222222222222222222222","commits":[{"id":"2222222222222222222222222222222222222222","message":"MESSAGE","author":{"name":"Lin"},"added":["a"]}],"repository":{"full_name":"lin/shop"},"sender":{"login":"lin"}}"#;

    fn asked(message: &str, project: &Path) -> AskedDelivery {
        let body = BODY.replace("MESSAGE", message);
        let document = serde_json::json!({"headers": {"X-Gogs-Event": "push"}, "body_raw": body});
        AskedDelivery { document: document.to_string().into_bytes(), project: Some(project.to_owned()), ..AskedDelivery::default() }
    }

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn told(asked: &AskedDelivery) -> Vec<String> {
        let explained = explain_delivery(asked).unwrap();
        let workflow = |one: &ExplainedWorkflow| {
            let left_out: Vec<_> = one.left_out.iter().map(|step| step.name.as_str()).collect();
            let reason = one.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}{} {}{reason}", if one.starts { "+" } else { "-" }, one.name, left_out.join(","))
        };
        explained.workflows.iter().map(workflow).collect()
    }

    #[test]
    fn pipelines_start_or_say_why_they_do_not() {
        let folder = project(&[(
            ".drone.yml",
            "kind: pipeline\nname: test\nsteps:\n- {name: a, image: x}\n- {name: b, image: x, when: {branch: dev}}\n---\nkind: pipeline\nname: release\ntrigger: {event: tag}\nsteps:\n- {name: c, image: x}\n",
        )]);
        assert_eq!(told(&asked("work", folder.path())), ["+test b", "-release : `event` does not hold (line 9): it is `push`"]);
        let skipped = told(&asked("work [ci skip]", folder.path()));
        assert_eq!(skipped, ["-test : its message asks that nothing is run", "-release : its message asks that nothing is run"]);
    }

    #[test]
    fn workflows_of_woodpecker_are_told_by_name() {
        let folder = project(&[
            (".woodpecker/a.yml", "when: {event: push, path: 'docs/**'}\nsteps:\n- {name: a, image: x}\n"),
            (".woodpecker/b.yml", "when: {event: push}\nsteps:\n- {name: b, image: x}\n"),
            (".woodpecker/c.yml", "when: {event: release}\nsteps:\n- {name: c, image: x}\n"),
        ]);
        let told = told(&asked("work", folder.path()));
        assert_eq!(told[0], "+b ");
        assert!(told[1].starts_with("-a : `path` does not hold") && told[2].starts_with("-c : `event` does not hold"), "{told:?}");
    }

    #[test]
    fn the_dialect_is_that_of_the_pipeline_or_the_one_that_is_asked_for() {
        let folder = project(&[(".woodpecker.yml", "steps:\n- {name: a, image: x}\n")]);
        let mut asked = asked("work", folder.path());
        assert_eq!(explain_delivery(&asked).unwrap().dialect, "woodpecker");
        asked.dialect = "drone08".into();
        let explained = explain_delivery(&asked).unwrap();
        assert_eq!((explained.dialect, explained.verified, explained.ignored), ("drone08", false, None));
        assert!(explained.notes.iter().any(|note| note.to_string().contains("another dialect")));
        asked.dialect = "drone".into();
        let error = explain_delivery(&asked).unwrap_err();
        assert_eq!(
            (error.message.to_string().as_str(), error.hint.to_string().as_str()),
            ("`drone` is no dialect", "there are: drone08, drone1, woodpecker")
        );
    }

    #[test]
    fn what_is_no_delivery_is_told() {
        let folder = project(&[(".drone.yml", "kind: pipeline\nsteps:\n- {name: a, image: x}\n")]);
        for (document, expected) in [
            ("", "the document is no JSON"),
            ("{}", "the document has no `headers`"),
            (r#"{"headers": [["a", "b"]]}"#, "the document has no `body_raw`"),
            (r#"{"headers": [["a", "b"]], "body_raw": ""}"#, "no header of the delivery"),
            (r#"{"headers": {"a": 1}, "body_raw": ""}"#, "the document has no `headers`"),
            (r#"{"headers": {"X-Gogs-Event": "push"}, "body_raw": "{}"}"#, "the field `ref` of the delivery of Gogs is missing"),
            (r#"{"headers": {"X-Gogs-Event": "push"}, "body_raw": "[]"}"#, "the field `(body)` of the delivery of Gogs must be a map"),
        ] {
            let asked = AskedDelivery { document: document.into(), project: Some(folder.path().into()), ..AskedDelivery::default() };
            let error = explain_delivery(&asked).unwrap_err();
            assert!(error.message.to_string().starts_with(expected), "{document}: {}", error.message);
            assert_eq!(error.message.untranslated().or(error.hint.untranslated()), None);
        }
    }
}
