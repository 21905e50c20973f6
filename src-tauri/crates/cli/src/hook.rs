//! `letterpress hook`: webhooks of forges. It needs no data folder.

use crate::arguments::{ExplainDelivery, Format, word_of};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::render;
use lp_api::dto::{ApiError, ErrorCode, ExplainedDelivery, ExplainedWorkflow};
use lp_api::{AskedDelivery, LARGEST_DELIVERY_FILE, message};
use std::io::Read;
use std::path::Path;

/// Says what a delivery means: on standard output, what is wrong with the pipeline on standard error.
pub fn explain(wanted: ExplainDelivery, language: Language) -> Result<ExitCode, ApiError> {
    let asked = AskedDelivery {
        document: read(&wanted.file)?,
        forge: word_of(wanted.forge),
        secret: wanted.secret,
        dialect: word_of(wanted.dialect),
        project: wanted.project,
    };
    let explained = lp_api::explain_delivery(&asked)?;
    render::findings(&explained.findings, language);
    match wanted.format {
        Format::Json => crate::say::json(&explained),
        Format::Text => print(&explained),
    }
    Ok(ExitCode::Passed)
}

/// The document; one byte more than may be is enough to refuse it.
fn read(file: &Path) -> Result<Vec<u8>, ApiError> {
    let most = LARGEST_DELIVERY_FILE as u64 + 1;
    let mut document = Vec::new();
    let done = if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut document)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut document))
    };
    match done {
        Ok(_) => Ok(document),
        Err(problem) => Err(ApiError {
            code: ErrorCode::BadRequest,
            message: message!("`{}` cannot be read: {}", file.display(), problem),
            hint: message!("name a file with a delivery, or `-` for standard input"),
            findings: Vec::new(),
        }),
    }
}

fn print(explained: &ExplainedDelivery) {
    let (event, forge) = (&explained.event, explained.forge);
    match &explained.delivery {
        Some(id) => tell!("delivery `{}` of `{}`: {}", id, forge, event),
        None => tell!("delivery of `{}`: {}", forge, event),
    }
    match &explained.not_verified {
        None => tell!("verified: who sent it knows the secret"),
        Some(why) => tell!("not verified: {}", why),
    }
    match (&explained.ignored, &explained.seen) {
        (Some(why), _) => tell!("ignored for `{}`: {}", explained.dialect, why),
        (None, Some(seen)) => tell!("for `{}` it is the event `{}`", explained.dialect, seen.word),
        (None, None) => {}
    }
    for (name, value) in explained.facts.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), |text| text.trim_end().to_owned());
        say!("  {name:<24} {}", crate::say::name(&value));
    }
    match &explained.nothing_starts {
        Some(why) => tell!("nothing starts: {}", why),
        None => explained.workflows.iter().for_each(workflow),
    }
    for note in &explained.notes {
        tell!("note: {}", note);
    }
}

fn workflow(one: &ExplainedWorkflow) {
    match &one.reason {
        _ if one.starts => tell!("{} starts", &one.name),
        Some(why) => tell!("{} does not start: {}", &one.name, why),
        None => tell!("{} does not start", &one.name),
    }
    render::left_out(&one.left_out, Language::spoken());
}
