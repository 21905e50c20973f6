use crate::ports::PortError;
use crate::scheduler::SoFar;
use crate::secrets::RunSecrets;
use lp_backend::EnvText;
use lp_model::{EnvPiece, EnvValue, Message, MissingSecret, RuntimeFact, Step, json_escape, message};
use lp_secret::SecretValue;

/// What is known only now that a step starts.
pub(crate) struct StartFacts {
    pub so_far: SoFar,
    pub run_started_ms: i64,
    pub stage_started_ms: i64,
    pub now_ms: i64,
    pub machine: String,
}

/// The environment of a step as its backend gets it.
#[derive(Default)]
pub(crate) struct Environment {
    /// Sorted by name.
    pub env: Vec<(String, EnvText)>,
    /// One sentence for each variable that is not set because its secret does not exist.
    pub notes: Vec<Message>,
}

/// What to say about a secret that cannot be read.
pub(crate) fn unreadable(name: &str, error: &PortError) -> Message {
    match error.hint.is_empty() {
        true => message!("secret `{}` cannot be read: {}", name, error.message),
        false => message!("secret `{}` cannot be read: {}; {}", name, error.message, error.hint),
    }
}

/// Fills in secrets and facts. `Err`: one of the secrets cannot be read, or does not exist and the step must have it; the text says which
/// and why.
pub(crate) fn resolve(step: &Step, secrets: &RunSecrets, facts: &StartFacts) -> Result<Environment, Message> {
    let mut env = Vec::with_capacity(step.environment.len());
    let mut notes = Vec::new();
    for (variable, value) in &step.environment {
        let mut missing = None;
        let mut secret = |name: &str| match secrets.get(name) {
            Ok(Some(value)) => Ok(Some(value)),
            Ok(None) => {
                missing = Some(name.to_owned());
                Ok(None)
            }
            Err(error) => Err(unreadable(name, error)),
        };
        let text = match value {
            EnvValue::Text(text) => Some(EnvText::Plain(text.clone())),
            EnvValue::Runtime(fact) => Some(runtime(*fact, facts)),
            EnvValue::Secret(name) => secret(name)?.map(|value| EnvText::Secret(value.clone())),
            EnvValue::Template(pieces) => fill(pieces, secret)?.map(EnvText::Secret),
        };
        match (text, missing) {
            (Some(text), _) => env.push((variable.clone(), text)),
            (None, Some(name)) if step.missing_secret == MissingSecret::Error => {
                return Err(message!("there is no secret `{}`, which `{}` needs", name, variable));
            }
            (None, Some(name)) => notes.push(message!("there is no secret `{}`, so `{}` is not set", name, variable)),
            (None, None) => {}
        }
    }
    Ok(Environment { env, notes })
}

/// The text with its secrets filled in; as a whole it is as secret as they are. `None` when one of them does not exist.
fn fill<'s>(
    pieces: &[EnvPiece],
    mut secret: impl FnMut(&str) -> Result<Option<&'s SecretValue>, Message>,
) -> Result<Option<SecretValue>, Message> {
    let mut text = String::new();
    for piece in pieces {
        let value = match piece.secret_name().map(&mut secret).transpose()? {
            Some(None) => return Ok(None),
            Some(Some(value)) => value.expose(),
            None => "",
        };
        match piece {
            EnvPiece::Text(plain) => text.push_str(plain),
            EnvPiece::Secret(_) => text.push_str(value),
            EnvPiece::JsonSecret(_) => text.push_str(&json_escape(value)),
        }
    }
    Ok(Some(SecretValue::new(text)))
}

