//! Finding programs as `execvp` would, so that what cannot be started is said before anything is written down.

use lp_model::{Message, message};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the system looks when there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The kernel reads no more of a script than this to find its interpreter.
const FIRST_LINE_BYTES: u64 = 256;

/// Where `program` is, seen from the working folder `from`; the error says in words why it cannot be started.
pub(crate) fn find(program: &str, path: Option<&OsStr>, from: &Path) -> Result<PathBuf, Message> {
    let mut refused = false;
    for folder in folders(program, path) {
        let candidate = from.join(folder).join(program);
        match is_executable(&candidate) {
            Ok(true) => return missing_interpreter(program, &candidate, from).map_or(Ok(candidate), Err),
            Ok(false) => refused = true,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => refused = true,
            Err(_) => {}
        }
    }
    Err(if refused {
        message!("program `{}` may not be executed", program)
    } else {
        message!("program `{}` is not on this computer", program)
    })
}

/// A name with a slash is a path already.
fn folders(program: &str, path: Option<&OsStr>) -> Vec<PathBuf> {
    if program.contains('/') {
        return vec![PathBuf::new()];
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    if program.is_empty() { Vec::new() } else { std::env::split_paths(path).collect() }
}

fn is_executable(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}

/// A script whose interpreter is not there fails in a way that names the script: say what is really missing.
fn missing_interpreter(program: &str, path: &Path, from: &Path) -> Option<Message> {
    let mut start = Vec::new();
    // What may be executed but not read is no script.
    File::open(path).ok()?.take(FIRST_LINE_BYTES).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let name = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    let name = Path::new(OsStr::from_bytes(name));
    let is_missing = fs::metadata(from.join(name)).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    // Escaped, because it is often a carriage return at the end that nobody sees.
    is_missing.then(|| {
        message!(
            "program `{}` needs `{}`, which is not on this computer",
            program,
            format_args!("{}", name.to_string_lossy().escape_debug())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn programs_are_found_as_the_system_finds_them() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let make = |name: &str, text: &str, mode: u32| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        make("one/tool", "", 0o644);
        make("two/tool", "#!/bin/sh\n", 0o755);
        make("dos", "#!/bin/sh\r\n", 0o755);
        fs::create_dir(at("folder")).unwrap();
        let path = std::env::join_paths([at("one"), at("two")]).unwrap();
        let find = |program: &str| find(program, Some(&path), temp.path()).map_err(|why| why.to_string());
        assert_eq!(find("tool"), Ok(at("two/tool")));
        assert_eq!(find("./two/tool"), Ok(at("./two/tool")));
        assert_eq!(find("one/tool"), Err("program `one/tool` may not be executed".into()));
        assert_eq!(find("./folder"), Err("program `./folder` may not be executed".into()));
        assert_eq!(find("sh"), Err("program `sh` is not on this computer".into()));
        assert_eq!(find(""), Err("program `` is not on this computer".into()));
        assert_eq!(find("./dos"), Err("program `./dos` needs `/bin/sh\\r`, which is not on this computer".into()));
        assert!(super::find("sh", None, temp.path()).is_ok());
    }
}
