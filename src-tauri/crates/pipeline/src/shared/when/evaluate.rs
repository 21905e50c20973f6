//! `evaluate:` of a Woodpecker condition: one yes-or-no expression over the variables of the run.
//!
//! A part of the language of the original, chosen so that every expression ends at once and cannot fail once it is read:
//! types are checked while reading, patterns are linear-time regular expressions. Whatever is not understood is refused when the
//! file is read, never guessed.

mod parse;
mod token;

use crate::shared::environment::{Environment, early_text};
use lp_model::{EnvValue, EventFacts, Message, message};
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;
use std::collections::HashMap;

/// A read expression that gives yes or no.
#[derive(Debug, Clone)]
pub struct Expression(Node);

#[derive(Debug, Clone)]
enum Node {
    Nil,
    Bool(bool),
    Number(f64),
    Text(String),
    /// Text of a variable, an empty one when there is none.
    Variable(String),
    /// All variables: `$env`.
    Variables,
    List(Vec<Node>),
    Not(Box<Node>),
    Binary(Box<Node>, Operator, Box<Node>),
    /// `matches`.
    Matches(Box<Node>, Regex),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Nil,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

/// The patterns of one file: each is compiled once, however often aliases and the matrix repeat it, and there are not many of them,
/// since compiling is what costs time.
#[derive(Debug, Default)]
pub struct Patterns(HashMap<String, Result<Regex, Message>>);

impl Patterns {
    fn get(&mut self, pattern: &str) -> Result<Regex, Message> {
        if let Some(known) = self.0.get(pattern) {
            return known.clone();
        }
        if self.0.len() >= MAX_PATTERNS {
            return Err(message!("the file has more than {} different patterns", MAX_PATTERNS));
        }
        let builder = RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build();
        let made = builder.map_err(|_| message!("`{}` is no pattern, or a too large one", pattern));
        self.0.insert(pattern.to_owned(), made.clone());
        made
    }
}

/// Most patterns of one file.
const MAX_PATTERNS: usize = 200;
/// Most memory that a compiled pattern may take, in bytes.
const MAX_PATTERN: usize = 256 << 10;

/// Reads an expression.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(text: &str, patterns: &mut Patterns) -> Result<Expression, Message> {
    parse::parse(text, patterns).map(Expression)
}

impl Expression {
    /// Whether it holds with these variables.
    pub fn holds(&self, variables: &Environment, facts: &EventFacts) -> bool {
        Scope { variables, facts }.value(&self.0) == Value::Bool(true)
    }

    /// The texts with which a variable is said to be equal somewhere, in the order of the expression.
    pub fn texts_of(&self, variable: &str) -> Vec<&str> {
        let mut texts = Vec::new();
        self.0.texts_of(variable, &mut texts);
        texts
    }
}

impl Node {
    fn texts_of<'n>(&'n self, variable: &str, texts: &mut Vec<&'n str>) {
        let is_it = |node: &Node| matches!(node, Node::Variable(name) if name == variable);
        match self {
            Self::Binary(left, Operator::Or | Operator::And, right) => {
                left.texts_of(variable, texts);
                right.texts_of(variable, texts);
            }
            Self::Binary(left, Operator::Equal, right) => match (&**left, &**right) {
                (node, Self::Text(text)) | (Self::Text(text), node) if is_it(node) => texts.push(text),
                _ => {}
            },
            Self::Binary(left, Operator::In, right) if is_it(left) => {
                if let Self::List(items) = &**right {
                    texts.extend(items.iter().filter_map(|item| if let Self::Text(text) = item { Some(text.as_str()) } else { None }));
                }
            }
            _ => {}
        }
    }
}

struct Scope<'v> {
    variables: &'v Environment,
    facts: &'v EventFacts,
}

