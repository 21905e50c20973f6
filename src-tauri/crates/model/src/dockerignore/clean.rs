//! A path as Go's `filepath.Clean` writes it.

/// Without `.`, doubled and closing slashes, and with `..` taken back where something stands before it; what is nothing then is `.`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => _ = parts.pop(),
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_are_written_shortly() {
        for (path, expected) in
            [("a/./b//c/", "a/b/c"), ("a/../b", "b"), ("../a", "../a"), ("/../a", "/a"), ("./", "."), ("", "."), ("/", "/"), ("a/..", ".")]
        {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
