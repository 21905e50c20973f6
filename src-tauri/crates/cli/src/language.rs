//! In which language the terminal speaks: `--language`, else `LETTERPRESS_LANGUAGE`, else the setting of the window, else the terminal's
//! locale. What needs no data folder (`lint`, `plan`, `explain`) looks for no setting.

use clap::ValueEnum;
use lp_api::{App, Message, dto};
use std::sync::atomic::{AtomicBool, Ordering};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// 中文.
    Zh,
}

/// Whether this process speaks Chinese.
static IS_CHINESE: AtomicBool = AtomicBool::new(false);

impl Language {
    /// What the locale of the terminal asks for.
    pub fn of_system() -> Self {
        Self::of(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        match locale {
            Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }

    /// From now on this process speaks this language.
    pub fn speak(self) {
        IS_CHINESE.store(self == Self::Zh, Ordering::Relaxed);
    }

    /// What this process speaks; English before anybody has said.
    pub fn spoken() -> Self {
        if IS_CHINESE.load(Ordering::Relaxed) { Self::Zh } else { Self::En }
    }

    /// What the settings of the data folder ask for; `None` where that is left to the system.
    pub async fn of_settings(app: &App) -> Option<Self> {
        match app.settings().await.ok()?.language {
            dto::Language::System => None,
            dto::Language::En => Some(Self::En),
            dto::Language::ZhCn => Some(Self::Zh),
        }
    }

    /// Its tag, as authors of workflows write it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The sentence in this language.
    pub fn words(self, message: &Message) -> String {
        message.text(self.into())
    }
}

impl From<Language> for lp_api::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::En,
            Language::Zh => Self::Zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides() {
        let of = |set: &[(&str, &str)]| Language::of(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()));
        for (set, expected) in [
            (&[][..], Language::En),
            (&[("LANG", "zh_CN.UTF-8")], Language::Zh),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], Language::En),
            (&[("LC_ALL", ""), ("LC_MESSAGES", "zh"), ("LANG", "en_US")], Language::Zh),
            (&[("LANG", "de_DE")], Language::En),
        ] {
            assert_eq!(of(set), expected, "{set:?}");
        }
    }
}