impl Scope<'_> {
    fn value(&self, node: &Node) -> Value {
        match node {
            Node::Nil | Node::Variables => Value::Nil,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(value) => Value::Number(*value),
            Node::Text(text) => Value::Text(text.clone()),
            // Woodpecker: the environment is a map of texts, in which expr-lang finds an empty text for a name that is not there.
            Node::Variable(name) => Value::Text(self.variables.get(name).map_or_else(String::new, |value| early_text(value, self.facts))),
            Node::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            Node::Not(inner) => Value::Bool(!self.yes(inner)),
            Node::Binary(left, operator, right) => Value::Bool(self.binary(left, *operator, right)),
            Node::Matches(left, pattern) => Value::Bool(matches!(self.value(left), Value::Text(text) if pattern.is_match(&text))),
        }
    }

    fn yes(&self, node: &Node) -> bool {
        self.value(node) == Value::Bool(true)
    }

    fn binary(&self, left: &Node, operator: Operator, right: &Node) -> bool {
        match operator {
            Operator::Or => return self.yes(left) || self.yes(right),
            Operator::And => return self.yes(left) && self.yes(right),
            Operator::In => return self.is_in(left, right),
            Operator::NotIn => return !self.is_in(left, right),
            _ => {}
        }
        let (left, right) = (self.value(left), self.value(right));
        match operator {
            Operator::Equal => left == right,
            Operator::Unequal => left != right,
            Operator::Contains => texts(&left, &right, |text, part| text.contains(part)),
            Operator::StartsWith => texts(&left, &right, |text, part| text.starts_with(part)),
            Operator::EndsWith => texts(&left, &right, |text, part| text.ends_with(part)),
            _ => {
                let order = match (&left, &right) {
                    (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
                    (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
                    _ => None,
                };
                match operator {
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
                    Operator::Greater => order == Some(Ordering::Greater),
                    _ => order.is_some_and(Ordering::is_ge),
                }
            }
        }
    }

    fn is_in(&self, left: &Node, right: &Node) -> bool {
        match (self.value(left), right) {
            // Variables of the run that say nothing are not set.
            // Woodpecker: `pipeline/frontend/metadata/environment.go` `setNonEmptyEnvVar`.
            (Value::Text(name), Node::Variables) => {
                self.variables.get(&name).is_some_and(|value| !matches!(value, EnvValue::Text(text) if text.is_empty()))
            }
            (value, right) => matches!(self.value(right), Value::List(items) if items.contains(&value)),
        }
    }
}

fn texts(left: &Value, right: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
    matches!((left, right), (Value::Text(left), Value::Text(right)) if test(left, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::EventKind;

    fn holds(text: &str) -> Result<bool, String> {
        let text_of = |text: &str| EnvValue::Text(text.into());
        let variables: Environment =
            [("CI_PIPELINE_EVENT", "push"), ("CI_COMMIT_TAG", "v1.2.3-beta.1"), ("LABELS", "[\"a\",\"build\"]"), ("EMPTY", "")]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), text_of(value)))
                .collect();
        read(text, &mut Patterns::default())
            .map(|expression| expression.holds(&variables, &EventFacts::new(EventKind::Push)))
            .map_err(|message| message.to_string())
    }

    #[test]
    fn expressions() {
        for (text, expected) in [
            ("CI_PIPELINE_EVENT == \"push\"", true),
            ("CI_PIPELINE_EVENT == 'push' && CI_COMMIT_TAG != ''", true),
            ("CI_PIPELINE_EVENT == `tag` || NOBODY == \"x\"", false),
            ("NOBODY == nil", false),
            ("NOBODY != nil", true),
            ("NOBODY == ''", true),
            ("NOBODY in ['', 'all']", true),
            ("NOBODY == \"\" || NOBODY == \"linux\"", true),
            ("NOBODY matches '^$'", true),
            ("NOBODY contains ''", true),
            ("NOBODY < 'a'", true),
            ("$env['NOBODY'] == $env.EMPTY", true),
            ("\"EMPTY\" in $env", false),
            ("\"NOBODY\" not in $env", true),
            ("NOBODY contains \"x\"", false),
            ("NOBODY != \"x\"", true),
            ("not (LABELS contains \"build\")", false),
            ("not(LABELS contains \"other\") and true", true),
            ("!(\"REBUILD\" in $env)", true),
            ("\"LABELS\" in $env", true),
            ("$env[\"LABELS\"] startsWith '['", true),
            ("$env.LABELS endsWith ']'", true),
            ("CI_PIPELINE_EVENT in [\"push\", 'tag']", true),
            ("CI_PIPELINE_EVENT not in [\"push\"]", false),
            ("CI_COMMIT_TAG startsWith \"v\" and CI_COMMIT_TAG endsWith \".1\"", true),
            ("CI_COMMIT_TAG matches '^v[0-9]+\\\\.[0-9]+'", true),
            ("\"1.2\" matches '^([0-9]+)\\\\\\.2$'", true),
            ("2 < 10 and \"2\" > \"10\" and 1.5 >= 1.5 and 3 <= 4 and 1 > 0", true),
            ("1 in [1, 2] && 3 not in [1]", true),
            ("true or 1 == 2 and false", true),
            ("\"中文\" == '\\u4e2d文'", true),
            ("not true == false", true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, part) in [
            ("", "empty"),
            ("CI_PIPELINE_EVENT", "yes or no"),
            ("CI_PIPELINE_EVENT ==", "ends too early"),
            ("(true", "`)` is missing"),
            ("true true", "`true` was not expected"),
            ("len(LABELS) > 0", "functions"),
            ("\"a\" && true", "yes or no on both sides"),
            ("!\"a\"", "yes or no"),
            ("\"a\" < 1", "two texts or two numbers"),
            ("1 contains \"a\"", "texts on both sides"),
            ("1 in \"a\"", "a list"),
            ("\"a", "quote is not closed"),
            ("a ? b : c", "`?` is not understood"),
            ("\"x\" matches \"(\"", "no pattern"),
            ("CI_PIPELINE_EVENT matches CI_COMMIT_TAG", "a text in quotes"),
            ("true; false", "`;` is not understood"),
            ("1 == #", "`#` is not understood"),
            ("\"a\" == \"b\" + \"c\"", "`+` is not understood"),
        ] {
            let error = holds(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(holds(&"(".repeat(4000)).unwrap_err().contains("too deep"));
        assert!(holds(&"not ".repeat(1000)).unwrap_err().contains("too deep"));
        assert!(holds(&format!("true{}", " and true".repeat(50_000))).is_err());
        assert!(holds(&format!("\"x\" matches \"{}\"", "(a{100}){100}".repeat(20))).unwrap_err().contains("no pattern"));
    }

    #[test]
    fn patterns_are_compiled_once_and_are_not_many() {
        let mut patterns = Patterns::default();
        for n in 0..MAX_PATTERNS {
            assert!(read(&format!("\"a\" matches \"{n}\""), &mut patterns).is_ok());
        }
        assert!(read("\"a\" matches \"7\"", &mut patterns).is_ok(), "a known one costs nothing");
        assert!(read("\"a\" matches \"new\"", &mut patterns).unwrap_err().to_string().contains("more than 200"));
    }

    #[test]
    fn texts_of_a_variable_are_found() {
        let texts = |text: &str| {
            read(text, &mut Patterns::default()).unwrap().texts_of("T").into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts("T == \"qa\" || (\"prod\" == T && X == \"x\") or T in [\"a\", \"b\"]"), "qa prod a b");
        assert_eq!(texts("T != \"qa\" and not (T == \"b\") and T matches \"c\""), "");
    }
}
