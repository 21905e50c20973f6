use crate::ports::{PortError, SecretSource};
use lp_model::{Plan, RunId};
use lp_secret::SecretValue;
use lp_secret::masker::Masker;
use std::collections::BTreeMap;

/// The secrets that the plan of a run names, read once at its beginning: all of them are masked in every step, also in
/// those that do not get them, since a file in the working copy or a service can carry a value from one step to another.
pub(crate) struct RunSecrets {
    values: BTreeMap<String, Result<Option<SecretValue>, PortError>>,
    pub masker: Masker,
}

impl RunSecrets {
    pub fn none() -> Self {
        Self { values: BTreeMap::new(), masker: Masker::none() }
    }

    pub async fn read(source: &dyn SecretSource, run: &RunId, plan: &Plan) -> Self {
        let mut values = BTreeMap::new();
        for name in plan.secret_names() {
            let value = source.secret(run, &name).await;
            values.insert(name, value);
        }
        let known: Vec<SecretValue> = values.values().filter_map(|value| value.as_ref().ok()?.clone()).collect();
        Self { masker: Masker::new(&known), values }
    }

    /// What to say when one of them cannot be read, and so cannot be masked either.
    pub fn unreadable(&self) -> Option<String> {
        let error = |(name, value): (&String, &Result<_, PortError>)| {
            value.as_ref().err().map(|error| format!("secret `{name}` cannot be read: {error}"))
        };
        self.values.iter().find_map(error)
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