fn runtime(fact: RuntimeFact, facts: &StartFacts) -> EnvText {
    let status = |failing: bool| if failing { "failure" } else { "success" }.to_owned();
    let seconds = |ms: i64| ms.div_euclid(1000).to_string();
    EnvText::Plain(match fact {
        RuntimeFact::RunStatus => status(facts.so_far.run_failing),
        RuntimeFact::StageStatus => status(facts.so_far.stage_failing),
        RuntimeFact::RunStartedS => seconds(facts.run_started_ms),
        RuntimeFact::StageStartedS => seconds(facts.stage_started_ms),
        RuntimeFact::StepStartedS | RuntimeFact::NowS => return EnvText::Moment(facts.now_ms.div_euclid(1000)),
        RuntimeFact::FailedSteps => facts.so_far.failed_steps.join(","),
        RuntimeFact::Machine => facts.machine.clone(),
        RuntimeFact::WorkspaceBase => return EnvText::WorkspaceBase,
        RuntimeFact::WorkspaceDir => return EnvText::WorkspaceDir,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::StepKind;

    #[test]
    fn facts_are_written_as_drone_writes_them() {
        let facts = StartFacts {
            so_far: SoFar { run_failing: true, stage_failing: false, failed_steps: vec!["lint".into(), "test".into()] },
            run_started_ms: 1_700_000_000_999,
            stage_started_ms: 1_700_000_001_000,
            now_ms: 1_700_000_002_500,
            machine: "desk".into(),
        };
        let table = [
            (RuntimeFact::RunStatus, "failure"),
            (RuntimeFact::StageStatus, "success"),
            (RuntimeFact::RunStartedS, "1700000000"),
            (RuntimeFact::StageStartedS, "1700000001"),
            (RuntimeFact::FailedSteps, "lint,test"),
            (RuntimeFact::Machine, "desk"),
        ];
        for (fact, text) in table {
            assert_eq!(runtime(fact, &facts), EnvText::Plain(text.into()), "{fact:?}");
        }
        for fact in [RuntimeFact::StepStartedS, RuntimeFact::NowS] {
            assert_eq!(runtime(fact, &facts), EnvText::Moment(1_700_000_002), "{fact:?}");
        }
        let mut step = Step::new(1, "a", StepKind::Commands);
        step.environment.insert("B".into(), EnvValue::Runtime(RuntimeFact::WorkspaceDir));
        step.environment.insert("A".into(), EnvValue::Secret("gone".into()));
        let resolved = resolve(&step, &RunSecrets::none(), &facts).unwrap();
        assert_eq!(resolved.env, [("B".to_owned(), EnvText::WorkspaceDir)]);
        assert_eq!(resolved.notes, ["there is no secret `gone`, so `A` is not set"]);

        step.missing_secret = MissingSecret::Error;
        assert_eq!(resolve(&step, &RunSecrets::none(), &facts).err().unwrap(), "there is no secret `gone`, which `A` needs");
        step.environment.remove("A");
        assert!(resolve(&step, &RunSecrets::none(), &facts).is_ok());
    }

    #[test]
    fn a_template_is_as_secret_as_its_pieces_and_needs_all_of_them() {
        let value = SecretValue::new("a\"b");
        let known = |name: &str| Ok((name == "token").then_some(&value));
        let pieces = |name: &str| {
            [
                EnvPiece::Text("x,".into()),
                EnvPiece::Secret(name.into()),
                EnvPiece::Text(",{\"k\":\"".into()),
                EnvPiece::JsonSecret(name.into()),
                EnvPiece::Text("\"}".into()),
            ]
        };
        let filled = fill(&pieces("token"), known).unwrap().unwrap();
        assert_eq!(filled.expose(), "x,a\"b,{\"k\":\"a\\\"b\"}");
        assert!(fill(&pieces("gone"), known).unwrap().is_none());
        assert_eq!(fill(&pieces("token"), |_| Err(Message::verbatim("locked"))).unwrap_err(), "locked");

        let mut step = Step::new(1, "a", StepKind::Plugin);
        step.environment.insert("PLUGIN_LIST".into(), EnvValue::Template(pieces("gone").to_vec()));
        let so_far = SoFar { run_failing: false, stage_failing: false, failed_steps: vec![] };
        let facts = StartFacts { so_far, run_started_ms: 0, stage_started_ms: 0, now_ms: 0, machine: String::new() };
        let resolved = resolve(&step, &RunSecrets::none(), &facts).unwrap();
        assert!(resolved.env.is_empty());
        assert_eq!(resolved.notes, ["there is no secret `gone`, so `PLUGIN_LIST` is not set"]);
    }
}
