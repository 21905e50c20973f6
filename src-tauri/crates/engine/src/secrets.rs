use crate::environment::unreadable;
use crate::ports::{PortError, SecretSource};
use lp_model::{Message, Plan, RunId};
use lp_secret::SecretValue;
use lp_secret::masker::Masker;
use std::collections::BTreeMap;

/// The secrets that the plan of a run names, read once at its beginning: all of them are masked in every step, also in
/// those that do not get them, since a file in the working copy or a service can carry a value from one step to another.
/// Values that they had before are masked as well: a program that an earlier life of the run started, or a file that an earlier attempt left,
/// may hold them.
pub(crate) struct RunSecrets {
    values: BTreeMap<String, Result<Option<SecretValue>, PortError>>,
    /// The first that cannot be masked, because nothing of it can be read.
    unmasked: Option<Message>,
    pub masker: Masker,
}

impl RunSecrets {
    pub fn none() -> Self {
        Self { values: BTreeMap::new(), unmasked: None, masker: Masker::none() }
    }

    pub async fn read(source: &dyn SecretSource, run: &RunId, plan: &Plan) -> Self {
        let (mut values, mut unmasked) = (BTreeMap::new(), None);
        let mut masked: Vec<SecretValue> = Vec::new();
        for name in plan.secret_names() {
            let value = source.secret(run, &name).await;
            masked.extend(value.as_ref().ok().and_then(Option::clone));
            let problem = match (source.masks(run, &name).await, &value) {
                // One that is known and not handed out can be masked all the same.
                (Ok(others), Err(problem)) if others.is_empty() => Some(problem.clone()),
                (Ok(others), _) => {
                    masked.extend(others);
                    None
                }
                (Err(problem), _) => Some(problem),
            };
            unmasked = unmasked.or_else(|| problem.map(|problem| unreadable(&name, &problem)));
            values.insert(name, value);
        }
        Self { masker: Masker::new(&masked), values, unmasked }
    }

    /// What to say when one of them cannot be read, and so cannot be masked either.
    pub fn unreadable(&self) -> Option<Message> {
        self.unmasked.clone()
    }

    /// `Ok(None)`: there is no such secret.
    pub fn get(&self, name: &str) -> Result<Option<&SecretValue>, &PortError> {
        match self.values.get(name) {
            Some(Ok(value)) => Ok(value.as_ref()),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use lp_model::{
        BackendKind, Dialect, EnvValue, EventFacts, EventKind, PLAN_VERSION, RunOn, Stage, StageNumber, Step, StepKind, Workspace,
    };

    /// A source with one secret `token`.
    struct Source {
        value: Result<Option<&'static str>, &'static str>,
        masks: Result<Vec<&'static str>, &'static str>,
    }

    #[async_trait]
    impl SecretSource for Source {
        async fn secret(&self, _run: &RunId, _name: &str) -> Result<Option<SecretValue>, PortError> {
            self.value.map(|value| value.map(SecretValue::new)).map_err(|text| PortError::new(Message::verbatim(text)))
        }

        async fn masks(&self, _run: &RunId, _name: &str) -> Result<Vec<SecretValue>, PortError> {
            self.masks
                .clone()
                .map(|values| values.into_iter().map(SecretValue::new).collect())
                .map_err(|text| PortError::new(Message::verbatim(text)))
        }
    }

    async fn read(value: Result<Option<&'static str>, &'static str>, masks: Result<Vec<&'static str>, &'static str>) -> RunSecrets {
        let mut step = Step::new(1, "use", StepKind::Commands);
        step.environment.insert("TOKEN".into(), EnvValue::Secret("token".into()));
        let stage = Stage {
            number: StageNumber(1),
            name: "default".into(),
            backend: BackendKind::Docker,
            needs: vec![],
            run_on: RunOn::default(),
            workspace: Workspace { base: "/drone/src".into(), path: String::new() },
            source: true,
            checkout: None,
            concurrency: None,
            file: String::new(),
            matrix: BTreeMap::new(),
            volumes: vec![],
            steps: vec![step],
        };
        let plan = Plan {
            version: PLAN_VERSION,
            dialect: Dialect::Drone1,
            file: ".drone.yml".into(),
            event: EventFacts::new(EventKind::Push),
            timeout_s: 3600,
            cleanup_on_cancel: false,
            cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
            stages: vec![stage],
            left_out: vec![],
        };
        RunSecrets::read(&Source { value, masks }, &RunId::parse("run-1").unwrap(), &plan).await
    }

    #[tokio::test]
    async fn values_of_before_are_masked_and_go_nowhere() {
        let secrets = read(Ok(Some("value-new")), Ok(vec!["value-old", "value-older"])).await;
        assert_eq!(secrets.masker.mask_text("value-new value-old value-older"), "******** ******** ********");
        assert_eq!(secrets.get("token").unwrap().map(SecretValue::expose), Some("value-new"));
        assert_eq!(secrets.unreadable(), None);
        // Removed, while a program of an earlier life still prints it.
        let secrets = read(Ok(None), Ok(vec!["value-old"])).await;
        assert_eq!(secrets.masker.mask_text("value-old"), "********");
        assert!(secrets.get("token").unwrap().is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_masked_is_said_and_what_is_not_handed_out_is_masked() {
        let refused = read(Err("nobody has said yet"), Ok(vec!["value-one"])).await;
        assert_eq!((refused.unreadable(), refused.masker.mask_text("value-one")), (None, "********".to_owned()));
        assert!(refused.get("token").is_err());
        for (value, masks) in [(Err("locked"), Ok(vec![])), (Err("locked"), Err("locked")), (Ok(None), Err("locked"))] {
            assert_eq!(
                read(value, masks).await.unreadable().map(|message| message.to_string()).as_deref(),
                Some("secret `token` cannot be read: locked")
            );
        }
    }
}
