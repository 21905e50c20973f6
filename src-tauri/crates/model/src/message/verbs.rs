//! What is done with files, and that it failed: said in the same way by every crate that works with files.

use super::{Message, What};
use crate::{message, what};
use std::io;
use std::path::Path;

/// "create `x` failed: no such file". `action` is a verb of [`verb`].
pub fn file_failed(action: &str, path: &Path, problem: &io::Error) -> Message {
    match verb(action) {
        Some(verb) => message!("{} `{}` failed: {}", verb, path.display(), problem),
        None => message!("{} `{}` failed: {}", action, path.display(), problem),
    }
}

/// "create `x`: no such file", where more is said around it.
pub fn file_problem(action: &str, path: &Path, problem: &io::Error) -> Message {
    match verb(action) {
        Some(verb) => message!("{} `{}`: {}", verb, path.display(), problem),
        None => message!("{} `{}`: {}", action, path.display(), problem),
    }
}

/// The verb as a word that is translated; `None` for one that nobody uses.
fn verb(action: &str) -> Option<What<'static>> {
    Some(match action {
        "append to" => what!("append to"),
        "copy" => what!("copy"),
        "create" => what!("create"),
        "list" => what!("list"),
        "lock" => what!("lock"),
        "open" => what!("open"),
        "read" => what!("read"),
        "remove" => what!("remove"),
        "rename" => what!("rename"),
        "replace" => what!("replace"),
        "use" => what!("use"),
        "write" => what!("write"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_what_failed_are_said_in_both_languages() {
        let failed = file_failed("create", Path::new("/data"), &io::Error::other("no"));
        assert_eq!((failed.to_string(), failed.in_chinese()), ("create `/data` failed: no".into(), "创建 `/data` 失败：no".into()));
    }
}
