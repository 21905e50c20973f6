//! Text in the languages that its author gave.

use serde::Serialize;
use std::collections::BTreeMap;

/// Text by language tag (`zh-CN`, `en`); the tag `""` stands for all others. May be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Localised(BTreeMap<String, String>);

impl Localised {
    /// The same text in all languages; an empty one gives an empty value.
    pub fn plain(text: &str) -> Self {
        let text = text.trim();
        Self(if text.is_empty() { BTreeMap::new() } else { [(String::new(), text.to_owned())].into() })
    }

    /// Adds the text of a language.
    pub fn insert(&mut self, language: &str, text: &str) {
        self.0.insert(language.to_owned(), text.trim().to_owned());
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Language tags with their texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(language, text)| (language.as_str(), text.as_str()))
    }

    /// The text for a reader of that language: exactly it, else another variety of it, else the text for all others, else
    /// English, else any. Empty when there is none.
    pub fn pick(&self, language: &str) -> &str {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = self.0.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(language));
        let related = || self.0.iter().find(|(tag, _)| !tag.is_empty() && primary(tag) == primary(language));
        let english = || self.0.iter().find(|(tag, _)| primary(tag) == "en");
        let found = exact.or_else(related).or_else(|| self.0.get_key_value("")).or_else(english).or_else(|| self.0.iter().next());
        found.map_or("", |(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_language_is_picked() {
        let mut text = Localised::default();
        assert_eq!(text.pick("en"), "");
        text.insert("en", "Release");
        text.insert("zh-CN", "发布");
        for (language, expected) in [("zh-CN", "发布"), ("zh-TW", "发布"), ("en-GB", "Release"), ("de", "Release")] {
            assert_eq!(text.pick(language), expected, "{language}");
        }
        text.insert("", "Veröffentlichen");
        assert_eq!(text.pick("de"), "Veröffentlichen");
        assert_eq!(Localised::plain(" x ").pick("zh"), "x");
        assert!(Localised::plain(" ").is_empty());
    }
}
