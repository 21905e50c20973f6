//! In which language findings and reports are printed.

use clap::ValueEnum;
use lp_api::dto::Words;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// 中文.
    Zh,
}

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

    /// One of two texts.
    pub fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// The sentence in this language.
    pub fn words(self, words: &Words) -> &str {
        match self {
            Self::En => &words.en,
            Self::Zh => &words.zh,
        }
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
