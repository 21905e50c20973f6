//! `.dockerignore`, against moby's matcher: `dockerignore.json`.

use crate::{Corpus, Report, text, texts};
use lp_model::Dockerignore;

/// Every path of every case.
pub(crate) fn compare(corpus: &Corpus, report: &mut Report) {
    let document = corpus.json("dockerignore.json");
    let cases = document["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 48);
    for case in cases {
        let name = text(case, "name");
        let read = Dockerignore::read(text(case, "ignore"));
        report.same(name, "refused", &case.get("error").is_some(), &read.is_err());
        let Ok(read) = read else { continue };
        for path in texts(&case["paths"]) {
            report.same(name, &path, &(case["excluded"][&path] == true), &read.verdict(&path).left_out);
        }
    }
}
