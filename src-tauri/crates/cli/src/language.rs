//! In which language the terminal speaks: `--language`, else `LETTERPRESS_LANGUAGE`, else the setting of the window, else the terminal's locale.

use clap::ValueEnum;
use lp_api::Message;
use std::sync::OnceLock;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// 中文.
    Zh,
}

/// What this process speaks.
static SPOKEN: OnceLock<Language> = OnceLock::new();

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

    /// From now on this process speaks this language. The first word counts.
    pub fn speak(self) {
        let _ = SPOKEN.set(self);
    }

    /// What this process speaks; English before anybody has said.
    pub fn spoken() -> Self {
        SPOKEN.get().copied().unwrap_or(Self::En)
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
