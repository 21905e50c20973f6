use lp_model::Message;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A sentence in the languages that people read. Lower case, things in backticks, no full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl From<&Message> for Words {
    fn from(message: &Message) -> Self {
        Self { en: message.to_string(), zh: message.in_chinese() }
    }
}
