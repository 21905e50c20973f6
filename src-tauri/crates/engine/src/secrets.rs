use crate::environment::unreadable;
use crate::ports::{PortError, SecretSource};
use lp_model::{Plan, RunId};
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
    unmasked: Option<String>,
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
    pub fn unreadable(&self) -> Option<String> {
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
