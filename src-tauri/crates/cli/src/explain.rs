//! `letterpress explain`.

use crate::arguments::Explain;
use crate::exit::ExitCode;
use crate::language::Language;
use lp_api::dto::ApiError;
use lp_api::message;

/// Prints what the code of a finding means.
pub fn carry_out(wanted: &Explain, language: Language) -> Result<ExitCode, ApiError> {
    let found = lp_api::explain(&wanted.code)?;
    say!("{}", language.words(&message!("{}: {}", found.code, found.severity)));
    if let Some(effect) = &found.effect {
        say!("{}", language.words(effect));
    }
    say!("\n{}", language.words(&found.text));
    Ok(ExitCode::Passed)
}
