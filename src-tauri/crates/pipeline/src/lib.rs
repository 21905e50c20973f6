//! The pipeline compiler: the text of a pipeline file and the facts of one event become a [`Plan`], or findings.
//!
//! It knows nothing about files, clocks, randomness, environment variables, async, containers or secret values: the same
//! text and facts always give the same plan. What the dialects mean was established by running them; the rules
//! stand in the comments where they surprise.
//!
//! Drone 0.5 to 0.8, Drone 1.x and 2.x, and Woodpecker 0.15 to 3 compile to the same plan. A pipeline is one file, or all the
//! workflows of Woodpecker; a workflow that is compiled alone runs without those of other files that it depends on, with a warning.
//!
//! Read in this order: `source` (the files), [`detect`] (which dialect), [`dialect`] (a folder for each, behind a `FrontEnd` that the rest
//! of the crate asks), `shared` (what they are made of: [`substitute`], `entered` and `shell`, where what people typed is data, `expand`,
//! [`matrix`], [`when`], [`params`], [`script`], [`environment`]; it knows no dialect), [`image_plugins`] (what plugins that build images are
//! told), then what uses them: [`outline`], `lint`, [`report`] and [`mod@schema`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod detect;
pub mod dialect;
pub mod image_plugins;
mod lint;
pub mod outline;
pub mod report;
pub mod schema;
mod shared;
mod source;

pub use detect::{Detected, detect};
pub use dialect::woodpecker::Generation;
pub use lint::{Inputs, lint};
pub use lp_yaml::closest;
pub use outline::{Outline, OutlineStage, OutlineStep, outline};
pub use report::{Effect, Report, ReportEntry, ReportStep, report};
pub use schema::schema;
pub use shared::{environment, glob, matrix, params, script, substitute, volume, when};

use lp_model::{Diagnostic, Dialect, EventFacts, PLAN_VERSION_WITHOUT_BUILDS, Plan, Stage};
use source::{AllFindings, Sources};

/// Time limit of a run where nothing else is said: the dialects' default of 60 minutes.
const DEFAULT_TIMEOUT_S: u64 = 3600;
/// Most steps in one plan. A file of a megabyte with steps as people write them has 8000; what makes many steps heavy is limited by
/// itself: their environments, their needs and their trees, all together (see `extent` and `graph::MAX_NEEDS`).
pub(crate) const MAX_STEPS: usize = 10_000;
/// Most stages in one plan; what is known of the run is put together for each.
pub(crate) const MAX_STAGES: usize = 1000;

/// A pipeline file as it lies in the repository.
#[derive(Debug, Clone, Copy)]
pub struct PipelineFile<'a> {
    /// Path in the repository, for messages and for telling the dialects apart.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// Compiles a pipeline for one event: one file, or all the workflows of Woodpecker (in any order). Besides the plan there may be
/// warnings and notes; a plan without stages comes with the warning `nothing-would-run`, which says why.
///
/// # Errors
/// All findings, at least one of which is an error.
pub fn compile(files: &[PipelineFile<'_>], facts: &EventFacts) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    Pipeline::read(files)?.compile(facts)
}

/// The files of a pipeline, read once for several questions about them.
#[derive(Debug)]
pub struct Pipeline<'a>(Sources<'a>);

impl<'a> Pipeline<'a> {
    /// Reads the files and tells their dialect.
    ///
    /// # Errors
    /// As [`detect`](crate::detect()).
    pub fn read(files: &[PipelineFile<'a>]) -> Result<Self, Vec<Diagnostic>> {
        Sources::read(files).map(Self)
    }

    /// Its language, and why.
    pub fn detected(&self) -> &Detected {
        self.0.detected()
    }

    /// As the function [`compile`].
    ///
    /// # Errors
    /// All findings, at least one of which is an error.
    pub fn compile(&self, facts: &EventFacts) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        compile_sources(&self.0, facts)
    }

    /// As the function [`lint`](crate::lint()).
    pub fn lint(&self, inputs: &Inputs) -> Vec<Diagnostic> {
        lint::of(&self.0, inputs)
    }
}

fn compile_sources(sources: &Sources<'_>, facts: &EventFacts) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = AllFindings::new(sources);
    let dialect = sources.detected().dialect;
    let mut reasons = shared::reasons::Reasons::default();
    let stages = sources.front_end().compile(sources, facts, &mut reasons, &mut findings);
    if findings.has_errors() {
        return Err(findings.into_sorted());
    }
    let mut plan = Plan { left_out: reasons.into_left_out(), ..plan(sources.path(), facts, dialect, stages) };
    image_plugins::settle(&mut plan);
    Ok((plan, findings.into_sorted()))
}

fn plan(path: &str, facts: &EventFacts, dialect: Dialect, stages: Vec<Stage>) -> Plan {
    Plan {
        version: PLAN_VERSION_WITHOUT_BUILDS,
        dialect,
        file: path.to_owned(),
        event: facts.clone(),
        timeout_s: DEFAULT_TIMEOUT_S,
        // After a cancel nothing more is run in any dialect, not even steps for the failure case.
        cleanup_on_cancel: false,
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        stages,
        left_out: Vec::new(),
    }
}
