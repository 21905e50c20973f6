//! How a text stands between the quotes of JSON, as the dialects' own programs write it.

/// Escapes a text for JSON with Go's escapes, which are made to be safe inside HTML (`<` is `\u003c`).
pub fn json_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::json_escape;

    #[test]
    fn escapes_are_those_of_go() {
        assert_eq!(json_escape("a\"\\\n\t\r<>&\u{1}中"), "a\\\"\\\\\\n\\t\\r\\u003c\\u003e\\u0026\\u0001中");
    }
}
