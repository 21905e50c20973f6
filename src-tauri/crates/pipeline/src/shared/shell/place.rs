//! How a variable is written at the place where a value stands, so that it is one word, or a part of one.

use super::Variables;
use super::reader::{Frame, Here, Reader};
use lp_model::{Message, message};

impl Reader {
    /// Whether what is open stands inside of double quotes (or of a here-document, which is like them).
    pub fn is_double(&self) -> bool {
        self.stack.iter().rev().find(|frame| **frame != Frame::Braces).is_some_and(|frame| matches!(frame, Frame::Double | Frame::Here(_)))
    }

    /// Writes a variable that holds `value`; a person sees `shown`.
    pub fn value(&mut self, expression: &str, shown: &str, value: &str, variables: &mut Variables) -> Result<(), Message> {
        self.at += 1;
        self.script.shown.push_str(shown);
        let (escaped, dollar) = (std::mem::take(&mut self.escaped), std::mem::take(&mut self.dollar));
        let in_backticks = self.stack.contains(&Frame::Backtick);
        if in_backticks && self.stack.iter().any(|frame| matches!(frame, Frame::Double | Frame::Here(_))) {
            return Err(message!("`{}` stands in backticks inside of quotes, where shells do not agree on what a value means", expression));
        }
        if dollar {
            // A `$` in front of a value is a dollar, and not the begin of a name made of the value.
            self.script.text.pop();
            self.script.text.push_str("\\$");
        }
        let reference = if value.is_empty() { String::new() } else { format!("${{{}}}", variables.name(value)) };
        let double = self.is_double();
        let text = match self.stack.last() {
            Some(Frame::Arithmetic { .. }) => {
                let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(message!("`{}` stands in arithmetic (`((…))`), and its value is no whole number", expression));
                }
                value.to_owned()
            }
            Some(Frame::Here(Here { quoted: true, end, .. })) => {
                return Err(message!(
                    "`{}` stands in a here-document whose end `{}` is quoted, so the shell replaces nothing in it",
                    expression,
                    end
                ));
            }
            Some(Frame::Escaped) => return Err(message!("`{}` stands in `$'…'`, which not every shell knows", expression)),
            Some(Frame::Comment) => reference,
            Some(Frame::Single) => format!("'\"{reference}\"'"),
            _ if double => {
                if escaped {
                    // The backslash stays one.
                    self.script.text.push('\\');
                }
                reference
            }
            _ => {
                if escaped {
                    // It would take the quote; in front of a letter it says nothing.
                    self.script.text.pop();
                }
                if shown.contains(char::is_whitespace) && !self.script.joined.iter().any(|known| known == expression) {
                    self.script.joined.push(expression.to_owned());
                }
                format!("\"{reference}\"")
            }
        };
        self.script.text.push_str(&text);
        Ok(())
    }
}
