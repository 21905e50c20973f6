//! Volumes as Docker Compose writes them: `host:container[:mode]`.

/// The one to three parts of a volume. A single letter before a colon is a drive of Windows and belongs to its path. `None` when there
/// are more parts, or one of them is empty.
pub fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let from = if is_drive(rest, parts.is_empty()) { 2 } else { 0 };
        let end = rest[from..].find(':').map(|at| from + at);
        let part = &rest[..end.unwrap_or(rest.len())];
        if part.is_empty() || parts.len() == 3 {
            return None;
        }
        parts.push(part);
        match end {
            None => return Some(parts),
            Some(end) => rest = &rest[end + 1..],
        }
    }
}

/// Whether the text begins with a drive. `n:/container` as a whole volume is a name and a path.
fn is_drive(text: &str, first: bool) -> bool {
    match text.as_bytes() {
        [letter, b':'] => letter.is_ascii_alphabetic() && !first,
        [letter, b':', b'/' | b'\\' | b':', rest @ ..] => letter.is_ascii_alphabetic() && (!first || rest.contains(&b':')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_of_windows_belong_to_their_paths() {
        for (text, expected) in [
            ("/only", Some(&["/only"][..])),
            ("/host:/container", Some(&["/host", "/container"])),
            ("/host:/container:ro,z", Some(&["/host", "/container", "ro,z"])),
            ("name:/container", Some(&["name", "/container"])),
            ("n:/container", Some(&["n", "/container"])),
            ("C:/host:/container:ro", Some(&["C:/host", "/container", "ro"])),
            (r"C:\host:D:\container", Some(&[r"C:\host", r"D:\container"])),
            ("a:b:c:d:e", None),
            ("/a:/b:ro:z", None),
            ("/a::ro", None),
            (":/a", None),
            ("", None),
        ] {
            assert_eq!(parts(text).as_deref(), expected, "{text}");
        }
    }
}
