//! What the code of a finding means.

use crate::dto::{ApiError, ErrorCode};
use lp_model::{Code, Effect, Message, Severity, message};

/// The explanation of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code as it stands in findings.
    pub code: &'static str,
    /// How bad it usually is.
    pub severity: Message,
    /// What it means for a file that comes from elsewhere; nothing for a remark that holds there too.
    pub effect: Option<Message>,
    /// A paragraph.
    pub text: Message,
}

/// Explains the code of a finding, e.g. `not-trusted`.
///
/// # Errors
/// `BadRequest` for a text that is no code, with the one that was probably meant.
pub fn explain(code: &str) -> Result<Explanation, ApiError> {
    let Some(known) = Code::parse(code.trim()) else {
        let error = ApiError::new(ErrorCode::BadRequest, message!("there is no code `{}`", code.trim()));
        let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        return Err(error.hint(match lp_pipeline::closest(code.trim(), &all) {
            Some(meant) => message!("did you mean `{}`?", meant),
            None => message!("a code stands in square brackets behind a finding, e.g. `not-trusted`"),
        }));
    };
    let severity = match known.severity() {
        Severity::Error => message!("an error: the file does not run"),
        Severity::Warning => message!("a warning: the file runs"),
        Severity::Note => message!("a note"),
    };
    let effect = known.effect().map(|effect| match effect {
        Effect::Needs => message!("something is needed from you"),
        Effect::Unsupported => message!("it is not supported here"),
        Effect::Different => message!("it means something different here"),
        Effect::Runs => message!("it runs as it is"),
    });
    Ok(Explanation {
        code: known.as_str(),
        severity: Message::from(&severity),
        effect: effect.as_ref().map(Message::from),
        text: Message::from(&known.explanation()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_explained_in_both_languages_and_a_slip_is_told() {
        let found = explain("not-trusted").unwrap();
        assert!(found.text.to_string().contains("beyond the container") && found.text.in_chinese().contains("容器之外"), "{found:?}");
        assert!(found.effect.is_some());
        let wrong = explain("not-trustd").unwrap_err();
        assert_eq!((wrong.code, wrong.hint.to_string().as_str()), (ErrorCode::BadRequest, "did you mean `not-trusted`?"));
    }
}
