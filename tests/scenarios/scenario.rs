//! The files of a pipeline and the event that they are run for.

use lp_model::{EnvValue, EventFacts, EventKind, Plan, StepKind};
use lp_pipeline::{PipelineFile, compile};
use std::path::Path;

/// One pipeline, pushed.
#[derive(Clone)]
pub struct Scenario {
    /// For messages.
    pub name: String,
    /// Paths as in a repository, and texts.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Scenario {
    /// The plan, or what the compiler has against it.
    pub fn plan(&self) -> Result<Plan, String> {
        let files: Vec<PipelineFile<'_>> = self.files.iter().map(|(path, bytes)| PipelineFile { path, bytes }).collect();
        let (plan, _) = compile(&files, &push()).map_err(|errors| errors.iter().map(|error| format!("{error}\n")).collect::<String>())?;
        for step in plan.stages.iter().flat_map(|stage| &stage.steps) {
            if let Some(EnvValue::Text(expected)) = step.environment.get("EXPECT_TYPE") {
                assert_eq!(kind_word(step.kind), expected, "{}: step `{}`", self.name, step.name);
            }
        }
        Ok(plan)
    }
}

/// Files of a folder that end in `.yml` or `.yaml`, sorted, as the workflows of `.woodpecker`.
pub fn workflows(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml"))
        .map(|path| (format!(".woodpecker/{}", path.file_name().unwrap().to_str().unwrap()), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Woodpecker's words.
fn kind_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Commands => "commands",
        StepKind::Plugin => "plugin",
        StepKind::Service => "service",
    }
}

fn push() -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.owner = "shop".into();
    facts.repo.name = "web".into();
    facts.repo.link = "https://git.example.com/shop/web".into();
    facts.repo.default_branch = "main".into();
    facts.commit.sha = "5f1c0e2a9b3d4c6e8f00112233445566778899aa".into();
    facts.commit.message = "Fix the cart total".into();
    facts.commit.branch = "main".into();
    facts.commit.reference = "refs/heads/main".into();
    facts.run_number = 7;
    facts
}
