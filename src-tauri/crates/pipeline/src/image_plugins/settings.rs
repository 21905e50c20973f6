//! The settings of a plugin as its program finds them: variables of its environment, of which several may mean one setting.
//!
//! Whatever language a file is written in, a setting has become a variable by now (`PLUGIN_…`, or the name of a secret in upper case), so
//! that one reading serves all of them.

use lp_model::{BuildValue, EnvPiece, EnvValue, Instead, Later, Message, message};
use lp_yaml::Value;
use std::collections::BTreeMap;

/// Most items of a list that are looked at: people have some ten.
const MAX_ITEMS: usize = 1000;

/// The variables of a step, read one setting after the other. What cannot be read is kept until the end.
#[derive(Debug)]
pub struct Settings<'e> {
    environment: &'e BTreeMap<String, EnvValue>,
    /// How the program reads them.
    form: Form,
    /// Why nobody can tell before the step starts what the plugin builds.
    pub unreadable: Option<Message>,
    /// What the plugin does because a setting is wrong.
    pub wrong: Option<Instead>,
}

/// How a program reads its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Flags of a program in Go (urfave/cli, version 1).
    Flags,
    /// The same of version 2, which prints its usage and ends well when a flag is wrong (woodpecker's buildx 3).
    LenientFlags,
    /// Variables of a shell script.
    Script,
}

impl<'e> Settings<'e> {
    /// Of a step's environment.
    pub fn new(environment: &'e BTreeMap<String, EnvValue>, form: Form) -> Self {
        Self { environment, form, unreadable: None, wrong: None }
    }

    /// The variable that counts: the first of the names that is set, even when it is empty.
    pub fn variable(&self, names: &[&str]) -> Option<(&'e str, &'e EnvValue)> {
        names.iter().find_map(|name| self.environment.get_key_value(*name)).map(|(name, value)| (name.as_str(), value))
    }

    /// Whether a setting is set to something, whatever it is.
    pub fn is_set(&self, names: &[&str]) -> bool {
        self.variable(names).is_some_and(|(_, value)| !matches!(value, EnvValue::Text(text) if text.is_empty()))
    }

    /// The text of a setting, `None` where it is not set.
    pub fn text(&mut self, names: &[&str]) -> Option<&'e str> {
        match self.variable(names)? {
            (_, EnvValue::Text(text)) => Some(text),
            (name, _) => {
                let reason =
                    message!("the setting `{}` is known only when the step starts, and what is built depends on it", setting(name));
                self.unreadable.get_or_insert(reason);
                None
            }
        }
    }

    /// The text of a setting where it says something.
    pub fn some_text(&mut self, names: &[&str]) -> Option<String> {
        self.text(names).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The value of a setting, which may come later.
    pub fn value(&self, names: &[&str]) -> Option<BuildValue> {
        let (name, value) = self.variable(names)?;
        Some(of_variable(name, value))
    }

    /// The value of a setting where it is not empty, always by its variable: how a password is named.
    pub fn hidden(&self, names: &[&str]) -> Option<BuildValue> {
        let (name, value) = self.variable(names)?;
        let empty = matches!(value, EnvValue::Text(text) if text.is_empty());
        (!empty).then(|| by_name(name, value))
    }

    /// The value of a variable of the environment, for an argument that names one.
    pub fn of_environment(&self, name: &str) -> Option<BuildValue> {
        let value = self.environment.get(name)?;
        Some(of_variable(name, value))
    }

    /// The items of a list: the text between its commas, without blanks around. A setting that is there and empty has one empty item, as
    /// version 1 of the library reads it.
    pub fn list(&mut self, names: &[&str]) -> Option<Vec<String>> {
        let text = self.text(names)?;
        if text.bytes().filter(|b| *b == b',').count() >= MAX_ITEMS {
            let name = self.variable(names).map(|(name, _)| setting(name)).unwrap_or_default();
            self.unreadable.get_or_insert(message!("the setting `{}` has more than {} items", name, MAX_ITEMS));
            return None;
        }
        let items = text.split(',').map(|item| item.trim().to_owned());
        match self.form {
            Form::Flags => Some(items.collect()),
            Form::LenientFlags if text.is_empty() => Some(Vec::new()),
            Form::LenientFlags => Some(items.collect()),
            // Words of a shell: an empty variable is as if it were not there.
            Form::Script => Some(items.filter(|item| !item.is_empty()).collect::<Vec<_>>()).filter(|items| !items.is_empty()),
        }
    }

    /// The items of a list that may be empty.
    pub fn items(&mut self, names: &[&str]) -> Vec<String> {
        self.list(names).unwrap_or_default().into_iter().filter(|item| !item.is_empty()).collect()
    }

    /// A bool: Go's words for it; one that is there and empty is false, whatever it is without the setting.
    pub fn flag(&mut self, names: &[&str], default: bool) -> bool {
        let Some(text) = self.text(names) else { return default };
        match (text, self.form) {
            (text, Form::Script) => text == "true",
            ("1" | "t" | "T" | "TRUE" | "true" | "True", _) => true,
            ("" | "0" | "f" | "F" | "FALSE" | "false" | "False", _) => false,
            (text, form) => {
                let name = self.variable(names).map(|(name, _)| setting(name)).unwrap_or_default();
                let reason = message!("the setting `{}` is `{}`, which is neither `true` nor `false`", name, text.to_owned());
                self.wrong.get_or_insert(match form {
                    Form::LenientFlags => Instead::Passes(reason),
                    Form::Flags | Form::Script => Instead::Fails(reason),
                });
                default
            }
        }
    }

    /// The scalars of a setting that is JSON, each with its pointer: the members of a map, or those of the maps in a list. `None` where the
    /// setting is not set or no such JSON.
    pub fn json(&self, names: &[&str]) -> Option<Vec<Vec<(String, BuildValue)>>> {
        let (name, value) = self.variable(names)?;
        let (text, secrets) = marked(value)?;
        let root = lp_yaml::parse(name, text.as_bytes()).ok()?.into_iter().next()?.root;
        let members = |node: &lp_yaml::Node, place: &str| -> Option<Vec<(String, BuildValue)>> {
            let member = |entry: &lp_yaml::Entry| {
                let key = entry.key.text.clone();
                let text = entry.value.text().unwrap_or_default();
                let inside: Vec<String> =
                    secrets.iter().filter(|(mark, _)| text.contains(mark.as_str())).map(|(_, name)| name.clone()).collect();
                let pointer = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                let value = match inside.is_empty() && !matches!(value, EnvValue::Secret(_)) {
                    true => BuildValue::Text(text.to_owned()),
                    false => BuildValue::Later(Later::Variable { name: name.to_owned(), pointer, secrets: inside }),
                };
                (key, value)
            };
            Some(node.entries()?.iter().map(member).collect())
        };
        match &root.value {
            Value::Map(_) => Some(vec![members(&root, "")?]),
            Value::Seq(items) => items.iter().enumerate().map(|(n, item)| members(item, &format!("/{n}"))).collect(),
            Value::Scalar { .. } => None,
        }
    }
}

