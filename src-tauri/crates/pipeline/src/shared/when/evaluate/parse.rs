//! From words to an expression whose types are known to fit.

use super::token::{Token, tokens};
use super::{Node, Operator, Patterns};
use lp_model::{Message, message};

/// Longest expression in bytes.
const MAX_TEXT: usize = 4096;
/// Deepest nesting of brackets and negations.
const MAX_DEPTH: usize = 50;

/// What a part of an expression gives.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Bool,
    Number,
    Text,
    List,
    Nil,
    /// `$env`.
    Variables,
}

pub(super) fn parse(text: &str, patterns: &mut Patterns) -> Result<Node, Message> {
    if text.len() > MAX_TEXT {
        return Err(message!("it has more than {} bytes", MAX_TEXT));
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(message!("it is empty"));
    }
    let mut parser = Parser { tokens, at: 0, patterns };
    let (node, kind) = parser.expression(0, 0)?;
    if let Some(token) = parser.peek() {
        return Err(message!("{} was not expected", show(token)));
    }
    if kind == Type::Bool { Ok(node) } else { Err(message!("it does not say yes or no")) }
}

fn show(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Number(number) => format!("`{number}`"),
        Token::Text(text) => format!("`\"{text}\"`"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

struct Parser<'p> {
    tokens: Vec<Token>,
    at: usize,
    patterns: &'p mut Patterns,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn demand(&mut self, sign: &str) -> Result<(), Message> {
        if self.take(sign) { Ok(()) } else { Err(message!("`{}` is missing", sign)) }
    }

    /// The operator that stands here and how strongly it binds, with the number of its words.
    fn operator(&self) -> Option<(Operator, u8, usize)> {
        let word = |at: usize| match self.tokens.get(at)? {
            Token::Name(name) => Some(name.as_str()),
            Token::Sign(sign) => Some(*sign),
            _ => None,
        };
        let (operator, strength) = match word(self.at)? {
            "or" | "||" => (Operator::Or, 1),
            "and" | "&&" => (Operator::And, 2),
            "==" => (Operator::Equal, 3),
            "!=" => (Operator::Unequal, 3),
            "<" => (Operator::Less, 3),
            "<=" => (Operator::LessOrEqual, 3),
            ">" => (Operator::Greater, 3),
            ">=" => (Operator::GreaterOrEqual, 3),
            "in" => (Operator::In, 3),
            "not" if word(self.at + 1) == Some("in") => return Some((Operator::NotIn, 3, 2)),
            "contains" => (Operator::Contains, 3),
            "startsWith" => (Operator::StartsWith, 3),
            "endsWith" => (Operator::EndsWith, 3),
            "matches" => (Operator::Matches, 3),
            _ => return None,
        };
        Some((operator, strength, 1))
    }

    fn expression(&mut self, weakest: u8, depth: usize) -> Result<(Node, Type), Message> {
        let mut left = self.single(depth)?;
        while let Some((operator, strength, words)) = self.operator().filter(|(_, strength, _)| *strength > weakest) {
            self.at += words;
            let right = self.expression(strength, depth)?;
            left = (join(left, operator, right, self.patterns)?, Type::Bool);
        }
        Ok(left)
    }

    fn single(&mut self, depth: usize) -> Result<(Node, Type), Message> {
        if depth > MAX_DEPTH {
            return Err(message!("it is nested too deep"));
        }
        let token = self.peek().cloned().ok_or_else(|| message!("it ends too early"))?;
        self.at += 1;
        match token {
            Token::Number(number) => Ok((Node::Number(number), Type::Number)),
            Token::Text(text) => Ok((Node::Text(text), Type::Text)),
            Token::Sign("!") => self.negated(depth),
            Token::Sign("(") => {
                let inner = self.expression(0, depth + 1)?;
                self.demand(")")?;
                Ok(inner)
            }
            Token::Sign("[") => self.list(depth),
            Token::Sign("$env") => self.variables(),
            Token::Name(name) => match name.as_str() {
                "not" => self.negated(depth),
                "true" => Ok((Node::Bool(true), Type::Bool)),
                "false" => Ok((Node::Bool(false), Type::Bool)),
                "nil" => Ok((Node::Nil, Type::Nil)),
                _ if self.take("(") => Err(message!("functions such as `{}()` are not known here", name)),
                _ => Ok((Node::Variable(name), Type::Text)),
            },
            token => Err(message!("{} was not expected", show(&token))),
        }
    }

    /// A negation binds more strongly than a comparison.
    fn negated(&mut self, depth: usize) -> Result<(Node, Type), Message> {
        match self.single(depth + 1)? {
            (inner, Type::Bool) => Ok((Node::Not(Box::new(inner)), Type::Bool)),
            _ => Err(message!("what is negated does not say yes or no; put the comparison into brackets")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Node, Type), Message> {
        let mut items = Vec::new();
        while !self.take("]") {
            items.push(self.expression(0, depth + 1)?.0);
            if !self.take(",") {
                self.demand("]")?;
                break;
            }
        }
        Ok((Node::List(items), Type::List))
    }

    /// `$env`, `$env["NAME"]` or `$env.NAME`.
    fn variables(&mut self) -> Result<(Node, Type), Message> {
        let dot = self.take(".");
        if !dot && !self.take("[") {
            return Ok((Node::Variables, Type::Variables));
        }
        let name = match self.peek() {
            Some(Token::Name(name)) if dot => name.clone(),
            Some(Token::Text(name)) if !dot => name.clone(),
            _ => return Err(message!("the name of a variable must follow `$env`")),
        };
        self.at += 1;
        if !dot {
            self.demand("]")?;
        }
        Ok((Node::Variable(name), Type::Text))
    }
}

fn join((left, a): (Node, Type), operator: Operator, (right, b): (Node, Type), patterns: &mut Patterns) -> Result<Node, Message> {
    let both = |kind: Type| a == kind && b == kind;
    match operator {
        Operator::Or | Operator::And if !both(Type::Bool) => {
            return Err(message!("`and` and `or` need something that says yes or no on both sides"));
        }
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
            if !both(Type::Text) && !both(Type::Number) =>
        {
            return Err(message!("`<` and `>` compare two texts or two numbers"));
        }
        Operator::Contains | Operator::StartsWith | Operator::EndsWith | Operator::Matches if !both(Type::Text) => {
            return Err(message!("`contains`, `startsWith`, `endsWith` and `matches` need texts on both sides"));
        }
        Operator::In | Operator::NotIn if b != Type::List && b != Type::Variables => {
            return Err(message!("`in` needs a list or `$env` on its right"));
        }
        Operator::Equal | Operator::Unequal if a == Type::Variables || b == Type::Variables => {
            return Err(message!("`$env` can only be asked for a name"));
        }
        Operator::Matches => {
            // A pattern out of a variable could be anything that the writer of a commit message likes.
            let Node::Text(pattern) = &right else { return Err(message!("the pattern of `matches` must be a text in quotes")) };
            return Ok(Node::Matches(Box::new(left), patterns.get(pattern)?));
        }
        _ => {}
    }
    Ok(Node::Binary(Box::new(left), operator, Box::new(right)))
}
