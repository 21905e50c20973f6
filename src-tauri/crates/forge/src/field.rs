//! A field of an untrusted body: read by its type, with an error that names it.
//!
//! Before anything is parsed, one pass over the bytes counts how deep and how many the values are, so that what is kept of a body has a
//! limit that does not depend on who sent it.

use crate::{Forge, ForgeError};
use lp_model::{Message, message};
use serde_json::Value;

/// Deepest nesting, and most values. The deliveries of the forges have 10 levels; a push of 2048 commits has 60 000 values.
const DEEPEST: usize = 32;
const MOST_VALUES: usize = 300_000;
/// Longest name of a reference, in bytes.
const LONGEST_REFERENCE: usize = 1024;

/// Parses the JSON of a delivery.
///
/// # Errors
/// `Malformed`, `TooLarge`.
pub(crate) fn parse(json: &[u8]) -> Result<Value, ForgeError> {
    measure(json)?;
    let text = std::str::from_utf8(json).map_err(|_| ForgeError::malformed(message!("its text is not UTF-8")))?;
    serde_json::from_str(text).map_err(|error| {
        ForgeError::malformed(message!("its body is no JSON (line {}, column {})", error.line() as u64, error.column() as u64))
    })
}

fn measure(json: &[u8]) -> Result<(), ForgeError> {
    let (mut depth, mut values, mut in_text, mut escaped) = (0_usize, 1_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                values += 1;
                if depth > DEEPEST {
                    return Err(ForgeError::TooLarge { what: message!("levels in its body"), limit: DEEPEST });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
    }
    if values > MOST_VALUES {
        return Err(ForgeError::TooLarge { what: message!("values in its body"), limit: MOST_VALUES });
    }
    Ok(())
}

/// A place in a body, which may hold nothing.
#[derive(Debug, Clone)]
pub(crate) struct Field<'v> {
    value: Option<&'v Value>,
    forge: Forge,
    path: String,
}

impl<'v> Field<'v> {
    /// The body.
    pub fn root(value: &'v Value, forge: Forge) -> Self {
        Self { value: Some(value), forge, path: String::new() }
    }

    fn wrong(&self, message: Message) -> ForgeError {
        let field = if self.path.is_empty() { "(body)".to_owned() } else { self.path.clone() };
        ForgeError::Field { forge: self.forge, field, message }
    }

    fn must_be(&self, what: Message) -> ForgeError {
        let found = match self.value {
            None | Some(Value::Null) => message!("nothing"),
            Some(Value::Bool(_)) => message!("yes or no"),
            Some(Value::Number(_)) => message!("a number"),
            Some(Value::String(_)) => message!("a text"),
            Some(Value::Array(_)) => message!("a list"),
            Some(Value::Object(_)) => message!("a map"),
        };
        self.wrong(message!("must be {}, not {}", what, found))
    }

