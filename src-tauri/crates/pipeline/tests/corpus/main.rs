//! Agreement with the dialects' own programs: tables of their answers and real files. The corpus is no part of this
//! repository; the test looks for it in `LETTERPRESS_CORPUS`, else in a folder `shared/corpus` beside the repository.
//!
//! Where we differ on purpose, the case stands with its reason in `deviations.tsv`. A row that is not needed any more fails.

mod conditions;
mod dockerignore;
mod events;
mod image_plugins;
mod images;
#[path = "../schema/judge.rs"]
mod judge;
mod linters;
mod model;
mod real_drone08;
mod real_drone1;
mod real_woodpecker;
mod report;
mod samples;
mod schema;
mod scripts;
mod small_files;
mod steps;
mod syntax;

use lp_model::{Diagnostic, EventFacts, Plan};
use lp_pipeline::PipelineFile;
use report::Report;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Compares one table.
type Compare = fn(&Corpus, &mut Report);

/// Compares one real file.
type CompareFile = fn(&RealFile, &mut Report);

/// Every table of the corpus.
const TABLES: [(&str, Compare); 42] = [
    ("envsubst_eval", syntax::envsubst_eval),
    ("envsubst_parse", syntax::envsubst_parse),
    ("own_matrix_oracle", syntax::matrices),
    ("own_params_oracle", syntax::parameters),
    ("own_structure_1x_oracle", small_files::drone1),
    ("own_structure_oracle", small_files::drone08_and_woodpecker015),
    ("own_substitution_oracle", syntax::substitution),
    ("own_when_oracle", conditions::own),
    ("wp015_image_expandImage", images::expand),
    ("wp015_image_matchHostname", images::match_hostname),
    ("wp015_image_matchImage", images::match_image),
    ("wp015_image_trimImage", images::trim),
    ("wp015_lint_errors", linters::errors),
    ("wp015_script_posix", scripts::same_output),
    ("wp015_when_TestConstraint", conditions::lists),
    ("wp015_when_TestConstraintList", conditions::paths),
    ("wp015_when_TestConstraintMap", conditions::maps),
    ("wp015_when_TestConstraints", conditions::whole),
    ("wp3_concurrency", small_files::concurrency),
    ("wp3_container_parse", small_files::containers),
    ("wp3_gated", model::gated),
    ("wp3_image_expandImage", images::expand),
    ("wp3_image_imageHasTag", images::has_tag),
    ("wp3_image_matchHostname", images::match_hostname),
    ("wp3_image_matchImage", images::match_image),
    ("wp3_image_matchImageDynamic", images::match_dynamic),
    ("wp3_image_trimImage", images::trim),
    ("wp3_lint_BadHabits", linters::remarks),
    ("wp3_lint_Deprecations", linters::remarks),
    ("wp3_lint_Lint", linters::clean),
    ("wp3_lint_LintErrors", linters::errors),
    ("wp3_schema", linters::schema),
    ("wp3_script_posix", scripts::same_output),
    ("wp3_secret_masking", model::secret_masking),
    ("wp3_status_merge", model::status_merge),
    ("wp3_volume_parse", small_files::volumes),
    ("wp3_volume_split", small_files::volume_parts),
    ("wp3_when_full", conditions::whole),
    ("wp3_when_list", conditions::lists),
    ("wp3_when_map", conditions::maps),
    ("wp3_when_path", conditions::paths),
    ("wp3_when_status", conditions::status),
];

/// The real files by the format that their names tell.
const FORMATS: [(&str, CompareFile); 6] = [
    ("04", real_drone08::refused),
    ("08", real_drone08::compare),
    ("1x", real_drone1::compare),
    ("wp015", real_woodpecker::compare_015),
    ("wpmap", real_woodpecker::compare_structure),
    ("wp", real_woodpecker::compare_structure),
];

/// A real file and what its original says to it.
struct RealFile {
    name: String,
    bytes: Vec<u8>,
    answer: Value,
}

/// The folder with the answers.
struct Corpus {
    folder: PathBuf,
}

impl Corpus {
    fn find() -> Option<Self> {
        let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4)?.join("shared").join("corpus"),
        };
        if folder.join("tables").is_dir() {
            return Some(Self { folder });
        }
        eprintln!("\n*** NO CORPUS at {}: nothing was compared. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
        None
    }

    fn cases(&self, table: &str) -> Vec<Value> {
        let table = self.json(&format!("tables/{table}.json"));
        table["cases"].as_array().expect("a table has cases").clone()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path)).expect("JSON")
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Names of what lies in a folder, without their endings.
    fn names(&self, folder: &str) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.folder.join(folder)).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("readable").file_name().into_string().expect("UTF-8");
        entries.map(name).map(|name| name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())).collect()
    }

    fn real_files(&self) -> impl Iterator<Item = (&'static str, RealFile)> {
        self.names("expected").into_iter().map(|name| {
            let format = FORMATS.iter().map(|(format, _)| *format).find(|format| name.split("__").any(|part| part == *format));
            let bytes = self.bytes(&format!("realworld/{name}.yml"));
            let answer = self.json(&format!("expected/{name}.json"))["facts"].clone();
            (format.expect("the name tells the format"), RealFile { name, bytes, answer })
        })
    }
}

fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case[key].as_str().unwrap_or_default()
}

/// The texts of a list.
fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

type Compiled = Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>>;

fn compile(path: &str, bytes: &[u8], facts: &EventFacts) -> Compiled {
    lp_pipeline::compile(&[PipelineFile { path, bytes }], facts)
}

fn lint(path: &str, bytes: &[u8]) -> Vec<Diagnostic> {
    lp_pipeline::lint(&[PipelineFile { path, bytes }], &Default::default())
}

fn outline(path: &str, bytes: &[u8]) -> Result<lp_pipeline::Outline, Vec<Diagnostic>> {
    lp_pipeline::outline(&[PipelineFile { path, bytes }], &Default::default())
}

fn lines(found: &[Diagnostic]) -> String {
    found.iter().map(|finding| format!("\n        {finding}")).collect()
}

#[test]
fn tables_and_real_files_agree_but_for_the_deviations() {
    let Some(corpus) = Corpus::find() else { return };
    let mut report = Report::new(include_str!("deviations.tsv"));
    for (table, compare) in TABLES {
        report.begin(table);
        compare(&corpus, &mut report);
    }
    report.begin("samples");
    samples::compare(&corpus, &mut report);
    report.begin("dockerignore");
    dockerignore::compare(&corpus, &mut report);
    report.begin("image_plugins auto_tag");
    image_plugins::auto_tag(&corpus, &mut report);
    report.begin("image_plugins settings");
    image_plugins::settings(&corpus, &mut report);
    report.begin("real files");
    for (format, file) in corpus.real_files() {
        let (_, compare) = FORMATS.iter().find(|(name, _)| *name == format).expect("it is one of them");
        compare(&file, &mut report);
    }
    report.settle();
}

#[test]
fn nothing_in_the_corpus_is_left_out() {
    let Some(corpus) = Corpus::find() else { return };
    let listed = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(corpus.names("tables"), listed(&TABLES.map(|(table, _)| table)), "tables");
    assert_eq!(corpus.names("samples_woodpecker"), listed(&samples::NAMES), "samples");
    assert_eq!(corpus.names("schema_woodpecker/v0.15"), listed(&linters::FIXTURES_015), "fixtures of 0.15");
    assert_eq!(corpus.names("schema_woodpecker/v3.17"), listed(&linters::FIXTURES_3), "fixtures of 3");
    assert_eq!(corpus.names("expected"), corpus.names("realworld"), "every real file has an answer");
}
