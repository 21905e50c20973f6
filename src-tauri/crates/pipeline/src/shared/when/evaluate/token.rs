//! From the text of an expression to its words.

use lp_model::{Message, message};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64),
    Text(String),
    /// `==`, `(`, `&&`, …
    Sign(&'static str),
}

const SIGNS: [&str; 16] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", "$env", "."];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Message> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let len;
        if c == '"' || c == '\'' || c == '`' {
            let (value, end) = quoted(rest, c).ok_or_else(|| message!("a quote is not closed"))?;
            tokens.push(Token::Text(value));
            len = end;
        } else if c.is_ascii_digit() {
            len = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(rest.len());
            let number = rest[..len].replace('_', "").parse().map_err(|_| message!("`{}` is no number", &rest[..len]))?;
            tokens.push(Token::Number(number));
        } else if c.is_alphabetic() || c == '_' {
            len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..len].to_owned()));
        } else {
            let sign =
                SIGNS.into_iter().find(|sign| rest.starts_with(sign)).ok_or_else(|| message!("`{}` is not understood", c.to_string()))?;
            tokens.push(Token::Sign(sign));
            len = sign.len();
        }
        rest = rest[len..].trim_start();
    }
    Ok(tokens)
}

/// The text between quotes and the offset behind the closing one. An escape that means nothing stands for its character, so
/// that `\.` in a pattern is a dot as its writer meant it.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + c.len_utf8())),
            '\\' if quote != '`' => value.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'u' => {
                    let digits: String = (0..4).filter_map(|_| chars.next().map(|(_, c)| c)).collect();
                    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)?
                }
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}