/// A text with a mark in the place of each secret, and the marks.
fn marked(value: &EnvValue) -> Option<(String, Vec<(String, String)>)> {
    let mut marks = Vec::new();
    let mut text = String::new();
    match value {
        EnvValue::Text(plain) => text.clone_from(plain),
        EnvValue::Template(pieces) => {
            for piece in pieces {
                match piece {
                    EnvPiece::Text(plain) => text.push_str(plain),
                    EnvPiece::Secret(name) | EnvPiece::JsonSecret(name) => {
                        // Characters that no text of a person has.
                        let mark = format!("\u{e000}{}\u{e001}", marks.len());
                        text.push_str(&mark);
                        marks.push((mark, name.clone()));
                    }
                }
            }
        }
        EnvValue::Secret(_) | EnvValue::Runtime(_) => return None,
    }
    Some((text, marks))
}

fn of_variable(name: &str, value: &EnvValue) -> BuildValue {
    match value {
        EnvValue::Text(text) => BuildValue::Text(text.clone()),
        _ => by_name(name, value),
    }
}

fn by_name(name: &str, value: &EnvValue) -> BuildValue {
    let mut secrets: Vec<String> = value.secret_names().into_iter().map(str::to_owned).collect();
    secrets.dedup();
    BuildValue::Later(Later::Variable { name: name.to_owned(), pointer: String::new(), secrets })
}

/// The name of a setting as people write it, from its variable.
pub fn setting(variable: &str) -> String {
    variable.strip_prefix("PLUGIN_").map_or_else(|| variable.to_owned(), str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, EnvValue> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), EnvValue::Text((*text).to_owned()))).collect()
    }

    #[test]
    fn the_first_name_that_is_set_counts() {
        let environment = environment(&[("A", ""), ("B", "x, y ,"), ("C", "yes")]);
        let mut settings = Settings::new(&environment, Form::Flags);
        assert_eq!(settings.text(&["A", "B"]), Some(""));
        assert_eq!(settings.list(&["B"]).unwrap(), ["x", "y", ""]);
        assert_eq!(settings.list(&["A"]).unwrap(), [""]);
        assert!(!settings.flag(&["A"], true) && settings.flag(&["Z"], true));
        assert_eq!(settings.wrong, None);
        settings.flag(&["C"], false);
        assert!(matches!(settings.wrong, Some(Instead::Fails(_))));
        let mut lenient = Settings::new(&environment, Form::LenientFlags);
        lenient.flag(&["C"], false);
        assert!(matches!(lenient.wrong, Some(Instead::Passes(_))) && lenient.list(&["A"]).unwrap().is_empty());
        let mut script = Settings::new(&environment, Form::Script);
        assert!(!script.flag(&["C"], true) && script.list(&["A"]).is_none());
    }

    #[test]
    fn a_secret_is_named_and_never_guessed() {
        let mut environment = environment(&[]);
        environment.insert("PLUGIN_TAGS".into(), EnvValue::Secret("tags".into()));
        environment.insert(
            "PLUGIN_LOGINS".into(),
            EnvValue::Template(vec![
                EnvPiece::Text("[{\"registry\":\"h\",\"password\":\"".into()),
                EnvPiece::JsonSecret("pw".into()),
                EnvPiece::Text("\"}]".into()),
            ]),
        );
        let mut settings = Settings::new(&environment, Form::Flags);
        assert_eq!(settings.list(&["PLUGIN_TAGS"]), None);
        assert!(settings.unreadable.as_ref().unwrap().to_string().contains("`tags`"));
        let logins = settings.json(&["PLUGIN_LOGINS"]).unwrap();
        assert_eq!(logins[0][0], ("registry".to_owned(), BuildValue::text("h")));
        let later = Later::Variable { name: "PLUGIN_LOGINS".into(), pointer: "/0/password".into(), secrets: vec!["pw".into()] };
        assert_eq!(logins[0][1], ("password".to_owned(), BuildValue::Later(later)));
    }
}
