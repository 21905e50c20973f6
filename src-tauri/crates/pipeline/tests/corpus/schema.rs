//! Real files and Woodpecker's own fixtures, judged by the schemas for editors.

use crate::Corpus;
use crate::judge::{complaints, judge};
use lp_model::{Dialect, Severity};
use lp_pipeline::{PipelineFile, detect, lint};
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn what_compiles_without_a_word_suits_the_schema() {
    let Some(Corpus { folder }) = Corpus::find() else { return };
    let judges = [Dialect::Drone08, Dialect::Drone1, Dialect::Woodpecker].map(|dialect| (dialect, judge(dialect)));
    let (mut differences, mut judged, mut suited) = (Vec::<String>::new(), 0, 0);
    for path in ["realworld", "e2e_woodpecker", "samples_woodpecker", "schema_woodpecker"].iter().flat_map(|part| files(&folder.join(part)))
    {
        let name = path.strip_prefix(&folder).expect("below it").display().to_string();
        let bytes = std::fs::read(&path).expect("readable");
        let woodpecker = !name.starts_with("realworld") || name.contains("__wp");
        let file = PipelineFile { path: if woodpecker { ".woodpecker.yml" } else { ".drone.yml" }, bytes: &bytes };
        let Ok(detected) = detect(&[file]) else { continue };
        let findings = lint(&[file], &Default::default());
        let (dialect, judge) = judges.iter().find(|(dialect, _)| *dialect == detected.dialect).expect("one of them");
        let text = std::str::from_utf8(&bytes).expect("UTF-8");
        let Some(complaints) = complaints(judge, *dialect, text) else { continue };
        judged += 1;
        suited += usize::from(complaints.is_empty());
        let broken = name.contains("broken") || name.contains("invalid");
        if broken && complaints.is_empty() {
            differences.push(format!("{name}: the schema has nothing against it"));
        }
        let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
        for complaint in complaints {
            if !refused && !complaint.is_shared_by(&findings) {
                differences.push(format!("{name}: {complaint}"));
            }
        }
    }
    assert!(judged >= 150, "only {judged} files");
    assert!(suited * 10 >= judged * 9, "only {suited} of {judged} files suit their schema");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