    /// What is not null.
    fn filled(&self) -> Option<&'v Value> {
        self.value.filter(|value| !value.is_null())
    }

    /// Whether there is something.
    pub fn is_there(&self) -> bool {
        self.filled().is_some()
    }

    /// The field of a map; nothing of nothing.
    pub fn get(&self, key: &str) -> Result<Self, ForgeError> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let value = match self.filled() {
            None => None,
            Some(Value::Object(map)) => map.get(key),
            Some(_) => return Err(self.must_be(message!("a map"))),
        };
        Ok(Self { value, forge: self.forge, path })
    }

    /// The first of these fields that holds something, else the last.
    pub fn first_of(&self, keys: &[&str]) -> Result<Self, ForgeError> {
        let mut last = self.clone();
        for key in keys {
            last = self.get(key)?;
            if last.is_there() {
                break;
            }
        }
        Ok(last)
    }

    /// A text, or nothing.
    pub fn text(&self) -> Result<Option<String>, ForgeError> {
        match self.filled() {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.must_be(message!("a text"))),
        }
    }

    /// A text, empty where there is none.
    pub fn text_or_empty(&self) -> Result<String, ForgeError> {
        self.text().map(Option::unwrap_or_default)
    }

    /// A text that is not empty.
    pub fn filled_text(&self) -> Result<String, ForgeError> {
        self.text()?.filter(|text| !text.is_empty()).ok_or_else(|| self.wrong(message!("is missing or empty")))
    }

    /// Yes or no, or nothing.
    pub fn flag(&self) -> Result<Option<bool>, ForgeError> {
        match self.filled() {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.must_be(message!("yes or no"))),
        }
    }

    /// A whole number that is not negative, or nothing.
    pub fn number(&self) -> Result<Option<u64>, ForgeError> {
        match self.filled() {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
            Some(_) => Err(self.must_be(message!("a whole number"))),
        }
    }

    /// The items of a list; none of nothing.
    pub fn items(&self) -> Result<Vec<Self>, ForgeError> {
        match self.filled() {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let item = |(n, value)| Self { value: Some(value), forge: self.forge, path: format!("{}[{n}]", self.path) };
                Ok(items.iter().enumerate().map(item).collect())
            }
            Some(_) => Err(self.must_be(message!("a list"))),
        }
    }

    /// Texts of a list; none of nothing.
    pub fn texts(&self) -> Result<Vec<String>, ForgeError> {
        self.items()?.iter().map(Self::text_or_empty).collect()
    }

    /// The id of an object of git, or nothing. It ends up in commands of git, so nothing else passes.
    pub fn object(&self) -> Result<Option<String>, ForgeError> {
        let Some(id) = self.text()?.filter(|id| !id.is_empty()) else { return Ok(None) };
        let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { Ok(Some(id)) } else { Err(self.wrong(message!("is no id of an object of git"))) }
    }

    /// The name of a reference or a part of one, by the rules of `git check-ref-format` that guard against commands and paths.
    pub fn reference(&self) -> Result<String, ForgeError> {
        let name = self.filled_text()?;
        let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let bad = name.len() > LONGEST_REFERENCE
            || name.starts_with(['-', '/', '.'])
            || name.ends_with(['/', '.'])
            || name.contains("..")
            || name.contains("//")
            || name.contains("@{")
            || name.contains(forbidden);
        if bad { Err(self.wrong(message!("is no name of a branch, tag or reference"))) } else { Ok(name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str, read: impl Fn(Field<'_>) -> Result<String, ForgeError>) -> String {
        let value = parse(json.as_bytes()).unwrap();
        read(Field::root(&value, Forge::Gogs)).unwrap_or_else(|error| error.told().to_string())
    }

    #[test]
    fn an_error_names_field_and_forge() {
        let author = |body: Field<'_>| body.get("commits")?.items()?[0].get("author")?.get("name")?.text_or_empty();
        assert_eq!(told(r#"{"commits": [{"author": {"name": "Lin"}}]}"#, author), "Lin");
        assert_eq!(told(r#"{"commits": [{"author": null}]}"#, author), "");
        for (json, expected) in [
            (
                r#"{"commits": [{"author": {"name": 7}}]}"#,
                "the field `commits[0].author.name` of the delivery of Gogs must be a text, not a number",
            ),
            (r#"{"commits": [{"author": [1]}]}"#, "the field `commits[0].author` of the delivery of Gogs must be a map, not a list"),
            (r#"{"commits": {}}"#, "the field `commits` of the delivery of Gogs must be a list, not a map"),
            ("true", "the field `(body)` of the delivery of Gogs must be a map, not yes or no"),
        ] {
            assert_eq!(told(json, author), expected, "{json}");
        }
    }

    #[test]
    fn ids_and_references_are_what_git_takes() {
        let object = |json: &str| told(json, |body| Ok(body.get("a")?.object()?.unwrap_or_default()));
        let id = "0123456789abcdefABCDEF0123456789abcdef01";
        assert_eq!(object(&format!(r#"{{"a": "{id}"}}"#)), id);
        assert_eq!(object(r#"{"a": ""}"#), "");
        assert!(object(r#"{"a": "--upload-pack=x"}"#).contains("is no id"));
        let reference = |text: &str| told(&format!(r#"{{"a": {}}}"#, Value::from(text)), |body| body.get("a")?.reference());
        for good in ["refs/heads/main", "功能/ünïcode", "v1.0", "feature/a-b_c", "dependabot/npm_and_yarn/@types/node-1"] {
            assert_eq!(reference(good), good);
        }
        for bad in ["", "-x", "a..b", "a b", "a\nb", "a~1", "a^", "a:b", "/a", "a/", "a//b", "a@{1}", "a\\b", "a\u{7f}", "../a", "a."] {
            assert!(reference(bad).starts_with("the field `a`"), "{bad:?}");
        }
    }

    #[test]
    fn bodies_have_limits() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(deep(DEEPEST).as_bytes()).is_ok());
        assert!(matches!(parse(deep(DEEPEST + 1).as_bytes()), Err(ForgeError::TooLarge { .. })));
        assert!(matches!(parse(deep(200_000).as_bytes()), Err(ForgeError::TooLarge { .. })));
        let wide = format!("[{}1]", "1,".repeat(MOST_VALUES));
        assert!(matches!(parse(wide.as_bytes()), Err(ForgeError::TooLarge { .. })));
        // Brackets in a text are text.
        assert!(parse(format!(r#"{{"a\"": "{}\\"}}"#, "[".repeat(99)).as_bytes()).is_ok());
        assert!(matches!(parse(b"{\"a\": \"\xff\"}"), Err(ForgeError::Malformed { .. })));
        assert!(matches!(parse(b"{\"a\": "), Err(ForgeError::Malformed { .. })));
    }
}
