//! The script of a step. Ours is another text (it runs no backtick twice and leaves standard input empty), so what counts is
//! that the log looks the same.

use crate::{Corpus, Report, text, texts};
use lp_pipeline::script::{entrypoint, script};
use std::process::Command;

pub(crate) fn same_output(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let place = std::env::temp_dir().join(format!("lp-corpus-{}-{}", report.table(), std::process::id()));
        std::fs::create_dir_all(&place).expect("a folder");
        // No program of that name is needed, only that it is called.
        let shim = "go() { echo \"go was called with $*\"; }\n";
        let run = |arguments: &[&str]| {
            let output = Command::new("/bin/sh").args(arguments).env("HOME", &place).current_dir(&place).output().expect("a shell");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let folder = place.join("some").display().to_string();
        let original = format!("{shim}{}", text(&case, "want").replace("/woodpecker/some", &folder));
        let commands = texts(&case["from"]);
        let ours = format!("{shim}{}", script(text(&case, "want").contains("mkdir").then_some(folder.as_str()), &commands));
        let here = run(&[entrypoint()[1].as_str(), &ours]);
        report.same(text(&case, "want"), "output", &run(&["-e", "-c", &original]), &here);
        assert_eq!(here.matches("go was called").count(), 2, "{here}");
        std::fs::remove_dir_all(&place).expect("it is ours");
    }
}
