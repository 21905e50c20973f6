//! What an engine's answers mean in the words of [`BackendError`].

use bollard::errors::Error;
use lp_backend::BackendError;
use lp_model::{Message, message};

/// What every engine says when a disk is full.
const DISK_FULL: &str = "no space left on device";

/// The call did not get an answer at all, so nothing is known. A computer that has no descriptor left for the call is no silent engine.
pub(crate) fn is_transport(error: &Error) -> bool {
    let is_silence = matches!(
        error,
        Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::RequestTimeoutError
            | Error::SocketNotFoundError(_)
    );
    is_silence && !has_no_descriptor(error)
}

/// The call could not be made, because this process or this computer has too many files and connections open.
fn has_no_descriptor(error: &Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let mut next: Option<&(dyn std::error::Error + 'static)> = match error {
        Error::IOError { err } => Some(err),
        error => Some(error),
    };
    while let Some(error) = next {
        if error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::raw_os_error)
            .is_some_and(|code| [EMFILE, ENFILE].contains(&code))
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// The HTTP status of an answer that refuses.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The thing does not exist.
pub(crate) fn is_missing(error: &Error) -> bool {
    status(error) == Some(404)
}

/// A container of that name exists, or is not in a state for what was asked. Podman up to version 5 answers 500 where a name is taken.
pub(crate) fn is_taken(error: &Error) -> bool {
    status(error) == Some(409) || (status(error) == Some(500) && message(error).to_string().contains("already in use"))
}

/// What went wrong in the words of the one who knows: the engine, or the system for a connection.
pub(crate) fn message(error: &Error) -> Message {
    match error {
        Error::DockerResponseServerError { message, .. } => Message::verbatim(message.trim()),
        Error::DockerStreamError { error } => Message::verbatim(error.trim()),
        Error::RequestTimeoutError => message!("no answer in time"),
        Error::SocketNotFoundError(path) => message!("no socket at `{}`", path),
        other => Message::in_error(other).unwrap_or_else(|| {
            // "client error (Connect)" says nothing: the innermost cause does.
            let mut innermost: &dyn std::error::Error = other;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            Message::verbatim(innermost)
        }),
    }
}

/// The engine did not answer.
pub(crate) fn unreachable(error: &Error) -> BackendError {
    gone(message(error))
}

/// The engine did not answer, or another one did, in words.
pub(crate) fn gone(message: impl Into<Message>) -> BackendError {
    BackendError::unreachable(message).hinted(message!("start Docker (or Podman) and run again"))
}

/// An image cannot be had. `image` is named as in the file.
pub(crate) fn no_image(image: &str, message: impl Into<Message>) -> BackendError {
    BackendError::image(image, message)
        .hinted(message!("check the spelling of the image, the network and the registry login; or fetch the image by hand and run again"))
}

/// A call that should have worked was refused.
pub(crate) fn call(action: impl Into<Message>, error: &Error) -> BackendError {
    if is_transport(error) {
        return unreachable(error);
    }
    let message = message(error);
    if message.to_string().contains(DISK_FULL) {
        return BackendError::disk_full(message);
    }
    if has_no_descriptor(error) {
        return BackendError::call(action, message)
            .hinted(message!("let fewer steps run at once (settings), or raise the limit of open files (`ulimit -n`), and run again"));
    }
    BackendError::call(action, message)
}

/// Creating or starting the container of a step was refused.
pub(crate) fn start(step: &str, error: &Error) -> BackendError {
    match call(message!("start"), error) {
        BackendError::Call { message, hint, .. } if hint.is_empty() => {
            let (reason, hint) = start_reason(&message.to_string());
            BackendError::start(step, reason).hinted(hint())
        }
        other => other,
    }
}

/// An image was refused. `image` is named as in the file.
pub(crate) fn image(image: &str, error: &Error) -> BackendError {
    // A pull that is not answered in time has a slow registry behind it, not a dead engine.
    let message = match error {
        Error::RequestTimeoutError => message!("the registry did not answer in time"),
        other => match call(message!("pull"), other) {
            BackendError::Call { message, hint, .. } if hint.is_empty() => message,
            found => return found,
        },
    };
    no_image(image, message)
}

/// What to do about a step that cannot be started, made when it is needed.
type Hint = fn() -> Message;

fn no_hint() -> Message {
    Message::default()
}

const PROGRAM: Hint = || message!("check `commands`, `entrypoint` and the image: the program has to be in it");
const USER: Hint = || message!("check `user` and the image: the user has to be in it");
const FOLDER: Hint = || message!("check the working folder of the step, and that the image has no file in its place");
const VOLUMES: Hint =
    || message!("check `volumes` of the step: each path absolute and used once, and each folder where the engine may read it");
const SHARED_FOLDER: Hint = || message!("let Docker Desktop share the folder (Settings, Resources, File sharing), or use another one");
const NETWORK: Hint = || message!("check `network_mode`: the network has to be there");
const HOSTS: Hint = || message!("check `extra_hosts` (`name:address`) of the step");
const DNS: Hint = || message!("check `dns` of the step: it takes addresses, not names");
const MEMORY: Hint = || message!("check `mem_limit` and `shm_size` of the step");
const RIGHTS: Hint =
    || message!("the engine may not do this: look at its rights (rootless, inside a container, security profile), not at the pipeline");

/// What engines and runtimes say when the container of a step cannot be made or started, and what a person looks at then. The first that is found counts.
const START_TROUBLES: [(&str, Hint); 24] = [
    ("is not shared from the host", SHARED_FOLDER),
    ("mounts denied", SHARED_FOLDER),
    ("bind source path does not exist", VOLUMES),
    ("error while creating mount source path", VOLUMES),
    ("invalid mount config", VOLUMES),
    ("invalid volume specification", VOLUMES),
    ("invalid mount path", VOLUMES),
    ("Duplicate mount point", VOLUMES),
    ("duplicate mount destination", VOLUMES),
    ("statfs ", VOLUMES),
    ("add-host", HOSTS),
    ("invalid IP address", DNS),
    ("is not an ip address", DNS),
    ("emory limit", MEMORY),
    ("shm", MEMORY),
    ("network", NETWORK),
    ("working directory", FOLDER),
    ("chdir to cwd", FOLDER),
    ("not a directory", FOLDER),
    ("user ", USER),
    ("operation not permitted", RIGHTS),
    ("permission denied", RIGHTS),
    ("cgroup", RIGHTS),
    ("error mounting", VOLUMES),
];

/// The part of a runtime's message that a person can act on, and how. The whole of it is a chain of five programs' prefixes, e.g.
/// `failed to create shim task: OCI runtime create failed: … exec: "nope": executable file not found in $PATH: unknown`.
fn start_reason(message: &str) -> (Message, Hint) {
    let quoted_after = |marker: &str| {
        let (_, rest) = message.split_once(marker)?;
        let (name, rest) = rest.split_once('"')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    if let Some((program, rest)) = quoted_after("exec: \"").or_else(|| quoted_after("exec \"")) {
        if rest.contains("not found in $PATH") || rest.contains("no such file or directory") {
            return (message!("the image has no program `{}`", program), PROGRAM);
        }
        if rest.contains("permission denied") {
            return (message!("`{}` is not an executable file", program), PROGRAM);
        }
    }
    if let Some((_, user)) = message.split_once("unable to find user ") {
        return (message!("the image has no user `{}`", user.split(':').next().unwrap_or(user).trim()), USER);
    }
    let hint = START_TROUBLES.iter().find(|(part, _)| message.contains(part)).map_or(no_hint as Hint, |(_, hint)| *hint);
    (Message::verbatim(message.trim_end_matches(": unknown")), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError { status_code, message: message.to_owned() }
    }

    #[test]
    fn a_computer_without_descriptors_is_no_silent_engine_and_no_full_disk() {
        let open_files = || Error::IOError { err: std::io::Error::from_raw_os_error(24) };
        assert!(!is_transport(&open_files()));
        for error in [call(Message::verbatim("list"), &open_files()), start("build", &open_files()), image("node:20", &open_files())] {
            assert!(matches!(error, BackendError::Call { .. }) && error.hint().to_string().contains("`ulimit -n`"), "{error:?}");
        }
        assert!(is_transport(&Error::IOError { err: std::io::Error::from_raw_os_error(111) }), "nobody listens there");
    }

    #[test]
    fn a_runtime_message_is_cut_to_the_point() {
        let long = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
        let table = [
            (r#"exec: "nope": executable file not found in $PATH: unknown"#, "the image has no program `nope`"),
            (r#"exec: "/bin/nope": stat /bin/nope: no such file or directory: unknown"#, "the image has no program `/bin/nope`"),
            (r#"exec: "/etc": permission denied: unknown"#, "`/etc` is not an executable file"),
            ("unable to find user ann: no matching entries in passwd file", "the image has no user `ann`"),
        ];
        for (tail, expected) in table {
            assert_eq!(start_reason(&format!("{long}{tail}")).0, expected);
        }
        assert_eq!(start_reason("mkdir x: not a directory: unknown").0, "mkdir x: not a directory");
    }

    /// Answers of Docker 20.10 and newer, of Docker Desktop, and of Podman.
    #[test]
    fn what_to_do_follows_from_what_failed() {
        let table: [(&str, Hint); 15] = [
            (r#"exec: "nope": executable file not found in $PATH: unknown"#, PROGRAM),
            ("unable to find user ann: no matching entries in passwd file", USER),
            (r#"invalid mount config for type "bind": bind source path does not exist: /nowhere"#, VOLUMES),
            ("error while creating mount source path '/proc/x': mkdir /proc/x: no such file or directory", VOLUMES),
            ("statfs /nowhere: no such file or directory", VOLUMES),
            ("Duplicate mount point: /drone", VOLUMES),
            ("Mounts denied: \nThe path /data is not shared from the host and is not known to Docker.", SHARED_FOLDER),
            ("network nowhere not found", NETWORK),
            (r#"bad format for add-host: "db""#, HOSTS),
            ("invalid IP address: example.com", DNS),
            ("Minimum memory limit allowed is 6MB", MEMORY),
            ("OCI runtime create failed: mkdir /etc/passwd: not a directory: unknown", FOLDER),
            (r#"error mounting "sysfs" to rootfs at "/sys": operation not permitted"#, RIGHTS),
            ("unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: permission denied", RIGHTS),
            ("something else", no_hint),
        ];
        for (message, hint) in table {
            assert_eq!(start_reason(message).1(), hint(), "{message}");
        }
    }

    #[test]
    fn kinds() {
        let full = refused(500, "write /x: no space left on device");
        assert!(matches!(call(Message::verbatim("x"), &full), BackendError::DiskFull { .. }));
        assert!(matches!(start("x", &full), BackendError::DiskFull { .. }));
        assert!(matches!(image("x", &full), BackendError::DiskFull { .. }));
        assert!(matches!(image("x", &Error::RequestTimeoutError), BackendError::Image { .. }));
        assert!(matches!(call(Message::verbatim("x"), &Error::RequestTimeoutError), BackendError::Unreachable { .. }));
        assert!(matches!(start("x", &refused(400, "bad")), BackendError::Start { .. }));
        assert!(matches!(call(Message::verbatim("x"), &refused(500, "bad")), BackendError::Call { .. }));
    }
}
