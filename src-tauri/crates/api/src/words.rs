//! Texts that people copy: names and paths as words of a shell.

/// The text as one word of a POSIX shell, as short as it can be: a hint that names a folder must do what it says when it is pasted, whatever
/// the folder is called.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+,=".contains(c);
    if !text.is_empty() && !text.starts_with(['-', '=']) && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_hint_names_the_folder_and_does_nothing_else() {
        for (text, expected) in [
            ("/home/lin/shop", "/home/lin/shop"),
            ("/home/lin/商店", "/home/lin/商店"),
            ("/home/lin/my shop", "'/home/lin/my shop'"),
            ("a; rm -rf ~", "'a; rm -rf ~'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("-rf", "'-rf'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }
}
