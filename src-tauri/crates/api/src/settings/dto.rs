use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Language of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub enum Language {
    /// As the system says.
    #[default]
    #[serde(rename = "system")]
    System,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

/// Colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Dark text on light.
    Light,
    /// Light text on dark.
    Dark,
}

/// What the user set; kept in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// Language of the window.
    pub language: Language,
    /// Colours of the window.
    pub theme: Theme,
    /// Seconds between asking a step to end and killing it, 1 to 600.
    pub grace_s: u32,
    /// How many runs may go on at once, 1 to 16.
    pub max_runs: u32,
    /// How many runs of one project may go on at once, 0 to 16; 0: as many as `max_runs` allows.
    pub max_runs_per_project: u32,
    /// How many runs to one environment of a project may go on at once, 0 to 16; 0: as many as the others allow.
    pub max_runs_per_environment: u32,
    /// How many steps may run at once on this computer, of all runs together, 0 to 1000; 0: four for each processor. Services do not count.
    pub max_steps: u32,
    /// How many megabytes the log of one step may have, 1 to 1 000 000. What its program writes beyond that is not kept.
    pub max_log_mb: u32,
    /// For how many days the files of a run that did not pass are kept for a retry, 0 to 365; 0: not at all.
    pub keep_failed_days: u32,
    /// How many megabytes of such files are kept, 0 to 1 000 000: the oldest go first. 0: none.
    pub keep_failed_mb: u32,
    /// How many seconds a step waits for a container engine that went away, 0 to 3600.
    pub engine_patience_s: u32,
    /// Which container engine: the name of a docker context, or an address such as `ssh://user@host`. Empty: found as the `docker` command
    /// does it, else the first of the usual places that answers.
    pub engine: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            grace_s: 10,
            max_runs: 2,
            max_runs_per_project: 0,
            max_runs_per_environment: 1,
            max_steps: 0,
            max_log_mb: 2000,
            keep_failed_days: 7,
            keep_failed_mb: 5000,
            engine_patience_s: 300,
            engine: String::new(),
        }
    }
}
