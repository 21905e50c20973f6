//! Names of images. What is no name stays as it is written: the engine says what is wrong with it.

use crate::{Corpus, Report, text, texts};
use lp_model::ImageReference;
use lp_model::image::{is_one_of, names_version};
use lp_registry::{DockerConfig, Login};

pub(crate) fn expand(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let from = text(&case, "from");
        let here = ImageReference::parse(from).map_or(from.to_owned(), |image| image.canonical());
        report.same(from, "canonical", &text(&case, "want").to_owned(), &here);
    }
}

pub(crate) fn trim(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let from = text(&case, "from");
        let here = ImageReference::parse(from).map_or(from.to_owned(), |image| image.familiar_name());
        report.same(from, "name", &text(&case, "want").to_owned(), &here);
    }
}

pub(crate) fn match_image(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let (from, to) = (text(&case, "from"), text(&case, "to"));
        let parse = |text| ImageReference::parse(text).expect("a name");
        report.same(&format!("{from} {to}"), "same", &(case["want"] == true), &parse(from).same_name(&parse(to)));
    }
}

pub(crate) fn match_dynamic(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let list = texts(&case["to"]);
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let name = format!("{} {list:?}", text(&case, "from"));
        report.same(&name, "is one of them", &(case["want"] == true), &is_one_of(text(&case, "from"), &list));
    }
}

/// A login for that host is found for the image.
pub(crate) fn match_hostname(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let (host, image) = (text(&case, "hostname"), text(&case, "image"));
        let config = format!(r#"{{"auths": {{"{host}": {{"username": "u", "password": "p"}}}}}}"#);
        let config = DockerConfig::parse(&config).expect("it can be read");
        let login = |image: ImageReference| config.login(&image).expect("it can be read") != Login::None;
        let here = ImageReference::parse(image).is_ok_and(login);
        report.same(&format!("{host} {image}"), "found", &(case["want"] == true), &here);
    }
}

pub(crate) fn has_tag(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let from = text(&case, "from");
        report.same(from, "has a tag", &(case["want"] == true), &names_version(from));
    }
}
