//! Containers that were made before their turn, while earlier steps still ran.
//!
//! What is known of them is kept in memory only. A container that an earlier process made ahead is not known to be of the right
//! shape, so it is thrown away.

use bollard::models::ContainerCreateBody;
use lp_backend::EnvText;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How much earlier a time in the environment of what was made ahead may be, in seconds.
const MOMENT_TOLERANCE_S: i64 = 2;

/// A container that is made and not started.
pub(crate) struct Made {
    /// The environment that it was made with.
    pub env: Vec<(String, EnvText)>,
    /// All that was asked for.
    pub body: ContainerCreateBody,
    /// Id of the image that its name stood for.
    pub image: String,
}

/// A place for one container. It is locked while the container is being made, so that its step waits for it instead of making it twice.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Option<Made>>>;

/// All of them, by name of the container.
#[derive(Default)]
pub(crate) struct HeadStart(Mutex<HashMap<String, Slot>>);

impl HeadStart {
    /// The place for that container.
    pub fn slot(&self, container: &str) -> Slot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(container.to_owned()).or_default().clone()
    }

    /// What was made ahead for a step whose turn it is.
    pub async fn take(&self, container: &str) -> Option<Made> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(container)?;
        slot.lock().await.take()
    }

    /// Forgets what was made for a stage, by its name.
    pub fn forget(&self, stage: &str) {
        let prefix = format!("{stage}-");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|container, _| !container.starts_with(&prefix));
    }
}

/// The environment as it is now, with the times of what was made ahead where they are only a little earlier.
pub(crate) fn settled(now: &[(String, EnvText)], made: &[(String, EnvText)]) -> Vec<(String, EnvText)> {
    let settle = |(name, value): &(String, EnvText)| {
        let before = made.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        let value = match (value, before) {
            (EnvText::Moment(now), Some(EnvText::Moment(before))) if (0..=MOMENT_TOLERANCE_S).contains(&(now - before)) => {
                EnvText::Moment(*before)
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    now.iter().map(settle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_be_a_little_earlier() {
        let env = |moment, text: &str| vec![("AT".to_owned(), EnvText::Moment(moment)), ("X".to_owned(), EnvText::Plain(text.to_owned()))];
        assert!(settled(&env(12, "a"), &env(10, "a")) == env(10, "a"));
        assert!(settled(&env(13, "a"), &env(10, "a")) == env(13, "a"));
        // A clock that was put back.
        assert!(settled(&env(9, "a"), &env(10, "a")) == env(9, "a"));
        assert!(settled(&env(11, "a"), &env(10, "b")) == env(10, "a"));
        assert!(settled(&env(11, "a"), &[]) == env(11, "a"));
        let text = vec![("AT".to_owned(), EnvText::Plain("10".into()))];
        assert!(settled(&env(11, "a"), &text) == env(11, "a"));
    }

    #[tokio::test]
    async fn a_stage_forgets_only_its_own() {
        let head_start = HeadStart::default();
        let made = || Made { env: vec![], body: ContainerCreateBody::default(), image: String::new() };
        for name in ["lp-r-1-2-1", "lp-r-11-2-1"] {
            *head_start.slot(name).lock().await = Some(made());
        }
        head_start.forget("lp-r-1");
        assert!(head_start.take("lp-r-1-2-1").await.is_none());
        assert!(head_start.take("lp-r-11-2-1").await.is_some());
        assert!(head_start.take("lp-r-11-2-1").await.is_none());
    }
}
